/* task.h - what the programs of bench/retrieval share: texts and cues from
 * files, misspelt cues, spaces made of texts. */
#ifndef BENCH_RETRIEVAL_TASK_H
#define BENCH_RETRIEVAL_TASK_H

#include "base/rng.h"
#include "engram.h"

/* Ends the program with a message where rc is an error. */
void check(int rc, const char *what);
extern struct engram_error err; /* give it to every call that check() judges */

/* -- files --------------------------------------------------------------- */

/* Lines of two fields, a tab between them. */
struct pair {
	char *first, *second;
};
struct pairs {
	struct pair *at;
	size_t n;
};
/* Ends the program where the file cannot be read or a line has no tab. */
struct pairs pairs_read(const char *path);
void pairs_free(struct pairs *p);

/* -- cues ---------------------------------------------------------------- */

/* text with one edit in about half of its words of five letters or more. */
void misspell(char *out, size_t size, const char *text, struct eng_rng *g);

/* All of the first `depth` hits, however unlikely.  vector NULL: the text alone. */
struct vector {
	const float *x;
	size_t dim;
	const char *embedder;
};
void ask(struct engram_result *r, struct engram_space *space, const char *text, const struct vector *vector,
         enum engram_mode mode, size_t depth);

/* Is key one of the words of `keys`? */
bool among(const char *keys, const char *key, size_t n);
/* Of the first hit that is among the keys, from 1; 0 = none. */
uint32_t rank_of(const struct engram_result *r, const char *keys);

/* -- spaces -------------------------------------------------------------- */

/* A new space holding key and text of each pair, indexed.  Its id and the time
 * of storing are always the same, so that ties fall the same way. */
struct engram_space *store_pairs(struct engram_home *home, const char *name, const struct pairs *docs);
/* The same of a file, kept under the digest of its documents from run to run. */
struct engram_space *stored_pairs(struct engram_home *home, const char *path);

/* -- embedders ----------------------------------------------------------- */

/* The filter that EMBED_COMMAND names (engram-formats(5), EMBEDDERS), under the
 * name EMBED_NAME; NULL where it is not set. */
struct engram_embedder *embedder_of_environment(void);
/* Vectors for what has none by it: a space that is kept has them from the last run. */
void embed_space(struct engram_space *space, struct engram_embedder *e);
/* One vector a text, x NULL where there is none; it and the numbers, *block, are
 * for free(). */
struct vector *embed_texts(float **block, struct engram_embedder *e, char *const *texts, size_t n);

#endif
