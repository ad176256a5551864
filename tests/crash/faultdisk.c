/* faultdisk.c - see faultdisk.h.
 *
 * Dirty pages are one byte each in shared memory, by inode.  A writer sets
 * them before and after its write: a flush that runs meanwhile may copy half
 * of it, and then the page is dirty again.  The durable names of a directory
 * are the listing at its last sync.
 *
 * tmpfs does not use an inode number twice, so it serves as a file's name here. */
#include "faultdisk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define PAGE 4096u
#define SECTOR 512u
#define PAGES (17u << 20 >> 12) /* the greatest file: a sealed segment */
#define FILES 4096u
#define NAMES 8192u
#define FDS 1024
#define MAPPED 16u
#define SHOTS 64u

struct file {
	_Atomic uint64_t ino; /* 0 = free */
	_Atomic bool mapped;
	_Atomic uint8_t dirty[PAGES];
};

struct name {
	bool used;
	bool is_dir;
	uint64_t ino;
	char dir[96]; /* below live, "" = live itself */
	char name[64];
};

/* In memory shared by all processes. */
struct shared {
	_Atomic uint64_t boot;
	_Atomic bool stop;
	_Atomic int names_lock;
	_Atomic uint64_t flushes, failed, kills, full;
	struct name names[NAMES]; /* guard: names_lock */
	struct file files[FILES];
};

struct shots {
	uint64_t ino;
	size_t n, at;
	uint8_t page[SHOTS][PAGE];
};

struct disk {
	char dir[256], live[256 + 8];
	struct shared *sh;
	struct shots shots[MAPPED]; /* of the parent */
	/* this process */
	struct eng_sys sys;
	struct disk_faults faults;
	struct eng_rng rng;
	struct file *fd_file[FDS];
	int fd_image[FDS];
};

static struct disk *here; /* boot_id() has no context */

static const struct eng_fs_ops *real(void)
{
	return eng_sys_posix()->fs.ops;
}

static void *real_ctx(void)
{
	return eng_sys_posix()->fs.ctx;
}

static void stop_here(const char *what)
{
	fprintf(stderr, "faultdisk: %s: %s\n", what, strerror(errno));
	_exit(9);
}

static void die_sometimes(struct disk *d)
{
	if (!d->faults.kill_every)
		return;
	if (!atomic_load(&d->sh->stop)) {
		if (eng_rng_below(&d->rng, d->faults.kill_every))
			return;
		atomic_fetch_add(&d->sh->kills, 1);
	}
	kill(getpid(), SIGKILL);
}

static bool chance(struct disk *d, unsigned permille)
{
	return permille && eng_rng_below(&d->rng, 1000) < permille;
}

/* -- files --------------------------------------------------------------------- */

static struct file *file_of(struct disk *d, uint64_t ino)
{
	size_t at = (size_t)(ino * 0x9e3779b97f4a7c15u >> 52) % FILES;
	for (size_t i = 0; i < FILES; i++, at = (at + 1) % FILES) {
		uint64_t free_slot = 0;
		struct file *f = &d->sh->files[at];
		if (atomic_load(&f->ino) == ino || atomic_compare_exchange_strong(&f->ino, &free_slot, ino) ||
		    free_slot == ino)
			return f;
	}
	errno = ENFILE;
	stop_here("too many files");
	return NULL;
}

static int open_image(const struct disk *d, uint64_t ino)
{
	char path[300];
	snprintf(path, sizeof path, "%s/disk/%llu", d->dir, (unsigned long long)ino);
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		stop_here("image");
	return fd;
}

static bool ours(const struct disk *d, const char *path)
{
	return strncmp(path, d->live, strlen(d->live)) == 0;
}

static int disk_open(void *ctx, const char *path, int flags, mode_t mode)
{
	struct disk *d = ctx;
	struct stat st;
	die_sometimes(d);
	int fd = real()->open(real_ctx(), path, flags, mode);
	if (fd < 0 || !ours(d, path))
		return fd;
	if (fd >= FDS || fstat(fd, &st))
		stop_here(path);
	d->fd_file[fd] = file_of(d, st.st_ino);
	d->fd_image[fd] = -1;
	die_sometimes(d);
	return fd;
}

