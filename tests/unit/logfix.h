/* logfix.h - a log in a scratch directory, with a file system that fails when
 * told to, for the tests of lib/log. */
#ifndef LOGFIX_H
#define LOGFIX_H

#include "log/log.h"

struct logfix {
	char dir[ENG_PATH_MAX]; /* of the space */
	struct eng_sys sys;
	int64_t wall_us;        /* 0 = the real clock */
	uint64_t boot;          /* 0 = the real one */
	/* fault: the n-th counted call fails (n from 1; 0 = none) */
	long fail_at, calls;
	bool fail_on;           /* and all after it */
	int fail_errno;
	unsigned fail_ops;      /* which calls count: LOGFIX_... */
	unsigned notices;
	char notice[256];       /* the last one */
};

enum {
	LOGFIX_OPEN = 1 << 0,
	LOGFIX_READ = 1 << 1,
	LOGFIX_WRITE = 1 << 2,
	LOGFIX_SYNC = 1 << 3,
	LOGFIX_RESERVE = 1 << 4,
	LOGFIX_OTHER = 1 << 5,
	LOGFIX_ALL = (1 << 6) - 1,
};

void logfix_new(struct logfix *f);
void logfix_free(struct logfix *f);
void logfix_fail(struct logfix *f, unsigned ops, long n, int error, bool on);
/* A copy of the directory by cp -a, as another fixture. */
void logfix_copy(struct logfix *to, const struct logfix *from);

struct eng_log_options logfix_options(struct logfix *f, bool write);
struct eng_log *logfix_open(struct logfix *f, bool write); /* NULL = failed */

/* One memory frame of n text bytes; the bytes follow from `tag`. */
int logfix_append(struct eng_log *log, struct eng_appended *out, uint64_t tag, size_t n,
                  struct engram_error *err);
/* The same, made durable. */
int logfix_put(struct eng_log *log, uint64_t tag, size_t n, struct engram_error *err);

/* What a reader finds: the tags of all memory frames, sorted. */
struct logfix_seen {
	uint64_t tag[4096];
	size_t n;
	size_t stubs, births, series, own;
	uint64_t durable, written; /* of the active series */
};
int logfix_read(struct logfix *f, struct logfix_seen *seen, struct engram_error *err);
bool logfix_has(const struct logfix_seen *seen, uint64_t tag);

/* Path of the only series' directory, or of its segment / mark in it. */
void logfix_series(const struct logfix *f, char out[ENG_PATH_MAX]);
void logfix_path(const struct logfix *f, char out[ENG_PATH_MAX], const char *name);
/* Flips bits of / overwrites / cuts a file. */
void logfix_poke(const char *path, uint64_t off, const void *p, size_t n);
void logfix_flip(const char *path, uint64_t off, unsigned bit);

#endif
