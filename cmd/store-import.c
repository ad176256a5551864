/* store-import.c - memories from files of any format, and their export as NDJSON,
 * which is the inverse of importing that.
 *
 * What a format is like is behind the seam of import/source.h; here records are
 * counted, joined with their vectors, put and judged.  Importing again adds
 * nothing, so the way to go on after a kill is the same command once more; and
 * a --strict import is the same run twice, the first time without storing. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/types.h"
#include "common/clock.h"
#include "common/stop.h"
#include "import/source.h"
#include "import/spool.h"
#include "import/vectors.h"
#include "store-jobs.h"

/* What one batch of applying takes and the next takes again; the graph at the end has
 * its own. */
#define KEPT_MEMORY (64u << 20)

/* In the order of store_formats. */
static const struct source_format *const formats[] = {
	&source_ndjson, &source_lines, &source_records, &source_tsv, &source_sqlite, &source_vectors,
};
const char *const store_formats[] = {"ndjson", "lines", "records", "tsv", "sqlite", "vectors", NULL};

struct import {
	struct store *store;
	struct batch batch;
	const struct source_format *format;
	struct source_options options;
	struct source_input *inputs; /* one an operand */
	struct source_input beside;  /* --vectors; path NULL = none */
	struct source source;        /* of the input at hand */
	struct vectors vectors;      /* of `beside` */
	struct record record;
	struct engram_memory fields; /* given as options: for what a record does not state */
	char embedder[ENGRAM_FIELD_MAX];
	struct progress progress;
	bool writing;                /* the batch has begun: no adopting any more */
	bool cut;                    /* an input ended as none should: what came before is in */
	bool stopped;                /* by a signal */
	uint64_t left_out;           /* conflicts */
	bool foreign;                /* ids in it are those of another space */
	uint64_t links_left_out;     /* to such ids */
	uint64_t bytes, bytes_before; /* of all inputs, 0 = unknown; of those that are done */
	/* A run that goes on where another one ended: known memories first. */
	uint64_t known_first;
	bool went_on;
	char place[SOURCE_PLACE_TEXT]; /* where it went on, or was stopped */
};

static struct batch_place place_of(const struct source *s)
{
	return (struct batch_place){s->name, ':', s->number};
}

/* -- one record ------------------------------------------------------------------ */

/* The space's own id and birth, from the first line of an export.  A space that
 * has this id already took it from the same file: importing again is harmless. */
static int adopt(struct import *im, struct engram_error *err)
{
	struct engram_space *space = im->store->cli.space;
	const struct record *r = &im->record;
	struct engram_space_info info;
	int result;

	if (im->batch.judging)
		return 0;
	result = engram_space_info(space, &info, err);
	if (result < 0 || eng_id_cmp(&info.id, &r->space_id) == 0)
		return result;
	im->foreign = !im->store->adopt;
	if (im->foreign)
		return 0;
	return engram_space_adopt(space, &r->space_id, r->created_us, err);
}

/* What no later line could put right. */
static void fail(struct import *im, const struct engram_error *err)
{
	im->cut = err->code == ENGRAM_EINPUT;
	im->batch.failed = true;
	cli_fail(&im->store->cli, err);
}

static void fail_here(struct import *im, struct engram_error *err)
{
	char place[SOURCE_PLACE_TEXT];

	source_place(place, &im->source);
	eng_err_prefix(err, "%s", place);
	fail(im, err);
}

static bool begin_writing(struct import *im)
{
	if (im->writing)
		return true;
	im->writing = true;
	return batch_begin(&im->batch, ENGRAM_BULK | (im->store->text_later ? ENGRAM_TEXT_LATER : 0u));
}

/* The row of --vectors that counts along with the record at hand; *vector NULL
 * where there is none to take.  False: failed. */
static bool take_vector(struct import *im, const float **vector)
{
	struct engram_error err = {0};

	*vector = NULL;
	if (!im->beside.path)
		return true;
	switch (vectors_next(&im->vectors, vector, true, &err)) {
	case SOURCE_RECORD:
		return true;
	case SOURCE_END:
		eng_err(&err, ENGRAM_EINPUT, "--vectors: wanted a row for each record, found %llu rows",
		        (unsigned long long)im->vectors.row);
		fail_here(im, &err);
		return false;
	case SOURCE_FAILED:
		fail(im, &err);
		return false;
	default:
		im->stopped = true;
		return false;
	}
}

