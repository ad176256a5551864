/* progress.c - see progress.h. */
#include "common/progress.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"

/* Ten a second is smooth; a log wants one line a minute. */
#define TTY_INTERVAL_US 100000
#define LOG_INTERVAL_US 60000000
/* A run shorter than this shows nothing: a flash says nothing. */
#define FIRST_US 300000
#define PACE_US 5000000

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

/* Where the pace is measured from: what was 5 to 10 s ago, since a graph that grows
 * becomes slower. */
static const struct progress_at *pace(struct progress *p, const char *phase, uint64_t done)
{
	struct progress_at now = {clock_mono_us(), done};

	if (strncmp(phase, p->phase, sizeof p->phase - 1) != 0 || done < p->newer.done) {
		snprintf(p->phase, sizeof p->phase, "%s", phase);
		p->older = p->newer = now;
	} else if (now.us - p->newer.us >= PACE_US) {
		p->older = p->newer;
		p->newer = now;
	}
	return &p->older;
}

/* ", 40 s left"; nothing in the first second, which tells little. */
static void add_left(char *out, size_t size, const struct progress_at *from, uint64_t done, uint64_t total)
{
	int64_t took_us = clock_mono_us() - from->us;
	uint64_t s;

	if (took_us < 1000000 || done <= from->done || done >= total)
		return;
	s = (uint64_t)((unsigned __int128)(total - done) * (uint64_t)took_us / (done - from->done) / 1000000) + 1;
	if (s < 120)
		snprintf(out, size, ", %u s left", (unsigned)s);
	else if (s < 120 * 60)
		snprintf(out, size, ", %u min left", (unsigned)(s / 60));
	else
		snprintf(out, size, ", %llu h left", (unsigned long long)(s / 3600));
}

void progress_show(struct progress *p, const char *phase, uint64_t done, uint64_t total)
{
	char rest[64] = "", left[32] = "";
	const struct progress_at *from;

	if (!p->on)
		return;
	from = pace(p, phase, done);
	if (!is_due(p))
		return;
	add_left(left, sizeof left, from, done, total);
	if (total)
		snprintf(rest, sizeof rest, " of %llu (%u %%)%s", (unsigned long long)total, percent(done, total), left);
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
