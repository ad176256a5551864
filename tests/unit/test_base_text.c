/* test_base_text.c - UTF-8, ids as text, whole numbers, near misses, errors, rng. */
#include "../lib/tap.h"

#include <errno.h>

#include "base/base32.h"
#include "base/err.h"
#include "base/num.h"
#include "base/rng.h"
#include "base/types.h"
#include "base/utf8.h"

/* ----- UTF-8 */

/* The definition by another road: decode the bits, then demand that encoding
 * gives the same bytes back. */
static bool is_one_character(const unsigned char *u, size_t n)
{
	uint32_t c;
	char back[4];

	if (n == 1)
		return u[0] < 0x80;
	if ((n == 2 && u[0] >> 5 != 6) || (n == 3 && u[0] >> 4 != 14) || (n == 4 && u[0] >> 3 != 30))
		return false;
	c = u[0] & (0x7fu >> n);
	for (size_t i = 1; i < n; i++) {
		if (u[i] >> 6 != 2)
			return false;
		c = c << 6 | (u[i] & 63u);
	}
	return c <= 0x10ffff && !(c >= 0xd800 && c < 0xe000) && eng_utf8_encode(back, c) == n;
}

static bool same_verdict(const unsigned char *u, size_t n)
{
	return (eng_utf8_check((const char *)u, n) == n) == is_one_character(u, n);
}

static void test_utf8_exhaustive(void)
{
	static const unsigned char tails[] = {0x00, 0x7f, 0x80, 0x9f, 0xa0, 0xbf, 0xc0, 0xff};
	unsigned char u[4];
	long wrong = 0, two = 0;

	for (uint32_t v = 0; v < 256 * 256; v++) {
		u[0] = (unsigned char)(v >> 8);
		u[1] = (unsigned char)v;
		/* two bytes are also two characters of one byte */
		two += eng_utf8_check((const char *)u, 2) == 2 &&
		       !(is_one_character(u, 2) || (u[0] < 0x80 && u[1] < 0x80));
		if (u[0] >= 0x80)
			wrong += !same_verdict(u, 2);
	}
	tap_int(wrong + two, 0, "B19 all sequences of two bytes");
	for (uint32_t v = 0xe00000; v < 0x1000000; v++) {
		u[0] = (unsigned char)(v >> 16);
		u[1] = (unsigned char)(v >> 8);
		u[2] = (unsigned char)v;
		wrong += !same_verdict(u, 3);
	}
	tap_int(wrong, 0, "B19 all sequences of three bytes from e0 on");
	for (uint32_t v = 0xf000; v < 0x10000; v++)
		for (size_t a = 0; a < sizeof tails; a++)
			for (size_t b = 0; b < sizeof tails; b++) {
				u[0] = (unsigned char)(v >> 8);
				u[1] = (unsigned char)v;
				u[2] = tails[a];
				u[3] = tails[b];
				wrong += !same_verdict(u, 4);
			}
	tap_int(wrong, 0, "B19 sequences of four bytes from f0 on");
}

static void test_utf8_characters(void)
{
	long wrong = 0;
	char text[16];

	for (uint32_t c = 0; c <= 0x10ffff; c++) {
		uint32_t back;
		size_t n;

		if (c >= 0xd800 && c < 0xe000)
			continue;
		n = eng_utf8_encode(text, c);
		wrong += eng_utf8_check(text, n) != n || eng_utf8_decode(&back, text, text + n) != n || back != c;
		for (size_t cut = 1; cut < n; cut++)
			wrong += eng_utf8_check(text, cut) != 0;
	}
	tap_int(wrong, 0, "B19 every character goes out and back, and no beginning of one passes");
	memcpy(text, "abcdefghij\xc3\xa9\0k", 15);
	wrong = 0;
	for (size_t n = 0; n < 14; n++)
		wrong += eng_utf8_check(text, n) != (n == 11 ? 10 : n);
	tap_int(wrong, 0, "the offset of the first bad byte, across the steps of eight; NUL passes");
}

/* ----- ids */

static struct engram_id random_id(struct eng_rng *g)
{
	struct engram_id id;

