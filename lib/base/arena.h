/* arena.h - memory of one operation, freed at once. */
#ifndef ENG_BASE_ARENA_H
#define ENG_BASE_ARENA_H

#include <stddef.h>

#include "engram.h"

struct eng_arena {
	struct eng_arena_block *blocks; /* newest first */
	size_t used;                    /* bytes handed out from the newest */
};

#define ENG_ARENA_INIT ((struct eng_arena){0})

/* 16-byte aligned, not zeroed; NULL when out of memory.  Valid until free or reset. */
void *eng_arena_alloc(struct eng_arena *a, size_t n);
void *eng_arena_calloc(struct eng_arena *a, size_t count, size_t size);
void *eng_arena_dup(struct eng_arena *a, const void *p, size_t n);
/* A copy with a NUL behind it (not counted); p NULL stays NULL. */
int eng_arena_str(struct eng_arena *a, struct engram_str *out, struct engram_str in); /* 0 or ENGRAM_ENOMEM */
void eng_arena_reset(struct eng_arena *a); /* keeps one block */
void eng_arena_free(struct eng_arena *a);  /* back to ENG_ARENA_INIT */

#endif
