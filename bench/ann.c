/* ann.c - the graph of neighbours beside the exact scan and a peer.
 *
 *     ann NAME BASE.fvecs QUERIES.fvecs QPS_FLOOR BUILD_FLOOR [PEER]
 *
 * Ours is measured as recall uses it: codes in the graph, the 30 best of a search
 * reranked by the float vectors.  PEER is a command that is given BASE, QUERIES and
 * a file of the exact neighbours, and prints "build SECONDS" and lines "EF RECALL
 * QPS" (peers/hnswlib.cc).  All times are processor time of one thread, but for
 * the build by two.
 *
 * Searches are compared at equal recall, not at equal ef: our rate at the peer's
 * recall is read between the two points of ours that enclose it. */
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/rng.h"
#include "index/hnsw.h"
#include "measure.h"
#define XXH_INLINE_ALL
#include <xxhash.h>

enum { K = 10, RERANK = 30, ROUNDS = 3 };
static const unsigned efs[] = {10, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512};
#define NEFS (sizeof efs / sizeof *efs)

static double processor_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* -- data ---------------------------------------------------------------------------- */

struct set {
	float *x; /* n rows of dim */
	uint32_t n, dim;
};

static struct set load(const char *path)
{
	FILE *f = fopen(path, "rb");
	struct set s = {0};
	long size;

	if (!f || fread(&s.dim, 4, 1, f) != 1 || fseek(f, 0, SEEK_END) < 0)
		measure_die("%s: cannot read", path);
	size = ftell(f);
	rewind(f);
	s.n = (uint32_t)(size / (long)(4 + 4 * s.dim));
	s.x = malloc((size_t)s.n * s.dim * sizeof *s.x);
	for (uint32_t i = 0, dim; i < s.n; i++)
		if (!s.x || fread(&dim, 4, 1, f) != 1 || fread(s.x + (size_t)i * s.dim, 4, s.dim, f) != s.dim)
			measure_die("%s: cannot read", path);
	fclose(f);
	return s;
}

static const float *row(const struct set *s, uint32_t i)
{
	return s->x + (size_t)i * s->dim;
}

struct best {
	float sim[K];
	uint32_t row[K];
	unsigned n;
};

static void offer(struct best *b, float sim, uint32_t at)
{
	unsigned i = b->n;

	if (b->n == K && sim <= b->sim[K - 1])
		return;
	if (b->n < K)
		b->n++;
	else
		i--;
	for (; i > 0 && b->sim[i - 1] < sim; i--) {
		b->sim[i] = b->sim[i - 1];
		b->row[i] = b->row[i - 1];
	}
	b->sim[i] = sim;
	b->row[i] = at;
}

static bool is_gone(void *ctx, uint32_t node)
{
	(void)ctx;
	return node % 5 == 3;
}

/* Base rows by blocks that stay in the cache for all queries. */
static struct best *exact(const struct set *base, const struct set *queries, bool shrunk)
{
	struct best *b = calloc(queries->n, sizeof *b);

	for (uint32_t lo = 0; b && lo < base->n; lo += 256)
		for (uint32_t q = 0; q < queries->n; q++)
			for (uint32_t i = lo; i < lo + 256 && i < base->n; i++)
				if (!shrunk || !is_gone(NULL, i))
					offer(&b[q], eng_vec_dot_f32(row(queries, q), row(base, i), base->dim), i);
	if (!b)
		measure_die("out of memory");
	return b;
}

static void write_truth(const char *path, const struct best *truth, uint32_t n)
{
	FILE *f = fopen(path, "wb");

	for (uint32_t q = 0; f && q < n; q++)
		fwrite(truth[q].row, sizeof truth[q].row, 1, f);
	if (!f || fclose(f) != 0)
		measure_die("%s: cannot write", path);
}

/* -- ours ---------------------------------------------------------------------------- */

static void *run_one(void *p)
{
	void **call = p;
	void (*job)(void *data, unsigned worker) = (void (*)(void *, unsigned))call[0];

	job(call[1], 1);
	return NULL;
}

