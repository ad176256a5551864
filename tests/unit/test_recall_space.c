/* test_recall_space.c - recall over real spaces: what a person would ask. */
#include "engram.h"

#include <stdlib.h>
#include <unistd.h>

#include "../lib/failalloc.h"
#include "../lib/tap.h"
#include "base/rng.h"
#include "base/types.h"

static char dir[] = "/tmp/engram-recall-XXXXXX";
static struct engram_error err;

struct store {
	struct engram_home *home;
	struct engram_space *space;
};

static struct store open_store(const char *name)
{
	struct store s = {0};
	if (engram_home_open(&s.home, dir, &err) != 0 ||
	    engram_space_open(&s.space, s.home, name, ENGRAM_CREATE, 1000, &err) != 0) {
		tap_ok(false, "open %s: %s", name, err.message);
		exit(1);
	}
	return s;
}

static void close_store(struct store *s)
{
	engram_space_close(s->space);
	engram_home_close(s->home);
}

static struct engram_id put(struct engram_writer *w, struct engram_memory *m, const char *text)
{
	struct engram_id id = {{0}};
	enum engram_put_result result;
	m->has |= ENGRAM_TEXT;
	m->text = eng_str(text);
	if (engram_put(w, &id, &result, m, &err) != 0)
		tap_ok(false, "put: %s", err.message);
	return id;
}

static struct engram_id put_one(struct store *s, const char *text)
{
	struct engram_writer *w = NULL;
	struct engram_memory m = {0};
	struct engram_id id = {{0}};
	if (engram_writer_open(&w, s->space, 0, &err) == 0)
		id = put(w, &m, text);
	if (!w || engram_commit(w, &err) != 0)
		tap_ok(false, "store: %s", err.message);
	engram_writer_close(w);
	return id;
}

static void apply(struct store *s)
{
	struct engram_report report;
	if (engram_consolidate(s->space, &report, &(struct engram_consolidation){.tasks = ENGRAM_APPLY}, &err) != 0)
		tap_ok(false, "apply: %s", err.message);
}

static struct engram_cue cue_of(const char *text)
{
	struct engram_cue cue;
	engram_cue_init(&cue);
	cue.text = eng_str(text);
	return cue;
}

static struct engram_result ask(struct store *s, const struct engram_cue *cue)
{
	struct engram_result r = {0};
	if (engram_recall(s->space, &r, cue, &err) != 0)
		tap_ok(false, "recall: %s", err.message);
	return r;
}

static bool first_is(const struct engram_result *r, const struct engram_id *id)
{
	return r->n > 0 && memcmp(r->hits[0].memory.id.b, id->b, sizeof id->b) == 0;
}

static void first_minutes(struct store *s, const char *state)
{
	struct engram_cue cue = cue_of("what powers a cell");
	struct engram_result r = ask(s, &cue);
	tap_ok(r.cued && r.n == 1 && r.hits[0].confidence >= 2000, "%s: what powers a cell: %u", state,
	       r.n ? r.hits[0].confidence : r.best);
	tap_ok(r.n == 1 && r.hits[0].lo <= r.hits[0].confidence && r.hits[0].hi >= r.hits[0].confidence &&
	       r.hits[0].nwhy > 5 && r.hits[0].nwhy <= ENGRAM_TERMS_MAX, "%s: with interval and reasons", state);
	engram_result_free(&r);
	tap_ok(r.hits == NULL && r.n == 0, "freeing clears it");
	cue = cue_of("mitocondria");
	r = ask(s, &cue);
	tap_ok(r.n == 1 && r.hits[0].confidence >= 2000, "%s: misspelt: %u", state, r.n ? r.hits[0].confidence : r.best);
	engram_result_free(&r);
	cue = cue_of("capital of peru");
	r = ask(s, &cue);
	tap_ok(r.cued && r.n == 0 && r.best < 2000, "%s: what was never stored is not answered: %u", state, r.best);
	engram_result_free(&r);
	engram_result_free(NULL);
}

static void modes(struct store *s, const char *state)
{
	static const char *const names[] = {"hybrid", "vector", "text"};
	for (int mode = ENGRAM_HYBRID; mode <= ENGRAM_TEXT_ONLY; mode++) {
		struct engram_cue cue = cue_of("powerhouse of the cell");
		cue.mode = (enum engram_mode)mode;
		struct engram_result r = ask(s, &cue);
		tap_ok(r.n == 1 && strstr(r.hits[0].memory.text.p, "mitochondria"), "%s: %s", state, names[mode]);
		engram_result_free(&r);
	}
}

