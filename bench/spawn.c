/* spawn.c - how long whole processes take, several commands in turn.
 *
 *     spawn BENCH ROUNDS -- LABEL cmd arg... -- LABEL cmd arg... [-- ratio WHAT A B FLOOR]...
 *
 * Each round starts every command once (posix_spawn to exit), the order
 * turning by one, so that whatever disturbs the machine disturbs all.  `%n`
 * inside an argument becomes the round's number.  stdin, stdout and stderr
 * are /dev/null.  LABEL may end in =N: exit status N is expected too.
 * `ratio` compares the medians of the commands A and B (sums with +) to a
 * floor that must not be exceeded; `extra` the difference in microseconds. */
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "measure.h"

extern char **environ;

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

static char *with_number(const char *arg, int n)
{
	const char *at = strstr(arg, "%n");
	char *out = NULL;
	if (!at)
		return strdup(arg);
	if (asprintf(&out, "%.*s%d%s", (int)(at - arg), arg, n, at + 2) < 0)
		measure_die("out of memory");
	return out;
}

static int64_t run(const struct command *c, int n)
{
	char *argv[ARGS + 1] = {0};
	posix_spawn_file_actions_t fa;
	pid_t pid;
	int status;
	for (int i = 0; i < c->argc; i++)
		argv[i] = with_number(c->argv[i], n);
	posix_spawn_file_actions_init(&fa);
	for (int fd = 0; fd < 3; fd++)
		posix_spawn_file_actions_addopen(&fa, fd, "/dev/null", O_RDWR, 0);
	int64_t t = measure_ns();
	int r = posix_spawnp(&pid, argv[0], &fa, NULL, argv, environ);
	if (r)
		measure_die("%s: %s", argv[0], strerror(r));
	if (waitpid(pid, &status, 0) != pid)
		measure_die("%s: lost", argv[0]);
	t = measure_ns() - t;
	if (!WIFEXITED(status) || (WEXITSTATUS(status) && WEXITSTATUS(status) != c->status))
		measure_die("%s (%s): status %x", c->label, argv[0], (unsigned)status);
	posix_spawn_file_actions_destroy(&fa);
	for (int i = 0; i < c->argc; i++)
		free(argv[i]);
	return t;
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

static int parse(struct command *c, int argc, char **argv, int *rest)
{
	int n = 0, i = 3;
	while (i < argc && !strcmp(argv[i], "--")) {
		if (i + 1 < argc && (!strcmp(argv[i + 1], "ratio") || !strcmp(argv[i + 1], "extra")))
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
	else
		measure_floor(bench, a[2], MEASURE_EXTRA, x - y, atof(a[5]), true);
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
