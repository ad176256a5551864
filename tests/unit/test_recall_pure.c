/* test_recall_pure.c - fusion, retention and confidence as functions. */
#include "recall/recall_int.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../lib/tap.h"
#include "base/rng.h"

#define SECOND INT64_C(1000000)
#define DAY (86400 * SECOND)

static eng_stamp stamp(int64_t us)
{
	return (eng_stamp)(us / 1000) << 16;
}

static void curve(void)
{
	static const struct {
		int64_t after;
		double savings; /* Ebbinghaus 1885 */
	} points[] = {
		{20 * 60 * SECOND, .582}, {3600 * SECOND, .442}, {9 * 3600 * SECOND, .358}, {DAY, .337}, {2 * DAY, .278},
		{6 * DAY, .254}, {31 * DAY, .211},
	};
	int64_t t0 = 1700000000 * SECOND;
	eng_stamp first = stamp(t0);
	double worst = 0, formula = 0;
	for (size_t i = 0; i < ENG_COUNT(points); i++) {
		double r = eng_retention(t0, &first, 1, t0 + points[i].after) / 1e4;
		worst = fmax(worst, fabs(r - points[i].savings));
		formula = fmax(formula, fabs(r - pow(1 + (double)points[i].after / 1e6 / 13, -0.13)));
	}
	tap_ok(worst < 0.04, "within %.3f of what Ebbinghaus found", worst);
	tap_ok(formula < 0.001, "within %.4f of the formula", formula);
	tap_int(eng_retention(t0, &first, 1, t0), 10000, "nothing is forgotten at once");
	tap_int(eng_retention(t0, &first, 1, t0 - DAY), 10000, "nor before it was stored");
	tap_int(eng_retention(t0, NULL, 0, t0), 10000, "nor without any stamp");
	uint32_t last = 10001;
	bool falls = true;
	for (int64_t t = 1000; t < 40000 * DAY; t += t / 7) {
		uint32_t r = eng_retention(t0, &first, 1, t0 + t);
		falls = falls && r <= last && r > 0;
		last = r;
	}
	tap_ok(falls, "it falls for ever and never to nothing");
}

static void rehearsals(void)
{
	int64_t t0 = 1700000000 * SECOND, now = t0 + 60 * DAY;
	eng_stamp crammed[8], spaced[8];
	for (int i = 0; i < 8; i++) {
		crammed[i] = stamp(t0 + i * 10 * SECOND);
		spaced[i] = stamp(t0 + i * DAY);
	}
	uint32_t once = eng_retention(t0, crammed, 1, now), eight = eng_retention(t0, crammed, 8, now);
	uint32_t over_days = eng_retention(t0, spaced, 8, now);
	tap_ok(once < eight && eight < over_days, "rehearsal helps (%u < %u), spaced more (%u)", once, eight, over_days);
	struct eng_rng g;
	size_t wrong = 0;
	eng_rng_seed(&g, 9);
	for (int i = 0; i < 2000; i++) {
		eng_stamp s[20];
		int64_t at = t0;
		size_t n = 1 + eng_rng_below(&g, 19);
		for (size_t k = 0; k < n; k++) {
			s[k] = stamp(at);
			at += (int64_t)eng_rng_below(&g, 1 + (uint64_t)(DAY >> eng_rng_below(&g, 30)));
		}
		uint32_t r = eng_retention(t0, s, n, at), later = eng_retention(t0, s, n, at + DAY);
		wrong += r > 10000 || later > r || eng_retention(t0, s, n - 1, at + DAY) > later;
	}
	tap_int(wrong, 0, "a rehearsal never hurts, time never helps (seed 9)");
	eng_stamp many[200];
	for (int i = 0; i < 200; i++)
		many[i] = stamp(t0 + i * DAY);
	tap_ok(eng_retention(t0, many, 200, t0 + 200 * DAY) <= 10000, "stability has a ceiling");
}

static void confidence(void)
{
	struct eng_match m = {.rarity = 5000, .near = 1000, .cosine = 4000, .margin = 5000, .terms = 3, .docs = 99,
	                      .substance = 10000, .standing = 10000, .encoding = 10000, .completeness = 10000};
	struct eng_confidence c = eng_confidence_of(&m);
	double z = -4.335 + 4.312 * 0.6 + 2.574 * 0.4 + 4.113 * 0.5 + 0.690 * log2(3) - 0.198 * log2(100);
	tap_ok(fabs(c.value / 1e4 - 1 / (1 + exp(-z))) < 0.001, "the formula: %u", c.value);
	m.terms = 16;
	uint32_t sixteen = eng_confidence_of(&m).value;
	m.terms = 64;
	tap_int(eng_confidence_of(&m).value, sixteen, "a longer cue than most is no surer of itself");
	tap_ok(c.lo < c.value && c.value < c.hi, "an interval around it: %u..%u", c.lo, c.hi);
	struct eng_rng g;
	size_t wrong = 0;
	eng_rng_seed(&g, 1);
	for (int i = 0; i < 5000; i++) {
		uint32_t *fields[] = {&m.rarity, &m.near, &m.cosine, &m.margin, &m.substance, &m.standing, &m.encoding, &m.completeness};
		for (size_t k = 0; k < ENG_COUNT(fields); k++)
			*fields[k] = (uint32_t)eng_rng_below(&g, 10001);
		m.terms = (uint32_t)eng_rng_below(&g, 65);
		m.docs = eng_rng_next(&g) >> eng_rng_below(&g, 64) >> 1;
		c = eng_confidence_of(&m);
		wrong += c.lo > c.value || c.value > c.hi || c.hi > 10000;
		uint32_t *more = fields[eng_rng_below(&g, ENG_COUNT(fields))];
		*more += (10000 - *more) / 2;
		wrong += eng_confidence_of(&m).value < c.value;
	}
	tap_int(wrong, 0, "in 0..10,000, and more of any feature is never less (seed 1)");
	m.encoding = 0;
	tap_int(eng_confidence_of(&m).hi, 0, "what was stored as certainly wrong is no answer");
	tap_ok(eng_group_of(5000) == ENGRAM_VIVID && eng_group_of(4999) == ENGRAM_RECONSTRUCTED, "groups");
}

