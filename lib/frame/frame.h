/* frame.h - the frame header: engram-formats(5), FRAMES.
 *
 * 64 bytes, little-endian:
 *
 *   0  4 magic            "ENGF"
 *   4  1 kind version     1
 *   5  1 kind             enum eng_frame_kind
 *   6  2 flags            low byte: STUB, RUN, CRITICAL; high byte: witness
 *   8  4 payload_len      also in a stub: the original length
 *  12  4 header_check     low 32 bits of XXH3-64 of the header with this field and STUB zero
 *  16 16 series
 *  32  4 prev             header_check of the previous frame of the series; 0 for seq 1
 *  36  4 space_check      low 32 bits of XXH3-64 of the space id
 *  40  8 seq              from 1
 *  48  8 stamp
 *  56  8 payload_check    XXH3-64 of the payload as first written
 *
 * then the payload, then zeros up to a multiple of 8.  Frames are copied
 * between stores byte for byte, witness included; only STUB may differ. */
#ifndef ENG_FRAME_FRAME_H
#define ENG_FRAME_FRAME_H

#include "base/buf.h"
#include "base/types.h"

#define ENG_FRAME_MAGIC 0x46474e45u /* "ENGF" */
#define ENG_FRAME_HEADER 64u
#define ENG_FRAME_VERSION 1u
#define ENG_PAYLOAD_MAX (4u << 20)

enum eng_frame_kind {
	ENG_BIRTH = 1,
	ENG_MEMORY = 2,
	ENG_REVISION = 3,
	ENG_EDGE = 4,
	ENG_USE = 5,
	ENG_FEEDBACK = 6,
	ENG_FORGET = 7,
	ENG_HIDE = 8,
	ENG_UNDO = 9,
	ENG_CONCEPT_FRAME = 10,
	ENG_CUT = 11,
	ENG_CONFIG_FRAME = 12,
	ENG_RETIRE = 13,
	ENG_FORK = 14,
	ENG_RANGE_STUB = 15,
	ENG_SEAL = 16, /* reserved */
};

#define ENG_FLAG_STUB 0x01u
#define ENG_FLAG_RUN 0x02u
#define ENG_FLAG_CRITICAL 0x04u

/* Bytes of the largest frame. */
#define ENG_FRAME_MAX (ENG_FRAME_HEADER + ENG_PAYLOAD_MAX)

struct eng_header {
	uint8_t version;
	uint8_t kind;
	uint8_t flags;
	uint8_t witness; /* ceil(log2(seq - durable_seq when written)) */
	uint32_t payload_len;
	uint32_t header_check;
	struct eng_series series;
	uint32_t prev;
	uint32_t space_check;
	uint64_t seq;
	eng_stamp stamp;
	uint64_t payload_check;
};

/* Bytes a frame takes in a segment. */
static inline uint64_t eng_frame_size(uint32_t payload_len)
{
	return (ENG_FRAME_HEADER + (uint64_t)payload_len + 7) & ~7ull;
}

/* Computes header_check (stored in *h too) and writes 64 bytes. */
void eng_header_encode(uint8_t out[ENG_FRAME_HEADER], struct eng_header *h);

enum eng_header_state {
	ENG_HEADER_OK,
	ENG_HEADER_ZERO,  /* 64 zero bytes: nothing was written here */
	ENG_HEADER_MAGIC, /* another magic */
	ENG_HEADER_CHECK, /* header_check wrong */
	ENG_HEADER_LIMIT, /* right check, but a length or seq outside the limits */
};
/* The fields are filled in whatever the state. */
enum eng_header_state eng_header_decode(struct eng_header *h, const uint8_t in[ENG_FRAME_HEADER]);
const char *eng_header_state_text(enum eng_header_state s);

uint8_t eng_witness(uint64_t seq, uint64_t durable_seq);
/* The greatest seq that a frame proves to have been durable when it was
 * written: max(0, seq - 2^witness). */
uint64_t eng_witnessed(const struct eng_header *h);

uint32_t eng_frame_space_check(const struct engram_id *space);

/* Whether a payload (payload_len bytes) is what the header says; a stub is
 * checked by its own check (payload.h). */
bool eng_payload_ok(const struct eng_header *h, const uint8_t *payload);

/* The name of a branch.  Once it is known that a series was written by two stores
 * from seq d on, the series itself ends before d, and each store that has frames
 * from d on keeps them as a series of its own, named by the frame at d: XXH3-128 of
 * "ENGB" and its header, STUB zero.  The header holds series and seq, so frame and
 * name prove each other to whoever gets both.  The frames stay byte for byte what
 * they are: their headers go on naming the series they were written in, and a
 * second fork at e > d cuts every branch that reaches e, named by *its* frame at e.
 * So names follow from the set of forks and frames alone, whatever order they were
 * found in. */
void eng_branch_name(struct eng_series *branch, const uint8_t header[ENG_FRAME_HEADER]);

/* A frame as read: header, and payload valid as long as its reader says. */
struct eng_frame {
	struct eng_header h;
	const uint8_t *payload;
	struct eng_place place;
};

#endif
