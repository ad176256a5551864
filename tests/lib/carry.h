/* carry.h - frames from one space of a test to another. */
#ifndef CARRY_H
#define CARRY_H

#include "spaces.h"

static struct eng_exchange *lend(struct spaces *s)
{
	struct eng_exchange *x = NULL;

	spaces_must(eng_exchange_open(&x, s->space, true, &s->err), "open exchange", &s->err);
	return x;
}

static uint64_t seq_of(const struct eng_position *p, size_t n, const struct eng_series *series)
{
	for (size_t i = 0; i < n; i++)
		if (eng_series_cmp(&p[i].series, series) == 0)
			return p[i].seq;
	return 0;
}

/* One piece of one series that `to` lacks, from frame `from` of it on (at most one
 * behind its head): what it has already comes again.  Frames taken. */
static uint64_t carry(struct eng_exchange *to, struct eng_exchange *from, const struct eng_position *what,
                      uint64_t after, size_t bytes, struct engram_error *err)
{
	struct eng_buf b = ENG_BUF_INIT;
	uint64_t taken = 0;
	size_t n;

	spaces_must(eng_exchange_read(from, &b, &n, &what->series, after, what->seq, bytes, err), "read", err);
	if (n)
		spaces_must(eng_exchange_receive(to, &taken, &what->series, b.p, b.n, err), "receive", err);
	eng_buf_free(&b);
	return taken;
}

/* All of it. */
__attribute__((unused)) static void carry_all(struct spaces *to, struct spaces *from)
{
	struct eng_exchange *x = lend(to), *y = lend(from);
	const struct eng_position *theirs, *mine;
	size_t n, nmine;

	spaces_must(eng_exchange_received(y, &theirs, &n, &to->err), "received", &to->err);
	spaces_must(eng_exchange_received(x, &mine, &nmine, &to->err), "received", &to->err);
	for (size_t i = 0; i < n; i++) {
		uint64_t at = seq_of(mine, nmine, &theirs[i].series);
		while (at < theirs[i].seq)
			at += carry(x, y, &theirs[i], at, 1 << 20, &to->err);
	}
	spaces_must(eng_exchange_flush(x, &to->err), "flush", &to->err);
	eng_exchange_close(x);
	eng_exchange_close(y);
}

#endif
