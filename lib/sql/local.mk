ENGRAM_AREAS += libeng_sql.la
libeng_sql_la_SOURCES = %D%/sql.h %D%/sql_int.h %D%/load.c %D%/sql.c %D%/foreign.c %D%/fts5.c
EXTRA_DIST += %D%/README.md
