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
#include "base/wide.h"

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

/* One of the 512 sums; the top bit: what is added there is subtracted. */
#define SUBTRACT 0x8000u

static uint16_t place(const char *p, size_t n, unsigned seed)
{
	uint64_t h = XXH3_64bits_withSeed(p, n, seed);
	return (uint16_t)(h % ENG_HASH1_DIM | (h >> 63 ? SUBTRACT : 0));
}

static void add(struct sums *s, uint16_t place, int64_t weight)
{
	s->at[place & (ENG_HASH1_DIM - 1)] += place & SUBTRACT ? -weight : weight;
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

/* The places of a word: of its stem, then of its n-grams, 1 + ENG_GRAMS at most. */
static size_t find_places(uint16_t *places, const struct eng_word *w)
{
	char marked[ENG_WORD_MAX + 2];
	uint8_t at[ENG_WORD_MAX + 3];
	marked[0] = '<';
	memcpy(marked + 1, w->fold, w->nfold);
	marked[w->nfold + 1] = '>';
	size_t n = characters(at, marked, w->nfold + 2), count = 0;
	places[count++] = place(w->stem, w->nstem, SEED_STEM);
	for (unsigned length = 3; length <= 5 && length <= n; length++)
		for (size_t i = 0; i + length <= n; i++)
			places[count++] = place(marked + at[i], (size_t)at[i + length] - at[i], length);
	return count;
}

static void spread(struct sums *s, const uint16_t *places, size_t n, int64_t weight)
{
	add(s, places[0], weight >> 1);
	weight = weight * eng_inverse_root_q12(n - 1) >> 12;
	for (size_t i = 1; i < n; i++)
		add(s, places[i], weight);
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
	struct eng_lexeme *known = w->known;
	uint8_t *seen = &s->seen[(known ? known->hash : XXH3_64bits(w->fold, w->nfold)) % COUNTERS];
	if (*seen == REPEATS)
		return 0;
	int64_t weight = weight_of(s, w) * growth_q8[(*seen)++] >> 8;
	s->any = true;
	if (!known) {
		uint16_t places[1 + ENG_GRAMS_MAX];
		spread(s, places, find_places(places, w), weight);
		return 0;
	}
	if (known->nplaces == 0)
		known->nplaces = (uint8_t)find_places(known->places, w);
	spread(s, known->places, known->nplaces, weight);
	return 0;
}

static inline uint64_t magnitude(int64_t v)
{
	int64_t sign = v >> 63;
	return (uint64_t)((v ^ sign) - sign);
}

/* Whether all are within 32 bits, as they are but for texts of a megabyte.  Runs of
 * known length become SIMD, here and below. */
ENG_INLINE bool all_narrow(const int64_t sums[ENG_HASH1_DIM])
{
	uint64_t beyond = 0;
	for (size_t i = 0; i < ENG_HASH1_DIM; i++)
		beyond |= ((uint64_t)sums[i] + INT32_MAX) >> 32; /* -2^31 has no size in 32 bits */
	return beyond == 0;
}

/* The sums, brought to sizes below 2^31. */
static void narrow(int32_t out[ENG_HASH1_DIM], const int64_t sums[ENG_HASH1_DIM])
{
	uint64_t any = 0;
	unsigned shift = 0;
	for (size_t i = 0; i < ENG_HASH1_DIM; i++)
		any |= magnitude(sums[i]);
	while (any >> shift >= (uint64_t)1 << 31)
		shift++;
	for (size_t i = 0; i < ENG_HASH1_DIM; i++) {
		int32_t size = (int32_t)(magnitude(sums[i]) >> shift);
		out[i] = sums[i] < 0 ? -size : size;
	}
}

/* code = sum * 127 / max, rounded to the nearest, halves away from zero.  The
 * sums are first brought below 2^23, so that one reciprocal serves them all:
 *
 *     code = (size * scale + 2^39) >> 40
 *
 * with the scale, of 47 bits, in two parts, so that no product needs more than 64. */
ENG_INLINE bool quantise(int8_t codes[ENG_HASH1_DIM], const int64_t *sums)
{
	int32_t sum[ENG_HASH1_DIM], max = 0;
	unsigned shift = 0;
	if (all_narrow(sums))
		for (size_t i = 0; i < ENG_HASH1_DIM; i++)
			sum[i] = (int32_t)sums[i];
	else
		narrow(sum, sums);
	for (size_t i = 0; i < ENG_HASH1_DIM; i++) {
		int32_t size = sum[i] < 0 ? -sum[i] : sum[i];
		max = size > max ? size : max;
	}
	if (max == 0)
		return false;
	while (max >> shift >= 1 << 23)
		shift++;
	uint64_t scale = ((uint64_t)127 << 40) / (uint64_t)(max >> shift);
	uint32_t low = scale & 0xffffff, high = (uint32_t)(scale >> 24);
	for (size_t i = 0; i < ENG_HASH1_DIM; i++) {
		int32_t sign = sum[i] >> 31;
		uint32_t size = (uint32_t)((sum[i] ^ sign) - sign) >> shift;
		uint64_t code = ((uint64_t)size * high + (1u << 15) + ((uint64_t)size * low >> 24)) >> 16;
		codes[i] = (int8_t)(((int32_t)code ^ sign) - sign);
	}
	return true;
}

#if ENG_AVX2
ENG_FOR_AVX2 static bool avx2_quantise(int8_t codes[ENG_HASH1_DIM], const int64_t *sums)
{
	return quantise(codes, sums);
}
#endif

static bool finish(int8_t codes[ENG_HASH1_DIM], const struct sums *s)
{
	if (s->any && ENG_BEST(quantise, codes, s->at))
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

struct pass {
	struct sums sums;
	struct eng_document *d;
};

static int add_to_all(void *data, const struct eng_word *w)
{
	struct pass *p = data;
	add_word(&p->sums, w);
	eng_buf_add(&p->d->stems, w->stem, w->nstem);
	eng_buf_byte(&p->d->stems, ' ');
	return eng_terms_collect(&p->d->terms, w);
}

int eng_document(struct eng_document *d, struct eng_lexicon *l, const char *text, size_t n)
{
	struct pass p = {.d = d};
	d->terms.n = 0;
	d->terms.tokens = 0;
	eng_buf_reset(&d->stems);
	int rc = eng_words_known(l, text, n, add_to_all, &p);
	if (rc == 0 && d->stems.failed)
		rc = ENGRAM_ENOMEM;
	if (rc != 0)
		return rc;
	eng_terms_finish(&d->terms);
	d->row = finish(d->codes, &p.sums);
	return 0;
}

void eng_document_free(struct eng_document *d)
{
	eng_terms_free(&d->terms);
	eng_buf_free(&d->stems);
}
