/* candidates.c - the best of each ranker, joined.
 *
 *  1. near.c gives the nearest documents: of the embedder's vectors where the
 *     cue has one, and of hash/1.  A document that has a vector of the embedder is
 *     measured by it, any other by hash/1.
 *  2. One pass over the text view, and over the texts it lacks, gives the best
 *     by BM25, and in passing the BM25 of those from step 1.
 *  3. What only step 2 found gets its similarity from its row.
 *
 * So every candidate has both measures, exactly, and no text is read for it but
 * those of a word or two that share none with the cue. */
#include "recall/recall_int.h"

#include <stdlib.h>

/* A text of so few words may be like the cue by chance: see text/grams.c.  A cue
 * so long has so many n-grams that no single one makes it like anything. */
#define SHORT_TOKENS 3u
#define LONG_CUE 4096u

/* Rank of the neighbour that stands for "anything" (see background). */
#define BACKGROUND_RANK 100u

struct met {
	uint32_t doc;
	int32_t sim_q30;
	bool foreign;
};

struct hunt {
	struct eng_snapshot *snap;
	const struct eng_question *q;
	struct eng_filter *filter;
	size_t depth;
	struct eng_near *found; /* of one identity */
	struct met *near; /* of all, ascending doc */
	size_t nnear;
	struct eng_near_scratch *scratch;
	uint64_t compared;
	bool unreadable; /* a graph, where it was looked at */
	int32_t background_q30;
	struct eng_text_hit *also; /* near's documents, ascending */
	struct eng_top top;
	uint64_t unindexed;
	struct eng_arena *arena;
	struct eng_grams cue, text; /* of a text that is looked at; cue.n 0 = not needed yet */
};

static int32_t sim_of(const int8_t *query, uint32_t r, const int8_t *codes, uint32_t stride, uint32_t doc)
{
	uint32_t norm = eng_vec_norm(codes, stride);
	int32_t dot, sum = eng_vec_sum(codes, stride);
	struct eng_rows row = {.codes = codes, .r = &norm, .sum = &sum, .doc = &doc, .n = 1, .stride = stride};
	eng_vec_dots(&dot, query, &row);
	return eng_vec_sim(dot, r, norm);
}

/* By the embedder's vector; false: the document has none. */
static bool foreign_sim(struct hunt *h, uint32_t doc, int32_t *sim)
{
	int8_t codes[ENGRAM_DIM_MAX] __attribute__((aligned(64)));
	if (!h->q->vectors || !eng_snapshot_vectors_codes(h->q->vectors, doc, codes))
		return false;
	*sim = sim_of(h->q->vcodes, h->q->vr, codes, h->q->vectors->stride, doc);
	return true;
}

/* Many embedders find a cosine of 0.6 between any two texts.  The hundredth
 * neighbour is not what is meant, so what it reaches says nothing; with fewer
 * neighbours the last one stands for it, the less the fewer they are. */
static int32_t background(const struct eng_near *found, size_t n)
{
	size_t rank = n < BACKGROUND_RANK ? n : BACKGROUND_RANK;
	int64_t sim = rank ? found[rank - 1].sim_q30 : 0;
	return sim > 0 ? (int32_t)(sim * (int64_t)rank / (int64_t)(rank + 10)) : 0;
}

static const uint32_t *docs_of(void *ctx, uint32_t block)
{
	return eng_snapshot_graph_docs(ctx, block);
}

/* The nearest of one identity into h->found.  A graph that turns out damaged is left
 * aside: what is not folded, and words, remain. */
static int nearest(struct hunt *h, size_t *n, struct eng_near_source *from, const struct eng_snapshot_graph *graph,
                   const int8_t *codes, struct engram_error *err)
{
	const struct eng_near_ask ask = {
		.codes = codes,
		.k = h->depth,
		.ef = h->q->ef,
		.exact = h->q->exact,
		.filter = {eng_filter_accept_row, h->filter, eng_filter_order},
		.most = h->filter->most,
	};
	from->g = graph->g;
	from->docs = docs_of;
	from->ctx = (void *)graph;
	int rc = eng_near_search(h->found, n, &h->compared, from, &ask, h->scratch);
	if (rc == ENGRAM_EDAMAGED && from->g) {
		h->unreadable = true;
		from->g = NULL;
		rc = eng_near_search(h->found, n, &h->compared, from, &ask, h->scratch);
	}
	return rc < 0 ? eng_err(err, rc, "vector search: %s", engram_code_text(rc)) : 0;
}

