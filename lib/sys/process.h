/* process.h - one child process behind two pipes: lines in, lines out.
 *
 * The caller drives it by rounds: each hands over what the child will take and
 * fetches what it has said, whichever is possible first.  Writing and reading
 * wait in the same call, so neither side can fill its pipe and block the other.
 *
 * The child is a shell command in a process group of its own: what it started
 * ends with it.  Its standard error is ours.  It inherits no other descriptor. */
#ifndef ENG_SYS_PROCESS_H
#define ENG_SYS_PROCESS_H

#include <stdbool.h>
#include <stddef.h>

struct eng_process {
	int pid;
	int in, out; /* our ends; -1 = closed */
};

/* Runs `sh -c command`.  0 or -errno; on failure there is nothing to end. */
int eng_process_start(struct eng_process *p, const char *command);

struct eng_round {
	const void *send;
	size_t nsend;
	void *take;
	size_t ntake;
	/* out */
	size_t sent, taken;
	bool deaf; /* the child closed its input; `sent` bytes went in before */
	bool end;  /* the child closed its output */
};

/* One round.  1 something happened, 0 nothing did in timeout_ms, -errno.
 * nsend 0 waits for output alone. */
int eng_process_round(struct eng_process *p, struct eng_round *r, int timeout_ms);

/* Closes the child's input: it sees the end of the file. */
void eng_process_close_input(struct eng_process *p);

/* Closes the pipes and waits for the end: the exit status, 128 + the signal
 * that ended it, or -ETIMEDOUT where it had to be killed.  kill_now does not
 * wait for it to end by itself.  No child is left behind in any case. */
int eng_process_end(struct eng_process *p, bool kill_now, int timeout_ms);

#endif
