/* kernel.c - virtual time, drawn numbers, the trace.
 *
 * Events lie in a binary heap by (time, order).  The order of those that meet in
 * one moment is drawn, in its high bits, so that every order is tried; its low
 * bits count, so that it is total.
 *
 * The trace is hashed line by line: two runs with one hash did the same things
 * in the same order.  Only the last lines are kept. */
#include "kernel.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/hash.h"

/* A run of the largest configuration has about 30,000. */
#define EVENTS_MAX 1000000u

unsigned sim_plant;

void *sim_resize(void *p, size_t n)
{
	p = realloc(p, n ? n : 1);
	if (!p) {
		fputs("simulator: out of memory\n", stderr);
		abort();
	}
	return p;
}

void sim_grow(void *array, size_t *cap, size_t n, size_t size)
{
	if (n < *cap)
		return;
	*cap = *cap ? 2 * *cap : 16;
	*(void **)array = sim_resize(*(void **)array, *cap * size);
}

/* -- tapes ------------------------------------------------------------------------ */

void sim_tape_add(struct sim_tape *t, enum sim_lane lane, uint32_t v)
{
	struct sim_lane_tape *l = &t->lane[lane];

	sim_grow(&l->v, &l->cap, l->n, sizeof *l->v);
	l->v[l->n++] = v;
}

void sim_tape_copy(struct sim_tape *to, const struct sim_tape *from)
{
	sim_tape_free(to);
	for (int i = 0; i < SIM_LANES; i++) {
		size_t n = from->lane[i].n;

		to->lane[i] = (struct sim_lane_tape){sim_resize(NULL, n * sizeof(uint32_t)), n, n};
		if (n)
			memcpy(to->lane[i].v, from->lane[i].v, n * sizeof(uint32_t));
	}
}

void sim_tape_free(struct sim_tape *t)
{
	for (int i = 0; i < SIM_LANES; i++)
		free(t->lane[i].v);
	*t = (struct sim_tape){0};
}

void sim_init(struct sim *s, uint64_t seed, const struct sim_tape *played)
{
	*s = (struct sim){.seed = seed, .played = played, .events_max = EVENTS_MAX};
	for (unsigned i = 0; i < SIM_LANES; i++)
		eng_rng_seed(&s->rng[i], seed * SIM_LANES + i);
	s->trace = sim_resize(NULL, SIM_TRACE_LINES * sizeof *s->trace);
}

void sim_free(struct sim *s)
{
	sim_tape_free(&s->tape);
	free(s->heap);
	free(s->trace);
	*s = (struct sim){0};
}

/* -- draws ------------------------------------------------------------------------- */

/* What the tape says, 0 behind its end. */
static uint32_t play(const struct sim *s, enum sim_lane lane, uint32_t n)
{
	const struct sim_lane_tape *t = &s->played->lane[lane];
	size_t at = s->tape.lane[lane].n;

	return at < t->n ? t->v[at] % n : 0;
}

static uint32_t keep(struct sim *s, enum sim_lane lane, uint32_t v)
{
	sim_tape_add(&s->tape, lane, v);
	return v;
}

uint32_t sim_draw(struct sim *s, enum sim_lane lane, uint32_t n)
{
	return keep(s, lane, s->played ? play(s, lane, n) : (uint32_t)eng_rng_below(&s->rng[lane], n));
}

uint32_t sim_draw_skewed(struct sim *s, enum sim_lane lane, uint32_t n)
{
	uint64_t below;

	if (s->played)
		return keep(s, lane, play(s, lane, n));
	below = 1 + eng_rng_below(&s->rng[lane], n);
	return keep(s, lane, (uint32_t)eng_rng_below(&s->rng[lane], below));
}

