/* line.c - what goes to an embedder and what comes back, a line each.
 *
 * An answer that holds a blank, a tab or a bracket is a list of numbers; a
 * single word is base64 (a vector has two numbers at least, so one word is never
 * a list).  Numbers follow JSON's grammar, and are parsed by the one parser of
 * floats, so that they are the nearest float in every locale; printf's "nan" and
 * "inf" are refused by name. */
#include "embed/embed.h"

#include <string.h>

#include "base/le.h"
#include "base/num.h"

/* -- out --------------------------------------------------------------------- */

static void escape(struct eng_buf *out, unsigned char c)
{
	static const char *const named[32] = {['\b'] = "\\b", ['\t'] = "\\t", ['\n'] = "\\n",
	                                      ['\f'] = "\\f", ['\r'] = "\\r"};

	if (c == '\\')
		eng_buf_str(out, "\\\\");
	else if (named[c])
		eng_buf_str(out, named[c]);
	else
		eng_buf_printf(out, "\\u%04x", c);
}

void eng_embed_line(struct eng_buf *out, struct engram_str text)
{
	size_t from = 0;

	for (size_t i = 0; i < text.n; i++) {
		unsigned char c = (unsigned char)text.p[i];
		if (c >= 0x20 && c != '\\')
			continue;
		eng_buf_add(out, text.p + from, i - from);
		escape(out, c);
		from = i + 1;
	}
	if (text.n)
		eng_buf_add(out, text.p + from, text.n - from);
	eng_buf_byte(out, '\n');
}

/* -- in: numbers ------------------------------------------------------------- */

struct answer {
	float *at;
	size_t n;
	bool zero;
	struct engram_error *err;
};

/* At most 24 characters of what was found, for a message. */
static int width(size_t n)
{
	return n < 24 ? (int)n : 24;
}

static const char *digits(const char *p, const char *end)
{
	while (p < end && *p >= '0' && *p <= '9')
		p++;
	return p;
}

/* JSON's grammar, and what printf writes beside it: "+1", "1.", ".5", "007". */
static bool is_number(struct engram_str s)
{
	const char *p = s.p, *end = s.p + s.n, *whole;
	size_t n;

	p += p < end && *p == '-';
	whole = p;
	p = digits(p, end);
	n = (size_t)(p - whole);
	if (p < end && *p == '.') {
		whole = ++p;
		p = digits(p, end);
		n += (size_t)(p - whole);
	}
	if (n > 0 && p < end && (*p == 'e' || *p == 'E')) {
		p += p + 1 < end && (p[1] == '+' || p[1] == '-') ? 2 : 1;
		whole = p;
		p = digits(p, end);
		n = (size_t)(p - whole);
	}
	return n > 0 && p == end && s.n <= ENG_JSON_NUMBER_MAX;
}

static int add_number(struct answer *a, struct engram_str s)
{
	float v;

	if (a->n == ENGRAM_DIM_MAX)
		return eng_err(a->err, ENGRAM_EINPUT, "wanted at most %u numbers, found more", ENGRAM_DIM_MAX);
	if (s.n > 1 && s.p[0] == '+' && s.p[1] != '-')
		s.p++, s.n--;
	if (!is_number(s) || !eng_parse_float(&v, s.p, s.n))
		return eng_err(a->err, ENGRAM_EINPUT, "number %zu: wanted a finite number, found \"%.*s\"", a->n + 1,
		               width(s.n), s.p);
	a->zero = a->zero && v == 0;
	a->at[a->n++] = v;
	return 0;
}

static bool blank(char c)
{
	return c == ' ' || c == '\t';
}

static int read_list(struct answer *a, const char *p, size_t n)
{
	int r = 0;

	for (size_t i = 0, from; r == 0 && i < n;) {
		for (; i < n && blank(p[i]); i++)
			;
		for (from = i; i < n && !blank(p[i]); i++)
			;
		if (i > from)
			r = add_number(a, (struct engram_str){p + from, i - from});
	}
	return r;
}

