/* le.h - little-endian loads and stores; every format goes through these. */
#ifndef ENG_BASE_LE_H
#define ENG_BASE_LE_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define ENG_LE16(x) (x)
#define ENG_LE32(x) (x)
#define ENG_LE64(x) (x)
#else
#define ENG_LE16(x) __builtin_bswap16(x)
#define ENG_LE32(x) __builtin_bswap32(x)
#define ENG_LE64(x) __builtin_bswap64(x)
#endif

#define ENG_LE_PAIR(bits) \
	static inline uint##bits##_t eng_get##bits(const void *p) \
	{ \
		uint##bits##_t v; \
		memcpy(&v, p, sizeof v); \
		return ENG_LE##bits(v); \
	} \
	static inline void eng_set##bits(void *p, uint##bits##_t v) \
	{ \
		v = ENG_LE##bits(v); \
		memcpy(p, &v, sizeof v); \
	}
ENG_LE_PAIR(16)
ENG_LE_PAIR(32)
ENG_LE_PAIR(64)
#undef ENG_LE_PAIR

/* Floats as bytes: one at a time where the machine is not little-endian. */
static inline void eng_set_floats(void *p, const float *x, size_t n)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	memcpy(p, x, n * sizeof *x);
#else
	for (size_t i = 0; i < n; i++) {
		uint32_t bits;

		memcpy(&bits, &x[i], sizeof bits);
		eng_set32((char *)p + 4 * i, bits);
	}
#endif
}

#endif
