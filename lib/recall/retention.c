/* retention.c - the forgetting curve, in integers.
 *
 * What is left after a time t without rehearsal:
 *
 *     R = (1 + t / s)^-0.13        s, the stability: 13 seconds at first
 *
 * which is the least-squares fit to the savings that Ebbinghaus found in 1885:
 *
 *     after     20 min   1 h    9 h    1 d    2 d    6 d    31 d
 *     savings   .582    .442   .358   .337   .278   .254   .211
 *     R         .554    .481   .362   .318   .291   .252   .204
 *
 * A rehearsal after a gap g starts t anew and makes the memory more stable, the
 * more the longer ago it was: s doubles, and is multiplied by (1 + g / s)^(1/8)
 * on top.  So eight rehearsals an hour apart outlast eight in one minute.
 *
 * Pure: `now` is a stamp of the store, never a clock. */
#include "recall/recall_int.h"

#include "base/fixed.h"

#define ONE_Q16 65536u
#define EXPONENT_Q16 8520u          /* 0.13 */
#define STABILITY_MS 13000u
#define STABILITY_MAX_Q16 (45u << 16) /* log2 of 2^45 ms: a thousand years */

/* 2^x for x < 46, rounded down. */
static uint64_t exp2_of(uint32_t x_q16)
{
	uint32_t whole = x_q16 >> 16, fraction = x_q16 & (ONE_Q16 - 1);
	return ((uint64_t)eng_exp2_neg_q16(ONE_Q16 - fraction) << (whole + 1)) >> 16;
}

/* log2(1 + t / s) */
static uint32_t ages_q16(uint64_t t, uint32_t log_s_q16)
{
	uint32_t log = eng_log2_q16(exp2_of(log_s_q16) + t);
	return log > log_s_q16 ? log - log_s_q16 : 0;
}

static uint32_t rehearsed(uint32_t log_s_q16, uint64_t gap_ms)
{
	uint32_t s = log_s_q16 + ONE_Q16 + ages_q16(gap_ms, log_s_q16) / 8;
	return s < STABILITY_MAX_Q16 ? s : STABILITY_MAX_Q16;
}

static uint64_t between(int64_t from_ms, int64_t to_ms)
{
	return to_ms > from_ms ? (uint64_t)to_ms - (uint64_t)from_ms : 0;
}

uint32_t eng_retention(int64_t stored_us, const eng_stamp *stamps, size_t n, int64_t now_us)
{
	uint32_t log_s_q16 = eng_log2_q16(STABILITY_MS);
	int64_t last = stored_us / 1000;
	for (size_t i = 1; i < n; i++) {
		int64_t at = (int64_t)(stamps[i] >> 16);
		log_s_q16 = rehearsed(log_s_q16, between(last, at));
		last = at > last ? at : last;
	}
	uint64_t x = (uint64_t)ages_q16(between(last, now_us / 1000), log_s_q16) * EXPONENT_Q16 >> 16;
	return (uint32_t)((uint64_t)eng_exp2_neg_q16((uint32_t)x) * 10000 >> 16);
}
