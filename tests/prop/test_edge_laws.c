/* test_edge_laws.c - laws that hold for every set of dots of an edge.
 *
 * A case is a random set of dots of a link, or of memories recalled together,
 * of four series, with equal stamps across series, forks, several elements of a
 * frame, weights of 0, refs to dots that are there or are to come; and a stamp
 * at which an end was forgotten.
 *
 *   join     every delivery - in random order, with repetitions, cut into batches
 *            between which the edge is encoded and decoded - gives equal bytes,
 *            reading and digest
 *   model    the reading is that which `model` works out from the rules
 *   purge    dropping what a forget killed, at any moment of a delivery, changes
 *            neither reading nor digest, now or at any later forget
 *   apart    sets that read differently have different digests
 *   cut      bytes that were cut off or turned over are refused or are another set
 *
 * laws.h has the loop and its seeds. */
#include <stdlib.h>
#include <string.h>

#include "laws.h"

#include "merge/edge.h"

enum { DOTS_MAX = 10, SERIES = 4, REFS = 3, STAMPS = 12 };

#define ONE ENGRAM_CONFIDENCE_ONE

struct sample {
	struct eng_edge_key key;
	struct eng_edge_dot dots[DOTS_MAX];
	struct eng_ref refs[DOTS_MAX][REFS];
	size_t n;
	eng_stamp forgotten;
};

static struct engram_error err;

/* -- random sets ------------------------------------------------------------------ */

/* Along a series stamps ascend: seq and stamp are the same number. */
static void make_dot(struct sample *c, struct eng_rng *g)
{
	struct eng_edge_dot *d = &c->dots[c->n];
	bool link = c->key.class == ENG_EDGE_LINK;

	memset(d->dot.series.b, (int)(1 + eng_rng_below(g, SERIES)), sizeof d->dot.series.b);
	d->stamp = 1 + eng_rng_below(g, STAMPS);
	d->dot.seq = d->stamp;
	d->header_check = (uint32_t)eng_rng_below(g, 8) ? 7 : 8; /* now and then a fork */
	d->index = link ? 1 + (uint32_t)eng_rng_below(g, 2) : 0;
	d->weight = link ? (uint16_t)(eng_rng_below(g, 3) ? eng_rng_below(g, ONE + 1) : 0) : 0;
	d->confidence = link ? (uint16_t)eng_rng_below(g, ONE + 1) : 0;
	d->place = (struct eng_place){1, (uint32_t)(4096 + 64 * d->dot.seq)};
	d->refs = NULL;
	d->nrefs = 0;
}

static void make_refs(struct sample *c, size_t at, struct eng_rng *g)
{
	size_t n = eng_rng_below(g, 3) ? 0 : eng_rng_below(g, REFS + 1);

	for (size_t i = 0; i < n; i++) {
		const struct eng_edge_dot *to = &c->dots[eng_rng_below(g, c->n)];
		c->refs[at][i] = (struct eng_ref){to->dot, to->header_check, eng_rng_below(g, 2) ? to->index : 0};
		if (eng_rng_below(g, 6) == 0)
			c->refs[at][i].header_check++;
	}
	c->dots[at].refs = n ? c->refs[at] : NULL;
	c->dots[at].nrefs = (uint8_t)n;
}

static bool is_there(const struct sample *c, const struct eng_edge_dot *d)
{
	for (size_t i = 0; i < c->n; i++)
		if (eng_edge_dot_order(&c->dots[i], d) == 0)
			return true;
	return false;
}

static void make(struct sample *c, struct eng_rng *g)
{
	size_t want = 1 + eng_rng_below(g, DOTS_MAX);

	memset(c, 0, sizeof *c);
	c->key.from.b[0] = 1;
	c->key.to.b[0] = 2;
	c->key.class = eng_rng_below(g, 4) ? ENG_EDGE_LINK : ENG_EDGE_TOGETHER;
	if (c->key.class == ENG_EDGE_LINK && eng_rng_below(g, 2)) {
		c->key.n = 5;
		memcpy(c->key.relation, "cites", 5);
	}
	while (c->n < want) {
		make_dot(c, g);
		if (is_there(c, &c->dots[c->n]))
			want--;
		else
			c->n++;
	}
	for (size_t i = 0; c->key.class == ENG_EDGE_LINK && i < c->n; i++)
		make_refs(c, i, g);
	c->forgotten = eng_rng_below(g, 2) ? 0 : eng_rng_below(g, STAMPS + 2);
}

