/* base32.c - ids as text: Crockford base 32, 128 bits in 26 characters.
 *
 * 26 characters carry 130 bits, so the first one carries only 3 and is 0..7.
 * A prefix of k characters fixes the first 5k-2 bits: the ids that begin with
 * it are one range, which is what a search in an ordered table wants. */
#include "base/base32.h"

#include <stdint.h>
#include <string.h>

static const char digits[] = "0123456789abcdefghjkmnpqrstvwxyz";

static void store(struct engram_id *id, unsigned __int128 v)
{
	for (size_t i = 16; i-- > 0; v >>= 8)
		id->b[i] = (uint8_t)v;
}

static unsigned __int128 load(const struct engram_id *id)
{
	unsigned __int128 v = 0;

	for (size_t i = 0; i < 16; i++)
		v = v << 8 | id->b[i];
	return v;
}

void engram_id_format(char out[ENGRAM_ID_TEXT + 1], const struct engram_id *id)
{
	unsigned __int128 v = load(id);

	for (size_t i = ENGRAM_ID_TEXT; i-- > 0; v >>= 5)
		out[i] = digits[(unsigned)v & 31];
	out[ENGRAM_ID_TEXT] = '\0';
}

/* 0..31, or -1.  What is easily misread is read as meant: i and l as 1, o as
 * 0; u is no digit, so that a slip for v is refused. */
static int digit(char c)
{
	const char *found;

	if (c >= 'A' && c <= 'Z')
		c = (char)(c - 'A' + 'a');
	if (c == 'i' || c == 'l')
		c = '1';
	if (c == 'o')
		c = '0';
	found = c ? strchr(digits, c) : NULL;
	return found ? (int)(found - digits) : -1;
}

bool eng_base32_range(struct engram_id *lo, struct engram_id *hi, const char *text, size_t n)
{
	unsigned __int128 v = 0;
	unsigned rest; /* bits not fixed by the prefix */

	if (n == 0 || n > ENGRAM_ID_TEXT)
		return false;
	for (size_t i = 0; i < n; i++) {
		int d = digit(text[i]);

		if (d < 0 || (i == 0 && d > 7))
			return false;
		v = v << 5 | (unsigned)d;
	}
	rest = 5 * (ENGRAM_ID_TEXT - (unsigned)n);
	v <<= rest;
	store(lo, v);
	store(hi, v | (((unsigned __int128)1 << rest) - 1));
	return true;
}
