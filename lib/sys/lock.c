/* lock.c - byte locks with a bound, and waiting on a word of shared memory.
 *
 * Locks are OFD locks: they belong to the open file, so two handles of one
 * process exclude each other like two processes do, and closing some other
 * descriptor of the file drops nothing.
 *
 * The kernel has no OFD lock with a timeout, and a library may not use
 * signals, so a bounded wait asks again and again: first after giving up the
 * processor (the locks of the append path are held for microseconds), then
 * after an eighth of the time waited so far, at most 5 ms: a waiter costs
 * little and learns of the release at most 12 % late. */
#include "sys/posix.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <sched.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define YIELDS 4
#define SLEEP_MIN_US 20
#define SLEEP_MAX_US 5000

static int try_lock(int fd, uint64_t byte, enum eng_lock_kind kind, int cmd)
{
	struct flock l = {.l_whence = SEEK_SET, .l_start = (off_t)byte, .l_len = 1};

	l.l_type = kind == ENG_UNLOCK ? F_UNLCK : kind == ENG_LOCK_SHARED ? F_RDLCK : F_WRLCK;
	while (fcntl(fd, cmd, &l) < 0) {
		if (errno == EACCES)
			return -EAGAIN;
		if (errno != EINTR)
			return -errno;
	}
	return 0;
}

static int64_t next_sleep_us(int64_t waited_us, int64_t left_us)
{
	int64_t us = waited_us / 8;

	us = us < SLEEP_MIN_US ? SLEEP_MIN_US : us > SLEEP_MAX_US ? SLEEP_MAX_US : us;
	return us < left_us ? us : left_us;
}

static int lock_within(int fd, uint64_t byte, enum eng_lock_kind kind, int64_t wait_us)
{
	int64_t start = eng_posix_mono_us(NULL);
	int r = -EAGAIN;

	for (int i = 0; i < YIELDS && r == -EAGAIN; i++) {
		sched_yield();
		r = try_lock(fd, byte, kind, F_OFD_SETLK);
	}
	while (r == -EAGAIN) {
		int64_t waited = eng_posix_mono_us(NULL) - start;

		if (waited >= wait_us)
			break;
		eng_posix_sleep_us(NULL, next_sleep_us(waited, wait_us - waited));
		r = try_lock(fd, byte, kind, F_OFD_SETLK);
	}
	return r;
}

int eng_posix_lock(void *ctx, int fd, uint64_t byte, enum eng_lock_kind kind, int wait_ms)
{
	int r;

	if (wait_ms < 0)
		return try_lock(fd, byte, kind, F_OFD_SETLKW);
	r = try_lock(fd, byte, kind, F_OFD_SETLK);
	if (r == -EAGAIN && wait_ms > 0)
		r = lock_within(fd, byte, kind, (int64_t)wait_ms * 1000);
	return r;
}

/* FUTEX_WAIT_BITSET takes a moment, not a length. */
void eng_posix_wait(void *ctx, const uint32_t *word, uint32_t seen, uint32_t bits, int64_t max_us)
{
	int64_t until_us = eng_posix_mono_us(NULL) + max_us;
	struct timespec t = {until_us / 1000000, until_us % 1000000 * 1000};

	syscall(SYS_futex, word, FUTEX_WAIT_BITSET, seen, &t, NULL, bits);
}

void eng_posix_wake(void *ctx, const uint32_t *word, int most, uint32_t bits)
{
	syscall(SYS_futex, word, FUTEX_WAKE_BITSET, most, NULL, NULL, bits);
}
