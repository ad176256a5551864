/* test_base_float.c - floats as text, bit for bit against strtof. */
#include "../lib/tap.h"

#include <float.h>
#include <locale.h>
#include <math.h>

#include "base/num.h"
#include "base/rng.h"
#include "base/types.h"

static long wrong;
static long scanned; /* by the quick way */

#define MORE 48 /* bytes behind a number: the quickest way wants 32 in sight */

/* The quick way, with nothing behind the text and with more numbers there; 1 off
 * where these differ. */
static size_t scan_both(float *out, const char *text, size_t n)
{
	char line[512 + MORE];
	float again = 7;
	size_t took = eng_scan_float(out, text, text + n), second;

	if (n > sizeof line - MORE)
		return took;
	memcpy(line, text, n);
	for (size_t i = n; i < n + MORE; i++)
		line[i] = ",0.125"[(i - n) % 6];
	second = eng_scan_float(&again, line, line + n + MORE);
	return second == took && (took == 0 || memcmp(&again, out, sizeof again) == 0) ? took : took + 1;
}

/* One text, against strtof, the long way and the quick one; the first few
 * differences are shown. */
static void check(const char *text)
{
	float found = 7, quick = 7, wanted = strtof(text, NULL);
	size_t n = strlen(text), took = scan_both(&quick, text, n);
	bool ok = eng_parse_float(&found, text, n);

	scanned += took > 0;
	if (ok == (bool)isfinite(wanted) && (!ok || memcmp(&found, &wanted, sizeof found) == 0) &&
	    (took == 0 || (ok && took == n && memcmp(&quick, &wanted, sizeof quick) == 0)))
		return;
	if (wrong++ < 5)
		tap_note("%s: wanted %a, found %s %a, quickly %zu bytes %a", text, wanted, ok ? "" : "refused", found,
		         took, quick);
}

static float random_float(struct eng_rng *g)
{
	uint32_t bits = (uint32_t)eng_rng_next(g);
	float v;

	if ((bits & 0x7f800000) == 0x7f800000)
		bits ^= 0x40000000;
	memcpy(&v, &bits, sizeof v);
	return v;
}

static void test_parse_random(void)
{
	struct eng_rng g;
	char text[300];

	eng_rng_seed(&g, 11);
	wrong = 0;
	for (int i = 0; i < 600000; i++) {
		float v = random_float(&g);

		sprintf(text, "%.*e", (int)eng_rng_below(&g, 20), v);
		check(text);
	}
	tap_int(wrong, 0, "600,000 random floats in 1 to 20 digits (seed 11)");
	scanned = 0;
	for (int i = 0; i < 1200000; i++) {
		double unit = (double)(eng_rng_next(&g) >> 11) * 0x1p-53 - 0.5;

		if (i % 2)
			sprintf(text, "%.*f", 6 + i % 3, unit);
		else
			sprintf(text, "%.*g", i % 4 ? 17 : 9, i % 4 ? unit : (double)(float)unit);
		check(text);
	}
	tap_int(wrong, 0, "1,200,000 numbers as embeddings have them (seed 11)");
	tap_ok(scanned > 1190000, "nearly all of them the quick way: %ld", scanned);
	for (int i = 0; i < 200000; i++) {
		int n = 0, digits = 1 + (int)eng_rng_below(&g, 40);

		for (int k = 0; k < digits; k++)
			n += sprintf(text + n, "%d%s", (int)eng_rng_below(&g, 10), k == 0 && digits > 1 ? "." : "");
		sprintf(text + n, "e%d", (int)eng_rng_below(&g, 120) - 60);
		check(text);
	}
	tap_int(wrong, 0, "200,000 random digit strings, from underflow to overflow (seed 11)");
}

/* The middle between two floats is exact in double; a hair beside it is not
 * decided by any approximation. */
