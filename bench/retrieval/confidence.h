/* confidence.h - what a stated confidence was worth. */
#ifndef BENCH_RETRIEVAL_CONFIDENCE_H
#define BENCH_RETRIEVAL_CONFIDENCE_H

#include "engram.h"

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
