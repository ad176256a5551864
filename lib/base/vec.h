/* vec.h - int8 vectors with exact integer similarity.
 *
 * code_i = rint(127 * x_i / max|x|)        in [-127, 127], never -128
 * r      = isqrt(floor(2^62 / sum code^2)) u32; 0 for the zero vector
 * sim    = dot * r_a * r_b >> 32           Q30 cosine, arithmetic shift
 *
 * |dot * r_a * r_b| <= 2^62 by Cauchy-Schwarz, so nothing overflows at any
 * dimension.  No floating point remains after quantisation: every kernel on
 * every machine gives the same bits. */
#ifndef ENG_BASE_VEC_H
#define ENG_BASE_VEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A block of rows as stored: codes are n rows of `stride` bytes (dim codes,
 * zero padding; stride is a multiple of 64 and codes are 64-byte aligned).
 * A row with r = 0 is empty: deleted or a zero vector. */
struct eng_rows {
	const int8_t *codes;
	const uint32_t *r;
	const int32_t *sum;   /* sum of a row's codes (the VNNI kernel's correction) */
	const uint32_t *doc;  /* whose row it is */
	uint32_t n;
	uint32_t stride;
};

#define ENG_VEC_STRIDE(dim) (((dim) + 63u) & ~63u)

/* Quantises x (dim finite numbers); pads codes to ENG_VEC_STRIDE(dim).
 * False (and a zero row) for the zero vector. */
bool eng_vec_quantise(int8_t *codes, const float *x, size_t dim);
/* r and sum of a code row. */
uint32_t eng_vec_norm(const int8_t *codes, size_t stride);
int32_t eng_vec_sum(const int8_t *codes, size_t stride);

/* Unsigned until it is shifted: a norm from damaged bytes may overflow it. */
static inline int32_t eng_vec_sim(int32_t dot, uint32_t ra, uint32_t rb)
{
	return (int32_t)((int64_t)((uint64_t)(int64_t)dot * ra * rb) >> 32);
}

/* dots[i] = <query, row i>, all rows, by the best kernel of this machine.
 * Overflow-free up to ENGRAM_DIM_MAX. */
void eng_vec_dots(int32_t *dots, const int8_t *query, const struct eng_rows *rows);

/* The same for rows that lie anywhere: dots[i] = <query, rows[i]>; sum is that of
 * the query's codes.  Whoever finds out where a row lies asks for it at once; what
 * is behind its first bytes is asked for here. */
#define ENG_VEC_ASKED_FOR 128u
static inline void eng_vec_ask_for(const int8_t *codes, uint32_t stride)
{
	__builtin_prefetch(codes);
	__builtin_prefetch(codes + (stride > 64 ? 64 : 0));
}
void eng_vec_dots_at(int32_t *dots, const int8_t *query, int32_t sum, const int8_t *const *rows, uint32_t n,
                     uint32_t stride);

/* Sum of a[i] * b[i] in floats, the same bits everywhere: sixteen sums of every
 * sixteenth product, then halves added to halves.  No product is fused with its
 * sum (-ffp-contract=off), which processors do in different ways. */
float eng_vec_dot_f32(const float *a, const float *b, size_t dim);

/* The kernels by name, for tests and benches: "scalar", "avx2", "vnni", "neon";
 * NULL-terminated list of what this machine can run, scalar first, best last. */
struct eng_vec_kernel {
	const char *name;
	void (*dots)(int32_t *dots, const int8_t *query, const struct eng_rows *rows);
	void (*dots_at)(int32_t *dots, const int8_t *query, int32_t sum, const int8_t *const *rows, uint32_t n,
	                uint32_t stride);
};
const struct eng_vec_kernel *const *eng_vec_kernels(void);
/* From here on this one, of the whole process; NULL: the best.  For tests. */
void eng_vec_use(const struct eng_vec_kernel *kernel);

#endif
