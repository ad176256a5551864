/* test_fold.c - what a view file gives back is what was put into it, whoever
 * built it, and its bytes follow from that alone. */
#include <sys/stat.h>
#include <unistd.h>

#include "engram.h"
#include "../lib/foldfix.h"
#include "../lib/failalloc.h"
#include "../lib/tap.h"
#include "../lib/tmpdir.h"

static struct engram_error err;

static struct eng_fold *open_file(const char *path)
{
	const struct engram_id space = foldfix_space(1);
	struct eng_fold *f = NULL;

	if (eng_fold_open(&f, eng_sys_posix(), path, &space, &err) < 0)
		tap_note("%s", err.message);
	return f;
}

static bool is_sound(struct eng_fold *f)
{
	int rc = eng_fold_check(f, NULL, NULL, &err);

	if (rc < 0)
		tap_note("%s", err.message);
	return rc == 0;
}

static bool same_bytes(const char *a, const char *b)
{
	size_t na, nb;
	uint8_t *pa = foldfix_load(a, &na), *pb = foldfix_load(b, &nb);
	bool same = na == nb && memcmp(pa, pb, na) == 0;

	free(pa);
	free(pb);
	return same;
}

/* -- round trip --------------------------------------------------------------------- */

static void test_sizes(void)
{
	static const uint32_t sizes[] = {1, 2, 33, 1023, 1024, 1025, 2500};

	for (size_t i = 0; i < ENG_COUNT(sizes); i++) {
		struct foldfix_set s = foldfix_set(i, sizes[i], 40, FOLDFIX_DIM);
		struct eng_hnsw_build *b = foldfix_build(&s, 0);
		const char *path = tmpdir_path("sizes.mdb");
		struct eng_fold_graph *g = NULL;
		struct eng_fold_info info;
		struct eng_fold *f;

		unlink(path);
		tap_int(foldfix_write(path, &s, b, &info, &err), 0, "%u nodes: written", sizes[i]);
		f = open_file(path);
		g = f ? eng_fold_at(f, 0, &err) : NULL;
		tap_ok(g && is_sound(f), "%u nodes: passes the check", sizes[i]);
		tap_ok(g && foldfix_answers(&g->g, g, NULL) == foldfix_answers(eng_hnsw_build_graph(b), NULL, s.ids),
		       "%u nodes: searches give what the graph in memory gives", sizes[i]);
		tap_ok(f && memcmp(eng_fold_info(f), &info, sizeof info) == 0, "%u nodes: opening tells what finishing told",
		       sizes[i]);
		eng_fold_close(f);
		eng_hnsw_build_free(b);
		foldfix_set_free(&s);
	}
}

static void test_empty(void)
{
	uint8_t key[ENG_FOLD_KEY] = {0};
	struct eng_fold_graph *g;
	struct eng_fold_info info;
	struct eng_fold *f;

	tap_int(foldfix_write(tmpdir_path("empty.mdb"), NULL, NULL, &info, &err), 0, "without a graph: written");
	f = open_file(tmpdir_path("empty.mdb"));
	tap_ok(f && is_sound(f), "it passes the check");
	tap_ok(f && eng_fold_info(f)->graphs == 0 && eng_fold_info(f)->nodes == 0, "it has no graph");
	tap_int(f ? eng_fold_find(&g, f, key, &err) : -1, 0, "none is found");
	eng_fold_close(f);
}

/* -- the same bytes ------------------------------------------------------------------ */

static void test_same(const struct foldfix_set *s)
{
	struct eng_fold_info infos[4];
	bool digests = true, bytes = true;

	for (unsigned i = 0; i < 4; i++) {
		struct eng_hnsw_build *b = foldfix_build(s, i);
		char name[16];

		snprintf(name, sizeof name, "same%u.mdb", i);
		if (foldfix_write(tmpdir_path(name), s, b, &infos[i], &err) < 0)
			tap_note("%s", err.message);
		digests = digests && memcmp(infos[0].digest, infos[i].digest, ENG_FOLD_HASH) == 0;
		bytes = bytes && same_bytes(tmpdir_path("same0.mdb"), tmpdir_path(name));
		eng_hnsw_build_free(b);
	}
	tap_ok(digests, "alone and with one to three workers: one digest");
	tap_ok(bytes, "and one file, byte for byte");
	tap_ok(memcmp(infos[0].lineage, infos[1].lineage, ENG_FOLD_HASH) == 0, "and one lineage");
}

/* -- several graphs ----------------------------------------------------------------- */

static int write_three(const char *path, const struct foldfix_set *s, struct eng_hnsw_build *const *b,
                       struct eng_fold_info *info)
{
	const struct engram_id space = foldfix_space(1);
	struct eng_fold_out *o;
	int rc = eng_fold_create(&o, eng_sys_posix(), path, &space, &err);

	for (unsigned i = 0; rc == 0 && i < 3; i++)
		rc = foldfix_put(o, 2 * i, &s[i], b[i], &err);
	return rc == 0 ? eng_fold_finish(o, info, &err) : rc;
}

