/* record_read.c - see record.h.  One table says which fields there are, what
 * they hold and where it goes; a conflict is read with the same table, and so
 * are the columns of a table (record_cell.c). */
#include "common/record.h"

#include <stdio.h>
#include <string.h>

#include "base/base32.h"
#include "base/err.h"
#include "base/num.h"
#include "base/types.h"
#include "record_int.h"

/* "field: wanted X, found Y"; what was found is shown short. */
int record_wanted(struct record_body *b, const char *name, const char *form, enum eng_json_token t)
{
	struct engram_str s = b->record->json.str;
	const char *quote = t == ENG_JSON_STRING ? "\"" : "";

	if (t == ENG_JSON_STRING || t == ENG_JSON_NUMBER)
		return eng_err(b->err, ENGRAM_EINPUT, "%s: wanted %s, found %s%.*s%s%s", name, form, quote,
		               (int)(s.n > 40 ? 40 : s.n), s.p, quote, s.n > 40 ? "..." : "");
	return eng_err(b->err, ENGRAM_EINPUT, "%s: wanted %s, found %s", name, form, eng_json_token_name(t));
}

int record_malformed(struct record_body *b)
{
	if (b->record->json.out_of_memory)
		return eng_err_nomem(b->err);
	return eng_err(b->err, ENGRAM_EINPUT, "byte %zu: %s", b->record->json.offset,
	               b->record->json.problem);
}

/* The string at hand, kept. */
int record_keep(struct record_body *b, struct engram_str *out)
{
	if (eng_arena_str(&b->record->arena, out, b->record->json.str) < 0)
		return eng_err_nomem(b->err);
	return 0;
}

static int read_text(struct record_body *b, const struct record_field *f, enum eng_json_token t)
{
	struct engram_str s;

	if (t != ENG_JSON_STRING)
		return record_wanted(b, f->name, "a string", t);
	if (record_keep(b, &s) < 0)
		return ENGRAM_ENOMEM;
	*(struct engram_str *)(void *)((char *)b->memory + f->at) = s;
	return 0;
}

static int read_time(struct record_body *b, const struct record_field *f, enum eng_json_token t)
{
	struct engram_str s = b->record->json.str;
	int64_t *us = (int64_t *)(void *)((char *)b->memory + f->at);

	/* Ages ("3d") are for a person's option; a record means one time for ever. */
	if (t != ENG_JSON_STRING || s.n < 10 || !eng_parse_time(us, s.p, s.n, 0))
		return record_wanted(b, f->name, "a time (RFC 3339 or a date)", t);
	return 0;
}

static int read_confidence(struct record_body *b, const struct record_field *f, enum eng_json_token t)
{
	struct engram_str s = b->record->json.str;

	if (t != ENG_JSON_NUMBER || !eng_parse_unit4(&b->memory->confidence, s.p, s.n))
		return record_wanted(b, f->name, "a number 0..1", t);
	return 0;
}

static int read_kind(struct record_body *b, const struct record_field *f, enum eng_json_token t)
{
	struct engram_str s = b->record->json.str;

	if (t == ENG_JSON_STRING && eng_str_eq(s, eng_str("episode")))
		b->memory->kind = ENGRAM_EPISODE;
	else if (t == ENG_JSON_STRING && eng_str_eq(s, eng_str("concept")))
		b->memory->kind = ENGRAM_CONCEPT;
	else
		return record_wanted(b, f->name, "\"episode\" or \"concept\"", t);
	return 0;
}

static int read_id(struct record_body *b, const struct record_field *f, enum eng_json_token t)
{
	struct engram_str s = b->record->json.str;
	struct engram_id hi;

	if (t != ENG_JSON_STRING || s.n != ENGRAM_ID_TEXT ||
	    !eng_base32_range((struct engram_id *)(void *)((char *)b->memory + f->at), &hi, s.p, s.n))
		return record_wanted(b, f->name, "an id of 26 characters", t);
	b->id = true;
	return 0;
}

/* Calls `item` for each element of the array at hand. */
int record_array(struct record_body *b, const struct record_field *f, enum eng_json_token t,
                      int (*item)(struct record_body *b, const struct record_field *f, enum eng_json_token t))
{
	int r = 0;

	if (t != ENG_JSON_ARRAY)
		return record_wanted(b, f->name, "an array", t);
	while (r == 0 && (t = eng_json_next(&b->record->json)) != ENG_JSON_ARRAY_END)
		r = t == ENG_JSON_BAD ? record_malformed(b) : item(b, f, t);
	return r;
}

/* Room for one more of n elements of `size`: doubled at powers of two. */
void *record_grow(struct record *r, const void *old, size_t n, size_t size)
{
	void *p;

	if (n & (n - 1))
		return (void *)(uintptr_t)old;
	p = eng_arena_alloc(&r->arena, (n ? 2 * n : 1) * size);
	if (p && n)
		memcpy(p, old, n * size);
	return p;
}

