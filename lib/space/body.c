/* body.c - a whole memory out of an item: small fields from the item, text and
 * vector from the log.
 *
 * Everything is copied into the caller's arena, so that a memory outlives the
 * snapshot it came from. */
#include "space/space_int.h"

#include "base/alloc.h"

/* The frame that was read last: text and vector are mostly in the same. */
struct source {
	struct engram_space *space;
	struct eng_arena *arena;
	struct eng_buf b;
	struct eng_frame frame;
	bool loaded;
};

static int load_frame(struct source *src, const struct eng_dot_record *dot, struct engram_error *err)
{
	int r;

	if (src->loaded && src->frame.h.seq == dot->dot.seq &&
	    eng_series_cmp(&src->frame.h.series, &dot->dot.series) == 0)
		return 0;
	src->loaded = false;
	r = eng_log_read(src->space->log, &src->frame, &src->b, &dot->dot.series, dot->dot.seq, dot->place, err);
	if (r < 0)
		return r;
	if (src->frame.h.flags & ENG_FLAG_STUB)
		return eng_err(err, ENGRAM_ENOID, "frame %llu: it was forgotten", (unsigned long long)dot->dot.seq);
	src->loaded = true;
	return 0;
}

/* The bytes of one element, in the arena. */
static int load_element(struct engram_str *out, struct source *src, const struct eng_dot_record *dot, uint32_t index,
                        struct engram_error *err)
{
	struct eng_prelude p;
	struct eng_elements e;
	struct eng_element el;
	int r = load_frame(src, dot, err);

	if (r == 0)
		r = eng_prelude_decode(&p, src->frame.payload, src->frame.h.payload_len, err);
	if (r < 0)
		return r;
	eng_elements_begin(&e, &p, src->frame.payload, src->frame.h.payload_len);
	while ((r = eng_elements_next(&e, &el)) == 1)
		if (el.index == index)
			return eng_arena_str(src->arena, out, (struct engram_str){(const char *)el.p, el.n}) < 0
			               ? eng_err_nomem(err)
			               : 0;
	return eng_err(err, ENGRAM_EDAMAGED, "frame %llu: wanted an element %u, found none",
	               (unsigned long long)dot->dot.seq, index);
}

static int winner_bytes(struct engram_str *out, struct source *src, const struct eng_dot_record *dot,
                        const struct eng_element *el, struct engram_error *err)
{
	if (!el->p && el->n > 0)
		return load_element(out, src, dot, el->index, err);
	if (eng_arena_str(src->arena, out, (struct engram_str){el->n ? (const char *)el->p : "", el->n}) < 0)
		return eng_err_nomem(err);
	return 0;
}

/* u16 identity length, identity, zeros to a multiple of 4, floats. */
static int set_vector(struct engram_memory *m, struct source *src, struct engram_str bytes, struct engram_error *err)
{
	const uint8_t *p = (const uint8_t *)bytes.p;
	size_t name = bytes.n >= 2 ? eng_get16(p) : 0, floats = (2 + name + 3) & ~(size_t)3;
	float *v;

	if (bytes.n < floats + 4)
		return eng_err(err, ENGRAM_EDAMAGED, "vector: wanted an identity and numbers, found %zu bytes",
		               bytes.n);
	m->dim = (bytes.n - floats) / 4;
	v = eng_arena_alloc(src->arena, m->dim * sizeof *v);
	if (!v)
		return eng_err_nomem(err);
	for (size_t i = 0; i < m->dim; i++) {
		uint32_t bits = eng_get32(p + floats + 4 * i);
		memcpy(&v[i], &bits, sizeof bits);
	}
	m->vector = v;
	if (name)
		m->embedder = (struct engram_str){bytes.p + 2, name};
	m->has |= ENGRAM_VECTOR;
	return 0;
}

