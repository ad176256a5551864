# unit tests of lib/store
check_PROGRAMS += tests/unit/test_store_basic tests/unit/test_store_faults
tests_unit_test_store_basic_SOURCES = tests/unit/test_store_basic.c tests/lib/tmpdir.h
tests_unit_test_store_faults_SOURCES = tests/unit/test_store_faults.c tests/lib/tmpdir.h
