/* hnsw_build.h - what the files that change a graph share. */
#ifndef ENG_INDEX_HNSW_BUILD_H
#define ENG_INDEX_HNSW_BUILD_H

#include <stdatomic.h>

#include "index/hnsw_int.h"

/* One layer above 0, growing. */
struct eng_hnsw_layer {
	struct eng_hnsw_upper *at;
	size_t n, cap;
};

/* A link back that a target may take: target in the high half, source in the
 * low one, so that sorting groups them by target. */
struct eng_hnsw_back {
	uint64_t *at;
	size_t n, cap;
	uint32_t *groups; /* where each target's begin, and the end */
	size_t ngroups, groups_cap;
};

/* A target that more want to be linked from than it can look at takes the first:
 * only thousands of equal vectors come to this. */
#define ENG_OFFERS_MAX 2048u

/* What one worker needs: not on the stack, where it would be zeroed at each call. */
struct eng_hnsw_worker {
	struct eng_hnsw_scratch scratch;
	uint64_t beam[ENG_HNSW_EF_CONSTRUCTION];
	uint32_t places[ENG_OFFERS_MAX + ENG_HNSW_LINKS];
	uint64_t keys[ENG_OFFERS_MAX + ENG_HNSW_LINKS];
};

struct eng_hnsw_build {
	struct eng_hnsw g;   /* its n: nodes linked in; blocks and layers may hold more */
	uint32_t rows;       /* nodes given */
	size_t blocks_cap;
	void **slabs;        /* memory of some blocks each */
	size_t nslabs, slabs_cap;
	uint8_t *free;       /* of the last slab: where the next block goes */
	uint32_t left;       /* blocks that it still has room for */
	uint8_t *levels;     /* of each node given */
	size_t levels_cap;
	struct eng_hnsw_layer layers[ENG_HNSW_LAYERS];
	struct eng_hnsw_back back;

	const struct eng_workers *workers; /* NULL: alone */
	unsigned nworkers;
	struct eng_hnsw_worker **worker;   /* each one's; made by itself, so that it lies near it */
	atomic_uint next;                  /* of the work to be shared out */
	atomic_int failed;                 /* 0 or the error of a worker */
};

/* What this worker has; NULL: out of memory. */
struct eng_hnsw_worker *eng_build_worker(struct eng_hnsw_build *b, unsigned worker);

/* Runs fn(b, item, worker) for every item of 0 .. n-1, shared among the workers;
 * 0 or an error of one of them. */
typedef int eng_build_fn(struct eng_hnsw_build *b, uint32_t item, unsigned worker, void *data);
int eng_build_share(struct eng_hnsw_build *b, uint32_t n, eng_build_fn *fn, void *data);

/* The links of a place of a layer, to be written; *max of them. */
uint32_t *eng_build_links(struct eng_hnsw_build *b, uint32_t *max, unsigned layer, uint32_t place);
uint32_t eng_links_count(const uint32_t *links, uint32_t max);
/* Writes n of them, in any order, ascending and ended. */
void eng_links_set(uint32_t *links, uint32_t max, uint32_t *from, uint32_t n);

/* Chooses among candidates (best first) those that are nearer to the query than
 * to any chosen before (the paper's algorithm 4, without refilling); at most max. */
int eng_build_select(uint32_t *out, uint32_t *n, struct eng_hnsw_build *b, unsigned layer, const uint64_t *keys,
                     size_t nkeys, uint32_t max);
/* Keys of places by their similarity to another of the layer, best first. */
int eng_build_keys(uint64_t *keys, struct eng_hnsw_build *b, unsigned layer, uint32_t of, const uint32_t *places,
                   uint32_t n);

/* Room for a node; links empty. */
int eng_build_node(struct eng_hnsw_build *b, const int8_t *codes, uint32_t r, int32_t sum, unsigned level);
/* For qsort: u64, ascending. */
int eng_by_u64(const void *a, const void *b);

/* Appends the places of nodes lo .. hi-1 in the layers above 0. */
int eng_build_raise(struct eng_hnsw_build *b, uint32_t lo, uint32_t hi);
/* The topmost layer that has a node. */
unsigned eng_build_top(const struct eng_hnsw_build *b);

#endif
