# Checks of the sources and of what is built, not of behaviour.
TESTS += %D%/layers.sh %D%/imports.sh %D%/symbols.sh %D%/text.sh
EXTRA_DIST += %D%/layers.sh %D%/imports.sh %D%/symbols.sh %D%/text.sh \
	%D%/layers.awk %D%/layers.txt %D%/imports.awk %D%/denied.txt %D%/denied-except.txt %D%/text.awk
