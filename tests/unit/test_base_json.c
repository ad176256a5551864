/* test_base_json.c - the JSON reader and writer, case by case and when memory
 * runs out.  Against other implementations: test_base_json_peers.c. */
#include "../lib/failalloc.h"
#include "../lib/jsongen.h"

#include "base/json.h"
#include "base/num.h"
#include "base/utf8.h"

/* Reads the whole text; the tokens as one line, e.g. "{ a: 1 [ ] }". */
static const char *tokens(const char *p, size_t n)
{
	static struct eng_buf out;
	struct eng_json j = {0};
	enum eng_json_token t;

	eng_buf_reset(&out);
	eng_json_begin(&j, p, n);
	while ((t = eng_json_next(&j)) > ENG_JSON_END) {
		eng_buf_str(&out, out.n ? " " : "");
		if (t == ENG_JSON_KEY || t == ENG_JSON_NUMBER || t == ENG_JSON_STRING)
			eng_buf_add(&out, j.str.p, j.str.n);
		if (t == ENG_JSON_KEY)
			eng_buf_byte(&out, ':');
		else if (t == ENG_JSON_STRING)
			eng_buf_byte(&out, '\'');
		else if (t != ENG_JSON_NUMBER)
			eng_buf_byte(&out, (uint8_t)".{}[]...TFN"[t]);
	}
	if (t == ENG_JSON_BAD) {
		eng_buf_reset(&out);
		eng_buf_printf(&out, "%zu %s", j.offset, j.problem);
	}
	if (eng_json_next(&j) != t)
		eng_buf_str(&out, " (and does not stay so)");
	eng_buf_byte(&out, 0);
	eng_json_free(&j);
	return (const char *)out.p;
}

struct text_case {
	const char *text, *wanted, *name;
};

static void check_cases(const struct text_case *cases, size_t n)
{
	for (size_t i = 0; i < n; i++)
		tap_str(tokens(cases[i].text, strlen(cases[i].text)), cases[i].wanted, "%s",
		        cases[i].name ? cases[i].name : cases[i].text);
}

static void test_good(void)
{
	static const struct text_case cases[] = {
		{"0", "0", NULL},
		{" \t\r\n-1.5e+7 \t\r\n", "-1.5e+7", "blanks around"},
		{"\"\"", "'", NULL},
		{"true", "T", NULL},
		{"[]", "[ ]", NULL},
		{"{}", "{ }", NULL},
		{"[1,[2,{}],null]", "[ 1 [ 2 { } ] N ]", NULL},
		{" { \"a\" : [ 1 , false ] , \"b\" : { \"a\" : \"x\" } } ", "{ a: [ 1 F ] b: { a: x' } }", NULL},
		{"[{\"a\":1},{\"a\":2}]", "[ { a: 1 } { a: 2 } ]", "the same key in two objects"},
		{"{\"a\":{\"a\":{\"a\":1},\"b\":2},\"b\":3}", "{ a: { a: { a: 1 } b: 2 } b: 3 }", "and in nested ones"},
		{"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\b\f\n\r\t'", "all short escapes"},
		{"\"\\u0041\\u00e9\\u20AC\\ud83d\\uDE00\"", "A\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80'", "unicode escapes"},
		{"\"\x7f\xc3\xa9\xf4\x8f\xbf\xbf\"", "\x7f\xc3\xa9\xf4\x8f\xbf\xbf'", "DEL and the last character, raw"},
	};

	check_cases(cases, ENG_COUNT(cases));
}

