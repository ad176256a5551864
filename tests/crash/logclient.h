/* logclient.h - a client of lib/log for the crash tests: frames that carry a number.
 *
 * A frame's tag is in its subject (so that a stub still shows it) and decides
 * length and bytes of its text, so that a frame half there is seen. */
#ifndef CRASH_LOGCLIENT_H
#define CRASH_LOGCLIENT_H

#include "log/log.h"

/* The space all crash tests use, and the options to open its log. */
extern const struct engram_id client_space;
struct eng_log_options client_options(const char *dir, bool write);

/* Appends `n` (<= 8) frames with the tags tag, tag+1, ...; not yet durable. */
int client_append(struct eng_log *log, uint64_t tag, size_t n, size_t text, struct eng_appended *out,
                  struct engram_error *err);

/* What a log holds. */
struct client_seen {
	uint64_t *tag;   /* ascending */
	size_t n, cap;
	size_t twice;    /* tags met more than once */
	size_t wrong;    /* frames whose bytes are not those of their tag */
	size_t stubs;
	size_t own;      /* series this store writes or wrote */
	size_t active;   /* of them open for appending */
};
/* Reads every frame of every series. */
int client_read(struct eng_log *log, struct client_seen *seen, struct engram_error *err);
bool client_has(const struct client_seen *seen, uint64_t tag);
void client_seen_free(struct client_seen *seen);

#endif
