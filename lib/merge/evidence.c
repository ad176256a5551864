/* evidence.c - what an item has heard about the use of a memory: when it was
 * stored again or recalled, and whether it was what was asked for.
 *
 * Sets, never counts: of rehearsals, and of judgements with the same features,
 * those of one series within one hour are one, so that doing the same again
 * after a failure changes nothing.  The hour is that of the stamp, the same on
 * every store. */
#include <string.h>

#include "base/le.h"
#include "merge/merge_int.h"

static uint64_t hour_of(eng_stamp s)
{
	return (s >> 16) / 3600000;
}

/* -- rehearsals ---------------------------------------------------------------- */

static bool rehearses(const struct eng_dot_record *d)
{
	return (d->kind == ENG_MEMORY || d->kind == ENG_USE) && !d->in_run;
}

/* Dots ascend by stamp. */
static bool first_of_hour(const struct eng_item *item, size_t i, eng_stamp forgotten)
{
	const struct eng_dot_record *d = &item->dots[i], *e;

	for (size_t j = i; j-- > 0 && hour_of(item->dots[j].stamp) == hour_of(d->stamp);) {
		e = &item->dots[j];
		if (rehearses(e) && e->stamp > forgotten && eng_series_cmp(&e->dot.series, &d->dot.series) == 0)
			return false;
	}
	return true;
}

int eng_item_rehearsals(const struct eng_item *item, const eng_stamp **out, size_t *n, struct engram_error *err)
{
	eng_stamp *stamps = eng_arena_alloc(item->arena, (item->ndots + 1) * sizeof *stamps);
	eng_stamp forgotten = eng_item_forgotten(item);
	size_t found = 0;

	if (!stamps)
		return eng_err_nomem(err);
	for (size_t i = 0; i < item->ndots; i++)
		if (rehearses(&item->dots[i]) && item->dots[i].stamp > forgotten && first_of_hour(item, i, forgotten))
			stamps[found++] = item->dots[i].stamp;
	*out = stamps;
	*n = found;
	return 0;
}

bool eng_item_rehearsed(const struct eng_item *item, const struct eng_series *series, eng_stamp at)
{
	eng_stamp forgotten = eng_item_forgotten(item);
	const struct eng_dot_record *d;

	for (size_t i = item->ndots; i-- > 0;) {
		d = &item->dots[i];
		if (rehearses(d) && d->stamp > forgotten && hour_of(d->stamp) == hour_of(at) &&
		    eng_series_cmp(&d->dot.series, series) == 0)
			return true;
	}
	return false;
}

/* -- judgements ------------------------------------------------------------------ */

static const struct eng_element *element_of(const struct eng_dot_record *d, uint16_t type)
{
	for (unsigned i = 0; i < d->nelements; i++)
		if (d->elements[i].type == type)
			return &d->elements[i];
	return NULL;
}

static bool has_features(const struct eng_dot_record *d, const void *features, size_t n)
{
	const struct eng_element *e = element_of(d, ENG_EL_FEATURES);

	return (e ? e->n : 0) == n && (n == 0 || memcmp(e->p, features, n) == 0);
}

static bool same_slot(const struct eng_dot_record *a, const struct eng_dot_record *b)
{
	const struct eng_element *e = element_of(a, ENG_EL_FEATURES);

	return eng_series_cmp(&a->dot.series, &b->dot.series) == 0 &&
	       has_features(b, e ? e->p : NULL, e ? e->n : 0);
}

/* Whether the series said something else later in the slot. */
static bool replaced(const struct eng_item *item, const struct eng_liveness *l, size_t i)
{
	const struct eng_dot_record *d = &item->dots[i], *e;

	for (size_t j = i + 1; j < item->ndots && hour_of(item->dots[j].stamp) == hour_of(d->stamp); j++) {
		e = &item->dots[j];
		if (e->kind == ENG_FEEDBACK && !l->dead[j] && same_slot(d, e))
			return true;
	}
	return false;
}

/* 1, 0; -1 where the frame says neither. */
static int verdict_of(const struct eng_dot_record *d)
{
	const struct eng_element *e = element_of(d, ENG_EL_VERDICT);

	return e && eng_get32(e->p) <= 1 ? (int)eng_get32(e->p) : -1;
}

int eng_item_verdicts(const struct eng_item *item, struct eng_verdicts *out, struct engram_error *err)
{
	struct eng_liveness l;
	int rc = eng_liveness(item, &l, err);

	*out = (struct eng_verdicts){0, 0};
	for (size_t i = 0; rc == 0 && i < item->ndots; i++) {
		if (item->dots[i].kind != ENG_FEEDBACK || l.dead[i] || replaced(item, &l, i))
			continue;
		out->useful += verdict_of(&item->dots[i]) == 1;
		out->useless += verdict_of(&item->dots[i]) == 0;
	}
	return rc;
}

int eng_item_verdict(const struct eng_item *item, const struct eng_series *series, eng_stamp at, const void *features,
                     size_t n)
{
	eng_stamp forgotten = eng_item_forgotten(item);
	const struct eng_dot_record *d;

	for (size_t i = item->ndots; i-- > 0;) {
		d = &item->dots[i];
		if (d->kind == ENG_FEEDBACK && !d->stub && !d->in_run && d->stamp > forgotten &&
		    hour_of(d->stamp) == hour_of(at) && eng_series_cmp(&d->dot.series, series) == 0 &&
		    has_features(d, features, n))
			return verdict_of(d);
	}
	return -1;
}

/* -- recalled together ---------------------------------------------------------------- */

bool eng_edge_heard(const struct eng_edge *e, eng_stamp forgotten, const struct eng_series *series, eng_stamp at)
{
	for (size_t i = e->ndots; i-- > 0;)
		if (e->dots[i].stamp > forgotten && hour_of(e->dots[i].stamp) == hour_of(at) &&
		    eng_series_cmp(&e->dots[i].dot.series, series) == 0)
			return true;
	return false;
}
