/* test_merge_code.c - an item as bytes and back; damaged bytes; memory that runs
 * out; what operations cost on an item of 10,000 dots. */
#include "../lib/failalloc.h"
#include "../lib/frames.h"
#include "../lib/tap.h"

#include "base/le.h"
#include "base/rng.h"
#include "merge/digest.h"

static struct engram_error err;

/* An item with all that the encoding knows: series, refs, stub, forget, run,
 * values kept and values left in the log. */
static void fill(struct frames *f, struct eng_item *item, struct eng_arena *arena)
{
	static const char long_text[] = "a text that is long enough to need more than one byte for its length, since "
					"a varint of one byte ends at 127, and this one goes on beyond that";
	const struct eng_frame *m, *v[7];
	bool changed;

	m = v[0] = frames_make(f, &(struct frame_spec){.kind = ENG_MEMORY, .series = 'A', .stamp = 1000, .text = long_text,
						       .key = "k", .confidence = 9000, .tags = {"a", "b"},
						       .meta = "{}", .stored_us = 5, .session = 9});
	v[1] = frames_make(f, &(struct frame_spec){.kind = ENG_MEMORY, .series = 'B', .stamp = 2000, .text = "new",
						   .vector = "0123", .refs = {{m, 0}}});
	v[2] = frames_make(f, &(struct frame_spec){.kind = ENG_REVISION, .series = 'A', .stamp = 3000, .seq = 1u << 30,
						   .clear = {ENG_EL_META}, .refs = {{v[1], 1}, {m, 3}}});
	v[3] = frames_make(f, &(struct frame_spec){.kind = ENG_FORGET, .series = 'C', .stamp = 900});
	v[4] = frames_make(f, &(struct frame_spec){.kind = ENG_MEMORY, .series = 'C', .stamp = 800, .text = "gone"});
	v[5] = frames_stub(f, v[4], v[3]);
	v[6] = frames_make(f, &(struct frame_spec){.kind = ENG_MEMORY, .series = 'D', .stamp = 4000, .text = "run",
						   .run = true});
	eng_item_init(item, &frames_id, arena);
	for (size_t i = 0; i < ENG_COUNT(v); i++)
		if (i != 4 && eng_item_add(item, &changed, v[i], false, &err) != 0)
			tap_ok(false, "add %zu: %s", i, err.message);
}

static bool same_bytes(const struct eng_buf *a, const struct eng_buf *b)
{
	return a->n == b->n && memcmp(a->p, b->p, a->n) == 0;
}

static bool same_winner(const struct eng_winner *a, const struct eng_winner *b)
{
	if (!a->element || !b->element)
		return !a->element && !b->element;
	return a->dot->stamp == b->dot->stamp && a->element->index == b->element->index &&
	       a->element->type == b->element->type && a->element->n == b->element->n &&
	       (!b->element->p || memcmp(a->element->p, b->element->p, b->element->n) == 0);
}

static void round_trip(void)
{
	struct eng_arena arena = ENG_ARENA_INIT;
	struct eng_buf one = ENG_BUF_INIT, two = ENG_BUF_INIT;
	struct frames f = FRAMES_INIT;
	struct eng_item item, back;
	struct eng_reading a, b;
	eng_u128 da, db;

	fill(&f, &item, &arena);
	tap_int(eng_item_encode(&item, &one, &err), 0, "encodes");
	tap_int(eng_item_decode(&back, &frames_id, one.p, one.n, &arena, &err), 0, "decodes");
	tap_int(eng_item_encode(&back, &two, &err), 0, "encodes again");
	tap_ok(same_bytes(&one, &two), "to the same %zu bytes", one.n);
	eng_item_read(&item, &a, &err);
	eng_item_read(&back, &b, &err);
	tap_ok(same_winner(&a.text, &b.text) && same_winner(&a.confidence, &b.confidence) &&
	       same_winner(&a.key, &b.key) && same_winner(&a.meta, &b.meta) && same_winner(&a.vector, &b.vector),
	       "reads the same fields");
	tap_ok(a.live == b.live && a.stored_us == b.stored_us && a.ntags == b.ntags && a.nlive_dots == b.nlive_dots,
	       "and the same life");
	tap_ok(b.vector.element && !b.vector.element->p && b.vector.element->n == 4, "a vector stays in the log");
	eng_item_digest(&item, &da, &err);
	eng_item_digest(&back, &db, &err);
	tap_ok(da == db, "and has the same digest");
	eng_buf_free(&one);
	eng_buf_free(&two);
	frames_free(&f);
	eng_arena_free(&arena);
}

