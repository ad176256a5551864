/* hash_int.h - what hash.c and hash_avx2.c share. */
#ifndef ENG_BASE_HASH_INT_H
#define ENG_BASE_HASH_INT_H

#include "base/hash.h"
#include "base/wide.h"

#if ENG_AVX2
uint64_t eng_hash64_avx2(const void *p, size_t n);
void eng_hash128_add_avx2(XXH3_state_t *state, const void *p, size_t n);
#endif

#endif
