# unit tests of lib/base
check_PROGRAMS += \
	tests/unit/test_base_alloc \
	tests/unit/test_base_float \
	tests/unit/test_base_hash \
	tests/unit/test_base_json \
	tests/unit/test_base_json_peers \
	tests/unit/test_base_text \
	tests/unit/test_base_time \
	tests/unit/test_base_toml \
	tests/unit/test_base_vec
tests_unit_test_base_alloc_SOURCES = tests/unit/test_base_alloc.c
tests_unit_test_base_float_SOURCES = tests/unit/test_base_float.c
tests_unit_test_base_float_LDADD = $(LDADD) -lm
tests_unit_test_base_hash_SOURCES = tests/unit/test_base_hash.c
tests_unit_test_base_json_SOURCES = tests/unit/test_base_json.c
tests_unit_test_base_json_peers_SOURCES = tests/unit/test_base_json_peers.c
if HAVE_JANSSON
tests_unit_test_base_json_peers_CPPFLAGS = $(AM_CPPFLAGS) -DHAVE_JANSSON $(JANSSON_CFLAGS)
tests_unit_test_base_json_peers_LDADD = $(LDADD) $(JANSSON_LIBS)
endif
tests_unit_test_base_text_SOURCES = tests/unit/test_base_text.c
tests_unit_test_base_time_SOURCES = tests/unit/test_base_time.c
tests_unit_test_base_toml_SOURCES = tests/unit/test_base_toml.c
tests_unit_test_base_vec_SOURCES = tests/unit/test_base_vec.c
tests_unit_test_base_vec_LDADD = $(LDADD) -lm
EXTRA_DIST += tests/lib/failalloc.h tests/lib/feed.h tests/lib/jsoncopy.h tests/lib/jsongen.h
# The reader of settings beside Python's.
EXTRA_PROGRAMS += tests/unit/toml_dump
tests_unit_toml_dump_SOURCES = tests/unit/toml_dump.c
tests/unit/toml_peer.log: tests/unit/toml_dump$(EXEEXT)
CLEANFILES += tests/unit/toml_dump$(EXEEXT)
TESTS += tests/unit/toml_peer.sh
EXTRA_DIST += tests/unit/toml_peer.sh tests/unit/toml_peer.py
