/* disk.c - the log of one model store.
 *
 * Lists are short and few, so everything is a search from the beginning: what a
 * model is worth is that it can be seen to be right. */
#include "disk.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/hash.h"
#include "frame/payload.h"

/* -- lists ----------------------------------------------------------------------- */

static void free_frames(struct sim_log *l, size_t from)
{
	for (size_t i = from; i < l->n; i++)
		free(l->f[i].p);
	l->n = from;
}

static void free_log(struct sim_log *l)
{
	free_frames(l, 0);
	free(l->f);
	free(l);
}

void sim_disk_free(struct sim_disk *d)
{
	for (size_t i = 0; i < d->nlogs; i++)
		free_log(d->logs[i]);
	free(d->logs);
	free(d->forks);
	*d = (struct sim_disk){0};
}

struct sim_log *sim_disk_log(const struct sim_disk *d, const struct eng_series *name)
{
	for (size_t i = 0; i < d->nlogs; i++)
		if (eng_series_cmp(&d->logs[i]->name, name) == 0)
			return d->logs[i];
	return NULL;
}

static struct sim_log *new_log(struct sim_disk *d, const struct eng_series *name, const struct eng_series *series,
                               uint64_t first)
{
	struct sim_log *l = sim_resize(NULL, sizeof *l);
	size_t at = d->nlogs;

	*l = (struct sim_log){.name = *name, .series = *series, .first = first};
	sim_grow(&d->logs, &d->cap, d->nlogs, sizeof(struct sim_log *));
	for (; at > 0 && eng_series_cmp(&d->logs[at - 1]->name, name) > 0; at--)
		d->logs[at] = d->logs[at - 1];
	d->logs[at] = l;
	d->nlogs++;
	return l;
}

static void remove_log(struct sim_disk *d, struct sim_log *l)
{
	size_t at = 0;

	while (d->logs[at] != l)
		at++;
	memmove(d->logs + at, d->logs + at + 1, (d->nlogs - at - 1) * sizeof(struct sim_log *));
	d->nlogs--;
	free_log(l);
}

/* Keeps p. */
static void push(struct sim_disk *d, struct sim_log *l, const struct eng_header *h, uint8_t *p, size_t n)
{
	sim_grow(&l->f, &l->cap, l->n, sizeof *l->f);
	l->f[l->n++] = (struct sim_frame){*h, p, n, ++d->arrived};
}

static uint8_t *duplicate(const uint8_t *p, size_t n)
{
	return memcpy(sim_resize(NULL, n), p, n);
}

void sim_disk_copy(struct sim_disk *to, const struct sim_disk *from)
{
	*to = (struct sim_disk){.space = from->space, .has_space = from->has_space};
	for (size_t i = 0; i < from->nlogs; i++) {
		const struct sim_log *l = from->logs[i];
		struct sim_log *copy;

		if (l->durable == 0)
			continue;
		copy = new_log(to, &l->name, &l->series, l->first);
		for (size_t k = 0; k < l->durable; k++)
			push(to, copy, &l->f[k].h, duplicate(l->f[k].p, l->f[k].n), l->f[k].n);
		copy->durable = l->durable;
		copy->applied = l->applied;
		copy->own = l->own;
		copy->closed = l->closed;
	}
	to->forks = sim_resize(NULL, from->nforks * sizeof *to->forks);
	to->nforks = to->forks_cap = from->nforks;
	if (from->nforks)
		memcpy(to->forks, from->forks, from->nforks * sizeof *to->forks);
}

struct sim_frame *sim_disk_find(const struct sim_disk *d, const struct eng_series *series, uint64_t seq,
                                uint32_t header_check, struct sim_log **in)
{
	for (size_t i = 0; i < d->nlogs; i++) {
		struct sim_log *l = d->logs[i];
		struct sim_frame *f = seq >= l->first && seq - l->first < l->n ? &l->f[seq - l->first] : NULL;

		if (!f || eng_series_cmp(&l->series, series) != 0)
			continue;
		if (header_check && f->h.header_check != header_check)
			continue;
		if (in)
			*in = l;
		return f;
	}
	return NULL;
}

/* -- the own series ----------------------------------------------------------------- */

