/* apply_item.c - one batch of frames into the tables, in one transaction.
 *
 * For every id the batch is about: the item as it was, what the tables hold of
 * it; the item with the new frames, what they shall hold; and the difference
 * is written.  What is the same for many ids (document frequencies, digest
 * sums, briefs, rows) is gathered in memory and written once, in key order.
 *
 * The tables depend only on the set of frames: no running total is kept that
 * could not be recomputed, and --check recomputes all of them. */
#include "space/space_int.h"

#include <stdlib.h>

#include "base/alloc.h"

struct brief_change {
	uint32_t doc;
	struct eng_brief brief;
};

struct order_change {
	uint8_t key[ENG_ORDER_KEY];
	uint32_t doc;
	bool leaves;
};

struct batch {
	struct engram_space *space;
	const struct eng_raw *raw;
	struct eng_txn *txn;
	struct eng_meta meta;
	struct eng_arena item; /* of the item at hand */
	struct eng_arena *keep; /* codes and texts, until the text view has them */
	eng_u128 *digest;      /* ENG_DIGEST_BUCKETS differences */
	struct eng_dfmap df;
	struct brief_change *briefs;
	struct order_change *order; /* two an id at most */
	struct eng_row_change *rows;
	struct eng_vector_batch vectors;
	struct eng_fresh_text *fresh;
	struct eng_forget_change *forgets; /* ascending */
	size_t nbriefs, norder, nrows, nfresh, nforgets;
	struct eng_buf value, old_text, new_text;
	struct eng_terms old_terms;
	struct eng_lexicon *lexicon;
	struct eng_document document;
};

/* An id of the batch, before and after. */
struct step {
	struct eng_item item;
	struct eng_doc old, new;
	uint32_t old_doc, doc;
	uint32_t old_tokens, tokens;
};

/* -- document frequencies ------------------------------------------------------------ */

static int df_write(struct batch *b, struct engram_error *err)
{
	eng_dfmap_sort(&b->df);
	for (size_t i = 0; i < b->df.n; i++) {
		struct eng_bytes key = eng_bytes(&b->df.at[i].stem, sizeof b->df.at[i].stem), value;
		uint32_t df = 0;
		if (eng_txn_get(b->txn, ENG_T_DF, key, &value) == 1 && value.n == sizeof df)
			memcpy(&df, value.p, sizeof df);
		df += (uint32_t)b->df.at[i].count;
		if (df)
			eng_txn_put(b->txn, ENG_T_DF, key, eng_bytes(&df, sizeof df));
		else
			eng_txn_del(b->txn, ENG_T_DF, key);
	}
	return eng_txn_status(b->txn, err);
}

/* -- one id ---------------------------------------------------------------------------- */

bool eng_state_brief(struct eng_brief *out, struct eng_txn *t, uint32_t doc)
{
	uint32_t chunk = doc / ENG_BRIEF_CHUNK;
	struct eng_bytes value;

	if (eng_txn_get(t, ENG_T_BRIEF, eng_bytes(&chunk, sizeof chunk), &value) != 1 ||
	    value.n != ENG_BRIEF_CHUNK * ENG_BRIEF_SIZE)
		return false;
	eng_brief_decode(out, (const uint8_t *)value.p + (size_t)(doc % ENG_BRIEF_CHUNK) * ENG_BRIEF_SIZE);
	return true;
}

static int digest_add(struct batch *b, const struct eng_item *item, bool subtract, struct engram_error *err)
{
	eng_u128 sum, *bucket = &b->digest[eng_digest_bucket(&item->id)];
	int r = eng_item_digest(item, &sum, err);

	if (r == 0)
		*bucket += subtract ? -sum : sum;
	return r;
}

