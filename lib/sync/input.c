/* input.c - bytes to messages, and frames to the store.
 *
 * A message is handled where it lies when all of it came in one piece, and gathered
 * in in.p when it did not; memory follows what came, never what was announced.
 * Frames of a run are never gathered, but for the one that a piece of input ends
 * in: the store gets spans of whole frames straight from the caller's bytes.  So
 * frames that came before a cut are kept, however long the run was to be. */
#include "sync/sync_int.h"

#include <stdarg.h>
#include <stdio.h>

#include "frame/segment.h"

int eng_sync_bad(struct eng_sync *s, const char *format, ...)
{
	char text[sizeof s->err.message];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof text, format, ap);
	va_end(ap);
	return eng_err(&s->err, ENGRAM_EINPUT, "byte %llu: %s", (unsigned long long)s->in.begin, text);
}

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Bytes into in.p, no more than `whole` of them in all. */
static int gather(struct eng_sync *s, size_t *used, const uint8_t *p, size_t n, size_t whole)
{
	struct input *in = &s->in;
	size_t want, cap = in->cap ? in->cap : 4096;
	uint8_t *q;

	n = least(n, whole - in->n);
	for (want = in->n + n; cap < want; cap *= 2)
		;
	/* All of it once a quarter has come: neither twice 4 MiB for a little more than 4,
	 * nor an old 4 beside a new one. */
	cap = want > whole / 4 ? whole : cap;
	if (cap > in->cap) {
		q = eng_realloc(in->p, cap);
		if (!q)
			return eng_err_nomem(&s->err);
		in->p = q;
		in->cap = cap;
	}
	memcpy(in->p + in->n, p, n);
	in->n += n;
	*used = n;
	return 0;
}

/* -- before the first message -------------------------------------------------- */

/* Keeps the first line that is not empty. */
static void banner(struct eng_sync *s, const uint8_t *p, size_t n)
{
	char *out = s->stats.banner;
	size_t at = strlen(out);

	s->stats.banner_bytes += n;
	for (size_t i = 0; i < n && !s->in.banner_kept; i++) {
		s->in.banner_kept = (p[i] == '\n' && at > 0) || at + 2 >= sizeof s->stats.banner;
		if (p[i] != '\n' && p[i] != '\r')
			out[at++] = (char)(p[i] >= 0x20 && p[i] < 0x7f ? p[i] : '?');
	}
}

static int take_magic(struct eng_sync *s, size_t *used, const uint8_t *p, size_t n)
{
	static const uint8_t magic[] = ENG_SYNC_MAGIC;
	struct input *in = &s->in;

	for (size_t i = 0; i < n; i++) {
		if (p[i] == magic[in->matched]) {
			if (++in->matched < ENG_SYNC_MAGIC_SIZE)
				continue;
			in->at = IN_HEAD;
			*used = i + 1;
			return 0;
		}
		/* No byte of the magic is its first one again. */
		banner(s, magic, in->matched);
		in->matched = p[i] == magic[0];
		if (!in->matched)
			banner(s, p + i, 1);
		if (s->stats.banner_bytes > ENG_SYNC_BANNER)
			return eng_err(&s->err, ENGRAM_EINPUT,
			               "wanted a hello within %u bytes, found \"%s\" and what follows it",
			               ENG_SYNC_BANNER, s->stats.banner);
	}
	*used = n;
	return 0;
}

/* -- frames ---------------------------------------------------------------------- */

static const char *name_of(char out[ENG_SERIES_NAME + 1], const struct eng_series *series)
{
	eng_series_name(out, series);
	return out;
}

static int begin_frames(struct eng_sync *s, const uint8_t *p)
{
	struct input *in = &s->in;
	char name[ENG_SERIES_NAME + 1];
	const bool mend = in->head.type == ENG_MSG_MEND;

	memcpy(in->series.b, p, 16);
	in->next = mend ? 0 : eng_get64(p + 16);
	in->frames = mend ? 1 : eng_get32(p + 24);
	in->left = in->head.length - (mend ? ENG_MEND_HEAD : ENG_RUN_HEAD);
	in->at = IN_FRAMES;
	if (!s->take && s->o.mode == ENG_SYNC_BOTH)
		return eng_err(&s->err, ENGRAM_EPERM, "byte %llu: the peer sends frames, and none are taken here",
		               (unsigned long long)in->begin);
	if (in->frames == 0 || in->frames > in->left / ENG_FRAME_HEADER || (!mend && in->next == 0) ||
	    in->next > UINT64_MAX - in->frames)
		return eng_sync_bad(s, "run of series %s: %u frames from seq %llu in %u bytes cannot be",
		                    name_of(name, &in->series), in->frames, (unsigned long long)in->next, in->left);
	if (!mend)
		s->stats.series_received += in->next > 0 && memcmp(s->got.series.b, in->series.b, 16) != 0;
	return 0;
}

