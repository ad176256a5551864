/* rng.h - a seeded generator for tests and tie-free sampling; xoshiro256**,
 * seeded by splitmix64.  Not for secrets and not for ids. */
#ifndef ENG_BASE_RNG_H
#define ENG_BASE_RNG_H

#include <stdint.h>

struct eng_rng {
	uint64_t s[4];
};

void eng_rng_seed(struct eng_rng *g, uint64_t seed);
uint64_t eng_rng_next(struct eng_rng *g);
/* Uniform in [0, n), n > 0, without modulo bias. */
uint64_t eng_rng_below(struct eng_rng *g, uint64_t n);

#endif
