/* seat.c - a session's place at a node.
 *
 * Each call may meet a fault: the disk cannot be read, the flush fails, the power
 * goes.  A seat copies what it answers, so that nothing the session holds moves
 * under it when another session's call changes the disk: only the call after next
 * does, and then the session is wrong. */
#include "seat.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "merge/digest.h"
#include "world.h"

enum { WANTED_MAX = 1000 };

struct sim_seat {
	struct sim *s;
	struct sim_node *n;
	struct sim_talk *t;
	struct eng_sync_store store;
	struct eng_position *received, *wanted;
	struct eng_sync_fork *forks;
	struct eng_sync_item *items;
	bool failed;
	bool dirty;      /* received since its last flush, */
	unsigned losses; /* and that many flushes had failed then */
	int64_t bytes, most;
};

/* -- the meter --------------------------------------------------------------------- */

/* Before each block: whose it is. */
struct block {
	struct sim_seat *owner;
	uint64_t n;
};
static struct sim_seat *metered;

static void count(struct sim_seat *owner, int64_t n)
{
	if (!owner)
		return;
	owner->bytes += n;
	if (owner->bytes > owner->most)
		owner->most = owner->bytes;
}

static void *meter_resize(void *ctx, void *p, size_t n)
{
	struct block *old = p ? (struct block *)p - 1 : NULL, *b;
	struct sim_seat *owner = old ? old->owner : metered;
	int64_t was = old ? (int64_t)old->n : 0;

	(void)ctx;
	b = realloc(old, sizeof *b + n);
	if (!b)
		return NULL;
	*b = (struct block){owner, n};
	count(owner, (int64_t)n - was);
	return b + 1;
}

static void meter_release(void *ctx, void *p)
{
	struct block *b = p ? (struct block *)p - 1 : NULL;

	(void)ctx;
	if (!b)
		return;
	count(b->owner, -(int64_t)b->n);
	free(b);
}

void sim_meter_begin(void)
{
	static const struct eng_allocator meter = {meter_resize, meter_release, NULL};

	eng_alloc_set(&meter);
}

void sim_meter_end(void)
{
	eng_alloc_set(NULL);
}

void sim_seat_enter(struct sim_seat *seat)
{
	metered = seat;
}

void sim_seat_leave(struct sim_seat *seat)
{
	(void)seat;
	metered = NULL;
}

int64_t sim_seat_bytes(const struct sim_seat *seat)
{
	return seat->bytes;
}

int64_t sim_seat_most(const struct sim_seat *seat)
{
	return seat->most;
}

/* -- faults ------------------------------------------------------------------------ */

static int fault(struct sim_seat *seat, const char *what, struct engram_error *err)
{
	seat->failed = true;
	if (seat->t)
		seat->t->faulty = true;
	return eng_err(err, ENGRAM_EIO, "%s: input/output error", what);
}

/* Every call passes here; 0, or the fault it meets. */
static int visit(struct sim_seat *seat, unsigned fails_per_mille, const char *what, struct engram_error *err)
{
	const struct sim_config *c = &sim_world(seat->s)->c;

	metered = NULL;
	if (seat->n->dying)
		return fault(seat, "power", err);
	if (sim_chance(seat->s, c->dies_per_mille)) {
		seat->n->dying = true;
		return fault(seat, "power", err);
	}
	return sim_chance(seat->s, fails_per_mille) ? fault(seat, what, err) : 0;
}

static int leave(struct sim_seat *seat, int r)
{
	metered = seat;
	return r;
}

static unsigned read_fails(const struct sim_seat *seat)
{
	return sim_world(seat->s)->c.read_fails_per_mille;
}

/* -- the functions ------------------------------------------------------------------ */

static int seat_self(void *ctx, struct eng_sync_self *out, struct engram_error *err)
{
	struct sim_seat *seat = ctx;
	int r = visit(seat, 0, "space", err);

	*out = (struct eng_sync_self){.space = seat->n->disk.space, .empty = seat->n->disk.nlogs == 0,
	                              .state_version = 100 + seat->n->state.knows};
	return leave(seat, r);
}

