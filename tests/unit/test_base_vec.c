/* test_base_vec.c - quantisation and the kernels, bit for bit. */
#include "../lib/tap.h"

#include <fenv.h>
#include <float.h>
#include <math.h>

#include "base/num.h"
#include "base/rng.h"
#include "base/types.h"
#include "base/vec.h"

#define ROWS 13 /* not a multiple of any kernel's step */

static _Alignas(64) int8_t codes[ROWS * 4096];
static _Alignas(64) int8_t query_room[4096 + 64];
static uint32_t norms[ROWS], docs[ROWS];
static int32_t sums[ROWS];

enum fill { RANDOM, ALL_MAX, ALL_MIN, ALTERNATING, SPARSE, FILLS };

static int8_t one_code(struct eng_rng *g, enum fill fill, size_t i)
{
	switch (fill) {
	case ALL_MAX:
		return 127;
	case ALL_MIN:
		return -127;
	case ALTERNATING:
		return i % 2 ? 127 : -127;
	case SPARSE:
		return eng_rng_below(g, 20) ? 0 : (int8_t)((int)eng_rng_below(g, 255) - 127);
	default:
		return (int8_t)((int)eng_rng_below(g, 255) - 127);
	}
}

static long kernel_mismatches(struct eng_rng *g, uint32_t dim, const int8_t *query)
{
	struct eng_rows rows = {codes, norms, sums, docs, 0, ENG_VEC_STRIDE(dim)};
	const int8_t *scattered[ROWS];
	int32_t found[ROWS + 1], found_at[ROWS];
	long wrong = 0;

	for (size_t i = 0; i < ROWS; i++) {
		int8_t *row = codes + i * rows.stride;
		enum fill fill = (enum fill)eng_rng_below(g, FILLS);

		for (size_t k = 0; k < rows.stride; k++)
			row[k] = k < dim ? one_code(g, fill, k) : 0;
		sums[i] = eng_vec_sum(row, rows.stride);
	}
	for (size_t i = 0; i < ROWS; i++) /* rows that lie anywhere: last first */
		scattered[i] = codes + (ROWS - 1 - i) * rows.stride;
	for (const struct eng_vec_kernel *const *k = eng_vec_kernels(); *k; k++) {
		rows.n = (uint32_t)eng_rng_below(g, ROWS + 1);
		found[rows.n] = 77;
		(*k)->dots(found, query, &rows);
		wrong += found[rows.n] != 77;
		(*k)->dots_at(found_at, query, eng_vec_sum(query, rows.stride), scattered + ROWS - rows.n, rows.n,
		              rows.stride);
		for (size_t i = 0; i < rows.n; i++)
			wrong += found_at[i] != found[rows.n - 1 - i];
		for (size_t i = 0; i < rows.n; i++) {
			int64_t wanted = 0;

			for (size_t d = 0; d < rows.stride; d++)
				wanted += (int64_t)query[d] * codes[i * rows.stride + d];
			if (found[i] != wanted && wrong++ < 5)
				tap_note("%s, dim %u, row %zu: wanted %" PRId64 ", found %d", (*k)->name, dim, i, wanted,
				         found[i]);
		}
	}
	return wrong;
}

static void test_kernels(void)
{
	struct eng_rng g;
	long wrong = 0;

	for (const struct eng_vec_kernel *const *k = eng_vec_kernels(); *k; k++)
		tap_note("kernel: %s", (*k)->name);
	eng_rng_seed(&g, 21);
	for (int i = 0; i < 3000; i++) {
		uint32_t dim = i % 10 == 0 ? 4096 - (uint32_t)eng_rng_below(&g, 64) : 2 + (uint32_t)eng_rng_below(&g, 1100);
		int8_t *query = query_room + eng_rng_below(&g, 64); /* a query may lie anywhere */
		enum fill fill = (enum fill)eng_rng_below(&g, FILLS);

		for (size_t k = 0; k < ENG_VEC_STRIDE(dim); k++)
			query[k] = k < dim ? one_code(&g, fill, k) : 0;
		wrong += kernel_mismatches(&g, dim, query);
	}
	tap_int(wrong, 0, "every kernel equals the 64-bit sum, on random and extreme rows (seed 21)");
}

/* rint(127 x / max) as a fraction of integers: floats are m * 2^e, so the
 * quotient of two is exact in 128 bits where exponents are near. */
