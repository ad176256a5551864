/* recall.c - cue in, ranked memories out.
 *
 *   question   the cue's words and vector (or those of the memory it names)
 *   gather     the best by vector and by words, filtered before ranking
 *   fuse       one score; retention may take up to RETENTION_SHARE of it
 *   present    the first k: their texts, confidence, group, terms
 *
 * Everything is a function of one snapshot and the cue: no clock, no state kept
 * between calls, nothing written.  Without a cue the newest come first. */
#include "recall/recall_int.h"

#include "base/alloc.h"
#include "base/fixed.h"

#define ONE 10000u
#define K_MAX 10000u
#define EF_MAX 1000000u

/* Each ranker's list.  On 1,000 package summaries the mean reciprocal rank is
 * the same from 30 to 300; longer lists cost little, as no text is read. */
#define DEPTH_MIN 100u

/* Of the score, in 1/10,000: forgetting settles near-ties and no more. */
#define RETENTION_SHARE 500u

struct owner {
	struct eng_arena arena; /* what the hits point at */
};

struct recall {
	const struct engram_cue *cue;
	struct eng_snapshot *snap;
	struct eng_arena scratch;
	struct eng_filter filter;
	struct eng_question q;
	struct eng_candidates found;
	struct eng_near_scratch near;
	int64_t now_us;
	struct engram_result result;
	struct owner *owner;
};

void engram_cue_init(struct engram_cue *cue)
{
	*cue = (struct engram_cue){
		.k = 10,
		.min_confidence = ONE / 5,
		.since_us = INT64_MIN,
		.until_us = INT64_MAX,
		.as_of_us = INT64_MAX,
	};
}

static int check_cue(const struct engram_cue *cue, struct engram_error *err)
{
	if (cue->k < 1 || cue->k > K_MAX)
		return eng_err(err, ENGRAM_EUSAGE, "recall: k: wanted 1..%u, found %zu", K_MAX, cue->k);
	if (cue->ef > EF_MAX)
		return eng_err(err, ENGRAM_EUSAGE, "recall: ef: wanted 0..%u, found %zu", EF_MAX, cue->ef);
	if (cue->min_confidence > ONE)
		return eng_err(err, ENGRAM_EUSAGE, "recall: min_confidence: wanted 0..%u, found %u", ONE,
		               cue->min_confidence);
	if ((cue->text.p || cue->dim) && cue->like)
		return eng_err(err, ENGRAM_EUSAGE, "recall: a cue is a text or a memory, found both");
	if (cue->dim && !cue->vector)
		return eng_err(err, ENGRAM_EUSAGE, "recall: vector: no numbers");
	if (cue->mode > ENGRAM_TEXT_ONLY)
		return eng_err(err, ENGRAM_EUSAGE, "recall: mode: wanted 0..%d, found %d", ENGRAM_TEXT_ONLY,
		               cue->mode);
	return 0;
}

static bool is_cued(const struct engram_cue *cue)
{
	return cue->text.p || cue->like || cue->dim;
}

static unsigned snapshot_flags(const struct engram_cue *cue)
{
	if (!is_cued(cue))
		return ENG_SNAP_ITEMS;
	return ENG_SNAP_ROWS | ENG_SNAP_TERMS | (cue->mode == ENGRAM_VECTOR_ONLY ? 0 : ENG_SNAP_TEXT);
}

/* -- question ------------------------------------------------------------ */

/* Text and vector of the memory that is the cue; it is no hit itself. */
static int take_like(struct recall *r, struct engram_str *text, struct eng_cue_vector *vector, struct engram_error *err)
{
	struct engram_memory m;
	uint32_t doc;
	int rc = eng_snapshot_find(r->snap, r->cue->like, &doc, err);
	if (rc <= 0)
		return rc ? rc : eng_err(err, ENGRAM_ENOID, "recall: the memory asked for %s",
		                         r->cue->as_of_us < INT64_MAX ? "was not there then, or has been forgotten"
		                                                      : "has been forgotten");
	rc = eng_snapshot_memory(r->snap, doc, &m, &r->scratch, err);
	if (rc != 0)
		return rc;
	*text = m.text;
	if (m.has & ENGRAM_VECTOR)
		*vector = (struct eng_cue_vector){
			.x = m.vector, .dim = m.dim, .embedder = m.embedder.p ? m.embedder : (struct engram_str){"", 0}};
	r->filter.self = doc;
	r->filter.has_self = true;
	return 0;
}

