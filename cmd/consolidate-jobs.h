/* consolidate-jobs.h - engram-consolidate in parts, over this struct. */
#ifndef CMD_CONSOLIDATE_JOBS_H
#define CMD_CONSOLIDATE_JOBS_H

#include "common/cli.h"
#include "common/embed.h"

enum consolidate_mode {
	CONSOLIDATE_TASKS, /* those given; none: what is due */
	CONSOLIDATE_LAST,
};

struct consolidate {
	struct cli cli;
	int mode; /* enum consolidate_mode */
	bool check, rebuild, compact, warm, reembed, index_only;
	struct engram_embedder *embedder; /* with --re-embed */
	bool all_spaces;
	size_t threads; /* 0 = one a processor */
	int numa;       /* enum engram_numa */
	uint64_t max_time_ms; /* of all spaces together; 0 = any */
	int64_t until_us;     /* on the monotonic clock; 0 = any */
	unsigned tasks; /* enum engram_task, or'ed; what the flags come to */
	struct progress progress;
};

/* What a run came to, as the flags have it: rows or JSON, nothing with -q. */
void report(struct consolidate *c, const char *space, const struct engram_report *r);
/* --last: the run before this one, if one is known of. */
void report_last(struct consolidate *c, const char *space, const struct engram_run *run);
/* That derived items differ from the log. */
void report_difference(struct consolidate *c, const char *space, const struct engram_report *r);
/* Frames that wait, and for what: told whatever was asked; the space is open. */
void report_held(struct consolidate *c, const char *space);

#endif
