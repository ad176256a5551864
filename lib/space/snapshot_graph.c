/* snapshot_graph.c - the view's folded vectors, as graphs whose nodes are documents.
 *
 * A view file that cannot be read does not end a recall: what was folded is then
 * found by its words only, and the caller is told why. */
#include "space/snapshot_int.h"

int eng_graphs_look(struct eng_snapshot *s, struct engram_error *err)
{
	int r;

	if (!s->view.txn || s->view.meta.view == 0)
		return 0;
	r = eng_folded_open(&s->folded, s->space, s->view.gen, &s->view.meta, &s->unfolded);
	if (r == ENGRAM_ENOMEM)
		return eng_err_nomem(err);
	return r == ENGRAM_ENOFILE && !(s->flags & ENG_SNAP_LAST) ? ENG_GRAPHS_GONE : 0;
}

const char *eng_snapshot_view_problem(const struct eng_snapshot *s)
{
	return s->unfolded.code ? s->unfolded.message : NULL;
}

/* 1, 0: the state knows no such embedder. */
static int number_of(uint32_t *number, struct eng_snapshot *s, const struct eng_embedder *who, struct engram_error *err)
{
	struct eng_embedder_record e;
	int r;

	*number = ENG_NODES_HASH1;
	if (!who)
		return 1;
	r = eng_embedder_find(&e, s->view.txn, who, err);
	if (r == 1)
		*number = eng_nodes_number(e.number);
	return r;
}

int eng_snapshot_graph(struct eng_snapshot_graph *out, struct eng_snapshot *s, const struct eng_embedder *who,
                       struct engram_error *err)
{
	struct eng_fold_graph *g = NULL;
	uint8_t key[ENG_FOLD_KEY];
	uint32_t number;
	int r;

	if (!s->folded)
		return 0;
	r = number_of(&number, s, who, err);
	if (r <= 0)
		return r;
	eng_identity_key(key, who);
	r = eng_fold_find(&g, s->folded->fold, key, &s->unfolded);
	if (r == ENGRAM_ENOMEM)
		return eng_err_nomem(err);
	if (r != 1)
		return 0;
	*out = (struct eng_snapshot_graph){&g->g, s, number, NULL};
	out->docs = eng_arena_calloc(&s->arena, g->n / ENG_HNSW_BLOCK + 1, sizeof *out->docs);
	return out->docs ? 1 : eng_err_nomem(err);
}

const uint32_t *eng_snapshot_graph_docs(const struct eng_snapshot_graph *g, uint32_t block)
{
	if (!g->docs[block])
		g->docs[block] = eng_nodes_docs(g->snap->view.txn, g->number, block);
	return g->docs[block];
}

static const int8_t *node_codes(struct eng_fold_graph *g, uint32_t node)
{
	const struct eng_hnsw_block *b = node < g->n ? eng_graph_block(&g->g, node / ENG_HNSW_BLOCK) : NULL;

	return b ? b->codes + (size_t)(node % ENG_HNSW_BLOCK) * g->stride : NULL;
}

const int8_t *eng_codes_of(struct eng_txn *t, const struct eng_row_table *rt, uint32_t place, struct eng_fold *f,
                           const uint8_t key[ENG_FOLD_KEY], uint32_t number, uint32_t doc)
{
	struct eng_fold_graph *g;
	struct eng_rows rows;
	uint32_t first, node;

	if (eng_rows_chunk(&rows, &first, t, rt, place) && rows.r[place - first] != 0)
		return rows.doc[place - first] == doc ? rows.codes + (size_t)(place - first) * rows.stride : NULL;
	node = f ? eng_node_of(t, number, doc) : ENG_HNSW_NONE;
	if (node == ENG_HNSW_NONE || eng_fold_find(&g, f, key, NULL) != 1 || g->stride != rt->stride)
		return NULL;
	return node_codes(g, node);
}

bool eng_snapshot_state_codes(struct eng_snapshot *s, const struct eng_row_table *rt, uint32_t place,
                              const struct eng_embedder *who, uint32_t number, uint32_t doc, int8_t *codes)
{
	uint8_t key[ENG_FOLD_KEY];
	const int8_t *found;

	eng_identity_key(key, who);
	found = eng_codes_of(s->view.txn, rt, place, s->folded ? s->folded->fold : NULL, key, number, doc);
	if (found)
		memcpy(codes, found, rt->stride);
	return found != NULL;
}
