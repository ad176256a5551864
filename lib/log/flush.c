/* flush.c - making frames durable, one flush for everybody who waits.
 *
 * Whoever gets the flush lock leads: one fdatasync covers what all have written.
 * The others sleep on the mark's `gen` and look again after 20 ms at the latest, so
 * that a leader that was killed costs them no more than that.  `gen` numbers the
 * flushes: who wrote while flush g ran is covered by g + 1 and sleeps until that
 * one; when g is done, one of them is woken, to lead.  (Waking all each time,
 * half of them for nothing, was a quarter of the time of fifty writers.)
 *
 * What keeps acknowledged frames:
 *  - a waiter remembers `fails` from before its write; if it has changed, a
 *    write or flush failed since, the frame may be void, and the answer is "not
 *    stored".  durable_seq is read before fails: a new segment reuses the seqs
 *    of void frames, so durable_seq alone proves nothing;
 *  - a failed flush is never retried on its segment: the second fdatasync
 *    answers 0 for pages that the first one dropped;
 *  - `flushing` stays set when a leader dies in its flush.  The error it may
 *    have been given died with it, so the next leader writes the bytes above
 *    durable again before it flushes;
 *  - written_seq is read before the flush: what is written during it is not
 *    covered. */
#include "log/log_int.h"

#include <errno.h>
#include <limits.h>

#define LOOK_AGAIN_US 20000
/* Giving up on a flush leaves the caller not knowing; so not before this. */
#define FLUSH_WAIT_MIN_MS 10000

/* Those who wait for the end of flush gen. */
static uint32_t waiters_of(uint32_t gen)
{
	return 1u << (gen & 31);
}

static void wake(struct eng_log *log, struct eng_mark *m, int most, uint32_t bits)
{
	log->sys->wait.wake(log->sys->wait.ctx, (const uint32_t *)&m->gen, most, bits);
}

void eng_flush_announce(struct eng_log *log, struct eng_log_series *s)
{
	s->mark->gen++;
	wake(log, s->mark, INT_MAX, ENG_WAKE_ANY);
}

static int not_stored(struct eng_log_series *s, struct engram_error *err)
{
	return eng_err(err, ENGRAM_EIO, "%s: a write or flush failed: not stored", s->dir);
}

static int flush_segment(struct eng_log *log, struct eng_mark *m)
{
	int r = 0;

	if (m->flushing && !ENG_PLANTED(4))
		r = eng_segment_rewrite(log, log->seg_fd, m->durable_off, m->written_off);
	m->flushing = 1;
	eng_point(log->sys, "flush-begin");
	if (r == 0)
		r = eng_fs_sync(log->sys, log->seg_fd);
	if (r < 0 && ENG_PLANTED(1))
		r = eng_fs_sync(log->sys, log->seg_fd);
	eng_point(log->sys, "flush-done");
	return r;
}

int eng_flush_lead(struct eng_log *log, struct eng_log_series *s, uint32_t fails, struct engram_error *err)
{
	struct eng_mark *m = s->mark;
	uint64_t off, seq;
	int r;

	if (m->fails != fails)
		return not_stored(s, err);
	r = eng_segment_use(log, s, err);
	if (r < 0)
		return r;
	/* In this order: the offset may lag behind the seq, never pass it. */
	off = m->written_off;
	seq = m->written_seq;
	r = flush_segment(log, m);
	if (ENG_PLANTED(3))
		seq = m->written_seq;
	if (r < 0) {
		m->fails++;
		eng_point(log->sys, "flush-failed");
		m->flushing = 0;
		eng_err_fs(err, r, s->dir, "flush");
		return ENGRAM_EIO;
	}
	m->durable_off = off;
	eng_point(log->sys, "flush-offset");
	m->durable_seq = seq;
	eng_point(log->sys, "flush-durable");
	m->flushing = 0;
	return ENGRAM_OK;
}

