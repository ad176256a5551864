ENGRAM_AREAS += libeng_fold.la
libeng_fold_la_SOURCES = \
	%D%/check.c \
	%D%/fold.h \
	%D%/fold_int.h \
	%D%/format.c \
	%D%/read.c \
	%D%/write.c
EXTRA_DIST += %D%/README.md
