/* test_consolidate.c - a run as a caller of the library has it: what is asked for,
 * what is reported, how it is stopped, and what is remembered of it. */
#include "../lib/failalloc.h"
#include "../lib/spaces.h"

static struct spaces s;
static struct engram_error err;

/* n texts, each with a vector of its own. */
static void put_many(unsigned from, unsigned n)
{
	struct engram_writer *w = NULL;
	enum engram_put_result put;
	struct engram_id id;
	char text[40];

	spaces_must(engram_writer_open(&w, s.space, 0, &err), "open writer", &err);
	for (unsigned i = from; i < from + n; i++) {
		struct engram_memory m = {.has = ENGRAM_TEXT, .text.p = text};
		m.text.n = (size_t)snprintf(text, sizeof text, "%x is number %u", i * 2654435761u, i);
		spaces_must(engram_put(w, &id, &put, &m, &err), "put", &err);
	}
	spaces_must(engram_commit(w, &err), "commit", &err);
	engram_writer_close(w);
}

struct seen {
	unsigned calls;
	unsigned stop_at; /* 0 = never */
	bool fold;        /* a fold was told of; what follows it may be told too, on a slow machine */
	bool over;        /* done was more than total */
};

static int see(void *data, const char *phase, uint64_t done, uint64_t total)
{
	struct seen *seen = data;

	seen->fold |= strcmp(phase, "fold") == 0;
	seen->over |= total && done > total;
	return ++seen->calls == seen->stop_at;
}

static int run(struct engram_report *r, struct engram_consolidation how)
{
	return engram_consolidate(s.space, r, &how, &err);
}

static void test_calls(void)
{
	struct engram_report r = {.frames = 7};
	struct engram_run last;

	tap_int(run(&r, (struct engram_consolidation){.tasks = 1u << 20}), ENGRAM_EUSAGE, "an unknown task is refused");
	tap_int(run(&r, (struct engram_consolidation){.max_time_us = -1}), ENGRAM_EUSAGE, "so is a negative time");
	tap_ok(r.frames == 7, "and the report untouched");
	tap_int(engram_last_run(s.space, &last, &err), 0, "of no run");
	tap_int(last.tasks, 0, "nothing is known");
	tap_int(engram_consolidate(s.space, &r, NULL, &err), 0, "without wishes: %s", err.message);
	tap_ok(r.folded == 0 && r.memories == 0, "there is nothing to do in an empty space");
}

/* View files that this process has mapped. */
static int mapped_views(void)
{
	FILE *f = fopen("/proc/self/maps", "r");
	char line[4500];
	int n = 0;

	while (f && fgets(line, sizeof line, f))
		n += strstr(line, "/view.") != NULL;
	if (f)
		fclose(f);
	return f ? n : -1;
}

static void recall_some(void)
{
	struct engram_result found;
	struct engram_cue cue;

	engram_cue_init(&cue);
	cue.text = (struct engram_str){"number 77", 9};
	spaces_must(engram_recall(s.space, &found, &cue, &err), "recall", &err);
	engram_result_free(&found);
}

