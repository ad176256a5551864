/* series.c - what frames said of whole series: who was retired, what was forked.
 *
 * A set of facts, each with the frame that states it.  They are no part of the
 * state digest: a fact is its frame as it stands, nothing is worked out from
 * several of them, and equal vectors mean equal frames already. */
#include "space/space_int.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "frame/series.h"

bool eng_fact_of(struct eng_fact *out, const struct eng_frame *f)
{
	struct eng_fork fork;

	*out = (struct eng_fact){.kind = f->h.kind, .dot = {f->h.series, f->h.seq}, .header_check = f->h.header_check};
	if (f->h.version != ENG_FRAME_VERSION)
		return false;
	if (f->h.kind == ENG_RETIRE)
		return eng_retire_decode(&out->series, f->payload, f->h.payload_len, NULL) == 0;
	if (f->h.kind != ENG_FORK || eng_fork_decode(&fork, f->payload, f->h.payload_len, NULL) < 0)
		return false;
	out->series = fork.series;
	out->seq = fork.seq;
	return true;
}

static void set_be64(uint8_t *p, uint64_t v)
{
	for (unsigned i = 0; i < 8; i++)
		p[i] = (uint8_t)(v >> (56 - 8 * i));
}

static uint64_t get_be64(const uint8_t *p)
{
	uint64_t v = 0;

	for (unsigned i = 0; i < 8; i++)
		v = v << 8 | p[i];
	return v;
}

void eng_fact_key(uint8_t out[ENG_FACT_KEY], const struct eng_fact *f)
{
	out[0] = f->kind;
	memcpy(out + 1, f->series.b, 16);
	set_be64(out + 17, f->seq);
	memcpy(out + 25, f->dot.series.b, 16);
	set_be64(out + 41, f->dot.seq);
	eng_set32(out + 49, f->header_check);
}

bool eng_view_within(const struct eng_view *v, const struct eng_head *heads, size_t n, const struct eng_dot *dot,
                     struct eng_place place)
{
	const struct eng_series *series = eng_log_directory(v->space->log, &dot->series, place);
	const struct eng_head *h = series ? eng_head_find(heads, n, series) : NULL;

	return h && dot->seq <= h->seq;
}

/* -- reading ---------------------------------------------------------------------------- */

struct facts {
	struct eng_dot *at;
	size_t n, cap;
};

static int add(struct facts *f, const struct eng_series *series, uint64_t seq, struct engram_error *err)
{
	if (!eng_grow(&f->at, &f->cap, f->n, sizeof *f->at))
		return eng_err_nomem(err);
	f->at[f->n++] = (struct eng_dot){*series, seq};
	return 0;
}

static int add_applied(struct facts *f, struct eng_txn *t, uint8_t kind, struct engram_error *err)
{
	struct eng_bytes key, value;
	struct eng_walk *w = NULL;
	int r = eng_walk_begin(&w, t, ENG_T_SERIES, err);

	if (r < 0)
		return r;
	for (r = eng_walk_seek(w, eng_bytes(&kind, 1), &key, &value); r == 1; r = eng_walk_next(w, &key, &value)) {
		const uint8_t *p = key.p;
		struct eng_series series;

		if (key.n != ENG_FACT_KEY || p[0] != kind)
			break;
		memcpy(series.b, p + 1, sizeof series.b);
		r = add(f, &series, get_be64(p + 17), err);
		if (r < 0)
			break;
	}
	eng_walk_end(w);
	return r < 0 ? r : eng_txn_status(t, err);
}

static int by_dot(const void *a, const void *b)
{
	const struct eng_dot *x = a, *y = b;
	int c = eng_series_cmp(&x->series, &y->series);

	return c ? c : (x->seq > y->seq) - (x->seq < y->seq);
}

static void each_once(struct facts *f)
{
	size_t n = 0;

	if (f->n)
		qsort(f->at, f->n, sizeof *f->at, by_dot);
	for (size_t i = 0; i < f->n; i++)
		if (n == 0 || by_dot(&f->at[n - 1], &f->at[i]) != 0)
			f->at[n++] = f->at[i];
	f->n = n;
}

int eng_view_facts(struct eng_view *v, struct eng_dot **out, size_t *n, uint8_t kind, struct engram_error *err)
{
	struct facts f = {0};
	int r = v->txn ? add_applied(&f, v->txn, kind, err) : 0;

	for (size_t i = 0; r == 0 && i < v->raw.nfacts; i++)
		if (v->raw.facts[i].kind == kind)
			r = add(&f, &v->raw.facts[i].series, v->raw.facts[i].seq, err);
	if (r < 0) {
		eng_free(f.at);
		return r;
	}
	each_once(&f);
	*out = f.at;
	*n = f.n;
	return 0;
}