/* The layout in code.c, by hand: one memory frame. */
static void layout(void)
{
	struct eng_arena arena = ENG_ARENA_INIT;
	struct eng_buf b = ENG_BUF_INIT;
	struct frames f = FRAMES_INIT;
	const struct eng_frame *m = frames_make(&f, &(struct frame_spec){.kind = ENG_MEMORY, .series = 'A', .stamp = 7,
									 .seq = 300, .text = "abc", .source = "s"});
	struct eng_item item;
	const uint8_t *p;
	bool changed;

	eng_item_init(&item, &frames_id, &arena);
	eng_item_add(&item, &changed, m, false, &err);
	eng_item_encode(&item, &b, &err);
	p = b.p;
	tap_ok(p[0] == 3 && p[1] == 1 && p[2] == 1 && p[3] == 'A', "version, one series, one dot, the series");
	tap_ok(p[19] == ENG_MEMORY && p[20] == 0 && p[21] == 0xac && p[22] == 0x02, "kind, series 0, seq 300 as varint");
	tap_int(eng_get64(p + 23), 7, "stamp");
	tap_int(eng_get32(p + 31), m->h.header_check, "header check");
	tap_ok(eng_get64(p + 35) == m->h.payload_check, "payload check");
	tap_int(b.n, 63, "length: 43 to the payload check, 6 for length, place and refs, 14 for the body");
	tap_ok(memcmp(p + b.n - 3, "\7\1s", 3) == 0, "ends in type 7, length 1, the value");
	eng_buf_free(&b);
	frames_free(&f);
	eng_arena_free(&arena);
}

static void hex(char out[33], const uint8_t in[16])
{
	for (int i = 0; i < 16; i++)
		snprintf(out + 2 * i, 3, "%02x", in[i]);
}

/* Stores on different machines compare these numbers: no compiler, optimisation
 * or byte order may change them. */
static void golden(void)
{
	static eng_u128 buckets[ENG_DIGEST_BUCKETS];
	struct eng_arena arena = ENG_ARENA_INIT;
	struct eng_buf b = ENG_BUF_INIT;
	struct frames f = FRAMES_INIT;
	struct eng_item item;
	uint8_t bytes[16];
	char text[33];

	fill(&f, &item, &arena);
	eng_item_digest(&item, &buckets[eng_digest_bucket(&item.id)], &err);
	tap_int(eng_digest_bucket(&item.id), 0x5a0, "bucket: the leading 12 bits of the id");
	eng_u128_encode(bytes, buckets[0x5a0]);
	hex(text, bytes);
	tap_str(text, "c25f81de50ac8743efc84c8340f8c353", "digest of an item");
	tap_ok(eng_u128_decode(bytes) == buckets[0x5a0], "and back from bytes");
	eng_digest_fold(bytes, buckets);
	hex(text, bytes);
	tap_str(text, "3fa62dd1fa48fafcc28952259011012d", "digest of a state of that item");
	eng_item_encode(&item, &b, &err);
	eng_set64(bytes, XXH3_64bits(b.p, b.n));
	eng_set64(bytes + 8, b.n);
	hex(text, bytes);
	tap_str(text, "e6dc84603f2017ec6101000000000000", "hash and number of its bytes");
	eng_buf_free(&b);
	frames_free(&f);
	eng_arena_free(&arena);
}

/* -- damage ------------------------------------------------------------------------ */

/* Decodes a heap copy of exactly n bytes, so that a read past the end is seen;
 * what decodes must read, encode and digest. */
static int survive(const uint8_t *p, size_t n, struct eng_arena *arena)
{
	uint8_t *copy = malloc(n ? n : 1);
	struct eng_buf out = ENG_BUF_INIT;
	struct eng_dot_record **dots;
	struct eng_reading r;
	struct eng_dot *killers;
	struct eng_item item;
	eng_u128 sum;
	size_t count;
	int rc;

	eng_arena_reset(arena);
	memcpy(copy, p, n);
	rc = eng_item_decode(&item, &frames_id, copy, n, arena, &err);
	free(copy);
	if (rc)
		return rc;
	rc = eng_item_read(&item, &r, &err) | eng_item_encode(&item, &out, &err) | eng_item_digest(&item, &sum, &err) |
	     eng_item_purgeable(&item, &dots, &killers, &count, &err);
	eng_buf_free(&out);
	return rc;
}

