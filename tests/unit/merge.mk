# unit tests of lib/merge
check_PROGRAMS += tests/unit/test_merge_read
tests_unit_test_merge_read_SOURCES = tests/unit/test_merge_read.c tests/lib/frames.h
check_PROGRAMS += tests/unit/test_merge_code
tests_unit_test_merge_code_SOURCES = tests/unit/test_merge_code.c tests/lib/frames.h
