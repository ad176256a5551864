/* check_vectors.c - are the rows of embedders what the documents' vectors give?
 *
 * Document by document its rows are made again from the log; then the tables are
 * counted: as many places as vectors, of each embedder as many rows in use. */
#include "space/space_int.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/alloc.h"

static int count(struct eng_vector_check *c, uint32_t number, struct engram_error *err)
{
	size_t cap = c->cap ? c->cap : 16;
	uint32_t *live;

	while (cap <= number)
		cap *= 2;
	if (cap > c->cap) {
		live = eng_realloc(c->live, cap * sizeof *live);
		if (!live)
			return eng_err_nomem(err);
		memset(live + c->cap, 0, (cap - c->cap) * sizeof *live);
		c->live = live;
		c->cap = cap;
	}
	c->live[number]++;
	c->vectors++;
	return 0;
}

/* 1 = the row differs. */
static int check_one(struct eng_vector_check *c, struct engram_space *s, struct eng_txn *t, uint32_t doc,
                     const struct eng_doc_vector *v, int8_t *codes, struct eng_buf *b, struct engram_error *err)
{
	struct eng_embedder_record e;
	struct eng_row_table rt;
	uint8_t key[ENG_FOLD_KEY];
	const int8_t *found;
	uint32_t place;
	int r = eng_embedder_find(&e, t, &v->who, NULL);

	if (r != 1)
		return 1;
	r = count(c, e.number, err);
	if (r == 0)
		r = eng_vector_codes(codes, v, b, s, err);
	if (r < 0)
		return r;
	rt = eng_embedder_rows(&e);
	if (!eng_vector_place(&place, t, doc, e.number))
		return 1;
	eng_identity_key(key, &v->who);
	found = eng_codes_of(t, &rt, place, c->fold, key, eng_nodes_number(e.number), doc);
	return !found || memcmp(found, codes, rt.stride) != 0;
}

int eng_vectors_check(struct eng_vector_check *c, struct engram_space *s, struct eng_txn *t, uint32_t doc,
                      const struct eng_doc *d, struct engram_error *err)
{
	struct eng_buf b = ENG_BUF_INIT;
	int8_t codes[ENGRAM_DIM_MAX];
	bool differs = false;
	int r = 0;

	for (size_t i = 0; r >= 0 && i < d->nvectors; i++) {
		r = check_one(c, s, t, doc, &d->vectors[i], codes, &b, err);
		differs = differs || r > 0;
	}
	eng_buf_free(&b);
	return r < 0 ? r : differs;
}

/* Rows in use, and nodes. */
static int check_chunks(const struct eng_vector_check *c, const struct eng_embedder_record *e, struct eng_txn *t,
                        char *what, size_t n, struct engram_error *err)
{
	struct eng_row_table rt = eng_embedder_rows(e);
	struct eng_bytes key, value;
	struct eng_walk *w = NULL;
	struct eng_fold_graph *g = NULL;
	uint64_t used = 0;
	struct eng_rows rows;
	uint8_t from[8], graph[ENG_FOLD_KEY];
	int bad = 0, r = eng_walk_begin(&w, t, ENG_T_VECTORS, err);

	if (r < 0)
		return r;
	eng_vector_key(from, e->number, 0);
	for (r = eng_walk_seek(w, eng_bytes(from, sizeof from), &key, &value); r == 1;
	     r = eng_walk_next(w, &key, &value)) {
		uint32_t first = 0, place;
		if (key.n != sizeof from || memcmp(key.p, from, 4) != 0)
			break;
		memcpy(&place, (const uint8_t *)key.p + 4, sizeof place);
		place = __builtin_bswap32(ENG_LE32(place));
		if (!eng_rows_verify(value, rt.stride) || !eng_rows_chunk(&rows, &first, t, &rt, place) || first != place) {
			bad = snprintf(what, n, "embedder %u: the chunk of row %u has a wrong check", e->number, place) > 0;
			continue;
		}
		for (uint32_t i = 0; i < rows.n; i++)
			used += rows.r[i] != 0;
	}
	eng_walk_end(w);
	if (r < 0)
		return eng_txn_status(t, err);
	eng_identity_key(graph, &e->who);
	if (c->fold && eng_fold_find(&g, c->fold, graph, NULL) == 1)
		used += eng_nodes_count(t, eng_nodes_number(e->number), g->n);
	if (used != e->live)
		bad = snprintf(what, n, "embedder %u: wanted %u rows in use, found %" PRIu64, e->number, e->live, used) > 0;
	return bad;
}

static int check_embedder(const struct eng_vector_check *c, const struct eng_embedder_record *e, struct eng_txn *t,
                          char *what, size_t n, struct engram_error *err)
{
	uint32_t wanted = e->number < c->cap ? c->live[e->number] : 0;
	int r = check_chunks(c, e, t, what, n, err);

	if (r == 0 && wanted != e->live)
		return snprintf(what, n, "embedder %u: wanted %u vectors, found %u", e->number, wanted, e->live) > 0;
	return r;
}

int eng_vectors_check_end(struct eng_vector_check *c, struct eng_txn *t, char *what, size_t n,
                          struct engram_error *err)
{
	struct eng_embedder_record e;
	struct eng_bytes key, value;
	struct eng_walk *w = NULL;
	uint64_t places = 0;
	int r = eng_walk_begin(&w, t, ENG_T_EMBEDDERS, err), bad = 0;

	if (r == 0)
		r = eng_walk_seek(w, eng_bytes(NULL, 0), &key, &value);
	while (r == 1) {
		if (eng_embedder_decode(&e, key, value))
			r = check_embedder(c, &e, t, what, n, err);
		else
			r = snprintf(what, n, "embedder: a record with a wrong check") > 0;
		bad = bad || r == 1;
		if (r >= 0)
			r = eng_walk_next(w, &key, &value);
	}
	eng_walk_end(w);
	if (r == 0 && eng_txn_count(t, ENG_T_PLACES, &places) < 0)
		r = eng_txn_status(t, err);
	if (r == 0 && places != c->vectors)
		bad = snprintf(what, n, "places: wanted %" PRIu64 ", found %" PRIu64, c->vectors, places) > 0;
	eng_free(c->live);
	*c = (struct eng_vector_check){0};
	return r < 0 ? r : bad;
}
