/* stop.h - SIGINT and SIGTERM as a wish to stop at the next safe place. */
#ifndef CMD_STOP_H
#define CMD_STOP_H

#include <stdbool.h>

/* The first signal is noted; a second one ends the process at once, as does
 * any before this call. */
void stop_catch(void);
/* The signal that came, or 0. */
int stop_wanted(void);
/* It was heeded, and is not to show in the exit status. */
void stop_forget(void);
/* Waits until fd can be read (true) or a stop is wanted (false). */
bool stop_wait_readable(int fd);

#endif
