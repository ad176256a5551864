/* engram-consolidate - keep a memory space in order: take in what waits, fold it
 * into the graphs, check, rebuild, remove forgotten bytes, warm. */
#include <string.h>

#include "base/err.h"
#include "base/types.h"
#include "common/clock.h"
#include "common/stop.h"
#include "consolidate-jobs.h"

#define AT(field) .at = offsetof(struct consolidate, field)
#define RUNS .modes = 1u << CONSOLIDATE_TASKS

#define MAX_TIME_MS (30ull * 24 * 3600 * 1000)

static const char *const numas[] = {[ENGRAM_NUMA_AUTO] = "auto", [ENGRAM_NUMA_OFF] = "off", NULL};

static const struct opt options[] = {
	{"index-only", .kind = OPT_FLAG, .help = "take all into the index, and do nothing else", AT(index_only), RUNS},
	{"check", .kind = OPT_FLAG, .help = "read every byte, name the first bad one", AT(check), RUNS},
	{"rebuild", .kind = OPT_FLAG, .help = "derive everything anew from the log", AT(rebuild), RUNS},
	{"compact", .kind = OPT_FLAG, .help = "give back what files hold unused", AT(compact), RUNS},
	{"warm", .kind = OPT_FLAG, .help = "read into memory what recall needs", AT(warm), RUNS},
	{"re-embed", .kind = OPT_FLAG, .help = "give texts that lack one the embedder's vector", AT(reembed), RUNS},
	{"last", .kind = OPT_MODE, .help = "print what the last run did", AT(mode), .mode = CONSOLIDATE_LAST},
	{"all-spaces", .kind = OPT_FLAG, .help = "every space of the home", AT(all_spaces)},
	{"max-time", .kind = OPT_DURATION, .arg = "TIME", .help = "stop in time, keep what is done: 90, 10m, 2h",
	 AT(max_time_ms), .max = MAX_TIME_MS, RUNS},
	{"threads", .kind = OPT_COUNT, .arg = "N", .help = "that build the index; else one a processor", AT(threads),
	 .max = 256, RUNS, .more = true},
	{"numa", .kind = OPT_WORD, .arg = "WHEN", .help = "keep threads near their memory: auto or off", AT(numa),
	 .words = numas, RUNS, .more = true},
};

static const struct program program = {
	.name = "engram-consolidate",
	.purpose = "Takes in what was stored since it last ran, so that recall is quick; never\n"
	           "needed for anything to be found.",
	.usages = (const char *const[]){"[OPTION]...", NULL},
	.examples = (const char *const[]){"engram-consolidate --check",
	                                  "engram-consolidate --all-spaces --quiet --wait=0 --max-time=10m", NULL},
	.exits = "0 done or nothing to do, 1 a difference, 2 usage, 3 some spaces\n"
	         "only, 66 no such space, 70 damaged, 75 busy or out of time (try again)",
	.others = "engram-store, engram-recall, engram-shipwal",
};

/* -- time ------------------------------------------------------------------------ */

/* What is left of --max-time, 1 at least; 0: there is no limit. */
static int64_t time_left_us(const struct consolidate *c)
{
	int64_t left;

	if (c->until_us == 0)
		return 0;
	left = c->until_us - clock_mono_us();
	return left > 0 ? left : 1;
}

static bool is_late(const struct consolidate *c)
{
	return c->until_us != 0 && clock_mono_us() >= c->until_us;
}

static int show_progress(void *data, const char *phase, uint64_t done, uint64_t total)
{
	struct consolidate *c = data;

	progress_show(&c->progress, phase, done, total);
	return stop_wanted() ? ENGRAM_ELIMIT : 0;
}

static int show_embedding(void *data, const char *phase, uint64_t done, uint64_t total)
{
	return is_late(data) ? ENGRAM_ELIMIT : show_progress(data, phase, done, total);
}

/* -- one space ---------------------------------------------------------------------- */

/* Looking does not need to write: it works on a read-only medium. */
static unsigned open_flags(const struct consolidate *c)
{
	bool writes = c->reembed || c->tasks & ~(unsigned)(ENGRAM_CHECK | ENGRAM_WARM);

	return writes && c->mode == CONSOLIDATE_TASKS && !c->cli.dry_run ? ENGRAM_WRITE : ENGRAM_READ;
}

/* Re-embedding first: the other tasks then see what it stated. */
static int run_tasks(struct consolidate *c, struct engram_report *r, struct engram_error *err)
{
	struct engram_consolidation how = {.tasks = c->tasks,
	                                   .dry_run = c->cli.dry_run,
	                                   .threads = (unsigned)c->threads,
	                                   .numa = (enum engram_numa)c->numa,
	                                   .progress = show_progress,
	                                   .data = c};
	struct engram_report made = {0};
	int code = 0;

	if (c->reembed)
		code = engram_reembed(c->cli.space, &made, c->embedder, c->cli.dry_run, show_embedding, c, err);
	how.max_time_us = time_left_us(c);
	if (code == 0)
		code = engram_consolidate(c->cli.space, r, &how, err);
	r->lacking = made.lacking;
	r->embedded = made.embedded;
	r->unembedded = made.unembedded;
	r->elapsed_us += made.elapsed_us;
	return code;
}

/* What was made stays, and the next run goes on from there. */
static void tell_unfinished(struct consolidate *c, const struct engram_report *r)
{
	if (c->reembed && r->embedded > 0 && r->embedded + r->unembedded < r->lacking)
		cli_warn(&c->cli, "embedded %s of %s; the next --re-embed goes on", cli_number(r->embedded),
		         cli_number(r->lacking));
}

