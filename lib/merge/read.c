/* read.c - what an item reads as.
 *
 * One pass over the live dots, newest first.  Each single-valued field has two
 * slots, the newest statement of a revision and of a memory frame; the first
 * statement met fills the slot.  A CLEAR element is a statement of absence.
 *
 *     M@10 text=a conf=.5   R@20 conf=.9   M@30 text=b conf=.4
 *     text = b (newest of both kinds), confidence = .9 (revisions come first)
 *
 * Tags of all live dots are collected and sorted; a tag's newest add stands
 * for it. */
#include <stdlib.h>
#include <string.h>

#include "base/le.h"
#include "base/types.h"
#include "merge/merge_int.h"

enum { SLOTS = ENG_FIELDS };

struct slot {
	struct eng_winner statement; /* element NULL = nothing stated */
	bool clear;
};

struct scan {
	const struct eng_item *item;
	struct eng_reading *out;
	struct eng_liveness live;
	struct slot revision[SLOTS], memory[SLOTS];
	size_t tag_cap;
};

/* -- the pass ------------------------------------------------------------------- */

static void state(struct scan *s, const struct eng_dot_record *d, const struct eng_element *e, uint16_t field)
{
	struct slot *slot = d->kind == ENG_REVISION ? &s->revision[field] : &s->memory[field];

	if (!slot->statement.element)
		*slot = (struct slot){{d, e}, e->type == ENG_EL_CLEAR};
}

static int add_tag(struct scan *s, const struct eng_dot_record *d, const struct eng_element *e)
{
	struct eng_reading *r = s->out;
	size_t cap = s->tag_cap ? s->tag_cap * 2 : 8;
	struct eng_winner *tags;

	if (r->ntags == s->tag_cap) {
		tags = eng_arena_alloc(s->item->arena, cap * sizeof *tags);
		if (!tags)
			return ENGRAM_ENOMEM;
		if (r->ntags)
			memcpy(tags, r->tags, r->ntags * sizeof *tags);
		r->tags = tags;
		s->tag_cap = cap;
	}
	r->tags[r->ntags++] = (struct eng_winner){d, e};
	return 0;
}

/* Tags go by refs alone, so that an add which the remover did not see survives. */
static int take(struct scan *s, const struct eng_dot_record *d, const struct eng_element *e)
{
	uint16_t field = eng_element_field(e);

	if (e->type == ENG_EL_TAG)
		return add_tag(s, d, e);
	if (field)
		state(s, d, e, field);
	return 0;
}

static int take_dot(struct scan *s, size_t i)
{
	const struct eng_dot_record *d = &s->item->dots[i];
	const struct eng_element_kill *first, *end;
	int rc = 0;

	eng_liveness_kills(&s->live, i, &first, &end);
	for (size_t k = d->nelements; k-- > 0 && rc == 0;)
		if (!eng_element_dead(first, end, d->elements[k].index))
			rc = take(s, d, &d->elements[k]);
	return rc;
}

/* -- what follows from it --------------------------------------------------------- */

static struct slot slot_of(const struct scan *s, uint16_t type)
{
	const struct slot *r = &s->revision[type], *m = &s->memory[type];

	if (!r->statement.element)
		return *m;
	/* Dots lie in ascending order. */
	return type == ENG_EL_TEXT && m->statement.element && m->statement.dot > r->statement.dot ? *m : *r;
}

static struct eng_winner winner(const struct scan *s, uint16_t type)
{
	struct slot slot = slot_of(s, type);

	return slot.clear ? (struct eng_winner){NULL, NULL} : slot.statement;
}

/* The newest live element of a type in one dot. */
static const struct eng_element *live_element(const struct scan *s, const struct eng_dot_record *d, uint16_t type)
{
	const struct eng_element_kill *first, *end;

	eng_liveness_kills(&s->live, (size_t)(d - s->item->dots), &first, &end);
	for (size_t k = d->nelements; k-- > 0;)
		if (d->elements[k].type == type && !eng_element_dead(first, end, d->elements[k].index))
			return &d->elements[k];
	return NULL;
}

