/* confidence.c - see confidence.h.  Floating point is for figures. */
#include "confidence.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

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
	c.x[1] = term(h, "rarity") + term(h, "near");
	c.x[2] = term(h, "cosine");
	c.x[3] = term(h, "margin");
	c.x[4] = log2(fmin(fmax(term(h, "words"), 1), 16)); /* as confidence.c has it */
	c.x[5] = term(h, "log2-memories");
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
static void fit(double w[FEATURES], const struct judged *c, size_t n)
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

void print_fit(const struct judged *c, size_t n)
{
	static const char *const names[FEATURES] = {"", " met", " cosine", " margin", " log2 words", " log2 memories"};
	double w[FEATURES];
	fit(w, c, n);
	for (int i = 0; i < FEATURES; i++)
		printf("%s%+.3f%s", i ? " " : "", w[i], names[i]);
	printf("\n");
}
