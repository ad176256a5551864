/* logfix.c - see logfix.h. */
#include "logfix.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/le.h"

/* -- a file system that fails ----------------------------------------------------- */

static const struct eng_fs_ops *real(void)
{
	return eng_sys_posix()->fs.ops;
}

static int due(void *ctx, unsigned op)
{
	struct logfix *f = ctx;

	if (!(f->fail_ops & op) || f->fail_at == 0)
		return 0;
	f->calls++;
	return f->calls == f->fail_at || (f->fail_on && f->calls > f->fail_at) ? -f->fail_errno : 0;
}

#define FORWARD(op, call) \
	do { \
		int r_ = due(ctx, op); \
		return r_ ? r_ : (call); \
	} while (0)

static int f_open(void *ctx, const char *path, int flags, mode_t mode)
{
	FORWARD(LOGFIX_OPEN, real()->open(NULL, path, flags, mode));
}

static int f_close(void *ctx, int fd)
{
	return real()->close(NULL, fd);
}

static ssize_t f_pread(void *ctx, int fd, void *p, size_t n, uint64_t off)
{
	FORWARD(LOGFIX_READ, real()->pread(NULL, fd, p, n, off));
}

/* A failing write leaves half of it, as a full disk does. */
static ssize_t f_pwrite(void *ctx, int fd, const void *p, size_t n, uint64_t off)
{
	int r = due(ctx, LOGFIX_WRITE);

	if (r == 0)
		return real()->pwrite(NULL, fd, p, n, off);
	if (n > 1)
		real()->pwrite(NULL, fd, p, n / 2, off);
	return r;
}

static int f_sync(void *ctx, int fd)
{
	FORWARD(LOGFIX_SYNC, real()->sync(NULL, fd));
}

static int f_sync_dir(void *ctx, const char *path)
{
	FORWARD(LOGFIX_SYNC, real()->sync_dir(NULL, path));
}

static int f_reserve(void *ctx, int fd, uint64_t off, uint64_t n)
{
	FORWARD(LOGFIX_RESERVE, real()->reserve(NULL, fd, off, n));
}

static int f_punch(void *ctx, int fd, uint64_t off, uint64_t n)
{
	FORWARD(LOGFIX_OTHER, real()->punch(NULL, fd, off, n));
}

static int f_truncate(void *ctx, int fd, uint64_t n)
{
	FORWARD(LOGFIX_OTHER, real()->truncate(NULL, fd, n));
}

static int f_rename(void *ctx, const char *from, const char *to, bool replace)
{
	FORWARD(LOGFIX_OTHER, real()->rename(NULL, from, to, replace));
}

static int f_unlink(void *ctx, const char *path)
{
	FORWARD(LOGFIX_OTHER, real()->unlink(NULL, path));
}

static int f_mkdir(void *ctx, const char *path, mode_t mode)
{
	FORWARD(LOGFIX_OTHER, real()->mkdir(NULL, path, mode));
}

static int f_rmdir(void *ctx, const char *path)
{
	FORWARD(LOGFIX_OTHER, real()->rmdir(NULL, path));
}

static int f_stat(void *ctx, const char *path, struct eng_stat *out)
{
	FORWARD(LOGFIX_OTHER, real()->stat(NULL, path, out));
}

static int f_fstat(void *ctx, int fd, struct eng_stat *out)
{
	FORWARD(LOGFIX_OTHER, real()->fstat(NULL, fd, out));
}

static int f_list(void *ctx, const char *path, eng_dir_fn *fn, void *data)
{
	FORWARD(LOGFIX_OTHER, real()->list(NULL, path, fn, data));
}

/* Giving a lock back does not fail. */
static int f_lock(void *ctx, int fd, uint64_t byte, enum eng_lock_kind kind, int wait_ms)
{
	int r = kind == ENG_UNLOCK ? 0 : due(ctx, LOGFIX_OTHER);

	return r ? r : real()->lock(NULL, fd, byte, kind, wait_ms);
}

static void *f_map(void *ctx, int fd, size_t n, bool write)
{
	return due(ctx, LOGFIX_OTHER) ? NULL : real()->map(NULL, fd, n, write);
}

static void f_unmap(void *ctx, void *p, size_t n)
{
	real()->unmap(NULL, p, n);
}

static int f_is_local(void *ctx, const char *path)
{
	FORWARD(LOGFIX_OTHER, real()->is_local(NULL, path));
}

static int f_is_read_only(void *ctx, const char *path)
{
	FORWARD(LOGFIX_OTHER, real()->is_read_only(NULL, path));
}

