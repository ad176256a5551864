/* forget.c - forget frames.
 *
 * A forget kills by stamp: everything of its ids at or below its own, here or
 * on the way.  The stamp exceeds that of every frame that is shown (writer.c), but
 * not of those that are held (horizon.c): these are named by refs, or what was
 * forgotten would be back when their time comes. */
#include <inttypes.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "frame/hlc.h"
#include "space/writer_int.h"

static int by_id(const void *a, const void *b)
{
	return eng_id_cmp(a, b);
}

/* Whether anything was said of a memory that is gone: a revision or a judgement by
 * somebody who had not heard. */
static bool said_since(const struct eng_item *item, eng_stamp forgotten)
{
	for (size_t i = 0; i < item->ndots; i++)
		if (item->dots[i].kind != ENG_FORGET && item->dots[i].stamp > forgotten)
			return true;
	return false;
}

/* 1 = there is something to forget, 0 = it is forgotten already. */
static int needs_forget(struct engram_writer *w, const struct engram_id *id, struct engram_error *err)
{
	struct eng_reading reading;
	struct eng_item item;
	uint32_t doc;
	int r;

	eng_arena_reset(&w->arena);
	r = eng_view_item(&w->view, &item, &doc, id, &w->arena, err);
	if (r == 0 && item.ndots == 0)
		return eng_no_such_id(id, err);
	if (r == 0)
		r = eng_item_read(&item, &reading, err);
	if (r < 0)
		return r;
	if (reading.live || reading.forgotten == 0 || said_since(&item, reading.forgotten))
		return 1;
	r = eng_view_said(&w->view, id, reading.forgotten, &w->arena, err);
	return r == 0 ? eng_skips_said(&w->view, id, reading.forgotten, err) : r;
}

/* Sorted, each once, without those forgotten already; *n of them remain. */
static int select_ids(struct engram_id *ids, size_t *n, struct engram_writer *w, struct engram_error *err)
{
	struct engram_id last;
	size_t kept = 0;

	qsort(ids, *n, sizeof *ids, by_id);
	for (size_t i = 0; i < *n; i++) {
		struct engram_id id = ids[i];
		int r = i > 0 && eng_id_cmp(&id, &last) == 0 ? 0 : needs_forget(w, &id, err);
		if (r < 0)
			return r;
		last = id;
		if (r == 1)
			ids[kept++] = id;
	}
	*n = kept;
	return 0;
}

/* -- what is held ---------------------------------------------------------------------- */

struct held {
	struct eng_ref *refs; /* owned; refs[i] names a frame of ids[i] */
	struct engram_id *ids;
	size_t n, refs_cap, ids_cap;
};

static int add_held(struct held *h, const struct eng_frame *f, const struct engram_id *ids, size_t n,
                    struct engram_error *err)
{
	struct eng_prelude p;

	if (eng_prelude_decode(&p, f->payload, f->h.payload_len, NULL) < 0)
		return eng_err(err, ENGRAM_EDAMAGED, "frame %" PRIu64 ": its prelude cannot be read", f->h.seq);
	for (unsigned i = 0; f->h.kind != ENG_FORGET && i < p.nsubjects; i++) {
		struct engram_id id = eng_prelude_subject(&p, i);
		if (!bsearch(&id, ids, n, sizeof id, by_id))
			continue;
		if (!eng_grow(&h->refs, &h->refs_cap, h->n, sizeof *h->refs) ||
		    !eng_grow(&h->ids, &h->ids_cap, h->n, sizeof *h->ids))
			return eng_err_nomem(err);
		h->ids[h->n] = id;
		h->refs[h->n++] = (struct eng_ref){{f->h.series, f->h.seq}, f->h.header_check, 0};
	}
	return 0;
}

static int look_at_series(struct held *h, struct engram_writer *w, const struct eng_series_info *series,
                          eng_stamp horizon, const struct engram_id *ids, size_t n, struct engram_error *err)
{
	const struct eng_head *head = eng_raw_head(&w->view.raw, &series->series);
	struct eng_cursor *c = NULL;
	struct eng_frame f;
	uint64_t shown;
	int r;

	if (!head)
		head = eng_head_find(w->view.heads, w->view.nheads, &series->series);
	shown = head ? head->seq : series->base;
	if (series->mine || shown >= series->durable_seq)
		return 0;
	r = eng_cursor_open(&c, w->space->log, &series->series, shown, series->durable_seq, NULL, err);
	while (r == 0 && (r = eng_cursor_next(c, &f, err)) == 1)
		r = eng_hlc_held(f.h.stamp, horizon, false) ? add_held(h, &f, ids, n, err) : 0;
	eng_cursor_close(c);
	return r;
}

static int list_held(struct held *h, struct engram_writer *w, const struct engram_id *ids, size_t n,
                     struct engram_error *err)
{
	const struct eng_clock *clock = &w->space->sys->clock;
	eng_stamp horizon = eng_hlc_horizon(clock->wall_us(clock->ctx), ENG_HOLD_BOUND_MS);
	const struct eng_series_info *series;
	size_t nseries;
	int r = eng_view_held(&w->view) ? eng_space_series(w->space, &series, &nseries, err) : 1;

	for (size_t i = 0; r == 0 && i < nseries; i++)
		r = look_at_series(h, w, &series[i], horizon, ids, n, err);
	return r < 0 ? r : 0;
}

/* -- the frames ------------------------------------------------------------------------- */

static int queue_one(struct engram_writer *w, const struct engram_id *ids, size_t n, const struct eng_ref *refs,
                     size_t nrefs, struct engram_error *err)
{
	struct eng_payload_out o;
	int r = eng_writer_begin(&o, w, ids, n, refs, nrefs, err);

	return r == 0 ? eng_writer_end(&o, w, ENG_FORGET, err) : r;
}

/* Held frames have forgets of their own, which name them. */
static int queue(struct engram_writer *w, const struct held *h, const struct engram_id *ids, size_t n,
                 struct engram_error *err)
{
	int r = 0;

	for (size_t at = 0; r == 0 && at < n; at += ENG_SUBJECTS_MAX)
		r = queue_one(w, ids + at, n - at < ENG_SUBJECTS_MAX ? n - at : ENG_SUBJECTS_MAX, NULL, 0, err);
	for (size_t at = 0; r == 0 && at < h->n; at++)
		r = queue_one(w, &h->ids[at], 1, &h->refs[at], 1, err);
	return r;
}

int engram_forget(struct engram_writer *w, const struct engram_id *ids, size_t n, struct engram_error *err)
{
	struct held held = {.n = 0};
	struct engram_id *own;
	int r = eng_writer_check(w, err);

	if (r < 0 || n == 0)
		return r;
	own = eng_calloc(n, sizeof *own);
	if (!own)
		return eng_err_nomem(err);
	memcpy(own, ids, n * sizeof *own);
	eng_writer_apply(w, false);
	r = eng_writer_look(w, err);
	if (r == 0)
		r = select_ids(own, &n, w, err);
	if (r == 0)
		r = list_held(&held, w, own, n, err);
	if (r == 0)
		r = queue(w, &held, own, n, err);
	w->rested = true; /* "forgotten already" may rest on another's frame */
	eng_free(held.refs);
	eng_free(held.ids);
	eng_free(own);
	return r;
}
