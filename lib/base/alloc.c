/* alloc.c - the allocator seam.
 *
 * One table of two functions, the C library's unless a test swaps it.  The
 * library reads the table without a lock: it is swapped only while no handle
 * is open, so no thread can be looking. */
#include "base/alloc.h"

#include <errno.h>
#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

static void *libc_resize(void *ctx, void *p, size_t n)
{
	return realloc(p, n);
}

static void libc_release(void *ctx, void *p)
{
	free(p);
}

static const struct eng_allocator libc_allocator = {libc_resize, libc_release, NULL};
static struct eng_allocator current = {libc_resize, libc_release, NULL};

void eng_alloc_set(const struct eng_allocator *a)
{
	current = a ? *a : libc_allocator;
}

void *eng_realloc(void *p, size_t n)
{
	/* No object is larger; and sanitizers end the program when asked for one. */
	if (n > PTRDIFF_MAX)
		return NULL;
	/* realloc(p, 0) frees p in some libraries and not in others. */
	return current.resize(current.ctx, p, n ? n : 1);
}

void *eng_alloc(size_t n)
{
	return eng_realloc(NULL, n);
}

#define LARGE_PAGE ((uintptr_t)2 << 20)

/* Whole pages only; that there are none is no failure. */
void *eng_alloc_large(size_t n)
{
	void *p = eng_alloc(n);
	uintptr_t from = ((uintptr_t)p + LARGE_PAGE - 1) & -LARGE_PAGE, to = ((uintptr_t)p + n) & -LARGE_PAGE;
	int saved = errno;

	if (p && from < to)
		madvise((void *)from, to - from, MADV_HUGEPAGE);
	errno = saved;
	return p;
}

/* Kept in the process, not mapped and unmapped and cleared again each time. */
void eng_alloc_keep(size_t most)
{
#if defined(M_MMAP_THRESHOLD) && defined(M_TRIM_THRESHOLD) && defined(M_TOP_PAD)
	enum { LARGEST = 32 << 20, GROW_BY = 1 << 20 }; /* more as a threshold glibc refuses */

	mallopt(M_MMAP_THRESHOLD, LARGEST);
	mallopt(M_TRIM_THRESHOLD, (int)most);
	mallopt(M_TOP_PAD, GROW_BY);
#endif
}

void *eng_calloc(size_t count, size_t size)
{
	size_t n;
	void *p;

	if (__builtin_mul_overflow(count, size, &n))
		return NULL;
	p = eng_alloc(n);
	if (p)
		memset(p, 0, n);
	return p;
}

bool eng_grow(void *array, size_t *cap, size_t n, size_t size)
{
	size_t want = *cap ? 2 * *cap : 16;
	void **p = array, *q;

	if (n < *cap)
		return true;
	while (want <= n)
		want *= 2;
	q = eng_realloc(*p, want * size);
	if (!q)
		return false;
	*p = q;
	*cap = want;
	return true;
}

void eng_free(void *p)
{
	int saved = errno;

	if (p)
		current.release(current.ctx, p);
	errno = saved;
}
