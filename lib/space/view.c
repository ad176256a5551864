/* view.c - state and raw frames of one moment.
 *
 * Order of taking, which the consistency rests on: CURRENT, then the state's
 * snapshot, then the marks, then the frames behind the snapshot's heads up to
 * what is written.  Frames never move, so whatever apply does meanwhile, each
 * frame is either in the snapshot or read here.
 *
 * A state that is damaged, of another version, or ahead of the log (the log
 * was rolled back, its writer will find out) is left aside: then the whole log
 * is read, up to ENG_SCAN_MAX. */
#include "space/space_int.h"

#include <inttypes.h>

#include "base/alloc.h"

/* -- the state ------------------------------------------------------------------- */

static void drop_state(struct eng_view *v)
{
	eng_txn_abort(v->txn);
	v->txn = NULL;
	eng_gen_unref(v->gen);
	v->gen = NULL;
	eng_free(v->heads);
	v->heads = NULL;
	v->nheads = 0;
	v->meta = (struct eng_meta){0};
}

static int load_state(struct eng_view *v, struct engram_error *err)
{
	int r = eng_txn_begin(&v->txn, v->gen->store, false, err);

	if (r == 0)
		r = eng_meta_load(&v->meta, v->txn, &v->space->id, err);
	if (r == 0)
		r = eng_heads_load(&v->heads, &v->nheads, v->txn, err);
	return r;
}

static int open_state(struct eng_view *v, struct engram_error *err)
{
	struct engram_space *s = v->space;
	int r = eng_gen_refresh(s, err);

	if (r < 0 || !s->gen)
		return r;
	v->gen = eng_gen_ref(s->gen);
	r = load_state(v, &s->gen_problem);
	if (r == 0)
		return 0;
	drop_state(v);
	if (r == ENGRAM_ENOMEM)
		return eng_err_nomem(err);
	return 0;
}

/* -- the log ----------------------------------------------------------------------- */

static const struct eng_series_info *info_of(const struct eng_series_info *infos, size_t n,
                                             const struct eng_series *series)
{
	for (size_t i = 0; i < n; i++)
		if (eng_series_cmp(&infos[i].series, series) == 0)
			return &infos[i];
	return NULL;
}

/* Whether the log holds all that the state has applied. */
static bool state_fits(const struct eng_view *v, const struct eng_series_info *infos, size_t n)
{
	for (size_t i = 0; i < v->nheads; i++) {
		const struct eng_series_info *info = info_of(infos, n, &v->heads[i].series);
		if (!info || info->written_seq < v->heads[i].seq)
			return false;
	}
	return true;
}

static int too_much(const struct eng_view *v, struct engram_error *err)
{
	const struct engram_error *why = &v->space->gen_problem;
	int r = eng_err(err, ENGRAM_EBUSY, "space %s: more than %u MiB of log are not applied%s%s", v->space->name,
	                ENG_SCAN_MAX >> 20, why->code ? "; " : "", why->code ? why->message : "");

	eng_err_object(err, v->space->name);
	eng_err_hint(err, "run engram-consolidate");
	return r;
}

/* A stamp given now must exceed those of all frames but the held ones: of a series
 * that others write, what was applied and what is read tell it. */
static void note_positions(struct eng_view *v, const struct eng_series_info *infos, size_t n)
{
	v->durable = 0;
	for (size_t i = 0; i < n; i++) {
		v->durable += infos[i].durable_seq - infos[i].base;
		if (infos[i].mine && infos[i].last_stamp > v->stamp)
			v->stamp = infos[i].last_stamp;
	}
}

static int read_raw(struct eng_view *v, const struct eng_series_info *infos, size_t n, struct engram_error *err)
{
	struct eng_raw_limit limit = {.frames = UINT64_MAX, .bytes = ENG_SCAN_MAX};
	struct eng_horizon horizon;
	int r;

	note_positions(v, infos, n);
	eng_horizon_begin(&horizon, v->space);
	eng_horizon_behind(&horizon, v->txn, v->heads, v->nheads);
	r = eng_raw_read_all(&v->raw, v->space->log, infos, n, !v->durable_only, &horizon, &limit, err);
	eng_horizon_end(&horizon);
	if (r == 0 && limit.full)
		r = too_much(v, err);
	if (v->raw.stamp > v->stamp)
		v->stamp = v->raw.stamp;
	return r;
}

