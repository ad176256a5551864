/* test_store_faults.c - truncated files, forks, killed readers, small address
 * spaces, full disks. */
#include "../lib/tap.h"
#include "../lib/tmpdir.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "store/store.h"

#ifdef __has_feature /* clang */
#define SANITIZED (__has_feature(address_sanitizer) || __has_feature(thread_sanitizer))
#elif defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#else
#define SANITIZED 0
#endif

static const struct eng_table tables[] = {{"t", false}};
static struct engram_error err;

#define RW (ENG_STORE_WRITE | ENG_STORE_CREATE)

static int open_at(struct eng_store **s, const char *path, unsigned flags)
{
	return eng_store_open(s, eng_sys_posix(), path, flags, tables, ENG_COUNT(tables), &err);
}

/* One committed transaction of n values of `size` bytes under keys from `first`. */
static int fill(struct eng_store *s, uint32_t first, uint32_t n, size_t size)
{
	struct eng_txn *t;
	void *p;
	int rc = eng_txn_begin(&t, s, true, &err);

	if (rc)
		return rc;
	for (uint32_t i = first; i < first + n; i++) {
		p = eng_txn_reserve(t, 0, eng_bytes(&i, sizeof i), size);
		if (p)
			memset(p, (int)i, size);
	}
	return eng_txn_commit(t, &err);
}

static bool has(struct eng_store *s, uint32_t key)
{
	struct eng_bytes v;
	struct eng_txn *t;
	bool found;

	if (eng_txn_begin(&t, s, false, &err) != 0)
		return false;
	found = eng_txn_get(t, 0, eng_bytes(&key, sizeof key), &v) == 1;
	eng_txn_abort(t);
	return found;
}

static int exit_of(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) != pid)
		return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* Runs fn in a child; its result is the exit status. */
static int in_child(int (*fn)(const char *path), const char *path)
{
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0)
		_exit(fn(path));
	return exit_of(pid);
}

/* -- truncated ---------------------------------------------------------------------- */

static void truncated(void)
{
	const char *path = tmpdir_path("cut.mdb");
	struct eng_store *s;
	struct stat st;
	long wrong = 0, cuts = 0;

	tap_ok(open_at(&s, path, RW) == 0 && fill(s, 0, 300, 500) == 0, "a store of 300 values");
	eng_store_close(s);
	stat(path, &st);
	for (off_t n = st.st_size - 1; n > 0; n -= n > 3 * 4096 ? 4096 : 512) {
		if (truncate(path, n) != 0)
			break;
		cuts++;
		wrong += open_at(&s, path, 0) != ENGRAM_EDAMAGED;
		wrong += open_at(&s, path, ENG_STORE_WRITE) != ENGRAM_EDAMAGED;
	}
	tap_int(wrong, 0, "cut at %ld places: damaged, by reader and writer, and no signal", cuts);
	tap_ok(truncate(path, 0) == 0 && open_at(&s, path, 0) == ENGRAM_ENOFILE, "empty: not made yet, for a reader");
	tap_int(open_at(&s, path, RW), 0, "a writer makes it");
	eng_store_close(s);
}

static void garbage(void)
{
	const char *path = tmpdir_path("garbage.mdb");
	struct eng_store *s;
	FILE *f = fopen(path, "w");

	for (int i = 0; i < 20000; i++)
		fputc(i * 7, f);
	fclose(f);
	tap_int(open_at(&s, path, RW), ENGRAM_EDAMAGED, "a file of another kind is damaged: %s", err.message);
	tap_ok(access(path, F_OK) == 0, "and left alone");
}

/* -- vanishing ------------------------------------------------------------------------ */

static bool vanish;

/* Looks, and then removes what it saw, as a compaction may at any moment. */
static int stat_and_unlink(void *ctx, const char *path, struct eng_stat *out)
{
	int rc = eng_sys_posix()->fs.ops->stat(ctx, path, out);

	if (vanish)
		unlink(path);
	return rc;
}

