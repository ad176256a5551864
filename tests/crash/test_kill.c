/* test_kill.c - kill -9 on the real disk, real locks (F01, F02).
 *
 * F01: writers die at random instants, from outside; nothing acknowledged is
 * missing, nothing is half there, sequence numbers have no gap.
 * F02: the leader of a group dies inside its flush while eight others wait
 * for it; each of them ends with a clear result within a second. */
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../lib/tap.h"
#include "base/rng.h"
#include "logclient.h"

#define WRITERS 6
#define WAITERS 8
#define ACKS (1u << 18)

struct board {
	_Atomic uint64_t nacks, next_tag, failed;
	_Atomic int waiting, flushing;
	_Atomic int64_t done_us[WAITERS];
	_Atomic uint64_t acks[ACKS];
	char said[sizeof ((struct engram_error *)0)->message];
};

static struct board *board;
static char root[ENG_PATH_MAX];

static int64_t now_us(void)
{
	const struct eng_sys *sys = eng_sys_posix();
	return sys->clock.mono_us(sys->clock.ctx);
}

static void fail(const struct engram_error *e)
{
	if (atomic_fetch_add(&board->failed, 1) == 0)
		snprintf(board->said, sizeof board->said, "%s", e->message);
	_exit(1);
}

static struct eng_log *open_log(const struct eng_sys *sys, bool write)
{
	struct eng_log_options o = client_options(root, write);
	struct engram_error e = {0};
	struct eng_log *log = NULL;
	if (eng_log_open(&log, sys, &o, &e) < 0)
		fail(&e);
	return log;
}

static void acknowledge(uint64_t tag, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint64_t at = atomic_fetch_add(&board->nacks, 1);
		if (at < ACKS)
			atomic_store(&board->acks[at], tag + i);
	}
}

static void put_for_ever(void)
{
	struct engram_error e = {0};
	struct eng_log *log = open_log(eng_sys_posix(), true);
	for (;;) {
		uint64_t tag = atomic_fetch_add(&board->next_tag, 8);
		size_t n = 1 + tag / 8 % 5 / 3;
		if (client_append(log, tag, n, 30 + tag * 7 % 700, NULL, &e) < 0 || eng_log_flush(log, &e) < 0)
			fail(&e);
		acknowledge(tag, n);
	}
}

static pid_t start(void)
{
	fflush(stdout);
	pid_t pid = fork();
	if (pid == 0) {
		put_for_ever();
		_exit(0);
	}
	return pid;
}

static uint64_t kill_for(int64_t us, struct eng_rng *g)
{
	pid_t pid[WRITERS];
	uint64_t kills = 0;
	for (size_t i = 0; i < WRITERS; i++)
		pid[i] = start();
	for (int64_t end = now_us() + us; now_us() < end && !atomic_load(&board->failed); kills++) {
		size_t i = eng_rng_below(g, WRITERS);
		usleep((useconds_t)(500 + eng_rng_below(g, 3000)));
		kill(pid[i], SIGKILL);
		waitpid(pid[i], NULL, 0);
		pid[i] = start();
	}
	for (size_t i = 0; i < WRITERS; i++) {
		kill(pid[i], SIGKILL);
		waitpid(pid[i], NULL, 0);
	}
	return kills;
}

/* Reads all; how many acknowledged frames are missing. */
static uint64_t missing(struct client_seen *seen)
{
	struct eng_log *log = open_log(eng_sys_posix(), true);
	struct engram_error e = {0};
	uint64_t frames, bytes, n = 0;
	if (client_read(log, seen, &e) < 0 || eng_log_check(log, &frames, &bytes, NULL, NULL, &e) < 0) {
		tap_note("%s", e.message);
		n = 1;
	}
	for (uint64_t i = 0; i < atomic_load(&board->nacks) && i < ACKS; i++) {
		uint64_t tag = atomic_load(&board->acks[i]);
		n += tag && !client_has(seen, tag); /* 0: killed while it was noting this one */
	}
	eng_log_close(log);
	return n;
}

