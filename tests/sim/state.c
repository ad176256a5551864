/* state.c - what the frames of a disk mean.
 *
 * The vector of what is applied is the greatest one within what is durable that is
 * closed: start from everything, cut each list before its first frame that must
 * wait, then before each stub whose forget was cut off, until nothing changes.
 * What was applied once stays. */
#include "state.h"

#include <stdlib.h>

#include "base/hash.h"
#include "base/le.h"
#include "frame/hlc.h"
#include "frame/payload.h"
#include "merge/digest.h"

/* -- the applied vector ---------------------------------------------------------- */

static bool unknown(const struct sim_state *st, uint8_t kind)
{
	return kind > ENG_SEAL && !(st->knows && kind == SIM_STRANGE_KIND);
}

/* Whether the list must stop before this frame, whatever the others hold. */
static bool waits(const struct sim_state *st, const struct sim_log *l, const struct sim_frame *f, eng_stamp horizon)
{
	return eng_hlc_held(f->h.stamp, horizon, l->own) || (f->h.flags & ENG_FLAG_CRITICAL && unknown(st, f->h.kind));
}

static bool subject_of(const struct sim_frame *f, const struct engram_id *id)
{
	struct eng_prelude p;

	if (eng_prelude_decode(&p, sim_frame_payload(f), f->h.payload_len, NULL) < 0)
		return false;
	for (unsigned i = 0; i < p.nsubjects; i++)
		if (memcmp(p.subjects + 16 * i, id->b, 16) == 0)
			return true;
	return false;
}

static bool shares_subject(const struct sim_frame *a, const struct sim_frame *b)
{
	struct eng_prelude p;

	if (eng_prelude_decode(&p, sim_frame_payload(a), a->h.payload_len, NULL) < 0)
		return false;
	for (unsigned i = 0; i < p.nsubjects; i++) {
		struct engram_id id = eng_prelude_subject(&p, i);

		if (subject_of(b, &id))
			return true;
	}
	return false;
}

/* Whether the forget that a stub names lies within the limits (a branch of a
 * forked series may have another frame of that name: the kind and the subject
 * tell). */
static bool named_within(const struct sim_disk *d, const size_t *limit, const struct sim_frame *f)
{
	struct eng_stub stub;

	if (eng_stub_decode(&stub, sim_frame_payload(f), f->h.payload_len) < 0)
		return false;
	for (size_t i = 0; i < d->nlogs; i++) {
		const struct sim_log *l = d->logs[i];
		uint64_t at = stub.killer.seq - l->first;

		if (eng_series_cmp(&l->series, &stub.killer.series) == 0 && stub.killer.seq >= l->first && at < limit[i] &&
		    l->f[at].h.kind == ENG_FORGET && shares_subject(f, &l->f[at]))
			return true;
	}
	return false;
}

static bool names(const struct eng_prelude *p, const struct sim_frame *f)
{
	for (unsigned i = 0; i < p->nrefs; i++) {
		struct eng_ref r = eng_prelude_ref(p, i);

		if (r.index == 0 && r.dot.seq == f->h.seq && r.header_check == f->h.header_check &&
		    eng_series_cmp(&r.dot.series, &f->h.series) == 0)
			return true;
	}
	return false;
}

/* Whether a frame is dead of another: forgotten at or above its stamp or, if it is of
 * one memory alone, named by a frame about that. */
static bool kills(const struct sim_frame *by, const struct sim_frame *f)
{
	const struct eng_frame ef = {.h = by->h, .payload = sim_frame_payload(by)};
	struct eng_prelude p, of;

	if (!eng_is_item_frame(&ef) || !shares_subject(f, by) ||
	    eng_prelude_decode(&p, sim_frame_payload(by), by->h.payload_len, NULL) < 0 ||
	    eng_prelude_decode(&of, sim_frame_payload(f), f->h.payload_len, NULL) < 0)
		return false;
	return (by->h.kind == ENG_FORGET && by->h.stamp >= f->h.stamp) || (of.nsubjects == 1 && names(&p, f));
}

/* Whether anything within the limits killed a stub: the forget that it names, or
 * another frame, where that one was lost with the only disk that had it. */
static bool killer_within(const struct sim_disk *d, const size_t *limit, const struct sim_frame *f)
{
	if (named_within(d, limit, f))
		return true;
	for (size_t i = 0; i < d->nlogs && !sim_planted(131); i++)
		for (size_t k = 0; k < limit[i]; k++)
			if (kills(&d->logs[i]->f[k], f))
				return true;
	return false;
}

