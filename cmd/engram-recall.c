/* engram-recall - find memories by what they say or are like. */
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/num.h"
#include "base/types.h"
#include "base/utf8.h"
#include "common/cli.h"
#include "common/lines.h"
#include "recall-jobs.h"

#define COUNT_MAX 10000
#define EF_MAX 1000000
#define BUDGET_MAX (UINT64_C(1) << 40)
#define CUE_MAX ENGRAM_TEXT_MAX

static const char *const rankers[] = {"hybrid", "vector", "text", NULL};
static const char *const cue_formats[] = {"text", "ndjson", NULL};
static const char *const kinds[] = {"episode", "concept", NULL};

#define AT(field) .at = offsetof(struct recall, field)

static const struct opt options[] = {
	{"count", 'k', .kind = OPT_COUNT, .arg = "NUMBER", .help = "hits at most (10)", AT(k),
	 .max = COUNT_MAX, .setting = "recall.count"},
	{"budget", .kind = OPT_SIZE, .arg = "BYTES", .help = "at most so many (8K): cuts, counts the rest",
	 AT(budget), .max = BUDGET_MAX},
	{"ids", .kind = OPT_FLAG, .help = "print ids only, one a line", AT(ids), .more = true},
	{"min-confidence", .kind = OPT_UNIT, .arg = "0..1",
	 .help = "leave out hits below (0.20), and count them",
	 AT(min_confidence), .setting = "recall.min_confidence"},
	{"like", .once = true, .kind = OPT_TEXT, .arg = "ID", .help = "the cue is this memory", AT(like),
	 .modes = 1u << RECALL_ONE},
	{"mode", .kind = OPT_WORD, .arg = "MODE", .help = "hybrid, vector or text", AT(ranker),
	 .words = rankers, .more = true},
	{"vector", .once = true, .kind = OPT_TEXT, .arg = "JSON|FILE", .help = "the cue, or part of it, is this vector",
	 AT(vector), .modes = 1u << RECALL_ONE, .more = true},
	{"embedder", .once = true, .kind = OPT_TEXT, .arg = "NAME/VERSION", .help = "whose vector it is",
	 AT(embedder_name), .more = true},
	{"cues", .kind = OPT_WORD, .arg = "FORMAT", .help = "of a batch: text or ndjson (text, vector, embedder)",
	 AT(cues), .words = cue_formats, .modes = 1u << RECALL_BATCH, .more = true},
	{"batch", .kind = OPT_MODE, .help = "each CUE, each line of - is a cue of its own", AT(mode),
	 .mode = RECALL_BATCH},
	{"tag", .kind = OPT_LIST, .arg = "TAG", .help = "only with this tag; repeated: with all of them",
	 AT(tags)},
	{"kind", .kind = OPT_WORD, .arg = "KIND", .help = "only episode, or only concept", AT(kind),
	 .words = kinds, .more = true},
	{"source", .once = true, .kind = OPT_TEXT, .arg = "TEXT", .help = NULL, AT(source), .more = true},
	{"actor", .once = true, .kind = OPT_TEXT, .arg = "NAME",
	 .help = "only from this source, by this actor",
	 AT(actor), .more = true},
	{"since", .kind = OPT_TIME, .arg = "TIME", .help = NULL, AT(since_us)},
	{"until", .kind = OPT_TIME, .arg = "TIME", .help = "only what occurred then: a date, RFC 3339, 3d",
	 AT(until_us)},
	{"as-of", .once = true, .kind = OPT_TIME, .arg = "TIME", .help = "what the space held then",
	 AT(as_of_us), .more = true},
	{"explain", .kind = OPT_FLAG, .help = "print the terms of each score", AT(explain)},
	{"learn", .kind = OPT_FLAG, .help = NULL, AT(learn), .modes = 1u << RECALL_ONE},
	{"feedback", .kind = OPT_LIST, .arg = "ID=yes|no",
	 .help = "keep what was recalled, and if it was right",
	 AT(feedback), .modes = 1u << RECALL_ONE},
	{"no-retention", .kind = OPT_FLAG, .help = "leave age out of the order",
	 AT(no_retention), .more = true},
	{"ef", .kind = OPT_COUNT, .arg = "NUMBER", .help = "search the index more (or less) thoroughly (320)", AT(ef),
	 .max = EF_MAX, .more = true},
	{"exact", .kind = OPT_FLAG, .help = "compare every vector", AT(exact), .more = true},
};

