/* shrink.c - a failing tape made small.
 *
 * The unit of the plan is a step: always SIM_STEP numbers, whatever the step
 * does, so that taking one out leaves the others whole.  Chance is one stream of
 * numbers, read as they are asked for: taking out a span shifts the rest, so
 * zeroing is tried as well.
 *
 *     plan of 60 steps fails "resurrection"
 *     without steps 0..29: passes, kept       without 30..59: fails, dropped
 *     then quarters, eighths, single steps; then numbers to 0, to a half
 *
 * Most of the work is one loop: change a copy, run it, keep it if it still fails
 * in the same way.  The number of runs bounds it. */
#include "shrink.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

struct shrink {
	struct sim_tape *best;
	const char *checker;
	sim_run_fn *run;
	unsigned left;
};

/* Whether the same checker fails on it; then it is the best. */
static bool keep_if_failing(struct shrink *k, struct sim_tape *candidate)
{
	struct sim_verdict v = {0};
	bool same;

	if (k->left == 0)
		return false;
	k->left--;
	k->run(&v, 0, candidate);
	same = v.checker && strcmp(v.checker, k->checker) == 0;
	if (same)
		sim_tape_copy(k->best, candidate);
	sim_tape_free(&v.tape);
	return same;
}

static bool without(struct shrink *k, enum sim_lane lane, size_t at, size_t n)
{
	struct sim_tape t = {0};
	struct sim_lane_tape *l = &t.lane[lane];
	bool kept;

	sim_tape_copy(&t, k->best);
	memmove(l->v + at, l->v + at + n, (l->n - at - n) * sizeof *l->v);
	l->n -= n;
	kept = keep_if_failing(k, &t);
	sim_tape_free(&t);
	return kept;
}

static bool zeroed(struct shrink *k, enum sim_lane lane, size_t at, size_t n)
{
	struct sim_tape t = {0};
	bool any = false, kept;

	for (size_t i = at; i < at + n; i++)
		any |= k->best->lane[lane].v[i] != 0;
	if (!any)
		return false;
	sim_tape_copy(&t, k->best);
	memset(t.lane[lane].v + at, 0, n * sizeof(uint32_t));
	kept = keep_if_failing(k, &t);
	sim_tape_free(&t);
	return kept;
}

static bool set(struct shrink *k, enum sim_lane lane, size_t at, uint32_t v)
{
	struct sim_tape t = {0};
	bool kept;

	sim_tape_copy(&t, k->best);
	t.lane[lane].v[at] = v;
	kept = keep_if_failing(k, &t);
	sim_tape_free(&t);
	return kept;
}

/* Spans of `unit`, long ones first, from the end: what comes late depends on what
 * came before, not the other way round. */
static void delete_spans(struct shrink *k, enum sim_lane lane, size_t unit)
{
	for (size_t n = k->best->lane[lane].n / unit; n > 0; n /= 2)
		for (size_t at = k->best->lane[lane].n / unit; at >= n && k->left; at -= n)
			without(k, lane, (at - n) * unit, n * unit);
}

static void zero_spans(struct shrink *k, enum sim_lane lane, size_t least)
{
	size_t len = k->best->lane[lane].n;

	for (size_t n = len; n >= least && n > 0 && k->left; n /= 2)
		for (size_t at = 0; at < len && k->left; at += n)
			zeroed(k, lane, at, at + n <= len ? n : len - at);
}

static void lower(struct shrink *k, enum sim_lane lane)
{
	for (size_t i = 0; i < k->best->lane[lane].n && k->left; i++)
		while (k->best->lane[lane].v[i] && k->left)
			if (!set(k, lane, i, k->best->lane[lane].v[i] / 2))
				break;
}

static size_t draws(const struct sim_tape *t)
{
	size_t n = 0;

	for (int i = 0; i < SIM_LANES; i++)
		n += t->lane[i].n;
	return n;
}

/* Zeros at the end say nothing. */
static void trim(struct sim_tape *t)
{
	for (int i = 0; i < SIM_LANES; i++) {
		struct sim_lane_tape *l = &t->lane[i];

		while (l->n && l->v[l->n - 1] == 0)
			l->n--;
	}
}

