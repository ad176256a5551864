/* stub.c - the bytes of forgotten frames leave the log.
 *
 * Only sealed segments are rewritten: the active one has writers.  The copy has
 * every frame at its old offset, with the same checks; a forgotten one keeps
 * header and prelude, names its killer, and is zeros from there on.  It is
 * built and synced under another name and renamed over the segment: a reader
 * that has the old file open goes on reading it, nobody sees half of a
 * stub, and a file that somebody mapped never shrinks.
 *
 * The other way round, a stub whose forget never came is replaced by the frame
 * that another store still has, or by its stub, which names a forget that came.
 *
 * Repeatable: a frame that is a stub already is left alone, and a copy that was
 * cut off is overwritten by the next. */
#include "log/log_int.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/le.h"

struct rewrite {
	struct eng_log *log;
	struct eng_log_series *s;
	struct eng_window w;
	int out_fd;
	uint64_t first, successor;
	const struct eng_kill *kills; /* of this segment, ascending */
	size_t n;
	uint64_t stubbed, freed;
	struct eng_bytes whole; /* to be put back, and where */
	uint64_t at;
	char path[ENG_PATH_MAX], temp[ENG_PATH_MAX];
};

/* -- which frames -------------------------------------------------------------------- */

/* Frames of the series itself, then of each branch, by seq. */
static int by_dot(const void *a, const void *b)
{
	const struct eng_kill *x = a, *y = b;
	uint64_t a_tag = x->place.segment & ~ENG_PLACE_SEQ, b_tag = y->place.segment & ~ENG_PLACE_SEQ;
	int c = eng_series_cmp(&x->dot.series, &y->dot.series);

	if (c == 0)
		c = (a_tag > b_tag) - (a_tag < b_tag);
	return c ? c : x->dot.seq < y->dot.seq ? -1 : x->dot.seq > y->dot.seq;
}

/* The active segment of a series that is appended to is not sealed. */
static bool sealed(const struct eng_log *log, const struct eng_log_series *s, size_t i)
{
	if (s->state == ENG_MARK_FITS && eng_series_is_over(s))
		return true;
	if (eng_series_mark_counts(log, s))
		return s->firsts[i] < s->mark->active;
	return i + 1 < s->nfirsts;
}

/* -- the copy ------------------------------------------------------------------------- */

static int copy_bytes(struct rewrite *rw)
{
	enum { BLOCK = 64 << 10 };
	const uint8_t *p;
	uint64_t off = 0;
	size_t got;
	int r;

	do {
		r = eng_window_get(&rw->w, &p, &got, off, BLOCK);
		if (r == 0 && got)
			r = eng_fs_write(rw->log->sys, rw->out_fd, p, got, off);
		off += got;
	} while (r == 0 && got == BLOCK);
	return r;
}

/* Whole blocks of zeros need not be kept. */
static void punch(struct rewrite *rw, uint64_t from, uint64_t to)
{
	enum { BLOCK = 4096 };

	from = (from + BLOCK - 1) & ~(uint64_t)(BLOCK - 1);
	to &= ~(uint64_t)(BLOCK - 1);
	if (from < to)
		rw->log->sys->fs.ops->punch(rw->log->sys->fs.ctx, rw->out_fd, from, to - from);
}

static int stub_frame(struct rewrite *rw, const struct eng_frame *f, const struct eng_kill *kill)
{
	size_t n = ENG_FRAME_HEADER + (size_t)f->h.payload_len;
	struct eng_header h = f->h;
	struct eng_prelude prelude;
	uint8_t *raw = eng_alloc(n);
	int r = -EINVAL;

	if (!raw)
		return -ENOMEM;
	h.flags |= ENG_FLAG_STUB;
	eng_header_encode(raw, &h);
	memcpy(raw + ENG_FRAME_HEADER, f->payload, f->h.payload_len);
	if (eng_stub_make(raw + ENG_FRAME_HEADER, f->h.payload_len, &kill->killer) == 0 &&
	    eng_prelude_decode(&prelude, raw + ENG_FRAME_HEADER, f->h.payload_len, NULL) == 0) {
		uint64_t kept = ENG_FRAME_HEADER + prelude.len + ENG_STUB_BODY;

		r = eng_fs_write(rw->log->sys, rw->out_fd, raw, n, f->place.offset);
		punch(rw, f->place.offset + kept, f->place.offset + n);
		rw->freed += n - kept;
		rw->stubbed++;
	}
	eng_free(raw);
	return r;
}

