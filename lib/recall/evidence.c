/* evidence.c - which words of the cue a text holds, exactly or nearly.
 *
 * A misspelt word is met by no index, and the cosine of two whole texts tells
 * little of one word.  So the text of a hit is walked once more: a word of the
 * cue that it lacks is compared with each of its words by their pairs of
 * letters, ends marked ("^c ce el ll l$").  The pairs of a word are a set of
 * bits, so that a comparison is a few instructions, whatever the lengths:
 *
 *     alike = 2 |a and b| / (|a| + |b|)
 *
 * One edit in seven letters leaves 0.7 or more; words that have nothing to do
 * with each other are at 0.2.  From a half up it counts, at 0.7 and beyond nine
 * tenths of the word itself.  (A steeper or flatter way there and a constant
 * of its own in the confidence tell right from wrong no better.) */
#include "recall/recall_int.h"

#define ONE 10000u
#define SHAPE_BITS 128u
#define NEAR_MOST 9000u
#define LETTERS 4u

static void add_pair(struct eng_shape *s, uint8_t a, uint8_t b)
{
	uint32_t bit = ((uint32_t)a << 8 | b) * 2654435769u >> 25;
	s->bits[bit / 64] |= UINT64_C(1) << bit % 64;
}

static struct eng_shape shape_of(const char *word, size_t n)
{
	struct eng_shape s = {0};
	uint8_t last = 1; /* no text holds 1 or 2: both are between words */
	_Static_assert(SHAPE_BITS == 8 * sizeof s.bits, "the hash keeps seven bits");
	for (size_t i = 0; i < n; i++) {
		add_pair(&s, last, (uint8_t)word[i]);
		last = (uint8_t)word[i];
	}
	add_pair(&s, last, 2);
	return s;
}

static uint32_t count(uint64_t lo, uint64_t hi)
{
	return (uint32_t)(__builtin_popcountll(lo) + __builtin_popcountll(hi));
}

/* 1/10,000 of the word itself. */
static uint32_t nearness(const struct eng_shape *a, const struct eng_shape *b)
{
	uint32_t both = count(a->bits[0] & b->bits[0], a->bits[1] & b->bits[1]);
	uint32_t all = count(a->bits[0], a->bits[1]) + count(b->bits[0], b->bits[1]);
	if (4 * both <= all)
		return 0;
	uint32_t near = (4 * both - all) * (NEAR_MOST * 5 / 2) / all;
	return near < NEAR_MOST ? near : NEAR_MOST;
}

struct walk {
	const struct eng_question *q;
	bool met[ENG_QUERY_TERMS_MAX];
	uint32_t near[ENG_QUERY_TERMS_MAX];
	size_t letters; /* of the text's words */
};

static int take(void *data, const struct eng_word *w)
{
	struct walk *walk = data;
	uint64_t hash = eng_stem_hash(w->stem, w->nstem);
	struct eng_shape shape = shape_of(w->stem, w->nstem);
	walk->letters += w->nstem;
	for (size_t i = 0; i < walk->q->query.n; i++) {
		uint32_t near = walk->met[i] ? 0 : nearness(&walk->q->shapes[i], &shape);
		walk->met[i] |= walk->q->query.terms[i].hash == hash;
		walk->near[i] = near > walk->near[i] ? near : walk->near[i];
	}
	return 0;
}

void eng_question_shapes(struct eng_question *q)
{
	for (size_t i = 0; i < q->query.n; i++)
		q->shapes[i] = shape_of(q->query.terms[i].stem, q->query.terms[i].n);
}

/* A text of one letter is met by any cue that has this letter: it answers only
 * a cue as short. */
static uint32_t substance(const struct eng_query *q, size_t letters)
{
	size_t wanted = 0;
	for (size_t i = 0; i < q->n && wanted < LETTERS; i++)
		wanted += q->terms[i].n;
	wanted = wanted < LETTERS ? wanted : LETTERS;
	return letters < wanted ? (uint32_t)(letters * ONE / wanted) : ONE;
}

struct eng_evidence eng_evidence_of(const struct eng_question *q, const char *text, size_t n)
{
	struct walk walk = {.q = q};
	uint64_t met = 0, near = 0;
	if (q->query.rarity_q16 == 0)
		return (struct eng_evidence){.substance = ONE};
	eng_words(text, n, take, &walk);
	for (size_t i = 0; i < q->query.n; i++) {
		uint64_t idf = q->query.terms[i].idf_q16;
		met += walk.met[i] ? idf : 0;
		near += walk.met[i] ? 0 : idf * walk.near[i] / ONE;
	}
	return (struct eng_evidence){
		.rarity = (uint32_t)(met * ONE / q->query.rarity_q16),
		.near = (uint32_t)(near * ONE / q->query.rarity_q16),
		.substance = substance(&q->query, walk.letters),
	};
}
