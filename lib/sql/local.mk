ENGRAM_AREAS += libeng_sql.la
libeng_sql_la_SOURCES =
EXTRA_DIST += %D%/README.md