/* Every frame is checked on the way: damage is not copied into a new file. */
static int stub_frames(struct rewrite *rw, struct engram_error *err)
{
	struct eng_expect want = {.series = rw->s->of, .space_check = rw->log->space_check, .seq = rw->first};
	uint64_t off = ENG_SEGMENT_HEADER, last = rw->kills[rw->n - 1].dot.seq;
	const struct eng_kill *kill = rw->kills;
	int r = eng_segment_check(rw->log, &want.prev, rw->s, rw->first, &rw->w, err);

	if (r < 0)
		return r;
	for (; want.seq <= last; want.seq++) {
		struct eng_fault fault;
		struct eng_frame f;

		r = eng_frame_at(&rw->w, &f, &fault, off, &want);
		if (r == 0)
			return eng_err_fault(err, rw->path, &fault);
		if (r > 0 && kill->dot.seq == want.seq) {
			r = f.h.flags & ENG_FLAG_STUB ? 0 : stub_frame(rw, &f, kill);
			while (kill + 1 < rw->kills + rw->n && kill->dot.seq == want.seq)
				kill++;
		}
		if (r < 0)
			return eng_err_fs(err, r, rw->path, "rewrite");
		want.prev = f.h.header_check;
		off += eng_frame_size(f.h.payload_len);
	}
	return ENGRAM_OK;
}

static int install(struct rewrite *rw)
{
	const struct eng_sys *sys = rw->log->sys;
	int r = eng_fs_sync(sys, rw->out_fd);

	eng_point(sys, "stub-synced");
	if (r == 0)
		r = sys->fs.ops->rename(sys->fs.ctx, rw->temp, rw->path, true);
	eng_point(sys, "stub-renamed");
	return r == 0 ? eng_fs_sync_dir(sys, rw->s->dir) : r;
}

static int rewrite_open(struct rewrite *rw, int (*fill)(struct rewrite *rw, struct engram_error *err),
                        struct engram_error *err)
{
	int r = copy_bytes(rw);

	if (r < 0)
		return eng_err_fs(err, r, rw->path, "rewrite");
	r = fill(rw, err);
	if (r < 0 || rw->stubbed == 0)
		return r;
	r = install(rw);
	return r < 0 ? eng_err_fs(err, r, rw->path, "rewrite") : ENGRAM_OK;
}

static int rewrite_segment(struct rewrite *rw, int (*fill)(struct rewrite *rw, struct engram_error *err),
                           struct engram_error *err)
{
	const struct eng_sys *sys = rw->log->sys;
	int r;

	eng_segment_path(rw->path, rw->s, rw->first);
	if (!eng_path(rw->temp, rw->s->dir, "stub.tmp"))
		return eng_err_os(err, ENAMETOOLONG, "%s", rw->s->dir);
	r = eng_segment_open(rw->log, &rw->w.fd, rw->s, rw->first, false, err);
	if (r < 0)
		return r;
	rw->out_fd = eng_fs_open(sys, rw->temp, O_RDWR | O_CREAT | O_TRUNC, 0600);
	if (rw->out_fd < 0) {
		r = eng_err_fs(err, rw->out_fd, rw->temp, "create");
		rw->out_fd = -1;
	} else {
		r = rewrite_open(rw, fill, err);
		eng_fs_close(sys, &rw->out_fd);
		if (r < 0 || rw->stubbed == 0)
			sys->fs.ops->unlink(sys->fs.ctx, rw->temp);
	}
	eng_fs_close(sys, &rw->w.fd);
	eng_window_free(&rw->w);
	return r;
}

/* -- over all of them ------------------------------------------------------------------- */

/* Kills of one series, ascending; segment by segment. */
static int stub_series(struct eng_log *log, struct eng_log_series *s, const struct eng_kill *kills, size_t n,
                       uint64_t *stubbed, uint64_t *freed, struct engram_error *err)
{
	int r = eng_segments_list(log, s, err);

	for (size_t i = 0, k = 0; r == 0 && i < s->nfirsts && k < n; i++) {
		struct rewrite rw = {.log = log, .s = s, .w = {.sys = log->sys, .fd = -1}, .out_fd = -1};

		rw.first = s->firsts[i];
		rw.successor = i + 1 < s->nfirsts ? s->firsts[i + 1] : UINT64_MAX;
		rw.kills = kills + k;
		while (k < n && kills[k].dot.seq < rw.successor) {
			rw.n++;
			k++;
		}
		if (rw.n == 0 || rw.kills[0].dot.seq < rw.first || !sealed(log, s, i))
			continue;
		r = rewrite_segment(&rw, stub_frames, err);
		*stubbed += rw.stubbed;
		*freed += rw.freed;
	}
	return r;
}

static struct eng_log_series *at(struct eng_log *log, const struct eng_kill *kill)
{
	return eng_series_at(log, &kill->dot.series, kill->place);
}

static int stub_sorted(struct eng_log *log, const struct eng_kill *kills, size_t n, uint64_t *stubbed,
                       uint64_t *freed, struct engram_error *err)
{
	int r = ENGRAM_OK;

	for (size_t i = 0, end; r == 0 && i < n; i = end) {
		struct eng_log_series *s = at(log, &kills[i]);

		for (end = i + 1; end < n && at(log, &kills[end]) == s;)
			end++;
		if (s)
			r = stub_series(log, s, kills + i, end - i, stubbed, freed, err);
	}
	return r;
}

