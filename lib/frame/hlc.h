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

#endif
