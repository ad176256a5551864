/* crash.h - the end of a program that meets memory which is not there. */
#ifndef CMD_CRASH_H
#define CMD_CRASH_H

#include <stdbool.h>

/* From here on SIGSEGV and SIGBUS end the program with a message (json: an error
 * object) and status 70. */
void crash_catch(const char *program, bool json);

#endif
