# The simulator: README.md tells what it simulates and how a failure is repeated.
EXTRA_DIST += %D%/README.md \
	%D%/tapes/converge-8158.tape %D%/tapes/session-11912.tape

sim_world = \
	%D%/kernel.h %D%/kernel.c \
	%D%/disk.h %D%/disk.c \
	%D%/state.h %D%/state.c %D%/purge.c \
	%D%/node.h %D%/node.c \
	%D%/seat.h %D%/seat.c \
	%D%/net.h %D%/net.c \
	%D%/work.h %D%/work.c \
	%D%/world.h %D%/world.c \
	%D%/check.h %D%/check.c \
	%D%/shrink.h %D%/shrink.c

check_PROGRAMS += %D%/test_sim
tests_sim_test_sim_SOURCES = %D%/main.c $(sim_world)
tests_sim_test_sim_CPPFLAGS = $(AM_CPPFLAGS) -I$(builddir)/%D%


# What a failure names.
%D%/commit.h: FORCE
	@$(MKDIR_P) %D% && \
	echo "#define SIM_COMMIT \"$$(git -C '$(top_srcdir)' describe --always --dirty 2>/dev/null || cat '$(top_srcdir)/VERSION')\"" >$@.tmp && \
	if cmp -s $@.tmp $@; then rm -f $@.tmp; else mv -f $@.tmp $@; fi
FORCE:
%D%/test_sim-main.$(OBJEXT): %D%/commit.h
MOSTLYCLEANFILES += %D%/commit.h

# make check-sim SEEDS=20000 SEED=1
SEEDS = 20000
SEED = 1
.PHONY: check-sim
check-sim: %D%/test_sim
	SIM_SEEDS=$(SEEDS) SIM_SEED=$(SEED) %D%/test_sim

# The same over lib/merge and lib/sync compiled again with bugs in them.
check_PROGRAMS += %D%/test_planted
tests_sim_test_planted_SOURCES = %D%/test_planted.c $(sim_world) $(libeng_merge_la_SOURCES) $(libeng_sync_la_SOURCES)
tests_sim_test_planted_CPPFLAGS = $(AM_CPPFLAGS) -DENG_PLANTABLE
tests_sim_test_planted_LDADD = libeng_frame.la libeng_base.la

# The model against a real space.
check_PROGRAMS += %D%/test_real
tests_sim_test_real_SOURCES = %D%/test_real.c $(sim_world)

# Every compiler, the same traces: make check-sim-same.
EXTRA_DIST += %D%/same.sh
.PHONY: check-sim-same
check-sim-same: %D%/commit.h
	$(AM_TESTS_ENVIRONMENT) $(SHELL) $(srcdir)/%D%/same.sh
