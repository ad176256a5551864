/* forget.c - forget frames.
 *
 * A forget kills by stamp: everything of its ids at or below its own, here or
 * on the way.  Its stamp exceeds that of every frame that is shown (writer.c), but
 * not of those that wait (horizon.c), nor of those that this store wrote while its
 * clock was more than a day ahead: such frames are named by refs, or what was
 * forgotten would be back when their time comes, or would not go at all. */
#include <stdlib.h>

#include "base/alloc.h"
#include "frame/hlc.h"
#include "space/writer_int.h"

/* A frame about one of the ids that waits, or lies above the stamp of the forget. */
struct word {
	struct engram_id id;
	struct eng_ref ref;
	eng_stamp stamp;
};

struct forgetting {
	struct engram_writer *w;
	struct engram_id *ids; /* owned; ascending, each once */
	size_t n;
	eng_stamp above; /* what the forget's stamp surely exceeds */
	struct word *words; /* owned; those that wait first, ascending */
	size_t nwords, words_cap, nwaiting;
};

static int by_id(const void *a, const void *b)
{
	return eng_id_cmp(a, b);
}

static int by_word(const void *a, const void *b)
{
	const struct word *x = a, *y = b;
	int c = eng_id_cmp(&x->id, &y->id);

	return c ? c : (x->stamp > y->stamp) - (x->stamp < y->stamp);
}

static int add_word(struct forgetting *f, const struct engram_id *id, struct eng_dot dot, uint32_t header_check,
                    eng_stamp stamp, struct engram_error *err)
{
	if (!eng_grow(&f->words, &f->words_cap, f->nwords, sizeof *f->words))
		return eng_err_nomem(err);
	f->words[f->nwords++] = (struct word){*id, {dot, header_check, 0}, stamp};
	return 0;
}

/* Of n words in order, those about the id begin at the result. */
static size_t first_word(const struct forgetting *f, size_t n, const struct engram_id *id)
{
	return eng_id_lower(f->words, n, sizeof *f->words, id);
}

/* -- what waits -------------------------------------------------------------------------- */

static int take_waiting(void *data, const struct eng_frame *frame, const struct eng_prelude *p,
                        struct engram_error *err)
{
	struct forgetting *f = data;
	int r = 0;

	for (unsigned i = 0; r == 0 && frame->h.kind != ENG_FORGET && i < p->nsubjects; i++) {
		struct engram_id id = eng_prelude_subject(p, i);
		if (bsearch(&id, f->ids, f->n, sizeof id, by_id))
			r = add_word(f, &id, (struct eng_dot){frame->h.series, frame->h.seq}, frame->h.header_check,
			             frame->h.stamp, err);
	}
	return r;
}

/* -- which of them need it ------------------------------------------------------------------ */

/* Whether a forget of the item killed the frame. */
static bool is_killed(const struct eng_item *item, const struct eng_ref *frame, eng_stamp stamp)
{
	for (size_t i = 0; i < item->ndots; i++) {
		const struct eng_dot_record *d = &item->dots[i];
		if (d->kind != ENG_FORGET)
			continue;
		if (d->stamp >= stamp)
			return true;
		for (unsigned k = 0; k < d->nrefs; k++)
			if (d->refs[k].dot.seq == frame->dot.seq && d->refs[k].header_check == frame->header_check &&
			    eng_series_cmp(&d->refs[k].dot.series, &frame->dot.series) == 0)
				return true;
	}
	return false;
}

/* Whether anything was said of a memory that is gone: a revision or a judgement by
 * somebody who had not heard. */
static bool said_since(const struct eng_item *item)
{
	for (size_t i = 0; i < item->ndots; i++) {
		const struct eng_dot_record *d = &item->dots[i];
		const struct eng_ref frame = {d->dot, d->header_check, 0};
		if (d->kind != ENG_FORGET && !is_killed(item, &frame, d->stamp))
			return true;
	}
	return false;
}

static bool waits(const struct forgetting *f, const struct eng_item *item)
{
	size_t i = first_word(f, f->nwaiting, &item->id);

	for (; i < f->nwaiting && eng_id_cmp(&f->words[i].id, &item->id) == 0; i++)
		if (!is_killed(item, &f->words[i].ref, f->words[i].stamp))
			return true;
	return false;
}

/* 1 = there is something to forget, 0 = it is forgotten already. */
static int needs_forget(struct forgetting *f, const struct eng_item *item, struct engram_error *err)
{
	eng_stamp forgotten = eng_item_forgotten(item);
	int r;

	if (said_since(item) || waits(f, item))
		return 1;
	r = eng_view_mentions(&f->w->view, &item->id, forgotten, err);
	return r == 0 && forgotten == 0 ? eng_no_such_id(&item->id, err) : r;
}