static void damage(void)
{
	struct eng_arena arena = ENG_ARENA_INIT, work = ENG_ARENA_INIT;
	long valid = 0, other = 0, cut_valid = 0;
	struct eng_buf b = ENG_BUF_INIT;
	struct frames f = FRAMES_INIT;
	struct eng_item item;
	struct eng_rng g;
	int rc;

	fill(&f, &item, &arena);
	eng_item_encode(&item, &b, &err);
	for (size_t n = 0; n < b.n; n++)
		cut_valid += survive(b.p, n, &work) != ENGRAM_EDAMAGED;
	tap_int(cut_valid, 0, "every truncation is damage");
	for (size_t bit = 0; bit < 8 * b.n; bit++) {
		b.p[bit / 8] ^= (uint8_t)(1u << bit % 8);
		rc = survive(b.p, b.n, &work);
		valid += rc == 0;
		other += rc != 0 && rc != ENGRAM_EDAMAGED;
		b.p[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	tap_int(other, 0, "every bit flip is damage or something valid (%ld of %zu valid)", valid, 8 * b.n);
	eng_rng_seed(&g, 1);
	for (int i = 0; i < 20000; i++) {
		uint8_t old[4], at[4];
		for (int k = 0; k < 4; k++) {
			at[k] = (uint8_t)eng_rng_below(&g, b.n < 255 ? b.n : 255);
			old[k] = b.p[at[k]];
			b.p[at[k]] = (uint8_t)eng_rng_next(&g);
		}
		rc = survive(b.p, b.n, &work);
		other += rc != 0 && rc != ENGRAM_EDAMAGED;
		for (int k = 4; k-- > 0;)
			b.p[at[k]] = old[k];
	}
	tap_int(other, 0, "and so are 20,000 times four bytes overwritten (seed 1)");
	eng_buf_free(&b);
	frames_free(&f);
	eng_arena_free(&work);
	eng_arena_free(&arena);
}

/* -- memory that runs out ------------------------------------------------------------ */

static int whole_life(void *data)
{
	const struct frames *f = data;
	struct eng_arena arena = ENG_ARENA_INIT;
	struct eng_buf b = ENG_BUF_INIT;
	struct eng_item item, back;
	struct eng_dot_record **dots;
	struct eng_reading r;
	struct eng_dot *killers;
	eng_u128 sum;
	bool changed;
	size_t n;
	int rc = 0;

	eng_item_init(&item, &frames_id, &arena);
	for (size_t i = 0; i < f->n && rc == 0; i++)
		rc = eng_item_add(&item, &changed, f->v[i], false, &err);
	if (rc == 0)
		rc = eng_item_read(&item, &r, &err);
	if (rc == 0)
		rc = eng_item_encode(&item, &b, &err);
	if (rc == 0)
		rc = eng_item_decode(&back, &frames_id, b.p, b.n, &arena, &err);
	if (rc == 0)
		rc = eng_item_digest(&back, &sum, &err);
	if (rc == 0)
		rc = eng_item_purgeable(&back, &dots, &killers, &n, &err);
	eng_buf_free(&b);
	eng_arena_free(&arena);
	return rc;
}

/* Enough dots that the arena needs several blocks. */
static void out_of_memory(void)
{
	struct eng_arena arena = ENG_ARENA_INIT;
	struct frames f = FRAMES_INIT;
	struct eng_item item;

	fill(&f, &item, &arena);
	for (unsigned i = 0; i < 300; i++)
		frames_make(&f, &(struct frame_spec){.kind = ENG_MEMORY, .series = 'E', .stamp = 5000 + i, .text = "again",
						     .tags = {"x", "y"}, .refs = {{f.v[f.n - 1], 0}}});
	failalloc_each(whole_life, &f, "the life of an item");
	frames_free(&f);
	eng_arena_free(&arena);
}

/* -- large items ------------------------------------------------------------------------ */

/* 10,000 rehearsals out of order, each with a tag and a ref to the one before:
 * anything quadratic would take minutes here. */
static void ten_thousand_dots(void)
{
	enum { N = 10000 };
	struct eng_arena arena = ENG_ARENA_INIT;
	struct eng_buf b = ENG_BUF_INIT, c = ENG_BUF_INIT;
	struct frames f = FRAMES_INIT;
	struct eng_item item, back;
	struct eng_reading r;
	struct eng_rng g;
	bool changed;
	char tag[16];

	for (unsigned i = 0; i < N; i++) {
		snprintf(tag, sizeof tag, "t%u", i % 100);
		frames_make(&f, &(struct frame_spec){.kind = ENG_MEMORY, .series = (char)('A' + i % 8), .stamp = i + 1,
						     .text = i % 2 ? "one" : "two", .tags = {tag}});
	}
	eng_rng_seed(&g, 2);
	for (size_t i = N; i > 1; i--) {
		size_t k = eng_rng_below(&g, i);
		struct eng_frame *t = f.v[i - 1];
		f.v[i - 1] = f.v[k];
		f.v[k] = t;
	}
	eng_item_init(&item, &frames_id, &arena);
	for (size_t i = 0; i < f.n; i++)
		eng_item_add(&item, &changed, f.v[i], false, &err);
	tap_int(item.ndots, N, "10,000 dots");
	eng_item_read(&item, &r, &err);
	tap_ok(r.nlive_dots == N && r.ntags == 100 && r.nconflicts == 1, "read: live dots, tags, one conflict");
	eng_item_encode(&item, &b, &err);
	tap_int(eng_item_decode(&back, &frames_id, b.p, b.n, &arena, &err), 0, "decode %zu bytes", b.n);
	eng_item_encode(&back, &c, &err);
	tap_ok(same_bytes(&b, &c), "and encode to the same");
	eng_buf_free(&b);
	eng_buf_free(&c);
	frames_free(&f);
	eng_arena_free(&arena);
}

int main(void)
{
	round_trip();
	layout();
	golden();
	damage();
	out_of_memory();
	ten_thousand_dots();
	return tap_done();
}
