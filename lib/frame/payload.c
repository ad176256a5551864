/* payload.c - prelude, elements and stubs.
 *
 * The prelude is what every version can read, also of a kind it does not know:
 * whom the frame is about and what it replaces.  So an old program can stub,
 * hold or ship a frame whose body means nothing to it.  A later version may
 * make the prelude longer; what is behind the known part is skipped.
 *
 * Decoders trust no length: each is compared with what is left, by subtraction
 * from a known good remainder, so that nothing wraps. */
#include "frame/payload.h"

#include <assert.h>

#include "base/hash.h"
#include "base/le.h"

#define PRELUDE_FIXED 8u
#define SUBJECT_SIZE 16u
#define REF_SIZE 32u
#define RUN_SIZE 16u
#define BIT_RUN 1u
#define ELEMENT_FIXED 8u
/* Of the stub's 64 bytes the last 8 are the check. */
#define STUB_CHECKED (ENG_STUB_BODY - 8u)

struct eng_ref eng_prelude_ref(const struct eng_prelude *p, unsigned i)
{
	const uint8_t *at = p->refs + (size_t)REF_SIZE * i;
	struct eng_ref ref;

	memcpy(ref.dot.series.b, at, 16);
	ref.dot.seq = eng_get64(at + 16);
	ref.header_check = eng_get32(at + 24);
	ref.index = eng_get32(at + 28);
	return ref;
}

/* -- building ------------------------------------------------------------ */

static void add_ref(struct eng_buf *b, const struct eng_ref *ref)
{
	eng_buf_add(b, ref->dot.series.b, 16);
	eng_buf_u64(b, ref->dot.seq);
	eng_buf_u32(b, ref->header_check);
	eng_buf_u32(b, ref->index);
}

/* Aligned within the payload: the buf may begin anywhere. */
static void pad8(struct eng_payload_out *o)
{
	eng_buf_zero(o->b, (0 - (o->b->n - o->start)) & 7);
}

void eng_payload_begin(struct eng_payload_out *o, struct eng_buf *b, const struct engram_id *subjects,
                       size_t nsubjects, const struct eng_ref *refs, size_t nrefs,
                       const struct engram_id *run)
{
	size_t len = PRELUDE_FIXED + SUBJECT_SIZE * nsubjects + REF_SIZE * nrefs + (run ? RUN_SIZE : 0);

	assert(nsubjects <= ENG_SUBJECTS_MAX && nrefs <= ENG_REFS_MAX);
	o->b = b;
	o->start = b->n;
	eng_buf_u32(b, (uint32_t)len);
	eng_buf_byte(b, (uint8_t)nsubjects);
	eng_buf_byte(b, (uint8_t)nrefs);
	eng_buf_byte(b, run ? BIT_RUN : 0);
	eng_buf_byte(b, 0);
	for (size_t i = 0; i < nsubjects; i++)
		eng_buf_add(b, subjects[i].b, SUBJECT_SIZE);
	for (size_t i = 0; i < nrefs; i++)
		add_ref(b, &refs[i]);
	if (run)
		eng_buf_add(b, run->b, RUN_SIZE);
	o->body = b->n;
}

uint8_t *eng_payload_space(struct eng_payload_out *o, uint16_t type, size_t n)
{
	size_t at;

	assert(type != ENG_EL_END && n <= ENG_PAYLOAD_MAX);
	eng_buf_u16(o->b, type);
	eng_buf_u16(o->b, 0);
	eng_buf_u32(o->b, (uint32_t)n);
	at = o->b->n;
	if (!eng_buf_reserve(o->b, n + 7))
		return NULL;
	o->b->n += n;
	pad8(o);
	return o->b->p + at;
}

void eng_payload_element(struct eng_payload_out *o, uint16_t type, const void *p, size_t n)
{
	uint8_t *at = eng_payload_space(o, type, n);

	if (at && n)
		memcpy(at, p, n);
}

void eng_payload_u32(struct eng_payload_out *o, uint16_t type, uint32_t v)
{
	uint8_t raw[4];

	eng_set32(raw, v);
	eng_payload_element(o, type, raw, sizeof raw);
}

void eng_payload_u64(struct eng_payload_out *o, uint16_t type, uint64_t v)
{
	uint8_t raw[8];

	eng_set64(raw, v);
	eng_payload_element(o, type, raw, sizeof raw);
}

size_t eng_payload_end(struct eng_payload_out *o)
{
	size_t body = o->b->n - o->body;

	if (body < ENG_STUB_BODY)
		eng_buf_zero(o->b, ENG_STUB_BODY - body);
	return o->b->n - o->start;
}

/* -- reading ------------------------------------------------------------- */

