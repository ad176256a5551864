/* test_index_hnsw.c - the graph against the exact scan, against itself with other
 * workers and kernels, and against its own validator. */
#include <pthread.h>
#include <stdlib.h>

#include "base/rng.h"
#include "engram.h"
#include "index/hnsw.h"
#define XXH_INLINE_ALL
#include <xxhash.h>
#include "../lib/failalloc.h"

enum { DIM = 64, K = 10, QUERIES = 200 };

/* -- data ------------------------------------------------------------------------- */

struct set {
	uint32_t n;
	int8_t *codes;
	uint32_t *r;
	int32_t *sum;
	uint32_t *doc;
};

/* Clusters on a few directions with noise: neighbours that are worth finding. */
static void point(struct eng_rng *g, float *x, unsigned clusters)
{
	struct eng_rng centre;

	eng_rng_seed(&centre, 77 + eng_rng_below(g, clusters));
	for (unsigned d = 0; d < DIM; d++)
		x[d] = (float)((double)eng_rng_below(&centre, 2001) - 1000 + ((double)eng_rng_below(g, 1601) - 800));
}

static struct set make_set(uint64_t seed, uint32_t n, unsigned clusters)
{
	struct set s = {n, aligned_alloc(64, (size_t)n * DIM + 64), calloc(n, 4), calloc(n, 4), calloc(n, 4)};
	struct eng_rng g;
	float x[DIM];

	eng_rng_seed(&g, seed);
	for (uint32_t i = 0; i < n; i++) {
		int8_t *row = s.codes + (size_t)i * DIM;

		point(&g, x, clusters);
		eng_vec_quantise(row, x, DIM);
		s.r[i] = eng_vec_norm(row, DIM);
		s.sum[i] = eng_vec_sum(row, DIM);
		s.doc[i] = i;
	}
	return s;
}

static void free_set(struct set *s)
{
	free(s->codes);
	free(s->r);
	free(s->sum);
	free(s->doc);
}

static unsigned level_of(void *ctx, uint32_t node)
{
	(void)ctx;
	return eng_hnsw_level(XXH3_64bits(&node, sizeof node));
}

/* -- building ------------------------------------------------------------------------- */

struct thread {
	void (*job)(void *data, unsigned worker);
	void *data;
	unsigned worker;
};

static void *run_one(void *p)
{
	struct thread *t = p;

	t->job(t->data, t->worker);
	return NULL;
}

static void run_threads(void *ctx, void (*job)(void *data, unsigned worker), void *data)
{
	unsigned n = *(unsigned *)ctx;
	pthread_t ids[8];
	struct thread t[8];

	for (unsigned i = 0; i < n; i++) {
		t[i] = (struct thread){job, data, i};
		pthread_create(&ids[i], NULL, run_one, &t[i]);
	}
	for (unsigned i = 0; i < n; i++)
		pthread_join(ids[i], NULL);
}

static void add_rows(struct eng_hnsw_build *b, const struct set *s, uint32_t from, uint32_t to)
{
	for (uint32_t i = from; i < to; i++)
		eng_hnsw_build_row(b, s->codes + (size_t)i * DIM, s->r[i], s->sum[i], level_of(NULL, i));
}

static struct eng_hnsw_build *build(const struct set *s, uint32_t n, const struct eng_workers *workers)
{
	struct eng_hnsw_build *b = NULL;
	uint32_t mended;

	if (eng_hnsw_build_new(&b, DIM, workers) < 0)
		exit(99);
	add_rows(b, s, 0, n);
	if (eng_hnsw_build_run(b, NULL, NULL) < 0 || eng_hnsw_build_finish(b, &mended) < 0)
		exit(99);
	return b;
}

