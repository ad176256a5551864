/* test_text_hash1.c - the vector hash/1: golden bytes and what it is good for. */
#include "text/text.h"

#include <stdlib.h>

#include "../lib/tap.h"
#include "base/hash.h"
#include "base/rng.h"

static uint64_t digest_of(const char *text, size_t n, const struct eng_corpus *corpus)
{
	int8_t codes[ENG_HASH1_DIM];
	eng_hash1(codes, text, n, corpus);
	return XXH3_64bits(codes, sizeof codes);
}

static int32_t similarity(const char *query, const char *text, const struct eng_corpus *corpus)
{
	int8_t a[ENG_HASH1_DIM] __attribute__((aligned(64))), b[ENG_HASH1_DIM] __attribute__((aligned(64)));
	int32_t dot = 0;
	if (!eng_hash1(a, query, strlen(query), corpus) || !eng_hash1(b, text, strlen(text), NULL))
		return 0;
	for (size_t i = 0; i < ENG_HASH1_DIM; i++)
		dot += a[i] * b[i];
	return eng_vec_sim(dot, eng_vec_norm(a, ENG_HASH1_DIM), eng_vec_norm(b, ENG_HASH1_DIM));
}

static uint32_t some_df(void *ctx, uint64_t stem)
{
	return (uint32_t)(stem % 100);
}

static const struct eng_corpus corpus = {some_df, NULL, 1000, 10000};

/* A change of any of these is another embedder: hash/2. */
static void golden(void)
{
	static const struct {
		const char *text;
		uint64_t document, query;
	} cases[] = {
		{"The mitochondria is the powerhouse of the cell",
		 0xa7e6710623c5c713, 0x38695c7b69b7bd0d},
		{"mitocondria",
		 0x9df37783013d723b, 0x9df37783013d723b},
		{"a",
		 0xa0f7e811ca85d7bf, 0xa0f7e811ca85d7bf},
		{"Lima is the capital of Peru, Lima!",
		 0x500126da14869ecf, 0x5a15682a3aa43b73},
		{"Caf\xc3\xa9 na\xc3\xafve Stra\xc3\x9f" "e",
		 0x5f0fe3650b7d8a4a, 0xec12717abec7f6e6},
		{"\xe7\xb4\xb0\xe8\x83\x9e\xe3\x81\xae 2 \xd0\xba\xd0\xbb\xd0\xb5\xd1\x82\xd0\xba\xd0\xb0",
		 0x48f8abe560ecbf5b, 0x2e797efc6b975305},
		{"cell cell cell cell cell",
		 0x4b1ba6d674c7a38b, 0x4b1ba6d674c7a38b},
		{"3.14 x86_64",
		 0x1ba0a6f1d471fc39, 0x8cb9f0c66762059e},
	};
	for (size_t i = 0; i < ENG_COUNT(cases); i++) {
		size_t n = strlen(cases[i].text);
		uint64_t d = digest_of(cases[i].text, n, NULL), q = digest_of(cases[i].text, n, &corpus);
		if (!tap_ok(d == cases[i].document && q == cases[i].query, "golden vectors of \"%.40s\"", cases[i].text))
			tap_note("found 0x%016" PRIx64 ", 0x%016" PRIx64, d, q);
	}
	/* <ce cel ell ll> <cel cell ell> <cell cell> and the stem: nine n-grams of a third, the stem a half */
	static const struct {
		uint16_t at;
		int8_t code;
	} cell[] = {
		{18, -85}, {20, -85}, {32, -85}, {52, 85}, {220, 85}, {362, 85}, {376, 85}, {431, 85}, {447, -127}, {492, 85},
	};
	int8_t codes[ENG_HASH1_DIM];
	size_t others = 0, right = 0;
	eng_hash1(codes, "cell", 4, NULL);
	for (size_t i = 0; i < ENG_HASH1_DIM; i++)
		others += codes[i] != 0;
	for (size_t i = 0; i < ENG_COUNT(cell); i++)
		right += codes[cell[i].at] == cell[i].code;
	if (!tap_ok(right == ENG_COUNT(cell) && others == right, "the codes of \"cell\""))
		for (size_t i = 0; i < ENG_HASH1_DIM; i++)
			if (codes[i])
				tap_note("{%zu, %d},", i, codes[i]);
}

static void shape(void)
{
	int8_t codes[ENG_HASH1_DIM];
	memset(codes, 1, sizeof codes);
	tap_ok(!eng_hash1(codes, " ,. ", 4, NULL) && codes[0] == 0 && codes[511] == 0, "no words, no vector");
	struct eng_rng g;
	size_t wrong = 0;
	char text[2000];
	eng_rng_seed(&g, 3);
	for (int i = 0; i < 500; i++) {
		size_t n = 1 + eng_rng_below(&g, sizeof text - 1);
		int max = 0;
		for (size_t k = 0; k < n; k++)
			text[k] = "abcdefghij klmnopqrst uvwxyz"[eng_rng_below(&g, 28)];
		bool any = eng_hash1(codes, text, n, NULL);
		for (size_t k = 0; k < ENG_HASH1_DIM; k++) {
			max = abs(codes[k]) > max ? abs(codes[k]) : max;
			wrong += codes[k] == -128;
		}
		wrong += any && max != 127;
	}
	tap_int(wrong, 0, "the greatest code is 127, none is -128");
}