	for (size_t i = 0; i < 16; i++)
		id.b[i] = (uint8_t)eng_rng_next(g);
	return id;
}

static void test_ids(void)
{
	struct engram_id zero = {{0}}, ones, lo, hi;
	char text[ENGRAM_ID_TEXT + 1], odd[ENGRAM_ID_TEXT + 1];
	struct eng_rng g;
	long wrong = 0;

	memset(&ones, 0xff, sizeof ones);
	engram_id_format(text, &zero);
	tap_str(text, "00000000000000000000000000", "id of zeros");
	engram_id_format(text, &ones);
	tap_str(text, "7zzzzzzzzzzzzzzzzzzzzzzzzz", "id of ones");
	eng_rng_seed(&g, 3);
	for (int i = 0; i < 20000; i++) {
		struct engram_id id = random_id(&g), other = random_id(&g);
		size_t n = 1 + (size_t)eng_rng_below(&g, ENGRAM_ID_TEXT);
		bool inside;

		engram_id_format(text, &id);
		if (!eng_base32_range(&lo, &hi, text, ENGRAM_ID_TEXT) || eng_id_cmp(&lo, &id) || eng_id_cmp(&hi, &id))
			wrong++;
		/* `other` shares a few bytes, to fall on either side of the edge. */
		memcpy(other.b, id.b, (size_t)eng_rng_below(&g, 17));
		engram_id_format(odd, &other);
		if (!eng_base32_range(&lo, &hi, text, n))
			wrong++;
		inside = eng_id_cmp(&other, &lo) >= 0 && eng_id_cmp(&other, &hi) <= 0;
		wrong += inside != (memcmp(text, odd, n) == 0);
		engram_id_format(odd, &lo);
		wrong += memcmp(odd, text, n) != 0;
		engram_id_format(odd, &hi);
		wrong += memcmp(odd, text, n) != 0;
	}
	tap_int(wrong, 0, "20,000 ids read back; in a prefix's range are those that begin with it (seed 3)");
}

static void test_id_spelling(void)
{
	static const char *const refused[] = {"", "u", "8", "z", "7U", "a!", "-", " 1", "1 ", "\xc3\xa9",
	                                      "000000000000000000000000000", "80000000000000000000000000"};
	struct engram_id a, b, c, d;
	size_t passed = 0;

	tap_ok(eng_base32_range(&a, &b, "1L0oIi", 6) && eng_base32_range(&c, &d, "110011", 6) && !eng_id_cmp(&a, &c) &&
	               !eng_id_cmp(&b, &d),
	       "i and l read as 1, o as 0");
	tap_ok(eng_base32_range(&a, &b, "7ABCDEFGHJKMNPQRSTVWXYZ", 23) &&
	               eng_base32_range(&c, &d, "7abcdefghjkmnpqrstvwxyz", 23) && !eng_id_cmp(&a, &c),
	       "upper case reads as lower");
	for (size_t i = 0; i < ENG_COUNT(refused); i++)
		passed += eng_base32_range(&a, &b, refused[i], strlen(refused[i]));
	passed += eng_base32_range(&a, &b, "1\0", 2);
	tap_int(passed, 0, "what is not base 32, too long or too large is refused");
}

/* ----- numbers */

struct number_case {
	const char *text;
	uint64_t wanted; /* REFUSED = no number */
};
#define REFUSED UINT64_C(0xdeadbeefdeadbeef)

static void check_numbers(bool (*parse)(uint64_t *, const char *, size_t), const struct number_case *cases, size_t n,
                          const char *name)
{
	long wrong = 0;

	for (size_t i = 0; i < n; i++) {
		uint64_t v = REFUSED;
		bool ok = parse(&v, cases[i].text, strlen(cases[i].text));

		if (v != cases[i].wanted || ok != (v != REFUSED)) {
			tap_note("%s(\"%s\"): wanted %" PRIu64 ", found %" PRIu64, name, cases[i].text,
			         cases[i].wanted, v);
			wrong++;
		}
	}
	tap_int(wrong, 0, "B14 %s: %zu texts", name, n);
}

