/* cursor.c - reading frames: in order, or one at a known place.
 *
 * No lock, no mark needed.  A frame belongs to the segment with the greatest
 * first seq at or below its own; what older segments hold from there on is
 * void.  A bad frame at or below the durable seq is damage; above it, it is the
 * end for now: its writer is not done, or died, and only the holder of the
 * append lock can tell.  (Frames above the durable seq that a cursor gave may
 * still turn out void; nobody acknowledged them.) */
#include "log/log_int.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/le.h"

struct eng_cursor {
	struct eng_log *log;
	struct eng_log_series *s;
	struct eng_window w;
	uint64_t seq;     /* of the next frame */
	uint64_t upto;
	uint64_t durable; /* when the cursor was opened */
	uint64_t first;   /* of the segment that is open */
	uint64_t limit;   /* first seq of the one behind it */
	uint64_t off;
	uint32_t prev;
	bool any_prev;    /* began in the middle: prev is not known */
	bool located;
	struct eng_place hint;
};

int eng_cursor_open(struct eng_cursor **out, struct eng_log *log, const struct eng_series *series,
                    uint64_t after, uint64_t upto, const struct eng_place *hint, struct engram_error *err)
{
	struct eng_log_series *s = eng_series_find(log, series);
	char name[ENG_SERIES_NAME + 1];
	struct eng_cursor *c;
	struct eng_end end;
	int r;

	eng_series_name(name, series);
	if (!s)
		return eng_err(err, ENGRAM_ENOFILE, "%s: no series %s", log->dir, name);
	c = eng_calloc(1, sizeof *c);
	if (!c)
		return eng_err_nomem(err);
	r = eng_series_end(log, s, &end, &c->durable, err);
	if (r < 0) {
		eng_free(c);
		return r;
	}
	c->log = log;
	c->s = s;
	s->cursors++;
	c->w = (struct eng_window){.sys = log->sys, .fd = -1};
	c->seq = (after > s->base ? after : s->base) + 1;
	c->upto = upto;
	if (hint)
		c->hint = *hint;
	*out = c;
	return ENGRAM_OK;
}

void eng_cursor_close(struct eng_cursor *c)
{
	if (!c)
		return;
	eng_window_free(&c->w);
	eng_fs_close(c->log->sys, &c->w.fd);
	c->s->cursors--;
	eng_free(c);
}

struct eng_place eng_cursor_place(const struct eng_cursor *c)
{
	return c->located ? (struct eng_place){c->first | c->s->tag, (uint32_t)c->off} : c->hint;
}

/* -- segments ------------------------------------------------------------------------ */

/* Damage if the frame was durable, else the end for now. */
static int bad(struct eng_cursor *c, const struct eng_fault *fault, struct engram_error *err)
{
	char path[ENG_PATH_MAX];

	if (c->seq > c->durable)
		return 0;
	eng_segment_path(path, c->s, c->first);
	return eng_err_fault(err, path, fault);
}

static int io_error(struct eng_cursor *c, int r, struct engram_error *err)
{
	char path[ENG_PATH_MAX];

	eng_segment_path(path, c->s, c->first);
	return eng_err_fs(err, r, path, "read");
}

/* The segment of frame seq, and of the one behind it.  False: there is none. */
static bool segment_of(struct eng_cursor *c, uint64_t seq, uint64_t *first)
{
	size_t lo = 0, hi = c->s->nfirsts;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (c->s->firsts[mid] > seq)
			hi = mid;
		else
			lo = mid + 1;
	}
	c->limit = lo < c->s->nfirsts ? c->s->firsts[lo] : UINT64_MAX;
	if (lo > 0)
		*first = c->s->firsts[lo - 1];
	return lo > 0;
}

/* 1 open at its first frame, 0 end for now. */
static int enter(struct eng_cursor *c, uint64_t first, struct engram_error *err)
{
	static const struct eng_fault zeros = {.off = 0, .text = "wanted a segment header, found zeros"};
	uint32_t prev = 0;
	int r;

	eng_fs_close(c->log->sys, &c->w.fd);
	eng_window_forget(&c->w);
	c->located = false;
	c->first = first;
	r = eng_segment_open(c->log, &c->w.fd, c->s, first, false, err);
	if (r < 0)
		return r;
	r = eng_segment_check(c->log, &prev, c->s, first, &c->w, err);
	if (r <= 0)
		return r < 0 ? r : bad(c, &zeros, err);
	c->off = ENG_SEGMENT_HEADER;
	c->prev = prev;
	c->any_prev = false;
	c->located = true;
	return 1;
}

