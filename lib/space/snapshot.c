/* snapshot.c - the view as numbered documents.
 *
 * Documents of the state come from its tables, read in place; those of the
 * overlay from memory.  Everything that answers by document looks at the
 * number first, and everything that lists documents of the state leaves out
 * the masked ones. */
#include "space/snapshot_int.h"

#include <stdlib.h>

#include "base/alloc.h"

/* -- opening ------------------------------------------------------------------------ */

static int look(struct eng_snapshot *s, struct engram_error *err)
{
	int r = eng_view_open(&s->view, s->space, err);

	if (r == 0 && s->view.txn) {
		s->nbriefs = (s->view.meta.docs + ENG_BRIEF_CHUNK - 1) / ENG_BRIEF_CHUNK;
		s->briefs = eng_calloc(s->nbriefs + 1u, sizeof *s->briefs);
		if (!s->briefs)
			r = eng_err_nomem(err);
	}
	if (r == 0 && s->flags & ENG_SNAP_ROWS)
		r = eng_graphs_look(s, err);
	if (r == 0 && s->flags & ENG_SNAP_TEXT)
		r = eng_text_look(s, err);
	if (r == 0 && s->as_of_us < INT64_MAX)
		r = eng_as_of_look(s, err);
	return r == 0 ? eng_overlay_build(s, err) : r;
}

/* A fold may replace the view file between the state's snapshot and the open: the
 * state then names another one. */
int eng_snapshot_open_as_of(struct eng_snapshot **out, struct engram_space *space, unsigned flags, int64_t as_of_us,
                            struct engram_error *err)
{
	enum { TRIES = 8 };
	struct eng_snapshot *s;
	int r = eng_space_check_handle(space, err);

	if (r < 0)
		return r;
	for (int tries = 1; tries <= TRIES; tries++) {
		s = eng_calloc(1, sizeof *s);
		if (!s)
			return eng_err_nomem(err);
		s->space = space;
		s->flags = flags | (tries == TRIES ? ENG_SNAP_LAST : 0);
		s->as_of_us = as_of_us;
		r = look(s, err);
		if (r == 0)
			break;
		eng_snapshot_close(s);
		if (r != ENG_GRAPHS_GONE)
			return r;
	}
	*out = s;
	return 0;
}

int eng_snapshot_open(struct eng_snapshot **out, struct engram_space *space, unsigned flags, struct engram_error *err)
{
	return eng_snapshot_open_as_of(out, space, flags, INT64_MAX, err);
}

void eng_snapshot_close(struct eng_snapshot *s)
{
	if (!s)
		return;
	eng_text_leave(s);
	eng_folded_unref(s->folded);
	for (size_t i = 0; i < s->nlacking; i++)
		eng_terms_free(&s->lacking[i]);
	eng_free(s->lacking);
	eng_free(s->unindexed);
	eng_free(s->changed);
	eng_overlay_free(s);
	eng_free(s->briefs);
	eng_arena_free(&s->arena);
	eng_view_close(&s->view);
	eng_free(s);
}

/* -- briefs -------------------------------------------------------------------------- */

uint32_t eng_snapshot_state_docs(const struct eng_snapshot *s)
{
	return s->view.meta.docs;
}

uint32_t eng_snapshot_raw_docs(const struct eng_snapshot *s)
{
	return (uint32_t)s->nraw;
}

bool eng_snapshot_masked(const struct eng_snapshot *s, uint32_t doc)
{
	return eng_doc_in(s->masked, s->nmasked, doc);
}

static const struct eng_overlay_doc *overlay_doc(const struct eng_snapshot *s, uint32_t doc)
{
	return doc >= ENG_DOC_RAW && doc - ENG_DOC_RAW < s->nraw ? &s->raw[doc - ENG_DOC_RAW] : NULL;
}

static const uint8_t *brief_chunk(struct eng_snapshot *s, uint32_t chunk)
{
	struct eng_bytes value;

	if (!s->briefs[chunk] &&
	    eng_txn_get(s->view.txn, ENG_T_BRIEF, eng_bytes(&chunk, sizeof chunk), &value) == 1 &&
	    value.n == ENG_BRIEF_CHUNK * ENG_BRIEF_SIZE)
		s->briefs[chunk] = value.p;
	return s->briefs[chunk];
}

