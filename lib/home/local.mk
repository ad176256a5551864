# home
ENGRAM_AREAS += libeng_home.la
libeng_home_la_SOURCES = \
	%D%/home.c \
	%D%/name.c \
	%D%/session.c \
	%D%/session.h \
	%D%/session_pipes.c \
	%D%/session_store.c \
	%D%/home.h
EXTRA_DIST += %D%/README.md
