# The programs and their common part.  Each is one binary: the library is linked
# in, so that a start loads LMDB and the C library only.
AM_CPPFLAGS += -I$(srcdir)/%D%

noinst_LTLIBRARIES += libcmd.la
libcmd_la_SOURCES = \
	%D%/common/cli.c %D%/common/cli.h \
	%D%/common/clock.c %D%/common/clock.h \
	%D%/common/crash.c %D%/common/crash.h \
	%D%/common/embed.c %D%/common/embed.h \
	%D%/common/help.c %D%/common/help.h \
	%D%/common/lines.c %D%/common/lines.h \
	%D%/common/opt.c %D%/common/opt.h \
	%D%/common/out.c %D%/common/out.h \
	%D%/common/progress.c %D%/common/progress.h \
	%D%/common/record.h %D%/common/record_int.h \
	%D%/common/record_cell.c \
	%D%/common/record_links.c \
	%D%/common/record_read.c \
	%D%/common/record_write.c \
	%D%/common/row.c %D%/common/row.h \
	%D%/common/settings.c %D%/common/settings.h \
	%D%/common/stop.c %D%/common/stop.h \
	%D%/common/stream.c %D%/common/stream.h \
	%D%/common/text.c %D%/common/text.h \
	%D%/import/columns.c %D%/import/columns.h \
	%D%/import/ndjson.c \
	%D%/import/records.c \
	%D%/import/source.c %D%/import/source.h \
	%D%/import/spool.c %D%/import/spool.h \
	%D%/import/sqlite.c \
	%D%/import/text_lines.c \
	%D%/import/tsv.c \
	%D%/import/vectors.c %D%/import/vectors.h

bin_PROGRAMS += engram-store engram-recall engram-consolidate engram-shipwal

engram_store_SOURCES = \
	%D%/engram-store.c \
	%D%/store-jobs.h \
	%D%/store-batch.c \
	%D%/store-conflicts.c \
	%D%/store-edit.c \
	%D%/store-embed.c \
	%D%/store-fold.c \
	%D%/store-import.c \
	%D%/store-known.c \
	%D%/store-put.c \
	%D%/store-spaces.c
engram_store_LDADD = libcmd.la libeng_all.la

engram_recall_SOURCES = \
	%D%/engram-recall.c \
	%D%/recall-jobs.h \
	%D%/recall-cue.c \
	%D%/recall-learn.c \
	%D%/recall-print.c
engram_recall_LDADD = libcmd.la libeng_all.la

engram_consolidate_SOURCES = \
	%D%/engram-consolidate.c \
	%D%/consolidate-jobs.h \
	%D%/consolidate-report.c
engram_consolidate_LDADD = libcmd.la libeng_all.la

engram_shipwal_SOURCES = \
	%D%/engram-shipwal.c \
	%D%/shipwal-jobs.h \
	%D%/shipwal-log.c \
	%D%/shipwal-move.c \
	%D%/shipwal-peer.c %D%/shipwal-peer.h
engram_shipwal_LDADD = libcmd.la libeng_all.la

EXTRA_DIST += %D%/README.md
