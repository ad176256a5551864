/* dump.c - bytes with what they mean, and the same read back from the page. */
#include "dump.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/le.h"
#include "base/num.h"
#include "frame/payload.h"
#include "frame/segment.h"
#include "merge/edge.h"

/* -- writing -------------------------------------------------------------- */

/* One field: n bytes from where the last one ended. */
void dump_field(struct dump *d, size_t n, const char *format, ...)
{
	char remark[128];
	va_list ap;

	va_start(ap, format);
	vsnprintf(remark, sizeof remark, format, ap);
	va_end(ap);
	for (size_t done = 0; done < n; done += BYTES_A_LINE) {
		const size_t width = n - done < BYTES_A_LINE ? n - done : BYTES_A_LINE;
		char hex[3 * BYTES_A_LINE + 1] = "";

		for (size_t i = 0; i < width; i++)
			snprintf(hex + 3 * i, 4, " %02x", d->image->p[d->at + done + i]);
		if (done == 0)
			eng_buf_printf(&d->text, "%04zx%-24s  %s\n", d->at, hex, remark);
		else
			eng_buf_printf(&d->text, "%04zx%s\n", d->at + done, hex);
	}
	d->at += n;
}

/* Zeros, in one line; "not zeros" gives a wrong byte away. */
void dump_zeros(struct dump *d, size_t n)
{
	bool all = true;

	if (n == 0)
		return;
	for (size_t i = 0; i < n; i++)
		all = all && d->image->p[d->at + i] == 0;
	eng_buf_printf(&d->text, "%04zx  00 and so on             %szeros up to %04zx\n", d->at, all ? "" : "not ",
	               d->at + n - 1);
	d->at += n;
}

const char *dump_series(const struct eng_series *s)
{
	static char text[ENG_SERIES_NAME + 1];

	eng_series_name(text, s);
	return text;
}

const char *dump_id(const struct engram_id *id)
{
	static char text[ENGRAM_ID_TEXT + 1];

	engram_id_format(text, id);
	return text;
}

static const char *stamp_text(eng_stamp stamp)
{
	static char text[ENG_TIME_TEXT + 16];
	char time[ENG_TIME_TEXT];

	eng_format_time(time, eng_stamp_us(stamp));
	snprintf(text, sizeof text, "%s, counter %u", time, (unsigned)(stamp & 0xffff));
	return text;
}

static const char *kind_text(uint8_t kind)
{
	switch (kind) {
	case ENG_BIRTH:
		return "birth";
	case ENG_MEMORY:
		return "memory";
	case ENG_EDGE:
		return "edge";
	case ENG_FEEDBACK:
		return "feedback";
	default:
		return "?";
	}
}

void dump_header(struct dump *d, struct eng_header *h)
{
	const uint8_t *p = d->image->p + d->at;
	const enum eng_header_state state = eng_header_decode(h, p);

	dump_field(d, 4, "magic");
	dump_field(d, 1, "version %u", h->version);
	dump_field(d, 1, "kind %u, %s", h->kind, kind_text(h->kind));
	dump_field(d, 1, "flags %u", h->flags);
	dump_field(d, 1, "witness %u", h->witness);
	dump_field(d, 4, "payload_len %u", h->payload_len);
	dump_field(d, 4, "header_check %08x, %s", h->header_check, state == ENG_HEADER_OK ? "right" : "wrong");
	dump_field(d, 16, "series %s", dump_series(&h->series));
	dump_field(d, 4, "prev %08x", h->prev);
	dump_field(d, 4, "space_check %08x", h->space_check);
	dump_field(d, 8, "seq %" PRIu64, h->seq);
	dump_field(d, 8, "stamp %s", stamp_text(h->stamp));
	dump_field(d, 8, "payload_check, %s",
	      d->at + 8 + h->payload_len <= d->image->n && eng_payload_ok(h, p + ENG_FRAME_HEADER) ? "right" : "wrong");
}

static void edge_value(struct dump *d, const struct eng_element *e)
{
	struct engram_id end;

	memcpy(end.b, e->p, sizeof end.b);
	dump_field(d, 16, "from %s", dump_id(&end));
	memcpy(end.b, e->p + 16, sizeof end.b);
	dump_field(d, 16, "to %s", dump_id(&end));
	dump_field(d, 2, "weight %u/10000", eng_get16(e->p + 32));
	dump_field(d, 2, "confidence %u/10000", eng_get16(e->p + 34));
	dump_field(d, e->n - 36, "relation \"%.*s\"", (int)e->n - 36, (const char *)e->p + 36);
}

