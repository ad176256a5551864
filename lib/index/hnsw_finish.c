/* hnsw_finish.c - every node can be reached.
 *
 * A target that chooses may drop its link to a node whose every other way in was
 * dropped too; among equal vectors this is the rule, because all choose the same
 * few.  Such a node is stored and never found.  So the build ends with a walk
 * from the entry, which leaves a tree: each node remembers from whom it was
 * reached.  A node that was not reached is linked from the nearest one that has
 * room, or can spare a link that is not of the tree; nothing that was reachable
 * is lost by that.  The walk then goes on from it.
 *
 * A node whose links are all of the tree is spent for good, and is not looked at
 * again: thousands of equal vectors are then mended in time that grows as their
 * number does (20,000 in 1.4 s, once 7.5). */
#include "index/hnsw_build.h"

#include "base/alloc.h"
#include "engram.h"

#define EF ENG_HNSW_EF_CONSTRUCTION

struct walk {
	struct eng_hnsw_build *b;
	struct eng_hnsw_scratch *scratch;
	uint32_t *from;  /* of each node: who led to it; NONE = not reached */
	uint32_t *queue;
	uint32_t head, tail;
	bool *spent;    /* of each node: leads to nodes that have no other way in only */
	uint32_t room;  /* all before this place of the queue are spent */
};

static uint32_t entry_node(const struct eng_hnsw *g)
{
	return eng_hnsw_node(g, g->layers, 0);
}

static void reach(struct walk *w, uint32_t node, uint32_t from)
{
	w->from[node] = from;
	w->queue[w->tail++] = node;
}

static void walk(struct walk *w)
{
	while (w->head < w->tail) {
		uint32_t node = w->queue[w->head++], max;
		const uint32_t *links = eng_build_links(w->b, &max, 0, node);

		for (uint32_t i = 0; i < max && links[i] != ENG_HNSW_NONE; i++)
			if (w->from[links[i]] == ENG_HNSW_NONE)
				reach(w, links[i], node);
	}
}

/* 1 = node is linked from host now, 0 = host can spare nothing. */
static int link_from(struct walk *w, uint32_t host, uint32_t node)
{
	uint32_t max, *links = eng_build_links(w->b, &max, 0, host), n = eng_links_count(links, max);
	uint32_t places[ENG_HNSW_LINKS + 1];
	uint64_t keys[ENG_HNSW_LINKS];

	if (w->spent[host])
		return 0;
	memcpy(places, links, n * sizeof *places);
	if (n == max) {
		int rc = eng_build_keys(keys, w->b, 0, host, places, n);

		if (rc < 0)
			return rc;
		while (n > 0 && w->from[eng_key_number(keys[n - 1])] == host)
			n--;
		if (n == 0) {
			w->spent[host] = true;
			return 0;
		}
		for (uint32_t i = 0; i < max; i++)
			if (links[i] == eng_key_number(keys[n - 1]))
				places[i] = node;
		n = max;
	} else {
		places[n++] = node;
	}
	eng_links_set(links, max, places, n);
	return 1;
}

/* The nearest reachable ones, best first, in the scratch's beam. */
static int hosts_of(size_t *n, struct walk *w, uint32_t node)
{
	struct eng_hnsw *g = &w->b->g;
	struct eng_hnsw_query q;
	uint64_t key;
	int rc = eng_hnsw_query_of(&q, g, 0, node);

	if (rc == 0)
		rc = eng_hnsw_near(&key, g, 0, entry_node(g), &q);
	return rc < 0 ? rc : eng_hnsw_beam(w->scratch, n, g, 0, key, EF, &q, NULL);
}

static int attach(struct walk *w, uint32_t node)
{
	const uint64_t *beam;
	size_t n;
	int rc = hosts_of(&n, w, node);

	beam = w->scratch->beam;
	for (size_t i = 0; rc == 0 && i < n; i++) {
		uint32_t host = eng_key_number(beam[i]);

		rc = link_from(w, host, node);
		if (rc > 0)
			reach(w, node, host);
	}
	/* The whole beam is spent: the first that is not. */
	for (; rc == 0 && w->room < w->tail; w->room++) {
		uint32_t host = w->queue[w->room];

		rc = link_from(w, host, node);
		if (rc > 0) {
			reach(w, node, host);
			break;
		}
	}
	return rc < 0 ? rc : 0;
}

int eng_hnsw_build_finish(struct eng_hnsw_build *b, uint32_t *mended)
{
	const uint32_t n = b->g.n;
	struct eng_hnsw_worker *worker = eng_build_worker(b, 0);
	struct walk w = {.b = b};
	int rc = 0;

	*mended = 0;
	if (n == 0)
		return 0;
	w.from = eng_alloc(n * sizeof *w.from);
	w.queue = eng_alloc(n * sizeof *w.queue);
	w.spent = eng_calloc(n, sizeof *w.spent);
	if (!worker || !w.from || !w.queue || !w.spent) {
		rc = ENGRAM_ENOMEM;
		goto out;
	}
	w.scratch = &worker->scratch;
	memset(w.from, 0xff, n * sizeof *w.from);
	reach(&w, entry_node(&b->g), entry_node(&b->g));
	walk(&w);
	for (uint32_t node = 0; rc == 0 && node < n; node++) {
		if (w.from[node] != ENG_HNSW_NONE)
			continue;
		rc = attach(&w, node);
		if (rc == 0) {
			++*mended;
			walk(&w);
		}
	}
out:
	eng_free(w.from);
	eng_free(w.queue);
	eng_free(w.spent);
	return rc;
}
