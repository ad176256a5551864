/* hnsw_rows.c - the memory of a graph that is built: nodes, layers, links.
 *
 * A block of 1,024 nodes lies in one piece, its codes first and on a 64-byte
 * boundary, as in the files that are searched.  Blocks come in slabs of as many as
 * there are already, so that most of a large graph stands in large pages: without,
 * every row that a search looks at is a walk through the tables of pages (searches
 * of 120,000 x 100: 1.2 times as fast with them). */
#include "index/hnsw_build.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "engram.h"

int eng_hnsw_build_new(struct eng_hnsw_build **out, uint32_t stride, const struct eng_workers *workers)
{
	struct eng_hnsw_build *b = eng_calloc(1, sizeof *b);

	if (!b)
		return ENGRAM_ENOMEM;
	b->g.stride = stride;
	b->workers = workers;
	b->nworkers = workers && workers->n ? workers->n : 1;
	b->worker = eng_calloc(b->nworkers, sizeof *b->worker);
	if (!b->worker) {
		eng_free(b);
		return ENGRAM_ENOMEM;
	}
	*out = b;
	return 0;
}

void eng_hnsw_build_free(struct eng_hnsw_build *b)
{
	if (!b)
		return;
	for (unsigned i = 0; i < b->nworkers; i++)
		if (b->worker[i]) {
			eng_hnsw_scratch_free(&b->worker[i]->scratch);
			eng_free(b->worker[i]);
		}
	for (size_t i = 0; i < b->nslabs; i++)
		eng_free(b->slabs[i]);
	for (unsigned l = 0; l < ENG_HNSW_LAYERS; l++)
		eng_free(b->layers[l].at);
	eng_free(b->g.blocks);
	eng_free(b->slabs);
	eng_free(b->levels);
	eng_free(b->back.at);
	eng_free(b->back.groups);
	eng_free(b->worker);
	eng_free(b);
}

struct eng_hnsw *eng_hnsw_build_graph(struct eng_hnsw_build *b)
{
	return &b->g;
}

/* -- nodes ------------------------------------------------------------------------- */

#define SLAB_MAX ((size_t)64 << 20)

static int new_slab(struct eng_hnsw_build *b, uint32_t blocks, size_t size)
{
	uint32_t n = blocks ? blocks : 1, most = (uint32_t)(SLAB_MAX / size);
	uint8_t *p;

	n = n < most ? n : most;
	if (!eng_grow(&b->slabs, &b->slabs_cap, b->nslabs, sizeof *b->slabs))
		return ENGRAM_ENOMEM;
	p = eng_alloc_large(64 + n * size);
	if (!p)
		return ENGRAM_ENOMEM;
	b->slabs[b->nslabs++] = p;
	b->free = p + (64 - (uintptr_t)p % 64);
	b->left = n;
	return 0;
}

static int new_block(struct eng_hnsw_build *b, uint32_t i)
{
	const size_t codes = (size_t)ENG_HNSW_BLOCK * b->g.stride, numbers = ENG_HNSW_BLOCK * sizeof(uint32_t);
	const size_t size = codes + 2 * numbers + ENG_HNSW_LINKS * numbers;
	uint8_t *p;

	if (!eng_grow(&b->g.blocks, &b->blocks_cap, i, sizeof *b->g.blocks) ||
	    (b->left == 0 && new_slab(b, i, size) < 0))
		return ENGRAM_ENOMEM;
	p = b->free;
	b->free += size;
	b->left--;
	b->g.blocks[i] = (struct eng_hnsw_block){
		.codes = (int8_t *)p,
		.r = (void *)(p + codes),
		.sum = (void *)(p + codes + numbers),
		.links = (void *)(p + codes + 2 * numbers),
	};
	memset(p + codes + 2 * numbers, 0xff, ENG_HNSW_LINKS * numbers);
	return 0;
}

