/* header.c - the 64 bytes that begin every frame.
 *
 * A header vouches for itself: header_check covers all of it, the witness
 * included, with only the check itself and STUB masked.  STUB is masked so that
 * forgetting a body changes neither the check nor the chain of `prev` that
 * hangs on it; a flipped STUB bit is found all the same, because the payload
 * then fails the check of the other form.
 *
 * The witness says how far a frame was written ahead of what was durable:
 * seq - 2^witness is a seq that certainly was.  One byte is enough to tell a
 * torn last group (frames 4..10 of a flush survived a power cut, 1..3 did not)
 * from real damage: frame 10, written with 3 durable, has witness 3 and vouches
 * only for frame 2. */
#include "frame/frame.h"

#include "base/hash.h"
#include "base/le.h"
#include "frame/payload.h"

/* The least payload: an empty prelude and room for a stub. */
#define PAYLOAD_MIN 72u

static uint32_t check_of(const uint8_t raw[ENG_FRAME_HEADER])
{
	uint8_t masked[ENG_FRAME_HEADER];

	memcpy(masked, raw, sizeof masked);
	masked[6] &= (uint8_t)~ENG_FLAG_STUB;
	memset(masked + 12, 0, 4);
	return (uint32_t)XXH3_64bits(masked, sizeof masked);
}

void eng_header_encode(uint8_t out[ENG_FRAME_HEADER], struct eng_header *h)
{
	eng_set32(out, ENG_FRAME_MAGIC);
	out[4] = h->version;
	out[5] = h->kind;
	out[6] = h->flags;
	out[7] = h->witness;
	eng_set32(out + 8, h->payload_len);
	memcpy(out + 16, h->series.b, 16);
	eng_set32(out + 32, h->prev);
	eng_set32(out + 36, h->space_check);
	eng_set64(out + 40, h->seq);
	eng_set64(out + 48, h->stamp);
	eng_set64(out + 56, h->payload_check);
	h->header_check = check_of(out);
	eng_set32(out + 12, h->header_check);
}

void eng_branch_name(struct eng_series *branch, const uint8_t header[ENG_FRAME_HEADER])
{
	uint8_t in[4 + ENG_FRAME_HEADER] = "ENGB";
	XXH128_canonical_t raw;

	memcpy(in + 4, header, ENG_FRAME_HEADER);
	in[4 + 6] &= (uint8_t)~ENG_FLAG_STUB;
	XXH128_canonicalFromHash(&raw, XXH3_128bits(in, sizeof in));
	memcpy(branch->b, raw.digest, sizeof branch->b);
}

static void decode_fields(struct eng_header *h, const uint8_t in[ENG_FRAME_HEADER])
{
	h->version = in[4];
	h->kind = in[5];
	h->flags = in[6];
	h->witness = in[7];
	h->payload_len = eng_get32(in + 8);
	h->header_check = eng_get32(in + 12);
	memcpy(h->series.b, in + 16, 16);
	h->prev = eng_get32(in + 32);
	h->space_check = eng_get32(in + 36);
	h->seq = eng_get64(in + 40);
	h->stamp = eng_get64(in + 48);
	h->payload_check = eng_get64(in + 56);
}

enum eng_header_state eng_header_decode(struct eng_header *h, const uint8_t in[ENG_FRAME_HEADER])
{
	static const uint8_t zero[ENG_FRAME_HEADER];

	decode_fields(h, in);
	if (eng_get32(in) != ENG_FRAME_MAGIC)
		return memcmp(in, zero, sizeof zero) == 0 ? ENG_HEADER_ZERO : ENG_HEADER_MAGIC;
	if (check_of(in) != h->header_check)
		return ENG_HEADER_CHECK;
	if (h->payload_len < PAYLOAD_MIN || h->payload_len > ENG_PAYLOAD_MAX || h->seq == 0)
		return ENG_HEADER_LIMIT;
	return ENG_HEADER_OK;
}

const char *eng_header_state_text(enum eng_header_state s)
{
	switch (s) {
	case ENG_HEADER_OK:
		return "sound header";
	case ENG_HEADER_ZERO:
		return "zeros";
	case ENG_HEADER_MAGIC:
		return "no frame magic";
	case ENG_HEADER_CHECK:
		return "header check wrong";
	case ENG_HEADER_LIMIT:
		return "length or seq outside the limits";
	}
	return "?";
}

uint8_t eng_witness(uint64_t seq, uint64_t durable_seq)
{
	uint64_t ahead = seq - durable_seq;

	/* ceil(log2(ahead)) */
	return ahead <= 1 ? 0 : (uint8_t)(64 - __builtin_clzll(ahead - 1));
}

uint64_t eng_witnessed(const struct eng_header *h)
{
	if (h->witness >= 64 || h->seq <= 1ull << h->witness)
		return 0;
	return h->seq - (1ull << h->witness);
}

uint32_t eng_frame_space_check(const struct engram_id *space)
{
	return (uint32_t)XXH3_64bits(space->b, sizeof space->b);
}

bool eng_payload_ok(const struct eng_header *h, const uint8_t *payload)
{
	struct eng_stub stub;

	if (h->flags & ENG_FLAG_STUB)
		return eng_stub_decode(&stub, payload, h->payload_len) == 0;
	return eng_hash64(payload, h->payload_len) == h->payload_check;
}