static int near_foreign(struct hunt *h, struct engram_error *err)
{
	const struct eng_question *q = h->q;
	struct eng_near_source from;
	size_t n;
	if (!q->vectors)
		return 0;
	from = (struct eng_near_source){.tail = {eng_snapshot_vectors_next, q->vectors}, .stride = q->vectors->stride};
	int rc = nearest(h, &n, &from, &q->graph, q->vcodes, err);
	if (rc < 0)
		return rc;
	h->background_q30 = background(h->found, n);
	for (size_t i = 0; i < n; i++)
		h->near[h->nnear++] = (struct met){h->found[i].doc, h->found[i].sim_q30, true};
	return 0;
}

static int near_hash1(struct hunt *h, struct engram_error *err)
{
	struct eng_snapshot_rows rows = {.snap = h->snap};
	struct eng_near_source from = {.tail = {eng_snapshot_rows_next, &rows}, .stride = ENG_HASH1_DIM};
	struct eng_snapshot_graph graph = {0};
	size_t n;
	if (h->q->r == 0)
		return 0;
	int rc = eng_snapshot_graph(&graph, h->snap, NULL, err);
	if (rc >= 0)
		rc = nearest(h, &n, &from, &graph, h->q->codes, err);
	for (size_t i = 0; rc == 0 && i < n; i++) {
		struct met m = {h->found[i].doc, h->found[i].sim_q30, false};
		m.foreign = foreign_sim(h, m.doc, &m.sim_q30);
		h->near[h->nnear++] = m;
	}
	return rc;
}

static int by_doc(const void *a, const void *b)
{
	const struct met *x = a, *y = b;
	return (x->doc > y->doc) - (x->doc < y->doc);
}

static int find_near(struct hunt *h, struct engram_error *err)
{
	size_t n = 0;
	if (h->q->mode == ENGRAM_TEXT_ONLY)
		return 0;
	int rc = near_foreign(h, err);
	if (rc == 0)
		rc = near_hash1(h, err);
	qsort(h->near, h->nnear, sizeof *h->near, by_doc);
	for (size_t i = 0; i < h->nnear; i++) /* met twice, measured by one */
		if (n == 0 || h->near[n - 1].doc != h->near[i].doc)
			h->near[n++] = h->near[i];
	h->nnear = n;
	return rc;
}

/* The place of doc among near (ascending), or nnear. */
static size_t place(const struct hunt *h, uint32_t doc)
{
	const struct met key = {.doc = doc}, *at = NULL;
	if (h->nnear)
		at = bsearch(&key, h->near, h->nnear, sizeof *h->near, by_doc);
	return at ? (size_t)(at - h->near) : h->nnear;
}

static bool accept_indexed(void *ctx, uint32_t doc)
{
	struct hunt *h = ctx;
	return eng_snapshot_text_current(h->snap, doc) && eng_filter_accept(h->filter, doc);
}

static int search_view(struct hunt *h, struct engram_error *err)
{
	struct eng_text_filter filter = {accept_indexed, h};
	struct eng_fts *fts = eng_snapshot_fts(h->snap);
	if (!fts)
		return 0;
	int rc = eng_fts_search(fts, &h->top, h->also, h->nnear, &h->q->query, &filter, err);
	if (rc == ENGRAM_EDAMAGED)
		eng_err_hint(err, "engram-consolidate --rebuild derives it anew from the log");
	/* What the view says of a text that has changed since is not true any more. */
	for (size_t i = 0; i < h->nnear; i++)
		if (!eng_snapshot_text_current(h->snap, h->also[i].doc))
			h->also[i].bm25 = 0;
	return rc;
}

/* Texts that the view lacks. */
static int score_directly(struct hunt *h, struct engram_error *err)
{
	const struct eng_unindexed *docs;
	uint64_t matched;
	size_t n;
	int rc = eng_snapshot_unindexed(h->snap, &docs, &n, err);
	if (rc != 0)
		return rc;
	h->unindexed = n;
	for (size_t i = 0; i < n; i++) {
		struct eng_text_hit hit = {docs[i].doc, eng_bm25_text(&h->q->query, docs[i].terms, &matched)};
		size_t at = place(h, hit.doc);
		if (at < h->nnear)
			h->also[at].bm25 = hit.bm25;
		if (hit.bm25 > 0 && eng_top_takes(&h->top, &hit) && eng_filter_accept(h->filter, hit.doc))
			eng_top_push(&h->top, &hit);
	}
	return 0;
}

