/* check_graphs.c - is the view file what a fold writes, and do its nodes stand for the
 * documents that the state says?
 *
 * That each document's codes are right is found document by document (check.c,
 * check_vectors.c), whether they stand in a row or a node. */
#include "space/check_int.h"

static int go_on(void *data, uint64_t done, uint64_t total)
{
	struct eng_check *c = data;

	return eng_job_progress(c->job, "check view", done, total, NULL);
}

int eng_check_view(struct eng_check *c, struct engram_error *err)
{
	struct engram_error why = {0};
	int r;

	if (c->view.meta.view == 0)
		return 0;
	r = eng_folded_open(&c->folded, c->s, c->view.gen, &c->view.meta, &why);
	if (r == 0) {
		c->vectors.fold = c->folded->fold;
		r = eng_fold_check(c->folded->fold, go_on, c, &why);
	}
	if (r == ENGRAM_ENOFILE || r == ENGRAM_EDAMAGED || r == ENGRAM_EVERSION) {
		eng_differ(c, "%s", why.message);
		return 0;
	}
	if (r < 0 && err)
		*err = why;
	return r;
}

/* One node: a document, if any, whose memory has its id, and which leads back to it. */
static void check_node(struct eng_check *c, uint32_t number, uint32_t node, uint32_t doc, const struct engram_id *id)
{
	struct eng_brief brief;

	if (doc == ENG_NO_DOC)
		return;
	if (!eng_state_brief(&brief, c->view.txn, doc) || !brief.live || eng_id_cmp(&brief.id, id) != 0)
		eng_differ(c, "view: node %u stands for document %u, which is another memory", node, doc);
	else if (eng_node_of(c->view.txn, number, doc) != node)
		eng_differ(c, "view: document %u is node %u, found another", doc, node);
}

static struct eng_fold_graph *graph_of(struct eng_check *c, const struct eng_embedder *who)
{
	struct eng_fold_graph *g = NULL;
	uint8_t key[ENG_FOLD_KEY];

	eng_identity_key(key, who);
	return c->vectors.fold && eng_fold_find(&g, c->vectors.fold, key, NULL) == 1 ? g : NULL;
}

static void check_graph(struct eng_check *c, uint32_t number, const struct eng_embedder *who)
{
	struct eng_fold_graph *g = graph_of(c, who);

	for (uint32_t first = 0; g && first < g->n; first += ENG_HNSW_BLOCK) {
		const uint32_t *docs = eng_nodes_docs(c->view.txn, number, first / ENG_HNSW_BLOCK);
		const struct engram_id *ids = eng_fold_ids(g, first / ENG_HNSW_BLOCK, NULL);
		if (!docs || !ids) {
			eng_differ(c, "view: the documents of node %u and following cannot be read", first);
			return;
		}
		for (uint32_t i = 0; i < ENG_HNSW_BLOCK && first + i < g->n; i++)
			check_node(c, number, first + i, docs[i], &ids[i]);
	}
}

uint64_t eng_check_hash1_nodes(struct eng_check *c)
{
	struct eng_fold_graph *g = graph_of(c, NULL);

	return g ? eng_nodes_count(c->view.txn, ENG_NODES_HASH1, g->n) : 0;
}

static int check_embedder(void *data, const struct eng_embedder_record *e, struct engram_error *err)
{
	(void)err;
	check_graph(data, eng_nodes_number(e->number), &e->who);
	return 0;
}

int eng_check_graphs(struct eng_check *c, struct engram_error *err)
{
	check_graph(c, ENG_NODES_HASH1, NULL);
	return eng_embedders_each(c->view.txn, check_embedder, c, err);
}
