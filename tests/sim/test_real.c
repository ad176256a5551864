/* test_real.c - the model is worth what it shares with the real store.
 *
 * A run of the simulator ends with frames of many series, forked ones, forgotten
 * ones and stubs among them.  A real space receives them, in pieces and in another
 * order, and must come to the vector and the digest that the model came to.
 *
 *     test_real [FIRST-SEED [SEEDS]] */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "../lib/tap.h"
#include "../lib/tmpdir.h"
#include "shrink.h"
#include "space/space.h"
#include "sys/sys.h"
#include "world.h"

enum { SEEDS = 40 };

struct real {
	struct eng_sys sys;
	struct engram_space *space;
	struct eng_exchange *x;
	struct engram_error err;
	unsigned seed, compared, forked, stubs;
	char why[700]; /* the first difference */
};

static int64_t clock_of_the_run;

static int64_t wall_us(void *ctx)
{
	(void)ctx;
	return clock_of_the_run;
}

static void differs(struct real *r, const char *what)
{
	if (!r->why[0])
		snprintf(r->why, sizeof r->why, "seed %u: %s: %s", r->seed, what, r->err.message);
}

static bool open_real(struct real *r, const struct sim_world *w)
{
	char name[32];

	snprintf(name, sizeof name, "s%u", r->seed);
	r->sys = *eng_sys_posix();
	r->sys.clock.wall_us = wall_us;
	r->err.message[0] = '\0';
	if (eng_space_create(&r->sys, tmpdir_path(name), &w->space, 1, &r->err) < 0 ||
	    eng_space_open(&r->space, &r->sys, tmpdir_path(name), name, ENGRAM_WRITE, 5000, NULL, NULL, &r->err) < 0)
		return false;
	return eng_exchange_open(&r->x, r->space, true, &r->err) == 0;
}

/* Some frames of a list, from where the last piece ended. */
static bool give_piece(struct real *r, struct eng_rng *g, const struct sim_log *l, size_t *at)
{
	size_t n = 1 + eng_rng_below(g, 20);
	struct eng_buf b = ENG_BUF_INIT;
	uint64_t taken;
	int rc;

	for (; n-- > 0 && *at < l->durable; ++*at) {
		eng_buf_add(&b, l->f[*at].p, l->f[*at].n);
		r->stubs += l->f[*at].h.flags & ENG_FLAG_STUB;
	}
	rc = eng_exchange_receive(r->x, &taken, &l->name, b.p, b.n, &r->err);
	eng_buf_free(&b);
	if (rc == 0 && eng_rng_below(g, 3) == 0)
		rc = eng_exchange_flush(r->x, &r->err);
	return rc == 0;
}

static bool give_all(struct real *r, const struct sim_disk *d)
{
	size_t *at = calloc(d->nlogs + 1, sizeof *at), left = d->nlogs;
	struct eng_rng g;
	bool ok = true;

	eng_rng_seed(&g, r->seed);
	for (size_t i = 0; i < d->nforks && ok; i++) {
		struct eng_dot fork = {d->forks[i].series, d->forks[i].seq};

		ok = eng_exchange_forked(r->x, &fork, 0, 0, &r->err) == 0;
		r->forked++;
	}
	while (ok && left > 0) {
		size_t i = (size_t)eng_rng_below(&g, d->nlogs);

		if (at[i] < d->logs[i]->durable) {
			ok = give_piece(r, &g, d->logs[i], &at[i]);
			left -= at[i] == d->logs[i]->durable;
		}
	}
	free(at);
	return ok && eng_exchange_flush(r->x, &r->err) == 0;
}

static bool same_vector(const struct eng_standing *real, const struct sim_state *st)
{
	struct eng_position *mine = sim_resize(NULL, (st->disk->nlogs + 1) * sizeof *mine);
	size_t nmine = sim_state_vector(mine, st, SIM_APPLIED);
	const struct eng_position *v = real->applied;
	bool same = real->napplied == nmine;

	for (size_t i = 0; same && i < nmine; i++)
		same = eng_series_cmp(&v[i].series, &mine[i].series) == 0 && v[i].seq == mine[i].seq &&
		       v[i].header_check == mine[i].header_check;
	free(mine);
	return same;
}

static void compare(struct real *r, const struct sim_state *st)
{
	uint8_t vector[16], model[16];
	struct eng_standing real;

	if (sim_state_digest(st, vector, model, &r->err) < 0 || eng_exchange_standing(r->x, &real, &r->err) < 0)
		differs(r, "digest");
	else if (!same_vector(&real, st))
		differs(r, "another vector was applied");
	else if (memcmp(model, real.digest, 16) != 0)
		differs(r, "another digest");
	r->compared++;
}

/* What a newer program makes of the strange kind only the model knows. */
static void look(struct sim *s, void *data)
{
	struct sim_world *w = sim_world(s);
	struct sim_node *n = w->node[s->seed % w->c.nodes];
	struct real *r = data;

	if (w->c.strangers || s->checker || n->disk.nlogs == 0)
		return;
	clock_of_the_run = sim_node_wall_us(s, n);
	if (!open_real(r, w))
		differs(r, "open");
	else if (!give_all(r, &n->disk))
		differs(r, "receive");
	else
		compare(r, &n->state);
	eng_exchange_close(r->x);
	engram_space_close(r->space);
	r->x = NULL;
	r->space = NULL;
}

int main(int argc, char **argv)
{
	unsigned first = argc > 1 ? (unsigned)atoi(argv[1]) : 1, n = argc > 2 ? (unsigned)atoi(argv[2]) : SEEDS;
	struct real r = {.seed = first};

	tmpdir_begin("real");
	for (; r.seed < first + n; r.seed++) {
		struct sim_verdict v = {0};

		sim_run_and_look(&v, r.seed, look, &r);
		sim_tape_free(&v.tape);
	}
	tmpdir_end();
	tap_ok(!r.why[0], "a real space comes to the model's vector and digest: %u runs from seed %u", r.compared, first);
	if (r.why[0])
		tap_note("%s", r.why);
	tap_ok(r.compared > 0 && r.stubs > 0, "%u stubs and %u forks among them", r.stubs, r.forked);
	return tap_done();
}
