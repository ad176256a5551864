/* store-import.c - memories from NDJSON, and their export, which is its inverse. */
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/types.h"
#include "common/clock.h"
#include "common/lines.h"
#include "common/record.h"
#include "common/stop.h"
#include "store-jobs.h"

struct import {
	struct store *store;
	struct batch batch;
	bool writing; /* the batch has begun: no adopting any more */
	uint64_t left_out; /* conflicts */
	struct record record;
	struct progress progress;
};

/* The space's own id and birth, from the first line of an export.  A space that
 * has this id already took it from the same file: importing again is harmless. */
static bool adopt(struct import *im, struct engram_error *err)
{
	struct engram_space *space = im->store->cli.space;
	const struct record *r = &im->record;
	struct engram_space_info info;

	if (!im->store->adopt || im->store->cli.dry_run)
		return true;
	if (engram_space_info(space, &info, err) < 0)
		return false;
	if (eng_id_cmp(&info.id, &r->space_id) == 0)
		return true;
	return engram_space_adopt(space, &r->space_id, r->created_us, err) == 0;
}

static bool begin_writing(struct import *im)
{
	if (im->writing || im->store->cli.dry_run)
		return true;
	im->writing = true;
	return batch_begin(&im->batch, ENGRAM_BULK);
}

/* Other bodies of the same id come back beside it where ids are kept.  Under an
 * id of its own each would be a memory that nobody stored: they are left out,
 * and counted. */
static void import_memory(struct import *im, const char *place)
{
	struct engram_memory *m = &im->record.memory;

	if (!begin_writing(im) || im->store->cli.dry_run)
		return;
	if (!im->store->adopt) {
		im->left_out += m->nconflicts;
		m->nconflicts = 0;
	}
	batch_put(&im->batch, place, m);
}

static void import_line(struct import *im, const struct lines *l, struct engram_str line)
{
	struct engram_error err = {0};
	char place[256];
	bool fatal = false;
	int r = record_read(&im->record, line.p, line.n, &err);

	snprintf(place, sizeof place, "%.200s:%llu", l->name, (unsigned long long)l->number);
	if (r == 0 && im->record.type == RECORD_SUMMARY)
		return;
	if (r == 0 && im->record.type == RECORD_SPACE) {
		if (adopt(im, &err))
			return;
		r = err.code;
		fatal = true; /* no line behind it would go where it should */
	}
	im->batch.total += im->record.type != RECORD_SPACE;
	if (r == 0) {
		import_memory(im, place);
	} else if (r == ENGRAM_EINPUT && !fatal) {
		batch_refuse(&im->batch, place, &err);
	} else {
		eng_err_prefix(&err, "%s", place);
		im->batch.failed = true;
		cli_fail(&im->store->cli, &err);
	}
}

static void import_long(struct import *im, const struct lines *l)
{
	struct engram_error err = {0};
	char place[256];

	snprintf(place, sizeof place, "%.200s:%llu", l->name, (unsigned long long)l->number);
	eng_err(&err, ENGRAM_EINPUT, "record: wanted at most %u bytes, found more", RECORD_LINE_MAX);
	im->batch.total++;
	batch_refuse(&im->batch, place, &err);
}

static void import_file(struct import *im, const char *path)
{
	struct cli *cli = &im->store->cli;
	struct lines l;
	struct engram_str line;
	struct engram_error err = {0};
	enum lines_result r = LINES_WAIT;

	if (lines_open(&l, path, '\n', RECORD_LINE_MAX, &err) < 0) {
		im->batch.failed = true;
		cli_fail(cli, &err);
		return;
	}
	while (!im->batch.failed && r != LINES_END && r != LINES_FAILED && r != LINES_STOP) {
		r = lines_next(&l, &line, im->batch.n == 0, &err);
		if (r == LINES_WAIT)
			batch_commit(&im->batch);
		else if (r == LINES_LONG)
			import_long(im, &l);
		else if (r == LINES_LINE && line.n > 0)
			import_line(im, &l, line);
		progress_show(&im->progress, "importing", im->batch.total, 0);
	}
	if (r == LINES_STOP)
		cli->status = EXIT_PARTLY;
	if (r == LINES_FAILED)
		cli_fail(cli, &err);
	lines_close(&l);
}