/* Two words of the cue, one twice as rare as the other. */
static struct eng_question question(const char *rare, const char *common)
{
	struct eng_question q = {.query = {.n = 2, .docs = 100, .rarity_q16 = 3 << 16}};
	const char *words[] = {rare, common};
	for (size_t i = 0; i < 2; i++) {
		struct eng_query_term *t = &q.query.terms[i];
		t->n = strlen(words[i]);
		memcpy(t->stem, words[i], t->n);
		t->hash = eng_stem_hash(t->stem, t->n);
		t->idf_q16 = (uint32_t)(2 - i) << 16;
	}
	eng_question_shapes(&q);
	return q;
}

static struct eng_evidence of(const struct eng_question *q, const char *text)
{
	return eng_evidence_of(q, text, strlen(text));
}

static void evidence(void)
{
	struct eng_question q = question("garden", "winter");
	struct eng_evidence e = of(&q, "a garden before winter");
	tap_ok(e.rarity == 10000 && e.near == 0 && e.substance == 10000, "both words: all of the rarity");
	e = of(&q, "a garden, a garden");
	tap_ok(e.rarity == 6666 && e.near == 0, "the rare one: two thirds, however often (%u)", e.rarity);
	e = of(&q, "a gardden before winter");
	tap_ok(e.rarity == 3333 && e.near > 0 && e.near < 6666, "misspelt it counts, and less (%u)", e.near);
	e = of(&q, "somebody played football");
	tap_ok(e.rarity == 0 && e.near == 0, "other words are nothing");
	e = of(&q, "");
	tap_ok(e.rarity == 0 && e.near == 0 && e.substance == 0, "nor is no text");
	q = question("vitamin", "x");
	tap_int(of(&q, "x").substance, 2500, "a text of one letter is a quarter of an answer");
	tap_int(of(&q, "xyz").substance, 7500, "of three, three quarters");
	tap_int(of(&q, "boron").substance, 10000, "of four, a whole one");
	q = question("x", "x");
	q.query.n = 1;
	tap_int(of(&q, "x").substance, 10000, "and of one to a cue of one");

	struct eng_rng g;
	size_t wrong = 0;
	eng_rng_seed(&g, 4);
	for (int i = 0; i < 3000; i++) {
		char word[2][16], text[40];
		for (int w = 0; w < 2; w++) {
			size_t n = 1 + eng_rng_below(&g, 14);
			for (size_t k = 0; k < n; k++)
				word[w][k] = (char)('a' + eng_rng_below(&g, 26));
			word[w][n] = 0;
		}
		snprintf(text, sizeof text, "%s %s", word[0], word[1]);
		q = question(word[0], word[1]);
		struct eng_evidence one = of(&q, word[0]), two = of(&q, text);
		wrong += two.rarity + two.near > 10000 || two.rarity < one.rarity || two.substance < one.substance;
	}
	tap_int(wrong, 0, "never more than all; more text is never less (seed 4)");
}

static void fusion(void)
{
	struct eng_candidate at[] = {
		{.doc = 0, .bm25 = 8 << 16, .sim_q30 = 1 << 28, .id = {{3}}},
		{.doc = 1, .bm25 = 4 << 16, .sim_q30 = 1 << 29, .id = {{2}}},
		{.doc = 2, .bm25 = 0, .sim_q30 = 1 << 29, .id = {{1}}},
		{.doc = 3, .bm25 = 8 << 16, .sim_q30 = 1 << 28, .id = {{0}}},
		{.doc = 4, .bm25 = 0, .sim_q30 = -(1 << 29), .id = {{9}}},
	};
	struct eng_candidates c = {.at = at, .n = ENG_COUNT(at)};
	struct eng_question q = {.mode = ENGRAM_HYBRID, .query = {.n = 2}, .r = 1};
	q.query.terms[0].df = q.query.terms[1].df = 1;
	tap_int(eng_vector_weight_q16(&q), 32768, "known words: the vector weighs a half");
	eng_fuse(&c, &q);
	tap_ok(at[0].match == 8333 && at[1].match == 6666 && at[2].match == 3333 && at[4].match == 0,
	       "bm25/max + 0.5 cosine/max: %d %d %d", at[0].match, at[1].match, at[2].match);
	eng_candidates_sort(&c);
	tap_ok(at[0].doc == 3 && at[1].doc == 0 && at[2].doc == 1 && at[4].doc == 4, "by score, then id");
	q.query.terms[0].df = 0;
	tap_int(eng_vector_weight_q16(&q), 65536, "an unknown word of two: as much as the words");
	q.mode = ENGRAM_VECTOR_ONLY;
	eng_fuse(&c, &q);
	tap_ok(at[2].match == 10000 && at[0].match == 5000, "vector alone");
	tap_ok(abs(c.chance - 2000) <= 1, "chance is a cosine of 0.1 on the same scale: %d", c.chance);
	q.mode = ENGRAM_TEXT_ONLY;
	eng_fuse(&c, &q);
	tap_ok(at[0].match == 10000 && at[2].match == 5000 && c.chance == 0, "words alone");
}

int main(void)
{
	curve();
	rehearsals();
	confidence();
	evidence();
	fusion();
	return tap_done();
}
