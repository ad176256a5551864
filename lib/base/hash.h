/* hash.h - xxHash, inlined once per user, so that no program links libxxhash.
 *
 * Inlined it is compiled for any processor; what is long goes through the functions
 * below, which use wider registers where there are: the same hash in half the time. */
#ifndef ENG_BASE_HASH_H
#define ENG_BASE_HASH_H

#define XXH_INLINE_ALL
#include <xxhash.h>

uint64_t eng_hash64_long(const void *p, size_t n);
/* More input of an XXH3-128 that was begun. */
void eng_hash128_add(XXH3_state_t *state, const void *p, size_t n);

/* XXH3-64. */
static inline uint64_t eng_hash64(const void *p, size_t n)
{
	return n <= XXH3_MIDSIZE_MAX ? XXH3_64bits(p, n) : eng_hash64_long(p, n);
}

#endif
