/* record_read.c - see record.h.  One table says which fields there are, what
 * they hold and where it goes; a conflict is read with the same table. */
#include "common/record.h"

#include <stdio.h>
#include <string.h>

#include "base/base32.h"
#include "base/err.h"
#include "base/le.h"
#include "base/num.h"
#include "base/types.h"
#include "base/utf8.h"

/* Values at hand: where the fields of a memory go. */
struct body {
	struct record *record;
	struct engram_memory *memory;
	struct engram_error *err;
	bool conflict; /* inside "conflicts": has none itself */
	bool id;       /* one was given */
};

struct field;
typedef int read_fn(struct body *b, const struct field *f, enum eng_json_token t);

struct field {
	const char *name;
	read_fn *read; /* NULL: passed over */
	unsigned has;  /* enum engram_field */
	size_t at;     /* offset in struct engram_memory */
};

/* "field: wanted X, found Y"; what was found is shown short. */
static int wanted(struct body *b, const char *name, const char *form, enum eng_json_token t)
{
	struct engram_str s = b->record->json.str;

	if (t == ENG_JSON_STRING)
		return eng_err(b->err, ENGRAM_EINPUT, "%s: wanted %s, found \"%.*s\"%s", name, form,
		               (int)(s.n > 40 ? 40 : s.n), s.p, s.n > 40 ? "..." : "");
	if (t == ENG_JSON_NUMBER)
		return eng_err(b->err, ENGRAM_EINPUT, "%s: wanted %s, found %.*s", name, form, (int)s.n, s.p);
	return eng_err(b->err, ENGRAM_EINPUT, "%s: wanted %s, found %s", name, form, eng_json_token_name(t));
}

static int malformed(struct body *b)
{
	if (b->record->json.out_of_memory)
		return eng_err_nomem(b->err);
	return eng_err(b->err, ENGRAM_EINPUT, "byte %zu: %s", b->record->json.offset,
	               b->record->json.problem);
}

/* The string at hand, kept. */
static int keep(struct body *b, struct engram_str *out)
{
	if (eng_arena_str(&b->record->arena, out, b->record->json.str) < 0)
		return eng_err_nomem(b->err);
	return 0;
}

static int read_text(struct body *b, const struct field *f, enum eng_json_token t)
{
	struct engram_str s;

	if (t != ENG_JSON_STRING)
		return wanted(b, f->name, "a string", t);
	if (keep(b, &s) < 0)
		return ENGRAM_ENOMEM;
	*(struct engram_str *)(void *)((char *)b->memory + f->at) = s;
	return 0;
}

static int read_time(struct body *b, const struct field *f, enum eng_json_token t)
{
	struct engram_str s = b->record->json.str;
	int64_t *us = (int64_t *)(void *)((char *)b->memory + f->at);

	/* Ages ("3d") are for a person's option; a record means one time for ever. */
	if (t != ENG_JSON_STRING || s.n < 10 || !eng_parse_time(us, s.p, s.n, 0))
		return wanted(b, f->name, "a time (RFC 3339 or a date)", t);
	return 0;
}

static int read_confidence(struct body *b, const struct field *f, enum eng_json_token t)
{
	struct engram_str s = b->record->json.str;

	if (t != ENG_JSON_NUMBER || !eng_parse_unit4(&b->memory->confidence, s.p, s.n))
		return wanted(b, f->name, "a number 0..1", t);
	return 0;
}

static int read_kind(struct body *b, const struct field *f, enum eng_json_token t)
{
	struct engram_str s = b->record->json.str;

	if (t == ENG_JSON_STRING && eng_str_eq(s, eng_str("episode")))
		b->memory->kind = ENGRAM_EPISODE;
	else if (t == ENG_JSON_STRING && eng_str_eq(s, eng_str("concept")))
		b->memory->kind = ENGRAM_CONCEPT;
	else
		return wanted(b, f->name, "\"episode\" or \"concept\"", t);
	return 0;
}

