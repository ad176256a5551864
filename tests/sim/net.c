/* net.c - conversations and files of frames.
 *
 * An end is driven as the shell drives it: what has arrived goes in, the session
 * takes a step, what it says goes out, as long as anything moves.  What is on its
 * way is delivered in chunks of drawn length after drawn delays, in order; a
 * session is stopped only by a full window, never by a lost byte.
 *
 * A conversation in which nothing moves for TIMEOUT is broken off, as the shell
 * does.  That is a fault of the way if the way was down or clogged; if not, the
 * sessions wait for each other, and that is a failure. */
#include "net.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "world.h"

#define TIMEOUT (2 * SIM_MINUTE)
#define LOOK_AGAIN (5 * SIM_S) /* whether a way is up */

static void deliver(struct sim *s, void *data, uint64_t side);

static void end_session(struct sim_end *e)
{
	if (e->session)
		e->stats = *eng_sync_stats(e->session);
	eng_sync_free(e->session);
	e->session = NULL;
	eng_buf_free(&e->flight);
	eng_buf_free(&e->here);
}

void sim_net_free(struct sim_net *net)
{
	for (size_t i = 0; i < net->ntalks; i++) {
		for (int k = 0; k < 2; k++) {
			end_session(&net->talks[i]->end[k]);
			sim_seat_free(net->talks[i]->end[k].seat);
			free(net->talks[i]->end[k].heads);
		}
		free(net->talks[i]);
	}
	for (size_t i = 0; i < net->nfiles; i++)
		eng_buf_free(&net->files[i].b);
	free(net->talks);
	free(net->files);
	*net = (struct sim_net){0};
}

static struct sim_net *net_of(struct sim *s)
{
	return &sim_world(s)->net;
}

/* -- endings ------------------------------------------------------------------------- */

static void end_talk(struct sim *s, struct sim_talk *t, enum sim_ending how, const char *why)
{
	if (t->ending != SIM_OPEN)
		return;
	t->ending = how;
	sim_trace(s, "talk %u ends: %s, %" PRIu64 " bytes", t->number, why, t->carried);
	for (int i = 0; i < 2; i++) {
		end_session(&t->end[i]);
		sim_trace(s, "  node %u: sent %" PRIu64 " received %" PRIu64 " known %" PRIu64 " held %" PRIu64 "%s",
		          t->end[i].node->index, t->end[i].stats.frames_sent, t->end[i].stats.frames_received,
		          t->end[i].stats.frames_known, t->end[i].stats.held,
		          t->end[i].stats.compared ? (t->end[i].stats.equal ? " equal" : " DIFFERENT") : "");
	}
	sim_check_talk(s, t);
}

void sim_net_drop(struct sim *s, struct sim_net *net, const struct sim_node *node)
{
	for (size_t i = 0; i < net->ntalks; i++) {
		struct sim_talk *t = net->talks[i];

		if (t->ending == SIM_OPEN && (t->end[0].node == node || t->end[1].node == node)) {
			t->faulty = true;
			end_talk(s, t, SIM_BROKEN, "a node went down");
		}
	}
}

void sim_net_disturbed(struct sim_net *net, const struct sim_node *node, const struct sim_talk *but)
{
	for (size_t i = 0; i < net->ntalks; i++) {
		struct sim_talk *t = net->talks[i];

		t->faulty |= t != but && (t->end[0].node == node || t->end[1].node == node);
	}
}

/* -- one end ---------------------------------------------------------------------------- */

static void fail_end(struct sim *s, struct sim_talk *t, struct sim_end *e, int result)
{
	e->result = result;
	sim_trace(s, "talk %u node %u: error %d: %s", t->number, e->node->index, result, e->err.message);
}

static bool put_in(struct sim *s, struct sim_talk *t, struct sim_end *e)
{
	size_t used = 0;
	int r = 0;

	sim_seat_enter(e->seat);
	if (e->taken < e->here.n) {
		r = eng_sync_input(e->session, &used, e->here.p + e->taken, e->here.n - e->taken, &e->err);
		e->taken += used;
		if (e->taken == e->here.n) {
			eng_buf_reset(&e->here);
			e->taken = 0;
		}
	} else if (e->last && !e->flight.n && !e->ended) {
		e->ended = true;
		r = eng_sync_input_end(e->session, &e->err);
	}
	sim_seat_leave(e->seat);
	if (r < 0)
		fail_end(s, t, e, r);
	return r == 0 && (used > 0 || e->ended);
}