static bool parse_unit4(uint64_t *out, const char *p, size_t n)
{
	uint32_t v;

	if (!eng_parse_unit4(&v, p, n))
		return false;
	*out = v;
	return true;
}

static void test_numbers(void)
{
	static const struct number_case whole[] = {
		{"0", 0}, {"007", 7}, {"18446744073709551615", UINT64_MAX}, {"18446744073709551616", REFUSED},
		{"99999999999999999999", REFUSED}, {"", REFUSED}, {"-1", REFUSED}, {"+1", REFUSED}, {" 1", REFUSED},
		{"1 ", REFUSED}, {"0x10", REFUSED}, {"1e3", REFUSED}, {"1.0", REFUSED}, {"nan", REFUSED},
	};
	static const struct number_case sizes[] = {
		{"0", 0}, {"1K", 1024}, {"2m", 2097152}, {"3G", UINT64_C(3221225472)}, {"1T", UINT64_C(1) << 40},
		{"16777215T", UINT64_C(16777215) << 40}, {"16777216T", REFUSED}, {"K", REFUSED}, {"", REFUSED},
		{"1KB", REFUSED}, {"1.5K", REFUSED}, {"-1K", REFUSED}, {"1 K", REFUSED}, {"1e999", REFUSED},
	};
	static const struct number_case durations[] = {
		{"5", 5000}, {"0", 0}, {"1.5", 1500}, {"250ms", 250}, {"2m", 120000}, {"1.5h", 5400000},
		{"1d", 86400000}, {"0.0001", 1}, {"0.000", 0}, {"0.00000000000000000001s", 1}, {"1.0000000000000000", 1000},
		{"0.999999", 1000}, {"213503982334d", UINT64_C(213503982334) * 86400000}, {"213503982335d", REFUSED},
		{"18446744073709551.615s", UINT64_MAX}, {"18446744073709551.616s", REFUSED},
		{"", REFUSED}, {"s", REFUSED}, {".5", REFUSED}, {"1.", REFUSED}, {"1.s", REFUSED}, {"1w", REFUSED},
		{"1mm", REFUSED}, {"-1s", REFUSED}, {"1 s", REFUSED}, {"1.2.3", REFUSED}, {"1e3", REFUSED}, {"inf", REFUSED},
	};
	static const struct number_case units[] = {
		{"0", 0}, {"1", 10000}, {"0.5", 5000}, {".5", 5000}, {"0.12344", 1234}, {"0.12345", 1235},
		{"0.123449999999999999999999", 1234}, {"0.99995", 10000}, {"0.99994999", 9999}, {"1.000", 10000},
		{"00.1", 1000}, {"0.00005", 1}, {"0.00004999", 0},
		{"", REFUSED}, {".", REFUSED}, {"1.", REFUSED}, {"1.00001", REFUSED}, {"1.1", REFUSED}, {"2", REFUSED},
		{"-0", REFUSED}, {"5e-1", REFUSED}, {"0,5", REFUSED}, {"0x1", REFUSED}, {"nan", REFUSED}, {"50%", REFUSED},
		{"99999999999999999999999", REFUSED}, {"0.5.", REFUSED},
	};
	char text[ENG_UNIT4_TEXT];
	long wrong = 0;

	check_numbers(eng_parse_u64, whole, ENG_COUNT(whole), "eng_parse_u64");
	check_numbers(eng_parse_size, sizes, ENG_COUNT(sizes), "eng_parse_size");
	check_numbers(eng_parse_duration_ms, durations, ENG_COUNT(durations), "eng_parse_duration_ms");
	check_numbers(parse_unit4, units, ENG_COUNT(units), "eng_parse_unit4");
	for (uint32_t v = 0; v <= 10000; v++) {
		size_t n = eng_format_unit4(text, v);
		uint32_t back;

		wrong += strlen(text) != n || !eng_parse_unit4(&back, text, n) || back != v ||
		         (n > 1 && text[n - 1] == '0');
	}
	tap_int(wrong, 0, "each of the 10,001 units goes out, without trailing zeros, and back");
	eng_format_unit4(text, 7123);
	tap_str(text, "0.7123", "0.7123");
}