static int read_id(struct body *b, const struct field *f, enum eng_json_token t)
{
	struct engram_str s = b->record->json.str;
	struct engram_id hi;

	if (t != ENG_JSON_STRING || s.n != ENGRAM_ID_TEXT ||
	    !eng_base32_range((struct engram_id *)(void *)((char *)b->memory + f->at), &hi, s.p, s.n))
		return wanted(b, f->name, "an id of 26 characters", t);
	b->id = true;
	return 0;
}

/* Calls `item` for each element of the array at hand. */
static int read_array(struct body *b, const struct field *f, enum eng_json_token t,
                      int (*item)(struct body *b, const struct field *f, enum eng_json_token t))
{
	int r = 0;

	if (t != ENG_JSON_ARRAY)
		return wanted(b, f->name, "an array", t);
	while (r == 0 && (t = eng_json_next(&b->record->json)) != ENG_JSON_ARRAY_END)
		r = t == ENG_JSON_BAD ? malformed(b) : item(b, f, t);
	return r;
}

/* Room for one more of n elements of `size`: doubled at powers of two. */
static void *grow(struct record *r, const void *old, size_t n, size_t size)
{
	void *p;

	if (n & (n - 1))
		return (void *)(uintptr_t)old;
	p = eng_arena_alloc(&r->arena, (n ? 2 * n : 1) * size);
	if (p && n)
		memcpy(p, old, n * size);
	return p;
}

static int add_tag(struct body *b, const struct field *f, enum eng_json_token t)
{
	struct engram_memory *m = b->memory;
	struct engram_str *tags;

	if (t != ENG_JSON_STRING)
		return wanted(b, f->name, "strings", t);
	if (m->ntags == ENGRAM_TAGS_MAX)
		return eng_err(b->err, ENGRAM_EINPUT, "%s: wanted at most %u, found more", f->name,
		               ENGRAM_TAGS_MAX);
	tags = grow(b->record, m->tags, m->ntags, sizeof *tags);
	if (!tags || keep(b, &tags[m->ntags]) < 0)
		return eng_err_nomem(b->err);
	m->tags = tags;
	m->ntags++;
	return 0;
}

static int read_tags(struct body *b, const struct field *f, enum eng_json_token t)
{
	return read_array(b, f, t, add_tag);
}

/* What the quick way below left: a number that needs the long one, or anything else. */
static int add_number(struct body *b, const struct field *f, enum eng_json_token t)
{
	struct engram_memory *m = b->memory;
	struct record *r = b->record;

	if (m->dim == ENGRAM_DIM_MAX)
		return eng_err(b->err, ENGRAM_EINPUT, "%s: wanted at most %u numbers, found more", f->name,
		               ENGRAM_DIM_MAX);
	if (t != ENG_JSON_NUMBER || !eng_parse_float(&r->numbers[m->dim], r->json.str.p, r->json.str.n))
		return wanted(b, f->name, "numbers that a 32-bit float holds", t);
	m->dim++;
	m->dim += eng_json_floats(&r->json, r->numbers + m->dim, ENGRAM_DIM_MAX - m->dim);
	return 0;
}

static int read_vector(struct body *b, const struct field *f, enum eng_json_token t)
{
	struct engram_memory *m = b->memory;
	struct record *r = b->record;
	int rc;

	m->dim = t == ENG_JSON_ARRAY ? eng_json_floats(&r->json, r->numbers, ENGRAM_DIM_MAX) : 0;
	rc = read_array(b, f, t, add_number);
	if (rc < 0 || m->dim == 0)
		return rc;
	m->vector = eng_arena_dup(&r->arena, r->numbers, m->dim * sizeof *r->numbers);
	return m->vector ? 0 : eng_err_nomem(b->err);
}

static int read_body(struct body *b);

