/* feed.h - standard input that arrives in pieces. */
#ifndef FEED_H
#define FEED_H

#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/rng.h"

/* A child writes n bytes in pieces of 1 to `most`; they are standard input. */
static pid_t feed(struct eng_rng *g, const void *bytes, size_t n, size_t most)
{
	const uint8_t *p = bytes;
	int fds[2];
	pid_t pid;

	if (pipe(fds) < 0 || (pid = fork()) < 0)
		exit(99);
	if (pid == 0) {
		close(fds[0]);
		while (n > 0) {
			size_t piece = 1 + eng_rng_below(g, most < n ? most : n);

			if (write(fds[1], p, piece) != (ssize_t)piece)
				_exit(1);
			p += piece;
			n -= piece;
		}
		_exit(0);
	}
	close(fds[1]);
	dup2(fds[0], STDIN_FILENO);
	close(fds[0]);
	return pid;
}

#endif
