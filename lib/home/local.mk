# home
ENGRAM_AREAS += libeng_home.la
libeng_home_la_SOURCES = \
	%D%/home.c \
	%D%/name.c \
	%D%/home.h
EXTRA_DIST += %D%/README.md
