/* fold_look.c - what a fold would find, once the frames that wait are applied.
 *
 * A run takes those in first; a look may not write, so it works out what they change
 * of the rows and nodes that the state has: the overlay of a snapshot is what they
 * come to, read by the functions that apply uses. */
#include "space/fold_int.h"
#include "space/snapshot_int.h"

#include "base/alloc.h"

int eng_fold_look_open(struct eng_snapshot **out, struct eng_txn **t, struct eng_folded **old, struct engram_space *s,
                       struct engram_error *err)
{
	int r = eng_snapshot_open(out, s, ENG_SNAP_ROWS, err);

	if (r < 0)
		return r;
	*t = (*out)->view.txn;
	*old = (*out)->folded;
	if (*old)
		(*old)->refs++;
	return (*out)->unfolded.code;
}

struct look {
	struct eng_identity_rows *of;
	struct eng_snapshot *s;
	const struct eng_embedder *who; /* NULL: hash/1 */
	struct eng_snapshot_vectors vectors;
};

/* The document that the state has for a memory of the overlay, or ENG_NO_DOC. */
static uint32_t before(struct eng_snapshot *s, uint32_t raw)
{
	const struct engram_id *id = &s->raw[raw].item.id;
	struct eng_bytes value;

	if (!s->view.txn || eng_txn_get(s->view.txn, ENG_T_ITEMS, eng_bytes(id->b, sizeof id->b), &value) != 1 ||
	    value.n < 16)
		return ENG_NO_DOC;
	return eng_get32((const uint8_t *)value.p + 8);
}

static bool codes_of(struct look *l, uint32_t doc, int8_t *codes)
{
	return l->who ? eng_snapshot_vectors_codes(&l->vectors, doc, codes) : eng_snapshot_codes(l->s, doc, codes);
}

/* The vector of a document of the state stands in a node, else in a row. */
static void leave(struct look *l, uint32_t doc, int32_t by)
{
	if (l->of->nodes && eng_node_of(l->s->view.txn, l->of->number, doc) != ENG_HNSW_NONE)
		l->of->gone += (uint32_t)by;
	else
		l->of->tail -= (uint32_t)by;
}

static void look_at(struct look *l, int8_t *was, int8_t *is)
{
	struct eng_snapshot *s = l->s;

	for (size_t i = 0; i < s->nmasked; i++)
		if (codes_of(l, s->masked[i], was))
			leave(l, s->masked[i], 1);
	for (uint32_t i = 0; i < s->nraw; i++) {
		uint32_t doc = before(s, i);
		if (!codes_of(l, ENG_DOC_RAW + i, is))
			continue;
		if (doc != ENG_NO_DOC && codes_of(l, doc, was) && memcmp(was, is, l->of->rows.stride) == 0)
			leave(l, doc, -1);
		else
			l->of->tail++;
	}
}

int eng_fold_look(struct eng_identity_rows *of, struct eng_snapshot *s, const struct eng_embedder *who,
                  struct engram_error *err)
{
	struct look l = {.of = of, .s = s, .who = who};
	int8_t *codes = eng_calloc(2, of->rows.stride);
	int r = codes ? 0 : eng_err_nomem(err);

	if (r == 0 && who)
		r = eng_snapshot_vectors_begin(&l.vectors, s, who, err);
	if (r == 0)
		look_at(&l, codes, codes + of->rows.stride);
	eng_free(codes);
	return r;
}
