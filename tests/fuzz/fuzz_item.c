/* fuzz_item.c - an item of the state takes any bytes: as it is stored, and as the
 * payloads of frames that come from another store. */
#include "fuzz.h"

#include "../lib/frames.h"
#include "merge/item.h"

const char fuzz_name[] = "item";

static void emit_item(struct frames *f, fuzz_emit_fn *emit, void *data)
{
	struct eng_arena arena = ENG_ARENA_INIT;
	struct eng_buf out = ENG_BUF_INIT;
	struct eng_item item;
	bool changed;

	eng_item_init(&item, &frames_id, &arena);
	for (size_t i = 0; i < f->n; i++)
		if (eng_item_add(&item, &changed, f->v[i], false, NULL) != 0)
			abort();
	if (eng_item_encode(&item, &out, NULL) != 0)
		abort();
	emit(data, out.p, out.n);
	eng_buf_free(&out);
	eng_arena_free(&arena);
}

void fuzz_seeds(fuzz_emit_fn *emit, void *data)
{
	struct frames f = FRAMES_INIT;
	struct frame_spec memory = {.kind = ENG_MEMORY, .series = 'A', .stamp = 10, .text = "a cat", .key = "k",
	                            .tags = {"x", "y"}, .confidence = 9000, .meta = "{}", .stored_us = 5};
	struct frame_spec revision = {.kind = ENG_REVISION, .series = 'A', .stamp = 15, .clear = {ENG_EL_META}};
	struct frame_spec forget = {.kind = ENG_FORGET, .series = 'B', .stamp = 20};
	const struct eng_frame *a = frames_make(&f, &memory);

	emit(data, a->payload, a->h.payload_len);
	emit_item(&f, emit, data);
	revision.refs[0] = (struct frame_ref){a, 4};
	frames_make(&f, &revision);
	emit(data, f.v[1]->payload, f.v[1]->h.payload_len);
	emit_item(&f, emit, data);
	forget.refs[0] = (struct frame_ref){a, 0};
	frames_make(&f, &forget);
	emit_item(&f, emit, data);
	memory.stamp = 30;
	frames_make(&f, &memory);
	emit_item(&f, emit, data);
	frames_free(&f);
}

/* A sound item reads, and its bytes decode to what encodes to the same bytes. */
static void try_item(const struct eng_item *item)
{
	struct eng_buf once = ENG_BUF_INIT, twice = ENG_BUF_INIT;
	struct eng_arena arena = ENG_ARENA_INIT;
	struct eng_dot_record **purgeable;
	struct eng_dot *killers;
	struct eng_reading reading;
	struct eng_item back;
	size_t n;

	FUZZ_HOLD(eng_item_read(item, &reading, NULL) == 0);
	FUZZ_HOLD(eng_item_purgeable(item, &purgeable, &killers, &n, NULL) == 0 && n <= item->ndots);
	FUZZ_HOLD(eng_item_encode(item, &once, NULL) == 0);
	FUZZ_HOLD(eng_item_decode(&back, &item->id, once.p, once.n, &arena, NULL) == 0);
	FUZZ_HOLD(back.ndots == item->ndots && eng_item_encode(&back, &twice, NULL) == 0);
	FUZZ_HOLD(once.n == twice.n && memcmp(once.p, twice.p, once.n) == 0);
	eng_buf_free(&once);
	eng_buf_free(&twice);
	eng_arena_free(&arena);
}

static void try_stored(const uint8_t *p, size_t n)
{
	struct eng_arena arena = ENG_ARENA_INIT;
	struct eng_item item;
	int r = eng_item_decode(&item, &frames_id, p, n, &arena, NULL);

	FUZZ_HOLD(r == 0 || r == ENGRAM_EDAMAGED);
	if (r == 0)
		try_item(&item);
	eng_arena_free(&arena);
}

/* The bytes as the payload of a frame of each kind, beside a memory that is there. */
static void try_payload(const uint8_t *p, size_t n)
{
	static const uint8_t kinds[] = {ENG_MEMORY, ENG_REVISION, ENG_FORGET};
	struct frame_spec memory = {.kind = ENG_MEMORY, .series = 'A', .stamp = 10, .text = "a cat", .tags = {"x"}};
	struct frames f = FRAMES_INIT;
	struct eng_arena arena = ENG_ARENA_INIT;
	struct eng_item item;
	bool changed;

	eng_item_init(&item, &frames_id, &arena);
	FUZZ_HOLD(eng_item_add(&item, &changed, frames_make(&f, &memory), false, NULL) == 0 && changed);
	for (size_t i = 0; i < sizeof kinds; i++) {
		struct eng_frame frame = {.payload = p};
		size_t before = item.ndots;
		int r;

		frame.h.version = ENG_FRAME_VERSION;
		frame.h.kind = kinds[i];
		frame.h.series = frames_series('Z');
		frame.h.seq = i + 1;
		frame.h.stamp = 5 * (i + 1);
		frame.h.payload_len = (uint32_t)n;
		frame.h.payload_check = XXH3_64bits(p, n);
		frame.place = (struct eng_place){1, 4096};
		r = eng_item_add(&item, &changed, &frame, false, NULL);
		FUZZ_HOLD(r == 0 || r == ENGRAM_EINPUT);
		FUZZ_HOLD(item.ndots == before + (r == 0 && changed));
		try_item(&item);
	}
	eng_arena_free(&arena);
	frames_free(&f);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	try_stored(p, n);
	if (n > 0 && n <= ENG_PAYLOAD_MAX)
		try_payload(p, n);
	return 0;
}
