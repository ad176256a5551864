/* rebuild.c - a new generation from the log alone.
 *
 * The state and the text view are built under names that nobody knows of, with
 * one sync at the end, and then named in CURRENT: until then readers use the
 * old generation, and stores go on.  A kill leaves files that the next sweep
 * removes and a rebuild that begins again (5 s for a million memories, which
 * is why no half-built one is taken up: after a power cut nothing says which
 * of its pages reached the disk). */
#include "space/space_int.h"

#include "base/alloc.h"

/* The tables whose keys come in no order: ids, and times of series that were written
 * side by side. */
static int gather(struct eng_gen *g, struct engram_error *err)
{
	enum { ITEMS_BYTES = 64 << 20, ORDER_BYTES = 32 << 20 };
	int r = eng_store_gather(g->store, ENG_T_ITEMS, ITEMS_BYTES, err);

	return r == 0 ? eng_store_gather(g->store, ENG_T_ORDER, ORDER_BYTES, err) : r;
}

int eng_rebuild_locked(struct engram_space *s, const struct eng_job *job, struct engram_error *err)
{
	struct eng_gen *g;
	int r = eng_gen_refresh(s, err);

	if (r < 0)
		return r;
	eng_gen_sweep(s);
	r = eng_gen_create(&g, s, NULL, NULL, err);
	if (r < 0)
		return r;
	if (job && job->report)
		job->report->applied = 0;
	r = gather(g, err);
	if (r == 0)
		r = eng_apply_gen(s, g, job, eng_all_frames, err);
	if (r == 0)
		r = eng_text_sync(s, g, NULL, 0, job, err); /* makes the file, also of an empty view */
	if (r < 0) {
		eng_gen_abandon(s, g);
		return r;
	}
	return eng_gen_install(s, g, err);
}

int eng_space_rebuild(struct engram_space *s, const struct eng_job *job, struct engram_error *err)
{
	struct engram_space_info info;
	int r;

	if (job && job->dry_run) {
		r = engram_space_info(s, &info, err);
		if (r == 0 && job->report)
			job->report->applied = info.frames;
		return r;
	}
	return eng_space_maintain(s, job, eng_rebuild_locked, err);
}
