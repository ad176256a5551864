/* vectors.c - rows of vectors that embedders made, one set an embedder.
 *
 * An *embedder* is a name and a dimension: vectors of two are never compared.
 * Each has a number, local to the state, and rows of its own in the order they
 * came, each with the document it is of; PLACES leads from document to row.  So
 * an embedder that has seen one memory in a thousand costs a thousandth.
 *
 * A document keeps its place as long as it has a vector of the embedder, and a
 * place that was left is not used again, like a document's number.
 *
 * The codes are quantised from the floats in the log, which stay there; nothing
 * here could not be derived from them again, and --check derives it. */
#include "space/space_int.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/hash.h"

#define RECORD_FIXED 24u /* number, rows, live, name length; check */

struct eng_vector_change {
	uint32_t number;
	struct eng_row_change row;
};

/* -- keys and records ------------------------------------------------------------ */

static void set_be32(uint8_t *p, uint32_t v)
{
	v = __builtin_bswap32(ENG_LE32(v));
	memcpy(p, &v, sizeof v);
}

/* A name may be longer than a key. */
void eng_embedder_key(uint8_t out[ENG_EMBEDDER_KEY], const struct eng_embedder *who)
{
	XXH128_canonical_t c;

	out[0] = (uint8_t)(who->dim >> 8);
	out[1] = (uint8_t)who->dim;
	XXH128_canonicalFromHash(&c, XXH3_128bits(who->name.p ? who->name.p : "", who->name.n));
	memcpy(out + 2, c.digest, sizeof c.digest);
}

void eng_vector_key(uint8_t out[8], uint32_t number, uint32_t first)
{
	set_be32(out, number);
	set_be32(out + 4, first);
}

bool eng_embedder_decode(struct eng_embedder_record *r, struct eng_bytes key, struct eng_bytes value)
{
	const uint8_t *p = value.p, *k = key.p;
	uint32_t n;

	if (key.n != ENG_EMBEDDER_KEY || value.n < RECORD_FIXED ||
	    eng_get64(p + value.n - 8) != XXH3_64bits(p, value.n - 8))
		return false;
	n = eng_get32(p + 12);
	if (value.n != RECORD_FIXED + n)
		return false;
	*r = (struct eng_embedder_record){
		.who = {{n ? (const char *)p + 16 : NULL, n}, (uint32_t)k[0] << 8 | k[1]},
		.number = eng_get32(p),
		.rows = eng_get32(p + 4),
		.live = eng_get32(p + 8),
	};
	return true;
}

static int put_record(struct eng_txn *t, const struct eng_embedder_record *r, struct engram_error *err)
{
	struct eng_buf b = ENG_BUF_INIT;
	uint8_t key[ENG_EMBEDDER_KEY];
	int rc = 0;

	eng_buf_u32(&b, r->number);
	eng_buf_u32(&b, r->rows);
	eng_buf_u32(&b, r->live);
	eng_buf_u32(&b, (uint32_t)r->who.name.n);
	eng_buf_add(&b, r->who.name.p, r->who.name.n);
	if (!b.failed)
		eng_buf_u64(&b, XXH3_64bits(b.p, b.n));
	eng_embedder_key(key, &r->who);
	if (b.failed)
		rc = eng_err_nomem(err);
	else
		eng_txn_put(t, ENG_T_EMBEDDERS, eng_bytes(key, sizeof key), eng_bytes(b.p, b.n));
	eng_buf_free(&b);
	return rc;
}

int eng_embedder_find(struct eng_embedder_record *out, struct eng_txn *t, const struct eng_embedder *who,
                      struct engram_error *err)
{
	uint8_t key[ENG_EMBEDDER_KEY];
	struct eng_bytes value;
	int r;