static uint64_t hash_of(struct eng_hnsw *g)
{
	XXH3_state_t *x = XXH3_createState();
	uint64_t h;

	XXH3_64bits_reset(x);
	for (uint32_t i = 0; i < g->n; i += ENG_HNSW_BLOCK) {
		uint32_t n = g->n - i < ENG_HNSW_BLOCK ? g->n - i : ENG_HNSW_BLOCK;

		XXH3_64bits_update(x, g->blocks[i / ENG_HNSW_BLOCK].links, (size_t)n * ENG_HNSW_LINKS * 4);
	}
	for (unsigned l = 0; l < g->layers; l++)
		XXH3_64bits_update(x, g->upper[l], g->nupper[l] * sizeof *g->upper[l]);
	h = XXH3_64bits_digest(x);
	XXH3_freeState(x);
	return h;
}

static bool is_sound(struct eng_hnsw *g, bool levels)
{
	struct eng_hnsw_fault fault;

	if (eng_hnsw_check(&fault, g, levels ? level_of : NULL, NULL) == 0)
		return true;
	printf("# layer %u, node %u: %s\n", fault.layer, fault.node, fault.text);
	return false;
}

/* -- searching -------------------------------------------------------------------------- */

struct once {
	struct eng_rows rows;
	bool given;
};

static int whole(void *ctx, struct eng_rows *out)
{
	struct once *o = ctx;

	if (o->given)
		return 0;
	o->given = true;
	*out = o->rows;
	return 1;
}

/* How many in 10,000 of the exact 10 nearest of queries beyond the set are found;
 * name[node] = row of the set, NULL = the same. */
static unsigned recall(struct eng_hnsw *g, const struct set *s, uint32_t from, uint32_t to, const uint32_t *name,
                       size_t ef, const struct eng_near_filter *filter)
{
	struct set q = make_set(4711, QUERIES, 300);
	struct eng_hnsw_scratch scratch = {0};
	unsigned hits = 0, all = 0;

	for (uint32_t i = 0; i < QUERIES; i++) {
		const int8_t *query = q.codes + (size_t)i * DIM;
		struct once o = {{s->codes + (size_t)from * DIM, s->r + from, s->sum + from, s->doc + from, to - from, DIM}, false};
		struct eng_row_reader reader = {whole, &o};
		struct eng_near want[K], got[K];
		size_t nwant, ngot;

		eng_flat_search(want, &nwant, K, query, DIM, &reader, filter);
		eng_hnsw_search(got, &ngot, K, ef, g, query, &scratch, filter);
		all += (unsigned)nwant;
		for (size_t a = 0; a < ngot; a++)
			for (size_t b = 0; b < nwant; b++)
				hits += (name ? name[got[a].doc] : got[a].doc) == want[b].doc;
	}
	eng_hnsw_scratch_free(&scratch);
	free_set(&q);
	return all ? (unsigned)((uint64_t)hits * 10000 / all) : 0;
}

/* -- tests --------------------------------------------------------------------------------- */

static void test_recall(const struct set *s)
{
	struct eng_hnsw_build *b = build(s, s->n, NULL);
	struct eng_hnsw *g = eng_hnsw_build_graph(b);
	unsigned low = recall(g, s, 0, s->n, NULL, 16, NULL), high = recall(g, s, 0, s->n, NULL, 128, NULL);

	printf("# %u rows: recall@10 %u at ef 16, %u at ef 128 (of 10,000)\n", s->n, low, high);
	tap_ok(is_sound(g, true), "a built graph passes its validator");
	tap_ok(high >= 9900, "at ef 128 it finds 0.99 of the ten nearest");
	tap_ok(low < high, "a greater ef finds more");
	eng_hnsw_build_free(b);
}

static void test_same(const struct set *s)
{
	unsigned two = 2, five = 5;
	struct eng_workers w2 = {2, run_threads, &two}, w5 = {5, run_threads, &five};
	const struct eng_workers *all[] = {NULL, &w2, &w5, NULL};
	uint64_t hashes[4];

	for (unsigned i = 0; i < 4; i++) {
		struct eng_hnsw_build *b = build(s, s->n, all[i]);

		hashes[i] = hash_of(eng_hnsw_build_graph(b));
		eng_hnsw_build_free(b);
	}
	tap_ok(hashes[0] == hashes[3], "built twice, it is the same");
	tap_ok(hashes[0] == hashes[1] && hashes[0] == hashes[2], "one, two and five workers build the same");
}

