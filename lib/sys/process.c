/* process.c - one child process behind two pipes.
 *
 * Our ends of the pipes do not block; poll() waits for whichever is ready, so a
 * child that answers while it is still being fed cannot deadlock with us.
 *
 * A child that stops reading makes write() raise SIGPIPE, which a library may
 * neither handle nor ignore for its program: the signal is blocked in this
 * thread for the length of the write and taken out of the queue again.  (A socket
 * pair with MSG_NOSIGNAL would do without, but /dev/stdin of a socket cannot be
 * opened, and filters do that.)
 *
 * Deliberately not done: reading the child's standard error.  It is the
 * program's own, so what a filter complains about is seen as it is said. */
#include "sys/process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
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

static int not_blocking(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	return flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ? -errno : 0;
}

/* A program that ignores or blocks signals must not hand that down: a filter
 * has to end by SIGPIPE, SIGINT and SIGTERM as it would in a shell. */
static int set_attributes(posix_spawnattr_t *attr)
{
	sigset_t none, usual;
	int r;

	sigemptyset(&none);
	sigemptyset(&usual);
	sigaddset(&usual, SIGPIPE);
	sigaddset(&usual, SIGINT);
	sigaddset(&usual, SIGTERM);
	sigaddset(&usual, SIGHUP);
	r = posix_spawnattr_setflags(attr, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	r = r ? r : posix_spawnattr_setpgroup(attr, 0);
	r = r ? r : posix_spawnattr_setsigmask(attr, &none);
	return r ? r : posix_spawnattr_setsigdefault(attr, &usual);
}

static int spawn(int *pid, const char *command, int in, int out)
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
	r = set_attributes(&attr);
	r = r ? r : posix_spawn_file_actions_adddup2(&files, in, 0);
	r = r ? r : posix_spawn_file_actions_adddup2(&files, out, 1);
	r = r ? r : posix_spawn(pid, "/bin/sh", &files, &attr, argv, environ);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&files);
	return -r;
}

int eng_process_start(struct eng_process *p, const char *command)
{
	int in[2] = {-1, -1}, out[2] = {-1, -1}, pid = 0;
	int r = make_pipe(in);

	if (r == 0)
		r = make_pipe(out);
	if (r == 0)
		r = not_blocking(in[1]);
	if (r == 0)
		r = not_blocking(out[0]);
	if (r == 0)
		r = spawn(&pid, command, in[0], out[1]);
	close_fd(&in[0]);
	close_fd(&out[1]);
	if (r < 0) {
		close_fd(&in[1]);
		close_fd(&out[0]);
		return r;
	}
	*p = (struct eng_process){pid, in[1], out[0]};
	return 0;
}

/* -- rounds ---------------------------------------------------------------------- */

static ssize_t write_unsignalled(int fd, const void *bytes, size_t n)
{
	const struct timespec at_once = {0, 0};
	sigset_t pipe_only, before, pending;
	bool was_pending;
	ssize_t done;
	int os;

	sigemptyset(&pipe_only);
	sigaddset(&pipe_only, SIGPIPE);
	sigpending(&pending);
	was_pending = sigismember(&pending, SIGPIPE) == 1;
	pthread_sigmask(SIG_BLOCK, &pipe_only, &before);
	done = write(fd, bytes, n);
	os = errno;
	if (done < 0 && os == EPIPE && !was_pending)
		while (sigtimedwait(&pipe_only, NULL, &at_once) < 0 && errno == EINTR)
			;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return done < 0 ? -os : done;
}

static int send_some(struct eng_process *p, struct eng_round *r)
{
	ssize_t n = write_unsignalled(p->in, r->send, r->nsend);

	if (n == -EAGAIN || n == -EINTR)
		return 0;
	if (n == -EPIPE) {
		r->deaf = true;
		close_fd(&p->in);
		return 0;
	}
	if (n < 0)
		return (int)n;
	r->sent = (size_t)n;
	return 0;
}

static int take_some(struct eng_process *p, struct eng_round *r)
{
	ssize_t n = read(p->out, r->take, r->ntake);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	r->taken = (size_t)n;
	r->end = n == 0;
	return 0;
}

int eng_process_round(struct eng_process *p, struct eng_round *r, int timeout_ms)
{
	struct pollfd fds[2] = {
		{.fd = p->out, .events = POLLIN},
		{.fd = r->nsend ? p->in : -1, .events = POLLOUT},
	};
	int n, rc = 0;

	r->sent = r->taken = 0;
	r->deaf = r->end = false;
	n = poll(fds, 2, timeout_ms);
	if (n < 0)
		return errno == EINTR ? 1 : -errno;
	if (n == 0)
		return 0;
	if (fds[1].revents)
		rc = send_some(p, r);
	if (rc == 0 && fds[0].revents)
		rc = take_some(p, r);
	return rc < 0 ? rc : 1;
}

void eng_process_close_input(struct eng_process *p)
{
	close_fd(&p->in);
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

static void put_down(int pid, int *status)
{
	kill(-pid, SIGTERM);
	if (!ended(pid, status, GRACE_MS)) {
		kill(-pid, SIGKILL);
		while (waitpid(pid, status, 0) < 0 && errno == EINTR)
			;
		return;
	}
	kill(-pid, SIGKILL); /* what it started and left behind */
}

int eng_process_end(struct eng_process *p, bool kill_now, int timeout_ms)
{
	int status = 0;

	close_fd(&p->in);
	close_fd(&p->out);
	if (kill_now || !ended(p->pid, &status, timeout_ms)) {
		put_down(p->pid, &status);
		return -ETIMEDOUT;
	}
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