static int load_old(struct batch *b, struct step *s, const struct engram_id *id, struct engram_error *err)
{
	struct eng_bytes value;
	struct eng_brief brief;
	int r = eng_txn_get(b->txn, ENG_T_ITEMS, eng_bytes(id->b, sizeof id->b), &value);

	*s = (struct step){.old_doc = ENG_NO_DOC, .doc = ENG_NO_DOC};
	eng_item_init(&s->item, id, &b->item);
	if (r < 0)
		return eng_txn_status(b->txn, err);
	if (r == 0)
		return 0;
	r = eng_item_load(&s->item, &s->old_doc, id, value, &b->item, err);
	if (r == 0)
		r = digest_add(b, &s->item, true, err);
	if (r == 0)
		r = eng_doc_read(&s->old, &s->item, err);
	if (r < 0 || s->old_doc == ENG_NO_DOC)
		return r;
	if (!s->old.live || !eng_state_brief(&brief, b->txn, s->old_doc) || !brief.live)
		return eng_err(err, ENGRAM_EDAMAGED, "state: document %u and its item do not agree", s->old_doc);
	s->old_tokens = brief.tokens;
	return 0;
}

static int text_of(struct engram_str *out, struct eng_buf *scratch, struct batch *b, const struct eng_doc *d,
                   struct engram_error *err)
{
	*out = (struct engram_str){0};
	if (!d->live || d->text.dot.seq == 0)
		return 0;
	if (d->text_p) {
		*out = (struct engram_str){(const char *)d->text_p, d->text.n};
		return 0;
	}
	return eng_text_load(out, scratch, b->space, &d->text, err);
}

static bool same_place(const struct eng_text_at *a, const struct eng_text_at *b)
{
	return a->dot.seq == b->dot.seq && a->element == b->element &&
	       (a->dot.seq == 0 || eng_series_cmp(&a->dot.series, &b->dot.series) == 0);
}

/* The old text leaves: its words, and (for the text view) where it can be read. */
static int text_leaves(struct batch *b, struct step *s, struct engram_str text, struct engram_error *err)
{
	struct eng_change c = {s->old_doc, s->old.text};
	uint8_t record[ENG_CHANGE_SIZE];

	if (!text.p)
		return 0;
	if (eng_terms_of(&b->old_terms, text.p, text.n) < 0)
		return eng_err_nomem(err);
	b->meta.tokens -= s->old_tokens;
	b->meta.changes++;
	eng_change_encode(record, &c);
	eng_txn_put(b->txn, ENG_T_CHANGES, eng_bytes(&b->meta.changes, sizeof b->meta.changes),
	            eng_bytes(record, sizeof record));
	return eng_dfmap_add(&b->df, &b->old_terms, -1) < 0 ? eng_err_nomem(err) : 0;
}

/* codes NULL: the document has no vector (any more). */
static int set_row(struct batch *b, uint32_t doc, const int8_t *codes, struct engram_error *err)
{
	int8_t *copy = codes ? eng_arena_dup(b->keep, codes, ENG_HASH1_DIM) : NULL;

	if (codes && !copy)
		return eng_err_nomem(err);
	b->rows[b->nrows++] = (struct eng_row_change){doc, doc, copy};
	return 0;
}

/* The words of a new document wait for the text view, which need not look for
 * them again; nor for those of a document without text. */
static int keep_stems(struct batch *b, uint32_t doc, bool text, struct engram_error *err)
{
	const struct eng_document *d = &b->document;
	struct eng_fresh_text fresh = {.doc = doc, .text = text, .tokens = d->terms.tokens};

	if (text && eng_arena_str(b->keep, &fresh.stems, (struct engram_str){(const char *)d->stems.p, d->stems.n}) < 0)
		return eng_err_nomem(err);
	b->fresh[b->nfresh++] = fresh;
	return 0;
}

static int text_arrives(struct batch *b, struct step *s, struct engram_str text, struct engram_error *err)
{
	struct eng_document *d = &b->document;
	bool fresh = !s->old.live && !b->space->text_later;
	int r = 0;

	if (!text.p && s->old.live) /* a document that is new has no row to be emptied */
		r = set_row(b, s->doc, NULL, err);
	if (!text.p)
		return r == 0 && fresh ? keep_stems(b, s->doc, false, err) : r;
	if (eng_document(d, b->lexicon, text.p, text.n) < 0)
		return eng_err_nomem(err);
	s->tokens = d->terms.tokens;
	b->meta.tokens += s->tokens;
	r = set_row(b, s->doc, d->row ? d->codes : NULL, err);
	if (r == 0 && eng_dfmap_add(&b->df, &d->terms, 1) < 0)
		r = eng_err_nomem(err);
	return r == 0 && fresh ? keep_stems(b, s->doc, true, err) : r;
}

