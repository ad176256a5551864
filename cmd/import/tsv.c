/* tsv.c - a table in text: the first line names the columns, a tab separates
 * them; an empty cell says nothing.
 *
 * Tabs, ends of lines and backslashes inside a cell are escapes, the same that
 * our own lines of output have (common/text.c), so that a backslash is always
 * the beginning of one: a file that means backslashes by themselves is refused
 * line by line, and not stored with other texts than it has. */
#include "import/source.h"

#include <string.h>

#include "base/err.h"
#include "base/utf8.h"
#include "import/columns.h"

struct tsv {
	struct lines lines;
	struct columns columns;
	bool headed;          /* the header line was read */
	struct eng_buf cell;  /* the cell at hand, without escapes */
};

static int open_tsv(struct source *s, const struct source_input *in, struct engram_error *err)
{
	struct tsv *t = s->state;

	return source_lines_open(&t->lines, in, '\n', RECORD_LINE_MAX, err);
}

/* Takes the next cell off the line; false at its end. */
static bool take(struct engram_str *cell, struct engram_str *line)
{
	const char *tab;

	if (!line->p)
		return false;
	tab = line->n ? memchr(line->p, '\t', line->n) : NULL;
	*cell = (struct engram_str){line->p, tab ? (size_t)(tab - line->p) : line->n};
	*line = tab ? (struct engram_str){tab + 1, line->n - cell->n - 1} : (struct engram_str){0};
	return true;
}

static int hex(char c)
{
	const char *digits = "0123456789abcdefABCDEF", *at = c ? strchr(digits, c) : NULL;

	return !at ? -1 : at - digits < 16 ? (int)(at - digits) : (int)(at - digits) - 6;
}

/* The character of `digits` hexadecimal digits; 0 where it is none that is
 * ever written so. */
static uint32_t code_point(const char *p, const char *end, int digits)
{
	uint32_t c = 0;

	if (end - p < digits)
		return 0;
	for (int i = 0; i < digits; i++) {
		if (hex(p[i]) < 0)
			return 0;
		c = c << 4 | (uint32_t)hex(p[i]);
	}
	/* \x of 0xa0 and above is how a byte that is no UTF-8 is shown. */
	return (digits == 2 && c >= 0xa0) || (c >= 0xd800 && c <= 0xdfff) ? 0 : c;
}

/* The escape behind the backslash at p: its length behind it, 0 = none. */
static size_t escape(struct eng_buf *b, const char *p, const char *end)
{
	static const char letters[] = "tnr\\", means[] = "\t\n\r\\";
	const char *letter = p < end && *p ? strchr(letters, *p) : NULL;
	int digits = p < end && *p == 'x' ? 2 : p < end && *p == 'u' ? 4 : 0;
	uint32_t c = digits ? code_point(p + 1, end, digits) : 0;
	char utf8[4];

	if (letter)
		eng_buf_byte(b, (uint8_t)means[letter - letters]);
	else if (c)
		eng_buf_add(b, utf8, eng_utf8_encode(utf8, c));
	return letter ? 1 : c ? 1 + (size_t)digits : 0;
}

/* The cell without its escapes: itself, or in t->cell. */
static int unescape(struct tsv *t, struct engram_str *cell, const char *column, struct engram_error *err)
{
	const char *p = cell->p, *end = cell->p + cell->n;

	if (cell->n == 0 || !memchr(p, '\\', cell->n))
		return 0;
	eng_buf_reset(&t->cell);
	while (p < end) {
		const char *stop = memchr(p, '\\', (size_t)(end - p));
		size_t n = (size_t)((stop ? stop : end) - p), length;

		eng_buf_add(&t->cell, p, n);
		p += n;
		if (!stop)
			break;
		length = escape(&t->cell, p + 1, end);
		if (length == 0)
			return eng_err(err, ENGRAM_EINPUT, "%s: byte %zu: wanted \\t, \\n, \\r, \\\\, \\xHH or \\uHHHH, "
			               "found a lone backslash", column, (size_t)(p - cell->p));
		p += 1 + length;
	}
	if (t->cell.failed)
		return eng_err_nomem(err);
	*cell = (struct engram_str){(const char *)t->cell.p, t->cell.n};
	return 0;
}

static int read_header(struct tsv *t, struct engram_str line, struct engram_error *err)
{
	struct engram_str cell;
	int r = 0;

	t->headed = true;
	while (r == 0 && take(&cell, &line))
		r = columns_add(&t->columns, cell, err);
	return r == 0 ? columns_check(&t->columns, err) : r;
}

static int read_row(struct tsv *t, struct record *r, struct engram_str line, struct engram_error *err)
{
	struct engram_str cell;
	size_t n = 0;
	int result = 0;

	record_clear(r);
	for (; result == 0 && take(&cell, &line); n++) {
		int column = n < t->columns.n ? t->columns.field[n] : -1;

		if (column < 0 || cell.n == 0)
			continue;
		result = unescape(t, &cell, record_column_name(column), err);
		if (result == 0)
			result = record_set(r, column, cell, err);
	}
	if (result == 0 && n != t->columns.n)
		return eng_err(err, ENGRAM_EINPUT, "cells: wanted %zu, found %zu", t->columns.n, n);
	return result == 0 ? record_end(r, err) : result;
}

static enum source_result bad_header(struct source *s, struct engram_error *err)
{
	char place[SOURCE_PLACE_TEXT];

	source_place(place, s);
	eng_err_prefix(err, "%s", place);
	return SOURCE_FAILED;
}

static enum source_result next_row(struct source *s, struct record *r, bool wait, struct engram_error *err)
{
	struct tsv *t = s->state;

	for (;;) {
		struct engram_str line;
		enum lines_result got = lines_next(&t->lines, &line, wait, err);

		s->number = t->lines.number;
		s->bytes = t->lines.stream.taken;
		if (got == LINES_LONG) {
			source_too_long("record", RECORD_LINE_MAX, err);
			return t->headed ? SOURCE_BAD : bad_header(s, err);
		}
		if (got != LINES_LINE)
			return source_of_lines(got);
		if (!t->headed && read_header(t, line, err) < 0)
			return bad_header(s, err);
		else if (s->number > 1 && (line.n > 0 || s->options->keeps_count))
			return source_of_code(s, read_row(t, r, line, err), err);
	}
}

static void close_tsv(struct source *s)
{
	struct tsv *t = s->state;

	lines_close(&t->lines);
	eng_buf_free(&t->cell);
}

const struct source_format source_tsv = {"tsv", sizeof(struct tsv), open_tsv, next_row, close_tsv, false};
