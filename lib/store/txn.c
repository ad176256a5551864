/* txn.c - transactions with a sticky status.
 *
 * Puts and deletes return nothing: the first failure is kept in the
 * transaction, the rest of the run does nothing, and commit answers it.  So a
 * caller writes a run straight and checks once.
 *
 * A write transaction begins by clearing the slots of readers that died: a
 * reader killed with a snapshot open would pin every page freed since, and the
 * file would grow without end (a 0.5 MiB store grew to 157 MiB in a trial).
 *
 * Locking: LMDB's writer mutex has no timeout; callers hold the space's own
 * apply lock, whose wait is bounded, before they begin to write. */
#include <errno.h>

#include "base/alloc.h"
#include "base/hash.h"
#include "base/le.h"
#include "store/store_int.h"

#define CHECK_SIZE 8u
#define GATHERED "it is being gathered"

int eng_txn_fail(struct eng_txn *t, int rc, const char *what, size_t table)
{
	if (t->status == 0)
		t->status = eng_store_err(t->s, &t->error, rc, "table %s: %s", t->s->tables[table].name, what);
	return t->status;
}

static int fail_code(struct eng_txn *t, int code, const char *what, size_t table)
{
	if (t->status == 0)
		t->status = eng_err(&t->error, code, "%s: table %s: %s", t->s->path, t->s->tables[table].name,
		                    what);
	return t->status;
}

/* -- begin, commit ----------------------------------------------------------- */

/* A slot is refused with EAGAIN where a process of equal id in another pid
 * namespace holds one (LMDB locks the byte of its pid): that passes when the
 * other one is short-lived.  A full table may hold slots of the dead. */
int eng_begin(struct eng_store *s, bool write, MDB_txn **txn)
{
	enum { TRIES = 5, PAUSE_US = 2000 };
	int rc = 0, dead;

	for (int i = 0; i < TRIES; i++) {
		if (write)
			mdb_reader_check(s->env->mdb, &dead);
		rc = mdb_txn_begin(s->env->mdb, NULL, write ? 0 : MDB_RDONLY, txn);
		if (rc == MDB_READERS_FULL)
			mdb_reader_check(s->env->mdb, &dead);
		else if (rc != EAGAIN)
			break;
		if (rc == EAGAIN)
			s->sys->clock.sleep_us(s->sys->clock.ctx, PAUSE_US);
	}
	return rc;
}

int eng_txn_begin(struct eng_txn **out, struct eng_store *s, bool write, struct engram_error *err)
{
	struct eng_txn *t;
	int rc = eng_store_usable(s, err);

	if (rc)
		return rc;
	if (write && !(s->flags & ENG_STORE_WRITE))
		return eng_err(err, ENGRAM_EUSAGE, "%s: opened for reading only", s->path);
	if (s->torn)
		return eng_err(err, ENGRAM_EUSAGE, "%s: an earlier transaction failed", s->path);
	t = eng_calloc(1, sizeof *t + (write ? s->ntables * sizeof *t->cursors : 0));
	if (!t)
		return eng_err_nomem(err);
	t->s = s;
	t->write = write;
	rc = eng_begin(s, write, &t->txn);
	if (rc) {
		eng_free(t);
		return eng_store_err(s, err, rc, write ? "cannot begin writing" : "cannot take a snapshot");
	}
	*out = t;
	return 0;
}

static void close_cursors(struct eng_txn *t)
{
	eng_walks_close(t);
	for (size_t i = 0; t->write && i < t->s->ntables; i++) {
		if (t->cursors[i])
			mdb_cursor_close(t->cursors[i]);
		t->cursors[i] = NULL;
	}
}

/* In a child the parent's transaction is left alone: ending it here would
 * free the parent's reader slot, or write what the parent is writing. */
static void end(struct eng_txn *t, bool ours)
{
	if (ours)
		close_cursors(t);
	else
		eng_walks_close(t);
	if (ours && t->txn)
		mdb_txn_abort(t->txn);
	eng_free(t);
}

void eng_txn_abort(struct eng_txn *t)
{
	if (t)
		end(t, t->s->env->pid == eng_sys_pid());
}

/* LMDB answers EIO for a short write, which is what a full disk, a quota or a
 * limit on file size mostly is: asking for a little more tells which. */
