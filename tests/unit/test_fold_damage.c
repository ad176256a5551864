/* test_fold_damage.c - a view file that is missing, cut, changed, of another
 * version or space: named where it can be named, and never a crash. */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/le.h"
#include "base/rng.h"
#include "engram.h"
#include "../lib/foldfix.h"
#include "store/store.h"
#include "../lib/tap.h"
#include "../lib/tmpdir.h"

static const char *path;
static uint8_t *good;
static size_t size, page_size; /* LMDB's */
static struct engram_error err;

/* Opens the file, searches and checks it: the check's answer, or that of what failed before. */
static int use(const char *file)
{
	const struct engram_id space = foldfix_space(1);
	struct eng_fold *f = NULL;
	int rc = eng_fold_open(&f, eng_sys_posix(), file, &space, &err);

	for (size_t i = 0; rc == 0 && i < eng_fold_info(f)->graphs; i++) {
		struct eng_fold_graph *g = eng_fold_at(f, i, &err);

		if (g)
			foldfix_answers(&g->g, g, NULL);
	}
	if (rc == 0)
		rc = eng_fold_check(f, NULL, NULL, &err);
	eng_fold_close(f);
	return rc;
}

/* The same with other bytes at one place, which are put back. */
static int use_changed(size_t at, const uint8_t *p, size_t n)
{
	int fd = open(path, O_RDWR), rc;

	if (fd < 0 || pwrite(fd, p, n, (off_t)at) != (ssize_t)n)
		exit(99);
	memset(&err, 0, sizeof err);
	rc = use(path);
	if (pwrite(fd, good + at, n, (off_t)at) != (ssize_t)n)
		exit(99);
	close(fd);
	return rc;
}

static int use_bytes(const uint8_t *p, size_t n)
{
	const char *other = tmpdir_path("other.mdb");

	unlink(other);
	foldfix_save(other, p, n);
	memset(&err, 0, sizeof err);
	return use(other);
}

/* -- places of the file ------------------------------------------------------------- */

struct part {
	const char *name;
	size_t from, to;
};

/* Where the header of this chunk stands. */
static size_t find_chunk(uint32_t kind, uint32_t number)
{
	for (size_t at = 16; at + 48 < size; at += page_size)
		if (memcmp(good + at, "ENGV", 4) == 0 && eng_get32(good + at + 4) == kind && eng_get32(good + at + 8) == number)
			return at;
	tap_ok(false, "chunk %u of kind %u is in the file", number, kind);
	exit(tap_done());
}

static size_t find_record(void)
{
	for (size_t at = 0; at + 4 < size; at += 2)
		if (memcmp(good + at, "ENGF", 4) == 0)
			return at;
	tap_ok(false, "the record is in the file");
	exit(tap_done());
}

#define PARTS 10u
static void find_parts(struct part parts[PARTS])
{
	const size_t block = find_chunk(1, 0), last = find_chunk(1, 1), layer = find_chunk(2, 1), record = find_record();
	const size_t links = block + 48 + 1024 * FOLDFIX_DIM, norms = links + 1024 * 128;

	memcpy(parts,
	       (struct part[PARTS]){
		       {"header of a block", block, block + 48},
		       {"codes", block + 48, links},
		       {"links", links, norms},
		       {"norms and sums", norms, norms + 1024 * 8},
		       {"ids", norms + 1024 * 8, norms + 1024 * 24},
		       {"the last block", last + 48, last + 48 + 16384},
		       {"header of a layer", layer, layer + 48},
		       {"entries of a layer", layer + 48, layer + 48 + 2000},
		       {"padding of a layer", layer + 14000, layer + 16384},
		       {"the record", record, record + 64 + 88 + 8},
	       },
	       PARTS * sizeof *parts);
}

/* -- changed bytes ------------------------------------------------------------------- */

/* How many of `bits` flipped bits were not met, or not named. */
static unsigned flip(size_t from, size_t to, size_t bits)
{
	const size_t n = (to - from) * 8;
	unsigned missed = 0;
	struct eng_rng g;

	eng_rng_seed(&g, from);
	for (size_t i = 0; i < bits; i++) {
		const size_t bit = bits < n ? eng_rng_below(&g, n) : i, at = from + bit / 8;
		const uint8_t byte = (uint8_t)(good[at] ^ 1u << bit % 8);
		int rc = use_changed(at, &byte, 1);

		missed += (rc != ENGRAM_EDAMAGED && rc != ENGRAM_EVERSION) || !strstr(err.message, path);
	}
	return missed;
}

