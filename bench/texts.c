/* texts.c - as many real texts as a bench wants, and what is asked for.
 *
 *     texts make N SEED <GLOSSES >TEXTS     N texts, one a line
 *     texts cues N SEED <TEXTS >CUES        N cues: a few words of one of them, in their order
 *
 * The first texts are the lines given, as they are.  Where more are wanted, a text is
 * the first half of one line and the second half of another, drawn from the seed:
 * words, their frequencies and lengths stay those of the language, no text stands
 * twice but by chance, and a cue may fit several, as with memories of a long time.
 * The same seed gives the same bytes everywhere. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "measure.h"

enum { CUE_WORDS = 4, WORD_MIN = 4, WORDS_MAX = 256 };

struct lines {
	char **at;
	size_t n, cap;
};

static void read_lines(struct lines *l)
{
	char *line = NULL;
	size_t cap = 0;
	ssize_t n;

	while ((n = getline(&line, &cap, stdin)) > 0) {
		line[strcspn(line, "\n")] = '\0';
		if (l->n == l->cap) {
			l->cap = l->cap ? 2 * l->cap : 4096;
			l->at = realloc(l->at, l->cap * sizeof *l->at);
		}
		if (!l->at || !(l->at[l->n++] = strdup(line)))
			measure_die("out of memory");
	}
	free(line);
	if (l->n == 0)
		measure_die("standard input: wanted lines of text, found none");
}

/* -- texts ---------------------------------------------------------------------------- */

/* The space in front of the word that the middle lies in; the end of a single word. */
static size_t middle(const char *text)
{
	size_t at = strlen(text) / 2;

	while (at > 0 && text[at] != ' ')
		at--;
	return at > 0 ? at : strlen(text);
}

static void make(const struct lines *l, uint64_t n, struct eng_rng *g)
{
	for (uint64_t i = 0; i < n; i++) {
		const char *head = l->at[i < l->n ? i : eng_rng_below(g, l->n)];
		const char *tail = l->at[eng_rng_below(g, l->n)];

		if (i < l->n)
			puts(head);
		else
			printf("%.*s%s\n", (int)middle(head), head, tail + middle(tail));
	}
}

/* -- cues ----------------------------------------------------------------------------- */

struct word {
	const char *p;
	size_t n;
};

static size_t long_words(struct word out[WORDS_MAX], const char *text)
{
	size_t n = 0;

	for (size_t len; *text && n < WORDS_MAX; text += len) {
		text += strspn(text, " ,;()\"'");
		len = strcspn(text, " ,;()\"'");
		if (len >= WORD_MIN)
			out[n++] = (struct word){text, len};
	}
	return n;
}

/* Each word is taken with the chance that makes CUE_WORDS of those that are left. */
static bool put_cue(const char *text, struct eng_rng *g)
{
	struct word words[WORDS_MAX];
	size_t n = long_words(words, text), wanted = CUE_WORDS;

	if (n < wanted)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (eng_rng_below(g, n - i) >= wanted)
			continue;
		wanted--;
		printf("%.*s%c", (int)words[i].n, words[i].p, wanted ? ' ' : '\n');
	}
	return true;
}

static void cues(const struct lines *l, uint64_t n, struct eng_rng *g)
{
	uint64_t tries = 0;

	for (uint64_t i = 0; i < n; tries++) {
		i += put_cue(l->at[eng_rng_below(g, l->n)], g);
		if (tries > 1000 + 100 * n)
			measure_die("texts of four longer words: wanted %llu, found few", (unsigned long long)n);
	}
}

int main(int argc, char **argv)
{
	struct lines l = {0};
	struct eng_rng g;
	bool made = argc == 4 && !strcmp(argv[1], "make");
	uint64_t n = argc == 4 ? strtoull(argv[2], NULL, 10) : 0;

	if (n < 1 || (!made && strcmp(argv[1], "cues")))
		measure_die("usage: texts make|cues N SEED");
	eng_rng_seed(&g, strtoull(argv[3], NULL, 10));
	read_lines(&l);
	(made ? make : cues)(&l, n, &g);
	return fflush(stdout) ? 1 : 0;
}
