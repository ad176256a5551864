ENGRAM_AREAS += libeng_index.la
libeng_index_la_SOURCES = \
	%D%/flat.c \
	%D%/hnsw.c \
	%D%/hnsw_build.c \
	%D%/hnsw_build.h \
	%D%/hnsw_check.c \
	%D%/hnsw_finish.c \
	%D%/hnsw_load.c \
	%D%/hnsw_order.c \
	%D%/hnsw_rows.c \
	%D%/hnsw.h \
	%D%/hnsw_int.h \
	%D%/index.h
EXTRA_DIST += %D%/README.md
