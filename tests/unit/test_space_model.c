/* test_space_model.c - random lives of a space against a model of lists.
 *
 * The model keeps, per memory, the statements since it was last forgotten, in
 * order: puts and revisions; and the links between memories, which go when either
 * end is forgotten.  What it shows follows by walking them, newest
 * first.  The space does the same through log, state, overlay, apply, rebuild
 * and compaction, at random moments; after every few steps both are compared,
 * and the digest and the listing must not change by maintenance.
 *
 * The seed is printed; ENGRAM_TEST_SEED runs one again. */
#include "../lib/spaces.h"
#include "base/rng.h"

enum { MEMORIES = 24, KEYED = 8, TAGS = 4, STATEMENTS = 64, STEPS = 400, RUNS = 6 };

struct statement {
	bool revision;
	int text;       /* -1 = not stated */
	int confidence; /* -1 = not stated, -2 = cleared */
	int source;     /* the same */
	unsigned tags, untags; /* bits */
};

struct model {
	struct statement all[STATEMENTS];
	size_t n;
	bool ever;
	bool judged; /* since it was last forgotten */
	uint32_t links[MEMORIES]; /* weight + 1; 0 = none */
	struct engram_id id;
};

struct life {
	struct spaces s;
	struct eng_rng rng;
	struct model memories[MEMORIES];
	unsigned step;
	int failures;
};

static unsigned below(struct life *l, unsigned n)
{
	return (unsigned)eng_rng_below(&l->rng, n);
}

/* -- what the model shows ------------------------------------------------------------- */

struct shown {
	bool live;
	int text, confidence, source;
	unsigned tags;
};

static int newest(const struct model *m, bool revisions, size_t offset)
{
	for (size_t i = m->n; i-- > 0;) {
		int v = *(const int *)(const void *)((const char *)&m->all[i] + offset);
		if (m->all[i].revision == revisions && v != -1)
			return v;
	}
	return -1;
}

static int field(const struct model *m, size_t offset)
{
	int v = newest(m, true, offset);

	if (v == -1)
		v = newest(m, false, offset);
	return v == -2 ? -1 : v;
}

static struct shown show(const struct model *m)
{
	struct shown s = {.text = -1, .confidence = -1, .source = -1};

	for (size_t i = 0; i < m->n; i++) {
		s.live = s.live || !m->all[i].revision;
		if (m->all[i].text != -1)
			s.text = m->all[i].text;
		s.tags &= ~m->all[i].untags;
		s.tags |= m->all[i].tags;
	}
	if (!s.live)
		return (struct shown){.text = -1, .confidence = -1, .source = -1};
	s.confidence = field(m, offsetof(struct statement, confidence));
	s.source = field(m, offsetof(struct statement, source));
	return s;
}

/* -- steps ------------------------------------------------------------------------------ */

static const char *const tag_names[TAGS] = {"red", "green", "blue", "a tag of several words"};
static const char *const source_names[3] = {"notes.txt", "mail", ""};

static void text_of(char out[64], unsigned n)
{
	snprintf(out, 64, "memory number %u about topic%u", n, n % 5);
}

static void key_of(char out[32], unsigned n)
{
	snprintf(out, 32, "key-%u", n);
}

/* A statement as the library takes it. */
struct given {
	struct engram_memory m;
	char text[64], key[32];
	struct engram_str tags[TAGS];
};

static void give(struct given *g, const struct statement *s, unsigned number)
{
	*g = (struct given){0};
	if (s->text >= 0) {
		text_of(g->text, (unsigned)s->text);
		g->m.text = (struct engram_str){g->text, strlen(g->text)};
		g->m.has |= ENGRAM_TEXT;
	}
	if (!s->revision && number < KEYED) {
		key_of(g->key, number);
		g->m.key = (struct engram_str){g->key, strlen(g->key)};
		g->m.has |= ENGRAM_KEY;
	}
	if (s->confidence >= 0) {
		g->m.confidence = (uint32_t)s->confidence;
		g->m.has |= ENGRAM_CONFIDENCE;
	}
	if (s->source >= 0) {
		g->m.source = eng_str(source_names[s->source]);
		/* Part of an id without key: only revisions of those state it. */
		g->m.has |= ENGRAM_SOURCE;
	}
	for (unsigned i = 0; i < TAGS; i++)
		if (s->tags >> i & 1)
			g->tags[g->m.ntags++] = eng_str(tag_names[i]);
	g->m.tags = g->tags;
	g->m.has |= g->m.ntags ? ENGRAM_TAGS : 0;
}

