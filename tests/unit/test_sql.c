/* test_sql.c - statements, readers that leave no trace, FTS5 hooks. */
#include "sql/sql.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "../lib/failalloc.h"
#include "../lib/tap.h"

static char dir[] = "/tmp/engram-sql-XXXXXX";
static char path[256];

static const char *in_dir(const char *name)
{
	snprintf(path, sizeof path, "%s/%s", dir, name);
	return path;
}

static void put(const char *name, const char *suffix, const void *p, size_t n)
{
	char file[300];
	snprintf(file, sizeof file, "%s%s", in_dir(name), suffix);
	FILE *f = fopen(file, "wb");
	fwrite(p, 1, n, f);
	fclose(f);
}

/* The bytes of the database, its -wal and its -shm, one after the other. */
static struct eng_buf bytes_of(const char *name)
{
	static const char *const suffix[] = {"", "-wal", "-shm"};
	struct eng_buf b = ENG_BUF_INIT;
	for (size_t i = 0; i < ENG_COUNT(suffix); i++) {
		char file[300], chunk[4096];
		size_t n;
		snprintf(file, sizeof file, "%s%s", in_dir(name), suffix[i]);
		FILE *f = fopen(file, "rb");
		eng_buf_byte(&b, f != NULL);
		while (f && (n = fread(chunk, 1, sizeof chunk, f)) > 0)
			eng_buf_add(&b, chunk, n);
		if (f)
			fclose(f);
	}
	return b;
}

static bool same(struct eng_buf a, struct eng_buf b)
{
	bool eq = a.n == b.n && memcmp(a.p, b.p, a.n) == 0;
	eng_buf_free(&a);
	eng_buf_free(&b);
	return eq;
}

static int64_t number(struct eng_sql *db, const char *sql)
{
	struct eng_sql_stmt *s;
	int64_t v = -1;
	if (eng_sql_prepare(&s, db, sql, NULL) != 0)
		return -2;
	if (eng_sql_step(s, NULL) == 1)
		v = eng_sql_i64(s, 0);
	eng_sql_finish(s);
	return v;
}

static void statements(void)
{
	struct engram_error err = {0};
	struct eng_sql *db = NULL;
	struct eng_sql_stmt *s = NULL;
	tap_int(eng_sql_open(&db, in_dir("a.db"), ENG_SQL_WRITE, &err), 0, "a database is made");
	tap_int(eng_sql_exec(db, "CREATE TABLE t(a INTEGER PRIMARY KEY, b); INSERT INTO t VALUES (1, 'one')", &err), 0,
	        "several statements at once");
	tap_int(eng_sql_prepare(&s, db, "INSERT INTO t VALUES (?1, ?2)", &err), 0, "prepare");
	for (int i = 2; i < 5; i++) {
		eng_sql_bind_i64(s, 1, i);
		eng_sql_bind_blob(s, 2, "\0x", 2);
		if (eng_sql_step(s, &err) != 0)
			tap_ok(false, "insert %d: %s", i, err.message);
	}
	tap_int(number(db, "SELECT count(*) FROM t WHERE length(b) = 2"), 3, "a statement is reused after it is done");
	eng_sql_bind_i64(s, 9, 1);
	tap_ok(eng_sql_step(s, &err) < 0, "a failed bind is told by the step");
	eng_sql_bind_i64(s, 1, 2);
	tap_ok(eng_sql_step(s, &err) < 0 && strstr(err.message, "UNIQUE"), "a constraint is named: %s", err.message);
	eng_sql_finish(s);
	tap_ok(eng_sql_exec(db, "SELEC", &err) == ENGRAM_EINTERNAL && strstr(err.message, "syntax"), "%s", err.message);
	tap_ok(eng_sql_prepare(&s, db, "SELECT b FROM t WHERE a = 1", &err) == 0 && eng_sql_step(s, &err) == 1 &&
	       eng_str_eq(eng_sql_text(s, 0), eng_str("one")), "text comes back");
	eng_sql_finish(s);
	eng_sql_close(db);
	eng_sql_close(NULL);
	eng_sql_finish(NULL);
}

/* A process that has written to the database and keeps it open until the
 * returned pipe is closed.  (In one process SQLite shares what it knows of the
 * -shm between connections, and a reader there would use the writer's.) */
static int writer_beside(const char *name, pid_t *child)
{
	struct eng_sql *w = NULL;
	int ready[2], stop[2];
	char c = 0;
	if (pipe(ready) != 0 || pipe(stop) != 0)
		exit(1);
	*child = fork();
	if (*child == 0) {
		close(stop[1]);
		eng_sql_open(&w, in_dir(name), ENG_SQL_WRITE, NULL);
		eng_sql_exec(w, "CREATE TABLE t(a); INSERT INTO t VALUES (1)", NULL);
		c = (char)write(ready[1], &c, 1);
		c = (char)read(stop[0], &c, 1);
		eng_sql_close(w);
		_exit(0);
	}
	c = (char)read(ready[0], &c, 1);
	close(ready[0]);
	close(ready[1]);
	close(stop[0]);
	return stop[1];
}

