/* test_sync_session.c - two session machines over byte pipes, on model stores: both
 * ways, forks, stubs, cuts at every byte, what an equal pair costs, what is named
 * where states differ. */
#include "../lib/tap.h"

#include "../lib/talk.h"

static void equal(struct modelstore *a, struct modelstore *b, const char *name)
{
	const char *difference = modelstore_difference(a, b);

	tap_str(difference ? difference : "none", "none", "%s", name);
}

/* Two stores of one space, each with frames of its own. */
static void pair(struct modelstore **a, struct modelstore **b, unsigned n)
{
	*a = talk_store(1);
	*b = talk_store(2);
	talk_fill(*a, "before", 1);
	if (!talk_once(*a, *b))
		abort();
	talk_fill(*a, "a", n);
	talk_fill(*b, "b", n);
}

static void test_both_ways(void)
{
	struct modelstore *a = talk_store(1), *b = talk_store(2), *c = talk_store(3);

	talk_fill(a, "a", 100);
	tap_ok(talk_once(a, b), "an empty store talks to a full one");
	equal(a, b, "and is equal to it");
	talk_fill(b, "b", 50);
	talk_fill(a, "a again", 30);
	tap_ok(talk_once(a, b), "both have something new");
	equal(a, b, "and are equal");
	tap_ok(talk_once(c, b) && talk_once(c, a), "a third");
	equal(a, c, "and is equal");
	modelstore_free(a);
	modelstore_free(b);
	modelstore_free(c);
}

static void test_chunks(void)
{
	unsigned wrong = 0;

	for (uint64_t seed = 1; seed <= 60; seed++) {
		struct modelstore *a, *b;
		struct eng_rng g;
		struct talk *t = malloc(sizeof *t);

		eng_rng_seed(&g, seed);
		pair(&a, &b, 40);
		wrong += talk_begin(t, a, b, NULL, NULL) != 0 || !talk_run(t, &g, 1 + (size_t)eng_rng_below(&g, 3000)) ||
		         !talk_done(t) || modelstore_difference(a, b) || !eng_sync_stats(t->a.s)->equal;
		talk_end(t);
		free(t);
		modelstore_free(a);
		modelstore_free(b);
	}
	tap_int(wrong, 0, "in pieces of random sizes (seeds 1 to 60)");
}

/* -- an equal pair -------------------------------------------------------------- */

static void test_equal_pair(void)
{
	struct modelstore *a = talk_store(1), *b = talk_store(2);
	struct eng_buf said[2] = {{0}};
	struct talk *t = malloc(sizeof *t);

	for (unsigned i = 0; i < 100; i++) {
		char who[16];
		snprintf(who, sizeof who, "series %u", i);
		talk_fill(a, who, 3);
		modelstore_new_series(a);
		modelstore_clock(a, TALK_NOW + i);
	}
	if (!talk_once(a, b))
		abort();
	tap_ok(talk_begin(t, a, b, NULL, NULL) == 0, "two that are equal");
	t->a.record = &said[0];
	t->b.record = &said[1];
	tap_ok(talk_run(t, NULL, 4096) && talk_done(t), "say so");
	tap_note("%zu + %zu bytes", said[0].n, said[1].n);
	tap_ok(modelstore_nlogs(a) == 100 && said[0].n + said[1].n < 1024, "of 100 series, in less than 1 KiB");
	tap_ok(eng_sync_stats(t->a.s)->compared && eng_sync_stats(t->b.s)->equal, "and have compared their digests");
	talk_end(t);
	free(t);
	eng_buf_free(&said[0]);
	eng_buf_free(&said[1]);
	modelstore_free(a);
	modelstore_free(b);
}

/* -- cuts ------------------------------------------------------------------------- */

static bool talk_cut(struct talk *t, struct modelstore *a, struct modelstore *b, uint64_t cut_a, uint64_t cut_b,
                     size_t most)
{
	if (talk_begin(t, a, b, NULL, NULL) != 0)
		return false;
	t->cut_a = cut_a;
	t->cut_b = cut_b;
	return talk_run(t, NULL, most);
}

