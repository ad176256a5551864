/* simfs_int.h - what the recorder (simfs.c) and the enumeration (simimage.c) share. */
#ifndef CRASH_SIMFS_INT_H
#define CRASH_SIMFS_INT_H

#include <setjmp.h>

#include "base/rng.h"
#include "simfs.h"

#define SECTOR 512u
#define ROOT_DIR 0

/* A file or directory; its number is its index.  Its inode number is
 * simulated: it survives power cuts, whatever real file carries it. */
struct object {
	uint32_t mode;
	bool is_dir, foreign;
	bool lazy; /* foreign, and not synced by who writes it: a view file */
	uint64_t ino;
	uint8_t *base; /* content when the simulation began */
	size_t base_n;
	uint8_t *last; /* newest known content of a foreign file */
	size_t last_n;
};

struct entry {
	int dir, obj;
	char name[112];
};

/* A directory tree: which name in which directory is which object. */
struct names {
	struct entry *e;
	size_t n, cap;
};
int names_get(const struct names *t, int dir, const char *name);
void names_set(struct names *t, int dir, const char *name, int obj);
void names_del(struct names *t, int dir, const char *name);
void names_copy(struct names *to, const struct names *from);

struct event {
	enum sim_op op;
	int obj;            /* the file, or what the name stands for */
	int dir, dir2;      /* dir/name comes into being; dir2/name2 goes (rename) */
	char name[112], name2[112];
	uint64_t off, n;    /* n: of data, or the size afterwards */
	uint8_t *data;
	unsigned kind;      /* of a note */
	unsigned look;      /* found behind the seam by this look; 0 = passed the seam */
};

struct map {
	void *p;
	size_t n;
	int obj;
	uint8_t *seen; /* NULL: mapped for reading, not looked at */
};

#define FDS 1024
#define MAPS 64

struct sim {
	struct eng_sys sys;
	char root[ENG_PATH_MAX];
	size_t root_len;
	uint64_t seed;
	struct object *obj;
	size_t nobj, obj_cap;
	uint64_t next_ino;
	struct names first, now; /* at the beginning; in the running program's eyes */
	struct event *ev;
	size_t nev, ev_cap;
	int fd[FDS]; /* object behind a descriptor, or -1 */
	struct map map[MAPS];
	struct eng_rng rng;
	int64_t wall_us;
	uint64_t boot;
	bool watch;
	unsigned look, looks; /* the look that is going on, 0 = none; how many there were */
	/* fault */
	unsigned fail_ops;
	uint64_t fail_at, operations;
	int fail_error;
	bool fail_on, struck;
	/* death */
	uint64_t die_at, calls; /* 0 = never */
	jmp_buf grave;
};

struct image_file {
	int obj;
	const uint8_t *data;
	size_t n;
	bool owned;
};

struct sim_image {
	const struct sim *sim;
	struct names names;
	struct image_file *file; /* by object */
	size_t nfile;
	bool same_boot; /* only the processes died */
};

/* simrecord.c */
void sim_stop(const char *what, const char *which) __attribute__((noreturn)); /* ends the test */
void *sim_alloc(void *p, size_t n); /* realloc that ends the test when it fails */
uint8_t *sim_copy(const void *p, size_t n);
uint8_t *sim_slurp(const char *path, size_t *n); /* NULL = no readable file */
void sim_name_copy(char out[112], const char *name);
/* The object of a path, or -1; *dir is its directory (-1: not ours), leaf its last name. */
int sim_resolve(const struct sim *s, const char *path, int *dir, char leaf[112]);
bool sim_is_lazy_name(const char *name);    /* of these, LMDB syncs it not */
bool sim_is_foreign_name(const char *name); /* LMDB and SQLite write it, whoever makes it */
/* Valid until the next one. */
struct event *sim_record(struct sim *s, enum sim_op op, int obj);
void sim_record_name(struct sim *s, enum sim_op op, int obj, int dir, const char *name);
void sim_record_bytes(struct sim *s, enum sim_op op, int obj, uint64_t off, const void *p, size_t n);
void sim_look(struct sim *s); /* what changed behind the seam since the last call */

int sim_object(struct sim *s, bool is_dir, uint32_t mode, uint64_t ino); /* ino 0 = a new one */
struct sim *sim_bare(const char *root, uint64_t seed);

#endif
