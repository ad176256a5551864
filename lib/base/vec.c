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

_Static_assert(FLT_EVAL_METHOD == 0, "needs arithmetic in the type of its operands");

/* Nearest whole number, ties to even; |v| <= 127.  Without branches, since signs
 * and fractions of a vector cannot be foretold: a quarter of the time. */
static int8_t round_even(double v)
{
	int toward_zero = (int)v, down = toward_zero - (v < toward_zero);
	double rest = v - down; /* exact, in [0, 1) */

	return (int8_t)(down + ((rest > 0.5) | ((rest == 0.5) & (down & 1))));
}

bool eng_vec_quantise(int8_t *codes, const float *x, size_t dim)
{
	float max = 0;
	double widest;

	memset(codes, 0, ENG_VEC_STRIDE(dim));
	for (size_t i = 0; i < dim; i++) {
		float size = __builtin_fabsf(x[i]);

		max = size > max ? size : max;
	}
	if (max == 0)
		return false;
	widest = (double)max;
	for (size_t i = 0; i < dim; i++)
		codes[i] = round_even(127 * (double)x[i] / widest);
	return true;
}

/* Both in runs of 64, as strides are: loops of known length become SIMD. */
#define RUN 64

uint32_t eng_vec_norm(const int8_t *codes, size_t stride)
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

int32_t eng_vec_sum(const int8_t *codes, size_t stride)
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
