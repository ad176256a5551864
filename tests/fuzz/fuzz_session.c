/* fuzz_session.c - one end of a session takes any bytes from the other.
 *
 * The input begins with a byte of choices (which mode; in which pieces), then comes
 * what a peer says to a model store of eight memories.  Checks cannot be guessed, so
 * the second bit has the checks of all messages and frame headers made right before
 * they are heard. */
#include "fuzz.h"

#include "../lib/talk.h"
#include "base/le.h"
#include "sync/wire.h"

const char fuzz_name[] = "session";

enum { A_FILE = 1, MENDED = 2, SMALL_PIECES = 4 };

static struct modelstore *store(const char *who)
{
	struct modelstore *m = talk_store(1);
	char text[32];

	for (int i = 0; i < 8; i++) {
		snprintf(text, sizeof text, "%s %d", i < 4 ? "common" : who, i);
		modelstore_remember(m, NULL, text);
	}
	modelstore_flush(m);
	return m;
}

/* -- seeds: what real peers say ---------------------------------------------------- */

static void record(struct eng_buf *out, const char *who, const struct eng_sync_options *o)
{
	struct modelstore *a = store("a"), *b = who ? store(who) : modelstore_new(2);
	struct talk *t = malloc(sizeof *t);

	if (!t || talk_begin(t, a, b, NULL, o) != 0)
		abort();
	t->b.record = out;
	FUZZ_HOLD(talk_run(t, NULL, 4096) && talk_done(t));
	talk_end(t);
	free(t);
	modelstore_free(a);
	modelstore_free(b);
}

static void record_file(struct eng_buf *out)
{
	struct modelstore *m = store("b");

	FUZZ_HOLD(talk_file(m, out, NULL, 0, NULL) == 0);
	modelstore_free(m);
}

void fuzz_seeds(fuzz_emit_fn *emit, void *data)
{
	static const struct eng_sync_options give = {.mode = ENG_SYNC_BOTH, .give = true};
	struct eng_buf b = ENG_BUF_INIT;

	for (int i = 0; i < 5; i++) {
		eng_buf_reset(&b);
		eng_buf_byte(&b, MENDED | (i == 4 ? A_FILE : 0) | (i & 1 ? SMALL_PIECES : 0));
		if (i == 0)
			record(&b, "b", NULL); /* a fork at 5 */
		if (i == 1)
			record(&b, "a", NULL); /* equal */
		if (i == 2)
			record(&b, NULL, NULL); /* empty */
		if (i == 3)
			record(&b, "b", &give);
		if (i == 4)
			record_file(&b);
		emit(data, b.p, b.n);
	}
	eng_buf_free(&b);
}

/* -- checks made right ---------------------------------------------------------------- */

static void mend_frames(uint8_t *p, size_t n)
{
	struct eng_header h;

	while (n >= ENG_FRAME_HEADER) {
		(void)eng_header_decode(&h, p);
		eng_header_encode(p, &h);
		if (eng_frame_size(h.payload_len) > n)
			return;
		n -= eng_frame_size(h.payload_len);
		p += eng_frame_size(h.payload_len);
	}
}

static void mend(uint8_t *p, size_t n)
{
	if (n < ENG_SYNC_MAGIC_SIZE)
		return;
	p += ENG_SYNC_MAGIC_SIZE;
	n -= ENG_SYNC_MAGIC_SIZE;
	while (n >= ENG_MSG_HEAD) {
		struct eng_message_head h = {.type = p[0], .length = eng_get32(p + 4)};
		size_t checked = eng_message_checked(&h), body = h.length < n - ENG_MSG_HEAD ? h.length : n - ENG_MSG_HEAD;

		if (checked <= body) {
			eng_set32(p + 8, eng_message_check(p + ENG_MSG_HEAD, checked));
			if (checked < body)
				mend_frames(p + ENG_MSG_HEAD + checked, body - checked);
		}
		eng_set32(p + 12, eng_message_check(p, 12));
		p += ENG_MSG_HEAD + body;
		n -= ENG_MSG_HEAD + body;
	}
}

/* -- the target --------------------------------------------------------------------------- */

static int take(struct eng_sync *s, const uint8_t *p, size_t n, size_t most, struct engram_error *err)
{
	size_t used;
	int r = 0;

	while (r == 0 && n > 0 && eng_sync_state(s) == ENG_SYNC_RUNNING) {
		size_t said = eng_sync_output(s).n;
		r = eng_sync_input(s, &used, p, n < most ? n : most, err);
		FUZZ_HOLD(used <= n && (used > 0 || r < 0 || said > 0));
		p += used;
		n -= used;
		if (r == 0)
			r = eng_sync_step(s, err);
		eng_sync_sent(s, eng_sync_output(s).n);
		if (r == 0)
			r = eng_sync_step(s, err);
	}
	return r == 0 ? eng_sync_input_end(s, err) : r;
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static struct modelstore *whole;
	struct eng_sync_options o = talk_both;
	struct engram_error err = {0};
	struct eng_sync_store seam;
	struct modelstore *m;
	struct eng_sync *s;
	uint8_t *copy;
	int r;

	if (n == 0)
		return 0;
	whole = whole ? whole : store("a");
	m = modelstore_copy(whole);
	seam = modelstore_seam(m);
	copy = malloc(n);
	memcpy(copy, p, n);
	if (p[0] & MENDED)
		mend(copy + 1, n - 1);
	if (p[0] & A_FILE)
		o.mode = ENG_SYNC_FILE_IN;
	FUZZ_HOLD(eng_sync_new(&s, &o, &seam, &err) == 0);
	r = take(s, copy + 1, n - 1, p[0] & SMALL_PIECES ? 13 : n, &err);
	FUZZ_HOLD(r == 0 ? eng_sync_state(s) == ENG_SYNC_DONE :
	                   eng_sync_state(s) == ENG_SYNC_FAILED && err.code == r && err.message[0]);
	FUZZ_HOLD(eng_sync_step(s, &err) == r);
	FUZZ_HOLD(modelstore_frames(m) >= 8); /* nothing is lost, whatever a peer says */
	eng_sync_free(s);
	modelstore_free(m);
	free(copy);
	return 0;
}
