/* process.c - one child process behind two pipes.
 *
 * pipes.c has how the two are written and read without blocking each other.
 *
 * Deliberately not done: reading the child's standard error.  It is the
 * program's own, so what a filter complains about is seen as it is said. */
#include "sys/process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/types.h"

extern char **environ;

/* A child that was asked to end is given so long before it is killed. */
#define GRACE_MS 500

/* -- starting -------------------------------------------------------------------- */

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* Descriptors 0 to 2 are where the child's pipes will go: ours stay above. */
static int above_standard(int *fd)
{
	int high;

	if (*fd > 2)
		return 0;
	high = fcntl(*fd, F_DUPFD_CLOEXEC, 3);
	if (high < 0)
		return -errno;
	close(*fd);
	*fd = high;
	return 0;
}

static int make_pipe(int ends[2])
{
	int r = 0;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	for (int i = 0; i < 2 && r == 0; i++)
		r = above_standard(&ends[i]);
	return r;
}

/* A program that ignores or blocks signals must not hand that down: a filter
 * has to end by SIGPIPE, SIGINT and SIGTERM as it would in a shell. */
static int set_attributes(posix_spawnattr_t *attr, enum eng_process_group group)
{
	short flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
	sigset_t none, usual;
	int r;

	sigemptyset(&none);
	sigemptyset(&usual);
	sigaddset(&usual, SIGPIPE);
	sigaddset(&usual, SIGINT);
	sigaddset(&usual, SIGTERM);
	sigaddset(&usual, SIGHUP);
	if (group == ENG_GROUP_OWN)
		flags = (short)(flags | POSIX_SPAWN_SETPGROUP);
	r = posix_spawnattr_setflags(attr, flags);
	r = r ? r : posix_spawnattr_setpgroup(attr, 0);
	r = r ? r : posix_spawnattr_setsigmask(attr, &none);
	return r ? r : posix_spawnattr_setsigdefault(attr, &usual);
}

static int spawn(int *pid, const char *command, enum eng_process_group group, int in, int out)
{
	const char *const words[] = {"sh", "-c", command, NULL};
	char *argv[ENG_COUNT(words)];
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	int r = posix_spawn_file_actions_init(&files);

	if (r)
		return -r;
	r = posix_spawnattr_init(&attr);
	if (r) {
		posix_spawn_file_actions_destroy(&files);
		return -r;
	}
	memcpy(argv, words, sizeof argv); /* posix_spawn changes none of them, whatever its type says */
	r = set_attributes(&attr, group);
	r = r ? r : posix_spawn_file_actions_adddup2(&files, in, 0);
	r = r ? r : posix_spawn_file_actions_adddup2(&files, out, 1);
	r = r ? r : posix_spawn(pid, "/bin/sh", &files, &attr, argv, environ);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&files);
	return -r;
}

int eng_process_start(struct eng_process *p, const char *command, enum eng_process_group group)
{
	int in[2] = {-1, -1}, out[2] = {-1, -1}, pid = 0;
	struct eng_pipes pipes;
	int r = make_pipe(in);

	if (r == 0)
		r = make_pipe(out);
	if (r == 0)
		r = eng_pipes_own(&pipes, in[1], out[0]);
	if (r == 0)
		r = spawn(&pid, command, group, in[0], out[1]);
	close_fd(&in[0]);
	close_fd(&out[1]);
	if (r < 0) {
		close_fd(&in[1]);
		close_fd(&out[0]);
		return r;
	}
	*p = (struct eng_process){pid, group, pipes};
	return 0;
}

/* -- ending ---------------------------------------------------------------------- */

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Waits by looking, ever more slowly: there is no wait with a time limit that
 * leaves the program's SIGCHLD alone. */
static bool ended(int pid, int *status, int timeout_ms)
{
	int64_t until = now_ms() + timeout_ms;
	struct timespec nap = {0, 100000};
	int r;

	for (;;) {
		r = waitpid(pid, status, WNOHANG);
		if (r == pid)
			return true;
		if (r < 0 && errno != EINTR) {
			*status = 0; /* the program reaps its children itself */
			return true;
		}
		if (now_ms() >= until)
			return false;
		nanosleep(&nap, NULL);
		if (nap.tv_nsec < 20000000)
			nap.tv_nsec *= 2;
	}
}

static void put_down(const struct eng_process *p, int *status)
{
	int whom = p->group == ENG_GROUP_OWN ? -p->pid : p->pid;

	kill(whom, SIGTERM);
	if (!ended(p->pid, status, GRACE_MS)) {
		kill(whom, SIGKILL);
		while (waitpid(p->pid, status, 0) < 0 && errno == EINTR)
			;
		return;
	}
	if (p->group == ENG_GROUP_OWN)
		kill(whom, SIGKILL); /* what it started and left behind */
}

int eng_process_end(struct eng_process *p, bool kill_now, int timeout_ms)
{
	int status = 0;

	eng_pipes_close(&p->pipes);
	if (kill_now || !ended(p->pid, &status, timeout_ms)) {
		put_down(p, &status);
		return -ETIMEDOUT;
	}
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
