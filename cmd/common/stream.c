/* stream.c - see stream.h.
 *
 * One window, moved to its beginning when more is read: what is not used up is
 * a part of a line or of a row, small beside what was read. */
#include "common/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "common/stop.h"

#define READ_SIZE 65536

void stream_attach(struct stream *s, const char *name, int fd)
{
	*s = (struct stream){.name = name, .fd = fd};
}

int stream_open(struct stream *s, const char *path, struct engram_error *err)
{
	struct stat st;

	if (strcmp(path, "-") == 0) {
		stream_attach(s, "stdin", STDIN_FILENO);
		return 0;
	}
	stream_attach(s, path, open(path, O_RDONLY | O_CLOEXEC));
	s->owned = true;
	if (s->fd < 0)
		return eng_err_os(err, errno, "%s", path);
	if (fstat(s->fd, &st) == 0 && S_ISDIR(st.st_mode)) {
		stream_close(s);
		return eng_err_os(err, EISDIR, "%s", path);
	}
	return 0;
}

void stream_close(struct stream *s)
{
	if (s->owned && s->fd >= 0)
		close(s->fd);
	s->fd = -1;
	eng_buf_free(&s->buf);
}

static bool readable_now(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	return poll(&p, 1, 0) != 0;
}

static void let_go(struct stream *s)
{
	if (s->at == 0)
		return;
	memmove(s->buf.p, s->buf.p + s->at, s->buf.n - s->at);
	s->buf.n -= s->at;
	s->at = 0;
}

enum stream_result stream_more(struct stream *s, bool wait, struct engram_error *err)
{
	ssize_t got = -1;

	if (!wait && !readable_now(s->fd))
		return STREAM_WAIT;
	if (wait && !stop_wait_readable(s->fd))
		return STREAM_STOP;
	let_go(s);
	if (!eng_buf_reserve(&s->buf, READ_SIZE)) {
		eng_err_nomem(err);
		return STREAM_FAILED;
	}
	do {
		got = read(s->fd, s->buf.p + s->buf.n, READ_SIZE);
	} while (got < 0 && errno == EINTR && !stop_wanted());
	if (got < 0 && errno == EINTR)
		return STREAM_STOP;
	if (got < 0) {
		eng_err_os(err, errno, "%s", s->name);
		return STREAM_FAILED;
	}
	s->buf.n += (size_t)got;
	s->taken += (uint64_t)got;
	s->eof = got == 0;
	return STREAM_MORE;
}
