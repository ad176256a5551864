/* check_tables.c - the tables that are sums over all items: frequencies,
 * digests, rows, counts.
 *
 * The passes over items and edges have summed up what each should hold; here
 * the other side is read. */
#include "space/check_int.h"

#include <inttypes.h>

#include "base/alloc.h"

static void expect(struct eng_check *c, const char *what, uint64_t wanted, uint64_t found)
{
	if (wanted != found)
		eng_differ(c, "%s: wanted %" PRIu64 ", found %" PRIu64, what, wanted, found);
}

static int check_df(struct eng_check *c, struct engram_error *err)
{
	struct eng_bytes key, value;
	struct eng_walk *w = NULL;
	size_t n = 0;
	int r = eng_walk_begin(&w, c->view.txn, ENG_T_DF, err);

	eng_dfmap_sort(&c->df);
	if (r < 0)
		return r;
	for (r = eng_walk_seek(w, eng_bytes(NULL, 0), &key, &value); r == 1; r = eng_walk_next(w, &key, &value)) {
		uint64_t stem = 0;
		uint32_t df = 0;
		if (key.n == sizeof stem && value.n == sizeof df) {
			memcpy(&stem, key.p, sizeof stem);
			memcpy(&df, value.p, sizeof df);
		}
		n++;
		if (df != (uint64_t)eng_dfmap_sorted(&c->df, stem))
			eng_differ(c, "df: stem %016" PRIx64 ": wanted %" PRId64 ", found %" PRIu32, stem,
			       eng_dfmap_sorted(&c->df, stem), df);
	}
	eng_walk_end(w);
	expect(c, "df: stems", c->df.n, n);
	return r < 0 ? eng_txn_status(c->view.txn, err) : 0;
}

static int check_digest(struct eng_check *c, struct engram_error *err)
{
	eng_u128 *stored = eng_alloc(ENG_DIGEST_BUCKETS * sizeof *stored);
	int r;

	if (!stored)
		return eng_err_nomem(err);
	r = eng_digest_load(stored, c->view.txn, err);
	for (unsigned i = 0; r == 0 && i < ENG_DIGEST_BUCKETS; i++)
		if (stored[i] != c->buckets[i])
			eng_differ(c, "digest: bucket %u differs from the sum of its items", i);
	eng_free(stored);
	return r;
}

static int check_rows(struct eng_check *c, struct engram_error *err)
{
	struct eng_bytes key, value;
	struct eng_walk *w = NULL;
	struct eng_rows rows;
	uint64_t used = 0;
	uint32_t first, doc;
	int r = eng_walk_begin(&w, c->view.txn, ENG_T_ROWS, err);

	if (r < 0)
		return r;
	for (r = eng_walk_seek(w, eng_bytes(NULL, 0), &key, &value); r == 1; r = eng_walk_next(w, &key, &value)) {
		memcpy(&doc, key.p, sizeof doc);
		if (!eng_rows_verify(value, eng_hash1_rows.stride) ||
		    !eng_rows_chunk(&rows, &first, c->view.txn, &eng_hash1_rows, doc) || first != doc) {
			eng_differ(c, "rows: the chunk of document %" PRIu32 " has a wrong check", doc);
			continue;
		}
		for (uint32_t i = 0; i < rows.n; i++)
			used += rows.r[i] != 0;
	}
	eng_walk_end(w);
	expect(c, "rows", c->rows, used + eng_check_hash1_nodes(c));
	return r < 0 ? eng_txn_status(c->view.txn, err) : 0;
}

static int check_vectors(struct eng_check *c, struct engram_error *err)
{
	char what[128];
	int r = eng_vectors_check_end(&c->vectors, c->view.txn, what, sizeof what, err);

	if (r > 0)
		eng_differ(c, "%s", what);
	return r < 0 ? r : 0;
}

static uint64_t live_briefs(struct eng_check *c)
{
	struct eng_brief b;
	uint64_t n = 0;

	for (uint32_t doc = 0; doc < c->view.meta.docs; doc++)
		n += eng_state_brief(&b, c->view.txn, doc) && b.live;
	return n;
}

static uint64_t entries(struct eng_check *c, size_t table)
{
	uint64_t n = 0;

	eng_txn_count(c->view.txn, table, &n);
	return n;
}

static int check_counts(struct eng_check *c, struct engram_error *err)
{
	expect(c, "items: frames", c->log_dots, c->item_dots);
	expect(c, "edges: frames", c->log_edges, c->edge_dots);
	expect(c, "edges by their other end", c->edges, entries(c, ENG_T_EDGES_TO));
	expect(c, "memories", c->live, c->view.meta.live);
	expect(c, "briefs", c->live, live_briefs(c));
	expect(c, "tokens", c->tokens, c->view.meta.tokens);
	expect(c, "order", c->live, entries(c, ENG_T_ORDER));
	expect(c, "tags", c->tags, entries(c, ENG_T_TAGS));
	expect(c, "what was said of series", c->facts, entries(c, ENG_T_SERIES));
	expect(c, "skipped frames", c->skips, entries(c, ENG_T_SKIPPED));
	if (!eng_run_verify(c->view.txn))
		eng_differ(c, "the report of the last run has a wrong check");
	return eng_txn_status(c->view.txn, err);
}

int eng_check_tables(struct eng_check *c, struct engram_error *err)
{
	int r = check_df(c, err);

	if (r == 0)
		r = check_digest(c, err);
	if (r == 0)
		r = check_rows(c, err);
	if (r == 0)
		r = check_vectors(c, err);
	if (r == 0)
		r = eng_check_graphs(c, err);
	return r == 0 ? check_counts(c, err) : r;
}
