# The manual against what it describes.
TESTS += %D%/lint.sh %D%/links.sh %D%/options.sh %D%/settings.sh %D%/examples.sh
EXTRA_DIST += %D%/lint.sh %D%/links.sh %D%/options.sh %D%/settings.sh %D%/examples.sh

check_PROGRAMS += tests/man/test_formats
tests_man_test_formats_SOURCES = tests/man/test_formats.c tests/man/test_formats_session.c \
	tests/man/test_formats_view.c tests/man/dump.c \
	tests/man/dump.h $(MODELSTORE)