/* The frame at p, of which n bytes are there: its size, 0 = not even the header,
 * or an error. */
static int frame_size(struct eng_sync *s, size_t *size, struct eng_header *h, const uint8_t *p, size_t n,
                      uint64_t ahead, uint32_t left)
{
	const struct input *in = &s->in;
	enum eng_header_state state;
	char name[ENG_SERIES_NAME + 1];

	*size = 0;
	if (n < ENG_FRAME_HEADER)
		return 0;
	state = eng_header_decode(h, p);
	name_of(name, &in->series);
	if (state != ENG_HEADER_OK)
		return eng_sync_bad(s, "series %s: wanted frame %llu, found %s", name,
		                    (unsigned long long)(in->next + ahead), eng_header_state_text(state));
	if (in->head.type == ENG_MSG_RUN && h->seq != in->next + ahead)
		return eng_sync_bad(s, "series %s: wanted seq %llu, found %llu", name,
		                    (unsigned long long)(in->next + ahead), (unsigned long long)h->seq);
	*size = eng_frame_size(h->payload_len);
	if (*size > left)
		return eng_sync_bad(s, "series %s seq %llu: wanted a frame of at most %u bytes, found %zu", name,
		                    (unsigned long long)h->seq, left, *size);
	return 0;
}

/* Of the frames just handed over, the first that the store has otherwise: the
 * store says that there is one, its `received` which, once what another session left
 * there is durable. */
static int fork_in(struct eng_sync *s, const uint8_t *p, size_t n, size_t *at)
{
	struct eng_sync_fork fork = {s->in.series, 0};
	struct eng_header h;
	char name[ENG_SERIES_NAME + 1];
	uint64_t here;
	uint32_t mine;
	int r = eng_sync_stored(s, s->store.flush(s->store.ctx, &s->err));

	if (r == 0)
		r = eng_sync_stored(s, eng_sync_now(s, &here, &s->in.series));
	for (*at = 0; r == 0 && *at < n; *at += eng_frame_size(h.payload_len)) {
		(void)eng_header_decode(&h, p + *at);
		if (h.seq > here)
			break;
		r = eng_sync_check_at(s, &mine, &s->in.series, h.seq);
		if (r == 0 && mine != h.header_check) {
			fork.seq = h.seq;
			return eng_sync_forked(s, &fork, mine, h.header_check);
		}
	}
	return r < 0 ? r : eng_err(&s->err, ENGRAM_EBUSY, "series %s: changed by another session meanwhile: try again",
	                           name_of(name, &s->in.series));
}

/* The store refused frames of the peer. */
static int refused(struct eng_sync *s)
{
	const struct eng_position *told = eng_sync_find(&s->mine, &s->in.series);
	uint64_t had = eng_series_cmp(&s->got.series, &s->in.series) == 0 ? s->got.seq : 0;
	int r;

	if (told && told->seq > had)
		had = told->seq;
	r = eng_sync_gone(s, &s->in.series, had, ENGRAM_EINPUT);
	if (r == ENGRAM_EINPUT)
		eng_err_prefix(&s->err, "byte %llu", (unsigned long long)s->in.begin);
	return r;
}

