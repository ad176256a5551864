/* test_space_read.c - what readers see, and what they leave behind.
 *
 *  - at every prefix of a life, a space whose state is behind shows the same as
 *    one that applied everything, and as one without any state;
 *  - a reader creates no file and changes no byte, whatever is missing;
 *  - handles of one process, also a writer and a reader, do not disturb each
 *    other; a handle is refused in a child (F40). */
#include <errno.h>
#include <ftw.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "../lib/spaces.h"
#include "base/hash.h"

/* -- prefixes ------------------------------------------------------------------------------- */

static void hide(const char *space, bool hidden)
{
	char from[1024], to[1024];

	snprintf(from, sizeof from, "%s/CURRENT%s", space, hidden ? "" : ".hidden");
	snprintf(to, sizeof to, "%s/CURRENT%s", space, hidden ? ".hidden" : "");
	rename(from, to);
}

/* One statement of a life; the ids are those of eight texts and a key. */
static void act(struct spaces *s, unsigned step, struct engram_id ids[9])
{
	struct engram_memory m = {.has = ENGRAM_TEXT | ENGRAM_KEY, .key = eng_str("the key")};
	struct engram_writer *w = NULL;
	enum engram_put_result put;
	struct engram_str tag = eng_str("marked");
	char text[64];

	spaces_must(engram_writer_open(&w, s->space, 0, &s->err), "open writer", &s->err);
	snprintf(text, sizeof text, "text %u of a life", step % 8);
	m.text = eng_str(text);
	switch (step % 7) {
	case 3:
		spaces_must(engram_put(w, &ids[8], &put, &m, &s->err), "put", &s->err);
		break;
	case 5:
		spaces_must(engram_forget(w, &ids[step % 3], 1, &s->err), "forget", &s->err);
		break;
	case 6:
		m = (struct engram_memory){.has = ENGRAM_TAGS | ENGRAM_CONFIDENCE, .tags = &tag, .ntags = 1,
		                           .confidence = step};
		spaces_must(engram_revise(w, &ids[8], &m, 0, NULL, 0, &s->err), "revise", &s->err);
		break;
	default:
		m.has = ENGRAM_TEXT;
		spaces_must(engram_put(w, &ids[step % 8], &put, &m, &s->err), "put", &s->err);
	}
	spaces_must(engram_commit(w, &s->err), "commit", &s->err);
	engram_writer_close(w);
}

static void test_prefixes(void)
{
	struct spaces s = {0};
	struct engram_id ids[9];
	unsigned behind = 0, without = 0, applied = 0;

	tmpdir_begin("space-prefix");
	spaces_open(&s, "default", ENGRAM_CREATE);
	for (unsigned i = 0; i < 8; i++) {
		char text[64];
		snprintf(text, sizeof text, "text %u of a life", i);
		ids[i] = spaces_put(&s, text);
	}
	spaces_must(spaces_run(&s, ENGRAM_REBUILD), "rebuild", &s.err);
	for (unsigned step = 0; step < 60; step++) {
		char *now, *other;
		act(&s, step, ids);
		now = spaces_listing(&s);
		hide(tmpdir_path("home/spaces/default"), true);
		other = spaces_listing(&s);
		without += strcmp(now, other) != 0;
		hide(tmpdir_path("home/spaces/default"), false);
		free(other);
		if (step % 3 == 0)
			spaces_must(spaces_run(&s, ENGRAM_APPLY), "apply", &s.err);
		other = spaces_listing(&s);
		applied += strcmp(now, other) != 0;
		free(other);
		free(now);
		behind += step % 3 != 0;
	}
	tap_int(applied, 0, "60 prefixes, %u of them behind: applying changes no listing and no digest", behind);
	tap_int(without, 0, "60 prefixes: the log alone gives the same listing and digest");
	tap_int(spaces_run(&s, ENGRAM_CHECK), 0, "the check finds nothing (%s)", s.err.message);
	spaces_close(&s);
	tmpdir_end();
}

/* -- a reader leaves nothing -------------------------------------------------------------------- */

static uint64_t tree_hash;
static unsigned tree_files;

static int hash_file(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	FILE *f = type == FTW_F ? fopen(path, "rb") : NULL;
	static char bytes[1 << 20];
	size_t n = f ? fread(bytes, 1, sizeof bytes, f) : 0;

	(void)ftw;
	if (f)
		fclose(f);
	/* The reader slots of the state are the readers' own. */
	if (strstr(path, "-lock"))
		n = 0;
	tree_files++;
	tree_hash += XXH3_64bits_withSeed(bytes, n, XXH3_64bits(path, strlen(path)) ^ (uint64_t)st->st_mode);
	return 0;
}

static uint64_t hash_tree(void)
{
	tree_hash = 0;
	tree_files = 0;
	nftw(tmpdir_path("home"), hash_file, 16, FTW_PHYS);
	return tree_hash;
}

