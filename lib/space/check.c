/* check.c - is what was derived what the log says?
 *
 * First the log itself, every byte (log/).  Then, under the apply lock, so that
 * nothing moves:
 *
 *   A  log -> items, edges: every frame up to the heads is a dot of the items of
 *      its subjects, or of the edges it speaks of, byte for byte; together with
 *      their number that is equality
 *   B  items -> tables: each item is read again, and briefs, vectors, order,
 *      tags, frequencies, sums and counts are compared with what it gives
 *   C  tables -> text view: it holds the documents that it says it holds
 *
 * The derived part is read by a child process: one flipped bit in a page header
 * made LMDB leave its map in 15 of 250 checks.  A child that dies is a difference.
 *
 * No second state is built, so memory is bounded by the vocabulary and a bit
 * a document, and a read-only medium can be checked.  Derived differences are
 * counted and the first is named; they are mended by a rebuild. */
#include "space/space_int.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/alloc.h"

struct check {
	struct engram_space *s;
	const struct eng_job *job;
	struct eng_view view;
	struct eng_arena arena;
	struct eng_buf a, b, text;
	struct eng_terms terms;
	struct eng_dfmap df;
	eng_u128 *buckets;
	uint8_t *has_text; /* a bit a document */
	uint64_t log_dots, item_dots, skips, facts; /* counted in pass A, B; A, A */
	uint64_t log_edges, edge_dots, edges; /* not killed by a forget: in A, B; records in B */
	uint64_t live, tokens, tags, rows;   /* counted in pass B */
	struct eng_vector_check vectors;
	uint64_t differences;
	char first[160];
	char id[ENGRAM_ID_TEXT + 1]; /* the one being written about */
};

ENG_PRINTF(2, 3) static void differ(struct check *c, const char *format, ...)
{
	va_list ap;

	if (c->differences++ > 0)
		return;
	va_start(ap, format);
	vsnprintf(c->first, sizeof c->first, format, ap);
	va_end(ap);
}

static void expect(struct check *c, const char *what, uint64_t wanted, uint64_t found)
{
	if (wanted != found)
		differ(c, "%s: wanted %" PRIu64 ", found %" PRIu64, what, wanted, found);
}

static const char *id_text(struct check *c, const struct engram_id *id)
{
	engram_id_format(c->id, id);
	return c->id;
}

/* 1, 0 where there is none; a value that cannot be decoded is a difference, and 0. */
static int load_item(struct check *c, struct eng_item *item, uint32_t *doc, const struct engram_id *id,
                     struct engram_error *err)
{
	struct engram_error why = {0};
	struct eng_bytes value;
	int r = eng_txn_get(c->view.txn, ENG_T_ITEMS, eng_bytes(id->b, sizeof id->b), &value);

	if (r <= 0)
		return r < 0 ? eng_txn_status(c->view.txn, err) : 0;
	r = eng_item_load(item, doc, id, value, &c->arena, &why);
	if (r == ENGRAM_ENOMEM)
		return eng_err_nomem(err);
	if (r < 0) {
		differ(c, "%s", why.message);
		return 0;
	}
	return 1;
}

/* -- A: log -> items ------------------------------------------------------------------ */

static struct eng_dot_record *find_dot(const struct eng_item *item, const struct eng_dot_record *d)
{
	for (size_t i = 0; i < item->ndots; i++)
		if (item->dots[i].dot.seq == d->dot.seq &&
		    eng_series_cmp(&item->dots[i].dot.series, &d->dot.series) == 0)
			return &item->dots[i];
	return NULL;
}

/* One dot, as the state would hold it. */
static int encode_dot(struct eng_buf *b, const struct eng_item *item, struct eng_dot_record *dot,
                      struct engram_error *err)
{
	struct eng_item one = {.id = item->id, .dots = dot, .ndots = 1, .cap = 1, .arena = item->arena};

	eng_buf_reset(b);
	return eng_item_encode(&one, b, err);
}