void sim_shrink(struct sim_tape *tape, struct sim_shrunk *out, const char *checker, sim_run_fn *run, unsigned runs)
{
	struct shrink k = {tape, checker, run, runs};
	size_t before;

	*out = (struct sim_shrunk){.steps_before = tape->lane[SIM_PLAN].n / SIM_STEP, .draws_before = draws(tape)};
	do {
		before = draws(tape);
		delete_spans(&k, SIM_PLAN, SIM_STEP);
		zero_spans(&k, SIM_CHANCE, 8);
		zero_spans(&k, SIM_CONFIG, 1);
		zero_spans(&k, SIM_PLAN, 1);
		lower(&k, SIM_CONFIG);
		lower(&k, SIM_PLAN);
		delete_spans(&k, SIM_CHANCE, 64);
		trim(tape);
	} while (draws(tape) < before && k.left);
	out->runs = runs - k.left;
	out->steps_after = (tape->lane[SIM_PLAN].n + SIM_STEP - 1) / SIM_STEP;
	out->draws_after = draws(tape);
}

/* -- on disk -------------------------------------------------------------------------- */

static const char *const lane_names[SIM_LANES] = {"config", "step", "chance"};

/* Chance is mostly zeros: a run of them is written as xN. */
static void save_line(FILE *f, const uint32_t *v, size_t n)
{
	for (size_t i = 0, zeros; i < n; i += zeros ? zeros : 1) {
		for (zeros = 0; i + zeros < n && v[i + zeros] == 0; zeros++)
			;
		if (zeros > 2)
			fprintf(f, " x%zu", zeros);
		else
			fprintf(f, " %" PRIu32, v[i]), zeros = 0;
	}
	fputc('\n', f);
}

bool sim_tape_save(const struct sim_tape *t, const char *path, const char *const *notes, size_t n)
{
	static const size_t unit[SIM_LANES] = {SIZE_MAX, SIM_STEP, 32};
	FILE *f = fopen(path, "w");
	bool ok;

	if (!f)
		return false;
	fputs("engram-sim 1\n", f);
	for (size_t i = 0; i < n; i++)
		fprintf(f, "# %s\n", notes[i]);
	for (int lane = 0; lane < SIM_LANES; lane++) {
		const struct sim_lane_tape *l = &t->lane[lane];

		for (size_t at = 0, len; at < l->n; at += len) {
			len = l->n - at < unit[lane] ? l->n - at : unit[lane];
			fputs(lane_names[lane], f);
			save_line(f, l->v + at, len);
		}
	}
	ok = !ferror(f);
	return fclose(f) == 0 && ok;
}

static bool load_line(struct sim_tape *t, char *line)
{
	char *save = NULL, *word = strtok_r(line, " \n", &save), *end;
	int lane = 0;

	if (!word || *word == '#')
		return true;
	while (lane < SIM_LANES && strcmp(word, lane_names[lane]) != 0)
		lane++;
	if (lane == SIM_LANES)
		return false;
	while ((word = strtok_r(NULL, " \n", &save))) {
		bool zeros = *word == 'x';
		unsigned long v = strtoul(word + zeros, &end, 10);

		if (*end || end == word + zeros || v > UINT32_MAX || (zeros && v > 1000000))
			return false;
		for (unsigned long i = 0; i < (zeros ? v : 1); i++)
			sim_tape_add(t, (enum sim_lane)lane, zeros ? 0 : (uint32_t)v);
	}
	return true;
}

bool sim_tape_load(struct sim_tape *t, const char *path)
{
	FILE *f = fopen(path, "r");
	char line[4096];
	bool ok;

	*t = (struct sim_tape){0};
	if (!f)
		return false;
	ok = fgets(line, sizeof line, f) && strcmp(line, "engram-sim 1\n") == 0;
	while (ok && fgets(line, sizeof line, f))
		ok = load_line(t, line);
	fclose(f);
	return ok;
}
