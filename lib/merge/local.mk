ENGRAM_AREAS += libeng_merge.la
libeng_merge_la_SOURCES = \
	%D%/item.h \
	%D%/digest.h \
	%D%/edge.h \
	%D%/merge_int.h \
	%D%/varint.h \
	%D%/as_of.c \
	%D%/code.c \
	%D%/conflict.c \
	%D%/digest.c \
	%D%/edge.c \
	%D%/edge_code.c \
	%D%/evidence.c \
	%D%/item.c \
	%D%/kind.c \
	%D%/live.c \
	%D%/purge.c \
	%D%/read.c
EXTRA_DIST += %D%/README.md
