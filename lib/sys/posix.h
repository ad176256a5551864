/* posix.h - inside sys/: the functions that posix.c gathers into the seam. */
#ifndef ENG_SYS_POSIX_H
#define ENG_SYS_POSIX_H

#include "sys/sys.h"

int64_t eng_posix_wall_us(void *ctx);
int64_t eng_posix_mono_us(void *ctx);
void eng_posix_sleep_us(void *ctx, int64_t us);
/* The variable is set, and is not a time, or not a number. */
bool eng_posix_now_bad(void);
bool eng_posix_seed_bad(void);

int eng_posix_random(void *ctx, void *out, size_t n);

int eng_posix_lock(void *ctx, int fd, uint64_t byte, enum eng_lock_kind kind, int wait_ms);
void eng_posix_wait(void *ctx, const uint32_t *word, uint32_t seen, uint32_t bits, int64_t max_us);
void eng_posix_wake(void *ctx, const uint32_t *word, int most, uint32_t bits);

int eng_posix_guard(void (*fn)(void *ctx, void *result), void *ctx, void *result, size_t n);

extern const struct eng_fs_ops eng_posix_fs_ops;
extern const struct eng_machine eng_posix_machine;

#endif
