/* code.c - an item as bytes, for the state.
 *
 *   1       version 3
 *   varint  number of series, number of dots
 *   16 each series, ascending
 *   each dot, in order:
 *     1       kind (low 5 bits), 0x20 stub, 0x40 has a run id
 *     varint  series (place in the table), seq
 *     8       stamp
 *     4       header_check
 *     8       payload_check
 *     varint  payload_len, segment, offset
 *     varint  number of refs; each: varint series, seq; 4 header_check; varint index
 *   and of every other kind than a forget, if it is no stub:
 *     varint  number of elements; each: varint type, length; then the value,
 *             or, of TEXT, VECTOR and unknown types, 8 bytes of its hash;
 *             of VECTOR then varint length of its embedder's name, the name
 *
 * Numbers are little-endian, varints base 128, low group first, shortest form
 * only.  One memory of a hundred bytes with a source takes about 90 bytes.
 *
 * The same set gives the same bytes (but for segment and offset): dots and
 * series are sorted.  Decoding trusts nothing: it is bounded by the input,
 * demands the order, and refuses what encoding would not have written. */
#include <stdlib.h>
#include <string.h>

#include "base/le.h"
#include "merge/merge_int.h"
#include "merge/varint.h"

enum { VERSION = 3, KIND_BITS = 0x1f, STUB_BIT = 0x20, RUN_BIT = 0x40 };
enum {
	DOT_MIN = 27,
	DOT_MAX = 1 + 20 + 6 * ENG_VARINT_MAX,
	REF_MIN = 7,
	REF_MAX = 4 + 3 * ENG_VARINT_MAX,
};
enum { BODY_MAX = ENG_VARINT_MAX, ELEMENT_MIN = 2, ELEMENT_MAX = 2 * ENG_VARINT_MAX + 8 };

/* u16 length, identity, zeros to a multiple of 4, numbers. */
size_t eng_vector_head(struct engram_str *name, const uint8_t *p, size_t n)
{
	size_t len = p && n >= 2 ? eng_get16(p) : 0, head = (2 + len + 3) & ~(size_t)3;

	if (!p || n < head + 4 || (n - head) % 4 != 0)
		return 0;
	*name = (struct engram_str){len ? (const char *)p + 2 : NULL, len};
	return head;
}

struct eng_embedder eng_vector_embedder(const struct eng_winner *w)
{
	size_t at = (size_t)(w->element - w->dot->elements), head;
	struct eng_embedder e = {{0}, 0};

	head = w->dot->embedders ? eng_vector_head(&e.name, w->dot->embedders[at], w->element->n) : 0;
	if (head)
		e.dim = (uint32_t)((w->element->n - head) / 4);
	return e;
}

static size_t name_max(const struct eng_dot_record *d, size_t k)
{
	struct engram_str name;
	size_t head = d->embedders ? eng_vector_head(&name, d->embedders[k], d->elements[k].n) : 0;

	return ENG_VARINT_MAX + (head ? 2 + name.n : 0);
}

static bool has_body(const struct eng_dot_record *d)
{
	return d->kind != ENG_FORGET && !d->stub;
}

/* -- the table of series ------------------------------------------------------------- */

struct series_table {
	struct eng_series *v;
	size_t n;
};

static int by_series(const void *a, const void *b)
{
	return eng_series_cmp(a, b);
}

static size_t collect_series(struct eng_series *out, const struct eng_item *item)
{
	const struct eng_dot_record *d;
	size_t n = 0;

	for (size_t i = 0; i < item->ndots; i++) {
		d = &item->dots[i];
		if (n == 0 || eng_series_cmp(&out[n - 1], &d->dot.series) != 0)
			out[n++] = d->dot.series;
		for (unsigned k = 0; k < d->nrefs; k++)
			if (eng_series_cmp(&out[n - 1], &d->refs[k].dot.series) != 0)
				out[n++] = d->refs[k].dot.series;
	}
	return n;
}

