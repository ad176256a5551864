/* test_merge_read.c - what items read as, rule by rule, each with the example that once broke a
 * naive design (the holes are listed in lib/merge/README.md). */
#include "../lib/frames.h"
#include "../lib/tap.h"

#include "base/le.h"
#include "merge/digest.h"

struct bench {
	struct frames f;
	struct eng_arena arena;
	struct eng_item item;
	struct eng_reading r;
	struct engram_error err;
};

static struct bench start(void)
{
	return (struct bench){.f = FRAMES_INIT, .arena = ENG_ARENA_INIT};
}

static void finish(struct bench *b)
{
	frames_free(&b->f);
	eng_arena_free(&b->arena);
}

/* Reads the set of the n frames, given in this order. */
static void read_set(struct bench *b, const struct eng_frame *const *v, size_t n)
{
	bool changed;

	eng_item_init(&b->item, &frames_id, &b->arena);
	for (size_t i = 0; i < n; i++)
		if (eng_item_add(&b->item, &changed, v[i], false, &b->err) != 0)
			tap_ok(false, "add: %s", b->err.message);
	if (eng_item_read(&b->item, &b->r, &b->err) != 0)
		tap_ok(false, "read: %s", b->err.message);
}

#define READ(b, ...) \
	read_set(b, (const struct eng_frame *const[]){__VA_ARGS__}, \
	         sizeof((const struct eng_frame *const[]){__VA_ARGS__}) / sizeof(struct eng_frame *))
#define MAKE(b, ...) frames_make(&(b)->f, &(struct frame_spec){__VA_ARGS__})

/* The winner's value as a string; "-" = absent. */
static const char *value(const struct eng_winner *w)
{
	static char text[256];

	if (!w->element)
		return "-";
	snprintf(text, sizeof text, "%.*s", (int)w->element->n, w->element->p ? (const char *)w->element->p : "");
	return text;
}

static int number(const struct eng_winner *w)
{
	return w->element ? (int)eng_get32(w->element->p) : -1;
}

static const char *tags(const struct eng_reading *r)
{
	static char text[256];
	size_t n = 0;

	text[0] = 0;
	for (size_t i = 0; i < r->ntags; i++)
		n += (size_t)snprintf(text + n, sizeof text - n, "%s%.*s", i ? "," : "", (int)r->tags[i].element->n,
		                      (const char *)r->tags[i].element->p);
	return text;
}

/* -- liveness ----------------------------------------------------------------- */

/* "FIELD: VALUE that counts, the others; ..." with `-` for one taken away. */
static const char *claims(const struct bench *b)
{
	static char text[256];
	size_t n = 0;

	text[0] = 0;
	for (size_t i = 0; i < b->r.nclaims; i++) {
		const struct eng_claim *c = &b->r.claims[i];
		bool first = i == 0 || c[-1].field != c->field, last = i + 1 == b->r.nclaims || c[1].field != c->field;
		struct eng_winner w = c->by.dot && c->by.element->type != ENG_EL_CLEAR ? c->by : (struct eng_winner){NULL, NULL};
		char number_text[16];
		snprintf(number_text, sizeof number_text, "%d", c->field == ENG_EL_CONFIDENCE && w.dot ? number(&w) : 0);
		if (first)
			n += (size_t)snprintf(text + n, sizeof text - n, "%s%u:", i ? " " : "", c->field);
		n += (size_t)snprintf(text + n, sizeof text - n, " %s%s",
		                      c->field == ENG_EL_CONFIDENCE && w.dot ? number_text : value(&w), last ? ";" : "");
	}
	return text;
}

static void one_memory(void)
{
	struct bench b = start();
	const struct eng_frame *m = MAKE(&b, .kind = ENG_MEMORY, .series = 'A', .stamp = 70000, .text = "a cat",
	                                 .confidence = 7000, .tags = {"pet"});

	READ(&b, m);
	tap_ok(b.r.live && b.r.forgotten == 0, "a memory frame makes a live item");
	tap_str(value(&b.r.text), "a cat", "its text is read");
	tap_int(number(&b.r.confidence), 7000, "its confidence is read");
	tap_str(tags(&b.r), "pet", "its tag is read");
	tap_str(value(&b.r.source), "-", "what it does not state is absent");
	tap_int(b.r.kind, ENGRAM_EPISODE, "it is an episode");
	tap_int(b.r.stored_us, eng_stamp_us(70000), "stored is its stamp");
	tap_int(b.r.nlive_dots, 1, "one live dot");
	tap_int(b.r.nconflicts, 0, "no conflict");
	finish(&b);
}

