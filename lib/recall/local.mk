ENGRAM_AREAS += libeng_recall.la
libeng_recall_la_SOURCES =
EXTRA_DIST += %D%/README.md