static void vanishing(void)
{
	const char *path = tmpdir_path("gone.mdb");
	struct eng_fs_ops ops = *eng_sys_posix()->fs.ops;
	struct eng_sys sys = *eng_sys_posix();
	struct eng_store *s;

	ops.stat = stat_and_unlink;
	sys.fs.ops = &ops;
	open_at(&s, path, RW);
	eng_store_close(s);
	vanish = true;
	tap_int(eng_store_open(&s, &sys, path, 0, tables, 1, &err), ENGRAM_ENOFILE, "a file that goes while it is opened");
	tap_ok(access(path, F_OK) != 0 && access(tmpdir_path("gone.mdb-lock"), F_OK) != 0, "is not made again");
	vanish = false;
}

/* -- fork ----------------------------------------------------------------------------- */

static struct eng_store *shared;
static struct eng_txn *snapshot, *writing;

/* Uses what the parent opened, then opens the file itself. */
static int child_of_fork(const char *path)
{
	struct eng_store *own;
	struct eng_txn *t;
	uint64_t a, b;
	int rc;

	if (eng_txn_begin(&t, shared, false, &err) != ENGRAM_EUSAGE)
		return 1;
	if (eng_store_size(shared, &a, &b, &err) != ENGRAM_EUSAGE || eng_store_sync(shared, &err) != ENGRAM_EUSAGE)
		return 2;
	if (eng_store_copy(shared, tmpdir_path("never"), &err) != ENGRAM_EUSAGE)
		return 3;
	if (eng_txn_commit(writing, &err) != ENGRAM_EUSAGE)
		return 4;
	eng_txn_abort(snapshot);
	eng_store_close(shared);
	rc = open_at(&own, path, ENG_STORE_WRITE);
	if (rc != 0 || !has(own, 1))
		return 5;
	eng_store_close(own);
	return 0;
}

static void forked(void)
{
	const char *path = tmpdir_path("fork.mdb");
	uint32_t key = 1;
	struct eng_bytes v;

	tap_ok(open_at(&shared, path, RW) == 0 && fill(shared, 0, 50, 300) == 0, "a store");
	eng_txn_begin(&snapshot, shared, false, &err);
	eng_txn_begin(&writing, shared, true, &err);
	eng_txn_put(writing, 0, eng_bytes(&(uint32_t){99}, 4), eng_bytes("x", 1));
	tap_int(in_child(child_of_fork, path), 0, "a child's use of its parent's store is refused, its own open is not");
	tap_int(eng_txn_commit(writing, &err), 0, "the parent's transaction is unharmed");
	for (int i = 0; i < 20; i++)
		fill(shared, 0, 50, 300);
	tap_ok(eng_txn_get(snapshot, 0, eng_bytes(&key, 4), &v) == 1 && v.n == 300 && *(const char *)v.p == 1,
	       "so is its snapshot, 20 commits later");
	eng_txn_abort(snapshot);
	tap_ok(has(shared, 99), "and what it committed is there");
	eng_store_close(shared);
}

/* -- killed readers --------------------------------------------------------------------- */

