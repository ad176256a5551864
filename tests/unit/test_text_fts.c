/* test_text_fts.c - the text view: same scores as direct scoring, build and
 * watermark, readers of one moment, removal down to the bytes. */
#include "text/text.h"

#include <stdlib.h>
#include <unistd.h>

#include "../lib/failalloc.h"
#include "../lib/tap.h"
#include "base/rng.h"

#define DOCS 500u

static char dir[] = "/tmp/engram-fts-XXXXXX";
static char path[128];
static const uint8_t build[16] = "0123456789abcdef", other[16] = "fedcba9876543210";

static char *texts[DOCS];
static struct eng_terms terms[DOCS];
static uint64_t tokens;

static void make_texts(void)
{
	static const char *const words[] = {
		"cell", "cells", "power", "mitochondria", "the", "of", "energy", "Peru", "capital", "lima", "caf\xc3\xa9",
		"\xe7\xb4\xb0", "running", "run", "2026", "membrane", "rare", "word",
	};
	struct eng_rng g;
	eng_rng_seed(&g, 11);
	for (uint32_t d = 0; d < DOCS; d++) {
		size_t n = 0, count = 1 + eng_rng_below(&g, 1u << eng_rng_below(&g, 8));
		texts[d] = malloc(count * 16 + 16);
		for (size_t i = 0; i < count; i++)
			n += (size_t)sprintf(texts[d] + n, "%s ", words[eng_rng_below(&g, 1 + eng_rng_below(&g, ENG_COUNT(words)))]);
		eng_terms_of(&terms[d], texts[d], n);
		tokens += terms[d].tokens;
	}
}

static uint32_t df(void *ctx, uint64_t stem)
{
	uint32_t n = 0;
	for (uint32_t d = 0; d < DOCS; d++)
		for (size_t i = 0; i < terms[d].n; i++)
			n += terms[d].at[i].stem == stem;
	return n;
}

static const struct eng_corpus *corpus(void)
{
	static struct eng_corpus c;
	c = (struct eng_corpus){df, NULL, DOCS, tokens};
	return &c;
}

static const char *file(const char *name)
{
	snprintf(path, sizeof path, "%s/%s", dir, name);
	return path;
}

static int fill(struct eng_fts *f, struct engram_error *err)
{
	int rc = eng_fts_begin(f, err);
	for (uint32_t d = 0; rc == 0 && d < DOCS; d++)
		rc = eng_fts_add(f, d, texts[d], strlen(texts[d]), err);
	return rc ? rc : eng_fts_commit(f, "mark", 4, err);
}

static bool odd(void *ctx, uint32_t doc)
{
	return doc % 2;
}

/* The best by direct scoring, in the same heap. */
static size_t directly(struct eng_text_hit *hits, size_t max, const struct eng_query *q, bool only_odd)
{
	struct eng_top top = {.hits = hits, .max = max};
	for (uint32_t d = 0; d < DOCS; d++) {
		uint64_t matched;
		struct eng_text_hit hit = {d, eng_bm25_text(q, &terms[d], &matched)};
		if (hit.bm25 > 0 && (!only_odd || d % 2))
			eng_top_push(&top, &hit);
	}
	eng_top_sort(&top);
	return top.n;
}

static void same_scores(struct eng_fts *f)
{
	static const char *const cues[] = {
		"mitochondria", "cell power", "the capital of Peru", "running runs", "caf\xc3\xa9 \xe7\xb4\xb0 2026",
		"nothing such", "rare word membrane energy lima cell", "the of",
	};
	struct engram_error err = {0};
	size_t wrong = 0, found = 0;
	for (size_t i = 0; i < ENG_COUNT(cues) * 4; i++) {
		struct eng_text_hit a[DOCS], b[DOCS];
		size_t max = i / ENG_COUNT(cues) < 2 ? 10 : DOCS;
		bool only_odd = i / ENG_COUNT(cues) % 2;
		struct eng_top top = {.hits = a, .max = max};
		struct eng_text_filter filter = {odd, NULL};
		struct eng_query q;
		const char *cue = cues[i % ENG_COUNT(cues)];
		eng_query_parse(&q, cue, strlen(cue), corpus());
		wrong += eng_fts_search(f, &top, NULL, 0, &q, only_odd ? &filter : NULL, &err) != 0;
		eng_top_sort(&top);
		size_t n = directly(b, max, &q, only_odd);
		wrong += n != top.n;
		for (size_t k = 0; k < n && k < top.n; k++)
			wrong += a[k].doc != b[k].doc || a[k].bm25 != b[k].bm25;
		found += n;
	}
	tap_ok(wrong == 0 && found > 500, "%zu hits of the view are those of direct scoring, to the bit %s", found,
	       err.message);
}

