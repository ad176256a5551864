/* test_recall_near.c - graph, rows and filters together against sorting all there is.
 *
 * Documents are named by the graph's nodes and by a tail of rows; names and ids are
 * scrambled, so that an order by number of node or document shows.  */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "../lib/failalloc.h"
#include "base/rng.h"
#include "recall/near.h"
#define XXH_INLINE_ALL
#include <xxhash.h>

enum { DIM = 64, K = 10, NODES = 12000, TAIL = 600, DOCS = NODES + TAIL, QUERIES = 100, CLUSTERS = 300, EF = 96 };
#define NONE UINT32_MAX

/* -- a space ------------------------------------------------------------------------- */

struct world {
	int8_t *codes; /* of documents */
	uint32_t r[DOCS];
	int32_t sum[DOCS];
	uint16_t cluster[DOCS];
	uint64_t id[DOCS];
	uint32_t doc_of[NODES], tail[TAIL];
	bool gone[DOCS];
	struct eng_hnsw_build *build;
	int8_t *tail_codes;
	uint32_t tail_r[TAIL];
	int32_t tail_sum[TAIL];
	unsigned given; /* of the tail's blocks */
	uint32_t unreadable; /* the block whose documents are damaged; NONE */
	/* the filter */
	unsigned one_in;
	int near_cluster; /* accepted are only memories of other clusters than this; -1: of all */
	int only_cluster; /* of this one; -1: of all */
	unsigned asked;
};

static unsigned place(struct eng_rng *g, float *x)
{
	struct eng_rng centre;
	unsigned cluster = (unsigned)eng_rng_below(g, CLUSTERS);

	eng_rng_seed(&centre, 77 + cluster);
	for (unsigned d = 0; d < DIM; d++)
		x[d] = (float)((double)eng_rng_below(&centre, 2001) - 1000 + ((double)eng_rng_below(g, 2401) - 1200));
	return cluster;
}

static void fill(struct world *w, uint32_t doc, const float *x)
{
	int8_t *row = w->codes + (size_t)doc * DIM;

	eng_vec_quantise(row, x, DIM);
	w->r[doc] = eng_vec_norm(row, DIM);
	w->sum[doc] = eng_vec_sum(row, DIM);
	w->id[doc] = XXH3_64bits(&doc, sizeof doc);
}

static void shuffle(uint32_t *p, uint32_t n, struct eng_rng *g)
{
	for (uint32_t i = 0; i < n; i++)
		p[i] = i;
	for (uint32_t i = n - 1; i > 0; i--) {
		uint32_t j = (uint32_t)eng_rng_below(g, i + 1), was = p[i];

		p[i] = p[j];
		p[j] = was;
	}
}

/* Which documents are nodes and which are rows, and in what order, follows from `seed`. */
static void arrange(struct world *w, uint64_t seed)
{
	uint32_t order[DOCS], mended;
	struct eng_rng g;

	eng_rng_seed(&g, seed);
	shuffle(order, DOCS, &g);
	eng_hnsw_build_free(w->build);
	if (eng_hnsw_build_new(&w->build, DIM, NULL) < 0)
		exit(99);
	for (uint32_t i = 0; i < DOCS; i++) {
		uint32_t doc = order[i];

		if (i < NODES) {
			w->doc_of[i] = doc;
			eng_hnsw_build_row(w->build, w->codes + (size_t)doc * DIM, w->r[doc], w->sum[doc],
			                   eng_hnsw_level(w->id[doc]));
			continue;
		}
		w->tail[i - NODES] = doc;
		memcpy(w->tail_codes + (size_t)(i - NODES) * DIM, w->codes + (size_t)doc * DIM, DIM);
		w->tail_r[i - NODES] = w->r[doc];
		w->tail_sum[i - NODES] = w->sum[doc];
	}
	if (eng_hnsw_build_run(w->build, NULL, NULL) < 0 || eng_hnsw_build_finish(w->build, &mended) < 0)
		exit(99);
}

