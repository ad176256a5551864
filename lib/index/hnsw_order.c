/* hnsw_order.c - handing the graph over, numbered in the order of a walk.
 *
 * Pages, not similarities, are what a process pays that searches once and ends.
 * Numbered breadth first from the entry, the nodes of one neighbourhood share
 * pages, of codes as of links.  Layers above 0 stay ascending by node, so places
 * there change too. */
#include "index/hnsw_build.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "engram.h"

/* -- the order ----------------------------------------------------------------------- */

static void walk(struct eng_hnsw_order *o, struct eng_hnsw_build *b)
{
	const uint32_t entry = eng_hnsw_node(&b->g, b->g.layers, 0);
	uint32_t head = 0, tail = 0;

	o->new[entry] = tail;
	o->old[tail++] = entry;
	while (head < tail) {
		uint32_t max;
		const uint32_t *links = eng_build_links(b, &max, 0, o->old[head++]);

		for (uint32_t i = 0; i < max && links[i] != ENG_HNSW_NONE; i++) {
			if (o->new[links[i]] != ENG_HNSW_NONE)
				continue;
			o->new[links[i]] = tail;
			o->old[tail++] = links[i];
		}
	}
}

/* Places of one layer, ascending by their nodes' new numbers. */
static int order_layer(struct eng_hnsw_order *o, struct eng_hnsw_build *b, unsigned l)
{
	const size_t n = b->layers[l].n;
	uint64_t *keys = eng_alloc(n * sizeof *keys);

	o->place[l] = eng_alloc(n * sizeof(uint32_t));
	o->moved[l] = eng_alloc(n * sizeof(uint32_t));
	if (!keys || !o->place[l] || !o->moved[l]) {
		eng_free(keys);
		return ENGRAM_ENOMEM;
	}
	for (size_t i = 0; i < n; i++)
		keys[i] = (uint64_t)o->new[b->layers[l].at[i].node] << 32 | i;
	qsort(keys, n, sizeof *keys, eng_by_u64);
	for (size_t i = 0; i < n; i++) {
		o->place[l][i] = (uint32_t)keys[i];
		o->moved[l][(uint32_t)keys[i]] = (uint32_t)i;
	}
	eng_free(keys);
	return 0;
}

int eng_hnsw_order_new(struct eng_hnsw_order *o, struct eng_hnsw_build *b)
{
	const size_t size = b->g.n * sizeof(uint32_t);
	int rc = 0;

	*o = (struct eng_hnsw_order){.old = eng_alloc(size), .new = eng_alloc(size)};
	if (!o->old || !o->new)
		rc = ENGRAM_ENOMEM;
	if (rc == 0 && b->g.n > 0) {
		memset(o->new, 0xff, size);
		walk(o, b);
	}
	for (unsigned l = 0; rc == 0 && l < ENG_HNSW_LAYERS; l++)
		rc = order_layer(o, b, l);
	if (rc < 0)
		eng_hnsw_order_free(o);
	return rc;
}

void eng_hnsw_order_free(struct eng_hnsw_order *o)
{
	for (unsigned l = 0; l < ENG_HNSW_LAYERS; l++) {
		eng_free(o->place[l]);
		eng_free(o->moved[l]);
	}
	eng_free(o->old);
	eng_free(o->new);
	*o = (struct eng_hnsw_order){0};
}

/* -- blocks and layers ------------------------------------------------------------------ */

static void emit_links(uint32_t *out, const uint32_t *links, uint32_t max, const uint32_t *moved)
{
	uint32_t places[ENG_HNSW_LINKS], n = eng_links_count(links, max);

	for (uint32_t i = 0; i < n; i++)
		places[i] = moved[links[i]];
	eng_links_set(out, max, places, n);
}

uint32_t eng_hnsw_order_block(const struct eng_hnsw_block_out *out, struct eng_hnsw_build *b,
                              const struct eng_hnsw_order *o, uint32_t i)
{
	const uint32_t first = i * ENG_HNSW_BLOCK, stride = b->g.stride;
	uint32_t n = b->g.n - first < ENG_HNSW_BLOCK ? b->g.n - first : ENG_HNSW_BLOCK;

	for (uint32_t k = 0; k < n; k++) {
		uint32_t old = o->old[first + k], at = old % ENG_HNSW_BLOCK;
		const struct eng_hnsw_block *from = &b->g.blocks[old / ENG_HNSW_BLOCK];

		memcpy(out->codes + (size_t)k * stride, from->codes + (size_t)at * stride, stride);
		out->r[k] = from->r[at];
		out->sum[k] = from->sum[at];
		emit_links(out->links + (size_t)k * ENG_HNSW_LINKS, from->links + (size_t)at * ENG_HNSW_LINKS,
		           ENG_HNSW_LINKS, o->new);
	}
	return n;
}

void eng_hnsw_order_upper(struct eng_hnsw_upper *out, struct eng_hnsw_build *b, const struct eng_hnsw_order *o,
                          unsigned layer)
{
	const struct eng_hnsw_layer *from = &b->layers[layer - 1];

	for (size_t i = 0; i < from->n; i++) {
		const struct eng_hnsw_upper *u = &from->at[o->place[layer - 1][i]];

		out[i].node = o->new[u->node];
		out[i].down = layer == 1 ? o->new[u->down] : o->moved[layer - 2][u->down];
		emit_links(out[i].links, u->links, ENG_HNSW_M, o->moved[layer - 1]);
	}
}
