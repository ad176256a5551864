/* wire.c - encoding and decoding of messages; no state.
 *
 * Decoders get bodies whose length has been held against the table below and
 * whose check is right, so they read without looking again. */
#include "sync/wire.h"

#include "base/hash.h"
#include "base/plant.h"
#include "base/le.h"

enum { EMPTY = 1, GIVE = 2, TAKE = 4, FILE_OF_FRAMES = 8 };

static const struct {
	const char *name;
	uint32_t least, most, entry; /* length of the body: least + a multiple of entry */
} types[ENG_MSG_LAST + 1] = {
	[ENG_MSG_HELLO] = {"hello", ENG_HELLO_BODY, 4096, 1}, /* later versions may say more */
	[ENG_MSG_FORKS] = {"forks", 0, ENG_SYNC_FORKS_MAX * ENG_FORK_ENTRY, ENG_FORK_ENTRY},
	[ENG_MSG_VECTOR] = {"vector", 0, ENG_SYNC_SERIES_MAX * ENG_VECTOR_ENTRY, ENG_VECTOR_ENTRY},
	[ENG_MSG_ASK] = {"ask", 16 + 8, 16 + 8 * ENG_ASK_MAX, 8},
	[ENG_MSG_TELL] = {"tell", 4, 4 * ENG_ASK_MAX, 4},
	[ENG_MSG_SETTLED] = {"settled", 0, ENG_SYNC_FOUND_MAX * ENG_FOUND_ENTRY, ENG_FOUND_ENTRY},
	[ENG_MSG_WANTED] = {"wanted", 0, ENG_SYNC_WANTED_MAX * ENG_VECTOR_ENTRY, ENG_VECTOR_ENTRY},
	[ENG_MSG_RUN] = {"run", ENG_RUN_HEAD + ENG_FRAME_HEADER, ENG_RUN_HEAD + ENG_SYNC_FRAME_MAX, 8},
	[ENG_MSG_MEND] = {"mend", ENG_MEND_HEAD + ENG_FRAME_HEADER, ENG_MEND_HEAD + ENG_SYNC_FRAME_MAX, 8},
	[ENG_MSG_ACK] = {"ack", ENG_ACK_BODY, ENG_ACK_BODY, 1},
	[ENG_MSG_END] = {"end", 0, 0, 1},
	[ENG_MSG_DIGEST] = {"digest", ENG_DIGEST_BODY, ENG_DIGEST_BODY, 1},
	[ENG_MSG_BUCKETS] = {"buckets", 4096 * 16, 4096 * 16, 1},
	[ENG_MSG_ITEMS] = {"items", 4, 4 + ENG_SYNC_ITEMS_MAX * ENG_ITEM_ENTRY, ENG_ITEM_ENTRY},
	[ENG_MSG_BYE] = {"bye", 0, 0, 1},
	[ENG_MSG_ERROR] = {"error", 8, 4096, 1},
};

bool eng_message_limits(uint32_t *least, uint32_t *most, uint32_t *entry, uint8_t type)
{
	if (type >= ENG_MSG_OPTIONAL) {
		*least = 0;
		*most = ENG_SYNC_BATCH;
		*entry = 1;
		return true;
	}
	if (type == 0 || type > ENG_MSG_LAST)
		return false;
	*least = types[type].least;
	*most = types[type].most;
	*entry = types[type].entry;
	return true;
}

const char *eng_message_name(uint8_t type)
{
	return type > 0 && type <= ENG_MSG_LAST ? types[type].name : "a message of no known type";
}

uint32_t eng_message_checked(const struct eng_message_head *h)
{
	return h->type == ENG_MSG_RUN ? ENG_RUN_HEAD : h->type == ENG_MSG_MEND ? ENG_MEND_HEAD : h->length;
}

uint32_t eng_message_check(const void *p, size_t n)
{
	return (uint32_t)XXH3_64bits(p, n);
}

size_t eng_message_begin(struct eng_buf *b)
{
	size_t begin = b->n;

	eng_buf_zero(b, ENG_MSG_HEAD);
	return begin;
}

void eng_message_end(struct eng_buf *b, size_t begin, uint8_t type, uint8_t flags)
{
	struct eng_message_head h = {.type = type, .flags = flags};
	uint8_t *p;

	if (b->failed)
		return;
	p = b->p + begin;
	h.length = (uint32_t)(b->n - begin - ENG_MSG_HEAD);
	p[0] = type;
	p[1] = flags;
	eng_set32(p + 4, h.length);
	eng_set32(p + 8, eng_message_check(p + ENG_MSG_HEAD, eng_message_checked(&h)));
	eng_set32(p + 12, eng_message_check(p, 12));
}

