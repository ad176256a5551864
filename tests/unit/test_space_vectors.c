/* test_space_vectors.c - vectors of several embedders in one space.
 *
 * A random life of puts, revisions and forgets; after each stretch every
 * embedder is asked, and what it answers must be what a plain scan over the
 * export gives: raw, applied, rebuilt. */
#include "base/alloc.h"
#include "base/hash.h"
#include "base/rng.h"
#include "base/vec.h"
#include "../lib/failalloc.h"
#include "../lib/spaces.h"

#define IDS 60
#define EMBEDDERS 3

static const char *const names[EMBEDDERS] = {"a/1/3/f32", "b/1/3/f32", "c/1/70/f32"};
static const size_t dims[EMBEDDERS] = {3, 3, 70};

static struct spaces s;

static void random_vector(float *x, size_t dim, struct eng_rng *g)
{
	for (size_t i = 0; i < dim; i++)
		x[i] = (float)((int)eng_rng_below(g, 2001) - 1000) / 8.0f;
	x[0] += 1000;
}

/* -- the model: for each memory, what each embedder last said of the text shown --- */

struct model {
	bool live, has[EMBEDDERS];
	struct engram_id id;
	char text[32];
	float x[EMBEDDERS][70];
};
static struct model model[IDS];

static struct engram_str str(const char *z)
{
	return (struct engram_str){z, strlen(z)};
}

static void state(struct engram_memory *m, struct model *at, unsigned e, struct eng_rng *g)
{
	random_vector(at->x[e], dims[e], g);
	at->has[e] = true;
	m->has |= ENGRAM_VECTOR;
	m->vector = at->x[e];
	m->dim = dims[e];
	m->embedder = str(names[e]);
}

/* An upsert under a key replaces all that was there, other embedders too. */
static void put(struct engram_writer *w, unsigned i, struct eng_rng *g)
{
	struct model *at = &model[i];
	struct engram_memory m = {.has = ENGRAM_TEXT | ENGRAM_KEY};
	enum engram_put_result result;
	char key[16];

	snprintf(key, sizeof key, "key %u", i);
	snprintf(at->text, sizeof at->text, "text %u", (unsigned)eng_rng_below(g, 1000));
	memset(at->has, 0, sizeof at->has);
	m.text = str(at->text);
	m.key = str(key);
	if (eng_rng_below(g, 3))
		state(&m, at, (unsigned)eng_rng_below(g, EMBEDDERS), g);
	spaces_must(engram_put(w, &at->id, &result, &m, &s.err), "put", &s.err);
	at->live = true;
}

static void revise(struct engram_writer *w, struct model *at, struct eng_rng *g)
{
	struct engram_memory m = {0};
	unsigned clear = 0;

	switch (eng_rng_below(g, 6)) {
	case 0: /* another text: no vector fits */
		snprintf(at->text, sizeof at->text, "other %u", (unsigned)eng_rng_below(g, 100000));
		m = (struct engram_memory){.has = ENGRAM_TEXT, .text = str(at->text)};
		memset(at->has, 0, sizeof at->has);
		break;
	case 1:
		clear = ENGRAM_VECTOR;
		memset(at->has, 0, sizeof at->has);
		break;
	default:
		state(&m, at, (unsigned)eng_rng_below(g, EMBEDDERS), g);
	}
	spaces_must(engram_revise(w, &at->id, &m, clear, NULL, 0, &s.err), "revise", &s.err);
}

static void live_on(struct eng_rng *g, unsigned steps)
{
	struct engram_writer *w = NULL;

	spaces_must(engram_writer_open(&w, s.space, 0, &s.err), "writer", &s.err);
	while (steps--) {
		unsigned i = (unsigned)eng_rng_below(g, IDS);
		struct model *at = &model[i];
		if (!at->live || eng_rng_below(g, 4) == 0)
			put(w, i, g);
		else if (eng_rng_below(g, 8))
			revise(w, at, g);
		else {
			spaces_must(engram_forget(w, &at->id, 1, &s.err), "forget", &s.err);
			*at = (struct model){.id = at->id};
		}
		/* Stamps of one millisecond differ by a counter; order is kept anyway. */
	}
	spaces_must(engram_commit(w, &s.err), "commit", &s.err);
	engram_writer_close(w);
}

/* -- asking --------------------------------------------------------------------- */

