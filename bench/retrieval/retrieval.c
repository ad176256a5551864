/* retrieval.c - is the right memory found, and is the confidence right?
 *
 *     retrieval DATA HOME TASK...          EMBED_COMMAND=... retrieval ...
 *
 * A task is a file of documents, KEY<tab>TEXT, and a file of cues, CUE<tab>KEYS:
 * any of the keys is a right answer; without keys nothing stored is.  Each cue
 * goes to words alone (bm25), the vector alone and both (hybrid), so that
 * differences are paired.
 *
 * With EMBED_COMMAND "the vector" is that of this filter, for texts and cues.
 *
 * Prints mean reciprocal rank (within 100), the share of right first hits and
 * of right ones within ten; hybrid less the better of the other two with an
 * interval by bootstrap; and what the confidence of the first hybrid hit was
 * worth.  Ends with 1 where a floor is missed.
 *
 * The order of hits, and so every figure but times, is the same in each run:
 * ranks are summed in integers, and the spaces have fixed ids.  They are kept in
 * HOME under the digest of their documents.  Only the public interface is used. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "confidence.h"
#include "task.h"

#define CUES_MAX 2000u
#define DEPTH 100u
#define SEED 42u
#define RESAMPLES 10000u
#define ONE 1000000 /* a reciprocal rank of 1 */

enum { MODES = 3 };
static const char *const mode_names[MODES] = {"hybrid", "vector", "bm25"};

static const struct task {
	const char *name, *docs, *cues;
	bool typos;
	bool fitted; /* confidence was fitted on every other cue of it */
	int64_t least; /* of hybrid's mean reciprocal rank */
	int64_t gain;  /* of hybrid over bm25 */
} tasks[] = {
	{"deb", "deb.docs", "deb.cues", .fitted = true, .least = 700000},
	{"typo", "deb.docs", "deb.cues", .typos = true, .fitted = true, .least = 560000, .gain = 30000},
	{"mail", "mail.docs", "mail.cues", .fitted = false},
	{"gcide", "glosses.docs", "gcide.cues", .fitted = true},
	{"syn", "glosses.docs", "syn.cues", .fitted = false},
};

/* Of each cue that has an answer, in each mode. */
struct outcome {
	uint32_t rank[MODES][CUES_MAX]; /* 0 = not within DEPTH */
	size_t n;
	double seconds[MODES];
	struct judged cases[CUES_MAX]; /* of every cue, hybrid */
	size_t ncases;
};

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* -- asking -------------------------------------------------------------- */

static void ask_modes(struct outcome *o, struct engram_space *space, const char *cue, const struct vector *vector,
                      const char *keys)
{
	for (int mode = 0; mode < MODES; mode++) {
		struct engram_result r;
		double start = now();
		if (!*keys && mode != ENGRAM_HYBRID)
			continue;
		ask(&r, space, cue, vector, (enum engram_mode)mode, DEPTH);
		o->seconds[mode] += now() - start;
		uint32_t rank = rank_of(&r, keys);
		if (*keys)
			o->rank[mode][o->n] = rank;
		if (mode == ENGRAM_HYBRID)
			o->cases[o->ncases++] = judge(&r, rank == 1);
		engram_result_free(&r);
	}
	o->n += *keys != 0;
}

static size_t cues_of(char *texts[CUES_MAX], const struct task *t, const struct pairs *cues)
{
	struct eng_rng g;
	size_t n = cues->n < CUES_MAX ? cues->n : CUES_MAX;
	eng_rng_seed(&g, SEED);
	for (size_t i = 0; i < n; i++) {
		const char *cue = cues->at[i].first;
		size_t size = 2 * strlen(cue) + 16;
		texts[i] = malloc(size);
		misspell(texts[i], size, cue, &g);
		if (!t->typos)
			strcpy(texts[i], cue);
	}
	return n;
}

static void ask_all(struct outcome *o, const struct task *t, struct engram_space *space, const struct pairs *cues,
                    struct engram_embedder *e)
{
	static char *texts[CUES_MAX];
	size_t n = cues_of(texts, t, cues);
	float *block = NULL;
	struct vector *vectors = e ? embed_texts(&block, e, texts, n) : NULL;
	for (size_t i = 0; i < n; i++) {
		ask_modes(o, space, texts[i], vectors ? &vectors[i] : NULL, cues->at[i].second);
		free(texts[i]);
	}
	free(vectors);
	free(block);
}

/* -- figures ------------------------------------------------------------- */

static int64_t reciprocal(uint32_t rank)
{
	return rank ? (ONE + rank / 2) / rank : 0;
}

static int64_t mean_rank(const struct outcome *o, int mode)
{
	int64_t sum = 0;
	for (size_t i = 0; i < o->n; i++)
		sum += reciprocal(o->rank[mode][i]);
	return sum / (int64_t)o->n;
}

static double share_within(const struct outcome *o, int mode, uint32_t rank)
{
	size_t n = 0;
	for (size_t i = 0; i < o->n; i++)
		n += o->rank[mode][i] >= 1 && o->rank[mode][i] <= rank;
	return 100.0 * (double)n / (double)o->n;
}

static int by_value(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
	return (x > y) - (x < y);
}

