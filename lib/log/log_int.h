/* log_int.h - inside log/: the handle, the series, and the steps between files. */
#ifndef ENG_LOG_LOG_INT_H
#define ENG_LOG_LOG_INT_H

#include "log/log.h"
#include "log/mark.h"

/* Deviations planted on purpose, one per build, so that the crash tests can
 * show that they would notice: 1 a failed flush is retried on its segment,
 * 2 `fails` is remembered after the write, 3 written_seq is read after the
 * flush, 4 a dead leader's bytes are not written again, 5 a dead writer's
 * successor segment is not adopted.  Never set in a real build. */
#ifndef ENG_PLANT
#define ENG_PLANT 0
#endif
#define ENG_PLANTED(n) (ENG_PLANT == (n))

/* What frames of kinds that make room (forget, cut, retire) may still use when
 * the disk is full: every other append leaves so much reserved behind it. */
#define ENG_LOG_SLACK (64u << 10)

/* -- reading a segment through a window (window.c) ------------------------- */

struct eng_window {
	const struct eng_sys *sys;
	int fd;
	uint64_t at;      /* where in the file b begins */
	struct eng_buf b;
};

/* Up to n bytes at off; *got < n only at the end of the file.  *p is valid
 * until the next call.  0 or -errno (-ENOMEM). */
int eng_window_get(struct eng_window *w, const uint8_t **p, size_t *got, uint64_t off, size_t n);
void eng_window_forget(struct eng_window *w); /* the file changed: read again */
void eng_window_free(struct eng_window *w);

/* -- one frame (scan.c) ------------------------------------------------------ */

/* What the next frame of a series must be. */
struct eng_expect {
	struct eng_series series;
	uint32_t space_check;
	uint64_t seq;
	uint32_t prev;
	bool any_prev; /* prev is not known */
};

struct eng_fault {
	uint64_t off;    /* the byte where wanted and found part */
	char text[160];  /* "what: wanted, found" */
};

/* 1 and a valid frame (payload inside the window), 0 and why not, or -errno. */
int eng_frame_at(struct eng_window *w, struct eng_frame *out, struct eng_fault *fault, uint64_t off,
                 const struct eng_expect *want);

/* The same of a frame among n bytes at p; off is for the fault. */
int eng_frame_in(struct eng_frame *out, struct eng_fault *fault, uint64_t off, const uint8_t *p, size_t n,
                 const struct eng_expect *want);

/* Walks valid frames from end->off on until the frame `stop` is reached (it is
 * not read) or one is not valid; end moves along.  1 reached stop, 0 met an
 * invalid frame (fault), or -errno. */
int eng_scan(struct eng_window *w, struct eng_end *end, struct eng_fault *fault,
             const struct eng_series *series, uint32_t space_check, uint64_t stop);

enum eng_verdict {
	ENG_END_TORN,     /* nothing acknowledged is missing */
	ENG_END_ROLLBACK, /* durable frames are gone, and zeros in their place */
	ENG_END_DAMAGE,
};
/* What the invalid frame at end->off is; durable = the greatest seq known to
 * have been durable.  Negative: -errno. */
int eng_judge(struct eng_window *w, const struct eng_end *end, const struct eng_series *series,
              uint32_t space_check, uint64_t durable);

/* Places name a segment by its first seq, and that of a branch by a hash of the
 * branch in the upper bits: no series has 2^40 frames. */
#define ENG_PLACE_SEQ ((UINT64_C(1) << 40) - 1)

/* -- series (series.c) -------------------------------------------------------- */

struct eng_log_series {
	struct eng_series id;   /* the directory */
	struct eng_series of;   /* what its frames name: of a branch another one */
	uint64_t base;          /* number of the frame before its first: 0 but for a branch */
	uint32_t base_check;    /* of that frame */
	uint64_t tag;           /* marks the places of a branch; 0 = none */
	char *dir;              /* owned */
	int state;              /* enum eng_mark_state */
	struct eng_mark *mark;  /* FITS; also FOREIGN */
	int fd;
	uint64_t *firsts;       /* segments, ascending; owned */
	size_t nfirsts, firsts_cap;
	struct eng_end found;   /* by a reader's scan, where the mark does not count */
	bool scanned;
	bool seen;              /* in the last listing */
	bool recovered;         /* by this handle: the mark counts without a boot id */
	bool locked;            /* eng_log_drop holds both locks */
	bool checked_tail;      /* the last frame was compared with the mark */
	unsigned cursors;       /* open on it */

