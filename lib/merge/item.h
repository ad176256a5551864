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
 *   other     = newest live revision that states it, else newest live memory
 *               frame that states it; a CLEAR element states absence;
 *   vectors   = of each embedder the newest that was made of the text that is
 *               shown: its frame states this text, or its hash (MADE_OF), or
 *               neither and is newer than it;
 *   tags      unite; a tag goes when refs name all its live adds;
 *   stored    = the imported time if one is live, else the smallest stamp of
 *               any memory dot, dead or live, later than the last forget;
 *   conflicts = what live frames say of a field beside the value that counts:
 *               nobody who wrote since has seen it, or its refs would cover it;
 *   the item is live while a memory dot is;
 *   uses and feedback are sets; in reading them, those of one series and hour
 *   (of feedback: with the same features) are one.
 * "Newest" = greatest (stamp, series, seq, element index).
 *
 * A ref whose target is a frame of the same id is resolved inside the item.
 * What is said of two memories at once is an edge: edge.h. */
#ifndef ENG_MERGE_ITEM_H
#define ENG_MERGE_ITEM_H

#include "base/arena.h"
#include "frame/payload.h"

/* One frame of the item, decoded.  Small values are kept here, the text and
 * the vector stay in the log: a dot knows their place, length and check. */
struct eng_dot_record {
	struct eng_dot dot;
	uint32_t header_check;
	uint8_t kind;             /* ENG_MEMORY, ENG_REVISION, ENG_FORGET, ENG_USE, ENG_FEEDBACK */
	bool stub;                /* body gone */
	bool in_run;              /* has a run id: counts only with its cut frame */
	eng_stamp stamp;
	uint64_t payload_check;
	uint32_t payload_len;
	struct eng_place place;   /* local: where this store keeps the frame */
	const struct eng_ref *refs;
	uint8_t nrefs;
	uint16_t nelements;
	/* In the arena, all of them, from eng_item_add; after eng_item_decode the
	 * values of TEXT, VECTOR and unknown types have p NULL (n stays). */
	const struct eng_element *elements;
	const uint64_t *hashes;   /* XXH3-64 of each value; 0 where a decoded value is at hand */
	/* Of a VECTOR its first bytes, u16 length and identity, for each element;
	 * NULL where no element is one. */
	const uint8_t *const *embedders;
};

struct eng_item {
	struct engram_id id;
	struct eng_dot_record *dots; /* ascending (stamp, series, seq); no duplicates */
	size_t ndots, cap;
	struct eng_arena *arena;     /* owns all of it */
};

void eng_item_init(struct eng_item *item, const struct engram_id *id, struct eng_arena *arena);

/* Whether this program understands what a frame of this kind and version says.
 * Others are kept and passed on; the state records that it skipped them, and a
 * program of another state version reads the log anew. */
bool eng_known_kind(const struct eng_header *h);

/* Whether the frame is a dot of the items of its subjects. */
bool eng_is_item_frame(const struct eng_frame *f);
/* Whether every part of a frame of a kind and version that this program knows can
 * be read, so that eng_item_add will not refuse it: 0 or ENGRAM_EINPUT. */
int eng_frame_sensible(const struct eng_frame *f, struct engram_error *err);

/* Adds a frame that has item->id among its subjects; twice is once; a full
 * frame replaces a stub and a stub never replaces a full frame unless
 * `take_stub`.  Kinds and versions that an item does not understand change
 * nothing.  The payload is copied.  *changed tells whether anything did.
 * ENGRAM_EINPUT: payload malformed; ENGRAM_ENOMEM; the item is then as before. */
int eng_item_add(struct eng_item *item, bool *changed, const struct eng_frame *frame, bool take_stub,
                 struct engram_error *err);
/* The same without a copy, for whoever keeps the payload as long as the item. */
int eng_item_add_kept(struct eng_item *item, bool *changed, const struct eng_frame *frame, struct engram_error *err);

/* What is added of an item frame, made before there is an item, in an arena that lives as
 * long as that.  All is copied but the values of vectors: they are the frame's until
 * eng_dot_leave_vectors, as if decoded then. */
int eng_dot_of(struct eng_dot_record *out, const struct eng_frame *frame, struct eng_arena *arena,
               struct engram_error *err);
void eng_dot_leave_vectors(struct eng_dot_record *d);
/* Of a frame that has item->id among its subjects. */
int eng_item_add_dot(struct eng_item *item, bool *changed, const struct eng_dot_record *d, struct engram_error *err);

/* A dot's winning element of one field. */
struct eng_winner {
	const struct eng_dot_record *dot;     /* NULL = the field is absent */
	const struct eng_element *element;
};

/* What one live frame says of a field.  The element may be a CLEAR: it took the
 * field away. */
struct eng_claim {
	uint16_t field; /* enum eng_element_type */
	struct eng_winner by; /* dot NULL: nobody's; of the vector, where none fits the text */
};

