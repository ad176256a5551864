/* modelstore_int.h - a model store, as its three files share it. */
#ifndef MODELSTORE_INT_H
#define MODELSTORE_INT_H

#include "merge/digest.h"
#include "modelstore.h"

struct modelstore {
	struct eng_sync_self self;
	uint64_t seed, nseries; /* ids to come */
	struct eng_series own;
	int64_t wall_us;
	struct modelstore_log *logs; /* ascending by name */
	size_t nlogs, cap;
	struct eng_sync_fork *forks; /* ascending; of series as headers name them */
	size_t nforks;
	long calls, fail_at;
	struct engram_id lie;
	bool lies;
	/* what the seam hands out */
	struct eng_position *received, *wanted;
	eng_u128 sums[ENG_DIGEST_BUCKETS];
	struct eng_sync_item *items;
	char text[256];
};

void *modelstore_room(void *p, size_t n); /* realloc, or abort */
/* The frame of this name, NULL where it is not there; check 0 = any. */
struct modelstore_bytes *modelstore_find(const struct modelstore *m, const struct eng_dot *dot, uint32_t check);

/* NULL where it is not there; a new one moves all logs. */
struct modelstore_log *modelstore_find_log(const struct modelstore *m, const struct eng_series *name);
struct modelstore_log *modelstore_make_log(struct modelstore *m, const struct eng_series *name,
                                           const struct eng_series *series, uint64_t first);
struct modelstore_bytes *modelstore_frame_at(const struct modelstore_log *log, uint64_t seq);
void modelstore_add_frame(struct modelstore_log *log, const uint8_t *p, const struct eng_header *h);
void modelstore_drop_empty(struct modelstore *m);
/* `series` as headers name it. */
bool modelstore_is_fork(const struct modelstore *m, const struct eng_series *series, uint64_t seq);
void modelstore_add_fork(struct modelstore *m, const struct eng_series *series, uint64_t seq);

/* -- modelseam.c: what a session sees ------------------------------------------ */
int modelstore_digest(void *ctx, struct eng_sync_digest *out, struct engram_error *err);

/* -- modelstate.c: what the frames mean ---------------------------------------- */
/* The greatest closed prefix of what is durable, never less than it was. */
void modelstate_apply(struct modelstore *m);
/* What the applied frames make: an item for each id, ascending; live or not. */
struct modelstate_item {
	struct engram_id id;
	eng_u128 sum;
	bool live;
};
struct modelstate_item *modelstate_items(const struct modelstore *m, size_t *n); /* for free(); NULL = no memory */
size_t modelstate_purge(struct modelstore *m);
/* Durable stubs whose killer is not durable here. */
size_t modelstate_wanted(struct modelstore *m);

#endif
