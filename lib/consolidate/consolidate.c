/* consolidate.c - the order of maintenance tasks.
 *
 * Check comes first, so that it judges what was there; then what waits is
 * applied (a rebuild takes it in by itself); then vectors go into the graphs, if
 * so many lie beside them that every recall feels it; then bytes are given back:
 * those of what was forgotten in every run that writes, unused ones where it was
 * asked for; then the page cache is filled with what remained.
 *
 * A run may be ended anywhere, by its caller, by its limit of time or by a kill:
 * each task leaves either what was there or what it made, and what is left to do is
 * asked of the store by the next run, never written down. */
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/types.h"
#include "space/space.h"
#include "sys/workers.h"

#define FOLDS ((unsigned)(ENGRAM_FOLD | ENGRAM_FOLD_ANY | ENGRAM_FOLD_ANEW))

/* Long enough for a pace: a fold does 10,000 vectors in it. */
#define JUDGE_AFTER_US 1000000

struct run {
	struct engram_space *space;
	const struct engram_consolidation *how;
	struct eng_job job;
	struct engram_report *report;
	struct eng_pool *pool; /* NULL: not asked for yet */
	int64_t start_us;
	int64_t fold_us;    /* when the graph at hand was begun, */
	uint64_t fold_from; /* and how far it was then */
	uint64_t fold_done;
	bool late;     /* max_time_us has passed */
	bool given_up; /* the task at hand would not be done in it */
	char left[80]; /* names of tasks that it does not allow */
};

/* -- workers --------------------------------------------------------------------- */

static enum eng_numa numa_of(const struct engram_consolidation *how)
{
	return how->numa == ENGRAM_NUMA_OFF ? ENG_NUMA_OFF : ENG_NUMA_AUTO;
}

/* Asking a machine for its processors costs 80 us, which of a thousand small spaces
 * with nothing to build was a third; without memory for a pool there is no pool. */
static const struct eng_workers *workers(void *data)
{
	struct run *run = data;

	if (!run->pool)
		eng_pool_new(&run->pool, eng_space_sys(run->space), run->how->threads, numa_of(run->how));
	return run->pool ? eng_pool_workers(run->pool) : NULL;
}

/* -- time ------------------------------------------------------------------------ */

static bool is_late(struct run *run)
{
	if (run->how->max_time_us > 0 &&
	    eng_space_mono_us(run->space) - run->start_us >= run->how->max_time_us)
		run->late = true;
	return run->late;
}

/* A graph that is not finished is lost, so one that cannot be is given up early: where
 * at twice its pace so far it would not be done in time.  A vector costs more the
 * larger the graph, so that it does not become quicker; twice is for a machine that
 * was busy with something else. */
static bool is_hopeless(struct run *run, const char *phase, uint64_t done, uint64_t total)
{
	int64_t now_us = eng_space_mono_us(run->space), left_us;

	if (run->how->max_time_us == 0 || strcmp(phase, "fold") != 0)
		return false;
	if (run->fold_us == 0 || done < run->fold_done) {
		run->fold_us = now_us;
		run->fold_from = done;
	}
	run->fold_done = done;
	if (done == run->fold_from || done > total || now_us - run->fold_us < JUDGE_AFTER_US)
		return false;
	left_us = (int64_t)((unsigned __int128)(total - done) * (uint64_t)(now_us - run->fold_us) /
	                    (done - run->fold_from));
	return now_us + left_us / 2 > run->start_us + run->how->max_time_us;
}

/* Between the caller and the job: a run that is late stops as one that was asked to. */
static int watch(void *data, const char *phase, uint64_t done, uint64_t total)
{
	struct run *run = data;

	run->given_up = run->given_up || is_hopeless(run, phase, done, total);
	if (run->given_up || is_late(run))
		return ENGRAM_ELIMIT;
	return run->how->progress ? run->how->progress(run->how->data, phase, done, total) : 0;
}

/* -- afterwards -------------------------------------------------------------------- */

/* A log too long to scan without a state: the figures are not worth a failure. */
static int figures(struct run *run, struct engram_error *err)
{
	int r = eng_space_figures(run->space, run->report, err);

	return r == ENGRAM_EBUSY ? 0 : r;
}

/* Whoever forgets counts on the next run to make it true of the bytes. */
static int purge(struct run *run, struct engram_error *err)
{
	bool any = run->how->tasks & ENGRAM_COMPACT;
	int r = any ? 0 : eng_space_unpurged(run->space, &any, err);

	if (r == ENGRAM_EBUSY && run->job.dry_run)
		r = 0; /* a log too long to look at without a state */
	return r == 0 && any ? eng_space_compact(run->space, &run->job, err) : r;
}

/* -- in order ------------------------------------------------------------------ */

static int check(struct run *run, struct engram_error *err)
{
	return eng_space_check(run->space, &run->job, err);
}

static int rebuild(struct run *run, struct engram_error *err)
{
	return eng_space_rebuild(run->space, &run->job, err);
}

/* A rebuild takes in what waits by itself, and so does a fold; one that only looks does
 * not count it. */
