/* warm.c - reads what recall needs into the page cache, in large pages.
 *
 * What LMDB has just written is cached too, but in small pieces that cost a fault
 * each.  A view file of 327 MB (340,479 words, two graphs) touched page by page:
 * 5,000 faults and 58 ms as it was written, 159 and 1.5 ms where the kernel was asked
 * for pages of 2 MiB; a one-shot recall of it 950 and 290.  So the cache is first asked
 * to let go of the file, and then to read it anew. */
#include "space/space_int.h"

#include <fcntl.h>

#define WARM_CHUNK ((size_t)32 << 20) /* a multiple of all sizes of pages; half a second of a slow disk */

/* Where the kernel cannot, reading it does, in small pages. */
static int read_chunk(struct engram_space *s, int fd, uint64_t at, size_t n)
{
	const struct eng_fs_ops *ops = s->sys->fs.ops;
	uint8_t p[1u << 14];
	size_t done = 0;
	ssize_t got = 1;

	if (ops->warm && ops->warm(s->sys->fs.ctx, fd, at, n) == 0)
		return 0;
	while (got > 0 && done < n) {
		got = eng_fs_read(s->sys, fd, p, sizeof p, at + done);
		done += got > 0 ? (size_t)got : 0;
	}
	return got < 0 ? (int)got : 0;
}

int eng_warm_file(struct engram_space *s, const char *name, const struct eng_job *job, struct engram_error *err)
{
	char path[ENG_PATH_MAX];
	struct eng_stat st;
	int fd, r = 0;

	if (!eng_path(path, s->dir, "%s", name) || s->sys->fs.ops->stat(s->sys->fs.ctx, path, &st) < 0)
		return 0;
	fd = eng_fs_open(s->sys, path, O_RDONLY | O_NONBLOCK, 0);
	if (fd < 0)
		return eng_err_os(err, -fd, "%s", path);
	if (s->sys->fs.ops->evict)
		s->sys->fs.ops->evict(s->sys->fs.ctx, fd);
	for (uint64_t at = 0; r == 0 && at < st.size; at += WARM_CHUNK) {
		const size_t n = st.size - at < WARM_CHUNK ? (size_t)(st.size - at) : WARM_CHUNK;

		r = read_chunk(s, fd, at, n);
		r = r < 0 ? eng_err_os(err, -r, "%s", path) : eng_job_progress(job, "warm", at + n, st.size, err);
	}
	eng_fs_close(s->sys, &fd);
	if (r == 0 && job && job->report)
		job->report->bytes += st.size;
	return r;
}

/* The text view is not opened here: closing a descriptor of it would drop the
 * locks that SQLite holds for this process. */
int eng_space_warm(struct engram_space *s, const struct eng_job *job, struct engram_error *err)
{
	char name[ENG_VIEW_NAME_MAX];
	int r = eng_space_check_handle(s, err);

	if (r == 0)
		r = eng_gen_refresh(s, err);
	if (r < 0 || !s->gen || (job && job->dry_run))
		return r;
	r = eng_warm_file(s, s->gen->state, job, err);
	if (r == 0 && eng_view_in_use(name, s) == 1)
		r = eng_warm_file(s, name, job, err);
	return r;
}