static int run_space(struct consolidate *c, const char *space)
{
	struct cli *cli = &c->cli;
	struct engram_report r = {0};
	struct engram_error err = {0};
	int code;

	progress_begin(&c->progress, cli->program->name, (enum when)cli->progress, cli->quiet);
	code = run_tasks(c, &r, &err);
	progress_end(&c->progress);
	if (code == 0)
		report(c, space, &r);
	if (code == 0 && r.held > 0)
		report_held(c, space);
	engram_space_close(cli->space);
	cli->space = NULL;
	if (code < 0) {
		cli->status = engram_code_exit(code);
		if (!stop_wanted())
			cli_fail(cli, &err);
		tell_unfinished(c, &r);
		return cli->status;
	}
	if (r.differences == 0)
		return EXIT_DONE;
	report_difference(c, space, &r);
	return EXIT_NOTHING;
}

static int show_last(struct consolidate *c, const char *space)
{
	struct cli *cli = &c->cli;
	struct engram_error err = {0};
	struct engram_run run;
	int code = engram_last_run(cli->space, &run, &err);

	engram_space_close(cli->space);
	cli->space = NULL;
	if (code < 0) {
		cli_fail(cli, &err);
		return cli->status;
	}
	if (run.tasks == 0) {
		cli_note(cli, "space %s: no run that changed anything is known of", space);
		return EXIT_NOTHING;
	}
	report_last(c, space, &run);
	return EXIT_DONE;
}

/* Its exit status. */
static int take_space(struct consolidate *c, const char *space)
{
	c->cli.status = EXIT_DONE;
	c->cli.space_name = space;
	if (!cli_open_space(&c->cli, open_flags(c)))
		return c->cli.status;
	return c->mode == CONSOLIDATE_LAST ? show_last(c, space) : run_space(c, space);
}

/* -- all of them ----------------------------------------------------------------------- */

static void out_of_time(struct consolidate *c, size_t left, const char *first)
{
	struct engram_error err = {0};

	eng_err(&err, ENGRAM_ELIMIT, "the time given is not enough; %s spaces are left, the first is %s", cli_number(left),
	        first);
	eng_err_hint(&err, "what was done stays; the next run goes on");
	cli_fail(&c->cli, &err);
}

/* A space that is busy or damaged does not keep the others waiting. */
static void run_all(struct consolidate *c)
{
	struct cli *cli = &c->cli;
	const char **names = NULL;
	size_t n = 0, done = 0, i = 0;
	int first = EXIT_DONE;

	if (!cli_list_spaces(cli, &names, &n))
		return;
	for (; i < n && !stop_wanted() && !is_late(c); i++) {
		int status = take_space(c, names[i]);

		done += status == EXIT_DONE;
		if (first == EXIT_DONE)
			first = status;
	}
	/* Of spaces that never had a run there is nothing to tell. */
	if (c->mode == CONSOLIDATE_LAST && first == EXIT_NOTHING && done > 0)
		first = EXIT_DONE;
	cli->status = first != EXIT_DONE && done > 0 ? EXIT_PARTLY : first;
	cli->space_name = "";
	if (i < n && !stop_wanted())
		out_of_time(c, n - i, names[i]);
	engram_free(names);
}

/* -- the call --------------------------------------------------------------------------- */

static bool open_embedder(struct consolidate *c)
{
	struct engram_error err = {0};

	if (!embed_open(&c->cli, &c->embedder))
		return false;
	if (c->embedder)
		return true;
	eng_err(&err, ENGRAM_ECONFIG, "--re-embed: no embedder is set");
	eng_err_hint(&err, "ENGRAM_EMBED_COMMAND is the filter that makes the vectors");
	return cli_fail(&c->cli, &err);
}

static bool check_call(struct consolidate *c)
{
	struct cli *cli = &c->cli;

	if (cli->noperands > 0)
		return cli_usage(cli, "takes no operands, found \"%s\"; the space is --space", cli->operands[0]);
	if (c->all_spaces && cli->space_given)
		return cli_usage(cli, "--space: does not go with --all-spaces");
	if (c->index_only && (c->check || c->compact || c->warm || c->reembed))
		return cli_usage(cli, "--index-only: goes with no other task than --rebuild");
	if (c->mode == CONSOLIDATE_LAST && cli->dry_run)
		return cli_usage(cli, "--dry-run: does not go with --last, which changes nothing");
	return true;
}

static unsigned tasks_of(const struct consolidate *c)
{
	unsigned t = (c->check ? ENGRAM_CHECK : 0u) | (c->compact ? ENGRAM_COMPACT : 0u) |
	             (c->warm ? ENGRAM_WARM : 0u);

	if (c->index_only)
		return c->rebuild ? ENGRAM_FOLD_ANEW : ENGRAM_FOLD_ANY;
	if (c->rebuild)
		return t | ENGRAM_REBUILD | ENGRAM_FOLD;
	return t ? t : ENGRAM_APPLY | ENGRAM_FOLD;
}

static void run(struct consolidate *c)
{
	struct cli *cli = &c->cli;

	if (!check_call(c))
		return;
	c->tasks = tasks_of(c);
	if (c->reembed && !open_embedder(c))
		return;
	if (c->max_time_ms > 0)
		c->until_us = clock_mono_us() + (int64_t)c->max_time_ms * 1000;
	stop_catch();
	if (c->all_spaces)
		run_all(c);
	else
		cli->status = take_space(c, cli->space_name);
}

int main(int argc, char **argv)
{
	struct consolidate c = {0};
	struct opt_table own = {.options = options, .n = ENG_COUNT(options), .target = &c};

	if (cli_begin(&c.cli, &program, &own, argc, argv))
		run(&c);
	engram_embedder_close(c.embedder);
	return cli_end(&c.cli);
}
