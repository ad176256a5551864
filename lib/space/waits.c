/* waits.c - what of each series does not count yet, and why.
 *
 * For people: horizon.c decides.  The first frame that waits tells the reason for all
 * of its series, since that is shown and applied in order. */
#include "space/space_int.h"

#include "base/alloc.h"
#include "frame/hlc.h"

static void explain(struct engram_waiting *w, const struct eng_horizon *h, const struct eng_series_info *series,
                    const struct eng_frame *f)
{
	struct eng_prelude p;
	unsigned held = eng_horizon_holds(h, series, &f->h);

	w->at.check = f->h.header_check;
	w->wait = held ? (enum engram_wait)held : ENGRAM_WAIT_FORGET;
	if (w->wait == ENGRAM_WAIT_CLOCK)
		w->until_us = eng_hlc_release_us(f->h.stamp, ENG_HOLD_BOUND_MS);
	if (w->wait != ENGRAM_WAIT_FORGET || eng_prelude_decode(&p, f->payload, f->h.payload_len, NULL) < 0)
		return;
	w->has_id = p.nsubjects > 0;
	if (w->has_id)
		w->id = eng_prelude_subject(&p, 0);
}

static int look_at(struct engram_waiting *w, struct eng_view *v, const struct eng_horizon *h,
                   const struct eng_series_info *series, struct engram_error *err)
{
	uint64_t seq = eng_view_shown(v, series);
	struct eng_cursor *c;
	struct eng_frame f;
	int r;

	*w = (struct engram_waiting){.at = {.seq = seq + 1}, .frames = series->durable_seq - seq};
	memcpy(w->at.series, series->series.b, sizeof w->at.series);
	r = eng_cursor_open(&c, v->space->log, &series->series, seq, seq + 1, NULL, err);
	if (r < 0)
		return r;
	r = eng_cursor_next(c, &f, err);
	if (r == 1)
		explain(w, h, series, &f);
	eng_cursor_close(c);
	return r;
}

int eng_view_waits(struct eng_view *v, struct engram_waiting **out, size_t *n, struct engram_error *err)
{
	const struct eng_series_info *series;
	struct engram_waiting *all;
	struct eng_horizon h;
	size_t count;
	int r = eng_space_series(v->space, &series, &count, err);

	*n = 0;
	if (r < 0)
		return r;
	all = eng_calloc(count + 1, sizeof *all);
	if (!all)
		return eng_err_nomem(err);
	eng_horizon_begin(&h, v->space);
	for (size_t i = 0; r >= 0 && i < count; i++)
		if (eng_view_shown(v, &series[i]) < series[i].durable_seq) {
			r = look_at(&all[*n], v, &h, &series[i], err);
			*n += r == 1;
		}
	eng_horizon_end(&h);
	if (r < 0)
		eng_free(all);
	else
		*out = all;
	return r < 0 ? r : 0;
}