static uint64_t sent(const struct talk *t)
{
	return eng_sync_stats(t->a.s)->frame_bytes_sent + eng_sync_stats(t->b.s)->frame_bytes_sent;
}

/* What two stores do over a session that is cut after so many bytes heard by one
 * of them, a power cut at both, and a session that is not cut. */
struct outcome {
	bool whole;     /* it was over before the cut */
	bool equal;     /* and nothing was lost */
	uint64_t known; /* frames that came and were there */
	uint64_t sent;  /* bytes of frames, in both sessions */
};

static struct outcome cut_once(struct modelstore *const m[2], uint64_t cut_a, uint64_t cut_b, size_t most)
{
	struct modelstore *a = modelstore_copy(m[0]), *b = modelstore_copy(m[1]);
	const uint64_t all = modelstore_frames(a) + modelstore_frames(b) - 1; /* one is in both */
	struct talk *t = malloc(sizeof *t);
	struct outcome out = {.known = 0};

	if (talk_cut(t, a, b, cut_a, cut_b, most)) {
		out.whole = talk_done(t);
		out.sent = sent(t);
	}
	talk_end(t);
	modelstore_crash(a);
	modelstore_crash(b);
	if (talk_cut(t, a, b, UINT64_MAX, UINT64_MAX, 65536) && talk_done(t)) {
		out.equal = !modelstore_difference(a, b) && modelstore_frames(a) == all;
		out.known = eng_sync_stats(t->a.s)->frames_known + eng_sync_stats(t->b.s)->frames_known;
		out.sent += sent(t);
	}
	talk_end(t);
	free(t);
	modelstore_free(a);
	modelstore_free(b);
	return out;
}

static void test_cut_everywhere(void)
{
	unsigned wrong = 0, again = 0;
	struct outcome o = {.whole = false};
	struct modelstore *m[2];
	uint64_t at;

	pair(&m[0], &m[1], 4);
	for (at = 0; !o.whole; at++) {
		o = cut_once(m, at, UINT64_MAX, 256);
		wrong += !o.equal;
		again += o.known > 0;
	}
	tap_int(wrong, 0, "F29 a session cut at each of its %" PRIu64 " bytes ends equal after the next", at);
	tap_int(again, 0, "and no frame that came whole is sent again");
	modelstore_free(m[0]);
	modelstore_free(m[1]);
}

static void fill_large(struct modelstore *m, unsigned n)
{
	struct modelstore_frame f = {.kind = ENG_USE, .filler = 8000};

	for (unsigned i = 0; i < n; i++)
		modelstore_append(m, NULL, &f);
	modelstore_flush(m);
}

/* Several windows each way; what is under way when it is cut is less than one. */
static void test_cut_at_random(void)
{
	unsigned wrong = 0, again = 0, whole = 0;
	uint64_t total, most_again = 0;
	struct modelstore *m[2];
	struct outcome o;
	struct eng_rng g;

	pair(&m[0], &m[1], 1);
	fill_large(m[0], 300);
	fill_large(m[1], 300);
	total = cut_once(m, UINT64_MAX, UINT64_MAX, 65536).sent;
	eng_rng_seed(&g, 7);
	for (unsigned i = 0; i < 1000; i++) {
		uint64_t at = eng_rng_below(&g, total / 2);
		bool first = eng_rng_below(&g, 2);

		o = cut_once(m, first ? at : UINT64_MAX, first ? UINT64_MAX : at, 1 + (size_t)eng_rng_below(&g, 65536));
		wrong += !o.equal;
		again += o.sent > total + 2 * (ENG_SYNC_BATCH + 8200);
		most_again = o.sent - total > most_again ? o.sent - total : most_again;
		whole += o.whole;
	}
	tap_int(wrong, 0, "F29 one of %" PRIu64 " bytes, cut at 1,000 random ones (seed 7), ends equal", total);
	tap_int(again, 0, "and each end sends at most one batch again");
	tap_ok(whole == 0 && most_again > 0, "each of them was cut, and up to %" PRIu64 " bytes came again", most_again);
	modelstore_free(m[0]);
	modelstore_free(m[1]);
}

