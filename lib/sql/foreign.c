/* foreign.c - the database of another program, read and left as it is.
 *
 * SQLite makes files when it reads: a database in WAL mode gets a -wal and a
 * -shm beside it, a journal left by a crash is played back into it.  Which of
 * this would happen the header of the file (bytes 18 and 19: 2 = WAL) and the
 * files beside it tell, so it is looked at first:
 *
 *     rollback journal       read-only: locks alone; SQLite refuses to play back
 *     WAL, -wal missing      nobody has it open: immutable, no -wal looked for
 *     WAL, -wal and -shm     read along with the writer, -shm read-only
 *     WAL, -wal, no -shm     would have to be made: refused
 *
 * The path is made real first, since SQLite puts the files beside the target of
 * a link. */
#include "sql/sql_int.h"

#include <errno.h>

#include "base/alloc.h"

#define HEADER_SIZE 20
#define PATH_SIZE 4096
/* Of one value, in bytes: what a memory may hold is far below, and SQLite would
 * take a gigabyte into memory for one cell. */
#define VALUE_MAX (16 << 20)

static const char magic[16] = "SQLite format 3";

typedef int open_fn(const char *path, int flags, int mode);
typedef long read_fn(int fd, void *p, size_t n);
typedef int close_fn(int fd);

/* The first bytes of the file; how many, or -errno. */
static long read_header(const struct eng_sql_api *api, uint8_t *header, const char *path)
{
	open_fn *open = (open_fn *)eng_sql_syscall(api, "open");
	read_fn *read = (read_fn *)eng_sql_syscall(api, "read");
	close_fn *close = (close_fn *)eng_sql_syscall(api, "close");
	long got;
	int fd;

	if (!open || !read || !close)
		return -ENOSYS;
	fd = open(path, 0 /* O_RDONLY */, 0);
	if (fd < 0)
		return -errno;
	do {
		got = read(fd, header, HEADER_SIZE);
	} while (got < 0 && errno == EINTR);
	got = got < 0 ? -errno : got;
	close(fd);
	return got;
}

static int check_header(uint8_t *header, const struct eng_sql_api *api, const char *path, struct engram_error *err)
{
	long got = read_header(api, header, path);

	if (got < 0)
		return eng_err_os(err, (int)-got, "%s", path);
	if (got < HEADER_SIZE || memcmp(header, magic, sizeof magic) != 0)
		return eng_err(err, ENGRAM_EINPUT, "%s: wanted a database of SQLite, found something else", path);
	return 0;
}

/* How to open it so that nothing is made. */
static int choose(const char **query, const struct eng_sql_api *api, const char *path, const uint8_t *header,
                  struct engram_error *err)
{
	struct eng_buf b = ENG_BUF_INIT;
	bool wal_mode = header[18] == 2 || header[19] == 2;
	bool wal = eng_sql_exists(api, &b, path, "-wal"), shm = eng_sql_exists(api, &b, path, "-shm");
	bool failed = b.failed;

	eng_buf_free(&b);
	if (failed)
		return eng_err_nomem(err);
	if (wal_mode && wal && !shm) {
		eng_err(err, ENGRAM_EBUSY, "%s: has a -wal but no -shm, which reading it would have to make", path);
		eng_err_hint(err, "import a copy: sqlite3 FILE \"VACUUM INTO 'COPY'\"");
		return ENGRAM_EBUSY;
	}
	*query = !wal_mode ? "" : wal ? "?readonly_shm=1" : "?immutable=1";
	return 0;
}

static int real_path(char out[PATH_SIZE], const struct eng_sql_api *api, const char *path, struct engram_error *err)
{
	sqlite3_vfs *vfs = api->vfs_find(NULL);
	int rc = vfs ? vfs->xFullPathname(vfs, path, PATH_SIZE, out) : SQLITE_ERROR;

	return (rc & 0xff) == SQLITE_OK ? 0 : eng_err(err, ENGRAM_EIO, "%s: SQLite: path not understood (%d)", path, rc);
}

