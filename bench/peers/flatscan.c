/* flatscan.c - the bare program that recall is compared with.
 *
 *     flatscan make FILE < texts     one row of hash/1 codes for each line
 *     flatscan FILE CUE              the 10 nearest rows
 *
 * It maps one flat file and scans it with the same kernel: no log, no state,
 * no text, no filters, nothing to open but the file.  What recall takes beyond
 * this is what a memory costs beyond an array.
 *
 * The file: count and stride (u32 each), zeros up to 64, codes, then r and sum
 * and doc as arrays. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "index/index.h"
#include "text/text.h"

#define HEAD 64u
#define STRIDE ENG_VEC_STRIDE(ENG_HASH1_DIM)
#define K 10

static void die(const char *what)
{
	perror(what);
	exit(1);
}

struct rows {
	int8_t *codes;
	uint32_t *r, *doc;
	int32_t *sum;
	uint32_t n, cap;
};

static void add(struct rows *a, const char *text, size_t n)
{
	if (a->n == a->cap) {
		a->cap = a->cap ? 2 * a->cap : 4096;
		a->codes = realloc(a->codes, (size_t)a->cap * STRIDE);
		a->r = realloc(a->r, a->cap * sizeof *a->r);
		a->doc = realloc(a->doc, a->cap * sizeof *a->doc);
		a->sum = realloc(a->sum, a->cap * sizeof *a->sum);
		if (!a->codes || !a->r || !a->doc || !a->sum)
			die("memory");
	}
	int8_t *row = a->codes + (size_t)a->n * STRIDE;
	memset(row, 0, STRIDE);
	eng_hash1(row, text, n, NULL);
	a->r[a->n] = eng_vec_norm(row, STRIDE);
	a->sum[a->n] = eng_vec_sum(row, STRIDE);
	a->doc[a->n] = a->n;
	a->n++;
}

static int make(const char *path)
{
	struct rows a = {0};
	char *line = NULL;
	size_t cap = 0;
	ssize_t n;
	while ((n = getline(&line, &cap, stdin)) > 0)
		add(&a, line, (size_t)n - (line[n - 1] == '\n'));
	uint32_t head[HEAD / 4] = {a.n, STRIDE};
	FILE *f = fopen(path, "w");
	if (!f || fwrite(head, HEAD, 1, f) != 1 || fwrite(a.codes, STRIDE, a.n, f) != a.n ||
	    fwrite(a.r, 4, a.n, f) != a.n || fwrite(a.sum, 4, a.n, f) != a.n || fwrite(a.doc, 4, a.n, f) != a.n ||
	    fclose(f))
		die(path);
	return 0;
}

struct once {
	struct eng_rows rows;
	bool given;
};

static int next(void *ctx, struct eng_rows *out)
{
	struct once *o = ctx;
	if (o->given)
		return 0;
	o->given = true;
	*out = o->rows;
	return 1;
}

int main(int argc, char **argv)
{
	struct eng_near near[K];
	struct stat st;
	int8_t query[STRIDE] __attribute__((aligned(64))) = {0};
	size_t n;
	if (argc != 3)
		return 2;
	if (!strcmp(argv[1], "make"))
		return make(argv[2]);
	int fd = open(argv[1], O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st))
		die(argv[1]);
	const char *p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED)
		die(argv[1]);
	uint32_t count = ((const uint32_t *)(const void *)p)[0];
	const uint32_t *r = (const void *)(p + HEAD + (size_t)count * STRIDE);
	struct once o = {.rows = {.codes = (const int8_t *)p + HEAD, .r = r, .sum = (const int32_t *)(const void *)(r + count),
	                          .doc = r + 2 * (size_t)count, .n = count, .stride = STRIDE}};
	struct eng_row_reader reader = {.next = next, .ctx = &o};
	eng_hash1(query, argv[2], strlen(argv[2]), NULL);
	if (eng_flat_search(near, &n, K, query, STRIDE, &reader, NULL) < 0)
		die("search");
	for (size_t i = 0; i < n; i++)
		printf("%u\t%d\n", near[i].doc, near[i].sim_q30);
	return 0;
}
