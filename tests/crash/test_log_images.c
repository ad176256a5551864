/* test_log_images.c - every image a power cut could leave of a log (F04, F05).
 *
 * Each workload runs once over the recording file system; then every image is
 * booted and judged by the real code:
 *
 *  - a reader opens it and sees every acknowledged frame, whole, once, and
 *    nothing that was not appended;
 *  - a writer opens it, appends, flushes: the new frame is there together with
 *    all acknowledged ones, in the same series, and the check finds nothing;
 *  - now and then the power fails again during that recovery (nested images).
 *
 * ENG_IMAGES multiplies the random subsets (1 by default). */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>

#include "../lib/tap.h"
#include "logclient.h"
#include "simfs.h"

#define TAGS 4096
#define NEW_TAG 1000000u

/* notes: 0 = appends begun (greatest tag), 1 = length of the list of acknowledged tags,
 * 2 = (in a recovery) the judge's own append is acknowledged, 3 = frames turned into stubs */
struct promise {
	uint64_t acked[TAGS];
	uint64_t nacked, begun;
	bool may_branch; /* the workload itself begins further series */
	bool may_repeat; /* until the next writer has been, a frame may lie in two of them */
	size_t from;     /* step at which the promises begin */
};

struct work {
	struct sim *sim;
	const struct eng_sys *sys;
	struct promise *promise;
	uint64_t unacked[8][64]; /* by handle */
	size_t nunacked[8];
	struct eng_log *log[8];
};

/* -- the client's side ------------------------------------------------------ */

static void must(int r, const struct engram_error *e, const char *what)
{
	if (r < 0) {
		printf("Bail out! %s: %s\n", what, e->message);
		exit(1);
	}
}

static void open_handle(struct work *w, size_t h)
{
	struct eng_log_options o = client_options(sim_root(w->sim), true);
	struct engram_error e = {0};
	must(eng_log_open(&w->log[h], w->sys, &o, &e), &e, "open");
}

static void close_handles(struct work *w)
{
	for (size_t h = 0; h < 8; h++)
		eng_log_close(w->log[h]);
}

/* Appends n frames through handle h; not acknowledged yet. */
static bool put(struct work *w, size_t h, size_t n, size_t text)
{
	struct engram_error e = {0};
	uint64_t tag = w->promise->begun + 1;
	w->promise->begun += n;
	sim_note(w->sim, 0, w->promise->begun);
	if (client_append(w->log[h], tag, n, text, NULL, &e) < 0)
		return false;
	for (size_t i = 0; i < n; i++)
		w->unacked[h][w->nunacked[h]++] = tag + i;
	return true;
}

static bool flush(struct work *w, size_t h)
{
	struct engram_error e = {0};
	int r = eng_log_flush(w->log[h], &e);
	for (size_t i = 0; r >= 0 && i < w->nunacked[h]; i++)
		w->promise->acked[w->promise->nacked++] = w->unacked[h][i];
	w->nunacked[h] = 0;
	sim_note(w->sim, 1, w->promise->nacked);
	return r >= 0;
}

/* -- workloads ---------------------------------------------------------------- */

static void work_create(struct work *w)
{
	open_handle(w, 0);
	put(w, 0, 1, 40);
	flush(w, 0);
	put(w, 0, 2, 700);
	flush(w, 0);
}

static void work_append(struct work *w)
{
	static const size_t sizes[] = {1, 24, 150, 420, 700, 1500, 3000, 90, 5000, 10};
	open_handle(w, 0);
	for (size_t i = 0; i < ENG_COUNT(sizes); i++) {
		put(w, 0, 1, sizes[i]);
		flush(w, 0);
	}
}

static void work_group(struct work *w)
{
	for (size_t h = 0; h < 3; h++)
		open_handle(w, h);
	for (unsigned round = 0; round < 5; round++) {
		put(w, round % 3, 1, 200);
		put(w, (round + 1) % 3, 3, 430);
		flush(w, (round + 1) % 3);
		put(w, (round + 2) % 3, 2, 90);
		flush(w, round % 3);
		flush(w, (round + 2) % 3);
	}
}

