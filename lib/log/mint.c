/* mint.c - which series this store appends to.
 *
 * It is the one that this store wrote (its mark fits), not closed; there is at
 * most one, because it is chosen and begun under the mint lock.  It begins at
 * the first append, never for reading, and its first frame is a birth frame
 * that names the series it descends from (append.c).
 *
 * Directories whose mark does not fit, or that have none, came from elsewhere:
 * a copy, a restored backup.  Their frames are good, but another store may be
 * writing the same series; so a writer gives each a mark of its own, closed,
 * and has the derived files discarded. */
#include "log/log_int.h"

#include <errno.h>

uint64_t eng_own_applied(const struct eng_log *log, const struct eng_series *s)
{
	for (size_t i = 0; i < log->napplied; i++)
		if (eng_series_cmp(&log->applied[i].series, s) == 0)
			return log->applied[i].seq;
	return 0;
}

static bool appendable(const struct eng_log_series *s)
{
	return s->state == ENG_MARK_FITS && s->mark->is.role == ENG_ROLE_OWN && !s->mark->closed;
}

void eng_own_choose(struct eng_log *log)
{
	log->own = NULL;
	for (size_t i = 0; i < log->nseries && !log->own; i++)
		if (appendable(log->series[i]))
			log->own = log->series[i];
}

static int look_again(struct eng_log *log, struct engram_error *err)
{
	int r = eng_series_list(log, err);

	if (r == 0)
		eng_own_choose(log);
	return r;
}

/* -- minting ------------------------------------------------------------------------ */

static int make_dir(struct eng_log *log, const char *path, struct engram_error *err)
{
	int r = log->sys->fs.ops->mkdir(log->sys->fs.ctx, path, 0700);

	return r < 0 && r != -EEXIST ? eng_err_fs(err, r, path, "create") : ENGRAM_OK;
}

/* The directory is durable before it has a mark, the mark before a segment is.
 * In this order: whoever finds the mark of a writer that died here appends at
 * once and flushes no directory above it (the other way round a power cut
 * after that took the whole series). */
static int make_series(struct eng_log *log, const struct eng_series *id, enum eng_mark_role role,
                       struct engram_error *err)
{
	char name[ENG_SERIES_NAME + 1], dir[ENG_PATH_MAX];
	int r;

	eng_series_name(name, id);
	if (!eng_path(dir, log->dir, "%s", name))
		return eng_err_os(err, ENAMETOOLONG, "%s", log->dir);
	r = make_dir(log, log->dir, err);
	if (r == 0)
		r = make_dir(log, dir, err);
	if (r < 0)
		return r;
	eng_point(log->sys, "mint-directory");
	r = eng_fs_sync_dir(log->sys, log->space_dir);
	if (r == 0)
		r = eng_fs_sync_dir(log->sys, log->dir);
	if (r == 0)
		r = eng_mark_create(log->sys, dir, id, &log->space, role, 0, false, NULL);
	return r < 0 ? eng_err_fs(err, r, dir, "create") : ENGRAM_OK;
}

static int mint_locked(struct eng_log *log, struct engram_error *err)
{
	struct eng_series id;
	int r = look_again(log, err);

	if (r < 0 || log->own)
		return r;
	r = log->sys->random.fill(log->sys->random.ctx, id.b, sizeof id.b);
	if (r < 0)
		return eng_err_os(err, -r, "random numbers");
	r = make_series(log, &id, ENG_ROLE_OWN, err);
	if (r == 0)
		r = look_again(log, err);
	if (r == 0 && !log->own)
		return eng_err(err, ENGRAM_EINTERNAL, "%s: wanted the series just made, found none",
		               log->dir);
	return r;
}

int eng_own_mint(struct eng_log *log, struct engram_error *err)
{
	int r = eng_lock_mint(log, err);

	if (r < 0)
		return r;
	r = mint_locked(log, err);
	eng_unlock_mint(log);
	return r;
}

static int receiver_locked(struct eng_log *log, const struct eng_series *id, unsigned role,
                           struct engram_error *err)
{
	struct eng_log_series *s;
	int r = eng_series_list(log, err);

	if (r < 0)
		return r;
	s = eng_series_find(log, id);
	if (s && s->state == ENG_MARK_FITS)
		return ENGRAM_OK;
	r = make_series(log, id, role, err);
	return r == 0 ? eng_series_list(log, err) : r;
}

int eng_series_receiver(struct eng_log_series **s, struct eng_log *log, const struct eng_series *id,
                        unsigned role, struct engram_error *err)
{
	int r = ENGRAM_OK;

	*s = eng_series_find(log, id);
	if (*s && (*s)->state == ENG_MARK_FITS)
		return ENGRAM_OK;
	r = eng_lock_mint(log, err);
	if (r < 0)
		return r;
	r = receiver_locked(log, id, role, err);
	eng_unlock_mint(log);
	*s = eng_series_find(log, id);
	if (r == 0 && !(*s && (*s)->state == ENG_MARK_FITS))
		r = eng_err(err, ENGRAM_EINTERNAL, "%s: wanted the series just made, found none", log->dir);
	return r;
}

/* -- closing ------------------------------------------------------------------------- */

