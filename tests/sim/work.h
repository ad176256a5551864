/* work.h - what people do to a store, as frames. */
#ifndef SIM_WORK_H
#define SIM_WORK_H

#include "node.h"

enum sim_work_kind {
	SIM_PUT,        /* a memory; again the same, or another body under the same id */
	SIM_PUT_KEY,    /* by key: replaces what it sees */
	SIM_REVISE,     /* a field: text or confidence, or clears it */
	SIM_TAG,
	SIM_UNTAG,      /* the adds it sees */
	SIM_LINK,
	SIM_UNLINK,
	SIM_USE,
	SIM_TOGETHER,
	SIM_FEEDBACK,
	SIM_FORGET,
	SIM_IMPORT,     /* several; those it knows are passed over */
	SIM_STRANGE,    /* a kind of frame that only newer nodes know */
	SIM_STRANGE_CRITICAL, /* and that others must not apply anything behind */
	SIM_WORKS
};
extern const char *const sim_work_names[SIM_WORKS];

/* ids: the memories that all write about.  What it does is up to kind, a, b, c. */
struct sim_job {
	enum sim_work_kind kind;
	unsigned a, b, c;
	const struct engram_id *ids;
	unsigned nids;
	bool bulk; /* some are large */
};
/* True: written and acknowledged. */
bool sim_work_do(struct sim *s, struct sim_node *node, const struct sim_job *job);
/* Of a stub that waits: its memory is forgotten once more. */
void sim_work_forget_stub(struct sim *s, struct sim_node *node, const struct eng_position *stub);

#endif
