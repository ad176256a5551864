# The manual against what it describes.
TESTS += %D%/lint.sh
EXTRA_DIST += %D%/lint.sh %D%/options.sh %D%/examples.sh
EXTRA_DIST += tests/lib/tap.sh
