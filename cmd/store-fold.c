/* store-fold.c - the end of an import: what it brought goes into the index, so that
 * nobody needs cron for recall to be quick.
 *
 * Everything is durable and reported by then, so nothing here changes the exit
 * status: a fold that is interrupted, or that another program keeps from beginning,
 * is left to the next import or to engram-consolidate. */
#include "base/types.h"
#include "common/clock.h"
#include "common/stop.h"
#include "store-jobs.h"

struct folding {
	struct cli *cli;
	struct progress progress;
};

static int show_progress(void *data, const char *phase, uint64_t done, uint64_t total)
{
	struct folding *f = data;

	(void)phase;
	progress_show(&f->progress, "indexing", done, total);
	return stop_wanted() ? ENGRAM_ELIMIT : 0;
}

static void tell(struct folding *f, int code, const struct engram_report *r, const struct engram_error *err)
{
	if (code == ENGRAM_ELIMIT) {
		stop_forget();
		cli_warn(f->cli, "the index is left for later: all is stored, and found without it "
		                 "(engram-consolidate --index-only makes it)");
	} else if (code == ENGRAM_EBUSY) {
		cli_note(f->cli, "the index is left to the program that is at it: %s", err->message);
	} else if (code < 0) {
		cli_warn(f->cli, "all is stored, but the index could not be made: %s", err->message);
	} else if (r->folded > 0) {
		cli_note(f->cli, "indexed %s in %llu.%llu s", cli_number(r->folded),
		         (unsigned long long)(r->elapsed_us / 1000000),
		         (unsigned long long)(r->elapsed_us / 100000 % 10));
	}
}

void store_fold(struct store *s)
{
	struct folding f = {.cli = &s->cli};
	struct engram_consolidation how = {
		.tasks = ENGRAM_FOLD, .dry_run = true, .progress = show_progress, .data = &f};
	struct engram_report report;
	struct engram_error err = {0};
	int code;

	/* Looking needs no lock: a small import does not wait for a run that is going on. */
	if (engram_consolidate(s->cli.space, &report, &how, &err) < 0 || report.folded + report.dropped == 0)
		return;
	out_flush(&s->cli.out);
	how.dry_run = false;
	progress_begin(&f.progress, s->cli.program->name, (enum when)s->cli.progress, s->cli.quiet);
	code = engram_consolidate(s->cli.space, &report, &how, &err);
	progress_end(&f.progress);
	tell(&f, code, &report, &err);
}
