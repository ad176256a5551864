/* item.c - taking frames into an item.
 *
 * An item is a set, kept as an array in (stamp, series, seq, header_check)
 * order.  The header check is the last tie-break: two frames that share a dot
 * because a series forked are two members, and no order of arrival prefers
 * one.
 *
 * Cost: frames of one series come in order, so an add is a comparison with
 * the last dot and one copy of the payload; out of order it is a binary
 * search and a move.
 *
 * The payload is copied into the arena, text included: what a cursor shows is
 * gone at its next step.  A batch, which holds its frames until it is done with
 * the item, spares the copy. */
#include <string.h>

#include "base/hash.h"
#include "base/le.h"
#include "merge/merge_int.h"

#ifdef ENG_PLANTABLE
int eng_planted;
#endif

void eng_item_init(struct eng_item *item, const struct engram_id *id, struct eng_arena *arena)
{
	*item = (struct eng_item){.id = *id, .arena = arena};
}

int eng_frame_order(eng_stamp a_stamp, const struct eng_dot *a, eng_stamp b_stamp, const struct eng_dot *b)
{
	int c;

	if (a_stamp != b_stamp || ENG_PLANTED(2))
		return a_stamp < b_stamp ? -1 : 1;
	c = eng_series_cmp(&a->series, &b->series);
	return c ? c : (a->seq > b->seq) - (a->seq < b->seq);
}

int eng_dot_order(const struct eng_dot_record *a, const struct eng_dot_record *b)
{
	int c = eng_frame_order(a->stamp, &a->dot, b->stamp, &b->dot);

	return c ? c : (a->header_check > b->header_check) - (a->header_check < b->header_check);
}

bool eng_element_inline(uint16_t type)
{
	if (type == ENG_EL_VERDICT || type == ENG_EL_FEATURES)
		return true;
	return type >= ENG_EL_KEY && type <= ENG_EL_MADE_OF && type != ENG_EL_VECTOR;
}

uint32_t eng_element_size(uint16_t type)
{
	switch (type) {
	case ENG_EL_KIND:
	case ENG_EL_CONFIDENCE:
	case ENG_EL_CLEAR:
	case ENG_EL_VERDICT:
		return 4;
	case ENG_EL_OCCURRED:
	case ENG_EL_VALID_UNTIL:
	case ENG_EL_STORED:
	case ENG_EL_SESSION:
	case ENG_EL_MADE_OF:
		return 8;
	default:
		return 0;
	}
}

/* -- reading a payload --------------------------------------------------------- */

static bool has_subject(const struct eng_prelude *p, const struct engram_id *id)
{
	for (unsigned i = 0; i < p->nsubjects; i++)
		if (memcmp(p->subjects + 16 * i, id->b, 16) == 0)
			return true;
	return false;
}

static int take_refs(struct eng_dot_record *d, const struct eng_prelude *p, struct eng_arena *arena,
                     struct engram_error *err)
{
	struct eng_ref *refs;

	if (p->nrefs == 0)
		return 0;
	refs = eng_arena_alloc(arena, p->nrefs * sizeof *refs);
	if (!refs)
		return eng_err_nomem(err);
	for (unsigned i = 0; i < p->nrefs; i++)
		refs[i] = eng_prelude_ref(p, i);
	d->refs = refs;
	d->nrefs = p->nrefs;
	return 0;
}

static int count_elements(size_t *n, const struct eng_prelude *p, const uint8_t *payload, size_t len,
                          struct engram_error *err)
{
	struct eng_elements it;
	struct eng_element e;
	uint32_t want;
	int rc;

	*n = 0;
	eng_elements_begin(&it, p, payload, len);
	while ((rc = eng_elements_next(&it, &e)) == 1) {
		want = eng_element_size(e.type);
		if (want && e.n != want)
			return eng_err(err, ENGRAM_EINPUT, "element %u of type %u: wanted %u bytes, found %u",
			               e.index, e.type, want, e.n);
		if (++*n > UINT16_MAX)
			return eng_err(err, ENGRAM_EINPUT, "wanted at most %u elements", UINT16_MAX);
	}
	return rc < 0 ? eng_err(err, ENGRAM_EINPUT, "element %zu: malformed", *n + 1) : 0;
}

static bool states(const struct eng_element *elements, size_t n, uint16_t type)
{
	for (size_t i = 0; i < n; i++)
		if (elements[i].type == type)
			return true;
	return false;
}

/* Vectors keep the name of their embedder at hand. */
static int take_embedders(struct eng_dot_record *d, const struct eng_element *elements, size_t n,
                          struct eng_arena *arena, struct engram_error *err)
{
	const uint8_t **heads;

