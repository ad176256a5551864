/* overlay.c - raw frames as documents.
 *
 * Every id that raw frames are about, or that was different as of the moment of the
 * snapshot, is read whole (its state and the raw frames, by the functions that
 * apply uses).  If it is live it is a document of
 * the overlay; if the state has a document for it, that one is masked, whether
 * the memory changed or was forgotten.  Document frequencies follow: words of
 * masked documents out, words of the overlay in. */
#include "space/snapshot_int.h"

#include <stdlib.h>

#include "base/alloc.h"

/* The document that the state has for the id, and its words. */
static int mask(struct eng_snapshot *s, const struct eng_item *item, uint32_t doc, struct eng_buf *scratch,
                struct eng_terms *terms, struct engram_error *err)
{
	struct engram_str text;
	struct eng_brief brief;
	struct eng_doc d;
	int r = 0;

	s->masked[s->nmasked++] = doc;
	if (!(s->flags & ENG_SNAP_TERMS))
		return 0;
	if (eng_state_brief(&brief, s->view.txn, doc))
		s->masked_tokens += brief.tokens;
	r = eng_doc_read(&d, item, err);
	if (r == 0)
		r = eng_text_load(&text, scratch, s->view.space, &d.text, err);
	if (r == ENGRAM_ENOID) /* forgotten and purged since: its words no longer matter */
		return 0;
	if (r == 0 && text.p) {
		if (eng_terms_of(terms, text.p, text.n) < 0)
			return eng_err_nomem(err);
		if (eng_dfmap_add(&s->df, terms, -1) < 0)
			return eng_err_nomem(err);
	}
	return r;
}

/* What the state says of view.raw.ids[i], and its document. */
static int load_item(struct eng_snapshot *s, size_t i, struct eng_item *item, uint32_t *doc, struct eng_arena *arena,
                     struct engram_error *err)
{
	const struct engram_id *id = &s->view.raw.ids[i].id;
	struct eng_bytes value;
	int r;

	*doc = ENG_NO_DOC;
	eng_item_init(item, id, arena);
	if (!s->view.txn)
		return 0;
	r = eng_txn_get(s->view.txn, ENG_T_ITEMS, eng_bytes(id->b, sizeof id->b), &value);
	if (r < 0)
		return eng_txn_status(s->view.txn, err);
	return r == 1 ? eng_item_load(item, doc, id, value, arena, err) : 0;
}

/* The item of view.raw.ids[i]; the document of the state is masked. */
static int read_item(struct eng_snapshot *s, size_t i, struct eng_item *item, struct eng_arena *arena,
                     struct eng_buf *scratch, struct eng_terms *terms, struct engram_error *err)
{
	uint32_t doc;
	int r = load_item(s, i, item, &doc, arena, err);

	if (r == 0 && doc != ENG_NO_DOC)
		r = mask(s, item, doc, scratch, terms, err);
	return r == 0 ? eng_raw_apply(&s->view.raw, i, item, err) : r;
}

static bool only_forgets(const struct eng_item *item)
{
	for (size_t i = 0; i < item->ndots; i++)
		if (item->dots[i].kind != ENG_FORGET)
			return false;
	return true;
}

/* The same as of the moment.  Most that are read were not there yet: only the others
 * are kept, so that memory does not grow with the space. */
static int read_item_then(struct eng_snapshot *s, size_t i, struct eng_item *item, struct eng_arena *apart,
                          struct eng_buf *scratch, struct eng_terms *terms, struct engram_error *err)
{
	uint32_t doc;
	int r;

	eng_arena_reset(apart);
	r = read_item(s, i, item, apart, scratch, terms, err);
	if (r < 0)
		return r;
	eng_item_as_of(item, s->as_of_us);
	if (only_forgets(item)) {
		item->ndots = 0;
		return 0;
	}
	r = load_item(s, i, item, &doc, &s->arena, err);
	if (r == 0)
		r = eng_raw_apply(&s->view.raw, i, item, err);
	if (r == 0)
		eng_item_as_of(item, s->as_of_us);
	return r;
}
static int add_doc(struct eng_snapshot *s, const struct eng_item *item, struct eng_buf *scratch,
                   struct engram_error *err)
{
	struct eng_overlay_doc *d = &s->raw[s->nraw];
	struct engram_str text;
	int r;

	if (item->ndots == 0)
		return 0;
	*d = (struct eng_overlay_doc){.item = *item};
	r = eng_item_read(&d->item, &d->reading, err);
	if (r == 0)
		r = eng_doc_of(&d->doc, &d->item, &d->reading, err);
	if (r < 0 || !d->doc.live)
		return r;
	s->nraw++;
	if (!(s->flags & (ENG_SNAP_TERMS | ENG_SNAP_ROWS)) || d->doc.text.dot.seq == 0 || d->doc.text_p)
		return 0;
	/* The text stands in a frame that is applied: only another field is new. */
	r = eng_text_load(&text, scratch, s->view.space, &d->doc.text, err);
	if (r < 0)
		return r;
	d->doc.text_p = eng_arena_dup(&s->arena, text.p, text.n);
	return d->doc.text_p ? 0 : eng_err_nomem(err);
}

