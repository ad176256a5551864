/* vectors.h - rows of numbers from a file: fvecs, or npy as NumPy saves it. */
#ifndef CMD_IMPORT_VECTORS_H
#define CMD_IMPORT_VECTORS_H

#include "import/source.h"

enum vectors_kind { VECTORS_FVECS, VECTORS_F16, VECTORS_F32, VECTORS_F64 };

struct vectors {
	struct stream stream;
	uint64_t row;          /* last given, from 1 */
	size_t dim;            /* of every row; 0 = not known before the first */
	uint64_t rows;         /* that the file says it has; UINT64_MAX = until its end */
	/* private */
	enum vectors_kind kind;
	bool begun;            /* the header was read */
	struct eng_buf floats; /* rows of other numbers, as floats */
};

int vectors_open(struct vectors *v, const struct source_input *in, struct engram_error *err);
/* SOURCE_RECORD: *vector has v->dim numbers until the next call; SOURCE_FAILED:
 * err with the name of the file and the row. */
enum source_result vectors_next(struct vectors *v, const float **vector, bool wait, struct engram_error *err);
void vectors_close(struct vectors *v);

#endif
