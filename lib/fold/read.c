/* read.c - a view file that is searched where it lies.
 *
 * Opening reads one value, which tells all lengths there are; graphs are looked
 * at when they are asked for, blocks when a search comes to them.  So a process
 * that searches once pays for the few hundred blocks it met, and allocates one
 * pointer table a graph.
 *
 * The transaction lasts as long as the handle: nobody writes the file, so it pins
 * nothing, and what was fetched once stays where it is. */
#include "fold/fold_int.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/hash.h"
#include "base/le.h"

/* -- what is wrong, and where --------------------------------------------------- */

static void graph_name(char out[2 * ENG_FOLD_KEY + 1], const uint8_t key[ENG_FOLD_KEY])
{
	static const uint8_t hash1[ENG_FOLD_KEY];

	if (memcmp(key, hash1, sizeof hash1) == 0) {
		memcpy(out, "hash/1", sizeof "hash/1");
		return;
	}
	for (unsigned i = 0; i < ENG_FOLD_KEY; i++)
		snprintf(out + 2 * i, 3, "%02x", key[i]);
}

int eng_fold_damaged(const struct eng_fold *f, size_t graph, const struct eng_fold_chunk *c, struct engram_error *err,
                     const char *format, ...)
{
	char name[2 * ENG_FOLD_KEY + 1], what[200];
	va_list ap;

	va_start(ap, format);
	vsnprintf(what, sizeof what, format, ap);
	va_end(ap);
	graph_name(name, f->records[graph].key);
	if (c)
		eng_err(err, ENGRAM_EDAMAGED, "%s: graph %s, %s %" PRIu32 ": %s", f->path, name,
		        c->kind == ENG_FOLD_BLOCK ? "block" : "layer", c->number, what);
	else
		eng_err(err, ENGRAM_EDAMAGED, "%s: graph %s: %s", f->path, name, what);
	eng_err_hint(err, "engram-consolidate --rebuild derives it anew from the log");
	return ENGRAM_EDAMAGED;
}

int eng_fold_get(struct eng_bytes *value, struct eng_fold *f, size_t graph, const struct eng_fold_chunk *c,
                 struct engram_error *err)
{
	const uint64_t key = eng_fold_key(graph, c->kind, c->number);
	const char *misfit;
	int rc = eng_txn_get(f->txn, 0, eng_bytes(&key, sizeof key), value);

	if (rc < 0)
		return eng_txn_status(f->txn, err);
	if (rc == 0)
		return eng_fold_damaged(f, graph, c, err, "wanted one, found none");
	misfit = eng_fold_misfit(c, *value);
	if (misfit)
		return eng_fold_damaged(f, graph, c, err, "%s: does not fit the record of the graph", misfit);
	return 0;
}

/* -- graphs ----------------------------------------------------------------------- */

/* Codes last: a block that has them is complete. */
static int fetch(void *ctx, struct eng_hnsw_block *out, uint32_t block)
{
	struct eng_fold_file_graph *fg = ctx;
	const struct eng_fold_chunk c = eng_fold_chunk_of(fg->r, ENG_FOLD_BLOCK, block);
	struct eng_fold_layout l;
	struct eng_bytes value;
	const char *p;
	int rc = eng_fold_get(&value, fg->f, fg->number, &c, &fg->f->error);

	if (rc < 0)
		return rc;
	eng_fold_layout(&l, &c);
	p = value.p;
	out->links = (const uint32_t *)(const void *)(p + l.at[1]);
	out->r = (const uint32_t *)(const void *)(p + l.at[2]);
	out->sum = (const int32_t *)(const void *)(p + l.sum);
	out->codes = (const int8_t *)(p + l.at[0]);
	return 0;
}

static int find_layers(struct eng_fold_file_graph *fg, struct engram_error *err)
{
	int rc = 0;

	for (uint32_t l = 1; rc == 0 && l <= fg->r->layers; l++) {
		const struct eng_fold_chunk c = eng_fold_chunk_of(fg->r, ENG_FOLD_UPPER, l);
		struct eng_bytes value;

		rc = eng_fold_get(&value, fg->f, fg->number, &c, err);
		if (rc == 0) {
			fg->g.g.upper[l - 1] = (const void *)((const uint8_t *)value.p + ENG_FOLD_HEADER);
			fg->g.g.nupper[l - 1] = c.n;
		}
	}
	return rc;
}

static void free_graph(struct eng_fold_file_graph *fg)
{
	if (fg)
		eng_free(fg->g.g.blocks);
	eng_free(fg);
}

