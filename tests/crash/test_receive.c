/* test_receive.c - a series of another store is received while the power fails,
 * the process dies, or an operation does.
 *
 * The series is made in memory, once.  Whatever happened, the next writer finds a
 * prefix of it, byte for byte, no shorter than what a flush that answered 0 left;
 * the rest can be received behind it; the check finds nothing; and the own series of
 * the store is not touched.
 *
 * ENG_IMAGES multiplies the random subsets (1 by default). */
#include <errno.h>

#include "../lib/tap.h"
#include "base/hash.h"
#include "logclient.h"
#include "simfs.h"

enum { FRAMES = 60, FEW = 9 };

static struct eng_series series;
static struct eng_buf all;
static size_t at[FRAMES + 1]; /* where frame i + 1 begins */
static char scratch[ENG_PATH_MAX], image_root[ENG_PATH_MAX];

static unsigned factor(void)
{
	const char *given = getenv("ENG_IMAGES");

	return given ? (unsigned)atoi(given) : 1;
}

static void lay(uint64_t seq, uint32_t *prev, const struct engram_id *space)
{
	struct eng_header h = {.version = ENG_FRAME_VERSION, .kind = ENG_MEMORY, .series = series, .prev = *prev,
	                       .space_check = eng_frame_space_check(space), .seq = seq, .stamp = seq << 16};
	struct eng_buf payload = ENG_BUF_INIT;
	struct eng_payload_out o;
	struct engram_id id = {{1}};
	size_t n = seq % 9 == 0 ? 30000 : 40 + seq * 13 % 500, start = all.n;
	uint8_t *text;

	eng_payload_begin(&o, &payload, &id, 1, NULL, 0, NULL);
	text = eng_payload_space(&o, ENG_EL_TEXT, n);
	if (text)
		memset(text, 'a' + (int)(seq % 26), n);
	h.payload_len = (uint32_t)eng_payload_end(&o);
	h.payload_check = XXH3_64bits(payload.p, payload.n);
	eng_buf_zero(&all, ENG_FRAME_HEADER);
	eng_header_encode(all.p + start, &h);
	eng_buf_add(&all, payload.p, payload.n);
	eng_buf_align8(&all);
	eng_buf_free(&payload);
	*prev = h.header_check;
}

static void make_series(void)
{
	struct eng_log_options o = client_options("/", true);
	uint32_t prev = 0;

	memset(series.b, 0xab, sizeof series.b);
	for (size_t i = 0; i < FRAMES; i++) {
		at[i] = all.n;
		lay(i + 1, &prev, &o.space);
	}
	at[FRAMES] = all.n;
}

/* -- receiving ---------------------------------------------------------------------- */

struct life {
	struct sim *sim;
	bool seal;
	size_t most; /* frames at once */
	struct engram_error err;
};

static void begin(struct life *l, bool seals, size_t most)
{
	*l = (struct life){.seal = seals, .most = most};
	sim_scratch(scratch, "receive");
	l->sim = sim_new(scratch, 5);
}

static void end(struct life *l)
{
	sim_free(l->sim);
	sim_scratch_remove();
}

static int receive(struct eng_log *log, size_t from, size_t to, struct engram_error *err)
{
	uint64_t taken;

	return eng_log_receive(log, &taken, &series, all.p + at[from], at[to] - at[from], err);
}

/* The last frame's segment is sealed, as compaction does. */
static int seal(struct eng_log *log, size_t seq, struct engram_error *err)
{
	struct eng_kill kill = {.dot = {series, seq}};

	return eng_log_seal(log, &kill, err);
}

/* Each frame once, some twice; a failure ends it.  The own series is written too. */
static void live(void *data)
{
	struct life *l = data;
	struct eng_log_options o = client_options(sim_root(l->sim), true);
	struct eng_appended mine;
	struct eng_log *log = NULL;
	int r = eng_log_open(&log, sim_sys(l->sim), &o, &l->err);
	size_t head = 0;

	for (unsigned i = 0; r == 0 && head < FRAMES; i++) {
		size_t to = head + 1 + i * 7 % l->most, from = head > i % 3 ? head - i % 3 : 0;
		if (to > FRAMES)
			to = FRAMES;
		r = receive(log, from, to, &l->err);
		head = r == 0 ? to : head;
		if (r == 0 && i % 3 == 1)
			r = eng_log_receive_flush(log, &l->err);
		if (r == 0 && i % 3 == 1)
			sim_note(l->sim, 0, head);
		if (r == 0 && l->seal && i % 4 == 3)
			r = seal(log, head, &l->err);
		if (r == 0 && i == 4)
			r = client_append(log, 1, 1, 100, &mine, &l->err);
	}
	eng_log_close(log);
}

/* -- the next life -------------------------------------------------------------------- */

static const struct eng_series_info *look(struct eng_log *log)
{
	const struct eng_series_info *infos;
	size_t n;

	if (eng_log_refresh(log, &infos, &n, NULL) < 0)
		return NULL;
	for (size_t i = 0; i < n; i++)
		if (eng_series_cmp(&infos[i].series, &series) == 0)
			return &infos[i];
	return NULL;
}

