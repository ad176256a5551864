/* frame_json.c - the elements of a frame's body as JSON, for people who look at
 * a log: engram-formats(5), "Frames as JSON".
 *
 * A list of objects with one key each, in the order of the frame, so that the
 * i-th is the one that a ref with index i means.  Nothing is left out: what this
 * version does not know appears with its number and its length. */
#include "space/frames.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/json.h"
#include "base/le.h"
#include "frame/payload.h"
#include "merge/item.h"

static const char *const names[] = {
	[ENG_EL_TEXT] = "text",
	[ENG_EL_KEY] = "key",
	[ENG_EL_KIND] = "kind",
	[ENG_EL_CONFIDENCE] = "confidence",
	[ENG_EL_OCCURRED] = "occurred",
	[ENG_EL_VALID_UNTIL] = "valid_until",
	[ENG_EL_SOURCE] = "source",
	[ENG_EL_ACTOR] = "actor",
	[ENG_EL_META] = "meta",
	[ENG_EL_TAG] = "tag",
	[ENG_EL_VECTOR] = "vector",
	[ENG_EL_STORED] = "stored",
	[ENG_EL_SESSION] = "session",
	[ENG_EL_CLEAR] = "clear",
	[ENG_EL_MADE_OF] = "made_of",
	[ENG_EL_EDGE] = "edge",
	[ENG_EL_VERDICT] = "useful",
	[ENG_EL_FEATURES] = "features",
	[ENG_EL_REASON] = "reason",
	[ENG_EL_PARENT] = "parent",
	[ENG_EL_SERIES] = "series",
	[ENG_EL_FORK] = "fork",
};

static const char *const reasons[] = {
	[ENG_BIRTH_NEW] = "new",   [ENG_BIRTH_COPY] = "copy",   [ENG_BIRTH_ROLLBACK] = "rollback",
	[ENG_BIRTH_FORK] = "fork", [ENG_BIRTH_ASKED] = "asked",
};
static const char *const kinds[] = {[ENGRAM_EPISODE] = "episode", [ENGRAM_CONCEPT] = "concept"};

#define EDGE_HEAD 36u /* before the relation */
#define PARENT_SIZE 28u
#define FORK_SIZE 32u

static const char *word(const char *const *words, size_t n, uint32_t v)
{
	return v < n ? words[v] : NULL;
}
#define WORD(words, v) word(words, ENG_COUNT(words), v)

static void put_z(struct eng_json_out *o, const char *z)
{
	eng_json_str(o, z, strlen(z));
}

/* A word where there is one for it, else the number. */
static void put_word(struct eng_json_out *o, const char *z, uint32_t v)
{
	if (z)
		put_z(o, z);
	else
		eng_json_u64(o, v);
}

static void put_hex(struct eng_json_out *o, const uint8_t *p, size_t n)
{
	char text[2 * 16 + 1];

	for (size_t i = 0; i < n; i++)
		snprintf(text + 2 * i, 3, "%02x", p[i]);
	eng_json_str(o, text, 2 * n);
}

static void put_hex64(struct eng_json_out *o, uint64_t v)
{
	char text[17];

	snprintf(text, sizeof text, "%016" PRIx64, v);
	put_z(o, text);
}

static void put_hex32(struct eng_json_out *o, uint32_t v)
{
	char text[9];

	snprintf(text, sizeof text, "%08" PRIx32, v);
	put_z(o, text);
}

static void put_id(struct eng_json_out *o, const char *key, const uint8_t *p)
{
	struct engram_id id;

	memcpy(id.b, p, sizeof id.b);
	eng_json_key(o, key), eng_json_id(o, &id);
}

static void put_vector(struct eng_json_out *o, const struct eng_element *el)
{
	struct engram_str name;
	size_t head = eng_vector_head(&name, el->p, el->n);
	uint32_t bits;
	float v;

	eng_json_array(o);
	for (size_t at = head; at < el->n; at += 4) {
		bits = eng_get32(el->p + at);
		memcpy(&v, &bits, sizeof v);
		eng_json_float(o, v);
	}
	eng_json_array_end(o);
	if (name.n) {
		eng_json_key(o, "embedder"), eng_json_str(o, name.p, name.n);
	}
}

static void put_edge(struct eng_json_out *o, const struct eng_element *el)
{
	eng_json_object(o);
	put_id(o, "from", el->p);
	put_id(o, "to", el->p + 16);
	if (el->n > EDGE_HEAD) {
		eng_json_key(o, "relation"), eng_json_str(o, (const char *)el->p + EDGE_HEAD, el->n - EDGE_HEAD);
	}
	eng_json_key(o, "weight"), eng_json_unit4(o, eng_get16(el->p + 32));
	eng_json_key(o, "confidence"), eng_json_unit4(o, eng_get16(el->p + 34));
	eng_json_object_end(o);
}

static void put_parent(struct eng_json_out *o, const struct eng_element *el)
{
	eng_json_object(o);
	eng_json_key(o, "series"), put_hex(o, el->p, 16);
	eng_json_key(o, "seq"), eng_json_u64(o, eng_get64(el->p + 16));
	eng_json_key(o, "check"), put_hex32(o, eng_get32(el->p + 24));
	eng_json_object_end(o);
}