static int graph_new(struct eng_fold_file_graph **out, struct eng_fold *f, size_t i, struct engram_error *err)
{
	const struct eng_fold_record *r = &f->records[i];
	struct eng_fold_file_graph *fg = eng_calloc(1, sizeof *fg);
	struct eng_hnsw_block *blocks = eng_calloc(eng_fold_blocks(r), sizeof *blocks);

	if (!fg || !blocks) {
		eng_free(fg);
		eng_free(blocks);
		return eng_err_nomem(err);
	}
	fg->f = f;
	fg->r = r;
	fg->number = i;
	memcpy(fg->g.key, r->key, sizeof r->key);
	memcpy(fg->g.lineage, r->lineage, sizeof r->lineage);
	fg->g.n = r->n;
	fg->g.stride = r->stride;
	fg->g.g = (struct eng_hnsw){
		.n = r->n, .stride = r->stride, .layers = r->layers, .blocks = blocks, .fetch = fetch, .ctx = fg};
	*out = fg;
	return 0;
}

int eng_fold_graph(struct eng_fold_graph **out, struct eng_fold *f, size_t i, struct engram_error *err)
{
	struct eng_fold_file_graph *fg = f->graphs[i];
	int rc = fg ? 0 : graph_new(&fg, f, i, err);

	if (rc == 0 && !f->graphs[i]) {
		rc = find_layers(fg, err);
		if (rc == 0)
			f->graphs[i] = fg;
		else
			free_graph(fg);
	}
	*out = rc == 0 ? &fg->g : NULL;
	return rc;
}

struct eng_fold_graph *eng_fold_at(struct eng_fold *f, size_t i, struct engram_error *err)
{
	struct eng_fold_graph *g;

	eng_fold_graph(&g, f, i, err);
	return g;
}

int eng_fold_find(struct eng_fold_graph **out, struct eng_fold *f, const uint8_t key[ENG_FOLD_KEY],
                  struct engram_error *err)
{
	int rc;

	*out = NULL;
	for (size_t i = 0; i < f->info.graphs; i++) {
		if (memcmp(f->records[i].key, key, ENG_FOLD_KEY) != 0)
			continue;
		rc = eng_fold_graph(out, f, i, err);
		return rc < 0 ? rc : 1;
	}
	return 0;
}

const struct engram_id *eng_fold_ids(struct eng_fold_graph *g, uint32_t block, struct engram_error *err)
{
	struct eng_fold_file_graph *fg = g->g.ctx;
	struct eng_hnsw_block *b = &g->g.blocks[block];
	const struct eng_fold_chunk c = eng_fold_chunk_of(fg->r, ENG_FOLD_BLOCK, block);

	if (!b->codes && fetch(fg, b, block) < 0) {
		if (err)
			*err = fg->f->error;
		return NULL;
	}
	return (const void *)(b->sum + c.n);
}

int eng_fold_failed(const struct eng_fold_graph *g, int code, struct engram_error *err)
{
	const struct eng_fold_file_graph *fg = g->g.ctx;

	if (code == ENGRAM_ENOMEM)
		return eng_err_nomem(err);
	if (fg->f->error.code != code)
		return eng_fold_damaged(fg->f, fg->number, NULL, err, "a node: wanted one below %" PRIu32, g->n);
	if (err)
		*err = fg->f->error;
	return code;
}

/* -- opening ------------------------------------------------------------------------ */

static int damaged(const struct eng_fold *f, struct engram_error *err, const char *what)
{
	eng_err(err, ENGRAM_EDAMAGED, "%s: %s", f->path, what);
	eng_err_hint(err, "engram-consolidate --rebuild derives it anew from the log");
	return ENGRAM_EDAMAGED;
}

static int read_records(struct eng_fold *f, const uint8_t *p, struct engram_error *err)
{
	for (size_t i = 0; i < f->info.graphs; i++) {
		struct eng_fold_record *r = &f->records[i];
		const char *misfit;

		eng_fold_record_decode(r, p + i * ENG_FOLD_META_GRAPH);
		misfit = eng_fold_record_misfit(r);
		if (misfit)
			return eng_fold_damaged(f, i, NULL, err, "record: %s: out of bounds", misfit);
		if (i > 0 && memcmp(r[-1].key, r->key, ENG_FOLD_KEY) >= 0)
			return eng_fold_damaged(f, i, NULL, err, "record: wanted keys ascending");
		f->info.nodes += r->n;
	}
	return 0;
}

/* The version comes first: of another one nothing else is known. */
static int check_meta(const struct eng_fold *f, struct eng_bytes v, const struct engram_id *space,
                      struct engram_error *err)
{
	const uint8_t *p = v.p;
	struct engram_id found;

