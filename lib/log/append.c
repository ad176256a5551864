/* append.c - frames behind the end, in one write.
 *
 * Payloads are laid out and hashed before any lock is held.  Under the append
 * lock, in this order (each step is a function below):
 *
 *   1 the mark is still the one of this path, not dropped, not closed
 *   2 remember `fails`: first of all, so that any failure from here on is seen
 *     by the flush that follows (remembered after the write, frames of a
 *     segment that failed meanwhile were acknowledged)
 *   3 dirty, another boot, or anything but zeros at the end: recover
 *   4 `fails` differs from the segment's: begin the segment durable_seq + 1,
 *     which makes every frame of older segments from there on void
 *   5 no room in the segment: flush it as a leader does, begin written_seq + 1
 *   6 blocks that read as zeros up to the end of the frames: the disk is full
 *     now or not at all, and nothing is spoilt
 *   7 dirty; seq, stamp, prev, witness, checks; one pwrite
 *   8 publish offset, chain, stamp, seq; clear dirty
 *
 * A seq is given under the lock, the flush happens outside it (flush.c). */
#include "log/log_int.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>

#include "base/hash.h"
#include "base/le.h"
#include "frame/hlc.h"
#include "frame/series.h"

struct batch {
	const struct eng_draft *drafts;
	size_t n;
	eng_stamp floor;
	uint32_t fails;       /* remembered in step 2 */
	bool has_birth;       /* the first frame of out is the birth frame */
	uint64_t slack;       /* left reserved behind the frames */
	struct eng_appended done;
};

/* -- laying out ------------------------------------------------------------------ */

/* Header fields that need no lock; seal() fills in the rest. */
static void lay_frame(struct eng_buf *b, uint8_t kind, uint8_t flags, const uint8_t *payload, uint32_t len)
{
	size_t at = b->n;

	eng_buf_zero(b, ENG_FRAME_HEADER);
	eng_buf_add(b, payload, len);
	eng_buf_align8(b);
	if (b->failed)
		return;
	b->p[at + 5] = kind;
	b->p[at + 6] = flags;
	eng_set32(b->p + at + 8, len);
	eng_set64(b->p + at + 56, eng_hash64(payload, len));
}

static int lay_drafts(struct eng_log *log, const struct batch *batch, struct engram_error *err)
{
	for (size_t i = 0; i < batch->n; i++) {
		const struct eng_draft *d = &batch->drafts[i];

		lay_frame(&log->out, d->kind, d->flags, d->payload, d->payload_len);
	}
	return log->out.failed ? eng_err_nomem(err) : ENGRAM_OK;
}

static int check_sizes(const struct eng_draft *drafts, size_t n, struct engram_error *err)
{
	uint64_t total = 0;

	for (size_t i = 0; i < n; i++) {
		if (drafts[i].payload_len > ENG_PAYLOAD_MAX)
			return eng_err(err, ENGRAM_EINPUT,
			               "frame: wanted a payload of at most %u bytes, found %" PRIu32,
			               ENG_PAYLOAD_MAX, drafts[i].payload_len);
		total += eng_frame_size(drafts[i].payload_len);
	}
	if (total > ENG_APPEND_MAX)
		return eng_err(err, ENGRAM_ELIMIT, "append: wanted at most %u bytes at once, found %" PRIu64,
		               ENG_APPEND_MAX, total);
	return ENGRAM_OK;
}

/* Frames that make room, or end something, may use the reserve. */
static bool may_use_reserve(const struct eng_draft *drafts, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (drafts[i].kind != ENG_FORGET && drafts[i].kind != ENG_CUT && drafts[i].kind != ENG_RETIRE)
			return false;
	return true;
}

/* The payload of the first frame of a series, into b. */
static void birth_payload(struct eng_log *log, struct eng_buf *b)
{
	struct eng_birth birth = {.reason = ENG_BIRTH_NEW};

	birth.has_parent = eng_own_parent(log, &birth.parent, &birth.reason);
	eng_birth_payload(b, &birth);
}

/* A series begins with a birth frame, in the same write as what follows. */
static int lay_birth(struct eng_log *log, struct batch *batch, struct engram_error *err)
{
	struct eng_buf payload = ENG_BUF_INIT;

	birth_payload(log, &payload);
	eng_buf_reset(&log->out);
	if (!payload.failed)
		lay_frame(&log->out, ENG_BIRTH, 0, payload.p, (uint32_t)payload.n);
	log->out.failed |= payload.failed;
	eng_buf_free(&payload);
	batch->has_birth = true;
	return lay_drafts(log, batch, err);
}

