/* sql.c - connections and statements.
 *
 * A writer's connection is in WAL mode, keeps its -wal and -shm files when it
 * closes (so that a reader never has to make them) and cuts the -wal to zero
 * then (so that what was forgotten does not stay in it, and the next reader
 * has nothing to replay).
 *
 * A reader changes no byte of any file: it opens read-only with read-only
 * shared memory.  While a writer is connected it follows that writer's wal
 * index; while none is, SQLite builds a private index in memory instead of
 * rewriting the shared one.  It refuses a database whose -wal or -shm is
 * missing, since SQLite would create them.
 *
 * SQLite maps a -shm once for all connections of a process, as the first of
 * them asked.  So while a reader of this kind is open in the process, a writer
 * there is refused (ENGRAM_EBUSY), and from the first writer on readers map it
 * as writers do; one that is open then is told to open again.
 *
 * Connections are used by one thread each, so SQLite's own mutexes are off. */
#include "sql/sql_int.h"

#include "base/alloc.h"

/* Readers of a WAL wait only while a writer recovers after a crash. */
#define BUSY_TIMEOUT_MS 5000

/* A writer has been wanted in this process. */
static bool writes;

static int code_of(int rc)
{
	switch (rc & 0xff) {
	case SQLITE_NOMEM: return ENGRAM_ENOMEM;
	case SQLITE_FULL: return ENGRAM_EDISKFULL;
	case SQLITE_BUSY:
	case SQLITE_LOCKED: return ENGRAM_EBUSY;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB: return ENGRAM_EDAMAGED;
	case SQLITE_PERM:
	case SQLITE_AUTH:
	case SQLITE_READONLY: return ENGRAM_EPERM;
	case SQLITE_IOERR:
	case SQLITE_CANTOPEN: return ENGRAM_EIO;
	case SQLITE_TOOBIG: return ENGRAM_EINPUT;
	default: return ENGRAM_EINTERNAL;
	}
}

/* A file that could be opened is named; of another it is all there is to say. */
int eng_sql_fail(struct eng_sql *db, int rc, const char *what, struct engram_error *err)
{
	int os = db->db ? db->api->system_errno(db->db) : 0;
	const char *words = db->db ? db->api->errmsg(db->db) : "out of memory";
	const char *file = db->db ? db->api->db_filename(db->db, "main") : NULL;
	bool named = file && *file;
	int code = eng_err(err, code_of(rc), "%s%s%s: SQLite: %s (%d)", named ? file : "", named ? ": " : "", what, words,
	                   rc);
	if (err && (code == ENGRAM_EIO || code == ENGRAM_EPERM))
		err->os = os;
	return code;
}

/* -- opening ------------------------------------------------------------- */

/* A path as a file: URI; SQLite reads ? # % in it as its own. */
static void add_uri(struct eng_buf *b, const char *path, const char *query)
{
	eng_buf_str(b, "file:");
	for (const char *p = path; *p; p++) {
		if (*p == '?' || *p == '#' || *p == '%')
			eng_buf_printf(b, "%%%02x", (unsigned char)*p);
		else
			eng_buf_add(b, p, 1);
	}
	eng_buf_str(b, query);
	eng_buf_byte(b, 0);
}

sqlite3_syscall_ptr eng_sql_syscall(const struct eng_sql_api *api, const char *name)
{
	sqlite3_vfs *vfs = api->vfs_find(NULL);

	return vfs && vfs->iVersion >= 3 && vfs->xGetSystemCall ? vfs->xGetSystemCall(vfs, name) : NULL;
}

typedef int access_fn(const char *path, int mode);

/* Asked through SQLite's file layer.  Its xAccess would call an empty -wal
 * missing, so its access() is asked itself. */
