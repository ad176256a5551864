/* schema.c - how the tables of the state are encoded.
 *
 * Integers in values are little-endian, in keys big-endian (LMDB compares
 * bytes) or native where the table says int_key.  Single records carry an
 * XXH3-64 of what precedes it: LMDB has no checksums of its own, and a
 * flipped bit in a head would lose frames silently.  Bulk data (briefs, sums)
 * carry none: --check recomputes them. */
#include "space/space_int.h"

#include <inttypes.h>

#include "base/alloc.h"
#include "base/hash.h"

const struct eng_table eng_state_tables[ENG_T_COUNT] = {
	[ENG_T_META] = {"meta", false},
	[ENG_T_HEADS] = {"heads", false},
	[ENG_T_ITEMS] = {"items", false},
	[ENG_T_BRIEF] = {"brief", true},
	[ENG_T_ROWS] = {"rows", true},
	[ENG_T_ORDER] = {"order", false},
	[ENG_T_TAGS] = {"tags", false},
	[ENG_T_DF] = {"df", true},
	[ENG_T_DIGEST] = {"digest", true},
	[ENG_T_CHANGES] = {"changes", true},
	[ENG_T_EDGES] = {"edges", false},
	[ENG_T_EDGES_TO] = {"edges_to", false},
	[ENG_T_SKIPPED] = {"skipped", false},
	[ENG_T_SERIES] = {"series", false},
	[ENG_T_EMBEDDERS] = {"embedders", false},
	[ENG_T_PLACES] = {"places", false},
	[ENG_T_VECTORS] = {"vectors", false},
	[ENG_T_NODES] = {"nodes", false},
	[ENG_T_NODE_DOCS] = {"node_docs", false},
};

static void set_check(uint8_t *record, size_t size)
{
	eng_set64(record + size - 8, XXH3_64bits(record, size - 8));
}

static bool check_ok(struct eng_bytes in, size_t size)
{
	const uint8_t *p = in.p;

	return in.n == size && eng_get64(p + size - 8) == XXH3_64bits(p, size - 8);
}

static void set_be32(uint8_t *p, uint32_t v)
{
	v = __builtin_bswap32(ENG_LE32(v));
	memcpy(p, &v, sizeof v);
}

static void set_be64(uint8_t *p, uint64_t v)
{
	v = __builtin_bswap64(ENG_LE64(v));
	memcpy(p, &v, sizeof v);
}

/* -- meta, heads ------------------------------------------------------------ */

void eng_meta_encode(uint8_t out[ENG_META_SIZE], const struct eng_meta *m)
{
	memset(out, 0, ENG_META_SIZE);
	eng_set32(out, m->version);
	eng_set32(out + 4, m->docs);
	eng_set64(out + 8, m->live);
	eng_set64(out + 16, m->tokens);
	eng_set64(out + 24, m->changes);
	eng_set64(out + 32, m->stamp);
	memcpy(out + 40, m->build, 16);
	memcpy(out + 56, m->space.b, 16);
	eng_set64(out + 72, m->unpurged);
	eng_set64(out + 80, m->view);
	memcpy(out + 88, m->view_digest, sizeof m->view_digest);
	set_check(out, ENG_META_SIZE);
}

bool eng_meta_decode(struct eng_meta *m, struct eng_bytes in)
{
	const uint8_t *p = in.p;

	if (!check_ok(in, ENG_META_SIZE))
		return false;
	m->version = eng_get32(p);
	m->docs = eng_get32(p + 4);
	m->live = eng_get64(p + 8);
	m->tokens = eng_get64(p + 16);
	m->changes = eng_get64(p + 24);
	m->stamp = eng_get64(p + 32);
	memcpy(m->build, p + 40, 16);
	memcpy(m->space.b, p + 56, 16);
	m->unpurged = eng_get64(p + 72);
	m->view = eng_get64(p + 80);
	memcpy(m->view_digest, p + 88, sizeof m->view_digest);
	return true;
}

void eng_head_encode(uint8_t out[ENG_HEAD_SIZE], const struct eng_head *h)
{
	memset(out, 0, ENG_HEAD_SIZE);
	eng_set64(out, h->seq);
	eng_set64(out + 8, h->stamp);
	eng_set64(out + 16, h->next.segment);
	eng_set32(out + 24, h->next.offset);
	eng_set32(out + 28, h->header_check);
	eng_set64(out + 32, h->base);
	set_check(out, ENG_HEAD_SIZE);
}

