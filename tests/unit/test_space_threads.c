/* test_space_threads.c - handles of one space in several threads of a process.
 *
 * Two threads store and forget, two read, one applies, folds and compacts, each
 * with handles of its own.  Readers see of each writer a prefix: the n-th memory only
 * with all before it (but those forgotten).  Folds have three workers of their own, and
 * replace the view file that readers search.  At the end everything is there and
 * the check finds nothing.  Runs under the thread sanitizer too. */
#include <pthread.h>
#include <stdatomic.h>

#include "../lib/spaces.h"
#include "sys/workers.h"

enum { WRITERS = 2, READERS = 2, PUTS = 160, WORKERS = 3 };

static atomic_int failures, writing;
static uint64_t folded; /* by the thread that keeps house, told when it has ended */

struct actor {
	unsigned number;
};

static void fail(const char *what, const struct engram_error *err)
{
	if (atomic_fetch_add(&failures, 1) == 0)
		tap_note("%s: %s", what, err->message);
}

static int put_one(struct spaces *s, const char *text, struct engram_id *id)
{
	struct engram_memory m = {.has = ENGRAM_TEXT, .text = {text, strlen(text)}};
	struct engram_writer *w = NULL;
	enum engram_put_result put;
	int r = engram_writer_open(&w, s->space, 0, &s->err);

	if (r == 0)
		r = engram_put(w, id, &put, &m, &s->err);
	if (r == 0)
		r = engram_commit(w, &s->err);
	engram_writer_close(w);
	return r;
}

static int forget_one(struct spaces *s, const struct engram_id *id)
{
	struct engram_writer *w = NULL;
	int r = engram_writer_open(&w, s->space, 0, &s->err);

	if (r == 0)
		r = engram_forget(w, id, 1, &s->err);
	if (r == 0)
		r = engram_commit(w, &s->err);
	engram_writer_close(w);
	return r;
}

static void *write_some(void *data)
{
	const struct actor *a = data;
	struct spaces s = {0};
	struct engram_id id;
	char text[64];

	spaces_open(&s, "default", ENGRAM_WRITE);
	for (unsigned i = 0; i < PUTS; i++) {
		snprintf(text, sizeof text, "writer %u says %u", a->number, i);
		if (put_one(&s, text, &id) < 0)
			fail("put", &s.err);
		if (i % 8 == 7 && forget_one(&s, &id) < 0)
			fail("forget", &s.err);
	}
	atomic_fetch_sub(&writing, 1);
	spaces_close(&s);
	return NULL;
}

struct seen {
	bool at[WRITERS][PUTS];
	unsigned n;
};

static int take(void *data, const struct engram_memory *m)
{
	struct seen *seen = data;
	unsigned writer, number;
	char text[64] = "";

	memcpy(text, m->text.p, m->text.n < sizeof text - 1 ? m->text.n : sizeof text - 1);
	if (sscanf(text, "writer %u says %u", &writer, &number) == 2 && writer < WRITERS && number < PUTS)
		seen->at[writer][number] = true;
	seen->n++;
	return 0;
}

/* Whatever is seen, all before it is seen too, but each eighth. */
static bool is_prefix(const struct seen *seen)
{
	for (unsigned w = 0; w < WRITERS; w++) {
		unsigned end = PUTS;
		while (end > 0 && !seen->at[w][end - 1])
			end--;
		for (unsigned i = 0; i < end; i++)
			if (!seen->at[w][i] && i % 8 != 7)
				return false;
	}
	return true;
}

static void *read_some(void *data)
{
	struct spaces s = {0};
	struct engram_result hits;
	struct engram_cue cue;

	(void)data;
	spaces_open(&s, "default", ENGRAM_READ);
	engram_cue_init(&cue);
	cue.text = eng_str("what does writer 1 say");
	do {
		struct seen seen = {.n = 0};
		if (engram_export(s.space, take, &seen, &s.err) < 0)
			fail("export", &s.err);
		else if (!is_prefix(&seen))
			fail("export", &(struct engram_error){.message = "a memory is missing before a later one"});
		if (engram_recall(s.space, &hits, &cue, &s.err) < 0)
			fail("recall", &s.err);
		else
			engram_result_free(&hits);
	} while (atomic_load(&writing) > 0);
	spaces_close(&s);
	return NULL;
}

static const struct eng_workers *workers(void *pool)
{
	return eng_pool_workers(pool);
}

/* All there is, however little. */
static int fold(struct spaces *s, struct eng_pool *pool)
{
	struct engram_report report = {0};
	struct eng_job job = {.report = &report, .data = pool, .workers = workers};
	int r = eng_space_fold(s->space, &job, ENG_FOLD_ALL, &s->err);

	folded += report.folded;
	return r;
}

static int house_work(struct spaces *s, unsigned turn, struct eng_pool *pool)
{
	switch (turn % 3) {
	case 0:
		return spaces_run(s, ENGRAM_APPLY);
	case 1:
		return fold(s, pool);
	default:
		return spaces_run(s, ENGRAM_COMPACT);
	}
}

static void *keep_house(void *data)
{
	struct eng_pool *pool = NULL;
	struct spaces s = {0};
	unsigned turn = 0;

	(void)data;
	spaces_open(&s, "default", ENGRAM_WRITE);
	if (eng_pool_new(&pool, eng_sys_posix(), WORKERS, ENG_NUMA_OFF) < 0)
		exit(99);
	do {
		int r = house_work(&s, turn++, pool);
		if (r < 0 && r != ENGRAM_EBUSY) /* a reader of this process may hold the text view */
			fail("house", &s.err);
	} while (atomic_load(&writing) > 0 || (folded == 0 && turn < 1000));
	eng_pool_free(pool);
	spaces_close(&s);
	return NULL;
}

int main(void)
{
	struct actor actors[WRITERS];
	pthread_t threads[WRITERS + READERS + 1];
	struct spaces s = {0};
	struct seen seen = {.n = 0};
	unsigned n = 0;

	tmpdir_begin("space-threads");
	spaces_open(&s, "default", ENGRAM_CREATE);
	spaces_put(&s, "the first of all");
	atomic_store(&writing, WRITERS);
	for (unsigned i = 0; i < WRITERS; i++) {
		actors[i] = (struct actor){i};
		pthread_create(&threads[n++], NULL, write_some, &actors[i]);
	}
	for (unsigned i = 0; i < READERS; i++)
		pthread_create(&threads[n++], NULL, read_some, NULL);
	pthread_create(&threads[n++], NULL, keep_house, NULL);
	for (unsigned i = 0; i < n; i++)
		pthread_join(threads[i], NULL);
	tap_int(atomic_load(&failures), 0, "%d writers, %d readers, one housekeeper: nothing fails, readers see prefixes",
	        WRITERS, READERS);
	tap_ok(folded > 0, "%" PRIu64 " vectors were folded by %d workers meanwhile", folded, WORKERS);
	spaces_must(engram_export(s.space, take, &seen, &s.err), "export", &s.err);
	tap_int(seen.n, 1 + WRITERS * (PUTS - PUTS / 8), "what was stored is there, what was forgotten is not");
	tap_int(spaces_run(&s, ENGRAM_APPLY), 0, "apply (%s)", s.err.message);
	tap_int(spaces_run(&s, ENGRAM_CHECK), 0, "the check finds nothing (%s)", s.err.message);
	spaces_close(&s);
	tmpdir_end();
	return tap_done();
}
