/* fold_take.c - the rows of one identity into its graph.
 *
 * Which nodes the new graph has is decided by the memories alone, not by when they were
 * applied: an old node stays if its memory still has exactly its codes, also where a row
 * came and went meanwhile; everything else is new, in the order of ids.  So two stores that
 * fold at the same cut build the same graph.
 *
 * The rows are read in one transaction, which ends before the long part begins.  Writers go
 * on; the commit compares what it removes with what was read. */
#include "space/fold_int.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/hash.h"

/* -- reading ------------------------------------------------------------------------ */

static int add_row(struct eng_taken *take, const struct eng_taken_row *row, struct engram_error *err)
{
	if (!eng_grow(&take->rows, &take->cap, take->n, sizeof *take->rows))
		return eng_err_nomem(err);
	take->rows[take->n++] = *row;
	return 0;
}

static int read_chunk(struct eng_taken *take, struct eng_txn *t, const struct eng_rows *rows, uint32_t first,
                      struct engram_error *err)
{
	struct eng_brief brief;
	int r = 0;

	if (!eng_grow(&take->chunks, &take->chunks_cap, take->nchunks, sizeof *take->chunks))
		return eng_err_nomem(err);
	take->chunks[take->nchunks++] = (struct eng_taken_chunk){first, rows->n, eng_rows_mark(rows)};
	for (uint32_t i = 0; r == 0 && i < rows->n; i++) {
		const int8_t *codes = rows->codes + (size_t)i * rows->stride;
		if (rows->r[i] == 0)
			continue;
		if (!eng_state_brief(&brief, t, rows->doc[i]) || !brief.live)
			return eng_err(err, ENGRAM_EDAMAGED, "state: a vector of document %u, which does not live", rows->doc[i]);
		r = add_row(take, &(struct eng_taken_row){
		                          .id = brief.id,
		                          .hash = XXH3_64bits(codes, rows->stride),
		                          .codes = codes,
		                          .r = rows->r[i],
		                          .sum = rows->sum[i],
		                          .place = first + i,
		                          .doc = rows->doc[i],
		                          .old = ENG_HNSW_NONE,
		                  },
		            err);
	}
	return r;
}

static int by_id(const void *a, const void *b)
{
	return eng_id_cmp(a, b);
}

static int read_tail(struct eng_taken *take, struct eng_txn *t, struct engram_error *err)
{
	struct eng_rows rows;
	uint32_t first;
	uint64_t at = 0;
	int r;

	while (at < UINT32_MAX && (r = eng_rows_next(&rows, &first, t, &take->of->rows, (uint32_t)at)) != 0) {
		if (r < 0)
			return eng_txn_status(t, err);
		r = read_chunk(take, t, &rows, first, err);
		if (r < 0)
			return r;
		at = (uint64_t)first + rows.n;
	}
	if (take->n)
		qsort(take->rows, take->n, sizeof *take->rows, by_id);
	return 0;
}

/* -- the old graph -------------------------------------------------------------------- */

struct old {
	struct eng_fold_graph *g;
	uint32_t block;
	const uint32_t *docs;
	const struct engram_id *ids;
	const struct eng_hnsw_block *rows;
};

static int old_block(struct old *o, const struct eng_taken *take, struct eng_txn *t, uint32_t block,
                     struct engram_error *err)
{
	o->block = block;
	o->docs = eng_nodes_docs(t, take->of->number, block);
	o->ids = eng_fold_ids(o->g, block, err);
	o->rows = eng_graph_block(&o->g->g, block);
	if (!o->docs)
		return eng_err(err, ENGRAM_EDAMAGED, "state: the documents of block %u of the view are missing", block);
	return o->ids && o->rows ? 0 : eng_err(err, ENGRAM_EDAMAGED, "view: block %u cannot be read", block);
}

/* The row with the same codes as a masked node, which then stays. */
static struct eng_taken_row *same_codes(struct eng_taken *take, const struct old *o, uint32_t i, size_t nrows)
{
	struct eng_taken_row *row = nrows ? bsearch(&o->ids[i], take->rows, nrows, sizeof *row, by_id) : NULL;
	uint32_t stride = take->of->rows.stride;

	return row && memcmp(row->codes, o->rows->codes + (size_t)i * stride, stride) == 0 ? row : NULL;
}

