/* horizon.c - how far the frames of a log may be shown and applied.
 *
 * What was received is kept and passed on; what it means may have to wait:
 *
 *   a frame that another store stamped beyond this clock and a bound is held until
 *   the clock has come near, and with it what follows in its series (hlc.h)
 *   a critical frame of an unknown kind waits for a program that knows it
 *   a stub waits for the forget that made it: before that, the memory's other
 *   frames, or a copy of its text that came from elsewhere, would show alone
 *
 * The *horizon* is the greatest prefix (so many frames of each series) that ends
 * before every held and every such critical frame and contains the forget of
 * every stub in it.  Equal horizons, equal digests; a state is never taken back
 * behind its heads.  Two series may wait for each other,
 *
 *   O: 5 is a stub, killed by A 9        A: 3 is a stub, killed by O 7
 *
 * so it cannot be found by going on until something is missing: it begins with all
 * that there is and is cut back until nothing in it misses its forget.  Here O 7
 * and A 9, if both are there, are inside, whoever is read first.
 *
 * Nearly always no stub waits: then reading, which asks of each frame in passing,
 * meets every forget before or finds it already applied, and nobody looks for the
 * horizon.  Only when reading is stopped by a stub all that waits is read once more,
 * ahead; apply does so once for all its batches. */
#include "space/space_int.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "frame/hlc.h"

void eng_horizon_begin(struct eng_horizon *h, const struct engram_space *s, const struct eng_head *heads,
                       size_t nheads)
{
	int64_t wall_us = s->sys->clock.wall_us(s->sys->clock.ctx);

	*h = (struct eng_horizon){
	        .log = s->log, .latest = eng_hlc_horizon(wall_us, ENG_HOLD_BOUND_MS), .heads = heads, .nheads = nheads};
}

void eng_horizon_end(struct eng_horizon *h)
{
	eng_free(h->ends);
	eng_free(h->stubs);
}

/* -- while reading ----------------------------------------------------------------- */

static uint64_t head_seq(const struct eng_head *heads, size_t n, const struct eng_series *series)
{
	const struct eng_head *at = eng_head_find(heads, n, series);

	return at ? at->seq : 0;
}

uint64_t eng_horizon_upto(const struct eng_horizon *h, const struct eng_series *series, uint64_t upto)
{
	uint64_t end = h->ends ? head_seq(h->ends, h->nends, series) : upto;

	return end < upto ? end : upto;
}

/* Whether the frame may be applied whatever else is there. */
static bool is_held(const struct eng_horizon *h, const struct eng_series_info *series, const struct eng_header *f)
{
	return eng_hlc_held(f->stamp, h->latest, series->mine) ||
	       (f->flags & ENG_FLAG_CRITICAL && !eng_known_kind(f));
}

/* By the series or branch that holds it, where one does. */
static int killer_of(struct eng_dot *killer, const struct eng_horizon *h, const struct eng_frame *f,
                     struct engram_error *err)
{
	struct eng_stub stub;

	if (eng_stub_decode(&stub, f->payload, f->h.payload_len) < 0)
		return eng_err(err, ENGRAM_EDAMAGED, "frame %llu: its stub cannot be read",
		               (unsigned long long)f->h.seq);
	*killer = (struct eng_dot){*eng_log_holder(h->log, &stub.killer), stub.killer.seq};
	return 0;
}

int eng_horizon_admits(struct eng_horizon *h, const struct eng_raw *r, const struct eng_series_info *series,
                       const struct eng_frame *f, struct engram_error *err)
{
	struct eng_dot killer;
	int rc;

	if (is_held(h, series, &f->h))
		return 0;
	if (h->ends || !(f->h.flags & ENG_FLAG_STUB))
		return 1;
	rc = killer_of(&killer, h, f, err);
	if (rc < 0)
		return rc;
	if (killer.seq <= head_seq(h->heads, h->nheads, &killer.series) ||
	    killer.seq <= head_seq(r->heads, r->nheads, &killer.series))
		return 1;
	h->blocked = true;
	return 0;
}

/* -- looking ahead ------------------------------------------------------------------- */

static int add_stub(struct eng_horizon *h, const struct eng_series *series, const struct eng_frame *f,
                    struct engram_error *err)
{
	struct eng_horizon_stub *stub;

