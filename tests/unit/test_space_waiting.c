/* test_space_waiting.c - what was received and has to wait: frames from the future, stubs
 * before their forget, critical frames of unknown kinds.  And what ends it. */
#include "../lib/byhand.h"

#include "../lib/failalloc.h"

#include "frame/hlc.h"

/* The one series that waits, and why. */
static bool waits(struct spaces *s, const struct author *a, uint64_t seq, uint64_t frames, enum engram_wait wait,
                  struct engram_waiting *out)
{
	struct engram_standing at = {0};
	bool right;

	spaces_must(engram_standing(s->space, &at, &err), "standing", &err);
	right = at.nwaiting == 1 && memcmp(at.waiting->at.series, a->series.b, 16) == 0 && at.waiting->at.seq == seq &&
	        at.waiting->frames == frames && at.waiting->wait == wait;
	if (at.nwaiting)
		*out = *at.waiting;
	engram_standing_free(&at);
	return right;
}

static void test_held(void)
{
	struct spaces s = {0};
	struct eng_buf b = ENG_BUF_INIT;
	struct author a;
	struct engram_id id;
	struct engram_waiting why = {0};
	eng_stamp ahead = now_and(3600000);
	char *before, *after;

	spaces_open(&s, "held", ENGRAM_CREATE);
	a = author(&s, 0x11);
	lay(&b, &a, ENG_MEMORY, 0, now_and(-1000), id_of(1), "near", NULL);
	lay(&b, &a, ENG_MEMORY, 0, ahead, id_of(2), "an hour ahead", NULL);
	lay(&b, &a, ENG_MEMORY, 0, ahead + 1, id_of(3), "behind it", NULL);
	tap_int(receive(&s, &a, &b), 0, "frames of a clock an hour ahead are received");
	tap_int(memories(&s), 1, "what it stamped so far is not shown");
	tap_int(held(&s), 2, "but counted");
	tap_ok(waits(&s, &a, 2, 2, ENGRAM_WAIT_CLOCK, &why) && why.until_us > 0 &&
	               why.until_us == eng_hlc_release_us(ahead, ENG_HOLD_BOUND_MS), "until its time has come");
	id = spaces_put(&s, "here and now");
	spaces_must(spaces_run(&s, ENGRAM_APPLY), "apply", &s.err);
	tap_int(memories(&s), 2, "nor after apply");
	before = spaces_listing(&s);
	spaces_must(spaces_run(&s, ENGRAM_REBUILD), "rebuild", &s.err);
	after = spaces_listing(&s);
	tap_str(after, before, "nor after a rebuild");
	free(before);
	free(after);
	spaces_forget(&s, &id, 1);
	id = id_of(1);
	spaces_forget(&s, &id, 1);
	tap_int(memories(&s), 0, "a stamp given now exceeds what is shown");
	{
		struct eng_exchange *x = lend(&s);
		const struct eng_position *p;
		size_t n, mine = 0;
		spaces_must(eng_exchange_received(x, &p, &n, &err), "received", &err);
		for (size_t i = 0; i < n; i++)
			mine += eng_series_cmp(&p[i].series, &a.series) == 0 && p[i].seq == 3 && p[i].header_check == a.prev;
		tap_int(mine, 1, "and it is passed on");
		eng_exchange_close(x);
	}
	tap_int(spaces_run(&s, ENGRAM_CHECK), 0, "sound: %s", s.err.message);
	eng_buf_free(&b);
	spaces_close(&s);
}

static int64_t two_hours_on(void *ctx)
{
	(void)ctx;
	return eng_sys_posix()->clock.wall_us(eng_sys_posix()->clock.ctx) + 7200000000;
}

