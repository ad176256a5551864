/* live.c - what of an item is dead.
 *
 * A dot is dead if a ref names it, if a forget has a stamp at or above its
 * own, or if it belongs to a run (no run is committed before cut frames are
 * understood; the refs of such a dot do not count either).  A forget is never
 * dead.  The refs of a dead dot still count: death is permanent, so the answer
 * does not depend on the order in which deaths are found.
 *
 *     dots, ascending      M1@10   R2@20 refs M1[3]   F3@15   M4@30 refs M1[0]
 *     forgotten = 15       dead: M1 (twice over), alive: R2 F3 M4
 *     kills                {M1, 3}: kept, though it no longer matters
 *
 * Refs are resolved by binary search in an index by (series, seq), built only
 * if there is a ref at all. */
#include <stdlib.h>
#include <string.h>

#include "merge/merge_int.h"

static bool refs_count(const struct eng_dot_record *d)
{
	return !d->in_run;
}

eng_stamp eng_item_forgotten(const struct eng_item *item)
{
	for (size_t i = item->ndots; i-- > 0;)
		if (item->dots[i].kind == ENG_FORGET)
			return item->dots[i].stamp;
	return 0;
}

static size_t count_refs(const struct eng_item *item)
{
	size_t n = 0;

	for (size_t i = 0; i < item->ndots; i++)
		if (refs_count(&item->dots[i]))
			n += item->dots[i].nrefs;
	return n;
}

/* -- the index by (series, seq) ------------------------------------------------- */

static int by_dot(const void *a, const void *b)
{
	const struct eng_dot_record *x = *(const struct eng_dot_record *const *)a;
	const struct eng_dot_record *y = *(const struct eng_dot_record *const *)b;
	int c = eng_series_cmp(&x->dot.series, &y->dot.series);

	if (c)
		return c;
	if (x->dot.seq != y->dot.seq)
		return x->dot.seq < y->dot.seq ? -1 : 1;
	return x->header_check < y->header_check ? -1 : x->header_check > y->header_check;
}

static const struct eng_dot_record **index_dots(const struct eng_item *item)
{
	const struct eng_dot_record **index = eng_arena_alloc(item->arena, item->ndots * sizeof *index);

	for (size_t i = 0; index && i < item->ndots; i++)
		index[i] = &item->dots[i];
	if (index)
		qsort(index, item->ndots, sizeof *index, by_dot);
	return index;
}

/* The dot that a ref names, or NULL: not arrived, another id's, or another
 * branch of a forked series. */
static const struct eng_dot_record *resolve(const struct eng_dot_record **index, size_t n,
                                            const struct eng_ref *ref)
{
	const struct eng_dot_record key = {.dot = ref->dot, .header_check = ref->header_check}, *k = &key;
	const struct eng_dot_record **found = bsearch(&k, index, n, sizeof *index, by_dot);

	return found ? *found : NULL;
}

/* -- kills ---------------------------------------------------------------------- */

static int by_kill(const void *a, const void *b)
{
	const struct eng_element_kill *x = a, *y = b;

	if (x->dot != y->dot)
		return x->dot < y->dot ? -1 : 1;
	return x->index < y->index ? -1 : x->index > y->index;
}

static size_t unique(struct eng_element_kill *v, size_t n)
{
	size_t out = 0;

	for (size_t i = 0; i < n; i++)
		if (out == 0 || by_kill(&v[out - 1], &v[i]) != 0)
			v[out++] = v[i];
	return out;
}

static void apply_refs(const struct eng_item *item, struct eng_liveness *l, const struct eng_dot_record **index,
                       const struct eng_dot_record *d)
{
	const struct eng_dot_record *target;

	for (unsigned i = 0; i < d->nrefs; i++) {
		target = resolve(index, item->ndots, &d->refs[i]);
		if (!target || target->kind == ENG_FORGET)
			continue;
		if (d->refs[i].index == 0)
			l->dead[target - item->dots] = true;
		else
			l->kills[l->nkills++] =
				(struct eng_element_kill){(uint32_t)(target - item->dots), d->refs[i].index};
	}
}

static int apply_all_refs(const struct eng_item *item, struct eng_liveness *l, size_t nrefs,
                          struct engram_error *err)
{
	const struct eng_dot_record **index = index_dots(item);

	l->kills = eng_arena_alloc(item->arena, nrefs * sizeof *l->kills);
	if (!index || !l->kills)
		return eng_err_nomem(err);
	for (size_t i = 0; i < item->ndots; i++)
		if (refs_count(&item->dots[i]) && !(ENG_PLANTED(3) && l->dead[i]))
			apply_refs(item, l, index, &item->dots[i]);
	qsort(l->kills, l->nkills, sizeof *l->kills, by_kill);
	l->nkills = unique(l->kills, l->nkills);
	return 0;
}

int eng_liveness(const struct eng_item *item, struct eng_liveness *out, struct engram_error *err)
{
	const struct eng_dot_record *d;
	size_t nrefs = count_refs(item);

	*out = (struct eng_liveness){.forgotten = eng_item_forgotten(item)};
	out->dead = eng_arena_alloc(item->arena, item->ndots);
	if (!out->dead)
		return eng_err_nomem(err);
	for (size_t i = 0; i < item->ndots; i++) {
		d = &item->dots[i];
		out->dead[i] = d->in_run || (d->kind != ENG_FORGET && d->stamp + ENG_PLANTED(8) <= out->forgotten &&
		                             !ENG_PLANTED(102));
	}
	return nrefs ? apply_all_refs(item, out, nrefs, err) : 0;
}

/* First kill at or behind (dot, 0). */
static const struct eng_element_kill *lower_bound(const struct eng_liveness *l, size_t dot)
{
	size_t lo = 0, hi = l->nkills, mid;

	while (lo < hi) {
		mid = lo + (hi - lo) / 2;
		if (l->kills[mid].dot < dot)
			lo = mid + 1;
		else
			hi = mid;
	}
	return l->kills + lo;
}

void eng_liveness_kills(const struct eng_liveness *l, size_t dot, const struct eng_element_kill **first,
                        const struct eng_element_kill **end)
{
	*first = *end = NULL;
	if (l->nkills == 0)
		return;
	*first = lower_bound(l, dot);
	*end = lower_bound(l, dot + 1);
}

bool eng_element_dead(const struct eng_element_kill *first, const struct eng_element_kill *end, uint32_t index)
{
	const struct eng_element_kill key = {first == end ? 0 : first->dot, index};

	return first != end && bsearch(&key, first, (size_t)(end - first), sizeof key, by_kill);
}

eng_stamp eng_item_first_stored(const struct eng_item *item, eng_stamp forgotten)
{
	for (size_t i = 0; i < item->ndots; i++)
		if (item->dots[i].kind == ENG_MEMORY && !item->dots[i].in_run && item->dots[i].stamp > forgotten)
			return item->dots[i].stamp;
	return 0;
}
