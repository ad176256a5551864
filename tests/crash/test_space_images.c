/* test_space_images.c - every image a power cut could leave of a space (F04, F05).
 *
 * Above the log: creation, put with apply, forget and compaction, rebuild, drop.
 * LMDB and SQLite appear as whole, synced files (the model is in simfs.h), so
 * what is tested here is ours: CURRENT, the renames around it, the order of
 * log, state and text, and what is left lying about.
 *
 * A judge boots the image and demands: the space is not there at all (only
 * while its creation was not yet acknowledged), or whole; it reads; it holds
 * what was promised; a put, an apply and the check succeed afterwards.
 *
 * ENG_IMAGES multiplies the random subsets. */
#include <errno.h>
#include <unistd.h>

#include "../lib/tap.h"
#include "simfs.h"
#include "spaceclient.h"

#define HISTORY 64

/* Note 0 is the number of the promises in force, note 1 how far a drop is. */
enum drop { NOT_DROPPED, DROPPING, DROPPED };

struct run {
	struct sim *sim;
	const struct eng_sys *sys;
	char root[ENG_PATH_MAX], dir[ENG_PATH_MAX];
	enum promise now[CLIENT_MEMORIES];
	enum promise history[HISTORY][CLIENT_MEMORIES];
	bool created[HISTORY];
	bool is_created;
	size_t nhistory;
};

static void publish(struct run *w)
{
	size_t at = w->nhistory++;
	if (at >= HISTORY)
		exit(99);
	memcpy(w->history[at], w->now, sizeof w->now);
	w->created[at] = w->is_created;
	sim_note(w->sim, 0, at);
}

static void must(int r, const struct engram_error *e, const char *what)
{
	if (r < 0) {
		printf("Bail out! %s: %s\n", what, e->message);
		exit(1);
	}
}

static void create(struct run *w)
{
	struct engram_error e = {0};
	must(client_create(w->sys, w->dir, &e), &e, "create");
	w->is_created = true;
	publish(w);
}

static void put(struct run *w, unsigned first, unsigned n)
{
	struct engram_error e = {0};
	for (unsigned i = first; i < first + n; i++)
		w->now[i] = MAYBE;
	publish(w);
	must(client_put(w->sys, w->dir, first, n, &e), &e, "put");
	for (unsigned i = first; i < first + n; i++)
		w->now[i] = ACKED;
	publish(w);
}

static void forget(struct run *w, unsigned number)
{
	struct engram_error e = {0};
	w->now[number] = MAYBE;
	publish(w);
	must(client_forget(w->sys, w->dir, number, &e), &e, "forget");
	w->now[number] = FORGOTTEN;
	publish(w);
}

static void consolidate(struct run *w, unsigned tasks)
{
	struct engram_error e = {0};
	must(client_consolidate(w->sys, w->dir, tasks, &e), &e, "consolidate");
}

/* -- workloads -------------------------------------------------------------------- */

static void work_create(struct run *w)
{
	create(w);
	put(w, 0, 2);
}

static void work_apply(struct run *w)
{
	create(w);
	put(w, 0, 5);
	consolidate(w, ENGRAM_APPLY);
	put(w, 5, 3);
	forget(w, 1);
	consolidate(w, ENGRAM_APPLY);
}

static void work_compact(struct run *w)
{
	create(w);
	put(w, 0, 6);
	consolidate(w, ENGRAM_APPLY);
	forget(w, 2);
	forget(w, 4);
	consolidate(w, ENGRAM_COMPACT);
	put(w, 6, 1);
}

/* The view file is not synced before its end, nor its name: the state may speak of it
 * only afterwards, and the one before goes only then. */
static void work_fold(struct run *w)
{
	struct engram_error e = {0};
	create(w);
	put(w, 0, 5);
	consolidate(w, ENGRAM_REBUILD); /* a space of few frames has no state before */
	must(client_fold(w->sys, w->dir, &e), &e, "fold");
	put(w, 5, 3);
	forget(w, 1);
	must(client_fold(w->sys, w->dir, &e), &e, "fold");
	put(w, 8, 2);
	consolidate(w, ENGRAM_APPLY);
}

static void work_rebuild(struct run *w)
{
	create(w);
	put(w, 0, 4);
	consolidate(w, ENGRAM_APPLY);
	put(w, 4, 2);
	consolidate(w, ENGRAM_REBUILD);
	put(w, 6, 2);
	consolidate(w, ENGRAM_APPLY);
}

static void work_drop(struct run *w)
{
	struct engram_error e = {0};
	create(w);
	put(w, 0, 2);
	consolidate(w, ENGRAM_APPLY);
	sim_note(w->sim, 1, DROPPING);
	must(eng_space_drop(w->sys, w->dir, 5000, &e), &e, "drop");
	sim_note(w->sim, 1, DROPPED);
	eng_space_sweep(w->sys, w->root);
}

