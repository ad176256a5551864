/* test_space_forget.c - what was forgotten leaves every file.
 *
 * Marked words are put into every field of some memories, then forgotten, then
 * compacted: no file of the space may hold one of them, in any case or
 * encoding that we write.  Stored as text, tags, key, source, actor, meta and
 * vector; applied or not when they are forgotten; shown or replaced by a
 * revision or an upsert. */
#include <ftw.h>
#include <sys/stat.h>

#include "../lib/spaces.h"

static const struct engram_consolidation compact_only = {.tasks = ENGRAM_COMPACT};
static unsigned hits;
static const char *needle;
static size_t needle_n;

static int grep_file(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	FILE *f;
	char *p;

	(void)ftw;
	if (type != FTW_F || st->st_size == 0)
		return 0;
	f = fopen(path, "rb");
	p = malloc((size_t)st->st_size);
	if (f && p && fread(p, 1, (size_t)st->st_size, f) == (size_t)st->st_size &&
	    memmem(p, (size_t)st->st_size, needle, needle_n)) {
		tap_note("%s is in %s", needle, path);
		hits++;
	}
	free(p);
	if (f)
		fclose(f);
	return 0;
}

static unsigned grep(const void *bytes, size_t n)
{
	needle = bytes;
	needle_n = n;
	hits = 0;
	nftw(tmpdir_path("home"), grep_file, 16, FTW_PHYS);
	return hits;
}

static unsigned grep_word(const char *word)
{
	return grep(word, strlen(word));
}

static const char *const secrets[] = {"zanzibar", "quixotic", "xylophone", "jabberwock", "mxyzptlk", "wyvern",
                                      "tzatziki", "vuvuzela"};

static struct engram_id put(struct spaces *s, const struct engram_memory *m)
{
	struct engram_writer *w = NULL;
	enum engram_put_result result;
	struct engram_id id;

	spaces_must(engram_writer_open(&w, s->space, 0, &s->err), "open writer", &s->err);
	spaces_must(engram_put(w, &id, &result, m, &s->err), "put", &s->err);
	spaces_must(engram_commit(w, &s->err), "commit", &s->err);
	engram_writer_close(w);
	return id;
}

static const float vector[4] = {1.25f, -3.5f, 0.007812501f, 91.75f};

static size_t put_secrets(struct spaces *s, struct engram_id ids[8])
{
	struct engram_str tag = eng_str("tag jabberwock");
	struct engram_memory full = {
		.has = ENGRAM_TEXT | ENGRAM_KEY | ENGRAM_SOURCE | ENGRAM_ACTOR | ENGRAM_META | ENGRAM_TAGS |
	               ENGRAM_VECTOR,
		.text = eng_str("a zanzibar in the first text"),
		.key = eng_str("key quixotic"),
		.source = eng_str("from xylophone"),
		.actor = eng_str("by mxyzptlk"),
		.meta = eng_str("{\"a\":\"wyvern\"}"),
		.tags = &tag,
		.ntags = 1,
		.vector = vector,
		.dim = 4,
		.embedder = eng_str("test/1/4/f32"),
	};
	struct engram_memory second = full, revision = {.has = ENGRAM_TEXT, .text = eng_str("now tzatziki")};
	struct engram_writer *w = NULL;
	size_t n = 0;

	ids[n++] = put(s, &full);
	second.text = eng_str("the zanzibar changed under its key");
	ids[n++] = put(s, &second); /* replaces the first */
	ids[n++] = spaces_put(s, "vuvuzela, stored plainly");
	ids[n++] = spaces_put(s, "to be revised: vuvuzela");
	spaces_must(engram_writer_open(&w, s->space, 0, &s->err), "open writer", &s->err);
	spaces_must(engram_revise(w, &ids[3], &revision, 0, NULL, 0, &s->err), "revise", &s->err);
	spaces_must(engram_commit(w, &s->err), "commit", &s->err);
	engram_writer_close(w);
	return n;
}

static void scene(const char *name, bool applied_before, bool applied_after)
{
	struct spaces s = {0};
	struct engram_id ids[8];
	struct engram_report report;
	unsigned left = 0;
	char text[64];
	size_t n;
	int r;

	tmpdir_begin("space-forget");
	spaces_open(&s, "default", ENGRAM_CREATE);
	for (unsigned i = 0; i < 200; i++) {
		snprintf(text, sizeof text, "an ordinary memory, number %u", i);
		spaces_put(&s, text);
	}
	spaces_must(spaces_run(&s, ENGRAM_APPLY), "apply", &s.err);
	n = put_secrets(&s, ids);
	if (applied_before)
		spaces_must(spaces_run(&s, ENGRAM_APPLY), "apply", &s.err);
	tap_ok(grep_word("zanzibar") > 0 && grep_word("jabberwock") > 0, "%s: the words are there before", name);
	spaces_forget(&s, ids, n);
	if (applied_after) /* no run, which would purge */
		spaces_must(eng_space_apply(s.space, NULL, eng_all_frames, true, &s.err), "apply", &s.err);
	r = engram_consolidate(s.space, &report, &compact_only, &s.err);
	tap_int(r, 0, "%s: compact (%s)", name, s.err.message);
	tap_int(report.purged, 5, "%s: two stores of one key, two texts and a revision became stubs", name);
	spaces_close(&s);
	for (unsigned i = 0; i < ENG_COUNT(secrets); i++)
		left += grep_word(secrets[i]);
	left += grep(vector, sizeof vector);
	tap_int(left, 0, "%s: no file holds a forgotten word or vector", name);
	tap_ok(grep_word("ordinary memory, number 77") > 0, "%s: what was not forgotten is there", name);
	spaces_open(&s, "default", ENGRAM_WRITE);
	tap_int(spaces_run(&s, ENGRAM_CHECK), 0, "%s: the check finds nothing (%s)", name, s.err.message);
	r = engram_consolidate(s.space, &report, &compact_only, &s.err);
	tap_ok(r == 0 && report.purged == 0, "%s: compacting again purges nothing", name);
	spaces_must(spaces_run(&s, ENGRAM_REBUILD | ENGRAM_CHECK), "rebuild", &s.err);
	tap_int(spaces_run(&s, ENGRAM_REBUILD | ENGRAM_CHECK), 0, "%s: rebuilt from stubs, the check finds nothing",
	        name);
	spaces_close(&s);
	tmpdir_end();
}

int main(void)
{
	scene("applied, then forgotten, then applied", true, true);
	scene("forgotten while raw", false, false);
	scene("applied, forgotten, compacted at once", true, false);
	return tap_done();
}
