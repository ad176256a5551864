/* fs.c - the file seam over the kernel: every call answers >= 0 or -errno.
 *
 * Every descriptor is O_CLOEXEC (a child that outlived a killed holder would
 * keep its lock).  Files are opened O_NOFOLLOW: none of a store is a symbolic
 * link.  Directories are not: people do keep a home on another disk.  And they
 * are opened O_NONBLOCK: a FIFO that stands in a file's place must not hang us
 * (reading it then fails with ESPIPE). */
#include "sys/posix.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

static int result(int r)
{
	return r < 0 ? -errno : r;
}

static int posix_open(void *ctx, const char *path, int flags, mode_t mode)
{
	int fd;

	do
		fd = open(path, flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, mode);
	while (fd < 0 && errno == EINTR);
	return result(fd);
}

static int posix_close(void *ctx, int fd)
{
	/* Linux has released the descriptor even when close() is interrupted. */
	return close(fd) < 0 && errno != EINTR ? -errno : 0;
}

static ssize_t posix_pread(void *ctx, int fd, void *p, size_t n, uint64_t off)
{
	ssize_t r;

	do
		r = pread(fd, p, n, (off_t)off);
	while (r < 0 && errno == EINTR);
	return r < 0 ? -errno : r;
}

static ssize_t posix_pwrite(void *ctx, int fd, const void *p, size_t n, uint64_t off)
{
	ssize_t r;

	do
		r = pwrite(fd, p, n, (off_t)off);
	while (r < 0 && errno == EINTR);
	return r < 0 ? -errno : r;
}

/* Not asked again after a failure: the second fdatasync answers 0 for pages
 * that the first one lost. */
static int posix_sync(void *ctx, int fd)
{
	return result(fdatasync(fd));
}

static int open_dir(const char *path)
{
	int fd;

	do
		fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	while (fd < 0 && errno == EINTR);
	return result(fd);
}

static int posix_sync_dir(void *ctx, const char *path)
{
	int fd = open_dir(path);
	int r;

	if (fd < 0)
		return fd;
	r = result(fsync(fd));
	posix_close(ctx, fd);
	return r;
}

static int posix_reserve(void *ctx, int fd, uint64_t off, uint64_t n)
{
	int r;

	do
		r = fallocate(fd, 0, (off_t)off, (off_t)n);
	while (r < 0 && errno == EINTR);
	return result(r);
}

static int posix_punch(void *ctx, int fd, uint64_t off, uint64_t n)
{
	return result(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)off, (off_t)n));
}

static int posix_truncate(void *ctx, int fd, uint64_t n)
{
	int r;

	do
		r = ftruncate(fd, (off_t)n);
	while (r < 0 && errno == EINTR);
	return result(r);
}

/* Where the file system knows no RENAME_NOREPLACE, link() is as atomic for a
 * file; for a directory rename() itself refuses a non-empty target. */
static int rename_new(const char *from, const char *to)
{
	if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0)
		return 0;
	if (errno != EINVAL && errno != ENOSYS)
		return -errno;
	if (link(from, to) == 0)
		return result(unlink(from));
	if (errno != EPERM)
		return -errno;
	return result(rename(from, to));
}

static int posix_rename(void *ctx, const char *from, const char *to, bool replace)
{
	return replace ? result(rename(from, to)) : rename_new(from, to);
}

static int posix_unlink(void *ctx, const char *path)
{
	return result(unlink(path));
}

static int posix_mkdir(void *ctx, const char *path, mode_t mode)
{
	return result(mkdir(path, mode));
}

static int posix_rmdir(void *ctx, const char *path)
{
	return result(rmdir(path));
}

/* statx, because only it tells the birth time, by which a copy is known. */
static int stat_at(int dirfd, const char *path, int flags, struct eng_stat *out)
{
	struct statx sx;

	if (statx(dirfd, path, flags, STATX_BASIC_STATS | STATX_BTIME, &sx) < 0)
		return -errno;
	*out = (struct eng_stat){
	        .dev = makedev(sx.stx_dev_major, sx.stx_dev_minor),
	        .ino = sx.stx_ino,
	        .size = sx.stx_size,
	        .blocks = sx.stx_blocks,
	        .nlink = sx.stx_nlink,
	        .mode = sx.stx_mode,
	        .uid = sx.stx_uid,
	};
	if (sx.stx_mask & STATX_BTIME)
		out->birth_ns = sx.stx_btime.tv_sec * 1000000000 + sx.stx_btime.tv_nsec;
	return 0;
}

