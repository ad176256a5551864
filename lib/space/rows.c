/* rows.c - vectors of the documents, in chunks read in place.
 *
 * Places are filled in order.  In the table of hash/1 vectors the row of document
 * d stands at place d, so a document finds its row without an index; vectors of
 * an embedder, which not every document has, stand in the order they came
 * (vectors.c).  New rows fill chunks of 64; the 16 chunks of a filled block of
 * 1,024 become one: a scan of large values is a few page faults where small ones
 * are many, and an apply of 128 documents rewrites 64 KiB, not 512.  A fold removes
 * the chunks that it took into a graph; rows that change later stand in small
 * chunks again, alone or nearly so.
 *
 * A value, keyed by its first place:
 *
 *    0  4 magic "ENGR"    8  4 rows      16  8 XXH3-64 of what follows the header
 *    4  4 zero           12  4 stride    24 24 zero
 *   48    codes rows x stride, then r, sum, doc: rows x 4 each
 *
 * LMDB puts a large value 16 bytes into a page: with a header of 48 the codes
 * lie on a 64-byte boundary, as the kernels want them. */
#include "space/space_int.h"

#include "base/alloc.h"
#include "base/hash.h"

#define MAGIC 0x52474e45u
#define HEADER 48u

const struct eng_row_table eng_hash1_rows = {ENG_T_ROWS, ENG_VEC_STRIDE(ENG_HASH1_DIM), 0};

static size_t chunk_size(uint32_t rows, uint32_t stride)
{
	return HEADER + (size_t)rows * (stride + 12u);
}

static bool view_value(struct eng_rows *out, uint32_t stride, struct eng_bytes value)
{
	const uint8_t *p = value.p;
	uint32_t rows;

	if (value.n < HEADER || eng_get32(p) != MAGIC || eng_get32(p + 12) != stride)
		return false;
	rows = eng_get32(p + 8);
	if ((rows != ENG_ROWS_SMALL && rows != ENG_ROWS_LARGE) || value.n != chunk_size(rows, stride))
		return false;
	*out = (struct eng_rows){
		.codes = (const int8_t *)p + HEADER,
		.r = (const uint32_t *)(const void *)(p + HEADER + (size_t)rows * stride),
		.sum = (const int32_t *)(const void *)(p + HEADER + (size_t)rows * (stride + 4)),
		.doc = (const uint32_t *)(const void *)(p + HEADER + (size_t)rows * (stride + 8)),
		.n = rows,
		.stride = stride,
	};
	return true;
}

/* Of an embedder's table: its number, the place; big-endian, so that places
 * of one embedder are neighbours. */
struct key {
	uint8_t b[8];
	struct eng_bytes bytes;
};

static void make_key(struct key *k, const struct eng_row_table *rt, const uint32_t *first)
{
	if (rt->table == ENG_T_ROWS) {
		k->bytes = eng_bytes(first, sizeof *first);
		return;
	}
	eng_vector_key(k->b, rt->number, *first);
	k->bytes = eng_bytes(k->b, sizeof k->b);
}

static bool get_chunk(struct eng_rows *out, struct eng_txn *t, const struct eng_row_table *rt, uint32_t first)
{
	struct eng_bytes value;
	struct key key;

	make_key(&key, rt, &first);
	return eng_txn_get(t, rt->table, key.bytes, &value) == 1 && view_value(out, rt->stride, value);
}

bool eng_rows_chunk(struct eng_rows *out, uint32_t *first, struct eng_txn *t, const struct eng_row_table *rt,
                    uint32_t place)
{
	*first = place - place % ENG_ROWS_SMALL;
	if (get_chunk(out, t, rt, *first))
		return true;
	*first = place - place % ENG_ROWS_LARGE;
	return get_chunk(out, t, rt, *first) && out->n == ENG_ROWS_LARGE;
}

/* The place in the key of a chunk of this table; false: of another one. */
static bool key_place(uint32_t *place, const struct eng_row_table *rt, struct eng_bytes key)
{
	uint8_t own[8];

	if (rt->table == ENG_T_ROWS) {
		memcpy(place, key.p, sizeof *place);
		return true;
	}
	eng_vector_key(own, rt->number, 0);
	if (key.n != sizeof own || memcmp(key.p, own, 4) != 0)
		return false;
	memcpy(place, (const uint8_t *)key.p + 4, sizeof *place);
	*place = __builtin_bswap32(ENG_LE32(*place));
	return true;
}