int eng_log_stub(struct eng_log *log, uint64_t *stubbed, uint64_t *freed_bytes, const struct eng_kill *kills,
                 size_t n, struct engram_error *err)
{
	struct eng_kill *sorted;
	int r = eng_series_list(log, err);

	*stubbed = *freed_bytes = 0;
	if (r < 0 || n == 0)
		return r;
	sorted = eng_calloc(n, sizeof *sorted);
	if (!sorted)
		return eng_err_nomem(err);
	memcpy(sorted, kills, n * sizeof *sorted);
	qsort(sorted, n, sizeof *sorted, by_dot);
	r = stub_sorted(log, sorted, n, stubbed, freed_bytes, err);
	eng_fs_close(log->sys, &log->read_fd); /* it may be a segment's former file */
	eng_free(sorted);
	return r;
}

/* -- back again --------------------------------------------------------------------------- */

static int put_whole(struct rewrite *rw, struct engram_error *err)
{
	int r = eng_fs_write(rw->log->sys, rw->out_fd, rw->whole.p, rw->whole.n, rw->at);

	rw->stubbed = 1; /* changed: to be installed */
	return r < 0 ? eng_err_fs(err, r, rw->temp, "rewrite") : ENGRAM_OK;
}

static int mend(struct eng_log *log, struct eng_log_series *s, const struct eng_frame *stub, const uint8_t *frame,
                size_t n, struct engram_error *err)
{
	struct rewrite rw = {.log = log, .s = s, .w = {.sys = log->sys, .fd = -1}, .out_fd = -1, .whole = {frame, n}};
	struct eng_kill kill = {.dot = {stub->h.series, stub->h.seq}, .place = stub->place};
	int r = eng_log_seal(log, &kill, err);

	rw.first = stub->place.segment & ENG_PLACE_SEQ;
	rw.at = stub->place.offset;
	if (r == 0)
		r = rewrite_segment(&rw, put_whole, err);
	eng_fs_close(log->sys, &log->read_fd);
	return r;
}

/* The header vouches for the payload of a whole frame; of a stub nothing does. */
static bool same_prelude(const struct eng_frame *held, const uint8_t *frame)
{
	const uint8_t *p = frame + ENG_FRAME_HEADER;
	struct eng_prelude a, b;

	return eng_prelude_decode(&a, held->payload, held->h.payload_len, NULL) == 0 &&
	       eng_prelude_decode(&b, p, held->h.payload_len, NULL) == 0 && a.len == b.len &&
	       memcmp(held->payload, p, a.len) == 0;
}

/* In the series, or a branch of it.  1 it was there, 0 it is not. */
static int mend_in(struct eng_log *log, struct eng_log_series *s, const struct eng_header *h, const uint8_t *frame,
                   size_t n, struct engram_error *err)
{
	struct eng_cursor *c = NULL;
	struct eng_frame held;
	int r;

	if (eng_series_cmp(&s->of, &h->series) != 0 || h->seq <= s->base)
		return 0;
	r = eng_cursor_open(&c, log, &s->id, h->seq - 1, h->seq, NULL, err);
	if (r == 0)
		r = eng_cursor_next(c, &held, err);
	if (r == 1 && held.h.header_check != h->header_check)
		r = 0;
	if (r == 1 && h->flags & ENG_FLAG_STUB && !same_prelude(&held, frame))
		r = eng_err(err, ENGRAM_EINPUT, "mend: frame %" PRIu64 ": wanted the subjects and references of the stub here",
		            h->seq);
	if (r == 1 && held.h.flags & ENG_FLAG_STUB) {
		r = mend(log, s, &held, frame, n, err);
		r = r < 0 ? r : 1;
	}
	eng_cursor_close(c);
	return r;
}

int eng_log_mend(struct eng_log *log, const uint8_t *frame, size_t n, struct engram_error *err)
{
	struct eng_expect want = {.space_check = log->space_check, .any_prev = true};
	struct eng_frame whole;
	struct eng_fault fault;
	int r = 0;

	if (n < ENG_FRAME_HEADER)
		return eng_err(err, ENGRAM_EINPUT, "mend: wanted a frame, found %zu bytes", n);
	memcpy(want.series.b, frame + 16, sizeof want.series.b);
	want.seq = eng_get64(frame + 40);
	if (!eng_frame_in(&whole, &fault, 0, frame, n, &want))
		return eng_err(err, ENGRAM_EINPUT, "mend: %s", fault.text);
	if (n != eng_frame_size(whole.h.payload_len))
		return eng_err(err, ENGRAM_EINPUT, "mend: frame %" PRIu64 ": wanted it alone", want.seq);
	for (size_t i = 0; r == 0 && i < log->nseries; i++)
		r = mend_in(log, log->series[i], &whole.h, frame, n, err);
	if (r == 0)
		r = eng_err(err, ENGRAM_EINPUT, "mend: frame %" PRIu64 ": wanted one that is held, found another",
		            want.seq);
	return r < 0 ? r : ENGRAM_OK;
}
