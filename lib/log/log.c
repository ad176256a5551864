/* log.c - opening and closing a log, positions, and what the files share.
 *
 * Opening to read takes no lock and changes nothing.  Opening to write refuses
 * network file systems (their locks and shared maps do not hold between
 * machines), closes copies, finds this store's own series and, after a boot,
 * recovers it. */
#include "log/log_int.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/alloc.h"

/* -- small things ------------------------------------------------------------------ */

void eng_log_note(struct eng_log *log, const char *format, ...)
{
	char line[256];
	va_list ap;

	if (!log->notice)
		return;
	va_start(ap, format);
	vsnprintf(line, sizeof line, format, ap);
	va_end(ap);
	log->notice(log->notice_data, line);
}

int eng_err_fs(struct engram_error *err, int r, const char *path, const char *doing)
{
	if (r == -ENOMEM)
		return eng_err_nomem(err);
	r = eng_err_os(err, -r, "%s: %s", path, doing);
	eng_err_object(err, path);
	return r;
}

int eng_err_fault(struct engram_error *err, const char *path, const struct eng_fault *fault)
{
	eng_err(err, ENGRAM_EDAMAGED, "%s: offset %llu: %s", path, (unsigned long long)fault->off,
	        fault->text);
	eng_err_object(err, path);
	return ENGRAM_EDAMAGED;
}

/* -- opening ------------------------------------------------------------------------- */

static int refuse_network(struct eng_log *log, struct engram_error *err)
{
	int r = log->sys->fs.ops->is_local(log->sys->fs.ctx, log->space_dir);

	if (r < 0)
		return eng_err_fs(err, r, log->space_dir, "statfs");
	if (r == 1 || eng_sys_network_allowed())
		return ENGRAM_OK;
	eng_err(err, ENGRAM_ECONFIG, "%s: wanted a local file system, found a network or cluster one",
	        log->space_dir);
	eng_err_object(err, log->space_dir);
	eng_err_hint(err, "keep the home on a local disk; ENGRAM_NETWORK_HOME=1 where its locks and syncs can be trusted");
	return ENGRAM_ECONFIG;
}

/* --new-series: all that was written becomes durable, then the series is over. */
static int close_asked_locked(struct eng_log *log, struct eng_log_series *s, struct engram_error *err)
{
	int r = ENGRAM_OK;

	if (!eng_series_mark_counts(log, s) || s->mark->dirty || s->mark->fails != s->mark->seg_fails)
		r = eng_recover(log, s, err);
	if (r == 0 && s->mark->durable_seq < s->mark->written_seq)
		r = eng_flush_lead(log, s, s->mark->fails, err);
	return r == 0 ? eng_own_close(log, s, ENG_BIRTH_ASKED, false, NULL, err) : r;
}

static int close_asked(struct eng_log *log, struct engram_error *err)
{
	struct eng_log_series *s = log->own;
	int r = eng_lock_append(log, s, err);

	if (r < 0)
		return r;
	r = eng_still_there(log, s, err);
	if (r == 0)
		r = eng_lock_flush(log, s, err);
	if (r == 0) {
		r = close_asked_locked(log, s, err);
		eng_unlock_flush(log, s);
	}
	eng_unlock_append(log, s);
	return r == ENG_SERIES_OVER ? ENGRAM_OK : r;
}

int eng_log_close_own(struct eng_log *log, struct engram_error *err)
{
	int r = eng_log_flush(log, err);

	if (r < 0 || !log->own)
		return r;
	r = close_asked(log, err);
	log->own = NULL;
	eng_fs_close(log->sys, &log->seg_fd);
	return r;
}

static int open_own(struct eng_log *log, struct engram_error *err)
{
	struct eng_log_series *s = log->own;
	int r;

	if (eng_series_mark_counts(log, s) && eng_own_applied(log, &s->id) <= s->mark->durable_seq)
		return ENGRAM_OK;
	r = eng_recover_if_needed(log, s, err);
	if (r != ENG_SERIES_OVER)
		return r;
	eng_own_choose(log);
	return ENGRAM_OK;
}

