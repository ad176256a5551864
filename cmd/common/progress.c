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

static bool is_due(struct progress *p)
{
	int64_t now_us;

	if (!p->on)
		return false;
	now_us = clock_mono_us();
	if (now_us < p->next_us)
		return false;
	p->next_us = now_us + (p->tty ? TTY_INTERVAL_US : LOG_INTERVAL_US);
	return true;
}

static void show(struct progress *p, const char *phase, uint64_t done, const char *rest)
{
	char line[160];
	int n = snprintf(line, sizeof line, "%s%s: %s %llu%s%s", p->tty ? "\r\033[K" : "", p->name, phase,
	                 (unsigned long long)done, rest, p->tty ? "" : "\n");

	out_stderr(line, (size_t)n < sizeof line ? (size_t)n : sizeof line - 1);
	p->shown = p->tty;
}

static unsigned percent(uint64_t at, uint64_t of)
{
	return (unsigned)((unsigned __int128)at * 100 / of);
}

void progress_show(struct progress *p, const char *phase, uint64_t done, uint64_t total)
{
	char rest[64] = "";

	if (!is_due(p))
		return;
	if (total)
		snprintf(rest, sizeof rest, " of %llu (%u %%)", (unsigned long long)total, percent(done, total));
	show(p, phase, done, rest);
}

void progress_show_part(struct progress *p, const char *phase, uint64_t done, uint64_t at, uint64_t of)
{
	char rest[32] = "";

	if (!is_due(p))
		return;
	if (of)
		snprintf(rest, sizeof rest, " (%u %%)", percent(at < of ? at : of, of));
	show(p, phase, done, rest);
}

void progress_end(struct progress *p)
{
	if (p->shown)
		out_stderr("\r\033[K", 4);
	p->shown = false;
	p->next_us = 0;
}
