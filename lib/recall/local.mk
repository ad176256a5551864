ENGRAM_AREAS += libeng_recall.la
libeng_recall_la_SOURCES = %D%/recall_int.h %D%/near.h %D%/near.c %D%/filter.c %D%/candidates.c \
	%D%/fuse.c %D%/retention.c %D%/confidence.c %D%/evidence.c %D%/learn.c %D%/recall.c %D%/vector.c
EXTRA_DIST += %D%/README.md
