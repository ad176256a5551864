/* spaceclient.h - a client of whole spaces for the crash tests: memories that
 * carry a number, and what must be true of a space afterwards. */
#ifndef CRASH_SPACECLIENT_H
#define CRASH_SPACECLIENT_H

#include "space/space.h"

#define CLIENT_MEMORIES 2048

/* What was promised about each memory, by number. */
enum promise {
	NEVER,     /* not put: must not be there */
	MAYBE,     /* put or forgotten without an acknowledgement: may be there or not */
	ACKED,     /* must be there */
	FORGOTTEN, /* acknowledged: must not be there */
};

extern const struct engram_id client_space_id;

struct engram_memory client_memory(char text[160], unsigned number);
struct engram_id client_id(unsigned number);

/* One step each: opens the space in `dir`, works, closes.  Negative: failed. */
int client_create(const struct eng_sys *sys, const char *dir, struct engram_error *err);
/* Memories first .. first+n-1, each with a link to the one before, put and committed. */
int client_put(const struct eng_sys *sys, const char *dir, unsigned first, unsigned n, struct engram_error *err);
int client_forget(const struct eng_sys *sys, const char *dir, unsigned number, struct engram_error *err);
/* Changes the confidence of a memory; the text stays. */
int client_revise(const struct eng_sys *sys, const char *dir, unsigned number, struct engram_error *err);
/* Recalls it, to learn from it. */
int client_learn(const struct eng_sys *sys, const char *dir, unsigned number, struct engram_error *err);
/* Gets a memory by its id; *there = it is live. */
int client_get(const struct eng_sys *sys, const char *dir, unsigned number, bool *there, struct engram_error *err);
int client_consolidate(const struct eng_sys *sys, const char *dir, unsigned tasks, struct engram_error *err);
/* Takes every vector into graphs, however few they are. */
int client_fold(const struct eng_sys *sys, const char *dir, struct engram_error *err);
/* Recalls memory `number` by its words; *first = it was the best hit. */
int client_recall(const struct eng_sys *sys, const char *dir, unsigned number, bool *first,
                  struct engram_error *err);

/* Reads all live memories and compares: 0, or 1 and what is wrong in `why`. */
int client_compare(const struct eng_sys *sys, const char *dir, const enum promise *promises, unsigned n,
                   char why[256]);

#endif
