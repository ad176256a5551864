/* sync.c - a session from beginning to end: what a driver calls.
 *
 * Input is handled at once, message by message, and answers go into `out`; step()
 * does what takes the store longer: reading runs, applying, comparing.  At most one
 * run waits in `out`, so a session holds, whatever the peer does: the two vectors
 * and wanted stubs (5 MiB), one message on its way in and one on its way out (4 MiB
 * each).
 *
 * A failure is final.  What came whole and sound before it is made durable first,
 * unless it was the store that failed, and the peer is told why. */
#include <stdio.h>

#include "frame/segment.h"
#include "sync/sync_int.h"

int eng_sync_stored(struct eng_sync *s, int r)
{
	if (r < 0)
		s->store_failed = true;
	return r;
}

int eng_sync_now(struct eng_sync *s, uint64_t *seq, const struct eng_series *series)
{
	const struct eng_position *v;
	size_t n;
	int r = s->store.received(s->store.ctx, &v, &n, &s->err);

	*seq = 0;
	for (size_t i = 0; r == 0 && i < n && *seq == 0; i++)
		if (eng_series_cmp(&v[i].series, series) == 0)
			*seq = v[i].seq;
	return r;
}

int eng_sync_gone(struct eng_sync *s, const struct eng_series *series, uint64_t seq, int r)
{
	const struct engram_error why = s->err;
	char name[ENG_SERIES_NAME + 1];
	uint64_t here;

	if (eng_sync_now(s, &here, series) == 0 && here < seq) {
		eng_series_name(name, series);
		return eng_err(&s->err, ENGRAM_EBUSY, "series %s: cut at a fork meanwhile: try again", name);
	}
	s->err = why;
	return r;
}

int eng_sync_check_at(struct eng_sync *s, uint32_t *check, const struct eng_series *series, uint64_t seq)
{
	int r = s->store.check_at(s->store.ctx, check, series, seq, &s->err);

	return r == 0 ? 0 : eng_sync_stored(s, eng_sync_gone(s, series, seq, r));
}

int eng_sync_said(struct eng_sync *s)
{
	return s->out.failed ? eng_err_nomem(&s->err) : 0;
}

int eng_sync_say(struct eng_sync *s, enum eng_message type, const void *body, size_t n)
{
	size_t begin = eng_message_begin(&s->out);

	eng_buf_add(&s->out, body, n);
	eng_message_end(&s->out, begin, (uint8_t)type, 0);
	return eng_sync_said(s);
}

/* -- failing ------------------------------------------------------------------ */

static void say_error(struct eng_sync *s)
{
	uint16_t nmessage = (uint16_t)strlen(s->err.message), nhint = (uint16_t)strlen(s->err.hint);
	size_t begin;

	begin = eng_message_begin(&s->out);
	eng_buf_u32(&s->out, (uint32_t)s->err.code);
	eng_buf_u16(&s->out, nmessage);
	eng_buf_u16(&s->out, nhint);
	eng_buf_add(&s->out, s->err.message, nmessage);
	eng_buf_add(&s->out, s->err.hint, nhint);
	eng_message_end(&s->out, begin, ENG_MSG_ERROR, 0);
}

/* What stands half-made in `out` is dropped. */
static int fail(struct eng_sync *s, struct engram_error *err)
{
	s->state = ENG_SYNC_FAILED;
	if (!s->store_failed && s->got_bytes > s->flushed_bytes)
		(void)s->store.flush(s->store.ctx, NULL);
	s->out.failed = false;
	s->out.n = s->whole;
	if (s->o.mode == ENG_SYNC_BOTH && !s->told)
		say_error(s);
	if (s->out.failed) {
		s->out.failed = false;
		s->out.n = s->whole;
	}
	if (err)
		*err = s->err;
	return s->err.code;
}

static int again(struct eng_sync *s, struct engram_error *err)
{
	if (err)
		*err = s->err;
	return s->err.code;
}

/* -- beginning and end -------------------------------------------------------- */

static int copy_after(struct eng_sync *s, const struct eng_sync_options *o)
{
	struct eng_position *after;

	s->o = *o;
	s->o.after = NULL;
	if (o->nafter == 0)
		return 0;
	after = eng_alloc(o->nafter * sizeof *after);
	if (!after)
		return eng_err_nomem(&s->err);
	memcpy(after, o->after, o->nafter * sizeof *after);
	s->o.after = after;
	s->theirs = (struct positions){after, o->nafter};
	return 0;
}

static int begin(struct eng_sync *s)
{
	int r;

	s->out.p = eng_alloc(ENG_SYNC_OUT_FIRST);
	if (!s->out.p)
		return eng_err_nomem(&s->err);
	s->out.cap = ENG_SYNC_OUT_FIRST;
	r = eng_sync_stored(s, s->store.self(s->store.ctx, &s->self, &s->err));
	if (r == 0)
		r = eng_sync_load(s);
	if (r == 0 && s->o.mode == ENG_SYNC_FILE_OUT)
		r = eng_sync_check_after(s);
	if (r == 0 && s->o.mode != ENG_SYNC_FILE_IN)
		r = eng_sync_say_hello(s);
	return r;
}

