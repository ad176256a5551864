/* near.c - the k nearest documents of one identity that pass the filter.
 *
 * What no fold has taken yet is scanned.  What is in the graph is found by
 *
 *   search   the ef nearest nodes that following links leads to, filtered; or
 *   sieve    every node that passes the filter, compared exactly; or
 *   scan     every node, compared exactly,
 *
 * whichever is likely to cost least.  A filter that lets one node in s through
 * leaves ef / s of a search, so a search that found too few is widened by what it
 * saw: this measures the filter where it matters, among the cue's neighbours, and
 * not on the whole, from which a filter that goes with the content differs.  The
 * same holds for memories that were forgotten since the fold.  As ef grows, the
 * exact way becomes the cheaper one, at the latest where one in a hundred passes.
 *
 * Documents of equal similarity are cut by the filter's order (ids), not by number
 * of node or document: where they reach beyond what was found, the search is
 * widened too.
 *
 * All of it follows from graph, filter and cue; nothing is drawn or timed. */
#include "recall/near.h"

#include <string.h>

#include "base/alloc.h"
#include "engram.h"

/* Nanoseconds on a Zen 4 core, warm: only their ratios matter.  A search compares
 * 12 to 18 rows for each of ef, which lie anywhere; a scan streams. */
#define ROWS_PER_EF 16u
#define FAR_ROW_NS(stride) (32u + (stride) / 24u)
#define NEXT_ROW_NS(stride) (4u + (stride) / 28u)

/* Below this share of the nodes a filter is asked before a row is compared. */
#define SIEVE_SHARE 4u

struct search {
	struct eng_near_source *from;
	const struct eng_near_ask *ask;
	struct eng_near_scratch *scratch;
	struct eng_best best;
	size_t enough; /* accepted nodes of a search that make its answer trustworthy */
	bool rare;     /* few pass the filter */
	uint64_t compared;
};

void eng_near_scratch_free(struct eng_near_scratch *s)
{
	eng_hnsw_scratch_free(&s->graph);
	eng_free(s->beam);
	eng_free(s->rows);
	*s = (struct eng_near_scratch){0};
}

static bool accepts(const struct search *s, uint32_t doc)
{
	return s->ask->filter.accept(s->ask->filter.ctx, doc);
}

/* -- searching the graph -------------------------------------------------------------- */

/* Makes documents of the nodes of the beam, leaving those that do not pass. */
static int accept_beam(struct search *s, size_t found, size_t *accepted)
{
	struct eng_near *beam = s->scratch->beam;

	*accepted = 0;
	for (size_t i = 0; i < found; i++) {
		uint32_t node = beam[i].doc;
		const uint32_t *docs = s->from->docs(s->from->ctx, node / ENG_HNSW_BLOCK);

		if (!docs)
			return ENGRAM_EDAMAGED;
		if (accepts(s, docs[node % ENG_HNSW_BLOCK]))
			beam[(*accepted)++] = (struct eng_near){docs[node % ENG_HNSW_BLOCK], beam[i].sim_q30};
	}
	return 0;
}

static int search_once(struct search *s, size_t ef, size_t *accepted, bool *whole, int32_t *end)
{
	struct eng_near_scratch *m = s->scratch;
	size_t found, cap = ef < s->from->g->n ? ef : s->from->g->n;
	uint64_t before = m->graph.evaluated;
	int rc;

	if (m->beam_cap < cap) {
		struct eng_near *beam = eng_realloc(m->beam, cap * sizeof *beam);

		if (!beam)
			return ENGRAM_ENOMEM;
		m->beam = beam;
		m->beam_cap = cap;
	}
	rc = eng_hnsw_search(m->beam, &found, cap, cap, s->from->g, s->ask->codes, &m->graph, NULL);
	s->compared += m->graph.evaluated - before;
	if (rc < 0)
		return rc;
	*whole = found < cap || cap == s->from->g->n;
	*end = found ? m->beam[found - 1].sim_q30 : 0;
	return accept_beam(s, found, accepted);
}

/* Whether rows as near as the last that is wanted may lie beyond the beam: it and
 * another one are as near as the beam's end. */
static bool cuts_equals(const struct search *s, size_t accepted, int32_t end)
{
	const struct eng_near *last = s->scratch->beam + s->ask->k - 1;

	return accepted >= s->ask->k && last->sim_q30 == end &&
	       (accepted > s->ask->k || (s->ask->k > 1 && last[-1].sim_q30 == end));
}

static size_t wider(const struct search *s, size_t ef, size_t accepted)
{
	size_t fits;

	if (accepted >= s->enough)
		return ef * 4;
	if (accepted == 0)
		return SIZE_MAX;
	fits = ef * s->enough / accepted;
	return fits + fits / 4;
}

static bool search_pays(const struct search *s, size_t ef)
{
	const struct eng_hnsw *g = s->from->g;

	return ef < g->n && (uint64_t)ef * ROWS_PER_EF * FAR_ROW_NS(g->stride) < (uint64_t)g->n * NEXT_ROW_NS(g->stride);
}

