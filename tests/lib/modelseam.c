/* modelseam.c - a model store as a session sees it.
 *
 * A frame belongs to the log that holds the frame before it, found by seq and the
 * header check that its `prev` names; at a fork it begins the branch that its own
 * header names.  So it does not matter under which name a peer sends it. */
#include <stdlib.h>

#include "base/err.h"
#include "frame/payload.h"
#include "frame/segment.h"
#include "modelstore_int.h"
#include "sync/wire.h"

static int called(struct modelstore *m, struct engram_error *err)
{
	return ++m->calls == m->fail_at ? eng_err(err, ENGRAM_EIO, "model store: call %ld fails", m->calls) : 0;
}

static int seam_self(void *ctx, struct eng_sync_self *out, struct engram_error *err)
{
	struct modelstore *m = ctx;

	*out = m->self;
	return called(m, err);
}

static int seam_adopt(void *ctx, const struct engram_id *space, int64_t created_us, struct engram_error *err)
{
	struct modelstore *m = ctx;

	if (!m->self.empty && eng_id_cmp(&m->self.space, space) != 0)
		return eng_err(err, ENGRAM_EINPUT, "model store: not empty");
	m->self.space = *space;
	m->self.created_us = created_us;
	return called(m, err);
}

static int seam_received(void *ctx, const struct eng_position **out, size_t *n, struct engram_error *err)
{
	struct modelstore *m = ctx;

	m->received = modelstore_room(m->received, m->nlogs * sizeof *m->received);
	*out = m->received;
	*n = 0;
	for (size_t i = 0; i < m->nlogs; i++) {
		const struct modelstore_log *log = &m->logs[i];
		if (log->ndurable)
			m->received[(*n)++] = (struct eng_position){log->name, log->first + log->ndurable - 1,
			                                            log->frames[log->ndurable - 1].h.header_check};
	}
	return called(m, err);
}

static int seam_forks(void *ctx, const struct eng_sync_fork **out, size_t *n, struct engram_error *err)
{
	struct modelstore *m = ctx;

	*out = m->forks;
	*n = m->nforks;
	return called(m, err);
}

static int seam_check_at(void *ctx, uint32_t *check, const struct eng_series *series, uint64_t seq,
                         struct engram_error *err)
{
	const struct modelstore_log *log = modelstore_find_log(ctx, series);

	if (!log || seq >= log->first + log->ndurable)
		abort(); /* the session asked for what it was not told of */
	*check = seq < log->first ? 0 : log->frames[seq - log->first].h.header_check;
	return called(ctx, err);
}

static int seam_read(void *ctx, struct eng_buf *out, size_t *n, const struct eng_series *series, uint64_t after,
                     uint64_t upto, size_t max_bytes, struct engram_error *err)
{
	const struct modelstore_log *log = modelstore_find_log(ctx, series);
	size_t bytes = 0, k;

	*n = 0;
	if (!log)
		return eng_err(err, ENGRAM_EINTERNAL, "model store: no such series");
	for (k = after < log->first ? 0 : (size_t)(after + 1 - log->first);
	     k < log->ndurable && log->first + k <= upto; k++) {
		if (*n > 0 && bytes + log->frames[k].n > max_bytes)
			break;
		eng_buf_add(out, log->frames[k].p, log->frames[k].n);
		bytes += log->frames[k].n;
		(*n)++;
	}
	return called(ctx, err);
}

/* Where the frame belongs: found, or made at a fork; NULL = the one before it is not here. */
static struct modelstore_log *home_of(struct modelstore *m, const struct eng_series *as, const uint8_t *p,
                                      const struct eng_header *h)
{
	struct eng_series name;

	eng_branch_name(&name, p);
	if (eng_series_cmp(as, &h->series) != 0 && eng_series_cmp(as, &name) == 0)
		modelstore_add_fork(m, &h->series, h->seq); /* who sends a branch knows of the fork */
	if (modelstore_is_fork(m, &h->series, h->seq))
		return modelstore_make_log(m, &name, &h->series, h->seq);
	if (h->seq == 1)
		return modelstore_make_log(m, &h->series, &h->series, 1);
	for (size_t i = 0; i < m->nlogs; i++) {
		struct modelstore_log *log = &m->logs[i];
		const struct modelstore_bytes *before = modelstore_frame_at(log, h->seq - 1);
		if (before && eng_series_cmp(&log->series, &h->series) == 0 && before->h.header_check == h->prev)
			return log;
	}
	return NULL;
}

static int check_frame(const struct modelstore *m, const uint8_t *p, const struct eng_header *h,
                       struct engram_error *err)
{
	if (h->space_check != eng_frame_space_check(&m->self.space))
		return eng_err(err, ENGRAM_EINPUT, "frame %llu: of another space", (unsigned long long)h->seq);
	if (!eng_payload_ok(h, p + ENG_FRAME_HEADER))
		return eng_err(err, ENGRAM_EINPUT, "frame %llu: payload check wrong", (unsigned long long)h->seq);
	return 0;
}

static int take_frame(struct modelstore *m, uint64_t *taken, const struct eng_series *as, const uint8_t *p,
                      const struct eng_header *h, struct engram_error *err)
{
	char name[ENG_SERIES_NAME + 1];
	struct modelstore_log *log;
	const struct modelstore_bytes *here;
	int r = check_frame(m, p, h, err);

	if (r < 0)
		return r;
	log = home_of(m, as, p, h);
	eng_series_name(name, as);
	if (!log)
		return eng_err(err, ENGRAM_EINPUT, "series %s: wanted the frame before %llu, found none", name,
		               (unsigned long long)h->seq);
	here = modelstore_frame_at(log, h->seq);
	if (here)
		return here->h.header_check == h->header_check ? 0 : ENG_SYNC_FORKED;
	if (log->n && log->frames[log->n - 1].h.stamp >= h->stamp)
		return eng_err(err, ENGRAM_EINPUT, "series %s: frame %llu: stamps go back", name,
		               (unsigned long long)h->seq);
	modelstore_add_frame(log, p, h);
	m->self.empty = false;
	++*taken;
	return 0;
}

