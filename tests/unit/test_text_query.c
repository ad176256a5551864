/* test_text_query.c - cues, rarity and BM25 against the formulas in doubles. */
#include "text/text_int.h"

#include <math.h>
#include <stdlib.h>

#include "../lib/tap.h"
#include "base/fixed.h"
#include "base/rng.h"

static uint32_t df_by_length(void *ctx, uint64_t stem)
{
	return (uint32_t)(stem % 500);
}

static const struct eng_corpus corpus = {df_by_length, NULL, 1000, 20000};

static void logarithms(void)
{
	double worst = 0, worst_idf = 0;
	uint32_t last = 0;
	bool monotone = true;
	for (uint64_t v = 1; v < (uint64_t)1 << 40; v += 1 + v / 97) {
		uint32_t y = eng_log2_q16(v);
		worst = fmax(worst, fabs(y / 65536.0 - log2((double)v)));
		monotone = monotone && y >= last;
		last = y;
	}
	tap_ok(worst < 1.0 / 16384 && monotone, "log2 within %.6f, monotone", worst);
	for (uint64_t docs = 0; docs < 1000000; docs = docs * 3 + 1)
		for (uint64_t df = 0; df <= docs; df = df * 2 + 1) {
			double n = (double)docs + ENG_PRIOR_DOCS, want = log2((n - (double)df + 0.5) / ((double)df + 0.5) + 1);
			worst_idf = fmax(worst_idf, fabs(eng_idf_q16(docs, df) / 65536.0 - want));
		}
	tap_ok(worst_idf < 1.0 / 8192, "idf within %.6f", worst_idf);
	tap_int(eng_idf_q16(3, 1000), eng_idf_q16(3, 3 + ENG_PRIOR_DOCS), "a frequency above the size counts as the size");
	worst = 0;
	for (uint32_t x = 0; x < 20u << 16; x += 777)
		worst = fmax(worst, fabs(eng_exp2_neg_q16(x) / 65536.0 - exp2(-(double)x / 65536)));
	tap_ok(worst < 1.0 / 16384, "2^-x within %.6f", worst);
	worst = 0;
	for (int32_t x = -9 * 65536; x < 9 * 65536; x += 777)
		worst = fmax(worst, fabs(eng_logistic_q16(x) / 65536.0 - 1 / (1 + exp(-(double)x / 65536))));
	tap_ok(worst < 1.0 / 2048, "logistic within %.6f", worst);
}

static void length_classes(void)
{
	uint32_t last = 0;
	size_t wrong = 0;
	for (uint32_t n = 0; n < 1u << 21; n += 1 + n / 1000) {
		uint32_t class = eng_length_class(n), back = eng_class_length(class);
		wrong += class < last || class >= ENG_LENGTH_CLASSES || eng_length_class(back) != class;
		wrong += n < 16 ? back != n : abs((int)back - (int)n) > (int)(n / 8);
		last = class;
	}
	tap_int(wrong, 0, "classes of length: in order, exact below 16, within an eighth");
}

static void parsing(void)
{
	struct eng_query q;
	eng_query_parse(&q, "what powers a cell, the cells?", 30, &corpus);
	tap_ok(q.n == 2 && q.docs == 1000 && q.tokens == 20000, "stop words are dropped, repeats counted once");
	tap_int(q.rarity_q16, (uint64_t)q.terms[0].idf_q16 + q.terms[1].idf_q16, "rarity is the sum");
	eng_query_parse(&q, "to be or not to be", 18, &corpus);
	tap_int(q.n, 4, "only stop words: they count");
	eng_query_parse(&q, "?!", 2, &corpus);
	tap_ok(q.n == 0 && q.rarity_q16 == 0, "no words, no terms");

	char text[20000];
	size_t n = 0;
	uint32_t least_kept = UINT32_MAX, rarer = 0;
	for (int i = 0; i < 1000; i++)
		n += (size_t)sprintf(text + n, "word%d ", i);
	eng_query_parse(&q, text, n, &corpus);
	bool ordered = q.n == ENG_QUERY_TERMS_MAX;
	for (size_t i = 1; i < q.n; i++)
		ordered = ordered && q.terms[i].idf_q16 <= q.terms[i - 1].idf_q16;
	least_kept = q.terms[q.n - 1].idf_q16;
	for (int i = 0; i < 1000; i++) {
		char word[20];
		size_t m = (size_t)sprintf(word, "word%d", i);
		rarer += eng_idf_q16(1000, df_by_length(NULL, eng_stem_hash(word, m))) > least_kept;
	}
	tap_ok(ordered && rarer < q.n, "of a thousand words the %zu rarest are kept, rarest first", q.n);
}

static double reference(const struct eng_query *q, const uint32_t *tf, uint32_t tokens)
{
	double sum = 0, average = (double)q->tokens / (double)q->docs;
	double length = eng_class_length(eng_length_class(tokens));
	for (size_t i = 0; i < q->n; i++) {
		double n = (double)q->docs + ENG_PRIOR_DOCS, df = (double)q->terms[i].df;
		double idf = log2((n - df + 0.5) / (df + 0.5) + 1);
		sum += idf * tf[i] * 2.2 / (tf[i] + 1.2 * (0.25 + 0.75 * length / average));
	}
	return sum;
}

static void bm25(void)
{
	struct eng_query q;
	struct eng_rng g;
	double worst = 0;
	eng_rng_seed(&g, 25);
	eng_query_parse(&q, "mitochondria powerhouse cell energy organelle membrane", 54, &corpus);
	for (int i = 0; i < 20000; i++) {
		uint32_t tf[ENG_QUERY_TERMS_MAX], tokens = 1 + (uint32_t)eng_rng_below(&g, 1 << eng_rng_below(&g, 18));
		for (size_t k = 0; k < q.n; k++)
			tf[k] = (uint32_t)eng_rng_below(&g, 1 << eng_rng_below(&g, 8));
		double want = reference(&q, tf, tokens), found = (double)eng_bm25(&q, tf, tokens) / 65536;
		worst = fmax(worst, fabs(found - want) / fmax(want, 1));
	}
	tap_ok(worst < 0.001, "BM25 within %.6f of the formula (seed 25)", worst);

	struct eng_terms t = {0};
	uint64_t matched = 0;
	const char *text = "the mitochondria, the powerhouse: mitochondria";
	eng_terms_of(&t, text, strlen(text));
	uint32_t tf[ENG_QUERY_TERMS_MAX] = {0};
	uint64_t want = 0;
	for (size_t i = 0; i < q.n; i++) {
		tf[i] = q.terms[i].hash == eng_stem_hash("mitochondria", 12) ? 2 : 0;
		tf[i] = q.terms[i].hash == eng_stem_hash("powerhous", 9) ? 1 : tf[i];
		want += tf[i] ? q.terms[i].idf_q16 : 0;
	}
	tap_int(eng_bm25_text(&q, &t, &matched), eng_bm25(&q, tf, 5), "a text scored directly");
	tap_int(matched, want, "and the rarity it matched");
	eng_terms_free(&t);
	q.tokens = 0;
	tap_ok(eng_bm25(&q, tf, 0) >= 0, "an empty corpus divides nothing by nothing");
}

int main(void)
{
	logarithms();
	length_classes();
	parsing();
	bm25();
	return tap_done();
}