static void send_off(struct sim *s, struct sim_talk *t, unsigned to)
{
	struct sim_end *e = &t->end[to];

	if (e->moving)
		return;
	e->moving = true;
	sim_at(s, sim_draw_skewed(s, SIM_CHANCE, net_of(s)->latency_ms + 1) * INT64_C(1000), deliver, t, to);
}

static bool take_out(struct sim *s, struct sim_talk *t, unsigned side)
{
	struct sim_end *e = &t->end[side], *peer = &t->end[!side];
	struct eng_bytes out = eng_sync_output(e->session);
	size_t room = net_of(s)->window - peer->flight.n - (peer->here.n - peer->taken);
	size_t n = out.n < room ? out.n : room;

	sim_check_output(s, t, side, out.n);
	if (n == 0)
		return false;
	eng_buf_add(&peer->flight, out.p, n);
	eng_sync_sent(e->session, n);
	t->carried += n;
	send_off(s, t, !side);
	return true;
}

static void close_when_over(struct sim *s, struct sim_talk *t, unsigned side)
{
	struct sim_end *e = &t->end[side];

	if (e->closed || eng_sync_state(e->session) == ENG_SYNC_RUNNING || eng_sync_output(e->session).n)
		return;
	e->closed = true;
	t->end[!side].last = true;
	send_off(s, t, !side);
}

/* A session that has failed takes nothing more, but may have something to say. */
static bool turn(struct sim *s, struct sim_talk *t, unsigned side)
{
	struct sim_end *e = &t->end[side];
	bool moved = false;
	int r;

	if (e->result == 0)
		moved = put_in(s, t, e);
	if (e->result == 0 && !e->ended) {
		sim_seat_enter(e->seat);
		r = eng_sync_step(e->session, &e->err);
		sim_seat_leave(e->seat);
		if (r < 0)
			fail_end(s, t, e, r);
	}
	return (take_out(s, t, side) || moved) && !e->ended;
}

static void settle(struct sim *s, struct sim_talk *t)
{
	const struct sim_end *a = &t->end[0], *b = &t->end[1];

	if (t->ending != SIM_OPEN || !a->closed || !b->closed || a->flight.n || b->flight.n)
		return;
	if (eng_sync_state(a->session) == ENG_SYNC_DONE && eng_sync_state(b->session) == ENG_SYNC_DONE)
		end_talk(s, t, SIM_GOOD, "done");
	else
		end_talk(s, t, t->faulty ? SIM_BROKEN : SIM_ERROR, "an end failed");
}

/* An end does all it can. */
static void drive(struct sim *s, struct sim_talk *t, unsigned side)
{
	struct sim_node *node = t->end[side].node;

	while (turn(s, t, side) && !node->dying)
		;
	if (node->dying) {
		sim_node_crash(s, node);
		return;
	}
	close_when_over(s, t, side);
	settle(s, t);
	sim_check_node(s, node);
}

/* -- the way -------------------------------------------------------------------------- */

static bool way_open(struct sim *s, struct sim_talk *t, unsigned to)
{
	struct sim_net *net = net_of(s);
	struct sim_way *w = &net->way[t->end[!to].node->index][t->end[to].node->index];

	if (sim_chance(s, net->clog_per_mille)) {
		w->clogged_until_us = s->now_us + 1000 * (int64_t)sim_draw_skewed(s, SIM_CHANCE, 20000);
		sim_trace(s, "way %u-%u clogged", t->end[!to].node->index, t->end[to].node->index);
	}
	return !w->down && w->clogged_until_us <= s->now_us;
}

/* How much of what is on its way arrives now; a cut leaves no more than its byte. */
static size_t chunk(struct sim *s, struct sim_talk *t, const struct sim_end *e)
{
	static const uint32_t tame_first[] = {6, 2, 1, 1};

	switch (sim_draw_weighted(s, SIM_CHANCE, tame_first, ENG_COUNT(tame_first))) {
	case 0:
		return e->flight.n;
	case 1:
		return 1 + sim_draw(s, SIM_CHANCE, (uint32_t)e->flight.n);
	case 2:
		return 1 + sim_draw_skewed(s, SIM_CHANCE, (uint32_t)e->flight.n);
	default:
		t->progress_us = s->now_us;
		return 1;
	}
}

