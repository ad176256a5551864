/* failsync.c - loaded before the C library: the n-th flush to the disk of a process
 * fails with EIO, as that of a disk that breaks, whoever asks for it, LMDB included.
 *
 *     LD_PRELOAD=failsync.so FAILSYNC_AT=3 engram-consolidate
 *     LD_PRELOAD=failsync.so FAILSYNC_FROM=3 engram-consolidate    the 3rd and all later */
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

static int number(const char *name)
{
	const char *text = getenv(name);

	return text ? atoi(text) : 0;
}

static int flush(const char *name, int fd)
{
	static int calls;
	int (*next)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);
	int n = __atomic_add_fetch(&calls, 1, __ATOMIC_RELAXED), from = number("FAILSYNC_FROM");

	if (n == number("FAILSYNC_AT") || (from && n >= from)) {
		errno = EIO;
		return -1;
	}
	return next(fd);
}

#define SEEN __attribute__((visibility("default")))

SEEN int fsync(int fd)
{
	return flush("fsync", fd);
}

SEEN int fdatasync(int fd)
{
	return flush("fdatasync", fd);
}