static struct engram_writer *writer(struct life *l)
{
	struct engram_writer *w = NULL;

	spaces_must(engram_writer_open(&w, l->s.space, 0, &l->s.err), "open writer", &l->s.err);
	return w;
}

static void finish(struct life *l, struct engram_writer *w)
{
	spaces_must(engram_commit(w, &l->s.err), "commit", &l->s.err);
	engram_writer_close(w);
}

static void step_put(struct life *l, unsigned number)
{
	struct model *m = &l->memories[number];
	struct statement s = {.text = (int)number, .confidence = -1, .source = -1};
	struct engram_writer *w = writer(l);
	enum engram_put_result put;
	struct given g;

	if (m->n == STATEMENTS) {
		engram_writer_close(w);
		return;
	}
	if (number < KEYED)
		s.text = (int)(number + MEMORIES * below(l, 3));
	if (below(l, 2))
		s.confidence = (int)below(l, 10001);
	if (number < KEYED && below(l, 2))
		s.source = (int)below(l, 3);
	s.tags = below(l, 1u << TAGS) & below(l, 1u << TAGS);
	give(&g, &s, number);
	spaces_must(engram_put(w, &m->id, &put, &g.m, &l->s.err), "put", &l->s.err);
	finish(l, w);
	if (number < KEYED) /* an upsert replaces what it saw */
		m->n = 0;
	m->all[m->n++] = s;
	m->ever = true;
}

static void step_forget(struct life *l, unsigned number)
{
	struct model *m = &l->memories[number];

	if (!m->ever)
		return;
	spaces_forget(&l->s, &m->id, 1);
	m->n = 0;
	m->judged = false;
	memset(m->links, 0, sizeof m->links);
	for (unsigned i = 0; i < MEMORIES; i++)
		l->memories[i].links[number] = 0;
}

/* Ends need not be live, only be known: the id of one that is not is no secret. */
static void step_link(struct life *l, unsigned number)
{
	struct model *m = &l->memories[number];
	struct engram_link links[3];
	enum engram_put_result put;
	struct engram_writer *w;
	size_t n = 0;

	for (unsigned i = 0; i < 3; i++) {
		unsigned to = below(l, MEMORIES);
		if (to == number || !m->ever || !l->memories[to].ever)
			continue;
		engram_link_init(&links[n]);
		links[n].to = l->memories[to].id;
		links[n].relation = eng_str("leads-to");
		links[n].weight = below(l, 4) * 2500;
		m->links[to] = links[n].weight ? links[n].weight + 1 : 0;
		n++;
	}
	if (n == 0)
		return;
	w = writer(l);
	spaces_must(engram_link(w, &put, &m->id, links, n, &l->s.err), "link", &l->s.err);
	finish(l, w);
}

static void step_learn(struct life *l, unsigned number)
{
	struct model *m = &l->memories[number];
	const struct engram_judgement judged = {m->id, below(l, 2) == 1};
	struct engram_result result = {0};
	struct engram_writer *w;
	struct engram_cue cue;
	size_t written;

	if (!show(m).live)
		return;
	engram_cue_init(&cue);
	cue.text = eng_str("memory topic2");
	spaces_must(engram_recall(l->s.space, &result, &cue, &l->s.err), "recall", &l->s.err);
	w = writer(l);
	spaces_must(engram_learn(w, &written, &result, &judged, 1, &l->s.err), "learn", &l->s.err);
	finish(l, w);
	engram_result_free(&result);
	m->judged = true;
}

static void step_revise(struct life *l, unsigned number)
{
	struct model *m = &l->memories[number];
	struct statement s = {.revision = true, .text = -1, .confidence = -1, .source = -1};
	struct engram_str untag[TAGS];
	unsigned clear = 0;
	size_t nuntag = 0;
	struct engram_writer *w;
	struct given g;

	if (!show(m).live || m->n == STATEMENTS)
		return;
	if (below(l, 3) == 0)
		s.text = (int)(number + MEMORIES * (1 + below(l, 3)));
	switch (below(l, 3)) {
	case 0:
		s.confidence = (int)below(l, 10001);
		break;
	case 1:
		s.confidence = -2;
		clear |= ENGRAM_CONFIDENCE;
		break;
	}
	if (below(l, 3) == 0)
		s.source = (int)below(l, 3);
	s.untags = below(l, 1u << TAGS) & below(l, 1u << TAGS);
	s.tags = below(l, 1u << TAGS) & below(l, 1u << TAGS) & ~s.untags;
	for (unsigned i = 0; i < TAGS; i++)
		if (s.untags >> i & 1)
			untag[nuntag++] = eng_str(tag_names[i]);
	give(&g, &s, number);
	if (g.m.has == 0 && clear == 0 && nuntag == 0)
		return;
	w = writer(l);
	spaces_must(engram_revise(w, &m->id, &g.m, clear, untag, nuntag, &l->s.err), "revise", &l->s.err);
	finish(l, w);
	m->all[m->n++] = s;
}

