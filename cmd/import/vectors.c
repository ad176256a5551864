/* vectors.c - see vectors.h.
 *
 * fvecs: each row is its dimension as a little-endian int32 and as many
 * little-endian floats.  npy: "\x93NUMPY", a version, a header that is a Python
 * dictionary in text, then the rows of numbers one after the other; of what it
 * may hold we take two-dimensional tables in C order of little-endian floats of
 * 2, 4 or 8 bytes.  Which of the two a file is its first bytes say: no row of
 * an fvecs file begins like "\x93NUM", which would be a dimension of 1.3 billion.
 *
 * A row that cannot be what it says ends the file: where the next one begins is
 * not known any more.  What numbers a vector may have is judged where it is
 * stored. */
#include "import/vectors.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/le.h"
#include "base/num.h"
#include "base/types.h"

static const char magic[6] = "\x93NUMPY";

/* NumPy's own limit for what it reads without being asked twice. */
#define HEADER_MAX 10000

int vectors_open(struct vectors *v, const struct source_input *in, struct engram_error *err)
{
	*v = (struct vectors){.rows = UINT64_MAX};
	return source_stream(&v->stream, in, err);
}

void vectors_close(struct vectors *v)
{
	stream_close(&v->stream);
	eng_buf_free(&v->floats);
}

static enum source_result failed(const struct vectors *v, struct engram_error *err)
{
	eng_err_prefix(err, "%.200s", v->stream.name);
	return SOURCE_FAILED;
}

static enum source_result failed_row(const struct vectors *v, struct engram_error *err)
{
	eng_err_prefix(err, "%.200s:%llu", v->stream.name, (unsigned long long)v->row + 1);
	return SOURCE_FAILED;
}

/* n bytes in the window, or the end of the file (RECORD all the same). */
static enum source_result need(struct vectors *v, size_t n, bool wait, struct engram_error *err)
{
	while (stream_left(&v->stream) < n && !v->stream.eof)
		switch (stream_more(&v->stream, wait, err)) {
		case STREAM_WAIT:
			return SOURCE_WAIT;
		case STREAM_STOP:
			return SOURCE_STOP;
		case STREAM_FAILED:
			return SOURCE_FAILED;
		case STREAM_MORE:
			break;
		}
	return SOURCE_RECORD;
}

/* -- the header of an npy file ---------------------------------------------------- */

/* What stands behind 'KEY': in the dictionary; NULL where it is not there. */
static const char *value_of(const char *header, const char *key)
{
	char quoted[32];
	const char *p;

	snprintf(quoted, sizeof quoted, "'%s':", key);
	p = strstr(header, quoted);
	if (!p)
		return NULL;
	p += strlen(quoted);
	while (*p == ' ')
		p++;
	return p;
}

static bool begins(const char *p, const char *with)
{
	return strncmp(p, with, strlen(with)) == 0;
}

/* Digits at *p, which is moved behind them, a comma and blanks. */
static bool take_number(uint64_t *out, const char **p)
{
	size_t n = strspn(*p, "0123456789");

	if (n == 0 || !eng_parse_u64(out, *p, n))
		return false;
	*p += n;
	*p += strspn(*p, ", ");
	return true;
}

static int parse_type(struct vectors *v, const char *type, struct engram_error *err)
{
	if (type && begins(type, "'<f4'"))
		v->kind = VECTORS_F32;
	else if (type && begins(type, "'<f8'"))
		v->kind = VECTORS_F64;
	else if (type && begins(type, "'<f2'"))
		v->kind = VECTORS_F16;
	else
		return eng_err(err, ENGRAM_EINPUT, "npy: wanted numbers of type '<f4', '<f8' or '<f2', found %.12s",
		               type ? type : "none");
	return 0;
}