bool eng_sql_exists(const struct eng_sql_api *api, struct eng_buf *b, const char *path, const char *suffix)
{
	access_fn *may = (access_fn *)eng_sql_syscall(api, "access");
	eng_buf_reset(b);
	eng_buf_str(b, path);
	eng_buf_str(b, suffix);
	eng_buf_byte(b, 0);
	return !b->failed && may && may((const char *)b->p, 0) == 0;
}

static int check_files(const struct eng_sql_api *api, struct eng_buf *b, const char *path, unsigned flags,
                       struct engram_error *err)
{
	static const char *const suffix[] = {"", "-wal", "-shm"};
	size_t n = flags & ENG_SQL_IMMUTABLE ? 1 : ENG_COUNT(suffix);
	for (size_t i = 0; i < n; i++) {
		if (eng_sql_exists(api, b, path, suffix[i]))
			continue;
		if (b->failed)
			return eng_err_nomem(err);
		return eng_err(err, ENGRAM_ENOFILE, "%s%s: no such file", path, suffix[i]);
	}
	return 0;
}

/* Takes and gives back the write lock: tells a -shm mapped read-only. */
static int try_write(struct eng_sql *sql, struct engram_error *err)
{
	int rc = eng_sql_exec(sql, "BEGIN IMMEDIATE; COMMIT", err);
	if (rc == ENGRAM_EPERM && sql->api->db_readonly(sql->db, "main") == 0)
		return eng_err(err, ENGRAM_EBUSY, "a reader of the same process holds it");
	return rc;
}

static int set_up_writer(struct eng_sql *sql, struct engram_error *err)
{
	int one = 1;
	int rc = sql->api->file_control(sql->db, "main", SQLITE_FCNTL_PERSIST_WAL, &one);
	if (rc != SQLITE_OK)
		return eng_sql_fail(sql, rc, "keep the wal", err);
	rc = eng_sql_exec(sql,
		"PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA journal_size_limit = 0", err);
	return rc ? rc : try_write(sql, err);
}

bool eng_sql_outdated(const struct eng_sql *db)
{
	return db->traceless && __atomic_load_n(&writes, __ATOMIC_RELAXED);
}

/* How the path is opened, after "file:". */
static const char *uri_query(unsigned flags)
{
	if (flags & ENG_SQL_WRITE)
		__atomic_store_n(&writes, true, __ATOMIC_RELAXED);
	if (flags & ENG_SQL_IMMUTABLE)
		return "?immutable=1";
	return __atomic_load_n(&writes, __ATOMIC_RELAXED) ? "" : "?readonly_shm=1";
}

