/* frames.h - what the files that show the log share. */
#ifndef ENG_SPACE_FRAMES_H
#define ENG_SPACE_FRAMES_H

#include "base/buf.h"
#include "frame/payload.h"

/* The elements behind the prelude of a payload of n bytes (not of a stub), as a
 * JSON array behind what b holds.  ENGRAM_EDAMAGED. */
int eng_frame_json(struct eng_buf *b, const struct eng_prelude *prelude, const uint8_t *payload, size_t n,
                   struct engram_error *err);

#endif