bool eng_snapshot_brief(struct eng_snapshot *s, uint32_t doc, struct eng_brief *out)
{
	const struct eng_overlay_doc *d = overlay_doc(s, doc);
	const uint8_t *chunk;

	if (d) {
		*out = d->doc.brief;
		return true;
	}
	if (doc >= s->view.meta.docs)
		return false;
	chunk = brief_chunk(s, doc / ENG_BRIEF_CHUNK);
	if (!chunk)
		return false;
	eng_brief_decode(out, chunk + (size_t)(doc % ENG_BRIEF_CHUNK) * ENG_BRIEF_SIZE);
	if (eng_snapshot_masked(s, doc))
		out->live = 0;
	return true;
}

/* -- newest first --------------------------------------------------------------------- */

struct newest {
	struct eng_snapshot *s;
	struct eng_walk *walk;
	uint32_t doc;       /* of the state, next to come; ENG_NO_DOC = none */
	uint8_t key[ENG_ORDER_KEY];
	size_t raw;
};

static int take_order(struct newest *w, int r, struct eng_bytes key, struct eng_bytes value, struct engram_error *err)
{
	w->doc = ENG_NO_DOC;
	while (r == 1) {
		if (key.n != ENG_ORDER_KEY || value.n != sizeof w->doc)
			return eng_err(err, ENGRAM_EDAMAGED, "state: order: a record of another size");
		memcpy(&w->doc, value.p, sizeof w->doc);
		memcpy(w->key, key.p, key.n);
		if (!eng_snapshot_masked(w->s, w->doc))
			return 0;
		w->doc = ENG_NO_DOC;
		r = eng_walk_prev(w->walk, &key, &value);
	}
	return r < 0 ? eng_txn_status(w->s->view.txn, err) : 0;
}

/* Whether the overlay's next comes before the state's. */
static bool raw_first(const struct newest *w)
{
	const struct eng_overlay_doc *d = &w->s->raw[w->raw];
	uint8_t key[ENG_ORDER_KEY];

	if (w->raw == w->s->nraw)
		return false;
	if (w->doc == ENG_NO_DOC)
		return true;
	eng_order_key(key, d->doc.brief.stored_us, &d->item.id);
	return memcmp(key, w->key, sizeof key) > 0; /* walked backwards */
}

static int next_newest(struct newest *w, uint32_t *doc, struct engram_error *err)
{
	struct eng_bytes key, value;
	int r;

	if (raw_first(w)) {
		*doc = ENG_DOC_RAW + (uint32_t)w->raw++;
		return 1;
	}
	if (w->doc == ENG_NO_DOC)
		return 0;
	*doc = w->doc;
	r = eng_walk_prev(w->walk, &key, &value);
	r = take_order(w, r, key, value, err);
	return r < 0 ? r : 1;
}

int eng_snapshot_newest(struct eng_snapshot *s, int (*fn)(void *data, uint32_t doc), void *data,
                        struct engram_error *err)
{
	struct newest w = {.s = s, .doc = ENG_NO_DOC};
	struct eng_bytes key, value;
	uint32_t doc;
	int r = 0, stop = 0;

	if (s->view.txn) {
		r = eng_walk_begin(&w.walk, s->view.txn, ENG_T_ORDER, err);
		if (r == 0) {
			r = eng_walk_last(w.walk, &key, &value);
			r = take_order(&w, r, key, value, err);
		}
	}
	while (r == 0 && stop == 0 && (r = next_newest(&w, &doc, err)) == 1) {
		stop = fn(data, doc);
		r = 0;
	}
	eng_walk_end(w.walk);
	return r < 0 ? r : stop;
}

/* -- rows ------------------------------------------------------------------------------- */

int eng_snapshot_rows_next(void *rows, struct eng_rows *out)
{
	struct eng_snapshot_rows *at = rows;
	struct eng_snapshot *s = at->snap;
	uint32_t first;
	int r = 0;

	if (s->view.txn && at->at < s->view.meta.docs)
		r = eng_rows_next(out, &first, s->view.txn, &eng_hash1_rows, (uint32_t)at->at);
	if (r < 0)
		return r;
	if (r == 1) {
		at->at = (uint64_t)first + out->n;
		return 1;
	}
	if (at->at == UINT64_MAX || s->rows.n == 0)
		return 0;
	at->at = UINT64_MAX;
	*out = s->rows;
	return 1;
}

