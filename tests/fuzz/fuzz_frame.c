/* fuzz_frame.c - the frame and segment codecs take any bytes.
 *
 * The input is a frame: 64 bytes of header, then the payload.  Checksums cannot be
 * guessed, so the header is also encoded anew: then it is sound, and must decode to
 * what it was. */
#include "fuzz.h"

#include "../lib/frames.h"
#include "frame/segment.h"

const char fuzz_name[] = "frame";

void fuzz_seeds(fuzz_emit_fn *emit, void *data)
{
	struct frames f = FRAMES_INIT;
	struct frame_spec memory = {.kind = ENG_MEMORY, .series = 'A', .stamp = 10, .text = "a cat", .key = "k",
	                            .tags = {"x", "y"}, .confidence = 9000, .meta = "{}", .stored_us = 5};
	struct frame_spec forget = {.kind = ENG_FORGET, .series = 'B', .stamp = 20, .run = true};
	const struct eng_frame *a = frames_make(&f, &memory), *b;

	forget.refs[0] = (struct frame_ref){a, 0};
	b = frames_make(&f, &forget);
	frames_stub(&f, a, b);
	for (size_t i = 0; i < f.n; i++) {
		uint8_t header[ENG_FRAME_HEADER];
		struct eng_buf out = ENG_BUF_INIT;

		eng_header_encode(header, &f.v[i]->h);
		eng_buf_add(&out, header, sizeof header);
		eng_buf_add(&out, f.v[i]->payload, f.v[i]->h.payload_len);
		emit(data, out.p, out.n);
		eng_buf_free(&out);
	}
	frames_free(&f);
}

static bool same_header(const struct eng_header *a, const struct eng_header *b)
{
	return a->version == b->version && a->kind == b->kind && a->flags == b->flags && a->witness == b->witness &&
	       a->payload_len == b->payload_len && a->header_check == b->header_check && a->prev == b->prev &&
	       a->space_check == b->space_check && a->seq == b->seq && a->stamp == b->stamp &&
	       a->payload_check == b->payload_check && eng_series_cmp(&a->series, &b->series) == 0;
}

static void try_header(const uint8_t in[ENG_FRAME_HEADER])
{
	struct eng_header h, back;
	enum eng_header_state state = eng_header_decode(&h, in);
	uint8_t out[ENG_FRAME_HEADER];

	FUZZ_HOLD(eng_header_state_text(state) != NULL);
	FUZZ_HOLD(eng_witnessed(&h) <= h.seq);
	eng_header_encode(out, &h);
	FUZZ_HOLD(state != ENG_HEADER_OK || memcmp(in, out, sizeof out) == 0);
	state = eng_header_decode(&back, out);
	FUZZ_HOLD((state == ENG_HEADER_OK || state == ENG_HEADER_LIMIT) && same_header(&h, &back));
}

/* Whatever is handed out lies inside the payload. */
static bool inside(const uint8_t *p, size_t n, const uint8_t *payload, size_t len)
{
	return p >= payload && n <= len && (size_t)(p - payload) <= len - n;
}

static void try_body(const struct eng_prelude *prelude, const uint8_t *payload, size_t n)
{
	struct eng_elements walk;
	struct eng_element e;
	uint32_t index = 0;
	int r;

	eng_elements_begin(&walk, prelude, payload, n);
	while ((r = eng_elements_next(&walk, &e)) == 1) {
		FUZZ_HOLD(e.index == ++index && e.type != ENG_EL_END);
		FUZZ_HOLD(inside(e.p, e.n, payload, n));
	}
	FUZZ_HOLD(r == 0 || r == ENGRAM_EINPUT);
}

static void try_stub(const struct eng_prelude *prelude, const uint8_t *payload, size_t n)
{
	struct eng_dot killer = {frames_series('K'), 77};
	struct eng_stub stub;
	uint8_t *copy;

	(void)eng_stub_decode(&stub, payload, n);
	copy = malloc(n);
	memcpy(copy, payload, n);
	if (eng_stub_make(copy, n, &killer) == 0) {
		FUZZ_HOLD(memcmp(copy, payload, prelude->len) == 0);
		FUZZ_HOLD(eng_stub_decode(&stub, copy, n) == 0 && stub.killer.seq == 77);
		FUZZ_HOLD(eng_series_cmp(&stub.killer.series, &killer.series) == 0);
	}
	free(copy);
}

static void try_payload(const uint8_t *payload, size_t n)
{
	struct eng_prelude prelude;
	struct engram_error err;
	int r = eng_prelude_decode(&prelude, payload, n, &err);

	FUZZ_HOLD(r == 0 || r == ENGRAM_EINPUT);
	if (r != 0)
		return;
	FUZZ_HOLD(prelude.len <= n && prelude.len % 8 == 0);
	FUZZ_HOLD(inside(prelude.subjects, 16 * (size_t)prelude.nsubjects, payload, n));
	FUZZ_HOLD(inside(prelude.refs, 32 * (size_t)prelude.nrefs, payload, n));
	for (unsigned i = 0; i < prelude.nrefs; i++)
		(void)eng_prelude_ref(&prelude, i);
	try_body(&prelude, payload, n);
	try_stub(&prelude, payload, n);
}

static void try_segment(const uint8_t *p, size_t n)
{
	static uint8_t in[ENG_SEGMENT_HEADER], out[ENG_SEGMENT_HEADER];
	struct eng_segment_header h, back;
	char name[ENG_SEGMENT_NAME + 1];
	uint64_t first_seq;
	bool zero;

	memset(in, 0, sizeof in);
	memcpy(in, p, n < sizeof in ? n : sizeof in);
	(void)eng_segment_decode(&h, in, &zero);
	memset(&h, 0, sizeof h);
	h.version = 1;
	memcpy(&h.first_seq, p, n < 8 ? n : 8);
	h.first_seq += h.first_seq == 0; /* seqs begin at 1 */
	memcpy(h.series.b, p, n < 16 ? n : 16);
	eng_segment_encode(out, &h);
	FUZZ_HOLD(eng_segment_decode(&back, out, &zero) == 0 && back.first_seq == h.first_seq);
	eng_segment_name(name, h.first_seq);
	FUZZ_HOLD(eng_segment_name_parse(&first_seq, name) && first_seq == h.first_seq);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	if (n > 0)
		try_segment(p, n);
	if (n < ENG_FRAME_HEADER)
		return 0;
	try_header(p);
	if (n > ENG_FRAME_HEADER)
		try_payload(p + ENG_FRAME_HEADER, n - ENG_FRAME_HEADER);
	return 0;
}
