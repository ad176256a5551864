/* workload.c - what one machine does with memories, at a size.
 *
 *     workload NAME PERCENT OPERATIONS SPAWNS SEED PROGRAMS HOME FRESH CUES PART...
 *
 * Each PART, a file of one text a line, becomes a space of HOME, by the programs in the
 * directory PROGRAMS, as a user would: engram-store --import=lines, then
 * engram-consolidate --all-spaces.  Then operations, in two ways:
 *
 *     library   one process that stays, with all spaces open: an agent
 *     program   one process each, engram-store TEXT or engram-recall CUE: a shell
 *
 * A store is durable before it counts, a recall is hybrid and gives ten hits with their
 * texts.  PERCENT of the operations are stores, of texts of FRESH; the others are recalls
 * of CUES; the space and the kind of each are drawn from SEED.  PERCENT 0: OPERATIONS
 * stores, then as many recalls, SPAWNS likewise.
 *
 * One client, so that operations a second are one by the mean latency. */
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/rng.h"
#include "engram.h"
#include "measure.h"
#include "process.h"

enum { SPACES_MAX = 64, SPACE_NAME = 24, K = 10, WARM = 20 };

static struct {
	const char *name, *programs, *home;
	unsigned percent;
	struct eng_rng rng;
	struct lines {
		char **at;
		size_t n, next;
	} fresh, cues;
	size_t spaces;
	uint64_t memories;
} w;

static void check(int r, const struct engram_error *e)
{
	if (r < 0)
		measure_die("%s", e->message);
}

static void report(const char *what, const char *unit, double value)
{
	char bench[64];

	snprintf(bench, sizeof bench, "workload %s", w.name);
	measure_rate(bench, what, unit, value);
}

static void space_name(char out[SPACE_NAME], size_t i)
{
	snprintf(out, SPACE_NAME, "s%zu", i + 1);
}

/* -- texts and cues ------------------------------------------------------------------- */

static void read_lines(struct lines *l, const char *path)
{
	FILE *f = fopen(path, "re");
	char *line = NULL;
	size_t cap = 0, room = 0;

	while (f && getline(&line, &cap, f) > 0) {
		line[strcspn(line, "\n")] = '\0';
		if (l->n == room) {
			room = room ? 2 * room : 1024;
			l->at = realloc(l->at, room * sizeof *l->at);
		}
		if (!l->at || !(l->at[l->n++] = strdup(line)))
			measure_die("out of memory");
	}
	if (!f || l->n == 0)
		measure_die("%s: wanted lines of text, found none", path);
	free(line);
	fclose(f);
}

static char *next_line(struct lines *l)
{
	return l->at[l->next++ % l->n];
}

/* -- filling the home ------------------------------------------------------------------ */

static struct process_use run(const char *program, const char *const rest[])
{
	char path[4096], home[4096], *argv[16] = {path, home};
	struct process_use use;

	snprintf(path, sizeof path, "%s/%s", w.programs, program);
	snprintf(home, sizeof home, "--home=%s", w.home);
	for (size_t i = 0; rest[i]; i++)
		argv[2 + i] = (char *)rest[i];
	process_run(&use, argv, PROCESS_ANY_CORE, true);
	if (use.status)
		measure_die("%s: exit status %d", program, use.status);
	return use;
}

static void import(char *const parts[])
{
	char space[SPACE_NAME];
	struct process_use all = {0};

	for (size_t i = 0; i < w.spaces; i++) {
		const char *const rest[] = {"--space", space, "--create", "--import=lines", parts[i], NULL};
		struct process_use use;

		space_name(space, i);
		use = run("engram-store", rest);
		all.elapsed_ns += use.elapsed_ns;
		all.cpu_ns += use.cpu_ns;
		if (use.anon_kib > all.anon_kib)
			all.anon_kib = use.anon_kib;
	}
	report("program: import", "/s", (double)w.memories * 1e9 / (double)all.elapsed_ns);
	report("program: import, processor time", "s", (double)all.cpu_ns / 1e9);
	report("program: import, anonymous memory", "MiB", (double)all.anon_kib / 1024);
}

