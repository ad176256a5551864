/* check.c - whether a view file is what was written, and a graph.
 *
 * Keys and values are walked in their order and held against what the records
 * say there must be: a value that is missing, one too many, another length,
 * header or check is named.  Then each graph is validated for what it means.
 *
 * A walk trusts the pages of LMDB, as all that reads them does: whoever checks a
 * file of unknown condition does so in a process of its own (eng_sys.guard). */
#include "fold/fold_int.h"

#include <inttypes.h>

#include "base/le.h"

struct checking {
	struct eng_fold *f;
	struct eng_walk *walk;
	struct eng_buf digest;
	int (*progress)(void *data, uint64_t done, uint64_t total);
	void *data;
	uint64_t done, total; /* bytes of values */
};

/* -- one chunk ------------------------------------------------------------------- */

static int check_parts(const struct eng_fold *f, size_t graph, const struct eng_fold_chunk *c, const uint8_t *p,
                       struct engram_error *err)
{
	uint64_t wanted, found;
	const int part = eng_fold_part_misfit(&wanted, &found, c, p);

	if (part < 0)
		return 0;
	return eng_fold_damaged(f, graph, c, err, "%s: wanted check %016" PRIx64 ", found %016" PRIx64,
	                        eng_fold_part_names[c->kind][part], wanted, found);
}

static int verify_chunk(struct eng_fold *f, size_t graph, const struct eng_fold_chunk *c, struct engram_error *err)
{
	struct eng_bytes value;
	int rc = eng_fold_get(&value, f, graph, c, err);

	return rc == 0 ? check_parts(f, graph, c, value.p, err) : rc;
}

int eng_fold_verify(struct eng_fold_graph *g, struct engram_error *err)
{
	struct eng_fold_file_graph *fg = g->g.ctx;
	int rc = 0;

	for (uint32_t i = 0; rc == 0 && i < eng_fold_blocks(fg->r); i++) {
		const struct eng_fold_chunk c = eng_fold_chunk_of(fg->r, ENG_FOLD_BLOCK, i);

		rc = verify_chunk(fg->f, fg->number, &c, err);
		if (rc == 0 && !eng_fold_ids(g, i, err))
			rc = ENGRAM_EDAMAGED;
	}
	for (uint32_t l = 1; rc == 0 && l <= fg->r->layers; l++) {
		const struct eng_fold_chunk c = eng_fold_chunk_of(fg->r, ENG_FOLD_UPPER, l);

		rc = verify_chunk(fg->f, fg->number, &c, err);
	}
	return rc;
}

/* -- the order of the values -------------------------------------------------------- */

/* The next value of the walk, which must be this one. */
static int next_chunk(struct checking *k, size_t graph, const struct eng_fold_chunk *c, struct engram_error *err)
{
	const uint64_t want = eng_fold_key(graph, c->kind, c->number);
	struct eng_bytes key, value;
	const char *misfit;
	int rc = eng_walk_next(k->walk, &key, &value);

	if (rc < 0)
		return eng_txn_status(k->f->txn, err);
	if (rc == 0 || key.n != sizeof want || memcmp(key.p, &want, sizeof want) != 0)
		return eng_fold_damaged(k->f, graph, c, err, "wanted it next, found another value");
	misfit = eng_fold_misfit(c, value);
	if (misfit)
		return eng_fold_damaged(k->f, graph, c, err, "%s: does not fit the record of the graph", misfit);
	rc = check_parts(k->f, graph, c, value.p, err);
	if (rc < 0)
		return rc;
	eng_fold_digest_add(&k->digest, want, value);
	k->done += value.n;
	return k->progress ? k->progress(k->data, k->done, k->total) : 0;
}

static int check_values(struct checking *k, struct engram_error *err)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < k->f->info.graphs; i++) {
		const struct eng_fold_record *r = &k->f->records[i];

		for (uint32_t b = 0; rc == 0 && b < eng_fold_blocks(r); b++) {
			const struct eng_fold_chunk c = eng_fold_chunk_of(r, ENG_FOLD_BLOCK, b);

			rc = next_chunk(k, i, &c, err);
		}
		for (uint32_t l = 1; rc == 0 && l <= r->layers; l++) {
			const struct eng_fold_chunk c = eng_fold_chunk_of(r, ENG_FOLD_UPPER, l);

			rc = next_chunk(k, i, &c, err);
		}
	}
	return rc;
}

