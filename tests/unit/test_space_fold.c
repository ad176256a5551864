/* test_space_fold.c - rows into graphs, and what the state says of them.
 *
 * Two stores of one space live the same life: one applies when it likes, the other
 * takes everything in at once.  At each cut both fold, and must hold the same bytes: the
 * view digest is equal.  The check finds every vector in one place, and nothing else.
 *
 * The seed is printed; ENGRAM_TEST_SEED runs one again. */
#include "../lib/carry.h"
#include "../lib/failalloc.h"
#include "base/rng.h"
#include "space/space_int.h"

enum { NOTES = 400, ROUNDS = 6, STEPS = 120, DIM = 24 };

static const char embedder[] = "test/1/24/f32";

static struct engram_str str(const char *z)
{
	return (struct engram_str){z, strlen(z)};
}

/* A note under its key: a text of a few words, often the one it had; sometimes a vector. */
static void put_note(struct spaces *s, struct eng_rng *g)
{
	struct engram_memory m = {.has = ENGRAM_TEXT | ENGRAM_KEY};
	enum engram_put_result result;
	struct engram_writer *w = NULL;
	char key[32], text[96];
	struct engram_id id;
	float x[DIM];

	snprintf(key, sizeof key, "note %u", (unsigned)eng_rng_below(g, NOTES));
	snprintf(text, sizeof text, "%s says %u of the %u boats", key, (unsigned)eng_rng_below(g, 2),
	         (unsigned)eng_rng_below(g, 2));
	m.text = str(text);
	m.key = str(key);
	if (eng_rng_below(g, 2)) {
		for (size_t i = 0; i < DIM; i++)
			x[i] = (float)((int)eng_rng_below(g, 21) - 10);
		x[0] += 100;
		m.has |= ENGRAM_VECTOR;
		m.vector = x;
		m.dim = DIM;
		m.embedder = str(embedder);
	}
	spaces_must(engram_writer_open(&w, s->space, 0, &s->err), "writer", &s->err);
	spaces_must(engram_put(w, &id, &result, &m, &s->err), "put", &s->err);
	if (eng_rng_below(g, 8) == 0)
		spaces_must(engram_forget(w, &id, 1, &s->err), "forget", &s->err);
	spaces_must(engram_commit(w, &s->err), "commit", &s->err);
	engram_writer_close(w);
}

/* (A maintenance run would purge what was forgotten, and so fold.) */
static void live_on(struct spaces *s, struct eng_rng *g, unsigned steps)
{
	while (steps--) {
		put_note(s, g);
		if (eng_rng_below(g, 10) == 0)
			spaces_must(eng_space_apply(s->space, NULL, eng_all_frames, true, &s->err), "apply", &s->err);
	}
}

static bool same(const struct engram_report *a, const struct engram_report *b)
{
	static const uint8_t none[16];

	return memcmp(a->view_digest, b->view_digest, 16) == 0 && memcmp(a->lineage, b->lineage, 16) == 0 &&
	       memcmp(a->lineage, none, 16) != 0;
}

static void adopt(struct spaces *to, struct spaces *from)
{
	struct engram_space_info info;

	spaces_must(engram_space_info(from->space, &info, &from->err), "info", &from->err);
	spaces_must(engram_space_adopt(to->space, &info.id, info.created_us, &to->err), "adopt", &to->err);
}

/* What a dry run says, with frames waiting, is what the fold then does; but a vector
 * that was changed and changed back it calls dropped and folded: the codes of its node
 * are compared by the fold only. */
static bool foretells(struct spaces *s, struct engram_report *then)
{
	struct engram_report told = {0};
	struct eng_job job = {.report = &told, .dry_run = true};

	spaces_must(eng_space_fold(s->space, &job, ENG_FOLD_ALL, &s->err), "look", &s->err);
	spaces_must(spaces_fold(s, ENG_FOLD_ALL, then), "fold", &s->err);
	if (told.indexed == then->indexed && told.tail == then->tail && told.folded >= then->folded &&
	    told.folded - then->folded == told.dropped - then->dropped && told.folded < then->folded + STEPS / 4)
		return true;
	tap_note("told %" PRIu64 " folded, %" PRIu64 " dropped, %" PRIu64 " indexed; found %" PRIu64 ", %" PRIu64
	         ", %" PRIu64, told.folded, told.dropped, told.indexed, then->folded, then->dropped, then->indexed);
	return false;
}

