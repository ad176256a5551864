/* disk.h - the log of one model store: frames of many series, durable or not yet.
 *
 * What lib/log and the receiving side of lib/space promise, without their files:
 *
 *   append     to the own series; durable after a flush, gone after a failed one
 *   receive    others' frames, verified, each once; forks found
 *   crash      what was durable stays, of the rest some beginning
 *   copies     backups, clones; whose own series are closed, or, where nobody could
 *              notice (a virtual machine set back), are not
 *
 * A series is a list of frames, one after the other.  Once it is known to be
 * forked at seq d, it ends before d, and each frame at d begins a *branch*, a list
 * of its own that eng_branch_name names; its frames go on naming the series. */
#ifndef SIM_DISK_H
#define SIM_DISK_H

#include "kernel.h"
#include "sync/sync.h"

struct sim_frame {
	struct eng_header h;
	uint8_t *p; /* as it lies in a segment */
	size_t n;
	uint64_t arrived; /* as the how manieth */
};

struct sim_log {
	struct eng_series name;   /* what the list is called */
	struct eng_series series; /* what its frames say */
	uint64_t first;           /* seq of f[0] */
	struct sim_frame *f;
	size_t n, cap;
	size_t durable; /* how many of them are */
	size_t applied; /* how many the state has */
	bool own;       /* written by this store, now or once: never held */
	bool closed;    /* nothing is appended any more */
};

struct sim_disk {
	struct engram_id space;
	bool has_space; /* else it has no frame and takes any id */
	struct sim_log **logs; /* ascending by name */
	size_t nlogs, cap;
	uint64_t arrived;
	struct eng_sync_fork *forks; /* known ones, ascending */
	size_t nforks, forks_cap;
};

void sim_disk_free(struct sim_disk *d);
/* What is durable. */
void sim_disk_copy(struct sim_disk *to, const struct sim_disk *from);

struct sim_log *sim_disk_log(const struct sim_disk *d, const struct eng_series *name);
/* The own series, if it is open. */
struct sim_log *sim_disk_own(const struct sim_disk *d);
struct sim_log *sim_disk_begin(struct sim_disk *d, const struct eng_series *series); /* an own one */
void sim_disk_close_own(struct sim_disk *d);
/* The frame of this name; header_check tells branches apart, 0 takes any.  NULL. */
struct sim_frame *sim_disk_find(const struct sim_disk *d, const struct eng_series *series, uint64_t seq,
                                uint32_t header_check, struct sim_log **in);

/* Completes the header: series, seq, prev; stamps are the caller's. */
void sim_disk_append(struct sim_disk *d, struct sim_log *log, struct eng_header *h, const uint8_t *payload);
void sim_disk_flush(struct sim_disk *d);
/* A flush failed: what was not durable, of the own series or of the others, will
 * never be. */
void sim_disk_lose(struct sim_disk *d, bool own);
/* A power cut. */
void sim_disk_crash(struct sim *s, struct sim_disk *d);
/* The log from frame `from` on is unreadable: it will be fetched again. */
void sim_disk_cut(struct sim_log *log, size_t from);

/* As in struct eng_sync_store. */
int sim_disk_read(struct sim_disk *d, struct eng_buf *out, size_t *n, const struct eng_series *name, uint64_t after,
                  uint64_t upto, size_t max_bytes, struct engram_error *err);
int sim_disk_receive(struct sim_disk *d, uint64_t *taken, const struct eng_series *name, const uint8_t *frames, size_t n,
                     struct engram_error *err);
int sim_disk_mend(struct sim_disk *d, const uint8_t *frame, size_t n, struct engram_error *err);
/* The series (or that of the branch of this name) is forked at seq: lists that reach
 * it are cut there.  True: that is news. */
bool sim_disk_fork(struct sim_disk *d, const struct eng_series *name, uint64_t seq);

static inline uint64_t sim_log_seq(const struct sim_log *l, size_t i)
{
	return l->first + i;
}
static inline const uint8_t *sim_frame_payload(const struct sim_frame *f)
{
	return f->p + ENG_FRAME_HEADER;
}

#endif
