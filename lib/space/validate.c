/* validate.c - what a memory may say.
 *
 * Everything is refused here, before a byte is hashed or written, with the
 * field and the place in it.  What is accepted can be printed, exported and
 * imported again byte for byte: hence UTF-8 without NUL everywhere. */
#include "space/space_int.h"

#include <math.h>

#include "base/json.h"
#include "base/num.h"
#include "base/utf8.h"

static int check_text(const char *field, struct engram_str s, size_t max, struct engram_error *err)
{
	const char *nul;
	size_t at;

	if (!s.p && s.n > 0)
		return eng_err(err, ENGRAM_EUSAGE, "%s: no bytes", field);
	if (s.n > max)
		return eng_err(err, ENGRAM_EINPUT, "%s: wanted at most %zu bytes, found %zu", field, max, s.n);
	at = eng_utf8_check(s.p, s.n);
	if (at < s.n)
		return eng_err(err, ENGRAM_EINPUT, "%s: byte %zu: not UTF-8", field, at);
	nul = s.n ? memchr(s.p, 0, s.n) : NULL;
	if (nul)
		return eng_err(err, ENGRAM_EINPUT, "%s: byte %zu: NUL", field, (size_t)(nul - s.p));
	return 0;
}

static int check_body_text(const struct engram_memory *m, struct engram_error *err)
{
	int r = check_text("text", m->text, ENGRAM_TEXT_MAX, err);

	if (r == ENGRAM_EINPUT && m->text.n > ENGRAM_TEXT_MAX)
		eng_err_hint(err, "split it into several memories, each with the same --source");
	return r;
}

static int check_nonempty(const char *field, struct engram_str s, struct engram_error *err)
{
	return s.n == 0 ? eng_err(err, ENGRAM_EINPUT, "%s: wanted at least one byte", field)
	                : check_text(field, s, ENGRAM_FIELD_MAX, err);
}

static int check_meta(struct engram_str meta, struct engram_error *err)
{
	enum eng_json_token t;
	struct eng_json j = {0};
	int r = check_text("meta", meta, ENGRAM_META_MAX, err);

	if (r < 0)
		return r;
	eng_json_begin(&j, meta.p, meta.n);
	t = eng_json_next(&j);
	if (t > ENG_JSON_END && t != ENG_JSON_OBJECT)
		r = eng_err(err, ENGRAM_EINPUT, "meta: wanted a JSON object, found %s", eng_json_token_name(t));
	while (r == 0 && t > ENG_JSON_END)
		t = eng_json_next(&j);
	if (r == 0 && t == ENG_JSON_BAD) {
		r = eng_json_err(&j, err);
		eng_err_prefix(err, "meta");
	}
	eng_json_free(&j);
	return r;
}

static int check_tags(const struct engram_str *tags, size_t n, struct engram_error *err)
{
	int r = 0;

	if (n > ENGRAM_TAGS_MAX)
		return eng_err(err, ENGRAM_EINPUT, "tags: wanted at most %u, found %zu", ENGRAM_TAGS_MAX, n);
	for (size_t i = 0; r == 0 && i < n; i++)
		r = check_nonempty("tag", tags[i], err);
	return r;
}

/* Of an identity NAME/VERSION/DIM/TYPE, DIM; 0 where it is none. */
static uint64_t stated_dim(struct engram_str embedder)
{
	const char *at[3] = {NULL, NULL, NULL};
	size_t slashes = 0;
	uint64_t dim = 0;

	for (size_t i = 0; i < embedder.n; i++)
		if (embedder.p[i] == '/' && slashes++ < 3)
			at[slashes - 1] = embedder.p + i + 1;
	if (slashes != 3 || !eng_parse_u64(&dim, at[1], (size_t)(at[2] - 1 - at[1])))
		return 0;
	return dim;
}

static int check_embedder(const struct engram_memory *m, struct engram_error *err)
{
	uint64_t dim = stated_dim(m->embedder);
	int r = check_text("embedder", m->embedder, ENGRAM_FIELD_MAX, err);

	if (r == 0 && dim && dim != m->dim)
		r = eng_err(err, ENGRAM_EINPUT, "vector: wanted %llu numbers, as its embedder says, found %zu",
		            (unsigned long long)dim, m->dim);
	if (r == 0 && m->embedder.n >= 5 && memcmp(m->embedder.p, "hash/", 5) == 0)
		r = eng_err(err, ENGRAM_EINPUT, "embedder: \"hash\" is the built-in one, whose vectors are never stated");
	return r;
}

/* Whether all of n are finite; *any: one is not zero.  By their bits, so that runs
 * of known length become SIMD. */