/* The middle graph replaced, the others copied. */
static int write_copied(const char *path, struct eng_fold *f, const struct foldfix_set *s, struct eng_hnsw_build *b,
                        struct eng_fold_info *info)
{
	const struct engram_id space = foldfix_space(1);
	struct eng_fold_out *o;
	int rc = eng_fold_create(&o, eng_sys_posix(), path, &space, &err);

	if (rc == 0)
		rc = eng_fold_copy(o, eng_fold_at(f, 0, &err), &err);
	if (rc == 0)
		rc = foldfix_put(o, 2, s, b, &err);
	if (rc == 0)
		rc = eng_fold_copy(o, eng_fold_at(f, 2, &err), &err);
	return rc == 0 ? eng_fold_finish(o, info, &err) : rc;
}

static void test_several(void)
{
	struct foldfix_set s[3] = {foldfix_set(1, 1500, 20, FOLDFIX_DIM), foldfix_set(2, 70, 5, 768),
	                           foldfix_set(3, 3000, 20, 100)};
	struct eng_hnsw_build *b[3] = {foldfix_build(&s[0], 0), foldfix_build(&s[1], 0), foldfix_build(&s[2], 0)};
	struct eng_fold_info info, again;
	struct eng_fold_graph *g;
	uint8_t key[ENG_FOLD_KEY];
	struct eng_fold *f;

	tap_int(write_three(tmpdir_path("three.mdb"), s, b, &info), 0, "three graphs: written");
	f = open_file(tmpdir_path("three.mdb"));
	tap_ok(f && is_sound(f), "they pass the check");
	tap_ok(info.graphs == 3 && info.nodes == 4570, "three graphs, 4,570 nodes");
	for (unsigned i = 0; f && i < 3; i++) {
		foldfix_key(key, 2 * i);
		tap_int(eng_fold_find(&g, f, key, &err), 1, "graph %u is found by its key", i);
		tap_ok(foldfix_answers(&g->g, g, NULL) == foldfix_answers(eng_hnsw_build_graph(b[i]), NULL, s[i].ids),
		       "graph %u gives its own answers", i);
		foldfix_key(key, 2 * i + 1);
		tap_int(eng_fold_find(&g, f, key, &err), 0, "the key above it is not there");
	}
	tap_int(write_copied(tmpdir_path("copied.mdb"), f, &s[1], b[1], &again), 0, "two copied, one put again");
	tap_ok(same_bytes(tmpdir_path("three.mdb"), tmpdir_path("copied.mdb")), "gives the same file");
	eng_fold_close(f);
	for (unsigned i = 0; i < 3; i++) {
		eng_hnsw_build_free(b[i]);
		foldfix_set_free(&s[i]);
	}
}

/* Loaded from the file, with workers that share it once it is verified. */
static void test_loaded(const struct foldfix_set *s)
{
	struct eng_hnsw_build *b = NULL, *first = foldfix_build(s, 0);
	struct eng_fold *f = open_file(tmpdir_path("same0.mdb"));
	struct eng_fold_graph *g = f ? eng_fold_at(f, 0, &err) : NULL;
	struct engram_id *ids = calloc(s->n, sizeof *ids);
	struct foldfix_set again = *s;
	struct eng_fold_info info;

	tap_int(g ? eng_fold_verify(g, &err) : -1, 0, "the graph is verified");
	for (uint32_t i = 0; i < s->n; i++)
		ids[i] = eng_fold_ids(g, i / ENG_HNSW_BLOCK, &err)[i % ENG_HNSW_BLOCK];
	again.ids = ids;
	if (eng_hnsw_build_new(&b, s->stride, NULL) < 0 || eng_hnsw_build_load(b, &g->g, NULL, NULL) < 0)
		exit(99);
	tap_int(foldfix_write(tmpdir_path("loaded.mdb"), &again, b, &info, &err), 0, "loaded and written again");
	tap_ok(same_bytes(tmpdir_path("same0.mdb"), tmpdir_path("loaded.mdb")),
	       "what is numbered breadth first stays so: the same file");
	free(ids);
	eng_hnsw_build_free(b);
	eng_hnsw_build_free(first);
	eng_fold_close(f);
}

/* -- lineage ----------------------------------------------------------------------------- */

static void test_lineage(void)
{
	uint8_t key[ENG_FOLD_KEY] = {0}, other[ENG_FOLD_KEY] = {1}, l[6][ENG_FOLD_HASH];
	bool distinct = true;

	eng_fold_lineage(l[0], NULL, key, 64, "cut", 3);
	eng_fold_lineage(l[1], l[0], key, 64, "cut", 3);
	eng_fold_lineage(l[2], NULL, other, 64, "cut", 3);
	eng_fold_lineage(l[3], NULL, key, 128, "cut", 3);
	eng_fold_lineage(l[4], NULL, key, 64, "cu", 2);
	eng_fold_lineage(l[5], l[1], key, 64, "cut", 3);
	for (unsigned i = 0; i < 6; i++)
		for (unsigned k = 0; k < i; k++)
			distinct = distinct && memcmp(l[i], l[k], ENG_FOLD_HASH) != 0;
	tap_ok(distinct, "lineage tells what was before, key, stride and cut apart");
	eng_fold_lineage(l[1], NULL, key, 64, "cut", 3);
	tap_ok(memcmp(l[0], l[1], ENG_FOLD_HASH) == 0, "and is a function of them");
}

