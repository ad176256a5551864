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

/* 48 bits of milliseconds, the year 10889: beyond that nothing is held. */
eng_stamp eng_hlc_horizon(int64_t wall_us, uint32_t bound_ms)
{
	uint64_t ms = (wall_us < 0 ? 0 : (uint64_t)wall_us / 1000) + bound_ms;

	return ms >> 48 ? UINT64_MAX : ms << 16 | 0xffff;
}

int64_t eng_hlc_release_us(eng_stamp s, uint32_t bound_ms)
{
	int64_t ms = (int64_t)(s >> 16) - bound_ms;

	return ms <= 0 ? 0 : ms * 1000;
}
