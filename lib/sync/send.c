/* send.c - what the other lacks: runs series by series, whole frames for its stubs,
 * the end.
 *
 * The store appends frames straight into the output, behind room for the heads, and
 * they are not touched again.  At most ENG_SYNC_BATCH bytes of frames are under way:
 * every half of it asks for an acknowledgement, so the peer flushes twice a batch
 * and not once a message, and never has to guess whether more will come. */
#include "sync/sync_int.h"

#include "frame/payload.h"
#include "frame/segment.h"

static uint64_t their_seq(const struct eng_sync *s, const struct eng_position *here)
{
	const struct eng_position *theirs = eng_sync_find(&s->theirs, &here->series);

	return theirs ? theirs->seq : 0;
}

static void count_due(struct eng_sync *s)
{
	const struct eng_position *other;

	for (size_t i = 0; i < s->mine.n; i++) {
		uint64_t theirs = their_seq(s, &s->mine.v[i]), mine = s->mine.v[i].seq;
		s->stats.frames_due_out += mine > theirs ? mine - theirs : 0;
	}
	for (size_t i = 0; i < s->theirs.n; i++) {
		other = eng_sync_find(&s->mine, &s->theirs.v[i].series);
		if (!other || other->seq < s->theirs.v[i].seq)
			s->stats.frames_due_in += s->theirs.v[i].seq - (other ? other->seq : 0);
	}
}

static int say_wanted(struct eng_sync *s)
{
	const struct eng_position *v = NULL;
	size_t n = 0, begin;
	int r = 0;

	if (s->take)
		r = eng_sync_stored(s, s->store.wanted(s->store.ctx, &v, &n, &s->err));
	if (r < 0)
		return r;
	begin = eng_message_begin(&s->out);
	for (size_t i = 0; i < n && i < ENG_SYNC_WANTED_MAX; i++)
		eng_wire_position(&s->out, &v[i]);
	eng_message_end(&s->out, begin, ENG_MSG_WANTED, 0);
	return eng_sync_said(s);
}

int eng_sync_begin_runs(struct eng_sync *s)
{
	s->phase = PHASE_RUNS;
	if (s->o.mode == ENG_SYNC_FILE_IN)
		return 0;
	if (s->round == 0) /* equal vectors */
		s->send_at = s->mine.n;
	else
		count_due(s);
	return say_wanted(s);
}

/* -- runs -------------------------------------------------------------------------- */

/* The next series of which there is more; false = none. */
static bool next_series(struct eng_sync *s)
{
	uint64_t theirs;

	for (; s->give && s->send_at < s->mine.n; s->send_at++, s->send_begun = false) {
		if (!s->send_begun) {
			theirs = their_seq(s, &s->mine.v[s->send_at]);
			s->sent_seq = theirs + (ENG_PLANTED(109) && theirs);
			s->send_begun = true;
			s->stats.series_sent += theirs < s->mine.v[s->send_at].seq;
		}
		if (s->sent_seq < s->mine.v[s->send_at].seq)
			return true;
	}
	return false;
}

static uint64_t under_way(const struct eng_sync *s)
{
	return s->sent_bytes - s->acked_bytes;
}

static size_t room(const struct eng_sync *s)
{
	const uint64_t left = s->o.mode == ENG_SYNC_FILE_OUT ? ENG_SYNC_RUN :
	                      under_way(s) < ENG_SYNC_BATCH  ? ENG_SYNC_BATCH - under_way(s) :
	                                                       0;

	return left < ENG_SYNC_RUN ? (size_t)left : ENG_SYNC_RUN;
}

/* Frames went out: whether to ask for what is durable. */
static uint8_t count_out(struct eng_sync *s, size_t bytes, size_t frames)
{
	s->sent_bytes += bytes;
	s->stats.frames_sent += frames;
	s->stats.frame_bytes_sent += bytes;
	if (s->o.mode == ENG_SYNC_FILE_OUT || s->sent_bytes - s->asked_bytes < ENG_SYNC_BATCH / 2)
		return 0;
	s->asked_bytes = s->sent_bytes;
	return ENG_MSG_NOW;
}

