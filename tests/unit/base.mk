# unit tests of lib/base
check_PROGRAMS += tests/unit/test_base_alloc
tests_unit_test_base_alloc_SOURCES = tests/unit/test_base_alloc.c
EXTRA_DIST += tests/lib/failalloc.h
