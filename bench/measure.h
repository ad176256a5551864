/* measure.h - what the benches share: time, percentiles, one line of NDJSON per result. */
#ifndef BENCH_MEASURE_H
#define BENCH_MEASURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

int64_t measure_ns(void);

struct samples {
	int64_t *at;
	size_t n, cap;
};
void samples_add(struct samples *s, int64_t ns);
/* Sorts; permille 500 = median. */
int64_t samples_at(struct samples *s, unsigned permille);
void samples_free(struct samples *s);

/* Ends the bench with a message. */
void measure_die(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

/* A free-standing figure, e.g. a rate. */
void measure_rate(const char *bench, const char *what, const char *unit, double value);
/* p50, p95, p99, least, in microseconds. */
void measure_times(const char *bench, const char *what, struct samples *s);
/* The same with the whole distribution and the rate of one after another. */
void measure_latency(const char *bench, const char *what, struct samples *s);
/* A ratio, or a difference, of two of them against its floor (at_most: it must not exceed it). */
enum measure_kind { MEASURE_RATIO, MEASURE_EXTRA };
void measure_floor(const char *bench, const char *what, enum measure_kind kind, double value, double floor,
                   bool at_most);

#endif
