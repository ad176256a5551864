/* said.c - what is said of a memory outside its item.
 *
 * An item holds what is understood and shown.  Besides, a memory may be spoken of in
 * links, in frames of kinds that this program does not know, and in frames that wait
 * (horizon.c).  Whoever wants a memory forgotten wants all of that gone. */
#include "space/space_int.h"

#include <inttypes.h>

#include "base/alloc.h"

/* -- what waits -------------------------------------------------------------------------- */

static int call(const struct eng_frame *f, eng_waiting_fn *fn, void *data, struct engram_error *err)
{
	struct eng_prelude p;

	if (eng_prelude_decode(&p, f->payload, f->h.payload_len, NULL) < 0)
		return eng_err(err, ENGRAM_EDAMAGED, "frame %" PRIu64 ": its prelude cannot be read", f->h.seq);
	return fn(data, f, &p, err);
}

static int each_of_series(struct eng_view *v, const struct eng_series_info *series, eng_waiting_fn *fn, void *data,
                          struct engram_error *err)
{
	const uint64_t shown = eng_view_shown(v, series);
	struct eng_cursor *c = NULL;
	struct eng_frame f;
	int r;

	if (shown >= series->durable_seq)
		return 0;
	r = eng_cursor_open(&c, v->space->log, &series->series, shown, series->durable_seq, NULL, err);
	while (r == 0 && (r = eng_cursor_next(c, &f, err)) == 1)
		r = call(&f, fn, data, err);
	eng_cursor_close(c);
	return r;
}

int eng_view_waiting(struct eng_view *v, eng_waiting_fn *fn, void *data, struct engram_error *err)
{
	const struct eng_series_info *series;
	size_t n;
	int r = eng_view_held(v) ? eng_space_series(v->space, &series, &n, err) : 1;

	for (size_t i = 0; r == 0 && i < n; i++)
		r = each_of_series(v, &series[i], fn, data, err);
	return r < 0 ? r : 0;
}

/* -- anything at all ---------------------------------------------------------------------- */

struct mention {
	const struct engram_id *id;
	bool found;
};

static int look_for(void *data, const struct eng_frame *f, const struct eng_prelude *p, struct engram_error *err)
{
	struct mention *m = data;

	(void)f, (void)err;
	for (unsigned i = 0; i < p->nsubjects; i++)
		m->found = m->found || memcmp(p->subjects + 16 * i, m->id->b, sizeof m->id->b) == 0;
	return 0;
}

int eng_view_mentions(struct eng_view *v, const struct engram_id *id, eng_stamp since, struct engram_error *err)
{
	struct eng_arena arena = ENG_ARENA_INIT;
	int r = eng_view_said(v, id, since, &arena, err);

	if (r == 0)
		r = eng_skips_said(v, id, since, err);
	eng_arena_free(&arena);
	return r;
}

int eng_view_knows(struct eng_view *v, const struct engram_id *id, struct engram_error *err)
{
	struct mention m = {id, false};
	int r = eng_view_mentions(v, id, 0, err);

	if (r == 0)
		r = eng_view_waiting(v, look_for, &m, err);
	return r == 0 ? m.found : r;
}