static int compare_dot(struct check *c, const struct eng_frame *f, const struct engram_id *id, struct engram_error *err)
{
	struct eng_item item, fresh;
	struct eng_dot_record *dot;
	uint32_t doc;
	bool changed;
	int r;

	eng_arena_reset(&c->arena);
	c->log_dots++;
	r = load_item(c, &item, &doc, id, err);
	if (r < 0)
		return r;
	eng_item_init(&fresh, id, &c->arena);
	if (eng_item_add(&fresh, &changed, f, true, err) < 0 || fresh.ndots != 1)
		return 0;
	dot = r == 1 ? find_dot(&item, &fresh.dots[0]) : NULL;
	if (!dot) {
		differ(c, "item %s: frame %" PRIu64 " is missing", id_text(c, id), f->h.seq);
		return 0;
	}
	if (fresh.dots[0].stub && !dot->stub) /* a compaction was cut short: it will go on */
		return 0;
	r = encode_dot(&c->a, &item, dot, err);
	if (r == 0)
		r = encode_dot(&c->b, &fresh, &fresh.dots[0], err);
	if (r == 0 && (c->a.n != c->b.n || memcmp(c->a.p, c->b.p, c->a.n) != 0))
		differ(c, "item %s: frame %" PRIu64 " is kept as something else", id_text(c, id), f->h.seq);
	return r;
}

static int compare_frame(struct check *c, const struct eng_frame *f, struct engram_error *err)
{
	struct eng_prelude p;
	int r = eng_prelude_decode(&p, f->payload, f->h.payload_len, err);

	for (unsigned i = 0; r == 0 && i < p.nsubjects; i++) {
		struct engram_id id = eng_prelude_subject(&p, i);
		r = compare_dot(c, f, &id, err);
	}
	return r;
}

/* When an end of the edge was last forgotten. */
static int forgotten_of(struct check *c, eng_stamp *out, const struct eng_edge_key *key, struct engram_error *err)
{
	const struct engram_id *ends[2] = {&key->from, &key->to};
	struct eng_item item;
	uint32_t doc;
	int r = 0;

	*out = 0;
	for (unsigned i = 0; r >= 0 && i < 2; i++) {
		r = load_item(c, &item, &doc, ends[i], err);
		if (r == 1 && eng_item_forgotten(&item) > *out)
			*out = eng_item_forgotten(&item);
	}
	return r < 0 ? r : 0;
}

/* One dot of an edge, as the state would hold it. */
static int encode_edge_dot(struct eng_buf *b, const struct eng_edge *e, struct eng_edge_dot *dot,
                           struct engram_error *err)
{
	struct eng_edge one = {.key = e->key, .dots = dot, .ndots = 1, .cap = 1, .arena = e->arena};

	eng_buf_reset(b);
	return eng_edge_encode(&one, b, err);
}

static int compare_edge_dot(struct check *c, const struct eng_edge_key *key, struct eng_edge_dot *wanted,
                            struct engram_error *err)
{
	struct eng_edge_dot *found = NULL;
	struct eng_edge e;
	int r = eng_edge_load(&e, c->view.txn, key, &c->arena, err);

	for (size_t i = 0; r == 1 && i < e.ndots; i++)
		if (eng_edge_dot_order(&e.dots[i], wanted) == 0)
			found = &e.dots[i];
	if (r >= 0 && !found)
		differ(c, "edge from %s: frame %" PRIu64 " is missing", id_text(c, &key->from), wanted->dot.seq);
	if (r < 0 || !found)
		return r < 0 ? r : 0;
	r = encode_edge_dot(&c->a, &e, found, err);
	if (r == 0)
		r = encode_edge_dot(&c->b, &e, wanted, err);
	if (r == 0 && (c->a.n != c->b.n || memcmp(c->a.p, c->b.p, c->a.n) != 0))
		differ(c, "edge from %s: frame %" PRIu64 " is kept as something else", id_text(c, &key->from),
		       wanted->dot.seq);
	return r;
}

/* What a forget killed may be there or be purged. */
static int compare_edges(struct check *c, const struct eng_frame *f, struct engram_error *err)
{
	struct eng_edge_frame frame;
	struct eng_edge_key key;
	struct eng_edge_dot dot;
	eng_stamp forgotten;
	int r;

	eng_arena_reset(&c->arena);
	r = eng_edge_frame_begin(&frame, f, &c->arena, err);
	while (r == 0 && eng_edge_frame_next(&frame, &key, &dot)) {
		r = forgotten_of(c, &forgotten, &key, err);
		if (r < 0 || dot.stamp <= forgotten)
			continue;
		c->log_edges++;
		r = compare_edge_dot(c, &key, &dot, err);
	}
	return r;
}