static int add_conflict(struct body *b, const struct field *f, enum eng_json_token t)
{
	struct engram_memory *m = b->memory, *conflicts;
	struct body inner = {.record = b->record, .err = b->err, .conflict = true};
	int r;

	if (t != ENG_JSON_OBJECT)
		return wanted(b, f->name, "objects", t);
	conflicts = grow(b->record, m->conflicts, m->nconflicts, sizeof *conflicts);
	if (!conflicts)
		return eng_err_nomem(b->err);
	inner.memory = &conflicts[m->nconflicts];
	*inner.memory = (struct engram_memory){.kind = ENGRAM_EPISODE};
	m->conflicts = conflicts;
	m->nconflicts++;
	r = read_body(&inner);
	if (r < 0)
		eng_err_prefix(b->err, "%s", f->name);
	return r;
}

static int read_conflicts(struct body *b, const struct field *f, enum eng_json_token t)
{
	if (b->conflict)
		return eng_err(b->err, ENGRAM_EINPUT, "%s: not inside conflicts", f->name);
	return read_array(b, f, t, add_conflict);
}

static int read_version(struct body *b, const struct field *f, enum eng_json_token t)
{
	struct engram_str s = b->record->json.str;
	uint64_t v;

	if (t != ENG_JSON_NUMBER || !eng_parse_u64(&v, s.p, s.n))
		return wanted(b, f->name, "1", t);
	if (v != 1)
		return eng_err(b->err, ENGRAM_EVERSION, "v: wanted 1, found %llu", (unsigned long long)v);
	return 0;
}

static int read_type(struct body *b, const struct field *f, enum eng_json_token t)
{
	static const char *const types[] = {"memory", "hit", "space", "summary"};
	struct engram_str s = b->record->json.str;

	for (size_t i = 0; i < ENG_COUNT(types); i++)
		if (t == ENG_JSON_STRING && eng_str_eq(s, eng_str(types[i]))) {
			b->record->type = (enum record_type)i;
			return 0;
		}
	return wanted(b, f->name, "\"memory\", \"hit\", \"space\" or \"summary\"", t);
}

/* A piece of a text must not become a memory of its own. */
static int read_truncated(struct body *b, const struct field *f, enum eng_json_token t)
{
	if (t == ENG_JSON_FALSE)
		return 0;
	eng_err(b->err, ENGRAM_EINPUT, "%s: wanted a whole text, found a piece that --budget left of it", f->name);
	eng_err_hint(b->err, "engram-store --json --get prints the whole");
	return ENGRAM_EINPUT;
}

#define AT(member) offsetof(struct engram_memory, member)

static const struct field fields[] = {
	{"v", read_version, 0, 0},
	{"type", read_type, 0, 0},
	{"id", read_id, ENGRAM_ID, AT(id)},
	{"key", read_text, ENGRAM_KEY, AT(key)},
	{"kind", read_kind, ENGRAM_KIND, 0},
	{"text", read_text, ENGRAM_TEXT, AT(text)},
	{"confidence", read_confidence, ENGRAM_CONFIDENCE, 0},
	{"stored", read_time, ENGRAM_STORED, AT(stored_us)},
	{"occurred", read_time, ENGRAM_OCCURRED, AT(occurred_us)},
	{"valid_until", read_time, ENGRAM_VALID_UNTIL, AT(valid_until_us)},
	{"source", read_text, ENGRAM_SOURCE, AT(source)},
	{"actor", read_text, ENGRAM_ACTOR, AT(actor)},
	{"tags", read_tags, ENGRAM_TAGS, 0},
	{"meta", NULL, ENGRAM_META, 0},
	{"vector", read_vector, ENGRAM_VECTOR, 0},
	{"embedder", read_text, 0, AT(embedder)},
	{"conflicts", read_conflicts, 0, 0},
	/* of a space record; `created` goes where `stored` is */
	{"created", read_time, 0, AT(stored_us)},
	{"features", NULL, 0, 0},
	/* of a hit and a summary: about the recall, not about the memory */
	{"cue", NULL, 0, 0},
	{"truncated", read_truncated, 0, 0},
	{"text_bytes", NULL, 0, 0},
	{"interval", NULL, 0, 0},
	{"retention", NULL, 0, 0},
	{"score", NULL, 0, 0},
	{"group", NULL, 0, 0},
	{"why", NULL, 0, 0},
	{"returned", NULL, 0, 0},
	{"omitted", NULL, 0, 0},
	{"over_budget", NULL, 0, 0},
	{"bytes", NULL, 0, 0},
	{"partial", NULL, 0, 0},
	{"missing", NULL, 0, 0},
	{"text_behind", NULL, 0, 0},
	{"cut_mass", NULL, 0, 0},
};