/* One element of a memory or revision frame into its field. */
static int set_field(struct engram_memory *m, struct source *src, const struct eng_dot_record *dot,
                     const struct eng_element *el, struct engram_error *err)
{
	struct engram_str bytes;
	int r = winner_bytes(&bytes, src, dot, el, err);

	if (r < 0)
		return r;
	switch (el->type) {
	case ENG_EL_TEXT:
		m->text = bytes;
		m->has |= ENGRAM_TEXT;
		break;
	case ENG_EL_KEY:
		m->key = bytes;
		m->has |= ENGRAM_KEY;
		break;
	case ENG_EL_SOURCE:
		m->source = bytes;
		m->has |= ENGRAM_SOURCE;
		break;
	case ENG_EL_ACTOR:
		m->actor = bytes;
		m->has |= ENGRAM_ACTOR;
		break;
	case ENG_EL_META:
		m->meta = bytes;
		m->has |= ENGRAM_META;
		break;
	case ENG_EL_CONFIDENCE:
		m->confidence = bytes.n == 4 ? eng_get32(bytes.p) : 0;
		m->has |= ENGRAM_CONFIDENCE;
		break;
	case ENG_EL_KIND:
		m->kind = bytes.n == 4 ? (enum engram_kind)eng_get32(bytes.p) : ENGRAM_EPISODE;
		m->has |= ENGRAM_KIND;
		break;
	case ENG_EL_OCCURRED:
		m->occurred_us = bytes.n == 8 ? (int64_t)eng_get64(bytes.p) : 0;
		m->has |= ENGRAM_OCCURRED;
		break;
	case ENG_EL_VALID_UNTIL:
		m->valid_until_us = bytes.n == 8 ? (int64_t)eng_get64(bytes.p) : 0;
		m->has |= ENGRAM_VALID_UNTIL;
		break;
	case ENG_EL_STORED:
		m->stored_us = bytes.n == 8 ? (int64_t)eng_get64(bytes.p) : 0;
		break;
	case ENG_EL_VECTOR:
		return set_vector(m, src, bytes, err);
	default:
		break;
	}
	return 0;
}

static int set_tags(struct engram_memory *m, struct source *src, const struct engram_str *tags, size_t n,
                    struct engram_error *err)
{
	struct engram_str *out;

	if (n == 0)
		return 0;
	out = eng_arena_calloc(src->arena, n, sizeof *out);
	if (!out)
		return eng_err_nomem(err);
	for (size_t i = 0; i < n; i++)
		if (eng_arena_str(src->arena, &out[i], tags[i]) < 0)
			return eng_err_nomem(err);
	m->tags = out;
	m->ntags = n;
	m->has |= ENGRAM_TAGS;
	return 0;
}

/* -- what others say ---------------------------------------------------------------------- */

struct stated {
	const struct eng_winner *at;
	size_t n;
};

/* Tags of one frame stand in the order given, which a draft makes sorted. */
static int set_own_tags(struct engram_memory *m, struct source *src, const struct stated *all,
                        const struct eng_dot_record *dot, struct engram_error *err)
{
	struct engram_str *tags = eng_arena_alloc(src->arena, (dot->nelements + 1u) * sizeof *tags);
	size_t n = 0;

	if (!tags)
		return eng_err_nomem(err);
	for (size_t i = 0; i < all->n; i++)
		if (all->at[i].dot == dot && all->at[i].element->type == ENG_EL_TAG)
			tags[n++] = (struct engram_str){(const char *)all->at[i].element->p, all->at[i].element->n};
	return set_tags(m, src, tags, n, err);
}

static unsigned field_of(uint16_t type)
{
	static const unsigned fields[] = {
		[ENG_EL_TEXT] = ENGRAM_TEXT,         [ENG_EL_KIND] = ENGRAM_KIND,
		[ENG_EL_CONFIDENCE] = ENGRAM_CONFIDENCE, [ENG_EL_OCCURRED] = ENGRAM_OCCURRED,
		[ENG_EL_VALID_UNTIL] = ENGRAM_VALID_UNTIL, [ENG_EL_SOURCE] = ENGRAM_SOURCE,
		[ENG_EL_ACTOR] = ENGRAM_ACTOR,       [ENG_EL_META] = ENGRAM_META,
		[ENG_EL_VECTOR] = ENGRAM_VECTOR,
	};

	return type < ENG_COUNT(fields) ? fields[type] : 0;
}

/* What one statement says: the last of a field counts. */
static int set_statement(struct engram_memory *m, struct source *src, const struct eng_winner *w,
                         struct engram_error *err)
{
	unsigned field = field_of(eng_element_field(w->element));