/* -- forks ------------------------------------------------------------------------- */

static void test_fork(unsigned common, unsigned mine, unsigned theirs)
{
	struct modelstore *a = talk_store(1), *b, *c = talk_store(3);
	uint64_t all;

	talk_fill(a, "common", common);
	b = modelstore_copy(a);
	modelstore_clock(b, TALK_NOW + 5000);
	talk_fill(a, "a", mine);
	talk_fill(b, "b", theirs);
	all = common + mine + theirs;
	tap_ok(talk_once(a, b), "F26 both copies wrote %u and %u frames behind %u", mine, theirs, common);
	equal(a, b, "they are equal");
	tap_int(modelstore_frames(a), all, "and nothing is lost");
	tap_int(modelstore_nforks(a), 1, "the fork is known");
	tap_int(modelstore_nlogs(a), 2 + (common > 0), "to both, and what each wrote has its branch");
	talk_fill(a, "a goes on", 3);
	tap_ok(talk_once(a, c) && talk_once(c, b), "who was not there");
	equal(a, b, "learns of it, and passes on what came since");
	modelstore_free(a);
	modelstore_free(b);
	modelstore_free(c);
}

/* Three copies that part at different places, met in different orders. */
static void test_forks_any_order(void)
{
	static const unsigned orders[][6] = {
		{0, 1, 1, 2, 0, 2}, {1, 2, 0, 2, 0, 1}, {0, 2, 0, 1, 1, 2}, {2, 1, 1, 0, 2, 0},
	};
	struct modelstore *m[ENG_COUNT(orders)][3];
	unsigned wrong = 0;

	for (unsigned i = 0; i < ENG_COUNT(orders); i++) {
		m[i][0] = talk_store(1);
		talk_fill(m[i][0], "x", 10);
		m[i][2] = modelstore_copy(m[i][0]);
		talk_fill(m[i][0], "y", 20);
		m[i][1] = modelstore_copy(m[i][0]);
		talk_fill(m[i][0], "a", 30);
		modelstore_clock(m[i][1], TALK_NOW + 1);
		talk_fill(m[i][1], "b", 5);
		modelstore_clock(m[i][2], TALK_NOW + 2);
		talk_fill(m[i][2], "c", 80);
		for (unsigned round = 0; round < 2; round++)
			for (unsigned k = 0; k < 6; k += 2)
				wrong += !talk_once(m[i][orders[i][k]], m[i][orders[i][k + 1]]);
		for (unsigned k = 1; k < 3; k++)
			wrong += modelstore_difference(m[i][0], m[i][k]) != NULL;
		wrong += modelstore_difference(m[i][0], m[0][0]) != NULL;
		wrong += modelstore_frames(m[i][0]) != 10 + 20 + 30 + 5 + 80;
	}
	tap_int(wrong, 0, "F26 three copies that part at two places are equal, in whatever order they meet");
	for (unsigned i = 0; i < ENG_COUNT(orders); i++)
		for (unsigned k = 0; k < 3; k++)
			modelstore_free(m[i][k]);
}

static void test_restored(void)
{
	struct modelstore *a = talk_store(1), *b = talk_store(2), *yesterday;

	talk_fill(a, "monday", 20);
	yesterday = modelstore_copy(a);
	talk_fill(a, "tuesday", 20);
	if (!talk_once(a, b))
		abort();
	tap_ok(talk_once(yesterday, b), "F25 yesterday's backup, which wrote nothing");
	equal(yesterday, b, "gets back what it had");
	tap_int(modelstore_nforks(b), 0, "and is no fork");
	modelstore_free(a);
	modelstore_free(b);
	modelstore_free(yesterday);
}

/* -- forgotten ---------------------------------------------------------------------- */

