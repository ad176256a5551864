ENGRAM_AREAS += libeng_store.la
libeng_store_la_SOURCES = \
	%D%/store.h \
	%D%/store_int.h \
	%D%/error.c \
	%D%/gather.c \
	%D%/registry.c \
	%D%/seal.c \
	%D%/store.c \
	%D%/txn.c \
	%D%/walk.c
EXTRA_DIST += %D%/README.md