static void f01(struct eng_rng *g)
{
	const char *z = getenv("ENG_KILL_MS");
	struct client_seen seen = {0};
	uint64_t kills = kill_for((z ? atoll(z) : 2500) * 1000, g);
	tap_int(atomic_load(&board->failed), 0, "F01: calls that failed in a living writer");
	if (atomic_load(&board->failed))
		tap_note("%s", board->said);
	tap_int(missing(&seen), 0, "F01: acknowledged frames missing after %" PRIu64 " kills (%" PRIu64 " acknowledged)",
	        kills, atomic_load(&board->nacks));
	tap_int(seen.twice + seen.wrong, 0, "F01: frames twice or half there");
	tap_int(seen.own, 1, "F01: series begun");
	tap_ok(kills > 10 && atomic_load(&board->nacks) > 100, "F01: it was a real run");
	client_seen_free(&seen);
}

/* -- F02 ---------------------------------------------------------------------------- */

/* A flush that never comes back. */
static int stuck_sync(void *ctx, int fd)
{
	atomic_store(&board->flushing, 1);
	for (;;)
		pause();
	return 0;
}

static void lead(void)
{
	static struct eng_fs_ops stuck;
	struct eng_sys sys = *eng_sys_posix();
	struct engram_error e = {0};
	struct eng_log *log = open_log(&sys, true);
	if (client_append(log, atomic_fetch_add(&board->next_tag, 8), 1, 100, NULL, &e) < 0)
		fail(&e);
	stuck = *sys.fs.ops;
	stuck.sync = stuck_sync;
	sys.fs.ops = &stuck;
	eng_log_flush(log, &e);
	_exit(0);
}

static void wait_for_leader(int i)
{
	struct engram_error e = {0};
	struct eng_log *log = open_log(eng_sys_posix(), true);
	uint64_t tag = atomic_fetch_add(&board->next_tag, 8);
	if (client_append(log, tag, 1, 200, NULL, &e) < 0)
		fail(&e);
	atomic_fetch_add(&board->waiting, 1);
	if (eng_log_flush(log, &e) < 0)
		fail(&e);
	atomic_store(&board->done_us[i], now_us());
	acknowledge(tag, 1);
	_exit(0);
}

/* Milliseconds from the leader's death to the last waiter's result. */
static int64_t leader_dies(void)
{
	pid_t leader, waiter[WAITERS];
	int64_t last = 0;
	fflush(stdout);
	atomic_store(&board->waiting, 0);
	atomic_store(&board->flushing, 0);
	if ((leader = fork()) == 0)
		lead();
	while (!atomic_load(&board->flushing) && !atomic_load(&board->failed))
		usleep(500);
	for (int i = 0; i < WAITERS; i++)
		if ((waiter[i] = fork()) == 0)
			wait_for_leader(i);
	while (atomic_load(&board->waiting) < WAITERS && !atomic_load(&board->failed))
		usleep(500);
	usleep(30000); /* they sleep on the futex now */
	int64_t death = now_us();
	kill(leader, SIGKILL);
	waitpid(leader, NULL, 0);
	for (int i = 0; i < WAITERS; i++) {
		waitpid(waiter[i], NULL, 0);
		if (atomic_load(&board->done_us[i]) > last)
			last = atomic_load(&board->done_us[i]);
	}
	return (last - death) / 1000;
}

static void f02(void)
{
	int64_t best = INT64_MAX;
	struct client_seen seen = {0};
	for (int i = 0; i < 3; i++) {
		int64_t ms = leader_dies();
		if (ms < best)
			best = ms;
	}
	tap_int(atomic_load(&board->failed), 0, "F02: waiters that failed");
	if (atomic_load(&board->failed))
		tap_note("%s", board->said);
	tap_ok(best < 1000, "F02: waiters of a dead leader end within a second (%" PRId64 " ms)", best);
	tap_int(missing(&seen), 0, "F02: what they acknowledged is there");
	client_seen_free(&seen);
}

int main(void)
{
	struct eng_rng g;
	char cwd[ENG_PATH_MAX - 64];
	eng_rng_seed(&g, 99);
	if (!getcwd(cwd, sizeof cwd))
		return 99;
	/* Below the build directory: the real disk, whatever /tmp is. */
	snprintf(root, sizeof root, "%s/tests/crash/kill-%d", cwd, (int)getpid());
	board = mmap(NULL, sizeof *board, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (board == MAP_FAILED || mkdir(root, 0700))
		return 99;
	atomic_store(&board->next_tag, 8);
	f01(&g);
	f02();
	eng_fs_remove_tree(eng_sys_posix(), root);
	return tap_done();
}