static const struct program program = {
	.name = "engram-recall",
	.purpose = "Prints what fits the CUE best: confidence, id, stored, group, text.\n"
	           "Without a cue: what was stored, newest first.",
	.usages = (const char *const[]){"[OPTION]... [CUE]...", "[OPTION]... --batch CUE... | -", NULL},
	.examples = (const char *const[]){"engram-recall \"what powers a cell\"",
	                                  "engram-recall --json --tag=todo --since=7d -k 3", NULL},
	.exits = "0 found, 1 nothing, 2 usage, 65 bad cue, 66 none such, 75 busy",
	.others = "engram-store, engram-consolidate, engram-shipwal",
};

/* -- nothing found ------------------------------------------------------------- */

/* "0.20": two places are what a person compares. */
static const char *two_places(char out[16], uint32_t v)
{
	snprintf(out, 16, "%u.%02u", v / ENGRAM_CONFIDENCE_ONE, v % ENGRAM_CONFIDENCE_ONE / 100);
	return out;
}

static void say_nothing_found(struct recall *r, const struct engram_result *result)
{
	struct cli *cli = &r->cli;
	struct engram_error err = {0};
	char wanted[16], best[16], then[ENG_TIME_TEXT + 8] = "";

	cli->status = EXIT_NOTHING;
	if (cli->quiet)
		return;
	if (r->as_of_us < INT64_MAX)
		eng_format_time(stpcpy(then, " as of "), r->as_of_us);
	if (result->omitted > 0) {
		eng_err(&err, ENGRAM_OK, "nothing in space %s%s reaches confidence %s", cli->space_name, then,
		        two_places(wanted, r->min_confidence));
		eng_err_hint(&err, "best %s; see --min-confidence", two_places(best, result->best));
	} else {
		eng_err(&err, ENGRAM_OK, "nothing found in space %s%s", cli->space_name, then);
	}
	eng_err_object(&err, cli->space_name);
	cli_report(cli, &err, EXIT_NOTHING);
}

/* -- recalling ---------------------------------------------------------------- */

static void make_cue(const struct recall *r, struct engram_cue *cue)
{
	engram_cue_init(cue);
	cue->mode = (enum engram_mode)r->ranker;
	cue->k = r->k;
	cue->min_confidence = r->min_confidence;
	cue->tags = r->tags.items;
	cue->ntags = r->tags.n;
	cue->kind = (enum engram_kind)(r->kind + 1);
	cue->source = eng_str(r->source);
	cue->actor = eng_str(r->actor);
	cue->since_us = r->since_us;
	cue->until_us = r->until_us;
	cue->as_of_us = r->as_of_us;
	cue->no_retention = r->no_retention;
	cue->ef = r->ef;
	cue->exact = r->exact;
}

/* The operands with blanks between. */
static bool join(struct recall *r, struct eng_buf *b)
{
	struct engram_error err = {0};

	for (size_t i = 0; i < r->cli.noperands; i++) {
		if (i > 0)
			eng_buf_byte(b, ' ');
		eng_buf_str(b, r->cli.operands[i]);
	}
	if (!b->failed)
		return true;
	eng_err_nomem(&err);
	return cli_fail(&r->cli, &err);
}

