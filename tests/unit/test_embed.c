/* test_embed.c - embedders: the protocol by example, and filters of every bad kind. */
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/rng.h"
#include "base/types.h"
#include "embed/embed.h"
#include "sys/sys.h"
#include "../lib/failalloc.h"
#include "../lib/tap.h"
#include "../lib/tmpdir.h"

static struct engram_error err;

/* -- lines ------------------------------------------------------------------- */

static void test_line(void)
{
	static const struct {
		const char *text;
		size_t n;
		const char *line;
	} cases[] = {
		{"plain \"text\", \xc3\xbc", 16, "plain \"text\", \xc3\xbc\n"},
		{"a\nb\tc\\d\r", 8, "a\\nb\\tc\\\\d\\r\n"},
		{"\x01\x1f\0z", 4, "\\u0001\\u001f\\u0000z\n"},
		{"", 0, "\n"},
		{"\x7f", 1, "\x7f\n"},
	};

	for (size_t i = 0; i < ENG_COUNT(cases); i++) {
		struct eng_buf b = ENG_BUF_INIT;
		eng_embed_line(&b, (struct engram_str){cases[i].text, cases[i].n});
		eng_buf_byte(&b, 0);
		tap_str((const char *)b.p, cases[i].line, "line %zu", i);
		eng_buf_free(&b);
	}
}

static float answer[ENGRAM_DIM_MAX];

static int parse(const char *line, size_t n, size_t *dim, bool *zero)
{
	struct eng_json j = {0};
	int r = eng_embed_answer(answer, dim, zero, line, n, &j, &err);

	eng_json_free(&j);
	return r;
}

static void test_answers(void)
{
	static const char *const good[] = {
		"0.5 -3e-2 1", " 0.5\t-3e-2   1 \r", "[0.5,-3e-2,1]", "[ 0.5 , -0.03 , 1e0 ]  ", "+0.5 -.03 1.",
		"00.5 -0.03 +1.0e+0", "AAAAP4/C9bwAAIA/",
	};
	static const struct {
		const char *line, *says;
	} bad[] = {
		{"", "wanted 2 to 4096 numbers, found 0"},
		{"   ", "wanted 2 to 4096 numbers, found 0"},
		{"[]", "wanted 2 to 4096 numbers, found 0"},
		{"[1]", "found 1"},
		{"1 nan", "number 2: wanted a finite number, found \"nan\""},
		{"inf 1", "number 1: wanted a finite number, found \"inf\""},
		{"1 -inf", "found \"-inf\""},
		{"1 1e99", "found \"1e99\""},
		{"1 2,3", "found \"2,3\""},
		{"1 0x10", "found \"0x10\""},
		{"1 --1", "found \"--1\""},
		{"1 1e", "found \"1e\""},
		{"1 .", "found \".\""},
		{"[1,\"2\"]", "number 2: wanted a number, found a string"},
		{"[1,null]", "number 2"},
		{"[1,[2]]", "number 2"},
		{"[1,NaN]", "byte"},
		{"[1,2", "byte"},
		{"[1,2] 3", "byte"},
		{"{\"v\":[1,2]}", "wanted numbers, [numbers] or base64"},
		{"the 0.1 0.2", "found \"the\""},
		{"AADAfwAAgD8=", "found nan"},
		{"AACAfwAAgD8=", "found inf"},
		{"AACAPwA=", "base64 of 4-byte floats"},
		{"Traceback(most", "wanted numbers"},
	};
	char line[64];
	size_t dim;
	bool zero;

	for (size_t i = 0; i < ENG_COUNT(good); i++) {
		int r = parse(good[i], strlen(good[i]), &dim, &zero);
		tap_ok(r == 0 && dim == 3 && !zero && answer[0] == 0.5f && answer[1] == -0.03f && answer[2] == 1.0f,
		       "\"%s\" is (0.5, -0.03, 1)", good[i]);
	}
	for (size_t i = 0; i < ENG_COUNT(bad); i++) {
		int r = parse(bad[i].line, strlen(bad[i].line), &dim, &zero);
		if (!tap_ok(r == ENGRAM_EINPUT && strstr(err.message, bad[i].says), "\"%s\" is refused", bad[i].line))
			tap_note("%d: %s", r, r ? err.message : "");
	}
	snprintf(line, sizeof line, "0 0.0 -0e9");
	tap_ok(parse(line, strlen(line), &dim, &zero) == 0 && zero, "nothing but zeros is told");
}

