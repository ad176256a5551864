/* wire.h - the bytes of a session: engram-formats(5), SESSIONS.
 *
 * A stream is 8 bytes of magic, then messages: a head of 16 bytes,
 *
 *   0  1 type          enum eng_message
 *   1  1 flags         1 = flush and acknowledge (runs, mends)
 *   2  2 zero
 *   4  4 length        of the body
 *   8  4 body check    low 32 bits of XXH3-64 of the body; of a run or a mend, of
 *                      what lies before its frames, which carry their own checks
 *  12  4 head check    low 32 bits of XXH3-64 of bytes 0..11
 *
 * and the body. */
#ifndef ENG_SYNC_WIRE_H
#define ENG_SYNC_WIRE_H

#include "base/buf.h"
#include "sync/sync.h"

/* No text: a shell's banner cannot hold it, and a pipe that changes line ends or
 * strips the eighth bit breaks it at once (the trick is PNG's). */
#define ENG_SYNC_MAGIC "\x89" "ENG\r\n\x1a\n"
#define ENG_SYNC_MAGIC_SIZE 8u

#define ENG_SYNC_VERSION_MIN 1u
#define ENG_SYNC_VERSION_MAX 1u

enum eng_message {
	ENG_MSG_HELLO = 1,
	ENG_MSG_FORKS,
	ENG_MSG_VECTOR,
	ENG_MSG_ASK,
	ENG_MSG_TELL,
	ENG_MSG_SETTLED,
	ENG_MSG_WANTED,
	ENG_MSG_RUN,
	ENG_MSG_MEND,
	ENG_MSG_ACK,
	ENG_MSG_END,
	ENG_MSG_DIGEST,
	ENG_MSG_BUCKETS,
	ENG_MSG_ITEMS,
	ENG_MSG_BYE,
	ENG_MSG_ERROR,
	ENG_MSG_LAST = ENG_MSG_ERROR,
	/* From here on, types that a reader who does not know them passes over. */
	ENG_MSG_OPTIONAL = 128,
};

#define ENG_MSG_HEAD 16u
#define ENG_MSG_NOW 1u /* flag: flush and acknowledge */

/* Bytes of an entry, or of a whole body where it is of one size. */
#define ENG_HELLO_BODY 64u
#define ENG_FORK_ENTRY 24u
#define ENG_VECTOR_ENTRY 28u
#define ENG_FOUND_ENTRY 32u
#define ENG_RUN_HEAD 32u
#define ENG_MEND_HEAD 16u
#define ENG_ACK_BODY 40u
#define ENG_DIGEST_BODY 40u
#define ENG_ITEM_ENTRY 32u
#define ENG_ASK_MAX 64u

struct eng_message_head {
	uint8_t type, flags;
	uint32_t length, body_check;
};

/* The frame that can be largest: 4 MiB of payload. */
#define ENG_SYNC_FRAME_MAX (ENG_FRAME_HEADER + ENG_PAYLOAD_MAX)
/* The longest body of a type; false where there is no such type. */
bool eng_message_limits(uint32_t *least, uint32_t *most, uint32_t *entry, uint8_t type);
const char *eng_message_name(uint8_t type);
/* How many bytes of the body its check covers. */
uint32_t eng_message_checked(const struct eng_message_head *h);

/* A message into b: begin, the body, end.  Look at b->failed afterwards. */
size_t eng_message_begin(struct eng_buf *b);
void eng_message_end(struct eng_buf *b, size_t begin, uint8_t type, uint8_t flags);
/* false: the head check is wrong. */
bool eng_message_head(struct eng_message_head *h, const uint8_t raw[ENG_MSG_HEAD]);
uint32_t eng_message_check(const void *p, size_t n);

struct eng_hello {
	uint16_t version_min, version_max;
	bool empty, give, take, file;
	struct engram_id space;
	int64_t created_us;
	uint32_t state_version;
	uint32_t nseries;
	uint8_t vector[16]; /* eng_vector_hash */
	uint64_t nonce;     /* 0 = none */
};
void eng_hello_encode(struct eng_buf *b, const struct eng_hello *h);
void eng_hello_decode(struct eng_hello *h, const uint8_t *p);

void eng_wire_position(struct eng_buf *b, const struct eng_position *p);
struct eng_position eng_wire_position_read(const uint8_t *p);
void eng_wire_fork(struct eng_buf *b, const struct eng_sync_fork *f);
struct eng_sync_fork eng_wire_fork_read(const uint8_t *p);
int eng_wire_fork_cmp(const struct eng_sync_fork *a, const struct eng_sync_fork *b);

/* XXH3-128 over the entries of a vector, then those of its forks, as they are sent. */
void eng_vector_hash(uint8_t out[16], const struct eng_position *v, size_t n, const struct eng_sync_fork *forks,
                     size_t nforks);

#endif