static bool check_cue(struct recall *r, struct engram_str text, struct engram_error *err)
{
	size_t valid = text.n ? eng_utf8_check(text.p, text.n) : 0;

	if (valid < text.n)
		return eng_err(err, ENGRAM_EINPUT, "cue: byte %zu: not UTF-8", valid) == 0;
	if (text.n > CUE_MAX)
		return eng_err(err, ENGRAM_EINPUT, "cue: wanted at most %u bytes, found %zu", CUE_MAX,
		               text.n) == 0;
	return true;
}

/* The vector of a text that has none, where an embedder is set. */
static int embed_cue(struct recall *r, struct engram_cue *cue, struct engram_error *err)
{
	int rc;

	if (!r->embedder || cue->dim || cue->text.n == 0 || cue->mode == ENGRAM_TEXT_ONLY)
		return 0;
	cue->vector = NULL;
	rc = embed_one(r->embedder, cue->text, &cue->vector, &cue->dim, err);
	if (rc == 0 && !cue->vector)
		cue->dim = 0;
	if (rc == 0)
		cue->embedder = eng_str(engram_embedder_identity(r->embedder));
	return rc;
}

/* False: reported. */
static bool recall_found(struct recall *r, struct engram_cue *cue, struct engram_result *result)
{
	struct cli *cli = &r->cli;
	struct engram_error err = {0};
	struct engram_id like;

	if (r->like) {
		if (engram_resolve(cli->space, &like, NULL, r->like, &err) < 0)
			return cli_fail(cli, &err);
		cue->like = &like;
	}
	if (engram_recall(cli->space, result, cue, &err) < 0)
		return cli_fail(cli, &err);
	recall_tell_unsearched(r, result);
	recall_print(r, result, 0);
	if (result->n == 0)
		say_nothing_found(r, result);
	return true;
}

/* The whole of a call with one cue, or none. */
static void recall_one(struct recall *r, struct engram_cue *cue)
{
	struct cli *cli = &r->cli;
	struct engram_result result = {0};
	struct engram_error err = {0};
	struct learning learning = {.n = 0};
	bool asks = !r->learn || cue->text.p || r->like || r->vector, writes = r->learn && !cli->dry_run;

	if (!check_cue(r, cue->text, &err) || recall_take_vector(r, cue, &err) < 0) {
		cli_fail(cli, &err);
		return;
	}
	if (!cli_open_space(cli, writes ? ENGRAM_WRITE : ENGRAM_READ))
		return;
	if (embed_cue(r, cue, &err) < 0) {
		cli_fail(cli, &err);
		return;
	}
	if ((!r->learn || learn_begin(&learning, r)) && (!asks || recall_found(r, cue, &result)) && writes)
		learn_end(&learning, r, asks ? &result : NULL);
	learn_free(&learning);
	engram_result_free(&result);
}

/* What --ids leaves no place for would be dropped in silence. */
static bool check_ids(struct recall *r)
{
	if (r->ids && r->cli.json)
		return cli_usage(&r->cli, "--ids: does not go with --json");
	if (r->ids && r->explain)
		return cli_usage(&r->cli, "--ids: does not go with --explain");
	return true;
}

/* Filters that nothing can pass are mistakes, not questions. */
static bool check_filters(struct recall *r)
{
	if (r->since_us >= r->until_us)
		return cli_usage(&r->cli, "--until: is not later than --since");
	for (size_t i = 0; i < r->tags.n; i++)
		if (r->tags.items[i].n == 0)
			return cli_usage(&r->cli, "--tag: wanted a tag, found an empty one");
	return true;
}

static void run_one(struct recall *r)
{
	struct cli *cli = &r->cli;
	struct eng_buf text = ENG_BUF_INIT;
	struct engram_cue cue;

	make_cue(r, &cue);
	if (!join(r, &text))
		goto out;
	if (cli->noperands == 1 && strcmp(cli->operands[0], "-") == 0) {
		cli_usage(cli, "-: cues are read from standard input with --batch only");
		goto out;
	}
	if (r->like && (cli->noperands > 0 || r->vector)) {
		cli_usage(cli, "--like: is the cue, so that no CUE may be given");
		goto out;
	}
	if (cli->noperands > 0 && text.n == 0) {
		cli_usage(cli, "cue: empty; leave it out to list the newest");
		goto out;
	}
	if (cli->noperands > 0)
		cue.text = (struct engram_str){(char *)text.p, text.n};
	recall_one(r, &cue);
out:
	eng_buf_free(&text);
}

