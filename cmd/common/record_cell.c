/* record_cell.c - a memory from the columns of a table: see record.h. */
#include <string.h>

#include "base/err.h"
#include "base/le.h"
#include "base/types.h"
#include "base/utf8.h"
#include "record_int.h"

int record_column(struct engram_str name, struct engram_error *err)
{
	const char *names[64];
	size_t n = 0;

	for (size_t i = 0; i < record_fields_n && n < ENG_COUNT(names); i++) {
		if (record_fields[i].cell == CELL_NONE)
			continue;
		if (eng_str_eq(name, eng_str(record_fields[i].name)))
			return (int)i;
		names[n++] = record_fields[i].name;
	}
	return record_unknown(name, "column", names, n, err);
}

const char *record_column_name(int column)
{
	return record_fields[column].name;
}

/* What stands between commas, without the blanks around it. */
static int read_list(struct record_body *b, const struct record_field *f, struct engram_str list)
{
	const char *p = list.p, *end = list.p + list.n;
	int r = 0;

	while (r == 0 && p < end) {
		const char *comma = memchr(p, ',', (size_t)(end - p)), *stop = comma ? comma : end;

		while (p < stop && *p == ' ')
			p++;
		b->record->json.str = (struct engram_str){p, (size_t)(stop - p)};
		while (b->record->json.str.n > 0 && p[b->record->json.str.n - 1] == ' ')
			b->record->json.str.n--;
		r = record_tag(b, f, ENG_JSON_STRING);
		p = comma ? comma + 1 : end;
	}
	return r;
}

/* A value that is JSON by itself; what is wrong with it is named by the field. */
static int read_json(struct record_body *b, const struct record_field *f, struct engram_str value)
{
	struct eng_json *j = &b->record->json;
	enum eng_json_token t;
	int r;

	eng_json_begin(j, value.p, value.n);
	t = eng_json_next(j);
	if (t == ENG_JSON_BAD)
		r = record_malformed(b);
	else if ((r = f->read(b, f, t)) < 0)
		return r;
	else
		r = eng_json_next(j) == ENG_JSON_END ? 0 : record_malformed(b);
	if (r < 0)
		eng_err_prefix(b->err, "%s", f->name);
	return r;
}

/* How the bytes of a column become the value of a field. */
static int read_cell(struct record_body *b, const struct record_field *f, struct engram_str value)
{
	bool bracket = value.n > 0 && value.p[0] == '[';

	b->record->json.str = value;
	switch (f->cell) {
	case CELL_TEXT:
		return f->read(b, f, ENG_JSON_STRING);
	case CELL_NUMBER:
		return f->read(b, f, ENG_JSON_NUMBER);
	case CELL_LIST:
		return bracket ? read_json(b, f, value) : read_list(b, f, value);
	case CELL_META: /* judged where it is stored */
		return record_keep(b, &b->memory->meta);
	case CELL_JSON:
	case CELL_NONE:
		break;
	}
	return read_json(b, f, value);
}

int record_set(struct record *r, int column, struct engram_str value, struct engram_error *err)
{
	struct record_body b = {.record = r, .memory = &r->memory, .err = err};
	const struct record_field *f = &record_fields[column];
	size_t sound = eng_utf8_check(value.p, value.n);

	if (sound < value.n)
		return eng_err(err, ENGRAM_EINPUT, "%s: byte %zu: not UTF-8", f->name, sound);
	r->memory.has |= f->has;
	return read_cell(&b, f, value);
}

int record_set_vector(struct record *r, const void *floats, size_t n, struct engram_error *err)
{
	float *vector;

	if (n % sizeof *vector != 0 || n / sizeof *vector > ENGRAM_DIM_MAX)
		return eng_err(err, ENGRAM_EINPUT, "vector: wanted up to %u floats of 4 bytes, found %zu bytes",
		               ENGRAM_DIM_MAX, n);
	vector = eng_arena_alloc(&r->arena, n);
	if (!vector)
		return eng_err_nomem(err);
	for (size_t i = 0; i < n / sizeof *vector; i++) {
		uint32_t bits = eng_get32((const uint8_t *)floats + i * sizeof bits);

		memcpy(&vector[i], &bits, sizeof bits);
	}
	r->memory.vector = vector;
	r->memory.dim = n / sizeof *vector;
	r->memory.has |= ENGRAM_VECTOR;
	return 0;
}

int record_end(struct record *r, struct engram_error *err)
{
	struct record_body b = {.record = r, .memory = &r->memory, .err = err};

	record_drop_unstated(&b);
	return record_finish(&b);
}

static bool has_tag(const struct engram_memory *m, struct engram_str tag)
{
	for (size_t i = 0; i < m->ntags; i++)
		if (eng_str_eq(m->tags[i], tag))
			return true;
	return false;
}

static int add_tags(struct record *r, const struct engram_memory *from, struct engram_error *err)
{
	struct engram_memory *m = &r->memory;
	struct engram_str *tags = eng_arena_alloc(&r->arena, (m->ntags + from->ntags) * sizeof *tags);

	if (!tags)
		return eng_err_nomem(err);
	for (size_t i = 0; i < m->ntags; i++)
		tags[i] = m->tags[i];
	m->tags = tags;
	for (size_t i = 0; i < from->ntags; i++)
		if (!has_tag(m, from->tags[i]))
			tags[m->ntags++] = from->tags[i];
	m->has |= ENGRAM_TAGS;
	return 0;
}

int record_fill(struct record *r, const struct engram_memory *from, struct engram_error *err)
{
	struct engram_memory *m = &r->memory;
	unsigned missing = from->has & ~m->has;

	m->has |= missing & ~(unsigned)ENGRAM_TAGS;
	if (missing & ENGRAM_SOURCE)
		m->source = from->source;
	if (missing & ENGRAM_ACTOR)
		m->actor = from->actor;
	if (missing & ENGRAM_META)
		m->meta = from->meta;
	if (missing & ENGRAM_CONFIDENCE)
		m->confidence = from->confidence;
	if (missing & ENGRAM_OCCURRED)
		m->occurred_us = from->occurred_us;
	if (missing & ENGRAM_VALID_UNTIL)
		m->valid_until_us = from->valid_until_us;
	return from->ntags > 0 ? add_tags(r, from, err) : 0;
}
