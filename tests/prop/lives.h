/* lives.h - random lives of a few memories, and what a store makes of them.
 *
 * A *life* is a set of frames as several stores might have written them about three
 * ids: memories, revisions, forgets of one or more, links, uses of one or two,
 * feedback; refs to frames and elements that are there, of other ids too, or never
 * come; stamps that are equal across series; branches of a forked series; stubs of
 * what was forgotten; kinds and versions that nobody knows yet, with subjects and
 * refs like all.
 *
 * A *replica* is what lib/space keeps of frames, without files: an item for each id,
 * an edge for each key.  Its bytes are those of the state. */
#ifndef LIVES_H
#define LIVES_H

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/hash.h"
#include "base/rng.h"
#include "merge/digest.h"
#include "merge/edge.h"
#include "merge/item.h"

enum { LIFE_FRAMES = 14, LIFE_IDS = 3, LIFE_SERIES = 4, LIFE_EDGES = 64, LIFE_REFS = 4 };

#define LIFE_MS ((eng_stamp)1 << 16) /* a millisecond */

struct life {
	struct eng_frame f[2 * LIFE_FRAMES]; /* stubs behind the full ones */
	size_t n;                            /* full frames */
	size_t nstubs;
	size_t stub_of[LIFE_FRAMES];         /* of the i-th stub: its frame */
	eng_stamp last[LIFE_SERIES];
	uint64_t seq[LIFE_SERIES];
	struct eng_arena arena;
};

static struct engram_id life_id(unsigned i)
{
	struct engram_id id = {{0}};

	id.b[0] = (uint8_t)(0x10 * (i + 1));
	id.b[15] = (uint8_t)i;
	return id;
}

static struct eng_series life_series(unsigned i)
{
	struct eng_series s;

	memset(s.b, (int)('A' + i), sizeof s.b);
	return s;
}

/* -- frames ---------------------------------------------------------------------- */

static void life_str(struct eng_payload_out *o, uint16_t type, const char *z)
{
	if (z)
		eng_payload_element(o, type, z, strlen(z));
}

static void life_fields(struct eng_payload_out *o, struct eng_rng *g, uint8_t kind)
{
	static const char *const texts[] = {NULL, "x", "y", "y", "a longer text"}, *const words[] = {NULL, NULL, "s", "t"};
	static const char *const tags[] = {NULL, "a", "b", "ab", ""};
	static const char vector[] = "\3\0e/1\0\0\0\0\0\200?"; /* name, zeros, 1.0f */
	static const uint16_t clears[] = {ENG_EL_CONFIDENCE, ENG_EL_SOURCE, ENG_EL_META, ENG_EL_TAG, ENG_EL_VECTOR};

	life_str(o, ENG_EL_TEXT, texts[eng_rng_below(g, ENG_COUNT(texts))]);
	if (eng_rng_below(g, 2))
		eng_payload_u32(o, ENG_EL_CONFIDENCE, (uint32_t)eng_rng_below(g, 3));
	if (eng_rng_below(g, 6) == 0)
		eng_payload_u32(o, ENG_EL_KIND, 1 + (uint32_t)eng_rng_below(g, 2));
	life_str(o, ENG_EL_SOURCE, words[eng_rng_below(g, ENG_COUNT(words))]);
	life_str(o, ENG_EL_META, eng_rng_below(g, 6) ? NULL : "{}");
	for (int i = 0; i < 2; i++)
		life_str(o, ENG_EL_TAG, tags[eng_rng_below(g, ENG_COUNT(tags))]);
	if (eng_rng_below(g, 4) == 0)
		eng_payload_element(o, ENG_EL_VECTOR, vector, sizeof vector - 1);
	if (eng_rng_below(g, 6) == 0)
		eng_payload_u64(o, ENG_EL_STORED, 1 + eng_rng_below(g, 5));
	if (kind == ENG_REVISION && eng_rng_below(g, 3) == 0)
		eng_payload_u32(o, ENG_EL_CLEAR, clears[eng_rng_below(g, ENG_COUNT(clears))]);
	if (eng_rng_below(g, 10) == 0)
		eng_payload_element(o, 900, "later", 5); /* a field of a later version */
}

