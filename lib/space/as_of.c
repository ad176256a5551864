/* as_of.c - which memories were different at an earlier moment.
 *
 * The state knows only the present.  Each memory of it that has a frame later than
 * the moment is therefore read anew, as the overlay does with raw frames: one
 * that was not there yet is masked, one that was different becomes a document of
 * the overlay.  Words and their frequencies follow, so that the ranking is that
 * of the moment too.
 *
 * The price is a look at every item (0.2 us each), and for each that is not what
 * it was the reading of its text (5 us).  An index by moment would spare the look and
 * cost every store. */
#include "space/snapshot_int.h"

static int look_at(struct eng_snapshot *s, struct eng_bytes key, struct eng_bytes value, struct eng_arena *arena,
                   struct engram_error *err)
{
	struct engram_id id;
	struct eng_item item;
	uint32_t doc;
	int r;

	if (key.n != sizeof id.b)
		return eng_err(err, ENGRAM_EDAMAGED, "state: items: a key of %zu bytes", key.n);
	memcpy(id.b, key.p, sizeof id.b);
	r = eng_item_load(&item, &doc, &id, value, arena, err);
	/* What is not live now was forgotten, and that holds for every moment. */
	if (r < 0 || doc == ENG_NO_DOC || !eng_item_later(&item, s->as_of_us))
		return r < 0 ? r : 0;
	return eng_raw_mention(&s->view.raw, &id) < 0 ? eng_err_nomem(err) : 0;
}

static int look_at_all(struct eng_snapshot *s, struct eng_walk *w, struct engram_error *err)
{
	struct eng_arena arena = ENG_ARENA_INIT;
	struct eng_bytes key, value;
	int r = eng_walk_seek(w, eng_bytes(NULL, 0), &key, &value);

	while (r == 1) {
		eng_arena_reset(&arena);
		r = look_at(s, key, value, &arena, err);
		if (r < 0)
			break;
		r = eng_walk_next(w, &key, &value);
		if (r < 0)
			eng_txn_status(s->view.txn, err);
	}
	eng_arena_free(&arena);
	return r;
}

int eng_as_of_look(struct eng_snapshot *s, struct engram_error *err)
{
	const eng_stamp then = eng_stamp_last(s->as_of_us);
	struct eng_walk *w = NULL;
	int r;

	if (s->view.stamp > then)
		s->view.stamp = then;
	if (!s->view.txn)
		return 0; /* everything is read from the log in any case */
	r = eng_walk_begin(&w, s->view.txn, ENG_T_ITEMS, err);
	if (r == 0)
		r = look_at_all(s, w, err);
	eng_walk_end(w);
	return r;
}
