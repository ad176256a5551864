# unit tests of lib/store
check_PROGRAMS += tests/unit/test_store_basic tests/unit/test_store_gather tests/unit/test_store_faults tests/unit/test_store_threads
tests_unit_test_store_basic_SOURCES = tests/unit/test_store_basic.c tests/lib/stores.h tests/lib/tmpdir.h
tests_unit_test_store_gather_SOURCES = tests/unit/test_store_gather.c tests/lib/stores.h tests/lib/tmpdir.h
tests_unit_test_store_faults_SOURCES = tests/unit/test_store_faults.c tests/lib/tmpdir.h
tests_unit_test_store_threads_SOURCES = tests/unit/test_store_threads.c tests/lib/tmpdir.h
tests_unit_test_store_threads_LDADD = $(LDADD) -lpthread
THREAD_TESTS += tests/unit/test_store_threads
