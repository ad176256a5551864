/* process.h - one command from its start to its end, and what it took. */
#ifndef BENCH_PROCESS_H
#define BENCH_PROCESS_H

#include <stdbool.h>
#include <stdint.h>

struct process_use {
	int64_t elapsed_ns; /* posix_spawn to exit */
	int64_t cpu_ns;     /* user and system */
	long peak_kib;      /* greatest resident set, mapped files and all */
	long anon_kib;      /* greatest part of it that is no file's, where it was watched */
	int status;         /* exit status */
};

enum process_core { PROCESS_ANY_CORE = -1 };

/* Runs argv (argv[0] is looked for in PATH) with standard streams on /dev/null,
 * bound to `core`; ends the bench where it cannot be run or a signal ends it.  To
 * watch its memory it is looked at every 2 ms, which does a short command no good. */
void process_run(struct process_use *out, char *const argv[], int core, bool watch);

/* A copy of `arg` with its first `%n` replaced by the number n. */
char *process_argument(const char *arg, int n);

#endif