static void work_failing_flush(struct work *w)
{
	for (size_t h = 0; h < 3; h++)
		open_handle(w, h);
	for (unsigned round = 0; round < 6; round++) {
		put(w, 0, 1, 300);
		put(w, 1, 2, 120);
		if (round % 2)
			sim_fail(w->sim, SIM_SYNC, 1, EIO, false);
		flush(w, 0);
		put(w, 2, 1, 800);
		flush(w, 2);
		flush(w, 1);
	}
}

static void work_failing_write(struct work *w)
{
	for (size_t h = 0; h < 2; h++)
		open_handle(w, h);
	for (unsigned round = 0; round < 4; round++) {
		put(w, 0, 1, 300);
		sim_fail(w->sim, SIM_WRITE, 1, EIO, false);
		put(w, 1, 1, 300);
		sim_fail(w->sim, SIM_RESERVE, 1, ENOSPC, true);
		put(w, 0, 1, 300000);
		sim_fail(w->sim, 0, 0, 0, false);
		flush(w, 0);
		put(w, 1, 1, 30);
		flush(w, 1);
	}
}

static void work_growth(struct work *w)
{
	open_handle(w, 0);
	for (unsigned i = 0; i < 5; i++) {
		put(w, 0, 1, 30000);
		put(w, 0, 2, 10000);
		flush(w, 0);
	}
}

/* Groups that go over room without written zeros, and small frames behind them. */
static void work_bulk(struct work *w)
{
	open_handle(w, 0);
	open_handle(w, 1);
	for (unsigned i = 0; i < 3; i++) {
		put(w, 0, 3, 30000);
		put(w, 1, 1, 300);
		flush(w, 0);
		put(w, 1, 5, 40000);
		put(w, 0, 2, 25000);
		flush(w, 1);
		put(w, 1, 1, 80);
		flush(w, 0);
		flush(w, 1);
	}
}

static void work_rotate(struct work *w)
{
	struct engram_error e = {0};
	open_handle(w, 0);
	open_handle(w, 1);
	for (unsigned i = 0; i < 3; i++) {
		put(w, 0, 2, 500);
		flush(w, 0);
		put(w, 1, 1, 100);
		must(eng_log_rotate(w->log[0], &e), &e, "rotate");
		put(w, 0, 1, 900);
		flush(w, 1);
		flush(w, 0);
	}
}

static void work_stub(struct work *w)
{
	struct engram_error e = {0};
	struct eng_appended a = {0};
	struct eng_kill kill[2] = {0};
	uint64_t stubbed, freed;
	open_handle(w, 0);
	put(w, 0, 4, 600);
	flush(w, 0);
	must(eng_log_rotate(w->log[0], &e), &e, "rotate");
	sim_note(w->sim, 0, ++w->promise->begun);
	must(client_append(w->log[0], w->promise->begun, 1, 100, &a, &e), &e, "append");
	w->unacked[0][w->nunacked[0]++] = w->promise->begun;
	flush(w, 0);
	for (size_t i = 0; i < 2; i++)
		kill[i] = (struct eng_kill){.dot = {a.series, 2 + 2 * i}, .killer = {a.series, a.first_seq}};
	must(eng_log_stub(w->log[0], &stubbed, &freed, kill, 2, &e), &e, "stub");
	sim_note(w->sim, 3, stubbed);
	put(w, 0, 1, 50);
	flush(w, 0);
}

static void work_new_series(struct work *w)
{
	struct eng_log_options o = client_options(sim_root(w->sim), true);
	struct engram_error e = {0};
	w->promise->may_branch = true;
	open_handle(w, 0);
	put(w, 0, 2, 200);
	flush(w, 0);
	o.new_series = true;
	must(eng_log_open(&w->log[1], w->sys, &o, &e), &e, "open with a new series");
	put(w, 1, 2, 200);
	flush(w, 1);
	put(w, 1, 1, 2000);
	flush(w, 1);
}