static int exact_code(float x, float max)
{
	int ex, em, shift;
	__int128 num = (__int128)127 * (int64_t)ldexpf(frexpf(fabsf(x), &ex), 24);
	__int128 den = (int64_t)ldexpf(frexpf(max, &em), 24), twice;
	int64_t q;

	shift = em - ex; /* >= 0 */
	if (x == 0 || shift > 60)
		return 0;
	den <<= shift;
	q = (int64_t)(num / den);
	twice = 2 * (num - q * den);
	q += twice > den || (twice == den && q % 2 == 1);
	return (int)(x < 0 ? -q : q);
}

static long quantise_mismatches(const float *x, size_t dim)
{
	static int8_t out[ENG_VEC_STRIDE(4096)];
	float max = 0;
	long wrong = 0;

	memset(out, 99, sizeof out);
	if (!eng_vec_quantise(out, x, dim))
		return 1;
	for (size_t i = 0; i < dim; i++)
		max = fabsf(x[i]) > max ? fabsf(x[i]) : max;
	for (size_t i = 0; i < dim; i++)
		wrong += out[i] != (int8_t)rint(127 * (double)x[i] / max) || out[i] != exact_code(x[i], max);
	for (size_t i = dim; i < ENG_VEC_STRIDE(dim); i++)
		wrong += out[i] != 0;
	return wrong;
}

static void test_quantise(void)
{
	static const float extreme[][4] = {
		{FLT_MAX, -FLT_MAX, FLT_MAX / 2, FLT_MIN}, {1e-45f, -1e-45f, 0, 1e-45f}, {3e-45f, 1e-45f, -0.0f, -3e-45f},
		{254, 1, 3, -5}, {254, -1, -3, 125}, {1, 0.5f, 0.25f, 1.0f / 254}, {FLT_MAX, 1e-45f, 1, 0},
	};
	static float x[4096];
	int8_t out[64];
	struct eng_rng g;
	long wrong = 0;

	eng_rng_seed(&g, 22);
	for (int i = 0; i < 300; i++) {
		size_t dim = 2 + (size_t)eng_rng_below(&g, 1000);
		int scale = (int)eng_rng_below(&g, 200) - 140;

		for (size_t k = 0; k < dim; k++)
			x[k] = ldexpf((float)((int64_t)eng_rng_below(&g, 1 << 25) - (1 << 24)),
			              scale - (int)eng_rng_below(&g, 12));
		x[dim / 2] = ldexpf(16777215, scale);
		wrong += quantise_mismatches(x, dim);
	}
	tap_int(wrong, 0, "codes are rint(127 x / max), of the double and of the exact quotient (seed 22)");
	for (size_t i = 0; i < ENG_COUNT(extreme); i++)
		wrong += quantise_mismatches(extreme[i], 4);
	tap_int(wrong, 0, "ties go to even; the largest and the smallest floats work");
	memset(x, 0, sizeof x);
	x[1] = -0.0f;
	memset(out, 99, sizeof out);
	wrong = eng_vec_quantise(out, x, 3);
	for (size_t i = 0; i < 64; i++)
		wrong += out[i] != 0;
	tap_int(wrong, 0, "the zero vector is refused and leaves a zero row");
}

/* A float's step from a middle between two codes, on it, and around it; in
 * every way of rounding. */
static void test_quantise_middles(void)
{
	static const int ways[] = {FE_TONEAREST, FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO};
	static float x[64 * 8];
	static int8_t nearest[ENG_COUNT(x)], out[ENG_COUNT(x)];
	struct eng_rng g;
	long wrong = 0, differ = 0;

	eng_rng_seed(&g, 23);
	for (int i = 0; i < 300; i++) {
		float max = ldexpf((float)(1 + eng_rng_below(&g, (1 << 24) - 1)), (int)eng_rng_below(&g, 200) - 140);

		for (size_t k = 0; k < ENG_COUNT(x); k++) {
			float middle = (float)(((double)eng_rng_below(&g, 254) - 126.5) * (double)max / 127);

			for (int step = (int)eng_rng_below(&g, 4); step > 0; step--)
				middle = nextafterf(middle, eng_rng_below(&g, 2) ? 2 * max : -2 * max);
			x[k] = eng_rng_below(&g, 8) ? middle : ldexpf(middle, -(int)eng_rng_below(&g, 40));
		}
		x[eng_rng_below(&g, ENG_COUNT(x))] = max;
		wrong += quantise_mismatches(x, ENG_COUNT(x));
		eng_vec_quantise(nearest, x, ENG_COUNT(x));
		for (size_t w = 0; w < ENG_COUNT(ways); w++) {
			fesetround(ways[w]);
			eng_vec_quantise(out, x, ENG_COUNT(x));
			differ += memcmp(out, nearest, sizeof out) != 0;
		}
		fesetround(FE_TONEAREST);
	}
	tap_int(wrong, 0, "numbers beside the middle of two codes go where the exact quotient says (seed 23)");
	tap_int(differ, 0, "the machine's way of rounding changes no code");
}

