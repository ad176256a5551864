/* horizon.c - how far the frames of a log may be shown and applied.
 *
 * What was received is kept and passed on; what it means may have to wait:
 *
 *   a frame that another store stamped beyond this clock and a bound is held until
 *   the clock has come near, and with it what follows in its series (hlc.h)
 *   a critical frame of an unknown kind waits for a program that knows it
 *   a stub waits for a frame that killed it (killers.c): before that, the memory's
 *   other frames, or a copy of its text that came from elsewhere, would show alone
 *
 * The *horizon* is the greatest prefix (so many frames of each series) that ends
 * before every held and every such critical frame and contains one that killed it
 * for every stub in it.  Equal horizons, equal digests; a state is never taken back
 * behind its heads.  Two series may wait for each other,
 *
 *   O: 5 is a stub, killed by A 9        A: 3 is a stub, killed by O 7
 *
 * so it cannot be found by going on until something is missing: it begins with all
 * that there is and is cut back until nothing in it misses its killer.  Here O 7
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

void eng_horizon_begin(struct eng_horizon *h, const struct engram_space *s)
{
	int64_t wall_us = s->sys->clock.wall_us(s->sys->clock.ctx);

	*h = (struct eng_horizon){.log = s->log, .latest = eng_hlc_horizon(wall_us, ENG_HOLD_BOUND_MS)};
}

void eng_horizon_behind(struct eng_horizon *h, struct eng_txn *t, const struct eng_head *heads, size_t nheads)
{
	h->txn = t;
	h->heads = heads;
	h->nheads = nheads;
}

void eng_horizon_end(struct eng_horizon *h)
{
	eng_free(h->ends);
	eng_free(h->stubs);
	eng_free(h->about);
	eng_free(h->killers);
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

unsigned eng_horizon_holds(const struct eng_horizon *h, const struct eng_series_info *series,
                           const struct eng_header *f)
{
	if (eng_hlc_held(f->stamp, h->latest, series->mine))
		return ENGRAM_WAIT_CLOCK;
	return f->flags & ENG_FLAG_CRITICAL && !eng_known_kind(f) ? ENGRAM_WAIT_VERSION : 0;
}

/* Whether the forget that made a stub was met: of a forked series, who knows which of
 * its branches has it. */
static bool met_killer(const struct eng_horizon *h, const struct eng_raw *r, const struct eng_dot *killer)
{
	const struct eng_series *holder = NULL;
	size_t at = 0;

	if (eng_log_holder(&holder, h->log, killer, &at) != 1 || holder != &killer->series)
		return false;
	return killer->seq <= head_seq(h->heads, h->nheads, holder) ||
	       killer->seq <= head_seq(r->heads, r->nheads, holder);
}

int eng_horizon_admits(struct eng_horizon *h, const struct eng_raw *r, const struct eng_series_info *series,
                       const struct eng_frame *f, struct engram_error *err)
{
	struct eng_stub stub;
	int rc;

	if (eng_horizon_holds(h, series, &f->h))
		return 0;
	if (h->ends || !(f->h.flags & ENG_FLAG_STUB))
		return 1;
	rc = eng_stub_of(&stub, f, err);
	if (rc < 0)
		return rc;
	h->blocked = !met_killer(h, r, &stub.killer);
	return !h->blocked;
}

/* -- looking ahead ------------------------------------------------------------------- */

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
	while ((r = eng_cursor_next(c, &f, err)) == 1 && !eng_horizon_holds(h, series, &f.h)) {
		if (f.h.flags & ENG_FLAG_STUB && (r = eng_killers_add(h, series, &f, err)) < 0)
			break;
		end->seq = f.h.seq;
	}
	eng_cursor_close(c);
	return r < 0 ? r : 0;
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

/* Calls back the stubs that nothing within `ends` killed; true where one of the calls was. */
static bool each_waiting(struct eng_horizon *h, bool (*fn)(struct eng_horizon *h, const struct eng_position *stub))
{
	bool any = false;
	size_t k = 0;

	for (size_t i = 0; i < h->nstubs; i++) {
		bool killed = h->stubs[i].dead;

		for (; k < h->nkillers && h->killers[k].stub == i; k++)
			killed = killed || h->killers[k].at.seq <= head_seq(h->ends, h->nends, &h->killers[k].at.series);
		any |= !killed && fn(h, &h->stubs[i].at);
	}
	return any;
}

static bool is_one(struct eng_horizon *h, const struct eng_position *stub)
{
	(void)h, (void)stub;
	return true;
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
	if (r == 0 && each_waiting(h, is_one))
		r = eng_killers_look(h, infos, n, written, err);
	while (r == 0 && each_waiting(h, cut_before))
		;
	return r;
}
