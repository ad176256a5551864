/* test_base_hash.c - the hash of long inputs is that of xxHash, whatever the registers. */
#include "../lib/tap.h"

#include "base/hash.h"
#include "base/rng.h"

#define MOST 9000 /* several stripes of stripes */

static uint8_t bytes[MOST + 64];

static bool same_64(size_t n, size_t offset)
{
	return eng_hash64(bytes + offset, n) == XXH3_64bits(bytes + offset, n);
}

/* n bytes in pieces, by the one and by the other. */
static bool same_128(size_t n, struct eng_rng *rng)
{
	XXH3_state_t ours, theirs;
	XXH128_hash_t a, b;

	XXH3_128bits_reset(&ours);
	XXH3_128bits_reset(&theirs);
	for (size_t at = 0, some; at < n; at += some) {
		some = 1 + eng_rng_below(rng, 1500);
		some = some < n - at ? some : n - at;
		eng_hash128_add(&ours, bytes + at, some);
		XXH3_128bits_update(&theirs, bytes + at, some);
	}
	a = XXH3_128bits_digest(&ours);
	b = XXH3_128bits_digest(&theirs);
	return a.low64 == b.low64 && a.high64 == b.high64;
}

int main(void)
{
	struct eng_rng rng;
	int one = 0, parts = 0;

	eng_rng_seed(&rng, 5);
	for (size_t i = 0; i < sizeof bytes; i++)
		bytes[i] = (uint8_t)eng_rng_below(&rng, 256);
	for (size_t n = 0; n <= MOST; n += n < 1200 ? 1 : 77)
		one += same_64(n, n % 64) ? 0 : 1;
	tap_int(one, 0, "64 bits, by length and place in memory");
	for (size_t n = 0; n <= MOST; n += 133)
		parts += same_128(n, &rng) ? 0 : 1;
	tap_int(parts, 0, "128 bits, in pieces");
	return tap_done();
}
