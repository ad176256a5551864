/* faultdisk.h - a disk shared by several processes, that fails as disks do.
 *
 * Below DIR/live lie real files (the page cache of all processes), below
 * DIR/disk one image for each inode.  A flush copies the dirty pages of a file
 * into its image; a flush that is made to fail copies some of them, marks all
 * of them clean, and answers EIO, as ext4 does.  A power cut turns every file
 * into its image plus random 512-byte sectors of its dirty pages, undoes
 * random creations and renames whose directory was not synced, and puts each
 * sector of a mapped file back to some earlier moment.
 *
 * Processes die by SIGKILL at the kill points of the code and around each call
 * of the seam, never inside one: what the shim does is one step of the kernel. */
#ifndef CRASH_FAULTDISK_H
#define CRASH_FAULTDISK_H

#include "base/rng.h"
#include "sys/sys.h"

struct disk;

struct disk_faults {
	unsigned flush_permille;   /* flushes that fail */
	unsigned reserve_permille; /* reservations that meet a full disk */
	unsigned kill_every;       /* one death in so many points; 0 = none */
	unsigned flush_us;         /* what a flush takes */
};

/* dir exists and is empty.  To be called before fork(). */
struct disk *disk_new(const char *dir);
void disk_free(struct disk *d);
const char *disk_live(const struct disk *d);
/* For this process: its own random numbers and faults. */
const struct eng_sys *disk_attach(struct disk *d, const struct disk_faults *f, uint64_t seed);
/* Everybody attached with kills dies at their next point. */
void disk_stop(struct disk *d, bool stop);
/* Remembers the mapped files as they are; to be called every few milliseconds. */
void disk_snapshot(struct disk *d);
/* Nobody else runs.  Another boot id afterwards. */
void disk_power_cut(struct disk *d, struct eng_rng *g);
/* Forgets all files; DIR/live is empty again. */
void disk_format(struct disk *d);

struct disk_stats {
	uint64_t flushes, failed, kills, full;
};
void disk_stats(const struct disk *d, struct disk_stats *out);

#endif
