/* process.c - see process.h.
 *
 * A child inherits the cores of the thread that starts it, so this process binds
 * itself for the moment of starting. */
#include "process.h"

#include <fcntl.h>
#include <sched.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "measure.h"

extern char **environ;

char *process_argument(const char *arg, int n)
{
	const char *at = strstr(arg, "%n");
	char *out;

	if ((at ? asprintf(&out, "%.*s%d%s", (int)(at - arg), arg, n, at + 2) : asprintf(&out, "%s", arg)) < 0)
		measure_die("out of memory");
	return out;
}

static pid_t start(char *const argv[])
{
	posix_spawn_file_actions_t fa;
	pid_t pid;
	int r;

	posix_spawn_file_actions_init(&fa);
	for (int fd = 0; fd < 3; fd++)
		posix_spawn_file_actions_addopen(&fa, fd, "/dev/null", O_RDWR, 0);
	r = posix_spawnp(&pid, argv[0], &fa, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&fa);
	if (r)
		measure_die("%s: %s", argv[0], strerror(r));
	return pid;
}

static pid_t start_on(char *const argv[], int core)
{
	cpu_set_t all, one;
	pid_t pid;

	if (core == PROCESS_ANY_CORE || sched_getaffinity(0, sizeof all, &all))
		return start(argv);
	CPU_ZERO(&one);
	CPU_SET(core, &one);
	sched_setaffinity(0, sizeof one, &one);
	pid = start(argv);
	sched_setaffinity(0, sizeof all, &all);
	return pid;
}

static long anon_kib(pid_t pid)
{
	char path[64], line[256];
	long kib = 0;
	FILE *f;

	snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof line, f))
		if (sscanf(line, "RssAnon: %ld", &kib) == 1)
			break;
	if (f)
		fclose(f);
	return kib;
}

static int64_t ns(struct timeval t)
{
	return (int64_t)t.tv_sec * 1000000000 + (int64_t)t.tv_usec * 1000;
}

void process_run(struct process_use *out, char *const argv[], int core, bool watch)
{
	int64_t begin = measure_ns();
	pid_t got, pid = start_on(argv, core);
	struct rusage used;
	int status;

	*out = (struct process_use){0};
	while ((got = wait4(pid, &status, watch ? WNOHANG : 0, &used)) == 0) {
		long kib = anon_kib(pid);

		if (kib > out->anon_kib)
			out->anon_kib = kib;
		usleep(2000);
	}
	out->elapsed_ns = measure_ns() - begin;
	if (got != pid || !WIFEXITED(status))
		measure_die("%s: wait status %x", argv[0], (unsigned)status);
	out->cpu_ns = ns(used.ru_utime) + ns(used.ru_stime);
	out->peak_kib = used.ru_maxrss;
	out->status = WEXITSTATUS(status);
}