uint32_t sim_draw_weighted(struct sim *s, enum sim_lane lane, const uint32_t *weights, uint32_t n)
{
	uint64_t sum = 0, at;
	uint32_t i;

	if (s->played) {
		i = play(s, lane, n);
		return keep(s, lane, weights[i] ? i : 0);
	}
	for (i = 0; i < n; i++)
		sum += weights[i];
	at = eng_rng_below(&s->rng[lane], sum);
	for (i = 0; at >= weights[i]; i++)
		at -= weights[i];
	return keep(s, lane, i);
}

bool sim_chance(struct sim *s, unsigned per_mille)
{
	bool yes;

	if (s->played)
		yes = play(s, SIM_CHANCE, 2) && per_mille;
	else
		yes = eng_rng_below(&s->rng[SIM_CHANCE], 1000) < per_mille;
	return keep(s, SIM_CHANCE, yes);
}

/* -- time ---------------------------------------------------------------------------- */

static bool earlier(const struct sim_event *a, const struct sim_event *b)
{
	return a->at_us != b->at_us ? a->at_us < b->at_us : a->order < b->order;
}

static void swap(struct sim_event *a, struct sim_event *b)
{
	struct sim_event t = *a;

	*a = *b;
	*b = t;
}

void sim_at(struct sim *s, int64_t delay_us, sim_event_fn *fn, void *data, uint64_t arg)
{
	uint64_t tie = sim_draw(s, SIM_CHANCE, 4);
	size_t i = s->nheap++;

	sim_grow(&s->heap, &s->cap, i, sizeof *s->heap);
	s->heap[i] = (struct sim_event){s->now_us + delay_us, tie << 56 | s->events++, fn, data, arg};
	for (; i > 0 && earlier(&s->heap[i], &s->heap[(i - 1) / 2]); i = (i - 1) / 2)
		swap(&s->heap[i], &s->heap[(i - 1) / 2]);
}

static struct sim_event take_first(struct sim *s)
{
	struct sim_event first = s->heap[0];
	size_t i = 0, least;

	s->heap[0] = s->heap[--s->nheap];
	for (;; i = least) {
		least = i;
		for (size_t child = 2 * i + 1; child <= 2 * i + 2 && child < s->nheap; child++)
			if (earlier(&s->heap[child], &s->heap[least]))
				least = child;
		if (least == i)
			return first;
		swap(&s->heap[i], &s->heap[least]);
	}
}

bool sim_next(struct sim *s)
{
	struct sim_event e;

	if (s->checker || s->nheap == 0)
		return false;
	if (s->done == s->events_max) {
		sim_fail(s, "endless", "wanted an end within %" PRIu64 " events", s->events_max);
		return false;
	}
	e = take_first(s);
	s->now_us = e.at_us;
	s->done++;
	e.fn(s, e.data, e.arg);
	return !s->checker;
}

/* -- the trace -------------------------------------------------------------------------- */

void sim_trace(struct sim *s, const char *format, ...)
{
	char *line = s->trace[s->lines++ % SIM_TRACE_LINES];
	int n = snprintf(line, SIM_TRACE_LINE, "%" PRId64 ".%06" PRId64 " ", s->now_us / SIM_S, s->now_us % SIM_S);
	va_list ap;

	va_start(ap, format);
	vsnprintf(line + n, SIM_TRACE_LINE - (size_t)n, format, ap);
	va_end(ap);
	s->hash = XXH3_64bits_withSeed(line, strlen(line), s->hash);
	if (s->loud)
		printf("# %s\n", line);
}

void sim_fail(struct sim *s, const char *checker, const char *format, ...)
{
	va_list ap;

	if (s->checker)
		return;
	s->checker = checker;
	va_start(ap, format);
	vsnprintf(s->why, sizeof s->why, format, ap);
	va_end(ap);
	sim_trace(s, "FAILED %s: %s", checker, s->why);
}

void sim_print_trace(const struct sim *s)
{
	uint64_t from = s->lines > SIM_TRACE_LINES ? s->lines - SIM_TRACE_LINES : 0;

	for (uint64_t i = from; i < s->lines; i++)
		printf("# %s\n", s->trace[i % SIM_TRACE_LINES]);
}
