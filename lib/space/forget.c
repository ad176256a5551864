/* forget.c - forget frames.
 *
 * A forget kills by stamp: everything of its ids at or below its own, here or
 * on the way.  The stamp exceeds that of every frame of the space (writer.c). */
#include <stdlib.h>

#include "base/alloc.h"
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
	return eng_view_said(&w->view, id, reading.forgotten, &w->arena, err);
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

static int queue(struct engram_writer *w, const struct engram_id *ids, size_t n, struct engram_error *err)
{
	int r = 0;

	for (size_t at = 0; r == 0 && at < n; at += ENG_SUBJECTS_MAX) {
		struct eng_payload_out o;
		size_t some = n - at < ENG_SUBJECTS_MAX ? n - at : ENG_SUBJECTS_MAX;
		r = eng_writer_begin(&o, w, ids + at, some, NULL, 0, err);
		if (r == 0)
			r = eng_writer_end(&o, w, ENG_FORGET, err);
	}
	return r;
}

int engram_forget(struct engram_writer *w, const struct engram_id *ids, size_t n, struct engram_error *err)
{
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
		r = queue(w, own, n, err);
	w->rested = true; /* "forgotten already" may rest on another's frame */
	eng_free(own);
	return r;
}