static int move_text(struct batch *b, struct step *s, struct engram_error *err)
{
	struct engram_str old = {0}, new = {0};
	int r;

	s->tokens = s->old_tokens;
	if (s->old.live && s->new.live && same_place(&s->old.text, &s->new.text))
		return 0;
	r = text_of(&old, &b->old_text, b, &s->old, err);
	if (r == 0)
		r = text_of(&new, &b->new_text, b, &s->new, err);
	/* Stored again: another frame, the same words. */
	if (r < 0 || (old.p && new.p && eng_str_eq(old, new)))
		return r;
	r = text_leaves(b, s, old, err);
	s->tokens = 0;
	if (r == 0 && s->new.live)
		r = text_arrives(b, s, new, err);
	else if (r == 0 && s->old.live)
		r = set_row(b, s->old_doc, NULL, err);
	return r;
}

static void change_order(struct batch *b, const uint8_t key[ENG_ORDER_KEY], uint32_t doc, bool leaves)
{
	struct order_change *c = &b->order[b->norder++];

	memcpy(c->key, key, sizeof c->key);
	c->doc = doc;
	c->leaves = leaves;
}

static void move_order(struct batch *b, const struct step *s)
{
	uint8_t old[ENG_ORDER_KEY], new[ENG_ORDER_KEY];
	bool same;

	eng_order_key(old, s->old.brief.stored_us, &s->item.id);
	eng_order_key(new, s->new.brief.stored_us, &s->item.id);
	same = s->old.live && s->new.live && s->old_doc == s->doc && memcmp(old, new, sizeof old) == 0;
	if (s->old.live && !same)
		change_order(b, old, s->old_doc, true);
	if (s->new.live && !same)
		change_order(b, new, s->doc, false);
}

static bool has_tag(const struct eng_doc *d, struct engram_str tag)
{
	for (size_t i = 0; d->live && i < d->ntags; i++)
		if (eng_str_eq(d->tags[i], tag))
			return true;
	return false;
}

static void move_tags(struct batch *b, const struct step *s)
{
	uint8_t key[ENG_TAG_KEY_MAX];
	size_t n;

	for (size_t i = 0; s->old.live && i < s->old.ntags; i++) {
		if (has_tag(&s->new, s->old.tags[i]))
			continue;
		n = eng_tag_key(key, s->old.tags[i], s->old_doc);
		eng_txn_del(b->txn, ENG_T_TAGS, eng_bytes(key, n));
	}
	for (size_t i = 0; s->new.live && i < s->new.ntags; i++) {
		if (has_tag(&s->old, s->new.tags[i]))
			continue;
		n = eng_tag_key(key, s->new.tags[i], s->doc);
		eng_txn_put(b->txn, ENG_T_TAGS, eng_bytes(key, n), eng_bytes("", 0));
	}
}

static void move_brief(struct batch *b, struct step *s)
{
	if (!s->old.live && !s->new.live)
		return;
	s->new.brief.tokens = s->tokens;
	b->briefs[b->nbriefs++] = (struct brief_change){
		.doc = s->new.live ? s->doc : s->old_doc,
		.brief = s->new.live ? s->new.brief : (struct eng_brief){.live = 0},
	};
	b->meta.live += (uint64_t)s->new.live - (uint64_t)s->old.live;
}

