/* exchange.c - frames of other stores in, ours out.
 *
 * What a session asks of a store is served from three places: positions and bytes
 * from the log (lib/log verifies, both ways), the digest from the state, and what
 * lies between them, how far the received frames may be applied, from horizon.c.
 *
 * Only what is durable is told, read or applied.  As long as the space has no
 * frame its id may be changed by whoever adopts one: the first frame is received
 * under the identity lock, and only if the id is still that of the session. */
#include "space/space_int.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/alloc.h"

struct eng_exchange {
	struct engram_space *space;
	bool take;
	bool settled; /* a frame was received: the id stays */
	struct eng_cursor *cursor; /* where the last read stopped */
	struct eng_forks forks;
	struct eng_position *received, *applied, *wanted; /* as last told */
	size_t received_cap, applied_cap, wanted_cap;
};

int eng_exchange_open(struct eng_exchange **out, struct engram_space *space, bool take, struct engram_error *err)
{
	struct eng_exchange *x;
	int r = take ? eng_space_check_writer(space, err) : eng_space_check_handle(space, err);

	if (r < 0)
		return r;
	x = eng_calloc(1, sizeof *x);
	if (!x)
		return eng_err_nomem(err);
	x->space = space;
	x->take = take;
	*out = x;
	return 0;
}

void eng_exchange_close(struct eng_exchange *x)
{
	if (!x)
		return;
	eng_cursor_close(x->cursor);
	eng_free(x->received);
	eng_free(x->applied);
	eng_free(x->wanted);
	eng_forks_free(&x->forks);
	eng_free(x);
}

/* -- positions --------------------------------------------------------------------- */

int eng_exchange_empty(struct eng_exchange *x, bool *empty, struct engram_error *err)
{
	const struct eng_series_info *infos;
	size_t n;
	int r = eng_space_series(x->space, &infos, &n, err);

	*empty = true;
	for (size_t i = 0; r == 0 && i < n; i++)
		*empty = *empty && infos[i].written_seq == infos[i].base;
	return r;
}

int eng_exchange_received(struct eng_exchange *x, const struct eng_position **out, size_t *n, struct engram_error *err)
{
	const struct eng_series_info *infos;
	size_t count;
	int r = eng_space_series(x->space, &infos, &count, err);

	*n = 0;
	if (r == 0 && !eng_grow(&x->received, &x->received_cap, count, sizeof *x->received))
		r = eng_err_nomem(err);
	for (size_t i = 0; r == 0 && i < count; i++) {
		r = eng_log_head(x->space->log, &x->received[*n], &infos[i], err);
		*n += x->received[*n].seq > infos[i].base;
	}
	*out = x->received;
	return r;
}

int eng_exchange_check_at(struct eng_exchange *x, uint32_t *header_check, const struct eng_series *series,
                          uint64_t seq, struct engram_error *err)
{
	return eng_log_check_at(x->space->log, header_check, series, seq, err);
}

/* -- frames out ---------------------------------------------------------------------- */

int eng_exchange_read(struct eng_exchange *x, struct eng_buf *out, size_t *n, const struct eng_series *series,
                      uint64_t after, uint64_t upto, size_t max_bytes, struct engram_error *err)
{
	int r = 0;

	*n = 0;
	if (!x->cursor || !eng_cursor_at(x->cursor, series, after)) {
		eng_cursor_close(x->cursor);
		x->cursor = NULL;
		r = eng_cursor_open(&x->cursor, x->space->log, series, after, UINT64_MAX, NULL, err);
	}
	if (r == 0)
		r = eng_cursor_copy(x->cursor, out, n, upto, max_bytes, err);
	if (r < 0) {
		eng_cursor_close(x->cursor);
		x->cursor = NULL;
	}
	return r;
}

/* -- frames in ----------------------------------------------------------------------- */

/* Bodies that this version would not understand although it knows their kind.  *forks:
 * a frame among them may tell of one. */
static int check_bodies(bool *forks, const struct eng_series *series, const uint8_t *p, size_t n,
                        struct engram_error *err)
{
	struct engram_error why = {0};
	char name[ENG_SERIES_NAME + 1];

