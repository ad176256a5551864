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

/* Rows gathered for one call of the kernel.  Where r is, rather than r: it is asked
 * for with the codes and read after them. */
#define ENG_GATHER 64u
struct eng_gather {
	const int8_t *codes[ENG_GATHER];
	const uint32_t *r[ENG_GATHER];
	uint32_t number[ENG_GATHER];
	uint32_t n;
};

/* The node at a place of a layer. */
static inline uint32_t eng_hnsw_node(const struct eng_hnsw *g, unsigned layer, uint32_t place)
{
	return layer ? g->upper[layer - 1][place].node : place;
}

/* Appends the row at a place of a layer. */
int eng_gather_add(struct eng_gather *a, struct eng_hnsw *g, unsigned layer, uint32_t place);
/* keys[0 .. a->n): each with its similarity to the query. */
void eng_gather_keys(uint64_t *keys, const struct eng_gather *a, const struct eng_hnsw_query *q, uint32_t stride);

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
