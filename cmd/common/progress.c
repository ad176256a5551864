/* progress.c - see progress.h. */
#include "common/progress.h"

#include <stdio.h>
#include <unistd.h>

#include "common/clock.h"

/* Ten a second is smooth; a log wants one line a minute. */
#define TTY_INTERVAL_US 100000
#define LOG_INTERVAL_US 60000000
/* A run shorter than this shows nothing: a flash says nothing. */
#define FIRST_US 300000

void progress_begin(struct progress *p, const char *name, enum when when, bool quiet)
{
	*p = (struct progress){.name = name, .tty = isatty(STDERR_FILENO) == 1};
	p->on = when == WHEN_ALWAYS || (when == WHEN_AUTO && p->tty && !quiet);
	if (p->on)
		p->next_us = clock_mono_us() + (p->tty ? FIRST_US : LOG_INTERVAL_US);
}

void progress_show(struct progress *p, const char *phase, uint64_t done, uint64_t total)
{
	char line[160];
	int64_t now_us;
	int n;

	if (!p->on)
		return;
	now_us = clock_mono_us();
	if (now_us < p->next_us)
		return;
	p->next_us = now_us + (p->tty ? TTY_INTERVAL_US : LOG_INTERVAL_US);
	n = snprintf(line, sizeof line, "%s%s: %s %llu", p->tty ? "\r\033[K" : "", p->name, phase,
	             (unsigned long long)done);
	if (total)
		n += snprintf(line + n, sizeof line - (size_t)n, " of %llu (%u %%)",
		              (unsigned long long)total,
		              (unsigned)((unsigned __int128)done * 100 / total));
	if (!p->tty)
		n += snprintf(line + n, sizeof line - (size_t)n, "\n");
	out_stderr(line, (size_t)n < sizeof line ? (size_t)n : sizeof line - 1);
	p->shown = p->tty;
}

void progress_end(struct progress *p)
{
	if (p->shown)
		out_stderr("\r\033[K", 4);
	p->shown = false;
	p->next_us = 0;
}
