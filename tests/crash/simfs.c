/* simfs.c - the recorder: real files, and a record of what passed the seam.
 *
 * Every call goes to the kernel's table first and is written down (simrecord.c)
 * if it succeeded.  Faults and deaths are made here, before the call.
 *
 * Clock and random numbers are simulated too (a millisecond per look, a
 * seeded generator): a run is repeated exactly by its seed. */
#include "simfs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "simfs_int.h"

static struct sim *current; /* boot_id() has no context */
static uint64_t boots = 0x5eed;

static const struct eng_fs_ops *real(void)
{
	return eng_sys_posix()->fs.ops;
}

static void *real_ctx(void)
{
	return eng_sys_posix()->fs.ctx;
}

static int of_fd(const struct sim *s, int fd)
{
	return fd >= 0 && fd < FDS ? s->fd[fd] : -1;
}

/* Of a descriptor that LMDB opened: by its path. */
static int of_foreign_fd(const struct sim *s, int fd)
{
	char link[64], path[ENG_PATH_MAX], leaf[112];
	int dir;
	snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	ssize_t n = readlink(link, path, sizeof path - 1);
	path[n < 0 ? 0 : n] = '\0';
	return sim_resolve(s, path, &dir, leaf);
}

/* -- faults ------------------------------------------------------------------ */

void sim_fail(struct sim *s, unsigned ops, uint64_t nth, int error, bool on)
{
	s->fail_ops = ops;
	s->fail_at = nth;
	s->fail_error = error;
	s->fail_on = on;
	s->operations = 0;
	s->struck = false;
}

uint64_t sim_operations(const struct sim *s)
{
	return s->operations;
}

bool sim_failed(const struct sim *s)
{
	return s->struck;
}

static void live_on(struct sim *s)
{
	sim_look(s);
	if (s->die_at && ++s->calls == s->die_at)
		longjmp(s->grave, 1);
}

/* 0, or the negative error this operation is to answer. */
static int begin(struct sim *s, enum sim_op op)
{
	live_on(s);
	if (!(s->fail_ops & op))
		return 0;
	s->operations++;
	if (!s->fail_error || s->operations < s->fail_at || (s->operations > s->fail_at && !s->fail_on))
		return 0;
	s->struck = true;
	return -s->fail_error;
}

/* -- file operations ----------------------------------------------------------- */

static int sim_open_file(void *ctx, const char *path, int flags, mode_t mode)
{
	struct sim *s = ctx;
	char leaf[112];
	int dir, obj = sim_resolve(s, path, &dir, leaf);
	int r = begin(s, flags & O_CREAT && obj < 0 ? SIM_CREATE : SIM_OPEN);
	if (r)
		return r;
	int fd = real()->open(real_ctx(), path, flags, mode);
	if (fd < 0 || dir < 0)
		return fd;
	if (fd >= FDS)
		sim_stop("descriptor too large", path);
	obj = sim_resolve(s, path, &dir, leaf); /* looking may have found a foreign file */
	if (obj < 0) {
		if (!(flags & O_CREAT))
			return fd; /* LMDB's or SQLite's, and nobody asked to watch them */
		obj = sim_object(s, false, mode, 0);
		s->obj[obj].foreign = sim_is_foreign_name(leaf);
		s->obj[obj].lazy = sim_is_lazy_name(leaf);
		names_set(&s->now, dir, leaf, obj);
		sim_record_name(s, SIM_CREATE, obj, dir, leaf);
	} else if (flags & O_TRUNC) {
		sim_record(s, SIM_TRUNCATE, obj)->n = 0;
	}
	s->fd[fd] = obj;
	return fd;
}

static int sim_close(void *ctx, int fd)
{
	struct sim *s = ctx;
	if (fd >= 0 && fd < FDS)
		s->fd[fd] = -1;
	return real()->close(real_ctx(), fd);
}

static ssize_t sim_pread(void *ctx, int fd, void *p, size_t n, uint64_t off)
{
	int r = begin(ctx, SIM_READ);
	return r ? r : real()->pread(real_ctx(), fd, p, n, off);
}