struct numbering {
	struct eng_hnsw g;
	uint32_t *old;
};

/* What a file would hold. */
static struct numbering handed_over(struct eng_hnsw_build *b)
{
	struct eng_hnsw *from = eng_hnsw_build_graph(b);
	struct numbering out = {.g = {.n = from->n, .stride = DIM, .layers = from->layers}};
	uint32_t nblocks = (from->n + ENG_HNSW_BLOCK - 1) / ENG_HNSW_BLOCK;
	struct eng_hnsw_order o;

	if (eng_hnsw_order_new(&o, b) < 0)
		exit(99);
	out.g.blocks = calloc(nblocks, sizeof *out.g.blocks);
	for (uint32_t i = 0; i < nblocks; i++) {
		struct eng_hnsw_block_out mem = {aligned_alloc(64, ENG_HNSW_BLOCK * DIM), malloc(ENG_HNSW_BLOCK * 4),
		                                 malloc(ENG_HNSW_BLOCK * 4), malloc(ENG_HNSW_BLOCK * ENG_HNSW_LINKS * 4)};

		eng_hnsw_order_block(&mem, b, &o, i);
		out.g.blocks[i] = (struct eng_hnsw_block){mem.codes, mem.r, mem.sum, mem.links};
	}
	for (unsigned l = 1; l <= from->layers; l++) {
		struct eng_hnsw_upper *u = malloc(from->nupper[l - 1] * sizeof *u);

		eng_hnsw_order_upper(u, b, &o, l);
		out.g.upper[l - 1] = u;
		out.g.nupper[l - 1] = from->nupper[l - 1];
	}
	out.old = malloc(from->n * sizeof *out.old);
	memcpy(out.old, o.old, from->n * sizeof *out.old);
	eng_hnsw_order_free(&o);
	return out;
}

static void free_numbering(struct numbering *n)
{
	for (uint32_t i = 0; i * ENG_HNSW_BLOCK < n->g.n; i++) {
		free((void *)n->g.blocks[i].codes);
		free((void *)n->g.blocks[i].r);
		free((void *)n->g.blocks[i].sum);
		free((void *)n->g.blocks[i].links);
	}
	for (unsigned l = 0; l < n->g.layers; l++)
		free((void *)n->g.upper[l]);
	free(n->g.blocks);
	free(n->old);
}

static void test_renumbered(const struct set *s)
{
	struct eng_hnsw_build *b = build(s, s->n, NULL);
	struct numbering n = handed_over(b);
	unsigned before = recall(eng_hnsw_build_graph(b), s, 0, s->n, NULL, 64, NULL);
	unsigned after = recall(&n.g, s, 0, s->n, n.old, 64, NULL);

	tap_ok(is_sound(&n.g, false), "renumbered, it passes its validator");
	tap_ok(before == after, "and finds the same");
	free_numbering(&n);
	eng_hnsw_build_free(b);
}

/* Four fifths built, handed over, loaded, the rest added. */
static void test_grown(const struct set *s)
{
	uint32_t first = s->n * 4 / 5, mended;
	struct eng_hnsw_build *b = build(s, first, NULL), *c = NULL;
	struct numbering n = handed_over(b);
	unsigned found;

	if (eng_hnsw_build_new(&c, DIM, NULL) < 0 || eng_hnsw_build_load(c, &n.g, NULL, NULL) < 0)
		exit(99);
	tap_ok(hash_of(eng_hnsw_build_graph(c)) == hash_of(&n.g), "loaded, it is what was stored");
	add_rows(c, s, first, s->n);
	eng_hnsw_build_run(c, NULL, NULL);
	eng_hnsw_build_finish(c, &mended);
	n.old = realloc(n.old, s->n * sizeof *n.old);
	for (uint32_t i = first; i < s->n; i++)
		n.old[i] = i;
	found = recall(eng_hnsw_build_graph(c), s, 0, s->n, n.old, 128, NULL);
	printf("# grown by a fifth: recall@10 %u at ef 128\n", found);
	tap_ok(is_sound(eng_hnsw_build_graph(c), false), "grown, it passes its validator");
	tap_ok(found >= 9900, "and finds 0.99 of the ten nearest");
	free_numbering(&n);
	eng_hnsw_build_free(b);
	eng_hnsw_build_free(c);
}

