/* embedder.c - one batch of texts through the filter, whole or not at all.
 *
 * Texts are encoded as the filter takes them and answers are parsed as they
 * come, so that memory is the vectors, one line, and a pipe's worth of text.
 * Nothing is given to the caller before the filter has answered every text,
 * nothing else, and has ended well: then nothing half-embedded can be stored.
 *
 * The filter is a stranger: it may die, hang, answer too much or too little, or
 * write without end.  The clock runs from one sign of progress (input taken, an
 * answer completed) to the next; a byte now and then is no progress. */
#include "embed/embed.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/hash.h"
#include "base/types.h"
#include "sys/process.h"
#include "sys/sys.h"

#define SEND_BYTES (64u << 10) /* what a pipe holds */
#define EMBEDDER_NAME_MAX 200u
#define BATCH_TEXTS_MAX 4096u
#define BATCH_FLOATS_MAX (4u << 20) /* 16 MiB */

struct engram_embedder {
	char *command;
	char name[EMBEDDER_NAME_MAX];          /* "name/version" */
	char identity[EMBEDDER_NAME_MAX + 16]; /* "name/version/dim/f32"; "" until dim is known */
	size_t dim;                   /* 0 = not known yet */
	unsigned timeout_ms;
	float *vectors;               /* of the last batch: n x dim */
	size_t cap;                   /* floats */
	const float **rows;           /* of the last batch; NULL = no vector */
	size_t rows_cap;
	struct eng_json json;
	float answer[ENGRAM_DIM_MAX];
};

/* -- identity ---------------------------------------------------------------- */

static void set_identity(struct engram_embedder *e, size_t dim)
{
	e->dim = dim;
	snprintf(e->identity, sizeof e->identity, "%s/%zu/f32", e->name, dim);
}

static bool name_character(unsigned char c)
{
	return c > 0x20 && c < 0x7f && c != '/';
}

/* NAME or NAME/VERSION: printable ASCII without blanks. */
static int set_name(struct engram_embedder *e, const char *name, struct engram_error *err)
{
	size_t n = strlen(name), slashes = 0;
	bool good = n > 0 && n + 2 < sizeof e->name && name[0] != '/' && name[n - 1] != '/';

	for (size_t i = 0; good && i < n; i++) {
		slashes += name[i] == '/';
		good = name_character((unsigned char)name[i]) || name[i] == '/';
	}
	if (!good || slashes > 1)
		return eng_err(err, ENGRAM_ECONFIG,
		               "embedder: name: wanted NAME or NAME/VERSION in plain characters, found \"%.60s\"", name);
	if (strncmp(name, "hash", 4) == 0 && (name[4] == 0 || name[4] == '/'))
		return eng_err(err, ENGRAM_ECONFIG, "embedder: name: \"hash\" is the built-in one's");
	snprintf(e->name, sizeof e->name, "%s%s", name, slashes ? "" : "/1");
	return 0;
}

/* -- open, close ------------------------------------------------------------- */

int engram_embedder_open(struct engram_embedder **out, const char *command, const char *name, unsigned timeout_ms,
                         struct engram_error *err)
{
	struct engram_embedder *e;
	char made[24];
	int r;

	if (!command || !*command)
		return eng_err(err, ENGRAM_ECONFIG, "embedder: wanted a command, found none");
	if (!name || !*name) { /* another command is another embedder, until it is given a name */
		snprintf(made, sizeof made, "command-%08x", (unsigned)XXH3_64bits(command, strlen(command)));
		name = made;
	}
	e = eng_calloc(1, sizeof *e);
	if (!e)
		return eng_err_nomem(err);
	e->timeout_ms = timeout_ms;
	r = set_name(e, name, err);
	if (r == 0) {
		e->command = eng_alloc(strlen(command) + 1);
		if (e->command)
			memcpy(e->command, command, strlen(command) + 1);
		else
			r = eng_err_nomem(err);
	}
	if (r < 0) {
		engram_embedder_close(e);
		return r;
	}
	*out = e;
	return 0;
}

void engram_embedder_close(struct engram_embedder *e)
{
	if (!e)
		return;
	eng_json_free(&e->json);
	eng_free(e->command);
	eng_free(e->vectors);
	eng_free(e->rows);
	eng_free(e);
}

const char *engram_embedder_name(const struct engram_embedder *e)
{
	return e->name;
}

const char *engram_embedder_identity(const struct engram_embedder *e)
{
	return e->identity;
}

