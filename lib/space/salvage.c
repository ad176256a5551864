/* salvage.c - the memories that a damaged log still gives.
 *
 * The derived files are not asked: they may know frames that are gone.  Every
 * readable frame is held in memory, which is the price of believing nothing
 * else; then memories are read from them as from a space without state.  What
 * rested on a lost frame is told as it is without it: a memory whose forget was
 * lost is back, one whose revision was lost says what it said before. */
#include "space/space_int.h"

#include <inttypes.h>
#include <stdio.h>

struct salvage {
	struct engram_space *space;
	struct eng_raw *raw;
	uint64_t lost;
	engram_memory_fn *fn; /* the caller's */
	void *data;
	struct engram_error *err;
};

static void lost_frames(void *data, const struct eng_gap *gap)
{
	struct salvage *v = data;
	uint64_t last_seq = gap->first_seq + gap->frames - 1;

	v->lost += gap->frames > 0 ? gap->frames : 1;
	if (gap->frames == 0)
		eng_space_say(v->space, "%s: bytes %" PRIu64 " to %" PRIu64 " hold no frame", gap->path, gap->from, gap->to);
	else if (gap->to == 0)
		eng_space_say(v->space, "%s: frames %" PRIu64 " to %" PRIu64 " are not there", gap->path,
		              gap->first_seq, last_seq);
	else
		eng_space_say(v->space, "%s: frames %" PRIu64 " to %" PRIu64 " are lost in bytes %" PRIu64 " to %" PRIu64,
		    gap->path, gap->first_seq, last_seq, gap->from, gap->to);
}

static int take_frame(void *data, const struct eng_frame *f)
{
	struct salvage *v = data;
	int r = eng_raw_take_loose(v->raw, f, v->err);

	if (r != ENGRAM_EDAMAGED)
		return r < 0 ? r : 0;
	v->lost++;
	eng_space_say(v->space, "%s", v->err ? v->err->message : "a frame cannot be understood");
	return 0;
}

static int give(void *data, const struct engram_id *id, const struct engram_memory *m, const struct engram_error *why)
{
	struct salvage *v = data;
	char text[ENGRAM_ID_TEXT + 1];

	if (m)
		return v->fn(v->data, m);
	engram_id_format(text, id);
	v->lost++;
	eng_space_say(v->space, "memory %s: %s", text, why->message);
	return 0;
}

int engram_salvage(struct engram_space *space, uint64_t *lost, engram_memory_fn *fn, void *data,
                   struct engram_error *err)
{
	struct eng_view view = {.space = space};
	struct salvage v = {.space = space, .raw = &view.raw, .fn = fn, .data = data, .err = err};
	struct eng_salvage user = {take_frame, lost_frames, &v};
	int r = eng_space_check_handle(space, err);

	if (r < 0)
		return r;
	eng_raw_init(&view.raw);
	r = eng_log_salvage(space->log, &user, err);
	eng_raw_sort_edges(&view.raw);
	if (r == 0)
		r = eng_view_memories(&view, give, &v, err);
	eng_view_close(&view);
	*lost = v.lost;
	if (r == 0 && err)
		*err = (struct engram_error){0};
	return r;
}
