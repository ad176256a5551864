/* apply.c - what waits in the log into the state, then into the text view.
 *
 * Under the apply lock.  Only durable frames: what outlives the process must
 * not rest on bytes that a power cut can take back.  State first, in full-sync
 * transactions of bounded size, each with its heads; then text, from its own
 * watermark.  A kill between any two steps leaves both as they say they are. */
#include "space/space_int.h"

#include "base/alloc.h"

int eng_job_progress(const struct eng_job *job, const char *phase, uint64_t done, uint64_t total,
                     struct engram_error *err)
{
	if (job && job->progress && job->progress(job->data, phase, done, total) != 0)
		return eng_err(err, ENGRAM_ELIMIT, "%s: stopped at %llu of %llu as asked", phase,
		               (unsigned long long)done, (unsigned long long)total);
	return 0;
}

/* -- one batch ------------------------------------------------------------------------ */

struct position {
	struct eng_head *heads;
	size_t n;
	uint64_t applied, durable; /* frames */
};

static int load_position(struct position *p, struct eng_txn *t, struct engram_error *err)
{
	int r = eng_heads_load(&p->heads, &p->n, t, err);

	for (size_t i = 0; r == 0 && i < p->n; i++)
		p->applied += p->heads[i].seq - p->heads[i].base;
	return r;
}

void eng_applied_refresh(struct engram_space *s)
{
	struct position p = {0};
	struct eng_txn *t = NULL;

	if (s->gen && eng_txn_begin(&t, s->gen->store, false, NULL) == 0 && load_position(&p, t, NULL) == 0)
		s->applied = p.applied;
	eng_txn_abort(t);
	eng_free(p.heads);
}

/* A log that holds less than the state has applied was rolled back. */
static int check_behind(const struct position *p, const struct eng_series_info *infos, size_t n,
                        struct engram_error *err)
{
	for (size_t i = 0; i < p->n; i++) {
		bool fits = false;
		for (size_t j = 0; j < n; j++)
			if (eng_series_cmp(&infos[j].series, &p->heads[i].series) == 0)
				fits = infos[j].durable_seq >= p->heads[i].seq;
		if (!fits)
			return eng_err(err, ENGRAM_EVERSION, "state: it is ahead of the log");
	}
	return 0;
}

/* Frames between the state and what is durable, bounded; none if there are fewer
 * than wanted: another process may have applied them.  *raw becomes what the writer
 * has at hand, if that is all of them. */
static int read_waiting(struct eng_raw **raw, struct position *p, struct engram_space *s, struct eng_txn *t,
                        struct eng_horizon *horizon, struct eng_range frames, bool *more, struct engram_error *err)
{
	struct eng_raw_limit limit = {
	        .frames = frames.most < ENG_BATCH_FRAMES ? frames.most : ENG_BATCH_FRAMES,
	        .bytes = ENG_BATCH_BYTES,
	};
	const struct eng_series_info *infos;
	size_t n;
	int r = load_position(p, t, err);

	if (r == 0)
		r = eng_space_series(s, &infos, &n, err);
	if (r == 0)
		r = check_behind(p, infos, n, err);
	for (size_t i = 0; r == 0 && i < n; i++)
		p->durable += infos[i].durable_seq - infos[i].base;
	if (r == 0 && s->written && eng_written_is_rest(s->written, s->log, p->heads, p->n, infos, n)) {
		*raw = &s->written->raw;
		*more = false;
		return 0;
	}
	eng_horizon_behind(horizon, t, p->heads, p->n);
	if (r == 0 && p->durable >= p->applied + frames.least)
		r = eng_raw_read_all(*raw, s->log, infos, n, false, horizon, &limit, err);
	*more = limit.full;
	return r;
}

static int take_batch(struct engram_space *s, struct eng_gen *g, struct eng_raw *raw, const struct eng_job *job,
                      struct engram_error *err)
{
	struct eng_arena keep = ENG_ARENA_INIT;
	struct eng_fresh_text *fresh = NULL;
	size_t nfresh = 0;
	int r = eng_batch_apply(s, g, raw, &fresh, &nfresh, &keep, err);

	eng_point(s->sys, "apply-state");
	if (r == 0)
		r = eng_text_sync(s, g, fresh, nfresh, job, err);
	eng_point(s->sys, "apply-text");
	eng_free(fresh);
	eng_arena_free(&keep);
	return r;
}

/* `more`: there may be more. */
static int step(struct engram_space *s, struct eng_gen *g, const struct eng_job *job, struct eng_horizon *horizon,
                struct eng_range frames, bool *more, struct engram_error *err)
{
	struct position p = {0};
	struct eng_raw own, *raw = &own;
	struct eng_txn *t;
	int r = eng_txn_begin(&t, g->store, false, err);

