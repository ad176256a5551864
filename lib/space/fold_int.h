/* fold_int.h - what fold.c and fold_take.c share. */
#ifndef ENG_SPACE_FOLD_INT_H
#define ENG_SPACE_FOLD_INT_H

#include "space/space_int.h"

/* Whose vectors, and how many there are of them. */
struct eng_identity_rows {
	uint8_t key[ENG_FOLD_KEY];
	struct eng_row_table rows;
	uint32_t number; /* in the tables of nodes.c */
	uint32_t tail;   /* rows in use */
	uint32_t nodes;  /* of its graph; 0 there is none */
	uint32_t gone;   /* of these, masked */
	bool taken;      /* by this run */
};

/* A vector that the graph takes in, or had. */
struct eng_taken_row {
	struct engram_id id;
	uint64_t hash;       /* of its codes */
	const int8_t *codes; /* while the graph is built */
	uint32_t r;
	int32_t sum;
	uint32_t place;      /* of its row; ENG_NO_DOC: it comes from the old graph alone */
	uint32_t doc;
	uint32_t old;        /* node of the old graph that has the same codes, or ENG_HNSW_NONE */
	uint32_t node;       /* of the new one, as the build numbers them */
};
struct eng_taken_chunk {
	uint32_t first, n;
	uint64_t mark; /* of the bytes that were read */
};

/* One identity taken in: what is noted of the state that was read, so that the commit
 * can tell what has changed since. */
struct eng_taken {
	const struct eng_identity_rows *of;
	struct eng_taken_row *rows; /* by id */
	size_t n, cap;
	struct eng_taken_chunk *chunks;
	size_t nchunks, chunks_cap;
	uint32_t *moved; /* of each node of the old graph: the new one's, as the build numbers them, or NONE */
	uint32_t nold;
	uint32_t *final; /* of each node of the build: its number in the file */
	uint32_t nodes;
	uint64_t folded, dropped; /* rows that are new in the graph; nodes that left it */
};

/* Reads the rows of an identity in `t`, joins them with the old graph (NULL: none, or
 * anew), builds, and writes the new graph to `out` (nothing where no node is left).
 * *t is ended as soon as the rows are read. */
int eng_take(struct eng_taken *take, struct eng_fold_out *out, struct eng_txn **t, struct eng_fold_graph *old,
             bool anew, const struct eng_job *job, struct engram_error *err);
/* In the state's transaction: what was taken leaves the rows, documents find their
 * nodes; what has changed since stays a row, and its node stands for nothing. */
int eng_take_commit(const struct eng_taken *take, struct eng_txn *t, struct engram_error *err);
void eng_taken_free(struct eng_taken *take);

/* -- a dry run (fold_look.c) ------------------------------------------------------ */

/* What is there, with the frames that wait: the state's snapshot (NULL: none), owned by
 * *out, and a reference to the view file (NULL: none).  *out is to be closed also where
 * this fails, as it does where the view file cannot be read. */
int eng_fold_look_open(struct eng_snapshot **out, struct eng_txn **t, struct eng_folded **old, struct engram_space *s,
                       struct engram_error *err);
/* Corrects counts of the state by what waits; who NULL: hash/1. */
int eng_fold_look(struct eng_identity_rows *of, struct eng_snapshot *s, const struct eng_embedder *who,
                  struct engram_error *err);

#endif