	/* received through this handle and not yet known to be durable */
	bool received;
	bool received_lost;     /* a failure in between: part of it is void */
	uint64_t received_seq;
	uint32_t received_fails;
};

struct eng_log {
	const struct eng_sys *sys;
	char space_dir[ENG_PATH_MAX];
	char dir[ENG_PATH_MAX];        /* space_dir/log */
	struct engram_id space;
	uint32_t space_check;
	uint64_t boot;                 /* 0 = there is no boot id */
	uint32_t pid;
	bool write;
	int wait_ms;                   /* for any lock */
	engram_notice_fn *notice;
	void *notice_data;
	struct eng_position *applied;  /* owned */
	size_t napplied;
	bool state_is_ahead;           /* of what the log holds */

	struct eng_log_series **series; /* ascending by id; owned */
	size_t nseries, series_cap;
	struct eng_log_series *own;     /* one of them: where appends go */
	struct eng_series_info *info;   /* what refresh gave; owned */

	/* the active segment that was written last, open for writing */
	int seg_fd;
	struct eng_series seg_series;
	uint64_t seg_first;
	uint32_t seg_turn;
	uint64_t seg_held; /* it has blocks up to here; 0 = up to what is filled */

	/* a segment kept open for eng_log_read */
	int read_fd;
	uint64_t read_first;
	struct eng_series read_series;

	struct eng_buf out; /* frames of one append */

	/* appended through this handle and not yet known to be durable */
	struct eng_log_series *pending; /* NULL = nothing */
	bool pending_lost;      /* a failure in between: part of it is void */
	uint64_t pending_seq;
	uint32_t pending_fails;

	int lock_fd; /* of the space's lock file, while mint is held; else -1 */
};

/* Reads log/ again; opens marks of new series, forgets those gone. */
int eng_series_list(struct eng_log *log, struct engram_error *err);
/* A directory that a mint left behind when it was cut off. */
bool eng_series_is_empty(const struct eng_log_series *s);
struct eng_log_series *eng_series_find(struct eng_log *log, const struct eng_series *id);
void eng_series_free_all(struct eng_log *log);
/* Whether the positions in the mark count (this boot's, or closed for good). */
bool eng_series_mark_counts(const struct eng_log *log, const struct eng_log_series *s);
/* The branch of a series whose places have this tag, or the series itself. */
struct eng_log_series *eng_series_at(struct eng_log *log, const struct eng_series *of, struct eng_place place);
/* Splits that were cut off are done again (branch.c). */
int eng_branches_finish(struct eng_log *log, struct engram_error *err);
/* From here on s holds frames of `of` behind frame `base`. */
void eng_series_is_branch(struct eng_log_series *s, const struct eng_series *of, uint64_t base, uint32_t base_check);
/* Closed, and nothing was received into it since: no frame will come. */
bool eng_series_is_over(const struct eng_log_series *s);
/* What is at its end came from other stores. */
bool eng_series_receives(const struct eng_log_series *s);
/* Where it ends (seq, stamp; off and chain only where scanned) as the mark says
 * or as a scan of the newest segment finds, and how much of it is durable. */
int eng_series_end(struct eng_log *log, struct eng_log_series *s, struct eng_end *end, uint64_t *durable,
                   struct engram_error *err);

/* Whether what follows `end` in the newest segment is a torn tail at worst. */
int eng_series_sound(struct eng_log *log, struct eng_log_series *s, const struct eng_end *end,
                     struct engram_error *err);

/* Segments of a series (segment.c). */
int eng_segments_list(struct eng_log *log, struct eng_log_series *s, struct engram_error *err);
int eng_segment_open(struct eng_log *log, int *fd, const struct eng_log_series *s, uint64_t first, bool write,
                     struct engram_error *err);
/* Its header, checked against series, space and name.  1, 0 all zeros, < 0. */
int eng_segment_check(struct eng_log *log, uint32_t *prev, const struct eng_log_series *s, uint64_t first,
                      struct eng_window *w, struct engram_error *err);
void eng_segment_path(char out[ENG_PATH_MAX], const struct eng_log_series *s, uint64_t first);
/* Makes the segment that begins with `first`, replacing one of that name, and
 * makes it the active one.  Both locks held, mark dirty on return of a failure
 * that left it in the directory. */
int eng_segment_begin(struct eng_log *log, struct eng_log_series *s, uint64_t first, uint32_t prev,
                      struct engram_error *err);
/* seg_fd becomes the active segment's. */
int eng_segment_use(struct eng_log *log, struct eng_log_series *s, struct engram_error *err);
/* Blocks are held for n bytes behind the end and `slack` more, and they read as zeros. */
int eng_segment_fill(struct eng_log *log, struct eng_log_series *s, uint64_t n, uint64_t slack,
                     struct engram_error *err);
