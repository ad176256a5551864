/* lexicon.c - what was made of the words met lately.
 *
 * Stem, weight, hashes and places in hash/1 depend on the folded word alone, and
 * texts repeat their words: of the 1.6 million words of WordNet's glosses 72 %
 * are in a table of 2,048, each slot holding the last word that fell on it, 88 %
 * in one of 16,384, which a few texts would not pay for.  A word that is there
 * costs a hash and a comparison instead of a stem, a search in the common words
 * and thirty more hashes.
 *
 * Nothing can be seen of it but the time: a word that is not there, or too long
 * to be, is worked out. */
#include "text/text_int.h"

#include "base/alloc.h"
#include "base/hash.h"

#define FEW_SLOTS 2048u   /* 380 KiB: fits the second cache beside the rest */
#define MANY_SLOTS 16384u /* 3 MiB: a line from the third is still a tenth of a word worked out */
#define MANY_TEXTS 4096u

struct eng_lexicon {
	size_t slots;
	struct eng_lexeme at[];
};

struct eng_lexicon *eng_lexicon_new(size_t texts)
{
	size_t slots = texts < MANY_TEXTS ? FEW_SLOTS : MANY_SLOTS;
	struct eng_lexicon *l = eng_calloc(1, sizeof *l + slots * sizeof *l->at);

	if (l)
		l->slots = slots;
	return l;
}

void eng_lexicon_free(struct eng_lexicon *l)
{
	eng_free(l);
}

static void learn(struct eng_lexeme *x, const char *fold, size_t n, uint64_t hash)
{
	struct eng_common common = eng_common_word(fold, n);

	memcpy(x->fold, fold, n);
	memcpy(x->stem, fold, n);
	x->nfold = (uint8_t)n;
	x->nstem = (uint8_t)eng_stem(x->stem, n);
	x->hash = hash;
	x->stem_hash = eng_stem_hash(x->stem, x->nstem);
	x->weight = common.weight;
	x->stop = common.stop;
	x->nplaces = 0;
}

struct eng_lexeme *eng_lexicon_word(struct eng_lexicon *l, const char *fold, size_t n)
{
	struct eng_lexeme *x;
	uint64_t hash;

	if (n > ENG_LEXEME_MAX)
		return NULL;
	hash = XXH3_64bits(fold, n);
	x = &l->at[hash & (l->slots - 1)];
	if (x->hash != hash || x->nfold != n || memcmp(x->fold, fold, n) != 0)
		learn(x, fold, n, hash);
	return x;
}
