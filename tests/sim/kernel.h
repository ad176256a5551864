/* kernel.h - virtual time, drawn numbers, the trace: what makes one seed one run.
 *
 *     struct sim s;
 *     sim_init(&s, seed, NULL);
 *     sim_at(&s, delay_us, event, data, 0);
 *     while (sim_next(&s))
 *         ... checks ...
 *     sim_free(&s);
 *
 * Nothing else decides anything: no clock, no address, no order of a hash table.
 *
 * Every decision is drawn with sim_draw() and written to a *tape*; played again,
 * the tape decides and the generator is silent.  0 is always the tame choice (no
 * fault, no delay, nothing to do), and a tape that ends goes on with zeros: so a
 * tape made shorter or smaller is a smaller run.  There are three tapes, so that
 * cutting one leaves the others where they were:
 *
 *   config   drawn once: how many nodes, which faults, what work
 *   plan     what people and fate do, one step after the other, SIM_STEP numbers each
 *   chance   latencies, lengths of chunks, ties, what a crash leaves */
#ifndef SIM_KERNEL_H
#define SIM_KERNEL_H

#include "base/rng.h"
#include "base/types.h"

enum sim_lane { SIM_CONFIG, SIM_PLAN, SIM_CHANCE };
enum { SIM_LANES = 3, SIM_STEP = 7, SIM_TRACE_LINES = 200, SIM_TRACE_LINE = 160 };

struct sim_lane_tape {
	uint32_t *v;
	size_t n, cap;
};
struct sim_tape {
	struct sim_lane_tape lane[SIM_LANES];
};
void sim_tape_add(struct sim_tape *t, enum sim_lane lane, uint32_t v);
void sim_tape_copy(struct sim_tape *to, const struct sim_tape *from); /* *to is freed first */
void sim_tape_free(struct sim_tape *t);

struct sim;
typedef void sim_event_fn(struct sim *s, void *data, uint64_t arg);

struct sim_event {
	int64_t at_us;
	uint64_t order; /* among those of one moment: drawn, then as they were made */
	sim_event_fn *fn;
	void *data;
	uint64_t arg;
};

struct sim {
	uint64_t seed;
	struct eng_rng rng[SIM_LANES];
	struct sim_tape tape;          /* what was drawn */
	const struct sim_tape *played; /* NULL: drawn from the seed */

	int64_t now_us; /* since the beginning */
	struct sim_event *heap;
	size_t nheap, cap;
	uint64_t events; /* made so far */
	uint64_t done;   /* happened so far */
	uint64_t events_max;

	char (*trace)[SIM_TRACE_LINE]; /* a ring */
	uint64_t lines;
	uint64_t hash; /* of all lines */
	bool loud;     /* print each line */

	const char *checker; /* NULL: nothing failed */
	char why[512];
	void *world;
};

void sim_init(struct sim *s, uint64_t seed, const struct sim_tape *played);
void sim_free(struct sim *s);

/* In [0, n), n > 0. */
uint32_t sim_draw(struct sim *s, enum sim_lane lane, uint32_t n);
/* In [0, n), small ones likelier: most delays are short, some are not. */
uint32_t sim_draw_skewed(struct sim *s, enum sim_lane lane, uint32_t n);
/* One of n, by weight; at least one weight is not 0.  A weight of 0 is never drawn. */
uint32_t sim_draw_weighted(struct sim *s, enum sim_lane lane, const uint32_t *weights, uint32_t n);
/* true in `per_mille` of 1000; with 0 never, whatever the tape says. */
bool sim_chance(struct sim *s, unsigned per_mille);

void sim_at(struct sim *s, int64_t delay_us, sim_event_fn *fn, void *data, uint64_t arg);
/* The next event happens; false: there is none, or a checker has failed. */
bool sim_next(struct sim *s);

__attribute__((format(printf, 2, 3))) void sim_trace(struct sim *s, const char *format, ...);
/* The first failure counts. */
__attribute__((format(printf, 3, 4))) void sim_fail(struct sim *s, const char *checker, const char *format, ...);
void sim_print_trace(const struct sim *s);

/* Ends the program when memory is out: no part of what is simulated. */
void *sim_resize(void *p, size_t n);
/* Room for one more element behind n of them. */
void sim_grow(void *array, size_t *cap, size_t n, size_t size);

/* Which planted bug this is run with; 0 = none.  Those of lib/ are there only in a
 * build with ENG_PLANTABLE. */
extern unsigned sim_plant;
static inline bool sim_planted(unsigned n)
{
	return sim_plant == n;
}

#define SIM_S INT64_C(1000000) /* us */
#define SIM_MINUTE (60 * SIM_S)
#define SIM_HOUR (60 * SIM_MINUTE)
#define SIM_DAY (24 * SIM_HOUR)

#endif
