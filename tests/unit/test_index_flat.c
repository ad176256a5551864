/* test_index_flat.c - the flat scan against the obvious thing: score every row, sort, cut. */
#include "base/rng.h"
#include "engram.h"
#include "index/index.h"
#include "../lib/tap.h"

enum { ROWS_MAX = 3000, DIM = 64 };

static _Alignas(64) int8_t codes[ROWS_MAX * DIM];
static uint32_t norms[ROWS_MAX], docs[ROWS_MAX];
static int32_t sums[ROWS_MAX];

struct blocks {
	struct eng_rng rng;
	uint32_t at, n, fail_at;
};

/* Hands out the rows in blocks of random size. */
static int next_block(void *ctx, struct eng_rows *out)
{
	struct blocks *b = ctx;
	uint32_t n;

	if (b->at >= b->fail_at)
		return ENGRAM_EIO;
	if (b->at == b->n)
		return 0;
	n = 1 + (uint32_t)eng_rng_below(&b->rng, b->n - b->at);
	*out = (struct eng_rows){codes + (size_t)b->at * DIM, norms + b->at, sums + b->at, docs + b->at, n, DIM};
	b->at += n;
	return 1;
}

static bool every_third(void *ctx, uint32_t doc)
{
	(void)ctx;
	return doc % 3 == 0;
}

static void make_rows(struct eng_rng *g, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		int8_t *row = codes + (size_t)i * DIM;
		/* One row in eight repeats an earlier one (ties), one in sixteen is empty. */
		if (i > 0 && eng_rng_below(g, 8) == 0)
			memcpy(row, codes + (size_t)eng_rng_below(g, i) * DIM, DIM);
		else
			for (unsigned d = 0; d < DIM; d++)
				row[d] = (int8_t)((int)eng_rng_below(g, 255) - 127);
		norms[i] = eng_rng_below(g, 16) == 0 ? 0 : eng_vec_norm(row, DIM);
		sums[i] = eng_vec_sum(row, DIM);
		docs[i] = i;
	}
	for (uint32_t i = n; i-- > 1;) { /* numbers in any order */
		uint32_t j = (uint32_t)eng_rng_below(g, i + 1), t = docs[i];
		docs[i] = docs[j];
		docs[j] = t;
	}
}

static int by_order(const void *a, const void *b)
{
	const struct eng_near *x = a, *y = b;

	if (x->sim_q30 != y->sim_q30)
		return x->sim_q30 > y->sim_q30 ? -1 : 1;
	return x->doc < y->doc ? -1 : x->doc > y->doc;
}

static size_t naive(struct eng_near *out, size_t k, const int8_t *query, uint32_t n, bool filtered)
{
	uint32_t r = eng_vec_norm(query, DIM);
	size_t m = 0;

	for (uint32_t i = 0; i < n; i++) {
		int32_t dot = 0;
		if (norms[i] == 0 || (filtered && docs[i] % 3 != 0))
			continue;
		for (unsigned d = 0; d < DIM; d++)
			dot += query[d] * codes[(size_t)i * DIM + d];
		out[m++] = (struct eng_near){docs[i], eng_vec_sim(dot, r, norms[i])};
	}
	qsort(out, m, sizeof *out, by_order);
	return m < k ? m : k;
}

static bool same(const struct eng_near *a, const struct eng_near *b, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (a[i].doc != b[i].doc || a[i].sim_q30 != b[i].sim_q30)
			return false;
	return true;
}

static void against_naive(uint64_t seed)
{
	static struct eng_near got[ROWS_MAX], want[ROWS_MAX];
	struct eng_rng g;
	unsigned wrong = 0;

	eng_rng_seed(&g, seed);
	for (unsigned round = 0; round < 200; round++) {
		uint32_t n = (uint32_t)eng_rng_below(&g, round % 10 ? 300 : ROWS_MAX);
		size_t k = 1 + eng_rng_below(&g, n + 5), found, wanted;
		_Alignas(64) int8_t query[DIM];
		bool filtered = eng_rng_below(&g, 2);
		struct blocks b = {.n = n, .fail_at = UINT32_MAX};
		struct eng_row_reader reader = {next_block, &b};
		struct eng_near_filter filter = {.accept = every_third};

		make_rows(&g, n);
		eng_rng_seed(&b.rng, seed + round);
		for (unsigned d = 0; d < DIM; d++)
			query[d] = (int8_t)((int)eng_rng_below(&g, 255) - 127);
		wanted = naive(want, k, query, n, filtered);
		if (eng_flat_search(got, &found, k, query, DIM, &reader, filtered ? &filter : NULL) != 0 ||
		    found != wanted || !same(got, want, wanted))
			wrong++;
	}
	tap_int(wrong, 0, "200 random scans equal sorting all rows (seed %" PRIu64 ")", seed);
}

static void edges(void)
{
	struct eng_near out[4];
	size_t n = 9;
	_Alignas(64) int8_t zero[DIM] = {0}, one[2 * DIM] = {1};
	struct blocks b = {.n = 10, .fail_at = UINT32_MAX};
	struct eng_row_reader reader = {next_block, &b};
	struct eng_rng g;

	eng_rng_seed(&g, 1);
	eng_rng_seed(&b.rng, 1);
	make_rows(&g, 10);
	tap_int(eng_flat_search(out, &n, 4, zero, DIM, &reader, NULL), 0, "a zero query is no error");
	tap_int(n, 0, "and finds nothing");
	b.n = 0;
	tap_int(eng_flat_search(out, &n, 4, one, DIM, &reader, NULL), 0, "no rows is no error");
	tap_int(n, 0, "and finds nothing");
	b = (struct blocks){.n = 10, .fail_at = 1};
	eng_rng_seed(&b.rng, 2);
	tap_int(eng_flat_search(out, &n, 4, one, DIM, &reader, NULL), ENGRAM_EIO, "a reader's failure is passed on");
	b = (struct blocks){.n = 10, .fail_at = UINT32_MAX};
	eng_rng_seed(&b.rng, 3);
	tap_int(eng_flat_search(out, &n, 4, one, 2 * DIM, &reader, NULL), ENGRAM_EUSAGE, "another stride is refused");
}

int main(void)
{
	against_naive(20261121);
	edges();
	return tap_done();
}