static int lead_if_needed(struct eng_log *log, struct eng_log_series *s, uint64_t seq, uint32_t fails,
                          struct engram_error *err)
{
	struct eng_mark *m = s->mark;
	bool covered = m->durable_seq >= seq && m->fails == fails;
	int r = covered ? ENGRAM_OK : eng_flush_lead(log, s, fails, err);
	uint32_t gen = m->gen++; /* before anybody else can lead under the old number */

	eng_unlock_flush(log, s);
	wake(log, m, INT_MAX, covered || r < 0 ? ENG_WAKE_ANY : waiters_of(gen));
	if (!covered && r == 0)
		wake(log, m, 1, waiters_of(gen + 1));
	return r;
}

static int wait_for_leader(struct eng_log *log, struct eng_log_series *s, uint32_t gen, uint32_t bits,
                           int64_t deadline_us, struct engram_error *err)
{
	char who[ENG_HOLDER_TEXT];

	if (log->sys->clock.mono_us(log->sys->clock.ctx) > deadline_us)
		return eng_err(err, ENGRAM_EBUSY, "%s: flush lock: held by %s; it may be stored", s->dir,
		               eng_holder(who, s->mark->flush_pid));
	log->sys->wait.wait(log->sys->wait.ctx, (const uint32_t *)&s->mark->gen, gen, bits, LOOK_AGAIN_US);
	return ENGRAM_OK;
}

int eng_flush_join(struct eng_log *log, struct eng_log_series *s, uint64_t seq, uint32_t fails,
                   struct engram_error *err)
{
	int64_t wait_ms = log->wait_ms > FLUSH_WAIT_MIN_MS ? log->wait_ms : FLUSH_WAIT_MIN_MS;
	int64_t deadline_us = log->sys->clock.mono_us(log->sys->clock.ctx) + wait_ms * 1000;
	struct eng_mark *m = s->mark;
	bool slept = false;

	for (;;) {
		uint32_t gen = m->gen;
		uint64_t durable = m->durable_seq;
		uint32_t bits = waiters_of(gen + 1);
		int r = 0;

		if (m->fails != fails)
			return not_stored(s, err);
		if (durable >= seq)
			return ENGRAM_OK;
		if (eng_series_is_over(s))
			return not_stored(s, err);
		/* Who flushes began before we wrote: do not ask, and wait for the next one. */
		if (slept || !m->flushing) {
			bits |= waiters_of(gen);
			r = eng_try_flush(log, s, err);
		}
		if (r > 0)
			r = lead_if_needed(log, s, seq, fails, err);
		else if (r == 0)
			r = wait_for_leader(log, s, gen, bits, deadline_us, err);
		slept = true;
		if (r < 0)
			return r;
	}
}

int eng_log_flush(struct eng_log *log, struct engram_error *err)
{
	struct eng_log_series *s = log->pending;
	int r;

	if (!s)
		return ENGRAM_OK;
	r = log->pending_lost ? not_stored(s, err)
	                      : eng_flush_join(log, s, log->pending_seq, log->pending_fails, err);
	if (r != ENGRAM_EBUSY)
		log->pending = NULL;
	return r;
}

int eng_log_settle(struct eng_log *log, struct engram_error *err)
{
	struct eng_log_series *s = log->own;
	uint32_t fails;
	int r = eng_log_flush(log, err);

	if (r < 0 || !s || !eng_series_mark_counts(log, s))
		return r;
	fails = s->mark->fails;
	/* What was written before the failure is void: durable is all there is. */
	if (fails != s->mark->seg_fails)
		return ENGRAM_OK;
	return eng_flush_join(log, s, s->mark->written_seq, fails, err);
}

int eng_log_receive_flush(struct eng_log *log, struct engram_error *err)
{
	int r = ENGRAM_OK;

	for (size_t i = 0; r == 0 && i < log->nseries; i++) {
		struct eng_log_series *s = log->series[i];

		if (!s->received)
			continue;
		r = s->received_lost ? not_stored(s, err)
		                     : eng_flush_join(log, s, s->received_seq, s->received_fails, err);
		if (r != ENGRAM_EBUSY)
			s->received = false;
	}
	return r;
}