static ssize_t sim_pwrite(void *ctx, int fd, const void *p, size_t n, uint64_t off)
{
	struct sim *s = ctx;
	int obj = of_fd(s, fd), r = begin(s, SIM_WRITE);
	if (r)
		return r;
	ssize_t done = real()->pwrite(real_ctx(), fd, p, n, off);
	if (done > 0 && obj >= 0)
		sim_record_bytes(s, SIM_WRITE, obj, off, p, (size_t)done);
	return done;
}

static int sim_sync(void *ctx, int fd)
{
	struct sim *s = ctx;
	int obj = of_fd(s, fd), r = begin(s, SIM_SYNC);
	if (obj >= 0)
		sim_record(s, r ? SIM_SYNC_FAILED : SIM_SYNC, obj);
	return r;
}

static int sim_sync_dir(void *ctx, const char *path)
{
	struct sim *s = ctx;
	char leaf[112];
	int r = begin(s, SIM_SYNC_DIR);
	int dir, obj = sim_resolve(s, path, &dir, leaf);
	if (r)
		return r;
	if (obj >= 0)
		sim_record(s, SIM_SYNC_DIR, obj)->dir = obj;
	return obj >= 0 ? 0 : real()->sync_dir(real_ctx(), path);
}

/* An operation that changes the size: the record keeps the size afterwards. */
static void record_size(struct sim *s, enum sim_op op, int fd, uint64_t off)
{
	struct stat st;
	int obj = of_fd(s, fd);
	if (obj < 0 || fstat(fd, &st))
		return;
	struct event *e = sim_record(s, op, obj);
	e->off = off;
	e->n = (uint64_t)st.st_size;
}

static int sim_reserve(void *ctx, int fd, uint64_t off, uint64_t n)
{
	struct sim *s = ctx;
	int r = begin(s, SIM_RESERVE);
	if (!r)
		r = real()->reserve(real_ctx(), fd, off, n);
	if (!r)
		record_size(s, SIM_RESERVE, fd, off);
	return r;
}

static int sim_punch(void *ctx, int fd, uint64_t off, uint64_t n)
{
	struct sim *s = ctx;
	int r = begin(s, SIM_PUNCH);
	if (!r)
		r = real()->punch(real_ctx(), fd, off, n);
	if (!r && of_fd(s, fd) >= 0) {
		struct event *e = sim_record(s, SIM_PUNCH, of_fd(s, fd));
		e->off = off;
		e->n = n;
	}
	return r;
}

static int sim_truncate(void *ctx, int fd, uint64_t n)
{
	struct sim *s = ctx;
	int r = begin(s, SIM_TRUNCATE);
	if (!r)
		r = real()->truncate(real_ctx(), fd, n);
	if (!r)
		record_size(s, SIM_TRUNCATE, fd, 0);
	return r;
}

static int sim_rename(void *ctx, const char *from, const char *to, bool replace)
{
	struct sim *s = ctx;
	char leaf[112], leaf2[112];
	int dir, dir2, r = begin(s, SIM_RENAME);
	int obj = sim_resolve(s, from, &dir2, leaf2);
	sim_resolve(s, to, &dir, leaf);
	if (!r)
		r = real()->rename(real_ctx(), from, to, replace);
	if (r || obj < 0 || dir < 0)
		return r;
	names_del(&s->now, dir2, leaf2);
	names_set(&s->now, dir, leaf, obj);
	sim_record_name(s, SIM_RENAME, obj, dir, leaf);
	struct event *e = &s->ev[s->nev - 1];
	e->dir2 = dir2;
	sim_name_copy(e->name2, leaf2);
	return 0;
}

static void record_removal(struct sim *s, enum sim_op op, const char *path)
{
	char leaf[112];
	int dir, obj = sim_resolve(s, path, &dir, leaf);
	if (obj < 0 || dir < 0)
		return;
	names_del(&s->now, dir, leaf);
	sim_record_name(s, op, obj, dir, leaf);
}