static int make_table(struct series_table *t, const struct eng_item *item, struct engram_error *err)
{
	size_t cap = item->ndots, n;

	for (size_t i = 0; i < item->ndots; i++)
		cap += item->dots[i].nrefs;
	t->n = 0;
	t->v = eng_arena_alloc(item->arena, cap * sizeof *t->v);
	if (!t->v)
		return eng_err_nomem(err);
	n = collect_series(t->v, item);
	if (n > 1)
		qsort(t->v, n, sizeof *t->v, by_series);
	for (size_t i = 0; i < n; i++)
		if (t->n == 0 || eng_series_cmp(&t->v[t->n - 1], &t->v[i]) != 0)
			t->v[t->n++] = t->v[i];
	return 0;
}

static uint64_t place_of(const struct series_table *t, const struct eng_series *s)
{
	const struct eng_series *at = t->n == 1 ? t->v : bsearch(s, t->v, t->n, sizeof *s, by_series);

	return (uint64_t)(at - t->v);
}

/* -- writing --------------------------------------------------------------------------- */

static uint8_t *put32(uint8_t *p, uint32_t v)
{
	eng_set32(p, v);
	return p + 4;
}

static uint8_t *put64(uint8_t *p, uint64_t v)
{
	eng_set64(p, v);
	return p + 8;
}

static size_t size_bound(const struct eng_item *item, const struct series_table *t)
{
	size_t n = 1 + 2 * ENG_VARINT_MAX + 16 * t->n;
	const struct eng_dot_record *d;

	for (size_t i = 0; i < item->ndots; i++) {
		d = &item->dots[i];
		n += DOT_MAX + (size_t)d->nrefs * REF_MAX + BODY_MAX;
		for (unsigned k = 0; k < d->nelements; k++)
			n += ELEMENT_MAX + name_max(d, k) +
			     (eng_element_inline(d->elements[k].type) ? d->elements[k].n : 0);
	}
	return n;
}

static uint8_t *put_ref(uint8_t *p, const struct series_table *t, const struct eng_ref *r)
{
	p = eng_put_varint(p, place_of(t, &r->dot.series));
	p = eng_put_varint(p, r->dot.seq);
	p = put32(p, r->header_check);
	return eng_put_varint(p, ENG_PLANTED(6) ? 0 : r->index);
}

/* The name with its u16 length before it, as in the vector itself; a vector
 * that is malformed has none. */
static uint8_t *put_embedder(uint8_t *p, const struct eng_element *e, const uint8_t *head)
{
	struct engram_str name;
	size_t n = eng_vector_head(&name, head, e->n) ? 2 + name.n : 0;

	p = eng_put_varint(p, n);
	if (n)
		memcpy(p, head, n);
	return p + n;
}

static uint8_t *put_element(uint8_t *p, const struct eng_element *e, uint64_t hash, const uint8_t *head)
{
	p = eng_put_varint(p, e->type);
	p = eng_put_varint(p, e->n);
	if (!eng_element_inline(e->type)) {
		p = put64(p, hash);
		return e->type == ENG_EL_VECTOR ? put_embedder(p, e, head) : p;
	}
	if (e->n)
		memcpy(p, e->p, e->n);
	return p + e->n;
}

static uint8_t *put_dot(uint8_t *p, const struct series_table *t, const struct eng_dot_record *d)
{
	*p++ = (uint8_t)(d->kind | (d->stub ? STUB_BIT : 0) | (d->in_run && !ENG_PLANTED(10) ? RUN_BIT : 0));
	p = eng_put_varint(p, place_of(t, &d->dot.series));
	p = eng_put_varint(p, d->dot.seq);
	p = put64(p, d->stamp);
	p = put32(p, d->header_check);
	p = put64(p, d->payload_check);
	p = eng_put_varint(p, d->payload_len);
	p = eng_put_varint(p, d->place.segment);
	p = eng_put_varint(p, d->place.offset);
	p = eng_put_varint(p, d->nrefs);
	for (unsigned i = 0; i < d->nrefs; i++)
		p = put_ref(p, t, &d->refs[i]);
	if (!has_body(d))
		return p;
	p = eng_put_varint(p, d->nelements);
	for (unsigned i = 0; i < d->nelements; i++)
		p = put_element(p, &d->elements[i], d->hashes[i], d->embedders ? d->embedders[i] : NULL);
	return p;
}

