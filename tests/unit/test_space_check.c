/* test_space_check.c - damage of what is derived: found, named, mended.
 *
 * Each table of the state is altered in one place, through the store itself, so
 * that only the recomputation can tell; then whole files are cut, zeroed and
 * removed.  The check must count at least one difference and name it, reading
 * must go on giving what the log says where the damage can be seen, and apply
 * or rebuild must mend it.  Damage of the log is an error of its own. */
#include <fcntl.h>
#include <sys/stat.h>

#include "../lib/spaces.h"
#include "space/space_int.h"

enum { MEMORIES = 200 };

static struct spaces s;
static const struct engram_consolidation check_only = {.tasks = ENGRAM_CHECK};
static char *sound; /* the listing before any damage */

static void fill(void)
{
	struct engram_str tags[2] = {eng_str("even"), eng_str("all of them")};
	struct engram_writer *w = NULL;
	enum engram_put_result put;
	struct engram_id id;
	char text[64];

	spaces_must(engram_writer_open(&w, s.space, 0, &s.err), "open writer", &s.err);
	for (unsigned i = 0; i < MEMORIES; i++) {
		struct engram_memory m = {.has = ENGRAM_TEXT | ENGRAM_TAGS, .tags = tags + i % 2, .ntags = 2 - i % 2};
		snprintf(text, sizeof text, "the memory with number %u of them", i);
		m.text = eng_str(text);
		spaces_must(engram_put(w, &id, &put, &m, &s.err), "put", &s.err);
	}
	spaces_must(engram_commit(w, &s.err), "commit", &s.err);
	engram_writer_close(w);
	spaces_must(spaces_run(&s, ENGRAM_APPLY), "apply", &s.err);
}

/* -- single entries ------------------------------------------------------------------------- */

enum how { FLIP, DELETE, ADD };

/* Alters the n-th entry of a table; at = byte to flip from the end. */
static void alter(size_t table, unsigned n, enum how how, size_t at)
{
	struct eng_bytes key, value;
	struct eng_store *store;
	struct eng_walk *w = NULL;
	struct eng_txn *t;
	uint8_t *copy, k[600];
	size_t nk;

	spaces_must(eng_gen_refresh(s.space, &s.err), "generation", &s.err);
	store = s.space->gen->store;
	spaces_must(eng_txn_begin(&t, store, true, &s.err), "begin", &s.err);
	spaces_must(eng_walk_begin(&w, t, table, &s.err), "walk", &s.err);
	eng_walk_seek(w, eng_bytes(NULL, 0), &key, &value);
	for (unsigned i = 0; i < n; i++)
		eng_walk_next(w, &key, &value);
	nk = key.n;
	memcpy(k, key.p, nk);
	copy = malloc(value.n + 1);
	memcpy(copy, value.p, value.n);
	n = (unsigned)value.n;
	eng_walk_end(w);
	if (how == DELETE) {
		eng_txn_del(t, table, eng_bytes(k, nk));
	} else {
		if (how == ADD)
			k[nk - 4] ^= 0x55;
		else
			copy[n - 1 - at] ^= 1;
		eng_txn_put(t, table, eng_bytes(k, nk), eng_bytes(copy, n));
	}
	spaces_must(eng_txn_commit(t, &s.err), "commit", &s.err);
	free(copy);
}

static void expect_difference(const char *what)
{
	struct engram_report report;
	int r = engram_consolidate(s.space, &report, &check_only, &s.err);

	tap_ok(r == 0 && report.differences > 0, "%s: %llu differences, first %s", what,
	       (unsigned long long)report.differences, r ? s.err.message : report.first_difference);
}

static void mend(const char *what, unsigned task)
{
	char *now;
	int r;

	spaces_must(spaces_run(&s, task), what, &s.err);
	r = spaces_run(&s, ENGRAM_CHECK);
	now = spaces_listing(&s);
	tap_ok(r == 0 && strcmp(now, sound) == 0, "%s: mended (%s)", what, r ? s.err.message : "the check finds nothing");
	free(now);
}

static void test_entries(void)
{
	const struct {
		const char *what;
		size_t table;
		unsigned n;
		enum how how;
		size_t at;
	} damage[] = {
		{"an item is gone", ENG_T_ITEMS, 7, DELETE, 0},
		{"an item with a flipped bit", ENG_T_ITEMS, 7, FLIP, 3},
		{"a brief with a flipped bit", ENG_T_BRIEF, 0, FLIP, (ENG_BRIEF_CHUNK - 5) * ENG_BRIEF_SIZE + 40},
		{"a vector with a flipped bit", ENG_T_ROWS, 0, FLIP, 5000},
		{"a place in the order is gone", ENG_T_ORDER, 9, DELETE, 0},
		{"a place in the order too many", ENG_T_ORDER, 9, ADD, 0},
		{"a tag is gone", ENG_T_TAGS, 11, DELETE, 0},
		{"a tag too many", ENG_T_TAGS, 11, ADD, 0},
		{"a frequency is wrong", ENG_T_DF, 2, FLIP, 3},
		{"a frequency is gone", ENG_T_DF, 2, DELETE, 0},
		{"a digest sum is wrong", ENG_T_DIGEST, 5, FLIP, 100},
		{"a flipped bit in the report of the last run", ENG_T_META, 1, FLIP, 100},
	};

	for (size_t i = 0; i < ENG_COUNT(damage); i++) {
		alter(damage[i].table, damage[i].n, damage[i].how, damage[i].at);
		expect_difference(damage[i].what);
		mend(damage[i].what, ENGRAM_REBUILD);
	}
}

