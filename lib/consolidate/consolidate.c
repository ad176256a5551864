/* consolidate.c - the order of maintenance tasks.
 *
 * Check comes first, so that it judges what was there; then what waits is
 * applied (a rebuild takes it in by itself); then bytes are given back: those of
 * what was forgotten in every run that writes, unused ones where it was asked
 * for; then the page cache is filled with what remained. */
#include <stdio.h>

#include "space/space.h"

struct run {
	struct engram_space *space;
	struct eng_job job;
	struct engram_report *report;
};

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
static int purge(struct run *run, unsigned tasks, struct engram_error *err)
{
	bool any = false;
	int r = 0;

	if (!(tasks & (ENGRAM_APPLY | ENGRAM_REBUILD | ENGRAM_COMPACT)))
		return 0;
	if (!(tasks & ENGRAM_COMPACT))
		r = eng_space_unpurged(run->space, &any, err);
	if (r == ENGRAM_EBUSY && run->job.dry_run)
		r = 0; /* a log too long to look at without a state */
	if (r == 0 && (any || tasks & ENGRAM_COMPACT))
		r = eng_space_compact(run->space, &run->job, err);
	return r;
}

static int tasks_in_order(struct run *run, unsigned tasks, struct engram_error *err)
{
	int r = 0;

	if (tasks & ENGRAM_CHECK)
		r = eng_space_check(run->space, &run->job, err);
	if (r == 0 && tasks & ENGRAM_REBUILD)
		r = eng_space_rebuild(run->space, &run->job, err);
	else if (r == 0 && tasks & ENGRAM_APPLY)
		r = eng_space_apply(run->space, &run->job, eng_all_frames, true, err);
	if (r == 0)
		r = purge(run, tasks, err);
	if (r == 0 && tasks & ENGRAM_WARM)
		r = eng_space_warm(run->space, &run->job, err);
	return r;
}

int engram_consolidate(struct engram_space *space, struct engram_report *out, unsigned tasks, bool dry_run,
                       engram_progress_fn *progress, void *data, struct engram_error *err)
{
	const unsigned known = ENGRAM_APPLY | ENGRAM_CHECK | ENGRAM_REBUILD | ENGRAM_COMPACT | ENGRAM_WARM;
	struct engram_report report = {0};
	struct run run = {space, {dry_run, &report, progress, data}, &report};
	int64_t start;
	int r;

	if (tasks & ~known || !out)
		return eng_err(err, ENGRAM_EUSAGE, "consolidate: unknown task, or no report");
	r = eng_space_check_handle(space, err);
	if (r < 0)
		return r;
	start = eng_space_mono_us(space);
	r = tasks_in_order(&run, tasks, err);
	if (r == 0)
		r = figures(&run, err);
	report.elapsed_us = eng_space_mono_us(space) - start;
	*out = report; /* also of a failed run: how far it came */
	return r;
}
