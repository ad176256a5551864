/* hlc.c - stamps: the wall clock, bent so that it never goes back. */
#include "frame/hlc.h"

eng_stamp eng_hlc_next(int64_t wall_us, eng_stamp last, eng_stamp floor)
{
	eng_stamp seen = last > floor ? last : floor;
	eng_stamp wall = wall_us < 0 ? 0 : (eng_stamp)(wall_us / 1000) << 16;

	return wall > seen ? wall : seen + 1;
}

int64_t eng_hlc_ahead_ms(eng_stamp s, int64_t wall_us)
{
	return (int64_t)(s >> 16) - wall_us / 1000;
}