static void readers(void)
{
	struct engram_error err = {0};
	struct eng_sql *w = NULL, *r = NULL;
	pid_t child;
	int stop = writer_beside("b.db", &child);
	struct eng_buf before = bytes_of("b.db");
	tap_int(eng_sql_open(&r, in_dir("b.db"), 0, &err), 0, "a reader beside a writer");
	tap_int(number(r, "SELECT a FROM t"), 1, "it sees what is only in the -wal");
	tap_ok(eng_sql_exec(r, "INSERT INTO t VALUES (2)", &err) == ENGRAM_EPERM, "it cannot write");
	eng_sql_close(r);
	tap_ok(same(before, bytes_of("b.db")), "and changes no byte of the three files");

	close(stop);
	waitpid(child, NULL, 0);
	before = bytes_of("b.db");
	tap_ok(before.n > 0 && access(in_dir("b.db-wal"), F_OK) == 0 && access(in_dir("b.db-shm"), F_OK) == 0,
	       "a writer leaves its -wal and -shm");
	tap_int(eng_sql_open(&r, in_dir("b.db"), 0, &err), 0, "a reader alone");
	tap_int(number(r, "SELECT a FROM t"), 1, "sees the same");
	eng_sql_close(r);
	tap_ok(same(before, bytes_of("b.db")), "a reader alone changes no byte either");

	eng_sql_open(&r, in_dir("b.db"), 0, &err);
	number(r, "SELECT a FROM t");
	tap_ok(!eng_sql_outdated(r), "no writer has been in this process");
	tap_ok(eng_sql_open(&w, in_dir("b.db"), ENG_SQL_WRITE, &err) == ENGRAM_EBUSY, "%s", err.message);
	tap_ok(eng_sql_outdated(r), "the reader is told to open again");
	eng_sql_close(r);
	tap_int(eng_sql_open(&r, in_dir("b.db"), 0, &err), 0, "it does");
	number(r, "SELECT a FROM t");
	tap_int(eng_sql_open(&w, in_dir("b.db"), ENG_SQL_WRITE, &err), 0, "now a writer opens beside it");
	tap_int(eng_sql_exec(w, "INSERT INTO t VALUES (5)", &err), 0, "and writes");
	tap_int(number(r, "SELECT count(*) FROM t"), 2, "and is read");
	eng_sql_close(r);
	eng_sql_close(w);
}

/* What a killed writer leaves: frames in the -wal, and a -shm that says so. */
static void after_a_kill(void)
{
	struct engram_error err = {0};
	struct eng_sql *r = NULL;
	pid_t child;
	int stop = writer_beside("k.db", &child);
	kill(child, SIGKILL);
	close(stop);
	waitpid(child, NULL, 0);
	struct eng_buf before = bytes_of("k.db");
	tap_int(eng_sql_open(&r, in_dir("k.db"), 0, &err), 0, "a reader after a killed writer");
	tap_int(number(r, "SELECT a FROM t"), 1, "sees what was committed");
	eng_sql_close(r);
	tap_ok(same(before, bytes_of("k.db")), "without recovering anything on disk");
}

static void missing(void)
{
	struct engram_error err = {0};
	struct eng_sql *db = NULL;
	tap_ok(eng_sql_open(&db, in_dir("no.db"), 0, &err) == ENGRAM_ENOFILE, "%s", err.message);
	tap_ok(access(in_dir("no.db"), F_OK) != 0, "a reader makes no database");
	eng_sql_open(&db, in_dir("m.db"), ENG_SQL_WRITE, &err);
	eng_sql_exec(db, "CREATE TABLE t(a); INSERT INTO t VALUES (3)", &err);
	eng_sql_close(db);
	unlink(in_dir("m.db-shm"));
	tap_ok(eng_sql_open(&db, in_dir("m.db"), 0, &err) == ENGRAM_ENOFILE && strstr(err.message, "-shm"), "%s",
	       err.message);
	tap_int(eng_sql_open(&db, in_dir("m.db"), ENG_SQL_IMMUTABLE, &err), 0, "immutable needs neither");
	tap_int(number(db, "SELECT a FROM t"), 3, "and reads");
	eng_sql_close(db);
	tap_ok(access(in_dir("m.db-shm"), F_OK) != 0, "and makes neither");
	put("bad.db", "", "this is not a database, not at all, whatever its name says", 58);
	tap_ok(eng_sql_open(&db, in_dir("bad.db"), ENG_SQL_WRITE, &err) == ENGRAM_EDAMAGED, "%s", err.message);
	tap_int(eng_sql_open(&db, in_dir("odd?name#50%.db"), ENG_SQL_WRITE, &err), 0, "a path with ? # %%");
	eng_sql_exec(db, "CREATE TABLE t(a)", &err);
	eng_sql_close(db);
	tap_ok(access(in_dir("odd?name#50%.db"), F_OK) == 0, "is that path");
	tap_ok(eng_sql_open(&db, "/nonexistent/dir/x.db", ENG_SQL_WRITE, &err) < 0 && err.os != 0, "%s", err.message);
}