static void forget_by_stamp(void)
{
	struct bench b = start();
	const struct eng_frame *m1 = MAKE(&b, .kind = ENG_MEMORY, .series = 'A', .stamp = 10, .text = "x");
	const struct eng_frame *same = MAKE(&b, .kind = ENG_MEMORY, .series = 'B', .stamp = 20, .text = "x");
	const struct eng_frame *f = MAKE(&b, .kind = ENG_FORGET, .series = 'C', .stamp = 20);
	const struct eng_frame *m2 = MAKE(&b, .kind = ENG_MEMORY, .series = 'A', .stamp = 21, .text = "x");

	READ(&b, f, m1);
	tap_ok(!b.r.live, "a forget kills what arrives after it with a smaller stamp");
	READ(&b, same, f);
	tap_ok(!b.r.live, "a forget kills a dot of equal stamp");
	READ(&b, m1, same, f, m2);
	tap_ok(b.r.live, "stored again after the forget: live");
	tap_int(b.r.nlive_dots, 1, "with the later dot alone");
	tap_int(b.r.forgotten, 20, "and the forget is remembered");
	finish(&b);
}

/* Hole 3: totals in order of arrival differ; sets of dots do not.  Uses at T1,
 * T2, T6 and a forget at T5 that comes last. */
static void hole_03_forget_comes_last(void)
{
	struct bench b = start();
	const struct eng_frame *t1 = MAKE(&b, .kind = ENG_MEMORY, .series = 'A', .stamp = 1, .text = "x");
	const struct eng_frame *t2 = MAKE(&b, .kind = ENG_MEMORY, .series = 'A', .stamp = 2, .text = "x");
	const struct eng_frame *t6 = MAKE(&b, .kind = ENG_MEMORY, .series = 'B', .stamp = 6, .text = "x");
	const struct eng_frame *f5 = MAKE(&b, .kind = ENG_FORGET, .series = 'C', .stamp = 5);
	eng_u128 last, first;

	READ(&b, t1, t2, t6, f5);
	tap_int(b.r.nlive_dots, 1, "hole 3: the forget of T5 takes out T1 and T2 though it came last");
	tap_int(b.r.stored_us, eng_stamp_us(6), "hole 3: and stored begins anew at T6");
	eng_item_digest(&b.item, &last, &b.err);
	READ(&b, f5, t6, t2, t1);
	eng_item_digest(&b.item, &first, &b.err);
	tap_ok(last == first, "hole 3: whoever hears it first or last holds the same digest");
	finish(&b);
}

/* Hole 3c: a stamp cannot tell overwritten knowingly from concurrent; refs can. */
static void hole_03_knowing_and_concurrent(void)
{
	struct bench b = start();
	const struct eng_frame *old = MAKE(&b, .kind = ENG_MEMORY, .series = 'A', .stamp = 10, .key = "k", .text = "old");
	const struct eng_frame *knows = MAKE(&b, .kind = ENG_MEMORY, .series = 'A', .stamp = 20, .key = "k",
	                                     .text = "new", .refs = {{old, 0}});
	const struct eng_frame *other = MAKE(&b, .kind = ENG_MEMORY, .series = 'B', .stamp = 15, .key = "k",
	                                     .text = "other");

	READ(&b, old, knows);
	tap_int(b.r.nconflicts, 0, "an upsert that names the old frame leaves no conflict");
	READ(&b, knows, other, old);
	tap_str(value(&b.r.text), "new", "of concurrent bodies the newest is shown");
	tap_int(b.r.nconflicts, 1, "and the other is a conflict, the one replaced is not");
	tap_ok(b.r.conflicts[0]->dot.seq == other->h.seq && b.r.conflicts[0]->stamp == 15, "it is the right one");
	finish(&b);
}

/* Hole 4: a plain store always leaves a dot, so one that did not hear of the
 * forget keeps the memory alive. */
