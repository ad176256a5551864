/* wide.h - a function compiled twice: for any processor, and for registers of 32 bytes.
 *
 * Its body is ENG_INLINE; around it stand a function of that body and one marked
 * ENG_FOR_AVX2, and who calls asks eng_has_avx2().  Bodies hold integers, or floats that
 * are only added and multiplied: AVX2 alone cannot fuse the two, so both give the same. */
#ifndef ENG_BASE_WIDE_H
#define ENG_BASE_WIDE_H

#include <stdbool.h>

#define ENG_INLINE static inline __attribute__((always_inline))

#if defined(__x86_64__)

#define ENG_AVX2 1
#define ENG_FOR_AVX2 __attribute__((target("avx2")))

static inline bool eng_has_avx2(void)
{
	return __builtin_cpu_supports("avx2");
}

#else
#define ENG_AVX2 0
#endif

#endif