static bool maps_sqlite(void)
{
	char line[512];
	bool found = false;
	FILE *f = fopen("/proc/self/maps", "r");
	while (f && fgets(line, sizeof line, f))
		found = found || strstr(line, "libsqlite3");
	if (f)
		fclose(f);
	return found;
}

static void one_memory(void)
{
	struct store s = open_store("one");
	put_one(&s, "The mitochondria is the powerhouse of the cell");
	first_minutes(&s, "raw");
	modes(&s, "raw");
	apply(&s);
	first_minutes(&s, "applied");
	modes(&s, "applied");
	close_store(&s);
}

/* -- a thousand memories ------------------------------------------------- */

#define MANY 1000

static struct engram_id ids[MANY];
static char texts[MANY][120];

static void fill(struct store *s)
{
	static const char *const words[] = {
		"river", "mountain", "bridge", "engine", "letter", "garden", "window", "winter", "doctor", "music", "paper",
		"silver", "market", "forest", "planet", "yellow", "camera", "thunder", "village", "harbour",
	};
	struct engram_writer *w = NULL;
	struct eng_rng g;
	eng_rng_seed(&g, 77);
	engram_writer_open(&w, s->space, 0, &err);
	for (int i = 0; i < MANY; i++) {
		struct engram_str tags[2] = {eng_str(i % 1000 == 500 ? "unique" : "plain"), eng_str(i % 2 ? "odd" : "even")};
		struct engram_memory m = {.has = ENGRAM_TAGS | ENGRAM_OCCURRED | ENGRAM_SOURCE | ENGRAM_ACTOR,
		                          .tags = tags, .ntags = 2, .occurred_us = (int64_t)i * 1000000,
		                          .source = eng_str(i == 321 ? "book" : "web"), .actor = eng_str(i % 3 ? "ann" : "bob")};
		if (strcmp(tags[0].p, tags[1].p) > 0) {
			struct engram_str first = tags[0];
			tags[0] = tags[1];
			tags[1] = first;
		}
		int n = sprintf(texts[i], "note%d", i);
		for (int k = 0; k < 6; k++)
			n += sprintf(texts[i] + n, " %s", words[eng_rng_below(&g, ENG_COUNT(words))]);
		ids[i] = put(w, &m, texts[i]);
	}
	tap_int(engram_commit(w, &err), 0, "a thousand memories");
	engram_writer_close(w);
}

static void ordered(const struct engram_result *r, const char *name)
{
	size_t wrong = 0;
	for (size_t i = 1; i < r->n; i++) {
		const struct engram_hit *a = &r->hits[i - 1], *b = &r->hits[i];
		wrong += a->score < b->score ||
		         (a->score == b->score && memcmp(a->memory.id.b, b->memory.id.b, sizeof a->memory.id.b) >= 0);
	}
	tap_int(wrong, 0, "%s: score descending, id ascending", name);
}

static void filters(struct store *s)
{
	for (int mode = ENGRAM_HYBRID; mode <= ENGRAM_TEXT_ONLY; mode++) {
		struct engram_str unique = eng_str("unique"), both[2] = {eng_str("odd"), eng_str("unique")};
		struct engram_cue cue = cue_of("river mountain bridge engine letter garden window winter doctor music");
		cue.mode = (enum engram_mode)mode;
		cue.min_confidence = 0;
		cue.tags = &unique;
		cue.ntags = 1;
		struct engram_result r = ask(s, &cue);
		tap_ok(r.n == 1 && first_is(&r, &ids[500]), "mode %d: one in a thousand has the tag and is found", mode);
		engram_result_free(&r);
		cue.tags = both;
		cue.ntags = 2;
		r = ask(s, &cue);
		tap_int(r.n, 0, "mode %d: all tags are wanted", mode);
		engram_result_free(&r);
		cue.ntags = 0;
		cue.source = eng_str("book");
		r = ask(s, &cue);
		tap_ok(r.n == 1 && first_is(&r, &ids[321]), "mode %d: source", mode);
		engram_result_free(&r);
		cue.actor = eng_str("ann");
		r = ask(s, &cue);
		tap_int(r.n, 0, "mode %d: source and actor", mode);
		engram_result_free(&r);
		cue.source = cue.actor = (struct engram_str){0};
		cue.since_us = 100 * 1000000;
		cue.until_us = 103 * 1000000;
		r = ask(s, &cue);
		size_t right = 0;
		for (size_t i = 0; i < r.n; i++)
			right += r.hits[i].memory.occurred_us >= cue.since_us && r.hits[i].memory.occurred_us < cue.until_us;
		tap_ok(r.n <= 3 && right == r.n && r.n >= 2, "mode %d: since and until", mode);
		engram_result_free(&r);
		cue.since_us = INT64_MIN;
		cue.until_us = INT64_MAX;
		cue.kind = ENGRAM_CONCEPT;
		r = ask(s, &cue);
		tap_int(r.n, 0, "mode %d: kind", mode);
		engram_result_free(&r);
	}
}

