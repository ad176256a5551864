/* buf.h - a growing byte string with a sticky out-of-memory flag.
 *
 * A run of appends is written straight and checked once at the end:
 *
 *     eng_buf_add(&b, "x", 1); eng_buf_u32(&b, n);
 *     if (b.failed) return eng_err_nomem(err);
 */
#ifndef ENG_BASE_BUF_H
#define ENG_BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct eng_buf {
	uint8_t *p;   /* owned; NULL while cap is 0 */
	size_t n;
	size_t cap;
	bool failed;  /* an append ran out of memory; contents are then short */
};

#define ENG_BUF_INIT ((struct eng_buf){0})

void eng_buf_free(struct eng_buf *b);  /* back to ENG_BUF_INIT */
void eng_buf_reset(struct eng_buf *b); /* n = 0, failed = false; keeps memory */
bool eng_buf_reserve(struct eng_buf *b, size_t more); /* false = failed */
void eng_buf_add(struct eng_buf *b, const void *p, size_t n);
void eng_buf_str(struct eng_buf *b, const char *z);
void eng_buf_byte(struct eng_buf *b, uint8_t v);
void eng_buf_u16(struct eng_buf *b, uint16_t v); /* little-endian */
void eng_buf_u32(struct eng_buf *b, uint32_t v);
void eng_buf_u64(struct eng_buf *b, uint64_t v);
void eng_buf_zero(struct eng_buf *b, size_t n);
void eng_buf_align8(struct eng_buf *b); /* zeros up to a multiple of 8 */
void eng_buf_printf(struct eng_buf *b, const char *format, ...) ENG_PRINTF(2, 3);

/* A bounded reader over bytes; reading past the end sets `bad` and yields
 * zeros, so that a decoder checks once. */
struct eng_reader {
	const uint8_t *p;
	const uint8_t *end;
	bool bad;
};

uint8_t eng_read_u8(struct eng_reader *r);
uint16_t eng_read_u16(struct eng_reader *r);
uint32_t eng_read_u32(struct eng_reader *r);
uint64_t eng_read_u64(struct eng_reader *r);
/* Pointer to n bytes inside the input, NULL (and bad) if there are fewer. */
const uint8_t *eng_read_bytes(struct eng_reader *r, size_t n);

#endif
