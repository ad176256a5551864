/* flat.c - the exact scan: every row against the query, the k best kept.
 *
 * A candidate is one u64 whose order is the total order of the answer:
 *
 *     (sim ^ 0x80000000) << 32 | (0xffffffff - doc)
 *
 * so that "similarity descending, doc ascending" is "key descending"; where the
 * caller has another order of documents, it is asked about equal similarities
 * only.  Either way the result does not depend on the order or size of the blocks.
 * The best k stand in a binary min-heap: most rows lose against its root by one
 * compare, and only a row that would enter is shown to the filter, which may be
 * slow. */
#include "index/index.h"

#include "base/alloc.h"
#include "engram.h"

/* Rows per call of the kernel: the dots stay in the first-level cache. */
#define BATCH 512u

static uint64_t key_of(int32_t sim, uint32_t doc)
{
	return (uint64_t)((uint32_t)sim ^ 0x80000000u) << 32 | (UINT32_MAX - doc);
}

static struct eng_near near_of(uint64_t key)
{
	return (struct eng_near){
		.doc = UINT32_MAX - (uint32_t)key,
		.sim_q30 = (int32_t)((uint32_t)(key >> 32) ^ 0x80000000u),
	};
}

/* -- the best ---------------------------------------------------------------------- */

/* a stands behind b in the answer. */
static bool worse(const struct eng_best *b, uint64_t a, uint64_t than)
{
	if ((a ^ than) >> 32 || !b->filter || !b->filter->order || a == than)
		return a < than;
	return b->filter->order(b->filter->ctx, near_of(a).doc, near_of(than).doc) > 0;
}

static void sift_down(struct eng_best *b, uint64_t key)
{
	size_t at = 0, child;

	while ((child = 2 * at + 1) < b->n) {
		if (child + 1 < b->n && worse(b, b->key[child + 1], b->key[child]))
			child++;
		if (!worse(b, b->key[child], key))
			break;
		b->key[at] = b->key[child];
		at = child;
	}
	b->key[at] = key;
}

static void push(struct eng_best *b, uint64_t key)
{
	size_t at, parent;

	if (b->n == b->max) {
		sift_down(b, key);
		return;
	}
	for (at = b->n++; at > 0; at = parent) {
		parent = (at - 1) / 2;
		if (!worse(b, key, b->key[parent]))
			break;
		b->key[at] = b->key[parent];
	}
	b->key[at] = key;
}

static uint64_t pop(struct eng_best *b)
{
	uint64_t key = b->key[0];

	if (--b->n > 0)
		sift_down(b, b->key[b->n]);
	return key;
}

int eng_best_begin(struct eng_best *b, size_t max, const struct eng_near_filter *filter)
{
	*b = (struct eng_best){.max = max, .filter = filter};
	if (max == 0)
		return 0;
	b->key = eng_alloc(max * sizeof *b->key);
	return b->key ? 0 : ENGRAM_ENOMEM;
}

void eng_best_offer(struct eng_best *b, uint32_t doc, int32_t sim_q30)
{
	uint64_t key = key_of(sim_q30, doc);

	if (b->n == b->max && (b->max == 0 || !worse(b, b->key[0], key)))
		return;
	if (b->filter && b->filter->accept && !b->filter->accept(b->filter->ctx, doc))
		return;
	push(b, key);
}

void eng_best_end(struct eng_best *b, struct eng_near *out, size_t *n)
{
	*n = b->n;
	for (size_t i = b->n; i-- > 0;)
		out[i] = near_of(pop(b));
	eng_free(b->key);
	*b = (struct eng_best){0};
}

/* -- the scan ------------------------------------------------------------------------- */

static void scan(struct eng_best *b, const int8_t *query, uint32_t r, const struct eng_rows *rows)
{
	int32_t dots[BATCH];

	for (uint32_t at = 0; at < rows->n; at += BATCH) {
		struct eng_rows part = {
			.codes = rows->codes + (size_t)at * rows->stride,
			.r = rows->r + at,
			.sum = rows->sum + at,
			.doc = rows->doc + at,
			.n = rows->n - at < BATCH ? rows->n - at : BATCH,
			.stride = rows->stride,
		};
		eng_vec_dots(dots, query, &part);
		for (uint32_t i = 0; i < part.n; i++)
			if (part.r[i] != 0)
				eng_best_offer(b, part.doc[i], eng_vec_sim(dots[i], r, part.r[i]));
	}
}

int eng_flat_scan(struct eng_best *b, const int8_t *query, uint32_t stride, const struct eng_row_reader *reader)
{
	struct eng_rows rows;
	uint32_t r = eng_vec_norm(query, stride);
	int status = 0;

	if (b->max == 0 || r == 0)
		return 0;
	while ((status = reader->next(reader->ctx, &rows)) > 0) {
		if (rows.stride != stride)
			return ENGRAM_EUSAGE;
		scan(b, query, r, &rows);
		b->compared += rows.n;
	}
	return status;
}

int eng_flat_search(struct eng_near *out, size_t *n, size_t k, const int8_t *query, uint32_t stride,
                    const struct eng_row_reader *reader, const struct eng_near_filter *filter)
{
	struct eng_best b;
	int status = eng_best_begin(&b, k, filter);

	*n = 0;
	if (status == 0)
		status = eng_flat_scan(&b, query, stride, reader);
	if (status < 0)
		b.n = 0;
	eng_best_end(&b, out, n);
	return status;
}