/* `what`: "field" or "column"; `takes` says which names count. */
static int unknown(struct engram_str name, const char *what, bool (*takes)(const struct field *f),
                   struct engram_error *err)
{
	const char *names[ENG_COUNT(fields)], *near;
	char word[64];
	size_t n = name.n < sizeof word ? name.n : sizeof word - 1, count = 0;

	if (n > 0)
		memcpy(word, name.p, n);
	word[n] = 0;
	for (size_t i = 0; i < ENG_COUNT(fields); i++)
		if (takes(&fields[i]))
			names[count++] = fields[i].name;
	near = eng_nearest(word, names, count);
	eng_err(err, ENGRAM_EINPUT, "unknown %s \"%s\"", what, word);
	if (near)
		eng_err_hint(err, "did you mean \"%s\"?", near);
	return ENGRAM_EINPUT;
}

static bool any(const struct field *f)
{
	return f != NULL;
}

/* meta: the bytes as given; whatever is of no concern here: nothing. */
static int read_raw(struct body *b, const struct field *f)
{
	struct engram_str raw;
	enum eng_json_token t = eng_json_skip(&b->record->json, &raw);

	if (t == ENG_JSON_BAD)
		return malformed(b);
	if (!(f->has & ENGRAM_META))
		return 0;
	if (t != ENG_JSON_OBJECT)
		return wanted(b, f->name, "an object", t);
	if (eng_arena_str(&b->record->arena, &b->memory->meta, raw) < 0)
		return eng_err_nomem(b->err);
	return 0;
}

static int read_field(struct body *b)
{
	struct engram_str name = b->record->json.str;

	for (size_t i = 0; i < ENG_COUNT(fields); i++) {
		const struct field *f = &fields[i];
		enum eng_json_token t;

		if (!eng_str_eq(name, eng_str(f->name)))
			continue;
		b->memory->has |= f->has;
		if (!f->read)
			return read_raw(b, f);
		t = eng_json_next(&b->record->json);
		return t == ENG_JSON_BAD ? malformed(b) : f->read(b, f, t);
	}
	return unknown(name, "field", any, b->err);
}

/* What every memory is and what is not there need not be stated: so a record of
 * a memory equals what was stored. */
static void drop_unstated(struct body *b)
{
	if (b->memory->kind == ENGRAM_EPISODE)
		b->memory->has &= ~(unsigned)ENGRAM_KIND;
	if (b->memory->ntags == 0)
		b->memory->has &= ~(unsigned)ENGRAM_TAGS;
	b->memory->has &= ~b->record->drop;
}

/* The keys of an object that was just opened, to its end. */
static int read_body(struct body *b)
{
	enum eng_json_token t;
	int r = 0;

	while (r == 0 && (t = eng_json_next(&b->record->json)) != ENG_JSON_OBJECT_END)
		r = t == ENG_JSON_KEY ? read_field(b) : malformed(b);
	drop_unstated(b);
	return r;
}

