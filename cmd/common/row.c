/* row.c - see row.h. */
#include "common/row.h"

#include <stdio.h>

#include "base/num.h"
#include "base/types.h"
#include "common/clock.h"
#include "common/record.h"
#include "common/text.h"

/* Characters of an id on a terminal: 38 bits, unique in any space that a
 * person reads on a terminal; an ambiguous one lists its candidates. */
#define ID_SHOWN 8
#define STORED_WIDTH 10 /* "2026-11-21", "59 min ago" */
#define GROUP_WIDTH 13  /* "reconstructed" */
/* confidence, id, stored, group and the blanks between */
#define TEXT_COLUMN (4 + 2 + ID_SHOWN + 2 + STORED_WIDTH + 2 + GROUP_WIDTH + 2)
#define TEXT_WIDTH_MIN 20
#define NARROW_INDENT 2

static void add_terms(struct out *o, const struct engram_hit *h, const char *between)
{
	for (size_t i = 0; i < h->nwhy; i++) {
		eng_buf_printf(&o->buf, "%s%s=", i ? between : "", h->why[i].name);
		record_signed4(&o->buf, h->why[i].value);
	}
}

/* -- every field --------------------------------------------------------------- */

static void add_field(struct out *o, const char *name, struct engram_str value)
{
	if (o->tty) {
		out_printf(o, "\n      ");
		out_style(o, "2");
		out_printf(o, "%s: ", name);
		out_style(o, "0");
	} else {
		out_printf(o, "\t%s=", name);
	}
	text_add(&o->buf, value.p, value.n, !o->tty, 0);
}

static void add_number(struct out *o, const char *name, size_t n)
{
	char text[24];

	snprintf(text, sizeof text, "%zu", n);
	add_field(o, name, eng_str(text));
}

static void add_time(struct out *o, const char *name, int64_t us)
{
	char text[ENG_TIME_TEXT];

	eng_format_time(text, us);
	add_field(o, name, eng_str(text));
}

static void add_fields(struct out *o, const struct engram_memory *m)
{
	char confidence[ENG_UNIT4_TEXT];

	if (m->has & ENGRAM_KEY)
		add_field(o, "key", m->key);
	if (m->kind == ENGRAM_CONCEPT)
		add_field(o, "kind", eng_str(record_kind(m->kind)));
	if (m->has & ENGRAM_CONFIDENCE) {
		eng_format_unit4(confidence, m->confidence);
		add_field(o, "confidence", eng_str(confidence));
	}
	if (m->has & ENGRAM_OCCURRED)
		add_time(o, "occurred", m->occurred_us);
	if (m->has & ENGRAM_VALID_UNTIL)
		add_time(o, "valid_until", m->valid_until_us);
	if (m->has & ENGRAM_SOURCE)
		add_field(o, "source", m->source);
	if (m->has & ENGRAM_ACTOR)
		add_field(o, "actor", m->actor);
	for (size_t i = 0; i < m->ntags; i++)
		add_field(o, "tag", m->tags[i]);
	if (m->has & ENGRAM_META)
		add_field(o, "meta", m->meta);
	if (m->has & ENGRAM_VECTOR)
		add_number(o, "dimensions", m->dim);
	if (m->nconflicts)
		add_number(o, "conflicts", m->nconflicts);
}

/* -- the line -------------------------------------------------------------------- */

static const char *confidence_style(uint32_t confidence)
{
	return confidence >= 7000 ? "1;32" : confidence >= 4000 ? "32" : "33";
}

static void write_tabs(struct out *o, const struct row *row)
{
	const struct engram_memory *m = row->memory;
	char confidence[ENG_UNIT4_TEXT] = "-", id[ENGRAM_ID_TEXT + 1], stored[ENG_TIME_TEXT];

	if (row->hit)
		eng_format_unit4(confidence, row->hit->confidence);
	engram_id_format(id, &m->id);
	eng_format_time(stored, m->stored_us);
	if (row->hit)
		out_style(o, confidence_style(row->hit->confidence));
	eng_buf_printf(&o->buf, "%s", confidence);
	if (row->hit)
		out_style(o, "0");
	eng_buf_printf(&o->buf, "\t%s\t%s\t%s\t", id, stored, row->hit ? record_group(row->hit->group) : "-");
	text_add(&o->buf, m->text.p, m->text.n, true, 0);
	if (row->hit && row->explain) {
		eng_buf_byte(&o->buf, '\t');
		add_terms(o, row->hit, " ");
	}
	if (row->whole)
		add_fields(o, m);
	if (row->cue)
		eng_buf_printf(&o->buf, "\t%llu", (unsigned long long)row->cue);
}

static void write_aligned(struct out *o, const struct row *row)
{
	const struct engram_memory *m = row->memory;
	char confidence[16] = "   -", id[ENGRAM_ID_TEXT + 1], stored[CLOCK_AGO_TEXT];
	const char *group = row->hit ? record_group(row->hit->group) : "-";
	bool narrow = o->width < TEXT_COLUMN + TEXT_WIDTH_MIN; /* the text gets a line of its own */
	unsigned left = o->width - (narrow ? NARROW_INDENT : TEXT_COLUMN);

	if (row->hit)
		snprintf(confidence, sizeof confidence, "%u.%02u", (row->hit->confidence + 50) / 10000,
		         (row->hit->confidence + 50) % 10000 / 100);
	engram_id_format(id, &m->id);
	id[ID_SHOWN] = 0;
	clock_ago(stored, m->stored_us, row->now_us);
	if (row->hit)
		out_style(o, confidence_style(row->hit->confidence));
	out_printf(o, "%s", confidence);
	if (row->hit)
		out_style(o, "0");
	out_printf(o, narrow ? " " : "  ");
	out_style(o, "2");
	if (narrow)
		out_printf(o, "%s %s %s\n%*s", id, stored, group, NARROW_INDENT, "");
	else
		out_printf(o, "%s  %-*s  %-*s  ", id, STORED_WIDTH, stored, GROUP_WIDTH, group);
	out_style(o, "0");
	text_add(&o->buf, m->text.p, m->text.n, false, row->whole ? 0 : left);
	if (row->cue)
		out_printf(o, "  %llu", (unsigned long long)row->cue);
	if (row->whole)
		add_fields(o, m);
	if (row->hit && row->explain) {
		out_printf(o, "\n      ");
		out_style(o, "2");
		out_printf(o, "because: ");
		add_terms(o, row->hit, ", ");
		out_style(o, "0");
	}
}

void row_write(struct out *o, const struct row *row)
{
	if (o->tty)
		write_aligned(o, row);
	else
		write_tabs(o, row);
}
