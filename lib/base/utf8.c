/* utf8.c - strict UTF-8 (Unicode 15, table 3-7).
 *
 *     first       second      third    fourth
 *     00..7f
 *     c2..df      80..bf
 *     e0          a0..bf      80..bf             no overlong forms
 *     e1..ef      80..bf      80..bf             ed: 80..9f, no surrogates
 *     f0          90..bf      80..bf   80..bf    no overlong forms
 *     f1..f4      80..bf      80..bf   80..bf    f4: 80..8f, up to U+10FFFF
 */
#include "base/utf8.h"

#include <string.h>

#include "base/le.h"

/* Length of the well-formed sequence at p[0..n), n > 0; 0 = not well-formed. */
static size_t sequence(const unsigned char *p, size_t n)
{
	unsigned char low = 0x80, high = 0xbf;
	size_t length;

	if (p[0] < 0x80)
		return 1;
	if (p[0] < 0xc2 || p[0] > 0xf4)
		return 0;
	length = p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
	if (n < length)
		return 0;
	switch (p[0]) {
	case 0xe0:
		low = 0xa0;
		break;
	case 0xed:
		high = 0x9f;
		break;
	case 0xf0:
		low = 0x90;
		break;
	case 0xf4:
		high = 0x8f;
		break;
	default:
		break;
	}
	if (p[1] < low || p[1] > high)
		return 0;
	for (size_t i = 2; i < length; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	return length;
}

size_t eng_utf8_check(const char *p, size_t n)
{
	const unsigned char *u = (const unsigned char *)p;
	size_t at = 0, length;

	while (at < n) {
		/* Most text is mostly ASCII: eight bytes a step. */
		while (n - at >= 8 && !(eng_get64(u + at) & UINT64_C(0x8080808080808080)))
			at += 8;
		if (at == n)
			break;
		length = sequence(u + at, n - at);
		if (length == 0)
			break;
		at += length;
	}
	return at;
}

size_t eng_utf8_decode(uint32_t *c, const char *p, const char *end)
{
	const unsigned char *u = (const unsigned char *)p;

	(void)end; /* valid text never ends inside a sequence */
	if (u[0] < 0x80) {
		*c = u[0];
		return 1;
	}
	if (u[0] < 0xe0) {
		*c = (u[0] & 0x1fu) << 6 | (u[1] & 0x3fu);
		return 2;
	}
	if (u[0] < 0xf0) {
		*c = (u[0] & 0x0fu) << 12 | (u[1] & 0x3fu) << 6 | (u[2] & 0x3fu);
		return 3;
	}
	*c = (u[0] & 0x07u) << 18 | (u[1] & 0x3fu) << 12 | (u[2] & 0x3fu) << 6 | (u[3] & 0x3fu);
	return 4;
}

size_t eng_utf8_encode(char out[4], uint32_t c)
{
	if (c < 0x80) {
		out[0] = (char)c;
		return 1;
	}
	if (c < 0x800) {
		out[0] = (char)(0xc0 | c >> 6);
		out[1] = (char)(0x80 | (c & 0x3f));
		return 2;
	}
	if (c < 0x10000) {
		out[0] = (char)(0xe0 | c >> 12);
		out[1] = (char)(0x80 | (c >> 6 & 0x3f));
		out[2] = (char)(0x80 | (c & 0x3f));
		return 3;
	}
	out[0] = (char)(0xf0 | c >> 18);
	out[1] = (char)(0x80 | (c >> 12 & 0x3f));
	out[2] = (char)(0x80 | (c >> 6 & 0x3f));
	out[3] = (char)(0x80 | (c & 0x3f));
	return 4;
}
