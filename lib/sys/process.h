/* process.h - one child process behind two pipes: what it is told, what it says.
 *
 * The child is a shell command.  Its standard error is ours; it inherits no other
 * descriptor. */
#ifndef ENG_SYS_PROCESS_H
#define ENG_SYS_PROCESS_H

#include "sys/pipes.h"

enum eng_process_group {
	ENG_GROUP_OWN,  /* what it started ends with it */
	ENG_GROUP_OURS, /* it may ask its user at the terminal, as ssh does for a password */
};

struct eng_process {
	int pid;
	enum eng_process_group group;
	struct eng_pipes pipes; /* our ends */
};

/* Runs `sh -c command`.  0 or -errno; on failure there is nothing to end. */
int eng_process_start(struct eng_process *p, const char *command, enum eng_process_group group);

/* Closes the pipes and waits for the end: the exit status, 128 + the signal
 * that ended it, or -ETIMEDOUT where it had to be killed.  kill_now does not
 * wait for it to end by itself.  No child is left behind in any case. */
int eng_process_end(struct eng_process *p, bool kill_now, int timeout_ms);

#endif
