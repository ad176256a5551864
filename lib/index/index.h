/* index.h - nearest neighbours over rows, through a small reader.
 *
 * Today the exact flat scan; the graph index (deterministic HNSW) takes its
 * place behind the same call: candidates by (similarity descending, doc
 * ascending), which is one total order, so both give the same bytes where the
 * graph finds all. */
#ifndef ENG_INDEX_INDEX_H
#define ENG_INDEX_INDEX_H

#include "base/vec.h"

struct eng_row_reader {
	/* The next block: 1, 0 at the end, <0 failed.  Blocks stay valid until the scan returns. */
	int (*next)(void *ctx, struct eng_rows *rows);
	void *ctx;
};

struct eng_near {
	uint32_t doc;
	int32_t sim_q30; /* exact Q30 cosine */
};

struct eng_near_filter {
	bool (*accept)(void *ctx, uint32_t doc); /* NULL = all */
	void *ctx;
};

/* The k best rows, by (sim descending, doc ascending), into out[0..*n).
 * query is padded to the rows' stride; its norm is computed here. */
int eng_flat_search(struct eng_near *out, size_t *n, size_t k, const int8_t *query, uint32_t stride,
                    const struct eng_row_reader *reader, const struct eng_near_filter *filter);

#endif