static int to_store(struct eng_sync *s, const uint8_t *p, size_t n, uint32_t frames)
{
	uint64_t taken = 0;
	size_t at;
	int r;

	if (s->in.head.type == ENG_MSG_MEND) {
		r = eng_sync_stored(s, s->store.mend(s->store.ctx, p, n, &s->err));
		s->stats.mended += r == 0;
		return r;
	}
	r = s->store.receive(s->store.ctx, &taken, &s->in.series, p, n, &s->err);
	s->stats.frames_received += taken;
	if (r == ENG_SYNC_FORKED) {
		r = fork_in(s, p, n, &at);
		if (r == 0) {
			uint64_t more = 0;
			r = s->store.receive(s->store.ctx, &more, &s->in.series, p + at, n - at, &s->err);
			s->stats.frames_received += more;
			taken += more;
		}
		if (r > 0)
			r = eng_err(&s->err, ENGRAM_EINPUT, "series %s: forks twice in one run",
			            name_of((char[ENG_SERIES_NAME + 1]){0}, &s->in.series));
	}
	if (r < 0)
		return r == ENGRAM_EINPUT ? refused(s) : eng_sync_stored(s, r);
	s->stats.frames_known += ENG_PLANTED(110) ? 0 : frames - taken;
	s->stats.frame_bytes_received += taken == frames ? n : n * taken / frames;
	return 0;
}

/* n bytes of whole frames, `frames` of them, h the last. */
static int deliver(struct eng_sync *s, const uint8_t *p, size_t n, uint32_t frames, const struct eng_header *h)
{
	struct input *in = &s->in;
	int r = to_store(s, p, n, frames);

	if (r < 0)
		return r;
	in->next += frames;
	in->frames -= frames;
	in->left -= (uint32_t)n;
	s->got_bytes += n;
	s->got = (struct eng_position){in->series, h->seq, h->header_check};
	if (in->frames == 0 && in->left > 0)
		return eng_sync_bad(s, "run: wanted its end, found %u more bytes", in->left);
	if (in->left > 0 && in->frames > in->left / ENG_FRAME_HEADER)
		return eng_sync_bad(s, "run: wanted %u more frames, found %u bytes", in->frames, in->left);
	if (in->frames > 0 && in->left == 0)
		return eng_sync_bad(s, "run: wanted %u more frames, found its end", in->frames);
	if (in->left > 0)
		return 0;
	in->at = IN_HEAD;
	return in->head.flags & ENG_MSG_NOW && s->o.mode == ENG_SYNC_BOTH ? eng_sync_flush(s, true) : 0;
}

/* A frame that began in an earlier piece of input. */
static int take_rest(struct eng_sync *s, size_t *used, const uint8_t *p, size_t n)
{
	struct input *in = &s->in;
	struct eng_header h;
	size_t size = ENG_FRAME_HEADER, more;
	int r = 0;

	*used = 0;
	if (in->n < ENG_FRAME_HEADER)
		r = gather(s, used, p, n, least(ENG_FRAME_HEADER, in->left));
	if (r == 0 && in->n >= least(ENG_FRAME_HEADER, in->left))
		r = frame_size(s, &size, &h, in->p, in->n, 0, in->left);
	if (r < 0 || in->n < ENG_FRAME_HEADER)
		return r;
	r = gather(s, &more, p + *used, n - *used, size);
	if (r < 0)
		return r;
	*used += more;
	if (in->n < size)
		return 0;
	r = deliver(s, in->p, size, 1, &h);
	in->n = 0;
	return r;
}

static int take_frames(struct eng_sync *s, size_t *used, const uint8_t *p, size_t n)
{
	struct input *in = &s->in;
	struct eng_header h, last;
	uint32_t frames = 0;
	size_t span = 0, size;
	int r = 0;

	if (in->n > 0)
		return take_rest(s, used, p, n);
	n = least(n, in->left);
	while (r == 0 && frames < in->frames) {
		r = frame_size(s, &size, &h, p + span, n - span, frames, in->left - (uint32_t)span);
		if (r < 0 || size == 0 || size > n - span)
			break;
		last = h;
		span += size;
		frames++;
	}
	if (frames == 0)
		return r < 0 ? r : take_rest(s, used, p, n);
	*used = span;
	return deliver(s, p, span, frames, &last); /* what stands in front of a bad frame counts */
}

int eng_sync_flush(struct eng_sync *s, bool ack)
{
	struct eng_buf *b = &s->out;
	size_t begin;
	int r;

	if (s->got_bytes == s->flushed_bytes)
		return 0;
	r = ENG_PLANTED(112) ? 0 : eng_sync_stored(s, s->store.flush(s->store.ctx, &s->err));
	if (r < 0)
		return r;
	s->flushed_bytes = s->got_bytes;
	if (!ack)
		return 0;
	begin = eng_message_begin(b);
	eng_buf_u64(b, s->got_bytes);
	eng_wire_position(b, &s->got);
	eng_buf_u32(b, 0);
	eng_message_end(b, begin, ENG_MSG_ACK, 0);
	return eng_sync_said(s);
}

