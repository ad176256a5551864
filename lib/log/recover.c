/* recover.c - finding the end of a series again.
 *
 * After a boot the positions in the mark are nothing but a lower bound; after
 * a writer died between setting and clearing `dirty`, they may disagree with the bytes.
 * Whoever holds both locks then reads the newest segment and writes the mark
 * again.
 *
 *   1 the newest segment in the directory is the active one, whoever made it
 *   2 its predecessor is valid up to it, and it chains to it
 *   3 scan it; judge what lies at the end (scan.c)
 *   4 zero everything behind the end: a stale frame must not line up behind a
 *     later append and come alive
 *   5 write the bytes above durable again: they may have been lost from the
 *     cache by a flush whose failure nobody alive has seen
 *   6 flush; publish the positions; clear flushing, then dirty
 *
 * Dirty is set first, so that a second death leads back here.  No scan lowers
 * durable_seq of the own series: where durable frames are gone it is closed.
 *
 * A series that is received can be had again from whom it came: only what the
 * state has applied must be there (within a boot: what was durable), all else
 * that is bad is cut off and fetched again.  Its frames' witnesses speak of
 * another store's disk and are not asked. */
#include "log/log_int.h"

#include <inttypes.h>

struct recovery {
	struct eng_log *log;
	struct eng_log_series *s;
	struct eng_window w;
	struct eng_end end;
	struct eng_fault fault;
	uint64_t durable;      /* what must be there */
	uint64_t rewrite_from; /* bytes from here to the end go out again */
	char path[ENG_PATH_MAX];
};

static int open_at(struct recovery *rec, uint64_t first, bool write, struct engram_error *err)
{
	eng_fs_close(rec->log->sys, &rec->w.fd);
	eng_window_forget(&rec->w);
	eng_segment_path(rec->path, rec->s, first);
	return eng_segment_open(rec->log, &rec->w.fd, rec->s, first, write, err);
}

/* Header of the segment, then all its frames up to `stop`.  `chain` is what
 * its prev must be, if known.  1 reached stop, 0 met an invalid frame (fault);
 * zero = the whole header is zeros (then 0, nothing scanned). */
static int scan_segment(struct recovery *rec, uint64_t first, const uint32_t *chain, uint64_t stop,
                        bool *zero, struct engram_error *err)
{
	uint32_t prev = 0;
	int r = eng_segment_check(rec->log, &prev, rec->s, first, &rec->w, err);

	*zero = r == 0;
	rec->fault = (struct eng_fault){.off = 0, .text = "wanted a segment header, found zeros"};
	if (r <= 0)
		return r;
	if (chain && prev != *chain)
		return eng_err(err, ENGRAM_EDAMAGED,
		               "%s: offset 12, prev: wanted %08" PRIx32
		               " as the frame before it, found %08" PRIx32,
		               rec->path, *chain, prev);
	rec->end = (struct eng_end){.seq = first - 1, .off = ENG_SEGMENT_HEADER, .active = first,
	                            .chain = prev};
	r = eng_scan(&rec->w, &rec->end, &rec->fault, &rec->s->of, rec->log->space_check, stop);
	return r < 0 ? eng_err_fs(err, r, rec->path, "read") : r;
}

/* Everything before the newest segment was flushed before that one began. */
static int check_predecessor(struct recovery *rec, uint64_t first, uint64_t successor,
                             struct engram_error *err)
{
	bool zero;
	int r = open_at(rec, first, false, err);

	if (r == 0)
		r = scan_segment(rec, first, NULL, successor, &zero, err);
	if (r == 0)
		return eng_err_fault(err, rec->path, &rec->fault);
	return r < 0 ? r : ENGRAM_OK;
}

static int size_of(struct recovery *rec, struct engram_error *err)
{
	struct eng_stat st;
	int r = rec->log->sys->fs.ops->fstat(rec->log->sys->fs.ctx, rec->w.fd, &st);

	if (r < 0)
		return eng_err_fs(err, r, rec->path, "stat");
	rec->end.size = st.size > rec->end.off ? st.size : rec->end.off;
	return ENGRAM_OK;
}

/* Which segment ends the series, and where its frames end.  `zero` = it is
 * unfinished: then end is that of its predecessor. */
