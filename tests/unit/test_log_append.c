/* test_log_append.c - appending, flushing, reading: one writer, several, many
 * segments, stamps, series. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "../lib/tap.h"
#include "base/le.h"
#include "frame/hlc.h"
#include "log/mark.h"
#include "logfix.h"

static struct engram_error err;

static void test_first(void)
{
	struct eng_appended a;
	struct logfix_seen seen;
	struct logfix f;
	struct eng_log *log;

	logfix_new(&f);
	tap_int(logfix_read(&f, &seen, &err), 0, "an empty space can be read");
	tap_int(seen.series, 0, "and reading mints no series");
	log = logfix_open(&f, true);
	tap_ok(log != NULL, "open for writing");
	tap_int(eng_log_flush(log, &err), 0, "nothing to flush is no error");
	tap_int(logfix_read(&f, &seen, &err) | (int)seen.series, 0, "opening mints no series");
	tap_int(logfix_append(log, &a, 1, 100, &err), 0, "append");
	tap_int(a.first_seq, 2, "the first frame comes behind the birth frame");
	tap_ok(a.first_stamp == a.last_stamp && a.first_stamp > 0, "it has a stamp");
	tap_int(logfix_read(&f, &seen, &err), 0, "readable before the flush");
	tap_ok(seen.n == 1 && seen.written == 2 && seen.durable == 0, "written, not durable");
	tap_int(eng_log_flush(log, &err), 0, "flush");
	tap_int(logfix_read(&f, &seen, &err), 0, "and after");
	tap_ok(seen.births == 1 && seen.durable == 2 && seen.own == 1, "durable, with its birth frame");
	tap_ok(eng_log_bytes(log) >= 132 << 10, "bytes on disk");
	eng_log_close(log);
	logfix_free(&f);
}

static int find_birth(struct eng_log *log, const struct eng_series *series, uint32_t *why,
                      struct eng_position *parent)
{
	struct eng_elements it;
	struct eng_element el;
	struct eng_prelude p;
	struct eng_cursor *c;
	struct eng_frame f;
	int r = eng_cursor_open(&c, log, series, 0, 1, NULL, &err);

	*parent = (struct eng_position){0};
	if (r < 0)
		return r;
	r = eng_cursor_next(c, &f, &err);
	if (r == 1 && f.h.kind == ENG_BIRTH &&
	    eng_prelude_decode(&p, f.payload, f.h.payload_len, &err) == 0) {
		eng_elements_begin(&it, &p, f.payload, f.h.payload_len);
		while (eng_elements_next(&it, &el) == 1) {
			if (el.type == ENG_EL_REASON)
				*why = eng_get32(el.p);
			if (el.type == ENG_EL_PARENT) {
				memcpy(parent->series.b, el.p, 16);
				parent->seq = eng_get64(el.p + 16);
				parent->header_check = eng_get32(el.p + 24);
			}
		}
	}
	eng_cursor_close(c);
	return r;
}

static void test_batch(void)
{
	uint8_t payload[3][136];
	struct eng_draft drafts[3];
	struct eng_appended a, b;
	struct logfix f;
	struct eng_log *log;

	logfix_new(&f);
	f.wall_us = 1700000000000000;
	log = logfix_open(&f, true);
	for (size_t i = 0; i < 3; i++) {
		struct eng_buf buf = ENG_BUF_INIT;
		struct eng_payload_out o;

		eng_payload_begin(&o, &buf, NULL, 0, NULL, 0, NULL);
		eng_payload_u32(&o, ENG_EL_KIND, (uint32_t)i);
		tap_int(eng_payload_end(&o), 72, "payload");
		memcpy(payload[i], buf.p, 72);
		eng_buf_free(&buf);
		drafts[i] = (struct eng_draft){ENG_MEMORY, ENG_FLAG_CRITICAL, payload[i], 72};
	}
	tap_int(eng_log_append(log, &a, drafts, 3, 0, &err), 0, "three at once");
	tap_ok(a.first_seq == 2 && a.last_stamp == a.first_stamp + 2, "their stamps rise");
	tap_int(a.first_stamp >> 16, 1700000000000, "from the clock");
	tap_int(eng_log_append(log, &b, drafts, 1, a.last_stamp + 100, &err), 0, "above a floor");
	tap_ok(b.first_seq == 5 && b.first_stamp == a.last_stamp + 101, "seq and stamp go on");
	drafts[0].payload_len = ENG_PAYLOAD_MAX + 1;
	tap_int(eng_log_append(log, &b, drafts, 1, 0, &err), ENGRAM_EINPUT, "a payload above 4 MiB");
	tap_int(eng_log_flush(log, &err), 0, "flush");
	eng_log_close(log);
	logfix_free(&f);
}

/* Over many segments; with and without hints. */
static void test_cursor(void)
{
	const unsigned N = 60;
	const struct eng_series_info *info;
	struct eng_place place[64] = {{0, 0}}, next;
	uint64_t expect = 1, wrong = 0;
	struct eng_buf b = ENG_BUF_INIT;
	struct eng_cursor *c;
	struct eng_frame frame;
	struct logfix f;
	struct eng_log *log;
	size_t n;

	logfix_new(&f);
	log = logfix_open(&f, true);
	for (unsigned i = 0; i < N; i++) {
		wrong += logfix_put(log, i, i % 3 ? 100 : 900000, &err) != 0;
		if (i % 10 == 9)
			wrong += eng_log_rotate(log, &err) != 0;
	}
	tap_int(wrong, 0, "%u puts over several segments: %s", N, err.message);
	tap_int(eng_log_rotate(log, &err) | eng_log_rotate(log, &err), 0,
	        "sealing an empty segment does nothing");
	tap_int(eng_log_refresh(log, &info, &n, &err), 0, "refresh");
	tap_ok(n == 1 && info->durable_seq == N + 1 && info->active, "all of them durable");
	tap_int(eng_cursor_open(&c, log, &info->series, 0, N + 1, NULL, &err), 0, "cursor");
	while (eng_cursor_next(c, &frame, &err) == 1) {
		wrong += frame.h.seq != expect;
		place[expect++] = frame.place;
	}
	tap_ok(wrong == 0 && expect == N + 2, "every frame in order");
	tap_int(eng_cursor_next(c, &frame, &err), 0, "and then the end");
	eng_cursor_close(c);
	for (uint64_t after = 0; after <= N; after++) {
		wrong += eng_cursor_open(&c, log, &info->series, after, N + 1, NULL, &err) != 0;
		wrong += eng_cursor_next(c, &frame, &err) != 1 || frame.h.seq != after + 1;
		next = eng_cursor_place(c);
		eng_cursor_close(c);
		wrong += eng_cursor_open(&c, log, &info->series, after + 1, N + 1, &next, &err) != 0;
		if (after < N)
			wrong += eng_cursor_next(c, &frame, &err) != 1 || frame.h.seq != after + 2;
		else
			wrong += eng_cursor_next(c, &frame, &err) != 0;
		eng_cursor_close(c);
	}
	tap_int(wrong, 0, "a cursor begins anywhere, with a hint or without");
	next = (struct eng_place){place[30].segment, place[30].offset + 8};
	wrong += eng_cursor_open(&c, log, &info->series, 29, N + 1, &next, &err) != 0;
	wrong += eng_cursor_next(c, &frame, &err) != 1 || frame.h.seq != 30;
	tap_int(wrong, 0, "a wrong hint costs time, not truth");
	eng_cursor_close(c);
	for (uint64_t seq = 1; seq <= N + 1; seq++)
		wrong += eng_log_read(log, &frame, &b, &info->series, seq, place[seq], &err) != 0 ||
		        frame.h.seq != seq;
	tap_int(wrong, 0, "every frame read by place");
	tap_int(eng_log_read(log, &frame, &b, &info->series, 5, place[6], &err), ENGRAM_EDAMAGED,
	        "not at another's place");
	eng_buf_free(&b);
	eng_log_close(log);
	logfix_free(&f);
}

