/* series.h - what frames say of whole series: birth, retire, fork.
 *
 * These frames have no subject and change no memory.  A birth is the first
 * frame of every series; a retirement names a series that nobody will write
 * again; a fork says that from a number on a series was written by two stores
 * that both thought it theirs, and shows the checks of both frames of that
 * number.
 *
 * From a fork on, the series' frames are kept under other names, which every
 * store works out alike: a *branch* is named after the header of its first
 * frame, and ends, like the series itself, before the next fork of the series. */
#ifndef ENG_FRAME_SERIES_H
#define ENG_FRAME_SERIES_H

#include "frame/payload.h"

struct eng_birth {
	uint32_t reason; /* enum eng_birth_reason */
	bool has_parent;
	struct eng_position parent; /* the last frame that it goes on from */
};

struct eng_fork {
	struct eng_series series; /* as its frames name it */
	uint64_t seq;             /* the first that is there twice */
	uint32_t checks[2];       /* of the two frames, ascending: whoever finds the fork says the same */
};

/* Payloads, appended to b; check b->failed. */
void eng_birth_payload(struct eng_buf *b, const struct eng_birth *birth);
void eng_retire_payload(struct eng_buf *b, const struct eng_series *series);
void eng_fork_payload(struct eng_buf *b, const struct eng_fork *fork);

/* 0 or ENGRAM_EINPUT: the element is missing, or of another length. */
int eng_birth_decode(struct eng_birth *out, const uint8_t *payload, size_t n, struct engram_error *err);
int eng_retire_decode(struct eng_series *out, const uint8_t *payload, size_t n, struct engram_error *err);
int eng_fork_decode(struct eng_fork *out, const uint8_t *payload, size_t n, struct engram_error *err);

#endif
