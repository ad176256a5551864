/* store-put.c - texts from operands, or a line each from standard input. */
#include <string.h>

#include "base/err.h"
#include "base/json.h"
#include "base/types.h"
#include "base/utf8.h"
#include "common/lines.h"
#include "common/record.h"
#include "common/stop.h"
#include "store-jobs.h"

static bool is_stdin(const char *operand)
{
	return strcmp(operand, "-") == 0;
}

static void refuse_long(struct batch *b, struct batch_place place)
{
	struct engram_error err = {0};

	eng_err(&err, ENGRAM_EINPUT, "text: wanted at most %u bytes, found more", ENGRAM_TEXT_MAX);
	eng_err_hint(&err, "split it into several memories");
	batch_refuse(b, place, &err);
}

/* With --if-new each is durable before the next is compared with it. */
static void put_text(struct batch *b, struct batch_place place, const struct engram_memory *m)
{
	struct store *s = b->store;
	struct engram_id id;
	uint32_t similarity;
	int known = 0;

	if (s->if_new <= ENGRAM_CONFIDENCE_ONE && m->text.n > 0 && eng_utf8_check(m->text.p, m->text.n) == m->text.n)
		known = store_find_known(s, &id, &similarity, m->text);
	if (known < 0)
		b->failed = true;
	else if (known)
		batch_known(b, &id, similarity);
	else if (batch_put(b, place, m) && s->if_new <= ENGRAM_CONFIDENCE_ONE)
		batch_commit(b);
}

static void put_line(struct batch *b, const struct lines *l, struct engram_memory *m, struct engram_str line,
                     bool too_long)
{
	struct batch_place place = {l->stream.name, ':', l->number};

	if (line.n == 0 && !too_long)
		return;
	b->total++;
	m->text = line;
	if (too_long)
		refuse_long(b, place);
	else
		put_text(b, place, m);
}

/* Lines as they come: a batch ends where the next one would have to be waited
 * for, so that whoever writes them learns of each before it sends more. */
static void put_lines(struct batch *b, struct engram_memory *m)
{
	struct cli *cli = &b->store->cli;
	struct lines l;
	struct engram_str line;
	struct engram_error err = {0};
	enum lines_result r = LINES_WAIT;

	lines_open(&l, "-", cli->null ? 0 : '\n', ENGRAM_TEXT_MAX, NULL);
	while (!b->failed && r != LINES_END && r != LINES_FAILED && r != LINES_STOP) {
		r = lines_next(&l, &line, b->n == 0, &err);
		if (r == LINES_WAIT)
			batch_commit(b);
		else if (r == LINES_LINE || r == LINES_LONG)
			put_line(b, &l, m, line, r == LINES_LONG);
	}
	if (r == LINES_STOP)
		cli->status = EXIT_PARTLY;
	if (r == LINES_FAILED)
		cli_fail(cli, &err);
	lines_close(&l);
}

static void put_operand(struct batch *b, struct engram_memory *m, size_t i)
{
	struct cli *cli = &b->store->cli;
	struct batch_place place = {cli->noperands > 1 ? "operand" : NULL, ' ', i + 1};

	b->total++;
	m->text = eng_str(cli->operands[i]);
	put_text(b, place, m);
}

static void dry_report(struct cli *cli, uint64_t bytes)
{
	struct eng_json_out o;

	if (cli->json) {
		record_begin(&o, &cli->out.buf, "report");
		record_key_str(&o, "space", cli->space_name);
		eng_json_key(&o, "dry_run"), eng_json_bool(&o, true);
		record_key_u64(&o, "total", cli->noperands);
		record_key_u64(&o, "bytes", bytes);
		eng_json_object_end(&o);
	} else {
		out_printf(&cli->out, "would store %s of %s bytes in space %s; nothing written",
		           cli_number(cli->noperands), cli_number(bytes), cli->space_name);
	}
	out_end(&cli->out);
}

/* Nothing is opened for writing; what can be seen to be wrong is said. */
static void put_dry(struct store *s)
{
	struct cli *cli = &s->cli;
	uint64_t bytes = 0;

	if (store_open_dry(s) < 0)
		return;
	for (size_t i = 0; i < cli->noperands; i++) {
		struct engram_error err = {0};
		size_t n = strlen(cli->operands[i]), valid = eng_utf8_check(cli->operands[i], n);

		if (is_stdin(cli->operands[i])) {
			cli_usage(cli, "--dry-run: reads no standard input");
			return;
		}
		if (n == 0 || valid < n || n > ENGRAM_TEXT_MAX) {
			eng_err(&err, ENGRAM_EINPUT, "operand %zu: wanted UTF-8 of 1 to %u bytes", i + 1,
			        ENGRAM_TEXT_MAX);
			cli_fail(cli, &err);
			return;
		}
		bytes += n;
	}
	dry_report(cli, bytes);
}

void store_put(struct store *s)
{
	struct cli *cli = &s->cli;
	struct engram_memory m;
	struct batch b = {.store = s, .prints = true};

	if (cli->noperands == 0 && !s->create && !s->new_series) {
		cli_usage_short(cli);
		return;
	}
	if (s->key && (cli->noperands != 1 || is_stdin(cli->operands[0]))) {
		cli_usage(cli, "--key: names one memory, so that it needs exactly one TEXT");
		return;
	}
	if (s->if_new <= ENGRAM_CONFIDENCE_ONE && (s->key || cli->dry_run)) {
		cli_usage(cli, "--if-new: does not go with --%s", s->key ? "key" : "dry-run");
		return;
	}
	if (cli->dry_run) {
		put_dry(s);
		return;
	}
	if (!store_open_writable(s) || cli->noperands == 0)
		return;
	store_fields(s, &m);
	m.has |= ENGRAM_TEXT;
	stop_catch();
	batch_begin(&b, 0);
	for (size_t i = 0; i < cli->noperands && !b.failed && !stop_wanted(); i++) {
		if (is_stdin(cli->operands[i]))
			put_lines(&b, &m);
		else
			put_operand(&b, &m, i);
	}
	batch_end(&b);
	if (b.known > 0)
		cli_note(cli, "%s known already in space %s, not stored again", cli_number(b.known), cli->space_name);
	if (b.stored == 1)
		cli_note(cli, "stored in space %s", cli->space_name);
	else if (b.stored > 1)
		cli_note(cli, "stored %s in space %s", cli_number(b.stored), cli->space_name);
}
