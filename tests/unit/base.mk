# unit tests of lib/base
check_PROGRAMS += \
	tests/unit/test_base_alloc \
	tests/unit/test_base_float \
	tests/unit/test_base_text \
	tests/unit/test_base_time \
	tests/unit/test_base_vec
tests_unit_test_base_alloc_SOURCES = tests/unit/test_base_alloc.c
tests_unit_test_base_float_SOURCES = tests/unit/test_base_float.c
tests_unit_test_base_float_LDADD = $(LDADD) -lm
tests_unit_test_base_text_SOURCES = tests/unit/test_base_text.c
tests_unit_test_base_time_SOURCES = tests/unit/test_base_time.c
tests_unit_test_base_vec_SOURCES = tests/unit/test_base_vec.c
tests_unit_test_base_vec_LDADD = $(LDADD) -lm
EXTRA_DIST += tests/lib/failalloc.h
