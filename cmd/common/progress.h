/* progress.h - how far a long run is, on a terminal's stderr. */
#ifndef CMD_PROGRESS_H
#define CMD_PROGRESS_H

#include "common/out.h"

struct progress {
	bool on;
	bool tty;        /* one line written over and over; else a line a minute */
	bool shown;
	const char *name; /* of the program */
	int64_t next_us;  /* not before */
	/* of the phase at hand, for what remains: two moments and how far it was then */
	char phase[24];
	struct progress_at {
		int64_t us;
		uint64_t done;
	} older, newer;
};

void progress_begin(struct progress *p, const char *name, enum when when, bool quiet);
/* total 0 = unknown; else what the last seconds let expect of the rest is shown too. */
void progress_show(struct progress *p, const char *phase, uint64_t done, uint64_t total);
/* The same where how far it is shows in other units: `at` of `of`, 0 = unknown. */
void progress_show_part(struct progress *p, const char *phase, uint64_t done, uint64_t at, uint64_t of);
void progress_end(struct progress *p); /* erases the line */

#endif