static void test_parse_ties(void)
{
	struct eng_rng g;
	char text[300];

	eng_rng_seed(&g, 12);
	wrong = 0;
	for (int i = 0; i < 50000; i++) {
		float v = random_float(&g);
		double middle = ((double)v + (double)nextafterf(v, 2 * v)) / 2;
		size_t n;

		if (!isfinite(middle))
			continue;
		sprintf(text, "%.130e", middle);
		check(text);
		n = (size_t)(strchr(text, 'e') - text);
		text[n - 1] = '1';
		check(text);
		sprintf(text, "%.*e", (int)(20 + eng_rng_below(&g, 100)), middle);
		check(text);
	}
	tap_int(wrong, 0, "50,000 ties, and a hair above and below (seed 12)");
}

/* What the quick way takes of any string is what the grammar takes. */
static size_t number_length(const char *p)
{
	const char *at = p + (*p == '-'), *part = at;

	at += *at == '0' ? 1 : strspn(at, "0123456789");
	if (at == part)
		return 0;
	if (*at == '.') {
		part = ++at;
		at += strspn(at, "0123456789");
		if (at == part)
			return 0;
	}
	if (*at == 'e' || *at == 'E') {
		at += 1 + (at[1] == '-' || at[1] == '+');
		part = at;
		at += strspn(at, "0123456789");
		if (at == part)
			return 0;
	}
	return (size_t)(at - p);
}

static void test_scan_grammar(void)
{
	static const char signs[] = "0123456789.eE+-00..19 ,]x/:";
	struct eng_rng g;
	char text[32];

	eng_rng_seed(&g, 14);
	wrong = scanned = 0;
	for (int i = 0; i < 3000000; i++) {
		size_t n = 1 + eng_rng_below(&g, sizeof text - 1), took;
		float found, wanted;

		for (size_t k = 0; k < n; k++)
			text[k] = signs[eng_rng_below(&g, k < 2 ? 10 : sizeof signs - 1)];
		text[n] = 0;
		took = scan_both(&found, text, n);
		if (took == 0)
			continue;
		scanned++;
		if (took != number_length(text)) {
			wrong++;
			continue;
		}
		text[took] = 0;
		wanted = strtof(text, NULL);
		wrong += memcmp(&found, &wanted, sizeof found) != 0;
	}
	tap_int(wrong, 0, "3,000,000 strings of digits and signs: numbers begin where they do in JSON (seed 14)");
	tap_ok(scanned > 1000000, "many of them are numbers: %ld", scanned);
}

static void test_parse_edges(void)
{
	static const char *const texts[] = {
		"0", "-0", "0.0", "-0.0e99999999999", "0e5", "1", "-1", "1e0", "1E+5", "1e-5", "16777217", "16777219",
		"33554435", "9007199254740993", "340282346638528859811704183484516925440", "3.4028235677973366e38",
		"3.4028235677973365e38", "3.40282356779733661637539395458142568447e38", "3.4028236e38", "1e39", "1e400",
		"1e99999999999999999999", "1e-99999999999999999999", "1.401298464324817e-45", "7.006492321624085e-46",
		"7.0064923216240853e-46", "7.0064923216240854e-46", "7.006492321624086e-46", "1e-46", "1e-45", "2e-45",
		"1.17549435e-38", "1.1754942e-38", "1.17549428e-38", "1.1754943508222875e-38", "0.1", "0.2", "0.3",
		"0.000000000000000000000000000000000000000000001", "100000000000000000000000000000000000000",
		"123456789012345678901234567890", "0.5000000298023223876953125", "0.50000002980232238769531250000000000001",
		"8388608.5", "8388609.5", "8388608.4999999999999999999999999", "1e22", "1e23", "1e-22", "1e-23",
		"99999999999999999999e19", "99999999999999999999e-64",
	};
	char text[1200];

	wrong = 0;
	for (size_t i = 0; i < ENG_COUNT(texts); i++)
		check(texts[i]);
	tap_int(wrong, 0, "%zu edges", ENG_COUNT(texts));
	/* digits far beyond what is kept: a tie, then a tie and a bit */
	memset(text, '0', sizeof text);
	memcpy(text, "16777217.", 9);
	text[1000] = '\0';
	check(text);
	text[999] = '1';
	check(text);
	memset(text, '0', 1000);
	memcpy(text, "0.", 2);
	strcpy(text + 1000, "1234567e1000");
	check(text);
	memset(text, '9', 1000);
	strcpy(text + 1000, "e-1000");
	check(text);
	tap_int(wrong, 0, "a thousand digits");
}