static void test_flips(void)
{
	struct part parts[PARTS];

	find_parts(parts);
	for (size_t i = 0; i < PARTS; i++) {
		const size_t bits = (parts[i].to - parts[i].from) * 8;

		tap_int(flip(parts[i].from, parts[i].to, bits < 400 ? bits : 100), 0,
		        "%s: a flipped bit is met, and its place named", parts[i].name);
		tap_note("%s", err.message + strlen(path));
	}
}

/* What no check of a chunk covers: all pages that are no values, and the seal. */
static void test_tree(void)
{
	unsigned pages = 0, missed = 0;

	for (size_t page = 0; (page + 1) * page_size <= size; page++) {
		const uint8_t *p = good + page * page_size;

		if (eng_get16(p + 10) & 4) {
			page += eng_get32(p + 12) - 1;
			continue;
		}
		pages++;
		missed += flip(page * page_size, page * page_size + 128, 200);
		missed += flip(page * page_size + 128, page * page_size + page_size, 100);
	}
	tap_ok(pages >= 4 && missed == 0, "%u pages of keys: a flipped bit is met before LMDB reads it", pages);
	tap_int(flip(size - size % page_size, size, size % page_size * 8), 0, "each bit of the seal");
}

/* Whole parts of noise: wrong answers, a word about it, nothing worse. */
static void test_noise(void)
{
	struct part parts[PARTS];
	struct eng_rng g;

	find_parts(parts);
	eng_rng_seed(&g, 11);
	for (size_t i = 0; i < PARTS; i++) {
		const size_t n = parts[i].to - parts[i].from;
		uint8_t *p = malloc(n);
		bool met = true;

		for (unsigned round = 0; round < 20; round++) {
			for (size_t k = 0; k < n; k++)
				p[k] = round < 10 ? (uint8_t)eng_rng_below(&g, 256) : (uint8_t)(round % 2 ? 0xff : eng_rng_below(&g, 2));
			met = met && use_changed(parts[i].from, p, n) < 0;
		}
		tap_ok(met, "%s: noise instead is met", parts[i].name);
		free(p);
	}
}

/* -- other files ------------------------------------------------------------------------- */

static void test_cut(void)
{
	unsigned wrong = 0, lengths = 0;

	for (size_t n = 0; n < size; n += n < 64 || size - n <= 64 ? 1 : n % page_size == 1 ? page_size - 2 : 1) {
		lengths++;
		wrong += use_bytes(good, n) != ENGRAM_EDAMAGED || !strstr(err.message, "other.mdb");
	}
	tap_ok(wrong == 0, "cut to each of %u lengths it is damaged (%s)", lengths, err.message);
}

static void test_longer(void)
{
	uint8_t *p = calloc(1, size + page_size);

	memcpy(p, good, size);
	tap_int(use_bytes(p, size + 1), ENGRAM_EDAMAGED, "a byte longer it is damaged");
	tap_int(use_bytes(p, size + page_size), ENGRAM_EDAMAGED, "a page longer too");
	memset(p, 0, size);
	tap_int(use_bytes(p, size), ENGRAM_EDAMAGED, "nothing but zeros too");
	free(p);
}

/* The record changed on purpose: its check and that of its page are right. */
static int use_record(size_t offset, uint8_t byte)
{
	const size_t record = find_record(), n = 64 + 88;
	uint8_t *p = malloc(size), *end = p + size - 40, hashes[800];
	const uint32_t pages = eng_get32(good + size - 32);
	int rc;

	memcpy(p, good, size);
	p[record + offset] = byte;
	eng_set64(p + record + n, XXH3_64bits(p + record, n));
	for (uint32_t i = 0; i < pages; i++)
		eng_set64(hashes + 8 * i, XXH3_64bits(p + (size_t)eng_get32(end - 4 * (pages - i)) * page_size, page_size));
	eng_set64(end + 24, XXH3_64bits(hashes, 8 * (size_t)pages));
	eng_set64(end + 32, XXH3_64bits(end - 4 * (size_t)pages, 4 * (size_t)pages + 32));
	rc = use_bytes(p, size);
	free(p);
	return rc;
}