static int read_frames(struct eng_sync *s, size_t *n, const struct eng_series *series, uint64_t after, uint64_t upto,
                       size_t most)
{
	char name[ENG_SERIES_NAME + 1];
	int r;

	*n = 0;
	r = s->store.read(s->store.ctx, &s->out, n, series, after, upto, most, &s->err);
	if (r == 0 && *n > 0)
		return 0;
	eng_series_name(name, series);
	if (r == 0)
		r = eng_err(&s->err, ENGRAM_EINTERNAL, "series %s: wanted frames after %llu, found none", name,
		            (unsigned long long)after);
	return eng_sync_stored(s, eng_sync_gone(s, series, after + 1, r));
}

static int say_run(struct eng_sync *s)
{
	const struct eng_position *mine = &s->mine.v[s->send_at];
	struct eng_buf *b = &s->out;
	const size_t begin = eng_message_begin(b), at = begin + ENG_MSG_HEAD;
	size_t n, bytes;
	int r;

	eng_buf_add(b, mine->series.b, sizeof mine->series.b);
	eng_buf_zero(b, ENG_RUN_HEAD - 16);
	r = eng_sync_said(s);
	if (r == 0)
		r = read_frames(s, &n, &mine->series, s->sent_seq, mine->seq, room(s));
	if (r == 0)
		r = eng_sync_said(s);
	if (r < 0)
		return r;
	/* A branch begins at its fork: the first header says where. */
	eng_set64(b->p + at + 16, eng_get64(b->p + at + ENG_RUN_HEAD + 40));
	eng_set32(b->p + at + 24, (uint32_t)n);
	s->sent_seq = ENG_PLANTED(111) ? mine->seq : eng_get64(b->p + at + 16) + n - 1;
	bytes = b->n - at - ENG_RUN_HEAD;
	eng_message_end(b, begin, ENG_MSG_RUN, count_out(s, bytes, n));
	return 0;
}

/* -- whole frames for stubs --------------------------------------------------------- */

/* Both had the forget that our stub names when the session began: so theirs names
 * another one, which they lack. */
static bool both_have_killer(const struct eng_sync *s, const uint8_t *frame)
{
	const struct eng_position *mine;
	struct eng_stub stub;
	struct eng_header h;

	if (eng_header_decode(&h, frame) != ENG_HEADER_OK ||
	    eng_stub_decode(&stub, frame + ENG_FRAME_HEADER, h.payload_len) < 0)
		return false;
	mine = eng_sync_find(&s->mine, &stub.killer.series);
	return mine && mine->seq >= stub.killer.seq && (s->round == 0 || their_seq(s, mine) >= stub.killer.seq);
}

/* A stub of theirs: of which this end has the whole frame, or a stub that another
 * forget made, if it has. */
static int say_mend(struct eng_sync *s, const struct eng_position *want)
{
	const struct eng_position *here = eng_sync_find(&s->mine, &want->series);
	struct eng_buf *b = &s->out;
	const size_t begin = b->n, frame = begin + ENG_MSG_HEAD + ENG_MEND_HEAD;
	uint32_t check;
	size_t n;
	int r;

	if (!here || here->seq < want->seq)
		return 0;
	r = eng_sync_check_at(s, &check, &want->series, want->seq);
	if (r < 0 || check != want->header_check)
		return r;
	(void)eng_message_begin(b);
	eng_buf_add(b, want->series.b, sizeof want->series.b);
	r = eng_sync_said(s);
	if (r == 0)
		r = read_frames(s, &n, &want->series, want->seq - 1, want->seq, 1);
	if (r == 0)
		r = eng_sync_said(s);
	if (r < 0)
		return r;
	if (b->p[frame + 6] & ENG_FLAG_STUB && !both_have_killer(s, b->p + frame))
		b->n = begin; /* no better than theirs */
	else
		eng_message_end(b, begin, ENG_MSG_MEND, count_out(s, b->n - frame, 1));
	return 0;
}

