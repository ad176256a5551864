# unit tests of lib/sys
check_PROGRAMS += tests/unit/test_sys_posix
tests_unit_test_sys_posix_SOURCES = tests/unit/test_sys_posix.c
