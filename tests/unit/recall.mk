# unit tests of lib/recall
check_PROGRAMS += tests/unit/test_recall_pure
tests_unit_test_recall_pure_SOURCES = %D%/test_recall_pure.c
tests_unit_test_recall_pure_LDADD = $(LDADD) -lm
check_PROGRAMS += tests/unit/test_recall_near
tests_unit_test_recall_near_SOURCES = %D%/test_recall_near.c
check_PROGRAMS += tests/unit/test_recall_fold
tests_unit_test_recall_fold_SOURCES = %D%/test_recall_fold.c
check_PROGRAMS += tests/unit/test_recall_space
tests_unit_test_recall_space_SOURCES = %D%/test_recall_space.c
check_PROGRAMS += tests/unit/test_recall_as_of
tests_unit_test_recall_as_of_SOURCES = %D%/test_recall_as_of.c