struct sim_log *sim_disk_own(const struct sim_disk *d)
{
	for (size_t i = 0; i < d->nlogs; i++)
		if (d->logs[i]->own && !d->logs[i]->closed)
			return d->logs[i];
	return NULL;
}

struct sim_log *sim_disk_begin(struct sim_disk *d, const struct eng_series *series)
{
	struct sim_log *l = new_log(d, series, series, 1);

	l->own = true;
	return l;
}

void sim_disk_close_own(struct sim_disk *d)
{
	for (size_t i = 0; i < d->nlogs; i++)
		d->logs[i]->closed = true;
}

void sim_disk_append(struct sim_disk *d, struct sim_log *log, struct eng_header *h, const uint8_t *payload)
{
	size_t n = eng_frame_size(h->payload_len);
	uint8_t *p = sim_resize(NULL, n);

	h->version = ENG_FRAME_VERSION;
	h->series = log->series;
	h->seq = sim_log_seq(log, log->n);
	h->prev = log->n ? log->f[log->n - 1].h.header_check : 0;
	h->witness = eng_witness(h->seq, log->first + log->durable - 1);
	h->space_check = eng_frame_space_check(&d->space);
	h->payload_check = XXH3_64bits(payload, h->payload_len);
	memset(p, 0, n);
	eng_header_encode(p, h);
	memcpy(p + ENG_FRAME_HEADER, payload, h->payload_len);
	push(d, log, h, p, n);
}

/* -- durability ------------------------------------------------------------------------ */

void sim_disk_flush(struct sim_disk *d)
{
	for (size_t i = 0; i < d->nlogs; i++)
		d->logs[i]->durable = d->logs[i]->n;
}

void sim_disk_cut(struct sim_log *log, size_t from)
{
	free_frames(log, from);
	if (log->durable > from)
		log->durable = from;
	if (log->applied > from)
		log->applied = from;
}

static void drop_empty(struct sim_disk *d)
{
	for (size_t i = d->nlogs; i-- > 0;)
		if (d->logs[i]->n == 0)
			remove_log(d, d->logs[i]);
}

void sim_disk_lose(struct sim_disk *d, bool own)
{
	for (size_t i = 0; i < d->nlogs; i++)
		if (own == (d->logs[i]->own && !d->logs[i]->closed))
			free_frames(d->logs[i], d->logs[i]->durable);
	drop_empty(d);
}

/* What is found at the next start is made durable then, before anybody is told. */
void sim_disk_crash(struct sim *s, struct sim_disk *d)
{
	for (size_t i = 0; i < d->nlogs; i++) {
		struct sim_log *l = d->logs[i];

		if (l->n > l->durable)
			free_frames(l, l->durable + sim_draw(s, SIM_CHANCE, (uint32_t)(l->n - l->durable + 1)));
		l->durable = l->n;
	}
	drop_empty(d);
}

/* -- reading ---------------------------------------------------------------------------- */

int sim_disk_read(struct sim_disk *d, struct eng_buf *out, size_t *n, const struct eng_series *name, uint64_t after,
                  uint64_t upto, size_t max_bytes, struct engram_error *err)
{
	const struct sim_log *l = sim_disk_log(d, name);
	size_t start = out->n;

	*n = 0;
	if (!l)
		return eng_err(err, ENGRAM_EINPUT, "read: no such series");
	for (size_t i = 0; i < l->durable; i++) {
		if (sim_log_seq(l, i) <= after || sim_log_seq(l, i) > upto)
			continue;
		if (*n && out->n - start + l->f[i].n > max_bytes)
			break;
		eng_buf_add(out, l->f[i].p, l->f[i].n);
		++*n;
	}
	return out->failed ? eng_err_nomem(err) : 0;
}

/* -- forks ------------------------------------------------------------------------------- */

static int by_fork(const struct eng_sync_fork *a, const struct eng_series *series, uint64_t seq)
{
	int c = eng_series_cmp(&a->series, series);

	return c ? c : (a->seq > seq) - (a->seq < seq);
}

static bool is_fork(const struct sim_disk *d, const struct eng_series *series, uint64_t seq)
{
	for (size_t i = 0; i < d->nforks; i++)
		if (by_fork(&d->forks[i], series, seq) == 0)
			return true;
	return false;
}

