/* home.c - spaces by name.
 *
 *     HOME/lock           one byte lock: making and dropping spaces
 *     HOME/spaces/NAME/   lib/space
 *
 * Opening a home makes nothing; the first space that is created makes the
 * directories.  What is in the place of a space but is no directory (a
 * symbolic link, a FIFO) is not a space: it is refused by name and not listed. */
#include "home/home.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/num.h"
#include "space/space.h"

#define HOME_MAGIC 0x48474e45u /* "ENGH" */
#define HOME_LOCK 0u

struct engram_home {
	uint32_t magic;
	uint32_t pid;
	const struct eng_sys *sys;
	engram_notice_fn *notice;
	void *notice_data;
	char path[ENG_PATH_MAX];
	char spaces[ENG_PATH_MAX];
};

static int check_home(const struct engram_home *h, struct engram_error *err)
{
	if (!h || h->magic != HOME_MAGIC)
		return eng_err(err, ENGRAM_EUSAGE, "home: not an open handle");
	if (h->pid != eng_sys_pid())
		return eng_err(err, ENGRAM_EUSAGE, "home %s: opened before fork(): open it in the child", h->path);
	return 0;
}

/* -- opening --------------------------------------------------------------------- */

static bool given(const char *value)
{
	return value && *value;
}

static int choose(char out[ENG_PATH_MAX], const char *path, struct engram_error *err)
{
	const char *home = eng_sys_env("ENGRAM_HOME"), *data = eng_sys_env("XDG_DATA_HOME"), *user = eng_sys_env("HOME");
	bool fits;

	if (path && !*path)
		return eng_err(err, ENGRAM_ECONFIG, "home: wanted a directory, found an empty path");
	if (path || given(home))
		fits = eng_sys_absolute(out, path ? path : home) == 0;
	else if (given(data) && data[0] == '/') /* the XDG specification: a relative one is ignored */
		fits = eng_path(out, data, "engram");
	else if (given(user) && user[0] == '/')
		fits = eng_path(out, user, ".local/share/engram");
	else {
		int r = eng_err(err, ENGRAM_ECONFIG, "home: neither ENGRAM_HOME, XDG_DATA_HOME nor HOME says where");
		eng_err_hint(err, "set ENGRAM_HOME, or use --home DIR");
		return r;
	}
	/* Longest below: spaces/NAME/log/SERIES/SEGMENT. */
	if (!fits || strlen(out) + 160 > ENG_PATH_MAX)
		return eng_err(err, ENGRAM_ECONFIG, "home: path too long, or no current directory");
	return 0;
}

int eng_home_open(struct engram_home **home, const struct eng_sys *sys, const char *path, struct engram_error *err)
{
	struct engram_home *h = eng_calloc(1, sizeof *h);
	int r;

	if (!h)
		return eng_err_nomem(err);
	h->magic = HOME_MAGIC;
	h->pid = eng_sys_pid();
	h->sys = sys;
	r = choose(h->path, path, err);
	if (r < 0) {
		eng_free(h);
		return r;
	}
	eng_path(h->spaces, h->path, "spaces");
	*home = h;
	return 0;
}

int engram_home_open(struct engram_home **home, const char *path, struct engram_error *err)
{
	const char *bad = eng_sys_env_bad();

	if (bad)
		return eng_err(err, ENGRAM_ECONFIG, "%s: wanted %s, found \"%s\"", bad,
		               strcmp(bad, "ENGRAM_NOW") == 0 ? "a time" : "a number", eng_sys_env(bad));
	return eng_home_open(home, eng_sys_posix(), path, err);
}

void engram_home_close(struct engram_home *h)
{
	if (!h || h->magic != HOME_MAGIC)
		return;
	h->magic = 0;
	eng_free(h);
}

const char *engram_home_path(const struct engram_home *h)
{
	return h->path;
}

void engram_home_notice(struct engram_home *h, engram_notice_fn *notice, void *data)
{
	h->notice = notice;
	h->notice_data = data;
}

/* -- listing ----------------------------------------------------------------------- */

struct listing {
	struct engram_home *home;
	struct eng_buf names; /* one behind the other, each with its NUL */
	size_t n;
};

static int take_name(void *data, const char *name)
{
	struct listing *l = data;

	if (eng_space_name_check(name, NULL) < 0)
		return 0;
	eng_buf_add(&l->names, name, strlen(name) + 1);
	l->n++;
	return 0;
}