int eng_rows_next(struct eng_rows *out, uint32_t *first, struct eng_txn *t, const struct eng_row_table *rt,
                  uint32_t from)
{
	struct eng_bytes key, value;
	struct eng_walk *w = NULL;
	struct key at;
	int r = eng_walk_begin(&w, t, rt->table, NULL);

	if (r < 0)
		return r;
	make_key(&at, rt, &from);
	for (r = eng_walk_seek(w, at.bytes, &key, &value); r == 1; r = eng_walk_next(w, &key, &value)) {
		if (!key_place(first, rt, key))
			r = 0;
		if (r == 0 || view_value(out, rt->stride, value))
			break;
	}
	eng_walk_end(w);
	return r;
}

uint64_t eng_rows_mark(const struct eng_rows *rows)
{
	return eng_get64((const uint8_t *)rows->codes - HEADER + 16);
}

void eng_rows_del(struct eng_txn *t, const struct eng_row_table *rt, uint32_t first)
{
	struct key key;

	make_key(&key, rt, &first);
	eng_txn_del(t, rt->table, key.bytes);
}

bool eng_rows_verify(struct eng_bytes value, uint32_t stride)
{
	struct eng_rows rows;
	const uint8_t *p = value.p;

	return view_value(&rows, stride, value) && eng_get64(p + 16) == eng_hash64(p + HEADER, value.n - HEADER);
}

/* -- writing -------------------------------------------------------------------- */

/* A chunk under construction: on the pages that it will have, unless older ones are
 * read meanwhile, which writing may move. */
struct chunk {
	const struct eng_row_table *table;
	uint8_t *p;
	uint32_t first, rows;
	bool in_place;
};

static uint32_t *column(const struct chunk *c, unsigned which)
{
	return (uint32_t *)(void *)(c->p + HEADER + (size_t)c->rows * (c->table->stride + 4 * which));
}

/* False: there is no page for it, as the transaction knows.  `whole`: each of its rows
 * will be set, and need not be cleared. */
static bool chunk_begin(struct chunk *c, struct eng_txn *t, const struct eng_row_table *rt, uint8_t *scratch,
                        uint32_t first, uint32_t rows, bool whole)
{
	size_t n = chunk_size(rows, rt->stride);
	struct key key;

	make_key(&key, rt, &first);
	*c = (struct chunk){rt, scratch, first, rows, !scratch};
	if (!scratch)
		c->p = eng_txn_reserve(t, rt->table, key.bytes, n);
	if (!c->p)
		return false;
	memset(c->p, 0, whole ? HEADER : n);
	eng_set32(c->p, MAGIC);
	eng_set32(c->p + 8, rows);
	eng_set32(c->p + 12, rt->stride);
	for (uint32_t i = 0; rt->table == ENG_T_ROWS && i < rows; i++)
		column(c, 2)[i] = first + i;
	return true;
}

static void chunk_set(struct chunk *c, const struct eng_row_change *change)
{
	uint32_t at = change->place - c->first, stride = c->table->stride;
	int8_t *codes = (int8_t *)c->p + HEADER + (size_t)at * stride;

	if (change->codes)
		memcpy(codes, change->codes, stride);
	else
		memset(codes, 0, stride);
	column(c, 0)[at] = change->codes ? eng_vec_norm(codes, stride) : 0;
	column(c, 1)[at] = (uint32_t)(change->codes ? eng_vec_sum(codes, stride) : 0);
	column(c, 2)[at] = change->doc;
}

/* Rows of an older chunk that lie in this one. */
static void chunk_copy(struct chunk *c, const struct eng_rows *from, uint32_t first)
{
	uint32_t at = first - c->first, n = from->n < c->rows - at ? from->n : c->rows - at;

	memcpy(c->p + HEADER + (size_t)at * c->table->stride, from->codes, (size_t)n * c->table->stride);
	memcpy(column(c, 0) + at, from->r, n * sizeof *from->r);
	memcpy(column(c, 1) + at, from->sum, n * sizeof *from->sum);
	memcpy(column(c, 2) + at, from->doc, n * sizeof *from->doc);
}

static void chunk_end(struct chunk *c, struct eng_txn *t)
{
	size_t n = chunk_size(c->rows, c->table->stride);
	struct key key;

	make_key(&key, c->table, &c->first);
	eng_set64(c->p + 16, eng_hash64(c->p + HEADER, n - HEADER));
	if (!c->in_place)
		eng_txn_put(t, c->table->table, key.bytes, eng_bytes(c->p, n));
}

static bool only_empties(const struct eng_row_change *changes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (changes[i].codes)
			return false;
	return true;
}

