/* time.c - microseconds since 1970-01-01 UTC as text and back.
 *
 * The calendar is the Gregorian one in both directions.  Days are counted from
 * a year that begins in March, so that the leap day is the last of the year
 * and month lengths follow the straight line (153 m + 2) / 5. */
#include "base/num.h"

#include <string.h>

#define SECOND_US INT64_C(1000000)
#define DAY_S INT64_C(86400)
#define YEAR_1_S (-INT64_C(62135596800))   /* 0001-01-01T00:00:00Z */
#define YEAR_10000_S INT64_C(253402300800) /* 10000-01-01T00:00:00Z */

static int64_t days_of_date(int64_t y, unsigned m, unsigned d)
{
	int64_t era;
	unsigned yoe, doy;

	y -= m <= 2;
	era = (y >= 0 ? y : y - 399) / 400;
	yoe = (unsigned)(y - era * 400);
	doy = (153 * (m > 2 ? m - 3 : m + 9) + 2) / 5 + d - 1;
	return era * 146097 + (int64_t)(yoe * 365 + yoe / 4 - yoe / 100 + doy) - 719468;
}

static void date_of_days(int64_t *y, unsigned *m, unsigned *d, int64_t days)
{
	int64_t z = days + 719468, era = (z >= 0 ? z : z - 146096) / 146097;
	unsigned doe = (unsigned)(z - era * 146097);
	unsigned yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	unsigned doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	unsigned mp = (5 * doy + 2) / 153;

	*d = doy - (153 * mp + 2) / 5 + 1;
	*m = mp < 10 ? mp + 3 : mp - 9;
	*y = (int64_t)yoe + era * 400 + (*m <= 2);
}

static unsigned month_days(unsigned y, unsigned m)
{
	static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

	return days[m - 1] + (m == 2 && y % 4 == 0 && (y % 100 != 0 || y % 400 == 0));
}

/* Reads exactly n digits at *p, then the character `then` (0 = none). */
static bool take(unsigned *out, const char **p, const char *end, size_t n, char then)
{
	const char *at = *p;
	unsigned v = 0;

	if ((size_t)(end - at) < n + (then != 0))
		return false;
	for (size_t i = 0; i < n; i++, at++) {
		if (*at < '0' || *at > '9')
			return false;
		v = v * 10 + (unsigned)(*at - '0');
	}
	if (then && *at++ != then)
		return false;
	*p = at;
	*out = v;
	return true;
}

/* Digits of a fraction of a second, in microseconds; what is finer is cut. */
static bool take_micros(unsigned *us, const char **p, const char *end)
{
	const char *at = *p;
	unsigned scale = 100000;

	for (*us = 0; at < end && *at >= '0' && *at <= '9'; at++, scale /= 10)
		*us += (unsigned)(*at - '0') * scale;
	if (at == *p)
		return false;
	*p = at;
	return true;
}

/* Z or an offset, in minutes east. */
static bool take_zone(int *minutes, const char **p, const char *end)
{
	unsigned h, m;
	char sign;

	if (*p == end)
		return false;
	sign = *(*p)++;
	*minutes = 0;
	if (sign == 'Z' || sign == 'z')
		return true;
	if (sign != '+' && sign != '-')
		return false;
	if (!take(&h, p, end, 2, ':') || !take(&m, p, end, 2, 0) || h > 23 || m > 59)
		return false;
	*minutes = (int)(h * 60 + m) * (sign == '-' ? -1 : 1);
	return true;
}

static bool in_range(int64_t *us, int64_t s, unsigned fraction)
{
	if (s < YEAR_1_S || s >= YEAR_10000_S)
		return false;
	*us = s * SECOND_US + fraction;
	return true;
}

static bool take_date(int64_t *days, const char **p, const char *end)
{
	unsigned y, m, d;

	if (!take(&y, p, end, 4, '-') || !take(&m, p, end, 2, '-') || !take(&d, p, end, 2, 0))
		return false;
	if (y < 1 || m < 1 || m > 12 || d < 1 || d > month_days(y, m))
		return false;
	*days = days_of_date(y, m, d);
	return true;
}

