# What is shown and read: the demo, the design notes.
EXTRA_DIST += %D%/demo/demo.sh %D%/demo/wordnet.awk
dist_doc_DATA = README.md NEWS LICENSE %D%/AGENTS.md
designdir = $(docdir)/design
dist_design_DATA = \
	%D%/doc/design/README.md \
	%D%/doc/design/generations.md \
	%D%/doc/design/group-commit.md \
	%D%/doc/design/integers-decide.md \
	%D%/doc/design/log-as-files.md \
	%D%/doc/design/one-tokenizer.md
