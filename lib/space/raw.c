/* raw.c - frames as read from the log, indexed by the ids they are about.
 *
 * The same container serves the overlay of a reader (what lies behind the
 * state's watermark), the look-up of a writer, and a batch of apply: all three
 * feed the frames to eng_item_add, so they cannot disagree on what a frame
 * means.
 *
 * Payloads are copied into the arena, since a cursor's frame lives only until
 * the next one and items keep pointers into it. */
#include "space/space_int.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/alloc.h"

#define NO_LINK UINT32_MAX

int64_t eng_raw_find(const struct eng_raw *r, const struct engram_id *id)
{
	return eng_idmap_find(&r->map, r->ids, sizeof *r->ids, id);
}

void eng_raw_init(struct eng_raw *r)
{
	*r = (struct eng_raw){.arena = ENG_ARENA_INIT};
}

void eng_raw_free(struct eng_raw *r)
{
	eng_free(r->frames);
	eng_free(r->dots);
	eng_free(r->ids);
	eng_free(r->links);
	eng_free(r->heads);
	eng_free(r->skips);
	eng_free(r->edges);
	eng_free(r->facts);
	eng_idmap_free(&r->map);
	eng_arena_free(&r->arena);
	eng_raw_init(r);
}

/* -- adding --------------------------------------------------------------------------- */

static bool add_id(struct eng_raw *r, int64_t *at, const struct engram_id *id)
{
	if (!eng_grow(&r->ids, &r->ids_cap, r->nids, sizeof *r->ids))
		return false;
	r->ids[r->nids] = (struct eng_raw_id){*id, NO_LINK, NO_LINK};
	if (!eng_idmap_add(&r->map, r->ids, sizeof *r->ids))
		return false;
	*at = (int64_t)r->nids++;
	return true;
}

int eng_raw_mention(struct eng_raw *r, const struct engram_id *id)
{
	int64_t at = eng_raw_find(r, id);

	return at >= 0 || add_id(r, &at, id) ? 0 : ENGRAM_ENOMEM;
}

static bool link_subject(struct eng_raw *r, const struct engram_id *id, uint32_t frame)
{
	int64_t at = eng_raw_find(r, id);
	uint32_t link = (uint32_t)r->nlinks;

	if (!eng_grow(&r->links, &r->links_cap, r->nlinks, sizeof *r->links))
		return false;
	if (at < 0 && !add_id(r, &at, id))
		return false;
	r->links[r->nlinks++] = (struct eng_raw_link){frame, NO_LINK};
	if (r->ids[at].first == NO_LINK)
		r->ids[at].first = link;
	else
		r->links[r->ids[at].last].next = link;
	r->ids[at].last = link;
	return true;
}

static int add_edges(struct eng_raw *r, const struct eng_frame *f, struct engram_error *err)
{
	struct eng_edge_frame e;
	struct eng_raw_edge edge;
	int rc = eng_edge_frame_begin(&e, f, &r->arena, err);

	while (rc == 0 && eng_edge_frame_next(&e, &edge.key, &edge.dot)) {
		if (!eng_grow(&r->edges, &r->edges_cap, r->nedges, sizeof *r->edges))
			return eng_err_nomem(err);
		r->edges[r->nedges++] = edge;
	}
	return rc;
}

static int keep_frame(struct eng_raw *r, const struct eng_frame *f, struct engram_error *err)
{
	struct eng_frame copy = *f;

	copy.payload = eng_arena_dup(&r->arena, f->payload, f->h.payload_len);
	if (!copy.payload || !eng_grow(&r->frames, &r->frames_cap, r->n, sizeof *r->frames))
		return eng_err_nomem(err);
	r->frames[r->n] = copy;
	return 0;
}

static int keep_dot(struct eng_raw *r, const struct eng_frame *f, struct engram_error *err)
{
	if (!eng_grow(&r->dots, &r->frames_cap, r->n, sizeof *r->dots))
		return eng_err_nomem(err);
	return eng_dot_of(&r->dots[r->n], f, &r->arena, err);
}

static int add_frame(struct eng_raw *r, const struct eng_frame *f, struct engram_error *err)
{
	struct eng_prelude p;
	int rc = eng_prelude_decode(&p, f->payload, f->h.payload_len, err);

	if (rc < 0)
		return eng_err(err, ENGRAM_EDAMAGED, "frame %" PRIu64 ": its prelude cannot be read", f->h.seq);
	rc = r->apart ? keep_dot(r, f, err) : keep_frame(r, f, err);
	if (rc < 0)
		return rc;
	for (unsigned i = 0; i < p.nsubjects; i++) {
		struct engram_id id = eng_prelude_subject(&p, i);
		if (!link_subject(r, &id, (uint32_t)r->n))
			return eng_err_nomem(err);
	}
	r->n++;
	return 0;
}