static int compare_fact(struct check *c, const struct eng_fact *fact, struct engram_error *err)
{
	uint8_t key[ENG_FACT_KEY];
	struct eng_bytes value;

	c->facts++;
	eng_fact_key(key, fact);
	if (eng_txn_get(c->view.txn, ENG_T_SERIES, eng_bytes(key, sizeof key), &value) == 0)
		differ(c, "series: what frame %" PRIu64 " says of one is missing", fact->dot.seq);
	return eng_txn_status(c->view.txn, err);
}

static int compare_series(struct check *c, const struct eng_head *head, struct engram_error *err)
{
	struct eng_cursor *cursor = NULL;
	struct eng_frame f = {.h.seq = 0};
	struct eng_fact fact;
	int r = eng_cursor_open(&cursor, c->s->log, &head->series, 0, head->seq, NULL, err);

	while (r == 0 && (r = eng_cursor_next(cursor, &f, err)) == 1) {
		if (eng_is_item_frame(&f))
			r = compare_frame(c, &f, err);
		else if (eng_fact_of(&fact, &f))
			r = compare_fact(c, &fact, err);
		else if (eng_known_kind(&f.h))
			r = compare_edges(c, &f, err);
		else
			r = 0, c->skips++;
		if (r == 0)
			r = eng_job_progress(c->job, "check items", f.h.seq, head->seq, err);
	}
	if (r == 0 && (f.h.seq != head->seq || f.h.header_check != head->header_check || f.h.stamp != head->stamp))
		differ(c, "head: wanted frame %" PRIu64 " to be the last applied, found another there", head->seq);
	eng_cursor_close(cursor);
	return r;
}

/* -- B: items -> tables ------------------------------------------------------------------ */

static void check_brief(struct check *c, const struct eng_doc *d, uint32_t doc, uint32_t tokens)
{
	uint8_t wanted[ENG_BRIEF_SIZE], found[ENG_BRIEF_SIZE];
	struct eng_brief brief = d->brief, stored;

	brief.tokens = tokens;
	eng_brief_encode(wanted, &brief);
	if (!eng_state_brief(&stored, c->view.txn, doc)) {
		differ(c, "item %s: document %" PRIu32 " has no brief", id_text(c, &d->brief.id), doc);
		return;
	}
	eng_brief_encode(found, &stored);
	if (memcmp(wanted, found, sizeof wanted) != 0)
		differ(c, "item %s: its brief differs", id_text(c, &d->brief.id));
}

static void check_row(struct check *c, const struct eng_doc *d, uint32_t doc, struct engram_str text)
{
	int8_t codes[ENG_HASH1_DIM];
	bool wanted = text.p && eng_hash1(codes, text.p, text.n, NULL), found;
	struct eng_rows rows;
	uint32_t first;

	found = eng_rows_chunk(&rows, &first, c->view.txn, &eng_hash1_rows, doc) && rows.r[doc - first] != 0;
	c->rows += wanted;
	if (wanted != found ||
	    (wanted && memcmp(rows.codes + (size_t)(doc - first) * rows.stride, codes, sizeof codes) != 0))
		differ(c, "item %s: its vector differs", id_text(c, &d->brief.id));
}

static void check_keys(struct check *c, const struct eng_doc *d, uint32_t doc)
{
	uint8_t key[ENG_TAG_KEY_MAX];
	struct eng_bytes value;

	eng_order_key(key, d->brief.stored_us, &d->brief.id);
	if (eng_txn_get(c->view.txn, ENG_T_ORDER, eng_bytes(key, ENG_ORDER_KEY), &value) != 1 ||
	    value.n != sizeof doc || memcmp(value.p, &doc, sizeof doc) != 0)
		differ(c, "item %s: its place in the order differs", id_text(c, &d->brief.id));
	for (size_t i = 0; i < d->ntags; i++) {
		size_t n = eng_tag_key(key, d->tags[i], doc);
		if (eng_txn_get(c->view.txn, ENG_T_TAGS, eng_bytes(key, n), &value) != 1)
			differ(c, "item %s: its tag %.*s is not listed", id_text(c, &d->brief.id),
			       (int)(d->tags[i].n < 40 ? d->tags[i].n : 40), d->tags[i].p);
	}
	c->tags += d->ntags;
}

