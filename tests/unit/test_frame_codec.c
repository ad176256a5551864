/* test_frame_codec.c - headers, payloads, stubs, segments, ids, stamps: round
 * trips, every single bit flip, every cut length. */
#include "../lib/tap.h"
#include "base/alloc.h"
#include "base/hash.h"
#include "base/le.h"
#include "base/rng.h"
#include "frame/hlc.h"
#include "frame/payload.h"
#include "frame/segment.h"
#include "frame/series.h"

static struct eng_header some_header(void)
{
	struct eng_header h = {
	        .version = 1,
	        .kind = ENG_MEMORY,
	        .flags = ENG_FLAG_RUN,
	        .witness = 3,
	        .payload_len = 136,
	        .prev = 0x01020304,
	        .space_check = 0x05060708,
	        .seq = 0x1122334455667788,
	        .stamp = 0x99aabbccddeeff00,
	        .payload_check = 0x123456789abcdef0,
	};

	memset(h.series.b, 0xa5, sizeof h.series.b);
	return h;
}

static void test_header(void)
{
	struct eng_header h = some_header(), back, flipped;
	uint8_t raw[ENG_FRAME_HEADER], bad[ENG_FRAME_HEADER];
	unsigned missed = 0;

	eng_header_encode(raw, &h);
	tap_ok(memcmp(raw, "ENGF\1\2\2\3\x88\0\0\0", 12) == 0,
	       "header begins with magic, version, kind, flags, witness, length");
	tap_int(eng_header_decode(&back, raw), ENG_HEADER_OK, "header decodes");
	eng_header_encode(bad, &back);
	tap_ok(memcmp(bad, raw, sizeof raw) == 0, "header round trip");
	for (unsigned bit = 0; bit < 8 * sizeof raw; bit++) {
		memcpy(bad, raw, sizeof bad);
		bad[bit / 8] ^= (uint8_t)(1 << bit % 8);
		missed += eng_header_decode(&flipped, bad) == ENG_HEADER_OK;
	}
	tap_int(missed, 1, "of all single bit flips only STUB passes the header check");
	raw[6] |= ENG_FLAG_STUB;
	tap_int(eng_header_decode(&back, raw), ENG_HEADER_OK, "a stub keeps the check of its frame");
	memset(bad, 0, sizeof bad);
	tap_int(eng_header_decode(&back, bad), ENG_HEADER_ZERO, "zeros are told apart");
}

static void test_branch_name(void)
{
	/* From Python, by way of the shared libxxhash. */
	static const uint8_t want[16] = {0x0d, 0x6b, 0xb2, 0x99, 0x61, 0xe2, 0x60, 0xb6,
	                                 0x92, 0xcf, 0x40, 0x7e, 0x62, 0x7f, 0xe9, 0x77};
	struct eng_header h = some_header();
	struct eng_series name, stub, other;
	uint8_t raw[ENG_FRAME_HEADER];

	eng_header_encode(raw, &h);
	eng_branch_name(&name, raw);
	tap_ok(memcmp(name.b, want, sizeof want) == 0, "a branch is named by the frame it begins with");
	raw[6] |= ENG_FLAG_STUB;
	eng_branch_name(&stub, raw);
	tap_ok(eng_series_cmp(&name, &stub) == 0, "its stub gives the same name");
	h.prev ^= 1;
	eng_header_encode(raw, &h);
	eng_branch_name(&other, raw);
	tap_ok(eng_series_cmp(&name, &other) != 0, "the other store's frame of the same seq another");
}

static void test_header_limits(void)
{
	static const struct {
		uint32_t len;
		uint64_t seq;
		enum eng_header_state want;
	} cases[] = {
	        {71, 1, ENG_HEADER_LIMIT},
	        {72, 1, ENG_HEADER_OK},
	        {ENG_PAYLOAD_MAX, 1, ENG_HEADER_OK},
	        {ENG_PAYLOAD_MAX + 1, 1, ENG_HEADER_LIMIT},
	        {UINT32_MAX, 1, ENG_HEADER_LIMIT},
	        {72, 0, ENG_HEADER_LIMIT},
	        {72, UINT64_MAX, ENG_HEADER_OK},
	};

	for (size_t i = 0; i < ENG_COUNT(cases); i++) {
		struct eng_header h = some_header();
		uint8_t raw[ENG_FRAME_HEADER];

		h.payload_len = cases[i].len;
		h.seq = cases[i].seq;
		eng_header_encode(raw, &h);
		tap_int(eng_header_decode(&h, raw), cases[i].want, "length %" PRIu32 ", seq %" PRIu64,
		        cases[i].len, cases[i].seq);
	}
	tap_int((int64_t)eng_frame_size(ENG_PAYLOAD_MAX), (4 << 20) + 64, "the greatest frame");
	tap_int((int64_t)eng_frame_size(73), 144, "frames are padded to 8");
}

