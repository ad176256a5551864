/* talk.h - two session machines and the byte pipes between them, in one thread.
 *
 *     struct talk t;
 *     talk_begin(&t, a, b, NULL, NULL);      two model stores
 *     talk_run(&t, &rng, most);              in pieces of 1 to `most` bytes
 *     talk_end(&t);
 *
 * Each pipe holds 64 KiB.  `cut` closes both after so many bytes of one direction
 * were delivered; what was under way is lost. */
#ifndef TALK_H
#define TALK_H

#include <stdio.h>
#include <stdlib.h>

#include "base/rng.h"
#include "modelstore.h"

#define TALK_PIPE 65536u

struct talk_end {
	struct eng_sync *s;
	struct eng_sync_store store;
	struct engram_error err;
	uint8_t pipe[TALK_PIPE]; /* on its way to this end */
	size_t n;
	uint64_t heard; /* bytes delivered in all */
	bool closed;    /* the pipe to it */
	bool ended;     /* and it was told */
	struct eng_buf *record; /* NULL, or gets all that this end said */
};

struct talk {
	struct talk_end a, b;
	uint64_t cut_a, cut_b; /* heard by an end before the cut; UINT64_MAX = never */
	size_t most;           /* of bytes at once */
	uint64_t turns;
};

__attribute__((unused)) static const struct eng_sync_options talk_both = {
	.mode = ENG_SYNC_BOTH, .give = true, .take = true};

/* NULL options: talk_both. */
__attribute__((unused)) static int talk_begin(struct talk *t, struct modelstore *a, struct modelstore *b,
                                              const struct eng_sync_options *oa, const struct eng_sync_options *ob)
{
	int r;

	memset(t, 0, sizeof *t);
	t->cut_a = t->cut_b = UINT64_MAX;
	t->a.store = modelstore_seam(a);
	t->b.store = modelstore_seam(b);
	r = eng_sync_new(&t->a.s, oa ? oa : &talk_both, &t->a.store, &t->a.err);
	return r < 0 ? r : eng_sync_new(&t->b.s, ob ? ob : &talk_both, &t->b.store, &t->b.err);
}

__attribute__((unused)) static void talk_end(struct talk *t)
{
	eng_sync_free(t->a.s);
	eng_sync_free(t->b.s);
}

static size_t talk_some_(struct eng_rng *g, size_t most)
{
	return g ? 1 + (size_t)eng_rng_below(g, most) : most;
}

/* Output of one into the pipe of the other. */
static bool talk_send_(struct talk_end *from, struct talk_end *to, struct eng_rng *g, size_t most)
{
	struct eng_bytes out = eng_sync_output(from->s);
	size_t n = TALK_PIPE - to->n, some = talk_some_(g, most);

	n = n < out.n ? n : out.n;
	n = n < some ? n : some;
	if (n == 0 || to->closed)
		return false;
	memcpy(to->pipe + to->n, out.p, n);
	to->n += n;
	if (from->record)
		eng_buf_add(from->record, out.p, n);
	eng_sync_sent(from->s, n);
	return true;
}

static bool talk_hear_(struct talk_end *e, uint64_t cut, struct eng_rng *g, size_t most)
{
	size_t n = talk_some_(g, most), used;

	n = n < e->n ? n : e->n;
	if (cut - e->heard < n)
		n = (size_t)(cut - e->heard);
	if (n == 0)
		return false;
	(void)eng_sync_input(e->s, &used, e->pipe, n, &e->err);
	memmove(e->pipe, e->pipe + used, e->n - used);
	e->n -= used;
	e->heard += used;
	return used > 0;
}

static bool talk_running_(const struct talk_end *e)
{
	return eng_sync_state(e->s) == ENG_SYNC_RUNNING;
}

static void talk_cut_(struct talk_end *e)
{
	e->closed = true;
	e->n = 0;
}

/* An end that is over closes its output, when that is taken. */
static void talk_close_(struct talk_end *from, struct talk_end *to)
{
	if (!talk_running_(from) && eng_sync_output(from->s).n == 0)
		to->closed = true;
}

static bool talk_turn_(struct talk *t, struct talk_end *me, struct talk_end *other, uint64_t cut, struct eng_rng *g)
{
	bool moved = talk_hear_(me, cut, g, t->most);

	if (me->heard == cut) {
		talk_cut_(me);
		talk_cut_(other);
	}
	if (me->closed && me->n == 0 && !me->ended) {
		me->ended = true;
		(void)eng_sync_input_end(me->s, &me->err);
		moved = true;
	}
	(void)eng_sync_step(me->s, &me->err);
	moved |= talk_send_(me, other, g, t->most);
	talk_close_(me, other);
	return moved;
}

/* Until both are over; g NULL: pieces of exactly `most`, else up to.  false: they
 * stand still. */
__attribute__((unused)) static bool talk_run(struct talk *t, struct eng_rng *g, size_t most)
{
	bool moved = true;

	t->most = most;
	while (moved && (talk_running_(&t->a) || talk_running_(&t->b))) {
		moved = talk_turn_(t, &t->a, &t->b, t->cut_a, g);
		moved |= talk_turn_(t, &t->b, &t->a, t->cut_b, g);
		t->turns++;
	}
	return moved;
}

__attribute__((unused)) static bool talk_done(const struct talk *t)
{
	return eng_sync_state(t->a.s) == ENG_SYNC_DONE && eng_sync_state(t->b.s) == ENG_SYNC_DONE;
}

/* -- stores to talk about ------------------------------------------------------------ */

#define TALK_NOW INT64_C(1700000000000000)

__attribute__((unused)) static struct modelstore *talk_store(uint64_t seed)
{
	struct modelstore *m = modelstore_new(seed);

	modelstore_clock(m, TALK_NOW);
	return m;
}

__attribute__((unused)) static void talk_fill(struct modelstore *m, const char *who, unsigned n)
{
	char text[64];

	for (unsigned i = 0; i < n; i++) {
		snprintf(text, sizeof text, "%s remembers %u", who, i);
		modelstore_remember(m, NULL, text);
	}
	modelstore_flush(m);
}

/* -- whole sessions ------------------------------------------------------------------- */

/* What lies behind `after`, as a file, to the end of `out`. */
__attribute__((unused)) static int talk_file(struct modelstore *m, struct eng_buf *out,
                                             const struct eng_position *after, size_t nafter,
                                             struct engram_error *err)
{
	const struct eng_sync_options o = {.mode = ENG_SYNC_FILE_OUT, .give = true, .after = after, .nafter = nafter};
	struct eng_sync_store seam = modelstore_seam(m);
	struct eng_sync *s;
	int r = eng_sync_new(&s, &o, &seam, err);

	if (r < 0)
		return r;
	while (r == 0 && (eng_sync_state(s) == ENG_SYNC_RUNNING || eng_sync_output(s).n > 0)) {
		struct eng_bytes b = eng_sync_output(s);
		eng_buf_add(out, b.p, b.n);
		eng_sync_sent(s, b.n);
		r = eng_sync_step(s, err);
	}
	eng_sync_free(s);
	return r;
}

/* Both ends must be done. */
__attribute__((unused)) static bool talk_once(struct modelstore *a, struct modelstore *b)
{
	struct talk *t = malloc(sizeof *t);
	bool ok = t && talk_begin(t, a, b, NULL, NULL) == 0;

	ok = ok && talk_run(t, NULL, 4096) && talk_done(t);
	if (t && !ok)
		printf("# a: %s\n# b: %s\n", t->a.err.message, t->b.err.message);
	if (t)
		talk_end(t);
	free(t);
	return ok;
}

#endif
