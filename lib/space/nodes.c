/* nodes.c - which node of a graph stands for which document.
 *
 * A view file knows ids, so that two stores can hold the same one; documents are
 * numbers of this state.  Two tables lead from one to the other, in chunks of 1,024
 * numbers as they lie in memory:
 *
 *    node_docs  identity, node / 1,024      document, or NO_DOC: masked
 *    nodes      identity, document / 1,024  node, or NONE
 *
 * A fold writes both.  What changes a document's vector afterwards masks its node
 * and leaves the other entry: a node stands for a document only if both say so. */
#include "space/space_int.h"

#include <stdlib.h>

#include "base/alloc.h"

#define CHUNK ENG_HNSW_BLOCK
#define SIZE (CHUNK * sizeof(uint32_t))

static const uint32_t *chunk_of(struct eng_txn *t, size_t table, uint32_t number, uint32_t chunk)
{
	struct eng_bytes value;
	uint8_t key[8];

	eng_vector_key(key, number, chunk);
	return eng_txn_get(t, table, eng_bytes(key, sizeof key), &value) == 1 && value.n == SIZE ? value.p : NULL;
}

const uint32_t *eng_nodes_docs(struct eng_txn *t, uint32_t number, uint32_t block)
{
	return chunk_of(t, ENG_T_NODE_DOCS, number, block);
}

uint32_t eng_node_of(struct eng_txn *t, uint32_t number, uint32_t doc)
{
	const uint32_t *nodes = chunk_of(t, ENG_T_NODES, number, doc / CHUNK), *docs;
	uint32_t node = nodes ? nodes[doc % CHUNK] : ENG_HNSW_NONE;

	docs = node != ENG_HNSW_NONE ? eng_nodes_docs(t, number, node / CHUNK) : NULL;
	return docs && docs[node % CHUNK] == doc ? node : ENG_HNSW_NONE;
}

uint64_t eng_nodes_count(struct eng_txn *t, uint32_t number, uint32_t nodes)
{
	const uint32_t *docs = NULL;
	uint64_t n = 0;

	for (uint32_t i = 0; i < nodes; i++) {
		if (i % CHUNK == 0)
			docs = eng_nodes_docs(t, number, i / CHUNK);
		n += docs && docs[i % CHUNK] != ENG_NO_DOC;
	}
	return n;
}

/* -- masking -------------------------------------------------------------------- */

struct pair {
	uint32_t node, doc;
};

static int by_node(const void *a, const void *b)
{
	const struct pair *x = a, *y = b;

	return (x->node > y->node) - (x->node < y->node);
}

static void mask_chunk(struct eng_txn *t, uint32_t number, const struct pair *pairs, size_t n)
{
	uint32_t docs[CHUNK], chunk = pairs[0].node / CHUNK;
	const uint32_t *old = eng_nodes_docs(t, number, chunk);
	bool changed = false;
	uint8_t key[8];

	if (!old)
		return;
	memcpy(docs, old, sizeof docs);
	for (size_t i = 0; i < n; i++)
		if (docs[pairs[i].node % CHUNK] == pairs[i].doc) {
			docs[pairs[i].node % CHUNK] = ENG_NO_DOC;
			changed = true;
		}
	eng_vector_key(key, number, chunk);
	if (changed)
		eng_txn_put(t, ENG_T_NODE_DOCS, eng_bytes(key, sizeof key), eng_bytes(docs, sizeof docs));
}

int eng_nodes_mask(struct eng_txn *t, uint32_t number, const struct eng_row_change *changes, size_t n,
                   struct engram_error *err)
{
	struct pair *pairs = n ? eng_alloc(n * sizeof *pairs) : NULL;
	const uint32_t *nodes = NULL;
	size_t found = 0;

