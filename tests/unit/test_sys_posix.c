/* test_sys_posix.c - the kernel's version of the seams, and the helpers. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../lib/tap.h"
#include "base/rng.h"
#include "sys/sys.h"

static const struct eng_sys *sys;
static char root[ENG_PATH_MAX];

static const struct eng_fs_ops *ops(void)
{
	return sys->fs.ops;
}

static const char *at(const char *name)
{
	static char path[4][ENG_PATH_MAX];
	static unsigned turn;
	char *p = path[turn++ % 4];

	eng_path(p, root, "%s", name);
	return p;
}

/* -- clock and random, in a child with another environment ------------------- */

static int in_child(const char *name, const char *value, int (*fn)(void))
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		if (value)
			setenv(name, value, 1);
		_exit(fn());
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int frozen(void)
{
	return sys->clock.wall_us(NULL) == 1000000000ll * 1000000 &&
	       sys->clock.wall_us(NULL) == 1000000000ll * 1000000;
}

static int running(void)
{
	int64_t wall = sys->clock.wall_us(NULL), mono = sys->clock.mono_us(NULL);

	sys->clock.sleep_us(NULL, 2000);
	return sys->clock.wall_us(NULL) > wall && sys->clock.mono_us(NULL) >= mono + 2000 &&
	       !eng_sys_env_bad();
}

static int env_is_bad(void)
{
	return eng_sys_env_bad() != NULL && running() == 0;
}

static int seeded(void)
{
	struct eng_rng g;
	uint8_t raw[16];
	int same = 1;

	eng_rng_seed(&g, 42);
	sys->random.fill(NULL, raw, sizeof raw);
	for (size_t i = 0; i < sizeof raw; i++)
		same &= raw[i] == (uint8_t)eng_rng_next(&g);
	return same;
}

static void test_environment(void)
{
	uint8_t a[16] = {0}, b[16] = {0};

	tap_int(in_child("ENGRAM_NOW", "2001-09-09T01:46:40Z", frozen), 1,
	        "ENGRAM_NOW freezes the wall clock");
	tap_int(in_child("ENGRAM_NOW", NULL, running), 1, "without it the clocks run");
	tap_int(in_child("ENGRAM_NOW", "yesterday-ish", env_is_bad), 1, "a bad ENGRAM_NOW is told");
	tap_int(in_child("ENGRAM_SEED", "42", seeded), 1, "ENGRAM_SEED seeds the random numbers");
	tap_int(in_child("ENGRAM_SEED", "forty", env_is_bad), 1, "a bad ENGRAM_SEED is told");
	tap_int(sys->random.fill(NULL, a, sizeof a) | sys->random.fill(NULL, b, sizeof b), 0,
	        "random numbers");
	tap_ok(memcmp(a, b, sizeof a) != 0, "two draws differ");
	tap_ok(sys->boot_id() == sys->boot_id(), "the boot id is stable");
	tap_ok(sys->machine_id() == sys->machine_id(), "the machine id is stable");
	tap_int(eng_sys_pid(), getpid(), "pid");
}

/* -- files --------------------------------------------------------------------- */

static void test_files(void)
{
	struct eng_stat by_path, by_fd;
	struct eng_buf b = ENG_BUF_INIT;
	char got[8] = {0};
	int fd = eng_fs_open(sys, at("a"), O_RDWR | O_CREAT, 0600);

	tap_ok(fd >= 0, "open creates");
	tap_ok(fcntl(fd, F_GETFD) & FD_CLOEXEC, "no child inherits it");
	tap_int(eng_fs_write(sys, fd, "hello", 5, 3), 0, "write at an offset");
	tap_int(eng_fs_read(sys, fd, got, 8, 3), 5, "read stops at the end");
	tap_str(got, "hello", "and gives what was written");
	tap_int(ops()->reserve(NULL, fd, 0, 8192), 0, "reserve");
	tap_int(ops()->punch(NULL, fd, 4096, 4096), 0, "punch");
	tap_int(eng_fs_sync(sys, fd) | eng_fs_sync_dir(sys, root), 0, "sync file and directory");
	tap_int(ops()->stat(NULL, at("a"), &by_path) | ops()->fstat(NULL, fd, &by_fd), 0, "stat both ways");
	tap_ok(memcmp(&by_path, &by_fd, sizeof by_fd) == 0 && by_fd.size == 8192, "they agree");
	tap_int(by_fd.mode & 07777, 0600, "mode");
	tap_int(ops()->truncate(NULL, fd, 4), 0, "truncate");
	eng_fs_close(sys, &fd);
	tap_int(fd, -1, "close forgets the descriptor");
	tap_int(eng_fs_load(sys, at("a"), &b, 100), 0, "load a whole file");
	tap_int(b.n, 4, "all of it");
	tap_int(eng_fs_load(sys, at("a"), &b, 3), -EFBIG, "but not above the bound");
	tap_int(eng_fs_load(sys, at("none"), &b, 3), -ENOENT, "nor one that is not there");
	eng_buf_free(&b);
}

