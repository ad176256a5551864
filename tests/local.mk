# Tests.  C tests and bats files speak TAP; automake's driver counts them.
#
# A C test is check_PROGRAMS += tests/unit/test_x with
#   tests_unit_test_x_SOURCES = tests/unit/test_x.c
# and links libeng_all.la; a bats file is TESTS += tests/cli/x.bats.

# A test that hangs is a failure, not the end of the run: each has five minutes.
TEST_EXTENSIONS = .bats .sh
TIMEOUT = timeout -k 10 300
LOG_DRIVER = env AM_TAP_AWK='$(AWK)' $(SHELL) $(top_srcdir)/build-aux/tap-driver.sh
LOG_COMPILER = $(TIMEOUT)
SH_LOG_DRIVER = $(LOG_DRIVER)
SH_LOG_COMPILER = $(TIMEOUT) $(SHELL)
BATS_LOG_DRIVER = $(LOG_DRIVER)
BATS_LOG_COMPILER = $(TIMEOUT) $(BATS) --formatter tap
AM_TESTS_ENVIRONMENT = \
	LC_ALL=C.UTF-8; export LC_ALL; \
	top_srcdir='$(abs_top_srcdir)'; export top_srcdir; \
	top_builddir='$(abs_top_builddir)'; export top_builddir; \
	CC='$(CC)'; export CC; \
	NM='$(NM)'; export NM; \
	MANDOC='$(MANDOC)'; export MANDOC; \
	SHELLCHECK='$(SHELLCHECK)'; export SHELLCHECK;

# Tests that start threads: make check-long runs them under ThreadSanitizer.
THREAD_TESTS =

LDADD = libeng_all.la

EXTRA_DIST += %D%/README.md %D%/lib/tap.h %D%/lib/tap.sh

include %D%/checks/local.mk
include %D%/unit/local.mk
include %D%/prop/local.mk
include %D%/fuzz/local.mk
include %D%/crash/local.mk
include %D%/sim/local.mk
include %D%/cli/local.mk
include %D%/golden/local.mk
include %D%/man/local.mk
include %D%/long/local.mk

TESTS += $(check_PROGRAMS)