static int search_text(struct hunt *h, struct engram_error *err)
{
	if (h->q->mode == ENGRAM_VECTOR_ONLY || h->q->query.n == 0)
		return 0;
	int rc = search_view(h, err);
	return rc ? rc : score_directly(h, err);
}

static struct met measure(struct hunt *h, uint32_t doc)
{
	int8_t codes[ENG_HASH1_DIM] __attribute__((aligned(64)));
	struct met m = {.doc = doc};
	m.foreign = foreign_sim(h, doc, &m.sim_q30);
	if (!m.foreign && h->q->r && eng_snapshot_codes(h->snap, doc, codes))
		m.sim_q30 = sim_of(h->q->codes, h->q->r, codes, sizeof codes, doc);
	return m;
}

/* Whether a short text without a word of the cue is like it by chance only. */
static int by_chance(struct hunt *h, uint32_t doc, bool *chance, struct engram_error *err)
{
	struct engram_memory m;
	int rc = eng_snapshot_memory(h->snap, doc, &m, h->arena, err);
	if (rc != 0)
		return rc;
	if (h->cue.n == 0 && eng_grams_of(&h->cue, h->q->text.p, h->q->text.n) != 0)
		return eng_err_nomem(err);
	if (eng_grams_of(&h->text, m.text.p, m.text.n) != 0)
		return eng_err_nomem(err);
	*chance = !eng_grams_meet(&h->cue, &h->text);
	return 0;
}

static int add(struct eng_candidates *c, struct hunt *h, const struct met *m, int64_t bm25, struct engram_error *err)
{
	struct eng_brief b;
	bool chance = false;
	int rc = 0;
	if ((bm25 <= 0 && m->sim_q30 <= 0) || !eng_snapshot_brief(h->snap, m->doc, &b))
		return 0;
	if (!m->foreign && bm25 <= 0 && b.tokens <= SHORT_TOKENS && h->q->text.n <= LONG_CUE)
		rc = by_chance(h, m->doc, &chance, err);
	if (rc == 0 && !chance)
		c->at[c->n++] = (struct eng_candidate){
			.doc = m->doc, .bm25 = bm25, .sim_q30 = m->sim_q30, .foreign = m->foreign, .id = b.id};
	return rc;
}

static int join(struct eng_candidates *c, struct hunt *h, struct engram_error *err)
{
	int rc = 0;
	for (size_t i = 0; rc == 0 && i < h->nnear; i++)
		rc = add(c, h, &h->near[i], h->also[i].bm25, err);
	for (size_t i = 0; rc == 0 && i < h->top.n; i++)
		if (place(h, h->top.hits[i].doc) == h->nnear) {
			struct met m = measure(h, h->top.hits[i].doc);
			rc = add(c, h, &m, h->top.hits[i].bm25, err);
		}
	c->unindexed = h->unindexed;
	c->background_q30 = h->background_q30;
	c->compared = h->compared;
	c->unreadable = h->unreadable;
	return rc;
}

int eng_candidates_gather(struct eng_candidates *c, struct eng_snapshot *snap, const struct eng_question *q,
                          struct eng_filter *filter, size_t depth, struct eng_near_scratch *scratch,
                          struct eng_arena *arena, struct engram_error *err)
{
	struct hunt h = {.snap = snap, .q = q, .filter = filter, .depth = depth, .scratch = scratch, .arena = arena};
	h.found = eng_arena_alloc(arena, depth * sizeof *h.found);
	h.near = eng_arena_alloc(arena, 2 * depth * sizeof *h.near);
	h.also = eng_arena_alloc(arena, 2 * depth * sizeof *h.also);
	h.top = (struct eng_top){.hits = eng_arena_alloc(arena, depth * sizeof *h.top.hits), .max = depth,
	                         .order = eng_filter_order, .ctx = filter};
	*c = (struct eng_candidates){.at = eng_arena_alloc(arena, 3 * depth * sizeof *c->at)};
	if (!h.found || !h.near || !h.also || !h.top.hits || !c->at)
		return eng_err_nomem(err);
	int rc = find_near(&h, err);
	if (rc != 0)
		return rc;
	for (size_t i = 0; i < h.nnear; i++)
		h.also[i] = (struct eng_text_hit){.doc = h.near[i].doc};
	rc = search_text(&h, err);
	if (rc == 0)
		rc = join(c, &h, err);
	eng_grams_free(&h.cue);
	eng_grams_free(&h.text);
	return rc;
}