static void test_lineage(uint64_t seed)
{
	struct spaces a = {0}, b = {0};
	struct engram_report of_a, of_b, anew;
	long differ = 0, wrong = 0, untold = 0;
	struct eng_rng g;

	eng_rng_seed(&g, seed);
	spaces_open(&a, "a", ENGRAM_CREATE);
	spaces_open(&b, "b", ENGRAM_CREATE);
	adopt(&b, &a);
	for (int round = 0; round < ROUNDS; round++) {
		live_on(&a, &g, STEPS);
		carry_all(&b, &a);
		untold += !foretells(&a, &of_a);
		untold += !foretells(&b, &of_b);
		if (!same(&of_a, &of_b) && !differ++)
			tap_note("round %d: the views differ", round);
		if ((spaces_run(&a, ENGRAM_CHECK) < 0 || of_a.tail != 0) && !wrong++)
			tap_note("round %d: %s", round, a.err.message);
		if ((spaces_run(&b, ENGRAM_CHECK) < 0 || of_b.tail != 0) && !wrong++)
			tap_note("round %d: %s", round, b.err.message);
	}
	tap_int(differ, 0, "seed %" PRIu64 ": equal lineages, equal views", seed);
	tap_int(wrong, 0, "each vector stands in one place, as the check says");
	tap_int(untold, 0, "a dry run told what each fold did");
	spaces_must(spaces_run(&b, ENGRAM_REBUILD), "rebuild", &b.err);
	spaces_must(spaces_fold(&b, ENG_FOLD_ALL, &of_b), "fold b", &b.err);
	spaces_must(spaces_fold(&a, ENG_FOLD_ANEW, &anew), "fold a anew", &a.err);
	tap_ok(!same(&of_a, &anew), "a full build begins a lineage");
	tap_ok(same(&of_b, &anew), "a full build is the same from rows and from nodes");
	tap_int(spaces_run(&a, ENGRAM_CHECK), 0, "and as the check says");
	spaces_close(&a);
	spaces_close(&b);
}

/* -- more rows than one chunk holds ---------------------------------------------------- */

enum { MANY = 2500, CHANGED = 50 };

static void put_many(struct spaces *s, unsigned first, unsigned n, unsigned step, const char *word)
{
	struct engram_memory m = {.has = ENGRAM_TEXT | ENGRAM_KEY};
	enum engram_put_result result;
	struct engram_writer *w = NULL;
	char key[32], text[96];
	struct engram_id id;

	spaces_must(engram_writer_open(&w, s->space, 0, &s->err), "writer", &s->err);
	for (unsigned i = first; i < n; i += step) {
		snprintf(key, sizeof key, "page %u", i);
		snprintf(text, sizeof text, "%s has the word %s", key, word);
		m.key = str(key);
		m.text = str(text);
		spaces_must(engram_put(w, &id, &result, &m, &s->err), "put", &s->err);
	}
	spaces_must(engram_commit(w, &s->err), "commit", &s->err);
	engram_writer_close(w);
}

/* How many rows the scan beside the graph meets, in chunks. */
static size_t tail_of(struct spaces *s, size_t *chunks)
{
	struct eng_snapshot *snap;
	struct eng_snapshot_rows rows;
	struct eng_rows block;
	size_t n = 0;

	*chunks = 0;
	spaces_must(eng_snapshot_open(&snap, s->space, ENG_SNAP_ROWS, &s->err), "snapshot", &s->err);
	rows = (struct eng_snapshot_rows){.snap = snap};
	while (eng_snapshot_rows_next(&rows, &block) == 1) {
		++*chunks;
		for (uint32_t i = 0; i < block.n; i++)
			n += block.r[i] != 0;
	}
	eng_snapshot_close(snap);
	return n;
}

