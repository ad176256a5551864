/* test_space_kinds.c - frames of kinds that a program does not know, and a later one does.
 *
 * eng_known_kind is wrapped by the linker: an old program knows memories and forgets
 * only.  It keeps what it does not know, says how much it skipped, and is of one mind
 * with itself.  A program that knows more and has another state version shows, from
 * the same log, what one shows that knew all along. */
#include "../lib/spaces.h"

#include "space/writer_int.h"

enum { MEMORIES = 140 }; /* enough for a state to be made */

static bool old;

bool __real_eng_known_kind(const struct eng_header *h);
bool __wrap_eng_known_kind(const struct eng_header *h);

bool __wrap_eng_known_kind(const struct eng_header *h)
{
	bool of_old = h->kind == ENG_BIRTH || h->kind == ENG_MEMORY || h->kind == ENG_FORGET;

	return __real_eng_known_kind(h) && (!old || of_old);
}

static struct spaces s;
static struct engram_id gone;

/* -- a life of all kinds ------------------------------------------------------------ */

/* Of a kind that is not known to any program yet: with subjects and text. */
static void write_strange(struct engram_writer *w, const struct engram_id *ids, size_t n, uint8_t kind,
                          const char *text)
{
	struct eng_payload_out o;

	spaces_must(eng_writer_begin(&o, w, ids, n, NULL, 0, &s.err), "begin", &s.err);
	eng_payload_element(&o, ENG_EL_TEXT, text, strlen(text));
	spaces_must(eng_writer_end(&o, w, kind, &s.err), "end", &s.err);
}

static const struct engram_id *pair(struct engram_id a, struct engram_id b)
{
	static struct engram_id ids[2];
	bool swap = eng_id_cmp(&a, &b) > 0;

	ids[swap] = a;
	ids[!swap] = b;
	return ids;
}

/* Its number of frames of kinds that the old program does not know, and of those
 * that nobody knows. */
static void live(unsigned *later, unsigned *strange)
{
	struct engram_memory change = {.has = ENGRAM_CONFIDENCE, .confidence = 7000};
	struct engram_link link;
	struct engram_writer *w = NULL;
	enum engram_put_result put;
	struct engram_id ids[4];
	bool used, judged;

	for (int i = 0; i < MEMORIES; i++) {
		char text[32];
		snprintf(text, sizeof text, "memory %d", i);
		ids[i % 4] = spaces_put(&s, text);
	}
	engram_link_init(&link);
	link.to = ids[1];
	spaces_must(engram_writer_open(&w, s.space, 0, &s.err), "writer", &s.err);
	spaces_must(engram_revise(w, &ids[0], &change, 0, NULL, 0, &s.err), "revise", &s.err);
	change = (struct engram_memory){.has = ENGRAM_TEXT, .text = {"revised", 7}};
	spaces_must(engram_revise(w, &ids[2], &change, 0, NULL, 0, &s.err), "revise", &s.err);
	spaces_must(engram_link(w, &put, &ids[0], &link, 1, &s.err), "link", &s.err);
	spaces_must(eng_writer_use(w, &used, &ids[1], &s.err), "use", &s.err);
	spaces_must(eng_writer_judge(w, &judged, &ids[1], true, NULL, 0, &s.err), "judge", &s.err);
	change = (struct engram_memory){.has = ENGRAM_SOURCE, .source = {"the kumquat", 11}};
	spaces_must(engram_revise(w, &ids[3], &change, 0, NULL, 0, &s.err), "revise", &s.err);
	write_strange(w, &ids[0], 1, 200, "a summary");
	write_strange(w, &ids[3], 1, ENG_HIDE, "of the rambutan");
	write_strange(w, pair(ids[1], ids[3]), 2, 201, "of the mangosteen");
	spaces_must(engram_commit(w, &s.err), "commit", &s.err);
	engram_writer_close(w);
	gone = ids[3];
	spaces_forget(&s, &gone, 1);
	spaces_must(engram_writer_open(&w, s.space, 0, &s.err), "writer", &s.err);
	write_strange(w, &ids[3], 1, 200, "a tamarillo, later");
	spaces_must(engram_commit(w, &s.err), "commit", &s.err);
	engram_writer_close(w);
	*later = 4u + used + judged;
	*strange = 4;
}

/* -- what the state says of itself ---------------------------------------------------- */

static unsigned skipped(void)
{
	struct eng_bytes key, value;
	struct eng_walk *walk = NULL;
	struct eng_txn *t;
	unsigned n = 0;

	spaces_must(eng_gen_refresh(s.space, &s.err), "generation", &s.err);
	spaces_must(eng_txn_begin(&t, s.space->gen->store, false, &s.err), "transaction", &s.err);
	spaces_must(eng_walk_begin(&walk, t, ENG_T_SKIPPED, &s.err), "walk", &s.err);
	for (int r = eng_walk_seek(walk, eng_bytes(NULL, 0), &key, &value); r == 1; r = eng_walk_next(walk, &key, &value))
		n++;
	eng_walk_end(walk);
	eng_txn_abort(t);
	return n;
}