static void test_bad(void)
{
	static const struct text_case cases[] = {
		{"", "0 text ends where a value is wanted", "nothing"},
		{"  ", "2 text ends where a value is wanted", "blanks alone"},
		{"[1", "2 a comma or ] is wanted", "an open array"},
		{"[1,", "3 text ends where a value is wanted", NULL},
		{"{\"a\":1", "6 a comma or } is wanted", NULL},
		{"{\"a\"", "4 a colon is wanted", NULL},
		{"{\"a\":", "5 text ends where a value is wanted", NULL},
		{"{\"a", "3 text ends inside a string", "B31 cut inside a key"},
		{"\"a\\", "3 text ends inside a string", "B31 cut inside an escape"},
		{"\"a\\u00", "2 \\u wants four hexadecimal digits", "B31 cut inside a unicode escape"},
		{"[\"abc", "5 text ends inside a string", "B31 cut inside a string"},
		{"{} {}", "3 more behind the value", "B32 two values on a line"},
		{"1 2", "2 more behind the value", "B32 two numbers"},
		{"[1 2]", "3 a comma or ] is wanted", NULL},
		{"[1,]", "3 not a value", "B36 a trailing comma in an array"},
		{"{\"a\":1,}", "7 a key in quotes is wanted", "B36 a trailing comma in an object"},
		{"[,1]", "1 not a value", NULL},
		{"{,}", "1 a key in quotes is wanted", NULL},
		{"/* c */ 1", "0 not a value", "B36 a comment"},
		{"1 // c", "2 more behind the value", "B36 a comment behind"},
		{"'a'", "0 not a value", "B36 single quotes"},
		{"{a:1}", "1 a key in quotes is wanted", "B36 a key without quotes"},
		{"{1:1}", "1 a key in quotes is wanted", NULL},
		{"{\"a\":1 \"b\":2}", "7 a comma or } is wanted", NULL},
		{"{\"a\",1}", "4 a colon is wanted", NULL},
		{"[1}", "2 a comma or ] is wanted", NULL},
		{"]", "0 not a value", NULL},
		{"NaN", "0 not a value", "B37 NaN"},
		{"Infinity", "0 not a value", "B37 Infinity"},
		{"-Infinity", "0 not a number", NULL},
		{"nul", "0 not a value", NULL},
		{"nullx", "4 more behind the value", NULL},
		{"TRUE", "0 not a value", NULL},
		{"01", "1 more behind the value", NULL},
		{"-", "0 not a number", NULL},
		{"+1", "0 not a value", NULL},
		{".5", "0 not a value", NULL},
		{"1.", "0 not a number", NULL},
		{"1e", "0 not a number", NULL},
		{"1e+", "0 not a number", NULL},
		{"0x10", "1 more behind the value", NULL},
		{"\"\\x41\"", "1 unknown escape", NULL},
		{"\"\\u12g4\"", "1 \\u wants four hexadecimal digits", NULL},
		{"\"\n\"", "1 control character in a string", "a raw line end in a string"},
		{"\"a\tb\"", "2 control character in a string", "a raw tab in a string"},
		{"\"\\u0000\"", "1 NUL in a string", "B20 NUL as an escape"},
		{"\"ab\\ud800\"", "3 lone surrogate", "B30 a high half alone"},
		{"\"\\udc00\"", "1 lone surrogate", "B30 a low half alone"},
		{"\"\\ud800\\ud800\"", "1 lone surrogate", "B30 two high halves"},
		{"\"\\ud800\\u0041\"", "1 lone surrogate", "B30 a high half and a letter"},
		{"\"\\ud800x\"", "1 lone surrogate", NULL},
		{"\"\\ud83d\\ude0\"", "1 lone surrogate", "B30 B31 a pair that is cut"},
		{"\"\xc0\xaf\"", "1 not UTF-8", "B19 an overlong form"},
		{"\"a\xed\xa0\x80\"", "2 not UTF-8", "B19 a raw surrogate"},
		{"\"\xf4\x90\x80\x80\"", "1 not UTF-8", "B19 beyond the last character"},
		{"\"\xe2\x82\"", "1 not UTF-8", "B19 cut by the quote"},
		{"\"\xe2\x82", "1 not UTF-8", "B19 cut by the end"},
		{"\"\\n\xff\"", "3 not UTF-8", "B19 behind an escape"},
		{"\xef\xbb\xbf{}", "0 not a value", "B25 a byte-order mark"},
		{"{\"a\":1,\"b\":2,\"a\":3}", "13 duplicate key", "B28 a duplicate key"},
		{"{\"a\":1,\"\\u0061\":3}", "7 duplicate key", "B28 a duplicate key by escape"},
		{"{\"\":1,\"\":3}", "6 duplicate key", "B28 a duplicate empty key"},
		{"{\"a\":{\"a\":1,\"b\":[{\"b\":1}]},\"a\":3}", "27 duplicate key", "B28 around a nested object"},
		{"{\"\\u00e9\":1,\"\xc3\xa9\":3}", "12 duplicate key", "B28 raw and escaped"},
	};

	check_cases(cases, ENG_COUNT(cases));
	tap_str(tokens("\"a\0b\"", 5), "2 control character in a string", "B20 NUL in a string");
	tap_str(tokens("1\0", 2), "1 more behind the value", "B20 NUL behind");
	tap_str(tokens("\"\\\0\"", 4), "1 unknown escape", "B20 NUL as the letter of an escape");
}