/* The whole log is read instead. */
static void leave_state(struct eng_view *v, const struct engram_error *why)
{
	v->space->gen_problem = *why;
	drop_state(v);
	eng_raw_free(&v->raw);
}

int eng_view_extend(struct eng_view *v, struct engram_error *err)
{
	struct engram_error why = {0};
	const struct eng_series_info *infos;
	size_t n;
	int r = eng_space_series(v->space, &infos, &n, err);

	if (r < 0)
		return r;
	if (v->txn && !state_fits(v, infos, n)) {
		eng_err(&why, ENGRAM_EDAMAGED, "state: it is ahead of the log");
		leave_state(v, &why);
	}
	r = read_raw(v, infos, n, &why);
	if (r == ENGRAM_EVERSION && v->txn) {
		leave_state(v, &why);
		r = read_raw(v, infos, n, &why);
	}
	eng_raw_sort_edges(&v->raw);
	if (r < 0 && err)
		*err = why;
	return r;
}

/* -- opening ------------------------------------------------------------------------- */

static int open_once(struct eng_view *v, struct engram_space *s, bool durable_only, struct engram_error *err)
{
	int r;

	*v = (struct eng_view){.space = s, .durable_only = durable_only};
	eng_raw_init(&v->raw);
	r = open_state(v, err);
	if (r == 0) {
		v->stamp = v->meta.stamp;
		r = eng_view_extend(v, err);
	}
	if (r < 0)
		eng_view_close(v);
	return r;
}

/* A segment may be replaced by its stubbed form between the list and the
 * open; three tries are two more than were ever needed. */
static int open_view(struct eng_view *v, struct engram_space *s, bool durable_only, struct engram_error *err)
{
	int r = 0;

	for (int tries = 0; tries < 3; tries++) {
		r = open_once(v, s, durable_only, err);
		if (r != ENGRAM_ENOFILE)
			break;
	}
	return r;
}

int eng_view_open(struct eng_view *v, struct engram_space *s, struct engram_error *err)
{
	return open_view(v, s, false, err);
}

int eng_view_open_durable(struct eng_view *v, struct engram_space *s, struct engram_error *err)
{
	return open_view(v, s, true, err);
}

void eng_view_close(struct eng_view *v)
{
	if (!v->space)
		return;
	drop_state(v);
	eng_raw_free(&v->raw);
	*v = (struct eng_view){0};
}

uint64_t eng_view_held(const struct eng_view *v)
{
	uint64_t seen = v->raw.read;

	for (size_t i = 0; i < v->nheads; i++)
		seen += v->heads[i].seq - v->heads[i].base;
	return seen < v->durable ? v->durable - seen : 0;
}

uint64_t eng_view_shown(const struct eng_view *v, const struct eng_series_info *series)
{
	const struct eng_head *h = eng_raw_head(&v->raw, &series->series);

	if (!h)
		h = eng_head_find(v->heads, v->nheads, &series->series);
	return h ? h->seq : series->base;
}

/* -- items ----------------------------------------------------------------------------- */

int eng_view_item(struct eng_view *v, struct eng_item *item, uint32_t *doc, const struct engram_id *id,
                  struct eng_arena *arena, struct engram_error *err)
{
	struct eng_bytes value;
	int64_t at = eng_raw_find(&v->raw, id);
	int r = 0;

	*doc = ENG_NO_DOC;
	eng_item_init(item, id, arena);
	if (v->txn) {
		r = eng_txn_get(v->txn, ENG_T_ITEMS, eng_bytes(id->b, sizeof id->b), &value);
		if (r < 0)
			return eng_txn_status(v->txn, err);
		if (r == 1)
			r = eng_item_load(item, doc, id, value, arena, err);
	}
	if (r >= 0 && at >= 0)
		r = eng_raw_apply(&v->raw, (size_t)at, item, err);
	return r < 0 ? r : 0;
}
