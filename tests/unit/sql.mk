# unit tests of lib/sql
check_PROGRAMS += tests/unit/test_sql
tests_unit_test_sql_SOURCES = %D%/test_sql.c
