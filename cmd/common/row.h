/* row.h - a memory or a hit as one line: confidence, id, stored, group, text.
 *
 * In a pipe: tab-separated, exact, nothing cut.  On a terminal: the same
 * fields, aligned, coloured, the id and the text shortened. */
#ifndef CMD_ROW_H
#define CMD_ROW_H

#include "common/out.h"
#include "engram.h"

struct row {
	const struct engram_memory *memory;
	const struct engram_hit *hit; /* NULL or not cued: no confidence, no group */
	bool explain;                 /* the terms of the hit too */
	bool whole;                   /* every field: in further columns name=value; on a terminal a line each,
	                               * the text uncut */
	uint64_t cue;                 /* > 0: number of the cue, in a last column */
	int64_t now_us;               /* for ages */
};

/* Without what ends the line: out_end() follows. */
void row_write(struct out *o, const struct row *row);

#endif
