/* recall-jobs.h - engram-recall in parts, all over this struct. */
#ifndef CMD_RECALL_JOBS_H
#define CMD_RECALL_JOBS_H

#include "common/cli.h"

enum recall_mode {
	RECALL_ONE, /* the operands together are the cue */
	RECALL_BATCH, /* each operand, each line is a cue */
};

struct recall {
	struct cli cli;
	int mode;   /* enum recall_mode */
	int ranker; /* enum engram_mode */
	const char *like, *source, *actor;
	size_t k;
	uint32_t min_confidence;
	uint64_t budget; /* bytes of one answer; 0 = no limit */
	struct opt_list tags;
	int kind; /* -1 = any; 0 episode, 1 concept */
	int64_t since_us, until_us, as_of_us;
	bool ids, explain, no_retention;
};

/* One cue's answer (recall-print.c): hits, with --json a summary.  number > 0:
 * which cue of a batch it is. */
void recall_print(struct recall *r, const struct engram_result *result, uint64_t number);

#endif
