/* words.c - text into words: the one tokenizer.
 *
 *   "The Café's well-known Größe"  ->  the cafe well known grosse
 *
 *  - A word is a run of letters, numbers and marks, folded (fold.c); anything
 *    else ends it, the underscore too, so that parts of names are found.
 *  - Han and Hiragana characters are words of their own.  Bigrams rank a
 *    little better, but a cue of one character must find something, and both
 *    together double the index.  Katakana, Hangul and the rest come in runs;
 *    so do Thai, Lao, Khmer and Burmese, whose words only a dictionary
 *    could part: there the n-grams of the vector find what the words miss.
 *  - After an apostrophe between letters, the endings of English contractions
 *    (s t d m ll re ve) are left out: "it's" is "it", "mitochondria's" is
 *    "mitochondria".
 *  - A word of more than ENG_WORD_MAX folded bytes continues as a next word, so
 *    that nothing of the text is lost.
 *
 * Bytes that are not UTF-8 cannot reach a memory; met here all the same, each
 * ends a word, and nothing outside the text is read. */
#include "text/text_int.h"

#include "base/utf8.h"

struct walk {
	struct eng_lexicon *lexicon; /* may be NULL */
	const char *text, *at, *end;
	eng_word_fn *fn;
	void *data;
	char fold[ENG_WORD_MAX + ENG_FOLD_MAX];
	size_t n;      /* bytes in fold */
	size_t start;  /* of the word in the text */
	size_t finish; /* behind its last character */
};

/* One character, or one byte that is none; false only at the end. */
static size_t decode(uint32_t *c, const char *p, const char *end)
{
	unsigned char b = (unsigned char)*p;
	if (b < 0x80) {
		*c = b;
		return 1;
	}
	size_t n = b >= 0xf0 ? 4 : b >= 0xe0 ? 3 : 2;
	if ((size_t)(end - p) < n || eng_utf8_check(p, n) < n) {
		*c = ' ';
		return 1;
	}
	return eng_utf8_decode(c, p, end);
}

static int emit_new(struct walk *w, struct eng_word *word)
{
	struct eng_common common = eng_common_word(w->fold, w->n);
	char stem[ENG_WORD_MAX];
	memcpy(stem, w->fold, w->n);
	word->stem = stem;
	word->nstem = eng_stem(stem, w->n);
	word->stop = common.stop;
	word->weight = common.weight;
	return w->fn(w->data, word);
}

static int emit_known(struct walk *w, struct eng_word *word)
{
	word->stem = word->known->stem;
	word->nstem = word->known->nstem;
	word->stop = word->known->stop;
	word->weight = word->known->weight;
	return w->fn(w->data, word);
}

static int emit(struct walk *w)
{
	struct eng_word word = {.fold = w->fold, .nfold = w->n, .start = w->start, .end = w->finish};
	int rc;
	if (w->n == 0)
		return 0;
	word.known = w->lexicon ? eng_lexicon_word(w->lexicon, w->fold, w->n) : NULL;
	rc = word.known ? emit_known(w, &word) : emit_new(w, &word);
	w->n = 0;
	return rc;
}

/* Appends a folded character; a full word goes out first. */
static int append(struct walk *w, const char *folded, size_t n, size_t from, size_t to)
{
	int rc = 0;
	if (w->n + n > ENG_WORD_MAX)
		rc = emit(w);
	if (w->n == 0)
		w->start = from;
	memcpy(w->fold + w->n, folded, n);
	w->n += n;
	w->finish = to;
	return rc;
}

static bool ascii_word(const char *p)
{
	char out[ENG_FOLD_MAX];
	size_t n;
	return (unsigned char)*p < 0x80 && eng_char_fold(out, &n, (unsigned char)*p) == ENG_CHAR_WORD;
}

/* Length of the contraction ending at p (behind the apostrophe), or 0. */
static size_t contraction(const char *p, const char *end)
{
	static const char *const endings[] = {"s", "t", "d", "m", "ll", "re", "ve"};
	for (size_t i = 0; i < ENG_COUNT(endings); i++) {
		size_t n = strlen(endings[i]);
		if ((size_t)(end - p) < n || (p[0] | 0x20) != endings[i][0] ||
		    (p[n - 1] | 0x20) != endings[i][n - 1])
			continue;
		if (p + n == end || ((unsigned char)p[n] < 0x80 && !ascii_word(p + n)))
			return n;
	}
	return 0;
}

static int step(struct walk *w)
{
	char folded[ENG_FOLD_MAX];
	size_t n, from = (size_t)(w->at - w->text);
	uint32_t c;
	int rc = 0;
	w->at += decode(&c, w->at, w->end);
	switch (eng_char_fold(folded, &n, c)) {
	case ENG_CHAR_WORD:
		return append(w, folded, n, from, (size_t)(w->at - w->text));
	case ENG_CHAR_DROP:
		return 0;
	case ENG_CHAR_ALONE:
		rc = emit(w);
		if (rc == 0)
			rc = append(w, folded, n, from, (size_t)(w->at - w->text));
		return rc ? rc : emit(w);
	case ENG_CHAR_BREAK:
		if (w->n > 0 && (c == '\'' || c == 0x2019))
			w->at += contraction(w->at, w->end);
		return emit(w);
	}
	return 0;
}

/* ASCII letters and digits, which most texts are made of, without asking the
 * tables: the folded character, 0 for any other. */
static char plain(unsigned char c)
{
	unsigned char lower = c | 0x20;
	if (lower >= 'a' && lower <= 'z')
		return (char)lower;
	return (char)(c >= '0' && c <= '9' ? c : 0);
}

static void take_plain(struct walk *w)
{
	const char *began = w->at;
	size_t n = w->n;
	char c;
	while (w->at < w->end && n < ENG_WORD_MAX && (c = plain((unsigned char)*w->at)) != 0) {
		w->fold[n++] = c;
		w->at++;
	}
	if (w->at == began)
		return;
	if (w->n == 0)
		w->start = (size_t)(began - w->text);
	w->n = n;
	w->finish = (size_t)(w->at - w->text);
}

int eng_words(const char *text, size_t n, eng_word_fn *fn, void *data)
{
	return eng_words_known(NULL, text, n, fn, data);
}

int eng_words_known(struct eng_lexicon *l, const char *text, size_t n, eng_word_fn *fn, void *data)
{
	struct walk w;
	int rc = 0;
	if (n == 0)
		return 0;
	w.lexicon = l;
	w.text = w.at = text;
	w.end = text + n;
	w.fn = fn;
	w.data = data;
	w.n = 0;
	while (rc == 0) {
		take_plain(&w);
		if (w.at == w.end)
			break;
		rc = step(&w);
	}
	return rc ? rc : emit(&w);
}