static void pass_all(struct world *w)
{
	w->one_in = 1;
	w->near_cluster = w->only_cluster = -1;
}

static struct world *make_world(void)
{
	struct world *w = calloc(1, sizeof *w);
	struct eng_rng g;
	float x[DIM];

	eng_rng_seed(&g, 5);
	w->codes = aligned_alloc(64, (size_t)DOCS * DIM);
	w->tail_codes = aligned_alloc(64, (size_t)TAIL * DIM);
	w->unreadable = NONE;
	for (uint32_t doc = 0; doc < DOCS; doc++) {
		w->cluster[doc] = (uint16_t)place(&g, x);
		fill(w, doc, x);
	}
	pass_all(w);
	return w;
}

static void free_world(struct world *w)
{
	eng_hnsw_build_free(w->build);
	free(w->codes);
	free(w->tail_codes);
	free(w);
}

/* -- asking it ------------------------------------------------------------------------- */

static bool accept(void *ctx, uint32_t doc)
{
	struct world *w = ctx;

	w->asked++;
	if (doc == NONE || w->gone[doc])
		return false;
	if (w->near_cluster >= 0 && w->cluster[doc] == w->near_cluster)
		return false;
	if (w->only_cluster >= 0 && w->cluster[doc] != w->only_cluster)
		return false;
	return w->id[doc] / 8 % w->one_in == 0;
}

static int order(void *ctx, uint32_t a, uint32_t b)
{
	struct world *w = ctx;

	if (a == NONE || b == NONE)
		return (a > b) - (a < b);
	return (w->id[a] > w->id[b]) - (w->id[a] < w->id[b]);
}

static const uint32_t *docs_of(void *ctx, uint32_t block)
{
	struct world *w = ctx;

	return block == w->unreadable ? NULL : w->doc_of + (size_t)block * ENG_HNSW_BLOCK;
}

static int next_tail(void *ctx, struct eng_rows *out)
{
	struct world *w = ctx;
	uint32_t half = TAIL / 2, at = half * w->given;

	if (w->given == 2) {
		w->given = 0;
		return 0;
	}
	w->given++;
	*out = (struct eng_rows){w->tail_codes + (size_t)at * DIM, w->tail_r + at, w->tail_sum + at, w->tail + at, half, DIM};
	return 1;
}

struct question {
	int8_t codes[DIM] __attribute__((aligned(64)));
	int cluster;
};

static struct question *questions(void)
{
	struct question *q = aligned_alloc(64, QUERIES * sizeof *q);
	struct eng_rng g;
	float x[DIM];

	eng_rng_seed(&g, 4711);
	for (unsigned i = 0; i < QUERIES; i++) {
		q[i].cluster = (int)place(&g, x);
		eng_vec_quantise(q[i].codes, x, DIM);
	}
	return q;
}

static int ask(struct eng_near *out, size_t *n, uint64_t *compared, struct world *w, const int8_t *codes,
               struct eng_near_ask how)
{
	struct eng_near_source from = {eng_hnsw_build_graph(w->build), docs_of, w, {next_tail, w}, DIM};
	struct eng_near_scratch scratch = {0};
	uint64_t none = 0;
	int rc;

	w->given = 0;
	how.codes = codes;
	how.k = how.k ? how.k : K;
	how.ef = how.ef ? how.ef : EF;
	how.filter = (struct eng_near_filter){accept, w, order};
	how.most = how.most ? how.most : SIZE_MAX;
	rc = eng_near_search(out, n, compared ? compared : &none, &from, &how, &scratch);
	eng_near_scratch_free(&scratch);
	return rc;
}

/* -- against all of them -------------------------------------------------------------------- */

static struct world *sorting;

static int by_order(const void *a, const void *b)
{
	const struct eng_near *x = a, *y = b;

	return x->sim_q30 != y->sim_q30 ? (x->sim_q30 < y->sim_q30) - (x->sim_q30 > y->sim_q30)
	                                : order(sorting, x->doc, y->doc);
}

