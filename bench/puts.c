/* puts.c - durable puts, acknowledged one by one.
 *
 *     puts DIR [SECONDS]
 *
 * One process: engram_put + engram_commit in turn with a bare write and
 * fdatasync of as many bytes over blocks the file already owns, the least any
 * durable append can cost on this disk.
 *
 * Fifty processes, each acknowledging its own puts: all of them into one
 * engram space, one LMDB file (a commit each), one SQLite database (WAL,
 * synchronous=FULL, an insert each); windows in turn, three times. */
#include <fcntl.h>
#include <lmdb.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engram.h"
#include "measure.h"

#define PROCESSES 50
#define TEXT 180
#define SINGLE 2000
#define WINDOWS 3
#define SAMPLES_MAX 4000

static const char *dir;

/* A text of TEXT bytes, different each time. */
static void make_text(char text[TEXT + 1], int who, uint64_t n)
{
	static const char *const words[] = {"harbour", "lantern", "copper", "meadow", "violin", "granite", "orchard",
	                                    "thunder"};
	int at = snprintf(text, TEXT + 1, "note %d-%llu", who, (unsigned long long)n);
	while (at < TEXT) {
		n = n * 6364136223846793005u + 1442695040888963407u;
		at += snprintf(text + at, (size_t)(TEXT + 1 - at), " %s", words[n >> 61]);
	}
}

/* -- the four writers --------------------------------------------------------- */

struct writer {
	void *(*open)(void);
	void (*put)(void *w, const char *text, int who, uint64_t n);
	const char *name;
};

static void check(int r, const struct engram_error *e)
{
	if (r < 0)
		measure_die("%s", e->message);
}

static void *engram_begin(void)
{
	struct engram_home *home;
	struct engram_space *space;
	struct engram_writer *w;
	struct engram_error e = {0};
	check(engram_home_open(&home, dir, &e), &e);
	check(engram_space_open(&space, home, "default", ENGRAM_CREATE | ENGRAM_WRITE, 10000, &e), &e);
	check(engram_writer_open(&w, space, 0, &e), &e);
	return w;
}

static void engram_one(void *w, const char *text, int who, uint64_t n)
{
	struct engram_memory m = {.has = ENGRAM_TEXT, .text = {text, TEXT}};
	struct engram_error e = {0};
	struct engram_id id;
	enum engram_put_result put;
	(void)who;
	(void)n;
	check(engram_put(w, &id, &put, &m, &e), &e);
	check(engram_commit(w, &e), &e);
}

static void lmdb_check(int r)
{
	if (r)
		measure_die("lmdb: %s", mdb_strerror(r));
}

static void *lmdb_begin(void)
{
	char path[4096];
	MDB_env *env;
	snprintf(path, sizeof path, "%s/peer.mdb", dir);
	lmdb_check(mdb_env_create(&env));
	lmdb_check(mdb_env_set_mapsize(env, (size_t)1 << 32));
	lmdb_check(mdb_env_open(env, path, MDB_NOSUBDIR, 0600));
	return env;
}

static void lmdb_one(void *w, const char *text, int who, uint64_t n)
{
	uint64_t key[2] = {(uint64_t)who, n};
	MDB_val k = {sizeof key, key}, v = {TEXT, (void *)text};
	MDB_txn *t;
	MDB_dbi dbi;
	lmdb_check(mdb_txn_begin(w, NULL, 0, &t));
	lmdb_check(mdb_dbi_open(t, NULL, 0, &dbi));
	lmdb_check(mdb_put(t, dbi, &k, &v, 0));
	lmdb_check(mdb_txn_commit(t));
}

static void sql_check(sqlite3 *db, int r)
{
	if (r != SQLITE_OK && r != SQLITE_DONE)
		measure_die("sqlite: %s", sqlite3_errmsg(db));
}

static sqlite3_stmt *insert;