static bool all_finite(bool *any, const float *x, size_t n)
{
	const int32_t largest = 0x7f7fffff; /* FLT_MAX; above it lie the infinite and what is no number */
	int32_t beyond = 0, some = 0;

	for (size_t i = 0; i < n; i++) {
		int32_t bits;

		memcpy(&bits, &x[i], sizeof bits);
		bits &= INT32_MAX;
		beyond |= largest - bits;
		some |= bits;
	}
	*any = *any || some;
	return beyond >= 0;
}

static int check_numbers(const float *x, size_t dim, struct engram_error *err)
{
	enum { RUN = 64 };
	bool any = false, finite = true;
	size_t at = 0;

	for (; finite && at + RUN <= dim; at += RUN)
		finite = all_finite(&any, x + at, RUN);
	finite = finite && all_finite(&any, x + at, dim - at);
	for (size_t i = 0; !finite && i < dim; i++)
		if (!isfinite(x[i]))
			return eng_err(err, ENGRAM_EINPUT, "vector: number %zu is not finite", i);
	return any ? 0 : eng_err(err, ENGRAM_EINPUT, "vector: all numbers are zero");
}

static int check_vector(const struct engram_memory *m, struct engram_error *err)
{
	int r;

	if (m->dim < ENGRAM_DIM_MIN || m->dim > ENGRAM_DIM_MAX)
		return eng_err(err, ENGRAM_EINPUT, "vector: wanted %u to %u numbers, found %zu", ENGRAM_DIM_MIN,
		               ENGRAM_DIM_MAX, m->dim);
	if (!m->vector)
		return eng_err(err, ENGRAM_EUSAGE, "vector: no numbers");
	r = check_numbers(m->vector, m->dim, err);
	return r < 0 ? r : check_embedder(m, err);
}

/* Years 1 to 9999: what every printed form can show. */
static int check_time(const char *field, int64_t us, struct engram_error *err)
{
	const int64_t first = -62135596800000000, end = 253402300800000000;

	if (us < first || us >= end)
		return eng_err(err, ENGRAM_EINPUT, "%s: wanted a time of the years 1 to 9999", field);
	return 0;
}

int eng_link_validate(const struct engram_link *l, struct engram_error *err)
{
	const size_t n = l->relation.p ? l->relation.n : 0;

	if (n ? !eng_relation_ok(l->relation.p, n) : l->relation.n > 0)
		return eng_err(err, ENGRAM_EINPUT,
		               "relation: wanted up to %u of a-z, 0-9, \".\", \"_\", \"-\", found \"%.*s\"",
		               ENGRAM_RELATION_MAX, (int)(n < 80 ? n : 80), n ? l->relation.p : "");
	if (l->weight > ENGRAM_CONFIDENCE_ONE)
		return eng_err(err, ENGRAM_EINPUT, "weight: wanted 0 to 1, found %u/%u", l->weight,
		               ENGRAM_CONFIDENCE_ONE);
	if (l->confidence == 0 || l->confidence > ENGRAM_CONFIDENCE_ONE)
		return eng_err(err, ENGRAM_EINPUT, "confidence: wanted more than 0, up to 1, found %u/%u",
		               l->confidence, ENGRAM_CONFIDENCE_ONE);
	return l->key.p ? check_nonempty("key", l->key, err) : 0;
}

static int check_links(const struct engram_link *links, size_t n, struct engram_error *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < n; i++) {
		r = eng_link_validate(&links[i], err);
		if (r < 0)
			eng_err_prefix(err, "links: %zu", i + 1);
	}
	return r;
}

static int check_fields(const struct engram_memory *m, struct engram_error *err)
{
	int r = 0;

	if (m->has & ENGRAM_TEXT)
		r = check_body_text(m, err);
	if (r == 0 && m->has & ENGRAM_SOURCE)
		r = check_text("source", m->source, ENGRAM_FIELD_MAX, err);
	if (r == 0 && m->has & ENGRAM_ACTOR)
		r = check_text("actor", m->actor, ENGRAM_FIELD_MAX, err);
	if (r == 0 && m->has & ENGRAM_META)
		r = check_meta(m->meta, err);
	if (r == 0 && m->has & ENGRAM_TAGS)
		r = check_tags(m->tags, m->ntags, err);
	if (r == 0 && m->has & ENGRAM_LINKS)
		r = check_links(m->links, m->nlinks, err);
	if (r == 0 && m->has & ENGRAM_VECTOR)
		r = check_vector(m, err);
	if (r == 0 && m->has & ENGRAM_OCCURRED)
		r = check_time("occurred", m->occurred_us, err);
	if (r == 0 && m->has & ENGRAM_VALID_UNTIL)
		r = check_time("valid_until", m->valid_until_us, err);
	if (r == 0 && m->has & ENGRAM_STORED)
		r = check_time("stored", m->stored_us, err);
	if (r == 0 && m->has & ENGRAM_CONFIDENCE && m->confidence > ENGRAM_CONFIDENCE_ONE)
		r = eng_err(err, ENGRAM_EINPUT, "confidence: wanted 0 to 1, found %u/%u", m->confidence,
		            ENGRAM_CONFIDENCE_ONE);
	if (r == 0 && m->has & ENGRAM_KIND && m->kind != ENGRAM_EPISODE && m->kind != ENGRAM_CONCEPT)
		r = eng_err(err, ENGRAM_EINPUT, "kind: wanted episode or concept, found %d", (int)m->kind);
	return r;
}

