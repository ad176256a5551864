/* fuzz_segment.c - a segment file with any bytes in it, read as a space's log is.
 *
 * The input is a letter, the 64 bytes of a segment header, then what lies behind
 * its 4 KiB.  Checksums cannot be guessed: where bit 0 of the letter is set the
 * segment header is made sound, where bit 1 is set the headers of frames are, as far
 * as one leads to the next.  Then the file is opened as a reader does, as one
 * that salvages, and as one that checks every byte. */
#include "fuzz.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../lib/frames.h"
#include "../lib/tmpdir.h"
#include "log/log.h"

const char fuzz_name[] = "segment";

static const struct engram_id space = {{7, 7, 7}};

enum { MEND_SEGMENT = 1, MEND_FRAMES = 2 };

/* -- seeds ------------------------------------------------------------------------ */

static void add_frame(struct eng_buf *b, const struct eng_frame *f, uint32_t *prev)
{
	struct eng_header h = f->h;
	uint8_t header[ENG_FRAME_HEADER];

	h.prev = *prev;
	h.space_check = eng_frame_space_check(&space);
	eng_header_encode(header, &h);
	*prev = h.header_check;
	eng_buf_add(b, header, sizeof header);
	eng_buf_add(b, f->payload, h.payload_len);
	eng_buf_align8(b);
}

void fuzz_seeds(fuzz_emit_fn *emit, void *data)
{
	struct eng_segment_header h = {.version = 1, .space = space, .series = frames_series('A'), .first_seq = 1};
	struct frames f = FRAMES_INIT;
	struct frame_spec one = {.kind = ENG_MEMORY, .series = 'A', .stamp = 10, .text = "a cat", .key = "k"};
	struct frame_spec two = {.kind = ENG_FORGET, .series = 'A', .stamp = 20};
	struct frame_spec three = {.kind = 77, .series = 'A', .stamp = 30, .text = "of a later version"};
	uint8_t header[ENG_SEGMENT_HEADER];
	uint32_t prev;

	frames_make(&f, &one);
	frames_make(&f, &two);
	frames_make(&f, &three);
	eng_segment_encode(header, &h);
	for (uint8_t letter = 0; letter <= (MEND_SEGMENT | MEND_FRAMES); letter += MEND_SEGMENT | MEND_FRAMES) {
		struct eng_buf b = ENG_BUF_INIT;

		eng_buf_byte(&b, letter);
		eng_buf_add(&b, header, ENG_FRAME_HEADER);
		prev = 0;
		for (size_t i = 0; i < f.n; i++)
			add_frame(&b, f.v[i], &prev);
		eng_buf_zero(&b, 64);
		emit(data, b.p, b.n);
		eng_buf_free(&b);
	}
	frames_free(&f);
}

/* -- the file -------------------------------------------------------------------------- */

static char space_dir[600], path[800];

static void prepare(void)
{
	char name[ENG_SERIES_NAME + 1];
	struct eng_series a = frames_series('A');

	if (path[0])
		return;
	if (access("/dev/shm", W_OK) == 0)
		setenv("TMPDIR", "/dev/shm", 0); /* a file is written for each input */
	snprintf(space_dir, sizeof space_dir, "%s", tmpdir_begin("fuzz-segment"));
	atexit(tmpdir_end);
	eng_series_name(name, &a);
	snprintf(path, sizeof path, "%s/log", space_dir);
	FUZZ_HOLD(mkdir(path, 0700) == 0);
	snprintf(path, sizeof path, "%s/log/%s", space_dir, name);
	FUZZ_HOLD(mkdir(path, 0700) == 0);
	snprintf(path, sizeof path, "%s/log/%s/0000000000000001.wal", space_dir, name);
}

static void mend_segment(uint8_t header[ENG_SEGMENT_HEADER])
{
	struct eng_segment_header h;
	bool zero;

	(void)eng_segment_decode(&h, header, &zero);
	h = (struct eng_segment_header){.version = 1, .prev = h.prev, .space = space, .series = frames_series('A'),
	                                .first_seq = 1};
	eng_segment_encode(header, &h);
}