static int find_end(struct recovery *rec, bool *zero, struct engram_error *err)
{
	struct eng_log_series *s = rec->s;
	size_t newest = s->nfirsts - 1;
	eng_stamp before = 0;
	uint32_t chain;
	int r;

	if (ENG_PLANTED(5))
		while (newest > 0 && s->firsts[newest] > s->mark->active)
			newest--;
	if (newest > 0) {
		r = check_predecessor(rec, s->firsts[newest - 1], s->firsts[newest], err);
		if (r < 0)
			return r;
		chain = rec->end.chain;
		before = rec->end.stamp;
	}
	r = open_at(rec, s->firsts[newest], true, err);
	if (r == 0)
		r = scan_segment(rec, s->firsts[newest], newest > 0 ? &chain : NULL, UINT64_MAX, zero, err);
	if (!rec->end.stamp)
		rec->end.stamp = before;
	return r < 0 ? r : size_of(rec, err);
}

/* A received series whose last but one segment is bad where nothing rests on
 * it: the last one goes. */
static int drop_newest(struct recovery *rec, struct engram_error *err)
{
	struct eng_log_series *s = rec->s;
	char path[ENG_PATH_MAX];
	int r;

	eng_segment_path(path, s, s->firsts[--s->nfirsts]);
	r = rec->log->sys->fs.ops->unlink(rec->log->sys->fs.ctx, path);
	if (r == 0)
		r = eng_fs_sync_dir(rec->log->sys, s->dir);
	return r < 0 ? eng_err_fs(err, r, path, "remove") : ENGRAM_OK;
}

static int find_end_of_received(struct recovery *rec, bool *zero, struct engram_error *err)
{
	struct engram_error why = {0};
	int r;

	while ((r = find_end(rec, zero, &why)) == ENGRAM_EDAMAGED && rec->s->nfirsts > 1 &&
	       rec->end.seq >= rec->durable) {
		r = drop_newest(rec, err);
		if (r < 0)
			return r;
	}
	if (r < 0 && err)
		*err = why;
	return r;
}

/* -- mending ---------------------------------------------------------------------- */

/* What reached the disk before this boot is on the disk; within a boot, only
 * what a finished flush covered. */
static uint64_t first_unsure(const struct recovery *rec)
{
	const struct eng_mark *m = rec->s->mark;

	if (ENG_PLANTED(4) || (rec->log->boot && m->boot != rec->log->boot))
		return rec->end.off;
	if (m->active != rec->end.active || m->durable_off > rec->end.off ||
	    m->durable_off < ENG_SEGMENT_HEADER)
		return ENG_SEGMENT_HEADER;
	return m->durable_off;
}

static int mend(struct recovery *rec, struct engram_error *err)
{
	int r = eng_segment_zero(rec->log, rec->w.fd, rec->end.off, rec->end.size);

	eng_point(rec->log->sys, "recover-zeroed");
	if (r == 0)
		r = eng_segment_rewrite(rec->log, rec->w.fd, rec->rewrite_from, rec->end.off);
	/* As a leader does: if we die with the answer of this flush unheard, the
	 * next one must not take clean pages for durable ones. */
	rec->s->mark->flushing = 1;
	eng_point(rec->log->sys, "recover-rewritten");
	if (r == 0)
		r = eng_fs_sync(rec->log->sys, rec->w.fd);
	if (r == 0)
		r = eng_fs_sync_dir(rec->log->sys, rec->s->dir);
	eng_point(rec->log->sys, "recover-flushed");
	if (r < 0) {
		rec->s->mark->fails++;
		return eng_err_fs(err, r, rec->path, "recover");
	}
	return ENGRAM_OK;
}

static void publish(struct recovery *rec)
{
	struct eng_mark *m = rec->s->mark;

	eng_mark_set_end(m, &rec->end);
	if (eng_series_receives(rec->s)) /* those cut off come again, with the stamps they had */
		m->last_stamp = rec->end.stamp;
	eng_point(rec->log->sys, "recover-published");
	if (rec->log->boot && m->boot != rec->log->boot) {
		m->seg_fails = 0;
		m->fails = 0;
	}
	m->boot = rec->log->boot;
	rec->s->recovered = true;
	m->flushing = 0;
	eng_point(rec->log->sys, "recover-clearing");
	m->dirty = 0;
	eng_flush_announce(rec->log, rec->s);
}

/* -- the verdict ------------------------------------------------------------------- */

static int rolled_back(struct eng_log *log, struct eng_log_series *s, const struct eng_end *end,
                       uint64_t durable, struct engram_error *err)
{
	char name[ENG_SERIES_NAME + 1];
	int r = eng_own_close(log, s, ENG_BIRTH_ROLLBACK, true, end, err);

	if (r < 0)
		return r;
	eng_series_name(name, &s->id);
	eng_log_note(log,
	             "log %s was rolled back: frames %" PRIu64 " to %" PRIu64
	             " were durable and are gone; the next write begins a new series",
	             name, end->seq + 1, durable);
	return ENG_SERIES_OVER;
}

