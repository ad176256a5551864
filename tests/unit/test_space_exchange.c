/* test_space_exchange.c - two and three spaces that exchange frames.
 *
 * Stores write apart; their frames are carried over in random pieces, in random
 * order, some of them twice.  In the end all show the same and have the same
 * digest, whatever was applied, rebuilt or compacted on the way.
 *
 * The seed is printed; ENGRAM_TEST_SEED runs one again. */
#include "../lib/carry.h"
#include "base/hash.h"
#include "base/le.h"
#include "base/rng.h"
#include "frame/hlc.h"
#include "space/space_int.h"

enum { STORES = 3, RUNS = 6, STEPS = 60 };

static struct engram_error err;

/* -- carrying -------------------------------------------------------------------- */

/* Some random pieces. */
static void carry_some(struct spaces *to, struct spaces *from, struct eng_rng *rng, unsigned pieces)
{
	struct eng_exchange *x = lend(to), *y = lend(from);

	while (pieces--) {
		const struct eng_position *theirs, *mine;
		size_t n, nmine;

		spaces_must(eng_exchange_received(y, &theirs, &n, &err), "received", &err);
		spaces_must(eng_exchange_received(x, &mine, &nmine, &err), "received", &err);
		if (n) {
			const struct eng_position *p = &theirs[eng_rng_below(rng, n)];
			uint64_t head = seq_of(mine, nmine, &p->series), again = eng_rng_below(rng, 4);
			if (head <= p->seq)
				carry(x, y, p, head > again ? head - again : 0, (size_t)eng_rng_below(rng, 2000), &err);
		}
		if (eng_rng_below(rng, 3) == 0)
			spaces_must(eng_exchange_flush(x, &err), "flush", &err);
	}
	spaces_must(eng_exchange_flush(x, &err), "flush", &err);
	eng_exchange_close(x);
	eng_exchange_close(y);
}

/* -- stores ------------------------------------------------------------------------ */

static const char *const names[STORES] = {"a", "b", "c"};

/* Of one space: the first makes it, the others take its id. */
static void begin(struct spaces *s)
{
	struct engram_space_info info;

	for (size_t i = 0; i < STORES; i++) {
		s[i] = (struct spaces){0};
		spaces_open(&s[i], names[i], ENGRAM_CREATE);
	}
	spaces_must(engram_space_info(s[0].space, &info, &err), "info", &err);
	for (size_t i = 1; i < STORES; i++)
		spaces_must(engram_space_adopt(s[i].space, &info.id, info.created_us, &err), "adopt", &err);
}

static void end(struct spaces *s)
{
	for (size_t i = 0; i < STORES; i++) {
		engram_space_close(s[i].space);
		spaces_must(engram_space_drop(s[i].home, names[i], 5000, &err), "drop", &err);
		engram_home_close(s[i].home);
	}
}

static void write_one(struct spaces *s, struct eng_rng *rng)
{
	char text[64];
	struct engram_id id;

	snprintf(text, sizeof text, "note %u of the team", (unsigned)eng_rng_below(rng, 12));
	id = spaces_put(s, text);
	if (eng_rng_below(rng, 4) == 0)
		spaces_forget(s, &id, 1);
}

static void step(struct spaces *s, struct eng_rng *rng)
{
	size_t i = eng_rng_below(rng, STORES), j = eng_rng_below(rng, STORES);

	switch (eng_rng_below(rng, 10)) {
	case 0:
		spaces_must(spaces_run(&s[i], ENGRAM_APPLY), "apply", &s[i].err);
		break;
	case 1:
		spaces_must(spaces_run(&s[i], ENGRAM_COMPACT), "compact", &s[i].err);
		break;
	case 2:
		spaces_must(spaces_run(&s[i], ENGRAM_REBUILD), "rebuild", &s[i].err);
		break;
	case 3:
	case 4:
	case 5:
		if (i != j)
			carry_some(&s[i], &s[j], rng, 1 + (unsigned)eng_rng_below(rng, 6));
		break;
	default:
		write_one(&s[i], rng);
	}
}

