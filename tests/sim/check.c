/* check.c - what must hold.
 *
 * The checkers look at frames and at what lib/merge makes of them, never at how a
 * session or a store came to it.  What they know is kept here: what was
 * acknowledged, and every state that was seen at some vector. */
#include "check.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "frame/payload.h"
#include "world.h"

/* A batch as it is built, one as it is sent, one as it comes in, and tables. */
#define SESSION_BYTES (4 * (int64_t)ENG_SYNC_BATCH + (1 << 20))
#define OUTPUT_BYTES (2 * (size_t)ENG_SYNC_BATCH + (1 << 16))

void sim_ledger_free(struct sim_ledger *l)
{
	free(l->acks);
	free(l->seen);
	*l = (struct sim_ledger){0};
}

/* -- acknowledged frames ---------------------------------------------------------- */

void sim_acknowledged(struct sim *s, const struct sim_node *node, const struct eng_header *h)
{
	struct sim_ledger *l = &sim_world(s)->ledger;

	sim_grow(&l->acks, &l->cap, l->nacks, sizeof *l->acks);
	l->acks[l->nacks++] = (struct sim_ack){h->series, h->seq, h->header_check, node->index, false};
}

static bool durable_at(const struct sim_node *n, const struct sim_ack *a)
{
	struct sim_log *l;

	return sim_disk_find(&n->disk, &a->series, a->seq, a->header_check, &l) && a->seq - l->first < l->durable;
}

void sim_promised(struct sim *s, unsigned id, eng_stamp stamp)
{
	struct sim_ledger *l = &sim_world(s)->ledger;

	if (stamp > l->promised[id])
		l->promised[id] = stamp;
}

void sim_disk_lost(struct sim *s, const struct sim_node *node)
{
	struct sim_world *w = sim_world(s);

	memset(w->ledger.promised, 0, sizeof w->ledger.promised);
	for (size_t i = 0; i < w->ledger.nacks; i++) {
		struct sim_ack *a = &w->ledger.acks[i];
		bool somewhere = false;

		for (unsigned k = 0; k < w->c.nodes; k++)
			somewhere |= w->node[k] != node && durable_at(w->node[k], a);
		a->destroyed |= !somewhere;
	}
}

static void check_acks(struct sim *s, const struct sim_node *n)
{
	const struct sim_ledger *l = &sim_world(s)->ledger;

	for (size_t i = 0; i < l->nacks; i++) {
		const struct sim_ack *a = &l->acks[i];

		if (!a->destroyed && !durable_at(n, a))
			sim_fail(s, "lost", "node %u lacks frame %" PRIu64 " of %02x%02x, acknowledged by node %u", n->index, a->seq,
			         a->series.b[0], a->series.b[1], a->node);
	}
}

static bool has_put(const struct eng_item *item, eng_stamp stamp)
{
	for (size_t i = 0; i < item->ndots; i++)
		if (item->dots[i].kind == ENG_MEMORY && item->dots[i].stamp == stamp)
			return true;
	return false;
}

/* A memory whose last put was acknowledged at some stamp lives, unless a forget is
 * above it; or that put is there, and something that saw it replaced or forgot it. */
static void check_promises(struct sim *s, const struct sim_node *n)
{
	const struct sim_world *w = sim_world(s);
	struct eng_arena arena = ENG_ARENA_INIT;

	for (unsigned i = 0; i < w->c.ids; i++) {
		struct eng_reading r = {.live = false};
		struct eng_item item;

		eng_arena_reset(&arena);
		if (w->ledger.promised[i] <= sim_state_forgotten(&n->state, &w->ids[i]))
			continue;
		if (sim_state_item(&n->state, &item, SIM_APPLIED, &w->ids[i], &arena, NULL) == 0)
			eng_item_read(&item, &r, NULL);
		if (!r.live && !has_put(&item, w->ledger.promised[i]))
			sim_fail(s, "lost", "node %u: memory %u was stored at %" PRIx64 " and is gone", n->index, i,
			         w->ledger.promised[i]);
	}
	eng_arena_free(&arena);
}

