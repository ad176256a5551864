# consolidate
ENGRAM_AREAS += libeng_consolidate.la
libeng_consolidate_la_SOURCES = \
	%D%/consolidate.c %D%/reembed.c
EXTRA_DIST += %D%/README.md
