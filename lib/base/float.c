/* float.c - decimal text to the nearest float and back, exactly, in any locale.
 *
 * strtof and printf follow the locale's decimal point, so neither is used.
 *
 * Reading.  The digits make an integer w and a power of ten e, both exact.
 * w * 10^e in double is off by a few units in its 53rd bit, while a float has
 * 24 bits: unless the double falls within a hair of the middle between two
 * floats, both lie on the same side and rounding the double rounds the number.
 * In the hair (1 in 2^25 of random numbers, and all exact ties) the
 * number is compared with the middle in big integers.
 *
 *     16777217 = 2^24 + 1: floats 16777216 and 16777218, middle 16777217:
 *     the double says 0.5 exactly, the comparison says equal, so the even one.
 *
 * Scanning takes the grammar and the digits in one pass, eight digits at a time,
 * and leaves to the reading above what its double does not decide, numbers of
 * more than 19 digits, and powers of ten that no double holds: of embeddings
 * nearly nothing, and they take a third of the time.
 *
 * Writing.  Nine digits always read back.  From there digits are taken away
 * as long as one of the two neighbours of fewer digits still reads back; if
 * one does with k digits, one does with k + 1, so the first failure ends it. */
#include "base/num.h"

#include <assert.h>
#include <float.h>
#include <math.h>
#include <string.h>

#include "base/le.h"

/* x87 would round twice; build with -mfpmath=sse there. */
_Static_assert(FLT_EVAL_METHOD == 0, "needs arithmetic in the type of its operands");
_Static_assert(FLT_RADIX == 2 && FLT_MANT_DIG == 24 && DBL_MANT_DIG == 53, "needs IEEE 754");

#define LOWEST_EXPONENT (FLT_MIN_EXP - FLT_MANT_DIG) /* -149: the smallest float is 2^-149 */

/* A middle between two floats, m * 2^-150 with m < 2^25 at the finest, has at
 * most 113 digits; of a longer number the rest only says "a little more". */
#define DIGITS_MAX 128

/* A decimal number: sign, significant digits (bytes 0..9, no leading zero)
 * without the point, times 10^exponent. */
struct decimal {
	bool negative;
	size_t n;
	int exponent;
	uint64_t first; /* the first 19 digits, or as many as there are, as a number */
	uint8_t digits[DIGITS_MAX];
};

#define FIRST_DIGITS 19 /* what 64 bits hold */

/* ----- exact comparison */

/* Little-endian limbs.  The largest numbers that meet: 128 digits (426 bits)
 * times 2^150, or a 25-bit middle times 10^173 (575 bits): under 640 bits. */
struct big {
	size_t n;
	uint32_t limb[20];
};

static void big_mul_add(struct big *b, uint32_t factor, uint32_t add)
{
	uint64_t carry = add;

	for (size_t i = 0; i < b->n; i++) {
		carry += (uint64_t)b->limb[i] * factor;
		b->limb[i] = (uint32_t)carry;
		carry >>= 32;
	}
	if (carry) {
		assert(b->n < sizeof b->limb / sizeof b->limb[0]);
		b->limb[b->n++] = (uint32_t)carry;
	}
}

static void big_scale(struct big *b, uint32_t factor, int times)
{
	for (; times > 0; times--)
		big_mul_add(b, factor, 0);
}

static int big_cmp(const struct big *a, const struct big *b)
{
	if (a->n != b->n)
		return a->n < b->n ? -1 : 1;
	for (size_t i = a->n; i-- > 0;)
		if (a->limb[i] != b->limb[i])
			return a->limb[i] < b->limb[i] ? -1 : 1;
	return 0;
}

