/* series.c - frames about whole series: engram-formats(5), ELEMENTS. */
#include "frame/series.h"

#include "base/le.h"

enum { POSITION_SIZE = 32, FORK_SIZE = 32 };

static void set_position(uint8_t raw[POSITION_SIZE], const struct eng_position *p)
{
	memset(raw, 0, POSITION_SIZE);
	memcpy(raw, p->series.b, 16);
	eng_set64(raw + 16, p->seq);
	eng_set32(raw + 24, p->header_check);
}

void eng_birth_payload(struct eng_buf *b, const struct eng_birth *birth)
{
	struct eng_payload_out o;
	uint8_t raw[POSITION_SIZE];

	eng_payload_begin(&o, b, NULL, 0, NULL, 0, NULL);
	eng_payload_u32(&o, ENG_EL_REASON, birth->reason);
	if (birth->has_parent) {
		set_position(raw, &birth->parent);
		eng_payload_element(&o, ENG_EL_PARENT, raw, sizeof raw);
	}
	eng_payload_end(&o);
}

void eng_retire_payload(struct eng_buf *b, const struct eng_series *series)
{
	struct eng_payload_out o;

	eng_payload_begin(&o, b, NULL, 0, NULL, 0, NULL);
	eng_payload_element(&o, ENG_EL_SERIES, series->b, sizeof series->b);
	eng_payload_end(&o);
}

void eng_fork_payload(struct eng_buf *b, const struct eng_fork *f)
{
	bool swap = f->checks[0] > f->checks[1];
	struct eng_payload_out o;
	uint8_t raw[FORK_SIZE];

	memcpy(raw, f->series.b, 16);
	eng_set64(raw + 16, f->seq);
	eng_set32(raw + 24, f->checks[swap]);
	eng_set32(raw + 28, f->checks[!swap]);
	eng_payload_begin(&o, b, NULL, 0, NULL, 0, NULL);
	eng_payload_element(&o, ENG_EL_FORK, raw, sizeof raw);
	eng_payload_end(&o);
}

/* -- reading ---------------------------------------------------------------------- */

/* The first element of the type, which must have n bytes: 1, 0 there is none, < 0. */
static int find(struct eng_element *out, uint16_t type, size_t size, const uint8_t *payload, size_t n,
                struct engram_error *err)
{
	struct eng_elements e;
	struct eng_prelude p;
	int r = eng_prelude_decode(&p, payload, n, err);

	if (r < 0)
		return r;
	eng_elements_begin(&e, &p, payload, n);
	while ((r = eng_elements_next(&e, out)) == 1)
		if (out->type == type)
			return out->n == size ? 1 : eng_err(err, ENGRAM_EINPUT,
			                                    "element %u: wanted %zu bytes, found %u", type, size,
			                                    out->n);
	return r < 0 ? eng_err(err, ENGRAM_EINPUT, "elements: malformed") : 0;
}

static int need(struct eng_element *out, uint16_t type, size_t size, const uint8_t *payload, size_t n,
                struct engram_error *err)
{
	int r = find(out, type, size, payload, n, err);

	return r == 0 ? eng_err(err, ENGRAM_EINPUT, "wanted element %u, found none", type) : r;
}

int eng_birth_decode(struct eng_birth *out, const uint8_t *payload, size_t n, struct engram_error *err)
{
	struct eng_element e;
	int r = need(&e, ENG_EL_REASON, 4, payload, n, err);

	*out = (struct eng_birth){0};
	if (r < 0)
		return r;
	out->reason = eng_get32(e.p);
	r = find(&e, ENG_EL_PARENT, POSITION_SIZE, payload, n, err);
	if (r <= 0)
		return r;
	out->has_parent = true;
	memcpy(out->parent.series.b, e.p, 16);
	out->parent.seq = eng_get64(e.p + 16);
	out->parent.header_check = eng_get32(e.p + 24);
	return 0;
}

int eng_retire_decode(struct eng_series *out, const uint8_t *payload, size_t n, struct engram_error *err)
{
	struct eng_element e;
	int r = need(&e, ENG_EL_SERIES, sizeof out->b, payload, n, err);

	if (r < 0)
		return r;
	memcpy(out->b, e.p, sizeof out->b);
	return 0;
}

int eng_fork_decode(struct eng_fork *out, const uint8_t *payload, size_t n, struct engram_error *err)
{
	struct eng_element e;
	int r = need(&e, ENG_EL_FORK, FORK_SIZE, payload, n, err);

	if (r < 0)
		return r;
	memcpy(out->series.b, e.p, 16);
	out->seq = eng_get64(e.p + 16);
	out->checks[0] = eng_get32(e.p + 24);
	out->checks[1] = eng_get32(e.p + 28);
	return out->seq > 0 ? 0 : eng_err(err, ENGRAM_EINPUT, "fork: wanted a frame from 1 on, found 0");
}
