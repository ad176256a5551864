/* store-embed.c - memories that wait for their vectors.
 *
 * With an embedder set, texts are collected, go through the filter together, and
 * only then are put, each with its vector: no memory is ever stored without the
 * vector that it was to have, and a filter that fails stores nothing of what
 * waits.  Order is kept: what needs no vector does not overtake what waits. */
#include <string.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "base/err.h"
#include "store-jobs.h"

#define WAITING_BYTES_MAX (4u << 20)

struct waiting {
	struct batch_place place;
	struct engram_memory memory; /* a copy, in the arena */
	size_t item;                 /* its place in the batch */
};

struct embedding {
	struct engram_embedder *embedder;
	struct eng_arena arena;
	struct waiting *at;
	struct engram_str *texts;
	size_t n, cap, bytes;
};

bool embedding_begin(struct embedding **out, struct cli *cli)
{
	struct engram_embedder *e;
	struct engram_error err = {0};

	*out = NULL;
	if (!embed_open(cli, &e))
		return false;
	if (!e)
		return true;
	*out = eng_calloc(1, sizeof **out);
	if (*out) {
		(*out)->embedder = e;
		return true;
	}
	engram_embedder_close(e);
	eng_err_nomem(&err);
	return cli_fail(cli, &err);
}

void embedding_end(struct embedding *w)
{
	if (!w)
		return;
	engram_embedder_close(w->embedder);
	eng_arena_free(&w->arena);
	eng_free(w->at);
	eng_free(w->texts);
	eng_free(w);
}

bool embedding_wants(const struct embedding *w, const struct engram_memory *m)
{
	return w && (m->has & ENGRAM_TEXT) && m->text.n > 0 && !(m->has & ENGRAM_VECTOR) && m->nconflicts == 0;
}

static bool grow(struct embedding *w)
{
	size_t cap = w->cap, more = w->cap;

	if (!eng_grow(&w->at, &cap, w->n, sizeof *w->at) ||
	    !eng_grow(&w->texts, &more, w->n, sizeof *w->texts))
		return false;
	w->cap = cap;
	return true;
}

static bool copy_str(struct embedding *w, struct engram_str *s)
{
	return !s->p || eng_arena_str(&w->arena, s, *s) == 0;
}

static bool copy_tags(struct embedding *w, struct engram_memory *m)
{
	struct engram_str *tags = m->ntags ? eng_arena_dup(&w->arena, m->tags, m->ntags * sizeof *tags) : NULL;

	if (m->ntags == 0)
		return true;
	for (size_t i = 0; tags && i < m->ntags; i++)
		if (!copy_str(w, &tags[i]))
			return false;
	m->tags = tags;
	return tags != NULL;
}

static bool copy_links(struct embedding *w, struct engram_memory *m)
{
	struct engram_link *links = m->nlinks ? eng_arena_dup(&w->arena, m->links, m->nlinks * sizeof *links) : NULL;

	if (m->nlinks == 0)
		return true;
	for (size_t i = 0; links && i < m->nlinks; i++)
		if (!copy_str(w, &links[i].key) || !copy_str(w, &links[i].relation))
			return false;
	m->links = links;
	return links != NULL;
}

bool embedding_add(struct embedding *w, struct batch_place place, const struct engram_memory *m, size_t item)
{
	struct engram_memory copy = *m;

	if (!grow(w) || !copy_str(w, &copy.text) || !copy_str(w, &copy.key) || !copy_str(w, &copy.source) ||
	    !copy_str(w, &copy.actor) || !copy_str(w, &copy.meta) || !copy_tags(w, &copy) || !copy_links(w, &copy))
		return false;
	w->at[w->n] = (struct waiting){place, copy, item};
	w->texts[w->n++] = copy.text;
	w->bytes += copy.text.n;
	return true;
}

bool embedding_full(const struct embedding *w)
{
	return w->n >= engram_embedder_batch(w->embedder) || w->bytes >= WAITING_BYTES_MAX;
}

static void forget_waiting(struct embedding *w)
{
	w->n = w->bytes = 0;
	eng_arena_reset(&w->arena);
}

int embedding_flush(struct embedding *w, embedding_put_fn *put, void *data, struct engram_error *err)
{
	const float *const *vectors;
	size_t dim;
	int r;

	if (!w || w->n == 0)
		return 0;
	r = engram_embed(w->embedder, &vectors, &dim, w->texts, w->n, err);
	for (size_t i = 0; r == 0 && i < w->n; i++) {
		struct engram_memory *m = &w->at[i].memory;
		if (vectors[i]) {
			m->has |= ENGRAM_VECTOR;
			m->vector = vectors[i];
			m->dim = dim;
			m->embedder = (struct engram_str){engram_embedder_identity(w->embedder),
			                                  strlen(engram_embedder_identity(w->embedder))};
		}
		r = put(data, w->at[i].place, m, w->at[i].item, err);
	}
	forget_waiting(w);
	return r;
}
