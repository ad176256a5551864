/* utf8.h - strict UTF-8. */
#ifndef ENG_BASE_UTF8_H
#define ENG_BASE_UTF8_H

#include <stddef.h>
#include <stdint.h>

/* Offset of the first byte that is not well-formed UTF-8 (overlong forms,
 * surrogates, above U+10FFFF, cut sequences), or n.  NUL is well-formed. */
size_t eng_utf8_check(const char *p, size_t n);

/* Decodes one character of *valid* UTF-8 at p (p < end); returns its length. */
size_t eng_utf8_decode(uint32_t *c, const char *p, const char *end);

/* Writes 1..4 bytes; returns how many. */
size_t eng_utf8_encode(char out[4], uint32_t c);

#endif
