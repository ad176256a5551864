ENGRAM_AREAS += libeng_index.la
libeng_index_la_SOURCES = %D%/flat.c %D%/index.h
EXTRA_DIST += %D%/README.md
