/* mark.h - the mark of a series: 4 KiB, mapped shared by every writer.
 *
 * It holds the two locks of the series (as OFD byte locks on the file), where
 * the end is, and whose series this is.  It is a file of this machine alone:
 * native byte order, never copied on purpose, never sent.
 *
 * Written back by the kernel whenever it likes, so that after a power cut each
 * 512-byte sector may be any version it ever had.  Therefore:
 *  - sector 0, the identity, is written once and synced before the first
 *    segment exists;
 *  - sector 1, the positions, counts only while the boot id in it is this
 *    boot's; afterwards durable_seq is a lower bound and the rest is nothing
 *    until recovery has written it again.  `closed` is synced when it is set,
 *    with the final positions, which then count for ever; unless a peer turns
 *    out to hold more of the series: then `reopened` is synced before the first
 *    frame is taken, and the positions count as those of any series.
 *
 *   off  size  field         guard
 *     0    8   magic         "ENGMARK\1"; sector 0 never changes
 *     8    4   version       1
 *    12    4   role          1 written here, 2 received; 6 a branch, 7 of what was written here
 *    16   16   series
 *    32   16   space
 *    48    8   inode         of this very file: another = a copy
 *    56    8   birth_ns      of this very file; 0 = unknown
 *    64    8   machine       hash of the machine id; 0 = unknown
 *    72    8   check         XXH3-64 of bytes 0..71
 *   512    8   boot          hash of the boot that wrote the positions
 *   520    8   durable_seq   flush lock; nothing above it ever left a process
 *   528    8   durable_off   flush lock; of the active segment, a lower bound
 *   536    8   written_seq   append lock; the last to be published by an append
 *   544    8   written_off   append lock; where the next frame goes
 *   552    8   active        both locks; first seq of the active segment
 *   560    8   last_stamp    append lock
 *   568    8   last_off      append lock; of the last frame in the active segment, 0 = none
 *   576    8   filled_off    append lock; zeros, or room that a group was to take, up to here
 *   584    4   chain         append lock; header_check of the frame written_seq
 *   588    4   fails         flush lock (after a failed flush) or append lock (write)
 *   592    4   seg_fails     both locks; `fails` when the active segment began
 *   596    4   flushing      flush lock; a leader is between set and clear
 *   600    4   dirty         append lock; positions and bytes may disagree
 *   604    4   dropped       all locks; the space is being deleted
 *   608    4   closed        both locks; 0, or why (enum eng_birth_reason)
 *   612    4   discard       the derived files must be discarded
 *   616    4   append_pid    append lock; who has it, 0 = nobody
 *   620    4   flush_pid     flush lock
 *   624    4   gen           raised after each flush; waiters sleep on it
 *   628    4   turn          both locks; raised with each new active segment
 *   632    4   released      raised when the append lock is given back to waiters
 *   636    4   waiting       how many wait for it; too many after a kill, never too few
 *   640    4   reopened      both locks; closed, and frames are received since */
#ifndef ENG_LOG_MARK_H
#define ENG_LOG_MARK_H

#include <stdatomic.h>

#include "frame/segment.h"
#include "sys/sys.h"

#define ENG_MARK_FILE "mark"
#define ENG_MARK_SIZE 4096u
#define ENG_MARK_VERSION 1u

enum eng_mark_lock { ENG_MARK_APPEND = 0, ENG_MARK_FLUSH = 1 };
enum eng_mark_role {
	ENG_ROLE_OWN = 1,
	ENG_ROLE_RECEIVED = 2,
	ENG_ROLE_BRANCH = 4, /* with RECEIVED: frames of another series, which its segments name;
	                      * and with OWN: which this store wrote */
};

struct eng_mark_identity {
	uint8_t magic[8];
	uint32_t version;
	uint32_t role;
	struct eng_series series;
	struct engram_id space;
	uint64_t inode;
	int64_t birth_ns;
	uint64_t machine;
	uint64_t check;
};

struct eng_mark {
	struct eng_mark_identity is;
	uint8_t pad0[512 - sizeof(struct eng_mark_identity)];
	_Atomic uint64_t boot;
	_Atomic uint64_t durable_seq;
	_Atomic uint64_t durable_off;
	_Atomic uint64_t written_seq;
	_Atomic uint64_t written_off;
	_Atomic uint64_t active;
	_Atomic uint64_t last_stamp;
	_Atomic uint64_t last_off;
	_Atomic uint64_t filled_off;
	_Atomic uint32_t chain;
	_Atomic uint32_t fails;
	_Atomic uint32_t seg_fails;
	_Atomic uint32_t flushing;
	_Atomic uint32_t dirty;
	_Atomic uint32_t dropped;
	_Atomic uint32_t closed;
	_Atomic uint32_t discard;
	_Atomic uint32_t append_pid;
	_Atomic uint32_t flush_pid;
	_Atomic uint32_t gen;
	_Atomic uint32_t turn;
	_Atomic uint32_t released;
	_Atomic uint32_t waiting;
	_Atomic uint32_t reopened;
	uint8_t pad1[ENG_MARK_SIZE - 648];
};

_Static_assert(offsetof(struct eng_mark_identity, check) == 72, "mark identity");
_Static_assert(offsetof(struct eng_mark, boot) == 512, "mark sector 1");
_Static_assert(offsetof(struct eng_mark, reopened) == 640, "mark positions");
_Static_assert(sizeof(struct eng_mark) == ENG_MARK_SIZE, "mark size");

/* What the end of a series is, as a mark holds it or a scan finds it. */
struct eng_end {
	uint64_t seq;      /* of the last valid frame; first_seq - 1 = none */
	uint64_t off;      /* behind it, in the active segment */
	uint64_t last_off; /* of it; 0 = the segment holds none */
	uint64_t active;   /* first seq of the active segment */
	uint64_t size;     /* of that file */
	eng_stamp stamp;   /* of the last frame; 0 = not seen */
	uint32_t chain;    /* header_check of the last frame */
};

/* Makes the file DIR/mark durably (a temporary name, sync, rename, sync of
 * DIR), closed as given, with `end` as durable and written; NULL = no segment
 * yet (dirty: the first writer makes one).  0 or -errno. */
int eng_mark_create(const struct eng_sys *sys, const char *dir, const struct eng_series *series,
                    const struct engram_id *space, enum eng_mark_role role, uint32_t closed, bool discard,
                    const struct eng_end *end);

enum eng_mark_state {
	ENG_MARK_FITS,    /* this store's own */
	ENG_MARK_FOREIGN, /* a mark, of another file or machine: a copy */
	ENG_MARK_NONE,    /* no mark, or no readable one */
};
/* Opens and maps it; *mark is set for FITS and FOREIGN (then read it only).
 * Negative: -errno. */
int eng_mark_open(struct eng_mark **mark, int *fd, const struct eng_sys *sys, const char *dir,
                  const struct eng_series *series, const struct engram_id *space, bool write);
void eng_mark_close(struct eng_mark **mark, int *fd, const struct eng_sys *sys);

/* Publishes `end` as written and durable; the caller holds both locks. */
void eng_mark_set_end(struct eng_mark *mark, const struct eng_end *end);

#endif
