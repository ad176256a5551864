/* test_log_damage.c - flipped bits, torn tails, copies, rollback, stubs: what
 * is found, what it is taken for, and what must not be lost.
 *
 * The oracle of every flip: either the damage is told, by file, or what a
 * reader sees is exactly what was acknowledged. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../lib/tap.h"
#include "base/le.h"
#include "log/mark.h"
#include "logfix.h"

#define FIRST "0000000000000001.wal"
/* Sizes of a birth frame without parent and of a frame with 33 bytes of text. */
#define BIRTH 136u
#define FRAME 152u

static struct engram_error err;

/* -- helpers -------------------------------------------------------------------- */

static void fill(struct logfix *f, unsigned n, size_t size)
{
	struct eng_log *log = logfix_open(f, true);
	int r = 0;

	for (unsigned i = 0; i < n; i++)
		r |= logfix_put(log, 1 + i, size, &err);
	if (r)
		tap_ok(false, "fill: %s", err.message);
	eng_log_close(log);
}

static int check(struct logfix *f)
{
	uint64_t frames, bytes;
	struct eng_log *log = logfix_open(f, false);
	int r;

	if (!log)
		return ENGRAM_EINTERNAL;
	r = eng_log_check(log, &frames, &bytes, NULL, NULL, &err);
	eng_log_close(log);
	return r;
}

/* Exactly 1..n. */
static bool reads_all(struct logfix *f, size_t n)
{
	struct logfix_seen seen;

	if (logfix_read(f, &seen, &err) < 0 || seen.n != n)
		return false;
	for (size_t i = 0; i < n; i++)
		if (seen.tag[i] != 1 + i)
			return false;
	return true;
}

static uint64_t size_of(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 ? (uint64_t)st.st_size : 0;
}

/* Another boot: positions in the mark no longer count. */
static void reboot(struct logfix *f)
{
	f->boot = f->boot ? f->boot + 1 : 1000;
}

/* -- every bit -------------------------------------------------------------------- */

static void test_every_bit(void)
{
	enum { N = 3 };
	unsigned silent = 0, unnamed = 0, harmless = 0, lost = 0;
	char path[ENG_PATH_MAX];
	struct logfix f;
	uint64_t end;

	logfix_new(&f);
	fill(&f, N, 33);
	logfix_path(&f, path, FIRST);
	end = ENG_SEGMENT_HEADER + BIRTH + N * FRAME;
	for (uint64_t off = 0; off < size_of(path);) {
		bool dense = off < 64 || (off >= ENG_SEGMENT_HEADER && off < end);

		for (unsigned bit = 0; bit < 8; bit += dense ? 1 : 8) {
			logfix_flip(path, off, (bit + (unsigned)off) % 8);
			if (check(&f) == ENGRAM_EDAMAGED) {
				unnamed += !strstr(err.message, FIRST) || !strstr(err.message, "offset");
			} else {
				silent += off < end;
				harmless++;
			}
			lost += check(&f) == 0 && !reads_all(&f, N);
			logfix_flip(path, off, (bit + (unsigned)off) % 8);
		}
		off += dense ? 1 : off < ENG_SEGMENT_HEADER ? 13 : 701;
	}
	tap_int(silent, 0, "no flip up to the last frame is silent");
	tap_int(unnamed, 0, "each names file and offset");
	tap_int(lost, 0, "behind it a flip changes nothing a reader sees (%u tried)", harmless);
	tap_int(check(&f), 0, "all flipped back, all sound");
	logfix_free(&f);
}

/* A flip behind the end is met by the next writer, and zeroed. */
static void test_flip_behind(void)
{
	char path[ENG_PATH_MAX];
	struct eng_log *log;
	struct logfix f;
	unsigned bad = 0;

	logfix_new(&f);
	fill(&f, 1, 33);
	logfix_path(&f, path, FIRST);
	for (unsigned i = 0; i < 20; i++) {
		uint64_t end = ENG_SEGMENT_HEADER + BIRTH + (1 + i) * FRAME;

		logfix_flip(path, end + 3 * i, i % 8);
		log = logfix_open(&f, true);
		bad += logfix_put(log, 2 + i, 33, &err) != 0 || !reads_all(&f, 2 + i);
		eng_log_close(log);
	}
	tap_int(bad, 0, "bytes behind the end are zeroed by the next writer: %s", err.message);
	tap_int(check(&f), 0, "sound");
	logfix_free(&f);
}

/* The positions in the mark, in this boot and after another; a writer must
 * refuse, or keep all and take one more. */