/* A node that stays becomes a row like the others: all is to be built anew. */
static int row_of_node(struct eng_taken *take, const struct old *o, uint32_t i, struct engram_error *err)
{
	const int8_t *codes = o->rows->codes + (size_t)i * take->of->rows.stride;

	return add_row(take, &(struct eng_taken_row){
	                             .id = o->ids[i],
	                             .codes = codes,
	                             .r = o->rows->r[i],
	                             .sum = o->rows->sum[i],
	                             .place = ENG_NO_DOC,
	                             .doc = o->docs[i],
	                             .old = o->block * ENG_HNSW_BLOCK + i,
	                     },
	               err);
}

/* One node: it stays (moved is its rank among those that do), becomes a row, or goes. */
static int join_node(struct eng_taken *take, const struct old *o, uint32_t i, size_t nrows, bool anew, uint32_t *stay,
                     struct engram_error *err)
{
	uint32_t node = o->block * ENG_HNSW_BLOCK + i;
	struct eng_taken_row *row = o->docs[i] == ENG_NO_DOC ? same_codes(take, o, i, nrows) : NULL;

	take->moved[node] = ENG_HNSW_NONE;
	if (o->docs[i] == ENG_NO_DOC && !row) {
		take->dropped++;
		return 0;
	}
	if (anew)
		return row ? 0 : row_of_node(take, o, i, err);
	if (row) {
		row->old = node;
		row->node = *stay;
	}
	take->moved[node] = (*stay)++;
	return 0;
}

/* *stay = how many nodes of the old graph the new one keeps. */
static int join_old(struct eng_taken *take, struct eng_txn *t, struct eng_fold_graph *g, bool anew, uint32_t *stay,
                    struct engram_error *err)
{
	struct old o = {.g = g};
	size_t nrows = take->n;
	int r = 0;

	take->moved = eng_alloc((size_t)g->n * sizeof *take->moved + 1);
	if (!take->moved)
		return eng_err_nomem(err);
	take->nold = g->n;
	for (uint32_t first = 0; r == 0 && first < g->n; first += ENG_HNSW_BLOCK) {
		uint32_t n = g->n - first < ENG_HNSW_BLOCK ? g->n - first : ENG_HNSW_BLOCK;
		r = old_block(&o, take, t, first / ENG_HNSW_BLOCK, err);
		for (uint32_t i = 0; r == 0 && i < n; i++)
			r = join_node(take, &o, i, nrows, anew, stay, err);
	}
	if (r == 0 && take->n > nrows)
		qsort(take->rows, take->n, sizeof *take->rows, by_id);
	return r;
}

/* -- building --------------------------------------------------------------------------- */

struct work {
	struct eng_taken *take;
	struct eng_hnsw_build *build;
	struct eng_hnsw_order order;
	struct engram_id *ids; /* of each node, as the build numbers them */
	const struct eng_job *job;
	struct engram_error *err;
};

static bool gone(void *ctx, uint32_t node)
{
	const struct eng_taken *take = ctx;

	return take->moved[node] == ENG_HNSW_NONE;
}

/* The old graph without what went, then the rows that it has not. */
static int load(struct work *w, struct eng_fold_graph *old, uint32_t stay)
{
	struct eng_taken *take = w->take;
	uint32_t next = stay;
	int r = stay ? eng_hnsw_build_load(w->build, &old->g, gone, take) : 0;

	for (uint32_t i = 0; r == 0 && stay && i < take->nold; i++)
		if (take->moved[i] != ENG_HNSW_NONE)
			w->ids[take->moved[i]] = eng_fold_ids(old, i / ENG_HNSW_BLOCK, NULL)[i % ENG_HNSW_BLOCK];
	for (size_t i = 0; r == 0 && i < take->n; i++) {
		struct eng_taken_row *row = &take->rows[i];
		if (stay && row->old != ENG_HNSW_NONE)
			continue;
		row->node = next++;
		w->ids[row->node] = row->id;
		take->folded += row->place != ENG_NO_DOC;
		r = eng_hnsw_build_row(w->build, row->codes, row->r, row->sum, eng_fold_level(&row->id));
	}
	return r < 0 ? eng_err(w->err, r, "fold: %s", engram_code_text(r)) : 0;
}

static int progress(void *ctx, uint32_t done, uint32_t total)
{
	struct work *w = ctx;

	return eng_job_progress(w->job, "fold", done, total, w->err);
}

static int build(struct work *w)
{
	uint32_t mended;
	int r = eng_hnsw_build_run(w->build, progress, w);

	if (r == ENGRAM_ELIMIT)
		return r; /* the message is there */
	if (r == 0)
		r = eng_hnsw_build_finish(w->build, &mended);
	if (r == 0)
		r = eng_hnsw_order_new(&w->order, w->build);
	return r < 0 ? eng_err(w->err, r, "fold: %s", engram_code_text(r)) : 0;
}

