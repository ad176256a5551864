/* test_formats.c - the annotated dump in engram-formats(5) against the library.
 *
 * The bytes in the page are read, decoded by the codecs that the log uses, and
 * written out again with what they mean; the result must be the page's own
 * lines.  So a wrong byte, a wrong remark and a remark that is missing all show.
 *
 *     test_formats --make     prints the dump, to be put into the page */
#include "base/hash.h"
#include "base/le.h"
#include "base/num.h"
#include "frame/payload.h"
#include "frame/segment.h"
#include "log/mark.h"
#include "merge/edge.h"
#include "../lib/tap.h"
#include "dump.h"

static void segment_header(struct dump *d)
{
	struct eng_segment_header h;
	bool zero;
	const int result = eng_segment_decode(&h, d->image->p, &zero);

	dump_field(d, 8, "magic");
	dump_field(d, 4, "version %u", h.version);
	dump_field(d, 4, "prev %08x", h.prev);
	dump_field(d, 16, "space %s", dump_id(&h.space));
	dump_field(d, 16, "series %s", dump_series(&h.series));
	dump_field(d, 8, "first_seq %" PRIu64, h.first_seq);
	dump_field(d, 8, "check, %s", result == 0 ? "right" : "wrong");
	dump_zeros(d, ENG_SEGMENT_HEADER - d->at);
}

/* The whole image with its meaning. */
static void describe(struct dump *d)
{
	struct eng_header h;

	segment_header(d);
	while (d->at + ENG_FRAME_HEADER < d->image->n) {
		const size_t start = d->at;

		dump_header(d, &h);
		if (start + eng_frame_size(h.payload_len) > d->image->n)
			return;
		dump_payload(d, h.payload_len);
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

#define SEGMENT "0000 45 4e 47 53"
#define SESSION "0000 89 45 4e 47"
#define VIEW "0000 45 4e 47 56"

static struct image image, said, view;

static int make(void)
{
	make_image(&image);
	print_dump(&image, describe);
	printf("\n");
	session_make(&said);
	print_dump(&said, session_describe);
	printf("\n");
	view_make(&view);
	print_dump(&view, view_describe);
	return 0;
}

static void check_dump(struct image *shown, FILE *page, const char *first, dump_fn *meaning)
{
	struct dump d = {.image = shown};
	struct eng_buf text = ENG_BUF_INIT;

	rewind(page);
	read_dump(shown, &text, page, first);
	meaning(&d);
	eng_buf_byte(&d.text, 0);
	if (!tap_ok(!text.failed && !d.text.failed && strcmp((char *)text.p, (char *)d.text.p) == 0,
	            "%zu bytes mean what the page says", shown->n))
		show_difference((char *)text.p, (char *)d.text.p);
	tap_ok(!strstr((char *)d.text.p, "wrong") && !strstr((char *)d.text.p, "not zeros"), "all checks are right");
	eng_buf_free(&text);
	eng_buf_free(&d.text);
}

/* The bytes of the page are those that the library makes today. */
static void check_made(const struct image *shown, void (*make_now)(struct image *image), const char *name)
{
	static struct image now;

	now.n = 0;
	make_now(&now);
	tap_ok(now.n == shown->n && memcmp(now.p, shown->p, now.n) == 0, "%s is what the page shows", name);
}

int main(int argc, char **argv)
{
	FILE *page;

	if (argc > 1 && strcmp(argv[1], "--make") == 0)
		return make();
	page = open_page();
	if (!tap_ok(page != NULL, "the page can be read"))
		return tap_done();
	check_dump(&image, page, SEGMENT, describe);
	check_dump(&said, page, SESSION, session_describe);
	check_made(&said, session_make, "a session");
	check_dump(&view, page, VIEW, view_describe);
	check_made(&view, view_make, "a view file");
	rewind(page);
	check_mark(page);
	fclose(page);
	return tap_done();
}
