/* toml_int.h - what the two halves of the reader share: the lines and names of
 * toml.c, the blanks, strings and values of toml_value.c. */
#ifndef ENG_BASE_TOML_INT_H
#define ENG_BASE_TOML_INT_H

#include <stdbool.h>
#include <string.h>

#include "base/buf.h"
#include "base/toml.h"
#include "base/types.h"

struct eng_toml_parser {
	struct eng_toml *toml;
	const char *start, *at, *end;
	struct eng_buf names;   /* struct name */
	struct eng_buf entries; /* struct eng_toml_entry */
	struct eng_buf scratch; /* the string or number at hand */
	char table[ENG_TOML_KEY_MAX + 1]; /* "" before the first header */
	/* the place that was asked for last: the next one mostly lies behind it */
	const char *counted;
	unsigned line, column;
	struct engram_error *err;
};

static inline bool eng_toml_at_char(const struct eng_toml_parser *p, char c)
{
	return p->at < p->end && *p->at == c;
}

static inline bool eng_toml_at_text(const struct eng_toml_parser *p, const char *z)
{
	size_t n = strlen(z);

	return (size_t)(p->end - p->at) >= n && memcmp(p->at, z, n) == 0;
}

static inline bool eng_toml_is_bare(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

void eng_toml_place(struct eng_toml_parser *p, const char *at, unsigned *line, unsigned *column);
/* EINPUT with the place of `at`. */
ENG_PRINTF(3, 4) int eng_toml_bad(struct eng_toml_parser *p, const char *at, const char *format, ...);
/* "wanted WHAT, found ..." of what stands at p->at. */
int eng_toml_wanted(struct eng_toml_parser *p, const char *what);

void eng_toml_skip_blanks(struct eng_toml_parser *p);
int eng_toml_skip_comment(struct eng_toml_parser *p);
bool eng_toml_skip_newline(struct eng_toml_parser *p);

/* A string of either kind into p->scratch, with a NUL. */
int eng_toml_string(struct eng_toml_parser *p);
int eng_toml_read_value(struct eng_toml_parser *p, struct eng_toml_value *v);

#endif
