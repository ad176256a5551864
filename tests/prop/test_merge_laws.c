/* test_merge_laws.c - laws that hold for every set of frames.
 *
 * A case is a random set of frames about one id: memory, revision, forget, use
 * and feedback frames of three series, with equal stamps across series, refs to frames and
 * elements, forks, runs, cleared fields; and deliveries of it in random
 * order, with duplicates, cut into batches at random (between two batches the
 * item is encoded and decoded, as the state does).
 *
 *   join        every delivery gives equal bytes, reading and digest
 *   model       the reading is the one that `model` below works out from the
 *               rules, looking at the specs and never at a payload
 *   stubs       forgotten bodies may arrive as stubs or in full
 *   monotone    what is dead stays dead, whatever is added
 *   apart       sets that read differently have different digests
 *   sums        digests kept up by addition and subtraction are those of the
 *               whole computed anew
 *
 * laws.h has the loop and its seeds. */
#include "../lib/frames.h"
#include "laws.h"

#include "base/le.h"
#include "merge/digest.h"

enum { FRAMES_MAX = 14, TEXT = 4096 };

struct sample {
	struct frames f;
	struct frame_spec spec[FRAMES_MAX]; /* spec[i] made f.v[i] */
	size_t n;
};

static struct engram_error err;

/* -- random sets --------------------------------------------------------------------- */

static const char *pick(struct eng_rng *g, const char *const *words, size_t n)
{
	return words[eng_rng_below(g, n)];
}

static void random_fields(struct frame_spec *s, struct eng_rng *g)
{
	static const char *const texts[] = {NULL, "x", "y", "y", "a longer text"}, *const sources[] = {NULL, NULL, "s", "t"};
	static const char *const tag_words[] = {NULL, "a", "b", "ab", ""}, *const vectors[] = {NULL, NULL, "v1", "v2"};
	static const char *const features[] = {NULL, "f", "g"};
	static const uint16_t clears[] = {0, 0, 0, ENG_EL_TEXT, ENG_EL_CONFIDENCE, ENG_EL_SOURCE, ENG_EL_VECTOR, ENG_EL_TAG};

	s->text = pick(g, texts, ENG_COUNT(texts));
	s->source = pick(g, sources, ENG_COUNT(sources));
	s->vector = pick(g, vectors, ENG_COUNT(vectors));
	s->confidence = (int)eng_rng_below(g, 3);
	for (int i = 0; i < 2; i++)
		s->tags[i] = pick(g, tag_words, ENG_COUNT(tag_words));
	if (!s->tags[0])
		s->tags[1] = NULL;
	if (eng_rng_below(g, 6) == 0)
		s->stored_us = 1 + (int64_t)eng_rng_below(g, 5);
	s->session = eng_rng_below(g, 3);
	if (s->kind == ENG_FEEDBACK) {
		s->verdict = (int)eng_rng_below(g, 3);
		s->features = pick(g, features, ENG_COUNT(features));
	}
	if (s->kind == ENG_REVISION)
		for (int i = 0; i < 2; i++)
			s->clear[i] = clears[eng_rng_below(g, ENG_COUNT(clears))];
}

static void random_refs(struct frame_spec *s, const struct sample *c, struct eng_rng *g)
{
	size_t n = eng_rng_below(g, 3) ? 0 : eng_rng_below(g, 4);

	for (size_t i = 0; i < n && c->n > 0; i++)
		s->refs[i] = (struct frame_ref){c->f.v[eng_rng_below(g, c->n)],
		                                eng_rng_below(g, 2) ? (uint32_t)eng_rng_below(g, 7) : 0};
}

