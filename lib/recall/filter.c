/* filter.c - which documents may be hits.
 *
 * Filters are asked before ranking, and only about documents that would enter
 * a list of the best: so a filter that one memory in a thousand passes costs no
 * hits, and no filter costs next to nothing.  Tags become a set of bits once,
 * since the state keeps them by tag; everything else is in a document's brief. */
#include "recall/recall_int.h"

#include "base/hash.h"

static size_t bit_of(const struct eng_filter *f, uint32_t doc)
{
	return doc < ENG_DOC_RAW ? doc : (size_t)f->state_docs + (doc - ENG_DOC_RAW);
}

struct marker {
	const struct eng_filter *filter;
	uint64_t *bits;
	size_t n; /* bits there are */
};

static int mark(void *data, uint32_t doc)
{
	struct marker *m = data;
	size_t bit = bit_of(m->filter, doc);
	if (bit < m->n)
		m->bits[bit / 64] |= (uint64_t)1 << bit % 64;
	return 0;
}

/* Leaves the documents that have each of the tags. */
static int mark_tags(struct eng_filter *f, struct eng_arena *arena, struct engram_error *err)
{
	size_t n = (size_t)f->state_docs + eng_snapshot_raw_docs(f->snap), words = n / 64 + 1;
	for (size_t i = 0; i < f->cue->ntags; i++) {
		struct marker m = {f, eng_arena_calloc(arena, words, sizeof *m.bits), n};
		if (!m.bits)
			return eng_err_nomem(err);
		int rc = eng_snapshot_tagged(f->snap, f->cue->tags[i], mark, &m, err);
		if (rc != 0)
			return rc;
		f->most = 0;
		for (size_t w = 0; w < words; w++) {
			m.bits[w] &= f->tagged ? f->tagged[w] : UINT64_MAX;
			f->most += (size_t)__builtin_popcountll(m.bits[w]);
		}
		f->tagged = m.bits;
	}
	return 0;
}

static uint64_t hash_of(struct engram_str s)
{
	return s.p ? XXH3_64bits(s.p, s.n) : 0;
}

int eng_filter_init(struct eng_filter *f, struct eng_snapshot *snap, const struct engram_cue *cue,
                    struct eng_arena *arena, struct engram_error *err)
{
	*f = (struct eng_filter){
		.snap = snap,
		.cue = cue,
		.source_hash = hash_of(cue->source),
		.actor_hash = hash_of(cue->actor),
		.state_docs = eng_snapshot_state_docs(snap),
		.most = SIZE_MAX,
		.asks = cue->ntags || cue->kind || cue->source.p || cue->actor.p || cue->since_us > INT64_MIN ||
		        cue->until_us < INT64_MAX,
	};
	return mark_tags(f, arena, err);
}

bool eng_filter_accept(void *ctx, uint32_t doc)
{
	const struct eng_filter *f = ctx;
	const struct engram_cue *cue = f->cue;
	struct eng_brief b;
	if (doc == ENG_NO_DOC || (f->has_self && doc == f->self))
		return false;
	if (f->tagged && !(f->tagged[bit_of(f, doc) / 64] >> bit_of(f, doc) % 64 & 1))
		return false;
	if (!eng_snapshot_brief(f->snap, doc, &b) || !b.live)
		return false;
	return (!cue->kind || b.kind == cue->kind) && (!cue->source.p || b.source_hash == f->source_hash) &&
	       (!cue->actor.p || b.actor_hash == f->actor_hash) && b.when_us >= cue->since_us &&
	       (cue->until_us == INT64_MAX || b.when_us < cue->until_us);
}

bool eng_filter_accept_row(void *ctx, uint32_t doc)
{
	const struct eng_filter *f = ctx;
	if (f->asks || doc >= ENG_DOC_RAW || (f->has_self && doc == f->self))
		return eng_filter_accept(ctx, doc);
	return !eng_snapshot_masked(f->snap, doc);
}

int eng_filter_order(void *ctx, uint32_t a, uint32_t b)
{
	const struct eng_filter *f = ctx;
	struct eng_brief x, y;
	if (!eng_snapshot_brief(f->snap, a, &x) || !eng_snapshot_brief(f->snap, b, &y))
		return (a > b) - (a < b);
	return eng_id_cmp(&x.id, &y.id);
}