/* A memory is forgotten while a later word about it is held. */
static void test_forget_held(void)
{
	struct spaces s = {0};
	struct eng_buf b = ENG_BUF_INIT;
	struct engram_id id = id_of(1);
	struct eng_sys later;
	struct author a;

	spaces_open(&s, "forgetheld", ENGRAM_CREATE);
	a = author(&s, 0x11);
	lay(&b, &a, ENG_MEMORY, 0, now_and(-1000), id_of(1), "shown", NULL);
	lay(&b, &a, ENG_MEMORY, 0, now_and(3600000), id_of(1), "an hour ahead", NULL);
	lay(&b, &a, ENG_MEMORY, 0, now_and(3600001), id_of(2), "another", NULL);
	lay(&b, &a, ENG_REVISION, 0, now_and(3600002), id_of(1), "a revision", NULL);
	tap_int(receive(&s, &a, &b), 0, "two words about a memory are held");
	spaces_forget(&s, &id, 1);
	tap_int(memories(&s), 0, "it is forgotten");
	later = *s.space->sys;
	later.clock.wall_us = two_hours_on;
	s.space->sys = &later;
	tap_int(held(&s), 0, "when their time comes nothing is held");
	tap_int(memories(&s), 1, "but what was forgotten is not back, only the other is");
	spaces_must(spaces_run(&s, ENGRAM_COMPACT), "compact", &s.err);
	tap_int(spaces_run(&s, ENGRAM_CHECK), 0, "sound: %s", s.err.message);
	eng_buf_free(&b);
	s.space->sys = eng_sys_posix();
	spaces_close(&s);
}

/* O: 2 is a stub, killed by A 2; A: 1 is a stub, killed by O 3. */
static void test_stubs(void)
{
	struct spaces s = {0};
	struct eng_buf o = ENG_BUF_INIT, a = ENG_BUF_INIT, rest = ENG_BUF_INIT;
	struct eng_position want = {0};
	struct author O, A;
	struct engram_waiting why = {0};
	struct eng_dot by_a, by_o;

	spaces_open(&s, "stubs", ENGRAM_CREATE);
	O = author(&s, 0x22);
	A = author(&s, 0x33);
	by_a = (struct eng_dot){A.series, 2};
	by_o = (struct eng_dot){O.series, 3};
	lay(&o, &O, ENG_MEMORY, 0, now_and(-5000), id_of(1), "stays", NULL);
	lay(&o, &O, ENG_MEMORY, 0, now_and(-4000), id_of(2), "forgotten by a", &by_a);
	lay(&o, &O, ENG_FORGET, 0, now_and(-2000), id_of(3), NULL, NULL);
	lay(&o, &O, ENG_MEMORY, 0, now_and(-1900), id_of(4), "later", NULL);
	lay(&a, &A, ENG_MEMORY, 0, now_and(-4500), id_of(3), "forgotten by o", &by_o);
	tap_int(receive(&s, &O, &o), 0, "a stub whose forget is elsewhere");
	tap_int(memories(&s), 1, "what lies before it is shown");
	tap_int(held(&s), 3, "it waits, and what follows");
	tap_ok(waits(&s, &O, 2, 3, ENGRAM_WAIT_FORGET, &why) && why.has_id && why.id.b[0] == id_of(2).b[0],
	       "for the forget of its memory");
	tap_int(wanted(&s, &want), 1, "and the frame itself would do");
	tap_ok(want.seq == 2 && eng_series_cmp(&want.series, &O.series) == 0, "which is named");
	tap_int(receive(&s, &A, &a), 0, "a second one that waits for the first series");
	tap_int(memories(&s), 1, "neither comes");
	tap_int(wanted(&s, &want), 1, "one forget is there, though it waits");
	lay(&rest, &A, ENG_FORGET, 0, now_and(-3000), id_of(2), NULL, NULL);
	tap_int(receive(&s, &A, &rest), 0, "the forget");
	tap_int(held(&s), 0, "ends it for both");
	tap_int(memories(&s), 2, "all is shown");
	tap_int(wanted(&s, &want), 0, "and nothing wanted");
	spaces_must(spaces_run(&s, ENGRAM_REBUILD), "rebuild", &s.err);
	tap_int(memories(&s), 2, "after a rebuild too");
	tap_int(spaces_run(&s, ENGRAM_CHECK), 0, "sound: %s", s.err.message);
	eng_buf_free(&o);
	eng_buf_free(&a);
	eng_buf_free(&rest);
	spaces_close(&s);
}