static void test_stubs(void)
{
	struct modelstore *a = talk_store(1), *b = talk_store(2), *c = talk_store(3), *d = talk_store(4);
	struct engram_id id;
	uint64_t mended;
	struct talk *t = malloc(sizeof *t);

	id = modelstore_remember(a, NULL, "to be forgotten");
	talk_fill(a, "kept", 3);
	if (!talk_once(a, b) || !talk_once(a, c))
		abort();
	modelstore_forget(b, NULL, &id);
	modelstore_flush(b);
	if (!talk_once(a, b))
		abort();
	tap_int(modelstore_purge(a), 1, "forgotten by one, its bytes go at the other");
	tap_ok(!modelstore_live(a, &id) && modelstore_live(c, &id), "a third has not heard of it");
	tap_ok(talk_once(a, c), "and hears of it");
	equal(a, c, "from the stub's holder");
	tap_ok(!modelstore_live(c, &id), "it is gone there too");

	/* A stub without its forget: as if the log with the forget had been lost. */
	modelstore_crash(a);
	modelstore_free(c);
	c = modelstore_copy(a);
	modelstore_lose(c, modelstore_own(b));
	tap_ok(talk_begin(t, c, d, NULL, NULL) == 0 && talk_run(t, NULL, 4096) && talk_done(t),
	       "a stub whose forget is lost");
	tap_int(eng_sync_stats(t->a.s)->mine.held, 4, "holds up what follows it");
	talk_end(t);
	modelstore_free(a);
	a = modelstore_copy(b); /* has the whole frame and the forget */
	modelstore_lose(a, modelstore_own(b));
	tap_ok(talk_begin(t, c, a, NULL, NULL) == 0 && talk_run(t, NULL, 4096) && talk_done(t), "meets a whole frame");
	mended = eng_sync_stats(t->a.s)->mended;
	tap_int(mended, 1, "and takes it in place of the stub");
	equal(a, c, "so both go on equal");
	talk_end(t);
	free(t);
	modelstore_free(a);
	modelstore_free(b);
	modelstore_free(c);
	modelstore_free(d);
}

/* -- not equal ------------------------------------------------------------------------- */

static void test_inconsistent(void)
{
	struct modelstore *a, *b;
	struct talk *t = malloc(sizeof *t);
	char text[ENGRAM_ID_TEXT + 1];
	struct engram_id id;

	pair(&a, &b, 20);
	id = modelstore_remember(a, NULL, "the one");
	modelstore_flush(a);
	modelstore_lie(a, &id);
	engram_id_format(text, &id);
	tap_ok(talk_begin(t, a, b, NULL, NULL) == 0 && talk_run(t, NULL, 4096), "equal frames, unequal states");
	tap_ok(t->a.err.code == ENGRAM_EINTERNAL && t->b.err.code == ENGRAM_EINTERNAL, "both ends fail");
	tap_ok(strstr(t->a.err.message, "inconsistent") && strstr(t->a.err.message, text), "a names the memory: %s",
	       t->a.err.message);
	tap_str(t->b.err.message, t->a.err.message, "and b the same");
	talk_end(t);
	free(t);
	modelstore_free(a);
	modelstore_free(b);
}

static void test_held(void)
{
	struct modelstore *a = talk_store(1), *b = talk_store(2);
	struct talk *t = malloc(sizeof *t);

	modelstore_clock(a, TALK_NOW + INT64_C(3600000000));
	talk_fill(a, "in an hour", 5);
	tap_ok(talk_begin(t, a, b, NULL, NULL) == 0 && talk_run(t, NULL, 4096) && talk_done(t),
	       "F28 frames from an hour ahead");
	tap_ok(!eng_sync_stats(t->a.s)->compared && eng_sync_stats(t->b.s)->held == 5 &&
	               eng_sync_stats(t->a.s)->peer_held == 5, "are held, and nothing is compared");
	talk_end(t);
	modelstore_clock(b, TALK_NOW + INT64_C(3600000000));
	tap_ok(talk_begin(t, a, b, NULL, NULL) == 0 && talk_run(t, NULL, 4096) && talk_done(t) &&
	               eng_sync_stats(t->a.s)->equal, "until then");
	talk_end(t);
	free(t);
	modelstore_free(a);
	modelstore_free(b);
}

