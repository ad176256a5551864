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
 *     modelstore_remember(a, &dot, &id, "a cat");
 *     modelstore_flush(a);
 *     ... sessions between a and b ...
 *     modelstore_difference(a, b)        NULL: equal, byte for byte
 *
 * No clock, no random number: a model store is a function of its seed and of what
 * was done to it.  Failing to allocate aborts, except inside lib/ (merge), where
 * the seam answers ENGRAM_ENOMEM. */
#ifndef MODELSTORE_H
#define MODELSTORE_H

#include "frame/payload.h"
#include "merge/digest.h"
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

/* Each answers 0 or ENGRAM_E..., and the dot where dot is not NULL. */
struct modelstore_frame {
	uint8_t kind;
	uint8_t flags;               /* ENG_FLAG_CRITICAL */
	const struct engram_id *ids; /* subjects, ascending */
	size_t nids;
	const struct eng_ref *refs;
	size_t nrefs;
	const char *text;            /* NULL = none */
	const char *tag;
	uint32_t confidence;         /* 0 = not stated */
	size_t filler;               /* bytes of an element that nobody knows */
};
int modelstore_append(struct modelstore *m, struct eng_dot *dot, const struct modelstore_frame *f);
int modelstore_remember(struct modelstore *m, struct eng_dot *dot, struct engram_id *id, const char *text);
int modelstore_forget(struct modelstore *m, struct eng_dot *dot, const struct engram_id *id);
/* From the next append on, a series of its own: what a store does that finds
 * itself restored or copied. */
void modelstore_new_series(struct modelstore *m, enum eng_birth_reason reason);
int modelstore_flush(struct modelstore *m);
/* What consolidation does: the bodies that an applied forget killed become stubs.
 * How many. */
size_t modelstore_purge(struct modelstore *m);

/* -- looking ----------------------------------------------------------------- */

/* A log: the frames of one series, or of a branch from its fork on. */
struct modelstore_log {
	struct eng_series name;   /* as in vectors */
	struct eng_series series; /* as in the headers of its frames */
	uint64_t first;           /* seq of frames[0] */
	size_t n, ndurable, napplied;
	const struct modelstore_bytes {
		struct eng_header h;
		uint8_t *p; /* as in a segment */
		size_t n;
	} *frames;
};
size_t modelstore_nlogs(const struct modelstore *m);
struct modelstore_log modelstore_log(const struct modelstore *m, size_t i); /* ascending by name */
size_t modelstore_nforks(const struct modelstore *m);
struct engram_id modelstore_space(const struct modelstore *m);
struct eng_series modelstore_own(const struct modelstore *m); /* the series it writes; zeros before the first append */
/* Positions of what is durable and of what is applied; for eng_free. */
struct eng_position *modelstore_received(const struct modelstore *m, size_t *n);
struct eng_position *modelstore_applied(struct modelstore *m, size_t *n);
/* Whether a durable frame of this name (a branch has its own) is there. */
bool modelstore_has(const struct modelstore *m, const struct eng_dot *dot, uint32_t header_check);
/* Whether the applied frames make a memory of this id. */
bool modelstore_live(struct modelstore *m, const struct engram_id *id);
/* The first thing in which two stores differ in what is durable (STUB apart), or in
 * the digest of what is applied; NULL = none.  Valid until the next call. */
const char *modelstore_difference(struct modelstore *a, struct modelstore *b);
/* The digest computed anew from all applied frames, to compare with the kept one. */
void modelstore_digest_anew(const struct modelstore *m, uint8_t digest[16]);

#endif