/* Random floats in the three forms read back to the bit. */
static void test_forms(void)
{
	static const char set[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	static float wanted[ENGRAM_DIM_MAX];
	static char line[ENG_ANSWER_MAX];
	struct eng_rng g;
	long wrong = 0;

	eng_rng_seed(&g, 7);
	for (int round = 0; round < 60; round++) {
		size_t want = round < 2 ? ENGRAM_DIM_MAX : 2 + eng_rng_below(&g, 200), n = 0, dim = 0;
		int form = round % 3;
		bool zero;
		for (size_t i = 0; i < want; i++) {
			uint32_t bits = (uint32_t)eng_rng_next(&g);
			if ((bits & 0x7f800000u) == 0x7f800000u)
				bits ^= 0x01000000u;
			memcpy(&wanted[i], &bits, sizeof bits);
		}
		if (form < 2) {
			for (size_t i = 0; i < want; i++)
				n += (size_t)snprintf(line + n, sizeof line - n, "%s%.9g", i ? form ? "," : " " : form ? "[" : "",
				                      (double)wanted[i]);
			n += (size_t)snprintf(line + n, sizeof line - n, form ? "]" : " ");
		} else {
			const uint8_t *p = (const uint8_t *)wanted;
			for (size_t i = 0; i < 4 * want; i += 3) {
				size_t left = 4 * want - i;
				uint32_t v = (uint32_t)p[i] << 16 | (left > 1 ? (uint32_t)p[i + 1] << 8 : 0) |
				             (left > 2 ? p[i + 2] : 0u);
				line[n++] = set[v >> 18];
				line[n++] = set[v >> 12 & 63];
				line[n++] = left > 1 ? set[v >> 6 & 63] : '=';
				line[n++] = left > 2 ? set[v & 63] : '=';
			}
		}
		wrong += parse(line, n, &dim, &zero) != 0 || dim != want || memcmp(answer, wanted, 4 * want) != 0;
	}
	tap_int(wrong, 0, "random vectors in three forms read back to the bit (seed 7)");
}

/* -- filters ----------------------------------------------------------------- */

static long open_descriptors(void)
{
	DIR *d = opendir("/proc/self/fd");
	long n = 0;

	while (d && readdir(d))
		n++;
	if (d)
		closedir(d);
	return n;
}

static bool no_child_left(void)
{
	return waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD;
}

#define TEXTS 5
static const struct engram_str texts[TEXTS] = {{"one", 3}, {"two\nlines", 9}, {"three", 5}, {"four", 4}, {"five", 4}};

static int embed_with(const char *command, unsigned timeout_ms, size_t n)
{
	struct engram_embedder *e = NULL;
	const float *const *v;
	size_t dim;
	int r = engram_embedder_open(&e, command, "test", timeout_ms, &err);

	if (r == 0)
		r = engram_embed(e, &v, &dim, texts, n, &err);
	engram_embedder_close(e);
	return r;
}

/* Each filter is refused with 69, says what is wrong, leaves nothing behind. */
static void test_bad_filters(void)
{
	static const struct {
		const char *command, *says;
		unsigned timeout_ms;
	} cases[] = {
		{"exit 3", "ended with status 3 after 0 of 5 answers", 5000},
		{"kill -9 $$", "ended by signal 9", 5000},
		{"/no/such/program", "no such program", 5000},
		{"head -n 2 | sed 's/.*/1 2/'", "", 5000},
		{"cat >/dev/null; echo 1 2", "wanted 5 answers, found 1", 5000},
		{"cat >/dev/null", "wanted 5 answers, found 0", 5000},
		{"sed 's/.*/1 2/'; echo 3 4", "wanted 5 answers, found more", 5000},
		{"sed 's/.*/1 2/'; yes 1 2", "wanted 5 answers, found more", 5000},
		{"cat >/dev/null; yes 1 2", "wanted 5 answers, found more", 5000},
		{"sed '3s/.*/1 2 3/;3!s/.*/1 2/'", "answer 3: wanted 2 numbers, found 3", 5000},
		{"sed '4s/.*/1 nan/;4!s/.*/1 2/'", "answer 4: number 2: wanted a finite number, found \"nan\"", 5000},
		{"sed '1s/.*/inf 1/;1!s/.*/1 2/'", "answer 1: number 1", 5000},
		{"sed '2s/.*//;2!s/.*/1 2/'", "answer 2: wanted 2 to 4096 numbers, found 0", 5000},
		{"cat", "answer 1: wanted numbers", 5000},
		{"head -c 104857600 /dev/zero | tr '\\0' 1", "answer 1: wanted a line of at most 131072 bytes", 5000},
		{"sleep 100", "wanted an answer within 0.3 s, found 0 of 5", 300},
		{"sed -u 2q | sed -u 's/.*/1 2/'; sleep 100", "within 0.3 s, found 2 of 5", 300},
		{"while :; do printf 1; sleep 0.02; done", "within 0.3 s, found 0 of 5", 300},
		{"sed 's/.*/1 2/'; exec >&-; sleep 100", "did not end", 300},
		{"sed 's/.*/1 2/'; exit 9", "status 9 after 5 of 5", 5000},
		{"trap '' TERM; sleep 100 & wait; sleep 100", "within 0.2 s", 200},
	};
	long before = open_descriptors();

	for (size_t i = 0; i < ENG_COUNT(cases); i++) {
		int r = embed_with(cases[i].command, cases[i].timeout_ms, TEXTS);
		if (!tap_ok(r == ENGRAM_EUNAVAILABLE && strstr(err.message, cases[i].says) && no_child_left(),
		            "refused: %s", cases[i].command))
			tap_note("%d: %s", r, r ? err.message : "");
	}
	tap_int(open_descriptors(), before, "no descriptor is left open");
	tap_int(engram_code_exit(ENGRAM_EUNAVAILABLE), 69, "a bad filter is exit 69");
}

static void test_good_filters(void)
{
	static const char *const commands[] = {
		"sed 's/.*/1 2/'",
		"cat >/dev/null; for i in 1 2 3 4 5; do echo 1 2; done",           /* reads everything first */
		"cat >/dev/null; for i in 1 2 3 4; do echo 1 2; done; printf '1 2'", /* no last newline */
		"while read -r l; do sleep 0.05; echo '[1, 2]'; done",               /* slow, and going on */
		"exec 3<&0; sed 's/.*/AACAPwAAAEA=/' <&3",
	};
	struct engram_embedder *e = NULL;
	const float *const *v;
	size_t dim;
	int r;

	for (size_t i = 0; i < ENG_COUNT(commands); i++) {
		if (engram_embedder_open(&e, commands[i], "test", 2000, &err) < 0)
			break;
		r = engram_embed(e, &v, &dim, texts, TEXTS, &err);
		tap_ok(r == 0 && dim == 2 && v[4][0] == 1 && v[4][1] == 2 && no_child_left(), "answers: %s", commands[i]);
		tap_str(engram_embedder_identity(e), "test/1/2/f32", "its identity");
		engram_embedder_close(e);
	}
	/* What each text is comes back in its own place; none for zeros. */
	engram_embedder_open(&e, "awk '{print length($0), NR, $0 == \"four\" ? 1 : 1}' | sed '3s/.*/0 0 0/'", "m/2", 2000,
	                     &err);
	r = engram_embed(e, &v, &dim, texts, TEXTS, &err);
	tap_ok(r == 0 && dim == 3 && v[0][0] == 3 && v[1][0] == 10 && !v[2] && v[3][1] == 4 && v[4][1] == 5,
	       "answers keep their order, a line break stays in its line, zeros are no vector");
	tap_str(engram_embedder_identity(e), "m/2/3/f32", "a version of one's own");
	engram_embedder_close(e);
}

/* 4,000 texts of a kilobyte against a filter that answers 4 KiB each: both
 * pipes are full many times over. */
static void test_big_batch(void)
{
	static char text[1001];
	static struct engram_str many[1024];
	struct engram_embedder *e = NULL;
	const float *const *v;
	size_t dim = 0;
	long wrong = 0;
	int r;

	memset(text, 'x', 1000);
	for (size_t i = 0; i < ENG_COUNT(many); i++)
		many[i] = (struct engram_str){text, 1 + i % 1000};
	engram_embedder_open(&e, "awk '{printf \"%d\", length($0); for (i = 1; i < 600; i++) printf \" 0.125\"; print \"\"}'",
	                     "big", 20000, &err);
	r = engram_embed(e, &v, &dim, many, engram_embedder_batch(e), &err);
	for (size_t i = 0; r == 0 && i < 1024; i++)
		wrong += v[i][0] != (float)(1 + i % 1000) || v[i][599] != 0.125f;
	tap_ok(r == 0 && dim == 600 && wrong == 0, "a batch larger than both pipes, answered as it is asked: %s",
	       r ? err.message : "ok");
	tap_int(engram_embedder_batch(e), 4096, "batches grow once the dimension is known");
	engram_embedder_close(e);
}

static void test_dimension_is_kept(void)
{
	struct engram_embedder *e = NULL;
	const float *const *v;
	size_t dim;
	char command[800];

	snprintf(command, sizeof command, "if [ -e %s ]; then sed 's/.*/1 2 3/'; else touch %s; sed 's/.*/1 2/'; fi",
	         tmpdir_path("again"), tmpdir_path("again"));
	engram_embedder_open(&e, command, "test", 5000, &err);
	tap_int(engram_embed(e, &v, &dim, texts, 2, &err), 0, "the first batch sets the dimension");
	tap_ok(engram_embed(e, &v, &dim, texts, 2, &err) == ENGRAM_EUNAVAILABLE &&
	               strstr(err.message, "answer 1: wanted 2 numbers, found 3"),
	       "the second must have the same");
	engram_embedder_close(e);
}

static void test_names(void)
{
	static const char *const bad[] = {"a/b/c", "/a", "a/", "a b", "hash", "hash/2", "a\n"};
	struct engram_embedder *e = NULL;

	for (size_t i = 0; i < ENG_COUNT(bad); i++)
		tap_int(engram_embedder_open(&e, "cat", bad[i], 1, &err), ENGRAM_ECONFIG, "name refused: %zu", i);
	tap_int(engram_embedder_open(&e, "", "a", 1, &err), ENGRAM_ECONFIG, "no command is refused");
	tap_int(engram_embedder_open(&e, "cat", NULL, 1, &err), 0, "no name is one made of the command");
	tap_ok(strncmp(engram_embedder_name(e), "command-", 8) == 0, "it is %s", engram_embedder_name(e));
	engram_embedder_close(e);
}

/* SIGPIPE at its default would end us when the filter stops reading. */
static void test_sigpipe(void)
{
	static char text[1 << 20];
	struct engram_str huge = {text, sizeof text};
	struct engram_embedder *e = NULL;
	const float *const *v;
	size_t dim;
	int r;

	memset(text, 'x', sizeof text);
	signal(SIGPIPE, SIG_DFL);
	engram_embedder_open(&e, "exec <&-; sleep 0.1; echo 1 2", "test", 5000, &err);
	r = engram_embed(e, &v, &dim, &huge, 1, &err);
	tap_ok(r == ENGRAM_EUNAVAILABLE && strstr(err.message, "without reading all"),
	       "a filter that closes its input is refused, and SIGPIPE kills nobody: %s", r ? err.message : "");
	engram_embedder_close(e);
}

static int embed_once(void *data)
{
	(void)data;
	return embed_with("sed 's/.*/[1,2]/'", 5000, TEXTS);
}

int main(void)
{
	tmpdir_begin("embed");
	test_line();
	test_answers();
	test_forms();
	test_bad_filters();
	test_good_filters();
	test_big_batch();
	test_dimension_is_kept();
	test_names();
	test_sigpipe();
	failalloc_each(embed_once, NULL, "a batch");
	tap_ok(no_child_left(), "no child is left");
	tmpdir_end();
	return tap_done();
}
