/* buf.c - a growing byte string, and a bounded reader over one.
 *
 * Once an append has failed for want of memory, all later ones do nothing:
 * the contents stay a prefix of what was meant, and one look at `failed` at
 * the end of a run of appends is enough. */
#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/le.h"

/* Most lines and frames fit; doubling from there copies each byte once on average. */
#define FIRST_CAP 128

void eng_buf_free(struct eng_buf *b)
{
	eng_free(b->p);
	*b = ENG_BUF_INIT;
}

void eng_buf_reset(struct eng_buf *b)
{
	b->n = 0;
	b->failed = false;
}

static bool grow(struct eng_buf *b, size_t want)
{
	size_t cap = b->cap ? b->cap : FIRST_CAP;
	uint8_t *p;

	while (cap < want && cap <= SIZE_MAX / 2)
		cap *= 2;
	if (cap < want)
		cap = want;
	p = eng_realloc(b->p, cap);
	if (!p)
		return false;
	b->p = p;
	b->cap = cap;
	return true;
}

bool eng_buf_reserve(struct eng_buf *b, size_t more)
{
	size_t want;

	if (b->failed)
		return false;
	if (more <= b->cap - b->n)
		return true;
	if (__builtin_add_overflow(b->n, more, &want) || !grow(b, want))
		b->failed = true;
	return !b->failed;
}

void eng_buf_add(struct eng_buf *b, const void *p, size_t n)
{
	if (n == 0 || !eng_buf_reserve(b, n))
		return;
	memcpy(b->p + b->n, p, n);
	b->n += n;
}

void eng_buf_str(struct eng_buf *b, const char *z)
{
	eng_buf_add(b, z, strlen(z));
}

void eng_buf_byte(struct eng_buf *b, uint8_t v)
{
	if (eng_buf_reserve(b, 1))
		b->p[b->n++] = v;
}

void eng_buf_u16(struct eng_buf *b, uint16_t v)
{
	v = ENG_LE16(v);
	eng_buf_add(b, &v, sizeof v);
}

void eng_buf_u32(struct eng_buf *b, uint32_t v)
{
	v = ENG_LE32(v);
	eng_buf_add(b, &v, sizeof v);
}

void eng_buf_u64(struct eng_buf *b, uint64_t v)
{
	v = ENG_LE64(v);
	eng_buf_add(b, &v, sizeof v);
}

void eng_buf_zero(struct eng_buf *b, size_t n)
{
	if (n == 0 || !eng_buf_reserve(b, n))
		return;
	memset(b->p + b->n, 0, n);
	b->n += n;
}

void eng_buf_align8(struct eng_buf *b)
{
	eng_buf_zero(b, -b->n & 7);
}

void eng_buf_printf(struct eng_buf *b, const char *format, ...)
{
	va_list ap;
	int n;

	va_start(ap, format);
	n = vsnprintf(NULL, 0, format, ap);
	va_end(ap);
	if (n < 0)
		b->failed = true;
	if (n <= 0 || !eng_buf_reserve(b, (size_t)n + 1)) /* vsnprintf writes a NUL behind */
		return;
	va_start(ap, format);
	vsnprintf((char *)b->p + b->n, (size_t)n + 1, format, ap);
	va_end(ap);
	b->n += (size_t)n;
}

const uint8_t *eng_read_bytes(struct eng_reader *r, size_t n)
{
	const uint8_t *p = r->p;

	if (r->bad || n > (size_t)(r->end - r->p)) {
		r->bad = true;
		return NULL;
	}
	r->p += n;
	return p;
}

uint8_t eng_read_u8(struct eng_reader *r)
{
	const uint8_t *p = eng_read_bytes(r, 1);

	return p ? *p : 0;
}

uint16_t eng_read_u16(struct eng_reader *r)
{
	const uint8_t *p = eng_read_bytes(r, 2);

	return p ? eng_get16(p) : 0;
}

uint32_t eng_read_u32(struct eng_reader *r)
{
	const uint8_t *p = eng_read_bytes(r, 4);

	return p ? eng_get32(p) : 0;
}

uint64_t eng_read_u64(struct eng_reader *r)
{
	const uint8_t *p = eng_read_bytes(r, 8);

	return p ? eng_get64(p) : 0;
}