static void report_json(const struct import *im, int64_t elapsed_us)
{
	struct cli *cli = &im->store->cli;
	const struct batch *b = &im->batch;
	struct eng_json_out o;

	record_begin(&o, &cli->out.buf, "report");
	record_key_str(&o, "space", cli->space_name);
	eng_json_key(&o, "dry_run"), eng_json_bool(&o, cli->dry_run);
	record_key_u64(&o, "total", b->total);
	/* A dry run looks nothing up: known and new are told apart by storing. */
	record_key_u64(&o, "imported", cli->dry_run ? 0 : b->stored);
	record_key_u64(&o, "known", b->known);
	record_key_u64(&o, "rejected", b->rejected);
	record_key_u64(&o, "elapsed_us", (uint64_t)elapsed_us);
	eng_json_object_end(&o);
	out_end(&cli->out);
}

static void report(const struct import *im, int64_t elapsed_us)
{
	struct cli *cli = &im->store->cli;
	const struct batch *b = &im->batch;

	if (cli->quiet)
		return;
	if (cli->json) {
		report_json(im, elapsed_us);
		return;
	}
	if (cli->dry_run)
		out_printf(&cli->out, "would import %s of %s, less what is known already: %s rejected; nothing written",
		           cli_number(b->total - b->rejected), cli_number(b->total), cli_number(b->rejected));
	else
		out_printf(&cli->out, "imported %s of %s: %s already known, %s rejected, %llu.%llu s",
		           cli_number(b->stored), cli_number(b->total), cli_number(b->known),
		           cli_number(b->rejected), (unsigned long long)(elapsed_us / 1000000),
		           (unsigned long long)(elapsed_us / 100000 % 10));
	out_end(&cli->out);
}

/* Dry runs have no writer: only the counts are to be judged. */
static void end(struct import *im)
{
	if (im->writing)
		batch_end(&im->batch);
	else if (im->store->cli.status == EXIT_DONE && im->batch.rejected > 0)
		im->store->cli.status = im->batch.rejected < im->batch.total && !im->store->strict
		                                ? EXIT_PARTLY
		                                : engram_code_exit(ENGRAM_EINPUT);
}

void store_import(struct store *s)
{
	struct cli *cli = &s->cli;
	struct import im = {.store = s, .batch = {.store = s}};
	int64_t begin_us = clock_mono_us();

	if (cli->noperands == 0) {
		cli_usage(cli, "--import: needs a FILE, or - for standard input");
		return;
	}
	if (cli->dry_run ? store_open_dry(s) < 0 : !store_open_writable(s))
		return;
	im.record.drop = (s->preserve ? 0u : ENGRAM_STORED) | (s->adopt ? 0u : ENGRAM_ID);
	stop_catch();
	progress_begin(&im.progress, cli->program->name, (enum when)cli->progress, cli->quiet);
	for (size_t i = 0; i < cli->noperands && !im.batch.failed && !stop_wanted(); i++)
		import_file(&im, cli->operands[i]);
	progress_end(&im.progress);
	end(&im);
	record_free(&im.record);
	if (im.left_out > 0)
		cli_warn(cli, "%s conflicting bodies left out (--adopt keeps them)", cli_number(im.left_out));
	report(&im, clock_mono_us() - begin_us);
}

/* -- export ---------------------------------------------------------------- */

static int export_memory(void *data, const struct engram_memory *m)
{
	struct out *out = data;
	struct eng_json_out o;

	record_begin(&o, &out->buf, "memory");
	record_write_memory(&o, m);
	eng_json_object_end(&o);
	out_end(out);
	return out->os ? ENGRAM_EIO : 0;
}

static void export_space(struct cli *cli, const struct engram_space_info *info)
{
	struct eng_json_out o;

	record_begin(&o, &cli->out.buf, "space");
	eng_json_key(&o, "id"), eng_json_id(&o, &info->id);
	eng_json_key(&o, "created"), eng_json_time(&o, info->created_us);
	eng_json_key(&o, "features"), eng_json_array(&o), eng_json_array_end(&o);
	eng_json_object_end(&o);
	out_end(&cli->out);
}

void store_export(struct store *s)
{
	struct cli *cli = &s->cli;
	struct engram_space_info info;
	struct engram_error err = {0};

	if (cli->noperands > 0) {
		cli_usage(cli, "--export: takes no operands, the space is --space");
		return;
	}
	if (!cli_open_space(cli, ENGRAM_READ))
		return;
	cli->out.end = '\n'; /* NDJSON, whatever -0 says */
	if (engram_space_info(cli->space, &info, &err) == 0) {
		export_space(cli, &info);
		engram_export(cli->space, export_memory, &cli->out, &err);
	}
	if (err.code && !cli->out.os)
		cli_fail(cli, &err);
}
