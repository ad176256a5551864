/* calibrate.c - the constants of the confidence, from cues to stores of many sizes.
 *
 *     calibrate DATA HOME
 *
 * Three kinds of cue: a package description is asked for by its summary, a gloss
 * by one to four of its words (a third of them replaced by words of other
 * glosses) and by the definition of another dictionary.  Six sizes of store,
 * cues as they are and misspelt: 36 domains, in which half of the cues ask for
 * what is not stored.  Then every other cue of the tasks deb, typo and gcide, to
 * their whole stores.  The first hit is right or wrong; a logistic regression
 * of that on the features that recall states gives the constants.
 *
 * Prints them, and for each domain how far the confidence that recall states
 * now is off.  Only the public interface is used. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "confidence.h"
#include "task.h"

#define SEED 7u
#define TEXT_MIN 20u /* bytes: a gloss of one word is no cue's answer */

/* What may be asked, the place of a right answer, and all right answers. */
struct item {
	const char *cue; /* NULL: made from words of the document */
	size_t doc;
	const char *keys;
};
struct kind {
	const char *name;
	struct pairs docs, cues;
	struct item *items;
	size_t n;
};

/* Small stores come often, so that each size has as many cues. */
static const struct size {
	size_t texts, stores, cues;
} sizes[] = {{1, 100, 3}, {3, 50, 5}, {10, 25, 10}, {100, 6, 40}, {1000, 1, 200}, {5000, 1, 200}};
#define TEXTS_MAX 5000u

static struct judged cases[20000];
static size_t ncases;
static unsigned spaces;

/* -- kinds of cue --------------------------------------------------------- */

static struct pairs read_file(const char *dir, const char *name)
{
	char path[4096];
	snprintf(path, sizeof path, "%s/%s", dir, name);
	return pairs_read(path);
}

static void add_item(struct kind *k, const char *cue, size_t doc, const char *keys)
{
	k->items[k->n++] = (struct item){cue, doc, keys};
}

/* deb.tsv: name, summary, description. */
static void load_packages(struct kind *k, const char *dir)
{
	k->docs = read_file(dir, "deb.tsv");
	k->items = malloc(k->docs.n * sizeof *k->items);
	for (size_t i = 0; i < k->docs.n; i++) {
		struct pair *d = &k->docs.at[i];
		const char *summary = d->second;
		d->second += strcspn(d->second, "\t");
		if (*d->second)
			*d->second++ = 0;
		add_item(k, summary, i, d->first);
	}
}

static void load_glosses(struct kind *k, const char *dir)
{
	k->docs = read_file(dir, "glosses.docs");
	k->items = malloc(k->docs.n * sizeof *k->items);
	for (size_t i = 0; i < k->docs.n; i++)
		if (strlen(k->docs.at[i].second) > TEXT_MIN)
			add_item(k, NULL, i, k->docs.at[i].first);
}

static size_t doc_of(const struct pairs *docs, const char *keys)
{
	size_t n = strcspn(keys, " ");
	for (size_t i = 0; i < docs->n; i++)
		if (strlen(docs->at[i].first) == n && memcmp(docs->at[i].first, keys, n) == 0)
			return i;
	fprintf(stderr, "calibrate: no document %s\n", keys);
	exit(1);
}

/* Every other cue: the rest is for testing. */
static void load_definitions(struct kind *k, const char *dir)
{
	k->docs = read_file(dir, "glosses.docs");
	k->cues = read_file(dir, "gcide.cues");
	k->items = malloc(k->cues.n * sizeof *k->items);
	for (size_t i = 0; i < k->cues.n; i += 2)
		add_item(k, k->cues.at[i].first, doc_of(&k->docs, k->cues.at[i].second), k->cues.at[i].second);
}

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

static void words_of(char *out, size_t size, const struct kind *k, const struct item *item, struct eng_rng *g)
{
	size_t n = 1 + eng_rng_below(g, 4);
	*out = 0;
	while (n-- > 0)
		add_word(out, size, k->docs.at[eng_rng_below(g, 3) ? item->doc : eng_rng_below(g, k->docs.n)].second, g);
}

/* -- one store ----------------------------------------------------------- */

/* The first of it are the documents of `items`, the others any. */
static struct pairs draw(const struct kind *k, const struct item *const *items, size_t nitems, size_t n,
                         struct eng_rng *g)
{
	static struct pair at[TEXTS_MAX];
	for (size_t i = 0; i < n; i++)
		at[i] = k->docs.at[i < nitems ? items[i]->doc : eng_rng_below(g, k->docs.n)];
	return (struct pairs){at, n};
}

static bool answered(const struct pairs *stored, const struct item *item)
{
	for (size_t i = 0; i < stored->n; i++)
		if (among(item->keys, stored->at[i].first, strlen(stored->at[i].first)))
			return true;
	return false;
}

