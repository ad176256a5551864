/* shrink.h - tapes on disk, and a failing tape made small. */
#ifndef SIM_SHRINK_H
#define SIM_SHRINK_H

#include "kernel.h"

/* One run of a tape (NULL: of the seed); what became of it. */
struct sim_verdict {
	const char *checker; /* NULL: none failed */
	char why[512];
	uint64_t hash;       /* of the trace */
	uint64_t events;
	int64_t virtual_us;
	struct sim_tape tape; /* what was drawn */
};
typedef void sim_run_fn(struct sim_verdict *out, uint64_t seed, const struct sim_tape *tape);

struct sim_shrunk {
	unsigned runs;
	size_t steps_before, steps_after;
	size_t draws_before, draws_after;
};

/* Makes *tape, on which `checker` fails, smaller while it fails, in at most
 * `runs` runs.  Every change is tried alone and kept if the same checker fails:
 * steps taken out (halves first, then single ones), spans of chance taken out and
 * zeroed, numbers zeroed and halved, those of the configuration among them (fewer
 * nodes, fewer faults). */
void sim_shrink(struct sim_tape *tape, struct sim_shrunk *out, const char *checker, sim_run_fn *run, unsigned runs);

/* Text: what it is about, one line a step.  The writer of a file names checker
 * and plant for people; the reader passes over lines that begin with #. */
bool sim_tape_save(const struct sim_tape *t, const char *path, const char *const *notes, size_t n);
bool sim_tape_load(struct sim_tape *t, const char *path);

#endif
