/* ann.c - the graph of neighbours beside the exact scan and the peers.
 *
 *     ann truth BASE.fvecs QUERIES.fvecs TRUTH LEFT       the ten nearest of each, exactly; LEFT: of
 *                                                         those that are left where every fifth row is gone
 *     ann build NAME BASE FLOOR [PEER INDEX]              by one thread and by two
 *     ann search NAME BASE QUERIES TRUTH [LABEL FLOOR PEER INDEX]...
 *     ann change NAME BASE QUERIES TRUTH                  recall after additions and removals
 *
 * Ours: codes in the graph and no look at the float vectors, as engram-recall does it.
 * PEER is a program of bench/peers (peers/peer.h), INDEX the file that it builds or has
 * built.  All times are processor time of one thread, but for the build by two.
 *
 * Searches are compared at equal recall, not at equal ef: at the first recall@10 of the
 * peer that is good enough to be used (0.95), else at the best it reaches, our rate is read
 * between the two points of ours that enclose it.  FLOOR 0 holds ours to nothing. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "index/hnsw.h"
#include "measure.h"
#include "sys/workers.h"
#define XXH_INLINE_ALL
#include <xxhash.h>

enum { K = 10, ROUNDS = 3, EF_CHANGED = 192 };
#define RECALL_WANTED 0.95
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

static struct best *read_truth(const char *path, uint32_t n)
{
	struct best *truth = calloc(n, sizeof *truth);
	FILE *f = fopen(path, "rb");

	for (uint32_t q = 0; q < n; q++) {
		if (!f || !truth || fread(truth[q].row, sizeof truth[q].row, 1, f) != 1)
			measure_die("%s: cannot read", path);
		truth[q].n = K;
	}
	fclose(f);
	return truth;
}

/* -- ours ---------------------------------------------------------------------------- */

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

static void report(const char *name, const char *what, double value, const char *unit)
{
	char bench[64];

	snprintf(bench, sizeof bench, "ann %s", name);
	measure_rate(bench, what, unit, value);
}

static void verdict(const char *name, const char *what, double value, double floor, bool at_most)
{
	char bench[64];

	snprintf(bench, sizeof bench, "ann %s", name);
	measure_floor(bench, what, MEASURE_RATIO, value, floor, at_most);
}

/* -- peers ---------------------------------------------------------------------------- */

static FILE *ask_peer(const char *peer, const char *rest)
{
	char command[4096];
	FILE *f;

	snprintf(command, sizeof command, "'%s' %s", peer, rest);
	f = popen(command, "r");
	if (!f)
		measure_die("%s: cannot start", peer);
	return f;
}

static void end_peer(const char *peer, FILE *f)
{
	if (pclose(f) != 0)
		measure_die("%s: failed", peer);
}

static double built_by(const char *peer, const char *index, const char *base)
{
	double seconds = 0;
	char rest[2048];
	FILE *f;

	snprintf(rest, sizeof rest, "build '%s' '%s'", index, base);
	f = ask_peer(peer, rest);
	if (fscanf(f, "build %lf", &seconds) != 1)
		measure_die("%s: wanted \"build SECONDS\"", peer);
	end_peer(peer, f);
	return seconds;
}

struct point {
	unsigned ef;
	double recall, qps;
};

#define POINTS_MAX 32

static size_t sweep_of(struct point out[POINTS_MAX], const char *peer, const char *rest)
{
	FILE *f = ask_peer(peer, rest);
	size_t n = 0;

	while (n < POINTS_MAX && fscanf(f, "%u %lf %lf", &out[n].ef, &out[n].recall, &out[n].qps) == 3)
		n++;
	end_peer(peer, f);
	if (n == 0)
		measure_die("%s: wanted \"EF RECALL QPS\"", peer);
	return n;
}

static void tell_points(const char *name, const char *label, const struct point *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		printf("{\"v\":1,\"type\":\"point\",\"bench\":\"ann %s\",\"what\":\"%s\",\"ef\":%u,\"recall\":%.4f,"
		       "\"qps\":%.1f}\n", name, label, p[i].ef, p[i].recall, p[i].qps);
	fflush(stdout);
}

/* -- building --------------------------------------------------------------------------- */

static double elapsed_s(int64_t begin_ns)
{
	return (double)(measure_ns() - begin_ns) / 1e9;
}

/* The better of two: the first one may meet memory that the host has yet to give. */
#define BUILDS 2