	eng_embedder_key(key, who);
	r = eng_txn_get(t, ENG_T_EMBEDDERS, eng_bytes(key, sizeof key), &value);
	if (r < 0)
		return eng_txn_status(t, err);
	if (r == 1 && !eng_embedder_decode(out, eng_bytes(key, sizeof key), value))
		return eng_err(err, ENGRAM_EDAMAGED, "state: embedder: a record with a wrong check");
	return r;
}

int eng_embedders_each(struct eng_txn *t, eng_embedder_fn *fn, void *data, struct engram_error *err)
{
	struct eng_embedder_record e;
	struct eng_bytes key, value;
	struct eng_walk *w = NULL;
	int r = eng_walk_begin(&w, t, ENG_T_EMBEDDERS, err), stop = 0;

	if (r < 0)
		return r;
	for (r = eng_walk_seek(w, eng_bytes(NULL, 0), &key, &value); r == 1 && stop == 0;
	     r = eng_walk_next(w, &key, &value))
		stop = eng_embedder_decode(&e, key, value)
		               ? fn(data, &e, err)
		               : eng_err(err, ENGRAM_EDAMAGED, "state: embedder: a record with a wrong check");
	eng_walk_end(w);
	return stop != 0 ? stop : r < 0 ? eng_txn_status(t, err) : 0;
}

bool eng_vector_place(uint32_t *place, struct eng_txn *t, uint32_t doc, uint32_t number)
{
	struct eng_bytes value;
	uint8_t key[8];

	eng_vector_key(key, doc, number);
	if (eng_txn_get(t, ENG_T_PLACES, eng_bytes(key, sizeof key), &value) != 1 || value.n != sizeof *place)
		return false;
	memcpy(place, value.p, sizeof *place);
	return true;
}

/* -- codes ------------------------------------------------------------------------- */

/* Apart, since what stands on the stack is cleared first: 16 KiB. */
static int quantise_copy(int8_t *codes, const uint8_t *p, size_t dim)
{
	float x[ENGRAM_DIM_MAX];

	for (size_t i = 0; i < dim; i++) {
		uint32_t bits = eng_get32(p + 4 * i);
		memcpy(&x[i], &bits, sizeof bits);
	}
	return eng_vec_quantise(codes, x, dim);
}

/* From the bytes of a frame, which mostly lie where floats may. */
static int quantise(int8_t *codes, const uint8_t *p, size_t dim)
{
	if (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ && (uintptr_t)p % _Alignof(float) == 0)
		return eng_vec_quantise(codes, (const float *)(const void *)p, dim);
	return quantise_copy(codes, p, dim);
}

uint32_t eng_vector_quantise(int8_t *codes, const uint8_t *p, size_t n)
{
	struct engram_str name;
	size_t head = eng_vector_head(&name, p, n), dim = head ? (n - head) / 4 : 0;

	if (dim < ENGRAM_DIM_MIN || dim > ENGRAM_DIM_MAX)
		return 0;
	if (codes)
		quantise(codes, p + head, dim);
	return (uint32_t)dim;
}

int eng_vector_codes(int8_t *codes, const struct eng_doc_vector *v, struct eng_buf *b, struct engram_space *s,
                     struct engram_error *err)
{
	struct engram_str element = {(const char *)v->p, v->at.n};
	const uint8_t *p;
	int r = v->p ? 0 : eng_text_load(&element, b, s, &v->at, err);

	if (r < 0)
		return r;
	p = (const uint8_t *)element.p;
	if (eng_vector_quantise(NULL, p, element.n) != v->who.dim)
		return eng_err(err, ENGRAM_EDAMAGED, "frame %llu: its vector is not the one that the state has",
		               (unsigned long long)v->at.dot.seq);
	return quantise(codes, p + element.n - 4 * (size_t)v->who.dim, v->who.dim);
}

/* -- a batch ------------------------------------------------------------------------- */

static int add_embedder(struct eng_vector_batch *b, const struct eng_embedder_record *r, struct eng_arena *keep,
                        struct engram_error *err)
{
	struct engram_str name = {0};

