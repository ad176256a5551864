/* once.c - what one command took.
 *
 *     once BENCH WHAT cmd arg...
 *
 * For what is too long to be repeated: elapsed and processor time, and the memory it
 * held at most.  Its standard streams are /dev/null. */
#include <stdio.h>

#include "measure.h"
#include "process.h"

static void report(char **argv, const char *what, double value, const char *unit)
{
	char line[256];

	snprintf(line, sizeof line, "%s, %s", argv[2], what);
	measure_rate(argv[1], line, unit, value);
}

int main(int argc, char **argv)
{
	struct process_use use;

	if (argc < 4)
		measure_die("usage: once BENCH WHAT cmd arg...");
	process_run(&use, argv + 3, PROCESS_ANY_CORE, true);
	if (use.status)
		measure_die("%s: exit status %d", argv[3], use.status);
	report(argv, "elapsed", (double)use.elapsed_ns / 1e9, "s");
	report(argv, "processor time", (double)use.cpu_ns / 1e9, "s");
	report(argv, "anonymous memory", (double)use.anon_kib / 1024, "MiB");
	report(argv, "resident memory, mapped files and all", (double)use.peak_kib / 1024, "MiB");
	return 0;
}
