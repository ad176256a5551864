/* session_pipes.c - sessions over pipes, sockets and files: with a command, with
 * whoever is at the other ends of two descriptors, one way into and out of a file.
 *
 * One loop: what came is handed to the machine, the machine says what it has to
 * say, and both directions wait in one poll.  Input that the machine does not take
 * yet stays in the buffer, and no more is read then; so memory is bounded both
 * ways, and whoever is slow slows down the other.
 *
 * An end that fails tells the other why, if that one will hear it within a moment:
 * it goes on reading meanwhile, lest both stand with full pipes. */
#include "home/session.h"

#include <errno.h>
#include <stdio.h>

#include "base/alloc.h"
#include "sys/process.h"

/* A pipe holds 64 KiB, or 1 MiB where it may. */
#define INPUT_BYTES (256u << 10)
/* So often a wish to stop is looked for while nothing happens. */
#define TICK_MS 200
/* For the last words of an end that fails. */
#define LAST_WORDS_MS 2000
/* A peer has seen the end of the session and has nothing more to do but to end. */
#define END_MS 10000

#define SIGNALS 65

struct link {
	struct eng_session session;
	struct eng_pipes pipes;
	const char *peer; /* for messages */
	struct eng_session_pace pace;
	uint8_t *input;
	size_t at, n;     /* [at, n) came and was not taken yet */
	bool ended;       /* it closed what we read from */
	bool told_end;
};

/* -- the loop ---------------------------------------------------------------------- */

static int hear(struct link *l, struct engram_error *err)
{
	size_t used = 0;
	int r = 0;

	if (l->at < l->n) {
		r = eng_sync_input(l->session.sync, &used, l->input + l->at, l->n - l->at, err);
		l->at += used;
	}
	if (l->at == l->n)
		l->at = l->n = 0;
	if (r == 0 && l->ended && l->n == 0 && !l->told_end) {
		l->told_end = true;
		r = eng_sync_input_end(l->session.sync, err);
	}
	return r;
}

static int broken(const struct link *l, int os, struct engram_error *err)
{
	if (os != EPIPE)
		return eng_err_os(err, os, "%s", l->peer);
	eng_err(err, ENGRAM_EUNAVAILABLE, "%s: closed before the session was done", l->peer);
	if (err)
		err->os = EPIPE;
	return ENGRAM_EUNAVAILABLE;
}

static int round_of(struct link *l, bool *moved, struct engram_error *err)
{
	struct eng_bytes out = l->session.sync ? eng_sync_output(l->session.sync) : eng_bytes(NULL, 0);
	struct eng_round r = {.send = out.p, .nsend = out.n};
	int rc;

	if (!l->ended && l->n < INPUT_BYTES) {
		r.take = l->input + l->n;
		r.ntake = INPUT_BYTES - l->n;
	}
	if (!r.nsend && (!r.ntake || l->pipes.from < 0))
		return eng_err(err, ENGRAM_EINTERNAL, "session: nothing to say and nothing to wait for");
	if (r.nsend && l->pipes.to < 0)
		return broken(l, EPIPE, err);
	rc = eng_pipes_round(&l->pipes, &r, TICK_MS);
	if (rc < 0)
		return broken(l, -rc, err);
	if (r.sent > 0)
		eng_sync_sent(l->session.sync, r.sent);
	l->n += r.taken;
	l->ended = l->ended || r.end;
	*moved = r.sent > 0 || r.taken > 0 || r.end;
	/* What it said before it closed may tell why. */
	if (r.deaf && (l->pipes.from < 0 || l->ended))
		return broken(l, EPIPE, err);
	return 0;
}

static bool finished(const struct link *l)
{
	return eng_sync_state(l->session.sync) == ENG_SYNC_DONE && eng_sync_output(l->session.sync).n == 0;
}

static int talk(struct link *l, struct engram_error *err)
{
	bool moved;
	int r;

	for (;;) {
		r = hear(l, err);
		if (r == 0)
			r = eng_sync_step(l->session.sync, err);
		if (r < 0 || finished(l))
			return r;
		r = round_of(l, &moved, err);
		if (r == 0)
			r = eng_session_pace_check(&l->pace, &l->session, moved, err);
		if (r < 0)
			return r;
	}
}

static void say_why(struct link *l)
{
	int64_t until_us = eng_space_mono_us(l->pace.space) + LAST_WORDS_MS * 1000;
	struct eng_bytes out = eng_sync_output(l->session.sync);

	while (out.n > 0 && l->pipes.to >= 0 && eng_space_mono_us(l->pace.space) < until_us) {
		struct eng_round r = {.send = out.p, .nsend = out.n};

		if (!l->ended) {
			r.take = l->input;
			r.ntake = INPUT_BYTES;
		}
		if (eng_pipes_round(&l->pipes, &r, TICK_MS) < 0)
			break;
		eng_sync_sent(l->session.sync, r.sent);
		l->ended = l->ended || r.end;
		out = eng_sync_output(l->session.sync);
	}
}

static int one_session(struct link *l, struct engram_sync_report *out, enum eng_sync_mode mode,
                       struct engram_error *err)
{
	int r = eng_session_open(&l->session, l->pace.space, mode, l->pace.o, err);

