/* consolidate-report.c - what a run came to: rows of space, quantity and value for
 * people and awk, an object for programs.
 *
 * Rows tell what the tasks asked for can have changed; a run that found nothing to
 * do prints none, so that cron stays quiet. */
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/json.h"
#include "base/num.h"
#include "base/types.h"
#include "common/clock.h"
#include "common/record.h"
#include "consolidate-jobs.h"

#define FOLDS ((unsigned)(ENGRAM_FOLD | ENGRAM_FOLD_ANY | ENGRAM_FOLD_ANEW))

struct task {
	unsigned task;
	const char *name;
};

static const struct task tasks[] = {
	{ENGRAM_APPLY, "apply"},       {ENGRAM_CHECK, "check"},         {ENGRAM_REBUILD, "rebuild"},
	{ENGRAM_COMPACT, "compact"},   {ENGRAM_WARM, "warm"},           {ENGRAM_FOLD, "fold"},
	{ENGRAM_FOLD_ANY, "fold-any"}, {ENGRAM_FOLD_ANEW, "fold-anew"},
};

#define DIGEST_TEXT 33

static void digest_text(char out[DIGEST_TEXT], const uint8_t digest[16])
{
	for (int i = 0; i < 16; i++) {
		out[2 * i] = "0123456789abcdef"[digest[i] >> 4];
		out[2 * i + 1] = "0123456789abcdef"[digest[i] & 15];
	}
	out[32] = 0;
}

/* There are graphs. */
static bool has_view(const struct engram_report *r)
{
	static const uint8_t none[16];

	return memcmp(r->view_digest, none, sizeof none) != 0;
}

/* -- JSON ---------------------------------------------------------------------- */

static void key_digest(struct eng_json_out *o, const char *key, const uint8_t digest[16])
{
	char text[DIGEST_TEXT];

	digest_text(text, digest);
	record_key_str(o, key, text);
}

static void json_tasks(struct eng_json_out *o, unsigned t, bool reembed)
{
	eng_json_key(o, "tasks"), eng_json_array(o);
	if (reembed)
		eng_json_str(o, "re-embed", 8);
	for (size_t i = 0; i < ENG_COUNT(tasks); i++)
		if (t & tasks[i].task)
			eng_json_str(o, tasks[i].name, strlen(tasks[i].name));
	eng_json_array_end(o);
}

static void json_folded(struct eng_json_out *o, const struct engram_report *r)
{
	record_key_u64(o, "folded", r->folded);
	record_key_u64(o, "dropped", r->dropped);
	record_key_u64(o, "indexed", r->indexed);
	record_key_u64(o, "tail", r->tail);
	if (has_view(r)) {
		key_digest(o, "view_digest", r->view_digest);
		key_digest(o, "lineage", r->lineage);
	}
}

/* last NULL: the run that just ended. */
static void report_json(struct consolidate *c, const char *space, const struct engram_report *r,
                        const struct engram_run *last)
{
	unsigned t = last ? last->tasks : c->tasks;
	struct eng_json_out o;

	record_begin(&o, &c->cli.out.buf, "report");
	record_key_str(&o, "space", space);
	json_tasks(&o, t, c->reembed);
	eng_json_key(&o, "dry_run"), eng_json_bool(&o, c->cli.dry_run && !last);
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
	if (t & FOLDS)
		json_folded(&o, r);
	record_key_u64(&o, "differences", r->differences);
	if (r->differences > 0 && *r->first_difference)
		record_key_str(&o, "first_difference", r->first_difference);
	key_digest(&o, "digest", r->digest);
	record_key_u64(&o, "elapsed_us", (uint64_t)r->elapsed_us);
	if (last) {
		eng_json_key(&o, "ended"), eng_json_time(&o, last->ended_us);
		eng_json_key(&o, "upto"), eng_json_time(&o, last->upto_us);
		record_key_u64(&o, "threads", last->threads);
		eng_json_key(&o, "stopped"), eng_json_bool(&o, last->code != 0);
	}
	eng_json_object_end(&o);
	out_end(&c->cli.out);
}

/* -- rows ------------------------------------------------------------------------ */

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

static void row_digest(struct consolidate *c, const char *space, const char *name, const uint8_t digest[16])
{
	char text[DIGEST_TEXT];

	digest_text(text, digest);
	row(c, space, name, text);
}

static void row_seconds(struct consolidate *c, const char *space, const char *name, int64_t us)
{
	char text[32];

	snprintf(text, sizeof text, "%lld.%03lld s", (long long)(us / 1000000), (long long)(us / 1000 % 1000));
	row(c, space, name, text);
}

/* In a pipe the moment, on a terminal how long ago. */
static void row_time(struct consolidate *c, const char *space, const char *name, int64_t us)
{
	char moment[ENG_TIME_TEXT], ago[CLOCK_AGO_TEXT];

	eng_format_time(moment, us);
	clock_ago(ago, us, c->cli.now_us);
	row(c, space, name, c->cli.out.tty ? ago : moment);
}

static void rows_folded(struct consolidate *c, const char *space, const struct engram_report *r)
{
	row_number(c, space, c->cli.dry_run ? "would-fold" : "folded", r->folded);
	if (r->dropped > 0)
		row_number(c, space, c->cli.dry_run ? "would-drop" : "dropped", r->dropped);
	row_number(c, space, "indexed", r->indexed);
	row_number(c, space, "tail", r->tail);
}

static bool found_nothing_to_do(unsigned t, const struct engram_report *r)
{
	return !(t & ~(ENGRAM_APPLY | FOLDS)) && r->applied == 0 && r->purged == 0 && r->folded == 0 &&
	       r->dropped == 0;
}

