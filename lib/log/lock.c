/* lock.c - taking and giving back the locks of a series and of minting.
 *
 * The append lock is held for microseconds (milliseconds when a segment
 * begins), the flush lock for one flush; so "do not wait" still waits that long,
 * and a holder that takes longer is stopped or stuck and is named. */
#include "log/log_int.h"

#include <errno.h>
#include <fcntl.h>

/* Longer than any healthy holder of the append lock was seen to take. */
#define BRIEF_MS 200
#define LOOK_AGAIN_US 2000
/* About 10 us where a pause takes 140 cycles.  50 writers made a tenth more puts. */
#define SPINS 200

static int take(struct eng_log *log, int fd, uint64_t byte, int wait_ms)
{
	return log->sys->fs.ops->lock(log->sys->fs.ctx, fd, byte, ENG_LOCK_EXCLUSIVE, wait_ms);
}

static void give(struct eng_log *log, int fd, uint64_t byte)
{
	log->sys->fs.ops->lock(log->sys->fs.ctx, fd, byte, ENG_UNLOCK, 0);
}

static int held(_Atomic uint32_t *holder, const char *name, struct engram_error *err)
{
	char who[ENG_HOLDER_TEXT];

	eng_err(err, ENGRAM_EBUSY, "%s lock: held by %s", name, eng_holder(who, *holder));
	return ENGRAM_EBUSY;
}

static int taken(int r, struct eng_log *log, struct eng_log_series *s, _Atomic uint32_t *holder, const char *name,
                 struct engram_error *err)
{
	if (r == -EAGAIN)
		return held(holder, name, err);
	if (r < 0)
		return eng_err_os(err, -r, "%s/%s: %s lock", s->dir, ENG_MARK_FILE, name);
	*holder = log->pid;
	return ENGRAM_OK;
}

static int patience_ms(const struct eng_log *log)
{
	return log->wait_ms > BRIEF_MS ? log->wait_ms : BRIEF_MS;
}

/* A sleep and its wake cost more than the lock is held. */
static void spin(const struct eng_mark *m)
{
	for (int i = 0; i < SPINS && m->append_pid; i++)
		eng_cpu_pause();
}

/* The append lock changes hands tens of thousands of times a second, and the
 * kernel has no bounded wait for it: when waiters asked again after a sleep, 50
 * writers made 25,000 puts/s at p99 12 ms; woken, 31,000 at 7.5.  So whoever
 * gives it back wakes one who waits.  A wake that is lost, because its giver or
 * its taker was killed, costs LOOK_AGAIN_US. */
static int wait_append(struct eng_log *log, struct eng_log_series *s)
{
	const struct eng_sys *sys = log->sys;
	int64_t deadline_us = sys->clock.mono_us(sys->clock.ctx) + (int64_t)patience_ms(log) * 1000;
	struct eng_mark *m = s->mark;
	int r;

	m->waiting++;
	for (;;) {
		uint32_t seen = m->released;

		spin(m);
		r = take(log, s->fd, ENG_MARK_APPEND, 0);
		if (r != -EAGAIN || sys->clock.mono_us(sys->clock.ctx) > deadline_us)
			break;
		sys->wait.wait(sys->wait.ctx, (const uint32_t *)&m->released, seen, ENG_WAKE_ANY, LOOK_AGAIN_US);
	}
	m->waiting--;
	return r;
}

int eng_lock_append(struct eng_log *log, struct eng_log_series *s, struct engram_error *err)
{
	int r;

	if (s->locked)
		return ENGRAM_OK;
	r = take(log, s->fd, ENG_MARK_APPEND, 0);
	if (r == -EAGAIN)
		r = wait_append(log, s);
	return taken(r, log, s, &s->mark->append_pid, "append", err);
}

void eng_unlock_append(struct eng_log *log, struct eng_log_series *s)
{
	if (s->locked)
		return;
	s->mark->append_pid = 0;
	give(log, s->fd, ENG_MARK_APPEND);
	if (s->mark->waiting) {
		s->mark->released++;
		log->sys->wait.wake(log->sys->wait.ctx, (const uint32_t *)&s->mark->released, 1, ENG_WAKE_ANY);
	}
}

