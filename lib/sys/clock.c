/* clock.c - the kernel's clocks, and the frozen one of ENGRAM_NOW. */
#include "sys/posix.h"

#include <errno.h>
#include <pthread.h>
#include <time.h>

#include "base/num.h"

static pthread_once_t frozen_once = PTHREAD_ONCE_INIT;
static bool frozen;
static int64_t frozen_us;

static int64_t read_clock(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* Once: a process that changed its mind about the time would write stamps
 * that contradict each other. */
static void read_frozen(void)
{
	const char *text = eng_sys_env("ENGRAM_NOW");

	frozen = text && eng_parse_time(&frozen_us, text, strlen(text), read_clock(CLOCK_REALTIME));
}

int64_t eng_posix_wall_us(void *ctx)
{
	pthread_once(&frozen_once, read_frozen);
	return frozen ? frozen_us : read_clock(CLOCK_REALTIME);
}

int64_t eng_posix_mono_us(void *ctx)
{
	return read_clock(CLOCK_MONOTONIC);
}

void eng_posix_sleep_us(void *ctx, int64_t us)
{
	struct timespec t = {us / 1000000, us % 1000000 * 1000};

	while (us > 0 && nanosleep(&t, &t) < 0 && errno == EINTR)
		;
}

bool eng_posix_now_bad(void)
{
	pthread_once(&frozen_once, read_frozen);
	return eng_sys_env("ENGRAM_NOW") && !frozen;
}