/* -- batches --------------------------------------------------------------- */

/* With an embedder set, cues that are at hand are embedded together, by one run
 * of it; so few that a cue is not kept waiting for long. */
#define WAITING_MAX 256

struct waiting {
	struct engram_str text; /* the cue's own; p NULL: it had no text */
	struct engram_str line; /* of NDJSON: read again when it is answered */
	bool too_long, embed;
};

struct batch {
	struct recall *recall;
	struct engram_cue cue;
	struct eng_arena arena; /* of the cues that wait */
	struct waiting waiting[WAITING_MAX];
	size_t nwaiting;
	uint64_t number;  /* of the cue at hand, from 1 */
	uint64_t found, bad;
	bool failed;      /* reported; no more cues */
};

static int read_cue(struct batch *b, struct engram_str line, bool too_long, struct engram_error *err)
{
	struct recall *r = b->recall;
	int code = 0;

	make_cue(r, &b->cue);
	if (too_long)
		return eng_err(err, ENGRAM_EINPUT, "cue: wanted at most %u bytes, found more", CUE_MAX);
	if (r->cues && line.n > 0)
		code = recall_read_cue(r, &b->cue, line.p, line.n, err);
	else
		b->cue.text = line;
	return code < 0 || check_cue(r, b->cue.text, err) ? code : err->code;
}

/* Each cue is answered by its hits and, in JSON, one summary: also an empty
 * or a bad one, so that answers can be counted off against cues. */
static void answer(struct batch *b, struct engram_str line, bool too_long, const float *vector, size_t dim)
{
	struct recall *r = b->recall;
	struct engram_result result = {0};
	struct engram_error err = {0};
	int code;

	b->number++;
	code = read_cue(b, line, too_long, &err);
	if (vector) {
		b->cue.vector = vector;
		b->cue.dim = dim;
		b->cue.embedder = eng_str(engram_embedder_identity(r->embedder));
	}
	if (code == 0 && (b->cue.text.n > 0 || b->cue.dim))
		code = engram_recall(r->cli.space, &result, &b->cue, &err);
	if (code < 0) {
		eng_err_prefix(&err, "cue %llu", (unsigned long long)b->number);
		b->failed = code != ENGRAM_EINPUT;
		if (b->failed) {
			cli_fail(&r->cli, &err);
			return;
		}
		b->bad++;
		cli_report(&r->cli, &err, engram_code_exit(code));
	}
	b->found += result.n > 0;
	recall_tell_unsearched(r, &result);
	recall_print(r, &result, b->number);
	engram_result_free(&result);
}

/* Embeds the texts among those that wait: at[i] is the vector of waiting[i]. */
static int embed_waiting(struct batch *b, const float *at[WAITING_MAX], size_t *dim, struct engram_error *err)
{
	struct engram_str texts[WAITING_MAX];
	const float *const *vectors;
	size_t n = 0;
	int rc;

	for (size_t i = 0; i < b->nwaiting; i++)
		if (b->waiting[i].embed)
			texts[n++] = b->waiting[i].text;
	rc = n ? engram_embed(b->recall->embedder, &vectors, dim, texts, n, err) : 0;
	n = 0;
	for (size_t i = 0; i < b->nwaiting; i++)
		at[i] = rc == 0 && b->waiting[i].embed ? vectors[n++] : NULL;
	return rc;
}

