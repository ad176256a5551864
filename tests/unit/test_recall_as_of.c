/* test_recall_as_of.c - a space as it was: random lives are written down step by
 * step, and afterwards each step is asked for again.
 *
 * The oracle is what recall answered then, less what was forgotten since. */
#include <time.h>
#include <unistd.h>

#include "../lib/failalloc.h"
#include "../lib/spaces.h"
#include "base/rng.h"
#include "base/types.h"

#define STEPS 60
#define NAMES 8
#define HITS_MAX 64

struct answer {
	int64_t moment_us;
	struct engram_id ids[HITS_MAX];
	char *lines[HITS_MAX]; /* all that is shown of each */
	size_t n;
};

struct life {
	struct spaces s;
	struct eng_rng rng;
	bool forgets;
	struct answer listed[STEPS], found[STEPS];
	struct engram_id ids[STEPS];  /* every id that was ever given */
	size_t nids;
	struct engram_id forgotten[STEPS];
	size_t forgotten_at[STEPS], nforgotten;
};

/* Stamps are milliseconds: the next one is a later one. */
static int64_t moment(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	usleep(1500);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static char *line_of(const struct engram_hit *h)
{
	struct eng_buf b = ENG_BUF_INIT;

	spaces_fields(&b, &h->memory);
	for (size_t i = 0; i < h->memory.nconflicts; i++) {
		eng_buf_str(&b, " |");
		spaces_fields(&b, &h->memory.conflicts[i]);
	}
	eng_buf_printf(&b, " confidence %u score %d", h->confidence, h->score);
	eng_buf_byte(&b, 0);
	return (char *)b.p;
}

static void ask(struct life *l, struct answer *a, const char *text, int64_t as_of_us)
{
	struct engram_result r = {0};
	struct engram_cue cue;

	engram_cue_init(&cue);
	cue.text = eng_str(text);
	cue.k = HITS_MAX;
	cue.min_confidence = 0;
	cue.no_retention = true;
	cue.as_of_us = as_of_us;
	spaces_must(engram_recall(l->s.space, &r, &cue, &l->s.err), "recall", &l->s.err);
	for (a->n = 0; a->n < r.n; a->n++) {
		a->ids[a->n] = r.hits[a->n].memory.id;
		a->lines[a->n] = line_of(&r.hits[a->n]);
	}
	engram_result_free(&r);
}

static void answer_free(struct answer *a)
{
	for (size_t i = 0; i < a->n; i++)
		eng_free(a->lines[i]);
	a->n = 0;
}

/* -- one step ---------------------------------------------------------------- */

static const char *const words[] = {"walrus", "clam", "ice", "tusk", "sea", "whisker"};

static void make_text(struct life *l, char out[64])
{
	snprintf(out, 64, "%s %s %u", words[eng_rng_below(&l->rng, ENG_COUNT(words))],
	         words[eng_rng_below(&l->rng, ENG_COUNT(words))], (unsigned)eng_rng_below(&l->rng, 4));
}

static struct engram_id some_id(struct life *l)
{
	return l->ids[eng_rng_below(&l->rng, l->nids)];
}

static int store(struct life *l, struct engram_writer *w, bool keyed)
{
	static const struct engram_str tags[] = {{"a", 1}, {"b", 1}};
	enum engram_put_result put;
	struct engram_memory m = {.has = ENGRAM_TEXT, .kind = ENGRAM_EPISODE};
	char text[64], key[16];

	make_text(l, text);
	snprintf(key, sizeof key, "key %u", (unsigned)eng_rng_below(&l->rng, 3));
	m.text = eng_str(text);
	m.has |= keyed ? ENGRAM_KEY : 0u;
	m.key = eng_str(key);
	m.tags = tags;
	m.ntags = eng_rng_below(&l->rng, 3);
	m.has |= m.ntags ? ENGRAM_TAGS : 0u;
	return engram_put(w, &l->ids[l->nids++], &put, &m, &l->s.err);
}

static int revise(struct life *l, struct engram_writer *w)
{
	struct engram_memory m = {.has = ENGRAM_TEXT | ENGRAM_SOURCE};
	struct engram_str untag = {"a", 1};
	struct engram_id id = some_id(l);
	char text[64];
	int r;

	make_text(l, text);
	m.text = eng_str(text);
	m.source = eng_str(words[eng_rng_below(&l->rng, ENG_COUNT(words))]);
	m.has &= eng_rng_below(&l->rng, 2) ? ENGRAM_TEXT : ENGRAM_SOURCE;
	r = engram_revise(w, &id, &m, 0, &untag, eng_rng_below(&l->rng, 2), &l->s.err);
	return r == ENGRAM_ENOID ? 0 : r;
}

static int forget(struct life *l, struct engram_writer *w, size_t step)
{
	struct engram_id id = some_id(l);

	l->forgotten[l->nforgotten] = id;
	l->forgotten_at[l->nforgotten++] = step;
	return engram_forget(w, &id, 1, &l->s.err);
}

static void change(struct life *l, size_t step)
{
	struct engram_writer *w = NULL;
	unsigned what = (unsigned)eng_rng_below(&l->rng, 10);
	int r = engram_writer_open(&w, l->s.space, 0, &l->s.err);

	if (r == 0 && (what < 5 || l->nids == 0))
		r = store(l, w, what < 2);
	else if (r == 0 && what == 5 && l->forgets)
		r = forget(l, w, step);
	else if (r == 0)
		r = revise(l, w);
	if (r == 0)
		r = engram_commit(w, &l->s.err);
	engram_writer_close(w);
	spaces_must(r, "change", &l->s.err);
	if (eng_rng_below(&l->rng, 8) == 0)
		spaces_must(spaces_run(&l->s, l->forgets ? ENGRAM_APPLY | ENGRAM_COMPACT : ENGRAM_APPLY), "consolidate",
		            &l->s.err);
}

/* -- the comparison ------------------------------------------------------------- */

static bool was_forgotten_after(const struct life *l, const struct engram_id *id, size_t step)
{
	for (size_t i = 0; i < l->nforgotten; i++)
		if (l->forgotten_at[i] > step && eng_id_cmp(&l->forgotten[i], id) == 0)
			return true;
	return false;
}

/* Then, less what was forgotten since, against now as of then. */
static bool agree(const struct life *l, const struct answer *then, const struct answer *now, size_t step)
{
	size_t at = 0;

	for (size_t i = 0; i < then->n; i++) {
		if (was_forgotten_after(l, &then->ids[i], step))
			continue;
		if (at == now->n || strcmp(then->lines[i], now->lines[at]) != 0) {
			printf("# step %zu, hit %zu\n# then:%s\n# now: %s\n", step, i, then->lines[i],
			       at < now->n ? now->lines[at] : "nothing");
			return false;
		}
		at++;
	}
	return at == now->n;
}

static size_t compare(struct life *l, const char *cue, struct answer *then, bool exact)
{
	struct answer now = {0};
	size_t wrong = 0;

	for (size_t step = 0; step < STEPS; step++) {
		/* With a memory less, words are rarer and the ranking is another. */
		if (!exact && l->nforgotten > 0 && l->forgotten_at[l->nforgotten - 1] > step)
			continue;
		ask(l, &now, cue, then[step].moment_us);
		wrong += !agree(l, &then[step], &now, step);
		answer_free(&now);
	}
	return wrong;
}

static void live(uint64_t seed, bool forgets)
{
	struct life *l = eng_calloc(1, sizeof *l);
	char name[32];

	l->forgets = forgets;
	eng_rng_seed(&l->rng, seed);
	snprintf(name, sizeof name, "life-%u-%d", (unsigned)seed, forgets);
	spaces_open(&l->s, name, ENGRAM_CREATE);
	for (size_t step = 0; step < STEPS; step++) {
		change(l, step);
		l->listed[step].moment_us = l->found[step].moment_us = moment();
		ask(l, &l->listed[step], NULL, INT64_MAX);
		ask(l, &l->found[step], "walrus tusk", INT64_MAX);
	}
	tap_int((long)compare(l, NULL, l->listed, true), 0, "seed %u: listed as then", (unsigned)seed);
	tap_int((long)compare(l, "walrus tusk", l->found, !forgets), 0, "seed %u: found as then", (unsigned)seed);
	spaces_must(spaces_run(&l->s, ENGRAM_APPLY | ENGRAM_COMPACT), "compact", &l->s.err);
	tap_int((long)compare(l, NULL, l->listed, true), 0, "seed %u: listed as then, after a compaction", (unsigned)seed);
	tap_int((long)compare(l, "walrus tusk", l->found, !forgets), 0, "seed %u: found as then, after a compaction",
	        (unsigned)seed);
	for (size_t step = 0; step < STEPS; step++) {
		answer_free(&l->listed[step]);
		answer_free(&l->found[step]);
	}
	spaces_close(&l->s);
	eng_free(l);
}

/* -- by example ---------------------------------------------------------------------- */

static struct engram_id put(struct spaces *s, const char *text, int64_t stored_us)
{
	struct engram_memory m = {.has = ENGRAM_TEXT, .text = eng_str(text), .stored_us = stored_us};
	enum engram_put_result put;
	struct engram_writer *w;
	struct engram_id id;

	m.has |= stored_us ? ENGRAM_STORED : 0u;
	spaces_must(engram_writer_open(&w, s->space, 0, &s->err), "writer", &s->err);
	spaces_must(engram_put(w, &id, &put, &m, &s->err), "put", &s->err);
	spaces_must(engram_commit(w, &s->err), "commit", &s->err);
	engram_writer_close(w);
	return id;
}

static size_t count(struct spaces *s, int64_t as_of_us, const char *text)
{
	struct engram_result r;
	struct engram_cue cue;
	size_t n = 0;

	engram_cue_init(&cue);
	cue.as_of_us = as_of_us;
	spaces_must(engram_recall(s->space, &r, &cue, &s->err), "recall", &s->err);
	for (size_t i = 0; i < r.n; i++)
		n += !text || eng_str_eq(r.hits[i].memory.text, eng_str(text));
	engram_result_free(&r);
	return n;
}

/* An import that keeps the time of storing keeps its place in time too. */
static void imported(void)
{
	const int64_t old = INT64_C(1700000000000000);
	struct spaces s = {0};
	struct engram_cue cue;
	struct engram_result r;
	struct engram_id id;
	int64_t before = moment();

	spaces_open(&s, "imported", ENGRAM_CREATE);
	id = put(&s, "stored today", 0);
	put(&s, "stored in 2023", old);
	tap_int((long)count(&s, old - 1, NULL), 0, "nothing before the first");
	tap_int((long)count(&s, old, NULL), 1, "the moment itself counts");
	tap_int((long)count(&s, before, "stored in 2023"), 1, "an imported time is the time of the memory");
	tap_int((long)count(&s, before, NULL), 1, "what came later is not seen");
	tap_int((long)count(&s, moment(), NULL), 2, "now there are two");
	tap_int((long)count(&s, INT64_MAX - 1, NULL), 2, "and at the end of time");
	tap_int((long)count(&s, INT64_MIN, NULL), 0, "and none at its beginning");
	engram_cue_init(&cue);
	cue.like = &id;
	cue.as_of_us = before;
	tap_int(engram_recall(s.space, &r, &cue, &s.err), ENGRAM_ENOID, "like what was not there yet: %s", s.err.message);
	spaces_close(&s);
}

static int recall_then(void *data)
{
	const int64_t *then = data;
	struct spaces s = {0};
	struct engram_result r = {0};
	struct engram_cue cue;
	int rc = engram_home_open(&s.home, tmpdir_path("home"), &s.err);

	engram_cue_init(&cue);
	cue.text = eng_str("walrus");
	cue.as_of_us = *then;
	if (rc == 0)
		rc = engram_space_open(&s.space, s.home, "failing", ENGRAM_READ, 1000, &s.err);
	if (rc == 0)
		rc = engram_recall(s.space, &r, &cue, &s.err);
	engram_result_free(&r);
	spaces_close(&s);
	return rc;
}

static void failing(void)
{
	struct spaces s = {0};
	int64_t then;

	spaces_open(&s, "failing", ENGRAM_CREATE);
	put(&s, "a walrus", 0);
	put(&s, "another walrus", 0);
	put(&s, "walruzz", 0); /* short and without a word of the cue: it is read */
	then = moment();
	put(&s, "a walrus", 0);
	put(&s, "a later walrus", 0);
	spaces_must(spaces_run(&s, ENGRAM_APPLY), "apply", &s.err);
	put(&s, "the last walrus", 0);
	spaces_close(&s);
	failalloc_each(recall_then, &then, "recall as of then");
}

int main(void)
{
	const char *seed = getenv("ENGRAM_TEST_SEED");
	uint64_t first = seed ? strtoull(seed, NULL, 10) : (uint64_t)time(NULL);

	printf("# ENGRAM_TEST_SEED=%" PRIu64 "\n", first);
	tmpdir_begin("as-of");
	for (uint64_t i = 0; i < 3; i++) {
		live(first + i, false);
		live(first + i, true);
	}
	imported();
	failing();
	tmpdir_end();
	return tap_done();
}