static void test_fold(void)
{
	struct engram_report r, again;
	struct engram_run last;
	struct seen seen = {0};

	put_many(0, 4100);
	tap_int(run(&r, (struct engram_consolidation){.tasks = ENGRAM_FOLD, .dry_run = true}), 0, "a look: %s", err.message);
	tap_int((long)r.folded, 4100, "tells what would be folded");
	tap_int(engram_last_run(s.space, &last, &err) | (int)last.tasks, 0, "and is not remembered");
	tap_int(run(&r, (struct engram_consolidation){.tasks = ENGRAM_FOLD, .progress = see, .data = &seen}), 0,
	        "a fold: %s", err.message);
	tap_ok(r.folded == 4100 && r.indexed == 4100 && r.tail == 0, "takes all");
	tap_ok(seen.fold && !seen.over, "and tells how far it is");
	tap_int(engram_last_run(s.space, &last, &err), 0, "it is remembered");
	tap_ok(last.tasks == ENGRAM_FOLD && last.code == 0 && last.report.folded == 4100 &&
	               memcmp(last.report.view_digest, r.view_digest, 16) == 0 && last.ended_us >= last.upto_us &&
	               last.threads >= 1,
	       "with what it came to");
	tap_int(engram_consolidate(s.space, &again, NULL, &err), 0, "the next run");
	tap_ok(again.folded == 0 && memcmp(again.view_digest, r.view_digest, 16) == 0, "finds nothing to do");
	tap_int(engram_last_run(s.space, &last, &err) | (last.tasks != ENGRAM_FOLD), 0, "and leaves no trace");
	put_many(5000, 3);
	recall_some();
	tap_int(mapped_views(), 1, "a recall maps the view file");
	tap_int(run(&r, (struct engram_consolidation){.tasks = ENGRAM_FOLD_ANY}), 0, "three more: %s", err.message);
	tap_int(mapped_views(), 0, "a fold keeps none, or the disk would hold what is unlinked");
	tap_ok(r.folded == 3 && r.indexed == 4103 && memcmp(r.lineage, again.lineage, 16) != 0, "are folded when asked for");
	tap_int(run(&again, (struct engram_consolidation){.tasks = ENGRAM_FOLD_ANEW, .threads = 1}), 0, "anew: %s",
	        err.message);
	tap_ok(again.indexed == 4103 && memcmp(again.lineage, r.lineage, 16) != 0, "the lineage begins again");
	tap_int(run(&r, (struct engram_consolidation){.tasks = ENGRAM_COMPACT}), 0, "compaction: %s", err.message);
	tap_int(engram_last_run(s.space, &last, &err) | (last.tasks != ENGRAM_COMPACT), 0, "is remembered in what it made");
	tap_int(run(&r, (struct engram_consolidation){.tasks = ENGRAM_REBUILD | ENGRAM_FOLD}), 0, "a rebuild: %s", err.message);
	tap_ok(r.folded == 4103 && memcmp(r.view_digest, again.view_digest, 16) == 0, "makes the same graphs");
	tap_int(spaces_run(&s, ENGRAM_CHECK), 0, "sound: %s", s.err.message);
}

static void test_stop(void)
{
	struct engram_report before, r;
	struct seen seen = {.stop_at = 1};

	put_many(10000, 4100);
	engram_consolidate(s.space, &before, &(struct engram_consolidation){.tasks = ENGRAM_APPLY}, &err);
	tap_int(run(&r, (struct engram_consolidation){.tasks = ENGRAM_FOLD, .progress = see, .data = &seen}), ENGRAM_ELIMIT,
	        "a fold is stopped by its caller");
	tap_int(run(&r, (struct engram_consolidation){.tasks = ENGRAM_APPLY | ENGRAM_FOLD | ENGRAM_WARM, .max_time_us = 1}),
	        ENGRAM_ELIMIT, "or by time: %s", err.message);
	tap_ok(strstr(err.message, "fold, purge, warm") != NULL, "which names what is left");
	tap_int(run(&r, (struct engram_consolidation){.tasks = ENGRAM_FOLD, .dry_run = true}), 0, "afterwards");
	tap_ok(r.folded == 4100 && r.indexed == 4103 + 4100, "all is still to be done");
	tap_int(run(&r, (struct engram_consolidation){.tasks = ENGRAM_APPLY | ENGRAM_FOLD, .max_time_us = 3600000000}), 0,
	        "in an hour: %s", err.message);
	tap_int((long)r.indexed, 4103 + 4100, "it is");
	tap_int(spaces_run(&s, ENGRAM_CHECK), 0, "sound: %s", s.err.message);
}

static int ask(void *data)
{
	struct engram_space *space = NULL;
	int r = engram_space_open(&space, s.home, "runs", ENGRAM_READ, 0, NULL);

	if (r == 0)
		r = engram_last_run(space, data, NULL);
	engram_space_close(space);
	return r;
}

int main(void)
{
	struct engram_run last;

	tmpdir_begin("consolidate");
	spaces_open(&s, "runs", ENGRAM_CREATE);
	test_calls();
	test_fold();
	test_stop();
	failalloc_each(ask, &last, "asking for the last run");
	spaces_close(&s);
	tmpdir_end();
	return tap_done();
}
