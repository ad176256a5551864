/* confidence.c - confidence/1: how likely a hit is what was asked for. */
#include "recall/recall_int.h"

#include "base/fixed.h"

#define ONE 10000u

/* Fitted; Q16. */
#define C_ONE (-3 * 65536)
#define C_RARITY (2 * 65536)
#define C_COSINE (4 * 65536)
#define C_MARGIN (2 * 65536)
#define C_TERMS 0
#define SPREAD_Q16 49152

static int32_t logit_q16(const struct eng_match *m)
{
	int64_t sum = (int64_t)C_RARITY * m->rarity + (int64_t)C_COSINE * m->cosine + (int64_t)C_MARGIN * m->margin;
	return (int32_t)(C_ONE + sum / ONE + (int64_t)C_TERMS * eng_log2_q16(m->terms ? m->terms : 1) / 65536);
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
		.lo = probability(logit - SPREAD_Q16, m),
		.hi = probability(logit + SPREAD_Q16, m),
	};
}

enum engram_group eng_group_of(uint32_t confidence, const struct eng_match *m)
{
	return confidence >= 5000 ? ENGRAM_VIVID : ENGRAM_RECONSTRUCTED;
}
