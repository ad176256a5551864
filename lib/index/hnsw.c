/* hnsw.c - searching the graph.
 *
 * From the entry of the topmost layer to the nearest node of each layer by
 * following links while they lead nearer, then at layer 0 a beam: the ef best
 * met so far, of which the best whose links have not been followed is opened
 * next, until none is left.
 *
 * The beam is one sorted array of keys.  With ef in the hundreds, moving a part
 * of it costs less than two heaps do, and its end is the bound that most rows
 * fail by one compare.
 *
 * Numbers in the bytes of a file are held below what they count, which also ends
 * a row of links: damage makes a wrong answer, not a wild read.
 *
 * Seen nodes are bits, and the words that are not zero are remembered: clearing
 * costs what the search touched, not what the graph holds. */
#include "index/hnsw_int.h"

#include "base/alloc.h"
#include "engram.h"

/* -- rows --------------------------------------------------------------------------- */

/* A node beyond n is the member of a batch, in a build; in a file it is damage. */
int eng_hnsw_block(struct eng_hnsw *g, const struct eng_hnsw_block **out, uint32_t node)
{
	struct eng_hnsw_block *b = &g->blocks[node / ENG_HNSW_BLOCK];
	int rc = 0;

	if (node >= g->n && g->fetch)
		return ENGRAM_EDAMAGED;
	if (!b->codes)
		rc = g->fetch(g->ctx, b, node / ENG_HNSW_BLOCK);
	*out = b;
	return rc;
}

static int links_of(const uint32_t **links, uint32_t *max, struct eng_hnsw *g, unsigned layer, uint32_t place)
{
	const struct eng_hnsw_block *b;
	int rc;

	if (layer) {
		*links = g->upper[layer - 1][place].links;
		*max = ENG_HNSW_M;
		return 0;
	}
	rc = eng_block_of(g, &b, place);
	if (rc < 0)
		return rc;
	*links = b->links + (size_t)(place % ENG_HNSW_BLOCK) * ENG_HNSW_LINKS;
	*max = ENG_HNSW_LINKS;
	return 0;
}

void eng_gather_keys(uint64_t *keys, struct eng_gather *a, const uint32_t *numbers, const struct eng_hnsw_query *q,
                     uint32_t stride)
{
	const uint32_t n = a->n;

	eng_vec_dots_at(a->dots, q->codes, q->sum, a->codes, n, stride);
	for (uint32_t i = 0; i < n; i++)
		keys[i] = eng_hnsw_key(eng_vec_sim(a->dots[i], q->r, *a->r[i]), numbers[i]);
}

int eng_hnsw_query_of(struct eng_hnsw_query *q, struct eng_hnsw *g, unsigned layer, uint32_t place)
{
	uint32_t node = eng_hnsw_node(g, layer, place), i = node % ENG_HNSW_BLOCK;
	const struct eng_hnsw_block *b;
	int rc = eng_block_of(g, &b, node);

	if (rc == 0)
		*q = (struct eng_hnsw_query){b->codes + (size_t)i * g->stride, b->r[i], b->sum[i]};
	return rc;
}

int eng_hnsw_near(uint64_t *key, struct eng_hnsw *g, unsigned layer, uint32_t place, const struct eng_hnsw_query *q)
{
	struct eng_hnsw_query row;
	int rc = eng_hnsw_query_of(&row, g, layer, place);
	int32_t dot;

	if (rc < 0)
		return rc;
	eng_vec_dots_at(&dot, q->codes, q->sum, &row.codes, 1, g->stride);
	*key = eng_hnsw_key(eng_vec_sim(dot, q->r, row.r), place);
	return 0;
}

/* -- descending ----------------------------------------------------------------------- */

/* The best of the links of the place of *key, if better than that. */
static int step(uint64_t *key, struct eng_gather *a, struct eng_hnsw *g, unsigned layer,
                const struct eng_hnsw_query *q, struct eng_hnsw_scratch *s)
{
	const struct eng_hnsw_upper *u = &g->upper[layer - 1][eng_key_number(*key)];
	uint64_t keys[ENG_HNSW_M];

	a->n = 0;
	for (uint32_t i = 0; i < ENG_HNSW_M && u->links[i] < g->nupper[layer - 1]; i++) {
		int rc = eng_gather_add(a, g, layer, u->links[i]);

		if (rc < 0)
			return rc;
	}
	eng_gather_keys(keys, a, u->links, q, g->stride);
	s->evaluated += a->n;
	for (uint32_t i = 0; i < a->n; i++)
		if (keys[i] > *key)
			*key = keys[i];
	return 0;
}

