ENGRAM_AREAS += libeng_log.la
libeng_log_la_SOURCES = \
	%D%/log.h %D%/locks.h %D%/mark.h %D%/log_int.h \
	%D%/append.c %D%/branch.c %D%/check.c %D%/cursor.c %D%/drop.c %D%/flush.c %D%/lock.c \
	%D%/log.c %D%/mark.c %D%/mint.c \
	%D%/receive.c %D%/recover.c %D%/salvage.c %D%/scan.c %D%/segment.c %D%/series.c %D%/stub.c %D%/window.c
EXTRA_DIST += %D%/README.md
