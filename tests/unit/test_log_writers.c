/* test_log_writers.c - several processes append to one series while others
 * are killed: nothing acknowledged is missing, nothing is there twice. */
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../lib/tap.h"
#include "base/rng.h"
#include "logfix.h"

#define WRITERS 8
#define LIVES 60
#define TAGS 4000

struct board {
	_Atomic uint32_t next;
	_Atomic uint32_t refused;
	_Atomic uint8_t acked[TAGS];
	char said[sizeof ((struct engram_error *)0)->message];
};

static struct board *board;
static struct engram_error err;

static void writer(struct logfix *f)
{
	struct eng_log *log = logfix_open(f, true);

	if (!log)
		board->refused++;
	while (log) {
		uint32_t tag = board->next++;

		if (tag >= TAGS)
			break;
		if (logfix_put(log, tag, 20 + tag % 400, &err) != 0) {
			memcpy(board->said, err.message, sizeof board->said);
			board->refused++;
			break;
		}
		board->acked[tag] = 1;
	}
	eng_log_close(log);
	_exit(0);
}

static pid_t spawn(struct logfix *f)
{
	pid_t pid = fork();

	if (pid == 0)
		writer(f);
	return pid;
}

static unsigned run_with_kills(struct logfix *f, struct eng_rng *g)
{
	pid_t pid[WRITERS];
	unsigned kills = 0;

	for (size_t i = 0; i < WRITERS; i++)
		pid[i] = spawn(f);
	for (unsigned life = 0; life < LIVES && board->next < TAGS; life++) {
		size_t i = eng_rng_below(g, WRITERS);
		int status;

		usleep((useconds_t)(500 + eng_rng_below(g, 2000)));
		kill(pid[i], SIGKILL);
		waitpid(pid[i], &status, 0);
		kills += WIFSIGNALED(status);
		pid[i] = spawn(f);
	}
	for (size_t i = 0; i < WRITERS; i++)
		waitpid(pid[i], NULL, 0);
	return kills;
}

int main(void)
{
	const uint64_t seed = 20261121;
	struct logfix_seen seen;
	uint64_t frames, bytes;
	unsigned acked = 0, lost = 0, twice = 0, kills;
	struct eng_log *log;
	struct eng_rng g;
	struct logfix f;

	eng_rng_seed(&g, seed);
	logfix_new(&f);
	board = mmap(NULL, sizeof *board, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (board == MAP_FAILED)
		return 99;
	kills = run_with_kills(&f, &g);
	tap_int(board->refused, 0, "no writer was refused (seed %" PRIu64 ", %u kills) %s", seed, kills,
	        board->said);
	tap_ok(kills > 0, "writers were killed");
	tap_int(logfix_read(&f, &seen, &err), 0, "readable: %s", err.message);
	for (size_t i = 0; i < TAGS; i++) {
		acked += board->acked[i];
		lost += board->acked[i] && !logfix_has(&seen, i);
	}
	for (size_t i = 1; i < seen.n; i++)
		twice += seen.tag[i] == seen.tag[i - 1];
	tap_ok(acked > TAGS / 2, "%u frames acknowledged", acked);
	tap_int(lost, 0, "none lost");
	tap_int(twice, 0, "none twice");
	tap_int(seen.series, 1, "one series");
	log = logfix_open(&f, false);
	tap_int(eng_log_check(log, &frames, &bytes, NULL, NULL, &err), 0, "sound: %s", err.message);
	eng_log_close(log);
	logfix_free(&f);
	return tap_done();
}