static void test_isqrt(void)
{
	struct eng_rng g;
	long wrong = 0;

	eng_rng_seed(&g, 4);
	for (int i = 0; i < 200000; i++) {
		uint64_t v = eng_rng_next(&g) >> eng_rng_below(&g, 64), r = eng_isqrt64(v);
		unsigned __int128 above = (unsigned __int128)(r + 1) * (r + 1);

		wrong += r * r > v || above <= v;
		r = (uint32_t)v; /* around squares */
		wrong += eng_isqrt64(r * r) != r || (r && eng_isqrt64(r * r - 1) != r - 1);
	}
	wrong += eng_isqrt64(UINT64_MAX) != UINT32_MAX || eng_isqrt64(0) != 0;
	tap_int(wrong, 0, "square roots are the floor (seed 4)");
}

/* ----- words */

/* The definition as a recursion, for words of up to 5 letters. */
static unsigned slow_distance(const char *a, size_t na, const char *b, size_t nb)
{
	unsigned best, d;

	if (na == 0 || nb == 0)
		return (unsigned)(na + nb);
	best = slow_distance(a, na - 1, b, nb - 1) + (a[na - 1] != b[nb - 1]);
	d = slow_distance(a, na - 1, b, nb) + 1;
	best = d < best ? d : best;
	d = slow_distance(a, na, b, nb - 1) + 1;
	best = d < best ? d : best;
	if (na > 1 && nb > 1 && a[na - 1] == b[nb - 2] && a[na - 2] == b[nb - 1]) {
		d = slow_distance(a, na - 2, b, nb - 2) + 1;
		best = d < best ? d : best;
	}
	return best;
}

static void test_words(void)
{
	static const char *const words[] = {"--count", "--confidence", "--color", "--cue"};
	char a[8] = "", b[8] = "", big[80];
	struct eng_rng g;
	long wrong = 0;

	eng_rng_seed(&g, 5);
	for (int i = 0; i < 2000; i++) {
		size_t na = eng_rng_below(&g, 6), nb = eng_rng_below(&g, 6);

		for (size_t k = 0; k < 6; k++) {
			a[k] = k < na ? (char)('a' + eng_rng_below(&g, 3)) : '\0';
			b[k] = k < nb ? (char)('a' + eng_rng_below(&g, 3)) : '\0';
		}
		wrong += eng_distance(a, b) != slow_distance(a, na, b, nb);
	}
	tap_int(wrong, 0, "distances equal the definition (seed 5)");
	memset(big, 'x', 79);
	big[79] = '\0';
	tap_int(eng_distance(big, "x"), 79, "a long word is far from everything");
	tap_str(eng_nearest("--conut", words, 4), "--count", "a swap is near");
	tap_str(eng_nearest("--confidense", words, 4), "--confidence", "a wrong letter is near");
	tap_ok(!eng_nearest("--verbose", words, 4), "another word is not");
	tap_ok(!eng_nearest("", words, 4) && !eng_nearest("x", NULL, 0), "nothing is near nothing");
}

/* ----- errors */

static void test_codes(void)
{
	tap_str(engram_code_name(ENGRAM_ENOSPACE), "no-space", "a code has a name");
	tap_str(engram_code_text(ENGRAM_ENOSPACE), "no such space", "and a text");
	tap_ok(engram_code_exit(ENGRAM_ENOSPACE) == 66 && engram_code_exit(0) == 0, "and an exit status");
	tap_ok(engram_code_retry(ENGRAM_EBUSY) && !engram_code_retry(ENGRAM_EDAMAGED), "and says whether to retry");
	tap_ok(engram_code_exit(-999) == 70 && engram_code_exit(1) == 70, "a code that is none reads as internal");
	tap_ok(strncmp(engram_version(), "engram ", 7) == 0 && engram_version()[7] >= '0' && engram_version()[7] <= '9',
	       "the version is \"%s\"", engram_version());
}