static int disk_close(void *ctx, int fd)
{
	struct disk *d = ctx;
	if (fd >= 0 && fd < FDS && d->fd_file[fd]) {
		if (d->fd_image[fd] >= 0)
			close(d->fd_image[fd]);
		d->fd_file[fd] = NULL;
	}
	return real()->close(real_ctx(), fd);
}

static void soil(struct disk *d, int fd, uint64_t off, uint64_t n)
{
	struct file *f = fd < FDS ? d->fd_file[fd] : NULL;
	if (!f || !n)
		return;
	for (uint64_t p = off / PAGE; p <= (off + n - 1) / PAGE; p++) {
		if (p >= PAGES)
			stop_here("file too long");
		atomic_store(&f->dirty[p], 1);
	}
}

static ssize_t disk_pread(void *ctx, int fd, void *p, size_t n, uint64_t off)
{
	(void)ctx;
	return real()->pread(real_ctx(), fd, p, n, off);
}

static ssize_t disk_pwrite(void *ctx, int fd, const void *p, size_t n, uint64_t off)
{
	struct disk *d = ctx;
	die_sometimes(d);
	soil(d, fd, off, n);
	ssize_t done = real()->pwrite(real_ctx(), fd, p, n, off);
	soil(d, fd, off, n);
	die_sometimes(d);
	return done;
}

static void copy_page(int from, int to, uint64_t page)
{
	uint8_t b[PAGE];
	ssize_t n = pread(from, b, sizeof b, (off_t)(page * PAGE));
	if (n > 0 && pwrite(to, b, (size_t)n, (off_t)(page * PAGE)) != n)
		stop_here("write of an image");
}

static void copy_size(int from, int to)
{
	struct stat st;
	if (fstat(from, &st) || ftruncate(to, st.st_size))
		stop_here("size of an image");
}

static void flush_file(struct disk *d, int fd, bool fail)
{
	struct file *f = d->fd_file[fd];
	if (d->fd_image[fd] < 0)
		d->fd_image[fd] = open_image(d, atomic_load(&f->ino));
	for (uint64_t p = 0; p < PAGES; p++)
		if (atomic_load_explicit(&f->dirty[p], memory_order_relaxed) && atomic_exchange(&f->dirty[p], 0) &&
		    !(fail && eng_rng_below(&d->rng, 2)))
			copy_page(fd, d->fd_image[fd], p);
	copy_size(fd, d->fd_image[fd]);
}

static int disk_sync(void *ctx, int fd)
{
	struct disk *d = ctx;
	bool fail = chance(d, d->faults.flush_permille);
	die_sometimes(d);
	atomic_fetch_add(&d->sh->flushes, 1);
	if (fd >= 0 && fd < FDS && d->fd_file[fd])
		flush_file(d, fd, fail);
	if (d->faults.flush_us)
		usleep(d->faults.flush_us);
	die_sometimes(d);
	if (!fail)
		return 0;
	atomic_fetch_add(&d->sh->failed, 1);
	return -EIO;
}

static int disk_reserve(void *ctx, int fd, uint64_t off, uint64_t n)
{
	struct disk *d = ctx;
	die_sometimes(d);
	if (chance(d, d->faults.reserve_permille)) {
		atomic_fetch_add(&d->sh->full, 1);
		return -ENOSPC;
	}
	return real()->reserve(real_ctx(), fd, off, n);
}

static int disk_punch(void *ctx, int fd, uint64_t off, uint64_t n)
{
	soil(ctx, fd, off, n);
	return real()->punch(real_ctx(), fd, off, n);
}

static int disk_truncate(void *ctx, int fd, uint64_t n)
{
	die_sometimes(ctx);
	return real()->truncate(real_ctx(), fd, n);
}

static void *disk_map(void *ctx, int fd, size_t n, bool write)
{
	struct disk *d = ctx;
	die_sometimes(d);
	if (write && fd >= 0 && fd < FDS && d->fd_file[fd]) {
		if (n > PAGE)
			stop_here("mapped file too long");
		atomic_store(&d->fd_file[fd]->mapped, true);
	}
	return real()->map(real_ctx(), fd, n, write);
}

static void disk_unmap(void *ctx, void *p, size_t n)
{
	(void)ctx;
	real()->unmap(real_ctx(), p, n);
}

