/* check_text.c - does the text view hold the documents it says it holds?
 *
 * The view may be behind the state, never ahead of it: what changed behind its
 * mark is excused. */
#include "space/check_int.h"

#include <inttypes.h>

#include "base/alloc.h"

/* Documents changed behind the view's mark are neither wanted nor refused. */
static int excuse_changed(struct eng_check *c, uint8_t *excused, uint64_t from, struct engram_error *err)
{
	struct eng_bytes key, value;
	struct eng_walk *w = NULL;
	struct eng_change change;
	int r = eng_walk_begin(&w, c->view.txn, ENG_T_CHANGES, err);

	if (r < 0)
		return r;
	for (r = eng_walk_seek(w, eng_bytes(&from, sizeof from), &key, &value); r == 1;
	     r = eng_walk_next(w, &key, &value))
		if (!eng_change_decode(&change, value) || change.doc >= c->view.meta.docs)
			eng_differ(c, "changes: a record with a wrong check");
		else
			excused[change.doc / 8] |= (uint8_t)(1u << change.doc % 8);
	eng_walk_end(w);
	return r < 0 ? eng_txn_status(c->view.txn, err) : 0;
}

struct text_walk {
	struct eng_check *c;
	const uint8_t *excused;
	uint32_t next, upto;
};

static bool bit(const uint8_t *bits, uint32_t at)
{
	return bits[at / 8] >> at % 8 & 1;
}

/* Documents from next to `doc` that the view should have had. */
static void missing(struct text_walk *t, uint32_t doc)
{
	for (; t->next < doc && t->next < t->upto; t->next++)
		if (bit(t->c->has_text, t->next) && !bit(t->excused, t->next))
			eng_differ(t->c, "text view: document %" PRIu32 " is missing", t->next);
}

static int text_doc(void *ctx, uint32_t doc)
{
	struct text_walk *t = ctx;

	missing(t, doc);
	if (doc >= t->upto)
		eng_differ(t->c, "text view: document %" PRIu32 " is beyond its mark", doc);
	else if (!bit(t->c->has_text, doc) && !bit(t->excused, doc))
		eng_differ(t->c, "text view: document %" PRIu32 " is not in the state", doc);
	t->next = doc + 1;
	return 0;
}

static int walk_text(struct eng_check *c, uint8_t *excused, struct engram_error *err)
{
	struct text_walk t = {.c = c, .excused = excused};
	struct eng_text_mark mark;
	int r = eng_fts_check(c->view.gen->fts, err);

	if (r == 0)
		r = eng_text_mark_load(&mark, c->view.gen->fts, err);
	if (r < 0)
		return r;
	if (mark.docs > c->view.meta.docs || mark.change > c->view.meta.changes) {
		eng_differ(c, "text view: it is ahead of the state");
		return 0;
	}
	t.upto = mark.docs;
	r = excuse_changed(c, excused, mark.change + 1, err);
	if (r == 0)
		r = eng_fts_docs(c->view.gen->fts, text_doc, &t, err);
	if (r == 0)
		missing(&t, t.upto);
	return r;
}

int eng_check_text(struct eng_check *c, struct engram_error *err)
{
	struct engram_error why = {0};
	uint8_t *excused;
	int r = eng_gen_text(c->s, c->view.gen, false, err);

	if (r < 0)
		return r;
	if (!c->view.gen->fts) {
		if (c->view.meta.docs)
			eng_differ(c, "text view: there is none that can be used");
		return 0;
	}
	excused = eng_calloc(c->view.meta.docs / 8 + 1u, 1);
	if (!excused)
		return eng_err_nomem(err);
	r = walk_text(c, excused, &why);
	eng_free(excused);
	if (r == ENGRAM_ENOMEM)
		return eng_err_nomem(err);
	if (r < 0)
		eng_differ(c, "text view: %s", why.message);
	return 0;
}