/* From the segment's first frame to c->seq, by headers alone. */
static int skip(struct eng_cursor *c, struct engram_error *err)
{
	for (uint64_t seq = c->first; seq < c->seq; seq++) {
		enum eng_header_state state = ENG_HEADER_ZERO;
		struct eng_fault fault = {.off = c->off};
		struct eng_header h = {0};
		const uint8_t *p;
		size_t got;
		int r = eng_window_get(&c->w, &p, &got, c->off, ENG_FRAME_HEADER);

		if (r < 0)
			return io_error(c, r, err);
		if (got == ENG_FRAME_HEADER)
			state = eng_header_decode(&h, p);
		if (state != ENG_HEADER_OK || h.seq != seq) {
			snprintf(fault.text, sizeof fault.text, "wanted frame %" PRIu64 ", found %s", seq,
			         state == ENG_HEADER_OK ? "another" : eng_header_state_text(state));
			return bad(c, &fault, err);
		}
		c->off += eng_frame_size(h.payload_len);
		c->prev = h.header_check;
	}
	return 1;
}

/* Whether frame c->seq lies where the hint says. */
static int hint_holds(struct eng_cursor *c)
{
	struct eng_header h;
	const uint8_t *p;
	size_t got;
	int r;

	if (c->hint.segment != (c->first | c->s->tag) || c->hint.offset < ENG_SEGMENT_HEADER)
		return 0;
	r = eng_window_get(&c->w, &p, &got, c->hint.offset, ENG_FRAME_HEADER);
	if (r < 0 || got < ENG_FRAME_HEADER)
		return r;
	return eng_header_decode(&h, p) == ENG_HEADER_OK && h.seq == c->seq &&
	       eng_series_cmp(&h.series, &c->s->of) == 0;
}

static int locate(struct eng_cursor *c, struct engram_error *err)
{
	static const struct eng_fault missing = {.off = 0, .text = "wanted the first segment, found none"};
	uint64_t first = 1;
	int r = eng_segments_list(c->log, c->s, err);

	if (r < 0)
		return r;
	if (!segment_of(c, c->seq, &first)) {
		c->first = first;
		return bad(c, &missing, err);
	}
	r = enter(c, first, err);
	if (r <= 0 || first == c->seq)
		return r;
	r = hint_holds(c);
	if (r < 0)
		return io_error(c, r, err);
	if (r == 0) {
		r = skip(c, err);
		c->located = r > 0;
		return r;
	}
	c->off = c->hint.offset;
	c->any_prev = true;
	return 1;
}

/* -- frames --------------------------------------------------------------------------- */

static int frame_here(struct eng_cursor *c, struct eng_frame *out, struct eng_fault *fault)
{
	struct eng_expect want = {c->s->of, c->log->space_check, c->seq, c->prev, c->any_prev};

	return eng_frame_at(&c->w, out, fault, c->off, &want);
}

/* A segment that began after the last listing.  1 = entered it. */
static int enter_new_segment(struct eng_cursor *c, struct engram_error *err)
{
	uint64_t first;
	int r = eng_segments_list(c->log, c->s, err);

	if (r < 0)
		return r;
	if (!segment_of(c, c->seq, &first) || first == c->first || first != c->seq)
		return 0;
	return enter(c, first, err);
}

static int chained_on(struct eng_cursor *c, uint32_t prev, bool any_prev, struct engram_error *err)
{
	struct eng_fault fault = {.off = 12};

	if (any_prev || prev == c->prev)
		return 1;
	snprintf(fault.text, sizeof fault.text,
	         "prev: wanted %08" PRIx32 " as the frame before it, found %08" PRIx32, prev, c->prev);
	return bad(c, &fault, err);
}

