# What is shown and read: the demo, the design notes.
EXTRA_DIST += %D%/demo/demo.sh %D%/demo/wordnet.awk
