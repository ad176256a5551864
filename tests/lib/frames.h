/* frames.h - frames made by hand, for tests of what sets of frames mean.
 *
 *     struct frames f = FRAMES_INIT;
 *     struct frame_spec s = {.kind = ENG_MEMORY, .series = 'A', .stamp = 10, .text = "a cat"};
 *     const struct eng_frame *m = frames_make(&f, &s);
 *     ...
 *     frames_free(&f);
 *
 * A frame of series 'A' has the next seq of that series unless the spec says
 * which.  header_check is computed as a writer would; prev stays 0. */
#ifndef FRAMES_H
#define FRAMES_H

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "frame/payload.h"

enum { FRAME_REFS = 8, FRAME_TAGS = 4 };

struct frame_ref {
	const struct eng_frame *to;
	uint32_t index; /* 0 = the frame */
};

struct frame_spec {
	uint8_t kind;
	char series;
	uint64_t seq;   /* 0 = next */
	eng_stamp stamp;
	const char *text, *key, *source, *meta;
	const char *tags[FRAME_TAGS];
	int confidence; /* 0 = not stated */
	int64_t stored_us;
	uint64_t session;
	uint16_t clear[2]; /* element types */
	const char *vector; /* bytes, as they are */
	int verdict;          /* 0 = not stated, 1 yes, 2 no */
	const char *features; /* bytes, as they are */
	struct frame_ref refs[FRAME_REFS];
	bool run;
	const struct engram_id *other_subject; /* beside the id of these frames; must be greater */
};

struct frames {
	struct engram_id id; /* whom they are about; {0} = frames_id */
	struct eng_frame **v;
	size_t n;
	uint64_t seq[256];
};

#define FRAMES_INIT ((struct frames){.n = 0})

static const struct engram_id frames_id = {{0x5a, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}};

static struct eng_series frames_series(char name)
{
	struct eng_series s;

	memset(s.b, name, sizeof s.b);
	return s;
}

static struct eng_dot frames_dot(const struct eng_frame *f)
{
	return (struct eng_dot){f->h.series, f->h.seq};
}

static void frames_str_(struct eng_payload_out *o, uint16_t type, const char *z)
{
	if (z)
		eng_payload_element(o, type, z, strlen(z));
}

static void frames_body_(struct eng_payload_out *o, const struct frame_spec *s)
{
	frames_str_(o, ENG_EL_TEXT, s->text);
	frames_str_(o, ENG_EL_KEY, s->key);
	if (s->confidence)
		eng_payload_u32(o, ENG_EL_CONFIDENCE, (uint32_t)s->confidence);
	frames_str_(o, ENG_EL_SOURCE, s->source);
	frames_str_(o, ENG_EL_META, s->meta);
	for (size_t i = 0; i < FRAME_TAGS; i++)
		frames_str_(o, ENG_EL_TAG, s->tags[i]);
	frames_str_(o, ENG_EL_VECTOR, s->vector);
	if (s->stored_us)
		eng_payload_u64(o, ENG_EL_STORED, (uint64_t)s->stored_us);
	if (s->session)
		eng_payload_u64(o, ENG_EL_SESSION, s->session);
	for (size_t i = 0; i < 2; i++)
		if (s->clear[i])
			eng_payload_u32(o, ENG_EL_CLEAR, s->clear[i]);
	if (s->verdict)
		eng_payload_u32(o, ENG_EL_VERDICT, s->verdict == 1);
	frames_str_(o, ENG_EL_FEATURES, s->features);
}

static struct engram_id frames_subject_(const struct frames *f)
{
	static const struct engram_id none;

	return eng_id_cmp(&f->id, &none) ? f->id : frames_id;
}

static struct eng_frame *frames_make(struct frames *f, const struct frame_spec *s)
{
	struct engram_id subjects[2] = {frames_subject_(f)}, run = {{9}};
	struct eng_frame *out = calloc(1, sizeof *out);
	struct eng_buf b = ENG_BUF_INIT;
	struct eng_ref refs[FRAME_REFS];
	struct eng_payload_out o;
	uint8_t header[ENG_FRAME_HEADER];
	size_t nrefs = 0, nsubjects = 1;

	for (; nrefs < FRAME_REFS && s->refs[nrefs].to; nrefs++)
		refs[nrefs] = (struct eng_ref){frames_dot(s->refs[nrefs].to), s->refs[nrefs].to->h.header_check,
		                               s->refs[nrefs].index};
	if (s->other_subject)
		subjects[nsubjects++] = *s->other_subject;
	eng_payload_begin(&o, &b, subjects, nsubjects, refs, nrefs, s->run ? &run : NULL);
	frames_body_(&o, s);
	out->h.payload_len = (uint32_t)eng_payload_end(&o);
	out->h.version = ENG_FRAME_VERSION;
	out->h.kind = s->kind;
	out->h.series = frames_series(s->series);
	out->h.seq = s->seq ? s->seq : ++f->seq[(unsigned char)s->series];
	out->h.stamp = s->stamp;
	out->h.payload_check = XXH3_64bits(b.p, b.n);
	eng_header_encode(header, &out->h);
	out->payload = b.p;
	out->place = (struct eng_place){1, (uint32_t)(4096 + 512 * out->h.seq)};
	f->v = realloc(f->v, (f->n + 1) * sizeof(struct eng_frame *));
	f->v[f->n++] = out;
	return out;
}

/* The same frame as a stub that names its killer. */
__attribute__((unused)) static struct eng_frame *frames_stub(struct frames *f, const struct eng_frame *from,
                                                             const struct eng_frame *killer)
{
	struct eng_frame *out = malloc(sizeof *out);
	struct eng_dot by = frames_dot(killer);
	uint8_t *payload = malloc(from->h.payload_len);

	*out = *from;
	memcpy(payload, from->payload, from->h.payload_len);
	if (eng_stub_make(payload, from->h.payload_len, &by) != 0)
		abort();
	out->h.flags |= ENG_FLAG_STUB;
	out->payload = payload;
	f->v = realloc(f->v, (f->n + 1) * sizeof(struct eng_frame *));
	f->v[f->n++] = out;
	return out;
}

__attribute__((unused)) static void frames_free(struct frames *f)
{
	for (size_t i = 0; i < f->n; i++) {
		free((void *)(uintptr_t)f->v[i]->payload);
		free(f->v[i]);
	}
	free(f->v);
	*f = FRAMES_INIT;
}

#endif
