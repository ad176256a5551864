/* folded.c - the view file that the state names.
 *
 * One is open for each generation of a handle; snapshots that were taken before a
 * fold keep the one before it.  A view file is never changed, so which one it is,
 * is all there is to ask: its digest must be the one that the fold noted. */
#include "space/space_int.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/alloc.h"

void eng_view_name(char out[ENG_VIEW_NAME_MAX], uint64_t number)
{
	snprintf(out, ENG_VIEW_NAME_MAX, "view.%016" PRIx64 ".mdb", number);
}

int eng_view_in_use(char out[ENG_VIEW_NAME_MAX], struct engram_space *s)
{
	struct eng_meta m;
	struct eng_txn *t;
	int r = eng_txn_begin(&t, s->gen->store, false, NULL);

	if (r < 0)
		return r;
	r = eng_meta_load(&m, t, &s->id, NULL);
	eng_txn_abort(t);
	if (r < 0)
		return r;
	eng_view_name(out, m.view);
	return m.view != 0;
}

void eng_folded_unref(struct eng_folded *f)
{
	if (!f || --f->refs > 0)
		return;
	eng_fold_close(f->fold);
	eng_free(f);
}

static int open_file(struct eng_folded *f, struct engram_space *s, const struct eng_meta *m, struct engram_error *err)
{
	char name[ENG_VIEW_NAME_MAX], path[ENG_PATH_MAX];
	int r;

	eng_view_name(name, m->view);
	if (!eng_path(path, s->dir, "%s", name))
		return eng_err(err, ENGRAM_EUSAGE, "%s: path too long", s->dir);
	r = eng_fold_open(&f->fold, s->sys, path, &s->id, err);
	if (r == 0 && memcmp(eng_fold_info(f->fold)->digest, m->view_digest, ENG_FOLD_HASH) != 0)
		r = eng_err(err, ENGRAM_EVERSION, "%s: it is not the one that the state was folded into", path);
	return r;
}

int eng_folded_open(struct eng_folded **out, struct engram_space *s, struct eng_gen *g, const struct eng_meta *m,
                    struct engram_error *err)
{
	struct eng_folded *f = g->folded;
	int r;

	if (!f || f->number != m->view) {
		f = eng_calloc(1, sizeof *f);
		if (!f)
			return eng_err_nomem(err);
		*f = (struct eng_folded){.refs = 1, .number = m->view};
		r = open_file(f, s, m, err);
		if (r < 0) {
			eng_folded_unref(f);
			return r;
		}
		eng_folded_unref(g->folded);
		g->folded = f;
	}
	f->refs++;
	*out = f;
	return 0;
}

void eng_identity_key(uint8_t out[ENG_FOLD_KEY], const struct eng_embedder *who)
{
	memset(out, 0, ENG_FOLD_KEY);
	if (who)
		eng_embedder_key(out, who);
}

const struct eng_hnsw_block *eng_graph_block(struct eng_hnsw *g, uint32_t block)
{
	struct eng_hnsw_block *b = &g->blocks[block];

	if (!b->codes && (!g->fetch || g->fetch(g->ctx, b, block) < 0))
		return NULL;
	return b;
}
