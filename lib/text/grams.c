/* grams.c - do two texts have any three letters in a row in common?
 *
 * hash/1 folds n-grams into 512 places, so that two texts without a letter in common
 * can meet in one of them.  Between texts of some words that is lost in the noise; a
 * memory that is one short word has so few n-grams that one such meeting makes a
 * cosine of 0.4 ("x" answered nearly 300 of 20,000 dictionary words).  Here the letters themselves
 * are compared: three code points, of 21 bits each, are an exact key.  Four or five in
 * common, or a word, are three in common too. */
#include "text/text_int.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/utf8.h"

struct taking {
	struct eng_grams *grams;
	bool failed;
};

static bool add(struct eng_grams *g, uint64_t gram)
{
	if (g->n == g->cap) {
		size_t cap = g->cap ? 2 * g->cap : 64;
		uint64_t *at = eng_realloc(g->at, cap * sizeof *at);
		if (!at)
			return false;
		g->at = at;
		g->cap = cap;
	}
	g->at[g->n++] = gram;
	return true;
}

/* "<cell>": <ce cel ell ll> */
static int take_word(void *data, const struct eng_word *w)
{
	struct taking *t = data;
	const char *p = w->fold, *end = w->fold + w->nfold;
	uint64_t gram = '<';
	unsigned letters = 1;
	while (p <= end && !t->failed) {
		uint32_t c = '>';
		p += p < end ? eng_utf8_decode(&c, p, end) : 1;
		gram = (gram << 21 | c) & (UINT64_MAX >> 1);
		if (++letters >= 3)
			t->failed = !add(t->grams, gram);
	}
	return t->failed;
}

static int by_value(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;
	return (*x > *y) - (*x < *y);
}

int eng_grams_of(struct eng_grams *g, const char *text, size_t n)
{
	struct taking t = {g, false};
	g->n = 0;
	eng_words(text, n, take_word, &t);
	if (t.failed)
		return ENGRAM_ENOMEM;
	if (g->n > 1)
		qsort(g->at, g->n, sizeof *g->at, by_value);
	return 0;
}

bool eng_grams_meet(const struct eng_grams *a, const struct eng_grams *b)
{
	size_t i = 0, j = 0;
	while (i < a->n && j < b->n && a->at[i] != b->at[j])
		if (a->at[i] < b->at[j])
			i++;
		else
			j++;
	return i < a->n && j < b->n;
}

void eng_grams_free(struct eng_grams *g)
{
	eng_free(g->at);
	*g = (struct eng_grams){0};
}