static uint64_t hash_of(const struct eng_winner *w)
{
	return w->element ? w->dot->hashes[w->element - w->dot->elements] : 0;
}

/* Whether a vector in d was made of the text that is shown. */
static bool fits_text(const struct scan *s, const struct eng_dot_record *d)
{
	const struct eng_winner *text = &s->out->text;
	struct eng_winner own = {d, live_element(s, d, ENG_EL_TEXT)};
	const struct eng_element *made_of = live_element(s, d, ENG_EL_MADE_OF);

	if (own.element)
		return text->element && hash_of(&own) == hash_of(text) && own.element->n == text->element->n;
	if (made_of)
		return text->element && eng_get64(made_of->p) == hash_of(text);
	return !text->element || d >= text->dot;
}

static bool clears_vector(const struct scan *s, const struct eng_dot_record *d)
{
	const struct eng_element_kill *first, *end;
	const struct eng_element *e;

	eng_liveness_kills(&s->live, (size_t)(d - s->item->dots), &first, &end);
	for (unsigned k = 0; k < d->nelements; k++) {
		e = &d->elements[k];
		if (e->type == ENG_EL_CLEAR && eng_get32(e->p) == ENG_EL_VECTOR && !eng_element_dead(first, end, e->index))
			return true;
	}
	return false;
}

bool eng_same_embedder(const struct eng_winner *a, const struct eng_winner *b)
{
	struct eng_embedder x = eng_vector_embedder(a), y = eng_vector_embedder(b);

	return x.dim == y.dim && eng_str_eq(x.name, y.name);
}

static void add_vectors(struct scan *s, const struct eng_dot_record *d)
{
	const struct eng_element_kill *first, *end;
	struct eng_reading *r = s->out;
	size_t i;

	eng_liveness_kills(&s->live, (size_t)(d - s->item->dots), &first, &end);
	for (size_t k = d->nelements; k-- > 0;) {
		struct eng_winner w = {d, &d->elements[k]};
		if (w.element->type != ENG_EL_VECTOR || eng_element_dead(first, end, w.element->index))
			continue;
		for (i = 0; i < r->nvectors && !eng_same_embedder(&r->vectors[i], &w); i++)
			;
		if (i == r->nvectors)
			r->vectors[r->nvectors++] = w;
	}
}

static size_t count_vectors(const struct eng_item *item)
{
	size_t n = 0;

	for (size_t i = 0; i < item->ndots; i++)
		for (size_t k = 0; item->dots[i].embedders && k < item->dots[i].nelements; k++)
			n += item->dots[i].elements[k].type == ENG_EL_VECTOR;
	return n;
}

/* Of each embedder the newest that fits; those that were cleared later do not
 * count. */
static int find_vectors(struct scan *s)
{
	const struct eng_dot_record *d;
	size_t n = count_vectors(s->item);

	if (n == 0)
		return 0;
	s->out->vectors = eng_arena_alloc(s->item->arena, n * sizeof *s->out->vectors);
	if (!s->out->vectors)
		return ENGRAM_ENOMEM;
	for (size_t i = s->item->ndots; i-- > 0;) {
		d = &s->item->dots[i];
		if (s->live.dead[i] || !eng_dot_states(d))
			continue;
		if (d->embedders && fits_text(s, d))
			add_vectors(s, d);
		if (clears_vector(s, d))
			break;
	}
	if (s->out->nvectors)
		s->out->vector = s->out->vectors[0];
	return 0;
}

