/* create.c - a space comes and goes whole.
 *
 * Create: everything is built and synced under a temporary name in the same
 * parent and renamed into place (an existing directory is never replaced), the
 * parent synced.  A kill leaves a `.new-...` directory, which the next sweep
 * removes, or the whole space.
 *
 * Drop: with every lock held each series' mark says "dropped", so that a
 * writer that waited on one of them notices when it gets it; then the
 * directory is renamed to `.gone-...`, the parent synced, and the files
 * deleted at leisure.  After the rename the space is gone, whatever happens.
 *
 * Adopt: only a space without a single frame may take another id, since every
 * frame carries a check of it.  A writer holds the identity lock shared until
 * its first frame is there, adopt holds it exclusively. */
#include "space/space_int.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>

#define NEW_PREFIX ".new-"
#define GONE_PREFIX ".gone-"

/* -- create -------------------------------------------------------------------------- */

static int write_new_file(const struct eng_sys *sys, const char *path, const void *p, size_t n,
                          struct engram_error *err)
{
	int fd = eng_fs_open(sys, path, O_WRONLY | O_CREAT | O_EXCL, 0600);
	int r = fd < 0 ? fd : 0;

	if (r == 0)
		r = eng_fs_write(sys, fd, p, n, 0);
	if (r == 0)
		r = eng_fs_sync(sys, fd);
	eng_fs_close(sys, &fd);
	return r < 0 ? eng_err_os(err, -r, "%s: cannot create", path) : 0;
}

static int make_dir(const struct eng_sys *sys, const char *path, struct engram_error *err)
{
	int r = sys->fs.ops->mkdir(sys->fs.ctx, path, 0700);

	return r < 0 ? eng_err_os(err, -r, "%s: cannot create", path) : 0;
}

static int sync_dir(const struct eng_sys *sys, const char *path, struct engram_error *err)
{
	int r = sys->fs.ops->sync_dir(sys->fs.ctx, path);

	return r < 0 ? eng_err_os(err, -r, "%s: cannot sync", path) : 0;
}

static int fill(const struct eng_sys *sys, const char *dir, const struct engram_id *id, int64_t created_us,
                struct engram_error *err)
{
	/* Bytes for the locks' holders, so that writing a pid changes no size. */
	static const uint8_t lock[128];
	struct eng_buf b = ENG_BUF_INIT;
	char path[ENG_PATH_MAX];
	int r;

	eng_identity_format(&b, id, created_us);
	r = b.failed ? eng_err_nomem(err) : make_dir(sys, dir, err);
	if (r == 0 && eng_path(path, dir, "log"))
		r = make_dir(sys, path, err);
	if (r == 0)
		r = sync_dir(sys, path, err);
	if (r == 0 && eng_path(path, dir, ENG_LOCK_FILE))
		r = write_new_file(sys, path, lock, sizeof lock, err);
	if (r == 0 && eng_path(path, dir, "space"))
		r = write_new_file(sys, path, b.p, b.n, err);
	if (r == 0)
		r = sync_dir(sys, dir, err);
	eng_buf_free(&b);
	return r;
}

/* PARENT/.PREFIX + 16 random hex digits. */
static int temporary(char out[ENG_PATH_MAX], const struct eng_sys *sys, const char *parent, const char *prefix,
                     struct engram_error *err)
{
	uint8_t b[8];
	int r = sys->random.fill(sys->random.ctx, b, sizeof b);

	if (r < 0)
		return eng_err_os(err, -r, "random numbers");
	/* Longest below: DIR/log/SERIES/SEGMENT. */
	if (!eng_path(out, parent, "%s%016" PRIx64, prefix, eng_get64(b)) || strlen(out) + 80 > ENG_PATH_MAX)
		return eng_err(err, ENGRAM_EUSAGE, "%s: path too long", parent);
	return 0;
}

int eng_space_create(const struct eng_sys *sys, const char *dir, const struct engram_id *id, int64_t created_us,
                     struct engram_error *err)
{
	char parent[ENG_PATH_MAX], work[ENG_PATH_MAX];
	int r;

	if (!eng_fs_parent(parent, dir))
		return eng_err(err, ENGRAM_EUSAGE, "%s: path too long", dir);
	r = temporary(work, sys, parent, NEW_PREFIX, err);
	if (r < 0)
		return r;
	r = fill(sys, work, id, created_us, err);
	eng_point(sys, "create-filled");
	if (r == 0) {
		r = sys->fs.ops->rename(sys->fs.ctx, work, dir, false);
		if (r == -EEXIST || r == -ENOTEMPTY)
			r = eng_err(err, ENGRAM_EEXISTS, "%s: it is there already", dir);
		else if (r < 0)
			r = eng_err_os(err, -r, "%s: cannot create", dir);
	}
	if (r < 0) {
		eng_fs_remove_tree(sys, work);
		return r;
	}
	eng_point(sys, "create-renamed");
	return sync_dir(sys, parent, err);
}

