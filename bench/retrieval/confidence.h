/* confidence.h - what a stated confidence was worth. */
#ifndef BENCH_RETRIEVAL_CONFIDENCE_H
#define BENCH_RETRIEVAL_CONFIDENCE_H

#include "engram.h"

enum { FEATURES = 6 }; /* 1, met, cosine, margin, log2 words, log2 memories */

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
/* Prints the constants that a logistic regression of right on x gives. */
void print_fit(const struct judged *c, size_t n);

#endif
