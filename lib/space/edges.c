/* edges.c - what is said of two memories at once, in state and raw frames.
 *
 * An edge is a record of its own, under both its ends: forgetting either
 * memory finds it.  The record is the set of its dots, like an item; which of
 * them are alive follows from it and from when its ends were last forgotten,
 * which stands in their items.  So a forget changes no edge record, only what
 * the edges of its ids contribute to the digest; compaction drops the dead. */
#include "space/space_int.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/hash.h"

/* -- records -------------------------------------------------------------------- */

size_t eng_edge_key_encode(uint8_t out[ENG_EDGE_KEY_MAX], const struct eng_edge_key *key, bool to_first)
{
	memcpy(out, to_first ? key->to.b : key->from.b, 16);
	memcpy(out + 16, to_first ? key->from.b : key->to.b, 16);
	out[32] = key->class;
	memcpy(out + 33, key->relation, key->n);
	return 33 + (size_t)key->n;
}

bool eng_edge_key_decode(struct eng_edge_key *key, struct eng_bytes in, bool to_first)
{
	const uint8_t *p = in.p;

	*key = (struct eng_edge_key){.n = 0};
	if (in.n < 33 || in.n > ENG_EDGE_KEY_MAX)
		return false;
	memcpy(to_first ? key->to.b : key->from.b, p, 16);
	memcpy(to_first ? key->from.b : key->to.b, p + 16, 16);
	key->class = p[32];
	key->n = (uint8_t)(in.n - 33);
	memcpy(key->relation, p + 33, key->n);
	return key->class == ENG_EDGE_LINK || key->class == ENG_EDGE_TOGETHER;
}

static int decode(struct eng_edge *e, const struct eng_edge_key *key, struct eng_bytes value, struct eng_arena *arena,
                  struct engram_error *err)
{
	const uint8_t *p = value.p;

	if (value.n < 8 || eng_get64(p) != XXH3_64bits(p + 8, value.n - 8))
		return eng_err(err, ENGRAM_EDAMAGED, "state: edge: wrong check");
	return eng_edge_decode(e, key, p + 8, value.n - 8, arena, err);
}

int eng_edge_load(struct eng_edge *e, struct eng_txn *t, const struct eng_edge_key *key, struct eng_arena *arena,
                  struct engram_error *err)
{
	uint8_t raw[ENG_EDGE_KEY_MAX];
	struct eng_bytes value;
	int r = eng_txn_get(t, ENG_T_EDGES, eng_bytes(raw, eng_edge_key_encode(raw, key, false)), &value);

	eng_edge_init(e, key, arena);
	if (r < 0)
		return eng_txn_status(t, err);
	if (r == 0)
		return 0;
	r = decode(e, key, value, arena, err);
	return r < 0 ? r : 1;
}

int eng_edge_store(struct eng_txn *t, const struct eng_edge *e, struct eng_buf *scratch, struct engram_error *err)
{
	uint8_t key[ENG_EDGE_KEY_MAX], to[ENG_EDGE_KEY_MAX];
	size_t n = eng_edge_key_encode(key, &e->key, false);
	int r;

	eng_edge_key_encode(to, &e->key, true);
	if (e->ndots == 0) {
		eng_txn_del(t, ENG_T_EDGES, eng_bytes(key, n));
		eng_txn_del(t, ENG_T_EDGES_TO, eng_bytes(to, n));
		return 0;
	}
	eng_buf_reset(scratch);
	eng_buf_zero(scratch, 8);
	r = eng_edge_encode(e, scratch, err);
	if (r < 0)
		return r;
	eng_set64(scratch->p, XXH3_64bits(scratch->p + 8, scratch->n - 8));
	eng_txn_put(t, ENG_T_EDGES, eng_bytes(key, n), eng_bytes(scratch->p, scratch->n));
	eng_txn_put(t, ENG_T_EDGES_TO, eng_bytes(to, n), eng_bytes("", 0));
	return 0;
}

static int add_raw(struct eng_edge *e, const struct eng_raw *raw, size_t *at, bool *any, struct engram_error *err)
{
	bool changed;
	int r = 0;

	for (; r == 0 && *at < raw->nedges && eng_edge_key_cmp(&raw->edges[*at].key, &e->key) == 0; ++*at) {
		r = eng_edge_add(e, &changed, &raw->edges[*at].dot, err);
		*any = *any || (r == 0 && changed);
	}
	return r;
}

