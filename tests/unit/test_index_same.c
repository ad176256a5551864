/* test_index_same.c - one input, one graph: whatever kernel, number of threads and
 * compiler, and every time.
 *
 * A digest covers what a fold writes (codes, norms, links, layers in the order of
 * the file) and what searches answer, of a graph as built, grown by a fifth, and
 * with a fifth taken out.  It is taken with every kernel of this machine and one,
 * two and three threads, then of REPEATS more builds.
 *
 *     test_index_same [ROWS]      2,000; prints "# digest ROWS HEX"
 *
 * tests/unit/index_same.sh compares that line of several compilers. */
#include <stdlib.h>

#include "../lib/tap.h"
#include "base/rng.h"
#include "index/hnsw.h"
#include "sys/workers.h"
#define XXH_INLINE_ALL
#include <xxhash.h>

enum { DIM = 100, STRIDE = ENG_VEC_STRIDE(DIM), QUERIES = 50, K = 10, EF = 64, REPEATS = 10, ROWS = 2000 };

/* Of ROWS rows.  When a change of lib/index changes it, equal lineage no longer
 * means equal bytes in this version and the last: then the name of the algorithm in
 * eng_fold_lineage must change too. */
#define DIGEST UINT64_C(0x613c7ea68a20484b)

static int8_t *codes; /* of all rows, then of the queries */
static uint32_t rows;

static const int8_t *row(uint32_t i)
{
	return codes + (size_t)i * STRIDE;
}

/* Clusters of different width; one row in 16 is a copy of another, and one in 64
 * has a single number, so that ties are met. */
static void make_rows(void)
{
	struct eng_rng g;
	float x[DIM];

	codes = aligned_alloc(64, ((size_t)rows + QUERIES) * STRIDE);
	if (!codes)
		exit(99);
	eng_rng_seed(&g, 20260101);
	for (uint32_t i = 0; i < rows + QUERIES; i++) {
		uint32_t kind = (uint32_t)eng_rng_below(&g, 64), width = 200 + 300 * (kind % 5);
		struct eng_rng centre;

		eng_rng_seed(&centre, 1 + eng_rng_below(&g, 200));
		for (unsigned d = 0; d < DIM; d++)
			x[d] = (float)((int64_t)eng_rng_below(&centre, 2001) - 1000 + (int64_t)eng_rng_below(&g, 2 * width + 1) - width);
		if (kind == 0)
			for (unsigned d = 0; d < DIM; d++)
				x[d] = d == i % DIM ? 1.0f : 0.0f;
		eng_vec_quantise(codes + (size_t)i * STRIDE, x, DIM);
		if (kind % 16 == 1 && i > 0)
			memcpy(codes + (size_t)i * STRIDE, row((uint32_t)eng_rng_below(&g, i)), STRIDE);
	}
}

static void check(int rc)
{
	if (rc < 0) {
		printf("Bail out! error %d\n", rc);
		exit(99);
	}
}

/* -- one digest ---------------------------------------------------------------------- */

static void digest_file(XXH3_state_t *x, struct eng_hnsw_build *b)
{
	static _Alignas(64) int8_t block_codes[ENG_HNSW_BLOCK * STRIDE];
	static uint32_t r[ENG_HNSW_BLOCK], links[ENG_HNSW_BLOCK * ENG_HNSW_LINKS];
	static int32_t sum[ENG_HNSW_BLOCK];
	const struct eng_hnsw_block_out out = {block_codes, r, sum, links};
	const struct eng_hnsw *g = eng_hnsw_build_graph(b);
	struct eng_hnsw_order order;

	check(eng_hnsw_order_new(&order, b));
	for (uint32_t i = 0; i * ENG_HNSW_BLOCK < g->n; i++) {
		uint32_t n = eng_hnsw_order_block(&out, b, &order, i);

		XXH3_64bits_update(x, block_codes, (size_t)n * STRIDE);
		XXH3_64bits_update(x, r, n * sizeof *r);
		XXH3_64bits_update(x, sum, n * sizeof *sum);
		XXH3_64bits_update(x, links, (size_t)n * ENG_HNSW_LINKS * sizeof *links);
	}
	for (unsigned l = 1; l <= g->layers; l++) {
		size_t size = g->nupper[l - 1] * sizeof(struct eng_hnsw_upper);
		struct eng_hnsw_upper *layer = malloc(size);

		eng_hnsw_order_upper(layer, b, &order, l);
		XXH3_64bits_update(x, layer, size);
		free(layer);
	}
	eng_hnsw_order_free(&order);
}

