/* candidates.c - the best of each ranker, joined.
 *
 *  1. The vector scan gives the nearest documents.
 *  2. One pass over the text view, and over the texts it lacks, gives the best
 *     by BM25, and in passing the BM25 of those from step 1.
 *  3. What only step 2 found gets its similarity from its row.
 *
 * So every candidate has both measures, exactly, and no text is read for it but
 * those of a word or two that share none with the cue.
 * The graph index will take the place of the scan in step 1. */
#include "recall/recall_int.h"

#include <stdlib.h>

/* A text of so few words may be like the cue by chance: see text/grams.c.  A cue
 * so long has so many n-grams that no single one makes it like anything. */
#define SHORT_TOKENS 3u
#define LONG_CUE 4096u

struct hunt {
	struct eng_snapshot *snap;
	const struct eng_question *q;
	struct eng_filter *filter;
	size_t depth;
	struct eng_near *near; /* ascending doc once joined */
	size_t nnear;
	struct eng_text_hit *also; /* near's documents, ascending */
	struct eng_top top;
	uint64_t unindexed;
	struct eng_arena *arena;
	struct eng_grams cue, text; /* of a text that is looked at; cue.n 0 = not needed yet */
};

static int scan(struct hunt *h, struct engram_error *err)
{
	struct eng_snapshot_rows rows = {.snap = h->snap};
	struct eng_row_reader reader = {eng_snapshot_rows_next, &rows};
	struct eng_near_filter filter = {eng_filter_accept, h->filter};
	if (h->q->mode == ENGRAM_TEXT_ONLY || h->q->r == 0)
		return 0;
	int rc = eng_flat_search(h->near, &h->nnear, h->depth, h->q->codes, ENG_HASH1_DIM, &reader, &filter);
	return rc < 0 ? eng_err(err, rc, "vector scan: %s", engram_code_text(rc)) : 0;
}

static int by_doc(const void *a, const void *b)
{
	const struct eng_near *x = a, *y = b;
	return (x->doc > y->doc) - (x->doc < y->doc);
}

/* The place of doc among near (ascending), or nnear. */
static size_t place(const struct hunt *h, uint32_t doc)
{
	const struct eng_near key = {.doc = doc}, *at = NULL;
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

static int32_t similarity(struct hunt *h, uint32_t doc)
{
	int8_t codes[ENG_HASH1_DIM] __attribute__((aligned(64)));
	int32_t dot, sum;
	uint32_t r;
	if (h->q->r == 0 || !eng_snapshot_codes(h->snap, doc, codes))
		return 0;
	r = eng_vec_norm(codes, sizeof codes);
	sum = eng_vec_sum(codes, sizeof codes);
	struct eng_rows row = {.codes = codes, .r = &r, .sum = &sum, .doc = &doc, .n = 1, .stride = sizeof codes};
	eng_vec_dots(&dot, h->q->codes, &row);
	return eng_vec_sim(dot, h->q->r, r);
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

static int add(struct eng_candidates *c, struct hunt *h, uint32_t doc, int64_t bm25, int32_t sim,
               struct engram_error *err)
{
	struct eng_brief b;
	bool chance = false;
	int rc = 0;
	if ((bm25 <= 0 && sim <= 0) || !eng_snapshot_brief(h->snap, doc, &b))
		return 0;
	if (bm25 <= 0 && b.tokens <= SHORT_TOKENS && h->q->text.n <= LONG_CUE)
		rc = by_chance(h, doc, &chance, err);
	if (rc == 0 && !chance)
		c->at[c->n++] = (struct eng_candidate){.doc = doc, .bm25 = bm25, .sim_q30 = sim, .id = b.id};
	return rc;
}

static int join(struct eng_candidates *c, struct hunt *h, struct engram_error *err)
{
	int rc = 0;
	for (size_t i = 0; rc == 0 && i < h->nnear; i++)
		rc = add(c, h, h->near[i].doc, h->also[i].bm25, h->near[i].sim_q30, err);
	for (size_t i = 0; rc == 0 && i < h->top.n; i++)
		if (place(h, h->top.hits[i].doc) == h->nnear)
			rc = add(c, h, h->top.hits[i].doc, h->top.hits[i].bm25, similarity(h, h->top.hits[i].doc), err);
	c->unindexed = h->unindexed;
	return rc;
}

int eng_candidates_gather(struct eng_candidates *c, struct eng_snapshot *snap, const struct eng_question *q,
                          struct eng_filter *filter, size_t depth, struct eng_arena *arena,
                          struct engram_error *err)
{
	struct hunt h = {.snap = snap, .q = q, .filter = filter, .depth = depth, .arena = arena};
	h.near = eng_arena_alloc(arena, depth * sizeof *h.near);
	h.also = eng_arena_alloc(arena, depth * sizeof *h.also);
	h.top = (struct eng_top){.hits = eng_arena_alloc(arena, depth * sizeof *h.top.hits), .max = depth};
	*c = (struct eng_candidates){.at = eng_arena_alloc(arena, 2 * depth * sizeof *c->at)};
	if (!h.near || !h.also || !h.top.hits || !c->at)
		return eng_err_nomem(err);
	int rc = scan(&h, err);
	if (rc != 0)
		return rc;
	qsort(h.near, h.nnear, sizeof *h.near, by_doc);
	for (size_t i = 0; i < h.nnear; i++)
		h.also[i] = (struct eng_text_hit){.doc = h.near[i].doc};
	rc = search_text(&h, err);
	if (rc == 0)
		rc = join(c, &h, err);
	eng_grams_free(&h.cue);
	eng_grams_free(&h.text);
	return rc;
}
