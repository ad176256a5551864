/* file.c - what several areas need on top of the file seam. */
#include "sys/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/alloc.h"

#define FS(sys, call, ...) ((sys)->fs.ops->call((sys)->fs.ctx, __VA_ARGS__))

int eng_fs_open(const struct eng_sys *sys, const char *path, int flags, mode_t mode)
{
	return FS(sys, open, path, flags, mode);
}

void eng_fs_close(const struct eng_sys *sys, int *fd)
{
	if (*fd >= 0)
		FS(sys, close, *fd);
	*fd = -1;
}

ssize_t eng_fs_read(const struct eng_sys *sys, int fd, void *p, size_t n, uint64_t off)
{
	size_t done = 0;

	while (done < n) {
		ssize_t r = FS(sys, pread, fd, (uint8_t *)p + done, n - done, off + done);

		if (r < 0)
			return r;
		if (r == 0)
			break;
		done += (size_t)r;
	}
	return (ssize_t)done;
}

int eng_fs_write(const struct eng_sys *sys, int fd, const void *p, size_t n, uint64_t off)
{
	size_t done = 0;

	while (done < n) {
		ssize_t r = FS(sys, pwrite, fd, (const uint8_t *)p + done, n - done, off + done);

		if (r < 0)
			return (int)r;
		if (r == 0)
			return -EIO;
		done += (size_t)r;
	}
	return 0;
}

int eng_fs_sync(const struct eng_sys *sys, int fd)
{
	return FS(sys, sync, fd);
}

int eng_fs_sync_dir(const struct eng_sys *sys, const char *path)
{
	return FS(sys, sync_dir, path);
}

/* -- whole files ----------------------------------------------------------- */

static int load_fd(const struct eng_sys *sys, int fd, struct eng_buf *b, size_t max)
{
	struct eng_stat st;
	ssize_t got;
	int r = FS(sys, fstat, fd, &st);

	if (r < 0)
		return r;
	if (st.size > max)
		return -EFBIG;
	if (!eng_buf_reserve(b, st.size))
		return -ENOMEM;
	got = eng_fs_read(sys, fd, b->p + b->n, st.size, 0);
	if (got < 0)
		return (int)got;
	b->n += (size_t)got;
	return 0;
}

int eng_fs_load(const struct eng_sys *sys, const char *path, struct eng_buf *b, size_t max)
{
	int fd = eng_fs_open(sys, path, O_RDONLY, 0);
	int r;

	if (fd < 0)
		return fd;
	r = load_fd(sys, fd, b, max);
	eng_fs_close(sys, &fd);
	return r;
}

static bool temp_name(char out[ENG_PATH_MAX], const char *path)
{
	int n = snprintf(out, ENG_PATH_MAX, "%s.tmp-%" PRIu32, path, eng_sys_pid());

	return n > 0 && n < ENG_PATH_MAX;
}

static int write_new(const struct eng_sys *sys, const char *path, const void *p, size_t n, mode_t mode)
{
	int fd = eng_fs_open(sys, path, O_WRONLY | O_CREAT | O_TRUNC, mode);
	int r;

	if (fd < 0)
		return fd;
	r = eng_fs_write(sys, fd, p, n, 0);
	if (r == 0)
		r = eng_fs_sync(sys, fd);
	eng_fs_close(sys, &fd);
	return r;
}

int eng_fs_replace(const struct eng_sys *sys, const char *path, const void *p, size_t n, mode_t mode)
{
	char temp[ENG_PATH_MAX], parent[ENG_PATH_MAX];
	int r;

	if (!eng_fs_parent(parent, path) || !temp_name(temp, path))
		return -ENAMETOOLONG;
	r = write_new(sys, temp, p, n, mode);
	if (r == 0)
		r = FS(sys, rename, temp, path, true);
	if (r < 0) {
		FS(sys, unlink, temp);
		return r;
	}
	return eng_fs_sync_dir(sys, parent);
}

/* -- trees ------------------------------------------------------------------ */

#define TREE_DEPTH 4

struct removal {
	const struct eng_sys *sys;
	const char *dir;
	unsigned depth;
};

static int remove_path(const struct eng_sys *sys, const char *path, unsigned depth);

static int remove_entry(void *data, const char *name)
{
	const struct removal *at = data;
	char *path = eng_alloc(ENG_PATH_MAX);
	int r;

	if (!path)
		return -ENOMEM;
	r = eng_path(path, at->dir, "%s", name) ? remove_path(at->sys, path, at->depth) : -ENAMETOOLONG;
	eng_free(path);
	return r;
}

static int remove_dir(const struct eng_sys *sys, const char *path, unsigned depth)
{
	struct removal below = {sys, path, depth - 1};
	int r;

	if (depth == 0)
		return -ELOOP;
	r = FS(sys, list, path, remove_entry, &below);
	return r < 0 ? r : FS(sys, rmdir, path);
}

/* unlink() of a directory answers EISDIR on Linux (EPERM by POSIX). */
static int remove_path(const struct eng_sys *sys, const char *path, unsigned depth)
{
	int r = FS(sys, unlink, path);

	if (r == -EISDIR || r == -EPERM)
		r = remove_dir(sys, path, depth);
	return r == -ENOENT ? 0 : r;
}

int eng_fs_remove_tree(const struct eng_sys *sys, const char *path)
{
	return remove_path(sys, path, TREE_DEPTH);
}

/* -- paths ------------------------------------------------------------------ */

bool eng_path(char out[ENG_PATH_MAX], const char *dir, const char *format, ...)
{
	size_t n = strlen(dir);
	va_list ap;
	int more;

	if (n + 1 >= ENG_PATH_MAX)
		return false;
	memcpy(out, dir, n);
	out[n++] = '/';
	va_start(ap, format);
	more = vsnprintf(out + n, ENG_PATH_MAX - n, format, ap);
	va_end(ap);
	return more >= 0 && (size_t)more < ENG_PATH_MAX - n;
}

bool eng_fs_parent(char out[ENG_PATH_MAX], const char *path)
{
	const char *slash = strrchr(path, '/');
	size_t n = slash ? (size_t)(slash - path) : 0;

	if (!slash || n >= ENG_PATH_MAX)
		return false;
	memcpy(out, path, n ? n : 1);
	out[n ? n : 1] = 0;
	return true;
}
