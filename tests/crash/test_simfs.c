/* test_simfs.c - does the simulator find what it is for?
 *
 * A toy log (records of 600 bytes, so that they cross sectors) and a toy
 * "replace a file" are run sound and with one step left out each: the sound
 * ones must have no bad image, each of the others at least one. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "../lib/tap.h"
#include "simfs.h"

enum mistake {
	NONE,
	NO_SYNC,       /* acknowledge without a flush */
	NO_DIR_SYNC,   /* the new file's name is not flushed */
	RETRY_SYNC,    /* a failed flush is tried again and believed */
	TRUST_MAP,     /* the count in a mapped file is believed after a cut */
	RENAME_UNSYNCED, /* the new content is renamed into place unflushed */
	TRUST_FIRST,   /* a record is valid if its first bytes are */
	MISTAKES
};

static const char *const names[MISTAKES] = {
	"nothing left out", "acknowledged without a flush", "name of the new file not flushed",
	"failed flush tried again", "mapped count believed after a cut", "renamed before its content is flushed",
	"torn record taken for whole",
};

#define RECORD 600u
#define RECORDS 6u

struct record {
	uint64_t number, check;
	uint8_t fill[RECORD - 16];
};

static void record_make(struct record *r, uint64_t number)
{
	memset(r, (int)(17 * number + 1), sizeof *r);
	r->number = number;
	r->check = XXH3_64bits(r->fill, sizeof r->fill) ^ number;
}

static bool record_ok(const struct record *r, uint64_t number, enum mistake m)
{
	if (r->number != number)
		return false;
	return m == TRUST_FIRST || r->check == (XXH3_64bits(r->fill, sizeof r->fill) ^ number);
}

static void append_all(struct sim *s, int fd, uint64_t *count, enum mistake m)
{
	const struct eng_sys *sys = sim_sys(s);
	struct record r;
	for (uint64_t i = 1; i <= RECORDS; i++) {
		record_make(&r, i);
		eng_fs_write(sys, fd, &r, sizeof r, (i - 1) * sizeof r);
		*count = i;
		if (i == 3)
			sim_fail(s, SIM_SYNC, 1, EIO, false);
		int bad = m == NO_SYNC ? 0 : eng_fs_sync(sys, fd);
		if (bad && m == RETRY_SYNC)
			bad = eng_fs_sync(sys, fd);
		else if (bad) /* sound: write again, so that the pages are dirty again */
			bad = eng_fs_write(sys, fd, &r, sizeof r, (i - 1) * sizeof r) || eng_fs_sync(sys, fd);
		if (!bad)
			sim_note(s, 0, i);
	}
}

static void run_log(struct sim *s, enum mistake m)
{
	const struct eng_sys *sys = sim_sys(s);
	char log[ENG_PATH_MAX], mark[ENG_PATH_MAX];
	uint8_t zero[8] = {0};
	eng_path(log, sim_root(s), "log");
	eng_path(mark, sim_root(s), "mark");
	int fd = eng_fs_open(sys, log, O_RDWR | O_CREAT, 0600);
	int md = eng_fs_open(sys, mark, O_RDWR | O_CREAT, 0600);
	eng_fs_write(sys, md, zero, sizeof zero, 0);
	eng_fs_sync(sys, md);
	if (m != NO_DIR_SYNC)
		eng_fs_sync_dir(sys, sim_root(s));
	uint64_t *count = sys->fs.ops->map(sys->fs.ctx, md, 8, true);
	append_all(s, fd, count, m);
	sys->fs.ops->unmap(sys->fs.ctx, count, 8);
	eng_fs_close(sys, &fd);
	eng_fs_close(sys, &md);
}

static uint64_t count_records(const char *path, enum mistake m)
{
	struct record r;
	uint64_t n = 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	while (fd >= 0 && pread(fd, &r, sizeof r, (off_t)(n * sizeof r)) == sizeof r && record_ok(&r, n + 1, m)) {
		struct record wanted;
		record_make(&wanted, n + 1);
		if (memcmp(&wanted, &r, sizeof r))
			return 0; /* half a record came alive */
		n++;
	}
	if (fd >= 0)
		close(fd);
	return n;
}

