/* window.c - reading a segment forwards through one buffer.
 *
 * 64 KiB at a time: a scan of 16 MiB costs 256 reads, and a one-frame look
 * costs one. */
#include "log/log_int.h"

#include <errno.h>

#define WINDOW_SIZE (64u << 10)

static bool inside(const struct eng_window *w, uint64_t off, size_t n)
{
	return off >= w->at && off - w->at <= w->b.n && n <= w->b.n - (size_t)(off - w->at);
}

static int load(struct eng_window *w, uint64_t off, size_t n)
{
	size_t want = n > WINDOW_SIZE ? n : WINDOW_SIZE;
	ssize_t got;

	eng_buf_reset(&w->b);
	if (!eng_buf_reserve(&w->b, want))
		return -ENOMEM;
	got = eng_fs_read(w->sys, w->fd, w->b.p, want, off);
	if (got == -EIO && n < want) /* a bad sector further on is no concern of this frame */
		got = eng_fs_read(w->sys, w->fd, w->b.p, n, off);
	if (got < 0)
		return (int)got;
	w->at = off;
	w->b.n = (size_t)got;
	return 0;
}

int eng_window_get(struct eng_window *w, const uint8_t **p, size_t *got, uint64_t off, size_t n)
{
	if (!inside(w, off, n)) {
		int r = load(w, off, n);

		if (r < 0)
			return r;
	}
	*p = w->b.p + (off - w->at);
	*got = w->b.n - (size_t)(off - w->at);
	if (*got > n)
		*got = n;
	return 0;
}

void eng_window_forget(struct eng_window *w)
{
	eng_buf_reset(&w->b);
}

void eng_window_free(struct eng_window *w)
{
	eng_buf_free(&w->b);
}
