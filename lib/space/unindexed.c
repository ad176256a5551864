/* unindexed.c - the text view as one snapshot may use it, and what it lacks.
 *
 * The view has its own watermark, mostly that of the state, behind it after a
 * kill or while it is built, ahead of this snapshot if apply just ran.  What it
 * does not hold as the snapshot has it is scored directly: documents from
 * mark.docs on, documents changed since mark.change, and the overlay. */
#include "space/snapshot_int.h"

#include <stdlib.h>

#include "base/alloc.h"

static int by_number(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static int add_changed(struct eng_snapshot *s, size_t *cap, uint32_t doc, struct engram_error *err)
{
	if (!eng_grow(&s->changed, cap, s->nchanged, sizeof *s->changed))
		return eng_err_nomem(err);
	s->changed[s->nchanged++] = doc;
	return 0;
}

/* Documents whose text changed behind the view's mark. */
static int read_changed(struct eng_snapshot *s, struct engram_error *err)
{
	uint64_t from = s->mark.change + 1;
	struct eng_bytes key, value;
	struct eng_walk *w = NULL;
	struct eng_change c;
	size_t cap = 0;
	int r;

	if (s->mark.change >= s->view.meta.changes)
		return 0;
	r = eng_walk_begin(&w, s->view.txn, ENG_T_CHANGES, err);
	if (r < 0)
		return r;
	for (r = eng_walk_seek(w, eng_bytes(&from, sizeof from), &key, &value); r == 1;
	     r = eng_walk_next(w, &key, &value)) {
		if (!eng_change_decode(&c, value))
			r = eng_err(err, ENGRAM_EDAMAGED, "state: change: wrong check");
		else
			r = add_changed(s, &cap, c.doc, err);
		if (r < 0)
			break;
	}
	eng_walk_end(w);
	if (s->nchanged)
		qsort(s->changed, s->nchanged, sizeof *s->changed, by_number);
	return r;
}

/* 1 usable, 0 none. */
static int open_view(struct eng_snapshot *s, struct engram_error *err)
{
	struct eng_gen *g = s->view.gen;
	int r = eng_gen_text(s->view.space, g, false, err);

	if (r < 0 || !g->fts)
		return r;
	r = eng_text_mark_load(&s->mark, g->fts, err);
	if (r == ENGRAM_ENOMEM)
		return r;
	if (r < 0) {
		eng_gen_close_text(g);
		return 0;
	}
	s->has_text = true;
	s->moment = ++g->fts_moment;
	return 1;
}

int eng_text_look(struct eng_snapshot *s, struct engram_error *err)
{
	int r;

	if (!s->view.gen)
		return 0;
	r = open_view(s, err);
	if (r == 0) /* a reader from before this process wrote, or a view just replaced */
		r = open_view(s, err);
	if (r < 0)
		return r;
	if (r == 1)
		return read_changed(s, err);
	s->mark = (struct eng_text_mark){0};
	return 0;
}

void eng_text_leave(struct eng_snapshot *s)
{
	struct eng_fts *f = eng_snapshot_fts(s);

	if (f)
		eng_fts_idle(f);
}

struct eng_fts *eng_snapshot_fts(struct eng_snapshot *s)
{
	return s->has_text && s->view.gen->fts_moment == s->moment ? s->view.gen->fts : NULL;
}

bool eng_snapshot_text_current(struct eng_snapshot *s, uint32_t doc)
{
	return s->has_text && doc < s->mark.docs && doc < s->view.meta.docs && !eng_snapshot_masked(s, doc) &&
	       !eng_doc_in(s->changed, s->nchanged, doc);
}

/* -- terms ----------------------------------------------------------------------------- */

struct gather {
	struct eng_snapshot *s;
	uint32_t *docs;
	size_t n, cap;
	uint64_t tokens;
};

static int want(struct gather *g, uint32_t doc, struct engram_error *err)
{
	/* About 8 bytes of text a token: what ENG_SCAN_MAX allows to read. */
	const uint64_t tokens_max = ENG_SCAN_MAX / 8;
	struct eng_brief brief;

	if (!eng_snapshot_brief(g->s, doc, &brief) || !brief.live)
		return 0;
	if (!eng_grow(&g->docs, &g->cap, g->n, sizeof *g->docs))
		return eng_err_nomem(err);
	g->docs[g->n++] = doc;
	g->tokens += brief.tokens;
	if (g->tokens > tokens_max) {
		int r = eng_err(err, ENGRAM_EBUSY, "space %s: the text view lacks more than can be searched directly",
		                g->s->view.space->name);
		eng_err_hint(err, "run engram-consolidate");
		return r;
	}
	return 0;
}

static int gather_docs(struct gather *g, struct engram_error *err)
{
	struct eng_snapshot *s = g->s;
	int r = 0;

	for (size_t i = 0; r == 0 && i < s->nchanged; i++)
		if (s->changed[i] < s->mark.docs && (i == 0 || s->changed[i] != s->changed[i - 1]))
			r = want(g, s->changed[i], err);
	for (uint32_t doc = s->mark.docs; r == 0 && doc < s->view.meta.docs; doc++)
		r = want(g, doc, err);
	return r;
}

static int load_terms(struct gather *g, struct engram_error *err)
{
	struct eng_snapshot *s = g->s;
	struct eng_arena arena = ENG_ARENA_INIT;
	struct eng_buf scratch = ENG_BUF_INIT;
	int r = 0;

	for (size_t i = 0; r == 0 && i < g->n; i++) {
		struct engram_str text;
		struct eng_text_at at;
		eng_arena_reset(&arena);
		r = eng_state_text(&at, s->view.txn, g->docs[i], &arena, err);
		if (r == 0)
			r = eng_text_load(&text, &scratch, s->view.space, &at, err);
		if (r == ENGRAM_ENOID) {
			r = 0; /* forgotten and purged since */
			continue;
		}
		if (r < 0 || !text.p)
			continue;
		s->unindexed[s->nunindexed++] = (struct eng_unindexed){g->docs[i], &s->lacking[s->nlacking]};
		if (eng_terms_of(&s->lacking[s->nlacking++], text.p, text.n) < 0)
			r = eng_err_nomem(err);
	}
	eng_arena_free(&arena);
	eng_buf_free(&scratch);
	return r;
}

static void forget_build(struct eng_snapshot *s)
{
	for (size_t i = 0; i < s->nlacking; i++)
		eng_terms_free(&s->lacking[i]);
	eng_free(s->lacking);
	eng_free(s->unindexed);
	s->lacking = NULL;
	s->unindexed = NULL;
	s->nlacking = s->nunindexed = 0;
}

static int build(struct gather *g, struct engram_error *err)
{
	struct eng_snapshot *s = g->s;
	int r = s->view.txn && s->flags & ENG_SNAP_TEXT ? gather_docs(g, err) : 0;

	if (r < 0)
		return r;
	s->unindexed = eng_calloc(g->n + s->nraw + 1, sizeof *s->unindexed);
	s->lacking = eng_calloc(g->n + 1, sizeof *s->lacking);
	if (!s->unindexed || !s->lacking)
		return eng_err_nomem(err);
	r = load_terms(g, err);
	for (size_t i = 0; r == 0 && i < s->nraw; i++)
		if (s->raw[i].doc.text_p)
			s->unindexed[s->nunindexed++] =
				(struct eng_unindexed){ENG_DOC_RAW + (uint32_t)i, &s->raw[i].terms};
	s->unindexed_done = r == 0;
	return r;
}

int eng_snapshot_unindexed(struct eng_snapshot *s, const struct eng_unindexed **out, size_t *n,
                           struct engram_error *err)
{
	struct gather g = {.s = s};
	int r = 0;

	if (!s->unindexed_done) {
		r = build(&g, err);
		eng_free(g.docs);
	}
	if (r < 0) {
		forget_build(s);
		return r;
	}
	*out = s->unindexed;
	*n = s->nunindexed;
	return 0;
}
