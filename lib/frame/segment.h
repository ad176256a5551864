/* segment.h - segment headers and the mark: engram-formats(5), SEGMENTS, MARK.
 *
 * A segment is a file SEQ.wal, SEQ the 16 hex digits of its first seq:
 *
 *   0   8 magic        "ENGSEG\0\1"
 *   8   4 version      1
 *  12   4 prev         header_check of frame first_seq-1; 0 at seq 1
 *  16  16 space id
 *  32  16 series
 *  48   8 first_seq
 *  56   8 check        XXH3-64 of bytes 0..55
 *  64   zeros up to 4096, then frames. */
#ifndef ENG_FRAME_SEGMENT_H
#define ENG_FRAME_SEGMENT_H

#include "frame/frame.h"

#define ENG_SEGMENT_HEADER 4096u
#define ENG_SEGMENT_MAX (16u << 20) /* sealed before the frame that would pass it */
#define ENG_SEGMENT_NAME 20         /* "0000000000000001.wal" */

struct eng_segment_header {
	uint32_t version;
	uint32_t prev;
	struct engram_id space;
	struct eng_series series;
	uint64_t first_seq;
};

void eng_segment_encode(uint8_t out[ENG_SEGMENT_HEADER], const struct eng_segment_header *h);
/* ENGRAM_OK, ENGRAM_EDAMAGED (bad check or magic; *zero set if all zeros), ENGRAM_EVERSION. */
int eng_segment_decode(struct eng_segment_header *h, const uint8_t in[ENG_SEGMENT_HEADER], bool *zero);
void eng_segment_name(char out[ENG_SEGMENT_NAME + 1], uint64_t first_seq);
bool eng_segment_name_parse(uint64_t *first_seq, const char *name);

/* The series id as a directory name: 32 hex digits. */
#define ENG_SERIES_NAME 32
void eng_series_name(char out[ENG_SERIES_NAME + 1], const struct eng_series *s);
bool eng_series_name_parse(struct eng_series *s, const char *name);

#endif
