/* written.c - the frames that a bulk writer wrote, kept for its own apply.
 *
 * They would be read back, hashed again and taken apart again; that was a fifth of
 * an import of vectors.  They are taken apart while the processor still has the bytes
 * that the log wrote, and what is kept of a vector are its codes: the numbers, of
 * which a batch has 16 MiB, cost a page fault every 4 KiB and were read from memory
 * again.  What is kept is used only where the marks say that they are durable, that the state ends right
 * before them, and that nobody wrote anything else: then reading the log would give
 * the same.  Otherwise apply reads the log, as every other apply does. */
#include "space/space_int.h"

#include "base/alloc.h"

/* As much as may wait before a bulk writer looks, and what one append may add to it. */
#define KEPT_BYTES (ENG_APPLY_BULK_BYTES + ENG_BATCH_BYTES + ENG_APPEND_MAX)

struct eng_written_codes {
	const int8_t *codes; /* in raw's arena, of the first vector; NULL: the frame has none */
	uint32_t element;
};

void eng_written_free(struct eng_written *w)
{
	eng_raw_free(&w->raw);
	eng_free(w->codes);
	*w = (struct eng_written){0};
}

void eng_written_lose(struct eng_written *w)
{
	eng_written_free(w);
	w->lost = true;
}

const int8_t *eng_written_codes(const struct eng_written *w, const struct eng_text_at *at)
{
	uint64_t i = at->dot.seq - w->from.seq - 1;

	if (i >= w->ncodes || w->codes[i].element != at->element ||
	    eng_series_cmp(&at->dot.series, &w->from.series) != 0)
		return NULL;
	return w->codes[i].codes;
}

/* The codes of the vector of the frame that was just taken apart, and no numbers any more. */
static bool keep_codes(struct eng_written *w, size_t ndots)
{
	struct eng_dot_record *d = w->raw.n > ndots ? &w->raw.dots[ndots] : NULL;
	struct eng_written_codes c = {NULL, 0};

	for (unsigned i = 0; d && i < d->nelements && !c.codes; i++) {
		const struct eng_element *e = &d->elements[i];
		uint32_t dim = e->type == ENG_EL_VECTOR ? eng_vector_quantise(NULL, e->p, e->n) : 0;
		int8_t *codes = dim ? eng_arena_alloc(&w->raw.arena, ENG_VEC_STRIDE(dim)) : NULL;

		if (dim && !codes)
			return false;
		if (dim)
			eng_vector_quantise(codes, e->p, e->n);
		c = (struct eng_written_codes){codes, e->index};
	}
	if (d)
		eng_dot_leave_vectors(d);
	if (!eng_grow(&w->codes, &w->codes_cap, w->ncodes, sizeof *w->codes))
		return false;
	w->codes[w->ncodes++] = c;
	return true;
}

/* False: it does not follow what is here, or there is no memory for it. */
static bool add_frame(struct eng_written *w, const uint8_t *p, struct eng_place place)
{
	struct eng_frame f = {.payload = p + ENG_FRAME_HEADER, .place = place};
	size_t ndots = w->raw.n;

	if (eng_header_decode(&f.h, p) != ENG_HEADER_OK)
		return false;
	w->raw.apart = true;
	if (w->raw.read == 0)
		w->from = (struct eng_head){
			.series = f.h.series, .seq = f.h.seq - 1, .header_check = f.h.prev};
	w->last = place;
	return eng_series_cmp(&f.h.series, &w->from.series) == 0 && f.h.seq == w->from.seq + w->raw.read + 1 &&
	       eng_raw_take(&w->raw, &w->from, &f, NULL) == 1 && keep_codes(w, ndots);
}

void eng_written_add(struct eng_written *w, const struct eng_appended *a)
{
	struct eng_place place = a->place;
	const uint8_t *p = a->bytes, *end = p + a->nbytes;
	size_t n;

	while (!w->lost && p < end) {
		n = (size_t)eng_frame_size(eng_get32(p + 8));
		if (w->raw.bytes + n > KEPT_BYTES || !add_frame(w, p, place))
			eng_written_lose(w);
		p += n;
		place.offset += (uint32_t)n;
	}
}

/* Whether the state ends right before them, and every other series is applied. */
static bool state_ends_before(const struct eng_written *w, const struct eng_head *heads, size_t nheads,
                              const struct eng_series_info *infos, size_t ninfos)
{
	bool found = false;

	for (size_t i = 0; i < ninfos; i++) {
		const struct eng_head *h = eng_head_find(heads, nheads, &infos[i].series);
		if (eng_series_cmp(&infos[i].series, &w->from.series) == 0)
			found = infos[i].base == 0 && infos[i].durable_seq == w->from.seq + w->raw.read &&
			        (h ? h->seq : 0) == w->from.seq && (h ? h->header_check : 0) == w->from.header_check;
		else if (infos[i].durable_seq != (h ? h->seq : infos[i].base))
			return false;
	}
	return found;
}

/* Whether the log holds these frames under their numbers.  After a failed flush it
 * may hold others, in another segment.  The header of the last one tells of all, since
 * each names the one before it. */
static bool log_has_them(const struct eng_written *w, struct eng_log *log)
{
	const struct eng_head *last = eng_raw_head(&w->raw, &w->from.series);
	const struct eng_place *place = &w->last;
	struct eng_cursor *c = NULL;
	struct eng_frame f;
	bool same;

	if (eng_cursor_open(&c, log, &last->series, last->seq - 1, last->seq, place, NULL) < 0)
		return false;
	same = eng_cursor_next(c, &f, NULL) == 1 && f.h.header_check == last->header_check &&
	       f.place.segment == place->segment && f.place.offset == place->offset;
	eng_cursor_close(c);
	return same;
}

bool eng_written_is_rest(const struct eng_written *w, struct eng_log *log, const struct eng_head *heads,
                         size_t nheads, const struct eng_series_info *infos, size_t ninfos)
{
	return !w->lost && w->raw.read > 0 && state_ends_before(w, heads, nheads, infos, ninfos) &&
	       log_has_them(w, log);
}
