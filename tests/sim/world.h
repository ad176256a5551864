/* world.h - some machines, what people and fate do to them, and what must hold.
 *
 * A run has two phases.  *Safety*: steps are drawn, one after the other, with
 * faults; the checkers of every event look on.  *Liveness*: fate stops, every way
 * is up, every machine runs with a clock that is right; all pairs exchange what
 * they have for a bounded number of rounds, and then every promise must be kept. */
#ifndef SIM_WORLD_H
#define SIM_WORLD_H

#include "check.h"
#include "net.h"
#include "node.h"
#include "work.h"

/* What a step does.  IDLE is 0: the tame one. */
enum sim_act {
	SIM_IDLE,
	SIM_WORK,      /* somebody writes: work.c */
	SIM_SYNC,      /* a conversation, one way or both */
	SIM_CRASH,     /* power cut; SIM_WORK and SIM_SYNC of a node that is down wake it */
	SIM_PARTITION, /* ways go down: one, those of one node, between two halves */
	SIM_HEAL,
	SIM_CLOCK,     /* jumps, drifts, freezes, or is set right */
	SIM_BACKUP,    /* of one disk */
	SIM_RESTORE,   /* an old one, perhaps the same as before */
	SIM_CLONE,     /* another node becomes a copy of it */
	SIM_DAMAGE,    /* a frame of others' series rots */
	SIM_PURGE,     /* forgotten bytes become stubs */
	SIM_UPGRADE,   /* a node learns a kind of frame, or unlearns it */
	SIM_RETIRE,    /* a series ends, its node goes on with another */
	SIM_FILE_OUT,
	SIM_FILE_IN,
	SIM_ACTS
};
extern const char *const sim_act_names[SIM_ACTS];

/* Drawn first, each run another mixture ("swarm"): a fault that is off in half of
 * the runs leaves room for what it would hide. */
struct sim_config {
	unsigned nodes, steps;
	unsigned ids;         /* memories that all write about: few, so that they meet */
	uint32_t weight[SIM_ACTS];
	uint32_t work[SIM_WORKS];
	unsigned latency_ms, cut_per_mille, clog_per_mille;
	unsigned flush_fails_per_mille, read_fails_per_mille, dies_per_mille; /* of calls of the store */
	unsigned skew;        /* 0 clocks are right, 1 some seconds off, 2 minutes, 3 anything */
	unsigned pace;        /* 0 all within minutes, 1 hours, 2 days, 3 years */
	bool strangers;       /* some nodes begin with a kind of frame that others do not know */
	bool forgetful;       /* much is forgotten, and purged while others know nothing of it */
	bool bulk;            /* memories of up to 200 KB, so that batches fill */
	size_t window;
};

struct sim_world {
	struct sim_config c;
	struct sim_net net;
	struct sim_node *node[SIM_NODES_MAX];
	struct sim_ledger ledger;
	struct engram_id space;
	struct engram_id *ids; /* c.ids of them */
	uint64_t minted;       /* series so far: each gets another name */
	unsigned steps_done;
	bool twins;            /* two stores may have written one series: a copy went unnoticed */
	unsigned rounds;       /* that it took */
};

struct sim_verdict;
/* A whole run; tape NULL = drawn from the seed. */
void sim_run(struct sim_verdict *out, uint64_t seed, const struct sim_tape *tape);
void sim_run_loud(struct sim_verdict *out, uint64_t seed, const struct sim_tape *tape, bool loud);
/* And `look` at the world in its end, while all of it is there. */
typedef void sim_look_fn(struct sim *s, void *data);
void sim_run_and_look(struct sim_verdict *out, uint64_t seed, sim_look_fn *look, void *data);
/* Prints the last lines of its trace. */
void sim_run_last(uint64_t seed, const struct sim_tape *tape);

struct sim_step {
	unsigned gap, act, node, peer, a, b, c;
};

static inline struct sim_world *sim_world(struct sim *s)
{
	return s->world;
}

#endif
