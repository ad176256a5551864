/* gather.c - what a bulk write puts into a table, written in the order of keys.
 *
 * Keys that are hashes come in no order: each transaction of a bulk write then
 * touches nearly every page of the tree, copies it and writes it again.  A million
 * items in fifty transactions were 2.2 GB written for 0.17 GB of tree, and a third of
 * the time.  Gathered in memory and written in order, some hundred thousand at a
 * time, they touch each page once; the first ones are appended and fill theirs.
 *
 *     slots    hash -> entry; open addressing, at most half full
 *     entries  key and value, the newest; or that the key is gone
 *     arena    their bytes
 *
 * Only of a store that nobody else reads and that is thrown away when its writer
 * fails: what is gathered is seen by this handle alone, and belongs to no
 * transaction.  So one that does not commit ends the use of the store. */
#include <stdlib.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "base/hash.h"
#include "base/le.h"
#include "store/store_int.h"

enum { FIRST_SLOTS = 1024, PIECE = 16384 }; /* PIECE: entries a transaction; its pages are in memory until it ends */
#define GONE UINT32_MAX

struct slot {
	uint32_t hash, entry; /* entry + 1, 0: free */
};

struct entry {
	uint64_t prefix; /* of the key, for sorting: a comparison without a look at its bytes */
	uint8_t *p;      /* the key, then the value */
	uint32_t key_n, n;
};

struct eng_gather {
	struct slot *slots;
	struct entry *entries;
	size_t nslots, n, cap;
	struct eng_arena arena;
	size_t bytes, most; /* of the arena; of all */
};

static uint64_t prefix_of(struct eng_bytes key)
{
	uint8_t b[8] = {0};

	memcpy(b, key.p, key.n < sizeof b ? key.n : sizeof b);
	return __builtin_bswap64(eng_get64(b));
}

static bool is_key(const struct entry *e, uint64_t prefix, struct eng_bytes key)
{
	return e->prefix == prefix && e->key_n == key.n && memcmp(e->p, key.p, key.n) == 0;
}

/* The slot of the key, or the free one where it belongs. */
static struct slot *slot_of(const struct eng_gather *g, uint32_t hash, struct eng_bytes key)
{
	uint64_t prefix = prefix_of(key);
	size_t at = hash & (g->nslots - 1);

	while (g->slots[at].entry &&
	       (g->slots[at].hash != hash || !is_key(&g->entries[g->slots[at].entry - 1], prefix, key)))
		at = (at + 1) & (g->nslots - 1);
	return &g->slots[at];
}

static bool grow_slots(struct eng_gather *g)
{
	size_t n = g->nslots ? 2 * g->nslots : FIRST_SLOTS, at;
	struct slot *slots = eng_alloc_large(n * sizeof *slots);

	if (!slots)
		return false;
	memset(slots, 0, n * sizeof *slots);
	for (size_t i = 0; i < g->nslots; i++) {
		if (!g->slots[i].entry)
			continue;
		for (at = g->slots[i].hash & (n - 1); slots[at].entry;)
			at = (at + 1) & (n - 1);
		slots[at] = g->slots[i];
	}
	eng_free(g->slots);
	g->slots = slots;
	g->nslots = n;
	return true;
}

static uint32_t hash_of(struct eng_bytes key)
{
	return (uint32_t)XXH3_64bits(key.p, key.n);
}

int eng_gather_get(const struct eng_gather *g, struct eng_bytes key, struct eng_bytes *value)
{
	const struct slot *slot = g->nslots ? slot_of(g, hash_of(key), key) : NULL;
	const struct entry *e;

	if (!slot || !slot->entry)
		return ENG_GATHER_UNKNOWN;
	e = &g->entries[slot->entry - 1];
	if (e->n == GONE)
		return 0;
	*value = eng_bytes(e->p + e->key_n, e->n);
	return 1;
}

static uint8_t *new_bytes(struct eng_gather *g, struct eng_bytes key, size_t n)
{
	uint8_t *p = eng_arena_alloc(&g->arena, key.n + n);

	if (p) {
		memcpy(p, key.p, key.n);
		g->bytes += key.n + n;
	}
	return p;
}

static struct entry *add_entry(struct eng_gather *g, struct eng_bytes key, size_t n)
{
	uint32_t hash = hash_of(key);
	struct slot *slot;
	uint8_t *p;

	if (2 * (g->n + 1) > g->nslots && !grow_slots(g))
		return NULL;
	slot = slot_of(g, hash, key);
	if (slot->entry)
		return &g->entries[slot->entry - 1];
	if (!eng_grow(&g->entries, &g->cap, g->n, sizeof *g->entries) || !(p = new_bytes(g, key, n)))
		return NULL;
	g->entries[g->n] = (struct entry){prefix_of(key), p, (uint32_t)key.n, (uint32_t)n};
	*slot = (struct slot){hash, (uint32_t)++g->n};
	return &g->entries[g->n - 1];
}