/* Written by one handle, read by a cursor that another opened before. */
static void test_growing(void)
{
	const struct eng_series_info *info;
	struct eng_place at = {0, 0};
	uint64_t seen = 0, wrong = 0;
	struct logfix f;
	struct eng_log *writer, *reader;
	size_t n;

	logfix_new(&f);
	writer = logfix_open(&f, true);
	reader = logfix_open(&f, false);
	for (unsigned i = 0; i < 300; i++) {
		struct eng_cursor *c;
		struct eng_frame frame;

		wrong += logfix_append(writer, NULL, i, 300 + i, &err) != 0;
		if (i % 100 == 99)
			wrong += eng_log_rotate(writer, &err) != 0;
		wrong += eng_log_refresh(reader, &info, &n, &err) != 0 || n != 1;
		wrong += eng_cursor_open(&c, reader, &info->series, seen, info->written_seq, &at, &err) != 0;
		while (eng_cursor_next(c, &frame, &err) == 1)
			wrong += frame.h.seq != ++seen;
		at = eng_cursor_place(c);
		eng_cursor_close(c);
		wrong += seen != i + 2;
	}
	tap_int(wrong, 0, "a reader follows frame by frame: %s", err.message);
	eng_log_close(reader);
	eng_log_close(writer);
	logfix_free(&f);
}

