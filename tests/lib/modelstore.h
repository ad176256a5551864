/* modelstore.h - a store in memory, exact in all that sync asks of one.
 *
 * Logs are arrays of frames by series, each with a durable part; forks are cut and
 * named as lib/log does; the applied vector, the state and its digest are computed
 * by lib/merge from the applied frames.  So a run of the real session machine over
 * model stores means what it means over real ones, a thousand times faster, and a
 * test can cut, crash, copy and damage as it likes.
 *
 *     struct modelstore *a = modelstore_new(1), *b = modelstore_new(2);
 *     struct eng_sync_store seam = modelstore_seam(a);
 *     modelstore_clock(a, now_us);
 *     modelstore_remember(a, NULL, "a cat");
 *     modelstore_flush(a);
 *     ... sessions between a and b ...
 *     modelstore_difference(a, b)        NULL: equal, byte for byte
 *
 * No clock, no random number: a model store is a function of its seed and of what
 * was done to it.  It allocates beside base/alloc.h, so that a test which counts or
 * fails allocations sees those of the session; failing itself, it aborts. */
#ifndef MODELSTORE_H
#define MODELSTORE_H

#include "frame/payload.h"
#include "sync/sync.h"

struct modelstore;

/* Empty, with a space id, and series ids to come, made of the seed. */
struct modelstore *modelstore_new(uint64_t seed);
/* What `cp -a` or a backup finds: the durable frames, the forks, the name of the
 * series it writes, which two stores then think theirs.  Nothing derived. */
struct modelstore *modelstore_copy(const struct modelstore *m);
void modelstore_free(struct modelstore *m); /* NULL allowed */
struct eng_sync_store modelstore_seam(struct modelstore *m);

/* What its wall clock shows from now on. */
void modelstore_clock(struct modelstore *m, int64_t wall_us);
/* Power cut: what was not flushed is gone, and all that is derived. */
void modelstore_crash(struct modelstore *m);
/* The n-th call through the seam from now on fails with EIO; 0 = none does.
 * Answers how many calls there were since the last time it was asked. */
long modelstore_fail_at(struct modelstore *m, long n);

/* -- writing: appended to the store's own series, durable by a flush -------- */

/* Each answers the dot, where dot is not NULL. */
struct modelstore_frame {
	uint8_t kind, flags;
	const struct engram_id *id;  /* its subject; NULL = none */
	const char *text;            /* NULL = none */
	size_t filler;               /* bytes of an element that nobody knows */
};
void modelstore_append(struct modelstore *m, struct eng_dot *dot, const struct modelstore_frame *f);
/* The id is made of the text. */
struct engram_id modelstore_remember(struct modelstore *m, struct eng_dot *dot, const char *text);
void modelstore_forget(struct modelstore *m, struct eng_dot *dot, const struct engram_id *id);
/* From the next append on, a series of its own: what a store does that finds
 * itself restored or copied. */
void modelstore_new_series(struct modelstore *m);
void modelstore_flush(struct modelstore *m);
/* What consolidation does: the bodies that an applied forget killed become stubs.
 * How many. */
size_t modelstore_purge(struct modelstore *m);

/* As damage would: a whole log is gone. */
void modelstore_lose(struct modelstore *m, struct eng_series name);
void modelstore_state_version(struct modelstore *m, uint32_t version);

/* -- looking ----------------------------------------------------------------- */

/* A log: the frames of one series, or of a branch from its fork on. */
struct modelstore_log {
	struct eng_series name;   /* as in vectors */
	struct eng_series series; /* as in the headers of its frames */
	uint64_t first;           /* seq of frames[0] */
	size_t n, ndurable, napplied, cap;
	bool own;
	struct modelstore_bytes {
		struct eng_header h;
		uint8_t *p; /* as in a segment */
		size_t n;
	} *frames;
};
size_t modelstore_nlogs(const struct modelstore *m);
const struct modelstore_log *modelstore_log(const struct modelstore *m, size_t i); /* ascending by name */
size_t modelstore_nforks(const struct modelstore *m);
/* Durable frames of all logs. */
uint64_t modelstore_frames(const struct modelstore *m);
struct eng_series modelstore_own(const struct modelstore *m); /* the series it writes; zeros before the first append */
/* Whether what is applied makes a memory of this id. */
bool modelstore_live(struct modelstore *m, const struct engram_id *id);
/* Makes the digest of the state a wrong one, as damage would: of this id. */
void modelstore_lie(struct modelstore *m, const struct engram_id *id);
/* The first thing in which two stores differ in what is durable (STUB apart), or in
 * the digest of what is applied; NULL = none.  Valid until the next call. */
const char *modelstore_difference(struct modelstore *a, struct modelstore *b);
#endif