/* What the state says of them could not be rebuilt. */
static void note_cut(struct recovery *rec)
{
	char name[ENG_SERIES_NAME + 1];

	rec->s->mark->discard = 1;
	eng_series_name(name, &rec->s->id);
	eng_log_note(rec->log,
	             "log %s, received from others, was rolled back: frames %" PRIu64 " to %" PRIu64
	             " are gone; the next sync fetches them again",
	             name, rec->end.seq + 1, rec->durable);
}

static int judge(struct recovery *rec, struct engram_error *err)
{
	bool receives = eng_series_receives(rec->s);
	int verdict = receives && rec->end.seq >= rec->durable
	                      ? ENG_END_TORN
	                      : eng_judge(&rec->w, &rec->end, &rec->s->of, rec->log->space_check, rec->durable);

	switch (verdict) {
	case ENG_END_TORN:
		return ENGRAM_OK;
	case ENG_END_ROLLBACK:
		if (!receives)
			return rolled_back(rec->log, rec->s, &rec->end, rec->durable, err);
		note_cut(rec);
		return ENGRAM_OK;
	case ENG_END_DAMAGE:
		return eng_err_fault(err, rec->path, &rec->fault);
	default:
		return eng_err_fs(err, verdict, rec->path, "read");
	}
}

/* The newest segment has nothing in it, or there is none: begin it, unless
 * durable frames are missing. */
static int begin_again(struct recovery *rec, uint64_t first, struct engram_error *err)
{
	struct eng_mark *m = rec->s->mark;
	int r;

	if (rec->durable > rec->end.seq && !eng_series_receives(rec->s))
		return rolled_back(rec->log, rec->s, &rec->end, rec->durable, err);
	if (rec->durable > rec->end.seq)
		note_cut(rec);
	if (first != rec->end.seq + 1)
		return eng_err_fault(err, rec->path, &rec->fault);
	r = eng_segment_begin(rec->log, rec->s, first, rec->end.chain, err);
	if (r < 0)
		return r;
	m->durable_seq = first - 1;
	if (eng_series_receives(rec->s))
		m->last_stamp = rec->end.stamp;
	m->seg_fails = m->fails;
	m->boot = rec->log->boot;
	rec->s->recovered = true;
	m->flushing = 0;
	m->dirty = 0;
	return ENGRAM_OK;
}

static int recover_segments(struct recovery *rec, struct engram_error *err)
{
	bool zero = false;
	int r = eng_series_receives(rec->s) ? find_end_of_received(rec, &zero, err) : find_end(rec, &zero, err);

	if (r < 0)
		return r;
	if (zero)
		return begin_again(rec, rec->s->firsts[rec->s->nfirsts - 1], err);
	r = judge(rec, err);
	if (r != 0)
		return r;
	rec->rewrite_from = first_unsure(rec);
	r = mend(rec, err);
	if (r == 0)
		publish(rec);
	return r;
}

/* The greatest frame that must be there. */
static uint64_t must_hold(struct eng_log *log, struct eng_log_series *s)
{
	uint64_t applied = eng_own_applied(log, &s->id), durable = s->mark->durable_seq;

	if (s->mark->is.role & ENG_ROLE_RECEIVED && !eng_series_mark_counts(log, s))
		return applied;
	return applied > durable ? applied : durable;
}

int eng_recover(struct eng_log *log, struct eng_log_series *s, struct engram_error *err)
{
	struct recovery rec = {.log = log, .s = s, .w = {.sys = log->sys, .fd = -1}, .durable = must_hold(log, s)};
	int r = eng_segments_list(log, s, err);

	if (r < 0)
		return r;
	rec.end = (struct eng_end){
	        .seq = s->base, .chain = s->base_check, .off = ENG_SEGMENT_HEADER, .active = s->base + 1};
	s->mark->dirty = 1;
	eng_point(log->sys, "recover-begin");
	r = s->nfirsts ? recover_segments(&rec, err) : begin_again(&rec, s->base + 1, err);
	eng_window_free(&rec.w);
	eng_fs_close(log->sys, &rec.w.fd);
	return r;
}

int eng_recover_if_needed(struct eng_log *log, struct eng_log_series *s, struct engram_error *err)
{
	int r = eng_lock_append(log, s, err);

	if (r < 0)
		return r;
	r = eng_series_receives(s) ? eng_names_mark(log, s, err) : eng_still_there(log, s, err);
	if (r != 0)
		goto append;
	r = eng_lock_flush(log, s, err);
	if (r < 0)
		goto append;
	if (!eng_series_mark_counts(log, s) || eng_own_applied(log, &s->id) > s->mark->durable_seq)
		r = eng_recover(log, s, err);
	eng_unlock_flush(log, s);
append:
	eng_unlock_append(log, s);
	return r;
}
