/* scan.c - which bytes are a frame, where the frames end, and what that means.
 *
 * A frame is valid if its header and its payload pass their checks and it is
 * the one expected: series, space, seq, and `prev` naming its predecessor.
 *
 * An invalid frame n at the end of the newest segment is one of three things.
 * One flush of several frames reaches the disk in any order, so valid frames
 * behind n prove nothing by themselves: refusing on them refused a sound store
 * in 19 of 100 power cuts, and cutting at n without asking lost acknowledged
 * frames after real damage.  So:
 *
 *   n was durable (n <= D), zeros from n on  the log was rolled back or restored
 *   n was durable, other bytes               damage
 *   a valid frame behind n witnesses that n was durable   damage
 *   else                                     a torn tail, never acknowledged
 *
 * Example: D = 3 in the mark; on disk 1 2 3, garbage, 5 6.  Frame 5 was written
 * with 3 durable: witness 1, vouches for 5 - 2 = 3; 6 has witness 2, vouches for
 * 2.  Nobody vouches for 4: torn.  Had frame 6 been written with 5 durable, its
 * witness 0 would vouch for 5, and so for 4: damage. */
#include "log/log_int.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/hash.h"
#include "base/le.h"

#define BLOCK (64u << 10)

static int ENG_PRINTF(3, 4) blame(struct eng_fault *fault, uint64_t off, const char *format, ...)
{
	va_list ap;

	fault->off = off;
	va_start(ap, format);
	vsnprintf(fault->text, sizeof fault->text, format, ap);
	va_end(ap);
	return 0;
}

static bool all_zero(const uint8_t *p, size_t n)
{
	return n == 0 || (p[0] == 0 && memcmp(p, p + 1, n - 1) == 0);
}

/* 1 the header is the expected one, 0 it is not. */
static int check_header(struct eng_fault *fault, uint64_t off, const struct eng_header *h,
                        const struct eng_expect *want)
{
	if (eng_series_cmp(&h->series, &want->series) != 0)
		return blame(fault, off + 16,
		             "frame %" PRIu64 ": wanted the series of its directory, found another",
		             want->seq);
	if (!want->any_prev && h->prev != want->prev)
		return blame(fault, off + 32,
		             "frame %" PRIu64 ", prev: wanted %08" PRIx32 ", found %08" PRIx32,
		             want->seq, want->prev, h->prev);
	if (h->space_check != want->space_check)
		return blame(fault, off + 36,
		             "frame %" PRIu64 ", space: wanted check %08" PRIx32 ", found %08" PRIx32,
		             want->seq, want->space_check, h->space_check);
	if (h->seq != want->seq)
		return blame(fault, off + 40, "wanted frame %" PRIu64 ", found frame %" PRIu64, want->seq,
		             h->seq);
	return 1;
}

static int check_payload(struct eng_fault *fault, uint64_t off, const struct eng_header *h,
                         const uint8_t *frame)
{
	const uint8_t *payload = frame + ENG_FRAME_HEADER;
	size_t padding = (size_t)eng_frame_size(h->payload_len) - ENG_FRAME_HEADER - h->payload_len;

	if (!eng_payload_ok(h, payload)) {
		if (h->flags & ENG_FLAG_STUB)
			return blame(fault, off + ENG_FRAME_HEADER,
			             "frame %" PRIu64 ": wanted a sound stub, found another check", h->seq);
		return blame(fault, off + ENG_FRAME_HEADER,
		             "frame %" PRIu64 ", payload check: wanted %016" PRIx64 ", found %016" PRIx64,
		        h->seq,
		             h->payload_check, eng_hash64(payload, h->payload_len));
	}
	if (!all_zero(payload + h->payload_len, padding))
		return blame(fault, off + ENG_FRAME_HEADER + h->payload_len,
		             "frame %" PRIu64 ", padding: wanted zeros, found other bytes", h->seq);
	return 1;
}

/* 1 a header that is the expected one lies at p, 0 it does not. */
static int take_header(struct eng_header *h, struct eng_fault *fault, uint64_t off, const uint8_t *p, size_t n,
                       const struct eng_expect *want)
{
	enum eng_header_state state;

	if (n < ENG_FRAME_HEADER)
		return blame(fault, off, "wanted frame %" PRIu64 ", found the end after %zu bytes", want->seq, n);
	state = eng_header_decode(h, p);
	if (state != ENG_HEADER_OK)
		return blame(fault, off, "wanted frame %" PRIu64 ", found %s", want->seq,
		             eng_header_state_text(state));
	return check_header(fault, off, h, want);
}

