/* hash.h - xxHash, inlined once per user, so that no program links libxxhash. */
#ifndef ENG_BASE_HASH_H
#define ENG_BASE_HASH_H

#define XXH_INLINE_ALL
#include <xxhash.h>

#endif