/* The forget never comes, but a peer has the frame. */
static void test_mend(void)
{
	struct spaces s = {0};
	struct eng_buf b = ENG_BUF_INIT, whole = ENG_BUF_INIT;
	struct eng_position want = {0};
	struct eng_exchange *x;
	struct author a, twin;
	struct eng_dot nobody = {{{0x77}}, 9};

	spaces_open(&s, "mend", ENGRAM_CREATE);
	a = author(&s, 0x66);
	lay(&b, &a, ENG_MEMORY, 0, now_and(-5000), id_of(1), "first", NULL);
	twin = a;
	lay(&b, &a, ENG_MEMORY, 0, now_and(-4000), id_of(2), "whole elsewhere", &nobody);
	lay(&whole, &twin, ENG_MEMORY, 0, now_and(-4000), id_of(2), "whole elsewhere", NULL);
	memcpy(whole.p + 48, b.p + b.n - whole.n + 48, 8); /* the same stamp */
	{
		struct eng_header h;
		eng_header_decode(&h, whole.p);
		eng_header_encode(whole.p, &h);
	}
	tap_int(receive(&s, &a, &b), 0, "a stub whose forget is nowhere");
	lay(&b, &a, ENG_MEMORY, 0, now_and(-3000), id_of(3), "last", NULL);
	tap_int(receive(&s, &a, &b), 0, "and a frame behind it");
	tap_int(wanted(&s, &want), 1, "is wanted whole");
	x = lend(&s);
	whole.p[whole.n - 20] ^= 1;
	tap_int(eng_exchange_mend(x, whole.p, whole.n, &err), ENGRAM_EINPUT, "a damaged one is refused");
	whole.p[whole.n - 20] ^= 1;
	tap_int(eng_exchange_mend(x, b.p, (size_t)eng_frame_size(eng_get32(b.p + 8)), &err), 0,
	        "one held whole changes nothing");
	tap_int(eng_exchange_mend(x, whole.p, whole.n, &err), 0, "the whole one takes its place: %s", err.message);
	eng_exchange_close(x);
	tap_int(wanted(&s, &want), 0, "nothing is wanted any more");
	tap_int(memories(&s), 3, "all is shown");
	tap_int(spaces_run(&s, ENGRAM_REBUILD | ENGRAM_CHECK), 0, "sound: %s", s.err.message);
	eng_buf_free(&b);
	eng_buf_free(&whole);
	spaces_close(&s);
}

/* Links have no subject: that another forget killed them elsewhere is known from the
 * stub of who has that one. */
static void test_mend_by_stub(void)
{
	const eng_stamp at = now_and(-4000);
	struct eng_buf b = ENG_BUF_INIT, stub = ENG_BUF_INIT, forged = ENG_BUF_INIT, forget = ENG_BUF_INIT;
	struct eng_dot nobody = {{{0x77}}, 9}, first, behind;
	struct author a, z, twin;
	struct eng_position want = {0};
	struct spaces s = {0};
	struct eng_exchange *x;

	spaces_open(&s, "mendstub", ENGRAM_CREATE);
	a = author(&s, 0x66);
	a.bare = true;
	twin = a;
	z = author(&s, 0x67);
	first = (struct eng_dot){z.series, 1};
	behind = (struct eng_dot){a.series, 2};
	lay(&b, &a, ENG_EDGE, 0, at, id_of(2), "links", &nobody);
	lay(&stub, &twin, ENG_EDGE, 0, at, id_of(2), "links", &first);
	twin.seq = 0;
	lay(&forged, &twin, ENG_EDGE, 0, at, id_of(2), "links", &behind);
	memcpy(forged.p, stub.p, ENG_FRAME_HEADER);
	a.bare = false;
	lay(&b, &a, ENG_MEMORY, 0, at + 1, id_of(4), "behind it", NULL);
	lay(&forget, &z, ENG_FORGET, 0, at + 2, id_of(2), NULL, NULL);
	tap_int(receive(&s, &a, &b), 0, "a stub of links whose forget is nowhere, and a frame behind it");
	x = lend(&s);
	tap_int(eng_exchange_mend(x, stub.p, stub.n, &err), 0, "another store's stub, before the forget that it names");
	eng_exchange_close(x);
	tap_int(wanted(&s, &want), 1, "changes nothing");
	tap_int(receive(&s, &z, &forget), 0, "that forget comes");
	tap_int(held(&s), 2, "and the stub here does not know it");
	x = lend(&s);
	tap_int(eng_exchange_mend(x, forged.p, forged.n, &err), 0, "a stub that names what is no forget");
	eng_exchange_close(x);
	tap_int(held(&s), 2, "changes nothing");
	x = lend(&s);
	tap_int(eng_exchange_mend(x, stub.p, stub.n, &err), 0, "the other store's stub takes its place: %s", err.message);
	eng_exchange_close(x);
	tap_int(wanted(&s, &want), 0, "nothing is wanted any more");
	tap_int(held(&s), 0, "nothing waits");
	tap_int(memories(&s), 1, "what was behind it is shown");
	tap_int(spaces_run(&s, ENGRAM_REBUILD | ENGRAM_CHECK), 0, "sound: %s", s.err.message);
	eng_buf_free(&b);
	eng_buf_free(&stub);
	eng_buf_free(&forged);
	eng_buf_free(&forget);
	spaces_close(&s);
}

