/* test_formats.c - the annotated dump in engram-formats(5) against the library.
 *
 * The bytes in the page are read, decoded by the codecs that the log uses, and
 * written out again with what they mean; the result must be the page's own
 * lines.  So a wrong byte, a wrong remark and a remark that is missing all show.
 *
 *     test_formats --make     prints the dump, to be put into the page */
#include <ctype.h>

#include "base/hash.h"
#include "base/le.h"
#include "base/num.h"
#include "frame/payload.h"
#include "frame/segment.h"
#include "log/mark.h"
#include "merge/edge.h"
#include "../lib/tap.h"

#define IMAGE_MAX 8192u
#define BYTES_A_LINE 8u

struct image {
	uint8_t p[IMAGE_MAX];
	size_t n;
};

/* -- writing the dump ---------------------------------------------------- */

/* Where the dump goes, and how far the image has been described. */
struct dump {
	const struct image *image;
	struct eng_buf text;
	size_t at;
};

/* One field: n bytes from where the last one ended. */
__attribute__((format(printf, 3, 4))) static void field(struct dump *d, size_t n, const char *format, ...)
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
static void zeros(struct dump *d, size_t n)
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

static const char *series_text(const struct eng_series *s)
{
	static char text[ENG_SERIES_NAME + 1];

	eng_series_name(text, s);
	return text;
}

static const char *id_text(const struct engram_id *id)
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

static void segment_header(struct dump *d)
{
	struct eng_segment_header h;
	bool zero;
	const int result = eng_segment_decode(&h, d->image->p, &zero);

	field(d, 8, "magic");
	field(d, 4, "version %u", h.version);
	field(d, 4, "prev %08x", h.prev);
	field(d, 16, "space %s", id_text(&h.space));
	field(d, 16, "series %s", series_text(&h.series));
	field(d, 8, "first_seq %" PRIu64, h.first_seq);
	field(d, 8, "check, %s", result == 0 ? "right" : "wrong");
	zeros(d, ENG_SEGMENT_HEADER - d->at);
}

static void frame_header(struct dump *d, struct eng_header *h)
{
	const uint8_t *p = d->image->p + d->at;
	const enum eng_header_state state = eng_header_decode(h, p);

	field(d, 4, "magic");
	field(d, 1, "version %u", h->version);
	field(d, 1, "kind %u, %s", h->kind, kind_text(h->kind));
	field(d, 1, "flags %u", h->flags);
	field(d, 1, "witness %u", h->witness);
	field(d, 4, "payload_len %u", h->payload_len);
	field(d, 4, "header_check %08x, %s", h->header_check, state == ENG_HEADER_OK ? "right" : "wrong");
	field(d, 16, "series %s", series_text(&h->series));
	field(d, 4, "prev %08x", h->prev);
	field(d, 4, "space_check %08x", h->space_check);
	field(d, 8, "seq %" PRIu64, h->seq);
	field(d, 8, "stamp %s", stamp_text(h->stamp));
	field(d, 8, "payload_check, %s",
	      d->at + 8 + h->payload_len <= d->image->n && eng_payload_ok(h, p + ENG_FRAME_HEADER) ? "right" : "wrong");
}

static void edge_value(struct dump *d, const struct eng_element *e)
{
	struct engram_id end;

	memcpy(end.b, e->p, sizeof end.b);
	field(d, 16, "from %s", id_text(&end));
	memcpy(end.b, e->p + 16, sizeof end.b);
	field(d, 16, "to %s", id_text(&end));
	field(d, 2, "weight %u/10000", eng_get16(e->p + 32));
	field(d, 2, "confidence %u/10000", eng_get16(e->p + 34));
	field(d, e->n - 36, "relation \"%.*s\"", (int)e->n - 36, (const char *)e->p + 36);
}

static void element_value(struct dump *d, const struct eng_element *e)
{
	switch (e->type) {
	case ENG_EL_TEXT:
	case ENG_EL_TAG:
		field(d, e->n, "%s \"%.*s\"", e->type == ENG_EL_TEXT ? "text" : "tag", (int)e->n, (const char *)e->p);
		break;
	case ENG_EL_CONFIDENCE:
		field(d, e->n, "confidence %u/10000", eng_get32(e->p));
		break;
	case ENG_EL_VERDICT:
		field(d, e->n, "verdict %u", eng_get32(e->p));
		break;
	case ENG_EL_EDGE:
		if (e->n > 36)
			edge_value(d, e);
		else
			field(d, e->n, "?");
		break;
	case ENG_EL_REASON:
		field(d, e->n, "reason %u", eng_get32(e->p));
		break;
	default:
		field(d, e->n, "?");
	}
}

