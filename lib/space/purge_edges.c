/* purge_edges.c - the bytes of edges that a forget killed.
 *
 * From a record the dead dots go, wholesale (edge.h says why they may).  A frame
 * becomes a stub if one forget killed all that it says: a stub names one killer,
 * and whoever has that forget must find everything dead that the frame said.
 * Links of one memory share a frame, so forgetting that memory is such a case;
 * of a frame that still says something else, ids and relations stay in the
 * log until that dies too.
 *
 * What is to be done follows from the records: a dead dot stays in its record
 * until its frame was looked at, and a kill between the two repeats the look. */
#include "space/space_int.h"

#include <stdlib.h>

#include "base/alloc.h"

/* -- which records, which frames ---------------------------------------------------- */

static int by_id(const void *a, const void *b)
{
	const struct eng_forgotten *x = a, *y = b;

	return eng_id_cmp(&x->id, &y->id);
}

static eng_stamp forgotten_of(const struct eng_edge_purge *p, const struct eng_edge_key *key)
{
	const struct engram_id *ends[2] = {&key->from, &key->to};
	eng_stamp last = 0;

	for (unsigned i = 0; p->nforgotten && i < 2; i++) {
		const struct eng_forgotten wanted = {.id = *ends[i]}, *found;
		found = bsearch(&wanted, p->forgotten, p->nforgotten, sizeof wanted, by_id);
		if (found && found->stamp > last)
			last = found->stamp;
	}
	return last;
}

int eng_edge_purge_forgotten(struct eng_edge_purge *p, const struct engram_id *id, eng_stamp stamp,
                             struct engram_error *err)
{
	if (stamp == 0)
		return 0;
	if (!eng_grow(&p->forgotten, &p->forgotten_cap, p->nforgotten, sizeof *p->forgotten))
		return eng_err_nomem(err);
	p->forgotten[p->nforgotten++] = (struct eng_forgotten){*id, stamp};
	return 0;
}

static int note_dead(void *data, struct eng_edge *e, struct engram_error *err)
{
	struct eng_edge_purge *p = data;
	size_t dead = eng_edge_dead(e, forgotten_of(p, &e->key));

	if (dead && !eng_grow(&p->keys, &p->keys_cap, p->nkeys, sizeof *p->keys))
		return eng_err_nomem(err);
	if (dead)
		p->keys[p->nkeys++] = e->key;
	for (size_t i = 0; i < dead; i++) {
		if (!eng_grow(&p->frames, &p->frames_cap, p->nframes, sizeof *p->frames))
			return eng_err_nomem(err);
		p->frames[p->nframes++] = (struct eng_edge_frame_at){e->dots[i].dot, e->dots[i].place};
	}
	eng_arena_reset(&p->arena);
	return 0;
}

static int by_dot(const void *a, const void *b)
{
	const struct eng_edge_frame_at *x = a, *y = b;
	int c = eng_series_cmp(&x->dot.series, &y->dot.series);

	return c ? c : (x->dot.seq > y->dot.seq) - (x->dot.seq < y->dot.seq);
}

static void each_once(struct eng_edge_purge *p)
{
	size_t kept = 0;

	if (p->nframes)
		qsort(p->frames, p->nframes, sizeof *p->frames, by_dot);
	for (size_t i = 0; i < p->nframes; i++)
		if (kept == 0 || by_dot(&p->frames[kept - 1], &p->frames[i]) != 0)
			p->frames[kept++] = p->frames[i];
	p->nframes = kept;
}

/* -- by which forget ------------------------------------------------------------------ */

/* Forgets that killed all edges looked at so far, oldest first. */
struct killers {
	struct eng_dot *at;
	size_t n;
	bool begun;
};

static bool forgets(const struct eng_item *item, const struct eng_dot *dot, eng_stamp stamp)
{
	for (size_t i = 0; i < item->ndots; i++)
		if (item->dots[i].kind == ENG_FORGET && item->dots[i].stamp >= stamp && item->dots[i].dot.seq == dot->seq &&
		    eng_series_cmp(&item->dots[i].dot.series, &dot->series) == 0)
			return true;
	return false;
}

static int take_all(struct killers *k, const struct eng_item *items, eng_stamp stamp, struct eng_arena *arena,
                    struct engram_error *err)
{
	size_t i[2] = {0, 0};