static void report_rows(struct consolidate *c, const char *space, const struct engram_report *r)
{
	unsigned t = c->tasks;

	if (c->reembed) {
		row_number(c, space, "lacking", r->lacking);
		row_number(c, space, "embedded", r->embedded);
		row_number(c, space, "unembedded", r->unembedded);
	}
	if (found_nothing_to_do(t, r))
		return;
	if (t & (ENGRAM_CHECK | ENGRAM_REBUILD)) {
		row_number(c, space, "frames", r->frames);
		row_number(c, space, "bytes", r->bytes);
	}
	if (t & (ENGRAM_APPLY | ENGRAM_REBUILD) || r->applied > 0)
		row_number(c, space, c->cli.dry_run ? "would-apply" : "applied", r->applied);
	if (t & (ENGRAM_APPLY | ENGRAM_REBUILD | ENGRAM_CHECK))
		row_number(c, space, "memories", r->memories);
	if (r->folded > 0 || r->dropped > 0)
		rows_folded(c, space, r);
	if (t & ENGRAM_COMPACT || r->purged > 0)
		row_number(c, space, c->cli.dry_run ? "would-purge" : "purged", r->purged);
	if (t & ENGRAM_COMPACT)
		row_number(c, space, c->cli.dry_run ? "would-free" : "freed", r->freed_bytes);
	if (t & ENGRAM_WARM)
		row_number(c, space, "warmed", r->bytes);
	if (t & ENGRAM_CHECK) {
		row_number(c, space, "differences", r->differences);
		row_digest(c, space, "digest", r->digest);
	}
}

static void row_tasks(struct consolidate *c, const char *space, unsigned t)
{
	char text[80] = "";
	size_t n = 0;

	for (size_t i = 0; i < ENG_COUNT(tasks) && n < sizeof text; i++)
		if (t & tasks[i].task)
			n += (size_t)snprintf(text + n, sizeof text - n, "%s%s", n ? "," : "", tasks[i].name);
	row(c, space, "tasks", text);
}

static void last_rows(struct consolidate *c, const char *space, const struct engram_run *run)
{
	const struct engram_report *r = &run->report;

	row_time(c, space, "ended", run->ended_us);
	row_seconds(c, space, "took", r->elapsed_us);
	row_tasks(c, space, run->tasks);
	if (run->code != 0)
		row(c, space, "stopped", "yes");
	row_number(c, space, "threads", run->threads);
	row_time(c, space, "upto", run->upto_us);
	row_number(c, space, "applied", r->applied);
	row_number(c, space, "memories", r->memories);
	row_number(c, space, "purged", r->purged);
	row_number(c, space, "freed", r->freed_bytes);
	if (run->tasks & FOLDS)
		rows_folded(c, space, r);
	if (has_view(r)) {
		row_digest(c, space, "view", r->view_digest);
		row_digest(c, space, "lineage", r->lineage);
	}
}

/* -- what is asked for --------------------------------------------------------------- */

void report(struct consolidate *c, const char *space, const struct engram_report *r)
{
	if (c->cli.quiet)
		return;
	if (c->cli.json)
		report_json(c, space, r, NULL);
	else
		report_rows(c, space, r);
}

void report_last(struct consolidate *c, const char *space, const struct engram_run *run)
{
	if (c->cli.json)
		report_json(c, space, &run->report, run);
	else
		last_rows(c, space, run);
}

/* -- what waits ------------------------------------------------------------------------ */

/* Of more logs that wait only the number is told. */
#define HELD_SHOWN 5

static void tell_waiting(struct consolidate *c, const char *space, const struct engram_waiting *w)
{
	char series[DIGEST_TEXT], until[ENG_TIME_TEXT], id[ENGRAM_ID_TEXT + 1];
	const char *n = cli_number(w->frames);

	digest_text(series, w->at.series);
	series[8] = 0; /* enough of the log's directory to tell it from others */
	eng_format_time(until, w->until_us);
	engram_id_format(id, &w->id);
	switch (w->wait) {
	case ENGRAM_WAIT_CLOCK:
		cli_warn(&c->cli, "space %s: %s frames of log %s wait until %s: the clock that made them was ahead", space,
		         n, series, until);
		break;
	case ENGRAM_WAIT_FORGET:
		cli_warn(&c->cli, "space %s: %s frames of log %s wait for a forget%s%s that has not come: the next sync "
		                  "may bring it", space, n, series, w->has_id ? " of " : "", w->has_id ? id : "");
		break;
	case ENGRAM_WAIT_VERSION:
		cli_warn(&c->cli, "space %s: %s frames of log %s wait for a newer engram", space, n, series);
		break;
	}
}

void report_held(struct consolidate *c, const char *space)
{
	struct engram_standing at = {0};
	struct engram_error err = {0};

	if (engram_standing(c->cli.space, &at, &err) < 0) {
		cli_warn(&c->cli, "space %s: frames wait; why cannot be told: %s", space, err.message);
		return;
	}
	for (size_t i = 0; i < at.nwaiting && i < HELD_SHOWN; i++)
		tell_waiting(c, space, &at.waiting[i]);
	if (at.nwaiting > HELD_SHOWN)
		cli_warn(&c->cli, "space %s: %s more logs wait", space, cli_number(at.nwaiting - HELD_SHOWN));
	engram_standing_free(&at);
}

void report_difference(struct consolidate *c, const char *space, const struct engram_report *r)
{
	struct engram_error err = {0};

	eng_err(&err, ENGRAM_OK, "space \"%s\": %s derived items differ from the log, first %s", space,
	        cli_number(r->differences), r->first_difference);
	eng_err_object(&err, space);
	eng_err_hint(&err, "engram-consolidate --rebuild mends it");
	cli_report(&c->cli, &err, EXIT_NOTHING);
}
