/* bulk.c - what importing costs, several commands in turn.
 *
 *     bulk BENCH ROUNDS RECORDS [-- after cmd arg...] -- LABEL cmd arg... -- LABEL cmd arg...
 *          [-- rate WHAT A FLOOR] [-- ratio WHAT A B FLOOR] [-- memory WHAT A MIB]...
 *
 * Each round runs every command once, on one core, the order turning by one.
 * `%n` inside an argument becomes the round's number.  A rate is records by
 * the processor time of the command, user and system, median of the rounds;
 * elapsed time, which holds what the disk takes and what else the machine does,
 * is printed beside it.  `rate` must reach FLOOR, `ratio` is the rate of A by
 * that of B and must reach FLOOR, `memory` is the greatest RssAnon met, looked
 * at every 2 ms, and must stay below MIB.
 *
 * `after` runs after each command and is not measured: what was stored goes, and its
 * memory is used again.  A virtual machine that was left alone has given its free pages
 * back to its host, and 4 us each for new ones made 42,000 vectors a second of 92,000. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "measure.h"
#include "process.h"

#define COMMANDS 16
#define ARGS 64

struct command {
	const char *label;
	char **argv;
	int argc;
	struct samples cpu, elapsed;
	long anon_kib; /* greatest of all rounds */
};

static void start(struct process_use *use, const struct command *c, int n, int core)
{
	char *argv[ARGS + 1] = {0};

	for (int i = 0; i < c->argc; i++)
		argv[i] = process_argument(c->argv[i], n);
	process_run(use, argv, core, true);
	if (use->status)
		measure_die("%s: exit status %d", c->label, use->status);
	for (int i = 0; i < c->argc; i++)
		free(argv[i]);
}

static void run(struct command *c, int n)
{
	struct process_use use;

	start(&use, c, n, n % (int)sysconf(_SC_NPROCESSORS_ONLN));
	if (use.anon_kib > c->anon_kib)
		c->anon_kib = use.anon_kib;
	samples_add(&c->elapsed, use.elapsed_ns);
	samples_add(&c->cpu, use.cpu_ns);
}

static int parse(struct command *c, int argc, char **argv, int *rest)
{
	static const char *const verdicts[] = {"rate", "ratio", "memory"};
	int n = 0, i = 4;
	for (; i + 2 < argc && !strcmp(argv[i], "--"); n++) {
		for (size_t k = 0; k < sizeof verdicts / sizeof *verdicts; k++)
			if (!strcmp(argv[i + 1], verdicts[k])) {
				*rest = i;
				return n;
			}
		if (n == COMMANDS)
			measure_die("at most %d commands", COMMANDS);
		c[n].label = argv[i + 1];
		c[n].argv = argv + i + 2;
		for (i += 2; i < argc && strcmp(argv[i], "--"); i++)
			c[n].argc++;
		if (c[n].argc > ARGS)
			measure_die("%s: too many arguments", c[n].label);
	}
	*rest = i;
	return n;
}

static struct command *find(struct command *c, int n, const char *label)
{
	for (int i = 0; i < n; i++)
		if (!strcmp(c[i].label, label))
			return &c[i];
	measure_die("no command \"%s\"", label);
}

static double rate(struct samples *s, double records)
{
	return records * 1e9 / (double)samples_at(s, 500);
}

/* One verdict at a[0] = "--"; how many arguments it took. */
static int judge(const char *bench, struct command *c, int n, char **a, double records)
{
	struct command *x = find(c, n, a[3]);
	if (!strcmp(a[1], "ratio")) {
		measure_floor(bench, a[2], MEASURE_RATIO, rate(&x->cpu, records) / rate(&find(c, n, a[4])->cpu, records),
		              atof(a[5]), false);
		return 6;
	}
	if (!strcmp(a[1], "rate"))
		measure_floor(bench, a[2], MEASURE_EXTRA, rate(&x->cpu, records), atof(a[4]), false);
	else
		measure_floor(bench, a[2], MEASURE_EXTRA, (double)x->anon_kib / 1024, atof(a[4]), true);
	return 5;
}

int main(int argc, char **argv)
{
	static struct command all[COMMANDS], *after, *c = all;
	struct process_use unused;
	char what[256];
	int rest, rounds = argc > 4 ? atoi(argv[2]) : 0;
	double records = argc > 4 ? atof(argv[3]) : 0;
	if (rounds < 1 || records < 1)
		measure_die("usage: bulk BENCH ROUNDS RECORDS -- LABEL cmd arg... ...");
	int n = parse(all, argc, argv, &rest);
	if (n > 0 && !strcmp(all[0].label, "after")) {
		after = c++;
		n--;
	}
	for (int r = 0; r < rounds; r++)
		for (int k = 0; k < n; k++) {
			run(&c[(k + r) % n], r);
			if (after)
				start(&unused, after, r, PROCESS_ANY_CORE);
		}
	for (int k = 0; k < n; k++) {
		measure_rate(argv[1], c[k].label, "/s of one core", rate(&c[k].cpu, records));
		snprintf(what, sizeof what, "%s, elapsed", c[k].label);
		measure_rate(argv[1], what, "/s", rate(&c[k].elapsed, records));
	}
	while (rest + 4 < argc)
		rest += judge(argv[1], c, n, &argv[rest], records);
	return 0;
}