static int join_stem(void *data, const struct eng_word *w)
{
	eng_buf_add(data, w->stem, w->nstem);
	eng_buf_byte(data, ' ');
	return 0;
}

static size_t random_words(struct eng_rng *g, char *text, size_t max)
{
	static const char *const pieces[] = {"a", "e", "r", "st", "ing", "\xc3\xa9", "9", "\xe4\xb8\xad"};
	size_t n = 0;
	while (n + 60 < max) {
		/* short ones come again and again, some are too long for a lexicon */
		for (size_t k = 1 + eng_rng_below(g, eng_rng_below(g, 8) ? 4 : 20); k > 0; k--)
			n += (size_t)sprintf(text + n, "%s", pieces[eng_rng_below(g, ENG_COUNT(pieces))]);
		text[n++] = ' ';
	}
	return n;
}

/* A document's terms, vector and stems, whatever the lexicon has met before. */
static void documents(void)
{
	struct eng_lexicon *l = eng_lexicon_new(1);
	struct eng_document d = {0};
	struct eng_buf stems = {0};
	struct eng_terms terms = {0};
	int8_t codes[ENG_HASH1_DIM];
	struct eng_rng g;
	size_t wrong = 0;
	char text[700];
	eng_rng_seed(&g, 8);
	for (int i = 0; i < 3000; i++) {
		size_t n = random_words(&g, text, 60 + eng_rng_below(&g, sizeof text - 60));
		bool row = eng_hash1(codes, text, n, NULL);
		eng_buf_reset(&stems);
		eng_words(text, n, join_stem, &stems);
		if (eng_terms_of(&terms, text, n) != 0 || eng_document(&d, i % 5 ? l : NULL, text, n) != 0) {
			wrong++;
			continue;
		}
		wrong += d.row != row || memcmp(d.codes, codes, sizeof codes) != 0;
		wrong += d.terms.n != terms.n || d.terms.tokens != terms.tokens;
		for (size_t k = 0; k < terms.n && d.terms.n == terms.n; k++)
			wrong += d.terms.at[k].stem != terms.at[k].stem || d.terms.at[k].count != terms.at[k].count;
		wrong += d.stems.n != stems.n || (stems.n && memcmp(d.stems.p, stems.p, stems.n) != 0);
	}
	tap_int((long)wrong, 0, "3,000 documents with and without a lexicon (seed 8)");
	eng_lexicon_free(l);
	eng_document_free(&d);
	eng_terms_free(&terms);
	eng_buf_free(&stems);
}

static void meaning(void)
{
	const char *cell = "The mitochondria is the powerhouse of the cell";
	const char *lima = "Lima is the capital of Peru";
	int32_t right = similarity("mitochondria", cell, &corpus), typo = similarity("mitocondria", cell, &corpus);
	int32_t other = similarity("mitocondria", lima, &corpus);
	tap_ok(right > typo && typo > 3 * abs(other), "right %d > misspelt %d > elsewhere %d", right, typo, other);
	tap_ok(similarity(cell, cell, NULL) > (1 << 30) - (1 << 20), "a text is like itself");
	tap_ok(similarity("Mitochondrial", cell, &corpus) > typo, "an inflection is near");
	tap_ok(abs(similarity("the of is", lima, &corpus)) < similarity("peru", lima, &corpus),
	       "common words weigh little");
}

static uint32_t only(void *ctx, uint64_t stem)
{
	return stem == *(uint64_t *)ctx ? 1000 : 0;
}

static void rarity(void)
{
	uint64_t common = eng_stem_hash("cell", 4);
	struct eng_corpus here = {only, &common, 1000, 10000};
	tap_ok(similarity("cell lima", "Lima", &here) > similarity("cell lima", "cell", &here),
	       "a query leans to the word that is rare in this store");
}

static void repeats(void)
{
	static char text[60000];
	size_t n = 0;
	while (n + 6 < sizeof text)
		n += (size_t)sprintf(text + n, "cell ");
	tap_ok(similarity("cell", text, NULL) > (1 << 30) - (1 << 20), "repeats change the length only");
	n = (size_t)sprintf(text, "lima ");
	for (int i = 0; i < 1000; i++)
		n += (size_t)sprintf(text + n, "cell ");
	int32_t lima = similarity("lima", text, NULL), cell = similarity("cell", text, NULL);
	tap_ok(lima > cell / 8, "a thousand repeats do not drown a word: %d, %d", lima, cell);
}

int main(void)
{
	golden();
	shape();
	documents();
	meaning();
	rarity();
	repeats();
	return tap_done();
}