/* In a process of its own: one that wrote before has slots in the text view. */
static int read_all(const char *home)
{
	struct eng_snapshot *snap = NULL;
	struct engram_space_info info;
	struct spaces s = {0};
	char *listing;

	spaces_must(engram_home_open(&s.home, home, &s.err), "open home", &s.err);
	spaces_open(&s, "default", ENGRAM_READ);
	listing = spaces_listing(&s);
	free(listing);
	spaces_must(eng_snapshot_open(&snap, s.space, ENG_SNAP_ROWS | ENG_SNAP_TERMS | ENG_SNAP_TEXT, &s.err),
	            "snapshot", &s.err);
	eng_snapshot_close(snap);
	spaces_must(engram_space_info(s.space, &info, &s.err), "info", &s.err);
	spaces_close(&s);
	return 0;
}

static void read_elsewhere(void)
{
	char home[1024], self[1024] = "";
	int status = 1;
	pid_t pid;

	snprintf(home, sizeof home, "%s", tmpdir_path("home"));
	/* By its name: under valgrind the link itself leads to valgrind. */
	if (readlink("/proc/self/exe", self, sizeof self - 1) < 0)
		tap_note("no /proc");
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		execl(self, "reader", home, (char *)NULL);
		_exit(1);
	}
	waitpid(pid, &status, 0);
	tap_ok(WIFEXITED(status) && WEXITSTATUS(status) == 0, "a reader in its own process");
}

static void remove_named(const char *part)
{
	char command[1024];

	snprintf(command, sizeof command, "rm -f '%s'/home/spaces/default/%s", tmpdir_path(""), part);
	if (system(command) != 0)
		spaces_must(ENGRAM_EIO, command, &(struct engram_error){0});
}

static void test_leaves_nothing(void)
{
	static const char *const gone[] = {"nothing", "text.*-shm", "text.*-wal", "text.*", "state.*-lock", "state.*",
	                                   "CURRENT", "lock"};
	struct spaces s = {0};
	char text[64], *first = NULL;

	tmpdir_begin("space-read");
	spaces_open(&s, "default", ENGRAM_CREATE);
	for (unsigned i = 0; i < 300; i++) {
		snprintf(text, sizeof text, "a memory to be read, number %u", i);
		spaces_put(&s, text);
	}
	spaces_must(spaces_run(&s, ENGRAM_APPLY), "apply", &s.err);
	spaces_put(&s, "and one that waits");
	first = spaces_listing(&s);
	spaces_close(&s);
	for (unsigned i = 0; i < ENG_COUNT(gone); i++) {
		uint64_t before;
		char *listing;
		remove_named(gone[i]);
		before = hash_tree();
		read_elsewhere();
		tap_ok(hash_tree() == before, "without %s: a reader creates and changes nothing in %u files", gone[i],
		       tree_files);
		spaces_open(&s, "default", ENGRAM_READ);
		listing = spaces_listing(&s);
		tap_ok(strcmp(listing, first) == 0, "without %s: it sees all", gone[i]);
		free(listing);
		spaces_close(&s);
	}
	spaces_open(&s, "default", ENGRAM_WRITE);
	spaces_must(spaces_run(&s, ENGRAM_APPLY | ENGRAM_CHECK), "apply", &s.err);
	tap_int(spaces_run(&s, ENGRAM_CHECK), 0, "everything derived deleted: apply makes it again (%s)",
	        s.err.message);
	spaces_close(&s);
	free(first);
	tmpdir_end();
}

/* -- a directory that nobody may write ------------------------------------------------------------- */

static void test_frozen(void)
{
	struct spaces s = {0};
	char command[1024], text[64], *before, *after;

	tmpdir_begin("space-frozen");
	spaces_open(&s, "default", ENGRAM_CREATE);
	for (unsigned i = 0; i < 200; i++) {
		snprintf(text, sizeof text, "a memory under glass, number %u", i);
		spaces_put(&s, text);
	}
	spaces_must(spaces_run(&s, ENGRAM_APPLY), "apply", &s.err);
	before = spaces_listing(&s);
	spaces_close(&s);
	snprintf(command, sizeof command, "chmod -R a-w '%s'/home", tmpdir_path(""));
	if (system(command) != 0)
		tap_note("chmod failed");
	spaces_open(&s, "default", ENGRAM_READ);
	after = spaces_listing(&s);
	tap_ok(strcmp(before, after) == 0, "a directory without write permission reads the same");
	spaces_close(&s);
	snprintf(command, sizeof command, "chmod -R u+w '%s'/home", tmpdir_path(""));
	if (system(command) != 0)
		tap_note("chmod failed");
	free(before);
	free(after);
	tmpdir_end();
}