static bool is_gone(void *ctx, uint32_t node)
{
	(void)ctx;
	return node % 5 == 3;
}

static void test_shrunk(const struct set *s)
{
	struct eng_hnsw_build *b = build(s, s->n, NULL), *c = NULL;
	uint32_t *name = malloc(s->n * sizeof *name), n = 0, mended;
	struct set left = *s;
	unsigned found;

	for (uint32_t i = 0; i < s->n; i++)
		if (!is_gone(NULL, i))
			name[n++] = i;
	if (eng_hnsw_build_new(&c, DIM, NULL) < 0 || eng_hnsw_build_load(c, eng_hnsw_build_graph(b), is_gone, NULL) < 0 ||
	    eng_hnsw_build_finish(c, &mended) < 0)
		exit(99);
	tap_ok(eng_hnsw_build_graph(c)->n == n, "nodes that went leave no row");
	tap_ok(is_sound(eng_hnsw_build_graph(c), false), "without them, it passes its validator");
	left.r = malloc(s->n * sizeof *left.r);
	for (uint32_t i = 0; i < s->n; i++)
		left.r[i] = is_gone(NULL, i) ? 0 : s->r[i];
	found = recall(eng_hnsw_build_graph(c), &left, 0, s->n, name, 128, NULL);
	printf("# without a fifth: recall@10 %u at ef 128, %u nodes mended\n", found, mended);
	tap_ok(found >= 9900, "and finds 0.99 of the ten nearest that stayed");
	free(left.r);
	free(name);
	eng_hnsw_build_free(b);
	eng_hnsw_build_free(c);
}

static void test_equal_vectors(void)
{
	struct set s = make_set(5, 3000, 1);
	struct eng_hnsw_build *b;
	uint32_t mended;

	for (uint32_t i = 1; i < s.n; i++) {
		memcpy(s.codes + (size_t)i * DIM, s.codes, DIM);
		s.r[i] = s.r[0];
		s.sum[i] = s.sum[0];
	}
	b = build(&s, s.n, NULL);
	eng_hnsw_build_finish(b, &mended);
	tap_ok(is_sound(eng_hnsw_build_graph(b), true), "3,000 equal vectors: every one can be reached");
	tap_ok(mended == 0, "and a second look mends nothing");
	eng_hnsw_build_free(b);
	free_set(&s);
}

static void test_few(void)
{
	struct set s = make_set(6, 40, 3);
	struct eng_hnsw_scratch scratch = {0};
	bool sound = true, exact = true;

	for (uint32_t n = 0; n <= s.n; n++) {
		struct eng_hnsw_build *b = build(&s, n, NULL);
		struct eng_hnsw *g = eng_hnsw_build_graph(b);
		struct eng_near got[K];
		size_t found;

		sound = sound && is_sound(g, true);
		if (n > 0)
			exact = exact && recall(g, &s, 0, n, NULL, 64, NULL) == 10000;
		else
			exact = exact && eng_hnsw_search(got, &found, K, 10, g, s.codes, &scratch, NULL) == 0 && found == 0;
		eng_hnsw_build_free(b);
	}
	tap_ok(sound && exact, "graphs of 0 to 40 nodes are sound and exact");
	eng_hnsw_scratch_free(&scratch);
	free_set(&s);
}

static bool every_seventh(void *ctx, uint32_t doc)
{
	(void)ctx;
	return doc % 7 == 0;
}