static int commit_error(struct eng_store *s, int rc, struct engram_error *err)
{
	enum { PROBE = 1 << 16 };
	const struct eng_fs *fs = &s->sys->fs;
	struct eng_stat st;
	int fd, why;

	if (rc == EIO && mdb_env_get_fd(s->env->mdb, &fd) == 0 && fs->ops->fstat(fs->ctx, fd, &st) == 0) {
		why = fs->ops->reserve(fs->ctx, fd, st.size, PROBE);
		if (why == -ENOSPC || why == -EDQUOT || why == -EFBIG)
			rc = -why;
	}
	return eng_store_err(s, err, rc, "cannot commit");
}

static void extend(struct eng_store *s)
{
	const struct eng_fs *fs = &s->sys->fs;
	uint64_t used, file;
	MDB_txn *txn;
	int fd;

	if (mdb_txn_begin(s->env->mdb, NULL, 0, &txn))
		return;
	if (eng_store_size(s, &used, &file, NULL) == 0 && file < used && mdb_env_get_fd(s->env->mdb, &fd) == 0)
		fs->ops->truncate(fs->ctx, fd, used);
	mdb_txn_abort(txn);
}

/* A page that is allocated at the end and given back in one transaction is
 * counted as in use but never written: LMDB left the file short after 117 of
 * 6,000 random commits.  A sound file must not look truncated, so it gets its
 * length, under the writer lock lest it be cut below what another one wrote.
 * A kill between commit and this leaves a short file, which is rebuilt. */
static void mend_length(struct eng_store *s)
{
	uint64_t used, file;

	if (eng_store_size(s, &used, &file, NULL) == 0 && file < used)
		extend(s);
}

int eng_txn_commit(struct eng_txn *t, struct engram_error *err)
{
	struct eng_store *s = t->s;
	int rc = eng_store_usable(s, err);
	bool ours = rc == 0, gathers = t->write && !t->direct && s->gathers;

	if (rc == 0)
		rc = eng_txn_status(t, err);
	if (rc == 0 && t->write) {
		close_cursors(t);
		rc = mdb_txn_commit(t->txn);
		t->txn = NULL;
		if (rc)
			rc = commit_error(s, rc, err);
		else
			mend_length(s);
	}
	end(t, ours);
	if (rc == 0 && gathers) {
		s->torn = false;
		rc = eng_gathers_write(s, false, err);
	}
	return rc;
}

int eng_txn_status(const struct eng_txn *t, struct engram_error *err)
{
	if (t->status && err)
		*err = t->error;
	return t->status;
}

/* -- reading and writing ------------------------------------------------------ */

/* A cursor that stays where it last was: of keys that come in their order most lie
 * on the page where it stands, and it need not go down the tree again. */
static int cursor_of(MDB_cursor **out, struct eng_txn *t, size_t table)
{
	int rc = t->cursors[table] ? 0 : mdb_cursor_open(t->txn, eng_dbi(t, table), &t->cursors[table]);

	*out = t->cursors[table];
	return rc;
}

static int get(struct eng_txn *t, size_t table, MDB_val *key, MDB_val *value)
{
	MDB_cursor *cursor;
	int rc;

	if (!t->write)
		return mdb_get(t->txn, eng_dbi(t, table), key, value);
	rc = cursor_of(&cursor, t, table);
	return rc ? rc : mdb_cursor_get(cursor, key, value, MDB_SET);
}

int eng_txn_get(struct eng_txn *t, size_t table, struct eng_bytes key, struct eng_bytes *value)
{
	const struct eng_gather *g = eng_gather_of(t, table);
	MDB_val k = eng_val(key), v;
	int rc;

	if (t->status)
		return t->status;
	rc = g ? eng_gather_get(g, key, value) : ENG_GATHER_UNKNOWN;
	if (rc != ENG_GATHER_UNKNOWN)
		return rc;
	rc = get(t, table, &k, &v);
	if (rc == MDB_NOTFOUND)
		return 0;
	if (rc)
		return eng_txn_fail(t, rc, "get", table);
	*value = eng_bytes(v.mv_data, v.mv_size);
	return 1;
}

static bool may_write(struct eng_txn *t, size_t table)
{
	if (t->status == 0 && !t->write)
		fail_code(t, ENGRAM_EUSAGE, "write in a reading transaction", table);
	return t->status == 0;
}

/* value NULL: it goes. */
static void gather(struct eng_txn *t, struct eng_gather *g, struct eng_bytes key, const struct eng_bytes *value)
{
	t->s->torn = true; /* until this is committed */
	if (!(value ? eng_gather_put(g, key, *value) : eng_gather_del(g, key)))
		t->status = eng_err_nomem(&t->error);
}

