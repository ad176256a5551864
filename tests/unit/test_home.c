/* test_home.c - names of spaces, what may stand in their place, who may write
 * (B01 to B12), making, dropping and adopting. */
#include <sys/stat.h>

#include "../lib/spaces.h"
#include "home/home.h"
#include "space/space_int.h"

static int open_named(struct spaces *s, const char *name, unsigned flags)
{
	struct engram_space *space = NULL;
	int r;

	s->err = (struct engram_error){0};
	r = engram_space_open(&space, s->home, name, flags, 0, &s->err);
	engram_space_close(space);
	return r;
}

static void test_names(struct spaces *s)
{
	char long_name[ENGRAM_SPACE_NAME_MAX + 2];
	const struct {
		const char *name, *what;
	} bad[] = {
		{"../../x", "B01 ../../x"},       {"/etc", "B02 an absolute path"}, {".", "B03 ."},
		{"..", "B03 .."},                 {"", "B04 empty"},                {long_name, "B05 65 characters"},
		{"a\nb", "B06 newline"},          {"-x", "B08 leading dash"},       {"Default", "B09 upper case"},
		{"def\xd0\xb0ult", "B09 look-alike"}, {".gone-1", "our own leftovers"}, {"a b", "a blank"},
	};

	memset(long_name, 'a', sizeof long_name - 1);
	long_name[sizeof long_name - 1] = 0;
	for (size_t i = 0; i < ENG_COUNT(bad); i++)
		tap_int(open_named(s, bad[i].name, ENGRAM_CREATE), ENGRAM_EUSAGE, "%s: refused (%s)", bad[i].what,
		        s->err.message);
	long_name[ENGRAM_SPACE_NAME_MAX] = 0;
	tap_int(open_named(s, long_name, ENGRAM_CREATE), 0, "64 characters are a name (%s)", s->err.message);
	tap_int(open_named(s, "a.b_c-9", ENGRAM_CREATE), 0, "so are dots, underscores and dashes inside");
	tap_int(open_named(s, "a.b_c-8", ENGRAM_WRITE), ENGRAM_ENOSPACE, "a space that is not there");
	tap_ok(strstr(s->err.hint, "a.b_c-9") != NULL, "the hint names the nearest (%s)", s->err.hint);
	tap_int(open_named(s, "zzz", ENGRAM_READ), ENGRAM_ENOSPACE, "another one");
	tap_ok(strstr(s->err.hint, "--create") != NULL, "the hint says how to make it (%s)", s->err.hint);
}

static void test_places(struct spaces *s)
{
	const char **names;
	size_t n;
	FILE *f;

	mkdir(tmpdir_path("elsewhere"), 0700);
	if (symlink(tmpdir_path("elsewhere"), tmpdir_path("home/spaces/link")) != 0 ||
	    mkfifo(tmpdir_path("home/spaces/fifo"), 0600) != 0)
		tap_note("cannot make the files");
	f = fopen(tmpdir_path("home/spaces/file"), "w");
	if (f)
		fclose(f);
	tap_int(open_named(s, "link", ENGRAM_CREATE), ENGRAM_EDAMAGED, "B10 a symbolic link is refused (%s)",
	        s->err.message);
	tap_int(open_named(s, "fifo", ENGRAM_READ), ENGRAM_EDAMAGED, "B12 a FIFO is refused (%s)", s->err.message);
	tap_int(open_named(s, "file", ENGRAM_WRITE), ENGRAM_EDAMAGED, "B12 a file is refused (%s)", s->err.message);
	spaces_must(engram_home_spaces(s->home, &names, &n, &s->err), "list", &s->err);
	tap_int(n, 2, "and none of them is listed");
	tap_ok(n == 2 && strcmp(names[0], "a.b_c-9") == 0, "the others are, sorted");
	engram_free(names);
}

