# unit tests of lib/index
check_PROGRAMS += tests/unit/test_index_flat tests/unit/test_index_hnsw
tests_unit_test_index_flat_SOURCES = %D%/test_index_flat.c
tests_unit_test_index_hnsw_SOURCES = %D%/test_index_hnsw.c
