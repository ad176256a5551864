/* reembed.c - vectors of one embedder for every text that has none of it.
 *
 * What is to do is not written down but asked: live memories whose shown text has
 * no vector of this embedder.  A batch of them goes through the filter, and each
 * vector becomes a revision of its own memory, durable with the batch.  A run that
 * was ended anywhere leaves every older vector in use, and the next one meets
 * only what is still lacking.
 *
 * Vectors of other embedders stay: who recalls with them still finds them, and
 * two stores with different embedders do not undo each other's work for ever
 * (share/doc/design/embedders.md). */
#include <string.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/num.h"
#include "space/space.h"

#define BATCH_BYTES (4u << 20) /* of text */

struct todo {
	struct engram_id id;
	uint64_t made_of;
};

struct reembed {
	struct engram_space *space;
	struct engram_embedder *embedder;
	const struct eng_job *job;
	struct engram_writer *writer;
	struct engram_error *err;
	struct eng_arena arena; /* texts of the batch */
	struct todo *todo;
	struct engram_str *texts;
	size_t n, cap, bytes;
	uint64_t lacking, done;
};

/* -- what is lacking ---------------------------------------------------------- */

/* As long as the embedder's dimension is not known, any will do: NAME/VERSION/ and
 * what follows. */
static bool of_embedder(const struct engram_embedder *e, const struct eng_embedder *who)
{
	struct engram_str identity = eng_str(engram_embedder_identity(e)), name = eng_str(engram_embedder_name(e));

	if (identity.n)
		return eng_str_eq(who->name, identity);
	return who->name.n > name.n && memcmp(who->name.p, name.p, name.n) == 0 && who->name.p[name.n] == '/';
}

static bool lacks(const struct reembed *r, const struct eng_reading *reading)
{
	if (!reading->text.dot || reading->text.element->n == 0)
		return false;
	for (size_t i = 0; i < reading->nvectors; i++) {
		struct eng_embedder who = eng_vector_embedder(&reading->vectors[i]);
		if (of_embedder(r->embedder, &who))
			return false;
	}
	return true;
}

static bool count_lacking(void *data, const struct eng_reading *reading)
{
	struct reembed *r = data;

	r->lacking += lacks(r, reading);
	return false;
}

static bool want(void *data, const struct eng_reading *reading)
{
	return lacks(data, reading);
}

/* -- a batch -------------------------------------------------------------------- */

static int state_vectors(struct reembed *r, const float *const *vectors, size_t dim)
{
	struct engram_memory m = {.has = ENGRAM_VECTOR, .dim = dim};
	struct engram_report *report = r->job->report;
	int rc = 0;

	m.embedder = eng_str(engram_embedder_identity(r->embedder));
	for (size_t i = 0; rc >= 0 && i < r->n; i++) {
		if (!vectors[i]) {
			report->unembedded++;
			continue;
		}
		m.vector = vectors[i];
		rc = eng_writer_vector(r->writer, &r->todo[i].id, r->todo[i].made_of, &m, r->err);
		report->embedded += rc == 1;
	}
	return rc < 0 ? rc : engram_commit(r->writer, r->err);
}

static int flush(struct reembed *r)
{
	const float *const *vectors;
	size_t dim;
	int rc;

	if (r->n == 0)
		return 0;
	rc = engram_embed(r->embedder, &vectors, &dim, r->texts, r->n, r->err);
	if (rc == 0)
		rc = state_vectors(r, vectors, dim);
	r->done += r->n;
	r->n = r->bytes = 0;
	eng_arena_reset(&r->arena);
	if (rc == 0 && r->job->progress && r->job->progress(r->job->data, "re-embed", r->done, r->lacking))
		rc = eng_err(r->err, ENGRAM_ELIMIT, "stopped after %llu of %llu", (unsigned long long)r->done,
		             (unsigned long long)r->lacking);
	return rc;
}

static bool grow(struct reembed *r)
{
	size_t cap = r->cap, more = r->cap;

	if (!eng_grow(&r->todo, &cap, r->n, sizeof *r->todo) ||
	    !eng_grow(&r->texts, &more, r->n, sizeof *r->texts))
		return false;
	r->cap = cap;
	return true;
}

static int take(void *data, const struct engram_memory *m)
{
	struct reembed *r = data;

	if (!grow(r) || eng_arena_str(&r->arena, &r->texts[r->n], m->text) < 0)
		return eng_err_nomem(r->err);
	r->todo[r->n++] = (struct todo){m->id, XXH3_64bits(m->text.p, m->text.n)};
	r->bytes += m->text.n;
	return r->n >= engram_embedder_batch(r->embedder) || r->bytes >= BATCH_BYTES ? flush(r) : 0;
}

/* -- the run --------------------------------------------------------------------- */

static int run(struct reembed *r, struct engram_error *err)
{
	int rc = eng_space_export(r->space, count_lacking, NULL, r, err);

	r->job->report->lacking = r->lacking;
	if (rc < 0 || r->job->dry_run || r->lacking == 0)
		return rc;
	rc = engram_writer_open(&r->writer, r->space, 0, err);
	if (rc == 0)
		rc = eng_space_export(r->space, want, take, r, err);
	if (rc == 0)
		rc = flush(r);
	engram_writer_close(r->writer);
	return rc;
}

int engram_reembed(struct engram_space *space, struct engram_report *out, struct engram_embedder *embedder,
                   bool dry_run, engram_progress_fn *progress, void *data, struct engram_error *err)
{
	struct engram_report report = {0};
	struct eng_job job = {.dry_run = dry_run, .report = &report, .progress = progress, .data = data};
	struct engram_error why = {0};
	struct reembed r = {.space = space, .embedder = embedder, .job = &job, .err = &why, .arena = ENG_ARENA_INIT};
	int64_t start;
	int rc = out && embedder ? eng_space_check_handle(space, err)
	                         : eng_err(err, ENGRAM_EUSAGE, "re-embed: no embedder, or no report");

	if (rc < 0)
		return rc;
	start = eng_space_mono_us(space);
	rc = run(&r, &why);
	eng_arena_free(&r.arena);
	eng_free(r.todo);
	eng_free(r.texts);
	report.elapsed_us = eng_space_mono_us(space) - start;
	*out = report; /* also of a run that was ended: how far it came */
	if (rc < 0 && err)
		*err = why;
	return rc;
}
