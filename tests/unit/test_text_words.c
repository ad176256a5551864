/* test_text_words.c - the frozen tokenizer: golden words, stems, stop words. */
#include "text/text.h"

#include <stdlib.h>

#include "../lib/failalloc.h"
#include "../lib/tap.h"
#include "base/rng.h"
#include "base/utf8.h"
#include "sql/sql.h"

struct joined {
	char text[4096];
	size_t n;
	bool stems;
};

static int join(void *data, const struct eng_word *w)
{
	struct joined *j = data;
	const char *p = j->stems ? w->stem : w->fold;
	size_t n = j->stems ? w->nstem : w->nfold;
	if (j->n + n + 2 > sizeof j->text)
		return 1;
	if (j->n > 0)
		j->text[j->n++] = ' ';
	memcpy(j->text + j->n, p, n);
	j->n += n;
	j->text[j->n] = 0;
	return 0;
}

static const char *words(const char *text, bool stems)
{
	static struct joined j;
	j = (struct joined){.stems = stems};
	eng_words(text, strlen(text), join, &j);
	return j.text;
}

static void golden_words(void)
{
	static const char *const cases[][2] = {
		{"", ""},
		{"  ,;. -- !", ""},
		{"The Mitochondria is the powerhouse of the cell.", "the mitochondria is the powerhouse of the cell"},
		{"snake_case camelCase kebab-case", "snake case camelcase kebab case"},
		{"Caf\xc3\xa9 na\xc3\xafve \xc3\x85ngstr\xc3\xb6m", "cafe naive angstrom"},
		{"cafe\xcc\x81", "cafe"}, /* e + combining acute */
		{"Gr\xc3\xb6\xc3\x9f" "e STRASSE Stra\xc3\x9f" "e", "grosse strasse strasse"},
		{"\xc3\x98rsted \xc5\x81\xc3\xb3" "d\xc5\xba \xc3\x86sir \xc4\xb0stanbul", "orsted lodz aesir istanbul"},
		{"\xd0\x9c\xd0\xb8\xd1\x82\xd0\xbe\xd1\x85\xd0\xbe\xd0\xbd\xd0\xb4\xd1\x80\xd0\xb8\xd1\x8f",
		 "\xd0\xbc\xd0\xb8\xd1\x82\xd0\xbe\xd1\x85\xd0\xbe\xd0\xbd\xd0\xb4\xd1\x80\xd0\xb8\xd1\x8f"},
		{"\xce\x9c\xce\xb9\xcf\x84\xce\xbf\xcf\x87\xcf\x8c\xce\xbd\xce\xb4\xcf\x81\xce\xb9\xce\xbf",
		 "\xce\xbc\xce\xb9\xcf\x84\xce\xbf\xcf\x87\xce\xbf\xce\xbd\xce\xb4\xcf\x81\xce\xb9\xce\xbf"},
		{"\xef\xbc\xa1\xef\xbc\xa2\xef\xbc\x91 \xef\xac\x81nd x\xc2\xb2", "ab1 find x2"},
		{"\xe7\xb4\xb0\xe8\x83\x9e\xe3\x81\xaf", "\xe7\xb4\xb0 \xe8\x83\x9e \xe3\x81\xaf"},
		{"\xe3\x82\xab\xe3\x83\xa1\xe3\x83\xa9", "\xe3\x82\xab\xe3\x83\xa1\xe3\x83\xa9"},
		{"\xed\x95\x9c\xea\xb5\xad", "\xed\x95\x9c\xea\xb5\xad"},
		{"\xd8\xa7\xd9\x8e\xd9\x84\xd8\xb4", "\xd8\xa7\xd9\x84\xd8\xb4"}, /* fatha off */
		{"\xe0\xa4\xb9\xe0\xa4\xbf\xe0\xa4\xa8\xe0\xa5\x8d\xe0\xa4\xa6\xe0\xa5\x80",
		 "\xe0\xa4\xb9\xe0\xa4\xbf\xe0\xa4\xa8\xe0\xa5\x8d\xe0\xa4\xa6\xe0\xa5\x80"}, /* vowel signs stay */
		{"it's mitochondria's don't we'll O'Brien rock'n'roll", "it mitochondria don we o brien rock n roll"},
		{"l\xe2\x80\x99" "eau dogs' 'quoted'", "l eau dogs quoted"},
		{"soft\xc2\xadhyphen zero\xe2\x80\x8bwidth", "softhyphen zero width"},
		{"3.14 x86_64 IPv6 C++", "3 14 x86 64 ipv6 c"},
		{"\xf0\x9f\x98\x80 ok \xf0\x9f\x9a\x80", "ok"},
		{"bad\xff\xfe" "bytes \xc3(cut\xe2\x82", "bad bytes cut"},
	};
	for (size_t i = 0; i < ENG_COUNT(cases); i++)
		tap_str(words(cases[i][0], false), cases[i][1], "words of \"%s\"", cases[i][0]);
}