static void life_edges(struct eng_payload_out *o, struct eng_rng *g)
{
	for (uint64_t n = 1 + eng_rng_below(g, 2); n > 0; n--) {
		struct eng_edge_key key = {.class = ENG_EDGE_LINK};
		unsigned from = (unsigned)eng_rng_below(g, LIFE_IDS), to = (from + 1 + (unsigned)eng_rng_below(g, 2)) % 3;
		key.from = life_id(from);
		key.to = life_id(to);
		key.n = (uint8_t)eng_rng_below(g, 2);
		key.relation[0] = 'r';
		/* One call after the other: compilers differ in the order of arguments. */
		uint32_t weight = eng_rng_below(g, 3) ? (uint32_t)eng_rng_below(g, 10001) : 0;
		eng_edge_element(o, &key, weight, 1 + (uint32_t)eng_rng_below(g, 10000));
	}
}

static void life_body(struct eng_payload_out *o, struct eng_rng *g, uint8_t kind)
{
	switch (kind) {
	case ENG_EDGE:
		life_edges(o, g);
		break;
	case ENG_FEEDBACK:
		if (eng_rng_below(g, 4))
			eng_payload_u32(o, ENG_EL_VERDICT, (uint32_t)eng_rng_below(g, 2));
		if (eng_rng_below(g, 2))
			eng_payload_element(o, ENG_EL_FEATURES, "f", 1);
		break;
	case ENG_FORGET:
		break;
	default:
		life_fields(o, g, kind);
	}
}

static size_t life_refs(struct eng_ref refs[LIFE_REFS], const struct life *l, struct eng_rng *g)
{
	size_t n = eng_rng_below(g, 3) ? 0 : eng_rng_below(g, LIFE_REFS + 1);

	for (size_t i = 0; i < n; i++) {
		const struct eng_header *h = l->n ? &l->f[eng_rng_below(g, l->n)].h : NULL;
		refs[i] = (struct eng_ref){{life_series(0), 77}, 5, 0};
		if (h)
			refs[i] = (struct eng_ref){{h->series, h->seq}, h->header_check, 0};
		refs[i].index = eng_rng_below(g, 2) ? (uint32_t)eng_rng_below(g, 7) : 0;
		refs[i].header_check += eng_rng_below(g, 12) == 0;
	}
	return n;
}

static size_t life_subjects(struct engram_id out[LIFE_IDS], struct eng_rng *g, uint8_t kind)
{
	unsigned first = (unsigned)eng_rng_below(g, LIFE_IDS);
	size_t n = 0;

	if (kind == ENG_EDGE)
		return 0;
	out[n++] = life_id(first);
	if ((kind == ENG_FORGET || kind == ENG_USE) && first + 1 < LIFE_IDS && eng_rng_below(g, 3) == 0)
		out[n++] = life_id(first + 1);
	return n;
}

/* The payload and all that the header says of it. */
static void life_seal(struct life *l, struct eng_frame *f, struct eng_buf *b)
{
	uint8_t header[ENG_FRAME_HEADER];

	f->h.payload_len = (uint32_t)b->n;
	f->h.payload_check = XXH3_64bits(b->p, b->n);
	f->h.prev = (uint32_t)f->h.seq;
	eng_header_encode(header, &f->h);
	f->payload = eng_arena_dup(&l->arena, b->p, b->n);
	f->place = (struct eng_place){1, (uint32_t)(4096 + 512 * f->h.seq)};
	eng_buf_free(b);
}

/* Begins the next frame of a series. */
static struct eng_frame *life_next(struct life *l, unsigned series, uint8_t kind, eng_stamp stamp)
{
	struct eng_frame *f = &l->f[l->n++];

