/* faultdisk_int.h - what the disk (faultdisk.c) and its power cut (faultcut.c) share. */
#ifndef CRASH_FAULTDISK_INT_H
#define CRASH_FAULTDISK_INT_H

#include <stdatomic.h>

#include "faultdisk.h"

#define PAGE 4096u
#define SECTOR 512u
#define PAGES (17u << 20 >> 12) /* the greatest file: a sealed segment */
#define FILES 4096u
#define NAMES 8192u
#define FDS 1024
#define MAPPED 16u
#define SHOTS 64u

struct file {
	_Atomic uint64_t ino; /* 0 = free */
	_Atomic bool mapped;
	_Atomic uint8_t dirty[PAGES];
};

struct name {
	bool used;
	bool is_dir;
	uint64_t ino;
	char dir[96]; /* below live, "" = live itself */
	char name[64];
};

/* In memory shared by all processes. */
struct shared {
	_Atomic uint64_t boot;
	_Atomic bool stop;
	_Atomic int names_lock;
	_Atomic uint64_t flushes, failed, kills, full;
	struct name names[NAMES]; /* guard: names_lock */
	struct file files[FILES];
};

struct shots {
	uint64_t ino;
	size_t n, at;
	uint8_t page[SHOTS][PAGE];
};

struct disk {
	char dir[256], live[256 + 8];
	struct shared *sh;
	struct shots shots[MAPPED]; /* of the parent */
	/* this process */
	struct eng_sys sys;
	struct disk_faults faults;
	struct eng_rng rng;
	struct file *fd_file[FDS];
	int fd_image[FDS];
};

void disk_give_up(const char *what) __attribute__((noreturn)); /* ends the process */
struct file *disk_file(struct disk *d, uint64_t ino);
int disk_image(const struct disk *d, uint64_t ino); /* opened */
void disk_copy_page(int from, int to, uint64_t page);
void disk_copy_size(int from, int to);

struct found {
	struct name *name;
	size_t n;
};
/* What lies in a directory now; free .name. */
struct found disk_list_live(const struct disk *d, const char *dir);
/* The listing of `dir` becomes durable. */
void disk_keep_names(struct disk *d, const char *dir);

#endif
