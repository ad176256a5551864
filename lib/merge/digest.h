/* digest.h - the state digest: equal sets of frames, equal digests.
 *
 * Per item class a sum mod 2^128 over XXH3-128 of (key, canonical value), in
 * 4,096 buckets by the leading 12 bits of the id.  Bodies enter by
 * payload_check, so that a stub and its full frame agree.  Adding and taking
 * out are the same exact arithmetic, so the incremental sum equals
 * recomputation, and comparing buckets, then items, names the first difference. */
#ifndef ENG_MERGE_DIGEST_H
#define ENG_MERGE_DIGEST_H

#include "merge/item.h"

#define ENG_DIGEST_BUCKETS 4096u

static inline unsigned eng_digest_bucket(const struct engram_id *id)
{
	return (unsigned)(id->b[0] << 4 | id->b[1] >> 4);
}

/* The sum of everything this item contributes (all classes of the table in
 * README.md); 0 for an item without dots. */
int eng_item_digest(const struct eng_item *item, eng_u128 *out, struct engram_error *err);

/* The state digest: XXH3-128 over the non-zero buckets in order. */
void eng_digest_fold(uint8_t out[16], const eng_u128 buckets[ENG_DIGEST_BUCKETS]);

void eng_u128_encode(uint8_t out[16], eng_u128 v); /* little-endian */
eng_u128 eng_u128_decode(const uint8_t in[16]);

#endif