/* The definition, slowly. */
static uint8_t slow_witness(uint64_t ahead)
{
	uint8_t k = 0;

	while (k < 63 && (1ull << k) < ahead)
		k++;
	return k;
}

static void test_witness(void)
{
	struct eng_header h = some_header();
	unsigned wrong = 0, unsound = 0;

	for (uint64_t seq = 1; seq < 300; seq++)
		for (uint64_t durable = 0; durable < seq; durable++) {
			h.seq = seq;
			h.witness = eng_witness(seq, durable);
			wrong += h.witness != slow_witness(seq - durable);
			unsound += eng_witnessed(&h) > durable;
		}
	tap_int(wrong, 0, "witness = ceil(log2(seq - durable))");
	tap_int(unsound, 0, "a frame never vouches for more than was durable");
	h.seq = 10;
	h.witness = 0;
	tap_int(eng_witnessed(&h), 9, "written alone, it vouches for its predecessor");
	h.witness = 255;
	tap_int(eng_witnessed(&h), 0, "a witness byte out of range vouches for nothing");
}

/* -- payloads -------------------------------------------------------------- */

static void build(struct eng_buf *b, size_t nsubjects, size_t nrefs, bool run, const char *text)
{
	struct engram_id subjects[4] = {{{1}}, {{2}}, {{3}}, {{4}}}, id = {{9, 9}};
	struct eng_ref refs[3] = {{{{{7}}, 11}, 22, 0}, {{{{8}}, 12}, 23, 1}, {{{{9}}, 13}, 24, 2}};
	struct eng_payload_out o;

	eng_payload_begin(&o, b, subjects, nsubjects, refs, nrefs, run ? &id : NULL);
	eng_payload_element(&o, ENG_EL_TEXT, text, strlen(text));
	eng_payload_u32(&o, ENG_EL_CONFIDENCE, 7123);
	eng_payload_u64(&o, ENG_EL_SESSION, 0x0102030405060708);
	eng_payload_end(&o);
}

static void test_payload(void)
{
	struct eng_buf b = ENG_BUF_INIT;
	struct eng_elements it;
	struct eng_element el;
	struct eng_prelude p;
	struct eng_ref ref;

	eng_buf_add(&b, "xyz", 3); /* a payload may begin anywhere in a buf */
	build(&b, 2, 3, true, "remember");
	tap_int((b.n - 3) % 8, 0, "payload length is a multiple of 8");
	tap_int(eng_prelude_decode(&p, b.p + 3, b.n - 3, NULL), 0, "prelude decodes");
	tap_ok(p.nsubjects == 2 && p.nrefs == 3 && p.has_run && p.run.b[1] == 9, "counts and run");
	tap_int(eng_prelude_subject(&p, 1).b[0], 2, "second subject");
	ref = eng_prelude_ref(&p, 2);
	tap_ok(ref.dot.series.b[0] == 9 && ref.dot.seq == 13 && ref.header_check == 24 && ref.index == 2,
	       "third ref");
	eng_elements_begin(&it, &p, b.p + 3, b.n - 3);
	tap_ok(eng_elements_next(&it, &el) == 1 && el.type == ENG_EL_TEXT && el.index == 1 && el.n == 8 &&
	               memcmp(el.p, "remember", 8) == 0, "first element");
	tap_ok(eng_elements_next(&it, &el) == 1 && el.type == ENG_EL_CONFIDENCE && eng_get32(el.p) == 7123,
	       "second element");
	tap_ok(eng_elements_next(&it, &el) == 1 && el.index == 3 && eng_get64(el.p) == 0x0102030405060708,
	       "third element");
	tap_int(eng_elements_next(&it, &el), 0, "the end");
	tap_int(eng_elements_next(&it, &el), 0, "the end, again");
	eng_buf_free(&b);
}

