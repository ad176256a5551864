/* check.h - what must hold: after every event, after every conversation, in the end.
 *
 *   lost          a frame that was acknowledged is durable somewhere, always, unless its
 *                 only disk was destroyed; and everywhere in the end
 *   shrunk        what a node received, and what it applied, never goes back while its
 *                 disk lives
 *   chain         each frame follows the one before it: prev, seq, stamp
 *   resurrection  nothing at or below the stamp of a forget is alive where the forget
 *                 was applied
 *   digest        equal applied vectors and versions: equal digests and equal readings
 *   session       a conversation without a fault ends well at both ends; what one sent
 *                 the other took or had; digests were compared
 *   bounded       what a session says at once, and the memory it holds
 *   stuck         two sessions that wait for each other
 *   converge      in the end all nodes have received and applied the same
 *   held          and nothing waits that could be applied
 *   forks         all know the same forks, and none where nothing was copied unnoticed
 *   own           who stored a memory sees it, who forgot it does not
 *   purged        and no byte of what was forgotten is left */
#ifndef SIM_CHECK_H
#define SIM_CHECK_H

#include "net.h"

enum { SIM_IDS_MAX = 16 };

struct sim_ack {
	struct eng_series series; /* as the header names it */
	uint64_t seq;
	uint32_t header_check;
	unsigned node;
	bool destroyed; /* with the only disk that had it */
};

/* One state that was seen, by its vector: any other node at this vector must agree. */
struct sim_seen {
	uint8_t vector[16];
	bool knows;
	uint8_t digest[16], reading[16];
	unsigned node;
};

struct sim_ledger {
	struct sim_ack *acks;
	size_t nacks, cap;
	struct sim_seen *seen;
	size_t nseen, seen_cap;
	eng_stamp promised[SIM_IDS_MAX]; /* of each memory the last put that was acknowledged; 0 = none */
};

struct sim_world;
void sim_ledger_free(struct sim_ledger *l);
void sim_acknowledged(struct sim *s, const struct sim_node *node, const struct eng_header *h);
/* A put of this memory was acknowledged. */
void sim_promised(struct sim *s, unsigned id, eng_stamp stamp);
/* The node is about to lose its disk: what is on no other is not asked for any more. */
void sim_disk_lost(struct sim *s, const struct sim_node *node);

void sim_check_output(struct sim *s, const struct sim_talk *t, unsigned side, size_t n);
void sim_check_talk(struct sim *s, const struct sim_talk *t);
void sim_check_node(struct sim *s, struct sim_node *node);
/* The state of a node, against all that were seen. */
void sim_check_state(struct sim *s, struct sim_node *node);
/* All of it, in the end. */
void sim_check_calm(struct sim *s);
/* Whether all nodes have received and applied the same. */
bool sim_converged(struct sim *s);

#endif