static int seam_receive(void *ctx, uint64_t *taken, const struct eng_series *series, const uint8_t *frames, size_t n,
                        struct engram_error *err)
{
	struct modelstore *m = ctx;
	struct eng_header h;
	int r = called(m, err);

	*taken = 0;
	for (size_t at = 0; r == 0 && at < n; at += eng_frame_size(h.payload_len)) {
		if (eng_header_decode(&h, frames + at) != ENG_HEADER_OK)
			abort(); /* the session looked */
		r = take_frame(m, taken, series, frames + at, &h, err);
	}
	modelstore_drop_empty(m);
	return r;
}

static int seam_flush(void *ctx, struct engram_error *err)
{
	int r = called(ctx, err);

	if (r == 0)
		modelstore_flush(ctx);
	return r;
}

static int seam_forked(void *ctx, const struct eng_sync_fork *fork, uint32_t mine, uint32_t theirs,
                       struct engram_error *err)
{
	struct modelstore *m = ctx;
	const struct modelstore_log *log = modelstore_find_log(m, &fork->series);
	struct eng_series series = log ? log->series : fork->series;

	if (mine == theirs && mine != 0)
		abort();
	modelstore_add_fork(m, &series, fork->seq);
	return called(m, err);
}

static int seam_wanted(void *ctx, const struct eng_position **out, size_t *n, struct engram_error *err)
{
	struct modelstore *m = ctx;

	*n = modelstate_wanted(m);
	*out = m->wanted;
	return called(m, err);
}

static bool has_killer(struct modelstore *m, const uint8_t *frame, const struct eng_header *h)
{
	struct eng_stub stub;

	return eng_stub_decode(&stub, frame + ENG_FRAME_HEADER, h->payload_len) == 0 &&
	       modelstore_find(m, &stub.killer, 0);
}

static int seam_mend(void *ctx, const uint8_t *frame, size_t n, struct engram_error *err)
{
	struct modelstore *m = ctx;
	struct modelstore_bytes *f;
	struct eng_header h;
	int r;

	if (eng_header_decode(&h, frame) != ENG_HEADER_OK)
		abort();
	r = check_frame(m, frame, &h, err);
	if (r < 0)
		return r;
	f = modelstore_find(m, &(struct eng_dot){h.series, h.seq}, h.header_check);
	if (f && (f->h.flags & ENG_FLAG_STUB) && f->n == n && (!(h.flags & ENG_FLAG_STUB) || has_killer(m, frame, &h))) {
		memcpy(f->p, frame, n);
		f->h = h;
	}
	return called(m, err);
}

int modelstore_digest(void *ctx, struct eng_sync_digest *out, struct engram_error *err)
{
	struct modelstore *m = ctx;
	struct modelstate_item *items;
	struct eng_position *v;
	size_t n, k = 0;

	modelstate_apply(m);
	*out = (struct eng_sync_digest){.held = 0};
	v = modelstore_room(NULL, m->nlogs * sizeof *v);
	for (size_t i = 0; i < m->nlogs; i++) {
		const struct modelstore_log *log = &m->logs[i];
		out->held += log->ndurable - log->napplied;
		if (log->napplied)
			v[k++] = (struct eng_position){log->name, log->first + log->napplied - 1,
			                               log->frames[log->napplied - 1].h.header_check};
	}
	eng_vector_hash(out->vector, v, k, NULL, 0);
	free(v);
	items = modelstate_items(m, &n);
	if (!items)
		return eng_err_nomem(err);
	memset(m->sums, 0, sizeof m->sums);
	for (size_t i = 0; i < n; i++)
		m->sums[eng_digest_bucket(&items[i].id)] += items[i].sum;
	free(items);
	eng_digest_fold(out->state, m->sums);
	return called(m, err);
}

static int seam_buckets(void *ctx, eng_u128 sums[4096], struct engram_error *err)
{
	struct modelstore *m = ctx;

	memcpy(sums, m->sums, sizeof m->sums);
	return called(m, err);
}

static int seam_items(void *ctx, const struct eng_sync_item **out, size_t *n, unsigned bucket,
                      struct engram_error *err)
{
	struct modelstore *m = ctx;
	struct modelstate_item *items;
	size_t all;

	items = modelstate_items(m, &all);
	if (!items)
		return eng_err_nomem(err);
	m->items = modelstore_room(m->items, all * sizeof *m->items);
	*n = 0;
	for (size_t i = 0; i < all; i++)
		if (eng_digest_bucket(&items[i].id) == bucket)
			m->items[(*n)++] = (struct eng_sync_item){items[i].id, items[i].sum};
	free(items);
	*out = m->items;
	return called(m, err);
}

struct eng_sync_store modelstore_seam(struct modelstore *m)
{
	return (struct eng_sync_store){
		.ctx = m, .self = seam_self, .adopt = seam_adopt, .received = seam_received, .forks = seam_forks,
		.check_at = seam_check_at, .read = seam_read, .receive = seam_receive, .flush = seam_flush,
		.forked = seam_forked, .wanted = seam_wanted, .mend = seam_mend, .digest = modelstore_digest,
		.buckets = seam_buckets, .items = seam_items,
	};
}