static void test_chunks(void)
{
	struct spaces s = {0};
	struct engram_report report;
	size_t chunks;

	spaces_open(&s, "chunks", ENGRAM_CREATE);
	put_many(&s, 0, MANY, 1, "first");
	spaces_must(spaces_run(&s, ENGRAM_APPLY), "apply", &s.err);
	tap_int((long)tail_of(&s, &chunks), MANY, "rows before a fold");
	spaces_must(spaces_fold(&s, ENG_FOLD_ALL, &report), "fold", &s.err);
	tap_int((long)tail_of(&s, &chunks), 0, "none after it");
	tap_int((long)chunks, 0, "and no chunk");
	put_many(&s, 5, MANY, MANY / CHANGED, "second");
	spaces_must(spaces_run(&s, ENGRAM_APPLY), "apply", &s.err);
	tap_int((long)tail_of(&s, &chunks), CHANGED, "what changes has a row again");
	tap_ok(chunks > 0 && chunks <= CHANGED, "in %zu chunks", chunks);
	tap_int(spaces_run(&s, ENGRAM_CHECK), 0, "as the check says");
	put_many(&s, 0, MANY, 1, "third");
	spaces_must(spaces_run(&s, ENGRAM_APPLY), "apply", &s.err);
	tap_int((long)tail_of(&s, &chunks), MANY, "when all have changed, all are rows");
	tap_ok(chunks <= MANY / ENG_ROWS_LARGE + ENG_ROWS_LARGE / ENG_ROWS_SMALL, "in %zu chunks", chunks);
	spaces_must(spaces_fold(&s, ENG_FOLD_ALL, &report), "fold", &s.err);
	tap_int((long)report.dropped, MANY, "whose nodes a fold drops");
	tap_int((long)report.indexed, MANY, "and makes anew");
	tap_int(spaces_run(&s, ENGRAM_CHECK), 0, "as the check says");
	spaces_close(&s);
}

/* -- while others write ------------------------------------------------------------- */

struct meanwhile {
	struct spaces *other;
	struct eng_rng *g;
	bool done;
};

/* In the middle of a fold, through another handle: more of the same life, applied. */
static int write_meanwhile(void *data, const char *phase, uint64_t done, uint64_t total)
{
	struct meanwhile *m = data;

	(void)done, (void)total;
	if (strcmp(phase, "fold") == 0 && !m->done) {
		m->done = true;
		live_on(m->other, m->g, STEPS);
		spaces_must(eng_space_apply(m->other->space, NULL, eng_all_frames, true, &m->other->err), "apply meanwhile",
		            &m->other->err);
	}
	return 0;
}

static void test_meanwhile(uint64_t seed)
{
	struct spaces a = {0}, other = {0};
	struct engram_report report;
	struct eng_rng g;
	long wrong = 0, quiet = 0;
	char *before, *after;

	eng_rng_seed(&g, seed);
	spaces_open(&a, "busy", ENGRAM_CREATE);
	spaces_open(&other, "busy", ENGRAM_WRITE);
	for (int round = 0; round < ROUNDS; round++) {
		struct meanwhile m = {&other, &g, false};
		struct eng_job job = {.report = &report, .progress = write_meanwhile, .data = &m};
		live_on(&a, &g, STEPS);
		report = (struct engram_report){0};
		spaces_must(eng_space_fold(a.space, &job, ENG_FOLD_ALL, &a.err), "fold", &a.err);
		quiet += !m.done;
		if (spaces_run(&a, ENGRAM_CHECK) < 0 && !wrong++)
			tap_note("round %d: %s", round, a.err.message);
	}
	tap_int(wrong, 0, "seed %" PRIu64 ": what is written during a fold stays as it was written", seed);
	tap_int(quiet, 0, "each fold was written into");
	before = spaces_listing(&a);
	spaces_must(spaces_run(&a, ENGRAM_COMPACT), "compact", &a.err);
	tap_int(spaces_run(&a, ENGRAM_CHECK), 0, "compacted: as the check says");
	after = spaces_listing(&a);
	tap_ok(strcmp(before, after) == 0, "and the same memories");
	free(before);
	free(after);
	spaces_close(&other);
	spaces_close(&a);
}

