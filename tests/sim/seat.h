/* seat.h - a session's place at a node: the model store through the functions that
 * lib/sync asks for, with the faults of the machine, and a meter of the session's
 * memory.
 *
 * Each session has its own, as each is a process of its own: what one call answers
 * is valid until the next of the same seat, whatever others do. */
#ifndef SIM_SEAT_H
#define SIM_SEAT_H

#include "node.h"
#include "sync/sync.h"

struct sim_seat;
struct sim_seat *sim_seat_new(struct sim *s, struct sim_node *n, struct sim_talk *t);
void sim_seat_free(struct sim_seat *seat);
const struct eng_sync_store *sim_seat_store(struct sim_seat *seat);
/* Whether a fault of the machine has answered one of its calls. */
bool sim_seat_failed(const struct sim_seat *seat);

/* What is allocated between the two, store calls aside, is the session's. */
void sim_seat_enter(struct sim_seat *seat);
void sim_seat_leave(struct sim_seat *seat);
int64_t sim_seat_bytes(const struct sim_seat *seat); /* that it holds now */
int64_t sim_seat_most(const struct sim_seat *seat);  /* that it held at once */

/* The counting allocator, around a whole run. */
void sim_meter_begin(void);
void sim_meter_end(void);

#endif