/* -- bodies ----------------------------------------------------------------------- */

static int hear_error(struct eng_sync *s, const uint8_t *p, size_t n)
{
	const int32_t code = (int32_t)eng_get32(p);
	const size_t nmessage = eng_get16(p + 4), nhint = eng_get16(p + 6);
	char text[sizeof s->err.message];
	size_t k;

	if (nmessage + nhint > n - 8)
		return eng_sync_bad(s, "error: wanted %zu bytes of text, found %zu", nmessage + nhint, n - 8);
	s->told = true;
	for (k = 0; k < nmessage && k + 1 < sizeof text; k++)
		text[k] = (char)(p[8 + k] < 0x20 || p[8 + k] == 0x7f ? ' ' : p[8 + k]);
	text[k] = '\0';
	/* A number that this version does not know says only that it failed. */
	eng_err(&s->err, code < 0 && code >= ENGRAM_ECLOCK ? code : ENGRAM_EUNAVAILABLE, "peer: %s", text);
	for (k = 0; k < nhint && k + 1 < sizeof s->err.hint; k++)
		s->err.hint[k] = (char)(p[8 + nmessage + k] < 0x20 ? ' ' : p[8 + nmessage + k]);
	s->err.hint[k] = '\0';
	return s->err.code;
}

static int hear_end(struct eng_sync *s)
{
	int r = eng_sync_flush(s, s->o.mode == ENG_SYNC_BOTH);

	s->end_in = true;
	if (r == 0 && s->o.mode == ENG_SYNC_FILE_IN)
		r = eng_sync_file_end(s);
	return r;
}

static int hear(struct eng_sync *s, const uint8_t *p, size_t n)
{
	switch (s->in.head.type) {
	case ENG_MSG_HELLO:
		return eng_sync_hear_hello(s, p);
	case ENG_MSG_FORKS:
		return eng_sync_hear_forks(s, p, n);
	case ENG_MSG_VECTOR:
		return eng_sync_hear_vector(s, p, n);
	case ENG_MSG_ASK:
		return eng_sync_hear_ask(s, p, n);
	case ENG_MSG_TELL:
		return eng_sync_hear_tell(s, p, n);
	case ENG_MSG_SETTLED:
		return eng_sync_hear_settled(s, p, n);
	case ENG_MSG_WANTED:
		s->wanted_in = true;
		return eng_sync_hear_positions(s, &s->wanted, p, n);
	case ENG_MSG_ACK:
		return eng_sync_hear_ack(s, p);
	case ENG_MSG_END:
		return hear_end(s);
	case ENG_MSG_DIGEST:
		return eng_sync_hear_digest(s, p);
	case ENG_MSG_BUCKETS:
		return eng_sync_hear_buckets(s, p);
	case ENG_MSG_ITEMS:
		return eng_sync_hear_items(s, p, n);
	case ENG_MSG_BYE:
		return eng_sync_hear_bye(s);
	case ENG_MSG_ERROR:
		return hear_error(s, p, n);
	}
	return 0; /* optional */
}

/* The body, or what of it comes before the frames, is whole. */
static int whole(struct eng_sync *s, const uint8_t *p, size_t n)
{
	const bool frames = s->in.head.type == ENG_MSG_RUN || s->in.head.type == ENG_MSG_MEND;

	s->in.n = 0;
	s->in.at = IN_HEAD;
	if (eng_message_check(p, n) != s->in.head.body_check)
		return eng_sync_bad(s, "%s: check wrong", eng_message_name(s->in.head.type));
	return frames ? begin_frames(s, p) : hear(s, p, n);
}

/* -- which message may come now ------------------------------------------------- */

