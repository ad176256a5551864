/* test_space_write.c - what may be stored, what a store does, and how it is
 * found again. */
#include <math.h>

#include "../lib/spaces.h"

static struct spaces s;

static uint64_t frames(void)
{
	struct engram_space_info info;

	spaces_must(engram_space_info(s.space, &info, &s.err), "info", &s.err);
	return info.frames;
}

static uint64_t memories(void)
{
	struct engram_space_info info;

	spaces_must(engram_space_info(s.space, &info, &s.err), "info", &s.err);
	return info.memories;
}

static struct engram_writer *writer(unsigned flags)
{
	struct engram_writer *w = NULL;

	spaces_must(engram_writer_open(&w, s.space, flags, &s.err), "open writer", &s.err);
	return w;
}

static void finish(struct engram_writer *w)
{
	spaces_must(engram_commit(w, &s.err), "commit", &s.err);
	engram_writer_close(w);
}

static enum engram_put_result put(unsigned flags, const struct engram_memory *m, struct engram_id *id)
{
	struct engram_writer *w = writer(flags);
	enum engram_put_result result = 0;

	spaces_must(engram_put(w, id, &result, m, &s.err), "put", &s.err);
	finish(w);
	return result;
}

/* -- what is refused ---------------------------------------------------------------------- */

static const float ones[3] = {1, 1, 1}, zeros[3], broken[3] = {1, NAN, 1};
static char big[ENGRAM_TEXT_MAX + 2];
static struct engram_str many[ENGRAM_TAGS_MAX + 1];

static void test_refused(void)
{
	struct engram_str empty_tag = {"", 0};
	const struct {
		const char *field;
		struct engram_memory m;
	} bad[] = {
		{"text", {.has = 0}},
		{"text", {.has = ENGRAM_TEXT, .text = {"", 0}}},
		{"text", {.has = ENGRAM_TEXT, .text = {big, ENGRAM_TEXT_MAX + 1}}},
		{"text", {.has = ENGRAM_TEXT, .text = {"\xc0\x80", 2}}},
		{"text", {.has = ENGRAM_TEXT, .text = {"\xed\xa0\x80", 3}}},
		{"text", {.has = ENGRAM_TEXT, .text = {"a\0b", 3}}},
		{"key", {.has = ENGRAM_TEXT | ENGRAM_KEY, .text = {"x", 1}, .key = {"", 0}}},
		{"key", {.has = ENGRAM_TEXT | ENGRAM_KEY, .text = {"x", 1}, .key = {big, ENGRAM_FIELD_MAX + 1}}},
		{"source", {.has = ENGRAM_TEXT | ENGRAM_SOURCE, .text = {"x", 1}, .source = {"\xff", 1}}},
		{"actor", {.has = ENGRAM_TEXT | ENGRAM_ACTOR, .text = {"x", 1}, .actor = {big, ENGRAM_FIELD_MAX + 1}}},
		{"meta", {.has = ENGRAM_TEXT | ENGRAM_META, .text = {"x", 1}, .meta = {"[1]", 3}}},
		{"meta", {.has = ENGRAM_TEXT | ENGRAM_META, .text = {"x", 1}, .meta = {"{\"a\":}", 6}}},
		{"meta", {.has = ENGRAM_TEXT | ENGRAM_META, .text = {"x", 1}, .meta = {"{} {}", 5}}},
		{"tag", {.has = ENGRAM_TEXT | ENGRAM_TAGS, .text = {"x", 1}, .tags = &empty_tag, .ntags = 1}},
		{"tags", {.has = ENGRAM_TEXT | ENGRAM_TAGS, .text = {"x", 1}, .tags = many, .ntags = ENGRAM_TAGS_MAX + 1}},
		{"confidence", {.has = ENGRAM_TEXT | ENGRAM_CONFIDENCE, .text = {"x", 1}, .confidence = 10001}},
		{"kind", {.has = ENGRAM_TEXT | ENGRAM_KIND, .text = {"x", 1}, .kind = 3}},
		{"occurred", {.has = ENGRAM_TEXT | ENGRAM_OCCURRED, .text = {"x", 1}, .occurred_us = INT64_MAX}},
		{"stored", {.has = ENGRAM_TEXT | ENGRAM_STORED, .text = {"x", 1}, .stored_us = INT64_MIN}},
		{"vector", {.has = ENGRAM_VECTOR, .vector = ones, .dim = 1}},
		{"vector", {.has = ENGRAM_VECTOR, .vector = ones, .dim = ENGRAM_DIM_MAX + 1}},
		{"vector", {.has = ENGRAM_VECTOR, .vector = zeros, .dim = 3}},
		{"vector", {.has = ENGRAM_VECTOR, .vector = broken, .dim = 3}},
	};
	uint64_t before = frames();
	struct engram_writer *w = writer(0);
	enum engram_put_result result;
	struct engram_id id;

	memset(big, 'a', sizeof big - 1);
	for (size_t i = 0; i < ENG_COUNT(many); i++)
		many[i] = eng_str("t");
	for (size_t i = 0; i < ENG_COUNT(bad); i++) {
		int r = engram_put(w, &id, &result, &bad[i].m, &s.err);
		tap_ok(r == ENGRAM_EINPUT && strncmp(s.err.message, bad[i].field, strlen(bad[i].field)) == 0,
		       "refused: %s", s.err.message);
	}
	finish(w);
	tap_int(frames(), before, "and nothing of it was written");
	tap_int(put(0, &(struct engram_memory){.has = ENGRAM_TEXT, .text = {big, ENGRAM_TEXT_MAX}}, &id),
	        ENGRAM_STORED_NEW, "a text of 1 MiB is taken");
}