	if (v.n < ENG_FOLD_META_HEADER + ENG_FOLD_META_CHECK || eng_get32(p) != ENG_FOLD_META_MAGIC)
		return damaged(f, err, "wanted the record of a view file, found something else");
	if (eng_get32(p + 4) != ENG_FOLD_VERSION)
		return eng_err(err, ENGRAM_EVERSION, "%s: wanted version %u, found %" PRIu32, f->path, ENG_FOLD_VERSION,
		               eng_get32(p + 4));
	if ((v.n - ENG_FOLD_META_HEADER - ENG_FOLD_META_CHECK) % ENG_FOLD_META_GRAPH != 0 ||
	    eng_get32(p + 24) != (v.n - ENG_FOLD_META_HEADER - ENG_FOLD_META_CHECK) / ENG_FOLD_META_GRAPH)
		return damaged(f, err, "record: length: does not fit the number of graphs");
	if (eng_get64(p + v.n - ENG_FOLD_META_CHECK) != XXH3_64bits(p, v.n - ENG_FOLD_META_CHECK))
		return damaged(f, err, "record: does not fit its check");
	memcpy(found.b, p + 8, sizeof found.b);
	if (eng_id_cmp(&found, space) != 0) {
		char want[ENGRAM_ID_TEXT + 1], have[ENGRAM_ID_TEXT + 1];

		engram_id_format(want, space);
		engram_id_format(have, &found);
		return eng_err(err, ENGRAM_EVERSION, "%s: of another space: wanted %s, found %s", f->path, want, have);
	}
	return 0;
}

static int read_meta(struct eng_fold *f, const struct engram_id *space, struct engram_error *err)
{
	const uint64_t key = ENG_FOLD_META;
	struct eng_bytes v;
	const uint8_t *p;
	int rc = eng_txn_get(f->txn, 0, eng_bytes(&key, sizeof key), &v);

	if (rc < 0)
		return eng_txn_status(f->txn, err);
	if (rc == 0)
		return damaged(f, err, "wanted the record of a view file, found none");
	rc = check_meta(f, v, space, err);
	if (rc < 0)
		return rc;
	p = v.p;
	f->info.graphs = eng_get32(p + 24);
	memcpy(f->info.lineage, p + ENG_FOLD_META_LINEAGE, ENG_FOLD_HASH);
	memcpy(f->info.digest, p + ENG_FOLD_META_DIGEST, ENG_FOLD_HASH);
	f->records = eng_calloc(f->info.graphs + 1, sizeof *f->records);
	f->graphs = eng_calloc(f->info.graphs + 1, sizeof(struct eng_fold_file_graph *));
	if (!f->records || !f->graphs)
		return eng_err_nomem(err);
	return read_records(f, p + ENG_FOLD_META_HEADER, err);
}

/* Cut to nothing it is there, but the wrapper takes it for one that is being made. */
static int open_failed(const struct eng_fold *f, int rc, struct engram_error *err)
{
	struct eng_stat st;

	if (rc == ENGRAM_ENOFILE && f->sys->fs.ops->stat(f->sys->fs.ctx, f->path, &st) == 0 && st.size == 0)
		return damaged(f, err, "truncated: wanted a view file, found 0 bytes");
	return rc;
}

static int open_file(struct eng_fold *f, const struct engram_id *space, struct engram_error *err)
{
	const unsigned flags = ENG_STORE_NOLOCK | ENG_STORE_SEALED;
	int rc = eng_store_open(&f->store, f->sys, f->path, flags, eng_fold_tables, ENG_FOLD_TABLES, err);
	uint64_t used;

	if (rc < 0)
		return open_failed(f, rc, err);
	rc = eng_store_size(f->store, &used, &f->info.bytes, err);
	if (rc == 0)
		rc = eng_txn_begin(&f->txn, f->store, false, err);
	return rc == 0 ? read_meta(f, space, err) : rc;
}

int eng_fold_open(struct eng_fold **out, const struct eng_sys *sys, const char *path, const struct engram_id *space,
                  struct engram_error *err)
{
	const size_t n = strlen(path) + 1;
	struct eng_fold *f = eng_calloc(1, sizeof *f + n);
	int rc;

	*out = NULL;
	if (!f)
		return eng_err_nomem(err);
	f->sys = sys;
	memcpy(f->path, path, n);
	rc = open_file(f, space, err);
	if (rc == 0)
		*out = f;
	else
		eng_fold_close(f);
	return rc;
}

void eng_fold_close(struct eng_fold *f)
{
	if (!f)
		return;
	for (size_t i = 0; f->graphs && i < f->info.graphs; i++)
		free_graph(f->graphs[i]);
	eng_free(f->graphs);
	eng_free(f->records);
	eng_txn_abort(f->txn);
	eng_store_close(f->store);
	eng_free(f);
}

const struct eng_fold_info *eng_fold_info(const struct eng_fold *f)
{
	return &f->info;
}