static int check_live(struct check *c, const struct eng_doc *d, uint32_t doc, struct engram_error *err)
{
	struct engram_str text;
	uint32_t tokens = 0;
	int r;

	c->live++;
	if (doc >= c->view.meta.docs) {
		differ(c, "item %s: it is live and has no document", id_text(c, &d->brief.id));
		return 0;
	}
	r = eng_text_load(&text, &c->text, c->s, &d->text, err);
	if (r < 0)
		return r;
	if (text.p) {
		if (eng_terms_of(&c->terms, text.p, text.n) < 0 || eng_dfmap_add(&c->df, &c->terms, 1) < 0)
			return eng_err_nomem(err);
		tokens = c->terms.tokens;
		c->has_text[doc / 8] |= (uint8_t)(1u << doc % 8);
	}
	c->tokens += tokens;
	check_brief(c, d, doc, tokens);
	check_row(c, d, doc, text);
	check_keys(c, d, doc);
	r = eng_vectors_check(&c->vectors, c->s, c->view.txn, doc, d, err);
	if (r > 0)
		differ(c, "item %s: a vector of an embedder differs", id_text(c, &d->brief.id));
	return r < 0 ? r : 0;
}

static int check_item(struct check *c, const struct engram_id *id, struct engram_error *err)
{
	struct eng_item item;
	struct eng_doc d;
	uint32_t doc;
	eng_u128 sum;
	int r;

	eng_arena_reset(&c->arena);
	r = load_item(c, &item, &doc, id, err);
	if (r <= 0)
		return r;
	c->item_dots += item.ndots;
	r = eng_item_digest(&item, &sum, err);
	if (r == 0)
		c->buckets[eng_digest_bucket(id)] += sum;
	if (r == 0)
		r = eng_doc_read(&d, &item, err);
	if (r == 0 && d.live)
		r = check_live(c, &d, doc, err);
	else if (r == 0 && doc != ENG_NO_DOC)
		differ(c, "item %s: it is not live and has a document", id_text(c, id));
	return r;
}

static int check_items(struct check *c, struct engram_error *err)
{
	struct eng_bytes key, value;
	struct eng_walk *w = NULL;
	uint64_t done = 0, total = 0;
	int r = eng_walk_begin(&w, c->view.txn, ENG_T_ITEMS, err);

	if (r == 0 && eng_txn_count(c->view.txn, ENG_T_ITEMS, &total) < 0)
		r = eng_txn_status(c->view.txn, err);
	if (r == 0)
		r = eng_walk_seek(w, eng_bytes(NULL, 0), &key, &value);
	while (r == 1) {
		struct engram_id id;
		if (key.n == sizeof id.b) {
			memcpy(id.b, key.p, sizeof id.b);
			r = check_item(c, &id, err);
		} else {
			differ(c, "items: a key of %zu bytes", key.n);
		}
		if (r >= 0)
			r = eng_job_progress(c->job, "check state", ++done, total, err);
		if (r >= 0)
			r = eng_walk_next(w, &key, &value);
	}
	eng_walk_end(w);
	return r;
}

static int check_edge(void *data, struct eng_edge *e, struct engram_error *err)
{
	struct check *c = data;
	uint8_t key[ENG_EDGE_KEY_MAX];
	struct eng_bytes value;
	eng_stamp forgotten;
	eng_u128 sum;
	int r = forgotten_of(c, &forgotten, &e->key, err);

	c->edges++;
	c->edge_dots += e->ndots - eng_edge_dead(e, forgotten);
	if (r == 0)
		r = eng_edge_digest(e, &sum, forgotten, err);
	if (r == 0)
		c->buckets[eng_digest_bucket(&e->key.from)] += sum;
	if (eng_txn_get(c->view.txn, ENG_T_EDGES_TO, eng_bytes(key, eng_edge_key_encode(key, &e->key, true)), &value) != 1)
		differ(c, "edge from %s: it is not listed at its other end", id_text(c, &e->key.from));
	eng_arena_reset(&c->arena);
	return r;
}

