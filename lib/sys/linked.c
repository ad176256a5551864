/* linked.c - files that a person keeps: read as they are found, also behind a
 * symbolic link.  Whom such a file may belong to is the caller's rule, so it is
 * told about the very file that was read. */
#include "sys/posix.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#define FS(call, ...) eng_posix_fs_ops.call(NULL, __VA_ARGS__)

static int load(int fd, struct eng_buf *b, size_t max, struct eng_stat *st)
{
	ssize_t got = 1;
	int r = FS(fstat, fd, st);

	if (r < 0)
		return r;
	if ((st->mode & 0170000) != 0100000)
		return -EINVAL;
	if (st->size > max)
		return -EFBIG;
	if (!eng_buf_reserve(b, st->size))
		return -ENOMEM;
	for (size_t left = st->size, off = 0; left > 0 && got > 0; left -= (size_t)got, off += (size_t)got) {
		got = FS(pread, fd, b->p + b->n, left, off);
		if (got < 0)
			return (int)got;
		b->n += (size_t)got;
	}
	return 0;
}

int eng_sys_load_linked(const char *path, struct eng_buf *b, size_t max, struct eng_stat *st)
{
	int fd, r;

	*st = (struct eng_stat){.uid = eng_sys_uid()};
	if (strcmp(path, "/dev/null") == 0)
		return 0;
	do
		fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	while (fd < 0 && errno == EINTR);
	if (fd < 0)
		return -errno;
	r = load(fd, b, max, st);
	FS(close, fd);
	return r;
}
