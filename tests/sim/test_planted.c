/* test_planted.c - each planted bug is found within a stated number of seeds.
 *
 * Those of lib/merge and lib/sync lie behind ENG_PLANTED (base/plant.h), those
 * of what a store must do in the model of it: what the real space does wrong in the
 * same way would end in the same report.
 *
 *     test_planted            all
 *     test_planted 112 [SEED]  one, with the trace of the run that finds it */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "../lib/tap.h"
#include "base/plant.h"
#include "shrink.h"
#include "world.h"

static const struct plant {
	unsigned n;
	unsigned seeds; /* within which it is found; at least twice what it took */
	const char *what;
} plants[] = {
	{101, 400, "merge: frames of a memory lie as they came"},
	{102, 400, "merge: a forget kills only what it names"},
	{103, 400, "merge: the digest counts what is dead until it is a stub"},
	{104, 400, "merge: the slot of an edge goes to whoever came last"},
	{105, 400, "merge: what was replaced is purged as if forgotten"},
	{106, 400, "sync: vectors are equal where the numbers are"},
	{107, 400, "sync: a series with two histories is not looked at"},
	{108, 400, "sync: a fork is cut one frame late"},
	{109, 400, "sync: sending begins one frame late"},
	{110, 400, "sync: what was known already is not counted"},
	{111, 400, "sync: one run a series is all"},
	{112, 400, "sync: acknowledged before the flush"},
	{113, 400, "sync: digests of unequal vectors are compared"},
	{120, 400, "store: acknowledged though the flush failed"},
	{121, 400, "store: the vector counts what is not durable"},
	{122, 400, "store: a held frame counts as applied"},
	{123, 400, "store: a restored store goes on with its series"},
	{124, 3000, "store: a stub is applied without its forget"},
	{125, 400, "store: stamps take no notice of what was received"},
	{126, 400, "store: a forget does not name what lies above its stamp"},
	{127, 400, "store: what is applied follows the clock back"},
	{128, 400, "store: a branch is named by when its first frame came"},
	{129, 400, "store: a frame need not follow the one before"},
	{130, 400, "store: what is known is not written again"},
	{131, 3000, "store: a stub waits for the forget that it names and for no other"},
};

static void find(const struct plant *p, uint64_t seed)
{
	struct sim_verdict v = {0};
	unsigned i = 0;

	eng_planted = (int)(sim_plant = p->n);
	for (; i < p->seeds && !v.checker; i++) {
		sim_tape_free(&v.tape);
		sim_run(&v, seed + i, NULL);
	}
	tap_ok(v.checker, "%u %s: found within %u seeds", p->n, p->what, p->seeds);
	if (v.checker)
		tap_note("in the %u. by %s: %s", i, v.checker, v.why);
	sim_tape_free(&v.tape);
	eng_planted = (int)(sim_plant = 0);
}

static void show(unsigned n, uint64_t seed)
{
	struct sim_verdict v = {0};
	struct sim_shrunk shrunk;

	eng_planted = (int)(sim_plant = n);
	for (; !v.checker; seed++) {
		sim_tape_free(&v.tape);
		sim_run(&v, seed, NULL);
	}
	sim_shrink(&v.tape, &shrunk, v.checker, sim_run, 2000);
	tap_note("%s: %s; %zu steps of %zu", v.checker, v.why, shrunk.steps_after, shrunk.steps_before);
	sim_run_last(0, &v.tape);
	sim_tape_free(&v.tape);
}

int main(int argc, char **argv)
{
	uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 0) : 1;

	if (argc > 1) {
		show((unsigned)atoi(argv[1]), seed);
		return 0;
	}
	for (size_t i = 0; i < ENG_COUNT(plants); i++)
		find(&plants[i], seed);
	return tap_done();
}