/* A FIFO or a link in the place of a file of the space: no hang, an answer. */
static void test_files(struct spaces *s)
{
	static const char *const files[] = {"space", "lock", "CURRENT"};
	char name[64];

	for (size_t i = 0; i < ENG_COUNT(files); i++) {
		const char *path;
		int r, w;
		snprintf(name, sizeof name, "home/spaces/a.b_c-9/%s", files[i]);
		path = tmpdir_path(name);
		rename(path, tmpdir_path("kept"));
		if (mkfifo(path, 0600) != 0)
			tap_note("cannot make %s", path);
		r = open_named(s, "a.b_c-9", ENGRAM_READ);
		w = open_named(s, "a.b_c-9", ENGRAM_WRITE);
		tap_ok(i == 0 ? r == ENGRAM_EDAMAGED && w == ENGRAM_EDAMAGED
		              : i == 1 ? r == 0 && w == ENGRAM_EDAMAGED : r == 0,
		       "B12 a FIFO named %s: reading %d, writing %d", files[i], r, w);
		unlink(path);
		rename(tmpdir_path("kept"), path);
	}
	tap_int(open_named(s, "a.b_c-9", ENGRAM_WRITE), 0, "the files back, it opens");
}

static void test_owner(struct spaces *s)
{
	if (geteuid() != 0) {
		tap_ok(true, "B11 # SKIP needs root to give a directory away");
		return;
	}
	if (chown(tmpdir_path("home/spaces/a.b_c-9"), 12345, (gid_t)-1) != 0)
		tap_note("chown failed");
	tap_int(open_named(s, "a.b_c-9", ENGRAM_WRITE), ENGRAM_EPERM, "B11 another user's space: no writing (%s)",
	        s->err.message);
	tap_int(open_named(s, "a.b_c-9", ENGRAM_READ), 0, "B11 another user's space: reading what permissions allow");
	tap_int(engram_space_drop(s->home, "a.b_c-9", 0, &s->err), ENGRAM_EPERM, "B11 and no dropping");
	if (chown(tmpdir_path("home/spaces/a.b_c-9"), 0, (gid_t)-1) != 0)
		tap_note("chown failed");
}

static int nothing(void *data, const struct engram_memory *m)
{
	(void)m;
	++*(unsigned *)data;
	return 0;
}

static void test_drop(struct spaces *s)
{
	struct engram_writer *w = NULL;
	struct engram_id id = {{7}}, own;
	struct engram_space *old;
	struct engram_memory m = {.has = ENGRAM_TEXT, .text = eng_str("too late")};
	enum engram_put_result put;
	unsigned n = 0;
	int r;

	spaces_open(s, "gone", ENGRAM_CREATE);
	spaces_put(s, "here today");
	old = s->space;
	spaces_must(engram_writer_open(&w, old, 0, &s->err), "writer", &s->err);
	tap_int(engram_space_drop(s->home, "gone", 1000, &s->err), 0, "a space is dropped (%s)", s->err.message);
	tap_int(open_named(s, "gone", ENGRAM_READ), ENGRAM_ENOSPACE, "and is not there");
	tap_int(engram_space_drop(s->home, "gone", 0, &s->err), ENGRAM_ENOSPACE, "dropping it again says so");
	r = engram_put(w, &own, &put, &m, &s->err);
	if (r == 0)
		r = engram_commit(w, &s->err);
	tap_ok(r < 0, "a writer of before stores nothing any more (%s)", s->err.message);
	engram_writer_close(w);
	spaces_open(s, "gone", ENGRAM_CREATE);
	spaces_must(engram_export(s->space, nothing, &n, &s->err), "export", &s->err);
	tap_int(n, 0, "made anew under the same name, it is empty");
	engram_space_close(old);
	/* adopt */
	tap_int(engram_space_adopt(s->space, &id, 1000000, &s->err), 0, "an empty space takes another id (%s)",
	        s->err.message);
	spaces_put(s, "under the new id");
	tap_int(engram_space_adopt(s->space, &id, 0, &s->err), ENGRAM_EEXISTS, "one with memories does not");
	engram_space_close(s->space);
	spaces_open(s, "gone", ENGRAM_READ);
	n = 0;
	spaces_must(engram_export(s->space, nothing, &n, &s->err), "export", &s->err);
	tap_int(n, 1, "and is read by others under that id");
	engram_space_close(s->space);
	s->space = NULL;
}

