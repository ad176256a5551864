/* store.h - LMDB, wrapped: the only user of lmdb.h.
 *
 * What the wrapper adds, each for a measured reason (README.md):
 *  - a registry by (device, inode): handles on one file share one LMDB
 *    environment, in all threads of the process, and use after fork is refused
 *    (ENGRAM_EUSAGE), since LMDB's locks and reader slots break silently
 *    otherwise.  Handles that cannot share (other tables, other BULK or NOLOCK,
 *    WRITE where the file could only be opened for reading) are refused too;
 *  - a 1 TiB map, stepping down to 64, 32, 8, 1 GiB where the address space
 *    is limited; 1,024 reader slots; no thread-bound slots;
 *  - the file size is compared with the last page in use before anything is
 *    read (a truncated file is ENGRAM_EDAMAGED, not SIGBUS);
 *  - stale reader slots are cleared before every write transaction (a killed
 *    reader would otherwise pin pages for ever);
 *  - a file that will not change any more can be sealed (seal.c): a flipped bit in
 *    its tree is then ENGRAM_EDAMAGED, not a crash;
 *  - values that matter carry an XXH3-64 (eng_txn_put_checked, eng_txn_get_checked);
 *  - a sticky status in the transaction: a run of puts is written straight
 *    and checked once at commit. */
#ifndef ENG_STORE_STORE_H
#define ENG_STORE_STORE_H

#include "base/buf.h"
#include "base/types.h"
#include "sys/sys.h"

struct eng_store;
struct eng_txn;

enum eng_store_flags {
	ENG_STORE_WRITE = 1u << 0,
	ENG_STORE_CREATE = 1u << 1,
	ENG_STORE_NOLOCK = 1u << 2,   /* read-only media, an immutable file, or (with BULK) one that will be */
	ENG_STORE_BULK = 1u << 3,     /* a file nobody else has yet: one sync at the end, none before */
	ENG_STORE_SEALED = 1u << 4,   /* eng_store_seal ended it: its pages of keys are checked at open */
};

/* Databases are named at open, in a fixed order; `tables` stays the caller's
 * and outlives every store opened with it.  Keys are bytes in memcmp order (encode integers
 * big-endian) except where int_key: a native u32/u64. */
struct eng_table {
	const char *name;
	bool int_key;
};

/* A reader of a file whose -lock is missing answers ENGRAM_ENOFILE (it would
 * have to create it), unless NOLOCK. */
int eng_store_open(struct eng_store **s, const struct eng_sys *sys, const char *path, unsigned flags,
                   const struct eng_table *tables, size_t ntables, struct engram_error *err);
void eng_store_close(struct eng_store *s); /* NULL allowed */

int eng_txn_begin(struct eng_txn **t, struct eng_store *s, bool write, struct engram_error *err);
/* The first failure of the run, or the commit's own.  Frees the txn.  A txn
 * must not be used in a child of its process; ending it there is harmless. */
int eng_txn_commit(struct eng_txn *t, struct engram_error *err);
void eng_txn_abort(struct eng_txn *t); /* NULL allowed */

/* 1 found, 0 not, <0 failed.  What it points at is valid until the txn ends
 * or, in a write txn, until the next put or del. */
int eng_txn_get(struct eng_txn *t, size_t table, struct eng_bytes key, struct eng_bytes *value);
void eng_txn_put(struct eng_txn *t, size_t table, struct eng_bytes key, struct eng_bytes value);
/* Keys in ascending order only: packs pages full. */
void eng_txn_append(struct eng_txn *t, size_t table, struct eng_bytes key, struct eng_bytes value);
/* Space for n bytes under the key, to be filled before the next call; NULL = failed (sticky). */
void *eng_txn_reserve(struct eng_txn *t, size_t table, struct eng_bytes key, size_t n);
void eng_txn_del(struct eng_txn *t, size_t table, struct eng_bytes key); /* absent is no error */
int eng_txn_status(const struct eng_txn *t, struct engram_error *err);
int eng_txn_count(struct eng_txn *t, size_t table, uint64_t *n);
/* Bytes of pages in use; the others of the file wait for what is put next. */
int eng_txn_live(struct eng_txn *t, uint64_t *bytes);

/* The same with 8 bytes of XXH3-64 of key and value behind the value: a value
 * that does not fit is ENGRAM_EDAMAGED (sticky).  For chunks that are read
 * in place and decide what is shown. */
void eng_txn_put_checked(struct eng_txn *t, size_t table, struct eng_bytes key, struct eng_bytes value);
int eng_txn_get_checked(struct eng_txn *t, size_t table, struct eng_bytes key, struct eng_bytes *value);

/* Walks.  seek: the first key >= from (n 0 = the first); last: the last key;
 * next and prev from there, also after a seek past the end (prev is then the
 * last key below).  1, 0 at the end, <0 (see eng_txn_status).  A walk still
 * open when its transaction ends is closed with it; end it all the same. */
struct eng_walk;
int eng_walk_begin(struct eng_walk **w, struct eng_txn *t, size_t table, struct engram_error *err);
int eng_walk_seek(struct eng_walk *w, struct eng_bytes from, struct eng_bytes *key, struct eng_bytes *value);
int eng_walk_next(struct eng_walk *w, struct eng_bytes *key, struct eng_bytes *value);
int eng_walk_last(struct eng_walk *w, struct eng_bytes *key, struct eng_bytes *value);
int eng_walk_prev(struct eng_walk *w, struct eng_bytes *key, struct eng_bytes *value);
void eng_walk_end(struct eng_walk *w); /* NULL allowed */

/* Compacted copy to a new path (else ENGRAM_EEXISTS), synced, but not its
 * directory; for generations. */
int eng_store_copy(struct eng_store *s, const char *path, struct engram_error *err);
/* Bytes in use (last page), and of the file. */
int eng_store_size(struct eng_store *s, uint64_t *used, uint64_t *file, struct engram_error *err);
/* Ends an immutable file with a hash of its pages of keys; all is committed, and
 * nothing is written afterwards.  Not synced. */
int eng_store_seal(struct eng_store *s, struct engram_error *err);
/* Of a BULK store: what is put into a table stays in memory, where this handle gets it,
 * until about `most` bytes of it are written at once, in the order of keys;
 * eng_store_sync writes the rest and ends it.  Such a table has no int_key; it is not
 * walked, counted, appended to.  And a transaction that gathered and does not commit
 * ends the use of the store. */
int eng_store_gather(struct eng_store *s, size_t table, size_t most, struct engram_error *err);
/* Full sync (after BULK). */
int eng_store_sync(struct eng_store *s, struct engram_error *err);

/* "0.9.24". */
#define ENG_STORE_VERSION_TEXT 24
void eng_store_version(char out[ENG_STORE_VERSION_TEXT]);

#endif