int record_tag(struct record_body *b, const struct record_field *f, enum eng_json_token t)
{
	struct engram_memory *m = b->memory;
	struct engram_str *tags;

	if (t != ENG_JSON_STRING)
		return record_wanted(b, f->name, "strings", t);
	if (m->ntags == ENGRAM_TAGS_MAX)
		return eng_err(b->err, ENGRAM_EINPUT, "%s: wanted at most %u, found more", f->name,
		               ENGRAM_TAGS_MAX);
	tags = record_grow(b->record, m->tags, m->ntags, sizeof *tags);
	if (!tags || record_keep(b, &tags[m->ntags]) < 0)
		return eng_err_nomem(b->err);
	m->tags = tags;
	m->ntags++;
	return 0;
}

static int read_tags(struct record_body *b, const struct record_field *f, enum eng_json_token t)
{
	return record_array(b, f, t, record_tag);
}

/* What the quick way below left: a number that needs the long one, or anything else. */
static int add_number(struct record_body *b, const struct record_field *f, enum eng_json_token t)
{
	struct engram_memory *m = b->memory;
	struct record *r = b->record;

	if (m->dim == ENGRAM_DIM_MAX)
		return eng_err(b->err, ENGRAM_EINPUT, "%s: wanted at most %u numbers, found more", f->name,
		               ENGRAM_DIM_MAX);
	if (t != ENG_JSON_NUMBER || !eng_parse_float(&r->numbers[m->dim], r->json.str.p, r->json.str.n))
		return record_wanted(b, f->name, "numbers that a 32-bit float holds", t);
	m->dim++;
	m->dim += eng_json_floats(&r->json, r->numbers + m->dim, ENGRAM_DIM_MAX - m->dim);
	return 0;
}

static int read_vector(struct record_body *b, const struct record_field *f, enum eng_json_token t)
{
	struct engram_memory *m = b->memory;
	struct record *r = b->record;
	int rc;

	m->dim = t == ENG_JSON_ARRAY ? eng_json_floats(&r->json, r->numbers, ENGRAM_DIM_MAX) : 0;
	rc = record_array(b, f, t, add_number);
	if (rc < 0 || m->dim == 0)
		return rc;
	m->vector = eng_arena_dup(&r->arena, r->numbers, m->dim * sizeof *r->numbers);
	return m->vector ? 0 : eng_err_nomem(b->err);
}

static int read_body(struct record_body *b);

