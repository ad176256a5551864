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
#include "space/check_int.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"

void eng_differ(struct eng_check *c, const char *format, ...)
{
	va_list ap;

	if (c->differences++ > 0)
		return;
	va_start(ap, format);
	vsnprintf(c->first, sizeof c->first, format, ap);
	va_end(ap);
}

const char *eng_check_id(struct eng_check *c, const struct engram_id *id)
{
	engram_id_format(c->id, id);
	return c->id;
}

int eng_check_item(struct eng_check *c, struct eng_arena *arena, struct eng_item *item, uint32_t *doc,
                   const struct engram_id *id, struct engram_error *err)
{
	struct engram_error why = {0};
	struct eng_bytes value;
	int r = eng_txn_get(c->view.txn, ENG_T_ITEMS, eng_bytes(id->b, sizeof id->b), &value);

	if (r <= 0)
		return r < 0 ? eng_txn_status(c->view.txn, err) : 0;
	r = eng_item_load(item, doc, id, value, arena, &why);
	if (r == ENGRAM_ENOMEM)
		return eng_err_nomem(err);
	if (r < 0) {
		eng_differ(c, "%s", why.message);
		return 0;
	}
	return 1;
}

/* -- A: log -> items ------------------------------------------------------------------ */

/* Dots ascend by stamp, then by series and seq. */
static int by_stamp(const void *a, const void *b)
{
	const struct eng_dot_record *x = a, *y = b;
	int c = (x->stamp > y->stamp) - (x->stamp < y->stamp);

	if (c == 0)
		c = eng_series_cmp(&x->dot.series, &y->dot.series);
	return c ? c : (x->dot.seq > y->dot.seq) - (x->dot.seq < y->dot.seq);
}

/* Into c->last: without a dot where there is none, or none that can be decoded. */
static int load_last(struct eng_check *c, const struct engram_id *id, struct engram_error *err)
{
	uint32_t doc;
	int r;

	if (c->has_last && eng_id_cmp(&c->last.id, id) == 0)
		return 0;
	c->has_last = false;
	eng_arena_reset(&c->kept);
	r = eng_check_item(c, &c->kept, &c->last, &doc, id, err);
	if (r == 0)
		eng_item_init(&c->last, id, &c->kept);
	c->has_last = r >= 0;
	return r < 0 ? r : 0;
}

/* One dot, as the state would hold it. */
static int encode_dot(struct eng_buf *b, const struct eng_item *item, struct eng_dot_record *dot,
                      struct engram_error *err)
{
	struct eng_item one = {.id = item->id, .dots = dot, .ndots = 1, .cap = 1, .arena = item->arena};

	eng_buf_reset(b);
	return eng_item_encode(&one, b, err);
}

static int compare_dot(struct eng_check *c, const struct eng_frame *f, const struct engram_id *id,
                       struct engram_error *err)
{
	struct eng_dot_record *dot = NULL;
	struct eng_item fresh;
	bool changed;
	int r;

	eng_arena_reset(&c->arena);
	c->log_dots++;
	r = load_last(c, id, err);
	if (r < 0)
		return r;
	eng_item_init(&fresh, id, &c->arena);
	if (eng_item_add(&fresh, &changed, f, true, err) < 0 || fresh.ndots != 1)
		return 0;
	if (c->last.ndots)
		dot = bsearch(&fresh.dots[0], c->last.dots, c->last.ndots, sizeof *dot, by_stamp);
	if (!dot) {
		eng_differ(c, "item %s: frame %" PRIu64 " is missing", eng_check_id(c, id), f->h.seq);
		return 0;
	}
	if (fresh.dots[0].stub && !dot->stub) /* a compaction was cut short: it will go on */
		return 0;
	r = encode_dot(&c->a, &c->last, dot, err);
	if (r == 0)
		r = encode_dot(&c->b, &fresh, &fresh.dots[0], err);
	if (r == 0 && (c->a.n != c->b.n || memcmp(c->a.p, c->b.p, c->a.n) != 0))
		eng_differ(c, "item %s: frame %" PRIu64 " is kept as something else", eng_check_id(c, id), f->h.seq);
	return r;
}

static int compare_frame(struct eng_check *c, const struct eng_frame *f, struct engram_error *err)
{
	struct eng_prelude p;
	int r = eng_prelude_decode(&p, f->payload, f->h.payload_len, err);

	for (unsigned i = 0; r == 0 && i < p.nsubjects; i++) {
		struct engram_id id = eng_prelude_subject(&p, i);
		r = compare_dot(c, f, &id, err);
	}
	return r;
}

