/* arena.c - memory of one operation, freed at once.
 *
 * A list of blocks; allocations are cut from the newest.  Blocks double in
 * size, so that an arena of n bytes takes O(log n) allocations.  What is large
 * beside the next block gets a block of its own, put *behind* the newest, so
 * that the rest of the newest stays in use:
 *
 *     blocks -> [8K, used 3K] -> [own: 100K] -> [4K, full]
 */
#include "base/arena.h"

#include <stdint.h>
#include <string.h>

#include "base/alloc.h"

#define ALIGN 16
#define FIRST_SIZE 4096         /* a recall of ten short hits fits */
#define LARGEST_SIZE (4u << 20) /* beyond it doubling only wastes; it holds a large page wherever it lies */

struct eng_arena_block {
	struct eng_arena_block *next;
	size_t size; /* of data */
	_Alignas(ALIGN) unsigned char data[];
};

static struct eng_arena_block *new_block(size_t size)
{
	struct eng_arena_block *block;

	if (size > SIZE_MAX - sizeof *block)
		return NULL;
	block = eng_alloc_large(sizeof *block + size);
	if (block) {
		block->next = NULL;
		block->size = size;
	}
	return block;
}

static void *own_block(struct eng_arena *a, size_t n)
{
	struct eng_arena_block *block = new_block(n);

	if (!block)
		return NULL;
	block->next = a->blocks->next;
	a->blocks->next = block;
	return block->data;
}

static size_t next_size(const struct eng_arena *a)
{
	if (!a->blocks)
		return FIRST_SIZE;
	return a->blocks->size < LARGEST_SIZE / 2 ? a->blocks->size * 2 : LARGEST_SIZE;
}

/* For when the newest block has no room for n. */
static void *from_new_block(struct eng_arena *a, size_t n)
{
	size_t size = next_size(a);
	struct eng_arena_block *block;

	if (a->blocks && n > size / 4)
		return own_block(a, n);
	block = new_block(n > size ? n : size);
	if (!block)
		return NULL;
	block->next = a->blocks;
	a->blocks = block;
	a->used = n;
	return block->data;
}

void *eng_arena_alloc(struct eng_arena *a, size_t n)
{
	size_t want = (n + (ALIGN - 1)) & ~(size_t)(ALIGN - 1);
	void *p;

	if (want < n)
		return NULL;
	if (want == 0)
		want = ALIGN;
	if (!a->blocks || want > a->blocks->size - a->used)
		return from_new_block(a, want);
	p = a->blocks->data + a->used;
	a->used += want;
	return p;
}

void *eng_arena_calloc(struct eng_arena *a, size_t count, size_t size)
{
	size_t n;
	void *p;

	if (__builtin_mul_overflow(count, size, &n))
		return NULL;
	p = eng_arena_alloc(a, n);
	if (p)
		memset(p, 0, n);
	return p;
}

void *eng_arena_dup(struct eng_arena *a, const void *p, size_t n)
{
	void *copy = eng_arena_alloc(a, n);

	if (copy && n)
		memcpy(copy, p, n);
	return copy;
}

int eng_arena_str(struct eng_arena *a, struct engram_str *out, struct engram_str in)
{
	char *copy;

	if (!in.p) {
		*out = in;
		return 0;
	}
	copy = in.n < SIZE_MAX ? eng_arena_alloc(a, in.n + 1) : NULL;
	if (!copy)
		return ENGRAM_ENOMEM;
	memcpy(copy, in.p, in.n);
	copy[in.n] = '\0';
	*out = (struct engram_str){copy, in.n};
	return 0;
}

static void free_blocks(struct eng_arena_block *block)
{
	struct eng_arena_block *next;

	for (; block; block = next) {
		next = block->next;
		eng_free(block);
	}
}

void eng_arena_reset(struct eng_arena *a)
{
	if (!a->blocks)
		return;
	free_blocks(a->blocks->next);
	a->blocks->next = NULL;
	a->used = 0;
}

void eng_arena_free(struct eng_arena *a)
{
	free_blocks(a->blocks);
	*a = ENG_ARENA_INIT;
}