static void test_deep(void)
{
	static char text[200001];
	char number[10001];
	struct eng_json j = {0};
	int n = 0;

	memset(text, '[', 100000);
	memset(text + 100000, ']', 100000);
	tap_str(tokens(text, 200000), "64 nested deeper than 64", "B27 100,000 brackets");
	tap_ok(strncmp(tokens(text + 100000 - 64, 128), "[ [", 3) == 0, "B27 64 brackets pass");
	memset(text, ' ', 200000);
	for (int i = 0; i < 100000; i++)
		text[i] = "{\"a\":"[i % 5];
	tap_str(tokens(text, 100000), "320 nested deeper than 64", "B27 20,000 objects");
	eng_json_begin(&j, "[[[[1]]]]", 9);
	while (eng_json_next(&j) > 0)
		n++;
	tap_ok(n == 9 && j.keys.cap == 0 && j.scratch.cap == 0, "arrays and plain values take no memory at all");
	eng_json_free(&j);
	memset(number, '9', 10000);
	tap_ok(strlen(tokens(number, 64)) == 64, "B29 a number of 64 digits passes");
	tap_str(tokens(number, 65), "0 number longer than 64 bytes", "B29 one of 65 does not");
	tap_str(tokens(number, 10000), "0 number longer than 64 bytes", "B29 a number of 10,000 digits");
	memcpy(number, "1e", 2);
	tap_str(tokens(number, 10000), "0 number longer than 64 bytes", "B29 an exponent of 10,000 digits");
}

/* So many keys that some share their 32-bit hash: n^2 / 2^33 = 10 pairs. */
static void test_many_keys(void)
{
	enum { N = 300000 };
	struct eng_buf b = ENG_BUF_INIT;
	struct eng_json j = {0};
	long read = 0;

	eng_buf_byte(&b, '{');
	for (int i = 0; i < N; i++)
		eng_buf_printf(&b, "%s\"k%d\":{\"k1\":0}", i ? "," : "", i);
	eng_buf_byte(&b, '}');
	eng_json_begin(&j, (const char *)b.p, b.n);
	while (eng_json_next(&j) > ENG_JSON_END)
		read++;
	tap_ok(!j.problem && read == 2 + 5 * (long)N, "B28 300,000 different keys pass, whatever their hashes");
	b.n--;
	eng_buf_str(&b, ",\"k123456\":1}");
	eng_json_begin(&j, (const char *)b.p, b.n);
	while (eng_json_next(&j) > ENG_JSON_END)
		;
	tap_str(j.problem, "duplicate key", "B28 one that is there is found among them");
	eng_json_free(&j);
	eng_buf_free(&b);
}

static void test_skip(void)
{
	static const char text[] = " {\"a\": [1, {\"b\": [\"x\\n\"]}] ,"
	                           " \"c\":\"d\\u0041\",\"e\":7 , \"f\":{\"a\":1,\"a\":2}}";
	struct eng_json j = {0};
	struct engram_str raw;
	struct engram_error err;

	eng_json_begin(&j, text, strlen(text));
	tap_int(eng_json_next(&j), ENG_JSON_OBJECT, "an object");
	tap_int(j.offset, 1, "its offset");
	tap_int(eng_json_next(&j), ENG_JSON_KEY, "a key");
	tap_ok(eng_json_skip(&j, &raw) == ENG_JSON_ARRAY && eng_str_eq(raw, eng_str("[1, {\"b\": [\"x\\n\"]}]")),
	       "an array is skipped whole");
	tap_int(eng_json_next(&j), ENG_JSON_KEY, "the next key");
	tap_ok(eng_json_skip(&j, &raw) == ENG_JSON_STRING && eng_str_eq(raw, eng_str("\"d\\u0041\"")) &&
	               eng_str_eq(j.str, eng_str("dA")),
	       "a string is skipped, raw and read");
	tap_ok(eng_json_next(&j) == ENG_JSON_KEY && j.offset == (size_t)(strstr(text, "\"e\"") - text),
	       "the offset of a key");
	tap_ok(eng_json_skip(&j, &raw) == ENG_JSON_NUMBER && eng_str_eq(raw, eng_str("7")), "a number without blanks");
	eng_json_next(&j);
	tap_int(eng_json_skip(&j, &raw), ENG_JSON_BAD, "what is skipped is checked");
	tap_int(eng_json_err(&j, &err), ENGRAM_EINPUT, "a problem is an input error");
	tap_str(err.message, "byte 62: duplicate key", "that names the place");
	eng_json_begin(&j, "3", 1);
	tap_ok(eng_json_next(&j) == ENG_JSON_NUMBER && eng_json_next(&j) == ENG_JSON_END, "a reader can begin again");
	eng_json_free(&j);
}

