/* branch.c - what follows a fork goes on under a name of its own.
 *
 * Where two stores wrote one series from frame N on, what each has from there
 * on becomes a branch: a directory named by its first frame, with the same bytes.
 * The series ends before N.  A point holds for all that a series has become: a
 * branch that reaches N is split there too, needed or not, so that stores which
 * know the same points have the same directories, in whatever order they heard.
 *
 *   1 nothing more is appended: what was written is made durable, and the own
 *     series is closed
 *   2 the frames from N on are received into the branch, as if a peer had sent
 *     them: verified, passed over where they are, durable at the end
 *   3 the mark says that the series ends before N, and that derived files must be
 *     made anew; the mark is synced
 *   4 the bytes from N on go: whole segments, then the rest of one by a copy
 *     without them, renamed over it
 *
 * Until 3 the frames are there twice, which changes nothing that is read from
 * them.  Whoever dies anywhere leaves a branch beside a series that reaches into
 * it, which the next writer finds by the names alone and begins again with 1. */
#include "log/log_int.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>

#include "base/alloc.h"

#define MOVE_BYTES (1u << 20)

struct split {
	struct eng_log *log;
	struct eng_log_series *s;
	uint64_t seq;             /* the first frame that goes */
	uint64_t last;            /* of those that went */
	struct eng_series branch; /* where to */
};

/* -- 1 --------------------------------------------------------------------------- */

static int settle_locked(struct split *sp, struct engram_error *err)
{
	struct eng_log_series *s = sp->s;
	bool own = s->mark->is.role == ENG_ROLE_OWN && !s->mark->closed;
	int r = ENGRAM_OK;

	if (!eng_series_mark_counts(sp->log, s) || s->mark->dirty || s->mark->fails != s->mark->seg_fails)
		r = eng_recover(sp->log, s, err);
	if (r == ENG_SERIES_OVER) /* rolled back: it is closed now */
		r = ENGRAM_OK;
	if (r == 0 && s->mark->durable_seq < s->mark->written_seq)
		r = eng_flush_lead(sp->log, s, s->mark->fails, err);
	if (r == 0 && own && s->mark->written_seq >= sp->seq && !s->mark->closed)
		r = eng_own_close(sp->log, s, ENG_BIRTH_FORK, false, NULL, err);
	sp->last = s->mark->durable_seq;
	return r;
}

static int with_locks(struct split *sp, int (*fn)(struct split *, struct engram_error *), struct engram_error *err)
{
	int r = eng_lock_append(sp->log, sp->s, err);

	if (r < 0)
		return r;
	r = eng_names_mark(sp->log, sp->s, err);
	if (r == ENG_SERIES_OVER)
		r = eng_err(err, ENGRAM_EBUSY, "%s: replaced just now: try again", sp->s->dir);
	if (r == 0)
		r = eng_lock_flush(sp->log, sp->s, err);
	if (r == 0) {
		r = fn(sp, err);
		eng_unlock_flush(sp->log, sp->s);
	}
	eng_unlock_append(sp->log, sp->s);
	return r;
}

/* -- 2 --------------------------------------------------------------------------- */

/* Both hold frame `low` alike and differ at `high`, where the branch has it. */
static int first_difference(struct split *sp, uint64_t *at, struct engram_error *err)
{
	struct eng_log_series *b = eng_series_find(sp->log, &sp->branch);
	uint64_t low = sp->seq, high = b->mark->written_seq < sp->last ? b->mark->written_seq : sp->last;
	int r = 0;

	while (r == 0 && high - low > 1) {
		uint64_t mid = low + (high - low) / 2;
		uint32_t mine, theirs;

		r = eng_log_check_at(sp->log, &mine, &sp->s->id, mid, err);
		if (r == 0)
			r = eng_log_check_at(sp->log, &theirs, &sp->branch, mid, err);
		if (r == 0 && mine == theirs)
			low = mid;
		else
			high = mid;
	}
	*at = high;
	return r;
}

/* The branch was written by two stores as well. */
static int split_again(struct split *sp, struct engram_error *err)
{
	uint64_t at;
	int r = first_difference(sp, &at, err);

	return r == 0 ? eng_log_split(sp->log, &sp->s->of, at, err) : r;
}

/* It is as much this store's own as the series was: its frames are never held. */
static int begin_branch(struct split *sp, struct eng_buf *first, struct engram_error *err)
{
	unsigned role = ENG_ROLE_RECEIVED | ENG_ROLE_BRANCH | (sp->s->mark->is.role & ENG_ROLE_OWN);
	struct eng_log_series *ignored;

	eng_branch_name(&sp->branch, first->p);
	return eng_series_receiver(&ignored, sp->log, &sp->branch, role, err);
}

