/* log.h - the log of a space: series of segments on disk.
 *
 * One directory log/SERIES per series, with a mark (a shared-mapped 4 KiB
 * file: append and flush locks, positions, identity) and segment files.  This
 * store appends only to its own series; the others came from elsewhere and
 * are read here.  README.md gives the protocol; the order of its steps is what
 * keeps acknowledged frames, so change nothing there without the crash tests.
 *
 * A reader opens no lock, creates nothing and needs no mark. */
#ifndef ENG_LOG_LOG_H
#define ENG_LOG_LOG_H

#include "frame/frame.h"
#include "frame/payload.h"
#include "frame/segment.h"
#include "log/locks.h"
#include "sys/sys.h"

struct eng_log; /* one handle: one thread, one process */

struct eng_log_options {
	const char *space_dir;     /* absolute; log/ lies below it */
	struct engram_id space;
	bool write;
	unsigned wait_ms;          /* bound on waiting for any lock */
	bool new_series;           /* close the own series, begin another */
	/* What the derived files have applied, to see that the log was rolled
	 * back: series and seq; may be NULL. */
	const struct eng_position *applied;
	size_t napplied;
	engram_notice_fn *notice;  /* may be NULL */
	void *notice_data;
};

/* ENGRAM_EDAMAGED names file, offset, wanted and found. */
int eng_log_open(struct eng_log **log, const struct eng_sys *sys, const struct eng_log_options *o,
                 struct engram_error *err);
void eng_log_close(struct eng_log *log); /* NULL allowed */

/* True as long as the derived files must not be used, because this store was
 * found to be a copy or rolled back (the derived files of a live copy are
 * torn): a reader treats them as absent, a writer deletes them and then calls
 * eng_log_discarded().  The question reads the mark, so ask under the lock that
 * guards the derived files. */
bool eng_log_discard_derived(struct eng_log *log);
void eng_log_discarded(struct eng_log *log); /* a handle open for writing */

/* -- appending ----------------------------------------------------------- */

struct eng_draft {
	uint8_t kind;   /* enum eng_frame_kind */
	uint8_t flags;  /* RUN, CRITICAL */
	const uint8_t *payload;
	uint32_t payload_len;
};

struct eng_appended {
	struct eng_series series;
	uint64_t first_seq;   /* the drafts have first_seq .. first_seq + n - 1 */
	eng_stamp first_stamp;
	eng_stamp last_stamp;
	const uint8_t *bytes; /* as they were written, a birth frame before them; until the next append */
	size_t nbytes;
	struct eng_place place; /* of these */
};

/* Frames of one call lie in one segment: at most this many bytes of them. */
#define ENG_APPEND_MAX (8u << 20)

/* Writes n frames behind the end, in one go, not yet durable; mints the own
 * series if there is none.  Stamps exceed `floor` (where that is at most 24 h
 * beyond the clock) and every stamp of the series.  ENGRAM_EDISKFULL: nothing
 * was written, nothing is spoilt.  ENGRAM_ELIMIT: above ENG_APPEND_MAX.
 * ENGRAM_ECLOCK (the last stamp is more than 24 h beyond the clock),
 * ENGRAM_EBUSY (names the holder's pid), ENGRAM_ENOSPACE (the space was
 * dropped), ENGRAM_EDAMAGED, ENGRAM_EIO. */
int eng_log_append(struct eng_log *log, struct eng_appended *out, const struct eng_draft *drafts, size_t n,
                   eng_stamp floor, struct engram_error *err);

/* Everything appended through this handle becomes durable: by this process's
 * fdatasync or by that of whoever leads the group.  ENGRAM_EIO: not stored,
 * never acknowledge it. */
int eng_log_flush(struct eng_log *log, struct engram_error *err);

/* The same for everything that anybody has written to the own series so far:
 * before an answer ("already known", a state commit) rests on it. */
int eng_log_settle(struct eng_log *log, struct engram_error *err);

/* -- positions ----------------------------------------------------------- */

struct eng_series_info {
	struct eng_series series;
	struct eng_series of;  /* what its frames name: of a branch another one */
	uint64_t base;         /* its frames have numbers above this: 0 but for a branch */
	uint32_t base_check;   /* header_check of that frame */
	bool own;              /* this store writes or wrote it (has a fitting mark) */
	bool active;           /* own and open for appending */
	bool mine;             /* this store wrote it, or the one it is a copy of */
	uint64_t durable_seq;  /* nothing above may be applied, shipped, served */
	uint64_t written_seq;  /* readers may show up to here */
	eng_stamp last_stamp;
};

/* Looks again at the directory and the marks.  Sorted by series; valid until
 * the next refresh or close.  Marks are read after whatever snapshot the
 * caller took: take the snapshot first. */
int eng_log_refresh(struct eng_log *log, const struct eng_series_info **out, size_t *n,
                    struct engram_error *err);

/* -- reading ------------------------------------------------------------- */

struct eng_cursor; /* over one series, ascending seq */

/* Frames after `after` (0 = from the first) up to `upto`.  `hint` (may be
 * NULL): where frame after+1 lies, as a former cursor told; checked. */
int eng_cursor_open(struct eng_cursor **c, struct eng_log *log, const struct eng_series *series,
                    uint64_t after, uint64_t upto, const struct eng_place *hint, struct engram_error *err);
/* 1 and a verified frame (valid until the next call), 0 at the end, or
 * ENGRAM_EDAMAGED for a bad frame at or below durable_seq; above it a bad
 * frame is "end for now". */
