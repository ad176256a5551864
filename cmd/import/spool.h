/* spool.h - what can be read once, kept so that it can be read twice. */
#ifndef CMD_IMPORT_SPOOL_H
#define CMD_IMPORT_SPOOL_H

#include "engram.h"

/* Copies what `path` ("-": standard input) holds into a file without a name in
 * TMPDIR, unless it is a regular file: then *fd is -1.  1: a signal asked to stop. */
int spool(int *fd, const char *path, struct engram_error *err);

#endif
