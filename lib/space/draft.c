/* draft.c - a memory as the elements of a frame, and back for comparing.
 *
 * Elements stand in the order of their types, tags sorted and each once: equal
 * memories give equal bytes. */
#include "space/space_int.h"

#include <stdlib.h>

#include "base/alloc.h"

static void add_str(struct eng_payload_out *o, uint16_t type, struct engram_str s)
{
	eng_payload_element(o, type, s.p ? s.p : "", s.n);
}

static int by_bytes(const void *a, const void *b)
{
	const struct engram_str *x = a, *y = b;
	size_t n = x->n < y->n ? x->n : y->n;
	int c = n ? memcmp(x->p, y->p, n) : 0;

	return c ? c : (x->n > y->n) - (x->n < y->n);
}

static void add_tags(struct eng_payload_out *o, const struct engram_memory *m)
{
	struct engram_str sorted[ENGRAM_TAGS_MAX];
	size_t n = m->ntags < ENGRAM_TAGS_MAX ? m->ntags : ENGRAM_TAGS_MAX;

	if (n == 0)
		return;
	memcpy(sorted, m->tags, n * sizeof *sorted);
	qsort(sorted, n, sizeof *sorted, by_bytes);
	for (size_t i = 0; i < n; i++)
		if (i == 0 || !eng_str_eq(sorted[i], sorted[i - 1]))
			add_str(o, ENG_EL_TAG, sorted[i]);
}

/* u16 identity length, identity, zeros to a multiple of 4, floats. */
static void add_vector(struct eng_payload_out *o, const struct engram_memory *m)
{
	size_t head = (2 + m->embedder.n + 3) & ~(size_t)3;
	uint8_t *p = eng_payload_space(o, ENG_EL_VECTOR, head + 4 * m->dim);

	if (!p)
		return;
	memset(p, 0, head);
	eng_set16(p, (uint16_t)m->embedder.n);
	if (m->embedder.n)
		memcpy(p + 2, m->embedder.p, m->embedder.n);
	eng_set_floats(p + head, m->vector, m->dim);
}

/* Fields that a conflict states and the memory does not: it has lost them.  Not
 * said, the conflict's would be the value. */
static unsigned lost(const struct engram_memory *m)
{
	const unsigned fields = ENGRAM_TEXT | ENGRAM_CONFIDENCE | ENGRAM_OCCURRED | ENGRAM_VALID_UNTIL |
	                        ENGRAM_SOURCE | ENGRAM_ACTOR | ENGRAM_META;
	unsigned stated = 0;

	for (size_t i = 0; i < m->nconflicts; i++)
		stated |= m->conflicts[i].has;
	return stated & fields & ~m->has;
}

static bool states_kind(const struct engram_memory *m)
{
	bool stated = m->has & ENGRAM_KIND;

	for (size_t i = 0; i < m->nconflicts; i++)
		stated = stated || m->conflicts[i].has & ENGRAM_KIND;
	return stated;
}

void eng_draft_clears(struct eng_payload_out *o, unsigned fields)
{
	static const struct {
		unsigned field;
		uint16_t type;
	} all[] = {
		{ENGRAM_TEXT, ENG_EL_TEXT},         {ENGRAM_CONFIDENCE, ENG_EL_CONFIDENCE},
		{ENGRAM_OCCURRED, ENG_EL_OCCURRED}, {ENGRAM_VALID_UNTIL, ENG_EL_VALID_UNTIL},
		{ENGRAM_SOURCE, ENG_EL_SOURCE},     {ENGRAM_ACTOR, ENG_EL_ACTOR},
		{ENGRAM_META, ENG_EL_META},         {ENGRAM_VECTOR, ENG_EL_VECTOR},
	};

	for (size_t i = 0; i < ENG_COUNT(all); i++)
		if (fields & all[i].field)
			eng_payload_u32(o, ENG_EL_CLEAR, all[i].type);
}

void eng_draft_elements(struct eng_payload_out *o, const struct engram_memory *m)
{
	if (m->has & ENGRAM_TEXT)
		add_str(o, ENG_EL_TEXT, m->text);
	if (m->has & ENGRAM_KEY)
		add_str(o, ENG_EL_KEY, m->key);
	if (states_kind(m))
		eng_payload_u32(o, ENG_EL_KIND, m->kind);
	if (m->has & ENGRAM_CONFIDENCE)
		eng_payload_u32(o, ENG_EL_CONFIDENCE, m->confidence);
	if (m->has & ENGRAM_OCCURRED)
		eng_payload_u64(o, ENG_EL_OCCURRED, (uint64_t)m->occurred_us);
	if (m->has & ENGRAM_VALID_UNTIL)
		eng_payload_u64(o, ENG_EL_VALID_UNTIL, (uint64_t)m->valid_until_us);
	if (m->has & ENGRAM_SOURCE)
		add_str(o, ENG_EL_SOURCE, m->source);
	if (m->has & ENGRAM_ACTOR)
		add_str(o, ENG_EL_ACTOR, m->actor);
	if (m->has & ENGRAM_META)
		add_str(o, ENG_EL_META, m->meta);
	if (m->has & ENGRAM_TAGS)
		add_tags(o, m);
	if (m->has & ENGRAM_VECTOR)
		add_vector(o, m);
	if (m->has & ENGRAM_STORED)
		eng_payload_u64(o, ENG_EL_STORED, (uint64_t)m->stored_us);
	eng_draft_clears(o, m->cleared | lost(m));
}

/* The next element that takes part in the comparison.  A vector that is not asked
 * for was made of the text when it came in: importing the text again changes
 * nothing. */
static int next_stated(struct eng_elements *e, struct eng_element *out, unsigned has)
{
	int r;

	do
		r = eng_elements_next(e, out);
	while (r == 1 && (out->type == ENG_EL_SESSION || (out->type == ENG_EL_STORED && !(has & ENGRAM_STORED)) ||
	                   (out->type == ENG_EL_VECTOR && !(has & ENGRAM_VECTOR))));
	return r;
}

static bool begin(struct eng_elements *e, const uint8_t *payload, size_t n)
{
	struct eng_prelude p;

	if (eng_prelude_decode(&p, payload, n, NULL) < 0)
		return false;
	eng_elements_begin(e, &p, payload, n);
	return true;
}

bool eng_draft_equal(const uint8_t *payload, size_t n, const struct engram_memory *m, struct eng_buf *scratch)
{
	struct eng_payload_out o;
	struct eng_elements a, b;
	struct eng_element x, y;
	int ra, rb;

	eng_buf_reset(scratch);
	eng_payload_begin(&o, scratch, NULL, 0, NULL, 0, NULL);
	eng_draft_elements(&o, m);
	eng_payload_end(&o);
	if (scratch->failed || !begin(&a, payload, n) || !begin(&b, scratch->p, scratch->n))
		return false;
	do {
		ra = next_stated(&a, &x, m->has);
		rb = next_stated(&b, &y, m->has);
		if (ra != rb || ra < 0)
			return false;
		if (ra == 1 && (x.type != y.type || x.n != y.n || memcmp(x.p, y.p, x.n) != 0))
			return false;
	} while (ra == 1);
	return true;
}
