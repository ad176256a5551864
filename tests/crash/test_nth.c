/* test_nth.c - the n-th allocation fails, the n-th file operation fails, for
 * every n, in every step of a space's life (F06, F07, F08).
 *
 * For each step (create, put, apply, forget, revise, get, recall, learn,
 * compact, rebuild, fold, recall, forget, fold, check)
 * and each n: a space is brought to where the step begins, the step runs with
 * its n-th operation failing (that one, or it and all later ones), then the
 * fault is gone and it must hold that
 *
 *  - the step answered an error or did its work: no crash, nothing leaked;
 *  - what was acknowledged is there, what was forgotten is not;
 *  - the step, run again, succeeds, and the check finds nothing.
 *
 * LMDB and SQLite do their own file work and allocation: what they meet is not
 * injected here. */
#include <errno.h>
#include <unistd.h>

#include "../lib/failalloc.h"
#include "simfs.h"
#include "spaceclient.h"

struct world {
	char root[ENG_PATH_MAX], dir[ENG_PATH_MAX];
	struct sim *sim;
	const struct eng_sys *sys;
	enum promise promise[CLIENT_MEMORIES];
};

#define MEMORIES 12

static void promise_all(struct world *w, unsigned first, unsigned n, enum promise p)
{
	for (unsigned i = first; i < first + n; i++)
		w->promise[i] = p;
}

static int do_create(struct world *w, struct engram_error *e)
{
	return client_create(w->sys, w->dir, e);
}

static int do_put(struct world *w, struct engram_error *e)
{
	promise_all(w, 0, MEMORIES, MAYBE);
	int r = client_put(w->sys, w->dir, 0, MEMORIES, e);
	if (r >= 0)
		promise_all(w, 0, MEMORIES, ACKED);
	return r;
}

static int do_apply(struct world *w, struct engram_error *e)
{
	return client_consolidate(w->sys, w->dir, ENGRAM_APPLY, e);
}

static int do_fold(struct world *w, struct engram_error *e)
{
	return client_fold(w->sys, w->dir, e);
}

static int forget(struct world *w, unsigned number, struct engram_error *e)
{
	w->promise[number] = MAYBE;
	int r = client_forget(w->sys, w->dir, number, e);
	if (r >= 0)
		w->promise[number] = FORGOTTEN;
	return r;
}

static int do_forget(struct world *w, struct engram_error *e)
{
	return forget(w, 3, e);
}

static int do_forget_folded(struct world *w, struct engram_error *e)
{
	return forget(w, 6, e);
}

static int do_revise(struct world *w, struct engram_error *e)
{
	return client_revise(w->sys, w->dir, 4, e);
}

static int do_get(struct world *w, struct engram_error *e)
{
	bool there = false;
	int r = client_get(w->sys, w->dir, 4, &there, e);
	if (r >= 0 && !there)
		return eng_err(e, ENGRAM_EINTERNAL, "get did not find what is there");
	return r;
}

static int do_recall(struct world *w, struct engram_error *e)
{
	bool first = false;
	int r = client_recall(w->sys, w->dir, 5, &first, e);
	if (r >= 0 && !first)
		return eng_err(e, ENGRAM_EINTERNAL, "recall did not find what is there");
	return r;
}

static int do_learn(struct world *w, struct engram_error *e)
{
	return client_learn(w->sys, w->dir, 5, e);
}

static int do_compact(struct world *w, struct engram_error *e)
{
	return client_consolidate(w->sys, w->dir, ENGRAM_COMPACT, e);
}

static int do_rebuild(struct world *w, struct engram_error *e)
{
	return client_consolidate(w->sys, w->dir, ENGRAM_REBUILD, e);
}

static int do_check(struct world *w, struct engram_error *e)
{
	return client_consolidate(w->sys, w->dir, ENGRAM_CHECK, e);
}