/* The forget was lost with the only disk that had it, and the whole frame too: what
 * else says that the memory is dead will do. */
static void test_orphans(void)
{
	const eng_stamp at = now_and(-9000);
	static const struct {
		const char *what;
		uint8_t kind;
		int64_t later;
		bool ref;
		uint64_t held;
	} cases[] = {
	        {"another forget at its stamp", ENG_FORGET, 0, false, 0},
	        {"an earlier one", ENG_FORGET, -1, false, 2},
	        {"an earlier one that names it", ENG_FORGET, -1, true, 0},
	        {"a memory of that id", ENG_MEMORY, 5, false, 2},
	        {"one that replaced it", ENG_MEMORY, 5, true, 0},
	};

	for (size_t i = 0; i < ENG_COUNT(cases); i++)
		for (int applied = 0; applied < 2; applied++) {
			struct eng_buf b = ENG_BUF_INIT, other = ENG_BUF_INIT;
			struct eng_dot lost = {{{0x77}}, 9};
			struct eng_position want = {0};
			struct author o, z;
			struct spaces s = {0};
			char name[32];

			snprintf(name, sizeof name, "orphan%zu%d", i, applied);
			spaces_open(&s, name, ENGRAM_CREATE);
			o = author(&s, 0x66);
			z = author(&s, 0x67);
			lay(&b, &o, ENG_MEMORY, 0, at, id_of(2), "forgotten", &lost);
			if (cases[i].ref)
				z.ref = (struct eng_ref){{o.series, 1}, o.prev, 0};
			lay(&b, &o, ENG_MEMORY, 0, at + 1, id_of(4), "behind it", NULL);
			lay(&other, &z, cases[i].kind, 0, at + (eng_stamp)cases[i].later, id_of(2),
			    cases[i].kind == ENG_MEMORY ? "again" : NULL, NULL);
			spaces_must(receive(&s, &z, &other), "receive", &err);
			if (applied)
				spaces_must(spaces_run(&s, ENGRAM_REBUILD), "rebuild", &s.err);
			spaces_must(receive(&s, &o, &b), "receive", &err);
			tap_int((long)held(&s), (long)cases[i].held, "a stub, and %s%s", applied ? "in the state " : "", cases[i].what);
			tap_int((long)wanted(&s, &want), cases[i].held != 0, "it is wanted only if it waits");
			tap_int((long)memories(&s), (cases[i].held == 0) + (cases[i].kind == ENG_MEMORY), "as much is shown");
			spaces_must(spaces_run(&s, ENGRAM_APPLY), "apply", &s.err);
			tap_int((long)memories(&s), (cases[i].held == 0) + (cases[i].kind == ENG_MEMORY), "after apply, too");
			tap_int(spaces_run(&s, ENGRAM_REBUILD | ENGRAM_CHECK), 0, "sound: %s", s.err.message);
			eng_buf_free(&b);
			eng_buf_free(&other);
			spaces_close(&s);
		}
}