static int take_item(struct forgetting *f, const struct eng_item *item, struct engram_error *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < item->ndots; i++) {
		const struct eng_dot_record *d = &item->dots[i];
		if (d->kind != ENG_FORGET && d->stamp > f->above)
			r = add_word(f, &item->id, d->dot, d->header_check, d->stamp, err);
	}
	return r;
}

/* Without those forgotten already. */
static int select_ids(struct forgetting *f, struct engram_error *err)
{
	size_t kept = 0;
	int r = 0;

	for (size_t i = 0; r == 0 && i < f->n; i++) {
		const struct engram_id id = f->ids[i];
		struct eng_item item;
		uint32_t doc;

		eng_arena_reset(&f->w->arena);
		r = eng_view_item(&f->w->view, &item, &doc, &id, &f->w->arena, err);
		if (r == 0)
			r = needs_forget(f, &item, err);
		if (r == 1) {
			f->ids[kept++] = id;
			r = take_item(f, &item, err);
		}
	}
	f->n = kept;
	return r;
}

/* -- the frames ------------------------------------------------------------------------- */

static int queue_one(struct engram_writer *w, const struct engram_id *ids, size_t n, const struct eng_ref *refs,
                     size_t nrefs, struct engram_error *err)
{
	struct eng_payload_out o;
	int r = eng_writer_begin(&o, w, ids, n, refs, nrefs, err);

	return r == 0 ? eng_writer_end(&o, w, ENG_FORGET, err) : r;
}

/* What is named has forgets of its own, of one memory each. */
static int queue_words(struct forgetting *f, const struct engram_id *id, struct engram_error *err)
{
	struct eng_ref refs[ENG_REFS_MAX];
	unsigned n = 0;
	int r = 0;

	for (size_t i = first_word(f, f->nwords, id); r == 0 && i < f->nwords; i++) {
		if (eng_id_cmp(&f->words[i].id, id) != 0)
			break;
		if (f->words[i].stamp > f->above)
			refs[n++] = f->words[i].ref;
		if (n == ENG_REFS_MAX) {
			r = queue_one(f->w, id, 1, refs, n, err);
			n = 0;
		}
	}
	return r == 0 && n ? queue_one(f->w, id, 1, refs, n, err) : r;
}

static int queue(struct forgetting *f, struct engram_error *err)
{
	const struct engram_id *ids = f->ids;
	int r = 0;

	for (size_t at = 0; r == 0 && at < f->n; at += ENG_SUBJECTS_MAX)
		r = queue_one(f->w, ids + at, f->n - at < ENG_SUBJECTS_MAX ? f->n - at : ENG_SUBJECTS_MAX, NULL, 0, err);
	for (size_t i = 0; r == 0 && f->nwords && i < f->n; i++)
		r = queue_words(f, &ids[i], err);
	return r;
}

static void sort_words(struct forgetting *f)
{
	if (f->nwords)
		qsort(f->words, f->nwords, sizeof *f->words, by_word);
}

static int forget(struct forgetting *f, struct engram_error *err)
{
	int r = eng_writer_look(f->w, err);

	if (r < 0)
		return r;
	f->above = eng_writer_exceeds(f->w);
	r = eng_view_waiting(&f->w->view, take_waiting, f, err);
	sort_words(f);
	f->nwaiting = f->nwords;
	if (r == 0)
		r = select_ids(f, err);
	sort_words(f);
	return r == 0 ? queue(f, err) : r;
}

/* Ascending, each once. */
static int copy_ids(struct forgetting *f, const struct engram_id *ids, size_t n, struct engram_error *err)
{
	f->ids = eng_calloc(n, sizeof *f->ids);
	if (!f->ids)
		return eng_err_nomem(err);
	memcpy(f->ids, ids, n * sizeof *ids);
	qsort(f->ids, n, sizeof *ids, by_id);
	for (size_t i = 0; i < n; i++)
		if (f->n == 0 || eng_id_cmp(&f->ids[f->n - 1], &f->ids[i]) != 0)
			f->ids[f->n++] = f->ids[i];
	return 0;
}

int engram_forget(struct engram_writer *w, const struct engram_id *ids, size_t n, struct engram_error *err)
{
	struct forgetting f = {.w = w};
	int r = eng_writer_check(w, err);

	if (r < 0 || n == 0)
		return r;
	r = copy_ids(&f, ids, n, err);
	if (r < 0)
		return r;
	eng_writer_apply(w, false);
	r = forget(&f, err);
	w->rested = true; /* "forgotten already" may rest on another's frame */
	eng_free(f.words);
	eng_free(f.ids);
	return r;
}