static bool cut_at_stubs(const struct sim_disk *d, size_t *limit)
{
	bool cut = false;

	for (size_t i = 0; i < d->nlogs; i++)
		for (size_t k = d->logs[i]->applied; k < limit[i]; k++)
			if (d->logs[i]->f[k].h.flags & ENG_FLAG_STUB && !killer_within(d, limit, &d->logs[i]->f[k])) {
				limit[i] = k;
				cut = true;
			}
	return cut;
}

void sim_state_apply(struct sim_state *st, int64_t wall_us)
{
	eng_stamp horizon = eng_hlc_horizon(wall_us, ENG_HOLD_BOUND_MS);
	struct sim_disk *d = st->disk;
	size_t *limit = sim_resize(NULL, d->nlogs * sizeof *limit);

	for (size_t i = 0; i < d->nlogs; i++) {
		struct sim_log *l = d->logs[i];

		for (limit[i] = sim_planted(127) ? 0 : l->applied; limit[i] < l->durable; limit[i]++)
			if (waits(st, l, &l->f[limit[i]], horizon))
				break;
	}
	while (!sim_planted(124) && cut_at_stubs(d, limit))
		;
	for (size_t i = 0; i < d->nlogs; i++)
		d->logs[i]->applied = limit[i];
	free(limit);
}

uint64_t sim_state_waiting(const struct sim_state *st)
{
	uint64_t n = 0;

	for (size_t i = 0; i < st->disk->nlogs; i++)
		n += st->disk->logs[i]->durable - st->disk->logs[i]->applied;
	return n;
}

size_t sim_state_vector(struct eng_position *out, const struct sim_state *st, enum sim_view view)
{
	size_t n = 0;

	for (size_t i = 0; i < st->disk->nlogs; i++) {
		const struct sim_log *l = st->disk->logs[i];
		size_t have = view == SIM_SEEN ? l->durable : l->applied;

		if (sim_planted(121) && view == SIM_SEEN)
			have = l->n;
		if (sim_planted(122) && view == SIM_APPLIED)
			have = l->durable;

		if (have)
			out[n++] = (struct eng_position){l->name, sim_log_seq(l, have - 1), l->f[have - 1].h.header_check};
	}
	return n;
}

size_t sim_state_wanted(struct eng_position *out, size_t max, const struct sim_state *st)
{
	size_t *limit = sim_resize(NULL, st->disk->nlogs * sizeof *limit), n = 0;

	for (size_t i = 0; i < st->disk->nlogs; i++)
		limit[i] = st->disk->logs[i]->durable;
	for (size_t i = 0; i < st->disk->nlogs; i++)
		for (size_t k = 0; k < limit[i] && n < max; k++) {
			const struct sim_frame *f = &st->disk->logs[i]->f[k];

			if (f->h.flags & ENG_FLAG_STUB && !killer_within(st->disk, limit, f))
				out[n++] = (struct eng_position){st->disk->logs[i]->name, f->h.seq, f->h.header_check};
		}
	free(limit);
	return n;
}

/* -- items and edges ------------------------------------------------------------------ */

typedef int frame_fn(void *data, const struct eng_frame *f, struct engram_error *err);

static size_t in_view(const struct sim_log *l, enum sim_view view)
{
	return view == SIM_SEEN && l->own ? l->n : l->applied;
}

/* The list whose next frame came first; nlogs = none has one. */
static size_t earliest(const struct sim_disk *d, enum sim_view view, const size_t *at)
{
	size_t best = d->nlogs;

	for (size_t i = 0; i < d->nlogs; i++)
		if (at[i] < in_view(d->logs[i], view) &&
		    (best == d->nlogs || d->logs[i]->f[at[i]].arrived < d->logs[best]->f[at[best]].arrived))
			best = i;
	return best;
}

/* In the order in which they came, which is another at each store. */
static int each_frame(const struct sim_state *st, enum sim_view view, frame_fn *fn, void *data, struct engram_error *err)
{
	const struct sim_disk *d = st->disk;
	size_t *at = sim_resize(NULL, d->nlogs * sizeof *at), i;
	int r = 0;

	memset(at, 0, d->nlogs * sizeof *at);
	while (r == 0 && (i = earliest(d, view, at)) < d->nlogs) {
		const struct sim_frame *sf = &d->logs[i]->f[at[i]++];
		struct eng_frame f = {.h = sf->h, .payload = sim_frame_payload(sf), .place = {1, (uint32_t)(64 * sf->h.seq)}};

		r = fn(data, &f, err);
	}
	free(at);
	return r;
}