/* -- what it reads as, from the rules --------------------------------------------- */

struct reading {
	bool live;
	uint32_t weight, confidence;
	unsigned dots; /* bit a dot of the sample */
};

static bool is_named(const struct eng_edge_dot *by, const struct eng_edge_dot *d)
{
	for (unsigned i = 0; i < by->nrefs; i++)
		if (eng_series_cmp(&by->refs[i].dot.series, &d->dot.series) == 0 && by->refs[i].dot.seq == d->dot.seq &&
		    by->refs[i].header_check == d->header_check &&
		    (by->refs[i].index == 0 || by->refs[i].index == d->index) && by->stamp > d->stamp)
			return true;
	return false;
}

static bool lives(const struct sample *c, size_t i, eng_stamp forgotten)
{
	const struct eng_edge_dot *d = &c->dots[i], *e;

	if (d->stamp <= forgotten)
		return false;
	for (size_t j = 0; c->key.class == ENG_EDGE_LINK && j < c->n; j++) {
		e = &c->dots[j];
		if (is_named(e, d))
			return false;
		if (eng_series_cmp(&e->dot.series, &d->dot.series) == 0 && eng_edge_dot_order(e, d) > 0)
			return false;
	}
	return true;
}

static struct reading model(const struct sample *c, eng_stamp forgotten)
{
	struct reading r = {.live = false};
	uint64_t sum = 0, sure = 0, doubt = ONE;

	for (uint8_t s = 1; s <= SERIES; s++)
		for (size_t i = 0; i < c->n; i++) {
			uint64_t weight = c->dots[i].weight, confidence = weight ? c->dots[i].confidence : 0;
			if (c->dots[i].dot.series.b[0] != s || !lives(c, i, forgotten))
				continue;
			r.dots |= 1u << i;
			sum += weight * confidence;
			sure += confidence;
			doubt = (doubt * (ONE - confidence) + ONE / 2) / ONE;
		}
	if (c->key.class == ENG_EDGE_TOGETHER) {
		r.live = r.dots != 0;
		return r;
	}
	r.live = sure > 0;
	r.weight = sure ? (uint32_t)((sum + sure / 2) / sure) : 0;
	r.confidence = (uint32_t)(ONE - doubt);
	return r;
}

/* -- deliveries ----------------------------------------------------------------------- */

struct outcome {
	struct reading reading;
	eng_u128 digest;
	struct eng_buf bytes;
	struct eng_arena arena;
	struct eng_edge edge;
};

static bool through_bytes(struct outcome *o)
{
	struct eng_edge copy;

	if (o->edge.ndots == 0)
		return true;
	eng_buf_reset(&o->bytes);
	if (eng_edge_encode(&o->edge, &o->bytes, &err) < 0 ||
	    eng_edge_decode(&copy, &o->edge.key, o->bytes.p, o->bytes.n, &o->arena, &err) < 0)
		return false;
	o->edge = copy;
	return true;
}

static void read_out(struct outcome *o, const struct sample *c, eng_stamp forgotten)
{
	struct eng_edge_reading r;

	o->reading = (struct reading){.live = false};
	if (eng_edge_read(&o->edge, &r, forgotten, &err) < 0 ||
	    eng_edge_digest(&o->edge, &o->digest, forgotten, &err) < 0)
		abort();
	o->reading.live = r.live;
	o->reading.weight = r.weight;
	o->reading.confidence = r.confidence;
	for (size_t i = 0; i < c->n; i++)
		for (size_t j = 0; j < r.ndots; j++)
			if (eng_edge_dot_order(&c->dots[i], r.dots[j]) == 0)
				o->reading.dots |= 1u << i;
}

/* Each dot at least once, in random order; purges: what was forgotten so far is
 * dropped now and then. */
