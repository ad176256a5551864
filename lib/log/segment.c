/* segment.c - segment files: finding, beginning, growing them.
 *
 * A segment is built whole under a temporary name (header, a stretch of written
 * zeros, sync), then renamed and the directory synced; so a file under a
 * segment's name always has a header, also after a power cut.  One of the same
 * name holds nothing that became durable (its first seq is durable_seq + 1) and
 * is replaced.
 *
 * Frames go over zeros that are already written: an ordinary put then changes
 * neither the size nor the block map of the file, and one fdatasync is one
 * write (84 us on ext4, where a growing file took 121).  The zeros come in steps of 64 KiB,
 * doubling to 1 MiB.  fallocate comes first, because it alone can say "disk
 * full" before a byte is written.
 *
 * A group of frames of 64 KiB and more, and whatever is received, goes over blocks that
 * are reserved and were never written: they read as zeros, too, and writing every byte
 * twice was a tenth of an import's time.  What a crash leaves there are zeros or the
 * group's own sectors, as over written zeros. */
#include "log/log_int.h"

#include <errno.h>
#include <fcntl.h>

#include "base/alloc.h"

#define STEP_MIN (64u << 10)
#define STEP_MAX (1u << 20)
#define GROUP_MIN (64u << 10)
#define FIRST_SIZE (ENG_SEGMENT_HEADER + STEP_MIN + ENG_LOG_SLACK)

static const uint8_t zeros[64 << 10];

/* -- finding -------------------------------------------------------------------- */

static int add_first(struct eng_log_series *s, uint64_t first)
{
	size_t at = s->nfirsts;

	if (s->nfirsts == s->firsts_cap) {
		size_t cap = s->firsts_cap ? 2 * s->firsts_cap : 8;
		uint64_t *p = eng_realloc(s->firsts, cap * sizeof *p);

		if (!p)
			return -ENOMEM;
		s->firsts = p;
		s->firsts_cap = cap;
	}
	for (; at > 0 && s->firsts[at - 1] > first; at--)
		s->firsts[at] = s->firsts[at - 1];
	s->firsts[at] = first;
	s->nfirsts++;
	return 0;
}

static int take_entry(void *data, const char *name)
{
	uint64_t first;

	return eng_segment_name_parse(&first, name) ? add_first(data, first) : 0;
}

int eng_segments_list(struct eng_log *log, struct eng_log_series *s, struct engram_error *err)
{
	int r;

	s->nfirsts = 0;
	r = log->sys->fs.ops->list(log->sys->fs.ctx, s->dir, take_entry, s);
	return r < 0 ? eng_err_fs(err, r, s->dir, "list") : ENGRAM_OK;
}

void eng_segment_path(char out[ENG_PATH_MAX], const struct eng_log_series *s, uint64_t first)
{
	char name[ENG_SEGMENT_NAME + 1];

	eng_segment_name(name, first);
	if (!eng_path(out, s->dir, "%s", name))
		out[0] = 0; /* open() then says ENOENT; series dirs leave room, see series.c */
}

int eng_segment_open(struct eng_log *log, int *fd, const struct eng_log_series *s, uint64_t first, bool write,
                     struct engram_error *err)
{
	char path[ENG_PATH_MAX];

	eng_segment_path(path, s, first);
	*fd = eng_fs_open(log->sys, path, write ? O_RDWR : O_RDONLY, 0);
	if (*fd == -ENOENT) {
		*fd = -1;
		return eng_err(err, ENGRAM_EDAMAGED, "%s: wanted this segment, found no such file", path);
	}
	if (*fd < 0) {
		int r = *fd;

		*fd = -1;
		return eng_err_fs(err, r, path, "open");
	}
	return ENGRAM_OK;
}

static int check_names(const struct eng_segment_header *h, struct eng_fault *fault, struct eng_log *log,
                       const struct eng_log_series *s, uint64_t first)
{
	const char *what = NULL;

	if (eng_id_cmp(&h->space, &log->space) != 0) {
		what = "segment header: wanted the id of this space, found another";
		fault->off = 16;
	} else if (eng_series_cmp(&h->series, &s->of) != 0) {
		what = "segment header: wanted the series of its directory, found another";
		fault->off = 32;
	} else if (h->first_seq != first) {
		what = "segment header: wanted the first seq of its name, found another";
		fault->off = 48;
	}
	if (!what)
		return 1;
	memcpy(fault->text, what, strlen(what) + 1);
	return 0;
}

