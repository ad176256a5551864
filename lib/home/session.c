/* session.c - sessions between two spaces of this process, and what every session
 * has: its two parts, its pace, its report.
 *
 * Two machines are stepped in turn and hand each other what they say; nothing is
 * copied on the way, and neither can wait for the other but by having nothing to
 * say, which is seen. */
#include "home/session.h"

#include <string.h>

#include "base/alloc.h"

#define SHOW_US 50000 /* twenty times a second */

/* -- one end ---------------------------------------------------------------------- */

int eng_session_open(struct eng_session *s, struct engram_space *space, enum eng_sync_mode mode,
                     const struct engram_sync_options *o, struct engram_error *err)
{
	struct eng_position *after = NULL;
	struct eng_sync_options so = {
		.mode = mode,
		.give = o->flags & ENGRAM_GIVE,
		.take = o->flags & ENGRAM_TAKE,
		.nafter = o->nafter,
		.nonce = eng_space_nonce(space),
	};
	struct eng_sync_store store;
	int r;

	*s = (struct eng_session){0};
	if (o->nafter > 0 && !(after = eng_alloc(o->nafter * sizeof *after)))
		return eng_err_nomem(err);
	for (size_t i = 0; i < o->nafter; i++) {
		memcpy(after[i].series.b, o->after[i].series, sizeof after[i].series.b);
		after[i].seq = o->after[i].seq;
		after[i].header_check = o->after[i].check;
	}
	so.after = after;
	r = eng_session_store_open(&s->store, space, so.take, err);
	if (r == 0) {
		store = eng_session_store_of(&s->store);
		r = eng_sync_new(&s->sync, &so, &store, err);
	}
	eng_free(after);
	if (r < 0)
		eng_session_close(s);
	return r;
}

void eng_session_close(struct eng_session *s)
{
	eng_sync_free(s->sync);
	eng_session_store_close(&s->store);
	s->sync = NULL;
}

void eng_session_report(struct engram_sync_report *out, const struct eng_session *s)
{
	const struct eng_sync_stats *t = eng_sync_stats(s->sync);

	out->frames_sent += t->frames_sent;
	out->frame_bytes_sent += t->frame_bytes_sent;
	out->frames_received += t->frames_received;
	out->frame_bytes_received += t->frame_bytes_received;
	out->frames_known += t->frames_known;
	out->frames_due_out += t->frames_due_out;
	out->frames_due_in += t->frames_due_in;
	out->bytes_out += t->bytes_out;
	out->bytes_in += t->bytes_in;
	out->series_sent += t->series_sent;
	out->series_received += t->series_received;
	out->forks += t->forks;
	out->mended += t->mended;
	out->held = t->held;
	out->peer_held = t->peer_held;
	out->adopted = out->adopted || t->adopted;
	out->compared = t->compared;
	out->equal = t->equal;
	if (t->compared)
		memcpy(out->digest, t->mine.state, sizeof out->digest);
}

/* -- pace ---------------------------------------------------------------------------- */

void eng_session_pace_begin(struct eng_session_pace *p, const struct engram_sync_options *o,
                            struct engram_space *space)
{
	int64_t now_us = eng_space_mono_us(space);

	*p = (struct eng_session_pace){
		.o = o, .space = space, .began_us = now_us, .moved_us = now_us, .shown_us = now_us};
}

/* What is known of it before: 0 = nothing. */
static uint64_t frames_due(const struct engram_sync_options *o, const struct eng_sync_stats *t)
{
	return (o->flags & ENGRAM_GIVE ? t->frames_due_out : 0) + (o->flags & ENGRAM_TAKE ? t->frames_due_in : 0);
}

int eng_session_pace_check(struct eng_session_pace *p, const struct eng_session *s, bool moved,
                           struct engram_error *err)
{
	const struct eng_sync_stats *t = s ? eng_sync_stats(s->sync) : NULL;
	int64_t now_us = eng_space_mono_us(p->space);
	int64_t timeout_us = (int64_t)p->o->timeout_ms * 1000;

	if (moved)
		p->moved_us = now_us;
	else if (timeout_us > 0 && now_us - p->moved_us >= timeout_us)
		return eng_err(err, ENGRAM_EUNAVAILABLE, "peer: nothing came or went for %u.%u s",
		               p->o->timeout_ms / 1000, p->o->timeout_ms % 1000 / 100);
	if (!p->o->progress || now_us - p->shown_us < SHOW_US)
		return 0;
	p->shown_us = now_us;
	if (p->o->progress(p->o->data, "frames", t ? t->frames_sent + t->frames_received : 0,
	                   t ? frames_due(p->o, t) : 0) != 0)
		return eng_err(err, ENGRAM_ELIMIT, "interrupted; what came so far is stored");
	return 0;
}

/* -- two spaces ----------------------------------------------------------------------- */

/* One turn of one end: it says what it has to say, the other hears it. */
static int turn(bool *moved, struct eng_session *from, struct eng_session *to, struct engram_error *err)
{
	struct eng_bytes out;
	size_t used = 0;
	int r = eng_sync_state(from->sync) == ENG_SYNC_FAILED ? 0 : eng_sync_step(from->sync, err);

	out = eng_sync_output(from->sync);
	if (r < 0 || out.n == 0)
		return r;
	r = eng_sync_input(to->sync, &used, out.p, out.n, err);
	eng_sync_sent(from->sync, used);
	*moved = *moved || used > 0;
	return r;
}

/* The end that fails says why to the other one, which fails of it: the first
 * error is the one to report. */
static int talk(struct eng_session *mine, struct eng_session *peer, struct eng_session_pace *pace,
                struct engram_error *err)
{
	bool moved;
	int r;

	do {
		moved = false;
		r = turn(&moved, mine, peer, err);
		if (r == 0)
			r = turn(&moved, peer, mine, err);
		if (r == 0)
			r = eng_session_pace_check(pace, mine, true, err);
	} while (r == 0 && moved);
	if (r < 0)
		return r;
	if (eng_sync_state(mine->sync) != ENG_SYNC_DONE || eng_sync_state(peer->sync) != ENG_SYNC_DONE)
		return eng_err(err, ENGRAM_EINTERNAL, "session: both ends wait for each other");
	return 0;
}

int engram_sync_space(struct engram_space *space, struct engram_sync_report *out, const struct engram_sync_options *o,
                      struct engram_space *peer, struct engram_error *err)
{
	struct engram_sync_options po = {
		.flags = (o->flags & ENGRAM_GIVE ? ENGRAM_TAKE : 0u) | (o->flags & ENGRAM_TAKE ? ENGRAM_GIVE : 0u)};
	struct eng_session a = {0}, b = {0};
	struct eng_session_pace pace;
	int r = eng_space_check_handle(space, err);

	if (r == 0)
		r = eng_space_check_handle(peer, err);
	if (r < 0)
		return r;
	eng_session_pace_begin(&pace, o, space);
	r = eng_session_open(&a, space, ENG_SYNC_BOTH, o, err);
	if (r == 0)
		r = eng_session_open(&b, peer, ENG_SYNC_BOTH, &po, err);
	if (r == 0)
		r = talk(&a, &b, &pace, err);
	*out = (struct engram_sync_report){0};
	if (a.sync)
		eng_session_report(out, &a);
	out->durable_us = out->elapsed_us = eng_space_mono_us(space) - pace.began_us;
	eng_session_close(&b);
	eng_session_close(&a);
	return r;
}
