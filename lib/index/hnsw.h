/* hnsw.h - a navigable small-world graph that is the same everywhere.
 *
 * Hierarchical navigable small world (Malkov and Yashunin 2018: algorithms 2,
 * 4 and 5) over int8 codes, with three changes so that equal input gives equal
 * bytes on every processor, compiler and number of threads:
 *
 *  - similarities are exact integers (base/vec.h), ties go to the lower node;
 *  - the layer of a node follows from a hash of its id (eng_hnsw_level), and
 *    nodes are given in an order that the ids decide;
 *  - nodes are linked in by batches: each member looks for its neighbours in
 *    the graph as it was before the batch and among the other members; then the
 *    links back are sorted by target and each target chooses once.  Who works
 *    on which member cannot be seen.
 *
 * Nodes are numbered from 0.  Layer 0 has all of them, 32 links each; a node
 * of level l also stands in layers 1 to l, 16 links each.  A row with r = 0 has
 * no similarity to anything and must not be given. */
#ifndef ENG_INDEX_HNSW_H
#define ENG_INDEX_HNSW_H

#include "base/types.h"
#include "base/vec.h"
#include "base/workers.h"
#include "index/index.h"

/* M of the paper, twice M at layer 0, ef_construction: the values most users of
 * the method run, so that recall can be compared at equal ef. */
#define ENG_HNSW_M 16u
#define ENG_HNSW_LINKS 32u
#define ENG_HNSW_EF_CONSTRUCTION 200u
/* Layers above 0.  One node in 16 rises a layer: 8 are enough for 2^32 nodes. */
#define ENG_HNSW_LAYERS 8u
#define ENG_HNSW_BLOCK 1024u
#define ENG_HNSW_NODES_MAX 0x7fffffffu
#define ENG_HNSW_NONE UINT32_MAX

/* -- the graph as it is searched ------------------------------------------------ */

/* Nodes 1024 i to 1024 i + 1023, or fewer at the end. */
struct eng_hnsw_block {
	const int8_t *codes;   /* `stride` a node, 64-byte aligned; NULL: not fetched yet */
	const uint32_t *r;     /* as in struct eng_rows, one a node */
	const int32_t *sum;
	const uint32_t *links; /* 32 a node: ascending, NONE from the first free one on */
};

/* A node above layer 0.  Its links are places in the same layer. */
struct eng_hnsw_upper {
	uint32_t node;
	uint32_t down; /* its place in the layer below; the node itself in layer 1 */
	uint32_t links[ENG_HNSW_M]; /* as at layer 0 */
};

struct eng_hnsw {
	uint32_t n, stride;
	uint32_t layers; /* above layer 0; a search enters at the first place of the topmost */
	const struct eng_hnsw_upper *upper[ENG_HNSW_LAYERS]; /* [l - 1]; ascending by node */
	uint32_t nupper[ENG_HNSW_LAYERS];
	struct eng_hnsw_block *blocks;
	/* Fills in a block when it is first needed; NULL: all are there. */
	int (*fetch)(void *ctx, struct eng_hnsw_block *out, uint32_t block);
	void *ctx;
};

/* The block that a node is in, fetched where it must be; 0 or what fetch gave. */
int eng_hnsw_block(struct eng_hnsw *g, const struct eng_hnsw_block **out, uint32_t node);

/* The level of an id with this hash: leading zero hexadecimal digits, so that
 * one in 16 rises (the paper's 1 / ln M with M = 16, without a logarithm). */
static inline unsigned eng_hnsw_level(uint64_t hash)
{
	unsigned zeros = hash ? (unsigned)__builtin_clzll(hash) / 4 : 16;

	return zeros < ENG_HNSW_LAYERS ? zeros : ENG_HNSW_LAYERS;
}

/* -- searching -------------------------------------------------------------------- */

/* What one search at a time needs; kept between searches. */
struct eng_hnsw_scratch {
	uint64_t *seen;    /* a bit a node */
	size_t words;
	uint32_t *met;     /* whose bits are set */
	size_t nmet, met_cap;
	uint64_t *beam;
	size_t beam_cap;
	uint64_t evaluated; /* similarities computed; counts on */
};
void eng_hnsw_scratch_free(struct eng_hnsw_scratch *s); /* of zeros: nothing */