/* The examples of Porter's paper. */
static void golden_stems(void)
{
	static const char *const cases[][2] = {
		{"caresses ponies ties caress cats", "caress poni ti caress cat"},
		{"feed agreed plastered bled motoring sing", "feed agre plaster bled motor sing"},
		{"conflated troubled sized hopping tanned falling hissing fizzed failing filing",
		 "conflat troubl size hop tan fall hiss fizz fail file"},
		{"happy sky", "happi sky"},
		{"relational conditional rational valenci hesitanci digitizer conformabli radicalli differentli vileli",
		 "relat condit ration valenc hesit digit conform radic differ vile"},
		{"analogousli vietnamization predication operator feudalism decisiveness hopefulness callousness",
		 "analog vietnam predic oper feudal decis hope callous"},
		{"formaliti sensitiviti sensibiliti", "formal sensit sensibl"},
		{"triplicate formative formalize electriciti electrical hopeful goodness",
		 "triplic form formal electr electr hope good"},
		{"revival allowance inference airliner gyroscopic adjustable defensible irritant replacement adjustment",
		 "reviv allow infer airlin gyroscop adjust defens irrit replac adjust"},
		{"dependent adoption homologou communism activate angulariti homologous effective bowdlerize",
		 "depend adopt homolog commun activ angular homolog effect bowdler"},
		{"probate rate cease controll roll", "probat rate ceas control roll"},
		{"generalizations oscillators", "gener oscil"},
		{"as is at by x", "as is at by x"},
		{"b2b caf\xc3\xa9s", "b2b cafe"},
	};
	for (size_t i = 0; i < ENG_COUNT(cases); i++)
		tap_str(words(cases[i][0], true), cases[i][1], "stems of \"%s\"", cases[i][0]);
}

/* -- against SQLite's own porter tokenizer ------------------------------- */

static int one_stem(void *data, const struct eng_word *w)
{
	struct engram_str *s = data;
	static char copy[ENG_WORD_MAX];
	memcpy(copy, w->stem, w->nstem);
	*s = (struct engram_str){copy, w->nstem};
	return 0;
}

static size_t random_word(char *out, struct eng_rng *g)
{
	static const char *const parts[] = {
		"a", "e", "i", "o", "u", "y", "b", "tr", "st", "ll", "ss", "zz", "n", "k", "sh", "w", "x", "on", "al", "at",
		"bl", "iz", "ate", "ing", "ed", "eed", "s", "es", "ies", "ational", "ization", "fulness", "ement", "ment",
		"ent", "ion", "tion", "sion", "ous", "ive", "ly", "ful", "ness", "able", "ible", "ic", "ical", "er", "ance",
	};
	size_t n = 0, count = 1 + eng_rng_below(g, 6);
	for (size_t i = 0; i < count; i++) {
		const char *p = parts[eng_rng_below(g, ENG_COUNT(parts))];
		memcpy(out + n, p, strlen(p));
		n += strlen(p);
	}
	return n;
}

