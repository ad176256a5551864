/* learn.c - use and feedback frames: what a recall was good for.
 *
 * Frames hold ids and integers, never a word of a cue.  What the own series
 * said within the hour already is not said again: a program that repeats a
 * call, because it could not tell how the first one ended, changes nothing. */
#include "frame/hlc.h"
#include "space/writer_int.h"

/* Where the writer stands: what it sees, whose series, about when. */
struct place {
	const struct eng_series *series; /* NULL: none was minted yet */
	eng_stamp now;
};

static int stand(struct place *p, struct engram_writer *w, struct engram_error *err)
{
	struct eng_clock clock = w->space->sys->clock;
	bool current = w->viewing && !w->strange;
	int r = current ? 0 : eng_writer_look(w, err);

	if (r < 0)
		return r;
	p->series = eng_writer_series(w, err);
	p->now = eng_hlc_next(clock.wall_us(clock.ctx), w->view.stamp, 0);
	return 0;
}

/* "Said already" may rest on the frame of another writer. */
static int begin(struct place *p, bool *written, struct engram_writer *w, struct engram_error *err)
{
	*written = false;
	w->rested = true;
	return stand(p, w, err);
}

static int end(bool *written, struct eng_payload_out *o, struct engram_writer *w, uint8_t kind,
               struct engram_error *err)
{
	int r = eng_writer_end(o, w, kind, err);

	*written = r == 0;
	return r;
}

/* The item of a memory that lives, in w->arena. */
static int live_item(struct eng_item *item, struct engram_writer *w, const struct engram_id *id,
                     struct engram_error *err)
{
	char text[ENGRAM_ID_TEXT + 1];
	struct eng_reading reading = {.live = false};
	uint32_t doc;
	int r;

	eng_arena_reset(&w->arena);
	r = eng_view_item(&w->view, item, &doc, id, &w->arena, err);
	if (r == 0 && item->ndots)
		r = eng_item_read(item, &reading, err);
	if (r < 0 || reading.live)
		return r;
	engram_id_format(text, id);
	r = eng_err(err, ENGRAM_ENOID, item->ndots ? "the memory %s is forgotten" : "no memory has the id %s", text);
	eng_err_object(err, text);
	return r;
}

int eng_writer_knows(struct engram_writer *w, const struct engram_judgement *judged, size_t n, struct engram_error *err)
{
	struct eng_item item;
	struct place p;
	int r = eng_writer_check(w, err);

	if (r < 0 || n == 0)
		return r;
	r = stand(&p, w, err);
	for (size_t i = 0; r == 0 && i < n; i++)
		r = live_item(&item, w, &judged[i].id, err);
	return r;
}

int eng_writer_use(struct engram_writer *w, bool *written, const struct engram_id *id, struct engram_error *err)
{
	struct eng_payload_out o;
	struct eng_item item;
	struct place p;
	int r = begin(&p, written, w, err);

	if (r == 0)
		r = live_item(&item, w, id, err);
	if (r < 0 || (p.series && eng_item_rehearsed(&item, p.series, p.now)))
		return r;
	r = eng_writer_begin(&o, w, id, 1, NULL, 0, err);
	return r < 0 ? r : end(written, &o, w, ENG_USE, err);
}

int eng_writer_together(struct engram_writer *w, bool *written, const struct engram_id *a, const struct engram_id *b,
                        struct engram_error *err)
{
	bool swap = eng_id_cmp(a, b) > 0;
	struct engram_id pair[2] = {swap ? *b : *a, swap ? *a : *b};
	struct eng_edge_key key = {.from = pair[0], .to = pair[1], .class = ENG_EDGE_TOGETHER};
	struct eng_payload_out o;
	eng_stamp forgotten;
	struct eng_edge e;
	struct place p;
	int r = begin(&p, written, w, err);

	eng_arena_reset(&w->arena);
	if (r == 0)
		r = eng_writer_see_edge(w, &e, &forgotten, &key, &w->arena, err);
	if (r < 0 || (p.series && eng_edge_heard(&e, forgotten, p.series, p.now)))
		return r;
	r = eng_writer_begin(&o, w, pair, 2, NULL, 0, err);
	return r < 0 ? r : end(written, &o, w, ENG_USE, err);
}

int eng_writer_judge(struct engram_writer *w, bool *written, const struct engram_id *id, bool useful,
                     const void *features, size_t n, struct engram_error *err)
{
	struct eng_payload_out o;
	struct eng_item item;
	struct place p;
	int r = begin(&p, written, w, err);

	if (r == 0)
		r = live_item(&item, w, id, err);
	if (r < 0 || (p.series && eng_item_verdict(&item, p.series, p.now, features, n) == (int)useful))
		return r;
	r = eng_writer_begin(&o, w, id, 1, NULL, 0, err);
	if (r < 0)
		return r;
	eng_payload_u32(&o, ENG_EL_VERDICT, useful);
	if (n)
		eng_payload_element(&o, ENG_EL_FEATURES, features, n);
	return end(written, &o, w, ENG_FEEDBACK, err);
}
