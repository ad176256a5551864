/* hnsw_check.c - whether a graph is one.
 *
 * Bytes of a file, or the work of a build: nothing is taken for granted but that
 * blocks and layers have the sizes the graph states.  A search of a graph that
 * passes cannot leave its arrays and can meet every node. */
#include "index/hnsw_int.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/alloc.h"
#include "engram.h"

struct checking {
	struct eng_hnsw *g;
	struct eng_hnsw_fault *fault;
	uint8_t *level; /* of each node, by the layers */
};

__attribute__((format(printf, 4, 5))) static int bad(struct checking *c, unsigned layer, uint32_t node,
                                                     const char *format, ...)
{
	va_list ap;

	c->fault->layer = layer;
	c->fault->node = node;
	va_start(ap, format);
	vsnprintf(c->fault->text, sizeof c->fault->text, format, ap);
	va_end(ap);
	return ENGRAM_EDAMAGED;
}

/* n: places of the layer. */
static int check_links(struct checking *c, unsigned layer, uint32_t place, const uint32_t *links, uint32_t max,
                       uint32_t n)
{
	const uint32_t node = eng_hnsw_node(c->g, layer, place);
	uint32_t used = 0;

	while (used < max && links[used] != ENG_HNSW_NONE) {
		uint32_t to = links[used];

		if (to >= n)
			return bad(c, layer, node, "link: wanted one below %" PRIu32 ", found %" PRIu32, n, to);
		if (to == place)
			return bad(c, layer, node, "link: wanted another node, found itself");
		if (used > 0 && links[used - 1] >= to)
			return bad(c, layer, node, "links: wanted ascending ones, found %" PRIu32 " behind %" PRIu32, to,
			           links[used - 1]);
		used++;
	}
	for (; used < max; used++)
		if (links[used] != ENG_HNSW_NONE)
			return bad(c, layer, node, "links: wanted none behind the last, found %" PRIu32, links[used]);
	return 0;
}

static int check_nodes(struct checking *c)
{
	for (uint32_t node = 0; node < c->g->n; node++) {
		const struct eng_hnsw_block *b;
		uint32_t i = node % ENG_HNSW_BLOCK;
		int rc = eng_hnsw_block(c->g, &b, node);

		if (rc < 0)
			return rc;
		if (b->r[i] == 0)
			return bad(c, 0, node, "vector: wanted one with a direction, found zeros");
		rc = check_links(c, 0, node, b->links + (size_t)i * ENG_HNSW_LINKS, ENG_HNSW_LINKS, c->g->n);
		if (rc < 0)
			return rc;
	}
	return 0;
}

/* The entry stands above itself in the layer below, in the same order. */
static int check_upper(struct checking *c, unsigned layer, uint32_t place)
{
	const struct eng_hnsw_upper *all = c->g->upper[layer - 1], *u = &all[place];
	uint32_t below = layer == 1 ? c->g->n : c->g->nupper[layer - 2];

	if (u->node >= c->g->n)
		return bad(c, layer, u->node, "node: wanted one below %" PRIu32 ", found %" PRIu32, c->g->n, u->node);
	if (place > 0 && all[place - 1].node >= u->node)
		return bad(c, layer, u->node, "nodes: wanted ascending ones, found it behind %" PRIu32, all[place - 1].node);
	if (u->down >= below || eng_hnsw_node(c->g, layer - 1, u->down) != u->node)
		return bad(c, layer, u->node, "place below: wanted that of the node, found %" PRIu32, u->down);
	if (c->level[u->node] != layer - 1)
		return bad(c, layer, u->node, "layers: wanted it in the one below, found it missing there");
	c->level[u->node] = (uint8_t)layer;
	return check_links(c, layer, place, u->links, ENG_HNSW_M, c->g->nupper[layer - 1]);
}

static int check_layers(struct checking *c)
{
	int rc = 0;

	if (c->g->layers > ENG_HNSW_LAYERS)
		return bad(c, 0, 0, "layers: wanted at most %u, found %" PRIu32, ENG_HNSW_LAYERS, c->g->layers);
	for (unsigned layer = 1; rc == 0 && layer <= ENG_HNSW_LAYERS; layer++) {
		if ((layer <= c->g->layers) != (c->g->nupper[layer - 1] > 0))
			return bad(c, layer, 0, "layer: wanted nodes up to layer %" PRIu32 ", found %" PRIu32, c->g->layers,
			           c->g->nupper[layer - 1]);
		for (uint32_t i = 0; rc == 0 && i < c->g->nupper[layer - 1]; i++)
			rc = check_upper(c, layer, i);
	}
	return rc;
}

static int check_reach(struct checking *c, uint32_t *queue, uint8_t *seen)
{
	uint32_t head = 0, tail = 0, entry = eng_hnsw_node(c->g, c->g->layers, 0);

	seen[entry] = 1;
	queue[tail++] = entry;
	while (head < tail) {
		uint32_t node = queue[head++];
		const uint32_t *links = c->g->blocks[node / ENG_HNSW_BLOCK].links +
		                        (size_t)(node % ENG_HNSW_BLOCK) * ENG_HNSW_LINKS;

		for (uint32_t i = 0; i < ENG_HNSW_LINKS && links[i] != ENG_HNSW_NONE; i++) {
			if (seen[links[i]])
				continue;
			seen[links[i]] = 1;
			queue[tail++] = links[i];
		}
	}
	for (uint32_t node = 0; node < c->g->n; node++)
		if (!seen[node])
			return bad(c, 0, node, "node: wanted a way to it from node %" PRIu32 ", found none", entry);
	return 0;
}

static int check_levels(struct checking *c, unsigned (*level)(void *ctx, uint32_t node), void *ctx)
{
	for (uint32_t node = 0; level && node < c->g->n; node++) {
		unsigned want = level(ctx, node);

		if (c->level[node] != want)
			return bad(c, 0, node, "level: wanted %u, found %u", want, c->level[node]);
	}
	return 0;
}

int eng_hnsw_check(struct eng_hnsw_fault *fault, struct eng_hnsw *g, unsigned (*level)(void *ctx, uint32_t node),
                   void *ctx)
{
	struct checking c = {g, fault, NULL};
	uint32_t *queue = NULL;
	uint8_t *seen = NULL;
	int rc;

	if (g->n == 0)
		return 0;
	c.level = eng_calloc(g->n, 1);
	queue = eng_alloc(g->n * sizeof *queue);
	seen = eng_calloc(g->n, 1);
	rc = c.level && queue && seen ? check_layers(&c) : ENGRAM_ENOMEM;
	if (rc == 0)
		rc = check_nodes(&c);
	if (rc == 0)
		rc = check_reach(&c, queue, seen);
	if (rc == 0)
		rc = check_levels(&c, level, ctx);
	eng_free(c.level);
	eng_free(queue);
	eng_free(seen);
	return rc;
}
