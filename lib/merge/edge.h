/* edge.h - what is said about two memories at once: that one leads to the
 * other (a link), that they were recalled together.
 *
 * An *edge* is everything the store has heard about one key: a set of dots, one
 * for each element of an edge frame, or each use frame of two subjects.  What it
 * reads as is a function of that set and of one number, the greatest stamp at
 * which an end was forgotten:
 *
 *   a dot is live unless (1) an end was forgotten at or above its stamp, or
 *   (2) a later dot of the same key names it by a ref, or (3) of a link, the
 *   same series said something later: each series has one slot, which only it
 *   writes;
 *   weight      mean of what the live slots say, each by its confidence;
 *   confidence  1 - product of (1 - confidence): every store that agrees adds;
 *   a slot of weight 0 says nothing (any more); a link is there while a slot
 *   says something.
 *
 * "Later" goes by (stamp, series, seq, header_check, index).  So whatever a
 * forget killed can be dropped for good: all that it could have killed itself,
 * by a ref or in its slot, is older, hence dead of the same forget. */
#ifndef ENG_MERGE_EDGE_H
#define ENG_MERGE_EDGE_H

#include "base/arena.h"
#include "frame/payload.h"

enum eng_edge_class {
	ENG_EDGE_LINK = 1,     /* element of an edge frame */
	ENG_EDGE_TOGETHER = 2, /* use frame of two subjects; from < to, no relation */
};

struct eng_edge_key {
	struct engram_id from, to;
	uint8_t class; /* enum eng_edge_class */
	uint8_t n;     /* of relation */
	char relation[ENGRAM_RELATION_MAX];
};

struct eng_edge_dot {
	struct eng_dot dot;
	uint32_t header_check;
	uint32_t index; /* of the element, from 1; 0 = the frame */
	eng_stamp stamp;
	uint16_t weight, confidence; /* 1/10,000; of a link */
	struct eng_place place;      /* local: where this store keeps the frame */
	const struct eng_ref *refs;  /* of the frame */
	uint8_t nrefs;
};

struct eng_edge {
	struct eng_edge_key key;
	struct eng_edge_dot *dots; /* ascending; no duplicates */
	size_t ndots, cap;
	struct eng_arena *arena;   /* owns all of it */
};

/* By from, to, class, relation. */
int eng_edge_key_cmp(const struct eng_edge_key *a, const struct eng_edge_key *b);
/* Whether a link may have this relation: 0 to ENGRAM_RELATION_MAX of [a-z0-9._-]. */
bool eng_relation_ok(const char *p, size_t n);

/* -- frames ---------------------------------------------------------------- */

/* The edges that a frame speaks of, one after the other.  Elements that no
 * writer would have written are passed over. */
struct eng_edge_frame {
	const struct eng_frame *frame;
	struct eng_prelude prelude;
	struct eng_elements elements;
	const struct eng_ref *refs;
	bool pair; /* still to be given */
};
/* Whether it speaks of any: a full frame of kind edge or a use of two
 * subjects, of no run (a run counts with its cut frame, which this version
 * does not know). */
bool eng_is_edge_frame(const struct eng_frame *f);
/* 0 or ENGRAM_ENOMEM (refs lie in the arena); of another frame: no edges. */
int eng_edge_frame_begin(struct eng_edge_frame *out, const struct eng_frame *f, struct eng_arena *arena,
                         struct engram_error *err);
bool eng_edge_frame_next(struct eng_edge_frame *e, struct eng_edge_key *key, struct eng_edge_dot *dot);
/* The element that says so; the key is a link's. */
void eng_edge_element(struct eng_payload_out *o, const struct eng_edge_key *key, uint32_t weight,
                      uint32_t confidence);

/* -- the set --------------------------------------------------------------- */

/* The order of dots: (stamp, series, seq, header_check, index). */
int eng_edge_dot_order(const struct eng_edge_dot *a, const struct eng_edge_dot *b);
void eng_edge_init(struct eng_edge *e, const struct eng_edge_key *key, struct eng_arena *arena);
/* Twice is once.  Refs are not copied.  0 or ENGRAM_ENOMEM. */
int eng_edge_add(struct eng_edge *e, bool *changed, const struct eng_edge_dot *d, struct engram_error *err);
/* Dots that a forget at this stamp killed: the first of the array. */
size_t eng_edge_dead(const struct eng_edge *e, eng_stamp forgotten);
/* Drops them. */
void eng_edge_purge(struct eng_edge *e, eng_stamp forgotten);

struct eng_edge_reading {
	bool live;
	uint32_t weight, confidence;        /* of a link */
	const struct eng_edge_dot **dots;   /* the live ones, oldest first; of a link one a series */
	size_t ndots;
};
/* Allocates in the edge's arena.  0 or ENGRAM_ENOMEM. */
int eng_edge_read(const struct eng_edge *e, struct eng_edge_reading *out, eng_stamp forgotten,
                  struct engram_error *err);
/* Whether the series said anything of it in the hour of that stamp. */
bool eng_edge_heard(const struct eng_edge *e, eng_stamp forgotten, const struct eng_series *series, eng_stamp at);
/* Its share of the state digest, in the bucket of `from`. */
int eng_edge_digest(const struct eng_edge *e, eng_u128 *out, eng_stamp forgotten, struct engram_error *err);

/* As bytes for the state, and back; equal sets, equal bytes but for places.
 * Decode copies, checks every length and the order (ENGRAM_EDAMAGED). */
int eng_edge_encode(const struct eng_edge *e, struct eng_buf *out, struct engram_error *err);
int eng_edge_decode(struct eng_edge *e, const struct eng_edge_key *key, const uint8_t *p, size_t n,
                    struct eng_arena *arena, struct engram_error *err);

#endif
