/* vec_kernels.c - dot products of one int8 query with many rows.
 *
 * Every kernel computes the exact integer, so they are equal by arithmetic;
 * which one runs is decided at run time and cannot be seen in a result.
 *
 * AVX2   has no signed x signed byte product: |q| times (row with q's sign),
 *        u8 x i8, pairs added in 16 bits.  Exact because codes stay in
 *        [-127, 127]: 2 * 127 * 127 = 32,258 < 32,767; and -(-128) would not fit.
 * VNNI   (AVX-512) multiplies u8 x i8 and adds four in 32 bits, so the query is
 *        shifted to 0..255: (q + 128) . row = q . row + 128 * sum(row), and
 *        sum(row) is stored with the row.  At most 4,096 * 255 * 127 < 2^27.
 * NEON   two products in 16 bits, as AVX2, then pairs into 32 bits.
 *
 * Measured on Zen 4, warm, per row of 768: scalar 43 ns, AVX2 14, VNNI 7.
 * Strides are multiples of 64, so no kernel has a tail. */
#include "base/vec.h"

#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__ARM_NEON)
#include <arm_neon.h>
#endif

/* Rows that lie anywhere are waited for one after the other unless they are asked
 * for ahead: four rows, as many as are computed at once.  Their first lines were
 * asked for by who gathered them. */
static inline void prefetch_four(const int8_t *const *rows, uint32_t i, uint32_t n, uint32_t stride)
{
	for (uint32_t end = i + 4 < n ? i + 4 : n; stride > ENG_VEC_ASKED_FOR && i < end; i++)
		for (uint32_t k = ENG_VEC_ASKED_FOR; k < stride; k += 64)
			__builtin_prefetch(rows[i] + k);
}

static int32_t scalar_dot(const int8_t *query, const int8_t *row, uint32_t stride)
{
	int32_t dot = 0;

	for (uint32_t k = 0; k < stride; k++)
		dot += query[k] * row[k];
	return dot;
}

static void scalar_dots(int32_t *dots, const int8_t *query, const struct eng_rows *rows)
{
	for (uint32_t i = 0; i < rows->n; i++)
		dots[i] = scalar_dot(query, rows->codes + (size_t)i * rows->stride, rows->stride);
}

static void scalar_dots_at(int32_t *dots, const int8_t *query, int32_t sum, const int8_t *const *rows, uint32_t n,
                           uint32_t stride)
{
	(void)sum;
	for (uint32_t i = 0; i < n; i++)
		dots[i] = scalar_dot(query, rows[i], stride);
}

static const struct eng_vec_kernel scalar = {"scalar", scalar_dots, scalar_dots_at};

#if defined(__x86_64__)

__attribute__((target("avx2"))) static int32_t avx2_sum(__m256i v)
{
	__m128i s = _mm_add_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));

	s = _mm_add_epi32(s, _mm_shuffle_epi32(s, 0x4e));
	s = _mm_add_epi32(s, _mm_shuffle_epi32(s, 0xb1));
	return _mm_cvtsi128_si32(s);
}

__attribute__((target("avx2"))) static int32_t avx2_dot(const int8_t *query, const int8_t *row, uint32_t stride)
{
	const __m256i ones = _mm256_set1_epi16(1);
	__m256i acc = _mm256_setzero_si256();

	for (uint32_t k = 0; k < stride; k += 32) {
		__m256i q = _mm256_loadu_si256((const void *)(query + k));
		__m256i r = _mm256_loadu_si256((const void *)(row + k));
		__m256i pairs = _mm256_maddubs_epi16(_mm256_abs_epi8(q), _mm256_sign_epi8(r, q));

		acc = _mm256_add_epi32(acc, _mm256_madd_epi16(pairs, ones));
	}
	return avx2_sum(acc);
}

static void avx2_dots(int32_t *dots, const int8_t *query, const struct eng_rows *rows)
{
	for (uint32_t i = 0; i < rows->n; i++)
		dots[i] = avx2_dot(query, rows->codes + (size_t)i * rows->stride, rows->stride);
}

static void avx2_dots_at(int32_t *dots, const int8_t *query, int32_t sum, const int8_t *const *rows, uint32_t n,
                         uint32_t stride)
{
	(void)sum;
	for (uint32_t i = 0; i < n; i++) {
		if (i % 4 == 0)
			prefetch_four(rows, i + 4, n, stride);
		dots[i] = avx2_dot(query, rows[i], stride);
	}
}

