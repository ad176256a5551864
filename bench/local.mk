# Side by side with the peers: make bench.
#
# Figures depend on machine and disk, so nothing here is part of make check.

EXTRA_PROGRAMS += %D%/puts %D%/spawn %D%/bulk %D%/vectors %D%/noop %D%/flatscan
EXTRA_DIST += %D%/README.md %D%/RESULTS.md %D%/peers/import.py
measure = %D%/measure.c %D%/measure.h
bench_puts_SOURCES = %D%/puts.c $(measure)
bench_puts_LDADD = libeng_all.la $(SQLITE_LIBS) $(LMDB_LIBS)
bench_spawn_SOURCES = %D%/spawn.c $(measure)
bench_spawn_LDADD =
bench_bulk_SOURCES = %D%/bulk.c $(measure)
bench_bulk_LDADD =
bench_vectors_SOURCES = %D%/vectors.c $(measure)
bench_vectors_LDADD = libeng_all.la -lm
bench_noop_SOURCES = %D%/peers/noop.c
bench_noop_LDADD =
bench_flatscan_SOURCES = %D%/peers/flatscan.c
dist_noinst_SCRIPTS += %D%/run.sh
CLEANFILES += $(EXTRA_PROGRAMS) %D%/results.ndjson

.PHONY: bench
bench: all engram-store engram-recall engram-consolidate %D%/puts %D%/spawn %D%/bulk %D%/vectors %D%/noop \
	%D%/flatscan
	$(SHELL) $(srcdir)/%D%/run.sh '$(abs_builddir)' $(BENCH)

# Is the right memory found, and is the confidence right?  Fetches Debian's
# package descriptions.
EXTRA_PROGRAMS += %D%/retrieval/retrieval %D%/retrieval/calibrate
retrieval_task = %D%/retrieval/task.c %D%/retrieval/task.h
bench_retrieval_retrieval_SOURCES = %D%/retrieval/retrieval.c $(retrieval_task)
bench_retrieval_retrieval_LDADD = libeng_all.la -lm
bench_retrieval_calibrate_SOURCES = %D%/retrieval/calibrate.c $(retrieval_task)
bench_retrieval_calibrate_LDADD = libeng_all.la -lm
dist_noinst_SCRIPTS += %D%/data/deb.sh %D%/data/glosses.sh
EXTRA_DIST += %D%/retrieval/README.md

.PHONY: bench-retrieval bench-calibrate
bench-retrieval: %D%/retrieval/retrieval
	$(SHELL) $(srcdir)/%D%/data/deb.sh bench/data/retrieval
	rm -rf bench/data/retrieval/home
	%D%/retrieval/retrieval bench/data/retrieval/deb.tsv "$$PWD/bench/data/retrieval/home"

bench-calibrate: %D%/retrieval/calibrate
	$(SHELL) $(srcdir)/%D%/data/deb.sh bench/data/retrieval
	$(SHELL) $(srcdir)/%D%/data/glosses.sh bench/data/retrieval
	rm -rf bench/data/retrieval/calibrate
	%D%/retrieval/calibrate bench/data/retrieval/deb.tsv bench/data/retrieval/glosses \
		"$$PWD/bench/data/retrieval/calibrate"

clean-local: clean-bench-data
.PHONY: clean-bench-data
clean-bench-data:
	-rm -rf bench/data/oneshot bench/data/retrieval