static void stems_against_fts5(void)
{
	struct engram_error err = {0};
	struct eng_sql *db = NULL;
	struct eng_sql_stmt *put = NULL, *get = NULL;
	struct eng_rng g;
	enum { COUNT = 5000 };
	static char text[COUNT][64];
	size_t wrong = 0;
	eng_rng_seed(&g, 1980);
	char dir[] = "/tmp/engram-words-XXXXXX", path[64], command[64];
	if (!mkdtemp(dir))
		exit(1);
	snprintf(path, sizeof path, "%s/w.db", dir);
	snprintf(command, sizeof command, "rm -r %s", dir);
	int rc = eng_sql_open(&db, path, ENG_SQL_WRITE, &err);
	if (rc == 0)
		rc = eng_sql_exec(db, "CREATE VIRTUAL TABLE w USING fts5(t, tokenize='porter ascii');"
		                      "CREATE VIRTUAL TABLE v USING fts5vocab('w', 'instance'); BEGIN", &err);
	if (rc == 0)
		rc = eng_sql_prepare(&put, db, "INSERT INTO w(rowid, t) VALUES (?1, ?2)", &err);
	for (int i = 0; rc == 0 && i < COUNT; i++) {
		text[i][random_word(text[i], &g)] = 0;
		eng_sql_bind_i64(put, 1, i);
		eng_sql_bind_text(put, 2, text[i], strlen(text[i]));
		rc = eng_sql_step(put, &err);
	}
	eng_sql_finish(put);
	if (rc == 0)
		rc = eng_sql_exec(db, "COMMIT", &err);
	if (rc == 0)
		rc = eng_sql_prepare(&get, db, "SELECT doc, term FROM v", &err);
	size_t seen = 0;
	while (rc == 0 && eng_sql_step(get, &err) == 1) {
		struct engram_str stem = {0}, theirs = eng_sql_text(get, 1);
		const char *word = text[eng_sql_i64(get, 0)];
		eng_words(word, strlen(word), one_stem, &stem);
		seen++;
		/* Words that are one suffix: the paper has "ss", "i" and "eed", SQLite "sse", "ie" and "e". */
		if (strcmp(word, "sses") == 0 || strcmp(word, "ies") == 0 || strcmp(word, "eed") == 0)
			continue;
		if (!eng_str_eq(stem, theirs) && wrong++ < 10)
			tap_note("%s: ours %.*s, theirs %.*s", word, (int)stem.n, stem.p, (int)theirs.n, theirs.p);
	}
	tap_ok(rc == 0 && seen == COUNT, "SQLite stemmed %zu made-up words %s", seen, err.message);
	tap_int(wrong, 0, "and ours are the same");
	eng_sql_finish(get);
	eng_sql_close(db);
	tap_int(system(command), 0, "clean up");
}

/* -- properties ---------------------------------------------------------- */

struct check {
	const char *text;
	size_t n, last, count, wrong;
};

static int check_word(void *data, const struct eng_word *w)
{
	struct check *c = data;
	static const struct eng_word none;
	bool ok = w->nfold > 0 && w->nfold <= ENG_WORD_MAX && w->nstem > 0 && w->nstem <= w->nfold;
	ok = ok && w->start >= c->last && w->start < w->end && w->end <= c->n;
	ok = ok && eng_utf8_check(w->fold, w->nfold) == w->nfold && eng_utf8_check(w->stem, w->nstem) == w->nstem;
	ok = ok && memcmp(w, &none, sizeof none) != 0;
	c->wrong += !ok;
	c->last = w->end;
	c->count++;
	return 0;
}

struct again {
	const char *fold;
	size_t n, count;
	bool same;
};

static int compare_again(void *data, const struct eng_word *w)
{
	struct again *a = data;
	a->same = a->count++ == 0 && w->nfold == a->n && memcmp(w->fold, a->fold, a->n) == 0;
	return 0;
}

static int refold(void *data, const struct eng_word *w)
{
	struct again a = {w->fold, w->nfold, 0, false};
	eng_words(w->fold, w->nfold, compare_again, &a);
	*(size_t *)data += !(a.same && a.count == 1);
	return 0;
}

static void random_text(char *out, size_t n, struct eng_rng *g, bool valid)
{
	size_t at = 0;
	while (at + 5 <= n) {
		static const uint32_t limits[] = {0x80, 0x250, 0x600, 0x3000, 0x10000, 0x30000};
		uint32_t c = (uint32_t)eng_rng_below(g, limits[eng_rng_below(g, ENG_COUNT(limits))]);
		if (c >= 0xd800 && c < 0xe000)
			continue;
		at += eng_utf8_encode(out + at, c);
		if (eng_rng_below(g, 5) == 0)
			out[at++] = ' ';
	}
	memset(out + at, ' ', n - at);
	for (size_t i = 0; !valid && i < n / 8; i++)
		out[eng_rng_below(g, n)] = (char)eng_rng_next(g);
}

