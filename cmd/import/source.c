/* source.c - see source.h. */
#include "import/source.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/err.h"

int source_open(struct source *s, const struct source_format *format, const struct source_options *options,
                const struct source_input *in, struct engram_error *err)
{
	int r;

	*s = (struct source){.format = format, .options = options, .name = in->name};
	s->state = eng_calloc(1, format->size);
	if (!s->state)
		return eng_err_nomem(err);
	r = format->open(s, in, err);
	if (r < 0)
		source_close(s);
	return r;
}

enum source_result source_next(struct source *s, struct record *r, bool wait, struct engram_error *err)
{
	return s->format->next(s, r, wait, err);
}

void source_close(struct source *s)
{
	if (s->state)
		s->format->close(s);
	eng_free(s->state);
	s->state = NULL;
}

void source_place(char out[SOURCE_PLACE_TEXT], const struct source *s)
{
	snprintf(out, SOURCE_PLACE_TEXT, "%.200s:%llu", s->name, (unsigned long long)s->number);
}

int source_stream(struct stream *stream, const struct source_input *in, struct engram_error *err)
{
	if (in->fd < 0)
		return stream_open(stream, in->path, err);
	if (lseek(in->fd, 0, SEEK_SET) < 0)
		return eng_err_os(err, errno, "%s", in->name);
	stream_attach(stream, in->name, in->fd);
	return 0;
}

int source_lines_open(struct lines *l, const struct source_input *in, char end, size_t max,
                      struct engram_error *err)
{
	struct stream stream;
	int r = source_stream(&stream, in, err);

	if (r == 0)
		lines_begin(l, &stream, end, max);
	return r;
}

enum source_result source_of_lines(enum lines_result r)
{
	switch (r) {
	case LINES_WAIT:
		return SOURCE_WAIT;
	case LINES_STOP:
		return SOURCE_STOP;
	case LINES_FAILED:
		return SOURCE_FAILED;
	case LINES_LONG:
		return SOURCE_BAD;
	case LINES_LINE:
		return SOURCE_RECORD;
	case LINES_END:
		break;
	}
	return SOURCE_END;
}

enum source_result source_of_code(struct source *s, int r, struct engram_error *err)
{
	char place[SOURCE_PLACE_TEXT];

	if (r == 0)
		return SOURCE_RECORD;
	if (r == ENGRAM_EINPUT)
		return SOURCE_BAD;
	source_place(place, s);
	eng_err_prefix(err, "%s", place);
	return SOURCE_FAILED;
}

enum source_result source_too_long(const char *what, size_t max, struct engram_error *err)
{
	eng_err(err, ENGRAM_EINPUT, "%s: wanted at most %zu bytes, found more", what, max);
	return SOURCE_BAD;
}
