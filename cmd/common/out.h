/* out.h - standard output: buffered here, its loss noticed.
 *
 * A write that fails is remembered, later ones are dropped, and the program
 * ends with 74: an answer that did not arrive must not look like one. */
#ifndef CMD_OUT_H
#define CMD_OUT_H

#include "base/buf.h"

enum when { WHEN_AUTO, WHEN_ALWAYS, WHEN_NEVER };

struct out {
	struct eng_buf buf;
	int os;          /* errno of the write that failed, 0 = none */
	bool tty;        /* aligned and cut for a person */
	bool color;
	unsigned width;  /* columns of the terminal */
	char end;        /* what ends a record: newline, or NUL with -0 */
	bool seq;        /* --seq: a record separator before each */
	size_t record;   /* where in buf the record at hand begins */
};

void out_begin(struct out *o, bool null, bool seq, enum when color);
/* Ends a record; writes when much is waiting. */
void out_end(struct out *o);
/* A line of the buffer's text as it is. */
void out_printf(struct out *o, const char *format, ...) ENG_PRINTF(2, 3);
/* Writes what waits; false once anything was lost.  Where the reader has gone
 * away (`| head -1`) the process dies of SIGPIPE, silently. */
bool out_flush(struct out *o);
/* The end that SIGPIPE brings by default. */
void out_die_of_pipe(void);
/* Flushes and closes standard output; false if anything was lost. */
bool out_close(struct out *o);

/* Whether stream `fd` should have colours. */
bool out_wants_color(int fd, enum when color);
/* Colour changes, only where wanted: "1" bold, "2" dim, "0" back. */
void out_style(struct out *o, const char *style);

/* All of it to stderr in one write, so that lines of processes do not mix. */
void out_stderr(const void *p, size_t n);

#endif