static void deliver(struct outcome *o, const struct sample *c, bool purges, struct eng_rng *g, struct law_case *lc)
{
	unsigned missing = (1u << c->n) - 1;
	bool changed;

	o->bytes = ENG_BUF_INIT;
	o->arena = ENG_ARENA_INIT;
	eng_edge_init(&o->edge, &c->key, &o->arena);
	while (missing) {
		size_t i = eng_rng_below(g, c->n);
		missing &= ~(1u << i);
		law_check(lc, eng_edge_add(&o->edge, &changed, &c->dots[i], &err) == 0, "add");
		if (eng_rng_below(g, 4) == 0)
			law_check(lc, through_bytes(o), "bytes");
		if (purges && eng_rng_below(g, 4) == 0)
			eng_edge_purge(&o->edge, eng_rng_below(g, c->forgotten + 1));
	}
	if (purges)
		eng_edge_purge(&o->edge, c->forgotten);
	law_check(lc, through_bytes(o), "bytes");
}

static void discard(struct outcome *o)
{
	eng_buf_free(&o->bytes);
	eng_arena_free(&o->arena);
}

static bool same(const struct reading *a, const struct reading *b)
{
	return a->live == b->live && a->weight == b->weight && a->confidence == b->confidence && a->dots == b->dots;
}

/* -- the laws ---------------------------------------------------------------------------- */

static void law_join(const struct sample *c, struct eng_rng *g, struct law_case *lc)
{
	struct reading wanted = model(c, c->forgotten);
	struct outcome a, b;

	deliver(&a, c, false, g, lc);
	deliver(&b, c, false, g, lc);
	read_out(&a, c, c->forgotten);
	read_out(&b, c, c->forgotten);
	law_check(lc, a.bytes.n == b.bytes.n && memcmp(a.bytes.p, b.bytes.p, a.bytes.n) == 0, "join: bytes");
	law_check(lc, a.digest == b.digest && same(&a.reading, &b.reading), "join: reading");
	law_check(lc, same(&a.reading, &wanted), "model");
	discard(&a);
	discard(&b);
}

static void law_purge(const struct sample *c, struct eng_rng *g, struct law_case *lc)
{
	eng_stamp later = c->forgotten + eng_rng_below(g, 4);
	struct outcome a, b;

	deliver(&a, c, false, g, lc);
	deliver(&b, c, true, g, lc);
	for (eng_stamp at = c->forgotten; at <= later; at++) {
		read_out(&a, c, at);
		read_out(&b, c, at);
		law_check(lc, a.digest == b.digest && same(&a.reading, &b.reading), "purge");
	}
	discard(&a);
	discard(&b);
}

static void law_apart(const struct sample *c, struct eng_rng *g, struct law_case *lc)
{
	struct sample other = *c;
	struct outcome a, b;

	uint16_t *weight = &other.dots[eng_rng_below(g, c->n)].weight;

	*weight = *weight ? (uint16_t)(*weight - 1) : 1;
	deliver(&a, c, false, g, lc);
	deliver(&b, &other, false, g, lc);
	read_out(&a, c, c->forgotten);
	read_out(&b, &other, c->forgotten);
	law_check(lc, a.digest != b.digest || (a.reading.weight == b.reading.weight && a.reading.live == b.reading.live), "apart");
	discard(&a);
	discard(&b);
}

static void law_cut(const struct sample *c, struct eng_rng *g, struct law_case *lc)
{
	struct outcome a;
	struct eng_edge e;
	size_t at;

	deliver(&a, c, false, g, lc);
	at = eng_rng_below(g, a.bytes.n);
	law_check(lc, eng_edge_decode(&e, &c->key, a.bytes.p, at, &a.arena, &err) == ENGRAM_EDAMAGED, "cut");
	a.bytes.p[at] ^= (uint8_t)(1u << eng_rng_below(g, 8));
	if (eng_edge_decode(&e, &c->key, a.bytes.p, a.bytes.n, &a.arena, &err) == 0)
		law_check(lc, e.ndots > 0, "turned over");
	discard(&a);
}

static void one_case(struct law_case *lc)
{
	struct sample c;

	make(&c, &lc->g);
	law_join(&c, &lc->g, lc);
	law_purge(&c, &lc->g, lc);
	law_apart(&c, &lc->g, lc);
	law_cut(&c, &lc->g, lc);
}

static const struct law laws[] = {{"joins, model, purge, digests, damage", one_case, 1}};

int main(int argc, char **argv)
{
	return laws_main(argc, argv, laws, ENG_COUNT(laws));
}
