/* clock.c - see clock.h. */
#include "common/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/num.h"

#define SECOND_US INT64_C(1000000)
#define MINUTE_US (60 * SECOND_US)
#define HOUR_US (60 * MINUTE_US)
#define DAY_US (24 * HOUR_US)

static int64_t read_clock_us(clockid_t id)
{
	struct timespec t = {0};

	clock_gettime(id, &t);
	return t.tv_sec * SECOND_US + t.tv_nsec / 1000;
}

int64_t clock_now_us(void)
{
	int64_t now_us = read_clock_us(CLOCK_REALTIME);
	const char *fixed = getenv("ENGRAM_NOW");

	if (fixed && *fixed)
		eng_parse_time(&now_us, fixed, strlen(fixed), now_us);
	return now_us;
}

int64_t clock_mono_us(void)
{
	return read_clock_us(CLOCK_MONOTONIC);
}

void clock_ago(char out[CLOCK_AGO_TEXT], int64_t us, int64_t now_us)
{
	int64_t age_us = now_us - us;

	if (age_us < -MINUTE_US || age_us >= 30 * DAY_US) {
		eng_format_time(out, us);
		out[strlen("2026-11-21")] = 0;
	} else if (age_us < MINUTE_US) {
		strcpy(out, "just now");
	} else if (age_us < HOUR_US) {
		snprintf(out, CLOCK_AGO_TEXT, "%d min ago", (int)(age_us / MINUTE_US));
	} else if (age_us < DAY_US) {
		snprintf(out, CLOCK_AGO_TEXT, "%d h ago", (int)(age_us / HOUR_US));
	} else {
		snprintf(out, CLOCK_AGO_TEXT, "%d d ago", (int)(age_us / DAY_US));
	}
}
