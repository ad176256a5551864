# What is shown and read: the demo, the design notes.
EXTRA_DIST += %D%/demo/demo.sh %D%/demo/wordnet.awk
dist_doc_DATA = README.md NEWS LICENSE %D%/AGENTS.md
designdir = $(docdir)/design
dist_design_DATA = \
	%D%/doc/design/README.md \
	%D%/doc/design/embedders.md \
	%D%/doc/design/folds.md \
	%D%/doc/design/generations.md \
	%D%/doc/design/group-commit.md \
	%D%/doc/design/integers-decide.md \
	%D%/doc/design/log-as-files.md \
	%D%/doc/design/one-tokenizer.md \
	%D%/doc/design/same-graph.md

# Completions, made from the option tables of the programs that were just built;
# not where these cannot run.
EXTRA_DIST += %D%/completions/generate.awk
if COMPLETIONS
bashcompdir = $(BASH_COMPLETION_DIR)
zshcompdir = $(ZSH_COMPLETION_DIR)
fishcompdir = $(FISH_COMPLETION_DIR)
nodist_bashcomp_DATA = \
	%D%/completions/bash/engram-store \
	%D%/completions/bash/engram-recall \
	%D%/completions/bash/engram-consolidate \
	%D%/completions/bash/engram-shipwal
nodist_zshcomp_DATA = \
	%D%/completions/zsh/_engram-store \
	%D%/completions/zsh/_engram-recall \
	%D%/completions/zsh/_engram-consolidate \
	%D%/completions/zsh/_engram-shipwal
nodist_fishcomp_DATA = \
	%D%/completions/fish/engram-store.fish \
	%D%/completions/fish/engram-recall.fish \
	%D%/completions/fish/engram-consolidate.fish \
	%D%/completions/fish/engram-shipwal.fish
CLEANFILES += $(nodist_bashcomp_DATA) $(nodist_zshcomp_DATA) $(nodist_fishcomp_DATA)

COMPLETION = $(AM_V_GEN)$(MKDIR_P) $(@D) && ./$*$(EXEEXT) --help=options >$@.table && \
	./$*$(EXEEXT) --help=verbs >$@.verbs && $(AWK) -v program=$* -v shell=$(notdir $(@D)) -v verbs=$@.verbs \
	-f $(srcdir)/%D%/completions/generate.awk $@.table >$@.new && rm $@.table $@.verbs && mv $@.new $@
%D%/completions/bash/%: %$(EXEEXT) %D%/completions/generate.awk
	$(COMPLETION)
%D%/completions/zsh/_%: %$(EXEEXT) %D%/completions/generate.awk
	$(COMPLETION)
%D%/completions/fish/%.fish: %$(EXEEXT) %D%/completions/generate.awk
	$(COMPLETION)
endif
# When to bring stores together: to copy and change.
scheduledir = $(pkgdatadir)/schedule
dist_schedule_DATA = \
	%D%/schedule/engram-sync.crontab \
	%D%/schedule/engram-sync@.service \
	%D%/schedule/engram-sync@.timer
# Filters for ENGRAM_EMBED_COMMAND.
embeddersdir = $(pkgdatadir)/embedders
dist_embedders_SCRIPTS = \
	%D%/embedders/engram-embed-fasttext \
	%D%/embedders/engram-embed-http \
	%D%/embedders/engram-embed-llama
