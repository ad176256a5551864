/* world.c - one run: the mixture, the steps, then calm. */
#include "world.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/hash.h"
#include "shrink.h"

const char *const sim_act_names[SIM_ACTS] = {"idle",   "work",  "sync",  "crash",   "partition", "heal",    "clock",   "backup",
                                             "restore", "clone", "damage", "purge", "upgrade",   "retire", "file out", "file in"};

/* -- the mixture ------------------------------------------------------------------------- */

static uint32_t config(struct sim *s, uint32_t n)
{
	return sim_draw(s, SIM_CONFIG, n);
}

/* A fault is off in half of the runs. */
static uint32_t some(struct sim *s, uint32_t most)
{
	uint32_t on = config(s, 2), how_much = config(s, most);

	return on ? 1 + how_much : 0;
}

static void draw_config(struct sim *s, struct sim_config *c)
{
	static const size_t windows[] = {65536, 1048576, 4096, 512};

	c->nodes = 2 + sim_draw_skewed(s, SIM_CONFIG, SIM_NODES_MAX - 1);
	c->steps = 30 + sim_draw_skewed(s, SIM_CONFIG, 370);
	c->ids = 2 + config(s, 12);
	c->latency_ms = sim_draw_skewed(s, SIM_CONFIG, 2000);
	c->window = windows[config(s, ENG_COUNT(windows))];
	c->cut_per_mille = some(s, 500);
	c->clog_per_mille = some(s, 20);
	c->flush_fails_per_mille = some(s, 50);
	c->read_fails_per_mille = some(s, 20);
	c->dies_per_mille = some(s, 20);
	c->skew = config(s, 4);
	c->pace = config(s, 4);
	c->strangers = config(s, 2);
	c->forgetful = config(s, 4) == 3;
	c->bulk = config(s, 8) == 7;
	if (c->bulk && c->window < 65536)
		c->window = 65536;
	for (int i = 0; i < SIM_ACTS; i++)
		c->weight[i] = some(s, 10);
	c->weight[SIM_IDLE] = 1;
	c->weight[SIM_WORK] += 30;
	c->weight[SIM_SYNC] += 15;
	for (int i = 0; i < SIM_WORKS; i++)
		c->work[i] = some(s, 10);
	c->work[SIM_PUT] += 5;
	if (c->forgetful) {
		c->work[SIM_FORGET] += 20;
		c->weight[SIM_PURGE] += 15;
		c->weight[SIM_CRASH] += 5;
		c->weight[SIM_CLONE] += 4;
		c->cut_per_mille += 300;
	}
}

/* -- what fate does --------------------------------------------------------------------------- */

/* How long until the next step, by the pace of the run. */
static int64_t gap_us(struct sim_world *w, unsigned drawn)
{
	static const int64_t longest[] = {10 * SIM_S, 10 * SIM_MINUTE, 8 * SIM_HOUR, 30 * SIM_DAY};
	int64_t most = longest[w->c.pace];

	switch (drawn % 4) {
	case 0:
		return 1000 * (int64_t)(drawn / 4 % 64);
	case 1:
		return most / 1000 + drawn;
	case 2:
		return most / 64 * (int64_t)(drawn / 4 % 64) / 16;
	default:
		return most / 64 * (int64_t)(drawn / 4 % 64);
	}
}

static void wake(struct sim *s, struct sim_node *n)
{
	sim_node_start(s, n);
}

static void converse(struct sim *s, struct sim_world *w, unsigned a, unsigned b, unsigned how)
{
	static const struct eng_sync_options both = {.mode = ENG_SYNC_BOTH, .give = true, .take = true};
	struct eng_sync_options o[2] = {both, both};

	if (how % 8 == 1)
		o[0].take = false;
	if (how % 8 == 2)
		o[0].give = false;
	if (how % 8 == 3)
		o[1].take = false;
	if (how % 8 == 4)
		o[1].give = false;
	sim_talk_begin(s, &w->net, w->node[a], w->node[b], o);
	for (unsigned i = 0; i < w->c.nodes; i++)
		if (w->node[i]->dying)
			sim_node_crash(s, w->node[i]);
}

