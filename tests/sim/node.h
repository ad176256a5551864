/* node.h - a machine: a clock that may be wrong, a disk that may fail, a store. */
#ifndef SIM_NODE_H
#define SIM_NODE_H

#include "state.h"

struct sim_net;
struct sim_talk;

struct sim_node {
	unsigned index;
	struct sim_disk disk;
	struct sim_state state;
	bool up;
	bool dying; /* power was cut inside a call: whoever called gives up and crashes it */
	int64_t skew_us, drift_ppm, frozen_us; /* frozen: the wall clock, 0 = it goes */
	struct sim_disk backup[4];
	unsigned nbackups;
	unsigned losses; /* flushes of received frames that failed */
	/* What a checker saw last of this disk, and of this program. */
	uint64_t received_before, applied_before;
};

struct sim_node *sim_node_new(struct sim *s, unsigned index, const struct engram_id *space);
void sim_node_free(struct sim_node *n);

/* -- its clock ------------------------------------------------------------------- */

int64_t sim_node_wall_us(const struct sim *s, const struct sim_node *n);
/* style: the config's skew; a, b: what happens to it and by how much. */
void sim_node_clock(struct sim *s, struct sim_node *n, unsigned style, unsigned a, unsigned b);
void sim_node_clock_right(struct sim_node *n);

/* -- its fate -------------------------------------------------------------------- */

void sim_node_start(struct sim *s, struct sim_node *n); /* no harm if it is up */
/* Power is cut: what was not durable is lost, all of it or from some frame on. */
void sim_node_crash(struct sim *s, struct sim_node *n);
void sim_node_backup(struct sim *s, struct sim_node *n);
/* unnoticed: as a virtual machine that is set back, it goes on with its series. */
void sim_node_restore(struct sim *s, struct sim_node *n, unsigned which, bool unnoticed);
/* `to` loses its disk and gets a copy of that of `from`. */
void sim_node_clone(struct sim *s, struct sim_node *from, struct sim_node *to, bool unnoticed);
/* The end of a received list that was not applied yet is unreadable, and cut. */
void sim_node_damage(struct sim *s, struct sim_node *n, unsigned which, unsigned from);
void sim_node_purge(struct sim *s, struct sim_node *n);
void sim_node_retire(struct sim *s, struct sim_node *n);
/* Another version of the program: it learns the strange kind, or unlearns it. */
void sim_node_upgrade(struct sim *s, struct sim_node *n);

/* -- its store ------------------------------------------------------------------- */

void sim_node_apply(struct sim *s, struct sim_node *n);
/* The stamp that a frame written now will have. */
eng_stamp sim_node_next_stamp(const struct sim *s, const struct sim_node *n);
/* Appends and flushes; true: durable, acknowledged, and in the ledger. */
bool sim_node_write(struct sim *s, struct sim_node *n, uint8_t kind, uint8_t flags, const uint8_t *payload, size_t len);
/* Says that a series is forked, unless somebody did; not durable yet. */
void sim_node_tell_fork(struct sim *s, struct sim_node *n, const struct eng_sync_fork *fork, uint32_t mine,
                        uint32_t theirs);

#endif
