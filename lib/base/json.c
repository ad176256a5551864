/* json.c - the JSON reader: a pull parser over one complete text.
 *
 * A state machine with one bit of memory per open bracket (object or array),
 * so depth costs nothing and a text of 100,000 brackets is refused at the
 * 65th.  Strings without escapes are handed out in place.
 *
 * Duplicate keys.  Each open object has a small hash set of the keys it has
 * seen: hash and offset in the text.  Two keys of equal hash are compared as
 * strings, so a collision never refuses a sound text.  Only the innermost open
 * object can see a key, so the sets form a stack in one buffer and the
 * top one grows in place:
 *
 *     keys: [set of the outer object | set of the inner object]
 *                                      ^ j->set
 */
#include "base/json.h"

#include <string.h>

#include "base/hash.h"
#include "base/num.h"
#include "base/utf8.h"

enum state {
	WANT_VALUE,       /* at the start, behind a colon, behind a comma in an array */
	WANT_VALUE_OR_END, /* behind [ */
	WANT_KEY_OR_END,  /* behind { */
	WANT_KEY,         /* behind a comma in an object */
	WANT_COMMA_OR_END, /* behind a value in brackets */
	WANT_NOTHING,     /* behind the whole value */
	ENDED,
	BROKEN,
};

static enum eng_json_token bad(struct eng_json *j, const char *at, const char *problem)
{
	j->state = BROKEN;
	j->offset = (size_t)(at - j->start);
	j->problem = problem;
	return ENG_JSON_BAD;
}

static enum eng_json_token no_memory(struct eng_json *j)
{
	j->out_of_memory = true;
	return bad(j, j->at, "out of memory");
}