static int take_terms(struct eng_snapshot *s, struct engram_error *err)
{
	for (size_t i = 0; i < s->nraw; i++) {
		struct eng_overlay_doc *d = &s->raw[i];
		if (!d->doc.text_p)
			continue;
		if (eng_terms_of(&d->terms, (const char *)d->doc.text_p, d->doc.text.n) < 0)
			return eng_err_nomem(err);
		d->doc.brief.tokens = d->terms.tokens;
		s->raw_tokens += d->terms.tokens;
		if (eng_dfmap_add(&s->df, &d->terms, 1) < 0)
			return eng_err_nomem(err);
	}
	return 0;
}

/* One block of rows for all of the overlay. */
static int take_rows(struct eng_snapshot *s, struct engram_error *err)
{
	const uint32_t stride = ENG_VEC_STRIDE(ENG_HASH1_DIM), n = (uint32_t)s->nraw;
	uint8_t *p = eng_arena_calloc(&s->arena, (size_t)n * stride + 64, 1);
	uint32_t *r = eng_arena_calloc(&s->arena, n + 1u, sizeof *r);
	int32_t *sum = eng_arena_calloc(&s->arena, n + 1u, sizeof *sum);
	uint32_t *doc = eng_arena_calloc(&s->arena, n + 1u, sizeof *doc);
	int8_t *codes;

	if (!p || !r || !sum || !doc)
		return eng_err_nomem(err);
	codes = (int8_t *)(p + (-(uintptr_t)p & 63));
	for (uint32_t i = 0; i < n; i++) {
		const struct eng_doc *d = &s->raw[i].doc;
		int8_t *row = codes + (size_t)i * stride;
		doc[i] = ENG_DOC_RAW + i;
		if (!d->text_p || !eng_hash1(row, (const char *)d->text_p, d->text.n, NULL))
			continue;
		r[i] = eng_vec_norm(row, stride);
		sum[i] = eng_vec_sum(row, stride);
	}
	s->rows = (struct eng_rows){codes, r, sum, doc, n, stride};
	return 0;
}

static int by_stored(const void *a, const void *b)
{
	const struct eng_overlay_doc *x = a, *y = b;

	if (x->doc.brief.stored_us != y->doc.brief.stored_us)
		return x->doc.brief.stored_us > y->doc.brief.stored_us ? -1 : 1;
	return eng_id_cmp(&x->item.id, &y->item.id);
}

static int by_number(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

bool eng_doc_in(const uint32_t *docs, size_t n, uint32_t doc)
{
	return n && bsearch(&doc, docs, n, sizeof doc, by_number);
}

static void index_docs(struct eng_snapshot *s)
{
	for (size_t i = 0; i < s->view.raw.nids; i++)
		s->raw_of[i] = -1;
	if (s->nraw)
		qsort(s->raw, s->nraw, sizeof *s->raw, by_stored);
	if (s->nmasked)
		qsort(s->masked, s->nmasked, sizeof *s->masked, by_number);
	for (size_t i = 0; i < s->nraw; i++)
		s->raw_of[eng_raw_find(&s->view.raw, &s->raw[i].item.id)] = (int32_t)i;
}

static int read_items(struct eng_snapshot *s, struct engram_error *err)
{
	struct eng_arena apart = ENG_ARENA_INIT;
	struct eng_buf scratch = ENG_BUF_INIT;
	struct eng_terms terms = {0};
	int r = 0;

	for (size_t i = 0; r == 0 && i < s->view.raw.nids; i++) {
		struct eng_item item;
		r = s->as_of_us < INT64_MAX ? read_item_then(s, i, &item, &apart, &scratch, &terms, err)
		                            : read_item(s, i, &item, &s->arena, &scratch, &terms, err);
		if (r == 0)
			r = add_doc(s, &item, &scratch, err);
	}
	eng_arena_free(&apart);
	eng_terms_free(&terms);
	eng_buf_free(&scratch);
	return r;
}

int eng_overlay_build(struct eng_snapshot *s, struct engram_error *err)
{
	size_t n = s->view.raw.nids + 1;
	int r;

	s->raw = eng_calloc(n, sizeof *s->raw);
	s->raw_of = eng_alloc(n * sizeof *s->raw_of);
	s->masked = eng_alloc(n * sizeof *s->masked);
	if (!s->raw || !s->raw_of || !s->masked)
		return eng_err_nomem(err);
	r = read_items(s, err);
	if (r < 0)
		return r;
	index_docs(s);
	if (s->flags & ENG_SNAP_TERMS)
		r = take_terms(s, err);
	eng_dfmap_sort(&s->df);
	if (r == 0 && s->flags & ENG_SNAP_ROWS)
		r = take_rows(s, err);
	return r;
}

void eng_overlay_free(struct eng_snapshot *s)
{
	for (size_t i = 0; i < s->nraw; i++)
		eng_terms_free(&s->raw[i].terms);
	eng_free(s->raw);
	eng_free(s->raw_of);
	eng_free(s->masked);
	eng_dfmap_free(&s->df);
}
