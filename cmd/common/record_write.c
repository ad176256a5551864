/* record_write.c - see record.h. */
#include "common/record.h"

#include <string.h>

#include "base/num.h"
#include "base/types.h"

const char *record_kind(enum engram_kind kind)
{
	return kind == ENGRAM_CONCEPT ? "concept" : "episode";
}

const char *record_group(enum engram_group group)
{
	switch (group) {
	case ENGRAM_VIVID:
		return "vivid";
	case ENGRAM_ASSOCIATED:
		return "associated";
	case ENGRAM_RECONSTRUCTED:
		return "reconstructed";
	}
	return "-";
}

void record_key_str(struct eng_json_out *o, const char *key, const char *z)
{
	eng_json_key(o, key);
	eng_json_str(o, z, strlen(z));
}

void record_key_u64(struct eng_json_out *o, const char *key, uint64_t v)
{
	eng_json_key(o, key);
	eng_json_u64(o, v);
}

void record_begin(struct eng_json_out *o, struct eng_buf *b, const char *type)
{
	eng_json_out(o, b);
	eng_json_object(o);
	record_key_u64(o, "v", 1);
	record_key_str(o, "type", type);
}

/* The key of a field, if it is stated; of one that was taken away null too, which
 * only a conflict says. */
static bool key_of(struct eng_json_out *o, const struct engram_memory *m, unsigned field, const char *key)
{
	if (!((m->has | m->cleared) & field))
		return false;
	eng_json_key(o, key);
	if (m->has & field)
		return true;
	eng_json_raw(o, "null", 4);
	return false;
}

static void key_text(struct eng_json_out *o, const struct engram_memory *m, unsigned field, const char *key,
                     struct engram_str s)
{
	if (key_of(o, m, field, key))
		eng_json_str(o, s.p, s.n);
}

static void key_time(struct eng_json_out *o, const struct engram_memory *m, unsigned field, const char *key,
                     int64_t us)
{
	if (key_of(o, m, field, key))
		eng_json_time(o, us);
}

static void key_confidence(struct eng_json_out *o, const struct engram_memory *m)
{
	if (key_of(o, m, ENGRAM_CONFIDENCE, "confidence"))
		eng_json_unit4(o, m->confidence);
}

static void key_unit4(struct eng_json_out *o, const char *key, uint32_t v)
{
	eng_json_key(o, key);
	eng_json_unit4(o, v);
}

static void write_head(struct eng_json_out *o, const struct engram_memory *m)
{
	key_text(o, m, ENGRAM_KEY, "key", m->key);
	record_key_str(o, "kind", record_kind(m->kind));
	key_text(o, m, ENGRAM_TEXT, "text", m->text);
}

static void write_tail(struct eng_json_out *o, const struct engram_memory *m)
{
	key_time(o, m, ENGRAM_OCCURRED, "occurred", m->occurred_us);
	key_time(o, m, ENGRAM_VALID_UNTIL, "valid_until", m->valid_until_us);
	key_text(o, m, ENGRAM_SOURCE, "source", m->source);
	key_text(o, m, ENGRAM_ACTOR, "actor", m->actor);
	if (m->ntags > 0) {
		eng_json_key(o, "tags");
		eng_json_array(o);
		for (size_t i = 0; i < m->ntags; i++)
			eng_json_str(o, m->tags[i].p, m->tags[i].n);
		eng_json_array_end(o);
	}
	if (key_of(o, m, ENGRAM_META, "meta"))
		eng_json_raw(o, m->meta.p, m->meta.n);
}

static void write_numbers(struct eng_json_out *o, const struct engram_memory *m)
{
	eng_json_array(o);
	for (size_t i = 0; i < m->dim; i++)
		eng_json_float(o, m->vector[i]);
	eng_json_array_end(o);
}