static void test_links(void)
{
	tap_int(symlink("a", at("link")), 0, "a symbolic link");
	tap_int(eng_fs_open(sys, at("link"), O_RDONLY, 0), -ELOOP, "is not followed");
	tap_int(ops()->unlink(NULL, at("link")), 0, "but removed");
	tap_int(symlink(root, at("dirlink")), 0, "a link to a directory");
	tap_int(eng_fs_sync_dir(sys, at("dirlink")), 0, "is");
	tap_int(ops()->unlink(NULL, at("dirlink")), 0, "removed");
}

static void test_rename(void)
{
	tap_int(eng_fs_replace(sys, at("r1"), "one", 3, 0600) | eng_fs_replace(sys, at("r2"), "two", 3, 0600),
	        0, "two files");
	tap_int(ops()->rename(NULL, at("r1"), at("r2"), false), -EEXIST,
	        "no rename over a file unless told so");
	tap_int(ops()->rename(NULL, at("r1"), at("r2"), true), 0, "told so");
	tap_int(ops()->rename(NULL, at("r1"), at("r3"), false), -ENOENT, "the old name is gone");
	tap_int(ops()->mkdir(NULL, at("d1"), 0700) | ops()->mkdir(NULL, at("d2"), 0700), 0,
	        "two directories");
	tap_int(ops()->rename(NULL, at("d1"), at("d2"), false), -EEXIST,
	        "no rename over an empty directory either");
	tap_int(ops()->rename(NULL, at("d1"), at("d3"), false), 0, "to a new name");
	tap_int(ops()->rmdir(NULL, at("d2")) | ops()->rmdir(NULL, at("d3")), 0, "rmdir");
}

static int count_names(void *data, const char *name)
{
	*(unsigned *)data += 1;
	return strcmp(name, "stop") == 0 ? 77 : 0;
}

static void test_replace(void)
{
	struct eng_buf b = ENG_BUF_INIT;
	unsigned names = 0;

	tap_int(ops()->mkdir(NULL, at("rep"), 0700), 0, "a directory");
	tap_int(eng_fs_replace(sys, at("rep/f"), "old", 3, 0600), 0, "a new file");
	tap_int(eng_fs_replace(sys, at("rep/f"), "newer", 5, 0600), 0, "replaced");
	tap_int(eng_fs_load(sys, at("rep/f"), &b, 100), 0, "loads");
	tap_ok(b.n == 5 && memcmp(b.p, "newer", 5) == 0, "the new content");
	tap_int(ops()->list(NULL, at("rep"), count_names, &names), 0, "list");
	tap_int(names, 1, "no temporary file is left");
	tap_int(eng_fs_replace(sys, at("rep/stop"), "", 0, 0600), 0, "an empty file");
	tap_int(ops()->list(NULL, at("rep"), count_names, &names), 77,
	        "the walk ends where the callback says");
	tap_int(eng_fs_replace(sys, at("nowhere/f"), "x", 1, 0600), -ENOENT, "no directory, no file");
	eng_buf_free(&b);
}

static void test_remove_tree(void)
{
	mkdir(at("t"), 0700);
	mkdir(at("t/u"), 0700);
	mkdir(at("t/u/v"), 0700);
	eng_fs_replace(sys, at("t/u/v/f"), "x", 1, 0600);
	eng_fs_replace(sys, at("t/g"), "x", 1, 0600);
	tap_int(symlink("/etc", at("t/u/out")), 0, "a link out of the tree");
	tap_int(eng_fs_remove_tree(sys, at("t")), 0, "a tree is removed");
	tap_int(access(at("t"), F_OK), -1, "whole");
	tap_int(access("/etc", F_OK), 0, "and nothing behind the link");
	tap_int(eng_fs_remove_tree(sys, at("t")), 0, "what is gone is no error");
}

static void test_paths(void)
{
	char long_name[ENG_PATH_MAX + 8], path[ENG_PATH_MAX];

	memset(long_name, 'x', sizeof long_name);
	long_name[sizeof long_name - 1] = 0;
	tap_ok(eng_path(path, "/a", "%s-%d", "b", 7), "a path");
	tap_str(path, "/a/b-7", "of directory and name");
	tap_ok(!eng_path(path, "/a", "%s", long_name), "too long a name is refused");
	tap_ok(!eng_path(path, long_name, "b"), "too long a directory is refused");
	tap_ok(eng_fs_parent(path, "/a/b/c") && strcmp(path, "/a/b") == 0, "parent");
	tap_ok(eng_fs_parent(path, "/a") && strcmp(path, "/") == 0, "parent in the root");
	tap_ok(!eng_fs_parent(path, "a"), "no parent of a relative name");
	tap_int(ops()->is_local(NULL, root), 1, "the test directory is local");
	tap_int(ops()->is_read_only(NULL, root), 0, "and writable");
	tap_int(ops()->is_local(NULL, at("none")), -ENOENT, "what is not there is neither");
}