	if (r < 0)
		return r;
	r = talk(l, err);
	if (eng_sync_state(l->session.sync) == ENG_SYNC_FAILED)
		say_why(l);
	eng_session_report(out, &l->session);
	out->durable_us = eng_space_mono_us(l->pace.space) - l->pace.began_us;
	if (r == 0 && mode == ENG_SYNC_FILE_IN) /* a session with a peer applies before it compares */
		eng_exchange_take_in(l->session.store.exchange, out->frames_received, out->frame_bytes_received);
	eng_session_close(&l->session);
	return r;
}

/* 1: behind a file there is another, 0: that was all. */
static int another(struct link *l, struct engram_error *err)
{
	bool moved;
	int r = 0;

	while (r == 0 && l->at == l->n && !l->ended) {
		r = round_of(l, &moved, err);
		if (r == 0)
			r = eng_session_pace_check(&l->pace, NULL, moved, err);
	}
	return r < 0 ? r : l->at < l->n;
}

/* Sessions until there is no more to hear; the pipes are the caller's. */
static int run(struct link *l, struct engram_sync_report *out, struct engram_space *space, enum eng_sync_mode mode,
               const struct engram_sync_options *o, struct engram_error *err)
{
	int r;

	*out = (struct engram_sync_report){0};
	eng_session_pace_begin(&l->pace, o, space);
	l->input = eng_alloc(INPUT_BYTES);
	if (!l->input)
		return eng_err_nomem(err);
	do {
		r = one_session(l, out, mode, err);
		if (r == 0 && mode == ENG_SYNC_FILE_IN)
			r = another(l, err);
	} while (r > 0);
	out->elapsed_us = eng_space_mono_us(space) - l->pace.began_us;
	eng_free(l->input);
	return r;
}

/* -- descriptors --------------------------------------------------------------------- */

static int run_borrowed(struct link *l, int to, int from, struct engram_sync_report *out,
                        struct engram_space *space, enum eng_sync_mode mode, const struct engram_sync_options *o,
                        struct engram_error *err)
{
	int r = eng_space_check_handle(space, err);

	if (r < 0)
		return r;
	r = eng_pipes_borrow(&l->pipes, to, from);
	if (r < 0)
		return eng_err_os(err, -r, "%s", l->peer);
	r = run(l, out, space, mode, o, err);
	eng_pipes_close(&l->pipes);
	return r;
}

int engram_sync(struct engram_space *space, struct engram_sync_report *out, const struct engram_sync_options *o, int in,
                int outward, struct engram_error *err)
{
	struct link l = {.peer = "peer"};

	return run_borrowed(&l, outward, in, out, space, ENG_SYNC_BOTH, o, err);
}

int engram_send(struct engram_space *space, struct engram_sync_report *out, const struct engram_sync_options *o,
                int outward, struct engram_error *err)
{
	struct link l = {.peer = "output"};
	struct engram_sync_options give = *o;

	give.flags = ENGRAM_GIVE;
	return run_borrowed(&l, outward, -1, out, space, ENG_SYNC_FILE_OUT, &give, err);
}

int engram_receive(struct engram_space *space, struct engram_sync_report *out, const struct engram_sync_options *o,
                   int in, struct engram_error *err)
{
	struct link l = {.peer = "input"};
	struct engram_sync_options take = *o;

	take.flags = ENGRAM_TAKE;
	return run_borrowed(&l, -1, in, out, space, ENG_SYNC_FILE_IN, &take, err);
}

/* -- a command ------------------------------------------------------------------------- */

/* What the peer's end says about a session that failed for want of it. */
static int explain(const char *command, int status, struct engram_error *err)
{
	if (status > 128 && status < 128 + SIGNALS) /* ssh ends with 255 of its own */
		return eng_err(err, ENGRAM_EUNAVAILABLE, "peer %s: ended by signal %d", command, status - 128);
	if (status == 127)
		return eng_err(err, ENGRAM_EUNAVAILABLE, "peer %s: cannot be run (exit status 127)", command);
	if (status > 0)
		return eng_err(err, ENGRAM_EUNAVAILABLE, "peer %s: ended with exit status %d", command, status);
	if (status == 0)
		return eng_err(err, ENGRAM_EUNAVAILABLE, "peer %s: ended before the session was done", command);
	eng_err_prefix(err, "peer %s", command);
	return ENGRAM_EUNAVAILABLE;
}

int engram_sync_command(struct engram_space *space, struct engram_sync_report *out, const struct engram_sync_options *o,
                        const char *command, struct engram_error *err)
{
	struct link l = {.peer = "peer"};
	struct eng_process child;
	bool lost;
	int status, r = eng_space_check_handle(space, err);

	if (r < 0)
		return r;
	r = eng_process_start(&child, command, ENG_GROUP_OURS);
	if (r < 0) {
		eng_err_os(err, -r, "peer %s: cannot be run", command);
		if (err)
			err->code = ENGRAM_EUNAVAILABLE;
		return ENGRAM_EUNAVAILABLE;
	}
	eng_pipes_widen(&child.pipes);
	l.pipes = child.pipes;
	r = run(&l, out, space, ENG_SYNC_BOTH, o, err);
	child.pipes = l.pipes;
	/* One that closed its end is about to end by itself, and says how. */
	lost = r == ENGRAM_EUNAVAILABLE && (l.ended || l.pipes.to < 0);
	status = eng_process_end(&child, r < 0 && !lost, END_MS);
	return r == ENGRAM_EUNAVAILABLE ? explain(command, lost ? status : -1, err) : r;
}
