/* open.c - the handle of a space, and its locks.
 *
 * A reader opens the identity and the log, nothing else: no lock file, no
 * mark.  A writer also opens NAME/lock, looks at the state's heads (a log that
 * holds less than they say was rolled back) and gives them to the log, which
 * decides whether its series goes on. */
#include "space/space_int.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/hash.h"

#define SPACE_MAGIC 0x53474e45u /* "ENGS" */
#define PID_AT(which) (64u + 4u * (which)) /* in NAME/lock: who holds it */

/* -- the handle ------------------------------------------------------------------ */

int eng_space_check_handle(const struct engram_space *s, struct engram_error *err)
{
	if (!s || s->magic != SPACE_MAGIC)
		return eng_err(err, ENGRAM_EUSAGE, "space: not an open handle");
	if (s->pid != eng_sys_pid())
		return eng_err(err, ENGRAM_EUSAGE, "space %s: opened before fork(): open it in the child", s->name);
	return 0;
}

int eng_space_check_writer(const struct engram_space *s, struct engram_error *err)
{
	int r = eng_space_check_handle(s, err);

	if (r == 0 && !(s->flags & ENGRAM_WRITE))
		r = eng_err(err, ENGRAM_EUSAGE, "space %s: opened for reading only", s->name);
	return r;
}

const struct eng_sys *eng_space_sys(const struct engram_space *s)
{
	return s->sys;
}

int64_t eng_space_mono_us(const struct engram_space *s)
{
	return s->sys->clock.mono_us(s->sys->clock.ctx);
}

uint64_t eng_space_nonce(const struct engram_space *s)
{
	const uint64_t seed = (uint64_t)eng_space_mono_us(s) << 22 ^ eng_sys_pid();

	return XXH3_64bits_withSeed(s->dir, strlen(s->dir), seed) | 1;
}

/* -- locks ------------------------------------------------------------------------- */

static const char *lock_name(unsigned which)
{
	static const char *const names[] = {
		[ENG_LOCK_MAINT] = "maintenance",
		[ENG_LOCK_APPLY] = "apply",
		[ENG_LOCK_MINT] = "mint",
		[ENG_LOCK_IDENTITY] = "identity",
	};
	return names[which];
}

static int busy(struct engram_space *s, unsigned which, struct engram_error *err)
{
	char who[ENG_HOLDER_TEXT];
	uint8_t pid[4] = {0};
	int r;

	eng_fs_read(s->sys, s->lock_fd, pid, sizeof pid, PID_AT(which));
	r = eng_err(err, ENGRAM_EBUSY, "space %s: the %s lock is held by %s", s->name, lock_name(which),
	            eng_holder(who, eng_get32(pid)));
	eng_err_object(err, s->name);
	eng_err_hint(err, "try again, or wait longer with --wait");
	return r;
}

int eng_space_lock(struct engram_space *s, unsigned which, enum eng_lock_kind kind, unsigned wait_ms,
                   struct engram_error *err)
{
	const struct eng_fs *fs = &s->sys->fs;
	uint8_t pid[4];
	int r = fs->ops->lock(fs->ctx, s->lock_fd, which, kind, (int)(wait_ms < INT32_MAX ? wait_ms : INT32_MAX));

	if (r == -EAGAIN || r == -ETIMEDOUT)
		return busy(s, which, err);
	if (r < 0)
		return eng_err_os(err, -r, "%s/lock: cannot lock", s->dir);
	eng_set32(pid, eng_sys_pid());
	eng_fs_write(s->sys, s->lock_fd, pid, sizeof pid, PID_AT(which)); /* for messages only */
	return 0;
}

void eng_space_unlock(struct engram_space *s, unsigned which)
{
	s->sys->fs.ops->lock(s->sys->fs.ctx, s->lock_fd, which, ENG_UNLOCK, 0);
}

int eng_space_maintain(struct engram_space *s, const struct eng_job *job,
                       int (*fn)(struct engram_space *s, const struct eng_job *job, struct engram_error *err),
                       struct engram_error *err)
{
	int r = eng_space_check_writer(s, err);

	if (r == 0)
		r = eng_space_lock(s, ENG_LOCK_MAINT, ENG_LOCK_EXCLUSIVE, s->wait_ms, err);
	if (r < 0)
		return r;
	r = eng_space_lock(s, ENG_LOCK_APPLY, ENG_LOCK_EXCLUSIVE, s->wait_ms, err);
	if (r == 0) {
		r = fn(s, job, err);
		eng_space_unlock(s, ENG_LOCK_APPLY);
	}
	eng_space_unlock(s, ENG_LOCK_MAINT);
	return r;
}

/* -- telling ------------------------------------------------------------------------- */

void eng_space_say(const struct engram_space *s, const char *format, ...)
{
	char line[ENG_PATH_MAX + 200];
	va_list ap;

	if (!s->notice)
		return;
	va_start(ap, format);
	vsnprintf(line, sizeof line, format, ap);
	va_end(ap);
	s->notice(s->notice_data, line);
}