static void arrive(struct sim *s, struct sim_talk *t, struct sim_end *e)
{
	size_t n = e->flight.n ? chunk(s, t, e) : 0;

	if (n > e->flight.n)
		n = e->flight.n;
	eng_buf_add(&e->here, e->flight.p, n);
	memmove(e->flight.p, e->flight.p + n, e->flight.n - n);
	e->flight.n -= n;
	t->progress_us = s->now_us;
}

static void deliver(struct sim *s, void *data, uint64_t to)
{
	struct sim_talk *t = data;
	struct sim_end *e = &t->end[to];

	e->moving = false;
	if (t->ending != SIM_OPEN)
		return;
	if (t->cut_after && t->carried >= t->cut_after) {
		t->faulty = true;
		end_talk(s, t, SIM_BROKEN, "cut");
		return;
	}
	if (!way_open(s, t, (unsigned)to)) {
		t->faulty = true;
		e->moving = true;
		sim_at(s, LOOK_AGAIN, deliver, t, to);
		return;
	}
	if (e->flight.n)
		arrive(s, t, e);
	if (e->flight.n)
		send_off(s, t, (unsigned)to);
	drive(s, t, (unsigned)to);
	/* There is room in the window again. */
	if (t->ending == SIM_OPEN)
		drive(s, t, !to);
}

static void watch(struct sim *s, void *data, uint64_t arg)
{
	struct sim_talk *t = data;

	(void)arg;
	if (t->ending != SIM_OPEN)
		return;
	if (s->now_us - t->progress_us < TIMEOUT) {
		sim_at(s, TIMEOUT / 4, watch, t, 0);
		return;
	}
	if (!t->faulty)
		sim_fail(s, "stuck", "talk %u: nodes %u and %u wait for each other", t->number,
		         t->end[0].node->index, t->end[1].node->index);
	end_talk(s, t, SIM_BROKEN, "timed out");
}

/* -- beginning ---------------------------------------------------------------------------- */

/* NULL where a fault of the machine met it, or the position that a file shall begin
 * at is not one of this store (forked since). */
static struct eng_sync *new_session(struct sim *s, struct sim_seat *seat, const struct eng_sync_options *o)
{
	struct eng_sync *session = NULL;
	struct engram_error err;

	sim_seat_enter(seat);
	if (eng_sync_new(&session, o, sim_seat_store(seat), &err) < 0 && !sim_seat_failed(seat) && !o->nafter)
		sim_fail(s, "session", "cannot begin: %s", err.message);
	sim_seat_leave(seat);
	return session;
}

/* What it has now, the other shall have when both are done. */
static void keep_heads(struct sim_end *e)
{
	const struct sim_disk *d = &e->node->disk;

	e->heads = sim_resize(NULL, d->nlogs * sizeof *e->heads);
	for (size_t i = 0; i < d->nlogs; i++)
		if (d->logs[i]->durable)
			e->heads[e->nheads++] = d->logs[i]->f[d->logs[i]->durable - 1].h;
}

void sim_talk_begin(struct sim *s, struct sim_net *net, struct sim_node *a, struct sim_node *b,
                    const struct eng_sync_options o[2])
{
	struct sim_talk *t = sim_resize(NULL, sizeof *t);

	*t = (struct sim_talk){.number = (unsigned)net->ntalks, .progress_us = s->now_us};
	sim_grow(&net->talks, &net->cap, net->ntalks, sizeof(struct sim_talk *));
	net->talks[net->ntalks++] = t;
	t->end[0].node = a;
	t->end[1].node = b;
	for (int i = 0; i < 2; i++) {
		t->end[i].o = o[i];
		t->end[i].seat = sim_seat_new(s, t->end[i].node, t);
		t->end[i].session = new_session(s, t->end[i].seat, &o[i]);
		keep_heads(&t->end[i]);
	}
	if (sim_chance(s, net->cut_per_mille))
		t->cut_after = 1 + sim_draw_skewed(s, SIM_CHANCE, 1u << (4 + sim_draw(s, SIM_CHANCE, 14)));
	if (!t->end[0].session || !t->end[1].session) {
		end_talk(s, t, SIM_BROKEN, "not begun");
		return;
	}
	sim_trace(s, "talk %u begins: node %u with node %u%s%s", t->number, a->index, b->index,
	          o[0].take && o[1].give ? "" : ", push only", o[0].give && o[1].take ? "" : ", pull only");
	sim_at(s, TIMEOUT / 4, watch, t, 0);
	send_off(s, t, 0);
	send_off(s, t, 1);
}