static void write_small(struct eng_txn *t, const struct eng_row_table *rt, uint8_t *p,
                        const struct eng_row_change *changes, size_t n)
{
	uint32_t first = changes[0].place - changes[0].place % ENG_ROWS_SMALL;
	struct eng_rows old;
	bool there = get_chunk(&old, t, rt, first);
	struct chunk c;

	if (!there && only_empties(changes, n))
		return;
	if (!chunk_begin(&c, t, rt, there ? p : NULL, first, ENG_ROWS_SMALL, n == ENG_ROWS_SMALL))
		return;
	if (there)
		chunk_copy(&c, &old, first);
	for (size_t i = 0; i < n; i++)
		chunk_set(&c, &changes[i]);
	chunk_end(&c, t);
}

static bool has_chunks(struct eng_txn *t, const struct eng_row_table *rt, uint32_t first)
{
	struct eng_rows old;

	for (uint32_t at = first; at < first + ENG_ROWS_LARGE; at += ENG_ROWS_SMALL)
		if (get_chunk(&old, t, rt, at))
			return true;
	return false;
}

/* A filled block: from one large chunk, or from its small ones, which go. */
static void write_large(struct eng_txn *t, const struct eng_row_table *rt, uint8_t *p,
                        const struct eng_row_change *changes, size_t n)
{
	uint32_t first = changes[0].place - changes[0].place % ENG_ROWS_LARGE;
	bool there = has_chunks(t, rt, first);
	struct eng_rows old;
	struct chunk c;
	struct key key;

	if (!chunk_begin(&c, t, rt, there ? p : NULL, first, ENG_ROWS_LARGE, n == ENG_ROWS_LARGE))
		return;
	for (uint32_t at = first; there && at < first + ENG_ROWS_LARGE; at += old.n) {
		if (!get_chunk(&old, t, rt, at)) {
			old.n = ENG_ROWS_SMALL;
			continue;
		}
		chunk_copy(&c, &old, at);
		make_key(&key, rt, &at);
		if (at != first)
			eng_txn_del(t, rt->table, key.bytes);
	}
	for (size_t i = 0; i < n; i++)
		chunk_set(&c, &changes[i]);
	chunk_end(&c, t);
}

static size_t same_chunk(const struct eng_row_change *changes, size_t n, uint32_t rows)
{
	size_t i = 1;

	while (i < n && changes[i].place / rows == changes[0].place / rows)
		i++;
	return i;
}

/* Whether a block of 1,024 places shall be one chunk: it is one, or so much of it is in
 * use that rewriting it whole costs less than meeting its pieces at every scan. */
static bool is_large(struct eng_txn *t, const struct eng_row_table *rt, const struct eng_row_change *changes, size_t n)
{
	enum { WORTH = ENG_ROWS_LARGE / ENG_ROWS_SMALL / 2 };
	uint32_t first = changes[0].place - changes[0].place % ENG_ROWS_LARGE, chunks = 0;
	struct eng_rows old;
	size_t i = 0;

	for (uint32_t at = first; at < first + ENG_ROWS_LARGE; at += ENG_ROWS_SMALL) {
		size_t some = i;
		while (i < n && changes[i].place < at + ENG_ROWS_SMALL)
			i++;
		if (get_chunk(&old, t, rt, at))
			chunks += old.n / ENG_ROWS_SMALL;
		else
			chunks += !only_empties(changes + some, i - some);
	}
	return chunks >= WORTH;
}

static void write_block(struct eng_txn *t, const struct eng_row_table *rt, uint8_t *p,
                        const struct eng_row_change *changes, size_t n, bool full)
{
	if (full && is_large(t, rt, changes, n)) {
		write_large(t, rt, p, changes, n);
		return;
	}
	for (size_t i = 0, some; i < n; i += some) {
		some = same_chunk(changes + i, n - i, ENG_ROWS_SMALL);
		write_small(t, rt, p, changes + i, some);
	}
}

int eng_rows_write(struct eng_txn *t, const struct eng_row_table *rt, const struct eng_row_change *changes, size_t n,
                   uint32_t next_place, struct engram_error *err)
{
	uint8_t *p;

	if (n == 0)
		return 0;
	p = eng_alloc(chunk_size(ENG_ROWS_LARGE, rt->stride));
	if (!p)
		return eng_err_nomem(err);
	for (size_t i = 0, some; i < n; i += some) {
		some = same_chunk(changes + i, n - i, ENG_ROWS_LARGE);
		write_block(t, rt, p, changes + i, some, changes[i].place / ENG_ROWS_LARGE < next_place / ENG_ROWS_LARGE);
	}
	eng_free(p);
	return eng_txn_status(t, err);
}