int eng_cursor_next(struct eng_cursor *c, struct eng_frame *out, struct engram_error *err);
/* Where the next frame would lie (a hint for later). */
struct eng_place eng_cursor_place(const struct eng_cursor *c);
void eng_cursor_close(struct eng_cursor *c); /* NULL allowed */

/* One frame at a known place, verified, into b (replaced); out->payload points
 * into b.  ENGRAM_EDAMAGED if it is not the frame `seq` of that series. */
int eng_log_read(struct eng_log *log, struct eng_frame *out, struct eng_buf *b,
                 const struct eng_series *series,
                 uint64_t seq, struct eng_place place, struct engram_error *err);

/* Verified frames from where the cursor stands, byte for byte as they lie,
 * appended to out: not above upto, nor above what is durable, as many as fit into
 * max_bytes but one at least.  *n of them; none: there are none yet. */
int eng_cursor_copy(struct eng_cursor *c, struct eng_buf *out, size_t *n, uint64_t upto, size_t max_bytes,
                    struct engram_error *err);
/* Whether its next frame is the one after that. */
bool eng_cursor_at(const struct eng_cursor *c, const struct eng_series *series, uint64_t after);

/* The header_check of one durable frame. */
int eng_log_check_at(struct eng_log *log, uint32_t *header_check, const struct eng_series *series, uint64_t seq,
                     struct engram_error *err);
/* The last durable frame; info is of the last refresh. */
int eng_log_head(struct eng_log *log, struct eng_position *out, const struct eng_series_info *info,
                 struct engram_error *err);

/* -- receiving ------------------------------------------------------------- */

enum { ENG_LOG_FORKED = 1 };
/* Consecutive frames of a series that another store wrote, n bytes as they lie
 * in a segment: verified all of them, those held passed over, the rest written as
 * they are behind the end, not yet durable.  The first frame makes the series.
 * ENGRAM_EINPUT names series, seq, wanted and found; nothing of this call is kept.
 * ENG_LOG_FORKED: they do not continue what is held.  Frames of the own series
 * are refused unless they continue it: then it was rolled back and is closed. */
int eng_log_receive(struct eng_log *log, uint64_t *taken, const struct eng_series *series, const uint8_t *frames,
                    size_t n, struct engram_error *err);
/* Frame seq of the series was written by two stores: from it on, what is here of
 * the series becomes a branch (engram-formats(5)); nothing to do where it is not
 * reached, or done.  The derived files must be discarded then. */
int eng_log_split(struct eng_log *log, const struct eng_series *of, uint64_t seq, struct engram_error *err);
/* All that was received through this handle becomes durable. */
int eng_log_receive_flush(struct eng_log *log, struct engram_error *err);

/* Where frames of that name may lie: the branches that reach it, then the series
 * itself, held or not.  *at begins with 0; 1 another one, 0 no more. */
int eng_log_holder(const struct eng_series **out, struct eng_log *log, const struct eng_dot *dot, size_t *at);
/* The series or branch in which a frame at that place lies; NULL = none here. */
const struct eng_series *eng_log_directory(struct eng_log *log, const struct eng_series *of, struct eng_place place);

/* -- maintenance --------------------------------------------------------- */

/* Reads every byte of every segment: frames, chain, padding, zeros behind the
 * end, segment headers, marks.  ENGRAM_EDAMAGED names the first bad byte. */
int eng_log_check(struct eng_log *log, uint64_t *frames, uint64_t *bytes, engram_progress_fn *progress,
                  void *data, struct engram_error *err);

/* Closes the own series, all of it durable: the next append begins another. */
int eng_log_close_own(struct eng_log *log, struct engram_error *err);

/* Seals the active segment of the own series (the next append opens another). */
int eng_log_rotate(struct eng_log *log, struct engram_error *err);

/* What lies between two frames that can be read. */
struct eng_gap {
	const char *path;    /* the segment in which it ends */
	uint64_t first_seq;  /* of the frames that are missing */
	uint64_t frames;     /* 0: not known, it may be a tail that was never acknowledged */
	uint64_t from, to;   /* bad bytes; to = 0: none, the frames are not there */
};
struct eng_salvage {
	int (*frame)(void *data, const struct eng_frame *f); /* negative ends it */
	void (*lost)(void *data, const struct eng_gap *gap);
	void *data;
};
/* Every frame that passes its own checks, by series and rising seq, past all
 * damage. */
int eng_log_salvage(struct eng_log *log, const struct eng_salvage *user, struct engram_error *err);

struct eng_kill {
	struct eng_dot dot;    /* to become a stub */
	struct eng_dot killer; /* the forget that killed it */
	struct eng_place place; /* where it lies */
};
/* Seals the segment that holds the frame, if it is the active one of its series. */
int eng_log_seal(struct eng_log *log, const struct eng_kill *kill, struct engram_error *err);
/* Rewrites the sealed segments that hold these frames, at the same offsets,
 * by rename.  Frames in the active segment are left (and not counted).
 * Repeatable after a crash at any point. */
int eng_log_stub(struct eng_log *log, uint64_t *stubbed, uint64_t *freed_bytes, const struct eng_kill *kills,
                 size_t n, struct engram_error *err);

/* Puts a frame, n bytes, in the place of its stub, the same way: the whole one, or a
 * stub that names another forget.  ENGRAM_EINPUT: it is not the one held there. */
int eng_log_mend(struct eng_log *log, const uint8_t *frame, size_t n, struct engram_error *err);

/* For dropping the space: takes every append and flush lock and sets `dropped`
 * in every mark, so that no writer that waits can append.  EBUSY names a pid. */
int eng_log_drop(struct eng_log *log, struct engram_error *err);

uint64_t eng_log_bytes(struct eng_log *log); /* on disk, for reports */

#endif