static int seat_adopt(void *ctx, const struct engram_id *space, int64_t created_us, struct engram_error *err)
{
	struct sim_seat *seat = ctx;
	int r = visit(seat, 0, "space", err);

	(void)created_us;
	if (r == 0 && seat->n->disk.nlogs && eng_id_cmp(&seat->n->disk.space, space) != 0)
		r = eng_err(err, ENGRAM_EINPUT, "space: not empty");
	if (r == 0) {
		sim_trace(seat->s, "node %u takes the space id", seat->n->index);
		seat->n->disk.space = *space;
	}
	return leave(seat, r);
}

static int seat_received(void *ctx, const struct eng_position **out, size_t *n, struct engram_error *err)
{
	struct sim_seat *seat = ctx;
	int r = visit(seat, 0, "log", err);

	free(seat->received);
	seat->received = sim_resize(NULL, seat->n->disk.nlogs * sizeof **out);
	*n = sim_state_vector(seat->received, &seat->n->state, SIM_SEEN);
	*out = seat->received;
	return leave(seat, r);
}

static int seat_forks(void *ctx, const struct eng_sync_fork **out, size_t *n, struct engram_error *err)
{
	struct sim_seat *seat = ctx;
	int r = visit(seat, 0, "log", err);

	*n = seat->n->disk.nforks;
	free(seat->forks);
	seat->forks = sim_resize(NULL, *n * sizeof **out);
	if (*n)
		memcpy(seat->forks, seat->n->disk.forks, *n * sizeof **out);
	*out = seat->forks;
	return leave(seat, r);
}

static int seat_check_at(void *ctx, uint32_t *header_check, const struct eng_series *series, uint64_t seq,
                         struct engram_error *err)
{
	struct sim_seat *seat = ctx;
	const struct sim_log *l = sim_disk_log(&seat->n->disk, series);
	int r = visit(seat, read_fails(seat), "log", err);

	if (r == 0 && (!l || seq >= sim_log_seq(l, l->durable)))
		r = eng_err(err, ENGRAM_EINPUT, "check: wanted a frame that was received");
	if (r == 0)
		*header_check = seq < l->first ? 0 : l->f[seq - l->first].h.header_check;
	return leave(seat, r);
}

static int seat_read(void *ctx, struct eng_buf *out, size_t *n, const struct eng_series *series, uint64_t after,
                     uint64_t upto, size_t max_bytes, struct engram_error *err)
{
	struct sim_seat *seat = ctx;
	int r = visit(seat, read_fails(seat), "log", err);

	if (r == 0)
		r = sim_disk_read(&seat->n->disk, out, n, series, after, upto, max_bytes, err);
	return leave(seat, r);
}

static int seat_receive(void *ctx, uint64_t *taken, const struct eng_series *series, const uint8_t *frames, size_t n,
                        struct engram_error *err)
{
	struct sim_seat *seat = ctx;
	int r = visit(seat, read_fails(seat), "write", err);

	if (!seat->dirty)
		seat->losses = seat->n->losses;
	seat->dirty = true;
	if (r == 0)
		r = sim_disk_receive(&seat->n->disk, taken, series, frames, n, err);
	return leave(seat, r);
}

static int seat_flush(void *ctx, struct engram_error *err)
{
	struct sim_seat *seat = ctx;
	int r = visit(seat, sim_world(seat->s)->c.flush_fails_per_mille, "flush", err);

	/* Another session's flush failed meanwhile, and took what this one received. */
	if (r == 0 && seat->dirty && seat->losses != seat->n->losses)
		r = fault(seat, "flush", err);
	seat->dirty = false;
	if (r == 0) {
		sim_disk_flush(&seat->n->disk);
	} else if (!seat->n->dying) {
		sim_disk_lose(&seat->n->disk, false);
		seat->n->losses++;
	}
	return leave(seat, r);
}

static int seat_forked(void *ctx, const struct eng_sync_fork *fork, uint32_t mine, uint32_t theirs,
                       struct engram_error *err)
{
	struct sim_seat *seat = ctx;
	int r = visit(seat, 0, "log", err);

