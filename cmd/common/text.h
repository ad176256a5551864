/* text.h - strange text made visible, and how wide it stands on a terminal. */
#ifndef CMD_TEXT_H
#define CMD_TEXT_H

#include "base/buf.h"

/* Appends `n` bytes of text so that it is one line and moves no cursor: tab,
 * newline, return as \t \n \r; other control characters (C0, DEL, C1) and
 * bytes that are not UTF-8 as \xHH; bidirectional controls and line separators
 * as \uHHHH.  `backslash`: it too, as \\, so that the line reads back exactly.
 * width > 0: at most so many columns, the last one an ellipsis if cut. */
void text_add(struct eng_buf *b, const char *p, size_t n, bool backslash, size_t width);

/* Columns of one character: 0 combining, 2 wide, 1 else.  A short table of
 * blocks, not the whole of Unicode: enough to align, independent of locale. */
unsigned text_columns(uint32_t c);

#endif
