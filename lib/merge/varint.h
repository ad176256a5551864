/* varint.h - numbers in the records of the state: base 128, low group first,
 * in the shortest form only. */
#ifndef ENG_MERGE_VARINT_H
#define ENG_MERGE_VARINT_H

#include "base/buf.h"

enum { ENG_VARINT_MAX = 10 };

/* p has room for ENG_VARINT_MAX bytes; where the next one goes. */
static inline uint8_t *eng_put_varint(uint8_t *p, uint64_t v)
{
	for (; v >= 0x80; v >>= 7)
		*p++ = (uint8_t)(v | 0x80);
	*p++ = (uint8_t)v;
	return p;
}

/* At most max; anything else marks the reader bad. */
static inline uint64_t eng_get_varint(struct eng_reader *r, uint64_t max)
{
	uint64_t v = 0;
	uint8_t b;

	for (unsigned shift = 0; shift < 64; shift += 7) {
		if (r->p == r->end)
			break;
		b = *r->p++;
		if (shift == 63 && b > 1)
			break;
		v |= (uint64_t)(b & 0x7f) << shift;
		if (b & 0x80)
			continue;
		if (v > max || (b == 0 && shift > 0))
			break; /* too large, or not the shortest form */
		return v;
	}
	r->bad = true;
	return 0;
}

#endif