/* -- the digest, and taking in -------------------------------------------------------- */

struct exchange {
	struct eng_txn *txn;
	struct eng_raw *raw;
	const struct eng_forget_change *changes;
	size_t nchanges;
	struct eng_edge_key *keys; /* of the edges concerned */
	size_t nkeys, keys_cap;
	struct eng_arena arena, item;
	struct eng_buf scratch;
	struct engram_id last; /* the id looked at last, and its forgets: edges come by `from` */
	struct eng_forget_change known;
	bool has_last;
};

static int by_change(const void *a, const void *b)
{
	const struct eng_forget_change *x = a, *y = b;

	return eng_id_cmp(&x->id, &y->id);
}

static int by_key(const void *a, const void *b)
{
	return eng_edge_key_cmp(a, b);
}

static int add_key(struct exchange *x, const struct eng_edge_key *key, struct engram_error *err)
{
	if (!eng_grow(&x->keys, &x->keys_cap, x->nkeys, sizeof *x->keys))
		return eng_err_nomem(err);
	x->keys[x->nkeys++] = *key;
	return 0;
}

/* The state's edges with this end. */
static int add_edges_of(struct exchange *x, const struct engram_id *id, bool to_first, struct engram_error *err)
{
	struct eng_bytes key, value;
	struct eng_walk *w = NULL;
	struct eng_edge_key k;
	int r = eng_walk_begin(&w, x->txn, to_first ? ENG_T_EDGES_TO : ENG_T_EDGES, err);

	if (r < 0)
		return r;
	for (r = eng_walk_seek(w, eng_bytes(id->b, sizeof id->b), &key, &value); r == 1;
	     r = eng_walk_next(w, &key, &value)) {
		if (key.n < sizeof id->b || memcmp(key.p, id->b, sizeof id->b) != 0)
			break;
		if (!eng_edge_key_decode(&k, key, to_first))
			r = eng_err(err, ENGRAM_EDAMAGED, "state: edges: a key of %zu bytes", key.n);
		else
			r = add_key(x, &k, err);
		if (r < 0)
			break;
	}
	eng_walk_end(w);
	return r < 0 && r != ENGRAM_EDAMAGED && r != ENGRAM_ENOMEM ? eng_txn_status(x->txn, err) : r < 0 ? r : 0;
}

/* Each once, in order. */
static int find_keys(struct exchange *x, struct engram_error *err)
{
	size_t kept = 0;
	int r = 0;

	for (size_t i = 0; r == 0 && i < x->raw->nedges; i++)
		r = add_key(x, &x->raw->edges[i].key, err);
	for (size_t i = 0; r == 0 && x->txn && i < x->nchanges; i++) {
		r = add_edges_of(x, &x->changes[i].id, false, err);
		if (r == 0)
			r = add_edges_of(x, &x->changes[i].id, true, err);
	}
	if (x->nkeys)
		qsort(x->keys, x->nkeys, sizeof *x->keys, by_key);
	for (size_t i = 0; i < x->nkeys; i++)
		if (kept == 0 || eng_edge_key_cmp(&x->keys[kept - 1], &x->keys[i]) != 0)
			x->keys[kept++] = x->keys[i];
	x->nkeys = kept;
	return r;
}

static int forgets_of(struct exchange *x, struct eng_forget_change *out, const struct engram_id *id,
                      struct engram_error *err)
{
	struct eng_forget_change key = {.id = *id}, *found = NULL;
	struct eng_bytes value;
	struct eng_item item;
	uint32_t doc;
	int r = 0;

	if (x->nchanges)
		found = bsearch(&key, x->changes, x->nchanges, sizeof key, by_change);
	*out = found ? *found : key;
	if (found || !x->txn)
		return 0;
	r = eng_txn_get(x->txn, ENG_T_ITEMS, eng_bytes(id->b, sizeof id->b), &value);
	if (r <= 0)
		return r < 0 ? eng_txn_status(x->txn, err) : 0;
	eng_arena_reset(&x->item);
	r = eng_item_load(&item, &doc, id, value, &x->item, err);
	if (r == 0)
		out->old = out->new = eng_item_forgotten(&item);
	return r;
}