/* Takes a snapshot, says so by writing a byte, and waits to be killed. */
static pid_t start_reader(const char *path)
{
	struct eng_store *s;
	struct eng_txn *t;
	int fds[2];
	pid_t pid;
	char c = 0;

	if (pipe(fds) != 0)
		return -1;
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		if (open_at(&s, path, ENG_STORE_WRITE | ENG_STORE_BULK) != 0 || eng_txn_begin(&t, s, false, &err) != 0)
			_exit(1);
		if (write(fds[1], "x", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	if (read(fds[0], &c, 1) != 1)
		c = 0;
	close(fds[0]);
	close(fds[1]);
	return c == 'x' ? pid : -1;
}

/* F03: 10,000 commits, each rewriting part of the working set. */
static void killed_reader(void)
{
	enum { COMMITS = 10000, VALUES = 200, SIZE = 1000 };
	const char *path = tmpdir_path("killed.mdb");
	uint64_t before, after, file;
	struct eng_store *s;
	long failed = 0;
	pid_t pid;

	open_at(&s, path, RW | ENG_STORE_BULK);
	fill(s, 0, VALUES, SIZE);
	fill(s, 0, VALUES, SIZE);
	eng_store_size(s, &before, &file, &err);
	pid = start_reader(path);
	tap_ok(pid > 0, "F03: a reader holds a snapshot");
	failed += fill(s, 0, 5, SIZE) != 0;
	kill(pid, SIGKILL);
	exit_of(pid);
	for (uint32_t i = 0; i < COMMITS; i++)
		failed += fill(s, i % (VALUES - 5), 5, SIZE) != 0;
	eng_store_size(s, &after, &file, &err);
	tap_int(failed, 0, "F03: 10,000 commits after it was killed");
	tap_ok(after < 2 * before, "F03: the file grew from %d to %d KiB, less than twice", (int)(before >> 10),
	       (int)(after >> 10));
	eng_store_close(s);
}

/* -- killed writers --------------------------------------------------------------------- */

/* Commits 1, 2, 3 ... under one key, telling each number when it is committed. */
static void write_until_killed(const char *path, int out)
{
	struct eng_store *s;
	struct eng_txn *t;

	if (open_at(&s, path, ENG_STORE_WRITE) != 0)
		_exit(1);
	for (uint32_t n = 1;; n++) {
		if (eng_txn_begin(&t, s, true, &err) != 0)
			_exit(2);
		for (uint32_t key = 0; key < 20; key++)
			eng_txn_put(t, 0, eng_bytes(&key, 4), eng_bytes(&n, 4));
		if (eng_txn_commit(t, &err) != 0 || write(out, &n, 4) != 4)
			_exit(3);
	}
}

/* All twenty values are equal, and not below what was told. */
static bool all_at_least(const char *path, uint32_t told)
{
	struct eng_bytes v;
	struct eng_store *s;
	struct eng_txn *t;
	uint32_t first = 0, n;
	bool ok = open_at(&s, path, ENG_STORE_WRITE) == 0 && eng_txn_begin(&t, s, false, &err) == 0;

	for (uint32_t key = 0; ok && told && key < 20; key++) {
		ok = eng_txn_get(t, 0, eng_bytes(&key, 4), &v) == 1;
		if (!ok)
			break;
		memcpy(&n, v.p, 4);
		first = key ? first : n;
		ok = n == first && n >= told;
	}
	if (ok)
		eng_txn_abort(t);
	eng_store_close(s);
	return ok;
}

static void killed_writers(void)
{
	enum { ROUNDS = 30 };
	const char *path = tmpdir_path("writers.mdb");
	uint32_t told, n;
	long bad = 0, commits = 0;
	struct eng_store *s;
	int fds[2];
	pid_t pid;

	open_at(&s, path, RW);
	eng_store_close(s);
	for (int i = 0; i < ROUNDS; i++) {
		bad += pipe(fds) != 0;
		fflush(stdout);
		pid = fork();
		if (pid == 0)
			write_until_killed(path, fds[1]);
		close(fds[1]);
		told = 0;
		for (int k = 0; k < 1 + i % 7 && read(fds[0], &n, 4) == 4; k++)
			told = n;
		usleep(137 * (unsigned)i % 900);
		kill(pid, SIGKILL);
		exit_of(pid);
		while (read(fds[0], &n, 4) == 4)
			told = n;
		close(fds[0]);
		bad += !all_at_least(path, told);
		commits += told;
	}
	tap_int(bad, 0, "%d writers killed after %ld commits: nothing committed is lost or torn", ROUNDS, commits);
}

/* -- equal process ids ------------------------------------------------------------------ */

/* As process 1 of a pid namespace of its own, takes a snapshot; answers 0, or
 * the error's number made positive; holds it until `release` is readable. */
static int snapshot_as_1(const char *path, int ready, int release)
{
	struct eng_store *s = NULL;
	struct eng_txn *t = NULL;
	char c = 0;
	int rc;

	if (getpid() != 1)
		return 100;
	rc = open_at(&s, path, ENG_STORE_WRITE);
	if (rc == 0)
		rc = eng_txn_begin(&t, s, false, &err);
	if (write(ready, &c, 1) != 1 || (release >= 0 && read(release, &c, 1) < 0))
		return 101;
	eng_txn_abort(t);
	eng_store_close(s);
	return rc == ENGRAM_EBUSY && !strstr(err.hint, "pid namespace") ? 102 : -rc;
}

static pid_t start_as_1(const char *path, int ready, int release)
{
	pid_t pid = fork(), inner;

	if (pid == 0) {
		if (unshare(CLONE_NEWPID) != 0)
			_exit(77);
		inner = fork();
		if (inner == 0)
			_exit(snapshot_as_1(path, ready, release));
		_exit(exit_of(inner));
	}
	return pid;
}

static void equal_pids(void)
{
	const char *path = tmpdir_path("pids.mdb");
	int ready[2], release[2], first, second;
	struct eng_store *s;
	pid_t holder;
	char c;

	open_at(&s, path, RW);
	eng_store_close(s);
	if (pipe(ready) != 0 || pipe(release) != 0)
		return;
	fflush(stdout);
	holder = start_as_1(path, ready[1], release[0]);
	close(ready[1]);
	if (read(ready[0], &c, 1) != 1) {
		tap_note("skipped, needs root: equal process ids (%d)", exit_of(holder));
		return;
	}
	second = exit_of(start_as_1(path, release[1], -1)); /* its byte there also releases the holder */
	first = exit_of(holder);
	tap_int(first, 0, "a reader that is process 1 of its container");
	tap_int(second, -ENGRAM_EBUSY, "another of equal id is busy, and told of the pid namespace");
}

/* -- limits of the machine ------------------------------------------------------------------ */

static int with_address_space(const char *path, rlim_t bytes)
{
	struct rlimit limit = {bytes, bytes};
	struct eng_store *s;

	if (setrlimit(RLIMIT_AS, &limit) != 0)
		return 10;
	if (open_at(&s, path, RW) != 0)
		return 11;
	if (fill(s, 0, 100, 1000) != 0 || !has(s, 7))
		return 12;
	eng_store_close(s);
	return 0;
}

static int in_8_gib(const char *path)
{
	return with_address_space(path, 8ull << 30);
}

static int in_2_gib(const char *path)
{
	return with_address_space(path, 2ull << 30);
}

static int in_half_a_gib(const char *path)
{
	return with_address_space(path, 512u << 20) == 11 && err.code == ENGRAM_ENOMEM ? 0 : 1;
}

static void small_address_space(void)
{
	if (SANITIZED) {
		tap_note("skipped: a sanitizer's shadow needs the address space");
		return;
	}
	tap_int(in_child(in_8_gib, tmpdir_path("as8.mdb")), 0, "in 8 GiB of address space the map steps down");
	tap_int(in_child(in_2_gib, tmpdir_path("as2.mdb")), 0, "in 2 GiB, too");
	tap_int(in_child(in_half_a_gib, tmpdir_path("as05.mdb")), 0, "in 512 MiB opening fails, out of memory");
	tap_ok(access(tmpdir_path("as05.mdb"), F_OK) != 0, "and leaves no file");
}

/* A file system of 1 MiB, in a mount namespace of its own; 77 = may not. */
static int on_a_full_disk(const char *dir)
{
	struct eng_store *s;
	char path[600];
	int rc = 0;

	if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) != 0 ||
	    mount("none", dir, "tmpfs", 0, "size=1M") != 0)
		return 77;
	snprintf(path, sizeof path, "%s/full.mdb", dir);
	if (open_at(&s, path, RW) != 0 || fill(s, 0, 20, 1000) != 0)
		return 1;
	for (uint32_t i = 1; i < 100 && rc == 0; i++)
		rc = fill(s, 100 * i, 20, 4000);
	if (rc != ENGRAM_EDISKFULL)
		return 2;
	if (!has(s, 7))
		return 3;
	eng_store_close(s);
	if (open_at(&s, path, 0) != 0 || !has(s, 7))
		return 4;
	eng_store_close(s);
	return 0;
}

