/* sync.h - a session between two stores of one space: engram-formats(5), SESSIONS.
 *
 * A *session* is one end of a conversation over a pair of byte streams.  It is
 * a step machine: bytes come in, bytes go out, and in between it asks a store
 * through the functions below.  It calls no clock, no random number and no
 * descriptor; the driver in home/ and the simulator run the same code.
 *
 *   hello      versions, space, rights, hash of the vector of what was received
 *   vectors    only where the hashes differ: series, seq, header_check; forks
 *   runs       both ways at once: the frames the other lacks, series by series
 *   acks       what the other has made durable
 *   digests    of the applied vectors; unequal at equal vectors is an error
 *              that names the first item that differs
 *
 * Everything is idempotent and nothing is remembered between sessions: a
 * session that was cut anywhere is begun again and goes on behind what was
 * made durable.  A peer is not trusted: every length is bounded, every frame
 * verified, and a claim changes nothing.
 *
 * The same messages in one direction only are a file (send, receive). */
#ifndef ENG_SYNC_SYNC_H
#define ENG_SYNC_SYNC_H

#include "base/buf.h"
#include "frame/frame.h"

/* -- the store under a session ---------------------------------------------- */

struct eng_sync_self {
	struct engram_id space;
	int64_t created_us;
	bool empty;             /* no frame of any series: it may take the peer's space id */
	uint32_t state_version; /* digests compare only where these are equal */
};

/* From seq on, the series was written by two stores that both thought it theirs:
 * frames from there on are kept as branches (eng_branch_name in frame/frame.h),
 * and the series itself ends before seq.  `series` is the one that the headers
 * name, also where a branch forked again. */
struct eng_sync_fork {
	struct eng_series series;
	uint64_t seq;
};

/* What digests are compared by. */
struct eng_sync_digest {
	uint8_t vector[16]; /* XXH3-128 of the applied vector: of series 16, seq u64, header_check u32, ascending */
	uint8_t state[16];  /* the state digest at it */
	uint64_t held;      /* received frames behind it: held, or a stub whose forget has not come */
};

struct eng_sync_item {
	struct engram_id id;
	eng_u128 sum; /* what it contributes to its bucket */
};

enum { ENG_SYNC_FORKED = 1 };

/* Results are 0 or ENGRAM_E..., with err filled in; a failed call ends the
 * session, and what was durable before stays. */
struct eng_sync_store {
	void *ctx;

	int (*self)(void *ctx, struct eng_sync_self *out, struct engram_error *err);
	/* Takes the peer's space id; ENGRAM_EINPUT where it is not empty (any more), unless
	 * it has that id by now. */
	int (*adopt)(void *ctx, const struct engram_id *space, int64_t created_us, struct engram_error *err);

	/* What is durable and contiguous, of every series, ascending by series, no
	 * seq 0.  Valid until the next call.  Forks ascend by series, seq. */
	int (*received)(void *ctx, const struct eng_position **out, size_t *n, struct engram_error *err);
	int (*forks)(void *ctx, const struct eng_sync_fork **out, size_t *n, struct engram_error *err);
	/* header_check of one frame that received covers; 0 below the first of a branch. */
	int (*check_at)(void *ctx, uint32_t *header_check, const struct eng_series *series, uint64_t seq,
	                struct engram_error *err);
	/* Frames after `after`, not above `upto`, verified, as they lie in a segment
	 * (header, payload, padding to 8), appended to `out`: as many as fit into
	 * max_bytes, but one at least.  *n of them; fewer than asked is no error. */
	int (*read)(void *ctx, struct eng_buf *out, size_t *n, const struct eng_series *series, uint64_t after,
	            uint64_t upto, size_t max_bytes, struct engram_error *err);

	/* Consecutive frames of one series as they came, n bytes: the callee verifies
	 * each (checks, space, chain, stamps), passes over those it holds, and writes
	 * the rest, not yet durable.  ENGRAM_EINPUT names series, seq, wanted and
	 * found; nothing of this call is kept then.  ENG_SYNC_FORKED (1): a frame has
	 * another header_check than the one held at its seq; those before it were taken. */
	int (*receive)(void *ctx, uint64_t *taken, const struct eng_series *series, const uint8_t *frames, size_t n,
	               struct engram_error *err);
	/* All that was received becomes durable; `received` tells it afterwards. */
	int (*flush)(void *ctx, struct engram_error *err);

	/* A fork at seq is known: both headers were seen, or (mine and theirs 0) the peer
	 * knew it.  fork->series may be a branch's name here; known already: 0. */
	int (*forked)(void *ctx, const struct eng_sync_fork *fork, uint32_t mine, uint32_t theirs,
	              struct engram_error *err);