static void hole_04_store_beside_forget(void)
{
	struct bench b = start();
	const struct eng_frame *m1 = MAKE(&b, .kind = ENG_MEMORY, .series = 'A', .stamp = 1, .text = "x");
	const struct eng_frame *f5 = MAKE(&b, .kind = ENG_FORGET, .series = 'A', .stamp = 5);
	const struct eng_frame *m9 = MAKE(&b, .kind = ENG_MEMORY, .series = 'B', .stamp = 9, .text = "x");

	READ(&b, m9, m1, f5);
	tap_ok(b.r.live, "hole 4: stored elsewhere at T9 without knowing the forget of T5: lives");
	tap_int(b.r.nlive_dots, 1, "hole 4: by its own dot");
	finish(&b);
}

/* Hole 11: A forgets, at its own time 40, what it saw with B's stamp 70. */
static void hole_11_forget_below_what_was_seen(void)
{
	struct bench b = start();
	const struct eng_frame *ahead = MAKE(&b, .kind = ENG_MEMORY, .series = 'B', .stamp = 70, .text = "x");
	const struct eng_frame *f = MAKE(&b, .kind = ENG_FORGET, .series = 'A', .stamp = 40, .refs = {{ahead, 0}});
	const struct eng_frame *blind = MAKE(&b, .kind = ENG_FORGET, .series = 'A', .stamp = 41);
	const struct eng_frame *unseen = MAKE(&b, .kind = ENG_MEMORY, .series = 'B', .stamp = 80, .text = "x");

	READ(&b, ahead, blind);
	tap_ok(b.r.live, "hole 11: by stamp alone the memory would survive");
	READ(&b, f, ahead);
	tap_ok(!b.r.live, "hole 11: the forget's ref kills it above the forget's stamp");
	READ(&b, f, unseen, ahead);
	tap_ok(b.r.live && b.r.nlive_dots == 1, "hole 11: and not what the forgetter had not seen");
	finish(&b);
}

static void refs_of_the_dead_count(void)
{
	struct bench b = start();
	const struct eng_frame *a = MAKE(&b, .kind = ENG_MEMORY, .series = 'A', .stamp = 10, .key = "k", .text = "a");
	const struct eng_frame *c = MAKE(&b, .kind = ENG_MEMORY, .series = 'B', .stamp = 5, .key = "k", .text = "c",
	                                 .refs = {{a, 0}});
	const struct eng_frame *f = MAKE(&b, .kind = ENG_FORGET, .series = 'C', .stamp = 7);

	READ(&b, a, c, f);
	tap_ok(!b.r.live, "what a frame replaced stays replaced when that frame is forgotten");
	finish(&b);
}

static void refs_to_what_is_not_there(void)
{
	struct bench b = start();
	const struct eng_frame *a = MAKE(&b, .kind = ENG_MEMORY, .series = 'A', .stamp = 10, .key = "k", .text = "a");
	const struct eng_frame *c = MAKE(&b, .kind = ENG_MEMORY, .series = 'B', .stamp = 20, .key = "k", .text = "c",
	                                 .refs = {{a, 0}});
	struct eng_frame branch;

	READ(&b, c);
	tap_ok(b.r.live, "a ref to a frame that has not arrived is kept");
	READ(&b, c, a);
	tap_int(b.r.nlive_dots, 1, "and counts when it arrives");
	branch = *a;
	branch.h.header_check ^= 1;
	READ(&b, c, &branch);
	tap_int(b.r.nlive_dots, 2, "the same dot with another header check is another branch: not named");
	READ(&b, c, &branch, a);
	tap_int(b.item.ndots, 3, "both branches of a fork are members");
	finish(&b);
}

static void runs_wait_for_their_cut(void)
{
	struct bench b = start();
	const struct eng_frame *a = MAKE(&b, .kind = ENG_MEMORY, .series = 'A', .stamp = 10, .text = "a");
	const struct eng_frame *c = MAKE(&b, .kind = ENG_MEMORY, .series = 'B', .stamp = 20, .text = "c", .run = true,
	                                 .refs = {{a, 0}});

	READ(&b, a, c);
	tap_str(value(&b.r.text), "a", "a frame of a run without its cut is not live");
	tap_int(b.r.nlive_dots, 1, "and its refs kill nothing");
	finish(&b);
}

/* -- fields ------------------------------------------------------------------- */

