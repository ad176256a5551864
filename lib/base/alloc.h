/* alloc.h - the allocator seam.
 *
 * Every allocation of the library goes through these; a test swaps the
 * table to make the n-th one fail.  The table is process-wide and is swapped
 * only while no handle is open. */
#ifndef ENG_BASE_ALLOC_H
#define ENG_BASE_ALLOC_H

#include <stdbool.h>
#include <stddef.h>

struct eng_allocator {
	void *(*resize)(void *ctx, void *p, size_t n); /* p NULL = new; NULL = failed, p stays */
	void (*release)(void *ctx, void *p);
	void *ctx;
};

/* NULL = the C library's. */
void eng_alloc_set(const struct eng_allocator *a);

/* NULL when out of memory; the caller answers ENGRAM_ENOMEM.  A size of 0
 * gives a pointer that may be freed. */
void *eng_alloc(size_t n);
/* The same for megabytes that are read all over the place: in large pages where the
 * machine has them, so that finding one costs no walk through its tables. */
void *eng_alloc_large(size_t n);
/* For a program that takes and gives back many megabytes again and again, as an import
 * does with each batch: the C library keeps what is freed, up to `most` bytes. */
void eng_alloc_keep(size_t most);
void *eng_calloc(size_t count, size_t size); /* zeroed; NULL on overflow too */
void *eng_realloc(void *p, size_t n);
/* Room for one more element behind n of them: *array, a pointer to elements of
 * `size` bytes, has *cap.  false: out of memory, and nothing changed. */
bool eng_grow(void *array, size_t *cap, size_t n, size_t size);
void eng_free(void *p); /* NULL allowed; errno is kept */

#endif