/* -- the steps under the lock ---------------------------------------------------- */

/* Step 3, what lies at the end: 1 = 64 zeros or the end of the file. */
static int tail_is_zero(struct eng_log *log, struct eng_mark *m)
{
	static const uint8_t zero[ENG_FRAME_HEADER];
	uint8_t tail[ENG_FRAME_HEADER];
	ssize_t got = eng_fs_read(log->sys, log->seg_fd, tail, sizeof tail, m->written_off);

	return got < 0 ? (int)got : memcmp(tail, zero, (size_t)got) == 0;
}

/* Once per handle: the file is still the one that the mark speaks of. */
static int last_frame_matches(struct eng_log *log, struct eng_log_series *s)
{
	struct eng_mark *m = s->mark;
	uint8_t raw[ENG_FRAME_HEADER];
	struct eng_header h;
	ssize_t got;

	if (s->checked_tail || m->last_off == 0)
		return 1;
	got = eng_fs_read(log->sys, log->seg_fd, raw, sizeof raw, m->last_off);
	if (got < 0)
		return (int)got;
	s->checked_tail = got == ENG_FRAME_HEADER && eng_header_decode(&h, raw) == ENG_HEADER_OK &&
	                  h.seq == m->written_seq && h.header_check == m->chain &&
	                  m->last_off + eng_frame_size(h.payload_len) == m->written_off;
	return s->checked_tail;
}

/* A mark that no sequence of steps leaves behind is not to be believed. */
static bool is_plausible(const struct eng_mark *m)
{
	return m->durable_seq <= m->written_seq && m->active <= m->written_seq + 1 &&
	       m->written_off >= ENG_SEGMENT_HEADER && m->last_off < m->written_off &&
	       m->written_off <= m->filled_off;
}

/* 1 the mark and the bytes agree, 0 recover, or an error. */
static int is_sound(struct eng_log *log, struct eng_log_series *s, struct engram_error *err)
{
	struct eng_mark *m = s->mark;
	int r;

	if (m->dirty || !eng_series_mark_counts(log, s) || !is_plausible(m))
		return 0;
	r = eng_segment_use(log, s, err);
	if (r == ENGRAM_EDAMAGED)
		return 0; /* the segment is gone: recovery says what that means */
	if (r < 0)
		return r;
	r = tail_is_zero(log, m);
	if (r > 0)
		r = last_frame_matches(log, s);
	return r < 0 ? eng_err_fs(err, r, s->dir, "read") : r;
}

int eng_append_sound(struct eng_log *log, struct eng_log_series *s, struct engram_error *err)
{
	int r = is_sound(log, s, err);

	if (r != 0)
		return r < 0 ? r : ENGRAM_OK;
	r = eng_lock_flush(log, s, err);
	if (r < 0)
		return r;
	r = eng_recover(log, s, err);
	eng_unlock_flush(log, s);
	return r;
}

/* header_check of the last durable frame, which the next segment hangs on. */
static int durable_chain(struct eng_log *log, struct eng_log_series *s, uint32_t *chain,
                         struct engram_error *err)
{
	struct eng_window w = {.sys = log->sys};
	struct eng_end end = {.seq = s->mark->active - 1, .off = ENG_SEGMENT_HEADER};
	struct eng_fault fault;
	char path[ENG_PATH_MAX];
	int r = eng_segment_use(log, s, err); /* recovery may just have made another one active */

	if (r < 0)
		return r;
	w.fd = log->seg_fd;
	eng_segment_path(path, s, s->mark->active);
	r = eng_segment_check(log, &end.chain, s, s->mark->active, &w, err);
	if (r > 0) {
		r = eng_scan(&w, &end, &fault, &s->of, log->space_check, s->mark->durable_seq + 1);
		if (r < 0)
			r = eng_err_fs(err, r, path, "read");
		else
			r = r > 0 ? ENGRAM_OK : eng_err_fault(err, path, &fault);
	} else if (r == 0) {
		r = eng_err(err, ENGRAM_EDAMAGED, "%s: offset 0: wanted a segment header, found zeros", path);
	}
	*chain = end.chain;
	eng_window_free(&w);
	return r;
}

/* Frames of a received series that are void come again with the stamps they had: the
 * last stamp is that of the last durable frame. */