/* -- storing again ---------------------------------------------------------------------------- */

static void test_again(void)
{
	struct engram_memory m = {.has = ENGRAM_TEXT, .text = eng_str("said twice")};
	struct eng_arena arena = ENG_ARENA_INIT;
	struct eng_snapshot *snap = NULL;
	struct engram_id one, two;
	const eng_stamp *stamps;
	uint64_t before = frames(), live = memories();
	uint32_t doc;
	size_t n;

	put(0, &m, &one);
	put(0, &m, &two);
	tap_ok(eng_id_cmp(&one, &two) == 0 && frames() == before + 2 && memories() == live + 1,
	       "a plain store always writes: two frames, one memory");
	spaces_must(eng_snapshot_open(&snap, s.space, 0, &s.err), "snapshot", &s.err);
	spaces_must(eng_snapshot_find(snap, &one, &doc, &s.err), "find", &s.err);
	spaces_must(eng_snapshot_rehearsals(snap, doc, &stamps, &n, &arena, &s.err), "rehearsals", &s.err);
	tap_int(n, 1, "of one series and hour it is one rehearsal");
	eng_snapshot_close(snap);
	eng_arena_free(&arena);
	tap_int(put(ENGRAM_BULK, &m, &two), ENGRAM_KNOWN, "a bulk store finds it known");
	tap_int(frames(), before + 2, "and writes nothing");
	m.confidence = 5000;
	m.has |= ENGRAM_CONFIDENCE;
	tap_int(put(ENGRAM_BULK, &m, &two), ENGRAM_STORED_NEW, "with another confidence it is written");
	tap_int(put(ENGRAM_BULK, &m, &two), ENGRAM_KNOWN, "and then known");
}

static void test_bulk_twins(void)
{
	struct engram_writer *w = writer(ENGRAM_BULK);
	enum engram_put_result result;
	struct engram_id id;
	unsigned known = 0;
	char text[32];

	for (unsigned i = 0; i < 3000; i++) {
		struct engram_memory m = {.has = ENGRAM_TEXT};
		snprintf(text, sizeof text, "line %u", i * 7 % 2000);
		m.text = eng_str(text);
		spaces_must(engram_put(w, &id, &result, &m, &s.err), "put", &s.err);
		known += result == ENGRAM_KNOWN;
	}
	finish(w);
	tap_int(known, 1000, "twins in one bulk are known, whether written to the log yet or not");
}

static int first_memory(void *data, const struct engram_memory *m)
{
	struct eng_buf *b = data;

	if (!m)
		eng_buf_str(b, "(none)");
	else
		spaces_take(b, m);
	return 0;
}

