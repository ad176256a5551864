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
	bool ids, explain, no_retention, learn;
	struct opt_list feedback; /* ID=yes, ID=no */
};

/* One cue's answer (recall-print.c): hits, with --json a summary.  number > 0:
 * which cue of a batch it is. */
void recall_print(struct recall *r, const struct engram_result *result, uint64_t number);

/* -- learning (recall-learn.c) -------------------------------------------------- */

struct learning {
	struct engram_judgement *judged;
	size_t n, missing;
	int first_missing; /* exit status of the first id not found */
};
/* Whether the options go together; false: reported. */
bool learn_check(struct recall *r);
/* Finds whom --feedback is about, in the open space; false: reported, nothing is
 * to be done. */
bool learn_begin(struct learning *l, struct recall *r);
/* Appends and makes durable; result NULL: there was no cue. */
void learn_end(struct learning *l, struct recall *r, const struct engram_result *result);
void learn_free(struct learning *l);

#endif
