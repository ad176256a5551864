/* num.h - numbers, times and sizes as text, never through the locale. */
#ifndef ENG_BASE_NUM_H
#define ENG_BASE_NUM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* All parsers take the whole of p[0..n) or answer false. */
bool eng_parse_u64(uint64_t *out, const char *p, size_t n);  /* decimal digits only */
bool eng_parse_size(uint64_t *out, const char *p, size_t n); /* digits, then K M G T (or k..) = 2^10.. */
/* digits[.digits], then ms s m h d; bare = seconds.  Rounded up: no wait above 0 becomes 0. */
bool eng_parse_duration_ms(uint64_t *out, const char *p, size_t n);

/* A decimal number 0..1 with any number of digits, rounded half up to
 * 1/10,000; ".5" is one too.  No exponent, sign, nan, hex. */
bool eng_parse_unit4(uint32_t *out, const char *p, size_t n);

/* Times: RFC 3339 ("2026-11-21T10:00:00.123456Z", offset, or a blank for T),
 * a date, "@seconds[.fraction]", or "3d" / "2h" / "10m" / "30s" ago from
 * now_us.  Microseconds since 1970 UTC; years 1..9999. */
bool eng_parse_time(int64_t *us, const char *p, size_t n, int64_t now_us);

/* RFC 3339 in UTC with Z and the shortest fraction of 0, 3 or 6 digits. */
#define ENG_TIME_TEXT 32
size_t eng_format_time(char out[ENG_TIME_TEXT], int64_t us);

/* 0..10,000 as the shortest decimal: "0", "0.5", "0.7123", "1". */
#define ENG_UNIT4_TEXT 8
size_t eng_format_unit4(char out[ENG_UNIT4_TEXT], uint32_t v);

/* A JSON number's text (already checked against the grammar) to the nearest
 * float, bit-equal to strtof in the C locale; false if it overflows. */
bool eng_parse_float(float *out, const char *p, size_t n);
/* The JSON number that p[0..end) begins with, to the same float, where that is
 * quickly decided: the length of its text.  0: no number, or one for which the
 * long way above is needed.  What follows the number is not looked at. */
size_t eng_scan_float(float *out, const char *p, const char *end);
/* The fewest digits that read back to exactly v (finite), plain or with an
 * exponent, whichever is shorter. */
#define ENG_FLOAT_TEXT 24
size_t eng_format_float(char out[ENG_FLOAT_TEXT], float v);

/* Near-miss hints: Damerau-Levenshtein distance of two short words (<= 64 bytes). */
unsigned eng_distance(const char *a, const char *b);
/* The nearest of n words within a third of its length, or NULL. */
const char *eng_nearest(const char *word, const char *const *words, size_t n);

/* floor(sqrt(v)). */
uint32_t eng_isqrt64(uint64_t v);

#endif
