/* num.c - whole numbers, sizes, durations and 1/10,000 units as text.
 *
 * Nothing here looks at the locale, skips blanks or takes a sign: "+5", " 5",
 * "0x5" and "5 " are not numbers. */
#include "base/num.h"

#include <string.h>

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Reads digits at *p, moving it; false if there is none or above 2^64. */
static bool take_digits(uint64_t *out, const char **p, const char *end)
{
	const char *at = *p;
	uint64_t v = 0;

	for (; at < end && is_digit(*at); at++)
		if (__builtin_mul_overflow(v, 10, &v) || __builtin_add_overflow(v, (uint64_t)(*at - '0'), &v))
			return false;
	if (at == *p)
		return false;
	*p = at;
	*out = v;
	return true;
}

bool eng_parse_u64(uint64_t *out, const char *p, size_t n)
{
	const char *at = p;
	uint64_t v;

	if (!take_digits(&v, &at, p + n) || at != p + n)
		return false;
	*out = v;
	return true;
}

bool eng_parse_size(uint64_t *out, const char *p, size_t n)
{
	static const char suffixes[] = "KMGTkmgt";
	const char *suffix = n && p[n - 1] ? strchr(suffixes, p[n - 1]) : NULL;
	unsigned shift = suffix ? 10 * (1 + (unsigned)(suffix - suffixes) % 4) : 0;
	uint64_t v;

	if (!eng_parse_u64(&v, p, n - (suffix != NULL)) || v > UINT64_MAX >> shift)
		return false;
	*out = v << shift;
	return true;
}

/* Milliseconds of a unit, 0 = no unit. */
static uint64_t unit_ms(const char *p, size_t n)
{
	if (n == 0 || (n == 1 && *p == 's'))
		return 1000;
	if (n == 2 && p[0] == 'm' && p[1] == 's')
		return 1;
	if (n != 1)
		return 0;
	return *p == 'm' ? 60000 : *p == 'h' ? 3600000 : *p == 'd' ? 86400000 : 0;
}

/* A fraction's digits at *p times `unit`, rounded up.  After 12 digits the
 * rest of a day is below a microsecond: only whether it is zero matters. */
static uint64_t take_fraction(const char **p, const char *end, uint64_t unit)
{
	unsigned __int128 value = 0, one = 1;
	bool more = false;

	for (unsigned k = 0; *p < end && is_digit(**p); ++*p, k++) {
		if (k < 12) {
			value = value * 10 + (unsigned)(**p - '0');
			one *= 10;
		} else {
			more |= **p != '0';
		}
	}
	value = value * unit + more;
	return (uint64_t)((value + one - 1) / one);
}

bool eng_parse_duration_ms(uint64_t *out, const char *p, size_t n)
{
	const char *at = p, *end = p + n, *unit = end, *fraction;
	uint64_t whole, ms, scale, v;

	while (unit > p && *(unit - 1) >= 'a' && *(unit - 1) <= 'z')
		unit--;
	scale = unit_ms(unit, (size_t)(end - unit));
	if (scale == 0 || !take_digits(&whole, &at, unit) || __builtin_mul_overflow(whole, scale, &v))
		return false;
	if (at < unit && *at == '.') {
		fraction = ++at;
		ms = take_fraction(&at, unit, scale);
		if (at == fraction || __builtin_add_overflow(v, ms, &v))
			return false;
	}
	if (at != unit)
		return false;
	*out = v;
	return true;
}

bool eng_parse_unit4(uint32_t *out, const char *p, size_t n)
{
	const char *at = p, *end = p + n;
	uint64_t whole = 0;
	uint32_t v = 0, scale = 1000;
	bool above = false; /* a digit that counts behind the fourth */
	bool dot, half = false;

	dot = at < end && *at == '.';
	if (!dot && (!take_digits(&whole, &at, end) || whole > 1))
		return false;
	if (at < end && *at++ == '.') {
		if (at == end)
			return false;
		for (unsigned k = 0; at < end && is_digit(*at); at++, k++) {
			if (k < 4)
				v += (uint32_t)(*at - '0') * scale;
			else
				above |= *at != '0';
			if (k == 4)
				half = *at >= '5';
			scale /= 10;
		}
	}
	if (at != end || (whole == 1 && (v > 0 || above)))
		return false;
	*out = (uint32_t)whole * 10000 + v + half;
	return true;
}

size_t eng_format_unit4(char out[ENG_UNIT4_TEXT], uint32_t v)
{
	size_t n = 0;

	out[n++] = v >= 10000 ? '1' : '0';
	v = v >= 10000 ? 0 : v;
	if (v > 0)
		out[n++] = '.';
	for (uint32_t scale = 1000; v > 0; scale /= 10) {
		out[n++] = (char)('0' + v / scale);
		v %= scale;
	}
	out[n] = '\0';
	return n;
}

/* Bit by bit from the top: result^2 <= v is kept true throughout. */
uint32_t eng_isqrt64(uint64_t v)
{
	uint64_t rest = v, result = 0;

	for (uint64_t bit = UINT64_C(1) << 62; bit; bit >>= 2) {
		if (rest >= result + bit) {
			rest -= result + bit;
			result = (result >> 1) + bit;
		} else {
			result >>= 1;
		}
	}
	return (uint32_t)result;
}