	if (r == 0) {
		struct sim_log *l = sim_disk_log(&seat->n->disk, &fork->series);
		struct eng_sync_fork named = {l ? l->series : fork->series, fork->seq};

		if (sim_disk_fork(&seat->n->disk, &named.series, named.seq)) {
			sim_net_disturbed(&sim_world(seat->s)->net, seat->n, seat->t);
			if (mine || theirs)
				sim_node_tell_fork(seat->s, seat->n, &named, mine, theirs);
		}
	}
	return leave(seat, r);
}

static int seat_wanted(void *ctx, const struct eng_position **out, size_t *n, struct engram_error *err)
{
	struct sim_seat *seat = ctx;
	int r = visit(seat, 0, "log", err);

	free(seat->wanted);
	seat->wanted = sim_resize(NULL, WANTED_MAX * sizeof **out);
	*n = sim_state_wanted(seat->wanted, WANTED_MAX, &seat->n->state);
	*out = seat->wanted;
	return leave(seat, r);
}

static int seat_mend(void *ctx, const uint8_t *frame, size_t n, struct engram_error *err)
{
	struct sim_seat *seat = ctx;
	int r = visit(seat, read_fails(seat), "mend", err);

	if (r == 0)
		r = sim_disk_mend(&seat->n->disk, frame, n, err);
	return leave(seat, r);
}

static int seat_digest(void *ctx, struct eng_sync_digest *out, struct engram_error *err)
{
	struct sim_seat *seat = ctx;
	int r = visit(seat, read_fails(seat), "state", err);

	if (r == 0) {
		sim_node_apply(seat->s, seat->n);
		r = sim_state_digest(&seat->n->state, out->vector, out->state, err);
		out->held = sim_state_waiting(&seat->n->state);
	}
	return leave(seat, r);
}

static int seat_buckets(void *ctx, eng_u128 sums[4096], struct engram_error *err)
{
	struct sim_seat *seat = ctx;
	int r = visit(seat, read_fails(seat), "state", err);

	return leave(seat, r == 0 ? sim_state_buckets(&seat->n->state, sums, err) : r);
}

static int seat_items(void *ctx, const struct eng_sync_item **out, size_t *n, unsigned bucket, struct engram_error *err)
{
	struct sim_seat *seat = ctx;
	int r = visit(seat, read_fails(seat), "state", err);
	size_t nids;
	struct engram_id *ids = sim_state_ids(&seat->n->state, &nids);

	free(seat->items);
	seat->items = sim_resize(NULL, nids * sizeof **out);
	*n = 0;
	for (size_t i = 0; i < nids && r == 0; i++)
		if (eng_digest_bucket(&ids[i]) == bucket) {
			seat->items[*n].id = ids[i];
			r = sim_state_sum(&seat->n->state, &seat->items[(*n)++].sum, &ids[i], err);
		}
	*out = seat->items;
	free(ids);
	return leave(seat, r);
}

/* -- a seat ------------------------------------------------------------------------- */

struct sim_seat *sim_seat_new(struct sim *s, struct sim_node *n, struct sim_talk *t)
{
	struct sim_seat *seat = sim_resize(NULL, sizeof *seat);

	*seat = (struct sim_seat){
		.s = s,
		.n = n,
		.t = t,
		.store =
			{
				.ctx = seat,
				.self = seat_self,
				.adopt = seat_adopt,
				.received = seat_received,
				.forks = seat_forks,
				.check_at = seat_check_at,
				.read = seat_read,
				.receive = seat_receive,
				.flush = seat_flush,
				.forked = seat_forked,
				.wanted = seat_wanted,
				.mend = seat_mend,
				.digest = seat_digest,
				.buckets = seat_buckets,
				.items = seat_items,
			},
	};
	return seat;
}

void sim_seat_free(struct sim_seat *seat)
{
	free(seat->received);
	free(seat->wanted);
	free(seat->forks);
	free(seat->items);
	free(seat);
}

const struct eng_sync_store *sim_seat_store(struct sim_seat *seat)
{
	return &seat->store;
}

bool sim_seat_failed(const struct sim_seat *seat)
{
	return seat->failed;
}
