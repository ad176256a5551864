/* item.h - what frames mean: liveness, registers, conflicts, forget.
 *
 * Pure: no I/O, no clock, no global.  An *item* is everything the store has
 * heard about one memory id: one dot per frame that has the id among its
 * subjects, dead or alive.  What the memory *is* follows from the set of its
 * dots, in whatever order they came:
 *
 *   a forget is always live; any other frame or element is live unless
 *   (1) a ref names it, or (2) a forget of the id has a stamp at or above its
 *   own, or (3) its run is not committed.
 *   text      = newest live memory or revision frame that states it;
 *   other     = newest live revision that states it, else newest live memory frame;
 *   tags      unite;
 *   stored    = the imported time if one is live, else the smallest stamp of
 *               any memory dot, dead or live, later than the last forget;
 *   the item is live while a memory dot is.
 * "Newest" = greatest (stamp, series, seq, element index).
 *
 * A ref whose target is a frame of the same id is resolved inside the item.
 * (Refs across ids arrive with edges and runs; the encoding leaves room.) */
#ifndef ENG_MERGE_ITEM_H
#define ENG_MERGE_ITEM_H

#include "base/arena.h"
#include "frame/payload.h"

/* One frame of the item, decoded.  Small values are kept here, the text and
 * the vector stay in the log: a dot knows their place, length and check. */
struct eng_dot_record {
	struct eng_dot dot;
	uint32_t header_check;
	uint8_t kind;             /* ENG_MEMORY, ENG_REVISION, ENG_FORGET */
	bool stub;                /* body gone */
	eng_stamp stamp;
	uint64_t payload_check;
	uint32_t payload_len;
	struct eng_place place;   /* local: where this store keeps the frame */
	const struct eng_ref *refs;
	uint8_t nrefs;
	const struct eng_element *elements; /* TEXT and VECTOR have p NULL unless the payload is at hand */
	uint16_t nelements;
};

struct eng_item {
	struct engram_id id;
	struct eng_dot_record *dots; /* ascending (stamp, series, seq); no duplicates */
	size_t ndots, cap;
	struct eng_arena *arena;     /* owns all of it */
};

void eng_item_init(struct eng_item *item, const struct engram_id *id, struct eng_arena *arena);

/* Adds a frame that has item->id among its subjects; twice is once; a full
 * frame replaces a stub and a stub never replaces a full frame unless
 * `take_stub`.  *changed tells whether anything did.  ENGRAM_EINPUT: payload
 * malformed; ENGRAM_ENOMEM. */
int eng_item_add(struct eng_item *item, bool *changed, const struct eng_frame *frame, bool take_stub,
                 struct engram_error *err);

/* A dot's winning element of one field. */
struct eng_winner {
	const struct eng_dot_record *dot;     /* NULL = the field is absent */
	const struct eng_element *element;
};

enum { ENG_BODIES_MAX = 16 };

/* What the item reads as.  Pointers go into the item. */
struct eng_reading {
	bool live;
	eng_stamp forgotten;           /* greatest forget stamp, 0 = never */
	enum engram_kind kind;
	int64_t stored_us;
	struct eng_winner text, vector, key, confidence, occurred, valid_until, source, actor, meta;
	struct eng_winner *tags;       /* sorted bytewise by value, one per tag (its newest add) */
	size_t ntags;
	const struct eng_dot_record **conflicts; /* other live memory frames with a different body, newest first */
	size_t nconflicts;
	const struct eng_dot_record **live_dots; /* memory frames, newest first: what an upsert refs */
	size_t nlive_dots;
};

/* Computes the reading; allocates in the item's arena.  ENGRAM_ENOMEM. */
int eng_item_read(const struct eng_item *item, struct eng_reading *out, struct engram_error *err);

/* The item as bytes for the state, and back: read(encode(x)) = x, and equal
 * sets of dots encode to equal bytes but for places.  Decode checks every length
 * (ENGRAM_EDAMAGED). */
int eng_item_encode(const struct eng_item *item, struct eng_buf *out, struct engram_error *err);
int eng_item_decode(struct eng_item *item, const struct engram_id *id, const uint8_t *p, size_t n,
                    struct eng_arena *arena, struct engram_error *err);

/* The dots that a forget of this item killed and that are not stubs yet: what
 * compaction purges. */
int eng_item_purgeable(const struct eng_item *item, struct eng_dot_record ***dots, struct eng_dot **killers, size_t *n,
                       struct engram_error *err);

#endif
