# Property tests: laws over random cases, seeds printed.
check_PROGRAMS += tests/prop/test_merge_laws
tests_prop_test_merge_laws_SOURCES = tests/prop/test_merge_laws.c tests/lib/frames.h
check_PROGRAMS += tests/prop/test_edge_laws
tests_prop_test_edge_laws_SOURCES = tests/prop/test_edge_laws.c
