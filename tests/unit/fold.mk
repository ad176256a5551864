# unit tests of lib/fold
check_PROGRAMS += tests/unit/test_fold tests/unit/test_fold_damage
FOLD_FIXTURE = tests/lib/foldfix.c tests/lib/foldfix.h tests/lib/tmpdir.h
tests_unit_test_fold_SOURCES = tests/unit/test_fold.c $(FOLD_FIXTURE)
tests_unit_test_fold_LDADD = $(LDADD) -lpthread
tests_unit_test_fold_damage_SOURCES = tests/unit/test_fold_damage.c $(FOLD_FIXTURE)
tests_unit_test_fold_damage_LDADD = $(LDADD) -lpthread