int eng_segment_zero(struct eng_log *log, int fd, uint64_t from, uint64_t to); /* 0 or -errno */
/* Writes the bytes that are there once more, from the sector of `from` on, so
 * that the next flush covers them whatever an earlier one did.  0 or -errno. */
int eng_segment_rewrite(struct eng_log *log, int fd, uint64_t from, uint64_t to);

/* Steps of an append that receiving takes too (append.c), under the append lock:
 * 3 the mark and the bytes agree (ENG_SERIES_OVER: it was rolled back); 4 to 6
 * room for n bytes, and `slack` behind them, in one segment, of which `fails` is that;
 * 7 and 8 the frames, `end` behind them. */
int eng_append_sound(struct eng_log *log, struct eng_log_series *s, struct engram_error *err);
int eng_append_room(struct eng_log *log, struct eng_log_series *s, uint32_t *fails, uint64_t n, uint64_t slack,
                    struct engram_error *err);
int eng_append_write(struct eng_log *log, struct eng_log_series *s, const uint8_t *frames, size_t n,
                     const struct eng_end *end, struct engram_error *err);

/* Choosing, closing, beginning a series (mint.c). */
void eng_own_choose(struct eng_log *log); /* from the last listing */
int eng_own_mint(struct eng_log *log, struct engram_error *err);
/* The series of that id, made with this role where there is none. */
int eng_series_receiver(struct eng_log_series **s, struct eng_log *log, const struct eng_series *id,
                        unsigned role, struct engram_error *err);
/* Both locks held; writes `end` and the reason, and syncs the mark. */
int eng_own_close(struct eng_log *log, struct eng_log_series *s, enum eng_birth_reason why, bool discard,
                  const struct eng_end *end, struct engram_error *err);
/* The series the next one descends from, and why; false = it is the first. */
bool eng_own_parent(struct eng_log *log, struct eng_position *parent, uint32_t *why);
/* Whether some series has no mark of this store's; gives them one, closed. */
bool eng_copies_present(const struct eng_log *log);
int eng_adopt_copies(struct eng_log *log, struct engram_error *err);
uint64_t eng_own_applied(const struct eng_log *log, const struct eng_series *s);

/* Locks of a series (lock.c). */
int eng_lock_append(struct eng_log *log, struct eng_log_series *s, struct engram_error *err);
void eng_unlock_append(struct eng_log *log, struct eng_log_series *s);
int eng_lock_flush(struct eng_log *log, struct eng_log_series *s, struct engram_error *err);
/* 1 = got it, 0 = somebody has it. */
int eng_try_flush(struct eng_log *log, struct eng_log_series *s, struct engram_error *err);
void eng_unlock_flush(struct eng_log *log, struct eng_log_series *s);
int eng_lock_mint(struct eng_log *log, struct engram_error *err);
void eng_unlock_mint(struct eng_log *log);
enum { ENG_SERIES_OVER = 1 }; /* closed meanwhile, or another file: choose again */
/* Under the append lock: 0, ENG_SERIES_OVER (another file), or the space is gone. */
int eng_names_mark(struct eng_log *log, struct eng_log_series *s, struct engram_error *err);
/* The same, and ENG_SERIES_OVER where the own series is closed. */
int eng_still_there(struct eng_log *log, struct eng_log_series *s, struct engram_error *err);

/* Recovery (recover.c): both locks held.  0, ENG_SERIES_OVER (it was rolled
 * back and is closed now), or < 0. */
int eng_recover(struct eng_log *log, struct eng_log_series *s, struct engram_error *err);
/* Takes the locks, recovers if the mark does not count, gives them back. */
int eng_recover_if_needed(struct eng_log *log, struct eng_log_series *s, struct engram_error *err);

/* One flush of the active segment (flush.c); flush lock held. */
int eng_flush_lead(struct eng_log *log, struct eng_log_series *s, uint32_t fails, struct engram_error *err);
/* Until seq is durable, written when `fails` was current. */
int eng_flush_join(struct eng_log *log, struct eng_log_series *s, uint64_t seq, uint32_t fails,
                   struct engram_error *err);
void eng_flush_announce(struct eng_log *log, struct eng_log_series *s);

void eng_log_note(struct eng_log *log, const char *format, ...) ENG_PRINTF(2, 3);
int eng_err_fs(struct engram_error *err, int r, const char *path, const char *doing);
int eng_err_fault(struct engram_error *err, const char *path, const struct eng_fault *fault);

#endif
