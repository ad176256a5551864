/* test_base_time.c - times as text, against the C library's calendar. */
#include "../lib/tap.h"

#include <time.h>

#include "base/num.h"
#include "base/rng.h"
#include "base/types.h"

#define NOW INT64_C(1763719200000000) /* 2025-11-21T10:00:00Z */
#define FIRST INT64_C(-62135596800000000)
#define LAST INT64_C(253402300799999999)

static bool parse(int64_t *us, const char *z)
{
	return eng_parse_time(us, z, strlen(z), NOW);
}

static void test_known(void)
{
	static const struct {
		const char *text, *wanted;
	} cases[] = {
		{"1970-01-01T00:00:00Z", "1970-01-01T00:00:00Z"},
		{"1970-01-01", "1970-01-01T00:00:00Z"},
		{"2026-11-21T10:00:00.123456Z", "2026-11-21T10:00:00.123456Z"},
		{"2026-11-21 10:00:00.5+01:00", "2026-11-21T09:00:00.500Z"},
		{"2026-11-21t10:00:00.1234569z", "2026-11-21T10:00:00.123456Z"},
		{"2024-02-29T23:59:59-00:30", "2024-03-01T00:29:59Z"},
		{"2016-12-31T23:59:60Z", "2017-01-01T00:00:00Z"},
		{"2017-01-01T00:59:60+01:00", "2017-01-01T00:00:00Z"},
		{"1969-12-31T23:59:59.999999Z", "1969-12-31T23:59:59.999999Z"},
		{"0001-01-01", "0001-01-01T00:00:00Z"},
		{"9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59.999999Z"},
		{"2000-02-29", "2000-02-29T00:00:00Z"},
		{"@0", "1970-01-01T00:00:00Z"},
		{"@1763719200.25", "2025-11-21T10:00:00.250Z"},
		{"@-1.5", "1969-12-31T23:59:58.500Z"},
		{"@-62135596800", "0001-01-01T00:00:00Z"},
		{"3d", "2025-11-18T10:00:00Z"},
		{"2h", "2025-11-21T08:00:00Z"},
		{"10m", "2025-11-21T09:50:00Z"},
		{"1.5s", "2025-11-21T09:59:58.500Z"},
		{"0s", "2025-11-21T10:00:00Z"},
	};

	for (size_t i = 0; i < ENG_COUNT(cases); i++) {
		char out[ENG_TIME_TEXT] = "refused";
		int64_t us;

		if (parse(&us, cases[i].text))
			eng_format_time(out, us);
		tap_str(out, cases[i].wanted, "%s", cases[i].text);
	}
}

static void test_refused(void)
{
	static const char *const texts[] = {
		"", "now", "2026", "2026-11", "2026-1-1", "2026-11-21T", "2026-11-21T10", "2026-11-21T10:00Z",
		"2026-11-21T10:00:00", "2026-11-21T10:00:00+0100", "2026-11-21T10:00:00+24:00", "2026-11-21T10:00:00.Z",
		"2026-11-21T10:00:00ZZ", "2026-11-21T24:00:00Z", "2026-11-21T10:60:00Z", "2026-11-21T10:00:61Z",
		"2026-11-21T10:00:60Z", "2026-11-31", "2025-02-29", "1900-02-29", "2026-13-01", "2026-00-01",
		"2026-01-00", "0000-12-31", "0001-01-01T00:00:00+00:01", "9999-12-31T23:59:59-00:01", "+2026-01-01",
		"10000-01-01", " 2026-11-21", "2026-11-21 ", "2026/11/21", "@", "@x", "@1.", "@.5", "@1e3", "@--1",
		"@253402300800", "@99999999999999999999", "@-62135596800.1", "3", "d", "-3d", "3w", "3 d", "3dd",
		"9999999999d", "18446744073709551615s",
	};
	long passed = 0;

	for (size_t i = 0; i < ENG_COUNT(texts); i++) {
		int64_t us = 42;

		if (parse(&us, texts[i]) || us != 42) {
			tap_note("accepted: \"%s\"", texts[i]);
			passed++;
		}
	}
	tap_int(passed, 0, "%zu texts that are no time are refused and leave the result alone", ENG_COUNT(texts));
}

/* The same by the C library. */
static void libc_format(char out[ENG_TIME_TEXT], int64_t us)
{
	int64_t rest = (us % 1000000 + 1000000) % 1000000;
	time_t s = (time_t)((us - rest) / 1000000);
	struct tm tm;

	gmtime_r(&s, &tm);
	sprintf(out, "%04d-%02d-%02dT%02d:%02d:%02d", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday,
	        tm.tm_hour, tm.tm_min, tm.tm_sec);
	if (rest % 1000)
		sprintf(out + 19, ".%06d", (int)rest);
	else if (rest)
		sprintf(out + 19, ".%03d", (int)rest / 1000);
	strcat(out, "Z");
}

static void test_against_libc(void)
{
	char mine[ENG_TIME_TEXT], theirs[64];
	struct eng_rng g;
	long wrong = 0, wrong_day = 0;

	eng_rng_seed(&g, 9);
	for (int i = 0; i < 300000; i++) {
		int64_t us = FIRST + (int64_t)eng_rng_below(&g, (uint64_t)(LAST - FIRST) + 1), back;
		size_t n;

		us -= i % 3 == 0 ? us % 1000000 : i % 3 == 1 ? us % 1000 : 0;
		n = eng_format_time(mine, us);
		libc_format(theirs, us);
		wrong += strcmp(mine, theirs) != 0 || strlen(mine) != n || !parse(&back, mine) || back != us;
	}
	tap_int(wrong, 0, "300,000 times of years 1..9999 as the C library has them, and back (seed 9)");
	for (int64_t us = FIRST; us <= LAST; us += INT64_C(86400000000)) {
		time_t s = (time_t)(us / 1000000);
		struct tm tm;

		if (us / INT64_C(86400000000) % 7 != 0) /* every seventh day: each month, each leap rule */
			continue;
		gmtime_r(&s, &tm);
		eng_format_time(mine, us);
		wrong_day += atoi(mine) != tm.tm_year + 1900 || atoi(mine + 5) != tm.tm_mon + 1 ||
		             atoi(mine + 8) != tm.tm_mday;
	}
	tap_int(wrong_day, 0, "a day of every week of 9,999 years");
}

static void test_extremes(void)
{
	char text[ENG_TIME_TEXT];

	tap_ok(eng_format_time(text, INT64_MAX) < ENG_TIME_TEXT, "the largest time fits: %s", text);
	tap_str(text, "294247-01-10T04:00:54.775807Z", "the largest time");
	tap_ok(eng_format_time(text, INT64_MIN) < ENG_TIME_TEXT, "the smallest time fits: %s", text);
}

int main(void)
{
	test_known();
	test_refused();
	test_against_libc();
	test_extremes();
	return tap_done();
}
