/* laws.h - laws over random cases: the loop, the seeds, the planted deviations.
 *
 *     static void l1(struct law_case *c) { ... law_check(c, a == b, "x + x = x"); }
 *     static const struct law laws[] = {{"L1 idempotence", l1, 1}, ...};
 *     int main(int argc, char **argv) { return laws_main(argc, argv, laws, ENG_COUNT(laws)); }
 *
 * Usage: PROGRAM [FIRST-SEED [CASES]]; ENGRAM_LAW_CASES in the environment says how
 * many of a law that has not a number of its own, default 20,000.  Each seed is a
 * case by itself: a failure prints it, and `PROGRAM SEED 1` repeats it.
 *
 * Built with ENG_PLANTABLE against a lib/merge built so, the program plants one
 * deviation after the other and demands that one of its laws breaks. */
#ifndef LAWS_H
#define LAWS_H

#include "../lib/tap.h"

#include "base/err.h"
#include "base/rng.h"
#include "base/types.h"

enum { LAW_CASES = 20000 };

struct law_case {
	struct eng_rng g;
	uint64_t seed;
	const char *broken; /* what is not so; the first of the case */
	struct engram_error err;
};

struct law {
	const char *name;
	void (*one)(struct law_case *c);
	unsigned fraction; /* of the cases, 1/n: a case of this law is n times as dear; 0 = 1 */
};

static void law_check(struct law_case *c, bool ok, const char *what)
{
	if (!ok && !c->broken)
		c->broken = what;
}

static uint64_t law_cases(int argc, char **argv)
{
	const char *from = argc > 2 ? argv[2] : getenv("ENGRAM_LAW_CASES");

	return from ? strtoull(from, NULL, 0) : LAW_CASES;
}

/* The cases of one law up to the first that breaks it: true = none did. */
static bool law_holds(struct law_case *c, const struct law *law, uint64_t first, uint64_t cases)
{
	for (uint64_t seed = first; seed < first + cases; seed++) {
		*c = (struct law_case){.seed = seed};
		eng_rng_seed(&c->g, seed);
		law->one(c);
		if (c->broken)
			return false;
	}
	return true;
}

#ifdef ENG_PLANTABLE
extern int eng_planted; /* lib/merge/merge_int.h */

static void law_plant(int n, const char *what, const struct law *laws, size_t nlaws, uint64_t cases)
{
	struct law_case c;
	size_t i = 0;

	eng_planted = n;
	while (i < nlaws && law_holds(&c, &laws[i], 1, cases))
		i++;
	eng_planted = 0;
	if (tap_ok(i < nlaws, "planted: %s", what))
		tap_note("breaks %s at seed %" PRIu64 ": not so: %s", laws[i].name, c.seed, c.broken);
}
#endif

__attribute__((unused)) static int laws_main(int argc, char **argv, const struct law *laws, size_t n)
{
	uint64_t first = argc > 1 ? strtoull(argv[1], NULL, 0) : 1;
	struct law_case c;

	for (size_t i = 0; i < n; i++) {
		uint64_t cases = law_cases(argc, argv) / (laws[i].fraction ? laws[i].fraction : 1);
		cases = cases ? cases : 1;
		if (!tap_ok(law_holds(&c, &laws[i], first, cases), "%s: %" PRIu64 " cases from seed %" PRIu64,
		            laws[i].name, cases, first))
			tap_note("seed %" PRIu64 ": not so: %s %s", c.seed, c.broken, c.err.message);
	}
	return tap_done();
}

#endif