int eng_item_encode(const struct eng_item *item, struct eng_buf *out, struct engram_error *err)
{
	struct series_table t;
	uint8_t *p;
	int rc = make_table(&t, item, err);

	if (rc)
		return rc;
	if (!eng_buf_reserve(out, size_bound(item, &t)))
		return eng_err_nomem(err);
	p = out->p + out->n;
	*p++ = VERSION;
	p = eng_put_varint(p, t.n);
	p = eng_put_varint(p, item->ndots);
	if (t.n)
		memcpy(p, t.v, 16 * t.n);
	p += 16 * t.n;
	for (size_t i = 0; i < item->ndots; i++)
		p = put_dot(p, &t, &item->dots[i]);
	out->n = (size_t)(p - out->p);
	return 0;
}

/* -- reading ---------------------------------------------------------------------------- */

struct decoder {
	struct eng_reader r;
	const uint8_t *start;
	struct series_table series;
	struct eng_arena *arena;
	struct engram_error *err;
};

static int damaged(const struct decoder *d, const char *what)
{
	return eng_err(d->err, ENGRAM_EDAMAGED, "item: byte %zu: %s", (size_t)(d->r.p - d->start), what);
}

static size_t left(const struct decoder *d)
{
	return (size_t)(d->r.end - d->r.p);
}

static struct eng_dot get_name(struct decoder *d)
{
	struct eng_dot dot = {0};
	uint64_t i = eng_get_varint(&d->r, d->series.n - 1);

	dot.seq = eng_get_varint(&d->r, UINT64_MAX);
	if (!d->r.bad)
		dot.series = d->series.v[i];
	return dot;
}

static int get_series(struct decoder *d, size_t n)
{
	const uint8_t *p = eng_read_bytes(&d->r, 16 * n);

	if (!p)
		return damaged(d, "table of series cut off");
	d->series.n = n;
	d->series.v = (struct eng_series *)(uintptr_t)p; /* bytes, no alignment */
	for (size_t i = 1; i < n; i++)
		if (eng_series_cmp(&d->series.v[i - 1], &d->series.v[i]) >= 0)
			return damaged(d, "table of series out of order");
	return 0;
}

static int get_refs(struct decoder *d, struct eng_dot_record *out)
{
	uint64_t n = eng_get_varint(&d->r, ENG_REFS_MAX);
	struct eng_ref *refs;

	if (d->r.bad || n > left(d) / REF_MIN)
		return damaged(d, "number of refs");
	if (n == 0)
		return 0;
	refs = eng_arena_alloc(d->arena, n * sizeof *refs);
	if (!refs)
		return eng_err_nomem(d->err);
	for (uint64_t i = 0; i < n; i++) {
		refs[i].dot = get_name(d);
		refs[i].header_check = eng_read_u32(&d->r);
		refs[i].index = (uint32_t)eng_get_varint(&d->r, UINT32_MAX);
	}
	out->refs = refs;
	out->nrefs = (uint8_t)n;
	return d->r.bad ? damaged(d, "ref") : 0;
}

static int get_embedder(struct decoder *d, struct eng_dot_record *out, const struct eng_element *e, size_t at, size_t n)
{
	size_t len = (size_t)eng_get_varint(&d->r, UINT16_MAX + 2u);
	const uint8_t *head = eng_read_bytes(&d->r, len), **heads;
	struct engram_str name;

	if (d->r.bad)
		return 0;
	if (len && (len < 2 || !eng_vector_head(&name, head, e->n) || name.n + 2 != len)) {
		d->r.bad = true;
		return 0;
	}
	if (!out->embedders && !(out->embedders = eng_arena_calloc(d->arena, n, sizeof *out->embedders)))
		return eng_err_nomem(d->err);
	heads = (const uint8_t **)(uintptr_t)out->embedders; /* ours until the dot is done */
	heads[at] = len ? head : NULL;
	return 0;
}

static void get_element(struct decoder *d, struct eng_element *e, uint64_t *hash)
{
	uint32_t want;

	e->type = (uint16_t)eng_get_varint(&d->r, UINT16_MAX);
	e->n = (uint32_t)eng_get_varint(&d->r, ENG_PAYLOAD_MAX);
	e->p = NULL;
	*hash = 0;
	if (!eng_element_inline(e->type)) {
		*hash = eng_read_u64(&d->r);
		return;
	}
	want = eng_element_size(e->type);
	if (want && want != e->n)
		d->r.bad = true;
	else
		e->p = eng_read_bytes(&d->r, e->n);
}

