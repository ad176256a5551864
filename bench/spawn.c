/* spawn.c - how long whole processes take, several commands in turn.
 *
 *     spawn BENCH ROUNDS -- LABEL cmd arg... -- LABEL cmd arg... [-- VERDICT WHAT A B FLOOR]...
 *
 * Each round starts every command once (posix_spawn to exit), the order
 * turning by one, so that whatever disturbs the machine disturbs all.  `%n`
 * inside an argument becomes the round's number.  stdin, stdout and stderr
 * are /dev/null.  LABEL may end in =N: exit status N is expected too.
 *
 * A verdict compares the medians of the commands A and B (sums with +):
 *     ratio    A / B must not exceed FLOOR
 *     extra    A - B, microseconds, must not exceed FLOOR
 *     faster   B / A must reach FLOOR (0: is only told)
 *     within   A, milliseconds, must not exceed FLOOR (B is only for the eye) */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "measure.h"
#include "process.h"

#define COMMANDS 16
#define ARGS 64
#define WARM 5

struct command {
	char label[128];
	int status; /* accepted besides 0 */
	char *argv[ARGS];
	int argc;
	struct samples times;
};

static int64_t run(const struct command *c, int n)
{
	char *argv[ARGS + 1] = {0};
	struct process_use use;

	for (int i = 0; i < c->argc; i++)
		argv[i] = process_argument(c->argv[i], n);
	process_run(&use, argv, PROCESS_ANY_CORE, false);
	if (use.status && use.status != c->status)
		measure_die("%s (%s): exit status %d", c->label, argv[0], use.status);
	for (int i = 0; i < c->argc; i++)
		free(argv[i]);
	return use.elapsed_ns;
}

static void set_label(struct command *c, const char *label)
{
	const char *eq = strchr(label, '=');
	snprintf(c->label, sizeof c->label, "%.*s", eq ? (int)(eq - label) : 100, label);
	c->status = eq ? atoi(eq + 1) : 0;
}

/* Median of "A" or sum of "A+B+..." in microseconds. */
static double median_of(struct command *c, int n, const char *expression)
{
	double sum = 0;
	char part[128];
	for (const char *p = expression; *p;) {
		size_t len = strcspn(p, "+");
		snprintf(part, sizeof part, "%.*s", (int)len, p);
		int i = 0;
		while (i < n && strcmp(c[i].label, part))
			i++;
		if (i == n)
			measure_die("no command \"%s\"", part);
		sum += (double)samples_at(&c[i].times, 500) / 1e3;
		p += len + (p[len] == '+');
	}
	return sum;
}

static bool is_verdict(const char *arg)
{
	return !strcmp(arg, "ratio") || !strcmp(arg, "extra") || !strcmp(arg, "faster") || !strcmp(arg, "within");
}

static int parse(struct command *c, int argc, char **argv, int *rest)
{
	int n = 0, i = 3;
	while (i < argc && !strcmp(argv[i], "--")) {
		if (i + 1 < argc && is_verdict(argv[i + 1]))
			break;
		if (n == COMMANDS || i + 2 >= argc)
			measure_die("usage: spawn BENCH ROUNDS -- LABEL cmd arg... ...");
		set_label(&c[n], argv[i + 1]);
		for (i += 2; i < argc && strcmp(argv[i], "--"); i++) {
			if (c[n].argc == ARGS)
				measure_die("%s: too many arguments", c[n].label);
			c[n].argv[c[n].argc++] = argv[i];
		}
		n++;
	}
	*rest = i;
	return n;
}

static void judge(const char *bench, struct command *c, int n, char **a)
{
	double x = median_of(c, n, a[3]), y = median_of(c, n, a[4]);
	if (!strcmp(a[1], "ratio"))
		measure_floor(bench, a[2], MEASURE_RATIO, x / y, atof(a[5]), true);
	else if (!strcmp(a[1], "extra"))
		measure_floor(bench, a[2], MEASURE_EXTRA, x - y, atof(a[5]), true);
	else if (!strcmp(a[1], "faster") && atof(a[5]) == 0)
		measure_rate(bench, a[2], "times", y / x);
	else if (!strcmp(a[1], "faster"))
		measure_floor(bench, a[2], MEASURE_RATIO, y / x, atof(a[5]), false);
	else
		measure_floor(bench, a[2], MEASURE_EXTRA, x / 1e3, atof(a[5]), true);
}

int main(int argc, char **argv)
{
	static struct command c[COMMANDS];
	int rest, rounds = argc > 2 ? atoi(argv[2]) : 0;
	if (rounds < 1)
		measure_die("usage: spawn BENCH ROUNDS -- LABEL cmd arg... ...");
	int n = parse(c, argc, argv, &rest);
	for (int r = -WARM; r < rounds; r++)
		for (int k = 0; k < n; k++) {
			struct command *x = &c[(k + r + WARM) % n];
			int64_t t = run(x, r + WARM);
			if (r >= 0)
				samples_add(&x->times, t);
		}
	for (int k = 0; k < n; k++)
		measure_times(argv[1], c[k].label, &c[k].times);
	for (; rest + 5 < argc; rest += 6)
		judge(argv[1], c, n, &argv[rest]);
	return 0;
}
