/* link.c - edge frames: what one memory leads to.
 *
 * A store has one slot for each link (edge.h): saying it again replaces what
 * this store said, and nothing is written where it says the same.  Slots of
 * series that this store wrote before (it was restored, or copied) are named by
 * refs, so that it does not speak twice; taking a link back names all that it
 * saw, and leaves alone what it did not see.
 *
 * The links of one call share a frame, since they share an end: forgetting that
 * memory turns the whole frame into a stub.  A link with refs has a frame of
 * its own, since refs count for all edges of a frame. */
#include <stdlib.h>

#include "base/alloc.h"
#include "base/hash.h"
#include "space/writer_int.h"

/* Contract of the format: one edge frame is small enough to be read whole. */
#define FRAME_MAX (64u << 10)
#define ELEMENT_ROOM 128u

void engram_link_init(struct engram_link *link)
{
	*link = (struct engram_link){.weight = ENGRAM_CONFIDENCE_ONE, .confidence = ENGRAM_CONFIDENCE_ONE};
}

static int make_key(struct eng_edge_key *key, const struct engram_space *s, const struct engram_id *from,
                    const struct engram_link *l, struct engram_error *err)
{
	const struct engram_memory named = {.has = ENGRAM_KEY, .key = l->key};
	int r = eng_link_validate(l, err);

	if (r < 0)
		return r;
	*key = (struct eng_edge_key){.from = *from, .to = l->to, .class = ENG_EDGE_LINK};
	if (l->key.p)
		key->to = eng_memory_id(&s->id, &named);
	if (l->relation.p) {
		key->n = (uint8_t)l->relation.n;
		memcpy(key->relation, l->relation.p, key->n);
	}
	if (eng_id_cmp(&key->from, &key->to) == 0)
		return eng_err(err, ENGRAM_EINPUT, "to: wanted another memory, found the same");
	return 0;
}

/* -- edges that the view does not show yet -------------------------------------------------------------- */

/* A set of hashes; one that stands for two edges costs a look at the log. */
static uint64_t edge_hash(const struct eng_edge_key *key)
{
	uint8_t raw[ENG_EDGE_KEY_MAX];

	return XXH3_64bits(raw, eng_edge_key_encode(raw, key, false)) | 1; /* 0 = free */
}

static uint64_t *edge_slot(struct engram_writer *w, uint64_t hash)
{
	size_t at = (size_t)(hash >> 40);

	for (at &= UNSEEN_EDGES - 1; w->edges[at] && w->edges[at] != hash; at = (at + 1) & (UNSEEN_EDGES - 1))
		;
	return &w->edges[at];
}

static bool pending(struct engram_writer *w, const struct eng_edge_key *key)
{
	return *edge_slot(w, edge_hash(key)) != 0;
}

static int mark(struct engram_writer *w, const struct eng_edge_key *key, struct engram_error *err)
{
	uint64_t hash = edge_hash(key), *slot;
	int r = w->nedges >= UNSEEN_EDGES / 2 ? eng_writer_look(w, err) : 0;

	if (r < 0)
		return r;
	slot = edge_slot(w, hash);
	w->nedges += *slot == 0;
	*slot = hash;
	return 0;
}

int eng_writer_see_edge(struct engram_writer *w, struct eng_edge *e, eng_stamp *forgotten,
                        const struct eng_edge_key *key, struct eng_arena *arena, struct engram_error *err)
{
	const struct engram_id *ends[2] = {&key->from, &key->to};
	bool current = w->viewing && !w->strange && !pending(w, key);
	struct eng_item item;
	uint32_t doc;
	int r = current ? 0 : eng_writer_look(w, err);

	*forgotten = 0;
	if (r == 0)
		r = eng_view_edge(&w->view, e, key, arena, err);
	for (unsigned i = 0; r == 0 && e->ndots && i < 2; i++) {
		r = eng_view_item(&w->view, &item, &doc, ends[i], arena, err);
		if (r == 0 && eng_item_forgotten(&item) > *forgotten)
			*forgotten = eng_item_forgotten(&item);
	}
	return r;
}