/* -- names ------------------------------------------------------------------------ */

static void lock_names(struct disk *d)
{
	while (atomic_exchange(&d->sh->names_lock, 1))
		sched_yield();
}

static void unlock_names(struct disk *d)
{
	atomic_store(&d->sh->names_lock, 0);
}

static void add_name(struct disk *d, const char *dir, const char *name, uint64_t ino, bool is_dir)
{
	for (size_t i = 0; i < NAMES; i++) {
		struct name *e = &d->sh->names[i];
		if (e->used)
			continue;
		*e = (struct name){.used = true, .is_dir = is_dir, .ino = ino};
		snprintf(e->dir, sizeof e->dir, "%s", dir);
		snprintf(e->name, sizeof e->name, "%s", name);
		return;
	}
	stop_here("too many names");
}

struct found {
	struct name *name;
	size_t n;
};

/* What lies in a directory now; free .name. */
static struct found list_live(const struct disk *d, const char *dir)
{
	char path[512];
	struct stat st;
	struct found f = {malloc(NAMES * sizeof *f.name), 0};
	snprintf(path, sizeof path, "%s/%s", d->live, dir);
	DIR *h = opendir(path);
	if (!f.name)
		stop_here("memory");
	for (struct dirent *e; h && (e = readdir(h));) {
		if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
			continue;
		if (fstatat(dirfd(h), e->d_name, &st, AT_SYMLINK_NOFOLLOW))
			continue;
		struct name *x = &f.name[f.n++];
		*x = (struct name){.used = true, .is_dir = S_ISDIR(st.st_mode), .ino = st.st_ino};
		snprintf(x->dir, sizeof x->dir, "%s", dir);
		if (strlen(e->d_name) >= sizeof x->name)
			stop_here(e->d_name);
		strcpy(x->name, e->d_name);
	}
	if (h)
		closedir(h);
	return f;
}

/* The listing of `dir` becomes durable. */
static void keep_names(struct disk *d, const char *dir)
{
	lock_names(d);
	struct found f = list_live(d, dir);
	for (size_t i = 0; i < NAMES; i++)
		if (d->sh->names[i].used && !strcmp(d->sh->names[i].dir, dir))
			d->sh->names[i].used = false;
	for (size_t i = 0; i < f.n; i++)
		add_name(d, dir, f.name[i].name, f.name[i].ino, f.name[i].is_dir);
	free(f.name);
	unlock_names(d);
}

static int disk_sync_dir(void *ctx, const char *path)
{
	struct disk *d = ctx;
	die_sometimes(d);
	if (ours(d, path)) {
		path += strlen(d->live);
		keep_names(d, path + strspn(path, "/"));
	}
	die_sometimes(d);
	return 0;
}

static int disk_rename(void *ctx, const char *from, const char *to, bool replace)
{
	die_sometimes(ctx);
	int r = real()->rename(real_ctx(), from, to, replace);
	die_sometimes(ctx);
	return r;
}

static int disk_unlink(void *ctx, const char *path)
{
	die_sometimes(ctx);
	return real()->unlink(real_ctx(), path);
}

static int disk_mkdir(void *ctx, const char *path, mode_t mode)
{
	die_sometimes(ctx);
	int r = real()->mkdir(real_ctx(), path, mode);
	die_sometimes(ctx);
	return r;
}

static int disk_rmdir(void *ctx, const char *path)
{
	die_sometimes(ctx);
	return real()->rmdir(real_ctx(), path);
}

static int disk_stat(void *ctx, const char *path, struct eng_stat *out)
{
	(void)ctx;
	return real()->stat(real_ctx(), path, out);
}

static int disk_fstat(void *ctx, int fd, struct eng_stat *out)
{
	(void)ctx;
	return real()->fstat(real_ctx(), fd, out);
}

static int disk_list(void *ctx, const char *path, eng_dir_fn *fn, void *data)
{
	die_sometimes(ctx);
	return real()->list(real_ctx(), path, fn, data);
}

static int disk_lock(void *ctx, int fd, uint64_t byte, enum eng_lock_kind kind, int wait_ms)
{
	die_sometimes(ctx);
	int r = real()->lock(real_ctx(), fd, byte, kind, wait_ms);
	die_sometimes(ctx);
	return r;
}

