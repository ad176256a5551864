/* test_base_json_peers.c - the JSON reader and writer against jansson and jq.
 *
 * jansson, told to refuse duplicate keys, must give the same verdict on every
 * document, sound or mutated, and read from our writing the same value.  jq is
 * more lenient: it must take all that we take, and read the same value from
 * the document and from our writing of it. */
#include "../lib/jsoncopy.h"
#include "../lib/jsongen.h"
#include "../lib/tap.h"

#include <unistd.h>
#ifdef HAVE_JANSSON
#include <jansson.h>
#endif

#include "base/json.h"

#ifdef HAVE_JANSSON

/* True where jansson and we may differ: it converts numbers. */
static bool is_overflow(const json_error_t *error)
{
	return json_error_code(error) == json_error_numeric_overflow;
}

static long differs(struct eng_buf *out, struct eng_json *j, const char *p, size_t n)
{
	const size_t flags = JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_DECODE_INT_AS_REAL;
	json_error_t error;
	json_t *theirs = json_loadb(p, n, flags, &error), *back;
	bool ours = json_rewrite(out, j, p, n);
	long wrong = 0;

	if (ours && theirs) {
		back = json_loadb((char *)out->p, out->n, flags, NULL);
		wrong = !back || !json_equal(theirs, back);
		json_decref(back);
	} else if (ours != (theirs != NULL)) {
		wrong = theirs || !is_overflow(&error);
	}
	if (wrong)
		tap_note("ours: %s, theirs: %s: %.*s", ours ? "taken" : j->problem, theirs ? "taken" : error.text,
		         (int)n, p);
	json_decref(theirs);
	return wrong;
}

static void test_jansson(void)
{
	struct eng_buf b = ENG_BUF_INIT, out = ENG_BUF_INIT;
	struct eng_json j = {0};
	struct eng_rng g;
	long wrong = 0, taken = 0;

	eng_rng_seed(&g, 41);
	for (int i = 0; i < 60000 && wrong < 5; i++) {
		eng_buf_reset(&b);
		jsongen_value(&b, &g, 0);
		for (int k = i % 3; k > 0; k--)
			jsongen_mutate(&b, &g);
		if (b.n == 0)
			continue;
		wrong += differs(&out, &j, (char *)b.p, b.n);
		taken += j.problem == NULL;
	}
	tap_ok(wrong == 0 && taken > 20000,
	       "60,000 documents, 2 of 3 mutated, as jansson reads them; %ld taken (seed 41)", taken);
	eng_json_free(&j);
	eng_buf_free(&b);
	eng_buf_free(&out);
}

#else

static void test_jansson(void)
{
	tap_ok(true, "as jansson reads them # SKIP built without jansson");
}

#endif

/* ----- jq */

static bool write_file(const char *path, const struct eng_buf *b)
{
	FILE *f = fopen(path, "w");
	bool ok = f && fwrite(b->p, 1, b->n, f) == b->n;

	return f && fclose(f) == 0 && ok;
}

static long count_lines(const char *path)
{
	FILE *f = fopen(path, "r");
	long lines = 0;

	for (int c; f && (c = getc(f)) != EOF;)
		lines += c == '\n';
	if (f)
		fclose(f);
	return lines;
}

static void test_jq(void)
{
	struct eng_buf b = ENG_BUF_INIT, out = ENG_BUF_INIT, given = ENG_BUF_INIT, written = ENG_BUF_INIT;
	char dir[] = "/tmp/engram-jq-XXXXXX";
	struct eng_json j = {0};
	struct eng_rng g;
	long lines = 0;

	if (system("jq --version >/dev/null 2>&1") != 0 || !mkdtemp(dir)) {
		tap_ok(true, "as jq reads them # SKIP no jq");
		return;
	}
	eng_rng_seed(&g, 42);
	for (int i = 0; i < 5000; i++) {
		eng_buf_reset(&b);
		jsongen_value(&b, &g, 0);
		if (i % 2)
			jsongen_mutate(&b, &g);
		if (!json_rewrite(&out, &j, (char *)b.p, b.n))
			continue;
		eng_buf_add(&given, b.p, b.n);
		eng_buf_byte(&given, '\n');
		eng_buf_add(&written, out.p, out.n);
		eng_buf_byte(&written, '\n');
		lines++;
	}
	tap_ok(lines > 2500 && chdir(dir) == 0 && write_file("given", &given) && write_file("written", &written) &&
	               system("jq -cS . given >given.out && jq -cS . written >written.out && "
	                      "cmp given.out written.out") == 0 &&
	               count_lines("given.out") == lines,
	       "%ld documents read the same by jq, as given and as we write them (seed 42)", lines);
	tap_ok(system("rm given written given.out written.out") == 0 && chdir("/") == 0 && rmdir(dir) == 0,
	       "files removed");
	eng_json_free(&j);
	eng_buf_free(&b);
	eng_buf_free(&out);
	eng_buf_free(&given);
	eng_buf_free(&written);
}

int main(void)
{
	test_jansson();
	test_jq();
	return tap_done();
}
