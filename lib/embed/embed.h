/* embed.h - vectors from a program of the user's own: an *embedder*.
 *
 * The program is a filter.  For each line in it answers one line, in the same
 * order, and ends when its input does; one batch of texts is one run of it.
 *
 * A line in is the text with backslash, control characters and line breaks
 * written as JSON writes them inside a string (\\ \n \t \u0007); everything else,
 * quotes too, is as it is.
 *
 * A line out is one vector, in one of three forms that need no telling apart
 * by the user:
 *
 *     0.12 -3e-2 1        numbers separated by blanks (or tabs)
 *     [0.12, -3e-2, 1]    a JSON array
 *     j8L1PY/C9b0AAIA/    base64 of little-endian 4-byte floats
 *
 * All of a run have the same number of them, 2 to 4096, all finite.  Nothing
 * but zeros says that there is no vector for this text. */
#ifndef ENG_EMBED_EMBED_H
#define ENG_EMBED_EMBED_H

#include "base/buf.h"
#include "base/json.h"
#include "engram.h"

/* -- the protocol: pure (line.c) ------------------------------------------ */

/* The longest answer: 4,096 numbers of 31 characters and a blank. */
#define ENG_ANSWER_MAX (128u << 10)

/* Appends the line for a text, newline included. */
void eng_embed_line(struct eng_buf *out, struct engram_str text);

/* One answer without its newline: *dim numbers into out[0..ENGRAM_DIM_MAX);
 * *zero: all of them are.  j is scratch, zeroed at first.  ENGRAM_EINPUT says
 * "wanted ..., found ..."; ENGRAM_ENOMEM. */
int eng_embed_answer(float out[ENGRAM_DIM_MAX], size_t *dim, bool *zero, const char *p, size_t n,
                     struct eng_json *j, struct engram_error *err);

#endif
