/* measure.c - see measure.h. */
#include "measure.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

int64_t measure_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

void measure_die(const char *format, ...)
{
	va_list ap;
	va_start(ap, format);
	fputs("bench: ", stderr);
	vfprintf(stderr, format, ap);
	fputc('\n', stderr);
	va_end(ap);
	exit(1);
}

void samples_add(struct samples *s, int64_t ns)
{
	if (s->n == s->cap) {
		s->cap = s->cap ? 2 * s->cap : 1024;
		s->at = realloc(s->at, s->cap * sizeof *s->at);
		if (!s->at)
			measure_die("out of memory");
	}
	s->at[s->n++] = ns;
}

static int by_value(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
	return (x > y) - (x < y);
}

int64_t samples_at(struct samples *s, unsigned permille)
{
	if (s->n == 0)
		return 0;
	qsort(s->at, s->n, sizeof *s->at, by_value);
	return s->at[s->n * permille / 1000 < s->n ? s->n * permille / 1000 : s->n - 1];
}

void samples_free(struct samples *s)
{
	free(s->at);
	*s = (struct samples){0};
}

void measure_rate(const char *bench, const char *what, const char *unit, double value)
{
	printf("{\"v\":1,\"type\":\"rate\",\"bench\":\"%s\",\"what\":\"%s\",\"unit\":\"%s\",\"value\":%.3f}\n", bench,
	       what, unit, value);
	fflush(stdout);
}

static double us(struct samples *s, unsigned permille)
{
	return (double)samples_at(s, permille) / 1e3;
}

static void begin_times(const char *bench, const char *what, struct samples *s)
{
	printf("{\"v\":1,\"type\":\"times\",\"bench\":\"%s\",\"what\":\"%s\",\"unit\":\"us\",\"n\":%zu,"
	       "\"p50\":%.1f,\"p95\":%.1f,\"p99\":%.1f,\"min\":%.1f",
	       bench, what, s->n, us(s, 500), us(s, 950), us(s, 990), us(s, 0));
}

void measure_times(const char *bench, const char *what, struct samples *s)
{
	begin_times(bench, what, s);
	puts("}");
	fflush(stdout);
}

/* Thinner below, where a distribution is smooth, dense in its tail. */
static unsigned next_permille(unsigned p)
{
	return p + (p < 900 ? 20 : p < 990 ? 5 : 1);
}

void measure_latency(const char *bench, const char *what, struct samples *s)
{
	double sum_s = 0;

	for (size_t i = 0; i < s->n; i++)
		sum_s += (double)s->at[i] / 1e9;
	begin_times(bench, what, s);
	printf(",\"per_s\":%.1f,\"max\":%.1f,\"quantiles\":[", (double)s->n / sum_s, us(s, 1000));
	for (unsigned p = 0; p <= 1000; p = next_permille(p))
		printf("%s[%u,%.1f]", p ? "," : "", p, us(s, p));
	puts("]}");
	fflush(stdout);
}

void measure_floor(const char *bench, const char *what, enum measure_kind kind, double value, double floor,
                   bool at_most)
{
	printf("{\"v\":1,\"type\":\"%s\",\"bench\":\"%s\",\"what\":\"%s\",\"value\":%.2f,\"%s\":%.2f,\"met\":%s}\n",
	       kind == MEASURE_RATIO ? "ratio" : "extra", bench, what, value, at_most ? "at_most" : "at_least", floor,
	       (at_most ? value <= floor : value >= floor) ? "true" : "false");
	fflush(stdout);
}
