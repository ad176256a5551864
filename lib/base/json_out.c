/* json_out.c - the JSON writer: values appended to a buf, commas by itself.
 *
 * One bit per open bracket says that an element stands before; a key takes the bit
 * back for its value.  What would act on a terminal, reorder what is seen or
 * end a line for some reader leaves as an escape: the text reads back the same. */
#include "base/json.h"

#include <assert.h>
#include <string.h>

#include "base/num.h"
#include "base/utf8.h"

void eng_json_out(struct eng_json_out *o, struct eng_buf *b)
{
	*o = (struct eng_json_out){.b = b};
}

static uint64_t comma_bit(const struct eng_json_out *o)
{
	return o->depth > 0 ? UINT64_C(1) << (o->depth - 1) : 0;
}

static void comma(struct eng_json_out *o)
{
	if (o->comma & comma_bit(o))
		eng_buf_byte(o->b, ',');
	o->comma |= comma_bit(o);
}

static void open_bracket(struct eng_json_out *o, char c)
{
	assert(o->depth < ENG_JSON_DEPTH_MAX);
	comma(o);
	eng_buf_byte(o->b, (uint8_t)c);
	o->depth++;
	o->comma &= ~comma_bit(o);
}

static void close_bracket(struct eng_json_out *o, char c)
{
	assert(o->depth > 0);
	o->depth--;
	eng_buf_byte(o->b, (uint8_t)c);
}

void eng_json_object(struct eng_json_out *o)
{
	open_bracket(o, '{');
}

void eng_json_object_end(struct eng_json_out *o)
{
	close_bracket(o, '}');
}

void eng_json_array(struct eng_json_out *o)
{
	open_bracket(o, '[');
}

void eng_json_array_end(struct eng_json_out *o)
{
	close_bracket(o, ']');
}

void eng_json_key(struct eng_json_out *o, const char *key)
{
	comma(o);
	eng_buf_byte(o->b, '"');
	eng_buf_str(o->b, key);
	eng_buf_add(o->b, "\":", 2);
	o->comma &= ~comma_bit(o);
}

/* Characters that leave as escapes, beside quote and backslash. */
static bool is_unsafe(uint32_t c)
{
	if (c < 0x20 || (c >= 0x7f && c < 0xa0)) /* C0, DEL, C1: terminal commands */
		return true;
	switch (c) {
	case 0x061c: /* bidirectional marks, embeddings, overrides, isolates */
	case 0x200e:
	case 0x200f:
	case 0x202a:
	case 0x202b:
	case 0x202c:
	case 0x202d:
	case 0x202e:
	case 0x2066:
	case 0x2067:
	case 0x2068:
	case 0x2069:
	case 0x2028: /* line and paragraph separators: line ends to some readers of lines */
	case 0x2029:
		return true;
	default:
		return false;
	}
}

static void put_escape(struct eng_buf *b, uint32_t c)
{
	static const char hex[] = "0123456789abcdef", from[] = "\"\\\b\f\n\r\t", to[] = "\"\\bfnrt";
	const char *found = c && c < 0x80 ? strchr(from, (int)c) : NULL;
	char text[6] = {'\\', 'u', hex[c >> 12 & 15], hex[c >> 8 & 15], hex[c >> 4 & 15], hex[c & 15]};

	if (found)
		text[1] = to[found - from];
	eng_buf_add(b, text, found ? 2 : 6);
}

/* Length of the longest beginning of p[0..n) that leaves as it is. */
static size_t plain_run(const char *p, size_t n)
{
	size_t at = 0, length;
	uint32_t c;

	while (at < n) {
		unsigned char u = (unsigned char)p[at];

		if (u < 0x80) {
			if (u < 0x20 || u == 0x7f || u == '"' || u == '\\')
				break;
			at++;
			continue;
		}
		length = eng_utf8_decode(&c, p + at, p + n);
		if (is_unsafe(c))
			break;
		at += length;
	}
	return at;
}

static void put_valid(struct eng_buf *b, const char *p, size_t n)
{
	uint32_t c;

	while (n > 0) {
		size_t run = plain_run(p, n);

		eng_buf_add(b, p, run);
		p += run;
		n -= run;
		if (n > 0) {
			run = eng_utf8_decode(&c, p, p + n);
			put_escape(b, c);
			p += run;
			n -= run;
		}
	}
}

void eng_json_str(struct eng_json_out *o, const char *p, size_t n)
{
	comma(o);
	eng_buf_byte(o->b, '"');
	while (n > 0) {
		size_t good = eng_utf8_check(p, n);

		put_valid(o->b, p, good);
		p += good;
		n -= good;
		if (n > 0) { /* a file name may be any bytes; what we print is always JSON */
			eng_buf_str(o->b, "\\ufffd");
			p++;
			n--;
		}
	}
	eng_buf_byte(o->b, '"');
}

void eng_json_i64(struct eng_json_out *o, int64_t v)
{
	comma(o);
	eng_buf_printf(o->b, "%lld", (long long)v);
}

void eng_json_u64(struct eng_json_out *o, uint64_t v)
{
	comma(o);
	eng_buf_printf(o->b, "%llu", (unsigned long long)v);
}

void eng_json_unit4(struct eng_json_out *o, uint32_t v)
{
	char text[ENG_UNIT4_TEXT];

	eng_json_raw(o, text, eng_format_unit4(text, v));
}

void eng_json_bool(struct eng_json_out *o, bool v)
{
	eng_json_raw(o, v ? "true" : "false", v ? 4 : 5);
}

void eng_json_time(struct eng_json_out *o, int64_t us)
{
	char text[ENG_TIME_TEXT];

	eng_json_str(o, text, eng_format_time(text, us));
}

void eng_json_id(struct eng_json_out *o, const struct engram_id *id)
{
	char text[ENGRAM_ID_TEXT + 1];

	engram_id_format(text, id);
	eng_json_str(o, text, ENGRAM_ID_TEXT);
}

void eng_json_float(struct eng_json_out *o, float v)
{
	char text[ENG_FLOAT_TEXT];

	eng_json_raw(o, text, eng_format_float(text, v));
}

void eng_json_raw(struct eng_json_out *o, const char *p, size_t n)
{
	comma(o);
	eng_buf_add(o->b, p, n);
}