/* The k nearest of those that a search with this ef (>= k) meets, by similarity
 * descending, node ascending; out has room for k.  `doc` of the result is the
 * node.  With a filter: the k nearest accepted ones among all nodes that were
 * looked at.  0, ENGRAM_ENOMEM, or what fetch gave. */
int eng_hnsw_search(struct eng_near *out, size_t *n, size_t k, size_t ef, struct eng_hnsw *g, const int8_t *query,
                    struct eng_hnsw_scratch *s, const struct eng_near_filter *filter);

/* -- building ----------------------------------------------------------------------- */

struct eng_hnsw_build;

/* workers NULL: the caller alone.  What it points to must outlive the build. */
int eng_hnsw_build_new(struct eng_hnsw_build **b, uint32_t stride, const struct eng_workers *workers);
void eng_hnsw_build_free(struct eng_hnsw_build *b); /* NULL allowed */

/* Begins with the nodes of a graph, links and all; before any row.  Nodes for
 * which `gone` holds are left out, and those that led to them are given links
 * to where these led; the others keep their order.  gone may be NULL. */
int eng_hnsw_build_load(struct eng_hnsw_build *b, struct eng_hnsw *old, bool (*gone)(void *ctx, uint32_t node),
                        void *ctx);
/* The next node, codes copied; r is not 0. */
int eng_hnsw_build_row(struct eng_hnsw_build *b, const int8_t *codes, uint32_t r, int32_t sum, unsigned level);
/* Links in the rows given since; a batch, then progress (may be NULL), whose
 * non-zero result ends it and is returned: run again to go on. */
int eng_hnsw_build_run(struct eng_hnsw_build *b, int (*progress)(void *ctx, uint32_t done, uint32_t total), void *ctx);
/* Every node can be reached from the entry at layer 0 afterwards; *mended of
 * them could not before. */
int eng_hnsw_build_finish(struct eng_hnsw_build *b, uint32_t *mended);
/* The graph, owned by the build, valid until it changes. */
struct eng_hnsw *eng_hnsw_build_graph(struct eng_hnsw_build *b);

/* -- handing it over ------------------------------------------------------------------ */

/* A numbering in which neighbours are near each other: breadth first from the
 * entry, which becomes node 0.  A search by a process that has just begun then
 * touches a third fewer pages.  All reachable, so after build_finish. */
struct eng_hnsw_order {
	uint32_t *old;  /* old[new]; n of both */
	uint32_t *new;  /* new[old] */
	uint32_t *place[ENG_HNSW_LAYERS]; /* of each layer: old place[new place] */
	uint32_t *moved[ENG_HNSW_LAYERS]; /* new place[old place] */
};
int eng_hnsw_order_new(struct eng_hnsw_order *o, struct eng_hnsw_build *b);
void eng_hnsw_order_free(struct eng_hnsw_order *o); /* of zeros: nothing */

/* Block i in that numbering, into arrays of 1,024 nodes; returns how many it has. */
struct eng_hnsw_block_out {
	int8_t *codes;
	uint32_t *r;
	int32_t *sum;
	uint32_t *links;
};
uint32_t eng_hnsw_order_block(const struct eng_hnsw_block_out *out, struct eng_hnsw_build *b,
                              const struct eng_hnsw_order *o, uint32_t i);
/* Layer l (from 1) in that numbering: nupper[l - 1] entries. */
void eng_hnsw_order_upper(struct eng_hnsw_upper *out, struct eng_hnsw_build *b, const struct eng_hnsw_order *o,
                          unsigned layer);

/* -- validating ------------------------------------------------------------------------ */

struct eng_hnsw_fault {
	uint32_t layer, node;
	char text[128]; /* "wanted X, found Y" */
};
/* What must hold of any graph: numbers in range, links ascending, without
 * duplicates and not to oneself, upper layers ascending and one above the other,
 * every node reachable at layer 0.  ENGRAM_EDAMAGED and
 * the first fault; level(node) tells the level each must have, NULL: not asked. */
int eng_hnsw_check(struct eng_hnsw_fault *fault, struct eng_hnsw *g, unsigned (*level)(void *ctx, uint32_t node),
                   void *ctx);

#endif