static void partition(struct sim *s, struct sim_world *w, const struct sim_step *st)
{
	unsigned one = st->node, mask = st->a;

	sim_trace(s, "partition %u of node %u, mask %x", st->b % 4, one, mask);
	for (unsigned i = 0; i < w->c.nodes; i++)
		for (unsigned k = 0; k < w->c.nodes; k++)
			switch (st->b % 4) {
			case 0: /* one way, between two */
				w->net.way[i][k].down |= i == one && k == st->peer;
				break;
			case 1: /* one node hears and is not heard */
				w->net.way[i][k].down |= i == one;
				break;
			case 2: /* one node alone */
				w->net.way[i][k].down |= i == one || k == one;
				break;
			default: /* two halves */
				w->net.way[i][k].down |= (mask >> i & 1) != (mask >> k & 1);
			}
}

static void heal(struct sim *s, struct sim_world *w)
{
	sim_trace(s, "all ways are up");
	memset(w->net.way, 0, sizeof w->net.way);
}

/* For a peer, from what it had at some moment; or for anybody. */
static void send_file(struct sim *s, struct sim_world *w, const struct sim_step *st)
{
	const struct sim_state *peer = &w->node[st->peer]->state;
	struct eng_position *after;

	if (w->net.nfiles >= 16)
		return;
	after = sim_resize(NULL, peer->disk->nlogs * sizeof *after);
	sim_file_write(s, &w->net, w->node[st->node], after, st->a % 3 ? sim_state_vector(after, peer, SIM_SEEN) : 0);
	free(after);
}

static void read_file(struct sim *s, struct sim_world *w, const struct sim_step *st)
{
	const struct sim_file *f;
	size_t n;

	if (w->net.nfiles == 0)
		return;
	f = &w->net.files[st->a % w->net.nfiles];
	n = st->b % 4 == 1 ? st->c % (f->b.n + 1) : f->b.n;
	sim_file_read(s, f, w->node[st->node], n, st->b % 16 == 2 ? 1 + st->c : 0);
	sim_check_node(s, w->node[st->node]);
}

static void act(struct sim *s, struct sim_world *w, const struct sim_step *st)
{
	struct sim_node *n = w->node[st->node], *peer = w->node[st->peer];
	struct sim_job job = {st->b % SIM_WORKS, st->a, st->c / 16, st->c, w->ids, w->c.ids, w->c.bulk};

	switch (st->act) {
	case SIM_WORK:
		wake(s, n);
		while (!w->c.work[job.kind])
			job.kind = (job.kind + 1) % SIM_WORKS;
		sim_work_do(s, n, &job);
		break;
	case SIM_SYNC:
		wake(s, n);
		wake(s, peer);
		if (n != peer)
			converse(s, w, st->node, st->peer, st->a);
		break;
	case SIM_CRASH:
		if (n->up)
			sim_node_crash(s, n);
		break;
	case SIM_PARTITION:
		partition(s, w, st);
		break;
	case SIM_HEAL:
		heal(s, w);
		break;
	case SIM_CLOCK:
		sim_node_clock(s, n, w->c.skew, st->a, st->b);
		break;
	case SIM_BACKUP:
		sim_node_backup(s, n);
		break;
	case SIM_RESTORE:
		sim_node_restore(s, n, st->a, st->b % 4 == 1);
		break;
	case SIM_CLONE:
		if (n != peer)
			sim_node_clone(s, peer, n, st->b % 4 == 1);
		break;
	case SIM_DAMAGE:
		sim_node_damage(s, n, st->a, st->b);
		break;
	case SIM_PURGE:
		wake(s, n);
		sim_node_purge(s, n);
		break;
	case SIM_UPGRADE:
		if (w->c.strangers)
			sim_node_upgrade(s, n);
		break;
	case SIM_RETIRE:
		wake(s, n);
		sim_node_retire(s, n);
		break;
	case SIM_FILE_OUT:
		wake(s, n);
		send_file(s, w, st);
		break;
	case SIM_FILE_IN:
		wake(s, n);
		read_file(s, w, st);
		break;
	default:
		break;
	}
	sim_check_node(s, n);
}