int eng_sql_connect(struct eng_sql **db, const struct eng_sql_api *api, const char *path, const char *query,
                    int mode, struct engram_error *err)
{
	struct eng_buf b = ENG_BUF_INIT;
	int rc = 0;
	add_uri(&b, path, query);
	*db = eng_calloc(1, sizeof **db);
	if (*db)
		(*db)->api = api;
	if (b.failed || !*db) {
		rc = eng_err_nomem(err);
		goto out;
	}
	int sr = api->open_v2((const char *)b.p, &(*db)->db, mode | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX, NULL);
	if (sr != SQLITE_OK) {
		rc = eng_sql_fail(*db, sr, path, err);
		goto out;
	}
	api->busy_timeout((*db)->db, BUSY_TIMEOUT_MS);
	api->db_config((*db)->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	if (!(mode & SQLITE_OPEN_READWRITE))
		api->db_config((*db)->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
out:
	eng_buf_free(&b);
	return rc;
}

int eng_sql_open(struct eng_sql **db, const char *path, unsigned flags, struct engram_error *err)
{
	bool write = flags & ENG_SQL_WRITE;
	struct eng_buf b = ENG_BUF_INIT;
	struct eng_sql *sql = NULL;
	const struct eng_sql_api *api = eng_sql_load(err);
	int rc = api ? 0 : ENGRAM_EUNAVAILABLE;
	if (rc == 0 && !write)
		rc = check_files(api, &b, path, flags, err);
	if (rc != 0)
		goto out;
	const char *query = uri_query(flags);
	int mode = write ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READONLY;
	rc = eng_sql_connect(&sql, api, path, query, mode, err);
	if (rc != 0)
		goto out;
	sql->traceless = strcmp(query, "?readonly_shm=1") == 0;
	rc = write ? set_up_writer(sql, err) : 0;
	if (rc != 0)
		eng_err_prefix(err, "%s", path);
out:
	eng_buf_free(&b);
	if (rc == 0)
		*db = sql;
	else
		eng_sql_close(sql);
	return rc;
}

void eng_sql_close(struct eng_sql *db)
{
	if (!db)
		return;
	db->api->close_v2(db->db);
	eng_free(db);
}

int eng_sql_exec(struct eng_sql *db, const char *sql, struct engram_error *err)
{
	int rc = db->api->exec(db->db, sql, NULL, NULL, NULL);
	return rc == SQLITE_OK ? 0 : eng_sql_fail(db, rc, "exec", err);
}

/* -- statements ---------------------------------------------------------- */

int eng_sql_prepare(struct eng_sql_stmt **s, struct eng_sql *db, const char *sql, struct engram_error *err)
{
	struct eng_sql_stmt *stmt = eng_calloc(1, sizeof *stmt);
	if (!stmt)
		return eng_err_nomem(err);
	stmt->sql = db;
	int rc = db->api->prepare_v2(db->db, sql, -1, &stmt->stmt, NULL);
	if (rc != SQLITE_OK) {
		eng_free(stmt);
		return eng_sql_fail(db, rc, "prepare", err);
	}
	*s = stmt;
	return 0;
}

static void bound(struct eng_sql_stmt *s, int rc)
{
	if (rc != SQLITE_OK && !s->failed)
		s->failed = rc;
}

void eng_sql_bind_i64(struct eng_sql_stmt *s, int at, int64_t v)
{
	bound(s, s->sql->api->bind_int64(s->stmt, at, v));
}

/* SQLite takes an int for the length; more than that it could not hold. */
static int length_of(struct eng_sql_stmt *s, size_t n)
{
	if (n > INT32_MAX)
		bound(s, SQLITE_TOOBIG);
	return n > INT32_MAX ? 0 : (int)n;
}

void eng_sql_bind_text(struct eng_sql_stmt *s, int at, const char *p, size_t n)
{
	bound(s, s->sql->api->bind_text(s->stmt, at, p ? p : "", length_of(s, n), SQLITE_STATIC));
}

void eng_sql_bind_blob(struct eng_sql_stmt *s, int at, const void *p, size_t n)
{
	bound(s, s->sql->api->bind_blob(s->stmt, at, p ? p : "", length_of(s, n), SQLITE_STATIC));
}

int eng_sql_step(struct eng_sql_stmt *s, struct engram_error *err)
{
	int rc = s->failed ? s->failed : s->sql->api->step(s->stmt);
	if (rc == SQLITE_ROW)
		return 1;
	int code = rc == SQLITE_DONE ? 0 : eng_sql_fail(s->sql, rc, "step", err);
	eng_sql_reset(s);
	return code;
}

int64_t eng_sql_i64(struct eng_sql_stmt *s, int column)
{
	return s->sql->api->column_int64(s->stmt, column);
}

struct engram_str eng_sql_text(struct eng_sql_stmt *s, int column)
{
	const char *p = s->sql->api->column_blob(s->stmt, column);
	return (struct engram_str){p, (size_t)s->sql->api->column_bytes(s->stmt, column)};
}

void eng_sql_reset(struct eng_sql_stmt *s)
{
	s->failed = 0;
	s->sql->api->reset(s->stmt);
}

void eng_sql_finish(struct eng_sql_stmt *s)
{
	if (!s)
		return;
	s->sql->api->finalize(s->stmt);
	eng_free(s);
}