	k->begun = true;
	k->at = eng_arena_alloc(arena, (items[0].ndots + items[1].ndots + 1) * sizeof *k->at);
	if (!k->at)
		return eng_err_nomem(err);
	for (;;) { /* both lie in order of stamps */
		bool left[2] = {i[0] < items[0].ndots, i[1] < items[1].ndots};
		unsigned next = !left[0] || (left[1] && items[1].dots[i[1]].stamp < items[0].dots[i[0]].stamp);
		const struct eng_dot_record *d;
		if (!left[0] && !left[1])
			return 0;
		d = &items[next].dots[i[next]++];
		if (d->kind == ENG_FORGET && d->stamp >= stamp)
			k->at[k->n++] = d->dot;
	}
}

static int take_edge(struct killers *k, struct eng_view *v, const struct eng_edge_key *key, eng_stamp stamp,
                     struct eng_arena *arena, struct engram_error *err)
{
	struct eng_item items[2];
	uint32_t doc;
	size_t kept = 0;
	int r = eng_view_item(v, &items[0], &doc, &key->from, arena, err);

	if (r == 0)
		r = eng_view_item(v, &items[1], &doc, &key->to, arena, err);
	if (r < 0)
		return r;
	if (!k->begun)
		return take_all(k, items, stamp, arena, err);
	for (size_t i = 0; i < k->n; i++)
		if (forgets(&items[0], &k->at[i], stamp) || forgets(&items[1], &k->at[i], stamp))
			k->at[kept++] = k->at[i];
	k->n = kept;
	return 0;
}

static int look_at_frame(struct eng_edge_purge *p, struct eng_view *v, const struct eng_edge_frame_at *at,
                         struct eng_buf *b, struct engram_error *err)
{
	struct killers k = {.n = 0};
	struct eng_edge_frame frame;
	struct eng_edge_key key;
	struct eng_edge_dot dot;
	struct eng_frame f;
	int r = eng_log_read(v->space->log, &f, b, &at->dot.series, at->dot.seq, at->place, err);

	eng_arena_reset(&p->arena);
	if (r == 0)
		r = eng_edge_frame_begin(&frame, &f, &p->arena, err);
	while (r == 0 && eng_edge_frame_next(&frame, &key, &dot) && (!k.begun || k.n > 0))
		r = take_edge(&k, v, &key, f.h.stamp, &p->arena, err);
	if (r < 0 || k.n == 0)
		return r;
	if (!eng_grow(&p->kills, &p->kills_cap, p->nkills, sizeof *p->kills))
		return eng_err_nomem(err);
	p->kills[p->nkills++] = (struct eng_kill){at->dot, k.at[0], at->place};
	return 0;
}

int eng_edge_purge_list(struct eng_edge_purge *p, struct eng_view *v, struct engram_error *err)
{
	struct eng_buf b = ENG_BUF_INIT;
	int r = 0;

	if (p->nforgotten == 0)
		return 0;
	qsort(p->forgotten, p->nforgotten, sizeof *p->forgotten, by_id);
	r = eng_view_edges(v, NULL, note_dead, p, &p->arena, err);
	each_once(p);
	for (size_t i = 0; r == 0 && i < p->nframes; i++)
		r = look_at_frame(p, v, &p->frames[i], &b, err);
	eng_buf_free(&b);
	return r;
}

int eng_edge_purge_records(struct eng_edge_purge *p, struct eng_txn *t, struct engram_error *err)
{
	struct eng_buf b = ENG_BUF_INIT;
	struct eng_edge e;
	int r = 0;

	for (size_t i = 0; r == 0 && i < p->nkeys; i++) {
		eng_arena_reset(&p->arena);
		r = eng_edge_load(&e, t, &p->keys[i], &p->arena, err);
		if (r < 0)
			break;
		eng_edge_purge(&e, forgotten_of(p, &e.key));
		r = eng_edge_store(t, &e, &b, err);
	}
	eng_buf_free(&b);
	return r;
}

void eng_edge_purge_free(struct eng_edge_purge *p)
{
	eng_free(p->forgotten);
	eng_free(p->keys);
	eng_free(p->frames);
	eng_free(p->kills);
	eng_arena_free(&p->arena);
}
