# unit tests of lib/space, lib/home, lib/consolidate
spaces = tests/lib/spaces.h tests/lib/tmpdir.h
check_PROGRAMS += tests/unit/test_space_model
tests_unit_test_space_model_SOURCES = tests/unit/test_space_model.c $(spaces)
check_PROGRAMS += tests/unit/test_space_forget
tests_unit_test_space_forget_SOURCES = tests/unit/test_space_forget.c $(spaces)
check_PROGRAMS += tests/unit/test_space_read
tests_unit_test_space_read_SOURCES = tests/unit/test_space_read.c $(spaces)
check_PROGRAMS += tests/unit/test_home
tests_unit_test_home_SOURCES = tests/unit/test_home.c $(spaces)
check_PROGRAMS += tests/unit/test_space_threads
tests_unit_test_space_threads_SOURCES = tests/unit/test_space_threads.c $(spaces)
tests_unit_test_space_threads_LDADD = $(LDADD) -lpthread
THREAD_TESTS += tests/unit/test_space_threads
check_PROGRAMS += tests/unit/test_space_write
tests_unit_test_space_write_SOURCES = tests/unit/test_space_write.c $(spaces)
check_PROGRAMS += tests/unit/test_space_check
tests_unit_test_space_check_SOURCES = tests/unit/test_space_check.c $(spaces)
check_PROGRAMS += tests/unit/test_space_vectors
tests_unit_test_space_vectors_SOURCES = %D%/test_space_vectors.c
check_PROGRAMS += tests/unit/test_space_exchange
tests_unit_test_space_exchange_SOURCES = tests/unit/test_space_exchange.c $(spaces)
check_PROGRAMS += tests/unit/test_space_fork
tests_unit_test_space_fork_SOURCES = tests/unit/test_space_fork.c $(spaces)
check_PROGRAMS += tests/unit/test_space_kinds
tests_unit_test_space_kinds_SOURCES = tests/unit/test_space_kinds.c $(spaces)
tests_unit_test_space_kinds_LDFLAGS = -Wl,--wrap=eng_known_kind