static int apply(struct run *run, struct engram_error *err)
{
	if (run->how->tasks & ENGRAM_REBUILD || (run->how->tasks & FOLDS && !run->how->dry_run))
		return 0;
	return eng_space_apply(run->space, &run->job, eng_all_frames, true, err);
}

/* All vectors, few or many, where it was asked for; else where it is due. */
static int fold(struct run *run, struct engram_error *err)
{
	enum eng_fold_when when = run->how->tasks & ENGRAM_FOLD_ANEW  ? ENG_FOLD_ANEW
	                          : run->how->tasks & ENGRAM_FOLD_ANY ? ENG_FOLD_ANY
	                                                              : ENG_FOLD_DUE;

	return eng_space_fold(run->space, &run->job, when, err);
}

static int warm(struct run *run, struct engram_error *err)
{
	return eng_space_warm(run->space, &run->job, err);
}

struct task {
	unsigned when; /* any of these tasks is wanted */
	const char *name;
	int (*run)(struct run *run, struct engram_error *err);
};

static const struct task tasks[] = {
	{ENGRAM_CHECK, "check", check},
	{ENGRAM_REBUILD, "rebuild", rebuild},
	{ENGRAM_APPLY | FOLDS, "apply", apply},
	{FOLDS, "fold", fold},
	{ENGRAM_APPLY | ENGRAM_REBUILD | ENGRAM_COMPACT, "purge", purge},
	{ENGRAM_WARM, "warm", warm},
};

static void leave(struct run *run, const char *name)
{
	size_t n = strlen(run->left);

	snprintf(run->left + n, sizeof run->left - n, "%s%s", n ? ", " : "", name);
}

static int out_of_time(const struct run *run, struct engram_error *err)
{
	long long tenths = (run->how->max_time_us + 99999) / 100000;
	struct engram_error e = {0};

	eng_err(&e, ENGRAM_ELIMIT, "the time given, %lld.%lld s, is not enough; left to do: %s", tenths / 10,
	        tenths % 10, run->left);
	eng_err_hint(&e, "what was done stays; the next run goes on");
	if (err)
		*err = e;
	return e.code;
}

/* A task that time does not allow is left; one that is shorter may follow. */
static int tasks_in_order(struct run *run, struct engram_error *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < ENG_COUNT(tasks); i++) {
		if (!(run->how->tasks & tasks[i].when))
			continue;
		run->given_up = false;
		if (!is_late(run))
			r = tasks[i].run(run, err);
		if (run->late || run->given_up) {
			leave(run, tasks[i].name);
			r = 0;
		}
	}
	return r == 0 && *run->left ? out_of_time(run, err) : r;
}

/* -- the run ----------------------------------------------------------------------- */

static bool changed_something(const struct run *run)
{
	const struct engram_report *r = run->report;

	return !run->how->dry_run &&
	       (r->applied || r->folded || r->dropped || r->purged || r->freed_bytes ||
	        run->how->tasks & (ENGRAM_REBUILD | ENGRAM_COMPACT | ENGRAM_FOLD_ANEW));
}

/* A writer that holds the state for long keeps a run from being noted, not from having been. */
static int note(struct run *run, int code, struct engram_error *err)
{
	struct engram_run record = {.tasks = run->how->tasks, .code = code, .report = *run->report};
	const struct eng_workers *w;
	int r;

	if (!changed_something(run) || (code < 0 && code != ENGRAM_ELIMIT))
		return 0;
	w = workers(run);
	record.threads = w ? w->n : 1;
	r = eng_space_note_run(run->space, &record, err);
	return r == ENGRAM_EBUSY ? 0 : r;
}

static int run_all(struct run *run, struct engram_error *err)
{
	struct engram_error why = {0};
	int r = tasks_in_order(run, err), noted;

	if (r == 0)
		r = figures(run, err);
	run->report->elapsed_us = eng_space_mono_us(run->space) - run->start_us;
	noted = note(run, r, &why);
	if (r == 0 && noted < 0) {
		r = noted;
		if (err)
			*err = why;
	}
	return r;
}

#define ALL_TASKS                                                                                              \
	(ENGRAM_APPLY | ENGRAM_CHECK | ENGRAM_REBUILD | ENGRAM_COMPACT | ENGRAM_WARM | ENGRAM_FOLD |           \
	 ENGRAM_FOLD_ANY | ENGRAM_FOLD_ANEW)

int engram_consolidate(struct engram_space *space, struct engram_report *out,
                       const struct engram_consolidation *how, struct engram_error *err)
{
	static const struct engram_consolidation plain = {.tasks = ENGRAM_APPLY | ENGRAM_FOLD};
	struct engram_report report = {0};
	struct run run = {.space = space, .how = how ? how : &plain, .report = &report};
	int r;

	if (!out || run.how->tasks & ~(unsigned)ALL_TASKS || run.how->max_time_us < 0)
		return eng_err(err, ENGRAM_EUSAGE, "consolidate: unknown task, negative time, or no report");
	r = eng_space_check_handle(space, err);
	if (r < 0)
		return r;
	run.job = (struct eng_job){run.how->dry_run, &report, watch, &run, workers};
	run.start_us = eng_space_mono_us(space);
	r = run_all(&run, err);
	eng_pool_free(run.pool);
	*out = report; /* also of a failed run: how far it came */
	return r;
}