/* ----- the writer */

/* The numbers of a text, and where and how its reading ended. */
static void read_numbers(struct eng_buf *out, const char *p, size_t n, bool quick)
{
	struct eng_json j = {0};
	enum eng_json_token t;
	float v[8];

	eng_json_begin(&j, p, n);
	do {
		t = eng_json_next(&j);
		if (t == ENG_JSON_NUMBER && eng_parse_float(v, j.str.p, j.str.n))
			eng_buf_add(out, v, sizeof *v);
		else
			eng_buf_printf(out, "%d at %zu (%s)", t, j.offset, j.problem ? j.problem : "");
		for (size_t k = 1; quick && k > 0 && t > ENG_JSON_END;) {
			k = eng_json_floats(&j, v, ENG_COUNT(v));
			eng_buf_add(out, v, k * sizeof *v);
		}
	} while (t > ENG_JSON_END);
	eng_json_free(&j);
}

static void test_floats(void)
{
	static const char *const pieces[] = {
		"1", "-0", "0.25", "1e5", "-1.5E-3", ",", ",", ",", ",", "[", "]", " ", "\n", "01", "1.", "-", "1e", "+1",
		"1e39", "1e-60", "12345678901234567890123", "16777217", "0.1234567890123456789", "null", "{", "}", "\"a\":",
		"1e0000000000000000000000000000000000000000000000000000000000000000000000",
	};
	struct eng_buf text = ENG_BUF_INIT, slow = ENG_BUF_INIT, quick = ENG_BUF_INIT;
	struct eng_rng g;
	long wrong = 0;

	eng_rng_seed(&g, 5);
	for (int i = 0; i < 300000; i++) {
		eng_buf_reset(&text);
		eng_buf_reset(&slow);
		eng_buf_reset(&quick);
		eng_buf_str(&text, "[");
		for (size_t k = eng_rng_below(&g, 24); k > 0; k--) {
			eng_buf_str(&text, pieces[eng_rng_below(&g, eng_rng_below(&g, 4) ? 8 : ENG_COUNT(pieces))]);
			if (eng_rng_below(&g, 3))
				eng_buf_str(&text, ",");
		}
		if (eng_rng_below(&g, 2) && text.p[text.n - 1] == ',')
			text.n--;
		eng_buf_str(&text, "]");
		read_numbers(&slow, (char *)text.p, text.n, false);
		read_numbers(&quick, (char *)text.p, text.n, true);
		if ((slow.n != quick.n || memcmp(slow.p, quick.p, slow.n) != 0) && wrong++ < 3)
			tap_note("%.*s", (int)text.n, (char *)text.p);
	}
	tap_int(wrong, 0, "300,000 arrays: numbers taken together are those taken one by one, and so is what is wrong (seed 5)");
	eng_buf_free(&text);
	eng_buf_free(&slow);
	eng_buf_free(&quick);
}