/* -- comparing ---------------------------------------------------------------------------- */

static bool equal_str(struct engram_str a, const char *b)
{
	return a.n == strlen(b) && memcmp(a.p, b, a.n) == 0;
}

static bool equal_tags(const struct engram_memory *m, unsigned tags)
{
	unsigned found = 0;

	for (size_t i = 0; i < m->ntags; i++)
		for (unsigned j = 0; j < TAGS; j++)
			if (equal_str(m->tags[i], tag_names[j]))
				found |= 1u << j;
	return found == tags && m->ntags == (size_t)__builtin_popcount(tags);
}

static bool equal(const struct engram_memory *m, const struct shown *s)
{
	char text[64];

	if (!m || !s->live)
		return !m && !s->live;
	text_of(text, (unsigned)s->text);
	if (!(m->has & ENGRAM_TEXT) || !equal_str(m->text, text) || !equal_tags(m, s->tags))
		return false;
	if ((m->has & ENGRAM_CONFIDENCE ? (int)m->confidence : -1) != s->confidence)
		return false;
	return s->source == -1 ? !(m->has & ENGRAM_SOURCE)
	                       : m->has & ENGRAM_SOURCE && equal_str(m->source, source_names[s->source]);
}

static bool equal_links(const struct life *l, const struct engram_memory *m, unsigned number)
{
	size_t n = 0;

	for (unsigned to = 0; to < MEMORIES; to++) {
		uint32_t wanted = show(&l->memories[to]).live ? l->memories[number].links[to] : 0;
		if (!wanted)
			continue;
		n++;
		for (size_t i = 0; i < m->nlinks; i++)
			if (eng_id_cmp(&m->links[i].to, &l->memories[to].id) == 0 && m->links[i].weight + 1 == wanted &&
			    equal_str(m->links[i].relation, "leads-to"))
				wanted = 0;
		if (wanted)
			return false;
	}
	return m->nlinks == n;
}

struct compare {
	struct life *l;
	unsigned at[MEMORIES];
	unsigned next;
};

static int compare_one(void *data, const struct engram_memory *m)
{
	struct compare *c = data;
	unsigned number = c->at[c->next++];
	struct shown s = show(&c->l->memories[number]);

	if (!equal(m, &s)) {
		c->l->failures++;
		tap_note("step %u: memory %u: model %s, space %s", c->l->step, number, s.live ? "live" : "gone",
		         m ? "live" : "gone");
	} else if (m && !equal_links(c->l, m, number)) {
		c->l->failures++;
		tap_note("step %u: memory %u: other links, %zu of them", c->l->step, number, m->nlinks);
	}
	return 0;
}

static void compare_all(struct life *l)
{
	struct engram_id ids[MEMORIES];
	struct compare c = {.l = l};
	unsigned n = 0;

	for (unsigned i = 0; i < MEMORIES; i++)
		if (l->memories[i].ever) {
			c.at[n] = i;
			ids[n++] = l->memories[i].id;
		}
	spaces_must(engram_get(l->s.space, ids, n, compare_one, &c, &l->s.err), "get", &l->s.err);
}

static int count_doc(void *data, uint32_t doc)
{
	(void)doc;
	++*(unsigned *)data;
	return 0;
}

/* Frequencies, sizes and tags of the snapshot, whatever is applied. */
static void compare_corpus(struct life *l)
{
	struct eng_snapshot *snap = NULL;
	struct eng_corpus corpus;
	unsigned live = 0, topic = 0, red = 0, listed = 0, tagged = 0;

	spaces_must(eng_snapshot_open(&snap, l->s.space, ENG_SNAP_TERMS | ENG_SNAP_TEXT, &l->s.err), "snapshot",
	            &l->s.err);
	for (unsigned i = 0; i < MEMORIES; i++) {
		struct shown s = show(&l->memories[i]);
		live += s.live;
		topic += s.live && s.text % 5 == 3;
		red += s.live && s.tags & 1;
	}
	corpus = eng_snapshot_corpus(snap);
	spaces_must(eng_snapshot_newest(snap, count_doc, &listed, &l->s.err), "newest", &l->s.err);
	spaces_must(eng_snapshot_tagged(snap, eng_str("red"), count_doc, &tagged, &l->s.err), "tagged", &l->s.err);
	if (corpus.docs != live || corpus.df(corpus.ctx, eng_stem_hash("topic3", 6)) != topic || listed != live ||
	    tagged != red) {
		l->failures++;
		tap_note("step %u: docs %u/%u df %u/%u listed %u red %u/%u", l->step, (unsigned)corpus.docs, live,
		         (unsigned)corpus.df(corpus.ctx, eng_stem_hash("topic3", 6)), topic, listed, tagged, red);
	}
	eng_snapshot_close(snap);
}

