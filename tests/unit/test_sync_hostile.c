/* test_sync_hostile.c - what no honest peer says, and what fails on this side: each
 * answered with a message that names place, wanted and found, in bounded memory,
 * with the store as it was. */
#include "../lib/tap.h"

#include <malloc.h>

#include "../lib/failalloc.h"
#include "../lib/talk.h"
#include "base/hash.h"
#include "base/le.h"
#include "sync/wire.h"

/* -- one machine, and bytes ----------------------------------------------------- */

struct one {
	struct modelstore *m;
	struct eng_sync_store seam;
	struct eng_sync *s;
	struct engram_error err;
	struct eng_buf said;
};

static void one_begin(struct one *o, struct modelstore *m)
{
	*o = (struct one){.m = m, .seam = modelstore_seam(m)};
	if (eng_sync_new(&o->s, &talk_both, &o->seam, &o->err) != 0)
		abort();
}

/* Takes output after each step, as a driver does. */
static int one_hear(struct one *o, const uint8_t *p, size_t n, size_t most)
{
	size_t used;
	int r = 0;

	while (r == 0 && n > 0 && eng_sync_state(o->s) == ENG_SYNC_RUNNING) {
		r = eng_sync_input(o->s, &used, p, n < most ? n : most, &o->err);
		p += used;
		n -= used;
		if (r == 0)
			r = eng_sync_step(o->s, &o->err);
		while (eng_sync_output(o->s).n > 0) {
			eng_buf_add(&o->said, eng_sync_output(o->s).p, eng_sync_output(o->s).n);
			eng_sync_sent(o->s, eng_sync_output(o->s).n);
			if (r == 0)
				r = eng_sync_step(o->s, &o->err);
		}
	}
	return r;
}

static void one_end(struct one *o)
{
	eng_sync_free(o->s);
	eng_buf_free(&o->said);
}

static void say(struct eng_buf *b, uint8_t type, const void *body, size_t n)
{
	size_t begin = eng_message_begin(b);

	eng_buf_add(b, body, n);
	eng_message_end(b, begin, type, 0);
}

static struct eng_hello hello_of(const struct modelstore *m)
{
	const struct eng_sync_store seam = modelstore_seam((struct modelstore *)(uintptr_t)m);
	struct eng_hello h = {.version_min = 1, .version_max = 1, .give = true, .take = true, .state_version = 1};
	struct eng_sync_self self;

	if (seam.self(seam.ctx, &self, NULL) != 0)
		abort();
	h.space = self.space;
	h.created_us = self.created_us;
	return h;
}

static void say_hello(struct eng_buf *b, const struct eng_hello *h)
{
	size_t begin;

	eng_buf_add(b, ENG_SYNC_MAGIC, ENG_SYNC_MAGIC_SIZE);
	begin = eng_message_begin(b);
	eng_hello_encode(b, h);
	eng_message_end(b, begin, ENG_MSG_HELLO, 0);
}

/* A store with ten memories hears these bytes: wants this code, and all of these
 * words in the message. */
static void refuses(const char *name, const struct eng_buf *b, int code, const char *a, const char *z)
{
	struct modelstore *m = talk_store(1);
	struct one o;
	int r;

	talk_fill(m, "a", 10);
	one_begin(&o, m);
	r = one_hear(&o, b->p, b->n, 1000);
	tap_ok(r == code && strstr(o.err.message, a) && strstr(o.err.message, z) && modelstore_frames(m) >= 10, "%s", name);
	tap_note("%d %s", r, o.err.message);
	one_end(&o);
	modelstore_free(m);
}

static void begin(struct eng_buf *b)
{
	struct modelstore *m = talk_store(1);
	struct eng_hello h = hello_of(m);

	eng_buf_reset(b);
	say_hello(b, &h);
	modelstore_free(m);
}

static void entry(struct eng_buf *b, uint64_t series, uint64_t seq)
{
	struct eng_position p = {.seq = seq, .header_check = 7};

	for (unsigned i = 0; i < 8; i++)
		p.series.b[i] = (uint8_t)(series >> (56 - 8 * i));
	eng_wire_position(b, &p);
}