static eng_stamp later(eng_stamp a, eng_stamp b)
{
	return a > b ? a : b;
}

/* When an end was last forgotten, before and now. */
static int forgets_of_edge(struct exchange *x, eng_stamp *old, eng_stamp *new, const struct eng_edge_key *key,
                           struct engram_error *err)
{
	struct eng_forget_change to;
	int r = 0;

	if (!x->has_last || eng_id_cmp(&x->last, &key->from) != 0)
		r = forgets_of(x, &x->known, &key->from, err);
	x->has_last = r == 0;
	x->last = key->from;
	if (r == 0)
		r = forgets_of(x, &to, &key->to, err);
	if (r < 0)
		return r;
	*old = later(x->known.old, to.old);
	*new = later(x->known.new, to.new);
	return 0;
}

static int exchange_one(struct exchange *x, const struct eng_edge_key *key, size_t *raw_at, eng_u128 *bucket,
                        uint64_t *dead, struct engram_error *err)
{
	eng_stamp old, new;
	struct eng_edge e;
	eng_u128 before = 0, after = 0;
	bool changed = false;
	int r = forgets_of_edge(x, &old, &new, key, err);

	eng_arena_reset(&x->arena);
	eng_edge_init(&e, key, &x->arena);
	if (r == 0 && x->txn)
		r = eng_edge_load(&e, x->txn, key, &x->arena, err);
	if (r >= 0)
		r = eng_edge_digest(&e, &before, old, err);
	if (r == 0)
		r = add_raw(&e, x->raw, raw_at, &changed, err);
	if (r == 0)
		r = eng_edge_digest(&e, &after, new, err);
	if (r == 0 && dead && changed)
		r = eng_edge_store(x->txn, &e, &x->scratch, err);
	if (r == 0 && dead)
		*dead += eng_edge_dead(&e, new) > 0;
	*bucket += after - before;
	return r;
}

int eng_edges_exchange(struct eng_txn *t, struct eng_raw *raw, const struct eng_forget_change *changes, size_t n,
                       eng_u128 buckets[ENG_DIGEST_BUCKETS], uint64_t *dead, struct engram_error *err)
{
	struct exchange x = {
		.txn = t, .raw = raw, .changes = changes, .nchanges = n, .arena = ENG_ARENA_INIT, .item = ENG_ARENA_INIT};
	size_t raw_at = 0;
	int r;

	eng_raw_sort_edges(raw);
	r = find_keys(&x, err);
	for (size_t i = 0; r == 0 && i < x.nkeys; i++)
		r = exchange_one(&x, &x.keys[i], &raw_at, &buckets[eng_digest_bucket(&x.keys[i].from)], dead, err);
	eng_free(x.keys);
	eng_arena_free(&x.arena);
	eng_arena_free(&x.item);
	eng_buf_free(&x.scratch);
	return r;
}

/* -- reading a view --------------------------------------------------------------------- */

int eng_view_edge(struct eng_view *v, struct eng_edge *e, const struct eng_edge_key *key, struct eng_arena *arena,
                  struct engram_error *err)
{
	size_t at = eng_raw_edge_at(&v->raw, key);
	bool any = false;
	int r = 0;

	eng_edge_init(e, key, arena);
	if (v->txn)
		r = eng_edge_load(e, v->txn, key, arena, err);
	return r < 0 ? r : add_raw(e, &v->raw, &at, &any, err);
}

struct merge {
	struct eng_view *view;
	const struct engram_id *from;
	struct eng_walk *walk; /* NULL: no state */
	struct eng_edge_key state;
	struct eng_bytes value;
	bool has_state;
	size_t raw;
};

static bool wanted(const struct merge *m, const struct eng_edge_key *key)
{
	return !m->from || eng_id_cmp(&key->from, m->from) == 0;
}

static int take_state(struct merge *m, int r, struct eng_bytes key, struct engram_error *err)
{
	m->has_state = false;
	if (r < 0)
		return eng_txn_status(m->view->txn, err);
	if (r == 1 && !eng_edge_key_decode(&m->state, key, false))
		return eng_err(err, ENGRAM_EDAMAGED, "state: edges: a key of %zu bytes", key.n);
	m->has_state = r == 1 && wanted(m, &m->state);
	return 0;
}