/* -- locks and waiting ------------------------------------------------------------ */

static void test_locks(void)
{
	int a = eng_fs_open(sys, at("lock"), O_RDWR | O_CREAT, 0600),
	        b = eng_fs_open(sys, at("lock"), O_RDWR, 0);
	int64_t start;

	tap_int(ops()->lock(NULL, a, 3, ENG_LOCK_EXCLUSIVE, 0), 0, "a lock");
	tap_int(ops()->lock(NULL, b, 4, ENG_LOCK_EXCLUSIVE, 0), 0, "another byte is another lock");
	tap_int(ops()->lock(NULL, b, 3, ENG_LOCK_EXCLUSIVE, 0), -EAGAIN,
	        "a second handle of the process is kept out");
	tap_int(ops()->lock(NULL, b, 3, ENG_LOCK_SHARED, 0), -EAGAIN, "also for sharing");
	start = sys->clock.mono_us(NULL);
	tap_int(ops()->lock(NULL, b, 3, ENG_LOCK_EXCLUSIVE, 30), -EAGAIN, "a wait has a bound");
	start = sys->clock.mono_us(NULL) - start;
	tap_ok(start >= 30000, "and lasts so long: %" PRId64 " us", start);
	tap_int(ops()->lock(NULL, a, 3, ENG_UNLOCK, 0), 0, "unlock");
	tap_int(ops()->lock(NULL, b, 3, ENG_LOCK_SHARED, 0), 0, "now the other");
	tap_int(ops()->lock(NULL, a, 3, ENG_LOCK_SHARED, 0), 0, "sharing");
	eng_fs_close(sys, &b);
	tap_int(ops()->lock(NULL, a, 3, ENG_LOCK_EXCLUSIVE, -1), 0, "closing unlocks");
	eng_fs_close(sys, &a);
}

static void test_lock_of_the_dead(void)
{
	int fd = eng_fs_open(sys, at("lock"), O_RDWR, 0), status;
	pid_t pid = fork();

	if (pid == 0) {
		int mine = eng_fs_open(sys, at("lock"), O_RDWR, 0);

		ops()->lock(NULL, mine, 0, ENG_LOCK_EXCLUSIVE, 0);
		sys->clock.sleep_us(NULL, 20000);
		_exit(0);
	}
	sys->clock.sleep_us(NULL, 5000);
	tap_int(ops()->lock(NULL, fd, 0, ENG_LOCK_EXCLUSIVE, 5000), 0,
	        "the lock of a process that ended is free");
	waitpid(pid, &status, 0);
	eng_fs_close(sys, &fd);
}

static void test_waiting(void)
{
	int fd = eng_fs_open(sys, at("map"), O_RDWR | O_CREAT, 0600);
	uint32_t *word;
	int64_t start;
	int status;
	pid_t pid;

	ops()->truncate(NULL, fd, 4096);
	word = ops()->map(NULL, fd, 4096, true);
	tap_ok(word != NULL, "a shared map");
	start = sys->clock.mono_us(NULL);
	sys->wait.wait(NULL, word, 0, ENG_WAKE_ANY, 5000);
	tap_ok(sys->clock.mono_us(NULL) - start >= 5000, "a wait ends by itself");
	sys->wait.wait(NULL, word, 1, ENG_WAKE_ANY, 60000000);
	tap_ok(true, "a word that changed already is not waited for");
	pid = fork();
	if (pid == 0) {
		sys->clock.sleep_us(NULL, 5000);
		__atomic_store_n(word, 1, __ATOMIC_SEQ_CST);
		sys->wait.wake(NULL, word, 1, 4);
		sys->wait.wake(NULL, word, 1, 2);
		_exit(0);
	}
	while (__atomic_load_n(word, __ATOMIC_SEQ_CST) == 0)
		sys->wait.wait(NULL, word, 0, 2, 60000000);
	tap_ok(true, "another process wakes it");
	waitpid(pid, &status, 0);
	ops()->unmap(NULL, word, 4096);
	tap_ok(ops()->map(NULL, -1, 4096, false) == NULL, "no file, no map");
	eng_fs_close(sys, &fd);
}

int main(void)
{
	char here[] = "/tmp/engram-sys-XXXXXX";

	sys = eng_sys_posix();
	if (!mkdtemp(here))
		return 99;
	memcpy(root, here, sizeof here);
	test_environment();
	test_files();
	test_links();
	test_rename();
	test_replace();
	test_remove_tree();
	test_paths();
	test_locks();
	test_lock_of_the_dead();
	test_waiting();
	tap_int(eng_fs_remove_tree(sys, root), 0, "the test directory is removed");
	return tap_done();
}