#define VNNI __attribute__((target("avx512f,avx512bw,avx512vnni")))

VNNI static __m512i load_512(const int8_t *p)
{
	return _mm512_loadu_si512((const void *)p);
}

/* The sums of four registers of sixteen, by halving them together. */
VNNI static __m128i sums_of_four(__m512i a, __m512i b, __m512i c, __m512i d)
{
	__m512i ab = _mm512_add_epi32(_mm512_unpacklo_epi32(a, b), _mm512_unpackhi_epi32(a, b));
	__m512i cd = _mm512_add_epi32(_mm512_unpacklo_epi32(c, d), _mm512_unpackhi_epi32(c, d));
	__m512i all = _mm512_add_epi32(_mm512_unpacklo_epi64(ab, cd), _mm512_unpackhi_epi64(ab, cd));
	__m256i half = _mm256_add_epi32(_mm512_castsi512_si256(all), _mm512_extracti64x4_epi64(all, 1));

	return _mm_add_epi32(_mm256_castsi256_si128(half), _mm256_extracti128_si256(half, 1));
}

/* Four rows at once: the query is shifted once for all of them, and four
 * chains of additions hide the latency of one. */
VNNI static void vnni_four(int32_t *dots, const int8_t *query, const int8_t *const rows[4], size_t stride)
{
	const __m512i shift = _mm512_set1_epi8(-128);
	__m512i a = _mm512_setzero_si512(), b = a, c = a, d = a;

	for (size_t k = 0; k < stride; k += 64) {
		__m512i q = _mm512_xor_si512(load_512(query + k), shift);

		a = _mm512_dpbusd_epi32(a, q, load_512(rows[0] + k));
		b = _mm512_dpbusd_epi32(b, q, load_512(rows[1] + k));
		c = _mm512_dpbusd_epi32(c, q, load_512(rows[2] + k));
		d = _mm512_dpbusd_epi32(d, q, load_512(rows[3] + k));
	}
	_mm_storeu_si128((void *)dots, sums_of_four(a, b, c, d));
}

/* The same with the rows shifted instead of the query: then only the sum of the
 * query's codes is needed, not that of each row, which is another line of memory
 * to wait for where rows lie anywhere. */
VNNI static void vnni_four_at(int32_t *dots, const int8_t *query, int32_t sum, const int8_t *const rows[4],
                              size_t stride)
{
	const __m512i shift = _mm512_set1_epi8(-128);
	__m512i a = _mm512_setzero_si512(), b = a, c = a, d = a;

	for (size_t k = 0; k < stride; k += 64) {
		__m512i q = load_512(query + k);

		a = _mm512_dpbusd_epi32(a, _mm512_xor_si512(load_512(rows[0] + k), shift), q);
		b = _mm512_dpbusd_epi32(b, _mm512_xor_si512(load_512(rows[1] + k), shift), q);
		c = _mm512_dpbusd_epi32(c, _mm512_xor_si512(load_512(rows[2] + k), shift), q);
		d = _mm512_dpbusd_epi32(d, _mm512_xor_si512(load_512(rows[3] + k), shift), q);
	}
	_mm_storeu_si128((void *)dots, _mm_sub_epi32(sums_of_four(a, b, c, d), _mm_set1_epi32(128 * sum)));
}

VNNI static int32_t vnni_one(const int8_t *query, const int8_t *row, size_t stride)
{
	const __m512i shift = _mm512_set1_epi8(-128);
	__m512i a = _mm512_setzero_si512();

	for (size_t k = 0; k < stride; k += 64)
		a = _mm512_dpbusd_epi32(a, _mm512_xor_si512(load_512(query + k), shift), load_512(row + k));
	return _mm512_reduce_add_epi32(a);
}

VNNI static void vnni_dots(int32_t *dots, const int8_t *query, const struct eng_rows *rows)
{
	const size_t stride = rows->stride;
	uint32_t i = 0;

	for (; i + 4 <= rows->n; i += 4) {
		const int8_t *row = rows->codes + i * stride;
		const int8_t *const four[4] = {row, row + stride, row + 2 * stride, row + 3 * stride};

		vnni_four(dots + i, query, four, stride);
	}
	for (; i < rows->n; i++)
		dots[i] = vnni_one(query, rows->codes + i * stride, stride);
	for (i = 0; i < rows->n; i++)
		dots[i] -= 128 * rows->sum[i];
}

