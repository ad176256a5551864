/* store.c - opening, closing, copying LMDB files.
 *
 * Opening goes in this order, each step guarding the next:
 *   1. look at the path: a regular file, or (CREATE) made here with mode 0600;
 *   2. a reader without NOLOCK needs the -lock file to be there, since LMDB
 *      would create it and readers create nothing;
 *   3. registry: one environment a process, which later handles share;
 *   4. SEALED: the pages of keys are those that were sealed;
 *   5. mdb_env_open with the largest map that the address space allows;
 *   6. compare the file's size with the last page in use: a page beyond the
 *      end would be a SIGBUS at the first read;
 *   7. open the tables.
 *
 * Flags never used, with the reason: MDB_NORDAHEAD (a cold one-shot read took
 * 31-34 ms with it against 3.3 ms without), MDB_WRITEMAP (a stray write
 * reaches the disk, and the file takes the size of the map), MDB_NOSYNC but
 * for a file that nobody else has yet (44 % of the images a power cut may
 * leave were bad). */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "store/store_int.h"

#define READERS_MAX 1024u

/* -- looking at the files ---------------------------------------------------- */

static bool lock_path(char out[ENG_PATH_MAX], const char *path)
{
	int n = snprintf(out, ENG_PATH_MAX, "%s-lock", path);

	return n > 0 && n < ENG_PATH_MAX;
}

/* 1 = there, a regular file; 0 = absent. */
static int look(const struct eng_sys *sys, const char *path, struct eng_stat *st, struct engram_error *err)
{
	int rc = sys->fs.ops->stat(sys->fs.ctx, path, st);

	if (rc == -ENOENT)
		return 0;
	if (rc < 0)
		return eng_err_os(err, -rc, "%s", path);
	if (!S_ISREG(st->mode))
		return eng_err(err, ENGRAM_EDAMAGED, "%s: wanted a regular file, found mode 0%o", path, st->mode);
	return 1;
}

/* *created stays false where another process was faster. */
static int create_file(const struct eng_sys *sys, const char *path, bool *created, struct engram_error *err)
{
	int fd = eng_fs_open(sys, path, O_RDWR | O_CREAT | O_EXCL, 0600);

	if (fd == -EEXIST)
		return 0;
	if (fd < 0)
		return eng_err_os(err, -fd, "%s: cannot create", path);
	*created = true;
	eng_fs_close(sys, &fd);
	return 0;
}

/* The file by device and inode; made if it is to be.  *created: it is ours to
 * remove if opening fails. */
static int find_file(const struct eng_store *s, struct eng_stat *st, bool *created, struct engram_error *err)
{
	int rc = look(s->sys, s->path, st, err);

	if (rc == 0 && !(s->flags & ENG_STORE_CREATE))
		return eng_err(err, ENGRAM_ENOFILE, "%s: no such file", s->path);
	if (rc == 0) {
		rc = create_file(s->sys, s->path, created, err);
		if (rc == 0)
			rc = look(s->sys, s->path, st, err);
		if (rc == 0)
			return eng_err(err, ENGRAM_ENOFILE, "%s: vanished", s->path);
	}
	if (rc > 0 && st->size == 0 && !(s->flags & ENG_STORE_WRITE))
		return eng_err(err, ENGRAM_ENOFILE, "%s: empty, not made yet", s->path);
	return rc < 0 ? rc : 0;
}

static int need_lock_file(const struct eng_store *s, struct engram_error *err)
{
	char path[ENG_PATH_MAX];
	struct eng_stat st;
	int rc;

	if (s->flags & ENG_STORE_NOLOCK)
		return 0;
	if (!lock_path(path, s->path))
		return eng_err(err, ENGRAM_EUSAGE, "%s: path too long", s->path);
	rc = look(s->sys, path, &st, err);
	if (rc == 0 && !(s->flags & ENG_STORE_WRITE))
		return eng_err(err, ENGRAM_ENOFILE, "%s: no such file, and a reader creates none", path);
	return rc < 0 ? rc : 0;
}

/* The file must reach as far as the last page in use. */
static int whole(struct eng_store *s, struct engram_error *err)
{
	uint64_t used, file;
	int rc = eng_store_size(s, &used, &file, err);

	if (rc == 0 && file < used)
		rc = eng_err(err, ENGRAM_EDAMAGED, "%s: truncated: wanted %llu bytes, found %llu", s->path,
		             (unsigned long long)used, (unsigned long long)file);
	return rc;
}

