/* terms.c - the distinct stems of a text with their counts, in one order. */
#include "text/text_int.h"

#include "base/alloc.h"
#include "base/hash.h"

uint64_t eng_stem_hash(const char *stem, size_t n)
{
	return XXH3_64bits(stem, n);
}

int eng_terms_collect(void *data, const struct eng_word *w)
{
	struct eng_terms *t = data;
	if (t->n == t->cap) {
		size_t cap = t->cap ? 2 * t->cap : 32;
		void *at = cap <= SIZE_MAX / sizeof *t->at ? eng_realloc(t->at, cap * sizeof *t->at) : NULL;
		if (!at)
			return ENGRAM_ENOMEM;
		t->at = at;
		t->cap = cap;
	}
	t->at[t->n++] = (struct eng_stem_count){
		w->known ? w->known->stem_hash : eng_stem_hash(w->stem, w->nstem), 1};
	return 0;
}

/* Shell's sort, gaps of about 2.25: no memory, no callbacks, and as good as
 * any for the twenty words of an ordinary memory. */
static void sort(struct eng_stem_count *at, size_t n)
{
	size_t gap = 1;
	while (gap < n / 2)
		gap = gap * 9 / 4 + 1;
	for (; gap > 0; gap = gap == 1 ? 0 : gap * 4 / 9 > 1 ? gap * 4 / 9 : 1) {
		for (size_t i = gap; i < n; i++) {
			struct eng_stem_count x = at[i];
			size_t j = i;
			for (; j >= gap && at[j - gap].stem > x.stem; j -= gap)
				at[j] = at[j - gap];
			at[j] = x;
		}
	}
}

static size_t merge(struct eng_stem_count *at, size_t n)
{
	size_t out = 0;
	for (size_t i = 0; i < n; i++) {
		if (out > 0 && at[out - 1].stem == at[i].stem)
			at[out - 1].count += at[i].count;
		else
			at[out++] = at[i];
	}
	return out;
}

void eng_terms_finish(struct eng_terms *t)
{
	t->tokens = (uint32_t)t->n;
	sort(t->at, t->n);
	t->n = merge(t->at, t->n);
}

int eng_terms_of(struct eng_terms *t, const char *text, size_t n)
{
	t->n = 0;
	t->tokens = 0;
	int rc = eng_words(text, n, eng_terms_collect, t);
	if (rc == 0)
		eng_terms_finish(t);
	return rc;
}

void eng_terms_free(struct eng_terms *t)
{
	eng_free(t->at);
	*t = (struct eng_terms){0};
}