static void properties(void)
{
	struct eng_rng g;
	size_t wrong = 0, count = 0, unstable = 0;
	eng_rng_seed(&g, 42);
	for (int round = 0; round < 2000; round++) {
		size_t n = 8 + eng_rng_below(&g, 300);
		char *text = malloc(n); /* exact, so that a sanitizer sees a read beyond it */
		struct check c = {.text = text, .n = n};
		random_text(text, n, &g, round % 2);
		eng_words(text, n, check_word, &c);
		wrong += c.wrong;
		count += c.count;
		if (round % 2)
			eng_words(text, n, refold, &unstable);
		free(text);
	}
	tap_int(wrong, 0, "seed 42: %zu words are bounded, in order and UTF-8", count);
	tap_int(unstable, 0, "a folded word folds to itself");
}

static int stop_at_third(void *data, const struct eng_word *w)
{
	return ++*(int *)data == 3 ? 77 : 0;
}

static void long_words(void)
{
	static char text[1000];
	struct check c = {.text = text, .n = sizeof text};
	memset(text, 'a', sizeof text);
	eng_words(text, sizeof text, check_word, &c);
	tap_ok(c.wrong == 0 && c.count == 16 && c.last == sizeof text, "a word without end goes on as next words");
	int n = 0;
	tap_int(eng_words("a b c d", 7, stop_at_third, &n), 77, "the callback ends the walk");
}

static int find_stop(void *data, const struct eng_word *w)
{
	*(int *)data += w->stop;
	return 0;
}

static int find_weight(void *data, const struct eng_word *w)
{
	*(int *)data = w->weight;
	return 0;
}

static void common_words(void)
{
	int stops = 0, the = 0, people = 0, rare = 0;
	eng_words("what is the capital of Peru", 27, find_stop, &stops);
	tap_int(stops, 4, "what is the of are stop words");
	eng_words("The", 3, find_weight, &the);
	eng_words("people", 6, find_weight, &people);
	eng_words("mitochondria", 12, find_weight, &rare);
	tap_ok(the < 10 && the < people && people < 128 && rare == 255, "weights: the %d, people %d, mitochondria %d",
	       the, people, rare);
}

static void terms(void)
{
	struct eng_terms t = {0};
	tap_int(eng_terms_of(&t, "cells, cell and the CELL", 24), 0, "terms");
	tap_ok(t.tokens == 5 && t.n == 3, "5 tokens, 3 stems");
	bool ascending = true;
	uint32_t cell = 0;
	for (size_t i = 0; i < t.n; i++) {
		ascending = ascending && (i == 0 || t.at[i - 1].stem < t.at[i].stem);
		if (t.at[i].stem == eng_stem_hash("cell", 4))
			cell = t.at[i].count;
	}
	tap_ok(ascending && cell == 3, "in order, cell three times");
	eng_terms_free(&t);

	/* many: sorted and merged as a naive count says */
	char *text = malloc(60000);
	struct eng_rng g;
	size_t n = 0, total = 0;
	eng_rng_seed(&g, 5);
	while (n < 59000)
		n += (size_t)sprintf(text + n, "w%d ", (int)eng_rng_below(&g, 700));
	bool sorted = eng_terms_of(&t, text, n) == 0;
	for (size_t i = 0; i < t.n; i++) {
		sorted = sorted && (i == 0 || t.at[i - 1].stem < t.at[i].stem);
		total += t.at[i].count;
	}
	tap_ok(sorted && t.n == 700 && total == t.tokens, "700 stems in %u tokens", t.tokens);
	free(text);
	eng_terms_free(&t);
}

static int take_terms(void *data)
{
	struct eng_terms t = {0};
	int rc = eng_terms_of(&t, data, strlen(data));
	eng_terms_free(&t);
	return rc;
}

int main(void)
{
	golden_words();
	golden_stems();
	stems_against_fts5();
	properties();
	long_words();
	common_words();
	terms();
	static char letters[] = "a b c d e f g h i j k l m n o p q r s t u v w x y z aa bb cc dd ee ff gg hh ii jj";
	failalloc_each(take_terms, letters, "terms of a text");
	return tap_done();
}