/* -- rights and spaces -------------------------------------------------------------------- */

static void test_rights(void)
{
	static const struct eng_sync_options give = {.mode = ENG_SYNC_BOTH, .give = true};
	static const struct eng_sync_options take = {.mode = ENG_SYNC_BOTH, .take = true};
	struct modelstore *a, *b;
	struct talk *t = malloc(sizeof *t);

	pair(&a, &b, 10);
	tap_ok(talk_begin(t, a, b, &take, &give) == 0 && talk_run(t, NULL, 4096) && talk_done(t), "a pull");
	tap_ok(modelstore_frames(a) == 21 && modelstore_frames(b) == 11 && eng_sync_stats(t->a.s)->frames_received == 10 &&
	               eng_sync_stats(t->a.s)->frames_sent == 0, "brings what is there, and takes nothing along");
	talk_end(t);
	tap_ok(talk_begin(t, a, b, &take, &take) == 0 && talk_run(t, NULL, 4096) && talk_done(t) &&
	               modelstore_frames(b) == 11, "two that only take are done at once");
	talk_end(t);
	tap_ok(talk_begin(t, a, b, &give, &take) == 0 && talk_run(t, NULL, 4096) && talk_done(t), "a push");
	equal(a, b, "and both are equal");
	talk_end(t);
	free(t);
	modelstore_free(a);
	modelstore_free(b);
}

static void test_fork_pulled(void)
{
	static const struct eng_sync_options give = {.mode = ENG_SYNC_BOTH, .give = true};
	static const struct eng_sync_options take = {.mode = ENG_SYNC_BOTH, .take = true};
	struct modelstore *a = talk_store(1), *b;
	struct talk *t = malloc(sizeof *t);

	talk_fill(a, "common", 7);
	b = modelstore_copy(a);
	talk_fill(a, "a", 3);
	modelstore_clock(b, TALK_NOW + 9000);
	talk_fill(b, "b", 4);
	tap_ok(talk_begin(t, a, b, &take, &give) == 0 && talk_run(t, NULL, 4096) && talk_done(t), "a fork is pulled");
	tap_ok(modelstore_frames(a) == 14 && modelstore_nforks(a) == 1, "who takes has both branches");
	tap_ok(modelstore_frames(b) == 11 && modelstore_nforks(b) == 0, "who only gives is as it was");
	talk_end(t);
	tap_ok(talk_once(a, b), "and learns of it in a session both ways");
	equal(a, b, "then they are equal");
	free(t);
	modelstore_free(a);
	modelstore_free(b);
}

static void test_two_spaces(void)
{
	struct modelstore *a = talk_store(1), *b = talk_store(2), *c = talk_store(3), *d = talk_store(4);
	struct talk *t = malloc(sizeof *t);

	talk_fill(a, "a", 1);
	talk_fill(b, "b", 1);
	tap_ok(talk_begin(t, a, b, NULL, NULL) == 0 && talk_run(t, NULL, 4096), "F41 B59 two spaces with memories");
	tap_ok(t->a.err.code == ENGRAM_EINPUT && t->b.err.code == ENGRAM_EINPUT, "do not merge: %s", t->a.err.message);
	tap_ok(strstr(t->a.err.hint, "--export") != NULL, "and the way out is named");
	tap_ok(modelstore_frames(a) == 1 && modelstore_frames(b) == 1, "nothing changed");
	talk_end(t);
	tap_ok(talk_once(c, d), "two empty ones");
	equal(c, d, "agree on one of their ids");
	free(t);
	modelstore_free(a);
	modelstore_free(b);
	modelstore_free(c);
	modelstore_free(d);
}