static void answer_waiting(struct batch *b)
{
	const float *at[WAITING_MAX];
	struct engram_error err = {0};
	size_t dim = 0;

	if (b->nwaiting > 0 && embed_waiting(b, at, &dim, &err) < 0) {
		b->failed = true;
		cli_fail(&b->recall->cli, &err);
	}
	for (size_t i = 0; i < b->nwaiting && !b->failed; i++)
		answer(b, b->waiting[i].line, b->waiting[i].too_long, at[i], dim);
	b->nwaiting = 0;
	eng_arena_reset(&b->arena);
}

static void take(struct batch *b, struct engram_str line, bool too_long)
{
	struct recall *r = b->recall;
	struct waiting *w = &b->waiting[b->nwaiting];
	struct engram_error err = {0};

	if (!r->embedder || r->ranker == ENGRAM_TEXT_ONLY) {
		answer(b, line, too_long, NULL, 0);
		return;
	}
	*w = (struct waiting){.too_long = too_long};
	w->embed = read_cue(b, line, too_long, &err) == 0 && b->cue.text.n > 0 && !b->cue.dim;
	if (eng_arena_str(&b->arena, &w->line, line) < 0 || eng_arena_str(&b->arena, &w->text, b->cue.text) < 0) {
		b->failed = true;
		eng_err_nomem(&err);
		cli_fail(&r->cli, &err);
		return;
	}
	if (++b->nwaiting == WAITING_MAX)
		answer_waiting(b);
}

/* Answers go out before the next cue is waited for: a program may ask, read
 * and ask again over two pipes. */
static void answer_lines(struct batch *b)
{
	struct cli *cli = &b->recall->cli;
	struct lines l;
	struct engram_str line;
	struct engram_error err = {0};
	enum lines_result r = LINES_WAIT;

	lines_open(&l, "-", cli->null ? 0 : '\n', CUE_MAX, NULL);
	while (!b->failed && !cli->out.os && r != LINES_END && r != LINES_FAILED) {
		r = lines_next(&l, &line, cli->out.buf.n == 0 && b->nwaiting == 0, &err);
		if (r == LINES_WAIT) {
			answer_waiting(b);
			out_flush(&cli->out);
		} else if (r == LINES_LINE || r == LINES_LONG) {
			take(b, line, r == LINES_LONG);
		}
	}
	if (r == LINES_FAILED)
		cli_fail(cli, &err);
	lines_close(&l);
}

static void run_batch(struct recall *r)
{
	struct cli *cli = &r->cli;
	struct batch b = {.recall = r};

	if (cli->noperands == 0) {
		cli_usage(cli, "--batch: needs a CUE, or - for standard input");
		return;
	}
	if (!cli_open_space(cli, ENGRAM_READ))
		return;
	for (size_t i = 0; i < cli->noperands && !b.failed; i++)
		if (strcmp(cli->operands[i], "-") == 0)
			answer_lines(&b);
		else
			take(&b, eng_str(cli->operands[i]), false);
	if (!b.failed)
		answer_waiting(&b);
	eng_arena_free(&b.arena);
	if (cli->status != EXIT_DONE)
		return;
	if (b.bad > 0)
		cli->status = b.bad < b.number ? EXIT_PARTLY : engram_code_exit(ENGRAM_EINPUT);
	else if (b.found == 0)
		cli->status = EXIT_NOTHING;
}

int main(int argc, char **argv)
{
	struct recall r = {
		.kind = -1,
		.since_us = INT64_MIN,
		.until_us = INT64_MAX,
		.as_of_us = INT64_MAX,
	};
	struct opt_table own = {.options = options, .n = ENG_COUNT(options), .target = &r};

	if (cli_begin(&r.cli, &program, &own, argc, argv) && check_ids(&r) && check_filters(&r) && learn_check(&r) &&
	    embed_open(&r.cli, &r.embedder)) {
		if (r.mode == RECALL_BATCH)
			run_batch(&r);
		else
			run_one(&r);
	}
	engram_embedder_close(r.embedder);
	record_free(&r.record);
	return cli_end(&r.cli);
}
