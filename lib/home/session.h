/* session.h - what the files that drive sessions share. */
#ifndef ENG_HOME_SESSION_H
#define ENG_HOME_SESSION_H

#include "space/space.h"
#include "sync/sync.h"

/* -- a space as a session sees it (session_store.c) ------------------------------- */

struct eng_session_store {
	struct engram_space *space;
	struct eng_exchange *exchange;
	bool take;
	struct eng_sync_fork *forks;
	struct eng_sync_item *items;
	size_t nitems, items_cap;
	bool items_failed;
};
int eng_session_store_open(struct eng_session_store *s, struct engram_space *space, bool take,
                           struct engram_error *err);
void eng_session_store_close(struct eng_session_store *s); /* of zeros: nothing */
/* Lends it to a session; s must stay where it is. */
struct eng_sync_store eng_session_store_of(struct eng_session_store *s);

/* -- one end: a space and its step machine ------------------------------------------ */

struct eng_session {
	struct eng_session_store store;
	struct eng_sync *sync;
};
int eng_session_open(struct eng_session *s, struct engram_space *space, enum eng_sync_mode mode,
                     const struct engram_sync_options *o, struct engram_error *err);
void eng_session_close(struct eng_session *s); /* of zeros: nothing */
/* Adds what this session did. */
void eng_session_report(struct engram_sync_report *out, const struct eng_session *s);

/* -- how far, how long (session.c) --------------------------------------------------- */

/* Calls the progress function twenty times a second at most, and tells when
 * nothing moved for too long. */
struct eng_session_pace {
	const struct engram_sync_options *o;
	struct engram_space *space; /* whose clock it is */
	int64_t began_us, moved_us, shown_us;
};
void eng_session_pace_begin(struct eng_session_pace *p, const struct engram_sync_options *o,
                            struct engram_space *space);
/* s NULL: between two sessions.  0, ENGRAM_ELIMIT (the caller wants to stop),
 * ENGRAM_EUNAVAILABLE (silence). */
int eng_session_pace_check(struct eng_session_pace *p, const struct eng_session *s, bool moved,
                           struct engram_error *err);

#endif
