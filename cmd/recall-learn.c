/* recall-learn.c - what a recall was good for, appended: the one thing that
 * engram-recall writes, and only where --learn asks for it.
 *
 * The space is opened for writing before anything is printed: on a read-only
 * medium nobody is told that something was learned. */
#include <string.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/json.h"
#include "base/types.h"
#include "common/record.h"
#include "recall-jobs.h"

bool learn_check(struct recall *r)
{
	bool cue = r->cli.noperands > 0 || r->like || r->vector;

	if (r->feedback.n > 0 && !r->learn)
		return cli_usage(&r->cli, "--feedback: goes with --learn only");
	if (r->learn && r->feedback.n == 0 && !cue)
		return cli_usage(&r->cli, "--learn: needs a CUE, or --feedback");
	if (r->learn && r->as_of_us < INT64_MAX)
		return cli_usage(&r->cli, "--learn: does not go with --as-of");
	for (size_t i = 0; i < r->feedback.n; i++) {
		const char *value = strchr(r->feedback.items[i].p, '=');
		if (!value || (strcmp(value, "=yes") != 0 && strcmp(value, "=no") != 0))
			return cli_usage(&r->cli, "--feedback: wanted ID=yes or ID=no, found \"%.60s\"",
			                 r->feedback.items[i].p);
	}
	return true;
}

static void not_found(struct learning *l, struct recall *r, const struct engram_error *err)
{
	int status = engram_code_exit(err->code);

	if (l->missing++ == 0)
		l->first_missing = status;
	cli_report(&r->cli, err, status);
}

/* One ID=yes; false: reported, and nothing more can be done. */
static bool resolve(struct learning *l, struct recall *r, struct engram_str given)
{
	const char *value = strchr(given.p, '=');
	size_t n = (size_t)(value - given.p);
	struct engram_judgement *j = &l->judged[l->n];
	struct engram_error err = {0};
	char text[ENGRAM_ID_TEXT + 2] = "";
	bool gone = false;
	int code;

	memcpy(text, given.p, n < sizeof text ? n : sizeof text - 1);
	j->useful = value[1] == 'y';
	code = engram_resolve(r->cli.space, &j->id, &gone, text, &err);
	if (code == 0 && gone) {
		code = eng_err(&err, ENGRAM_ENOID, "id %s: was forgotten", text);
		eng_err_object(&err, text);
	}
	if (code == 0)
		l->n++;
	else if (code == ENGRAM_ENOID || code == ENGRAM_EAMBIGUOUS || code == ENGRAM_EINPUT)
		not_found(l, r, &err);
	else
		return cli_fail(&r->cli, &err);
	return true;
}

bool learn_begin(struct learning *l, struct recall *r)
{
	struct engram_error err = {0};

	*l = (struct learning){.n = 0};
	if (r->feedback.n == 0)
		return true;
	l->judged = eng_calloc(r->feedback.n, sizeof *l->judged);
	if (!l->judged) {
		eng_err_nomem(&err);
		return cli_fail(&r->cli, &err);
	}
	for (size_t i = 0; i < r->feedback.n; i++)
		if (!resolve(l, r, r->feedback.items[i]))
			return false;
	if (l->n == 0)
		r->cli.status = l->first_missing;
	return l->n > 0;
}

static void report(struct recall *r, const struct learning *l, size_t frames)
{
	struct cli *cli = &r->cli;
	struct eng_json_out o;

	if (!cli->json) {
		cli_note(cli, "learned in space %s: %s frames", cli->space_name, cli_number(frames));
		return;
	}
	record_begin(&o, &cli->out.buf, "report");
	record_key_str(&o, "space", cli->space_name);
	record_key_u64(&o, "judged", l->n);
	record_key_u64(&o, "learned", frames);
	eng_json_object_end(&o);
	out_end(&cli->out);
}

void learn_end(struct learning *l, struct recall *r, const struct engram_result *result)
{
	struct engram_writer *w = NULL;
	struct engram_error err = {0};
	size_t frames = 0;
	int code = engram_writer_open(&w, r->cli.space, 0, &err);

	if (code == 0)
		code = engram_learn(w, &frames, result, l->judged, l->n, &err);
	if (code == 0)
		code = engram_commit(w, &err);
	engram_writer_close(w);
	if (code < 0)
		cli_fail(&r->cli, &err);
	else
		report(r, l, frames);
	if (r->cli.status == EXIT_DONE && l->missing > 0)
		r->cli.status = EXIT_PARTLY;
}

void learn_free(struct learning *l)
{
	eng_free(l->judged);
}