static void test_lives(uint64_t seed)
{
	int different = 0, unsound = 0;

	for (unsigned run = 0; run < RUNS; run++) {
		struct eng_rng rng;
		struct spaces s[STORES];
		char *first, *other;

		eng_rng_seed(&rng, seed + run);
		begin(s);
		for (unsigned i = 0; i < STEPS; i++)
			step(s, &rng);
		for (size_t i = 1; i < STORES; i++)
			carry_all(&s[0], &s[i]);
		for (size_t i = 1; i < STORES; i++)
			carry_all(&s[i], &s[0]);
		first = spaces_listing(&s[0]);
		for (size_t i = 1; i < STORES; i++) {
			other = spaces_listing(&s[i]);
			if (strcmp(first, other) != 0 && !different++)
				printf("# run %u: %s shows\n%s\n# %s shows\n%s\n", run, names[0], first, names[i], other);
			free(other);
		}
		free(first);
		for (size_t i = 0; i < STORES; i++)
			unsound += spaces_run(&s[i], ENGRAM_CHECK) != 0;
		end(s);
	}
	tap_int(different, 0, "stores that hold the same frames show the same, %d lives from seed %" PRIu64, RUNS, seed);
	tap_int(unsound, 0, "and all their files are sound");
}

/* -- what waits ---------------------------------------------------------------------- */

/* Frames made by hand: series `name`, its next seq. */
struct author {
	struct eng_series series;
	struct engram_id space;
	uint64_t seq;
	uint32_t prev;
};

static void lay(struct eng_buf *b, struct author *a, uint8_t kind, uint8_t flags, eng_stamp stamp, struct engram_id id,
                const char *text, const struct eng_dot *killer)
{
	struct eng_buf payload = ENG_BUF_INIT;
	struct eng_payload_out o;
	struct eng_header h = {.version = ENG_FRAME_VERSION, .kind = kind, .flags = flags, .series = a->series,
	                       .prev = a->prev, .space_check = eng_frame_space_check(&a->space), .seq = ++a->seq,
	                       .stamp = stamp};
	size_t at = b->n;

	eng_payload_begin(&o, &payload, &id, 1, NULL, 0, NULL);
	if (text)
		eng_payload_element(&o, ENG_EL_TEXT, text, strlen(text));
	h.payload_len = (uint32_t)eng_payload_end(&o);
	h.payload_check = XXH3_64bits(payload.p, payload.n);
	if (killer && eng_stub_make(payload.p, payload.n, killer) == 0)
		h.flags |= ENG_FLAG_STUB;
	eng_buf_zero(b, ENG_FRAME_HEADER);
	eng_header_encode(b->p + at, &h);
	eng_buf_add(b, payload.p, payload.n);
	eng_buf_align8(b);
	a->prev = h.header_check;
	eng_buf_free(&payload);
}

static int receive(struct spaces *s, const struct author *a, const struct eng_buf *b)
{
	struct eng_exchange *x = lend(s);
	uint64_t taken;
	int r = eng_exchange_receive(x, &taken, &a->series, b->p, b->n, &err);

	if (r == 0)
		r = eng_exchange_flush(x, &err);
	eng_exchange_close(x);
	return r;
}

static uint64_t held(struct spaces *s)
{
	struct eng_exchange *x = lend(s);
	struct eng_standing now;

	spaces_must(eng_exchange_standing(x, &now, &err), "standing", &err);
	eng_exchange_close(x);
	return now.held;
}

static size_t wanted(struct spaces *s, struct eng_position *first)
{
	struct eng_exchange *x = lend(s);
	const struct eng_position *p;
	size_t n;

	spaces_must(eng_exchange_wanted(x, &p, &n, &err), "wanted", &err);
	if (n)
		*first = p[0];
	eng_exchange_close(x);
	return n;
}

static uint64_t memories(struct spaces *s)
{
	struct engram_space_info info;

	spaces_must(engram_space_info(s->space, &info, &err), "info", &err);
	return info.memories;
}

static struct author author(struct spaces *s, uint8_t name)
{
	struct engram_space_info info;
	struct author a = {0};

	spaces_must(engram_space_info(s->space, &info, &err), "info", &err);
	a.space = info.id;
	memset(a.series.b, name, sizeof a.series.b);
	return a;
}

static eng_stamp now_and(int64_t ms)
{
	return (eng_stamp)(eng_sys_posix()->clock.wall_us(eng_sys_posix()->clock.ctx) / 1000 + ms) << 16;
}