static void compare_builds(int argc, char **argv)
{
	struct set base = load(argv[3]);
	double one_s = INFINITY, one_elapsed_s = INFINITY, two_s = INFINITY, peer_s = INFINITY;
	struct eng_pool *pool;

	for (int round = 0; round < BUILDS; round++) {
		double begin = processor_s();
		int64_t begin_ns = measure_ns();

		eng_hnsw_build_free(build(&base, base.n, NULL));
		one_s = fmin(one_s, processor_s() - begin);
		one_elapsed_s = fmin(one_elapsed_s, elapsed_s(begin_ns));
	}
	report(argv[2], "build by one thread, processor time", one_s, "s");
	report(argv[2], "build by one thread, elapsed", one_elapsed_s, "s");
	check(eng_pool_new(&pool, eng_sys_posix(), 2, ENG_NUMA_AUTO));
	for (int round = 0; round < BUILDS; round++) {
		int64_t begin_ns = measure_ns();

		eng_hnsw_build_free(build(&base, base.n, eng_pool_workers(pool)));
		two_s = fmin(two_s, elapsed_s(begin_ns));
	}
	eng_pool_free(pool);
	report(argv[2], "build by two threads, elapsed", two_s, "s");
	verdict(argv[2], "build by one thread / by two, elapsed", one_elapsed_s / two_s, 1.7, false);
	free(base.x);
	if (argc < 7)
		return;
	for (int round = 0; round < BUILDS; round++)
		peer_s = fmin(peer_s, built_by(argv[5], argv[6], argv[3]));
	report(argv[2], "build by hnswlib, processor time", peer_s, "s");
	verdict(argv[2], "hnswlib's build / ours, one thread", peer_s / one_s, atof(argv[4]), false);
}

/* -- searching -------------------------------------------------------------------------- */

static struct best ask(struct eng_hnsw *g, struct eng_hnsw_scratch *scratch, const struct set *base,
                       const float *query, unsigned ef, const uint32_t *name)
{
	_Alignas(64) int8_t codes[4096];
	struct eng_near near[K];
	struct best best = {.n = 0};
	size_t n;

	eng_vec_quantise(codes, query, base->dim);
	check(eng_hnsw_search(near, &n, K, ef, g, codes, scratch, NULL));
	for (size_t i = 0; i < n; i++)
		offer(&best, (float)near[i].sim_q30, name ? name[near[i].doc] : near[i].doc);
	return best;
}

static unsigned hits(const struct best *found, const struct best *truth)
{
	unsigned n = 0;

	for (unsigned i = 0; i < found->n; i++)
		for (unsigned k = 0; k < truth->n; k++)
			n += found->row[i] == truth->row[k];
	return n;
}

/* `name` (NULL: none) is what the nodes are called in `base`. */
static struct point search(struct eng_hnsw *g, const struct set *base, const struct set *queries, unsigned ef,
                           const uint32_t *name, const struct best *truth)
{
	struct best *found = calloc(queries->n, sizeof *found);
	struct eng_hnsw_scratch scratch = {0};
	struct point p = {.ef = ef};
	unsigned right = 0;

	if (!found)
		measure_die("out of memory");
	for (int round = 0; round < ROUNDS; round++) {
		double begin = processor_s(), qps;

		for (uint32_t q = 0; q < queries->n; q++)
			found[q] = ask(g, &scratch, base, row(queries, q), ef, name);
		qps = queries->n / (processor_s() - begin);
		p.qps = qps > p.qps ? qps : p.qps;
	}
	for (uint32_t q = 0; q < queries->n; q++)
		right += hits(&found[q], &truth[q]);
	p.recall = (double)right / K / queries->n;
	eng_hnsw_scratch_free(&scratch);
	free(found);
	return p;
}

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

static const struct point *good_enough(const struct point *p, size_t n)
{
	const struct point *best = p;

	for (size_t i = 0; i < n && best->recall < RECALL_WANTED; i++)
		if (p[i].recall > best->recall)
			best = &p[i];
	return best;
}

/* How far ours stays behind at the same ef, where it is furthest. */
static double behind(const struct point *ours, size_t n, const struct point *theirs, size_t m)
{
	double most = -1;

	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < m; k++)
			if (ours[i].ef == theirs[k].ef && theirs[k].recall - ours[i].recall > most)
				most = theirs[k].recall - ours[i].recall;
	return most;
}