static void *put(struct eng_txn *t, size_t table, struct eng_bytes key, struct eng_bytes value, unsigned flags,
                 const char *what)
{
	struct eng_gather *g = eng_gather_of(t, table);
	MDB_val k = eng_val(key), v = eng_val(value);
	MDB_cursor *cursor;
	int rc;

	if (!may_write(t, table))
		return NULL;
	if (g) {
		flags ? fail_code(t, ENGRAM_EUSAGE, GATHERED, table) : gather(t, g, key, &value);
		return NULL;
	}
	rc = cursor_of(&cursor, t, table);
	if (rc == 0)
		rc = mdb_cursor_put(cursor, &k, &v, flags);
	if (rc) {
		eng_txn_fail(t, rc, what, table);
		return NULL;
	}
	return v.mv_data;
}

void eng_txn_put(struct eng_txn *t, size_t table, struct eng_bytes key, struct eng_bytes value)
{
	put(t, table, key, value, 0, "put");
}

void eng_txn_append(struct eng_txn *t, size_t table, struct eng_bytes key, struct eng_bytes value)
{
	put(t, table, key, value, MDB_APPEND, "append");
}

void *eng_txn_reserve(struct eng_txn *t, size_t table, struct eng_bytes key, size_t n)
{
	return put(t, table, key, eng_bytes(NULL, n), MDB_RESERVE, "reserve");
}

void eng_txn_del(struct eng_txn *t, size_t table, struct eng_bytes key)
{
	struct eng_gather *g = eng_gather_of(t, table);
	MDB_val k = eng_val(key);
	int rc;

	if (!may_write(t, table))
		return;
	if (g) {
		gather(t, g, key, NULL);
		return;
	}
	rc = mdb_del(t->txn, eng_dbi(t, table), &k, NULL);
	if (rc && rc != MDB_NOTFOUND)
		eng_txn_fail(t, rc, "delete", table);
}

int eng_txn_count(struct eng_txn *t, size_t table, uint64_t *n)
{
	MDB_stat st;
	int rc;

	if (t->status)
		return t->status;
	if (eng_gather_of(t, table))
		return fail_code(t, ENGRAM_EUSAGE, GATHERED, table);
	rc = mdb_stat(t->txn, eng_dbi(t, table), &st);
	if (rc)
		return eng_txn_fail(t, rc, "count", table);
	*n = st.ms_entries;
	return 0;
}

int eng_txn_live(struct eng_txn *t, uint64_t *bytes)
{
	MDB_stat st;
	uint64_t pages = 2; /* of meta */
	int rc;

	if (t->status)
		return t->status;
	rc = mdb_env_stat(t->s->env->mdb, &st);
	pages += rc == 0 ? st.ms_branch_pages + st.ms_leaf_pages : 0;
	for (size_t i = 0; rc == 0 && i < t->s->ntables; i++) {
		rc = mdb_stat(t->txn, eng_dbi(t, i), &st);
		if (rc)
			return eng_txn_fail(t, rc, "count", i);
		pages += st.ms_branch_pages + st.ms_leaf_pages + st.ms_overflow_pages;
	}
	if (rc)
		return eng_txn_fail(t, rc, "count", 0);
	*bytes = pages * st.ms_psize;
	return 0;
}

/* -- values with a check ------------------------------------------------------ */

/* Covers the key too: a value that a flipped branch page serves under
 * another key is damage. */
static uint64_t check_of(struct eng_bytes key, const void *p, size_t n)
{
	return XXH3_64bits_withSeed(p, n, XXH3_64bits(key.p, key.n));
}

void eng_txn_put_checked(struct eng_txn *t, size_t table, struct eng_bytes key, struct eng_bytes value)
{
	uint8_t *p = eng_txn_reserve(t, table, key, value.n + CHECK_SIZE);

	if (!p)
		return;
	if (value.n)
		memcpy(p, value.p, value.n);
	eng_set64(p + value.n, check_of(key, p, value.n));
}

int eng_txn_get_checked(struct eng_txn *t, size_t table, struct eng_bytes key, struct eng_bytes *value)
{
	struct eng_bytes v;
	int rc = eng_txn_get(t, table, key, &v);

	if (rc != 1)
		return rc;
	if (v.n < CHECK_SIZE)
		return fail_code(t, ENGRAM_EDAMAGED, "value too short for its check", table);
	v.n -= CHECK_SIZE;
	if (eng_get64((const uint8_t *)v.p + v.n) != check_of(key, v.p, v.n))
		return fail_code(t, ENGRAM_EDAMAGED, "value does not fit its check", table);
	*value = v;
	return 1;
}