	if (!eng_grow(&b->embedders, &b->embedders_cap, b->nembedders, sizeof *b->embedders) ||
	    (r->who.name.n && eng_arena_str(keep, &name, r->who.name) < 0))
		return eng_err_nomem(err);
	b->embedders[b->nembedders] = *r;
	b->embedders[b->nembedders++].who.name = name;
	return 0;
}

struct loading {
	struct eng_vector_batch *batch;
	struct eng_arena *keep;
};

static int load_embedder(void *data, const struct eng_embedder_record *e, struct engram_error *err)
{
	struct loading *l = data;

	return add_embedder(l->batch, e, l->keep, err);
}

static int load_embedders(struct eng_vector_batch *b, struct eng_txn *t, struct eng_arena *keep,
                          struct engram_error *err)
{
	struct loading l = {b, keep};
	int r = eng_embedders_each(t, load_embedder, &l, err);

	b->loaded = r == 0;
	return r;
}

static int embedder_of(struct eng_embedder_record **out, struct eng_vector_batch *b, struct eng_txn *t,
                       struct eng_arena *keep, const struct eng_embedder *who, struct engram_error *err)
{
	struct eng_embedder_record fresh = {.who = *who};
	int r = b->loaded ? 0 : load_embedders(b, t, keep, err);

	for (size_t i = 0; r == 0 && i < b->nembedders; i++)
		if (b->embedders[i].who.dim == who->dim && eng_str_eq(b->embedders[i].who.name, who->name)) {
			*out = &b->embedders[i];
			return 0;
		}
	fresh.number = (uint32_t)b->nembedders;
	if (r == 0)
		r = add_embedder(b, &fresh, keep, err);
	if (r == 0)
		*out = &b->embedders[b->nembedders - 1];
	return r;
}

static int add_change(struct eng_vector_batch *b, uint32_t number, uint32_t place, uint32_t doc, const int8_t *codes,
                      struct engram_error *err)
{
	if (!eng_grow(&b->changes, &b->cap, b->n, sizeof *b->changes))
		return eng_err_nomem(err);
	b->changes[b->n++] = (struct eng_vector_change){number, {place, doc, codes}};
	return 0;
}

/* They may be at hand. */
static int codes_of(const int8_t **out, struct eng_vector_batch *b, struct engram_space *s, struct eng_arena *keep,
                    const struct eng_doc_vector *v, struct engram_error *err)
{
	int8_t *codes;

	*out = v->p || !b->written ? NULL : eng_written_codes(b->written, &v->at);
	if (*out)
		return 0;
	*out = codes = eng_arena_alloc(keep, ENG_VEC_STRIDE(v->who.dim));
	return codes ? eng_vector_codes(codes, v, &b->element, s, err) : eng_err_nomem(err);
}

static int set_vector(struct eng_vector_batch *b, struct engram_space *s, struct eng_txn *t, struct eng_arena *keep,
                      uint32_t doc, const struct eng_doc_vector *v, struct engram_error *err)
{
	struct eng_embedder_record *e;
	const int8_t *codes = NULL;
	uint32_t place;
	uint8_t key[8];
	int r = embedder_of(&e, b, t, keep, &v->who, err);

	if (r == 0)
		r = codes_of(&codes, b, s, keep, v, err);
	if (r < 0)
		return r;
	if (!eng_vector_place(&place, t, doc, e->number)) {
		place = e->rows++;
		e->live++;
		eng_vector_key(key, doc, e->number);
		eng_txn_put(t, ENG_T_PLACES, eng_bytes(key, sizeof key), eng_bytes(&place, sizeof place));
	}
	return add_change(b, e->number, place, doc, codes, err);
}