static int add_conflict(struct record_body *b, const struct record_field *f, enum eng_json_token t)
{
	struct engram_memory *m = b->memory, *conflicts;
	struct record_body inner = {.record = b->record, .err = b->err, .conflict = true};
	int r;

	if (t != ENG_JSON_OBJECT)
		return record_wanted(b, f->name, "objects", t);
	conflicts = record_grow(b->record, m->conflicts, m->nconflicts, sizeof *conflicts);
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

static int read_conflicts(struct record_body *b, const struct record_field *f, enum eng_json_token t)
{
	if (b->conflict)
		return eng_err(b->err, ENGRAM_EINPUT, "%s: not inside conflicts", f->name);
	return record_array(b, f, t, add_conflict);
}

static int read_version(struct record_body *b, const struct record_field *f, enum eng_json_token t)
{
	struct engram_str s = b->record->json.str;
	uint64_t v;

	if (t != ENG_JSON_NUMBER || !eng_parse_u64(&v, s.p, s.n))
		return record_wanted(b, f->name, "1", t);
	if (v != 1)
		return eng_err(b->err, ENGRAM_EVERSION, "v: wanted 1, found %llu", (unsigned long long)v);
	return 0;
}

static int read_type(struct record_body *b, const struct record_field *f, enum eng_json_token t)
{
	static const char *const types[] = {"memory", "hit", "space", "summary", "edge"};
	struct engram_str s = b->record->json.str;

	for (size_t i = 0; i < ENG_COUNT(types); i++)
		if (t == ENG_JSON_STRING && eng_str_eq(s, eng_str(types[i]))) {
			b->record->type = (enum record_type)i;
			return 0;
		}
	return record_wanted(b, f->name, "\"memory\", \"hit\", \"edge\", \"space\" or \"summary\"", t);
}

/* A piece of a text must not become a memory of its own. */
static int read_truncated(struct record_body *b, const struct record_field *f, enum eng_json_token t)
{
	if (t == ENG_JSON_FALSE)
		return 0;
	eng_err(b->err, ENGRAM_EINPUT, "%s: wanted a whole text, found a piece that --budget left of it", f->name);
	eng_err_hint(b->err, "engram-store --json --get prints the whole");
	return ENGRAM_EINPUT;
}

#define AT(member) offsetof(struct engram_memory, member)

const struct record_field record_fields[] = {
	{"v", read_version, 0, 0, CELL_NONE},
	{"type", read_type, 0, 0, CELL_NONE},
	{"id", read_id, ENGRAM_ID, AT(id), CELL_TEXT},
	{"key", read_text, ENGRAM_KEY, AT(key), CELL_TEXT},
	{"kind", read_kind, ENGRAM_KIND, 0, CELL_TEXT},
	{"text", read_text, ENGRAM_TEXT, AT(text), CELL_TEXT},
	{"confidence", read_confidence, ENGRAM_CONFIDENCE, 0, CELL_NUMBER},
	{"stored", read_time, ENGRAM_STORED, AT(stored_us), CELL_TEXT},
	{"occurred", read_time, ENGRAM_OCCURRED, AT(occurred_us), CELL_TEXT},
	{"valid_until", read_time, ENGRAM_VALID_UNTIL, AT(valid_until_us), CELL_TEXT},
	{"source", read_text, ENGRAM_SOURCE, AT(source), CELL_TEXT},
	{"actor", read_text, ENGRAM_ACTOR, AT(actor), CELL_TEXT},
	{"tags", read_tags, ENGRAM_TAGS, 0, CELL_LIST},
	{"meta", NULL, ENGRAM_META, 0, CELL_META},
	{"vector", read_vector, ENGRAM_VECTOR, 0, CELL_JSON},
	{"embedder", read_text, 0, AT(embedder), CELL_TEXT},
	{"links", record_links, ENGRAM_LINKS, 0, CELL_JSON},
	{"conflicts", read_conflicts, 0, 0, CELL_NONE},
	/* of a space record; `created` goes where `stored` is */
	{"created", read_time, 0, AT(stored_us), CELL_NONE},
	{"features", NULL, 0, 0, CELL_NONE},
	/* of an edge; its confidence is read where that of a memory is */
	{"from", record_edge, 0, 0, CELL_NONE},
	{"to", record_edge, 0, 0, CELL_NONE},
	{"relation", record_edge, 0, 0, CELL_NONE},
	{"weight", record_edge, 0, 0, CELL_NONE},
	/* of a hit and a summary: about the recall, not about the memory */
	{"cue", NULL, 0, 0, CELL_NONE},
	{"truncated", read_truncated, 0, 0, CELL_NONE},
	{"text_bytes", NULL, 0, 0, CELL_NONE},
	{"interval", NULL, 0, 0, CELL_NONE},
	{"retention", NULL, 0, 0, CELL_NONE},
	{"score", NULL, 0, 0, CELL_NONE},
	{"group", NULL, 0, 0, CELL_NONE},
	{"why", NULL, 0, 0, CELL_NONE},
	{"returned", NULL, 0, 0, CELL_NONE},
	{"omitted", NULL, 0, 0, CELL_NONE},
	{"over_budget", NULL, 0, 0, CELL_NONE},
	{"bytes", NULL, 0, 0, CELL_NONE},
	{"partial", NULL, 0, 0, CELL_NONE},
	{"missing", NULL, 0, 0, CELL_NONE},
	{"text_behind", NULL, 0, 0, CELL_NONE},
	{"compared", NULL, 0, 0, CELL_NONE},
	{"cut_mass", NULL, 0, 0, CELL_NONE},
};
const size_t record_fields_n = ENG_COUNT(record_fields);

/* `what`: "field" or "column". */
int record_unknown(struct engram_str name, const char *what, const char *const *names, size_t n,
                        struct engram_error *err)
{
	const char *near;
	char word[64];
	size_t length = name.n < sizeof word ? name.n : sizeof word - 1;

	if (length > 0)
		memcpy(word, name.p, length);
	word[length] = 0;
	near = eng_nearest(word, names, n);
	eng_err(err, ENGRAM_EINPUT, "unknown %s \"%s\"", what, word);
	if (near)
		eng_err_hint(err, "did you mean \"%s\"?", near);
	return ENGRAM_EINPUT;
}

static int unknown_field(struct record_body *b, struct engram_str name)
{
	const char *names[ENG_COUNT(record_fields)];

	for (size_t i = 0; i < ENG_COUNT(record_fields); i++)
		names[i] = record_fields[i].name;
	return record_unknown(name, "field", names, ENG_COUNT(record_fields), b->err);
}

/* Fields that can be taken away: those of --clear, and the text, which one frame
 * may take away from another's vector. */
static const unsigned clearable = ENGRAM_TEXT | ENGRAM_CONFIDENCE | ENGRAM_OCCURRED | ENGRAM_VALID_UNTIL |
                                  ENGRAM_SOURCE | ENGRAM_ACTOR | ENGRAM_META | ENGRAM_VECTOR;

/* null, in a conflict: it takes the field away. */
static bool read_cleared(struct record_body *b, const struct record_field *f, enum eng_json_token t)
{
	if (t != ENG_JSON_NULL || !b->conflict || !(f->has & clearable))
		return false;
	b->memory->has &= ~f->has;
	b->memory->cleared |= f->has;
	return true;
}

/* meta: the bytes as given; whatever is of no concern here: nothing. */
static int read_raw(struct record_body *b, const struct record_field *f)
{
	struct engram_str raw;
	enum eng_json_token t = eng_json_skip(&b->record->json, &raw);

	if (t == ENG_JSON_BAD)
		return record_malformed(b);
	if (!(f->has & ENGRAM_META) || read_cleared(b, f, t))
		return 0;
	if (t != ENG_JSON_OBJECT)
		return record_wanted(b, f->name, "an object", t);
	if (eng_arena_str(&b->record->arena, &b->memory->meta, raw) < 0)
		return eng_err_nomem(b->err);
	return 0;
}

static int read_field(struct record_body *b)
{
	struct engram_str name = b->record->json.str;

	for (size_t i = 0; i < ENG_COUNT(record_fields); i++) {
		const struct record_field *f = &record_fields[i];
		enum eng_json_token t;

		if (!eng_str_eq(name, eng_str(f->name)))
			continue;
		b->memory->has |= f->has;
		if (!f->read)
			return read_raw(b, f);
		t = eng_json_next(&b->record->json);
		if (t == ENG_JSON_BAD)
			return record_malformed(b);
		return read_cleared(b, f, t) ? 0 : f->read(b, f, t);
	}
	return unknown_field(b, name);
}

/* What every memory is and what is not there need not be stated: so a record of
 * a memory equals what was stored. */
void record_drop_unstated(struct record_body *b)
{
	if (b->memory->kind == ENGRAM_EPISODE)
		b->memory->has &= ~(unsigned)ENGRAM_KIND;
	if (b->memory->ntags == 0)
		b->memory->has &= ~(unsigned)ENGRAM_TAGS;
	if (b->memory->nlinks == 0)
		b->memory->has &= ~(unsigned)ENGRAM_LINKS;
	b->memory->has &= ~b->record->drop;
}

/* The keys of an object that was just opened, to its end. */
static int read_body(struct record_body *b)
{
	enum eng_json_token t;
	int r = 0;

	while (r == 0 && (t = eng_json_next(&b->record->json)) != ENG_JSON_OBJECT_END)
		r = t == ENG_JSON_KEY ? read_field(b) : record_malformed(b);
	record_drop_unstated(b);
	return r;
}

/* A conflict that is of the memory's kind, as most are, does not say so. */
static void finish_conflicts(struct engram_memory *m)
{
	struct engram_memory *c;

	for (size_t i = 0; i < m->nconflicts; i++) {
		c = (struct engram_memory *)(uintptr_t)&m->conflicts[i]; /* in this record's arena */
		c->has &= ~(unsigned)ENGRAM_KIND;
		c->has |= c->kind == m->kind ? 0u : (unsigned)ENGRAM_KIND;
	}
}

/* What the type makes of the fields. */
int record_finish(struct record_body *b)
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
	case RECORD_EDGE:
		if (!b->from || !b->to)
			return eng_err(b->err, ENGRAM_EINPUT, "%s: missing", b->from ? "to" : "from");
		if (r->memory.has & ENGRAM_CONFIDENCE)
			r->link.confidence = r->memory.confidence;
		return 0;
	case RECORD_MEMORY:
		break;
	}
	finish_conflicts(&r->memory);
	if (!(r->memory.has & (ENGRAM_TEXT | ENGRAM_VECTOR)))
		return eng_err(b->err, ENGRAM_EINPUT, "text: missing");
	return 0;
}

void record_clear(struct record *r)
{
	eng_arena_reset(&r->arena);
	r->type = RECORD_MEMORY;
	r->memory = (struct engram_memory){.kind = ENGRAM_EPISODE};
	engram_link_init(&r->link);
}

int record_read(struct record *r, const char *line, size_t n, struct engram_error *err)
{
	struct record_body b = {.record = r, .memory = &r->memory, .err = err};
	enum eng_json_token t;
	int result;

	record_clear(r);
	eng_json_begin(&r->json, line, n);
	t = eng_json_next(&r->json);
	if (t == ENG_JSON_BAD)
		return record_malformed(&b);
	if (t != ENG_JSON_OBJECT)
		return record_wanted(&b, "record", "an object", t);
	result = read_body(&b);
	if (result == 0 && eng_json_next(&r->json) != ENG_JSON_END)
		result = record_malformed(&b);
	return result < 0 ? result : record_finish(&b);
}

void record_free(struct record *r)
{
	eng_json_free(&r->json);
	eng_arena_free(&r->arena);
}