static bool parse_rfc3339(int64_t *us, const char *p, const char *end)
{
	int64_t days, s;
	unsigned h, m, second, fraction = 0;
	int zone;

	if (!take_date(&days, &p, end))
		return false;
	if (p == end)
		return in_range(us, days * DAY_S, 0);
	if (*p != 'T' && *p != 't' && *p != ' ')
		return false;
	p++;
	if (!take(&h, &p, end, 2, ':') || !take(&m, &p, end, 2, ':') || !take(&second, &p, end, 2, 0))
		return false;
	if (p < end && *p == '.') {
		p++;
		if (!take_micros(&fraction, &p, end))
			return false;
	}
	if (!take_zone(&zone, &p, end) || p != end || h > 23 || m > 59 || second > 60)
		return false;
	s = days * DAY_S + (int64_t)h * 3600 + (int64_t)m * 60 + second - (int64_t)zone * 60;
	/* A leap second is the last of a UTC day; here it is the next one's first. */
	if (second == 60 && s % DAY_S != 0)
		return false;
	return in_range(us, s, fraction);
}

/* "1763719200.5", "-1.5" behind the @. */
static bool parse_seconds(int64_t *us, const char *p, const char *end)
{
	bool negative = p < end && *p == '-';
	const char *dot;
	unsigned fraction = 0;
	uint64_t s;

	p += negative;
	dot = memchr(p, '.', (size_t)(end - p));
	if (!eng_parse_u64(&s, p, (size_t)((dot ? dot : end) - p)) || s > (uint64_t)YEAR_10000_S)
		return false;
	if (dot) {
		p = dot + 1;
		if (!take_micros(&fraction, &p, end) || p != end)
			return false;
	}
	if (!negative)
		return in_range(us, (int64_t)s, fraction);
	return in_range(us, -(int64_t)s - (fraction > 0), fraction > 0 ? 1000000 - fraction : 0);
}

static bool parse_ago(int64_t *us, const char *p, size_t n, int64_t now_us)
{
	uint64_t ms;
	int64_t ago, then;

	if (n == 0 || !strchr("smhd", p[n - 1]) || !eng_parse_duration_ms(&ms, p, n) || ms > INT64_MAX / 1000)
		return false;
	ago = (int64_t)ms * 1000;
	if (__builtin_sub_overflow(now_us, ago, &then) || then < YEAR_1_S * SECOND_US)
		return false;
	*us = then;
	return true;
}

bool eng_parse_time(int64_t *us, const char *p, size_t n, int64_t now_us)
{
	if (n > 0 && *p == '@')
		return parse_seconds(us, p + 1, p + n);
	if (n > 4 && p[4] == '-')
		return parse_rfc3339(us, p, p + n);
	return parse_ago(us, p, n, now_us);
}

/* Writes v in exactly `width` digits, then `then`; returns how many characters. */
static size_t put(char *out, uint64_t v, size_t width, char then)
{
	for (size_t i = width; i-- > 0; v /= 10)
		out[i] = (char)('0' + v % 10);
	out[width] = then;
	return width + 1;
}

/* Four, and for the years beyond 9999 as many as it takes: shown, not wrapped. */
static size_t year_width(int64_t y)
{
	size_t width = 4;

	for (int64_t rest = (y < 0 ? -y : y) / 10000; rest > 0; rest /= 10)
		width++;
	return width;
}

size_t eng_format_time(char out[ENG_TIME_TEXT], int64_t us)
{
	int64_t s = us / SECOND_US - (us % SECOND_US < 0), y;
	int64_t days = s / DAY_S - (s % DAY_S < 0);
	unsigned fraction = (unsigned)(us - s * SECOND_US), rest = (unsigned)(s - days * DAY_S), m, d;
	size_t n = 0;

	date_of_days(&y, &m, &d, days);
	if (y < 0)
		out[n++] = '-';
	n += put(out + n, (uint64_t)(y < 0 ? -y : y), year_width(y), '-');
	n += put(out + n, m, 2, '-');
	n += put(out + n, d, 2, 'T');
	n += put(out + n, rest / 3600, 2, ':');
	n += put(out + n, rest / 60 % 60, 2, ':');
	n += put(out + n, rest % 60, 2, '.');
	if (fraction == 0)
		n--;
	else if (fraction % 1000 == 0)
		n += put(out + n, fraction / 1000, 3, 'Z') - 1;
	else
		n += put(out + n, fraction, 6, 'Z') - 1;
	out[n++] = 'Z';
	out[n] = '\0';
	return n;
}
