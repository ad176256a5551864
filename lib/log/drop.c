/* drop.c - no writer survives the dropping of its space.
 *
 * A writer that waits for a lock while the space is renamed away would get it
 * and acknowledge into a directory that is being deleted.  So the dropper takes
 * every append and flush lock (and the mint lock, that no series begins
 * meanwhile), sets `dropped` in every mark, and keeps the locks until it closes
 * the log, by which time the directory must have another name; whoever gets a
 * lock then finds the path gone.  One who finds it still there clears `dropped`:
 * the dropper gave up or died. */
#include "log/log_int.h"

static int lock_series(struct eng_log *log, struct eng_log_series *s, struct engram_error *err)
{
	int r = eng_lock_append(log, s, err);

	if (r < 0)
		return r;
	r = eng_lock_flush(log, s, err);
	if (r < 0)
		eng_unlock_append(log, s);
	else
		s->locked = true;
	return r;
}

static void unlock_all(struct eng_log *log)
{
	for (size_t i = 0; i < log->nseries; i++) {
		struct eng_log_series *s = log->series[i];

		if (!s->locked)
			continue;
		s->locked = false;
		eng_unlock_flush(log, s);
		eng_unlock_append(log, s);
	}
	eng_unlock_mint(log);
}

static int lock_all(struct eng_log *log, struct engram_error *err)
{
	int r = eng_lock_mint(log, err);

	if (r == 0)
		r = eng_series_list(log, err);
	for (size_t i = 0; r == 0 && i < log->nseries; i++)
		if (log->series[i]->state == ENG_MARK_FITS)
			r = lock_series(log, log->series[i], err);
	return r;
}

int eng_log_drop(struct eng_log *log, struct engram_error *err)
{
	int r = lock_all(log, err);

	if (r < 0) {
		unlock_all(log);
		return r;
	}
	for (size_t i = 0; i < log->nseries; i++) {
		struct eng_log_series *s = log->series[i];

		if (s->locked) {
			s->mark->dropped = 1;
			eng_flush_announce(log, s);
		}
	}
	eng_point(log->sys, "drop-marked");
	return ENGRAM_OK;
}
