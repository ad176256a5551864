/* near.h - the k nearest documents of one identity: graph, what no fold has taken
 * yet, filter. */
#ifndef ENG_RECALL_NEAR_H
#define ENG_RECALL_NEAR_H

#include "base/types.h"
#include "index/hnsw.h"

/* As many nodes as a search looks closely at, where the cue does not say.  Recall@10
 * of 340,479 word vectors of 100 numbers, 400 cues held out: 0.949 at 192, 0.959 at
 * 256, 0.963 at 320 (0.990 exactly: the rest is lost to the codes); the time of a
 * process that asks once is the same for all three. */
#define ENG_EF_DEFAULT 320u

/* The vectors of one identity. */
struct eng_near_source {
	struct eng_hnsw *g; /* NULL: nothing is folded */
	/* Documents of the nodes of a block, ENG_NO_DOC = none (any more); NULL: they
	 * cannot be read. */
	const uint32_t *(*docs)(void *ctx, uint32_t block);
	void *ctx;
	struct eng_row_reader tail; /* what is not folded */
	uint32_t stride;
};

struct eng_near_ask {
	const int8_t *codes; /* padded to the stride, 64-byte aligned, not all zero */
	size_t k;
	size_t ef;   /* 0 = the default */
	bool exact;  /* every vector is compared */
	struct eng_near_filter filter; /* is asked about ENG_NO_DOC too, and refuses it */
	size_t most; /* documents that can pass it; SIZE_MAX = not known */
};

/* Kept between searches; of zeros: empty. */
struct eng_near_scratch {
	struct eng_hnsw_scratch graph;
	struct eng_near *beam;
	size_t beam_cap;
	uint8_t *rows; /* those that a sieve let through */
	size_t rows_cap;
};
void eng_near_scratch_free(struct eng_near_scratch *s);

/* out has room for k.  *compared counts on: similarities computed.  0, ENGRAM_ENOMEM,
 * ENGRAM_EDAMAGED and others: what graph or reader gave. */
int eng_near_search(struct eng_near *out, size_t *n, uint64_t *compared, struct eng_near_source *from,
                const struct eng_near_ask *ask, struct eng_near_scratch *scratch);

#endif