static int ask(struct recall *r, struct engram_error *err)
{
	struct eng_corpus corpus = eng_snapshot_corpus(r->snap);
	struct engram_str text = r->cue->text, unsearched = {0};
	struct eng_cue_vector vector = {.x = r->cue->vector, .dim = r->cue->dim, .embedder = r->cue->embedder};
	int rc = r->cue->like ? take_like(r, &text, &vector, err) : 0;
	if (rc != 0)
		return rc;
	r->q.mode = r->cue->mode;
	r->q.ef = r->cue->ef;
	r->q.exact = r->cue->exact;
	r->q.text = text;
	eng_query_parse(&r->q.query, text.p, text.n, &corpus);
	eng_question_shapes(&r->q);
	if (eng_hash1(r->q.codes, text.p, text.n, &corpus))
		r->q.r = eng_vec_norm(r->q.codes, sizeof r->q.codes);
	vector.alone = !text.p;
	rc = eng_ask_vector(&r->q, &unsearched, r->snap, &vector, &r->owner->arena, err);
	r->result.unsearched = unsearched;
	return rc;
}

/* -- order --------------------------------------------------------------- */

static int retention_of(struct recall *r, uint32_t doc, uint32_t *out, uint32_t *rehearsals,
                        struct engram_error *err)
{
	const eng_stamp *stamps;
	struct eng_brief b;
	size_t n;
	int rc = eng_snapshot_rehearsals(r->snap, doc, &stamps, &n, &r->scratch, err);
	if (rc < 0)
		return rc;
	if (!eng_snapshot_brief(r->snap, doc, &b))
		return eng_err(err, ENGRAM_EINTERNAL, "recall: document %u is not in the snapshot", doc);
	*out = eng_retention(b.stored_us, stamps, n, r->now_us);
	*rehearsals = n ? (uint32_t)n - 1 : 0; /* the first is the storing itself */
	return 0;
}

/* Cuts what cannot be among the first k any more: even with nothing forgotten
 * it stays below what the k-th keeps with everything forgotten. */
static void cut(struct eng_candidates *c, size_t k)
{
	if (c->n <= k)
		return;
	int64_t least = (int64_t)c->at[k - 1].match * (ONE - RETENTION_SHARE) / ONE;
	while (c->at[c->n - 1].match < least)
		c->n--;
}

static int put_in_order(struct recall *r, struct engram_error *err)
{
	struct eng_candidates *c = &r->found;
	eng_fuse(c, &r->q);
	eng_candidates_sort(c);
	cut(c, r->cue->k > 2 ? r->cue->k : 2); /* the margin of the first asks for the second */
	for (size_t i = 0; i < c->n; i++) {
		int rc = retention_of(r, c->at[i].doc, &c->at[i].retention, &c->at[i].rehearsals, err);
		if (rc != 0)
			return rc;
		if (r->cue->no_retention)
			continue;
		uint32_t kept = ONE - RETENTION_SHARE + RETENTION_SHARE * c->at[i].retention / ONE;
		c->at[i].score = (int32_t)((int64_t)c->at[i].match * kept / ONE);
	}
	eng_candidates_sort(c);
	return 0;
}

/* -- hits ---------------------------------------------------------------- */

/* Of an embedder: as a share of what there is above its background. */
static uint32_t cosine_of(const struct eng_candidates *all, const struct eng_candidate *c)
{
	int64_t sim = eng_above_background(all, c), most = ((int64_t)1 << 30) - (c->foreign ? all->background_q30 : 0);
	return sim > 0 && most > 0 ? (uint32_t)(sim * ONE / most) : 0;
}

/* How far the best stands above the next or chance; the hits behind it stand
 * above nothing. */
