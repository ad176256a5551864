/* simfs.h - a recording file system, and every image a power cut could leave.
 *
 *     struct sim *s = sim_new("/dev/shm/x", seed);
 *     ... run the code under test with sim_sys(s); sim_note() what it promised ...
 *     sim_enumerate(s, &plan, judge, data, &count);
 *
 * The simulation wraps real files below one directory (locks, mappings, LMDB
 * and SQLite need real descriptors) and writes down what passes the file seam.
 * Afterwards the record is walked; at each step a power cut may leave:
 *
 *  - what was synced, always; of the writes since then any subset, each whole,
 *    absent, or torn at 512-byte sectors (a sector is old or new, never mixed);
 *  - of the creations, renames and removals since the last sync of their
 *    directory any subset, in order; a rename is whole or absent;
 *  - of a mapped file each sector as it was at any moment since its last sync
 *    (snapshots are taken at every call through the seam and every kill point);
 *  - the writes of a *failed* sync for ever in doubt: later syncs do not cover
 *    them (the kernel marks such pages clean);
 *  - files that change behind the seam as whole, synced objects (LMDB and
 *    SQLite commit with full sync); only their names wait for the directory.
 *
 * The death of all processes (nothing lost, same boot) is one more image.
 *
 * Each image is handed to a judge, which boots it and lets the real code
 * open, read and append.  A booted image keeps the inode numbers and birth
 * times of the run, and has another boot id, as after a real power cut. */
#ifndef CRASH_SIMFS_H
#define CRASH_SIMFS_H

#include "sys/sys.h"

struct sim;
struct sim_image;

/* root exists; what lies in it is taken as durable.  NULL = failed. */
struct sim *sim_new(const char *root, uint64_t seed);
void sim_free(struct sim *s);
/* Valid as long as the simulation; one simulation is used at a time. */
const struct eng_sys *sim_sys(struct sim *s);
const char *sim_root(const struct sim *s);
/* Look for files that LMDB and SQLite changed, before each recorded step. */
void sim_watch_foreign(struct sim *s);

/* Promises made so far, by kind: a judge gets the newest of each. */
#define SIM_NOTES 4
void sim_note(struct sim *s, unsigned kind, uint64_t value);

/* Kinds of operation, also a mask for faults. */
enum sim_op {
	SIM_WRITE = 1u << 0,
	SIM_SYNC = 1u << 1,
	SIM_SYNC_DIR = 1u << 2,
	SIM_CREATE = 1u << 3,
	SIM_MKDIR = 1u << 4,
	SIM_RENAME = 1u << 5,
	SIM_UNLINK = 1u << 6,
	SIM_RMDIR = 1u << 7,
	SIM_TRUNCATE = 1u << 8,
	SIM_RESERVE = 1u << 9,
	SIM_PUNCH = 1u << 10,
	SIM_READ = 1u << 11,
	SIM_OPEN = 1u << 12,
	SIM_STAT = 1u << 13,
	SIM_LIST = 1u << 14,
	SIM_MAP = 1u << 15,
	SIM_LOCK = 1u << 16,
	/* not counted for faults */
	SIM_SYNC_FAILED = 1u << 20,
	SIM_MARK = 1u << 21,
	SIM_FOREIGN = 1u << 22,
	SIM_NOTE = 1u << 23,
};
#define SIM_ANY 0x1ffffu

/* The nth matching operation from now (1 = the next) answers -error; all
 * later ones too if `on`.  error 0 = no fault. */
void sim_fail(struct sim *s, unsigned ops, uint64_t nth, int error, bool on);
/* Operations of any kind since the last sim_fail(). */
uint64_t sim_operations(const struct sim *s);
/* Whether the fault has struck. */
bool sim_failed(const struct sim *s);

/* Runs fn, in which the process dies at its nth call through the seam or kill
 * point: fn does not come back, its descriptors are closed (and with them its
 * locks), its mappings and what it allocated are gone, and the record goes on.
 * fn closes what it opens, if it lives.  True = it died. */
bool sim_die(struct sim *s, uint64_t nth, void (*fn)(void *data), void *data);

struct sim_plan {
	uint64_t seed;
	unsigned random;  /* random subsets at each step */
	unsigned singles; /* at most so many pending operations are taken one by one */
	size_t from;      /* first step (for going on after a set-up) */
	size_t every;     /* take only every n-th step and the last, 0 and 1 = all */
	bool quiet;       /* describe no bad images */
	uint64_t first[SIM_NOTES]; /* promises made before the record begins */
};

struct sim_count {
	uint64_t steps, images, bad, same; /* same: equal to an image judged before */
};

/* 0 = sound; else the image is counted as bad and described. */
typedef int sim_judge_fn(void *data, const struct sim_image *image, const uint64_t notes[SIM_NOTES]);

void sim_enumerate(struct sim *s, const struct sim_plan *plan, sim_judge_fn *judge, void *data,
                   struct sim_count *count);
size_t sim_steps(const struct sim *s);

/* Writes the image below root (emptied first) and boots it: NULL = failed. */
struct sim *sim_boot(const struct sim_image *image, const char *root, uint64_t seed);

/* A scratch directory on tmpfs if there is one: path in out, removed at exit. */
const char *sim_scratch(char out[ENG_PATH_MAX], const char *name);
/* Removes the newest one at once. */
void sim_scratch_remove(void);

#endif