int eng_build_node(struct eng_hnsw_build *b, const int8_t *codes, uint32_t r, int32_t sum, unsigned level)
{
	uint32_t at = b->rows % ENG_HNSW_BLOCK, i = b->rows / ENG_HNSW_BLOCK;
	const struct eng_hnsw_block *block;

	if (b->rows >= ENG_HNSW_NODES_MAX)
		return ENGRAM_ELIMIT;
	if (!eng_grow(&b->levels, &b->levels_cap, b->rows, 1) || (at == 0 && new_block(b, i) < 0))
		return ENGRAM_ENOMEM;
	block = &b->g.blocks[i];
	memcpy((int8_t *)block->codes + (size_t)at * b->g.stride, codes, b->g.stride);
	((uint32_t *)block->r)[at] = r;
	((int32_t *)block->sum)[at] = sum;
	b->levels[b->rows++] = (uint8_t)(level < ENG_HNSW_LAYERS ? level : ENG_HNSW_LAYERS);
	return 0;
}

int eng_hnsw_build_row(struct eng_hnsw_build *b, const int8_t *codes, uint32_t r, int32_t sum, unsigned level)
{
	return r ? eng_build_node(b, codes, r, sum, level) : ENGRAM_EUSAGE;
}

/* -- layers -------------------------------------------------------------------------- */

static int raise_node(struct eng_hnsw_build *b, uint32_t node)
{
	uint32_t down = node;

	for (unsigned l = 0; l < b->levels[node]; l++) {
		struct eng_hnsw_layer *layer = &b->layers[l];
		struct eng_hnsw_upper *u;

		if (!eng_grow(&layer->at, &layer->cap, layer->n, sizeof *layer->at))
			return ENGRAM_ENOMEM;
		u = &layer->at[layer->n];
		*u = (struct eng_hnsw_upper){.node = node, .down = down};
		memset(u->links, 0xff, sizeof u->links);
		down = (uint32_t)layer->n++;
		b->g.upper[l] = layer->at;
		b->g.nupper[l] = (uint32_t)layer->n;
	}
	return 0;
}

int eng_build_raise(struct eng_hnsw_build *b, uint32_t lo, uint32_t hi)
{
	int rc = 0;

	for (uint32_t node = lo; rc == 0 && node < hi; node++)
		rc = raise_node(b, node);
	return rc;
}

unsigned eng_build_top(const struct eng_hnsw_build *b)
{
	unsigned top = ENG_HNSW_LAYERS;

	while (top > 0 && b->layers[top - 1].n == 0)
		top--;
	return top;
}

/* -- links ----------------------------------------------------------------------------- */

uint32_t *eng_build_links(struct eng_hnsw_build *b, uint32_t *max, unsigned layer, uint32_t place)
{
	*max = layer ? ENG_HNSW_M : ENG_HNSW_LINKS;
	if (layer)
		return b->layers[layer - 1].at[place].links;
	return (uint32_t *)b->g.blocks[place / ENG_HNSW_BLOCK].links + (size_t)(place % ENG_HNSW_BLOCK) * ENG_HNSW_LINKS;
}

uint32_t eng_links_count(const uint32_t *links, uint32_t max)
{
	uint32_t n = 0;

	while (n < max && links[n] != ENG_HNSW_NONE)
		n++;
	return n;
}

