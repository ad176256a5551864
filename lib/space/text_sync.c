/* text_sync.c - the text view follows the state.
 *
 * The view's own watermark, committed with it, is (change, docs): every change
 * up to `change` is in it, and of the documents those below `docs`.  One sync
 * looks at one state snapshot:
 *
 *   1. documents below `docs` whose text left or changed since `change` (the
 *      state's queue): remove the text that the view has, which is the `old` of
 *      their first change, and add the one they have now;
 *   2. documents from `docs` on, up to SYNC_DOCS a commit: add.
 *
 * So a new document needs no entry in the queue, a view that is being built is
 * only one with a low `docs`, and a kill at any point leaves a view that says
 * how far it is.  A contentless index can only remove a text that it is given
 * again: compaction purges a text only after this has passed it.
 *
 * A writer that passes by takes one commit at most, and none where it was asked
 * to leave the view for later: what an import left behind is for a maintenance
 * run, not for the next store of a line.
 *
 * FTS5 flushes its pending words whenever documents do not ascend: both passes
 * go in document order. */
#include "space/space_int.h"

#include <stdlib.h>

#include "base/alloc.h"

#define SYNC_DOCS 20000u
#define MARK_SIZE 12u

int eng_text_mark_load(struct eng_text_mark *m, struct eng_fts *f, struct engram_error *err)
{
	struct eng_buf b = ENG_BUF_INIT;
	int r = eng_fts_watermark(f, &b, err);

	*m = (struct eng_text_mark){0};
	if (r == 0 && b.n == MARK_SIZE)
		*m = (struct eng_text_mark){eng_get64(b.p), eng_get32(b.p + 8)};
	eng_buf_free(&b);
	return r;
}

int eng_state_text(struct eng_text_at *at, struct eng_txn *t, uint32_t doc, struct eng_arena *arena,
                   struct engram_error *err)
{
	struct eng_bytes value;
	struct eng_brief brief;
	struct eng_item item;
	struct eng_doc d;
	uint32_t found;
	int r;

	*at = (struct eng_text_at){0};
	if (!eng_state_brief(&brief, t, doc) || !brief.live)
		return eng_txn_status(t, err);
	r = eng_txn_get(t, ENG_T_ITEMS, eng_bytes(brief.id.b, sizeof brief.id.b), &value);
	if (r < 0)
		return eng_txn_status(t, err);
	if (r == 0)
		return eng_err(err, ENGRAM_EDAMAGED, "state: document %u has no item", doc);
	r = eng_item_load(&item, &found, &brief.id, value, arena, err);
	if (r == 0)
		r = eng_doc_read(&d, &item, err);
	if (r == 0)
		*at = d.text;
	return r;
}

struct sync {
	struct engram_space *s;
	struct eng_gen *g;
	struct eng_txn *txn;
	struct eng_meta meta;
	struct eng_text_mark mark;
	const struct eng_fresh_text *fresh;
	size_t nfresh;
	bool trim; /* the queue had entries */
	struct eng_arena arena; /* of one document */
	struct eng_buf text;
};

/* -- pass 1 ------------------------------------------------------------------------- */

/* Documents ascending; of one document the earlier change first. */
struct numbered {
	struct eng_change change;
	uint64_t number;
};

static int by_doc(const void *a, const void *b)
{
	const struct numbered *x = a, *y = b;

	if (x->change.doc != y->change.doc)
		return x->change.doc < y->change.doc ? -1 : 1;
	return (x->number > y->number) - (x->number < y->number);
}

/* The changes behind the mark of documents that the view has. */
static int read_queue(struct numbered **out, size_t *n, struct sync *y, struct engram_error *err)
{
	struct numbered *all = NULL;
	struct eng_bytes key, value;
	struct eng_walk *w = NULL;
	uint64_t from = y->mark.change + 1;
	size_t cap = 0;
	int r = eng_walk_begin(&w, y->txn, ENG_T_CHANGES, err);

	*n = 0;
	if (r < 0)
		return r;
	for (r = eng_walk_seek(w, eng_bytes(&from, sizeof from), &key, &value); r == 1;
	     r = eng_walk_next(w, &key, &value)) {
		struct numbered c;
		memcpy(&c.number, key.p, sizeof c.number);
		if (!eng_change_decode(&c.change, value)) {
			r = eng_err(err, ENGRAM_EDAMAGED, "state: change %llu: wrong check",
			            (unsigned long long)c.number);
			break;
		}
		if (c.change.doc >= y->mark.docs)
			continue;
		if (!eng_grow(&all, &cap, *n, sizeof *all)) {
			r = eng_err_nomem(err);
			break;
		}
		all[(*n)++] = c;
	}
	eng_walk_end(w);
	if (r < 0) {
		eng_free(all);
		return eng_txn_status(y->txn, NULL) < 0 ? eng_txn_status(y->txn, err) : r;
	}
	*out = all;
	return 0;
}

static int add_doc(struct sync *y, uint32_t doc, struct engram_error *err)
{
	struct eng_text_at at;
	struct engram_str text;
	int r;

	eng_arena_reset(&y->arena);
	r = eng_state_text(&at, y->txn, doc, &y->arena, err);
	if (r == 0)
		r = eng_text_load(&text, &y->text, y->s, &at, err);
	return r == 0 && text.p ? eng_fts_add(y->g->fts, doc, text.p, text.n, err) : r;
}

static int replace_doc(struct sync *y, const struct eng_change *first, struct engram_error *err)
{
	struct engram_str old;
	int r = eng_text_load(&old, &y->text, y->s, &first->old, err);

	if (r == 0)
		r = eng_fts_remove(y->g->fts, first->doc, old.p, old.n, err);
	return r == 0 ? add_doc(y, first->doc, err) : r;
}