/* -- files -------------------------------------------------------------------------------------- */

int sim_file_write(struct sim *s, struct sim_net *net, struct sim_node *from, const struct eng_position *after,
                   size_t n)
{
	struct eng_sync_options o = {.mode = ENG_SYNC_FILE_OUT, .give = true, .after = after, .nafter = n};
	struct sim_seat *seat = sim_seat_new(s, from, NULL);
	struct eng_sync *session = new_session(s, seat, &o);
	struct eng_buf whole = ENG_BUF_INIT;
	struct engram_error err;
	struct eng_bytes out;
	int r = 0;

	while (session && r == 0) {
		sim_seat_enter(seat);
		r = eng_sync_step(session, &err);
		sim_seat_leave(seat);
		out = eng_sync_output(session);
		eng_buf_add(&whole, out.p, out.n);
		eng_sync_sent(session, out.n);
		if (!out.n && eng_sync_state(session) != ENG_SYNC_RUNNING)
			break;
	}
	sim_trace(s, "node %u writes file %zu of %zu bytes: %d", from->index, net->nfiles, whole.n, r);
	sim_grow(&net->files, &net->files_cap, net->nfiles, sizeof *net->files);
	net->files[net->nfiles++] = (struct sim_file){whole, from->index, session && r == 0 && n == 0};
	eng_sync_free(session);
	sim_seat_free(seat);
	if (from->dying)
		sim_node_crash(s, from);
	return r;
}

/* All of it, in pieces. */
static int feed(struct sim *s, struct eng_sync *session, struct sim_seat *seat, const uint8_t *p, size_t n,
                struct engram_error *err)
{
	size_t used = 0;
	int r = 0;

	for (size_t at = 0; r == 0 && at < n; at += used) {
		size_t part = sim_draw(s, SIM_CHANCE, 2) ? 1 + sim_draw(s, SIM_CHANCE, (uint32_t)(n - at)) : n - at;

		sim_seat_enter(seat);
		r = eng_sync_input(session, &used, p + at, part, err);
		if (r == 0)
			r = eng_sync_step(session, err);
		sim_seat_leave(seat);
		if (r == 0 && used == 0)
			break; /* the file was over before its end */
	}
	if (r == 0) {
		sim_seat_enter(seat);
		r = eng_sync_input_end(session, err);
		sim_seat_leave(seat);
	}
	return r;
}

int sim_file_read(struct sim *s, const struct sim_file *file, struct sim_node *to, size_t n, uint32_t flip)
{
	struct eng_sync_options o = {.mode = ENG_SYNC_FILE_IN, .take = true};
	struct sim_seat *seat = sim_seat_new(s, to, NULL);
	struct eng_sync *session = new_session(s, seat, &o);
	uint8_t *copy = sim_resize(NULL, file->b.n);
	struct engram_error err = {0};
	int r;

	if (file->b.n)
		memcpy(copy, file->b.p, file->b.n);
	if (flip && n)
		copy[flip % n] ^= (uint8_t)(1u << flip / n % 8);
	r = session ? feed(s, session, seat, copy, n, &err) : ENGRAM_EIO;
	sim_trace(s, "node %u reads %zu of %zu bytes of a file of node %u: %d%s%s", to->index, n, file->b.n, file->from, r,
	          r < 0 ? " " : "", r < 0 ? err.message : "");
	if (r < 0 && !flip && n == file->b.n && file->whole && !sim_seat_failed(seat))
		sim_fail(s, "session", "node %u: file of node %u: %s", to->index, file->from, err.message);
	eng_sync_free(session);
	sim_seat_free(seat);
	free(copy);
	if (to->dying)
		sim_node_crash(s, to);
	return r;
}
