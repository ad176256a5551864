/* engram-consolidate - keep a memory space in order: take in what waits, check,
 * rebuild, remove forgotten bytes, warm. */
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/json.h"
#include "base/types.h"
#include "common/cli.h"
#include "common/embed.h"
#include "common/record.h"
#include "common/stop.h"

struct consolidate {
	struct cli cli;
	bool check, rebuild, compact, warm, reembed;
	struct engram_embedder *embedder; /* with --re-embed */
	bool all_spaces;
	unsigned tasks; /* enum engram_task, or'ed; what the flags come to */
	struct progress progress;
};

#define AT(field) .at = offsetof(struct consolidate, field)

static const struct opt options[] = {
	{"check", .kind = OPT_FLAG, .help = "read every byte, name the first bad one", AT(check)},
	{"rebuild", .kind = OPT_FLAG, .help = "derive everything anew from the log", AT(rebuild)},
	{"compact", .kind = OPT_FLAG, .help = "give back what files hold unused", AT(compact)},
	{"warm", .kind = OPT_FLAG, .help = "read into memory what recall needs", AT(warm)},
	{"re-embed", .kind = OPT_FLAG, .help = "give texts that lack one the embedder's vector", AT(reembed)},
	{"all-spaces", .kind = OPT_FLAG, .help = "every space of the home", AT(all_spaces)},
};

static const struct program program = {
	.name = "engram-consolidate",
	.purpose = "Takes in what was stored since it last ran, so that recall is quick; never\n"
	           "needed for anything to be found.",
	.usages = (const char *const[]){"[OPTION]...", NULL},
	.examples = (const char *const[]){"engram-consolidate --check",
	                                  "engram-consolidate --all-spaces --quiet --wait=0", NULL},
	.exits = "0 done or nothing to do, 1 a difference, 2 usage, 3 some spaces\n"
	         "only, 66 no such space, 70 damaged, 75 busy (try again)",
	.others = "engram-store, engram-recall, engram-shipwal",
};

struct task {
	unsigned task;
	const char *name;
};

static const struct task tasks[] = {
	{ENGRAM_APPLY, "apply"},     {ENGRAM_CHECK, "check"}, {ENGRAM_REBUILD, "rebuild"},
	{ENGRAM_COMPACT, "compact"}, {ENGRAM_WARM, "warm"},
};

/* -- reporting ----------------------------------------------------------------- */

static void digest_text(char out[33], const uint8_t digest[16])
{
	for (int i = 0; i < 16; i++) {
		out[2 * i] = "0123456789abcdef"[digest[i] >> 4];
		out[2 * i + 1] = "0123456789abcdef"[digest[i] & 15];
	}
	out[32] = 0;
}

static void report_json(struct consolidate *c, const char *space, const struct engram_report *r)
{
	struct eng_json_out o;
	char digest[33];

	digest_text(digest, r->digest);
	record_begin(&o, &c->cli.out.buf, "report");
	record_key_str(&o, "space", space);
	eng_json_key(&o, "tasks"), eng_json_array(&o);
	if (c->reembed)
		eng_json_str(&o, "re-embed", 8);
	for (size_t i = 0; i < ENG_COUNT(tasks); i++)
		if (c->tasks & tasks[i].task)
			eng_json_str(&o, tasks[i].name, strlen(tasks[i].name));
	eng_json_array_end(&o);
	eng_json_key(&o, "dry_run"), eng_json_bool(&o, c->cli.dry_run);
	record_key_u64(&o, "frames", r->frames);
	record_key_u64(&o, "bytes", r->bytes);
	record_key_u64(&o, "applied", r->applied);
	record_key_u64(&o, "held", r->held);
	record_key_u64(&o, "memories", r->memories);
	record_key_u64(&o, "purged", r->purged);
	record_key_u64(&o, "freed_bytes", r->freed_bytes);
	if (c->reembed) {
		record_key_u64(&o, "lacking", r->lacking);
		record_key_u64(&o, "embedded", r->embedded);
		record_key_u64(&o, "unembedded", r->unembedded);
	}
	record_key_u64(&o, "differences", r->differences);
	if (r->differences > 0)
		record_key_str(&o, "first_difference", r->first_difference);
	record_key_str(&o, "digest", digest);
	record_key_u64(&o, "elapsed_us", (uint64_t)r->elapsed_us);
	eng_json_object_end(&o);
	out_end(&c->cli.out);
}

/* space, quantity, value: tabs in a pipe, aligned on a terminal. */
static void row(struct consolidate *c, const char *space, const char *name, const char *value)
{
	if (c->cli.out.tty)
		out_printf(&c->cli.out, "%-16s  %-12s  %s", space, name, value);
	else
		out_printf(&c->cli.out, "%s\t%s\t%s", space, name, value);
	out_end(&c->cli.out);
}

static void row_number(struct consolidate *c, const char *space, const char *name, uint64_t v)
{
	char text[24];

	snprintf(text, sizeof text, "%llu", (unsigned long long)v);
	row(c, space, name, c->cli.out.tty ? cli_number(v) : text);
}

/* What waits was received but does not show yet: told whatever was asked. */
static void report_held(struct consolidate *c, const char *space, const struct engram_report *r)
{
	if (r->held > 0)
		cli_warn(&c->cli, "space %s: %s frames wait: their clock is ahead, or what they rest on has not come",
		         space, cli_number(r->held));
}

/* What the tasks asked for can have changed; a run that only applied, and found
 * nothing waiting, says nothing. */
