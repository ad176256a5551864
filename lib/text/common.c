/* common.c - about a thousand common English words: weights and stop words.
 *
 * A document's vector must not depend on its neighbours, so there the weight
 * of a word comes from this frozen list (a query has the local rarities).
 * Sorted by spelling with an index by first letter, and compared as numbers:
 * it is asked for every word of every text. */
#include "text/text_int.h"

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define BE64(x) __builtin_bswap64(x)
#else
#define BE64(x) (x)
#endif

struct common {
	char word[14]; /* zero-padded */
	uint8_t weight;
	bool stop;
};

#include "text/common.inc"

/* The spelling as two numbers of the same order: the bytes of weight and stop
 * are shifted out. */
struct key {
	uint64_t head, tail;
};
_Static_assert(sizeof(struct common) == sizeof(struct key), "a common word is sixteen bytes");

static struct key key_of(const struct common *word)
{
	struct key k;
	memcpy(&k, word, sizeof k);
	return (struct key){BE64(k.head), BE64(k.tail) >> 16};
}

struct eng_common eng_common_word(const char *fold, size_t n)
{
	struct common asked = {{0}, 0, false};
	if (n > sizeof asked.word || *fold < 'a' || *fold > 'z')
		return (struct eng_common){255, false};
	memcpy(asked.word, fold, n);
	struct key want = key_of(&asked);
	size_t lo = common_first[*fold - 'a'], hi = common_first[*fold - 'a' + 1];
	while (lo < hi) {
		size_t mid = (lo + hi) / 2;
		struct key at = key_of(&common_words[mid]);
		if (at.head == want.head && at.tail == want.tail)
			return (struct eng_common){common_words[mid].weight, common_words[mid].stop};
		if (at.head != want.head ? at.head < want.head : at.tail < want.tail)
			lo = mid + 1;
		else
			hi = mid;
	}
	return (struct eng_common){255, false};
}