/* -- opening ------------------------------------------------------------------------- */

static int refuse_network(const struct engram_space *s, struct engram_error *err)
{
	eng_err(err, ENGRAM_ECONFIG, "%s: on a network file system, where locks cannot be trusted", s->dir);
	eng_err_object(err, s->dir);
	eng_err_hint(err, "keep the home on a local disk; ENGRAM_NETWORK_HOME=1 where its locks and syncs can be trusted");
	return ENGRAM_ECONFIG;
}

/* A directory that nobody may write to, or a read-only mount: its files can be
 * read without locks, since nobody can change them. */
static int look_at_dir(struct engram_space *s, struct engram_error *err)
{
	const struct eng_fs *fs = &s->sys->fs;
	struct eng_stat st;
	int r = fs->ops->stat(fs->ctx, s->dir, &st);

	if (r < 0)
		return r == -ENOENT ? eng_err(err, ENGRAM_ENOSPACE, "space \"%s\": does not exist", s->name)
		                    : eng_err_os(err, -r, "%s", s->dir);
	if ((st.mode & 0170000) != 0040000)
		return eng_err(err, ENGRAM_EDAMAGED, "%s: wanted a directory, found %s", s->dir,
		               (st.mode & 0170000) == 0120000 ? "a symbolic link" : "something else");
	s->frozen = fs->ops->is_read_only(fs->ctx, s->dir) == 1 || (st.mode & 0222) == 0;
	if (!(s->flags & ENGRAM_WRITE))
		return 0;
	if (st.uid != eng_sys_uid())
		return eng_err(err, ENGRAM_EPERM, "space %s: it belongs to user %" PRIu32 ", this is user %" PRIu32,
		               s->name, st.uid, eng_sys_uid());
	if (fs->ops->is_local(fs->ctx, s->dir) == 0 && !eng_sys_network_allowed())
		return refuse_network(s, err);
	return 0;
}

static int open_lock_file(struct engram_space *s, struct engram_error *err)
{
	const struct eng_fs *fs = &s->sys->fs;
	char path[ENG_PATH_MAX];
	struct eng_stat st;
	int r;

	if (!eng_path(path, s->dir, ENG_LOCK_FILE))
		return eng_err(err, ENGRAM_EUSAGE, "%s: path too long", s->dir);
	/* Made with the space; made again if somebody removed it (rm of
	 * everything but log/ and space is allowed). */
	s->lock_fd = eng_fs_open(s->sys, path, O_RDWR | O_CREAT | O_NONBLOCK, 0600);
	if (s->lock_fd < 0) {
		r = s->lock_fd;
		s->lock_fd = -1;
		return eng_err_os(err, -r, "%s", path);
	}
	r = fs->ops->fstat(fs->ctx, s->lock_fd, &st);
	if (r < 0)
		return eng_err_os(err, -r, "%s", path);
	if ((st.mode & 0170000) != 0100000)
		return eng_err(err, ENGRAM_EDAMAGED, "%s: wanted a regular file", path);
	return 0;
}

static int load_identity(struct engram_space *s, struct engram_error *err)
{
	struct eng_identity identity;
	int r = eng_identity_load(&identity, s->sys, s->dir, err);

	if (r < 0)
		return r;
	if (identity.read_only && s->flags & ENGRAM_WRITE)
		return eng_err(err, ENGRAM_EVERSION, "space %s: a feature that this program does not know allows reading only",
		               s->name);
	s->id = identity.id;
	s->created_us = identity.created_us;
	return 0;
}

/* What the state has applied, for the log to see whether it was rolled back. */
static int applied_positions(struct eng_position **out, size_t *n, struct engram_space *s, struct engram_error *err)
{
	struct eng_position *p = NULL;
	struct eng_head *heads = NULL;
	struct eng_txn *t = NULL;
	int r = eng_gen_refresh(s, err);

	if (r < 0 || !s->gen)
		return r;
	r = eng_txn_begin(&t, s->gen->store, false, err);
	if (r == 0)
		r = eng_heads_load(&heads, n, t, err);
	eng_txn_abort(t);
	if (r == ENGRAM_EDAMAGED) /* the next apply makes another */
		return 0;
	if (r < 0)
		return r;
	p = eng_calloc(*n + 1, sizeof *p);
	if (!p)
		r = eng_err_nomem(err);
	for (size_t i = 0; p && i < *n; i++) {
		p[i] = (struct eng_position){heads[i].series, heads[i].seq, heads[i].header_check};
		s->applied += heads[i].seq - heads[i].base;
	}
	eng_free(heads);
	*out = p;
	return r;
}