int eng_lock_flush(struct eng_log *log, struct eng_log_series *s, struct engram_error *err)
{
	if (s->locked)
		return ENGRAM_OK;
	return taken(take(log, s->fd, ENG_MARK_FLUSH, patience_ms(log)), log, s, &s->mark->flush_pid, "flush", err);
}

int eng_try_flush(struct eng_log *log, struct eng_log_series *s, struct engram_error *err)
{
	int r = take(log, s->fd, ENG_MARK_FLUSH, 0);

	if (r == -EAGAIN)
		return 0;
	if (r < 0)
		return eng_err_os(err, -r, "%s/%s: flush lock", s->dir, ENG_MARK_FILE);
	s->mark->flush_pid = log->pid;
	return 1;
}

void eng_unlock_flush(struct eng_log *log, struct eng_log_series *s)
{
	if (!s->locked)
		give(log, s->fd, ENG_MARK_FLUSH);
}

/* -- the space's lock file ------------------------------------------------------ */

/* Whether path still names the file behind fd: a dropped space does not. */
static int names(struct eng_log *log, const char *path, int fd)
{
	struct eng_stat by_path, by_fd;
	int r = log->sys->fs.ops->fstat(log->sys->fs.ctx, fd, &by_fd);

	if (r == 0)
		r = log->sys->fs.ops->stat(log->sys->fs.ctx, path, &by_path);
	if (r == -ENOENT)
		return 0;
	return r < 0 ? r : by_path.ino == by_fd.ino && by_path.dev == by_fd.dev;
}

static int gone(struct eng_log *log, struct engram_error *err)
{
	eng_err(err, ENGRAM_ENOSPACE, "%s: the space was dropped", log->space_dir);
	return ENGRAM_ENOSPACE;
}

int eng_lock_mint(struct eng_log *log, struct engram_error *err)
{
	char path[ENG_PATH_MAX];
	int r;

	if (log->lock_fd >= 0)
		return ENGRAM_OK;
	if (!eng_path(path, log->space_dir, ENG_LOCK_FILE))
		return eng_err_os(err, ENAMETOOLONG, "%s", log->space_dir);
	log->lock_fd = eng_fs_open(log->sys, path, O_RDWR | O_CREAT, 0600);
	if (log->lock_fd < 0) {
		r = log->lock_fd;
		log->lock_fd = -1;
		return r == -ENOENT ? gone(log, err) : eng_err_fs(err, r, path, "open");
	}
	r = take(log, log->lock_fd, ENG_LOCK_MINT, log->wait_ms);
	if (r == 0) {
		r = names(log, path, log->lock_fd);
		if (r == 1)
			return ENGRAM_OK;
	}
	eng_fs_close(log->sys, &log->lock_fd);
	if (r == 0)
		return gone(log, err);
	if (r == -EAGAIN)
		return eng_err(err, ENGRAM_EBUSY, "%s: another process is beginning a series", path);
	return eng_err_fs(err, r, path, "lock");
}

void eng_unlock_mint(struct eng_log *log)
{
	eng_fs_close(log->sys, &log->lock_fd);
}

int eng_names_mark(struct eng_log *log, struct eng_log_series *s, struct engram_error *err)
{
	char path[ENG_PATH_MAX];
	struct eng_stat st;
	int r;

	if (!eng_path(path, s->dir, ENG_MARK_FILE))
		return eng_err_os(err, ENAMETOOLONG, "%s", s->dir);
	r = log->sys->fs.ops->stat(log->sys->fs.ctx, path, &st);
	if (r == -ENOENT)
		return gone(log, err);
	if (r < 0)
		return eng_err_fs(err, r, path, "stat");
	if (st.ino != s->mark->is.inode)
		return s->mark->dropped ? gone(log, err) : ENG_SERIES_OVER;
	/* Whoever drops the space keeps this lock until the directory has another
	 * name.  We hold it and the name is the old one: the drop failed, its
	 * process died, or the power did; else no write would ever succeed again. */
	s->mark->dropped = 0;
	return ENGRAM_OK;
}

int eng_still_there(struct eng_log *log, struct eng_log_series *s, struct engram_error *err)
{
	int r = s->mark->closed && !s->mark->dropped ? ENG_SERIES_OVER : eng_names_mark(log, s, err);

	return r == 0 && s->mark->closed ? ENG_SERIES_OVER : r;
}
