/* digest.c - what an item adds to the state digest.
 *
 * Contributions (README.md has the table of classes; edges: edge_code.c):
 *
 *   MEMORY, REVISION   one a live dot: id, dot, stamp, payload_check, and the
 *                      elements of it that refs killed
 *   USE, FEEDBACK      one a live dot: id, dot, stamp, payload_check
 *   FORGET             one a forget: id, dot, stamp, refs
 *   STORED             one a live item: id, stamp that `stored` follows from,
 *                      stamps of the rehearsals
 *
 * payload_check stands for text, fields, tags and vector of the frame; what
 * refs take out of it is listed beside it.  Each live dot thus costs one hash.
 * Dead dots add nothing, so a stub and the full frame it came from cannot
 * differ. */
#include <string.h>

#include "base/hash.h"
#include "base/le.h"
#include "merge/digest.h"
#include "merge/merge_int.h"

enum { HEAD = 4 + 16 + 16 + 8 + 8 + 8 };

static eng_u128 wide(XXH128_hash_t h)
{
	return (eng_u128)h.high64 << 64 | h.low64;
}

static void put_head(uint8_t out[HEAD], enum eng_digest_class class, const struct engram_id *id,
                     const struct eng_dot_record *d)
{
	eng_set32(out, class);
	memcpy(out + 4, id->b, 16);
	memcpy(out + 20, d->dot.series.b, 16);
	eng_set64(out + 36, d->dot.seq);
	eng_set64(out + 44, d->stamp);
	eng_set64(out + 52, d->payload_check);
}

static enum eng_digest_class class_of(uint8_t kind)
{
	switch (kind) {
	case ENG_MEMORY:
		return ENG_CLASS_MEMORY;
	case ENG_REVISION:
		return ENG_CLASS_REVISION;
	case ENG_USE:
		return ENG_CLASS_USE;
	default:
		return ENG_CLASS_FEEDBACK;
	}
}

/* -- one contribution each ------------------------------------------------------- */

static int live_dot(const struct eng_item *item, const struct eng_liveness *l, size_t i, eng_u128 *sum)
{
	const struct eng_dot_record *d = &item->dots[i];
	const struct eng_element_kill *first, *end;
	uint8_t small[HEAD], *p = small;
	size_t n = HEAD;

	eng_liveness_kills(l, i, &first, &end);
	if (ENG_PLANTED(4))
		first = end;
	if (first != end) {
		n += 4 * (size_t)(end - first);
		p = eng_arena_alloc(item->arena, n);
		if (!p)
			return ENGRAM_ENOMEM;
	}
	put_head(p, class_of(d->kind), &item->id, d);
	for (uint8_t *at = p + HEAD; first != end; first++, at += 4)
		eng_set32(at, first->index);
	*sum += wide(XXH3_128bits(p, n));
	return 0;
}

static int forget_dot(const struct eng_item *item, const struct eng_dot_record *d, eng_u128 *sum)
{
	enum { REF = 16 + 8 + 4 + 4 };
	size_t n = HEAD + (size_t)d->nrefs * REF;
	uint8_t *p = eng_arena_alloc(item->arena, n), *at;

	if (!p)
		return ENGRAM_ENOMEM;
	put_head(p, ENG_CLASS_FORGET, &item->id, d);
	at = p + HEAD;
	for (unsigned i = 0; i < d->nrefs; i++, at += REF) {
		memcpy(at, d->refs[i].dot.series.b, 16);
		eng_set64(at + 16, d->refs[i].dot.seq);
		eng_set32(at + 24, d->refs[i].header_check);
		eng_set32(at + 28, d->refs[i].index);
	}
	*sum += wide(XXH3_128bits(p, n));
	return 0;
}

/* Both follow from dots that may be dead. */
static int stored(const struct eng_item *item, eng_stamp forgotten, eng_u128 *sum, struct engram_error *err)
{
	const eng_stamp *stamps;
	uint8_t *in;
	size_t n;
	int rc = eng_item_rehearsals(item, &stamps, &n, err);

	if (rc)
		return rc;
	in = eng_arena_alloc(item->arena, 28 + 8 * n);
	if (!in)
		return eng_err_nomem(err);
	eng_set32(in, ENG_CLASS_STORED);
	memcpy(in + 4, item->id.b, 16);
	eng_set64(in + 20, eng_item_first_stored(item, forgotten));
	for (size_t i = 0; i < n; i++)
		eng_set64(in + 28 + 8 * i, stamps[i]);
	*sum += wide(XXH3_128bits(in, 28 + 8 * n));
	return 0;
}

/* -- the sum --------------------------------------------------------------------- */

int eng_item_digest(const struct eng_item *item, eng_u128 *out, struct engram_error *err)
{
	struct eng_liveness l;
	eng_u128 sum = 0;
	bool live = false;
	int rc = eng_liveness(item, &l, err);

	for (size_t i = 0; rc == 0 && i < item->ndots; i++) {
		if (l.dead[i] && !(ENG_PLANTED(103) && !item->dots[i].stub))
			continue;
		live |= item->dots[i].kind == ENG_MEMORY;
		rc = item->dots[i].kind == ENG_FORGET ? forget_dot(item, &item->dots[i], &sum)
		                                      : live_dot(item, &l, i, &sum);
		if (rc)
			rc = eng_err_nomem(err);
	}
	if (rc)
		return rc;
	rc = live ? stored(item, l.forgotten, &sum, err) : 0;
	if (rc == 0)
		*out = sum;
	return rc;
}

void eng_digest_fold(uint8_t out[16], const eng_u128 buckets[ENG_DIGEST_BUCKETS])
{
	enum { ENTRY = 4 + 16, BATCH = 64 };
	uint8_t in[BATCH * ENTRY];
	XXH3_state_t state;
	size_t n = 0;

	XXH3_128bits_reset(&state);
	for (uint32_t i = 0; i < ENG_DIGEST_BUCKETS; i++) {
		if (buckets[i] != 0) {
			eng_set32(in + n, i);
			eng_u128_encode(in + n + 4, buckets[i]);
			n += ENTRY;
		}
		if (n == sizeof in || i == ENG_DIGEST_BUCKETS - 1) {
			XXH3_128bits_update(&state, in, n);
			n = 0;
		}
	}
	eng_u128_encode(out, wide(XXH3_128bits_digest(&state)));
}

void eng_u128_encode(uint8_t out[16], eng_u128 v)
{
	eng_set64(out, (uint64_t)v);
	eng_set64(out + 8, (uint64_t)(v >> 64));
}

eng_u128 eng_u128_decode(const uint8_t in[16])
{
	return (eng_u128)eng_get64(in + 8) << 64 | eng_get64(in);
}
