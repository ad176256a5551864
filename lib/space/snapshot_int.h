/* snapshot_int.h - what snapshot.c, overlay.c and unindexed.c share. */
#ifndef ENG_SPACE_SNAPSHOT_INT_H
#define ENG_SPACE_SNAPSHOT_INT_H

#include "space/space_int.h"

/* A live memory that raw frames are about, or that was different as of the moment. */
struct eng_overlay_doc {
	struct eng_item item;
	struct eng_reading reading;
	struct eng_doc doc;
	struct eng_terms terms;
};

/* Beside the flags of eng_snapshot_open: a view file that is missing is left aside. */
#define ENG_SNAP_LAST (1u << 31)
/* Of eng_graphs_look: take the snapshot again. */
enum { ENG_GRAPHS_GONE = 1 };

struct eng_snapshot {
	struct engram_space *space;
	struct eng_view view;
	unsigned flags;
	int64_t as_of_us;   /* INT64_MAX = the present */
	struct eng_arena arena; /* items, codes, sets: lives as long as the snapshot */
	/* overlay */
	struct eng_overlay_doc *raw; /* by stored descending, id ascending */
	size_t nraw;
	int32_t *raw_of;    /* of view.raw.ids[i]: place in raw, -1 = not live */
	struct eng_rows rows; /* of the overlay; n 0 without ENG_SNAP_ROWS */
	uint32_t *masked;   /* documents of the state that the overlay replaces, ascending */
	size_t nmasked;
	uint64_t masked_tokens;
	struct eng_dfmap df; /* sorted: what overlay and mask change */
	uint64_t raw_tokens;
	/* state, looked up once */
	const uint8_t **briefs; /* chunks */
	uint32_t nbriefs;
	/* graphs */
	struct eng_folded *folded; /* NULL: none, or it cannot be read: */
	struct engram_error unfolded; /* why */
	/* text view */
	bool has_text;       /* the generation's text view, at this moment of it; */
	uint64_t moment;     /* another snapshot of the handle, or an apply, ends it */
	struct eng_text_mark mark;
	uint32_t *changed;  /* documents below mark.docs whose text changed since, ascending */
	size_t nchanged;
	struct eng_unindexed *unindexed;
	struct eng_terms *lacking; /* terms of state documents among them */
	size_t nunindexed, nlacking;
	bool unindexed_done;
};

/* Has the overlay read what was different as of as_of_us too (as_of.c). */
int eng_as_of_look(struct eng_snapshot *s, struct engram_error *err);
/* The view file that the state names; ENG_GRAPHS_GONE where it is missing, which a fold
 * that has replaced it since may be the reason of (snapshot_graph.c). */
int eng_graphs_look(struct eng_snapshot *s, struct engram_error *err);
/* Codes of a document of the state, from its row or its node; false: it has none. */
bool eng_snapshot_state_codes(struct eng_snapshot *s, const struct eng_row_table *rt, uint32_t place,
                              const struct eng_embedder *who, uint32_t number, uint32_t doc, int8_t *codes);
int eng_overlay_build(struct eng_snapshot *s, struct engram_error *err);
void eng_overlay_free(struct eng_snapshot *s);
int eng_text_look(struct eng_snapshot *s, struct engram_error *err);
void eng_text_leave(struct eng_snapshot *s);
bool eng_doc_in(const uint32_t *docs, size_t n, uint32_t doc); /* ascending */

#endif