static int open_log(struct engram_space *s, struct engram_error *err)
{
	struct eng_log_options o = {
		.space_dir = s->dir,
		.space = s->id,
		.write = s->flags & ENGRAM_WRITE,
		.wait_ms = s->wait_ms,
		.new_series = s->flags & ENGRAM_NEW_SERIES,
		.notice = s->notice,
		.notice_data = s->notice_data,
	};
	struct eng_position *applied = NULL;
	int r = 0;

	s->applied = 0;
	if (o.write)
		r = applied_positions(&applied, &o.napplied, s, err);
	o.applied = applied;
	if (r == 0)
		r = eng_log_open(&s->log, s->sys, &o, err);
	eng_free(applied);
	return r;
}

/* The log knows the space's id from its opening. */
int eng_space_reopen_log(struct engram_space *s, struct engram_error *err)
{
	struct eng_log *before = s->log;
	int r = open_log(s, err);

	if (r == 0)
		eng_log_close(before);
	return r;
}

/* Whether adopt was here since the identity was read; the handle has the new id then. */
static bool took_another_id(struct engram_space *s)
{
	struct eng_identity now;

	if (eng_identity_load(&now, s->sys, s->dir, NULL) < 0 || eng_id_cmp(&now.id, &s->id) == 0)
		return false;
	s->id = now.id;
	s->created_us = now.created_us;
	return true;
}

/* Only a space without a frame takes another id, so it is looked for only where
 * frames came that are another space's: until the first one there is no hurry, and
 * after it nothing can change. */
int eng_space_series(struct engram_space *s, const struct eng_series_info **infos, size_t *n,
                     struct engram_error *err)
{
	int r = eng_log_refresh(s->log, infos, n, err);

	while (r == ENGRAM_EDAMAGED && took_another_id(s)) {
		r = eng_space_reopen_log(s, err);
		if (r == 0)
			r = eng_log_refresh(s->log, infos, n, err);
	}
	return r;
}

/* The log found this store to be a copy or rolled back. */
static int discard_if_asked(struct engram_space *s, struct engram_error *err)
{
	int r;

	if (!eng_log_discard_derived(s->log))
		return 0;
	r = eng_space_lock(s, ENG_LOCK_APPLY, ENG_LOCK_EXCLUSIVE, s->wait_ms, err);
	if (r < 0)
		return r;
	if (eng_log_discard_derived(s->log)) /* nobody else did it meanwhile */
		r = eng_gen_discard(s, err);
	eng_space_unlock(s, ENG_LOCK_APPLY);
	return r;
}

/* What drop goes on after. */
static bool tolerated(const struct engram_space *s, int r)
{
	return s->flags & ENG_OPEN_DAMAGED &&
	       (r == ENGRAM_EDAMAGED || r == ENGRAM_EVERSION || r == ENGRAM_ENOFILE);
}

static int open_parts(struct engram_space *s, struct engram_error *err)
{
	int r = look_at_dir(s, err), identity = 0;

	if (r == 0)
		r = identity = load_identity(s, err);
	if ((r == 0 || tolerated(s, r)) && s->flags & ENGRAM_WRITE)
		r = open_lock_file(s, err);
	if (r == 0 && identity == 0)
		r = open_log(s, err);
	while (r == ENGRAM_EDAMAGED && identity == 0 && took_another_id(s))
		r = open_log(s, err);
	if (tolerated(s, r))
		return 0;
	if (r == 0 && s->log && s->flags & ENGRAM_WRITE)
		r = discard_if_asked(s, err);
	return r;
}

int eng_space_open(struct engram_space **space, const struct eng_sys *sys, const char *dir, const char *name,
                   unsigned flags, unsigned wait_ms, engram_notice_fn *notice, void *notice_data,
                   struct engram_error *err)
{
	size_t n = strlen(dir) + 1;
	struct engram_space *s = eng_calloc(1, sizeof *s);
	int r;

	if (!s)
		return eng_err_nomem(err);
	s->magic = SPACE_MAGIC;
	s->pid = eng_sys_pid();
	s->sys = sys;
	s->flags = flags & (ENGRAM_CREATE | ENGRAM_NEW_SERIES) ? flags | ENGRAM_WRITE : flags;
	s->wait_ms = wait_ms;
	s->notice = notice;
	s->notice_data = notice_data;
	s->lock_fd = -1;
	strncpy(s->name, name, sizeof s->name - 1);
	s->dir = eng_alloc(n);
	if (s->dir) {
		memcpy(s->dir, dir, n);
		r = open_parts(s, err);
	} else {
		r = eng_err_nomem(err);
	}
	if (r < 0) {
		eng_err_object(err, name);
		engram_space_close(s);
		return r;
	}
	*space = s;
	return 0;
}

void engram_space_close(struct engram_space *s)
{
	if (!s || s->magic != SPACE_MAGIC)
		return;
	s->magic = 0;
	eng_gen_unref(s->gen);
	eng_log_close(s->log);
	eng_fs_close(s->sys, &s->lock_fd);
	eng_free(s->dir);
	eng_free(s);
}
