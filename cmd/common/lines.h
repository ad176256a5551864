/* lines.h - lines from a descriptor, in flat memory, never waiting unasked. */
#ifndef CMD_LINES_H
#define CMD_LINES_H

#include "common/stream.h"

struct lines {
	struct stream stream;
	uint64_t number;    /* of the line last given, from 1 */
	/* private */
	char end;           /* what ends a line: newline or NUL */
	size_t max;         /* bytes of a line at most */
	size_t seen;        /* bytes from the stream's `at` known to hold no end */
	bool begun;         /* a byte-order mark was looked for */
	bool skipping;      /* inside a line that is too long */
};

enum lines_result {
	LINES_LINE,   /* *line: without its end (LF or CRLF); valid until the next call */
	LINES_LONG,   /* a line over the limit was skipped */
	LINES_WAIT,   /* none without waiting; only where `wait` is false */
	LINES_STOP,   /* a signal asked to stop */
	LINES_END,
	LINES_FAILED, /* err says why */
};

/* "-" is standard input.  ENGRAM_ENOFILE or what opening answered. */
int lines_open(struct lines *l, const char *path, char end, size_t max, struct engram_error *err);
/* The same over a stream that is open; it becomes part of l. */
void lines_begin(struct lines *l, const struct stream *stream, char end, size_t max);
enum lines_result lines_next(struct lines *l, struct engram_str *line, bool wait, struct engram_error *err);
void lines_close(struct lines *l);

#endif