/* 1 a frame may lie here, 0 end for now. */
static int arrive(struct eng_cursor *c, struct engram_error *err)
{
	uint32_t prev = c->prev;
	uint64_t first;
	int r;

	if (!c->located)
		return locate(c, err);
	if (c->seq < c->limit)
		return 1;
	if (!segment_of(c, c->seq, &first))
		return 0;
	r = enter(c, first, err);
	return r > 0 ? chained_on(c, prev, false, err) : r;
}

static void step_over(struct eng_cursor *c, const struct eng_header *h)
{
	c->off += eng_frame_size(h->payload_len);
	c->prev = h->header_check;
	c->any_prev = false;
	c->seq++;
}

static int next_frame(struct eng_cursor *c, struct eng_frame *out, struct engram_error *err)
{
	struct eng_fault fault;
	uint32_t prev;
	int r;

	if (c->seq > c->upto)
		return 0;
	r = arrive(c, err);
	if (r <= 0)
		return r;
	r = frame_here(c, out, &fault);
	if (r == 0) {
		prev = c->prev;
		r = enter_new_segment(c, err);
		if (r > 0)
			r = chained_on(c, prev, c->any_prev, err);
		if (r > 0)
			r = frame_here(c, out, &fault);
		else if (r < 0)
			return r;
	}
	if (r < 0)
		return io_error(c, r, err);
	if (r == 0)
		return bad(c, &fault, err);
	out->place.segment = c->first | c->s->tag;
	step_over(c, &out->h);
	return 1;
}

/* What looks like damage is none where the frame went into a branch meanwhile. */
static bool has_moved(struct eng_log *log, const struct eng_log_series *s, uint64_t seq)
{
	if (eng_series_list(log, NULL) < 0)
		return false;
	for (size_t i = 0; i < log->nseries; i++) {
		const struct eng_log_series *b = log->series[i];

		if (b->tag && b->base < seq && (b->base > s->base || !s->tag) && eng_series_cmp(&b->of, &s->of) == 0)
			return true;
	}
	return false;
}

int eng_cursor_next(struct eng_cursor *c, struct eng_frame *out, struct engram_error *err)
{
	struct engram_error why = {0};
	int r = next_frame(c, out, &why);

	if (r == ENGRAM_EDAMAGED && has_moved(c->log, c->s, c->seq))
		return eng_err(err, ENGRAM_ENOFILE, "%s: frame %" PRIu64 " lies in a branch by now", c->s->dir, c->seq);
	if (r < 0 && err)
		*err = why;
	return r;
}

/* -- many frames, as they lie ----------------------------------------------------------- */

/* Bytes of the open segment from c->off on, behind what is in out. */
static int load(struct eng_cursor *c, struct eng_buf *out, size_t *got, size_t n, struct engram_error *err)
{
	ssize_t r;

	if (!eng_buf_reserve(out, n))
		return eng_err_nomem(err);
	r = eng_fs_read(c->log->sys, c->w.fd, out->p + out->n, n, c->off);
	*got = r < 0 ? 0 : (size_t)r;
	return r < 0 ? io_error(c, (int)r, err) : ENGRAM_OK;
}

/* How many of the n bytes at p are whole frames that may be given; the cursor
 * stands behind them.  1 there may be more, 0 they end here, < 0 damage. */
static int accept(struct eng_cursor *c, size_t *frames, size_t *bytes, const uint8_t *p, size_t n, uint64_t upto,
                  struct engram_error *err)
{
	struct eng_fault fault;
	struct eng_frame f;

	for (*bytes = 0; c->seq <= upto && c->seq < c->limit; *bytes += (size_t)eng_frame_size(f.h.payload_len)) {
		struct eng_expect want = {c->s->of, c->log->space_check, c->seq, c->prev, c->any_prev};
		const uint8_t *at = p + *bytes;
		size_t left = n - *bytes;

		if (left < ENG_FRAME_HEADER || (eng_get32(at) == ENG_FRAME_MAGIC && left < eng_frame_size(eng_get32(at + 8))))
			return 1;
		if (!eng_frame_in(&f, &fault, c->off, at, left, &want))
			return bad(c, &fault, err);
		step_over(c, &f.h);
		++*frames;
	}
	return c->seq <= upto;
}

