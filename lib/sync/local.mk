ENGRAM_AREAS += libeng_sync.la
libeng_sync_la_SOURCES = %D%/sync.h %D%/sync.c %D%/sync_int.h %D%/wire.h %D%/wire.c %D%/hello.c %D%/input.c \
	%D%/settle.c %D%/send.c %D%/compare.c
EXTRA_DIST += %D%/README.md
