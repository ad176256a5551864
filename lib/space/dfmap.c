/* dfmap.c - document frequencies gathered in memory: stem -> signed count. */
#include "space/space_int.h"

#include <stdlib.h>

#include "base/alloc.h"

static struct eng_df *slot(const struct eng_dfmap *m, uint64_t stem)
{
	size_t at = (size_t)(stem * 0x9e3779b97f4a7c15ull >> 32) & (m->cap - 1);

	while (m->at[at].used && m->at[at].stem != stem)
		at = (at + 1) & (m->cap - 1);
	return &m->at[at];
}

static bool grow(struct eng_dfmap *m)
{
	struct eng_dfmap new = {.n = m->n, .cap = m->cap ? 2 * m->cap : 1024};

	new.at = eng_calloc(new.cap, sizeof *new.at);
	if (!new.at)
		return false;
	for (size_t i = 0; i < m->cap; i++)
		if (m->at[i].used)
			*slot(&new, m->at[i].stem) = m->at[i];
	eng_free(m->at);
	*m = new;
	return true;
}

int eng_dfmap_add(struct eng_dfmap *m, const struct eng_terms *t, int delta)
{
	for (size_t i = 0; i < t->n; i++) {
		struct eng_df *d;
		if (2 * (m->n + 1) > m->cap && !grow(m))
			return ENGRAM_ENOMEM;
		d = slot(m, t->at[i].stem);
		if (!d->used)
			m->n++;
		d->used = true;
		d->stem = t->at[i].stem;
		d->count += delta;
	}
	return 0;
}

static int by_stem(const void *a, const void *b)
{
	const struct eng_df *x = a, *y = b;

	return (x->stem > y->stem) - (x->stem < y->stem);
}

void eng_dfmap_sort(struct eng_dfmap *m)
{
	size_t n = 0;

	for (size_t i = 0; i < m->cap; i++)
		if (m->at[i].used && m->at[i].count)
			m->at[n++] = m->at[i];
	if (n)
		qsort(m->at, n, sizeof *m->at, by_stem);
	m->n = n;
}

int64_t eng_dfmap_sorted(const struct eng_dfmap *m, uint64_t stem)
{
	const struct eng_df key = {.stem = stem}, *d;

	d = m->n ? bsearch(&key, m->at, m->n, sizeof key, by_stem) : NULL;
	return d ? d->count : 0;
}

void eng_dfmap_free(struct eng_dfmap *m)
{
	eng_free(m->at);
	*m = (struct eng_dfmap){0};
}