/* -- chains -------------------------------------------------------------------------- */

static bool follows(const struct sim_frame *f, const struct sim_frame *before)
{
	if (!before)
		return f->h.seq != 1 || f->h.prev == 0;
	return f->h.prev == before->h.header_check && f->h.seq == before->h.seq + 1 && f->h.stamp > before->h.stamp;
}

static bool sound(const struct sim_frame *f)
{
	struct eng_header h;

	return eng_header_decode(&h, f->p) == ENG_HEADER_OK && h.header_check == f->h.header_check &&
	       eng_payload_ok(&h, sim_frame_payload(f));
}

static void check_chains(struct sim *s, const struct sim_node *n)
{
	for (size_t i = 0; i < n->disk.nlogs; i++) {
		const struct sim_log *l = n->disk.logs[i];

		for (size_t k = 0; k < l->n; k++)
			if (!follows(&l->f[k], k ? &l->f[k - 1] : NULL) || !sound(&l->f[k]) ||
			    l->f[k].h.seq != sim_log_seq(l, k))
				sim_fail(s, "chain", "node %u: frame %" PRIu64 " of %02x%02x does not follow", n->index,
				         sim_log_seq(l, k), l->name.b[0], l->name.b[1]);
	}
}

/* -- forgotten ------------------------------------------------------------------------- */

/* What the rules of lib/merge come to, from the frames alone: a memory is there
 * only if some memory frame of it is above its last forget. */
static void check_forgotten(struct sim *s, const struct sim_node *n)
{
	const struct sim_world *w = sim_world(s);
	struct eng_arena arena = ENG_ARENA_INIT;

	for (unsigned i = 0; i < w->c.ids; i++) {
		eng_stamp forgotten = sim_state_forgotten(&n->state, &w->ids[i]);
		struct eng_reading r;
		struct eng_item item;

		eng_arena_reset(&arena);
		if (!forgotten || sim_state_item(&n->state, &item, SIM_APPLIED, &w->ids[i], &arena, NULL) < 0 ||
		    eng_item_read(&item, &r, NULL) < 0 || !r.live)
			continue;
		for (size_t k = 0; k < r.nlive_dots; k++)
			if (r.live_dots[k]->stamp <= forgotten)
				sim_fail(s, "resurrection", "node %u: memory %u is back: frame of %" PRIx64 ", forgotten at %" PRIx64,
				         n->index, i, r.live_dots[k]->stamp, forgotten);
	}
	eng_arena_free(&arena);
}

/* -- one state, one digest ------------------------------------------------------------- */

void sim_check_state(struct sim *s, struct sim_node *n)
{
	struct sim_ledger *l = &sim_world(s)->ledger;
	struct sim_seen now = {.knows = n->state.knows, .node = n->index};
	struct engram_error err;

	if (sim_state_digest(&n->state, now.vector, now.digest, &err) < 0 || sim_state_reading(&n->state, now.reading, &err) < 0) {
		sim_fail(s, "reading", "node %u: %s", n->index, err.message);
		return;
	}
	sim_trace(s, "node %u: vector %02x%02x%02x%02x state %02x%02x%02x%02x", n->index, now.vector[0], now.vector[1],
	          now.vector[2], now.vector[3], now.digest[0], now.digest[1], now.digest[2], now.digest[3]);
	for (size_t i = 0; i < l->nseen; i++) {
		const struct sim_seen *was = &l->seen[i];

		if (was->knows != now.knows || memcmp(was->vector, now.vector, 16) != 0)
			continue;
		if (memcmp(was->digest, now.digest, 16) != 0)
			sim_fail(s, "digest", "node %u differs from what node %u had at the same vector", n->index, was->node);
		else if (memcmp(was->reading, now.reading, 16) != 0)
			sim_fail(s, "reading", "node %u reads otherwise than node %u did at the same vector", n->index, was->node);
		return;
	}
	sim_grow(&l->seen, &l->seen_cap, l->nseen, sizeof *l->seen);
	l->seen[l->nseen++] = now;
}

