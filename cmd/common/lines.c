/* lines.c - see lines.h.
 *
 * The buffer holds the line at hand and what was read beyond it; it grows to
 * the limit and no further: a line beyond it is dropped as it comes in. */
#include "common/lines.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "common/stop.h"

#define READ_SIZE 65536

int lines_open(struct lines *l, const char *path, char end, size_t max, struct engram_error *err)
{
	*l = (struct lines){.name = "stdin", .fd = STDIN_FILENO, .end = end, .max = max};
	if (strcmp(path, "-") != 0) {
		struct stat st;

		l->name = path;
		l->fd = open(path, O_RDONLY | O_CLOEXEC);
		if (l->fd < 0)
			return eng_err_os(err, errno, "%s", path);
		if (fstat(l->fd, &st) == 0 && S_ISDIR(st.st_mode)) {
			lines_close(l);
			return eng_err_os(err, EISDIR, "%s", path);
		}
	}
	return 0;
}

void lines_close(struct lines *l)
{
	if (l->fd > STDIN_FILENO)
		close(l->fd);
	l->fd = -1;
	eng_buf_free(&l->buf);
}

/* A byte-order mark before the first line is no part of it. */
static void skip_mark(struct lines *l)
{
	if (l->number == 0 && l->buf.n - l->at >= 3 && memcmp(l->buf.p + l->at, "\xef\xbb\xbf", 3) == 0)
		l->at += 3;
}

/* The line of n bytes at l->at, its end behind it unless it is the last. */
static enum lines_result give(struct lines *l, struct engram_str *line, size_t n, size_t end)
{
	bool long_one = l->skipping;

	l->number++;
	*line = (struct engram_str){(const char *)l->buf.p + l->at, n};
	if (l->end == '\n' && n && line->p[n - 1] == '\r' && end)
		line->n--;
	l->at += n + end;
	l->seen = 0;
	l->skipping = false;
	return long_one || line->n > l->max ? LINES_LONG : LINES_LINE;
}

/* Makes room and reads once; 0 at the end, -1 failed with errno. */
static ssize_t read_more(struct lines *l)
{
	ssize_t got;

	if (l->at > 0) {
		memmove(l->buf.p, l->buf.p + l->at, l->buf.n - l->at);
		l->buf.n -= l->at;
		l->at = 0;
	}
	/* One more than the limit, and CR: then it is certain. */
	if (l->buf.n > l->max + 1) {
		l->skipping = true;
		l->buf.n = l->seen = 0;
	}
	if (!eng_buf_reserve(&l->buf, READ_SIZE)) {
		errno = ENOMEM;
		return -1;
	}
	do {
		got = read(l->fd, l->buf.p + l->buf.n, READ_SIZE);
	} while (got < 0 && errno == EINTR && !stop_wanted());
	if (got > 0)
		l->buf.n += (size_t)got;
	return got;
}

static bool readable_now(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	return poll(&p, 1, 0) != 0;
}

static enum lines_result at_end(struct lines *l, struct engram_str *line)
{
	size_t n = l->buf.n - l->at;

	if (n == 0 && !l->skipping)
		return LINES_END;
	return give(l, line, n, 0);
}

enum lines_result lines_next(struct lines *l, struct engram_str *line, bool wait, struct engram_error *err)
{
	for (;;) {
		size_t n = l->buf.n - l->at;
		const char *end;

		if (stop_wanted())
			return LINES_STOP;
		if (l->seen == 0) {
			skip_mark(l);
			n = l->buf.n - l->at;
		}
		end = n > l->seen ? memchr(l->buf.p + l->at + l->seen, l->end, n - l->seen) : NULL;
		if (end)
			return give(l, line, (size_t)(end - (char *)l->buf.p) - l->at, 1);
		l->seen = n;
		if (l->eof)
			return at_end(l, line);
		if (!wait && !readable_now(l->fd))
			return LINES_WAIT;
		if (wait && !stop_wait_readable(l->fd))
			return LINES_STOP;
		switch (read_more(l)) {
		case -1:
			if (errno == EINTR)
				return LINES_STOP;
			eng_err_os(err, errno, "%s", l->name);
			return LINES_FAILED;
		case 0:
			l->eof = true;
		}
	}
}
