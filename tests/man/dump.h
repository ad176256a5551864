/* dump.h - bytes with what they mean: written for a page, and held against it. */
#ifndef DUMP_H
#define DUMP_H

#include <stdio.h>

#include "base/buf.h"
#include "frame/frame.h"

#define IMAGE_MAX 20480u
#define BYTES_A_LINE 8u

struct image {
	uint8_t p[IMAGE_MAX];
	size_t n;
};

/* Where the dump goes, and how far the image has been described. */
struct dump {
	const struct image *image;
	struct eng_buf text;
	size_t at;
};
typedef void dump_fn(struct dump *d);

/* One field: n bytes from where the last one ended. */
void dump_field(struct dump *d, size_t n, const char *format, ...) ENG_PRINTF(3, 4);
/* Zeros, in one line; "not zeros" gives a wrong byte away. */
void dump_zeros(struct dump *d, size_t n);
const char *dump_series(const struct eng_series *s); /* valid until the next */
const char *dump_id(const struct engram_id *id);
void dump_header(struct dump *d, struct eng_header *h);
void dump_payload(struct dump *d, uint32_t n);

void print_dump(const struct image *image, dump_fn *describe);
FILE *open_page(void);
/* The dump in the page that begins with this line, as text (with a NUL) and as the
 * bytes it shows. */
void read_dump(struct image *image, struct eng_buf *text, FILE *page, const char *first);
/* The first line in which two texts differ. */
void show_difference(const char *page, const char *library);

/* -- test_formats_session.c: what one end of a session says ------------------- */
void session_make(struct image *image);
void session_describe(struct dump *d);

/* -- test_formats_view.c: the values of a view file -------------------------------- */
void view_make(struct image *image);
void view_describe(struct dump *d);

#endif