static void *sqlite_begin(void)
{
	char path[4096];
	sqlite3 *db;
	snprintf(path, sizeof path, "%s/peer.db", dir);
	sql_check(NULL, sqlite3_open(path, &db));
	sqlite3_busy_timeout(db, 60000);
	sql_check(db, sqlite3_exec(db, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
	                               "CREATE TABLE IF NOT EXISTS m(id INTEGER PRIMARY KEY, text TEXT)", 0, 0, 0));
	sql_check(db, sqlite3_prepare_v2(db, "INSERT INTO m(text) VALUES(?)", -1, &insert, NULL));
	return db;
}

static void sqlite_one(void *w, const char *text, int who, uint64_t n)
{
	(void)who;
	(void)n;
	sql_check(w, sqlite3_bind_text(insert, 1, text, TEXT, SQLITE_STATIC));
	sql_check(w, sqlite3_step(insert));
	sql_check(w, sqlite3_reset(insert));
}

/* 16 MiB of written zeros: blocks the file owns, as a log's segment has. */
static int bare_begin(void)
{
	static const char zeros[1 << 20];
	char path[4096];
	snprintf(path, sizeof path, "%s/bare", dir);
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
	for (int i = 0; i < 16; i++)
		if (fd < 0 || pwrite(fd, zeros, sizeof zeros, (off_t)i << 20) != sizeof zeros)
			measure_die("%s: cannot write", path);
	if (fdatasync(fd))
		measure_die("%s: cannot flush", path);
	return fd;
}

/* -- one process ----------------------------------------------------------------- */

#define FRAME (64 + 24 + 8 + TEXT) /* what a frame of this text takes, about */

static void single(void)
{
	struct samples ours = {0}, bare = {0}, lmdb = {0}, sqlite = {0};
	char text[FRAME + TEXT];
	int fd = bare_begin();
	void *w = engram_begin(), *l = lmdb_begin(), *q = sqlite_begin();
	memset(text, 'x', sizeof text);
	for (uint64_t i = 0; i < SINGLE; i++) {
		make_text(text, -1, i);
		int64_t t0 = measure_ns();
		if (pwrite(fd, text, FRAME, (off_t)(i * FRAME)) != FRAME || fdatasync(fd))
			measure_die("bare write");
		int64_t t1 = measure_ns();
		engram_one(w, text, 0, i);
		int64_t t2 = measure_ns();
		if (i < 50) /* warm: the first segment grows */
			continue;
		samples_add(&bare, t1 - t0);
		samples_add(&ours, t2 - t1);
		if (i % 4)
			continue;
		t0 = measure_ns();
		lmdb_one(l, text, 0, i);
		t1 = measure_ns();
		sqlite_one(q, text, 0, i);
		samples_add(&lmdb, t1 - t0);
		samples_add(&sqlite, measure_ns() - t1);
	}
	measure_times("put-1", "bare write+fdatasync", &bare);
	measure_times("put-1", "engram put+commit", &ours);
	measure_times("put-1", "lmdb commit", &lmdb);
	measure_times("put-1", "sqlite insert", &sqlite);
	measure_floor("put-1", "p50 of a durable put / bare write+fdatasync", MEASURE_RATIO,
	              (double)samples_at(&ours, 500) / (double)samples_at(&bare, 500), 1.5, true);
}

/* -- fifty processes ---------------------------------------------------------------- */

struct board {
	_Atomic int ready, go, stop;
	_Atomic uint64_t puts[PROCESSES];
	_Atomic uint32_t ns[PROCESSES][SAMPLES_MAX];
};

static void work(const struct writer *x, struct board *b, int who, uint64_t base)
{
	char text[TEXT + 1];
	void *w = x->open();
	uint64_t n = 0;
	atomic_fetch_add(&b->ready, 1);
	while (!atomic_load(&b->go))
		usleep(200);
	while (!atomic_load(&b->stop)) {
		make_text(text, who, base + n);
		int64_t t = measure_ns();
		x->put(w, text, who, base + n);
		t = measure_ns() - t;
		atomic_store(&b->ns[who][n % SAMPLES_MAX], t > UINT32_MAX ? UINT32_MAX : (uint32_t)t);
		atomic_store(&b->puts[who], ++n);
	}
	_exit(0);
}

