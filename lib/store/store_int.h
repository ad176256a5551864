/* store_int.h - what the files of store/ share. */
#ifndef ENG_STORE_STORE_INT_H
#define ENG_STORE_STORE_INT_H

#include <lmdb.h>

#include "base/err.h"
#include "store/store.h"

/* One LMDB environment of this process; handles on the same file share it. */
struct eng_env {
	MDB_env *mdb;       /* NULL until opened */
	MDB_dbi *dbis;      /* one a table, in the order of the first handle's tables */
	const struct eng_table *tables;
	size_t ntables;
	unsigned flags;     /* of the first handle */
	bool writable;      /* opened for writing, whoever asked */
	uint64_t map_size;
	uint32_t pid;       /* of the process that opened it */
	/* registry.c's, under its lock */
	struct eng_env *next;
	uint64_t dev, ino;  /* key */
	unsigned refs;
	bool busy;          /* being opened or closed: whoever else wants it waits */
};

struct eng_store {
	const struct eng_sys *sys;
	struct eng_env *env;            /* NULL until claimed */
	const struct eng_table *tables; /* the caller's */
	size_t ntables;
	unsigned flags;                 /* enum eng_store_flags */
	struct eng_gather **gathers;    /* of each table, or NULL; NULL: of none */
	bool torn;                      /* what a transaction gathered was not committed */
	char path[];
};

struct eng_txn {
	struct eng_store *s;
	MDB_txn *txn;
	bool write;
	bool direct;                /* past what is gathered: it writes that */
	int status;                 /* first failure, sticky */
	struct engram_error error;  /* of that failure */
	struct eng_walk *walks;     /* open ones: LMDB wants cursors closed before the transaction */
	MDB_cursor *cursors[];      /* of a writing one, one a table, opened when first needed */
};

/* The environment for (dev, ino): an open one with another reference, or a new
 * one, busy, that the caller opens and settles (or releases).  NULL = out of memory. */
struct eng_env *eng_env_claim(const struct eng_sys *sys, uint64_t dev, uint64_t ino);
void eng_env_settle(struct eng_env *env);
/* Gives a reference back; the last one closes. */
void eng_env_release(struct eng_env *env);

/* An LMDB result (an errno, or MDB_*) as code and message "PATH: what: why". */
int eng_store_err(const struct eng_store *s, struct engram_error *err, int rc, const char *format, ...)
	ENG_PRINTF(4, 5);
/* EUSAGE in a child of the process that opened it. */
int eng_store_usable(const struct eng_store *s, struct engram_error *err);

/* The seal of a file that nobody has opened yet. */
int eng_seal_check(const struct eng_sys *sys, const char *path, struct engram_error *err);

/* mdb_txn_begin, trying again where waiting may help. */
int eng_begin(struct eng_store *s, bool write, MDB_txn **txn);
/* Records the first failure of a transaction; returns it. */
int eng_txn_fail(struct eng_txn *t, int rc, const char *what, size_t table);
void eng_walks_close(struct eng_txn *t);

/* What is gathered (gather.c). */
#define ENG_GATHER_UNKNOWN 2
/* 1 found, 0 it is gone, or unknown: the table tells. */
int eng_gather_get(const struct eng_gather *g, struct eng_bytes key, struct eng_bytes *value);
/* false: out of memory. */
bool eng_gather_put(struct eng_gather *g, struct eng_bytes key, struct eng_bytes value);
bool eng_gather_del(struct eng_gather *g, struct eng_bytes key);
/* What is full, or all, into the tables: transactions of their own. */
int eng_gathers_write(struct eng_store *s, bool all, struct engram_error *err);
void eng_gathers_free(struct eng_store *s);

static inline struct eng_gather *eng_gather_of(const struct eng_txn *t, size_t table)
{
	return t->s->gathers && !t->direct ? t->s->gathers[table] : NULL;
}

static inline MDB_dbi eng_dbi(const struct eng_txn *t, size_t table)
{
	return t->s->env->dbis[table];
}

static inline MDB_val eng_val(struct eng_bytes b)
{
	return (MDB_val){.mv_size = b.n, .mv_data = (void *)(uintptr_t)b.p};
}

#endif
