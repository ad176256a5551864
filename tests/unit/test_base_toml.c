/* test_base_toml.c - the reader of settings: what it takes, what it refuses and
 * where, and that no bytes harm it.  tests/unit/toml_peer.sh compares it with
 * Python's tomllib. */
#include "base/toml.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/rng.h"
#include "../lib/failalloc.h"
#include "../lib/tap.h"

/* "key=kind:text" or "key=[kind:text,...]", one a line. */
static char *dump(const struct eng_toml *t)
{
	static const char kinds[] = "sifb";
	struct eng_buf b = ENG_BUF_INIT;
	static char out[4096];

	for (size_t i = 0; i < t->n; i++) {
		const struct eng_toml_value *v = &t->entries[i].value;

		eng_buf_printf(&b, "%s%s=", i ? "\n" : "", t->entries[i].key);
		if (v->kind != ENG_TOML_ARRAY)
			eng_buf_printf(&b, "%c:%s", kinds[v->kind], v->text);
		else
			eng_buf_byte(&b, '[');
		for (size_t j = 0; j < v->nitems; j++)
			eng_buf_printf(&b, "%s%c:%s", j ? "," : "", kinds[v->items[j].kind], v->items[j].text);
		if (v->kind == ENG_TOML_ARRAY)
			eng_buf_byte(&b, ']');
	}
	snprintf(out, sizeof out, "%.*s", (int)b.n, b.p ? (char *)b.p : "");
	eng_buf_free(&b);
	return out;
}

static const char *read_text(const char *text, size_t n)
{
	static char answer[4096];
	struct eng_toml t;
	struct engram_error err = {0};

	if (eng_toml_parse(&t, text, n, &err) < 0)
		snprintf(answer, sizeof answer, "%s%s", t.n || t.entries ? "not empty: " : "", err.message);
	else
		snprintf(answer, sizeof answer, "%s", dump(&t));
	eng_toml_free(&t);
	return answer;
}

struct example {
	const char *text, *wanted;
};

static const struct example taken[] = {
	{"", ""},
	{"# only a comment", ""},
	{"a=1", "a=i:1"},
	{"  a  =  1  # why\r\n\r\n\tb = 'x'\n", "a=i:1\nb=s:x"},
	{"a = -1_000\nb = +0\nc = 0.20\nd = 1e3\ne = -2.5E-1_0", "a=i:-1000\nb=i:0\nc=f:0.20\nd=f:1e3\ne=f:-2.5e-10"},
	{"a = true\nb = false", "a=b:true\nb=b:false"},
	{"a = \"x # y\" # z", "a=s:x # y"},
	{"a = \"\\\"\\\\\\t\\u00e4\\U0001F600\"", "a=s:\"\\\t\xc3\xa4\xf0\x9f\x98\x80"},
	{"a = 'C:\\n'", "a=s:C:\\n"},
	{"a = \"\"\nb = ''", "a=s:\nb=s:"},
	{"a = []\nb = [ ]", "a=[]\nb=[]"},
	{"a = [ 1, \"b\", true, 0.5, ]", "a=[i:1,s:b,b:true,f:0.5]"},
	{"a = [ # one\n  'x', # two\n\n  # three\n  'y'\n]\nb = 1", "a=[s:x,s:y]\nb=i:1"},
	{"[t]\na = 1\n[t.u]\nb = 2\n[v.w.x]\nc=3\n[v]\nd=4", "t.a=i:1\nt.u.b=i:2\nv.w.x.c=i:3\nv.d=i:4"},
	{"a.b.c = 1\na . \"b\" . 'd' = 2", "a.b.c=i:1\na.b.d=i:2"},
	{"[a]\nb.c = 1\n[a.d]\ne = 1", "a.b.c=i:1\na.d.e=i:1"},
	{"1 = 1\n-_- = 2", "1=i:1\n-_-=i:2"},
	{"[ t ] # c\n[ u . v ]\na=1", "u.v.a=i:1"},
	{"[cluster]\nenabled = false\n", "cluster.enabled=b:false"},
};