/* Stamps increase along a series, by little, so that series meet. */
static void random_frame(struct sample *c, eng_stamp last[3], struct eng_rng *g)
{
	static const uint8_t kinds[] = {ENG_MEMORY,   ENG_MEMORY, ENG_MEMORY, ENG_REVISION,
	                                ENG_REVISION, ENG_FORGET, ENG_USE,    ENG_FEEDBACK};
	struct frame_spec *s = &c->spec[c->n];
	unsigned series = (unsigned)eng_rng_below(g, 3);

	*s = (struct frame_spec){.kind = kinds[eng_rng_below(g, ENG_COUNT(kinds))], .series = (char)('A' + series)};
	/* Half an hour now and then, so that some fall into one hour and some do not. */
	s->stamp = last[series] += (1 + eng_rng_below(g, 3) + (eng_rng_below(g, 4) ? 0 : 1800000)) << 16;
	if (s->kind != ENG_FORGET)
		random_fields(s, g);
	s->run = eng_rng_below(g, 20) == 0 && s->kind != ENG_FORGET;
	random_refs(s, c, g);
	if (c->n && eng_rng_below(g, 20) == 0) { /* a fork: the dot of another frame, another content */
		s->series = c->spec[c->n - 1].series;
		s->seq = c->f.v[c->n - 1]->h.seq;
		s->stamp = c->spec[c->n - 1].stamp + (eng_rng_below(g, 2) << 16);
	}
	frames_make(&c->f, s);
	c->n++;
}

static bool is_new(const struct sample *c)
{
	for (size_t i = 0; i + 1 < c->n; i++)
		if (c->f.v[i]->h.seq == c->f.v[c->n - 1]->h.seq &&
		    c->f.v[i]->h.header_check == c->f.v[c->n - 1]->h.header_check)
			return false;
	return true;
}

static void random_sample(struct sample *c, struct eng_rng *g)
{
	size_t want = 1 + eng_rng_below(g, FRAMES_MAX - 1);
	eng_stamp last[3] = {0};

	*c = (struct sample){.f = FRAMES_INIT};
	while (c->n < want) {
		random_frame(c, last, g);
		if (!is_new(c)) /* a fork that came out equal: the same frame */
			c->n--, c->f.n--, free((void *)(uintptr_t)c->f.v[c->f.n]->payload), free(c->f.v[c->f.n]);
	}
}

/* -- the model: slow, and straight from the rules ------------------------------------------ */

struct stated {
	uint16_t type; /* what is stated; a CLEAR states its target */
	bool clear;
	uint32_t index;
	char value[32];
};

static size_t elements_of(struct stated *out, const struct frame_spec *s)
{
	size_t n = 0;

#define EMIT(t, c, ...) \
	do { \
		out[n] = (struct stated){.type = (t), .clear = (c), .index = (uint32_t)n + 1}; \
		snprintf(out[n].value, sizeof out[n].value, __VA_ARGS__); \
		n++; \
	} while (0)
	if (s->kind != ENG_MEMORY && s->kind != ENG_REVISION)
		return 0; /* whatever else a frame holds, it states no field */
	if (s->text)
		EMIT(ENG_EL_TEXT, false, "%s", s->text);
	if (s->confidence)
		EMIT(ENG_EL_CONFIDENCE, false, "%d", s->confidence);
	if (s->source)
		EMIT(ENG_EL_SOURCE, false, "%s", s->source);
	for (int i = 0; i < FRAME_TAGS; i++)
		if (s->tags[i])
			EMIT(ENG_EL_TAG, false, "%s", s->tags[i]);
	if (s->vector)
		EMIT(ENG_EL_VECTOR, false, "%s", s->vector);
	if (s->stored_us)
		EMIT(ENG_EL_STORED, false, "%d", (int)s->stored_us);
	if (s->session)
		EMIT(ENG_EL_SESSION, false, "%d", (int)s->session);
	for (int i = 0; i < 2; i++)
		if (s->clear[i])
			EMIT(s->clear[i], true, "%s", "");
#undef EMIT
	return n;
}

static bool names(const struct frame_ref *r, const struct eng_frame *f, uint32_t index)
{
	return r->to && r->index == index && r->to->h.seq == f->h.seq && r->to->h.header_check == f->h.header_check &&
	       eng_series_cmp(&r->to->h.series, &f->h.series) == 0;
}

/* Whether a frame of the set names frame i (or its element) in its refs. */
static bool named(const struct sample *c, size_t i, uint32_t index)
{
	for (size_t k = 0; k < c->n; k++)
		for (int r = 0; r < FRAME_REFS && !c->spec[k].run; r++)
			if (names(&c->spec[k].refs[r], c->f.v[i], index))
				return true;
	return false;
}

