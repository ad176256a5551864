/* confidence.c - confidence/1: how likely a hit is what was asked for.
 *
 *     logit = -4.269 + 0.780 rarity + 4.194 cosine + 6.223 margin + 0.243 log2 terms
 *     p     = 1 / (1 + e^-logit) * standing * encoding * completeness
 *
 *   rarity    share of the cue's rarity (sum of idf) that the text holds
 *   cosine    of the two vectors
 *   margin    how far the best hit stands above the next, or above what any
 *             text would reach by chance (a cosine of 0.10), as a share of its
 *             score; 0 for the others
 *   terms     words of the cue that count
 *   standing  score as a share of the best one's
 *   encoding  the confidence given at storing
 *   completeness  share of the store that could be looked at
 *
 * all but terms from 0 to 1.  The numbers are a logistic regression on 5,760
 * cues to stores of 1, 3, 10, 100, 1,000 and 5,000 texts of two kinds (package
 * descriptions asked by their summaries, glosses asked by one to four of
 * their words, a third of these replaced), half of them misspelt and half of
 * them without any right answer.  On a second draw of as many, which is what
 * `make bench-calibrate` asks, they are off by 0.022 on average.  The interval
 * is about one deviation of those kinds of cue and store: calibrated for itself
 * each would shift the logit, by 0.6 on average and two thirds of them by less
 * than 0.75.  Other numbers are confidence/2.
 *
 * Age is not in it: retention is shown beside it. */
#include "recall/recall_int.h"

#include "base/fixed.h"

#define ONE 10000u
#define MILLI(x) ((x) * 65536 / 1000)

#define C_ONE MILLI(-4269)
#define C_RARITY MILLI(780)
#define C_COSINE MILLI(4194)
#define C_MARGIN MILLI(6223)
#define C_TERMS MILLI(243)
#define SPREAD MILLI(750)

static int32_t logit_q16(const struct eng_match *m)
{
	int64_t sum = (int64_t)C_RARITY * m->rarity + (int64_t)C_COSINE * m->cosine + (int64_t)C_MARGIN * m->margin;
	int64_t terms = (int64_t)C_TERMS * eng_log2_q16(m->terms ? m->terms : 1) / 65536;
	return (int32_t)(C_ONE + sum / ONE + terms);
}

static uint32_t probability(int64_t logit, const struct eng_match *m)
{
	uint64_t p = (uint64_t)eng_logistic_q16((int32_t)logit) * ONE >> 16;
	p = p * m->standing / ONE;
	p = p * m->encoding / ONE;
	return (uint32_t)(p * m->completeness / ONE);
}

struct eng_confidence eng_confidence_of(const struct eng_match *m)
{
	int64_t logit = logit_q16(m);
	return (struct eng_confidence){
		.value = probability(logit, m),
		.lo = probability(logit - SPREAD, m),
		.hi = probability(logit + SPREAD, m),
	};
}

/* Vivid: rather right than wrong.  Nothing is reached by association yet. */
enum engram_group eng_group_of(uint32_t confidence)
{
	return confidence >= ONE / 2 ? ENGRAM_VIVID : ENGRAM_RECONSTRUCTED;
}