static void payload(struct dump *d, uint32_t n)
{
	const uint8_t *start = d->image->p + d->at;
	const size_t end = d->at + n;
	struct eng_elements walk;
	struct eng_element e;
	struct eng_prelude prelude;

	if (eng_prelude_decode(&prelude, start, n, NULL) != 0) {
		field(d, n, "no prelude");
		return;
	}
	field(d, 4, "prelude_len %u", prelude.len);
	field(d, 1, "subjects %u", prelude.nsubjects);
	field(d, 1, "refs %u", prelude.nrefs);
	field(d, 1, "bits %u", prelude.has_run);
	field(d, 1, "zero");
	for (unsigned i = 0; i < prelude.nsubjects; i++) {
		const struct engram_id id = eng_prelude_subject(&prelude, i);

		field(d, 16, "subject %s", id_text(&id));
	}
	eng_elements_begin(&walk, &prelude, start, n);
	while (eng_elements_next(&walk, &e) == 1) {
		field(d, 2, "element %u: type %u", e.index, e.type);
		field(d, 2, "zero");
		field(d, 4, "length %u", e.n);
		element_value(d, &e);
		if (e.n % 8)
			field(d, 8 - e.n % 8, "zeros");
	}
	zeros(d, end - d->at);
}

/* The whole image with its meaning. */
static void describe(struct dump *d)
{
	struct eng_header h;

	segment_header(d);
	while (d->at + ENG_FRAME_HEADER < d->image->n) {
		const size_t start = d->at;

		frame_header(d, &h);
		if (start + eng_frame_size(h.payload_len) > d->image->n)
			return;
		payload(d, h.payload_len);
	}
}

/* -- an image to describe: a birth, a memory, a link, a judgement ---------------------------- */

static void add_frame(struct image *image, struct eng_header *h, struct eng_buf *body)
{
	h->payload_len = (uint32_t)body->n;
	h->payload_check = XXH3_64bits(body->p, body->n);
	h->prev = h->header_check;
	h->seq++;
	h->stamp++;
	eng_header_encode(image->p + image->n, h);
	memcpy(image->p + image->n + ENG_FRAME_HEADER, body->p, body->n);
	image->n += eng_frame_size(h->payload_len);
	eng_buf_reset(body);
}

