/* check.c - reading every byte of every segment.
 *
 * What is damage, for each byte:
 *  - the header of a segment, all 4,096 bytes;
 *  - frames up to the durable seq: header, chain, rising stamps, payload or
 *    stub, padding;
 *  - a segment's frames up to the first seq of its successor.
 * What is not: bytes behind the last frame of a sealed segment (void frames of
 * a failed flush, never read), and what lies above the durable seq (a writer
 * may be busy there; the next one zeroes what is left). */
#include "log/log_int.h"

#include <inttypes.h>
#include <stdio.h>

struct check {
	struct eng_log *log;
	struct eng_log_series *s;
	struct eng_window w;
	char path[ENG_PATH_MAX];
	uint64_t durable;
	uint64_t seq;    /* of the last frame seen */
	uint32_t chain;
	eng_stamp stamp;
	uint64_t frames, bytes;
};

static int check_header(struct check *c, uint64_t first, struct engram_error *err)
{
	struct eng_fault fault = {.off = 12};
	uint32_t prev = 0;
	int r = eng_segment_check(c->log, &prev, c->s, first, &c->w, err);

	if (r < 0)
		return r;
	if (r == 0) {
		fault = (struct eng_fault){.off = 0, .text = "wanted a segment header, found zeros"};
		return eng_err_fault(err, c->path, &fault);
	}
	if (c->seq + 1 == first && prev != c->chain) {
		snprintf(fault.text, sizeof fault.text,
		         "prev: wanted %08" PRIx32 " as the frame before it, found %08" PRIx32,
		         c->chain, prev);
		return eng_err_fault(err, c->path, &fault);
	}
	c->seq = first - 1;
	c->chain = prev;
	return ENGRAM_OK;
}

static int check_stamp(struct check *c, const struct eng_frame *f, struct engram_error *err)
{
	struct eng_fault fault = {.off = f->place.offset + 48u};

	if (f->h.stamp > c->stamp)
		return ENGRAM_OK;
	snprintf(fault.text, sizeof fault.text,
	         "frame %" PRIu64 ", stamp: wanted above %016" PRIx64 ", found %016" PRIx64,
	         f->h.seq, c->stamp, f->h.stamp);
	return eng_err_fault(err, c->path, &fault);
}

/* A branch is named after the frame it begins with. */
static int check_branch_name(struct check *c, const struct eng_frame *f, struct engram_error *err)
{
	struct eng_fault fault = {.off = f->place.offset,
	                          .text = "branch: wanted the frame it is named after, found another"};
	uint8_t raw[ENG_FRAME_HEADER];
	struct eng_header h = f->h;
	struct eng_series name;

	eng_header_encode(raw, &h);
	eng_branch_name(&name, raw);
	return eng_series_cmp(&name, &c->s->id) == 0 ? ENGRAM_OK : eng_err_fault(err, c->path, &fault);
}

/* Frames up to `last`; all of them must be there. */
static int check_frames(struct check *c, uint64_t last, struct engram_error *err)
{
	uint64_t off = ENG_SEGMENT_HEADER;

	while (c->seq < last) {
		struct eng_expect want = {c->s->of, c->log->space_check, c->seq + 1, c->chain, false};
		struct eng_fault fault;
		struct eng_frame f;
		int r = eng_frame_at(&c->w, &f, &fault, off, &want);

		if (r < 0)
			return eng_err_fs(err, r, c->path, "read");
		if (r == 0)
			return eng_err_fault(err, c->path, &fault);
		r = check_stamp(c, &f, err);
		if (r == 0 && c->s->tag && f.h.seq == c->s->base + 1)
			r = check_branch_name(c, &f, err);
		if (r < 0)
			return r;
		c->seq = f.h.seq;
		c->chain = f.h.header_check;
		c->stamp = f.h.stamp;
		c->frames++;
		off += eng_frame_size(f.h.payload_len);
	}
	return ENGRAM_OK;
}

/* The rest is read too: a sector that cannot be read is to be found now. */
static int read_rest(struct check *c, struct engram_error *err)
{
	enum { BLOCK = 64 << 10 };
	const uint8_t *p;
	size_t got;
	uint64_t off = 0;

	do {
		int r = eng_window_get(&c->w, &p, &got, off, BLOCK);

		if (r < 0)
			return eng_err_fs(err, r, c->path, "read");
		off += got;
	} while (got == BLOCK);
	c->bytes += off;
	return ENGRAM_OK;
}

static int check_segment(struct check *c, uint64_t first, uint64_t successor, struct engram_error *err)
{
	uint64_t last = successor - 1 < c->durable ? successor - 1 : c->durable;
	int r;

	eng_segment_path(c->path, c->s, first);
	r = eng_segment_open(c->log, &c->w.fd, c->s, first, false, err);
	if (r < 0)
		return r;
	eng_window_forget(&c->w);
	r = check_header(c, first, err);
	if (r == 0)
		r = check_frames(c, last, err);
	if (r == 0)
		r = read_rest(c, err);
	eng_fs_close(c->log->sys, &c->w.fd);
	return r;
}

static int missing(struct check *c, uint64_t first, struct engram_error *err)
{
	struct eng_fault fault = {.off = 0};

	snprintf(fault.text, sizeof fault.text, "wanted the segment of frame %" PRIu64 ", found none", first);
	return eng_err_fault(err, c->s->dir, &fault);
}

/* How far frames must be there.  Where the mark does not count (another boot, a
 * copy), what a witness or the mark proves to have been durable counts still; what
 * was received can be fetched again. */
static int find_durable(struct check *c, struct engram_error *err)
{
	struct eng_end end;
	int r = eng_series_end(c->log, c->s, &end, &c->durable, err);

	if (r < 0 || eng_series_mark_counts(c->log, c->s) || eng_series_receives(c->s))
		return r;
	if (c->s->state == ENG_MARK_FITS && c->s->mark->durable_seq > c->durable)
		c->durable = c->s->mark->durable_seq;
	return eng_series_sound(c->log, c->s, &end, err);
}

static int check_series(struct check *c, engram_progress_fn *progress, void *data, struct engram_error *err)
{
	int r = find_durable(c, err);

	if (r == 0)
		r = eng_segments_list(c->log, c->s, err);
	if (r < 0)
		return r;
	c->seq = 0;
	c->chain = 0;
	c->stamp = 0;
	if (c->durable > c->s->base && (c->s->nfirsts == 0 || c->s->firsts[0] != c->s->base + 1))
		return missing(c, c->s->base + 1, err);
	for (size_t i = 0; i < c->s->nfirsts; i++) {
		uint64_t next = i + 1 < c->s->nfirsts ? c->s->firsts[i + 1] : UINT64_MAX;

		r = check_segment(c, c->s->firsts[i], next, err);
		if (r < 0)
			return r;
		if (progress && progress(data, "check", i + 1, c->s->nfirsts))
			return eng_err(err, ENGRAM_ELIMIT, "check: stopped");
	}
	return c->seq < c->durable ? missing(c, c->seq + 1, err) : ENGRAM_OK;
}

int eng_log_check(struct eng_log *log, uint64_t *frames, uint64_t *bytes, engram_progress_fn *progress,
                  void *data, struct engram_error *err)
{
	struct check c = {.log = log, .w = {.sys = log->sys, .fd = -1}};
	int r = eng_series_list(log, err);

	for (size_t i = 0; r == 0 && i < log->nseries; i++) {
		c.s = log->series[i];
		r = check_series(&c, progress, data, err);
	}
	eng_window_free(&c.w);
	*frames = c.frames;
	*bytes = c.bytes;
	return r;
}