static const char *blanks(const char *p, const char *end)
{
	while (p < end && (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t'))
		p++;
	return p;
}

static void skip_blanks(struct eng_json *j)
{
	j->at = blanks(j->at, j->end);
}

/* ----- strings */

static int hex4(uint32_t *out, const char *p, const char *end)
{
	uint32_t v = 0;

	if (end - p < 4)
		return -1;
	for (int i = 0; i < 4; i++) {
		char c = p[i];

		if (c >= '0' && c <= '9')
			v = v << 4 | (uint32_t)(c - '0');
		else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
			v = v << 4 | (uint32_t)((c | 0x20) - 'a' + 10);
		else
			return -1;
	}
	*out = v;
	return 0;
}

/* \uXXXX, a surrogate only as half of a pair; j->at is behind the u. */
static bool take_unicode(struct eng_json *j, const char *began)
{
	uint32_t c, low;
	char utf8[4];

	if (hex4(&c, j->at, j->end) != 0) {
		bad(j, began, "\\u wants four hexadecimal digits");
		return false;
	}
	j->at += 4;
	if (c >= 0xd800 && c < 0xdc00 && j->end - j->at >= 6 && j->at[0] == '\\' && j->at[1] == 'u' &&
	    hex4(&low, j->at + 2, j->end) == 0 && low >= 0xdc00 && low < 0xe000) {
		c = 0x10000 + ((c & 0x3ff) << 10 | (low & 0x3ff));
		j->at += 6;
	}
	if (c == 0 || (c >= 0xd800 && c < 0xe000)) {
		bad(j, began, c == 0 ? "NUL in a string" : "lone surrogate");
		return false;
	}
	eng_buf_add(&j->scratch, utf8, eng_utf8_encode(utf8, c));
	return true;
}

/* One escape; j->at is at the backslash. */
static bool take_escape(struct eng_json *j)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	const char *began = j->at++, *found;

	if (j->at == j->end) {
		bad(j, j->at, "text ends inside a string");
		return false;
	}
	if (*j->at == 'u') {
		j->at++;
		return take_unicode(j, began);
	}
	found = *j->at ? strchr(from, *j->at) : NULL;
	if (!found) {
		bad(j, began, "unknown escape");
		return false;
	}
	eng_buf_byte(&j->scratch, (uint8_t)to[found - from]);
	j->at++;
	return true;
}

/* Moves to the next quote, backslash or control character, checking UTF-8. */
static bool take_run(struct eng_json *j)
{
	const char *p = j->at;
	size_t n, good;

	while (p < j->end && *p != '"' && *p != '\\' && (unsigned char)*p >= 0x20)
		p++;
	n = (size_t)(p - j->at);
	good = eng_utf8_check(j->at, n);
	if (good < n)
		bad(j, j->at + good, "not UTF-8");
	else if (p == j->end)
		bad(j, p, "text ends inside a string");
	else if ((unsigned char)*p < 0x20)
		bad(j, p, "control character in a string");
	j->at = p;
	return j->state != BROKEN;
}

/* The string at j->at (a quote) into j->str. */
static bool take_string(struct eng_json *j)
{
	const char *run = ++j->at;

	if (!take_run(j))
		return false;
	if (*j->at == '"') {
		j->str = (struct engram_str){run, (size_t)(j->at++ - run)};
		return true;
	}
	eng_buf_reset(&j->scratch);
	while (*j->at != '"') {
		eng_buf_add(&j->scratch, run, (size_t)(j->at - run));
		if (!take_escape(j))
			return false;
		run = j->at;
		if (!take_run(j))
			return false;
	}
	eng_buf_add(&j->scratch, run, (size_t)(j->at++ - run));
	if (j->scratch.failed) {
		no_memory(j);
		return false;
	}
	j->str = (struct engram_str){j->scratch.p ? (const char *)j->scratch.p : "", j->scratch.n};
	return true;
}

/* ----- sets of keys */

/* Slots follow in j->keys; a power of two of them, at most half in use. */
struct key_set {
	uint32_t outer; /* offset of the enclosing object's set */
	uint32_t used;
	uint32_t slots;
};

struct key_slot {
	uint32_t hash;
	uint32_t offset; /* of the opening quote; 0 = free, no key is there */
};

#define FIRST_SLOTS 16 /* a memory line has a dozen keys or fewer */
#define NO_SET UINT32_MAX

static struct key_set *innermost(struct eng_json *j)
{
	return (struct key_set *)(void *)(j->keys.p + j->set);
}

static struct key_slot *slots_of(struct key_set *set)
{
	return (struct key_slot *)(void *)(set + 1);
}

static bool open_set(struct eng_json *j)
{
	struct key_set set = {j->set, 0, FIRST_SLOTS};

	if (j->keys.n > UINT32_MAX / 2)
		return false;
	j->set = (uint32_t)j->keys.n;
	eng_buf_add(&j->keys, &set, sizeof set);
	eng_buf_zero(&j->keys, FIRST_SLOTS * sizeof(struct key_slot));
	return !j->keys.failed;
}

static void close_set(struct eng_json *j)
{
	uint32_t outer = innermost(j)->outer;

	j->keys.n = j->set;
	j->set = outer;
}

static void insert(struct key_set *set, struct key_slot slot)
{
	struct key_slot *slots = slots_of(set);
	uint32_t i = slot.hash & (set->slots - 1);

	while (slots[i].offset)
		i = (i + 1) & (set->slots - 1);
	slots[i] = slot;
}

/* Doubles the innermost set: its slots move behind the new, empty ones, are
 * entered anew, and are cut off. */
static bool grow_set(struct eng_json *j)
{
	uint32_t old = innermost(j)->slots;
	size_t bytes = old * sizeof(struct key_slot);
	struct key_set *set;
	struct key_slot *from;

	if (j->keys.n > UINT32_MAX / 4 || !eng_buf_reserve(&j->keys, 2 * bytes))
		return false;
	set = innermost(j);
	from = (struct key_slot *)memcpy(slots_of(set) + 2 * (size_t)old, slots_of(set), bytes);
	memset(slots_of(set), 0, 2 * bytes);
	set->slots = 2 * old;
	for (uint32_t i = 0; i < old; i++)
		if (from[i].offset)
			insert(set, from[i]);
	j->keys.n += bytes;
	return true;
}

enum same { SAME_NO, SAME_YES, SAME_NO_MEMORY };

/* Is the key at `offset`, which was read before, equal to j->str? */
static enum same same_key(const struct eng_json *j, uint32_t offset)
{
	struct eng_json earlier = {.start = j->start, .at = j->start + offset, .end = j->end};
	enum same same = SAME_NO_MEMORY;

	if (take_string(&earlier))
		same = earlier.str.n == j->str.n && memcmp(earlier.str.p, j->str.p, j->str.n) == 0;
	eng_buf_free(&earlier.scratch);
	return same;
}

/* Enters the key j->str, which began at `began`; false if it is a duplicate. */
static bool note_key(struct eng_json *j, const char *began)
{
	/* The address as a seed: nobody can prepare colliding keys, and what is
	 * accepted does not depend on it. */
	uint32_t hash = (uint32_t)XXH3_64bits_withSeed(j->str.p, j->str.n, (uint64_t)(uintptr_t)j->start);
	struct key_set *set = innermost(j);
	struct key_slot *slots = slots_of(set);
	enum same same = SAME_NO;

	for (uint32_t i = hash & (set->slots - 1); slots[i].offset; i = (i + 1) & (set->slots - 1)) {
		if (slots[i].hash == hash)
			same = same_key(j, slots[i].offset);
		if (same != SAME_NO)
			break;
	}
	if (same == SAME_YES)
		bad(j, began, "duplicate key");
	else if (same == SAME_NO_MEMORY || (2 * (set->used + 1) > set->slots && !grow_set(j)))
		no_memory(j);
	if (j->state == BROKEN)
		return false;
	set = innermost(j);
	set->used++;
	insert(set, (struct key_slot){hash, (uint32_t)(began - j->start)});
	return true;
}

/* ----- values */

static bool digits(struct eng_json *j)
{
	const char *began = j->at;

	while (j->at < j->end && *j->at >= '0' && *j->at <= '9')
		j->at++;
	return j->at > began;
}

static bool at_char(struct eng_json *j, char a, char b)
{
	return j->at < j->end && (*j->at == a || *j->at == b);
}

static bool take_number(struct eng_json *j)
{
	const char *began = j->at;
	bool good;

	j->at += *j->at == '-';
	if (at_char(j, '0', '0')) {
		j->at++;
		good = true;
	} else {
		good = digits(j);
	}
	if (good && at_char(j, '.', '.')) {
		j->at++;
		good = digits(j);
	}
	if (good && at_char(j, 'e', 'E')) {
		j->at++;
		j->at += at_char(j, '+', '-');
		good = digits(j);
	}
	if (!good)
		bad(j, began, "not a number");
	else if (j->at - began > ENG_JSON_NUMBER_MAX)
		bad(j, began, "number longer than 64 bytes");
	j->str = (struct engram_str){began, (size_t)(j->at - began)};
	return j->state != BROKEN;
}

static enum eng_json_token take_word(struct eng_json *j, const char *word, enum eng_json_token token)
{
	size_t n = strlen(word);

	if ((size_t)(j->end - j->at) < n || memcmp(j->at, word, n) != 0)
		return bad(j, j->at, "not a value");
	j->at += n;
	return token;
}

static enum eng_json_token open_bracket(struct eng_json *j, enum eng_json_token token)
{
	if (j->depth == ENG_JSON_DEPTH_MAX)
		return bad(j, j->at, "nested deeper than 64");
	if (token == ENG_JSON_OBJECT && !open_set(j))
		return no_memory(j);
	j->at++;
	j->stack[j->depth++] = (uint8_t)token;
	j->state = token == ENG_JSON_OBJECT ? WANT_KEY_OR_END : WANT_VALUE_OR_END;
	return token;
}

static enum eng_json_token scalar(struct eng_json *j)
{
	switch (*j->at) {
	case '"':
		return take_string(j) ? ENG_JSON_STRING : ENG_JSON_BAD;
	case 't':
		return take_word(j, "true", ENG_JSON_TRUE);
	case 'f':
		return take_word(j, "false", ENG_JSON_FALSE);
	case 'n':
		return take_word(j, "null", ENG_JSON_NULL);
	case '-':
	case '0':
	case '1':
	case '2':
	case '3':
	case '4':
	case '5':
	case '6':
	case '7':
	case '8':
	case '9':
		return take_number(j) ? ENG_JSON_NUMBER : ENG_JSON_BAD;
	default:
		return bad(j, j->at, "not a value");
	}
}

static void value_done(struct eng_json *j)
{
	j->state = j->depth > 0 ? WANT_COMMA_OR_END : WANT_NOTHING;
}

static enum eng_json_token take_value(struct eng_json *j)
{
	enum eng_json_token token;

	if (j->at == j->end)
		return bad(j, j->at, "text ends where a value is wanted");
	if (*j->at == '{')
		return open_bracket(j, ENG_JSON_OBJECT);
	if (*j->at == '[')
		return open_bracket(j, ENG_JSON_ARRAY);
	token = scalar(j);
	if (token != ENG_JSON_BAD)
		value_done(j);
	return token;
}

static enum eng_json_token take_key(struct eng_json *j)
{
	const char *began = j->at;

	if (!at_char(j, '"', '"'))
		return bad(j, j->at, "a key in quotes is wanted");
	if (!take_string(j) || !note_key(j, began))
		return ENG_JSON_BAD;
	skip_blanks(j);
	if (!at_char(j, ':', ':'))
		return bad(j, j->at, "a colon is wanted");
	j->at++;
	j->state = WANT_VALUE;
	return ENG_JSON_KEY;
}

/* Closes the innermost bracket if its closing character is next. */
static enum eng_json_token take_close(struct eng_json *j)
{
	bool object = j->stack[j->depth - 1] == ENG_JSON_OBJECT;

	if (!at_char(j, object ? '}' : ']', object ? '}' : ']'))
		return ENG_JSON_END;
	if (object)
		close_set(j);
	j->at++;
	j->depth--;
	value_done(j);
	return object ? ENG_JSON_OBJECT_END : ENG_JSON_ARRAY_END;
}

static enum eng_json_token take_next_element(struct eng_json *j)
{
	bool object = j->stack[j->depth - 1] == ENG_JSON_OBJECT;

	if (!at_char(j, ',', ','))
		return bad(j, j->at, object ? "a comma or } is wanted" : "a comma or ] is wanted");
	j->at++;
	skip_blanks(j);
	j->offset = (size_t)(j->at - j->start);
	return object ? take_key(j) : take_value(j);
}

static enum eng_json_token at_end(struct eng_json *j)
{
	if (j->at < j->end)
		return bad(j, j->at, "more behind the value");
	j->state = ENDED;
	return ENG_JSON_END;
}

/* ----- the interface */

void eng_json_begin(struct eng_json *j, const char *p, size_t n)
{
	j->start = j->at = p;
	j->end = p + n;
	j->str = (struct engram_str){NULL, 0};
	j->offset = 0;
	j->problem = NULL;
	j->out_of_memory = false;
	j->depth = 0;
	j->set = NO_SET;
	j->state = WANT_VALUE;
	eng_buf_reset(&j->scratch);
	eng_buf_reset(&j->keys);
	if (n >= UINT32_MAX) /* offsets of keys are 32 bits */
		bad(j, p, "text of 4 GiB or more");
}

enum eng_json_token eng_json_next(struct eng_json *j)
{
	enum eng_json_token token = ENG_JSON_END;

	if (j->state == BROKEN)
		return ENG_JSON_BAD;
	if (j->state == ENDED)
		return ENG_JSON_END;
	skip_blanks(j);
	j->str = (struct engram_str){NULL, 0};
	j->offset = (size_t)(j->at - j->start);
	if (j->state == WANT_NOTHING)
		return at_end(j);
	if (j->state == WANT_VALUE_OR_END || j->state == WANT_KEY_OR_END || j->state == WANT_COMMA_OR_END)
		token = take_close(j);
	if (token != ENG_JSON_END)
		return token;
	if (j->state == WANT_COMMA_OR_END)
		return take_next_element(j);
	return j->state == WANT_VALUE || j->state == WANT_VALUE_OR_END ? take_value(j) : take_key(j);
}

enum eng_json_token eng_json_skip(struct eng_json *j, struct engram_str *raw)
{
	enum eng_json_token first = eng_json_next(j), token = first;
	size_t began = j->offset;
	unsigned outside = j->depth - 1;

	if (first == ENG_JSON_OBJECT || first == ENG_JSON_ARRAY)
		while (token != ENG_JSON_BAD && j->depth > outside)
			token = eng_json_next(j);
	if (token == ENG_JSON_BAD)
		return ENG_JSON_BAD;
	*raw = (struct engram_str){j->start + began, (size_t)(j->at - j->start) - began};
	return first;
}

/* A number that is not taken is left with its comma for eng_json_next(), which
 * says what is wrong with it, if anything is. */
size_t eng_json_floats(struct eng_json *j, float *out, size_t max)
{
	bool first = j->state == WANT_VALUE_OR_END;
	size_t n = 0, length;

	if ((!first && j->state != WANT_COMMA_OR_END) || j->stack[j->depth - 1] != ENG_JSON_ARRAY)
		return 0;
	for (; n < max; n++) {
		const char *at = blanks(j->at, j->end);

		if (!first && (at == j->end || *at++ != ','))
			break;
		at = first ? at : blanks(at, j->end);
		length = eng_scan_float(&out[n], at, j->end);
		if (length == 0)
			break;
		j->at = at + length;
		j->state = WANT_COMMA_OR_END;
		first = false;
	}
	return n;
}

int eng_json_err(const struct eng_json *j, struct engram_error *err)
{
	if (j->out_of_memory)
		return eng_err_nomem(err);
	return eng_err(err, ENGRAM_EINPUT, "byte %zu: %s", j->offset, j->problem ? j->problem : "no problem");
}

void eng_json_free(struct eng_json *j)
{
	eng_buf_free(&j->scratch);
	eng_buf_free(&j->keys);
}

const char *eng_json_token_name(enum eng_json_token t)
{
	switch (t) {
	case ENG_JSON_OBJECT:
		return "an object";
	case ENG_JSON_OBJECT_END:
		return "the end of an object";
	case ENG_JSON_ARRAY:
		return "an array";
	case ENG_JSON_ARRAY_END:
		return "the end of an array";
	case ENG_JSON_KEY:
		return "a key";
	case ENG_JSON_STRING:
		return "a string";
	case ENG_JSON_NUMBER:
		return "a number";
	case ENG_JSON_TRUE:
		return "true";
	case ENG_JSON_FALSE:
		return "false";
	case ENG_JSON_NULL:
		return "null";
	case ENG_JSON_END:
		return "the end";
	case ENG_JSON_BAD:
		break;
	}
	return "not JSON";
}