static int32_t similarity(const float *a, const float *b, size_t dim)
{
	_Alignas(64) int8_t x[128], y[128];
	int32_t dot = 0;

	eng_vec_quantise(x, a, dim);
	eng_vec_quantise(y, b, dim);
	for (size_t i = 0; i < dim; i++)
		dot += x[i] * y[i];
	return eng_vec_sim(dot, eng_vec_norm(x, ENG_VEC_STRIDE(dim)), eng_vec_norm(y, ENG_VEC_STRIDE(dim)));
}

/* The best by the model; ties make the first of them as good. */
static int32_t best_of(const float *cue, unsigned e)
{
	int32_t best = 0, sim;

	for (unsigned i = 0; i < IDS; i++)
		if (model[i].live && model[i].has[e] && (sim = similarity(cue, model[i].x[e], dims[e])) > best)
			best = sim;
	return best;
}

static int ask(struct engram_result *r, const float *cue, unsigned e)
{
	struct engram_cue c;

	engram_cue_init(&c);
	c.vector = cue;
	c.dim = dims[e];
	c.embedder = str(names[e]);
	c.k = 100;
	c.min_confidence = 0;
	c.no_retention = true;
	return engram_recall(s.space, r, &c, &s.err);
}

static bool right(unsigned e, struct eng_rng *g)
{
	struct engram_result r = {0};
	size_t found = 0;
	float cue[70];
	bool ok;
	int rc;

	random_vector(cue, dims[e], g);
	for (unsigned i = 0; i < IDS; i++)
		found += model[i].live && model[i].has[e] && similarity(cue, model[i].x[e], dims[e]) > 0;
	rc = ask(&r, cue, e);
	if (rc == ENGRAM_EINPUT && best_of(cue, e) == 0) /* nobody has a vector of it */
		return true;
	ok = rc == 0 && r.n == found;
	for (unsigned i = 0; ok && r.n > 0 && i < IDS; i++)
		if (model[i].live && memcmp(&model[i].id, &r.hits[0].memory.id, sizeof model[i].id) == 0)
			ok = model[i].has[e] && similarity(cue, model[i].x[e], dims[e]) == best_of(cue, e);
	engram_result_free(&r);
	return ok;
}

static long wrong(struct eng_rng *g)
{
	long n = 0;

	for (unsigned e = 0; e < EMBEDDERS; e++)
		for (int i = 0; i < 5; i++)
			n += !right(e, g);
	return n;
}

static void test_life(uint64_t seed)
{
	struct eng_rng g;
	long raw = 0, applied = 0, folded = 0, rebuilt = 0, bad = 0;

	eng_rng_seed(&g, seed);
	memset(model, 0, sizeof model);
	spaces_open(&s, "life", ENGRAM_CREATE);
	for (int round = 0; round < 12; round++) {
		live_on(&g, 40);
		raw += wrong(&g);
		spaces_must(spaces_run(&s, ENGRAM_APPLY), "apply", &s.err);
		applied += wrong(&g);
		if (round % 3 == 1) {
			struct engram_report report;
			spaces_must(spaces_fold(&s, ENG_FOLD_ALL, &report), "fold", &s.err);
			folded += wrong(&g);
		}
		if (round % 4 == 3) {
			if (spaces_run(&s, ENGRAM_CHECK) < 0 && !bad++)
				tap_note("%s", s.err.message);
			spaces_must(spaces_run(&s, ENGRAM_REBUILD), "rebuild", &s.err);
			rebuilt += wrong(&g);
		}
	}
	spaces_must(spaces_run(&s, ENGRAM_COMPACT), "compact", &s.err);
	rebuilt += wrong(&g);
	tap_int(raw, 0, "each embedder finds its own, raw (seed %llu)", (unsigned long long)seed);
	tap_int(applied, 0, "applied");
	tap_int(folded, 0, "folded");
	tap_int(rebuilt, 0, "rebuilt, compacted");
	tap_int(bad, 0, "the check finds no difference");
}

/* -- a vector made of a text that was changed meanwhile ---------------------------- */

static int take_dim(void *data, const struct engram_memory *m)
{
	*(size_t *)data = m && m->has & ENGRAM_VECTOR ? m->dim : 0;
	return 0;
}