static int disk_is_local(void *ctx, const char *path)
{
	(void)ctx;
	return real()->is_local(real_ctx(), path);
}

static int disk_is_read_only(void *ctx, const char *path)
{
	(void)ctx;
	return real()->is_read_only(real_ctx(), path);
}

static const struct eng_fs_ops ops = {
	.open = disk_open,
	.close = disk_close,
	.pread = disk_pread,
	.pwrite = disk_pwrite,
	.sync = disk_sync,
	.sync_dir = disk_sync_dir,
	.reserve = disk_reserve,
	.punch = disk_punch,
	.truncate = disk_truncate,
	.rename = disk_rename,
	.unlink = disk_unlink,
	.mkdir = disk_mkdir,
	.rmdir = disk_rmdir,
	.stat = disk_stat,
	.fstat = disk_fstat,
	.list = disk_list,
	.lock = disk_lock,
	.map = disk_map,
	.unmap = disk_unmap,
	.is_local = disk_is_local,
	.is_read_only = disk_is_read_only,
};

/* -- power cut ---------------------------------------------------------------------- */

static struct shots *shots_of(struct disk *d, uint64_t ino)
{
	for (size_t i = 0; i < MAPPED; i++) {
		if (d->shots[i].ino == 0)
			d->shots[i].ino = ino;
		if (d->shots[i].ino == ino)
			return &d->shots[i];
	}
	return NULL;
}

typedef void file_fn(struct disk *d, const char *path, uint64_t ino, void *data);

static void each_file(struct disk *d, const char *path, file_fn *fn, void *data)
{
	char child[512];
	struct stat st;
	DIR *h = opendir(path);
	for (struct dirent *e; h && (e = readdir(h));) {
		if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
			continue;
		snprintf(child, sizeof child, "%s/%s", path, e->d_name);
		if (lstat(child, &st))
			continue;
		if (S_ISDIR(st.st_mode))
			each_file(d, child, fn, data);
		else
			fn(d, child, st.st_ino, data);
	}
	if (h)
		closedir(h);
}

static void shoot(struct disk *d, const char *path, uint64_t ino, void *data)
{
	(void)data;
	if (!atomic_load(&file_of(d, ino)->mapped))
		return;
	struct shots *s = shots_of(d, ino);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (!s || fd < 0)
		return;
	uint8_t *page = s->page[s->at % SHOTS];
	memset(page, 0, PAGE);
	if (pread(fd, page, PAGE, 0) >= 0) {
		s->at++;
		s->n += s->n < SHOTS;
	}
	close(fd);
}

void disk_snapshot(struct disk *d)
{
	each_file(d, d->live, shoot, NULL);
}

/* Each sector from any remembered moment, the last flush included. */
static void cut_mapped(struct disk *d, int live, int image, uint64_t ino, struct eng_rng *g)
{
	struct shots *s = shots_of(d, ino);
	uint8_t now[PAGE] = {0}, old[PAGE] = {0};
	bool whole = eng_rng_below(g, 2);
	size_t pick = s && s->n ? eng_rng_below(g, s->n + 1) : 0;
	if (pread(live, now, PAGE, 0) < 0 || pread(image, old, PAGE, 0) < 0)
		stop_here("mapped file");
	for (size_t k = 0; k < PAGE / SECTOR; k++) {
		if (!whole)
			pick = s && s->n ? eng_rng_below(g, s->n + 1) : 0;
		if (s && pick < s->n)
			memcpy(now + k * SECTOR, s->page[pick] + k * SECTOR, SECTOR);
		else if (eng_rng_below(g, 8) == 0)
			memcpy(now + k * SECTOR, old + k * SECTOR, SECTOR);
	}
	if (pwrite(live, now, PAGE, 0) != PAGE || pwrite(image, now, PAGE, 0) != PAGE)
		stop_here("mapped file");
}