/* Right checks over whatever lengths, kinds and numbers are there. */
static void mend_frames(uint8_t *p, size_t n)
{
	uint32_t prev = 0;

	while (n >= ENG_FRAME_HEADER) {
		struct eng_header h;
		uint64_t size;

		(void)eng_header_decode(&h, p);
		size = eng_frame_size(h.payload_len);
		if (h.seq == 0 || size > n)
			return;
		h.prev = prev;
		h.payload_check = XXH3_64bits(p + ENG_FRAME_HEADER, h.payload_len);
		eng_header_encode(p, &h);
		prev = h.header_check;
		p += size;
		n -= (size_t)size;
	}
}

static void write_file(const uint8_t *p, size_t n)
{
	size_t head = n - 1 < ENG_FRAME_HEADER ? n - 1 : ENG_FRAME_HEADER, rest = n - 1 - head;
	uint8_t *file = calloc(1, ENG_SEGMENT_HEADER + rest);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	FUZZ_HOLD(file && fd >= 0);
	memcpy(file, p + 1, head);
	memcpy(file + ENG_SEGMENT_HEADER, p + 1 + head, rest);
	if (p[0] & MEND_SEGMENT)
		mend_segment(file);
	if (p[0] & MEND_FRAMES)
		mend_frames(file + ENG_SEGMENT_HEADER, rest);
	FUZZ_HOLD(write(fd, file, ENG_SEGMENT_HEADER + rest) == (ssize_t)(ENG_SEGMENT_HEADER + rest));
	close(fd);
	free(file);
}

/* -- promises ------------------------------------------------------------------------- */

static void hold_frame(const struct eng_frame *f)
{
	FUZZ_HOLD(f->h.seq > 0 && f->h.payload_len <= ENG_PAYLOAD_MAX);
	FUZZ_HOLD(f->h.space_check == eng_frame_space_check(&space));
	FUZZ_HOLD((f->h.flags & ENG_FLAG_STUB) || XXH3_64bits(f->payload, f->h.payload_len) == f->h.payload_check);
}

/* One after the other, each the next of the one before. */
static uint64_t read_all(struct eng_log *log)
{
	struct eng_series a = frames_series('A');
	struct eng_cursor *c = NULL;
	struct eng_frame f;
	struct engram_error err;
	uint32_t prev = 0;
	uint64_t n = 0;
	int r = eng_cursor_open(&c, log, &a, 0, UINT64_MAX, NULL, &err);

	while (r == 0 && (r = eng_cursor_next(c, &f, &err)) == 1) {
		hold_frame(&f);
		FUZZ_HOLD(f.h.seq == n + 1 && f.h.prev == prev);
		prev = f.h.header_check;
		n++;
		r = 0;
	}
	eng_cursor_close(c);
	return n;
}

static int count(void *data, const struct eng_frame *f)
{
	hold_frame(f);
	++*(uint64_t *)data;
	return 0;
}

static void pass(void *data, const struct eng_gap *gap)
{
	FUZZ_HOLD(gap->path && (gap->to == 0 || gap->from <= gap->to));
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct eng_log_options o = {.space_dir = space_dir, .space = space};
	uint64_t saved = 0, frames = 0, bytes = 0, seen;
	struct eng_salvage salvage = {.frame = count, .lost = pass, .data = &saved};
	struct eng_log *log = NULL;
	struct engram_error err;

	if (n < 1)
		return 0;
	prepare();
	o.space_dir = space_dir;
	write_file(p, n);
	if (eng_log_open(&log, eng_sys_posix(), &o, &err) < 0)
		return 0;
	seen = read_all(log);
	if (eng_log_salvage(log, &salvage, &err) == 0)
		FUZZ_HOLD(saved >= seen);
	if (eng_log_check(log, &frames, &bytes, NULL, NULL, &err) == 0)
		FUZZ_HOLD(frames == seen);
	eng_log_close(log);
	return 0;
}