/* -- drop ---------------------------------------------------------------------------- */

static int lock_all(struct engram_space *s, struct engram_error *err)
{
	static const unsigned order[] = {ENG_LOCK_MAINT, ENG_LOCK_APPLY, ENG_LOCK_IDENTITY};
	int r = 0;

	for (size_t i = 0; r == 0 && i < ENG_COUNT(order); i++)
		r = eng_space_lock(s, order[i], ENG_LOCK_EXCLUSIVE, s->wait_ms, err);
	return r == 0 && s->log ? eng_log_drop(s->log, err) : r;
}

int eng_space_drop(const struct eng_sys *sys, const char *dir, unsigned wait_ms, struct engram_error *err)
{
	char parent[ENG_PATH_MAX], gone[ENG_PATH_MAX];
	struct engram_space *s = NULL;
	int r;

	if (!eng_fs_parent(parent, dir))
		return eng_err(err, ENGRAM_EUSAGE, "%s: path too long", dir);
	r = eng_space_open(&s, sys, dir, strrchr(dir, '/') + 1, ENGRAM_WRITE | ENG_OPEN_DAMAGED, wait_ms, NULL, NULL, err);
	if (r < 0)
		return r;
	r = lock_all(s, err);
	if (r == 0)
		r = temporary(gone, sys, parent, GONE_PREFIX, err);
	if (r == 0) {
		eng_point(sys, "drop-locked");
		r = sys->fs.ops->rename(sys->fs.ctx, dir, gone, false);
		if (r < 0)
			r = eng_err_os(err, -r, "%s: cannot remove", dir);
	}
	if (r == 0)
		r = sync_dir(sys, parent, err);
	engram_space_close(s);
	if (r < 0)
		return r;
	eng_point(sys, "drop-renamed");
	eng_fs_remove_tree(sys, gone); /* what remains is finished by the next sweep */
	return 0;
}

struct leftovers {
	char names[32][64];
	size_t n;
};

static int collect(void *data, const char *name)
{
	struct leftovers *l = data;
	bool ours = strncmp(name, NEW_PREFIX, sizeof NEW_PREFIX - 1) == 0 ||
	            strncmp(name, GONE_PREFIX, sizeof GONE_PREFIX - 1) == 0;

	if (ours && strlen(name) < sizeof l->names[0] && l->n < ENG_COUNT(l->names))
		snprintf(l->names[l->n++], sizeof l->names[0], "%s", name);
	return 0;
}

void eng_space_sweep(const struct eng_sys *sys, const char *parent)
{
	struct leftovers l = {.n = 0};
	char path[ENG_PATH_MAX];

	sys->fs.ops->list(sys->fs.ctx, parent, collect, &l);
	for (size_t i = 0; i < l.n; i++)
		if (eng_path(path, parent, "%s", l.names[i]))
			eng_fs_remove_tree(sys, path);
}

/* -- adopt ------------------------------------------------------------------------------ */

static int adopt_locked(struct engram_space *s, const struct engram_id *id, int64_t created_us,
                        struct engram_error *err)
{
	const struct eng_series_info *series;
	struct eng_buf b = ENG_BUF_INIT;
	char path[ENG_PATH_MAX];
	size_t n;
	int r = eng_space_series(s, &series, &n, err);

	if (r < 0)
		return r;
	if (n > 0) {
		r = eng_err(err, ENGRAM_EEXISTS, "space %s: only an empty space can take another's id", s->name);
		eng_err_hint(err, "import into a new space");
		return r;
	}
	eng_identity_format(&b, id, created_us);
	if (b.failed)
		r = eng_err_nomem(err);
	else if (!eng_path(path, s->dir, "space"))
		r = eng_err(err, ENGRAM_EUSAGE, "%s: path too long", s->dir);
	else if ((r = eng_fs_replace(s->sys, path, b.p, b.n, 0600)) < 0)
		r = eng_err_os(err, -r, "%s: cannot replace", path);
	eng_buf_free(&b);
	return r;
}

int engram_space_adopt(struct engram_space *s, const struct engram_id *id, int64_t created_us,
                       struct engram_error *err)
{
	int r = eng_space_check_writer(s, err);

	if (r < 0)
		return r;
	if (!id)
		return eng_err(err, ENGRAM_EUSAGE, "adopt: no id");
	if (s->writers)
		return eng_err(err, ENGRAM_EUSAGE, "adopt: close the writer of this handle first");
	r = eng_space_lock(s, ENG_LOCK_IDENTITY, ENG_LOCK_EXCLUSIVE, s->wait_ms, err);
	if (r < 0)
		return r;
	r = adopt_locked(s, id, created_us, err);
	if (r == 0) {
		s->id = *id;
		s->created_us = created_us;
		r = eng_space_reopen_log(s, err);
	}
	eng_space_unlock(s, ENG_LOCK_IDENTITY);
	return r;
}
