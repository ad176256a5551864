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
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "faultdisk_int.h"

static struct disk *here; /* boot_id() has no context */

static const struct eng_fs_ops *real(void)
{
	return eng_sys_posix()->fs.ops;
}

static void *real_ctx(void)
{
	return eng_sys_posix()->fs.ctx;
}

void disk_give_up(const char *what)
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

struct file *disk_file(struct disk *d, uint64_t ino)
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
	disk_give_up("too many files");
	return NULL;
}

int disk_image(const struct disk *d, uint64_t ino)
{
	char path[300];
	snprintf(path, sizeof path, "%s/disk/%llu", d->dir, (unsigned long long)ino);
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		disk_give_up("image");
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
		disk_give_up(path);
	d->fd_file[fd] = disk_file(d, st.st_ino);
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
			disk_give_up("file too long");
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

void disk_copy_page(int from, int to, uint64_t page)
{
	uint8_t b[PAGE];
	ssize_t n = pread(from, b, sizeof b, (off_t)(page * PAGE));
	if (n > 0 && pwrite(to, b, (size_t)n, (off_t)(page * PAGE)) != n)
		disk_give_up("write of an image");
}

void disk_copy_size(int from, int to)
{
	struct stat st;
	if (fstat(from, &st) || ftruncate(to, st.st_size))
		disk_give_up("size of an image");
}

static void flush_file(struct disk *d, int fd, bool fail)
{
	struct file *f = d->fd_file[fd];
	if (d->fd_image[fd] < 0)
		d->fd_image[fd] = disk_image(d, atomic_load(&f->ino));
	for (uint64_t p = 0; p < PAGES; p++)
		if (atomic_load_explicit(&f->dirty[p], memory_order_relaxed) && atomic_exchange(&f->dirty[p], 0) &&
		    !(fail && eng_rng_below(&d->rng, 2)))
			disk_copy_page(fd, d->fd_image[fd], p);
	disk_copy_size(fd, d->fd_image[fd]);
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
			disk_give_up("mapped file too long");
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
	disk_give_up("too many names");
}

struct found disk_list_live(const struct disk *d, const char *dir)
{
	char path[512];
	struct stat st;
	struct found f = {malloc(NAMES * sizeof *f.name), 0};
	snprintf(path, sizeof path, "%s/%s", d->live, dir);
	DIR *h = opendir(path);
	if (!f.name)
		disk_give_up("memory");
	for (struct dirent *e; h && (e = readdir(h));) {
		if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
			continue;
		if (fstatat(dirfd(h), e->d_name, &st, AT_SYMLINK_NOFOLLOW))
			continue;
		struct name *x = &f.name[f.n++];
		*x = (struct name){.used = true, .is_dir = S_ISDIR(st.st_mode), .ino = st.st_ino};
		snprintf(x->dir, sizeof x->dir, "%s", dir);
		if (strlen(e->d_name) >= sizeof x->name)
			disk_give_up(e->d_name);
		strcpy(x->name, e->d_name);
	}
	if (h)
		closedir(h);
	return f;
}

void disk_keep_names(struct disk *d, const char *dir)
{
	lock_names(d);
	struct found f = disk_list_live(d, dir);
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
		disk_keep_names(d, path + strspn(path, "/"));
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
		disk_give_up("memory");
	snprintf(d->dir, sizeof d->dir, "%s", dir);
	snprintf(d->live, sizeof d->live, "%s/live", dir);
	snprintf(path, sizeof path, "%s/disk", dir);
	d->sh = mmap(NULL, sizeof *d->sh, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (d->sh == MAP_FAILED || mkdir(d->live, 0700) || mkdir(path, 0700))
		disk_give_up(dir);
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
	d->sys.guard = NULL; /* faults are counted here, in this process */
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
		disk_give_up(path);
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
