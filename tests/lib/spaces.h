/* spaces.h - spaces for tests: open, run a task, and write down what is there.
 *
 * A *listing* is everything that a space shows, as text: each memory in id
 * order with all its fields.  Two spaces, or one space at two times, are equal
 * if their listings are. */
#ifndef SPACES_H
#define SPACES_H

#include <inttypes.h>

#include "base/buf.h"
#include "home/home.h"
#include "space/space.h"
#include "tap.h"
#include "tmpdir.h"

struct spaces {
	struct engram_home *home;
	struct engram_space *space;
	struct engram_error err;
};

/* A broken set-up makes every later line meaningless. */
static void spaces_must(int r, const char *what, const struct engram_error *err)
{
	if (r >= 0)
		return;
	printf("Bail out! %s: %s: %s\n", what, engram_code_name(r), err->message);
	exit(1);
}

__attribute__((unused)) static void spaces_open(struct spaces *s, const char *name, unsigned flags)
{
	if (!s->home)
		spaces_must(engram_home_open(&s->home, tmpdir_path("home"), &s->err), "open home", &s->err);
	spaces_must(engram_space_open(&s->space, s->home, name, flags, 5000, &s->err), "open space", &s->err);
}

__attribute__((unused)) static void spaces_reopen(struct spaces *s, const char *name, unsigned flags)
{
	engram_space_close(s->space);
	spaces_open(s, name, flags);
}

__attribute__((unused)) static void spaces_close(struct spaces *s)
{
	engram_space_close(s->space);
	engram_home_close(s->home);
	*s = (struct spaces){0};
}

/* Tasks; a difference found by the check is a failure. */
__attribute__((unused)) static int spaces_run(struct spaces *s, unsigned tasks)
{
	struct engram_report report;
	int r = engram_consolidate(s->space, &report, &(struct engram_consolidation){.tasks = tasks}, &s->err);

	if (r == 0 && report.differences) {
		snprintf(s->err.message, sizeof s->err.message, "%" PRIu64 " differences, first %s", report.differences,
		         report.first_difference);
		return ENGRAM_EDAMAGED;
	}
	return r;
}

/* A fold, whatever there is to fold. */
__attribute__((unused)) static int spaces_fold(struct spaces *s, enum eng_fold_when when, struct engram_report *report)
{
	struct eng_job job = {.report = report};

	*report = (struct engram_report){0};
	return eng_space_fold(s->space, &job, when, &s->err);
}

static void spaces_str(struct eng_buf *b, const char *name, bool has, struct engram_str s)
{
	if (has)
		eng_buf_printf(b, " %s=%.*s", name, (int)s.n, s.p ? s.p : "");
}

static void spaces_fields(struct eng_buf *b, const struct engram_memory *m)
{
	spaces_str(b, "text", m->has & ENGRAM_TEXT, m->text);
	spaces_str(b, "key", m->has & ENGRAM_KEY, m->key);
	spaces_str(b, "source", m->has & ENGRAM_SOURCE, m->source);
	spaces_str(b, "actor", m->has & ENGRAM_ACTOR, m->actor);
	spaces_str(b, "meta", m->has & ENGRAM_META, m->meta);
	if (m->has & ENGRAM_CONFIDENCE)
		eng_buf_printf(b, " confidence=%" PRIu32, m->confidence);
	if (m->has & ENGRAM_OCCURRED)
		eng_buf_printf(b, " occurred=%" PRId64, m->occurred_us);
	if (m->has & ENGRAM_VALID_UNTIL)
		eng_buf_printf(b, " until=%" PRId64, m->valid_until_us);
	for (size_t i = 0; i < m->ntags; i++)
		spaces_str(b, "tag", true, m->tags[i]);
	for (size_t i = 0; m->has & ENGRAM_VECTOR && i < m->dim; i++)
		eng_buf_printf(b, " %a", (double)m->vector[i]);
	eng_buf_printf(b, " kind=%d stored=%" PRId64, (int)m->kind, m->stored_us);
}

static int spaces_take(void *data, const struct engram_memory *m)
{
	struct eng_buf *b = data;
	char id[ENGRAM_ID_TEXT + 1];

	engram_id_format(id, &m->id);
	eng_buf_str(b, id);
	spaces_fields(b, m);
	for (size_t i = 0; i < m->nconflicts; i++) {
		eng_buf_str(b, " |");
		spaces_fields(b, &m->conflicts[i]);
	}
	eng_buf_byte(b, '\n');
	return 0;
}

/* The listing, with the digest as its last line; NUL-terminated, owned by the caller. */
__attribute__((unused)) static char *spaces_listing(struct spaces *s)
{
	struct eng_buf b = ENG_BUF_INIT;
	uint8_t digest[16];

	spaces_must(engram_export(s->space, spaces_take, &b, &s->err), "export", &s->err);
	spaces_must(eng_space_digest(s->space, digest, &s->err), "digest", &s->err);
	eng_buf_str(&b, "digest ");
	for (unsigned i = 0; i < sizeof digest; i++)
		eng_buf_printf(&b, "%02x", digest[i]);
	eng_buf_byte(&b, 0);
	return (char *)b.p;
}

/* One text, committed; its id. */
__attribute__((unused)) static struct engram_id spaces_put(struct spaces *s, const char *text)
{
	struct engram_memory m = {.has = ENGRAM_TEXT, .text = {text, strlen(text)}};
	struct engram_writer *w = NULL;
	enum engram_put_result put;
	struct engram_id id = {{0}};

	spaces_must(engram_writer_open(&w, s->space, 0, &s->err), "open writer", &s->err);
	spaces_must(engram_put(w, &id, &put, &m, &s->err), "put", &s->err);
	spaces_must(engram_commit(w, &s->err), "commit", &s->err);
	engram_writer_close(w);
	return id;
}

__attribute__((unused)) static void spaces_forget(struct spaces *s, const struct engram_id *ids, size_t n)
{
	struct engram_writer *w = NULL;

	spaces_must(engram_writer_open(&w, s->space, 0, &s->err), "open writer", &s->err);
	spaces_must(engram_forget(w, ids, n, &s->err), "forget", &s->err);
	spaces_must(engram_commit(w, &s->err), "commit", &s->err);
	engram_writer_close(w);
}

#endif
