/* doc.c - what the tables hold of one item.
 *
 * A pure function of the item's reading: apply computes it before and after a
 * batch and writes the difference, the overlay computes it for raw items, and
 * --check computes it again and compares. */
#include "space/space_int.h"

#include "base/alloc.h"
#include "base/hash.h"

static uint64_t hash_of(const struct eng_winner *w)
{
	return w->dot ? XXH3_64bits(w->element->p, w->element->n) : 0;
}

static int64_t i64_of(const struct eng_winner *w, int64_t absent)
{
	return w->dot && w->element->n == 8 ? (int64_t)eng_get64(w->element->p) : absent;
}

static uint32_t u32_of(const struct eng_winner *w, uint32_t absent)
{
	return w->dot && w->element->n == 4 ? eng_get32(w->element->p) : absent;
}

static int copy_tags(struct eng_doc *d, const struct eng_item *item, const struct eng_reading *r,
                     struct engram_error *err)
{
	struct engram_str *tags;

	if (r->ntags == 0)
		return 0;
	tags = eng_arena_alloc(item->arena, r->ntags * sizeof *tags);
	if (!tags)
		return eng_err_nomem(err);
	for (size_t i = 0; i < r->ntags; i++)
		tags[i] = (struct engram_str){(const char *)r->tags[i].element->p, r->tags[i].element->n};
	d->tags = tags;
	d->ntags = r->ntags;
	return 0;
}

/* Malformed ones, which no writer of ours makes, are passed by. */
static int list_vectors(struct eng_doc *d, const struct eng_item *item, const struct eng_reading *r,
                        struct engram_error *err)
{
	struct eng_doc_vector *all;

	if (r->nvectors == 0)
		return 0;
	all = eng_arena_alloc(item->arena, r->nvectors * sizeof *all);
	if (!all)
		return eng_err_nomem(err);
	for (size_t i = 0; i < r->nvectors; i++) {
		const struct eng_winner *w = &r->vectors[i];
		struct eng_embedder who = eng_vector_embedder(w);
		if (who.dim < ENGRAM_DIM_MIN || who.dim > ENGRAM_DIM_MAX)
			continue;
		all[d->nvectors++] = (struct eng_doc_vector){
			who, {w->dot->dot, w->dot->place, w->element->index, w->element->n}, w->element->p};
	}
	d->vectors = all;
	return 0;
}

int eng_doc_of(struct eng_doc *d, const struct eng_item *item, const struct eng_reading *r, struct engram_error *err)
{
	int rc;

	*d = (struct eng_doc){.live = r->live};
	if (!r->live)
		return 0;
	d->brief = (struct eng_brief){
		.id = item->id,
		.when_us = i64_of(&r->occurred, r->stored_us),
		.stored_us = r->stored_us,
		.valid_until_us = i64_of(&r->valid_until, INT64_MAX),
		.source_hash = hash_of(&r->source),
		.actor_hash = hash_of(&r->actor),
		.confidence = (uint16_t)u32_of(&r->confidence, ENGRAM_CONFIDENCE_ONE),
		.kind = (uint8_t)r->kind,
		.live = 1,
	};
	if (r->text.dot) {
		d->text = (struct eng_text_at){r->text.dot->dot, r->text.dot->place, r->text.element->index,
		                               r->text.element->n};
		d->text_p = r->text.element->p;
	}
	rc = copy_tags(d, item, r, err);
	return rc ? rc : list_vectors(d, item, r, err);
}

int eng_doc_read(struct eng_doc *d, const struct eng_item *item, struct engram_error *err)
{
	struct eng_reading reading;
	int r;

	if (item->ndots == 0) {
		*d = (struct eng_doc){.live = false};
		return 0;
	}
	r = eng_item_read(item, &reading, err);
	return r < 0 ? r : eng_doc_of(d, item, &reading, err);
}

static int find_element(struct eng_element *out, const struct eng_frame *f, uint32_t index)
{
	struct eng_prelude p;
	struct eng_elements e;
	int r = eng_prelude_decode(&p, f->payload, f->h.payload_len, NULL);

	if (r < 0)
		return r;
	eng_elements_begin(&e, &p, f->payload, f->h.payload_len);
	while ((r = eng_elements_next(&e, out)) == 1)
		if (out->index == index)
			return 1;
	return r;
}

int eng_text_load(struct engram_str *out, struct eng_buf *b, struct engram_space *s, const struct eng_text_at *at,
                  struct engram_error *err)
{
	struct eng_element el;
	struct eng_frame f;
	int r;

	*out = (struct engram_str){0};
	if (at->dot.seq == 0)
		return 0;
	r = eng_log_read(s->log, &f, b, &at->dot.series, at->dot.seq, at->place, err);
	if (r < 0)
		return r;
	if (f.h.flags & ENG_FLAG_STUB)
		return eng_err(err, ENGRAM_ENOID, "frame %llu: its text was forgotten",
		               (unsigned long long)at->dot.seq);
	r = find_element(&el, &f, at->element);
	if (r != 1)
		return eng_err(err, ENGRAM_EDAMAGED, "frame %llu: wanted an element %u, found none",
		               (unsigned long long)at->dot.seq, at->element);
	*out = (struct engram_str){(const char *)el.p, el.n};
	return 0;
}
