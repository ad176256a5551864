/* sys.h - the seams: clock, random, files and locks as small structs.
 *
 * Only sys/ calls the kernel for these; everything above takes a
 * `const struct eng_sys *` at construction, so that a test can turn the clock
 * back, fail the n-th write, or keep a record of what reached the disk.
 * (LMDB and SQLite do their own file work and do not pass this seam: their
 * crash safety is tested from outside.)
 *
 * File calls answer >= 0 or -errno.  Paths are absolute.  Descriptors are
 * O_CLOEXEC always: a child that outlived a killed holder would keep its lock. */
#ifndef ENG_SYS_SYS_H
#define ENG_SYS_SYS_H

#include <sys/types.h>

#include "base/buf.h"
#include "base/types.h"

struct eng_clock {
	int64_t (*wall_us)(void *ctx);  /* since 1970 UTC; may jump */
	int64_t (*mono_us)(void *ctx);  /* never goes back */
	void (*sleep_us)(void *ctx, int64_t us);
	void *ctx;
};

struct eng_random {
	int (*fill)(void *ctx, void *out, size_t n); /* 0 or -errno */
	void *ctx;
};

struct eng_stat {
	uint64_t dev, ino, size, blocks; /* blocks of 512 bytes held on disk */
	int64_t birth_ns;  /* 0 where the file system keeps none */
	uint32_t nlink, mode, uid;
};

enum eng_lock_kind { ENG_UNLOCK, ENG_LOCK_SHARED, ENG_LOCK_EXCLUSIVE };

typedef int eng_dir_fn(void *data, const char *name); /* non-zero ends the walk and is its result */

struct eng_fs_ops {
	int (*open)(void *ctx, const char *path, int flags, mode_t mode); /* adds O_CLOEXEC|O_NOFOLLOW */
	int (*close)(void *ctx, int fd);
	ssize_t (*pread)(void *ctx, int fd, void *p, size_t n, uint64_t off);
	ssize_t (*pwrite)(void *ctx, int fd, const void *p, size_t n, uint64_t off);
	int (*sync)(void *ctx, int fd);                     /* fdatasync */
	int (*sync_dir)(void *ctx, const char *path);       /* fsync of a directory */
	int (*reserve)(void *ctx, int fd, uint64_t off, uint64_t n); /* fallocate; -EOPNOTSUPP is passed on */
	int (*punch)(void *ctx, int fd, uint64_t off, uint64_t n);   /* best effort hole */
	int (*truncate)(void *ctx, int fd, uint64_t n);
	int (*rename)(void *ctx, const char *from, const char *to, bool replace); /* !replace: -EEXIST */
	int (*unlink)(void *ctx, const char *path);
	int (*mkdir)(void *ctx, const char *path, mode_t mode);
	int (*rmdir)(void *ctx, const char *path);
	int (*stat)(void *ctx, const char *path, struct eng_stat *out); /* does not follow links */
	int (*fstat)(void *ctx, int fd, struct eng_stat *out);
	int (*list)(void *ctx, const char *path, eng_dir_fn *fn, void *data); /* any order; no . and .. */
	/* OFD byte lock.  wait_ms < 0: as long as it takes; 0: -EAGAIN at once. */
	int (*lock)(void *ctx, int fd, uint64_t byte, enum eng_lock_kind kind, int wait_ms);
	void *(*map)(void *ctx, int fd, size_t n, bool write); /* shared; NULL = failed */
	void (*unmap)(void *ctx, void *p, size_t n);
	/* 1 local, 0 network or cluster (refused), -errno. */
	int (*is_local)(void *ctx, const char *path);
	/* 1 the file system is mounted read-only, 0 not, -errno. */
	int (*is_read_only)(void *ctx, const char *path);
	/* Lets go of what the page cache holds of a file, where nobody maps it;
	 * a hint.  NULL = not done. */
	void (*evict)(void *ctx, int fd);
	/* Reads a range into the page cache, in pages as large as the kernel has for
	 * files.  0 or -errno; NULL or -errno = not done, reading does it in small ones. */
	int (*warm)(void *ctx, int fd, uint64_t off, size_t n);
};

struct eng_fs {
	const struct eng_fs_ops *ops;
	void *ctx;
};

/* Waiting on a word in shared memory (a futex).  A wake reaches those who wait
 * with a bit of its own. */
#define ENG_WAKE_ANY UINT32_MAX
struct eng_wait {
	void (*wait)(void *ctx, const uint32_t *word, uint32_t seen, uint32_t bits, int64_t max_us);
	void (*wake)(void *ctx, const uint32_t *word, int most, uint32_t bits);
	void *ctx;
};