/* What the type makes of the fields. */
static int finish(struct body *b)
{
	struct record *r = b->record;

	switch (r->type) {
	case RECORD_SPACE:
		if (!b->id)
			return eng_err(b->err, ENGRAM_EINPUT, "id: missing");
		r->space_id = r->memory.id;
		r->created_us = r->memory.stored_us;
		return 0;
	case RECORD_HIT:
		r->memory.has &= ~(unsigned)(ENGRAM_ID | ENGRAM_CONFIDENCE | ENGRAM_STORED);
		break;
	case RECORD_SUMMARY:
		return 0;
	case RECORD_MEMORY:
		break;
	}
	if (!(r->memory.has & (ENGRAM_TEXT | ENGRAM_VECTOR)))
		return eng_err(b->err, ENGRAM_EINPUT, "text: missing");
	return 0;
}

void record_clear(struct record *r)
{
	eng_arena_reset(&r->arena);
	r->type = RECORD_MEMORY;
	r->memory = (struct engram_memory){.kind = ENGRAM_EPISODE};
}

int record_read(struct record *r, const char *line, size_t n, struct engram_error *err)
{
	struct body b = {.record = r, .memory = &r->memory, .err = err};
	enum eng_json_token t;
	int result;

	record_clear(r);
	eng_json_begin(&r->json, line, n);
	t = eng_json_next(&r->json);
	if (t == ENG_JSON_BAD)
		return malformed(&b);
	if (t != ENG_JSON_OBJECT)
		return wanted(&b, "record", "an object", t);
	result = read_body(&b);
	if (result == 0 && eng_json_next(&r->json) != ENG_JSON_END)
		result = malformed(&b);
	return result < 0 ? result : finish(&b);
}

/* -- columns ------------------------------------------------------------------ */

/* A column holds what a memory is made of, and nothing about the record. */
static bool is_column(const struct field *f)
{
	return f->has || f->at == AT(embedder);
}

int record_column(struct engram_str name, struct engram_error *err)
{
	for (size_t i = 0; i < ENG_COUNT(fields); i++)
		if (is_column(&fields[i]) && eng_str_eq(name, eng_str(fields[i].name)))
			return (int)i;
	return unknown(name, "column", is_column, err);
}

const char *record_column_name(int column)
{
	return fields[column].name;
}

/* What stands between commas, without the blanks around it. */
static int read_list(struct body *b, const struct field *f, struct engram_str list)
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
		r = add_tag(b, f, ENG_JSON_STRING);
		p = comma ? comma + 1 : end;
	}
	return r;
}

/* A value that is JSON by itself; what is wrong with it is named by the field. */
static int read_json(struct body *b, const struct field *f, struct engram_str value)
{
	struct eng_json *j = &b->record->json;
	enum eng_json_token t;
	int r;

	eng_json_begin(j, value.p, value.n);
	t = eng_json_next(j);
	if (t == ENG_JSON_BAD)
		r = malformed(b);
	else if ((r = f->read(b, f, t)) < 0)
		return r;
	else
		r = eng_json_next(j) == ENG_JSON_END ? 0 : malformed(b);
	if (r < 0)
		eng_err_prefix(b->err, "%s", f->name);
	return r;
}

/* How the bytes of a column become the value of a field. */
static int read_cell(struct body *b, const struct field *f, struct engram_str value)
{
	if (f->read == read_tags && (value.n == 0 || value.p[0] != '['))
		return read_list(b, f, value);
	if (f->read == read_tags || f->read == read_vector)
		return read_json(b, f, value);
	b->record->json.str = value;
	if (!f->read) /* meta: judged where it is stored */
		return eng_arena_str(&b->record->arena, &b->memory->meta, value) < 0 ? eng_err_nomem(b->err) : 0;
	return f->read(b, f, f->read == read_confidence ? ENG_JSON_NUMBER : ENG_JSON_STRING);
}

int record_set(struct record *r, int column, struct engram_str value, struct engram_error *err)
{
	struct body b = {.record = r, .memory = &r->memory, .err = err};
	const struct field *f = &fields[column];
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
	struct body b = {.record = r, .memory = &r->memory, .err = err};

	drop_unstated(&b);
	return finish(&b);
}

void record_free(struct record *r)
{
	eng_json_free(&r->json);
	eng_arena_free(&r->arena);
}