/* -- after every event --------------------------------------------------------------------- */

void sim_check_node(struct sim *s, struct sim_node *n)
{
	uint64_t received = 0, applied = 0;

	for (size_t i = 0; i < n->disk.nlogs; i++) {
		received += n->disk.logs[i]->durable;
		applied += n->disk.logs[i]->applied;
	}
	if (received < n->received_before || applied < n->applied_before)
		sim_fail(s, "shrunk", "node %u: %" PRIu64 " frames received, %" PRIu64 " applied; before: %" PRIu64 ", %" PRIu64,
		         n->index, received, applied, n->received_before, n->applied_before);
	n->received_before = received;
	n->applied_before = applied;
}

void sim_check_output(struct sim *s, const struct sim_talk *t, unsigned side, size_t n)
{
	if (n > OUTPUT_BYTES)
		sim_fail(s, "bounded", "talk %u node %u: %zu bytes at once", t->number, t->end[side].node->index, n);
}

/* What one end sent, the other took or had; only where nothing was lost between. */
static void check_counts(struct sim *s, const struct sim_talk *t, const struct sim_end *from, const struct sim_end *to)
{
	if (from->stats.frames_sent != to->stats.frames_received + to->stats.frames_known + to->stats.mended)
		sim_fail(s, "session", "talk %u: node %u sent %" PRIu64 " frames, node %u took %" PRIu64 ", knew %" PRIu64
		         ", mended %" PRIu64, t->number, from->node->index, from->stats.frames_sent, to->node->index,
		         to->stats.frames_received, to->stats.frames_known, to->stats.mended);
	if (from->stats.bytes_out != to->stats.bytes_in)
		sim_fail(s, "session", "talk %u: node %u sent %" PRIu64 " bytes, node %u heard %" PRIu64, t->number,
		         from->node->index, from->stats.bytes_out, to->node->index, to->stats.bytes_in);
}

/* Both say that they are done: then what one had is durable at the other. */
static void check_delivered(struct sim *s, const struct sim_talk *t, const struct sim_end *from, const struct sim_end *to)
{
	if (!from->o.give || !to->o.take)
		return;
	for (size_t i = 0; i < from->nheads; i++) {
		const struct eng_header *h = &from->heads[i];
		struct sim_log *l;

		if (!sim_disk_find(&to->node->disk, &h->series, h->seq, h->header_check, &l) || h->seq - l->first >= l->durable)
			sim_fail(s, "session", "talk %u is done: node %u had frame %" PRIu64 " of %02x%02x, node %u has not", t->number,
			         from->node->index, h->seq, h->series.b[0], h->series.b[1], to->node->index);
	}
}

void sim_check_talk(struct sim *s, const struct sim_talk *t)
{
	for (int i = 0; i < 2; i++) {
		const struct sim_end *e = &t->end[i];

		if (sim_seat_most(e->seat) > SESSION_BYTES)
			sim_fail(s, "bounded", "talk %u node %u: the session held %" PRId64 " bytes", t->number, e->node->index,
			         sim_seat_most(e->seat));
		if (sim_seat_bytes(e->seat) != 0)
			sim_fail(s, "bounded", "talk %u node %u: %" PRId64 " bytes were not given back", t->number, e->node->index,
			         sim_seat_bytes(e->seat));
		if (e->stats.compared && !e->stats.equal)
			sim_fail(s, "digest", "talk %u node %u: digests differ: %s", t->number, e->node->index, e->err.message);
		check_chains(s, e->node);
		check_forgotten(s, e->node);
		sim_check_state(s, e->node);
	}
	if (t->ending == SIM_ERROR)
		sim_fail(s, "session", "talk %u ended without a fault: node %u: %s; node %u: %s", t->number,
		         t->end[0].node->index, t->end[0].err.message, t->end[1].node->index, t->end[1].err.message);
	if (t->ending == SIM_GOOD) {
		check_counts(s, t, &t->end[0], &t->end[1]);
		check_counts(s, t, &t->end[1], &t->end[0]);
		check_delivered(s, t, &t->end[0], &t->end[1]);
		check_delivered(s, t, &t->end[1], &t->end[0]);
	}
}

