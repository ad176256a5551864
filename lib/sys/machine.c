/* machine.c - how many processors a process may use, and where they are.
 *
 * A process may use fewer than the machine has: by its affinity (taskset, cpusets
 * of a container) and by the quota of its control group, which a container with
 * "2 processors" of 64 is given.  Threads beyond either would only take turns.
 *
 * Nodes are read from /sys without libnuma, so that it is opened only where there
 * is more than one. */
#include "sys/machine.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sys/posix.h"

/* The beginning of a small file as text; false: there is none. */
static bool read_text(char *out, size_t size, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, out, size - 1);

	if (fd >= 0)
		close(fd);
	out[n > 0 ? n : 0] = '\0';
	return n > 0;
}

/* -- processors -------------------------------------------------------------------- */

int eng_cpus_allowed(struct eng_cpus *cpus)
{
	memset(cpus, 0, sizeof *cpus);
	return sched_getaffinity(0, sizeof cpus->bits, (cpu_set_t *)cpus->bits) < 0 ? -errno : 0;
}

int eng_cpus_restrict(const struct eng_cpus *cpus)
{
	return sched_setaffinity(0, sizeof cpus->bits, (const cpu_set_t *)cpus->bits) < 0 ? -errno : 0;
}

unsigned eng_cpus_count(const struct eng_cpus *cpus)
{
	unsigned n = 0;

	for (size_t i = 0; i < ENG_CPUS_MAX / ENG_CPU_WORD; i++)
		n += (unsigned)__builtin_popcountl(cpus->bits[i]);
	return n;
}

bool eng_cpus_both(struct eng_cpus *cpus, const struct eng_cpus *also)
{
	unsigned long any = 0;

	for (size_t i = 0; i < ENG_CPUS_MAX / ENG_CPU_WORD; i++)
		any |= cpus->bits[i] &= also->bits[i];
	return any != 0;
}

void eng_cpus_parse(struct eng_cpus *cpus, const char *list)
{
	memset(cpus, 0, sizeof *cpus);
	for (char *end; *list >= '0' && *list <= '9'; list = *end == ',' ? end + 1 : end) {
		unsigned long from = strtoul(list, &end, 10), to = from;

		if (*end == '-')
			to = strtoul(end + 1, &end, 10);
		for (; from <= to && from < ENG_CPUS_MAX; from++)
			cpus->bits[from / ENG_CPU_WORD] |= 1ul << from % ENG_CPU_WORD;
	}
}

/* -- quotas -------------------------------------------------------------------------- */

/* What one group leaves, version 2 ("200000 100000", "max 100000") or 1 (two
 * files, -1 for none); 0 = it says nothing. */
static unsigned group_quota(const char *dir)
{
	char path[ENG_PATH_MAX], text[64], *end = text;
	long long quota = 0, period = 0;

	if (eng_path(path, dir, "cpu.max") && read_text(text, sizeof text, path)) {
		quota = strtoll(text, &end, 10);
		period = strtoll(end, NULL, 10);
	} else if (eng_path(path, dir, "cpu.cfs_quota_us") && read_text(text, sizeof text, path)) {
		quota = strtoll(text, NULL, 10);
		if (eng_path(path, dir, "cpu.cfs_period_us") && read_text(text, sizeof text, path))
			period = strtoll(text, NULL, 10);
	}
	if (quota <= 0 || period <= 0)
		return 0;
	return (unsigned)((quota + period - 1) / period < ENG_CPUS_MAX ? (quota + period - 1) / period : ENG_CPUS_MAX);
}

/* The least of a group and of all above it. */
static unsigned least_quota(const char *root, const char *group)
{
	char dir[ENG_PATH_MAX];
	size_t shortest = strlen(root);
	unsigned least = 0;

	if (!eng_path(dir, root, "%s", group[0] == '/' ? group + 1 : group))
		return 0;
	for (char *slash = dir + strlen(dir); slash; slash = strrchr(dir, '/')) {
		unsigned quota;

		*slash = '\0';
		if (strlen(dir) < shortest)
			break;
		quota = group_quota(dir);
		if (quota && (!least || quota < least))
			least = quota;
	}
	return least;
}

