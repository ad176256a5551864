/* hash_avx2.c - xxHash compiled for AVX2; only hash.c calls it, having asked the processor.
 *
 * The whole header is read under the target, so that nothing of it is compiled for
 * another one here. */
#if defined(__x86_64__)

#include <immintrin.h>

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2")
#endif
#define XXH_VECTOR 2 /* XXH_AVX2 */
#include "base/hash_int.h"

uint64_t eng_hash64_avx2(const void *p, size_t n)
{
	return XXH3_64bits(p, n);
}

void eng_hash128_add_avx2(XXH3_state_t *state, const void *p, size_t n)
{
	XXH3_128bits_update(state, p, n);
}

#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

#endif