static int merge_begin(struct merge *m, struct engram_error *err)
{
	struct eng_edge_key first = {.n = 0};
	struct eng_bytes key;
	int r;

	if (m->from)
		first.from = *m->from;
	m->raw = eng_raw_edge_at(&m->view->raw, &first);
	if (!m->view->txn)
		return 0;
	r = eng_walk_begin(&m->walk, m->view->txn, ENG_T_EDGES, err);
	if (r < 0)
		return r;
	r = eng_walk_seek(m->walk, eng_bytes(first.from.b, m->from ? sizeof first.from.b : 0), &key, &m->value);
	return take_state(m, r, key, err);
}

/* 1, 0 at the end. */
static int merge_next(struct merge *m, struct eng_edge *e, struct eng_arena *arena, struct engram_error *err)
{
	const struct eng_raw *raw = &m->view->raw;
	bool has_raw = m->raw < raw->nedges && wanted(m, &raw->edges[m->raw].key), any = false;
	struct eng_bytes key;
	int r = 0, c;

	if (!has_raw && !m->has_state)
		return 0;
	c = has_raw && m->has_state ? eng_edge_key_cmp(&m->state, &raw->edges[m->raw].key) : has_raw ? 1 : -1;
	if (c <= 0) {
		r = decode(e, &m->state, m->value, arena, err);
		if (r == 0)
			r = take_state(m, eng_walk_next(m->walk, &key, &m->value), key, err);
	} else {
		eng_edge_init(e, &raw->edges[m->raw].key, arena);
	}
	if (r == 0)
		r = add_raw(e, raw, &m->raw, &any, err);
	return r < 0 ? r : 1;
}

int eng_view_edges(struct eng_view *v, const struct engram_id *from, eng_edge_fn *fn, void *data,
                   struct eng_arena *arena, struct engram_error *err)
{
	struct merge m = {.view = v, .from = from};
	struct eng_edge e;
	int r = merge_begin(&m, err);

	while (r == 0 && (r = merge_next(&m, &e, arena, err)) == 1)
		r = fn(data, &e, err);
	eng_walk_end(m.walk);
	return r;
}

/* 1 = one of the state's edges with this end has a dot later than that. */
static int state_said(struct eng_txn *t, const struct engram_id *id, bool to_first, eng_stamp after,
                      struct eng_arena *arena, struct engram_error *err)
{
	struct eng_bytes key, value;
	struct eng_walk *w = NULL;
	struct eng_edge_key k;
	struct eng_edge e;
	int r = eng_walk_begin(&w, t, to_first ? ENG_T_EDGES_TO : ENG_T_EDGES, err);
	bool said = false;

	if (r == 0)
		r = eng_walk_seek(w, eng_bytes(id->b, sizeof id->b), &key, &value);
	while (r == 1 && !said && key.n >= sizeof id->b && memcmp(key.p, id->b, sizeof id->b) == 0) {
		eng_arena_reset(arena);
		r = eng_edge_key_decode(&k, key, to_first) ? eng_edge_load(&e, t, &k, arena, err) : 0;
		if (r < 0)
			break;
		said = r == 1 && eng_edge_dead(&e, after) < e.ndots;
		r = eng_walk_next(w, &key, &value);
	}
	eng_walk_end(w);
	return r < 0 ? r : said;
}

int eng_view_said(struct eng_view *v, const struct engram_id *id, eng_stamp after, struct eng_arena *arena,
                  struct engram_error *err)
{
	int r = 0;

	for (size_t i = 0; i < v->raw.nedges; i++) {
		const struct eng_raw_edge *e = &v->raw.edges[i];
		if (e->dot.stamp > after &&
		    (eng_id_cmp(&e->key.from, id) == 0 || eng_id_cmp(&e->key.to, id) == 0))
			return 1;
	}
	if (v->txn)
		r = state_said(v->txn, id, false, after, arena, err);
	if (r == 0 && v->txn)
		r = state_said(v->txn, id, true, after, arena, err);
	return r;
}

