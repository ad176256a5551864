/* text.c - text on its way to a line or a terminal.
 *
 * A memory may hold anything a stranger wrote: an escape sequence that clears
 * the screen or writes the clipboard, a bidirectional override that shows one
 * thing and is another.  Nothing of it reaches the terminal as itself. */
#include "common/text.h"

#include <stdio.h>
#include <string.h>

#include "base/types.h"
#include "base/utf8.h"

struct range {
	uint32_t first, last;
};

static const struct range combining[] = {
	{0x0300, 0x036f}, {0x0483, 0x0489}, {0x0591, 0x05bd}, {0x0610, 0x061a}, {0x064b, 0x065f},
	{0x0e31, 0x0e31}, {0x0e34, 0x0e3a}, {0x0e47, 0x0e4e}, {0x1ab0, 0x1aff}, {0x1dc0, 0x1dff},
	{0x200b, 0x200d}, {0x2060, 0x2064}, {0x20d0, 0x20ff}, {0xfe00, 0xfe0f}, {0xfe20, 0xfe2f},
	{0xfeff, 0xfeff}, {0xe0100, 0xe01ef},
};

static const struct range wide[] = {
	{0x1100, 0x115f}, {0x2e80, 0x303e}, {0x3041, 0x33ff}, {0x3400, 0x4dbf}, {0x4e00, 0x9fff},
	{0xa000, 0xa4cf}, {0xac00, 0xd7a3}, {0xf900, 0xfaff}, {0xfe30, 0xfe4f}, {0xff00, 0xff60},
	{0xffe0, 0xffe6}, {0x1f300, 0x1f64f}, {0x1f680, 0x1f6ff}, {0x1f900, 0x1f9ff}, {0x20000, 0x3fffd},
};

/* Line separators and what turns the direction of writing. */
static const struct range unseen[] = {
	{0x061c, 0x061c}, {0x200e, 0x200f}, {0x2028, 0x202e}, {0x2066, 0x2069},
};

static bool within(uint32_t c, const struct range *ranges, size_t n)
{
	for (size_t i = 0; i < n && c >= ranges[i].first; i++)
		if (c <= ranges[i].last)
			return true;
	return false;
}

unsigned text_columns(uint32_t c)
{
	if (c < 0x300)
		return 1;
	if (within(c, combining, ENG_COUNT(combining)))
		return 0;
	return within(c, wide, ENG_COUNT(wide)) ? 2 : 1;
}

#define PIECE_MAX 8

/* Writes how `c` is shown; returns the bytes, *columns its width. */
static size_t show(char piece[PIECE_MAX], uint32_t c, bool backslash, unsigned *columns)
{
	const char *letters = "\tt\nn\rr\\\\", *l = c && c < 128 ? strchr(letters, (int)c) : NULL;
	size_t n;

	if (l && (l - letters) % 2 == 0 && (c != '\\' || backslash))
		n = (size_t)snprintf(piece, PIECE_MAX, "\\%c", l[1]);
	else if (c < 0x20 || (c >= 0x7f && c < 0xa0))
		n = (size_t)snprintf(piece, PIECE_MAX, "\\x%02x", (unsigned)c);
	else if (within(c, unseen, ENG_COUNT(unseen)))
		n = (size_t)snprintf(piece, PIECE_MAX, "\\u%04x", (unsigned)c);
	else {
		*columns = text_columns(c);
		return eng_utf8_encode(piece, c);
	}
	*columns = (unsigned)n;
	return n;
}

void text_add(struct eng_buf *b, const char *p, size_t n, bool backslash, size_t width)
{
	const char *end, *sound; /* up to `sound` it is UTF-8 */
	size_t used = 0, cut = b->n;

	if (n == 0)
		return;
	end = p + n;
	sound = p + eng_utf8_check(p, n);
	while (p < end) {
		char piece[PIECE_MAX];
		unsigned columns;
		uint32_t c = (uint8_t)*p;
		size_t bytes;

		if (p < sound) {
			p += eng_utf8_decode(&c, p, sound);
			bytes = show(piece, c, backslash, &columns);
		} else {
			bytes = columns = (unsigned)snprintf(piece, sizeof piece, "\\x%02x", (unsigned)c);
			p++;
			sound = p + eng_utf8_check(p, (size_t)(end - p));
		}
		if (width && used + columns > width) {
			b->n = cut; /* room for the ellipsis */
			eng_buf_str(b, "\xe2\x80\xa6");
			return;
		}
		eng_buf_add(b, piece, bytes);
		used += columns;
		if (used < width)
			cut = b->n;
	}
}