bool eng_snapshot_codes(struct eng_snapshot *s, uint32_t doc, int8_t codes[ENG_HASH1_DIM])
{
	const struct eng_overlay_doc *d = overlay_doc(s, doc);
	uint32_t at = doc - ENG_DOC_RAW;

	if (!d)
		return doc < s->view.meta.docs &&
		       eng_snapshot_state_codes(s, &eng_hash1_rows, doc, NULL, ENG_NODES_HASH1, doc, codes);
	if (at >= s->rows.n)
		return d->doc.text_p && eng_hash1(codes, (const char *)d->doc.text_p, d->doc.text.n, NULL);
	if (s->rows.r[at] != 0)
		memcpy(codes, s->rows.codes + (size_t)at * s->rows.stride, ENG_HASH1_DIM);
	return s->rows.r[at] != 0;
}

/* -- corpus ------------------------------------------------------------------------------- */

static uint32_t df(void *ctx, uint64_t stem)
{
	struct eng_snapshot *s = ctx;
	struct eng_bytes value;
	uint32_t n = 0;
	int64_t sum;

	if (s->view.txn && eng_txn_get(s->view.txn, ENG_T_DF, eng_bytes(&stem, sizeof stem), &value) == 1 &&
	    value.n == sizeof n)
		memcpy(&n, value.p, sizeof n);
	sum = (int64_t)n + eng_dfmap_sorted(&s->df, stem);
	return sum > 0 ? (uint32_t)sum : 0;
}

struct eng_corpus eng_snapshot_corpus(struct eng_snapshot *s)
{
	return (struct eng_corpus){
		.df = df,
		.ctx = s,
		.docs = s->view.meta.live - s->nmasked + s->nraw,
		.tokens = s->view.meta.tokens - s->masked_tokens + s->raw_tokens,
	};
}

/* -- tags ------------------------------------------------------------------------------------ */