static void revisions_first(void)
{
	struct bench b = start();
	const struct eng_frame *m1 = MAKE(&b, .kind = ENG_MEMORY, .series = 'A', .stamp = 10, .text = "one",
	                                  .confidence = 5000, .source = "s1");
	const struct eng_frame *r = MAKE(&b, .kind = ENG_REVISION, .series = 'A', .stamp = 20, .confidence = 9000);
	const struct eng_frame *m2 = MAKE(&b, .kind = ENG_MEMORY, .series = 'B', .stamp = 30, .text = "two",
	                                  .confidence = 4000);
	const struct eng_frame *rt = MAKE(&b, .kind = ENG_REVISION, .series = 'A', .stamp = 40, .text = "three");

	READ(&b, m1, r, m2);
	tap_str(value(&b.r.text), "two", "text: the newest of memory and revision frames");
	tap_int(number(&b.r.confidence), 9000, "another field: the revision, though a memory frame is newer");
	tap_str(value(&b.r.source), "s1", "a field that the newest does not state: the newest that does");
	READ(&b, rt, m2, r, m1);
	tap_str(value(&b.r.text), "three", "text: a newer revision wins");
	tap_str(claims(&b), "1: three two one; 4: 9000 4000 5000;", "what lost is told field by field");
	tap_int(b.r.nconflicts, 2, "and frame by frame");
	READ(&b, r, rt);
	tap_ok(!b.r.live && !b.r.text.element, "revisions alone make no memory");
	finish(&b);
}

/* Two who had not seen each other; then one who saw both. */
static void concurrent_revisions(void)
{
	struct bench b = start();
	const struct eng_frame *m = MAKE(&b, .kind = ENG_MEMORY, .series = 'A', .stamp = 10, .text = "t",
	                                 .confidence = 5000, .source = "s");
	const struct eng_frame *x = MAKE(&b, .kind = ENG_REVISION, .series = 'A', .stamp = 20, .confidence = 9000,
	                                 .source = "x", .refs = {{m, 2}, {m, 3}});
	const struct eng_frame *y = MAKE(&b, .kind = ENG_REVISION, .series = 'B', .stamp = 21, .confidence = 7000,
	                                 .clear = {ENG_EL_SOURCE}, .refs = {{m, 2}, {m, 3}});
	const struct eng_frame *z = MAKE(&b, .kind = ENG_REVISION, .series = 'C', .stamp = 19, .confidence = 7000,
	                                 .refs = {{m, 2}});
	const struct eng_frame *saw = MAKE(&b, .kind = ENG_REVISION, .series = 'A', .stamp = 30, .confidence = 8000,
	                                   .refs = {{x, 1}, {y, 1}, {z, 1}});
	const struct eng_frame *back = MAKE(&b, .kind = ENG_REVISION, .series = 'B', .stamp = 31, .source = "s",
	                                    .refs = {{x, 2}});

	READ(&b, m, x);
	tap_str(claims(&b), "", "a revision that saw what it replaces leaves no conflict");
	READ(&b, y, m, x);
	tap_str(claims(&b), "4: 7000 9000; 7: - x;", "of two that did not see each other the newer counts, the other is kept");
	tap_ok(b.r.nconflicts == 1 && b.r.conflicts[0]->stamp == 20, "one frame lost both fields");
	READ(&b, z, y, m, x);
	tap_str(claims(&b), "4: 7000 9000; 7: - x;", "the same said twice is one claim");
	READ(&b, z, y, m, x, saw);
	tap_str(claims(&b), "7: - x;", "one who saw all covers all");
	READ(&b, z, y, m, x, saw, back);
	tap_str(claims(&b), "7: s -;", "that it was taken away can lose too");
	finish(&b);
}

static void plain_store_after_a_revision(void)
{
	struct bench b = start();
	const struct eng_frame *m = MAKE(&b, .kind = ENG_MEMORY, .series = 'A', .stamp = 10, .text = "t");
	const struct eng_frame *r = MAKE(&b, .kind = ENG_REVISION, .series = 'A', .stamp = 20, .text = "u", .refs = {{m, 1}});
	const struct eng_frame *m2 = MAKE(&b, .kind = ENG_MEMORY, .series = 'A', .stamp = 30, .text = "t", .confidence = 1);
	const struct eng_frame *v1 = MAKE(&b, .kind = ENG_MEMORY, .series = 'A', .stamp = 10, .key = "k", .vector = "one");
	const struct eng_frame *v2 = MAKE(&b, .kind = ENG_MEMORY, .series = 'B', .stamp = 11, .key = "k", .vector = "two");

	READ(&b, m, m2);
	tap_str(claims(&b), "", "who states more than another does not contradict it");
	READ(&b, m, r, m2);
	tap_str(claims(&b), "1: t u;", "a text stored again under a revised one is shown, the revision is kept");
	READ(&b, v2, v1);
	tap_str(claims(&b), "11: two one;", "vectors without a text contradict each other");
	finish(&b);
}