static int sim_unlink(void *ctx, const char *path)
{
	int r = begin(ctx, SIM_UNLINK);
	if (!r)
		r = real()->unlink(real_ctx(), path);
	if (!r)
		record_removal(ctx, SIM_UNLINK, path);
	return r;
}

static int sim_rmdir(void *ctx, const char *path)
{
	int r = begin(ctx, SIM_RMDIR);
	if (!r)
		r = real()->rmdir(real_ctx(), path);
	if (!r)
		record_removal(ctx, SIM_RMDIR, path);
	return r;
}

static int sim_mkdir(void *ctx, const char *path, mode_t mode)
{
	struct sim *s = ctx;
	char leaf[112];
	int dir, r = begin(s, SIM_MKDIR);
	if (!r)
		r = real()->mkdir(real_ctx(), path, mode);
	if (r)
		return r;
	sim_resolve(s, path, &dir, leaf);
	if (dir < 0)
		return 0;
	int obj = sim_object(s, true, mode, 0);
	names_set(&s->now, dir, leaf, obj);
	sim_record_name(s, SIM_MKDIR, obj, dir, leaf);
	return 0;
}

/* The identity a file keeps over power cuts, whatever carries it now. */
static void disguise(const struct sim *s, int obj, struct eng_stat *st)
{
	if (obj < 0)
		return;
	st->ino = s->obj[obj].ino;
	st->birth_ns = (int64_t)s->obj[obj].ino * 1000000007;
}

static int sim_stat(void *ctx, const char *path, struct eng_stat *out)
{
	struct sim *s = ctx;
	char leaf[112];
	int dir, r = begin(s, SIM_STAT);
	if (!r)
		r = real()->stat(real_ctx(), path, out);
	if (!r)
		disguise(s, sim_resolve(s, path, &dir, leaf), out);
	return r;
}

static int sim_fstat(void *ctx, int fd, struct eng_stat *out)
{
	struct sim *s = ctx;
	int r = begin(s, SIM_STAT);
	if (!r)
		r = real()->fstat(real_ctx(), fd, out);
	if (!r)
		disguise(s, of_fd(s, fd) >= 0 ? of_fd(s, fd) : of_foreign_fd(s, fd), out);
	return r;
}

/* Names are collected first: a death in the callback leaves no directory open. */
static int collect_name(void *data, const char *name)
{
	struct eng_buf *b = data;
	eng_buf_add(b, name, strlen(name) + 1);
	return 0;
}

static int sim_list(void *ctx, const char *path, eng_dir_fn *fn, void *data)
{
	struct eng_buf b = ENG_BUF_INIT;
	int r = begin(ctx, SIM_LIST);
	if (!r)
		r = real()->list(real_ctx(), path, collect_name, &b);
	if (b.failed)
		r = -ENOMEM;
	for (size_t at = 0; r == 0 && at < b.n; at += strlen((const char *)b.p + at) + 1)
		r = fn(data, (const char *)b.p + at);
	eng_buf_free(&b);
	return r;
}

static int sim_lock(void *ctx, int fd, uint64_t byte, enum eng_lock_kind kind, int wait_ms)
{
	int r = kind == ENG_UNLOCK ? (live_on(ctx), 0) : begin(ctx, SIM_LOCK);
	return r ? r : real()->lock(real_ctx(), fd, byte, kind, wait_ms);
}

static void *sim_map(void *ctx, int fd, size_t n, bool write)
{
	struct sim *s = ctx;
	if (begin(s, SIM_MAP))
		return NULL;
	void *p = real()->map(real_ctx(), fd, n, write);
	if (!p || of_fd(s, fd) < 0)
		return p;
	for (size_t i = 0; i < MAPS; i++)
		if (!s->map[i].p) {
			s->map[i] = (struct map){.p = p, .n = n, .obj = of_fd(s, fd),
			                         .seen = write ? sim_copy(p, n) : NULL};
			return p;
		}
	sim_stop("too many mappings", s->root);
	return NULL;
}