	memset(f, 0, sizeof *f);
	f->h.version = ENG_FRAME_VERSION;
	f->h.kind = kind;
	f->h.series = life_series(series);
	f->h.seq = ++l->seq[series];
	f->h.stamp = l->last[series] = stamp;
	return f;
}

static void life_frame(struct life *l, struct eng_rng *g)
{
	static const uint8_t kinds[] = {ENG_MEMORY, ENG_MEMORY, ENG_MEMORY, ENG_MEMORY,   ENG_REVISION, ENG_REVISION,
	                                ENG_FORGET, ENG_USE,    ENG_EDGE,   ENG_FEEDBACK, ENG_HIDE,     200};
	unsigned series = (unsigned)eng_rng_below(g, LIFE_SERIES);
	uint8_t kind = kinds[eng_rng_below(g, ENG_COUNT(kinds))];
	eng_stamp step = 1 + eng_rng_below(g, 3) + (eng_rng_below(g, 4) ? 0 : 1800000 * LIFE_MS);
	struct engram_id subjects[LIFE_IDS], run = {{9}};
	struct eng_ref refs[LIFE_REFS];
	size_t nsubjects = life_subjects(subjects, g, kind), nrefs = life_refs(refs, l, g);
	struct eng_frame *f = life_next(l, series, kind, l->last[series] + step);
	struct eng_buf b = ENG_BUF_INIT;
	struct eng_payload_out o;

	if (eng_rng_below(g, 20) == 0)
		f->h.version = 2;
	if (l->n > 1 && eng_rng_below(g, 16) == 0) { /* a branch: a dot of another frame */
		const struct eng_header *of = &l->f[l->n - 2].h;
		f->h.series = of->series;
		f->h.seq = of->seq;
		f->h.stamp = of->stamp + eng_rng_below(g, 2);
	}
	eng_payload_begin(&o, &b, subjects, nsubjects, refs, nrefs,
	                  kind != ENG_FORGET && eng_rng_below(g, 24) == 0 ? &run : NULL);
	life_body(&o, g, kind);
	eng_payload_end(&o);
	life_seal(l, f, &b);
}

static bool life_knows(const struct life *l, const struct eng_header *h, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (l->f[i].h.header_check == h->header_check && l->f[i].h.seq == h->seq &&
		    eng_series_cmp(&l->f[i].h.series, &h->series) == 0)
			return true;
	return false;
}

/* Stubs of what a forget of one of its subjects killed by its stamp. */
static void life_stubs(struct life *l)
{
	struct eng_prelude p, by;

	for (size_t i = 0; i < l->n; i++)
		for (size_t k = 0; k < l->n; k++) {
			struct eng_frame *f = &l->f[i], *stub = &l->f[l->n + l->nstubs];
			const struct eng_frame *forget = &l->f[k];
			struct eng_dot killer = {forget->h.series, forget->h.seq};
			if (f->h.kind == ENG_FORGET || !eng_is_item_frame(f) || forget->h.kind != ENG_FORGET ||
			    !eng_is_item_frame(forget) || forget->h.stamp < f->h.stamp ||
			    eng_prelude_decode(&p, f->payload, f->h.payload_len, NULL) < 0 ||
			    eng_prelude_decode(&by, forget->payload, forget->h.payload_len, NULL) < 0 ||
			    p.nsubjects != 1 ||
			    (memcmp(p.subjects, by.subjects, 16) != 0 &&
			     (by.nsubjects < 2 || memcmp(p.subjects, by.subjects + 16, 16) != 0)))
				continue;
			*stub = *f;
			uint8_t *payload = eng_arena_dup(&l->arena, f->payload, f->h.payload_len);
			if (eng_stub_make(payload, f->h.payload_len, &killer) < 0)
				abort();
			stub->h.flags |= ENG_FLAG_STUB;
			stub->payload = payload;
			l->stub_of[l->nstubs++] = i;
			break;
		}
}