	if (r < 0)
		return r;
	eng_raw_init(&own);
	r = read_waiting(&raw, &p, s, t, horizon, frames, more, err);
	eng_txn_abort(t);
	if (r == 0)
		s->applied = p.applied;
	if (r == 0 && raw->read > 0) {
		r = take_batch(s, g, raw, job, err);
		if (r == 0) {
			s->applied = p.applied + raw->read;
			if (job && job->report)
				job->report->applied += raw->read;
			r = eng_job_progress(job, "apply", s->applied, p.durable, err);
		}
	}
	eng_free(p.heads);
	eng_raw_free(&own);
	return r;
}

int eng_apply_gen(struct engram_space *s, struct eng_gen *g, const struct eng_job *job, struct eng_range frames,
                  struct engram_error *err)
{
	struct eng_horizon horizon; /* found once, where that is needed, for all batches */
	bool more = true;
	int r;

	eng_horizon_begin(&horizon, s);
	r = step(s, g, job, &horizon, frames, &more, err);
	while (r == 0 && more && frames.most == UINT64_MAX)
		r = step(s, g, job, &horizon, eng_all_frames, &more, err);
	eng_horizon_end(&horizon);
	return r;
}

/* -- the space -------------------------------------------------------------------------- */

/* What would go into a first state: frames and, where they are few, bytes. */
static int count_first(uint64_t *frames, uint64_t *bytes, struct engram_space *s, struct engram_error *err)
{
	struct eng_raw_limit limit = {.frames = ENG_APPLY_FRAMES, .bytes = ENG_APPLY_BYTES};
	const struct eng_series_info *infos;
	struct eng_raw raw;
	size_t n;
	int r = eng_space_series(s, &infos, &n, err);

	*frames = 0;
	eng_raw_init(&raw);
	for (size_t i = 0; r == 0 && i < n; i++) {
		*frames += infos[i].durable_seq - infos[i].base;
		r = eng_raw_read(&raw, s->log, &infos[i], NULL, infos[i].durable_seq, NULL, &limit, err);
	}
	*bytes = raw.bytes;
	eng_raw_free(&raw);
	return r;
}

/* No state yet, or one that cannot be used.  A space of few frames needs none;
 * a large one is built by consolidate, not by a writer who wants to go home. */
static int first_time(struct engram_space *s, const struct eng_job *job, struct engram_error *err)
{
	uint64_t frames, bytes;
	int r = count_first(&frames, &bytes, s, err);

	if (r < 0 || (frames < ENG_APPLY_FRAMES && bytes < ENG_APPLY_BYTES))
		return r;
	if (!job && s->gen_problem.code && frames > ENG_APPLY_MUST)
		return 0;
	return eng_rebuild_locked(s, job, err);
}

/* The view may be behind the state after a kill, or be gone. */
static int catch_up_text(struct engram_space *s, const struct eng_job *job, struct engram_error *err)
{
	return job ? eng_text_sync(s, s->gen, NULL, 0, job, err) : 0;
}

int eng_apply_locked(struct engram_space *s, const struct eng_job *job, struct eng_range frames,
                     struct engram_error *err)
{
	int r = eng_gen_refresh(s, err);

	if (r < 0)
		return r;
	if (!s->gen)
		return first_time(s, job, err);
	r = eng_apply_gen(s, s->gen, job, frames, err);
	if (r == 0)
		r = catch_up_text(s, job, err);
	/* A state that cannot be read is made anew; damage of the log will be
	 * found again there, and stays an error. */
	if (job && (r == ENGRAM_EDAMAGED || r == ENGRAM_EVERSION || r == ENGRAM_ENOID))
		r = eng_rebuild_locked(s, job, err);
	return r;
}

static int count_waiting(struct engram_space *s, const struct eng_job *job, struct engram_error *err)
{
	struct eng_view v;
	int r = eng_view_open(&v, s, err);

	if (r < 0)
		return r;
	if (job->report)
		job->report->applied += v.raw.read;
	eng_view_close(&v);
	return 0;
}

int eng_space_apply(struct engram_space *s, const struct eng_job *job, struct eng_range frames, bool wait,
                    struct engram_error *err)
{
	struct engram_error why = {0};
	int r;

	if (job && job->dry_run)
		return count_waiting(s, job, err);
	r = eng_space_check_writer(s, err);
	if (r < 0)
		return r;
	r = eng_space_lock(s, ENG_LOCK_APPLY, ENG_LOCK_EXCLUSIVE, wait ? s->wait_ms : 0, &why);
	if (r == ENGRAM_EBUSY && !wait)
		return 0;
	if (r == 0) {
		r = eng_apply_locked(s, job, frames, &why);
		eng_space_unlock(s, ENG_LOCK_APPLY);
	}
	if (r < 0 && err)
		*err = why;
	return r;
}
