/* fuse.c - one score from two measures, and the order of hits.
 *
 *     match = bm25 / greatest bm25  +  weight * cosine / greatest cosine
 *
 * over the candidates, brought to 1/10,000 of what could be reached.  Adding
 * normalised scores beats adding reciprocal ranks (mean reciprocal rank 0.748
 * against 0.737 on package summaries, 0.632 against 0.610 misspelt).  The
 * weight of the vector is 1/2, and grows with the share of the cue's words that
 * no stored text holds: they are likely misspelt, and BM25 is blind to them
 * (0.632 against 0.613 for a fixed 1/2; well spelt, the same).
 *
 * Cosines of an embedder and of hash/1 are no common measure: each is a share of
 * its own greatest, the embedder's above its background (recall_int.h). */
#include "recall/recall_int.h"

#include <stdlib.h>

#define ONE 65536u
#define SCORE_ONE 10000u
#define CHANCE_Q30 107374182 /* a cosine of 0.10 */

uint32_t eng_vector_weight_q16(const struct eng_question *q)
{
	size_t unknown = 0;
	for (size_t i = 0; i < q->query.n; i++)
		unknown += q->query.terms[i].df == 0;
	return ONE / 2 + (q->query.n ? (uint32_t)(unknown * ONE / q->query.n) : 0);
}

static uint64_t share(int64_t v, int64_t greatest)
{
	return v > 0 ? (uint64_t)v * ONE / (uint64_t)greatest : 0;
}

static int32_t score_of(uint64_t sum, uint64_t all)
{
	return (int32_t)(sum / all * SCORE_ONE >> 16);
}

/* The greatest of each measure among the candidates. */
struct greatest {
	int64_t bm25;
	int32_t sim[2]; /* of hash/1, of the embedder */
	bool foreign;
};

static struct greatest greatest_of(const struct eng_candidates *c)
{
	struct greatest g = {1, {1, 1}, false};
	for (size_t i = 0; i < c->n; i++) {
		const struct eng_candidate *x = &c->at[i];
		int32_t sim = eng_above_background(c, x);
		g.bm25 = x->bm25 > g.bm25 ? x->bm25 : g.bm25;
		g.sim[x->foreign] = sim > g.sim[x->foreign] ? sim : g.sim[x->foreign];
		g.foreign = g.foreign || x->foreign;
	}
	return g;
}

void eng_fuse(struct eng_candidates *c, const struct eng_question *q)
{
	struct greatest g = greatest_of(c);
	uint64_t text_weight = q->mode == ENGRAM_VECTOR_ONLY || (q->vectors && q->r == 0) ? 0 : ONE;
	uint64_t vector_weight = q->mode == ENGRAM_TEXT_ONLY ? 0 : eng_vector_weight_q16(q);
	uint64_t all = text_weight + vector_weight;
	int32_t sim = g.sim[g.foreign];
	c->chance = score_of(vector_weight * share(CHANCE_Q30, sim > CHANCE_Q30 ? sim : CHANCE_Q30), all);
	for (size_t i = 0; i < c->n; i++) {
		struct eng_candidate *x = &c->at[i];
		uint64_t likeness = vector_weight * share(eng_above_background(c, x), g.sim[x->foreign]);
		x->match = score_of(text_weight * share(x->bm25, g.bm25) + likeness, all);
		x->score = x->match;
		x->retention = SCORE_ONE;
	}
}

static int by_score(const void *a, const void *b)
{
	const struct eng_candidate *x = a, *y = b;
	return x->score != y->score ? (x->score < y->score) - (x->score > y->score) : eng_id_cmp(&x->id, &y->id);
}

void eng_candidates_sort(struct eng_candidates *c)
{
	qsort(c->at, c->n, sizeof *c->at, by_score);
}
