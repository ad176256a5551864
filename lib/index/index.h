/* index.h - nearest neighbours over rows: the exact scan, through a small reader.
 *
 * One total order, similarity descending and then an order of documents, so that
 * answers do not depend on blocks, kernels or where a list is cut.  hnsw.h has the
 * graph, whose answers are put into the same lists. */
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
	/* Of two that are equally near: <0 where a comes first, >0 where b does.
	 * NULL = the lower number.  May be asked about one that is not accepted. */
	int (*order)(void *ctx, uint32_t a, uint32_t b);
};

/* The best rows met so far, of several sources. */
struct eng_best {
	uint64_t *key; /* a heap: key[0] is the one to go next */
	size_t n, max;
	const struct eng_near_filter *filter; /* NULL = all, by number */
	uint64_t compared; /* rows that scans met */
};
/* 0, ENGRAM_ENOMEM. */
int eng_best_begin(struct eng_best *b, size_t max, const struct eng_near_filter *filter);
/* The filter is asked only about rows that would be kept. */
void eng_best_offer(struct eng_best *b, uint32_t doc, int32_t sim_q30);
/* Into out[0..*n), best first; b is empty afterwards and what it held is freed. */
void eng_best_end(struct eng_best *b, struct eng_near *out, size_t *n);

/* Offers every row but the empty ones.  query is padded to the rows' stride. */
int eng_flat_scan(struct eng_best *b, const int8_t *query, uint32_t stride, const struct eng_row_reader *reader);

/* The k best rows of one source into out[0..*n). */
int eng_flat_search(struct eng_near *out, size_t *n, size_t k, const int8_t *query, uint32_t stride,
                    const struct eng_row_reader *reader, const struct eng_near_filter *filter);

#endif
