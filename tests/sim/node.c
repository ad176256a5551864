/* node.c - a machine: its clock, its fate, what it writes. */
#include "node.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/hash.h"
#include "frame/hlc.h"
#include "frame/series.h"
#include "world.h"

#define BEGINNING (INT64_C(1767225600) * SIM_S) /* 2026 */

struct sim_node *sim_node_new(struct sim *s, unsigned index, const struct engram_id *space)
{
	struct sim_node *n = sim_resize(NULL, sizeof *n);

	(void)s;
	*n = (struct sim_node){.index = index, .up = true};
	n->disk = (struct sim_disk){.space = *space, .has_space = true};
	n->state.disk = &n->disk;
	return n;
}

void sim_node_free(struct sim_node *n)
{
	sim_disk_free(&n->disk);
	for (unsigned i = 0; i < n->nbackups; i++)
		sim_disk_free(&n->backup[i]);
	free(n);
}

/* -- its clock ----------------------------------------------------------------------- */

int64_t sim_node_wall_us(const struct sim *s, const struct sim_node *n)
{
	if (n->frozen_us)
		return n->frozen_us;
	return BEGINNING + s->now_us + n->skew_us + s->now_us / 1000000 * n->drift_ppm;
}

void sim_node_clock_right(struct sim_node *n)
{
	n->skew_us = n->drift_ppm = n->frozen_us = 0;
}

/* Laptops and cron wake seconds off; then there are the flat battery, the wrong
 * year, the wrong oscillator. */
void sim_node_clock(struct sim *s, struct sim_node *n, unsigned style, unsigned a, unsigned b)
{
	static const int64_t most[] = {0, 30 * SIM_S, 30 * SIM_MINUTE, 365 * SIM_DAY};
	int64_t by = (int64_t)(b / 2) * (most[style] / 2048);
	bool frozen = n->frozen_us;

	n->frozen_us = 0;
	switch (a % 4) {
	case 0:
		sim_node_clock_right(n);
		break;
	case 1:
		n->skew_us = b & 1 ? by : -by / 8;
		break;
	case 2:
		n->drift_ppm = style ? (int64_t)(b % 20000) - 10000 : 0;
		break;
	default:
		if (style && !frozen)
			n->frozen_us = sim_node_wall_us(s, n);
	}
	sim_trace(s, "node %u: clock is %" PRId64 " ms off%s", n->index,
	          (sim_node_wall_us(s, n) - BEGINNING - s->now_us) / 1000, n->frozen_us ? ", stands still" : "");
}

/* -- its fate --------------------------------------------------------------------------- */

void sim_node_start(struct sim *s, struct sim_node *n)
{
	if (!n->up)
		sim_trace(s, "node %u starts", n->index);
	n->up = true;
}

static void forget_checks(struct sim_node *n)
{
	n->received_before = n->applied_before = 0;
}

void sim_node_crash(struct sim *s, struct sim_node *n)
{
	sim_trace(s, "node %u crashes", n->index);
	n->up = n->dying = false;
	sim_disk_crash(s, &n->disk);
	sim_net_drop(s, &sim_world(s)->net, n);
}

void sim_node_backup(struct sim *s, struct sim_node *n)
{
	if (n->nbackups == ENG_COUNT(n->backup))
		return;
	sim_trace(s, "node %u: backup %u", n->index, n->nbackups);
	sim_disk_copy(&n->backup[n->nbackups++], &n->disk);
}

/* A copy that notices it closes its series, and derives its state anew. */
static void replace_disk(struct sim *s, struct sim_node *n, const struct sim_disk *with, bool unnoticed)
{
	struct sim_disk copy;

	sim_net_drop(s, &sim_world(s)->net, n);
	sim_disk_copy(&copy, with);
	sim_disk_lost(s, n);
	sim_disk_free(&n->disk);
	n->disk = copy;
	n->up = true;
	forget_checks(n);
	if (unnoticed || sim_planted(123)) {
		sim_world(s)->twins |= unnoticed;
		return;
	}
	sim_disk_close_own(&n->disk);
	for (size_t i = 0; i < n->disk.nlogs; i++)
		n->disk.logs[i]->applied = 0;
}

void sim_node_restore(struct sim *s, struct sim_node *n, unsigned which, bool unnoticed)
{
	if (n->nbackups == 0)
		return;
	which %= n->nbackups;
	sim_trace(s, "node %u: backup %u restored%s", n->index, which, unnoticed ? ", unnoticed" : "");
	replace_disk(s, n, &n->backup[which], unnoticed);
}