static int take_id(struct batch *b, size_t i, struct engram_error *err)
{
	const struct engram_id *id = &b->raw->ids[i].id;
	eng_stamp forgotten;
	struct step s;
	int r;

	eng_arena_reset(&b->item);
	r = load_old(b, &s, id, err);
	forgotten = r == 0 ? eng_item_forgotten(&s.item) : 0;
	if (r == 0)
		r = eng_raw_apply_kept(b->raw, i, &s.item, err);
	b->meta.unpurged += r == 0 && eng_item_forgotten(&s.item) != 0;
	if (r == 0 && eng_item_forgotten(&s.item) != forgotten)
		b->forgets[b->nforgets++] = (struct eng_forget_change){*id, forgotten, eng_item_forgotten(&s.item)};
	if (r == 0)
		r = digest_add(b, &s.item, false, err);
	if (r == 0)
		r = eng_doc_read(&s.new, &s.item, err);
	if (r < 0)
		return r;
	if (s.new.live)
		s.doc = s.old.live ? s.old_doc : b->meta.docs++;
	r = move_text(b, &s, err);
	if (r == 0)
		r = eng_vectors_move(&b->vectors, b->space, b->txn, b->keep, s.new.live ? s.doc : s.old_doc, &s.old,
		                     &s.new, err);
	if (r < 0)
		return r;
	move_order(b, &s);
	move_tags(b, &s);
	move_brief(b, &s);
	r = eng_item_value(&b->value, &s.item, s.doc, err);
	if (r == 0)
		eng_txn_put(b->txn, ENG_T_ITEMS, eng_bytes(id->b, sizeof id->b), eng_bytes(b->value.p, b->value.n));
	return r;
}

/* -- what was gathered ------------------------------------------------------------------- */

static int by_brief(const void *a, const void *b)
{
	const struct brief_change *x = a, *y = b;

	return (x->doc > y->doc) - (x->doc < y->doc);
}

static int by_row(const void *a, const void *b)
{
	const struct eng_row_change *x = a, *y = b;

	return (x->place > y->place) - (x->place < y->place);
}

/* Of one key what leaves first. */
static int by_order(const void *a, const void *b)
{
	const struct order_change *x = a, *y = b;
	int c = memcmp(x->key, y->key, sizeof x->key);

	return c ? c : y->leaves - x->leaves;
}

/* Items come by id, their times in any order: sorted, they go to the end of the tree. */
static void write_order(struct batch *b)
{
	if (b->norder)
		qsort(b->order, b->norder, sizeof *b->order, by_order);
	for (size_t i = 0; i < b->norder; i++) {
		struct order_change *c = &b->order[i];
		struct eng_bytes key = eng_bytes(c->key, sizeof c->key);
		if (c->leaves)
			eng_txn_del(b->txn, ENG_T_ORDER, key);
		else
			eng_txn_put(b->txn, ENG_T_ORDER, key, eng_bytes(&c->doc, sizeof c->doc));
	}
}

static int write_briefs(struct batch *b, struct engram_error *err)
{
	const size_t size = ENG_BRIEF_CHUNK * ENG_BRIEF_SIZE;
	uint8_t *p = eng_alloc(size);

	if (!p)
		return eng_err_nomem(err);
	if (b->nbriefs)
		qsort(b->briefs, b->nbriefs, sizeof *b->briefs, by_brief);
	for (size_t i = 0; i < b->nbriefs;) {
		uint32_t chunk = b->briefs[i].doc / ENG_BRIEF_CHUNK;
		struct eng_bytes key = eng_bytes(&chunk, sizeof chunk), old;
		memset(p, 0, size);
		if (eng_txn_get(b->txn, ENG_T_BRIEF, key, &old) == 1 && old.n == size)
			memcpy(p, old.p, size);
		for (; i < b->nbriefs && b->briefs[i].doc / ENG_BRIEF_CHUNK == chunk; i++)
			eng_brief_encode(p + (size_t)(b->briefs[i].doc % ENG_BRIEF_CHUNK) * ENG_BRIEF_SIZE,
			                 &b->briefs[i].brief);
		eng_txn_put(b->txn, ENG_T_BRIEF, key, eng_bytes(p, size));
	}
	eng_free(p);
	return eng_txn_status(b->txn, err);
}

