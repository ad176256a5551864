/* guard.c - a child process as a fuse.
 *
 * A mapped file with one flipped bit can send whoever walks it to an address
 * that is not there.  The walk is then done by a child, and its end is a result
 * like any other.  What the child finds out lies in memory shared with the
 * parent.  The child leaves by _exit: nothing of the parent's (buffers of
 * stdout, handlers at exit, locks, which belong to the open files) is touched. */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sys/posix.h"

/* A core of a store's memory helps nobody, and the death is expected. */
static void run_child(void (*fn)(void *ctx, void *result), void *ctx, void *shared)
{
	struct rlimit none = {0, 0};

	setrlimit(RLIMIT_CORE, &none);
	signal(SIGSEGV, SIG_DFL);
	signal(SIGBUS, SIG_DFL);
	fn(ctx, shared);
	_exit(0);
}

/* 0, or the signal; a sanitizer's report ends in a status instead. */
static int wait_for(pid_t child)
{
	int status;

	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	if (WIFSIGNALED(status))
		return WTERMSIG(status);
	return WEXITSTATUS(status) == 0 ? 0 : SIGABRT;
}

int eng_posix_guard(void (*fn)(void *ctx, void *result), void *ctx, void *result, size_t n)
{
	void *shared = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t child;
	int r;

	if (shared == MAP_FAILED)
		return -errno;
	child = fork();
	if (child == 0)
		run_child(fn, ctx, shared);
	r = child < 0 ? -errno : wait_for(child);
	if (r == 0)
		memcpy(result, shared, n);
	munmap(shared, n);
	return r;
}