static void many(void)
{
	struct store s = open_store("many");
	fill(&s);
	apply(&s);
	struct engram_cue cue = cue_of("note777");
	cue.k = 50;
	cue.min_confidence = 0;
	struct engram_result r = ask(&s, &cue);
	tap_ok(first_is(&r, &ids[777]), "one of a thousand by its own word");
	ordered(&r, "hybrid");
	struct engram_result again = ask(&s, &cue);
	bool same = again.n == r.n;
	for (size_t i = 0; same && i < r.n; i++)
		same = r.hits[i].score == again.hits[i].score && r.hits[i].confidence == again.hits[i].confidence &&
		       memcmp(r.hits[i].memory.id.b, again.hits[i].memory.id.b, 16) == 0;
	tap_ok(same, "the same cue gives the same answer");
	engram_result_free(&again);
	size_t all = r.n;
	engram_result_free(&r);
	cue.min_confidence = 2000;
	r = ask(&s, &cue);
	tap_ok(r.n + r.omitted == all && r.omitted > 0 && r.best < 2000, "%zu shown, %zu omitted, the best of them %u", r.n,
	       r.omitted, r.best);
	engram_result_free(&r);

	cue = cue_of("");
	cue.text = (struct engram_str){0};
	cue.like = &ids[10];
	cue.min_confidence = 0;
	r = ask(&s, &cue);
	bool itself = false;
	for (size_t i = 0; i < r.n; i++)
		itself = itself || memcmp(r.hits[i].memory.id.b, ids[10].b, 16) == 0;
	tap_ok(r.n == 10 && !itself, "like a memory: not that memory");
	engram_result_free(&r);
	filters(&s);

	engram_cue_init(&cue);
	cue.k = 5;
	r = ask(&s, &cue);
	tap_ok(!r.cued && r.n == 5 && r.hits[0].memory.stored_us >= r.hits[4].memory.stored_us, "no cue: newest first");
	engram_result_free(&r);
	struct engram_str odd = eng_str("odd");
	cue.tags = &odd;
	cue.ntags = 1;
	r = ask(&s, &cue);
	size_t right = 0;
	for (size_t i = 0; i < r.n; i++)
		right += memcmp(r.hits[i].memory.tags[0].p, "odd", 3) == 0;
	tap_ok(r.n == 5 && right == 5, "newest with a tag");
	engram_result_free(&r);
	close_store(&s);
}

/* What is stored is found the moment it is, also beside an index that is older. */
static void fresh(void)
{
	struct store s = open_store("many");
	struct engram_id id = put_one(&s, "zanzibar clove harvest");
	for (int mode = ENGRAM_HYBRID; mode <= ENGRAM_TEXT_ONLY; mode++) {
		struct engram_cue cue = cue_of("zanzibar cloves");
		cue.mode = (enum engram_mode)mode;
		struct engram_result r = ask(&s, &cue);
		tap_ok(first_is(&r, &id), "mode %d: found before it is indexed", mode);
		engram_result_free(&r);
	}
	struct engram_writer *w = NULL;
	engram_writer_open(&w, s.space, 0, &err);
	engram_forget(w, &id, 1, &err);
	engram_commit(w, &err);
	for (int mode = ENGRAM_HYBRID; mode <= ENGRAM_TEXT_ONLY; mode++) {
		struct engram_cue cue = cue_of("zanzibar cloves");
		cue.mode = (enum engram_mode)mode;
		struct engram_result r = ask(&s, &cue);
		tap_ok(!first_is(&r, &id), "mode %d: gone once forgotten", mode);
		engram_result_free(&r);
	}
	engram_writer_close(w);
	struct engram_cue cue;
	struct engram_result r;
	engram_cue_init(&cue);
	cue.like = &id;
	tap_int(engram_recall(s.space, &r, &cue, &err), ENGRAM_ENOID, "like a forgotten memory: %s", err.message);
	close_store(&s);
}

