ENGRAM_AREAS += libeng_store.la
libeng_store_la_SOURCES =
EXTRA_DIST += %D%/README.md
