/* frames.c - the log as it lies, for people and for backups: every durable frame,
 * and whether all of them are sound.
 *
 * The derived files are not asked: a log can be looked at whatever became of
 * them. */
#include "space/space_int.h"

#include <stdio.h>

#include "base/alloc.h"
#include "space/frames.h"

static const char *const kinds[] = {
	[ENG_BIRTH] = "birth",
	[ENG_MEMORY] = "memory",
	[ENG_REVISION] = "revision",
	[ENG_EDGE] = "edge",
	[ENG_USE] = "use",
	[ENG_FEEDBACK] = "feedback",
	[ENG_FORGET] = "forget",
	[ENG_HIDE] = "hide",
	[ENG_UNDO] = "undo",
	[ENG_CONCEPT_FRAME] = "concept",
	[ENG_CUT] = "cut",
	[ENG_CONFIG_FRAME] = "config",
	[ENG_RETIRE] = "retire",
	[ENG_FORK] = "fork",
	[ENG_RANGE_STUB] = "range-stub",
	[ENG_SEAL] = "seal",
};

struct walk {
	struct engram_space *space;
	const struct engram_position *after;
	size_t nafter;
	const char *series;
	engram_frame_fn *fn;
	void *data;
	const struct eng_series *at; /* as its directory is named: a branch is kept under a name of its own */
	struct eng_buf elements; /* of the frame at hand */
};

static struct engram_position position(const struct eng_series *series, uint64_t seq, uint32_t check)
{
	struct engram_position at = {.seq = seq, .check = check};

	memcpy(at.series, series->b, sizeof at.series);
	return at;
}

/* -- one frame --------------------------------------------------------------------- */

/* What lies behind the prelude: who killed it, or its elements. */
static int set_body(struct engram_frame *out, struct walk *w, const struct eng_frame *f,
                    const struct eng_prelude *prelude, struct engram_error *err)
{
	struct eng_stub stub;
	int r;

	eng_buf_reset(&w->elements);
	if (out->stub) {
		r = eng_stub_decode(&stub, f->payload, f->h.payload_len);
		if (r < 0)
			return eng_err(err, r, "stub: malformed");
		out->killer = position(&stub.killer.series, stub.killer.seq, 0);
		eng_buf_str(&w->elements, "[]");
		r = w->elements.failed ? eng_err_nomem(err) : 0;
	} else {
		r = eng_frame_json(&w->elements, prelude, f->payload, f->h.payload_len, err);
	}
	out->elements = (struct engram_str){(const char *)w->elements.p, w->elements.n};
	return r;
}

static int show(struct walk *w, const struct eng_frame *f, struct engram_error *err)
{
	struct engram_id subjects[ENG_SUBJECTS_MAX];
	struct engram_frame_ref refs[ENG_REFS_MAX];
	struct eng_prelude prelude;
	struct engram_frame out = {
		.at = position(w->at, f->h.seq, f->h.header_check),
		.previous = f->h.prev,
		.kind = f->h.kind,
		.version = f->h.version,
		.kind_name = f->h.kind < ENG_COUNT(kinds) ? kinds[f->h.kind] : NULL,
		.time_us = eng_stamp_us(f->h.stamp),
		.counter = f->h.stamp & 0xffff,
		.critical = f->h.flags & ENG_FLAG_CRITICAL,
		.stub = f->h.flags & ENG_FLAG_STUB,
		.bytes = eng_frame_size(f->h.payload_len),
		.subjects = subjects,
		.refs = refs,
	};
	int r = eng_prelude_decode(&prelude, f->payload, f->h.payload_len, err);

	if (r < 0)
		return r;
	out.nsubjects = prelude.nsubjects;
	out.nrefs = prelude.nrefs;
	out.run = prelude.has_run ? &prelude.run : NULL;
	for (unsigned i = 0; i < prelude.nsubjects; i++)
		subjects[i] = eng_prelude_subject(&prelude, i);
	for (unsigned i = 0; i < prelude.nrefs; i++) {
		struct eng_ref ref = eng_prelude_ref(&prelude, i);

		refs[i].at = position(&ref.dot.series, ref.dot.seq, ref.header_check);
		refs[i].element = ref.index;
	}
	r = set_body(&out, w, f, &prelude, err);
	return r < 0 ? r : w->fn(w->data, &out);
}