	*forks = false;
	while (n >= ENG_FRAME_HEADER) {
		struct eng_frame f = {.payload = p + ENG_FRAME_HEADER};
		size_t size;

		if (eng_header_decode(&f.h, p) != ENG_HEADER_OK || (size = (size_t)eng_frame_size(f.h.payload_len)) > n)
			return 0; /* the log says what is wrong with it */
		if (eng_known_kind(&f.h) && eng_frame_sensible(&f, &why) < 0) {
			eng_series_name(name, series);
			return eng_err(err, ENGRAM_EINPUT, "series %s: frame %" PRIu64 ": %s", name, f.h.seq, why.message);
		}
		*forks = *forks || f.h.kind == ENG_FORK;
		p += size;
		n -= size;
	}
	return 0;
}

static int other_id(const struct engram_space *s, const struct engram_id *now, struct engram_error *err)
{
	char mine[ENGRAM_ID_TEXT + 1], theirs[ENGRAM_ID_TEXT + 1];

	engram_id_format(mine, now);
	engram_id_format(theirs, &s->id);
	eng_err(err, ENGRAM_EINPUT, "two different spaces: %s here since just now, %s at the peer", mine, theirs);
	eng_err_object(err, theirs);
	return ENGRAM_EINPUT;
}

/* The space's id cannot change any more once a frame is there. */
static int hold_identity(struct engram_space *s, struct engram_error *err)
{
	struct eng_identity now;
	int r = eng_space_lock(s, ENG_LOCK_IDENTITY, ENG_LOCK_SHARED, s->wait_ms, err);

	if (r < 0)
		return r;
	r = eng_identity_load(&now, s->sys, s->dir, err);
	if (r == 0 && eng_id_cmp(&now.id, &s->id) != 0)
		r = other_id(s, &now.id, err);
	if (r < 0)
		eng_space_unlock(s, ENG_LOCK_IDENTITY);
	return r;
}

int eng_exchange_receive(struct eng_exchange *x, uint64_t *taken, const struct eng_series *series,
                         const uint8_t *frames, size_t n, struct engram_error *err)
{
	struct engram_space *s = x->space;
	bool first = !x->settled, forks = false;
	int r = x->take ? check_bodies(&forks, series, frames, n, err)
	                : eng_err(err, ENGRAM_EUSAGE, "space %s: opened for reading only", s->name);

	*taken = 0;
	if (r == 0 && !x->forks.settled) /* before there is much to look through */
		r = eng_forks_list(&x->forks, s, true, err);
	if (r == 0 && first)
		r = hold_identity(s, err);
	if (r < 0)
		return r;
	r = eng_log_receive(s->log, taken, series, frames, n, err);
	x->settled = x->settled || *taken > 0;
	x->forks.read = x->forks.read && !forks;
	if (first)
		eng_space_unlock(s, ENG_LOCK_IDENTITY);
	return r;
}

int eng_exchange_flush(struct eng_exchange *x, struct engram_error *err)
{
	return eng_log_receive_flush(x->space->log, err);
}

/* -- forks --------------------------------------------------------------------------- */

int eng_exchange_forks(struct eng_exchange *x, const struct eng_dot **out, size_t *n, struct engram_error *err)
{
	int r = eng_forks_list(&x->forks, x->space, x->take, err);

	*out = x->forks.all;
	*n = x->forks.n;
	return r;
}

int eng_exchange_forked(struct eng_exchange *x, const struct eng_dot *fork, uint32_t mine, uint32_t theirs,
                        struct engram_error *err)
{
	if (!x->take)
		return eng_err(err, ENGRAM_EUSAGE, "space %s: opened for reading only", x->space->name);
	eng_cursor_close(x->cursor);
	x->cursor = NULL;
	return eng_forks_learn(&x->forks, x->space, fork, mine, theirs, err);
}

static bool shares_subjects(const struct eng_frame *a, const struct eng_frame *b)
{
	struct eng_prelude p, q;

	if (eng_prelude_decode(&p, a->payload, a->h.payload_len, NULL) < 0 ||
	    eng_prelude_decode(&q, b->payload, b->h.payload_len, NULL) < 0)
		return false;
	for (unsigned i = 0; i < p.nsubjects; i++)
		for (unsigned k = 0; k < q.nsubjects; k++)
			if (memcmp(p.subjects + 16 * i, q.subjects + 16 * k, 16) == 0)
				return true;
	return p.nsubjects == 0;
}

/* 1 the frame of that number is a forget that may have made the stub, 0.  Of a frame
 * without subjects any may have. */