static void test_mark_bits(void)
{
	enum { N = 2 };
	unsigned lost = 0, refused = 0, kept = 0;

	for (unsigned boot = 0; boot < 2; boot++)
		for (unsigned bit = 0; bit < 8 * 632; bit += bit < 8 * 80 || bit >= 8 * 512 ? 3 : 64) {
			char path[ENG_PATH_MAX];
			struct logfix_seen seen;
			struct eng_log *log;
			struct logfix f;
			int r;

			logfix_new(&f);
			f.boot = 77;
			fill(&f, N, 20);
			logfix_path(&f, path, ENG_MARK_FILE);
			logfix_flip(path, bit / 8, bit % 8);
			if (boot)
				reboot(&f);
			log = logfix_open(&f, true);
			r = log ? logfix_put(log, N + 1, 20, &err) : ENGRAM_EDAMAGED;
			eng_log_close(log);
			if (r < 0) {
				refused++;
			} else if (logfix_read(&f, &seen, &err) < 0 || seen.n != N + 1 ||
			           seen.tag[N] != N + 1) {
				lost++;
				printf("# bit %u of byte %u, %s boot: %zu frames, %s\n", bit % 8, bit / 8,
				       boot ? "another" : "this", seen.n, err.message);
			} else {
				kept++;
			}
			logfix_free(&f);
		}
	tap_int(lost, 0, "a flipped bit of the mark loses nothing (%u refused, %u kept)", refused, kept);
	tap_ok(kept > 10 * refused, "and is rarely noticed at all");
}

/* -- the end of the log --------------------------------------------------------------- */

/* A writer died in its write: any part of the last frame, nothing acknowledged. */
static void test_torn_tail(void)
{
	unsigned bad = 0;

	for (size_t keep = 0; keep < FRAME - 23; keep += 8) { /* the last 23 bytes are zeros anyway */
		uint8_t frame[FRAME], zero[FRAME] = {0};
		char path[ENG_PATH_MAX];
		struct eng_log *log;
		struct logfix f;
		int fd;

		logfix_new(&f);
		fill(&f, 2, 33);
		logfix_path(&f, path, FIRST);
		log = logfix_open(&f, true);
		bad += logfix_append(log, NULL, 99, 33, &err) != 0; /* not flushed */
		eng_log_close(log);
		fd = open(path, O_RDONLY);
		bad += pread(fd, frame, sizeof frame, ENG_SEGMENT_HEADER + BIRTH + 2 * FRAME) != sizeof frame;
		close(fd);
		logfix_poke(path, ENG_SEGMENT_HEADER + BIRTH + 2 * FRAME + keep, zero, sizeof frame - keep);
		reboot(&f);
		bad += !reads_all(&f, 2);
		log = logfix_open(&f, true);
		bad += logfix_put(log, 3, 33, &err) != 0 || eng_log_discard_derived(log);
		eng_log_close(log);
		bad += !reads_all(&f, 3) || check(&f) != 0;
		logfix_free(&f);
	}
	tap_int(bad, 0, "a torn last frame is cut, whatever was left of it: %s", err.message);
}

/* Two unflushed frames; the first is lost, the second reached the disk. */
static void test_torn_group(void)
{
	uint8_t zero[FRAME] = {0};
	char path[ENG_PATH_MAX];
	struct logfix_seen seen;
	struct eng_log *log;
	struct logfix f;

	logfix_new(&f);
	fill(&f, 2, 33);
	logfix_path(&f, path, FIRST);
	log = logfix_open(&f, true);
	tap_int(logfix_append(log, NULL, 98, 33, &err) | logfix_append(log, NULL, 99, 33, &err), 0,
	        "two appended, not flushed");
	eng_log_close(log);
	logfix_poke(path, ENG_SEGMENT_HEADER + BIRTH + 2 * FRAME, zero, sizeof zero);
	reboot(&f);
	log = logfix_open(&f, true);
	tap_ok(log != NULL, "a valid frame behind a lost one is no damage by itself");
	tap_int(logfix_put(log, 3, 33, &err), 0, "the next put");
	eng_log_close(log);
	tap_ok(reads_all(&f, 3), "and the leftover frame did not come alive");
	tap_int(logfix_read(&f, &seen, &err), 0, "readable");
	tap_ok(!logfix_has(&seen, 99), "really not");
	logfix_free(&f);
}