static void step(struct sim *s, void *data, uint64_t arg)
{
	struct sim_world *w = data;
	struct sim_step st;

	(void)arg;
	st.gap = sim_draw(s, SIM_PLAN, 256);
	st.act = sim_draw_weighted(s, SIM_PLAN, w->c.weight, SIM_ACTS);
	st.node = sim_draw(s, SIM_PLAN, w->c.nodes);
	st.peer = sim_draw(s, SIM_PLAN, w->c.nodes);
	st.a = sim_draw(s, SIM_PLAN, 4096);
	st.b = sim_draw(s, SIM_PLAN, 4096);
	st.c = sim_draw(s, SIM_PLAN, 4096);
	if (st.act != SIM_IDLE)
		act(s, w, &st);
	if (++w->steps_done < w->c.steps)
		sim_at(s, gap_us(w, st.gap), step, w, 0);
}

/* -- calm ------------------------------------------------------------------------------------ */

/* Longer than the wildest clock was ahead: what is held becomes due. */
#define CALM_WAIT (800 * SIM_DAY)
/* Stubs that wait for each other may need more than one turn. */
#define FORGET_AGAIN 8u

static void all_events(struct sim *s)
{
	while (sim_next(s))
		;
}

static void begin_calm(struct sim *s, struct sim_world *w)
{
	sim_trace(s, "calm");
	w->c.flush_fails_per_mille = w->c.read_fails_per_mille = w->c.dies_per_mille = 0;
	w->net.cut_per_mille = w->net.clog_per_mille = 0;
	memset(w->net.way, 0, sizeof w->net.way);
	for (unsigned i = 0; i < w->c.nodes && !s->checker; i++) {
		wake(s, w->node[i]);
		sim_disk_flush(&w->node[i]->disk);
		if (!w->node[i]->state.knows && w->c.strangers)
			sim_node_upgrade(s, w->node[i]);
	}
	s->now_us += CALM_WAIT;
	for (unsigned i = 0; i < w->c.nodes; i++)
		sim_node_clock_right(w->node[i]);
}

/* Each with the next, around: what one has is everywhere after as many rounds as
 * there are nodes, less one; a fork is found in one round, told in others. */
static void calm_round(struct sim *s, struct sim_world *w)
{
	for (unsigned i = 0; i < w->c.nodes && !s->checker; i++) {
		converse(s, w, i, (i + 1) % w->c.nodes, 0);
		all_events(s);
	}
}

static void calm_rounds(struct sim *s, struct sim_world *w)
{
	unsigned most = 2 * w->c.nodes + 4;

	for (w->rounds = 0; w->rounds < most && !s->checker && (w->rounds == 0 || !sim_converged(s)); w->rounds++)
		calm_round(s, w);
}

/* A forget went with the only disk that had it, and what it forgot is whole nowhere:
 * its stubs wait until somebody forgets that once more. */
static bool forget_again(struct sim *s, struct sim_world *w)
{
	struct eng_position stubs[64];
	size_t n = sim_state_wanted(stubs, ENG_COUNT(stubs), &w->node[0]->state);

	for (size_t i = 0; i < n && !s->checker; i++)
		sim_work_forget_stub(s, w->node[0], &stubs[i]);
	return n > 0;
}

static void calm(struct sim *s, struct sim_world *w)
{
	all_events(s);
	begin_calm(s, w);
	for (unsigned i = 0; i < FORGET_AGAIN && !s->checker && (i == 0 || forget_again(s, w)); i++)
		calm_rounds(s, w);
	for (unsigned i = 0; i < w->c.nodes && !s->checker; i++)
		sim_node_purge(s, w->node[i]);
	if (!s->checker)
		calm_round(s, w);
	if (!s->checker)
		sim_check_calm(s);
}

