/* spaceclient.c - see spaceclient.h. */
#include "spaceclient.h"

#include <stdio.h>
#include <stdlib.h>

#include "frame/payload.h"

const struct engram_id client_space_id = {{0x5b, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}};

/* Words that tell the memories apart in the text index too. */
struct engram_memory client_memory(char text[160], unsigned number)
{
	static const char *const what[] = {"kettle", "barge", "lantern", "orchid", "compass", "saddle", "anvil", "quill"};
	static const char *const where[] = {"harbour", "attic", "meadow", "cellar", "chapel", "quarry", "orchard", "mill"};
	snprintf(text, 160, "number%u the %s stands near the %s beside %u other things", number, what[number % 8],
	         where[number / 8 % 8], number * 7919 % 1000);
	return (struct engram_memory){.has = ENGRAM_TEXT, .text = eng_str(text)};
}

struct engram_id client_id(unsigned number)
{
	char text[160];
	struct engram_memory m = client_memory(text, number);
	return eng_memory_id(&client_space_id, &m);
}

int client_create(const struct eng_sys *sys, const char *dir, struct engram_error *err)
{
	return eng_space_create(sys, dir, &client_space_id, 1700000000000000, err);
}

static int open_space(struct engram_space **space, const struct eng_sys *sys, const char *dir, unsigned flags,
                      struct engram_error *err)
{
	return eng_space_open(space, sys, dir, "crash", flags, 5000, NULL, NULL, err);
}

/* One change: opens space and writer, commits what `fn` wrote. */
struct change {
	int (*fn)(struct engram_writer *w, const struct change *c, struct engram_error *err);
	unsigned first, n;
};

static int commit_change(struct engram_space *space, const struct change *c, struct engram_error *err)
{
	struct engram_writer *w = NULL;
	int r = engram_writer_open(&w, space, 0, err);
	if (r >= 0)
		r = c->fn(w, c, err);
	if (r >= 0)
		r = engram_commit(w, err);
	engram_writer_close(w);
	return r;
}

static int make_change(const struct eng_sys *sys, const char *dir, const struct change *c, struct engram_error *err)
{
	struct engram_space *space = NULL;
	int r = open_space(&space, sys, dir, ENGRAM_WRITE, err);
	if (r >= 0)
		r = commit_change(space, c, err);
	engram_space_close(space);
	return r;
}

/* Each memory leads to the one before it. */
static int put_all(struct engram_writer *w, const struct change *c, struct engram_error *err)
{
	struct engram_link before;
	int r = 0;
	engram_link_init(&before);
	before.relation = eng_str("before");
	for (unsigned i = 0; r >= 0 && i < c->n; i++) {
		char text[160];
		struct engram_memory m = client_memory(text, c->first + i);
		if (c->first + i > 0) {
			before.to = client_id(c->first + i - 1);
			m.has |= ENGRAM_LINKS;
			m.links = &before;
			m.nlinks = 1;
		}
		struct engram_id id;
		enum engram_put_result put;
		r = engram_put(w, &id, &put, &m, err);
	}
	return r;
}

static int forget_it(struct engram_writer *w, const struct change *c, struct engram_error *err)
{
	struct engram_id id = client_id(c->first);
	return engram_forget(w, &id, 1, err);
}

static int revise_it(struct engram_writer *w, const struct change *c, struct engram_error *err)
{
	struct engram_memory change = {.has = ENGRAM_CONFIDENCE, .confidence = 1234};
	struct engram_id id = client_id(c->first);
	return engram_revise(w, &id, &change, 0, NULL, 0, err);
}

int client_put(const struct eng_sys *sys, const char *dir, unsigned first, unsigned n, struct engram_error *err)
{
	return make_change(sys, dir, &(struct change){put_all, first, n}, err);
}

int client_forget(const struct eng_sys *sys, const char *dir, unsigned number, struct engram_error *err)
{
	return make_change(sys, dir, &(struct change){forget_it, number, 1}, err);
}

int client_revise(const struct eng_sys *sys, const char *dir, unsigned number, struct engram_error *err)
{
	return make_change(sys, dir, &(struct change){revise_it, number, 1}, err);
}

static int see(void *data, const struct engram_memory *m)
{
	*(bool *)data = m != NULL;
	return 0;
}

int client_get(const struct eng_sys *sys, const char *dir, unsigned number, bool *there, struct engram_error *err)
{
	struct engram_space *space = NULL;
	struct engram_id id = client_id(number);
	int r = open_space(&space, sys, dir, ENGRAM_READ, err);
	if (r >= 0)
		r = engram_get(space, &id, 1, see, there, err);
	engram_space_close(space);
	return r;
}

