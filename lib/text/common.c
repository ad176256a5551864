/* common.c - about a thousand common English words: weights and stop words.
 *
 * A document's vector must not depend on its neighbours, so there the weight
 * of a word comes from this frozen list (a query has the local rarities).
 * Sorted by spelling with an index by first letter: about five compares. */
#include "text/text_int.h"

struct common {
	char word[15]; /* zero-padded */
	uint8_t weight;
	bool stop;
};

#include "text/common.inc"

struct eng_common eng_common_word(const char *fold, size_t n)
{
	char key[sizeof common_words[0].word] = {0};
	if (n >= sizeof key || *fold < 'a' || *fold > 'z')
		return (struct eng_common){255, false};
	memcpy(key, fold, n);
	size_t lo = common_first[*fold - 'a'], hi = common_first[*fold - 'a' + 1];
	while (lo < hi) {
		size_t mid = (lo + hi) / 2;
		int order = memcmp(common_words[mid].word, key, sizeof key);
		if (order == 0)
			return (struct eng_common){common_words[mid].weight, common_words[mid].stop};
		if (order < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return (struct eng_common){255, false};
}
