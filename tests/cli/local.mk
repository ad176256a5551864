# The programs, driven as a user drives them; simplest first.
CLI_TESTS = \
	%D%/conventions.bats \
	%D%/config.bats \
	%D%/completion.bats \
	%D%/first_minutes.bats \
	%D%/first_minutes_words.bats \
	%D%/store.bats \
	%D%/recall.bats \
	%D%/recall_graph.bats \
	%D%/agents.bats \
	%D%/newcomer.bats \
	%D%/json.bats \
	%D%/consolidate.bats \
	%D%/consolidate_fold.bats \
	%D%/roundtrip.bats \
	%D%/series.bats \
	%D%/import.bats \
	%D%/embed.bats \
	%D%/bad_input.bats \
	%D%/evidence.bats \
	%D%/same_view.bats \
	%D%/shipwal.bats \
	%D%/shipwal_ssh.bats \
	%D%/faults.bats \
	%D%/fold_faults.bats \
	%D%/sync_faults.bats \
	%D%/forget_everywhere.bats
TESTS += $(CLI_TESTS)
EXTRA_DIST += $(CLI_TESTS) %D%/json-keys.txt tests/lib/engram.bash

# What a bats file loads before a program.
check_LTLIBRARIES += tests/lib/failsync.la
tests_lib_failsync_la_SOURCES = tests/lib/failsync.c
tests_lib_failsync_la_LDFLAGS = -module -avoid-version -shared -rpath /none
tests_lib_failsync_la_LIBADD = -ldl
