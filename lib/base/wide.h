/* wide.h - a function compiled twice: for any processor, and for registers of 32 bytes.
 *
 * The body f is ENG_INLINE; around it stands avx2_f, marked ENG_FOR_AVX2, and callers say
 * ENG_BEST(f, arguments).  Bodies hold integers, or floats that
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

#define ENG_BEST(f, ...) (eng_has_avx2() ? avx2_##f(__VA_ARGS__) : f(__VA_ARGS__))

#else
#define ENG_AVX2 0
#define ENG_BEST(f, ...) f(__VA_ARGS__)
#endif

#endif
