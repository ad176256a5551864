/* writer_int.h - what writer.c, forget.c and revise.c share. */
#ifndef ENG_SPACE_WRITER_INT_H
#define ENG_SPACE_WRITER_INT_H

#include "space/space_int.h"

/* Drafts go to the log once there are so many. */
#define DRAFT_FRAMES 1024u
/* Slots for edges said since the view was brought up to date. */
#define UNSEEN_EDGES 4096u
#define DRAFT_BYTES (256u << 10)

struct engram_writer {
	uint32_t magic;
	struct engram_space *space;
	unsigned flags; /* enum engram_write_flags */
	uint64_t session;
	bool holds_identity;
	/* drafts: put, but not yet written to the log */
	struct eng_buf payloads;
	struct eng_draft *drafts;
	size_t *offsets; /* of their payloads in `payloads` */
	size_t ndrafts, drafts_cap;
	eng_stamp floor; /* the greatest stamp seen: new frames exceed it */
	struct engram_error lost; /* drafts were lost by this; said by the next commit */
	/* what is looked things up in; closed at commit, or by apply in bulk */
	struct eng_view view;
	bool viewing;
	uint64_t seen;   /* value of `appended` that the view includes */
	struct engram_id *unseen; /* of memories put since, each once */
	size_t unseen_cap;
	struct eng_idmap unseen_at;
	uint64_t edges[UNSEEN_EDGES]; /* of edges likewise: hashes of their keys, 0 = free */
	size_t nedges;
	bool strange;    /* other frames came since */
	struct eng_series series; /* where the own frames last went, and the number behind them */
	uint64_t next_seq;
	bool rested;     /* an answer rested on frames that may not be durable */
	struct eng_written written; /* by a bulk writer, and not applied */
	uint64_t appended, appended_bytes; /* frames written to the log, their payloads */
	uint64_t asked;  /* value of `appended` when apply was last considered */
	uint64_t asked_durable; /* durable frames of the space then */
	uint64_t asked_bytes;   /* value of `appended_bytes` then */
	uint64_t applied_bytes; /* the same when it last applied */
	struct eng_arena arena; /* of one look-up */
	struct eng_buf frame, scratch;
};

int eng_writer_check(const struct engram_writer *w, struct engram_error *err);
/* Drafts into the log. */
int eng_writer_append(struct engram_writer *w, struct engram_error *err);
/* Appends the drafts and makes w->view show everything up to now. */
int eng_writer_look(struct engram_writer *w, struct engram_error *err);
void eng_writer_unlook(struct engram_writer *w);
/* A stamp that the next frame's will exceed, whoever writes between. */
eng_stamp eng_writer_exceeds(const struct engram_writer *w);
/* One draft: begin, elements, end. */
int eng_writer_begin(struct eng_payload_out *o, struct engram_writer *w, const struct engram_id *subjects,
                     size_t nsubjects, const struct eng_ref *refs, size_t nrefs, struct engram_error *err);
int eng_writer_end(struct eng_payload_out *o, struct engram_writer *w, uint8_t kind, struct engram_error *err);
/* Drafts for all refs but the last ENG_REFS_MAX. */
int eng_writer_spill(struct engram_writer *w, const struct engram_id *id, const struct eng_ref **refs, size_t *nrefs,
                     struct engram_error *err);
/* Appends the drafts once there are many. */
int eng_writer_room(struct engram_writer *w, struct engram_error *err);
/* The own series that is appended to; NULL: none was minted yet. */
const struct eng_series *eng_writer_series(struct engram_writer *w, struct engram_error *err);

/* An edge as this writer sees it, its drafts included, and when an end of it was
 * last forgotten (0 where it has no dot). */
int eng_writer_see_edge(struct engram_writer *w, struct eng_edge *e, eng_stamp *forgotten,
                        const struct eng_edge_key *key, struct eng_arena *arena, struct engram_error *err);

/* Links of one memory: checked and compared with what is there, then queued. */
struct eng_link_draft {
	struct eng_edge_key key;
	uint32_t weight, confidence;
	bool repeated; /* by a later one of the same call */
	bool known; /* nothing need be written */
	const struct eng_ref *refs;
	size_t nrefs;
};
struct eng_links {
	struct eng_link_draft *at;
	size_t n;
	bool any; /* one is not known */
	struct eng_arena arena;
};
/* ENGRAM_EINPUT names the link; nothing is to be freed then. */
int eng_links_prepare(struct eng_links *set, struct engram_writer *w, const struct engram_id *from,
                      const struct engram_link *links, size_t n, struct engram_error *err);
int eng_links_queue(struct eng_links *set, struct engram_writer *w, struct engram_error *err);
void eng_links_free(struct eng_links *set);
/* Applies what waits if it is time to; never fails. */
void eng_writer_apply(struct engram_writer *w, bool closing);

#endif