static int parse_header(struct vectors *v, const char *header, struct engram_error *err)
{
	const char *order = value_of(header, "fortran_order"), *shape = value_of(header, "shape");
	uint64_t dim;
	int r = parse_type(v, value_of(header, "descr"), err);

	if (r < 0)
		return r;
	if (!order || !begins(order, "False")) {
		eng_err(err, ENGRAM_EINPUT, "npy: wanted rows one after the other (C order)");
		eng_err_hint(err, "numpy.save(file, numpy.ascontiguousarray(a))");
		return ENGRAM_EINPUT;
	}
	if (!shape || *shape++ != '(' || !take_number(&v->rows, &shape) || !take_number(&dim, &shape) || *shape != ')')
		return eng_err(err, ENGRAM_EINPUT, "npy: wanted a table of two dimensions");
	if (dim < ENGRAM_DIM_MIN || dim > ENGRAM_DIM_MAX)
		return eng_err(err, ENGRAM_EINPUT, "npy: wanted rows of %u to %u numbers, found %llu", ENGRAM_DIM_MIN,
		               ENGRAM_DIM_MAX, (unsigned long long)dim);
	v->dim = (size_t)dim;
	return 0;
}

/* Length of the header, and where it begins; version 1 has 16 bits for it, 2
 * and 3 have 32. */
static size_t header_length(const struct vectors *v, size_t *begin)
{
	const uint8_t *p = stream_bytes(&v->stream);

	*begin = p[6] == 1 ? 10 : 12;
	return p[6] == 1 ? eng_get16(p + 8) : eng_get32(p + 8);
}

static enum source_result read_npy_header(struct vectors *v, bool wait, struct engram_error *err)
{
	char header[HEADER_MAX + 1];
	size_t begin, n;
	enum source_result got = need(v, 12, wait, err);

	if (got != SOURCE_RECORD)
		return got;
	if (stream_left(&v->stream) < 12 || stream_bytes(&v->stream)[6] - 1u > 2) {
		eng_err(err, ENGRAM_EINPUT, "npy: wanted version 1, 2 or 3");
		return failed(v, err);
	}
	n = header_length(v, &begin);
	if (n > HEADER_MAX) {
		eng_err(err, ENGRAM_EINPUT, "npy: wanted a header of at most %d bytes, found %zu", HEADER_MAX, n);
		return failed(v, err);
	}
	got = need(v, begin + n, wait, err);
	if (got != SOURCE_RECORD)
		return got;
	if (stream_left(&v->stream) < begin + n) {
		eng_err(err, ENGRAM_EINPUT, "npy: wanted a header of %zu bytes, found the end of the file", n);
		return failed(v, err);
	}
	memcpy(header, stream_bytes(&v->stream) + begin, n);
	header[n] = 0;
	if (parse_header(v, header, err) < 0)
		return failed(v, err);
	v->stream.at += begin + n;
	v->begun = true;
	return SOURCE_RECORD;
}

static enum source_result begin(struct vectors *v, bool wait, struct engram_error *err)
{
	enum source_result got = need(v, sizeof magic, wait, err);

	if (got != SOURCE_RECORD)
		return got;
	if (stream_left(&v->stream) >= sizeof magic && memcmp(stream_bytes(&v->stream), magic, sizeof magic) == 0)
		return read_npy_header(v, wait, err);
	v->kind = VECTORS_FVECS;
	v->begun = true;
	return SOURCE_RECORD;
}

/* -- rows ------------------------------------------------------------------------- */

static size_t number_size(enum vectors_kind kind)
{
	return kind == VECTORS_F16 ? 2 : kind == VECTORS_F64 ? 8 : 4;
}

/* IEEE 754 binary16: sign 1, exponent 5, fraction 10; every one is a float too. */
static float half(uint16_t h)
{
	uint32_t sign = (uint32_t)(h & 0x8000) << 16, exponent = h >> 10 & 31, fraction = h & 1023, bits;
	float f;

	if (exponent == 31) {
		bits = 0x7f800000 | fraction << 13;
	} else if (exponent > 0) {
		bits = (exponent + 112) << 23 | fraction << 13;
	} else {
		f = (float)fraction * 0x1p-24f;
		memcpy(&bits, &f, sizeof bits);
	}
	bits |= sign;
	memcpy(&f, &bits, sizeof f);
	return f;
}

static float number_at(const uint8_t *p, enum vectors_kind kind, size_t i)
{
	float f;
	double d;

	if (kind == VECTORS_F16)
		return half(eng_get16(p + 2 * i));
	if (kind == VECTORS_F64) {
		uint64_t bits = eng_get64(p + 8 * i);

		memcpy(&d, &bits, sizeof d);
		return (float)d; /* beyond a float: infinite, and refused as that */
	}
	uint32_t bits = eng_get32(p + 4 * i);
	memcpy(&f, &bits, sizeof f);
	return f;
}