int eng_own_close(struct eng_log *log, struct eng_log_series *s, enum eng_birth_reason why, bool discard,
                  const struct eng_end *end, struct engram_error *err)
{
	struct eng_mark *m = s->mark;
	int r;

	if (end)
		eng_mark_set_end(m, end);
	m->boot = log->boot;
	if (discard)
		m->discard = 1;
	m->closed = why;
	m->flushing = 0;
	m->dirty = 0;
	eng_point(log->sys, "close-marked");
	r = eng_fs_sync(log->sys, s->fd);
	eng_flush_announce(log, s);
	return r < 0 ? eng_err_fs(err, r, s->dir, "close series") : ENGRAM_OK;
}

/* The closed series with the newest stamp: each new one follows the last. */
bool eng_own_parent(struct eng_log *log, struct eng_position *parent, uint32_t *why)
{
	const struct eng_log_series *last = NULL;

	for (size_t i = 0; i < log->nseries; i++) {
		const struct eng_log_series *s = log->series[i];

		if (s->state == ENG_MARK_FITS && s->mark->closed &&
		    (!last || s->mark->last_stamp > last->mark->last_stamp))
			last = s;
	}
	if (!last)
		return false;
	*parent = (struct eng_position){last->id, last->mark->durable_seq, last->mark->chain};
	*why = last->mark->closed;
	return true;
}

/* -- copies ---------------------------------------------------------------------------- */

bool eng_copies_present(const struct eng_log *log)
{
	for (size_t i = 0; i < log->nseries; i++)
		if (log->series[i]->state != ENG_MARK_FITS)
			return true;
	return false;
}

/* The copied mark says what the series was where it came from. */
static void what_it_was(const struct eng_log_series *s, enum eng_mark_role *role, uint32_t *closed)
{
	*role = s->mark ? s->mark->is.role : s->tag ? ENG_ROLE_RECEIVED | ENG_ROLE_BRANCH : ENG_ROLE_OWN;
	*closed = s->mark ? (uint32_t)s->mark->closed : 0;
	if (*role == ENG_ROLE_OWN && !*closed)
		*closed = ENG_BIRTH_COPY;
}

/* Its bytes may never have been flushed here. */
static int sync_segments(struct eng_log *log, struct eng_log_series *s, struct engram_error *err)
{
	for (size_t i = 0; i < s->nfirsts; i++) {
		int fd, r = eng_segment_open(log, &fd, s, s->firsts[i], true, err);

		if (r < 0)
			return r;
		r = eng_fs_sync(log->sys, fd);
		eng_fs_close(log->sys, &fd);
		if (r < 0)
			return eng_err_fs(err, r, s->dir, "flush");
	}
	return ENGRAM_OK;
}

static int copied_end(struct eng_log *log, struct eng_log_series *s, struct eng_end *end,
                      struct engram_error *err)
{
	uint64_t durable;
	int r = eng_series_end(log, s, end, &durable, err);

	if (r == 0 && !eng_series_receives(s))
		r = eng_series_sound(log, s, end, err);
	return r == 0 ? sync_segments(log, s, err) : r;
}

/* What a mint that was cut off left: nothing that anybody knows of. */
static void sweep(struct eng_log *log, const struct eng_log_series *s)
{
	char temp[ENG_PATH_MAX];

	if (eng_path(temp, s->dir, ENG_MARK_FILE ".tmp"))
		log->sys->fs.ops->unlink(log->sys->fs.ctx, temp);
	log->sys->fs.ops->rmdir(log->sys->fs.ctx, s->dir);
}

static int adopt(struct eng_log *log, struct eng_log_series *s, struct engram_error *err)
{
	char name[ENG_SERIES_NAME + 1];
	enum eng_mark_role role;
	struct eng_end end;
	uint32_t closed;
	int r = eng_segments_list(log, s, err);

	if (r < 0)
		return r;
	if (eng_series_is_empty(s)) {
		sweep(log, s);
		return ENGRAM_OK;
	}
	r = copied_end(log, s, &end, err);
	if (r < 0)
		return r;
	what_it_was(s, &role, &closed);
	eng_point(log->sys, "adopt-marking");
	r = eng_mark_create(log->sys, s->dir, &s->id, &log->space, role, closed, true, &end);
	if (r < 0)
		return eng_err_fs(err, r, s->dir, "adopt copy");
	eng_series_name(name, &s->id);
	if (closed == ENG_BIRTH_COPY)
		eng_log_note(log,
		             "this store is a copy: log %s goes on elsewhere;"
		             " the next write begins a new series",
		             name);
	return ENGRAM_OK;
}

static int adopt_locked(struct eng_log *log, struct engram_error *err)
{
	int r = eng_series_list(log, err);

	for (size_t i = 0; r == 0 && i < log->nseries; i++)
		if (log->series[i]->state != ENG_MARK_FITS)
			r = adopt(log, log->series[i], err);
	return r < 0 ? r : eng_series_list(log, err);
}

int eng_adopt_copies(struct eng_log *log, struct engram_error *err)
{
	int r = eng_lock_mint(log, err);

	if (r < 0)
		return r;
	r = adopt_locked(log, err);
	eng_unlock_mint(log);
	return r;
}
