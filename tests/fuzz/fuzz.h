/* fuzz.h - what a fuzz target defines; replay.c and libFuzzer call it. */
#ifndef FUZZ_H
#define FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* Must return 0, whatever the bytes; a broken promise aborts. */
int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

/* The directory below tests/fuzz/corpus/ of this target's inputs. */
extern const char fuzz_name[];

/* Gives sound inputs to `emit`, to start from; those that are text are files of
 * the corpus instead. */
typedef void fuzz_emit_fn(void *data, const uint8_t *p, size_t n);
void fuzz_seeds(fuzz_emit_fn *emit, void *data);

/* An assertion that stays on in every build. */
#define FUZZ_HOLD(condition) \
	do { \
		if (!(condition)) { \
			fprintf(stderr, "%s:%d: broken: %s\n", __FILE__, __LINE__, #condition); \
			abort(); \
		} \
	} while (0)

#endif