static const struct example refused[] = {
	{"a", "1:2: wanted = behind the key, found the end of the file"},
	{"a =", "1:4: wanted a value (\"text\", a decimal number, true, false or [ ... ]), found the end of the file"},
	{"= 1", "1:1: wanted a key, found \"=\""},
	{"a = 1 b = 2", "1:7: wanted the end of the line, found \"b\""},
	{"a = 1\n\nb = yes", "3:5: wanted a value (\"text\", a decimal number, true, false or [ ... ]), found \"yes\""},
	{"\xc3\xa4 = 1", "1:1: wanted a key, found \"\xc3\xa4\""},
	{"a = \"\xc3\xa4\xc3\xb6\" x", "1:10: wanted the end of the line, found \"x\""},
	{"a = 1\na = 2", "2:1: a: given twice, first in line 1"},
	{"[t]\na = 1\n[t]", "3:2: t: is a table already"},
	{"a = 1\n[a]", "2:2: a: is a value already"},
	{"a = 1\na.b = 2", "2:1: a: is a value since line 1"},
	{"a.b = 1\n[a]", "2:2: a: is a table already"},
	{"[a.b]\n[a]\nb.c = 1", "3:1: a.b: is a table since line 1; write the key there"},
	{"a = [1, [2]]", "1:9: an array in an array is not supported"},
	{"a = [1 2]", "1:8: wanted a comma or ], found \"2\""},
	{"a = [1,,2]", "1:8: wanted a value (\"text\", a decimal number, true, false or [ ... ]), found \",\""},
	{"a = [1", "1:7: wanted a comma or ], found the end of the file"},
	{"a = {b = 1}", "1:5: a table in one line is not supported: write [table]"},
	{"[[a]]", "1:1: an array of tables is not supported"},
	{"[a", "1:3: wanted ] behind the table's name, found the end of the file"},
	{"[a] b = 1", "1:5: wanted the end of the line, found \"b\""},
	{"[]", "1:2: wanted a key, found \"]\""},
	{"[a..b]", "1:4: wanted a key, found \".b\""},
	{"a = \"x", "1:5: the string does not end in its line"},
	{"a = \"x\n\"", "1:5: the string does not end in its line"},
	{"a = \"x\\", "1:7: wanted an escape (\\b \\t \\n \\f \\r \\\" \\\\ \\uXXXX \\UXXXXXXXX)"},
	{"a = \"\\q\"", "1:6: wanted an escape (\\b \\t \\n \\f \\r \\\" \\\\ \\uXXXX \\UXXXXXXXX)"},
	{"a = \"\\u12\"", "1:6: wanted 4 hexadecimal digits"},
	{"a = \"\\ud800\"", "1:6: no character has this number"},
	{"a = \"\\u0000\"", "1:6: no character has this number"},
	{"a = \"\\U00110000\"", "1:6: no character has this number"},
	{"a = \"\"\"x\"\"\"", "1:5: a string over several lines is not supported"},
	{"a = '''x'''", "1:5: a string over several lines is not supported"},
	{"a = \"\x01\"", "1:6: a control character in a string: write it as \\uXXXX"},
	{"# \x7f", "1:3: a control character in a comment"},
	{"\"a.b\" = 1", "1:1: a quoted key may hold letters, digits, - and _ only"},
	{"\"\" = 1", "1:1: a quoted key may hold letters, digits, - and _ only"},
	{"a.b.c.d.e.f.g.h.i = 1", "1:1: wanted at most 8 parts in a key"},
	{"a = 1\r b = 2", "1:6: wanted the end of the line, found the end of the line"},
	{"\xef\xbb\xbf" "a = 1", "1:1: a byte-order mark: remove it"},
	{"a = \"\xff\"", "1:6: not UTF-8"},
	{"a = \"\xc0\x80\"", "1:6: not UTF-8"},
};

