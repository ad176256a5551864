/* warm.c - reads what recall needs into the page cache.
 *
 * Sequential reads of whole files: a state read so once answers a one-shot
 * recall in a third of the time that filling it through page faults takes.
 * What LMDB has just written is cached too, but in small pieces that cost a
 * fault each (100,000 rows: 1,025 faults and 13 ms, against 303 and 6), so the
 * cache is first asked to let go of it. */
#include "space/space_int.h"

#include <fcntl.h>

#include "base/alloc.h"

#define WARM_CHUNK (1u << 20)

static int read_file(struct engram_space *s, const char *name, uint8_t *p, const struct eng_job *job,
                     struct engram_error *err)
{
	char path[ENG_PATH_MAX];
	struct eng_stat st;
	uint64_t at = 0;
	ssize_t n = 1;
	int fd, r = 0;

	if (!eng_path(path, s->dir, "%s", name) || s->sys->fs.ops->stat(s->sys->fs.ctx, path, &st) < 0)
		return 0;
	fd = eng_fs_open(s->sys, path, O_RDONLY | O_NONBLOCK, 0);
	if (fd < 0)
		return eng_err_os(err, -fd, "%s", path);
	if (s->sys->fs.ops->evict)
		s->sys->fs.ops->evict(s->sys->fs.ctx, fd);
	while (r == 0 && n > 0) {
		n = eng_fs_read(s->sys, fd, p, WARM_CHUNK, at);
		at += n > 0 ? (uint64_t)n : 0;
		if (n < 0)
			r = eng_err_os(err, (int)-n, "%s", path);
		else
			r = eng_job_progress(job, "warm", at, st.size, err);
	}
	eng_fs_close(s->sys, &fd);
	if (job && job->report)
		job->report->bytes += at;
	return r;
}

/* The text view is not opened here: closing a descriptor of it would drop the
 * locks that SQLite holds for this process. */
int eng_space_warm(struct engram_space *s, const struct eng_job *job, struct engram_error *err)
{
	char name[ENG_VIEW_NAME_MAX];
	uint8_t *p;
	int r = eng_space_check_handle(s, err);

	if (r == 0)
		r = eng_gen_refresh(s, err);
	if (r < 0 || !s->gen || (job && job->dry_run))
		return r;
	p = eng_alloc(WARM_CHUNK);
	if (!p)
		return eng_err_nomem(err);
	r = read_file(s, s->gen->state, p, job, err);
	if (r == 0 && eng_view_in_use(name, s) == 1)
		r = read_file(s, name, p, job, err);
	eng_free(p);
	return r;
}