static void sim_unmap(void *ctx, void *p, size_t n)
{
	struct sim *s = ctx;
	sim_look(s);
	for (size_t i = 0; i < MAPS; i++)
		if (s->map[i].p == p) {
			free(s->map[i].seen);
			s->map[i] = (struct map){0};
		}
	real()->unmap(real_ctx(), p, n);
}

static int sim_is_local(void *ctx, const char *path)
{
	(void)ctx;
	return real()->is_local(real_ctx(), path);
}

static int sim_is_read_only(void *ctx, const char *path)
{
	(void)ctx;
	return real()->is_read_only(real_ctx(), path);
}

static const struct eng_fs_ops ops = {
	.open = sim_open_file,
	.close = sim_close,
	.pread = sim_pread,
	.pwrite = sim_pwrite,
	.sync = sim_sync,
	.sync_dir = sim_sync_dir,
	.reserve = sim_reserve,
	.punch = sim_punch,
	.truncate = sim_truncate,
	.rename = sim_rename,
	.unlink = sim_unlink,
	.mkdir = sim_mkdir,
	.rmdir = sim_rmdir,
	.stat = sim_stat,
	.fstat = sim_fstat,
	.list = sim_list,
	.lock = sim_lock,
	.map = sim_map,
	.unmap = sim_unmap,
	.is_local = sim_is_local,
	.is_read_only = sim_is_read_only,
};

/* -- clock, random numbers, boot --------------------------------------------- */

static int64_t sim_wall(void *ctx)
{
	struct sim *s = ctx;
	return s->wall_us += 1000;
}

static void sim_sleep(void *ctx, int64_t us)
{
	struct sim *s = ctx;
	s->wall_us += us;
}

/* Nobody else runs, so nobody wakes: the time passes. */
static void sim_wait(void *ctx, const uint32_t *word, uint32_t seen, uint32_t bits, int64_t max_us)
{
	(void)word;
	(void)seen;
	(void)bits;
	sim_sleep(ctx, max_us);
}

static void sim_wake(void *ctx, const uint32_t *word, int most, uint32_t bits)
{
	(void)ctx;
	(void)word;
	(void)most;
	(void)bits;
}

static int sim_fill(void *ctx, void *out, size_t n)
{
	struct sim *s = ctx;
	uint8_t *p = out;
	for (size_t i = 0; i < n; i++)
		p[i] = (uint8_t)eng_rng_next(&s->rng);
	return 0;
}

static uint64_t sim_boot_id(void)
{
	return current->boot;
}

static uint64_t sim_machine_id(void)
{
	return 0x3ac1;
}

static void sim_point(void *ctx, const char *name)
{
	(void)name;
	live_on(ctx);
}

/* -- death ----------------------------------------------------------------------- */

/* What the code under test has allocated and not given back: freed at its death. */
static struct {
	void **at;
	size_t n, cap;
} heap;

static void *heap_resize(void *ctx, void *p, size_t n)
{
	size_t i = 0;
	void *q = sim_alloc(p, n);
	(void)ctx;
	while (i < heap.n && heap.at[i] != p)
		i++;
	if (p && i < heap.n) {
		heap.at[i] = q;
		return q;
	}
	if (heap.n == heap.cap) {
		heap.cap = heap.cap ? 2 * heap.cap : 256;
		heap.at = sim_alloc(heap.at, heap.cap * sizeof *heap.at);
	}
	return heap.at[heap.n++] = q;
}

static void heap_release(void *ctx, void *p)
{
	size_t i = 0;
	(void)ctx;
	while (i < heap.n && heap.at[i] != p)
		i++;
	if (i < heap.n)
		heap.at[i] = heap.at[--heap.n];
	free(p);
}

