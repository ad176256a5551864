/* test_config.c - settings: which place counts, and what a file may not do. */
#include "config/config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/num.h"
#include "../lib/failalloc.h"
#include "../lib/tap.h"
#include "../lib/tmpdir.h"

static const char *dir;

static const char *file(const char *name, const char *text)
{
	const char *path = tmpdir_path(name);
	FILE *f = fopen(path, "w");

	if (!f || fputs(text, f) < 0 || fclose(f) != 0 || chmod(path, 0644) != 0) {
		printf("Bail out! %s\n", path);
		exit(1);
	}
	return path;
}

/* What a setting comes to, with its origin, over up to two files; or the error. */
static const char *value_of(const char *key, const char *first, const char *second)
{
	static char out[1024];
	struct eng_config_file files[2] = {{.path = first, .needed = true}, {.path = second}};
	struct engram_config *c = NULL;
	struct engram_error err = {0};
	const struct engram_setting *s;
	size_t n = second ? 2 : first ? 1 : 0;
	const char *origin;

	if (eng_config_open(&c, files, n, &err) < 0) {
		snprintf(out, sizeof out, "%s|%s|%s", strncmp(err.message, dir, strlen(dir)) ? err.message
		         : err.message + strlen(dir) + 1, err.hint, engram_code_name(err.code));
		return out;
	}
	s = engram_config_get(c, key);
	origin = strncmp(s->origin, dir, strlen(dir)) ? s->origin : s->origin + strlen(dir) + 1;
	snprintf(out, sizeof out, "%s|%llu|%s", s->value ? s->value : "-", (unsigned long long)s->number, origin);
	engram_config_close(c);
	return out;
}

static void test_order(void)
{
	const char *one = file("one", "wait = 7\nspace = \"one\"\n"), *two = file("two", "wait = \"2m\"\n");

	tap_str(value_of("wait", NULL, NULL), "5|5000|default", "a default");
	tap_str(value_of("wait", one, NULL), "7|7000|one:1", "a file is over the default");
	tap_str(value_of("wait", one, two), "2m|120000|two:1", "a later file is over an earlier one");
	tap_str(value_of("space", one, two), "one|0|one:2", "what the later one does not say stays");
	setenv("ENGRAM_WAIT", "1h", 1);
	tap_str(value_of("wait", one, two), "1h|3600000|ENGRAM_WAIT", "the environment is over files");
	setenv("ENGRAM_WAIT", "", 1);
	tap_str(value_of("wait", one, NULL), "7|7000|one:1", "an empty variable is none");
	setenv("ENGRAM_WAIT", "soon", 1);
	tap_str(value_of("wait", one, NULL),
	        "ENGRAM_WAIT: wanted seconds, or 500ms, 10m, 2h; 0..1d, found \"soon\"||config",
	        "a wrong variable is refused");
	unsetenv("ENGRAM_WAIT");
	setenv("ENGRAM_ACTOR", "ada", 1);
	tap_str(value_of("actor", file("none", "actor = \"\"\n"), NULL), "ada|0|ENGRAM_ACTOR", "a variable");
	unsetenv("ENGRAM_ACTOR");
	tap_str(value_of("actor", file("some", "actor = \"eve\"\n"), file("none", "actor = \"\"\n")),
	        "-|0|none:1", "an empty text takes back what a weaker place set");
	tap_str(value_of("wait", "/nonexistent", NULL), "/nonexistent: No such file or directory||no-file",
	        "a named file must be there");
	tap_str(value_of("wait", one, "/nonexistent"), "7|7000|one:1", "another one need not");
	tap_str(value_of("wait", "/dev/null", NULL), "5|5000|default", "/dev/null is empty");
}