static uint32_t margin_of(const struct eng_candidates *c, size_t at)
{
	int64_t match = c->at[at].match, next = c->chance;
	if (at > 0 || match <= 0)
		return 0;
	for (size_t i = 1; i < c->n; i++)
		next = c->at[i].match > next ? c->at[i].match : next;
	return next < match ? (uint32_t)((match - next) * ONE / match) : 0;
}

static void explain(struct engram_hit *hit, const char *name, int64_t value)
{
	hit->why[hit->nwhy++] = (struct engram_term){name, (int32_t)value};
}

static void explain_all(struct recall *r, struct engram_hit *hit, const struct eng_candidate *c,
                        const struct eng_match *m, const struct eng_verdicts *v)
{
	if (r->q.mode != ENGRAM_VECTOR_ONLY)
		explain(hit, "bm25", c->bm25 * (int64_t)ONE >> 16);
	explain(hit, "cosine", m->cosine);
	if (r->q.mode == ENGRAM_HYBRID)
		explain(hit, "vector-weight", (int64_t)eng_vector_weight_q16(&r->q) * ONE >> 16);
	explain(hit, "match", c->match);
	explain(hit, "retention", c->retention);
	explain(hit, "rarity", m->rarity);
	explain(hit, "near", m->near);
	explain(hit, "margin", m->margin);
	explain(hit, "words", (int64_t)m->terms * ONE);
	explain(hit, "log2-memories", (int64_t)eng_log2_q16(m->docs + 1) * ONE >> 16);
	explain(hit, "substance", m->substance);
	explain(hit, "standing", m->standing);
	explain(hit, "encoding", m->encoding);
	explain(hit, "completeness", m->completeness);
	explain(hit, "rehearsals", (int64_t)c->rehearsals * ONE);
	explain(hit, "useful", (int64_t)v->useful * ONE);
	explain(hit, "useless", (int64_t)v->useless * ONE);
}

static int fill_hit(struct recall *r, struct engram_hit *hit, size_t at, struct engram_error *err)
{
	const struct eng_candidate *c = &r->found.at[at];
	struct eng_match m = {
		.cosine = cosine_of(&r->found, c),
		.margin = margin_of(&r->found, at),
		.terms = (uint32_t)r->q.query.n,
		.docs = r->q.query.docs,
		.completeness = ONE,
	};
	struct eng_verdicts v;
	*hit = (struct engram_hit){.retention = c->retention, .score = c->score};
	int rc = eng_snapshot_memory(r->snap, c->doc, &hit->memory, &r->owner->arena, err);
	if (rc == 0)
		rc = eng_snapshot_verdicts(r->snap, c->doc, &v, err);
	if (rc != 0)
		return rc;
	struct eng_evidence e = eng_evidence_of(&r->q, hit->memory.text.p, hit->memory.text.n);
	m.rarity = e.rarity;
	m.near = e.near;
	m.substance = e.substance;
	if (r->q.vectors && r->q.query.n == 0) { /* no words were asked for: the vector stands for them */
		m.rarity = m.cosine;
		m.substance = ONE;
	}
	int32_t best = r->found.at[0].match;
	m.standing = c->match < best ? (uint32_t)((int64_t)c->match * ONE / best) : ONE;
	m.encoding = hit->memory.has & ENGRAM_CONFIDENCE ? hit->memory.confidence : ONE;
	struct eng_confidence p = eng_confidence_of(&m);
	hit->confidence = p.value;
	hit->lo = p.lo;
	hit->hi = p.hi;
	hit->group = eng_group_of(p.value);
	explain_all(r, hit, c, &m, &v);
	return 0;
}

static int present(struct recall *r, struct engram_error *err)
{
	size_t k = r->found.n < r->cue->k ? r->found.n : r->cue->k;
	struct engram_result *out = &r->result;
	out->hits = eng_arena_alloc(&r->owner->arena, k * sizeof *out->hits);
	if (!out->hits)
		return eng_err_nomem(err);
	for (size_t i = 0; i < k; i++) {
		struct engram_hit *hit = &out->hits[out->n];
		int rc = fill_hit(r, hit, i, err);
		if (rc != 0)
			return rc;
		if (hit->confidence >= r->cue->min_confidence) {
			out->n++;
			continue;
		}
		out->omitted++;
		out->best = hit->confidence > out->best ? hit->confidence : out->best;
	}
	return 0;
}

