/* session_store.c - a space as a session sees it.
 *
 * Most is handed through to the exchange of the space.  Here is only what the
 * two see differently: a space that takes the peer's id closes its log on the way,
 * so the exchange is opened anew; the vector goes into a digest; items are
 * gathered, because a session asks for a list of them. */
#include "home/session.h"

#include "base/alloc.h"
#include "sync/wire.h"

int eng_session_store_open(struct eng_session_store *s, struct engram_space *space, bool take,
                           struct engram_error *err)
{
	*s = (struct eng_session_store){.space = space, .take = take};
	return eng_exchange_open(&s->exchange, space, take, err);
}

void eng_session_store_close(struct eng_session_store *s)
{
	eng_exchange_close(s->exchange);
	eng_free(s->items);
	eng_free(s->forks);
	*s = (struct eng_session_store){0};
}

/* -- who it is ------------------------------------------------------------------- */

static int self(void *ctx, struct eng_sync_self *out, struct engram_error *err)
{
	struct eng_session_store *s = ctx;
	struct engram_space_info info;
	bool empty;
	int r = eng_exchange_empty(s->exchange, &empty, err); /* first: it may find that the id is another */

	if (r == 0)
		r = engram_space_identity(s->space, &info, err);
	if (r == 0)
		*out = (struct eng_sync_self){.space = info.id, .created_us = info.created_us, .empty = empty,
		                              .state_version = eng_space_state_version()};
	return r;
}

/* Somebody stored meanwhile: also another session, of the same space. */
static int has_frames(struct eng_session_store *s, const struct engram_id *wanted, struct engram_error *err)
{
	struct engram_space_info info;
	int r = engram_space_identity(s->space, &info, NULL);

	if (r == 0 && eng_id_cmp(&info.id, wanted) == 0)
		return 0;
	return r < 0 ? r : eng_err(err, ENGRAM_EINPUT, "space %s: it has memories of its own since just now", info.name);
}

static int adopt(void *ctx, const struct engram_id *space, int64_t created_us, struct engram_error *err)
{
	struct eng_session_store *s = ctx;
	int r, opened;

	eng_exchange_close(s->exchange);
	s->exchange = NULL;
	r = engram_space_adopt(s->space, space, created_us, err);
	if (r == ENGRAM_EEXISTS)
		r = has_frames(s, space, err);
	opened = eng_exchange_open(&s->exchange, s->space, s->take, r < 0 ? NULL : err);
	return r < 0 ? r : opened;
}

/* -- frames ------------------------------------------------------------------------ */

static int received(void *ctx, const struct eng_position **out, size_t *n, struct engram_error *err)
{
	return eng_exchange_received(((struct eng_session_store *)ctx)->exchange, out, n, err);
}

static int check_at(void *ctx, uint32_t *header_check, const struct eng_series *series, uint64_t seq,
                    struct engram_error *err)
{
	return eng_exchange_check_at(((struct eng_session_store *)ctx)->exchange, header_check, series, seq, err);
}

static int read_frames(void *ctx, struct eng_buf *out, size_t *n, const struct eng_series *series, uint64_t after,
                       uint64_t upto, size_t max_bytes, struct engram_error *err)
{
	return eng_exchange_read(((struct eng_session_store *)ctx)->exchange, out, n, series, after, upto, max_bytes,
	                         err);
}

static int receive(void *ctx, uint64_t *taken, const struct eng_series *series, const uint8_t *frames, size_t n,
                   struct engram_error *err)
{
	return eng_exchange_receive(((struct eng_session_store *)ctx)->exchange, taken, series, frames, n, err);
}

static int flush(void *ctx, struct engram_error *err)
{
	return eng_exchange_flush(((struct eng_session_store *)ctx)->exchange, err);
}

static int wanted(void *ctx, const struct eng_position **out, size_t *n, struct engram_error *err)
{
	return eng_exchange_wanted(((struct eng_session_store *)ctx)->exchange, out, n, err);
}

static int mend(void *ctx, const uint8_t *frame, size_t n, struct engram_error *err)
{
	return eng_exchange_mend(((struct eng_session_store *)ctx)->exchange, frame, n, err);
}

static int forks(void *ctx, const struct eng_sync_fork **out, size_t *n, struct engram_error *err)
{
	struct eng_session_store *s = ctx;
	const struct eng_dot *at;
	struct eng_sync_fork *all;
	size_t count;
	int r = eng_exchange_forks(s->exchange, &at, &count, err);

	if (r < 0)
		return r;
	all = eng_realloc(s->forks, (count + 1) * sizeof *all);
	if (!all)
		return eng_err_nomem(err);
	s->forks = all;
	for (size_t i = 0; i < count; i++)
		all[i] = (struct eng_sync_fork){at[i].series, at[i].seq};
	*out = all;
	*n = count;
	return 0;
}

static int forked(void *ctx, const struct eng_sync_fork *fork, uint32_t mine, uint32_t theirs, struct engram_error *err)
{
	const struct eng_dot at = {fork->series, fork->seq};

	return eng_exchange_forked(((struct eng_session_store *)ctx)->exchange, &at, mine, theirs, err);
}

/* -- digests ----------------------------------------------------------------------- */

static int digest(void *ctx, struct eng_sync_digest *out, struct engram_error *err)
{
	struct eng_session_store *s = ctx;
	struct eng_standing at;
	int r = eng_exchange_standing(s->exchange, &at, err);

	if (r < 0)
		return r;
	eng_vector_hash(out->vector, at.applied, at.napplied, NULL, 0);
	memcpy(out->state, at.digest, sizeof out->state);
	out->held = at.held;
	return 0;
}

static int buckets(void *ctx, eng_u128 sums[4096], struct engram_error *err)
{
	return eng_exchange_buckets(((struct eng_session_store *)ctx)->exchange, sums, err);
}

static int take_item(void *data, const struct engram_id *id, eng_u128 sum)
{
	struct eng_session_store *s = data;

	if (!eng_grow(&s->items, &s->items_cap, s->nitems, sizeof *s->items)) {
		s->items_failed = true;
		return ENGRAM_ENOMEM;
	}
	s->items[s->nitems++] = (struct eng_sync_item){*id, sum};
	return 0;
}

static int items(void *ctx, const struct eng_sync_item **out, size_t *n, unsigned bucket, struct engram_error *err)
{
	struct eng_session_store *s = ctx;
	int r;

	s->nitems = 0;
	s->items_failed = false;
	r = eng_exchange_items(s->exchange, bucket, take_item, s, err);
	if (s->items_failed)
		r = eng_err_nomem(err);
	*out = s->items;
	*n = s->nitems;
	return r;
}

struct eng_sync_store eng_session_store_of(struct eng_session_store *s)
{
	return (struct eng_sync_store){
		.ctx = s,
		.self = self,
		.adopt = adopt,
		.received = received,
		.forks = forks,
		.check_at = check_at,
		.read = read_frames,
		.receive = receive,
		.flush = flush,
		.forked = forked,
		.wanted = wanted,
		.mend = mend,
		.digest = digest,
		.buckets = buckets,
		.items = items,
	};
}
