/* source.h - records one after the other from whatever an import reads.
 *
 * One seam: a format is a `struct source_format` in a file of its own, which
 * gives the next record and where it stood, in flat memory whatever comes in.
 * What is wrong with one record (SOURCE_BAD) does not end the source. */
#ifndef CMD_IMPORT_SOURCE_H
#define CMD_IMPORT_SOURCE_H

#include "common/lines.h"
#include "common/record.h"

/* What an import is asked for, the same for all its files. */
struct source_options {
	bool null;             /* lines end with NUL */
	bool keeps_count;      /* an empty line is a record: something else counts along */
	const char *separator; /* records: the line between them */
	const char *query;     /* sqlite */
};

/* One file: "-" is standard input. */
struct source_input {
	const char *path;
	const char *name; /* for messages */
	int fd;           /* >= 0: its bytes are here instead, from the beginning */
};

enum source_result {
	SOURCE_RECORD, /* the record is filled, until the next call */
	SOURCE_BAD,    /* one that is not acceptable: err, without the place */
	SOURCE_WAIT,   /* none without waiting; only where `wait` is false */
	SOURCE_STOP,   /* a signal asked to stop */
	SOURCE_END,
	SOURCE_FAILED, /* err, with the place: no more will come */
};

struct source {
	const struct source_format *format;
	const struct source_options *options;
	const char *name;
	uint64_t number;     /* line or row of the record last given, from 1 */
	uint64_t bytes;      /* read so far; 0 where that is not known */
	void *state;         /* the format's own */
};

struct source_format {
	const char *name; /* as --import takes it */
	size_t size;      /* of the state, which begins as zeros */
	int (*open)(struct source *s, const struct source_input *in, struct engram_error *err);
	enum source_result (*next)(struct source *s, struct record *r, bool wait, struct engram_error *err);
	void (*close)(struct source *s); /* also of one whose open failed */
	bool reads_path; /* needs a file by its path: no "-", no descriptor */
};

extern const struct source_format source_ndjson, source_lines, source_records, source_tsv, source_sqlite,
	source_vectors;

int source_open(struct source *s, const struct source_format *format, const struct source_options *options,
                const struct source_input *in, struct engram_error *err);
enum source_result source_next(struct source *s, struct record *r, bool wait, struct engram_error *err);
void source_close(struct source *s);

#define SOURCE_PLACE_TEXT 256
/* "file:12" of the record last given. */
void source_place(char out[SOURCE_PLACE_TEXT], const struct source *s);

/* -- for the formats ----------------------------------------------------------- */

int source_stream(struct stream *stream, const struct source_input *in, struct engram_error *err);
int source_lines_open(struct lines *l, const struct source_input *in, char end, size_t max,
                      struct engram_error *err);
/* What lines answered instead of a line. */
enum source_result source_of_lines(enum lines_result r);
/* r of reading a record: RECORD, BAD for what is wrong in it, else FAILED. */
enum source_result source_of_code(struct source *s, int r, struct engram_error *err);
/* "what: wanted at most N bytes, found more". */
enum source_result source_too_long(const char *what, size_t max, struct engram_error *err);

#endif