static void test_hellos(void)
{
	struct eng_buf b = ENG_BUF_INIT;
	struct eng_hello h;
	struct modelstore *m = talk_store(1);

	eng_buf_str(&b, "ssh: connect to host x port 22: Connection refused\n");
	while (b.n < 70000)
		eng_buf_str(&b, "and so on ");
	refuses("B44 B58 no hello within 64 KiB", &b, ENGRAM_EINPUT, "wanted a hello within 65536 bytes",
	        "\"ssh: connect to host x port 22");
	h = hello_of(m);
	h.version_min = 2;
	h.version_max = 3;
	eng_buf_reset(&b);
	say_hello(&b, &h);
	refuses("B45 a later version only", &b, ENGRAM_EVERSION, "versions 1 to 1", "2 to 3");
	h.version_min = 1;
	eng_buf_reset(&b);
	say_hello(&b, &h);
	say(&b, ENG_MSG_BYE, NULL, 0);
	refuses("a range that has ours in it goes on", &b, ENGRAM_EINPUT, "byte 88: wanted forks", "found bye");
	begin(&b);
	b.p[30] ^= 1;
	refuses("B47 a hello with a bit wrong", &b, ENGRAM_EINPUT, "byte 8", "hello: check wrong");
	begin(&b);
	b.p[9] ^= 1;
	refuses("a head with a bit wrong", &b, ENGRAM_EINPUT, "byte 8", "head");
	eng_buf_reset(&b);
	eng_buf_add(&b, ENG_SYNC_MAGIC, ENG_SYNC_MAGIC_SIZE);
	say(&b, ENG_MSG_HELLO, "short", 5);
	refuses("B46 a short hello", &b, ENGRAM_EINPUT, "wanted 64 to 4096 bytes", "found 5");
	eng_buf_free(&b);
	modelstore_free(m);
}

static void head_of(struct eng_buf *b, uint8_t type, uint32_t length)
{
	uint8_t raw[ENG_MSG_HEAD] = {type};

	eng_set32(raw + 4, length);
	eng_set32(raw + 12, eng_message_check(raw, 12));
	eng_buf_add(b, raw, sizeof raw);
}

static void test_vectors(void)
{
	struct eng_buf b = ENG_BUF_INIT, v = ENG_BUF_INIT;

	begin(&b);
	say(&b, ENG_MSG_FORKS, NULL, 0);
	entry(&v, 5, 1);
	entry(&v, 5, 2);
	say(&b, ENG_MSG_VECTOR, v.p, v.n);
	refuses("B56 a series twice", &b, ENGRAM_EINPUT, "vector: wanted each series once and ascending", "entry 2");
	begin(&b);
	say(&b, ENG_MSG_FORKS, NULL, 0);
	eng_buf_reset(&v);
	entry(&v, 6, 1);
	entry(&v, 5, 1);
	say(&b, ENG_MSG_VECTOR, v.p, v.n);
	refuses("B56 unsorted", &b, ENGRAM_EINPUT, "byte 104: vector", "entry 2");
	begin(&b);
	say(&b, ENG_MSG_FORKS, NULL, 0);
	eng_buf_reset(&v);
	entry(&v, 6, 0);
	say(&b, ENG_MSG_VECTOR, v.p, v.n);
	refuses("a series without frames", &b, ENGRAM_EINPUT, "seq from 1", "entry 1");
	begin(&b);
	say(&b, ENG_MSG_FORKS, NULL, 0);
	head_of(&b, ENG_MSG_VECTOR, 1000000 * ENG_VECTOR_ENTRY);
	refuses("B56 a million series", &b, ENGRAM_EINPUT, "vector: wanted 0 to 1835008 bytes", "found 28000000");
	begin(&b);
	head_of(&b, ENG_MSG_FORKS, UINT32_MAX);
	refuses("B46 a length of 2^32-1", &b, ENGRAM_EINPUT, "forks: wanted 0 to", "found 4294967295");
	begin(&b);
	eng_buf_reset(&v);
	entry(&v, 6, 1);
	say(&b, ENG_MSG_FORKS, v.p, ENG_FORK_ENTRY);
	say(&b, ENG_MSG_FORKS, v.p, ENG_FORK_ENTRY);
	refuses("forks twice", &b, ENGRAM_EINPUT, "wanted forks, a vector", "found forks");
	begin(&b);
	head_of(&b, 77, 0);
	refuses("a type that nobody knows", &b, ENGRAM_EINPUT, "no known type", "(type 77)");
	eng_buf_free(&b);
	eng_buf_free(&v);
}

