/* receive.c - frames that another store wrote, as they are, behind those held.
 *
 * A received series is a directory as any: segments, a mark (role RECEIVED), its
 * append lock for whoever receives, its flush lock for whoever makes durable.
 * The steps are those of append.c; the difference is who gives the seq, and what
 * is to be verified:
 *
 *   before the lock  each frame by itself, and that each follows the one before it:
 *                    checks, series, space, seq, prev, rising stamps, a prelude
 *                    that can be read.  Nothing of a batch is kept where one fails.
 *   under it         that they continue what is held.  Frames that are held are
 *                    passed over: their header_check, which covers the chain, must
 *                    be the same.  There are no gaps and no lists of gaps.
 *
 * Frames are written as they came, the witness included, in groups that lie in
 * one segment each.  A group that could not be written leaves what was before it.
 *
 * This store's own open series takes no frame, unless one continues it: the frame
 * names as its predecessor my last, so I wrote it, and lost it with whatever I was
 * restored from.  What I would append now would bear the numbers of frames that
 * others hold.  So the series is closed and its rest taken; the next append begins
 * another.  A peer's claim to hold more, without the frames, changes nothing. */
#include "log/log_int.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/le.h"

/* One write, and one reservation of blocks. */
#define GROUP_BYTES (1u << 20)

struct incoming {
	const uint8_t *p;
	size_t n;
	struct eng_series of; /* that they name: of a branch another one */
	uint64_t first, last; /* seqs */
	eng_stamp stamp;      /* of the first */
	uint32_t fails;
	uint64_t taken;
};

/* -- each frame by itself ------------------------------------------------------------ */

static int refuse(const struct eng_series *series, const char *what, struct engram_error *err)
{
	char name[ENG_SERIES_NAME + 1];

	eng_series_name(name, series);
	return eng_err(err, ENGRAM_EINPUT, "series %s: %s", name, what);
}

static int refuse_prelude(const struct eng_series *series, uint64_t seq, const struct engram_error *why,
                          struct engram_error *err)
{
	char text[160];

	snprintf(text, sizeof text, "frame %" PRIu64 ": %.120s", seq, why->message);
	return refuse(series, text, err);
}

static int refuse_stamp(const struct eng_series *series, const struct eng_header *h, eng_stamp last,
                        struct engram_error *err)
{
	char text[160];

	snprintf(text, sizeof text, "frame %" PRIu64 ", stamp: wanted above %016" PRIx64 ", found %016" PRIx64, h->seq,
	         last, h->stamp);
	return refuse(series, text, err);
}

static int verify(struct incoming *in, struct eng_log *log, const struct eng_series *series, struct engram_error *err)
{
	struct eng_expect want = {.series = in->of, .space_check = log->space_check, .any_prev = true};
	eng_stamp last = 0;
	size_t at = 0;

	want.seq = in->first = in->n < ENG_FRAME_HEADER ? 1 : eng_get64(in->p + 40);
	do {
		struct engram_error why = {0};
		struct eng_prelude prelude;
		struct eng_fault fault;
		struct eng_frame f;

		if (!eng_frame_in(&f, &fault, 0, in->p + at, in->n - at, &want))
			return refuse(series, fault.text, err);
		if (eng_prelude_decode(&prelude, f.payload, f.h.payload_len, &why) < 0)
			return refuse_prelude(series, want.seq, &why, err);
		if (f.h.stamp <= last)
			return refuse_stamp(series, &f.h, last, err);
		if (at == 0)
			in->stamp = f.h.stamp;
		last = f.h.stamp;
		in->last = want.seq++;
		want.prev = f.h.header_check;
		want.any_prev = false;
		at += (size_t)eng_frame_size(f.h.payload_len);
	} while (at < in->n);
	return ENGRAM_OK;
}

/* -- whose they are -------------------------------------------------------------------- */

static bool is_branch(const struct incoming *in, const struct eng_series *series)
{
	return eng_series_cmp(&in->of, series) != 0;
}

static bool begins_branch(const struct incoming *in, const struct eng_series *series)
{
	struct eng_series name;

	eng_branch_name(&name, in->p);
	return eng_series_cmp(&name, series) == 0;
}

static int find_series(struct eng_log_series **s, struct eng_log *log, const struct incoming *in,
                       const struct eng_series *series, struct engram_error *err)
{
	bool branch = is_branch(in, series), begins = branch && begins_branch(in, series);
	int r;

	*s = eng_series_find(log, series);
	if (branch && !begins && !(*s && (*s)->tag))
		return refuse(series, "wanted frames of it, or the frame that it is named after, found another's", err);
	if (branch && in->first > ENG_PLACE_SEQ)
		return refuse(series, "wanted a branch from a frame below 2^40", err);
	r = eng_series_receiver(s, log, series, branch ? ENG_ROLE_RECEIVED | ENG_ROLE_BRANCH : ENG_ROLE_RECEIVED, err);
	if (r < 0)
		return r;
	if (begins && !(*s)->tag)
		eng_series_is_branch(*s, &in->of, in->first - 1, eng_get32(in->p + 32));
	return eng_series_cmp(&in->of, &(*s)->of) == 0
	               ? ENGRAM_OK
	               : refuse(series, "wanted frames of the series that it holds, found another's", err);
}