/* -- the environment --------------------------------------------------------- */

static unsigned env_flags(unsigned flags, bool writable)
{
	unsigned out = MDB_NOSUBDIR | MDB_NOTLS;

	if (!writable)
		out |= MDB_RDONLY;
	if (flags & ENG_STORE_NOLOCK)
		out |= MDB_NOLOCK;
	if (flags & ENG_STORE_BULK)
		out |= MDB_NOSYNC;
	return out;
}

static int try_open(struct eng_store *s, uint64_t map_size, bool writable)
{
	struct eng_env *env = s->env;
	int rc = mdb_env_create(&env->mdb);

	if (rc)
		return rc;
	rc = mdb_env_set_mapsize(env->mdb, map_size);
	if (rc == 0)
		rc = mdb_env_set_maxreaders(env->mdb, READERS_MAX);
	if (rc == 0)
		rc = mdb_env_set_maxdbs(env->mdb, (MDB_dbi)s->ntables);
	if (rc == 0)
		rc = mdb_env_open(env->mdb, s->path, env_flags(s->flags, writable), 0600);
	if (rc) {
		mdb_env_close(env->mdb);
		env->mdb = NULL;
	}
	env->map_size = map_size;
	env->writable = writable;
	return rc;
}

/* 1 TiB lets the file grow without ever remapping.  Where the address space is
 * limited (ulimit -v, valgrind, sanitizers) mmap refuses with ENOMEM or, in
 * valgrind, EINVAL; the next smaller map is tried. */
static int try_maps(struct eng_store *s, bool writable)
{
	static const uint64_t gib[] = {1024, 64, 32, 8, 1};
	int rc = ENOMEM;

	for (size_t i = 0; i < ENG_COUNT(gib) && (rc == ENOMEM || rc == EINVAL); i++)
		rc = try_open(s, gib[i] << 30, writable);
	return rc;
}

/* A sealed file grows no more: its own length is map enough, and a process may have
 * many of them open, under valgrind too. */
static int try_sealed(struct eng_store *s)
{
	const uint64_t page = 64 << 10; /* of any kernel */
	struct eng_stat st;

	if (s->sys->fs.ops->stat(s->sys->fs.ctx, s->path, &st) < 0)
		return ENOENT;
	return try_open(s, (st.size + page - 1) / page * page, false);
}

/* A reader, too, gets an environment that could write, if the file may be
 * written: the process may open the file for writing later, and one
 * environment must serve both.  Nothing is written through it before that. */
static int open_env(struct eng_store *s, struct engram_error *err)
{
	bool write = s->flags & ENG_STORE_WRITE;
	int rc;

	if (s->flags & ENG_STORE_SEALED) {
		rc = try_sealed(s);
		return rc ? eng_store_err(s, err, rc, "cannot open") : 0;
	}
	rc = !write && (s->flags & ENG_STORE_NOLOCK) ? EACCES : try_maps(s, true);
	if (!write && (rc == EACCES || rc == EPERM || rc == EROFS))
		rc = try_maps(s, false);
	return rc ? eng_store_err(s, err, rc, "cannot open") : 0;
}

static int open_table(struct eng_store *s, MDB_txn *txn, size_t i, unsigned create)
{
	unsigned want = s->tables[i].int_key ? MDB_INTEGERKEY : 0, found;
	MDB_dbi *dbi = &s->env->dbis[i];
	int rc = mdb_dbi_open(txn, s->tables[i].name, want | create, dbi);

	if (rc == 0)
		rc = mdb_dbi_flags(txn, *dbi, &found);
	if (rc == 0 && found != want)
		rc = MDB_INCOMPATIBLE;
	return rc;
}

/* All tables in one transaction; committing keeps the handles, also of a
 * read-only one. */
static int try_tables(struct eng_store *s, unsigned create, size_t *failed)
{
	MDB_txn *txn;
	int rc = eng_begin(s, create, &txn);

	*failed = 0;
	if (rc)
		return rc;
	for (size_t i = 0; rc == 0 && i < s->ntables; i++) {
		rc = open_table(s, txn, i, create);
		*failed = i;
	}
	if (rc) {
		mdb_txn_abort(txn);
		return rc;
	}
	return mdb_txn_commit(txn);
}