static int posix_stat(void *ctx, const char *path, struct eng_stat *out)
{
	return stat_at(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, out);
}

static int posix_fstat(void *ctx, int fd, struct eng_stat *out)
{
	return stat_at(fd, "", AT_EMPTY_PATH, out);
}

static bool is_dot(const char *name)
{
	return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

static int posix_list(void *ctx, const char *path, eng_dir_fn *fn, void *data)
{
	int fd = open_dir(path);
	struct dirent *entry;
	DIR *dir;
	int r = 0;

	if (fd < 0)
		return fd;
	dir = fdopendir(fd);
	if (!dir) {
		r = -errno;
		posix_close(ctx, fd);
		return r;
	}
	for (errno = 0; r == 0 && (entry = readdir(dir)) != NULL; errno = 0)
		if (!is_dot(entry->d_name))
			r = fn(data, entry->d_name);
	if (r == 0)
		r = -errno;
	closedir(dir);
	return r;
}

static void *posix_map(void *ctx, int fd, size_t n, bool write)
{
	void *p = mmap(NULL, n, PROT_READ | (write ? PROT_WRITE : 0), MAP_SHARED, fd, 0);

	return p == MAP_FAILED ? NULL : p;
}

static void posix_unmap(void *ctx, void *p, size_t n)
{
	munmap(p, n);
}

/* File systems whose locks, shared maps or flushes do not hold between two
 * machines that mount them: f_type of statfs(2), from linux/magic.h and, where
 * the kernel keeps the number to itself, from that file system's source. */
static const uint32_t shared_file_systems[] = {
	0x00006969, /* NFS */
	0x0000517b, /* SMB */
	0xff534d42, /* CIFS */
	0xfe534d42, /* SMB2 */
	0x01021997, /* 9p */
	0x00c36400, /* Ceph */
	0x01161970, /* GFS2 */
	0x7461636f, /* OCFS2 */
};

static int posix_is_local(void *ctx, const char *path)
{
	struct statfs fs;

	if (statfs(path, &fs) < 0)
		return -errno;
	for (size_t i = 0; i < ENG_COUNT(shared_file_systems); i++)
		if ((uint32_t)fs.f_type == shared_file_systems[i])
			return 0;
	return 1;
}

static void posix_evict(void *ctx, int fd)
{
	posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
}

/* A file's pages of 2 MiB (ext4 and XFS of Linux 6.16) come from mapping it with
 * that wish.  MADV_POPULATE_READ is of Linux 5.14; Debian 12's headers have it. */
static int posix_warm(void *ctx, int fd, uint64_t off, size_t n)
{
	void *p = mmap(NULL, n, PROT_READ, MAP_SHARED, fd, (off_t)off);
	int r;

	if (p == MAP_FAILED)
		return -errno;
	madvise(p, n, MADV_HUGEPAGE);
	r = result(madvise(p, n, MADV_POPULATE_READ));
	munmap(p, n);
	return r;
}

static int posix_is_read_only(void *ctx, const char *path)
{
	/* ST_RDONLY of statvfs(3); the kernel puts it into f_flags too. */
	enum { READ_ONLY = 1 };
	struct statfs fs;

	if (statfs(path, &fs) < 0)
		return -errno;
	return fs.f_flags & READ_ONLY ? 1 : 0;
}

const struct eng_fs_ops eng_posix_fs_ops = {
	.open = posix_open,
	.close = posix_close,
	.pread = posix_pread,
	.pwrite = posix_pwrite,
	.sync = posix_sync,
	.sync_dir = posix_sync_dir,
	.reserve = posix_reserve,
	.punch = posix_punch,
	.truncate = posix_truncate,
	.rename = posix_rename,
	.unlink = posix_unlink,
	.mkdir = posix_mkdir,
	.rmdir = posix_rmdir,
	.stat = posix_stat,
	.fstat = posix_fstat,
	.list = posix_list,
	.lock = eng_posix_lock,
	.map = posix_map,
	.unmap = posix_unmap,
	.is_local = posix_is_local,
	.is_read_only = posix_is_read_only,
	.evict = posix_evict,
	.warm = posix_warm,
};