static void also(struct eng_fts *f)
{
	struct eng_text_hit best[1], wanted[DOCS];
	struct eng_top top = {.hits = best, .max = 1};
	struct eng_query q;
	size_t wrong = 0;
	uint64_t matched;
	eng_query_parse(&q, "cell power", 10, corpus());
	for (uint32_t d = 0; d < DOCS; d++)
		wanted[d] = (struct eng_text_hit){.doc = d};
	eng_fts_search(f, &top, wanted, DOCS, &q, NULL, NULL);
	for (uint32_t d = 0; d < DOCS; d++)
		wrong += wanted[d].bm25 != eng_bm25_text(&q, &terms[d], &matched);
	tap_int(wrong, 0, "documents asked for get their score, the best or not");
}

static int count_doc(void *ctx, uint32_t doc)
{
	uint32_t *next = ctx;
	if (doc != *next)
		return 99;
	(*next)++;
	return 0;
}

static void identity(void)
{
	struct engram_error err = {0};
	struct eng_fts *f = NULL;
	struct eng_buf mark = ENG_BUF_INIT;
	uint32_t next = 0;
	tap_ok(eng_fts_open(&f, file("no.db"), 0, build, &err) == ENGRAM_ENOFILE, "%s", err.message);
	tap_int(eng_fts_open(&f, file("a.db"), 0 | ENG_SQL_WRITE, build, &err), 0, "made");
	tap_ok(eng_fts_watermark(f, &mark, &err) == 0 && mark.n == 0, "a new view has no watermark");
	tap_int(fill(f, &err), 0, "filled %s", err.message);
	tap_ok(eng_fts_watermark(f, &mark, &err) == 0 && mark.n == 4 && memcmp(mark.p, "mark", 4) == 0, "watermark");
	tap_ok(eng_fts_docs(f, count_doc, &next, &err) == 0 && next == DOCS, "every document is listed");
	same_scores(f);
	also(f);
	eng_fts_begin(f, &err);
	eng_fts_add(f, DOCS, "zebra", 5, &err);
	eng_fts_rollback(f);
	next = 0;
	tap_ok(eng_fts_docs(f, count_doc, &next, &err) == 0 && next == DOCS, "a rollback leaves what was");
	eng_fts_close(f);
	tap_int(eng_fts_open(&f, file("a.db"), 0, build, &err), 0, "a reader opens it");
	eng_buf_reset(&mark);
	tap_ok(eng_fts_watermark(f, &mark, &err) == 0 && mark.n == 4, "and finds the watermark");
	same_scores(f);
	eng_fts_close(f);
	tap_ok(eng_fts_open(&f, file("a.db"), 0, other, &err) == ENGRAM_EVERSION, "%s", err.message);
	tap_ok(eng_fts_open(&f, file("a.db"), ENG_SQL_WRITE, other, &err) == ENGRAM_EVERSION, "to a writer too");
	eng_fts_close(NULL);
	eng_buf_free(&mark);
}

/* A reader sees the moment of its last watermark. */
static void moments(void)
{
	struct engram_error err = {0};
	struct eng_fts *w = NULL, *r = NULL;
	struct eng_buf mark = ENG_BUF_INIT;
	struct eng_query q;
	struct eng_text_hit hit[1];
	struct eng_top top = {.hits = hit, .max = 1};
	eng_fts_open(&w, file("m.db"), ENG_SQL_WRITE, build, &err);
	tap_int(eng_fts_open(&r, file("m.db"), 0, build, &err), 0, "a reader beside its writer");
	eng_fts_watermark(r, &mark, &err);
	eng_fts_begin(w, &err);
	eng_fts_add(w, 7, "zebra", 5, &err);
	eng_fts_commit(w, "2", 1, &err);
	eng_query_parse(&q, "zebra", 5, corpus());
	eng_fts_search(r, &top, NULL, 0, &q, NULL, &err);
	tap_int(top.n, 0, "what comes later is not seen");
	tap_ok(eng_fts_watermark(r, &mark, &err) == 0 && mark.n == 1, "until the watermark is read again");
	eng_fts_search(r, &top, NULL, 0, &q, NULL, &err);
	tap_ok(top.n == 1 && hit[0].doc == 7, "then it is");
	eng_fts_idle(r);
	eng_fts_idle(r);
	eng_fts_close(r);
	eng_fts_close(w);
	eng_buf_free(&mark);
}

