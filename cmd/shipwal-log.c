/* shipwal-log.c - looking at a log: how far it is, whether it is sound, what is in it. */
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/json.h"
#include "base/num.h"
#include "common/record.h"
#include "common/stop.h"
#include "common/text.h"
#include "shipwal-jobs.h"

int shipwal_progress(void *data, const char *phase, uint64_t done, uint64_t total)
{
	struct shipwal *s = data;

	progress_show(&s->progress, phase, done, total);
	return stop_wanted() ? ENGRAM_ELIMIT : 0;
}

bool shipwal_after(struct shipwal *s, struct engram_position **at, size_t *n)
{
	struct engram_error err = {0};

	*at = NULL;
	*n = 0;
	if (!s->after || engram_position_parse(at, n, s->after, &err) == 0)
		return true;
	if (err.code != ENGRAM_EUSAGE)
		return cli_fail(&s->cli, &err);
	eng_err_prefix(&err, "--after");
	eng_err_object(&err, "--after");
	return cli_fail(&s->cli, &err);
}

static void hex(char *out, const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		snprintf(out + 2 * i, 3, "%02x", p[i]);
}

static void key_series(struct eng_json_out *o, const char *key, const uint8_t series[16])
{
	char text[33];

	hex(text, series, 16);
	record_key_str(o, key, text);
}

static void key_check(struct eng_json_out *o, const char *key, uint32_t check)
{
	char text[9];

	snprintf(text, sizeof text, "%08x", (unsigned)check);
	record_key_str(o, key, text);
}

/* space, quantity, value: tabs in a pipe, aligned on a terminal. */
static void row(struct cli *cli, const char *name, const char *value)
{
	if (cli->out.tty)
		out_printf(&cli->out, "%-16s  %-8s  ", cli->space_name, name);
	else
		out_printf(&cli->out, "%s\t%s\t", cli->space_name, name);
	eng_buf_str(&cli->out.buf, value); /* however long */
	out_end(&cli->out);
}

static void row_number(struct cli *cli, const char *name, uint64_t v)
{
	char text[24];

	snprintf(text, sizeof text, "%llu", (unsigned long long)v);
	row(cli, name, cli->out.tty ? cli_number(v) : text);
}

/* -- position ------------------------------------------------------------------------- */

static const char *const wait_names[] = {[ENGRAM_WAIT_CLOCK] = "clock", [ENGRAM_WAIT_FORGET] = "forget",
                                         [ENGRAM_WAIT_VERSION] = "version"};

static void waiting_json(struct eng_json_out *o, const struct engram_waiting *w)
{
	eng_json_object(o);
	key_series(o, "series", w->at.series);
	record_key_u64(o, "seq", w->at.seq);
	record_key_u64(o, "frames", w->frames);
	record_key_str(o, "for", wait_names[w->wait]);
	if (w->wait == ENGRAM_WAIT_CLOCK)
		eng_json_key(o, "until"), eng_json_time(o, w->until_us);
	if (w->has_id)
		eng_json_key(o, "id"), eng_json_id(o, &w->id);
	eng_json_object_end(o);
}

static void notes_json(struct eng_json_out *o, const struct engram_standing *at)
{
	char series[33];

	if (at->nwaiting)
		eng_json_key(o, "waiting"), eng_json_array(o);
	for (size_t i = 0; i < at->nwaiting; i++)
		waiting_json(o, &at->waiting[i]);
	if (at->nwaiting)
		eng_json_array_end(o);
	if (at->nretired)
		eng_json_key(o, "retired"), eng_json_array(o);
	for (size_t i = 0; i < at->nretired; i++) {
		hex(series, at->retired[i], 16);
		eng_json_str(o, series, 32);
	}
	if (at->nretired)
		eng_json_array_end(o);
}

static void position_json(struct cli *cli, const struct engram_standing *at, const char *received,
                          const char *applied)
{
	struct eng_json_out o;
	char digest[33];

	hex(digest, at->digest, sizeof at->digest);
	record_begin(&o, &cli->out.buf, "position");
	record_key_str(&o, "space", cli->space_name);
	record_key_u64(&o, "series", at->nreceived);
	record_key_str(&o, "received", received);
	record_key_str(&o, "applied", applied);
	record_key_u64(&o, "held", at->held);
	record_key_str(&o, "digest", digest);
	notes_json(&o, at);
	eng_json_object_end(&o);
	out_end(&cli->out);
}