/* -- the links of a memory ------------------------------------------------------------------ */

struct links {
	struct eng_view *view;
	eng_stamp forgotten; /* of the memory */
	const struct eng_head *heads;
	size_t nheads;
	struct engram_link *at;
	size_t n, cap;
	struct eng_arena *arena; /* of what is kept */
	struct eng_arena item;
};

static bool within(const struct links *l, const struct eng_dot *d, struct eng_place place)
{
	return !l->heads || eng_view_within(l->view, l->heads, l->nheads, d, place);
}

static void cut_edge(struct links *l, struct eng_edge *e)
{
	size_t kept = 0;

	for (size_t i = 0; i < e->ndots; i++)
		if (within(l, &e->dots[i].dot, e->dots[i].place))
			e->dots[kept++] = e->dots[i];
	e->ndots = kept;
}

/* The other end: whether it lives, and when it was last forgotten. */
static int look_at_end(struct links *l, const struct engram_id *id, struct eng_reading *reading,
                       struct engram_error *err)
{
	struct eng_item item;
	uint32_t doc;
	size_t kept = 0;
	int r;

	*reading = (struct eng_reading){.live = false};
	eng_arena_reset(&l->item);
	r = eng_view_item(l->view, &item, &doc, id, &l->item, err);
	for (size_t i = 0; r == 0 && i < item.ndots; i++)
		if (within(l, &item.dots[i].dot, item.dots[i].place))
			item.dots[kept++] = item.dots[i];
	if (r < 0 || kept == 0)
		return r;
	item.ndots = kept;
	return eng_item_read(&item, reading, err);
}

static int keep_link(struct links *l, const struct eng_edge *e, const struct eng_edge_reading *r,
                     struct engram_error *err)
{
	struct engram_link *link;

	if (l->n == l->cap) {
		size_t cap = l->cap ? 2 * l->cap : 8;
		struct engram_link *at = eng_arena_alloc(l->arena, cap * sizeof *at);
		if (!at)
			return eng_err_nomem(err);
		if (l->n)
			memcpy(at, l->at, l->n * sizeof *at);
		l->at = at;
		l->cap = cap;
	}
	link = &l->at[l->n];
	*link = (struct engram_link){.to = e->key.to, .weight = r->weight, .confidence = r->confidence};
	if (e->key.n && eng_arena_str(l->arena, &link->relation, (struct engram_str){e->key.relation, e->key.n}) < 0)
		return eng_err_nomem(err);
	l->n++;
	return 0;
}

static int take_edge(void *data, struct eng_edge *e, struct engram_error *err)
{
	struct links *l = data;
	struct eng_edge_reading r;
	struct eng_reading end;
	int rc;

	if (e->key.class != ENG_EDGE_LINK)
		return 0;
	cut_edge(l, e);
	rc = look_at_end(l, &e->key.to, &end, err);
	if (rc < 0 || !end.live)
		return rc;
	rc = eng_edge_read(e, &r, later(l->forgotten, end.forgotten), err);
	return rc == 0 && r.live ? keep_link(l, e, &r, err) : rc;
}

int eng_memory_links(struct engram_memory *m, struct eng_view *v, eng_stamp forgotten, const struct eng_head *heads,
                     size_t nheads, struct eng_arena *arena, struct engram_error *err)
{
	struct links l = {.view = v,
	                  .forgotten = forgotten,
	                  .heads = heads,
	                  .nheads = nheads,
	                  .arena = arena,
	                  .item = ENG_ARENA_INIT};
	struct eng_arena scratch = ENG_ARENA_INIT;
	uint64_t records = 0;
	int r;

	/* Most spaces have none: an export need not look for each memory. */
	if (v->txn && eng_txn_count(v->txn, ENG_T_EDGES, &records) < 0)
		return eng_txn_status(v->txn, err);
	if (records == 0 && v->raw.nedges == 0)
		return 0;
	r = eng_view_edges(v, &m->id, take_edge, &l, &scratch, err);
	eng_arena_free(&scratch);
	eng_arena_free(&l.item);
	if (r < 0 || l.n == 0)
		return r;
	m->links = l.at;
	m->nlinks = l.n;
	m->has |= ENGRAM_LINKS;
	return 0;
}