struct judge {
	char root[ENG_PATH_MAX];
	enum mistake mistake;
};

static int judge_log(void *data, const struct sim_image *im, const uint64_t notes[SIM_NOTES])
{
	struct judge *j = data;
	char path[ENG_PATH_MAX];
	uint64_t n;
	sim_free(sim_boot(im, j->root, 1));
	eng_path(path, j->root, "log");
	n = count_records(path, j->mistake);
	if (j->mistake == TRUST_MAP) {
		eng_path(path, j->root, "mark");
		int fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0 || pread(fd, &n, sizeof n, 0) != sizeof n)
			n = 0;
		if (fd >= 0)
			close(fd);
	}
	return n < notes[0];
}

/* Old content 'a', new content 'b', each 2,000 bytes: always one or the other. */
static void run_replace(struct sim *s, enum mistake m)
{
	const struct eng_sys *sys = sim_sys(s);
	char path[ENG_PATH_MAX], tmp[ENG_PATH_MAX], b[2000];
	eng_path(path, sim_root(s), "file");
	eng_path(tmp, sim_root(s), "file.tmp");
	memset(b, 'a', sizeof b);
	eng_fs_replace(sys, path, b, sizeof b, 0600);
	sim_note(s, 0, 1);
	memset(b, 'b', sizeof b);
	if (m != RENAME_UNSYNCED) {
		eng_fs_replace(sys, path, b, sizeof b, 0600);
		sim_note(s, 0, 2);
		return;
	}
	int fd = eng_fs_open(sys, tmp, O_RDWR | O_CREAT, 0600);
	eng_fs_write(sys, fd, b, sizeof b, 0);
	eng_fs_close(sys, &fd);
	sys->fs.ops->rename(sys->fs.ctx, tmp, path, true);
	eng_fs_sync_dir(sys, sim_root(s));
	sim_note(s, 0, 2);
}

static int judge_replace(void *data, const struct sim_image *im, const uint64_t notes[SIM_NOTES])
{
	struct judge *j = data;
	char path[ENG_PATH_MAX], b[2001];
	sim_free(sim_boot(im, j->root, 1));
	eng_path(path, j->root, "file");
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return notes[0] > 0;
	ssize_t n = pread(fd, b, sizeof b, 0);
	close(fd);
	if (n != 2000 || memcmp(b, b + 1, 1999))
		return 1;
	return notes[0] == 2 && b[0] != 'b';
}

static struct sim_count run(enum mistake m, void (*work)(struct sim *, enum mistake), sim_judge_fn *judge)
{
	struct sim_plan plan = {.seed = 7 + m, .random = 8, .singles = 12, .quiet = m != NONE};
	struct sim_count count = {0};
	struct judge j = {.mistake = m};
	char root[ENG_PATH_MAX];
	sim_scratch(j.root, "judge");
	sim_scratch(root, "simfs");
	struct sim *s = sim_new(root, 42);
	work(s, m);
	sim_enumerate(s, &plan, judge, &j, &count);
	sim_free(s);
	return count;
}

int main(void)
{
	struct sim_count c = run(NONE, run_log, judge_log);
	tap_ok(c.images > 50 && c.bad == 0, "a sound log: %" PRIu64 " images, %" PRIu64 " bad", c.images, c.bad);
	c = run(NONE, run_replace, judge_replace);
	tap_ok(c.images > 10 && c.bad == 0, "a sound replacement: %" PRIu64 " images, %" PRIu64 " bad", c.images,
	       c.bad);
	for (enum mistake m = NO_SYNC; m < MISTAKES; m++) {
		bool replace = m == RENAME_UNSYNCED;
		c = run(m, replace ? run_replace : run_log, replace ? judge_replace : judge_log);
		tap_ok(c.bad > 0, "caught: %s (%" PRIu64 " of %" PRIu64 " images)", names[m], c.bad, c.images);
	}
	return tap_done();
}
