/* test_threads.c - eight threads, each with its own open of one series.
 *
 * A handle belongs to one thread, but several threads of a process may each
 * hold one: locks are of the open file (OFD), not of the process.  Runs plain
 * here and under ThreadSanitizer in make check-long, where it must be silent. */
#include <pthread.h>
#include <stdatomic.h>

#include "../lib/tap.h"
#include "logclient.h"
#include "simfs.h"

#define THREADS 8
#define PUTS 60

struct thread {
	pthread_t id;
	const char *dir;
	unsigned number;
	uint64_t failed, read;
	char said[sizeof ((struct engram_error *)0)->message];
};

static void fail(struct thread *t, const struct engram_error *e)
{
	if (t->failed++ == 0)
		snprintf(t->said, sizeof t->said, "%s", e->message);
}

static void *run(void *data)
{
	struct thread *t = data;
	struct eng_log_options o = client_options(t->dir, true);
	struct engram_error e = {0};
	struct client_seen seen;
	struct eng_log *log = NULL;
	o.wait_ms = 60000;
	if (eng_log_open(&log, eng_sys_posix(), &o, &e) < 0) {
		fail(t, &e);
		return NULL;
	}
	for (uint64_t i = 0; i < PUTS; i++) {
		if (client_append(log, (uint64_t)(t->number + 1) << 32 | i << 3, 1 + i % 3, 40 + 37 * i, NULL, &e) < 0 ||
		    eng_log_flush(log, &e) < 0)
			fail(t, &e);
		if (i % 20)
			continue;
		if (client_read(log, &seen, &e) < 0 || seen.wrong || seen.twice)
			fail(t, &e);
		t->read += seen.n;
		client_seen_free(&seen);
	}
	eng_log_close(log);
	return NULL;
}

static void verify(const char *dir)
{
	struct eng_log_options o = client_options(dir, false);
	struct engram_error e = {0};
	struct client_seen seen = {0};
	struct eng_log *log = NULL;
	uint64_t missing = 0;
	if (eng_log_open(&log, eng_sys_posix(), &o, &e) < 0 || client_read(log, &seen, &e) < 0)
		tap_note("%s", e.message);
	for (uint64_t n = 1; n <= THREADS; n++)
		for (uint64_t i = 0; i < PUTS; i++)
			for (uint64_t k = 0; k < 1 + i % 3; k++)
				missing += !client_has(&seen, n << 32 | ((i << 3) + k));
	tap_int(missing, 0, "acknowledged frames missing");
	tap_int(seen.twice + seen.wrong, 0, "frames twice or half");
	tap_int(seen.own, 1, "series begun");
	client_seen_free(&seen);
	eng_log_close(log);
}

int main(void)
{
	static struct thread t[THREADS];
	char dir[ENG_PATH_MAX];
	uint64_t failed = 0;
	sim_scratch(dir, "threads");
	for (unsigned i = 0; i < THREADS; i++) {
		t[i].dir = dir;
		t[i].number = i;
		if (pthread_create(&t[i].id, NULL, run, &t[i]))
			return 99;
	}
	for (unsigned i = 0; i < THREADS; i++) {
		pthread_join(t[i].id, NULL);
		failed += t[i].failed;
		if (t[i].failed)
			tap_note("thread %u: %s", i, t[i].said);
	}
	tap_int(failed, 0, "calls that failed in %d threads", THREADS);
	verify(dir);
	return tap_done();
}
