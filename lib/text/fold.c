/* fold.c - classes of characters and their folded forms.
 *
 * ASCII by a few compares, everything else by binary search over ranges of
 * characters that fold alike (fold.inc, made once by gen-fold.py and frozen).
 *
 *     A -> a     E-acute -> e     sharp s -> ss     full-width A -> a
 */
#include "text/text_int.h"

#include "base/utf8.h"

enum { WORD = 1, DROP, ALONE, PAIR, SEQ }; /* PAIR: upper and lower case take turns */

struct fold_range {
	uint32_t first;
	uint16_t n;
	uint16_t class;
	int32_t value;
};

#include "text/fold.inc"

static const struct fold_range *find(uint32_t c)
{
	size_t lo = 0, hi = ENG_COUNT(fold_ranges);
	while (lo < hi) {
		size_t mid = (lo + hi) / 2;
		if (fold_ranges[mid].first <= c)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo == 0 || c - fold_ranges[lo - 1].first >= fold_ranges[lo - 1].n)
		return NULL;
	return &fold_ranges[lo - 1];
}

static enum eng_char_class fold_wide(char out[ENG_FOLD_MAX], size_t *n, uint32_t c)
{
	const struct fold_range *r = find(c);
	*n = 0;
	if (!r)
		return ENG_CHAR_BREAK;
	switch (r->class) {
	case DROP:
		return ENG_CHAR_DROP;
	case SEQ:
		*n = (size_t)(r->value & 15);
		memcpy(out, fold_pool + (r->value >> 4), *n);
		return ENG_CHAR_WORD;
	case PAIR:
		*n = eng_utf8_encode(out, c + ((c - r->first) % 2 == 0));
		return ENG_CHAR_WORD;
	default:
		*n = eng_utf8_encode(out, (uint32_t)((int32_t)c + r->value));
		return r->class == ALONE ? ENG_CHAR_ALONE : ENG_CHAR_WORD;
	}
}

enum eng_char_class eng_char_fold(char out[ENG_FOLD_MAX], size_t *n, uint32_t c)
{
	if (c >= 0x80)
		return fold_wide(out, n, c);
	*n = 1;
	*out = (char)(c >= 'A' && c <= 'Z' ? c + 'a' - 'A' : c);
	return (*out >= 'a' && *out <= 'z') || (c >= '0' && c <= '9') ? ENG_CHAR_WORD : ENG_CHAR_BREAK;
}