static void compare(const char *name, const char *label, double floor, const struct point *ours,
                    const struct point *theirs, size_t n)
{
	const struct point *at = good_enough(theirs, n);
	char what[160];

	tell_points(name, label, theirs, n);
	snprintf(what, sizeof what, "our rate / %s's at its ef %u, recall@10 %.4f", label, at->ef, at->recall);
	if (floor == 0) {
		report(name, what, qps_at(ours, NEFS, at->recall) / at->qps, "times");
		return;
	}
	verdict(name, what, qps_at(ours, NEFS, at->recall) / at->qps, floor, false);
	snprintf(what, sizeof what, "recall@10 in which ours is behind %s's at the same ef, in 1/1,000", label);
	verdict(name, what, 1000 * behind(ours, NEFS, theirs, n), 5, true);
}

/* Ours, once before each peer, so that both meet the same machine. */
static void sweep_ours(struct point ours[NEFS], struct eng_hnsw *g, const struct set *base,
                       const struct set *queries, const struct best *truth)
{
	for (size_t i = 0; i < NEFS; i++)
		ours[i] = search(g, base, queries, efs[i], NULL, truth);
}

static void compare_searches(int argc, char **argv)
{
	struct set base = load(argv[3]), queries = load(argv[4]);
	struct best *truth = read_truth(argv[5], queries.n);
	struct eng_hnsw_build *b = build(&base, base.n, NULL);
	struct point ours[NEFS], theirs[POINTS_MAX];
	char rest[3072];

	sweep_ours(ours, eng_hnsw_build_graph(b), &base, &queries, truth);
	tell_points(argv[2], "engram", ours, NEFS);
	for (int i = 6; i + 3 < argc; i += 4) {
		if (i > 6)
			sweep_ours(ours, eng_hnsw_build_graph(b), &base, &queries, truth);
		snprintf(rest, sizeof rest, "sweep '%s' '%s' '%s'", argv[i + 3], argv[4], argv[5]);
		compare(argv[2], argv[i], atof(argv[i + 1]), ours, theirs, sweep_of(theirs, argv[i + 2], rest));
	}
	eng_hnsw_build_free(b);
	free(base.x);
	free(queries.x);
	free(truth);
}

/* -- changes ---------------------------------------------------------------------------- */

static void tell_recall(const char *name, const char *when, struct eng_hnsw_build *b, const struct set *base,
                        const struct set *queries, const uint32_t *called, const struct best *truth)
{
	char what[96];

	snprintf(what, sizeof what, "%% recall@10 at ef %d, %s", EF_CHANGED, when);
	verdict(name, what, 100 * search(eng_hnsw_build_graph(b), base, queries, EF_CHANGED, called, truth).recall,
	        100 * RECALL_WANTED, false);
}

static void change(char **argv)
{
	struct set base = load(argv[3]), queries = load(argv[4]);
	struct best *truth = read_truth(argv[5], queries.n), *left = exact(&base, &queries, true);
	uint32_t first = base.n / 5 * 4, *called = malloc(base.n * sizeof *called), n = 0;
	struct eng_hnsw_build *b = build(&base, first, NULL), *shrunk = NULL;

	if (!called)
		measure_die("out of memory");
	add(b, &base, first, base.n);
	link_in(b);
	tell_recall(argv[2], "the last fifth added later", b, &base, &queries, NULL, truth);
	check(eng_hnsw_build_new(&shrunk, ENG_VEC_STRIDE(base.dim), NULL));
	check(eng_hnsw_build_load(shrunk, eng_hnsw_build_graph(b), is_gone, NULL));
	link_in(shrunk);
	for (uint32_t i = 0; i < base.n; i++)
		if (!is_gone(NULL, i))
			called[n++] = i;
	tell_recall(argv[2], "then a fifth taken out", shrunk, &base, &queries, called, left);
	eng_hnsw_build_free(b);
	eng_hnsw_build_free(shrunk);
	free(called);
	free(left);
	free(truth);
	free(base.x);
	free(queries.x);
}

static void find_truth(char **argv)
{
	struct set base = load(argv[2]), queries = load(argv[3]);
	struct best *truth = exact(&base, &queries, false), *left = exact(&base, &queries, true);

	write_truth(argv[4], truth, queries.n);
	write_truth(argv[5], left, queries.n);
	free(truth);
	free(left);
	free(base.x);
	free(queries.x);
}

int main(int argc, char **argv)
{
	const char *job = argc > 1 ? argv[1] : "";

	if (strcmp(job, "truth") == 0 && argc == 6)
		find_truth(argv);
	else if (strcmp(job, "build") == 0 && argc >= 5)
		compare_builds(argc, argv);
	else if (strcmp(job, "search") == 0 && argc >= 6)
		compare_searches(argc, argv);
	else if (strcmp(job, "change") == 0 && argc == 6)
		change(argv);
	else
		measure_die("usage: ann truth|build|search|change ... (the head of bench/ann.c)");
	return 0;
}