/* Vectors are settled, and runs may come. */
static void settle(struct eng_buf *b)
{
	begin(b);
	say(b, ENG_MSG_FORKS, NULL, 0);
	say(b, ENG_MSG_VECTOR, NULL, 0);
	say(b, ENG_MSG_SETTLED, NULL, 0);
	say(b, ENG_MSG_WANTED, NULL, 0);
}

static void frame(struct eng_buf *b, const struct eng_series *series, uint64_t seq, uint32_t prev, const char *spoil)
{
	struct modelstore *m = talk_store(1);
	const struct eng_hello h = hello_of(m);
	uint8_t raw[ENG_FRAME_HEADER], payload[136] = {8};
	struct eng_header f = {.version = 1, .kind = ENG_MEMORY, .payload_len = sizeof payload, .series = *series,
	                       .prev = prev, .seq = seq, .stamp = 1000 + seq,
	                       .space_check = eng_frame_space_check(&h.space)};

	if (strcmp(spoil, "space") == 0)
		f.space_check++;
	f.payload_check = XXH3_64bits(payload, sizeof payload);
	eng_header_encode(raw, &f);
	if (strcmp(spoil, "header") == 0)
		raw[50] ^= 1;
	if (strcmp(spoil, "payload") == 0)
		payload[100] ^= 1;
	eng_buf_add(b, raw, sizeof raw);
	eng_buf_add(b, payload, sizeof payload);
	modelstore_free(m);
}

static void run_of(struct eng_buf *b, uint64_t first, uint32_t frames, uint64_t seq, uint32_t prev, const char *spoil)
{
	const struct eng_series series = {{9, 9}};
	size_t at = eng_message_begin(b);

	eng_buf_add(b, series.b, 16);
	eng_buf_u64(b, first);
	eng_buf_u32(b, frames);
	eng_buf_u32(b, 0);
	frame(b, &series, seq, prev, spoil);
	eng_message_end(b, at, ENG_MSG_RUN, 0);
}

static void test_runs(void)
{
	static const struct {
		const char *name, *spoil, *a, *z;
		uint64_t first, seq;
		uint32_t frames, prev;
	} cases[] = {
		{"B47 a frame's header check wrong", "header", "wanted frame 1", "header check wrong", 1, 1, 1, 0},
		{"B47 a frame's payload check wrong", "payload", "frame 1", "payload check wrong", 1, 1, 1, 0},
		{"B59 a sound frame of another space", "space", "frame 1", "another space", 1, 1, 1, 0},
		{"B49 a gap", "", "wanted the frame before 5", "", 5, 5, 1, 0},
		{"B49 another seq than announced", "", "wanted seq 1", "found 2", 1, 2, 1, 0},
		{"B49 seqs at their end", "", "cannot be", "18446744073709551615", UINT64_MAX, UINT64_MAX, 1, 0},
		{"B55 more frames announced than came", "", "wanted 1 more frames", "its end", 1, 1, 2, 0},
		{"no frames announced", "", "0 frames", "cannot be", 1, 1, 0, 0},
		{"more frames announced than fit", "", "4000000000 frames", "cannot be", 1, 1, 4000000000u, 0},
	};
	struct eng_buf b = ENG_BUF_INIT;

	for (size_t i = 0; i < ENG_COUNT(cases); i++) {
		settle(&b);
		run_of(&b, cases[i].first, cases[i].frames, cases[i].seq, cases[i].prev, cases[i].spoil);
		refuses(cases[i].name, &b, ENGRAM_EINPUT, cases[i].a, cases[i].z);
	}
	settle(&b);
	say(&b, ENG_MSG_ACK, (uint8_t[ENG_ACK_BODY]){0xff, 0xff, 0xff}, ENG_ACK_BODY);
	refuses("an acknowledgement of what was not sent", &b, ENGRAM_EINPUT, "ack: wanted", "found 16777215");
	settle(&b);
	say(&b, ENG_MSG_DIGEST, (uint8_t[ENG_DIGEST_BODY]){0}, ENG_DIGEST_BODY);
	refuses("a digest before the end", &b, ENGRAM_EINPUT, "wanted runs", "found digest");
	eng_buf_free(&b);
}