static void try_as_root(int (*fn)(const char *path), const char *path, const char *name)
{
	int rc = in_child(fn, path);

	if (rc == 77)
		tap_note("skipped, needs root: %s", name);
	else
		tap_int(rc, 0, "%s", name);
}

static int with_file_limit(const char *path)
{
	struct rlimit limit = {200000, 200000};
	struct eng_store *s;
	int rc = 0;

	signal(SIGXFSZ, SIG_IGN);
	setrlimit(RLIMIT_FSIZE, &limit);
	if (open_at(&s, path, RW) != 0)
		return 1;
	for (uint32_t i = 0; i < 100 && rc == 0; i++)
		rc = fill(s, 100 * i, 20, 1000);
	if (rc != ENGRAM_ELIMIT || !has(s, 3))
		return 2;
	eng_store_close(s);
	return 0;
}

/* -- many readers ---------------------------------------------------------------------------- */

static void reader_slots(void)
{
	enum { MAX = 1100 };
	static struct eng_txn *t[MAX];
	struct eng_store *s;
	int n = 0, rc = 0;

	open_at(&s, tmpdir_path("slots.mdb"), RW);
	while (n < MAX && (rc = eng_txn_begin(&t[n], s, false, &err)) == 0)
		n++;
	tap_int(n, 1024, "1,024 snapshots at once");
	tap_int(rc, ENGRAM_EBUSY, "one more is busy: %s", err.hint);
	while (n > 0)
		eng_txn_abort(t[--n]);
	tap_ok(has(s, 1) == false && err.code == ENGRAM_EBUSY, "slots are given back");
	eng_store_close(s);
}