/* Of a kind that is known. */
static int add(struct eng_raw *r, const struct eng_frame *f, struct engram_error *err)
{
	struct eng_fact fact;

	if (eng_fact_of(&fact, f)) {
		if (!eng_grow(&r->facts, &r->facts_cap, r->nfacts, sizeof *r->facts))
			return eng_err_nomem(err);
		r->facts[r->nfacts++] = fact;
		return 0;
	}
	return eng_is_item_frame(f) ? add_frame(r, f, err) : add_edges(r, f, err);
}

static int add_skip(struct eng_raw *r, const struct eng_frame *f, struct engram_error *err)
{
	if (!eng_grow(&r->skips, &r->skips_cap, r->nskips, sizeof *r->skips))
		return eng_err_nomem(err);
	r->skips[r->nskips++] = eng_skip_of(f);
	return 0;
}

/* -- reading ----------------------------------------------------------------------------- */

const struct eng_head *eng_raw_head(const struct eng_raw *r, const struct eng_series *series)
{
	return eng_head_find(r->heads, r->nheads, series);
}

static int head_of(struct eng_head **out, struct eng_raw *r, const struct eng_series_info *series,
                   const struct eng_head *from, struct engram_error *err)
{
	const struct eng_head *known = eng_raw_head(r, &series->series);
	struct eng_head *h = known ? &r->heads[known - r->heads] : NULL;

	if (!h) {
		if (!eng_grow(&r->heads, &r->heads_cap, r->nheads, sizeof *r->heads))
			return eng_err_nomem(err);
		h = &r->heads[r->nheads++];
		*h = from ? *from : (struct eng_head){.series = series->series, .base = series->base,
		                                      .seq = series->base, .header_check = series->base_check};
	}
	*out = h;
	return 0;
}

static bool limit_reached(const struct eng_raw *r, struct eng_raw_limit *limit)
{
	limit->full = r->read >= limit->frames || r->bytes >= limit->bytes;
	return limit->full;
}

/* 1 = it may be taken, 0 = this series stops before it. */
static int may_take(struct eng_horizon *horizon, const struct eng_raw *r, const struct eng_series_info *series,
                    const struct eng_frame *f, struct engram_error *err)
{
	if (!eng_known_kind(&f->h) && f->h.flags & ENG_FLAG_CRITICAL)
		return 0; /* what follows cannot be understood without it */
	return horizon ? eng_horizon_admits(horizon, r, series, f, err) : 1;
}

/* 1 = go on, 0 = this series stops here.  The cursor follows the chain from
 * frame to frame; the first one must also follow what the state has applied.
 * It does not where log and mark were rolled back together, by a restore in
 * place, and written on past the state. */
static int take(struct eng_raw *r, struct eng_head *h, struct eng_horizon *horizon,
                const struct eng_series_info *series, const struct eng_frame *f, struct engram_error *err)
{
	int rc;

	if (f->h.prev != h->header_check)
		return eng_err(err, ENGRAM_EVERSION,
		               "state: frame %" PRIu64 " in it is not the one in the log, which was rolled back", h->seq);
	rc = may_take(horizon, r, series, f, err);
	if (rc <= 0)
		return rc;
	if (!eng_known_kind(&f->h))
		rc = add_skip(r, f, err);
	else
		rc = add(r, f, err);
	if (rc < 0)
		return rc;
	r->read++;
	r->bytes += eng_frame_size(f->h.payload_len);
	if (f->h.stamp > r->stamp)
		r->stamp = f->h.stamp;
	h->seq = f->h.seq;
	h->header_check = f->h.header_check;
	h->stamp = f->h.stamp;
	return 1;
}

int eng_raw_take_loose(struct eng_raw *r, const struct eng_frame *f, struct engram_error *err)
{
	if (!eng_known_kind(&f->h))
		return eng_err(err, ENGRAM_EDAMAGED, "frame %" PRIu64 ": of kind %u, which this program does not know",
		               f->h.seq, f->h.kind);
	return add(r, f, err);
}

int eng_raw_read(struct eng_raw *r, struct eng_log *log, const struct eng_series_info *series,
                 const struct eng_head *from, uint64_t upto, struct eng_horizon *horizon,
                 struct eng_raw_limit *limit, struct engram_error *err)
{
	struct eng_cursor *c = NULL;
	struct eng_frame f;
	struct eng_head *h = NULL;
	int rc = head_of(&h, r, series, from, err);