static void set_winners(struct scan *s)
{
	struct eng_reading *r = s->out;
	struct eng_winner kind = winner(s, ENG_EL_KIND), stored = winner(s, ENG_EL_STORED);

	r->text = winner(s, ENG_EL_TEXT);
	r->key = winner(s, ENG_EL_KEY);
	r->confidence = winner(s, ENG_EL_CONFIDENCE);
	r->occurred = winner(s, ENG_EL_OCCURRED);
	r->valid_until = winner(s, ENG_EL_VALID_UNTIL);
	r->source = winner(s, ENG_EL_SOURCE);
	r->actor = winner(s, ENG_EL_ACTOR);
	r->meta = winner(s, ENG_EL_META);
	r->kind = kind.element && eng_get32(kind.element->p) == ENGRAM_CONCEPT ? ENGRAM_CONCEPT : ENGRAM_EPISODE;
	r->stored_us = stored.element ? (int64_t)eng_get64(stored.element->p)
	                              : eng_stamp_us(eng_item_first_stored(s->item, r->forgotten));
}

/* -- tags ------------------------------------------------------------------------- */

static int by_value(const struct eng_element *x, const struct eng_element *y)
{
	uint32_t n = x->n < y->n ? x->n : y->n;
	int c = n ? memcmp(x->p, y->p, n) : 0;

	return c ? c : (x->n > y->n) - (x->n < y->n);
}

/* By value, then newest first. */
static int by_tag(const void *a, const void *b)
{
	const struct eng_winner *x = a, *y = b;
	int c = by_value(x->element, y->element);

	if (c)
		return c;
	if (x->dot != y->dot)
		return x->dot > y->dot ? -1 : 1;
	return x->element->index > y->element->index ? -1 : x->element->index < y->element->index;
}

static void sort_tags(struct eng_reading *r)
{
	size_t n = 0;

	if (r->ntags > 1)
		qsort(r->tags, r->ntags, sizeof *r->tags, by_tag);
	for (size_t i = 0; i < r->ntags; i++)
		if (n == 0 || by_value(r->tags[n - 1].element, r->tags[i].element) != 0)
			r->tags[n++] = r->tags[i];
	r->ntags = n;
}

/* -- the whole ------------------------------------------------------------------- */

static int list_live(struct scan *s, struct engram_error *err)
{
	const struct eng_item *item = s->item;
	struct eng_reading *r = s->out;

	r->live_dots = eng_arena_alloc(item->arena, item->ndots * sizeof *r->live_dots);
	r->live_revisions = eng_arena_alloc(item->arena, item->ndots * sizeof *r->live_revisions);
	if (!r->live_dots || !r->live_revisions)
		return eng_err_nomem(err);
	for (size_t i = item->ndots; i-- > 0;) {
		if (s->live.dead[i])
			continue;
		if (item->dots[i].kind == ENG_MEMORY)
			r->live_dots[r->nlive_dots++] = &item->dots[i];
		else if (item->dots[i].kind == ENG_REVISION)
			r->live_revisions[r->nlive_revisions++] = &item->dots[i];
	}
	return 0;
}

/* One frame does not contradict itself. */
static int find_conflicts(const struct scan *s, struct engram_error *err)
{
	struct eng_winner won[SLOTS];

	if (s->out->nlive_dots + s->out->nlive_revisions < 2)
		return 0;
	for (uint16_t type = 0; type < SLOTS; type++)
		won[type] = slot_of(s, type).statement;
	won[ENG_EL_VECTOR] = s->out->vector;
	return eng_conflicts(s->out, s->item, &s->live, won, err);
}

static int read_live(struct scan *s, struct engram_error *err)
{
	for (size_t i = s->item->ndots; i-- > 0;)
		if (!s->live.dead[i] && eng_dot_states(&s->item->dots[i]) && take_dot(s, i))
			return eng_err_nomem(err);
	set_winners(s);
	if (find_vectors(s))
		return eng_err_nomem(err);
	sort_tags(s->out);
	return find_conflicts(s, err);
}

int eng_item_read(const struct eng_item *item, struct eng_reading *out, struct engram_error *err)
{
	struct scan s = {.item = item, .out = out};
	int rc;

	memset(out, 0, sizeof *out);
	rc = eng_liveness(item, &s.live, err);
	if (rc)
		return rc;
	out->forgotten = s.live.forgotten;
	rc = list_live(&s, err);
	if (rc)
		return rc;
	out->live = out->nlive_dots > 0;
	return out->live ? read_live(&s, err) : 0;
}