/* -- forgotten ------------------------------------------------------------------------- */

static struct eng_fold *view_of(struct spaces *s, char path[ENG_PATH_MAX])
{
	char name[ENG_VIEW_NAME_MAX];
	struct eng_fold *f = NULL;

	spaces_must(eng_gen_refresh(s->space, &s->err), "refresh", &s->err);
	if (eng_view_in_use(name, s->space) != 1 || !eng_path(path, s->space->dir, "%s", name))
		return NULL;
	spaces_must(eng_fold_open(&f, s->space->sys, path, &s->space->id, &s->err), "open view", &s->err);
	return f;
}

static bool has_id(struct eng_fold *f, const struct engram_id *id)
{
	for (size_t i = 0; i < eng_fold_info(f)->graphs; i++) {
		struct eng_fold_graph *g = eng_fold_at(f, i, NULL);
		for (uint32_t node = 0; node < g->n; node++)
			if (eng_id_cmp(&eng_fold_ids(g, node / ENG_HNSW_BLOCK, NULL)[node % ENG_HNSW_BLOCK], id) == 0)
				return true;
	}
	return false;
}

static void test_forgotten(void)
{
	struct spaces s = {0};
	struct engram_report report;
	char path[ENG_PATH_MAX], gone[ENG_PATH_MAX];
	struct engram_id id;
	struct eng_fold *f;
	struct eng_rng g;

	eng_rng_seed(&g, 7);
	spaces_open(&s, "forget", ENGRAM_CREATE);
	live_on(&s, &g, STEPS);
	id = spaces_put(&s, "the one that is to be forgotten");
	spaces_must(spaces_fold(&s, ENG_FOLD_ALL, &report), "fold", &s.err);
	f = view_of(&s, gone);
	tap_ok(f && has_id(f, &id), "folded");
	eng_fold_close(f);
	spaces_forget(&s, &id, 1);
	spaces_must(spaces_run(&s, ENGRAM_COMPACT), "compact", &s.err);
	f = view_of(&s, path);
	tap_ok(f && !has_id(f, &id), "a purge leaves no node of what was forgotten");
	tap_ok(strcmp(path, gone) != 0 && access(gone, F_OK) != 0, "and no file that has one");
	tap_int(spaces_run(&s, ENGRAM_CHECK), 0, "and the check finds no difference");
	eng_fold_close(f);
	spaces_close(&s);
}

/* -- failing memory ----------------------------------------------------------------------- */

/* By a handle of its own, so that what it keeps is given back. */
static int fold_once(void *data)
{
	struct spaces *s = data;
	struct engram_space *own = NULL;
	struct engram_report report = {0};
	struct eng_job job = {.report = &report};
	int r = engram_space_open(&own, s->home, "memory", ENGRAM_WRITE, 5000, &s->err);

	if (r == 0)
		r = eng_space_fold(own, &job, ENG_FOLD_ALL, &s->err);
	engram_space_close(own);
	return r;
}

static void test_memory(void)
{
	struct spaces s = {0};
	struct engram_report report;
	struct eng_rng g;

	eng_rng_seed(&g, 9);
	spaces_open(&s, "memory", ENGRAM_CREATE);
	live_on(&s, &g, STEPS);
	spaces_must(spaces_fold(&s, ENG_FOLD_ALL, &report), "fold", &s.err);
	live_on(&s, &g, STEPS / 4);
	spaces_must(spaces_run(&s, ENGRAM_APPLY), "apply", &s.err);
	failalloc_each(fold_once, &s, "a fold");
	tap_int(spaces_run(&s, ENGRAM_CHECK), 0, "and it ends as the check says");
	spaces_close(&s);
}

int main(void)
{
	const char *one = getenv("ENGRAM_TEST_SEED");
	uint64_t seed = one ? strtoull(one, NULL, 10) : 1;

	tmpdir_begin("space-fold");
	test_lineage(seed);
	test_chunks();
	test_meanwhile(seed + 1);
	test_forgotten();
	test_memory();
	tmpdir_end();
	return tap_done();
}
