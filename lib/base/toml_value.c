/* toml_value.c - what stands behind the = : strings, numbers, words, arrays; and
 * the places and blanks on the way to them. */
#include "base/toml_int.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/err.h"
#include "base/utf8.h"

/* -- places and messages ------------------------------------------------------ */

void eng_toml_place(struct eng_toml_parser *p, const char *at, unsigned *line, unsigned *column)
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

int eng_toml_bad(struct eng_toml_parser *p, const char *at, const char *format, ...)
{
	char message[300];
	unsigned line, column;
	va_list args;

	va_start(args, format);
	vsnprintf(message, sizeof message, format, args);
	va_end(args);
	eng_toml_place(p, at, &line, &column);
	return eng_err(p->err, ENGRAM_EINPUT, "%u:%u: %s", line, column, message);
}

/* What stands there, for a message: a word of it, or a name for what has none. */
static const char *found(const struct eng_toml_parser *p, char out[40])
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

int eng_toml_wanted(struct eng_toml_parser *p, const char *what)
{
	char there[40];

	return eng_toml_bad(p, p->at, "wanted %s, found %s", what, found(p, there));
}

/* -- blanks and comments --------------------------------------------------------- */

void eng_toml_skip_blanks(struct eng_toml_parser *p)
{
	while (eng_toml_at_char(p, ' ') || eng_toml_at_char(p, '\t'))
		p->at++;
}

static bool is_control(char c)
{
	return ((uint8_t)c < 0x20 && c != '\t') || c == 0x7f;
}

int eng_toml_skip_comment(struct eng_toml_parser *p)
{
	if (!eng_toml_at_char(p, '#'))
		return 0;
	while (p->at < p->end && *p->at != '\n' && !eng_toml_at_text(p, "\r\n")) {
		if (is_control(*p->at))
			return eng_toml_bad(p, p->at, "a control character in a comment");
		p->at++;
	}
	return 0;
}

bool eng_toml_skip_newline(struct eng_toml_parser *p)
{
	if (eng_toml_at_text(p, "\r\n"))
		p->at += 2;
	else if (eng_toml_at_char(p, '\n'))
		p->at++;
	else
		return false;
	return true;
}

