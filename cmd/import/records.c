/* records.c - texts of several lines, with a line that holds the separator, and
 * nothing else, between them; an empty separator is an empty line.
 *
 * "%" alone is what fortune(6) files have had between their texts for forty
 * years; in 44 of them with 15,000 texts no text has such a line.  The end of
 * the last line of a text is not part of it.  Texts without a byte are passed
 * over: files begin or end with a separator, and paragraphs are set off by
 * more than one empty line. */
#include "import/source.h"

#include <string.h>

#include "base/err.h"
#include "base/types.h"

#define SEPARATOR_DEFAULT "%"

struct records {
	struct lines lines;
	struct engram_str separator;
	struct eng_buf text;  /* its lines so far, each with its end */
	uint64_t first;       /* number of its first line; 0 = none yet */
	bool has_byte;        /* other than ends of lines */
	bool too_long;
	bool given;           /* the text was given: begin anew */
};

static int open_records(struct source *s, const struct source_input *in, struct engram_error *err)
{
	struct records *rs = s->state;

	rs->separator = eng_str(s->options->separator ? s->options->separator : SEPARATOR_DEFAULT);
	return source_lines_open(&rs->lines, in, '\n', ENGRAM_TEXT_MAX, err);
}

static void begin(struct records *rs)
{
	eng_buf_reset(&rs->text);
	rs->first = 0;
	rs->has_byte = rs->too_long = rs->given = false;
}

static void add_line(struct records *rs, struct engram_str line, bool long_one)
{
	if (rs->first == 0)
		rs->first = rs->lines.number;
	rs->has_byte |= line.n > 0;
	if (long_one || rs->text.n + line.n > ENGRAM_TEXT_MAX)
		rs->too_long = true;
	if (rs->too_long)
		return;
	eng_buf_add(&rs->text, line.p, line.n);
	eng_buf_byte(&rs->text, '\n');
}

static enum source_result give(struct source *s, struct record *r, struct engram_error *err)
{
	struct records *rs = s->state;

	s->number = rs->first;
	rs->given = true;
	if (rs->text.failed) {
		eng_err_nomem(err);
		return SOURCE_FAILED;
	}
	if (rs->too_long)
		return source_too_long("text", ENGRAM_TEXT_MAX, err);
	record_clear(r);
	r->memory.text = (struct engram_str){(const char *)rs->text.p, rs->text.n - 1};
	r->memory.has = ENGRAM_TEXT;
	return SOURCE_RECORD;
}

static enum source_result next_record(struct source *s, struct record *r, bool wait, struct engram_error *err)
{
	struct records *rs = s->state;

	if (rs->given)
		begin(rs);
	for (;;) {
		struct engram_str line;
		enum lines_result got = lines_next(&rs->lines, &line, wait, err);

		s->bytes = rs->lines.stream.taken;
		if (got == LINES_END)
			return rs->has_byte ? give(s, r, err) : SOURCE_END;
		if (got != LINES_LINE && got != LINES_LONG)
			return source_of_lines(got);
		if (got == LINES_LONG || !eng_str_eq(line, rs->separator))
			add_line(rs, line, got == LINES_LONG);
		else if (rs->has_byte)
			return give(s, r, err);
		else
			begin(rs);
	}
}

static void close_records(struct source *s)
{
	struct records *rs = s->state;

	lines_close(&rs->lines);
	eng_buf_free(&rs->text);
}

const struct source_format source_records = {"records",   sizeof(struct records), open_records,
                                             next_record, close_records,          false};