static int take_changes(struct sync *y, struct engram_error *err)
{
	struct numbered *all = NULL;
	size_t n;
	int r = read_queue(&all, &n, y, err);

	if (r == 0 && n)
		qsort(all, n, sizeof *all, by_doc);
	for (size_t i = 0; r == 0 && i < n; i++)
		if (i == 0 || all[i].change.doc != all[i - 1].change.doc)
			r = replace_doc(y, &all[i].change, err);
	eng_free(all);
	return r;
}

/* -- pass 2 ---------------------------------------------------------------------------- */

/* Fresh texts are of the newest documents, ascending, and none was changed
 * since: the sync follows the batch that made them. */
static const struct eng_fresh_text *fresh_text(const struct sync *y, size_t *at, uint32_t doc)
{
	while (*at < y->nfresh && y->fresh[*at].doc < doc)
		(*at)++;
	return *at < y->nfresh && y->fresh[*at].doc == doc ? &y->fresh[*at] : NULL;
}

static int take_docs(struct sync *y, uint32_t upto, struct engram_error *err)
{
	size_t at = 0;
	int r = 0;

	for (uint32_t doc = y->mark.docs; r == 0 && doc < upto; doc++) {
		const struct eng_fresh_text *fresh = fresh_text(y, &at, doc);
		if (!fresh)
			r = add_doc(y, doc, err);
		else if (fresh->text)
			r = eng_fts_add_stems(y->g->fts, doc, fresh->stems, fresh->tokens, err);
	}
	return r;
}

/* -- one commit ------------------------------------------------------------------------- */

static int commit_mark(struct sync *y, uint32_t docs, struct engram_error *err)
{
	uint8_t mark[MARK_SIZE];

	eng_set64(mark, y->meta.changes);
	eng_set32(mark + 8, docs);
	return eng_fts_commit(y->g->fts, mark, sizeof mark, err);
}

static int sync_some(struct sync *y, struct engram_error *err)
{
	uint32_t left = y->meta.docs - y->mark.docs;
	uint32_t upto = left > SYNC_DOCS ? y->mark.docs + SYNC_DOCS : y->meta.docs;
	int r = eng_fts_begin(y->g->fts, err);

	if (r < 0)
		return r;
	r = take_changes(y, err);
	if (r == 0)
		r = take_docs(y, upto, err);
	if (r < 0) {
		eng_fts_rollback(y->g->fts);
		return r;
	}
	r = commit_mark(y, upto, err);
	if (r == 0)
		y->mark = (struct eng_text_mark){y->meta.changes, upto};
	return r;
}

/* The queue's entries that the view has passed. */
static int trim_queue(struct sync *y, struct engram_error *err)
{
	struct eng_bytes key, value;
	struct eng_walk *w = NULL;
	struct eng_txn *t;
	uint64_t number;
	int r = eng_txn_begin(&t, y->g->store, true, err);

	if (r < 0)
		return r;
	r = eng_walk_begin(&w, t, ENG_T_CHANGES, err);
	while (r >= 0 && (r = eng_walk_seek(w, eng_bytes(NULL, 0), &key, &value)) == 1) {
		memcpy(&number, key.p, sizeof number);
		if (number > y->mark.change)
			break;
		eng_txn_del(t, ENG_T_CHANGES, eng_bytes(&number, sizeof number));
	}
	eng_walk_end(w);
	if (r < 0) {
		eng_txn_abort(t);
		return r;
	}
	return eng_txn_commit(t, err);
}

static int begin(struct sync *y, struct engram_error *err)
{
	int r = eng_gen_text(y->s, y->g, true, err);

	if (r == 0)
		r = eng_text_mark_load(&y->mark, y->g->fts, err);
	if (r == 0)
		r = eng_txn_begin(&y->txn, y->g->store, false, err);
	if (r == 0)
		r = eng_meta_load(&y->meta, y->txn, &y->s->id, err);
	if (r == 0 && (y->mark.docs > y->meta.docs || y->mark.change > y->meta.changes))
		r = eng_err(err, ENGRAM_EVERSION, "text view: it is ahead of the state");
	y->trim = y->mark.change < y->meta.changes;
	return r;
}

static int run(struct sync *y, const struct eng_job *job, struct engram_error *err)
{
	int r = begin(y, err);
	bool more = !y->s->text_later;

	while (r == 0 && more && (y->mark.docs < y->meta.docs || y->mark.change < y->meta.changes)) {
		r = sync_some(y, err);
		if (r == 0)
			r = eng_job_progress(job, "text", y->mark.docs, y->meta.docs, err);
		more = job || y->g != y->s->gen;
	}
	eng_txn_abort(y->txn);
	y->txn = NULL;
	if (r == 0 && y->trim && !y->s->text_later)
		r = trim_queue(y, err);
	return r;
}

int eng_text_sync(struct engram_space *s, struct eng_gen *g, const struct eng_fresh_text *fresh, size_t nfresh,
                  const struct eng_job *job, struct engram_error *err)
{
	struct sync y = {.s = s, .g = g, .fresh = fresh, .nfresh = nfresh, .arena = ENG_ARENA_INIT};
	int r = run(&y, job, err);

	/* A view that does not fit the state is made anew, once. */
	if (r == ENGRAM_EVERSION || r == ENGRAM_EDAMAGED || r == ENGRAM_ENOID) {
		eng_gen_drop_text(s, g);
		r = run(&y, job, err);
	}
	eng_arena_free(&y.arena);
	eng_buf_free(&y.text);
	return r;
}