/* -- what may not be written -------------------------------------------------------------------- */

/* A reader whose user may not write the file, and who is refused the writing
 * of it; 77 = cannot become another user. */
static int as_another_user(const char *path)
{
	char lock[600];
	struct eng_store *s;

	snprintf(lock, sizeof lock, "%s-lock", path);
	if (chmod(path, 0644) != 0 || chmod(lock, 0666) != 0 || setresuid(65534, 65534, 65534) != 0)
		return 77;
	if (open_at(&s, path, ENG_STORE_WRITE) != ENGRAM_EPERM)
		return 1;
	if (open_at(&s, path, 0) != 0 || !has(s, 2))
		return 2;
	if (open_at(&shared, path, ENG_STORE_WRITE) != ENGRAM_EUSAGE)
		return 3;
	eng_store_close(s);
	return 0;
}

static int on_read_only_media(const char *dir)
{
	struct eng_store *s;
	char path[600], lock[610];

	snprintf(path, sizeof path, "%s/ro.mdb", dir);
	snprintf(lock, sizeof lock, "%s-lock", path);
	if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) != 0 ||
	    mount("none", dir, "tmpfs", 0, "size=1M") != 0)
		return 77;
	if (open_at(&s, path, RW) != 0 || fill(s, 0, 5, 10) != 0)
		return 1;
	eng_store_close(s);
	if (mount("none", dir, "none", MS_REMOUNT | MS_RDONLY, NULL) != 0)
		return 2;
	if (open_at(&s, path, ENG_STORE_NOLOCK) != 0 || !has(s, 2))
		return 3;
	eng_store_close(s);
	if (open_at(&s, path, 0) != 0 || !has(s, 2))
		return 4;
	eng_store_close(s);
	if (open_at(&s, path, ENG_STORE_WRITE) != ENGRAM_ECREATE)
		return 5;
	if (mount("none", dir, "none", MS_REMOUNT, NULL) != 0 || unlink(lock) != 0 ||
	    mount("none", dir, "none", MS_REMOUNT | MS_RDONLY, NULL) != 0)
		return 6;
	if (open_at(&s, path, 0) != ENGRAM_ENOFILE)
		return 7;
	if (open_at(&s, path, ENG_STORE_NOLOCK) != 0 || !has(s, 2))
		return 8;
	eng_store_close(s);
	return 0;
}

static void may_not_write(const char *dir)
{
	const char *path = tmpdir_path("ro.mdb");
	struct eng_store *s;

	chmod(dir, 0755);
	open_at(&s, path, RW);
	fill(s, 0, 5, 10);
	eng_store_close(s);
	try_as_root(as_another_user, path, "a user who may only read reads, and is refused writing");
	try_as_root(on_read_only_media, tmpdir_path("mount"), "read-only media: read with and without locks");
}

int main(void)
{
	const char *dir = tmpdir_begin("store-faults");

	truncated();
	garbage();
	vanishing();
	forked();
	killed_reader();
	killed_writers();
	equal_pids();
	small_address_space();
	mkdir(tmpdir_path("mount"), 0700);
	try_as_root(on_a_full_disk, tmpdir_path("mount"), "a full disk is told as such, and what was there stays");
	tap_int(in_child(with_file_limit, tmpdir_path("limit.mdb")), 0, "a limit on file size is told as such");
	reader_slots();
	may_not_write(dir);
	tmpdir_end();
	return tap_done();
}
