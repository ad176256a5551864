# libengramcore: one convenience library per area, then shared and static.

include_HEADERS = %D%/engram.h
pkgconfigdir = $(libdir)/pkgconfig
pkgconfig_DATA = %D%/engramcore.pc

ENGRAM_AREAS =
include %D%/base/local.mk
include %D%/frame/local.mk
include %D%/merge/local.mk
include %D%/sys/local.mk
include %D%/log/local.mk
include %D%/store/local.mk
include %D%/config/local.mk
include %D%/sql/local.mk
include %D%/text/local.mk
include %D%/index/local.mk
include %D%/fold/local.mk
include %D%/embed/local.mk
include %D%/space/local.mk
include %D%/sync/local.mk
include %D%/recall/local.mk
include %D%/consolidate/local.mk
include %D%/home/local.mk

noinst_LTLIBRARIES += $(ENGRAM_AREAS)

lib_LTLIBRARIES += libengramcore.la
libengramcore_la_SOURCES =
libengramcore_la_LIBADD = $(ENGRAM_AREAS) $(LMDB_LIBS)
libengramcore_la_LDFLAGS = $(AM_LDFLAGS) -version-info $(ENGRAM_LT_VERSION) \
	-Wl,--version-script=$(srcdir)/%D%/libengramcore.map
EXTRA_libengramcore_la_DEPENDENCIES = %D%/libengramcore.map
EXTRA_DIST += %D%/libengramcore.map

# What unit tests and benches link: the areas with their internal symbols.
noinst_LTLIBRARIES += libeng_all.la
libeng_all_la_SOURCES =
libeng_all_la_LIBADD = $(ENGRAM_AREAS) $(LMDB_LIBS)