/* Reads first: a writer that finds its tables commits nothing. */
static int open_tables(struct eng_store *s, struct engram_error *err)
{
	size_t failed;
	int rc = try_tables(s, 0, &failed);

	if (rc == MDB_NOTFOUND && (s->flags & ENG_STORE_CREATE))
		rc = try_tables(s, MDB_CREATE, &failed);
	if (rc)
		return eng_store_err(s, err, rc, "table %s", s->ntables ? s->tables[failed].name : "(none)");
	return 0;
}

static int check_flags(const struct eng_store *s, struct engram_error *err)
{
	if (!(s->flags & ENG_STORE_WRITE) && (s->flags & (ENG_STORE_CREATE | ENG_STORE_BULK)))
		return eng_err(err, ENGRAM_EUSAGE, "%s: CREATE or BULK without WRITE", s->path);
	if ((s->flags & ENG_STORE_WRITE) && (s->flags & ENG_STORE_SEALED))
		return eng_err(err, ENGRAM_EUSAGE, "%s: WRITE with SEALED", s->path);
	if ((s->flags & ENG_STORE_WRITE) && (s->flags & ENG_STORE_NOLOCK) && !(s->flags & ENG_STORE_BULK))
		return eng_err(err, ENGRAM_EUSAGE, "%s: WRITE with NOLOCK, without BULK", s->path);
	return 0;
}

static struct eng_store *store_new(const struct eng_sys *sys, const char *path, unsigned flags,
                                   const struct eng_table *tables, size_t ntables)
{
	size_t n = strlen(path) + 1;
	struct eng_store *s = eng_calloc(1, sizeof *s + n);

	if (!s)
		return NULL;
	memcpy(s->path, path, n);
	s->sys = sys;
	s->flags = flags;
	s->tables = tables;
	s->ntables = ntables;
	return s;
}

/* Leaves no file behind that was not there before. */
static void remove_created(const struct eng_sys *sys, const char *path)
{
	char lock[ENG_PATH_MAX];

	sys->fs.ops->unlink(sys->fs.ctx, path);
	if (lock_path(lock, path))
		sys->fs.ops->unlink(sys->fs.ctx, lock);
}

/* LMDB makes the file if it vanished after we looked (a superseded generation
 * is unlinked at any moment).  What it made holds no transaction, and goes. */
static int same_file(const struct eng_store *s, struct engram_error *err)
{
	const struct eng_fs *fs = &s->sys->fs;
	MDB_envinfo info;
	struct eng_stat st;
	int fd;

	if (mdb_env_get_fd(s->env->mdb, &fd) == 0 && fs->ops->fstat(fs->ctx, fd, &st) == 0 &&
	    st.dev == s->env->dev && st.ino == s->env->ino)
		return 0;
	if (mdb_env_info(s->env->mdb, &info) == 0 && info.me_last_txnid == 0)
		remove_created(s->sys, s->path);
	return eng_err(err, ENGRAM_ENOFILE, "%s: vanished", s->path);
}

static int open_fresh(struct eng_store *s, struct engram_error *err)
{
	int rc;

	s->env->tables = s->tables;
	s->env->ntables = s->ntables;
	s->env->flags = s->flags;
	s->env->dbis = eng_calloc(s->ntables + 1, sizeof *s->env->dbis);
	if (!s->env->dbis)
		return eng_err_nomem(err);
	rc = s->flags & ENG_STORE_SEALED ? eng_seal_check(s->sys, s->path, err) : 0;
	if (rc == 0)
		rc = open_env(s, err);
	if (rc == 0)
		rc = same_file(s, err);
	if (rc == 0)
		rc = whole(s, err);
	if (rc == 0)
		rc = open_tables(s, err);
	if (rc == 0)
		eng_env_settle(s->env);
	return rc;
}

static bool same_tables(const struct eng_env *env, const struct eng_store *s)
{
	if (env->ntables != s->ntables)
		return false;
	for (size_t i = 0; i < s->ntables; i++)
		if (strcmp(env->tables[i].name, s->tables[i].name) != 0 ||
		    env->tables[i].int_key != s->tables[i].int_key)
			return false;
	return true;
}

/* The file is open in this process: what it was opened for must do. */
static int share(const struct eng_store *s, struct engram_error *err)
{
	const unsigned same = ENG_STORE_NOLOCK | ENG_STORE_BULK | ENG_STORE_SEALED;
	const struct eng_env *env = s->env;

	if (((env->flags ^ s->flags) & same) || ((s->flags & ENG_STORE_WRITE) && !env->writable))
		return eng_err(err, ENGRAM_EUSAGE, "%s: already open in this process, in another way", s->path);
	if (!same_tables(env, s))
		return eng_err(err, ENGRAM_EUSAGE, "%s: already open in this process, with other tables", s->path);
	return 0;
}