static void write_digest(struct batch *b)
{
	uint8_t p[ENG_DIGEST_CHUNK * 16];

	for (uint32_t chunk = 0; chunk < ENG_DIGEST_BUCKETS / ENG_DIGEST_CHUNK; chunk++) {
		const eng_u128 *delta = b->digest + chunk * ENG_DIGEST_CHUNK;
		struct eng_bytes key = eng_bytes(&chunk, sizeof chunk), old;
		eng_u128 any = 0;
		for (unsigned i = 0; i < ENG_DIGEST_CHUNK; i++)
			any |= delta[i];
		if (any == 0)
			continue;
		memset(p, 0, sizeof p);
		if (eng_txn_get(b->txn, ENG_T_DIGEST, key, &old) == 1 && old.n == sizeof p)
			memcpy(p, old.p, sizeof p);
		for (unsigned i = 0; i < ENG_DIGEST_CHUNK; i++)
			eng_u128_encode(p + 16 * i, eng_u128_decode(p + 16 * i) + delta[i]);
		eng_txn_put(b->txn, ENG_T_DIGEST, key, eng_bytes(p, sizeof p));
	}
}

static void write_heads(struct batch *b)
{
	uint8_t record[ENG_HEAD_SIZE];

	for (size_t i = 0; i < b->raw->nheads; i++) {
		const struct eng_head *h = &b->raw->heads[i];
		if (h->seq == h->base)
			continue;
		eng_head_encode(record, h);
		eng_txn_put(b->txn, ENG_T_HEADS, eng_bytes(h->series.b, sizeof h->series.b),
		            eng_bytes(record, sizeof record));
	}
}

static void write_facts(struct batch *b)
{
	uint8_t key[ENG_FACT_KEY];

	for (size_t i = 0; i < b->raw->nfacts; i++) {
		eng_fact_key(key, &b->raw->facts[i]);
		eng_txn_put(b->txn, ENG_T_SERIES, eng_bytes(key, sizeof key), eng_bytes("", 0));
	}
}

static void write_meta(struct batch *b)
{
	uint8_t record[ENG_META_SIZE];

	if (b->raw->stamp > b->meta.stamp)
		b->meta.stamp = b->raw->stamp;
	eng_meta_encode(record, &b->meta);
	eng_txn_put(b->txn, ENG_T_META, eng_bytes("meta", 4), eng_bytes(record, sizeof record));
}

/* Rows in the order of documents. */
static int write_rows(struct batch *b, struct engram_error *err)
{
	int r;

	if (b->nrows)
		qsort(b->rows, b->nrows, sizeof *b->rows, by_row);
	r = eng_rows_write(b->txn, &eng_hash1_rows, b->rows, b->nrows, b->meta.docs, err);
	return r == 0 && b->meta.view ? eng_nodes_mask(b->txn, ENG_NODES_HASH1, b->rows, b->nrows, err) : r;
}

static int write_gathered(struct batch *b, struct engram_error *err)
{
	int r = df_write(b, err);

	if (r == 0)
		r = write_briefs(b, err);
	if (r == 0)
		r = write_rows(b, err);
	if (r == 0)
		r = eng_vectors_write(&b->vectors, b->txn, err);
	if (r < 0)
		return r;
	write_order(b);
	write_digest(b);
	write_heads(b);
	write_facts(b);
	write_meta(b);
	return 0;
}

/* -- the batch ------------------------------------------------------------------------------ */

struct sorted_id {
	struct engram_id id;
	uint32_t at;
};

static int by_id(const void *a, const void *b)
{
	return eng_id_cmp(a, b);
}

/* The frames of a batch do not fit any cache, and ids lead to them in no order: the
 * processor is told of the next ones while it works on this one. */
static void fetch_ahead(const struct eng_raw *raw, const struct sorted_id *order, size_t n, size_t i)
{
	enum { FRAME_AHEAD = 8, PAYLOAD_AHEAD = 4, LINE = 64, LINES = 3 };
	const struct eng_raw_id *id;

	if (raw->apart) {
		id = i + PAYLOAD_AHEAD < n ? &raw->ids[order[i + PAYLOAD_AHEAD].at] : NULL;
		for (unsigned k = 0; id && id->first != UINT32_MAX && k < LINES; k++)
			__builtin_prefetch((const char *)&raw->dots[raw->links[id->first].frame] + k * LINE);
		return;
	}
	if (i + FRAME_AHEAD < n) {
		id = &raw->ids[order[i + FRAME_AHEAD].at];
		if (id->first != UINT32_MAX)
			__builtin_prefetch(&raw->frames[raw->links[id->first].frame]);
	}
	if (i + PAYLOAD_AHEAD < n) {
		id = &raw->ids[order[i + PAYLOAD_AHEAD].at];
		for (unsigned k = 0; id->first != UINT32_MAX && k < LINES; k++)
			__builtin_prefetch(raw->frames[raw->links[id->first].frame].payload + k * LINE);
	}
}

