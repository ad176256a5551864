/* calibrate.c - the constants of confidence/1, from cues to stores of many sizes.
 *
 *     calibrate deb.tsv glosses DIR
 *
 * Two kinds of text, six sizes of store, cues as they are and misspelt: 24
 * domains.  A package description is asked for by its summary; a gloss by one
 * to four of its words, a third of them replaced by words of other glosses.
 * Half of the cues ask for a text that is not stored.  The first hit is right
 * or wrong; a logistic regression of that on the features that recall states
 * gives the constants.
 *
 * Prints them, and for each domain how far the confidence that recall states
 * now is off.  Only the public interface is used. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "task.h"

#define TEXTS 20000u
#define SEED 7u

struct corpus {
	const char *name;
	char *cues[TEXTS]; /* NULL: made from words */
	char *texts[TEXTS];
	size_t n;
};

/* Small stores come often, so that each size has as many cues. */
static const struct size {
	size_t texts, stores, cues;
} sizes[] = {{1, 100, 3}, {3, 50, 5}, {10, 25, 10}, {100, 6, 40}, {1000, 1, 200}, {5000, 1, 200}};

static struct corpus packages = {.name = "packages"}, glosses = {.name = "glosses"};
static struct judged cases[8000];
static size_t ncases;
static unsigned spaces;

static void load(struct corpus *c, const char *path, bool with_cues)
{
	FILE *f = fopen(path, "r");
	char *line = NULL;
	size_t cap = 0;
	if (!f) {
		perror(path);
		exit(1);
	}
	while (c->n < TEXTS && getline(&line, &cap, f) > 0) {
		char *name = with_cues ? strtok(line, "\t") : NULL, *cue = with_cues ? strtok(NULL, "\t") : NULL;
		char *text = strtok(with_cues ? NULL : line, "\n");
		if (!text || (with_cues && (!name || !cue)))
			continue;
		c->cues[c->n] = cue ? strdup(cue) : NULL;
		c->texts[c->n++] = strdup(text);
	}
	free(line);
	fclose(f);
}

/* -- cues ---------------------------------------------------------------- */

/* A random word of four letters or more; "" where none is met. */
static void add_word(char *out, size_t size, const char *text, struct eng_rng *g)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
	const char *from = text + eng_rng_below(g, strlen(text));
	for (int lap = 0; lap < 2; lap++, from = text)
		while (*from) {
			while (from > text && strchr(letters, from[-1]) && *from && strchr(letters, *from))
				from--;
			size_t n = strspn(from, letters);
			if (n >= 4 && strlen(out) + n + 2 < size) {
				strncat(out, from, n);
				strcat(out, " ");
				return;
			}
			from += n;
			from += strcspn(from, letters);
		}
}

static void words_of(char *out, size_t size, const struct corpus *c, size_t at, struct eng_rng *g)
{
	size_t n = 1 + eng_rng_below(g, 4);
	*out = 0;
	while (n-- > 0)
		add_word(out, size, c->texts[eng_rng_below(g, 3) ? at : eng_rng_below(g, c->n)], g);
}

/* -- one store ----------------------------------------------------------- */

static void shuffle(size_t *order, size_t n, struct eng_rng *g)
{
	for (size_t i = 0; i < n; i++) {
		size_t k = i + eng_rng_below(g, n - i), at = order[i];
		order[i] = order[k];
		order[k] = at;
	}
}

static void ask_one(struct engram_space *space, const struct corpus *c, size_t at, const struct engram_id *id, bool typos,
                    struct eng_rng *g)
{
	char cue[1024], wrong[1200];
	struct engram_result r;
	if (c->cues[at])
		snprintf(cue, sizeof cue, "%s", c->cues[at]);
	else
		words_of(cue, sizeof cue, c, at, g);
	misspell(wrong, sizeof wrong, cue, g);
	ask(&r, space, typos ? wrong : cue, ENGRAM_HYBRID, 10);
	cases[ncases++] = judge(&r, id && r.n > 0 && memcmp(r.hits[0].memory.id.b, id->b, sizeof id->b) == 0);
	engram_result_free(&r);
}

static void one_store(struct engram_home *home, const struct corpus *c, const struct size *size, bool typos,
                      struct eng_rng *g)
{
	static size_t order[TEXTS];
	static char *texts[TEXTS];
	static struct engram_id ids[TEXTS];
	char name[32];
	for (size_t i = 0; i < c->n; i++)
		order[i] = i;
	shuffle(order, c->n, g);
	for (size_t i = 0; i < size->texts; i++)
		texts[i] = c->texts[order[i]];
	snprintf(name, sizeof name, "calibrate-%u", spaces++);
	struct engram_space *space = store_texts(home, name, texts, ids, size->texts);
	for (size_t i = 0; i < size->cues; i++) {
		bool stored = eng_rng_below(g, 2);
		size_t at = eng_rng_below(g, size->texts);
		ask_one(space, c, order[stored ? at : size->texts + at], stored ? &ids[at] : NULL, typos, g);
	}
	engram_space_close(space);
	check(engram_space_drop(home, name, 5000, &err), name);
}

static void one_domain(struct engram_home *home, const struct corpus *c, const struct size *size, bool typos,
                       struct eng_rng *g)
{
	size_t first = ncases, right = 0;
	for (size_t i = 0; i < size->stores; i++)
		one_store(home, c, size, typos, g);
	for (size_t i = first; i < ncases; i++)
		right += cases[i].right;
	printf("  %-8s %5zu %s  %4zu cues, %.2f right, calibration error %.3f\n", c->name, size->texts,
	       typos ? "typos" : "clean", ncases - first, (double)right / (double)(ncases - first),
	       calibration_error(cases + first, ncases - first, false));
}

int main(int argc, char **argv)
{
	const struct corpus *const corpora[] = {&packages, &glosses};
	struct engram_home *home;
	struct eng_rng g;
	double w[FEATURES];
	if (argc != 4) {
		fprintf(stderr, "usage: calibrate deb.tsv glosses DIR\n");
		return 2;
	}
	load(&packages, argv[1], true);
	load(&glosses, argv[2], false);
	eng_rng_seed(&g, SEED);
	check(engram_home_open(&home, argv[3], &err), argv[3]);
	printf("kind, texts stored, cues\n");
	for (size_t c = 0; c < 2; c++)
		for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
			for (int typos = 0; typos < 2; typos++)
				one_domain(home, corpora[c], &sizes[s], typos, &g);
	printf("\nall %zu cues\n", ncases);
	double error = calibration_error(cases, ncases, true);
	printf("  calibration error %.3f; right told from wrong in %.3f of pairs\n", error, discrimination(cases, ncases));
	fit(w, cases, ncases);
	printf("  best constants: %.3f %+.3f rarity %+.3f cosine %+.3f margin %+.3f log2 words\n", w[0], w[1], w[2], w[3],
	       w[4]);
	engram_home_close(home);
	return 0;
}
