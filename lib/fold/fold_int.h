/* fold_int.h - the bytes of a view file, as its reader, writer and checker share them. */
#ifndef ENG_FOLD_FOLD_INT_H
#define ENG_FOLD_FOLD_INT_H

#include "base/types.h"
#include "fold/fold.h"
#include "store/store.h"

/* -- keys -------------------------------------------------------------------- */

/* Native u64, so that LMDB compares numbers; what is written last comes last. */
enum eng_fold_kind { ENG_FOLD_BLOCK = 1, ENG_FOLD_UPPER = 2 };
#define ENG_FOLD_META UINT64_MAX
#define ENG_FOLD_GRAPHS_MAX 0xffffu

static inline uint64_t eng_fold_key(size_t graph, enum eng_fold_kind kind, uint32_t number)
{
	return (uint64_t)graph << 48 | (uint64_t)kind << 40 | number;
}

#define ENG_FOLD_TABLES 1u
extern const struct eng_table eng_fold_tables[ENG_FOLD_TABLES];

/* -- chunks -------------------------------------------------------------------- */

/* LMDB puts a large value 16 bytes into a page: with a header of 48 what follows
 * lies on a 64-byte boundary.  A small value would lie inside a page of keys, on
 * any even byte, so none is smaller than half the largest page LMDB has. */
#define ENG_FOLD_HEADER 48u
#define ENG_FOLD_CHUNK_MIN 16384u

/* What a chunk must say of itself; all of it follows from the graph's record. */
struct eng_fold_chunk {
	enum eng_fold_kind kind;
	uint32_t number; /* of the block, or of the layer from 1 */
	uint32_t n;      /* nodes */
	uint32_t width;  /* stride, or bytes of an entry */
};

/* Where its parts begin; each has its own check. */
#define ENG_FOLD_PARTS 3u
struct eng_fold_layout {
	size_t at[ENG_FOLD_PARTS + 1]; /* the last: the end */
	size_t sum, ids;               /* of a block, in its third part */
};
extern const char *const eng_fold_part_names[][ENG_FOLD_PARTS]; /* [kind] */

void eng_fold_layout(struct eng_fold_layout *out, const struct eng_fold_chunk *c);
/* Writes the header; what follows is complete. */
void eng_fold_seal(uint8_t *p, const struct eng_fold_chunk *c);
/* Length and header, not the checks: NULL, or what does not fit. */
const char *eng_fold_misfit(const struct eng_fold_chunk *c, struct eng_bytes value);
/* The first part whose bytes do not fit its check, or -1; wanted and found. */
int eng_fold_part_misfit(uint64_t *wanted, uint64_t *found, const struct eng_fold_chunk *c, const uint8_t *p);

/* -- the record of a graph, and of the file -------------------------------------- */

#define ENG_FOLD_META_HEADER 64u
#define ENG_FOLD_META_GRAPH 88u
/* Where they stand. */
#define ENG_FOLD_META_LINEAGE 32u
#define ENG_FOLD_META_DIGEST 48u
#define ENG_FOLD_META_CHECK 8u
#define ENG_FOLD_META_MAGIC 0x46474e45u /* "ENGF" */

struct eng_fold_record {
	uint8_t key[ENG_FOLD_KEY];
	uint8_t lineage[ENG_FOLD_HASH];
	uint32_t n, stride, layers;
	uint32_t nupper[ENG_HNSW_LAYERS];
};

void eng_fold_record_encode(uint8_t out[ENG_FOLD_META_GRAPH], const struct eng_fold_record *r);
void eng_fold_record_decode(struct eng_fold_record *r, const uint8_t in[ENG_FOLD_META_GRAPH]);
/* Numbers that a graph may have: NULL, or what is wrong. */
const char *eng_fold_record_misfit(const struct eng_fold_record *r);
static inline uint32_t eng_fold_blocks(const struct eng_fold_record *r)
{
	return (r->n + ENG_HNSW_BLOCK - 1) / ENG_HNSW_BLOCK;
}
/* Block, or layer, number i of a graph. */
struct eng_fold_chunk eng_fold_chunk_of(const struct eng_fold_record *r, enum eng_fold_kind kind, uint32_t number);

/* XXH3-128, big-endian. */
void eng_fold_hash(uint8_t out[ENG_FOLD_HASH], const void *p, size_t n);
/* One value into what the digest is the hash of. */
void eng_fold_digest_add(struct eng_buf *b, uint64_t key, struct eng_bytes value);
/* Completes it with the record of the file but for its own digest and check. */
int eng_fold_digest(uint8_t out[ENG_FOLD_HASH], struct eng_buf *b, const uint8_t *meta, size_t n);
/* Lineage of the file: of `n` encoded records. */
int eng_fold_lineage_all(uint8_t out[ENG_FOLD_HASH], const uint8_t *records, size_t n);

/* -- an open file ------------------------------------------------------------------ */

struct eng_fold_file_graph {
	struct eng_fold_graph g; /* first: what callers see */
	struct eng_fold *f;
	const struct eng_fold_record *r;
	size_t number;
};

struct eng_fold {
	const struct eng_sys *sys;
	struct eng_store *store;
	struct eng_txn *txn;
	struct eng_fold_info info;
	struct eng_fold_record *records;       /* info.graphs of them */
	struct eng_fold_file_graph **graphs;   /* NULL until asked for */
	struct engram_error error;             /* of the last fetch that failed */
	char path[];
};

/* The value of a chunk, of the right size and header. */
int eng_fold_get(struct eng_bytes *value, struct eng_fold *f, size_t graph, const struct eng_fold_chunk *c,
                 struct engram_error *err);
/* Graph i; *out NULL where it failed. */
int eng_fold_graph(struct eng_fold_graph **out, struct eng_fold *f, size_t i, struct engram_error *err);
/* "PATH: graph hash/1, block 3". */
int eng_fold_damaged(const struct eng_fold *f, size_t graph, const struct eng_fold_chunk *c, struct engram_error *err,
                     const char *format, ...) ENG_PRINTF(5, 6);

#endif