/* Blanks, comments and line ends, as they may stand inside an array. */
static int skip_lines(struct eng_toml_parser *p)
{
	int r;

	do {
		eng_toml_skip_blanks(p);
		r = eng_toml_skip_comment(p);
	} while (r == 0 && eng_toml_skip_newline(p));
	return r;
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
static int unicode_escape(struct eng_toml_parser *p, int digits)
{
	const char *from = p->at - 2;
	uint32_t c = 0;
	char bytes[4];

	for (int i = 0; i < digits; i++, p->at++) {
		int d = p->at < p->end ? hex_digit(*p->at) : -1;

		if (d < 0)
			return eng_toml_bad(p, from, "wanted %d hexadecimal digits", digits);
		c = c << 4 | (uint32_t)d;
	}
	if (c == 0 || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
		return eng_toml_bad(p, from, "no character has this number");
	eng_buf_add(&p->scratch, bytes, eng_utf8_encode(bytes, c));
	return 0;
}

static int escape(struct eng_toml_parser *p)
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
		return eng_toml_bad(p, p->at - 2, "wanted an escape (\\b \\t \\n \\f \\r \\\" \\\\ \\uXXXX \\UXXXXXXXX)");
	eng_buf_byte(&p->scratch, (uint8_t)l[1]);
	return 0;
}

int eng_toml_string(struct eng_toml_parser *p)
{
	const char *from = p->at;
	char quote = *p->at;
	int r = 0;

	if (eng_toml_at_text(p, quote == '"' ? "\"\"\"" : "'''"))
		return eng_toml_bad(p, from, "a string over several lines is not supported");
	p->at++;
	eng_buf_reset(&p->scratch);
	while (r == 0 && p->at < p->end && *p->at != quote) {
		if (*p->at == '\n' || eng_toml_at_text(p, "\r\n"))
			break;
		if (is_control(*p->at))
			return eng_toml_bad(p, p->at, "a control character in a string: write it as \\uXXXX");
		if (*p->at == '\\' && quote == '"')
			r = escape(p);
		else
			eng_buf_byte(&p->scratch, (uint8_t)*p->at++);
	}
	if (r < 0)
		return r;
	if (!eng_toml_at_char(p, quote))
		return eng_toml_bad(p, from, "the string does not end in its line");
	p->at++;
	eng_buf_byte(&p->scratch, 0);
	return p->scratch.failed ? eng_err_nomem(p->err) : 0;
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

static int read_number(struct eng_toml_parser *p, struct eng_toml_value *v)
{
	const char *end = p->at;
	bool is_float;

	while (end < p->end && (eng_toml_is_bare(*end) || *end == '+' || *end == '.' || *end == ':'))
		end++;
	eng_buf_reset(&p->scratch);
	if (end == p->at || !number_text(p->at, end, &is_float, &p->scratch))
		return eng_toml_wanted(p, "a value (\"text\", a decimal number, true, false or [ ... ])");
	v->kind = is_float ? ENG_TOML_FLOAT : ENG_TOML_INTEGER;
	p->at = end;
	return p->scratch.failed ? eng_err_nomem(p->err) : 0;
}

static bool take_word(struct eng_toml_parser *p, const char *word)
{
	size_t n = strlen(word);

	if (!eng_toml_at_text(p, word) || (p->at + n < p->end && eng_toml_is_bare(p->at[n])))
		return false;
	p->at += n;
	return true;
}

static int keep_text(struct eng_toml_parser *p, struct eng_toml_value *v, const char *text)
{
	v->text = eng_arena_dup(&p->toml->arena, text, strlen(text) + 1);
	return v->text ? 0 : eng_err_nomem(p->err);
}

static int read_scalar(struct eng_toml_parser *p, struct eng_toml_value *v)
{
	int r;

	eng_toml_place(p, p->at, &v->line, &v->column);
	if (eng_toml_at_char(p, '{'))
		return eng_toml_bad(p, p->at, "a table in one line is not supported: write [table]");
	if (eng_toml_at_char(p, '"') || eng_toml_at_char(p, '\'')) {
		v->kind = ENG_TOML_STRING;
		r = eng_toml_string(p);
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
static int read_items(struct eng_toml_parser *p, struct eng_buf *items)
{
	int r = skip_lines(p);

	while (r == 0 && !eng_toml_at_char(p, ']')) {
		struct eng_toml_value v = {0};

		if (eng_toml_at_char(p, '['))
			return eng_toml_bad(p, p->at, "an array in an array is not supported");
		if (items->n / sizeof v >= ENG_TOML_ITEMS_MAX)
			return eng_toml_bad(p, p->at, "wanted at most %u items", ENG_TOML_ITEMS_MAX);
		r = read_scalar(p, &v);
		if (r == 0)
			r = skip_lines(p);
		if (r < 0)
			return r;
		eng_buf_add(items, &v, sizeof v);
		if (!eng_toml_at_char(p, ',') && !eng_toml_at_char(p, ']'))
			return eng_toml_wanted(p, "a comma or ]");
		if (eng_toml_at_char(p, ',')) {
			p->at++;
			r = skip_lines(p);
		}
	}
	return r;
}

static int read_array(struct eng_toml_parser *p, struct eng_toml_value *v)
{
	struct eng_buf items = ENG_BUF_INIT;
	int r;

	v->kind = ENG_TOML_ARRAY;
	eng_toml_place(p, p->at, &v->line, &v->column);
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

int eng_toml_read_value(struct eng_toml_parser *p, struct eng_toml_value *v)
{
	return eng_toml_at_char(p, '[') ? read_array(p, v) : read_scalar(p, v);
}
