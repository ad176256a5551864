# Side by side with the peers: make bench.
#
# Figures depend on machine and disk, so nothing here is part of make check.

EXTRA_PROGRAMS += %D%/puts %D%/spawn %D%/bulk %D%/vectors %D%/noop %D%/flatscan %D%/sync \
	%D%/texts %D%/workload %D%/once
EXTRA_DIST += %D%/common.sh %D%/README.md %D%/RESULTS.md %D%/peers/import.py
measure = %D%/measure.c %D%/measure.h
measure_process = $(measure) %D%/process.c %D%/process.h
bench_puts_SOURCES = %D%/puts.c $(measure)
bench_puts_LDADD = libeng_all.la $(SQLITE_LIBS) $(LMDB_LIBS)
bench_spawn_SOURCES = %D%/spawn.c $(measure_process)
bench_spawn_LDADD =
bench_sync_SOURCES = %D%/sync.c $(measure)
bench_bulk_SOURCES = %D%/bulk.c $(measure_process)
bench_bulk_LDADD =
bench_vectors_SOURCES = %D%/vectors.c $(measure)
bench_vectors_LDADD = libeng_all.la -lm
bench_texts_SOURCES = %D%/texts.c $(measure)
bench_texts_LDADD = libeng_all.la
bench_workload_SOURCES = %D%/workload.c $(measure_process)
bench_workload_LDADD = libeng_all.la
bench_once_SOURCES = %D%/once.c $(measure_process)
bench_once_LDADD =
bench_noop_SOURCES = %D%/peers/noop.c
bench_noop_LDADD =
bench_flatscan_SOURCES = %D%/peers/flatscan.c
EXTRA_PROGRAMS += %D%/ann
bench_ann_SOURCES = %D%/ann.c $(measure)
bench_ann_CFLAGS = $(AM_CFLAGS) -O3
bench_ann_LDADD = libeng_all.la -lm -lpthread
EXTRA_DIST += %D%/peers/peer.h %D%/peers/hnswlib.cc %D%/peers/usearch.cc %D%/peers/faiss.cc %D%/peers/sqlite_vec.py \
	%D%/data/wink.py
dist_noinst_SCRIPTS += %D%/run.sh %D%/table.sh
CLEANFILES += $(EXTRA_PROGRAMS) %D%/results.ndjson %D%/ann-results/*

.PHONY: bench
bench: all engram-store engram-recall engram-consolidate engram-shipwal %D%/puts %D%/spawn %D%/bulk %D%/vectors %D%/noop \
	%D%/flatscan %D%/sync %D%/texts %D%/workload
	$(SHELL) $(srcdir)/%D%/run.sh '$(abs_builddir)' $(BENCH)

# The index beside the exact scan and the peers: JOB, SET, SIZE, PEERS and RESUME are explained in ann.sh.
.PHONY: bench-ann
bench-ann: all engram-store engram-recall engram-consolidate %D%/ann %D%/vectors %D%/texts %D%/spawn %D%/once %D%/noop
	SIZE='$(SIZE)' SET='$(SET)' RESUME='$(RESUME)' PEERS='$(PEERS)' $(SHELL) $(srcdir)/%D%/ann.sh '$(abs_builddir)' $(JOB)
dist_noinst_SCRIPTS += %D%/ann.sh %D%/ann-job.sh %D%/peers/build.sh

# Pictures of what the two found.
.PHONY: bench-plot
bench-plot:
	$(SHELL) $(srcdir)/%D%/plot.sh '$(abs_builddir)' $(PLOTS)
dist_noinst_SCRIPTS += %D%/plot.sh

# Is the right memory found, and is the confidence right?  Fetches the data of
# the tasks (bench/data/packages) once; RETRIEVAL_CACHE keeps it elsewhere.
EXTRA_PROGRAMS += %D%/retrieval/retrieval %D%/retrieval/calibrate
retrieval_task = %D%/retrieval/task.c %D%/retrieval/task.h %D%/retrieval/confidence.c %D%/retrieval/confidence.h
bench_retrieval_retrieval_SOURCES = %D%/retrieval/retrieval.c $(retrieval_task)
bench_retrieval_retrieval_LDADD = libeng_all.la -lm
bench_retrieval_calibrate_SOURCES = %D%/retrieval/calibrate.c $(retrieval_task)
bench_retrieval_calibrate_LDADD = libeng_all.la -lm
dist_noinst_SCRIPTS += %D%/data/deb.sh %D%/data/fetch.sh %D%/data/tasks.sh
EXTRA_DIST += %D%/retrieval/README.md %D%/data/README.md %D%/data/packages \
	%D%/data/gcide.py %D%/data/mail.py %D%/data/wordnet.py

TASKS = deb typo mail gcide syn
RETRIEVAL_CACHE = bench/data/retrieval

.PHONY: bench-retrieval bench-calibrate
bench-retrieval: %D%/retrieval/retrieval
	tasks=$$($(SHELL) $(srcdir)/%D%/data/tasks.sh '$(RETRIEVAL_CACHE)' $(TASKS)) && \
	{ [ -n "$$tasks" ] || { echo 'bench-retrieval: no task could be run' >&2; exit 1; }; } && \
	cache=$$(cd '$(RETRIEVAL_CACHE)' && pwd) && \
	%D%/retrieval/retrieval "$$cache" "$$cache/home" $$tasks

bench-calibrate: %D%/retrieval/calibrate
	$(SHELL) $(srcdir)/%D%/data/tasks.sh '$(RETRIEVAL_CACHE)' deb gcide
	cache=$$(cd '$(RETRIEVAL_CACHE)' && pwd) && \
	%D%/retrieval/calibrate "$$cache" "$$cache/home"

clean-local: clean-bench-data
.PHONY: clean-bench-data
clean-bench-data:
	-rm -rf bench/data/oneshot bench/data/retrieval bench/data/ann bench/plots
