/* vector.c - whose vectors the cue's vector is compared with.
 *
 * Vectors of two embedders are never compared.  A cue that names its embedder
 * is searched there; one that does not is of the embedder that has its dimension,
 * if there is one only.  A cue without a vector, or with one of an embedder that
 * no memory knows, is left to words and hash/1, and the caller is told which
 * embedder went unsearched. */
#include "recall/recall_int.h"

#include <stdio.h>

#include "base/arena.h"
#include "base/err.h"

struct choice {
	const struct eng_cue_vector *cue;
	struct eng_arena *arena;
	struct eng_embedder first, fits; /* of all; of those that the cue may mean */
	size_t n, nfits;
	char list[300]; /* the names, for a message */
	size_t nlist;
	int rc;
};

static int keep(struct choice *c, struct eng_embedder *out, const struct eng_embedder *who)
{
	out->dim = who->dim;
	out->name = (struct engram_str){0};
	return who->name.n ? eng_arena_str(c->arena, &out->name, who->name) : 0;
}

static int look_at(void *data, const struct eng_embedder *who)
{
	struct choice *c = data;
	bool named = c->cue->embedder.p != NULL;
	int n;

	if (c->n++ == 0)
		c->rc = keep(c, &c->first, who);
	n = snprintf(c->list + c->nlist, sizeof c->list - c->nlist, "%s%.*s (%u numbers)", c->nlist ? ", " : "",
	             who->name.n ? (int)(who->name.n < 80 ? who->name.n : 80) : 7, who->name.n ? who->name.p : "unnamed",
	             who->dim);
	if (n > 0 && c->nlist + (size_t)n < sizeof c->list)
		c->nlist += (size_t)n;
	else
		c->list[c->nlist] = 0;
	if (c->rc == 0 && who->dim == c->cue->dim && (!named || eng_str_eq(who->name, c->cue->embedder)) &&
	    c->nfits++ == 0)
		c->rc = keep(c, &c->fits, who);
	return c->rc;
}

static int check_numbers(const struct eng_cue_vector *cue, struct engram_error *err)
{
	bool zero = true;

	if (cue->dim < ENGRAM_DIM_MIN || cue->dim > ENGRAM_DIM_MAX)
		return eng_err(err, ENGRAM_EINPUT, "cue: vector: wanted %u to %u numbers, found %zu", ENGRAM_DIM_MIN,
		               ENGRAM_DIM_MAX, cue->dim);
	for (size_t i = 0; i < cue->dim; i++) {
		if (!(cue->x[i] - cue->x[i] == 0))
			return eng_err(err, ENGRAM_EINPUT, "cue: vector: number %zu is not finite", i + 1);
		zero = zero && cue->x[i] == 0;
	}
	return zero ? eng_err(err, ENGRAM_EINPUT, "cue: vector: all numbers are zero") : 0;
}

static int no_such(const struct choice *c, struct engram_error *err)
{
	const struct eng_cue_vector *cue = c->cue;
	int r;

	if (c->nfits > 1) {
		r = eng_err(err, ENGRAM_EINPUT, "cue: vector: %zu embedders have %zu numbers: %s", c->nfits, cue->dim,
		            c->list);
		eng_err_hint(err, "name one of them (--embedder)");
		return r;
	}
	if (cue->embedder.p)
		return eng_err(err, ENGRAM_EINPUT, "cue: vector: wanted one of %s, found one of %zu numbers by %.*s",
		               c->list, cue->dim, (int)(cue->embedder.n < 80 ? cue->embedder.n : 80), cue->embedder.p);
	return eng_err(err, ENGRAM_EINPUT, "cue: vector: wanted one of %s, found %zu numbers", c->list, cue->dim);
}

static int use(struct eng_question *q, struct eng_snapshot *snap, const struct choice *c, struct engram_error *err)
{
	uint32_t stride = ENG_VEC_STRIDE((uint32_t)c->cue->dim);
	uint8_t *p = eng_arena_alloc(c->arena, stride + 64);
	int rc;

	q->vectors = eng_arena_alloc(c->arena, sizeof *q->vectors);
	if (!p || !q->vectors)
		return eng_err_nomem(err);
	q->vcodes = (int8_t *)(p + (-(uintptr_t)p & 63));
	eng_vec_quantise(q->vcodes, c->cue->x, c->cue->dim);
	q->vr = eng_vec_norm(q->vcodes, stride);
	rc = eng_snapshot_vectors_begin(q->vectors, snap, &c->fits, err);
	if (rc == 0)
		rc = eng_snapshot_graph(&q->graph, snap, &c->fits, err);
	return rc < 0 ? rc : 0;
}

int eng_ask_vector(struct eng_question *q, struct engram_str *unsearched, struct eng_snapshot *snap,
                   const struct eng_cue_vector *cue, struct eng_arena *arena, struct engram_error *err)
{
	struct choice c = {.cue = cue, .arena = arena};
	int r = cue->dim ? check_numbers(cue, err) : 0;

	if (r < 0 || q->mode == ENGRAM_TEXT_ONLY)
		return r;
	r = eng_snapshot_embedders(snap, look_at, &c, err);
	if (r < 0)
		return c.rc < 0 ? eng_err_nomem(err) : r;
	if (c.n == 0)
		return 0;
	if (cue->dim && c.nfits == 1)
		return use(q, snap, &c, err);
	if (cue->dim && (cue->alone || c.nfits > 1))
		return no_such(&c, err);
	*unsearched = c.first.name.n ? c.first.name : (struct engram_str){"unnamed", 7};
	return 0;
}