bool eng_gather_put(struct eng_gather *g, struct eng_bytes key, struct eng_bytes value)
{
	struct entry *e = add_entry(g, key, value.n);
	uint8_t *p;

	if (!e)
		return false;
	if (e->n == GONE || e->n < value.n) {
		p = new_bytes(g, key, value.n);
		if (!p)
			return false;
		e->p = p;
	}
	e->n = (uint32_t)value.n;
	if (value.n)
		memcpy(e->p + key.n, value.p, value.n);
	return true;
}

bool eng_gather_del(struct eng_gather *g, struct eng_bytes key)
{
	struct entry *e = add_entry(g, key, 0);

	if (e)
		e->n = GONE;
	return e;
}

/* -- writing ------------------------------------------------------------------- */

static int by_key(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	uint32_t n = x->key_n < y->key_n ? x->key_n : y->key_n;
	int c;

	if (x->prefix != y->prefix)
		return x->prefix < y->prefix ? -1 : 1;
	c = memcmp(x->p, y->p, n);
	return c ? c : (x->key_n > y->key_n) - (x->key_n < y->key_n);
}

static void write_entry(struct eng_txn *t, size_t table, const struct entry *e, bool append)
{
	struct eng_bytes key = eng_bytes(e->p, e->key_n);

	if (e->n == GONE)
		eng_txn_del(t, table, key);
	else if (append)
		eng_txn_append(t, table, key, eng_bytes(e->p + e->key_n, e->n));
	else
		eng_txn_put(t, table, key, eng_bytes(e->p + e->key_n, e->n));
}

static int write_piece(struct eng_store *s, size_t table, const struct entry *e, size_t n, bool append,
                       struct engram_error *err)
{
	struct eng_txn *t;
	int r = eng_txn_begin(&t, s, true, err);

	if (r < 0)
		return r;
	t->direct = true;
	for (size_t i = 0; i < n; i++)
		write_entry(t, table, &e[i], append);
	return eng_txn_commit(t, err);
}

static int is_empty(bool *empty, struct eng_store *s, size_t table, struct engram_error *err)
{
	struct eng_txn *t;
	uint64_t n = 0;
	int r = eng_txn_begin(&t, s, false, err);

	if (r < 0)
		return r;
	t->direct = true;
	r = eng_txn_count(t, table, &n) < 0 ? eng_txn_status(t, err) : 0;
	eng_txn_abort(t);
	*empty = n == 0;
	return r;
}

static void clear(struct eng_gather *g)
{
	eng_arena_free(&g->arena);
	if (g->nslots)
		memset(g->slots, 0, g->nslots * sizeof *g->slots);
	g->n = g->bytes = 0;
}

static int write_all(struct eng_store *s, size_t table, struct eng_gather *g, struct engram_error *err)
{
	bool append = false;
	int r = g->n ? is_empty(&append, s, table, err) : 0;

	if (g->n)
		qsort(g->entries, g->n, sizeof *g->entries, by_key);
	for (size_t i = 0; r == 0 && i < g->n; i += PIECE)
		r = write_piece(s, table, g->entries + i, g->n - i < PIECE ? g->n - i : PIECE, append, err);
	if (r == 0)
		clear(g);
	return r;
}

static bool is_full(const struct eng_gather *g)
{
	return g->bytes + g->n * (sizeof *g->entries + 2 * sizeof *g->slots) >= g->most;
}

int eng_gathers_write(struct eng_store *s, bool all, struct engram_error *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && s->gathers && i < s->ntables; i++)
		if (s->gathers[i] && (all || is_full(s->gathers[i])))
			r = write_all(s, i, s->gathers[i], err);
	s->torn = r < 0;
	return r;
}

/* -- a store's ---------------------------------------------------------------------- */

int eng_store_gather(struct eng_store *s, size_t table, size_t most, struct engram_error *err)
{
	struct eng_gather *g;

	if (!(s->flags & ENG_STORE_BULK) || s->tables[table].int_key)
		return eng_err(err, ENGRAM_EUSAGE, "%s: table %s: not to be gathered", s->path, s->tables[table].name);
	if (!s->gathers && !(s->gathers = eng_calloc(s->ntables, sizeof(struct eng_gather *))))
		return eng_err_nomem(err);
	g = eng_calloc(1, sizeof *g);
	if (!g)
		return eng_err_nomem(err);
	g->most = most;
	s->gathers[table] = g;
	return 0;
}

void eng_gathers_free(struct eng_store *s)
{
	for (size_t i = 0; s->gathers && i < s->ntables; i++) {
		struct eng_gather *g = s->gathers[i];
		if (!g)
			continue;
		eng_free(g->slots);
		eng_free(g->entries);
		eng_arena_free(&g->arena);
		eng_free(g);
	}
	eng_free(s->gathers);
	s->gathers = NULL;
}
