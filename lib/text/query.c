/* query.c - what a cue asks for, and BM25 in integers.
 *
 * BM25 of a document, summed over the terms t of the query:
 *
 *     idf(t) * tf (k1 + 1) / (tf + k1 (1 - b + b length / average))
 *
 * with k1 = 1.2 and b = 0.75, in Q16.  Lengths count in classes of at most 1/8
 * error (exact up to 16), since the text view keeps a document's class in its
 * row number instead of one more table to look into for every match. */
#include "text/text_int.h"

#include <stdlib.h>

/* -- length classes ------------------------------------------------------ */

/* 16..17 -> 16, 18..19 -> 17, ...: the length with its four top bits. */
uint32_t eng_length_class(uint32_t tokens)
{
	if (tokens < 16)
		return tokens;
	unsigned e = 31 - (unsigned)__builtin_clz(tokens) - 3;
	uint32_t class = e * 8 + (tokens >> e);
	return class < ENG_LENGTH_CLASSES ? class : ENG_LENGTH_CLASSES - 1;
}

/* The middle of a class. */
uint32_t eng_class_length(uint32_t class)
{
	if (class < 16)
		return class;
	unsigned e = class / 8 - 1;
	return ((class % 8 + 8) << e) + (1u << e) / 2;
}

/* -- parsing ------------------------------------------------------------- */

struct parser {
	struct eng_query *q;
	const struct eng_corpus *corpus;
	size_t words;
	bool stops; /* take stop words too */
};

/* Rarest first; of the equally rare the smaller hash. */
static bool before(const struct eng_query_term *a, const struct eng_query_term *b)
{
	return a->idf_q16 != b->idf_q16 ? a->idf_q16 > b->idf_q16 : a->hash < b->hash;
}

static void insert(struct eng_query *q, const struct eng_query_term *term)
{
	size_t at = q->n;
	if (at == ENG_QUERY_TERMS_MAX) {
		if (!before(term, &q->terms[--at]))
			return;
		q->n--;
	}
	for (; at > 0 && before(term, &q->terms[at - 1]); at--)
		q->terms[at] = q->terms[at - 1];
	q->terms[at] = *term;
	q->n++;
}

static int take(void *data, const struct eng_word *w)
{
	struct parser *p = data;
	struct eng_query_term term;
	if (w->stop && !p->stops)
		return 0;
	if (++p->words > ENG_QUERY_WORDS_MAX)
		return 1;
	term.hash = eng_stem_hash(w->stem, w->nstem);
	for (size_t i = 0; i < p->q->n; i++)
		if (p->q->terms[i].hash == term.hash)
			return 0;
	memcpy(term.stem, w->stem, w->nstem);
	term.n = w->nstem;
	term.df = p->corpus->df(p->corpus->ctx, term.hash);
	term.idf_q16 = eng_idf_q16(p->corpus->docs, term.df);
	insert(p->q, &term);
	return 0;
}

void eng_query_parse(struct eng_query *q, const char *text, size_t n, const struct eng_corpus *corpus)
{
	struct parser p = {q, corpus, 0, false};
	q->n = 0;
	q->docs = corpus->docs;
	q->tokens = corpus->tokens;
	eng_words(text, n, take, &p);
	if (q->n == 0) {
		p = (struct parser){q, corpus, 0, true};
		eng_words(text, n, take, &p);
	}
	q->rarity_q16 = 0;
	for (size_t i = 0; i < q->n; i++)
		q->rarity_q16 += q->terms[i].idf_q16;
}

/* -- BM25 ---------------------------------------------------------------- */

#define K1_Q16 78643u        /* 1.2 */
#define K1_PLUS_1_Q16 144179u
#define K1_CONSTANT_Q16 19661u /* k1 (1 - b) = 0.3 */

/* k1 (1 - b + b length / average) in Q16. */
static uint64_t length_norm(const struct eng_query *q, uint32_t tokens)
{
	uint64_t length = eng_class_length(eng_length_class(tokens));
	uint64_t all = q->tokens ? q->tokens : 1;
	/* 0.9 = k1 b; 58982 * length * docs stays below 2^64 for 2^20 tokens in 2^28 documents */
	return K1_CONSTANT_Q16 + 58982u * length * q->docs / all;
}

static uint64_t saturated(uint32_t idf_q16, uint32_t tf, uint64_t norm)
{
	return (uint64_t)idf_q16 * tf * K1_PLUS_1_Q16 / (((uint64_t)tf << 16) + norm);
}

int64_t eng_bm25(const struct eng_query *q, const uint32_t *tf, uint32_t tokens)
{
	uint64_t norm = length_norm(q, tokens), sum = 0;
	for (size_t i = 0; i < q->n; i++)
		if (tf[i])
			sum += saturated(q->terms[i].idf_q16, tf[i], norm);
	return (int64_t)sum;
}

static int by_stem(const void *a, const void *b)
{
	const struct eng_stem_count *x = a, *y = b;
	return (x->stem > y->stem) - (x->stem < y->stem);
}

static uint32_t count_of(const struct eng_terms *t, uint64_t stem)
{
	const struct eng_stem_count key = {.stem = stem}, *at = NULL;
	if (t->n)
		at = bsearch(&key, t->at, t->n, sizeof *t->at, by_stem);
	return at ? at->count : 0;
}

int64_t eng_bm25_text(const struct eng_query *q, const struct eng_terms *t, uint64_t *matched_q16)
{
	uint32_t tf[ENG_QUERY_TERMS_MAX];
	*matched_q16 = 0;
	for (size_t i = 0; i < q->n; i++) {
		tf[i] = count_of(t, q->terms[i].hash);
		if (tf[i])
			*matched_q16 += q->terms[i].idf_q16;
	}
	return *matched_q16 ? eng_bm25(q, tf, t->tokens) : 0;
}
