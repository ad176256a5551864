/* vec.c - quantisation and norms of int8 vectors (the kernels: vec_kernels.c).
 *
 * 127 * x is exact in double (7 + 24 bits), the division rounds once, and the
 * rounding to a whole number is done by hand: the same codes on every machine
 * and in every rounding mode.  The one rounding of the division is harmless
 * too: a quotient of a 31-bit by a 24-bit number that is not a tie is
 * further from one than 2^-33. */
#include "base/vec.h"

#include <float.h>
#include <string.h>

#include "base/num.h"
#include "base/wide.h"

_Static_assert(FLT_EVAL_METHOD == 0, "needs arithmetic in the type of its operands");

/* Nearest whole number, ties to even; |v| <= 127.  Without branches, since signs
 * and fractions of a vector cannot be foretold: a quarter of the time. */
ENG_INLINE int8_t round_even(double v)
{
	int toward_zero = (int)v, down = toward_zero - (v < toward_zero);
	double rest = v - down; /* exact, in [0, 1) */

	return (int8_t)(down + ((rest > 0.5) | ((rest == 0.5) & (down & 1))));
}

/* Runs of 64, as strides are: loops of known length become SIMD. */
#define RUN 64

ENG_INLINE void code_exactly(int8_t *codes, const float *x, size_t n, double widest)
{
	for (size_t i = 0; i < n; i++)
		codes[i] = round_even(127 * (double)x[i] / widest);
}

/* In float, 127 / max and its product with x are off by less than 2^-15 together,
 * however they are rounded, and so is adding 128.5.  What comes out is rounded
 * right unless it lies within 2^-13 of the middle between two codes: then nothing
 * is said of the whole run, which is coded exactly (of random numbers one run in
 * thirty).  A quarter of the time of the exact way. */
#define DOUBT 0x1p-13f

ENG_INLINE bool code_run(int8_t *restrict codes, const float *restrict x, float scale)
{
	int32_t whole[RUN], doubt = 0;

	for (size_t i = 0; i < RUN; i++) {
		float v = x[i] * scale + 128.5f, rest;

		whole[i] = (int32_t)v;
		rest = v - (float)whole[i]; /* exact, in [0, 1) */
		doubt |= (rest < DOUBT) | (rest > 1 - DOUBT);
	}
	for (size_t i = 0; i < RUN; i++)
		codes[i] = (int8_t)(whole[i] - 128);
	return !doubt;
}

/* Sizes of floats are ordered as their bits are. */
ENG_INLINE int32_t widest_bits(const float *x, size_t n)
{
	int32_t widest = 0;

	for (size_t i = 0; i < n; i++) {
		int32_t bits;

		memcpy(&bits, &x[i], sizeof bits);
		bits &= INT32_MAX;
		widest = bits > widest ? bits : widest;
	}
	return widest;
}

ENG_INLINE float widest_of(const float *x, size_t dim)
{
	int32_t widest = 0, some;
	size_t i = 0;
	float max;

	for (; i + RUN <= dim; i += RUN) {
		some = widest_bits(x + i, RUN);
		widest = some > widest ? some : widest;
	}
	some = widest_bits(x + i, dim - i);
	widest = some > widest ? some : widest;
	memcpy(&max, &widest, sizeof max);
	return max;
}

ENG_INLINE bool quantise(int8_t *codes, const float *x, size_t dim)
{
	float max = widest_of(x, dim), scale;
	size_t i = 0;

	if (max == 0) {
		memset(codes, 0, ENG_VEC_STRIDE(dim));
		return false;
	}
	scale = 127 / max;
	for (; i + RUN <= dim; i += RUN) /* where the scale has no bits to spare, or is infinite, all exactly */
		if (max < 0x1p-100f || !code_run(codes + i, x + i, scale))
			code_exactly(codes + i, x + i, RUN, (double)max);
	code_exactly(codes + i, x + i, dim - i, (double)max);
	memset(codes + dim, 0, ENG_VEC_STRIDE(dim) - dim);
	return true;
}

ENG_INLINE uint32_t norm(const int8_t *codes, size_t stride)
{
	uint64_t squares = 0;

	for (size_t at = 0; at < stride; at += RUN) {
		int32_t some = 0;

		for (size_t i = 0; i < RUN; i++)
			some += codes[at + i] * codes[at + i];
		squares += (uint64_t)some;
	}
	return squares ? eng_isqrt64((UINT64_C(1) << 62) / squares) : 0;
}

ENG_INLINE int32_t sum_of(const int8_t *codes, size_t stride)
{
	int32_t sum = 0;

	for (size_t at = 0; at < stride; at += RUN) {
		int16_t some = 0; /* 64 * 128 at most */

		for (size_t i = 0; i < RUN; i++)
			some = (int16_t)(some + codes[at + i]);
		sum += some;
	}
	return sum;
}

#if ENG_AVX2

ENG_FOR_AVX2 static bool avx2_quantise(int8_t *codes, const float *x, size_t dim)
{
	return quantise(codes, x, dim);
}

ENG_FOR_AVX2 static uint32_t avx2_norm(const int8_t *codes, size_t stride)
{
	return norm(codes, stride);
}

ENG_FOR_AVX2 static int32_t avx2_sum_of(const int8_t *codes, size_t stride)
{
	return sum_of(codes, stride);
}

#endif

bool eng_vec_quantise(int8_t *codes, const float *x, size_t dim)
{
	return ENG_BEST(quantise, codes, x, dim);
}

uint32_t eng_vec_norm(const int8_t *codes, size_t stride)
{
	return ENG_BEST(norm, codes, stride);
}

int32_t eng_vec_sum(const int8_t *codes, size_t stride)
{
	return ENG_BEST(sum_of, codes, stride);
}

#define LANES 16u

float eng_vec_dot_f32(const float *a, const float *b, size_t dim)
{
	float sum[LANES] = {0};
	size_t i = 0;

	for (; i + LANES <= dim; i += LANES)
		for (unsigned k = 0; k < LANES; k++)
			sum[k] += a[i + k] * b[i + k];
	for (; i < dim; i++)
		sum[i % LANES] += a[i] * b[i];
	for (unsigned half = LANES / 2; half > 0; half /= 2)
		for (unsigned k = 0; k < half; k++)
			sum[k] += sum[k + half];
	return sum[0];
}
