# unit tests of lib/log
logfix = tests/unit/logfix.c tests/unit/logfix.h

check_PROGRAMS += \
	tests/unit/test_log_append \
	tests/unit/test_log_branch \
	tests/unit/test_log_damage \
	tests/unit/test_log_faults \
	tests/unit/test_log_writers
tests_unit_test_log_append_SOURCES = tests/unit/test_log_append.c $(logfix)
tests_unit_test_log_branch_SOURCES = tests/unit/test_log_branch.c $(logfix)
tests_unit_test_log_damage_SOURCES = tests/unit/test_log_damage.c $(logfix)
tests_unit_test_log_faults_SOURCES = tests/unit/test_log_faults.c $(logfix)
tests_unit_test_log_writers_SOURCES = tests/unit/test_log_writers.c $(logfix)