/* -- all of them --------------------------------------------------------------------- */

static bool wanted(const struct walk *w, const struct eng_series *series)
{
	char name[ENG_SERIES_NAME + 1];

	if (!w->series)
		return true;
	eng_series_name(name, series);
	return strncmp(name, w->series, strlen(w->series)) == 0;
}

static uint64_t seq_after(const struct walk *w, const struct eng_series *series)
{
	size_t lo = 0, hi = w->nafter;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		int c = memcmp(w->after[mid].series, series->b, 16);

		if (c == 0)
			return w->after[mid].seq;
		if (c < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return 0;
}

static int walk_series(struct walk *w, const struct eng_series *series, uint64_t upto, struct engram_error *err)
{
	uint64_t after = seq_after(w, series);
	char name[ENG_SERIES_NAME + 1];
	struct eng_cursor *c = NULL;
	struct eng_frame f;
	int r;

	if (after >= upto)
		return 0;
	w->at = series;
	r = eng_cursor_open(&c, w->space->log, series, after, upto, NULL, err);
	if (r < 0)
		return r;
	while ((r = eng_cursor_next(c, &f, err)) > 0) {
		r = show(w, &f, err);
		if (r == ENGRAM_EINPUT || r == ENGRAM_EDAMAGED) {
			eng_series_name(name, series);
			r = eng_err(err, ENGRAM_EDAMAGED, "series %s, frame %llu: %s", name,
			            (unsigned long long)f.h.seq, err ? err->message : "");
		}
		if (r != 0)
			break;
	}
	eng_cursor_close(c);
	return r;
}

/* A copy: the next look at the marks would take the list away. */
static int list_series(struct eng_series_info **out, size_t *n, struct engram_space *s, struct engram_error *err)
{
	const struct eng_series_info *all;
	int r = eng_space_series(s, &all, n, err);

	if (r < 0)
		return r;
	*out = eng_alloc((*n ? *n : 1) * sizeof **out);
	if (!*out)
		return eng_err_nomem(err);
	if (*n)
		memcpy(*out, all, *n * sizeof **out);
	return 0;
}

int engram_frames(struct engram_space *space, const struct engram_position *after, size_t n, const char *series,
                  engram_frame_fn *fn, void *data, struct engram_error *err)
{
	struct walk w = {.space = space, .after = after, .nafter = n, .series = series, .fn = fn, .data = data};
	struct eng_series_info *all = NULL;
	size_t count = 0;
	int r = eng_space_check_handle(space, err);

	if (r == 0)
		r = list_series(&all, &count, space, err);
	for (size_t i = 0; i < count && r == 0; i++)
		if (wanted(&w, &all[i].series))
			r = walk_series(&w, &all[i].series, all[i].durable_seq, err);
	eng_free(all);
	eng_buf_free(&w.elements);
	return r;
}

int engram_verify(struct engram_space *space, struct engram_log_report *out, engram_progress_fn *progress, void *data,
                  struct engram_error *err)
{
	struct engram_log_report report = {0};
	const struct eng_series_info *all;
	size_t n = 0;
	int64_t began_us;
	int r = eng_space_check_handle(space, err);

	if (r < 0)
		return r;
	began_us = eng_space_mono_us(space);
	r = eng_log_check(space->log, &report.frames, &report.bytes, progress, data, err);
	if (r == 0)
		r = eng_space_series(space, &all, &n, err);
	if (r < 0)
		return r;
	report.series = n;
	report.elapsed_us = eng_space_mono_us(space) - began_us;
	*out = report;
	return 0;
}