/* Damage must not keep a space from being dropped. */
static void test_drop_damaged(struct spaces *s)
{
	FILE *f;

	spaces_open(s, "broken", ENGRAM_CREATE);
	spaces_put(s, "soon unreadable");
	engram_space_close(s->space);
	s->space = NULL;
	f = fopen(tmpdir_path("home/spaces/broken/space"), "w");
	if (f) {
		fputs("engram-space 1\nnonsense\n", f);
		fclose(f);
	}
	tap_int(open_named(s, "broken", ENGRAM_READ), ENGRAM_EDAMAGED, "a damaged space file is named (%s)",
	        s->err.message);
	tap_int(engram_space_drop(s->home, "broken", 0, &s->err), 0, "and the space can still be dropped (%s)",
	        s->err.message);
	tap_int(open_named(s, "broken", ENGRAM_READ), ENGRAM_ENOSPACE, "then it is gone");
}

static void test_identity(struct spaces *s)
{
	const struct {
		const char *text;
		int wanted;
		const char *what;
	} files[] = {
		{"engram-space 2\n", ENGRAM_EVERSION, "a newer format"},
		{"engram-space 1\nid 00000000000000000000000001\ncreated 2026-01-02T03:04:05Z\nfeature x refuse\n",
	         ENGRAM_EVERSION, "a feature that must be known"},
		{"engram-space 1\nid 00000000000000000000000001\ncreated 2026-01-02T03:04:05Z\nfeature x ignore\n", 0,
	         "a feature that need not be known"},
		{"engram-space 1\nid 00000000000000000000000001\ncreated 2026-01-02T03:04:05Z\nfeature x read-only\n", 0,
	         "a feature that allows reading"},
		{"engram-space 1\nid 0000000000000000000000000u\n", ENGRAM_EDAMAGED, "an id that is none"},
		{"engram-space 1\nid 00000000000000000000000001\ncreated soon\n", ENGRAM_EDAMAGED, "a time that is none"},
		{"engram-space 1\nid 00000000000000000000000001\ncreated 2026-01-02T03:04:05Z", ENGRAM_EDAMAGED,
	         "a cut line"},
		{"", ENGRAM_EDAMAGED, "an empty file"},
	};

	for (size_t i = 0; i < ENG_COUNT(files); i++) {
		struct eng_identity id;
		struct engram_error err = {0};
		tap_int(eng_identity_parse(&id, files[i].text, strlen(files[i].text), &err), files[i].wanted,
		        "identity: %s (%s)", files[i].what, err.message);
		tap_int(i != 3 || id.read_only, true, "identity: %s, writing", files[i].what);
	}
	(void)s;
}

static int not_local(void *ctx, const char *path)
{
	return 0;
}

/* No network file system is at hand: the seam says that this is one. */
static void test_network(void)
{
	struct eng_fs_ops ops = *eng_sys_posix()->fs.ops;
	struct eng_sys sys = *eng_sys_posix();
	struct spaces s = {0};

	ops.is_local = not_local;
	sys.fs.ops = &ops;
	spaces_must(eng_home_open(&s.home, &sys, tmpdir_path("far"), &s.err), "open home", &s.err);
	tap_int(open_named(&s, "far", ENGRAM_CREATE), ENGRAM_ECONFIG, "a network file system is refused (%s)",
	        s.err.message);
	tap_ok(strstr(s.err.hint, "ENGRAM_NETWORK_HOME=1"), "the hint says how to insist (%s)", s.err.hint);
	setenv("ENGRAM_NETWORK_HOME", "yes", 1);
	tap_int(open_named(&s, "far", ENGRAM_CREATE), ENGRAM_ECONFIG, "a word that is not 1 does not count");
	setenv("ENGRAM_NETWORK_HOME", "1", 1);
	tap_int(open_named(&s, "far", ENGRAM_CREATE), 0, "whoever insists may (%s)", s.err.message);
	unsetenv("ENGRAM_NETWORK_HOME");
	spaces_close(&s);
}

int main(void)
{
	struct spaces s = {0};
	const char **names = NULL;
	size_t n = 7;

	tmpdir_begin("home");
	spaces_must(engram_home_open(&s.home, tmpdir_path("home"), &s.err), "open home", &s.err);
	spaces_must(engram_home_spaces(s.home, &names, &n, &s.err), "list", &s.err);
	tap_ok(n == 0 && !names && access(tmpdir_path("home"), F_OK) != 0, "a home that is not there has no spaces");
	test_names(&s);
	test_places(&s);
	test_files(&s);
	test_owner(&s);
	test_drop(&s);
	test_drop_damaged(&s);
	test_identity(&s);
	spaces_close(&s);
	test_network();
	tmpdir_end();
	return tap_done();
}
