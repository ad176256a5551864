/* failalloc.h - an allocator that fails on demand and counts what lives.
 *
 *     static int open_and_close(void *data) { ...; return r; }
 *
 *     failalloc_each(open_and_close, &data, "opening a log");
 *
 * runs the function with its 1st, 2nd, 3rd ... allocation failing, until a run
 * needs no more; each failed run must answer ENGRAM_ENOMEM (or survive the
 * failure and answer 0), and each run must give back what it took.  Needs
 * tap.h.  Only what goes through base/alloc.h is seen: not LMDB, not SQLite.
 * Counters are atomic, so threads may allocate; which allocation is the n-th
 * is then up to the scheduler. */
#ifndef FAILALLOC_H
#define FAILALLOC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "engram.h"
#include "tap.h"

struct failalloc {
	long fail_at;  /* this one fails, counting from 1; 0 = none */
	bool and_after; /* and all later ones */
	long calls;    /* allocations and resizings asked for */
	long failures;
	long live;     /* given out and not yet released */
};

static void *failalloc_resize_(void *ctx, void *p, size_t n)
{
	struct failalloc *f = ctx;
	long call = __atomic_add_fetch(&f->calls, 1, __ATOMIC_RELAXED);
	void *q;

	if (f->fail_at && (call == f->fail_at || (f->and_after && call > f->fail_at))) {
		__atomic_add_fetch(&f->failures, 1, __ATOMIC_RELAXED);
		return NULL;
	}
	q = realloc(p, n);
	if (q && !p)
		__atomic_add_fetch(&f->live, 1, __ATOMIC_RELAXED);
	return q;
}

static void failalloc_release_(void *ctx, void *p)
{
	struct failalloc *f = ctx;

	__atomic_sub_fetch(&f->live, 1, __ATOMIC_RELAXED);
	free(p);
}

/* From here on allocations go through *f, which starts anew.  Nothing that was
 * allocated before may be resized or released until failalloc_end(). */
__attribute__((unused)) static void failalloc_begin(struct failalloc *f, long fail_at)
{
	struct eng_allocator table = {failalloc_resize_, failalloc_release_, f};

	*f = (struct failalloc){.fail_at = fail_at};
	eng_alloc_set(&table);
}

/* Back to the C library; returns how many allocations were not released. */
__attribute__((unused)) static long failalloc_end(struct failalloc *f)
{
	eng_alloc_set(NULL);
	return f->live;
}

#define FAILALLOC_RUNS_MAX 100000 /* a loop that long is a mistake of the test */

/* The loop above, as one assertion per kind of failure: only the n-th fails
 * (out of memory for a moment), and it and all later ones (for good).  fn
 * must be repeatable and release all it allocates.  Returns how many runs. */
__attribute__((unused)) static long failalloc_each(int (*fn)(void *data), void *data, const char *name)
{
	long runs = 0;

	for (int and_after = 0; and_after < 2; and_after++) {
		struct failalloc f;
		long n = 0, wrong = 0, leaked = 0, first_wrong = 0, first_leak = 0;
		int last, wrong_code = 0;

		do {
			long live;

			failalloc_begin(&f, ++n);
			f.and_after = and_after;
			last = fn(data);
			live = failalloc_end(&f);
			if (last != 0 && !(f.failures > 0 && last == ENGRAM_ENOMEM)) {
				first_wrong = wrong++ ? first_wrong : n;
				wrong_code = last;
			}
			if (live != 0)
				first_leak = leaked++ ? first_leak : n;
		} while (f.failures > 0 && n < FAILALLOC_RUNS_MAX);
		if (!tap_ok(wrong == 0 && leaked == 0 && last == 0 && f.failures == 0,
		            "%s survives each of its %ld allocations failing%s", name, n - 1,
		            and_after ? " with all later ones" : ""))
			printf("# %ld runs answered neither 0 nor out of memory (first: allocation %ld; last answer "
			       "%d)\n# %ld runs did not release all (first: allocation %ld)\n# without failure: %d\n",
			       wrong, first_wrong, wrong_code, leaked, first_leak, last);
		runs += n;
	}
	return runs;
}

#endif
