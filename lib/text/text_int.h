/* text_int.h - inside text/. */
#ifndef ENG_TEXT_TEXT_INT_H
#define ENG_TEXT_TEXT_INT_H

#include "text/text.h"

enum eng_char_class {
	ENG_CHAR_BREAK = 0, /* ends a word */
	ENG_CHAR_WORD,
	ENG_CHAR_DROP,  /* inside a word, leaves nothing */
	ENG_CHAR_ALONE, /* a word by itself */
};

#define ENG_FOLD_MAX 9 /* bytes that one character folds to */

/* Class of a character; its folded form in out[0..*n). */
enum eng_char_class eng_char_fold(char out[ENG_FOLD_MAX], size_t *n, uint32_t c);

/* Porter's stem of w[0..n), in place; returns its length (never 0 for n > 0).
 * Words with anything but a-z are left alone. */
size_t eng_stem(char *w, size_t n);

/* The frozen list of common words: hash/1's weight 0..255 (255 = not listed)
 * and whether it is a stop word. */
struct eng_common {
	uint8_t weight;
	bool stop;
};
struct eng_common eng_common_word(const char *fold, size_t n);

/* 3-, 4- and 5-grams of a word of n bytes at most, marked at both ends. */
#define ENG_GRAMS(n) (3 * (n))
#define ENG_GRAMS_MAX ENG_GRAMS(ENG_WORD_MAX)

/* A word that a lexicon holds (lexicon.c). */
#define ENG_LEXEME_MAX 20u /* bytes; longer words are rare */
struct eng_lexeme {
	uint64_t hash; /* of fold, XXH3 */
	uint64_t stem_hash;
	uint8_t nfold, nstem, nplaces; /* nplaces 0: not worked out yet */
	uint8_t weight;
	bool stop;
	char fold[ENG_LEXEME_MAX], stem[ENG_LEXEME_MAX];
	uint16_t places[1 + ENG_GRAMS(ENG_LEXEME_MAX)]; /* in hash/1 */
};
/* NULL: too long a word.  Valid until the next call. */
struct eng_lexeme *eng_lexicon_word(struct eng_lexicon *l, const char *fold, size_t n);
/* eng_words; with a lexicon (NULL = none) its words are looked up there first. */
int eng_words_known(struct eng_lexicon *l, const char *text, size_t n, eng_word_fn *fn, void *data);

/* eng_terms_of in parts: one word (an eng_word_fn; data is the terms, their n 0
 * at the beginning), and the end. */
int eng_terms_collect(void *data, const struct eng_word *w);
void eng_terms_finish(struct eng_terms *t);

/* Lengths in classes, as BM25 counts them; class_length is a middle of its class. */
#define ENG_LENGTH_CLASSES 256u
uint32_t eng_length_class(uint32_t tokens);
uint32_t eng_class_length(uint32_t class);

/* 4096 / sqrt(n), 1 <= n; the last entry from ENG_GRAMS_MAX on. */
uint32_t eng_inverse_root_q12(size_t n);

#endif