/* 1 = answered, 0 = to be compared exactly. */
static int search_graph(struct search *s)
{
	size_t base = s->ask->ef ? s->ask->ef : ENG_EF_DEFAULT, ef, accepted;
	uint32_t nodes = s->from->g->n;

	base = base > s->ask->k ? base : s->ask->k;
	s->enough = base - base / 4 > s->ask->k ? base - base / 4 : s->ask->k;
	s->enough = s->enough < s->ask->most ? s->enough : s->ask->most;
	s->rare = s->ask->most < nodes / SIEVE_SHARE;
	ef = s->ask->most < nodes ? base * nodes / (s->ask->most ? s->ask->most : 1) : base;
	while (search_pays(s, ef)) {
		bool whole;
		int32_t end;
		int rc = search_once(s, ef, &accepted, &whole, &end);

		if (rc < 0)
			return rc;
		if (whole || (accepted >= s->enough && !cuts_equals(s, accepted, end))) {
			for (size_t i = 0; i < accepted; i++)
				eng_best_offer(&s->best, s->scratch->beam[i].doc, s->scratch->beam[i].sim_q30);
			return 1;
		}
		s->rare = s->rare || accepted < ef / SIEVE_SHARE;
		ef = wider(s, ef, accepted);
	}
	return 0;
}

/* -- comparing exactly ------------------------------------------------------------------- */

/* Nodes as rows, those of a block at a time. */
struct nodes {
	struct search *s;
	uint32_t at;
};

static int next_nodes(void *ctx, struct eng_rows *out)
{
	struct nodes *w = ctx;
	struct eng_near_source *from = w->s->from;
	const struct eng_hnsw_block *b;
	uint32_t left = from->g->n - w->at;
	int rc;

	if (left == 0)
		return 0;
	rc = eng_hnsw_block(from->g, &b, w->at);
	if (rc < 0)
		return rc;
	*out = (struct eng_rows){
		.codes = b->codes,
		.r = b->r,
		.sum = b->sum,
		.doc = from->docs(from->ctx, w->at / ENG_HNSW_BLOCK),
		.n = left < ENG_HNSW_BLOCK ? left : ENG_HNSW_BLOCK,
		.stride = from->g->stride,
	};
	if (!out->doc)
		return ENGRAM_EDAMAGED;
	w->at += out->n;
	return 1;
}

/* The rows of a block that pass the filter, one behind the other. */
struct sieve {
	struct nodes nodes;
	int8_t *codes;
	uint32_t *r, *doc;
	int32_t *sum;
};

static int sieve_begin(struct sieve *v, struct search *s)
{
	struct eng_near_scratch *m = s->scratch;
	size_t stride = s->from->g->stride, size = 64 + ENG_HNSW_BLOCK * (stride + 3 * sizeof(uint32_t));
	uint8_t *p;

	if (m->rows_cap < size) {
		eng_free(m->rows);
		m->rows_cap = 0;
		m->rows = eng_alloc(size);
		if (!m->rows)
			return ENGRAM_ENOMEM;
		m->rows_cap = size;
	}
	p = m->rows + (-(uintptr_t)m->rows & 63);
	*v = (struct sieve){.nodes = {.s = s}, .codes = (int8_t *)p};
	v->r = (uint32_t *)(void *)(p + ENG_HNSW_BLOCK * stride);
	v->doc = v->r + ENG_HNSW_BLOCK;
	v->sum = (int32_t *)(void *)(v->doc + ENG_HNSW_BLOCK);
	return 0;
}

static int next_passing(void *ctx, struct eng_rows *out)
{
	struct sieve *v = ctx;
	struct eng_rows all;
	uint32_t n = 0;
	int rc = 0;

	while (n == 0 && (rc = next_nodes(&v->nodes, &all)) == 1)
		for (uint32_t i = 0; i < all.n; i++)
			if (accepts(v->nodes.s, all.doc[i])) {
				memcpy(v->codes + (size_t)n * all.stride, all.codes + (size_t)i * all.stride, all.stride);
				v->r[n] = all.r[i];
				v->sum[n] = all.sum[i];
				v->doc[n++] = all.doc[i];
			}
	*out = (struct eng_rows){v->codes, v->r, v->sum, v->doc, n, v->nodes.s->from->g->stride};
	return n ? 1 : rc;
}

static int compare_nodes(struct search *s)
{
	struct nodes nodes = {.s = s};
	struct sieve sieve;
	struct eng_row_reader reader = {next_nodes, &nodes};

	if (s->rare) {
		int rc = sieve_begin(&sieve, s);

		if (rc < 0)
			return rc;
		reader = (struct eng_row_reader){next_passing, &sieve};
	}
	return eng_flat_scan(&s->best, s->ask->codes, s->from->stride, &reader);
}

/* -- the call -------------------------------------------------------------------------------- */

static int nearest(struct search *s)
{
	int rc = 0;

	if (s->from->g && s->from->g->n > 0) {
		rc = s->ask->exact ? 0 : search_graph(s);
		if (rc == 0)
			rc = compare_nodes(s);
	}
	return rc < 0 ? rc : eng_flat_scan(&s->best, s->ask->codes, s->from->stride, &s->from->tail);
}

int eng_near_search(struct eng_near *out, size_t *n, uint64_t *compared, struct eng_near_source *from,
                const struct eng_near_ask *ask, struct eng_near_scratch *scratch)
{
	struct search s = {.from = from, .ask = ask, .scratch = scratch};
	int rc;

	*n = 0;
	if (ask->most == 0)
		return 0;
	rc = eng_best_begin(&s.best, ask->k, &ask->filter);
	if (rc == 0)
		rc = nearest(&s);
	*compared += s.compared + s.best.compared;
	if (rc < 0)
		s.best.n = 0;
	eng_best_end(&s.best, out, n);
	return rc;
}