/* -- a run --------------------------------------------------------------------------------------- */

static struct engram_id id_of(unsigned tag, unsigned i)
{
	const unsigned key[2] = {tag, i};
	XXH128_hash_t h = XXH3_128bits(key, sizeof key);
	XXH128_canonical_t c;
	struct engram_id id;

	XXH128_canonicalFromHash(&c, h);
	memcpy(id.b, c.digest, sizeof id.b);
	/* Some share a bucket of the digest. */
	if (tag == 1 && i % 2)
		id.b[0] = id.b[1] = 7;
	return id;
}

static void begin(struct sim *s, struct sim_world *w)
{
	unsigned what;

	s->world = w;
	sim_meter_begin();
	draw_config(s, &w->c);
	w->space = id_of(0, 0);
	w->ids = sim_resize(NULL, w->c.ids * sizeof *w->ids);
	for (unsigned i = 0; i < w->c.ids; i++)
		w->ids[i] = id_of(1, i);
	w->net.latency_ms = w->c.latency_ms;
	w->net.cut_per_mille = w->c.cut_per_mille;
	w->net.clog_per_mille = w->c.clog_per_mille;
	w->net.window = w->c.window;
	for (unsigned i = 0; i < w->c.nodes; i++) {
		w->node[i] = sim_node_new(s, i, &w->space);
		if (w->c.strangers && i % 2)
			sim_node_upgrade(s, w->node[i]);
		what = config(s, 4);
		sim_node_clock(s, w->node[i], w->c.skew, what, config(s, 4096));
	}
	sim_trace(s, "%u nodes, %u steps, %u ids, pace %u, skew %u", w->c.nodes, w->c.steps, w->c.ids, w->c.pace, w->c.skew);
	sim_at(s, 0, step, w, 0);
}

static void end(struct sim *s, struct sim_world *w)
{
	sim_net_free(&w->net);
	for (unsigned i = 0; i < w->c.nodes; i++)
		sim_node_free(w->node[i]);
	sim_ledger_free(&w->ledger);
	free(w->ids);
	sim_meter_end();
	sim_free(s);
}

struct looker {
	sim_look_fn *fn;
	void *data;
};

static void print_trace(struct sim *s, void *data)
{
	(void)data;
	sim_print_trace(s);
}

static void run(struct sim_verdict *out, uint64_t seed, const struct sim_tape *tape, bool loud, struct looker look)
{
	struct sim_world w = {0};
	struct sim s;

	sim_init(&s, seed, tape);
	s.loud = loud;
	begin(&s, &w);
	calm(&s, &w);
	*out = (struct sim_verdict){.checker = s.checker, .hash = s.hash, .events = s.done, .virtual_us = s.now_us - CALM_WAIT};
	memcpy(out->why, s.why, sizeof out->why);
	sim_tape_copy(&out->tape, &s.tape);
	if (look.fn)
		look.fn(&s, look.data);
	end(&s, &w);
}

void sim_run(struct sim_verdict *out, uint64_t seed, const struct sim_tape *tape)
{
	run(out, seed, tape, false, (struct looker){NULL, NULL});
}

void sim_run_loud(struct sim_verdict *out, uint64_t seed, const struct sim_tape *tape, bool loud)
{
	run(out, seed, tape, loud, (struct looker){NULL, NULL});
}

void sim_run_last(uint64_t seed, const struct sim_tape *tape)
{
	struct sim_verdict v;

	run(&v, seed, tape, false, (struct looker){print_trace, NULL});
	sim_tape_free(&v.tape);
}

void sim_run_and_look(struct sim_verdict *out, uint64_t seed, sim_look_fn *look, void *data)
{
	run(out, seed, NULL, false, (struct looker){look, data});
}
