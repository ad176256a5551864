/* ndjson.c - a record a line, as an export writes them; empty lines are passed over. */
#include "import/source.h"

static int open_ndjson(struct source *s, const struct source_input *in, struct engram_error *err)
{
	return source_lines_open(s->state, in, '\n', RECORD_LINE_MAX, err);
}

static enum source_result next_ndjson(struct source *s, struct record *r, bool wait, struct engram_error *err)
{
	struct lines *l = s->state;
	struct engram_str line;
	enum lines_result got;

	do {
		got = lines_next(l, &line, wait, err);
	} while (got == LINES_LINE && line.n == 0);
	s->number = l->number;
	s->bytes = l->stream.taken;
	if (got == LINES_LONG)
		return source_too_long("record", RECORD_LINE_MAX, err);
	if (got != LINES_LINE)
		return source_of_lines(got);
	return source_of_code(s, record_read(r, line.p, line.n, err), err);
}

static void close_ndjson(struct source *s)
{
	lines_close(s->state);
}

const struct source_format source_ndjson = {"ndjson",    sizeof(struct lines), open_ndjson,
                                            next_ndjson, close_ndjson,         false};
