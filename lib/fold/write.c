/* write.c - a view file, written once from its first value to its last.
 *
 * Keys come ascending, so pages are packed full.  Nobody else knows the file
 * yet: nothing is synced before the end, there is no lock file, and every 16 MiB
 * are committed, because LMDB keeps what a transaction writes in memory (and has
 * an end there: 512 MiB).  Beside it there is one block, one layer and 32 bytes a
 * chunk.
 *
 * The end is one sync of the whole; what can be lost before that is a file that
 * no state names. */
#include "fold/fold_int.h"

#include <errno.h>
#include <fcntl.h>

#include "base/alloc.h"
#include "base/hash.h"
#include "base/le.h"

#define COMMIT_BYTES (16u << 20)

struct eng_fold_out {
	const struct eng_sys *sys;
	struct engram_id space;
	struct eng_store *store;
	struct eng_txn *txn;
	uint64_t waiting; /* bytes not committed */
	struct eng_buf digest, records;
	size_t graphs;
	uint64_t nodes;
	bool failed;      /* nothing more is taken */
	char path[];
};

/* -- values --------------------------------------------------------------------- */

static int commit(struct eng_fold_out *o, struct engram_error *err)
{
	int rc = eng_txn_commit(o->txn, err);

	o->txn = NULL;
	o->waiting = 0;
	eng_point(o->sys, "view-commit");
	return rc;
}

static int put_value(struct eng_fold_out *o, uint64_t key, struct eng_bytes value, struct engram_error *err)
{
	int rc = o->txn ? 0 : eng_txn_begin(&o->txn, o->store, true, err);

	if (rc < 0)
		return rc;
	eng_txn_append(o->txn, 0, eng_bytes(&key, sizeof key), value);
	rc = eng_txn_status(o->txn, err);
	o->waiting += value.n;
	return rc == 0 && o->waiting >= COMMIT_BYTES ? commit(o, err) : rc;
}

static int put_chunk(struct eng_fold_out *o, const struct eng_fold_chunk *c, const void *p, struct engram_error *err)
{
	const uint64_t key = eng_fold_key(o->graphs, c->kind, c->number);
	struct eng_fold_layout l;
	struct eng_bytes value;

	eng_fold_layout(&l, c);
	value = eng_bytes(p, l.at[ENG_FOLD_PARTS]);
	eng_fold_digest_add(&o->digest, key, value);
	return o->digest.failed ? eng_err_nomem(err) : put_value(o, key, value, err);
}

/* -- a graph of a build ------------------------------------------------------------ */

/* Zeroed: what lies behind the last node is padding. */
static uint8_t *chunk_new(struct eng_fold_layout *l, const struct eng_fold_chunk *c)
{
	eng_fold_layout(l, c);
	return eng_calloc(1, l->at[ENG_FOLD_PARTS]);
}

static void fill_block(uint8_t *p, const struct eng_fold_layout *l, struct eng_hnsw_build *b,
                       const struct eng_hnsw_order *order, const struct engram_id *ids, uint32_t i)
{
	const struct eng_hnsw_block_out out = {
		.codes = (int8_t *)p + l->at[0],
		.links = (uint32_t *)(void *)(p + l->at[1]),
		.r = (uint32_t *)(void *)(p + l->at[2]),
		.sum = (int32_t *)(void *)(p + l->sum),
	};
	const uint32_t n = eng_hnsw_order_block(&out, b, order, i);

	for (uint32_t k = 0; k < n; k++)
		memcpy(p + l->ids + k * sizeof *ids, &ids[order->old[i * ENG_HNSW_BLOCK + k]], sizeof *ids);
}

static int put_block(struct eng_fold_out *o, const struct eng_fold_record *r, struct eng_hnsw_build *b,
                     const struct eng_hnsw_order *order, const struct engram_id *ids, uint32_t i,
                     struct engram_error *err)
{
	const struct eng_fold_chunk c = eng_fold_chunk_of(r, ENG_FOLD_BLOCK, i);
	struct eng_fold_layout l;
	uint8_t *p = chunk_new(&l, &c);
	int rc;

	if (!p)
		return eng_err_nomem(err);
	fill_block(p, &l, b, order, ids, i);
	eng_fold_seal(p, &c);
	rc = put_chunk(o, &c, p, err);
	eng_free(p);
	return rc;
}

static int put_layer(struct eng_fold_out *o, const struct eng_fold_record *r, struct eng_hnsw_build *b,
                     const struct eng_hnsw_order *order, uint32_t layer, struct engram_error *err)
{
	const struct eng_fold_chunk c = eng_fold_chunk_of(r, ENG_FOLD_UPPER, layer);
	struct eng_fold_layout l;
	uint8_t *p = chunk_new(&l, &c);
	int rc;

	if (!p)
		return eng_err_nomem(err);
	eng_hnsw_order_upper((struct eng_hnsw_upper *)(void *)(p + l.at[0]), b, order, layer);
	eng_fold_seal(p, &c);
	rc = put_chunk(o, &c, p, err);
	eng_free(p);
	return rc;
}

