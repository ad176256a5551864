/* purge.c - what a forget condemned becomes stubs.
 *
 * Items are judged by lib/merge; frames that are no dot of an item, here. */
#include "state.h"

#include <stdlib.h>

#include "frame/payload.h"

static int make_stub(struct sim_frame *f, const struct eng_dot *killer, struct engram_error *err)
{
	if (!f || f->h.flags & ENG_FLAG_STUB)
		return 0;
	if (eng_stub_make(f->p + ENG_FRAME_HEADER, f->h.payload_len, killer) < 0)
		return eng_err(err, ENGRAM_EINTERNAL, "stub: no room");
	f->h.flags |= ENG_FLAG_STUB;
	eng_header_encode(f->p, &f->h);
	return 1;
}

static int purge_item(struct sim_state *st, size_t *n, const struct engram_id *id, struct eng_arena *arena,
                      struct engram_error *err)
{
	struct eng_dot_record **dots;
	struct eng_dot *killers;
	struct eng_item item;
	size_t found = 0;
	int r = sim_state_item(st, &item, SIM_APPLIED, id, arena, err);

	if (r == 0)
		r = eng_item_purgeable(&item, &dots, &killers, &found, err);
	for (size_t i = 0; r >= 0 && i < found; i++) {
		r = make_stub(sim_disk_find(st->disk, &dots[i]->dot.series, dots[i]->dot.seq, dots[i]->header_check, NULL),
		              &killers[i], err);
		*n += r > 0;
	}
	return r < 0 ? r : 0;
}

/* The earliest forget of one of its subjects that killed a frame. */
static bool killer_of(const struct sim_state *st, const struct sim_frame *f, struct eng_dot *killer, struct eng_arena *arena)
{
	struct eng_prelude p;
	struct eng_item item;
	eng_stamp first = 0;

	if (eng_prelude_decode(&p, sim_frame_payload(f), f->h.payload_len, NULL) < 0)
		return false;
	for (unsigned i = 0; i < p.nsubjects; i++) {
		struct engram_id id = eng_prelude_subject(&p, i);

		if (sim_state_item(st, &item, SIM_APPLIED, &id, arena, NULL) < 0)
			return false;
		for (size_t k = 0; k < item.ndots; k++)
			if (item.dots[k].kind == ENG_FORGET && item.dots[k].stamp >= f->h.stamp &&
			    (!first || item.dots[k].stamp < first)) {
				first = item.dots[k].stamp;
				*killer = item.dots[k].dot;
			}
	}
	return first;
}

/* Frames that are no dot of an item: recalled together, or of a kind that nobody
 * here knows. */
static int purge_others(struct sim_state *st, size_t *n, struct eng_arena *arena, struct engram_error *err)
{
	int r = 0;

	for (size_t i = 0; i < st->disk->nlogs; i++)
		for (size_t k = 0; k < st->disk->logs[i]->applied && r >= 0; k++) {
			struct sim_frame *f = &st->disk->logs[i]->f[k];
			struct eng_dot killer;

			if (f->h.flags & ENG_FLAG_STUB || (f->h.kind != ENG_USE && f->h.kind != SIM_STRANGE_KIND))
				continue;
			eng_arena_reset(arena);
			if (killer_of(st, f, &killer, arena)) {
				r = make_stub(f, &killer, err);
				*n += r > 0;
			}
		}
	return r < 0 ? r : 0;
}

int sim_state_purge(struct sim_state *st, size_t *n, struct engram_error *err)
{
	size_t nids;
	struct engram_id *ids = sim_state_ids(st, &nids);
	struct eng_arena arena = ENG_ARENA_INIT;
	int r = 0;

	*n = 0;
	for (size_t i = 0; i < nids && r == 0; i++) {
		eng_arena_reset(&arena);
		r = purge_item(st, n, &ids[i], &arena, err);
	}
	if (r == 0)
		r = purge_others(st, n, &arena, err);
	eng_arena_free(&arena);
	free(ids);
	return r;
}
