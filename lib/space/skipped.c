/* skipped.c - frames that this program cannot read.
 *
 * Of a kind, or a version of a kind, that came later: they are kept and passed on,
 * and the state notes which they were (item.h says what for).  What can be read of
 * them is what every version can read, header and prelude.  That is enough to obey a
 * forget: what it kills may be a summary, or whatever else a later program says of
 * a memory, in words of that memory.
 *
 * A forget of one subject takes the whole frame, whoever else it is about: nothing
 * here knows which of its bytes speak of whom.  So stores of any version make the
 * same stub; a kind whose parts should outlive each other needs a frame for each. */
#include "space/space_int.h"

#include <inttypes.h>

#include "base/alloc.h"

/* -- all that are whole ------------------------------------------------------------------ */

struct listing {
	int (*fn)(struct listing *l, const struct eng_raw_skip *skip, const struct eng_frame *f, struct engram_error *err);
	void *data; /* of fn, which is given those that are whole; non-zero ends it */
	struct eng_view *view;
	struct eng_arena arena;
	struct eng_buf frame;
};

static void end(struct listing *l)
{
	eng_arena_free(&l->arena);
	eng_buf_free(&l->frame);
}

static int look_at(struct listing *l, const struct eng_raw_skip *skip, struct engram_error *err)
{
	struct eng_frame f;
	int r = eng_log_read(l->view->space->log, &f, &l->frame, &skip->dot.series, skip->dot.seq, skip->place, err);

	if (r < 0 || f.h.flags & ENG_FLAG_STUB)
		return r;
	eng_arena_reset(&l->arena);
	return l->fn(l, skip, &f, err);
}

static int look_at_state(struct listing *l, struct engram_error *err)
{
	struct eng_bytes key, value;
	struct eng_raw_skip skip;
	struct eng_walk *w = NULL;
	int r = eng_walk_begin(&w, l->view->txn, ENG_T_SKIPPED, err);

	if (r < 0)
		return r;
	for (r = eng_walk_seek(w, eng_bytes(NULL, 0), &key, &value); r == 1; r = eng_walk_next(w, &key, &value)) {
		if (!eng_skip_decode(&skip, key, value))
			r = eng_err(err, ENGRAM_EDAMAGED, "state: skipped frames: wrong check");
		else
			r = look_at(l, &skip, err);
		if (r != 0)
			goto out;
	}
	r = eng_txn_status(l->view->txn, err);
out:
	eng_walk_end(w);
	return r;
}

/* Those of state and raw frames. */
static int look_at_all(struct listing *l, struct engram_error *err)
{
	int r = l->view->txn ? look_at_state(l, err) : 0;

	for (size_t i = 0; r == 0 && i < l->view->raw.nskips; i++)
		r = look_at(l, &l->view->raw.skips[i], err);
	end(l);
	return r;
}

static int prelude_of(struct eng_prelude *p, const struct eng_frame *f, struct engram_error *err)
{
	if (eng_prelude_decode(p, f->payload, f->h.payload_len, NULL) == 0)
		return 0;
	return eng_err(err, ENGRAM_EDAMAGED, "frame %" PRIu64 ": its prelude cannot be read", f->h.seq);
}

/* -- which of them a forget killed ----------------------------------------------------- */

/* 1 and the first of all forgets of its subjects, so that every store names the same; 0. */
static int find_killer(struct eng_dot *killer, struct listing *l, const struct eng_frame *f, struct engram_error *err)
{
	const struct eng_dot_record *first = NULL;
	struct eng_prelude p;
	int r = prelude_of(&p, f, err);

	for (unsigned i = 0; r == 0 && i < p.nsubjects; i++) {
		struct engram_id id = eng_prelude_subject(&p, i);
		struct eng_item item;
		uint32_t doc;
		r = eng_view_item(l->view, &item, &doc, &id, &l->arena, err);
		if (r == 0)
			eng_item_killer(&first, &item, &f->h);
	}
	if (r < 0 || !first)
		return r;
	*killer = first->dot;
	return 1;
}

static int note_killed(struct listing *l, const struct eng_raw_skip *skip, const struct eng_frame *f,
                       struct engram_error *err)
{
	struct eng_skip_purge *p = l->data;
	struct eng_dot killer;
	int r = find_killer(&killer, l, f, err);

	if (r <= 0)
		return r;
	if (!eng_grow(&p->kills, &p->cap, p->n, sizeof *p->kills))
		return eng_err_nomem(err);
	p->kills[p->n++] = (struct eng_kill){skip->dot, killer, skip->place};
	return 0;
}

static struct listing of_killed(struct eng_skip_purge *p, struct eng_view *v)
{
	return (struct listing){note_killed, p, v, ENG_ARENA_INIT, ENG_BUF_INIT};
}

int eng_skip_purge_list(struct eng_skip_purge *p, struct eng_view *v, struct engram_error *err)
{
	struct listing l = of_killed(p, v);

	return look_at_all(&l, err);
}

/* -- whether something is said of a memory that is gone ---------------------------------- */

struct said {
	const struct engram_id *id;
	eng_stamp since;
};

static int is_said(struct listing *l, const struct eng_raw_skip *skip, const struct eng_frame *f,
                   struct engram_error *err)
{
	const struct said *said = l->data;
	struct eng_prelude p;
	int r = f->h.stamp > said->since ? prelude_of(&p, f, err) : 1;

	(void)skip;
	if (r != 0)
		return r < 0 ? r : 0;
	for (unsigned i = 0; i < p.nsubjects; i++) {
		struct engram_id id = eng_prelude_subject(&p, i);
		if (eng_id_cmp(&id, said->id) == 0)
			return 1;
	}
	return 0;
}

int eng_skips_said(struct eng_view *v, const struct engram_id *id, eng_stamp since, struct engram_error *err)
{
	struct said said = {id, since};
	struct listing l = {is_said, &said, v, ENG_ARENA_INIT, ENG_BUF_INIT};

	return look_at_all(&l, err);
}

/* -- applying ------------------------------------------------------------------------- */

int eng_skips_write(struct engram_space *s, struct eng_txn *t, const struct eng_raw *raw, uint64_t *killed,
                    struct engram_error *err)
{
	uint8_t key[ENG_SKIP_KEY], record[ENG_SKIP_SIZE];
	struct eng_skip_purge found = {.n = 0};
	struct eng_view state = {.space = s, .txn = t};
	struct listing l = of_killed(&found, &state);
	int r = 0;

	for (size_t i = 0; r == 0 && i < raw->nskips; i++) {
		eng_skip_encode(key, record, &raw->skips[i]);
		eng_txn_put(t, ENG_T_SKIPPED, eng_bytes(key, sizeof key), eng_bytes(record, sizeof record));
		r = look_at(&l, &raw->skips[i], err);
	}
	*killed += found.n;
	eng_free(found.kills);
	end(&l);
	return r;
}