static void bury(struct sim *s)
{
	s->die_at = 0;
	for (size_t i = 0; i < MAPS; i++)
		if (s->map[i].p)
			sim_unmap(s, s->map[i].p, s->map[i].n);
	for (int fd = 0; fd < FDS; fd++)
		if (s->fd[fd] >= 0)
			sim_close(s, fd);
	while (heap.n)
		free(heap.at[--heap.n]);
}

bool sim_die(struct sim *s, uint64_t nth, void (*fn)(void *data), void *data)
{
	static const struct eng_allocator allocator = {heap_resize, heap_release, NULL};
	eng_alloc_set(&allocator);
	s->die_at = nth;
	s->calls = 0;
	bool died = setjmp(s->grave) != 0;
	if (!died)
		fn(data);
	else
		bury(s);
	s->die_at = 0;
	eng_alloc_set(NULL);
	return died;
}

/* -- life ---------------------------------------------------------------------- */

struct sim *sim_bare(const char *root, uint64_t seed)
{
	struct sim *s = sim_alloc(NULL, sizeof *s);
	*s = (struct sim){.seed = seed, .boot = ++boots, .next_ino = 1000, .root_len = strlen(root)};
	if (s->root_len >= sizeof s->root)
		sim_stop("path too long", root);
	strcpy(s->root, root);
	for (size_t i = 0; i < FDS; i++)
		s->fd[i] = -1;
	eng_rng_seed(&s->rng, seed);
	/* Later boots see a later clock: 2027 and a minute per boot. */
	s->wall_us = 1798761600000000 + (int64_t)boots * 60000000;
	s->sys = *eng_sys_posix();
	s->sys.guard = NULL; /* faults are counted here, in this process */
	s->sys.fs = (struct eng_fs){.ops = &ops, .ctx = s};
	s->sys.clock = (struct eng_clock){.wall_us = sim_wall, .mono_us = sim_wall, .sleep_us = sim_sleep, .ctx = s};
	s->sys.random = (struct eng_random){.fill = sim_fill, .ctx = s};
	s->sys.wait = (struct eng_wait){.wait = sim_wait, .wake = sim_wake, .ctx = s};
	s->sys.boot_id = sim_boot_id;
	s->sys.machine_id = sim_machine_id;
	s->sys.point = sim_point;
	s->sys.point_ctx = s;
	current = s;
	return s;
}

static void adopt(struct sim *s, int dir, const char *path)
{
	char child[ENG_PATH_MAX];
	struct stat st;
	DIR *d = opendir(path);
	if (!d)
		sim_stop("cannot read", path);
	for (struct dirent *e; (e = readdir(d));) {
		if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
			continue;
		if (snprintf(child, sizeof child, "%s/%s", path, e->d_name) >= (int)sizeof child || lstat(child, &st))
			sim_stop("cannot stat", child);
		int obj = sim_object(s, S_ISDIR(st.st_mode), st.st_mode & 07777, 0);
		names_set(&s->now, dir, e->d_name, obj);
		if (S_ISDIR(st.st_mode))
			adopt(s, obj, child);
		else
			s->obj[obj].base = sim_slurp(child, &s->obj[obj].base_n);
	}
	closedir(d);
}

struct sim *sim_new(const char *root, uint64_t seed)
{
	struct sim *s = sim_bare(root, seed);
	sim_object(s, true, 0700, 0);
	adopt(s, ROOT_DIR, root);
	names_copy(&s->first, &s->now);
	return s;
}

void sim_free(struct sim *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->nev; i++)
		free(s->ev[i].data);
	for (size_t i = 0; i < s->nobj; i++) {
		free(s->obj[i].base);
		free(s->obj[i].last);
	}
	for (size_t i = 0; i < MAPS; i++)
		free(s->map[i].seen);
	free(s->ev);
	free(s->obj);
	free(s->first.e);
	free(s->now.e);
	free(s);
}

const struct eng_sys *sim_sys(struct sim *s)
{
	current = s;
	return &s->sys;
}

const char *sim_root(const struct sim *s)
{
	return s->root;
}

void sim_watch_foreign(struct sim *s)
{
	s->watch = true;
}