static int check_hashes(struct checking *k, struct eng_bytes meta, struct engram_error *err)
{
	const uint8_t *records = (const uint8_t *)meta.p + ENG_FOLD_META_HEADER;
	uint8_t lineage[ENG_FOLD_HASH], digest[ENG_FOLD_HASH];
	int rc = eng_fold_lineage_all(lineage, records, k->f->info.graphs);

	if (rc == 0)
		rc = eng_fold_digest(digest, &k->digest, meta.p, meta.n);
	if (rc < 0)
		return eng_err_nomem(err);
	if (memcmp(lineage, k->f->info.lineage, sizeof lineage) != 0)
		return eng_err(err, ENGRAM_EDAMAGED, "%s: lineage: does not fit those of the graphs", k->f->path);
	if (memcmp(digest, k->f->info.digest, sizeof digest) != 0)
		return eng_err(err, ENGRAM_EDAMAGED, "%s: digest: does not fit what is in it", k->f->path);
	return 0;
}

static int check_end(struct checking *k, struct engram_error *err)
{
	const uint64_t want = ENG_FOLD_META;
	struct eng_bytes key, value;
	int rc = eng_walk_next(k->walk, &key, &value);

	if (rc < 0)
		return eng_txn_status(k->f->txn, err);
	if (rc == 0 || key.n != sizeof want || memcmp(key.p, &want, sizeof want) != 0)
		return eng_err(err, ENGRAM_EDAMAGED, "%s: wanted its record next, found another value", k->f->path);
	return check_hashes(k, value, err);
}

/* -- what the graphs mean -------------------------------------------------------------- */

struct levels {
	struct eng_fold_graph *g;
	const struct engram_id *ids;
	uint32_t block;
};

static unsigned level_of(void *ctx, uint32_t node)
{
	struct levels *l = ctx;

	if (!l->ids || l->block != node / ENG_HNSW_BLOCK) {
		l->block = node / ENG_HNSW_BLOCK;
		l->ids = eng_fold_ids(l->g, l->block, NULL);
	}
	return l->ids ? eng_fold_level(&l->ids[node % ENG_HNSW_BLOCK]) : 0;
}

/* r and sum are those of the codes. */
static int check_rows(struct eng_fold *f, size_t graph, const struct eng_fold_graph *g, struct engram_error *err)
{
	for (uint32_t node = 0; node < g->n; node++) {
		const struct eng_hnsw_block *b = &g->g.blocks[node / ENG_HNSW_BLOCK];
		const uint32_t i = node % ENG_HNSW_BLOCK;
		const int8_t *codes = b->codes + (size_t)i * g->stride;

		if (b->r[i] != eng_vec_norm(codes, g->stride) || b->sum[i] != eng_vec_sum(codes, g->stride))
			return eng_fold_damaged(f, graph, NULL, err, "node %" PRIu32 ": norm or sum: not that of its codes", node);
	}
	return 0;
}

static int check_graph(struct eng_fold *f, size_t i, struct engram_error *err)
{
	struct levels levels = {0};
	struct eng_hnsw_fault fault;
	struct eng_fold_graph *g;
	int rc = eng_fold_graph(&g, f, i, err);

	if (rc < 0)
		return rc;
	levels.g = g;
	rc = eng_hnsw_check(&fault, &g->g, level_of, &levels);
	if (rc == ENGRAM_EDAMAGED)
		return eng_fold_damaged(f, i, NULL, err, "layer %" PRIu32 ", node %" PRIu32 ": %s", fault.layer, fault.node,
		                        fault.text);
	if (rc < 0)
		return eng_fold_failed(g, rc, err);
	return check_rows(f, i, g, err);
}

/* -------------------------------------------------------------------------------------- */

int eng_fold_check(struct eng_fold *f, int (*progress)(void *data, uint64_t done, uint64_t total), void *data,
                   struct engram_error *err)
{
	struct checking k = {.f = f, .progress = progress, .data = data, .total = f->info.bytes};
	int rc = eng_walk_begin(&k.walk, f->txn, 0, err);

	if (rc == 0)
		rc = check_values(&k, err);
	if (rc == 0)
		rc = check_end(&k, err);
	eng_walk_end(k.walk);
	eng_buf_free(&k.digest);
	for (size_t i = 0; rc == 0 && i < f->info.graphs; i++)
		rc = check_graph(f, i, err);
	return rc;
}
