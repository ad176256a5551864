# unit tests of lib/text
check_PROGRAMS += tests/unit/test_text_words
tests_unit_test_text_words_SOURCES = %D%/test_text_words.c
check_PROGRAMS += tests/unit/test_text_hash1
tests_unit_test_text_hash1_SOURCES = %D%/test_text_hash1.c
check_PROGRAMS += tests/unit/test_text_query
tests_unit_test_text_query_SOURCES = %D%/test_text_query.c
tests_unit_test_text_query_LDADD = $(LDADD) -lm
check_PROGRAMS += tests/unit/test_text_fts
tests_unit_test_text_fts_SOURCES = %D%/test_text_fts.c
TESTS += %D%/text_same.sh
EXTRA_DIST += %D%/text_same.sh