static const struct eng_fs_ops failing_ops = {
	.open = f_open,
	.close = f_close,
	.pread = f_pread,
	.pwrite = f_pwrite,
	.sync = f_sync,
	.sync_dir = f_sync_dir,
	.reserve = f_reserve,
	.punch = f_punch,
	.truncate = f_truncate,
	.rename = f_rename,
	.unlink = f_unlink,
	.mkdir = f_mkdir,
	.rmdir = f_rmdir,
	.stat = f_stat,
	.fstat = f_fstat,
	.list = f_list,
	.lock = f_lock,
	.map = f_map,
	.unmap = f_unmap,
	.is_local = f_is_local,
	.is_read_only = f_is_read_only,
};

void logfix_fail(struct logfix *f, unsigned ops, long n, int error, bool on)
{
	f->fail_ops = ops;
	f->fail_at = n;
	f->fail_errno = error;
	f->fail_on = on;
	f->calls = 0;
}

/* -- the fixture -------------------------------------------------------------------- */

static int64_t f_wall(void *ctx)
{
	const struct logfix *f = ctx;

	return f->wall_us ? f->wall_us : eng_sys_posix()->clock.wall_us(NULL);
}

/* boot_id() has no context: the fixture that was made or opened last. */
static const struct logfix *current;

static uint64_t f_boot(void)
{
	return current->boot ? current->boot : eng_sys_posix()->boot_id();
}

static void take_notice(void *data, const char *line)
{
	struct logfix *f = data;

	f->notices++;
	snprintf(f->notice, sizeof f->notice, "%s", line);
}

/* Memory where there is some: the loops over n flush thousands of times. */
static void scratch(char out[ENG_PATH_MAX])
{
	const char *parent = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";

	snprintf(out, ENG_PATH_MAX, "%s/engram-log-XXXXXX", parent);
	if (!mkdtemp(out)) {
		perror(out);
		exit(99);
	}
}

static void set_up(struct logfix *f)
{
	f->sys = *eng_sys_posix();
	f->sys.clock.wall_us = f_wall;
	f->sys.clock.ctx = f;
	f->sys.fs = (struct eng_fs){&failing_ops, f};
	f->sys.boot_id = f_boot;
	current = f;
}

void logfix_new(struct logfix *f)
{
	memset(f, 0, sizeof *f);
	scratch(f->dir);
	set_up(f);
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *where)
{
	return remove(path);
}

