/* hnsw_load.c - going on from a graph that is there, without the nodes that went.
 *
 * The nodes that stay keep their order and move together.  One that led to a
 * node that went chooses anew, among what it still leads to and where those
 * that went led: through several of them where they hung together.  Each such
 * choice reads the old graph and writes one row of the new one, so the workers
 * share them out. */
#include "index/hnsw_build.h"

#include "base/alloc.h"
#include "engram.h"

/* Nodes behind those that went, looked at for one choice: 8 rows of links.
 * More cost time and gave no better recall after a fifth of a graph had gone. */
#define OFFERS_MAX 256u

struct load {
	struct eng_hnsw *old;
	uint32_t *now[ENG_HNSW_LAYERS + 1]; /* of each old place of a layer: the new one, NONE = gone */
	unsigned layer;                     /* that is being linked */
};

static uint32_t places_in(const struct eng_hnsw *g, unsigned layer)
{
	return layer ? g->nupper[layer - 1] : g->n;
}

/* -- nodes ----------------------------------------------------------------------- */

/* Levels of all nodes, from the layers they stand in. */
static uint8_t *levels_of(const struct eng_hnsw *g)
{
	uint8_t *levels = eng_calloc(g->n, 1);

	for (unsigned l = 0; levels && l < ENG_HNSW_LAYERS; l++)
		for (uint32_t i = 0; i < g->nupper[l]; i++)
			levels[g->upper[l][i].node] = (uint8_t)(l + 1);
	return levels;
}

static int copy_node(struct eng_hnsw_build *b, struct load *load, uint32_t node, unsigned level)
{
	struct eng_hnsw_query row;
	int rc = eng_hnsw_query_of(&row, load->old, 0, node);

	if (rc == 0)
		rc = eng_build_node(b, row.codes, row.r, row.sum, level);
	if (rc == 0)
		load->now[0][node] = b->rows - 1;
	return rc;
}

static int copy_nodes(struct eng_hnsw_build *b, struct load *load, bool (*gone)(void *ctx, uint32_t node), void *ctx)
{
	uint8_t *levels = levels_of(load->old);
	int rc = levels ? 0 : ENGRAM_ENOMEM;

	for (uint32_t node = 0; rc == 0 && node < load->old->n; node++)
		if (!gone || !gone(ctx, node))
			rc = copy_node(b, load, node, levels[node]);
	eng_free(levels);
	return rc;
}

/* Layers above 0: entries of the nodes that stay come in the same order. */
static void move_places(struct load *load)
{
	for (unsigned l = 1; l <= ENG_HNSW_LAYERS; l++) {
		uint32_t next = 0;

		for (uint32_t i = 0; i < places_in(load->old, l); i++)
			if (load->now[0][load->old->upper[l - 1][i].node] != ENG_HNSW_NONE)
				load->now[l][i] = next++;
	}
}

/* -- links ------------------------------------------------------------------------- */

static int old_links(const uint32_t **links, uint32_t *max, struct load *load, uint32_t place)
{
	const struct eng_hnsw_block *block;
	int rc = 0;

	if (load->layer) {
		*links = load->old->upper[load->layer - 1][place].links;
		*max = ENG_HNSW_M;
		return 0;
	}
	rc = eng_hnsw_block(load->old, &block, place);
	*links = block->links + (size_t)(place % ENG_HNSW_BLOCK) * ENG_HNSW_LINKS;
	*max = ENG_HNSW_LINKS;
	return rc;
}

struct offers {
	uint32_t self;
	uint32_t stay[OFFERS_MAX], nstay; /* new places */
	uint32_t gone[OFFERS_MAX], ngone; /* old places, to be looked through */
};

static void offer(uint32_t *list, uint32_t *n, uint32_t place)
{
	for (uint32_t i = 0; i < *n; i++)
		if (list[i] == place)
			return;
	if (*n < OFFERS_MAX)
		list[(*n)++] = place;
}

static int offer_links(struct offers *o, struct load *load, uint32_t old_place)
{
	const uint32_t *links;
	uint32_t max;
	int rc = old_links(&links, &max, load, old_place);

	for (uint32_t i = 0; rc == 0 && i < max && links[i] != ENG_HNSW_NONE; i++) {
		uint32_t now = load->now[load->layer][links[i]];

		if (now == ENG_HNSW_NONE)
			offer(o->gone, &o->ngone, links[i]);
		else if (now != o->self)
			offer(o->stay, &o->nstay, now);
	}
	return rc;
}

static int relink(struct eng_hnsw_build *b, uint32_t old_place, unsigned worker, void *data)
{
	struct load *load = data;
	struct offers o = {.self = load->now[load->layer][old_place]};
	uint64_t keys[OFFERS_MAX];
	uint32_t max, *links;
	int rc;

	(void)worker;
	if (o.self == ENG_HNSW_NONE)
		return 0;
	rc = offer_links(&o, load, old_place);
	if (rc == 0 && o.ngone > 0) {
		for (uint32_t i = 0; rc == 0 && i < o.ngone && o.nstay < OFFERS_MAX; i++)
			rc = offer_links(&o, load, o.gone[i]);
		links = eng_build_links(b, &max, load->layer, o.self);
		if (rc == 0)
			rc = eng_build_keys(keys, b, load->layer, o.self, o.stay, o.nstay);
		if (rc == 0)
			rc = eng_build_select(o.stay, &o.nstay, b, load->layer, keys, o.nstay, max);
	}
	if (rc == 0) {
		links = eng_build_links(b, &max, load->layer, o.self);
		eng_links_set(links, max, o.stay, o.nstay);
	}
	return rc;
}

/* ------------------------------------------------------------------------------------ */

static int load_new(struct load *load, struct eng_hnsw *old)
{
	*load = (struct load){.old = old};
	for (unsigned l = 0; l <= ENG_HNSW_LAYERS; l++) {
		size_t n = places_in(old, l);

		load->now[l] = eng_alloc(n * sizeof *load->now[l]);
		if (!load->now[l])
			return ENGRAM_ENOMEM;
		memset(load->now[l], 0xff, n * sizeof *load->now[l]);
	}
	return 0;
}

int eng_hnsw_build_load(struct eng_hnsw_build *b, struct eng_hnsw *old, bool (*gone)(void *ctx, uint32_t node),
                        void *ctx)
{
	struct load load;
	int rc = load_new(&load, old);

	if (rc == 0)
		rc = copy_nodes(b, &load, gone, ctx);
	if (rc == 0)
		rc = eng_build_raise(b, 0, b->rows);
	if (rc == 0) {
		move_places(&load);
		b->g.n = b->rows;
		b->g.layers = eng_build_top(b);
	}
	for (; rc == 0 && load.layer <= ENG_HNSW_LAYERS; load.layer++)
		rc = eng_build_share(b, places_in(old, load.layer), relink, &load);
	for (unsigned l = 0; l <= ENG_HNSW_LAYERS; l++)
		eng_free(load.now[l]);
	return rc;
}
