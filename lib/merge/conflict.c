/* conflict.c - what live frames say of a field beside the value that counts.
 *
 * A writer refs every live statement of the fields that it writes, so what is
 * still live beside the winner was written by one who had not seen it, or had
 * not looked (a plain store of the same text).
 *
 *     M1@10 text=a conf=.5     R2@20 conf=.9 refs M1[2]     R3@21 conf=.7 refs M1[2]
 *     confidence = .7; claims: .7 by R3, .9 by R2; conflicts: R2
 *     R4@30 conf=.8 refs R2[1], R3[1]: covers both, no conflict
 *
 * What a field lost to is compared by value: the same said twice is a rehearsal.
 * Within a frame the last element of a field is what it says.  No conflict are:
 * tags, which unite; the key, which the id follows from; when and in which
 * session it was said; and vectors that were made of a text. */
#include <stdlib.h>
#include <string.h>

#include "base/le.h"
#include "merge/merge_int.h"

uint16_t eng_element_field(const struct eng_element *e)
{
	uint32_t type = e->type == ENG_EL_CLEAR ? eng_get32(e->p) : e->type;

	return type > ENG_EL_END && type < ENG_FIELDS && type != ENG_EL_TAG ? (uint16_t)type : 0;
}

static bool has_conflicts(uint16_t field)
{
	return field && field != ENG_EL_KEY && field != ENG_EL_STORED && field != ENG_EL_SESSION;
}

/* -- values ---------------------------------------------------------------------- */

static uint64_t hash_of(const struct eng_winner *w)
{
	return w->dot->hashes[w->element - w->dot->elements];
}

/* An order of values; absent, by a CLEAR or for want of a statement, is the first. */
static int by_value(const struct eng_winner *x, const struct eng_winner *y)
{
	bool a = x->element && x->element->type != ENG_EL_CLEAR, b = y->element && y->element->type != ENG_EL_CLEAR;

	if (!a || !b)
		return (int)a - (int)b;
	if (x->element->n != y->element->n)
		return x->element->n < y->element->n ? -1 : 1;
	if (eng_element_inline(x->element->type))
		return x->element->n ? memcmp(x->element->p, y->element->p, x->element->n) : 0;
	return (hash_of(x) > hash_of(y)) - (hash_of(x) < hash_of(y));
}

static bool states_type(const struct eng_dot_record *d, uint16_t type)
{
	for (unsigned k = 0; k < d->nelements; k++)
		if (d->elements[k].type == type)
			return true;
	return false;
}

bool eng_own_vector(const struct eng_winner *w)
{
	return w->element->type == ENG_EL_VECTOR && !states_type(w->dot, ENG_EL_TEXT) &&
	       !states_type(w->dot, ENG_EL_MADE_OF);
}

static bool loses(const struct eng_winner *w, uint16_t field, const struct eng_winner *won)
{
	if (by_value(w, won) == 0)
		return false;
	if (field != ENG_EL_VECTOR)
		return true;
	return eng_own_vector(w) && (!won->dot || eng_same_embedder(w, won));
}

/* -- those that lost --------------------------------------------------------------- */

struct losers {
	struct eng_claim *v;
	size_t n, cap;
	struct eng_arena *arena;
};

static int add(struct losers *l, uint16_t field, const struct eng_winner *w)
{
	size_t cap = l->cap ? 2 * l->cap : 8;
	struct eng_claim *v;

	if (l->n == l->cap) {
		v = eng_arena_alloc(l->arena, cap * sizeof *v);
		if (!v)
			return ENGRAM_ENOMEM;
		if (l->n)
			memcpy(v, l->v, l->n * sizeof *v);
		l->v = v;
		l->cap = cap;
	}
	l->v[l->n++] = (struct eng_claim){field, *w};
	return 0;
}

static int collect_dot(struct losers *l, const struct eng_dot_record *d, const struct eng_liveness *live, size_t at,
                       const struct eng_winner won[ENG_FIELDS])
{
	const struct eng_element_kill *first, *end;
	unsigned said = 0;
	int rc = 0;

	eng_liveness_kills(live, at, &first, &end);
	for (size_t k = d->nelements; k-- > 0 && rc == 0;) {
		struct eng_winner w = {d, &d->elements[k]};
		uint16_t field = eng_element_field(w.element);
		if (!has_conflicts(field) || said >> field & 1 || eng_element_dead(first, end, w.element->index))
			continue;
		said |= 1u << field;
		if (loses(&w, field, &won[field]))
			rc = add(l, field, &w);
	}
	return rc;
}