/* What get says of one id; one of four buffers. */
static const char *said(const struct engram_id *id)
{
	static struct eng_buf all[4];
	static unsigned at;
	struct eng_buf *b = &all[at++ % 4];

	eng_buf_reset(b);
	spaces_must(engram_get(s.space, id, 1, first_memory, b, &s.err), "get", &s.err);
	if (b->n && b->p[b->n - 1] == '\n')
		b->n--;
	eng_buf_byte(b, 0);
	return (const char *)b->p;
}

static void test_keys(void)
{
	struct engram_memory m = {.has = ENGRAM_TEXT | ENGRAM_KEY, .text = eng_str("version one"),
	                          .key = eng_str("the key")};
	struct engram_memory r = {.has = ENGRAM_CONFIDENCE, .confidence = 1234};
	struct engram_writer *w, *w2;
	enum engram_put_result result;
	struct engram_id id, id2;

	put(0, &m, &id);
	w = writer(0);
	spaces_must(engram_revise(w, &id, &r, 0, NULL, 0, &s.err), "revise", &s.err);
	finish(w);
	m.text = eng_str("version two");
	put(0, &m, &id2);
	tap_ok(eng_id_cmp(&id, &id2) == 0 && strstr(said(&id), "version two") && !strstr(said(&id), "|") &&
	               !strstr(said(&id), "1234"),
	       "an upsert replaces text and revisions: %s", said(&id));
	/* Two who do not see each other. */
	w = writer(0);
	w2 = writer(0);
	m.text = eng_str("from the left");
	spaces_must(engram_put(w, &id, &result, &m, &s.err), "put", &s.err);
	m.text = eng_str("from the right");
	spaces_must(engram_put(w2, &id, &result, &m, &s.err), "put", &s.err);
	finish(w);
	finish(w2);
	tap_ok(strstr(said(&id), "text=from the right") && strstr(said(&id), "| text=from the left"),
	       "concurrent upserts are siblings, the newest shown: %s", said(&id));
	m.text = eng_str("both seen");
	put(0, &m, &id);
	tap_ok(strstr(said(&id), "both seen") && !strstr(said(&id), "|"), "the next one settles it");
}

/* -- revise, forget ------------------------------------------------------------------------------ */

static void test_revise(void)
{
	struct engram_str tag = eng_str("busy");
	struct engram_memory m = {.has = ENGRAM_TEXT | ENGRAM_TAGS, .text = eng_str("often said"), .tags = &tag, .ntags = 1};
	struct engram_memory r = {.has = ENGRAM_TEXT, .text = eng_str("said otherwise")};
	struct engram_memory key = {.has = ENGRAM_KEY, .key = eng_str("k")};
	struct engram_writer *w = writer(0);
	enum engram_put_result result;
	struct engram_id id, unknown = {{9}};

	for (unsigned i = 0; i < 300; i++)
		spaces_must(engram_put(w, &id, &result, &m, &s.err), "put", &s.err);
	spaces_must(engram_commit(w, &s.err), "commit", &s.err);
	spaces_must(engram_revise(w, &id, &r, 0, &tag, 1, &s.err), "revise", &s.err);
	finish(w);
	tap_ok(strstr(said(&id), "said otherwise") && !strstr(said(&id), "tag="),
	       "a tag stated 300 times goes with one revision: %s", said(&id));
	w = writer(0);
	tap_int(engram_revise(w, &unknown, &r, 0, NULL, 0, &s.err), ENGRAM_ENOID, "an unknown id: %s", s.err.message);
	tap_int(engram_revise(w, &id, &key, 0, NULL, 0, &s.err), ENGRAM_EUSAGE, "the key never changes: %s", s.err.message);
	tap_int(engram_revise(w, &id, &(struct engram_memory){.has = ENGRAM_KIND, .kind = 3}, 0, NULL, 0, &s.err),
	        ENGRAM_EINPUT, "a kind that there is not: %s", s.err.message);
	tap_int(engram_revise(w, &id, &r, ENGRAM_KIND, NULL, 0, &s.err), ENGRAM_EUSAGE, "the kind is not cleared: %s",
	        s.err.message);
	tap_int(engram_revise(w, &id, &(struct engram_memory){.has = 0}, 0, NULL, 0, &s.err), ENGRAM_EUSAGE,
	        "nothing to change: %s", s.err.message);
	tap_int(engram_revise(w, &id, &r, ENGRAM_TEXT, NULL, 0, &s.err), ENGRAM_EUSAGE, "set and cleared: %s",
	        s.err.message);
	tap_int(engram_revise(w, &id, &(struct engram_memory){.has = 0}, 0, &tag, 1, &s.err), 0,
	        "a tag that it does not have: nothing to do");
	finish(w);
	m = (struct engram_memory){.has = ENGRAM_TEXT, .text = eng_str("often said")};
	tap_int(put(ENGRAM_BULK, &m, &id), ENGRAM_STORED_NEW, "a bulk store without the tag differs, and is written");
}

