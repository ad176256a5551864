/* bucket.c - one bucket of the state digest, item by item.
 *
 * Asked for only when two stores that hold the same frames have different digests:
 * to name the first item that differs.  So nothing is incremental here: each id of
 * the bucket is read and summed anew, the edges that begin at it included. */
#include "space/space_int.h"

#include <stdlib.h>

#include "base/alloc.h"

struct ids {
	struct engram_id *at;
	size_t n, cap;
};

static int add(struct ids *ids, const uint8_t *id, unsigned bucket, struct engram_error *err)
{
	struct engram_id copy;

	memcpy(copy.b, id, sizeof copy.b);
	if (eng_digest_bucket(&copy) != bucket)
		return 0;
	if (ids->n && eng_id_cmp(&ids->at[ids->n - 1], &copy) == 0)
		return 0;
	if (!eng_grow(&ids->at, &ids->cap, ids->n, sizeof *ids->at))
		return eng_err_nomem(err);
	ids->at[ids->n++] = copy;
	return 0;
}

/* Keys of a table that begin with an id of the bucket. */
static int add_table(struct ids *ids, struct eng_txn *t, size_t table, unsigned bucket, struct engram_error *err)
{
	uint8_t first[2] = {(uint8_t)(bucket >> 4), (uint8_t)(bucket << 4)};
	struct eng_bytes key, value;
	struct eng_walk *w = NULL;
	int r = eng_walk_begin(&w, t, table, err);

	if (r < 0)
		return r;
	r = eng_walk_seek(w, eng_bytes(first, sizeof first), &key, &value);
	while (r == 1 && key.n >= sizeof(struct engram_id) && memcmp(key.p, first, 1) == 0 &&
	       ((const uint8_t *)key.p)[1] >> 4 == (bucket & 15)) {
		r = add(ids, key.p, bucket, err);
		if (r == 0)
			r = eng_walk_next(w, &key, &value);
	}
	eng_walk_end(w);
	if (r < 0 && r != ENGRAM_ENOMEM)
		return eng_txn_status(t, err);
	return r < 0 ? r : 0;
}

static int by_id(const void *a, const void *b)
{
	return eng_id_cmp(a, b);
}

static int gather(struct ids *ids, struct eng_view *v, unsigned bucket, struct engram_error *err)
{
	size_t kept = 0;
	int r = v->txn ? add_table(ids, v->txn, ENG_T_ITEMS, bucket, err) : 0;

	if (r == 0 && v->txn)
		r = add_table(ids, v->txn, ENG_T_EDGES, bucket, err);
	for (size_t i = 0; r == 0 && i < v->raw.nids; i++)
		r = add(ids, v->raw.ids[i].id.b, bucket, err);
	for (size_t i = 0; r == 0 && i < v->raw.nedges; i++)
		r = add(ids, v->raw.edges[i].key.from.b, bucket, err);
	if (ids->n)
		qsort(ids->at, ids->n, sizeof *ids->at, by_id);
	for (size_t i = 0; i < ids->n; i++)
		if (kept == 0 || eng_id_cmp(&ids->at[kept - 1], &ids->at[i]) != 0)
			ids->at[kept++] = ids->at[i];
	ids->n = kept;
	return r;
}

/* -- one id ---------------------------------------------------------------------------- */

struct sum {
	struct eng_view *view;
	eng_stamp forgotten; /* of the end that the edges begin at */
	eng_u128 all;
	struct eng_arena apart;
};

static int add_edge(void *data, struct eng_edge *e, struct engram_error *err)
{
	struct sum *s = data;
	struct eng_item to;
	eng_stamp forgotten;
	eng_u128 one;
	uint32_t doc;
	int r;

	eng_arena_reset(&s->apart);
	r = eng_view_item(s->view, &to, &doc, &e->key.to, &s->apart, err);
	if (r < 0)
		return r;
	forgotten = eng_item_forgotten(&to);
	r = eng_edge_digest(e, &one, forgotten > s->forgotten ? forgotten : s->forgotten, err);
	if (r == 0)
		s->all += one;
	return r;
}

static int sum_of(struct sum *s, const struct engram_id *id, struct eng_arena *arena, struct engram_error *err)
{
	struct eng_item item;
	uint32_t doc;
	int r;

	eng_arena_reset(arena);
	r = eng_view_item(s->view, &item, &doc, id, arena, err);
	if (r == 0)
		r = eng_item_digest(&item, &s->all, err);
	if (r < 0)
		return r;
	s->forgotten = eng_item_forgotten(&item);
	return eng_view_edges(s->view, id, add_edge, s, arena, err);
}

int eng_view_bucket(struct eng_view *v, unsigned bucket,
                    int (*fn)(void *data, const struct engram_id *id, eng_u128 sum), void *data,
                    struct engram_error *err)
{
	struct sum s = {.view = v, .apart = ENG_ARENA_INIT};
	struct eng_arena arena = ENG_ARENA_INIT;
	struct ids ids = {0};
	int r = gather(&ids, v, bucket, err);

	for (size_t i = 0; r == 0 && i < ids.n; i++) {
		r = sum_of(&s, &ids.at[i], &arena, err);
		if (r == 0 && s.all)
			r = fn(data, &ids.at[i], s.all);
	}
	eng_arena_free(&arena);
	eng_arena_free(&s.apart);
	eng_free(ids.at);
	return r;
}