	if (horizon)
		upto = eng_horizon_upto(horizon, &series->series, upto);
	if (rc < 0 || h->seq >= upto)
		return rc;
	rc = eng_cursor_open(&c, log, &series->series, h->seq, upto, h->next.segment ? &h->next : NULL, err);
	if (rc < 0)
		return rc;
	while (!limit_reached(r, limit)) {
		rc = eng_cursor_next(c, &f, err);
		if (rc <= 0)
			break;
		rc = take(r, h, horizon, series, &f, err);
		if (rc <= 0)
			break;
		h->next = eng_cursor_place(c);
		rc = 0;
	}
	eng_cursor_close(c);
	return rc < 0 ? rc : 0;
}

int eng_raw_take(struct eng_raw *r, const struct eng_head *from, const struct eng_frame *f, struct engram_error *err)
{
	const struct eng_series_info series = {.series = f->h.series};
	struct eng_head *h = NULL;
	int rc = head_of(&h, r, &series, from, err);

	if (rc == 0)
		rc = take(r, h, NULL, &series, f, err);
	if (rc == 1)
		h->next = (struct eng_place){f->place.segment,
		                             f->place.offset + (uint32_t)eng_frame_size(f->h.payload_len)};
	return rc;
}

static int read_each(struct eng_raw *r, struct eng_log *log, const struct eng_series_info *infos, size_t n,
                     bool written, struct eng_horizon *horizon, struct eng_raw_limit *limit,
                     struct engram_error *err)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < n && !limit->full; i++) {
		const struct eng_head *from = eng_head_find(horizon->heads, horizon->nheads, &infos[i].series);
		uint64_t upto = written ? infos[i].written_seq : infos[i].durable_seq;
		rc = eng_raw_read(r, log, &infos[i], from, upto, horizon, limit, err);
	}
	return rc;
}

int eng_raw_read_all(struct eng_raw *r, struct eng_log *log, const struct eng_series_info *infos, size_t n,
                     bool written, struct eng_horizon *horizon, struct eng_raw_limit *limit,
                     struct engram_error *err)
{
	int rc;

	limit->full = false;
	horizon->blocked = false;
	rc = read_each(r, log, infos, n, written, horizon, limit, err);
	if (rc < 0 || limit->full || !horizon->blocked)
		return rc;
	rc = eng_horizon_find(horizon, log, infos, n, written, err);
	return rc == 0 ? read_each(r, log, infos, n, written, horizon, limit, err) : rc;
}

static int by_edge(const void *a, const void *b)
{
	const struct eng_raw_edge *x = a, *y = b;
	int c = eng_edge_key_cmp(&x->key, &y->key);

	return c ? c : eng_edge_dot_order(&x->dot, &y->dot);
}

void eng_raw_sort_edges(struct eng_raw *r)
{
	if (r->nedges > r->sorted_edges)
		qsort(r->edges, r->nedges, sizeof *r->edges, by_edge);
	r->sorted_edges = r->nedges;
}

size_t eng_raw_edge_at(const struct eng_raw *r, const struct eng_edge_key *from)
{
	size_t lo = 0, hi = r->nedges, mid;

	while (lo < hi) {
		mid = lo + (hi - lo) / 2;
		if (eng_edge_key_cmp(&r->edges[mid].key, from) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static int add_one(const struct eng_raw *r, size_t at, struct eng_item *item, bool kept, struct engram_error *err)
{
	bool changed;

	if (r->apart)
		return eng_item_add_dot(item, &changed, &r->dots[at], err);
	if (kept)
		return eng_item_add_kept(item, &changed, &r->frames[at], err);
	return eng_item_add(item, &changed, &r->frames[at], false, err);
}

static int add_all(const struct eng_raw *r, size_t i, struct eng_item *item, bool kept, struct engram_error *err)
{
	for (uint32_t l = r->ids[i].first; l != NO_LINK; l = r->links[l].next) {
		int rc = add_one(r, r->links[l].frame, item, kept, err);
		if (rc < 0)
			return rc;
	}
	return 0;
}

int eng_raw_apply(const struct eng_raw *r, size_t i, struct eng_item *item, struct engram_error *err)
{
	return add_all(r, i, item, false, err);
}

int eng_raw_apply_kept(const struct eng_raw *r, size_t i, struct eng_item *item, struct engram_error *err)
{
	return add_all(r, i, item, true, err);
}