static int put_graph(struct eng_fold_out *o, const struct eng_fold_record *r, struct eng_hnsw_build *b,
                     const struct eng_hnsw_order *order, const struct engram_id *ids, struct engram_error *err)
{
	int rc = 0;

	for (uint32_t i = 0; rc == 0 && i < eng_fold_blocks(r); i++)
		rc = put_block(o, r, b, order, ids, i, err);
	for (uint32_t l = 1; rc == 0 && l <= r->layers; l++)
		rc = put_layer(o, r, b, order, l, err);
	return rc;
}

/* -- one graph after the other -------------------------------------------------------- */

static int may_follow(const struct eng_fold_out *o, const uint8_t key[ENG_FOLD_KEY], struct engram_error *err)
{
	if (o->failed)
		return eng_err(err, ENGRAM_EUSAGE, "%s: put after a failure", o->path);
	if (o->graphs == ENG_FOLD_GRAPHS_MAX)
		return eng_err(err, ENGRAM_ELIMIT, "%s: wanted %u graphs at most", o->path, ENG_FOLD_GRAPHS_MAX);
	if (o->graphs && memcmp(o->records.p + o->records.n - ENG_FOLD_META_GRAPH, key, ENG_FOLD_KEY) >= 0)
		return eng_err(err, ENGRAM_EUSAGE, "%s: wanted graphs ascending by key", o->path);
	return 0;
}

/* The graph is complete: its record. */
static int end_graph(struct eng_fold_out *o, const struct eng_fold_record *r, int rc, struct engram_error *err)
{
	uint8_t record[ENG_FOLD_META_GRAPH];

	if (rc == 0) {
		eng_fold_record_encode(record, r);
		eng_buf_add(&o->records, record, sizeof record);
		if (o->records.failed)
			rc = eng_err_nomem(err);
	}
	o->failed = rc < 0;
	o->graphs++;
	o->nodes += r->n;
	return rc;
}

int eng_fold_put(struct eng_fold_out *o, const uint8_t key[ENG_FOLD_KEY], const uint8_t lineage[ENG_FOLD_HASH],
                 struct eng_hnsw_build *b, const struct eng_hnsw_order *order, const struct engram_id *ids,
                 struct engram_error *err)
{
	const struct eng_hnsw *g = eng_hnsw_build_graph(b);
	struct eng_fold_record r = {.n = g->n, .stride = g->stride, .layers = g->layers};
	int rc = may_follow(o, key, err);

	if (rc < 0)
		return rc;
	if (g->n == 0)
		return eng_err(err, ENGRAM_EUSAGE, "%s: a graph without nodes", o->path);
	memcpy(r.key, key, sizeof r.key);
	memcpy(r.lineage, lineage, sizeof r.lineage);
	memcpy(r.nupper, g->nupper, sizeof r.nupper);
	return end_graph(o, &r, put_graph(o, &r, b, order, ids, err), err);
}

static int copy_chunk(struct eng_fold_out *o, const struct eng_fold_file_graph *from, enum eng_fold_kind kind,
                      uint32_t number, struct engram_error *err)
{
	const struct eng_fold_chunk c = eng_fold_chunk_of(from->r, kind, number);
	struct eng_bytes value;
	int rc = eng_fold_get(&value, from->f, from->number, &c, err);

	return rc == 0 ? put_chunk(o, &c, value.p, err) : rc;
}

int eng_fold_copy(struct eng_fold_out *o, struct eng_fold_graph *g, struct engram_error *err)
{
	const struct eng_fold_file_graph *from = g->g.ctx;
	int rc = may_follow(o, g->key, err);

	if (rc < 0)
		return rc;
	for (uint32_t i = 0; rc == 0 && i < eng_fold_blocks(from->r); i++)
		rc = copy_chunk(o, from, ENG_FOLD_BLOCK, i, err);
	for (uint32_t l = 1; rc == 0 && l <= from->r->layers; l++)
		rc = copy_chunk(o, from, ENG_FOLD_UPPER, l, err);
	return end_graph(o, from->r, rc, err);
}

/* -- the file --------------------------------------------------------------------------- */

static void out_free(struct eng_fold_out *o, bool remove)
{
	eng_txn_abort(o->txn);
	eng_store_close(o->store);
	if (remove)
		o->sys->fs.ops->unlink(o->sys->fs.ctx, o->path);
	eng_buf_free(&o->digest);
	eng_buf_free(&o->records);
	eng_free(o);
}

