/* modelstate.c - what the frames of a model store mean: how far they are applied,
 * the items they make, what a forget turned into stubs.  Computed anew each time. */
#include <stdlib.h>

#include "base/arena.h"
#include "frame/hlc.h"
#include "merge/item.h"
#include "modelstore_int.h"

/* -- applied ---------------------------------------------------------------------- */

static const uint8_t *payload_of(const struct modelstore_bytes *f)
{
	return f->p + ENG_FRAME_HEADER;
}

static struct eng_dot killer_of(const struct modelstore_bytes *f)
{
	struct eng_stub stub;

	if (eng_stub_decode(&stub, payload_of(f), f->h.payload_len) != 0)
		abort();
	return stub.killer;
}

static bool within(const struct modelstore *m, const size_t *upto, const struct eng_dot *dot)
{
	for (size_t i = 0; i < m->nlogs; i++) {
		const struct modelstore_log *log = &m->logs[i];
		if (eng_series_cmp(&log->series, &dot->series) == 0 && dot->seq >= log->first &&
		    dot->seq - log->first < upto[i])
			return true;
	}
	return false;
}

static bool stops(const struct modelstore *m, const size_t *upto, const struct modelstore_log *log, size_t k)
{
	const struct modelstore_bytes *f = &log->frames[k];
	struct eng_dot killer;

	if (eng_hlc_held(f->h.stamp, eng_hlc_horizon(m->wall_us, ENG_HOLD_BOUND_MS), log->own))
		return true;
	if (f->h.kind > ENG_SEAL && (f->h.flags & ENG_FLAG_CRITICAL))
		return true;
	if (!(f->h.flags & ENG_FLAG_STUB))
		return false;
	killer = killer_of(f);
	return !within(m, upto, &killer);
}

void modelstate_apply(struct modelstore *m)
{
	size_t *upto = modelstore_room(NULL, (m->nlogs + 1) * sizeof *upto);
	bool changed = true;

	for (size_t i = 0; i < m->nlogs; i++)
		upto[i] = m->logs[i].ndurable;
	while (changed) {
		changed = false;
		for (size_t i = 0; i < m->nlogs; i++)
			for (size_t k = m->logs[i].napplied; k < upto[i]; k++)
				if (stops(m, upto, &m->logs[i], k)) {
					upto[i] = k;
					changed = true;
				}
	}
	for (size_t i = 0; i < m->nlogs; i++)
		m->logs[i].napplied = upto[i];
	free(upto);
}

size_t modelstate_wanted(struct modelstore *m)
{
	size_t *all = modelstore_room(NULL, (m->nlogs + 1) * sizeof *all), n = 0;

	for (size_t i = 0; i < m->nlogs; i++)
		all[i] = m->logs[i].ndurable;
	for (size_t i = 0; i < m->nlogs; i++)
		for (size_t k = 0; k < m->logs[i].ndurable; k++) {
			const struct modelstore_bytes *f = &m->logs[i].frames[k];
			struct eng_dot killer;
			if (!(f->h.flags & ENG_FLAG_STUB))
				continue;
			killer = killer_of(f);
			if (within(m, all, &killer))
				continue;
			m->wanted = modelstore_room(m->wanted, (n + 1) * sizeof *m->wanted);
			m->wanted[n++] = (struct eng_position){m->logs[i].name, f->h.seq, f->h.header_check};
		}
	free(all);
	return n;
}

/* -- items ------------------------------------------------------------------------ */

struct about {
	struct engram_id id;
	struct eng_frame frame;
};

static int by_id(const void *a, const void *b)
{
	const struct about *x = a, *y = b;

	return eng_id_cmp(&x->id, &y->id);
}

/* Each applied frame once for each of its subjects, by id. */
static struct about *list_about(const struct modelstore *m, size_t *n)
{
	struct about *v = NULL;
	size_t cap = 0;

	*n = 0;
	for (size_t i = 0; i < m->nlogs; i++)
		for (size_t k = 0; k < m->logs[i].napplied; k++) {
			const struct modelstore_bytes *b = &m->logs[i].frames[k];
			struct eng_frame f = {b->h, payload_of(b), {1, 4096 + (uint32_t)k}};
			struct eng_prelude p;
			if (!eng_is_item_frame(&f) || eng_prelude_decode(&p, f.payload, f.h.payload_len, NULL) != 0)
				continue;
			for (unsigned s = 0; s < p.nsubjects; s++) {
				if (*n == cap)
					v = modelstore_room(v, (cap = 2 * cap + 16) * sizeof *v);
				v[(*n)++] = (struct about){eng_prelude_subject(&p, s), f};
			}
		}
	if (*n)
		qsort(v, *n, sizeof *v, by_id);
	return v;
}

/* 0 = out of memory, which a test asked for. */
static size_t make_item(struct eng_item *item, const struct about *v, size_t n, struct eng_arena *arena)
{
	size_t k;
	bool changed;

	eng_item_init(item, &v->id, arena);
	for (k = 0; k < n && eng_id_cmp(&v[k].id, &v->id) == 0; k++)
		if (eng_item_add(item, &changed, &v[k].frame, false, NULL) == ENGRAM_ENOMEM)
			return 0;
	return k;
}

struct modelstate_item *modelstate_items(const struct modelstore *m, size_t *n)
{
	struct eng_arena arena = ENG_ARENA_INIT;
	struct modelstate_item *out;
	struct eng_reading reading;
	struct eng_item item;
	struct about *v;
	size_t nv, i, k = 1;

	v = list_about(m, &nv);
	out = modelstore_room(NULL, (nv + 1) * sizeof *out);
	for (*n = 0, i = 0; i < nv && k > 0; (*n)++, i += k) {
		eng_arena_reset(&arena);
		out[*n].id = v[i].id;
		k = make_item(&item, v + i, nv - i, &arena);
		if (k == 0 || eng_item_read(&item, &reading, NULL) != 0 || eng_item_digest(&item, &out[*n].sum, NULL) != 0)
			break;
		out[*n].live = reading.live;
		out[*n].sum += m->lies && eng_id_cmp(&m->lie, &out[*n].id) == 0;
	}
	eng_arena_free(&arena);
	free(v);
	if (i == nv)
		return out;
	free(out);
	return NULL;
}

/* -- stubs ------------------------------------------------------------------------ */

static size_t purge_item(struct modelstore *m, const struct eng_item *item)
{
	struct eng_dot_record **dots;
	struct eng_dot *killers;
	size_t n;

	if (eng_item_purgeable(item, &dots, &killers, &n, NULL) != 0)
		abort();
	for (size_t i = 0; i < n; i++) {
		struct modelstore_bytes *f = modelstore_find(m, &dots[i]->dot, dots[i]->header_check);
		if (!f || eng_stub_make(f->p + ENG_FRAME_HEADER, f->h.payload_len, &killers[i]) != 0)
			abort();
		f->h.flags |= ENG_FLAG_STUB;
		eng_header_encode(f->p, &f->h);
	}
	return n;
}

size_t modelstate_purge(struct modelstore *m)
{
	struct eng_arena arena = ENG_ARENA_INIT;
	struct eng_item item;
	struct about *v;
	size_t nv, n = 0;

	modelstate_apply(m);
	v = list_about(m, &nv);
	for (size_t i = 0; i < nv;) {
		eng_arena_reset(&arena);
		const size_t k = make_item(&item, v + i, nv - i, &arena);
		if (k == 0)
			abort();
		i += k;
		n += purge_item(m, &item);
	}
	eng_arena_free(&arena);
	free(v);
	return n;
}
