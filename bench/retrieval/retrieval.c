/* retrieval.c - is the right memory found, and is the confidence right?
 *
 *     retrieval deb.tsv DIR
 *
 * Stores the long descriptions of 20,000 Debian packages in a space under DIR
 * and asks for 1,000 of them by their one-line summaries; then by the same
 * summaries with one edit in about half of the words of five letters or more.
 * The same cues go to each mode, so that differences are paired.
 *
 * Prints mean reciprocal rank (within 100), share of right first hits, share
 * within ten, and holds them to the floors.  Then asks as often for packages
 * that are not stored, and prints what the confidence of the first hit was
 * worth, and the constants that these cues alone would choose.
 *
 * Only the public interface is used. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "task.h"

#define DOCS 20000u
#define CUES 1000u
#define DEPTH 100u
#define SEED 42u

static char *summaries[DOCS + CUES], *texts[DOCS + CUES];
static struct engram_id ids[DOCS];
static struct judged cases[4 * CUES];
static size_t ncases;

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static size_t read_packages(const char *path)
{
	FILE *f = fopen(path, "r");
	char *line = NULL;
	size_t cap = 0, n = 0;
	if (!f) {
		perror(path);
		exit(1);
	}
	while (n < DOCS + CUES && getline(&line, &cap, f) > 0) {
		char *name = strtok(line, "\t"), *summary = strtok(NULL, "\t"), *text = strtok(NULL, "\n");
		if (!name || !summary || !text)
			continue;
		summaries[n] = strdup(summary);
		texts[n++] = strdup(text);
	}
	free(line);
	fclose(f);
	return n;
}

/* -- ranking ------------------------------------------------------------- */

struct score {
	double mrr, first, ten, seconds;
};

static size_t rank_of(const struct engram_result *r, const struct engram_id *id)
{
	for (size_t i = 0; i < r->n; i++)
		if (memcmp(r->hits[i].memory.id.b, id->b, sizeof id->b) == 0)
			return i + 1;
	return 0;
}

static void count(struct score *s, size_t rank)
{
	s->mrr += rank ? 1.0 / (double)rank / CUES : 0;
	s->first += rank == 1 ? 1.0 / CUES : 0;
	s->ten += rank >= 1 && rank <= 10 ? 1.0 / CUES : 0;
}

/* A cue whose answer is stored, in each mode. */
static void ask_stored(struct score *scores, struct engram_space *space, const char *cue, size_t i)
{
	for (int mode = 0; mode < 3; mode++) {
		struct engram_result r;
		double start = now();
		ask(&r, space, cue, (enum engram_mode)mode, DEPTH);
		scores[mode].seconds += now() - start;
		size_t rank = rank_of(&r, &ids[i]);
		count(&scores[mode], rank);
		if (mode == ENGRAM_HYBRID)
			cases[ncases++] = judge(&r, rank == 1);
		engram_result_free(&r);
	}
}

static void ask_absent(struct engram_space *space, const char *cue)
{
	struct engram_result r;
	ask(&r, space, cue, ENGRAM_HYBRID, DEPTH);
	cases[ncases++] = judge(&r, false);
	engram_result_free(&r);
}

static void run(struct score *scores, struct engram_space *space, bool typos)
{
	static const char *const names[] = {"hybrid", "vector", "bm25"};
	struct eng_rng g;
	eng_rng_seed(&g, SEED);
	for (size_t i = 0; i < 2 * CUES; i++) {
		const char *summary = summaries[i < CUES ? i : DOCS + i - CUES];
		char cue[1024];
		if (typos)
			misspell(cue, sizeof cue, summary, &g);
		else
			snprintf(cue, sizeof cue, "%s", summary);
		if (i < CUES)
			ask_stored(scores, space, cue, i);
		else
			ask_absent(space, cue);
	}
	for (int mode = 2; mode >= 0; mode--)
		printf("%-6s %-7s %.3f   %5.1f  %5.1f   %.2f ms\n", typos ? "typos" : "clean", names[mode],
		       scores[mode].mrr, 100 * scores[mode].first, 100 * scores[mode].ten, scores[mode].seconds);
}

static bool at_least(const char *what, double found, double wanted)
{
	bool ok = found >= wanted;
	printf("  %-36s %.3f >= %.3f  %s\n", what, found, wanted, ok ? "met" : "MISSED");
	return ok;
}

int main(int argc, char **argv)
{
	struct engram_home *home;
	struct score clean[3] = {{0}}, typos[3] = {{0}};
	double w[FEATURES];
	if (argc != 3) {
		fprintf(stderr, "usage: retrieval deb.tsv DIR\n");
		return 2;
	}
	if (read_packages(argv[1]) < DOCS + CUES) {
		fprintf(stderr, "retrieval: %s: wanted %u packages\n", argv[1], DOCS + CUES);
		return 1;
	}
	check(engram_home_open(&home, argv[2], &err), argv[2]);
	double start = now();
	struct engram_space *space = store_texts(home, "retrieval", texts, ids, DOCS);
	printf("%u packages stored and indexed in %.1f s\n", DOCS, now() - start);
	printf("\ncues   mode    MRR@100 hit@1  hit@10  a cue\n");
	run(clean, space, false);
	run(typos, space, true);

	printf("\nfloors\n");
	bool ok = at_least("clean: hybrid", clean[ENGRAM_HYBRID].mrr, 0.70);
	ok &= at_least("clean: hybrid, beside bm25", clean[ENGRAM_HYBRID].mrr, clean[ENGRAM_TEXT_ONLY].mrr);
	ok &= at_least("typos: hybrid", typos[ENGRAM_HYBRID].mrr, 0.56);
	ok &= at_least("typos: hybrid, beside bm25 + 0.03", typos[ENGRAM_HYBRID].mrr, typos[ENGRAM_TEXT_ONLY].mrr + 0.03);

	printf("\nconfidence/1 of the first hybrid hit; half of the cues have no right answer\n");
	double error = calibration_error(cases, ncases, true);
	fit(w, cases, ncases);
	printf("  calibration error %.3f; right told from wrong in %.3f of pairs\n", error, discrimination(cases, ncases));
	printf("  these cues alone would choose %.3f %+.3f rarity %+.3f cosine %+.3f margin %+.3f log2 words\n", w[0], w[1],
	       w[2], w[3], w[4]);
	engram_space_close(space);
	engram_home_close(home);
	return ok ? 0 : 1;
}