static eng_stamp model_forgotten(const struct sample *c)
{
	eng_stamp most = 0;

	for (size_t i = 0; i < c->n; i++)
		if (c->spec[i].kind == ENG_FORGET && c->spec[i].stamp > most)
			most = c->spec[i].stamp;
	return most;
}

static bool model_live(const struct sample *c, size_t i)
{
	if (c->spec[i].kind == ENG_FORGET)
		return true;
	return !c->spec[i].run && !named(c, i, 0) && c->spec[i].stamp > model_forgotten(c);
}

static int model_order(const struct sample *c, size_t a, size_t b)
{
	const struct eng_header *x = &c->f.v[a]->h, *y = &c->f.v[b]->h;
	int s = eng_series_cmp(&x->series, &y->series);

	if (x->stamp != y->stamp)
		return x->stamp < y->stamp ? -1 : 1;
	if (s)
		return s;
	if (x->seq != y->seq)
		return x->seq < y->seq ? -1 : 1;
	return x->header_check < y->header_check ? -1 : x->header_check > y->header_check;
}

struct claim {
	bool any;
	size_t frame;
	struct stated what;
};

/* The newest live statement of a type in frames of `kind` (0 = either). */
static struct claim newest(const struct sample *c, uint16_t type, uint8_t kind)
{
	struct stated e[16];
	struct claim best = {0};

	for (size_t i = 0; i < c->n; i++) {
		size_t n = elements_of(e, &c->spec[i]);
		if (!model_live(c, i) || (kind && c->spec[i].kind != kind))
			continue;
		for (size_t k = 0; k < n; k++)
			if (e[k].type == type && !named(c, i, e[k].index) &&
			    (!best.any || model_order(c, i, best.frame) >= 0))
				best = (struct claim){true, i, e[k]};
	}
	return best;
}

static struct claim shown(const struct sample *c, uint16_t type)
{
	struct claim r = newest(c, type, type == ENG_EL_TEXT ? 0 : ENG_REVISION);

	if (!r.any)
		r = newest(c, type, ENG_MEMORY);
	if (r.any && r.what.clear)
		r.any = false;
	return r;
}

/* The newest live element of a type in one frame, CLEARs aside. */
static bool own(const struct sample *c, size_t i, uint16_t type, bool clear, struct stated *out)
{
	struct stated e[16];
	bool found = false;
	size_t n = elements_of(e, &c->spec[i]);

	for (size_t k = 0; k < n; k++)
		if (e[k].type == type && e[k].clear == clear && !named(c, i, e[k].index)) {
			*out = e[k];
			found = true;
		}
	return found;
}

static struct claim shown_vector(const struct sample *c)
{
	struct claim text = shown(c, ENG_EL_TEXT), best = {0};
	struct stated v, t;
	bool fits;

	for (size_t i = 0; i < c->n; i++) {
		if (c->spec[i].kind == ENG_FORGET || !model_live(c, i) || !own(c, i, ENG_EL_VECTOR, false, &v))
			continue;
		if (own(c, i, ENG_EL_TEXT, false, &t))
			fits = text.any && strcmp(t.value, text.what.value) == 0;
		else
			fits = !text.any || model_order(c, i, text.frame) >= 0;
		for (size_t k = 0; k < c->n; k++)
			if (c->spec[k].kind != ENG_FORGET && model_live(c, k) && model_order(c, k, i) > 0 &&
			    own(c, k, ENG_EL_VECTOR, true, &t))
				fits = false;
		if (fits && (!best.any || model_order(c, i, best.frame) > 0))
			best = (struct claim){true, i, v};
	}
	return best;
}