	if (!states(elements, n, ENG_EL_VECTOR))
		return 0;
	heads = eng_arena_calloc(arena, n, sizeof *heads);
	if (!heads)
		return eng_err_nomem(err);
	for (size_t i = 0; i < n; i++)
		if (elements[i].type == ENG_EL_VECTOR)
			heads[i] = elements[i].p;
	d->embedders = heads;
	return 0;
}

static int take_elements(struct eng_dot_record *d, const struct eng_prelude *p, const uint8_t *payload, size_t len,
                         struct eng_arena *arena, struct engram_error *err)
{
	struct eng_element *elements;
	struct eng_elements it;
	uint64_t *hashes;
	size_t n;
	int rc = count_elements(&n, p, payload, len, err);

	if (rc || n == 0)
		return rc;
	elements = eng_arena_alloc(arena, n * sizeof *elements);
	hashes = eng_arena_alloc(arena, n * sizeof *hashes);
	if (!elements || !hashes)
		return eng_err_nomem(err);
	eng_elements_begin(&it, p, payload, len);
	for (size_t i = 0; i < n && eng_elements_next(&it, &elements[i]) == 1; i++)
		hashes[i] = eng_hash64(elements[i].p, elements[i].n);
	rc = take_embedders(d, elements, n, arena, err);
	if (rc)
		return rc;
	d->elements = elements;
	d->hashes = hashes;
	d->nelements = (uint16_t)n;
	return 0;
}

/* Fills in what the header does not tell.  id NULL: any. */
static int take_payload(struct eng_dot_record *d, const struct eng_frame *f, const struct engram_id *id,
                        struct eng_arena *arena, bool kept, struct engram_error *err)
{
	struct eng_prelude p;
	const uint8_t *payload = f->payload;
	size_t n = f->h.payload_len;
	int rc = eng_prelude_decode(&p, f->payload, n, err);

	if (rc)
		return rc;
	if (id && !has_subject(&p, id))
		return eng_err(err, ENGRAM_EINPUT, "prelude: the id is not among the %u subjects", p.nsubjects);
	d->in_run = p.has_run && d->kind != ENG_FORGET;
	if (d->stub || d->kind == ENG_FORGET)
		return take_refs(d, &p, arena, err);
	if (!kept)
		payload = eng_arena_dup(arena, f->payload, n);
	if (!payload)
		return eng_err_nomem(err);
	rc = take_refs(d, &p, arena, err);
	return rc ? rc : take_elements(d, &p, payload, n, arena, err);
}

int eng_frame_sensible(const struct eng_frame *f, struct engram_error *err)
{
	struct eng_prelude p;
	size_t n;
	int rc = eng_prelude_decode(&p, f->payload, f->h.payload_len, err);

	if (rc == 0 && f->h.kind == ENG_FORGET && f->h.flags & ENG_FLAG_STUB)
		return eng_err(err, ENGRAM_EINPUT, "frame: a forget is never a stub");
	if (rc < 0 || f->h.flags & ENG_FLAG_STUB)
		return rc;
	return count_elements(&n, &p, f->payload, f->h.payload_len, err);
}

/* -- the set ------------------------------------------------------------------- */

