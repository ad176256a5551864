/* vectors.c - made-up embeddings for the import bench.
 *
 *     vectors ndjson N <TEXTS >LINES     {"text":...,"vector":[768 numbers]}
 *     vectors fvecs N >FILE              the same vectors as fvecs
 *
 * A text is 300 bytes of the lines of standard input, one behind the other.  A
 * vector is 768 numbers of a normal distribution, by length 1, printed by
 * "%.9g", which is what keeps a float: about 11 bytes each, 9 KB a line.  The
 * seed is fixed. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "measure.h"

#define DIM 768
#define TEXT 300

static void make_vector(struct eng_rng *g, float x[DIM])
{
	double squares = 0;
	for (int i = 0; i < DIM; i++) {
		int64_t sum = 0;
		for (int k = 0; k < 12; k++) /* twelve uniform numbers make a normal one */
			sum += (int64_t)eng_rng_below(g, 1 << 24) - (1 << 23);
		x[i] = (float)sum;
		squares += (double)x[i] * x[i];
	}
	for (int i = 0; i < DIM; i++)
		x[i] = (float)(x[i] / sqrt(squares));
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

int main(int argc, char **argv)
{
	long n = argc == 3 ? atol(argv[2]) : 0;
	struct eng_rng g;
	float x[DIM];
	int32_t dim = DIM;
	if (n < 1 || (strcmp(argv[1], "ndjson") && strcmp(argv[1], "fvecs")))
		measure_die("usage: vectors ndjson|fvecs N");
	eng_rng_seed(&g, 768);
	for (long i = 0; i < n; i++) {
		make_vector(&g, x);
		if (argv[1][0] == 'n')
			put_line(x);
		else if (fwrite(&dim, sizeof dim, 1, stdout) != 1 || fwrite(x, sizeof x, 1, stdout) != 1)
			measure_die("standard output: cannot write");
	}
	return fflush(stdout) ? 1 : 0;
}
