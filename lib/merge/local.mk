ENGRAM_AREAS += libeng_merge.la
libeng_merge_la_SOURCES =
EXTRA_DIST += %D%/README.md
