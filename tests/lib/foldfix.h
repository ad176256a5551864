/* foldfix.h - graphs of made-up memories, and view files of them. */
#ifndef FOLDFIX_H
#define FOLDFIX_H

#include "fold/fold.h"

#define FOLDFIX_DIM 64u
#define FOLDFIX_THREADS_MAX 4u

struct foldfix_set {
	uint32_t n, stride;
	struct engram_id *ids; /* ascending */
	int8_t *codes;
};

/* n memories in clusters; the same for the same seed. */
struct foldfix_set foldfix_set(uint64_t seed, uint32_t n, unsigned clusters, uint32_t dim);
void foldfix_set_free(struct foldfix_set *s);
struct engram_id foldfix_space(unsigned number);
void foldfix_key(uint8_t key[ENG_FOLD_KEY], unsigned number); /* 0: hash/1 */

/* A graph that is built and finished; `threads` 0: without workers. */
struct eng_hnsw_build *foldfix_build(const struct foldfix_set *s, unsigned threads);
/* Writes it under the key of that number; its lineage is of the key alone. */
int foldfix_put(struct eng_fold_out *o, unsigned number, const struct foldfix_set *s, struct eng_hnsw_build *b,
                struct engram_error *err);
/* A whole file of space 1 with one graph (number 0), or without one where s is NULL. */
int foldfix_write(const char *path, const struct foldfix_set *s, struct eng_hnsw_build *b, struct eng_fold_info *info,
                  struct engram_error *err);

/* The ids that searches of made-up vectors give, hashed: equal for equal answers.
 * ids of the memories by node; NULL: those of the file the graph is of. */
uint64_t foldfix_answers(struct eng_hnsw *g, struct eng_fold_graph *file, const struct engram_id *ids);

/* Bytes of a whole file, to be freed; exits where it cannot be read. */
uint8_t *foldfix_load(const char *path, size_t *n);
void foldfix_save(const char *path, const uint8_t *p, size_t n);

#endif
