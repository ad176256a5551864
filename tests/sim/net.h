/* net.h - conversations between machines: streams that are late, slow, clogged,
 * one-way or cut at any byte, with a real session at each end.
 *
 * A stream keeps the order of its bytes, as pipes and TCP do, and nothing more.
 * Loss, repetition and reordering are therefore those of whole conversations:
 * broken off, begun again, several at a time; and of the files that send and
 * receive exchange, which arrive late, twice, cut short, changed, or at somebody
 * else. */
#ifndef SIM_NET_H
#define SIM_NET_H

#include "seat.h"

enum { SIM_NODES_MAX = 9 };

/* The way from one node to another. */
struct sim_way {
	bool down;            /* bytes wait until it is up again */
	int64_t clogged_until_us;
};

struct sim_net {
	unsigned latency_ms; /* greatest ordinary delay of a chunk */
	unsigned cut_per_mille; /* of conversations: broken off at some byte */
	unsigned clog_per_mille; /* of chunks */
	size_t window;       /* bytes a stream holds */
	struct sim_way way[SIM_NODES_MAX][SIM_NODES_MAX];
	struct sim_talk **talks;
	size_t ntalks, cap;
	struct sim_file *files;
	size_t nfiles, files_cap;
};

enum sim_ending {
	SIM_OPEN,
	SIM_GOOD,   /* both ends were done */
	SIM_BROKEN, /* cut, timed out, or a machine went down: some fault */
	SIM_ERROR,  /* an end failed, and no fault that was planned explains it */
};

struct sim_end {
	struct sim_node *node;
	struct sim_seat *seat;
	struct eng_sync *session;
	struct eng_sync_options o;
	struct eng_buf flight; /* on its way to this end */
	struct eng_buf here;   /* arrived, not taken by the session yet */
	size_t taken;          /* of here */
	bool moving;           /* a delivery of flight is on its way */
	bool last;             /* the other end will send no more */
	bool ended;            /* and this session was told */
	bool closed;           /* this end will send no more */
	int result;
	struct engram_error err;
	struct eng_sync_stats stats; /* at its end */
	struct eng_header *heads; /* of each series, at the beginning */
	size_t nheads;
};

struct sim_talk {
	unsigned number;
	struct sim_end end[2];
	uint64_t carried;   /* bytes both ways */
	uint64_t cut_after; /* 0: not */
	int64_t progress_us;
	bool faulty;        /* a store or the way let it down */
	enum sim_ending ending;
};

/* A file of frames on its way: a tape, a mail, a directory that others copy. */
struct sim_file {
	struct eng_buf b;
	unsigned from;
	bool whole; /* from the beginning of every series, and its writer came to the end */
};

void sim_net_free(struct sim_net *net);
void sim_talk_begin(struct sim *s, struct sim_net *net, struct sim_node *a, struct sim_node *b,
                    const struct eng_sync_options o[2]);
/* The node went down, or its stores must not be used any more: its conversations break. */
void sim_net_drop(struct sim *s, struct sim_net *net, const struct sim_node *node);
/* A fork was found: other conversations of this node asked for series that are no
 * more, and may fail; what they fetched stays. */
void sim_net_disturbed(struct sim_net *net, const struct sim_node *node, const struct sim_talk *but);

/* A file of what lies behind `after`; it is kept until the end.  0 or the error of the session. */
int sim_file_write(struct sim *s, struct sim_net *net, struct sim_node *from, const struct eng_position *after,
                   size_t n);
/* Reads the first n bytes of it, not more than it has; one of them changed where
 * `flip` is not 0. */
int sim_file_read(struct sim *s, const struct sim_file *file, struct sim_node *to, size_t n, uint32_t flip);

#endif
