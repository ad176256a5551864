/* main.c - test_sim: seeds, tapes, and what a failure tells.
 *
 *     test_sim                          SIM_SEEDS seeds from SIM_SEED on, and tapes/
 *     SIM_SEEDS=1 SIM_SEED=77 test_sim  one of them
 *     SIM_LOUD=1 ...                    with the whole trace
 *     SIM_HASHES=1 ...                  a line a seed with the hash of its trace, for
 *                                       comparing builds
 *     test_sim TAPE...                  these tapes
 *
 * A seed that fails is shrunk, its tape written to SIM_TAPES (the current
 * directory), and reported with all that is needed to see it again. */
#include <glob.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "../lib/tap.h"
#include "commit.h"
#include "shrink.h"
#include "world.h"

enum { SEEDS = 500, SHRINK_RUNS = 2000, TWICE_EVERY = 20, REPORTED = 3 };

struct totals {
	uint64_t seeds, failed, events, virtual_s, unequal;
	uint64_t hash; /* of all hashes */
};

static uint64_t number_from(const char *name, uint64_t otherwise)
{
	const char *v = getenv(name);

	return v && *v ? strtoull(v, NULL, 0) : otherwise;
}

static const char *compiler(void)
{
#ifdef __clang__
	return "clang " __clang_version__;
#else
	return "gcc " __VERSION__;
#endif
}

static void report(uint64_t seed, const struct sim_verdict *v)
{
	tap_note("seed %" PRIu64 " fails %s: %s", seed, v->checker, v->why);
	tap_note("commit %s, %s", SIM_COMMIT, compiler());
	tap_note("again: SIM_SEEDS=1 SIM_SEED=%" PRIu64 " SIM_LOUD=1 tests/sim/test_sim", seed);
}

static void shrink_and_keep(uint64_t seed, struct sim_verdict *v)
{
	const char *dir = getenv("SIM_TAPES"), *notes[2] = {v->checker, v->why};
	struct sim_shrunk shrunk;
	char path[512];

	sim_shrink(&v->tape, &shrunk, v->checker, sim_run, (unsigned)number_from("SIM_SHRINK", SHRINK_RUNS));
	snprintf(path, sizeof path, "%s/%s-%" PRIu64 ".tape", dir ? dir : ".", v->checker, seed);
	tap_note("shrunk in %u runs: %zu steps to %zu, %zu draws to %zu", shrunk.runs, shrunk.steps_before,
	         shrunk.steps_after, shrunk.draws_before, shrunk.draws_after);
	if (sim_tape_save(&v->tape, path, notes, 2))
		tap_note("kept in %s; the end of its trace:", path);
	sim_run_last(0, &v->tape);
}

static void one_seed(struct totals *t, uint64_t seed)
{
	struct sim_verdict v = {0}, again = {0};

	sim_run_loud(&v, seed, NULL, number_from("SIM_LOUD", 0));
	t->seeds++;
	t->events += v.events;
	t->virtual_s += (uint64_t)(v.virtual_us / SIM_S);
	t->hash = t->hash * 31 + v.hash;
	if (number_from("SIM_HASHES", 0))
		printf("# %" PRIu64 " %016" PRIx64 "\n", seed, v.hash);
	if (seed % TWICE_EVERY == 0) {
		sim_run(&again, seed, NULL);
		if (again.hash != v.hash && t->unequal++ == 0)
			tap_note("seed %" PRIu64 " went two ways: %016" PRIx64 ", %016" PRIx64, seed, v.hash, again.hash);
		sim_tape_free(&again.tape);
	}
	if (v.checker) {
		t->failed++;
		report(seed, &v);
		if (t->failed <= REPORTED)
			shrink_and_keep(seed, &v);
	}
	sim_tape_free(&v.tape);
}

static void seeds(uint64_t first, uint64_t n)
{
	struct timespec from, to;
	struct totals t = {0};
	double s;

	clock_gettime(CLOCK_MONOTONIC, &from);
	for (uint64_t i = 0; i < n; i++)
		one_seed(&t, first + i);
	clock_gettime(CLOCK_MONOTONIC, &to);
	s = (double)(to.tv_sec - from.tv_sec) + (double)(to.tv_nsec - from.tv_nsec) / 1e9;
	tap_note("%" PRIu64 " seeds, %" PRIu64 " events, %.0f events/s; %.1f days of virtual time, %.0f times as fast; hash %016" PRIx64,
	         t.seeds, t.events, (double)t.events / s, (double)t.virtual_s / 86400, (double)t.virtual_s / s, t.hash);
	tap_int(t.failed, 0, "%" PRIu64 " seeds from %" PRIu64 " on: nothing lost, nothing risen, all equal", n, first);
	tap_int(t.unequal, 0, "every %dth seed twice: the same trace", TWICE_EVERY);
}

static void tape(const char *path)
{
	const char *name = strrchr(path, '/');
	struct sim_verdict v = {0};
	struct sim_tape t;

	name = name ? name + 1 : path;
	if (!tap_ok(sim_tape_load(&t, path), "%s is a tape", name))
		return;
	sim_run_loud(&v, 0, &t, number_from("SIM_LOUD", 0));
	if (!tap_ok(!v.checker, "%s", name)) {
		tap_note("%s: %s", v.checker, v.why);
		sim_run_last(0, &t);
	}
	sim_tape_free(&v.tape);
	sim_tape_free(&t);
}

/* Those that failed once. */
static void kept_tapes(void)
{
	const char *top = getenv("top_srcdir");
	char pattern[512];
	glob_t found;

	snprintf(pattern, sizeof pattern, "%s/tests/sim/tapes/*.tape", top ? top : ".");
	if (glob(pattern, 0, NULL, &found) != 0)
		return;
	for (size_t i = 0; i < found.gl_pathc; i++)
		tape(found.gl_pathv[i]);
	globfree(&found);
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		tape(argv[i]);
	if (argc == 1) {
		seeds(number_from("SIM_SEED", 1), number_from("SIM_SEEDS", SEEDS));
		kept_tapes();
	}
	return tap_done();
}
