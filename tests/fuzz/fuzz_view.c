/* fuzz_view.c - a view file with any bytes where our own stand.
 *
 * A sound file of one graph is written once.  The input is a letter, then what its
 * record, its block and its first layer shall be, headers included, as far as it
 * reaches.  Checks cannot be guessed: where bit 0 of the letter is set those of the
 * record and of the pages of keys are made right, where bit 1 is set those of the
 * chunks, over whatever is there.  The file is then searched, as a recall does, which
 * looks at no check of a chunk; loaded, as a fold does; and checked. */
#include "fuzz.h"

#include <fcntl.h>
#include <unistd.h>

#include "../lib/tmpdir.h"
#include "../lib/foldfix.h"
#include "base/alloc.h"
#include "base/hash.h"
#include "base/le.h"
#include "fold/fold_int.h"

const char fuzz_name[] = "view";

enum { MEND_RECORD = 1, MEND_CHUNKS = 2, NODES = 40, RECORD = ENG_FOLD_META_HEADER + ENG_FOLD_META_GRAPH };

static char path[800];
static uint8_t *good, *file;
static size_t size;

/* -- places ------------------------------------------------------------------------ */

struct place {
	size_t at, n; /* n: as much as the input may change */
};
enum { AT_RECORD, AT_BLOCK, AT_LAYER, PLACES };
static struct place places[PLACES];

static size_t find(const char *magic, uint32_t kind)
{
	for (size_t at = 0; at + 8 < size; at += 2)
		if (memcmp(good + at, magic, 4) == 0 && (kind == 0 || eng_get32(good + at + 4) == kind))
			return at;
	abort();
}

static void prepare(void)
{
	struct foldfix_set s;
	struct eng_hnsw_build *b;
	struct eng_fold_info info;

	if (path[0])
		return;
	if (access("/dev/shm", W_OK) == 0)
		setenv("TMPDIR", "/dev/shm", 0); /* the file is changed for each input */
	snprintf(path, sizeof path, "%s/view.mdb", tmpdir_begin("fuzz-view"));
	atexit(tmpdir_end);
	s = foldfix_set(4, NODES, 3, FOLDFIX_DIM);
	b = foldfix_build(&s, 0);
	FUZZ_HOLD(foldfix_write(path, &s, b, &info, NULL) == 0);
	FUZZ_HOLD(eng_hnsw_build_graph(b)->layers == 1);
	good = foldfix_load(path, &size);
	file = malloc(size);
	places[AT_RECORD] = (struct place){find("ENGF", 0), RECORD};
	places[AT_BLOCK] = (struct place){find("ENGV", ENG_FOLD_BLOCK), ENG_FOLD_HEADER + NODES * (FOLDFIX_DIM + 128 + 24)};
	places[AT_LAYER] = (struct place){find("ENGV", ENG_FOLD_UPPER), ENG_FOLD_HEADER + 4 * 72};
	eng_hnsw_build_free(b);
	foldfix_set_free(&s);
}

void fuzz_seeds(fuzz_emit_fn *emit, void *data)
{
	prepare();
	for (uint8_t letter = 0; letter <= (MEND_RECORD | MEND_CHUNKS); letter++) {
		struct eng_buf b = ENG_BUF_INIT;

		eng_buf_byte(&b, letter);
		for (unsigned i = 0; i < PLACES; i++)
			eng_buf_add(&b, good + places[i].at, places[i].n);
		emit(data, b.p, b.n);
		eng_buf_free(&b);
	}
}

/* -- the file ------------------------------------------------------------------------ */

static void mend_digest(uint8_t *record)
{
	struct eng_buf b = ENG_BUF_INIT;

	for (unsigned i = 0; i < 2; i++) {
		const uint64_t key = eng_fold_key(0, i ? ENG_FOLD_UPPER : ENG_FOLD_BLOCK, i);

		eng_fold_digest_add(&b, key, eng_bytes(file + places[AT_BLOCK + i].at, ENG_FOLD_CHUNK_MIN));
	}
	FUZZ_HOLD(eng_fold_lineage_all(record + ENG_FOLD_META_LINEAGE, record + ENG_FOLD_META_HEADER, 1) == 0);
	FUZZ_HOLD(eng_fold_digest(record + ENG_FOLD_META_DIGEST, &b, record, RECORD + ENG_FOLD_META_CHECK) == 0);
	eng_buf_free(&b);
}

