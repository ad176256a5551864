/* test_formats_view.c - a view file of one memory: its two values, as a fold writes
 * them, with what they mean. */
#include <inttypes.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/le.h"
#include "fold/fold_int.h"
#include "../lib/tmpdir.h"
#include "dump.h"

enum { STRIDE = 64, BLOCK = ENG_FOLD_CHUNK_MIN };

static const uint8_t *here(const struct dump *d)
{
	return d->image->p + d->at;
}

/* -- describing ------------------------------------------------------------------ */

static void block(struct dump *d)
{
	const struct eng_fold_chunk c = {ENG_FOLD_BLOCK, 0, 1, STRIDE};
	const struct eng_bytes value = eng_bytes(here(d), BLOCK);
	uint64_t wanted, found;
	const char *right = !eng_fold_misfit(&c, value) && eng_fold_part_misfit(&wanted, &found, &c, value.p) < 0
	                            ? "right"
	                            : "wrong";
	struct engram_id id;

	dump_field(d, 4, "magic");
	dump_field(d, 4, "kind %u, block", eng_get32(here(d)));
	dump_field(d, 4, "number %u", eng_get32(here(d)));
	dump_field(d, 4, "nodes %u", eng_get32(here(d)));
	dump_field(d, 4, "width %u", eng_get32(here(d)));
	dump_field(d, 4, "zero");
	dump_field(d, 8, "check of codes, %s", right);
	dump_field(d, 8, "check of links, %s", right);
	dump_field(d, 8, "check of the rest, %s", right);
	dump_field(d, 4, "codes %d %d %d %d", (int8_t)here(d)[0], (int8_t)here(d)[1], (int8_t)here(d)[2],
	           (int8_t)here(d)[3]);
	dump_zeros(d, STRIDE - 4);
	dump_field(d, 4ul * ENG_HNSW_LINKS, "links: none");
	dump_field(d, 4, "r %u", eng_get32(here(d)));
	dump_field(d, 4, "sum %d", (int32_t)eng_get32(here(d)));
	memcpy(id.b, here(d), sizeof id.b);
	dump_field(d, 16, "id %s", dump_id(&id));
	dump_zeros(d, BLOCK - d->at);
}

static void record(struct dump *d)
{
	const uint8_t *p = here(d);
	const size_t n = d->image->n - d->at - ENG_FOLD_META_CHECK;
	struct engram_id id;

	dump_field(d, 4, "magic");
	dump_field(d, 4, "version %u", eng_get32(here(d)));
	memcpy(id.b, here(d), sizeof id.b);
	dump_field(d, 16, "space %s", dump_id(&id));
	dump_field(d, 4, "graphs %u", eng_get32(here(d)));
	dump_field(d, 4, "zero");
	dump_field(d, 16, "lineage of the file");
	dump_field(d, 16, "digest");
	dump_field(d, ENG_FOLD_KEY, "key: an embedder");
	dump_field(d, 2, "zero");
	dump_field(d, 4, "nodes %u", eng_get32(here(d)));
	dump_field(d, 4, "stride %u", eng_get32(here(d)));
	dump_field(d, 4, "layers %u", eng_get32(here(d)));
	dump_zeros(d, 4ul * ENG_HNSW_LAYERS);
	dump_field(d, 16, "lineage of the graph");
	dump_zeros(d, 8);
	dump_field(d, 8, "check, %s", eng_get64(p + n) == XXH3_64bits(p, n) ? "right" : "wrong");
}

void view_describe(struct dump *d)
{
	if (d->image->n != BLOCK + ENG_FOLD_META_HEADER + ENG_FOLD_META_GRAPH + ENG_FOLD_META_CHECK)
		return;
	block(d);
	record(d);
}

/* -- making ------------------------------------------------------------------------ */

static void must(int rc)
{
	if (rc < 0)
		exit(99);
}

static void write_view(const char *path)
{
	_Alignas(64) int8_t codes[STRIDE] = {127, -64, 3, 0};
	uint8_t key[ENG_FOLD_KEY], lineage[ENG_FOLD_HASH];
	struct eng_hnsw_build *b;
	struct eng_hnsw_order order;
	struct eng_fold_info info;
	struct eng_fold_out *o;
	struct engram_id space, id;
	uint32_t mended;

	for (uint8_t i = 0; i < 16; i++) {
		space.b[i] = (uint8_t)(0x10 + i);
		id.b[i] = (uint8_t)(0x80 + i);
	}
	for (uint8_t i = 0; i < ENG_FOLD_KEY; i++)
		key[i] = (uint8_t)(0xe0 + i);
	must(eng_hnsw_build_new(&b, STRIDE, NULL));
	must(eng_hnsw_build_row(b, codes, eng_vec_norm(codes, STRIDE), eng_vec_sum(codes, STRIDE), eng_fold_level(&id)));
	must(eng_hnsw_build_run(b, NULL, NULL));
	must(eng_hnsw_build_finish(b, &mended));
	must(eng_hnsw_order_new(&order, b));
	eng_fold_lineage(lineage, NULL, key, STRIDE, "", 0);
	must(eng_fold_create(&o, eng_sys_posix(), path, &space, NULL));
	must(eng_fold_put(o, key, lineage, b, &order, &id, NULL));
	must(eng_fold_finish(o, &info, NULL));
	eng_hnsw_order_free(&order);
	eng_hnsw_build_free(b);
}

static void add_value(struct image *image, struct eng_txn *t, uint64_t key)
{
	struct eng_bytes value;

	if (eng_txn_get(t, 0, eng_bytes(&key, sizeof key), &value) != 1 || image->n + value.n > IMAGE_MAX)
		exit(99);
	memcpy(image->p + image->n, value.p, value.n);
	image->n += value.n;
}

void view_make(struct image *image)
{
	struct eng_store *store;
	struct eng_txn *t;
	const char *path;

	tmpdir_begin("formats");
	path = tmpdir_path("view.mdb");
	write_view(path);
	must(eng_store_open(&store, eng_sys_posix(), path, ENG_STORE_NOLOCK | ENG_STORE_SEALED, eng_fold_tables,
	                    ENG_FOLD_TABLES, NULL));
	must(eng_txn_begin(&t, store, false, NULL));
	image->n = 0;
	add_value(image, t, eng_fold_key(0, ENG_FOLD_BLOCK, 0));
	add_value(image, t, ENG_FOLD_META);
	eng_txn_abort(t);
	eng_store_close(store);
	tmpdir_end();
}
