/* revise.c - revision frames: some fields of a memory change.
 *
 * A revision names the elements it replaces, those that it saw and that are not
 * dead yet: of a field every statement, the one that counts and those that lost
 * to it (so it settles conflicts), of a tag every add (one left alive would keep
 * the tag), of a vector those of the same embedder.  Concurrent revisions do not
 * name each other; then the newer counts everywhere, and the others are kept as
 * conflicts.
 *
 * A vector stated without its text says of which text it was made: another
 * writer, here or elsewhere, may change the text at the same time. */
#include <stdlib.h>

#include "base/alloc.h"
#include "space/writer_int.h"

struct refs {
	struct eng_arena *arena;
	struct eng_ref *at;
	size_t n, cap;
	bool failed;
};

static void add_ref(struct refs *refs, const struct eng_dot_record *d, uint32_t index)
{
	if (refs->failed)
		return;
	if (refs->n == refs->cap) {
		size_t cap = refs->cap ? 2 * refs->cap : 16;
		struct eng_ref *at = eng_arena_alloc(refs->arena, cap * sizeof *at);
		if (!at) {
			refs->failed = true;
			return;
		}
		if (refs->n)
			memcpy(at, refs->at, refs->n * sizeof *at);
		refs->at = at;
		refs->cap = cap;
	}
	refs->at[refs->n++] = (struct eng_ref){d->dot, d->header_check, index};
}

static void replace_winner(struct refs *refs, const struct eng_winner *w)
{
	add_ref(refs, w->dot, w->element->index);
}

static bool is_of(const struct eng_winner *vector, const struct engram_memory *m)
{
	struct eng_embedder who = eng_vector_embedder(vector);

	return m->has & ENGRAM_VECTOR && who.dim == m->dim && eng_str_eq(who.name, m->embedder);
}

/* -- fields and tags ---------------------------------------------------------------- */

static unsigned field_of(const struct eng_element *e)
{
	static const unsigned fields[] = {
		[ENG_EL_TEXT] = ENGRAM_TEXT,         [ENG_EL_CONFIDENCE] = ENGRAM_CONFIDENCE,
		[ENG_EL_OCCURRED] = ENGRAM_OCCURRED, [ENG_EL_VALID_UNTIL] = ENGRAM_VALID_UNTIL,
		[ENG_EL_SOURCE] = ENGRAM_SOURCE,     [ENG_EL_ACTOR] = ENGRAM_ACTOR,
		[ENG_EL_META] = ENGRAM_META,         [ENG_EL_KIND] = ENGRAM_KIND,
	};
	uint16_t field = eng_element_field(e);

	return field < ENG_COUNT(fields) ? fields[field] : 0;
}

static bool is_tag_of(const struct eng_element *e, bool all, const struct engram_str *untag, size_t nuntag)
{
	struct engram_str tag = {(const char *)e->p, e->n};

	if (e->type != ENG_EL_TAG)
		return false;
	for (size_t i = 0; !all && i < nuntag; i++)
		if (eng_str_eq(tag, untag[i]))
			return true;
	return all;
}

/* All that is said of these fields and tags: also what lost, for it was seen.  Of
 * vectors those that count, and those that were made of no text: these may lose
 * to one another. */
static int replace_stated(struct refs *refs, const struct eng_item *item, const struct eng_reading *reading,
                          const struct engram_memory *m, unsigned clear, const struct engram_str *untag,
                          size_t nuntag, struct engram_error *err)
{
	struct eng_winner *stated;
	size_t n;
	int r = eng_item_stated(item, &stated, &n, err);

	for (size_t i = 0; r == 0 && i < n; i++)
		if (field_of(stated[i].element) & (m->has | clear) ||
		    is_tag_of(stated[i].element, clear & ENGRAM_TAGS, untag, nuntag) ||
		    (eng_own_vector(&stated[i]) && (clear & ENGRAM_VECTOR || is_of(&stated[i], m))))
			replace_winner(refs, &stated[i]);
	for (size_t i = 0; r == 0 && i < reading->nvectors; i++)
		if (!eng_own_vector(&reading->vectors[i]) && (clear & ENGRAM_VECTOR || is_of(&reading->vectors[i], m)))
			replace_winner(refs, &reading->vectors[i]);
	return r == 0 && refs->failed ? eng_err_nomem(err) : r;
}

/* -- the frame -------------------------------------------------------------------- */

