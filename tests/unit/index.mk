# unit tests of lib/index
check_PROGRAMS += tests/unit/test_index_flat tests/unit/test_index_hnsw tests/unit/test_index_same
tests_unit_test_index_flat_SOURCES = %D%/test_index_flat.c
tests_unit_test_index_hnsw_SOURCES = %D%/test_index_hnsw.c
tests_unit_test_index_same_SOURCES = %D%/test_index_same.c
THREAD_TESTS += tests/unit/test_index_hnsw tests/unit/test_index_same

# Every compiler, the same graphs: make check-index-same.
EXTRA_DIST += %D%/index_same.sh
.PHONY: check-index-same
check-index-same:
	$(AM_TESTS_ENVIRONMENT) $(SHELL) $(srcdir)/%D%/index_same.sh
