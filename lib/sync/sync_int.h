/* sync_int.h - one end of a session, as the files of sync/ share it.
 *
 *   sync.c      beginning, failing, ending; what the driver calls
 *   input.c     bytes to messages; runs to the store
 *   hello.c     who is there, and whether it may go on
 *   settle.c    vectors and forks, until both ends agree what each holds
 *   send.c      runs, mends, the end
 *   compare.c   digests, and what differs */
#ifndef ENG_SYNC_SYNC_INT_H
#define ENG_SYNC_SYNC_INT_H

#include "base/alloc.h"
#include "base/err.h"
#include "base/le.h"
#include "base/plant.h"
#include "sync/wire.h"

/* A run is read and written at once, so it is all of `out` that matters. */
#define ENG_SYNC_RUN (256u << 10)
/* Output grows by doubling from here; 16 times it just holds the largest run, so
 * that a frame of 4 MiB does not cost 8. */
#define ENG_SYNC_OUT_FIRST ((ENG_SYNC_FRAME_MAX + 4096u) / 16u)
/* With as much waiting, nothing more is said until it is taken. */
#define ENG_SYNC_OUT_FULL 2048u
/* And nothing more is heard: replies to an honest peer never come near it. */
#define ENG_SYNC_OUT_DEAF (256u << 10)
/* A new round of vectors follows a fork; a fork inside a branch costs one more. */
#define ENG_SYNC_ROUNDS 16u
/* What a login shell may print before the first message. */
#define ENG_SYNC_BANNER (64u << 10)

enum phase {
	PHASE_HELLO,   /* nothing heard yet */
	PHASE_SETTLE,  /* vectors and forks */
	PHASE_RUNS,
	PHASE_DIGESTS,
	PHASE_BUCKETS,
	PHASE_ITEMS,
	PHASE_BYE,
};

struct positions {
	struct eng_position *v;
	size_t n;
};

struct forks {
	struct eng_sync_fork *v;
	size_t n;
};

/* A fork found by asking: what each side has at seq. */
struct found {
	struct eng_sync_fork fork;
	uint32_t mine, theirs;
};

/* What the stream is in the middle of. */
struct input {
	enum { IN_MAGIC, IN_HEAD, IN_BODY, IN_FRAMES } at;
	uint64_t begin;      /* of the message, in bytes of the stream */
	unsigned matched;    /* of the magic */
	bool banner_kept;
	uint8_t raw[ENG_RUN_HEAD]; /* a head, or the head of a run, so far */
	size_t nraw;
	struct eng_message_head head;
	uint8_t *p;          /* a body or a frame that came in pieces */
	size_t n, cap;
	struct eng_series series; /* of the run */
	uint64_t next;       /* seq wanted */
	uint32_t frames;     /* not yet come */
	uint32_t left;       /* bytes not yet come */
	uint32_t check;      /* of the last frame that was taken */
};

/* Looking for the first seq at which two histories of a series differ. */
struct search {
	size_t at;           /* index in `theirs` of the entry looked at */
	bool asking;
	uint64_t lo, hi;     /* equal at lo, different at hi */
	uint32_t mine, theirs; /* checks at hi */
	uint64_t seqs[ENG_ASK_MAX];
	size_t n;
	struct found *found;
	size_t nfound, cap;
	struct found *told;  /* found by the peer */
	size_t ntold;
};

struct eng_sync {
	struct eng_sync_options o;
	struct eng_sync_store store;
	struct eng_sync_stats stats;
	enum eng_sync_state state;
	struct engram_error err; /* of the failure */
	bool store_failed;       /* then nothing more is asked of it */
	bool told;               /* the peer said why; it need not be told */
	enum phase phase;

	struct eng_sync_self self;
	struct eng_hello peer;
	bool strangers;          /* two spaces, one of them empty and not to be filled */
	bool give, take;         /* both ends want it */

	struct positions mine, theirs, wanted;
	struct forks my_forks, their_forks;
	unsigned round;
	bool forks_in, vector_in, settled_in, settled_out;
	struct search search;

	struct input in;
	uint64_t got_bytes, flushed_bytes; /* of frames; the latter were acknowledged */
	struct eng_position got;           /* the last of them */
	bool wanted_in, end_in;