/* What the item reads as.  Pointers go into the item. */
struct eng_reading {
	bool live;
	eng_stamp forgotten;           /* greatest forget stamp, 0 = never */
	enum engram_kind kind;
	int64_t stored_us;
	struct eng_winner text, key, confidence, occurred, valid_until, source, actor, meta;
	struct eng_winner vector;      /* the newest of: */
	struct eng_winner *vectors;    /* that fit the text, newest first; one an embedder */
	size_t nvectors;
	struct eng_winner *tags;       /* sorted bytewise by value, one per tag (its newest add) */
	size_t ntags;
	/* Of each field of which live frames say different things: first what counts,
	 * then the others, newest first, each value once (its newest frame). */
	const struct eng_claim *claims;
	size_t nclaims;
	const struct eng_dot_record **conflicts; /* the frames of those others, newest first, each once */
	size_t nconflicts;
	const struct eng_dot_record **live_dots; /* memory frames, newest first: what an upsert refs */
	size_t nlive_dots;
	const struct eng_dot_record **live_revisions; /* newest first: an upsert refs these too, or they
	                                               * would go on overriding what it states */
	size_t nlive_revisions;
};

/* Computes the reading; allocates in the item's arena.  Of an item that is not
 * live only `forgotten` and live_revisions are set.  ENGRAM_ENOMEM. */
int eng_item_read(const struct eng_item *item, struct eng_reading *out, struct engram_error *err);

/* The field that an element of a memory or revision frame states or takes away,
 * 0 = none: of a tag (tags go by refs alone), or unknown. */
uint16_t eng_element_field(const struct eng_element *e);
/* Every live element of live memory and revision frames, newest frame first, in
 * the order of each frame: what a writer has seen, and covers by refs. */
int eng_item_stated(const struct eng_item *item, struct eng_winner **out, size_t *n, struct engram_error *err);

/* Whether it is a vector of the memory itself, not made of a text. */
bool eng_own_vector(const struct eng_winner *w);

/* The item as of a moment: without the dots that came later, forgets excepted;
 * and whether there are such dots. */
void eng_item_as_of(struct eng_item *item, int64_t us);
bool eng_item_later(const struct eng_item *item, int64_t us);
/* Whose vector it is, and of how many numbers; dim 0 and no name where it is
 * malformed.  w: a winner that is a VECTOR. */
struct eng_embedder {
	struct engram_str name;
	uint32_t dim;
};
struct eng_embedder eng_vector_embedder(const struct eng_winner *w);
/* Bytes before the numbers of a VECTOR of n bytes, and its name; 0 = malformed.
 * Looks at the first 2 + length of name only. */
size_t eng_vector_head(struct engram_str *name, const uint8_t *p, size_t n);

/* The greatest stamp of a forget, 0 = never forgotten. */
eng_stamp eng_item_forgotten(const struct eng_item *item);

/* The stamps at which it was stored or used since it was last forgotten, of
 * one series and hour the first only: ascending, in the item's arena. */
int eng_item_rehearsals(const struct eng_item *item, const eng_stamp **out, size_t *n, struct engram_error *err);
/* Whether the series stored or used it in the hour of that stamp. */
bool eng_item_rehearsed(const struct eng_item *item, const struct eng_series *series, eng_stamp at);

/* How often it was judged to be what was asked for, and not to be: its live
 * feedback. */
struct eng_verdicts {
	uint32_t useful, useless;
};
int eng_item_verdicts(const struct eng_item *item, struct eng_verdicts *out, struct engram_error *err);
/* What the series last said in the slot of these features (as in the element
 * ENG_EL_FEATURES; n 0 = none were given) in the hour of that stamp: 1, 0; -1 nothing. */
int eng_item_verdict(const struct eng_item *item, const struct eng_series *series, eng_stamp at, const void *features,
                     size_t n);

/* The item as bytes for the state, and back: read(encode(x)) = x, and equal
 * sets of dots encode to equal bytes but for places.  Decode checks every length
 * (ENGRAM_EDAMAGED). */
int eng_item_encode(const struct eng_item *item, struct eng_buf *out, struct engram_error *err);
int eng_item_decode(struct eng_item *item, const struct engram_id *id, const uint8_t *p, size_t n,
                    struct eng_arena *arena, struct engram_error *err);

/* The dots that a forget of this item killed (by stamp, or by a ref) and that
 * are not stubs yet: what compaction purges.  killers[i] is the earliest
 * forget that kills dots[i]. */
int eng_item_purgeable(const struct eng_item *item, struct eng_dot_record ***dots, struct eng_dot **killers,
                       size_t *n, struct engram_error *err);
/* Whatever a frame with the item among its subjects is: *first becomes the earliest
 * forget that kills it, where that is earlier than *first (NULL = none yet). */
void eng_item_killer(const struct eng_dot_record **first, const struct eng_item *item, const struct eng_header *h);

#endif
