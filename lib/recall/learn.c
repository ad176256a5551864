/* learn.c - what a recall was good for, as evidence.
 *
 * Every hit that was shown was rehearsed; the first few were recalled
 * together, each with each; a judgement goes with the features that its hit
 * was ranked by, so that the formula of confidence can be fitted to it.  These
 * are taken from the terms of the hit, in the order that the version of the
 * formula says. */
#include "recall/recall_int.h"

#include "base/alloc.h"
#include "base/le.h"

/* Pairs grow with the square: of five there are ten. */
#define TOGETHER 5u

static const char *const features[] = {"rarity", "near", "cosine", "margin", "words", "log2-memories", "substance",
                                       "standing", "encoding", "completeness"};

enum { FEATURES_SIZE = 4 + 4 * ENG_COUNT(features) };

static uint32_t term_of(const struct engram_hit *h, const char *name)
{
	for (size_t i = 0; i < h->nwhy; i++)
		if (strcmp(h->why[i].name, name) == 0)
			return (uint32_t)h->why[i].value;
	return 0;
}

static void put_features(uint8_t out[FEATURES_SIZE], const struct engram_hit *h)
{
	eng_set32(out, ENG_CONFIDENCE_VERSION);
	for (size_t i = 0; i < ENG_COUNT(features); i++)
		eng_set32(out + 4 + 4 * i, term_of(h, features[i]));
}

static const struct engram_hit *hit_of(const struct engram_result *result, const struct engram_id *id)
{
	for (size_t i = 0; result && result->cued && i < result->n; i++)
		if (eng_id_cmp(&result->hits[i].memory.id, id) == 0)
			return &result->hits[i];
	return NULL;
}

static bool useless(const struct engram_id *id, const struct engram_judgement *judged, size_t n)
{
	bool found = false;

	for (size_t i = 0; i < n; i++)
		if (eng_id_cmp(&judged[i].id, id) == 0)
			found = !judged[i].useful; /* the last word counts */
	return found;
}

struct learning {
	struct engram_writer *w;
	size_t written;
	const struct engram_id *together[TOGETHER];
	size_t n;
};

static int judge(struct learning *l, const struct engram_result *result, const struct engram_judgement *j,
                 struct engram_error *err)
{
	const struct engram_hit *hit = hit_of(result, &j->id);
	uint8_t raw[FEATURES_SIZE];
	bool written;
	int r;

	if (hit)
		put_features(raw, hit);
	r = eng_writer_judge(l->w, &written, &j->id, j->useful, raw, hit ? sizeof raw : 0, err);
	l->written += r == 0 && written;
	return r;
}

/* A memory that was forgotten since it was shown is left out. */
static int rehearse(struct learning *l, const struct engram_hit *hit, struct engram_error *err)
{
	bool written;
	int r = eng_writer_use(l->w, &written, &hit->memory.id, err);

	if (r == ENGRAM_ENOID)
		return 0;
	l->written += r == 0 && written;
	for (size_t i = 0; r == 0 && l->n < TOGETHER && i < l->n; i++) {
		r = eng_writer_together(l->w, &written, l->together[i], &hit->memory.id, err);
		l->written += r == 0 && written;
	}
	if (l->n < TOGETHER)
		l->together[l->n++] = &hit->memory.id;
	return r;
}

int engram_learn(struct engram_writer *w, size_t *written, const struct engram_result *result,
                 const struct engram_judgement *judged, size_t n, struct engram_error *err)
{
	struct learning l = {.w = w};
	int r = eng_writer_knows(w, judged, n, err);

	for (size_t i = 0; r == 0 && i < n; i++)
		r = judge(&l, result, &judged[i], err);
	for (size_t i = 0; r == 0 && result && result->cued && i < result->n; i++)
		if (!useless(&result->hits[i].memory.id, judged, n))
			r = rehearse(&l, &result->hits[i], err);
	if (r == 0)
		*written = l.written;
	return r;
}