static void write_all(struct eng_buf *b)
{
	static const struct engram_id id = {{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}};
	struct eng_json_out o;

	eng_json_out(&o, b);
	eng_json_object(&o);
	eng_json_key(&o, "v");
	eng_json_u64(&o, UINT64_MAX);
	eng_json_key(&o, "list");
	eng_json_array(&o);
	eng_json_i64(&o, INT64_MIN);
	eng_json_bool(&o, true);
	eng_json_bool(&o, false);
	eng_json_array(&o);
	eng_json_array_end(&o);
	eng_json_object(&o);
	eng_json_object_end(&o);
	eng_json_raw(&o, "null", 4);
	eng_json_array_end(&o);
	eng_json_key(&o, "unit");
	eng_json_unit4(&o, 2500);
	eng_json_key(&o, "time");
	eng_json_time(&o, 1500000);
	eng_json_key(&o, "id");
	eng_json_id(&o, &id);
	eng_json_key(&o, "float");
	eng_json_float(&o, -0.5f);
	eng_json_object_end(&o);
}

static void test_write(void)
{
	struct eng_buf b = ENG_BUF_INIT;
	struct eng_json_out o;
	long commas = 0;

	write_all(&b);
	eng_buf_byte(&b, 0);
	tap_str((char *)b.p,
	        "{\"v\":18446744073709551615,\"list\":[-9223372036854775808,true,false,[],{},null],\"unit\":0.25,"
	        "\"time\":\"1970-01-01T00:00:01.500Z\",\"id\":\"00041061050r3gg28a1c60t3gf\",\"float\":-0.5}",
	        "every kind of value, with its commas");
	eng_buf_reset(&b);
	eng_json_out(&o, &b);
	for (int i = 0; i < ENG_JSON_DEPTH_MAX; i++) {
		eng_json_array(&o);
		eng_json_u64(&o, 7);
	}
	for (int i = 0; i < ENG_JSON_DEPTH_MAX; i++) {
		eng_json_array_end(&o);
		if (i < ENG_JSON_DEPTH_MAX - 1)
			eng_json_u64(&o, 8);
	}
	for (size_t i = 0; i < b.n; i++)
		commas += b.p[i] == ',';
	tap_ok(commas == 2 * 63 && tokens((char *)b.p, b.n)[0] == '[', "as deep as the reader reads");
	eng_buf_free(&b);
}

static void test_escapes(void)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
		{"plain \xc3\xa9 \xf0\x9f\x98\x80 \xe2\x80\x8d", "\"plain \xc3\xa9 \xf0\x9f\x98\x80 \xe2\x80\x8d\""},
		{"\"\\/", "\"\\\"\\\\/\""},
		{"\b\f\n\r\t\x01\x1f", "\"\\b\\f\\n\\r\\t\\u0001\\u001f\""},
		{"\x1b[2J\x1b]0;t\x07", "\"\\u001b[2J\\u001b]0;t\\u0007\""},
		{"\x7f\xc2\x80\xc2\x9b\xc2\xa0", "\"\\u007f\\u0080\\u009b\xc2\xa0\""},
		{"\xe2\x80\xae\xe2\x81\xa6\xd8\x9c\xe2\x80\xa8", "\"\\u202e\\u2066\\u061c\\u2028\""},
		{"a\xff\xe2\x82", "\"a\\ufffd\\ufffd\\ufffd\""},
	};
	struct eng_buf b = ENG_BUF_INIT;

	for (size_t i = 0; i < ENG_COUNT(cases); i++) {
		struct eng_json_out o;

		eng_buf_reset(&b);
		eng_json_out(&o, &b);
		eng_json_str(&o, cases[i].in, strlen(cases[i].in));
		eng_buf_byte(&b, 0);
		tap_str((char *)b.p, cases[i].out, "B21 B22 B23 %s", cases[i].out);
	}
	eng_buf_free(&b);
}

static void test_all_characters(void)
{
	struct eng_buf text = ENG_BUF_INIT, b = ENG_BUF_INIT;
	struct eng_json j = {0};
	struct eng_json_out o;
	char utf8[4];
	long raw = 0;

	for (uint32_t c = 1; c <= 0x10ffff; c++)
		if (c < 0xd800 || c >= 0xe000)
			eng_buf_add(&text, utf8, eng_utf8_encode(utf8, c));
	eng_json_out(&o, &b);
	eng_json_str(&o, (char *)text.p, text.n);
	for (size_t i = 0; i < b.n; i++)
		raw += b.p[i] < 0x20 || b.p[i] == 0x7f;
	tap_int(raw, 0, "no control character leaves raw");
	eng_json_begin(&j, (char *)b.p, b.n);
	tap_ok(eng_json_next(&j) == ENG_JSON_STRING && j.str.n == text.n && memcmp(j.str.p, text.p, text.n) == 0,
	       "all characters but NUL go out and back");
	eng_json_free(&j);
	eng_buf_free(&b);
	eng_buf_free(&text);
}