static int by_field_value(const void *a, const void *b)
{
	const struct eng_claim *x = a, *y = b;
	int c = x->field != y->field ? (int)x->field - (int)y->field : by_value(&x->by, &y->by);

	if (c)
		return c;
	return x->by.dot > y->by.dot ? -1 : x->by.dot < y->by.dot;
}

static int by_field_age(const void *a, const void *b)
{
	const struct eng_claim *x = a, *y = b;

	if (x->field != y->field)
		return (int)x->field - (int)y->field;
	return x->by.dot > y->by.dot ? -1 : x->by.dot < y->by.dot;
}

/* Of each value the newest. */
static void unite(struct losers *l)
{
	size_t n = 0;

	qsort(l->v, l->n, sizeof *l->v, by_field_value);
	for (size_t i = 0; i < l->n; i++)
		if (n == 0 || l->v[n - 1].field != l->v[i].field || by_value(&l->v[n - 1].by, &l->v[i].by) != 0)
			l->v[n++] = l->v[i];
	l->n = n;
	qsort(l->v, l->n, sizeof *l->v, by_field_age);
}

/* -- as the reading has them ---------------------------------------------------------- */

static int by_age(const void *a, const void *b)
{
	const struct eng_dot_record *x = *(const struct eng_dot_record *const *)a;
	const struct eng_dot_record *y = *(const struct eng_dot_record *const *)b;

	return x > y ? -1 : x < y;
}

static bool set_frames(struct eng_reading *r, const struct losers *l)
{
	const struct eng_dot_record **v = eng_arena_alloc(l->arena, l->n * sizeof *v);
	size_t n = 0;

	if (!v)
		return false;
	for (size_t i = 0; i < l->n; i++)
		v[i] = l->v[i].by.dot;
	qsort(v, l->n, sizeof *v, by_age);
	for (size_t i = 0; i < l->n; i++)
		if (n == 0 || v[n - 1] != v[i])
			v[n++] = v[i];
	r->conflicts = v;
	r->nconflicts = n;
	return true;
}

static bool set_claims(struct eng_reading *r, const struct losers *l, const struct eng_winner won[ENG_FIELDS])
{
	struct eng_claim *v = eng_arena_alloc(l->arena, 2 * l->n * sizeof *v);
	size_t n = 0;

	if (!v)
		return false;
	for (size_t i = 0; i < l->n; i++) {
		uint16_t field = l->v[i].field;
		if (i == 0 || l->v[i - 1].field != field)
			v[n++] = (struct eng_claim){field, won[field]};
		v[n++] = l->v[i];
	}
	r->claims = v;
	r->nclaims = n;
	return true;
}

int eng_conflicts(struct eng_reading *r, const struct eng_item *item, const struct eng_liveness *live,
                  const struct eng_winner won[ENG_FIELDS], struct engram_error *err)
{
	struct losers l = {.arena = item->arena};

	for (size_t i = item->ndots; i-- > 0;)
		if (!live->dead[i] && eng_dot_states(&item->dots[i]) && collect_dot(&l, &item->dots[i], live, i, won))
			return eng_err_nomem(err);
	if (l.n == 0)
		return 0;
	unite(&l);
	return set_frames(r, &l) && set_claims(r, &l, won) ? 0 : eng_err_nomem(err);
}

/* -- what a writer has seen ------------------------------------------------------------ */

int eng_item_stated(const struct eng_item *item, struct eng_winner **out, size_t *n, struct engram_error *err)
{
	const struct eng_element_kill *first, *end;
	struct eng_liveness live;
	size_t most = 0;
	int rc = eng_liveness(item, &live, err);

	if (rc)
		return rc;
	for (size_t i = 0; i < item->ndots; i++)
		most += live.dead[i] || !eng_dot_states(&item->dots[i]) ? 0 : item->dots[i].nelements;
	*n = 0;
	*out = eng_arena_alloc(item->arena, (most + 1) * sizeof **out);
	if (!*out)
		return eng_err_nomem(err);
	for (size_t i = item->ndots; i-- > 0;) {
		const struct eng_dot_record *d = &item->dots[i];
		if (live.dead[i] || !eng_dot_states(d) || (ENG_PLANTED(9) && *n))
			continue;
		eng_liveness_kills(&live, i, &first, &end);
		for (unsigned k = 0; k < d->nelements; k++)
			if (!eng_element_dead(first, end, d->elements[k].index))
				(*out)[(*n)++] = (struct eng_winner){d, &d->elements[k]};
	}
	return 0;
}
