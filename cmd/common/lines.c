/* lines.c - see lines.h.
 *
 * The stream's window holds the line at hand and what was read beyond it; it
 * grows to the limit and no further: a line beyond it is dropped as it comes in. */
#include "common/lines.h"

#include <string.h>

#include "common/stop.h"

void lines_begin(struct lines *l, const struct stream *stream, char end, size_t max)
{
	*l = (struct lines){.stream = *stream, .end = end, .max = max};
}

int lines_open(struct lines *l, const char *path, char end, size_t max, struct engram_error *err)
{
	struct stream stream;
	int r = stream_open(&stream, path, err);

	if (r == 0)
		lines_begin(l, &stream, end, max);
	return r;
}

void lines_close(struct lines *l)
{
	stream_close(&l->stream);
}

/* A byte-order mark before the first line is no part of it; it may come in pieces. */
static void skip_mark(struct lines *l)
{
	struct stream *s = &l->stream;

	if (l->begun || (stream_left(s) < 3 && !s->eof))
		return;
	l->begun = true;
	if (stream_left(s) >= 3 && memcmp(stream_bytes(s), "\xef\xbb\xbf", 3) == 0) {
		s->at += 3;
		l->seen = 0;
	}
}

/* The line of n bytes that comes next, its end behind it unless it is the last. */
static enum lines_result give(struct lines *l, struct engram_str *line, size_t n, size_t end)
{
	bool long_one = l->skipping;

	l->number++;
	*line = (struct engram_str){(const char *)stream_bytes(&l->stream), n};
	if (l->end == '\n' && n && line->p[n - 1] == '\r' && end)
		line->n--;
	l->stream.at += n + end;
	l->seen = 0;
	l->skipping = false;
	return long_one || line->n > l->max ? LINES_LONG : LINES_LINE;
}

/* One more than the limit, and CR: then it is certain. */
static void drop_if_long(struct lines *l)
{
	if (stream_left(&l->stream) <= l->max + 1)
		return;
	l->skipping = true;
	l->stream.at = l->stream.buf.n;
	l->seen = 0;
}

static enum lines_result at_end(struct lines *l, struct engram_str *line)
{
	size_t n = stream_left(&l->stream);

	if (n == 0 && !l->skipping)
		return LINES_END;
	return give(l, line, n, 0);
}

enum lines_result lines_next(struct lines *l, struct engram_str *line, bool wait, struct engram_error *err)
{
	struct stream *s = &l->stream;

	for (;;) {
		const uint8_t *end;
		size_t n;

		if (stop_wanted())
			return LINES_STOP;
		skip_mark(l);
		n = stream_left(s);
		end = n > l->seen ? memchr(stream_bytes(s) + l->seen, l->end, n - l->seen) : NULL;
		if (end)
			return give(l, line, (size_t)(end - stream_bytes(s)), 1);
		l->seen = n;
		if (s->eof)
			return at_end(l, line);
		drop_if_long(l);
		switch (stream_more(s, wait, err)) {
		case STREAM_WAIT:
			return LINES_WAIT;
		case STREAM_STOP:
			return LINES_STOP;
		case STREAM_FAILED:
			return LINES_FAILED;
		case STREAM_MORE:
			break;
		}
	}
}