static uint32_t key_doc(struct eng_bytes key)
{
	const uint8_t *p = (const uint8_t *)key.p + key.n - 4;

	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static bool doc_has_tag(const struct eng_doc *d, struct engram_str tag)
{
	for (size_t i = 0; i < d->ntags; i++)
		if (eng_str_eq(d->tags[i], tag))
			return true;
	return false;
}

/* A key made of a tag's hash is not yet the tag. */
static int state_has_tag(struct eng_snapshot *s, uint32_t doc, struct engram_str tag, struct engram_error *err)
{
	struct eng_arena arena = ENG_ARENA_INIT;
	struct eng_brief brief;
	struct eng_item item;
	struct eng_doc d = {0};
	uint32_t found;
	int r = eng_snapshot_brief(s, doc, &brief) ? 0 : eng_err(err, ENGRAM_EDAMAGED, "state: tag of document %u", doc);

	if (r == 0)
		r = eng_view_item(&s->view, &item, &found, &brief.id, &arena, err);
	if (r == 0)
		r = eng_doc_read(&d, &item, err);
	if (r == 0)
		r = doc_has_tag(&d, tag);
	eng_arena_free(&arena);
	return r;
}

static int state_tagged(struct eng_snapshot *s, struct engram_str tag, int (*fn)(void *data, uint32_t doc), void *data,
                        int *stop, struct engram_error *err)
{
	uint8_t from[ENG_TAG_KEY_MAX];
	struct eng_bytes key, value;
	struct eng_walk *w = NULL;
	size_t n = eng_tag_key(from, tag, 0);
	int r = eng_walk_begin(&w, s->view.txn, ENG_T_TAGS, err);

	if (r < 0)
		return r;
	for (r = eng_walk_seek(w, eng_bytes(from, n), &key, &value); r == 1 && *stop == 0;
	     r = eng_walk_next(w, &key, &value)) {
		uint32_t doc;
		int has = 1;
		if (key.n != n || memcmp(key.p, from, n - 4) != 0)
			break;
		doc = key_doc(key);
		if (eng_snapshot_masked(s, doc))
			continue;
		if (tag.n > ENG_TAG_VERBATIM)
			has = state_has_tag(s, doc, tag, err);
		if (has < 0) {
			eng_walk_end(w);
			return has;
		}
		if (has)
			*stop = fn(data, doc);
	}
	eng_walk_end(w);
	return r < 0 ? eng_txn_status(s->view.txn, err) : 0;
}

int eng_snapshot_tagged(struct eng_snapshot *s, struct engram_str tag, int (*fn)(void *data, uint32_t doc), void *data,
                        struct engram_error *err)
{
	int r = 0, stop = 0;

	if (tag.n == 0 || tag.n > ENGRAM_FIELD_MAX)
		return 0;
	if (s->view.txn)
		r = state_tagged(s, tag, fn, data, &stop, err);
	for (size_t i = 0; r == 0 && stop == 0 && i < s->nraw; i++)
		if (doc_has_tag(&s->raw[i].doc, tag))
			stop = fn(data, ENG_DOC_RAW + (uint32_t)i);
	return r < 0 ? r : stop;
}

/* -- memories ------------------------------------------------------------------------------------ */

static int doc_item(struct eng_snapshot *s, uint32_t doc, struct eng_item *item, struct eng_reading *reading,
                    struct eng_arena *arena, struct engram_error *err)
{
	const struct eng_overlay_doc *d = overlay_doc(s, doc);
	struct eng_brief brief;
	uint32_t found;
	int r;

	if (d) {
		*item = d->item;
		*reading = d->reading;
		return 0;
	}
	if (!eng_snapshot_brief(s, doc, &brief) || !brief.live)
		return eng_err(err, ENGRAM_EUSAGE, "snapshot: %u is no live document", doc);
	r = eng_view_item(&s->view, item, &found, &brief.id, arena, err);
	return r == 0 ? eng_item_read(item, reading, err) : r;
}

int eng_snapshot_memory(struct eng_snapshot *s, uint32_t doc, struct engram_memory *out, struct eng_arena *arena,
                        struct engram_error *err)
{
	struct eng_arena scratch = ENG_ARENA_INIT;
	struct eng_reading reading;
	struct eng_item item;
	int r = doc_item(s, doc, &item, &reading, &scratch, err);

	if (r == 0)
		r = eng_memory_build(out, s->view.space, &item, &reading, arena, err);
	eng_arena_free(&scratch);
	return r;
}

static int state_find(struct eng_snapshot *s, const struct engram_id *id, uint32_t *doc, struct engram_error *err)
{
	struct eng_bytes value;
	int r = 0;

	if (s->view.txn)
		r = eng_txn_get(s->view.txn, ENG_T_ITEMS, eng_bytes(id->b, sizeof id->b), &value);
	if (r < 0)
		return eng_txn_status(s->view.txn, err);
	if (r == 1 && value.n >= 16) {
		uint32_t found = eng_get32((const uint8_t *)value.p + 8);
		if (found != ENG_NO_DOC)
			*doc = found;
		return found != ENG_NO_DOC;
	}
	return eng_no_such_id(id, err);
}

int eng_snapshot_find(struct eng_snapshot *s, const struct engram_id *id, uint32_t *doc, struct engram_error *err)
{
	int64_t at = eng_raw_find(&s->view.raw, id);

	if (at < 0)
		return state_find(s, id, doc, err);
	if (s->raw_of[at] < 0)
		return 0;
	*doc = ENG_DOC_RAW + (uint32_t)s->raw_of[at];
	return 1;
}

/* -- evidence ----------------------------------------------------------------------------------------- */

int eng_snapshot_rehearsals(struct eng_snapshot *s, uint32_t doc, const eng_stamp **out, size_t *n,
                            struct eng_arena *arena, struct engram_error *err)
{
	struct eng_arena scratch = ENG_ARENA_INIT;
	struct eng_reading reading;
	const eng_stamp *stamps;
	struct eng_item item;
	int r = doc_item(s, doc, &item, &reading, &scratch, err);

	if (r == 0)
		r = eng_item_rehearsals(&item, &stamps, n, err);
	if (r == 0) {
		*out = eng_arena_dup(arena, stamps, *n * sizeof *stamps);
		r = *out ? 0 : eng_err_nomem(err);
	}
	eng_arena_free(&scratch);
	return r;
}

int eng_snapshot_verdicts(struct eng_snapshot *s, uint32_t doc, struct eng_verdicts *out, struct engram_error *err)
{
	struct eng_arena scratch = ENG_ARENA_INIT;
	struct eng_reading reading;
	struct eng_item item;
	int r = doc_item(s, doc, &item, &reading, &scratch, err);

	if (r == 0)
		r = eng_item_verdicts(&item, out, err);
	eng_arena_free(&scratch);
	return r;
}

/* -- positions --------------------------------------------------------------------------------------------- */

eng_stamp eng_snapshot_stamp(const struct eng_snapshot *s)
{
	return s->view.stamp;
}

uint64_t eng_snapshot_unapplied(const struct eng_snapshot *s)
{
	return s->view.raw.read;
}