static bool ascending(const uint8_t *subjects, unsigned n)
{
	for (unsigned i = 1; i < n; i++)
		if (memcmp(subjects + SUBJECT_SIZE * (i - 1), subjects + SUBJECT_SIZE * i, SUBJECT_SIZE) >= 0)
			return false;
	return true;
}

int eng_prelude_decode(struct eng_prelude *out, const uint8_t *payload, size_t n, struct engram_error *err)
{
	struct eng_prelude p = {0};
	size_t known;

	if (n < PRELUDE_FIXED + ENG_STUB_BODY)
		return eng_err(err, ENGRAM_EINPUT, "prelude: wanted a payload of %u bytes or more, found %zu",
		               PRELUDE_FIXED + ENG_STUB_BODY, n);
	p.len = eng_get32(payload);
	p.nsubjects = payload[4];
	p.nrefs = payload[5];
	p.has_run = payload[6] & BIT_RUN;
	known = PRELUDE_FIXED + SUBJECT_SIZE * p.nsubjects + REF_SIZE * p.nrefs + (p.has_run ? RUN_SIZE : 0);
	if (p.len < known || p.len % 8 != 0 || p.len > n - ENG_STUB_BODY)
		return eng_err(err, ENGRAM_EINPUT,
		               "prelude: wanted a length of %zu to %zu, a multiple of 8, found %u", known,
		               n - ENG_STUB_BODY, p.len);
	p.subjects = payload + PRELUDE_FIXED;
	p.refs = p.subjects + SUBJECT_SIZE * p.nsubjects;
	if (p.has_run)
		memcpy(p.run.b, p.refs + REF_SIZE * p.nrefs, RUN_SIZE);
	if (!ascending(p.subjects, p.nsubjects))
		return eng_err(err, ENGRAM_EINPUT,
		               "prelude: wanted subjects ascending, found them otherwise");
	*out = p;
	return ENGRAM_OK;
}

void eng_elements_begin(struct eng_elements *e, const struct eng_prelude *p, const uint8_t *payload, size_t n)
{
	assert(p->len <= n);
	e->at = payload + p->len;
	e->end = payload + n;
	e->index = 0;
}

int eng_elements_next(struct eng_elements *e, struct eng_element *out)
{
	size_t left = (size_t)(e->end - e->at);
	struct eng_element el;
	size_t step;

	if (left == 0)
		return 0;
	if (left < ELEMENT_FIXED)
		return ENGRAM_EINPUT;
	el.type = eng_get16(e->at);
	if (el.type == ENG_EL_END)
		return 0;
	el.n = eng_get32(e->at + 4);
	el.p = e->at + ELEMENT_FIXED;
	if (el.n > left - ELEMENT_FIXED)
		return ENGRAM_EINPUT;
	step = (ELEMENT_FIXED + (size_t)el.n + 7) & ~(size_t)7;
	if (step > left)
		return ENGRAM_EINPUT;
	el.index = ++e->index;
	e->at += step;
	*out = el;
	return 1;
}

/* -- stubs --------------------------------------------------------------- */

/* Over prelude, killer and spare, which lie one behind the other. */
static uint64_t stub_check(const uint8_t *payload, uint32_t prelude_len)
{
	return XXH3_64bits(payload, (size_t)prelude_len + STUB_CHECKED);
}

int eng_stub_make(uint8_t *payload, size_t n, const struct eng_dot *killer)
{
	struct eng_prelude p;
	uint8_t *body;

	if (eng_prelude_decode(&p, payload, n, NULL))
		return ENGRAM_EINPUT;
	body = payload + p.len;
	memset(body, 0, n - p.len);
	memcpy(body, killer->series.b, 16);
	eng_set64(body + 16, killer->seq);
	eng_set64(body + STUB_CHECKED, stub_check(payload, p.len));
	return ENGRAM_OK;
}

int eng_stub_decode(struct eng_stub *out, const uint8_t *payload, size_t n)
{
	struct eng_prelude p;
	const uint8_t *body;

	if (eng_prelude_decode(&p, payload, n, NULL))
		return ENGRAM_EDAMAGED;
	body = payload + p.len;
	if (stub_check(payload, p.len) != eng_get64(body + STUB_CHECKED))
		return ENGRAM_EDAMAGED;
	for (const uint8_t *at = body + ENG_STUB_BODY; at < payload + n; at++)
		if (*at)
			return ENGRAM_EDAMAGED;
	memcpy(out->killer.series.b, body, 16);
	out->killer.seq = eng_get64(body + 16);
	memcpy(out->spare, body + 24, sizeof out->spare);
	return ENGRAM_OK;
}