static void newest_by_series_and_seq(void)
{
	struct bench b = start();
	const struct eng_frame *a = MAKE(&b, .kind = ENG_MEMORY, .series = 'A', .stamp = 10, .text = "from A");
	const struct eng_frame *c = MAKE(&b, .kind = ENG_MEMORY, .series = 'B', .stamp = 10, .text = "from B");

	READ(&b, c, a);
	tap_str(value(&b.r.text), "from B", "equal stamps: the greater series is the newer");
	READ(&b, a, c);
	tap_str(value(&b.r.text), "from B", "in either order");
	finish(&b);
}

static void clearing(void)
{
	struct bench b = start();
	const struct eng_frame *m = MAKE(&b, .kind = ENG_MEMORY, .series = 'A', .stamp = 10, .text = "t", .source = "s");
	const struct eng_frame *r = MAKE(&b, .kind = ENG_REVISION, .series = 'A', .stamp = 20, .clear = {ENG_EL_SOURCE});
	const struct eng_frame *again = MAKE(&b, .kind = ENG_REVISION, .series = 'B', .stamp = 30, .source = "s2");
	const struct eng_frame *text = MAKE(&b, .kind = ENG_REVISION, .series = 'B', .stamp = 40, .clear = {ENG_EL_TEXT});

	READ(&b, m, r);
	tap_str(value(&b.r.source), "-", "a CLEAR states absence");
	READ(&b, r, m, again);
	tap_str(value(&b.r.source), "s2", "and a newer statement ends it");
	READ(&b, text, m);
	tap_ok(b.r.live && !b.r.text.element, "a cleared text is absent, the memory lives");
	finish(&b);
}

static void element_refs(void)
{
	struct bench b = start();
	const struct eng_frame *m = MAKE(&b, .kind = ENG_MEMORY, .series = 'A', .stamp = 10, .text = "t",
	                                 .tags = {"red", "round"});
	const struct eng_frame *m2 = MAKE(&b, .kind = ENG_MEMORY, .series = 'B', .stamp = 11, .text = "t",
	                                  .tags = {"red"});
	const struct eng_frame *untag = MAKE(&b, .kind = ENG_REVISION, .series = 'A', .stamp = 20, .refs = {{m, 2}});
	const struct eng_frame *both = MAKE(&b, .kind = ENG_REVISION, .series = 'A', .stamp = 21,
	                                    .refs = {{m, 2}, {m2, 2}}, .tags = {"blue"});

	READ(&b, m, untag);
	tap_str(tags(&b.r), "round", "a ref to an element removes that tag add");
	READ(&b, untag, m, m2);
	tap_str(tags(&b.r), "red,round", "a concurrent add of the same tag survives");
	READ(&b, both, m2, m);
	tap_str(tags(&b.r), "blue,round", "adds that were seen all go; tags of all live frames unite");
	tap_str(value(&b.r.text), "t", "and the frame itself lives on");
	finish(&b);
}

static void vectors_follow_their_text(void)
{
	struct bench b = start();
	const struct eng_frame *m1 = MAKE(&b, .kind = ENG_MEMORY, .series = 'A', .stamp = 10, .text = "old",
	                                  .vector = "v-old");
	const struct eng_frame *m2 = MAKE(&b, .kind = ENG_MEMORY, .series = 'B', .stamp = 20, .text = "new");
	const struct eng_frame *late = MAKE(&b, .kind = ENG_REVISION, .series = 'A', .stamp = 30, .vector = "v-new");
	const struct eng_frame *early = MAKE(&b, .kind = ENG_REVISION, .series = 'A', .stamp = 15, .vector = "v-early");
	const struct eng_frame *back = MAKE(&b, .kind = ENG_REVISION, .series = 'C', .stamp = 40, .text = "old");

	READ(&b, m1, m2);
	tap_str(value(&b.r.vector), "-", "hole 13: B's text does not come with A's vector");
	READ(&b, m1, m2, late);
	tap_str(value(&b.r.vector), "v-new", "a vector stated after the text is of the text");
	READ(&b, m1, m2, early);
	tap_str(value(&b.r.vector), "-", "one stated before it is not");
	READ(&b, m1, m2, early, back);
	tap_str(value(&b.r.vector), "v-old", "when the old text is shown again its vector counts again");
	finish(&b);
}