/* In the order of a life; a step begins where all before it are done. */
static const struct step {
	const char *name;
	int (*run)(struct world *w, struct engram_error *e);
} steps[] = {
	{"create", do_create},   {"put", do_put},         {"apply", do_apply},     {"forget", do_forget},
	{"revise", do_revise},   {"get", do_get},         {"recall", do_recall},   {"learn", do_learn},
	{"compact", do_compact}, {"rebuild", do_rebuild}, {"fold", do_fold},       {"recall what was folded", do_recall},
	{"forget one of these", do_forget_folded},        {"fold again", do_fold}, {"check", do_check},
};

static void begin(struct world *w, size_t step)
{
	struct engram_error e = {0};
	eng_fs_remove_tree(eng_sys_posix(), w->root);
	if (eng_sys_posix()->fs.ops->mkdir(eng_sys_posix()->fs.ctx, w->root, 0700) < -EEXIST)
		exit(99);
	memset(w->promise, 0, sizeof w->promise);
	w->sim = sim_new(w->root, 1);
	w->sys = sim_sys(w->sim);
	for (size_t i = 0; i < step; i++)
		if (steps[i].run(w, &e) < 0) {
			printf("Bail out! %s: %s\n", steps[i].name, e.message);
			exit(1);
		}
}

/* After the fault is gone. */
static bool recovers(struct world *w, size_t step, struct engram_error *e, char why[256])
{
	bool made = step > 0 || access(w->dir, F_OK) == 0;
	if (made && client_compare(w->sys, w->dir, w->promise, CLIENT_MEMORIES, why))
		return false;
	int r = steps[step].run(w, e);
	if (r < 0 && !(step == 0 && r == ENGRAM_EEXISTS)) {
		snprintf(why, 256, "run again: %.200s", e->message);
		return false;
	}
	if (client_compare(w->sys, w->dir, w->promise, CLIENT_MEMORIES, why))
		return false;
	if (client_consolidate(w->sys, w->dir, ENGRAM_CHECK, e) < 0) {
		snprintf(why, 256, "check: %.200s", e->message);
		return false;
	}
	return true;
}

/* One run; true while the fault still strikes at this n. */
static bool one(struct world *w, size_t step, int error, unsigned ops, uint64_t n, bool on, unsigned *bad)
{
	struct failalloc f = {0};
	struct engram_error e = {0};
	char why[256] = "";
	bool struck;
	long live = 0;
	begin(w, step);
	if (error) {
		sim_fail(w->sim, ops, n, error, on);
	} else {
		failalloc_begin(&f, (long)n);
		f.and_after = on;
	}
	int r = steps[step].run(w, &e);
	if (error) {
		struck = sim_failed(w->sim);
		sim_fail(w->sim, 0, 0, 0, false);
	} else {
		live = failalloc_end(&f);
		struck = f.failures > 0;
	}
	if (live)
		snprintf(why, sizeof why, "%ld allocations not released", live);
	else if (!struck && r < 0)
		snprintf(why, sizeof why, "failed without a fault: %.200s", e.message);
	else if (recovers(w, step, &e, why))
		why[0] = '\0';
	if (why[0] && (*bad)++ < 3)
		tap_note("%s, operation %" PRIu64 "%s: %s", steps[step].name, n, on ? " and all later" : "", why);
	sim_free(w->sim);
	return struck;
}

static void each(struct world *w, size_t step, const char *what, int error, unsigned ops, bool on)
{
	unsigned bad = 0;
	uint64_t n = 0;
	while (one(w, step, error, ops, ++n, on, &bad))
		if (n > 20000) {
			bad++;
			break;
		}
	tap_int(bad, 0, "%s: each of %" PRIu64 " %s%s", steps[step].name, n - 1, what, on ? ", and all later ones" : "");
}

int main(void)
{
	static struct world w;
	sim_scratch(w.root, "nth");
	eng_path(w.dir, w.root, "crash");
	for (size_t step = 0; step < ENG_COUNT(steps); step++)
		for (int on = 0; on < 2; on++) {
			each(&w, step, "allocations failing (F06)", 0, 0, on);
			each(&w, step, "file operations answering EIO (F07)", EIO, SIM_ANY, on);
			each(&w, step, "writes meeting a full disk (F08)", ENOSPC,
			     SIM_WRITE | SIM_RESERVE | SIM_CREATE | SIM_MKDIR | SIM_RENAME, on);
		}
	return tap_done();
}