static void test_forget(void)
{
	struct engram_id ids[3] = {spaces_put(&s, "to go one"), {{9}}, spaces_put(&s, "to go two")}, known;
	struct engram_writer *w = writer(0);
	uint64_t before = frames();

	tap_int(engram_forget(w, ids, 3, &s.err), ENGRAM_ENOID, "one unknown id: %s", s.err.message);
	finish(w);
	tap_ok(frames() == before && strstr(said(&ids[0]), "to go one"), "then nothing is forgotten");
	ids[1] = ids[0];
	spaces_forget(&s, ids, 3);
	tap_int(frames(), before + 1, "three ids, two of them equal: one frame");
	tap_str(said(&ids[0]), "(none)", "gone at once");
	spaces_forget(&s, ids, 3);
	tap_int(frames(), before + 1, "forgetting the forgotten writes nothing");
	known = spaces_put(&s, "to go one");
	tap_ok(strstr(said(&known), "to go one") != NULL, "stored again it is back");
}

/* -- ids -------------------------------------------------------------------------------------------- */

static void test_resolve(void)
{
	struct engram_memory m = {.has = ENGRAM_TEXT | ENGRAM_ID, .text = eng_str("with a chosen id")};
	struct engram_id id, found;
	char text[ENGRAM_ID_TEXT + 1];
	bool gone = true;

	memset(m.id.b, 0x5a, sizeof m.id.b);
	put(0, &m, &id);
	m.id.b[15] = 0x5b;
	put(0, &m, &id);
	engram_id_format(text, &id);
	tap_int(engram_resolve(s.space, &found, &gone, text, &s.err), 0, "a full id");
	tap_ok(eng_id_cmp(&found, &id) == 0 && !gone, "resolves to itself");
	text[20] = 0;
	tap_int(engram_resolve(s.space, &found, &gone, text, &s.err), ENGRAM_EAMBIGUOUS, "a prefix of two: %s",
	        s.err.message);
	text[3] = 0;
	tap_int(engram_resolve(s.space, &found, &gone, text, &s.err), ENGRAM_EINPUT, "three characters: %s", s.err.message);
	tap_int(engram_resolve(s.space, &found, &gone, "what?", &s.err), ENGRAM_EINPUT, "no base 32: %s", s.err.message);
	tap_int(engram_resolve(s.space, &found, &gone, "zzzz", &s.err), ENGRAM_ENOID, "above 2^128: %s", s.err.message);
	tap_int(engram_resolve(s.space, &found, &gone, "7zzz9", &s.err), ENGRAM_ENOID, "nobody: %s", s.err.message);
	engram_id_format(text, &id);
	spaces_forget(&s, &id, 1);
	tap_int(engram_resolve(s.space, &found, &gone, text, &s.err), 0, "a forgotten one resolves");
	tap_ok(gone, "and is said to be gone");
}

/* -- export ------------------------------------------------------------------------------------------ */

struct moment {
	unsigned seen, late;
	struct engram_id last; /* forgotten when the first is seen */
	bool last_seen;
};

/* Stores and forgets while the export runs: it must not matter. */
static int disturb(void *data, const struct engram_memory *m)
{
	struct moment *t = data;

	if (t->seen++ == 0) {
		spaces_put(&s, "came too late");
		spaces_forget(&s, &t->last, 1);
	}
	t->late += m->text.n == strlen("came too late") && memcmp(m->text.p, "came too late", m->text.n) == 0;
	t->last_seen = t->last_seen || eng_id_cmp(&m->id, &t->last) == 0;
	return 0;
}