static void test_similarity(void)
{
	static int8_t a[4096], b[4096];
	struct eng_rng g;
	long wrong = 0;
	double worst = 0;

	eng_rng_seed(&g, 23);
	for (int i = 0; i < 2000; i++) {
		uint32_t stride = 64 * (1 + (uint32_t)eng_rng_below(&g, 64));
		enum fill fa = (enum fill)eng_rng_below(&g, FILLS), fb = (enum fill)eng_rng_below(&g, FILLS);
		int64_t dot = 0, aa = 0, bb = 0;
		uint32_t ra, rb;
		int32_t sim;
		double cosine;

		for (size_t k = 0; k < stride; k++) {
			a[k] = one_code(&g, fa, k);
			b[k] = i % 5 ? one_code(&g, fb, k) : a[k];
			dot += a[k] * b[k];
			aa += a[k] * a[k];
			bb += b[k] * b[k];
		}
		if (!aa || !bb)
			continue;
		ra = eng_vec_norm(a, stride);
		rb = eng_vec_norm(b, stride);
		wrong += ra != eng_isqrt64((UINT64_C(1) << 62) / (uint64_t)aa);
		sim = eng_vec_sim((int32_t)dot, ra, rb);
		wrong += sim != (int32_t)(((__int128)dot * ra * rb) >> 32);
		cosine = (double)dot / sqrt((double)aa) / sqrt((double)bb);
		worst = fmax(worst, fabs(sim / 0x1p30 - cosine));
	}
	tap_int(wrong, 0, "similarity in 64 bits equals the one in 128 (seed 23)");
	tap_ok(worst < 1e-4, "and is the cosine to 1e-4 (worst %.1e)", worst);
	memset(a, 0, sizeof a);
	tap_int(eng_vec_norm(a, 64), 0, "a zero row has no norm");
}

/* The order of its sums is part of what it is: the bits, not a tolerance. */
static void test_floats(void)
{
	static float a[1100], b[1100];
	struct eng_rng g;
	long wrong = 0;
	double worst = 0;

	eng_rng_seed(&g, 25);
	for (int i = 0; i < 2000; i++) {
		size_t dim = 1 + (size_t)eng_rng_below(&g, 1100);
		float lane[16] = {0}, found;
		double exact = 0, size = 0;

		for (size_t k = 0; k < dim; k++) {
			a[k] = (float)((double)eng_rng_below(&g, 20001) / 1e4 - 1);
			b[k] = (float)((double)eng_rng_below(&g, 20001) / 1e4 - 1);
			exact += (double)a[k] * b[k];
			size += fabs((double)a[k] * b[k]);
		}
		for (size_t k = 0; k < dim; k++) {
			volatile float product = a[k] * b[k];
			lane[k % 16] += product;
		}
		for (int half = 8; half > 0; half /= 2)
			for (int k = 0; k < half; k++)
				lane[k] += lane[k + half];
		found = eng_vec_dot_f32(a, b, dim);
		wrong += memcmp(&found, &lane[0], sizeof found) != 0;
		worst = fmax(worst, fabs((double)found - exact) / size);
	}
	tap_int(wrong, 0, "sums of floats have the bits of sixteen lanes, halves added to halves (seed 25)");
	tap_ok(worst < 1e-5, "and are right to 1e-5 (worst %.1e)", worst);
}

int main(void)
{
	test_kernels();
	test_floats();
	test_quantise();
	test_quantise_middles();
	test_similarity();
	return tap_done();
}