/* -- the end -------------------------------------------------------------------------- */

static int say_end(struct eng_sync *s)
{
	s->end_out = true;
	return eng_sync_say(s, ENG_MSG_END, NULL, 0);
}

static int send_next(struct eng_sync *s)
{
	if (room(s) == 0)
		return 0;
	if (next_series(s))
		return say_run(s);
	if (!s->wanted_in)
		return 0;
	if (s->give && s->mend_at < s->wanted.n)
		return say_mend(s, &s->wanted.v[s->mend_at++]);
	return say_end(s);
}

int eng_sync_send(struct eng_sync *s)
{
	size_t said, looked;
	int r = 0;

	/* Small runs go together; a stub that this end cannot mend says nothing. */
	do {
		said = s->out.n;
		looked = s->mend_at;
		if (!s->end_out && said - s->out_at < ENG_SYNC_OUT_FULL)
			r = send_next(s);
	} while (r == 0 && (s->out.n > said || s->mend_at > looked));
	if (r < 0 || !s->end_out || !s->end_in || under_way(s) > 0)
		return r;
	s->phase = PHASE_DIGESTS;
	return eng_sync_compare(s);
}

int eng_sync_hear_ack(struct eng_sync *s, const uint8_t *p)
{
	const uint64_t bytes = eng_get64(p);

	if (bytes <= s->acked_bytes || bytes > s->sent_bytes)
		return eng_sync_bad(s, "ack: wanted up to %llu bytes beyond %llu, found %llu",
		                    (unsigned long long)s->sent_bytes, (unsigned long long)s->acked_bytes,
		                    (unsigned long long)bytes);
	s->acked_bytes = bytes;
	s->stats.acked = eng_wire_position_read(p + 8);
	return 0;
}

/* -- to a file ------------------------------------------------------------------------- */

int eng_sync_check_after(struct eng_sync *s)
{
	const struct eng_position *after = s->o.after, *here;
	char name[ENG_SERIES_NAME + 1];
	uint32_t check;
	int r = 0;

	for (size_t i = 0; r == 0 && i < s->o.nafter; i++, after++) {
		eng_series_name(name, &after->series);
		if (i > 0 && eng_series_cmp(&after[-1].series, &after->series) >= 0)
			return eng_err(&s->err, ENGRAM_EINPUT, "position: series %s: wanted each once and ascending",
			               name);
		here = eng_sync_find(&s->mine, &after->series);
		if (!here || after->seq == 0 || after->seq > here->seq)
			continue; /* the reader is ahead, or elsewhere */
		r = eng_sync_check_at(s, &check, &after->series, after->seq);
		if (r == 0 && check != after->header_check)
			return eng_err(&s->err, ENGRAM_EINPUT,
			               "position: series %s, frame %llu: wanted header check %08x, found %08x; two stores "
			               "wrote this series, which a file cannot settle but a sync can", name,
			               (unsigned long long)after->seq, check, after->header_check);
	}
	return r;
}

int eng_sync_send_file(struct eng_sync *s)
{
	int r = 0;

	if (s->phase == PHASE_HELLO) {
		s->phase = PHASE_RUNS;
		s->give = true;
		count_due(s);
		eng_sync_say_forks(s);
		return eng_sync_said(s);
	}
	while (r == 0 && s->out.n - s->out_at < ENG_SYNC_OUT_FULL && next_series(s))
		r = say_run(s);
	if (r < 0 || next_series(s))
		return r;
	eng_sync_say_vector(s);
	r = say_end(s);
	if (r == 0)
		s->state = ENG_SYNC_DONE;
	return r;
}
