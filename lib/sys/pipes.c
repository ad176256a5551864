/* pipes.c - see pipes.h.
 *
 * Our ends do not block; poll() waits for whichever is ready, so a peer that
 * talks while it is still being talked to cannot deadlock with us.
 *
 * A peer that stops reading makes write() raise SIGPIPE, which a library may
 * neither handle nor ignore for its program: the signal is blocked in this
 * thread for the length of the write and taken out of the queue again.  (A socket
 * pair with MSG_NOSIGNAL would do without, but /dev/stdin of a socket cannot be
 * opened, and filters do that.)
 *
 * O_NONBLOCK belongs to the open file, which a shell and other programs may
 * share: borrowed descriptors get their flags back. */
#include "sys/pipes.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

/* What a pipe holds at most where nobody raised the limit: with 64 KiB two
 * processes wake each other 16 times as often. */
#define PIPE_BYTES (1 << 20)

static int not_blocking(int fd, int *before)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0 || (!(flags & O_NONBLOCK) && fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0))
		return -errno;
	*before = flags;
	return 0;
}

int eng_pipes_own(struct eng_pipes *p, int to, int from)
{
	int before, r = to < 0 ? 0 : not_blocking(to, &before);

	if (r == 0 && from >= 0)
		r = not_blocking(from, &before);
	if (r == 0)
		*p = (struct eng_pipes){.to = to, .from = from};
	return r;
}

int eng_pipes_borrow(struct eng_pipes *p, int to, int from)
{
	struct eng_pipes b = {.to = to, .from = from, .lent = {to, from}};
	int r = to < 0 ? 0 : not_blocking(to, &b.flags[0]);

	if (r < 0)
		return r;
	if (from >= 0)
		r = not_blocking(from, &b.flags[1]);
	if (r < 0 && to >= 0)
		fcntl(to, F_SETFL, b.flags[0]);
	if (r < 0)
		return r;
	b.borrowed = true;
	eng_pipes_widen(&b);
	*p = b;
	return 0;
}

void eng_pipes_widen(struct eng_pipes *p)
{
	/* Fails for what is no pipe, and where the user's share is used up: no harm. */
	if (p->to >= 0)
		fcntl(p->to, F_SETPIPE_SZ, PIPE_BYTES);
	if (p->from >= 0)
		fcntl(p->from, F_SETPIPE_SZ, PIPE_BYTES);
}

static void let_go(struct eng_pipes *p, int *fd)
{
	if (*fd >= 0 && !p->borrowed)
		close(*fd);
	*fd = -1;
}

void eng_pipes_close_to(struct eng_pipes *p)
{
	let_go(p, &p->to);
}

void eng_pipes_close(struct eng_pipes *p)
{
	let_go(p, &p->to);
	let_go(p, &p->from);
	for (int i = 0; i < 2 && p->borrowed; i++)
		if (p->lent[i] >= 0)
			fcntl(p->lent[i], F_SETFL, p->flags[i]);
	p->borrowed = false;
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

static int send_some(struct eng_pipes *p, struct eng_round *r)
{
	ssize_t n = write_unsignalled(p->to, r->send, r->nsend);

	if (n == -EAGAIN || n == -EINTR)
		return 0;
	if (n == -EPIPE || n == -ECONNRESET) {
		r->deaf = true;
		eng_pipes_close_to(p);
		return 0;
	}
	if (n < 0)
		return (int)n;
	r->sent = (size_t)n;
	return 0;
}

static int take_some(struct eng_pipes *p, struct eng_round *r)
{
	ssize_t n = read(p->from, r->take, r->ntake);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	r->taken = (size_t)n;
	r->end = n == 0;
	return 0;
}

int eng_pipes_round(struct eng_pipes *p, struct eng_round *r, int timeout_ms)
{
	struct pollfd fds[2] = {
		{.fd = r->ntake ? p->from : -1, .events = POLLIN},
		{.fd = r->nsend ? p->to : -1, .events = POLLOUT},
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
