/* foldfix.c - graphs of made-up memories, and view files of them. */
#include "foldfix.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/hash.h"
#include "base/le.h"
#include "base/rng.h"
#include "sys/workers.h"

static int by_id(const void *a, const void *b)
{
	return eng_id_cmp(a, b);
}

/* A place near one of `clusters` directions. */
static void point(struct eng_rng *g, float *x, unsigned clusters, uint32_t dim)
{
	struct eng_rng centre;

	eng_rng_seed(&centre, 77 + eng_rng_below(g, clusters));
	for (uint32_t d = 0; d < dim; d++)
		x[d] = (float)((double)eng_rng_below(&centre, 2001) - 1000 + ((double)eng_rng_below(g, 1601) - 800));
}

struct foldfix_set foldfix_set(uint64_t seed, uint32_t n, unsigned clusters, uint32_t dim)
{
	const uint32_t stride = ENG_VEC_STRIDE(dim);
	struct foldfix_set s = {n, stride, calloc(n + 1, sizeof *s.ids), aligned_alloc(64, (size_t)n * stride + 64)};
	float *x = calloc(dim, sizeof *x);
	struct eng_rng g;

	if (!s.ids || !s.codes || !x)
		exit(99);
	eng_rng_seed(&g, seed);
	for (uint32_t i = 0; i < n; i++) {
		for (unsigned k = 0; k < 2; k++)
			eng_set64(s.ids[i].b + 8 * k, eng_rng_next(&g));
		point(&g, x, clusters, dim);
		eng_vec_quantise(s.codes + (size_t)i * stride, x, dim);
	}
	qsort(s.ids, n, sizeof *s.ids, by_id);
	free(x);
	return s;
}

void foldfix_set_free(struct foldfix_set *s)
{
	free(s->ids);
	free(s->codes);
}

struct engram_id foldfix_space(unsigned number)
{
	struct engram_id id = {{0}};

	memset(id.b, (int)number, sizeof id.b);
	return id;
}

void foldfix_key(uint8_t key[ENG_FOLD_KEY], unsigned number)
{
	memset(key, (int)number, ENG_FOLD_KEY);
}

/* -- building --------------------------------------------------------------------- */

/* The workers of a build must outlive it: kept to the end of the program. */
static struct eng_pool *pools[FOLDFIX_THREADS_MAX + 1];

static void free_pools(void)
{
	for (unsigned i = 0; i <= FOLDFIX_THREADS_MAX; i++)
		eng_pool_free(pools[i]);
}

static const struct eng_workers *workers_of(unsigned threads)
{
	static bool begun;

	if (!begun)
		begun = atexit(free_pools) == 0;
	if (threads > FOLDFIX_THREADS_MAX)
		exit(99);
	if (!pools[threads] && eng_pool_new(&pools[threads], eng_sys_posix(), threads, ENG_NUMA_OFF) < 0)
		exit(99);
	return eng_pool_workers(pools[threads]);
}

struct eng_hnsw_build *foldfix_build(const struct foldfix_set *s, unsigned threads)
{
	struct eng_hnsw_build *b;
	uint32_t mended;
	int rc = eng_hnsw_build_new(&b, s->stride, threads ? workers_of(threads) : NULL);

	for (uint32_t i = 0; rc == 0 && i < s->n; i++) {
		const int8_t *codes = s->codes + (size_t)i * s->stride;

		rc = eng_hnsw_build_row(b, codes, eng_vec_norm(codes, s->stride), eng_vec_sum(codes, s->stride),
		                        eng_fold_level(&s->ids[i]));
	}
	if (rc == 0)
		rc = eng_hnsw_build_run(b, NULL, NULL);
	if (rc == 0)
		rc = eng_hnsw_build_finish(b, &mended);
	if (rc < 0)
		exit(99);
	return b;
}

int foldfix_put(struct eng_fold_out *o, unsigned number, const struct foldfix_set *s, struct eng_hnsw_build *b,
                struct engram_error *err)
{
	uint8_t key[ENG_FOLD_KEY], lineage[ENG_FOLD_HASH];
	struct eng_hnsw_order order;
	int rc = eng_hnsw_order_new(&order, b);

	if (rc < 0)
		return rc;
	foldfix_key(key, number);
	eng_fold_lineage(lineage, NULL, key, s->stride, "cut", 3);
	rc = eng_fold_put(o, key, lineage, b, &order, s->ids, err);
	eng_hnsw_order_free(&order);
	return rc;
}

int foldfix_write(const char *path, const struct foldfix_set *s, struct eng_hnsw_build *b, struct eng_fold_info *info,
                  struct engram_error *err)
{
	const struct engram_id space = foldfix_space(1);
	struct eng_fold_out *o;
	int rc = eng_fold_create(&o, eng_sys_posix(), path, &space, err);

	if (rc < 0)
		return rc;
	if (s)
		rc = foldfix_put(o, 0, s, b, err);
	if (rc == 0)
		return eng_fold_finish(o, info, err);
	eng_fold_abandon(o);
	return rc;
}

/* -- answers ------------------------------------------------------------------------- */

uint64_t foldfix_answers(struct eng_hnsw *g, struct eng_fold_graph *file, const struct engram_id *ids)
{
	enum { QUERIES = 50, K = 10 };
	struct eng_hnsw_scratch scratch = {0};
	uint64_t hash = 0;
	struct eng_rng rng;

	eng_rng_seed(&rng, 99);
	for (unsigned q = 0; q < QUERIES; q++) {
		_Alignas(64) int8_t codes[4096] = {0};
		struct eng_near got[K];
		size_t n;
		float x[4096];

		point(&rng, x, 40, g->stride);
		eng_vec_quantise(codes, x, g->stride);
		if (eng_hnsw_search(got, &n, K, 100, g, codes, &scratch, NULL) < 0)
			break;
		for (size_t i = 0; i < n; i++) {
			const struct engram_id *block =
				file ? eng_fold_ids(file, got[i].doc / ENG_HNSW_BLOCK, NULL) : ids + got[i].doc;
			const struct engram_id *id = file ? block + got[i].doc % ENG_HNSW_BLOCK : block;

			hash = XXH3_64bits_withSeed(id->b, sizeof id->b, hash + (uint32_t)got[i].sim_q30);
		}
	}
	eng_hnsw_scratch_free(&scratch);
	return hash;
}

/* -- bytes ----------------------------------------------------------------------------- */

uint8_t *foldfix_load(const char *path, size_t *n)
{
	FILE *f = fopen(path, "rb");
	uint8_t *p = NULL;
	long size;

	if (!f || fseek(f, 0, SEEK_END) != 0 || (size = ftell(f)) < 0)
		exit(99);
	rewind(f);
	p = malloc((size_t)size + 1);
	if (!p || fread(p, 1, (size_t)size, f) != (size_t)size)
		exit(99);
	fclose(f);
	*n = (size_t)size;
	return p;
}

void foldfix_save(const char *path, const uint8_t *p, size_t n)
{
	FILE *f = fopen(path, "wb");

	if (!f || fwrite(p, 1, n, f) != n || fclose(f) != 0)
		exit(99);
}