/* -- what is held ---------------------------------------------------------------------- */

static uint32_t check_of(const uint8_t *frame)
{
	return eng_get32(frame + 12);
}

static const uint8_t *next_frame(const uint8_t *frame)
{
	return frame + eng_frame_size(eng_get32(frame + 8));
}

/* The header_check held at seq, which is at most what was written. */
static int held_check(struct eng_log *log, struct eng_log_series *s, uint32_t *check, uint64_t seq,
                      struct engram_error *err)
{
	*check = 0;
	if (seq == s->mark->written_seq)
		*check = s->mark->chain;
	else if (seq)
		return eng_log_check_at(log, check, &s->id, seq, err);
	return ENGRAM_OK;
}

static int refuse_gap(const struct eng_log_series *s, const struct incoming *in, uint64_t head,
                      struct engram_error *err)
{
	char text[120];

	snprintf(text, sizeof text, "wanted frame %" PRIu64 " or one before it, found frame %" PRIu64, head + 1,
	         in->first);
	return refuse(&s->id, text, err);
}

static void remember(struct eng_log_series *s, uint64_t seq, uint32_t fails)
{
	if (!s->received) {
		s->received = true;
		s->received_lost = false;
		s->received_fails = fails;
	} else if (s->received_fails != fails) {
		s->received_lost = true;
	}
	s->received_seq = seq;
}

/* Passes over what is held: in begins at head + 1 then, or is empty.  1 forked. */
static int pass_held(struct eng_log *log, struct eng_log_series *s, struct incoming *in, struct engram_error *err)
{
	uint64_t head = s->mark->written_seq;
	uint64_t seq = in->first - 1; /* the greatest that both have */
	const uint8_t *p = in->p;
	uint32_t mine, theirs;
	int r;

	if (in->first > head + 1 || in->first <= s->base)
		return refuse_gap(s, in, head, err);
	theirs = eng_get32(p + 32);
	for (; seq < head && seq < in->last; seq++) {
		theirs = check_of(p);
		p = next_frame(p);
	}
	if (seq >= in->first && seq > s->mark->durable_seq)
		remember(s, seq, in->fails); /* another's, to be flushed with ours */
	in->n -= (size_t)(p - in->p);
	in->p = p;
	in->first = seq + 1;
	if (in->n)
		in->stamp = eng_get64(p + 48);
	r = held_check(log, s, &mine, seq, err);
	if (r < 0)
		return r;
	return mine == theirs ? ENGRAM_OK : ENG_LOG_FORKED;
}

/* -- writing ----------------------------------------------------------------------------- */

/* Where a group ends that is one write; the header fields of its last frame. */
static size_t group_of(const struct incoming *in, struct eng_end *end)
{
	const uint8_t *p = in->p, *stop = in->p + in->n;

	while (p < stop) {
		const uint8_t *next = next_frame(p);

		if (p > in->p && (size_t)(next - in->p) > GROUP_BYTES)
			break;
		end->last_off = (uint64_t)(p - in->p);
		end->chain = check_of(p);
		end->seq = eng_get64(p + 40);
		end->stamp = eng_get64(p + 48);
		p = next;
	}
	return (size_t)(p - in->p);
}

static int write_group(struct eng_log *log, struct eng_log_series *s, struct incoming *in, struct engram_error *err)
{
	struct eng_mark *m = s->mark;
	struct eng_end end;
	size_t n = group_of(in, &end);
	int r = eng_append_room(log, s, &in->fails, n, 0, err);

	if (r < 0)
		return r;
	if (m->written_seq + 1 != in->first) /* void frames of a failed flush were among those held */
		return eng_err(err, ENGRAM_EIO, "%s: a write or flush failed: not stored", s->dir);
	end.last_off += m->written_off;
	end.off = m->written_off + n;
	r = eng_append_write(log, s, in->p, n, &end, err);
	if (r < 0)
		return r;
	remember(s, end.seq, in->fails);
	in->taken += end.seq + 1 - in->first;
	in->first = end.seq + 1;
	in->p += n;
	in->n -= n;
	return ENGRAM_OK;
}

/* -- a series of this store ---------------------------------------------------------------- */