static void test_types(void)
{
	static const struct {
		const char *text, *key, *wanted;
	} cases[] = {
		{"wait = 0.5", "wait", "0.5|500|f:1"},
		{"wait = '600ms'", "wait", "600ms|600|f:1"},
		{"recall.min_confidence = 1", "recall.min_confidence", "1|10000|f:1"},
		{"[recall]\nmin_confidence = 0.25", "recall.min_confidence", "0.25|2500|f:2"},
		{"color = 'never'", "color", "never|2|f:1"},
		{"cluster.enabled = true", "cluster.enabled", "true|1|f:1"},
		{"cluster.discovery.seed_nodes = ['a:1', 'b:2']", "cluster.discovery.seed_nodes",
		 "[\"a:1\", \"b:2\"]|2|f:1"},
		{"embed.command = 'my embedder --fast'", "embed.command", "my embedder --fast|0|f:1"},
		{"wait = true", "wait",
		 "f:1:8: wait: wanted seconds, or 500ms, 10m, 2h; 0..1d, found true or false||config"},
		{"wait = -1", "wait", "f:1:8: wait: wanted seconds, or 500ms, 10m, 2h; 0..1d, found \"-1\"||config"},
		{"space = 7", "space", "f:1:9: space: wanted text, found a whole number||config"},
		{"\n  color = 'nevr'", "color",
		 "f:2:11: color: wanted auto, always or never, found \"nevr\"|did you mean never?|config"},
		{"recall.count = 0", "recall.count",
		 "f:1:16: recall.count: wanted a number 1..10000, found \"0\"||config"},
		{"recall.count = 2.0", "recall.count",
		 "f:1:16: recall.count: wanted a number 1..10000, found a number with a point||config"},
		{"recall.min_confidence = 1.1", "recall.min_confidence",
		 "f:1:25: recall.min_confidence: wanted a number 0..1, found \"1.1\"||config"},
		{"cluster.enabled = 'false'", "cluster.enabled",
		 "f:1:19: cluster.enabled: wanted true or false, found text||config"},
		{"cluster.discovery.seed_nodes = 'a:1'", "space",
		 "f:1:32: cluster.discovery.seed_nodes: wanted an array of texts, found text||config"},
		{"cluster.discovery.seed_nodes = ['a', 1]", "space",
		 "f:1:32: cluster.discovery.seed_nodes: item 2: wanted text, found a whole number||config"},
		{"[recal]\ncount = 3", "space", "f:2:1: unknown key recal.count|did you mean recall.count?|config"},
		{"min_confidence = 0.3", "space",
		 "f:1:1: unknown key min_confidence|did you mean recall.min_confidence?|config"},
		{"zzz = 1", "space", "f:1:1: unknown key zzz|see engram-config(5)|config"},
		{"a = ", "space",
		 "f:1:5: wanted a value (\"text\", a decimal number, true, false or [ ... ]), found the end of the "
		 "file||config"},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		tap_str(value_of(cases[i].key, file("f", cases[i].text), NULL), cases[i].wanted, "%s", cases[i].text);
}

static const char *in_project(const char *text)
{
	struct eng_config_file f = {.path = file("p", text), .project = true};
	struct engram_config *c = NULL;
	struct engram_error err = {0};

	if (eng_config_open(&c, &f, 1, &err) == 0) {
		engram_config_close(c);
		return "taken";
	}
	return strstr(err.message, "a project's file may not set it") ? "refused" : "other";
}

/* Not one setting that names a command, a path or a peer. */
static void test_project(void)
{
	static const char *const may[] = {"space", "actor", "recall.count", "recall.min_confidence", NULL};
	size_t n = 0;

	tap_str(in_project("space = 'work'"), "taken", "a project may choose a space");
	tap_str(in_project("embed.command = 'rm -rf /'"), "refused", "but no command");
	tap_str(in_project("cluster.discovery.seed_nodes = ['evil:1']"), "refused", "and no peer");
	for (size_t i = 0; i < eng_schema_count; i++)
		if (eng_schema[i].project && (n >= 4 || strcmp(may[n++], eng_schema[i].key) != 0))
			n = 99;
	tap_int((long long)n, 4, "what a project may set was looked at one by one");
}

static void test_trust(void)
{
	const char *path = file("t", "space = 'a'\n");
	const char *link = tmpdir_path("link");

	chmod(path, 0664);
	tap_str(value_of("space", path, NULL), "t: others may write it (mode 664)|chmod go-w it|config",
	        "the group may not write a file of settings");
	chmod(path, 0602);
	tap_str(value_of("space", path, NULL), "t: others may write it (mode 602)|chmod go-w it|config",
	        "nor may others");
	chmod(path, 0600);
	tap_str(value_of("space", path, NULL), "a|0|t:1", "a private file is taken");
	tap_ok(symlink(path, link) == 0 && strcmp(value_of("space", link, NULL), "a|0|link:1") == 0,
	       "and one behind a link");
	chmod(path, 0606);
	tap_ok(strstr(value_of("space", link, NULL), "others may write it") != NULL,
	       "behind a link the file itself is judged");
	tap_ok(strstr(value_of("space", dir, NULL), "wanted a file, found something else") != NULL,
	       "a directory is no file");
	if (geteuid() != 0)
		return; /* only root can play a stranger */
	tap_ok(chmod(path, 0644) == 0 && chown(path, 65534, 65534) == 0 &&
	       strcmp(value_of("space", path, NULL),
	              "t: it belongs to user 65534, this is user 0|ENGRAM_CONFIG=/dev/null reads none|config") == 0,
	       "a stranger's file is refused");
}

static void test_size(void)
{
	static char text[70000];

	memset(text, '\n', 65536);
	tap_str(value_of("wait", file("big", text), NULL), "5|5000|default", "64 KiB are read");
	text[65536] = '\n';
	tap_str(value_of("wait", file("big", text), NULL), "big: wanted at most 65536 bytes||config", "more is refused");
}

static void test_schema(void)
{
	size_t bad = 0;

	for (size_t i = 0; i < eng_schema_count; i++) {
		const struct eng_schema *row = &eng_schema[i];
		char range[ENG_RANGE_TEXT];
		uint64_t number;

		eng_schema_range(range, row);
		bad += eng_schema_find(row->key) != i || strlen(row->help) == 0;
		bad += row->fallback && eng_schema_check(&number, row, row->fallback, NULL) < 0;
		bad += strlen(range) == 0 || strlen(range) + 1 == ENG_RANGE_TEXT;
	}
	tap_int((long long)bad, 0, "every row has one key, a meaning, a range and a default that fits");
}

static int open_all(void *data)
{
	struct engram_config *c = NULL;
	struct engram_error err = {0};
	int r = eng_config_open(&c, data, 1, &err);

	engram_config_close(c);
	return r;
}

int main(void)
{
	struct eng_config_file f = {.needed = true};

	dir = tmpdir_begin("config");
	test_order();
	test_types();
	test_project();
	test_trust();
	test_size();
	test_schema();
	f.path = file("alloc", "space = 'x'\n[cluster.discovery]\nseed_nodes = ['a', 'b']\n");
	failalloc_each(open_all, &f, "opening settings");
	tmpdir_end();
	return tap_done();
}