/* -- FTS5 ---------------------------------------------------------------- */

/* Every byte is a token. */
static int letters(const char *text, size_t n, void *ctx, eng_sql_token_fn *token)
{
	int rc = 0;
	for (size_t i = 0; i < n && rc == 0; i++)
		rc = token(ctx, text + i, 1, i, i + 1);
	return rc;
}

struct seen {
	int64_t rowid[8];
	uint32_t tf[8][2];
	int n, fail;
};

static int note(void *data, const struct eng_sql_match *m, int64_t *score)
{
	struct seen *s = data;
	if (s->fail || m->phrases != 2 || m->counts(m, s->tf[s->n]) != 0)
		return -1;
	s->rowid[s->n++] = m->rowid;
	*score = m->rowid * 10;
	return 0;
}

static void fts5(void)
{
	struct engram_error err = {0};
	struct seen seen = {0};
	struct eng_sql *db = NULL;
	eng_sql_open(&db, in_dir("f.db"), ENG_SQL_WRITE, &err);
	tap_int(eng_sql_fts_tokenizer(db, "letters", letters, &err), 0, "a tokenizer is registered");
	tap_int(eng_sql_fts_score(db, "note", note, &seen, &err), 0, "a ranking is registered");
	tap_int(eng_sql_exec(db,
	                     "CREATE VIRTUAL TABLE w USING fts5(t, content='', columnsize=0, tokenize='letters');"
	                     "INSERT INTO w(rowid, t) VALUES (3, 'aba'), (5, 'ccc'), (9, 'bb')", &err),
	        0, "and used");
	tap_int(number(db, "SELECT note(w) FROM w WHERE w MATCH '\"a\" OR \"b\"'"), 30, "its value comes back");
	seen.n = 0;
	tap_int(number(db, "SELECT 1 FROM w WHERE w MATCH '\"a\" OR \"b\"' AND note(w) < 0"), -1, "as a filter");
	tap_ok(seen.n == 2 && seen.rowid[0] == 3 && seen.rowid[1] == 9, "it saw each match");
	tap_ok(seen.tf[0][0] == 2 && seen.tf[0][1] == 1 && seen.tf[1][0] == 0 && seen.tf[1][1] == 2, "with its counts");
	tap_int(number(db, "SELECT rowid FROM w WHERE w MATCH '\"ab\"'"), -1, "a query string is one token");
	seen.fail = 1;
	tap_int(number(db, "SELECT note(w) FROM w WHERE w MATCH '\"a\" OR \"b\"'"), -1, "its failure fails the statement");
	eng_sql_close(db);
}

static int open_and_use(void *data)
{
	struct engram_error err = {0};
	struct eng_sql *db = NULL;
	struct eng_sql_stmt *s = NULL;
	int rc = eng_sql_open(&db, in_dir("fail.db"), ENG_SQL_WRITE, &err);
	if (rc == 0)
		rc = eng_sql_fts_tokenizer(db, "letters", letters, &err);
	if (rc == 0)
		rc = eng_sql_fts_score(db, "note", note, NULL, &err);
	if (rc == 0)
		rc = eng_sql_prepare(&s, db, "SELECT 1", &err);
	if (rc == 0)
		rc = eng_sql_step(s, &err) == 1 ? 0 : ENGRAM_EINTERNAL;
	eng_sql_finish(s);
	eng_sql_close(db);
	if (rc == 0 && (rc = eng_sql_open(&db, in_dir("fail.db"), 0, &err)) == 0)
		eng_sql_close(db);
	return rc;
}

int main(void)
{
	char command[64];
	if (!mkdtemp(dir))
		return 1;
	after_a_kill();
	readers(); /* first these two: no writer has been in this process yet */
	statements();
	missing();
	fts5();
	failalloc_each(open_and_use, NULL, "opening and preparing");
	snprintf(command, sizeof command, "rm -rf %s", dir);
	tap_int(system(command), 0, "clean up");
	return tap_done();
}