static void test_filter(const struct set *s)
{
	struct eng_near_filter filter = {.accept = every_seventh};
	struct eng_hnsw_build *b = build(s, s->n, NULL);
	unsigned found = recall(eng_hnsw_build_graph(b), s, 0, s->n, NULL, 256, &filter);

	printf("# one in seven accepted: recall@10 %u at ef 256\n", found);
	tap_ok(found >= 9800, "a filter that takes one in seven finds 0.98 of the ten nearest accepted");
	eng_hnsw_build_free(b);
}

/* Every byte of links and layers counts: flips are found, or leave a sound graph. */
static void test_damage(const struct set *s)
{
	struct eng_hnsw_build *b = build(s, 1500, NULL);
	struct numbering n = handed_over(b);
	struct eng_hnsw_fault fault;
	struct eng_rng g;
	unsigned caught = 0;
	enum { FLIPS = 400 };

	eng_rng_seed(&g, 9);
	for (unsigned i = 0; i < FLIPS; i++) {
		uint32_t *links = (uint32_t *)n.g.blocks[eng_rng_below(&g, 2)].links;
		uint32_t *at = links + eng_rng_below(&g, 400 * ENG_HNSW_LINKS), was = *at;

		*at ^= 1u << eng_rng_below(&g, 32);
		caught += eng_hnsw_check(&fault, &n.g, NULL, NULL) == ENGRAM_EDAMAGED;
		*at = was;
	}
	printf("# %u of %u flipped bits of links found\n", caught, FLIPS);
	tap_ok(caught > FLIPS / 2, "most flipped bits of links are found, none crashes");
	((struct eng_hnsw_upper *)n.g.upper[0])[3].down++;
	tap_ok(eng_hnsw_check(&fault, &n.g, NULL, NULL) == ENGRAM_EDAMAGED, "a wrong place below is found");
	free_numbering(&n);
	eng_hnsw_build_free(b);
}

/* Build, search, check, hand over, load without some: all of it once. */
static int whole_life(void *data)
{
	const struct set *s = data;
	struct eng_hnsw_build *b = NULL, *c = NULL;
	struct eng_hnsw_scratch scratch = {0};
	struct eng_hnsw_order o = {0};
	struct eng_hnsw_fault fault;
	struct eng_near near[K];
	uint32_t mended;
	size_t n;
	int rc = eng_hnsw_build_new(&b, DIM, NULL);

	for (uint32_t i = 0; rc == 0 && i < 300; i++)
		rc = eng_hnsw_build_row(b, s->codes + (size_t)i * DIM, s->r[i], s->sum[i], level_of(NULL, i));
	if (rc == 0)
		rc = eng_hnsw_build_run(b, NULL, NULL);
	if (rc == 0)
		rc = eng_hnsw_build_finish(b, &mended);
	if (rc == 0)
		rc = eng_hnsw_search(near, &n, K, 20, eng_hnsw_build_graph(b), s->codes, &scratch, NULL);
	if (rc == 0)
		rc = eng_hnsw_check(&fault, eng_hnsw_build_graph(b), level_of, NULL);
	if (rc == 0)
		rc = eng_hnsw_order_new(&o, b);
	if (rc == 0)
		rc = eng_hnsw_build_new(&c, DIM, NULL);
	if (rc == 0)
		rc = eng_hnsw_build_load(c, eng_hnsw_build_graph(b), is_gone, NULL);
	eng_hnsw_order_free(&o);
	eng_hnsw_scratch_free(&scratch);
	eng_hnsw_build_free(b);
	eng_hnsw_build_free(c);
	return rc;
}

int main(void)
{
	struct set s = make_set(1, 8000, 300);

	test_recall(&s);
	test_same(&s);
	test_renumbered(&s);
	test_grown(&s);
	test_shrunk(&s);
	test_filter(&s);
	test_damage(&s);
	test_equal_vectors();
	test_few();
	failalloc_each(whole_life, &s, "building, searching, checking, handing over, loading");
	free_set(&s);
	return tap_done();
}
