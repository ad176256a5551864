/* sql_int.h - inside sql/: the table of SQLite's functions. */
#ifndef ENG_SQL_SQL_INT_H
#define ENG_SQL_SQL_INT_H

#include <sqlite3.h>

#include "sql/sql.h"

#define ENG_SQL_VERSION_MIN 3040000

/* Every SQLite function this tree calls; one not listed cannot be called,
 * since nothing links the library. */
#define ENG_SQL_FUNCTIONS(X) \
	X(bind_blob) X(bind_int64) X(bind_pointer) X(bind_text) X(busy_timeout) X(close_v2) \
	X(column_blob) X(column_bytes) X(column_count) X(column_int64) X(column_name) X(column_text) \
	X(column_type) X(db_config) X(db_filename) X(db_readonly) X(errmsg) X(exec) X(extended_errcode) X(file_control) \
	X(finalize) X(libversion) X(libversion_number) X(limit) X(open_v2) X(prepare_v2) X(reset) \
	X(result_error_code) X(result_int64) X(step) X(stmt_readonly) X(system_errno) X(vfs_find)

struct eng_sql_api {
#define X(name) __typeof__(&sqlite3_##name) name;
	ENG_SQL_FUNCTIONS(X)
#undef X
};

struct eng_sql {
	sqlite3 *db;
	const struct eng_sql_api *api;
	bool traceless; /* its -shm is mapped read-only */
};

struct eng_sql_stmt {
	sqlite3_stmt *stmt;
	struct eng_sql *sql;
	int failed; /* SQLite's code of a bind that failed, told by the next step */
};

/* The table, loaded at the first call; NULL and err filled where SQLite is
 * missing, too old or incomplete. */
const struct eng_sql_api *eng_sql_load(struct engram_error *err);

/* Opens `path` as "file:PATH" + query, without any rule of ours; *db is set on
 * failure too, for its message, and is to be closed then. */
int eng_sql_connect(struct eng_sql **db, const struct eng_sql_api *api, const char *path, const char *query,
                    int mode, struct engram_error *err);
/* A system call of SQLite's file layer by its name, NULL = it has none. */
sqlite3_syscall_ptr eng_sql_syscall(const struct eng_sql_api *api, const char *name);
/* Whether path + suffix is there. */
bool eng_sql_exists(const struct eng_sql_api *api, struct eng_buf *b, const char *path, const char *suffix);

/* From SQLite's result code: chooses ours, with "file: what: SQLite's words". */
int eng_sql_fail(struct eng_sql *db, int rc, const char *what, struct engram_error *err);

#endif