void sim_node_clone(struct sim *s, struct sim_node *from, struct sim_node *to, bool unnoticed)
{
	sim_trace(s, "node %u: a copy of node %u%s", to->index, from->index, unnoticed ? ", unnoticed" : "");
	replace_disk(s, to, &from->disk, unnoticed && from->state.knows == to->state.knows);
}

void sim_node_damage(struct sim *s, struct sim_node *n, unsigned which, unsigned from)
{
	struct sim_log *l = n->disk.nlogs ? n->disk.logs[which % n->disk.nlogs] : NULL;

	if (!l || l->own || l->durable <= l->applied)
		return;
	from = (unsigned)(l->applied + from % (l->durable - l->applied));
	if (from == 0)
		return;
	sim_trace(s, "node %u: series %02x%02x is unreadable from %" PRIu64 " on", n->index, l->name.b[0], l->name.b[1],
	          sim_log_seq(l, from));
	sim_net_drop(s, &sim_world(s)->net, n);
	sim_disk_cut(l, from);
	forget_checks(n);
	sim_disk_lost(s, NULL);
}

void sim_node_purge(struct sim *s, struct sim_node *n)
{
	struct engram_error err;
	size_t purged = 0;

	sim_node_apply(s, n);
	if (sim_state_purge(&n->state, &purged, &err) < 0)
		sim_fail(s, "purge", "node %u: %s", n->index, err.message);
	sim_trace(s, "node %u: %zu frames purged", n->index, purged);
}

void sim_node_upgrade(struct sim *s, struct sim_node *n)
{
	n->state.knows = !n->state.knows;
	sim_trace(s, "node %u: %s the strange kind", n->index, n->state.knows ? "learns" : "unlearns");
	for (size_t i = 0; i < n->disk.nlogs; i++)
		n->disk.logs[i]->applied = 0;
	sim_net_drop(s, &sim_world(s)->net, n);
	forget_checks(n);
}

/* -- its store ------------------------------------------------------------------------------ */

void sim_node_apply(struct sim *s, struct sim_node *n)
{
	sim_state_apply(&n->state, sim_node_wall_us(s, n));
}

/* Above all that was received and is not held; what is far ahead of the clock
 * does not drag a new series along. */
static eng_stamp floor_of(const struct sim *s, const struct sim_node *n)
{
	int64_t wall = sim_node_wall_us(s, n);
	eng_stamp horizon = eng_hlc_horizon(wall, ENG_HOLD_BOUND_MS), floor = 0;

	for (size_t i = 0; i < n->disk.nlogs; i++)
		for (size_t k = 0; k < n->disk.logs[i]->n; k++) {
			eng_stamp at = n->disk.logs[i]->f[k].h.stamp;

			if (at > floor && !eng_hlc_held(at, horizon, n->disk.logs[i]->own) &&
			    eng_hlc_ahead_ms(at, wall) <= ENG_CLOCK_AHEAD_MS)
				floor = at;
		}
	return sim_planted(125) ? 0 : floor;
}

/* Of the series that the next frame goes to: 0 where that is a new one, because the
 * clock was far ahead once and is no more. */
static eng_stamp last_own(const struct sim *s, const struct sim_node *n)
{
	const struct sim_log *l = sim_disk_own(&n->disk);
	eng_stamp last = l && l->n ? l->f[l->n - 1].h.stamp : 0;

	return eng_hlc_ahead_ms(last, sim_node_wall_us(s, n)) <= ENG_CLOCK_AHEAD_MS ? last : 0;
}

eng_stamp sim_node_next_stamp(const struct sim *s, const struct sim_node *n)
{
	return eng_hlc_next(sim_node_wall_us(s, n), last_own(s, n), floor_of(s, n));
}

static void append(struct sim *s, struct sim_node *n, struct sim_log *l, uint8_t kind, uint8_t flags,
                   const uint8_t *payload, size_t len)
{
	struct eng_header h = {.kind = kind, .flags = flags, .payload_len = (uint32_t)len,
	                       .stamp = sim_node_next_stamp(s, n)};

	sim_disk_append(&n->disk, l, &h, payload);
}