static void write_vector(struct eng_json_out *o, const struct engram_memory *m)
{
	if (!key_of(o, m, ENGRAM_VECTOR, "vector"))
		return;
	write_numbers(o, m);
	if (m->embedder.p) {
		eng_json_key(o, "embedder");
		eng_json_str(o, m->embedder.p, m->embedder.n);
	}
}

/* What is 1 need not be said. */
static void write_link(struct eng_json_out *o, const struct engram_link *l)
{
	eng_json_key(o, "to");
	eng_json_id(o, &l->to);
	if (l->relation.n) {
		eng_json_key(o, "relation");
		eng_json_str(o, l->relation.p, l->relation.n);
	}
	if (l->weight != ENGRAM_CONFIDENCE_ONE)
		key_unit4(o, "weight", l->weight);
	if (l->confidence != ENGRAM_CONFIDENCE_ONE)
		key_unit4(o, "confidence", l->confidence);
}

void record_write_edge(struct eng_json_out *o, const struct engram_id *from, const struct engram_link *l)
{
	eng_json_key(o, "from");
	eng_json_id(o, from);
	write_link(o, l);
}

static void write_links(struct eng_json_out *o, const struct engram_memory *m)
{
	if (m->nlinks == 0)
		return;
	eng_json_key(o, "links");
	eng_json_array(o);
	for (size_t i = 0; i < m->nlinks && i < RECORD_LINKS_MAX; i++) {
		eng_json_object(o);
		write_link(o, &m->links[i]);
		eng_json_object_end(o);
	}
	eng_json_array_end(o);
}

/* What somebody else says of it, without id and key. */
static void write_conflict(struct eng_json_out *o, const struct engram_memory *m)
{
	struct engram_memory body = *m;

	body.has &= ~(unsigned)ENGRAM_KEY;
	eng_json_object(o);
	write_head(o, &body);
	key_confidence(o, &body);
	key_time(o, &body, ENGRAM_STORED, "stored", body.stored_us);
	write_tail(o, &body);
	write_vector(o, &body);
	eng_json_object_end(o);
}

void record_write_memory(struct eng_json_out *o, const struct engram_memory *m)
{
	eng_json_key(o, "id");
	eng_json_id(o, &m->id);
	write_head(o, m);
	key_confidence(o, m);
	eng_json_key(o, "stored");
	eng_json_time(o, m->stored_us);
	write_tail(o, m);
	write_vector(o, m);
	write_links(o, m);
	if (m->nconflicts == 0)
		return;
	eng_json_key(o, "conflicts");
	eng_json_array(o);
	for (size_t i = 0; i < m->nconflicts; i++)
		write_conflict(o, &m->conflicts[i]);
	eng_json_array_end(o);
}

/* -- conflicts ------------------------------------------------------------------- */

const char *record_field_name(enum engram_field field)
{
	switch (field) {
	case ENGRAM_TEXT:
		return "text";
	case ENGRAM_KIND:
		return "kind";
	case ENGRAM_CONFIDENCE:
		return "confidence";
	case ENGRAM_OCCURRED:
		return "occurred";
	case ENGRAM_VALID_UNTIL:
		return "valid_until";
	case ENGRAM_SOURCE:
		return "source";
	case ENGRAM_ACTOR:
		return "actor";
	case ENGRAM_META:
		return "meta";
	default:
		return "vector";
	}
}

static void write_value(struct eng_json_out *o, const struct engram_claim *c)
{
	const struct engram_memory *v = c->value;

	key_text(o, v, c->field & ENGRAM_TEXT, "value", v->text);
	key_text(o, v, c->field & ENGRAM_SOURCE, "value", v->source);
	key_text(o, v, c->field & ENGRAM_ACTOR, "value", v->actor);
	key_time(o, v, c->field & ENGRAM_OCCURRED, "value", v->occurred_us);
	key_time(o, v, c->field & ENGRAM_VALID_UNTIL, "value", v->valid_until_us);
	if (v->has & c->field & ENGRAM_KIND)
		record_key_str(o, "value", record_kind(v->kind));
	if (v->has & c->field & ENGRAM_CONFIDENCE)
		key_unit4(o, "value", v->confidence);
	if (v->has & c->field & ENGRAM_META)
		eng_json_key(o, "value"), eng_json_raw(o, v->meta.p, v->meta.n);
	if (v->has & c->field & ENGRAM_VECTOR)
		eng_json_key(o, "value"), write_numbers(o, v);
	if (!(v->has & c->field))
		eng_json_key(o, "value"), eng_json_raw(o, "null", 4);
}