static size_t model(struct eng_near *out, size_t k, struct world *w, const int8_t *codes)
{
	static struct eng_near all[DOCS];
	uint32_t r = eng_vec_norm(codes, DIM);
	size_t n = 0;

	for (uint32_t doc = 0; doc < DOCS; doc++) {
		int32_t dot = 0;

		if (w->r[doc] == 0 || !accept(w, doc))
			continue;
		for (unsigned d = 0; d < DIM; d++)
			dot += codes[d] * w->codes[(size_t)doc * DIM + d];
		all[n++] = (struct eng_near){doc, eng_vec_sim(dot, r, w->r[doc])};
	}
	sorting = w;
	qsort(all, n, sizeof *all, by_order);
	n = n < k ? n : k;
	memcpy(out, all, n * sizeof *out);
	return n;
}

static bool equal(const struct eng_near *a, size_t na, const struct eng_near *b, size_t nb)
{
	bool same = na == nb;

	for (size_t i = 0; same && i < na; i++)
		same = a[i].doc == b[i].doc && a[i].sim_q30 == b[i].sim_q30;
	return same;
}

/* How many in 10,000 of the exact ten are found, over all questions; *most the most
 * that one of them was compared with. */
static unsigned recall(struct world *w, const struct question *q, struct eng_near_ask how, bool correlated,
                       uint64_t *most)
{
	unsigned hits = 0, all = 0;

	*most = 0;
	for (unsigned i = 0; i < QUERIES; i++) {
		struct eng_near want[K], got[K];
		uint64_t compared = 0;
		size_t nwant, ngot;

		if (correlated)
			w->near_cluster = q[i].cluster;
		nwant = model(want, K, w, q[i].codes);
		if (ask(got, &ngot, &compared, w, q[i].codes, how) != 0)
			return 0;
		all += (unsigned)nwant;
		*most = compared > *most ? compared : *most;
		for (size_t a = 0; a < ngot; a++)
			for (size_t b = 0; b < nwant; b++)
				hits += got[a].doc == want[b].doc;
	}
	w->near_cluster = -1;
	return all ? (unsigned)((uint64_t)hits * 10000 / all) : 0;
}

/* -- tests --------------------------------------------------------------------------------- */

static void test_filters(struct world *w, const struct question *q)
{
	static const unsigned shares[] = {1, 2, 10, 100, 1000};
	uint64_t most;

	for (unsigned i = 0; i < ENG_COUNT(shares); i++) {
		unsigned found, known, passing = 0;

		w->one_in = shares[i];
		for (uint32_t doc = 0; doc < DOCS; doc++)
			passing += accept(w, doc);
		found = recall(w, q, (struct eng_near_ask){0}, false, &most);
		known = recall(w, q, (struct eng_near_ask){.most = passing}, false, &most);
		tap_ok(found >= 9500 && known >= 9500, "one in %u passes: recall@10 %u, %u where their number is known",
		       shares[i], found, known);
		if (shares[i] == 1)
			tap_ok(most < NODES / 3, "without a filter the graph is searched: %" PRIu64 " of %u compared", most,
			       DOCS);
		if (shares[i] == 1000)
			tap_ok(most <= TAIL + 2 * DOCS / 1000, "what few pass is compared, and no more: %" PRIu64, most);
	}
	pass_all(w);
}

/* What passes goes with what the memories are about, so that their number says
 * nothing of how many are near the cue. */
static void test_correlated(struct world *w, const struct question *q)
{
	uint64_t most;
	unsigned found = recall(w, q, (struct eng_near_ask){0}, true, &most);

	tap_ok(found >= 9500, "all pass but those the cue is about: recall@10 %u", found);
	w->only_cluster = 7;
	found = recall(w, q, (struct eng_near_ask){0}, false, &most);
	tap_ok(found >= 9500, "only those of one place pass: recall@10 %u", found);
	pass_all(w);
}