static void test_errors(void)
{
	static const char text[] = "\xf9\xff\xff\xff\x0c\x00\x04\x00" "disk \x1b[1mgonehelp";
	struct eng_buf b = ENG_BUF_INIT;

	begin(&b);
	say(&b, ENG_MSG_ERROR, text, sizeof text - 1);
	refuses("a peer's reason", &b, ENGRAM_EUNAVAILABLE, "peer: disk ", "[1mgo");
	begin(&b);
	say(&b, ENG_MSG_ERROR, "\x01\x00\x00\x00\x01\x00\x00\x00x", 9);
	refuses("with a number that is none", &b, ENGRAM_EUNAVAILABLE, "peer: x", "");
	begin(&b);
	say(&b, ENG_MSG_ERROR, "\xf9\xff\xff\xff\xff\x00\x00\x00x", 9);
	refuses("longer than it is", &b, ENGRAM_EINPUT, "wanted 255 bytes of text", "found 1");
	begin(&b);
	say(&b, 200, "anything", 8);
	say(&b, ENG_MSG_BYE, NULL, 0);
	refuses("a message that may be passed over is", &b, ENGRAM_EINPUT, "byte 112", "found bye");
	eng_buf_free(&b);
}

/* -- every bit of a real session ----------------------------------------------------- */

static struct modelstore *before(uint64_t seed)
{
	struct modelstore *m = talk_store(1);

	talk_fill(m, "common", 4);
	if (seed == 2) {
		struct modelstore *copy = modelstore_copy(m);
		modelstore_free(m);
		m = copy;
		modelstore_clock(m, TALK_NOW + 5000);
	}
	talk_fill(m, seed == 1 ? "a" : "b", 3);
	return m;
}