static void note_put(struct import *im)
{
	if (im->went_on)
		return;
	im->went_on = im->batch.last == ENGRAM_STORED_NEW;
	if (!im->went_on)
		im->known_first++;
	else if (im->known_first > 0)
		source_place(im->place, &im->source);
}

/* What a record does not state and the call does: fields, and what made a vector. */
static int fill(struct import *im, struct engram_error *err)
{
	struct engram_memory *m = &im->record.memory;
	int n;

	if (im->store->embedder && m->has & ENGRAM_VECTOR && m->embedder.n == 0) {
		n = snprintf(im->embedder, sizeof im->embedder, "%s/%zu/f32", im->store->embedder, m->dim);
		if (n < 0 || (size_t)n >= sizeof im->embedder)
			return eng_err(err, ENGRAM_EINPUT, "--embedder: too long");
		m->embedder = (struct engram_str){im->embedder, (size_t)n};
	}
	return im->fields.has ? record_fill(&im->record, &im->fields, err) : 0;
}

/* Without --adopt a memory gets an id of this space, and whoever led to its old
 * one leads nowhere. */
static void leave_out_links(struct import *im, struct engram_memory *m)
{
	struct engram_link *links = (struct engram_link *)(uintptr_t)m->links; /* the record's own */
	size_t kept = 0;

	for (size_t i = 0; im->foreign && i < m->nlinks; i++)
		if (links[i].key.p)
			links[kept++] = links[i];
	if (!im->foreign || m->nlinks == 0)
		return;
	im->links_left_out += m->nlinks - kept;
	m->nlinks = kept;
	if (kept == 0)
		m->has &= ~(unsigned)ENGRAM_LINKS;
}

/* Other bodies of the same id come back beside it where ids are kept.  Under an
 * id of its own each would be a memory that nobody stored: they are left out,
 * and counted. */
static void drop_conflicts(struct import *im)
{
	struct engram_memory *m = &im->record.memory;

	if (im->store->adopt)
		return;
	im->left_out += im->batch.judging ? 0 : m->nconflicts;
	m->nconflicts = 0;
}

static int join_vector(struct import *im, const float *vector, struct engram_error *err)
{
	struct engram_memory *m = &im->record.memory;

	if (!vector)
		return 0;
	if (m->has & ENGRAM_VECTOR)
		return eng_err(err, ENGRAM_EINPUT, "vector: wanted none beside --vectors, found one");
	m->vector = vector;
	m->dim = im->vectors.dim;
	m->has |= ENGRAM_VECTOR;
	return 0;
}

static void take_memory(struct import *im)
{
	struct engram_memory *m = &im->record.memory;
	struct engram_error err = {0};
	const float *vector;
	int r;

	if (!take_vector(im, &vector))
		return;
	leave_out_links(im, m);
	drop_conflicts(im);
	r = join_vector(im, vector, &err);
	if (r == 0)
		r = fill(im, &err);
	if (r == 0 && im->batch.judging)
		r = engram_check(m, &err);
	if (r == ENGRAM_EINPUT)
		batch_refuse(&im->batch, place_of(&im->source), &err);
	else if (r < 0)
		fail_here(im, &err);
	else if (!im->batch.judging && begin_writing(im) && batch_put(&im->batch, place_of(&im->source), m))
		note_put(im);
}

/* Judged as a link of any memory. */
static int judge_edge(const struct engram_link *l, struct engram_error *err)
{
	const struct engram_memory m = {.has = ENGRAM_TEXT | ENGRAM_LINKS, .text = {"-", 1}, .links = l, .nlinks = 1};

	return engram_check(&m, err);
}

static void take_edge(struct import *im)
{
	struct engram_error err = {0};

	if (im->foreign)
		im->links_left_out++;
	else if (im->batch.judging) {
		if (judge_edge(&im->record.link, &err) < 0)
			batch_refuse(&im->batch, place_of(&im->source), &err);
	} else if (begin_writing(im) &&
	           batch_link(&im->batch, place_of(&im->source), &im->record.from, &im->record.link))
		note_put(im);
}

static void take_record(struct import *im)
{
	struct engram_error err = {0};

	if (im->record.type == RECORD_SUMMARY)
		return;
	if (im->record.type == RECORD_SPACE) {
		if (adopt(im, &err) < 0)
			fail_here(im, &err); /* no line behind it would go where it should */
		return;
	}
	im->batch.total++;
	if (im->record.type == RECORD_EDGE)
		take_edge(im);
	else
		take_memory(im);
}

