ENGRAM_AREAS += libeng_index.la
libeng_index_la_SOURCES =
EXTRA_DIST += %D%/README.md
