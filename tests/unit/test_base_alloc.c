/* test_base_alloc.c - alloc, buf and arena, also when memory runs out. */
#include "../lib/failalloc.h"

#include <errno.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/rng.h"

static void test_alloc(void)
{
	struct failalloc f;
	void *volatile huge; /* else the compiler may assume that it cannot fail */
	void *p, *q;

	p = eng_alloc(0);
	tap_ok(p != NULL, "nothing can be allocated");
	eng_free(p);
	p = eng_calloc(3, 5);
	tap_ok(p && memcmp(p, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 15) == 0, "calloc zeroes");
	p = eng_realloc(p, 0);
	tap_ok(p != NULL, "resizing to nothing keeps a pointer");
	eng_free(p);
	huge = eng_calloc(SIZE_MAX / 2, 3);
	tap_ok(huge == NULL, "calloc refuses a product that overflows");
	errno = 77;
	eng_free(NULL);
	eng_free(eng_alloc(1));
	tap_int(errno, 77, "free keeps errno");

	failalloc_begin(&f, 2);
	p = eng_alloc(1);
	tap_ok(p && !eng_alloc(1), "the second allocation fails");
	q = eng_realloc(NULL, 1);
	tap_ok(q && f.live == 2, "the third does not; two live");
	eng_free(q);
	tap_int(failalloc_end(&f), 1, "what lives is counted");
	eng_free(p);
}

static void test_buf(void)
{
	static const uint8_t wanted[] = {'x', 'y', 1, 3, 2, 7, 6, 5, 4, 15, 14, 13, 12,
	                                11, 10, 9, 8, 0, '-', '1', '2', 0, 0, 0};
	struct eng_buf b = ENG_BUF_INIT;
	struct eng_reader r;

	eng_buf_add(&b, NULL, 0);
	eng_buf_str(&b, "xy");
	eng_buf_byte(&b, 1);
	eng_buf_u16(&b, 0x0203);
	eng_buf_u32(&b, 0x04050607);
	eng_buf_u64(&b, UINT64_C(0x08090a0b0c0d0e0f));
	eng_buf_zero(&b, 1);
	eng_buf_printf(&b, "%d", -12);
	eng_buf_align8(&b);
	tap_ok(!b.failed && b.n == sizeof wanted && memcmp(b.p, wanted, b.n) == 0, "appends are little-endian");
	eng_buf_align8(&b);
	tap_int(b.n, sizeof wanted, "aligned stays");

	r = (struct eng_reader){b.p, b.p + b.n, false};
	tap_ok(memcmp(eng_read_bytes(&r, 2), "xy", 2) == 0 && eng_read_u8(&r) == 1 && eng_read_u16(&r) == 0x0203 &&
	               eng_read_u32(&r) == 0x04050607 && eng_read_u64(&r) == UINT64_C(0x08090a0b0c0d0e0f),
	       "what was appended is read");
	tap_ok(eng_read_u64(&r) == 0 && r.bad, "reading past the end gives 0 and bad");
	tap_ok(eng_read_u8(&r) == 0 && !eng_read_bytes(&r, 0) && r.bad, "bad stays");
	r = (struct eng_reader){b.p, b.p + 3, false};
	tap_ok(!eng_read_bytes(&r, SIZE_MAX) && r.bad, "a length that would wrap is bad");

	eng_buf_reset(&b);
	tap_ok(b.n == 0 && b.cap > 0, "reset keeps memory");
	tap_ok(!eng_buf_reserve(&b, SIZE_MAX) && b.failed, "what cannot be had fails");
	eng_buf_str(&b, "more");
	tap_int(b.n, 0, "after a failure appends do nothing");
	eng_buf_free(&b);
	tap_ok(!b.p && !b.n && !b.cap && !b.failed, "free goes back to the beginning");
}