static void write_claim(struct eng_json_out *o, const struct engram_claim *c)
{
	write_value(o, c);
	if (c->stored_us == INT64_MIN)
		return;
	eng_json_key(o, "stored");
	eng_json_time(o, c->stored_us);
	record_key_str(o, "series", c->series);
}

void record_write_conflict(struct eng_json_out *o, const struct engram_memory *m, const struct engram_claim *c,
                           size_t n)
{
	eng_json_key(o, "id");
	eng_json_id(o, &m->id);
	key_text(o, m, ENGRAM_KEY, "key", m->key);
	record_key_str(o, "field", record_field_name(c->field));
	write_claim(o, c);
	eng_json_key(o, "others");
	eng_json_array(o);
	for (size_t i = 1; i < n; i++) {
		eng_json_object(o);
		write_claim(o, &c[i]);
		eng_json_object_end(o);
	}
	eng_json_array_end(o);
}

void record_signed4(struct eng_buf *b, int32_t v)
{
	char text[ENG_UNIT4_TEXT];
	uint32_t size = v < 0 ? 0u - (uint32_t)v : (uint32_t)v;

	if (v < 0)
		eng_buf_byte(b, '-');
	/* Terms may exceed 1: whole part and fraction apart. */
	if (size >= ENGRAM_CONFIDENCE_ONE)
		eng_buf_printf(b, "%u", size / ENGRAM_CONFIDENCE_ONE);
	size_t n = eng_format_unit4(text, size % ENGRAM_CONFIDENCE_ONE);
	if (size < ENGRAM_CONFIDENCE_ONE)
		eng_buf_add(b, text, n);
	else if (n > 1)
		eng_buf_add(b, text + 1, n - 1);
}

static void key_signed4(struct eng_json_out *o, const char *key, int32_t v)
{
	struct eng_buf b = ENG_BUF_INIT;

	record_signed4(&b, v);
	if (b.failed)
		o->b->failed = true;
	else {
		eng_json_key(o, key);
		eng_json_raw(o, (char *)b.p, b.n);
	}
	eng_buf_free(&b);
}

static void write_why(struct eng_json_out *o, const struct engram_hit *h)
{
	eng_json_key(o, "why");
	eng_json_object(o);
	for (size_t i = 0; i < h->nwhy; i++)
		key_signed4(o, h->why[i].name, h->why[i].value);
	eng_json_object_end(o);
}

void record_write_hit(struct eng_json_out *o, const struct engram_hit *h, const struct record_hit *how)
{
	if (how->cue)
		record_key_u64(o, "cue", how->cue);
	eng_json_key(o, "id");
	eng_json_id(o, &h->memory.id);
	write_head(o, &h->memory);
	if (how->whole_text) {
		eng_json_key(o, "truncated"), eng_json_bool(o, true);
		record_key_u64(o, "text_bytes", how->whole_text);
	}
	if (how->cued) {
		key_unit4(o, "confidence", h->confidence);
		eng_json_key(o, "interval");
		eng_json_array(o);
		eng_json_unit4(o, h->lo);
		eng_json_unit4(o, h->hi);
		eng_json_array_end(o);
	}
	key_unit4(o, "retention", h->retention);
	if (how->cued) {
		key_signed4(o, "score", h->score);
		record_key_str(o, "group", record_group(h->group));
	}
	eng_json_key(o, "stored");
	eng_json_time(o, h->memory.stored_us);
	write_tail(o, &h->memory);
	if (how->explain)
		write_why(o, h);
}