static void element_value(struct dump *d, const struct eng_element *e)
{
	switch (e->type) {
	case ENG_EL_TEXT:
	case ENG_EL_TAG:
		dump_field(d, e->n, "%s \"%.*s\"", e->type == ENG_EL_TEXT ? "text" : "tag", (int)e->n, (const char *)e->p);
		break;
	case ENG_EL_CONFIDENCE:
		dump_field(d, e->n, "confidence %u/10000", eng_get32(e->p));
		break;
	case ENG_EL_VERDICT:
		dump_field(d, e->n, "verdict %u", eng_get32(e->p));
		break;
	case ENG_EL_EDGE:
		if (e->n > 36)
			edge_value(d, e);
		else
			dump_field(d, e->n, "?");
		break;
	case ENG_EL_REASON:
		dump_field(d, e->n, "reason %u", eng_get32(e->p));
		break;
	default:
		dump_field(d, e->n, "?");
	}
}

void dump_payload(struct dump *d, uint32_t n)
{
	const uint8_t *start = d->image->p + d->at;
	const size_t end = d->at + n;
	struct eng_elements walk;
	struct eng_element e;
	struct eng_prelude prelude;

	if (eng_prelude_decode(&prelude, start, n, NULL) != 0) {
		dump_field(d, n, "no prelude");
		return;
	}
	dump_field(d, 4, "prelude_len %u", prelude.len);
	dump_field(d, 1, "subjects %u", prelude.nsubjects);
	dump_field(d, 1, "refs %u", prelude.nrefs);
	dump_field(d, 1, "bits %u", prelude.has_run);
	dump_field(d, 1, "zero");
	for (unsigned i = 0; i < prelude.nsubjects; i++) {
		const struct engram_id id = eng_prelude_subject(&prelude, i);

		dump_field(d, 16, "subject %s", dump_id(&id));
	}
	eng_elements_begin(&walk, &prelude, start, n);
	while (eng_elements_next(&walk, &e) == 1) {
		dump_field(d, 2, "element %u: type %u", e.index, e.type);
		dump_field(d, 2, "zero");
		dump_field(d, 4, "length %u", e.n);
		element_value(d, &e);
		if (e.n % 8)
			dump_field(d, 8 - e.n % 8, "zeros");
	}
	dump_zeros(d, end - d->at);
}

/* The bytes of one dump, described anew. */
void print_dump(const struct image *image, dump_fn *describe)
{
	struct dump d = {.image = image};

	describe(&d);
	fwrite(d.text.p, 1, d.text.n, stdout);
	eng_buf_free(&d.text);
}

/* -- reading the page ------------------------------------------------------ */

/* "0040 45 4e 47 46 ..." into the image; false where it is no such line. */
static bool parse_line(struct image *image, const char *line)
{
	unsigned long at;
	char *p;

	if (!isxdigit((unsigned char)line[0]))
		return false;
	at = strtoul(line, &p, 16);
	for (unsigned n = 0; n < BYTES_A_LINE && p[0] == ' ' && isxdigit((unsigned char)p[1]) &&
	                     isxdigit((unsigned char)p[2]) && at < IMAGE_MAX;
	     n++, p += 3, at++)
		image->p[at] = (uint8_t)strtoul(p + 1, NULL, 16);
	const char *last = strstr(line, "zeros up to ");
	if (last)
		at = strtoul(last + strlen("zeros up to "), NULL, 16) + 1;
	if (at > image->n)
		image->n = at;
	return image->n <= IMAGE_MAX;
}

FILE *open_page(void)
{
	const char *top = getenv("top_srcdir");
	char path[4096];

	snprintf(path, sizeof path, "%s/man/engram-formats.5", top ? top : ".");
	return fopen(path, "r");
}

/* The dump of the page as text, and the bytes it shows. */
void read_dump(struct image *image, struct eng_buf *text, FILE *page, const char *first)
{
	bool inside = false;
	char line[1024];

	while (fgets(line, sizeof line, page)) {
		inside = (inside || strncmp(line, first, strlen(first)) == 0) && line[0] != '.';
		if (inside && parse_line(image, line))
			eng_buf_str(text, line);
	}
	eng_buf_byte(text, 0);
}

/* The first line in which two texts differ. */
void show_difference(const char *page, const char *library)
{
	const char *start = page;
	size_t same = 0;

	for (; page[same] && page[same] == library[same]; same++)
		if (page[same] == '\n')
			start = page + same + 1;
	library += start - page;
	printf("# the page has:     %.*s\n", (int)strcspn(start, "\n"), start);
	printf("# the library says: %.*s\n", (int)strcspn(library, "\n"), library);
}
