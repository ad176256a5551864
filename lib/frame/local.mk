ENGRAM_AREAS += libeng_frame.la
libeng_frame_la_SOURCES = \
	%D%/frame.h %D%/header.c \
	%D%/hlc.h %D%/hlc.c \
	%D%/payload.h %D%/payload.c %D%/id.c \
	%D%/segment.h %D%/segment.c \
	%D%/series.h %D%/series.c
EXTRA_DIST += %D%/README.md