static void take_bad(struct import *im, struct engram_error *err)
{
	const float *vector;

	im->batch.total++;
	batch_refuse(&im->batch, place_of(&im->source), err);
	take_vector(im, &vector);
}

/* -- inputs ---------------------------------------------------------------------- */

static bool goes_on(const struct import *im)
{
	return !im->batch.failed && !im->stopped;
}

static void show_progress(struct import *im)
{
	progress_show_part(&im->progress, im->batch.judging ? "checking" : "importing", im->batch.total,
	                   im->bytes_before + im->source.bytes, im->bytes);
}

static void run_source(struct import *im)
{
	enum source_result r = SOURCE_RECORD;

	while (goes_on(im) && r != SOURCE_END) {
		struct engram_error err = {0};

		r = source_next(&im->source, &im->record, im->batch.n == 0, &err);
		switch (r) {
		case SOURCE_RECORD:
			take_record(im);
			break;
		case SOURCE_BAD:
			take_bad(im, &err);
			break;
		case SOURCE_WAIT:
			batch_commit(&im->batch);
			break;
		case SOURCE_STOP:
			im->stopped = true;
			break;
		case SOURCE_FAILED:
			fail(im, &err);
			break;
		case SOURCE_END:
			break;
		}
		show_progress(im);
	}
	if (im->stopped)
		source_place(im->place, &im->source);
}

static void run_input(struct import *im, const struct source_input *in)
{
	struct engram_error err = {0};

	if (source_open(&im->source, im->format, &im->options, in, &err) < 0) {
		fail(im, &err);
		return;
	}
	run_source(im);
	im->bytes_before += im->source.bytes;
	source_close(&im->source);
}

/* Rows that no record had: something is counted otherwise than was thought. */
static void check_vectors_end(struct import *im)
{
	struct engram_error err = {0};
	const float *vector;

	if (vectors_next(&im->vectors, &vector, true, &err) == SOURCE_RECORD)
		eng_err(&err, ENGRAM_EINPUT, "%.200s: wanted %llu rows, one for each record, found more",
		        im->beside.name, (unsigned long long)im->batch.total);
	if (err.code)
		fail(im, &err);
}

/* All inputs, from their beginnings. */
static void run_pass(struct import *im)
{
	struct engram_error err = {0};

	im->bytes_before = 0;
	if (im->beside.path && vectors_open(&im->vectors, &im->beside, &err) < 0) {
		fail(im, &err);
		return;
	}
	for (size_t i = 0; i < im->store->cli.noperands && goes_on(im); i++)
		run_input(im, &im->inputs[i]);
	if (im->beside.path) {
		if (goes_on(im))
			check_vectors_end(im);
		vectors_close(&im->vectors);
	}
}

/* --strict: nothing is stored before everything was found acceptable.  True:
 * now it may be. */
static bool judge_all(struct import *im)
{
	uint64_t shown;

	im->batch.judging = true;
	run_pass(im);
	im->batch.judging = false;
	if (im->batch.failed || im->stopped || im->batch.rejected > 0)
		return false;
	shown = im->batch.refusals_shown;
	im->batch = (struct batch){.store = im->store, .refusals_shown = shown};
	return true;
}

/* -- the way in and out ------------------------------------------------------------ */

/* What cannot be read twice is kept where it can. */
static bool keep_input(struct import *im, struct source_input *in)
{
	struct engram_error err = {0};
	int r = im->format->reads_path && in != &im->beside ? 0 : spool(&in->fd, in->path, &err);

	im->stopped |= r > 0;
	if (r < 0)
		fail(im, &err);
	return r == 0;
}

static bool set_inputs(struct import *im)
{
	struct cli *cli = &im->store->cli;
	struct engram_error err = {0};

	im->inputs = eng_calloc(cli->noperands, sizeof *im->inputs);
	if (!im->inputs) {
		eng_err_nomem(&err);
		return cli_fail(cli, &err);
	}
	for (size_t i = 0; i < cli->noperands; i++) {
		const char *path = cli->operands[i];

		im->inputs[i] = (struct source_input){path, strcmp(path, "-") == 0 ? "stdin" : path, -1};
	}
	im->beside = (struct source_input){im->store->vectors, im->store->vectors, -1};
	return true;
}

