# Runs that take minutes and are asked for by name.
EXTRA_DIST += %D%/fresh.sh %D%/long.sh %D%/installed.sh %D%/consumer.c %D%/valgrind.supp

# What was installed, as its users meet it.
installcheck-local:
	top_srcdir='$(abs_top_srcdir)' top_builddir='$(abs_top_builddir)' CC='$(CC)' \
		$(SHELL) $(srcdir)/%D%/installed.sh '$(DESTDIR)' '$(bindir)' '$(libdir)'

.PHONY: check-fresh check-long check-threads check-valgrind
check-fresh:
	$(SHELL) $(srcdir)/%D%/fresh.sh $(srcdir)

check-long:
	$(SHELL) $(srcdir)/%D%/long.sh $(srcdir) '$(CC)'

# Test programs that start threads add themselves to THREAD_TESTS.
check-threads: $(THREAD_TESTS)
	$(MAKE) $(AM_MAKEFLAGS) check TESTS='$(THREAD_TESTS)'

# Full memory check of the unit tests, children left out.
VALGRIND_TESTS = $(filter tests/unit/%,$(check_PROGRAMS))
# LMDB and SQLite keep pointers into the middle of blocks, which valgrind calls
# possibly lost; and a child that ends holds what it got from its parent.
VALGRIND_FLAGS = --quiet --error-exitcode=99 --leak-check=full --errors-for-leak-kinds=definite \
	--show-leak-kinds=definite --suppressions=$(srcdir)/%D%/valgrind.supp \
	--trace-children=no --child-silent-after-fork=yes
VALGRIND_LOGS = $(addsuffix .vg,$(VALGRIND_TESTS))
check-valgrind: $(VALGRIND_LOGS)
# Each a target of its own: make -j runs them side by side, make -k all of them.
$(VALGRIND_LOGS): %.vg: %
	@echo "valgrind $<"
	@$(AM_TESTS_ENVIRONMENT) $(LIBTOOL) --mode=execute valgrind $(VALGRIND_FLAGS) ./$< >$@.tmp 2>&1 \
		|| { cat $@.tmp; exit 1; }
	@mv $@.tmp $@
CLEANFILES += tests/unit/*.vg tests/unit/*.vg.tmp