/* The records of the state alone. */
static int check_edges(struct check *c, struct engram_error *err)
{
	struct eng_view state = {.space = c->s, .txn = c->view.txn};

	eng_arena_reset(&c->arena);
	return eng_view_edges(&state, NULL, check_edge, c, &c->arena, err);
}

static int check_df(struct check *c, struct engram_error *err)
{
	struct eng_bytes key, value;
	struct eng_walk *w = NULL;
	size_t n = 0;
	int r = eng_walk_begin(&w, c->view.txn, ENG_T_DF, err);

	eng_dfmap_sort(&c->df);
	if (r < 0)
		return r;
	for (r = eng_walk_seek(w, eng_bytes(NULL, 0), &key, &value); r == 1; r = eng_walk_next(w, &key, &value)) {
		uint64_t stem = 0;
		uint32_t df = 0;
		if (key.n == sizeof stem && value.n == sizeof df) {
			memcpy(&stem, key.p, sizeof stem);
			memcpy(&df, value.p, sizeof df);
		}
		n++;
		if (df != (uint64_t)eng_dfmap_sorted(&c->df, stem))
			differ(c, "df: stem %016" PRIx64 ": wanted %" PRId64 ", found %" PRIu32, stem,
			       eng_dfmap_sorted(&c->df, stem), df);
	}
	eng_walk_end(w);
	expect(c, "df: stems", c->df.n, n);
	return r < 0 ? eng_txn_status(c->view.txn, err) : 0;
}

static int check_digest(struct check *c, struct engram_error *err)
{
	eng_u128 *stored = eng_alloc(ENG_DIGEST_BUCKETS * sizeof *stored);
	int r;

	if (!stored)
		return eng_err_nomem(err);
	r = eng_digest_load(stored, c->view.txn, err);
	for (unsigned i = 0; r == 0 && i < ENG_DIGEST_BUCKETS; i++)
		if (stored[i] != c->buckets[i])
			differ(c, "digest: bucket %u differs from the sum of its items", i);
	eng_free(stored);
	return r;
}

static int check_rows(struct check *c, struct engram_error *err)
{
	struct eng_bytes key, value;
	struct eng_walk *w = NULL;
	struct eng_rows rows;
	uint64_t used = 0;
	uint32_t first, doc;
	int r = eng_walk_begin(&w, c->view.txn, ENG_T_ROWS, err);

	if (r < 0)
		return r;
	for (r = eng_walk_seek(w, eng_bytes(NULL, 0), &key, &value); r == 1; r = eng_walk_next(w, &key, &value)) {
		memcpy(&doc, key.p, sizeof doc);
		if (!eng_rows_verify(value, eng_hash1_rows.stride) ||
		    !eng_rows_chunk(&rows, &first, c->view.txn, &eng_hash1_rows, doc) || first != doc) {
			differ(c, "rows: the chunk of document %" PRIu32 " has a wrong check", doc);
			continue;
		}
		for (uint32_t i = 0; i < rows.n; i++)
			used += rows.r[i] != 0;
	}
	eng_walk_end(w);
	expect(c, "rows", c->rows, used);
	return r < 0 ? eng_txn_status(c->view.txn, err) : 0;
}

static int check_vectors(struct check *c, struct engram_error *err)
{
	char what[128];
	int r = eng_vectors_check_end(&c->vectors, c->view.txn, what, sizeof what, err);

	if (r > 0)
		differ(c, "%s", what);
	return r < 0 ? r : 0;
}

static uint64_t live_briefs(struct check *c)
{
	struct eng_brief b;
	uint64_t n = 0;

	for (uint32_t doc = 0; doc < c->view.meta.docs; doc++)
		n += eng_state_brief(&b, c->view.txn, doc) && b.live;
	return n;
}

static uint64_t entries(struct check *c, size_t table)
{
	uint64_t n = 0;

	eng_txn_count(c->view.txn, table, &n);
	return n;
}

