# Property tests: laws over random cases, seeds printed.
check_PROGRAMS += %D%/test_merge_laws %D%/test_edge_laws %D%/test_join_laws %D%/test_replay_laws
tests_prop_test_merge_laws_SOURCES = %D%/test_merge_laws.c %D%/laws.h tests/lib/frames.h
tests_prop_test_edge_laws_SOURCES = %D%/test_edge_laws.c %D%/laws.h
tests_prop_test_join_laws_SOURCES = %D%/test_join_laws.c %D%/laws.h %D%/lives.h
tests_prop_test_replay_laws_SOURCES = %D%/test_replay_laws.c %D%/laws.h %D%/lives.h

# That laws can break: lib/merge is compiled again, with deviations to choose from.
check_LTLIBRARIES += libeng_planted.la
libeng_planted_la_SOURCES = $(libeng_merge_la_SOURCES)
libeng_planted_la_CPPFLAGS = $(AM_CPPFLAGS) -DENG_PLANTABLE
planted_laws = libeng_planted.la libeng_frame.la libeng_base.la
check_PROGRAMS += %D%/test_join_laws_planted %D%/test_replay_laws_planted
tests_prop_test_join_laws_planted_SOURCES = $(tests_prop_test_join_laws_SOURCES)
tests_prop_test_join_laws_planted_CPPFLAGS = $(AM_CPPFLAGS) -DENG_PLANTABLE
tests_prop_test_join_laws_planted_LDADD = $(planted_laws)
tests_prop_test_replay_laws_planted_SOURCES = $(tests_prop_test_replay_laws_SOURCES)
tests_prop_test_replay_laws_planted_CPPFLAGS = $(AM_CPPFLAGS) -DENG_PLANTABLE
tests_prop_test_replay_laws_planted_LDADD = $(planted_laws)

# A million cases of each law: make check-laws-long, 7 minutes of one core.
LAW_TESTS = %D%/test_merge_laws %D%/test_edge_laws %D%/test_join_laws %D%/test_replay_laws
.PHONY: check-laws-long
check-laws-long: $(LAW_TESTS)
	for t in $(LAW_TESTS); do ENGRAM_LAW_CASES=1000000 ./$$t || exit 1; done