static int add_to_item(void *data, const struct eng_frame *f, struct engram_error *err)
{
	struct eng_item *item = data;
	struct eng_prelude p;
	bool changed;

	if (!eng_is_item_frame(f) || eng_prelude_decode(&p, f->payload, f->h.payload_len, NULL) < 0)
		return 0;
	for (unsigned i = 0; i < p.nsubjects; i++)
		if (memcmp(p.subjects + 16 * i, item->id.b, 16) == 0)
			return eng_item_add(item, &changed, f, false, err);
	return 0;
}

int sim_state_item(const struct sim_state *st, struct eng_item *out, enum sim_view view, const struct engram_id *id,
                   struct eng_arena *arena, struct engram_error *err)
{
	eng_item_init(out, id, arena);
	return each_frame(st, view, add_to_item, out, err);
}

/* Edges from one memory, or the one of a key. */
struct edges {
	const struct engram_id *from;
	const struct eng_edge_key *only;
	struct eng_arena *arena;
	struct eng_edge *at;
	size_t n, cap;
};

static int add_dot(struct edges *es, const struct eng_edge_key *key, const struct eng_edge_dot *dot,
                   struct engram_error *err)
{
	bool changed;

	for (size_t i = 0; i < es->n; i++)
		if (eng_edge_key_cmp(&es->at[i].key, key) == 0)
			return eng_edge_add(&es->at[i], &changed, dot, err);
	sim_grow(&es->at, &es->cap, es->n, sizeof *es->at);
	eng_edge_init(&es->at[es->n], key, es->arena);
	return eng_edge_add(&es->at[es->n++], &changed, dot, err);
}

static int add_to_edges(void *data, const struct eng_frame *f, struct engram_error *err)
{
	struct eng_edge_frame ef;
	struct eng_edge_key key;
	struct eng_edge_dot dot;
	struct edges *es = data;
	int r;

	if (!eng_is_edge_frame(f))
		return 0;
	r = eng_edge_frame_begin(&ef, f, es->arena, err);
	while (r == 0 && eng_edge_frame_next(&ef, &key, &dot))
		if (es->only ? eng_edge_key_cmp(es->only, &key) == 0 : eng_id_cmp(es->from, &key.from) == 0)
			r = add_dot(es, &key, &dot, err);
	return r;
}

static eng_stamp ends_forgotten(const struct sim_state *st, const struct eng_edge_key *key, enum sim_view view,
                                struct eng_arena *arena)
{
	eng_stamp at[2] = {0, 0};
	struct eng_item item;

	for (int i = 0; i < 2; i++)
		if (sim_state_item(st, &item, view, i ? &key->to : &key->from, arena, NULL) == 0)
			at[i] = eng_item_forgotten(&item);
	return at[0] > at[1] ? at[0] : at[1];
}

int sim_state_edge(const struct sim_state *st, struct eng_edge *out, eng_stamp *forgotten, enum sim_view view,
                   const struct eng_edge_key *key, struct eng_arena *arena, struct engram_error *err)
{
	struct edges es = {.only = key, .arena = arena};
	int r = each_frame(st, view, add_to_edges, &es, err);

	eng_edge_init(out, key, arena);
	if (es.n)
		*out = es.at[0];
	*forgotten = ends_forgotten(st, key, view, arena);
	free(es.at);
	return r;
}

/* -- all of them ----------------------------------------------------------------------- */

struct ids {
	struct engram_id *at;
	size_t n, cap;
};

static void add_id(struct ids *ids, const struct engram_id *id)
{
	size_t at = ids->n;

	for (size_t i = 0; i < ids->n; i++)
		if (eng_id_cmp(&ids->at[i], id) == 0)
			return;
	sim_grow(&ids->at, &ids->cap, ids->n, sizeof *ids->at);
	for (; at > 0 && eng_id_cmp(&ids->at[at - 1], id) > 0; at--)
		ids->at[at] = ids->at[at - 1];
	ids->at[at] = *id;
	ids->n++;
}

