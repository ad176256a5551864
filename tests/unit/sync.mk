# unit tests of lib/sync
MODELSTORE = tests/lib/modelstore.c tests/lib/modelstore.h tests/lib/modelstore_int.h tests/lib/modelstate.c \
	tests/lib/modelseam.c \
	tests/lib/talk.h
check_PROGRAMS += tests/unit/test_sync_session
tests_unit_test_sync_session_SOURCES = tests/unit/test_sync_session.c $(MODELSTORE)
check_PROGRAMS += tests/unit/test_sync_file
tests_unit_test_sync_file_SOURCES = tests/unit/test_sync_file.c $(MODELSTORE)
check_PROGRAMS += tests/unit/test_sync_hostile
tests_unit_test_sync_hostile_SOURCES = tests/unit/test_sync_hostile.c $(MODELSTORE)