int client_consolidate(const struct eng_sys *sys, const char *dir, unsigned tasks, struct engram_error *err)
{
	struct engram_space *space = NULL;
	struct engram_report report;
	int r = open_space(&space, sys, dir, ENGRAM_WRITE, err);
	if (r >= 0)
		r = engram_consolidate(space, &report, &(struct engram_consolidation){.tasks = tasks}, err);
	if (r >= 0 && tasks & ENGRAM_CHECK && report.differences)
		r = eng_err(err, ENGRAM_EINTERNAL, "derived data differ: %s", report.first_difference);
	engram_space_close(space);
	return r;
}

int client_fold(const struct eng_sys *sys, const char *dir, struct engram_error *err)
{
	struct engram_space *space = NULL;
	struct engram_report report = {0};
	struct eng_job job = {.report = &report};
	int r = open_space(&space, sys, dir, ENGRAM_WRITE, err);
	if (r >= 0)
		r = eng_space_fold(space, &job, ENG_FOLD_ALL, err);
	engram_space_close(space);
	return r;
}

int client_recall(const struct eng_sys *sys, const char *dir, unsigned number, bool *first,
                  struct engram_error *err)
{
	struct engram_space *space = NULL;
	struct engram_result result = {0};
	struct engram_cue cue;
	char text[160];
	struct engram_memory m = client_memory(text, number);
	struct engram_id id = client_id(number);
	int r = open_space(&space, sys, dir, ENGRAM_READ, err);
	engram_cue_init(&cue);
	cue.text = m.text;
	if (r >= 0)
		r = engram_recall(space, &result, &cue, err);
	if (r >= 0)
		*first = result.n > 0 && eng_id_cmp(&result.hits[0].memory.id, &id) == 0;
	engram_result_free(&result);
	engram_space_close(space);
	return r;
}

static int learn_it(struct engram_writer *w, struct engram_space *space, unsigned number, struct engram_error *err)
{
	const struct engram_judgement judged = {client_id(number), true};
	struct engram_result result = {0};
	struct engram_cue cue;
	size_t written;
	char text[160];
	int r;
	engram_cue_init(&cue);
	cue.text = client_memory(text, number).text;
	cue.k = 3;
	r = engram_recall(space, &result, &cue, err);
	if (r >= 0)
		r = engram_learn(w, &written, &result, &judged, 1, err);
	engram_result_free(&result);
	return r >= 0 ? engram_commit(w, err) : r;
}

int client_learn(const struct eng_sys *sys, const char *dir, unsigned number, struct engram_error *err)
{
	struct engram_space *space = NULL;
	struct engram_writer *w = NULL;
	int r = open_space(&space, sys, dir, ENGRAM_WRITE, err);
	if (r >= 0)
		r = engram_writer_open(&w, space, 0, err);
	if (r >= 0)
		r = learn_it(w, space, number, err);
	engram_writer_close(w);
	engram_space_close(space);
	return r;
}

/* -- comparing ------------------------------------------------------------------ */

struct found {
	unsigned n;
	uint8_t times[CLIENT_MEMORIES];
	unsigned strange;
};

static int collect(void *data, const struct engram_memory *m)
{
	struct found *f = data;
	char text[160];
	unsigned number = 0;
	if (m->text.n > 6)
		number = (unsigned)strtoul(m->text.p + 6, NULL, 10);
	struct engram_memory wanted = client_memory(text, number);
	struct engram_id before = number > 0 ? client_id(number - 1) : m->id;
	if (number >= CLIENT_MEMORIES || !eng_str_eq(wanted.text, m->text) || m->nlinks > 1)
		f->strange++;
	else if (m->nlinks && eng_id_cmp(&m->links[0].to, &before) != 0)
		f->strange++;
	else
		f->times[number]++;
	return 0;
}

int client_compare(const struct eng_sys *sys, const char *dir, const enum promise *promises, unsigned n,
                   char why[256])
{
	struct engram_space *space = NULL;
	struct engram_error e = {0};
	struct found f = {.n = n};
	int bad = 0;
	why[0] = '\0';
	if (open_space(&space, sys, dir, ENGRAM_READ, &e) < 0 || engram_export(space, collect, &f, &e) < 0) {
		snprintf(why, 256, "cannot be read: %.200s", e.message);
		bad = 1;
	} else if (f.strange) {
		snprintf(why, 256, "%u memories nobody put", f.strange);
		bad = 1;
	}
	for (unsigned i = 0; !bad && i < CLIENT_MEMORIES; i++) {
		enum promise p = i < n ? promises[i] : NEVER;
		if (f.times[i] > 1 || (p == ACKED && !f.times[i]) || ((p == NEVER || p == FORGOTTEN) && f.times[i])) {
			snprintf(why, 256, "memory %u is there %u times, promised: %s", i, f.times[i],
			         (const char *const[]){"never put", "maybe", "acknowledged", "forgotten"}[p]);
			bad = 1;
		}
	}
	engram_space_close(space);
	return bad;
}