/* -- which of them need saying --------------------------------------------------------- */

static bool is_own(const struct eng_series_info *infos, size_t n, const struct eng_series *series, bool active)
{
	for (size_t i = 0; i < n; i++)
		if (eng_series_cmp(&infos[i].series, series) == 0)
			return infos[i].own && infos[i].active == active;
	return false;
}

const struct eng_series *eng_writer_series(struct engram_writer *w, struct engram_error *err)
{
	const struct eng_series_info *infos;
	size_t n;

	if (eng_space_series(w->space, &infos, &n, err) < 0)
		return NULL;
	for (size_t i = 0; i < n; i++)
		if (infos[i].own && infos[i].active)
			return &infos[i].series;
	return NULL;
}

/* Whether nothing need be written; what it would replace are l's refs. */
static int compare(struct engram_writer *w, struct eng_link_draft *l, const struct eng_edge_reading *r,
                   struct eng_arena *arena, struct engram_error *err)
{
	const struct eng_series_info *infos;
	struct eng_ref *refs = eng_arena_alloc(arena, (r->ndots + 1) * sizeof *refs);
	size_t n;
	int rc = refs ? eng_space_series(w->space, &infos, &n, err) : eng_err_nomem(err);

	if (rc < 0)
		return rc;
	l->known = l->weight ? w->flags & ENGRAM_BULK && r->live && r->weight == l->weight &&
	                               r->confidence == l->confidence
	                     : !r->live;
	for (size_t i = 0; i < r->ndots; i++) {
		const struct eng_edge_dot *d = r->dots[i];
		if (is_own(infos, n, &d->dot.series, true))
			l->known = l->known ||
			           (l->weight && d->weight == l->weight && d->confidence == l->confidence);
		else if (l->weight == 0 || is_own(infos, n, &d->dot.series, false))
			refs[l->nrefs++] = (struct eng_ref){d->dot, d->header_check, d->index};
	}
	l->refs = refs;
	return 0;
}

static int look(struct engram_writer *w, struct eng_link_draft *l, struct eng_arena *arena, struct engram_error *err)
{
	struct eng_edge_reading reading;
	eng_stamp forgotten;
	struct eng_edge e;
	int r = eng_writer_see_edge(w, &e, &forgotten, &l->key, arena, err);

	if (r == 0 && e.ndots == 0)
		l->known = l->weight == 0;
	if (r < 0 || e.ndots == 0)
		return r;
	r = eng_edge_read(&e, &reading, forgotten, err);
	return r == 0 ? compare(w, l, &reading, arena, err) : r;
}

static int by_key(const void *a, const void *b)
{
	const struct eng_link_draft *x = *(struct eng_link_draft *const *)a, *y = *(struct eng_link_draft *const *)b;
	int c = eng_edge_key_cmp(&x->key, &y->key);

	return c ? c : (x > y) - (x < y);
}

/* Of what is said twice the last counts. */
static int drop_repeated(struct eng_links *set, struct engram_error *err)
{
	struct eng_link_draft **order = eng_calloc(set->n, sizeof *order);

	if (!order)
		return eng_err_nomem(err);
	for (size_t i = 0; i < set->n; i++)
		order[i] = &set->at[i];
	qsort(order, set->n, sizeof *order, by_key);
	for (size_t i = 0; i + 1 < set->n; i++)
		order[i]->repeated = eng_edge_key_cmp(&order[i]->key, &order[i + 1]->key) == 0;
	eng_free(order);
	return 0;
}