static void cut_page(int live, int image, uint64_t page, bool dirty, struct eng_rng *g)
{
	uint8_t a[PAGE] = {0}, b[PAGE] = {0};
	if (pread(live, a, PAGE, (off_t)(page * PAGE)) < 0 || pread(image, b, PAGE, (off_t)(page * PAGE)) < 0)
		stop_here("read at the cut");
	if (memcmp(a, b, PAGE) == 0)
		return;
	for (size_t k = 0; dirty && k < PAGE / SECTOR; k++)
		if (eng_rng_below(g, 2))
			memcpy(b + k * SECTOR, a + k * SECTOR, SECTOR);
	if (pwrite(live, b, PAGE, (off_t)(page * PAGE)) != PAGE ||
	    pwrite(image, b, PAGE, (off_t)(page * PAGE)) != PAGE)
		stop_here("write at the cut");
}

static void cut_file(struct disk *d, const char *path, uint64_t ino, void *data)
{
	struct eng_rng *g = data;
	struct file *f = file_of(d, ino);
	struct stat now, old;
	int live = open(path, O_RDWR | O_CLOEXEC), image = open_image(d, ino);
	if (live < 0 || fstat(live, &now) || fstat(image, &old))
		stop_here(path);
	if (atomic_load(&f->mapped)) {
		cut_mapped(d, live, image, ino, g);
	} else {
		off_t size = eng_rng_below(g, 2) && now.st_size > old.st_size ? now.st_size : old.st_size;
		if (ftruncate(live, size) || ftruncate(image, size))
			stop_here(path);
		for (uint64_t p = 0; p * PAGE < (uint64_t)size; p++)
			cut_page(live, image, p, atomic_load(&f->dirty[p]), g);
		if (ftruncate(live, size) || ftruncate(image, size))
			stop_here(path);
	}
	for (size_t p = 0; p < PAGES; p++)
		atomic_store_explicit(&f->dirty[p], 0, memory_order_relaxed);
	close(live);
	close(image);
}

static const struct name *in_listing(const struct found *f, const char *name)
{
	for (size_t i = 0; i < f->n; i++)
		if (!strcmp(f->name[i].name, name))
			return &f->name[i];
	return NULL;
}

static const struct name *durable_name(const struct disk *d, const char *dir, const char *name)
{
	for (size_t i = 0; i < NAMES; i++) {
		const struct name *e = &d->sh->names[i];
		if (e->used && !strcmp(e->dir, dir) && !strcmp(e->name, name))
			return e;
	}
	return NULL;
}

static const struct name *durable_ino(const struct disk *d, const char *dir, uint64_t ino)
{
	for (size_t i = 0; i < NAMES; i++) {
		const struct name *e = &d->sh->names[i];
		if (e->used && e->ino == ino && !strcmp(e->dir, dir))
			return e;
	}
	return NULL;
}

/* The same toss for every name of one inode: a rename is whole or absent. */
static bool goes_back(uint64_t toss, uint64_t ino)
{
	return (ino * 0x9e3779b97f4a7c15u ^ toss) * 0xff51afd7ed558ccdu >> 63;
}

/* A name that the directory's last sync did not have: away, or back to where it was. */
static void undo_new(struct disk *d, const struct name *e, const char *path)
{
	char old[512];
	const struct name *before = durable_ino(d, e->dir, e->ino);
	if (!before) {
		if (e->is_dir)
			eng_fs_remove_tree(eng_sys_posix(), path);
		else
			unlink(path);
		return;
	}
	snprintf(old, sizeof old, "%s/%s%s%s", d->live, e->dir, *e->dir ? "/" : "", before->name);
	if (rename(path, old))
		stop_here(path);
}

/* A file that was replaced or removed comes back with what its last flush held. */
static void bring_back(struct disk *d, const struct name *e, const char *path)
{
	int image = open_image(d, e->ino);
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	struct stat st;
	if (fd < 0 || fstat(image, &st))
		stop_here(path);
	for (uint64_t p = 0; p * PAGE < (uint64_t)st.st_size; p++)
		copy_page(image, fd, p);
	copy_size(image, fd);
	if (fstat(fd, &st))
		stop_here(path);
	int mine = open_image(d, st.st_ino);
	for (uint64_t p = 0; p * PAGE < (uint64_t)st.st_size; p++)
		copy_page(fd, mine, p);
	copy_size(fd, mine);
	close(mine);
	close(image);
	close(fd);
}