/* A record with its own check: apply notices by itself. */
static void test_records(void)
{
	alter(ENG_T_META, 0, FLIP, 20);
	expect_difference("meta with a flipped bit");
	mend("meta with a flipped bit", ENGRAM_APPLY);
	alter(ENG_T_HEADS, 0, FLIP, 20);
	expect_difference("a head with a flipped bit");
	mend("a head with a flipped bit", ENGRAM_APPLY);
}

static void test_text(void)
{
	struct eng_text_mark mark;
	uint8_t bytes[12];

	spaces_must(eng_gen_refresh(s.space, &s.err), "generation", &s.err);
	spaces_must(eng_gen_text(s.space, s.space->gen, true, &s.err), "text view", &s.err);
	spaces_must(eng_text_mark_load(&mark, s.space->gen->fts, &s.err), "mark", &s.err);
	spaces_must(eng_fts_begin(s.space->gen->fts, &s.err), "begin", &s.err);
	spaces_must(eng_fts_add(s.space->gen->fts, 900, "a document of nobody", 20, &s.err), "add", &s.err);
	eng_set64(bytes, mark.change);
	eng_set32(bytes + 8, mark.docs);
	spaces_must(eng_fts_commit(s.space->gen->fts, bytes, sizeof bytes, &s.err), "commit", &s.err);
	expect_difference("a text of nobody");
	mend("a text of nobody", ENGRAM_REBUILD);
}

/* -- whole files --------------------------------------------------------------------------------- */

static const char *file(bool text)
{
	char path[128];

	spaces_must(eng_gen_refresh(s.space, &s.err), "generation", &s.err);
	snprintf(path, sizeof path, "home/spaces/default/%s", text ? s.space->gen->text : s.space->gen->state);
	return tmpdir_path(path);
}

/* cut: to a third; else the first 16 KiB become zeros. */
static void spoil(const char *path, bool cut)
{
	static const char zeros[16384];
	struct stat st = {0};
	int fd = open(path, O_RDWR);

	fstat(fd, &st);
	if (cut ? ftruncate(fd, st.st_size / 3) != 0 : pwrite(fd, zeros, sizeof zeros, 0) != (ssize_t)sizeof zeros)
		tap_note("cannot spoil %s", path);
	close(fd);
}

static void test_file(const char *what, bool text, int how)
{
	char path[1024], *now;

	snprintf(path, sizeof path, "%s", file(text));
	engram_space_close(s.space);
	s.space = NULL;
	if (how == 2)
		unlink(path);
	else
		spoil(path, how == 0);
	spaces_open(&s, "default", ENGRAM_READ);
	now = spaces_listing(&s);
	tap_ok(strcmp(now, sound) == 0, "%s: a reader sees what the log says", what);
	free(now);
	expect_difference(what);
	spaces_reopen(&s, "default", ENGRAM_WRITE);
	mend(what, ENGRAM_APPLY);
}

/* -- the log ------------------------------------------------------------------------------------------ */

static void test_log(void)
{
	char command[1200];
	struct engram_report report;
	int r;

	engram_space_close(s.space);
	s.space = NULL;
	/* Byte 40 of the payload of an early frame. */
	snprintf(command, sizeof command,
	         "f=$(ls '%s'/home/spaces/default/log/*/*.wal | head -n 1); "
	         "printf x | dd of=\"$f\" bs=1 seek=4500 conv=notrunc status=none",
	         tmpdir_path(""));
	if (system(command) != 0)
		tap_note("dd failed");
	spaces_open(&s, "default", ENGRAM_READ);
	r = engram_consolidate(s.space, &report, &check_only, &s.err);
	tap_ok(r == ENGRAM_EDAMAGED && strstr(s.err.message, ".wal"), "a byte of the log: %s", s.err.message);
}

int main(void)
{
	tmpdir_begin("space-check");
	spaces_open(&s, "default", ENGRAM_CREATE);
	fill();
	sound = spaces_listing(&s);
	tap_int(spaces_run(&s, ENGRAM_CHECK), 0, "a sound space: the check finds nothing (%s)", s.err.message);
	test_entries();
	test_records();
	test_text();
	test_file("the state is cut", false, 0);
	test_file("the state begins with zeros", false, 1);
	test_file("the state is gone", false, 2);
	test_file("the text view is cut", true, 0);
	test_file("the text view begins with zeros", true, 1);
	test_file("the text view is gone", true, 2);
	test_log();
	free(sound);
	spaces_close(&s);
	tmpdir_end();
	return tap_done();
}