size_t engram_embedder_batch(const struct engram_embedder *e)
{
	size_t n = BATCH_FLOATS_MAX / (e->dim ? e->dim : ENGRAM_DIM_MAX);

	return n < BATCH_TEXTS_MAX ? n : BATCH_TEXTS_MAX;
}

/* -- one run ------------------------------------------------------------------- */

struct run {
	struct engram_embedder *e;
	const struct engram_str *texts;
	size_t n;
	size_t encoded;  /* texts in `out`, or sent */
	size_t answered;
	struct eng_buf out; /* encoded, sent up to `at` */
	size_t at;
	struct eng_buf line; /* an answer without its end yet */
	struct eng_process process;
	bool deaf;
	struct engram_error *err;
};

__attribute__((format(printf, 2, 3))) static int failed(struct run *r, const char *format, ...)
{
	char what[300];
	va_list ap;
	int rc;

	va_start(ap, format);
	vsnprintf(what, sizeof what, format, ap);
	va_end(ap);
	rc = eng_err(r->err, ENGRAM_EUNAVAILABLE, "embedder \"%.120s\": %s", r->e->command, what);
	eng_err_object(r->err, r->e->name);
	return rc;
}

static bool reserve_vectors(struct engram_embedder *e, size_t n, size_t dim)
{
	float *p;

	if (e->cap >= n * dim)
		return true;
	p = eng_realloc(e->vectors, n * dim * sizeof *p);
	if (!p)
		return false;
	e->vectors = p;
	e->cap = n * dim;
	return true;
}

static int take_answer(struct run *r, const char *p, size_t n)
{
	struct engram_embedder *e = r->e;
	struct engram_error why = {0};
	size_t dim = 0;
	bool zero = false;
	int rc;

	if (r->answered == r->n)
		return failed(r, "wanted %zu answers, found more", r->n);
	if (r->answered == r->encoded)
		return failed(r, "answer %zu came before its text was asked", r->answered + 1);
	rc = eng_embed_answer(e->answer, &dim, &zero, p, n, &e->json, &why);
	if (rc == ENGRAM_ENOMEM)
		return eng_err_nomem(r->err);
	if (rc < 0)
		return failed(r, "answer %zu: %s", r->answered + 1, why.message);
	if (e->dim && dim != e->dim)
		return failed(r, "answer %zu: wanted %zu numbers, found %zu", r->answered + 1, e->dim, dim);
	if (!e->dim)
		set_identity(e, dim);
	if (!reserve_vectors(e, r->n, dim))
		return eng_err_nomem(r->err);
	memcpy(e->vectors + r->answered * dim, e->answer, dim * sizeof *e->answer);
	e->rows[r->answered] = zero ? NULL : e->vectors; /* where: once the array has its place */
	r->answered++;
	return 0;
}

/* *line: one or more answers were completed. */
static int take_bytes(struct run *r, const char *p, size_t n, bool *line)
{
	const char *end;
	size_t part;
	int rc = 0;

	while (rc == 0 && n > 0) {
		end = memchr(p, '\n', n);
		part = end ? (size_t)(end - p) : n;
		if (r->line.n + part > ENG_ANSWER_MAX)
			return failed(r, "answer %zu: wanted a line of at most %u bytes, found more", r->answered + 1,
			              ENG_ANSWER_MAX);
		if (r->line.n > 0 || !end)
			eng_buf_add(&r->line, p, part);
		if (r->line.failed)
			return eng_err_nomem(r->err);
		if (!end)
			break;
		rc = r->line.n > 0 ? take_answer(r, (const char *)r->line.p, r->line.n) : take_answer(r, p, part);
		eng_buf_reset(&r->line);
		*line = true;
		n -= part + 1;
		p = end + 1;
	}
	return rc;
}

static int encode(struct run *r)
{
	if (r->at < r->out.n)
		return 0;
	eng_buf_reset(&r->out);
	r->at = 0;
	while (r->encoded < r->n && r->out.n < SEND_BYTES)
		eng_embed_line(&r->out, r->texts[r->encoded++]);
	if (r->out.failed)
		return eng_err_nomem(r->err);
	if (r->out.n == 0)
		eng_pipes_close_to(&r->process.pipes);
	return 0;
}

