/* sql.h - SQLite, loaded when first needed; the only user of sqlite3.h.
 *
 * Linking libsqlite3 costs a one-shot process 0.2 ms before main, so it is
 * opened by dlopen at the first eng_sql_open and called through a table.
 * Needs SQLite >= 3.40 with FTS5: ENGRAM_EUNAVAILABLE says what was found.
 *
 * Above this header SQLite's types appear only as opaque handles. */
#ifndef ENG_SQL_SQL_H
#define ENG_SQL_SQL_H

#include "base/buf.h"
#include "base/types.h"

struct eng_sql;      /* a connection */
struct eng_sql_stmt; /* a prepared statement */

enum eng_sql_flags {
	ENG_SQL_WRITE = 1u << 0,     /* create if missing; WAL, persistent -wal and -shm, synchronous FULL */
	ENG_SQL_IMMUTABLE = 1u << 1, /* read-only media: no lock, no -wal, no -shm */
};

/* Without WRITE no byte of any file is changed and none is created: a
 * database whose file, -wal or -shm is missing is ENGRAM_ENOFILE.  (In a
 * process that writes too, readers use their slots in the -shm.)  A writer
 * while such a reader is open in the same process: ENGRAM_EBUSY. */

/* "3.40.1"; NULL where it cannot be loaded. */
const char *eng_sql_version(void);

int eng_sql_open(struct eng_sql **db, const char *path, unsigned flags, struct engram_error *err);
void eng_sql_close(struct eng_sql *db); /* NULL allowed */
/* True for a reader that stands in the way of a writer of its own process:
 * close it and open it again. */
bool eng_sql_outdated(const struct eng_sql *db);

/* Statements without results; several separated by semicolons. */
int eng_sql_exec(struct eng_sql *db, const char *sql, struct engram_error *err);

int eng_sql_prepare(struct eng_sql_stmt **s, struct eng_sql *db, const char *sql, struct engram_error *err);
void eng_sql_bind_i64(struct eng_sql_stmt *s, int at, int64_t v);                 /* at from 1; sticky failure */
/* Not copied: must live until the reset. */
void eng_sql_bind_text(struct eng_sql_stmt *s, int at, const char *p, size_t n);
void eng_sql_bind_blob(struct eng_sql_stmt *s, int at, const void *p, size_t n);
int eng_sql_step(struct eng_sql_stmt *s, struct engram_error *err); /* 1 row, 0 done, <0; resets itself when done */
int64_t eng_sql_i64(struct eng_sql_stmt *s, int column);
struct engram_str eng_sql_text(struct eng_sql_stmt *s, int column); /* until the next step */
void eng_sql_reset(struct eng_sql_stmt *s);
void eng_sql_finish(struct eng_sql_stmt *s); /* NULL allowed */

/* -- the database of another program (foreign.c) ------------------------------ */

/* Opens it for reading.  No byte of it is changed, no file beside it created:
 * ENGRAM_EINPUT where it is no database of SQLite, ENGRAM_EBUSY where it could
 * not be read without (the hint says what to do). */
int eng_sql_open_foreign(struct eng_sql **db, const char *path, struct engram_error *err);
/* One statement that only reads and has columns; ENGRAM_EINPUT else, with
 * SQLite's words. */
int eng_sql_prepare_query(struct eng_sql_stmt **s, struct eng_sql *db, const char *sql, struct engram_error *err);
int eng_sql_columns(struct eng_sql_stmt *s);
struct engram_str eng_sql_column_name(struct eng_sql_stmt *s, int column); /* p NULL: out of memory */

enum eng_sql_type { ENG_SQL_NULL, ENG_SQL_INTEGER, ENG_SQL_REAL, ENG_SQL_TEXT, ENG_SQL_BLOB };
struct eng_sql_cell {
	enum eng_sql_type type;
	struct engram_str bytes; /* of a number too: as text; until the next step */
};
/* ENGRAM_ENOMEM, or 0. */
int eng_sql_cell(struct eng_sql_stmt *s, struct eng_sql_cell *out, int column);

/* -- FTS5 extension points, without SQLite's types ----------------------- */

/* Splits text; calls back once a token with its bytes and its place in the
 * text, and passes on a non-zero answer; same contract as FTS5's xTokenize.
 * Not called for a query: a quoted string there is one token, taken as it is. */
typedef int eng_sql_token_fn(void *ctx, const char *token, size_t n, size_t start, size_t end);
typedef int eng_sql_tokenize_fn(const char *text, size_t n, void *ctx, eng_sql_token_fn *token);
int eng_sql_fts_tokenizer(struct eng_sql *db, const char *name, eng_sql_tokenize_fn *tokenize,
                          struct engram_error *err);

/* An auxiliary function over a match: reads counts, answers an integer. */
struct eng_sql_match {
	void *impl;
	int phrases; /* in the query, in order */
	int64_t rowid;
	/* tf[0..phrases), the caller's array: 0 or ENGRAM_EDAMAGED */
	int (*counts)(const struct eng_sql_match *m, uint32_t *tf);
};
/* 0, or non-zero to fail the statement. */
typedef int eng_sql_score_fn(void *data, const struct eng_sql_match *m, int64_t *score);
int eng_sql_fts_score(struct eng_sql *db, const char *name, eng_sql_score_fn *score, void *data,
                      struct engram_error *err);

#endif
