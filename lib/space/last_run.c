/* last_run.c - what the last maintenance run came to that changed anything.
 *
 * A fold writes no frame, since another store has no use for it: what it did is
 * told by the state alone, under a key of its own beside "meta".  A compaction
 * takes it along; a rebuild begins without one and then notes itself.
 *
 *   off  size  field
 *     0    4   version        1
 *     4    4   tasks          enum engram_task
 *     8    4   threads
 *    12    4   code           0, or the ENGRAM_E that ended it
 *    16    8   ended_us
 *    24    8   elapsed_us
 *    32    8   upto_us        of the newest frame it had seen
 *    40   96   frames, bytes, applied, held, memories, purged, freed_bytes, folded,
 *              dropped, indexed, tail, differences
 *   136   48   digest, view_digest, lineage
 *   184    8   check          XXH3-64 of what stands before */
#include "space/space_int.h"

#include "base/hash.h"

#define RUN_VERSION 1u
#define RUN_COUNTS_AT 40u
#define RUN_COUNTS 12u
#define RUN_DIGESTS_AT (RUN_COUNTS_AT + 8 * RUN_COUNTS)
#define RUN_CHECK_AT (RUN_DIGESTS_AT + 3 * 16)
#define RUN_SIZE (RUN_CHECK_AT + 8)

static const struct eng_bytes run_key = {"run", 3};

/* In the order of the record. */
static void counts_of(uint64_t *at[RUN_COUNTS], struct engram_report *r)
{
	uint64_t *all[RUN_COUNTS] = {&r->frames, &r->bytes,  &r->applied, &r->held,    &r->memories, &r->purged,
	                             &r->freed_bytes, &r->folded, &r->dropped, &r->indexed, &r->tail, &r->differences};

	memcpy(at, all, sizeof all);
}

static void encode(uint8_t out[RUN_SIZE], const struct engram_run *run)
{
	struct engram_report r = run->report;
	uint64_t *count[RUN_COUNTS];

	eng_set32(out, RUN_VERSION);
	eng_set32(out + 4, run->tasks);
	eng_set32(out + 8, run->threads);
	eng_set32(out + 12, (uint32_t)run->code);
	eng_set64(out + 16, (uint64_t)run->ended_us);
	eng_set64(out + 24, (uint64_t)r.elapsed_us);
	eng_set64(out + 32, (uint64_t)run->upto_us);
	counts_of(count, &r);
	for (size_t i = 0; i < RUN_COUNTS; i++)
		eng_set64(out + RUN_COUNTS_AT + 8 * i, *count[i]);
	memcpy(out + RUN_DIGESTS_AT, r.digest, 16);
	memcpy(out + RUN_DIGESTS_AT + 16, r.view_digest, 16);
	memcpy(out + RUN_DIGESTS_AT + 32, r.lineage, 16);
	eng_set64(out + RUN_CHECK_AT, XXH3_64bits(out, RUN_CHECK_AT));
}

static bool is_sound(struct eng_bytes in)
{
	const uint8_t *p = in.p;

	return in.n > 8 && eng_get64(p + in.n - 8) == XXH3_64bits(p, in.n - 8);
}

/* False: damaged or of another version, which is as good as none. */
static bool decode(struct engram_run *run, struct eng_bytes in)
{
	struct engram_report *r = &run->report;
	uint64_t *count[RUN_COUNTS];
	const uint8_t *p = in.p;

	*run = (struct engram_run){0};
	if (in.n != RUN_SIZE || !is_sound(in) || eng_get32(p) != RUN_VERSION)
		return false;
	run->tasks = eng_get32(p + 4);
	run->threads = eng_get32(p + 8);
	run->code = (int)eng_get32(p + 12);
	run->ended_us = (int64_t)eng_get64(p + 16);
	r->elapsed_us = (int64_t)eng_get64(p + 24);
	run->upto_us = (int64_t)eng_get64(p + 32);
	counts_of(count, r);
	for (size_t i = 0; i < RUN_COUNTS; i++)
		*count[i] = eng_get64(p + RUN_COUNTS_AT + 8 * i);
	memcpy(r->digest, p + RUN_DIGESTS_AT, 16);
	memcpy(r->view_digest, p + RUN_DIGESTS_AT + 16, 16);
	memcpy(r->lineage, p + RUN_DIGESTS_AT + 32, 16);
	return true;
}

static int note_locked(struct engram_space *s, struct engram_run *run, struct engram_error *err)
{
	uint8_t record[RUN_SIZE];
	struct eng_meta m;
	struct eng_txn *t;
	int r = eng_gen_refresh(s, err);

	if (r < 0 || !s->gen) /* so few frames that there is no state */
		return r;
	r = eng_txn_begin(&t, s->gen->store, true, err);
	if (r < 0)
		return r;
	r = eng_meta_load(&m, t, &s->id, err);
	if (r < 0) {
		eng_txn_abort(t);
		return r;
	}
	run->upto_us = eng_stamp_us(m.stamp);
	encode(record, run);
	eng_txn_put(t, ENG_T_META, run_key, eng_bytes(record, sizeof record));
	return eng_txn_commit(t, err);
}

int eng_space_note_run(struct engram_space *s, struct engram_run *run, struct engram_error *err)
{
	int r = eng_space_lock(s, ENG_LOCK_APPLY, ENG_LOCK_EXCLUSIVE, s->wait_ms, err);

	if (r < 0)
		return r;
	run->ended_us = s->sys->clock.wall_us(s->sys->clock.ctx);
	r = note_locked(s, run, err);
	eng_space_unlock(s, ENG_LOCK_APPLY);
	return r;
}

int engram_last_run(struct engram_space *s, struct engram_run *out, struct engram_error *err)
{
	struct engram_run run = {0};
	struct eng_bytes value;
	struct eng_txn *t;
	int r = eng_space_check_handle(s, err);

	if (r == 0)
		r = eng_gen_refresh(s, err);
	if (r == 0 && !s->gen && s->gen_problem.code) {
		if (err)
			*err = s->gen_problem;
		return s->gen_problem.code;
	}
	if (r == 0 && s->gen) {
		r = eng_txn_begin(&t, s->gen->store, false, err);
		if (r < 0)
			return r;
		r = eng_txn_get(t, ENG_T_META, run_key, &value);
		if (r == 1)
			decode(&run, value);
		r = r < 0 ? eng_txn_status(t, err) : 0;
		eng_txn_abort(t);
	}
	if (r == 0)
		*out = run;
	return r;
}

bool eng_run_verify(struct eng_txn *t)
{
	struct eng_bytes value;

	return eng_txn_get(t, ENG_T_META, run_key, &value) != 1 || is_sound(value);
}
