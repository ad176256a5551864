/* recall-cue.c - a cue that is a vector: given as JSON or in a file, in a line of
 * NDJSON, or made of the text by the embedder that is set. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/types.h"
#include "recall-jobs.h"

#define FILE_MAX (1u << 20) /* 4,096 numbers of any length */

/* --embedder: an identity, or NAME/VERSION, which the dimension makes one. */
static struct engram_str named_embedder(struct recall *r, size_t dim)
{
	const char *name = r->embedder_name, *slash = name ? strchr(name, '/') : NULL;

	if (!slash || strchr(slash + 1, '/'))
		return eng_str(name);
	snprintf(r->identity, sizeof r->identity, "%s/%zu/f32", name, dim);
	return eng_str(r->identity);
}

int recall_read_cue(struct recall *r, struct engram_cue *cue, const char *p, size_t n, struct engram_error *err)
{
	const struct engram_memory *m = &r->record.memory;
	int rc;

	r->record.drop = ENGRAM_ID | ENGRAM_STORED;
	rc = record_read(&r->record, p, n, err);
	if (rc < 0)
		return rc;
	cue->text = m->has & ENGRAM_TEXT ? m->text : (struct engram_str){0};
	cue->vector = m->vector;
	cue->dim = m->has & ENGRAM_VECTOR ? m->dim : 0;
	cue->embedder = m->embedder.p || cue->dim == 0 ? m->embedder : named_embedder(r, cue->dim);
	return 0;
}

/* Small steps at first: pages that hold nothing cost a one-shot more than the vector. */
static int load(struct eng_buf *b, const char *path, struct engram_error *err)
{
	enum { STEP = 4096 };
	FILE *f = fopen(path, "re");
	size_t n;

	if (!f)
		return eng_err_os(err, errno, "--vector: %s", path);
	while (eng_buf_reserve(b, STEP) && b->n <= FILE_MAX && (n = fread(b->p + b->n, 1, b->cap - b->n, f)) > 0)
		b->n += n;
	n = (size_t)ferror(f);
	fclose(f);
	if (b->failed)
		return eng_err_nomem(err);
	if (n || b->n > FILE_MAX)
		return eng_err(err, ENGRAM_EINPUT, "--vector: %s: wanted a vector as JSON, found %s", path,
		               n ? "a file that cannot be read" : "more than 1 MiB");
	return 0;
}

/* An array stands for the record that has it. */
int recall_take_vector(struct recall *r, struct engram_cue *cue, struct engram_error *err)
{
	struct engram_str text = cue->text;
	struct eng_buf b = ENG_BUF_INIT, record = ENG_BUF_INIT;
	size_t n = 0;
	int rc = 0;

	if (!r->vector)
		return 0;
	if (r->vector[0] == '[')
		eng_buf_str(&b, r->vector);
	else
		rc = load(&b, r->vector, err);
	while (n < b.n && strchr(" \t\r\n", b.p[n]))
		n++;
	if (n < b.n && b.p[n] == '[')
		eng_buf_str(&record, "{\"vector\":");
	eng_buf_add(&record, b.p + n, b.n - n);
	while (record.n > 0 && strchr("\r\n", record.p[record.n - 1]))
		record.n--;
	if (n < b.n && b.p[n] == '[')
		eng_buf_byte(&record, '}');
	if (rc == 0 && (b.failed || record.failed))
		rc = eng_err_nomem(err);
	if (rc == 0)
		rc = recall_read_cue(r, cue, (const char *)record.p, record.n, err);
	if (rc == 0 && cue->dim == 0)
		rc = eng_err(err, ENGRAM_EINPUT, "wanted a vector, found none");
	if (rc < 0)
		eng_err_prefix(err, "--vector");
	if (text.p)
		cue->text = text;
	eng_buf_free(&b);
	eng_buf_free(&record);
	return rc;
}

static void tell_problem(struct recall *r, const struct engram_result *result)
{
	if (!result->problem.p || r->told_problem)
		return;
	r->told_problem = true;
	cli_warn(&r->cli, "%s: what it holds was not compared by likeness; engram-consolidate makes it anew",
	         result->problem.p);
}

void recall_tell_unsearched(struct recall *r, const struct engram_result *result)
{
	tell_problem(r, result);
	if (!result->unsearched.p || r->told)
		return;
	r->told = true;
	cli_warn(&r->cli, "vectors of %.*s were not searched: %s; compared by words and hash/1",
	         (int)(result->unsearched.n < 120 ? result->unsearched.n : 120), result->unsearched.p,
	         r->embedder ? "the embedder set is another" : "no embedder is set (ENGRAM_EMBED_COMMAND)");
}