static int add_ids(void *data, const struct eng_frame *f, struct engram_error *err)
{
	struct eng_elements el;
	struct eng_prelude p;
	struct eng_element e;
	struct engram_id id;

	if (eng_prelude_decode(&p, f->payload, f->h.payload_len, err) < 0)
		return ENGRAM_EINPUT;
	for (unsigned i = 0; i < p.nsubjects; i++) {
		id = eng_prelude_subject(&p, i);
		add_id(data, &id);
	}
	if (f->h.kind != ENG_EDGE || f->h.flags & ENG_FLAG_STUB)
		return 0;
	for (eng_elements_begin(&el, &p, f->payload, f->h.payload_len); eng_elements_next(&el, &e) == 1;)
		if (e.type == ENG_EL_EDGE && e.n >= 16) {
			memcpy(id.b, e.p, 16);
			add_id(data, &id);
		}
	return 0;
}

struct engram_id *sim_state_ids(const struct sim_state *st, size_t *n)
{
	struct ids ids = {0};

	each_frame(st, SIM_APPLIED, add_ids, &ids, NULL);
	*n = ids.n;
	return ids.at;
}

/* What a newer program makes of the strange kind: each that no forget killed counts. */
struct strange {
	const struct engram_id *id;
	eng_stamp forgotten;
	eng_u128 sum;
};

static int add_strange(void *data, const struct eng_frame *f, struct engram_error *err)
{
	struct strange *x = data;
	struct eng_prelude p;
	XXH128_hash_t h;

	(void)err;
	if (f->h.kind != SIM_STRANGE_KIND || f->h.stamp <= x->forgotten ||
	    eng_prelude_decode(&p, f->payload, f->h.payload_len, NULL) < 0 || p.nsubjects != 1 ||
	    memcmp(p.subjects, x->id->b, 16) != 0)
		return 0;
	h = XXH3_128bits(&f->h.payload_check, sizeof f->h.payload_check);
	x->sum += (eng_u128)h.high64 << 64 | h.low64;
	return 0;
}

static int add_edges_of(const struct sim_state *st, eng_u128 *sum, const struct engram_id *id, struct eng_arena *arena,
                        struct engram_error *err)
{
	struct edges es = {.from = id, .arena = arena};
	int r = each_frame(st, SIM_APPLIED, add_to_edges, &es, err);
	eng_u128 one;

	for (size_t i = 0; i < es.n && r == 0; i++) {
		r = eng_edge_digest(&es.at[i], &one, ends_forgotten(st, &es.at[i].key, SIM_APPLIED, arena), err);
		*sum += one;
	}
	free(es.at);
	return r;
}

int sim_state_sum(const struct sim_state *st, eng_u128 *out, const struct engram_id *id, struct engram_error *err)
{
	struct eng_arena arena = ENG_ARENA_INIT;
	struct eng_item item;
	int r = sim_state_item(st, &item, SIM_APPLIED, id, &arena, err);

	*out = 0;
	if (r == 0 && item.ndots)
		r = eng_item_digest(&item, out, err);
	if (r == 0)
		r = add_edges_of(st, out, id, &arena, err);
	if (r == 0 && st->knows) {
		struct strange x = {id, eng_item_forgotten(&item), 0};

		r = each_frame(st, SIM_APPLIED, add_strange, &x, err);
		*out += x.sum;
	}
	eng_arena_free(&arena);
	return r;
}

int sim_state_buckets(const struct sim_state *st, eng_u128 sums[4096], struct engram_error *err)
{
	size_t n;
	struct engram_id *ids = sim_state_ids(st, &n);
	eng_u128 sum;
	int r = 0;

	memset(sums, 0, 4096 * sizeof *sums);
	for (size_t i = 0; i < n && r == 0; i++) {
		r = sim_state_sum(st, &sum, &ids[i], err);
		sums[eng_digest_bucket(&ids[i])] += sum;
	}
	free(ids);
	return r;
}

static void hash_vector(uint8_t out[16], const struct eng_position *v, size_t n)
{
	struct eng_buf b = ENG_BUF_INIT;
	XXH128_hash_t h;

	for (size_t i = 0; i < n; i++) {
		eng_buf_add(&b, v[i].series.b, 16);
		eng_buf_u64(&b, v[i].seq);
		eng_buf_u32(&b, v[i].header_check);
	}
	h = XXH3_128bits(b.p, b.n);
	eng_u128_encode(out, (eng_u128)h.high64 << 64 | h.low64);
	eng_buf_free(&b);
}