static int drop_vector(struct eng_vector_batch *b, struct eng_txn *t, struct eng_arena *keep, uint32_t doc,
                       const struct eng_doc_vector *v, struct engram_error *err)
{
	struct eng_embedder_record *e;
	uint32_t place;
	uint8_t key[8];
	int r = embedder_of(&e, b, t, keep, &v->who, err);

	if (r < 0)
		return r;
	if (!eng_vector_place(&place, t, doc, e->number))
		return eng_err(err, ENGRAM_EDAMAGED, "state: document %u and its vectors do not agree", doc);
	eng_vector_key(key, doc, e->number);
	eng_txn_del(t, ENG_T_PLACES, eng_bytes(key, sizeof key));
	e->live--;
	return add_change(b, e->number, place, doc, NULL, err);
}

static const struct eng_doc_vector *find_vector(const struct eng_doc *d, const struct eng_embedder *who)
{
	for (size_t i = 0; d->live && i < d->nvectors; i++)
		if (d->vectors[i].who.dim == who->dim && eng_str_eq(d->vectors[i].who.name, who->name))
			return &d->vectors[i];
	return NULL;
}

static bool same_element(const struct eng_text_at *a, const struct eng_text_at *b)
{
	return a->dot.seq == b->dot.seq && a->element == b->element &&
	       eng_series_cmp(&a->dot.series, &b->dot.series) == 0;
}

int eng_vectors_move(struct eng_vector_batch *b, struct engram_space *s, struct eng_txn *t, struct eng_arena *keep,
                     uint32_t doc, const struct eng_doc *from, const struct eng_doc *to, struct engram_error *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && from->live && i < from->nvectors; i++)
		if (!find_vector(to, &from->vectors[i].who))
			r = drop_vector(b, t, keep, doc, &from->vectors[i], err);
	for (size_t i = 0; r == 0 && to->live && i < to->nvectors; i++) {
		const struct eng_doc_vector *old = find_vector(from, &to->vectors[i].who);
		if (!old || !same_element(&old->at, &to->vectors[i].at))
			r = set_vector(b, s, t, keep, doc, &to->vectors[i], err);
	}
	return r;
}

/* By embedder, then by place.  In one batch a place has one change: a batch
 * meets each document once. */
static int by_place(const void *a, const void *b)
{
	const struct eng_vector_change *x = a, *y = b;

	if (x->number != y->number)
		return x->number < y->number ? -1 : 1;
	return (x->row.place > y->row.place) - (x->row.place < y->row.place);
}

static int write_rows(struct eng_vector_batch *b, struct eng_txn *t, struct eng_row_change *rows,
                      struct engram_error *err)
{
	int r = 0;

	for (size_t i = 0, n; r == 0 && i < b->n; i += n) {
		const struct eng_embedder_record *e = NULL;
		struct eng_row_table rt;
		for (n = 0; i + n < b->n && b->changes[i + n].number == b->changes[i].number; n++)
			rows[n] = b->changes[i + n].row;
		for (size_t k = 0; k < b->nembedders; k++)
			if (b->embedders[k].number == b->changes[i].number)
				e = &b->embedders[k];
		rt = eng_embedder_rows(e);
		r = eng_rows_write(t, &rt, rows, n, e->rows, err);
		if (r == 0)
			r = eng_nodes_mask(t, eng_nodes_number(e->number), rows, n, err);
		if (r == 0)
			r = put_record(t, e, err);
	}
	return r;
}

int eng_vectors_write(struct eng_vector_batch *b, struct eng_txn *t, struct engram_error *err)
{
	struct eng_row_change *rows;
	int r;

	if (b->n == 0)
		return 0;
	qsort(b->changes, b->n, sizeof *b->changes, by_place);
	rows = eng_alloc(b->n * sizeof *rows);
	if (!rows)
		return eng_err_nomem(err);
	r = write_rows(b, t, rows, err);
	eng_free(rows);
	return r;
}

void eng_vectors_free(struct eng_vector_batch *b)
{
	eng_free(b->embedders);
	eng_free(b->changes);
	eng_buf_free(&b->element);
	*b = (struct eng_vector_batch){0};
}