static void test_stale(void)
{
	struct engram_id id = spaces_put(&s, "the old text");
	struct engram_memory text = {.has = ENGRAM_TEXT, .text = str("the new text")}, vector = {.has = ENGRAM_VECTOR};
	struct engram_writer *w = NULL;
	float x[3] = {1, 2, 3};
	size_t dim = 9;
	/* XXH3-64 of "the old text", as whoever embedded it had it */
	uint64_t old = XXH3_64bits("the old text", 12), new = XXH3_64bits("the new text", 12);

	vector.vector = x;
	vector.dim = 3;
	vector.embedder = str(names[0]);
	spaces_must(engram_writer_open(&w, s.space, 0, &s.err), "writer", &s.err);
	tap_int(engram_revise(w, &id, &text, 0, NULL, 0, &s.err), 0, "a text is revised");
	spaces_must(engram_commit(w, &s.err), "commit", &s.err);
	tap_int(eng_writer_vector(w, &id, old, &vector, &s.err), 0, "a vector of the text before is not stated");
	tap_int(eng_writer_vector(w, &id, new, &vector, &s.err), 1, "one of the text shown is");
	spaces_must(engram_commit(w, &s.err), "commit", &s.err);
	engram_get(s.space, &id, 1, take_dim, &dim, &s.err);
	tap_int(dim, 3, "and it is shown");
	text.text = str("the third text");
	engram_revise(w, &id, &text, 0, NULL, 0, &s.err);
	text.text = str("the new text");
	spaces_must(engram_commit(w, &s.err), "commit", &s.err);
	engram_get(s.space, &id, 1, take_dim, &dim, &s.err);
	tap_int(dim, 0, "with another text it is not");
	engram_revise(w, &id, &text, 0, NULL, 0, &s.err);
	spaces_must(engram_commit(w, &s.err), "commit", &s.err);
	engram_writer_close(w);
	engram_get(s.space, &id, 1, take_dim, &dim, &s.err);
	tap_int(dim, 3, "when the text comes back, so does its vector");
}

/* -- failing memory ----------------------------------------------------------------- */

static int recall_once(void *data)
{
	struct engram_result r = {0};
	struct engram_home *home = NULL;
	struct engram_cue c;
	float cue[3] = {1000, 1, 2};
	int rc = engram_home_open(&home, tmpdir_path("home"), &s.err);

	(void)data;
	s.space = NULL;
	if (rc == 0)
		rc = engram_space_open(&s.space, home, "life", ENGRAM_READ, 0, &s.err);
	engram_cue_init(&c);
	c.text = str("text");
	c.vector = cue;
	c.dim = 3;
	c.embedder = str(names[0]);
	if (rc == 0)
		rc = engram_recall(s.space, &r, &c, &s.err);
	engram_result_free(&r);
	engram_space_close(s.space);
	engram_home_close(home);
	return rc;
}

static int write_once(void *data)
{
	struct engram_home *home = NULL;
	struct engram_space *space = NULL;
	struct engram_writer *w = NULL;
	struct engram_report report;
	struct engram_memory m = {.has = ENGRAM_TEXT | ENGRAM_VECTOR | ENGRAM_KEY, .key = str("k"), .text = str("t"), .dim = 3};
	enum engram_put_result put;
	struct engram_id id;
	float x[3] = {1, 2, 3};
	int rc = engram_home_open(&home, tmpdir_path("home"), &s.err);

	(void)data;
	m.vector = x;
	m.embedder = str(names[1]);
	if (rc == 0)
		rc = engram_space_open(&space, home, "life", ENGRAM_WRITE, 0, &s.err);
	if (rc == 0)
		rc = engram_writer_open(&w, space, 0, &s.err);
	if (rc == 0)
		rc = engram_put(w, &id, &put, &m, &s.err);
	if (rc == 0)
		rc = engram_commit(w, &s.err);
	engram_writer_close(w);
	if (rc == 0)
		rc = engram_consolidate(space, &report, &(struct engram_consolidation){.tasks = ENGRAM_APPLY}, &s.err);
	engram_space_close(space);
	engram_home_close(home);
	return rc;
}

int main(void)
{
	tmpdir_begin("vectors");
	test_life(1);
	engram_space_drop(s.home, "life", 0, &s.err);
	engram_space_close(s.space);
	s.space = NULL;
	engram_space_drop(s.home, "life", 0, &s.err);
	test_life(2);
	test_stale();
	spaces_close(&s);
	failalloc_each(recall_once, NULL, "recall by a vector");
	failalloc_each(write_once, NULL, "storing and applying a vector");
	tmpdir_end();
	return tap_done();
}