/* What fits into room bytes; no frame where the first is longer.  1 there may be
 * more, 0 they end here. */
static int copy_some(struct eng_cursor *c, struct eng_buf *out, size_t *frames, uint64_t upto, size_t room,
                     struct engram_error *err)
{
	size_t got = 0, bytes = 0;
	int r = arrive(c, err);

	if (r <= 0)
		return r;
	r = load(c, out, &got, room, err);
	if (r == 0)
		r = accept(c, frames, &bytes, out->p + out->n, got, upto, err);
	out->n += bytes;
	return r;
}

/* A segment that began since may make void what follows in this one. */
static int look_behind(struct eng_cursor *c, struct engram_error *err)
{
	uint64_t first, durable = c->durable;
	struct eng_end end;
	int r = eng_series_end(c->log, c->s, &end, &c->durable, err);

	if (r == 0 && durable != c->durable && c->located) {
		r = eng_segments_list(c->log, c->s, err);
		segment_of(c, c->first, &first);
	}
	return r;
}

int eng_cursor_copy(struct eng_cursor *c, struct eng_buf *out, size_t *n, uint64_t upto, size_t max_bytes,
                    struct engram_error *err)
{
	size_t from = out->n;
	int r = look_behind(c, err);
	int more = 1;

	*n = 0;
	if (upto > c->durable)
		upto = c->durable;
	while (r == 0 && more && c->seq <= upto) {
		size_t before = *n, room = max_bytes > out->n - from ? max_bytes - (out->n - from) : 0;

		if (room < ENG_FRAME_HEADER && *n)
			break;
		r = copy_some(c, out, n, upto, *n || room > ENG_FRAME_HEADER ? room : ENG_FRAME_MAX, err);
		if (r > 0 && *n == 0)
			r = copy_some(c, out, n, upto, ENG_FRAME_MAX, err);
		more = r > 0 && *n > before;
		r = r < 0 ? r : 0;
	}
	return r;
}

bool eng_cursor_at(const struct eng_cursor *c, const struct eng_series *series, uint64_t after)
{
	return c->seq == after + 1 && eng_series_cmp(&c->s->id, series) == 0;
}

/* -- header checks ------------------------------------------------------------------------ */

/* A cursor that stands behind frame seq knows what the next one must name. */
int eng_log_check_at(struct eng_log *log, uint32_t *header_check, const struct eng_series *series, uint64_t seq,
                     struct engram_error *err)
{
	const struct eng_log_series *s = eng_series_find(log, series);
	struct eng_cursor *c;
	int r;

	/* Two stores that have a branch have its first frame, which names the one before. */
	if (s && seq <= s->base) {
		*header_check = seq == s->base ? s->base_check : 0;
		return ENGRAM_OK;
	}
	r = eng_cursor_open(&c, log, series, seq, seq, NULL, err);

	if (r < 0)
		return r;
	r = locate(c, err);
	if (r > 0)
		*header_check = c->prev;
	else if (r == 0)
		r = eng_err(err, ENGRAM_EDAMAGED, "%s: wanted frame %" PRIu64 ", found the end before it", c->s->dir, seq);
	eng_cursor_close(c);
	return r < 0 ? r : ENGRAM_OK;
}

/* The mark has the last one at hand: it counts if nobody wrote meanwhile. */
static bool chain_in_mark(const struct eng_log *log, const struct eng_log_series *s, uint32_t *chain, uint64_t seq)
{
	const struct eng_mark *m = s->mark;

	if (!eng_series_mark_counts(log, s) || m->dirty || m->written_seq != seq)
		return false;
	*chain = m->chain;
	return !m->dirty && m->written_seq == seq;
}

int eng_log_head(struct eng_log *log, struct eng_position *out, const struct eng_series_info *info,
                 struct engram_error *err)
{
	struct eng_log_series *s = eng_series_find(log, &info->series);

	*out = (struct eng_position){info->series, info->durable_seq, 0};
	out->header_check = info->base_check;
	if (out->seq == info->base || (s && chain_in_mark(log, s, &out->header_check, out->seq)))
		return ENGRAM_OK;
	return eng_log_check_at(log, &out->header_check, &out->series, out->seq, err);
}