/* Whether a comma-separated list has "cpu". */
static bool has_cpu(const char *controllers)
{
	const char *at = controllers;

	while (at && !(strncmp(at, "cpu", 3) == 0 && (at[3] == ',' || at[3] == '\0'))) {
		at = strchr(at, ',');
		at = at ? at + 1 : NULL;
	}
	return at != NULL;
}

/* Lines are "NUMBER:CONTROLLERS:GROUP"; version 2 has one without controllers. */
unsigned eng_cgroup_quota(const char *own, const char *root)
{
	char text[8192], dir[ENG_PATH_MAX], *rest = text;
	unsigned least = 0;

	if (!read_text(text, sizeof text, own))
		return 0;
	for (char *line; (line = strsep(&rest, "\n"));) {
		const char *controllers = (strsep(&line, ":"), strsep(&line, ":"));
		unsigned quota = 0;

		if (!controllers || !line)
			continue;
		if (controllers[0] == '\0')
			quota = least_quota(root, line);
		else if (has_cpu(controllers) && eng_path(dir, root, "%s", controllers))
			quota = least_quota(dir, line);
		if (quota && (!least || quota < least))
			least = quota;
	}
	return least;
}

/* -- nodes ----------------------------------------------------------------------------- */

static int by_number(const void *a, const void *b)
{
	unsigned x = *(const unsigned *)a, y = *(const unsigned *)b;

	return (x > y) - (x < y);
}

static bool has_allowed(const char *root, unsigned node, const struct eng_cpus *allowed)
{
	char path[ENG_PATH_MAX], text[8192];
	struct eng_cpus cpus;

	if (!eng_path(path, root, "node%u/cpulist", node) || !read_text(text, sizeof text, path))
		return false;
	eng_cpus_parse(&cpus, text);
	return eng_cpus_both(&cpus, allowed);
}

unsigned eng_nodes_with(unsigned out[ENG_NODES_MAX], const char *root, const struct eng_cpus *allowed)
{
	DIR *dir = opendir(root);
	unsigned n = 0;

	for (struct dirent *e; dir && n < ENG_NODES_MAX && (e = readdir(dir));) {
		char *end;
		unsigned long node;

		if (strncmp(e->d_name, "node", 4) != 0 || e->d_name[4] < '0' || e->d_name[4] > '9')
			continue;
		node = strtoul(e->d_name + 4, &end, 10);
		if (*end == '\0' && has_allowed(root, (unsigned)node, allowed))
			out[n++] = (unsigned)node;
	}
	if (dir)
		closedir(dir);
	qsort(out, n, sizeof *out, by_number);
	return n;
}

/* -- the seam ---------------------------------------------------------------------------- */

static unsigned posix_processors(void *ctx)
{
	unsigned quota = eng_cgroup_quota("/proc/self/cgroup", "/sys/fs/cgroup"), n;
	struct eng_cpus allowed;

	if (eng_cpus_allowed(&allowed) < 0)
		return 1;
	n = eng_cpus_count(&allowed);
	return quota && quota < n ? quota : n;
}

static unsigned posix_nodes(void *ctx, unsigned out[ENG_NODES_MAX])
{
	struct eng_cpus allowed;

	if (eng_cpus_allowed(&allowed) < 0)
		return 1;
	return eng_nodes_with(out, "/sys/devices/system/node", &allowed);
}

static int posix_settle(void *ctx, unsigned node)
{
	return eng_numa_settle(node);
}

static int posix_start(void *ctx, pthread_t *thread, void *(*fn)(void *data), void *data)
{
	return pthread_create(thread, NULL, fn, data);
}

const struct eng_machine eng_posix_machine = {posix_processors, posix_nodes, posix_settle, posix_start, NULL};