/* Three segments, and the series forked in the middle one. */
static void work_split(struct work *w)
{
	struct engram_error e = {0};
	struct eng_appended a = {0};

	w->promise->may_branch = w->promise->may_repeat = true;
	open_handle(w, 0);
	for (unsigned i = 0; i < 3; i++) {
		put(w, 0, 3, 300);
		flush(w, 0);
		must(eng_log_rotate(w->log[0], &e), &e, "rotate");
	}
	sim_note(w->sim, 0, ++w->promise->begun);
	must(client_append(w->log[0], w->promise->begun, 1, 100, &a, &e), &e, "append");
	w->unacked[0][w->nunacked[0]++] = w->promise->begun;
	must(eng_log_split(w->log[0], &a.series, 6, &e), &e, "split");
	flush(w, 0);
	put(w, 0, 2, 80);
	flush(w, 0);
	must(eng_log_split(w->log[0], &a.series, 5, &e), &e, "split before it");
	must(eng_log_split(w->log[0], &a.series, 8, &e), &e, "split behind it");
	put(w, 0, 1, 80);
	flush(w, 0);
}

/* As cp -r does it: names and bytes, and no flush. */
static void copy_tree(struct work *w, const char *from, const char *to)
{
	const struct eng_fs *fs = &w->sys->fs;
	struct dirent *e;
	DIR *d = opendir(from);
	while (d && (e = readdir(d))) {
		char source[ENG_PATH_MAX], target[ENG_PATH_MAX];
		struct eng_buf b = ENG_BUF_INIT;
		if (e->d_name[0] == '.')
			continue;
		eng_path(source, from, "%s", e->d_name);
		eng_path(target, to, "%s", e->d_name);
		if (e->d_type == DT_DIR) {
			fs->ops->mkdir(fs->ctx, target, 0700);
			copy_tree(w, source, target);
			continue;
		}
		int fd = eng_fs_open(w->sys, target, O_RDWR | O_CREAT, 0600);
		if (fd < 0 || eng_fs_load(eng_sys_posix(), source, &b, 1u << 24) < 0 ||
		    eng_fs_write(w->sys, fd, b.p, b.n, 0) < 0)
			exit(99);
		eng_fs_close(w->sys, &fd);
		eng_buf_free(&b);
	}
	if (d)
		closedir(d);
}

/* A store that was copied here a moment ago: what it acknowledges afterwards
 * stands on the copied frames, which nobody flushed. */
static void work_copy(struct work *w)
{
	char original[ENG_PATH_MAX];
	struct eng_log_options o = client_options(sim_scratch(original, "original"), true);
	struct engram_error e = {0};
	struct eng_log *log = NULL;
	must(eng_log_open(&log, eng_sys_posix(), &o, &e), &e, "open the original");
	must(client_append(log, 1, 5, 400, NULL, &e), &e, "append to the original");
	must(eng_log_flush(log, &e), &e, "flush the original");
	eng_log_close(log);
	w->promise->may_branch = true;
	copy_tree(w, original, sim_root(w->sim));
	w->promise->begun = 5;
	open_handle(w, 0);
	put(w, 0, 2, 100);
	flush(w, 0);
	for (uint64_t tag = 1; tag <= 5; tag++)
		w->promise->acked[w->promise->nacked++] = tag;
	sim_note(w->sim, 1, w->promise->nacked);
	w->promise->from = sim_steps(w->sim) - 1;
	put(w, 0, 1, 900);
	flush(w, 0);
}

/* -- the judge ----------------------------------------------------------------- */

struct judge {
	const struct promise *promise;
	char root[ENG_PATH_MAX], below[ENG_PATH_MAX];
	unsigned nest_every; /* 0 = never */
	uint64_t judged;
	struct sim_count inner;
};

static int complain(const char *what, const struct engram_error *e)
{
	static unsigned said;
	if (said++ < 20)
		printf("# %s%s%s\n", what, e && e->message[0] ? ": " : "", e ? e->message : "");
	return 1;
}

/* Every acknowledged tag there, nothing else, nothing twice, nothing half. */
static int holds(const struct client_seen *seen, const struct promise *p, const uint64_t notes[SIM_NOTES], bool written,
                 bool added)
{
	bool twice = seen->twice && (written || added || !p->may_repeat);

	if (twice || seen->wrong)
		return complain(twice ? "a frame twice" : "a frame half there", NULL);
	for (uint64_t i = 0; i < notes[1]; i++)
		if (!client_has(seen, p->acked[i]))
			return complain("an acknowledged frame is lost", NULL);
	for (size_t i = 0; i < seen->n; i++)
		if (seen->tag[i] > notes[0] && seen->tag[i] < NEW_TAG)
			return complain("a frame nobody appended", NULL);
	if (seen->stubs < notes[3])
		return complain("a purged frame is back", NULL);
	if (added && !client_has(seen, NEW_TAG))
		return complain("the frame appended afterwards is lost", NULL);
	return 0;
}