/* A memory may be a vector alone: it is listed, and asked for, without words. */
static void without_text(void)
{
	struct store s = open_store("vectors");
	static const float x[4] = {1, 2, 3, 4};
	struct engram_memory m = {.has = ENGRAM_VECTOR | ENGRAM_KEY, .key = eng_str("k"), .vector = x, .dim = 4,
	                          .embedder = eng_str("mine/1/4/f32")};
	struct engram_writer *w = NULL;
	struct engram_id id;
	enum engram_put_result put_result;
	engram_writer_open(&w, s.space, 0, &err);
	tap_int(engram_put(w, &id, &put_result, &m, &err), 0, "a vector without a text %s", err.message);
	engram_commit(w, &err);
	engram_writer_close(w);
	put_one(&s, "words beside it");
	for (int round = 0; round < 2; round++) {
		struct engram_cue cue;
		engram_cue_init(&cue);
		struct engram_result r = ask(&s, &cue);
		tap_int(r.n, 2, "both are listed");
		engram_result_free(&r);
		cue.like = &id;
		r = ask(&s, &cue);
		tap_int(r.n, 0, "nothing is like it in words");
		engram_result_free(&r);
		cue = cue_of("words");
		r = ask(&s, &cue);
		tap_int(r.n, 1, "words find the words");
		engram_result_free(&r);
		apply(&s);
	}
	close_store(&s);
}

static void usage(void)
{
	struct store s = open_store("one");
	struct engram_result r = {.n = 99};
	struct engram_cue cue = cue_of("x");
	cue.k = 0;
	tap_int(engram_recall(s.space, &r, &cue, &err), ENGRAM_EUSAGE, "%s", err.message);
	cue.k = 10001;
	tap_int(engram_recall(s.space, &r, &cue, &err), ENGRAM_EUSAGE, "%s", err.message);
	cue.k = 1;
	cue.min_confidence = 10001;
	tap_int(engram_recall(s.space, &r, &cue, &err), ENGRAM_EUSAGE, "%s", err.message);
	cue.min_confidence = 0;
	cue.like = &ids[0];
	tap_int(engram_recall(s.space, &r, &cue, &err), ENGRAM_EUSAGE, "%s", err.message);
	struct engram_id unknown = {{1, 2, 3}};
	cue.text = (struct engram_str){0};
	cue.like = &unknown;
	tap_int(engram_recall(s.space, &r, &cue, &err), ENGRAM_ENOID, "%s", err.message);
	tap_int(r.n, 99, "an error leaves the result as it was");
	cue = cue_of(" ,.!");
	r = ask(&s, &cue);
	tap_ok(r.cued && r.n == 0, "a cue without words finds nothing");
	engram_result_free(&r);
	close_store(&s);
	s = open_store("empty");
	cue = cue_of("anything");
	r = ask(&s, &cue);
	tap_ok(r.n == 0 && r.omitted == 0, "an empty space has nothing");
	engram_result_free(&r);
	close_store(&s);
}

static int recall_once(void *data)
{
	struct store *s = data;
	struct engram_str tag = eng_str("odd");
	struct engram_cue cue = cue_of("river mountain note7");
	struct engram_result r;
	cue.k = 3;
	cue.min_confidence = 0;
	cue.tags = &tag;
	cue.ntags = 1;
	int rc = engram_recall(s->space, &r, &cue, &err);
	if (rc == 0)
		engram_result_free(&r);
	return rc;
}

static int open_and_recall(void *data)
{
	struct store s = {0};
	int rc = engram_home_open(&s.home, dir, &err);
	if (rc == 0)
		rc = engram_space_open(&s.space, s.home, "many", ENGRAM_READ, 1000, &err);
	if (rc == 0)
		rc = recall_once(&s);
	close_store(&s);
	return rc;
}

int main(void)
{
	char command[64];
	if (!mkdtemp(dir))
		return 1;
	struct store s = open_store("first");
	put_one(&s, "The mitochondria is the powerhouse of the cell");
	struct engram_cue cue = cue_of("cell");
	cue.mode = ENGRAM_VECTOR_ONLY;
	struct engram_result r = ask(&s, &cue);
	tap_ok(r.n == 1 && !maps_sqlite(), "vector recall maps no SQLite");
	engram_result_free(&r);
	close_store(&s);
	one_memory();
	many();
	fresh();
	without_text();
	usage();
	failalloc_each(open_and_recall, NULL, "open and recall");
	snprintf(command, sizeof command, "rm -rf %s", dir);
	tap_int(system(command), 0, "clean up");
	return tap_done();
}
