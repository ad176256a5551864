/* consolidate.c - the order of maintenance tasks.
 *
 * Check comes first, so that it judges what was there; then what waits is
 * applied (a rebuild takes it in by itself); then bytes are given back: those of
 * what was forgotten in every run that writes, unused ones where it was asked
 * for; then the page cache is filled with what remained. */
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/types.h"
#include "space/space.h"

struct run {
	struct engram_space *space;
	const struct engram_consolidation *how;
	struct eng_job job;
	struct engram_report *report;
	int64_t start_us;
	bool late; /* max_time_us has passed */
};

/* -- time ------------------------------------------------------------------------ */

static bool is_late(struct run *run)
{
	if (run->how->max_time_us > 0 &&
	    eng_space_mono_us(run->space) - run->start_us >= run->how->max_time_us)
		run->late = true;
	return run->late;
}

/* Between the caller and the job: a run that is late stops as one that was asked to. */
static int watch(void *data, const char *phase, uint64_t done, uint64_t total)
{
	struct run *run = data;

	if (is_late(run))
		return ENGRAM_ELIMIT;
	return run->how->progress ? run->how->progress(run->how->data, phase, done, total) : 0;
}

/* -- afterwards -------------------------------------------------------------------- */

static int figures(struct run *run, struct engram_error *err)
{
	struct engram_space_info info;
	struct eng_standing now;
	struct eng_exchange *x = NULL;
	int r = engram_space_info(run->space, &info, err);

	if (r == 0) {
		run->report->memories = info.memories;
		r = eng_exchange_open(&x, run->space, false, err);
	}
	if (r == 0)
		r = eng_exchange_standing(x, &now, err);
	if (r == 0) {
		run->report->held = now.held;
		memcpy(run->report->digest, now.digest, sizeof run->report->digest);
	}
	eng_exchange_close(x);
	/* A log too long to scan without a state: the figures are not worth a failure. */
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

/* A rebuild takes in what waits by itself. */
static int apply(struct run *run, struct engram_error *err)
{
	if (run->how->tasks & ENGRAM_REBUILD)
		return 0;
	return eng_space_apply(run->space, &run->job, eng_all_frames, true, err);
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
	{ENGRAM_APPLY, "apply", apply},
	{ENGRAM_APPLY | ENGRAM_REBUILD | ENGRAM_COMPACT, "purge", purge},
	{ENGRAM_WARM, "warm", warm},
};

/* Time is up in the task at hand, or was before it: what is left to do, by name. */
static int out_of_time(const struct run *run, size_t at, struct engram_error *err)
{
	struct engram_error e = {0};
	size_t n = 0;
	char left[80] = "";

	for (; at < ENG_COUNT(tasks) && n < sizeof left; at++)
		if (run->how->tasks & tasks[at].when)
			n += (size_t)snprintf(left + n, sizeof left - n, "%s%s", n ? ", " : "", tasks[at].name);
	eng_err(&e, ENGRAM_ELIMIT, "stopped after %lld.%lld s as asked; left to do: %s",
	        (long long)run->how->max_time_us / 1000000, (long long)run->how->max_time_us / 100000 % 10, left);
	eng_err_hint(&e, "what was done stays; the next run goes on");
	if (err)
		*err = e;
	return e.code;
}

static int tasks_in_order(struct run *run, struct engram_error *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < ENG_COUNT(tasks); i++) {
		if (!(run->how->tasks & tasks[i].when))
			continue;
		if (!is_late(run))
			r = tasks[i].run(run, err);
		if (run->late)
			r = out_of_time(run, i, err);
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
	run.job = (struct eng_job){.dry_run = run.how->dry_run, .report = &report, .progress = watch, .data = &run};
	run.start_us = eng_space_mono_us(space);
	r = tasks_in_order(&run, err);
	if (r == 0)
		r = figures(&run, err);
	report.elapsed_us = eng_space_mono_us(space) - run.start_us;
	*out = report; /* also of a failed run: how far it came */
	return r;
}