static int check_counts(struct check *c, struct engram_error *err)
{
	expect(c, "items: frames", c->log_dots, c->item_dots);
	expect(c, "edges: frames", c->log_edges, c->edge_dots);
	expect(c, "edges by their other end", c->edges, entries(c, ENG_T_EDGES_TO));
	expect(c, "memories", c->live, c->view.meta.live);
	expect(c, "briefs", c->live, live_briefs(c));
	expect(c, "tokens", c->tokens, c->view.meta.tokens);
	expect(c, "order", c->live, entries(c, ENG_T_ORDER));
	expect(c, "tags", c->tags, entries(c, ENG_T_TAGS));
	expect(c, "what was said of series", c->facts, entries(c, ENG_T_SERIES));
	expect(c, "skipped frames", c->skips, entries(c, ENG_T_SKIPPED));
	return eng_txn_status(c->view.txn, err);
}

/* -- C: tables -> text view ------------------------------------------------------------------ */

/* Documents changed behind the view's mark are neither wanted nor refused. */
static int excuse_changed(struct check *c, uint8_t *excused, uint64_t from, struct engram_error *err)
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
			differ(c, "changes: a record with a wrong check");
		else
			excused[change.doc / 8] |= (uint8_t)(1u << change.doc % 8);
	eng_walk_end(w);
	return r < 0 ? eng_txn_status(c->view.txn, err) : 0;
}

struct text_walk {
	struct check *c;
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
			differ(t->c, "text view: document %" PRIu32 " is missing", t->next);
}

static int text_doc(void *ctx, uint32_t doc)
{
	struct text_walk *t = ctx;

	missing(t, doc);
	if (doc >= t->upto)
		differ(t->c, "text view: document %" PRIu32 " is beyond its mark", doc);
	else if (!bit(t->c->has_text, doc) && !bit(t->excused, doc))
		differ(t->c, "text view: document %" PRIu32 " is not in the state", doc);
	t->next = doc + 1;
	return 0;
}