static void cut_names(struct disk *d, const char *dir, uint64_t toss)
{
	char path[512], below[96];
	struct found live = list_live(d, dir);
	for (size_t i = 0; i < live.n; i++) {
		const struct name *e = &live.name[i], *was = durable_name(d, dir, e->name);
		snprintf(path, sizeof path, "%s/%s%s%s", d->live, dir, *dir ? "/" : "", e->name);
		if ((!was || was->ino != e->ino) && goes_back(toss, e->ino)) {
			undo_new(d, e, path);
			if (was)
				bring_back(d, was, path);
			continue;
		}
		if (e->is_dir && (size_t)snprintf(below, sizeof below, "%s%s%s", dir, *dir ? "/" : "", e->name) < sizeof below)
			cut_names(d, below, toss);
	}
	for (size_t i = 0; i < NAMES; i++) {
		const struct name *e = &d->sh->names[i];
		if (!e->used || strcmp(e->dir, dir) || in_listing(&live, e->name) || e->is_dir || !goes_back(toss, e->ino))
			continue;
		snprintf(path, sizeof path, "%s/%s%s%s", d->live, dir, *dir ? "/" : "", e->name);
		if (access(path, F_OK))
			bring_back(d, e, path);
	}
	free(live.name);
	keep_names(d, dir);
}

void disk_power_cut(struct disk *d, struct eng_rng *g)
{
	cut_names(d, "", eng_rng_next(g));
	each_file(d, d->live, cut_file, g);
	memset(d->shots, 0, sizeof d->shots);
	atomic_fetch_add(&d->sh->boot, 1);
}

/* -- life ------------------------------------------------------------------------------ */

static uint64_t disk_boot_id(void)
{
	return atomic_load(&here->sh->boot);
}

static uint64_t disk_machine_id(void)
{
	return 0xfa17;
}

static void disk_point(void *ctx, const char *name)
{
	(void)name;
	die_sometimes(ctx);
}

struct disk *disk_new(const char *dir)
{
	char path[300];
	struct disk *d = calloc(1, sizeof *d);
	if (!d)
		stop_here("memory");
	snprintf(d->dir, sizeof d->dir, "%s", dir);
	snprintf(d->live, sizeof d->live, "%s/live", dir);
	snprintf(path, sizeof path, "%s/disk", dir);
	d->sh = mmap(NULL, sizeof *d->sh, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (d->sh == MAP_FAILED || mkdir(d->live, 0700) || mkdir(path, 0700))
		stop_here(dir);
	atomic_store(&d->sh->boot, 0xb007);
	return d;
}

void disk_free(struct disk *d)
{
	munmap(d->sh, sizeof *d->sh);
	free(d);
}

const char *disk_live(const struct disk *d)
{
	return d->live;
}

const struct eng_sys *disk_attach(struct disk *d, const struct disk_faults *f, uint64_t seed)
{
	here = d;
	d->faults = *f;
	eng_rng_seed(&d->rng, seed);
	d->sys = *eng_sys_posix();
	d->sys.fs = (struct eng_fs){.ops = &ops, .ctx = d};
	d->sys.boot_id = disk_boot_id;
	d->sys.machine_id = disk_machine_id;
	d->sys.point = disk_point;
	d->sys.point_ctx = d;
	return &d->sys;
}

void disk_stop(struct disk *d, bool stop)
{
	atomic_store(&d->sh->stop, stop);
}

void disk_format(struct disk *d)
{
	char path[300];
	snprintf(path, sizeof path, "%s/disk", d->dir);
	eng_fs_remove_tree(eng_sys_posix(), d->live);
	eng_fs_remove_tree(eng_sys_posix(), path);
	if ((mkdir(d->live, 0700) && errno != EEXIST) || (mkdir(path, 0700) && errno != EEXIST))
		stop_here(path);
	memset(d->sh->names, 0, sizeof d->sh->names);
	for (size_t i = 0; i < FILES; i++)
		if (atomic_load(&d->sh->files[i].ino))
			memset(&d->sh->files[i], 0, sizeof d->sh->files[i]);
	memset(d->shots, 0, sizeof d->shots);
}

void disk_stats(const struct disk *d, struct disk_stats *out)
{
	out->flushes = atomic_load(&d->sh->flushes);
	out->failed = atomic_load(&d->sh->failed);
	out->kills = atomic_load(&d->sh->kills);
	out->full = atomic_load(&d->sh->full);
}
