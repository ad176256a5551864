/* store.c - opening, closing, copying LMDB files.
 *
 * Opening goes in this order, each step guarding the next:
 *   1. look at the path: a regular file, or (CREATE) made here with mode 0600;
 *   2. a reader without NOLOCK needs the -lock file to be there, since LMDB
 *      would create it and readers create nothing;
 *   3. registry: once per process;
 *   4. mdb_env_open with the largest map that the address space allows;
 *   5. compare the file's size with the last page in use: a page beyond the
 *      end would be a SIGBUS at the first read;
 *   6. open the tables.
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

static int create_file(const struct eng_sys *sys, const char *path, struct engram_error *err)
{
	int fd = eng_fs_open(sys, path, O_RDWR | O_CREAT | O_EXCL, 0600);

	if (fd < 0 && fd != -EEXIST)
		return eng_err_os(err, -fd, "%s: cannot create", path);
	if (fd >= 0)
		eng_fs_close(sys, &fd);
	return 0;
}

/* *created: the file is ours to remove if opening fails. */
static int find_file(struct eng_store *s, bool *created, struct engram_error *err)
{
	struct eng_stat st;
	int rc = look(s->sys, s->path, &st, err);

	if (rc == 0) {
		if (!(s->flags & ENG_STORE_CREATE))
			return eng_err(err, ENGRAM_ENOFILE, "%s: no such file", s->path);
		*created = true;
		rc = create_file(s->sys, s->path, err);
		if (rc == 0)
			rc = look(s->sys, s->path, &st, err);
		if (rc == 0)
			rc = eng_err(err, ENGRAM_ENOFILE, "%s: vanished", s->path);
	}
	if (rc < 0)
		return rc;
	s->dev = st.dev;
	s->ino = st.ino;
	return 0;
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

int eng_store_whole(struct eng_store *s, struct engram_error *err)
{
	uint64_t used, file;
	int rc = eng_store_size(s, &used, &file, err);

	if (rc == 0 && file < used)
		rc = eng_err(err, ENGRAM_EDAMAGED, "%s: truncated: wanted %llu bytes, found %llu", s->path,
		             (unsigned long long)used, (unsigned long long)file);
	return rc;
}

/* -- the environment --------------------------------------------------------- */

static unsigned env_flags(unsigned flags)
{
	unsigned out = MDB_NOSUBDIR | MDB_NOTLS;

	if (!(flags & ENG_STORE_WRITE))
		out |= MDB_RDONLY;
	if (flags & ENG_STORE_NOLOCK)
		out |= MDB_NOLOCK;
	if (flags & ENG_STORE_BULK)
		out |= MDB_NOSYNC;
	return out;
}

static int try_map(struct eng_store *s, uint64_t map_size)
{
	int rc = mdb_env_create(&s->env);

	if (rc)
		return rc;
	rc = mdb_env_set_mapsize(s->env, map_size);
	if (rc == 0)
		rc = mdb_env_set_maxreaders(s->env, READERS_MAX);
	if (rc == 0)
		rc = mdb_env_set_maxdbs(s->env, (MDB_dbi)s->ntables);
	if (rc == 0)
		rc = mdb_env_open(s->env, s->path, env_flags(s->flags), 0600);
	if (rc) {
		mdb_env_close(s->env);
		s->env = NULL;
	}
	return rc;
}

/* 1 TiB lets the file grow without ever remapping.  Where the address space is
 * limited (ulimit -v, valgrind, sanitizers) mmap refuses with ENOMEM or, in
 * valgrind, EINVAL; the next smaller map is tried. */
static int open_env(struct eng_store *s, struct engram_error *err)
{
	static const uint64_t gib[] = {1024, 64, 32, 8, 1};
	int rc = ENOMEM;

	for (size_t i = 0; i < ENG_COUNT(gib) && (rc == ENOMEM || rc == EINVAL); i++) {
		s->map_size = gib[i] << 30;
		rc = try_map(s, s->map_size);
	}
	return rc ? eng_store_err(s, err, rc, "cannot open") : 0;
}

static int open_table(struct eng_store *s, MDB_txn *txn, size_t i, unsigned create)
{
	unsigned want = s->tables[i].int_key ? MDB_INTEGERKEY : 0, found;
	int rc = mdb_dbi_open(txn, s->tables[i].name, want | create, &s->dbis[i]);

	if (rc == 0)
		rc = mdb_dbi_flags(txn, s->dbis[i], &found);
	if (rc == 0 && found != want)
		rc = MDB_INCOMPATIBLE;
	return rc;
}

/* All tables in one transaction; committing keeps the handles, also of a
 * read-only one. */
static int try_tables(struct eng_store *s, unsigned create, size_t *failed)
{
	MDB_txn *txn;
	int rc = mdb_txn_begin(s->env, NULL, create ? 0 : MDB_RDONLY, &txn);

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
	if ((s->flags & ENG_STORE_WRITE) && (s->flags & ENG_STORE_NOLOCK))
		return eng_err(err, ENGRAM_EUSAGE, "%s: WRITE with NOLOCK", s->path);
	return 0;
}

static struct eng_store *store_new(const struct eng_sys *sys, const char *path, unsigned flags,
                                   const struct eng_table *tables, size_t ntables)
{
	size_t n = strlen(path) + 1;
	struct eng_store *s = eng_calloc(1, sizeof *s + n);

	if (!s)
		return NULL;
	s->dbis = eng_calloc(ntables + 1, sizeof *s->dbis);
	if (!s->dbis) {
		eng_free(s);
		return NULL;
	}
	memcpy(s->path, path, n);
	s->sys = sys;
	s->flags = flags;
	s->tables = tables;
	s->ntables = ntables;
	s->pid = eng_sys_pid();
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

static int open_claimed(struct eng_store *s, struct engram_error *err)
{
	int rc = open_env(s, err);

	if (rc == 0)
		rc = eng_store_whole(s, err);
	return rc == 0 ? open_tables(s, err) : rc;
}

int eng_store_open(struct eng_store **out, const struct eng_sys *sys, const char *path, unsigned flags,
                   const struct eng_table *tables, size_t ntables, struct engram_error *err)
{
	struct eng_store *s = store_new(sys, path, flags, tables, ntables);
	bool created = false;
	int rc;

	if (!s)
		return eng_err_nomem(err);
	rc = check_flags(s, err);
	if (rc == 0)
		rc = find_file(s, &created, err);
	if (rc == 0)
		rc = need_lock_file(s, err);
	if (rc == 0 && !eng_registry_add(s))
		rc = eng_err(err, ENGRAM_EUSAGE, "%s: already open in this process", path);
	else if (rc == 0)
		rc = open_claimed(s, err);
	if (rc == 0) {
		*out = s;
		return 0;
	}
	eng_store_close(s);
	if (created)
		remove_created(sys, path);
	return rc;
}

/* In a child of the opener the environment is left alone: closing it would
 * clear the parent's reader slots. */
void eng_store_close(struct eng_store *s)
{
	if (!s)
		return;
	if (s->env && s->pid == eng_sys_pid())
		mdb_env_close(s->env);
	eng_registry_remove(s);
	eng_free(s->dbis);
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
	rc = mdb_env_info(s->env, &info);
	if (rc == 0)
		rc = mdb_env_stat(s->env, &pages);
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

	if (rc)
		return rc;
	rc = mdb_env_sync(s->env, 1);
	return rc ? eng_store_err(s, err, rc, "cannot sync") : 0;
}

/* mdb_env_copy2 would create the copy with mode 0666: the file is made here. */
int eng_store_copy(struct eng_store *s, const char *path, struct engram_error *err)
{
	int fd, rc = eng_store_usable(s, err);

	if (rc)
		return rc;
	fd = eng_fs_open(s->sys, path, O_RDWR | O_CREAT | O_EXCL, 0600);
	if (fd < 0)
		return eng_err_os(err, -fd, "%s: cannot create", path);
	rc = mdb_env_copyfd2(s->env, fd, MDB_CP_COMPACT);
	if (rc)
		rc = eng_store_err(s, err, rc, "cannot copy to %s", path);
	else if ((rc = eng_fs_sync(s->sys, fd)) < 0)
		rc = eng_err_os(err, -rc, "%s: cannot sync", path);
	eng_fs_close(s->sys, &fd);
	if (rc)
		s->sys->fs.ops->unlink(s->sys->fs.ctx, path);
	return rc;
}
