/* walk.c - cursors over one table.
 *
 * A walk knows four positions: nowhere yet, on a key, behind the last, before
 * the first.  From behind the last one prev gives the last key, from before
 * the first one next gives the first; so a seek past the end followed by prev
 * is "the last key below".
 *
 * Walks are chained in their transaction, which closes the cursors that are
 * still open when it ends: on an error path the order of clean-up then does
 * not matter. */
#include "base/alloc.h"
#include "store/store_int.h"

enum position { NOWHERE, ON, BEHIND, BEFORE };

struct eng_walk {
	struct eng_txn *t;  /* NULL once the transaction has ended */
	MDB_cursor *cursor;
	size_t table;
	enum position at;
	struct eng_walk *next, **link; /* in t->walks */
};

int eng_walk_begin(struct eng_walk **out, struct eng_txn *t, size_t table, struct engram_error *err)
{
	struct eng_walk *w;
	int rc = eng_store_usable(t->s, err);

	if (rc == 0)
		rc = eng_txn_status(t, err);
	if (rc == 0 && eng_gather_of(t, table))
		rc = eng_err(err, ENGRAM_EUSAGE, "%s: table %s: it is being gathered", t->s->path,
		             t->s->tables[table].name);
	if (rc)
		return rc;
	w = eng_calloc(1, sizeof *w);
	if (!w)
		return eng_err_nomem(err);
	rc = mdb_cursor_open(t->txn, eng_dbi(t, table), &w->cursor);
	if (rc) {
		eng_free(w);
		return eng_store_err(t->s, err, rc, "table %s: cannot walk", t->s->tables[table].name);
	}
	w->t = t;
	w->table = table;
	w->next = t->walks;
	w->link = &t->walks;
	if (w->next)
		w->next->link = &w->next;
	t->walks = w;
	*out = w;
	return 0;
}

static void detach(struct eng_walk *w)
{
	if (w->t->s->env->pid == eng_sys_pid())
		mdb_cursor_close(w->cursor);
	*w->link = w->next;
	if (w->next)
		w->next->link = w->link;
	w->t = NULL;
}

void eng_walks_close(struct eng_txn *t)
{
	while (t->walks)
		detach(t->walks);
}

void eng_walk_end(struct eng_walk *w)
{
	if (!w)
		return;
	if (w->t)
		detach(w);
	eng_free(w);
}

static int move(struct eng_walk *w, MDB_cursor_op op, enum position none, struct eng_bytes from,
                struct eng_bytes *key, struct eng_bytes *value)
{
	MDB_val k = eng_val(from), v;
	int rc;

	if (!w->t)
		return ENGRAM_EUSAGE;
	if (w->t->status)
		return w->t->status;
	rc = mdb_cursor_get(w->cursor, &k, &v, op);
	if (rc == MDB_NOTFOUND) {
		w->at = none;
		return 0;
	}
	if (rc)
		return eng_txn_fail(w->t, rc, "walk", w->table);
	w->at = ON;
	*key = eng_bytes(k.mv_data, k.mv_size);
	*value = eng_bytes(v.mv_data, v.mv_size);
	return 1;
}

int eng_walk_seek(struct eng_walk *w, struct eng_bytes from, struct eng_bytes *key, struct eng_bytes *value)
{
	return move(w, from.n ? MDB_SET_RANGE : MDB_FIRST, BEHIND, from, key, value);
}

int eng_walk_last(struct eng_walk *w, struct eng_bytes *key, struct eng_bytes *value)
{
	return move(w, MDB_LAST, BEFORE, eng_bytes(NULL, 0), key, value);
}

/* One step on, ending at `end`. */
static int step(struct eng_walk *w, MDB_cursor_op on, MDB_cursor_op otherwise, enum position end,
                struct eng_bytes *key, struct eng_bytes *value)
{
	if (w->t && w->at == end)
		return 0;
	return move(w, w->at == ON ? on : otherwise, end, eng_bytes(NULL, 0), key, value);
}

int eng_walk_next(struct eng_walk *w, struct eng_bytes *key, struct eng_bytes *value)
{
	return step(w, MDB_NEXT, MDB_FIRST, BEHIND, key, value);
}

int eng_walk_prev(struct eng_walk *w, struct eng_bytes *key, struct eng_bytes *value)
{
	return step(w, MDB_PREV, MDB_LAST, BEFORE, key, value);
}