int eng_hnsw_descend(uint64_t *key, struct eng_hnsw *g, unsigned layer, unsigned to, const struct eng_hnsw_query *q,
                     struct eng_hnsw_scratch *s)
{
	struct eng_gather a;

	for (; layer > to; layer--) {
		const uint32_t below = layer > 1 ? g->nupper[layer - 2] : g->n;
		uint64_t before;
		uint32_t down;

		do {
			int rc;

			before = *key;
			rc = step(key, &a, g, layer, q, s);
			if (rc < 0)
				return rc;
		} while (*key != before);
		down = g->upper[layer - 1][eng_key_number(*key)].down;
		if (down >= below)
			return ENGRAM_EDAMAGED;
		*key = eng_hnsw_key(eng_key_sim(*key), down);
	}
	return 0;
}

/* -- the beam --------------------------------------------------------------------------- */

static int scratch_for(struct eng_hnsw_scratch *s, uint32_t places, size_t ef)
{
	size_t words = ((size_t)places + 63) / 64;

	if (words > s->words) {
		uint64_t *seen = eng_realloc(s->seen, words * sizeof *seen);

		if (!seen)
			return ENGRAM_ENOMEM;
		memset(seen + s->words, 0, (words - s->words) * sizeof *seen);
		s->seen = seen;
		s->words = words;
	}
	if (ef > s->beam_cap) {
		uint64_t *beam = eng_realloc(s->beam, ef * sizeof *beam);

		if (!beam)
			return ENGRAM_ENOMEM;
		s->beam = beam;
		s->beam_cap = ef;
	}
	return 0;
}

void eng_hnsw_scratch_free(struct eng_hnsw_scratch *s)
{
	eng_free(s->seen);
	eng_free(s->met);
	eng_free(s->beam);
	*s = (struct eng_hnsw_scratch){0};
}

/* Room to meet what those that are opened at once lead to. */
static bool room_to_meet(struct eng_hnsw_scratch *s)
{
	return eng_grow(&s->met, &s->met_cap, s->nmet + ENG_GATHER, sizeof *s->met);
}

/* Appends those that were not seen; returns how many.  Half of all links lead to what
 * was seen, in no order: so no branch. */
static inline uint32_t meet(uint32_t *restrict met, uint64_t *restrict seen, const uint32_t *links, uint32_t max,
                            uint32_t places)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < max && links[i] < places; i++) {
		uint32_t place = links[i];
		uint64_t word = seen[place / 64];

		met[n] = place;
		seen[place / 64] = word | UINT64_C(1) << place % 64;
		n += !(word >> place % 64 & 1);
	}
	return n;
}

static void forget_met(struct eng_hnsw_scratch *s)
{
	for (size_t i = 0; i < s->nmet; i++)
		s->seen[s->met[i] / 64] = 0;
	s->nmet = 0;
}

static inline void ask_for_links(const struct eng_hnsw *g, unsigned layer, uint32_t place)
{
	const struct eng_hnsw_block *b = &g->blocks[place / ENG_HNSW_BLOCK];
	const uint32_t *links;

	if (layer || !b->codes)
		return;
	links = b->links + (size_t)(place % ENG_HNSW_BLOCK) * ENG_HNSW_LINKS;
	__builtin_prefetch(links);
	__builtin_prefetch(links + ENG_HNSW_LINKS / 2);
}

struct beam {
	struct eng_hnsw_scratch *s;
	struct eng_hnsw *g;
	unsigned layer;
	size_t ef, n;
	size_t at;      /* none is open before it */
	uint32_t *met;  /* what the last that were opened led to, a.n of them */
	struct eng_gather a;
};

/* The best that are open lead to rows that were not seen. */
static int open_best(struct beam *b)
{
	const uint32_t places = b->layer ? b->g->nupper[b->layer - 1] : b->g->n;
	struct eng_hnsw_scratch *s = b->s;
	uint64_t *beam = s->beam;
	uint32_t nmet = 0;
	int rc = 0;

	b->a.n = 0;
	if (!room_to_meet(s))
		return ENGRAM_ENOMEM;
	b->met = s->met + s->nmet;
	for (uint32_t opened = 0; b->at < b->n && opened < ENG_HNSW_AT_ONCE; b->at++) {
		const uint32_t *links;
		uint32_t max;

		if (!(beam[b->at] & ENG_KEY_OPEN))
			continue;
		beam[b->at] &= ~(uint64_t)ENG_KEY_OPEN;
		rc = links_of(&links, &max, b->g, b->layer, eng_key_number(beam[b->at]));
		if (rc < 0)
			return rc;
		nmet += meet(b->met + nmet, s->seen, links, max, places);
		opened++;
	}
	s->nmet += nmet;
	for (uint32_t i = 0; rc == 0 && i < nmet; i++)
		rc = eng_gather_add(&b->a, b->g, b->layer, b->met[i]);
	return rc;
}

