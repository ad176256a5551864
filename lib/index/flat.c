/* flat.c - the exact scan: every row against the query, the k best kept.
 *
 * A candidate is one u64 whose order is the total order of the answer:
 *
 *     (sim ^ 0x80000000) << 32 | (0xffffffff - doc)
 *
 * so that "similarity descending, doc ascending" is "key descending", ties
 * need no second look, and the result does not depend on the order or size of
 * the blocks.  The best k stand in a binary min-heap: most rows lose against
 * its root by one compare, and only a row that would enter is shown to the
 * filter, which may be slow. */
#include "index/index.h"

#include "base/alloc.h"
#include "engram.h"

/* Rows per call of the kernel: the dots stay in the first-level cache. */
#define BATCH 512u

struct heap {
	uint64_t *key; /* key[0] is the smallest */
	size_t n, max;
};

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

static void sift_down(struct heap *h, uint64_t key)
{
	size_t at = 0, child;

	while ((child = 2 * at + 1) < h->n) {
		if (child + 1 < h->n && h->key[child + 1] < h->key[child])
			child++;
		if (h->key[child] >= key)
			break;
		h->key[at] = h->key[child];
		at = child;
	}
	h->key[at] = key;
}

static void push(struct heap *h, uint64_t key)
{
	size_t at, parent;

	if (h->n == h->max) {
		sift_down(h, key);
		return;
	}
	for (at = h->n++; at > 0; at = parent) {
		parent = (at - 1) / 2;
		if (h->key[parent] <= key)
			break;
		h->key[at] = h->key[parent];
	}
	h->key[at] = key;
}

static uint64_t pop(struct heap *h)
{
	uint64_t key = h->key[0];

	if (--h->n > 0)
		sift_down(h, h->key[h->n]);
	return key;
}

static void offer(struct heap *h, const int32_t *dots, const struct eng_rows *rows, uint32_t r,
                  const struct eng_near_filter *filter)
{
	for (uint32_t i = 0; i < rows->n; i++) {
		uint64_t key;

		if (rows->r[i] == 0)
			continue;
		key = key_of(eng_vec_sim(dots[i], r, rows->r[i]), rows->doc[i]);
		if (h->n == h->max && key <= h->key[0])
			continue;
		if (filter && filter->accept && !filter->accept(filter->ctx, rows->doc[i]))
			continue;
		push(h, key);
	}
}

static void scan(struct heap *h, const int8_t *query, uint32_t r, const struct eng_rows *rows,
                 const struct eng_near_filter *filter)
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
		offer(h, dots, &part, r, filter);
	}
}

int eng_flat_search(struct eng_near *out, size_t *n, size_t k, const int8_t *query, uint32_t stride,
                    const struct eng_row_reader *reader, const struct eng_near_filter *filter)
{
	struct heap h = {.max = k};
	struct eng_rows rows;
	uint32_t r = eng_vec_norm(query, stride);
	int status = 0;

	*n = 0;
	if (k == 0 || r == 0)
		return 0;
	h.key = eng_alloc(k * sizeof *h.key);
	if (!h.key)
		return ENGRAM_ENOMEM;
	while ((status = reader->next(reader->ctx, &rows)) > 0) {
		if (rows.stride != stride) {
			status = ENGRAM_EUSAGE;
			break;
		}
		scan(&h, query, r, &rows, filter);
	}
	if (status == 0) {
		*n = h.n;
		for (size_t i = h.n; i-- > 0;)
			out[i] = near_of(pop(&h));
	}
	eng_free(h.key);
	return status;
}
