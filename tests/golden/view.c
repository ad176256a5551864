/* view.c - a small view file, and what a program reads in one.
 *
 *     view make FILE    the recipe: a graph that was folded twice, with memories
 *                       forgotten in between, and a small one of an embedder
 *     view read FILE    digest, lineage, graphs, and the nearest of some nodes
 *
 * What is read is the same on every machine; the bytes around the values are LMDB's. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../lib/foldfix.h"
#include "engram.h"

enum { FIRST = 200, SECOND = 60, GONE = 7, DIM = 24, SMALL = 40, SMALL_KEY = 0xe0, SMALL_DIM = 100 };
enum { QUERY_EACH = 20, K = 3, EF = 32 };

static struct engram_error err;

static void must(int rc)
{
	if (rc >= 0)
		return;
	fprintf(stderr, "view: error %d %s\n", rc, err.message);
	exit(1);
}

/* -- making ------------------------------------------------------------------------ */

static bool is_gone(void *ctx, uint32_t node)
{
	(void)ctx;
	return node % GONE == GONE - 1;
}

/* Goes on from the file of the first fold: those that stay in the order of the file,
 * then what is new. */
static void write_second(struct eng_fold_out *o, struct eng_fold_graph *old, const struct foldfix_set *s)
{
	struct engram_id ids[FIRST + SECOND];
	uint8_t lineage[ENG_FOLD_HASH];
	struct eng_hnsw_order order;
	struct eng_hnsw_build *b;
	uint32_t n = 0, mended;

	must(eng_fold_verify(old, &err));
	must(eng_hnsw_build_new(&b, s->stride, NULL));
	must(eng_hnsw_build_load(b, &old->g, is_gone, NULL));
	for (uint32_t i = 0; i < old->n; i++)
		if (!is_gone(NULL, i))
			ids[n++] = eng_fold_ids(old, i / ENG_HNSW_BLOCK, &err)[i % ENG_HNSW_BLOCK];
	for (uint32_t i = FIRST; i < s->n; i++) {
		const int8_t *codes = s->codes + (size_t)i * s->stride;

		ids[n++] = s->ids[i];
		must(eng_hnsw_build_row(b, codes, eng_vec_norm(codes, s->stride), eng_vec_sum(codes, s->stride),
		                        eng_fold_level(&s->ids[i])));
	}
	must(eng_hnsw_build_run(b, NULL, NULL));
	must(eng_hnsw_build_finish(b, &mended));
	must(eng_hnsw_order_new(&order, b));
	eng_fold_lineage(lineage, old->lineage, old->key, s->stride, "second", 6);
	must(eng_fold_put(o, old->key, lineage, b, &order, ids, &err));
	eng_hnsw_order_free(&order);
	eng_hnsw_build_free(b);
}

static void make(const char *path)
{
	const struct engram_id space = foldfix_space(1);
	struct foldfix_set all = foldfix_set(1, FIRST + SECOND, 12, DIM), first = all;
	struct foldfix_set small = foldfix_set(2, SMALL, 5, SMALL_DIM);
	struct eng_hnsw_build *b, *b_small = foldfix_build(&small, 0);
	struct eng_fold_info info;
	struct eng_fold_out *o;
	struct eng_fold *f;

	first.n = FIRST;
	b = foldfix_build(&first, 0);
	must(foldfix_write(path, &first, b, &info, &err));
	must(eng_fold_open(&f, eng_sys_posix(), path, &space, &err));
	unlink(path);
	must(eng_fold_create(&o, eng_sys_posix(), path, &space, &err));
	write_second(o, eng_fold_at(f, 0, &err), &all);
	must(foldfix_put(o, SMALL_KEY, &small, b_small, &err));
	must(eng_fold_finish(o, &info, &err));
	eng_fold_close(f);
	eng_hnsw_build_free(b);
	eng_hnsw_build_free(b_small);
	foldfix_set_free(&all);
	foldfix_set_free(&small);
}

/* -- reading ------------------------------------------------------------------------ */

static void print_hash(const char *name, const uint8_t *p, size_t n)
{
	printf(" %s ", name);
	for (size_t i = 0; i < n; i++)
		printf("%02x", p[i]);
}

static void print_nearest(struct eng_fold_graph *g, uint32_t node, struct eng_hnsw_scratch *scratch)
{
	const struct eng_hnsw_block *block;
	struct eng_near near[K];
	size_t n;

	must(eng_hnsw_block(&g->g, &block, node));
	must(eng_hnsw_search(near, &n, K, EF, &g->g, block->codes + (size_t)(node % ENG_HNSW_BLOCK) * g->stride, scratch,
	                     NULL));
	printf("node %" PRIu32, node);
	for (size_t i = 0; i < n; i++) {
		const struct engram_id *ids = eng_fold_ids(g, near[i].doc / ENG_HNSW_BLOCK, &err);
		char id[ENGRAM_ID_TEXT + 1];

		must(ids ? 0 : err.code);
		engram_id_format(id, &ids[near[i].doc % ENG_HNSW_BLOCK]);
		printf(" %s %" PRId32, id, near[i].sim_q30);
	}
	putchar('\n');
}

static void print_graph(struct eng_fold_graph *g)
{
	struct eng_hnsw_scratch scratch = {0};

	printf("graph nodes %" PRIu32 " stride %" PRIu32 " layers %" PRIu32, g->n, g->stride, g->g.layers);
	print_hash("key", g->key, ENG_FOLD_KEY);
	print_hash("lineage", g->lineage, ENG_FOLD_HASH);
	putchar('\n');
	for (uint32_t node = 0; node < g->n; node += QUERY_EACH)
		print_nearest(g, node, &scratch);
	eng_hnsw_scratch_free(&scratch);
}

static void read_file(const char *path)
{
	const struct engram_id space = foldfix_space(1);
	const struct eng_fold_info *info;
	struct eng_fold *f;

	must(eng_fold_open(&f, eng_sys_posix(), path, &space, &err));
	must(eng_fold_check(f, NULL, NULL, &err));
	info = eng_fold_info(f);
	printf("view version %u graphs %zu nodes %" PRIu64, ENG_FOLD_VERSION, info->graphs, info->nodes);
	print_hash("digest", info->digest, ENG_FOLD_HASH);
	print_hash("lineage", info->lineage, ENG_FOLD_HASH);
	putchar('\n');
	for (size_t i = 0; i < info->graphs; i++) {
		struct eng_fold_graph *g = eng_fold_at(f, i, &err);

		must(g ? 0 : err.code);
		print_graph(g);
	}
	eng_fold_close(f);
}

int main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "make") == 0)
		make(argv[2]);
	else if (argc == 3 && strcmp(argv[1], "read") == 0)
		read_file(argv[2]);
	else {
		fprintf(stderr, "usage: view make|read FILE\n");
		return 2;
	}
	return fflush(stdout) != 0;
}