	if (!eng_grow(&h->stubs, &h->stubs_cap, h->nstubs, sizeof *h->stubs))
		return eng_err_nomem(err);
	stub = &h->stubs[h->nstubs++];
	stub->at = (struct eng_position){*series, f->h.seq, f->h.header_check};
	return killer_of(&stub->killer, h, f, err);
}

/* Up to the first frame that is held; its stubs are noted. */
static int look_ahead(struct eng_horizon *h, struct eng_head *end, struct eng_log *log,
                      const struct eng_series_info *series, uint64_t upto, struct engram_error *err)
{
	const struct eng_head *from = eng_head_find(h->heads, h->nheads, &series->series);
	struct eng_cursor *c;
	struct eng_frame f;
	int r;

	*end = (struct eng_head){.series = series->series, .seq = from ? from->seq : series->base};
	if (end->seq >= upto)
		return 0;
	r = eng_cursor_open(&c, log, &series->series, end->seq, upto, from && from->next.segment ? &from->next : NULL,
	                    err);
	if (r < 0)
		return r;
	while ((r = eng_cursor_next(c, &f, err)) == 1 && !is_held(h, series, &f.h)) {
		if (f.h.flags & ENG_FLAG_STUB && (r = add_stub(h, &series->series, &f, err)) < 0)
			break;
		end->seq = f.h.seq;
	}
	eng_cursor_close(c);
	return r < 0 ? r : 0;
}

static int by_killer(const void *a, const void *b)
{
	const struct eng_horizon_stub *x = a, *y = b;
	int c = eng_series_cmp(&x->killer.series, &y->killer.series);

	return c ? c : (x->killer.seq > y->killer.seq) - (x->killer.seq < y->killer.seq);
}

/* The stubs whose forget is of this series: the first, and behind the last. */
static void killed_by(const struct eng_horizon *h, size_t *first, size_t *end, const struct eng_series *series)
{
	size_t lo = 0, hi = h->nstubs;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (eng_series_cmp(&h->stubs[mid].killer.series, series) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	for (*first = lo; lo < h->nstubs && eng_series_cmp(&h->stubs[lo].killer.series, series) == 0;)
		lo++;
	*end = lo;
}

/* Ends its series before the stub; true where that was not so already. */
static bool cut_before(struct eng_horizon *h, const struct eng_position *stub)
{
	const struct eng_head *found = eng_head_find(h->ends, h->nends, &stub->series);
	struct eng_head *end = found ? &h->ends[found - h->ends] : NULL;

	if (!end || end->seq < stub->seq)
		return false;
	end->seq = stub->seq - 1;
	return true;
}

/* Stubs from `first` on share the series of their forget, which ends at `have`. */
static bool cut_by(struct eng_horizon *h, size_t first, size_t end, uint64_t have)
{
	bool cut = false;

	while (end > first && h->stubs[end - 1].killer.seq > have)
		cut |= cut_before(h, &h->stubs[--end].at);
	return cut;
}

/* Until no stub in it misses its forget. */
static void cut_back(struct eng_horizon *h)
{
	bool again = true;

	while (again) {
		again = false;
		for (size_t first = 0, end; first < h->nstubs; first = end) {
			const struct eng_series *series = &h->stubs[first].killer.series;

			killed_by(h, &first, &end, series);
			again |= cut_by(h, first, end, head_seq(h->ends, h->nends, series));
		}
	}
}

int eng_horizon_find(struct eng_horizon *h, struct eng_log *log, const struct eng_series_info *infos, size_t n,
                     bool written, struct engram_error *err)
{
	int r = 0;

	h->ends = eng_calloc(n + 1, sizeof *h->ends);
	if (!h->ends)
		return eng_err_nomem(err);
	h->nends = n;
	for (size_t i = 0; r == 0 && i < n; i++)
		r = look_ahead(h, &h->ends[i], log, &infos[i],
		               written ? infos[i].written_seq : infos[i].durable_seq, err);
	if (r < 0)
		return r;
	if (h->nstubs)
		qsort(h->stubs, h->nstubs, sizeof *h->stubs, by_killer);
	cut_back(h);
	return 0;
}