/* The applied heads, in the order of series: what decided which memories there were. */
static int write_cut(struct eng_buf *cut, struct eng_txn *t, struct engram_error *err)
{
	struct eng_head *heads = NULL;
	uint8_t record[28];
	size_t n;
	int r = eng_heads_load(&heads, &n, t, err);

	for (size_t i = 0; r == 0 && i < n; i++) {
		memcpy(record, heads[i].series.b, 16);
		eng_set64(record + 16, heads[i].seq);
		eng_set32(record + 24, heads[i].header_check);
		eng_buf_add(cut, record, sizeof record);
	}
	eng_free(heads);
	return r == 0 && cut->failed ? eng_err_nomem(err) : r;
}

static void numbers(struct eng_taken *take, struct eng_hnsw_order *order)
{
	take->final = order->new;
	order->new = NULL;
}

/* The graph, from what was read to what is in the file. */
static int make(struct work *w, struct eng_fold_out *out, struct eng_txn **t, struct eng_fold_graph *old, uint32_t stay,
                const uint8_t lineage[ENG_FOLD_HASH])
{
	const struct eng_identity_rows *of = w->take->of;
	const struct eng_job *job = w->job;
	int r = eng_hnsw_build_new(&w->build, of->rows.stride, job->workers ? job->workers(job->data) : NULL);

	r = r < 0 ? eng_err(w->err, r, "fold: %s", engram_code_text(r)) : load(w, old, stay);
	eng_txn_abort(*t);
	*t = NULL;
	for (size_t i = 0; i < w->take->n; i++)
		w->take->rows[i].codes = NULL;
	if (r == 0)
		r = build(w);
	if (r == 0)
		r = eng_fold_put(out, of->key, lineage, w->build, &w->order, w->ids, w->err);
	if (r == 0)
		numbers(w->take, &w->order);
	return r;
}

static size_t nodes_to_be(const struct eng_taken *take, uint32_t stay)
{
	size_t n = stay;

	for (size_t i = 0; i < take->n; i++)
		n += !stay || take->rows[i].old == ENG_HNSW_NONE;
	return n;
}

int eng_take(struct eng_taken *take, struct eng_fold_out *out, struct eng_txn **t, struct eng_fold_graph *old,
             bool anew, const struct eng_job *job, struct engram_error *err)
{
	struct work w = {.take = take, .job = job, .err = err};
	struct eng_buf cut = ENG_BUF_INIT;
	uint8_t lineage[ENG_FOLD_HASH];
	uint32_t stay = 0;
	size_t n;
	int r = read_tail(take, *t, err);

	if (r == 0 && old)
		r = join_old(take, *t, old, anew, &stay, err);
	if (r == 0)
		r = write_cut(&cut, *t, err);
	n = nodes_to_be(take, stay);
	if (r == 0 && n > ENG_HNSW_NODES_MAX)
		r = eng_err(err, ENGRAM_ELIMIT, "fold: more than %u vectors", ENG_HNSW_NODES_MAX);
	if (r < 0 || n == 0)
		goto out;
	take->nodes = (uint32_t)n;
	eng_fold_lineage(lineage, old && !anew ? old->lineage : NULL, take->of->key, take->of->rows.stride, cut.p, cut.n);
	w.ids = eng_alloc(n * sizeof *w.ids);
	r = w.ids ? make(&w, out, t, old, stay, lineage) : eng_err_nomem(err);
out:
	eng_hnsw_order_free(&w.order);
	eng_hnsw_build_free(w.build);
	eng_free(w.ids);
	eng_buf_free(&cut);
	return r;
}

/* -- the commit --------------------------------------------------------------------------- */

struct commit {
	const struct eng_taken *take;
	struct eng_txn *t;
	uint32_t *docs; /* of each node of the file */
	const struct eng_taken_row **by_place;
	size_t n;
	struct eng_row_change *empties; /* rows of chunks that have changed in other rows */
	size_t nempties;
};

static int by_place(const void *a, const void *b)
{
	const struct eng_taken_row *const *x = a, *const *y = b;

	return ((*x)->place > (*y)->place) - ((*x)->place < (*y)->place);
}