bool eng_message_head(struct eng_message_head *h, const uint8_t raw[ENG_MSG_HEAD])
{
	h->type = raw[0];
	h->flags = raw[1];
	h->length = eng_get32(raw + 4);
	h->body_check = eng_get32(raw + 8);
	return eng_get32(raw + 12) == eng_message_check(raw, 12);
}

void eng_hello_encode(struct eng_buf *b, const struct eng_hello *h)
{
	eng_buf_u16(b, h->version_min);
	eng_buf_u16(b, h->version_max);
	eng_buf_u32(b, (h->empty ? EMPTY : 0u) | (h->give ? GIVE : 0u) | (h->take ? TAKE : 0u) |
	                       (h->file ? FILE_OF_FRAMES : 0u));
	eng_buf_add(b, h->space.b, sizeof h->space.b);
	eng_buf_u64(b, (uint64_t)h->created_us);
	eng_buf_u32(b, h->state_version);
	eng_buf_u32(b, h->nseries);
	eng_buf_add(b, h->vector, sizeof h->vector);
	eng_buf_u64(b, h->nonce);
}

void eng_hello_decode(struct eng_hello *h, const uint8_t *p)
{
	uint32_t flags = eng_get32(p + 4);

	h->version_min = eng_get16(p);
	h->version_max = eng_get16(p + 2);
	h->empty = flags & EMPTY;
	h->give = flags & GIVE;
	h->take = flags & TAKE;
	h->file = flags & FILE_OF_FRAMES;
	memcpy(h->space.b, p + 8, 16);
	h->created_us = (int64_t)eng_get64(p + 24);
	h->state_version = eng_get32(p + 32);
	h->nseries = eng_get32(p + 36);
	memcpy(h->vector, p + 40, 16);
	h->nonce = eng_get64(p + 56);
}

void eng_wire_position(struct eng_buf *b, const struct eng_position *p)
{
	eng_buf_add(b, p->series.b, sizeof p->series.b);
	eng_buf_u64(b, p->seq);
	eng_buf_u32(b, p->header_check);
}

struct eng_position eng_wire_position_read(const uint8_t *p)
{
	struct eng_position out = {.seq = eng_get64(p + 16), .header_check = eng_get32(p + 24)};

	memcpy(out.series.b, p, 16);
	return out;
}

void eng_wire_fork(struct eng_buf *b, const struct eng_sync_fork *f)
{
	eng_buf_add(b, f->series.b, sizeof f->series.b);
	eng_buf_u64(b, f->seq);
}

struct eng_sync_fork eng_wire_fork_read(const uint8_t *p)
{
	struct eng_sync_fork out = {.seq = eng_get64(p + 16)};

	memcpy(out.series.b, p, 16);
	return out;
}

int eng_wire_fork_cmp(const struct eng_sync_fork *a, const struct eng_sync_fork *b)
{
	int c = eng_series_cmp(&a->series, &b->series);

	return c ? c : (a->seq > b->seq) - (a->seq < b->seq);
}

void eng_vector_hash(uint8_t out[16], const struct eng_position *v, size_t n, const struct eng_sync_fork *forks,
                     size_t nforks)
{
	XXH128_canonical_t raw;
	XXH3_state_t hash;
	uint8_t entry[ENG_VECTOR_ENTRY];

	XXH3_128bits_reset(&hash);
	for (size_t i = 0; i < n; i++) {
		memcpy(entry, v[i].series.b, 16);
		eng_set64(entry + 16, v[i].seq);
		eng_set32(entry + 24, ENG_PLANTED(106) ? 0 : v[i].header_check);
		XXH3_128bits_update(&hash, entry, ENG_VECTOR_ENTRY);
	}
	for (size_t i = 0; i < nforks; i++) {
		memcpy(entry, forks[i].series.b, 16);
		eng_set64(entry + 16, forks[i].seq);
		XXH3_128bits_update(&hash, entry, ENG_FORK_ENTRY);
	}
	XXH128_canonicalFromHash(&raw, XXH3_128bits_digest(&hash));
	memcpy(out, raw.digest, 16);
}