static struct eng_series mint(struct sim *s)
{
	uint64_t n = ++sim_world(s)->minted;
	XXH128_canonical_t c;
	struct eng_series out;

	XXH128_canonicalFromHash(&c, XXH3_128bits(&n, sizeof n));
	memcpy(out.b, c.digest, sizeof out.b);
	return out;
}

/* The closed list of its own that was written last. */
static bool parent_of(const struct sim_node *n, struct eng_position *out)
{
	eng_stamp newest = 0;

	for (size_t i = 0; i < n->disk.nlogs; i++) {
		const struct sim_log *l = n->disk.logs[i];

		if (l->own && l->durable && l->f[l->durable - 1].h.stamp > newest) {
			newest = l->f[l->durable - 1].h.stamp;
			*out = (struct eng_position){l->name, sim_log_seq(l, l->durable - 1), l->f[l->durable - 1].h.header_check};
		}
	}
	return newest;
}

static struct sim_log *own_log(struct sim *s, struct sim_node *n)
{
	struct sim_log *l = sim_disk_own(&n->disk);
	struct eng_birth birth = {.reason = ENG_BIRTH_NEW};
	struct eng_buf b = ENG_BUF_INIT;
	struct eng_series name;

	if (l && l->n && last_own(s, n) == 0)
		l->closed = true;
	if (l && !l->closed)
		return l;
	birth.has_parent = parent_of(n, &birth.parent);
	if (birth.has_parent)
		birth.reason = ENG_BIRTH_COPY;
	name = mint(s);
	l = sim_disk_begin(&n->disk, &name);
	eng_birth_payload(&b, &birth);
	append(s, n, l, ENG_BIRTH, 0, b.p, b.n);
	eng_buf_free(&b);
	sim_trace(s, "node %u begins series %02x%02x", n->index, name.b[0], name.b[1]);
	return l;
}

bool sim_node_write(struct sim *s, struct sim_node *n, uint8_t kind, uint8_t flags, const uint8_t *payload, size_t len)
{
	const struct sim_config *c = &sim_world(s)->c;
	struct sim_log *l = own_log(s, n);

	append(s, n, l, kind, flags, payload, len);
	if (sim_chance(s, c->dies_per_mille)) {
		sim_node_crash(s, n);
		return false;
	}
	if (sim_chance(s, c->flush_fails_per_mille)) {
		sim_trace(s, "node %u: flush fails", n->index);
		if (sim_planted(120))
			sim_acknowledged(s, n, &l->f[l->n - 1].h);
		sim_disk_lose(&n->disk, true);
		return false;
	}
	sim_disk_flush(&n->disk);
	sim_acknowledged(s, n, &l->f[l->n - 1].h);
	return true;
}

void sim_node_retire(struct sim *s, struct sim_node *n)
{
	struct sim_log *l = sim_disk_own(&n->disk);
	struct eng_buf b = ENG_BUF_INIT;

	if (!l)
		return;
	eng_retire_payload(&b, &l->series);
	if (sim_node_write(s, n, ENG_RETIRE, 0, b.p, b.n))
		sim_disk_close_own(&n->disk);
	eng_buf_free(&b);
}

static bool told(const struct sim_node *n, const struct eng_sync_fork *fork)
{
	struct eng_fork f;

	for (size_t i = 0; i < n->disk.nlogs; i++)
		for (size_t k = 0; k < n->disk.logs[i]->n; k++) {
			const struct sim_frame *at = &n->disk.logs[i]->f[k];

			if (at->h.kind == ENG_FORK && eng_fork_decode(&f, sim_frame_payload(at), at->h.payload_len, NULL) == 0 &&
			    f.seq == fork->seq && eng_series_cmp(&f.series, &fork->series) == 0)
				return true;
		}
	return false;
}

void sim_node_tell_fork(struct sim *s, struct sim_node *n, const struct eng_sync_fork *fork, uint32_t mine,
                        uint32_t theirs)
{
	struct eng_fork f = {fork->series, fork->seq, {mine, theirs}};
	struct eng_buf b = ENG_BUF_INIT;

	if (told(n, fork))
		return;
	eng_fork_payload(&b, &f);
	append(s, n, own_log(s, n), ENG_FORK, 0, b.p, b.n);
	eng_buf_free(&b);
	sim_trace(s, "node %u: series %02x%02x is forked at %" PRIu64, n->index, fork->series.b[0], fork->series.b[1], fork->seq);
}
