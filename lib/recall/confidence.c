/* confidence.c - how likely a hit is what was asked for.
 *
 *     logit = one + a met + b cosine + c margin + d log2 terms + e log2 (memories + 1)
 *     p     = 1 / (1 + e^-logit) * substance * standing * encoding * completeness
 *
 *   met       share of the cue's rarity (sum of idf) that the text holds: `rarity`
 *             in the very words, `near` in words spelt nearly so (evidence.c)
 *   cosine    of the two vectors
 *   margin    how far the best hit stands above the next, or above what any
 *             text would reach by chance (a cosine of 0.10), as a share of its
 *             score; 0 for the others
 *   terms     words of the cue that count, 16 at most: 95 % of the cues fitted are
 *             no longer, and a letter of sixty would be sure of itself
 *   memories  of the space: among more of them one is met by chance more often
 *   substance less than 1 for a text of one to three letters
 *   standing  score as a share of the best one's
 *   encoding  the confidence given at storing
 *   completeness  share of the store that could be looked at
 *
 * all but terms and memories from 0 to 1.  The numbers below are a logistic
 * regression on the cues that `make bench-calibrate` asks: stores of 1, 3, 10,
 * 100, 1,000 and 5,000 texts, three kinds of cue (package descriptions asked by
 * their summaries, glosses by one to four of their words, a third of these
 * replaced, and glosses by the definitions of another dictionary), half of them
 * misspelt and half of them without any right answer; and every other cue of
 * the tasks deb, typo and gcide, to stores of 20,000 and 117,659.
 *
 * confidence/1 had neither `near` nor `memories`: it stated 0.17 too much for
 * definitions among 117,659 glosses, and 0.05 too little for misspelt words.
 * Other numbers are another version (ENG_CONFIDENCE_VERSION), which judgements
 * state beside the features.
 *
 * Age is not in it: retention is shown beside it. */
#include "recall/recall_int.h"

#include "base/fixed.h"

#define ONE 10000u
#define TERMS_MOST 16u
#define MILLI(x) ((x) * 65536 / 1000)

/* confidence/2.  The interval is about one deviation of the kinds of cue and
 * store: calibrated for itself each would shift the logit, by 0.56 on average
 * and two thirds of them by less than 0.75. */
static const struct {
	int32_t one, met, cosine, margin, terms, docs, spread;
} formula = {
	.one = MILLI(-4335),
	.met = MILLI(4312),
	.cosine = MILLI(2574),
	.margin = MILLI(4113),
	.terms = MILLI(690),
	.docs = MILLI(-198),
	.spread = MILLI(750),
};

static int32_t logit_q16(const struct eng_match *m)
{
	uint32_t terms = m->terms < TERMS_MOST ? m->terms : TERMS_MOST;
	int64_t shares = (int64_t)formula.met * (m->rarity + m->near) + (int64_t)formula.cosine * m->cosine +
	                 (int64_t)formula.margin * m->margin;
	int64_t sizes = (int64_t)formula.terms * eng_log2_q16(terms ? terms : 1) +
	                (int64_t)formula.docs * eng_log2_q16(m->docs + 1);
	return (int32_t)(formula.one + shares / ONE + sizes / 65536);
}

static uint32_t probability(int64_t logit, const struct eng_match *m)
{
	uint64_t p = (uint64_t)eng_logistic_q16((int32_t)logit) * ONE >> 16;
	p = p * m->substance / ONE;
	p = p * m->standing / ONE;
	p = p * m->encoding / ONE;
	return (uint32_t)(p * m->completeness / ONE);
}

struct eng_confidence eng_confidence_of(const struct eng_match *m)
{
	int64_t logit = logit_q16(m);
	return (struct eng_confidence){
		.value = probability(logit, m),
		.lo = probability(logit - formula.spread, m),
		.hi = probability(logit + formula.spread, m),
	};
}

/* Vivid: rather right than wrong.  Nothing is reached by association yet. */
enum engram_group eng_group_of(uint32_t confidence)
{
	return confidence >= ONE / 2 ? ENGRAM_VIVID : ENGRAM_RECONSTRUCTED;
}
