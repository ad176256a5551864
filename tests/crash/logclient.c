/* logclient.c - see logclient.h. */
#include "logclient.h"

#include <stdlib.h>

const struct engram_id client_space = {{0xc4, 0xa5, 0x4e, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13}};

struct eng_log_options client_options(const char *dir, bool write)
{
	return (struct eng_log_options){.space_dir = dir, .space = client_space, .write = write, .wait_ms = 5000};
}

static struct engram_id subject_of(uint64_t tag)
{
	struct engram_id id = {{0}};
	for (int i = 0; i < 8; i++)
		id.b[i] = (uint8_t)(tag >> (56 - 8 * i));
	memset(id.b + 8, 0x7a, 8);
	return id;
}

static uint64_t tag_of(const struct engram_id *id)
{
	uint64_t tag = 0;
	for (int i = 0; i < 8; i++)
		tag = tag << 8 | id->b[i];
	return tag;
}

/* The text of a tag: never zero bytes, different in every sector. */
static void fill(uint8_t *p, size_t n, uint64_t tag)
{
	for (size_t i = 0; i < n; i++)
		p[i] = (uint8_t)(1 + (tag * 31 + i + i / 256) % 255);
}

static void build(struct eng_buf *b, uint64_t tag, size_t text)
{
	struct eng_payload_out o;
	struct engram_id id = subject_of(tag);
	uint8_t *p = malloc(text ? text : 1);
	if (!p)
		abort();
	fill(p, text, tag);
	eng_payload_begin(&o, b, &id, 1, NULL, 0, NULL);
	eng_payload_element(&o, ENG_EL_TEXT, p, text);
	eng_payload_end(&o);
	free(p);
}

int client_append(struct eng_log *log, uint64_t tag, size_t n, size_t text, struct eng_appended *out,
                  struct engram_error *err)
{
	struct eng_draft drafts[8] = {{0}};
	struct eng_buf b[8];
	struct eng_appended ignored;
	if (n > ENG_COUNT(drafts))
		abort();
	for (size_t i = 0; i < n; i++) {
		b[i] = (struct eng_buf){0};
		build(&b[i], tag + i, text);
		drafts[i] = (struct eng_draft){.kind = ENG_MEMORY, .payload = b[i].p,
		                               .payload_len = (uint32_t)b[i].n};
	}
	int r = eng_log_append(log, out ? out : &ignored, drafts, n, 0, err);
	for (size_t i = 0; i < n; i++)
		eng_buf_free(&b[i]);
	return r;
}

static void add(struct client_seen *s, uint64_t tag)
{
	if (s->n == s->cap) {
		s->cap = s->cap ? 2 * s->cap : 256;
		s->tag = realloc(s->tag, s->cap * sizeof *s->tag);
		if (!s->tag)
			abort();
	}
	s->tag[s->n++] = tag;
}

static bool text_is(const struct eng_frame *f, const struct eng_prelude *p, uint64_t tag)
{
	struct eng_elements e;
	struct eng_element x;
	eng_elements_begin(&e, p, f->payload, f->h.payload_len);
	if (eng_elements_next(&e, &x) != 1 || x.type != ENG_EL_TEXT)
		return false;
	for (size_t i = 0; i < x.n; i++)
		if (x.p[i] != (uint8_t)(1 + (tag * 31 + i + i / 256) % 255))
			return false;
	return true;
}

static void look_at(struct client_seen *s, const struct eng_frame *f)
{
	struct eng_prelude p;
	if (f->h.kind != ENG_MEMORY)
		return;
	if (eng_prelude_decode(&p, f->payload, f->h.payload_len, NULL) < 0 || p.nsubjects != 1) {
		s->wrong++;
		return;
	}
	struct engram_id id = eng_prelude_subject(&p, 0);
	uint64_t tag = tag_of(&id);
	if (f->h.flags & ENG_FLAG_STUB)
		s->stubs++;
	else if (!text_is(f, &p, tag))
		s->wrong++;
	add(s, tag);
}

static int read_series(struct eng_log *log, const struct eng_series_info *info, struct client_seen *s,
                       struct engram_error *err)
{
	struct eng_cursor *c = NULL;
	struct eng_frame f;
	int r = eng_cursor_open(&c, log, &info->series, 0, info->written_seq, NULL, err);
	while (r >= 0 && (r = eng_cursor_next(c, &f, err)) == 1)
		look_at(s, &f);
	eng_cursor_close(c);
	return r;
}

static int by_tag(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return (x > y) - (x < y);
}

int client_read(struct eng_log *log, struct client_seen *s, struct engram_error *err)
{
	const struct eng_series_info *info;
	size_t n;
	int r = eng_log_refresh(log, &info, &n, err);
	*s = (struct client_seen){0};
	for (size_t i = 0; r >= 0 && i < n; i++) {
		s->own += info[i].own;
		s->active += info[i].active;
		r = read_series(log, &info[i], s, err);
	}
	if (s->n)
		qsort(s->tag, s->n, sizeof *s->tag, by_tag);
	for (size_t i = 1; i < s->n; i++)
		s->twice += s->tag[i] == s->tag[i - 1];
	return r < 0 ? r : 0;
}

bool client_has(const struct client_seen *s, uint64_t tag)
{
	return s->n && bsearch(&tag, s->tag, s->n, sizeof *s->tag, by_tag);
}

void client_seen_free(struct client_seen *s)
{
	free(s->tag);
	*s = (struct client_seen){0};
}