static void test_exact(struct world *w, const struct question *q, uint64_t seed)
{
	static struct eng_near want[DOCS], got[DOCS];
	struct eng_rng g;
	unsigned wrong = 0;

	eng_rng_seed(&g, seed);
	for (unsigned i = 0; i < QUERIES; i++) {
		struct eng_near_ask how = {.exact = true, .k = 1 + eng_rng_below(&g, i % 10 ? 300 : DOCS)};
		size_t nwant, ngot;
		uint64_t compared = 0;

		w->one_in = 1 + (unsigned)eng_rng_below(&g, 30);
		nwant = model(want, how.k, w, q[i].codes);
		how.most = i % 2 ? nwant + 20 : SIZE_MAX;
		if (ask(got, &ngot, &compared, w, q[i].codes, how) != 0 || !equal(got, ngot, want, nwant) ||
		    compared != DOCS)
			wrong++;
	}
	tap_int(wrong, 0, "exact answers equal sorting all that pass, and compare all (seed %" PRIu64 ")", seed);
	pass_all(w);
}

/* 2,000 documents are the same: which ten are shown follows from ids alone, wherever
 * they lie.  It compares them all, in whatever way. */
static void test_equals(struct world *w, const struct question *q)
{
	struct eng_near want[K], got[K], again[K];
	size_t nwant, ngot, nagain;

	for (uint32_t doc = 1000; doc < 3000; doc++) {
		memcpy(w->codes + (size_t)doc * DIM, q[0].codes, DIM);
		w->r[doc] = eng_vec_norm(q[0].codes, DIM);
		w->sum[doc] = eng_vec_sum(q[0].codes, DIM);
	}
	arrange(w, 2);
	nwant = model(want, K, w, q[0].codes);
	ask(got, &ngot, NULL, w, q[0].codes, (struct eng_near_ask){0});
	arrange(w, 3);
	ask(again, &nagain, NULL, w, q[0].codes, (struct eng_near_ask){0});
	tap_ok(want[K - 1].sim_q30 == want[0].sim_q30 && equal(got, ngot, want, nwant),
	       "of 2,000 equals the first ten by id are found");
	tap_ok(equal(again, nagain, want, nwant), "also where they are other nodes and rows");
}

static void test_edges(struct world *w, const struct question *q)
{
	static struct eng_near got[DOCS];
	size_t n;

	w->unreadable = 3;
	tap_int(ask(got, &n, NULL, w, q[1].codes, (struct eng_near_ask){.exact = true}), ENGRAM_EDAMAGED,
	        "documents that cannot be read are damage");
	tap_int(n, 0, "and nothing is answered");
	w->unreadable = NONE;
	for (uint32_t doc = 0; doc < DOCS; doc++)
		w->gone[doc] = doc % 50 != 0;
	tap_int(ask(got, &n, NULL, w, q[1].codes, (struct eng_near_ask){.k = 1000}), 0, "nearly all are gone");
	tap_int(n, (DOCS + 49) / 50, "what is left is found to the last one");
	memset(w->gone, 1, sizeof w->gone);
	tap_int(ask(got, &n, NULL, w, q[1].codes, (struct eng_near_ask){0}), 0, "all are gone");
	tap_int(n, 0, "nothing is found");
	memset(w->gone, 0, sizeof w->gone);
}

static int ask_all(void *data)
{
	struct world *w = data;
	struct question *q = questions();
	struct eng_near got[K];
	size_t n;
	int rc = ask(got, &n, NULL, w, q->codes, (struct eng_near_ask){0});

	w->one_in = 500;
	if (rc == 0)
		rc = ask(got, &n, NULL, w, q->codes, (struct eng_near_ask){0});
	pass_all(w);
	free(q);
	return rc;
}

int main(void)
{
	struct world *w = make_world();
	struct question *q = questions();

	arrange(w, 1);
	test_filters(w, q);
	test_correlated(w, q);
	test_exact(w, q, 11);
	test_edges(w, q);
	failalloc_each(ask_all, w, "a search and a sieve");
	test_equals(w, q);
	free(q);
	free_world(w);
	return tap_done();
}