/* Decoders read inside the payload whatever it says: sanitizers watch. */
static void test_payload_hostile(void)
{
	const uint64_t seed = 20261121;
	struct eng_buf b = ENG_BUF_INIT;
	unsigned outside = 0, rounds = 20000;
	struct eng_rng g;

	eng_rng_seed(&g, seed);
	for (unsigned i = 0; i < rounds; i++) {
		size_t n = eng_rng_below(&g, 200);
		uint8_t *copy;
		struct eng_elements it;
		struct eng_element el;
		struct eng_prelude p;

		eng_buf_reset(&b);
		build(&b, eng_rng_below(&g, 4), eng_rng_below(&g, 3), i % 2, "some text of a memory");
		for (unsigned k = 0; k < 3; k++)
			b.p[eng_rng_below(&g, i % 3 ? 40 : b.n)] = (uint8_t)eng_rng_next(&g);
		if (n > b.n)
			n = b.n;
		copy = eng_alloc(n);
		memcpy(copy, b.p, n);
		if (eng_prelude_decode(&p, copy, n, NULL) == 0) {
			eng_elements_begin(&it, &p, copy, n);
			while (eng_elements_next(&it, &el) > 0)
				outside += el.p < copy || el.p + el.n > copy + n;
		}
		eng_free(copy);
	}
	tap_int(outside, 0, "no element outside its payload (seed %" PRIu64 ")", seed);
	eng_buf_free(&b);
}

static void test_prelude_refusals(void)
{
	struct eng_buf b = ENG_BUF_INIT;
	struct engram_error err = {0};
	struct eng_prelude p;

	build(&b, 2, 0, false, "x");
	memset(b.p + 8, 9, 16); /* the first subject above the second */
	tap_int(eng_prelude_decode(&p, b.p, b.n, &err), ENGRAM_EINPUT, "subjects out of order");
	tap_ok(strstr(err.message, "ascending") != NULL, "and the message says so: %s", err.message);
	eng_set32(b.p, (uint32_t)b.n);
	tap_int(eng_prelude_decode(&p, b.p, b.n, &err), ENGRAM_EINPUT,
	        "no room for a stub behind the prelude");
	tap_int(eng_prelude_decode(&p, b.p, 71, &err), ENGRAM_EINPUT, "shorter than any payload");
	eng_buf_free(&b);
}

