/* test_recall_fold.c - random lives: neither a fold nor deriving everything anew from the
 * log, which numbers documents in another way, changes an answer that compares every
 * vector. */
#include <inttypes.h>

#include "../lib/spaces.h"
#include "base/alloc.h"
#include "base/rng.h"
#include "base/types.h"

enum { STEPS = 150, DIM = 16, CUES = 7, HITS_MAX = 40 };

static const char *const words[] = {"walrus", "clam", "ice", "tusk", "sea", "whisker", "floe", "krill"};

struct life {
	struct spaces s;
	struct eng_rng rng;
	struct engram_id ids[STEPS];
	size_t nids;
	unsigned folds, wrong;
};

static const char *word(struct life *l)
{
	return words[eng_rng_below(&l->rng, ENG_COUNT(words))];
}

static void numbers(float x[DIM], struct eng_rng *g)
{
	for (unsigned i = 0; i < DIM; i++)
		x[i] = (float)((int)eng_rng_below(g, 9) - 4) + 0.25f;
}

/* -- living ---------------------------------------------------------------------------- */

static int put(struct life *l, struct engram_writer *w, struct engram_id *id, struct engram_error *err)
{
	static const struct engram_str tags[] = {{"a", 1}, {"b", 1}};
	struct engram_memory m = {.has = ENGRAM_TEXT | ENGRAM_KEY, .kind = ENGRAM_EPISODE};
	enum engram_put_result result;
	char text[64], key[16];
	float x[DIM];

	/* Few words: many texts and vectors are equal, and only keys tell them apart. */
	snprintf(text, sizeof text, "%s %s", word(l), word(l));
	snprintf(key, sizeof key, "%u", (unsigned)eng_rng_below(&l->rng, STEPS));
	m.text = eng_str(text);
	m.key = eng_str(key);
	m.tags = tags;
	m.ntags = eng_rng_below(&l->rng, 3);
	m.has |= m.ntags ? ENGRAM_TAGS : 0u;
	if (eng_rng_below(&l->rng, 3)) {
		struct eng_rng few;

		eng_rng_seed(&few, eng_rng_below(&l->rng, 12));
		numbers(x, &few);
		m.vector = x;
		m.dim = DIM;
		m.embedder = eng_str(eng_rng_below(&l->rng, 4) ? "one/1/16/f32" : "two/1/16/f32");
		m.has |= ENGRAM_VECTOR;
	}
	return engram_put(w, id, &result, &m, err);
}

static int revise(struct life *l, struct engram_writer *w, struct engram_error *err)
{
	struct engram_memory m = {.has = ENGRAM_TEXT};
	char text[64];
	int r;

	snprintf(text, sizeof text, "%s %s", word(l), word(l));
	m.text = eng_str(text);
	r = engram_revise(w, &l->ids[eng_rng_below(&l->rng, l->nids)], &m, 0, NULL, 0, err);
	return r == ENGRAM_ENOID ? 0 : r;
}

static void step(struct life *l)
{
	struct spaces *s = &l->s;
	unsigned what = (unsigned)eng_rng_below(&l->rng, 18);
	struct engram_writer *w = NULL;
	struct engram_id id = {{0}};
	int r = engram_writer_open(&w, s->space, 0, &s->err);

	if (r == 0 && (what < 12 || l->nids == 0))
		r = put(l, w, &id, &s->err);
	else if (r == 0 && what < 15)
		r = engram_forget(w, &l->ids[eng_rng_below(&l->rng, l->nids)], 1, &s->err);
	else if (r == 0)
		r = revise(l, w, &s->err);
	if (r == 0)
		r = engram_commit(w, &s->err);
	engram_writer_close(w);
	spaces_must(r, "change", &s->err);
	if (what < 12 || l->nids == 0)
		l->ids[l->nids++] = id;
}

/* -- asking ---------------------------------------------------------------------------- */