static const char *compare(struct eng_log *log, uint64_t upto)
{
	struct eng_buf b = ENG_BUF_INIT;
	struct eng_cursor *c = NULL;
	struct engram_error err;
	const char *wrong = NULL;
	size_t n;

	if (upto == 0)
		return NULL;
	if (eng_cursor_open(&c, log, &series, 0, UINT64_MAX, NULL, &err) < 0)
		return "the series cannot be read";
	if (eng_cursor_copy(c, &b, &n, UINT64_MAX, all.n, &err) < 0)
		wrong = "a frame cannot be read";
	else if (n != upto || b.n != at[upto] || memcmp(b.p, all.p, b.n) != 0)
		wrong = "frames are others";
	eng_cursor_close(c);
	eng_buf_free(&b);
	return wrong;
}

/* What is wrong with a store that got at least `acked` frames; NULL = nothing. */
static const char *examine(const char *root, const struct eng_sys *sys, uint64_t acked)
{
	struct eng_log_options o = client_options(root, true);
	const struct eng_series_info *info;
	struct engram_error err = {0};
	uint64_t held, frames, bytes;
	struct eng_log *log = NULL;
	const char *wrong;

	if (eng_log_open(&log, sys, &o, &err) < 0)
		return "the next writer cannot open it";
	info = look(log);
	held = info ? info->durable_seq : 0;
	wrong = held < acked ? "flushed frames are gone" : compare(log, held);
	if (!wrong && receive(log, held > 2 ? (size_t)held - 2 : 0, FRAMES, &err) != 0)
		wrong = "the rest is refused";
	if (!wrong && eng_log_receive_flush(log, &err) < 0)
		wrong = "the rest cannot be flushed";
	if (!wrong && (!(info = look(log)) || info->durable_seq != FRAMES))
		wrong = "the rest is not there";
	if (!wrong)
		wrong = compare(log, FRAMES);
	if (!wrong && eng_log_check(log, &frames, &bytes, NULL, NULL, &err) < 0)
		wrong = "the check finds damage";
	eng_log_close(log);
	return wrong;
}

static int judge(void *data, const struct sim_image *image, const uint64_t notes[SIM_NOTES])
{
	struct sim *sim = sim_boot(image, image_root, 3);
	const char *wrong;

	(void)data;
	if (!sim)
		return -1;
	wrong = examine(image_root, sim_sys(sim), notes[0]);
	if (wrong)
		printf("# after %" PRIu64 " frames: %s\n", notes[0], wrong);
	sim_free(sim);
	return wrong ? -1 : 0;
}

static void test_images(bool seals, size_t most)
{
	struct sim_plan plan = {.seed = 7, .random = 3 * factor(), .singles = 4, .every = factor() > 1 ? 1 : 2};
	struct sim_count count = {0};
	struct life l;

	begin(&l, seals, most);
	live(&l);
	if (l.err.code)
		printf("# %s\n", l.err.message);
	sim_enumerate(l.sim, &plan, judge, NULL, &count);
	tap_ok(l.err.code == 0 && count.images > 50 && count.bad == 0,
	       "power cuts while frames are received, up to %zu at once%s: %" PRIu64 " images, %" PRIu64 " bad",
	       most, seals ? ", and segments sealed" : "", count.images, count.bad);
	end(&l);
}

static void test_deaths(void)
{
	uint64_t n = 0;
	int bad = 0;
	bool died = true;

	while (died) {
		const char *wrong;
		struct life l;

		begin(&l, true, FEW);
		died = sim_die(l.sim, ++n, live, &l);
		wrong = examine(scratch, sim_sys(l.sim), 0);
		if (wrong && !bad++)
			printf("# death at call %" PRIu64 ": %s\n", n, wrong);
		end(&l);
	}
	tap_ok(n > 100 && bad == 0, "a death at each of %" PRIu64 " calls, then a successor: %d bad", n - 1, bad);
}

static void test_faults(unsigned ops, int error, bool on, const char *what)
{
	uint64_t n = 0;
	int bad = 0, failed = 0;
	bool struck = true;

	while (struck) {
		const char *wrong;
		struct life l;

		begin(&l, true, FEW);
		sim_fail(l.sim, ops, ++n, error, on);
		live(&l);
		struck = sim_failed(l.sim);
		failed += l.err.code != 0;
		sim_fail(l.sim, 0, 0, 0, false);
		wrong = examine(scratch, sim_sys(l.sim), 0);
		if (wrong && !bad++)
			printf("# %s at operation %" PRIu64 ": %s\n", what, n, wrong);
		end(&l);
	}
	tap_ok(n > 5 && failed > 0 && bad == 0, "%s at each of %" PRIu64 " operations, %d of them told: %d bad", what,
	       n - 1, failed, bad);
}

int main(void)
{
	sim_scratch(image_root, "image");
	make_series();
	test_images(false, FEW);
	test_images(true, FEW);
	test_images(false, FRAMES); /* groups for which no zeros are written */
	test_deaths();
	test_faults(SIM_ANY, EIO, false, "an error");
	test_faults(SIM_SYNC, EIO, false, "a failing flush");
	test_faults(SIM_RESERVE | SIM_WRITE, ENOSPC, true, "a full disk");
	eng_buf_free(&all);
	return tap_done();
}