	struct eng_buf out;
	size_t out_at;
	size_t whole;            /* of out, whole messages: what stays if this call fails */
	size_t send_at;          /* in mine: the series being sent */
	size_t mend_at;          /* in wanted */
	uint64_t sent_seq;       /* of that series */
	uint64_t sent_bytes, asked_bytes, acked_bytes;
	bool send_begun, end_out;

	bool digest_out, digest_in, bye_out, bye_in;
	uint8_t their_vector[16], their_state[16];
	eng_u128 *sums, *their_sums; /* of buckets; NULL = not yet */
	uint32_t bucket, their_bucket;
	struct eng_sync_item *items; /* the peer's, of that bucket */
	size_t nitems;
};

/* -- input.c ------------------------------------------------------------------ */
/* Takes *used > 0 of n bytes. */
int eng_sync_take(struct eng_sync *s, size_t *used, const uint8_t *p, size_t n);
/* "byte N: ..." */
int eng_sync_bad(struct eng_sync *s, const char *format, ...) ENG_PRINTF(2, 3);
/* Everything received becomes durable and is acknowledged. */
int eng_sync_flush(struct eng_sync *s, bool ack);

/* -- hello.c ------------------------------------------------------------------ */
int eng_sync_say_hello(struct eng_sync *s);
int eng_sync_hear_hello(struct eng_sync *s, const uint8_t *p);
/* What the store holds now, into mine and my_forks. */
int eng_sync_load(struct eng_sync *s);

/* -- settle.c ----------------------------------------------------------------- */
void eng_sync_say_forks(struct eng_sync *s);
void eng_sync_say_vector(struct eng_sync *s);
int eng_sync_begin_round(struct eng_sync *s);
int eng_sync_hear_forks(struct eng_sync *s, const uint8_t *p, size_t n);
int eng_sync_hear_vector(struct eng_sync *s, const uint8_t *p, size_t n);
int eng_sync_hear_positions(struct eng_sync *s, struct positions *out, const uint8_t *p, size_t n);
/* What a file said it brings its reader to is here. */
int eng_sync_file_end(struct eng_sync *s);
int eng_sync_hear_ask(struct eng_sync *s, const uint8_t *p, size_t n);
int eng_sync_hear_tell(struct eng_sync *s, const uint8_t *p, size_t n);
int eng_sync_hear_settled(struct eng_sync *s, const uint8_t *p, size_t n);
int eng_sync_learn_forks(struct eng_sync *s);
/* By series; NULL where it is not there. */
const struct eng_position *eng_sync_find(const struct positions *v, const struct eng_series *series);
int eng_sync_forked(struct eng_sync *s, const struct eng_sync_fork *f, uint32_t mine, uint32_t theirs);

/* -- send.c ------------------------------------------------------------------- */
int eng_sync_begin_runs(struct eng_sync *s);
int eng_sync_send(struct eng_sync *s);
int eng_sync_send_file(struct eng_sync *s);
int eng_sync_hear_ack(struct eng_sync *s, const uint8_t *p);
int eng_sync_check_after(struct eng_sync *s);

/* -- compare.c ---------------------------------------------------------------- */
int eng_sync_compare(struct eng_sync *s);
int eng_sync_hear_digest(struct eng_sync *s, const uint8_t *p);
int eng_sync_hear_buckets(struct eng_sync *s, const uint8_t *p);
int eng_sync_hear_items(struct eng_sync *s, const uint8_t *p, size_t n);
int eng_sync_hear_bye(struct eng_sync *s);

/* -- sync.c ------------------------------------------------------------------- */
/* A message without a body, or with one of n bytes. */
int eng_sync_say(struct eng_sync *s, enum eng_message type, const void *body, size_t n);
/* 0, or ENOMEM where an append to the output failed. */
int eng_sync_said(struct eng_sync *s);
/* Marks a failure of the store; passes r on. */
int eng_sync_stored(struct eng_sync *s, int r);
/* How far the store has the series by now, 0 = not at all; mine stays what the peer
 * was told, and the runs go by. */
int eng_sync_now(struct eng_sync *s, uint64_t *seq, const struct eng_series *series);
/* A call on the store failed with r, for want of frame `seq` of a series, which was
 * here: r and its message stay, but where another session has cut the series at a
 * fork since, nobody is to blame: ENGRAM_EBUSY. */
int eng_sync_gone(struct eng_sync *s, const struct eng_series *series, uint64_t seq, int r);
int eng_sync_check_at(struct eng_sync *s, uint32_t *check, const struct eng_series *series, uint64_t seq);

#endif