static void put_fork(struct eng_json_out *o, const struct eng_element *el)
{
	eng_json_object(o);
	eng_json_key(o, "series"), put_hex(o, el->p, 16);
	eng_json_key(o, "seq"), eng_json_u64(o, eng_get64(el->p + 16));
	eng_json_key(o, "checks"), eng_json_array(o);
	put_hex32(o, eng_get32(el->p + 24));
	put_hex32(o, eng_get32(el->p + 28));
	eng_json_array_end(o);
	eng_json_object_end(o);
}

static void put_features(struct eng_json_out *o, const struct eng_element *el)
{
	eng_json_array(o);
	for (size_t at = 0; at < el->n; at += 4)
		eng_json_u64(o, eng_get32(el->p + at));
	eng_json_array_end(o);
}

static void put_u32(struct eng_json_out *o, const struct eng_element *el)
{
	uint32_t v = eng_get32(el->p);

	if (el->type == ENG_EL_KIND)
		put_word(o, WORD(kinds, v), v);
	else if (el->type == ENG_EL_REASON)
		put_word(o, WORD(reasons, v), v);
	else if (el->type == ENG_EL_CLEAR)
		put_word(o, WORD(names, v), v);
	else if (el->type == ENG_EL_VERDICT)
		eng_json_bool(o, v == 1);
	else
		eng_json_unit4(o, v);
}

static void put_u64(struct eng_json_out *o, const struct eng_element *el)
{
	if (el->type == ENG_EL_SESSION || el->type == ENG_EL_MADE_OF)
		put_hex64(o, eng_get64(el->p));
	else
		eng_json_time(o, (int64_t)eng_get64(el->p));
}

/* Whether the value is what its type says. */
static bool fits(const struct eng_element *el)
{
	struct engram_str name;
	size_t head;

	switch (el->type) {
	case ENG_EL_KIND:
	case ENG_EL_CONFIDENCE:
	case ENG_EL_CLEAR:
	case ENG_EL_VERDICT:
	case ENG_EL_REASON:
		return el->n == 4;
	case ENG_EL_OCCURRED:
	case ENG_EL_VALID_UNTIL:
	case ENG_EL_STORED:
	case ENG_EL_SESSION:
	case ENG_EL_MADE_OF:
		return el->n == 8;
	case ENG_EL_VECTOR:
		head = eng_vector_head(&name, el->p, el->n);
		return head > 0 && head <= el->n && (el->n - head) % 4 == 0;
	case ENG_EL_EDGE:
		return el->n >= EDGE_HEAD;
	case ENG_EL_PARENT:
		return el->n >= PARENT_SIZE;
	case ENG_EL_SERIES:
		return el->n == 16;
	case ENG_EL_FORK:
		return el->n == FORK_SIZE;
	case ENG_EL_FEATURES:
		return el->n % 4 == 0;
	default:
		return WORD(names, el->type) != NULL;
	}
}

static void put_value(struct eng_json_out *o, const struct eng_element *el)
{
	switch (el->type) {
	case ENG_EL_VECTOR:
		put_vector(o, el);
		break;
	case ENG_EL_EDGE:
		put_edge(o, el);
		break;
	case ENG_EL_PARENT:
		put_parent(o, el);
		break;
	case ENG_EL_SERIES:
		put_hex(o, el->p, 16);
		break;
	case ENG_EL_FORK:
		put_fork(o, el);
		break;
	case ENG_EL_FEATURES:
		put_features(o, el);
		break;
	case ENG_EL_TEXT:
	case ENG_EL_KEY:
	case ENG_EL_SOURCE:
	case ENG_EL_ACTOR:
	case ENG_EL_META:
	case ENG_EL_TAG:
		eng_json_str(o, (const char *)el->p, el->n);
		break;
	default:
		if (el->n == 4)
			put_u32(o, el);
		else
			put_u64(o, el);
	}
}

static void put_element(struct eng_json_out *o, const struct eng_element *el)
{
	eng_json_object(o);
	if (fits(el)) {
		eng_json_key(o, names[el->type]);
		put_value(o, el);
	} else {
		eng_json_key(o, "type"), eng_json_u64(o, el->type);
		eng_json_key(o, "bytes"), eng_json_u64(o, el->n);
	}
	eng_json_object_end(o);
}

int eng_frame_json(struct eng_buf *b, const struct eng_prelude *prelude, const uint8_t *payload, size_t n,
                   struct engram_error *err)
{
	struct eng_json_out o;
	struct eng_elements walk;
	struct eng_element el;
	int r;

	eng_json_out(&o, b);
	eng_json_array(&o);
	eng_elements_begin(&walk, prelude, payload, n);
	while ((r = eng_elements_next(&walk, &el)) > 0)
		put_element(&o, &el);
	eng_json_array_end(&o);
	if (r < 0)
		return eng_err(err, ENGRAM_EDAMAGED, "element %u: malformed", (unsigned)walk.index + 1);
	return b->failed ? eng_err_nomem(err) : 0;
}