/* -- in the end ------------------------------------------------------------------------------- */

static bool same_disk(const struct sim_disk *a, const struct sim_disk *b, char *why, size_t n)
{
	if (a->nlogs != b->nlogs || a->nforks != b->nforks) {
		snprintf(why, n, "%zu and %zu series, %zu and %zu forks", a->nlogs, b->nlogs, a->nforks, b->nforks);
		return false;
	}
	for (size_t i = 0; i < a->nlogs; i++) {
		const struct sim_log *x = a->logs[i], *y = b->logs[i];

		if (eng_series_cmp(&x->name, &y->name) || x->durable != y->durable || !x->durable || x->applied != y->applied ||
		    x->f[x->durable - 1].h.header_check != y->f[y->durable - 1].h.header_check) {
			snprintf(why, n, "series %02x%02x: %zu and %zu frames, %zu and %zu applied", x->name.b[0], x->name.b[1],
			         x->durable, y->durable, x->applied, y->applied);
			return false;
		}
	}
	for (size_t i = 0; i < a->nforks; i++)
		if (eng_series_cmp(&a->forks[i].series, &b->forks[i].series) || a->forks[i].seq != b->forks[i].seq) {
			snprintf(why, n, "fork %zu", i);
			return false;
		}
	return true;
}

bool sim_converged(struct sim *s)
{
	const struct sim_world *w = sim_world(s);
	char why[100];

	for (unsigned i = 0; i < w->c.nodes; i++) {
		sim_node_apply(s, w->node[i]);
		if (!same_disk(&w->node[0]->disk, &w->node[i]->disk, why, sizeof why))
			return false;
	}
	return true;
}

/* Bytes of what was forgotten: frames that a forget killed and that are whole.  What
 * waits is judged by `held`: nobody has read it, and it is purged when it is applied. */
static void check_purged(struct sim *s, const struct sim_node *n)
{
	for (size_t i = 0; i < n->disk.nlogs; i++)
		for (size_t k = 0; k < n->disk.logs[i]->applied; k++) {
			const struct sim_frame *f = &n->disk.logs[i]->f[k];
			struct eng_prelude p;

			if (f->h.flags & ENG_FLAG_STUB || f->h.kind < ENG_MEMORY || f->h.kind > ENG_FEEDBACK ||
			    eng_prelude_decode(&p, sim_frame_payload(f), f->h.payload_len, NULL) < 0)
				continue;
			for (unsigned j = 0; j < p.nsubjects; j++) {
				struct engram_id id = eng_prelude_subject(&p, j);

				if (f->h.stamp <= sim_state_forgotten(&n->state, &id))
					sim_fail(s, "purged", "node %u: frame %" PRIu64 " of %02x%02x was forgotten and is whole", n->index,
					         f->h.seq, f->h.series.b[0], f->h.series.b[1]);
			}
		}
}

void sim_check_calm(struct sim *s)
{
	struct sim_world *w = sim_world(s);
	char why[100];

	for (unsigned i = 0; i < w->c.nodes && !s->checker; i++) {
		struct sim_node *n = w->node[i];

		check_acks(s, n);
		check_promises(s, n);
		if (n->disk.nforks && !w->twins)
			sim_fail(s, "forks", "node %u: a series is forked, and nobody could write it twice", n->index);
		check_chains(s, n);
		check_forgotten(s, n);
		if (sim_state_waiting(&n->state))
			sim_fail(s, "held", "node %u: %" PRIu64 " frames wait though nothing holds them", n->index,
			         sim_state_waiting(&n->state));
		if (!same_disk(&w->node[0]->disk, &n->disk, why, sizeof why))
			sim_fail(s, "converge", "nodes 0 and %u after %u rounds: %s", i, w->rounds, why);
		sim_check_state(s, n);
		check_purged(s, n);
	}
}