/* Hole 13: one id, several bodies; and a re-import that would flip an edit back. */
static void hole_13_siblings(void)
{
	struct bench b = start();
	const struct eng_frame *a = MAKE(&b, .kind = ENG_MEMORY, .series = 'A', .stamp = 10, .key = "k", .text = "red");
	const struct eng_frame *c = MAKE(&b, .kind = ENG_MEMORY, .series = 'B', .stamp = 11, .key = "k", .text = "blue");
	const struct eng_frame *a2 = MAKE(&b, .kind = ENG_MEMORY, .series = 'C', .stamp = 9, .key = "k", .text = "red");
	const struct eng_frame *edit = MAKE(&b, .kind = ENG_REVISION, .series = 'A', .stamp = 20, .confidence = 9000);
	const struct eng_frame *night = MAKE(&b, .kind = ENG_MEMORY, .series = 'A', .stamp = 30, .key = "k",
	                                     .text = "red", .confidence = 5000, .session = 7);

	READ(&b, a, c);
	tap_str(value(&b.r.text), "blue", "hole 13: of two bodies the newest is shown");
	tap_int(b.r.nconflicts, 1, "hole 13: and the other is a conflict");
	READ(&b, a, c, a2);
	tap_int(b.r.nconflicts, 1, "one conflict for each different body");
	tap_int(b.r.conflicts[0]->stamp, 10, "its newest frame stands for it");
	READ(&b, a, edit, night);
	tap_int(number(&b.r.confidence), 9000, "hole 13: a nightly re-import does not flip an edit back");
	finish(&b);
}

static void rehearsals_are_no_conflicts(void)
{
	struct bench b = start();
	const struct eng_frame *a = MAKE(&b, .kind = ENG_MEMORY, .series = 'A', .stamp = 10, .text = "x", .session = 1,
	                                 .tags = {"p", "q"});
	const struct eng_frame *c = MAKE(&b, .kind = ENG_MEMORY, .series = 'A', .stamp = 20, .text = "x", .session = 2,
	                                 .tags = {"q", "p"});

	READ(&b, a, c);
	tap_int(b.r.nconflicts, 0, "the same said again, by another session, is no conflict");
	tap_int(b.r.nlive_dots, 2, "and two dots");
	tap_ok(b.r.live_dots[0]->stamp == 20, "newest first");
	finish(&b);
}

static void stored_time(void)
{
	struct bench b = start();
	const struct eng_frame *m1 = MAKE(&b, .kind = ENG_MEMORY, .series = 'A', .stamp = 1 << 16, .key = "k", .text = "a");
	const struct eng_frame *m2 = MAKE(&b, .kind = ENG_MEMORY, .series = 'A', .stamp = 2 << 16, .key = "k", .text = "b",
	                                  .refs = {{m1, 0}});
	const struct eng_frame *imported = MAKE(&b, .kind = ENG_MEMORY, .series = 'B', .stamp = 9 << 16, .key = "k",
	                                        .text = "b", .stored_us = 77);
	const struct eng_frame *f = MAKE(&b, .kind = ENG_FORGET, .series = 'A', .stamp = (1 << 16) + 5);

	READ(&b, m1, m2);
	tap_int(b.r.stored_us, 1000, "stored is the first stamp, also of a dot that was replaced");
	READ(&b, m1, m2, f);
	tap_int(b.r.stored_us, 2000, "but of none at or below the last forget");
	READ(&b, imported, m1, m2);
	tap_int(b.r.stored_us, 77, "an imported time goes before");
	finish(&b);
}

/* -- stubs --------------------------------------------------------------------- */