int sim_state_digest(const struct sim_state *st, uint8_t vector[16], uint8_t state[16], struct engram_error *err)
{
	struct eng_position *v = sim_resize(NULL, st->disk->nlogs * sizeof *v);
	eng_u128 *sums = sim_resize(NULL, ENG_DIGEST_BUCKETS * sizeof *sums);
	int r = sim_state_buckets(st, sums, err);

	hash_vector(vector, v, sim_state_vector(v, st, SIM_APPLIED));
	if (r == 0)
		eng_digest_fold(state, sums);
	free(sums);
	free(v);
	return r;
}

/* -- what it reads as ---------------------------------------------------------------------- */

static void say_winner(struct eng_buf *b, const struct eng_winner *w)
{
	eng_buf_u64(b, w->dot ? w->dot->payload_check : 0);
	eng_buf_u32(b, w->dot ? w->element->index : 0);
}

static void say_reading(struct eng_buf *b, const struct eng_reading *r)
{
	const struct eng_winner *all[] = {&r->text, &r->key, &r->confidence, &r->occurred, &r->valid_until,
	                                  &r->source, &r->actor, &r->meta, &r->vector};

	eng_buf_byte(b, r->live);
	eng_buf_u64(b, r->forgotten);
	if (!r->live)
		return;
	eng_buf_u64(b, (uint64_t)r->stored_us);
	for (size_t i = 0; i < ENG_COUNT(all); i++)
		say_winner(b, all[i]);
	for (size_t i = 0; i < r->ntags; i++)
		eng_buf_add(b, r->tags[i].element->p, r->tags[i].element->n);
	for (size_t i = 0; i < r->nconflicts; i++)
		eng_buf_u64(b, r->conflicts[i]->payload_check);
}

static int say_edges(const struct sim_state *st, struct eng_buf *b, const struct engram_id *id, struct eng_arena *arena,
                     struct engram_error *err)
{
	struct edges es = {.from = id, .arena = arena};
	int r = each_frame(st, SIM_APPLIED, add_to_edges, &es, err);
	uint64_t sum = 0; /* edges come in no order */

	for (size_t i = 0; i < es.n && r == 0; i++) {
		struct eng_edge_reading er;

		r = eng_edge_read(&es.at[i], &er, ends_forgotten(st, &es.at[i].key, SIM_APPLIED, arena), err);
		if (r == 0 && er.live)
			sum += XXH3_64bits_withSeed(&es.at[i].key.to, 16, (uint64_t)er.weight << 32 | er.confidence);
	}
	eng_buf_u64(b, sum);
	free(es.at);
	return r;
}

int sim_state_reading(const struct sim_state *st, uint8_t out[16], struct engram_error *err)
{
	size_t n;
	struct engram_id *ids = sim_state_ids(st, &n);
	struct eng_arena arena = ENG_ARENA_INIT;
	struct eng_buf b = ENG_BUF_INIT;
	XXH128_canonical_t c;
	int r = 0;

	for (size_t i = 0; i < n && r == 0; i++) {
		struct eng_reading reading;
		struct eng_item item;

		eng_arena_reset(&arena);
		r = sim_state_item(st, &item, SIM_APPLIED, &ids[i], &arena, err);
		if (r == 0)
			r = eng_item_read(&item, &reading, err);
		if (r == 0) {
			eng_buf_add(&b, ids[i].b, 16);
			say_reading(&b, &reading);
			r = say_edges(st, &b, &ids[i], &arena, err);
		}
	}
	XXH128_canonicalFromHash(&c, XXH3_128bits(b.p, b.n));
	memcpy(out, c.digest, 16);
	eng_buf_free(&b);
	eng_arena_free(&arena);
	free(ids);
	return r;
}

struct forgotten {
	const struct engram_id *id;
	eng_stamp at;
};

static int find_forget(void *data, const struct eng_frame *f, struct engram_error *err)
{
	struct forgotten *x = data;
	struct eng_prelude p;

	(void)err;
	if (f->h.kind != ENG_FORGET || f->h.stamp <= x->at || eng_prelude_decode(&p, f->payload, f->h.payload_len, NULL) < 0)
		return 0;
	for (unsigned i = 0; i < p.nsubjects; i++)
		if (memcmp(p.subjects + 16 * i, x->id->b, 16) == 0)
			x->at = f->h.stamp;
	return 0;
}

eng_stamp sim_state_forgotten(const struct sim_state *st, const struct engram_id *id)
{
	struct forgotten x = {id, 0};

	each_frame(st, SIM_APPLIED, find_forget, &x, NULL);
	return x.at;
}
