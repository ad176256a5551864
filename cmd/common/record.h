/* record.h - memories as NDJSON, out and in.
 *
 * Writing keeps the order of keys that engram-formats(5) lists.  Reading is
 * strict: a field of the wrong type, an unknown field or type is refused with
 * what was wanted and what was found, since what import drops in silence is
 * lost. */
#ifndef CMD_RECORD_H
#define CMD_RECORD_H

#include "base/arena.h"
#include "base/json.h"
#include "engram.h"

/* A line of an import: the escapes of JSON may make a text six times as long. */
#define RECORD_LINE_MAX (16u << 20)

/* Of a memory that leads to more, only so many links are in its record. */
#define RECORD_LINKS_MAX 16384u

void record_write_memory(struct eng_json_out *o, const struct engram_memory *m);
void record_write_edge(struct eng_json_out *o, const struct engram_id *from, const struct engram_link *l);
/* The keys of a conflict record: n claims of one field, the one that counts first. */
void record_write_conflict(struct eng_json_out *o, const struct engram_memory *m, const struct engram_claim *c,
                           size_t n);
/* As the keys of a record have it. */
const char *record_field_name(enum engram_field field);
struct record_hit {
	bool cued;         /* found by a cue, so that it has a confidence */
	bool explain;      /* the terms of its score too */
	uint64_t cue;      /* > 0: number of the cue */
	size_t whole_text; /* > 0: length of the text, of which only a piece is at hand */
};
void record_write_hit(struct eng_json_out *o, const struct engram_hit *h, const struct record_hit *how);
/* {"v":1,"type":TYPE, left open. */
void record_begin(struct eng_json_out *o, struct eng_buf *b, const char *type);
void record_key_str(struct eng_json_out *o, const char *key, const char *z);
void record_key_u64(struct eng_json_out *o, const char *key, uint64_t v);
/* v/10,000, possibly negative. */
void record_signed4(struct eng_buf *b, int32_t v);
const char *record_kind(enum engram_kind kind);
const char *record_group(enum engram_group group);

enum record_type {
	RECORD_MEMORY,
	RECORD_HIT,     /* id, confidence and stored are dropped */
	RECORD_SPACE,
	RECORD_SUMMARY, /* carries nothing */
	RECORD_EDGE,    /* from, link */
};

struct record {
	unsigned drop;               /* in: fields to take as not stated */
	enum record_type type;
	struct engram_memory memory; /* conflicts too, newest first */
	struct engram_id from;       /* RECORD_EDGE */
	struct engram_link link;     /* likewise */
	struct engram_id space_id;   /* RECORD_SPACE */
	int64_t created_us;
	/* private */
	struct eng_json json;
	struct eng_arena arena;
	float numbers[ENGRAM_DIM_MAX]; /* of the vector at hand */
};

/* Reads one line; what the record points at is valid until the next call.
 * ENGRAM_EINPUT "field: wanted X, found Y", ENGRAM_EVERSION. */
int record_read(struct record *r, const char *line, size_t n, struct engram_error *err);

/* The same from columns (tsv, SQLite): clear, set what each column holds, end.
 * A value stands for itself; a vector, meta and what else is made of parts is
 * JSON; tags are JSON too, or separated by commas. */
void record_clear(struct record *r);
/* The number of the field that a column may hold, >= 0; ENGRAM_EINPUT with the nearest. */
int record_column(struct engram_str name, struct engram_error *err);
const char *record_column_name(int column);
int record_set(struct record *r, int column, struct engram_str value, struct engram_error *err);
/* Little-endian 32-bit floats, as a blob. */
int record_set_vector(struct record *r, const void *floats, size_t n, struct engram_error *err);
int record_end(struct record *r, struct engram_error *err);
/* What the record does not state is taken from `from`; its tags are added. */
int record_fill(struct record *r, const struct engram_memory *from, struct engram_error *err);

void record_free(struct record *r);

#endif