/* ----- mutations: whatever comes, the reader answers, and what it takes is sound */

static void test_mutations(void)
{
	struct eng_buf b = ENG_BUF_INIT;
	struct eng_json j = {0};
	struct eng_rng g;
	long wrong = 0, taken = 0;

	eng_rng_seed(&g, 31);
	for (int i = 0; i < 100000; i++) {
		struct engram_str raw;
		enum eng_json_token t, whole;
		char *exact;

		eng_buf_reset(&b);
		jsongen_value(&b, &g, 0);
		if (i % 4)
			jsongen_mutate(&b, &g);
		/* a copy of exact size, so that sanitizers see a step too far */
		exact = memcpy(malloc(b.n + 1), b.p, b.n);
		exact[b.n] = '"';
		exact = realloc(exact, b.n ? b.n : 1);
		eng_json_begin(&j, exact, b.n);
		while ((t = eng_json_next(&j)) > ENG_JSON_END)
			wrong += j.offset >= b.n || j.depth > ENG_JSON_DEPTH_MAX;
		wrong += j.offset > b.n || (t == ENG_JSON_BAD) != (j.problem != NULL) || (i % 4 == 0 && t != ENG_JSON_END);
		eng_json_begin(&j, exact, b.n);
		whole = eng_json_skip(&j, &raw);
		wrong += t == ENG_JSON_END && (whole <= ENG_JSON_END || eng_json_next(&j) != ENG_JSON_END);
		taken += t == ENG_JSON_END;
		free(exact);
	}
	tap_ok(wrong == 0 && taken > 30000, "100,000 random documents, 3 of 4 mutated, %ld taken (seed 31)", taken);
	eng_json_free(&j);
	eng_buf_free(&b);
}

/* ----- out of memory */

static int read_text(void *data)
{
	static const char text[] =
		"{\"a\\n\":1,\"b\":{\"c\":\"x\\u00e9\",\"d\":[{},{\"e\":{}}]},\"0\":0,\"1\":0,\"2\":0,\"3\":0,\"4\":0,"
		"\"5\":0,\"6\":0,\"7\":0,\"8\":0,\"9\":0,\"10\":0,\"11\":0,\"12\":0,\"13\":0,\"14\":0,\"15\":0,\"16\":0}";
	struct eng_json j = {0};
	struct engram_error err;
	int r;

	eng_json_begin(&j, text, strlen(text));
	while ((r = eng_json_next(&j)) > ENG_JSON_END)
		;
	if (r == ENG_JSON_BAD)
		r = eng_json_err(&j, &err);
	eng_json_free(&j);
	return r;
}

static int read_duplicate(void *data)
{
	static const char text[] = "{\"a\\n\":1,\"a\\u000a\":2}";
	struct eng_json j = {0};
	int r;

	eng_json_begin(&j, text, strlen(text));
	while (eng_json_next(&j) > ENG_JSON_END)
		;
	r = eng_json_err(&j, NULL);
	eng_json_free(&j);
	return r == ENGRAM_EINPUT ? 0 : r;
}

static int write_text(void *data)
{
	struct eng_buf b = ENG_BUF_INIT;
	struct eng_json_out o;
	int r;

	eng_json_out(&o, &b);
	eng_json_array(&o);
	for (int i = 0; i < 100; i++)
		eng_json_str(&o, "some\ntext\xff", 10);
	eng_json_array_end(&o);
	write_all(&b);
	r = b.failed ? ENGRAM_ENOMEM : 0;
	eng_buf_free(&b);
	return r;
}

int main(void)
{
	test_good();
	test_bad();
	test_deep();
	test_many_keys();
	test_skip();
	test_floats();
	test_write();
	test_escapes();
	test_all_characters();
	test_mutations();
	failalloc_each(read_text, NULL, "reading JSON");
	failalloc_each(read_duplicate, NULL, "finding a duplicate key");
	failalloc_each(write_text, NULL, "writing JSON");
	return tap_done();
}