/* For the progress line: bytes of all inputs, where all are files. */
static uint64_t count_bytes(const struct import *im)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < im->store->cli.noperands; i++) {
		const struct source_input *in = &im->inputs[i];
		struct stat st;
		int r = in->fd >= 0 ? fstat(in->fd, &st) : stat(in->path, &st);

		if (r < 0 || !S_ISREG(st.st_mode) || im->format->reads_path)
			return 0;
		bytes += (uint64_t)st.st_size;
	}
	return bytes;
}

static void run(struct import *im)
{
	struct store *s = im->store;
	bool twice = s->strict && !s->cli.dry_run;

	for (size_t i = 0; twice && i < s->cli.noperands && goes_on(im); i++)
		keep_input(im, &im->inputs[i]);
	if (twice && im->beside.path && goes_on(im))
		keep_input(im, &im->beside);
	im->bytes = count_bytes(im);
	im->batch.judging = s->cli.dry_run;
	if (goes_on(im) && (!twice || judge_all(im)))
		run_pass(im);
}

/* Dry runs have no writer, and strict ones none that found something bad. */
static void end(struct import *im)
{
	struct batch *b = &im->batch;
	int *status = &im->store->cli.status;

	if (im->writing)
		batch_end(b);
	else if (*status == EXIT_DONE && b->rejected > 0)
		*status = b->rejected < b->total && !im->store->strict ? EXIT_PARTLY
		                                                      : engram_code_exit(ENGRAM_EINPUT);
	if (im->cut && b->stored + b->known > 0)
		*status = EXIT_PARTLY;
	if (im->stopped)
		*status = EXIT_PARTLY;
}

static bool check_call(struct import *im)
{
	struct store *s = im->store;
	struct cli *cli = &s->cli;
	const char *name = im->format->name;

	if (cli->noperands == 0)
		return cli_usage(cli, "--import: needs a FILE, or - for standard input");
	if (s->separator && im->format != &source_records)
		return cli_usage(cli, "--separator: goes with --import=records only");
	if (s->separator && strchr(s->separator, '\n'))
		return cli_usage(cli, "--separator: wanted one line");
	if (s->query && im->format != &source_sqlite)
		return cli_usage(cli, "--query: goes with --import=sqlite only");
	if (!s->query && im->format == &source_sqlite)
		return cli_usage(cli, "--import=sqlite: needs --query, such as \"SELECT body AS text FROM notes\"");
	if (s->vectors && im->format == &source_vectors)
		return cli_usage(cli, "--vectors: does not go with --import=vectors");
	if (s->embedder && !strchr(s->embedder, '/'))
		return cli_usage(cli, "--embedder: wanted NAME/VERSION, found \"%s\"", s->embedder);
	if (s->vectors && strcmp(s->vectors, "-") == 0)
		return cli_usage(cli, "--vectors: needs a FILE");
	for (size_t i = 0; i < cli->noperands; i++)
		if (im->format->reads_path && strcmp(cli->operands[i], "-") == 0)
			return cli_usage(cli, "--import=%s: needs a FILE, not standard input", name);
	return true;
}

/* -- report ------------------------------------------------------------------------ */

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
	record_key_u64(&o, "imported", b->stored);
	record_key_u64(&o, "known", b->known);
	record_key_u64(&o, "rejected", b->rejected);
	if (*im->place)
		record_key_str(&o, im->stopped ? "stopped" : "resumed", im->place);
	record_key_u64(&o, "elapsed_us", (uint64_t)elapsed_us);
	eng_json_object_end(&o);
	out_end(&cli->out);
}

/* Texts alone are known by being equal; more fields, by being equal in all. */
static const char *why_known(const struct import *im)
{
	bool texts = im->format == &source_lines || im->format == &source_records;

	return texts && !im->beside.path && im->batch.known > 0 ? " (equal text)" : "";
}