static int walk_text(struct check *c, uint8_t *excused, struct engram_error *err)
{
	struct text_walk t = {.c = c, .excused = excused};
	struct eng_text_mark mark;
	int r = eng_fts_check(c->view.gen->fts, err);

	if (r == 0)
		r = eng_text_mark_load(&mark, c->view.gen->fts, err);
	if (r < 0)
		return r;
	if (mark.docs > c->view.meta.docs || mark.change > c->view.meta.changes) {
		differ(c, "text view: it is ahead of the state");
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

static int check_text(struct check *c, struct engram_error *err)
{
	struct engram_error why = {0};
	uint8_t *excused;
	int r = eng_gen_text(c->s, c->view.gen, false, err);

	if (r < 0)
		return r;
	if (!c->view.gen->fts) {
		if (c->view.meta.docs)
			differ(c, "text view: there is none that can be used");
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
		differ(c, "text view: %s", why.message);
	return 0;
}

/* -- all of it ------------------------------------------------------------------------------------ */

static int check_state(struct check *c, struct engram_error *err)
{
	int r = 0;

	c->buckets = eng_calloc(ENG_DIGEST_BUCKETS, sizeof *c->buckets);
	c->has_text = eng_calloc(c->view.meta.docs / 8 + 1u, 1);
	if (!c->buckets || !c->has_text)
		return eng_err_nomem(err);
	for (size_t i = 0; r == 0 && i < c->view.nheads; i++)
		r = compare_series(c, &c->view.heads[i], err);
	if (r == 0)
		r = check_items(c, err);
	if (r == 0)
		r = check_edges(c, err);
	if (r == 0)
		r = check_df(c, err);
	if (r == 0)
		r = check_digest(c, err);
	if (r == 0)
		r = check_rows(c, err);
	if (r == 0)
		r = check_vectors(c, err);
	if (r == 0)
		r = check_counts(c, err);
	return r == 0 ? check_text(c, err) : r;
}

static int check_derived(struct check *c, struct engram_error *err)
{
	int r = eng_view_open(&c->view, c->s, err);

	if (r == ENGRAM_EDAMAGED) { /* of the state: the log was read and is sound */
		differ(c, "%s", err ? err->message : "state: it cannot be read");
		r = 0;
	} else if (r >= 0 && !c->view.txn && c->s->gen_problem.code == ENGRAM_EPERM) {
		/* Nothing is known of it; a rebuild would mend nothing. */
		r = ENGRAM_EPERM;
		if (err)
			*err = c->s->gen_problem;
	} else if (r == ENGRAM_EBUSY || (r == 0 && !c->view.txn && c->s->gen_problem.code)) {
		differ(c, "%s", c->s->gen_problem.code ? c->s->gen_problem.message : "state: there is none");
		r = 0;
	} else if (r == 0 && c->view.txn) {
		struct engram_error why = {0};
		r = check_state(c, &why);
		/* The log was read and is sound: what cannot be read is derived. */
		if (r == ENGRAM_EDAMAGED) {
			differ(c, "%s", why.message);
			r = 0;
		} else if (r < 0 && err) {
			*err = why;
		}
	}
	eng_view_close(&c->view);
	return r;
}

static void check_free(struct check *c)
{
	eng_dfmap_free(&c->df);
	eng_terms_free(&c->terms);
	eng_buf_free(&c->a);
	eng_buf_free(&c->b);
	eng_buf_free(&c->text);
	eng_free(c->buckets);
	eng_free(c->has_text);
	eng_free(c->vectors.live);
	eng_arena_free(&c->arena);
}

struct finding {
	int code;
	struct engram_error err;
	uint64_t differences;
	char first[160];
};

static void find(struct finding *f, struct engram_space *s, const struct eng_job *job)
{
	struct check c = {.s = s, .job = job, .arena = ENG_ARENA_INIT};

	f->code = check_derived(&c, &f->err);
	f->differences = c.differences;
	memcpy(f->first, c.first, sizeof f->first);
	check_free(&c);
}

struct errand {
	struct engram_space *s; /* the parent's: only its name may be used */
	const struct eng_job *job;
};

/* In the child. */
static void find_apart(void *ctx, void *result)
{
	const struct errand *e = ctx;
	struct finding *f = result;
	struct engram_space *own = NULL;

	f->code = eng_space_open(&own, e->s->sys, e->s->dir, e->s->name, ENGRAM_READ, e->s->wait_ms, NULL, NULL, &f->err);
	if (f->code == 0)
		find(f, own, e->job);
	engram_space_close(own);
}

static int find_guarded(struct finding *f, struct engram_space *s, const struct eng_job *job, struct engram_error *err)
{
	struct errand e = {s, job};
	int signal = s->sys->guard ? s->sys->guard(find_apart, &e, f, sizeof *f) : -1;

	if (signal < 0) /* no child to be had: with its risk, then */
		find(f, s, job);
	else if (signal > 0) {
		f->differences = 1;
		snprintf(f->first, sizeof f->first, "state: reading it ended in signal %d", signal);
	}
	if (f->code < 0 && err)
		*err = f->err;
	return f->code;
}

static void report(const struct eng_job *job, const struct finding *f, uint64_t frames, uint64_t bytes)
{
	struct engram_report *out = job ? job->report : NULL;

	if (!out)
		return;
	out->frames += frames;
	out->bytes += bytes;
	out->differences += f->differences;
	memcpy(out->first_difference, f->first, sizeof out->first_difference);
}

int eng_space_check(struct engram_space *s, const struct eng_job *job, struct engram_error *err)
{
	struct finding f = {0};
	uint64_t frames = 0, bytes = 0;
	bool locked = false;
	int r = eng_space_check_handle(s, err);

	if (r == 0)
		r = eng_log_check(s->log, &frames, &bytes, job ? job->progress : NULL, job ? job->data : NULL, err);
	if (r == 0 && s->lock_fd >= 0) {
		r = eng_space_lock(s, ENG_LOCK_APPLY, ENG_LOCK_EXCLUSIVE, s->wait_ms, err);
		locked = r == 0;
	}
	if (r == 0)
		r = find_guarded(&f, s, job, err);
	if (locked)
		eng_space_unlock(s, ENG_LOCK_APPLY);
	report(job, &f, frames, bytes);
	return r;
}