	if (w->element->type != ENG_EL_CLEAR) {
		m->cleared &= ~field;
		return set_field(m, src, w->dot, w->element, err);
	}
	m->has &= ~field;
	m->cleared |= field;
	return 0;
}

/* What is still said by one frame.  Of its kind: what it states, else that of the
 * memory, for it does not say another. */
static int build_sibling(struct engram_memory *m, struct source *src, const struct engram_memory *memory,
                         const struct stated *all, const struct eng_dot_record *dot, struct engram_error *err)
{
	int r = 0;

	*m = (struct engram_memory){.id = memory->id, .kind = memory->kind, .stored_us = eng_stamp_us(dot->stamp)};
	m->has = ENGRAM_ID | ENGRAM_KIND | ENGRAM_STORED;
	for (size_t i = 0; r == 0 && i < all->n; i++)
		if (all->at[i].dot == dot)
			r = set_statement(m, src, &all->at[i], err);
	m->has |= ENGRAM_KIND;
	return r == 0 ? set_own_tags(m, src, all, dot, err) : r;
}

static int build_siblings(struct engram_memory *m, struct source *src, const struct eng_item *item,
                          const struct eng_reading *r, struct engram_error *err)
{
	struct engram_memory *out = eng_arena_calloc(src->arena, r->nconflicts, sizeof *out);
	struct eng_winner *at;
	struct stated all;
	int rc = out ? eng_item_stated(item, &at, &all.n, err) : eng_err_nomem(err);

	for (size_t i = 0; rc == 0 && i < r->nconflicts; i++) {
		all.at = at;
		rc = build_sibling(&out[i], src, m, &all, r->conflicts[i], err);
	}
	m->conflicts = out;
	m->nconflicts = r->nconflicts;
	return rc;
}

static int build_claim(struct engram_claim *out, struct source *src, const struct eng_claim *c,
                       struct engram_error *err)
{
	struct engram_memory *value = eng_arena_calloc(src->arena, 1, sizeof *value);

	if (!value)
		return eng_err_nomem(err);
	*out = (struct engram_claim){.field = (enum engram_field)field_of(c->field), .value = value,
	                             .stored_us = INT64_MIN};
	if (!c->by.dot)
		return 0;
	out->stored_us = eng_stamp_us(c->by.dot->stamp);
	eng_series_name(out->series, &c->by.dot->dot.series);
	return set_statement(value, src, &c->by, err);
}

static int build_claims(struct engram_memory *m, struct source *src, const struct eng_reading *r,
                        struct engram_error *err)
{
	struct engram_claim *all = eng_arena_calloc(src->arena, r->nclaims, sizeof *all);
	int rc = all ? 0 : eng_err_nomem(err);

	for (size_t i = 0; rc == 0 && i < r->nclaims; i++)
		rc = build_claim(&all[i], src, &r->claims[i], err);
	m->claims = all;
	m->nclaims = r->nclaims;
	return rc;
}

/* -- the memory ------------------------------------------------------------------------- */

int eng_memory_build(struct engram_memory *out, struct engram_space *s, const struct eng_item *item,
                     const struct eng_reading *r, struct eng_arena *arena, struct engram_error *err)
{
	const struct eng_winner *const fields[] = {
		&r->text, &r->vector, &r->key, &r->confidence, &r->occurred, &r->valid_until, &r->source, &r->actor,
		&r->meta,
	};
	struct source src = {.space = s, .arena = arena};
	struct engram_memory m = {.id = item->id, .kind = r->kind, .stored_us = r->stored_us};
	struct eng_doc d = {.live = true};
	int rc = 0;

	m.has = ENGRAM_ID | ENGRAM_KIND | ENGRAM_STORED;
	for (size_t i = 0; rc == 0 && i < ENG_COUNT(fields); i++)
		if (fields[i]->dot)
			rc = set_field(&m, &src, fields[i]->dot, fields[i]->element, err);
	if (rc == 0)
		rc = eng_doc_of(&d, item, r, err);
	if (rc == 0)
		rc = set_tags(&m, &src, d.tags, d.ntags, err);
	if (rc == 0 && r->nconflicts)
		rc = build_siblings(&m, &src, item, r, err);
	if (rc == 0 && r->nconflicts)
		rc = build_claims(&m, &src, r, err);
	if (rc == 0)
		*out = m;
	eng_buf_free(&src.b);
	return rc;
}
