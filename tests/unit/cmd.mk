# unit tests of cmd/common: the parts of the programs that need no store
CMD_UNIT_LDADD = libcmd.la libeng_all.la
check_PROGRAMS += \
	tests/unit/test_cmd_import \
	tests/unit/test_cmd_lines \
	tests/unit/test_cmd_opt \
	tests/unit/test_cmd_record \
	tests/unit/test_cmd_text
tests_unit_test_cmd_import_SOURCES = tests/unit/test_cmd_import.c
tests_unit_test_cmd_import_LDADD = $(CMD_UNIT_LDADD)
tests_unit_test_cmd_lines_SOURCES = tests/unit/test_cmd_lines.c
tests_unit_test_cmd_lines_LDADD = $(CMD_UNIT_LDADD)
tests_unit_test_cmd_opt_SOURCES = tests/unit/test_cmd_opt.c
tests_unit_test_cmd_opt_LDADD = $(CMD_UNIT_LDADD)
tests_unit_test_cmd_record_SOURCES = tests/unit/test_cmd_record.c
tests_unit_test_cmd_record_LDADD = $(CMD_UNIT_LDADD)
tests_unit_test_cmd_text_SOURCES = tests/unit/test_cmd_text.c
tests_unit_test_cmd_text_LDADD = $(CMD_UNIT_LDADD)