static int copy_frames(struct split *sp, struct eng_cursor *c, struct eng_buf *b, struct engram_error *err)
{
	uint64_t taken;
	size_t n;
	int r;

	for (bool first = true;; first = false) {
		eng_buf_reset(b);
		r = eng_cursor_copy(c, b, &n, sp->last, MOVE_BYTES, err);
		if (r < 0 || n == 0)
			return r;
		if (first)
			r = begin_branch(sp, b, err);
		if (r == 0)
			r = eng_log_receive(sp->log, &taken, &sp->branch, b->p, b->n, err);
		eng_point(sp->log->sys, "branch-received");
		if (r != 0)
			return r;
	}
}

/* 1: the branch has other frames. */
static int copy(struct split *sp, struct engram_error *err)
{
	struct eng_buf b = ENG_BUF_INIT;
	struct eng_cursor *c;
	int flushed, r = eng_cursor_open(&c, sp->log, &sp->s->id, sp->seq - 1, sp->last, NULL, err);

	if (r < 0)
		return r;
	r = copy_frames(sp, c, &b, err);
	eng_cursor_close(c);
	eng_buf_free(&b);
	if (r < 0)
		return r;
	flushed = eng_log_receive_flush(sp->log, err);
	eng_point(sp->log->sys, "branch-flushed");
	return flushed < 0 ? flushed : r;
}

/* -- 3 --------------------------------------------------------------------------- */

static int scan_to(struct split *sp, struct eng_end *end, uint64_t first, struct engram_error *err)
{
	struct eng_log_series *s = sp->s;
	struct eng_window w = {.sys = sp->log->sys, .fd = -1};
	struct eng_fault fault = {.text = "wanted a segment header, found zeros"};
	char path[ENG_PATH_MAX];
	int r = eng_segment_open(sp->log, &w.fd, s, first, false, err);

	if (r < 0)
		return r;
	eng_segment_path(path, s, first);
	*end = (struct eng_end){.seq = first - 1, .off = ENG_SEGMENT_HEADER, .active = first};
	r = eng_segment_check(sp->log, &end->chain, s, first, &w, err);
	if (r > 0) {
		r = eng_scan(&w, end, &fault, &s->of, sp->log->space_check, sp->seq);
		r = r < 0 ? eng_err_fs(err, r, path, "read") : r;
	}
	if (r == 0)
		r = eng_err_fault(err, path, &fault);
	end->size = end->off;
	eng_window_free(&w);
	eng_fs_close(sp->log->sys, &w.fd);
	return r < 0 ? r : ENGRAM_OK;
}

/* The segments that keep frames before seq are the first `kept` ones. */
static int end_before(struct split *sp, struct eng_end *end, size_t *kept, struct engram_error *err)
{
	struct eng_log_series *s = sp->s;
	int r = eng_segments_list(sp->log, s, err);

	for (*kept = 0; r == 0 && *kept < s->nfirsts && s->firsts[*kept] < sp->seq; ++*kept)
		;
	*end = (struct eng_end){.seq = sp->seq - 1, .off = ENG_SEGMENT_HEADER, .active = sp->seq,
	                        .size = ENG_SEGMENT_HEADER};
	return r == 0 && *kept ? scan_to(sp, end, s->firsts[*kept - 1], err) : r;
}

static int mark_end(struct split *sp, const struct eng_end *end, struct engram_error *err)
{
	struct eng_mark *m = sp->s->mark;
	int r;

	eng_mark_set_end(m, end);
	m->last_stamp = end->stamp;
	m->boot = sp->log->boot;
	m->reopened = 0;
	m->discard = 1;
	eng_point(sp->log->sys, "branch-marked");
	r = eng_fs_sync(sp->log->sys, sp->s->fd);
	sp->s->scanned = false;
	sp->s->recovered = true;
	eng_flush_announce(sp->log, sp->s);
	return r < 0 ? eng_err_fs(err, r, sp->s->dir, "end series") : ENGRAM_OK;
}

/* -- 4 --------------------------------------------------------------------------- */

static int copy_bytes(const struct eng_sys *sys, int from, int to, uint64_t n)
{
	struct eng_window w = {.sys = sys, .fd = from};
	int r = 0;

	for (uint64_t off = 0; r == 0 && off < n;) {
		size_t want = n - off < MOVE_BYTES ? (size_t)(n - off) : MOVE_BYTES, got;
		const uint8_t *p;

		r = eng_window_get(&w, &p, &got, off, want);
		if (r == 0)
			r = got ? eng_fs_write(sys, to, p, got < want ? got : want, off) : -EIO;
		off += got < want ? got : want;
	}
	eng_window_free(&w);
	return r == 0 ? eng_fs_sync(sys, to) : r;
}