/* -- misuse -------------------------------------------------------------------------------- */

static bool is_gone(const char *path)
{
	return access(path, F_OK) != 0;
}

static void test_misuse(const struct foldfix_set *s)
{
	const struct engram_id space = foldfix_space(1);
	const char *path = tmpdir_path("misuse.mdb");
	struct eng_hnsw_build *b = foldfix_build(s, 0), *none = NULL;
	struct foldfix_set zero = {.stride = s->stride};
	struct eng_fold_out *o, *second;
	struct eng_fold_info info;

	none = foldfix_build(&zero, 0);
	tap_int(eng_fold_create(&o, eng_sys_posix(), path, &space, &err), 0, "a file is begun");
	tap_int(eng_fold_create(&second, eng_sys_posix(), path, &space, &err), ENGRAM_EEXISTS, "a second one there is not");
	tap_int(foldfix_put(o, 0, &zero, none, &err), ENGRAM_EUSAGE, "a graph without nodes is refused");
	tap_int(foldfix_put(o, 3, s, b, &err), 0, "a graph is put");
	tap_int(foldfix_put(o, 3, s, b, &err), ENGRAM_EUSAGE, "the same key again is refused");
	tap_int(foldfix_put(o, 2, s, b, &err), ENGRAM_EUSAGE, "a lower one too");
	tap_int(eng_fold_finish(o, &info, &err), 0, "refusals change nothing: it is finished");
	tap_ok(info.graphs == 1 && is_gone(tmpdir_path("misuse.mdb-lock")), "one graph, and no lock file");
	tap_int(eng_fold_create(&o, eng_sys_posix(), tmpdir_path("given-up.mdb"), &space, &err), 0, "another is begun");
	foldfix_put(o, 0, s, b, &err);
	eng_fold_abandon(o);
	tap_ok(is_gone(tmpdir_path("given-up.mdb")), "given up, it is gone");
	eng_hnsw_build_free(b);
	eng_hnsw_build_free(none);
}

/* -- progress ---------------------------------------------------------------------------------- */

static int stop_third(void *data, uint64_t done, uint64_t total)
{
	unsigned *calls = data;

	return ++*calls == 3 && done <= total ? 77 : 0;
}

static void test_progress(void)
{
	struct eng_fold *f = open_file(tmpdir_path("three.mdb"));
	unsigned calls = 0;

	tap_int(f ? eng_fold_check(f, stop_third, &calls, &err) : -1, 77, "a check that is told to stop stops");
	tap_int(calls, 3, "at once");
	eng_fold_close(f);
}

/* -- memory ------------------------------------------------------------------------------------ */

struct writing {
	const struct foldfix_set *s;
	struct eng_hnsw_build *b;
	bool left; /* a run that failed left its file */
};

static int write_and_read(void *data)
{
	struct writing *w = data;
	const struct engram_id space = foldfix_space(1);
	const char *path = tmpdir_path("fails.mdb");
	struct eng_fold_info info;
	struct eng_fold *f = NULL;
	struct eng_fold_graph *g;
	uint8_t key[ENG_FOLD_KEY] = {0};
	int rc = foldfix_write(path, w->s, w->b, &info, NULL);

	if (rc < 0) {
		w->left = w->left || !is_gone(path);
		return rc;
	}
	rc = eng_fold_open(&f, eng_sys_posix(), path, &space, NULL);
	if (rc == 0)
		rc = eng_fold_find(&g, f, key, NULL);
	if (rc == 1)
		rc = eng_fold_verify(g, NULL);
	if (rc == 0)
		rc = eng_fold_check(f, NULL, NULL, NULL);
	eng_fold_close(f);
	unlink(path);
	return rc;
}

static void test_memory(void)
{
	struct foldfix_set s = foldfix_set(8, 1100, 10, FOLDFIX_DIM);
	struct writing w = {.s = &s, .b = foldfix_build(&s, 0)};

	failalloc_each(write_and_read, &w, "writing, opening and checking");
	tap_ok(!w.left, "a file that failed is not left");
	eng_hnsw_build_free(w.b);
	foldfix_set_free(&s);
}

int main(void)
{
	struct foldfix_set s = foldfix_set(7, 5000, 40, FOLDFIX_DIM);

	tmpdir_begin("fold");
	test_sizes();
	test_empty();
	test_same(&s);
	test_several();
	test_loaded(&s);
	test_lineage();
	test_misuse(&s);
	test_progress();
	test_memory();
	foldfix_set_free(&s);
	tmpdir_end();
	return tap_done();
}
