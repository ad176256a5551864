/* id.c - the id of a memory, from what the caller gave.
 *
 * One byte says what the id was made of, then each given field as its element
 * type, its length and its bytes.  The lengths keep ("ab", "c") apart from
 * ("a", "bc"); a field that was not given adds nothing, so a default that a
 * later version changes cannot move an id.  The secret comes from the space:
 * equal texts in two spaces have unrelated ids.
 *
 * The hash is not cryptographic: two bodies with one id can be made on
 * purpose.  So an equal id is never taken for an equal body. */
#include "base/hash.h"
#include "base/le.h"
#include "frame/payload.h"

enum { BY_KEY = 1, BY_CONTENT = 2 };

/* Any length from XXH3_SECRET_SIZE_MIN (136) up works; 192 is the library's own. */
#define SECRET_SIZE 192u

static void add_field(XXH3_state_t *hash, uint8_t type, const void *p, size_t n)
{
	uint8_t head[9] = {type};

	eng_set64(head + 1, n);
	XXH3_128bits_update(hash, head, sizeof head);
	if (n)
		eng_hash128_add(hash, p, n);
}

/* As bytes of little-endian numbers, whatever the machine. */
static void add_floats(XXH3_state_t *hash, const float *x, size_t n)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	eng_hash128_add(hash, x, n * sizeof *x);
#else
	uint8_t raw[256]; /* one number at a time takes ten times as long */
	const size_t most = sizeof raw / sizeof *x;

	for (; n > most; n -= most, x += most) {
		eng_set_floats(raw, x, most);
		XXH3_128bits_update(hash, raw, sizeof raw);
	}
	eng_set_floats(raw, x, n);
	XXH3_128bits_update(hash, raw, n * sizeof *x);
#endif
}

static void add_vector(XXH3_state_t *hash, const float *x, size_t dim)
{
	uint8_t head[9] = {ENG_EL_VECTOR};

	eng_set64(head + 1, 4 * (uint64_t)dim);
	XXH3_128bits_update(hash, head, sizeof head);
	add_floats(hash, x, dim);
}

static void add_content(XXH3_state_t *hash, const struct engram_memory *m)
{
	uint8_t occurred[8];

	if (m->has & ENGRAM_TEXT)
		add_field(hash, ENG_EL_TEXT, m->text.p, m->text.n);
	if (m->has & ENGRAM_OCCURRED) {
		eng_set64(occurred, (uint64_t)m->occurred_us);
		add_field(hash, ENG_EL_OCCURRED, occurred, sizeof occurred);
	}
	if (m->has & ENGRAM_SOURCE)
		add_field(hash, ENG_EL_SOURCE, m->source.p, m->source.n);
	if ((m->has & ENGRAM_VECTOR) && (!(m->has & ENGRAM_TEXT) || m->text.n == 0))
		add_vector(hash, m->vector, m->dim);
}

struct engram_id eng_memory_id(const struct engram_id *space, const struct engram_memory *m)
{
	const uint8_t tag = m->has & ENGRAM_KEY ? BY_KEY : BY_CONTENT;
	uint8_t secret[SECRET_SIZE];
	XXH128_canonical_t raw;
	struct engram_id id;
	XXH3_state_t hash;

	XXH3_generateSecret(secret, sizeof secret, space->b, sizeof space->b);
	XXH3_128bits_reset_withSecret(&hash, secret, sizeof secret);
	XXH3_128bits_update(&hash, &tag, 1);
	if (tag == BY_KEY)
		add_field(&hash, ENG_EL_KEY, m->key.p, m->key.n);
	else
		add_content(&hash, m);
	XXH128_canonicalFromHash(&raw, XXH3_128bits_digest(&hash));
	memcpy(id.b, raw.digest, sizeof id.b);
	return id;
}