	/* Stubs whose forget is not here, ascending: a peer that still has the whole frame
	 * may send it, or its stub, where another forget made that.  mend puts the frame in
	 * the place of its stub, durably; 0 too where there is no such stub any more, or the
	 * forget that a stub names is not here either. */
	int (*wanted)(void *ctx, const struct eng_position **out, size_t *n, struct engram_error *err);
	int (*mend)(void *ctx, const uint8_t *frame, size_t n, struct engram_error *err);

	/* Applies what can be applied, then tells.  buckets and items are asked only
	 * where digests differ at equal vectors. */
	int (*digest)(void *ctx, struct eng_sync_digest *out, struct engram_error *err);
	int (*buckets)(void *ctx, eng_u128 sums[4096], struct engram_error *err);
	/* Items of one bucket, ascending by id; valid until the next call. */
	int (*items)(void *ctx, const struct eng_sync_item **out, size_t *n, unsigned bucket, struct engram_error *err);
};

/* -- a session ------------------------------------------------------------------ */

/* Bytes of frames in one run message, and not yet acknowledged: a session that is
 * cut sends at most one such batch again. */
#define ENG_SYNC_BATCH (1u << 20)
#define ENG_SYNC_SERIES_MAX 65536u /* entries of a vector */
#define ENG_SYNC_FORKS_MAX 16384u
#define ENG_SYNC_FOUND_MAX 1024u   /* forks found in one round; the next round finds more */
#define ENG_SYNC_WANTED_MAX 16384u /* stubs asked for; the next session asks for more */
#define ENG_SYNC_ITEMS_MAX 32768u  /* of one bucket that are compared */

enum eng_sync_mode {
	ENG_SYNC_BOTH,     /* two pipes, a conversation */
	ENG_SYNC_FILE_OUT, /* send: writes what lies behind `after`, hears nothing */
	ENG_SYNC_FILE_IN,  /* receive: says nothing */
};

struct eng_sync_options {
	enum eng_sync_mode mode;
	bool give; /* the peer may have our frames */
	bool take; /* we take the peer's */
	uint64_t nonce; /* another in each session; who hears its own again talks with an echo.  0 = not looked for */
	const struct eng_position *after; /* FILE_OUT: what the reader has; ascending */
	size_t nafter;
};

struct eng_sync_stats {
	uint64_t frames_sent, frame_bytes_sent;
	uint64_t frames_received, frame_bytes_received; /* taken; those already held apart: */
	uint64_t frames_known;
	struct eng_position acked; /* the peer has all that was sent up to here, durably */
	/* By the vectors, whatever the rights: what progress is measured against. */
	uint64_t frames_due_out, frames_due_in;
	uint64_t bytes_in, bytes_out; /* of the streams, all of it */
	uint64_t series_sent, series_received;
	uint64_t forks;     /* found in this session */
	uint64_t mended;    /* stubs replaced */
	uint64_t held;      /* frames received here that wait */
	uint64_t peer_held;
	bool adopted;       /* this store took the peer's space id */
	bool compared, equal; /* digests; not compared: vectors or versions differ, or one way only */
	struct eng_sync_digest mine;
	uint64_t banner_bytes; /* came before the peer's first message, and were passed over: */
	char banner[80];       /* their first line, as far as it goes; printable */
};

struct eng_sync; /* one end */

/* `store` is kept, o is copied.  NULL-safe free. */
int eng_sync_new(struct eng_sync **s, const struct eng_sync_options *o, const struct eng_sync_store *store,
                 struct engram_error *err);
void eng_sync_free(struct eng_sync *s);

enum eng_sync_state {
	ENG_SYNC_RUNNING,
	ENG_SYNC_DONE,   /* both ends know it; output may still wait */
	ENG_SYNC_FAILED, /* output may hold the message that tells the peer why */
};
enum eng_sync_state eng_sync_state(const struct eng_sync *s);

/* Bytes from the peer: takes *used of n; fewer only where output waits to be taken,
 * or the session is over (what follows a file may be another).  A negative result
 * fails the session. */
int eng_sync_input(struct eng_sync *s, size_t *used, const uint8_t *p, size_t n, struct engram_error *err);
/* The peer closed its stream: what came whole becomes durable.  An error
 * (ENGRAM_EUNAVAILABLE) unless the session is done. */
int eng_sync_input_end(struct eng_sync *s, struct engram_error *err);
/* To be called after input and after sent: reads from the store until there is
 * output worth a write, or nothing more to say for now. */
int eng_sync_step(struct eng_sync *s, struct engram_error *err);
/* Bytes for the peer, valid until the next call; then how many were taken. */
struct eng_bytes eng_sync_output(const struct eng_sync *s);
void eng_sync_sent(struct eng_sync *s, size_t n);

const struct eng_sync_stats *eng_sync_stats(const struct eng_sync *s);

#endif