static int durable_stamp(struct eng_log *log, struct eng_log_series *s, eng_stamp *stamp, struct engram_error *err)
{
	uint64_t seq = s->mark->durable_seq;
	struct eng_cursor *c = NULL;
	struct eng_frame f = {.payload = NULL};
	int r;

	*stamp = s->mark->last_stamp;
	if (!eng_series_receives(s))
		return ENGRAM_OK;
	*stamp = 0;
	if (seq == s->base)
		return ENGRAM_OK;
	r = eng_cursor_open(&c, log, &s->id, seq - 1, seq, NULL, err);
	if (r == 0)
		r = eng_cursor_next(c, &f, err);
	eng_cursor_close(c);
	*stamp = f.h.stamp;
	return r < 0 ? r : ENGRAM_OK;
}

/* Step 4.  Both locks held. */
static int leave_failed(struct eng_log *log, struct eng_log_series *s, uint32_t *fails, struct engram_error *err)
{
	struct eng_mark *m = s->mark;
	eng_stamp stamp = 0;
	uint32_t chain;
	int r = durable_chain(log, s, &chain, err);

	if (r == 0)
		r = durable_stamp(log, s, &stamp, err);
	if (r < 0)
		return r;
	*fails = m->fails;
	r = eng_segment_begin(log, s, m->durable_seq + 1, chain, err);
	if (r < 0)
		return r;
	m->last_stamp = stamp;
	m->flushing = 0;
	m->seg_fails = *fails;
	eng_point(log->sys, "begin-seg-fails");
	m->dirty = 0;
	return ENGRAM_OK;
}

/* Step 5.  Both locks held. */
static int seal(struct eng_log *log, struct eng_log_series *s, uint32_t fails, struct engram_error *err)
{
	struct eng_mark *m = s->mark;
	int r = eng_flush_lead(log, s, fails, err);

	if (r < 0)
		return r;
	r = eng_segment_begin(log, s, m->written_seq + 1, m->chain, err);
	if (r == 0)
		m->dirty = 0;
	return r;
}

static int with_flush_lock(struct eng_log *log, struct eng_log_series *s, uint32_t *fails, bool failed,
                           struct engram_error *err)
{
	int r = eng_lock_flush(log, s, err);

	if (r < 0)
		return r;
	r = failed ? leave_failed(log, s, fails, err) : seal(log, s, *fails, err);
	eng_unlock_flush(log, s);
	eng_flush_announce(log, s);
	return r < 0 ? r : eng_segment_use(log, s, err);
}

/* An empty segment takes whatever fits one call. */
static bool has_room(const struct eng_mark *m, uint64_t n)
{
	return m->written_off + n <= ENG_SEGMENT_MAX || m->written_off == ENG_SEGMENT_HEADER;
}

int eng_append_room(struct eng_log *log, struct eng_log_series *s, uint32_t *fails, uint64_t n, uint64_t slack,
                    struct engram_error *err)
{
	struct eng_mark *m = s->mark;
	int r = ENGRAM_OK;

	if (*fails != m->seg_fails)
		r = with_flush_lock(log, s, fails, true, err);
	if (r == 0 && !has_room(m, n + slack))
		r = with_flush_lock(log, s, fails, false, err);
	if (r == 0)
		r = eng_segment_use(log, s, err);
	if (r < 0)
		return r;
	r = eng_segment_fill(log, s, n, slack, err);
	if (r == ENGRAM_EIO)
		m->fails++;
	return r;
}

/* -- writing ---------------------------------------------------------------------- */

static bool too_far_ahead(eng_stamp stamp, int64_t wall_us)
{
	return eng_hlc_ahead_ms(stamp, wall_us) > ENG_CLOCK_AHEAD_MS;
}

static int check_clock(const struct eng_mark *m, int64_t wall_us, struct engram_error *err)
{
	int64_t ahead_ms = eng_hlc_ahead_ms(m->last_stamp, wall_us);

	if (!too_far_ahead(m->last_stamp, wall_us))
		return ENGRAM_OK;
	eng_err(err, ENGRAM_ECLOCK,
	        "clock: wanted at most 24 h behind the last frame of this store, found %" PRId64 " h",
	        ahead_ms / 3600000);
	eng_err_hint(err, "set the clock, or go on from it with --new-series");
	return ENGRAM_ECLOCK;
}

/* Above what the caller saw and, in a new series, above the former ones; but a
 * clock that was broken once does not break the new series too. */
static eng_stamp lowest_stamp(const struct eng_log *log, const struct eng_mark *m, eng_stamp floor,
                              int64_t wall_us)
{
	if (too_far_ahead(floor, wall_us))
		floor = 0;
	for (size_t i = 0; m->written_seq == 0 && i < log->nseries; i++) {
		const struct eng_log_series *s = log->series[i];
		eng_stamp last = s->state == ENG_MARK_FITS && s->mark->closed ? s->mark->last_stamp : 0;

		if (last > floor && !too_far_ahead(last, wall_us))
			floor = last;
	}
	return floor;
}