static struct engram_id id_of(uint8_t b)
{
	struct engram_id id;

	memset(id.b, b, sizeof id.b);
	return id;
}

static void test_held(void)
{
	struct spaces s = {0};
	struct eng_buf b = ENG_BUF_INIT;
	struct author a;
	struct engram_id id;
	char *before, *after;

	spaces_open(&s, "held", ENGRAM_CREATE);
	a = author(&s, 0x11);
	lay(&b, &a, ENG_MEMORY, 0, now_and(-1000), id_of(1), "near", NULL);
	lay(&b, &a, ENG_MEMORY, 0, now_and(3600000), id_of(2), "an hour ahead", NULL);
	lay(&b, &a, ENG_MEMORY, 0, now_and(3600001), id_of(3), "behind it", NULL);
	tap_int(receive(&s, &a, &b), 0, "frames of a clock an hour ahead are received");
	tap_int(memories(&s), 1, "what it stamped so far is not shown");
	tap_int(held(&s), 2, "but counted");
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

/* The forget never comes, nobody has the frame, but another forget killed it elsewhere. */
static void test_mend_by_stub(void)
{
	const eng_stamp at = now_and(-4000);
	struct eng_buf b = ENG_BUF_INIT, stub = ENG_BUF_INIT, forged = ENG_BUF_INIT, forgets = ENG_BUF_INIT;
	struct eng_dot nobody = {{{0x77}}, 9}, first, second;
	struct author a, z, twin;
	struct eng_position want = {0};
	struct spaces s = {0};
	struct eng_exchange *x;

	spaces_open(&s, "mendstub", ENGRAM_CREATE);
	a = twin = author(&s, 0x66);
	z = author(&s, 0x67);
	first = (struct eng_dot){z.series, 1};
	second = (struct eng_dot){z.series, 2};
	lay(&b, &a, ENG_MEMORY, 0, at, id_of(2), "forgotten twice", &nobody);
	lay(&stub, &twin, ENG_MEMORY, 0, at, id_of(2), "forgotten twice", &first);
	lay(&forged, &twin, ENG_MEMORY, 0, at, id_of(3), "forgotten twice", &second);
	memcpy(forged.p, stub.p, ENG_FRAME_HEADER);
	lay(&b, &a, ENG_MEMORY, 0, at + 1, id_of(4), "behind it", NULL);
	lay(&forgets, &z, ENG_FORGET, 0, at + 2, id_of(2), NULL, NULL);
	lay(&forgets, &z, ENG_FORGET, 0, at + 3, id_of(3), NULL, NULL);
	tap_int(receive(&s, &a, &b), 0, "a stub whose forget is nowhere, and a frame behind it");
	x = lend(&s);
	tap_int(eng_exchange_mend(x, stub.p, stub.n, &err), 0, "another store's stub, before the forget that it names");
	eng_exchange_close(x);
	tap_int(wanted(&s, &want), 1, "changes nothing");
	tap_int(receive(&s, &z, &forgets), 0, "that forget comes");
	tap_int(held(&s), 2, "and the stub here does not know it");
	x = lend(&s);
	tap_int(eng_exchange_mend(x, forged.p, forged.n, &err), ENGRAM_EINPUT, "a stub of another subject is refused: %s",
	        err.message);
	tap_int(eng_exchange_mend(x, stub.p, stub.n, &err), 0, "the other store's stub takes its place: %s", err.message);
	eng_exchange_close(x);
	tap_int(wanted(&s, &want), 0, "nothing is wanted any more");
	tap_int(held(&s), 0, "nothing waits");
	tap_int(memories(&s), 1, "what was behind it is shown, and it is not");
	tap_int(spaces_run(&s, ENGRAM_REBUILD | ENGRAM_CHECK), 0, "sound: %s", s.err.message);
	eng_buf_free(&b);
	eng_buf_free(&stub);
	eng_buf_free(&forged);
	eng_buf_free(&forgets);
	spaces_close(&s);
}

struct summed {
	eng_u128 sum;
	struct engram_id last;
	int disorder;
};

static int sum_item(void *data, const struct engram_id *id, eng_u128 sum)
{
	struct summed *t = data;

	t->disorder += eng_id_cmp(&t->last, id) >= 0;
	t->last = *id;
	t->sum += sum;
	return 0;
}

/* Each bucket is the sum of its items, raw or applied. */
static int wrong_buckets(struct spaces *s)
{
	struct eng_exchange *x = NULL;
	eng_u128 *sums = malloc(4096 * sizeof *sums);
	int wrong = 0;

	spaces_must(eng_exchange_open(&x, s->space, false, &err), "open exchange", &err);
	spaces_must(eng_exchange_buckets(x, sums, &err), "buckets", &err);
	for (unsigned i = 0; i < 4096; i++) {
		struct summed t = {0};
		spaces_must(eng_exchange_items(x, i, sum_item, &t, &err), "items", &err);
		wrong += t.sum != sums[i] || t.disorder;
	}
	eng_exchange_close(x);
	free(sums);
	return wrong;
}

static void test_buckets(void)
{
	struct spaces s = {0};
	struct engram_id ids[6];
	struct engram_writer *w = NULL;
	char text[32];

	spaces_open(&s, "buckets", ENGRAM_CREATE);
	for (int i = 0; i < 6; i++) {
		snprintf(text, sizeof text, "memory %d", i);
		ids[i] = spaces_put(&s, text);
	}
	spaces_must(engram_writer_open(&w, s.space, 0, &err), "writer", &err);
	for (int i = 1; i < 6; i++) {
		struct engram_link l;
		enum engram_put_result put;
		engram_link_init(&l);
		l.to = ids[i];
		spaces_must(engram_link(w, &put, &ids[0], &l, 1, &err), "link", &err);
	}
	spaces_must(engram_commit(w, &err), "commit", &err);
	engram_writer_close(w);
	tap_int(wrong_buckets(&s), 0, "each bucket is the sum of its items");
	spaces_must(spaces_run(&s, ENGRAM_REBUILD), "rebuild", &s.err);
	tap_int(wrong_buckets(&s), 0, "applied too");
	spaces_forget(&s, &ids[3], 1);
	tap_int(wrong_buckets(&s), 0, "and with a forget on top");
	spaces_close(&s);
}

static void test_unknown(void)
{
	struct spaces s = {0};
	struct eng_buf b = ENG_BUF_INIT;
	struct author a;

	spaces_open(&s, "unknown", ENGRAM_CREATE);
	a = author(&s, 0x44);
	lay(&b, &a, 99, 0, now_and(-5000), id_of(1), "of a kind to come", NULL);
	lay(&b, &a, ENG_MEMORY, 0, now_and(-4000), id_of(2), "known", NULL);
	lay(&b, &a, 98, ENG_FLAG_CRITICAL, now_and(-3000), id_of(3), "not to be passed over", NULL);
	lay(&b, &a, ENG_MEMORY, 0, now_and(-2000), id_of(4), "behind it", NULL);
	tap_int(receive(&s, &a, &b), 0, "frames of kinds to come are received");
	tap_int(memories(&s), 1, "a critical one stops its series");
	tap_int(held(&s), 2, "there");
	tap_int(spaces_run(&s, ENGRAM_REBUILD | ENGRAM_CHECK), 0, "sound: %s", s.err.message);
	eng_buf_free(&b);
	spaces_close(&s);
}

/* -- what is refused -------------------------------------------------------------------- */

static void test_refused(void)
{
	struct spaces s = {0};
	struct eng_buf b = ENG_BUF_INIT;
	struct author a, gap, other;
	size_t second;
	int wrong = 0;

	spaces_open(&s, "refused", ENGRAM_CREATE);
	a = author(&s, 0x55);
	lay(&b, &a, ENG_MEMORY, 0, now_and(-5000), id_of(1), "one", NULL);
	second = b.n;
	lay(&b, &a, ENG_MEMORY, 0, now_and(-4000), id_of(2), "two", NULL);
	for (size_t i = 0; i < b.n; i++) {
		b.p[i] ^= 4;
		wrong += receive(&s, &a, &b) != ENGRAM_EINPUT;
		b.p[i] ^= 4;
	}
	tap_int(wrong, 0, "every flipped bit is refused, and nothing of the batch kept");
	for (size_t n = 1; n < b.n; n++) {
		struct eng_buf cut = {.p = b.p, .n = n};
		wrong += receive(&s, &a, &cut) != (n == second ? 0 : ENGRAM_EINPUT);
	}
	tap_int(wrong, 0, "a batch that ends inside a frame too");
	tap_int(receive(&s, &a, &b), 0, "held frames are passed over");
	tap_int(receive(&s, &a, &b), 0, "all of them");
	gap = a;
	gap.seq++;
	eng_buf_reset(&b);
	lay(&b, &gap, ENG_MEMORY, 0, now_and(-3000), id_of(3), "four", NULL);
	tap_int(receive(&s, &gap, &b), ENGRAM_EINPUT, "a gap is refused: %s", err.message);
	other = a;
	eng_buf_reset(&b);
	lay(&b, &other, ENG_MEMORY, 0, now_and(-4500), id_of(3), "three", NULL);
	tap_int(receive(&s, &other, &b), ENGRAM_EINPUT, "a stamp that does not rise is refused: %s", err.message);
	other = a;
	other.seq = 1;
	eng_buf_reset(&b);
	lay(&b, &other, ENG_MEMORY, 0, now_and(-4500), id_of(3), "another two", NULL);
	tap_int(receive(&s, &other, &b), ENG_EXCHANGE_FORKED, "another frame of a held number is a fork");
	tap_int(memories(&s), 2, "what was held stays");
	eng_buf_free(&b);
	spaces_close(&s);
}

/* Frames whose checks are right and that are wrong all the same. */
static void test_hostile(void)
{
	struct spaces s = {0};
	struct eng_buf b = ENG_BUF_INIT;
	struct eng_header h;
	struct author a, other, own;
	const struct eng_position *at;
	struct eng_exchange *x;
	size_t n;
	static const struct {
		const char *name;
		int64_t seq;     /* beyond the held one */
		bool resized;
		uint32_t length;
	} cases[] = {
		{"B49 a gap", 1, false, 0},
		{"B49 number 2^64-1", -3, false, 0},
		{"B49 number 0", -2, false, 0},
		{"B46 a length of 0", 0, true, 0},
		{"B46 a length of 2^32-1", 0, true, UINT32_MAX},
	};

	spaces_open(&s, "hostile", ENGRAM_CREATE);
	spaces_put(&s, "own");
	x = lend(&s);
	spaces_must(eng_exchange_received(x, &at, &n, &err), "received", &err);
	own = author(&s, 0);
	own.series = at[0].series;
	own.seq = at[0].seq;
	eng_exchange_close(x);
	a = author(&s, 0x66);
	lay(&b, &a, ENG_MEMORY, 0, now_and(-5000), id_of(1), "one", NULL);
	tap_int(receive(&s, &a, &b), 0, "a sound frame");

	for (size_t i = 0; i < ENG_COUNT(cases); i++) {
		other = a;
		other.seq += (uint64_t)cases[i].seq;
		eng_buf_reset(&b);
		lay(&b, &other, ENG_MEMORY, 0, now_and(-4000), id_of(2), "two", NULL);
		if (cases[i].resized) {
			(void)eng_header_decode(&h, b.p);
			h.payload_len = cases[i].length;
			h.payload_check = XXH3_64bits("", 0);
			eng_header_encode(b.p, &h);
		}
		tap_int(receive(&s, &a, &b), ENGRAM_EINPUT, "%s is refused: %s", cases[i].name, err.message);
	}
	other = a;
	other.prev ^= 1;
	eng_buf_reset(&b);
	lay(&b, &other, ENG_MEMORY, 0, now_and(-4000), id_of(2), "two", NULL);
	tap_int(receive(&s, &a, &b), ENG_EXCHANGE_FORKED, "B48 another chain is a fork, and nothing of it taken");
	other = author(&s, 0x67);
	eng_buf_reset(&b);
	lay(&b, &other, ENG_MEMORY, 0, 0, id_of(3), "of no time", NULL);
	tap_int(receive(&s, &other, &b), ENGRAM_EINPUT, "B51 a stamp of 0 is refused: %s", err.message);
	other = author(&s, 0x68);
	eng_buf_reset(&b);
	lay(&b, &other, ENG_MEMORY, 0, UINT64_MAX, id_of(3), "of the end of time", NULL);
	tap_int(receive(&s, &other, &b), 0, "B51 the greatest stamp waits");
	tap_int(held(&s), 1, "for ever");
	other = author(&s, 0);
	eng_buf_reset(&b);
	lay(&b, &other, ENG_MEMORY, 0, now_and(-4000), id_of(4), "of nobody", NULL);
	tap_int(receive(&s, &other, &b), 0, "B52 a series of zeros is one like any other");
	eng_buf_reset(&b);
	lay(&b, &own, ENG_MEMORY, 0, now_and(-4000), id_of(5), "of ours", NULL);
	tap_int(receive(&s, &own, &b), ENG_EXCHANGE_FORKED, "B52 the own series from a stranger is no news of it");
	other = a;
	eng_buf_reset(&b);
	lay(&b, &other, 255, 0, now_and(-4000), id_of(6), "of kind 255", NULL);
	tap_int(receive(&s, &a, &b), 0, "B53 a kind that is not known is taken");
	tap_int(memories(&s), 3, "nothing else came in");
	tap_int(spaces_run(&s, ENGRAM_REBUILD | ENGRAM_CHECK), 0, "sound: %s", s.err.message);
	eng_buf_free(&b);
	spaces_close(&s);
}

/* -- the own series ------------------------------------------------------------------------ */

static void copy_home(const char *from, const char *to)
{
	char command[2048];

	snprintf(command, sizeof command, "rm -rf '%s' && cp -a '%s' '%s'", to, from, to);
	if (system(command) != 0)
		printf("Bail out! %s\n", command);
}

/* The log goes back in place: inode and birth time stay, as with a snapshot of the disk. */
static void test_own(void)
{
	struct spaces s = {0}, peer = {0};
	struct engram_space_info info;
	char dir[600], kept[600];
	char command[2048];
	char *all, *other;

	spaces_open(&s, "own", ENGRAM_CREATE);
	spaces_must(engram_space_info(s.space, &info, &err), "info", &err);
	spaces_open(&peer, "peer", ENGRAM_CREATE);
	spaces_must(engram_space_adopt(peer.space, &info.id, info.created_us, &err), "adopt", &err);
	spaces_put(&s, "before");
	carry_all(&peer, &s);
	engram_space_close(s.space);
	snprintf(dir, sizeof dir, "%s/spaces/own", tmpdir_path("home"));
	snprintf(kept, sizeof kept, "%s", tmpdir_path("kept"));
	copy_home(dir, kept);
	spaces_open(&s, "own", ENGRAM_WRITE);
	spaces_put(&s, "lost with the disk");
	carry_all(&peer, &s);
	engram_space_close(s.space);
	snprintf(command, sizeof command,
	         "cd '%s' && find . -type f | while read f; do cat \"$f\" > '%s'/\"$f\"; done", kept, dir);
	if (system(command) != 0)
		printf("Bail out! %s\n", command);
	spaces_open(&s, "own", ENGRAM_WRITE);
	tap_int(memories(&s), 1, "a disk that went back in time is not noticed");
	carry_all(&s, &peer);
	tap_int(memories(&s), 2, "until a peer has what this store wrote");
	spaces_put(&s, "after");
	spaces_reopen(&s, "own", ENGRAM_WRITE);
	spaces_put(&s, "and again");
	carry_all(&peer, &s);
	carry_all(&s, &peer);
	all = spaces_listing(&s);
	other = spaces_listing(&peer);
	tap_str(other, all, "both go on, the store in a series of its own");
	tap_int(memories(&s), 4, "with all four");
	tap_int(spaces_run(&s, ENGRAM_CHECK | ENGRAM_REBUILD), 0, "sound: %s", s.err.message);
	free(all);
	free(other);
	spaces_close(&s);
	spaces_close(&peer);
}

int main(void)
{
	const char *given = getenv("ENGRAM_TEST_SEED");

	tmpdir_begin("exchange");
	test_held();
	test_forget_held();
	test_stubs();
	test_mend();
	test_mend_by_stub();
	test_buckets();
	test_unknown();
	test_refused();
	test_hostile();
	test_own();
	test_lives(given ? strtoull(given, NULL, 0) : 1);
	tmpdir_end();
	return tap_done();
}