static void test_examples(void)
{
	static const char *const numbers[] = {"01", "+", "1.", ".5", "1__0", "_1", "1_", "0x10", "1e", "inf", "nan",
	                                      "--1", "1.e3", "2026-11-21", "07:30:00", "1_.0", "1e+", "00"};

	for (size_t i = 0; i < sizeof taken / sizeof *taken; i++)
		tap_str(read_text(taken[i].text, strlen(taken[i].text)), taken[i].wanted, "takes example %zu", i);
	for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
		tap_str(read_text(refused[i].text, strlen(refused[i].text)), refused[i].wanted,
		        "refuses example %zu", i);
	for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
		char text[64];

		snprintf(text, sizeof text, "a = %s", numbers[i]);
		tap_ok(strncmp(read_text(text, strlen(text)), "1:5: wanted a value", 19) == 0,
		       "%s is no number here", numbers[i]);
	}
	tap_str(read_text("a = 1\0b", 7), "1:6: wanted the end of the line, found a NUL", "a NUL is refused");
}

/* -- limits ------------------------------------------------------------------ */

static void test_limits(void)
{
	struct eng_buf b = ENG_BUF_INIT;

	for (unsigned i = 0; i <= ENG_TOML_NAMES_MAX; i++)
		eng_buf_printf(&b, "k%u=1\n", i);
	tap_str(read_text((char *)b.p, b.n), "1001:1: wanted at most 1000 keys and tables", "keys are counted");
	eng_buf_reset(&b);
	eng_buf_str(&b, "a=[");
	for (unsigned i = 0; i <= ENG_TOML_ITEMS_MAX; i++)
		eng_buf_str(&b, "1,");
	tap_str(read_text((char *)b.p, b.n), "1:20004: wanted at most 10000 items", "items are counted");
	eng_buf_reset(&b);
	for (unsigned i = 0; i <= ENG_TOML_KEY_MAX; i++)
		eng_buf_byte(&b, 'k');
	eng_buf_str(&b, "=1");
	tap_str(read_text((char *)b.p, b.n), "1:1: wanted at most 128 bytes in a key", "a key has an end");
	eng_buf_reset(&b);
	for (unsigned i = 0; i < 30000; i++)
		eng_buf_byte(&b, '[');
	tap_str(read_text((char *)b.p, b.n), "1:1: an array of tables is not supported", "brackets do not nest");
	eng_buf_free(&b);
}

/* -- bad bytes and bad luck --------------------------------------------------------- */

static const char long_text[] =
	"# settings\nspace = \"work\" # mine\nwait = 2.5\n[recall]\ncount = 1_0\nmin_confidence = 0.25\n"
	"[cluster]\nenabled = true\n[cluster.discovery]\ntype = 'static'\nseed_nodes = [\n"
	"  \"engram-node1:7946\", # first\n  \"engram-node2:7946\",\n]\n[cluster.replication]\nfactor = 2\n"
	"x.y.\"z\" = \"\\u00e4\\n\"\n";

/* Cut at every place and changed at random: an answer, always. */
static void test_mutations(void)
{
	struct eng_rng rng;
	size_t answers = 0, whole = sizeof long_text - 1;
	char text[sizeof long_text];

	for (size_t n = 0; n <= whole; n++)
		answers += read_text(long_text, n) != NULL;
	tap_int((long long)answers, (long long)whole + 1, "every prefix gets an answer");
	eng_rng_seed(&rng, 20261121);
	for (unsigned i = 0; i < 20000; i++) {
		memcpy(text, long_text, sizeof text);
		for (unsigned k = 0; k < 1 + i % 3; k++)
			text[eng_rng_below(&rng, (uint32_t)whole)] =
				"\n\r\t \"'\\[]{}=,.#_0a\x00\x7f\xc3\xff"[eng_rng_below(&rng, 22)];
		answers += read_text(text, whole) != NULL;
	}
	tap_int((long long)answers, (long long)whole + 20001, "20000 changes get an answer (seed 20261121)");
}

static int read_all(void *data)
{
	struct eng_toml t;
	struct engram_error err = {0};
	int r = eng_toml_parse(&t, long_text, sizeof long_text - 1, &err);

	eng_toml_free(&t);
	return r;
}

int main(void)
{
	test_examples();
	test_limits();
	test_mutations();
	failalloc_each(read_all, NULL, "reading");
	return tap_done();
}
