/* test_cmd_text.c - strange text made visible, and cut by columns. */
#include "base/rng.h"
#include "base/utf8.h"
#include "common/text.h"
#include "../lib/tap.h"

static const char *shown(const char *text, size_t n, bool backslash, size_t width)
{
	static struct eng_buf b;

	eng_buf_reset(&b);
	text_add(&b, text, n, backslash, width);
	eng_buf_byte(&b, 0);
	return (char *)b.p;
}

#define is(text, backslash, width, wanted) \
	tap_str(shown(text, sizeof text - 1, backslash, width), wanted, "%s in %d columns", wanted, width)

static void by_example(void)
{
	is("plain", true, 0, "plain");
	is("a\tb\nc\rd\\e", true, 0, "a\\tb\\nc\\rd\\\\e");
	is("a\\b", false, 0, "a\\b");
	is("\033[2J\a\177\0z", true, 0, "\\x1b[2J\\x07\\x7f\\x00z");
	is("\xc2\x9b", true, 0, "\\x9b");
	is("\xe2\x80\xae\xe2\x81\xa6\xe2\x80\xa8", true, 0, "\\u202e\\u2066\\u2028");
	is("\xff\xc0\xafx", true, 0, "\\xff\\xc0\\xafx");
	is("caf\xc3\xa9 \xf0\x9f\x98\x80", true, 0, "caf\xc3\xa9 \xf0\x9f\x98\x80");
	is("abcdef", false, 6, "abcdef");
	is("abcdefg", false, 6, "abcde\xe2\x80\xa6");
	is("\xe6\xbc\xa2\xe5\xad\x97\xe6\xbc\xa2", false, 5, "\xe6\xbc\xa2\xe5\xad\x97\xe2\x80\xa6");
	is("\xe6\xbc\xa2\xe5\xad\x97\xe6\xbc\xa2", false, 6, "\xe6\xbc\xa2\xe5\xad\x97\xe6\xbc\xa2");
	is("e\xcc\x81" "e\xcc\x81", false, 2, "e\xcc\x81" "e\xcc\x81");
	is("ab\033", false, 5, "ab\xe2\x80\xa6");
}

static size_t columns(const char *p)
{
	const char *end = p + strlen(p);
	size_t sum = 0;

	while (p < end) {
		uint32_t c;

		p += eng_utf8_decode(&c, p, end);
		sum += text_columns(c);
	}
	return sum;
}

/* Whatever the bytes: what leaves is UTF-8 without controls, within the width. */
static void by_chance(void)
{
	struct eng_rng g;
	uint64_t seed = 7;
	int bad = 0;

	eng_rng_seed(&g, seed);
	for (int round = 0; round < 20000 && !bad; round++) {
		char text[40];
		size_t n = eng_rng_below(&g, sizeof text), width = eng_rng_below(&g, 20);
		const char *s;

		for (size_t i = 0; i < n; i++)
			text[i] = (char)(eng_rng_below(&g, 3) ? eng_rng_below(&g, 256) : 'a');
		s = shown(text, n, true, width);
		bad += eng_utf8_check(s, strlen(s)) != strlen(s);
		for (const char *p = s; *p; p++)
			bad += (uint8_t)*p < 0x20 || *p == 0x7f;
		bad += width > 0 && columns(s) > width;
	}
	tap_int(bad, 0, "20,000 random byte strings (seed %d)", (int)seed);
}

int main(void)
{
	by_example();
	by_chance();
	return tap_done();
}
