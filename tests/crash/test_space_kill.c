/* test_space_kill.c - kill -9 against whole spaces on the real disk.
 *
 * LMDB and SQLite are tested from outside: a process that applies, rebuilds,
 * compacts or folds is killed at a random instant, again and again, while another puts
 * and forgets; then everything promised must hold and the check find nothing.
 * And fifty writers with twenty puts each, some of them killed: nothing that
 * was acknowledged is lost.
 *
 * ENG_KILLS is how many consolidations are killed (40). */
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../lib/tap.h"
#include "base/rng.h"
#include "spaceclient.h"

#define WRITERS 50
#define PUTS 20
#define VICTIMS 8
#define FOLD (1u << 31) /* of all vectors, however few: no task of the public interface */

struct board {
	_Atomic int promise[CLIENT_MEMORIES];
	_Atomic int failed;
	char said[sizeof ((struct engram_error *)0)->message];
};

static struct board *board;
static char root[ENG_PATH_MAX], dir[ENG_PATH_MAX];

static void fail(const char *what, const struct engram_error *e)
{
	if (atomic_fetch_add(&board->failed, 1) == 0)
		snprintf(board->said, sizeof board->said, "%s: %.400s", what, e->message);
}

static void put_some(unsigned first, unsigned n)
{
	struct engram_error e = {0};
	for (unsigned i = first; i < first + n; i++) {
		atomic_store(&board->promise[i], MAYBE);
		if (client_put(eng_sys_posix(), dir, i, 1, &e) < 0)
			fail("put", &e);
		else
			atomic_store(&board->promise[i], ACKED);
	}
}

static void forget_one(unsigned number)
{
	struct engram_error e = {0};
	atomic_store(&board->promise[number], MAYBE);
	if (client_forget(eng_sys_posix(), dir, number, &e) < 0)
		fail("forget", &e);
	else
		atomic_store(&board->promise[number], FORGOTTEN);
}

static int compare(char why[256])
{
	static enum promise p[CLIENT_MEMORIES];
	for (unsigned i = 0; i < CLIENT_MEMORIES; i++)
		p[i] = (enum promise)atomic_load(&board->promise[i]);
	return client_compare(eng_sys_posix(), dir, p, CLIENT_MEMORIES, why);
}

static void writers_and_kills(struct eng_rng *g)
{
	pid_t pid[WRITERS];
	char why[256];
	fflush(stdout);
	for (unsigned i = 0; i < WRITERS; i++) {
		pid[i] = fork();
		if (pid[i] == 0) {
			put_some(i * PUTS, PUTS);
			_exit(0);
		}
	}
	for (unsigned i = 0; i < VICTIMS; i++) {
		usleep((useconds_t)(2000 + eng_rng_below(g, 15000)));
		kill(pid[eng_rng_below(g, WRITERS)], SIGKILL);
	}
	for (unsigned i = 0; i < WRITERS; i++)
		waitpid(pid[i], NULL, 0);
	unsigned acked = 0;
	for (unsigned i = 0; i < WRITERS * PUTS; i++)
		acked += atomic_load(&board->promise[i]) == ACKED;
	tap_int(atomic_load(&board->failed), 0, "puts of living writers that failed");
	if (atomic_load(&board->failed))
		tap_note("%s", board->said);
	int bad = compare(why);
	tap_ok(!bad, "%d writers with %d puts each, %d kill -9 among them: all %u acknowledged are there", WRITERS, PUTS,
	       VICTIMS, acked);
	if (bad)
		tap_note("%s", why);
}

/* A consolidation that is killed after `us`, while this process writes on. */
static void killed_consolidation(unsigned tasks, useconds_t us, unsigned *next)
{
	fflush(stdout);
	pid_t pid = fork();
	if (pid == 0) {
		struct engram_error e = {0};
		for (;;)
			if ((tasks == FOLD ? client_fold(eng_sys_posix(), dir, &e)
			                   : client_consolidate(eng_sys_posix(), dir, tasks, &e)) < 0) {
				fail("consolidation", &e);
				_exit(1);
			}
	}
	if (*next + 3 < CLIENT_MEMORIES) {
		put_some(*next, 3);
		forget_one(*next + 1);
		*next += 3;
	}
	usleep(us);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void kills_of_consolidation(struct eng_rng *g)
{
	static const unsigned tasks[] = {ENGRAM_APPLY, ENGRAM_REBUILD, ENGRAM_COMPACT, FOLD};
	const char *z = getenv("ENG_KILLS");
	unsigned kills = z ? (unsigned)atoi(z) : 40, bad = 0, next = WRITERS * PUTS;
	struct engram_error e = {0};
	char why[256];
	for (unsigned i = 0; i < kills && !bad && !atomic_load(&board->failed); i++) {
		unsigned task = tasks[eng_rng_below(g, ENG_COUNT(tasks))];
		killed_consolidation(task, (useconds_t)eng_rng_below(g, 25000), &next);
		if (compare(why)) {
			tap_note("kill %u of task %u: %s", i, task, why);
			bad++;
		}
	}
	tap_int(atomic_load(&board->failed), 0, "calls that failed beside %u killed consolidations", kills);
	if (atomic_load(&board->failed))
		tap_note("%s", board->said);
	tap_int(bad, 0, "kills after which a promise did not hold");
	int r = client_consolidate(eng_sys_posix(), dir, ENGRAM_APPLY, &e);
	if (r >= 0)
		r = client_consolidate(eng_sys_posix(), dir, ENGRAM_CHECK, &e);
	if (!tap_ok(r >= 0, "the check finds nothing afterwards"))
		tap_note("%s", e.message);
}

int main(void)
{
	struct engram_error e = {0};
	struct eng_rng g;
	char cwd[ENG_PATH_MAX - 64];
	eng_rng_seed(&g, 4711);
	board = mmap(NULL, sizeof *board, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (board == MAP_FAILED || !getcwd(cwd, sizeof cwd))
		return 99;
	snprintf(root, sizeof root, "%s/tests/crash/spacekill-%d", cwd, (int)getpid());
	eng_path(dir, root, "crash");
	if (mkdir(root, 0700) || client_create(eng_sys_posix(), dir, &e) < 0) {
		printf("Bail out! %s\n", e.message);
		return 1;
	}
	writers_and_kills(&g);
	kills_of_consolidation(&g);
	eng_fs_remove_tree(eng_sys_posix(), root);
	return tap_done();
}