int eng_sync_new(struct eng_sync **out, const struct eng_sync_options *o, const struct eng_sync_store *store,
                 struct engram_error *err)
{
	struct eng_sync *s = eng_calloc(1, sizeof *s);
	int r;

	if (!s)
		return eng_err_nomem(err);
	s->store = *store;
	r = copy_after(s, o);
	if (r == 0)
		r = begin(s);
	if (r < 0) {
		again(s, err);
		eng_sync_free(s);
		return r;
	}
	*out = s;
	return 0;
}

void eng_sync_free(struct eng_sync *s)
{
	if (!s)
		return;
	eng_free(s->mine.v);
	eng_free(s->theirs.v); /* of a file: o.after */
	eng_free(s->wanted.v);
	eng_free(s->my_forks.v);
	eng_free(s->their_forks.v);
	eng_free(s->search.found);
	eng_free(s->search.told);
	eng_free(s->in.p);
	eng_free(s->items);
	eng_free(s->sums);
	eng_free(s->their_sums);
	eng_buf_free(&s->out);
	eng_free(s);
}

enum eng_sync_state eng_sync_state(const struct eng_sync *s)
{
	return s->state;
}

const struct eng_sync_stats *eng_sync_stats(const struct eng_sync *s)
{
	return &s->stats;
}

/* -- steps -------------------------------------------------------------------- */

static int step(struct eng_sync *s)
{
	if (s->o.mode == ENG_SYNC_FILE_IN || s->out.n - s->out_at >= ENG_SYNC_OUT_FULL)
		return 0;
	if (s->o.mode == ENG_SYNC_FILE_OUT)
		return eng_sync_send_file(s);
	if (s->phase == PHASE_RUNS)
		return eng_sync_send(s);
	return s->phase > PHASE_RUNS ? eng_sync_compare(s) : 0;
}

int eng_sync_step(struct eng_sync *s, struct engram_error *err)
{
	int r = 0;

	if (s->state == ENG_SYNC_FAILED)
		return again(s, err);
	s->whole = s->out.n;
	if (s->state == ENG_SYNC_RUNNING)
		r = step(s);
	return r < 0 ? fail(s, err) : 0;
}

int eng_sync_input(struct eng_sync *s, size_t *used, const uint8_t *p, size_t n, struct engram_error *err)
{
	size_t k;
	int r = 0;

	*used = 0;
	if (s->state == ENG_SYNC_FAILED)
		return again(s, err);
	s->whole = s->out.n;
	while (r == 0 && *used < n && s->state == ENG_SYNC_RUNNING && s->out.n - s->out_at < ENG_SYNC_OUT_DEAF) {
		s->whole = s->out.n;
		r = eng_sync_take(s, &k, p + *used, n - *used);
		*used += k;
		s->stats.bytes_in += k;
	}
	return r < 0 ? fail(s, err) : 0;
}

static int ended(struct eng_sync *s)
{
	const bool file = s->o.mode == ENG_SYNC_FILE_IN;
	const char *what = file ? "file" : "peer";
	const int code = file ? ENGRAM_EINPUT : ENGRAM_EUNAVAILABLE;
	const unsigned long long at = (unsigned long long)s->stats.bytes_in;

	if (s->in.at == IN_MAGIC && at == 0)
		return eng_err(&s->err, code, "%s: wanted a hello, found nothing", what);
	if (s->in.at == IN_MAGIC)
		return eng_err(&s->err, code, "%s: wanted a hello, found \"%s\" (%llu bytes) and then the end", what,
		               s->stats.banner, at);
	if (s->in.at == IN_FRAMES)
		return eng_err(&s->err, code, "%s: ends at byte %llu, in a run: wanted %u more bytes of it", what, at,
		               s->in.left - (unsigned)s->in.n);
	if (s->in.at == IN_BODY || s->in.nraw > 0)
		return eng_err(&s->err, code, "%s: ends at byte %llu, inside the message begun at byte %llu", what, at,
		               (unsigned long long)s->in.begin);
	return eng_err(&s->err, code, "%s: ends at byte %llu, before its end was announced", what, at);
}

int eng_sync_input_end(struct eng_sync *s, struct engram_error *err)
{
	if (s->state == ENG_SYNC_DONE)
		return 0;
	if (s->state == ENG_SYNC_FAILED)
		return again(s, err);
	s->told = true; /* nobody listens */
	if (eng_sync_flush(s, false) == 0)
		(void)ended(s);
	s->whole = s->out.n;
	return fail(s, err);
}

struct eng_bytes eng_sync_output(const struct eng_sync *s)
{
	return eng_bytes(s->out.p + s->out_at, s->out.n - s->out_at);
}

void eng_sync_sent(struct eng_sync *s, size_t n)
{
	s->out_at += n;
	s->stats.bytes_out += n;
	if (s->out_at == s->out.n) {
		s->out_at = 0;
		eng_buf_reset(&s->out);
	}
}
