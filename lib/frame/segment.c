/* segment.c - the header and the names of segment files. */
#include "frame/segment.h"

#include "base/hash.h"
#include "base/le.h"

static const uint8_t magic[8] = {'E', 'N', 'G', 'S', 'E', 'G', 0, 1};

#define SEGMENT_VERSION 1u
#define CHECKED 56u

void eng_segment_encode(uint8_t out[ENG_SEGMENT_HEADER], const struct eng_segment_header *h)
{
	memset(out, 0, ENG_SEGMENT_HEADER);
	memcpy(out, magic, sizeof magic);
	eng_set32(out + 8, h->version);
	eng_set32(out + 12, h->prev);
	memcpy(out + 16, h->space.b, 16);
	memcpy(out + 32, h->series.b, 16);
	eng_set64(out + 48, h->first_seq);
	eng_set64(out + CHECKED, XXH3_64bits(out, CHECKED));
}

static bool all_zero(const uint8_t *p, size_t n)
{
	return n == 0 || (p[0] == 0 && memcmp(p, p + 1, n - 1) == 0);
}

int eng_segment_decode(struct eng_segment_header *h, const uint8_t in[ENG_SEGMENT_HEADER], bool *zero)
{
	*zero = all_zero(in, ENG_SEGMENT_HEADER);
	h->version = eng_get32(in + 8);
	h->prev = eng_get32(in + 12);
	memcpy(h->space.b, in + 16, 16);
	memcpy(h->series.b, in + 32, 16);
	h->first_seq = eng_get64(in + 48);
	if (memcmp(in, magic, sizeof magic) != 0 || XXH3_64bits(in, CHECKED) != eng_get64(in + CHECKED))
		return ENGRAM_EDAMAGED;
	if (h->version != SEGMENT_VERSION)
		return ENGRAM_EVERSION;
	if (h->first_seq == 0 || !all_zero(in + ENG_FRAME_HEADER, ENG_SEGMENT_HEADER - ENG_FRAME_HEADER))
		return ENGRAM_EDAMAGED;
	return ENGRAM_OK;
}

/* -- names: fixed-width lower-case hex, so that they sort as numbers ------- */

static void hex_of(char *out, uint64_t v)
{
	for (int i = 15; i >= 0; i--, v >>= 4)
		out[i] = "0123456789abcdef"[v & 15];
}

static bool hex_parse(uint64_t *out, const char *p)
{
	uint64_t v = 0;

	for (int i = 0; i < 16; i++) {
		if (p[i] >= '0' && p[i] <= '9')
			v = v << 4 | (uint64_t)(p[i] - '0');
		else if (p[i] >= 'a' && p[i] <= 'f')
			v = v << 4 | (uint64_t)(p[i] - 'a' + 10);
		else
			return false;
	}
	*out = v;
	return true;
}

void eng_segment_name(char out[ENG_SEGMENT_NAME + 1], uint64_t first_seq)
{
	hex_of(out, first_seq);
	memcpy(out + 16, ".wal", 5);
}

bool eng_segment_name_parse(uint64_t *first_seq, const char *name)
{
	uint64_t v;

	if (strlen(name) != ENG_SEGMENT_NAME || strcmp(name + 16, ".wal") != 0 || !hex_parse(&v, name) ||
	    v == 0)
		return false;
	*first_seq = v;
	return true;
}

void eng_series_name(char out[ENG_SERIES_NAME + 1], const struct eng_series *s)
{
	for (int i = 0; i < 16; i++) {
		out[2 * i] = "0123456789abcdef"[s->b[i] >> 4];
		out[2 * i + 1] = "0123456789abcdef"[s->b[i] & 15];
	}
	out[ENG_SERIES_NAME] = 0;
}

bool eng_series_name_parse(struct eng_series *s, const char *name)
{
	uint64_t half[2];

	if (strlen(name) != ENG_SERIES_NAME || !hex_parse(&half[0], name) || !hex_parse(&half[1], name + 16))
		return false;
	for (int i = 0; i < 16; i++)
		s->b[i] = (uint8_t)(half[i / 8] >> (56 - 8 * (i % 8)));
	return true;
}
