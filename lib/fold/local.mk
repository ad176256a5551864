ENGRAM_AREAS += libeng_fold.la
libeng_fold_la_SOURCES = %D%/fold.h
EXTRA_DIST += %D%/README.md