VNNI static void vnni_dots_at(int32_t *dots, const int8_t *query, int32_t sum, const int8_t *const *rows, uint32_t n,
                              uint32_t stride)
{
	uint32_t i = 0;

	prefetch_four(rows, 0, n, stride);
	for (; i + 4 <= n; i += 4) {
		prefetch_four(rows, i + 4, n, stride);
		vnni_four_at(dots + i, query, sum, rows + i, stride);
	}
	if (i < n) { /* the last one again instead of those that are missing */
		const int8_t *four[4];
		int32_t last[4];

		for (uint32_t k = 0; k < 4; k++)
			four[k] = rows[i + k < n ? i + k : n - 1];
		vnni_four_at(last, query, sum, four, stride);
		memcpy(dots + i, last, (n - i) * sizeof *dots);
	}
}

static const struct eng_vec_kernel avx2 = {"avx2", avx2_dots, avx2_dots_at};
static const struct eng_vec_kernel vnni = {"vnni", vnni_dots, vnni_dots_at};

const struct eng_vec_kernel *const *eng_vec_kernels(void)
{
	/* Each list is a tail-less beginning of the next; a machine with VNNI has AVX2. */
	static const struct eng_vec_kernel *const lists[3][4] = {
		{&scalar},
		{&scalar, &avx2},
		{&scalar, &avx2, &vnni},
	};

	if (!__builtin_cpu_supports("avx2"))
		return lists[0];
	if (!__builtin_cpu_supports("avx512bw") || !__builtin_cpu_supports("avx512vnni"))
		return lists[1];
	return lists[2];
}

#elif defined(__ARM_NEON)

static int32_t neon_dot(const int8_t *query, const int8_t *row, uint32_t stride)
{
	int32x4_t acc = vdupq_n_s32(0);

	for (uint32_t k = 0; k < stride; k += 16) {
		int8x16_t q = vld1q_s8(query + k), r = vld1q_s8(row + k);
		int16x8_t pairs = vmull_s8(vget_low_s8(q), vget_low_s8(r));

		pairs = vmlal_s8(pairs, vget_high_s8(q), vget_high_s8(r));
		acc = vpadalq_s16(acc, pairs);
	}
	return vgetq_lane_s32(acc, 0) + vgetq_lane_s32(acc, 1) + vgetq_lane_s32(acc, 2) + vgetq_lane_s32(acc, 3);
}

static void neon_dots(int32_t *dots, const int8_t *query, const struct eng_rows *rows)
{
	for (uint32_t i = 0; i < rows->n; i++)
		dots[i] = neon_dot(query, rows->codes + (size_t)i * rows->stride, rows->stride);
}

static void neon_dots_at(int32_t *dots, const int8_t *query, int32_t sum, const int8_t *const *rows, uint32_t n,
                         uint32_t stride)
{
	(void)sum;
	for (uint32_t i = 0; i < n; i++) {
		if (i % 4 == 0)
			prefetch_four(rows, i + 4, n, stride);
		dots[i] = neon_dot(query, rows[i], stride);
	}
}

static const struct eng_vec_kernel neon = {"neon", neon_dots, neon_dots_at};

const struct eng_vec_kernel *const *eng_vec_kernels(void)
{
	static const struct eng_vec_kernel *const list[] = {&scalar, &neon, NULL};

	return list;
}

#else

const struct eng_vec_kernel *const *eng_vec_kernels(void)
{
	static const struct eng_vec_kernel *const list[] = {&scalar, NULL};

	return list;
}

#endif

static const struct eng_vec_kernel *_Atomic chosen;

/* The last of the list, unless a test chose another: the choice is made once. */
static const struct eng_vec_kernel *best_kernel(void)
{
	const struct eng_vec_kernel *best = chosen;

	if (!best) {
		const struct eng_vec_kernel *const *all = eng_vec_kernels();

		while (all[1])
			all++;
		chosen = best = *all;
	}
	return best;
}

void eng_vec_use(const struct eng_vec_kernel *kernel)
{
	chosen = kernel;
}

void eng_vec_dots(int32_t *dots, const int8_t *query, const struct eng_rows *rows)
{
	best_kernel()->dots(dots, query, rows);
}

void eng_vec_dots_at(int32_t *dots, const int8_t *query, int32_t sum, const int8_t *const *rows, uint32_t n,
                     uint32_t stride)
{
	best_kernel()->dots_at(dots, query, sum, rows, n, stride);
}