static bool expected(const struct eng_sync *s, uint8_t type)
{
	const bool file = s->o.mode == ENG_SYNC_FILE_IN;

	switch (type) {
	case ENG_MSG_HELLO:
		return s->phase == PHASE_HELLO;
	case ENG_MSG_FORKS:
		return file ? s->phase == PHASE_RUNS : s->phase == PHASE_SETTLE && !s->forks_in;
	case ENG_MSG_VECTOR:
		return file ? s->phase == PHASE_RUNS : s->phase == PHASE_SETTLE && s->forks_in && !s->vector_in;
	case ENG_MSG_ASK:
	case ENG_MSG_SETTLED:
		return s->phase == PHASE_SETTLE && s->vector_in && !s->settled_in;
	case ENG_MSG_TELL:
		return s->phase == PHASE_SETTLE && s->search.asking;
	case ENG_MSG_WANTED:
		return s->phase == PHASE_RUNS && !file && !s->wanted_in;
	case ENG_MSG_RUN:
	case ENG_MSG_MEND:
		return s->phase == PHASE_RUNS && !s->end_in;
	case ENG_MSG_ACK:
		return s->phase == PHASE_RUNS && !file;
	case ENG_MSG_END:
		return s->phase == PHASE_RUNS && !s->end_in && (s->wanted_in || file);
	case ENG_MSG_DIGEST:
		return s->end_in && !s->digest_in && !s->strangers;
	case ENG_MSG_BUCKETS:
		return s->digest_in && !s->their_sums;
	case ENG_MSG_ITEMS:
		return s->their_sums && !s->items;
	case ENG_MSG_BYE:
		return (s->digest_in || (s->end_in && s->strangers)) && !s->bye_in;
	}
	return type == ENG_MSG_ERROR || (type >= ENG_MSG_OPTIONAL && s->phase > PHASE_HELLO);
}

static const char *wanted_now(const struct eng_sync *s)
{
	static const char *const names[] = {
		[PHASE_HELLO] = "a hello",
		[PHASE_SETTLE] = "forks, a vector, or what settles them",
		[PHASE_RUNS] = "runs, acknowledgements or their end",
		[PHASE_DIGESTS] = "a digest",
		[PHASE_BUCKETS] = "buckets",
		[PHASE_ITEMS] = "items",
		[PHASE_BYE] = "a farewell",
	};

	return names[s->phase];
}

static int take_head(struct eng_sync *s, size_t *used, const uint8_t *p, size_t n)
{
	struct input *in = &s->in;
	uint32_t low, high, entry;

	if (in->nraw == 0)
		in->begin = s->stats.bytes_in;
	*used = least(n, ENG_MSG_HEAD - in->nraw);
	memcpy(in->raw + in->nraw, p, *used);
	in->nraw += *used;
	if (in->nraw < ENG_MSG_HEAD)
		return 0;
	in->nraw = 0;
	in->n = 0;
	if (!eng_message_head(&in->head, in->raw))
		return eng_sync_bad(s, "wanted the head of a message, found one whose check is wrong");
	if (!expected(s, in->head.type))
		return eng_sync_bad(s, "wanted %s, found %s (type %u)", wanted_now(s), eng_message_name(in->head.type),
		                    in->head.type);
	eng_message_limits(&low, &high, &entry, in->head.type);
	if (in->head.length < low || in->head.length > high || (in->head.length - low) % entry)
		return eng_sync_bad(s, "%s: wanted %u to %u bytes, found %u", eng_message_name(in->head.type), low, high,
		                    in->head.length);
	in->at = IN_BODY;
	return in->head.length == 0 ? whole(s, p, 0) : 0;
}

static int take_body(struct eng_sync *s, size_t *used, const uint8_t *p, size_t n)
{
	const size_t want = eng_message_checked(&s->in.head);
	int r;

	*used = want;
	if (s->in.n == 0 && n >= want)
		return whole(s, p, want);
	r = gather(s, used, p, n, want);
	return r == 0 && s->in.n == want ? whole(s, s->in.p, want) : r;
}

int eng_sync_take(struct eng_sync *s, size_t *used, const uint8_t *p, size_t n)
{
	*used = 0;
	switch (s->in.at) {
	case IN_MAGIC:
		return take_magic(s, used, p, n);
	case IN_HEAD:
		return take_head(s, used, p, n);
	case IN_BODY:
		return take_body(s, used, p, n);
	case IN_FRAMES:
		return take_frames(s, used, p, n);
	}
	return 0;
}