static int greatest(void *data, const struct engram_memory *m)
{
	*(struct engram_id *)data = m->id;
	return 0;
}

static void test_moment(void)
{
	uint64_t before = memories();
	struct moment t = {.seen = 0};

	spaces_must(engram_export(s.space, greatest, &t.last, &s.err), "export", &s.err);
	spaces_must(engram_export(s.space, disturb, &t, &s.err), "export", &s.err);
	tap_ok(t.seen == before && t.late == 0 && t.last_seen,
	       "an export over several pages is of one moment: %u memories, the one forgotten meanwhile among them",
	       t.seen);
}

struct copy {
	struct engram_writer *w;
	unsigned n;
};

static int copy_one(void *data, const struct engram_memory *m)
{
	struct copy *c = data;
	struct engram_memory own = *m;
	enum engram_put_result result;
	struct engram_id id;
	struct engram_error err = {0};

	own.has |= ENGRAM_ID | ENGRAM_STORED;
	c->n++;
	return engram_put(c->w, &id, &result, &own, &err);
}

/* Without the digest, which is of the frames. */
static char *listing_only(struct spaces *of)
{
	char *text = spaces_listing(of);

	*strstr(text, "digest ") = 0;
	return text;
}

static void test_round_trip(void)
{
	struct engram_memory rich = {
		.has = ENGRAM_TEXT | ENGRAM_SOURCE | ENGRAM_ACTOR | ENGRAM_META | ENGRAM_OCCURRED | ENGRAM_VALID_UNTIL |
	               ENGRAM_CONFIDENCE | ENGRAM_KIND | ENGRAM_VECTOR | ENGRAM_TAGS,
		.text = eng_str("everything stated"), .source = eng_str(""), .actor = eng_str("who"),
		.meta = eng_str("{\"z\":1,  \"a\":[true]}"), .occurred_us = -123456789, .valid_until_us = 4102444800000000,
		.confidence = 0, .kind = ENGRAM_CONCEPT, .vector = ones, .dim = 3, .embedder = eng_str("me/1/3/f32"),
	};
	struct engram_str tags[3] = {eng_str("b"), eng_str("a"), eng_str("b")};
	struct spaces other = {.home = s.home};
	struct copy c = {.n = 0};
	struct engram_id id;
	char *one, *two;

	rich.tags = tags;
	rich.ntags = 3;
	put(0, &rich, &id);
	tap_ok(strstr(said(&id), "tag=a tag=b 0x1p+0 0x1p+0 0x1p+0") && strstr(said(&id), "occurred=-123456789"),
	       "all fields come back: %s", said(&id));
	/* Siblings: two bodies under one id. */
	rich.has |= ENGRAM_ID;
	rich.id = id;
	rich.confidence = 77;
	put(0, &rich, &id);
	tap_ok(strstr(said(&id), "confidence=77") && strstr(said(&id), "| text=everything stated"), "and siblings");
	one = listing_only(&s);
	spaces_open(&other, "copy", ENGRAM_CREATE);
	for (unsigned round = 0; round < 2; round++) {
		spaces_must(engram_writer_open(&c.w, other.space, ENGRAM_BULK, &s.err), "open writer", &s.err);
		spaces_must(engram_export(s.space, copy_one, &c, &s.err), "copy", &s.err);
		spaces_must(engram_commit(c.w, &s.err), "commit", &s.err);
		engram_writer_close(c.w);
	}
	two = listing_only(&other);
	tap_ok(c.n > 2000 && strcmp(one, two) == 0, "exported, stored elsewhere with ids and times, twice: equal listing");
	tap_int(spaces_run(&other, ENGRAM_CHECK), 0, "and the check finds nothing (%s)", other.err.message);
	free(one);
	free(two);
	engram_space_close(other.space);
}

int main(void)
{
	tmpdir_begin("space-write");
	spaces_open(&s, "default", ENGRAM_CREATE);
	test_refused();
	test_again();
	test_bulk_twins();
	test_keys();
	test_revise();
	test_forget();
	test_resolve();
	test_moment();
	test_round_trip();
	spaces_close(&s);
	tmpdir_end();
	return tap_done();
}