static bool in_files(const char *word)
{
	char line[3 * ENG_PATH_MAX];

	snprintf(line, sizeof line, "grep -raq '%s' '%s'", word, tmpdir_path("home"));
	return system(line) == 0;
}

/* Frames that a compaction makes, or would make, stubs of. */
static long compacted(bool dry_run)
{
	struct engram_report report;
	const struct engram_consolidation how = {.tasks = ENGRAM_COMPACT, .dry_run = dry_run};

	spaces_must(engram_consolidate(s.space, &report, &how, &s.err), "compact", &s.err);
	return (long)report.purged;
}

static bool shows(const char *wanted, const char *what)
{
	char *now = spaces_listing(&s);
	bool same = strcmp(now, wanted) == 0;

	tap_ok(same, "%s", what);
	if (!same)
		tap_note("wanted:\n%s\nfound:\n%s", wanted, now);
	free(now);
	return same;
}

/* What a forget killed leaves the log whether or not the program knows what it was. */
static void purge(unsigned skips, const char *of_old)
{
	tap_ok(in_files("rambutan") && in_files("mangosteen") && in_files("kumquat"), "words of skipped frames are in the log");
	tap_int(compacted(true), 4, "compaction would purge a memory, and three frames that are not known");
	tap_int(compacted(false), 4, "and does");
	tap_ok(!in_files("rambutan") && !in_files("mangosteen") && !in_files("kumquat"), "no word of them is left");
	tap_ok(in_files("a summary") && in_files("tamarillo"), "what nobody forgot, or was said since, is");
	tap_int(compacted(true) + compacted(false), 0, "there is no more to do");
	tap_int(skipped(), skips, "compaction keeps what was skipped");
	shows(of_old, "and what is shown");
	tap_int(spaces_run(&s, ENGRAM_CHECK), 0, "the check finds no difference (%s)", s.err.message);
	spaces_must(spaces_run(&s, ENGRAM_REBUILD), "rebuild", &s.err);
	tap_int(skipped(), skips, "made anew from stubs it is the same");
	shows(of_old, "and shows the same");
}

/* As a program of another version would have written it. */
static void date_back(void)
{
	uint8_t record[ENG_META_SIZE];
	struct eng_meta m;
	struct eng_txn *t;

	spaces_must(eng_gen_refresh(s.space, &s.err), "generation", &s.err);
	spaces_must(eng_txn_begin(&t, s.space->gen->store, true, &s.err), "transaction", &s.err);
	spaces_must(eng_meta_load(&m, t, &s.space->id, &s.err), "meta", &s.err);
	m.version--;
	eng_meta_encode(record, &m);
	eng_txn_put(t, ENG_T_META, eng_bytes("meta", 4), eng_bytes(record, sizeof record));
	spaces_must(eng_txn_commit(t, &s.err), "commit", &s.err);
}

int main(void)
{
	char *all, *of_old;
	unsigned later, strange;

	tmpdir_begin("space-kinds");
	spaces_open(&s, "default", ENGRAM_CREATE);
	live(&later, &strange);
	all = spaces_listing(&s);

	old = true;
	spaces_must(eng_space_rebuild(s.space, NULL, &s.err), "rebuild", &s.err);
	tap_int(skipped(), later + strange, "an old program records each frame that it skips");
	of_old = spaces_listing(&s);
	tap_ok(strcmp(all, of_old) != 0, "and shows less");
	tap_int(spaces_run(&s, ENGRAM_CHECK), 0, "without finding a difference (%s)", s.err.message);
	purge(later + strange, of_old);

	old = false;
	spaces_reopen(&s, "default", ENGRAM_READ);
	shows(of_old, "a program that knows more but takes the state as it is would show the same");
	spaces_reopen(&s, "default", ENGRAM_WRITE);
	date_back();
	spaces_reopen(&s, "default", ENGRAM_READ);
	shows(all, "a state of another version is not read: the log says all");
	spaces_reopen(&s, "default", ENGRAM_WRITE);
	spaces_must(spaces_run(&s, ENGRAM_APPLY), "apply", &s.err);
	shows(all, "nor applied to, but made anew");
	tap_int(skipped(), strange, "what nobody knows yet is skipped still");
	tap_int(spaces_run(&s, ENGRAM_CHECK), 0, "the check finds no difference (%s)", s.err.message);
	spaces_forget(&s, &gone, 1);
	spaces_must(spaces_run(&s, ENGRAM_APPLY), "apply", &s.err);
	tap_ok(!in_files("tamarillo") && in_files("a summary"), "forgotten again, what was said since leaves as well");
	tap_int(spaces_run(&s, ENGRAM_CHECK), 0, "the check finds no difference (%s)", s.err.message);
	free(all);
	free(of_old);
	spaces_close(&s);
	tmpdir_end();
	return tap_done();
}