static void run_two(void *ctx, void (*job)(void *data, unsigned worker), void *data)
{
	void *call[2] = {(void *)job, data};
	pthread_t second;

	(void)ctx;
	if (pthread_create(&second, NULL, run_one, call) != 0)
		measure_die("cannot start a thread");
	job(data, 0);
	pthread_join(second, NULL);
}

static void check(int rc)
{
	if (rc < 0)
		measure_die("graph: error %d", rc);
}

static void add(struct eng_hnsw_build *b, const struct set *s, uint32_t from, uint32_t to)
{
	uint32_t stride = ENG_VEC_STRIDE(s->dim);
	int8_t *codes = aligned_alloc(64, stride);

	for (uint32_t i = from; i < to; i++) {
		eng_vec_quantise(codes, row(s, i), s->dim);
		check(eng_hnsw_build_row(b, codes, eng_vec_norm(codes, stride), eng_vec_sum(codes, stride),
		                         eng_hnsw_level(XXH3_64bits(&i, sizeof i))));
	}
	free(codes);
}

static void link_in(struct eng_hnsw_build *b)
{
	uint32_t mended;

	check(eng_hnsw_build_run(b, NULL, NULL));
	check(eng_hnsw_build_finish(b, &mended));
}

static struct eng_hnsw_build *build(const struct set *s, uint32_t n, const struct eng_workers *workers)
{
	struct eng_hnsw_build *b = NULL;

	check(eng_hnsw_build_new(&b, ENG_VEC_STRIDE(s->dim), workers));
	add(b, s, 0, n);
	link_in(b);
	return b;
}

/* The 30 best by codes, by floats; ten of them. */
static unsigned ask(struct eng_hnsw *g, struct eng_hnsw_scratch *scratch, const struct set *base, const float *query,
                    unsigned ef, const uint32_t *name, const struct best *truth)
{
	_Alignas(64) int8_t codes[4096];
	struct eng_near near[RERANK];
	struct best best = {.n = 0};
	unsigned hits = 0;
	size_t n;

	eng_vec_quantise(codes, query, base->dim);
	check(eng_hnsw_search(near, &n, ef < RERANK ? ef : RERANK, ef, g, codes, scratch, NULL));
	for (size_t i = 0; i < n; i++) {
		uint32_t at = name ? name[near[i].doc] : near[i].doc;

		offer(&best, eng_vec_dot_f32(query, row(base, at), base->dim), at);
	}
	for (unsigned i = 0; i < best.n; i++)
		for (unsigned k = 0; k < truth->n; k++)
			hits += best.row[i] == truth->row[k];
	return hits;
}

struct point {
	double recall, qps;
};

static struct point search(struct eng_hnsw *g, const struct set *base, const struct set *queries, unsigned ef,
                           const uint32_t *name, const struct best *truth)
{
	struct eng_hnsw_scratch scratch = {0};
	struct point p = {0};

	for (int round = 0; round < ROUNDS; round++) {
		double begin = processor_s(), took;
		unsigned hits = 0;

		for (uint32_t q = 0; q < queries->n; q++)
			hits += ask(g, &scratch, base, row(queries, q), ef, name, &truth[q]);
		took = processor_s() - begin;
		p.recall = (double)hits / K / queries->n;
		p.qps = queries->n / took > p.qps ? queries->n / took : p.qps;
	}
	eng_hnsw_scratch_free(&scratch);
	return p;
}

static void report(const char *bench, const char *what, double value, const char *unit)
{
	measure_rate(bench, what, unit, value);
}

/* Recall at one ef after changes, against what the fresh graph had. */
static void changed(const char *bench, const struct set *base, const struct set *queries, const struct best *truth,
                    struct eng_hnsw_build *whole)
{
	uint32_t first = base->n / 5 * 4, *name = malloc(base->n * sizeof *name), n = 0;
	struct eng_hnsw_build *grown = build(base, first, NULL), *shrunk = NULL;
	struct best *left = exact(base, queries, true);

