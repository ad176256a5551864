/* toml.c - see toml.h.
 *
 * One pass over text that was checked to be UTF-8 first, so that a column can
 * be counted in characters.  A stack of tables is not needed: the table at hand
 * is a prefix, and every key becomes a whole dotted name.  `names` remembers
 * each name and how it came to be, for that decides what may follow: a table
 * stands in one place of a file, a key in one line.
 *
 * A quoted key may hold what a bare one may: so a dot in a whole name always
 * separates, and no two ways of writing a name differ. */
#include "base/toml.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/types.h"
#include "base/utf8.h"

/* How a name came to be. */
enum name_kind {
	NAME_VALUE,   /* it has a value */
	NAME_TABLE,   /* [it] */
	NAME_PARENT,  /* of a [table]: may still get a header of its own */
	NAME_DOTTED,  /* a table made by a dotted key: complete where it stands */
};

struct name {
	char text[ENG_TOML_KEY_MAX + 1];
	enum name_kind kind;
	unsigned line;
};

struct parser {
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

/* A whole key as it is read: the parts joined by dots. */
struct key {
	char text[ENG_TOML_KEY_MAX + 1];
	size_t n;
	unsigned parts;
	const char *from;
};

/* -- places and messages ------------------------------------------------------ */

static void place_of(struct parser *p, const char *at, unsigned *line, unsigned *column)
{
	if (!p->counted || at < p->counted) {
		p->counted = p->start;
		p->line = p->column = 1;
	}
	for (; p->counted < at; p->counted++) {
		if (*p->counted == '\n') {
			p->line++;
			p->column = 1;
		} else if (((uint8_t)*p->counted & 0xc0) != 0x80) {
			p->column++;
		}
	}
	*line = p->line;
	*column = p->column;
}

static unsigned line_of(struct parser *p, const char *at)
{
	unsigned line, column;

	place_of(p, at, &line, &column);
	return line;
}

ENG_PRINTF(3, 4) static int bad(struct parser *p, const char *at, const char *format, ...)
{
	char message[300];
	unsigned line, column;
	va_list args;

	va_start(args, format);
	vsnprintf(message, sizeof message, format, args);
	va_end(args);
	place_of(p, at, &line, &column);
	return eng_err(p->err, ENGRAM_EINPUT, "%u:%u: %s", line, column, message);
}

/* What stands there, for a message: a word of it, or a name for what has none. */
static const char *found(const struct parser *p, char out[40])
{
	size_t n = 0, left = (size_t)(p->end - p->at);

	if (left == 0)
		return "the end of the file";
	if (*p->at == '\n' || *p->at == '\r')
		return "the end of the line";
	if (!*p->at)
		return "a NUL";
	while (n < left && n < 24 && (uint8_t)p->at[n] > ' ' && !strchr("#,=]", p->at[n]))
		n++;
	while (n < left && n < 30 && ((uint8_t)p->at[n] & 0xc0) == 0x80)
		n++;
	snprintf(out, 40, "\"%.*s\"", (int)(n ? n : 1), p->at);
	return out;
}

static int wanted(struct parser *p, const char *what)
{
	char there[40];

	return bad(p, p->at, "wanted %s, found %s", what, found(p, there));
}

/* -- blanks and comments --------------------------------------------------------- */

static bool at_char(const struct parser *p, char c)
{
	return p->at < p->end && *p->at == c;
}

static bool at_text(const struct parser *p, const char *z)
{
	size_t n = strlen(z);

	return (size_t)(p->end - p->at) >= n && memcmp(p->at, z, n) == 0;
}

static void skip_blanks(struct parser *p)
{
	while (at_char(p, ' ') || at_char(p, '\t'))
		p->at++;
}

static bool is_control(char c)
{
	return ((uint8_t)c < 0x20 && c != '\t') || c == 0x7f;
}

static int skip_comment(struct parser *p)
{
	if (!at_char(p, '#'))
		return 0;
	while (p->at < p->end && *p->at != '\n' && !at_text(p, "\r\n")) {
		if (is_control(*p->at))
			return bad(p, p->at, "a control character in a comment");
		p->at++;
	}
	return 0;
}

static bool skip_newline(struct parser *p)
{
	if (at_text(p, "\r\n"))
		p->at += 2;
	else if (at_char(p, '\n'))
		p->at++;
	else
		return false;
	return true;
}

/* Blanks, comments and line ends, as they may stand inside an array. */
static int skip_lines(struct parser *p)
{
	int r;

	do {
		skip_blanks(p);
		r = skip_comment(p);
	} while (r == 0 && skip_newline(p));
	return r;
}

static int end_line(struct parser *p)
{
	int r;

	skip_blanks(p);
	r = skip_comment(p);
	if (r < 0 || skip_newline(p) || p->at == p->end)
		return r;
	return wanted(p, "the end of the line");
}

/* -- strings ------------------------------------------------------------------------ */

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* \uXXXX and \UXXXXXXXX; `at` is behind the letter. */
static int unicode_escape(struct parser *p, int digits)
{
	const char *from = p->at - 2;
	uint32_t c = 0;
	char bytes[4];

	for (int i = 0; i < digits; i++, p->at++) {
		int d = p->at < p->end ? hex_digit(*p->at) : -1;

		if (d < 0)
			return bad(p, from, "wanted %d hexadecimal digits", digits);
		c = c << 4 | (uint32_t)d;
	}
	if (c == 0 || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
		return bad(p, from, "no character has this number");
	eng_buf_add(&p->scratch, bytes, eng_utf8_encode(bytes, c));
	return 0;
}

static int escape(struct parser *p)
{
	static const char letters[] = "b\bt\tn\nf\fr\r\"\"\\\\";
	const char *l;
	char c = p->at + 1 < p->end ? p->at[1] : 0;

	p->at += 2;
	if (c == 'u' || c == 'U')
		return unicode_escape(p, c == 'u' ? 4 : 8);
	for (l = letters; *l && *l != c; l += 2)
		;
	if (!c || !*l)
		return bad(p, p->at - 2, "wanted an escape (\\b \\t \\n \\f \\r \\\" \\\\ \\uXXXX \\UXXXXXXXX)");
	eng_buf_byte(&p->scratch, (uint8_t)l[1]);
	return 0;
}

/* A string of either kind into scratch, with a NUL. */
static int read_string(struct parser *p)
{
	const char *from = p->at;
	char quote = *p->at;
	int r = 0;

	if (at_text(p, quote == '"' ? "\"\"\"" : "'''"))
		return bad(p, from, "a string over several lines is not supported");
	p->at++;
	eng_buf_reset(&p->scratch);
	while (r == 0 && p->at < p->end && *p->at != quote) {
		if (*p->at == '\n' || at_text(p, "\r\n"))
			break;
		if (is_control(*p->at))
			return bad(p, p->at, "a control character in a string: write it as \\uXXXX");
		if (*p->at == '\\' && quote == '"')
			r = escape(p);
		else
			eng_buf_byte(&p->scratch, (uint8_t)*p->at++);
	}
	if (r < 0)
		return r;
	if (!at_char(p, quote))
		return bad(p, from, "the string does not end in its line");
	p->at++;
	eng_buf_byte(&p->scratch, 0);
	return p->scratch.failed ? eng_err_nomem(p->err) : 0;
}

/* -- keys ----------------------------------------------------------------------------- */

static bool is_bare(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

static bool all_bare(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!is_bare(s[i]))
			return false;
	return n > 0;
}

static int add_part(struct parser *p, struct key *k, const char *s, size_t n)
{
	if (++k->parts > ENG_TOML_DEPTH_MAX)
		return bad(p, k->from, "wanted at most %u parts in a key", ENG_TOML_DEPTH_MAX);
	if (k->n + (k->n > 0) + n > ENG_TOML_KEY_MAX)
		return bad(p, k->from, "wanted at most %u bytes in a key", ENG_TOML_KEY_MAX);
	if (k->n > 0)
		k->text[k->n++] = '.';
	memcpy(k->text + k->n, s, n);
	k->n += n;
	k->text[k->n] = 0;
	return 0;
}

static int read_part(struct parser *p, struct key *k)
{
	const char *from = p->at;
	int r;

	if (at_char(p, '"') || at_char(p, '\'')) {
		r = read_string(p);
		if (r < 0)
			return r;
		if (!all_bare((char *)p->scratch.p, p->scratch.n - 1))
			return bad(p, from, "a quoted key may hold letters, digits, - and _ only");
		return add_part(p, k, (char *)p->scratch.p, p->scratch.n - 1);
	}
	while (p->at < p->end && is_bare(*p->at))
		p->at++;
	return p->at > from ? add_part(p, k, from, (size_t)(p->at - from)) : wanted(p, "a key");
}

/* a . "b" . c, behind what k holds already. */
static int read_key(struct parser *p, struct key *k)
{
	int r;

	k->from = p->at;
	do {
		skip_blanks(p);
		r = read_part(p, k);
		skip_blanks(p);
	} while (r == 0 && at_char(p, '.') && p->at++);
	return r;
}

/* -- names: what may follow what -------------------------------------------------------- */

static struct name *find_name(const struct parser *p, const char *text, size_t n)
{
	struct name *names = (void *)p->names.p; /* as allocated: aligned for anything */
	size_t count = p->names.n / sizeof *names;

	for (size_t i = 0; i < count; i++)
		if (strncmp(names[i].text, text, n) == 0 && names[i].text[n] == 0)
			return &names[i];
	return NULL;
}

static int add_name(struct parser *p, const struct key *k, size_t n, enum name_kind kind)
{
	struct name name = {.kind = kind, .line = line_of(p, k->from)};

	if (p->names.n / sizeof name >= ENG_TOML_NAMES_MAX)
		return bad(p, k->from, "wanted at most %u keys and tables", ENG_TOML_NAMES_MAX);
	memcpy(name.text, k->text, n);
	eng_buf_add(&p->names, &name, sizeof name);
	return p->names.failed ? eng_err_nomem(p->err) : 0;
}

/* The tables that a key or header makes on its way: those behind the first
 * `skip` bytes. */
static int add_parents(struct parser *p, const struct key *k, size_t skip, bool header)
{
	for (const char *dot = strchr(k->text + skip, '.'); dot; dot = strchr(dot + 1, '.')) {
		size_t n = (size_t)(dot - k->text);
		struct name *seen = find_name(p, k->text, n);
		int r = 0;

		if (!seen)
			r = add_name(p, k, n, header ? NAME_PARENT : NAME_DOTTED);
		else if (seen->kind == NAME_VALUE)
			return bad(p, k->from, "%s: is a value since line %u", seen->text, seen->line);
		else if (!header && seen->kind == NAME_PARENT)
			seen->kind = NAME_DOTTED; /* made here as much as there */
		else if (!header && seen->kind == NAME_TABLE)
			return bad(p, k->from, "%s: is a table since line %u; write the key there", seen->text,
			           seen->line);
		if (r < 0)
			return r;
	}
	return 0;
}

static int add_table(struct parser *p, const struct key *k)
{
	struct name *seen;
	int r = add_parents(p, k, 0, true);

	if (r < 0)
		return r;
	seen = find_name(p, k->text, k->n);
	if (!seen)
		return add_name(p, k, k->n, NAME_TABLE);
	if (seen->kind != NAME_PARENT)
		return bad(p, k->from, "%s: %s", k->text,
		           seen->kind == NAME_VALUE ? "is a value already" : "is a table already");
	seen->kind = NAME_TABLE;
	seen->line = line_of(p, k->from);
	return 0;
}

static int add_value_name(struct parser *p, const struct key *k)
{
	size_t skip = strlen(p->table);
	const struct name *seen;
	int r = add_parents(p, k, skip ? skip + 1 : 0, false);

	if (r < 0)
		return r;
	seen = find_name(p, k->text, k->n);
	if (seen)
		return bad(p, k->from, "%s: given twice, first in line %u", k->text, seen->line);
	return add_name(p, k, k->n, NAME_VALUE);
}

/* -- values -------------------------------------------------------------------------------- */

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Digits with single underscores between them; false where there are none. */
static bool take_digits(const char **at, const char *end, struct eng_buf *out)
{
	const char *s = *at;

	while (s < end && (is_digit(*s) || (*s == '_' && s > *at && s[-1] != '_' && s + 1 < end && is_digit(s[1])))) {
		if (*s != '_')
			eng_buf_byte(out, (uint8_t)*s);
		s++;
	}
	if (s == *at)
		return false;
	*at = s;
	return true;
}

/* [+-]digits[.digits][e[+-]digits] over the whole of s..end. */
static bool number_text(const char *s, const char *end, bool *is_float, struct eng_buf *out)
{
	const char *digits;

	*is_float = false;
	if (s < end && (*s == '+' || *s == '-')) {
		if (*s == '-')
			eng_buf_byte(out, '-');
		s++;
	}
	digits = s;
	if (!take_digits(&s, end, out) || (*digits == '0' && s - digits > 1))
		return false;
	if (s < end && *s == '.') {
		*is_float = true;
		eng_buf_byte(out, (uint8_t)*s++);
		if (!take_digits(&s, end, out))
			return false;
	}
	if (s < end && (*s | 0x20) == 'e') {
		*is_float = true;
		eng_buf_byte(out, 'e'), s++;
		if (s < end && (*s == '+' || *s == '-'))
			eng_buf_byte(out, (uint8_t)*s++);
		if (!take_digits(&s, end, out))
			return false;
	}
	eng_buf_byte(out, 0);
	return s == end;
}

static int read_number(struct parser *p, struct eng_toml_value *v)
{
	const char *end = p->at;
	bool is_float;

	while (end < p->end && (is_bare(*end) || *end == '+' || *end == '.' || *end == ':'))
		end++;
	eng_buf_reset(&p->scratch);
	if (end == p->at || !number_text(p->at, end, &is_float, &p->scratch))
		return wanted(p, "a value (\"text\", a decimal number, true, false or [ ... ])");
	v->kind = is_float ? ENG_TOML_FLOAT : ENG_TOML_INTEGER;
	p->at = end;
	return p->scratch.failed ? eng_err_nomem(p->err) : 0;
}

static bool take_word(struct parser *p, const char *word)
{
	size_t n = strlen(word);

	if (!at_text(p, word) || (p->at + n < p->end && is_bare(p->at[n])))
		return false;
	p->at += n;
	return true;
}

static int keep_text(struct parser *p, struct eng_toml_value *v, const char *text)
{
	v->text = eng_arena_dup(&p->toml->arena, text, strlen(text) + 1);
	return v->text ? 0 : eng_err_nomem(p->err);
}

static int read_scalar(struct parser *p, struct eng_toml_value *v)
{
	int r;

	place_of(p, p->at, &v->line, &v->column);
	if (at_char(p, '{'))
		return bad(p, p->at, "a table in one line is not supported: write [table]");
	if (at_char(p, '"') || at_char(p, '\'')) {
		v->kind = ENG_TOML_STRING;
		r = read_string(p);
	} else if (take_word(p, "true")) {
		v->kind = ENG_TOML_BOOL;
		return keep_text(p, v, "true");
	} else if (take_word(p, "false")) {
		v->kind = ENG_TOML_BOOL;
		return keep_text(p, v, "false");
	} else {
		r = read_number(p, v);
	}
	return r < 0 ? r : keep_text(p, v, (char *)p->scratch.p);
}

/* What lies between the brackets, as struct eng_toml_value into `items`. */
static int read_items(struct parser *p, struct eng_buf *items)
{
	int r = skip_lines(p);

	while (r == 0 && !at_char(p, ']')) {
		struct eng_toml_value v = {0};

		if (at_char(p, '['))
			return bad(p, p->at, "an array in an array is not supported");
		if (items->n / sizeof v >= ENG_TOML_ITEMS_MAX)
			return bad(p, p->at, "wanted at most %u items", ENG_TOML_ITEMS_MAX);
		r = read_scalar(p, &v);
		if (r == 0)
			r = skip_lines(p);
		if (r < 0)
			return r;
		eng_buf_add(items, &v, sizeof v);
		if (!at_char(p, ',') && !at_char(p, ']'))
			return wanted(p, "a comma or ]");
		if (at_char(p, ',')) {
			p->at++;
			r = skip_lines(p);
		}
	}
	return r;
}

static int read_array(struct parser *p, struct eng_toml_value *v)
{
	struct eng_buf items = ENG_BUF_INIT;
	int r;

	v->kind = ENG_TOML_ARRAY;
	place_of(p, p->at, &v->line, &v->column);
	p->at++;
	r = read_items(p, &items);
	if (r == 0) {
		p->at++; /* the bracket */
		v->nitems = items.n / sizeof *v;
		v->items = eng_arena_dup(&p->toml->arena, items.p ? (void *)items.p : "", items.n);
		if (items.failed || !v->items)
			r = eng_err_nomem(p->err);
	}
	eng_buf_free(&items);
	return r;
}

/* -- lines ------------------------------------------------------------------------------------- */

static int read_header(struct parser *p)
{
	struct key k = {.n = 0};
	int r;

	if (at_text(p, "[["))
		return bad(p, p->at, "an array of tables is not supported");
	p->at++;
	r = read_key(p, &k);
	if (r == 0 && !at_char(p, ']'))
		r = wanted(p, "] behind the table's name");
	if (r == 0)
		r = add_table(p, &k);
	if (r < 0)
		return r;
	p->at++;
	memcpy(p->table, k.text, k.n + 1);
	return 0;
}

static int read_pair(struct parser *p)
{
	struct eng_toml_entry e = {0};
	struct key k = {.n = 0};
	int r;

	if (p->table[0]) {
		k.n = strlen(p->table);
		memcpy(k.text, p->table, k.n + 1);
		for (const char *c = p->table; *c; c++)
			k.parts += *c == '.';
		k.parts++;
	}
	r = read_key(p, &k);
	if (r == 0 && !at_char(p, '='))
		r = wanted(p, "= behind the key");
	if (r == 0)
		r = add_value_name(p, &k);
	if (r < 0)
		return r;
	p->at++;
	skip_blanks(p);
	place_of(p, k.from, &e.line, &e.column);
	r = at_char(p, '[') ? read_array(p, &e.value) : read_scalar(p, &e.value);
	if (r < 0)
		return r;
	e.key = eng_arena_dup(&p->toml->arena, k.text, k.n + 1);
	eng_buf_add(&p->entries, &e, sizeof e);
	return e.key && !p->entries.failed ? 0 : eng_err_nomem(p->err);
}

static int read_line(struct parser *p)
{
	int r = 0;

	skip_blanks(p);
	if (at_char(p, '['))
		r = read_header(p);
	else if (p->at < p->end && *p->at != '#' && *p->at != '\n' && !at_text(p, "\r\n"))
		r = read_pair(p);
	return r < 0 ? r : end_line(p);
}

static int parse(struct parser *p)
{
	size_t valid = eng_utf8_check(p->start, (size_t)(p->end - p->start));
	int r = 0;

	if (p->start + valid < p->end)
		return bad(p, p->start + valid, "not UTF-8");
	if (at_text(p, "\xef\xbb\xbf"))
		return bad(p, p->at, "a byte-order mark: remove it");
	while (r == 0 && p->at < p->end)
		r = read_line(p);
	if (r < 0)
		return r;
	p->toml->n = p->entries.n / sizeof *p->toml->entries;
	p->toml->entries = eng_arena_dup(&p->toml->arena, p->entries.p ? (void *)p->entries.p : "", p->entries.n);
	return p->toml->entries ? 0 : eng_err_nomem(p->err);
}

int eng_toml_parse(struct eng_toml *t, const char *text, size_t n, struct engram_error *err)
{
	struct parser p = {.toml = t, .start = text, .at = text, .end = text + n, .err = err};
	int r;

	*t = (struct eng_toml){0};
	r = parse(&p);
	eng_buf_free(&p.names);
	eng_buf_free(&p.entries);
	eng_buf_free(&p.scratch);
	if (r < 0)
		eng_toml_free(t);
	return r;
}

void eng_toml_free(struct eng_toml *t)
{
	eng_arena_free(&t->arena);
	*t = (struct eng_toml){0};
}