static int compare_fact(struct eng_check *c, const struct eng_fact *fact, struct engram_error *err)
{
	uint8_t key[ENG_FACT_KEY];
	struct eng_bytes value;

	c->facts++;
	eng_fact_key(key, fact);
	if (eng_txn_get(c->view.txn, ENG_T_SERIES, eng_bytes(key, sizeof key), &value) == 0)
		eng_differ(c, "series: what frame %" PRIu64 " says of one is missing", fact->dot.seq);
	return eng_txn_status(c->view.txn, err);
}

static int compare_skip(struct eng_check *c, const struct eng_frame *f, struct engram_error *err)
{
	const struct eng_raw_skip skip = eng_skip_of(f);
	uint8_t key[ENG_SKIP_KEY], record[ENG_SKIP_SIZE];
	struct eng_bytes value;

	c->skips++;
	eng_skip_encode(key, record, &skip);
	if (eng_txn_get(c->view.txn, ENG_T_SKIPPED, eng_bytes(key, sizeof key), &value) != 1 ||
	    value.n != sizeof record || memcmp(value.p, record, sizeof record) != 0)
		eng_differ(c, "skipped frames: frame %" PRIu64 " is missing, or kept as another", f->h.seq);
	return eng_txn_status(c->view.txn, err);
}

static int compare_series(struct eng_check *c, const struct eng_head *head, struct engram_error *err)
{
	struct eng_cursor *cursor = NULL;
	struct eng_frame f = {.h.seq = 0};
	struct eng_fact fact;
	int r = eng_cursor_open(&cursor, c->s->log, &head->series, 0, head->seq, NULL, err);

	while (r == 0 && (r = eng_cursor_next(cursor, &f, err)) == 1) {
		if (!eng_known_kind(&f.h))
			r = compare_skip(c, &f, err);
		else if (eng_is_item_frame(&f))
			r = compare_frame(c, &f, err);
		else if (eng_fact_of(&fact, &f))
			r = compare_fact(c, &fact, err);
		else
			r = eng_check_edge_frame(c, &f, err);
		if (r == 0)
			r = eng_job_progress(c->job, "check items", f.h.seq, head->seq, err);
	}
	if (r == 0 && (f.h.seq != head->seq || f.h.header_check != head->header_check || f.h.stamp != head->stamp))
		eng_differ(c, "head: wanted frame %" PRIu64 " to be the last applied, found another there", head->seq);
	eng_cursor_close(cursor);
	return r;
}

/* -- B: items -> tables ------------------------------------------------------------------ */

static void check_brief(struct eng_check *c, const struct eng_doc *d, uint32_t doc, uint32_t tokens)
{
	uint8_t wanted[ENG_BRIEF_SIZE], found[ENG_BRIEF_SIZE];
	struct eng_brief brief = d->brief, stored;

	brief.tokens = tokens;
	eng_brief_encode(wanted, &brief);
	if (!eng_state_brief(&stored, c->view.txn, doc)) {
		eng_differ(c, "item %s: document %" PRIu32 " has no brief", eng_check_id(c, &d->brief.id), doc);
		return;
	}
	eng_brief_encode(found, &stored);
	if (memcmp(wanted, found, sizeof wanted) != 0)
		eng_differ(c, "item %s: its brief differs", eng_check_id(c, &d->brief.id));
}

static void check_row(struct eng_check *c, const struct eng_doc *d, uint32_t doc, struct engram_str text)
{
	int8_t codes[ENG_HASH1_DIM];
	bool wanted = text.p && eng_hash1(codes, text.p, text.n, NULL);
	uint8_t key[ENG_FOLD_KEY];
	const int8_t *found;

	eng_identity_key(key, NULL);
	found = eng_codes_of(c->view.txn, &eng_hash1_rows, doc, c->vectors.fold, key, ENG_NODES_HASH1, doc);
	c->rows += wanted;
	if (wanted != (found != NULL) || (wanted && memcmp(found, codes, sizeof codes) != 0))
		eng_differ(c, "item %s: its vector differs", eng_check_id(c, &d->brief.id));
}

static void check_keys(struct eng_check *c, const struct eng_doc *d, uint32_t doc)
{
	uint8_t key[ENG_TAG_KEY_MAX];
	struct eng_bytes value;

	eng_order_key(key, d->brief.stored_us, &d->brief.id);
	if (eng_txn_get(c->view.txn, ENG_T_ORDER, eng_bytes(key, ENG_ORDER_KEY), &value) != 1 ||
	    value.n != sizeof doc || memcmp(value.p, &doc, sizeof doc) != 0)
		eng_differ(c, "item %s: its place in the order differs", eng_check_id(c, &d->brief.id));
	for (size_t i = 0; i < d->ntags; i++) {
		size_t n = eng_tag_key(key, d->tags[i], doc);
		if (eng_txn_get(c->view.txn, ENG_T_TAGS, eng_bytes(key, n), &value) != 1)
			eng_differ(c, "item %s: its tag %.*s is not listed", eng_check_id(c, &d->brief.id),
			       (int)(d->tags[i].n < 40 ? d->tags[i].n : 40), d->tags[i].p);
	}
	c->tags += d->ntags;
}