static int ascending(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

void eng_links_set(uint32_t *links, uint32_t max, uint32_t *from, uint32_t n)
{
	qsort(from, n, sizeof *from, ascending);
	memcpy(links, from, n * sizeof *links);
	memset(links + n, 0xff, (max - n) * sizeof *links);
}

int eng_by_u64(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static int descending(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x < y) - (x > y);
}

int eng_build_keys(uint64_t *keys, struct eng_hnsw_build *b, unsigned layer, uint32_t of, const uint32_t *places,
                   uint32_t n)
{
	struct eng_gather a;
	struct eng_hnsw_query q;
	int rc = eng_hnsw_query_of(&q, &b->g, layer, of);

	for (uint32_t done = 0; rc == 0 && done < n; done += a.n) {
		a.n = 0;
		for (uint32_t i = done; rc == 0 && i < n && a.n < ENG_GATHER; i++)
			rc = eng_gather_add(&a, &b->g, layer, places[i]);
		if (rc == 0)
			eng_gather_keys(keys + done, &a, places + done, &q, b->g.stride);
	}
	if (rc == 0)
		qsort(keys, n, sizeof *keys, descending);
	return rc;
}

/* No chosen one is nearer to the candidate than sim says. */
static bool is_diverse(const struct eng_gather *a, uint32_t chosen, const struct eng_hnsw_query *candidate,
                       int32_t sim, uint32_t stride)
{
	int32_t dots[4];

	for (uint32_t i = 0; i < chosen; i += 4) {
		uint32_t n = chosen - i < 4 ? chosen - i : 4;

		eng_vec_dots_at(dots, candidate->codes, candidate->sum, a->codes + i, n, stride);
		for (uint32_t k = 0; k < n; k++)
			if (eng_vec_sim(dots[k], candidate->r, *a->r[i + k]) > sim)
				return false;
	}
	return true;
}

/* Candidates are looked at one by one: each is asked for while some before it are. */
#define AHEAD 4u

static void ask_for_row(const struct eng_hnsw *g, unsigned layer, uint32_t place)
{
	uint32_t node = eng_hnsw_node(g, layer, place), i = node % ENG_HNSW_BLOCK;
	const struct eng_hnsw_block *b = &g->blocks[node / ENG_HNSW_BLOCK];
	const int8_t *codes = b->codes + (size_t)i * g->stride;

	for (uint32_t k = 0; k < g->stride; k += 64)
		__builtin_prefetch(codes + k);
	__builtin_prefetch(&b->r[i]);
	__builtin_prefetch(&b->sum[i]);
}

int eng_build_select(uint32_t *out, uint32_t *n, struct eng_hnsw_build *b, unsigned layer, const uint64_t *keys,
                     size_t nkeys, uint32_t max)
{
	struct eng_gather a = {.n = 0};
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < nkeys && a.n < max; i++) {
		uint32_t place = eng_key_number(keys[i]);
		struct eng_hnsw_query candidate;

		if (i + AHEAD < nkeys)
			ask_for_row(&b->g, layer, eng_key_number(keys[i + AHEAD]));
		rc = eng_hnsw_query_of(&candidate, &b->g, layer, place);
		if (rc == 0 && is_diverse(&a, a.n, &candidate, eng_key_sim(keys[i]), b->g.stride)) {
			out[a.n] = place;
			rc = eng_gather_add(&a, &b->g, layer, place);
		}
	}
	*n = a.n;
	return rc;
}

/* -- sharing out -------------------------------------------------------------------------- */

/* Items taken at once: the counter is then no point of contention. */
#define TAKE 8u

struct eng_hnsw_worker *eng_build_worker(struct eng_hnsw_build *b, unsigned worker)
{
	if (!b->worker[worker])
		b->worker[worker] = eng_calloc(1, sizeof **b->worker);
	return b->worker[worker];
}

struct share {
	struct eng_hnsw_build *b;
	uint32_t n;
	eng_build_fn *fn;
	void *data;
};

static void work(void *data, unsigned worker)
{
	struct share *s = data;

	for (;;) {
		uint32_t at = atomic_fetch_add(&s->b->next, TAKE);

		for (uint32_t i = at; i < at + TAKE && i < s->n && !s->b->failed; i++) {
			int rc = s->fn(s->b, i, worker, s->data);

			if (rc < 0)
				s->b->failed = rc;
		}
		if (at + TAKE >= s->n || s->b->failed)
			return;
	}
}

int eng_build_share(struct eng_hnsw_build *b, uint32_t n, eng_build_fn *fn, void *data)
{
	struct share s = {b, n, fn, data};

	b->next = 0;
	b->failed = 0;
	if (b->workers && n > TAKE)
		b->workers->run(b->workers->ctx, work, &s);
	else
		work(&s, 0);
	return b->failed;
}
