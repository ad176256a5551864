/* hash.c - xxHash of long inputs, for the processor at hand (hash_avx2.c has the other). */
#include "base/hash_int.h"

#if ENG_AVX2

uint64_t eng_hash64_long(const void *p, size_t n)
{
	return eng_has_avx2() ? eng_hash64_avx2(p, n) : XXH3_64bits(p, n);
}

void eng_hash128_add(XXH3_state_t *state, const void *p, size_t n)
{
	if (n > XXH3_MIDSIZE_MAX && eng_has_avx2())
		eng_hash128_add_avx2(state, p, n);
	else
		XXH3_128bits_update(state, p, n);
}

#else

uint64_t eng_hash64_long(const void *p, size_t n)
{
	return XXH3_64bits(p, n);
}

void eng_hash128_add(XXH3_state_t *state, const void *p, size_t n)
{
	XXH3_128bits_update(state, p, n);
}

#endif
