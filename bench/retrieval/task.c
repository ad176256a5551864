/* task.c - see task.h.  Floating point is for figures. */
#include "task.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct engram_error err;

void check(int rc, const char *what)
{
	if (rc >= 0)
		return;
	fprintf(stderr, "%s: %s\n", what, err.message);
	exit(1);
}

/* -- cues and spaces ----------------------------------------------------- */

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

void misspell(char *out, size_t size, const char *text, struct eng_rng *g)
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

struct engram_space *store_texts(struct engram_home *home, const char *name, char *const *texts, struct engram_id *ids,
                                 size_t n)
{
	struct engram_space *space;
	struct engram_writer *w;
	struct engram_report report;
	check(engram_space_open(&space, home, name, ENGRAM_CREATE, 5000, &err), name);
	check(engram_writer_open(&w, space, ENGRAM_BULK, &err), name);
	for (size_t i = 0; i < n; i++) {
		struct engram_memory m = {.has = ENGRAM_TEXT, .text = {texts[i], strlen(texts[i])}};
		enum engram_put_result put;
		check(engram_put(w, &ids[i], &put, &m, &err), "put");
	}
	check(engram_commit(w, &err), "commit");
	engram_writer_close(w);
	check(engram_consolidate(space, &report, ENGRAM_APPLY, false, NULL, NULL, &err), "consolidate");
	return space;
}

void ask(struct engram_result *r, struct engram_space *space, const char *text, enum engram_mode mode, size_t depth)
{
	struct engram_cue cue;
	engram_cue_init(&cue);
	cue.text = (struct engram_str){text, strlen(text)};
	cue.mode = mode;
	cue.k = depth;
	cue.min_confidence = 0;
	check(engram_recall(space, r, &cue, &err), text);
}

/* -- confidence ---------------------------------------------------------- */

static double term(const struct engram_hit *h, const char *name)
{
	for (size_t i = 0; i < h->nwhy; i++)
		if (strcmp(h->why[i].name, name) == 0)
			return h->why[i].value / 1e4;
	return 0;
}

struct judged judge(const struct engram_result *r, bool right)
{
	struct judged c = {.right = right, .x = {1}};
	if (r->n == 0)
		return c;
	const struct engram_hit *h = &r->hits[0];
	c.stated = h->confidence / 1e4;
	c.x[1] = term(h, "rarity");
	c.x[2] = term(h, "cosine");
	c.x[3] = term(h, "margin");
	c.x[4] = log2(fmax(term(h, "words"), 1));
	return c;
}

double calibration_error(const struct judged *c, size_t n, bool print)
{
	double stated[10] = {0}, right[10] = {0}, count[10] = {0}, error = 0;
	for (size_t i = 0; i < n; i++) {
		size_t bin = c[i].stated >= 1 ? 9 : (size_t)(c[i].stated * 10);
		stated[bin] += c[i].stated;
		right[bin] += c[i].right;
		count[bin]++;
	}
	if (print)
		printf("  stated      cues   mean stated   right\n");
	for (size_t i = 0; i < 10; i++) {
		if (print && count[i] > 0)
			printf("  %.1f-%.1f   %6.0f   %11.3f   %.3f\n", (double)i / 10, (double)(i + 1) / 10, count[i],
			       stated[i] / count[i], right[i] / count[i]);
		error += fabs(stated[i] - right[i]) / (double)n;
	}
	return error;
}

double discrimination(const struct judged *c, size_t n)
{
	double better = 0, pairs = 0;
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; c[i].right && k < n; k++) {
			if (c[k].right)
				continue;
			pairs++;
			better += c[i].stated > c[k].stated ? 1 : c[i].stated == c[k].stated ? 0.5 : 0;
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

static void add_case(double a[FEATURES][FEATURES], double *b, const double *w, const struct judged *c)
{
	double z = 0;
	for (int i = 0; i < FEATURES; i++)
		z += w[i] * c->x[i];
	double p = 1 / (1 + exp(-z)), q = p * (1 - p);
	for (int i = 0; i < FEATURES; i++) {
		b[i] += (c->right - p) * c->x[i];
		for (int j = 0; j < FEATURES; j++)
			a[i][j] += q * c->x[i] * c->x[j];
	}
}

/* Newton's method; a trace of ridge keeps it from running away. */
void fit(double w[FEATURES], const struct judged *c, size_t n)
{
	for (int i = 0; i < FEATURES; i++)
		w[i] = 0;
	for (int round = 0; round < 30; round++) {
		double a[FEATURES][FEATURES] = {{0}}, b[FEATURES] = {0};
		for (int i = 0; i < FEATURES; i++) {
			a[i][i] = 1e-3;
			b[i] = -1e-3 * w[i];
		}
		for (size_t k = 0; k < n; k++)
			add_case(a, b, w, &c[k]);
		solve(a, b);
		for (int i = 0; i < FEATURES; i++)
			w[i] += b[i];
	}
}
