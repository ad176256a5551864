/* shipwal-jobs.h - engram-shipwal in parts, all over this struct. */
#ifndef CMD_SHIPWAL_JOBS_H
#define CMD_SHIPWAL_JOBS_H

#include "common/cli.h"

enum shipwal_verb { /* from 1, as the parser counts */
	SHIPWAL_SYNC = 1,
	SHIPWAL_PULL,
	SHIPWAL_PUSH, /* those with a peer come first */
	SHIPWAL_SEND,
	SHIPWAL_RECEIVE,
	SHIPWAL_SERVE,
	SHIPWAL_POSITION,
	SHIPWAL_VERIFY,
	SHIPWAL_CAT,
	SHIPWAL_RETIRE,
};

/* A peer that takes in a million frames before it answers is silent for ten
 * seconds; a connection that hangs is none of minutes. */
#define TIMEOUT_MS (600 * 1000)
#define TIMEOUT_MAX_MS (24 * 3600 * 1000)

struct shipwal {
	struct cli cli;
	int verb;
	bool create, no_give, no_take;
	const char *after, *series;
	const char *peer_space, *peer_program, *rsh; /* NULL = not given */
	uint64_t timeout_ms;
	struct progress progress;
};

/* Each does its job and leaves the outcome in cli.status. */
void shipwal_peer(struct shipwal *s); /* sync, pull, push */
void shipwal_send(struct shipwal *s);
void shipwal_receive(struct shipwal *s);
void shipwal_serve(struct shipwal *s);
void shipwal_position(struct shipwal *s);
void shipwal_verify(struct shipwal *s);
void shipwal_cat(struct shipwal *s);
void shipwal_retire(struct shipwal *s);

/* --after as positions, for engram_free(); none where it is not given.  False: reported. */
bool shipwal_after(struct shipwal *s, struct engram_position **at, size_t *n);
/* An engram_progress_fn: shows, and stops where a signal came. */
int shipwal_progress(void *data, const char *phase, uint64_t done, uint64_t total);

#endif