/* Nothing else is there: forgetting it once more ends it, and it never comes back. */
static void test_forget_orphan(void)
{
	struct eng_buf b = ENG_BUF_INIT, whole = ENG_BUF_INIT;
	struct eng_dot lost = {{{0x77}}, 9};
	struct engram_id id = id_of(2);
	struct spaces s = {0};
	struct author o, twin;

	spaces_open(&s, "forgetorphan", ENGRAM_CREATE);
	o = twin = author(&s, 0x66);
	lay(&b, &o, ENG_MEMORY, 0, now_and(20000), id, "forgotten", &lost);
	lay(&b, &o, ENG_MEMORY, 0, now_and(20001), id_of(4), "behind it", NULL);
	lay(&whole, &twin, ENG_MEMORY, 0, now_and(3600000), id, "held", NULL);
	spaces_must(receive(&s, &o, &b), "receive", &err);
	tap_int((long)held(&s), 2, "a stub whose forget nobody has, of a clock that is ahead");
	spaces_forget(&s, &id, 1);
	tap_int((long)held(&s), 0, "its memory is forgotten once more: it waits no longer");
	tap_int((long)memories(&s), 1, "what was behind it is shown");
	tap_int(spaces_run(&s, ENGRAM_REBUILD | ENGRAM_CHECK), 0, "sound: %s", s.err.message);
	eng_buf_free(&b);
	eng_buf_free(&whole);
	spaces_close(&s);
}

/* The series of the forget was forked: one of its branches has the forget, another has
 * something else of that number. */
static void test_killer_in_branch(void)
{
	for (int order = 0; order < 2; order++) {
		struct eng_buf f = ENG_BUF_INIT, m = ENG_BUF_INIT, root = ENG_BUF_INIT, o = ENG_BUF_INIT;
		struct author k, twin, a;
		struct eng_dot killer;
		struct spaces s = {0};
		struct eng_exchange *x;
		struct eng_dot fork;

		spaces_open(&s, order ? "branch1" : "branch0", ENGRAM_CREATE);
		k = author(&s, 0x33);
		a = author(&s, 0x66);
		lay(&root, &k, ENG_MEMORY, 0, now_and(-9000), id_of(1), "root", NULL);
		twin = k;
		lay(&f, &k, ENG_FORGET, 0, now_and(-3000), id_of(2), NULL, NULL);
		lay(&m, &twin, ENG_MEMORY, 0, now_and(-3000 + order), id_of(3), "twin", NULL);
		killer = (struct eng_dot){k.series, 2};
		fork = (struct eng_dot){k.series, 2};
		lay(&o, &a, ENG_MEMORY, 0, now_and(-5000), id_of(2), "forgotten", &killer);
		lay(&o, &a, ENG_MEMORY, 0, now_and(-4000), id_of(4), "behind it", NULL);
		spaces_must(receive(&s, &k, &root), "receive", &err);
		spaces_must(receive(&s, &twin, order ? &m : &f), "receive", &err);
		x = lend(&s);
		spaces_must(eng_exchange_forked(x, &fork, 1, 2, &err), "fork", &err);
		eng_exchange_close(x);
		eng_branch_name(&twin.series, (order ? &f : &m)->p);
		if (order == 0)
			spaces_must(receive(&s, &twin, &m), "receive", &err);
		spaces_must(receive(&s, &a, &o), "receive", &err);
		if (order)
			tap_int((long)held(&s), 2, "the other branch's frame of that number is no forget");
		if (order)
			spaces_must(receive(&s, &twin, &f), "receive", &err);
		tap_int((long)held(&s), 0, "the forget lies in a branch of a forked series");
		tap_int((long)memories(&s), 3, "all is shown");
		tap_int(spaces_run(&s, ENGRAM_REBUILD | ENGRAM_CHECK), 0, "sound: %s", s.err.message);
		eng_buf_free(&f);
		eng_buf_free(&m);
		eng_buf_free(&root);
		eng_buf_free(&o);
		spaces_close(&s);
	}
}

/* -- memory runs out ----------------------------------------------------------------- */

static int count_frame(void *data, const struct engram_frame *f)
{
	++*(unsigned *)data;
	(void)f;
	return 0;
}

static int tell(struct engram_space *space, struct engram_error *e)
{
	struct engram_standing at = {0};
	struct engram_position *again = NULL;
	char *text = NULL;
	unsigned frames = 0;
	size_t n;
	int r = engram_standing(space, &at, e);

	if (r == 0)
		r = engram_position_format(&text, at.received, at.nreceived, e);
	if (r == 0)
		r = engram_position_parse(&again, &n, text, e);
	if (r == 0)
		r = engram_frames(space, NULL, 0, NULL, count_frame, &frames, e);
	engram_free(text);
	engram_free(again);
	engram_standing_free(&at);
	return r;
}