/* Not with the library's own function: its allocator may be failing. */
void logfix_free(struct logfix *f)
{
	nftw(f->dir, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

void logfix_copy(struct logfix *to, const struct logfix *from)
{
	char command[3 * ENG_PATH_MAX];

	logfix_new(to);
	snprintf(command, sizeof command, "cp -a %s/. %s/", from->dir, to->dir);
	if (system(command) != 0)
		exit(99);
}

struct eng_log_options logfix_options(struct logfix *f, bool write)
{
	return (struct eng_log_options){
	        .space_dir = f->dir,
	        .space = {{0x5b, 0xac, 0xe5}},
	        .write = write,
	        .wait_ms = 5000,
	        .notice = take_notice,
	        .notice_data = f,
	};
}

struct eng_log *logfix_open(struct logfix *f, bool write)
{
	struct eng_log_options o = logfix_options(f, write);
	struct engram_error err = {0};
	struct eng_log *log = NULL;

	current = f;
	if (eng_log_open(&log, &f->sys, &o, &err) < 0)
		printf("# open: %s\n", err.message);
	return log;
}

/* -- frames ----------------------------------------------------------------------------- */

static uint8_t text_byte(uint64_t tag, size_t i)
{
	return (uint8_t)(1 + (tag * 131 + i * 7) % 251);
}

static void build(struct eng_buf *b, uint64_t tag, size_t n)
{
	struct eng_payload_out o;
	struct engram_id id = {{0}};
	uint8_t *text = eng_alloc(n);

	if (!text) {
		b->failed = true;
		return;
	}
	for (size_t i = 0; i < n; i++)
		text[i] = text_byte(tag, i);
	eng_set64(id.b, tag);
	eng_payload_begin(&o, b, &id, 1, NULL, 0, NULL);
	eng_payload_element(&o, ENG_EL_TEXT, text, n);
	eng_payload_end(&o);
	eng_free(text);
}

int logfix_append(struct eng_log *log, struct eng_appended *out, uint64_t tag, size_t n,
                  struct engram_error *err)
{
	struct eng_buf b = ENG_BUF_INIT;
	struct eng_appended ignored;
	struct eng_draft d;
	int r;

	build(&b, tag, n);
	if (b.failed) {
		eng_buf_free(&b);
		return eng_err_nomem(err);
	}
	d = (struct eng_draft){.kind = ENG_MEMORY, .payload = b.p, .payload_len = (uint32_t)b.n};
	r = eng_log_append(log, out ? out : &ignored, &d, 1, 0, err);
	eng_buf_free(&b);
	return r;
}

int logfix_put(struct eng_log *log, uint64_t tag, size_t n, struct engram_error *err)
{
	int r = logfix_append(log, NULL, tag, n, err);

	return r < 0 ? r : eng_log_flush(log, err);
}

static int look(struct logfix_seen *seen, const struct eng_frame *f, struct engram_error *err)
{
	struct eng_prelude p;
	struct engram_id id;
	int r;

	seen->births += f->h.kind == ENG_BIRTH;
	if (f->h.kind != ENG_MEMORY)
		return 0;
	r = eng_prelude_decode(&p, f->payload, f->h.payload_len, err);
	if (r < 0)
		return r;
	id = eng_prelude_subject(&p, 0);
	if (f->h.flags & ENG_FLAG_STUB) {
		seen->stubs++;
	} else {
		struct eng_elements it;
		struct eng_element el;

		eng_elements_begin(&it, &p, f->payload, f->h.payload_len);
		if (eng_elements_next(&it, &el) != 1)
			return eng_err(err, ENGRAM_EINTERNAL, "a frame without text");
		for (size_t i = 0; i < el.n; i++)
			if (el.p[i] != text_byte(eng_get64(id.b), i))
				return eng_err(err, ENGRAM_EINTERNAL, "a frame with another text");
	}
	if (seen->n < ENG_COUNT(seen->tag))
		seen->tag[seen->n++] = eng_get64(id.b);
	return 0;
}

static int by_tag(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static int read_all(struct eng_log *log, struct logfix_seen *seen, struct engram_error *err)
{
	const struct eng_series_info *info;
	size_t n;
	int r = eng_log_refresh(log, &info, &n, err);

	for (size_t i = 0; r == 0 && i < n; i++) {
		struct eng_cursor *c = NULL;
		struct eng_frame f;

		seen->series++;
		seen->own += info[i].own;
		if (info[i].active) {
			seen->durable = info[i].durable_seq;
			seen->written = info[i].written_seq;
		}
		r = eng_cursor_open(&c, log, &info[i].series, 0, info[i].written_seq, NULL, err);
		while (r == 0 && (r = eng_cursor_next(c, &f, err)) > 0)
			r = look(seen, &f, err);
		eng_cursor_close(c);
	}
	qsort(seen->tag, seen->n, sizeof *seen->tag, by_tag);
	return r;
}

int logfix_read(struct logfix *f, struct logfix_seen *seen, struct engram_error *err)
{
	struct eng_log_options o = logfix_options(f, false);
	struct eng_log *log;
	int r;

	memset(seen, 0, sizeof *seen);
	current = f;
	r = eng_log_open(&log, &f->sys, &o, err);
	if (r < 0)
		return r;
	r = read_all(log, seen, err);
	eng_log_close(log);
	return r;
}

bool logfix_has(const struct logfix_seen *seen, uint64_t tag)
{
	return bsearch(&tag, seen->tag, seen->n, sizeof tag, by_tag) != NULL;
}

/* -- files ---------------------------------------------------------------------------- */

struct first_name {
	char name[64];
};

static int take_first(void *data, const char *name)
{
	struct first_name *first = data;

	snprintf(first->name, sizeof first->name, "%.60s", name);
	return 0;
}

void logfix_series(const struct logfix *f, char out[ENG_PATH_MAX])
{
	struct first_name first = {""};
	char dir[ENG_PATH_MAX];

	eng_path(dir, f->dir, "log");
	real()->list(NULL, dir, take_first, &first);
	eng_path(out, dir, "%s", first.name);
}

void logfix_path(const struct logfix *f, char out[ENG_PATH_MAX], const char *name)
{
	char dir[ENG_PATH_MAX];

	logfix_series(f, dir);
	eng_path(out, dir, "%s", name);
}

void logfix_poke(const char *path, uint64_t off, const void *p, size_t n)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);

	if (fd < 0 || pwrite(fd, p, n, (off_t)off) != (ssize_t)n) {
		perror(path);
		exit(99);
	}
	close(fd);
}

void logfix_flip(const char *path, uint64_t off, unsigned bit)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);
	uint8_t v;

	if (fd < 0 || pread(fd, &v, 1, (off_t)off) != 1) {
		perror(path);
		exit(99);
	}
	v ^= (uint8_t)(1u << bit);
	close(fd);
	logfix_poke(path, off, &v, 1);
}