bool eng_head_decode(struct eng_head *h, struct eng_bytes key, struct eng_bytes in)
{
	const uint8_t *p = in.p;

	if (key.n != sizeof h->series.b || !check_ok(in, ENG_HEAD_SIZE))
		return false;
	memcpy(h->series.b, key.p, sizeof h->series.b);
	h->seq = eng_get64(p);
	h->stamp = eng_get64(p + 8);
	h->next.segment = eng_get64(p + 16);
	h->next.offset = eng_get32(p + 24);
	h->header_check = eng_get32(p + 28);
	h->base = eng_get64(p + 32);
	return true;
}

int eng_meta_load(struct eng_meta *m, struct eng_txn *t, const struct engram_id *space, struct engram_error *err)
{
	struct eng_bytes value;
	int r = eng_txn_get(t, ENG_T_META, eng_bytes("meta", 4), &value);

	if (r < 0)
		return eng_txn_status(t, err);
	if (r == 0 || !eng_meta_decode(m, value))
		return eng_err(err, ENGRAM_EDAMAGED, "state: meta: wanted a record of %u bytes with a right check, %s",
		               ENG_META_SIZE, r ? "found another" : "found none");
	if (m->version != ENG_STATE_VERSION)
		return eng_err(err, ENGRAM_EVERSION, "state: wanted version %u, found %u", ENG_STATE_VERSION,
		               m->version);
	if (eng_id_cmp(&m->space, space) != 0)
		return eng_err(err, ENGRAM_EVERSION, "state: it belongs to another space");
	return 0;
}

int eng_heads_load(struct eng_head **heads, size_t *n, struct eng_txn *t, struct engram_error *err)
{
	struct eng_head *all = NULL;
	struct eng_walk *w = NULL;
	struct eng_bytes key, value;
	uint64_t count = 0, at = 0;
	int r = eng_txn_count(t, ENG_T_HEADS, &count);

	if (r < 0)
		return eng_txn_status(t, err);
	all = eng_calloc(count ? count : 1, sizeof *all);
	if (!all)
		return eng_err_nomem(err);
	r = eng_walk_begin(&w, t, ENG_T_HEADS, err);
	if (r < 0)
		goto out;
	for (r = eng_walk_seek(w, eng_bytes(NULL, 0), &key, &value); r == 1 && at < count;
	     r = eng_walk_next(w, &key, &value))
		if (!eng_head_decode(&all[at++], key, value)) {
			r = eng_err(err, ENGRAM_EDAMAGED, "state: head %" PRIu64 ": wrong check", at);
			goto out;
		}
	if (r < 0) {
		r = eng_txn_status(t, err);
		goto out;
	}
	*heads = all;
	*n = (size_t)at;
	all = NULL;
	r = 0;
out:
	eng_walk_end(w);
	eng_free(all);
	return r;
}

const struct eng_head *eng_head_find(const struct eng_head *heads, size_t n, const struct eng_series *series)
{
	for (size_t i = 0; i < n; i++)
		if (eng_series_cmp(&heads[i].series, series) == 0)
			return &heads[i];
	return NULL;
}

/* -- briefs, changes, keys ---------------------------------------------------- */

void eng_brief_encode(uint8_t out[ENG_BRIEF_SIZE], const struct eng_brief *b)
{
	memcpy(out, b->id.b, 16);
	eng_set64(out + 16, (uint64_t)b->when_us);
	eng_set64(out + 24, (uint64_t)b->stored_us);
	eng_set64(out + 32, (uint64_t)b->valid_until_us);
	eng_set64(out + 40, b->source_hash);
	eng_set64(out + 48, b->actor_hash);
	eng_set32(out + 56, b->tokens);
	eng_set16(out + 60, b->confidence);
	out[62] = b->kind;
	out[63] = b->live;
}

void eng_brief_decode(struct eng_brief *b, const uint8_t in[ENG_BRIEF_SIZE])
{
	memcpy(b->id.b, in, 16);
	b->when_us = (int64_t)eng_get64(in + 16);
	b->stored_us = (int64_t)eng_get64(in + 24);
	b->valid_until_us = (int64_t)eng_get64(in + 32);
	b->source_hash = eng_get64(in + 40);
	b->actor_hash = eng_get64(in + 48);
	b->tokens = eng_get32(in + 56);
	b->confidence = eng_get16(in + 60);
	b->kind = in[62];
	b->live = in[63];
}

void eng_change_encode(uint8_t out[ENG_CHANGE_SIZE], const struct eng_change *c)
{
	eng_set32(out, c->doc);
	eng_set32(out + 4, c->old.element);
	memcpy(out + 8, c->old.dot.series.b, 16);
	eng_set64(out + 24, c->old.dot.seq);
	eng_set64(out + 32, c->old.place.segment);
	eng_set32(out + 40, c->old.place.offset);
	eng_set32(out + 44, c->old.n);
	set_check(out, ENG_CHANGE_SIZE);
}

