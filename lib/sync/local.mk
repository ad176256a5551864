ENGRAM_AREAS += libeng_sync.la
libeng_sync_la_SOURCES = %D%/sync.h
EXTRA_DIST += %D%/README.md