static void report_rows(struct consolidate *c, const char *space, const struct engram_report *r)
{
	unsigned t = c->tasks;
	char digest[33];

	if (c->reembed) {
		row_number(c, space, "lacking", r->lacking);
		row_number(c, space, "embedded", r->embedded);
		row_number(c, space, "unembedded", r->unembedded);
	}
	if (t == ENGRAM_APPLY && r->applied == 0 && r->purged == 0)
		return;
	if (t & (ENGRAM_CHECK | ENGRAM_REBUILD)) {
		row_number(c, space, "frames", r->frames);
		row_number(c, space, "bytes", r->bytes);
	}
	if (t & (ENGRAM_APPLY | ENGRAM_REBUILD))
		row_number(c, space, c->cli.dry_run ? "would-apply" : "applied", r->applied);
	if (t & (ENGRAM_APPLY | ENGRAM_REBUILD | ENGRAM_CHECK))
		row_number(c, space, "memories", r->memories);
	if (t & ENGRAM_COMPACT || r->purged > 0)
		row_number(c, space, c->cli.dry_run ? "would-purge" : "purged", r->purged);
	if (t & ENGRAM_COMPACT)
		row_number(c, space, c->cli.dry_run ? "would-free" : "freed", r->freed_bytes);
	if (t & ENGRAM_WARM)
		row_number(c, space, "warmed", r->bytes);
	if (t & ENGRAM_CHECK) {
		row_number(c, space, "differences", r->differences);
		digest_text(digest, r->digest);
		row(c, space, "digest", digest);
	}
}

static void report(struct consolidate *c, const char *space, const struct engram_report *r)
{
	if (c->cli.quiet)
		return;
	if (c->cli.json)
		report_json(c, space, r);
	else
		report_rows(c, space, r);
}

static void report_difference(struct consolidate *c, const char *space, const struct engram_report *r)
{
	struct engram_error err = {0};

	eng_err(&err, ENGRAM_OK, "space \"%s\": %s derived items differ from the log, first %s", space,
	        cli_number(r->differences), r->first_difference);
	eng_err_object(&err, space);
	eng_err_hint(&err, "engram-consolidate --rebuild mends it");
	cli_report(&c->cli, &err, EXIT_NOTHING);
}

/* -- running -------------------------------------------------------------------- */

static int show_progress(void *data, const char *phase, uint64_t done, uint64_t total)
{
	struct consolidate *c = data;

	progress_show(&c->progress, phase, done, total);
	return stop_wanted() ? ENGRAM_ELIMIT : 0;
}

/* Looking does not need to write: it works on a read-only medium. */
static unsigned open_flags(const struct consolidate *c)
{
	bool writes = c->reembed || c->tasks & (ENGRAM_APPLY | ENGRAM_REBUILD | ENGRAM_COMPACT);

	return writes && !c->cli.dry_run ? ENGRAM_WRITE : ENGRAM_READ;
}

/* Re-embedding first: the other tasks then see what it stated. */
static int run_tasks(struct consolidate *c, struct engram_report *r, struct engram_error *err)
{
	const struct engram_consolidation how = {
		.tasks = c->tasks, .dry_run = c->cli.dry_run, .progress = show_progress, .data = c};
	struct engram_report made = {0};
	int code = 0;

	if (c->reembed)
		code = engram_reembed(c->cli.space, &made, c->embedder, c->cli.dry_run, show_progress, c, err);
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

/* One space; its exit status. */
static int run_space(struct consolidate *c, const char *space)
{
	struct cli *cli = &c->cli;
	struct engram_report r = {0};
	struct engram_error err = {0};
	int code;

	cli->status = EXIT_DONE;
	cli->space_name = space;
	if (!cli_open_space(cli, open_flags(c)))
		return cli->status;
	progress_begin(&c->progress, cli->program->name, (enum when)cli->progress, cli->quiet);
	code = run_tasks(c, &r, &err);
	progress_end(&c->progress);
	engram_space_close(cli->space);
	cli->space = NULL;
	if (code < 0) {
		cli->status = engram_code_exit(code);
		if (!stop_wanted())
			cli_fail(cli, &err);
		tell_unfinished(c, &r);
		return cli->status;
	}
	report(c, space, &r);
	report_held(c, space, &r);
	if (r.differences == 0)
		return EXIT_DONE;
	report_difference(c, space, &r);
	return EXIT_NOTHING;
}

/* A space that is busy or damaged does not keep the others waiting. */
static void run_all(struct consolidate *c)
{
	struct cli *cli = &c->cli;
	const char **names = NULL;
	size_t n = 0, done = 0;
	int first = EXIT_DONE;

	if (!cli_list_spaces(cli, &names, &n))
		return;
	for (size_t i = 0; i < n && !stop_wanted(); i++) {
		int status = run_space(c, names[i]);

		done += status == EXIT_DONE;
		if (first == EXIT_DONE)
			first = status;
	}
	engram_free(names);
	cli->status = first != EXIT_DONE && done > 0 ? EXIT_PARTLY : first;
	cli->space_name = "";
}

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

static void run(struct consolidate *c)
{
	struct cli *cli = &c->cli;

	if (cli->noperands > 0) {
		cli_usage(cli, "takes no operands, found \"%s\"; the space is --space", cli->operands[0]);
		return;
	}
	if (c->all_spaces && c->cli.space_given) {
		cli_usage(cli, "--space: does not go with --all-spaces");
		return;
	}
	c->tasks = (c->check ? ENGRAM_CHECK : 0u) | (c->rebuild ? ENGRAM_REBUILD : 0u) |
	           (c->compact ? ENGRAM_COMPACT : 0u) | (c->warm ? ENGRAM_WARM : 0u);
	if (!c->tasks)
		c->tasks = ENGRAM_APPLY;
	if (c->reembed && !open_embedder(c))
		return;
	stop_catch();
	if (c->all_spaces)
		run_all(c);
	else
		cli->status = run_space(c, cli->space_name);
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