bool eng_change_decode(struct eng_change *c, struct eng_bytes in)
{
	const uint8_t *p = in.p;

	if (!check_ok(in, ENG_CHANGE_SIZE))
		return false;
	c->doc = eng_get32(p);
	c->old.element = eng_get32(p + 4);
	memcpy(c->old.dot.series.b, p + 8, 16);
	c->old.dot.seq = eng_get64(p + 24);
	c->old.place.segment = eng_get64(p + 32);
	c->old.place.offset = eng_get32(p + 40);
	c->old.n = eng_get32(p + 44);
	return true;
}

/* Those of a series lie in order. */
void eng_skip_encode(uint8_t key[ENG_SKIP_KEY], uint8_t out[ENG_SKIP_SIZE], const struct eng_raw_skip *s)
{
	memcpy(key, s->dot.series.b, 16);
	set_be64(key + 16, s->dot.seq);
	eng_set32(key + 24, s->header_check);
	memset(out, 0, ENG_SKIP_SIZE);
	out[0] = s->kind;
	out[1] = s->version;
	eng_set32(out + 4, s->place.offset);
	eng_set64(out + 8, s->place.segment);
	set_check(out, ENG_SKIP_SIZE);
}

bool eng_skip_decode(struct eng_raw_skip *s, struct eng_bytes key, struct eng_bytes in)
{
	const uint8_t *k = key.p, *p = in.p;

	if (key.n != ENG_SKIP_KEY || !check_ok(in, ENG_SKIP_SIZE))
		return false;
	memcpy(s->dot.series.b, k, 16);
	s->dot.seq = __builtin_bswap64(eng_get64(k + 16));
	s->header_check = eng_get32(k + 24);
	s->kind = p[0];
	s->version = p[1];
	s->place = (struct eng_place){eng_get64(p + 8), eng_get32(p + 4)};
	return true;
}

/* Walked backwards this is stored descending, id ascending; growing times
 * append at the end of the tree. */
void eng_order_key(uint8_t out[ENG_ORDER_KEY], int64_t stored_us, const struct engram_id *id)
{
	set_be64(out, (uint64_t)stored_us ^ (1ull << 63));
	for (unsigned i = 0; i < 16; i++)
		out[8 + i] = (uint8_t)~id->b[i];
}

/* Length, tag, document: the length first, so that no tag is a prefix of
 * another's key.  LMDB keys end at 511 bytes: of a longer tag its XXH3-128
 * stands there, and who reads compares the memory's own tags. */
size_t eng_tag_key(uint8_t out[ENG_TAG_KEY_MAX], struct engram_str tag, uint32_t doc)
{
	size_t n = 2;

	out[0] = (uint8_t)(tag.n >> 8);
	out[1] = (uint8_t)tag.n;
	if (tag.n <= ENG_TAG_VERBATIM) {
		memcpy(out + n, tag.p, tag.n);
		n += tag.n;
	} else {
		XXH128_canonical_t c;
		XXH128_canonicalFromHash(&c, XXH3_128bits(tag.p, tag.n));
		memcpy(out + n, c.digest, sizeof c.digest);
		n += sizeof c.digest;
	}
	set_be32(out + n, doc);
	return n + 4;
}

/* -- items ----------------------------------------------------------------------- */

int eng_item_value(struct eng_buf *out, const struct eng_item *item, uint32_t doc, struct engram_error *err)
{
	int r;

	eng_buf_reset(out);
	eng_buf_zero(out, 8);
	eng_buf_u32(out, doc);
	eng_buf_u32(out, 0);
	r = eng_item_encode(item, out, err);
	if (r < 0)
		return r;
	if (out->failed)
		return eng_err_nomem(err);
	eng_set64(out->p, XXH3_64bits(out->p + 8, out->n - 8));
	return 0;
}

int eng_item_load(struct eng_item *item, uint32_t *doc, const struct engram_id *id, struct eng_bytes value,
                  struct eng_arena *arena, struct engram_error *err)
{
	uint8_t *copy;

	if (value.n < 16 || eng_get64(value.p) != XXH3_64bits((const uint8_t *)value.p + 8, value.n - 8)) {
		char text[ENGRAM_ID_TEXT + 1];
		engram_id_format(text, id);
		return eng_err(err, ENGRAM_EDAMAGED, "state: item %s: wrong check", text);
	}
	copy = eng_arena_dup(arena, (const uint8_t *)value.p + 8, value.n - 8);
	if (!copy)
		return eng_err_nomem(err);
	*doc = eng_get32(copy);
	return eng_item_decode(item, id, copy + 8, value.n - 16, arena, err);
}
