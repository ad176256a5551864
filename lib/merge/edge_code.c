/* edge_code.c - an edge as bytes: for the state, and for the digest.
 *
 *   1       version 1
 *   varint  number of dots
 *   each dot, in order:
 *     16      series
 *     varint  seq
 *     8       stamp
 *     4       header_check
 *     varint  index, weight, confidence, segment, offset
 *     varint  number of refs; each as in a prelude: series 16, seq 8,
 *             header_check 4, index 4
 *
 * The key is not in it: it is the key of the record.  One link takes about 45
 * bytes.  As of items (code.c), decoding trusts nothing. */
#include <string.h>

#include "base/hash.h"
#include "base/le.h"
#include "merge/merge_int.h"
#include "merge/varint.h"

enum { VERSION = 1, REF = 32, DOT_MIN = 16 + 1 + 8 + 4 + 5 + 1, DOT_MAX = 16 + 8 + 4 + 7 * ENG_VARINT_MAX };

/* -- writing ------------------------------------------------------------------ */

static uint8_t *put_dot(uint8_t *p, const struct eng_edge_dot *d)
{
	memcpy(p, d->dot.series.b, 16);
	p = eng_put_varint(p + 16, d->dot.seq);
	eng_set64(p, d->stamp);
	eng_set32(p + 8, d->header_check);
	p = eng_put_varint(p + 12, d->index);
	p = eng_put_varint(p, d->weight);
	p = eng_put_varint(p, d->confidence);
	p = eng_put_varint(p, d->place.segment);
	p = eng_put_varint(p, d->place.offset);
	p = eng_put_varint(p, d->nrefs);
	for (unsigned i = 0; i < d->nrefs; i++, p += REF) {
		memcpy(p, d->refs[i].dot.series.b, 16);
		eng_set64(p + 16, d->refs[i].dot.seq);
		eng_set32(p + 24, d->refs[i].header_check);
		eng_set32(p + 28, d->refs[i].index);
	}
	return p;
}

int eng_edge_encode(const struct eng_edge *e, struct eng_buf *out, struct engram_error *err)
{
	size_t bound = 1 + ENG_VARINT_MAX;
	uint8_t *p;

	for (size_t i = 0; i < e->ndots; i++)
		bound += DOT_MAX + (size_t)e->dots[i].nrefs * REF;
	if (!eng_buf_reserve(out, bound))
		return eng_err_nomem(err);
	p = out->p + out->n;
	*p++ = VERSION;
	p = eng_put_varint(p, e->ndots);
	for (size_t i = 0; i < e->ndots; i++)
		p = put_dot(p, &e->dots[i]);
	out->n = (size_t)(p - out->p);
	return 0;
}

/* -- reading ------------------------------------------------------------------- */

static int damaged(const char *what, struct engram_error *err)
{
	return eng_err(err, ENGRAM_EDAMAGED, "edge: %s", what);
}

static int get_refs(struct eng_edge_dot *d, struct eng_reader *r, struct eng_arena *arena, struct engram_error *err)
{
	uint64_t n = eng_get_varint(r, ENG_REFS_MAX);
	struct eng_ref *refs;

	if (r->bad || n > (size_t)(r->end - r->p) / REF)
		return damaged("number of refs", err);
	if (n == 0)
		return 0;
	refs = eng_arena_alloc(arena, n * sizeof *refs);
	if (!refs)
		return eng_err_nomem(err);
	for (uint64_t i = 0; i < n; i++) {
		memcpy(refs[i].dot.series.b, eng_read_bytes(r, 16), 16);
		refs[i].dot.seq = eng_read_u64(r);
		refs[i].header_check = eng_read_u32(r);
		refs[i].index = eng_read_u32(r);
	}
	d->refs = refs;
	d->nrefs = (uint8_t)n;
	return 0;
}

static int get_dot(struct eng_edge_dot *d, struct eng_reader *r, struct eng_arena *arena, struct engram_error *err)
{
	const uint8_t *series = eng_read_bytes(r, 16);

	*d = (struct eng_edge_dot){.nrefs = 0};
	if (!series)
		return damaged("dot cut off", err);
	memcpy(d->dot.series.b, series, 16);
	d->dot.seq = eng_get_varint(r, UINT64_MAX);
	d->stamp = eng_read_u64(r);
	d->header_check = eng_read_u32(r);
	d->index = (uint32_t)eng_get_varint(r, UINT32_MAX);
	d->weight = (uint16_t)eng_get_varint(r, ENGRAM_CONFIDENCE_ONE);
	d->confidence = (uint16_t)eng_get_varint(r, ENGRAM_CONFIDENCE_ONE);
	d->place.segment = eng_get_varint(r, UINT64_MAX);
	d->place.offset = (uint32_t)eng_get_varint(r, UINT32_MAX);
	return r->bad ? damaged("dot", err) : get_refs(d, r, arena, err);
}

int eng_edge_decode(struct eng_edge *e, const struct eng_edge_key *key, const uint8_t *p, size_t n,
                    struct eng_arena *arena, struct engram_error *err)
{
	struct eng_reader r = {.p = p, .end = p + n};
	uint64_t ndots;
	int rc;

	eng_edge_init(e, key, arena);
	if (eng_read_u8(&r) != VERSION)
		return damaged("wanted version 1", err);
	ndots = eng_get_varint(&r, n / DOT_MIN);
	if (r.bad || ndots == 0)
		return damaged("number of dots", err);
	e->dots = eng_arena_alloc(arena, ndots * sizeof *e->dots);
	if (!e->dots)
		return eng_err_nomem(err);
	e->cap = ndots;
	for (size_t i = 0; i < ndots; i++) {
		rc = get_dot(&e->dots[i], &r, arena, err);
		if (rc < 0)
			return rc;
		if (i && eng_edge_dot_order(&e->dots[i - 1], &e->dots[i]) >= 0)
			return damaged("dots out of order", err);
		e->ndots = i + 1;
	}
	return r.p == r.end ? 0 : damaged("bytes behind the last dot", err);
}

/* -- the digest -------------------------------------------------------------------- */

enum { HEAD = 4 + 16 + 16 + 16 + 8 + 4 + 8 + 2 + 2 };

static eng_u128 dot_sum(const struct eng_edge_key *key, const struct eng_edge_dot *d)
{
	uint8_t in[HEAD + ENGRAM_RELATION_MAX];
	XXH128_hash_t h;

	eng_set32(in, key->class == ENG_EDGE_LINK ? ENG_CLASS_LINK : ENG_CLASS_TOGETHER);
	memcpy(in + 4, key->from.b, 16);
	memcpy(in + 20, key->to.b, 16);
	memcpy(in + 36, d->dot.series.b, 16);
	eng_set64(in + 52, d->dot.seq);
	eng_set32(in + 60, d->index);
	eng_set64(in + 64, d->stamp);
	eng_set16(in + 72, d->weight);
	eng_set16(in + 74, d->confidence);
	memcpy(in + HEAD, key->relation, key->n);
	h = XXH3_128bits(in, HEAD + (size_t)key->n);
	return (eng_u128)h.high64 << 64 | h.low64;
}

int eng_edge_digest(const struct eng_edge *e, eng_u128 *out, eng_stamp forgotten, struct engram_error *err)
{
	struct eng_edge_reading r;
	int rc = eng_edge_read(e, &r, forgotten, err);

	if (rc < 0)
		return rc;
	*out = 0;
	for (size_t i = 0; i < r.ndots; i++)
		*out += dot_sum(&e->key, r.dots[i]);
	return 0;
}