/* What it ends with is durable, or void. */
static int settle(struct eng_log *log, struct eng_log_series *s, struct engram_error *err)
{
	struct eng_mark *m = s->mark;
	int r = eng_append_sound(log, s, err);

	if (r != 0 || (m->durable_seq == m->written_seq && m->fails == m->seg_fails))
		return r;
	if (m->fails != m->seg_fails)
		return eng_err(err, ENGRAM_EIO, "%s: a write or flush failed: try again", s->dir);
	r = eng_lock_flush(log, s, err);
	if (r < 0)
		return r;
	r = eng_flush_lead(log, s, m->fails, err);
	eng_unlock_flush(log, s);
	eng_flush_announce(log, s);
	return r;
}

static int close_locked(struct eng_log *log, struct eng_log_series *s, struct engram_error *err)
{
	int r = eng_lock_flush(log, s, err);

	if (r < 0)
		return r;
	r = eng_own_close(log, s, ENG_BIRTH_ROLLBACK, false, NULL, err);
	eng_unlock_flush(log, s);
	return r;
}

/* Frames that continue it prove that it was longer once. */
static int close_own(struct eng_log *log, struct eng_log_series *s, const struct incoming *in,
                     struct engram_error *err)
{
	char name[ENG_SERIES_NAME + 1];
	int r = close_locked(log, s, err);

	if (r < 0)
		return r;
	eng_series_name(name, &s->id);
	eng_log_note(log,
	             "log %s was rolled back: a peer has frame %" PRIu64 ", which this store wrote and lost;"
	             " the next write begins a new series",
	             name, in->first);
	return ENGRAM_OK;
}

/* The positions of a closed series count for ever: no longer, and that is durable
 * before a frame is. */
static int reopen(struct eng_log *log, struct eng_log_series *s, struct engram_error *err)
{
	struct eng_mark *m = s->mark;
	int r = eng_lock_flush(log, s, err);

	if (r < 0)
		return r;
	m->boot = log->boot;
	m->reopened = 1;
	eng_point(log->sys, "receive-reopened");
	r = eng_fs_sync(log->sys, s->fd);
	if (r < 0)
		m->reopened = 0;
	eng_unlock_flush(log, s);
	s->recovered = r == 0;
	return r < 0 ? eng_err_fs(err, r, s->dir, "open series") : ENGRAM_OK;
}

/* -- receiving ------------------------------------------------------------------------------- */

static bool is_own_open(const struct eng_log_series *s)
{
	return s->mark->is.role == ENG_ROLE_OWN && !s->mark->closed;
}

/* Whatever is written now is held: durable, or not known to have failed. */
static int sound(struct eng_log *log, struct eng_log_series *s, uint32_t *fails, struct engram_error *err)
{
	int r;

	if (is_own_open(s))
		r = settle(log, s, err);
	else
		r = eng_append_sound(log, s, err);
	if (r == ENG_SERIES_OVER) /* rolled back, as its recovery found: closed now, it receives */
		return ENGRAM_OK;
	if (r == 0 && !is_own_open(s) && *fails != s->mark->seg_fails)
		r = eng_append_room(log, s, fails, ENG_FRAME_HEADER, 0, err);
	return r;
}

static int receive_locked(struct eng_log *log, struct eng_log_series *s, struct incoming *in, struct engram_error *err)
{
	eng_stamp last;
	int r = eng_names_mark(log, s, err);

	if (r == ENG_SERIES_OVER)
		return eng_err(err, ENGRAM_EBUSY, "%s: replaced just now: try again", s->dir);
	if (r < 0)
		return r;
	in->fails = s->mark->fails;
	r = sound(log, s, &in->fails, err);
	if (r == 0)
		r = pass_held(log, s, in, err);
	if (r != 0 || in->n == 0)
		return r;
	last = s->mark->last_stamp;
	if (in->stamp <= last) {
		struct eng_header h = {.seq = in->first, .stamp = in->stamp};
		return refuse_stamp(&s->id, &h, last, err);
	}
	if (is_own_open(s))
		r = close_own(log, s, in, err);
	if (r == 0 && eng_series_is_over(s))
		r = reopen(log, s, err);
	while (r == 0 && in->n)
		r = write_group(log, s, in, err);
	return r;
}

int eng_log_receive(struct eng_log *log, uint64_t *taken, const struct eng_series *series, const uint8_t *frames,
                    size_t n, struct engram_error *err)
{
	struct incoming in = {.p = frames, .n = n};
	struct eng_log_series *s;
	int r;

	*taken = 0;
	if (n == 0)
		return ENGRAM_OK;
	in.of = *series;
	if (n >= ENG_FRAME_HEADER)
		memcpy(in.of.b, frames + 16, sizeof in.of.b);
	r = verify(&in, log, series, err);
	if (r == 0)
		r = find_series(&s, log, &in, series, err);
	if (r == 0)
		r = eng_lock_append(log, s, err);
	if (r < 0)
		return r;
	r = receive_locked(log, s, &in, err);
	eng_unlock_append(log, s);
	if (s == log->own && s->mark->closed)
		log->own = NULL;
	*taken = in.taken;
	return r;
}