int eng_segment_check(struct eng_log *log, uint32_t *prev, const struct eng_log_series *s, uint64_t first,
                      struct eng_window *w, struct engram_error *err)
{
	struct eng_fault fault = {.off = 0,
	                          .text = "segment header: wanted magic and check, found other bytes"};
	struct eng_segment_header h;
	char path[ENG_PATH_MAX];
	const uint8_t *p;
	bool zero = false;
	size_t got;
	int r = eng_window_get(w, &p, &got, 0, ENG_SEGMENT_HEADER);

	eng_segment_path(path, s, first);
	if (r < 0)
		return eng_err_fs(err, r, path, "read");
	if (got == 0)
		return 0;
	r = got < ENG_SEGMENT_HEADER ? ENGRAM_EDAMAGED : eng_segment_decode(&h, p, &zero);
	if (zero)
		return 0;
	if (r == ENGRAM_EVERSION)
		return eng_err(err, r, "%s: segment version %u is not understood by this program", path,
		               h.version);
	if (r < 0 || !check_names(&h, &fault, log, s, first))
		return eng_err_fault(err, path, &fault);
	*prev = h.prev;
	return 1;
}

/* -- beginning ------------------------------------------------------------------ */

int eng_segment_zero(struct eng_log *log, int fd, uint64_t from, uint64_t to)
{
	while (from < to) {
		size_t n = to - from < sizeof zeros ? (size_t)(to - from) : sizeof zeros;
		int r = eng_fs_write(log->sys, fd, zeros, n, from);

		if (r < 0)
			return r;
		from += n;
	}
	return 0;
}

int eng_segment_rewrite(struct eng_log *log, int fd, uint64_t from, uint64_t to)
{
	enum { BLOCK = 64 << 10, SECTOR = 512 };
	struct eng_window w = {.sys = log->sys, .fd = fd};
	uint64_t off = from & ~(uint64_t)(SECTOR - 1);
	int r = 0;

	while (r == 0 && off < to) {
		const uint8_t *p;
		size_t got, n = to - off < BLOCK ? (size_t)(to - off) : BLOCK;

		r = eng_window_get(&w, &p, &got, off, n);
		if (r == 0)
			r = got ? eng_fs_write(log->sys, fd, p, got, off) : -EIO;
		if (r == 0)
			off += got;
	}
	eng_window_free(&w);
	return r;
}

/* Blocks for [from, to): 1 it has them, or why not.  0: a file system without
 * fallocate has only the zeros to ask; they too lie behind the end and spoil nothing. */
static int reserve(struct eng_log *log, int fd, uint64_t from, uint64_t to)
{
	int r = log->sys->fs.ops->reserve(log->sys->fs.ctx, fd, from, to - from);

	if (r == -EOPNOTSUPP || r == -ENOSYS)
		return 0;
	return r < 0 ? r : 1;
}

static int build(struct eng_log *log, const char *temp, const struct eng_segment_header *h)
{
	uint8_t head[ENG_SEGMENT_HEADER];
	int fd = eng_fs_open(log->sys, temp, O_RDWR | O_CREAT | O_TRUNC, 0600);
	int r;

	if (fd < 0)
		return fd;
	eng_segment_encode(head, h);
	r = reserve(log, fd, 0, FIRST_SIZE);
	if (r >= 0)
		r = eng_fs_write(log->sys, fd, head, sizeof head, 0);
	if (r == 0)
		r = eng_segment_zero(log, fd, sizeof head, FIRST_SIZE);
	eng_point(log->sys, "segment-written");
	if (r == 0)
		r = eng_fs_sync(log->sys, fd);
	eng_fs_close(log->sys, &fd);
	return r;
}

/* From here until the mark is published the directory may hold a segment that
 * the mark does not know: dirty makes the next writer look for it. */
static int install(struct eng_log *log, struct eng_log_series *s, const char *temp, const char *path)
{
	int r;

	s->mark->dirty = 1;
	eng_point(log->sys, "segment-synced");
	r = log->sys->fs.ops->rename(log->sys->fs.ctx, temp, path, true);
	eng_point(log->sys, "segment-renamed");
	return r < 0 ? r : eng_fs_sync_dir(log->sys, s->dir);
}

/* In this order: whoever dies in between leaves dirty set, and a flush leader,
 * who does not look at dirty, finds at every step a range that it may flush. */
