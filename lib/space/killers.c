/* killers.c - which frames killed a stub.
 *
 * A stub names the forget that made it.  Where that one is not here, the stub may be
 * dead all the same, of another frame that is: a forget of one of its subjects at or
 * above its stamp, or, where it has one subject alone, a frame about that which names
 * it by a ref.  What is dead says nothing, whoever killed it, so that its body is not
 * missed (live.c has the rules, and counts refs within one memory only).
 *
 *     O 5, about X, is a stub, killed by A 9       A was lost with its disk
 *     B 3 forgets X, later                         O 5 is dead: O goes on
 *
 * So whoever has only the stub can forget the memory once more, and everybody goes
 * on.  Frames of links have no subjects: of them only the forget that the stub names
 * is known.
 *
 * A name is of one frame, unless the series was forked: then each branch may have one
 * of that number, and only reading tells which is a forget. */
#include "space/space_int.h"

#include <stdlib.h>

#include "base/alloc.h"

int eng_stub_of(struct eng_stub *out, const struct eng_frame *f, struct engram_error *err)
{
	if (eng_stub_decode(out, f->payload, f->h.payload_len) == 0)
		return 0;
	return eng_err(err, ENGRAM_EDAMAGED, "frame %llu: its stub cannot be read", (unsigned long long)f->h.seq);
}

/* -- the forget that it names ------------------------------------------------------------ */

static int add_killer(struct eng_horizon *h, uint32_t stub, const struct eng_series *series, uint64_t seq,
                      struct engram_error *err)
{
	if (!eng_grow(&h->killers, &h->killers_cap, h->nkillers, sizeof *h->killers))
		return eng_err_nomem(err);
	h->killers[h->nkillers++] = (struct eng_horizon_killer){stub, {*series, seq}};
	return 0;
}

/* 1 there is a forget of that number, 0. */
static int is_forget(struct eng_log *log, const struct eng_series *series, uint64_t seq, struct engram_error *err)
{
	struct eng_cursor *c;
	struct eng_frame f;
	int r = eng_cursor_open(&c, log, series, seq - 1, seq, NULL, err);

	if (r < 0)
		return r == ENGRAM_ENOFILE ? 0 : r;
	r = eng_cursor_next(c, &f, err);
	if (r == 1)
		r = f.h.kind == ENG_FORGET;
	eng_cursor_close(c);
	return r;
}

static int add_named(struct eng_horizon *h, uint32_t stub, const struct eng_dot *killer, struct engram_error *err)
{
	const struct eng_series *series;
	size_t at = 0;
	bool first = true;
	int r = 0;

	while (r == 0 && eng_log_holder(&series, h->log, killer, &at) == 1) {
		bool only = first && series == &killer->series;

		first = false;
		r = only ? 1 : is_forget(h->log, series, killer->seq, err);
		if (r == 1)
			r = add_killer(h, stub, series, killer->seq, err);
	}
	return r;
}

int eng_killers_add(struct eng_horizon *h, const struct eng_series_info *series, const struct eng_frame *f,
                    struct engram_error *err)
{
	const uint32_t stub = (uint32_t)h->nstubs;
	struct eng_prelude p;
	struct eng_stub body;
	int r = eng_stub_of(&body, f, err);

	if (r == 0)
		r = eng_prelude_decode(&p, f->payload, f->h.payload_len, err);
	if (r < 0)
		return r;
	if (!eng_grow(&h->stubs, &h->stubs_cap, h->nstubs, sizeof *h->stubs))
		return eng_err_nomem(err);
	h->stubs[h->nstubs++] = (struct eng_horizon_stub){
	        {series->series, f->h.seq, f->h.header_check}, f->h.series, f->h.stamp, p.nsubjects, false};
	for (unsigned i = 0; i < p.nsubjects; i++) {
		if (!eng_grow(&h->about, &h->about_cap, h->nabout, sizeof *h->about))
			return eng_err_nomem(err);
		h->about[h->nabout++] = (struct eng_horizon_subject){eng_prelude_subject(&p, i), stub};
	}
	return add_named(h, stub, &body.killer, err);
}

/* -- others ------------------------------------------------------------------------------- */

static int by_id(const void *a, const void *b)
{
	const struct eng_horizon_subject *x = a, *y = b;
	int c = eng_id_cmp(&x->id, &y->id);

	return c ? c : (x->stub > y->stub) - (x->stub < y->stub);
}

static int by_stub(const void *a, const void *b)
{
	const struct eng_horizon_killer *x = a, *y = b;

	return (x->stub > y->stub) - (x->stub < y->stub);
}

/* The first that is about the id, or behind where that would be. */
static size_t first_about(const struct eng_horizon *h, const struct engram_id *id)
{
	return eng_id_lower(h->about, h->nabout, sizeof *h->about, id);
}