/* The same place, but frames behind it witness that it was durable. */
static void test_damage_with_witness(void)
{
	char path[ENG_PATH_MAX];
	struct eng_log *log;
	struct logfix f;

	logfix_new(&f);
	fill(&f, 6, 33);
	logfix_path(&f, path, FIRST);
	logfix_flip(path, ENG_SEGMENT_HEADER + BIRTH + 2 * FRAME + 100, 4);
	reboot(&f);
	log = logfix_open(&f, true);
	tap_ok(log == NULL, "a durable frame went bad: no writer is let in");
	tap_int(check(&f), ENGRAM_EDAMAGED, "the check finds it");
	tap_ok(strstr(err.message, FIRST) && strstr(err.message, "offset 4536") &&
	       strstr(err.message, "frame 4"), "and names it: %s", err.message);
	tap_ok(strstr(err.object, FIRST) != NULL, "the file is the error's object");
	tap_ok(!reads_all(&f, 6), "a reader is told too");
	logfix_flip(path, ENG_SEGMENT_HEADER + BIRTH + 2 * FRAME + 100, 4);
	log = logfix_open(&f, true);
	tap_ok(log != NULL && reads_all(&f, 6), "nothing was changed: mended, it opens");
	eng_log_close(log);
	logfix_free(&f);
}

static void test_damage_in_sealed(void)
{
	char path[ENG_PATH_MAX];
	struct eng_log *log;
	struct logfix f;

	logfix_new(&f);
	fill(&f, 2, 33);
	log = logfix_open(&f, true);
	tap_int(eng_log_rotate(log, &err), 0, "seal");
	eng_log_close(log);
	fill(&f, 1, 33);
	logfix_path(&f, path, FIRST);
	logfix_flip(path, ENG_SEGMENT_HEADER + BIRTH + FRAME + 90, 0);
	tap_int(check(&f), ENGRAM_EDAMAGED, "a sealed segment is checked to its end: %s", err.message);
	logfix_flip(path, ENG_SEGMENT_HEADER + BIRTH + FRAME + 90, 0);
	tap_int(check(&f), 0, "sound");
	tap_int(unlink(path), 0, "a sealed segment goes away");
	tap_int(check(&f), ENGRAM_EDAMAGED, "is missed: %s", err.message);
	reboot(&f);
	log = logfix_open(&f, true);
	tap_ok(log != NULL, "the newest segment alone still tells where to go on");
	eng_log_close(log);
	logfix_free(&f);
}

/* -- rollback and copies ----------------------------------------------------------------- */

static void test_rollback(void)
{
	char path[ENG_PATH_MAX];
	uint8_t zero[FRAME] = {0};
	struct eng_log *log;
	struct logfix f;

	logfix_new(&f);
	fill(&f, 4, 33);
	logfix_path(&f, path, FIRST);
	logfix_poke(path, ENG_SEGMENT_HEADER + BIRTH + 3 * FRAME, zero, sizeof zero);
	reboot(&f);
	log = logfix_open(&f, true);
	tap_ok(log != NULL, "durable frames are gone, and zeros in their place");
	tap_ok(f.notices == 1 && strstr(f.notice, "frames 5 to 5"), "the lost range is told: %s", f.notice);
	tap_ok(eng_log_discard_derived(log), "the derived files are to go");
	eng_log_close(log);
	log = logfix_open(&f, true);
	tap_ok(eng_log_discard_derived(log), "also for the next one, until somebody did it");
	eng_log_discarded(log);
	tap_ok(!eng_log_discard_derived(log), "done");
	tap_int(logfix_put(log, 4, 33, &err), 0, "the store goes on");
	eng_log_close(log);
	tap_ok(reads_all(&f, 4), "in a new series, with what is left of the old");
	tap_int(check(&f), 0, "sound");
	logfix_free(&f);
}

/* The log looks sound, but the state has seen more of it. */
static void test_rollback_by_state(void)
{
	struct eng_position applied = {.seq = 40};
	const struct eng_series_info *info;
	struct eng_log_options o;
	struct logfix_seen seen;
	struct eng_log *log;
	struct logfix f;
	size_t n;

	logfix_new(&f);
	fill(&f, 4, 33);
	log = logfix_open(&f, true);
	tap_int(eng_log_refresh(log, &info, &n, &err), 0, "refresh");
	applied.series = info->series;
	eng_log_close(log);
	o = logfix_options(&f, true);
	o.applied = &applied;
	o.napplied = 1;
	tap_int(eng_log_open(&log, &f.sys, &o, &err), 0, "the state has applied 40 frames, the log holds 5");
	tap_ok(eng_log_discard_derived(log), "a rollback");
	tap_int(logfix_put(log, 5, 33, &err), 0, "goes on");
	eng_log_close(log);
	tap_int(logfix_read(&f, &seen, &err), 0, "readable");
	tap_ok(seen.n == 5 && seen.series == 2, "in a new series");
	logfix_free(&f);
}