/* 95 % of the means of as many cues, drawn from these again and again. */
static void interval(int64_t *lo, int64_t *hi, const struct outcome *o, int better)
{
	static int64_t means[RESAMPLES], difference[CUES_MAX];
	struct eng_rng g;
	eng_rng_seed(&g, SEED);
	for (size_t i = 0; i < o->n; i++)
		difference[i] = reciprocal(o->rank[ENGRAM_HYBRID][i]) - reciprocal(o->rank[better][i]);
	for (size_t k = 0; k < RESAMPLES; k++) {
		int64_t sum = 0;
		for (size_t i = 0; i < o->n; i++)
			sum += difference[eng_rng_below(&g, o->n)];
		means[k] = sum / (int64_t)o->n;
	}
	qsort(means, RESAMPLES, sizeof *means, by_value);
	*lo = means[RESAMPLES / 40];
	*hi = means[RESAMPLES - 1 - RESAMPLES / 40];
}

static bool floor_of(const char *what, int64_t found, int64_t wanted)
{
	bool ok = found >= wanted;
	printf("  %-40s %6.3f >= %6.3f  %s\n", what, (double)found / ONE, (double)wanted / ONE, ok ? "met" : "MISSED");
	return ok;
}

static bool ranking(const struct task *t, const struct outcome *o)
{
	int64_t mrr[MODES], lo, hi;
	printf("%s: %zu cues that have an answer\n  mode    MRR@100  hit@1  hit@10  a cue\n", t->name, o->n);
	for (int mode = MODES - 1; mode >= 0; mode--) {
		mrr[mode] = mean_rank(o, mode);
		printf("  %-7s  %.3f   %5.1f  %5.1f   %.2f ms\n", mode_names[mode], (double)mrr[mode] / ONE,
		       share_within(o, mode, 1), share_within(o, mode, 10),
		       1e3 * o->seconds[mode] / (double)(mode == ENGRAM_HYBRID ? o->ncases : o->n));
	}
	int better = mrr[ENGRAM_VECTOR_ONLY] > mrr[ENGRAM_TEXT_ONLY] ? ENGRAM_VECTOR_ONLY : ENGRAM_TEXT_ONLY;
	interval(&lo, &hi, o, better);
	int64_t more = mrr[ENGRAM_HYBRID] - mrr[better];
	printf("  hybrid less %s: %+.4f (95 %% of resamples: %+.4f to %+.4f)\n", mode_names[better], (double)more / ONE,
	       (double)lo / ONE, (double)hi / ONE);
	bool ok = floor_of("hybrid less the better one", more, -ONE / 200);
	if (t->least)
		ok &= floor_of("hybrid", mrr[ENGRAM_HYBRID], t->least);
	if (t->least)
		ok &= floor_of("hybrid less bm25", mrr[ENGRAM_HYBRID] - mrr[ENGRAM_TEXT_ONLY], t->gain);
	return ok;
}

/* Even cues were fitted, odd ones not. */
static size_t half(struct judged *out, const struct outcome *o, size_t odd)
{
	size_t n = 0;
	for (size_t i = odd; i < o->ncases; i += 2)
		out[n++] = o->cases[i];
	return n;
}

static bool calibration(const struct task *t, const struct outcome *o)
{
	static struct judged part[CUES_MAX];
	printf("  confidence of the first hit, %zu cues, %s\n", o->ncases,
	       t->fitted ? "every other one of them fitted" : "NOT fitted");
	double error = calibration_error(o->cases, o->ncases, true);
	printf("  right told from wrong in %.3f of pairs\n", discrimination(o->cases, o->ncases));
	if (!t->fitted) {
		printf("  expected calibration error: %.3f, reported only\n\n", error);
		return true;
	}
	double fitted = calibration_error(part, half(part, o, 0), false);
	double others = calibration_error(part, half(part, o, 1), false);
	bool ok = fitted <= 0.10 && others <= 0.10;
	printf("  expected calibration error: %.3f on the cues fitted, %.3f on the others, <= 0.10  %s\n\n", fitted, others,
	       ok ? "met" : "MISSED");
	return ok;
}

static bool run(const struct task *t, struct engram_home *home, const char *data, struct engram_embedder *e)
{
	static struct outcome o;
	char path[4096];
	o = (struct outcome){0};
	snprintf(path, sizeof path, "%s/%s", data, t->docs);
	struct engram_space *space = stored_pairs(home, path);
	if (e)
		embed_space(space, e);
	snprintf(path, sizeof path, "%s/%s", data, t->cues);
	struct pairs cues = pairs_read(path);
	ask_all(&o, t, space, &cues, e);
	pairs_free(&cues);
	engram_space_close(space);
	bool ok = ranking(t, &o);
	ok &= calibration(t, &o);
	fflush(stdout);
	return ok;
}

static const struct task *task_of(const char *name)
{
	for (size_t i = 0; i < sizeof tasks / sizeof *tasks; i++)
		if (strcmp(tasks[i].name, name) == 0)
			return &tasks[i];
	fprintf(stderr, "retrieval: no task \"%s\"; there are", name);
	for (size_t i = 0; i < sizeof tasks / sizeof *tasks; i++)
		fprintf(stderr, " %s", tasks[i].name);
	fprintf(stderr, "\n");
	exit(2);
}

int main(int argc, char **argv)
{
	struct engram_home *home;
	bool ok = true;
	if (argc < 4) {
		fprintf(stderr, "usage: retrieval DATA HOME TASK...\n");
		return 2;
	}
	for (int i = 3; i < argc; i++)
		task_of(argv[i]);
	check(engram_home_open(&home, argv[2], &err), argv[2]);
	struct engram_embedder *e = embedder_of_environment();
	for (int i = 3; i < argc; i++)
		ok &= run(task_of(argv[i]), home, argv[1], e);
	engram_embedder_close(e);
	engram_home_close(home);
	return ok ? 0 : 1;
}