/* Puts a second of one window; its times are added to s.  `settled`: the same
 * until the last writer has its answer, so that those who starve count too
 * (SQLite's busy handler lets a few writers race and the others sleep). */
static double window(const struct writer *x, double *settled, struct samples *s, double seconds, uint64_t base)
{
	struct board *b = mmap(NULL, sizeof *b, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t pid[PROCESSES];
	int status;
	if (b == MAP_FAILED)
		measure_die("mmap");
	for (int i = 0; i < PROCESSES; i++)
		if (!(pid[i] = fork()))
			work(x, b, i, base);
	while (atomic_load(&b->ready) < PROCESSES) {
		usleep(1000);
		if (waitpid(-1, &status, WNOHANG) > 0)
			measure_die("%s: a writer ended early", x->name);
	}
	int64_t t0 = measure_ns();
	atomic_store(&b->go, 1);
	usleep((useconds_t)(seconds * 1e6));
	uint64_t puts = 0;
	for (int i = 0; i < PROCESSES; i++)
		puts += atomic_load(&b->puts[i]);
	double took = (double)(measure_ns() - t0) / 1e9;
	atomic_store(&b->stop, 1);
	for (int i = 0; i < PROCESSES; i++) {
		if (waitpid(pid[i], &status, 0) != pid[i] || status)
			measure_die("%s: a writer failed", x->name);
		for (uint64_t k = 0; k < atomic_load(&b->puts[i]) && k < SAMPLES_MAX; k++)
			samples_add(s, atomic_load(&b->ns[i][k]));
	}
	double until_last = (double)(measure_ns() - t0) / 1e9;
	uint64_t all = 0;
	for (int i = 0; i < PROCESSES; i++)
		all += atomic_load(&b->puts[i]);
	*settled = (double)all / until_last;
	munmap(b, sizeof *b);
	return (double)puts / took;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static void many(double seconds)
{
	static const struct writer w[3] = {{engram_begin, engram_one, "engram"},
	                                   {lmdb_begin, lmdb_one, "lmdb"},
	                                   {sqlite_begin, sqlite_one, "sqlite"}};
	struct samples s[3] = {0};
	double rate[3][WINDOWS], settled[3][WINDOWS];
	for (int r = 0; r < WINDOWS; r++)
		for (int k = 0; k < 3; k++)
			rate[k][r] = window(&w[k], &settled[k][r], &s[k], seconds, (uint64_t)(r + 1) << 32);
	for (int k = 0; k < 3; k++) {
		qsort(rate[k], WINDOWS, sizeof rate[k][0], by_value);
		qsort(settled[k], WINDOWS, sizeof settled[k][0], by_value);
		measure_times("put-50", w[k].name, &s[k]);
		measure_rate("put-50", w[k].name, "puts/s", rate[k][WINDOWS / 2]);
		measure_rate("put-50", w[k].name, "puts/s until the last answer", settled[k][WINDOWS / 2]);
	}
	measure_floor("put-50", "puts/s / LMDB commits/s", MEASURE_RATIO, rate[0][1] / rate[1][1], 10, false);
	measure_floor("put-50", "puts/s / SQLite WAL FULL inserts/s", MEASURE_RATIO, rate[0][1] / rate[2][1], 10, false);
	measure_floor("put-50", "until the last answer: puts/s / LMDB commits/s", MEASURE_RATIO,
	              settled[0][1] / settled[1][1], 10, false);
	measure_floor("put-50", "until the last answer: puts/s / SQLite WAL FULL inserts/s", MEASURE_RATIO,
	              settled[0][1] / settled[2][1], 10, false);
}

int main(int argc, char **argv)
{
	if (argc < 2)
		measure_die("usage: puts DIR [SECONDS]");
	dir = argv[1];
	pid_t pid = fork(); /* so that no handle is open across the forks of many() */
	if (pid == 0) {
		single();
		_exit(0);
	}
	int status;
	if (waitpid(pid, &status, 0) != pid || status)
		measure_die("one process: failed");
	many(argc > 2 ? atof(argv[2]) : 2.0);
	return 0;
}
