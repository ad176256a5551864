/* text_lines.c - each line is a text; with -0 what NUL ends.  Empty lines are
 * passed over, but where vectors are counted along with them. */
#include "base/err.h"
#include "import/source.h"

static int open_lines(struct source *s, const struct source_input *in, struct engram_error *err)
{
	return source_lines_open(s->state, in, s->options->null ? 0 : '\n', ENGRAM_TEXT_MAX, err);
}

static enum source_result next_line(struct source *s, struct record *r, bool wait, struct engram_error *err)
{
	struct lines *l = s->state;
	struct engram_str line;
	enum lines_result got;

	do {
		got = lines_next(l, &line, wait, err);
	} while (got == LINES_LINE && line.n == 0 && !s->options->keeps_count);
	s->number = l->number;
	s->bytes = l->stream.taken;
	if (got == LINES_LONG)
		return source_too_long("text", ENGRAM_TEXT_MAX, err);
	if (got != LINES_LINE)
		return source_of_lines(got);
	if (line.n == 0) {
		eng_err(err, ENGRAM_EINPUT, "text: wanted at least one byte, found an empty line");
		return SOURCE_BAD;
	}
	record_clear(r);
	r->memory.text = line;
	r->memory.has = ENGRAM_TEXT;
	return SOURCE_RECORD;
}

static void close_lines(struct source *s)
{
	lines_close(s->state);
}

const struct source_format source_lines = {"lines",   sizeof(struct lines), open_lines,
                                           next_line, close_lines,          false};