/* The rest of each header: what only the holder of the lock knows. */
static void finish_frames(struct eng_log *log, const struct eng_log_series *s, struct batch *batch,
                          struct eng_end *end, int64_t wall_us)
{
	const struct eng_mark *m = s->mark;
	eng_stamp floor = lowest_stamp(log, m, batch->floor, wall_us);
	uint64_t durable = m->durable_seq;
	uint8_t *at = log->out.p;

	while (at < log->out.p + log->out.n) {
		struct eng_header h = {
		        .version = ENG_FRAME_VERSION,
		        .kind = at[5],
		        .flags = at[6],
		        .payload_len = eng_get32(at + 8),
		        .series = s->id,
		        .prev = end->chain,
		        .space_check = log->space_check,
		        .seq = ++end->seq,
		        .payload_check = eng_get64(at + 56),
		};
		bool birth = batch->has_birth && at == log->out.p;

		h.witness = eng_witness(h.seq, durable);
		h.stamp = end->stamp = eng_hlc_next(wall_us, end->stamp, floor);
		eng_header_encode(at, &h);
		if (!birth && !batch->done.first_seq) {
			batch->done.first_seq = h.seq;
			batch->done.first_stamp = h.stamp;
		}
		end->chain = h.header_check;
		end->last_off = end->off;
		end->off += eng_frame_size(h.payload_len);
		at += eng_frame_size(h.payload_len);
	}
	batch->done.series = s->id;
	batch->done.last_stamp = end->stamp;
}

static void publish(struct eng_log *log, struct eng_mark *m, const struct eng_end *end)
{
	m->written_off = end->off;
	eng_point(log->sys, "append-offset");
	m->last_off = end->last_off;
	m->chain = end->chain;
	m->last_stamp = end->stamp;
	eng_point(log->sys, "append-chain");
	m->written_seq = end->seq;
	eng_point(log->sys, "append-published");
	m->dirty = 0;
	eng_point(log->sys, "append-clean");
}

static void remember(struct eng_log *log, struct eng_log_series *s, uint64_t seq, uint32_t fails)
{
	if (!log->pending) {
		log->pending = s;
		log->pending_fails = fails;
		log->pending_lost = false;
	} else if (log->pending_fails != fails) {
		log->pending_lost = true;
	}
	log->pending_seq = seq;
}

int eng_append_write(struct eng_log *log, struct eng_log_series *s, const uint8_t *frames, size_t n,
                     const struct eng_end *end, struct engram_error *err)
{
	struct eng_mark *m = s->mark;
	int r;

	m->dirty = 1;
	eng_point(log->sys, "append-dirty");
	r = eng_fs_write(log->sys, log->seg_fd, frames, n, m->written_off);
	eng_point(log->sys, "append-written");
	if (r < 0) {
		m->fails++;
		eng_point(log->sys, "append-failed");
		m->dirty = 0;
		return eng_err_fs(err, r, s->dir, "append");
	}
	publish(log, m, end);
	return ENGRAM_OK;
}

/* Steps 7 and 8. */
static int write_frames(struct eng_log *log, struct eng_log_series *s, struct batch *batch,
                        struct engram_error *err)
{
	int64_t wall_us = log->sys->clock.wall_us(log->sys->clock.ctx);
	struct eng_mark *m = s->mark;
	struct eng_end end = {
	        .seq = m->written_seq, .off = m->written_off, .stamp = m->last_stamp, .chain = m->chain};
	const struct eng_place place = {m->active, (uint32_t)m->written_off};
	int r = check_clock(m, wall_us, err);

	if (r < 0)
		return r;
	finish_frames(log, s, batch, &end, wall_us);
	r = eng_append_write(log, s, log->out.p, log->out.n, &end, err);
	if (r < 0)
		return r;
	batch->done.bytes = log->out.p;
	batch->done.nbytes = log->out.n;
	batch->done.place = place;
	if (ENG_PLANTED(2))
		batch->fails = m->fails;
	remember(log, s, end.seq, batch->fails);
	return ENGRAM_OK;
}

/* Whether the next frame is the first: nothing was written, or what was is void. */
static bool begins_series(const struct eng_mark *m, uint32_t fails)
{
	return (fails == m->seg_fails ? m->written_seq : m->durable_seq) == 0;
}

static int append_locked(struct eng_log *log, struct eng_log_series *s, struct batch *batch,
                         struct engram_error *err)
{
	int r = eng_still_there(log, s, err);