static void life_make(struct life *l, struct eng_rng *g)
{
	size_t want = 2 + eng_rng_below(g, LIFE_FRAMES - 1);

	*l = (struct life){.arena = ENG_ARENA_INIT};
	while (l->n < want) {
		life_frame(l, g);
		if (life_knows(l, &l->f[l->n - 1].h, l->n - 1)) /* a branch that came out equal */
			l->n--;
	}
	life_stubs(l);
}

__attribute__((unused)) static void life_free(struct life *l)
{
	eng_arena_free(&l->arena);
}

/* -- replicas ----------------------------------------------------------------------- */

struct replica {
	struct eng_item items[LIFE_IDS];
	struct eng_edge edges[LIFE_EDGES]; /* by key */
	size_t nedges;
	struct eng_arena arena;
	struct engram_error err;
};

static void replica_init(struct replica *r)
{
	r->arena = ENG_ARENA_INIT;
	r->nedges = 0;
	for (unsigned i = 0; i < LIFE_IDS; i++) {
		struct engram_id id = life_id(i);
		eng_item_init(&r->items[i], &id, &r->arena);
	}
}

static void replica_free(struct replica *r)
{
	eng_arena_free(&r->arena);
}

static struct eng_edge *replica_edge(struct replica *r, const struct eng_edge_key *key)
{
	size_t at = 0;

	while (at < r->nedges && eng_edge_key_cmp(&r->edges[at].key, key) < 0)
		at++;
	if (at < r->nedges && eng_edge_key_cmp(&r->edges[at].key, key) == 0)
		return &r->edges[at];
	if (r->nedges == LIFE_EDGES)
		abort();
	memmove(&r->edges[at + 1], &r->edges[at], (r->nedges++ - at) * sizeof *r->edges);
	eng_edge_init(&r->edges[at], key, &r->arena);
	return &r->edges[at];
}

static eng_stamp replica_forgotten(const struct replica *r, const struct eng_edge_key *key)
{
	eng_stamp most = 0, s;

	for (unsigned i = 0; i < LIFE_IDS; i++)
		if (eng_id_cmp(&r->items[i].id, &key->from) == 0 || eng_id_cmp(&r->items[i].id, &key->to) == 0) {
			s = eng_item_forgotten(&r->items[i]);
			most = s > most ? s : most;
		}
	return most;
}

/* True: something changed. */
static bool replica_take_as(struct replica *r, const struct eng_frame *f, bool take_stub)
{
	struct eng_edge_frame e;
	struct eng_edge_key key;
	struct eng_edge_dot dot;
	struct eng_prelude p;
	bool changed, any = false;

	if (eng_prelude_decode(&p, f->payload, f->h.payload_len, &r->err) < 0)
		abort();
	for (unsigned i = 0; eng_is_item_frame(f) && i < p.nsubjects; i++)
		for (unsigned k = 0; k < LIFE_IDS; k++)
			if (memcmp(r->items[k].id.b, p.subjects + 16 * i, 16) == 0) {
				if (eng_item_add(&r->items[k], &changed, f, take_stub, &r->err) < 0)
					abort();
				any |= changed;
			}
	if (eng_edge_frame_begin(&e, f, &r->arena, &r->err) < 0)
		abort();
	while (eng_is_edge_frame(f) && eng_edge_frame_next(&e, &key, &dot)) {
		if (eng_edge_add(replica_edge(r, &key), &changed, &dot, &r->err) < 0)
			abort();
		any |= changed;
	}
	return any;
}

static bool replica_take(struct replica *r, const struct eng_frame *f)
{
	return replica_take_as(r, f, false);
}

