/* pipes.h - two byte streams that are written and read in one wait.
 *
 * The caller drives them by rounds: each hands over what the other side will
 * take and fetches what it has said, whichever is possible first.  Writing and
 * reading wait in the same call, so neither side can fill its pipe and block the
 * other.  Pipes, sockets and files all do. */
#ifndef ENG_SYS_PIPES_H
#define ENG_SYS_PIPES_H

#include <stdbool.h>
#include <stddef.h>

struct eng_pipes {
	int to, from;  /* written to, read from; -1 = closed, or none */
	/* private */
	bool borrowed;
	int lent[2], flags[2];
};

/* Descriptors that are closed with it.  0 or -errno, then nothing is taken. */
int eng_pipes_own(struct eng_pipes *p, int to, int from);
/* Descriptors of others, as standard input and output are: they are not closed,
 * and made to block again by eng_pipes_close(). */
int eng_pipes_borrow(struct eng_pipes *p, int to, int from);
/* Where they are pipes, lets them hold a megabyte. */
void eng_pipes_widen(struct eng_pipes *p);
/* The other side sees the end of the file (of what is borrowed: not yet). */
void eng_pipes_close_to(struct eng_pipes *p);
void eng_pipes_close(struct eng_pipes *p);

struct eng_round {
	const void *send;
	size_t nsend;
	void *take;
	size_t ntake;
	/* out */
	size_t sent, taken;
	bool deaf; /* the other side closed what we write to; `sent` bytes went in before */
	bool end;  /* it closed what we read from */
};

/* One round.  1 something happened, 0 nothing did in timeout_ms (-1: for ever), -errno.
 * nsend 0 waits for input alone, ntake 0 for output. */
int eng_pipes_round(struct eng_pipes *p, struct eng_round *r, int timeout_ms);

#endif
