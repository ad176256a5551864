/* clock.h - the time of day, as the library sees it, and how long ago. */
#ifndef CMD_CLOCK_H
#define CMD_CLOCK_H

#include <stddef.h>
#include <stdint.h>

/* Microseconds since 1970 UTC; ENGRAM_NOW, when set, stops the clock. */
int64_t clock_now_us(void);
/* Never goes back; for progress. */
int64_t clock_mono_us(void);

/* "just now", "5 min ago", "3 h ago", "12 d ago", then the date. */
#define CLOCK_AGO_TEXT 32
void clock_ago(char out[CLOCK_AGO_TEXT], int64_t us, int64_t now_us);

#endif