/* Through the bytes of the state and back: what a later program finds. */
static void replica_restore(struct replica *r)
{
	struct eng_buf b = ENG_BUF_INIT;
	struct eng_edge_key key;
	struct engram_id id;

	for (unsigned i = 0; i < LIFE_IDS; i++) {
		eng_buf_reset(&b);
		id = r->items[i].id;
		if (eng_item_encode(&r->items[i], &b, &r->err) < 0 ||
		    eng_item_decode(&r->items[i], &id, b.p, b.n, &r->arena, &r->err) < 0)
			abort();
	}
	for (size_t i = 0; i < r->nedges; i++) {
		eng_buf_reset(&b);
		key = r->edges[i].key;
		if (r->edges[i].ndots && (eng_edge_encode(&r->edges[i], &b, &r->err) < 0 ||
		                          eng_edge_decode(&r->edges[i], &key, b.p, b.n, &r->arena, &r->err) < 0))
			abort();
	}
	eng_buf_free(&b);
}

/* What consolidation does: bodies that a forget killed become stubs, edges lose
 * what it killed. */
__attribute__((unused)) static void replica_collect(struct replica *r, const struct life *l)
{
	for (size_t i = 0; i < l->nstubs; i++) {
		const struct eng_frame *stub = &l->f[l->n + i];
		struct eng_prelude p;
		eng_prelude_decode(&p, stub->payload, stub->h.payload_len, NULL);
		for (unsigned k = 0; k < LIFE_IDS; k++) {
			struct eng_item *item = &r->items[k];
			struct eng_dot_record **dots;
			struct eng_dot *killers;
			size_t n;
			if (memcmp(item->id.b, p.subjects, 16) != 0)
				continue;
			if (eng_item_purgeable(item, &dots, &killers, &n, &r->err) < 0)
				abort();
			for (size_t d = 0; d < n; d++)
				if (dots[d]->header_check == stub->h.header_check && dots[d]->dot.seq == stub->h.seq) {
					replica_take_as(r, stub, true);
					break;
				}
		}
	}
	for (size_t i = 0; i < r->nedges; i++)
		eng_edge_purge(&r->edges[i], replica_forgotten(r, &r->edges[i].key));
}

/* -- what is compared ------------------------------------------------------------------ */

/* The bytes of the state: items and edges, one after the other. */
static void replica_bytes(struct replica *r, struct eng_buf *out)
{
	eng_buf_reset(out);
	for (unsigned i = 0; i < LIFE_IDS; i++)
		if (eng_item_encode(&r->items[i], out, &r->err) < 0)
			abort();
	for (size_t i = 0; i < r->nedges; i++)
		if (r->edges[i].ndots && eng_edge_encode(&r->edges[i], out, &r->err) < 0)
			abort();
}

static eng_u128 replica_digest(struct replica *r)
{
	eng_u128 sum, all = 0;

	for (unsigned i = 0; i < LIFE_IDS; i++) {
		if (eng_item_digest(&r->items[i], &sum, &r->err) < 0)
			abort();
		all += sum;
	}
	for (size_t i = 0; i < r->nedges; i++) {
		if (eng_edge_digest(&r->edges[i], &sum, replica_forgotten(r, &r->edges[i].key), &r->err) < 0)
			abort();
		all += sum;
	}
	return all;
}

static void say_winner(struct eng_buf *b, const struct eng_winner *w)
{
	if (w->dot)
		eng_buf_printf(b, " %c%u/%08x[%u]", w->dot->dot.series.b[0], (unsigned)w->dot->dot.seq,
		               (unsigned)w->dot->header_check, w->element->index);
	else
		eng_buf_str(b, " -");
}

