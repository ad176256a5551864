/* test_readers.c - killed readers do not bloat the state (F03).
 *
 * LMDB keeps every page that a live snapshot may need; the slot of a process
 * that was killed looks alive until somebody clears it.  Readers that hold a
 * snapshot are killed with -9 while a writer makes thousands of commits: the
 * file may grow by less than what it holds. */
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../lib/tap.h"
#include "simfs.h"
#include "store/store.h"

#define KEYS 400u
#define VALUE 900u
#define COMMITS 10000u
#define READERS 10u

static const struct eng_table tables[] = {{"t", false}};
static char path[ENG_PATH_MAX];

static void must(int r, const struct engram_error *e)
{
	if (r < 0) {
		printf("Bail out! %s\n", e->message);
		exit(1);
	}
}

static void write_key(struct eng_txn *t, uint32_t key, uint32_t round)
{
	uint8_t k[4] = {(uint8_t)(key >> 24), (uint8_t)(key >> 16), (uint8_t)(key >> 8), (uint8_t)key};
	uint8_t v[VALUE];
	memset(v, (int)(round + key), sizeof v);
	eng_txn_put(t, 0, eng_bytes(k, sizeof k), eng_bytes(v, sizeof v));
}

/* A child that begins a snapshot, says so, and then only waits to be killed. */
static pid_t hold_snapshot(void)
{
	int said[2];
	char byte;
	if (pipe(said))
		exit(99);
	fflush(stdout);
	pid_t pid = fork();
	if (pid == 0) {
		struct engram_error e = {0};
		struct eng_store *s = NULL;
		struct eng_txn *t = NULL;
		if (eng_store_open(&s, eng_sys_posix(), path, 0, tables, 1, &e) < 0 || eng_txn_begin(&t, s, false, &e) < 0)
			_exit(1);
		if (write(said[1], "x", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	close(said[1]);
	if (read(said[0], &byte, 1) != 1)
		byte = 0;
	close(said[0]);
	if (byte != 'x') {
		printf("Bail out! a reader could not begin\n");
		exit(1);
	}
	return pid;
}

static void commits(struct eng_store *s, uint32_t from, uint32_t n)
{
	struct engram_error e = {0};
	for (uint32_t i = from; i < from + n; i++) {
		struct eng_txn *t;
		must(eng_txn_begin(&t, s, true, &e), &e);
		for (uint32_t k = 0; k < 4; k++)
			write_key(t, (i * 4 + k) % KEYS, i);
		must(eng_txn_commit(t, &e), &e);
	}
}

int main(void)
{
	char dir[ENG_PATH_MAX];
	struct engram_error e = {0};
	struct eng_store *s = NULL;
	struct eng_txn *t;
	uint64_t used, before, after, file;
	sim_scratch(dir, "readers");
	eng_path(path, dir, "state.mdb");
	/* Made, and closed before the children are: an environment does not pass fork(). */
	must(eng_store_open(&s, eng_sys_posix(), path, ENG_STORE_WRITE | ENG_STORE_CREATE, tables, 1, &e), &e);
	must(eng_txn_begin(&t, s, true, &e), &e);
	for (uint32_t k = 0; k < KEYS; k++)
		write_key(t, k, 0);
	must(eng_txn_commit(t, &e), &e);
	must(eng_store_size(s, &before, &file, &e), &e);
	for (uint32_t r = 0; r < READERS; r++) {
		pid_t pid = hold_snapshot();
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		commits(s, r * (COMMITS / READERS), COMMITS / READERS);
	}
	must(eng_store_size(s, &used, &after, &e), &e);
	tap_ok(used < 2 * before, "F03: %u commits beside %u killed readers: %" PRIu64 " bytes in use before, %" PRIu64
	       " after", COMMITS, READERS, before, used);
	eng_store_close(s);
	return tap_done();
}