	if (r != 0)
		return r;
	batch->fails = s->mark->fails;
	r = eng_append_sound(log, s, err);
	if (r == 0 && begins_series(s->mark, batch->fails))
		r = lay_birth(log, batch, err);
	if (r == 0)
		r = eng_append_room(log, s, &batch->fails, log->out.n, batch->slack, err);
	return r == 0 ? write_frames(log, s, batch, err) : r;
}

static int append_to_own(struct eng_log *log, struct batch *batch, struct engram_error *err)
{
	int r = ENGRAM_OK;

	if (!log->own)
		r = eng_own_mint(log, err);
	if (r == 0)
		r = eng_lock_append(log, log->own, err);
	if (r < 0)
		return r;
	r = append_locked(log, log->own, batch, err);
	eng_unlock_append(log, log->own);
	return r;
}

/* The series was closed under us: what is pending on it is settled first. */
static int change_series(struct eng_log *log, struct batch *batch, struct engram_error *err)
{
	int r = eng_log_flush(log, err);

	log->own = NULL;
	eng_fs_close(log->sys, &log->seg_fd);
	if (r < 0)
		return r;
	eng_buf_reset(&log->out);
	batch->has_birth = false;
	return lay_drafts(log, batch, err);
}

/* A series may be closed once by a rollback and once by a --new-series. */
#define SERIES_TRIES 4

int eng_log_append(struct eng_log *log, struct eng_appended *out, const struct eng_draft *drafts, size_t n,
                   eng_stamp floor, struct engram_error *err)
{
	struct batch batch = {.drafts = drafts, .n = n, .floor = floor};
	int r = check_sizes(drafts, n, err);

	assert(log->write && n > 0);
	if (r < 0)
		return r;
	batch.slack = may_use_reserve(drafts, n) ? 0 : ENG_LOG_SLACK;
	eng_buf_reset(&log->out);
	r = lay_drafts(log, &batch, err);
	if (r == 0)
		r = append_to_own(log, &batch, err);
	for (int i = 0; r == ENG_SERIES_OVER && i < SERIES_TRIES; i++) {
		r = change_series(log, &batch, err);
		if (r == 0)
			r = append_to_own(log, &batch, err);
	}
	if (r == ENG_SERIES_OVER)
		return eng_err(err, ENGRAM_EBUSY, "%s: the series was closed again and again", log->dir);
	if (r == 0)
		*out = batch.done;
	return r;
}

/* -- sealing ------------------------------------------------------------------------ */

static int rotate_locked(struct eng_log *log, struct eng_log_series *s, struct engram_error *err)
{
	uint32_t fails = s->mark->fails;
	int r = eng_append_sound(log, s, err);

	if (r != 0)
		return r;
	if (fails != s->mark->seg_fails)
		return with_flush_lock(log, s, &fails, true, err);
	if (s->mark->written_off == ENG_SEGMENT_HEADER)
		return ENGRAM_OK;
	return with_flush_lock(log, s, &fails, false, err);
}

int eng_log_rotate(struct eng_log *log, struct engram_error *err)
{
	int r;

	assert(log->write);
	if (!log->own)
		return ENGRAM_OK;
	r = eng_lock_append(log, log->own, err);
	if (r < 0)
		return r;
	r = eng_still_there(log, log->own, err);
	if (r == 0)
		r = rotate_locked(log, log->own, err);
	eng_unlock_append(log, log->own);
	if (r != ENG_SERIES_OVER)
		return r;
	log->own = NULL; /* closed: all its segments are sealed */
	return ENGRAM_OK;
}

/* A series that was closed for good has no active segment. */
static int seal_locked(struct eng_log *log, struct eng_log_series *s, struct engram_error *err)
{
	int r = eng_names_mark(log, s, err);

	return r < 0 || eng_series_is_over(s) ? r : rotate_locked(log, s, err);
}

int eng_log_seal(struct eng_log *log, const struct eng_kill *kill, struct engram_error *err)
{
	struct eng_log_series *s = eng_series_at(log, &kill->dot.series, kill->place);
	int r;

	if (!s || s->state != ENG_MARK_FITS || eng_series_is_over(s) ||
	    (eng_series_mark_counts(log, s) && kill->dot.seq < s->mark->active))
		return ENGRAM_OK;
	r = eng_lock_append(log, s, err);
	if (r < 0)
		return r;
	r = seal_locked(log, s, err);
	eng_unlock_append(log, s);
	return r == ENG_SERIES_OVER ? ENGRAM_OK : r;
}
