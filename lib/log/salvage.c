/* salvage.c - every frame that can still be read, whatever lies between.
 *
 * A cursor stops at the first bad durable frame, and rightly: what follows may
 * rest on it.  Here the user has decided to take what there is.  Neither marks,
 * positions, segment headers nor the chain are asked: a frame proves itself by
 * its two checks, its series and its space, and lies on a multiple of 8, so
 * after a bad one the next is looked for from there on.
 *
 * As everywhere, a frame at or above the first seq of a later segment is void.
 * Behind the last durable frame a torn tail may give a frame that nobody
 * acknowledged: whoever stored it had meant to.
 *
 * A sector that cannot be read costs the frames that lie in it. */
#include "log/log_int.h"

#include <errno.h>

#include "base/le.h"

#define SECTOR 4096u

struct walk {
	struct eng_log *log;
	struct eng_log_series *s;
	struct eng_window w;
	uint64_t limit; /* first seq of the next segment */
	uint64_t seq;   /* of the last frame given */
	uint64_t off;
	struct eng_gap gap; /* to = 0: none is open */
	char path[ENG_PATH_MAX];
	const struct eng_salvage *user;
};

static void spoilt(struct walk *w, uint64_t from, uint64_t to)
{
	if (w->gap.to == 0)
		w->gap.from = from;
	w->gap.to = to;
}

/* Everything up to frame `next` was passed. */
static void close_gap(struct walk *w, uint64_t next)
{
	struct eng_gap gap = w->gap;

	w->gap = (struct eng_gap){0};
	gap.path = w->path;
	gap.first_seq = w->seq + 1;
	gap.frames = next - gap.first_seq;
	if (gap.frames > 0)
		w->user->lost(w->user->data, &gap);
}

/* 1 a sound frame of this series lies at w->off, 0 none, or -errno. */
static int sound_frame(struct walk *w, struct eng_frame *out, const uint8_t *head)
{
	struct eng_expect want = {.series = w->s->of, .space_check = w->log->space_check, .any_prev = true};
	struct eng_fault ignored;
	struct eng_header h;

	if (eng_get32(head) != ENG_FRAME_MAGIC || eng_header_decode(&h, head) != ENG_HEADER_OK)
		return 0;
	want.seq = h.seq;
	return eng_frame_at(&w->w, out, &ignored, w->off, &want);
}

static int give(struct walk *w, struct eng_frame *f)
{
	w->off += eng_frame_size(f->h.payload_len);
	if (f->h.seq <= w->seq || f->h.seq >= w->limit)
		return 0;
	close_gap(w, f->h.seq);
	w->seq = f->h.seq;
	return w->user->frame(w->user->data, f);
}

static bool is_zero(const uint8_t *p)
{
	return eng_get64(p) == 0;
}

/* 1 go on, 0 the end of the file, or an error of the user. */
static int step(struct walk *w)
{
	const uint8_t *p;
	struct eng_frame f;
	size_t got;
	int r = eng_window_get(&w->w, &p, &got, w->off, ENG_FRAME_HEADER);

	if (r == 0 && got < 8)
		return 0;
	if (r == 0 && got == ENG_FRAME_HEADER)
		r = sound_frame(w, &f, p);
	if (r == 1) {
		r = give(w, &f);
		return r < 0 ? r : 1;
	}
	if (r == -ENOMEM)
		return ENGRAM_ENOMEM;
	if (r < 0) { /* a bad sector, of the frame or of its header */
		uint64_t next = (w->off / SECTOR + 1) * SECTOR;
		spoilt(w, w->off, next);
		w->off = next;
		return 1;
	}
	r = eng_window_get(&w->w, &p, &got, w->off, 8);
	if (r == 0 && got == 8 && !is_zero(p))
		spoilt(w, w->off, w->off + 8);
	w->off += 8;
	return 1;
}

static int walk_segment(struct walk *w, uint64_t first, struct engram_error *err)
{
	int r;

	eng_segment_path(w->path, w->s, first);
	eng_window_forget(&w->w);
	w->off = ENG_SEGMENT_HEADER;
	w->gap = (struct eng_gap){0};
	r = eng_segment_open(w->log, &w->w.fd, w->s, first, false, err);
	if (r < 0) {
		eng_log_note(w->log, "%s", err ? err->message : w->path);
		return 0;
	}
	while ((r = step(w)) == 1)
		;
	eng_fs_close(w->log->sys, &w->w.fd);
	return r;
}

/* Frames that must have been: up to the next segment, or durable by the mark. */
static void close_series(struct walk *w)
{
	const struct eng_log_series *s = w->s;
	uint64_t durable = s->state == ENG_MARK_FITS ? s->mark->durable_seq : 0;

	if (durable > w->seq) {
		close_gap(w, durable + 1);
	} else if (w->gap.to > 0) { /* a torn tail, or damage: nothing tells */
		struct eng_gap gap = w->gap;
		gap.path = w->path;
		gap.first_seq = w->seq + 1;
		w->user->lost(w->user->data, &gap);
	}
}

static int walk_series(struct walk *w, struct engram_error *err)
{
	int r = eng_segments_list(w->log, w->s, err);

	w->seq = w->s->base;
	w->gap = (struct eng_gap){0};
	eng_segment_path(w->path, w->s, w->s->base + 1);
	for (size_t i = 0; r == 0 && i < w->s->nfirsts; i++) {
		if (w->s->firsts[i] > w->seq + 1)
			close_gap(w, w->s->firsts[i]);
		w->limit = i + 1 < w->s->nfirsts ? w->s->firsts[i + 1] : UINT64_MAX;
		r = walk_segment(w, w->s->firsts[i], err);
		if (r == ENGRAM_ENOMEM)
			eng_err_nomem(err);
	}
	if (r == 0)
		close_series(w);
	return r;
}

int eng_log_salvage(struct eng_log *log, const struct eng_salvage *user, struct engram_error *err)
{
	struct walk w = {.log = log, .w = {.sys = log->sys, .fd = -1}, .user = user};
	int r = eng_series_list(log, err);

	for (size_t i = 0; r == 0 && i < log->nseries; i++) {
		w.s = log->series[i];
		r = walk_series(&w, err);
	}
	eng_window_free(&w.w);
	return r;
}
