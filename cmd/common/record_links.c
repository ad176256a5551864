/* record_links.c - what a memory leads to: objects of their own, with names of
 * their own, or records of their own (edges).  What ids and words are worth is judged where they are stored. */
#include "base/base32.h"
#include "base/err.h"
#include "base/num.h"
#include "base/types.h"
#include "record_int.h"

static int read_link_share(struct record_body *b, const char *name, enum eng_json_token t, uint32_t *out)
{
	struct engram_str s = b->record->json.str;

	if (t != ENG_JSON_NUMBER || !eng_parse_unit4(out, s.p, s.n))
		return record_wanted(b, name, "a number 0..1", t);
	return 0;
}

static int read_link_end(struct record_body *b, const char *name, enum eng_json_token t, struct engram_id *out)
{
	struct engram_str s = b->record->json.str;
	struct engram_id hi;

	if (t != ENG_JSON_STRING || s.n != ENGRAM_ID_TEXT || !eng_base32_range(out, &hi, s.p, s.n))
		return record_wanted(b, name, "an id of 26 characters", t);
	return 0;
}

static int read_link_text(struct record_body *b, const char *name, enum eng_json_token t, struct engram_str *out)
{
	return t == ENG_JSON_STRING ? record_keep(b, out) : record_wanted(b, name, "a string", t);
}

static const char *const link_names[] = {"to", "key", "relation", "weight", "confidence"};

/* The value of the name at hand. */
static int read_link_part(struct record_body *b, struct engram_link *link, bool *to)
{
	struct engram_str name = b->record->json.str;
	enum eng_json_token t;
	size_t i = 0;

	while (i < ENG_COUNT(link_names) && !eng_str_eq(name, eng_str(link_names[i])))
		i++;
	if (i == ENG_COUNT(link_names))
		return record_unknown(name, "field", link_names, i, b->err);
	t = eng_json_next(&b->record->json);
	if (t == ENG_JSON_BAD)
		return record_malformed(b);
	switch (i) {
	case 0:
		*to = true;
		return read_link_end(b, link_names[i], t, &link->to);
	case 1:
		return read_link_text(b, link_names[i], t, &link->key);
	case 2:
		return read_link_text(b, link_names[i], t, &link->relation);
	case 3:
		return read_link_share(b, link_names[i], t, &link->weight);
	default:
		return read_link_share(b, link_names[i], t, &link->confidence);
	}
}

static int add_link(struct record_body *b, const struct record_field *f, enum eng_json_token t)
{
	struct engram_memory *m = b->memory;
	struct engram_link *links;
	bool to = false;
	int r = 0;

	if (t != ENG_JSON_OBJECT)
		return record_wanted(b, f->name, "objects", t);
	links = record_grow(b->record, m->links, m->nlinks, sizeof *links);
	if (!links)
		return eng_err_nomem(b->err);
	m->links = links;
	engram_link_init(&links[m->nlinks]);
	while (r == 0 && (t = eng_json_next(&b->record->json)) != ENG_JSON_OBJECT_END)
		r = t == ENG_JSON_KEY ? read_link_part(b, &links[m->nlinks], &to) : record_malformed(b);
	if (r == 0 && to == (links[m->nlinks].key.p != NULL))
		r = eng_err(b->err, ENGRAM_EINPUT, "wanted \"to\" or \"key\", found %s", to ? "both" : "neither");
	if (r < 0)
		eng_err_prefix(b->err, "%s %zu", f->name, m->nlinks + 1);
	m->nlinks++;
	return r;
}

int record_links(struct record_body *b, const struct record_field *f, enum eng_json_token t)
{
	return record_array(b, f, t, add_link);
}

int record_edge(struct record_body *b, const struct record_field *f, enum eng_json_token t)
{
	struct record *r = b->record;

	if (r->type != RECORD_EDGE)
		return eng_err(b->err, ENGRAM_EINPUT, "%s: goes with the type \"edge\" only", f->name);
	switch (f->name[0]) {
	case 'f':
		b->from = true;
		return read_link_end(b, f->name, t, &r->from);
	case 't':
		b->to = true;
		return read_link_end(b, f->name, t, &r->link.to);
	case 'r':
		return read_link_text(b, f->name, t, &r->link.relation);
	default:
		return read_link_share(b, f->name, t, &r->link.weight);
	}
}