static void say_item(struct eng_buf *b, const struct eng_item *item, struct engram_error *err)
{
	const eng_stamp *stamps;
	struct eng_verdicts v;
	struct eng_reading r;
	size_t n;

	if (eng_item_read(item, &r, err) < 0 || eng_item_rehearsals(item, &stamps, &n, err) < 0 ||
	    eng_item_verdicts(item, &v, err) < 0)
		abort();
	eng_buf_printf(b, "item %u live=%d forgotten=%llx stored=%lld kind=%d", item->id.b[15], r.live,
	               (unsigned long long)r.forgotten, (long long)r.stored_us, (int)r.kind);
	const struct eng_winner *all[] = {&r.text, &r.key, &r.confidence, &r.source, &r.meta, &r.vector};
	for (size_t i = 0; r.live && i < ENG_COUNT(all); i++)
		say_winner(b, all[i]);
	for (size_t i = 0; i < r.ntags; i++)
		say_winner(b, &r.tags[i]);
	for (size_t i = 0; i < r.nclaims; i++)
		say_winner(b, &r.claims[i].by);
	eng_buf_printf(b, " dots=%zu/%zu", r.nlive_dots, r.nlive_revisions);
	for (size_t i = 0; i < n && r.live; i++)
		eng_buf_printf(b, " @%llx", (unsigned long long)stamps[i]);
	eng_buf_printf(b, " %u:%u\n", r.live ? v.useful : 0, r.live ? v.useless : 0);
}

/* What it reads as, in words. */
static void replica_reading(struct replica *r, struct eng_buf *out)
{
	struct eng_edge_reading e;

	eng_buf_reset(out);
	for (unsigned i = 0; i < LIFE_IDS; i++)
		say_item(out, &r->items[i], &r->err);
	for (size_t i = 0; i < r->nedges; i++) {
		if (eng_edge_read(&r->edges[i], &e, replica_forgotten(r, &r->edges[i].key), &r->err) < 0)
			abort();
		if (e.ndots == 0)
			continue; /* one that only dead dots tell of */
		eng_buf_printf(out, "edge %u-%u %u%.*s live=%d %u %u", r->edges[i].key.from.b[15], r->edges[i].key.to.b[15],
		               r->edges[i].key.class, r->edges[i].key.n, r->edges[i].key.relation, e.live, e.weight,
		               e.confidence);
		for (size_t k = 0; k < e.ndots; k++)
			eng_buf_printf(out, " %c%u/%08x[%u]", e.dots[k]->dot.series.b[0], (unsigned)e.dots[k]->dot.seq,
			               (unsigned)e.dots[k]->header_check, e.dots[k]->index);
		eng_buf_byte(out, '\n');
	}
}

static bool replica_same(struct replica *a, struct replica *b, void (*as)(struct replica *, struct eng_buf *))
{
	struct eng_buf x = ENG_BUF_INIT, y = ENG_BUF_INIT;
	bool same;

	as(a, &x);
	as(b, &y);
	same = x.n == y.n && memcmp(x.p, y.p, x.n) == 0;
	eng_buf_free(&x);
	eng_buf_free(&y);
	return same;
}

/* -- deliveries -------------------------------------------------------------------------- */

/* Some frames of a life, in an order; a frame may be there in full, as a stub, or both. */
struct pick {
	const struct eng_frame *v[4 * LIFE_FRAMES];
	size_t n;
};

static void pick_shuffle(struct pick *p, struct eng_rng *g)
{
	for (size_t i = p->n; i > 1; i--) {
		size_t k = eng_rng_below(g, i);
		const struct eng_frame *t = p->v[i - 1];
		p->v[i - 1] = p->v[k];
		p->v[k] = t;
	}
}

/* About `part` of 4 of the frames, forgotten ones sometimes as stubs. */
static void pick_some(struct pick *p, const struct life *l, struct eng_rng *g, unsigned part, bool stubs)
{
	p->n = 0;
	for (size_t i = 0; i < l->n; i++)
		if (eng_rng_below(g, 4) < part)
			p->v[p->n++] = &l->f[i];
	for (size_t i = 0; stubs && i < l->nstubs; i++)
		if (eng_rng_below(g, 4) == 0)
			p->v[p->n++] = &l->f[l->n + i];
	pick_shuffle(p, g);
}

static void replica_take_all(struct replica *r, const struct pick *p)
{
	for (size_t i = 0; i < p->n; i++)
		replica_take(r, p->v[i]);
}

/* + : what r has, and then what p has, with the bytes of the state between. */
static void replica_join(struct replica *r, const struct pick *p)
{
	replica_restore(r);
	replica_take_all(r, p);
}

#endif