/* In id order: neighbouring items lie on one page of the tree. */
static int take_ids(struct batch *b, struct engram_error *err)
{
	size_t n = b->raw->nids;
	struct sorted_id *order = eng_alloc((n + 1) * sizeof *order);
	int r = 0;

	if (!order)
		return eng_err_nomem(err);
	for (size_t i = 0; i < n; i++)
		order[i] = (struct sorted_id){b->raw->ids[i].id, (uint32_t)i};
	if (n)
		qsort(order, n, sizeof *order, by_id);
	for (size_t i = 0; r == 0 && i < n; i++) {
		fetch_ahead(b->raw, order, n, i);
		r = take_id(b, order[i].at, err);
	}
	eng_free(order);
	return r;
}

static int alloc_batch(struct batch *b, struct engram_error *err)
{
	size_t n = b->raw->nids + 1;

	b->digest = eng_calloc(ENG_DIGEST_BUCKETS, sizeof *b->digest);
	b->briefs = eng_alloc(n * sizeof *b->briefs);
	b->order = eng_alloc(2 * n * sizeof *b->order);
	b->rows = eng_alloc(n * sizeof *b->rows);
	b->fresh = eng_alloc(n * sizeof *b->fresh);
	b->forgets = eng_alloc(n * sizeof *b->forgets);
	b->lexicon = eng_lexicon_new(b->raw->nids);
	if (!b->digest || !b->briefs || !b->order || !b->rows || !b->fresh || !b->forgets || !b->lexicon)
		return eng_err_nomem(err);
	return 0;
}

static void free_batch(struct batch *b)
{
	eng_free(b->digest);
	eng_free(b->briefs);
	eng_free(b->order);
	eng_free(b->rows);
	eng_free(b->fresh);
	eng_free(b->forgets);
	eng_vectors_free(&b->vectors);
	eng_dfmap_free(&b->df);
	eng_buf_free(&b->value);
	eng_buf_free(&b->old_text);
	eng_buf_free(&b->new_text);
	eng_terms_free(&b->old_terms);
	eng_document_free(&b->document);
	eng_lexicon_free(b->lexicon);
	eng_arena_free(&b->item);
}

int eng_batch_apply(struct engram_space *s, struct eng_gen *g, struct eng_raw *raw,
                    struct eng_fresh_text **fresh, size_t *nfresh, struct eng_arena *keep, struct engram_error *err)
{
	struct batch b = {.space = s, .raw = raw, .item = ENG_ARENA_INIT, .keep = keep};
	int r = alloc_batch(&b, err);

	if (s->written && raw == &s->written->raw)
		b.vectors.written = s->written;
	if (r == 0)
		r = eng_txn_begin(&b.txn, g->store, true, err);
	if (r == 0)
		r = eng_meta_load(&b.meta, b.txn, &s->id, err);
	if (r == 0)
		r = take_ids(&b, err);
	if (r == 0)
		r = eng_edges_exchange(b.txn, raw, b.forgets, b.nforgets, b.digest, &b.meta.unpurged, err);
	if (r == 0)
		r = eng_skips_write(s, b.txn, raw, &b.meta.unpurged, err);
	if (r == 0)
		r = write_gathered(&b, err);
	if (r == 0) {
		r = eng_txn_commit(b.txn, err);
		b.txn = NULL;
	}
	eng_txn_abort(b.txn);
	if (r == 0) {
		*fresh = b.fresh;
		*nfresh = b.nfresh;
		b.fresh = NULL;
	}
	free_batch(&b);
	return r;
}