static void consolidate(void)
{
	const char *const rest[] = {"--all-spaces", "--quiet", NULL};
	struct process_use use = run("engram-consolidate", rest);

	report("program: consolidation of what the import left", "s", (double)use.elapsed_ns / 1e9);
	report("program: consolidation, anonymous memory", "MiB", (double)use.anon_kib / 1024);
	report("program: consolidation, resident memory", "MiB", (double)use.peak_kib / 1024);
}

/* -- bytes on disk --------------------------------------------------------------------- */

static struct {
	const char *kind, *pattern;
	double bytes;
} disk[] = {{"log", "/log/", 0}, {"state", "/state", 0}, {"text view", "/text", 0}, {"view", "/view.", 0},
            {"rest", "", 0}};

static int count_file(const char *path, const struct stat *st, int type, struct FTW *at)
{
	size_t i = 0;

	(void)at;
	while (!strstr(path + strlen(w.home), disk[i].pattern))
		i++;
	if (type == FTW_F)
		disk[i].bytes += (double)st->st_blocks * 512;
	return 0;
}

static void count_disk(void)
{
	char what[64];
	double all = 0;

	if (nftw(w.home, count_file, 16, FTW_PHYS))
		measure_die("%s: cannot be walked", w.home);
	for (size_t i = 0; i < sizeof disk / sizeof *disk; i++) {
		all += disk[i].bytes;
		snprintf(what, sizeof what, "on disk, %s", disk[i].kind);
		report(what, "MiB", disk[i].bytes / (1 << 20));
	}
	report("on disk, a memory", "bytes", all / (double)w.memories);
}

/* -- operations ------------------------------------------------------------------------ */

struct way {
	const char *name;
	void (*store)(void *ctx, size_t space, const char *text);
	void (*recall)(void *ctx, size_t space, const char *cue);
	void *ctx;
};

static void one(struct way *way, struct samples times[2], bool is_store)
{
	size_t space = (size_t)eng_rng_below(&w.rng, w.spaces);
	const char *line = next_line(is_store ? &w.fresh : &w.cues);
	int64_t t = measure_ns();

	(is_store ? way->store : way->recall)(way->ctx, space, line);
	samples_add(&times[is_store], measure_ns() - t);
}

static void tell(const char *way, const char *what, struct samples *times)
{
	char label[64], bench[64];

	if (times->n == 0)
		return;
	snprintf(bench, sizeof bench, "workload %s", w.name);
	snprintf(label, sizeof label, "%s: %s", way, what);
	measure_latency(bench, label, times);
}

static void operate(struct way *way, size_t n)
{
	struct samples times[2] = {{0}, {0}}, all = {0};
	int64_t t;

	for (size_t i = 0; i < WARM; i++)
		one(way, times, false);
	times[0].n = 0;
	t = measure_ns();
	if (w.percent == 0)
		for (size_t i = 0; i < 2 * n; i++)
			one(way, times, i < n);
	else
		for (size_t i = 0; i < n; i++)
			one(way, times, eng_rng_below(&w.rng, 100) < w.percent);
	t = measure_ns() - t;
	for (int is_store = 0; is_store < 2; is_store++)
		for (size_t i = 0; i < times[is_store].n; i++)
			samples_add(&all, times[is_store].at[i]);
	tell(way->name, "durable store", &times[1]);
	tell(way->name, "recall", &times[0]);
	if (w.percent > 0)
		tell(way->name, "store or recall", &all);
	samples_free(&times[0]);
	samples_free(&times[1]);
	samples_free(&all);
}

/* -- the library ----------------------------------------------------------------------- */

struct client {
	struct engram_home *home;
	struct engram_space *space[SPACES_MAX];
	struct engram_writer *writer[SPACES_MAX];
};

static void client_open(struct client *c)
{
	struct engram_error e = {0};
	char name[SPACE_NAME];

	check(engram_home_open(&c->home, w.home, &e), &e);
	for (size_t i = 0; i < w.spaces; i++) {
		space_name(name, i);
		check(engram_space_open(&c->space[i], c->home, name, ENGRAM_WRITE, 10000, &e), &e);
		check(engram_writer_open(&c->writer[i], c->space[i], 0, &e), &e);
	}
}