static int read_and_compare(const struct eng_sys *sys, const char *root, const struct promise *p,
                            const uint64_t notes[SIM_NOTES], bool write, bool added)
{
	struct eng_log_options o = client_options(root, write);
	struct client_seen seen = {0};
	struct engram_error e = {0};
	struct eng_log *log = NULL;
	int bad = 0;
	if (eng_log_open(&log, sys, &o, &e) < 0)
		return complain(write ? "a writer is refused" : "a reader is refused", &e);
	if (client_read(log, &seen, &e) < 0)
		bad = complain("cannot be read", &e);
	else
		bad = holds(&seen, p, notes, write, added);
	if (!bad && !p->may_branch && seen.own > 1)
		bad = complain("a sound store taken for a copy", NULL);
	if (!bad && seen.active > 1)
		bad = complain("two series open for appending", NULL);
	client_seen_free(&seen);
	eng_log_close(log);
	return bad;
}

static int append_one(struct sim *s, const struct promise *p)
{
	struct eng_log_options o = client_options(sim_root(s), true);
	struct engram_error e = {0};
	struct eng_log *log = NULL;
	uint64_t frames, bytes;
	int bad = 0;
	if (eng_log_open(&log, sim_sys(s), &o, &e) < 0)
		return complain("a writer is refused", &e);
	if (client_append(log, NEW_TAG, 1, 333, NULL, &e) < 0 || eng_log_flush(log, &e) < 0)
		bad = complain("cannot append", &e);
	sim_note(s, 2, 1);
	if (!bad && !p->may_branch && eng_log_discard_derived(log))
		bad = complain("derived files discarded without need", NULL);
	if (!bad && eng_log_check(log, &frames, &bytes, NULL, NULL, &e) < 0)
		bad = complain("the check finds", &e);
	eng_log_close(log);
	return bad;
}

/* The power failed once more while the first image was being recovered. */
static int judge_again(void *data, const struct sim_image *im, const uint64_t inner[SIM_NOTES])
{
	struct judge *j = data;
	struct sim *s = sim_boot(im, j->below, 3);
	uint64_t notes[SIM_NOTES] = {inner[0], inner[1], 0, inner[3]};
	int bad = !s || read_and_compare(sim_sys(s), j->below, j->promise, notes, true, inner[2]);
	sim_free(s);
	return bad;
}

static void nest(struct judge *j, struct sim *s, const uint64_t notes[SIM_NOTES])
{
	struct sim_plan plan = {.seed = j->judged, .random = 2, .singles = 3, .first = {notes[0], notes[1], 0, notes[3]}};
	sim_enumerate(s, &plan, judge_again, j, &j->inner);
}

static int judge(void *data, const struct sim_image *im, const uint64_t notes[SIM_NOTES])
{
	struct judge *j = data;
	struct sim *s = sim_boot(im, j->root, 2);
	if (!s)
		return complain("cannot boot", NULL);
	int bad = read_and_compare(sim_sys(s), j->root, j->promise, notes, false, false) ||
	          append_one(s, j->promise) ||
	          read_and_compare(sim_sys(s), j->root, j->promise, notes, false, true);
	if (!bad && j->nest_every && ++j->judged % j->nest_every == 0) {
		nest(j, s, notes);
		bad = j->inner.bad != 0;
	}
	sim_free(s);
	return bad;
}

/* -- runs ---------------------------------------------------------------------- */

static unsigned factor(void)
{
	const char *z = getenv("ENG_IMAGES");
	return z && atoi(z) > 0 ? (unsigned)atoi(z) : 1;
}

static uint64_t all_images;

