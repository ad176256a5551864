/* word.c - near misses: "no such space 'defualt', did you mean 'default'?" */
#include "base/num.h"

#include <string.h>

#define WORD_MAX 64

static unsigned min2(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

/* Insert, delete, replace and swap of neighbours cost 1 each (the optimal
 * string alignment form: no part is edited twice).  Three rows of the table
 * suffice, since a swap looks back two. */
unsigned eng_distance(const char *a, const char *b)
{
	unsigned rows[3][WORD_MAX + 1];
	unsigned *before = rows[0], *last = rows[1], *row = rows[2], *spare;
	size_t na = strlen(a), nb = strlen(b);

	if (na > WORD_MAX || nb > WORD_MAX)
		return (unsigned)(na > nb ? na : nb);
	for (unsigned j = 0; j <= nb; j++)
		row[j] = j;
	for (size_t i = 1; i <= na; i++) {
		spare = before;
		before = last;
		last = row;
		row = spare;
		row[0] = (unsigned)i;
		for (size_t j = 1; j <= nb; j++) {
			unsigned d = last[j - 1] + (a[i - 1] != b[j - 1]);

			d = min2(d, min2(last[j], row[j - 1]) + 1);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				d = min2(d, before[j - 2] + 1);
			row[j] = d;
		}
	}
	return row[nb];
}

const char *eng_nearest(const char *word, const char *const *words, size_t n)
{
	size_t length = strlen(word);
	unsigned limit = length < 6 ? 1 : (unsigned)(length / 3);
	unsigned best = limit + 1;
	const char *nearest = NULL;

	for (size_t i = 0; i < n; i++) {
		unsigned d = eng_distance(word, words[i]);

		if (d < best) {
			best = d;
			nearest = words[i];
		}
	}
	return nearest;
}