static void client_close(struct client *c)
{
	for (size_t i = 0; i < w.spaces; i++) {
		engram_writer_close(c->writer[i]);
		engram_space_close(c->space[i]);
	}
	engram_home_close(c->home);
}

static void client_store(void *ctx, size_t space, const char *text)
{
	struct client *c = ctx;
	struct engram_memory m = {.has = ENGRAM_TEXT, .text = {text, strlen(text)}};
	struct engram_error e = {0};
	enum engram_put_result put;
	struct engram_id id;

	check(engram_put(c->writer[space], &id, &put, &m, &e), &e);
	check(engram_commit(c->writer[space], &e), &e);
}

static void client_recall(void *ctx, size_t space, const char *cue)
{
	struct client *c = ctx;
	struct engram_error e = {0};
	struct engram_result found;
	struct engram_cue q;

	engram_cue_init(&q);
	q.text = (struct engram_str){cue, strlen(cue)};
	q.k = K;
	check(engram_recall(c->space[space], &found, &q, &e), &e);
	engram_result_free(&found);
}

static double status_mib(const char *key)
{
	FILE *f = fopen("/proc/self/status", "re");
	size_t n = strlen(key);
	char line[256];
	double kib = 0;

	while (f && fgets(line, sizeof line, f))
		if (strncmp(line, key, n) == 0)
			kib = atof(line + n);
	if (f)
		fclose(f);
	return kib / 1024;
}

/* In a process of its own, so that its memory is its own. */
static void by_library(size_t n)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		struct client c = {0};
		struct way way = {"library", client_store, client_recall, &c};

		client_open(&c);
		operate(&way, n);
		report("library: anonymous memory", "MiB", status_mib("RssAnon:"));
		report("library: resident memory, mapped files and all", "MiB", status_mib("VmRSS:"));
		client_close(&c);
		exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status)
		measure_die("the library: failed");
}

/* -- programs -------------------------------------------------------------------------- */

static void program(const char *name, size_t space, const char *operand)
{
	char path[4096], home[4096], in[SPACE_NAME];
	char option[] = "--space", end[] = "--";
	char *argv[] = {path, home, option, in, end, (char *)operand, NULL};
	struct process_use use;

	snprintf(path, sizeof path, "%s/%s", w.programs, name);
	snprintf(home, sizeof home, "--home=%s", w.home);
	space_name(in, space);
	process_run(&use, argv, PROCESS_ANY_CORE, false);
	if (use.status > 1) /* 1: nothing fits the cue */
		measure_die("%s: exit status %d", name, use.status);
}

static void program_store(void *ctx, size_t space, const char *text)
{
	(void)ctx;
	program("engram-store", space, text);
}

static void program_recall(void *ctx, size_t space, const char *cue)
{
	(void)ctx;
	program("engram-recall", space, cue);
}

static uint64_t count_lines(const char *path)
{
	FILE *f = fopen(path, "re");
	uint64_t n = 0;

	if (!f)
		measure_die("%s: cannot be read", path);
	for (int c; (c = getc_unlocked(f)) != EOF;)
		n += c == '\n';
	fclose(f);
	return n;
}

int main(int argc, char **argv)
{
	struct way programs = {"program", program_store, program_recall, NULL};

	if (argc < 11 || argc - 10 > SPACES_MAX)
		measure_die("usage: workload NAME PERCENT OPERATIONS SPAWNS SEED PROGRAMS HOME FRESH CUES PART...");
	w.name = argv[1];
	w.percent = (unsigned)atoi(argv[2]);
	eng_rng_seed(&w.rng, strtoull(argv[5], NULL, 10));
	w.programs = argv[6];
	w.home = argv[7];
	w.spaces = (size_t)argc - 10;
	for (size_t i = 0; i < w.spaces; i++)
		w.memories += count_lines(argv[10 + i]);
	read_lines(&w.fresh, argv[8]);
	read_lines(&w.cues, argv[9]);
	report("memories", "", (double)w.memories);
	report("spaces", "", (double)w.spaces);
	import(argv + 10);
	consolidate();
	count_disk();
	by_library((size_t)atol(argv[3]));
	operate(&programs, (size_t)atol(argv[4]));
	return 0;
}