static void ask_one(struct engram_space *space, const struct kind *k, const struct item *item, bool typos,
                    struct eng_rng *g)
{
	char cue[2048], wrong[4200];
	struct engram_result r;
	if (item->cue)
		snprintf(cue, sizeof cue, "%s", item->cue);
	else
		words_of(cue, sizeof cue, k, item, g);
	misspell(wrong, sizeof wrong, cue, g);
	ask(&r, space, typos ? wrong : cue, NULL, ENGRAM_HYBRID, 10);
	cases[ncases++] = judge(&r, rank_of(&r, item->keys) == 1);
	engram_result_free(&r);
}

static const struct item *any_item(const struct kind *k, struct eng_rng *g)
{
	return &k->items[eng_rng_below(g, k->n)];
}

static void one_store(struct engram_home *home, const struct kind *k, const struct size *size, bool typos,
                      struct eng_rng *g)
{
	const struct item *items[TEXTS_MAX];
	char name[32];
	size_t nitems = size->cues < size->texts ? size->cues : size->texts;
	for (size_t i = 0; i < nitems; i++)
		items[i] = any_item(k, g);
	struct pairs docs = draw(k, items, nitems, size->texts, g);
	snprintf(name, sizeof name, "calibrate-%u", spaces++);
	struct engram_space *space = store_pairs(home, name, &docs);
	for (size_t i = 0; i < size->cues; i++) {
		const struct item *item = items[eng_rng_below(g, nitems)];
		if (eng_rng_below(g, 2))
			for (item = any_item(k, g); answered(&docs, item);)
				item = any_item(k, g);
		ask_one(space, k, item, typos, g);
	}
	engram_space_close(space);
	check(engram_space_drop(home, name, 5000, &err), name);
}

static void report(const char *what, size_t first)
{
	size_t right = 0;
	for (size_t i = first; i < ncases; i++)
		right += cases[i].right;
	printf("  %-24s %4zu cues, %.2f right, calibration error %.3f\n", what, ncases - first,
	       (double)right / (double)(ncases - first), calibration_error(cases + first, ncases - first, false));
	fflush(stdout);
}

static void one_domain(struct engram_home *home, const struct kind *k, const struct size *size, bool typos,
                       struct eng_rng *g)
{
	size_t first = ncases;
	char what[64];
	for (size_t i = 0; i < size->stores; i++)
		one_store(home, k, size, typos, g);
	snprintf(what, sizeof what, "%-11s %6zu %s", k->name, size->texts, typos ? "typos" : "clean");
	report(what, first);
}

/* -- whole tasks --------------------------------------------------------- */

static void whole_task(struct engram_home *home, const char *dir, const char *docs, const char *file, bool typos)
{
	char path[4096];
	struct eng_rng g;
	size_t first = ncases;
	snprintf(path, sizeof path, "%s/%s", dir, docs);
	struct engram_space *space = stored_pairs(home, path);
	struct pairs cues = read_file(dir, file);
	eng_rng_seed(&g, SEED);
	for (size_t i = 0; i < cues.n; i += 2)
		ask_one(space, NULL, &(struct item){cues.at[i].first, 0, cues.at[i].second}, typos, &g);
	report(typos ? "whole, typos" : file, first);
	pairs_free(&cues);
	engram_space_close(space);
}

int main(int argc, char **argv)
{
	struct kind kinds[] = {{.name = "packages"}, {.name = "glosses"}, {.name = "definitions"}};
	struct engram_home *home;
	struct eng_rng g;
	if (argc != 3) {
		fprintf(stderr, "usage: calibrate DATA HOME\n");
		return 2;
	}
	load_packages(&kinds[0], argv[1]);
	load_glosses(&kinds[1], argv[1]);
	load_definitions(&kinds[2], argv[1]);
	eng_rng_seed(&g, SEED);
	check(engram_home_open(&home, argv[2], &err), argv[2]);
	printf("kind, texts stored, cues\n");
	for (size_t k = 0; k < 3; k++)
		for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
			for (int typos = 0; typos < 2; typos++)
				one_domain(home, &kinds[k], &sizes[s], typos, &g);
	whole_task(home, argv[1], "deb.docs", "deb.cues", false);
	whole_task(home, argv[1], "deb.docs", "deb.cues", true);
	whole_task(home, argv[1], "glosses.docs", "gcide.cues", false);
	printf("\nall %zu cues\n", ncases);
	double error = calibration_error(cases, ncases, true);
	printf("  calibration error %.3f; right told from wrong in %.3f of pairs\n", error, discrimination(cases, ncases));
	printf("  best constants: ");
	print_fit(cases, ncases);
	engram_home_close(home);
	return 0;
}
