ENGRAM_AREAS += libeng_consolidate.la
libeng_consolidate_la_SOURCES =
EXTRA_DIST += %D%/README.md