static void waiting_row(struct cli *cli, const struct engram_waiting *w)
{
	char text[160], name[33], id[ENGRAM_ID_TEXT + 1], time[ENG_TIME_TEXT];

	hex(name, w->at.series, 16);
	engram_id_format(id, &w->id);
	eng_format_time(time, w->until_us);
	snprintf(text, sizeof text, "%s:%llu, frames %llu: %s%s", name, (unsigned long long)w->at.seq,
	         (unsigned long long)w->frames,
	         w->wait == ENGRAM_WAIT_CLOCK     ? "until "
	         : w->wait == ENGRAM_WAIT_VERSION ? "for a newer program"
	         : w->has_id                      ? "for a forget of "
	                                          : "for a peer that has it whole",
	         w->wait == ENGRAM_WAIT_CLOCK ? time : w->has_id ? id : "");
	row(cli, "waiting", text);
}

/* In a pipe the position alone, as --after takes it. */
static void position_rows(struct cli *cli, const struct engram_standing *at, const char *received,
                          const char *applied)
{
	char digest[33], name[33];

	if (!cli->out.tty && !cli->verbose) {
		eng_buf_str(&cli->out.buf, received);
		out_end(&cli->out);
		return;
	}
	hex(digest, at->digest, sizeof at->digest);
	row(cli, "received", received);
	row(cli, "applied", applied);
	row_number(cli, "held", at->held);
	for (size_t i = 0; i < at->nwaiting; i++)
		waiting_row(cli, &at->waiting[i]);
	for (size_t i = 0; i < at->nretired; i++) {
		hex(name, at->retired[i], 16);
		row(cli, "retired", name);
	}
	row(cli, "digest", digest);
}

void shipwal_position(struct shipwal *s)
{
	struct cli *cli = &s->cli;
	struct engram_standing at = {0};
	struct engram_error err = {0};
	char *received = NULL, *applied = NULL;

	if (!cli_open_space(cli, ENGRAM_READ))
		return;
	if (engram_standing(cli->space, &at, &err) < 0 ||
	    engram_position_format(&received, at.received, at.nreceived, &err) < 0 ||
	    engram_position_format(&applied, at.applied, at.napplied, &err) < 0)
		cli_fail(cli, &err);
	else if (cli->json)
		position_json(cli, &at, received, applied);
	else
		position_rows(cli, &at, received, applied);
	engram_free(received);
	engram_free(applied);
	engram_standing_free(&at);
}

/* -- verify ----------------------------------------------------------------------------- */

static void verify_report(struct cli *cli, const struct engram_log_report *r)
{
	struct eng_json_out o;

	if (cli->quiet)
		return;
	if (!cli->json) {
		row_number(cli, "series", r->series);
		row_number(cli, "frames", r->frames);
		row_number(cli, "bytes", r->bytes);
		return;
	}
	record_begin(&o, &cli->out.buf, "report");
	record_key_str(&o, "space", cli->space_name);
	record_key_u64(&o, "series", r->series);
	record_key_u64(&o, "frames", r->frames);
	record_key_u64(&o, "bytes", r->bytes);
	record_key_u64(&o, "elapsed_us", (uint64_t)r->elapsed_us);
	eng_json_object_end(&o);
	out_end(&cli->out);
}

void shipwal_verify(struct shipwal *s)
{
	struct cli *cli = &s->cli;
	struct engram_log_report r;
	struct engram_error err = {0};
	int code;

	if (!cli_open_space(cli, ENGRAM_READ))
		return;
	stop_catch();
	progress_begin(&s->progress, cli->program->name, (enum when)cli->progress, cli->quiet);
	code = engram_verify(cli->space, &r, shipwal_progress, s, &err);
	progress_end(&s->progress);
	if (code == 0) {
		verify_report(cli, &r);
		return;
	}
	if (code == ENGRAM_EDAMAGED)
		eng_err_hint(&err, "engram-store --export --salvage gives what can be read; a peer may have the rest");
	cli->status = engram_code_exit(code);
	if (!stop_wanted())
		cli_fail(cli, &err);
}

/* -- cat -------------------------------------------------------------------------------- */

static void key_position(struct eng_json_out *o, const char *key, const struct engram_position *at)
{
	eng_json_key(o, key);
	eng_json_object(o);
	key_series(o, "series", at->series);
	record_key_u64(o, "seq", at->seq);
	eng_json_object_end(o);
}