static void test_several_handles(void)
{
	struct eng_log *log[4];
	struct logfix_seen seen;
	struct logfix f;
	unsigned wrong = 0;

	logfix_new(&f);
	for (size_t i = 0; i < 4; i++)
		log[i] = logfix_open(&f, true);
	for (unsigned i = 0; i < 200; i++)
		wrong += logfix_append(log[i % 4], NULL, i, 10 + i, &err) != 0;
	for (size_t i = 0; i < 4; i++)
		wrong += eng_log_flush(log[i], &err) != 0;
	tap_int(wrong, 0, "four handles append in turn: %s", err.message);
	tap_int(logfix_read(&f, &seen, &err), 0, "all is readable");
	tap_ok(seen.n == 200 && seen.series == 1, "in one series");
	wrong += logfix_append(log[0], NULL, 999, 10, &err) != 0 || eng_log_settle(log[1], &err) != 0;
	tap_int(wrong | logfix_read(&f, &seen, &err), 0, "settle");
	tap_ok(seen.durable == seen.written, "makes durable what another handle wrote");
	for (size_t i = 0; i < 4; i++)
		eng_log_close(log[i]);
	logfix_free(&f);
}

static void test_clock(void)
{
	const int64_t day_us = 86400ll * 1000000, now = 1800000000ll * 1000000;
	struct eng_log_options o;
	struct eng_appended a, b;
	struct logfix f;
	struct eng_log *log;

	logfix_new(&f);
	f.wall_us = now;
	log = logfix_open(&f, true);
	tap_int(logfix_append(log, &a, 1, 10, &err), 0, "append");
	f.wall_us = now - 3600ll * 1000000;
	tap_int(logfix_append(log, &b, 2, 10, &err), 0, "the clock goes back an hour");
	tap_int(b.first_stamp, a.last_stamp + 1, "stamps do not");
	f.wall_us = now - 2 * day_us;
	tap_int(logfix_append(log, &b, 3, 10, &err), ENGRAM_ECLOCK, "two days are too much");
	tap_ok(strstr(err.hint, "--new-series") != NULL, "the hint names the way out: %s", err.hint);
	tap_int(eng_log_flush(log, &err), 0, "what came before is kept");
	eng_log_close(log);
	o = logfix_options(&f, true);
	o.new_series = true;
	tap_int(eng_log_open(&log, &f.sys, &o, &err), 0, "a new series");
	tap_int(logfix_append(log, &b, 3, 10, &err), 0, "takes it");
	tap_int(b.first_stamp >> 16, f.wall_us / 1000, "and goes on from the clock");
	tap_int(eng_log_flush(log, &err), 0, "flush");
	eng_log_close(log);
	logfix_free(&f);
}

static void test_new_series(void)
{
	const struct eng_series_info *info;
	struct eng_log_options o;
	struct eng_position parent;
	struct eng_appended a, b, c;
	struct logfix_seen seen;
	struct eng_log *log, *old;
	struct logfix f;
	uint32_t why = 0;
	size_t n;

	logfix_new(&f);
	old = logfix_open(&f, true);
	tap_int(logfix_append(old, &a, 1, 10, &err), 0, "append to the first series");
	o = logfix_options(&f, true);
	o.new_series = true;
	tap_int(eng_log_open(&log, &f.sys, &o, &err), 0, "another handle asks for a new one");
	tap_int(logfix_append(log, &b, 2, 10, &err) | eng_log_flush(log, &err), 0, "and writes to it");
	tap_ok(eng_series_cmp(&a.series, &b.series) != 0 && b.first_stamp > a.last_stamp,
	       "another series, a later stamp");
	tap_int(eng_log_flush(old, &err), 0, "what was pending on the first is durable");
	tap_int(logfix_append(old, &c, 3, 10, &err) | eng_log_flush(old, &err), 0,
	        "the first handle goes on");
	tap_ok(eng_series_cmp(&b.series, &c.series) == 0, "in the new series");
	tap_int(logfix_read(&f, &seen, &err), 0, "both are readable");
	tap_ok(seen.n == 3 && seen.series == 2 && seen.own == 2 && seen.births == 2, "nothing is missing");
	tap_int(eng_log_refresh(log, &info, &n, &err), 0, "refresh");
	tap_int(find_birth(log, &b.series, &why, &parent), 1, "a birth frame");
	tap_ok(why == ENG_BIRTH_ASKED && eng_series_cmp(&parent.series, &a.series) == 0 && parent.seq == 2,
	       "names its parent");
	tap_ok(!eng_log_discard_derived(log), "the derived files stay");
	eng_log_close(old);
	eng_log_close(log);
	logfix_free(&f);
}