static void test_all_segments_gone(void)
{
	char path[ENG_PATH_MAX];
	struct logfix_seen seen;
	struct eng_log *log;
	struct logfix f;

	logfix_new(&f);
	fill(&f, 2, 33);
	logfix_path(&f, path, FIRST);
	unlink(path);
	log = logfix_open(&f, true);
	tap_int(logfix_put(log, 3, 33, &err), 0, "the mark alone is left: a new series: %s", f.notice);
	tap_ok(eng_log_discard_derived(log), "the derived files are to go");
	eng_log_close(log);
	tap_int(logfix_read(&f, &seen, &err), 0, "readable");
	tap_ok(seen.n == 1 && seen.tag[0] == 3, "what is there");
	logfix_free(&f);
}

/* log/ was emptied under a state that knows its frames. */
static void test_series_gone(void)
{
	struct eng_position applied = {.series = {{7}}, .seq = 3};
	struct eng_log_options o;
	struct eng_log *log;
	struct logfix f;

	logfix_new(&f);
	o = logfix_options(&f, true);
	o.applied = &applied;
	o.napplied = 1;
	tap_int(eng_log_open(&log, &f.sys, &o, &err), 0, "the state knows a series that is not there");
	tap_ok(eng_log_discard_derived(log), "the derived files are to go");
	eng_log_discarded(log);
	tap_ok(!eng_log_discard_derived(log), "done");
	eng_log_close(log);
	logfix_free(&f);
}

static void test_copy(void)
{
	struct eng_log *log, *original;
	struct logfix f, copy;
	struct logfix_seen seen;

	logfix_new(&f);
	fill(&f, 3, 33);
	logfix_copy(&copy, &f);
	tap_ok(reads_all(&copy, 3), "a copy can be read");
	log = logfix_open(&copy, false);
	tap_ok(eng_log_discard_derived(log), "its derived files may be torn");
	eng_log_close(log);
	log = logfix_open(&copy, true);
	tap_ok(log && copy.notices == 1, "a writer is told: %s", copy.notice);
	tap_int(logfix_put(log, 4, 33, &err), 0, "and writes");
	eng_log_discarded(log);
	eng_log_close(log);
	log = logfix_open(&copy, true);
	tap_ok(!eng_log_discard_derived(log) && copy.notices == 1, "once");
	eng_log_close(log);
	tap_ok(reads_all(&copy, 4), "all is there");
	tap_int(logfix_read(&copy, &seen, &err), 0, "read");
	tap_ok(seen.series == 2 && seen.own == 1, "in a second series; the first is not its own");
	original = logfix_open(&f, true);
	tap_int(logfix_put(original, 4, 33, &err), 0, "the original goes on");
	eng_log_close(original);
	tap_int(logfix_read(&f, &seen, &err), 0, "read");
	tap_ok(seen.series == 1 && f.notices == 0, "undisturbed");
	tap_int(check(&copy) | check(&f), 0, "both sound");
	logfix_free(&copy);
	logfix_free(&f);
}

/* A backup of the segments only. */
static void test_no_mark(void)
{
	struct logfix_seen seen;
	char path[ENG_PATH_MAX];
	struct eng_log *log;
	struct logfix f;

	logfix_new(&f);
	fill(&f, 3, 33);
	logfix_path(&f, path, ENG_MARK_FILE);
	unlink(path);
	tap_ok(reads_all(&f, 3), "no mark is needed to read");
	log = logfix_open(&f, true);
	tap_int(logfix_put(log, 4, 33, &err), 0, "a writer begins a new series");
	eng_log_close(log);
	tap_int(logfix_read(&f, &seen, &err), 0, "read");
	tap_ok(seen.n == 4 && seen.series == 2, "all is there");
	logfix_free(&f);
}

static void test_other_machine(void)
{
	struct logfix f;
	struct eng_log *log;
	char path[ENG_PATH_MAX];

	logfix_new(&f);
	fill(&f, 1, 33);
	logfix_path(&f, path, ENG_MARK_FILE);
	if (eng_sys_posix()->machine_id()) {
		struct eng_sys elsewhere = f.sys;
		struct eng_log_options o = logfix_options(&f, true);

		elsewhere.machine_id = elsewhere.boot_id;
		tap_int(eng_log_open(&log, &elsewhere, &o, &err), 0, "the same disk in another machine");
		tap_ok(f.notices == 1, "is a copy: %s", f.notice);
		eng_log_close(log);
	}
	logfix_free(&f);
}