static int get_elements(struct decoder *d, struct eng_dot_record *out)
{
	struct eng_element *elements;
	uint64_t *hashes, n;

	n = eng_get_varint(&d->r, UINT16_MAX);
	if (d->r.bad || n > left(d) / ELEMENT_MIN)
		return damaged(d, "number of elements");
	if (n == 0)
		return 0;
	elements = eng_arena_alloc(d->arena, n * sizeof *elements);
	hashes = eng_arena_alloc(d->arena, n * sizeof *hashes);
	if (!elements || !hashes)
		return eng_err_nomem(d->err);
	for (uint64_t i = 0; i < n && !d->r.bad; i++) {
		get_element(d, &elements[i], &hashes[i]);
		elements[i].index = (uint32_t)i + 1;
		if (elements[i].type == ENG_EL_VECTOR && !d->r.bad && get_embedder(d, out, &elements[i], i, n) < 0)
			return ENGRAM_ENOMEM;
	}
	out->elements = elements;
	out->hashes = hashes;
	out->nelements = (uint16_t)n;
	return d->r.bad ? damaged(d, "element") : 0;
}

static bool get_kind(struct decoder *d, struct eng_dot_record *out)
{
	uint8_t b = eng_read_u8(&d->r);

	out->kind = b & KIND_BITS;
	out->stub = b & STUB_BIT;
	out->in_run = b & RUN_BIT;
	if (out->kind == ENG_FORGET)
		return b == ENG_FORGET; /* never a stub, never of a run */
	return (out->kind == ENG_MEMORY || out->kind == ENG_REVISION || out->kind == ENG_USE ||
	        out->kind == ENG_FEEDBACK) &&
	       b < 0x80;
}

static int get_dot(struct decoder *d, struct eng_dot_record *out)
{
	int rc;

	memset(out, 0, sizeof *out);
	if (!get_kind(d, out))
		return damaged(d, "kind");
	out->dot = get_name(d);
	out->stamp = eng_read_u64(&d->r);
	out->header_check = eng_read_u32(&d->r);
	out->payload_check = eng_read_u64(&d->r);
	out->payload_len = (uint32_t)eng_get_varint(&d->r, ENG_PAYLOAD_MAX);
	out->place.segment = eng_get_varint(&d->r, UINT64_MAX);
	out->place.offset = (uint32_t)eng_get_varint(&d->r, UINT32_MAX);
	if (d->r.bad)
		return damaged(d, "dot");
	rc = get_refs(d, out);
	return rc == 0 && has_body(out) ? get_elements(d, out) : rc;
}

static int get_dots(struct decoder *d, struct eng_item *item, size_t n)
{
	int rc;

	item->dots = eng_arena_alloc(d->arena, n * sizeof *item->dots);
	if (!item->dots)
		return eng_err_nomem(d->err);
	item->cap = n;
	for (size_t i = 0; i < n; i++) {
		rc = get_dot(d, &item->dots[i]);
		if (rc)
			return rc;
		if (i && eng_dot_order(&item->dots[i - 1], &item->dots[i]) >= 0)
			return damaged(d, "dots out of order");
		item->ndots = i + 1;
	}
	return d->r.p == d->r.end ? 0 : damaged(d, "bytes behind the last dot");
}

/* Values point into a copy of the input, which LMDB may take away. */
int eng_item_decode(struct eng_item *item, const struct engram_id *id, const uint8_t *p, size_t n,
                    struct eng_arena *arena, struct engram_error *err)
{
	struct decoder d = {.arena = arena, .err = err};
	uint64_t nseries, ndots;
	int rc;

	eng_item_init(item, id, arena);
	d.start = eng_arena_dup(arena, p, n);
	if (!d.start)
		return eng_err_nomem(err);
	d.r = (struct eng_reader){.p = d.start, .end = d.start + n};
	if (eng_read_u8(&d.r) != VERSION)
		return damaged(&d, "wanted version 3");
	nseries = eng_get_varint(&d.r, n / 16);
	ndots = eng_get_varint(&d.r, n / DOT_MIN);
	if (d.r.bad || (nseries == 0) != (ndots == 0))
		return damaged(&d, "number of series or dots");
	rc = get_series(&d, nseries);
	return rc ? rc : get_dots(&d, item, ndots);
}
