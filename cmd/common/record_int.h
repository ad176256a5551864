/* record_int.h - inside record_*.c: the fields of a record and what reads them. */
#ifndef CMD_RECORD_INT_H
#define CMD_RECORD_INT_H

#include "common/record.h"

/* Values at hand: where the fields of a memory go. */
struct record_body {
	struct record *record;
	struct engram_memory *memory;
	struct engram_error *err;
	bool conflict; /* inside "conflicts": has none itself */
	bool id;       /* one was given */
	bool from, to; /* likewise, of an edge */
};

/* How the cell of a column holds the field. */
enum record_cell {
	CELL_NONE, /* not a column */
	CELL_TEXT, /* what would be a JSON string */
	CELL_NUMBER,
	CELL_JSON,
	CELL_LIST, /* JSON, or between commas */
	CELL_META, /* JSON, kept as it is */
};

struct record_field;
/* The value at hand begins with token t. */
typedef int record_read_fn(struct record_body *b, const struct record_field *f, enum eng_json_token t);

struct record_field {
	const char *name;
	record_read_fn *read; /* NULL: passed over, meta: kept raw */
	unsigned has;         /* enum engram_field */
	size_t at;            /* offset in struct engram_memory */
	enum record_cell cell;
};

extern const struct record_field record_fields[];
extern const size_t record_fields_n;

/* "field: wanted X, found Y"; what was found is shown short. */
int record_wanted(struct record_body *b, const char *name, const char *form, enum eng_json_token t);
int record_malformed(struct record_body *b);
/* The string at hand, kept. */
int record_keep(struct record_body *b, struct engram_str *out);
/* Room for one more of n elements of `size`: doubled at powers of two. */
void *record_grow(struct record *r, const void *old, size_t n, size_t size);
/* Calls `item` for each element of the array at hand. */
int record_array(struct record_body *b, const struct record_field *f, enum eng_json_token t, record_read_fn *item);
/* `what`: "field" or "column". */
int record_unknown(struct engram_str name, const char *what, const char *const *names, size_t n,
                   struct engram_error *err);
record_read_fn record_links, record_edge, record_tag;
/* What every memory is and what is not there need not be stated. */
void record_drop_unstated(struct record_body *b);
/* What the type makes of the fields. */
int record_finish(struct record_body *b);

#endif
