/* store-conflicts.c - what was said of a memory by those who had not seen the
 * value that is shown: field by field, that value first. */
#include "base/err.h"
#include "base/num.h"
#include "base/types.h"
#include "common/clock.h"
#include "common/record.h"
#include "common/text.h"
#include "store-jobs.h"

enum { ID_SHOWN = 8, SERIES_SHOWN = 8 }; /* on a terminal */

static void add_value(struct out *o, const struct engram_claim *c)
{
	const struct engram_memory *v = c->value;
	struct engram_str s = c->field == ENGRAM_TEXT     ? v->text
	                      : c->field == ENGRAM_SOURCE ? v->source
	                      : c->field == ENGRAM_ACTOR  ? v->actor
	                                                  : v->meta;
	char text[ENG_TIME_TEXT > ENG_UNIT4_TEXT ? ENG_TIME_TEXT : ENG_UNIT4_TEXT];

	switch (v->has & c->field) {
	case 0:
		eng_buf_byte(&o->buf, '-');
		break;
	case ENGRAM_KIND:
		eng_buf_str(&o->buf, record_kind(v->kind));
		break;
	case ENGRAM_CONFIDENCE:
		eng_format_unit4(text, v->confidence);
		eng_buf_str(&o->buf, text);
		break;
	case ENGRAM_OCCURRED:
	case ENGRAM_VALID_UNTIL:
		eng_format_time(text, c->field == ENGRAM_OCCURRED ? v->occurred_us : v->valid_until_us);
		eng_buf_str(&o->buf, text);
		break;
	case ENGRAM_VECTOR:
		eng_buf_printf(&o->buf, "%zu numbers", v->dim);
		break;
	default:
		text_add(&o->buf, s.p, s.n, !o->tty, 0);
	}
}

static void write_row(struct cli *cli, const struct engram_memory *m, const struct engram_claim *c, bool counts)
{
	char id[ENGRAM_ID_TEXT + 1], stored[ENG_TIME_TEXT + CLOCK_AGO_TEXT] = "-";
	const char *series = c->series[0] ? c->series : "-", *word = counts ? "shown" : "other";
	struct out *o = &cli->out;

	engram_id_format(id, &m->id);
	if (o->tty && c->series[0])
		clock_ago(stored, c->stored_us, cli->now_us);
	else if (c->series[0])
		eng_format_time(stored, c->stored_us);
	if (o->tty)
		out_printf(o, "%.*s  %-11s  %s  %-10s  %-*.*s  ", ID_SHOWN, id, record_field_name(c->field), word, stored,
		           SERIES_SHOWN, SERIES_SHOWN, series);
	else
		eng_buf_printf(&o->buf, "%s\t%s\t%s\t%s\t%s\t", id, record_field_name(c->field), word, stored, series);
	add_value(o, c);
	out_end(o);
}

static void write_json(struct cli *cli, const struct engram_memory *m, const struct engram_claim *c, size_t n)
{
	struct eng_json_out o;

	record_begin(&o, &cli->out.buf, "conflict");
	record_write_conflict(&o, m, c, n);
	eng_json_object_end(&o);
	out_end(&cli->out);
}

/* The claims of one field: c[0] counts, c[1..n-1] do not. */
static void print_field(struct store *s, const struct engram_memory *m, const struct engram_claim *c, size_t n)
{
	s->conflicts++;
	if (s->cli.json)
		write_json(&s->cli, m, c, n);
	else
		for (size_t i = 0; i < n; i++)
			write_row(&s->cli, m, &c[i], i == 0);
}

static int print(struct store *s, const struct engram_memory *m)
{
	size_t n;

	for (size_t at = 0; at < m->nclaims; at += n) {
		for (n = 1; at + n < m->nclaims && m->claims[at + n].field == m->claims[at].field; n++)
			;
		print_field(s, m, &m->claims[at], n);
	}
	return s->cli.out.os ? ENGRAM_EIO : 0;
}

static int print_each(void *data, const struct engram_memory *m)
{
	return print(data, m);
}

static void print_all(struct store *s)
{
	struct cli *cli = &s->cli;
	struct engram_error err = {0};

	if (cli_open_space(cli, ENGRAM_READ) && engram_conflicts(cli->space, print_each, s, &err) < 0 && !cli->out.os)
		cli_fail(cli, &err);
}

void store_conflicts(struct store *s)
{
	if (s->cli.noperands)
		store_show(s, "conflicts", print);
	else
		print_all(s);
	if (s->cli.status == EXIT_DONE && s->conflicts == 0)
		s->cli.status = EXIT_NOTHING;
}