static void test_stub(void)
{
	struct eng_dot killer = {{{5, 6, 7}}, 4711};
	struct eng_buf b = ENG_BUF_INIT;
	struct eng_header h = some_header();
	struct eng_stub stub;
	unsigned missed = 0;

	build(&b, 3, 1, false, "a text that is to go");
	h.payload_len = (uint32_t)b.n;
	h.payload_check = XXH3_64bits(b.p, b.n);
	tap_ok(eng_payload_ok(&h, b.p), "payload passes its check");
	tap_int(eng_stub_make(b.p, b.n, &killer), 0, "becomes a stub in place");
	tap_ok(memmem(b.p, b.n, "text", 4) == NULL, "no word is left");
	tap_int(eng_stub_decode(&stub, b.p, b.n), 0, "stub decodes");
	tap_ok(stub.killer.seq == 4711 && eng_series_cmp(&stub.killer.series, &killer.series) == 0,
	       "and names its killer");
	tap_ok(!eng_payload_ok(&h, b.p), "it is not a full frame");
	h.flags |= ENG_FLAG_STUB;
	tap_ok(eng_payload_ok(&h, b.p), "it is a stub");
	for (size_t bit = 0; bit < 8 * b.n; bit++) {
		b.p[bit / 8] ^= (uint8_t)(1 << bit % 8);
		missed += eng_stub_decode(&stub, b.p, b.n) == 0;
		b.p[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	tap_int(missed, 0, "every single bit flip of a stub is found");
	eng_buf_free(&b);
}

/* A payload of nothing still has room for a stub. */
static void test_smallest(void)
{
	struct eng_dot killer = {{{1}}, 1};
	struct eng_buf b = ENG_BUF_INIT;
	struct eng_payload_out o;

	eng_payload_begin(&o, &b, NULL, 0, NULL, 0, NULL);
	tap_int(eng_payload_end(&o), 72, "the least payload has 72 bytes");
	tap_int(eng_stub_make(b.p, b.n, &killer), 0, "and becomes a stub");
	eng_buf_free(&b);
}

/* -- segments ---------------------------------------------------------------- */

static void test_segment(void)
{
	struct eng_segment_header h = {1, 0xdeadbeef, {{1, 2}}, {{3, 4}}, 77}, back;
	uint8_t raw[ENG_SEGMENT_HEADER];
	unsigned missed = 0;
	bool zero;

	eng_segment_encode(raw, &h);
	tap_int(eng_segment_decode(&back, raw, &zero), 0, "segment header decodes");
	tap_ok(!zero && memcmp(&back, &h, sizeof h) == 0, "segment header round trip");
	for (size_t bit = 0; bit < 8 * sizeof raw; bit++) {
		raw[bit / 8] ^= (uint8_t)(1 << bit % 8);
		missed += eng_segment_decode(&back, raw, &zero) == 0;
		raw[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	tap_int(missed, 0, "every single bit flip of a segment header is found");
	h.version = 2;
	eng_segment_encode(raw, &h);
	tap_int(eng_segment_decode(&back, raw, &zero), ENGRAM_EVERSION, "another version is not understood");
	memset(raw, 0, sizeof raw);
	tap_ok(eng_segment_decode(&back, raw, &zero) == ENGRAM_EDAMAGED && zero, "zeros are told apart");
}

static void test_names(void)
{
	static const char *const bad[] = {
	        "0000000000000000.wal", "000000000000000g.wal", "00000000000000ff.wa", "00000000000000FF.wal",
	        "00000000000000ff.wal~", "", "mark",
	};
	char name[ENG_SEGMENT_NAME + 1], dir[ENG_SERIES_NAME + 1];
	struct eng_series s = {{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 255}}, back;
	unsigned taken = 0;
	uint64_t seq;

	eng_segment_name(name, 0xfedcba9876543210);
	tap_str(name, "fedcba9876543210.wal", "segment name");
	tap_ok(eng_segment_name_parse(&seq, name) && seq == 0xfedcba9876543210, "segment name parses");
	for (size_t i = 0; i < ENG_COUNT(bad); i++)
		taken += eng_segment_name_parse(&seq, bad[i]);
	tap_int(taken, 0, "other names are not taken for segments");
	eng_series_name(dir, &s);
	tap_str(dir, "000102030405060708090a0b0c0d0eff", "series name");
	tap_ok(eng_series_name_parse(&back, dir) && eng_series_cmp(&s, &back) == 0, "series name parses");
	tap_ok(!eng_series_name_parse(&back, "000102030405060708090a0b0c0d0ef"),
	       "a short series name does not");
}

/* -- ids ---------------------------------------------------------------------- */

static struct engram_id id_of(uint8_t space, unsigned has, const char *text, const char *source)
{
	struct engram_id s = {{space}};
	struct engram_memory m = {.has = has, .text = eng_str(text), .source = eng_str(source),
	                          .key = eng_str("k")};

	m.occurred_us = 5;
	m.confidence = 1;
	return eng_memory_id(&s, &m);
}

static bool same(struct engram_id a, struct engram_id b)
{
	return eng_id_cmp(&a, &b) == 0;
}

/* The id of a vector as the format has it, hashed in one piece. */
static struct engram_id id_of_bytes(const struct engram_id *space, const float *x, size_t dim)
{
	static uint8_t bytes[10 + 4 * ENGRAM_DIM_MAX];
	XXH128_canonical_t raw;
	uint8_t secret[192];
	struct engram_id id;

	bytes[0] = 2; /* by content */
	bytes[1] = ENG_EL_VECTOR;
	eng_set64(bytes + 2, 4 * (uint64_t)dim);
	for (size_t i = 0; i < dim; i++) {
		uint32_t bits;

		memcpy(&bits, &x[i], sizeof bits);
		eng_set32(bytes + 10 + 4 * i, bits);
	}
	XXH3_generateSecret(secret, sizeof secret, space->b, sizeof space->b);
	XXH128_canonicalFromHash(&raw, XXH3_128bits_withSecret(bytes, 10 + 4 * dim, secret, sizeof secret));
	memcpy(id.b, raw.digest, sizeof id.b);
	return id;
}

static void test_vector_ids(void)
{
	static float x[ENGRAM_DIM_MAX];
	struct engram_id space = {{7}};
	struct engram_memory m = {.has = ENGRAM_VECTOR, .vector = x};
	long wrong = 0;

	for (size_t i = 0; i < ENGRAM_DIM_MAX; i++)
		x[i] = (float)i / 3 - 1;
	for (m.dim = 1; m.dim <= 400; m.dim++)
		wrong += !same(eng_memory_id(&space, &m), id_of_bytes(&space, x, m.dim));
	m.dim = ENGRAM_DIM_MAX;
	wrong += !same(eng_memory_id(&space, &m), id_of_bytes(&space, x, m.dim));
	tap_int(wrong, 0, "the ids of vectors of 1 to 400 and of 4,096 numbers");
}

static void test_ids(void)
{
	const unsigned T = ENGRAM_TEXT, S = ENGRAM_SOURCE, K = ENGRAM_KEY;
	const float v[2] = {1, 2}, w[2] = {1, 3};
	struct engram_id space = {{1}}, a, b;
	struct engram_memory m = {.has = ENGRAM_VECTOR, .vector = v, .dim = 2};
	char text[ENGRAM_ID_TEXT + 1];

	tap_ok(same(id_of(1, T, "ab", "c"), id_of(1, T, "ab", "other")),
	       "a field that is not stated does not count");
	tap_ok(!same(id_of(1, T, "ab", ""), id_of(1, T | S, "ab", "")), "absent is not empty");
	tap_ok(!same(id_of(1, T | S, "ab", "c"), id_of(1, T | S, "a", "bc")),
	       "fields do not run into each other");
	tap_ok(!same(id_of(1, T, "ab", ""), id_of(2, T, "ab", "")), "another space, another id");
	tap_ok(same(id_of(1, T | K, "ab", ""), id_of(1, T | S | K, "xy", "z")), "with a key, the key alone");
	tap_ok(!same(id_of(1, T, "k", ""), id_of(1, K, "k", "")), "a key is not a text");
	tap_ok(same(id_of(1, T, "ab", ""), id_of(1, T | ENGRAM_CONFIDENCE, "ab", "")),
	       "confidence is not identity");
	tap_ok(!same(id_of(1, T, "ab", ""), id_of(1, T | ENGRAM_OCCURRED, "ab", "")),
	       "the time of the event is");
	a = eng_memory_id(&space, &m);
	m.vector = w;
	b = eng_memory_id(&space, &m);
	tap_ok(!same(a, b), "without a text, the vector");
	m.has |= ENGRAM_TEXT;
	m.text = eng_str("t");
	b = eng_memory_id(&space, &m);
	m.vector = v;
	a = eng_memory_id(&space, &m);
	tap_ok(same(a, b), "with a text, not the vector");
	a = id_of(1, T, "ab", "");
	engram_id_format(text, &a);
	tap_str(text, "7ep7qdyc10gwam6bcmcewxhy9e", "the id of a known memory never changes");
}

static void test_stamps(void)
{
	const int64_t ms = 1000;

	tap_int(eng_hlc_next(5 * ms, 0, 0), 5 << 16, "the clock");
	tap_int(eng_hlc_next(5 * ms, (5 << 16) + 3, 0), (5 << 16) + 4, "the last one plus one");
	tap_int(eng_hlc_next(5 * ms, 1, 6 << 16), (6 << 16) + 1, "above the floor");
	tap_int(eng_hlc_next(5 * ms, (5 << 16) + 0xffff, 0), 6 << 16, "a full counter borrows a millisecond");
	tap_int(eng_hlc_next(-1, 0, 0), 1, "before 1970");
	tap_int(eng_hlc_ahead_ms(9 << 16, 5 * ms), 4, "ahead");
	tap_int(eng_hlc_ahead_ms(5 << 16, 9 * ms), -4, "behind");
}

static void test_holds(void)
{
	const int64_t ms = 1000, year = 365ll * 86400 * 1000 * ms, now = 1700000000000ll * ms;
	const eng_stamp at = (eng_stamp)(now / ms) << 16, bound = (eng_stamp)ENG_HOLD_BOUND_MS << 16;
	eng_stamp horizon = eng_hlc_horizon(now, ENG_HOLD_BOUND_MS), far = (eng_stamp)((now + year) / ms) << 16;

	tap_ok(!eng_hlc_held(at, horizon, false) && !eng_hlc_held(at - bound, horizon, false), "now and before: not held");
	tap_ok(!eng_hlc_held(at + bound, horizon, false), "at the bound: not held");
	tap_ok(!eng_hlc_held(at + bound + 0xffff, horizon, false), "nor in any count of its millisecond");
	tap_ok(eng_hlc_held(at + bound + 0x10000, horizon, false), "a millisecond beyond: held");
	tap_ok(eng_hlc_held(far, horizon, false) && !eng_hlc_held(far, horizon, true), "but not what this store wrote");
	tap_ok(!eng_hlc_held(far, eng_hlc_horizon(eng_hlc_release_us(far, ENG_HOLD_BOUND_MS), ENG_HOLD_BOUND_MS), false),
	       "released when the clock is near");
	tap_ok(eng_hlc_held(far, eng_hlc_horizon(eng_hlc_release_us(far, ENG_HOLD_BOUND_MS) - 1, ENG_HOLD_BOUND_MS),
	                    false), "and not a microsecond before");
	tap_int(eng_hlc_release_us(5 << 16, ENG_HOLD_BOUND_MS), 0, "one that never was");
	tap_ok(eng_hlc_horizon(0, 0) == 0xffff && eng_hlc_horizon(-1, 0) == 0xffff, "a clock at or before 1970");
	tap_ok(!eng_hlc_held(UINT64_MAX, eng_hlc_horizon(INT64_MAX, 0), false), "a clock beyond 48 bits holds nothing");
	tap_ok(!eng_hlc_held(at, eng_hlc_horizon(now, UINT32_MAX), false), "the greatest bound");
}

/* -- births, retirements, forks -------------------------------------------------- */

static void test_birth(void)
{
	struct eng_birth in = {.reason = ENG_BIRTH_NEW}, out;
	struct eng_buf b = ENG_BUF_INIT;
	struct engram_error err;

	eng_birth_payload(&b, &in);
	tap_int(eng_birth_decode(&out, b.p, b.n, &err), 0, "a birth without a parent");
	tap_ok(out.reason == ENG_BIRTH_NEW && !out.has_parent, "is one");
	eng_buf_reset(&b);
	in = (struct eng_birth){ENG_BIRTH_FORK, true, {.seq = 77, .header_check = 0xdeadbeef}};
	memset(in.parent.series.b, 0xa5, sizeof in.parent.series.b);
	eng_birth_payload(&b, &in);
	tap_int(eng_birth_decode(&out, b.p, b.n, &err), 0, "with one");
	tap_ok(out.reason == in.reason && out.has_parent && out.parent.seq == 77 &&
	       out.parent.header_check == 0xdeadbeef && eng_series_cmp(&out.parent.series, &in.parent.series) == 0,
	       "reason and parent come back");
	eng_buf_free(&b);
}

static void test_fork(void)
{
	struct eng_fork in = {.seq = 1ull << 40, .checks = {9, 4}}, out, swapped = in;
	struct eng_buf b = ENG_BUF_INIT, c = ENG_BUF_INIT;
	struct engram_error err;
	struct eng_series series;
	unsigned wrong = 0;

	memset(in.series.b, 0x5a, sizeof in.series.b);
	swapped.series = in.series;
	swapped.checks[0] = 4;
	swapped.checks[1] = 9;
	eng_fork_payload(&b, &in);
	eng_fork_payload(&c, &swapped);
	tap_ok(b.n == c.n && memcmp(b.p, c.p, b.n) == 0, "both finders of a fork say the same");
	tap_int(eng_fork_decode(&out, b.p, b.n, &err), 0, "it can be read");
	tap_ok(out.seq == in.seq && out.checks[0] == 4 && out.checks[1] == 9 &&
	       eng_series_cmp(&out.series, &in.series) == 0, "and says it");
	tap_int(eng_retire_decode(&series, b.p, b.n, &err), ENGRAM_EINPUT, "it is no retirement");
	for (size_t i = 0; i < b.n; i++)
		wrong += eng_fork_decode(&out, b.p, i, &err) == 0;
	tap_int(wrong, 0, "cut anywhere it is refused");
	eng_buf_reset(&c);
	eng_retire_payload(&c, &in.series);
	tap_int(eng_retire_decode(&series, c.p, c.n, &err), 0, "a retirement");
	tap_ok(eng_series_cmp(&series, &in.series) == 0, "names its series");
	tap_int(eng_fork_decode(&out, c.p, c.n, &err), ENGRAM_EINPUT, "it is no fork");
	in.seq = 0;
	eng_buf_reset(&b);
	eng_fork_payload(&b, &in);
	tap_int(eng_fork_decode(&out, b.p, b.n, &err), ENGRAM_EINPUT, "no fork before the first frame");
	eng_buf_free(&b);
	eng_buf_free(&c);
}

int main(void)
{
	test_header();
	test_branch_name();
	test_header_limits();
	test_witness();
	test_payload();
	test_payload_hostile();
	test_prelude_refusals();
	test_stub();
	test_smallest();
	test_segment();
	test_names();
	test_ids();
	test_vector_ids();
	test_stamps();
	test_holds();
	test_birth();
	test_fork();
	return tap_done();
}
