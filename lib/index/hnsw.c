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
	rc = eng_hnsw_block(g, &b, place);
	if (rc < 0)
		return rc;
	*links = b->links + (size_t)(place % ENG_HNSW_BLOCK) * ENG_HNSW_LINKS;
	*max = ENG_HNSW_LINKS;
	return 0;
}

int eng_gather_add(struct eng_gather *a, struct eng_hnsw *g, unsigned layer, uint32_t place)
{
	uint32_t node = eng_hnsw_node(g, layer, place), i = node % ENG_HNSW_BLOCK;
	const struct eng_hnsw_block *b;
	int rc = eng_hnsw_block(g, &b, node);

	if (rc < 0)
		return rc;
	a->codes[a->n] = b->codes + (size_t)i * g->stride;
	eng_vec_ask_for(a->codes[a->n], g->stride);
	a->r[a->n] = &b->r[i];
	__builtin_prefetch(a->r[a->n]);
	a->number[a->n++] = place;
	return 0;
}

void eng_gather_keys(uint64_t *keys, const struct eng_gather *a, const struct eng_hnsw_query *q, uint32_t stride)
{
	int32_t dots[ENG_GATHER];

	eng_vec_dots_at(dots, q->codes, q->sum, a->codes, a->n, stride);
	for (uint32_t i = 0; i < a->n; i++)
		keys[i] = eng_hnsw_key(eng_vec_sim(dots[i], q->r, *a->r[i]), a->number[i]);
}

int eng_hnsw_query_of(struct eng_hnsw_query *q, struct eng_hnsw *g, unsigned layer, uint32_t place)
{
	uint32_t node = eng_hnsw_node(g, layer, place), i = node % ENG_HNSW_BLOCK;
	const struct eng_hnsw_block *b;
	int rc = eng_hnsw_block(g, &b, node);

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
	eng_gather_keys(keys, a, q, g->stride);
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
	eng_free(s->touched);
	eng_free(s->beam);
	*s = (struct eng_hnsw_scratch){0};
}

/* Room to see as many as a place has links. */
static bool room_to_see(struct eng_hnsw_scratch *s)
{
	return eng_grow(&s->touched, &s->touched_cap, s->ntouched + ENG_HNSW_LINKS, sizeof *s->touched);
}

/* 1 = was not seen before, 0 = was.  Half of all links lead to what was seen, in
 * no order: so no branch. */
static inline uint32_t see(struct eng_hnsw_scratch *s, uint32_t place)
{
	uint64_t word = s->seen[place / 64], bit = UINT64_C(1) << place % 64;

	s->touched[s->ntouched] = place / 64;
	s->ntouched += word == 0;
	s->seen[place / 64] = word | bit;
	return !(word & bit);
}

static void forget_seen(struct eng_hnsw_scratch *s)
{
	for (size_t i = 0; i < s->ntouched; i++)
		s->seen[s->touched[i]] = 0;
	s->ntouched = 0;
}

/* Rows of the links of `place` that were not seen. */
static int open_place(struct eng_gather *a, struct eng_hnsw *g, unsigned layer, uint32_t place,
                      struct eng_hnsw_scratch *s)
{
	const uint32_t places = layer ? g->nupper[layer - 1] : g->n;
	uint32_t fresh[ENG_HNSW_LINKS + 1], nfresh = 0, max;
	const uint32_t *links;
	int rc = links_of(&links, &max, g, layer, place);

	a->n = 0;
	if (rc < 0)
		return rc;
	if (!room_to_see(s))
		return ENGRAM_ENOMEM;
	for (uint32_t i = 0; i < max && links[i] < places; i++) {
		fresh[nfresh] = links[i];
		nfresh += see(s, links[i]);
	}
	for (uint32_t i = 0; rc == 0 && i < nfresh; i++)
		rc = eng_gather_add(a, g, layer, fresh[i]);
	return rc;
}

/* The first from `at` on that is open; its links are needed next, unless
 * something better turns up. */
static size_t next_open(const struct eng_hnsw_scratch *s, size_t at, size_t n)
{
	while (at < n && !(s->beam[at] & ENG_KEY_OPEN))
		at++;
	return at;
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

int eng_hnsw_beam(struct eng_hnsw_scratch *s, size_t *n, struct eng_hnsw *g, unsigned layer, uint64_t from, size_t ef,
                  const struct eng_hnsw_query *q, const struct eng_hnsw_sight *sight)
{
	uint64_t keys[ENG_GATHER];
	struct eng_gather a;
	size_t at = 0;
	int rc = scratch_for(s, layer ? g->nupper[layer - 1] : g->n, ef);

	*n = 0;
	if (rc == 0 && !room_to_see(s))
		rc = ENGRAM_ENOMEM;
	if (rc < 0)
		return rc;
	see(s, eng_key_number(from));
	s->beam[0] = from | ENG_KEY_OPEN;
	*n = 1;
	if (sight)
		sight->see(sight->ctx, from);
	while (at < *n) {
		uint64_t opened = s->beam[at];
		size_t next = next_open(s, at + 1, *n);

		s->beam[at] = opened & ~(uint64_t)ENG_KEY_OPEN;
		if (next < *n)
			ask_for_links(g, layer, eng_key_number(s->beam[next]));
		rc = open_place(&a, g, layer, eng_key_number(opened), s);
		if (rc < 0)
			break;
		eng_gather_keys(keys, &a, q, g->stride);
		s->evaluated += a.n;
		for (uint32_t i = 0; i < a.n; i++) {
			size_t where;

			if (sight)
				sight->see(sight->ctx, keys[i]);
			if (!eng_beam_insert(s->beam, n, ef, keys[i], &where))
				continue;
			ask_for_links(g, layer, eng_key_number(keys[i]));
			next = where < next ? where : next;
		}
		at = next;
	}
	forget_seen(s);
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
		rc = eng_hnsw_beam(s, &found, g, 0, key, ef < k ? k : ef, &q, filtered ? &sight : NULL);
	if (rc == 0)
		answer(out, n, k, filtered ? a.keys : s->beam, filtered ? a.n : found);
	eng_free(a.keys);
	return rc;
}
