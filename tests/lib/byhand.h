/* byhand.h - frames made by hand, and what a space makes of them.
 *
 * An *author* is a series that no store writes: lay() adds its next frame to a buffer,
 * receive() gives that to a space as a session would. */
#ifndef BYHAND_H
#define BYHAND_H

#include "base/hash.h"
#include "base/le.h"
#include "space/space_int.h"
#include "carry.h"

static struct engram_error err;

/* A series and its next seq. */
struct author {
	struct eng_series series;
	struct engram_id space;
	uint64_t seq;
	uint32_t prev;
	bool bare;          /* its frames have no subject */
	struct eng_ref ref; /* in each, where its seq is not 0 */
};

__attribute__((unused)) static void lay(struct eng_buf *b, struct author *a, uint8_t kind, uint8_t flags,
                                        eng_stamp stamp, struct engram_id id, const char *text,
                                        const struct eng_dot *killer)
{
	struct eng_buf payload = ENG_BUF_INIT;
	struct eng_payload_out o;
	struct eng_header h = {.version = ENG_FRAME_VERSION, .kind = kind, .flags = flags, .series = a->series,
	                       .prev = a->prev, .space_check = eng_frame_space_check(&a->space), .seq = ++a->seq,
	                       .stamp = stamp};
	size_t at = b->n;

	eng_payload_begin(&o, &payload, &id, !a->bare, &a->ref, a->ref.dot.seq != 0, NULL);
	if (text)
		eng_payload_element(&o, ENG_EL_TEXT, text, strlen(text));
	h.payload_len = (uint32_t)eng_payload_end(&o);
	h.payload_check = XXH3_64bits(payload.p, payload.n);
	if (killer && eng_stub_make(payload.p, payload.n, killer) == 0)
		h.flags |= ENG_FLAG_STUB;
	eng_buf_zero(b, ENG_FRAME_HEADER);
	eng_header_encode(b->p + at, &h);
	eng_buf_add(b, payload.p, payload.n);
	eng_buf_align8(b);
	a->prev = h.header_check;
	eng_buf_free(&payload);
}

__attribute__((unused)) static int receive(struct spaces *s, const struct author *a, const struct eng_buf *b)
{
	struct eng_exchange *x = lend(s);
	uint64_t taken;
	int r = eng_exchange_receive(x, &taken, &a->series, b->p, b->n, &err);

	if (r == 0)
		r = eng_exchange_flush(x, &err);
	eng_exchange_close(x);
	return r;
}

__attribute__((unused)) static uint64_t held(struct spaces *s)
{
	struct eng_exchange *x = lend(s);
	struct eng_standing now;

	spaces_must(eng_exchange_standing(x, &now, &err), "standing", &err);
	eng_exchange_close(x);
	return now.held;
}

__attribute__((unused)) static size_t wanted(struct spaces *s, struct eng_position *first)
{
	struct eng_exchange *x = lend(s);
	const struct eng_position *p;
	size_t n;

	spaces_must(eng_exchange_wanted(x, &p, &n, &err), "wanted", &err);
	if (n)
		*first = p[0];
	eng_exchange_close(x);
	return n;
}

__attribute__((unused)) static uint64_t memories(struct spaces *s)
{
	struct engram_space_info info;

	spaces_must(engram_space_info(s->space, &info, &err), "info", &err);
	return info.memories;
}

__attribute__((unused)) static struct author author(struct spaces *s, uint8_t name)
{
	struct engram_space_info info;
	struct author a = {0};

	spaces_must(engram_space_info(s->space, &info, &err), "info", &err);
	a.space = info.id;
	memset(a.series.b, name, sizeof a.series.b);
	return a;
}

__attribute__((unused)) static eng_stamp now_and(int64_t ms)
{
	return (eng_stamp)(eng_sys_posix()->clock.wall_us(eng_sys_posix()->clock.ctx) / 1000 + ms) << 16;
}

__attribute__((unused)) static struct engram_id id_of(uint8_t b)
{
	struct engram_id id;

	memset(id.b, b, sizeof id.b);
	return id;
}

#endif