static void mend_record(void)
{
	uint8_t *record = file + places[AT_RECORD].at, *end = file + size - 40, hashes[8 * 64];
	const uint32_t pages = eng_get32(end + 8), page = eng_get32(end + 4);

	mend_digest(record);
	eng_set64(record + RECORD, XXH3_64bits(record, RECORD));
	FUZZ_HOLD(pages <= 64);
	for (uint32_t i = 0; i < pages; i++)
		eng_set64(hashes + 8 * i, XXH3_64bits(file + (size_t)eng_get32(end - 4 * (pages - i)) * page, page));
	eng_set64(end + 24, XXH3_64bits(hashes, 8 * (size_t)pages));
	eng_set64(end + 32, XXH3_64bits(end - 4 * (size_t)pages, 4 * (size_t)pages + 32));
}

/* As chunks of the graph that the record tells, where it tells one. */
static void mend_chunks(void)
{
	struct eng_fold_record r;

	eng_fold_record_decode(&r, file + places[AT_RECORD].at + ENG_FOLD_META_HEADER);
	if (eng_fold_record_misfit(&r) || r.n > NODES || r.stride != FOLDFIX_DIM)
		return;
	for (unsigned i = 0; i < (r.layers ? 2 : 1); i++) {
		const struct eng_fold_chunk c = eng_fold_chunk_of(&r, i ? ENG_FOLD_UPPER : ENG_FOLD_BLOCK, i);

		eng_fold_seal(file + places[AT_BLOCK + i].at, &c);
	}
}

static void fill_file(const uint8_t *p, size_t n)
{
	memcpy(file, good, size);
	for (unsigned i = 0; i < PLACES; i++) {
		const size_t some = n < places[i].n ? n : places[i].n;

		memcpy(file + places[i].at, p, some);
		p += some;
		n -= some;
	}
}

static void write_file(void)
{
	int fd = open(path, O_WRONLY);

	FUZZ_HOLD(fd >= 0 && pwrite(fd, file, size, 0) == (ssize_t)size);
	close(fd);
}

/* -- promises --------------------------------------------------------------------------- */

static bool every_third(void *ctx, uint32_t node)
{
	(void)ctx;
	return node % 3 == 0;
}

static void search(struct eng_fold_graph *g, bool sound)
{
	_Alignas(64) int8_t query[ENG_VEC_STRIDE(ENGRAM_DIM_MAX)] = {1, -20, 100, 3, -7};
	const struct eng_near_filter filter = {.accept = every_third};
	struct eng_hnsw_scratch s = {0};
	struct eng_near out[20];
	size_t n;

	for (unsigned i = 0; i < 2; i++) {
		int rc = eng_hnsw_search(out, &n, 20, 30, &g->g, query, &s, i ? &filter : NULL);

		FUZZ_HOLD(rc == 0 || (rc == ENGRAM_EDAMAGED && !sound));
		for (size_t k = 0; rc == 0 && k < n; k++)
			FUZZ_HOLD(out[k].doc < g->n && (!i || out[k].doc % 3 == 0));
		for (size_t k = 1; rc == 0 && k < n; k++)
			FUZZ_HOLD(out[k - 1].sim_q30 >= out[k].sim_q30);
		FUZZ_HOLD(i || rc < 0 || !sound || n == (g->n < 20 ? g->n : 20));
	}
	eng_hnsw_scratch_free(&s);
}

/* Only what was checked is loaded. */
static void load(struct eng_fold_graph *g)
{
	struct eng_hnsw_build *b = NULL;
	uint32_t mended;

	FUZZ_HOLD(eng_hnsw_build_new(&b, g->stride, NULL) == 0);
	FUZZ_HOLD(eng_hnsw_build_load(b, &g->g, every_third, NULL) == 0);
	FUZZ_HOLD(eng_hnsw_build_finish(b, &mended) == 0);
	eng_hnsw_build_free(b);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	const struct engram_id space = foldfix_space(1);
	struct engram_error err;
	struct eng_fold *f;
	bool sound;

	if (n < 1)
		return 0;
	prepare();
	fill_file(p + 1, n - 1);
	if (p[0] & MEND_CHUNKS)
		mend_chunks();
	if (p[0] & MEND_RECORD)
		mend_record();
	write_file();
	if (eng_fold_open(&f, eng_sys_posix(), path, &space, &err) < 0)
		return 0;
	sound = eng_fold_check(f, NULL, NULL, &err) == 0;
	for (size_t i = 0; i < eng_fold_info(f)->graphs; i++) {
		struct eng_fold_graph *g = eng_fold_at(f, i, &err);

		FUZZ_HOLD(g || !sound);
		if (g)
			search(g, sound);
		if (g && sound)
			load(g);
	}
	eng_fold_close(f);
	return 0;
}
