/* base32.h - Crockford base 32 of 128 bits in 26 characters. */
#ifndef ENG_BASE_BASE32_H
#define ENG_BASE_BASE32_H

#include <stdbool.h>
#include <stddef.h>

#include "engram.h"

/* Reads a prefix of 1..26 characters (any case; i l = 1, o = 0; no u) into the
 * range [lo, hi] of ids that begin with it.  False: not base 32, too long, or
 * above 2^128. */
bool eng_base32_range(struct engram_id *lo, struct engram_id *hi, const char *text, size_t n);

#endif
