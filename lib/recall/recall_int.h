/* recall_int.h - inside recall/. */
#ifndef ENG_RECALL_RECALL_INT_H
#define ENG_RECALL_RECALL_INT_H

#include "recall/near.h"
#include "space/space.h"

/* -- filters (filter.c) -------------------------------------------------- */

/* Which documents may be hits at all. */
struct eng_filter {
	struct eng_snapshot *snap;
	const struct engram_cue *cue;
	uint64_t source_hash, actor_hash;
	uint64_t *tagged;    /* bit per document that has every tag; NULL = no tags asked */
	size_t most;         /* documents that can pass: as many as are tagged; SIZE_MAX = not known */
	uint32_t state_docs; /* overlay documents follow the state's in the bits */
	uint32_t self;       /* the memory that is the cue */
	bool has_self;
	bool asks;           /* anything at all beside being there */
};

int eng_filter_init(struct eng_filter *f, struct eng_snapshot *snap, const struct engram_cue *cue,
                    struct eng_arena *arena, struct engram_error *err);
/* The callbacks of index/ and text/; ctx is the struct eng_filter. */
bool eng_filter_accept(void *ctx, uint32_t doc);
/* The same of a document met by its row or node, mostly without looking it up. */
bool eng_filter_accept_row(void *ctx, uint32_t doc);
int eng_filter_order(void *ctx, uint32_t a, uint32_t b); /* by id */

/* -- candidates (candidates.c) ------------------------------------------- */

struct eng_candidate {
	uint32_t doc;
	int32_t sim_q30;
	bool foreign;       /* sim is of the embedder's vectors, not of hash/1's */
	int64_t bm25;
	int32_t score;      /* 1/10,000, retention in it */
	int32_t match;      /* the same without retention */
	uint32_t retention; /* 1/10,000 */
	uint32_t rehearsals;
	struct engram_id id;
};

/* The pairs of letters of a word, as a set. */
struct eng_shape {
	uint64_t bits[2];
};

/* What is asked, in the forms that the rankers take. */
struct eng_question {
	enum engram_mode mode;
	struct engram_str text;
	struct eng_query query;
	struct eng_shape shapes[ENG_QUERY_TERMS_MAX]; /* of the query's words */
	int8_t codes[ENG_HASH1_DIM] __attribute__((aligned(64)));
	uint32_t r; /* norm of codes; 0 = no vector */
	size_t ef;  /* of a search in a graph; 0 = the default */
	bool exact; /* every vector is compared */
	/* The vector of an embedder; vectors NULL = none. */
	struct eng_snapshot_vectors *vectors;
	struct eng_snapshot_graph graph; /* of the same; g NULL = none */
	int8_t *vcodes; /* 64-byte aligned */
	uint32_t vr;
};

struct eng_candidates {
	struct eng_candidate *at;
	size_t n;
	uint64_t unindexed; /* documents scored directly */
	uint64_t compared;  /* vectors */
	bool unreadable;    /* a graph is damaged, and was left aside */
	int32_t chance;     /* the match that any text could reach by chance */
	int32_t background_q30; /* the cosine that the embedder finds between this cue and anything */
};

/* The `depth` best of each ranker, each once, with both measures; those that
 * neither ranker knows anything good of are left out.  Memory from the arena. */
int eng_candidates_gather(struct eng_candidates *c, struct eng_snapshot *snap, const struct eng_question *q,
                          struct eng_filter *filter, size_t depth, struct eng_near_scratch *scratch,
                          struct eng_arena *arena, struct engram_error *err);

/* What the embedder's vectors say of a candidate above the background, Q30. */
static inline int32_t eng_above_background(const struct eng_candidates *c, const struct eng_candidate *x)
{
	return x->foreign ? x->sim_q30 - c->background_q30 : x->sim_q30;
}

/* -- the cue's vector (vector.c) ------------------------------------------- */

/* Of the cue, or of the memory it names.  dim 0 = none. */
struct eng_cue_vector {
	const float *x;
	size_t dim;
	struct engram_str embedder; /* p NULL = the one of this dimension */
	bool alone;                 /* there is no text to fall back on */
};
/* Sets q->vectors, or leaves it NULL where nothing is to be searched; *unsearched
 * is then an embedder that could have been, in the arena. */
int eng_ask_vector(struct eng_question *q, struct engram_str *unsearched, struct eng_snapshot *snap,
                   const struct eng_cue_vector *cue, struct eng_arena *arena, struct engram_error *err);

/* -- order (fuse.c) ------------------------------------------------------ */

/* The weight of the vector beside BM25, Q16. */
uint32_t eng_vector_weight_q16(const struct eng_question *q);
/* Sets `match` of each, and `chance`. */
void eng_fuse(struct eng_candidates *c, const struct eng_question *q);
/* By score descending, id ascending. */
void eng_candidates_sort(struct eng_candidates *c);

/* -- retention (retention.c) --------------------------------------------- */

/* 1/10,000 of what was stored is still there at now_us, after rehearsals at
 * the given stamps (ascending; the first is the storing itself). */
uint32_t eng_retention(int64_t stored_us, const eng_stamp *stamps, size_t n, int64_t now_us);

/* -- evidence (evidence.c) ----------------------------------------------- */

/* In 1/10,000. */
struct eng_evidence {
	uint32_t rarity; /* share of the cue's rarity in words that the text holds */
	uint32_t near;   /* in others that it holds nearly, as they are spelt */
	uint32_t substance; /* letters of the text as a share of the few that a match needs */
};
void eng_question_shapes(struct eng_question *q); /* once, after the query is parsed */
struct eng_evidence eng_evidence_of(const struct eng_question *q, const char *text, size_t n);

/* -- confidence (confidence.c) ------------------------------------------- */

/* Of the formula; other numbers or features are another one. */
#define ENG_CONFIDENCE_VERSION 2u

struct eng_match {
	uint32_t rarity;  /* share of the cue's rarity that the text holds, 1/10,000 */
	uint32_t near;    /* share that it holds nearly, 1/10,000 */
	uint32_t cosine;  /* 1/10,000; negative counts as 0 */
	uint32_t margin;  /* distance to the next hit as a share of the score, 1/10,000 */
	uint32_t terms;   /* of the cue */
	uint64_t docs;    /* memories it was chosen from */
	uint32_t substance; /* less than all for a text of one to three letters, 1/10,000 */
	uint32_t standing; /* score as a share of the best one's, 1/10,000 */
	uint32_t encoding; /* confidence given at storing, 1/10,000 */
	uint32_t completeness; /* share of the store that could be looked at, 1/10,000 */
};
struct eng_confidence {
	uint32_t value, lo, hi; /* 1/10,000 */
};
struct eng_confidence eng_confidence_of(const struct eng_match *m);
enum engram_group eng_group_of(uint32_t confidence);

#endif
