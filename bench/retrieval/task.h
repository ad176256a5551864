/* task.h - what the programs of bench/retrieval share: misspelt cues, spaces
 * made of texts, and what a stated confidence was worth. */
#ifndef BENCH_RETRIEVAL_TASK_H
#define BENCH_RETRIEVAL_TASK_H

#include "base/rng.h"
#include "engram.h"

/* Ends the program with a message where rc is an error. */
void check(int rc, const char *what);
extern struct engram_error err; /* give it to every call that check() judges */

/* text with one edit in about half of its words of five letters or more. */
void misspell(char *out, size_t size, const char *text, struct eng_rng *g);

/* A new space holding the texts, indexed; their ids. */
struct engram_space *store_texts(struct engram_home *home, const char *name, char *const *texts, struct engram_id *ids,
                                 size_t n);
/* All of the first `depth` hits, however unlikely. */
void ask(struct engram_result *r, struct engram_space *space, const char *text, enum engram_mode mode, size_t depth);

/* -- confidence ---------------------------------------------------------- */

enum { FEATURES = 5 }; /* 1, rarity, cosine, margin, log2 words */

struct judged {
	double x[FEATURES];
	double stated;
	bool right;
};

/* The first hit of r as a case. */
struct judged judge(const struct engram_result *r, bool right);
/* Mean distance of stated and found over ten bins; `print` = the table too. */
double calibration_error(const struct judged *c, size_t n, bool print);
/* Share of pairs of a right and a wrong hit in which the right one is stated higher. */
double discrimination(const struct judged *c, size_t n);
/* Logistic regression of right on x. */
void fit(double w[FEATURES], const struct judged *c, size_t n);

#endif
