/* le.h - little-endian loads and stores; every format goes through these. */
#ifndef ENG_BASE_LE_H
#define ENG_BASE_LE_H

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

#endif
