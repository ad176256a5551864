/* recall-jobs.h - engram-recall in parts, all over this struct. */
#ifndef CMD_RECALL_JOBS_H
#define CMD_RECALL_JOBS_H

#include "common/embed.h"
#include "common/record.h"

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
	size_t ef;  /* 0 = the library's */
	bool ids, explain, no_retention, learn, exact;
	struct opt_list feedback; /* ID=yes, ID=no */
	const char *vector, *embedder_name; /* --vector, --embedder */
	char identity[ENGRAM_FIELD_MAX];
	int cues;   /* 0 text, 1 ndjson */
	struct engram_embedder *embedder; /* NULL = none is set */
	bool told, told_problem; /* that vectors went unsearched; that the index cannot be read */
	struct record record; /* of --vector, or the cue at hand */
};

/* -- the cue's vector (recall-cue.c) --------------------------------------------- */

/* Text and vector of one NDJSON cue, or of --vector; they live in r->record. */
int recall_read_cue(struct recall *r, struct engram_cue *cue, const char *p, size_t n, struct engram_error *err);
/* --vector and --embedder into the cue. */
int recall_take_vector(struct recall *r, struct engram_cue *cue, struct engram_error *err);
/* Says once that vectors were not searched: those of an embedder, or of an index
 * that cannot be read. */
void recall_tell_unsearched(struct recall *r, const struct engram_result *result);

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
