/* check_int.h - what the passes of the check share; check.c says what they are. */
#ifndef ENG_SPACE_CHECK_INT_H
#define ENG_SPACE_CHECK_INT_H

#include "space/space_int.h"

struct eng_check {
	struct engram_space *s;
	const struct eng_job *job;
	struct eng_view view;
	struct eng_arena arena, kept;
	struct eng_item last; /* that A compared with, in kept: a text stored again and again is one item */
	bool has_last;
	struct eng_buf a, b, text;
	struct eng_terms terms;
	struct eng_dfmap df;
	eng_u128 *buckets;
	uint8_t *has_text; /* a bit a document */
	uint64_t log_dots, item_dots, skips, facts; /* counted in pass A, B; A, A */
	uint64_t log_edges, edge_dots, edges; /* not killed by a forget: in A, B; records in B */
	uint64_t live, tokens, tags, rows;   /* counted in pass B */
	struct eng_vector_check vectors;
	struct eng_folded *folded; /* NULL: none, or it cannot be read */
	uint64_t differences;
	char first[160];
	char id[ENGRAM_ID_TEXT + 1]; /* the one being written about */
};

/* Counts a difference; the first is kept in words. */
ENG_PRINTF(2, 3) void eng_differ(struct eng_check *c, const char *format, ...);
const char *eng_check_id(struct eng_check *c, const struct engram_id *id); /* until the next call */
/* 1, 0 where there is none; a value that cannot be decoded is a difference, and 0. */
int eng_check_item(struct eng_check *c, struct eng_arena *arena, struct eng_item *item, uint32_t *doc,
                   const struct engram_id *id, struct engram_error *err);

/* A: the edges that a frame of the log speaks of. */
int eng_check_edge_frame(struct eng_check *c, const struct eng_frame *f, struct engram_error *err);
/* B: the edge records, then the tables that are sums of what all of B has read. */
int eng_check_edges(struct eng_check *c, struct engram_error *err);
int eng_check_tables(struct eng_check *c, struct engram_error *err);
/* The view file, before B (check_graphs.c): a difference where it cannot be read or is
 * not what a fold writes. */
int eng_check_view(struct eng_check *c, struct engram_error *err);
/* The tables that lead from its nodes to documents and back. */
int eng_check_graphs(struct eng_check *c, struct engram_error *err);
/* Nodes that stand for documents, of the graph of hash/1. */
uint64_t eng_check_hash1_nodes(struct eng_check *c);
/* C */
int eng_check_text(struct eng_check *c, struct engram_error *err);

#endif
