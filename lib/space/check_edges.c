/* check_edges.c - the edges' part of the check.
 *
 * Every edge a frame speaks of has that frame as a dot, byte for byte; every
 * record is listed at its other end.  What a forget killed may be there or be
 * purged, so dots are counted, on both sides, only behind the last forget of
 * either end. */
#include "space/check_int.h"

#include <inttypes.h>

/* When an end of the edge was last forgotten. */
static int forgotten_of(struct eng_check *c, eng_stamp *out, const struct eng_edge_key *key,
                        struct engram_error *err)
{
	const struct engram_id *ends[2] = {&key->from, &key->to};
	struct eng_item item;
	uint32_t doc;
	int r = 0;

	*out = 0;
	for (unsigned i = 0; r >= 0 && i < 2; i++) {
		r = eng_check_item(c, &c->arena, &item, &doc, ends[i], err);
		if (r == 1 && eng_item_forgotten(&item) > *out)
			*out = eng_item_forgotten(&item);
	}
	return r < 0 ? r : 0;
}

/* One dot of an edge, as the state would hold it. */
static int encode_edge_dot(struct eng_buf *b, const struct eng_edge *e, struct eng_edge_dot *dot,
                           struct engram_error *err)
{
	struct eng_edge one = {.key = e->key, .dots = dot, .ndots = 1, .cap = 1, .arena = e->arena};

	eng_buf_reset(b);
	return eng_edge_encode(&one, b, err);
}

static int compare_edge_dot(struct eng_check *c, const struct eng_edge_key *key, struct eng_edge_dot *wanted,
                            struct engram_error *err)
{
	struct eng_edge_dot *found = NULL;
	struct eng_edge e;
	int r = eng_edge_load(&e, c->view.txn, key, &c->arena, err);

	for (size_t i = 0; r == 1 && i < e.ndots; i++)
		if (eng_edge_dot_order(&e.dots[i], wanted) == 0)
			found = &e.dots[i];
	if (r >= 0 && !found)
		eng_differ(c, "edge from %s: frame %" PRIu64 " is missing", eng_check_id(c, &key->from), wanted->dot.seq);
	if (r < 0 || !found)
		return r < 0 ? r : 0;
	r = encode_edge_dot(&c->a, &e, found, err);
	if (r == 0)
		r = encode_edge_dot(&c->b, &e, wanted, err);
	if (r == 0 && (c->a.n != c->b.n || memcmp(c->a.p, c->b.p, c->a.n) != 0))
		eng_differ(c, "edge from %s: frame %" PRIu64 " is kept as something else", eng_check_id(c, &key->from),
		       wanted->dot.seq);
	return r;
}

int eng_check_edge_frame(struct eng_check *c, const struct eng_frame *f, struct engram_error *err)
{
	struct eng_edge_frame frame;
	struct eng_edge_key key;
	struct eng_edge_dot dot;
	eng_stamp forgotten;
	int r;

	eng_arena_reset(&c->arena);
	r = eng_edge_frame_begin(&frame, f, &c->arena, err);
	while (r == 0 && eng_edge_frame_next(&frame, &key, &dot)) {
		r = forgotten_of(c, &forgotten, &key, err);
		if (r < 0 || dot.stamp <= forgotten)
			continue;
		c->log_edges++;
		r = compare_edge_dot(c, &key, &dot, err);
	}
	return r;
}

/* -- the records ------------------------------------------------------------------------- */

static int check_edge(void *data, struct eng_edge *e, struct engram_error *err)
{
	struct eng_check *c = data;
	uint8_t key[ENG_EDGE_KEY_MAX];
	struct eng_bytes value;
	eng_stamp forgotten;
	eng_u128 sum;
	int r = forgotten_of(c, &forgotten, &e->key, err);

	c->edges++;
	c->edge_dots += e->ndots - eng_edge_dead(e, forgotten);
	if (r == 0)
		r = eng_edge_digest(e, &sum, forgotten, err);
	if (r == 0)
		c->buckets[eng_digest_bucket(&e->key.from)] += sum;
	if (eng_txn_get(c->view.txn, ENG_T_EDGES_TO, eng_bytes(key, eng_edge_key_encode(key, &e->key, true)), &value) != 1)
		eng_differ(c, "edge from %s: it is not listed at its other end", eng_check_id(c, &e->key.from));
	eng_arena_reset(&c->arena);
	return r;
}

int eng_check_edges(struct eng_check *c, struct engram_error *err)
{
	struct eng_view state = {.space = c->s, .txn = c->view.txn};

	eng_arena_reset(&c->arena);
	return eng_view_edges(&state, NULL, check_edge, c, &c->arena, err);
}