static void compare_evidence(struct life *l)
{
	struct eng_snapshot *snap = NULL;
	struct eng_verdicts v;
	uint32_t doc;

	spaces_must(eng_snapshot_open(&snap, l->s.space, ENG_SNAP_ITEMS, &l->s.err), "snapshot", &l->s.err);
	for (unsigned i = 0; i < MEMORIES; i++) {
		if (!show(&l->memories[i]).live)
			continue;
		if (eng_snapshot_find(snap, &l->memories[i].id, &doc, &l->s.err) == 1 &&
		    eng_snapshot_verdicts(snap, doc, &v, &l->s.err) == 0 &&
		    (v.useful + v.useless > 0) == l->memories[i].judged)
			continue;
		l->failures++;
		tap_note("step %u: memory %u: judged %d", l->step, i, l->memories[i].judged);
	}
	eng_snapshot_close(snap);
}

/* -- maintenance changes nothing ----------------------------------------------------------- */

static void maintain(struct life *l, unsigned tasks)
{
	char *before = spaces_listing(&l->s), *after;
	int r = spaces_run(&l->s, tasks);

	if (r < 0) {
		l->failures++;
		tap_note("step %u: tasks %u: %s", l->step, tasks, l->s.err.message);
	}
	after = spaces_listing(&l->s);
	if (strcmp(before, after) != 0) {
		l->failures++;
		tap_note("step %u: tasks %u changed\n%s\nto\n%s", l->step, tasks, before, after);
	}
	free(before);
	free(after);
}

static void fold(struct life *l)
{
	char *before = spaces_listing(&l->s), *after;
	struct engram_report report;
	int r = spaces_fold(&l->s, ENG_FOLD_ALL, &report);

	if (r < 0) {
		l->failures++;
		tap_note("step %u: fold: %s", l->step, l->s.err.message);
	}
	after = spaces_listing(&l->s);
	if (strcmp(before, after) != 0) {
		l->failures++;
		tap_note("step %u: a fold changed\n%s\nto\n%s", l->step, before, after);
	}
	free(before);
	free(after);
}

static void one_step(struct life *l)
{
	unsigned number = below(l, MEMORIES), what = below(l, 100);

	if (what < 35)
		step_put(l, number);
	else if (what < 48)
		step_forget(l, number);
	else if (what < 58)
		step_link(l, number);
	else if (what < 64)
		step_learn(l, number);
	else if (what < 88)
		step_revise(l, number);
	else if (what < 92)
		maintain(l, ENGRAM_APPLY);
	else if (what < 94)
		fold(l);
	else if (what < 95)
		maintain(l, ENGRAM_REBUILD);
	else if (what < 96)
		maintain(l, ENGRAM_COMPACT);
	else if (what < 98)
		maintain(l, ENGRAM_CHECK);
	else
		spaces_reopen(&l->s, "default", ENGRAM_WRITE);
	if (l->step % 4 == 0) {
		compare_all(l);
		compare_corpus(l);
		compare_evidence(l);
	}
}

static void live(uint64_t seed)
{
	struct life l = {.failures = 0};

	tmpdir_begin("space-model");
	eng_rng_seed(&l.rng, seed);
	spaces_open(&l.s, "default", ENGRAM_CREATE);
	for (l.step = 0; l.step < STEPS && l.failures < 5; l.step++)
		one_step(&l);
	maintain(&l, ENGRAM_APPLY);
	maintain(&l, ENGRAM_CHECK);
	maintain(&l, ENGRAM_COMPACT);
	maintain(&l, ENGRAM_CHECK);
	compare_all(&l);
	tap_ok(l.failures == 0, "seed %" PRIu64 ": %u steps, space and model agree", seed, l.step);
	spaces_close(&l.s);
	tmpdir_end();
}

int main(void)
{
	const char *one = getenv("ENGRAM_TEST_SEED");

	if (one)
		live(strtoull(one, NULL, 10));
	for (uint64_t seed = 1; !one && seed <= RUNS; seed++)
		live(seed);
	return tap_done();
}
