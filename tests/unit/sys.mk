# unit tests of lib/sys
check_PROGRAMS += tests/unit/test_sys_posix tests/unit/test_sys_workers
tests_unit_test_sys_posix_SOURCES = tests/unit/test_sys_posix.c
tests_unit_test_sys_workers_SOURCES = tests/unit/test_sys_workers.c
THREAD_TESTS += tests/unit/test_sys_workers
