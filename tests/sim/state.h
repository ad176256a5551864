/* state.h - what the frames of a disk mean: the applied vector, items, edges, digests.
 *
 * All of it is computed by lib/merge from the frames, whenever it is asked for;
 * only how far each list was applied is kept, because that must not go back. */
#ifndef SIM_STATE_H
#define SIM_STATE_H

#include "disk.h"
#include "merge/edge.h"
#include "merge/item.h"

enum { SIM_STRANGE_KIND = 60 }; /* a kind that only newer programs know */

/* Which frames count. */
enum sim_view {
	SIM_APPLIED, /* those that the state has */
	SIM_SEEN,    /* and the own ones: what a reader sees at this store */
};

struct sim_state {
	struct sim_disk *disk;
	bool knows; /* SIM_STRANGE_KIND: then its state version is another */
};

/* Applies what can be applied: all that is durable but what is held at this wall
 * clock, a stub whose forget is not there, an unknown critical frame, and what
 * comes behind these in their lists. */
void sim_state_apply(struct sim_state *st, int64_t wall_us);
/* Durable frames that are not applied. */
uint64_t sim_state_waiting(const struct sim_state *st);
/* Positions of what is durable, or applied; n is at most the number of lists. */
size_t sim_state_vector(struct eng_position *out, const struct sim_state *st, enum sim_view applied);
/* Stubs whose forget is not received. */
size_t sim_state_wanted(struct eng_position *out, size_t max, const struct sim_state *st);

int sim_state_item(const struct sim_state *st, struct eng_item *out, enum sim_view view, const struct engram_id *id,
                   struct eng_arena *arena, struct engram_error *err);
int sim_state_edge(const struct sim_state *st, struct eng_edge *out, eng_stamp *forgotten, enum sim_view view,
                   const struct eng_edge_key *key, struct eng_arena *arena, struct engram_error *err);

/* All ids that applied frames are about; for free().  *n of them, ascending. */
struct engram_id *sim_state_ids(const struct sim_state *st, size_t *n);
/* What one id contributes to its bucket: its item, the edges from it, and what a
 * newer program knows of it. */
int sim_state_sum(const struct sim_state *st, eng_u128 *out, const struct engram_id *id, struct engram_error *err);
int sim_state_buckets(const struct sim_state *st, eng_u128 sums[4096], struct engram_error *err);
/* Hashes of the applied vector and of the state at it. */
int sim_state_digest(const struct sim_state *st, uint8_t vector[16], uint8_t state[16], struct engram_error *err);
/* A hash of what the state reads as: texts, fields, tags, links. */
int sim_state_reading(const struct sim_state *st, uint8_t out[16], struct engram_error *err);

/* The greatest stamp of a forget of the id that was applied, by looking at the
 * frames alone; 0 = none. */
eng_stamp sim_state_forgotten(const struct sim_state *st, const struct engram_id *id);

/* What a forget condemned becomes stubs.  How many. */
int sim_state_purge(struct sim_state *st, size_t *n, struct engram_error *err);

#endif