int eng_links_prepare(struct eng_links *set, struct engram_writer *w, const struct engram_id *from,
                      const struct engram_link *links, size_t n, struct engram_error *err)
{
	int r = 0;

	*set = (struct eng_links){.arena = ENG_ARENA_INIT};
	if (n == 0)
		return 0;
	set->at = eng_calloc(n, sizeof *set->at);
	if (!set->at)
		return eng_err_nomem(err);
	for (size_t i = 0; r == 0 && i < n; i++) {
		struct eng_link_draft *l = &set->at[i];
		r = make_key(&l->key, w->space, from, &links[i], err);
		l->weight = links[i].weight;
		l->confidence = links[i].confidence;
		if (r < 0)
			eng_err_prefix(err, "links: %zu", i + 1);
	}
	set->n = n;
	if (r == 0)
		r = drop_repeated(set, err);
	for (size_t i = 0; r == 0 && i < n; i++) {
		if (set->at[i].repeated)
			set->at[i].known = true;
		else
			r = look(w, &set->at[i], &set->arena, err);
		set->any = set->any || !set->at[i].known;
	}
	if (r < 0)
		eng_links_free(set);
	return r;
}

void eng_links_free(struct eng_links *set)
{
	eng_free(set->at);
	eng_arena_free(&set->arena);
	*set = (struct eng_links){.arena = ENG_ARENA_INIT};
}

/* -- saying them -------------------------------------------------------------------------- */

struct frame {
	struct engram_writer *w;
	struct eng_payload_out o;
	bool open;
};

static int frame_end(struct frame *f, struct engram_error *err)
{
	bool open = f->open;

	f->open = false;
	return open ? eng_writer_end(&f->o, f->w, ENG_EDGE, err) : 0;
}

static int frame_add(struct frame *f, const struct eng_link_draft *l, const struct eng_ref *refs, size_t nrefs,
                     struct engram_error *err)
{
	int r = 0;

	if (f->open && (nrefs || f->o.b->n - f->o.start > FRAME_MAX - ELEMENT_ROOM))
		r = frame_end(f, err);
	if (r == 0 && !f->open)
		r = eng_writer_begin(&f->o, f->w, NULL, 0, refs, nrefs, err);
	if (r < 0)
		return r;
	f->open = true;
	eng_edge_element(&f->o, &l->key, l->weight, l->confidence);
	return nrefs ? frame_end(f, err) : 0;
}

int eng_links_queue(struct eng_links *set, struct engram_writer *w, struct engram_error *err)
{
	struct frame f = {.w = w};
	int r = 0;

	for (size_t i = 0; r == 0 && i < set->n; i++) {
		const struct eng_link_draft *l = &set->at[i];
		const struct eng_ref *refs = l->refs;
		size_t left = l->nrefs;
		if (l->known)
			continue;
		for (; r == 0 && left > ENG_REFS_MAX; left -= ENG_REFS_MAX, refs += ENG_REFS_MAX)
			r = frame_add(&f, l, refs, ENG_REFS_MAX, err);
		if (r == 0)
			r = frame_add(&f, l, refs, left, err);
	}
	if (r == 0)
		r = frame_end(&f, err);
	for (size_t i = 0; r == 0 && i < set->n; i++)
		if (!set->at[i].known)
			r = mark(w, &set->at[i].key, err);
	return r == 0 ? eng_writer_room(w, err) : r;
}

int engram_link(struct engram_writer *w, enum engram_put_result *put, const struct engram_id *from,
                const struct engram_link *links, size_t n, struct engram_error *err)
{
	struct eng_links set;
	int r = eng_writer_check(w, err);

	if (r < 0)
		return r;
	if (n == 0)
		return eng_err(err, ENGRAM_EUSAGE, "link: no links");
	eng_writer_apply(w, false);
	r = eng_links_prepare(&set, w, from, links, n, err);
	if (r < 0)
		return r;
	r = eng_links_queue(&set, w, err);
	if (r == 0) {
		w->rested = w->rested || !set.any;
		*put = set.any ? ENGRAM_STORED_NEW : ENGRAM_KNOWN;
	}
	eng_links_free(&set);
	return r;
}
