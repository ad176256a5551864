/* merge_int.h - liveness, shared by reading, digest and purge. */
#ifndef ENG_MERGE_MERGE_INT_H
#define ENG_MERGE_MERGE_INT_H

#include "base/err.h"
#include "base/plant.h"
#include "merge/edge.h"
#include "merge/item.h"

/* What contributes to the state digest: README.md. */
enum eng_digest_class {
	ENG_CLASS_MEMORY = 1,
	ENG_CLASS_REVISION = 2,
	ENG_CLASS_FORGET = 3,
	ENG_CLASS_STORED = 4,
	ENG_CLASS_USE = 5,
	ENG_CLASS_FEEDBACK = 6,
	ENG_CLASS_LINK = 7,
	ENG_CLASS_TOGETHER = 8,
};

/* One element that a ref names: element `index` of dots[dot]. */
struct eng_element_kill {
	uint32_t dot;
	uint32_t index;
};

/* What of an item is dead. */
struct eng_liveness {
	eng_stamp forgotten;            /* greatest forget stamp, 0 = never */
	bool *dead;                     /* one a dot; a forget is never dead */
	struct eng_element_kill *kills; /* elements; ascending, no duplicates */
	size_t nkills;
};

/* Allocates in the item's arena.  ENGRAM_ENOMEM. */
int eng_liveness(const struct eng_item *item, struct eng_liveness *out, struct engram_error *err);

/* The kills of one dot: the first and behind the last. */
void eng_liveness_kills(const struct eng_liveness *l, size_t dot, const struct eng_element_kill **first,
                        const struct eng_element_kill **end);
bool eng_element_dead(const struct eng_element_kill *first, const struct eng_element_kill *end, uint32_t index);

/* The smallest stamp of any memory dot, dead or alive, later than the last
 * forget; 0 = none. */
eng_stamp eng_item_first_stored(const struct eng_item *item, eng_stamp forgotten);

/* (stamp, series, seq), what the orders of dots begin with. */
int eng_frame_order(eng_stamp a_stamp, const struct eng_dot *a, eng_stamp b_stamp, const struct eng_dot *b);
/* The total order of dots: (stamp, series, seq, header_check). */
int eng_dot_order(const struct eng_dot_record *a, const struct eng_dot_record *b);

/* Single-valued fields are ENG_EL_TEXT .. below ENG_FIELDS, but for TAG. */
enum { ENG_FIELDS = ENG_EL_CLEAR };

/* Whether the fields of a memory follow from it; uses and feedback say nothing. */
static inline bool eng_dot_states(const struct eng_dot_record *d)
{
	return d->kind == ENG_MEMORY || d->kind == ENG_REVISION;
}

bool eng_same_embedder(const struct eng_winner *a, const struct eng_winner *b);

/* Claims and conflicts of a reading, the rest of which is done.  won: of each
 * field the statement that counts, element NULL where there is none. */
int eng_conflicts(struct eng_reading *r, const struct eng_item *item, const struct eng_liveness *live,
                  const struct eng_winner won[ENG_FIELDS], struct engram_error *err);

/* Whether the state keeps the value itself, and not just length and hash. */
bool eng_element_inline(uint16_t type);
/* Bytes that a value of this type must have; 0 = any. */
uint32_t eng_element_size(uint16_t type);

#endif