static int may_have_made(struct eng_log *log, const struct eng_frame *stub, const struct eng_series *series,
                         uint64_t seq, struct engram_error *err)
{
	struct eng_cursor *c;
	struct eng_frame killer;
	int r = eng_cursor_open(&c, log, series, seq - 1, seq, NULL, err);

	if (r < 0)
		return r == ENGRAM_ENOFILE ? 0 : r;
	r = eng_cursor_next(c, &killer, err);
	if (r == 1)
		r = killer.h.kind == ENG_FORGET && shares_subjects(stub, &killer);
	eng_cursor_close(c);
	return r;
}

/* Whether the forget that a stub names is here: 1, 0 or < 0. */
static int killer_is_here(struct eng_log *log, const struct eng_frame *stub, struct engram_error *err)
{
	const struct eng_series *series;
	struct eng_stub body;
	size_t at = 0;
	int r = eng_stub_decode(&body, stub->payload, stub->h.payload_len);

	if (r < 0 || body.killer.seq == 0)
		return eng_err(err, ENGRAM_EINPUT, "mend: frame %" PRIu64 ": its stub cannot be read", stub->h.seq);
	while (r == 0 && eng_log_holder(&series, log, &body.killer, &at) == 1)
		r = may_have_made(log, stub, series, body.killer.seq, err);
	return r;
}

/* A stub helps where the forget that it names is here: 1, 0 or < 0. */
static int stub_is_better(struct eng_log *log, const uint8_t *p, size_t n, struct engram_error *err)
{
	struct eng_frame f = {.payload = p + ENG_FRAME_HEADER};
	enum eng_header_state state = eng_header_decode(&f.h, p);

	if (state != ENG_HEADER_OK || eng_frame_size(f.h.payload_len) != n)
		return eng_err(err, ENGRAM_EINPUT, "mend: wanted one frame of %zu bytes, found another", n);
	return killer_is_here(log, &f, err);
}

/* A rewriting of segments as compaction's, so under the same lock. */
int eng_exchange_mend(struct eng_exchange *x, const uint8_t *frame, size_t n, struct engram_error *err)
{
	struct engram_space *s = x->space;
	struct eng_series series;
	bool forks;
	int r = x->take ? 0 : eng_err(err, ENGRAM_EUSAGE, "space %s: opened for reading only", s->name);

	if (r == 0 && n < ENG_FRAME_HEADER)
		r = eng_err(err, ENGRAM_EINPUT, "mend: wanted a frame, found %zu bytes", n);
	if (r < 0)
		return r;
	memcpy(series.b, frame + 16, sizeof series.b);
	r = check_bodies(&forks, &series, frame, n, err);
	if (r == 0 && frame[6] & ENG_FLAG_STUB) {
		r = stub_is_better(s->log, frame, n, err);
		if (r <= 0)
			return r;
		r = 0;
	}
	if (r == 0)
		r = eng_space_lock(s, ENG_LOCK_MAINT, ENG_LOCK_EXCLUSIVE, s->wait_ms, err);
	if (r < 0)
		return r;
	r = eng_log_mend(s->log, frame, n, err);
	eng_space_unlock(s, ENG_LOCK_MAINT);
	return r;
}

/* -- what was applied ----------------------------------------------------------------- */

/* The state is brought up to date; the text view is for others to bring up. */
static int apply(struct eng_exchange *x, struct engram_error *err)
{
	struct engram_space *s = x->space;
	int r;

	if (!x->take)
		return 0;
	s->text_later = true;
	r = eng_space_apply(s, NULL, eng_all_frames, true, err);
	s->text_later = false;
	return r;
}

void eng_exchange_take_in(struct eng_exchange *x, uint64_t frames, uint64_t bytes)
{
	struct engram_space *s = x->space;
	const struct eng_series_info *infos;
	uint64_t waiting = 0;
	size_t n;

	if (!x->take || frames == 0 || eng_space_series(s, &infos, &n, NULL) < 0)
		return;
	eng_applied_refresh(s);
	for (size_t i = 0; i < n; i++)
		waiting += infos[i].durable_seq - infos[i].base;
	waiting = waiting > s->applied ? waiting - s->applied : 0;
	if (waiting < ENG_APPLY_BULK && waiting * (bytes / frames) < ENG_BATCH_BYTES)
		return;
	s->text_later = true;
	eng_space_apply(s, NULL, eng_all_frames, false, NULL);
	s->text_later = false;
}

static int position_of(struct eng_position *out, const struct eng_view *v, const struct eng_series *series)
{
	const struct eng_head *h = eng_raw_head(&v->raw, series);

	if (!h)
		h = eng_head_find(v->heads, v->nheads, series);
	*out = (struct eng_position){*series, h ? h->seq : 0, h ? h->header_check : 0};
	return h && h->seq > h->base;
}

