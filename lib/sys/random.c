/* random.c - the kernel's random numbers, and the seeded ones of ENGRAM_SEED. */
#include "sys/posix.h"

#include <errno.h>
#include <pthread.h>
#include <sys/random.h>

#include "base/num.h"
#include "base/rng.h"

static pthread_once_t seed_once = PTHREAD_ONCE_INIT;
static pthread_mutex_t seed_lock = PTHREAD_MUTEX_INITIALIZER;
static struct eng_rng seeded_rng;
static bool seeded;

static void read_seed(void)
{
	const char *text = eng_sys_env("ENGRAM_SEED");
	uint64_t seed;

	seeded = text && eng_parse_u64(&seed, text, strlen(text));
	if (seeded)
		eng_rng_seed(&seeded_rng, seed);
}

static void fill_seeded(uint8_t *out, size_t n)
{
	pthread_mutex_lock(&seed_lock);
	for (size_t i = 0; i < n; i++)
		out[i] = (uint8_t)eng_rng_next(&seeded_rng);
	pthread_mutex_unlock(&seed_lock);
}

static int fill_kernel(uint8_t *out, size_t n)
{
	while (n) {
		ssize_t got = getrandom(out, n, 0);

		if (got < 0 && errno != EINTR)
			return -errno;
		if (got > 0) {
			out += got;
			n -= (size_t)got;
		}
	}
	return 0;
}

int eng_posix_random(void *ctx, void *out, size_t n)
{
	pthread_once(&seed_once, read_seed);
	if (!seeded)
		return fill_kernel(out, n);
	fill_seeded(out, n);
	return 0;
}

bool eng_posix_seed_bad(void)
{
	pthread_once(&seed_once, read_seed);
	return eng_sys_env("ENGRAM_SEED") && !seeded;
}