	add(grown, base, first, base->n);
	link_in(grown);
	report(bench, "recall@10 at ef 192, the last fifth added later",
	       100 * search(eng_hnsw_build_graph(grown), base, queries, 192, NULL, truth).recall, "%");
	check(eng_hnsw_build_new(&shrunk, ENG_VEC_STRIDE(base->dim), NULL));
	check(eng_hnsw_build_load(shrunk, eng_hnsw_build_graph(whole), is_gone, NULL));
	link_in(shrunk);
	for (uint32_t i = 0; i < base->n; i++)
		if (!is_gone(NULL, i))
			name[n++] = i;
	report(bench, "recall@10 at ef 192, a fifth taken out",
	       100 * search(eng_hnsw_build_graph(shrunk), base, queries, 192, name, left).recall, "%");
	free(left);
	free(name);
	eng_hnsw_build_free(grown);
	eng_hnsw_build_free(shrunk);
}

/* -- the peer -------------------------------------------------------------------------- */

static double qps_at(const struct point *ours, size_t n, double recall)
{
	for (size_t i = 0; i < n; i++) {
		double share;

		if (ours[i].recall < recall)
			continue;
		if (i == 0 || ours[i].recall <= ours[i - 1].recall)
			return ours[i].qps;
		share = (recall - ours[i - 1].recall) / (ours[i].recall - ours[i - 1].recall);
		return exp(log(ours[i - 1].qps) * (1 - share) + log(ours[i].qps) * share);
	}
	return 0;
}

static void compare(const char *bench, const char *peer, const char *files, const struct point *ours, double built_s,
                    double qps_floor, double build_floor)
{
	char command[2560], what[128], first[32];
	double a, b;
	FILE *f;

	snprintf(command, sizeof command, "%s %s", peer, files);
	f = popen(command, "r");
	if (!f)
		measure_die("%s: cannot start", peer);
	while (fscanf(f, "%31s %lf", first, &a) == 2) {
		if (strcmp(first, "build") == 0) {
			report(bench, "seconds of a build, hnswlib, one thread", a, "s");
			measure_floor(bench, "hnswlib's build / ours", MEASURE_RATIO, a / built_s, build_floor, false);
			continue;
		}
		if (fscanf(f, "%lf", &b) != 1)
			break;
		snprintf(what, sizeof what, "our rate / hnswlib's at its ef %s, recall@10 %.4f", first, a);
		if (a >= 0.94)
			measure_floor(bench, what, MEASURE_RATIO, qps_at(ours, NEFS, a) / b, qps_floor, false);
	}
	if (pclose(f) != 0)
		measure_die("%s: failed", peer);
}

int main(int argc, char **argv)
{
	struct eng_workers two = {2, run_two, NULL};
	struct point ours[NEFS];
	struct set base, queries;
	struct eng_hnsw_build *b;
	struct best *truth;
	char path[512], files[1536], what[96];
	double begin, one_s;
	int64_t begin_ns;

	if (argc < 6)
		measure_die("usage: ann NAME BASE QUERIES QPS_FLOOR BUILD_FLOOR [PEER]");
	base = load(argv[2]);
	queries = load(argv[3]);
	truth = exact(&base, &queries, false);
	snprintf(path, sizeof path, "%s.truth", argv[2]);
	write_truth(path, truth, queries.n);

	begin = processor_s();
	begin_ns = measure_ns();
	b = build(&base, base.n, NULL);
	one_s = processor_s() - begin;
	report(argv[1], "seconds of a build, one thread", one_s, "s");
	report(argv[1], "seconds of it elapsed", (double)(measure_ns() - begin_ns) / 1e9, "s");
	begin_ns = measure_ns();
	eng_hnsw_build_free(build(&base, base.n, &two));
	report(argv[1], "seconds elapsed of a build by two threads", (double)(measure_ns() - begin_ns) / 1e9, "s");

	for (size_t i = 0; i < NEFS; i++) {
		ours[i] = search(eng_hnsw_build_graph(b), &base, &queries, efs[i], NULL, truth);
		snprintf(what, sizeof what, "queries a second at ef %u, recall@10 %.4f", efs[i], ours[i].recall);
		report(argv[1], what, ours[i].qps, "/s");
	}
	changed(argv[1], &base, &queries, truth, b);
	snprintf(files, sizeof files, "%s %s %s", argv[2], argv[3], path);
	if (argc > 6)
		compare(argv[1], argv[6], files, ours, one_s, atof(argv[4]), atof(argv[5]));
	eng_hnsw_build_free(b);
	free(truth);
	free(base.x);
	free(queries.x);
	return 0;
}