/* -- one frame --------------------------------------------------------------------------- */

/* Most memories are a few hundred bytes: one read. */
#define READ_GUESS 2048u

static int read_at(struct eng_log *log, struct eng_buf *b, uint32_t offset)
{
	struct eng_header h;
	size_t size = ENG_FRAME_HEADER;
	ssize_t got;

	eng_buf_reset(b);
	if (!eng_buf_reserve(b, READ_GUESS))
		return -ENOMEM;
	got = eng_fs_read(log->sys, log->read_fd, b->p, READ_GUESS, offset);
	if (got < 0)
		return (int)got;
	b->n = (size_t)got;
	if (b->n >= ENG_FRAME_HEADER && eng_header_decode(&h, b->p) == ENG_HEADER_OK)
		size = (size_t)eng_frame_size(h.payload_len);
	if (size <= b->n || b->n < READ_GUESS)
		return 0;
	if (!eng_buf_reserve(b, size - b->n))
		return -ENOMEM;
	got = eng_fs_read(log->sys, log->read_fd, b->p + b->n, size - b->n, offset + b->n);
	if (got > 0)
		b->n += (size_t)got;
	return got < 0 ? (int)got : 0;
}

static bool is_frame(struct eng_log *log, struct eng_frame *out, const struct eng_buf *b,
                     const struct eng_series *series, uint64_t seq)
{
	struct eng_header h;

	if (b->n < ENG_FRAME_HEADER || eng_header_decode(&h, b->p) != ENG_HEADER_OK)
		return false;
	if (h.seq != seq || h.space_check != log->space_check || eng_series_cmp(&h.series, series) != 0)
		return false;
	if (b->n < ENG_FRAME_HEADER + (size_t)h.payload_len || !eng_payload_ok(&h, b->p + ENG_FRAME_HEADER))
		return false;
	*out = (struct eng_frame){.h = h, .payload = b->p + ENG_FRAME_HEADER};
	return true;
}

static int open_to_read(struct eng_log *log, const struct eng_log_series *s, uint64_t first,
                        struct engram_error *err)
{
	if (log->read_fd >= 0 && log->read_first == first && eng_series_cmp(&log->read_series, &s->id) == 0)
		return ENGRAM_OK;
	eng_fs_close(log->sys, &log->read_fd);
	log->read_first = first;
	log->read_series = s->id;
	return eng_segment_open(log, &log->read_fd, s, first, false, err);
}

/* The state says where it lay; whoever made the branch is about to make it anew. */
static int moved_away(const struct eng_log_series *s, uint64_t seq, struct engram_error *err)
{
	eng_err(err, ENGRAM_EBUSY, "%s: frame %" PRIu64 " was moved into a branch just now", s->dir, seq);
	eng_err_hint(err, "try again");
	return ENGRAM_EBUSY;
}

int eng_log_read(struct eng_log *log, struct eng_frame *out, struct eng_buf *b,
                 const struct eng_series *series,
                 uint64_t seq, struct eng_place place, struct engram_error *err)
{
	struct eng_log_series *s = eng_series_at(log, series, place);
	uint64_t first = place.segment & ENG_PLACE_SEQ;
	char path[ENG_PATH_MAX];
	int r;

	if (!s)
		return eng_err(err, ENGRAM_EDAMAGED, "%s: wanted the series of frame %" PRIu64 ", found none",
		               log->dir, seq);
	r = open_to_read(log, s, first, err);
	if (r == ENGRAM_EDAMAGED && has_moved(log, s, seq))
		return moved_away(s, seq, err);
	if (r < 0)
		return r;
	eng_segment_path(path, s, first);
	r = read_at(log, b, place.offset);
	if (r < 0)
		return eng_err_fs(err, r, path, "read");
	if (!is_frame(log, out, b, series, seq)) {
		if (has_moved(log, s, seq))
			return moved_away(s, seq, err);
		eng_err(err, ENGRAM_EDAMAGED,
		        "%s: offset %" PRIu32 ": wanted frame %" PRIu64 ", found other bytes", path,
		        place.offset, seq);
		eng_err_object(err, path);
		return ENGRAM_EDAMAGED;
	}
	out->place = place;
	return ENGRAM_OK;
}