/* Documents of the old nodes as they are by now. */
static void carry_docs(struct commit *c)
{
	const struct eng_taken *take = c->take;
	const uint32_t *docs = NULL;

	for (uint32_t i = 0; i < take->nold; i++) {
		if (i % ENG_HNSW_BLOCK == 0)
			docs = eng_nodes_docs(c->t, take->of->number, i / ENG_HNSW_BLOCK);
		if (docs && take->moved[i] != ENG_HNSW_NONE)
			c->docs[take->final[take->moved[i]]] = docs[i % ENG_HNSW_BLOCK];
	}
	for (size_t i = 0; i < take->n; i++) { /* of nodes that were built anew */
		const struct eng_taken_row *row = &take->rows[i];
		if (row->place != ENG_NO_DOC)
			continue;
		docs = eng_nodes_docs(c->t, take->of->number, row->old / ENG_HNSW_BLOCK);
		if (docs)
			c->docs[take->final[row->node]] = docs[row->old % ENG_HNSW_BLOCK];
	}
}

static bool unchanged(const struct commit *c, const struct eng_taken_row *row)
{
	const struct eng_row_table *rt = &c->take->of->rows;
	struct eng_rows rows;
	uint32_t first, at;

	if (!eng_rows_chunk(&rows, &first, c->t, rt, row->place))
		return false;
	at = row->place - first;
	return at < rows.n && rows.r[at] != 0 && rows.doc[at] == row->doc &&
	       XXH3_64bits(rows.codes + (size_t)at * rt->stride, rt->stride) == row->hash;
}

/* The rows of one chunk: all of it goes if it is what was read. */
static void take_chunk(struct commit *c, const struct eng_taken_chunk *chunk, const struct eng_taken_row **rows,
                       size_t n)
{
	const struct eng_row_table *rt = &c->take->of->rows;
	struct eng_rows now;
	uint32_t first;
	bool same = eng_rows_chunk(&now, &first, c->t, rt, chunk->first) && first == chunk->first && now.n == chunk->n &&
	            eng_rows_mark(&now) == chunk->mark;

	for (size_t i = 0; i < n; i++)
		if (same || unchanged(c, rows[i])) {
			c->docs[c->take->final[rows[i]->node]] = rows[i]->doc;
			if (!same)
				c->empties[c->nempties++] = (struct eng_row_change){rows[i]->place, rows[i]->doc, NULL};
		}
	if (same)
		eng_rows_del(c->t, rt, chunk->first);
}

/* Chunks were noted in the order of places. */
static void take_rows(struct commit *c)
{
	size_t at = 0;

	for (size_t i = 0; i < c->take->nchunks; i++) {
		const struct eng_taken_chunk *chunk = &c->take->chunks[i];
		size_t n = 0;
		while (at + n < c->n && c->by_place[at + n]->place - chunk->first < chunk->n)
			n++;
		take_chunk(c, chunk, c->by_place + at, n);
		at += n;
	}
}

static int commit_nodes(struct commit *c, struct engram_error *err)
{
	const struct eng_taken *take = c->take;
	int r;

	memset(c->docs, 0xff, take->nodes * sizeof *c->docs);
	for (size_t i = 0; i < take->n; i++)
		if (take->rows[i].place != ENG_NO_DOC)
			c->by_place[c->n++] = &take->rows[i];
	if (c->n)
		qsort(c->by_place, c->n, sizeof(*c->by_place), by_place);
	carry_docs(c);
	take_rows(c);
	r = eng_rows_write(c->t, &take->of->rows, c->empties, c->nempties, UINT32_MAX, err);
	return r == 0 ? eng_nodes_write(c->t, take->of->number, c->docs, take->nodes, err) : r;
}

int eng_take_commit(const struct eng_taken *take, struct eng_txn *t, struct engram_error *err)
{
	struct commit c = {.take = take, .t = t};
	int r;

	c.docs = eng_alloc((size_t)take->nodes * sizeof *c.docs + 1);
	c.by_place = eng_alloc((take->n + 1) * sizeof(*c.by_place));
	c.empties = eng_alloc((take->n + 1) * sizeof *c.empties);
	r = c.docs && c.by_place && c.empties ? commit_nodes(&c, err) : eng_err_nomem(err);
	eng_free(c.docs);
	eng_free(c.by_place);
	eng_free(c.empties);
	return r;
}

void eng_taken_free(struct eng_taken *take)
{
	eng_free(take->rows);
	eng_free(take->chunks);
	eng_free(take->moved);
	eng_free(take->final);
	*take = (struct eng_taken){0};
}