/* -- what is made, and what is removed ------------------------------------------------------------------ */

static bool there(const char *name)
{
	char path[64];

	snprintf(path, sizeof path, "home/spaces/default/%s", name);
	return access(tmpdir_path(path), F_OK) == 0;
}

static void make(const char *name)
{
	char path[64];
	FILE *f;

	snprintf(path, sizeof path, "home/spaces/default/%s", name);
	f = fopen(tmpdir_path(path), "w");
	if (f)
		fclose(f);
}

static void test_files(void)
{
	struct spaces s = {0};
	char text[64];

	tmpdir_begin("space-files");
	spaces_open(&s, "default", ENGRAM_CREATE);
	for (unsigned i = 0; i < 100; i++) {
		snprintf(text, sizeof text, "a memory among few, number %u", i);
		spaces_put(&s, text);
	}
	spaces_must(spaces_run(&s, ENGRAM_APPLY), "apply", &s.err);
	tap_ok(!there("CURRENT") && !there("state.0000000000000001.mdb"), "100 frames: no state is made");
	for (unsigned i = 0; i < 40; i++) {
		snprintf(text, sizeof text, "and more of them, number %u", i);
		spaces_put(&s, text);
	}
	tap_ok(there("CURRENT") && there("state.0000000000000001.mdb") && there("text.0000000000000001.db"),
	       "140 frames: a writer made it when it left");
	make("state.notes");
	make("text.0000000000000001.db~");
	make("state.0000000000000001.mdb.bak");
	make("state.00000000000000aa.mdb");
	make("text.00000000000000aa.db-wal");
	make("CURRENT.tmp-12345");
	spaces_must(spaces_run(&s, ENGRAM_REBUILD), "rebuild", &s.err);
	tap_ok(there("state.notes") && there("text.0000000000000001.db~") && there("state.0000000000000001.mdb.bak"),
	       "F10 files that look like ours and are not stay");
	tap_ok(!there("state.00000000000000aa.mdb") && !there("text.00000000000000aa.db-wal") &&
	               !there("CURRENT.tmp-12345") && !there("state.0000000000000001.mdb"),
	       "leftovers of ours go");
	tap_int(spaces_run(&s, ENGRAM_CHECK), 0, "the check finds nothing (%s)", s.err.message);
	spaces_close(&s);
	tmpdir_end();
}

/* -- handles ------------------------------------------------------------------------------------------ */

static void test_handles(void)
{
	struct spaces s = {0};
	struct engram_space *reader = NULL;
	struct eng_snapshot *old = NULL, *new = NULL;
	struct engram_error err = {0};
	struct engram_space_info info;
	char text[64];
	pid_t pid;
	int status = 0;

	tmpdir_begin("space-handles");
	spaces_open(&s, "default", ENGRAM_CREATE);
	spaces_must(engram_space_open(&reader, s.home, "default", ENGRAM_READ, 0, &s.err), "second handle", &s.err);
	for (unsigned i = 0; i < 200; i++) {
		snprintf(text, sizeof text, "told to one handle, number %u", i);
		spaces_put(&s, text);
	}
	spaces_must(spaces_run(&s, ENGRAM_APPLY), "apply", &s.err);
	spaces_must(eng_snapshot_open(&old, reader, ENG_SNAP_TEXT, &s.err), "snapshot", &s.err);
	spaces_put(&s, "after the snapshot");
	spaces_must(spaces_run(&s, ENGRAM_APPLY | ENGRAM_COMPACT), "compact", &s.err);
	spaces_must(spaces_run(&s, ENGRAM_REBUILD), "rebuild", &s.err);
	spaces_must(eng_snapshot_open(&new, reader, ENG_SNAP_TEXT, &s.err), "snapshot", &s.err);
	tap_int(eng_snapshot_corpus(old).docs, 200, "a snapshot stands still while its generation is replaced twice");
	tap_int(eng_snapshot_corpus(new).docs, 201, "the next one sees what came");
	eng_snapshot_close(old);
	eng_snapshot_close(new);
	fflush(stdout);
	pid = fork();
	if (pid == 0)
		_exit(engram_space_info(reader, &info, &err) == ENGRAM_EUSAGE ? 0 : 1);
	waitpid(pid, &status, 0);
	tap_ok(WIFEXITED(status) && WEXITSTATUS(status) == 0, "a handle is refused in a child of its process");
	tap_int(engram_space_info(NULL, &info, &err), ENGRAM_EUSAGE, "no handle is refused");
	engram_space_close(reader);
	spaces_close(&s);
	tmpdir_end();
}

int main(int argc, char **argv)
{
	if (argc > 1)
		return read_all(argv[1]);
	test_prefixes();
	test_leaves_nothing();
	test_frozen();
	test_files();
	test_handles();
	return tap_done();
}