static int create_file(struct eng_fold_out *o, struct engram_error *err)
{
	const unsigned flags = ENG_STORE_WRITE | ENG_STORE_CREATE | ENG_STORE_BULK | ENG_STORE_NOLOCK;
	int rc, fd = eng_fs_open(o->sys, o->path, O_RDWR | O_CREAT | O_EXCL, 0600);

	if (fd == -EEXIST)
		return eng_err(err, ENGRAM_EEXISTS, "%s: already there", o->path);
	if (fd < 0)
		return eng_err_os(err, -fd, "%s: cannot create", o->path);
	eng_fs_close(o->sys, &fd);
	rc = eng_store_open(&o->store, o->sys, o->path, flags, eng_fold_tables, ENG_FOLD_TABLES, err);
	if (rc < 0)
		o->sys->fs.ops->unlink(o->sys->fs.ctx, o->path);
	return rc;
}

int eng_fold_create(struct eng_fold_out **out, const struct eng_sys *sys, const char *path,
                    const struct engram_id *space, struct engram_error *err)
{
	const size_t n = strlen(path) + 1;
	struct eng_fold_out *o = eng_calloc(1, sizeof *o + n);
	int rc;

	*out = NULL;
	if (!o)
		return eng_err_nomem(err);
	o->sys = sys;
	o->space = *space;
	memcpy(o->path, path, n);
	rc = create_file(o, err);
	if (rc < 0) {
		out_free(o, false);
		return rc;
	}
	eng_point(sys, "view-created");
	*out = o;
	return 0;
}

static void fill_meta(uint8_t *p, const struct eng_fold_out *o)
{
	eng_set32(p, ENG_FOLD_META_MAGIC);
	eng_set32(p + 4, ENG_FOLD_VERSION);
	memcpy(p + 8, o->space.b, sizeof o->space.b);
	eng_set32(p + 24, (uint32_t)o->graphs);
	if (o->records.n) /* of no graph: nothing */
		memcpy(p + ENG_FOLD_META_HEADER, o->records.p, o->records.n);
}

static int put_meta(struct eng_fold_out *o, struct eng_fold_info *info, struct engram_error *err)
{
	const size_t n = ENG_FOLD_META_HEADER + o->records.n + ENG_FOLD_META_CHECK;
	uint8_t *p = eng_calloc(1, n);
	int rc = p ? 0 : ENGRAM_ENOMEM;

	if (rc == 0) {
		fill_meta(p, o);
		rc = eng_fold_lineage_all(info->lineage, o->records.p, o->graphs);
	}
	if (rc == 0) {
		memcpy(p + ENG_FOLD_META_LINEAGE, info->lineage, ENG_FOLD_HASH);
		rc = eng_fold_digest(info->digest, &o->digest, p, n);
	}
	if (rc == 0) {
		memcpy(p + ENG_FOLD_META_DIGEST, info->digest, ENG_FOLD_HASH);
		eng_set64(p + n - ENG_FOLD_META_CHECK, XXH3_64bits(p, n - ENG_FOLD_META_CHECK));
		rc = put_value(o, ENG_FOLD_META, eng_bytes(p, n), err);
	} else {
		eng_err_nomem(err);
	}
	eng_free(p);
	return rc;
}

/* Through the seam: of all that is done to this file, here is where a power cut
 * begins to matter. */
static int sync_file(struct eng_fold_out *o, uint64_t *bytes, struct engram_error *err)
{
	const struct eng_fs *fs = &o->sys->fs;
	struct eng_stat st;
	int rc, fd = eng_fs_open(o->sys, o->path, O_RDWR, 0);

	if (fd < 0)
		return eng_err_os(err, -fd, "%s", o->path);
	rc = eng_fs_sync(o->sys, fd);
	if (rc == 0)
		rc = fs->ops->fstat(fs->ctx, fd, &st);
	eng_fs_close(o->sys, &fd);
	if (rc < 0)
		return eng_err_os(err, -rc, "%s: cannot sync", o->path);
	*bytes = st.size;
	eng_point(o->sys, "view-synced");
	return 0;
}

int eng_fold_finish(struct eng_fold_out *o, struct eng_fold_info *info, struct engram_error *err)
{
	int rc = o->failed ? eng_err(err, ENGRAM_EUSAGE, "%s: finished after a failure", o->path) : 0;

	*info = (struct eng_fold_info){.graphs = o->graphs, .nodes = o->nodes};
	if (rc == 0)
		rc = put_meta(o, info, err);
	if (rc == 0 && o->txn)
		rc = commit(o, err);
	if (rc == 0)
		rc = eng_store_seal(o->store, err);
	if (rc == 0) {
		eng_store_close(o->store);
		o->store = NULL;
		rc = sync_file(o, &info->bytes, err);
	}
	out_free(o, rc < 0);
	return rc;
}

void eng_fold_abandon(struct eng_fold_out *o)
{
	if (o)
		out_free(o, true);
}