static void test_busy(void)
{
	struct eng_log_options o;
	struct eng_log *log, *other;
	char mark[ENG_PATH_MAX], pid[32];
	struct logfix f;
	uint32_t holder;
	int fd;

	logfix_new(&f);
	log = logfix_open(&f, true);
	tap_int(logfix_put(log, 1, 10, &err), 0, "put");
	logfix_path(&f, mark, ENG_MARK_FILE);
	fd = eng_fs_open(eng_sys_posix(), mark, O_RDWR, 0);
	tap_int(eng_sys_posix()->fs.ops->lock(NULL, fd, ENG_MARK_APPEND, ENG_LOCK_EXCLUSIVE, 0), 0,
	        "somebody holds the append lock");
	holder = (uint32_t)getpid();
	tap_int(eng_fs_write(eng_sys_posix(), fd, &holder, sizeof holder, offsetof(struct eng_mark, append_pid)), 0,
	        "and says who");
	o = logfix_options(&f, true);
	o.wait_ms = 10;
	tap_int(eng_log_open(&other, &f.sys, &o, &err), 0, "opening does not wait for it");
	tap_int(logfix_append(other, NULL, 2, 10, &err), ENGRAM_EBUSY, "appending does, so long");
	snprintf(pid, sizeof pid, "%d", getpid());
	tap_ok(strstr(err.message, pid) != NULL, "the holder is named: %s", err.message);
	eng_fs_close(eng_sys_posix(), &fd);
	tap_int(logfix_put(other, 2, 10, &err), 0, "and then it works");
	eng_log_close(other);
	eng_log_close(log);
	logfix_free(&f);
}

static void test_drop(void)
{
	struct eng_log *log, *waiting;
	char gone[ENG_PATH_MAX + 8];
	struct logfix f;

	logfix_new(&f);
	log = logfix_open(&f, true);
	waiting = logfix_open(&f, true);
	tap_int(logfix_put(waiting, 1, 10, &err), 0, "put");
	tap_int(eng_log_drop(log, &err), 0, "drop");
	eng_log_close(log);
	tap_int(logfix_put(waiting, 2, 10, &err), 0, "a dropper that died before the renaming drops nothing");
	log = logfix_open(&f, true);
	tap_int(eng_log_drop(log, &err), 0, "drop again");
	snprintf(gone, sizeof gone, "%s-gone", f.dir);
	tap_int(rename(f.dir, gone), 0, "the directory goes away");
	eng_log_close(log);
	tap_int(logfix_append(waiting, NULL, 3, 10, &err), ENGRAM_ENOSPACE, "a writer is told: %s", err.message);
	eng_log_close(waiting);
	tap_int(rename(gone, f.dir), 0, "and back");
	logfix_free(&f);
}

/* Renamed away without a word, and made again: the old handle must notice. */
static void test_moved(void)
{
	char gone[ENG_PATH_MAX + 8];
	struct logfix_seen seen;
	struct eng_log *log;
	struct logfix f;

	logfix_new(&f);
	log = logfix_open(&f, true);
	tap_int(logfix_put(log, 1, 10, &err), 0, "put");
	snprintf(gone, sizeof gone, "%s-gone", f.dir);
	tap_int(rename(f.dir, gone), 0, "the space is renamed");
	tap_int(logfix_append(log, NULL, 2, 10, &err), ENGRAM_ENOSPACE, "the handle does not follow");
	tap_int(rename(gone, f.dir), 0, "renamed back");
	tap_int(logfix_put(log, 3, 10, &err), 0, "mv keeps it this store");
	eng_log_close(log);
	tap_int(logfix_read(&f, &seen, &err), 0, "readable");
	tap_ok(seen.n == 2 && seen.series == 1, "one series");
	logfix_free(&f);
}

/* A batch bigger than what is left, a frame bigger than any step. */
static void test_sizes(void)
{
	struct logfix_seen seen;
	struct eng_log *log;
	struct logfix f;
	unsigned wrong = 0;

	logfix_new(&f);
	log = logfix_open(&f, true);
	for (unsigned i = 0; i < 7; i++)
		wrong += logfix_put(log, i, (4u << 20) - 200, &err) != 0;
	tap_int(wrong, 0, "frames of 4 MiB: %s", err.message);
	tap_int(logfix_put(log, 7, 1, &err), 0, "and a small one");
	eng_log_close(log);
	tap_int(logfix_read(&f, &seen, &err), 0, "readable");
	tap_int(seen.n, 8, "all of them");
	logfix_free(&f);
}

int main(void)
{
	test_first();
	test_batch();
	test_cursor();
	test_growing();
	test_several_handles();
	test_clock();
	test_new_series();
	test_busy();
	test_drop();
	test_moved();
	test_sizes();
	return tap_done();
}
