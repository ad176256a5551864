/* types.h - the scalars that several areas share. */
#ifndef ENG_BASE_TYPES_H
#define ENG_BASE_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "engram.h"

/* Name of one log: random, never reused. */
struct eng_series {
	uint8_t b[16];
};

/* Hybrid logical clock stamp: 48-bit milliseconds since 1970 in the high
 * bits, 16-bit counter in the low ones.  Strictly increasing in a series. */
typedef uint64_t eng_stamp;

/* 128-bit sum, for digests; arithmetic is mod 2^128. */
typedef unsigned __int128 eng_u128;

/* One frame by name.  `seq` counts from 1. */
struct eng_dot {
	struct eng_series series;
	uint64_t seq;
};

/* A position in a series: equal only if all three are. */
struct eng_position {
	struct eng_series series;
	uint64_t seq;          /* 0 = nothing yet */
	uint32_t header_check; /* of the frame at seq; 0 at seq 0 */
};

/* Where a frame lies: the segment by its first seq, and the offset in it. */
struct eng_place {
	uint64_t segment;
	uint32_t offset;
};

/* Bytes that belong to somebody else. */
struct eng_bytes {
	const void *p;
	size_t n;
};
static inline struct eng_bytes eng_bytes(const void *p, size_t n)
{
	return (struct eng_bytes){p, n};
}

static inline int64_t eng_stamp_us(eng_stamp s)
{
	return (int64_t)(s >> 16) * 1000;
}

/* The greatest stamp that is not later. */
static inline eng_stamp eng_stamp_last(int64_t us)
{
	if (us < 0)
		return 0;
	return us / 1000 < INT64_C(1) << 48 ? (eng_stamp)(us / 1000) << 16 | 0xffff : UINT64_MAX;
}

static inline int eng_id_cmp(const struct engram_id *a, const struct engram_id *b)
{
	return memcmp(a->b, b->b, sizeof a->b);
}

static inline int eng_series_cmp(const struct eng_series *a, const struct eng_series *b)
{
	return memcmp(a->b, b->b, sizeof a->b);
}

static inline struct engram_str eng_str(const char *z)
{
	return (struct engram_str){z, z ? strlen(z) : 0};
}

static inline bool eng_str_eq(struct engram_str a, struct engram_str b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

#define ENG_COUNT(a) (sizeof(a) / sizeof((a)[0]))

#endif
