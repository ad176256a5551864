/* stem.c - M. F. Porter, "An algorithm for suffix stripping", 1980.
 *
 * Implemented from the paper, its published erratum-free form: the steps and
 * rules below carry the paper's numbers.  A word is [C](VC)^m[V]; m, the
 * *measure*, counts the VC pairs in front of a suffix:
 *
 *     m = 0  tr, ee, tree, by      m = 1  trouble, oats, trees      m = 2  troubles, private
 *
 * Rules of a step are tried from the longest suffix on; the first suffix that
 * fits decides, whether or not its condition holds.  The two departures that
 * Porter later made himself (logi -> log, and bli for abli) are taken, since
 * all the known implementations have them. */
#include "text/text_int.h"

struct word {
	char *b;
	size_t n; /* length now */
	size_t j; /* length of the stem in front of the suffix that ends() met */
};

static bool consonant(const struct word *w, size_t i)
{
	switch (w->b[i]) {
	case 'a': case 'e': case 'i': case 'o': case 'u':
		return false;
	case 'y':
		return i == 0 || !consonant(w, i - 1);
	default:
		return true;
	}
}

/* m of b[0..j). */
static unsigned measure(const struct word *w)
{
	unsigned m = 0;
	bool vowel = false;
	for (size_t i = 0; i < w->j; i++) {
		bool c = consonant(w, i);
		m += c && vowel;
		vowel = !c;
	}
	return m;
}

/* *v*: a vowel in b[0..j). */
static bool has_vowel(const struct word *w)
{
	for (size_t i = 0; i < w->j; i++)
		if (!consonant(w, i))
			return true;
	return false;
}

/* *d: b[0..n) ends with a double consonant. */
static bool double_consonant(const struct word *w, size_t n)
{
	return n >= 2 && w->b[n - 1] == w->b[n - 2] && consonant(w, n - 1);
}

/* *o: b[0..n) ends consonant, vowel, consonant, the last not w, x or y. */
static bool short_end(const struct word *w, size_t n)
{
	if (n < 3 || !consonant(w, n - 1) || consonant(w, n - 2) || !consonant(w, n - 3))
		return false;
	return w->b[n - 1] != 'w' && w->b[n - 1] != 'x' && w->b[n - 1] != 'y';
}

/* Nearly every suffix differs in its last two letters: looking at these first
 * halves the cost of a stem. */
static inline bool ends_n(struct word *w, const char *suffix, size_t n)
{
	const char *end = w->b + w->n;

	if (n > w->n || end[-1] != suffix[n - 1] || (n > 1 && end[-2] != suffix[n - 2]) ||
	    memcmp(end - n, suffix, n) != 0)
		return false;
	w->j = w->n - n;
	return true;
}

static inline bool ends(struct word *w, const char *suffix)
{
	return ends_n(w, suffix, strlen(suffix));
}

/* No rule's replacement is longer than its suffix, but for step 1b's e. */
static void replace(struct word *w, const char *with)
{
	size_t n = strlen(with);
	memcpy(w->b + w->j, with, n);
	w->n = w->j + n;
}

struct rule {
	const char *suffix;
	size_t n;
	const char *with;
};
#define R(suffix, with) {suffix, sizeof suffix - 1, with}

/* The first suffix that fits is replaced if m > min. */
static void apply(struct word *w, const struct rule *rules, size_t n, unsigned min)
{
	for (size_t i = 0; i < n; i++) {
		if (!ends_n(w, rules[i].suffix, rules[i].n))
			continue;
		if (measure(w) > min)
			replace(w, rules[i].with);
		return;
	}
}

/* Plurals: caresses -> caress, ponies -> poni, cats -> cat. */
static void step_1a(struct word *w)
{
	if (ends(w, "sses"))
		replace(w, "ss");
	else if (ends(w, "ies"))
		replace(w, "i");
	else if (!ends(w, "ss") && ends(w, "s"))
		replace(w, "");
}

/* What -ed and -ing leave: conflat -> conflate, hopp -> hop, fil -> file. */
static void mend(struct word *w)
{
	if (ends(w, "at") || ends(w, "bl") || ends(w, "iz")) {
		w->b[w->n++] = 'e';
		return;
	}
	w->j = w->n;
	if (double_consonant(w, w->n)) {
		char c = w->b[w->n - 1];
		if (c != 'l' && c != 's' && c != 'z')
			w->n--;
	} else if (measure(w) == 1 && short_end(w, w->n)) {
		w->b[w->n++] = 'e';
	}
}

/* agreed -> agree, plastered -> plaster, motoring -> motor. */
static void step_1b(struct word *w)
{
	if (ends(w, "eed")) {
		if (measure(w) > 0)
			replace(w, "ee");
	} else if ((ends(w, "ed") || ends(w, "ing")) && has_vowel(w)) {
		replace(w, "");
		mend(w);
	}
}

/* happy -> happi. */
static void step_1c(struct word *w)
{
	if (ends(w, "y") && has_vowel(w))
		replace(w, "i");
}

static void step_2(struct word *w)
{
	static const struct rule rules[] = {
		R("ational", "ate"), R("ization", "ize"), R("iveness", "ive"), R("fulness", "ful"), R("ousness", "ous"),
		R("tional", "tion"), R("biliti", "ble"), R("entli", "ent"), R("ousli", "ous"), R("ation", "ate"),
		R("alism", "al"), R("aliti", "al"), R("iviti", "ive"), R("enci", "ence"), R("anci", "ance"),
		R("izer", "ize"), R("alli", "al"), R("ator", "ate"), R("logi", "log"), R("bli", "ble"), R("eli", "e"),
	};
	apply(w, rules, ENG_COUNT(rules), 0);
}

static void step_3(struct word *w)
{
	static const struct rule rules[] = {
		R("icate", "ic"), R("ative", ""), R("alize", "al"), R("iciti", "ic"),
		R("ical", "ic"), R("ness", ""), R("ful", ""),
	};
	apply(w, rules, ENG_COUNT(rules), 0);
}

static void step_4(struct word *w)
{
	static const struct rule rules[] = {
		R("ement", ""), R("ance", ""), R("ence", ""), R("able", ""), R("ible", ""), R("ment", ""), R("ant", ""),
		R("ent", ""), R("ism", ""), R("ate", ""), R("iti", ""), R("ous", ""), R("ive", ""), R("ize", ""),
		R("al", ""), R("er", ""), R("ic", ""), R("ou", ""),
	};
	if (ends(w, "ion")) {
		if (w->j > 0 && (w->b[w->j - 1] == 's' || w->b[w->j - 1] == 't') && measure(w) > 1)
			replace(w, "");
		return;
	}
	apply(w, rules, ENG_COUNT(rules), 1);
}

/* probate -> probat, rate stays; controll -> control. */
static void step_5(struct word *w)
{
	if (ends(w, "e")) {
		unsigned m = measure(w);
		if (m > 1 || (m == 1 && !short_end(w, w->j)))
			replace(w, "");
	}
	w->j = w->n - 1;
	if (w->b[w->n - 1] == 'l' && double_consonant(w, w->n) && measure(w) > 1)
		w->n--;
}

static bool plain(const char *w, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (w[i] < 'a' || w[i] > 'z')
			return false;
	return true;
}

size_t eng_stem(char *b, size_t n)
{
	struct word w = {b, n, n};
	if (n < 3 || !plain(b, n))
		return n;
	step_1a(&w);
	step_1b(&w);
	step_1c(&w);
	step_2(&w);
	step_3(&w);
	step_4(&w);
	step_5(&w);
	return w.n;
}
