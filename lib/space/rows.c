/* rows.c - hash/1 vectors of the documents, in chunks read in place.
 *
 * The row of document d stands at place d, so a document finds its row without
 * an index.  New documents fill chunks of 64 rows; the 16 chunks of a filled
 * block of 1,024 become one: a scan of large values is a few page faults where
 * small ones are many, and an apply of 128 documents rewrites 64 KiB, not 512.
 *
 * A value, keyed by its first document:
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
#define STRIDE ENG_VEC_STRIDE(ENG_HASH1_DIM)
#define CHUNK_SIZE(rows) (HEADER + (size_t)(rows) * (STRIDE + 12u))

static bool view_value(struct eng_rows *out, struct eng_bytes value)
{
	const uint8_t *p = value.p;
	uint32_t rows;

	if (value.n < HEADER || eng_get32(p) != MAGIC || eng_get32(p + 12) != STRIDE)
		return false;
	rows = eng_get32(p + 8);
	if ((rows != ENG_ROWS_SMALL && rows != ENG_ROWS_LARGE) || value.n != CHUNK_SIZE(rows))
		return false;
	*out = (struct eng_rows){
		.codes = (const int8_t *)p + HEADER,
		.r = (const uint32_t *)(const void *)(p + HEADER + (size_t)rows * STRIDE),
		.sum = (const int32_t *)(const void *)(p + HEADER + (size_t)rows * (STRIDE + 4)),
		.doc = (const uint32_t *)(const void *)(p + HEADER + (size_t)rows * (STRIDE + 8)),
		.n = rows,
		.stride = STRIDE,
	};
	return true;
}

static bool get_chunk(struct eng_rows *out, struct eng_txn *t, uint32_t first)
{
	struct eng_bytes value;

	return eng_txn_get(t, ENG_T_ROWS, eng_bytes(&first, sizeof first), &value) == 1 && view_value(out, value);
}

bool eng_rows_chunk(struct eng_rows *out, uint32_t *first, struct eng_txn *t, uint32_t doc)
{
	*first = doc - doc % ENG_ROWS_SMALL;
	if (get_chunk(out, t, *first))
		return true;
	*first = doc - doc % ENG_ROWS_LARGE;
	return get_chunk(out, t, *first) && out->n == ENG_ROWS_LARGE;
}

bool eng_rows_verify(struct eng_bytes value)
{
	struct eng_rows rows;
	const uint8_t *p = value.p;

	return view_value(&rows, value) && eng_get64(p + 16) == XXH3_64bits(p + HEADER, value.n - HEADER);
}

/* -- writing -------------------------------------------------------------------- */

/* A chunk under construction. */
struct chunk {
	uint8_t *p;
	uint32_t first, rows;
};

static uint32_t *column(const struct chunk *c, unsigned which)
{
	return (uint32_t *)(void *)(c->p + HEADER + (size_t)c->rows * (STRIDE + 4 * which));
}

static void chunk_begin(struct chunk *c, uint8_t *p, uint32_t first, uint32_t rows)
{
	*c = (struct chunk){p, first, rows};
	memset(p, 0, CHUNK_SIZE(rows));
	eng_set32(p, MAGIC);
	eng_set32(p + 8, rows);
	eng_set32(p + 12, STRIDE);
	for (uint32_t i = 0; i < rows; i++)
		column(c, 2)[i] = first + i;
}

static void chunk_set(struct chunk *c, const struct eng_row_change *change)
{
	uint32_t at = change->doc - c->first;
	int8_t *codes = (int8_t *)c->p + HEADER + (size_t)at * STRIDE;

	if (change->codes)
		memcpy(codes, change->codes, STRIDE);
	else
		memset(codes, 0, STRIDE);
	column(c, 0)[at] = change->codes ? eng_vec_norm(codes, STRIDE) : 0;
	column(c, 1)[at] = (uint32_t)(change->codes ? eng_vec_sum(codes, STRIDE) : 0);
}

/* Rows of an older chunk that lie in this one. */
static void chunk_copy(struct chunk *c, const struct eng_rows *from, uint32_t first)
{
	uint32_t at = first - c->first, n = from->n < c->rows - at ? from->n : c->rows - at;

	memcpy(c->p + HEADER + (size_t)at * STRIDE, from->codes, (size_t)n * STRIDE);
	memcpy(column(c, 0) + at, from->r, n * sizeof *from->r);
	memcpy(column(c, 1) + at, from->sum, n * sizeof *from->sum);
}

static void chunk_put(struct chunk *c, struct eng_txn *t)
{
	size_t n = CHUNK_SIZE(c->rows);

	eng_set64(c->p + 16, XXH3_64bits(c->p + HEADER, n - HEADER));
	eng_txn_put(t, ENG_T_ROWS, eng_bytes(&c->first, sizeof c->first), eng_bytes(c->p, n));
}

static void write_small(struct eng_txn *t, uint8_t *p, const struct eng_row_change *changes, size_t n)
{
	uint32_t first = changes[0].doc - changes[0].doc % ENG_ROWS_SMALL;
	struct eng_rows old;
	struct chunk c;

	chunk_begin(&c, p, first, ENG_ROWS_SMALL);
	if (get_chunk(&old, t, first))
		chunk_copy(&c, &old, first);
	for (size_t i = 0; i < n; i++)
		chunk_set(&c, &changes[i]);
	chunk_put(&c, t);
}

/* A filled block: from one large chunk, or from its small ones, which go. */
static void write_large(struct eng_txn *t, uint8_t *p, const struct eng_row_change *changes, size_t n)
{
	uint32_t first = changes[0].doc - changes[0].doc % ENG_ROWS_LARGE;
	struct eng_rows old;
	struct chunk c;

	chunk_begin(&c, p, first, ENG_ROWS_LARGE);
	for (uint32_t at = first; at < first + ENG_ROWS_LARGE; at += old.n) {
		if (!get_chunk(&old, t, at)) {
			old.n = ENG_ROWS_SMALL;
			continue;
		}
		chunk_copy(&c, &old, at);
		if (at != first)
			eng_txn_del(t, ENG_T_ROWS, eng_bytes(&at, sizeof at));
	}
	for (size_t i = 0; i < n; i++)
		chunk_set(&c, &changes[i]);
	chunk_put(&c, t);
}

static size_t same_chunk(const struct eng_row_change *changes, size_t n, uint32_t rows)
{
	size_t i = 1;

	while (i < n && changes[i].doc / rows == changes[0].doc / rows)
		i++;
	return i;
}

int eng_rows_write(struct eng_txn *t, const struct eng_row_change *changes, size_t n, uint32_t next_doc,
                   struct engram_error *err)
{
	uint8_t *p;

	if (n == 0)
		return 0;
	p = eng_alloc(CHUNK_SIZE(ENG_ROWS_LARGE));
	if (!p)
		return eng_err_nomem(err);
	for (size_t i = 0, some; i < n; i += some) {
		bool full = changes[i].doc / ENG_ROWS_LARGE < next_doc / ENG_ROWS_LARGE;
		some = same_chunk(changes + i, n - i, full ? ENG_ROWS_LARGE : ENG_ROWS_SMALL);
		if (full)
			write_large(t, p, changes + i, some);
		else
			write_small(t, p, changes + i, some);
	}
	eng_free(p);
	return eng_txn_status(t, err);
}