static int queue(struct engram_writer *w, const struct engram_id *id, const struct refs *refs,
                 const struct engram_memory *m, uint64_t made_of, unsigned clear, struct engram_error *err)
{
	const struct eng_ref *at = refs->at;
	size_t n = refs->n;
	struct engram_memory said = *m; /* what `m` says of others is not meant */
	struct eng_payload_out o;
	int r = eng_writer_spill(w, id, &at, &n, err);

	said.cleared = 0;
	said.nconflicts = 0;
	if (r == 0)
		r = eng_writer_begin(&o, w, id, 1, at, n, err);
	if (r < 0)
		return r;
	eng_draft_elements(&o, &said);
	if (made_of)
		eng_payload_u64(&o, ENG_EL_MADE_OF, made_of);
	eng_draft_clears(&o, clear);
	return eng_writer_end(&o, w, ENG_REVISION, err);
}

static int not_there(const struct engram_id *id, const struct eng_item *item, struct engram_error *err)
{
	char text[ENGRAM_ID_TEXT + 1];
	int r;

	if (item->ndots == 0)
		return eng_no_such_id(id, err);
	engram_id_format(text, id);
	r = eng_err(err, ENGRAM_ENOID, "the memory %s is forgotten", text);
	eng_err_object(err, text);
	return r;
}

/* XXH3-64 of the text that is shown; 0 = there is none. */
static uint64_t text_hash(const struct eng_reading *r)
{
	return r->text.dot ? r->text.dot->hashes[r->text.element - r->text.dot->elements] : 0;
}

static int look(struct engram_writer *w, struct eng_item *item, struct eng_reading *reading, const struct engram_id *id,
                bool drafts_too, struct engram_error *err)
{
	uint32_t doc;
	int r = 0;

	eng_writer_apply(w, false);
	if (drafts_too || !w->viewing)
		r = eng_writer_look(w, err);
	if (r < 0)
		return r;
	eng_arena_reset(&w->arena);
	*reading = (struct eng_reading){0};
	r = eng_view_item(&w->view, item, &doc, id, &w->arena, err);
	if (r == 0 && item->ndots > 0)
		r = eng_item_read(item, reading, err);
	return r;
}

static int revise(struct engram_writer *w, const struct engram_id *id, const struct eng_item *item,
                  const struct eng_reading *reading, const struct engram_memory *m, unsigned clear,
                  const struct engram_str *untag, size_t nuntag, struct engram_error *err)
{
	struct refs refs = {.arena = &w->arena};
	uint64_t made_of = (m->has & (ENGRAM_VECTOR | ENGRAM_TEXT)) == ENGRAM_VECTOR ? text_hash(reading) : 0;
	int r = replace_stated(&refs, item, reading, m, clear, untag, nuntag, err);

	if (r < 0)
		return r;
	if (refs.n == 0 && m->has == 0 && !(clear & ~(unsigned)ENGRAM_TAGS))
		return 0; /* tags that it does not have */
	return queue(w, id, &refs, m, made_of, clear, err);
}

int engram_revise(struct engram_writer *w, const struct engram_id *id, const struct engram_memory *m, unsigned clear,
                  const struct engram_str *untag, size_t nuntag, struct engram_error *err)
{
	struct eng_reading reading;
	struct eng_item item;
	int r = eng_writer_check(w, err);

	if (r == 0)
		r = eng_revision_validate(m, clear, untag, nuntag, err);
	if (r == 0)
		r = look(w, &item, &reading, id, true, err);
	if (r == 0 && !reading.live)
		r = not_there(id, &item, err);
	return r < 0 ? r : revise(w, id, &item, &reading, m, clear, untag, nuntag, err);
}

int eng_writer_vector(struct engram_writer *w, const struct engram_id *id, uint64_t made_of,
                      const struct engram_memory *m, struct engram_error *err)
{
	struct eng_reading reading;
	struct eng_item item;
	int r = eng_writer_check(w, err);

	if (r == 0)
		r = eng_revision_validate(m, 0, NULL, 0, err);
	if (r == 0)
		r = look(w, &item, &reading, id, false, err);
	if (r < 0)
		return r;
	if (!reading.live || text_hash(&reading) != made_of)
		return 0;
	r = revise(w, id, &item, &reading, m, 0, NULL, 0, err);
	if (r == 0 && (w->ndrafts >= DRAFT_FRAMES || w->payloads.n >= DRAFT_BYTES))
		r = eng_writer_append(w, err);
	return r < 0 ? r : 1;
}