static int check_live(struct eng_check *c, const struct eng_doc *d, uint32_t doc, struct engram_error *err)
{
	struct engram_str text;
	uint32_t tokens = 0;
	int r;

	c->live++;
	if (doc >= c->view.meta.docs) {
		eng_differ(c, "item %s: it is live and has no document", eng_check_id(c, &d->brief.id));
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
		eng_differ(c, "item %s: a vector of an embedder differs", eng_check_id(c, &d->brief.id));
	return r < 0 ? r : 0;
}

static int check_item(struct eng_check *c, const struct engram_id *id, struct engram_error *err)
{
	struct eng_item item;
	struct eng_doc d;
	uint32_t doc;
	eng_u128 sum;
	int r;

	eng_arena_reset(&c->arena);
	r = eng_check_item(c, &c->arena, &item, &doc, id, err);
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
		eng_differ(c, "item %s: it is not live and has a document", eng_check_id(c, id));
	return r;
}

static int check_items(struct eng_check *c, struct engram_error *err)
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
			eng_differ(c, "items: a key of %zu bytes", key.n);
		}
		if (r >= 0)
			r = eng_job_progress(c->job, "check state", ++done, total, err);
		if (r >= 0)
			r = eng_walk_next(w, &key, &value);
	}
	eng_walk_end(w);
	return r;
}

/* -- all of it ------------------------------------------------------------------------------------ */

static int check_state(struct eng_check *c, struct engram_error *err)
{
	int r = 0;

	c->buckets = eng_calloc(ENG_DIGEST_BUCKETS, sizeof *c->buckets);
	c->has_text = eng_calloc(c->view.meta.docs / 8 + 1u, 1);
	if (!c->buckets || !c->has_text)
		return eng_err_nomem(err);
	r = eng_check_view(c, err);
	for (size_t i = 0; r == 0 && i < c->view.nheads; i++)
		r = compare_series(c, &c->view.heads[i], err);
	if (r == 0)
		r = check_items(c, err);
	if (r == 0)
		r = eng_check_edges(c, err);
	if (r == 0)
		r = eng_check_tables(c, err);
	return r == 0 ? eng_check_text(c, err) : r;
}

static int check_derived(struct eng_check *c, struct engram_error *err)
{
	int r = eng_view_open(&c->view, c->s, err);

	if (r == ENGRAM_EDAMAGED) { /* of the state: the log was read and is sound */
		eng_differ(c, "%s", err ? err->message : "state: it cannot be read");
		r = 0;
	} else if (r >= 0 && !c->view.txn && c->s->gen_problem.code == ENGRAM_EPERM) {
		/* Nothing is known of it; a rebuild would mend nothing. */
		r = ENGRAM_EPERM;
		if (err)
			*err = c->s->gen_problem;
	} else if (r == ENGRAM_EBUSY || (r == 0 && !c->view.txn && c->s->gen_problem.code)) {
		eng_differ(c, "%s", c->s->gen_problem.code ? c->s->gen_problem.message : "state: there is none");
		r = 0;
	} else if (r == 0 && c->view.txn) {
		struct engram_error why = {0};
		r = check_state(c, &why);
		/* The log was read and is sound: what cannot be read is derived. */
		if (r == ENGRAM_EDAMAGED) {
			eng_differ(c, "%s", why.message);
			r = 0;
		} else if (r < 0 && err) {
			*err = why;
		}
	}
	eng_view_close(&c->view);
	return r;
}

static void check_free(struct eng_check *c)
{
	eng_dfmap_free(&c->df);
	eng_terms_free(&c->terms);
	eng_buf_free(&c->a);
	eng_buf_free(&c->b);
	eng_buf_free(&c->text);
	eng_free(c->buckets);
	eng_free(c->has_text);
	eng_free(c->vectors.live);
	eng_folded_unref(c->folded);
	eng_arena_free(&c->arena);
	eng_arena_free(&c->kept);
}

struct finding {
	int code;
	struct engram_error err;
	uint64_t differences;
	char first[160];
};

static void find(struct finding *f, struct engram_space *s, const struct eng_job *job)
{
	struct eng_check c = {.s = s, .job = job, .arena = ENG_ARENA_INIT, .kept = ENG_ARENA_INIT};

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