static void put_subjects(struct eng_json_out *o, const struct engram_frame *f)
{
	if (f->nsubjects == 0)
		return;
	eng_json_key(o, "subjects"), eng_json_array(o);
	for (size_t i = 0; i < f->nsubjects; i++)
		eng_json_id(o, &f->subjects[i]);
	eng_json_array_end(o);
}

static void put_refs(struct eng_json_out *o, const struct engram_frame *f)
{
	if (f->nrefs == 0)
		return;
	eng_json_key(o, "refs"), eng_json_array(o);
	for (size_t i = 0; i < f->nrefs; i++) {
		eng_json_object(o);
		key_series(o, "series", f->refs[i].at.series);
		record_key_u64(o, "seq", f->refs[i].at.seq);
		key_check(o, "check", f->refs[i].at.check);
		if (f->refs[i].element)
			record_key_u64(o, "element", f->refs[i].element);
		eng_json_object_end(o);
	}
	eng_json_array_end(o);
}

static void put_frame(struct eng_json_out *o, const struct engram_frame *f)
{
	key_series(o, "series", f->at.series);
	record_key_u64(o, "seq", f->at.seq);
	key_check(o, "check", f->at.check);
	eng_json_key(o, "time"), eng_json_time(o, f->time_us);
	record_key_u64(o, "counter", f->counter);
	eng_json_key(o, "kind");
	if (f->kind_name)
		eng_json_str(o, f->kind_name, strlen(f->kind_name));
	else
		eng_json_u64(o, f->kind);
	record_key_u64(o, "bytes", f->bytes);
	if (f->critical) {
		eng_json_key(o, "critical"), eng_json_bool(o, true);
	}
	put_subjects(o, f);
	put_refs(o, f);
	if (f->run) {
		eng_json_key(o, "run"), eng_json_id(o, f->run);
	}
	if (f->stub) {
		key_position(o, "killer", &f->killer);
	} else {
		eng_json_key(o, "elements"), eng_json_raw(o, f->elements.p, f->elements.n);
	}
}

static int print_frame(void *data, const struct engram_frame *f)
{
	struct cli *cli = data;
	struct eng_json_out o;

	record_begin(&o, &cli->out.buf, "frame");
	put_frame(&o, f);
	eng_json_object_end(&o);
	out_end(&cli->out);
	return cli->out.os || stop_wanted() ? ENGRAM_ELIMIT : 0;
}

/* 1 to 32 hexadecimal digits. */
static bool check_series(struct shipwal *s)
{
	size_t n = s->series ? strlen(s->series) : 0;

	if (!s->series || (n >= 1 && n <= 32 && strspn(s->series, "0123456789abcdef") == n))
		return true;
	return cli_usage(&s->cli, "--series: wanted up to 32 of 0-9 a-f, found \"%s\"", s->series);
}

void shipwal_cat(struct shipwal *s)
{
	struct cli *cli = &s->cli;
	struct engram_position *after;
	struct engram_error err = {0};
	size_t n;
	int code;

	if (!check_series(s) || !shipwal_after(s, &after, &n))
		return;
	if (cli_open_space(cli, ENGRAM_READ)) {
		stop_catch();
		code = engram_frames(cli->space, after, n, s->series, print_frame, cli, &err);
		if (code < 0)
			cli->status = engram_code_exit(code);
		if (code < 0 && code != ENGRAM_ELIMIT)
			cli_fail(cli, &err);
	}
	engram_free(after);
}

/* -- retire ------------------------------------------------------------------------------- */

void shipwal_retire(struct shipwal *s)
{
	struct cli *cli = &s->cli;
	const char *series = cli->operands[0];
	struct engram_error err = {0};
	struct eng_json_out o;
	bool written = false;

	if (cli->dry_run) {
		cli_usage(cli, "--dry-run: does not go with retire");
		return;
	}
	if (!cli_open_space(cli, ENGRAM_WRITE))
		return;
	if (engram_retire(cli->space, &written, series, &err) < 0) {
		cli_fail(cli, &err);
		return;
	}
	cli_note(cli, "series %s in space %s: %s", series, cli->space_name, written ? "retired" : "was retired before");
	if (!cli->json || cli->quiet)
		return;
	record_begin(&o, &cli->out.buf, "report");
	record_key_str(&o, "space", cli->space_name);
	record_key_str(&o, "retired", series);
	eng_json_key(&o, "written"), eng_json_bool(&o, written);
	eng_json_object_end(&o);
	out_end(&cli->out);
}