/* -- the judge ---------------------------------------------------------------------- */

struct judge {
	const struct run *run;
	char root[ENG_PATH_MAX], dir[ENG_PATH_MAX];
};

static int complain(const char *what, const char *why)
{
	static unsigned said;
	if (said++ < 12)
		printf("# %s: %s\n", what, why);
	return 1;
}

static int count_view(void *data, const char *name)
{
	*(unsigned *)data += strncmp(name, "view.", 5) == 0;
	return 0;
}

static unsigned views(const char *dir)
{
	unsigned n = 0;
	eng_sys_posix()->fs.ops->list(eng_sys_posix()->fs.ctx, dir, count_view, &n);
	return n;
}

static int work_on(const struct eng_sys *sys, struct judge *j, enum promise *promises)
{
	struct engram_error e = {0};
	char why[256];
	bool first = false;
	if (client_compare(sys, j->dir, promises, CLIENT_MEMORIES, why))
		return complain("after the cut", why);
	if (client_put(sys, j->dir, 100, 1, &e) < 0)
		return complain("put after the cut", e.message);
	promises[100] = ACKED;
	if (client_consolidate(sys, j->dir, ENGRAM_APPLY, &e) < 0)
		return complain("apply after the cut", e.message);
	if (client_compare(sys, j->dir, promises, CLIENT_MEMORIES, why))
		return complain("after put and apply", why);
	if (client_consolidate(sys, j->dir, ENGRAM_CHECK, &e) < 0)
		return complain("check after the cut", e.message);
	if (client_fold(sys, j->dir, &e) < 0)
		return complain("fold after the cut", e.message);
	if (views(j->dir) > 1)
		return complain("fold after the cut", "more than one view file is left");
	if (client_consolidate(sys, j->dir, ENGRAM_CHECK, &e) < 0)
		return complain("check after the fold", e.message);
	if (client_recall(sys, j->dir, 100, &first, &e) < 0)
		return complain("recall after the cut", e.message);
	return first ? 0 : complain("recall after the cut", "not the best hit");
}

static int judge(void *data, const struct sim_image *im, const uint64_t notes[SIM_NOTES])
{
	struct judge *j = data;
	enum promise promises[CLIENT_MEMORIES];
	struct engram_error e = {0};
	struct sim *s = sim_boot(im, j->root, 2);
	int bad = 0;
	if (!s)
		return complain("boot", "cannot write the image");
	const struct eng_sys *sys = sim_sys(s);
	memcpy(promises, j->run->history[notes[0]], sizeof promises);
	eng_space_sweep(sys, j->root);
	bool there = access(j->dir, F_OK) == 0;
	if (there && notes[1] == DROPPED)
		bad = complain("after the cut", "the dropped space is back");
	else if (!there && j->run->created[notes[0]] && notes[1] == NOT_DROPPED)
		bad = complain("after the cut", "the space is gone");
	else if (!there && client_create(sys, j->dir, &e) < 0)
		bad = complain("create after the cut", e.message);
	if (!there)
		memset(promises, 0, sizeof promises);
	if (!bad)
		bad = work_on(sys, j, promises);
	sim_free(s);
	return bad;
}

/* -- runs ------------------------------------------------------------------------------ */

static unsigned factor(void)
{
	const char *z = getenv("ENG_IMAGES");
	return z && atoi(z) > 0 ? (unsigned)atoi(z) : 1;
}

static uint64_t all_images;

static void run(const char *name, void (*work)(struct run *))
{
	struct sim_plan plan = {.seed = 13, .random = 2 * factor(), .singles = 3, .every = factor() > 1 ? 1 : 3};
	struct run *w = calloc(1, sizeof *w);
	struct judge j = {.run = w};
	struct sim_count count = {0};
	if (!w)
		exit(99);
	sim_scratch(w->root, "space");
	eng_path(w->dir, w->root, "crash");
	sim_scratch(j.root, "image");
	eng_path(j.dir, j.root, "crash");
	w->sim = sim_new(w->root, 5);
	w->sys = sim_sys(w->sim);
	sim_watch_foreign(w->sim);
	publish(w);
	work(w);
	sim_enumerate(w->sim, &plan, judge, &j, &count);
	all_images += count.images;
	tap_ok(count.images > 20 && count.bad == 0, "%s: %" PRIu64 " images, %" PRIu64 " bad", name, count.images,
	       count.bad);
	sim_free(w->sim);
	free(w);
}

int main(void)
{
	run("creation", work_create);
	run("put, forget, apply", work_apply);
	run("forget and compaction", work_compact);
	run("rebuild", work_rebuild);
	run("folds", work_fold);
	run("drop", work_drop);
	tap_note("%" PRIu64 " images in all", all_images);
	return tap_done();
}