static int read_array(struct answer *a, struct eng_json *j, const char *p, size_t n)
{
	enum eng_json_token t;
	int r = 0;

	eng_json_begin(j, p, n);
	t = eng_json_next(j);
	while (r == 0 && (t = eng_json_next(j)) > ENG_JSON_END && t != ENG_JSON_ARRAY_END)
		r = t == ENG_JSON_NUMBER ? add_number(a, j->str)
		                         : eng_err(a->err, ENGRAM_EINPUT, "number %zu: wanted a number, found %s",
		                                   a->n + 1, eng_json_token_name(t));
	if (r == 0 && t == ENG_JSON_ARRAY_END)
		t = eng_json_next(j);
	return r == 0 && t == ENG_JSON_BAD ? eng_json_err(j, a->err) : r;
}

/* -- in: base64 -------------------------------------------------------------- */

static int digit64(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* Bytes come out one by one; every fourth completes a float. */
static int add_byte(struct answer *a, uint8_t word[4], size_t *have, uint8_t byte)
{
	uint32_t bits;
	float v;

	word[(*have)++] = byte;
	if (*have < 4)
		return 0;
	*have = 0;
	bits = eng_get32(word);
	memcpy(&v, &bits, sizeof v);
	if ((bits & 0x7f800000u) == 0x7f800000u)
		return eng_err(a->err, ENGRAM_EINPUT, "number %zu: wanted a finite number, found %s", a->n + 1,
		               bits & 0x7fffffu ? "nan" : "inf");
	if (a->n == ENGRAM_DIM_MAX)
		return eng_err(a->err, ENGRAM_EINPUT, "wanted at most %u numbers, found more", ENGRAM_DIM_MAX);
	a->zero = a->zero && v == 0;
	a->at[a->n++] = v;
	return 0;
}

static int no_form(struct answer *a, const char *p, size_t n)
{
	return eng_err(a->err, ENGRAM_EINPUT, "wanted numbers, [numbers] or base64 of 4-byte floats, found \"%.*s\"",
	               width(n), p);
}

static int read_base64(struct answer *a, const char *p, size_t n)
{
	uint32_t bits = 0;
	unsigned nbits = 0;
	uint8_t word[4];
	size_t have = 0;
	int r = 0;

	for (size_t pad = 0; pad < 2 && n > 0 && p[n - 1] == '='; pad++)
		n--;
	for (size_t i = 0; r == 0 && i < n; i++) {
		int d = digit64(p[i]);
		if (d < 0)
			return no_form(a, p, n);
		bits = (bits << 6 | (uint32_t)d) & 0xffffff;
		nbits += 6;
		if (nbits >= 8) {
			nbits -= 8;
			r = add_byte(a, word, &have, (uint8_t)(bits >> nbits));
		}
	}
	if (r == 0 && have)
		r = no_form(a, p, n);
	return r;
}

/* -- in: the line ------------------------------------------------------------ */

static bool is_word(const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (blank(p[i]))
			return false;
	return n > 0;
}

int eng_embed_answer(float out[ENGRAM_DIM_MAX], size_t *dim, bool *zero, const char *p, size_t n,
                     struct eng_json *j, struct engram_error *err)
{
	struct answer a = {.at = out, .zero = true, .err = err};
	int r;

	while (n > 0 && (blank(p[n - 1]) || p[n - 1] == '\r'))
		n--;
	while (n > 0 && blank(*p))
		p++, n--;
	if (n > 0 && *p == '[')
		r = read_array(&a, j, p, n);
	else if (is_word(p, n))
		r = read_base64(&a, p, n);
	else
		r = read_list(&a, p, n);
	if (r == 0 && a.n < ENGRAM_DIM_MIN)
		r = eng_err(err, ENGRAM_EINPUT, "wanted %u to %u numbers, found %zu", ENGRAM_DIM_MIN, ENGRAM_DIM_MAX,
		            a.n);
	if (r == 0) {
		*dim = a.n;
		*zero = a.zero;
	}
	return r;
}
