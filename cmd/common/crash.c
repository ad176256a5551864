/* crash.c - see crash.h.
 *
 * State and text view are mapped, and LMDB follows page numbers without looking at
 * them twice: one flipped bit can send a reader to an address that is not there.
 * A child process as a fuse (what --check uses) would cost every recall a fork.  So
 * the fault itself is caught, which costs three system calls, and says what helps:
 * the log is not read through the map, and everything else can be derived from it.
 * Nothing that was acknowledged depends on how a program ends.
 *
 * The handler runs on a stack of its own and calls nothing but write and _exit. */
#include "common/crash.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "engram.h"

#define WHAT "the derived files of the space are damaged, or this is a bug"
#define HINT "engram-consolidate --rebuild derives them anew from the log"

static char message[512];
static size_t length;
static char stack[16384] __attribute__((aligned(64)));

static void end(int signal)
{
	ssize_t ignored = write(STDERR_FILENO, message, length);

	(void)ignored;
	_exit(70);
}

void crash_catch(const char *program, bool json)
{
	struct sigaction action = {.sa_handler = end, .sa_flags = SA_ONSTACK | (int)SA_RESETHAND};
	stack_t own = {.ss_sp = stack, .ss_size = sizeof stack};

	if (json)
		snprintf(message, sizeof message,
		         "{\"v\":1,\"type\":\"error\",\"code\":\"damaged\",\"exit\":70,\"object\":\"%s\","
		         "\"message\":\"" WHAT "\",\"hint\":\"" HINT "\",\"retry\":false}\n", program);
	else
		snprintf(message, sizeof message, "%s: " WHAT " (" HINT ")\n", program);
	length = strlen(message);
#ifndef __SANITIZE_ADDRESS__ /* which reports more */
	sigemptyset(&action.sa_mask);
	sigaltstack(&own, NULL);
	sigaction(SIGSEGV, &action, NULL);
	sigaction(SIGBUS, &action, NULL);
#else
	(void)own, (void)action;
#endif
}