	if (n && !pairs)
		return eng_err_nomem(err);
	for (size_t i = 0; i < n; i++) {
		uint32_t doc = changes[i].doc;
		if (i == 0 || doc / CHUNK != changes[i - 1].doc / CHUNK)
			nodes = chunk_of(t, ENG_T_NODES, number, doc / CHUNK);
		if (nodes && nodes[doc % CHUNK] != ENG_HNSW_NONE)
			pairs[found++] = (struct pair){nodes[doc % CHUNK], doc};
	}
	if (found)
		qsort(pairs, found, sizeof *pairs, by_node);
	for (size_t i = 0, some; i < found; i += some) {
		for (some = 1; i + some < found && pairs[i + some].node / CHUNK == pairs[i].node / CHUNK; some++)
			;
		mask_chunk(t, number, pairs + i, some);
	}
	eng_free(pairs);
	return eng_txn_status(t, err);
}

/* -- writing ---------------------------------------------------------------------- */

/* Removes a table's chunks of an identity. */
static int clear(struct eng_txn *t, size_t table, uint32_t number, struct engram_error *err)
{
	struct eng_bytes key, value;
	struct eng_walk *w = NULL;
	uint8_t from[8], at[8];
	uint32_t chunk = 0;
	int r;

	eng_vector_key(from, number, 0);
	do {
		r = eng_walk_begin(&w, t, table, err);
		if (r < 0)
			return r;
		eng_vector_key(at, number, chunk);
		r = eng_walk_seek(w, eng_bytes(at, sizeof at), &key, &value);
		if (r == 1 && (key.n != sizeof at || memcmp(key.p, from, 4) != 0))
			r = 0;
		if (r == 1) {
			memcpy(at, key.p, sizeof at);
			memcpy(&chunk, at + 4, sizeof chunk);
			chunk = __builtin_bswap32(ENG_LE32(chunk)) + 1;
		}
		eng_walk_end(w);
		if (r == 1)
			eng_txn_del(t, table, eng_bytes(at, sizeof at));
	} while (r == 1);
	return r < 0 ? eng_txn_status(t, err) : 0;
}

/* of[i] for i < n, in chunks; those with nothing in them are left out. */
static void put_chunks(struct eng_txn *t, size_t table, uint32_t number, const uint32_t *of, uint32_t n)
{
	uint32_t out[CHUNK];
	uint8_t key[8];

	for (uint32_t i = 0; i < n; i += CHUNK) {
		uint32_t some = n - i < CHUNK ? n - i : CHUNK;
		bool any = false;
		memset(out, 0xff, sizeof out);
		memcpy(out, of + i, some * sizeof *of);
		for (uint32_t k = 0; k < some && !any; k++)
			any = out[k] != UINT32_MAX;
		eng_vector_key(key, number, i / CHUNK);
		if (any || table == ENG_T_NODE_DOCS)
			eng_txn_put(t, table, eng_bytes(key, sizeof key), eng_bytes(out, sizeof out));
	}
}

int eng_nodes_write(struct eng_txn *t, uint32_t number, const uint32_t *docs, uint32_t n, struct engram_error *err)
{
	uint32_t ndocs = 0, *nodes = NULL;
	int r = clear(t, ENG_T_NODES, number, err);

	if (r == 0)
		r = clear(t, ENG_T_NODE_DOCS, number, err);
	if (r < 0)
		return r;
	for (uint32_t i = 0; i < n; i++)
		if (docs[i] != ENG_NO_DOC && docs[i] >= ndocs)
			ndocs = docs[i] + 1;
	nodes = eng_alloc((size_t)ndocs * sizeof *nodes + 1);
	if (!nodes)
		return eng_err_nomem(err);
	memset(nodes, 0xff, (size_t)ndocs * sizeof *nodes);
	for (uint32_t i = 0; i < n; i++)
		if (docs[i] != ENG_NO_DOC)
			nodes[docs[i]] = i;
	put_chunks(t, ENG_T_NODES, number, nodes, ndocs);
	put_chunks(t, ENG_T_NODE_DOCS, number, docs, n);
	eng_free(nodes);
	return eng_txn_status(t, err);
}
