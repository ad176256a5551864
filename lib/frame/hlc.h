/* hlc.h - hybrid logical clock (Kulkarni et al. 2014): never below the wall
 * clock, never at or below what was seen; the counter borrows a millisecond
 * when its 16 bits run over. */
#ifndef ENG_FRAME_HLC_H
#define ENG_FRAME_HLC_H

#include "base/types.h"

/* The next stamp: max(wall, last + 1, floor + 1). */
eng_stamp eng_hlc_next(int64_t wall_us, eng_stamp last, eng_stamp floor);
/* How far a stamp lies beyond the wall clock, in ms; <= 0 = not at all. */
int64_t eng_hlc_ahead_ms(eng_stamp s, int64_t wall_us);

/* A clock that ran ahead so far was broken: its store does not go on from it, and
 * what it stamped does not drag other stamps along. */
#define ENG_CLOCK_AHEAD_MS (24ll * 3600 * 1000)

/* -- frames from the future -------------------------------------------------
 *
 * A received frame whose stamp lies beyond the wall clock by more than a bound
 * is *held*: kept and passed on, not applied until the clock has come near, and
 * with it all that follows in its series.  Without that, one store whose clock
 * runs a year ahead would win every register for a year, and drag everybody
 * else's stamps along.  Never dropped: what a store has then depends on the
 * frames alone, not on who received them when.  The frames of a series that this
 * store wrote, now or before it was restored, are never held: their writer read
 * "stored". */

/* Laptops and cron wake with clocks some seconds off; 60 s is beyond all of
 * them, and short enough to wait for. */
#define ENG_HOLD_BOUND_MS 60000u

/* The greatest stamp that is not held. */
eng_stamp eng_hlc_horizon(int64_t wall_us, uint32_t bound_ms);
/* Whether a frame is; own: of a series that this store wrote. */
static inline bool eng_hlc_held(eng_stamp s, eng_stamp horizon, bool own)
{
	return !own && s > horizon;
}
/* The wall clock from which on it no longer is; 0 where it never was. */
int64_t eng_hlc_release_us(eng_stamp s, uint32_t bound_ms);

#endif
