/* json.h - the one JSON reader and writer (RFC 8259, strict).
 *
 * The reader is a pull parser over one complete text (a line of NDJSON).  It
 * refuses: bytes that are not UTF-8, lone surrogate escapes, NUL in strings
 * (as an escape too), duplicate keys of one object, depth over 64, numbers over 64
 * bytes, anything behind the value, comments, trailing commas.
 *
 *     struct eng_json j;
 *     eng_json_begin(&j, line, n);
 *     while ((t = eng_json_next(&j)) > ENG_JSON_END) ...
 *     if (t == ENG_JSON_BAD) r = eng_json_err(&j, err);
 */
#ifndef ENG_BASE_JSON_H
#define ENG_BASE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "engram.h"

#define ENG_JSON_DEPTH_MAX 64
#define ENG_JSON_NUMBER_MAX 64

enum eng_json_token {
	ENG_JSON_BAD = -1, /* see offset and problem */
	ENG_JSON_END = 0,
	ENG_JSON_OBJECT,
	ENG_JSON_OBJECT_END,
	ENG_JSON_ARRAY,
	ENG_JSON_ARRAY_END,
	ENG_JSON_KEY,      /* .str */
	ENG_JSON_STRING,   /* .str */
	ENG_JSON_NUMBER,   /* .str is its text, grammar checked */
	ENG_JSON_TRUE,
	ENG_JSON_FALSE,
	ENG_JSON_NULL,
};

struct eng_json {
	struct engram_str str;   /* of the last token; valid until the next call */
	size_t offset;           /* where the last token began, or the problem is */
	const char *problem;     /* static; set with ENG_JSON_BAD */
	/* private */
	const char *start, *at, *end;
	struct eng_buf scratch;  /* unescaped strings */
	struct eng_buf keys;     /* hash sets of the keys of open objects */
	uint8_t stack[ENG_JSON_DEPTH_MAX];
	unsigned depth;
	uint32_t set;            /* where in keys the innermost object's begin */
	uint8_t state;
	bool out_of_memory;
};

/* Start with a zeroed struct; may be begun again and again, keeping memory. */
void eng_json_begin(struct eng_json *j, const char *p, size_t n);
enum eng_json_token eng_json_next(struct eng_json *j);
/* Skips the value that comes next (after a KEY, or in an array) whole; its
 * bytes are *raw (inside the input).  Returns its first token, or BAD. */
enum eng_json_token eng_json_skip(struct eng_json *j, struct engram_str *raw);
/* Numbers at the head of an array that was just opened, or behind those of the
 * last call: as many of at most `max` as are quickly read to floats.  What is
 * left, the end of the array too, comes from eng_json_next(). */
size_t eng_json_floats(struct eng_json *j, float *out, size_t max);
/* After BAD: EINPUT "byte N: problem", or ENOMEM if that was it. */
int eng_json_err(const struct eng_json *j, struct engram_error *err);
void eng_json_free(struct eng_json *j);
const char *eng_json_token_name(enum eng_json_token t); /* "a string", for messages */

/* Writer: appends to a buf; commas are kept by itself. */
struct eng_json_out {
	struct eng_buf *b;
	uint64_t comma; /* bit per open bracket: an element was written */
	unsigned depth;
};

void eng_json_out(struct eng_json_out *o, struct eng_buf *b);
void eng_json_object(struct eng_json_out *o);
void eng_json_object_end(struct eng_json_out *o);
void eng_json_array(struct eng_json_out *o);
void eng_json_array_end(struct eng_json_out *o);
void eng_json_key(struct eng_json_out *o, const char *key); /* plain ASCII */
/* UTF-8 in; control characters, DEL, C1, bidirectional controls and line
 * separators leave as escapes, so that a terminal shows what is there; a byte
 * that is not UTF-8 leaves as U+FFFD. */
void eng_json_str(struct eng_json_out *o, const char *p, size_t n);
void eng_json_i64(struct eng_json_out *o, int64_t v);
void eng_json_u64(struct eng_json_out *o, uint64_t v);
void eng_json_unit4(struct eng_json_out *o, uint32_t v); /* 1/10,000 as decimal */
void eng_json_bool(struct eng_json_out *o, bool v);
void eng_json_time(struct eng_json_out *o, int64_t us);
void eng_json_id(struct eng_json_out *o, const struct engram_id *id);
void eng_json_float(struct eng_json_out *o, float v);
void eng_json_raw(struct eng_json_out *o, const char *p, size_t n); /* a value already JSON */

#endif