static void digest_answers(XXH3_state_t *x, struct eng_hnsw *g)
{
	struct eng_hnsw_scratch scratch = {0};

	for (uint32_t q = 0; q < QUERIES; q++) {
		struct eng_near near[K];
		size_t n;

		check(eng_hnsw_search(near, &n, K, EF, g, row(rows + q), &scratch, NULL));
		XXH3_64bits_update(x, near, n * sizeof *near);
	}
	eng_hnsw_scratch_free(&scratch);
}

static void finish(XXH3_state_t *x, struct eng_hnsw_build *b)
{
	uint32_t mended;

	check(eng_hnsw_build_run(b, NULL, NULL));
	check(eng_hnsw_build_finish(b, &mended));
	digest_file(x, b);
	digest_answers(x, eng_hnsw_build_graph(b));
}

static void add(struct eng_hnsw_build *b, uint32_t from, uint32_t to)
{
	for (uint32_t i = from; i < to; i++)
		check(eng_hnsw_build_row(b, row(i), eng_vec_norm(row(i), STRIDE), eng_vec_sum(row(i), STRIDE),
		                         eng_hnsw_level(XXH3_64bits(&i, sizeof i))));
}

static bool is_gone(void *ctx, uint32_t node)
{
	(void)ctx;
	return node % 5 == 3;
}

static uint64_t digest(const struct eng_workers *workers)
{
	struct eng_hnsw_build *whole = NULL, *grown = NULL, *shrunk = NULL;
	XXH3_state_t *x = XXH3_createState();
	uint64_t d;

	XXH3_64bits_reset(x);
	check(eng_hnsw_build_new(&whole, STRIDE, workers));
	add(whole, 0, rows / 5 * 4);
	finish(x, whole);
	check(eng_hnsw_build_new(&grown, STRIDE, workers));
	check(eng_hnsw_build_load(grown, eng_hnsw_build_graph(whole), NULL, NULL));
	add(grown, rows / 5 * 4, rows);
	finish(x, grown);
	check(eng_hnsw_build_new(&shrunk, STRIDE, workers));
	check(eng_hnsw_build_load(shrunk, eng_hnsw_build_graph(grown), is_gone, NULL));
	finish(x, shrunk);
	d = XXH3_64bits_digest(x);
	XXH3_freeState(x);
	eng_hnsw_build_free(whole);
	eng_hnsw_build_free(grown);
	eng_hnsw_build_free(shrunk);
	return d;
}

/* -- all of them ----------------------------------------------------------------------- */

static uint64_t digest_with(unsigned threads)
{
	struct eng_pool *pool;
	uint64_t d;

	check(eng_pool_new(&pool, eng_sys_posix(), threads, ENG_NUMA_AUTO));
	d = digest(eng_pool_workers(pool));
	eng_pool_free(pool);
	return d;
}

int main(int argc, char **argv)
{
	unsigned differ = 0;
	uint64_t first;

	rows = argc > 1 ? (uint32_t)atoi(argv[1]) : ROWS;
	make_rows();
	first = digest(NULL);
	printf("# digest %u %016" PRIx64 "\n", rows, first);
	if (rows == ROWS)
		tap_ok(first == DIGEST, "the graphs of %d rows are those of every machine", ROWS);
	for (const struct eng_vec_kernel *const *k = eng_vec_kernels(); *k; k++) {
		eng_vec_use(*k);
		for (unsigned threads = 1; threads <= 3; threads++)
			tap_ok(digest_with(threads) == first, "%s, %u threads: the same", (*k)->name, threads);
	}
	eng_vec_use(NULL);
	for (unsigned i = 0; i < REPEATS; i++)
		differ += digest_with(2) != first;
	tap_int(differ, 0, "and every time of %d", REPEATS);
	free(codes);
	return tap_done();
}