static bool same_or_absent(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

/* -- both as text, to be compared -------------------------------------------------------------- */

struct out {
	char p[TEXT];
	size_t n;
};

__attribute__((format(printf, 2, 3))) static void say(struct out *o, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	o->n += (size_t)vsnprintf(o->p + o->n, sizeof o->p - o->n, format, ap);
	va_end(ap);
}

static void say_dot(struct out *o, const struct eng_series *s, uint64_t seq, uint32_t check)
{
	say(o, " %c%d/%x", s->b[0], (int)seq, check);
}

static void model_field(struct out *o, const char *name, struct claim c)
{
	say(o, "%s=%s%s\n", name, c.any ? ":" : "", c.any ? c.what.value : "");
}

static void model_tags(struct out *o, const struct sample *c)
{
	const char *words[] = {"", "a", "ab", "b"};
	struct stated e[16];

	for (size_t w = 0; w < ENG_COUNT(words); w++) {
		bool on = false;
		for (size_t i = 0; i < c->n; i++) {
			size_t n = elements_of(e, &c->spec[i]);
			for (size_t k = 0; k < n && model_live(c, i); k++)
				on |= e[k].type == ENG_EL_TAG && !e[k].clear && !named(c, i, e[k].index) &&
				      strcmp(e[k].value, words[w]) == 0;
		}
		if (on)
			say(o, "tag=%s\n", words[w]);
	}
}

/* Live frames of a kind, newest first. */
static size_t model_list(size_t out[FRAMES_MAX], const struct sample *c, uint8_t kind)
{
	size_t n = 0, at;

	for (size_t i = 0; i < c->n; i++) {
		if (c->spec[i].kind != kind || !model_live(c, i))
			continue;
		for (at = n++; at > 0 && model_order(c, out[at - 1], i) < 0; at--)
			out[at] = out[at - 1];
		out[at] = i;
	}
	return n;
}

static void model_dots(struct out *o, const char *name, const struct sample *c, const size_t *v, size_t n)
{
	say(o, "%s", name);
	for (size_t i = 0; i < n; i++)
		say_dot(o, &c->f.v[v[i]]->h.series, c->f.v[v[i]]->h.seq, c->f.v[v[i]]->h.header_check);
	say(o, "\n");
}

/* What frame i says of a field: the last live element of it. */
static bool says(const struct sample *c, size_t i, uint16_t type, struct stated *out)
{
	struct stated e[16];

	if (!model_live(c, i))
		return false;
	for (size_t k = elements_of(e, &c->spec[i]); k-- > 0;)
		if (e[k].type == type && !named(c, i, e[k].index)) {
			*out = e[k];
			return true;
		}
	return false;
}

/* Whether frame i says of the field something else than what counts. */
static bool loses(const struct sample *c, size_t i, uint16_t type, struct stated *what)
{
	struct claim won = type == ENG_EL_VECTOR ? shown_vector(c) : shown(c, type);

	if (!says(c, i, type, what))
		return false;
	if (type == ENG_EL_VECTOR && (what->clear || c->spec[i].text))
		return false;
	return won.any ? what->clear || strcmp(what->value, won.what.value) != 0 : !what->clear;
}

static bool same_claim(const struct stated *a, const struct stated *b)
{
	return a->clear == b->clear && (a->clear || strcmp(a->value, b->value) == 0);
}

/* Of those who say the same the newest. */
static bool lost(const struct sample *c, size_t i, uint16_t type, struct stated *what)
{
	struct stated other;

	if (!loses(c, i, type, what))
		return false;
	for (size_t k = 0; k < c->n; k++)
		if (k != i && model_order(c, k, i) > 0 && loses(c, k, type, &other) && same_claim(what, &other))
			return false;
	return true;
}

static void model_claims(struct out *o, const struct sample *c)
{
	static const uint16_t fields[] = {ENG_EL_TEXT, ENG_EL_CONFIDENCE, ENG_EL_SOURCE, ENG_EL_VECTOR};
	size_t v[FRAMES_MAX], n = 0, at;
	struct stated what;

	for (size_t i = 0; i < c->n; i++) {
		bool any = false;
		for (size_t f = 0; f < ENG_COUNT(fields); f++)
			any |= lost(c, i, fields[f], &what);
		if (!any)
			continue;
		for (at = n++; at > 0 && model_order(c, v[at - 1], i) < 0; at--)
			v[at] = v[at - 1];
		v[at] = i;
	}
	model_dots(o, "conflicts", c, v, n);
	for (size_t f = 0; f < ENG_COUNT(fields); f++)
		for (size_t i = 0; i < n; i++)
			if (lost(c, v[i], fields[f], &what))
				say(o, "lost %u:%s%s\n", fields[f], what.clear ? "" : ":", what.value);
}

static int64_t model_stored(const struct sample *c)
{
	struct claim imported = shown(c, ENG_EL_STORED);
	eng_stamp first = 0;

	if (imported.any)
		return atoi(imported.what.value);
	for (size_t i = 0; i < c->n; i++)
		if (c->spec[i].kind == ENG_MEMORY && !c->spec[i].run && c->spec[i].stamp > model_forgotten(c) &&
		    (first == 0 || c->spec[i].stamp < first))
			first = c->spec[i].stamp;
	return eng_stamp_us(first);
}

static bool one_hour(eng_stamp a, eng_stamp b)
{
	return (a >> 16) / 3600000 == (b >> 16) / 3600000;
}

/* What is said of use: the first storing or use of each series and hour; of
 * judgements with the same features the last of each. */
static void model_evidence(struct out *o, const struct sample *c)
{
	eng_stamp stamps[FRAMES_MAX], after = model_forgotten(c);
	unsigned verdicts[2] = {0, 0};
	size_t n = 0;

	for (size_t i = 0; i < c->n; i++) {
		const struct frame_spec *s = &c->spec[i], *t;
		bool rehearsal = (s->kind == ENG_MEMORY || s->kind == ENG_USE) && !s->run && s->stamp > after;
		bool judgement = s->kind == ENG_FEEDBACK && s->verdict && model_live(c, i);
		for (size_t k = 0; k < c->n; k++) {
			t = &c->spec[k];
			if (k == i || t->series != s->series || !one_hour(s->stamp, t->stamp))
				continue;
			if ((t->kind == ENG_MEMORY || t->kind == ENG_USE) && !t->run && t->stamp > after)
				rehearsal &= model_order(c, i, k) < 0;
			if (t->kind == ENG_FEEDBACK && model_live(c, k) && same_or_absent(t->features, s->features))
				judgement &= model_order(c, i, k) > 0;
		}
		size_t at = n;
		for (; rehearsal && at > 0 && stamps[at - 1] > s->stamp; at--)
			stamps[at] = stamps[at - 1];
		if (rehearsal) {
			stamps[at] = s->stamp;
			n++;
		}
		if (judgement)
			verdicts[s->verdict == 1]++;
	}
	for (size_t i = 0; i < n; i++)
		say(o, "rehearsal=%lld\n", (long long)stamps[i]);
	say(o, "useful=%u useless=%u\n", verdicts[1], verdicts[0]);
}

static void model(struct out *o, const struct sample *c)
{
	size_t live[FRAMES_MAX], other[FRAMES_MAX], n = model_list(live, c, ENG_MEMORY);

	o->n = 0;
	say(o, "forgotten=%lld\n", (long long)model_forgotten(c));
	model_dots(o, "live", c, live, n);
	model_dots(o, "revisions", c, other, model_list(other, c, ENG_REVISION));
	if (n == 0)
		return;
	model_field(o, "text", shown(c, ENG_EL_TEXT));
	model_field(o, "confidence", shown(c, ENG_EL_CONFIDENCE));
	model_field(o, "source", shown(c, ENG_EL_SOURCE));
	model_field(o, "vector", shown_vector(c));
	say(o, "stored=%lld\n", (long long)model_stored(c));
	model_evidence(o, c);
	model_tags(o, c);
	model_claims(o, c);
}

/* The values of texts and vectors are found through the dot, as a reader of the
 * log does: a decoded item has only their length and hash. */
static const char *value_in_log(const struct sample *c, const struct eng_winner *w)
{
	static char text[64];
	struct stated e[16];

	for (size_t i = 0; i < c->n; i++)
		if (c->f.v[i]->h.seq == w->dot->dot.seq && c->f.v[i]->h.header_check == w->dot->header_check)
			for (size_t k = elements_of(e, &c->spec[i]); k-- > 0;)
				if (e[k].index == w->element->index) {
					snprintf(text, sizeof text, "%s", e[k].value);
					return text;
				}
	return "(not in the set)";
}

static void read_field(struct out *o, const char *name, const struct sample *c, const struct eng_winner *w)
{
	say(o, "%s=%s%s\n", name, w->element ? ":" : "", w->element ? value_in_log(c, w) : "");
}

static void read_dots(struct out *o, const char *name, const struct eng_dot_record *const *v, size_t n)
{
	say(o, "%s", name);
	for (size_t i = 0; i < n; i++)
		say_dot(o, &v[i]->dot.series, v[i]->dot.seq, v[i]->header_check);
	say(o, "\n");
}

static void read_evidence(struct out *o, const struct eng_item *item)
{
	const eng_stamp *stamps;
	struct eng_verdicts v;
	size_t n;

	if (eng_item_rehearsals(item, &stamps, &n, &err) != 0 || eng_item_verdicts(item, &v, &err) != 0) {
		say(o, "%s", err.message);
		return;
	}
	for (size_t i = 0; i < n; i++)
		say(o, "rehearsal=%lld\n", (long long)stamps[i]);
	say(o, "useful=%u useless=%u\n", v.useful, v.useless);
}

/* Of each field the first is what counts. */
static void read_claims(struct out *o, const struct sample *c, const struct eng_reading *r)
{
	for (size_t i = 1; i < r->nclaims; i++) {
		const struct eng_winner *by = &r->claims[i].by;
		bool clear = by->dot && by->element->type == ENG_EL_CLEAR;
		if (r->claims[i].field == r->claims[i - 1].field)
			say(o, "lost %u:%s%s\n", r->claims[i].field, clear ? "" : ":", value_in_log(c, by));
	}
}

static void reading(struct out *o, const struct sample *c, const struct eng_item *item)
{
	struct eng_reading r;

	o->n = 0;
	if (eng_item_read(item, &r, &err) != 0) {
		say(o, "%s", err.message);
		return;
	}
	say(o, "forgotten=%lld\n", (long long)r.forgotten);
	read_dots(o, "live", r.live_dots, r.nlive_dots);
	read_dots(o, "revisions", r.live_revisions, r.nlive_revisions);
	if (!r.live)
		return;
	read_field(o, "text", c, &r.text);
	read_field(o, "confidence", c, &r.confidence);
	read_field(o, "source", c, &r.source);
	read_field(o, "vector", c, &r.vector);
	say(o, "stored=%lld\n", (long long)r.stored_us);
	read_evidence(o, item);
	for (size_t i = 0; i < r.ntags; i++)
		say(o, "tag=%.*s\n", (int)r.tags[i].element->n, (const char *)r.tags[i].element->p);
	read_dots(o, "conflicts", r.conflicts, r.nconflicts);
	read_claims(o, c, &r);
}

/* -- deliveries ---------------------------------------------------------------------------------- */

static void shuffle(const struct eng_frame **v, size_t n, struct eng_rng *g)
{
	for (size_t i = n; i > 1; i--) {
		size_t k = eng_rng_below(g, i);
		const struct eng_frame *t = v[i - 1];
		v[i - 1] = v[k];
		v[k] = t;
	}
}

/* Through bytes and back, into an arena that the first one does not share. */
static void restore(struct eng_item *item, struct eng_arena *arena)
{
	struct eng_buf b = ENG_BUF_INIT;

	if (eng_item_encode(item, &b, &err) != 0 || eng_item_decode(item, &item->id, b.p, b.n, arena, &err) != 0)
		abort();
	eng_buf_free(&b);
}

static void deliver(struct eng_item *item, const struct eng_frame *const *v, size_t n, struct eng_arena *arena,
                    struct eng_rng *g)
{
	bool changed;

	eng_item_init(item, &frames_id, arena);
	for (size_t i = 0; i < n; i++) {
		if (eng_item_add(item, &changed, v[i], false, &err) != 0)
			abort();
		if (eng_rng_below(g, 4) == 0)
			restore(item, arena);
	}
}

/* The set in random order; some frames twice. */
static size_t random_delivery(const struct eng_frame **v, const struct sample *c, struct eng_rng *g)
{
	size_t n = 0;

	for (size_t i = 0; i < c->n; i++)
		for (uint64_t k = eng_rng_below(g, 3) ? 1 : 2; k > 0; k--)
			v[n++] = c->f.v[i];
	shuffle(v, n, g);
	return n;
}

static bool forgotten(const struct sample *c, size_t i)
{
	if (c->spec[i].kind == ENG_FORGET)
		return false;
	if (c->spec[i].stamp <= model_forgotten(c))
		return true;
	for (size_t k = 0; k < c->n; k++)
		for (int r = 0; r < FRAME_REFS && c->spec[k].kind == ENG_FORGET; r++)
			if (names(&c->spec[k].refs[r], c->f.v[i], 0))
				return true;
	return false;
}

static const struct eng_frame *any_forget(const struct sample *c)
{
	for (size_t i = 0; i < c->n; i++)
		if (c->spec[i].kind == ENG_FORGET)
			return c->f.v[i];
	return NULL;
}

/* -- the laws ------------------------------------------------------------------------------------- */

struct result {
	struct out text;
	struct eng_buf bytes;
	eng_u128 digest;
};

static void observe(struct result *r, const struct sample *c, const struct eng_item *item)
{
	reading(&r->text, c, item);
	eng_buf_reset(&r->bytes);
	eng_item_encode(item, &r->bytes, &err);
	eng_item_digest(item, &r->digest, &err);
}

static bool same_text(const struct out *a, const struct out *b)
{
	return a->n == b->n && memcmp(a->p, b->p, a->n) == 0;
}

static void law_join(const struct sample *c, const struct result *want, struct result *r, struct eng_arena *arena,
                     struct eng_rng *g, struct law_case *lc)
{
	const struct eng_frame *v[2 * FRAMES_MAX];
	struct eng_item item;

	for (int i = 0; i < 3; i++) {
		deliver(&item, v, random_delivery(v, c, g), arena, g);
		observe(r, c, &item);
		law_check(lc, same_text(&r->text, &want->text), "equal sets read equal");
		law_check(lc, r->digest == want->digest, "equal sets have equal digests");
		law_check(lc, r->bytes.n == want->bytes.n && memcmp(r->bytes.p, want->bytes.p, r->bytes.n) == 0,
		      "equal sets encode to equal bytes");
	}
}

/* Each forgotten frame arrives as a stub, or in full, or as both. */
static void law_stubs(struct sample *c, const struct result *want, struct result *r, struct eng_arena *arena,
                      struct eng_rng *g, struct law_case *lc)
{
	const struct eng_frame *v[2 * FRAMES_MAX], *killer = any_forget(c);
	struct eng_item item;
	size_t n = 0, purged = 0, count;
	struct eng_dot_record **dots;
	struct eng_dot *killers;

	if (!killer)
		return;
	for (size_t i = 0; i < c->n; i++) {
		uint64_t how = forgotten(c, i) ? eng_rng_below(g, 3) : 0;
		if (how != 1)
			v[n++] = c->f.v[i];
		if (how != 0)
			v[n++] = frames_stub(&c->f, c->f.v[i], killer);
		purged += forgotten(c, i) && how != 1;
	}
	shuffle(v, n, g);
	deliver(&item, v, n, arena, g);
	observe(r, c, &item);
	law_check(lc, same_text(&r->text, &want->text), "stub and full frame read equal");
	law_check(lc, r->digest == want->digest, "stub and full frame have equal digests");
	eng_item_purgeable(&item, &dots, &killers, &count, &err);
	law_check(lc, count == purged, "what a forget killed and is no stub is to be purged");
}

/* Without one of its frames, a set that reads differently has another digest. */
static void law_apart(const struct sample *c, const struct result *want, struct result *r, struct eng_arena *arena,
                      struct eng_rng *g, struct law_case *lc)
{
	const struct eng_frame *v[FRAMES_MAX];
	size_t without = eng_rng_below(g, c->n), n = 0;
	struct eng_item item;

	for (size_t i = 0; i < c->n; i++)
		if (i != without)
			v[n++] = c->f.v[i];
	deliver(&item, v, n, arena, g);
	observe(r, c, &item);
	law_check(lc, same_text(&r->text, &want->text) || r->digest != want->digest, "what reads differently has another digest");
}

static bool listed(const struct eng_reading *r, const struct eng_dot_record *d)
{
	for (size_t i = 0; i < r->nlive_dots; i++)
		if (r->live_dots[i]->header_check == d->header_check && r->live_dots[i]->stamp == d->stamp)
			return true;
	return false;
}

/* A memory dot that was there and dead does not come alive. */
static void law_monotone(const struct sample *c, struct eng_arena *arena, struct law_case *lc)
{
	struct eng_item before, after;
	struct eng_reading old, now;
	bool changed;

	eng_item_init(&after, &frames_id, arena);
	for (size_t i = 0; i < c->n; i++) {
		before = after;
		before.dots = eng_arena_dup(arena, after.dots, after.ndots * sizeof *after.dots);
		eng_item_read(&before, &old, &err);
		eng_item_add(&after, &changed, c->f.v[i], false, &err);
		law_check(lc, changed, "a new frame changes the item");
		eng_item_read(&after, &now, &err);
		for (size_t k = 0; k < before.ndots; k++)
			law_check(lc, listed(&old, &before.dots[k]) || !listed(&now, &before.dots[k]), "what is dead stays dead");
		eng_item_add(&after, &changed, c->f.v[i], false, &err);
		law_check(lc, !changed, "twice is once");
	}
}

static void one_case(struct law_case *lc)
{
	static struct result want, r;
	static struct out expected;
	struct eng_arena arena = ENG_ARENA_INIT;
	struct eng_item item;
	struct sample c;

	random_sample(&c, &lc->g);
	deliver(&item, (const struct eng_frame *const *)c.f.v, c.n, &arena, &lc->g);
	observe(&want, &c, &item);
	model(&expected, &c);
	law_check(lc, same_text(&want.text, &expected), "the reading is that of the model");
	if (lc->broken)
		tap_note("model:\n%.*s\nread:\n%.*s", (int)expected.n, expected.p, (int)want.text.n, want.text.p);
	law_join(&c, &want, &r, &arena, &lc->g, lc);
	law_stubs(&c, &want, &r, &arena, &lc->g, lc);
	law_apart(&c, &want, &r, &arena, &lc->g, lc);
	law_monotone(&c, &arena, lc);
	frames_free(&c.f);
	eng_arena_free(&arena);
}

/* -- sums over many items ---------------------------------------------------------------------------- */

enum { ITEMS = 40, ROUNDS = 400 };

static eng_u128 buckets[2][ENG_DIGEST_BUCKETS];

static void law_sums(struct law_case *lc)
{
	static struct sample c[ITEMS];
	struct eng_arena arena = ENG_ARENA_INIT;
	struct eng_item item[ITEMS];
	eng_u128 before, after;
	uint8_t kept[16], anew[16];
	eng_stamp last[3] = {0};
	bool changed;

	memset(buckets, 0, sizeof buckets);
	for (int i = 0; i < ITEMS; i++) {
		c[i] = (struct sample){.f = FRAMES_INIT};
		for (int k = 0; k < 16; k++)
			c[i].f.id.b[k] = (uint8_t)(eng_rng_next(&lc->g) | (k == 0));
		eng_item_init(&item[i], &c[i].f.id, &arena);
	}
	for (int round = 0; round < ROUNDS; round++) {
		size_t i = eng_rng_below(&lc->g, ITEMS);
		unsigned b = eng_digest_bucket(&item[i].id);
		if (c[i].n == FRAMES_MAX)
			continue;
		random_frame(&c[i], last, &lc->g);
		eng_item_digest(&item[i], &before, &err);
		eng_item_add(&item[i], &changed, c[i].f.v[c[i].n - 1], false, &err);
		eng_item_digest(&item[i], &after, &err);
		buckets[0][b] += after - before;
	}
	for (int i = 0; i < ITEMS; i++) {
		eng_item_digest(&item[i], &after, &err);
		buckets[1][eng_digest_bucket(&item[i].id)] += after;
		frames_free(&c[i].f);
	}
	law_check(lc, memcmp(buckets[0], buckets[1], sizeof buckets[0]) == 0, "sums kept up are sums computed anew");
	eng_digest_fold(kept, buckets[0]);
	eng_digest_fold(anew, buckets[1]);
	law_check(lc, memcmp(kept, anew, sizeof kept) == 0, "and so is the digest of the state");
	buckets[0][7] += 1;
	eng_digest_fold(kept, buckets[0]);
	law_check(lc, memcmp(kept, anew, sizeof kept) != 0, "which changes with any bucket");
	eng_arena_free(&arena);
}

static const struct law laws[] = {
	{"join, model, stubs, apart, monotone", one_case, 1},
	{"sums of many items", law_sums, 200},
};

int main(int argc, char **argv)
{
	return laws_main(argc, argv, laws, ENG_COUNT(laws));
}