/* Those that are among the best now. */
static void enter(struct beam *b, const uint64_t *keys)
{
	const uint64_t bound = b->n == b->ef ? b->s->beam[b->ef - 1] : 0;

	for (uint32_t i = 0; i < b->a.n; i++) {
		size_t where;

		if (keys[i] < bound || !eng_beam_insert(b->s->beam, &b->n, b->ef, keys[i], &where))
			continue;
		ask_for_links(b->g, b->layer, eng_key_number(keys[i]));
		b->at = where < b->at ? where : b->at;
	}
}

int eng_hnsw_beam(struct eng_hnsw_scratch *s, size_t *n, struct eng_hnsw *g, unsigned layer, uint64_t from, size_t ef,
                  const struct eng_hnsw_query *q, const struct eng_hnsw_sight *sight)
{
	struct beam b = {.s = s, .g = g, .layer = layer, .ef = ef, .n = 1};
	uint64_t keys[ENG_GATHER];
	uint32_t entry = eng_key_number(from);
	int rc = scratch_for(s, layer ? g->nupper[layer - 1] : g->n, ef);

	*n = 0;
	if (rc == 0 && !room_to_meet(s))
		rc = ENGRAM_ENOMEM;
	if (rc < 0)
		return rc;
	s->nmet = meet(s->met, s->seen, &entry, 1, UINT32_MAX);
	s->beam[0] = from | ENG_KEY_OPEN;
	if (sight)
		sight->see(sight->ctx, from);
	while (rc == 0 && b.at < b.n) {
		rc = open_best(&b);
		if (rc < 0)
			break;
		eng_gather_keys(keys, &b.a, b.met, q, g->stride);
		s->evaluated += b.a.n;
		for (uint32_t i = 0; sight && i < b.a.n; i++)
			sight->see(sight->ctx, keys[i]);
		enter(&b, keys);
	}
	forget_met(s);
	*n = b.n;
	return rc;
}

/* -- a search ------------------------------------------------------------------------------ */

struct accepted {
	const struct eng_near_filter *filter;
	uint64_t *keys;
	size_t n, k;
};

static void take_accepted(void *ctx, uint64_t key)
{
	struct accepted *a = ctx;
	size_t at;

	key &= ~(uint64_t)ENG_KEY_OPEN;
	if (a->n == a->k && key < a->keys[a->k - 1])
		return;
	if (a->filter->accept(a->filter->ctx, eng_key_number(key)))
		eng_beam_insert(a->keys, &a->n, a->k, key, &at);
}

static void answer(struct eng_near *out, size_t *n, size_t k, const uint64_t *keys, size_t nkeys)
{
	*n = nkeys < k ? nkeys : k;
	for (size_t i = 0; i < *n; i++)
		out[i] = (struct eng_near){eng_key_number(keys[i]), eng_key_sim(keys[i])};
}

/* The beam is so much wider than asked for.  Rounding to int8 swaps neighbours that are
 * about equally near, and of a narrow beam they fall over the edge: of 340,479 x 100, ten
 * of ten found 0.609 of the true ones, where floats find 0.623; from 24 on it is nothing. */
#define SLACK 2

int eng_hnsw_search(struct eng_near *out, size_t *n, size_t k, size_t ef, struct eng_hnsw *g, const int8_t *query,
                    struct eng_hnsw_scratch *s, const struct eng_near_filter *filter)
{
	struct eng_hnsw_query q = {query, eng_vec_norm(query, g->stride), eng_vec_sum(query, g->stride)};
	struct accepted a = {.filter = filter, .k = k};
	struct eng_hnsw_sight sight = {take_accepted, &a};
	bool filtered = filter && filter->accept;
	uint64_t key;
	size_t found;
	int rc;

	*n = 0;
	if (g->n == 0 || k == 0 || q.r == 0)
		return 0;
	if (filtered && !(a.keys = eng_alloc(k * sizeof *a.keys)))
		return ENGRAM_ENOMEM;
	rc = eng_hnsw_near(&key, g, g->layers, 0, &q);
	if (rc == 0)
		rc = eng_hnsw_descend(&key, g, g->layers, 0, &q, s);
	if (rc == 0)
		rc = eng_hnsw_beam(s, &found, g, 0, key, (ef < k ? k : ef) + SLACK, &q, filtered ? &sight : NULL);
	if (rc == 0)
		answer(out, n, k, filtered ? a.keys : s->beam, filtered ? a.n : found);
	eng_free(a.keys);
	return rc;
}
