/* fold.h - the view file: what a fold writes once and every recall reads in place.
 *
 * view.NUMBER.mdb holds the graphs of a space, one for each embedder identity
 * that has enough vectors: codes, links, ids.  It is written whole, synced, and
 * never changed; the state names the one in use.  It knows ids only, no numbers of
 * documents, so that two stores which folded the same memories at the same cuts
 * (equal *lineage*) hold the same bytes (equal *digest*).
 *
 * Values are chunks of 1,024 nodes, read where they lie; each bears an XXH3-64,
 * which eng_fold_check and a fold compare, but no recall: it would read 128 KB to
 * look at one row.  What a recall reads is bounded by lengths and numbers of
 * nodes, so damaged bytes make a wrong answer, not a crash. */
#ifndef ENG_FOLD_FOLD_H
#define ENG_FOLD_FOLD_H

#include "index/hnsw.h"
#include "sys/sys.h"

#define ENG_FOLD_VERSION 1u

/* Whose vectors: compared as bytes; zeros: hash/1. */
#define ENG_FOLD_KEY 18u
/* Lineage and digest: XXH3-128, canonical (big-endian) form. */
#define ENG_FOLD_HASH 16u

/* -- reading ---------------------------------------------------------------- */

struct eng_fold;

struct eng_fold_info {
	uint8_t lineage[ENG_FOLD_HASH]; /* of the keys and lineages of all graphs */
	uint8_t digest[ENG_FOLD_HASH];  /* of everything in it */
	size_t graphs;
	uint64_t nodes; /* of all graphs */
	uint64_t bytes; /* of the file */
};

struct eng_fold_graph {
	uint8_t key[ENG_FOLD_KEY];
	uint32_t n, stride;
	uint8_t lineage[ENG_FOLD_HASH];
	struct eng_hnsw g; /* blocks are fetched from the file as a search needs them */
};

/* For reading, in place, without locks.  ENGRAM_ENOFILE; ENGRAM_EDAMAGED (not a
 * view file, truncated, lengths that do not fit); ENGRAM_EVERSION; of another space:
 * ENGRAM_EVERSION too.  The messages name the file. */
int eng_fold_open(struct eng_fold **f, const struct eng_sys *sys, const char *path, const struct engram_id *space,
                  struct engram_error *err);
void eng_fold_close(struct eng_fold *f); /* NULL allowed */
const struct eng_fold_info *eng_fold_info(const struct eng_fold *f);
/* Graph i of info.graphs, ascending by key; owned by f.  NULL and err: a header that
 * does not fit.  For tests, which do not know the keys: programs ask for one by its key. */
struct eng_fold_graph *eng_fold_at(struct eng_fold *f, size_t i, struct engram_error *err);
/* The graph with this key: 1, 0 there is none. */
int eng_fold_find(struct eng_fold_graph **out, struct eng_fold *f, const uint8_t key[ENG_FOLD_KEY],
                  struct engram_error *err);
/* Ids of nodes 1024 block ..., as many as the block has; NULL (err filled): damaged. */
const struct engram_id *eng_fold_ids(struct eng_fold_graph *g, uint32_t block, struct engram_error *err);

/* What a search of g that answered `code` (< 0) met, named; returns the code. */
int eng_fold_failed(const struct eng_fold_graph *g, int code, struct engram_error *err);

/* Every chunk against its XXH3-64, every graph with eng_hnsw_check (levels by
 * eng_fold_level), the digest of the whole.  ENGRAM_EDAMAGED names file, graph,
 * chunk, wanted and found.  progress may be NULL; non-zero ends it and is returned. */
int eng_fold_check(struct eng_fold *f, int (*progress)(void *data, uint64_t done, uint64_t total), void *data,
                   struct engram_error *err);
/* The chunks of one graph only: before a fold goes on from it.  All blocks are
 * there afterwards, so that threads may share it. */
int eng_fold_verify(struct eng_fold_graph *g, struct engram_error *err);

/* -- writing ------------------------------------------------------------------ */

/* The level of a memory: eng_hnsw_level of XXH3-64 of its id. */
unsigned eng_fold_level(const struct engram_id *id);

/* The lineage of a graph: begun by a full build (before NULL), gone on with at each
 * fold; covers algorithm, version, parameters, stride, and the cut, which is what
 * decides the set of memories (n bytes in a canonical form that is the caller's). */
void eng_fold_lineage(uint8_t out[ENG_FOLD_HASH], const uint8_t *before, const uint8_t key[ENG_FOLD_KEY],
                      uint32_t stride, const void *cut, size_t n);

struct eng_fold_out;

/* A new file; ENGRAM_EEXISTS. */
int eng_fold_create(struct eng_fold_out **o, const struct eng_sys *sys, const char *path,
                    const struct engram_id *space, struct engram_error *err);
/* One graph that was finished (eng_hnsw_build_finish) and ordered, with the id of
 * each node in the order of the build.  Keys ascending from call to call. */
int eng_fold_put(struct eng_fold_out *o, const uint8_t key[ENG_FOLD_KEY], const uint8_t lineage[ENG_FOLD_HASH],
                 struct eng_hnsw_build *b, const struct eng_hnsw_order *order, const struct engram_id *ids,
                 struct engram_error *err);
/* One graph as it is in another file, byte for byte. */
int eng_fold_copy(struct eng_fold_out *o, struct eng_fold_graph *from, struct engram_error *err);
/* Completes and syncs the file (its directory is the caller's to sync), frees o,
 * also on failure, when the file is removed. */
int eng_fold_finish(struct eng_fold_out *o, struct eng_fold_info *info, struct engram_error *err);
void eng_fold_abandon(struct eng_fold_out *o); /* removes the file; NULL allowed */

#endif