static int fill_buf(void *data)
{
	struct eng_buf b = ENG_BUF_INIT;
	bool failed;

	for (uint32_t i = 0; i < 2000; i++) {
		eng_buf_u32(&b, i);
		eng_buf_printf(&b, "%u", i);
	}
	/* Whatever failed, what is there is a beginning of what was meant. */
	failed = b.failed || (b.n >= 4 && memcmp(b.p, "\0\0\0\0", 4) != 0);
	eng_buf_free(&b);
	return failed ? ENGRAM_ENOMEM : 0;
}

static void test_arena(void)
{
	struct eng_arena a = ENG_ARENA_INIT;
	struct engram_str s;
	struct eng_rng g;
	struct {
		uint8_t *p;
		size_t n;
	} given[500];
	bool good = true;

	eng_rng_seed(&g, 7);
	for (unsigned round = 0; round < 3; round++) {
		for (unsigned i = 0; i < 500; i++) {
			size_t n = (size_t)eng_rng_below(&g, i % 50 == 0 ? 100000 : 300);
			uint8_t *p = i % 3 ? eng_arena_alloc(&a, n) : eng_arena_calloc(&a, n, 1);

			good &= p && (uintptr_t)p % 16 == 0;
			for (size_t k = 0; i % 3 == 0 && k < n; k++)
				good &= p[k] == 0;
			memset(p, (int)(i & 0xff), n);
			given[i].p = p;
			given[i].n = n;
		}
		for (unsigned i = 0; i < 500; i++)
			for (size_t k = 0; k < given[i].n; k++)
				good &= given[i].p[k] == (i & 0xff);
		eng_arena_reset(&a);
	}
	tap_ok(good, "1,500 pieces of all sizes are aligned, apart, and zeroed where asked (seed 7)");
	tap_ok(eng_arena_str(&a, &s, (struct engram_str){"abc", 2}) == 0 && s.n == 2 && strcmp(s.p, "ab") == 0,
	       "a copied string ends in NUL");
	tap_ok(eng_arena_str(&a, &s, (struct engram_str){NULL, 0}) == 0 && !s.p, "an absent string stays absent");
	tap_ok(eng_arena_str(&a, &s, (struct engram_str){"", 0}) == 0 && s.p && s.n == 0, "an empty one stays empty");
	tap_ok(!eng_arena_alloc(&a, SIZE_MAX) && !eng_arena_alloc(&a, SIZE_MAX - 4096) &&
	               !eng_arena_calloc(&a, SIZE_MAX / 2, 3),
	       "sizes that overflow are refused");
	tap_ok(eng_arena_dup(&a, NULL, 0) != NULL, "nothing can be copied");
	eng_arena_free(&a);
	eng_arena_reset(&a);
	eng_arena_free(&a);
	tap_ok(!a.blocks, "free and reset may be repeated");
}

static int fill_arena(void *data)
{
	struct eng_arena a = ENG_ARENA_INIT;
	struct engram_str s;
	int r = 0;

	for (size_t n = 1; n < 200000 && r == 0; n = n * 3 / 2 + 1) {
		if (!eng_arena_alloc(&a, n) || !eng_arena_dup(&a, "abc", 3))
			r = ENGRAM_ENOMEM;
		else
			r = eng_arena_str(&a, &s, (struct engram_str){"xyz", 3});
	}
	eng_arena_free(&a);
	return r;
}

static int reuse_arena(void *data)
{
	struct eng_arena a = ENG_ARENA_INIT;
	int r = 0;

	for (int i = 0; i < 50 && r == 0; i++) {
		for (int k = 0; k < 100 && r == 0; k++)
			r = eng_arena_alloc(&a, 40) ? 0 : ENGRAM_ENOMEM;
		eng_arena_reset(&a);
	}
	eng_arena_free(&a);
	return r;
}

int main(void)
{
	struct failalloc f;

	test_alloc();
	test_buf();
	failalloc_each(fill_buf, NULL, "filling a buf");
	test_arena();
	failalloc_each(fill_arena, NULL, "filling an arena");
	failalloc_begin(&f, 0);
	reuse_arena(NULL);
	tap_int(failalloc_end(&f), 0, "an arena gives back all its blocks");
	tap_int(f.calls, 2, "an arena used again and again keeps the block it grew to");
	return tap_done();
}
