/* payload.h - what is inside a frame: engram-formats(5), PAYLOADS.
 *
 * Every payload begins with a prelude that every version can read:
 *
 *   0  4 prelude_len   of the whole prelude, a multiple of 8
 *   4  1 subjects      how many ids it is about
 *   5  1 refs          how many frames or elements it replaces
 *   6  1 bits          1 = a run id follows the refs
 *   7  1 zero
 *   8  subjects x 16   ids, ascending
 *      refs x 32       series 16, seq 8, header_check 4, index 4 (0 = the frame)
 *      run id 16       if bits & 1
 *
 * then, for every kind but a stub, a body: elements numbered from 1,
 *
 *   0  2 type          enum eng_element_type
 *   2  2 zero
 *   4  4 length
 *   8  the bytes, zero-filled to a multiple of 8
 *
 * A body is at least 64 bytes (zero-filled; type 0 ends it), so that a stub
 * fits in place: killer series 16, killer seq 8, spare 32, check 8 (XXH3-64 of
 * prelude, killer and spare), and zeros up to payload_len. */
#ifndef ENG_FRAME_PAYLOAD_H
#define ENG_FRAME_PAYLOAD_H

#include "frame/frame.h"

#define ENG_STUB_BODY 64u
#define ENG_SUBJECTS_MAX 255u
#define ENG_REFS_MAX 255u

struct eng_ref {
	struct eng_dot dot;
	uint32_t header_check;
	uint32_t index; /* 0 = the whole frame, i = its i-th element */
};

struct eng_prelude {
	const uint8_t *subjects; /* n x 16 bytes, inside the payload */
	const uint8_t *refs;     /* n x 32 bytes, inside the payload */
	uint8_t nsubjects, nrefs;
	bool has_run;
	struct engram_id run;
	uint32_t len;
};

static inline struct engram_id eng_prelude_subject(const struct eng_prelude *p, unsigned i)
{
	struct engram_id id;
	memcpy(id.b, p->subjects + 16 * i, 16);
	return id;
}
struct eng_ref eng_prelude_ref(const struct eng_prelude *p, unsigned i);

enum eng_element_type {
	ENG_EL_END = 0,
	/* memory, revision: one field each (value encodings in parentheses) */
	ENG_EL_TEXT = 1,         /* UTF-8 */
	ENG_EL_KEY = 2,          /* bytes */
	ENG_EL_KIND = 3,         /* u32 */
	ENG_EL_CONFIDENCE = 4,   /* u32, 1/10,000 */
	ENG_EL_OCCURRED = 5,     /* i64 us */
	ENG_EL_VALID_UNTIL = 6,  /* i64 us */
	ENG_EL_SOURCE = 7,       /* UTF-8 */
	ENG_EL_ACTOR = 8,        /* UTF-8 */
	ENG_EL_META = 9,         /* JSON object */
	ENG_EL_TAG = 10,         /* UTF-8; one element a tag */
	ENG_EL_VECTOR = 11,      /* u16 identity length, identity, zeros to a multiple of 4, f32 x dim */
	ENG_EL_STORED = 12,      /* i64 us: imported time */
	ENG_EL_SESSION = 13,     /* u64: the writing session, for contiguity */
	ENG_EL_CLEAR = 14,       /* u32 element type: this field becomes absent */
	ENG_EL_MADE_OF = 15,     /* u64 XXH3-64 of the text that this frame's vectors were made of */
	/* edge */
	ENG_EL_EDGE = 24,        /* from 16, to 16, weight u16, confidence u16, relation */
	/* feedback */
	ENG_EL_VERDICT = 25,     /* u32: 1 it was what was asked for, 0 it was not */
	ENG_EL_FEATURES = 26,    /* u32 version of the formula, then u32 each of its features */
	/* birth */
	ENG_EL_REASON = 32,      /* u32 enum eng_birth_reason */
	ENG_EL_PARENT = 33,      /* series 16, seq 8, header_check 4, zero 4 */
	/* retire, fork */
	ENG_EL_SERIES = 34,      /* series 16 */
	ENG_EL_FORK = 35,        /* series 16, seq 8, the header_checks of two frames 4 + 4, ascending */
};

enum eng_birth_reason { ENG_BIRTH_NEW = 1, ENG_BIRTH_COPY, ENG_BIRTH_ROLLBACK, ENG_BIRTH_FORK,
                       ENG_BIRTH_ASKED };

struct eng_element {
	uint16_t type;
	uint32_t index; /* from 1 */
	const uint8_t *p;
	uint32_t n;
};

/* -- building: prelude, elements, finish; into one buf ------------------- */
struct eng_payload_out {
	struct eng_buf *b;
	size_t start; /* of the payload in b */
	size_t body;
};
/* subjects must be ascending and without duplicates. */
void eng_payload_begin(struct eng_payload_out *o, struct eng_buf *b, const struct engram_id *subjects,
                       size_t nsubjects, const struct eng_ref *refs, size_t nrefs,
                       const struct engram_id *run);
void eng_payload_element(struct eng_payload_out *o, uint16_t type, const void *p, size_t n);
/* The same, its n bytes to be filled in before the next call; NULL: out of memory. */
uint8_t *eng_payload_space(struct eng_payload_out *o, uint16_t type, size_t n);
void eng_payload_u32(struct eng_payload_out *o, uint16_t type, uint32_t v);
void eng_payload_u64(struct eng_payload_out *o, uint16_t type, uint64_t v);
/* Fills the body to 64 bytes; returns payload_len.  Check b->failed. */
size_t eng_payload_end(struct eng_payload_out *o);

/* -- reading: never beyond n, never trusting a length -------------------- */
/* 0 or ENGRAM_EINPUT ("prelude: ..."). */
int eng_prelude_decode(struct eng_prelude *out, const uint8_t *payload, size_t n, struct engram_error *err);

struct eng_elements {
	const uint8_t *at, *end;
	uint32_t index;
};
void eng_elements_begin(struct eng_elements *e, const struct eng_prelude *p, const uint8_t *payload,
                        size_t n);
/* 1 = one more, 0 = end, ENGRAM_EINPUT = malformed.  Unknown types are given too. */
int eng_elements_next(struct eng_elements *e, struct eng_element *out);

/* -- stubs -------------------------------------------------------------- */
struct eng_stub {
	struct eng_dot killer;
	uint8_t spare[32];
};
/* Turns a payload of n bytes into a stub in place. 0 or ENGRAM_EINPUT. */
int eng_stub_make(uint8_t *payload, size_t n, const struct eng_dot *killer);
/* 0 or ENGRAM_EDAMAGED. */
int eng_stub_decode(struct eng_stub *out, const uint8_t *payload, size_t n);

/* -- ids ---------------------------------------------------------------- */
/* Memory id: XXH3-128, with the secret made from the space id, over a tag byte
 * and the length-prefixed fields the caller gave.  With a key (has & KEY) the
 * key alone; else text, occurred, source, and the vector if the text is empty. */
struct engram_id eng_memory_id(const struct engram_id *space, const struct engram_memory *m);

#endif
