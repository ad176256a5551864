/* test_space_written.c - the frames that a bulk writer keeps for its own apply are
 * those that apply would read, or they are not used. */
#include <errno.h>

#include "../lib/failalloc.h"
#include "../lib/tap.h"
#include "base/vec.h"
#include "logfix.h"
#include "space/space_int.h"

static struct engram_error err;

struct life {
	struct logfix f;
	struct eng_log *log;
	struct eng_written w;
};

static void begin(struct life *l)
{
	*l = (struct life){0};
	logfix_new(&l->f);
	l->log = logfix_open(&l->f, true);
}

static void end(struct life *l)
{
	eng_written_free(&l->w);
	eng_log_close(l->log);
	logfix_free(&l->f);
}

static int add(struct life *l, uint64_t tag, size_t n)
{
	struct eng_appended a;
	int r = logfix_append(l->log, &a, tag, n, &err);

	if (r == 0)
		eng_written_add(&l->w, &a);
	return r;
}

enum { DIM = 100 };

/* A text and a vector of an embedder. */
static int add_vector(struct life *l, uint64_t tag)
{
	struct eng_buf b = ENG_BUF_INIT;
	struct eng_payload_out o;
	struct eng_appended a;
	struct engram_id id = {{0}};
	struct eng_draft d;
	float x[DIM];
	uint8_t *p;
	int r;

	eng_set64(id.b, tag);
	for (size_t i = 0; i < DIM; i++)
		x[i] = (float)((tag * 37 + i * 101) % 257) - 128;
	eng_payload_begin(&o, &b, &id, 1, NULL, 0, NULL);
	eng_payload_element(&o, ENG_EL_TEXT, "seven", 5);
	p = eng_payload_space(&o, ENG_EL_VECTOR, 8 + sizeof x);
	if (p) {
		memcpy(p, "\6\0some/1", 8);
		eng_set_floats(p + 8, x, DIM);
	}
	d = (struct eng_draft){.kind = ENG_MEMORY, .payload_len = (uint32_t)eng_payload_end(&o)};
	d.payload = b.p;
	r = b.failed ? ENGRAM_ENOMEM : eng_log_append(l->log, &a, &d, 1, 0, &err);
	if (r == 0)
		eng_written_add(&l->w, &a);
	eng_buf_free(&b);
	return r;
}

/* Some frames, in two segments. */
static int add_some(struct life *l)
{
	int r = 0;

	for (uint64_t tag = 1; r == 0 && tag <= 40; tag++) {
		r = tag % 3 ? add(l, tag, tag % 7 == 0 ? 5000 : 30 * (size_t)tag) : add_vector(l, tag);
		if (r == 0 && tag == 25)
			r = eng_log_rotate(l->log, &err);
	}
	return r;
}

static bool is_rest(struct life *l, const struct eng_head *heads, size_t n)
{
	const struct eng_series_info *infos;
	size_t ninfos;

	return eng_log_refresh(l->log, &infos, &ninfos, &err) == 0 &&
	       eng_written_is_rest(&l->w, l->log, heads, n, infos, ninfos);
}

/* -- the same as what is read ------------------------------------------------------ */

/* Texts and small values; the numbers of a vector are kept by nobody. */
static bool same_values(const struct eng_dot_record *a, const struct eng_dot_record *b)
{
	for (unsigned i = 0; i < a->nelements; i++) {
		const struct eng_element *x = &a->elements[i], *y = &b->elements[i];
		bool vector = x->type == ENG_EL_VECTOR;

		if (vector ? x->p != NULL : memcmp(x->p, y->p, y->n) != 0)
			return false;
	}
	return true;
}

static bool same_codes(const struct eng_written *w, const struct eng_dot_record *read)
{
	const struct eng_element *e = &read->elements[read->nelements - 1];
	struct eng_text_at at = {read->dot, read->place, e->index, e->n};
	const int8_t *kept = eng_written_codes(w, &at);
	int8_t codes[ENG_VEC_STRIDE(DIM)];

	if (e->type != ENG_EL_VECTOR)
		return !kept;
	return eng_vector_quantise(codes, e->p, e->n) == DIM && kept && memcmp(kept, codes, sizeof codes) == 0;
}

/* The item that frame i makes, taken apart when it was written and when it is read. */
static bool same_item(const struct eng_written *w, const struct eng_raw *read, size_t i)
{
	struct eng_arena arena = ENG_ARENA_INIT;
	struct eng_buf x = ENG_BUF_INIT, y = ENG_BUF_INIT;
	struct eng_item a, b;
	bool same;

	eng_item_init(&a, &w->raw.ids[i].id, &arena);
	eng_item_init(&b, &read->ids[i].id, &arena);
	same = eng_raw_apply_kept(&w->raw, i, &a, &err) == 0 && eng_raw_apply_kept(read, i, &b, &err) == 0 &&
	       eng_item_encode(&a, &x, &err) == 0 && eng_item_encode(&b, &y, &err) == 0 && x.n == y.n &&
	       memcmp(x.p, y.p, x.n) == 0 && a.ndots == 1 && same_values(&a.dots[0], &b.dots[0]) &&
	       same_codes(w, &b.dots[0]);
	eng_buf_free(&x);
	eng_buf_free(&y);
	eng_arena_free(&arena);
	return same;
}