static int take_again(struct engram_space *space, const struct eng_buf *b, struct engram_error *e)
{
	const struct eng_position *stubs;
	const struct eng_dot *forks;
	struct eng_exchange *x = NULL;
	struct eng_series series;
	uint64_t taken;
	size_t n;
	int r = eng_exchange_open(&x, space, true, e);

	memcpy(series.b, b->p + 16, sizeof series.b);
	if (r == 0)
		r = eng_exchange_forks(x, &forks, &n, e);
	if (r == 0)
		r = eng_exchange_receive(x, &taken, &series, b->p, b->n, e);
	if (r == 0)
		r = eng_exchange_flush(x, e);
	if (r == 0)
		r = eng_exchange_wanted(x, &stubs, &n, e);
	eng_exchange_close(x);
	return r;
}

static int open_and_tell(void *data)
{
	struct engram_error e = {0};
	struct spaces s = {0};
	int r = engram_home_open(&s.home, tmpdir_path("home"), &e);

	if (r == 0)
		r = engram_space_open(&s.space, s.home, "nomem", ENGRAM_WRITE, 5000, &e);
	if (r == 0)
		r = tell(s.space, &e);
	if (r == 0)
		r = take_again(s.space, data, &e);
	engram_space_close(s.space);
	engram_home_close(s.home);
	return r;
}

static void test_nomem(void)
{
	struct eng_buf b = ENG_BUF_INIT, other = ENG_BUF_INIT;
	struct eng_dot lost = {{{0x77}}, 9};
	struct spaces s = {0};
	struct author o, z;

	spaces_open(&s, "nomem", ENGRAM_CREATE);
	o = author(&s, 0x66);
	z = author(&s, 0x67);
	lay(&b, &o, ENG_MEMORY, 0, now_and(-9000), id_of(2), "forgotten", &lost);
	lay(&b, &o, ENG_MEMORY, 0, now_and(-8000), id_of(4), "behind it", NULL);
	lay(&other, &z, ENG_FORGET, 0, now_and(-9500), id_of(2), NULL, NULL);
	lay(&other, &z, ENG_MEMORY, 0, now_and(3600000), id_of(5), "an hour ahead", NULL);
	spaces_must(receive(&s, &o, &b), "receive", &err);
	spaces_must(receive(&s, &z, &other), "receive", &err);
	tap_int((long)held(&s), 3, "a space in which two series wait");
	spaces_close(&s);
	failalloc_each(open_and_tell, &b, "telling how far it is, and hearing it again,");
	spaces_open(&s, "nomem", ENGRAM_WRITE);
	tap_int((long)held(&s), 3, "and it is as it was");
	eng_buf_free(&b);
	eng_buf_free(&other);
	spaces_close(&s);
}

static void test_unknown(void)
{
	struct spaces s = {0};
	struct eng_buf b = ENG_BUF_INIT;
	struct author a;
	struct engram_waiting why = {0};

	spaces_open(&s, "unknown", ENGRAM_CREATE);
	a = author(&s, 0x44);
	lay(&b, &a, 99, 0, now_and(-5000), id_of(1), "of a kind to come", NULL);
	lay(&b, &a, ENG_MEMORY, 0, now_and(-4000), id_of(2), "known", NULL);
	lay(&b, &a, 98, ENG_FLAG_CRITICAL, now_and(-3000), id_of(3), "not to be passed over", NULL);
	lay(&b, &a, ENG_MEMORY, 0, now_and(-2000), id_of(4), "behind it", NULL);
	tap_int(receive(&s, &a, &b), 0, "frames of kinds to come are received");
	tap_int(memories(&s), 1, "a critical one stops its series");
	tap_int(held(&s), 2, "there");
	tap_ok(waits(&s, &a, 3, 2, ENGRAM_WAIT_VERSION, &why), "for a program that knows it");
	tap_int(spaces_run(&s, ENGRAM_REBUILD | ENGRAM_CHECK), 0, "sound: %s", s.err.message);
	eng_buf_free(&b);
	spaces_close(&s);
}

int main(void)
{
	tmpdir_begin("waiting");
	test_held();
	test_forget_held();
	test_stubs();
	test_mend();
	test_mend_by_stub();
	test_orphans();
	test_forget_orphan();
	test_killer_in_branch();
	test_nomem();
	test_unknown();
	tmpdir_end();
	return tap_done();
}