/* Graphs that could not be read, whether that showed at once or in the search. */
static int tell_problem(struct recall *r, struct engram_error *err)
{
	const char *why = eng_snapshot_view_problem(r->snap);
	if (!why && r->found.unreadable)
		why = "the file of folded vectors is damaged";
	if (!why || r->q.mode == ENGRAM_TEXT_ONLY)
		return 0;
	return eng_arena_str(&r->owner->arena, &r->result.problem, eng_str(why)) < 0 ? eng_err_nomem(err) : 0;
}

/* As long as a list that a search with this ef can fill. */
static size_t depth_of(const struct engram_cue *cue)
{
	size_t depth = cue->k * 2 > DEPTH_MIN ? cue->k * 2 : DEPTH_MIN, least = cue->ef > cue->k ? cue->ef : cue->k;
	return cue->ef && !cue->exact && least < depth ? least : depth;
}

static int recall_cued(struct recall *r, struct engram_error *err)
{
	r->result.cued = true;
	int rc = ask(r, err);
	if (rc == 0)
		rc = eng_candidates_gather(&r->found, r->snap, &r->q, &r->filter, depth_of(r->cue), &r->near, &r->scratch, err);
	if (rc == 0)
		rc = put_in_order(r, err);
	r->result.text_behind = r->found.unindexed;
	r->result.compared = r->found.compared;
	if (rc == 0)
		rc = tell_problem(r, err);
	return rc ? rc : present(r, err);
}

/* -- newest first -------------------------------------------------------- */

struct newest {
	struct recall *r;
	struct engram_error *err;
};

static int take_newest(void *data, uint32_t doc)
{
	struct newest *n = data;
	struct recall *r = n->r;
	struct engram_hit *hit = &r->result.hits[r->result.n];
	uint32_t rehearsals;
	if (!eng_filter_accept(&r->filter, doc))
		return 0;
	*hit = (struct engram_hit){0};
	int rc = eng_snapshot_memory(r->snap, doc, &hit->memory, &r->owner->arena, n->err);
	if (rc == 0)
		rc = retention_of(r, doc, &hit->retention, &rehearsals, n->err);
	return rc ? rc : ++r->result.n == r->cue->k;
}

static int recall_newest(struct recall *r, struct engram_error *err)
{
	struct newest n = {r, err};
	r->result.hits = eng_arena_alloc(&r->owner->arena, r->cue->k * sizeof *r->result.hits);
	if (!r->result.hits)
		return eng_err_nomem(err);
	int rc = eng_snapshot_newest(r->snap, take_newest, &n, err);
	return rc < 0 ? rc : 0;
}

/* -- the call ------------------------------------------------------------ */

static int recall(struct recall *r, struct engram_space *space, struct engram_error *err)
{
	int rc = eng_snapshot_open_as_of(&r->snap, space, snapshot_flags(r->cue), r->cue->as_of_us, err);
	if (rc == 0)
		rc = eng_filter_init(&r->filter, r->snap, r->cue, &r->scratch, err);
	if (rc != 0)
		return rc;
	r->now_us = eng_stamp_us(eng_snapshot_stamp(r->snap));
	return is_cued(r->cue) ? recall_cued(r, err) : recall_newest(r, err);
}

int engram_recall(struct engram_space *space, struct engram_result *out, const struct engram_cue *cue,
                  struct engram_error *err)
{
	int rc = check_cue(cue, err);
	if (rc != 0)
		return rc;
	struct recall r = {.cue = cue, .owner = eng_calloc(1, sizeof *r.owner)};
	rc = r.owner ? recall(&r, space, err) : eng_err_nomem(err);
	eng_arena_free(&r.scratch);
	eng_near_scratch_free(&r.near);
	eng_snapshot_close(r.snap);
	r.result.owner = r.owner;
	if (rc == 0)
		*out = r.result;
	else
		engram_result_free(&r.result);
	return rc;
}

void engram_result_free(struct engram_result *r)
{
	if (!r)
		return;
	struct owner *owner = r->owner;
	if (owner)
		eng_arena_free(&owner->arena);
	eng_free(owner);
	*r = (struct engram_result){0};
}
