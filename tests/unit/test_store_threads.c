/* test_store_threads.c - eight threads open, read, write and close one file. */
#include "../lib/tap.h"
#include "../lib/tmpdir.h"

#include <pthread.h>

#include "store/store.h"

enum { THREADS = 8, ROUNDS = 60 };

static const struct eng_table tables[] = {{"t", false}};
static const char *path;
static pthread_mutex_t apply = PTHREAD_MUTEX_INITIALIZER; /* as writers hold the apply lock */

/* Adds one to the counter under the key. */
static int increment(struct eng_store *s, struct engram_error *err)
{
	struct eng_bytes v, key = eng_bytes("n", 1);
	struct eng_txn *t;
	uint64_t n = 0;
	int rc = eng_txn_begin(&t, s, true, err);

	if (rc)
		return rc;
	if (eng_txn_get(t, 0, key, &v) == 1)
		memcpy(&n, v.p, sizeof n);
	n++;
	eng_txn_put(t, 0, key, eng_bytes(&n, sizeof n));
	return eng_txn_commit(t, err);
}

static int64_t count(struct eng_store *s, struct engram_error *err)
{
	struct eng_bytes v;
	struct eng_txn *t;
	uint64_t n = 0;

	if (eng_txn_begin(&t, s, false, err) != 0)
		return -1;
	if (eng_txn_get(t, 0, eng_bytes("n", 1), &v) == 1)
		memcpy(&n, v.p, sizeof n);
	eng_txn_abort(t);
	return (int64_t)n;
}

/* Each round with a handle of its own; the counter never goes back. */
static void *work(void *failures)
{
	struct engram_error err;
	struct eng_store *s;
	int64_t last = 0, now;

	for (int i = 0; i < ROUNDS; i++) {
		if (eng_store_open(&s, eng_sys_posix(), path, ENG_STORE_WRITE | ENG_STORE_BULK, tables, 1, &err) != 0) {
			++*(long *)failures;
			continue;
		}
		pthread_mutex_lock(&apply);
		*(long *)failures += increment(s, &err) != 0;
		pthread_mutex_unlock(&apply);
		now = count(s, &err);
		*(long *)failures += now <= last;
		last = now;
		eng_store_close(s);
	}
	return NULL;
}

int main(void)
{
	long failures[THREADS] = {0}, sum = 0;
	struct engram_error err;
	pthread_t thread[THREADS];
	struct eng_store *s;

	tmpdir_begin("store-threads");
	path = tmpdir_path("t.mdb");
	if (eng_store_open(&s, eng_sys_posix(), path, ENG_STORE_WRITE | ENG_STORE_CREATE | ENG_STORE_BULK, tables, 1,
	                   &err) != 0)
		tap_ok(false, "open: %s", err.message);
	eng_store_close(s);
	for (int i = 0; i < THREADS; i++)
		pthread_create(&thread[i], NULL, work, &failures[i]);
	for (int i = 0; i < THREADS; i++) {
		pthread_join(thread[i], NULL);
		sum += failures[i];
	}
	tap_int(sum, 0, "%d threads, each opening and closing %d handles", THREADS, ROUNDS);
	if (eng_store_open(&s, eng_sys_posix(), path, 0, tables, 1, &err) != 0)
		tap_ok(false, "open: %s", err.message);
	tap_int(count(s, &err), THREADS * ROUNDS, "every increment is there");
	eng_store_close(s);
	tmpdir_end();
	return tap_done();
}
