/* columns.h - the names over a table, and which field of a memory each means. */
#ifndef CMD_IMPORT_COLUMNS_H
#define CMD_IMPORT_COLUMNS_H

#include "engram.h"

/* More than there are fields: a name is taken once. */
#define COLUMNS_MAX 32

struct columns {
	int field[COLUMNS_MAX]; /* see record_column() */
	size_t n;
};

/* ENGRAM_EINPUT: unknown, with the nearest; named twice; too many. */
int columns_add(struct columns *c, struct engram_str name, struct engram_error *err);
/* ENGRAM_EINPUT where no column could make a memory. */
int columns_check(const struct columns *c, struct engram_error *err);

#endif