/* Does any decimal of fewer digits read back?  By printf: the nearest one of k
 * digits, and its two neighbours. */
static bool has_shorter(float v, size_t digits)
{
	char text[64];
	long mantissa;
	int exponent;

	if (digits == 1)
		return false;
	sprintf(text, "%.*e", (int)digits - 2, fabsf(v));
	exponent = atoi(strchr(text, 'e') + 1) - ((int)digits - 2);
	if (digits > 2)
		memmove(text + 1, text + 2, strlen(text) - 1);
	mantissa = atol(text);
	for (long m = mantissa - 1; m <= mantissa + 1; m++) {
		sprintf(text, "%lde%d", m, exponent);
		if (strtof(text, NULL) == fabsf(v))
			return true;
	}
	return false;
}

static size_t significant(const char *text)
{
	size_t n = 0, zeros = 0;

	for (; *text && *text != 'e'; text++) {
		if (*text < '0' || *text > '9' || (n == 0 && *text == '0'))
			continue;
		n++;
		zeros = *text == '0' ? zeros + 1 : 0;
	}
	return n - zeros;
}

static void check_format(float v)
{
	char text[ENG_FLOAT_TEXT];
	size_t n = eng_format_float(text, v);
	float back = strtof(text, NULL);

	if (n == strlen(text) && memcmp(&back, &v, sizeof v) == 0 && (v == 0 || !has_shorter(v, significant(text))))
		return;
	if (wrong++ < 5)
		tap_note("%a: %s", v, text);
}

static void test_format(void)
{
	static const struct {
		float v;
		const char *text;
	} known[] = {
		{0, "0"}, {-0.0f, "-0"}, {1, "1"}, {-1.5f, "-1.5"}, {0.1f, "0.1"}, {10, "10"}, {1000, "1e3"},
		{1234, "1234"}, {0.05f, "0.05"}, {0.0123f, "0.0123"}, {0.001f, "1e-3"}, {123456.7f, "123456.7"},
		{16777216, "16777216"}, {FLT_MAX, "3.4028235e38"}, {1e-45f, "1e-45"}, {FLT_MIN, "1.1754944e-38"},
		{1e10f, "1e10"}, {33554432, "33554432"}, {9.8e-5f, "9.8e-5"},
	};
	struct eng_rng g;

	for (size_t i = 0; i < ENG_COUNT(known); i++) {
		char text[ENG_FLOAT_TEXT];

		eng_format_float(text, known[i].v);
		tap_str(text, known[i].text, "%a is written %s", known[i].v, known[i].text);
	}
	eng_rng_seed(&g, 13);
	wrong = 0;
	for (int i = 0; i < 300000; i++)
		check_format(random_float(&g));
	for (int i = 0; i < 100000; i++)
		check_format((float)(int)eng_rng_below(&g, 100000) / 1000);
	for (int e = -149; e < 128; e++) {
		check_format(ldexpf(1, e));
		check_format(nextafterf(ldexpf(1, e), 0));
		check_format(nextafterf(ldexpf(1, e), INFINITY));
	}
	tap_int(wrong, 0, "400,000 floats and all powers of two read back, by the fewest digits (seed 13)");
}

static void test_locale(void)
{
	static const char *const names[] = {"de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8", "pt_BR.UTF-8"};
	char text[ENG_FLOAT_TEXT];
	float v = 0;
	size_t i = 0;

	while (i < ENG_COUNT(names) && !setlocale(LC_ALL, names[i]))
		i++;
	if (i == ENG_COUNT(names))
		tap_note("no locale with a decimal comma is installed here");
	eng_format_float(text, 0.25f);
	tap_ok(eng_parse_float(&v, "1.5", 3) && v == 1.5f && strcmp(text, "0.25") == 0,
	       "B16 the locale changes nothing");
	setlocale(LC_ALL, "C");
}

int main(void)
{
	test_parse_random();
	test_parse_ties();
	test_parse_edges();
	test_scan_grammar();
	test_format();
	test_locale();
	return tap_done();
}