/* The others, so that their marks count again: damage below what the state has
 * applied is found now, and readers need not scan. */
static int recover_received(struct eng_log *log, struct engram_error *err)
{
	int r = ENGRAM_OK;

	for (size_t i = 0; r >= 0 && i < log->nseries; i++) {
		struct eng_log_series *s = log->series[i];

		if (s == log->own || s->state != ENG_MARK_FITS || eng_series_is_over(s))
			continue;
		if (!eng_series_mark_counts(log, s) || eng_own_applied(log, &s->id) > s->mark->durable_seq)
			r = eng_recover_if_needed(log, s, err);
	}
	return r < 0 ? r : ENGRAM_OK;
}

/* Frames that the state knows and no series here holds: what the state says
 * could not be rebuilt, and the lost seqs may come again with other frames. */
static int compare_with_state(struct eng_log *log, struct engram_error *err)
{
	for (size_t i = 0; i < log->napplied; i++) {
		struct eng_log_series *s = eng_series_find(log, &log->applied[i].series);
		uint64_t durable = 0;
		struct eng_end end;
		int r = s ? eng_series_end(log, s, &end, &durable, err) : ENGRAM_OK;

		if (r < 0)
			return r;
		if (durable < log->applied[i].seq)
			log->state_is_ahead = true;
	}
	return ENGRAM_OK;
}

static int open_to_write(struct eng_log *log, bool new_series, struct engram_error *err)
{
	int r = refuse_network(log, err);

	if (r == 0)
		r = eng_series_list(log, err);
	if (r == 0 && eng_copies_present(log))
		r = eng_adopt_copies(log, err);
	if (r < 0)
		return r;
	eng_own_choose(log);
	if (log->own)
		r = open_own(log, err);
	if (r == 0)
		r = recover_received(log, err);
	if (r == 0)
		r = eng_branches_finish(log, err);
	if (r == 0 && new_series)
		r = eng_log_close_own(log, err);
	return r == 0 ? compare_with_state(log, err) : r;
}

static int copy_applied(struct eng_log *log, const struct eng_log_options *o)
{
	if (o->napplied == 0)
		return 0;
	log->applied = eng_calloc(o->napplied, sizeof *log->applied);
	if (!log->applied)
		return -ENOMEM;
	memcpy(log->applied, o->applied, o->napplied * sizeof *log->applied);
	log->napplied = o->napplied;
	return 0;
}

static int set_up(struct eng_log *log, const struct eng_sys *sys, const struct eng_log_options *o)
{
	/* Room for "/log/SERIES/SEGMENT". */
	const size_t below = 5 + ENG_SERIES_NAME + 1 + ENG_SEGMENT_NAME + 1;

	log->sys = sys;
	log->seg_fd = log->read_fd = log->lock_fd = -1;
	if (strlen(o->space_dir) + below >= ENG_PATH_MAX)
		return -ENAMETOOLONG;
	memcpy(log->space_dir, o->space_dir, strlen(o->space_dir) + 1);
	if (!eng_path(log->dir, o->space_dir, "log"))
		return -ENAMETOOLONG;
	log->space = o->space;
	log->space_check = eng_frame_space_check(&o->space);
	log->boot = sys->boot_id();
	log->pid = eng_sys_pid();
	log->write = o->write;
	log->wait_ms = o->wait_ms > INT32_MAX ? INT32_MAX : (int)o->wait_ms;
	log->notice = o->notice;
	log->notice_data = o->notice_data;
	return copy_applied(log, o);
}

int eng_log_open(struct eng_log **out, const struct eng_sys *sys, const struct eng_log_options *o,
                 struct engram_error *err)
{
	struct eng_log *log = eng_calloc(1, sizeof *log);
	int r;

	if (!log)
		return eng_err_nomem(err);
	r = set_up(log, sys, o);
	if (r < 0)
		r = eng_err_fs(err, r, o->space_dir, "open log");
	else if (o->write)
		r = open_to_write(log, o->new_series, err);
	else
		r = eng_series_list(log, err);
	if (r < 0) {
		eng_log_close(log);
		return r;
	}
	*out = log;
	return ENGRAM_OK;
}