static bool is_space(const struct engram_home *h, const char *name)
{
	char path[ENG_PATH_MAX];
	struct eng_stat st;

	return eng_path(path, h->spaces, "%s", name) && h->sys->fs.ops->stat(h->sys->fs.ctx, path, &st) == 0 &&
	       (st.mode & 0170000) == 0040000;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Pointers and names in one allocation. */
static int pack(const char ***names, size_t *n, const struct listing *l, struct engram_error *err)
{
	const char **all = eng_alloc(l->n * sizeof *all + l->names.n);
	char *text, *at;
	size_t kept = 0;

	if (!all)
		return eng_err_nomem(err);
	text = (char *)(all + l->n);
	memcpy(text, l->names.p, l->names.n);
	for (at = text; at < text + l->names.n; at += strlen(at) + 1)
		if (is_space(l->home, at))
			all[kept++] = at;
	if (kept == 0) {
		eng_free(all);
		all = NULL;
	} else {
		qsort(all, kept, sizeof *all, by_name);
	}
	*names = all;
	*n = kept;
	return 0;
}

int engram_home_spaces(struct engram_home *h, const char ***names, size_t *n, struct engram_error *err)
{
	struct listing l = {.home = h};
	int r = check_home(h, err);

	if (r < 0)
		return r;
	r = h->sys->fs.ops->list(h->sys->fs.ctx, h->spaces, take_name, &l);
	if (r < 0 && r != -ENOENT) {
		r = eng_err_os(err, -r, "%s", h->spaces);
	} else if (l.names.failed) {
		r = eng_err_nomem(err);
	} else if (l.n == 0) {
		*names = NULL;
		*n = 0;
		r = 0;
	} else {
		r = pack(names, n, &l, err);
	}
	eng_buf_free(&l.names);
	return r;
}

/* -- making ---------------------------------------------------------------------------- */

static int sync_parent(struct engram_home *h, const char *path, struct engram_error *err)
{
	char parent[ENG_PATH_MAX];
	int r = 0;

	if (eng_fs_parent(parent, path))
		r = h->sys->fs.ops->sync_dir(h->sys->fs.ctx, parent);
	return r < 0 ? eng_err_os(err, -r, "%s: cannot sync", parent) : 0;
}

/* mkdir -p, private, durable. */
static int make_dirs(struct engram_home *h, char *path, struct engram_error *err)
{
	char *slash = strrchr(path, '/');
	int r = h->sys->fs.ops->mkdir(h->sys->fs.ctx, path, 0700);

	if (r == -ENOENT && slash && slash != path) {
		*slash = 0;
		r = make_dirs(h, path, err);
		*slash = '/';
		if (r < 0)
			return r;
		r = h->sys->fs.ops->mkdir(h->sys->fs.ctx, path, 0700);
	}
	if (r == -EEXIST)
		return 0;
	if (r < 0)
		return eng_err_os(err, -r, "%s: cannot create", path);
	return sync_parent(h, path, err);
}

/* A space in another user's home would be one that its owner cannot use. */
static int check_owner(struct engram_home *h, struct engram_error *err)
{
	struct eng_stat st;
	int r = h->sys->fs.ops->stat(h->sys->fs.ctx, h->spaces, &st);

	if (r < 0)
		return eng_err_os(err, -r, "%s", h->spaces);
	if ((st.mode & 0170000) != 0040000)
		return eng_err(err, ENGRAM_EDAMAGED, "%s: wanted a directory", h->spaces);
	if (st.uid != eng_sys_uid())
		return eng_err(err, ENGRAM_EPERM, "%s: it belongs to user %u, this is user %u", h->spaces,
		               (unsigned)st.uid, (unsigned)eng_sys_uid());
	return 0;
}

static int lock_home(int *fd, struct engram_home *h, unsigned wait_ms, struct engram_error *err)
{
	char path[ENG_PATH_MAX];
	int r;

	if (!eng_path(path, h->path, "lock"))
		return eng_err(err, ENGRAM_ECONFIG, "home: path too long");
	*fd = eng_fs_open(h->sys, path, O_RDWR | O_CREAT | O_NONBLOCK, 0600);
	if (*fd < 0)
		return eng_err_os(err, -*fd, "%s: cannot open", path);
	r = h->sys->fs.ops->lock(h->sys->fs.ctx, *fd, HOME_LOCK, ENG_LOCK_EXCLUSIVE,
	                         (int)(wait_ms < INT32_MAX ? wait_ms : INT32_MAX));
	if (r == 0)
		return 0;
	eng_fs_close(h->sys, fd);
	if (r == -EAGAIN)
		return eng_err(err, ENGRAM_EBUSY, "home %s: another program makes or drops a space", h->path);
	return eng_err_os(err, -r, "%s: cannot lock", path);
}

static int create_locked(struct engram_home *h, const char *dir, struct engram_error *err)
{
	struct engram_id id;
	int r = h->sys->random.fill(h->sys->random.ctx, id.b, sizeof id.b);

	if (r < 0)
		return eng_err_os(err, -r, "random numbers");
	eng_space_sweep(h->sys, h->spaces);
	r = eng_space_create(h->sys, dir, &id, h->sys->clock.wall_us(h->sys->clock.ctx), err);
	return r == ENGRAM_EEXISTS ? 0 : r; /* another one made it meanwhile */
}

static int create(struct engram_home *h, const char *dir, unsigned wait_ms, struct engram_error *err)
{
	int fd = -1, r = make_dirs(h, h->spaces, err);

	if (r == 0)
		r = check_owner(h, err);
	if (r == 0)
		r = lock_home(&fd, h, wait_ms, err);
	if (r == 0)
		r = create_locked(h, dir, err);
	eng_fs_close(h->sys, &fd);
	return r;
}

/* -- one space ---------------------------------------------------------------------------- */

static int no_space(struct engram_home *h, const char *name, struct engram_error *err)
{
	const char **names = NULL, *near;
	size_t n = 0;
	int r = eng_err(err, ENGRAM_ENOSPACE, "space \"%s\": does not exist", name);

	eng_err_object(err, name);
	near = engram_home_spaces(h, &names, &n, NULL) == 0 && n ? eng_nearest(name, names, n) : NULL;
	if (near)
		eng_err_hint(err, "did you mean \"%s\"?", near);
	else
		eng_err_hint(err, "engram-store --create makes it");
	engram_free(names);
	return r;
}

/* 1 there, 0 not; refuses what is no directory. */
static int look(struct engram_home *h, char dir[ENG_PATH_MAX], const char *name, struct engram_error *err)
{
	struct eng_stat st;
	int r = eng_space_name_check(name, err);

	if (r < 0)
		return r;
	if (!eng_path(dir, h->spaces, "%s", name))
		return eng_err(err, ENGRAM_ECONFIG, "home: path too long");
	r = h->sys->fs.ops->stat(h->sys->fs.ctx, dir, &st);
	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return eng_err_os(err, -r, "%s", dir);
	if ((st.mode & 0170000) == 0040000)
		return 1;
	r = eng_err(err, ENGRAM_EDAMAGED, "%s: wanted a directory, found %s", dir,
	            (st.mode & 0170000) == 0120000 ? "a symbolic link" : "something else");
	eng_err_object(err, name);
	return r;
}

int engram_space_open(struct engram_space **space, struct engram_home *h, const char *name, unsigned flags,
                      unsigned wait_ms, struct engram_error *err)
{
	char dir[ENG_PATH_MAX];
	int r = check_home(h, err);

	if (r == 0)
		r = look(h, dir, name, err);
	if (r < 0)
		return r;
	if (r == 0 && !(flags & ENGRAM_CREATE))
		return no_space(h, name, err);
	if (r == 0)
		r = create(h, dir, wait_ms, err);
	if (r < 0)
		return r;
	return eng_space_open(space, h->sys, dir, name, flags, wait_ms, h->notice, h->notice_data, err);
}

int engram_space_drop(struct engram_home *h, const char *name, unsigned wait_ms, struct engram_error *err)
{
	char dir[ENG_PATH_MAX];
	int fd = -1, r = check_home(h, err);

	if (r == 0)
		r = look(h, dir, name, err);
	if (r == 0)
		return no_space(h, name, err);
	if (r == 1)
		r = check_owner(h, err);
	if (r == 0)
		r = lock_home(&fd, h, wait_ms, err);
	if (r == 0)
		r = eng_space_drop(h->sys, dir, wait_ms, err);
	if (r == 0)
		eng_space_sweep(h->sys, h->spaces);
	eng_fs_close(h->sys, &fd);
	return r;
}