static int check_stated(const struct engram_memory *m, struct engram_error *err)
{
	const unsigned clearable = ENGRAM_TEXT | ENGRAM_CONFIDENCE | ENGRAM_OCCURRED | ENGRAM_VALID_UNTIL |
	                           ENGRAM_SOURCE | ENGRAM_ACTOR | ENGRAM_META | ENGRAM_VECTOR;
	int r = check_fields(m, err);

	if (r == 0 && m->cleared & (m->has | ~clearable))
		r = eng_err(err, ENGRAM_EUSAGE, "put: a field is set and cleared at once, or cannot be cleared");

	if (r == 0 && m->has & ENGRAM_KEY)
		r = check_nonempty("key", m->key, err);
	return r;
}

static int check_body(const struct engram_memory *m, struct engram_error *err)
{
	if (!(m->has & ENGRAM_TEXT && m->text.n > 0) && !(m->has & ENGRAM_VECTOR))
		return eng_err(err, ENGRAM_EINPUT, "text: wanted at least one byte, or a vector");
	return 0;
}

/* It need not state a text: a revision may have changed one field. */
static int check_conflict(const struct engram_memory *m, struct engram_error *err)
{
	const unsigned unsaid = ENGRAM_ID | ENGRAM_KEY | ENGRAM_STORED;
	int r = check_stated(m, err);

	if (r == 0 && !(m->has & ~unsaid) && !m->cleared)
		r = eng_err(err, ENGRAM_EINPUT, "wanted a field, found none");
	return r == 0 && m->has & ENGRAM_TEXT ? check_body(m, err) : r;
}

int engram_check(const struct engram_memory *m, struct engram_error *err)
{
	int r = m ? check_stated(m, err) : eng_err(err, ENGRAM_EUSAGE, "put: no memory");

	if (r == 0)
		r = check_body(m, err);
	if (r == 0 && m->nconflicts && !(m->has & (ENGRAM_ID | ENGRAM_KEY)))
		r = eng_err(err, ENGRAM_EINPUT, "conflicts: wanted an id or a key that they share, found none");
	for (size_t i = 0; r == 0 && i < m->nconflicts; i++) {
		r = check_conflict(&m->conflicts[i], err);
		if (r < 0)
			eng_err_prefix(err, "conflict %zu", i);
	}
	return r;
}

int eng_revision_validate(const struct engram_memory *m, unsigned clear, const struct engram_str *untag,
                          size_t nuntag, struct engram_error *err)
{
	const unsigned fixed = ENGRAM_KEY | ENGRAM_ID | ENGRAM_STORED | ENGRAM_LINKS;
	int r;

	if ((m->has | clear) & fixed)
		return eng_err(err, ENGRAM_EUSAGE,
		               "revise: key, id and stored of a memory never change, links are added apart");
	if (clear & ENGRAM_KIND)
		return eng_err(err, ENGRAM_EUSAGE, "revise: the kind cannot be cleared: state the other one");
	if (m->has & clear & ~(unsigned)ENGRAM_TAGS)
		return eng_err(err, ENGRAM_EUSAGE, "revise: a field is set and cleared at once");
	if (m->has == 0 && clear == 0 && nuntag == 0)
		return eng_err(err, ENGRAM_EUSAGE, "revise: nothing to change");
	if (clear & ENGRAM_TEXT)
		return eng_err(err, ENGRAM_EUSAGE, "revise: the text cannot be cleared: forget the memory");
	if (m->has & ENGRAM_TEXT && m->text.n == 0)
		return eng_err(err, ENGRAM_EINPUT, "text: wanted at least one byte");
	r = check_fields(m, err);
	return r == 0 ? check_tags(untag, nuntag, err) : r;
}