static bool holds(const char *name, const char *needle)
{
	char chunk[1 << 16];
	bool found = false;
	FILE *f = fopen(file(name), "rb");
	size_t n = f ? fread(chunk, 1, sizeof chunk, f) : 0;
	for (size_t i = 0; i + strlen(needle) <= n; i++)
		found = found || memcmp(chunk + i, needle, strlen(needle)) == 0;
	if (f)
		fclose(f);
	return found;
}

static void purge(void)
{
	struct engram_error err = {0};
	struct eng_fts *f = NULL;
	const char *secret = "xyzzyplugh", *kept = "ordinary words";
	uint32_t next = 1;
	eng_fts_open(&f, file("p.db"), ENG_SQL_WRITE, build, &err);
	for (int round = 0; round < 3; round++) { /* in one commit, in two, and after a purge */
		eng_fts_begin(f, &err);
		eng_fts_add(f, 0, secret, strlen(secret), &err);
		if (round == 0)
			eng_fts_add(f, 1, kept, strlen(kept), &err);
		if (round != 0) {
			eng_fts_commit(f, "1", 1, &err);
			eng_fts_begin(f, &err);
		}
		tap_int(eng_fts_remove(f, 0, secret, strlen(secret), &err), 0, "removed");
		eng_fts_commit(f, "2", 1, &err);
		tap_int(eng_fts_purge(f, &err), 0, "purged %s", err.message);
		tap_ok(!holds("p.db", "xyzzy") && !holds("p.db-wal", "xyzzy"), "no byte of it is left");
	}
	tap_ok(eng_fts_docs(f, count_doc, &next, &err) == 0 && next == 2, "the other document is");
	tap_ok(holds("p.db", "ordinari"), "with its words");
	eng_fts_close(f);
}

static void damage(void)
{
	struct engram_error err = {0};
	struct eng_fts *f = NULL;
	FILE *out = fopen(file("d.db"), "wb");
	for (int i = 0; i < 3000; i++)
		fputs("garbage", out);
	fclose(out);
	tap_ok(eng_fts_open(&f, file("d.db"), ENG_SQL_WRITE, build, &err) == ENGRAM_EVERSION, "garbage: %s", err.message);
	struct eng_sql *db = NULL;
	eng_sql_open(&db, file("e.db"), ENG_SQL_WRITE, &err);
	eng_sql_exec(db, "CREATE TABLE somebody(else_)", &err);
	eng_sql_close(db);
	tap_ok(eng_fts_open(&f, file("e.db"), 0, build, &err) == ENGRAM_EVERSION, "another's database: %s", err.message);
}

static int whole_life(void *data)
{
	struct engram_error err = {0};
	struct eng_buf mark = ENG_BUF_INIT;
	struct eng_text_hit hit[4];
	struct eng_top top = {.hits = hit, .max = 4};
	struct eng_fts *f = NULL;
	struct eng_query q;
	int rc = eng_fts_open(&f, file("fail.db"), ENG_SQL_WRITE, build, &err);
	if (rc == 0)
		rc = eng_fts_begin(f, &err);
	if (rc == 0) {
		rc = eng_fts_add(f, 1, "cell", 4, &err);
		rc = rc ? rc : eng_fts_remove(f, 1, "cell", 4, &err);
		rc = rc ? rc : eng_fts_commit(f, "x", 1, &err);
		if (rc != 0)
			eng_fts_rollback(f);
	}
	eng_query_parse(&q, "cell", 4, corpus());
	rc = rc ? rc : eng_fts_search(f, &top, NULL, 0, &q, NULL, &err);
	rc = rc ? rc : eng_fts_watermark(f, &mark, &err);
	eng_buf_free(&mark);
	eng_fts_close(f);
	return rc;
}

int main(void)
{
	char command[64];
	if (!mkdtemp(dir))
		return 1;
	make_texts();
	identity();
	moments();
	purge();
	damage();
	failalloc_each(whole_life, NULL, "a view's life");
	for (uint32_t d = 0; d < DOCS; d++) {
		eng_terms_free(&terms[d]);
		free(texts[d]);
	}
	snprintf(command, sizeof command, "rm -rf %s", dir);
	tap_int(system(command), 0, "clean up");
	return tap_done();
}