struct eng_machine;

struct eng_sys {
	struct eng_clock clock;
	struct eng_random random;
	struct eng_fs fs;
	struct eng_wait wait;
	const struct eng_machine *machine; /* processors and threads: sys/workers.h */
	/* Stable hash of the boot, and of the machine; 0 = there is no id. */
	uint64_t (*boot_id)(void);
	uint64_t (*machine_id)(void);
	/* Runs fn in a child process, so that what kills it kills only the child:
	 * 0 = fn returned and *result (n bytes, shared) is what it left there;
	 * > 0 = the signal that ended it; -errno: there was no child.  The child
	 * may use no handle of its parent.  NULL: callers call fn themselves (a
	 * fault injected in a child would not be seen by the test that did). */
	int (*guard)(void (*fn)(void *ctx, void *result), void *ctx, void *result, size_t n);
	/* Kill points: called at each named step of a durable protocol.  NULL
	 * except in crash tests. */
	void (*point)(void *ctx, const char *name);
	void *point_ctx;
};

/* The kernel's.  ENGRAM_NOW (a time, as eng_parse_time takes) freezes the wall
 * clock, ENGRAM_SEED (a number) seeds the random numbers: for reproducible
 * examples and tests. */
const struct eng_sys *eng_sys_posix(void);

uint32_t eng_sys_pid(void);
/* "process 17" for a message, or "another process" for 0: a holder that has not
 * written its number yet, or was killed before it did. */
#define ENG_HOLDER_TEXT 24
const char *eng_holder(char out[ENG_HOLDER_TEXT], uint32_t pid);
uint32_t eng_sys_uid(void); /* effective */
/* NULL where unset. */
const char *eng_sys_env(const char *name);
/* ENGRAM_NETWORK_HOME=1: whoever set it vouches for the locks of a network file
 * system, so that it is not refused. */
bool eng_sys_network_allowed(void);
/* Names ENGRAM_NOW or ENGRAM_SEED where it is set to something that is not a
 * time, or not a number (and is ignored); else NULL. */
const char *eng_sys_env_bad(void);

/* In a loop that waits for a word of shared memory: leaves the core to its
 * other thread. */
static inline void eng_cpu_pause(void)
{
#if defined __x86_64__ || defined __i386__
	__builtin_ia32_pause();
#elif defined __aarch64__
	__asm__ volatile("yield");
#endif
}

/* -- helpers over the seam (file.c) ------------------------------------- */

static inline void eng_point(const struct eng_sys *sys, const char *name)
{
	if (sys->point)
		sys->point(sys->point_ctx, name);
}

int eng_fs_open(const struct eng_sys *sys, const char *path, int flags, mode_t mode);
void eng_fs_close(const struct eng_sys *sys, int *fd); /* sets -1; -1 allowed */
/* All n bytes, or as many as the file has (read), or -errno. */
ssize_t eng_fs_read(const struct eng_sys *sys, int fd, void *p, size_t n, uint64_t off);
int eng_fs_write(const struct eng_sys *sys, int fd, const void *p, size_t n, uint64_t off); /* 0 or -errno */
int eng_fs_sync(const struct eng_sys *sys, int fd);
int eng_fs_sync_dir(const struct eng_sys *sys, const char *path);
/* Whole small file into b (appended); -EFBIG over max. */
int eng_fs_load(const struct eng_sys *sys, const char *path, struct eng_buf *b, size_t max);
/* The same for a file that is not ours but a person's (settings), who may keep
 * it behind a symbolic link: not through the seam.  *st is the file that was
 * read; what is no regular file is -EINVAL, and /dev/null is empty. */
int eng_sys_load_linked(const char *path, struct eng_buf *b, size_t max, struct eng_stat *st);
/* path.tmp-PID, write, sync, rename over path, sync of the directory: after 0
 * the file has the new content also after a power cut; before, old or new. */
int eng_fs_replace(const struct eng_sys *sys, const char *path, const void *p, size_t n, mode_t mode);
/* Removes a tree of depth <= 4; what vanishes meanwhile is no error. */
int eng_fs_remove_tree(const struct eng_sys *sys, const char *path);

/* "DIR/format..."; false if it does not fit. */
#define ENG_PATH_MAX 4096
bool eng_path(char out[ENG_PATH_MAX], const char *dir, const char *format, ...) ENG_PRINTF(3, 4);
/* A path as seen from the current directory: 0 or -errno. */
int eng_sys_absolute(char out[ENG_PATH_MAX], const char *path);
/* The directory that an absolute path lies in. */
bool eng_fs_parent(char out[ENG_PATH_MAX], const char *path);

#endif