static void test_record(void)
{
	static const struct {
		size_t offset;
		uint8_t byte;
		int code;
		const char *text, *name;
	} cases[] = {
		{4, 2, ENGRAM_EVERSION, "wanted version 1, found 2", "a future version"},
		{8, 7, ENGRAM_EVERSION, "of another space", "another space"},
		{24, 2, ENGRAM_EDAMAGED, "length", "more graphs than records"},
		{64 + 20, 1, ENGRAM_EDAMAGED, "length", "another number of nodes"},
		{64 + 23, 0xff, ENGRAM_EDAMAGED, "nodes", "2^32 nodes"},
		{64 + 24, 1, ENGRAM_EDAMAGED, "stride", "a stride that is none"},
		{64 + 25, 0xff, ENGRAM_EDAMAGED, "stride", "a stride beyond the greatest"},
		{64 + 28, 9, ENGRAM_EDAMAGED, "layers", "nine layers"},
		{64 + 28, 0, ENGRAM_EDAMAGED, "nodes of a layer", "no layers, but nodes in one"},
		{64 + 33, 0xff, ENGRAM_EDAMAGED, "nodes of a layer", "more nodes in a layer than below"},
		{64 + 70, 1, ENGRAM_EDAMAGED, "lineage", "another lineage"},
		{50, 1, ENGRAM_EDAMAGED, "digest", "another digest"},
		{0, 1, ENGRAM_EDAMAGED, "something else", "another magic"},
	};

	for (size_t i = 0; i < ENG_COUNT(cases); i++) {
		int rc = use_record(cases[i].offset, cases[i].byte);

		tap_ok(rc == cases[i].code && strstr(err.message, cases[i].text), "%s: %s", cases[i].name,
		       strrchr(err.message, '/'));
	}
}

static void test_other(void)
{
	static const struct eng_table tables[] = {{"other", false}};
	struct eng_store *store;
	struct eng_txn *t;

	tap_int(use(tmpdir_path("none.mdb")), ENGRAM_ENOFILE, "a file that is missing");
	mkdir(tmpdir_path("dir.mdb"), 0700);
	tap_int(use(tmpdir_path("dir.mdb")), ENGRAM_EDAMAGED, "a directory");
	if (symlink(path, tmpdir_path("link.mdb")) == 0)
		tap_int(use(tmpdir_path("link.mdb")), ENGRAM_EDAMAGED, "a symbolic link");
	if (eng_store_open(&store, eng_sys_posix(), tmpdir_path("state.mdb"), ENG_STORE_WRITE | ENG_STORE_CREATE, tables, 1,
	                   &err) < 0 ||
	    eng_txn_begin(&t, store, true, &err) < 0)
		exit(99);
	eng_txn_put(t, 0, eng_bytes("a", 1), eng_bytes("b", 1));
	eng_txn_commit(t, &err);
	tap_int(use(tmpdir_path("state.mdb")), ENGRAM_EUSAGE, "an LMDB file that this process has open otherwise");
	eng_store_close(store);
	tap_int(use(tmpdir_path("state.mdb")), ENGRAM_EDAMAGED, "an LMDB file of something else");
	foldfix_save(tmpdir_path("text.mdb"), (const uint8_t *)"not a view file, but long enough to hold a seal.", 48);
	tap_int(use(tmpdir_path("text.mdb")), ENGRAM_EDAMAGED, "a text");
}

/* The file may go while it is read: a fold removes the one before it. */
static void test_unlinked(void)
{
	const struct engram_id space = foldfix_space(1);
	const char *other = tmpdir_path("gone.mdb");
	struct eng_fold *f;

	foldfix_save(other, good, size);
	tap_int(eng_fold_open(&f, eng_sys_posix(), other, &space, &err), 0, "a file is opened");
	unlink(other);
	tap_int(eng_fold_check(f, NULL, NULL, &err), 0, "and read on after it was removed");
	eng_fold_close(f);
}

int main(void)
{
	struct foldfix_set s = foldfix_set(7, 1500, 40, FOLDFIX_DIM);
	struct eng_hnsw_build *b = foldfix_build(&s, 0);
	struct eng_fold_info info;

	tmpdir_begin("fold-damage");
	path = strdup(tmpdir_path("damage.mdb"));
	tap_int(foldfix_write(path, &s, b, &info, &err), 0, "a file is written");
	good = foldfix_load(path, &size);
	page_size = eng_get32(good + size - 36);
	test_flips();
	test_tree();
	test_noise();
	test_cut();
	test_longer();
	test_record();
	test_other();
	test_unlinked();
	free(good);
	free((char *)path);
	eng_hnsw_build_free(b);
	foldfix_set_free(&s);
	tmpdir_end();
	return tap_done();
}
