/* vectors.c - made-up embeddings for the import bench.
 *
 *     vectors ndjson N <TEXTS >LINES     {"text":...,"vector":[768 numbers]}
 *     vectors fvecs N >FILE              the same vectors as fvecs
 *     vectors clusters N SEED C >FILE    vectors with neighbours in C clusters, as fvecs
 *     vectors json <FVECS >LINES         vectors of any kind, an array a line
 *
 * A text is 300 bytes of the lines of standard input, one behind the other.  A
 * vector is 768 numbers of a normal distribution, by length 1, printed by
 * "%.9g", which is what keeps a float: about 11 bytes each, 9 KB a line.  The
 * seed is fixed.
 *
 * Vectors of no structure have no neighbours worth finding.  Those with: clusters
 * (1,000 for 100,000 of them: 100 members each) around one mean, each spread over 24 directions of its own that count
 * less and less, and a little noise in all 768.  Clusters are the same for every
 * SEED, so that one run makes the rows and another the queries. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "measure.h"

#define DIM 768
#define TEXT 300

/* Twelve uniform numbers make a normal one; variance 1. */
static double normal(struct eng_rng *g)
{
	int64_t sum = 0;
	for (int k = 0; k < 12; k++)
		sum += (int64_t)eng_rng_below(g, 1 << 24) - (1 << 23);
	return (double)sum / (1 << 24);
}

/* By length 1: the peers take the inner product, which is the cosine then. */
static void make_unit(float x[DIM])
{
	double squares = 0;
	for (int i = 0; i < DIM; i++)
		squares += (double)x[i] * x[i];
	for (int i = 0; i < DIM; i++)
		x[i] = (float)(x[i] / sqrt(squares));
}

static void make_vector(struct eng_rng *g, float x[DIM])
{
	for (int i = 0; i < DIM; i++)
		x[i] = (float)normal(g);
	make_unit(x);
}

/* The next bytes of the input as the inside of a JSON string. */
static void put_text(void)
{
	for (int n = 0; n < TEXT; n++) {
		int c = getchar();
		if (c == EOF)
			measure_die("standard input: wanted %d bytes of text for each line", TEXT);
		if (c == '"' || c == '\\')
			putchar('\\');
		putchar(c < ' ' ? ' ' : c);
	}
}

static void put_line(const float x[DIM])
{
	fputs("{\"text\":\"", stdout);
	put_text();
	fputs("\",\"vector\":[", stdout);
	for (int i = 0; i < DIM; i++)
		printf(i ? ",%.9g" : "%.9g", (double)x[i]);
	fputs("]}\n", stdout);
}

/* -- clusters ---------------------------------------------------------------------- */

enum { CLUSTERS_MAX = 10000, SPREAD = 24 };

/* A random direction, times `by`; made once. */
static void add_direction(float x[DIM], size_t which, double by)
{
	static float *made[1 + CLUSTERS_MAX * (1 + SPREAD)];
	struct eng_rng g;
	if (!made[which]) {
		made[which] = malloc(DIM * sizeof *x);
		if (!made[which])
			measure_die("out of memory");
		eng_rng_seed(&g, 1000000 + which);
		for (int i = 0; i < DIM; i++)
			made[which][i] = (float)(normal(&g) / sqrt(DIM));
	}
	for (int i = 0; i < DIM; i++)
		x[i] += (float)by * made[which][i];
}

static void make_member(struct eng_rng *g, float x[DIM], uint64_t clusters)
{
	size_t cluster = (size_t)eng_rng_below(g, clusters);
	memset(x, 0, DIM * sizeof *x);
	add_direction(x, 0, 0.6);
	add_direction(x, 1 + cluster, 0.8);
	for (size_t k = 0; k < SPREAD; k++)
		add_direction(x, 1 + CLUSTERS_MAX + cluster * SPREAD + k, 0.375 * normal(g) / sqrt(1 + (double)k));
	for (int i = 0; i < DIM; i++)
		x[i] += (float)(0.15 * normal(g) / sqrt(DIM));
	make_unit(x);
}

static void put_fvec(const float x[DIM])
{
	int32_t dim = DIM;
	if (fwrite(&dim, sizeof dim, 1, stdout) != 1 || fwrite(x, sizeof *x, DIM, stdout) != DIM)
		measure_die("standard output: cannot write");
}

static int clusters(long n, uint64_t seed, uint64_t of)
{
	struct eng_rng g;
	float x[DIM];
	if (of < 1 || of > CLUSTERS_MAX)
		measure_die("clusters: wanted 1 to %d, found %llu", CLUSTERS_MAX, (unsigned long long)of);
	eng_rng_seed(&g, seed);
	for (long i = 0; i < n; i++) {
		make_member(&g, x, of);
		put_fvec(x);
	}
	return fflush(stdout) ? 1 : 0;
}

/* -- fvecs for reading --------------------------------------------------------------- */

static int json(void)
{
	for (int32_t dim; fread(&dim, sizeof dim, 1, stdin) == 1;) {
		for (int32_t i = 0; i < dim; i++) {
			float x;
			if (fread(&x, sizeof x, 1, stdin) != 1)
				measure_die("standard input: cut in the midst of a vector");
			printf("%c%.9g", i ? ',' : '[', (double)x);
		}
		puts("]");
	}
	return fflush(stdout) ? 1 : 0;
}

int main(int argc, char **argv)
{
	long n = argc >= 3 ? atol(argv[2]) : 0;
	struct eng_rng g;
	float x[DIM];
	if (n > 0 && argc == 5 && strcmp(argv[1], "clusters") == 0)
		return clusters(n, strtoull(argv[3], NULL, 10), strtoull(argv[4], NULL, 10));
	if (argc == 2 && strcmp(argv[1], "json") == 0)
		return json();
	if (n < 1 || argc != 3 || (strcmp(argv[1], "ndjson") && strcmp(argv[1], "fvecs")))
		measure_die("usage: vectors ndjson|fvecs N, clusters N SEED C, or json");
	eng_rng_seed(&g, 768);
	for (long i = 0; i < n; i++) {
		make_vector(&g, x);
		if (argv[1][0] == 'n')
			put_line(x);
		else
			put_fvec(x);
	}
	return fflush(stdout) ? 1 : 0;
}
