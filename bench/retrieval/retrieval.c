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
 * worth: a table of stated against found, the calibration error, and the
 * constants that a logistic regression on these cues alone would choose.
 *
 * Only the public interface is used.  Floating point is for figures. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/rng.h"
#include "engram.h"

#define DOCS 20000u
#define CUES 1000u
#define DEPTH 100u
#define SEED 42u

static struct engram_error err;

static void check(int rc, const char *what)
{
	if (rc >= 0)
		return;
	fprintf(stderr, "retrieval: %s: %s\n", what, err.message);
	exit(1);
}

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* -- the task ------------------------------------------------------------ */

struct package {
	char *summary, *text;
	struct engram_id id;
};

static struct package packages[DOCS + CUES];

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
		packages[n].summary = strdup(summary);
		packages[n++].text = strdup(text);
	}
	free(line);
	fclose(f);
	return n;
}

static bool letter(char c)
{
	return (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
}

/* One edit at a random place of the word: drop, replace, insert or swap. */
static size_t edit(char *out, const char *word, size_t n, struct eng_rng *g)
{
	size_t at = eng_rng_below(g, n);
	char c = (char)('a' + eng_rng_below(g, 26));
	char *p = out;
	memcpy(p, word, at);
	p += at;
	switch (eng_rng_below(g, 4)) {
	case 0:
		break;
	case 1:
		*p++ = c;
		break;
	case 2:
		*p++ = c;
		*p++ = word[at];
		break;
	default:
		if (at + 1 < n)
			*p++ = word[at + 1];
		*p++ = word[at];
		at += at + 1 < n;
	}
	memcpy(p, word + at + 1, n - at - 1);
	return (size_t)(p - out) + n - at - 1;
}

static void misspell(char *out, size_t size, const char *text, struct eng_rng *g)
{
	size_t n = 0;
	while (*text && n + 3 < size) {
		size_t length = 0;
		while (letter(text[length]))
			length++;
		if (n + length + 3 >= size)
			break;
		if (length >= 5 && eng_rng_below(g, 2)) {
			n += edit(out + n, text, length, g);
		} else {
			length = length ? length : 1;
			memcpy(out + n, text, length);
			n += length;
		}
		text += length;
	}
	out[n] = 0;
}

static void store(struct engram_home *home, struct engram_space **space)
{
	struct engram_writer *w;
	struct engram_report report;
	double start = now();
	check(engram_space_open(space, home, "retrieval", ENGRAM_CREATE, 5000, &err), "open");
	check(engram_writer_open(&w, *space, ENGRAM_BULK, &err), "writer");
	for (size_t i = 0; i < DOCS; i++) {
		struct engram_memory m = {.has = ENGRAM_TEXT, .text = {packages[i].text, strlen(packages[i].text)}};
		enum engram_put_result put;
		check(engram_put(w, &packages[i].id, &put, &m, &err), "put");
	}
	check(engram_commit(w, &err), "commit");
	engram_writer_close(w);
	check(engram_consolidate(*space, &report, ENGRAM_APPLY, false, NULL, NULL, &err), "consolidate");
	printf("%u packages stored and indexed in %.1f s\n", DOCS, now() - start);
}

/* -- ranking ------------------------------------------------------------- */

struct score {
	double mrr, first, ten, seconds;
};

static const char *const mode_names[] = {"hybrid", "vector", "bm25"};

static size_t rank_of(const struct engram_result *r, const struct engram_id *id)
{
	for (size_t i = 0; i < r->n; i++)
		if (memcmp(r->hits[i].memory.id.b, id->b, sizeof id->b) == 0)
			return i + 1;
	return 0;
}

static void ask(struct engram_result *r, struct engram_space *space, const char *text, enum engram_mode mode)
{
	struct engram_cue cue;
	engram_cue_init(&cue);
	cue.text = (struct engram_str){text, strlen(text)};
	cue.mode = mode;
	cue.k = DEPTH;
	cue.min_confidence = 0;
	check(engram_recall(space, r, &cue, &err), text);
}

static void count(struct score *s, size_t rank)
{
	s->mrr += rank ? 1.0 / (double)rank / CUES : 0;
	s->first += rank == 1 ? 1.0 / CUES : 0;
	s->ten += rank >= 1 && rank <= 10 ? 1.0 / CUES : 0;
}

/* -- confidence ---------------------------------------------------------- */

enum { FEATURES = 5 };

struct case_ {
	double x[FEATURES]; /* 1, rarity, cosine, margin, log2 words */
	double stated;
	bool right;
};

static struct case_ cases[4 * CUES];
static size_t ncases;

static double term(const struct engram_hit *h, const char *name)
{
	for (size_t i = 0; i < h->nwhy; i++)
		if (strcmp(h->why[i].name, name) == 0)
			return h->why[i].value / 1e4;
	return 0;
}

static void note_case(const struct engram_result *r, bool right)
{
	struct case_ *c = &cases[ncases++];
	*c = (struct case_){.right = right, .x = {1}};
	if (r->n == 0)
		return;
	const struct engram_hit *h = &r->hits[0];
	c->stated = h->confidence / 1e4;
	c->x[1] = term(h, "rarity");
	c->x[2] = term(h, "cosine");
	c->x[3] = term(h, "margin");
	c->x[4] = log2(fmax(term(h, "words"), 1));
}

static void reliability(void)
{
	double stated[10] = {0}, right[10] = {0}, n[10] = {0}, error = 0;
	for (size_t i = 0; i < ncases; i++) {
		size_t bin = cases[i].stated >= 1 ? 9 : (size_t)(cases[i].stated * 10);
		stated[bin] += cases[i].stated;
		right[bin] += cases[i].right;
		n[bin]++;
	}
	printf("\nconfidence/1 of the first hybrid hit; half of the cues have no right answer\n");
	printf("  stated      cues   mean stated   right\n");
	for (size_t i = 0; i < 10; i++) {
		if (n[i] == 0)
			continue;
		printf("  %.1f-%.1f   %6.0f   %11.3f   %.3f\n", (double)i / 10, (double)(i + 1) / 10, n[i], stated[i] / n[i],
		       right[i] / n[i]);
		error += fabs(stated[i] - right[i]) / (double)ncases;
	}
	printf("  calibration error %.3f\n", error);
}

/* Share of pairs of a right and a wrong hit in which the right one is stated higher. */
static double auc(void)
{
	double better = 0, pairs = 0;
	for (size_t i = 0; i < ncases; i++)
		for (size_t k = 0; cases[i].right && k < ncases; k++) {
			if (cases[k].right)
				continue;
			pairs++;
			better += cases[i].stated > cases[k].stated ? 1 : cases[i].stated == cases[k].stated ? 0.5 : 0;
		}
	return better / pairs;
}

/* Gauss without pivoting is enough: the matrix is positive definite. */
static void solve(double a[FEATURES][FEATURES], double *b)
{
	for (int i = 0; i < FEATURES; i++)
		for (int k = 0; k < FEATURES; k++) {
			if (k == i)
				continue;
			double f = a[k][i] / a[i][i];
			for (int j = i; j < FEATURES; j++)
				a[k][j] -= f * a[i][j];
			b[k] -= f * b[i];
		}
	for (int i = 0; i < FEATURES; i++)
		b[i] /= a[i][i];
}

/* Newton's method; a trace of ridge keeps it from running away. */
static void fit(double *w)
{
	for (int round = 0; round < 30; round++) {
		double a[FEATURES][FEATURES] = {{0}}, b[FEATURES] = {0};
		for (int i = 0; i < FEATURES; i++) {
			a[i][i] = 1e-3;
			b[i] = -1e-3 * w[i];
		}
		for (size_t c = 0; c < ncases; c++) {
			double z = 0;
			for (int i = 0; i < FEATURES; i++)
				z += w[i] * cases[c].x[i];
			double p = 1 / (1 + exp(-z)), q = p * (1 - p);
			for (int i = 0; i < FEATURES; i++) {
				b[i] += (cases[c].right - p) * cases[c].x[i];
				for (int j = 0; j < FEATURES; j++)
					a[i][j] += q * cases[c].x[i] * cases[c].x[j];
			}
		}
		solve(a, b);
		for (int i = 0; i < FEATURES; i++)
			w[i] += b[i];
	}
}

/* -- the run ------------------------------------------------------------- */

static bool floor_(const char *what, double found, double wanted)
{
	bool ok = found >= wanted;
	printf("  %-44s %.3f >= %.3f  %s\n", what, found, wanted, ok ? "ok" : "MISSED");
	return ok;
}

static void run(struct score *scores, struct engram_space *space, bool typos)
{
	struct eng_rng g;
	eng_rng_seed(&g, SEED);
	for (size_t i = 0; i < 2 * CUES; i++) {
		bool stored = i < CUES;
		const struct package *p = &packages[stored ? i : DOCS + i - CUES];
		char cue[1024];
		if (typos)
			misspell(cue, sizeof cue, p->summary, &g);
		else
			snprintf(cue, sizeof cue, "%s", p->summary);
		for (int mode = 0; mode < (stored ? 3 : 1); mode++) {
			struct engram_result r;
			double start = now();
			ask(&r, space, cue, (enum engram_mode)mode);
			size_t rank = stored ? rank_of(&r, &p->id) : 0;
			if (stored) {
				scores[mode].seconds += now() - start;
				count(&scores[mode], rank);
			}
			if (mode == ENGRAM_HYBRID)
				note_case(&r, rank == 1);
			engram_result_free(&r);
		}
	}
	for (int mode = 2; mode >= 0; mode--)
		printf("%-6s %-7s %.3f   %5.1f  %5.1f   %.2f ms\n", typos ? "typos" : "clean", mode_names[mode], scores[mode].mrr,
		       100 * scores[mode].first, 100 * scores[mode].ten, scores[mode].seconds);
}

int main(int argc, char **argv)
{
	struct engram_home *home;
	struct engram_space *space;
	struct score clean[3] = {{0}}, typos[3] = {{0}};
	double w[FEATURES] = {0};
	if (argc != 3) {
		fprintf(stderr, "usage: retrieval deb.tsv DIR\n");
		return 2;
	}
	if (read_packages(argv[1]) < DOCS + CUES) {
		fprintf(stderr, "retrieval: %s: wanted %u packages\n", argv[1], DOCS + CUES);
		return 1;
	}
	check(engram_home_open(&home, argv[2], &err), "home");
	store(home, &space);
	printf("\ncues   mode    MRR@100 hit@1  hit@10  a cue\n");
	run(clean, space, false);
	run(typos, space, true);
	printf("\nfloors\n");
	bool ok = floor_("clean: hybrid, absolute", clean[ENGRAM_HYBRID].mrr, 0.70);
	ok &= floor_("clean: hybrid against bm25", clean[ENGRAM_HYBRID].mrr, clean[ENGRAM_TEXT_ONLY].mrr);
	ok &= floor_("typos: hybrid, absolute", typos[ENGRAM_HYBRID].mrr, 0.56);
	ok &= floor_("typos: hybrid against bm25 + 0.03", typos[ENGRAM_HYBRID].mrr, typos[ENGRAM_TEXT_ONLY].mrr + 0.03);
	reliability();
	fit(w);
	printf("  right told from wrong in %.3f of pairs\n", auc());
	printf("  fitted on these cues alone: %.3f %+.3f rarity %+.3f cosine %+.3f margin %+.3f log2 words\n", w[0], w[1],
	       w[2], w[3], w[4]);
	engram_space_close(space);
	engram_home_close(home);
	return ok ? 0 : 1;
}