/* Compares d, sign aside, with m * 2^q. */
static int decimal_cmp(const struct decimal *d, uint32_t m, int q)
{
	struct big a = {0}, b = {0};

	for (size_t i = 0; i < d->n; i++)
		big_mul_add(&a, 10, d->digits[i]);
	big_mul_add(&b, 1, m);
	big_scale(d->exponent > 0 ? &a : &b, 10, d->exponent > 0 ? d->exponent : -d->exponent);
	big_scale(q > 0 ? &b : &a, 2, q > 0 ? q : -q);
	return big_cmp(&a, &b);
}

/* ----- reading */

/* The powers of ten that a double holds exactly. */
static const double tens[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                              1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

/* d, sign aside, within 8 units of the 53rd bit: 19 digits are kept (cut:
 * 2^-59), and their conversion and each of at most three products or quotients
 * rounds once. */
static double approximate(const struct decimal *d)
{
	int e = d->exponent + (d->n > FIRST_DIGITS ? (int)d->n - FIRST_DIGITS : 0);
	double x = (double)d->first;

	for (; e > 22; e -= 22)
		x *= 1e22;
	for (; e < -22; e += 22)
		x /= 1e22;
	return e < 0 ? x / tens[-e] : x * tens[e];
}

/* Does every number within 8 units of x round to the same float as x?  A normal
 * float keeps 24 of x's 53 bits; the 29 others say how far the middle is. */
static bool decided(double x)
{
	uint64_t bits;
	int64_t rest;

	memcpy(&bits, &x, sizeof bits);
	rest = (int64_t)(bits & ((1u << 29) - 1)) - (1 << 28);
	return (rest > 8 || rest < -8) && x >= 2 * (double)FLT_MIN && x <= (double)FLT_MAX;
}

/* The slow way, for what approximate() leaves open and for subnormal numbers:
 * d's size in units of the floats around x, in whole and half units. */
static double round_exactly(const struct decimal *d, double x)
{
	int q = 0;
	uint32_t k;
	double beyond;

	frexp(x, &q);
	q = q - FLT_MANT_DIG > LOWEST_EXPONENT ? q - FLT_MANT_DIG : LOWEST_EXPONENT;
	x = ldexp(x, -q); /* floats near it are whole numbers now, under 2^24 */
	k = (uint32_t)x;
	beyond = x - k - 0.5;
	if (beyond > -0x1p-24 && beyond < 0x1p-24) { /* 8 units are 2^-26 at most */
		int side = decimal_cmp(d, 2 * k + 1, q - 1);

		k += side > 0 || (side == 0 && k % 2 == 1);
	} else {
		k += beyond > 0;
	}
	return ldexp(k, q);
}

/* The nearest float, ties to even; false beyond the largest. */
static bool decimal_to_float(float *out, const struct decimal *d)
{
	int magnitude = (int)d->n + d->exponent; /* d < 10^magnitude */
	double x = 0;

	if (magnitude > 39 && d->n > 0) /* the largest is 3.4e38 */
		return false;
	if (magnitude >= -45 && d->n > 0) { /* else under half of the smallest, 1.4e-45 */
		x = approximate(d);
		if (!decided(x))
			x = round_exactly(d, x);
		if (x > (double)FLT_MAX)
			return false;
	}
	*out = d->negative ? -(float)x : (float)x;
	return true;
}

/* Adds a digit; leading zeros count nothing.  Of what does not fit it only
 * matters whether it is more than a middle, which ends in zeros there: a last
 * digit 1 says so. */
static void add_digit(struct decimal *d, unsigned digit, bool behind_point)
{
	if (d->n == 0 && digit == 0) {
		d->exponent -= behind_point;
	} else if (d->n < DIGITS_MAX) {
		d->first = d->n < FIRST_DIGITS ? d->first * 10 + digit : d->first;
		d->digits[d->n++] = (uint8_t)digit;
		d->exponent -= behind_point;
	} else {
		d->exponent += !behind_point;
		if (digit != 0 && d->digits[d->n - 1] == 0)
			d->digits[d->n - 1] = 1;
	}
}

static int parse_exponent(const char *p, const char *end)
{
	bool negative = p < end && *p == '-';
	int v = 0;

	if (p < end && (*p == '-' || *p == '+'))
		p++;
	for (; p < end; p++)
		if (v < 100000) /* beyond, every number is 0 or too large already */
			v = v * 10 + (*p - '0');
	return negative ? -v : v;
}

bool eng_parse_float(float *out, const char *p, size_t n)
{
	struct decimal d;
	const char *end = p + n;
	bool behind_point = false;

	d.n = 0;
	d.exponent = 0;
	d.first = 0;
	d.negative = n > 0 && *p == '-';
	for (p += d.negative; p < end && *p != 'e' && *p != 'E'; p++) {
		if (*p == '.')
			behind_point = true;
		else
			add_digit(&d, (unsigned)(*p - '0'), behind_point);
	}
	if (p < end)
		d.exponent += parse_exponent(p + 1, end);
	return decimal_to_float(out, &d);
}

/* ----- scanning */

/* A number in the making: digits and where its point stands.  Its functions are
 * inline so that it stays in registers: a quarter of the time. */
struct scan {
	const char *at, *end;
	uint64_t digits;
	unsigned n; /* of them, leading zeros left out */
	int exponent;
};

static inline unsigned digit(const struct scan *s)
{
	return s->at < s->end ? (unsigned)(unsigned char)*s->at - '0' : 10;
}

#define EACH_BYTE(b) (UINT64_C(0x0101010101010101) * (b))

/* The top bit of each byte that is no digit, exact up to the first of them: above '9'
 * the sum has it, below '0' the difference, and carries go up only. */
static inline uint64_t no_digits(uint64_t v)
{
	return ((v + EACH_BYTE(0x46)) | (v - EACH_BYTE(0x30))) & EACH_BYTE(0x80);
}

/* The values of eight digits, the first in the lowest byte, as a number: pairs,
 * then fours, then all. */
static inline uint32_t eight(uint64_t v)
{
	v = v * 10 + (v >> 8);
	v = (v & UINT64_C(0x00ff00ff00ff00ff)) * 100 + (v >> 16 & UINT64_C(0x00ff00ff00ff00ff));
	v = (v & UINT64_C(0x0000ffff0000ffff)) * 10000 + (v >> 32 & UINT64_C(0x0000ffff0000ffff));
	return (uint32_t)v;
}

/* Eight digits at once, if so many stand here. */
static inline bool take_eight(struct scan *s)
{
	uint64_t v;

	if (s->end - s->at < 8)
		return false;
	v = eng_get64(s->at);
	if (no_digits(v))
		return false;
	s->digits = s->digits * 100000000 + eight(v - EACH_BYTE(0x30));
	s->at += 8;
	return true;
}

/* 10^19 < 2^64: up to FIRST_DIGITS nothing overflows, and beyond them the
 * caller gives up. */
static inline void take_digits(struct scan *s)
{
	const char *began = s->at;
	unsigned d;

	while (s->n + (unsigned)(s->at - began) + 8 <= FIRST_DIGITS && take_eight(s))
		;
	for (; (d = digit(s)) < 10; s->at++)
		s->digits = s->digits * 10 + d;
	s->n += (unsigned)(s->at - began);
}

static inline bool take_fraction(struct scan *s)
{
	const char *began = ++s->at;

	while (s->n == 0 && digit(s) == 0)
		s->at++;
	take_digits(s);
	s->exponent = (int)(began - s->at);
	return s->at > began;
}

static inline bool take_exponent(struct scan *s)
{
	bool negative = ++s->at < s->end && *s->at == '-';
	const char *began;
	int v = 0;

	s->at += s->at < s->end && (*s->at == '-' || *s->at == '+');
	for (began = s->at; digit(s) < 10 && v < 1000; s->at++)
		v = v * 10 + (int)digit(s);
	s->exponent += negative ? -v : v;
	return s->at > began && digit(s) >= 10;
}

static inline bool take_decimal(struct scan *s)
{
	const char *began = s->at;

	if (digit(s) == 0)
		s->at++;
	else
		take_digits(s);
	if (s->at == began || (s->at < s->end && *s->at == '.' && !take_fraction(s)))
		return false;
	if (s->at < s->end && (*s->at | 0x20) == 'e' && !take_exponent(s))
		return false;
	return s->n <= FIRST_DIGITS && s->at - began < 64; /* longer ones JSON's reader refuses */
}

static inline size_t scan_any(float *out, const char *p, const char *end)
{
	bool negative = p < end && *p == '-';
	struct scan s = {.at = p + negative, .end = end};
	double x;

	if (!take_decimal(&s) || s.exponent < -22 || s.exponent > 22)
		return 0;
	x = (double)s.digits;
	x = s.exponent < 0 ? x / tens[-s.exponent] : x * tens[s.exponent];
	if (s.digits != 0 && !decided(x))
		return 0;
	*out = negative ? -(float)x : (float)x;
	return (size_t)(s.at - p);
}

/* As many digits as stand in front of the first byte that is none, 7 at most. */
static inline uint32_t under_eight(unsigned *n, uint64_t v, uint64_t others)
{
	*n = (unsigned)__builtin_ctzll(others) / 8;
	return eight((v - EACH_BYTE(0x30)) << (56 - 8 * *n) << 8);
}

/* The float with this sign: without a branch, since signs cannot be foretold; that
 * was a fifth of the time of reading embeddings. */
static inline float with_sign(double x, bool negative)
{
	float f = (float)x;
	uint32_t bits;

	memcpy(&bits, &f, sizeof bits);
	bits |= (uint32_t)negative << 31;
	memcpy(&f, &bits, sizeof f);
	return f;
}

/* What nearly all numbers of embeddings are: one digit, a point, up to 15 digits.
 * Looks at 32 bytes without asking again; 0: another form, or not decided.
 *
 *     -0.0126720007,   "01267200", then "07": 2 digits, shifted up behind zeros
 *
 * Times a rounded power, which is a second unit off where a division is none: eight
 * are allowed. */
static inline size_t scan_plain(float *out, const char *p, const char *end)
{
	static const uint64_t powers[] = {
		1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000, 1000000000, 10000000000, 100000000000,
		1000000000000, 10000000000000, 100000000000000, 1000000000000000};
	static const double tenths[] = {1e0,  1e-1, 1e-2,  1e-3,  1e-4,  1e-5,  1e-6,  1e-7,
	                                1e-8, 1e-9, 1e-10, 1e-11, 1e-12, 1e-13, 1e-14, 1e-15};
	uint64_t digits, v, others;
	unsigned whole, n, k = 0;
	bool negative;
	const char *at;
	double x;

	if (end - p < 32)
		return 0;
	negative = *p == '-';
	at = p + negative;
	whole = (unsigned)(unsigned char)*at - '0';
	if (whole > 9 || at[1] != '.')
		return 0;
	at += 2;
	v = eng_get64(at);
	others = no_digits(v);
	digits = 0;
	if (!others) {
		digits = eight(v - EACH_BYTE(0x30));
		k = 8;
		v = eng_get64(at + k);
		others = no_digits(v);
	}
	if (!others)
		return 0;
	v = under_eight(&n, v, others);
	digits = digits * powers[n] + v;
	k += n;
	at += k;
	if (k == 0 || (*at | 0x20) == 'e')
		return 0;
	digits += whole * powers[k];
	x = (double)(int64_t)digits * tenths[k];
	if (digits != 0 && !decided(x))
		return 0;
	*out = with_sign(x, negative);
	return (size_t)(at - p);
}

size_t eng_scan_float(float *out, const char *p, const char *end)
{
	size_t n = scan_plain(out, p, end);

	return n ? n : scan_any(out, p, end);
}

/* ----- writing */

static void decimal_set(struct decimal *d, uint32_t w, int exponent)
{
	uint8_t reversed[10];
	uint32_t first = w;
	size_t n = 0;

	for (; w > 0; w /= 10)
		reversed[n++] = (uint8_t)(w % 10);
	d->negative = false;
	d->exponent = exponent;
	d->first = first;
	for (d->n = 0; d->n < n; d->n++)
		d->digits[d->n] = reversed[n - 1 - d->n];
}

static bool reads_back(struct decimal *d, uint32_t w, int exponent, float v)
{
	float back;

	decimal_set(d, w, exponent);
	return decimal_to_float(&back, d) && back == v;
}

/* The decimal of fewest digits that reads back to v > 0. */
static void shortest(struct decimal *d, float v)
{
	struct decimal unit = {.n = 1, .first = 1, .digits = {1}};
	struct decimal try;
	int e = 0;
	double x;

	/* x = v / 10^e with nine digits before the point. */
	frexpf(v, &e);
	e = e * 30103 / 100000 - 9; /* log10(2) = 0.30103 */
	for (;; e++) {
		unit.exponent = e < 0 ? -e : e;
		x = e < 0 ? v * approximate(&unit) : v / approximate(&unit);
		if (x < 999999999.5)
			break;
	}
	decimal_set(d, (uint32_t)(x + 0.5), e);
	for (int k = 8; k > 0; k--) {
		uint32_t low, nearer, farther;

		e++;
		x /= 10;
		low = (uint32_t)x;
		nearer = low + (x - low >= 0.5);
		farther = low + (x - low < 0.5);
		if (!reads_back(&try, nearer, e, v) && !reads_back(&try, farther, e, v))
			break;
		*d = try;
	}
	while (d->n > 1 && d->digits[d->n - 1] == 0) {
		d->n--;
		d->exponent++;
	}
}

static size_t put_exponent(char *out, int e)
{
	size_t n = 0;
	unsigned v = e < 0 ? (unsigned)-e : (unsigned)e;

	out[n++] = 'e';
	if (e < 0)
		out[n++] = '-';
	if (v >= 10)
		out[n++] = (char)('0' + v / 10);
	out[n++] = (char)('0' + v % 10);
	return n;
}

/* "1.25e-7" */
static size_t put_scientific(char *out, const struct decimal *d)
{
	size_t n = 0;

	for (size_t i = 0; i < d->n; i++) {
		out[n++] = (char)('0' + d->digits[i]);
		if (i == 0 && d->n > 1)
			out[n++] = '.';
	}
	return n + put_exponent(out + n, d->exponent + (int)d->n - 1);
}

/* "0.0125", "12.5", "1250".  Digit i stands i places behind the first; the
 * point is before digit `whole`, and before the point there is at least a 0. */
static size_t put_plain(char *out, const struct decimal *d)
{
	int digits = (int)d->n, whole = digits + d->exponent;
	size_t n = 0;

	for (int i = whole < 1 ? whole - 1 : 0; i < digits || i < whole; i++) {
		if (n > 0 && i == whole)
			out[n++] = '.';
		out[n++] = (char)(i >= 0 && i < digits ? '0' + d->digits[i] : '0');
	}
	return n;
}

size_t eng_format_float(char out[ENG_FLOAT_TEXT], float v)
{
	char plain[64], scientific[ENG_FLOAT_TEXT];
	struct decimal d;
	size_t n = 0, np, ns;

	assert(isfinite(v));
	if (signbit(v)) {
		out[n++] = '-';
		v = -v;
	}
	if (v == 0) {
		out[n++] = '0';
		out[n] = '\0';
		return n;
	}
	shortest(&d, v);
	np = put_plain(plain, &d);
	ns = put_scientific(scientific, &d);
	memcpy(out + n, np <= ns ? plain : scientific, np <= ns ? np : ns);
	n += np <= ns ? np : ns;
	out[n] = '\0';
	return n;
}