static void test_wrong_space(void)
{
	struct eng_log_options o;
	struct eng_log *log = NULL;
	struct logfix f;
	int r;

	logfix_new(&f);
	fill(&f, 2, 33);
	o = logfix_options(&f, true);
	o.space.b[15] ^= 1;
	r = eng_log_open(&log, &f.sys, &o, &err);
	tap_int(r, ENGRAM_EDAMAGED, "the log of another space is refused: %s", err.message);
	tap_ok(strstr(err.message, "space") != NULL, "and the reason said");
	tap_ok(reads_all(&f, 2), "nothing was changed");
	logfix_free(&f);
}

/* -- stubs ---------------------------------------------------------------------------------- */

static void test_stub(void)
{
	const struct eng_series_info *info;
	struct logfix_seen seen;
	struct eng_kill kill[4];
	uint64_t stubbed, freed, frames, bytes;
	char path[ENG_PATH_MAX];
	struct eng_log *log;
	struct logfix f;
	size_t n;

	logfix_new(&f);
	fill(&f, 3, 20000);
	log = logfix_open(&f, true);
	tap_int(eng_log_rotate(log, &err), 0, "seal");
	tap_int(logfix_put(log, 4, 20000, &err), 0, "one more");
	tap_int(eng_log_refresh(log, &info, &n, &err), 0, "refresh");
	for (uint64_t i = 0; i < 4; i++) /* frames 5, 3, 2, 3: out of order, one twice, one unsealed */
		kill[i] = (struct eng_kill){.dot = {info->series, (uint64_t[]){5, 3, 2, 3}[i]}, .killer = {info->series, 5}};
	tap_int(eng_log_stub(log, &stubbed, &freed, kill, 4, &err), 0, "stub");
	tap_int(stubbed, 2, "two; that of the active segment is left");
	tap_ok(freed > 39000 && freed < 40500, "bytes freed: %" PRIu64, freed);
	tap_int(logfix_read(&f, &seen, &err), 0, "readable");
	tap_ok(seen.n == 4 && seen.stubs == 2, "frames keep their places");
	tap_int(eng_log_check(log, &frames, &bytes, NULL, NULL, &err), 0, "the chain holds");
	tap_int(frames, 5, "all frames checked");
	tap_int(eng_log_stub(log, &stubbed, &freed, kill, 4, &err) | (int)stubbed, 0, "again does nothing");
	tap_int(eng_log_rotate(log, &err), 0, "seal the rest");
	tap_int(eng_log_stub(log, &stubbed, &freed, kill, 4, &err), 0, "stub");
	tap_int(stubbed, 1, "the last one");
	logfix_path(&f, path, FIRST);
	logfix_flip(path, ENG_SEGMENT_HEADER + BIRTH + 64 + 24 + 5, 3);
	tap_int(eng_log_check(log, &frames, &bytes, NULL, NULL, &err), ENGRAM_EDAMAGED,
	        "a flipped stub is found: %s", err.message);
	eng_log_close(log);
	logfix_free(&f);
}

/* Damage is not copied into a new file. */
static void test_stub_of_damaged(void)
{
	const struct eng_series_info *info;
	uint64_t stubbed, freed;
	char path[ENG_PATH_MAX];
	struct eng_kill kill;
	struct eng_log *log;
	struct logfix f;
	size_t n;

	logfix_new(&f);
	fill(&f, 3, 33);
	log = logfix_open(&f, true);
	tap_int(eng_log_rotate(log, &err) | eng_log_refresh(log, &info, &n, &err), 0, "seal");
	kill = (struct eng_kill){.dot = {info->series, 4}, .killer = {info->series, 4}};
	logfix_path(&f, path, FIRST);
	logfix_flip(path, ENG_SEGMENT_HEADER + BIRTH + 100, 3);
	tap_int(eng_log_stub(log, &stubbed, &freed, &kill, 1, &err), ENGRAM_EDAMAGED, "refused: %s",
	        err.message);
	logfix_flip(path, ENG_SEGMENT_HEADER + BIRTH + 100, 3);
	tap_ok(reads_all(&f, 3), "nothing was changed");
	eng_log_close(log);
	logfix_free(&f);
}

int main(void)
{
	test_every_bit();
	test_flip_behind();
	test_mark_bits();
	test_torn_tail();
	test_torn_group();
	test_damage_with_witness();
	test_damage_in_sealed();
	test_rollback();
	test_rollback_by_state();
	test_all_segments_gone();
	test_series_gone();
	test_copy();
	test_no_mark();
	test_other_machine();
	test_wrong_space();
	test_stub();
	test_stub_of_damaged();
	return tap_done();
}
