/* stream.h - bytes from a descriptor, in a window that grows only as far as
 * what reads it lets it; never waiting unasked. */
#ifndef CMD_STREAM_H
#define CMD_STREAM_H

#include "base/buf.h"
#include "engram.h"

struct stream {
	const char *name;   /* for messages: "stdin" or the path */
	struct eng_buf buf; /* what was read and is not used up yet begins at .at */
	size_t at;
	uint64_t taken;     /* bytes read in all */
	bool eof;
	/* private */
	int fd;
	bool owned;
};

enum stream_result {
	STREAM_MORE,   /* something was read; or the end was: `eof` */
	STREAM_WAIT,   /* nothing without waiting; only where `wait` is false */
	STREAM_STOP,   /* a signal asked to stop */
	STREAM_FAILED, /* err says why */
};

/* "-" is standard input.  ENGRAM_ENOFILE or what opening answered. */
int stream_open(struct stream *s, const char *path, struct engram_error *err);
/* The file behind fd, from where it stands; fd stays the caller's. */
void stream_attach(struct stream *s, const char *name, int fd);
void stream_close(struct stream *s);

/* Reads once, behind what is there; what lies before `at` is let go. */
enum stream_result stream_more(struct stream *s, bool wait, struct engram_error *err);

static inline size_t stream_left(const struct stream *s)
{
	return s->buf.n - s->at;
}

static inline const uint8_t *stream_bytes(const struct stream *s)
{
	return s->buf.p + s->at;
}

#endif
