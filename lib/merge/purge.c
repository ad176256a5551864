/* purge.c - which bodies a forget has condemned.
 *
 * Only a forget destroys bytes: what an upsert or a revision replaced stays.
 * The earliest forget that kills a dot is named as its killer, so that every
 * store which holds the same frames writes the same stub. */
#include <string.h>

#include "merge/merge_int.h"

static bool refs_frame(const struct eng_dot_record *forget, const struct eng_dot *dot, uint32_t header_check)
{
	const struct eng_ref *r = forget->refs;

	for (unsigned i = 0; i < forget->nrefs; i++)
		if (r[i].index == 0 && r[i].dot.seq == dot->seq && r[i].header_check == header_check &&
		    eng_series_cmp(&r[i].dot.series, &dot->series) == 0)
			return true;
	return false;
}

/* Forgets lie in stamp order: the first with a stamp at or above d's, unless
 * an earlier one names it. */
static const struct eng_dot_record *killer(const struct eng_dot_record *const *forgets, size_t n,
                                           const struct eng_dot_record *d)
{
	for (size_t i = 0; i < n; i++)
		if (forgets[i]->stamp >= d->stamp || refs_frame(forgets[i], &d->dot, d->header_check))
			return forgets[i];
	return NULL;
}

static const struct eng_dot_record **list_forgets(const struct eng_item *item, size_t *n)
{
	const struct eng_dot_record **v = eng_arena_alloc(item->arena, item->ndots * sizeof *v);

	*n = 0;
	for (size_t i = 0; v && i < item->ndots; i++)
		if (item->dots[i].kind == ENG_FORGET || (ENG_PLANTED(105) && item->dots[i].nrefs))
			v[(*n)++] = &item->dots[i];
	return v;
}

int eng_item_purgeable(const struct eng_item *item, struct eng_dot_record ***dots, struct eng_dot **killers,
                       size_t *n, struct engram_error *err)
{
	const struct eng_dot_record **forgets, *by;
	size_t nforgets, found = 0;

	forgets = list_forgets(item, &nforgets);
	*dots = eng_arena_alloc(item->arena, item->ndots * sizeof **dots);
	*killers = eng_arena_alloc(item->arena, item->ndots * sizeof **killers);
	if (!forgets || !*dots || !*killers)
		return eng_err_nomem(err);
	for (size_t i = 0; nforgets && i < item->ndots; i++) {
		if (item->dots[i].stub || item->dots[i].kind == ENG_FORGET)
			continue;
		by = killer(forgets, nforgets, &item->dots[i]);
		if (!by)
			continue;
		(*dots)[found] = &item->dots[i];
		(*killers)[found++] = by->dot;
	}
	*n = found;
	return 0;
}

void eng_item_killer(const struct eng_dot_record **first, const struct eng_item *item, const struct eng_header *h)
{
	const struct eng_dot dot = {h->series, h->seq};

	for (size_t i = 0; i < item->ndots; i++) {
		const struct eng_dot_record *d = &item->dots[i];
		if (d->kind != ENG_FORGET || (d->stamp < h->stamp && !refs_frame(d, &dot, h->header_check)))
			continue;
		if (!*first || eng_dot_order(d, *first) < 0)
			*first = d;
		return;
	}
}
