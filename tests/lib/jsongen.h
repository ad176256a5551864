/* jsongen.h - random JSON documents and mutations of them, from a seed. */
#ifndef JSONGEN_H
#define JSONGEN_H

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/rng.h"
#include "base/types.h"

static void jsongen_pick(struct eng_buf *b, struct eng_rng *g, const char *const *from, size_t n)
{
	eng_buf_str(b, from[eng_rng_below(g, n)]);
}

static void jsongen_blank(struct eng_buf *b, struct eng_rng *g)
{
	static const char *const blanks[] = {" ", "\t", "\r", "  "};

	if (eng_rng_below(g, 6) == 0)
		jsongen_pick(b, g, blanks, ENG_COUNT(blanks));
}

static void jsongen_string(struct eng_buf *b, struct eng_rng *g)
{
	static const char *const parts[] = {
		"a", "bc", "\\n", "\\\"", "\\\\", "\\/", "\\u0041", "\\u00e9", "\\ud83d\\ude00", "\\uFFFD", "\xc3\xa9",
		"\xe2\x82\xac", "\xf0\x9f\x98\x80", "\x7f", "\xc2\x85", "\xe2\x80\xae", "\xef\xbf\xbf", "\\b\\f\\r\\t",
		"\\u001b", "plain words of some length", "\\uD834\\uDD1E", "\xe2\x80\xa8", " ", "{", "]", ":", ",",
	};

	eng_buf_byte(b, '"');
	for (uint64_t n = eng_rng_below(g, 5); n > 0; n--)
		jsongen_pick(b, g, parts, ENG_COUNT(parts));
	eng_buf_byte(b, '"');
}

static void jsongen_number(struct eng_buf *b, struct eng_rng *g)
{
	static const char *const numbers[] = {"0", "-0", "1", "-17", "3.25", "1e5", "1E-5", "2e+3", "-0.5",
	                                      "123456789012", "0.0001", "6.02e23"};

	jsongen_pick(b, g, numbers, ENG_COUNT(numbers));
}

/* One value; keys of an object are made different by a number. */
static void jsongen_value(struct eng_buf *b, struct eng_rng *g, unsigned depth)
{
	static const char *const words[] = {"true", "false", "null"};
	uint64_t kind = eng_rng_below(g, depth > 5 ? 4 : 7);
	uint64_t n = eng_rng_below(g, 5);

	jsongen_blank(b, g);
	switch (kind) {
	case 0:
		jsongen_pick(b, g, words, ENG_COUNT(words));
		break;
	case 1:
		jsongen_number(b, g);
		break;
	case 2:
	case 3:
		jsongen_string(b, g);
		break;
	case 4:
		eng_buf_byte(b, '[');
		for (uint64_t i = 0; i < n; i++) {
			eng_buf_str(b, i ? "," : "");
			jsongen_value(b, g, depth + 1);
		}
		jsongen_blank(b, g);
		eng_buf_byte(b, ']');
		break;
	default:
		eng_buf_byte(b, '{');
		for (uint64_t i = 0; i < n; i++) {
			eng_buf_str(b, i ? "," : "");
			jsongen_blank(b, g);
			jsongen_string(b, g);
			b->n--;
			eng_buf_printf(b, "%d\"", (int)i);
			jsongen_blank(b, g);
			eng_buf_byte(b, ':');
			jsongen_value(b, g, depth + 1);
		}
		eng_buf_byte(b, '}');
		break;
	}
	jsongen_blank(b, g);
}

/* Changes, removes, doubles or inserts a few bytes, favouring those that matter. */
static void jsongen_mutate(struct eng_buf *b, struct eng_rng *g)
{
	static const char telling[] = "\"\\{}[]:,0123456789-+.eEtfnu \t\n\x01\x7f\x80\xc0\xed\xf5\xff/*'ad8";

	for (uint64_t times = 1 + eng_rng_below(g, 3); times > 0 && b->n > 0; times--) {
		size_t at = (size_t)eng_rng_below(g, b->n);
		uint8_t byte = (uint8_t)telling[eng_rng_below(g, sizeof telling - 1)];

		switch (eng_rng_below(g, 4)) {
		case 0:
			b->p[at] = byte;
			break;
		case 1:
			memmove(b->p + at, b->p + at + 1, b->n - at - 1);
			b->n--;
			break;
		case 2:
			b->n = eng_rng_below(g, 4) ? b->n : at;
			break;
		default:
			eng_buf_byte(b, 0);
			memmove(b->p + at + 1, b->p + at, b->n - at - 1);
			b->p[at] = eng_rng_below(g, 2) ? byte : b->p[at];
			break;
		}
	}
}

#endif