static int tell_applied(struct eng_exchange *x, size_t *n, const struct eng_view *v, struct engram_error *err)
{
	const struct eng_series_info *infos;
	size_t count;
	int r = eng_space_series(x->space, &infos, &count, err);

	*n = 0;
	if (r == 0 && !eng_grow(&x->applied, &x->applied_cap, count, sizeof *x->applied))
		r = eng_err_nomem(err);
	for (size_t i = 0; r == 0 && i < count; i++)
		*n += (size_t)position_of(&x->applied[*n], v, &infos[i].series);
	return r;
}

int eng_exchange_standing(struct eng_exchange *x, struct eng_standing *out, struct engram_error *err)
{
	struct eng_view v;
	int r = apply(x, err);

	if (r == 0)
		r = eng_view_open_durable(&v, x->space, err);
	if (r < 0)
		return r;
	out->held = eng_view_held(&v);
	r = tell_applied(x, &out->napplied, &v, err);
	out->applied = x->applied;
	if (r == 0)
		r = eng_view_digest_whole(out->digest, &v, err);
	eng_view_close(&v);
	return r;
}

static bool is_durable(const struct eng_series_info *infos, size_t n, const struct eng_dot *at)
{
	for (size_t i = 0; i < n; i++)
		if (eng_series_cmp(&infos[i].series, &at->series) == 0)
			return at->seq <= infos[i].durable_seq;
	return false;
}

/* A stub waits as long as nothing that killed it was received, or that is held itself:
 * only the former can be helped by a peer. */
static int list_waiting(struct eng_exchange *x, size_t *n, const struct eng_horizon *h,
                        const struct eng_series_info *infos, size_t count, struct engram_error *err)
{
	size_t k = 0;

	if (!eng_grow(&x->wanted, &x->wanted_cap, h->nstubs, sizeof *x->wanted))
		return eng_err_nomem(err);
	for (size_t i = 0; i < h->nstubs; i++) {
		bool killed = h->stubs[i].dead;

		for (; k < h->nkillers && h->killers[k].stub == i; k++)
			killed = killed || is_durable(infos, count, &h->killers[k].at);
		if (!killed)
			x->wanted[(*n)++] = h->stubs[i].at;
	}
	return 0;
}

static int list_wanted(struct eng_exchange *x, size_t *n, struct eng_view *v, struct engram_error *err)
{
	const struct eng_series_info *infos;
	struct eng_horizon h;
	size_t count;
	int r = eng_space_series(x->space, &infos, &count, err);

	eng_horizon_begin(&h, x->space);
	eng_horizon_behind(&h, v->txn, v->heads, v->nheads);
	if (r == 0)
		r = eng_horizon_find(&h, x->space->log, infos, count, false, err);
	if (r == 0)
		r = list_waiting(x, n, &h, infos, count, err);
	eng_horizon_end(&h);
	return r;
}

static int by_position(const void *a, const void *b)
{
	const struct eng_position *x = a, *y = b;
	int c = eng_series_cmp(&x->series, &y->series);

	return c ? c : (x->seq > y->seq) - (x->seq < y->seq);
}

int eng_exchange_wanted(struct eng_exchange *x, const struct eng_position **stubs, size_t *n, struct engram_error *err)
{
	struct eng_view v;
	int r = eng_view_open_durable(&v, x->space, err);

	*n = 0;
	if (r < 0)
		return r;
	if (eng_view_held(&v))
		r = list_wanted(x, n, &v, err);
	eng_view_close(&v);
	if (*n)
		qsort(x->wanted, *n, sizeof *x->wanted, by_position);
	*stubs = x->wanted;
	return r;
}

int eng_exchange_buckets(struct eng_exchange *x, eng_u128 sums[4096], struct engram_error *err)
{
	struct eng_view v;
	int r = eng_view_open_durable(&v, x->space, err);

	if (r < 0)
		return r;
	r = eng_view_digest(&v, sums, err);
	eng_view_close(&v);
	return r;
}

int eng_exchange_items(struct eng_exchange *x, unsigned number,
                       int (*fn)(void *data, const struct engram_id *id, eng_u128 sum), void *data,
                       struct engram_error *err)
{
	struct eng_view v;
	int r = eng_view_open_durable(&v, x->space, err);

	if (r < 0)
		return r;
	r = eng_view_bucket(&v, number, fn, data, err);
	eng_view_close(&v);
	return r;
}
