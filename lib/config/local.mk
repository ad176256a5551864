ENGRAM_AREAS += libeng_config.la
libeng_config_la_SOURCES = \
	%D%/config.c %D%/config.h \
	%D%/schema.c
# Where the file for all users lies.
libeng_config_la_CPPFLAGS = $(AM_CPPFLAGS) -DENGRAM_SYSCONFDIR='"$(sysconfdir)"'
EXTRA_DIST += %D%/README.md