/* The rest of it. */
static int take_body(struct eng_frame *out, struct eng_fault *fault, uint64_t off, const struct eng_header *h,
                     const uint8_t *p, size_t n)
{
	size_t size = (size_t)eng_frame_size(h->payload_len);

	if (n < size)
		return blame(fault, off + n, "frame %" PRIu64 ": wanted %zu bytes, found the end after %zu", h->seq,
		             size, n);
	if (!check_payload(fault, off, h, p))
		return 0;
	*out = (struct eng_frame){.h = *h, .payload = p + ENG_FRAME_HEADER, .place.offset = (uint32_t)off};
	return 1;
}

int eng_frame_in(struct eng_frame *out, struct eng_fault *fault, uint64_t off, const uint8_t *p, size_t n,
                 const struct eng_expect *want)
{
	struct eng_header h;

	return take_header(&h, fault, off, p, n, want) && take_body(out, fault, off, &h, p, n);
}

int eng_frame_at(struct eng_window *w, struct eng_frame *out, struct eng_fault *fault, uint64_t off,
                 const struct eng_expect *want)
{
	struct eng_header h;
	const uint8_t *p;
	size_t got;
	int r = eng_window_get(w, &p, &got, off, ENG_FRAME_HEADER);

	if (r == 0 && !take_header(&h, fault, off, p, got, want))
		return 0;
	if (r == 0)
		r = eng_window_get(w, &p, &got, off, (size_t)eng_frame_size(h.payload_len));
	return r < 0 ? r : take_body(out, fault, off, &h, p, got);
}

static void step_over(struct eng_end *end, const struct eng_frame *f)
{
	end->seq = f->h.seq;
	end->chain = f->h.header_check;
	end->stamp = f->h.stamp;
	end->last_off = end->off;
	end->off += eng_frame_size(f->h.payload_len);
}

int eng_scan(struct eng_window *w, struct eng_end *end, struct eng_fault *fault,
             const struct eng_series *series, uint32_t space_check, uint64_t stop)
{
	struct eng_expect want = {.series = *series, .space_check = space_check};

	while (end->seq + 1 < stop) {
		struct eng_frame f;
		int r;

		want.seq = end->seq + 1;
		want.prev = end->chain;
		r = eng_frame_at(w, &f, fault, end->off, &want);
		if (r <= 0)
			return r;
		step_over(end, &f);
	}
	return 1;
}

/* -- judging the end --------------------------------------------------------- */

/* 1 = only zeros from off to the end of the file. */
static int zeros_from(struct eng_window *w, uint64_t off)
{
	for (;;) {
		const uint8_t *p;
		size_t got;
		int r = eng_window_get(w, &p, &got, off, BLOCK);

		if (r < 0)
			return r;
		if (!all_zero(p, got))
			return 0;
		if (got < BLOCK)
			return 1;
		off += got;
	}
}

/* Whether a valid frame of the series at off vouches that `seq` was durable. */
static int vouches(struct eng_window *w, uint64_t off, const uint8_t head[ENG_FRAME_HEADER],
                   const struct eng_series *series, uint32_t space_check, uint64_t seq)
{
	struct eng_fault ignored;
	struct eng_expect want;
	struct eng_frame f;
	struct eng_header h;

	if (eng_header_decode(&h, head) != ENG_HEADER_OK || h.seq <= seq || eng_witnessed(&h) < seq)
		return 0;
	want = (struct eng_expect){.series = *series, .space_check = space_check, .seq = h.seq,
	                           .any_prev = true};
	return eng_frame_at(w, &f, &ignored, off, &want);
}

/* 1 = some frame behind off vouches for seq.  Frames lie on multiples of 8. */
static int witness_behind(struct eng_window *w, uint64_t off, const struct eng_series *series,
                          uint32_t space_check, uint64_t seq)
{
	for (off += 8;; off += 8) {
		const uint8_t *p;
		size_t got;
		int r = eng_window_get(w, &p, &got, off, ENG_FRAME_HEADER);

		if (r < 0 || got < ENG_FRAME_HEADER)
			return r;
		if (eng_get32(p) != ENG_FRAME_MAGIC)
			continue;
		r = vouches(w, off, p, series, space_check, seq);
		if (r != 0)
			return r;
	}
}

int eng_judge(struct eng_window *w, const struct eng_end *end, const struct eng_series *series,
              uint32_t space_check, uint64_t durable)
{
	int r;

	if (durable > end->seq) {
		r = zeros_from(w, end->off);
		return r < 0 ? r : r ? ENG_END_ROLLBACK : ENG_END_DAMAGE;
	}
	r = witness_behind(w, end->off, series, space_check, end->seq + 1);
	return r < 0 ? r : r ? ENG_END_DAMAGE : ENG_END_TORN;
}