static int open_store(struct eng_store *s, bool *created, struct engram_error *err)
{
	struct eng_stat st;
	int rc = check_flags(s, err);

	if (rc == 0)
		rc = find_file(s, &st, created, err);
	if (rc == 0)
		rc = need_lock_file(s, err);
	if (rc)
		return rc;
	s->env = eng_env_claim(s->sys, st.dev, st.ino);
	if (!s->env)
		return eng_err_nomem(err);
	return s->env->mdb ? share(s, err) : open_fresh(s, err);
}

int eng_store_open(struct eng_store **out, const struct eng_sys *sys, const char *path, unsigned flags,
                   const struct eng_table *tables, size_t ntables, struct engram_error *err)
{
	struct eng_store *s = store_new(sys, path, flags, tables, ntables);
	bool created = false;
	int rc;

	if (!s)
		return eng_err_nomem(err);
	rc = open_store(s, &created, err);
	if (rc == 0) {
		*out = s;
		return 0;
	}
	eng_store_close(s);
	if (created)
		remove_created(sys, path);
	return rc;
}

void eng_store_close(struct eng_store *s)
{
	if (!s)
		return;
	if (s->env)
		eng_env_release(s->env);
	eng_gathers_free(s);
	eng_free(s);
}

/* -- whole files ------------------------------------------------------------- */

int eng_store_size(struct eng_store *s, uint64_t *used, uint64_t *file, struct engram_error *err)
{
	struct eng_stat st;
	MDB_envinfo info;
	MDB_stat pages;
	int rc = eng_store_usable(s, err);

	if (rc)
		return rc;
	rc = mdb_env_info(s->env->mdb, &info);
	if (rc == 0)
		rc = mdb_env_stat(s->env->mdb, &pages);
	if (rc)
		return eng_store_err(s, err, rc, "cannot read the meta page");
	rc = s->sys->fs.ops->stat(s->sys->fs.ctx, s->path, &st);
	if (rc < 0)
		return eng_store_err(s, err, -rc, "cannot stat");
	*used = ((uint64_t)info.me_last_pgno + 1) * pages.ms_psize;
	*file = st.size;
	return 0;
}

int eng_store_sync(struct eng_store *s, struct engram_error *err)
{
	int rc = eng_store_usable(s, err);

	if (rc == 0 && s->torn)
		rc = eng_err(err, ENGRAM_EUSAGE, "%s: an earlier transaction failed", s->path);
	if (rc == 0)
		rc = eng_gathers_write(s, true, err);
	if (rc)
		return rc;
	eng_gathers_free(s);
	rc = mdb_env_sync(s->env->mdb, 1);
	return rc ? eng_store_err(s, err, rc, "cannot sync") : 0;
}

/* mdb_env_copy2 would create the copy with mode 0666: the file is made here. */
int eng_store_copy(struct eng_store *s, const char *path, struct engram_error *err)
{
	int fd, rc = eng_store_usable(s, err);

	if (rc)
		return rc;
	fd = eng_fs_open(s->sys, path, O_RDWR | O_CREAT | O_EXCL, 0600);
	if (fd == -EEXIST)
		return eng_err(err, ENGRAM_EEXISTS, "%s: already there", path);
	if (fd < 0)
		return eng_err_os(err, -fd, "%s: cannot create", path);
	rc = mdb_env_copyfd2(s->env->mdb, fd, MDB_CP_COMPACT);
	if (rc)
		rc = eng_store_err(s, err, rc, "cannot copy to %s", path);
	else if ((rc = eng_fs_sync(s->sys, fd)) < 0)
		rc = eng_err_os(err, -rc, "%s: cannot sync", path);
	eng_fs_close(s->sys, &fd);
	if (rc)
		s->sys->fs.ops->unlink(s->sys->fs.ctx, path);
	return rc;
}

void eng_store_version(char out[ENG_STORE_VERSION_TEXT])
{
	int major, minor, patch;

	mdb_version(&major, &minor, &patch);
	snprintf(out, ENG_STORE_VERSION_TEXT, "%d.%d.%d", major, minor, patch);
}
