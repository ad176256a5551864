/* hnsw_int.h - what the files of the graph share: keys, rows, one layer's beam. */
#ifndef ENG_INDEX_HNSW_INT_H
#define ENG_INDEX_HNSW_INT_H

#include "index/hnsw.h"

/* A candidate in one u64, so that "more similar, then lower number" is "greater":
 *
 *     (sim ^ 0x80000000) << 32 | (0x7fffffff - number) << 1 | open
 *
 * `open`: its links have not been followed.  The number is a place in the layer
 * that is searched; places ascend with nodes, so ties go to the lower node. */
#define ENG_KEY_OPEN 1u

static inline uint64_t eng_hnsw_key(int32_t sim, uint32_t number)
{
	return (uint64_t)((uint32_t)sim ^ 0x80000000u) << 32 | (uint64_t)(ENG_HNSW_NODES_MAX - number) << 1 |
	       ENG_KEY_OPEN;
}

static inline uint32_t eng_key_number(uint64_t key)
{
	return ENG_HNSW_NODES_MAX - (uint32_t)(key & UINT32_MAX) / 2;
}

static inline int32_t eng_key_sim(uint64_t key)
{
	return (int32_t)((uint32_t)(key >> 32) ^ 0x80000000u);
}

/* Whose similarity to others is asked. */
struct eng_hnsw_query {
	const int8_t *codes;
	uint32_t r;
	int32_t sum;
};

/* As many places are opened at once in a beam: what their links lead to is then waited
 * for together.  Two are looked at with hardly any that one after the other would have
 * passed over (1 % more rows at ef 128), and a small ef finds more; four cost a beam of
 * ten a quarter more rows than the better answer is worth. */
#define ENG_HNSW_AT_ONCE 2u

/* Rows gathered for one call of the kernel.  Where r is, rather than r: it is asked
 * for with the codes and read after them. */
#define ENG_GATHER (ENG_HNSW_AT_ONCE * ENG_HNSW_LINKS)
struct eng_gather {
	const int8_t *codes[ENG_GATHER];
	const uint32_t *r[ENG_GATHER];
	int32_t dots[ENG_GATHER];
	uint32_t n;
};

/* The node at a place of a layer. */
static inline uint32_t eng_hnsw_node(const struct eng_hnsw *g, unsigned layer, uint32_t place)
{
	return layer ? g->upper[layer - 1][place].node : place;
}

/* eng_hnsw_block, most of whose blocks are there. */
static inline int eng_block_of(struct eng_hnsw *g, const struct eng_hnsw_block **out, uint32_t node)
{
	*out = &g->blocks[node / ENG_HNSW_BLOCK];
	return node < g->n && (*out)->codes ? 0 : eng_hnsw_block(g, out, node);
}

/* Appends the row at a place of a layer. */
static inline int eng_gather_add(struct eng_gather *a, struct eng_hnsw *g, unsigned layer, uint32_t place)
{
	uint32_t node = eng_hnsw_node(g, layer, place), i = node % ENG_HNSW_BLOCK, at = a->n;
	const struct eng_hnsw_block *b;
	int rc = eng_block_of(g, &b, node);

	if (rc < 0)
		return rc;
	a->codes[at] = b->codes + (size_t)i * g->stride;
	eng_vec_ask_for(a->codes[at], g->stride);
	a->r[at] = &b->r[i];
	__builtin_prefetch(a->r[at]);
	a->n = at + 1;
	return 0;
}

/* keys[0 .. a->n): each with its similarity to the query and its number. */
void eng_gather_keys(uint64_t *keys, struct eng_gather *a, const uint32_t *numbers, const struct eng_hnsw_query *q,
                     uint32_t stride);

/* The row at a place of a layer, as a query. */
int eng_hnsw_query_of(struct eng_hnsw_query *q, struct eng_hnsw *g, unsigned layer, uint32_t place);

/* Key of one place. */
int eng_hnsw_near(uint64_t *key, struct eng_hnsw *g, unsigned layer, uint32_t place, const struct eng_hnsw_query *q);

/* From *key in `layer` to the nearest that following links leads to; then down
 * to the layer below, until layer `to` is reached: *key is a place in it. */
int eng_hnsw_descend(uint64_t *key, struct eng_hnsw *g, unsigned layer, unsigned to, const struct eng_hnsw_query *q,
                     struct eng_hnsw_scratch *s);

/* The ef nearest of a layer that can be found from `from`, best first, in
 * s->beam[0 .. *n); none is open.  `see`, where not NULL, is told every key. */
struct eng_hnsw_sight {
	void (*see)(void *ctx, uint64_t key);
	void *ctx;
};
int eng_hnsw_beam(struct eng_hnsw_scratch *s, size_t *n, struct eng_hnsw *g, unsigned layer, uint64_t from, size_t ef,
                  const struct eng_hnsw_query *q, const struct eng_hnsw_sight *sight);

/* Puts a key into the ef best, which are sorted, and says where; false: it is not
 * among them.  Where it belongs cannot be foretold, so the search for it has no
 * branch but its end. */
static inline bool eng_beam_insert(uint64_t *beam, size_t *n, size_t ef, uint64_t key, size_t *at)
{
	const uint64_t *from = beam;
	size_t left;

	if (*n == ef && key < beam[ef - 1])
		return false;
	left = *n < ef ? (*n)++ : ef - 1;
	for (size_t end = left; end > 0;) {
		size_t half = (end + 1) / 2;

		from += half & -(size_t)(from[half - 1] > key);
		end -= half;
	}
	*at = (size_t)(from - beam);
	memmove(beam + *at + 1, beam + *at, (left - *at) * sizeof *beam);
	beam[*at] = key;
	return true;
}

#endif