static char *ask(struct spaces *s, unsigned which)
{
	static const struct engram_str tags[] = {{"a", 1}, {"b", 1}};
	struct eng_buf b = ENG_BUF_INIT;
	struct engram_result r = {0};
	struct engram_cue cue;
	struct eng_rng g;
	float x[DIM];

	engram_cue_init(&cue);
	eng_rng_seed(&g, which % 4);
	numbers(x, &g);
	if (which != 1)
		cue.text = eng_str("walrus on the ice");
	if (which > 0 && which < 5) {
		cue.vector = x;
		cue.dim = DIM;
		cue.embedder = eng_str(which == 3 ? "two/1/16/f32" : "one/1/16/f32");
	}
	cue.mode = which % 3 == 2 ? ENGRAM_VECTOR_ONLY : ENGRAM_HYBRID;
	cue.tags = tags;
	cue.ntags = which > 3 ? which % 3 : 0;
	cue.k = which == 6 ? 5 : HITS_MAX;
	cue.min_confidence = 0;
	cue.exact = true;
	if (engram_recall(s->space, &r, &cue, &s->err) < 0 && s->err.code != ENGRAM_EINPUT)
		spaces_must(s->err.code, "recall", &s->err);
	for (size_t i = 0; i < r.n; i++) {
		char id[ENGRAM_ID_TEXT + 1];

		engram_id_format(id, &r.hits[i].memory.id);
		eng_buf_printf(&b, "%s %d %u %.*s\n", id, r.hits[i].score, r.hits[i].confidence,
		               (int)r.hits[i].memory.text.n, r.hits[i].memory.text.p);
	}
	eng_buf_printf(&b, "%s", r.problem.p ? r.problem.p : "");
	eng_buf_byte(&b, 0);
	engram_result_free(&r);
	return (char *)b.p;
}

static void ask_all(struct life *l, char *answers[CUES])
{
	for (unsigned i = 0; i < CUES; i++)
		answers[i] = ask(&l->s, i);
}

/* Asks before and after. */
static void do_and_compare(struct life *l, int (*job)(struct life *l), const char *what)
{
	char *before[CUES], *after[CUES];

	ask_all(l, before);
	spaces_must(job(l), what, &l->s.err);
	ask_all(l, after);
	for (unsigned i = 0; i < CUES; i++) {
		if (strcmp(before[i], after[i]) != 0 && l->wrong++ == 0)
			printf("# %s, cue %u\n# before:\n%s\n# after:\n%s\n", what, i, before[i], after[i]);
		eng_free(before[i]);
		eng_free(after[i]);
	}
}

static int fold(struct life *l)
{
	struct engram_report report;
	int r = spaces_fold(&l->s, ENG_FOLD_ALL, &report);

	l->folds += report.folded > 0;
	return r;
}

static int derive(struct life *l)
{
	return spaces_run(&l->s, ENGRAM_REBUILD);
}

static int apply(struct life *l)
{
	return spaces_run(&l->s, ENGRAM_APPLY);
}

static void live(struct life *l, uint64_t seed)
{
	eng_rng_seed(&l->rng, seed);
	for (unsigned i = 0; i < STEPS; i++) {
		unsigned what = (unsigned)eng_rng_below(&l->rng, 20);

		step(l);
		if (what == 0)
			do_and_compare(l, derive, "deriving anew");
		else if (what == 1)
			do_and_compare(l, apply, "applying");
		else if (what < 5)
			do_and_compare(l, fold, "a fold");
	}
	do_and_compare(l, fold, "a fold");
	do_and_compare(l, derive, "deriving anew");
}

int main(int argc, char **argv)
{
	uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 10) : 1;

	tmpdir_begin("recall-fold");
	for (unsigned i = 0; i < 3; i++) {
		struct life l = {.nids = 0};
		char name[16];

		snprintf(name, sizeof name, "life%u", i);
		spaces_open(&l.s, name, ENGRAM_CREATE | ENGRAM_WRITE);
		live(&l, seed + i);
		tap_ok(l.wrong == 0 && l.folds > 5, "%u folds change no exact answer: %u did (seed %" PRIu64 ")", l.folds,
		       l.wrong, seed + i);
		spaces_close(&l.s);
	}
	tmpdir_end();
	return tap_done();
}