static void run(const char *name, void (*work)(struct work *), size_t every, unsigned nest_every)
{
	struct sim_plan plan = {.seed = 11, .random = 4 * factor(), .singles = 6, .every = factor() > 1 ? 1 : every};
	struct promise *p = calloc(1, sizeof *p);
	struct judge j = {.promise = p, .nest_every = nest_every};
	struct sim_count count = {0};
	char root[ENG_PATH_MAX];
	if (!p)
		exit(1);
	sim_scratch(root, "log");
	sim_scratch(j.root, "image");
	sim_scratch(j.below, "again");
	struct work w = {.sim = sim_new(root, 5), .promise = p};
	w.sys = sim_sys(w.sim);
	work(&w);
	close_handles(&w);
	plan.from = p->from;
	sim_enumerate(w.sim, &plan, judge, &j, &count);
	all_images += count.images + j.inner.images;
	tap_ok(count.images > 20 && count.bad == 0 && p->nacked > 0,
	       "%s: %" PRIu64 " frames acknowledged, %" PRIu64 " images and %" PRIu64 " of their recovery, %" PRIu64
	       " bad", name, p->nacked, count.images, j.inner.images, count.bad);
	sim_free(w.sim);
	free(p);
}

/* -- a death, then a life, then a power cut ----------------------------------------- */

/* Opens, appends, meets a failing flush, rotates. */
static void a_life(void *data)
{
	struct work *w = data;
	struct engram_error e = {0};
	open_handle(w, 0);
	put(w, 0, 2, 300);
	flush(w, 0);
	put(w, 0, 1, 700);
	sim_fail(w->sim, SIM_SYNC, 1, EIO, false);
	flush(w, 0);
	put(w, 0, 1, 90);
	flush(w, 0);
	must(eng_log_rotate(w->log[0], &e), &e, "rotate");
	put(w, 0, 1, 500);
	flush(w, 0);
	eng_log_close(w->log[0]);
}

static void next_life(struct work *w)
{
	sim_fail(w->sim, 0, 0, 0, false);
	memset(w->log, 0, sizeof w->log);
	memset(w->nunacked, 0, sizeof w->nunacked);
	open_handle(w, 0);
	put(w, 0, 1, 1200);
	flush(w, 0);
	put(w, 0, 2, 30);
	flush(w, 0);
	close_handles(w);
}

/* What the dead one left undone, its successor must not take for done. */
static bool death_at(uint64_t n, struct judge *j, struct sim_count *count)
{
	struct promise *p = calloc(1, sizeof *p);
	char root[ENG_PATH_MAX];
	if (!p)
		exit(1);
	j->promise = p;
	sim_scratch(root, "death");
	struct work w = {.sim = sim_new(root, 5), .promise = p};
	w.sys = sim_sys(w.sim);
	bool died = sim_die(w.sim, n, a_life, &w);
	struct sim_plan plan = {.seed = n, .random = factor(), .singles = 1, .from = sim_steps(w.sim),
	                        .every = factor() > 1 ? 2 : 11};
	next_life(&w);
	sim_enumerate(w.sim, &plan, judge, j, count);
	sim_free(w.sim);
	free(p);
	sim_scratch_remove();
	return died;
}

static void deaths(void)
{
	struct judge j = {0};
	struct sim_count count = {0};
	uint64_t n = 0;
	sim_scratch(j.root, "image");
	while (death_at(++n, &j, &count))
		;
	all_images += count.images;
	tap_ok(n > 50 && count.bad == 0, "a death at each of %" PRIu64 " calls, a successor, a power cut: %" PRIu64
	       " images, %" PRIu64 " bad", n - 1, count.images, count.bad);
}

int main(void)
{
	run("creation of a series", work_create, 1, 20);
	run("append", work_append, 1, 60);
	run("group commit by three handles", work_group, 1, 60);
	run("failing flushes", work_failing_flush, 1, 60);
	run("failing writes, full disk", work_failing_write, 1, 60);
	run("growth of a segment", work_growth, 1, 60);
	run("large groups", work_bulk, 2, 60);
	run("rotation", work_rotate, 1, 60);
	run("stubs", work_stub, 1, 60);
	run("a new series", work_new_series, 1, 60);
	run("a copied store", work_copy, 1, 60);
	run("a forked series", work_split, 3, 60);
	deaths();
	tap_ok(all_images >= 2000, "%" PRIu64 " images in all", all_images);
	return tap_done();
}