static void report_text(const struct import *im, int64_t elapsed_us)
{
	struct cli *cli = &im->store->cli;
	const struct batch *b = &im->batch;

	if (cli->dry_run)
		out_printf(&cli->out, "would import %s of %s, less what is known already: %s rejected; nothing written",
		           cli_number(b->total - b->rejected), cli_number(b->total), cli_number(b->rejected));
	else if (im->store->strict && (b->rejected > 0 || b->failed) && !im->writing)
		out_printf(&cli->out, "imported 0 of %s: %s rejected, and --strict stores all or nothing",
		           cli_number(b->total), cli_number(b->rejected));
	else if (b->total > 0 && b->known == b->total)
		out_printf(&cli->out, "imported 0 of %s: all already known", cli_number(b->total));
	else
		out_printf(&cli->out, "imported %s of %s: %s already known%s, %s rejected, %llu.%llu s",
		           cli_number(b->stored), cli_number(b->total), cli_number(b->known), why_known(im),
		           cli_number(b->rejected), (unsigned long long)(elapsed_us / 1000000),
		           (unsigned long long)(elapsed_us / 100000 % 10));
	out_end(&cli->out);
}

static void report(const struct import *im, int64_t elapsed_us)
{
	struct cli *cli = &im->store->cli;

	if (im->links_left_out > 0)
		cli_warn(cli, "%s links to ids of the other space left out (--adopt keeps them)",
		         cli_number(im->links_left_out));
	if (im->left_out > 0)
		cli_warn(cli, "%s conflicting bodies left out (--adopt keeps them)", cli_number(im->left_out));
	if (im->stopped && *im->place && !im->writing)
		cli_warn(cli, "stopped at %s: nothing is stored", im->place);
	else if (im->stopped && *im->place)
		cli_warn(cli, "stopped at %s: what came before is stored; the same command goes on from there", im->place);
	else if (*im->place)
		cli_note(cli, "went on at %s: %s before it were stored already", im->place,
		         cli_number(im->known_first));
	/* Standard output says nothing about what never began. */
	if (cli->quiet || (im->batch.total == 0 && cli->status != EXIT_DONE))
		return;
	if (cli->json)
		report_json(im, elapsed_us);
	else
		report_text(im, elapsed_us);
}

static void free_import(struct import *im)
{
	for (size_t i = 0; im->inputs && i < im->store->cli.noperands; i++)
		if (im->inputs[i].fd >= 0)
			close(im->inputs[i].fd);
	if (im->beside.fd > STDIN_FILENO)
		close(im->beside.fd);
	eng_free(im->inputs);
	record_free(&im->record);
}

void store_import(struct store *s)
{
	struct cli *cli = &s->cli;
	struct import im = {.store = s, .batch = {.store = s}, .format = formats[s->format], .beside = {.fd = -1}};
	int64_t begin_us = clock_mono_us();

	if (!check_call(&im) || (cli->dry_run ? store_open_dry(s) < 0 : !store_open_writable(s)) || !set_inputs(&im))
		return;
	im.options = (struct source_options){
		.null = cli->null,
		.keeps_count = s->vectors != NULL,
		.separator = s->separator,
		.query = s->query,
	};
	store_fields(s, &im.fields);
	im.record.drop = (s->preserve ? 0u : ENGRAM_STORED) | (s->adopt ? 0u : ENGRAM_ID);
	eng_alloc_keep(KEPT_MEMORY);
	stop_catch();
	progress_begin(&im.progress, cli->program->name, (enum when)cli->progress, cli->quiet);
	run(&im);
	progress_end(&im.progress);
	end(&im);
	report(&im, clock_mono_us() - begin_us);
	if (im.writing && !im.batch.failed && !im.stopped && !s->index_later)
		store_fold(s);
	free_import(&im);
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
	for (size_t i = RECORD_LINKS_MAX; i < m->nlinks; i++) {
		record_begin(&o, &out->buf, "edge");
		record_write_edge(&o, &m->id, &m->links[i]);
		eng_json_object_end(&o);
		out_end(out);
	}
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
	uint64_t lost = 0;

	if (cli->noperands > 0) {
		cli_usage(cli, "--export: takes no operands, the space is --space");
		return;
	}
	if (cli->null) {
		cli_usage(cli, "--null: does not go with --export, which writes NDJSON");
		return;
	}
	if (!cli_open_space(cli, ENGRAM_READ))
		return;
	if (engram_space_identity(cli->space, &info, &err) == 0) {
		export_space(cli, &info);
		if (s->salvage)
			engram_salvage(cli->space, &lost, export_memory, &cli->out, &err);
		else
			engram_export(cli->space, export_memory, &cli->out, &err);
	}
	if (err.code && !cli->out.os)
		cli_fail(cli, &err);
	else if (lost > 0)
		cli->status = EXIT_PARTLY;
}