static void publish(struct eng_log *log, struct eng_mark *m, uint64_t first, uint32_t prev)
{
	m->written_off = ENG_SEGMENT_HEADER;
	eng_point(log->sys, "begin-written-off");
	m->chain = prev;
	m->last_off = 0;
	m->filled_off = FIRST_SIZE;
	m->durable_off = ENG_SEGMENT_HEADER;
	m->written_seq = first - 1;
	eng_point(log->sys, "begin-written-seq");
	m->active = first;
	m->turn++;
	eng_point(log->sys, "begin-active");
}

int eng_segment_begin(struct eng_log *log, struct eng_log_series *s, uint64_t first, uint32_t prev,
                      struct engram_error *err)
{
	struct eng_segment_header h = {1, prev, log->space, s->of, first};
	char path[ENG_PATH_MAX], temp[ENG_PATH_MAX];
	int r;

	eng_segment_path(path, s, first);
	if (!eng_path(temp, s->dir, "segment.tmp"))
		return eng_err_os(err, ENAMETOOLONG, "%s", s->dir);
	r = build(log, temp, &h);
	if (r < 0) {
		log->sys->fs.ops->unlink(log->sys->fs.ctx, temp);
		return eng_err_fs(err, r, path, "begin segment");
	}
	r = install(log, s, temp, path);
	if (r < 0)
		return eng_err_fs(err, r, path, "begin segment");
	publish(log, s->mark, first, prev);
	return ENGRAM_OK;
}

/* -- the active segment ------------------------------------------------------------ */

int eng_segment_use(struct eng_log *log, struct eng_log_series *s, struct engram_error *err)
{
	uint64_t first = s->mark->active;
	uint32_t turn = s->mark->turn;
	int r;

	if (log->seg_fd >= 0 && log->seg_first == first && log->seg_turn == turn &&
	    eng_series_cmp(&log->seg_series, &s->id) == 0)
		return ENGRAM_OK;
	eng_fs_close(log->sys, &log->seg_fd);
	log->seg_series = s->id;
	log->seg_held = 0;
	r = eng_segment_open(log, &log->seg_fd, s, first, true, err);
	log->seg_first = first;
	log->seg_turn = turn;
	return r;
}

static uint64_t step_from(uint64_t filled)
{
	uint64_t step = filled < STEP_MIN ? STEP_MIN : filled;

	return step < STEP_MAX ? step : STEP_MAX;
}

/* 1 [from, *to) has blocks, 0 it must be asked by writing.  What is not needed
 * before `end` is taken as far as there is room. */
static int reserve_to(struct eng_log *log, uint64_t *to, uint64_t from, uint64_t end)
{
	int r;

	while ((r = reserve(log, log->seg_fd, from, *to)) == -ENOSPC || r == -EDQUOT) {
		if (*to == end)
			return r;
		*to = end + (*to - end) / 2;
	}
	return r;
}

/* Where the blocks that are known to be held end: others' are known as far as they
 * are filled, this handle's as far as it reserved. */
static uint64_t held_to(const struct eng_log *log, const struct eng_mark *m)
{
	return log->seg_held > m->filled_off ? log->seg_held : m->filled_off;
}

static int fill(struct eng_log *log, struct eng_mark *m, uint64_t frames, uint64_t end, bool group)
{
	uint64_t filled = m->filled_off, from = group ? held_to(log, m) : filled, to = from + step_from(from);
	int r = 1;

	if (to < end)
		to = end;
	if (end > from) {
		r = reserve_to(log, &to, from, end);
		log->seg_held = r == 1 ? to : 0;
	}
	eng_point(log->sys, "fill-reserved");
	if (r == 1 && group) { /* what lies behind the frames gets its zeros when its turn comes */
		if (filled < frames)
			m->filled_off = frames;
		return 0;
	}
	if (r >= 0)
		r = eng_segment_zero(log, log->seg_fd, from, to);
	if (r < 0)
		return r;
	eng_point(log->sys, "fill-zeroed");
	m->filled_off = to;
	return 0;
}

int eng_segment_fill(struct eng_log *log, struct eng_log_series *s, uint64_t n, uint64_t slack,
                     struct engram_error *err)
{
	struct eng_mark *m = s->mark;
	uint64_t frames = m->written_off + n, end = frames + slack;
	bool group = n >= GROUP_MIN || eng_series_receives(s);
	int r = end > m->filled_off ? fill(log, m, frames, end, group) : 0;

	return r < 0 ? eng_err_fs(err, r, s->dir, "reserve") : ENGRAM_OK;
}