static int timed_out(struct run *r)
{
	int rc = failed(r, "wanted an answer within %u.%u s, found %zu of %zu", r->e->timeout_ms / 1000,
	                r->e->timeout_ms % 1000 / 100, r->answered, r->n);

	eng_err_hint(r->err, "embed.timeout (ENGRAM_EMBED_TIMEOUT) gives it longer");
	return rc;
}

static int64_t mono_us(void)
{
	const struct eng_clock *clock = &eng_sys_posix()->clock;

	return clock->mono_us(clock->ctx);
}

/* Until the filter closes its output. */
static int exchange(struct run *r)
{
	char answers[16384];
	int64_t now = mono_us(), until = now + (int64_t)r->e->timeout_ms * 1000;
	int rc = 0;

	while (rc == 0) {
		struct eng_round round = {.take = answers, .ntake = sizeof answers};
		bool progress = false;
		rc = r->deaf ? 0 : encode(r);
		if (rc < 0)
			break;
		if (!r->deaf && r->at < r->out.n) {
			round.send = r->out.p + r->at;
			round.nsend = r->out.n - r->at;
		}
		now = mono_us();
		rc = now < until ? eng_pipes_round(&r->process.pipes, &round, (int)((until - now + 999) / 1000)) : 0;
		if (rc == 0)
			return timed_out(r);
		if (rc < 0)
			return eng_err_os(r->err, -rc, "embedder \"%.120s\"", r->e->command);
		r->at += round.sent;
		r->deaf = r->deaf || round.deaf;
		rc = take_bytes(r, answers, round.taken, &progress);
		if (rc == 0 && round.end)
			return 0;
		if (round.sent || progress)
			until = mono_us() + (int64_t)r->e->timeout_ms * 1000;
	}
	return rc;
}

/* What is to be said of its end, once it closed its output. */
static int judge(struct run *r, int status)
{
	if (r->line.n > 0) { /* a last line without its newline is a line */
		int rc = take_answer(r, (const char *)r->line.p, r->line.n);
		if (rc < 0)
			return rc;
	}
	if (status == -ETIMEDOUT)
		return failed(r, "it closed its output and did not end");
	if (status > 128)
		return failed(r, "ended by signal %d after %zu of %zu answers", status - 128, r->answered, r->n);
	if (status == 127)
		return failed(r, "no such program (status 127)");
	if (status != 0)
		return failed(r, "ended with status %d after %zu of %zu answers", status, r->answered, r->n);
	if (r->answered < r->n)
		return failed(r, "wanted %zu answers, found %zu", r->n, r->answered);
	if (r->deaf)
		return failed(r, "it answered without reading all of its input");
	return 0;
}

static void place_rows(struct engram_embedder *e, size_t n)
{
	for (size_t i = 0; i < n; i++)
		e->rows[i] = e->rows[i] ? e->vectors + i * e->dim : NULL;
}

static bool reserve_rows(struct engram_embedder *e, size_t n)
{
	const float **p;

	if (e->rows_cap >= n)
		return true;
	p = eng_realloc(e->rows, n * sizeof *p);
	if (!p)
		return false;
	e->rows = p;
	e->rows_cap = n;
	return true;
}

static int run(struct run *r)
{
	int rc = eng_process_start(&r->process, r->e->command, ENG_GROUP_OWN), status;

	if (rc < 0)
		return eng_err_os(r->err, -rc, "embedder \"%.120s\": cannot start it", r->e->command);
	rc = exchange(r);
	status = eng_process_end(&r->process, rc < 0, (int)r->e->timeout_ms);
	return rc < 0 ? rc : judge(r, status);
}

int engram_embed(struct engram_embedder *e, const float *const **vectors, size_t *dim,
                 const struct engram_str *texts, size_t n, struct engram_error *err)
{
	struct run r = {.e = e, .texts = texts, .n = n, .err = err};
	size_t known = e->dim;
	int rc;

	if (n == 0 || n > engram_embedder_batch(e))
		return eng_err(err, ENGRAM_EUSAGE, "embedder: wanted 1 to %zu texts, found %zu",
		               engram_embedder_batch(e), n);
	rc = reserve_rows(e, n) ? run(&r) : eng_err_nomem(err);
	eng_buf_free(&r.out);
	eng_buf_free(&r.line);
	if (rc < 0) {
		if (!known) { /* what a failed run answered binds nobody */
			e->dim = 0;
			e->identity[0] = 0;
		}
		return rc;
	}
	place_rows(e, n);
	*vectors = e->rows;
	*dim = e->dim;
	return 0;
}
