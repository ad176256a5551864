/* store_int.h - what store.c, txn.c, walk.c and registry.c share. */
#ifndef ENG_STORE_STORE_INT_H
#define ENG_STORE_STORE_INT_H

#include <lmdb.h>

#include "base/err.h"
#include "store/store.h"

struct eng_store {
	const struct eng_sys *sys;
	MDB_env *env;                   /* NULL until opened */
	const struct eng_table *tables; /* the caller's */
	size_t ntables;
	MDB_dbi *dbis;                  /* one a table, in the same order */
	unsigned flags;
	uint32_t pid;                   /* of the process that opened it */
	unsigned ntxns;                 /* open now */
	uint64_t map_size;
	struct eng_store *next;         /* in the registry; guarded by its lock */
	uint64_t dev, ino;              /* registry key */
	char path[];
};

struct eng_txn {
	struct eng_store *s;
	MDB_txn *txn;
	bool write;
	int status;                 /* first failure, sticky */
	struct engram_error error;  /* of that failure */
	struct eng_walk *walks;     /* open ones: LMDB wants cursors closed before the transaction */
};

/* Claims (dev, ino) for s; false if this process has it open already. */
bool eng_registry_add(struct eng_store *s);
void eng_registry_remove(struct eng_store *s); /* absent is no error */

/* An LMDB result (an errno, or MDB_*) as code and message "PATH: what: why". */
int eng_store_err(const struct eng_store *s, struct engram_error *err, int rc, const char *format, ...)
	ENG_PRINTF(4, 5);
/* EUSAGE in a child of the process that opened it. */
int eng_store_usable(const struct eng_store *s, struct engram_error *err);
/* The file must reach as far as the last page in use. */
int eng_store_whole(struct eng_store *s, struct engram_error *err);

/* Records the first failure of a transaction; returns it. */
int eng_txn_fail(struct eng_txn *t, int rc, const char *what, size_t table);
void eng_walks_close(struct eng_txn *t);

static inline MDB_val eng_val(struct eng_bytes b)
{
	return (MDB_val){.mv_size = b.n, .mv_data = (void *)(uintptr_t)b.p};
}

#endif
