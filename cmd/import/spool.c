/* spool.c - see spool.h. */
#include "import/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "common/stream.h"

#define SPOOL_PATH_MAX 4096

static bool is_regular(const char *path)
{
	struct stat st;

	/* Standard input may be a file, but one that others read on. */
	return strcmp(path, "-") != 0 && stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

/* A file that is gone with the process, however it ends. */
static int unnamed_file(const char *dir, struct engram_error *err)
{
	char path[SPOOL_PATH_MAX];
	int fd = -1;

	if (strlen(dir) + sizeof "/engram-import-XXXXXX" <= sizeof path) {
		strcpy(path, dir);
		strcat(path, "/engram-import-XXXXXX");
		fd = mkostemp(path, O_CLOEXEC);
	} else {
		errno = ENAMETOOLONG;
	}
	if (fd < 0)
		return eng_err_os(err, errno, "temporary file in %s", dir);
	unlink(path);
	return fd;
}

static int write_all(int fd, const struct stream *s, const char *dir, struct engram_error *err)
{
	const uint8_t *p = stream_bytes(s);
	size_t left = stream_left(s);

	while (left > 0) {
		ssize_t n = write(fd, p, left);

		if (n < 0 && errno != EINTR)
			return eng_err_os(err, errno, "temporary file in %s", dir);
		p += n > 0 ? n : 0;
		left -= n > 0 ? (size_t)n : 0;
	}
	return 0;
}

static int copy(int fd, struct stream *s, const char *dir, struct engram_error *err)
{
	int r = 0;

	while (r == 0 && !s->eof) {
		switch (stream_more(s, true, err)) {
		case STREAM_FAILED:
			return err->code;
		case STREAM_STOP:
			return 1;
		case STREAM_WAIT:
		case STREAM_MORE:
			break;
		}
		r = write_all(fd, s, dir, err);
		s->at = s->buf.n;
	}
	return r;
}

int spool(int *fd, const char *path, struct engram_error *err)
{
	const char *dir = getenv("TMPDIR");
	struct stream s;
	int made, r;

	*fd = -1;
	if (is_regular(path))
		return 0;
	if (!dir || !*dir)
		dir = "/tmp";
	r = stream_open(&s, path, err);
	if (r < 0)
		return r;
	made = unnamed_file(dir, err);
	r = made < 0 ? made : copy(made, &s, dir, err);
	stream_close(&s);
	if (r == 0)
		*fd = made;
	else if (made >= 0)
		close(made);
	return r;
}