static void make_image(struct image *image)
{
	struct eng_segment_header s = {.version = 1, .first_seq = 1};
	struct eng_header h = {.version = ENG_FRAME_VERSION};
	const struct engram_memory m = {.has = ENGRAM_TEXT, .text = {"Ada likes green tea", 19}};
	const struct engram_memory other = {.has = ENGRAM_TEXT, .text = {"Tea grows in Assam", 18}};
	struct eng_edge_key edge = {.class = ENG_EDGE_LINK, .n = 5, .relation = "about"};
	struct eng_buf body = ENG_BUF_INIT;
	struct eng_payload_out out;
	struct engram_id id;

	for (uint8_t i = 0; i < 16; i++) {
		s.space.b[i] = (uint8_t)(0x10 + i);
		s.series.b[i] = (uint8_t)(0xa0 + i);
	}
	eng_segment_encode(image->p, &s);
	image->n = ENG_SEGMENT_HEADER;

	h.series = s.series;
	h.space_check = eng_frame_space_check(&s.space);
	h.stamp = (uint64_t)1795253400000 << 16;
	h.kind = ENG_BIRTH;
	eng_payload_begin(&out, &body, NULL, 0, NULL, 0, NULL);
	eng_payload_u32(&out, ENG_EL_REASON, ENG_BIRTH_NEW);
	eng_payload_end(&out);
	add_frame(image, &h, &body);

	id = eng_memory_id(&s.space, &m);
	h.kind = ENG_MEMORY;
	h.witness = eng_witness(2, 0);
	eng_payload_begin(&out, &body, &id, 1, NULL, 0, NULL);
	eng_payload_element(&out, ENG_EL_TEXT, m.text.p, m.text.n);
	eng_payload_u32(&out, ENG_EL_CONFIDENCE, 9000);
	eng_payload_element(&out, ENG_EL_TAG, "tea", 3);
	eng_payload_end(&out);
	add_frame(image, &h, &body);

	edge.from = id;
	edge.to = eng_memory_id(&s.space, &other);
	h.kind = ENG_EDGE;
	h.witness = eng_witness(3, 0);
	eng_payload_begin(&out, &body, NULL, 0, NULL, 0, NULL);
	eng_edge_element(&out, &edge, 5000, 10000);
	eng_payload_end(&out);
	add_frame(image, &h, &body);

	h.kind = ENG_FEEDBACK;
	h.witness = eng_witness(4, 0);
	eng_payload_begin(&out, &body, &id, 1, NULL, 0, NULL);
	eng_payload_u32(&out, ENG_EL_VERDICT, 1);
	eng_payload_end(&out);
	add_frame(image, &h, &body);
	eng_buf_free(&body);
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

static FILE *open_page(void)
{
	const char *top = getenv("top_srcdir");
	char path[4096];

	snprintf(path, sizeof path, "%s/man/engram-formats.5", top ? top : ".");
	return fopen(path, "r");
}

/* The dump of the page as text, and the bytes it shows. */
static void read_dump(struct image *image, struct eng_buf *text, FILE *page)
{
	bool inside = false;
	char line[1024];

	while (fgets(line, sizeof line, page)) {
		inside = (inside || strncmp(line, "0000 45 4e 47 53", 16) == 0) && line[0] != '.';
		if (inside && parse_line(image, line))
			eng_buf_str(text, line);
	}
	eng_buf_byte(text, 0);
}

/* -- the table of the mark --------------------------------------------------- */

struct row {
	size_t offset, length;
	const char *name;
};

#define IS(field) \
	{ \
		offsetof(struct eng_mark_identity, field), sizeof(((struct eng_mark_identity *)0)->field), #field \
	}
#define AT(field) \
	{ \
		offsetof(struct eng_mark, field), sizeof(((struct eng_mark *)0)->field), #field \
	}

static const struct row mark_rows[] = {
	IS(magic),       IS(version),     IS(role),      IS(series),      IS(space),     IS(inode),
	IS(birth_ns),    IS(machine),     IS(check),     AT(boot),        AT(durable_seq), AT(durable_off),
	AT(written_seq), AT(written_off), AT(active),    AT(last_stamp),  AT(last_off),  AT(filled_off),
	AT(chain),       AT(fails),       AT(seg_fails), AT(flushing),    AT(dirty),     AT(dropped),
	AT(closed),      AT(discard),     AT(append_pid), AT(flush_pid),  AT(gen),       AT(turn),
	AT(released),    AT(waiting),   AT(reopened),
};

/* Compares one line of the page with the next row; counts what agrees. */
static void check_row(const char *line, size_t *at, size_t *agreed)
{
	size_t offset, length;
	char name[32];

	if (sscanf(line, ".It %zu Ta %zu Ta %31[a-z_] Ta", &offset, &length, name) != 3)
		return;
	if (*at < ENG_COUNT(mark_rows) && mark_rows[*at].offset == offset && mark_rows[*at].length == length &&
	    strcmp(mark_rows[*at].name, name) == 0)
		(*agreed)++;
	else
		tap_note("the page has %zu %zu %s", offset, length, name);
	(*at)++;
}

static void check_mark(FILE *page)
{
	size_t at = 0, agreed = 0;
	bool inside = false;
	char line[1024];

	while (fgets(line, sizeof line, page)) {
		if (strncmp(line, ".Ss ", 4) == 0)
			inside = strcmp(line, ".Ss The mark\n") == 0;
		if (inside)
			check_row(line, &at, &agreed);
	}
	tap_int(at, ENG_COUNT(mark_rows), "the table of the mark has every field");
	tap_int(agreed, ENG_COUNT(mark_rows), "each where the library has it");
}

/* -- the test -------------------------------------------------------------- */

static struct image image;

static int make(void)
{
	struct dump d = {.image = &image};

	make_image(&image);
	describe(&d);
	fwrite(d.text.p, 1, d.text.n, stdout);
	eng_buf_free(&d.text);
	return 0;
}

/* The first line in which two texts differ. */
static void show_difference(const char *page, const char *library)
{
	const char *start = page;
	size_t same = 0;

	for (; page[same] && page[same] == library[same]; same++)
		if (page[same] == '\n')
			start = page + same + 1;
	library += start - page;
	tap_note("the page has:     %.*s", (int)strcspn(start, "\n"), start);
	tap_note("the library says: %.*s", (int)strcspn(library, "\n"), library);
}

static void check_dump(FILE *page)
{
	struct dump d = {.image = &image};
	struct eng_buf text = ENG_BUF_INIT;

	read_dump(&image, &text, page);
	tap_ok(image.n > ENG_SEGMENT_HEADER + 2 * ENG_FRAME_HEADER, "the dump shows frames");
	describe(&d);
	eng_buf_byte(&d.text, 0);
	if (!tap_ok(!text.failed && !d.text.failed && strcmp((char *)text.p, (char *)d.text.p) == 0,
	            "every byte means what the page says"))
		show_difference((char *)text.p, (char *)d.text.p);
	tap_ok(!strstr((char *)d.text.p, "wrong") && !strstr((char *)d.text.p, "not zeros"), "all checks are right");
	eng_buf_free(&text);
	eng_buf_free(&d.text);
}

int main(int argc, char **argv)
{
	FILE *page;

	if (argc > 1 && strcmp(argv[1], "--make") == 0)
		return make();
	page = open_page();
	if (!tap_ok(page != NULL, "the page can be read"))
		return tap_done();
	check_dump(page);
	rewind(page);
	check_mark(page);
	fclose(page);
	return tap_done();
}