static bool is_about(const struct eng_horizon *h, size_t i, const struct engram_id *id)
{
	return i < h->nabout && eng_id_cmp(&h->about[i].id, id) == 0;
}

static bool names(const struct eng_ref *ref, const struct eng_horizon_stub *stub)
{
	return ref->index == 0 && ref->dot.seq == stub->at.seq && ref->header_check == stub->at.header_check &&
	       eng_series_cmp(&ref->dot.series, &stub->of) == 0;
}

/* Whether a dot of an item killed a stub about the same id. */
static bool kills(const struct eng_dot_record *d, const struct eng_horizon_stub *stub)
{
	if (d->kind == ENG_FORGET && d->stamp >= stub->stamp)
		return true;
	for (unsigned i = 0; stub->subjects == 1 && !d->in_run && i < d->nrefs; i++)
		if (names(&d->refs[i], stub))
			return true;
	return false;
}

/* The same of a frame. */
static bool frame_kills(const struct eng_frame *f, const struct eng_prelude *p, const struct eng_horizon_stub *stub)
{
	if (f->h.kind == ENG_FORGET && f->h.stamp >= stub->stamp)
		return true;
	for (unsigned i = 0; stub->subjects == 1 && !p->has_run && i < p->nrefs; i++) {
		struct eng_ref ref = eng_prelude_ref(p, i);

		if (names(&ref, stub))
			return true;
	}
	return false;
}

static int look_at_item(struct eng_horizon *h, size_t first, struct eng_arena *arena, struct engram_error *err)
{
	const struct engram_id *id = &h->about[first].id;
	struct eng_bytes value;
	struct eng_item item;
	uint32_t doc;
	int r = eng_txn_get(h->txn, ENG_T_ITEMS, eng_bytes(id->b, sizeof id->b), &value);

	if (r <= 0)
		return r < 0 ? eng_txn_status(h->txn, err) : 0;
	eng_arena_reset(arena);
	eng_item_init(&item, id, arena);
	r = eng_item_load(&item, &doc, id, value, arena, err);
	for (size_t i = first; r == 0 && is_about(h, i, id); i++)
		for (size_t k = 0; k < item.ndots; k++)
			h->stubs[h->about[i].stub].dead |= kills(&item.dots[k], &h->stubs[h->about[i].stub]);
	return r;
}

static int look_at_state(struct eng_horizon *h, struct engram_error *err)
{
	struct eng_arena arena = ENG_ARENA_INIT;
	int r = 0;

	for (size_t i = 0; r == 0 && h->txn && i < h->nabout; i++)
		if (i == 0 || !is_about(h, i - 1, &h->about[i].id))
			r = look_at_item(h, i, &arena, err);
	eng_arena_free(&arena);
	return r;
}

static int look_at_frame(struct eng_horizon *h, const struct eng_series *series, const struct eng_frame *f,
                         struct engram_error *err)
{
	struct eng_prelude p;
	int r = 0;

	if (!eng_is_item_frame(f) || eng_prelude_decode(&p, f->payload, f->h.payload_len, NULL) < 0)
		return 0;
	for (unsigned k = 0; r == 0 && k < p.nsubjects; k++) {
		const struct engram_id id = eng_prelude_subject(&p, k);

		for (size_t i = first_about(h, &id); r == 0 && is_about(h, i, &id); i++)
			if (frame_kills(f, &p, &h->stubs[h->about[i].stub]))
				r = add_killer(h, h->about[i].stub, series, f->h.seq, err);
	}
	return r;
}

static int look_at_series(struct eng_horizon *h, const struct eng_series_info *info, uint64_t upto,
                          struct engram_error *err)
{
	const struct eng_head *from = eng_head_find(h->heads, h->nheads, &info->series);
	uint64_t seq = from ? from->seq : info->base;
	struct eng_cursor *c;
	struct eng_frame f;
	int r;

	if (seq >= upto)
		return 0;
	r = eng_cursor_open(&c, h->log, &info->series, seq, upto, from && from->next.segment ? &from->next : NULL, err);
	if (r < 0)
		return r;
	while ((r = eng_cursor_next(c, &f, err)) == 1)
		if ((r = look_at_frame(h, &info->series, &f, err)) < 0)
			break;
	eng_cursor_close(c);
	return r;
}

int eng_killers_look(struct eng_horizon *h, const struct eng_series_info *infos, size_t n, bool written,
                     struct engram_error *err)
{
	int r = 0;

	if (h->nabout == 0)
		return 0;
	qsort(h->about, h->nabout, sizeof *h->about, by_id);
	r = look_at_state(h, err);
	for (size_t i = 0; r == 0 && i < n; i++)
		r = look_at_series(h, &infos[i], written ? infos[i].written_seq : infos[i].durable_seq, err);
	if (h->nkillers)
		qsort(h->killers, h->nkillers, sizeof *h->killers, by_stub);
	return r;
}