static void test_state_versions(void)
{
	struct modelstore *a, *b;
	struct talk *t = malloc(sizeof *t);

	pair(&a, &b, 3);
	modelstore_state_version(b, 2);
	tap_ok(talk_begin(t, a, b, NULL, NULL) == 0 && talk_run(t, NULL, 4096) && talk_done(t) &&
	               !eng_sync_stats(t->a.s)->compared, "F34 states of two versions are not compared");
	talk_end(t);
	free(t);
	modelstore_free(a);
	modelstore_free(b);
}

/* What both ends heard. */
static uint64_t heard(struct modelstore *a, struct modelstore *b)
{
	struct talk *t = malloc(sizeof *t);
	uint64_t bytes = UINT64_MAX;

	if (t && talk_begin(t, a, b, NULL, NULL) == 0 && talk_run(t, NULL, 4096) && talk_done(t))
		bytes = t->a.heard + t->b.heard;
	if (t)
		talk_end(t);
	free(t);
	return bytes;
}

/* Stores come and go: each leaves a series. */
static void test_many_series(void)
{
	enum { SERIES = 1000 };
	struct modelstore *a = talk_store(1), *b;
	char text[64];
	uint64_t bytes;

	for (unsigned i = 0; i < SERIES; i++) {
		if (i)
			modelstore_new_series(a);
		snprintf(text, sizeof text, "of store %u", i);
		modelstore_remember(a, NULL, text);
	}
	modelstore_flush(a);
	b = talk_store(2);
	tap_ok(talk_once(a, b), "F35 a store of %d series and an empty one", SERIES);
	equal(a, b, "F35 a thousand series");
	bytes = heard(a, b);
	tap_ok(bytes < 1024, "F35 equal pairs do not tell them: %" PRIu64 " bytes", bytes);
	modelstore_new_series(a);
	modelstore_remember(a, NULL, "one more");
	modelstore_flush(a);
	bytes = heard(a, b);
	tap_ok(bytes < 2 * 65536, "F35 all of them are told in less than 64 KiB each way: %" PRIu64 " bytes", bytes);
	equal(a, b, "F35 one frame of a new series");
	modelstore_free(a);
	modelstore_free(b);
}

/* Two halves, which only the one in the middle meets. */
static void test_bridge(void)
{
	enum { STORES = 5 };
	struct modelstore *m[STORES];
	struct engram_id first, last;
	int failed = 0;

	m[0] = talk_store(1);
	first = modelstore_remember(m[0], NULL, "from the one end");
	modelstore_flush(m[0]);
	for (unsigned i = 1; i < STORES; i++) {
		m[i] = talk_store(1 + i);
		failed += !talk_once(m[i - 1], m[i]);
		talk_fill(m[i], (const char *const[]){"ada", "max", "eve", "bob", "zoe"}[i], 7);
	}
	last = modelstore_remember(m[STORES - 1], NULL, "from the other end");
	modelstore_forget(m[STORES - 1], NULL, &first);
	modelstore_flush(m[STORES - 1]);
	for (unsigned round = 0; round + 1 < STORES; round++)
		for (unsigned i = 1; i < STORES; i++)
			failed += !talk_once(m[i - 1], m[i]);
	tap_int(failed, 0, "F19 five stores in a row, of which each meets its neighbours only");
	for (unsigned i = 1; i < STORES; i++)
		equal(m[0], m[i], "F19 the ends of the row");
	tap_ok(!modelstore_live(m[0], &first) && modelstore_live(m[0], &last), "F19 words and forgets come through the middle");
	for (unsigned i = 0; i < STORES; i++)
		modelstore_free(m[i]);
}

int main(void)
{
	test_both_ways();
	test_chunks();
	test_equal_pair();
	test_cut_everywhere();
	test_cut_at_random();
	test_fork(57, 23, 43);
	test_fork(57, 43, 43);
	test_fork(0, 2, 1);
	test_fork(1000, 1, 500);
	test_forks_any_order();
	test_restored();
	test_stubs();
	test_inconsistent();
	test_held();
	test_rights();
	test_fork_pulled();
	test_two_spaces();
	test_state_versions();
	test_many_series();
	test_bridge();
	return tap_done();
}