static void stub_and_full(void)
{
	struct bench b = start();
	const struct eng_frame *m = MAKE(&b, .kind = ENG_MEMORY, .series = 'A', .stamp = 10, .text = "secret",
	                                 .tags = {"x"});
	const struct eng_frame *f = MAKE(&b, .kind = ENG_FORGET, .series = 'B', .stamp = 15);
	const struct eng_frame *m2 = MAKE(&b, .kind = ENG_MEMORY, .series = 'B', .stamp = 20, .text = "secret");
	const struct eng_frame *stub = frames_stub(&b.f, m, f);
	struct eng_dot_record **dots;
	struct eng_dot *killers;
	eng_u128 full_sum, stub_sum;
	bool changed;
	size_t n;

	READ(&b, m, f, m2);
	eng_item_digest(&b.item, &full_sum, &b.err);
	tap_int(eng_item_purgeable(&b.item, &dots, &killers, &n, &b.err), 0, "purgeable answers");
	tap_ok(n == 1 && dots[0]->stamp == 10 && killers[0].seq == f->h.seq, "the forgotten body is to be purged");
	READ(&b, stub, f, m2);
	eng_item_digest(&b.item, &stub_sum, &b.err);
	tap_ok(full_sum == stub_sum, "a stub and its full frame give the same digest");
	tap_str(value(&b.r.text), "secret", "and the same reading");
	eng_item_purgeable(&b.item, &dots, &killers, &n, &b.err);
	tap_int(n, 0, "nothing is left to purge");
	eng_item_add(&b.item, &changed, m, false, &b.err);
	tap_ok(changed && !b.item.dots[0].stub, "a full frame replaces a stub");
	eng_item_add(&b.item, &changed, stub, false, &b.err);
	tap_ok(!changed && !b.item.dots[0].stub, "a stub does not replace a full frame");
	eng_item_add(&b.item, &changed, stub, true, &b.err);
	tap_ok(changed && b.item.dots[0].stub && b.item.dots[0].nelements == 0, "unless it is asked to");
	eng_item_add(&b.item, &changed, stub, true, &b.err);
	tap_ok(!changed, "and twice is once");
	finish(&b);
}

static void who_kills(void)
{
	struct bench b = start();
	const struct eng_frame *m = MAKE(&b, .kind = ENG_MEMORY, .series = 'A', .stamp = 10, .key = "k", .text = "a");
	const struct eng_frame *up = MAKE(&b, .kind = ENG_MEMORY, .series = 'A', .stamp = 30, .key = "k", .text = "b",
	                                  .refs = {{m, 0}});
	const struct eng_frame *f1 = MAKE(&b, .kind = ENG_FORGET, .series = 'B', .stamp = 5, .refs = {{up, 0}});
	const struct eng_frame *f2 = MAKE(&b, .kind = ENG_FORGET, .series = 'C', .stamp = 20);
	struct eng_dot_record **dots;
	struct eng_dot *killers;
	size_t n;

	READ(&b, m, up);
	eng_item_purgeable(&b.item, &dots, &killers, &n, &b.err);
	tap_int(n, 0, "what an upsert replaced keeps its bytes");
	READ(&b, m, up, f2, f1);
	eng_item_purgeable(&b.item, &dots, &killers, &n, &b.err);
	tap_int(n, 2, "a forget purges by stamp and by ref");
	tap_ok(killers[0].seq == f2->h.seq && eng_series_cmp(&killers[0].series, &f2->h.series) == 0, "by stamp: f2");
	tap_ok(eng_series_cmp(&killers[1].series, &f1->h.series) == 0, "by ref: f1, the earliest");
	finish(&b);
}

/* -- digests ---------------------------------------------------------------------- */

static eng_u128 digest_of(struct bench *b, const struct eng_frame *const *v, size_t n)
{
	eng_u128 sum = 0;

	read_set(b, v, n);
	if (eng_item_digest(&b->item, &sum, &b->err) != 0)
		tap_ok(false, "digest: %s", b->err.message);
	return sum;
}

#define DIGEST(b, ...) \
	digest_of(b, (const struct eng_frame *const[]){__VA_ARGS__}, \
	          sizeof((const struct eng_frame *const[]){__VA_ARGS__}) / sizeof(struct eng_frame *))

