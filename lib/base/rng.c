/* rng.c - xoshiro256** 1.0 (Blackman and Vigna), seeded by splitmix64. */
#include "base/rng.h"

static uint64_t splitmix64(uint64_t *state)
{
	uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

static uint64_t rotl(uint64_t x, int k)
{
	return x << k | x >> (64 - k);
}

void eng_rng_seed(struct eng_rng *g, uint64_t seed)
{
	for (int i = 0; i < 4; i++)
		g->s[i] = splitmix64(&seed);
}

uint64_t eng_rng_next(struct eng_rng *g)
{
	uint64_t *s = g->s;
	uint64_t result = rotl(s[1] * 5, 7) * 9;
	uint64_t t = s[1] << 17;

	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = rotl(s[3], 45);
	return result;
}

/* The high word of next * n is uniform but for the products whose low word
 * falls below 2^64 mod n; those are drawn again (Lemire 2019). */
uint64_t eng_rng_below(struct eng_rng *g, uint64_t n)
{
	unsigned __int128 m = (unsigned __int128)eng_rng_next(g) * n;

	if ((uint64_t)m < n) {
		uint64_t floor = -n % n;

		while ((uint64_t)m < floor)
			m = (unsigned __int128)eng_rng_next(g) * n;
	}
	return (uint64_t)(m >> 64);
}