/* The segment without what lies behind n bytes. */
static int shorten(struct split *sp, uint64_t first, uint64_t n)
{
	const struct eng_sys *sys = sp->log->sys;
	char path[ENG_PATH_MAX], temp[ENG_PATH_MAX];
	int from, to, r;

	eng_segment_path(path, sp->s, first);
	if (!eng_path(temp, sp->s->dir, "segment.tmp"))
		return -ENAMETOOLONG;
	from = eng_fs_open(sys, path, O_RDONLY, 0);
	if (from < 0)
		return from;
	to = eng_fs_open(sys, temp, O_RDWR | O_CREAT | O_TRUNC, 0600);
	r = to < 0 ? to : copy_bytes(sys, from, to, n);
	eng_fs_close(sys, &from);
	if (to >= 0)
		eng_fs_close(sys, &to);
	eng_point(sys, "branch-shortened");
	return r == 0 ? sys->fs.ops->rename(sys->fs.ctx, temp, path, true) : r;
}

static int remove_bytes(struct split *sp, const struct eng_end *end, size_t kept)
{
	const struct eng_sys *sys = sp->log->sys;
	struct eng_log_series *s = sp->s;
	char path[ENG_PATH_MAX];
	int r = kept ? shorten(sp, s->firsts[kept - 1], end->off) : 0;

	while (r == 0 && s->nfirsts > kept) {
		eng_segment_path(path, s, s->firsts[s->nfirsts - 1]);
		r = sys->fs.ops->unlink(sys->fs.ctx, path);
		if (r == -ENOENT)
			r = 0;
		eng_point(sys, "branch-removed");
		s->nfirsts -= r == 0;
	}
	return r == 0 ? eng_fs_sync_dir(sys, s->dir) : r;
}

static int cut_locked(struct split *sp, struct engram_error *err)
{
	char name[ENG_SERIES_NAME + 1], branch[ENG_SERIES_NAME + 1];
	struct eng_end end;
	size_t kept;
	int r;

	if (sp->s->mark->written_seq != sp->last)
		return ENGRAM_OK; /* others wrote meanwhile: again */
	r = end_before(sp, &end, &kept, err);
	if (r == 0)
		r = mark_end(sp, &end, err);
	if (r < 0)
		return r;
	r = remove_bytes(sp, &end, kept);
	if (r < 0)
		return eng_err_fs(err, r, sp->s->dir, "end series");
	eng_series_name(name, &sp->s->of);
	eng_series_name(branch, &sp->branch);
	eng_log_note(sp->log, "log %s was written by two stores from frame %" PRIu64 " on: what is here goes on as log %s",
	             name, sp->seq, branch);
	return ENGRAM_OK;
}

/* -- all of it ---------------------------------------------------------------------- */

static int split_series(struct split *sp, struct engram_error *err)
{
	int r = with_locks(sp, settle_locked, err);

	if (r < 0 || sp->last < sp->seq)
		return r;
	r = copy(sp, err);
	if (r == ENG_LOG_FORKED)
		return split_again(sp, err);
	r = r == 0 ? with_locks(sp, cut_locked, err) : r;
	/* A segment that was kept open may be gone or replaced. */
	eng_fs_close(sp->log->sys, &sp->log->read_fd);
	eng_fs_close(sp->log->sys, &sp->log->seg_fd);
	return r;
}

/* 1 = a directory of the series that began before seq and holds it. */
static int reaches(struct eng_log *log, struct eng_log_series *s, const struct eng_series *of, uint64_t seq,
                   struct engram_error *err)
{
	struct eng_end end;
	uint64_t durable;
	int r;

	if (s->state != ENG_MARK_FITS || eng_series_cmp(&s->of, of) != 0 || (s->tag && s->base + 1 >= seq))
		return 0;
	r = eng_series_end(log, s, &end, &durable, err);
	return r < 0 ? r : end.seq >= seq;
}

int eng_log_split(struct eng_log *log, const struct eng_series *of, uint64_t seq, struct engram_error *err)
{
	const struct eng_series name = *of;
	int r = eng_log_flush(log, err);

	if (r == 0)
		r = eng_log_receive_flush(log, err);
	if (r == 0)
		r = eng_series_list(log, err);
	for (size_t i = 0; r == 0 && i < log->nseries; i++) {
		struct split sp = {.log = log, .s = log->series[i], .seq = seq};

		r = reaches(log, sp.s, &name, seq, err);
		if (r <= 0)
			continue;
		r = split_series(&sp, err);
		i = (size_t)-1; /* there is one more now, and perhaps more to move */
	}
	if (log->own && log->own->mark->closed) {
		log->own = NULL;
		eng_fs_close(log->sys, &log->seg_fd);
	}
	return r;
}

int eng_branches_finish(struct eng_log *log, struct engram_error *err)
{
	int r = ENGRAM_OK;

	for (size_t i = 0; r == 0 && i < log->nseries; i++) {
		const struct eng_log_series *b = log->series[i];
		bool again = false;

		for (size_t j = 0; r == 0 && b->tag && !again && j < log->nseries; j++) {
			r = reaches(log, log->series[j], &b->of, b->base + 1, err);
			again = r > 0;
			r = r > 0 ? 0 : r;
		}
		if (again)
			r = eng_log_split(log, &b->of, b->base + 1, err);
	}
	return r;
}