static void add_fork(struct sim_disk *d, const struct eng_series *series, uint64_t seq)
{
	size_t at = d->nforks;

	sim_grow(&d->forks, &d->forks_cap, d->nforks, sizeof *d->forks);
	for (; at > 0 && by_fork(&d->forks[at - 1], series, seq) > 0; at--)
		d->forks[at] = d->forks[at - 1];
	d->forks[at] = (struct eng_sync_fork){*series, seq};
	d->nforks++;
}

/* The list from seq on becomes a branch, or joins the one that is there: the
 * frame at seq names it, so they begin with the same frame. */
static void split(struct sim_disk *d, struct sim_log *l, uint64_t seq)
{
	size_t at = (size_t)(seq - l->first);
	struct eng_series name;
	struct sim_log *b;

	eng_branch_name(&name, l->f[at].p);
	if (sim_planted(128))
		name.b[15] = (uint8_t)l->f[at].arrived;
	b = sim_disk_log(d, &name);
	if (!b)
		b = new_log(d, &name, &l->series, seq);
	for (size_t i = at; i < l->n; i++)
		if (i - at == b->n) {
			push(d, b, &l->f[i].h, duplicate(l->f[i].p, l->f[i].n), l->f[i].n);
			b->durable += i < l->durable;
			b->applied += i < l->applied;
		}
	b->own |= l->own;
	b->closed = l->closed = true;
	sim_disk_cut(l, at);
}

bool sim_disk_fork(struct sim_disk *d, const struct eng_series *name, uint64_t seq)
{
	const struct sim_log *named = sim_disk_log(d, name);
	const struct eng_series series = named ? named->series : *name;

	if (is_fork(d, &series, seq))
		return false;
	add_fork(d, &series, seq);
	for (size_t i = 0; i < d->nlogs; i++) {
		struct sim_log *l = d->logs[i];

		/* Somebody else has written it: also where ours does not reach there yet. */
		l->closed |= eng_series_cmp(&l->series, &series) == 0;
		if (eng_series_cmp(&l->series, &series) != 0 || l->first > seq || seq - l->first >= l->n)
			continue;
		if (l->first == seq && eng_series_cmp(&l->name, &series) != 0)
			continue;
		split(d, l, seq);
		i = (size_t)-1; /* lists moved */
	}
	drop_empty(d);
	return true;
}

/* -- receiving ------------------------------------------------------------------------------ */

static int refuse(struct engram_error *err, const struct eng_header *h, const char *what, uint64_t wanted, uint64_t found)
{
	return eng_err(err, ENGRAM_EINPUT, "series %02x%02x.. frame %" PRIu64 ": %s: wanted %" PRIx64 ", found %" PRIx64,
	               h->series.b[0], h->series.b[1], h->seq, what, wanted, found);
}

static int verify(struct eng_header *h, size_t *size, const struct sim_disk *d, const uint8_t *p, size_t n,
                  struct engram_error *err)
{
	enum eng_header_state state;

	if (n < ENG_FRAME_HEADER)
		return eng_err(err, ENGRAM_EINPUT, "frame: wanted %u bytes, found %zu", ENG_FRAME_HEADER, n);
	state = eng_header_decode(h, p);
	if (state != ENG_HEADER_OK)
		return eng_err(err, ENGRAM_EINPUT, "frame: %s", eng_header_state_text(state));
	*size = eng_frame_size(h->payload_len);
	if (*size > n)
		return refuse(err, h, "length", *size, n);
	if (h->space_check != eng_frame_space_check(&d->space))
		return refuse(err, h, "space", eng_frame_space_check(&d->space), h->space_check);
	if (!eng_payload_ok(h, p + ENG_FRAME_HEADER))
		return refuse(err, h, "payload check", 0, h->payload_check);
	if (h->stamp == 0)
		return refuse(err, h, "stamp", 1, 0);
	return 0;
}

static struct sim_log *branch_for(struct sim_disk *d, const uint8_t *p, const struct eng_header *h)
{
	struct eng_series name;
	struct sim_log *l;

	eng_branch_name(&name, p);
	l = sim_disk_log(d, &name);
	return l ? l : new_log(d, &name, &h->series, h->seq);
}

/* Behind the frame that it follows: at the end of its list, unless another frame
 * is there already. */