static bool same_head(const struct eng_head *a, const struct eng_head *b)
{
	return a->seq == b->seq && a->header_check == b->header_check && a->stamp == b->stamp && a->base == b->base &&
	       a->next.segment == b->next.segment && a->next.offset == b->next.offset;
}

static size_t differences(const struct eng_written *w, const struct eng_raw *b)
{
	const struct eng_raw *a = &w->raw;
	size_t n = (a->n != b->n) + (a->nids != b->nids) + (a->nlinks != b->nlinks) + (a->read != b->read) +
	           (a->bytes != b->bytes) + (a->stamp != b->stamp) + (a->nheads != 1) + (b->nheads != 1);

	for (size_t i = 0; n == 0 && i < a->nids; i++)
		n += !same_item(w, b, i);
	return n ? n : !same_head(&a->heads[0], &b->heads[0]);
}

static void test_same(void)
{
	struct eng_raw_limit limit = {.frames = UINT64_MAX, .bytes = UINT64_MAX};
	const struct eng_series_info *infos;
	struct eng_raw read;
	struct life l;
	size_t n;

	begin(&l);
	tap_int(add_some(&l), 0, "forty memories in two segments");
	tap_ok(!is_rest(&l, NULL, 0), "not used as long as they are not durable");
	eng_log_flush(l.log, &err);
	tap_ok(is_rest(&l, NULL, 0), "then used, where there is no state");
	eng_log_refresh(l.log, &infos, &n, &err);
	eng_raw_init(&read);
	tap_int(eng_raw_read(&read, l.log, &infos[0], NULL, infos[0].durable_seq, NULL, &limit, &err), 0, "the log is read");
	tap_int((long)differences(&l.w, &read), 0, "and gives the same items, codes and head");
	eng_raw_free(&read);
	end(&l);
}

/* -- where they are not the rest ---------------------------------------------------- */

static void test_state(void)
{
	struct eng_head at;
	struct life l;

	begin(&l);
	logfix_put(l.log, 100, 50, &err);
	add_some(&l);
	eng_log_flush(l.log, &err);
	at = l.w.from;
	tap_int((long)at.seq, 2, "what was kept follows the birth and one memory");
	tap_ok(!is_rest(&l, NULL, 0), "not used without a state, which lacks these too");
	tap_ok(is_rest(&l, &at, 1), "used where the state ends right before them");
	at.header_check ^= 1;
	tap_ok(!is_rest(&l, &at, 1), "not where it ends with another frame of that number");
	at = *eng_raw_head(&l.w.raw, &l.w.from.series);
	tap_ok(!is_rest(&l, &at, 1), "not where it has them");
	end(&l);
}

static void test_others(void)
{
	struct eng_log *other;
	struct life l;

	begin(&l);
	add_some(&l);
	other = logfix_open(&l.f, true);
	logfix_put(other, 200, 50, &err);
	eng_log_flush(l.log, &err);
	tap_ok(!is_rest(&l, NULL, 0), "not used where somebody wrote behind them");
	add(&l, 300, 50);
	tap_ok(l.w.lost, "and what is written behind that is not kept");
	eng_log_close(other);
	end(&l);
}

/* The numbers of frames that a failed flush took back are given again. */
static void test_failed_flush(void)
{
	struct eng_log *other;
	struct life l;
	int r;

	begin(&l);
	logfix_put(l.log, 100, 50, &err);
	add(&l, 1, 50);
	add(&l, 2, 50);
	logfix_fail(&l.f, LOGFIX_SYNC, 1, EIO, false);
	r = eng_log_flush(l.log, &err);
	logfix_fail(&l.f, 0, 0, 0, false);
	tap_ok(r < 0, "a flush fails");
	other = logfix_open(&l.f, true);
	r = logfix_put(other, 3, 50, &err);
	tap_int(r < 0 ? r : logfix_put(other, 4, 50, &err), 0, "another one writes as many");
	tap_ok(!is_rest(&l, &l.w.from, 1), "the numbers are durable, the frames kept are others: not used");
	eng_log_close(other);
	end(&l);
}

static void test_much(void)
{
	struct life l;
	int r = 0;

	begin(&l);
	for (uint64_t tag = 1; r == 0 && tag <= 130 && !l.w.lost; tag++)
		r = add(&l, tag, 1 << 19);
	tap_int(r, 0, "frames of half a megabyte");
	tap_ok(l.w.lost && l.w.raw.bytes == 0, "beyond a batch nothing is kept");
	end(&l);
}

static int append_kept(void *data)
{
	struct life l;
	int r;

	begin(&l);
	r = l.log ? add_some(&l) : ENGRAM_ENOMEM;
	if (r == 0 && l.w.raw.n != 40 && !l.w.lost)
		r = ENGRAM_EINTERNAL;
	end(&l);
	return r;
}

int main(void)
{
	test_same();
	test_state();
	test_others();
	test_failed_flush();
	test_much();
	failalloc_each(append_kept, NULL, "keeping what was written");
	return tap_done();
}
