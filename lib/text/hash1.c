/* hash1.c - the built-in embedder hash/1: a spelling-tolerant lexical vector.
 *
 * Each word adds its stem and its n-grams to 512 sums, at a place and with a
 * sign that a hash gives:
 *
 *   cell -> <cell>:  <ce cel ell ll>   <cel cell ell>   <cell cell>   and the stem "cell"
 *
 *   stem          weight / 2
 *   each n-gram   weight / sqrt(number of n-grams of the word)
 *
 * so that all n-grams of a word together weigh as much as its length would
 * give any other word.  A misspelt word shares most n-grams with the right
 * one.  The weight of a word falls with its frequency: in a document by the
 * frozen list of common words (the vector must not depend on the neighbours
 * that happen to be stored), in a query by its rarity in this store as well.
 * The i-th occurrence adds log2(1 + i) - log2(i) of that.
 *
 * Integers only, so that the codes are the same bytes on every machine.  The
 * 5 lines that choose places, signs, weights and rounding are the format: any
 * change is hash/2.
 *
 * Not done: meaning.  "car" and "automobile" are as far apart as any two words. */
#include "text/text_int.h"

#include "base/hash.h"
#include "base/utf8.h"

#define SEED_STEM 1u /* n-grams have their length, 3 to 5 */
#define COUNTERS 1024u
#define REPEATS 16u /* occurrences beyond add nothing: log2 has flattened */

/* rint(256 * (log2(1 + i) - log2(i))), i = 1..16 */
static const uint16_t growth_q8[REPEATS] = {
	256, 150, 106, 82, 67, 57, 49, 44, 39, 35, 32, 30, 27, 25, 24, 22,
};

struct sums {
	int64_t at[ENG_HASH1_DIM];
	/* Occurrences by hash of the word.  Two words that share a counter grow
	 * a little slower; that is deterministic and does no harm. */
	uint8_t seen[COUNTERS];
	const struct eng_corpus *corpus;
	bool any;
};

static void add(struct sums *s, const char *p, size_t n, unsigned seed, int64_t weight)
{
	uint64_t h = XXH3_64bits_withSeed(p, n, seed);
	s->at[h % ENG_HASH1_DIM] += h >> 63 ? -weight : weight;
}

/* Offsets of the characters of "<word>", the end included. */
static size_t characters(uint8_t *at, const char *p, size_t n)
{
	size_t count = 0;
	for (size_t i = 0; i < n; i++)
		if (((unsigned char)p[i] & 0xc0) != 0x80)
			at[count++] = (uint8_t)i;
	at[count] = (uint8_t)n;
	return count;
}

static void add_grams(struct sums *s, const struct eng_word *w, int64_t weight)
{
	char marked[ENG_WORD_MAX + 2];
	uint8_t at[ENG_WORD_MAX + 3];
	marked[0] = '<';
	memcpy(marked + 1, w->fold, w->nfold);
	marked[w->nfold + 1] = '>';
	size_t n = characters(at, marked, w->nfold + 2), grams = 0;
	for (size_t length = 3; length <= 5; length++)
		grams += n >= length ? n - length + 1 : 0;
	weight = weight * eng_inverse_root_q12(grams) >> 12;
	for (unsigned length = 3; length <= 5 && length <= n; length++)
		for (size_t i = 0; i + length <= n; i++)
			add(s, marked + at[i], (size_t)at[i + length] - at[i], length, weight);
}

/* Q16 for a document, up to 17 times that for a rare word of a query. */
static int64_t weight_of(const struct sums *s, const struct eng_word *w)
{
	int64_t weight = w->weight;
	if (!s->corpus)
		return weight << 8;
	uint32_t df = s->corpus->df(s->corpus->ctx, eng_stem_hash(w->stem, w->nstem));
	return weight * eng_idf_q16(s->corpus->docs, df) >> 8;
}

static int add_word(void *data, const struct eng_word *w)
{
	struct sums *s = data;
	uint8_t *seen = &s->seen[XXH3_64bits(w->fold, w->nfold) % COUNTERS];
	if (*seen == REPEATS)
		return 0;
	int64_t weight = weight_of(s, w) * growth_q8[(*seen)++] >> 8;
	add(s, w->stem, w->nstem, SEED_STEM, weight >> 1);
	add_grams(s, w, weight);
	s->any = true;
	return 0;
}

static uint64_t magnitude(int64_t v)
{
	return v < 0 ? -(uint64_t)v : (uint64_t)v;
}

/* code = sum * 127 / max, rounded to the nearest, halves away from zero.  The
 * sums are first brought below 2^23, so that one reciprocal serves them all. */
static bool quantise(int8_t codes[ENG_HASH1_DIM], const int64_t *sums)
{
	uint64_t max = 0;
	unsigned shift = 0;
	for (size_t i = 0; i < ENG_HASH1_DIM; i++)
		if (magnitude(sums[i]) > max)
			max = magnitude(sums[i]);
	if (max == 0)
		return false;
	while (max >> shift >= 1u << 23)
		shift++;
	uint64_t scale = ((uint64_t)127 << 40) / (max >> shift);
	for (size_t i = 0; i < ENG_HASH1_DIM; i++) {
		int8_t code = (int8_t)(((magnitude(sums[i]) >> shift) * scale + ((uint64_t)1 << 39)) >> 40);
		codes[i] = sums[i] < 0 ? (int8_t)-code : code;
	}
	return true;
}

static bool finish(int8_t codes[ENG_HASH1_DIM], const struct sums *s)
{
	if (s->any && quantise(codes, s->at))
		return true;
	memset(codes, 0, ENG_HASH1_DIM);
	return false;
}

bool eng_hash1(int8_t codes[ENG_HASH1_DIM], const char *text, size_t n, const struct eng_corpus *corpus)
{
	struct sums s = {.corpus = corpus};
	eng_words(text, n, add_word, &s);
	return finish(codes, &s);
}

struct document {
	struct sums sums;
	struct eng_terms *terms;
};

static int add_to_both(void *data, const struct eng_word *w)
{
	struct document *d = data;
	add_word(&d->sums, w);
	return eng_terms_collect(d->terms, w);
}

int eng_document(struct eng_terms *t, int8_t codes[ENG_HASH1_DIM], bool *row, const char *text, size_t n)
{
	struct document d = {.terms = t};
	t->n = 0;
	t->tokens = 0;
	int rc = eng_words(text, n, add_to_both, &d);
	if (rc != 0)
		return rc;
	eng_terms_finish(t);
	*row = finish(codes, &d.sums);
	return 0;
}
