/* edge.c - the set of dots of one edge, and what it reads as.
 *
 *     from A to B, "cites"     A@10 w=1    B@20 w=.5    A@30 w=0, refs B@20
 *     live                     A@30 (A@10 is older in the slot, B@20 is named)
 *     reads as                 no link: the only live slot says nothing
 *     B@40 w=.5                comes from one who had not heard: the link is
 *                              there again, with .5
 *
 * Refs count only against older dots.  A writer names what it saw, and its
 * stamp exceeds that of everything it saw, so nothing is lost by it; and it is
 * what allows a forget to drop the carrier of a ref (edge.h). */
#include "merge/edge.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/le.h"
#include "merge/merge_int.h"

#define ONE ENGRAM_CONFIDENCE_ONE

/* from 16, to 16, weight u16, confidence u16, relation */
enum { ELEMENT_FIXED = 36, ELEMENT_MAX = ELEMENT_FIXED + ENGRAM_RELATION_MAX };

int eng_edge_key_cmp(const struct eng_edge_key *a, const struct eng_edge_key *b)
{
	unsigned n = a->n < b->n ? a->n : b->n;
	int c = eng_id_cmp(&a->from, &b->from);

	if (c == 0)
		c = eng_id_cmp(&a->to, &b->to);
	if (c == 0)
		c = (a->class > b->class) - (a->class < b->class);
	if (c == 0 && n)
		c = memcmp(a->relation, b->relation, n);
	return c ? c : (a->n > b->n) - (a->n < b->n);
}

bool eng_relation_ok(const char *p, size_t n)
{
	if (n > ENGRAM_RELATION_MAX)
		return false;
	for (size_t i = 0; i < n; i++)
		if (!(p[i] >= 'a' && p[i] <= 'z') && !(p[i] >= '0' && p[i] <= '9') && p[i] != '.' && p[i] != '_' &&
		    p[i] != '-')
			return false;
	return true;
}

/* -- frames ---------------------------------------------------------------------- */

static bool speaks_of_edges(const struct eng_header *h, const struct eng_prelude *p)
{
	if (h->version != ENG_FRAME_VERSION || h->flags & ENG_FLAG_STUB || p->has_run)
		return false;
	return h->kind == ENG_EDGE || (h->kind == ENG_USE && p->nsubjects == 2);
}

bool eng_is_edge_frame(const struct eng_frame *f)
{
	struct eng_prelude p;

	return (f->h.kind == ENG_EDGE || f->h.kind == ENG_USE) &&
	       eng_prelude_decode(&p, f->payload, f->h.payload_len, NULL) == 0 && speaks_of_edges(&f->h, &p);
}

int eng_edge_frame_begin(struct eng_edge_frame *out, const struct eng_frame *f, struct eng_arena *arena,
                         struct engram_error *err)
{
	struct eng_ref *refs;

	*out = (struct eng_edge_frame){.frame = f};
	if (eng_prelude_decode(&out->prelude, f->payload, f->h.payload_len, NULL) < 0 ||
	    !speaks_of_edges(&f->h, &out->prelude))
		return 0;
	if (f->h.kind == ENG_USE) {
		out->pair = true;
		return 0;
	}
	eng_elements_begin(&out->elements, &out->prelude, f->payload, f->h.payload_len);
	if (out->prelude.nrefs == 0)
		return 0;
	refs = eng_arena_alloc(arena, out->prelude.nrefs * sizeof *refs);
	if (!refs)
		return eng_err_nomem(err);
	for (unsigned i = 0; i < out->prelude.nrefs; i++)
		refs[i] = eng_prelude_ref(&out->prelude, i);
	out->refs = refs;
	return 0;
}

static bool take_element(struct eng_edge_key *key, struct eng_edge_dot *dot, const struct eng_element *e)
{
	if (e->type != ENG_EL_EDGE || e->n < ELEMENT_FIXED || e->n > ELEMENT_MAX)
		return false;
	*key = (struct eng_edge_key){.class = ENG_EDGE_LINK, .n = (uint8_t)(e->n - ELEMENT_FIXED)};
	memcpy(key->from.b, e->p, 16);
	memcpy(key->to.b, e->p + 16, 16);
	memcpy(key->relation, e->p + ELEMENT_FIXED, key->n);
	dot->index = e->index;
	dot->weight = eng_get16(e->p + 32);
	dot->confidence = eng_get16(e->p + 34);
	return dot->weight <= ONE && dot->confidence <= ONE && eng_relation_ok(key->relation, key->n) &&
	       eng_id_cmp(&key->from, &key->to) != 0;
}

bool eng_edge_frame_next(struct eng_edge_frame *e, struct eng_edge_key *key, struct eng_edge_dot *dot)
{
	const struct eng_frame *f = e->frame;
	struct eng_element element;

	*dot = (struct eng_edge_dot){
		.dot = {f->h.series, f->h.seq},
		.header_check = f->h.header_check,
		.stamp = f->h.stamp,
		.place = f->place,
		.refs = e->refs,
		.nrefs = e->refs ? e->prelude.nrefs : 0,
	};
	if (e->pair) {
		e->pair = false;
		*key = (struct eng_edge_key){.class = ENG_EDGE_TOGETHER};
		key->from = eng_prelude_subject(&e->prelude, 0);
		key->to = eng_prelude_subject(&e->prelude, 1);
		return true;
	}
	while (e->elements.at && eng_elements_next(&e->elements, &element) == 1)
		if (take_element(key, dot, &element))
			return true;
	return false;
}

