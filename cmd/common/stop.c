/* stop.c - see stop.h.
 *
 * Calls are restarted after the handler, so that no system call of the library
 * is cut short; only the wait for input ends, and it looks at the flag with the
 * signals held back, so that none slips in between. */
#include "common/stop.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>

static volatile sig_atomic_t stop_signal;

static void note(int signal)
{
	stop_signal = signal;
}

void stop_catch(void)
{
	struct sigaction action = {.sa_handler = note, .sa_flags = (int)(SA_RESTART | SA_RESETHAND)};

	sigemptyset(&action.sa_mask);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
}

int stop_wanted(void)
{
	return stop_signal;
}

void stop_forget(void)
{
	stop_signal = 0;
}

bool stop_wait_readable(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	sigset_t held, before;
	int ready = -1;

	sigemptyset(&held);
	sigaddset(&held, SIGINT);
	sigaddset(&held, SIGTERM);
	sigprocmask(SIG_BLOCK, &held, &before);
	while (!stop_signal && ready < 0) {
		ready = ppoll(&p, 1, NULL, &before);
		if (ready < 0 && errno != EINTR)
			ready = 1; /* the read will say what is wrong */
	}
	sigprocmask(SIG_SETMASK, &before, NULL);
	return !stop_signal;
}