/* Where a dot is, or belongs; true = it is there. */
static bool find(const struct eng_item *item, const struct eng_dot_record *d, size_t *at)
{
	size_t lo = 0, hi = item->ndots, mid;
	int c;

	if (hi && (eng_dot_order(&item->dots[hi - 1], d) < 0 || ENG_PLANTED(101))) {
		*at = hi;
		return false;
	}
	while (lo < hi) {
		mid = lo + (hi - lo) / 2;
		c = eng_dot_order(&item->dots[mid], d);
		if (c == 0) {
			*at = mid;
			return true;
		}
		if (c < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	*at = lo;
	return false;
}

static bool grow(struct eng_item *item)
{
	size_t cap = item->cap ? item->cap * 2 : 4;
	struct eng_dot_record *dots;

	if (item->ndots < item->cap)
		return true;
	dots = eng_arena_alloc(item->arena, cap * sizeof *dots);
	if (!dots)
		return false;
	if (item->ndots)
		memcpy(dots, item->dots, item->ndots * sizeof *dots);
	item->dots = dots;
	item->cap = cap;
	return true;
}

static int insert(struct eng_item *item, size_t at, const struct eng_dot_record *d, struct engram_error *err)
{
	if (!grow(item))
		return eng_err_nomem(err);
	memmove(item->dots + at + 1, item->dots + at, (item->ndots - at) * sizeof *item->dots);
	item->dots[at] = *d;
	item->ndots++;
	return 0;
}

bool eng_is_item_frame(const struct eng_frame *f)
{
	struct eng_prelude p;

	if (f->h.version != ENG_FRAME_VERSION)
		return false;
	switch (f->h.kind) {
	case ENG_MEMORY:
	case ENG_REVISION:
	case ENG_FORGET:
		return true;
	case ENG_USE: /* of two subjects: about the pair (edge.h) */
	case ENG_FEEDBACK:
		return eng_prelude_decode(&p, f->payload, f->h.payload_len, NULL) == 0 && p.nsubjects == 1;
	default:
		return false;
	}
}

static struct eng_dot_record dot_of_header(const struct eng_frame *f)
{
	return (struct eng_dot_record){
		.dot = {f->h.series, f->h.seq},
		.header_check = f->h.header_check,
		.kind = f->h.kind,
		.stub = f->h.flags & ENG_FLAG_STUB,
		.stamp = f->h.stamp,
		.payload_check = f->h.payload_check,
		.payload_len = f->h.payload_len,
		.place = f->place,
	};
}

/* Whether the item has it already, or better. */
static bool is_here(const struct eng_item *item, const struct eng_dot_record *d, bool there, size_t at, bool take_stub)
{
	return there && (item->dots[at].stub == d->stub || (d->stub && !take_stub && !ENG_PLANTED(5)));
}

static int put(struct eng_item *item, bool *changed, const struct eng_dot_record *d, bool there, size_t at,
               struct engram_error *err)
{
	int rc = 0;

	if (there)
		item->dots[at] = *d;
	else
		rc = insert(item, at, d, err);
	*changed = rc == 0;
	return rc;
}

static int add(struct eng_item *item, bool *changed, const struct eng_frame *f, bool take_stub, bool kept,
               struct engram_error *err)
{
	struct eng_dot_record d = dot_of_header(f);
	bool there;
	size_t at;
	int rc;

	*changed = false;
	if (!eng_is_item_frame(f))
		return 0;
	if (d.kind == ENG_FORGET && d.stub)
		return eng_err(err, ENGRAM_EINPUT, "frame: a forget is never a stub");
	there = find(item, &d, &at) && !ENG_PLANTED(1);
	if (is_here(item, &d, there, at, take_stub))
		return 0;
	rc = take_payload(&d, f, &item->id, item->arena, kept, err);
	return rc ? rc : put(item, changed, &d, there, at, err);
}

int eng_item_add(struct eng_item *item, bool *changed, const struct eng_frame *f, bool take_stub,
                 struct engram_error *err)
{
	return add(item, changed, f, take_stub, false, err);
}

int eng_item_add_kept(struct eng_item *item, bool *changed, const struct eng_frame *f, struct engram_error *err)
{
	return add(item, changed, f, false, true, err);
}

/* -- dots that were made before ---------------------------------------------------- */

/* Its bytes in the arena; of a vector only those that name its embedder. */
static int keep_element(struct eng_element *e, const uint8_t **head, struct eng_arena *arena,
                        struct engram_error *err)
{
	bool vector = e->type == ENG_EL_VECTOR;
	size_t n = !vector ? e->n : e->n < 2 ? e->n : 2 + (size_t)eng_get16(e->p);
	const uint8_t *p = n ? eng_arena_dup(arena, e->p, n < e->n ? n : e->n) : NULL;

	if (n && !p)
		return eng_err_nomem(err);
	if (vector)
		*head = p;
	else if (n)
		e->p = p;
	return 0;
}

int eng_dot_of(struct eng_dot_record *out, const struct eng_frame *frame, struct eng_arena *arena,
               struct engram_error *err)
{
	struct eng_element *elements;
	const uint8_t **heads;
	int rc;

	*out = dot_of_header(frame);
	if (out->kind == ENG_FORGET && out->stub)
		return eng_err(err, ENGRAM_EINPUT, "frame: a forget is never a stub");
	rc = take_payload(out, frame, NULL, arena, true, err);
	elements = (struct eng_element *)(uintptr_t)out->elements; /* just made, in the arena */
	heads = (const uint8_t **)(uintptr_t)out->embedders;
	for (unsigned i = 0; rc == 0 && i < out->nelements; i++)
		rc = keep_element(&elements[i], heads ? &heads[i] : NULL, arena, err);
	return rc;
}

void eng_dot_leave_vectors(struct eng_dot_record *d)
{
	struct eng_element *elements = (struct eng_element *)(uintptr_t)d->elements;

	for (unsigned i = 0; i < d->nelements; i++)
		if (elements[i].type == ENG_EL_VECTOR)
			elements[i].p = NULL;
}

int eng_item_add_dot(struct eng_item *item, bool *changed, const struct eng_dot_record *d, struct engram_error *err)
{
	size_t at;
	bool there = find(item, d, &at);

	*changed = false;
	return is_here(item, d, there, at, false) ? 0 : put(item, changed, d, there, at, err);
}