static void test_flips(void)
{
	struct modelstore *a = before(1), *b = before(2);
	struct eng_buf said = ENG_BUF_INIT;
	struct talk *t = malloc(sizeof *t);
	unsigned wrong = 0, passed = 0;
	struct one o;

	if (talk_begin(t, a, b, NULL, NULL) != 0)
		abort();
	t->b.record = &said;
	if (!talk_run(t, NULL, 4096) || !talk_done(t))
		abort();
	talk_end(t);
	free(t);
	for (size_t bit = 0; bit < 8 * said.n; bit++) {
		struct modelstore *m = before(1);
		said.p[bit / 8] ^= (uint8_t)(1u << bit % 8);
		one_begin(&o, m);
		if (one_hear(&o, said.p, said.n, 777) == 0) {
			passed++;
			wrong += bit >= 64 && eng_sync_state(o.s) != ENG_SYNC_RUNNING;
		} else {
			wrong += !o.err.message[0];
		}
		wrong += modelstore_frames(m) < 7;
		one_end(&o);
		modelstore_free(m);
		said.p[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	tap_int(wrong, 0, "each of %zu bits of a session flipped: refused with a reason, nothing lost", 8 * said.n);
	tap_note("%u bits went unnoticed so far: of the magic, or waited for more", passed);
	eng_buf_free(&said);
	modelstore_free(a);
	modelstore_free(b);
}

/* -- failing here ------------------------------------------------------------------------ */

static int session_code(struct modelstore *a, struct modelstore *b)
{
	struct talk *t = malloc(sizeof *t);
	int r = talk_begin(t, a, b, NULL, NULL);

	if (r == 0 && !talk_run(t, NULL, 4096))
		r = ENGRAM_EINTERNAL;
	/* Who failed first says why; the other was told, or found the stream closed. */
	if (r == 0 && !talk_done(t))
		r = strncmp(t->a.err.message, "peer", 4) == 0 ? t->b.err.code : t->a.err.code;
	talk_end(t);
	free(t);
	return r;
}

/* On copies: making them allocates nothing that fails. */
static int small_session(void *data)
{
	struct modelstore *const *stores = data;
	struct modelstore *a = modelstore_copy(stores[0]), *b = modelstore_copy(stores[1]);
	int r = session_code(a, b);

	modelstore_free(a);
	modelstore_free(b);
	return r;
}

static void test_no_memory(void)
{
	struct modelstore *stores[2] = {before(1), before(2)};

	failalloc_each(small_session, stores, "F06 a session over a fork");
	modelstore_free(stores[0]);
	modelstore_free(stores[1]);
}

static void test_store_fails(void)
{
	unsigned wrong = 0, n;
	bool failed = true;

	for (n = 1; failed && n < 1000; n++) {
		struct modelstore *a = before(1), *b = before(2);
		int r;

		modelstore_fail_at(a, n);
		r = session_code(a, b);
		failed = modelstore_fail_at(a, 0) >= (long)n;
		wrong += r != (failed ? ENGRAM_EIO : 0);
		wrong += !talk_once(a, b) || modelstore_difference(a, b) != NULL || modelstore_frames(a) != 10;
		modelstore_free(a);
		modelstore_free(b);
	}
	tap_ok(wrong == 0 && n > 10, "F07 each of %u calls of the store failing: told, and the next session mends it", n - 2);
}

/* -- memory ---------------------------------------------------------------------------- */

static size_t held, most_held;

static void *count_resize(void *ctx, void *p, size_t n)
{
	size_t old = p ? malloc_usable_size(p) : 0;
	void *q = realloc(p, n);

	(void)ctx;
	if (!q)
		return NULL;
	/* A block that grows may stand beside the old one for a while. */
	if (held + malloc_usable_size(q) > most_held)
		most_held = held + malloc_usable_size(q);
	held += malloc_usable_size(q) - old;
	return q;
}

static void count_release(void *ctx, void *p)
{
	(void)ctx;
	held -= p ? malloc_usable_size(p) : 0;
	free(p);
}

/* A store that has as many series as there may be, and cannot read. */
static struct eng_position many[ENG_SYNC_SERIES_MAX];

static int many_received(void *ctx, const struct eng_position **out, size_t *n, struct engram_error *err)
{
	(void)ctx;
	(void)err;
	*out = many;
	*n = ENG_SYNC_SERIES_MAX;
	return 0;
}

static int big_read(void *ctx, struct eng_buf *out, size_t *n, const struct eng_series *series, uint64_t after,
                    uint64_t upto, size_t max_bytes, struct engram_error *err)
{
	uint8_t raw[ENG_FRAME_HEADER];
	struct eng_header h = {.version = 1, .series = *series, .seq = after + 1, .payload_len = ENG_PAYLOAD_MAX};

	(void)ctx, (void)upto, (void)max_bytes, (void)err;
	eng_header_encode(raw, &h);
	eng_buf_add(out, raw, sizeof raw);
	eng_buf_zero(out, ENG_PAYLOAD_MAX);
	*n = 1;
	return 0;
}

static int took(void *ctx, uint64_t *taken, const struct eng_series *series, const uint8_t *frames, size_t n,
                struct engram_error *err)
{
	(void)ctx, (void)series, (void)frames, (void)n, (void)err;
	*taken = 1;
	return 0;
}

static struct eng_sync_fork learnt[ENG_SYNC_FORKS_MAX];
static size_t nlearnt;

static int learns(void *ctx, const struct eng_sync_fork *fork, uint32_t mine, uint32_t theirs, struct engram_error *err)
{
	(void)ctx, (void)mine, (void)theirs, (void)err;
	learnt[nlearnt++] = *fork;
	return 0;
}

static int all_learnt(void *ctx, const struct eng_sync_fork **out, size_t *n, struct engram_error *err)
{
	(void)ctx, (void)err;
	*out = learnt;
	*n = nlearnt;
	return 0;
}

/* All that a peer may send at its largest, while the largest frame goes out. */
static void largest(struct eng_buf *b)
{
	struct eng_buf body = ENG_BUF_INIT;
	struct eng_header h = {.version = 1, .seq = 1, .payload_len = ENG_PAYLOAD_MAX};
	size_t at;

	begin(b);
	for (unsigned round = 0; round < 2; round++) {
		eng_buf_reset(&body);
		for (unsigned i = 0; i < ENG_SYNC_FORKS_MAX; i++)
			entry(&body, i, 1), body.n -= 4;
		say(b, ENG_MSG_FORKS, body.p, body.n);
		eng_buf_reset(&body);
		for (unsigned i = 0; i < ENG_SYNC_SERIES_MAX; i++)
			entry(&body, UINT64_C(1) << 62 | i, 1);
		say(b, ENG_MSG_VECTOR, body.p, body.n);
	}
	say(b, ENG_MSG_SETTLED, NULL, 0);
	eng_buf_reset(&body);
	for (unsigned i = 0; i < ENG_SYNC_WANTED_MAX; i++)
		entry(&body, i, 1);
	say(b, ENG_MSG_WANTED, body.p, body.n);
	at = eng_message_begin(b);
	eng_buf_zero(b, ENG_RUN_HEAD);
	eng_set64(b->p + b->n - 16, 1);
	eng_set32(b->p + b->n - 8, 1);
	eng_buf_zero(b, ENG_FRAME_HEADER);
	eng_header_encode(b->p + b->n - ENG_FRAME_HEADER, &h);
	eng_buf_zero(b, ENG_PAYLOAD_MAX);
	eng_message_end(b, at, ENG_MSG_RUN, 0);
	eng_buf_free(&body);
}

static void test_memory(void)
{
	static const struct eng_allocator counting = {count_resize, count_release, NULL};
	struct modelstore *m = talk_store(1);
	struct eng_buf b = ENG_BUF_INIT;
	struct one o = {.m = m, .seam = modelstore_seam(m)};
	size_t at, used, piece;
	uint64_t out = 0;
	int r;

	largest(&b);
	o.seam.received = many_received;
	o.seam.read = big_read;
	o.seam.receive = took;
	o.seam.forked = learns;
	o.seam.forks = all_learnt;
	for (unsigned i = 0; i < ENG_SYNC_SERIES_MAX; i++) {
		many[i].seq = 2;
		eng_set32(many[i].series.b + 4, __builtin_bswap32(i));
	}
	eng_alloc_set(&counting);
	r = eng_sync_new(&o.s, &talk_both, &o.seam, &o.err);
	for (at = 0, piece = 30000; r == 0 && at < b.n; at += used) {
		r = eng_sync_input(o.s, &used, b.p + at, b.n - at < piece ? b.n - at : piece, &o.err);
		if (r == 0)
			r = eng_sync_step(o.s, &o.err);
		/* Takes what comes before the runs at once, then slowly. */
		for (size_t n; r == 0 && (n = eng_sync_output(o.s).n) > 0 && (n < 4000000 || used == 0);) {
			eng_sync_sent(o.s, n < 100000 ? n : 100000);
			out += n < 100000 ? n : 100000;
			r = eng_sync_step(o.s, &o.err);
			if (used == 0)
				break;
		}
	}
	tap_int(r, 0, "the largest of all goes in and out: %s", o.err.message);
	tap_ok(most_held <= 16u << 20, "in 16 MiB");
	tap_note("%zu bytes held at once, %" PRIu64 " said", most_held, out);
	eng_sync_free(o.s);
	eng_alloc_set(NULL);
	tap_int(held, 0, "all of which is given back");
	eng_buf_free(&b);
	modelstore_free(m);
}

int main(void)
{
	test_hellos();
	test_vectors();
	test_runs();
	test_errors();
	test_flips();
	test_no_memory();
	test_store_fails();
	test_memory();
	return tap_done();
}