int eng_sql_open_foreign(struct eng_sql **db, const char *path, struct engram_error *err)
{
	const struct eng_sql_api *api = eng_sql_load(err);
	uint8_t header[HEADER_SIZE];
	char real[PATH_SIZE];
	const char *query;
	struct eng_sql *sql = NULL;
	int r;

	if (!api)
		return ENGRAM_EUNAVAILABLE;
	r = check_header(header, api, path, err);
	if (r == 0)
		r = real_path(real, api, path, err);
	if (r == 0)
		r = choose(&query, api, real, header, err);
	if (r == 0)
		r = eng_sql_connect(&sql, api, real, query, SQLITE_OPEN_READONLY, err);
	if (r < 0) {
		eng_sql_close(sql);
		return r;
	}
	api->db_config(sql->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	api->limit(sql->db, SQLITE_LIMIT_LENGTH, VALUE_MAX);
	api->limit(sql->db, SQLITE_LIMIT_ATTACHED, 0);
	*db = sql;
	return 0;
}

/* What is wrong with a query is its author's, whatever SQLite calls it. */
static int bad_query(struct eng_sql *db, int rc, struct engram_error *err)
{
	int code = eng_sql_fail(db, rc, "query", err);

	if ((rc & 0xff) == SQLITE_READONLY) /* the query is not even looked at yet */
		eng_err_hint(err, "a crash left its journal: open it once with its own program, or sqlite3");
	if ((rc & 0xff) != SQLITE_ERROR)
		return code;
	return eng_err(err, ENGRAM_EINPUT, "query: %s", db->api->errmsg(db->db));
}

static bool is_blank(const char *z)
{
	return z[strspn(z, " \t\r\n;")] == 0;
}

int eng_sql_prepare_query(struct eng_sql_stmt **s, struct eng_sql *db, const char *sql, struct engram_error *err)
{
	struct eng_sql_stmt *stmt = eng_calloc(1, sizeof *stmt);
	const char *tail = "";
	int rc;

	if (!stmt)
		return eng_err_nomem(err);
	stmt->sql = db;
	rc = db->api->prepare_v2(db->db, sql, -1, &stmt->stmt, &tail);
	if (rc != SQLITE_OK)
		rc = bad_query(db, rc, err);
	else if (!stmt->stmt || !is_blank(tail))
		rc = eng_err(err, ENGRAM_EINPUT, "query: wanted one statement");
	else if (db->api->column_count(stmt->stmt) == 0 || !db->api->stmt_readonly(stmt->stmt))
		rc = eng_err(err, ENGRAM_EINPUT, "query: wanted a statement that only reads, such as SELECT");
	if (rc < 0)
		eng_sql_finish(stmt);
	else
		*s = stmt;
	return rc;
}

int eng_sql_columns(struct eng_sql_stmt *s)
{
	return s->sql->api->column_count(s->stmt);
}

struct engram_str eng_sql_column_name(struct eng_sql_stmt *s, int column)
{
	return eng_str(s->sql->api->column_name(s->stmt, column));
}

int eng_sql_cell(struct eng_sql_stmt *s, struct eng_sql_cell *out, int column)
{
	const struct eng_sql_api *api = s->sql->api;
	/* Before the value is asked for as text, which turns it into one. */
	int type = api->column_type(s->stmt, column);
	const void *p;

	out->type = type == SQLITE_INTEGER ? ENG_SQL_INTEGER
	            : type == SQLITE_FLOAT ? ENG_SQL_REAL
	            : type == SQLITE_TEXT  ? ENG_SQL_TEXT
	            : type == SQLITE_BLOB  ? ENG_SQL_BLOB
	                                   : ENG_SQL_NULL;
	/* As text also where the file keeps UTF-16. */
	p = out->type == ENG_SQL_BLOB ? api->column_blob(s->stmt, column) : (const void *)api->column_text(s->stmt, column);
	out->bytes = (struct engram_str){p, (size_t)api->column_bytes(s->stmt, column)};
	return !p && out->type != ENG_SQL_NULL && out->type != ENG_SQL_BLOB ? ENGRAM_ENOMEM : 0;
}