static void test_errors(void)
{
	struct engram_error e = {0};
	char big[600];

	tap_int(eng_err(NULL, ENGRAM_EINPUT, "x"), ENGRAM_EINPUT, "an error nobody wants");
	eng_err_prefix(NULL, "x");
	eng_err_hint(NULL, "x");
	eng_err_object(NULL, "x");
	tap_int(eng_err_os(NULL, EROFS, "x"), ENGRAM_ECREATE, "one of the system nobody wants");
	eng_err_object(&e, "old");
	eng_err_hint(&e, "old");
	tap_int(eng_err(&e, ENGRAM_EINPUT, "byte %d: wanted %s", 7, "a quote"), ENGRAM_EINPUT, "the code comes back");
	tap_ok(e.code == ENGRAM_EINPUT && e.os == 0 && !e.object[0] && !e.hint[0], "what was there before is gone");
	eng_err_prefix(&e, "line %d", 3);
	tap_str(e.message, "line 3: byte 7: wanted a quote", "a place is put before");
	eng_err(&e, ENGRAM_EINPUT, "again: %s", e.message);
	tap_str(e.message, "again: line 3: byte 7: wanted a quote", "a message may quote itself");
	tap_int(eng_err_os(&e, ENOSPC, "write %s", "x.wal"), ENGRAM_EDISKFULL, "errno chooses the code");
	tap_ok(e.os == ENOSPC && strncmp(e.message, "write x.wal: ", 13) == 0 && e.message[13], "and is told");
	tap_ok(eng_err_os(&e, EACCES, "x") == ENGRAM_EPERM && eng_err_os(&e, EMFILE, "x") == ENGRAM_ELIMIT &&
	               eng_err_os(&e, EIO, "x") == ENGRAM_EIO && eng_err_os(&e, ENOENT, "x") == ENGRAM_ENOFILE &&
	               eng_err_os(&e, EAGAIN, "x") == ENGRAM_EBUSY && eng_err_os(&e, ENOMEM, "x") == ENGRAM_ENOMEM,
	       "each by its kind");
	tap_ok(eng_err_nomem(&e) == ENGRAM_ENOMEM && strcmp(e.message, "out of memory") == 0, "out of memory");

	for (size_t i = 0; i + 3 <= 599; i += 3)
		memcpy(big + i, "\xe2\x82\xac", 3);
	big[597] = '\0';
	eng_err(&e, ENGRAM_EINPUT, "%s", big);
	tap_int(strlen(e.message), 510, "a long message is cut between characters");
	eng_err(&e, ENGRAM_EINPUT, "a%s", big);
	eng_err_prefix(&e, "%s", big);
	eng_err_object(&e, big);
	eng_err_hint(&e, "xy%s", big);
	tap_ok(eng_utf8_check(e.message, strlen(e.message)) == strlen(e.message) && strlen(e.object) == 126 &&
	               strlen(e.hint) == 191 - 0 - (191 - 2) % 3,
	       "so are prefix, object and hint");
}

/* ----- rng */

static void test_rng(void)
{
	struct eng_rng g = {{1, 2, 3, 4}};
	uint64_t counts[7] = {0};
	long wrong = 0;

	/* The first outputs of the published xoshiro256** from state 1, 2, 3, 4. */
	tap_ok(eng_rng_next(&g) == 11520 && eng_rng_next(&g) == 0 && eng_rng_next(&g) == 1509978240 &&
	               eng_rng_next(&g) == UINT64_C(1215971899390074240),
	       "known first numbers");
	eng_rng_seed(&g, 0);
	tap_ok(g.s[0] == UINT64_C(0xe220a8397b1dcdaf), "known seeding");
	for (int i = 0; i < 70000; i++)
		counts[eng_rng_below(&g, 7)]++;
	for (int i = 0; i < 7; i++)
		wrong += counts[i] < 9600 || counts[i] > 10400;
	tap_int(wrong, 0, "seven sides fall equally often");
	tap_ok(eng_rng_below(&g, 1) == 0 && eng_rng_below(&g, UINT64_MAX) < UINT64_MAX, "the ends of the range");
}

int main(void)
{
	test_utf8_exhaustive();
	test_utf8_characters();
	test_ids();
	test_id_spelling();
	test_numbers();
	test_isqrt();
	test_words();
	test_codes();
	test_errors();
	test_rng();
	return tap_done();
}