void eng_edge_element(struct eng_payload_out *o, const struct eng_edge_key *key, uint32_t weight, uint32_t confidence)
{
	uint8_t raw[ELEMENT_MAX];

	memcpy(raw, key->from.b, 16);
	memcpy(raw + 16, key->to.b, 16);
	eng_set16(raw + 32, (uint16_t)weight);
	eng_set16(raw + 34, (uint16_t)confidence);
	memcpy(raw + ELEMENT_FIXED, key->relation, key->n);
	eng_payload_element(o, ENG_EL_EDGE, raw, ELEMENT_FIXED + (size_t)key->n);
}

/* -- the set ----------------------------------------------------------------------- */

void eng_edge_init(struct eng_edge *e, const struct eng_edge_key *key, struct eng_arena *arena)
{
	*e = (struct eng_edge){.key = *key, .arena = arena};
}

int eng_edge_dot_order(const struct eng_edge_dot *a, const struct eng_edge_dot *b)
{
	int c = eng_frame_order(a->stamp, &a->dot, b->stamp, &b->dot);

	if (c)
		return c;
	if (a->header_check != b->header_check)
		return a->header_check < b->header_check ? -1 : 1;
	return (a->index > b->index) - (a->index < b->index);
}

static bool grow(struct eng_edge *e)
{
	size_t cap = e->cap ? e->cap * 2 : 4;
	struct eng_edge_dot *dots;

	if (e->ndots < e->cap)
		return true;
	dots = eng_arena_alloc(e->arena, cap * sizeof *dots);
	if (!dots)
		return false;
	if (e->ndots)
		memcpy(dots, e->dots, e->ndots * sizeof *dots);
	e->dots = dots;
	e->cap = cap;
	return true;
}

int eng_edge_add(struct eng_edge *e, bool *changed, const struct eng_edge_dot *d, struct engram_error *err)
{
	size_t at = e->ndots;
	int c = 1;

	*changed = false;
	while (at > 0 && (c = eng_edge_dot_order(&e->dots[at - 1], d)) > 0 && !ENG_PLANTED(104))
		at--;
	if (at > 0 && c == 0)
		return 0;
	if (!grow(e))
		return eng_err_nomem(err);
	memmove(e->dots + at + 1, e->dots + at, (e->ndots - at) * sizeof *e->dots);
	e->dots[at] = *d;
	e->ndots++;
	*changed = true;
	return 0;
}

size_t eng_edge_dead(const struct eng_edge *e, eng_stamp forgotten)
{
	size_t dead = 0;

	if (ENG_PLANTED(7))
		forgotten |= 0xffff;
	while (dead < e->ndots && e->dots[dead].stamp <= forgotten)
		dead++;
	return dead;
}

void eng_edge_purge(struct eng_edge *e, eng_stamp forgotten)
{
	size_t dead = eng_edge_dead(e, forgotten);

	e->dots += dead;
	e->ndots -= dead;
	e->cap -= dead;
}

/* -- reading ------------------------------------------------------------------------ */

static bool names(const struct eng_ref *r, const struct eng_edge_dot *d)
{
	return r->dot.seq == d->dot.seq && r->header_check == d->header_check &&
	       (r->index == 0 || r->index == d->index) && eng_series_cmp(&r->dot.series, &d->dot.series) == 0;
}

/* Whether a later dot replaces dots[i]. */
static bool replaced(const struct eng_edge *e, size_t i)
{
	const struct eng_edge_dot *d = &e->dots[i];

	if (e->key.class != ENG_EDGE_LINK)
		return false;
	for (size_t j = i + 1; j < e->ndots; j++) {
		if (eng_series_cmp(&e->dots[j].dot.series, &d->dot.series) == 0)
			return true;
		for (unsigned k = 0; k < e->dots[j].nrefs; k++)
			if (e->dots[j].stamp > d->stamp && names(&e->dots[j].refs[k], d))
				return true;
	}
	return false;
}

static int by_series(const void *a, const void *b)
{
	const struct eng_edge_dot *x = *(const struct eng_edge_dot *const *)a;
	const struct eng_edge_dot *y = *(const struct eng_edge_dot *const *)b;

	return eng_series_cmp(&x->dot.series, &y->dot.series);
}

/* In the order of the series, since each step rounds. */
static int fold(struct eng_edge_reading *r, struct eng_arena *arena, struct engram_error *err)
{
	const struct eng_edge_dot **slots = eng_arena_dup(arena, r->dots, r->ndots * sizeof *slots);
	uint64_t sum = 0, sure = 0, doubt = ONE;

	if (!slots)
		return eng_err_nomem(err);
	qsort(slots, r->ndots, sizeof *slots, by_series);
	for (size_t i = 0; i < r->ndots; i++) {
		uint64_t c = slots[i]->weight ? slots[i]->confidence : 0;
		sum += c * slots[i]->weight;
		sure += c;
		doubt = (doubt * (ONE - c) + ONE / 2) / ONE;
	}
	r->live = sure > 0;
	r->weight = sure ? (uint32_t)((sum + sure / 2) / sure) : 0;
	r->confidence = (uint32_t)(ONE - doubt);
	return 0;
}

int eng_edge_read(const struct eng_edge *e, struct eng_edge_reading *out, eng_stamp forgotten, struct engram_error *err)
{
	*out = (struct eng_edge_reading){.live = false};
	if (e->ndots == 0)
		return 0;
	out->dots = eng_arena_alloc(e->arena, e->ndots * sizeof *out->dots);
	if (!out->dots)
		return eng_err_nomem(err);
	for (size_t i = 0; i < e->ndots; i++)
		if (e->dots[i].stamp > forgotten && !replaced(e, i))
			out->dots[out->ndots++] = &e->dots[i];
	if (out->ndots == 0)
		return 0;
	out->live = true;
	return e->key.class == ENG_EDGE_LINK ? fold(out, e->arena, err) : 0;
}