static void digests_add_up(void)
{
	struct bench b = start();
	const struct eng_frame *m = MAKE(&b, .kind = ENG_MEMORY, .series = 'A', .stamp = 10, .text = "x", .tags = {"t"});
	const struct eng_frame *f = MAKE(&b, .kind = ENG_FORGET, .series = 'A', .stamp = 15);
	const struct eng_frame *g = MAKE(&b, .kind = ENG_FORGET, .series = 'B', .stamp = 16, .refs = {{f, 0}});
	const struct eng_frame *r1 = MAKE(&b, .kind = ENG_REVISION, .series = 'A', .stamp = 20, .refs = {{m, 2}});
	const struct eng_frame *r2 = MAKE(&b, .kind = ENG_REVISION, .series = 'B', .stamp = 20, .refs = {{m, 2}});

	tap_ok(DIGEST(&b, m, f, g) == DIGEST(&b, f) + DIGEST(&b, g), "a dead memory adds nothing, a named forget does");
	tap_ok(DIGEST(&b, m, r1) != DIGEST(&b, m) + DIGEST(&b, r1), "a removed tag changes what its frame adds");
	tap_ok(DIGEST(&b, m, r1, r2) == DIGEST(&b, m, r1) + DIGEST(&b, r2), "removed twice is removed once");
	finish(&b);
}

/* -- what is refused ------------------------------------------------------------- */

static void refused(void)
{
	struct bench b = start();
	struct engram_id greater = {{0xff}};
	const struct eng_frame *m = MAKE(&b, .kind = ENG_MEMORY, .series = 'A', .stamp = 10, .text = "a", .confidence = 5);
	const struct eng_frame *f = MAKE(&b, .kind = ENG_FORGET, .series = 'A', .stamp = 11, .other_subject = &greater);
	struct eng_frame bad;
	uint8_t *payload = malloc(m->h.payload_len);
	bool changed;

	eng_item_init(&b.item, &greater, &b.arena);
	tap_int(eng_item_add(&b.item, &changed, m, false, &b.err), ENGRAM_EINPUT, "a frame about another id is refused");
	tap_int(eng_item_add(&b.item, &changed, f, false, &b.err), 0, "one about several ids is not");
	eng_item_init(&b.item, &frames_id, &b.arena);
	memcpy(payload, m->payload, m->h.payload_len);
	eng_set32(payload, 7);
	bad = *m;
	bad.payload = payload;
	tap_int(eng_item_add(&b.item, &changed, &bad, false, &b.err), ENGRAM_EINPUT, "a broken prelude is refused");
	memcpy(payload, m->payload, m->h.payload_len);
	eng_set16(payload + 24, ENG_EL_KIND); /* the text of one byte becomes a kind of one byte */
	tap_int(eng_item_add(&b.item, &changed, &bad, false, &b.err), ENGRAM_EINPUT, "a kind of one byte is refused");
	tap_ok(strstr(b.err.message, "wanted 4 bytes, found 1") != NULL, "and the message says why: %s", b.err.message);
	bad = *f;
	bad.h.flags = ENG_FLAG_STUB;
	tap_int(eng_item_add(&b.item, &changed, &bad, false, &b.err), ENGRAM_EINPUT, "a stubbed forget is refused");
	tap_int(b.item.ndots, 0, "and the item is as before");
	bad = *m;
	bad.h.kind = ENG_HIDE;
	tap_ok(eng_item_add(&b.item, &changed, &bad, false, &b.err) == 0 && !changed, "a kind it does not know is left");
	bad = *m;
	bad.h.version = 2;
	tap_ok(eng_item_add(&b.item, &changed, &bad, false, &b.err) == 0 && !changed, "and a version it does not know");
	free(payload);
	finish(&b);
}

static void empty_item(void)
{
	struct bench b = start();
	eng_u128 sum = 1;

	eng_item_init(&b.item, &frames_id, &b.arena);
	tap_int(eng_item_read(&b.item, &b.r, &b.err), 0, "an item without dots reads");
	tap_ok(!b.r.live && b.r.nlive_dots == 0, "as not live");
	tap_ok(eng_item_digest(&b.item, &sum, &b.err) == 0 && sum == 0, "and adds 0 to the digest");
	finish(&b);
}

int main(void)
{
	one_memory();
	forget_by_stamp();
	hole_03_forget_comes_last();
	hole_03_knowing_and_concurrent();
	hole_04_store_beside_forget();
	hole_11_forget_below_what_was_seen();
	refs_of_the_dead_count();
	refs_to_what_is_not_there();
	runs_wait_for_their_cut();
	revisions_first();
	concurrent_revisions();
	plain_store_after_a_revision();
	newest_by_series_and_seq();
	clearing();
	element_refs();
	vectors_follow_their_text();
	hole_13_siblings();
	rehearsals_are_no_conflicts();
	stored_time();
	stub_and_full();
	who_kills();
	digests_add_up();
	refused();
	empty_item();
	return tap_done();
}