/* The numbers of the row at p.  They are where they lie if a float * may point
 * there: an fvecs row is 4 bytes and floats, and the window begins aligned. */
static const float *numbers(struct vectors *v, const uint8_t *p)
{
	float *out;

	if (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ && number_size(v->kind) == sizeof(float) &&
	    (uintptr_t)p % _Alignof(float) == 0)
		return (const float *)(const void *)p;
	eng_buf_reset(&v->floats);
	if (!eng_buf_reserve(&v->floats, v->dim * sizeof *out))
		return NULL;
	out = (float *)(void *)v->floats.p;
	for (size_t i = 0; i < v->dim; i++)
		out[i] = number_at(p, v->kind, i);
	return out;
}

/* The dimension in front of the row of an fvecs file. */
static enum source_result take_dim(struct vectors *v, bool wait, struct engram_error *err)
{
	enum source_result got = need(v, 4, wait, err);
	uint32_t dim;

	if (got != SOURCE_RECORD || stream_left(&v->stream) == 0)
		return got == SOURCE_RECORD ? SOURCE_END : got;
	if (stream_left(&v->stream) < 4) {
		eng_err(err, ENGRAM_EINPUT, "row: wanted its dimension, found the end of the file");
		return failed_row(v, err);
	}
	dim = eng_get32(stream_bytes(&v->stream));
	if (v->dim ? dim != v->dim : dim < ENGRAM_DIM_MIN || dim > ENGRAM_DIM_MAX) {
		if (v->dim)
			eng_err(err, ENGRAM_EINPUT, "dimension: wanted %zu as before, found %u", v->dim, dim);
		else
			eng_err(err, ENGRAM_EINPUT, "dimension: wanted %u to %u, found %u (fvecs)", ENGRAM_DIM_MIN,
			        ENGRAM_DIM_MAX, dim);
		return failed_row(v, err);
	}
	v->dim = dim;
	return SOURCE_RECORD;
}

enum source_result vectors_next(struct vectors *v, const float **vector, bool wait, struct engram_error *err)
{
	enum source_result got = v->begun ? SOURCE_RECORD : begin(v, wait, err);
	size_t head, n;

	if (got == SOURCE_RECORD && v->kind == VECTORS_FVECS)
		got = take_dim(v, wait, err);
	if (got == SOURCE_RECORD && v->row == v->rows)
		got = SOURCE_END; /* what an npy file has behind its table is not ours */
	if (got != SOURCE_RECORD)
		return got;
	head = v->kind == VECTORS_FVECS ? 4 : 0;
	n = v->dim * number_size(v->kind);
	got = need(v, head + n, wait, err);
	if (got != SOURCE_RECORD)
		return got;
	if (stream_left(&v->stream) < head + n) {
		eng_err(err, ENGRAM_EINPUT, "row: wanted %zu bytes, found %zu and the end of the file", head + n,
		        stream_left(&v->stream));
		return failed_row(v, err);
	}
	*vector = numbers(v, stream_bytes(&v->stream) + head);
	if (!*vector) {
		eng_err_nomem(err);
		return failed_row(v, err);
	}
	v->stream.at += head + n;
	v->row++;
	return SOURCE_RECORD;
}

/* -- as a source: memories without text ------------------------------------------ */

static int open_vectors(struct source *s, const struct source_input *in, struct engram_error *err)
{
	return vectors_open(s->state, in, err);
}

static enum source_result next_vector(struct source *s, struct record *r, bool wait, struct engram_error *err)
{
	struct vectors *v = s->state;
	const float *vector;
	enum source_result got = vectors_next(v, &vector, wait, err);

	s->number = v->row;
	s->bytes = v->stream.taken;
	if (got != SOURCE_RECORD)
		return got;
	record_clear(r);
	r->memory.vector = vector;
	r->memory.dim = v->dim;
	r->memory.has = ENGRAM_VECTOR;
	return SOURCE_RECORD;
}

static void close_vectors(struct source *s)
{
	vectors_close(s->state);
}

const struct source_format source_vectors = {"vectors",   sizeof(struct vectors), open_vectors,
                                             next_vector, close_vectors,          false};
