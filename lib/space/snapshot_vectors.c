/* snapshot_vectors.c - the view's vectors of one embedder, as rows.
 *
 * Those of the state are read in place; of the overlay one block is made when
 * they are asked for, from the raw frames or, where only another field of a
 * memory is new, from the frame in the log that states the vector.  Rows of
 * documents that the overlay replaces are still met: whoever takes a row asks
 * the document's brief, as for hash/1. */
#include "space/snapshot_int.h"

#include "base/alloc.h"

static bool same(const struct eng_embedder *a, const struct eng_embedder *b)
{
	return a->dim == b->dim && eng_str_eq(a->name, b->name);
}

static const struct eng_doc_vector *overlay_vector(const struct eng_snapshot *s, size_t i,
                                                   const struct eng_embedder *who)
{
	const struct eng_doc *d = &s->raw[i].doc;

	for (size_t k = 0; k < d->nvectors; k++)
		if (same(&d->vectors[k].who, who))
			return &d->vectors[k];
	return NULL;
}

/* -- which there are --------------------------------------------------------------- */

struct listing {
	int (*fn)(void *data, const struct eng_embedder *who);
	void *data;
};

static int list_one(void *data, const struct eng_embedder_record *e, struct engram_error *err)
{
	const struct listing *l = data;

	(void)err;
	return e->live > 0 ? l->fn(l->data, &e->who) : 0;
}

/* Whether it was named before: by the state, or by an earlier one of the overlay. */
static bool named(struct eng_snapshot *s, size_t i, const struct eng_embedder *who)
{
	struct eng_embedder_record e;

	if (s->view.txn && eng_embedder_find(&e, s->view.txn, who, NULL) == 1 && e.live > 0)
		return true;
	while (i-- > 0)
		if (overlay_vector(s, i, who))
			return true;
	return false;
}

int eng_snapshot_embedders(struct eng_snapshot *s, int (*fn)(void *data, const struct eng_embedder *who), void *data,
                           struct engram_error *err)
{
	struct listing l = {fn, data};
	int r = s->view.txn ? eng_embedders_each(s->view.txn, list_one, &l, err) : 0;

	for (size_t i = 0; r == 0 && i < s->nraw; i++)
		for (size_t k = 0; r == 0 && k < s->raw[i].doc.nvectors; k++)
			if (!named(s, i, &s->raw[i].doc.vectors[k].who))
				r = fn(data, &s->raw[i].doc.vectors[k].who);
	return r;
}

/* -- rows ---------------------------------------------------------------------------- */

static int take_overlay(struct eng_snapshot_vectors *v, const struct eng_embedder *who, uint32_t n,
                        struct engram_error *err)
{
	struct eng_snapshot *s = v->snap;
	uint8_t *p = eng_arena_calloc(&s->arena, (size_t)n * v->stride + 64, 1);
	uint32_t *r = eng_arena_calloc(&s->arena, n, sizeof *r), *doc = eng_arena_calloc(&s->arena, n, sizeof *doc);
	int32_t *sum = eng_arena_calloc(&s->arena, n, sizeof *sum);
	struct eng_buf b = ENG_BUF_INIT;
	int8_t *codes;
	uint32_t at = 0;
	int rc = 0;

	if (!p || !r || !sum || !doc)
		return eng_err_nomem(err);
	codes = (int8_t *)(p + (-(uintptr_t)p & 63));
	for (size_t i = 0; rc >= 0 && i < s->nraw; i++) {
		const struct eng_doc_vector *vector = overlay_vector(s, i, who);
		int8_t *row = codes + (size_t)at * v->stride;
		if (!vector)
			continue;
		rc = eng_vector_codes(row, vector, &b, s->view.space, err);
		r[at] = rc == 1 ? eng_vec_norm(row, v->stride) : 0;
		sum[at] = rc == 1 ? eng_vec_sum(row, v->stride) : 0;
		doc[at++] = ENG_DOC_RAW + (uint32_t)i;
		rc = rc == ENGRAM_ENOID ? 0 : rc; /* forgotten and purged since */
	}
	eng_buf_free(&b);
	v->overlay = (struct eng_rows){codes, r, sum, doc, n, v->stride};
	return rc < 0 ? rc : 0;
}

int eng_snapshot_vectors_begin(struct eng_snapshot_vectors *v, struct eng_snapshot *s,
                               const struct eng_embedder *who, struct engram_error *err)
{
	struct eng_embedder_record e;
	uint32_t n = 0;
	int r = s->view.txn ? eng_embedder_find(&e, s->view.txn, who, err) : 0;

	*v = (struct eng_snapshot_vectors){.snap = s, .who = *who, .dim = who->dim, .stride = ENG_VEC_STRIDE(who->dim)};
	if (r == 1) {
		v->number = e.number;
		v->rows = e.rows;
	}
	for (size_t i = 0; i < s->nraw; i++)
		n += overlay_vector(s, i, who) != NULL;
	return r < 0 ? r : n ? take_overlay(v, who, n, err) : 0;
}

static struct eng_row_table rows_of(const struct eng_snapshot_vectors *v)
{
	return (struct eng_row_table){ENG_T_VECTORS, v->stride, v->number};
}

int eng_snapshot_vectors_next(void *ctx, struct eng_rows *out)
{
	struct eng_snapshot_vectors *v = ctx;
	struct eng_row_table rt = rows_of(v);
	uint32_t first;
	int r = 0;

	if (v->at < v->rows)
		r = eng_rows_next(out, &first, v->snap->view.txn, &rt, (uint32_t)v->at);
	if (r < 0)
		return r;
	if (r == 1) {
		v->at = (uint64_t)first + out->n;
		return 1;
	}
	if (v->at != UINT64_MAX && v->overlay.n > 0) {
		v->at = UINT64_MAX;
		*out = v->overlay;
		return 1;
	}
	v->at = 0;
	return 0;
}

static bool copy_row(int8_t *codes, const struct eng_rows *rows, uint32_t at)
{
	if (at >= rows->n || rows->r[at] == 0)
		return false;
	memcpy(codes, rows->codes + (size_t)at * rows->stride, rows->stride);
	return true;
}

bool eng_snapshot_vectors_codes(struct eng_snapshot_vectors *v, uint32_t doc, int8_t *codes)
{
	struct eng_row_table rt = rows_of(v);
	uint32_t at = 0;

	if (doc >= ENG_DOC_RAW) {
		while (at < v->overlay.n && v->overlay.doc[at] != doc)
			at++;
		return copy_row(codes, &v->overlay, at);
	}
	if (v->rows == 0 || !eng_vector_place(&at, v->snap->view.txn, doc, v->number))
		return false;
	return eng_snapshot_state_codes(v->snap, &rt, at, &v->who, eng_nodes_number(v->number), doc, codes);
}
