/* series.c - the directories of log/ and what their marks or a scan tell.
 *
 * A mark counts if it is this store's (its own inode, birth time, machine) and
 * either was written in this boot or is closed.  Otherwise a reader finds the
 * end by scanning the newest segment, at most 16 MiB, and goes on from there the
 * next time; a writer recovers (recover.c), after which the mark counts. */
#include "log/log_int.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/alloc.h"

static void free_series(struct eng_log *log, struct eng_log_series *s)
{
	eng_mark_close(&s->mark, &s->fd, log->sys);
	eng_free(s->firsts);
	eng_free(s->dir);
	eng_free(s);
}

void eng_series_free_all(struct eng_log *log)
{
	for (size_t i = 0; i < log->nseries; i++)
		free_series(log, log->series[i]);
	eng_free(log->series);
	log->series = NULL;
	log->nseries = log->series_cap = 0;
}

/* -- listing --------------------------------------------------------------------- */

/* Where id is, or would be. */
static size_t position(const struct eng_log *log, const struct eng_series *id)
{
	size_t lo = 0, hi = log->nseries;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (eng_series_cmp(&log->series[mid]->id, id) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

struct eng_log_series *eng_series_find(struct eng_log *log, const struct eng_series *id)
{
	size_t at = position(log, id);

	return at < log->nseries && eng_series_cmp(&log->series[at]->id, id) == 0 ? log->series[at] : NULL;
}

static struct eng_log_series *new_series(struct eng_log *log, const struct eng_series *id, const char *name)
{
	size_t room = strlen(log->dir) + ENG_SERIES_NAME + 2;
	struct eng_log_series *s = eng_calloc(1, sizeof *s);
	char path[ENG_PATH_MAX];

	if (!s)
		return NULL;
	s->dir = eng_alloc(room);
	if (!s->dir || !eng_path(path, log->dir, "%s", name)) {
		eng_free(s->dir);
		eng_free(s);
		return NULL;
	}
	memcpy(s->dir, path, room);
	s->id = s->of = *id;
	s->state = ENG_MARK_NONE;
	s->fd = -1;
	return s;
}

static bool make_room(struct eng_log *log)
{
	size_t cap = log->series_cap ? 2 * log->series_cap : 4;
	struct eng_log_series **p;

	if (log->nseries < log->series_cap)
		return true;
	p = eng_realloc(log->series, cap * sizeof *p);
	if (!p)
		return false;
	log->series = p;
	log->series_cap = cap;
	return true;
}

static struct eng_log_series *insert(struct eng_log *log, const struct eng_series *id, const char *name)
{
	size_t at = position(log, id);
	struct eng_log_series *s;

	if (!make_room(log))
		return NULL;
	s = new_series(log, id, name);
	if (!s)
		return NULL;
	memmove(log->series + at + 1, log->series + at, (log->nseries - at) * sizeof *log->series);
	log->series[at] = s;
	log->nseries++;
	return s;
}

/* -- branches -------------------------------------------------------------------- */

static uint64_t tag_of(const struct eng_series *branch)
{
	uint64_t low = (uint64_t)branch->b[0] << 16 | (uint64_t)branch->b[1] << 8 | branch->b[2];

	return (low ? low : 1) << 40;
}

void eng_series_is_branch(struct eng_log_series *s, const struct eng_series *of, uint64_t base, uint32_t base_check)
{
	s->of = *of;
	s->base = base;
	s->base_check = base_check;
	s->tag = tag_of(&s->id);
}

/* The header of the first segment says whose frames lie here, and from where on.
 * What cannot be read is told by whoever reads the frames. */
static void look_at_origin(struct eng_log *log, struct eng_log_series *s)
{
	struct eng_window w = {.sys = log->sys, .fd = -1};
	struct eng_segment_header h;
	const uint8_t *p;
	bool zero;
	size_t got;

	if (s->tag || eng_segments_list(log, s, NULL) < 0 || s->nfirsts == 0 ||
	    eng_segment_open(log, &w.fd, s, s->firsts[0], false, NULL) < 0)
		return;
	if (eng_window_get(&w, &p, &got, 0, ENG_SEGMENT_HEADER) == 0 && got == ENG_SEGMENT_HEADER &&
	    eng_segment_decode(&h, p, &zero) == 0 && eng_series_cmp(&h.series, &s->id) != 0 &&
	    h.first_seq == s->firsts[0] && h.first_seq <= ENG_PLACE_SEQ)
		eng_series_is_branch(s, &h.series, h.first_seq - 1, h.prev);
	eng_window_free(&w);
	eng_fs_close(log->sys, &w.fd);
}

struct eng_log_series *eng_series_at(struct eng_log *log, const struct eng_series *of, struct eng_place place)
{
	uint64_t tag = place.segment & ~ENG_PLACE_SEQ;

	if (!tag)
		return eng_series_find(log, of);
	for (size_t i = 0; i < log->nseries; i++)
		if (log->series[i]->tag == tag && eng_series_cmp(&log->series[i]->of, of) == 0)
			return log->series[i];
	return NULL;
}

const struct eng_series *eng_log_directory(struct eng_log *log, const struct eng_series *of, struct eng_place place)
{
	const struct eng_log_series *s = eng_series_at(log, of, place);

	return s ? &s->id : NULL;
}

static bool branch_reaches(struct eng_log *log, struct eng_log_series *s, const struct eng_dot *dot)
{
	struct eng_end end;
	uint64_t durable;

	return s->tag && s->base < dot->seq && eng_series_cmp(&s->of, &dot->series) == 0 &&
	       eng_series_end(log, s, &end, &durable, NULL) == 0 && end.seq >= dot->seq;
}

int eng_log_holder(const struct eng_series **out, struct eng_log *log, const struct eng_dot *dot, size_t *at)
{
	while (*at < log->nseries) {
		struct eng_log_series *s = log->series[(*at)++];

		if (branch_reaches(log, s, dot)) {
			*out = &s->id;
			return 1;
		}
	}
	if (*at > log->nseries)
		return 0;
	++*at;
	*out = &dot->series;
	return 1;
}

/* -- listing, continued ------------------------------------------------------------ */

static bool may_be_branch(const struct eng_log_series *s)
{
	return s->state == ENG_MARK_NONE || s->mark->is.role & ENG_ROLE_BRANCH;
}

/* A mark that fits is never replaced; one that does not may be, by whoever
 * adopts the copy. */
static int open_mark(struct eng_log *log, struct eng_log_series *s)
{
	int state;

	if (s->state == ENG_MARK_FITS) {
		if (!s->tag && may_be_branch(s))
			look_at_origin(log, s);
		return 0;
	}
	eng_mark_close(&s->mark, &s->fd, log->sys);
	state = eng_mark_open(&s->mark, &s->fd, log->sys, s->dir, &s->id, &log->space, log->write);
	s->state = state < 0 ? ENG_MARK_NONE : state;
	if (may_be_branch(s))
		look_at_origin(log, s);
	return state < 0 ? state : 0;
}

static int take_entry(void *data, const char *name)
{
	struct eng_log *log = data;
	struct eng_log_series *s;
	struct eng_series id;

	if (!eng_series_name_parse(&id, name))
		return 0;
	s = eng_series_find(log, &id);
	if (!s)
		s = insert(log, &id, name);
	if (!s)
		return -ENOMEM;
	s->seen = true;
	return open_mark(log, s);
}

static void forget_unseen(struct eng_log *log)
{
	size_t kept = 0;

	for (size_t i = 0; i < log->nseries; i++) {
		struct eng_log_series *s = log->series[i];

		if (s->seen || s == log->own || s == log->pending || s->received || s->cursors)
			log->series[kept++] = s;
		else
			free_series(log, s);
	}
	log->nseries = kept;
}

int eng_series_list(struct eng_log *log, struct engram_error *err)
{
	int r;

	for (size_t i = 0; i < log->nseries; i++)
		log->series[i]->seen = false;
	r = log->sys->fs.ops->list(log->sys->fs.ctx, log->dir, take_entry, log);
	if (r < 0 && r != -ENOENT)
		return eng_err_fs(err, r, log->dir, "list");
	forget_unseen(log);
	return ENGRAM_OK;
}

bool eng_series_is_empty(const struct eng_log_series *s)
{
	return s->state == ENG_MARK_NONE && s->nfirsts == 0;
}

/* -- where a series ends ---------------------------------------------------------- */

bool eng_series_is_over(const struct eng_log_series *s)
{
	return s->mark->closed && !s->mark->reopened;
}

bool eng_series_receives(const struct eng_log_series *s)
{
	return s->mark && (s->mark->is.role & ENG_ROLE_RECEIVED || s->mark->reopened);
}

bool eng_series_mark_counts(const struct eng_log *log, const struct eng_log_series *s)
{
	if (s->state != ENG_MARK_FITS)
		return false;
	return eng_series_is_over(s) || s->recovered || (log->boot && s->mark->boot == log->boot);
}

static void start_of(struct eng_end *end, uint64_t first, uint32_t prev)
{
	*end = (struct eng_end){.seq = first - 1, .off = ENG_SEGMENT_HEADER, .active = first, .chain = prev};
}

/* The frames of the newest segment, from where the last scan ended. */
static int scan_newest(struct eng_log *log, struct eng_log_series *s, uint64_t first,
                       struct engram_error *err)
{
	struct eng_window w = {.sys = log->sys, .fd = -1};
	char path[ENG_PATH_MAX];
	struct eng_fault fault;
	uint32_t prev;
	int r = eng_segment_open(log, &w.fd, s, first, false, err);

	if (r < 0)
		return r;
	eng_segment_path(path, s, first);
	if (!s->scanned || s->found.active != first) {
		s->scanned = false;
		r = eng_segment_check(log, &prev, s, first, &w, err);
		if (r < 0)
			goto out;
		start_of(&s->found, first, r ? prev : 0);
		s->scanned = true;
	}
	r = eng_scan(&w, &s->found, &fault, &s->of, log->space_check, UINT64_MAX);
	r = r < 0 ? eng_err_fs(err, r, path, "read") : ENGRAM_OK;
out:
	eng_window_free(&w);
	eng_fs_close(log->sys, &w.fd);
	return r;
}

int eng_series_end(struct eng_log *log, struct eng_log_series *s, struct eng_end *end, uint64_t *durable,
                   struct engram_error *err)
{
	int r;

	if (eng_series_mark_counts(log, s)) {
		/* Durable first: it never passes what is read as written later. */
		*durable = s->mark->durable_seq;
		*end = (struct eng_end){.seq = s->mark->written_seq, .stamp = s->mark->last_stamp};
		return ENGRAM_OK;
	}
	r = eng_segments_list(log, s, err);
	if (r < 0)
		return r;
	*end = (struct eng_end){0};
	if (s->nfirsts) {
		r = scan_newest(log, s, s->firsts[s->nfirsts - 1], err);
		*end = s->found;
	}
	*durable = end->seq;
	return r;
}

int eng_series_sound(struct eng_log *log, struct eng_log_series *s, const struct eng_end *end,
                     struct engram_error *err)
{
	struct eng_window w = {.sys = log->sys, .fd = -1};
	struct eng_fault fault = {.off = end->off};
	char path[ENG_PATH_MAX];
	int r;

	if (s->nfirsts == 0)
		return ENGRAM_OK;
	eng_segment_path(path, s, end->active);
	r = eng_segment_open(log, &w.fd, s, end->active, false, err);
	if (r < 0)
		return r;
	r = eng_judge(&w, end, &s->of, log->space_check, 0);
	snprintf(fault.text, sizeof fault.text,
	         "wanted frame %" PRIu64 ", which a frame behind it saw durable, found other bytes",
	         end->seq + 1);
	if (r < 0)
		r = eng_err_fs(err, r, path, "read");
	else if (r == ENG_END_DAMAGE)
		r = eng_err_fault(err, path, &fault);
	else
		r = ENGRAM_OK;
	eng_window_free(&w);
	eng_fs_close(log->sys, &w.fd);
	return r;
}