static int behind(struct sim_log **out, struct sim_log *l, const struct eng_header *h, struct engram_error *err)
{
	*out = l;
	if (h->seq < sim_log_seq(l, l->n))
		return ENG_SYNC_FORKED;
	if (h->stamp <= l->f[l->n - 1].h.stamp)
		return refuse(err, h, "stamp", l->f[l->n - 1].h.stamp + 1, h->stamp);
	return 0;
}

/* The list that a frame goes to the end of, begun where it is the first: 0, FORKED
 * or < 0.  What decides is the frame that it follows, not the name it came under:
 * a fork may have been found since that was asked for. */
static int list_for(struct sim_log **out, struct sim_disk *d, const struct eng_series *name, const uint8_t *p,
                    const struct eng_header *h, struct engram_error *err)
{
	struct eng_series branch;
	struct sim_log *l;

	if (is_fork(d, &h->series, h->seq)) {
		*out = branch_for(d, p, h);
		return 0;
	}
	if (h->seq > 1 && sim_disk_find(d, &h->series, h->seq - 1, sim_planted(129) ? 0 : h->prev, &l))
		return behind(out, l, h, err);
	if (sim_disk_find(d, &h->series, h->seq, 0, &l))
		return ENG_SYNC_FORKED;
	eng_branch_name(&branch, p);
	if (eng_series_cmp(name, &branch) == 0) {
		sim_disk_fork(d, &h->series, h->seq);
		*out = branch_for(d, p, h);
		return 0;
	}
	if (h->seq != 1 || h->prev != 0 || eng_series_cmp(name, &h->series) != 0)
		return refuse(err, h, "prev", 0, h->prev);
	*out = new_log(d, name, &h->series, 1);
	return 0;
}

static int place(struct sim_disk *d, struct sim_log **in, uint64_t *taken, const struct eng_series *name, const uint8_t *p, size_t n,
                 const struct eng_header *h, struct engram_error *err)
{
	struct sim_log *l = NULL;
	int r;

	if (sim_disk_find(d, &h->series, h->seq, h->header_check, NULL))
		return 0;
	r = list_for(&l, d, name, p, h, err);
	if (r != 0)
		return r;
	push(d, l, h, duplicate(p, n), n);
	/* Somebody else has written our series: we were set back. */
	l->closed = true;
	*in = l;
	++*taken;
	return 0;
}

/* All are verified before the first is placed, and one that does not follow drops
 * those before it: nothing of a bad call is kept. */
int sim_disk_receive(struct sim_disk *d, uint64_t *taken, const struct eng_series *name, const uint8_t *frames, size_t n,
                     struct engram_error *err)
{
	struct sim_log *in = NULL;
	struct eng_header h;
	size_t size;
	int r = 0;

	*taken = 0;
	for (size_t at = 0; at < n; at += size)
		if ((r = verify(&h, &size, d, frames + at, n - at, err)) < 0)
			return r;
	for (size_t at = 0; at < n && r == 0; at += size) {
		eng_header_decode(&h, frames + at);
		size = eng_frame_size(h.payload_len);
		r = place(d, &in, taken, name, frames + at, size, &h, err);
	}
	if (r < 0 && in) {
		free_frames(in, in->n - (size_t)*taken);
		drop_empty(d);
	}
	return r;
}

static bool has_killer(const struct sim_disk *d, const uint8_t *frame, const struct eng_header *h)
{
	const struct sim_frame *killer;
	struct eng_stub stub;

	if (eng_stub_decode(&stub, frame + ENG_FRAME_HEADER, h->payload_len) < 0)
		return false;
	killer = sim_disk_find(d, &stub.killer.series, stub.killer.seq, 0, NULL);
	return killer && killer->h.kind == ENG_FORGET;
}

int sim_disk_mend(struct sim_disk *d, const uint8_t *frame, size_t n, struct engram_error *err)
{
	struct sim_frame *f;
	struct eng_header h;
	size_t size;
	int r = verify(&h, &size, d, frame, n, err);

	if (r < 0)
		return r;
	f = sim_disk_find(d, &h.series, h.seq, h.header_check, NULL);
	if (!f || !(f->h.flags & ENG_FLAG_STUB) || (h.flags & ENG_FLAG_STUB && !has_killer(d, frame, &h)))
		return 0;
	memcpy(f->p, frame, f->n);
	f->h = h;
	return 0;
}
