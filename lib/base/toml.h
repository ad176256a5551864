/* toml.h - a reader for the part of TOML 1.0 that settings need.
 *
 * Taken: comments, [tables], dotted keys, "strings" and 'literal strings' on
 * one line, decimal integers and floats, booleans, arrays of those over any
 * number of lines.  Refused by name, never misread: multi-line strings, dates,
 * other bases, inf and nan, inline tables, arrays of tables or of arrays.  What
 * is taken means what TOML says; every refusal names line and column.
 *
 *     struct eng_toml t = {0};
 *     if (eng_toml_parse(&t, p, n, err) == 0)
 *             for (size_t i = 0; i < t.n; i++) ... t.entries[i]
 *     eng_toml_free(&t);
 */
#ifndef ENG_BASE_TOML_H
#define ENG_BASE_TOML_H

#include "base/arena.h"
#include "engram.h"

#define ENG_TOML_DEPTH_MAX 8    /* parts of a key, tables counted */
#define ENG_TOML_KEY_MAX 128    /* bytes of a whole key */
#define ENG_TOML_NAMES_MAX 1000 /* keys and tables; each is compared with all before */
#define ENG_TOML_ITEMS_MAX 10000

enum eng_toml_kind {
	ENG_TOML_STRING,
	ENG_TOML_INTEGER,
	ENG_TOML_FLOAT,
	ENG_TOML_BOOL,
	ENG_TOML_ARRAY,
};

/* A value as text: the characters of a string; a number without its
 * underscores; true or false. */
struct eng_toml_value {
	enum eng_toml_kind kind;
	const char *text;             /* NUL-terminated; NULL for an array */
	struct eng_toml_value *items; /* of an array: no arrays */
	size_t nitems;
	unsigned line, column;        /* from 1, in characters */
};

struct eng_toml_entry {
	const char *key;              /* whole: "cluster.discovery.type" */
	struct eng_toml_value value;
	unsigned line, column;        /* of the key */
};

struct eng_toml {
	struct eng_toml_entry *entries; /* in the order of the file */
	size_t n;
	struct eng_arena arena;         /* private: holds all of it */
};

/* EINPUT: "3:7: wanted ..., found ...", line and column in characters from 1.
 * On failure *t is empty. */
int eng_toml_parse(struct eng_toml *t, const char *p, size_t n, struct engram_error *err);
void eng_toml_free(struct eng_toml *t);

#endif