void eng_log_close(struct eng_log *log)
{
	if (!log)
		return;
	eng_fs_close(log->sys, &log->seg_fd);
	eng_fs_close(log->sys, &log->read_fd);
	eng_fs_close(log->sys, &log->lock_fd);
	eng_series_free_all(log);
	eng_buf_free(&log->out);
	eng_free(log->info);
	eng_free(log->applied);
	eng_free(log);
}

/* -- the derived files ---------------------------------------------------------------- */

/* A copy that no writer has opened yet has no mark of its own. */
static bool is_copy(const struct eng_log_series *s)
{
	return s->state == ENG_MARK_FOREIGN;
}

bool eng_log_discard_derived(struct eng_log *log)
{
	if (log->state_is_ahead)
		return true;
	for (size_t i = 0; i < log->nseries; i++) {
		const struct eng_log_series *s = log->series[i];

		if (is_copy(s) || (s->state == ENG_MARK_FITS && s->mark->discard))
			return true;
	}
	return false;
}

void eng_log_discarded(struct eng_log *log)
{
	log->state_is_ahead = false;
	for (size_t i = 0; i < log->nseries; i++)
		if (log->series[i]->state == ENG_MARK_FITS)
			log->series[i]->mark->discard = 0;
}

/* -- positions -------------------------------------------------------------------------- */

static int describe(struct eng_log *log, struct eng_log_series *s, struct eng_series_info *info,
                    struct engram_error *err)
{
	bool mine = s->state == ENG_MARK_FITS && s->mark->is.role == ENG_ROLE_OWN;
	struct eng_end end;
	uint64_t durable;
	int r = eng_series_end(log, s, &end, &durable, err);

	if (r < 0)
		return r;
	*info = (struct eng_series_info){
	        .series = s->id,
	        .of = s->of,
	        .base = s->base,
	        .base_check = s->base_check,
	        .own = mine && s->mark->closed != ENG_BIRTH_COPY,
	        .active = mine && !s->mark->closed,
	        .mine = s->mark && s->mark->is.role & ENG_ROLE_OWN,
	        .durable_seq = durable > s->base ? durable : s->base,
	        /* What others wrote is shown once it cannot be lost: it could be shipped on. */
	        .written_seq = eng_series_receives(s) ? durable : end.seq,
	        .last_stamp = end.stamp,
	};
	if (info->written_seq < info->durable_seq)
		info->written_seq = info->durable_seq;
	return ENGRAM_OK;
}

int eng_log_refresh(struct eng_log *log, const struct eng_series_info **out, size_t *n,
                    struct engram_error *err)
{
	struct eng_series_info *info;
	int r = eng_series_list(log, err);

	if (r < 0)
		return r;
	eng_fs_close(log->sys, &log->read_fd);
	info = eng_realloc(log->info, (log->nseries + 1) * sizeof *info);
	if (!info)
		return eng_err_nomem(err);
	log->info = info;
	for (size_t i = 0; i < log->nseries; i++) {
		r = describe(log, log->series[i], info, err);
		if (r < 0)
			return r;
		if (!eng_series_is_empty(log->series[i]))
			info++;
	}
	*out = log->info;
	*n = (size_t)(info - log->info);
	return ENGRAM_OK;
}

static int add_blocks(struct eng_log *log, const char *path, uint64_t *sum)
{
	struct eng_stat st;

	if (log->sys->fs.ops->stat(log->sys->fs.ctx, path, &st) == 0)
		*sum += st.blocks * 512;
	return 0;
}

uint64_t eng_log_bytes(struct eng_log *log)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < log->nseries; i++) {
		struct eng_log_series *s = log->series[i];
		char path[ENG_PATH_MAX];

		if (eng_segments_list(log, s, NULL) < 0)
			continue;
		for (size_t k = 0; k < s->nfirsts; k++) {
			eng_segment_path(path, s, s->firsts[k]);
			add_blocks(log, path, &sum);
		}
		if (eng_path(path, s->dir, ENG_MARK_FILE))
			add_blocks(log, path, &sum);
	}
	return sum;
}
